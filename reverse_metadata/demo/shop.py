"""The shop database: filled once, and looked at as often as somebody asks what arrived."""

from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING, Any

from reverse_metadata.demo.server import DemoError
from reverse_metadata.model import Path

if TYPE_CHECKING:
    import psycopg

DATABASE = "shop"
#: The role that the configuration connects as; see roles.sql.
WRITER = "rm_writer"


@dataclass(frozen=True, slots=True)
class ShopObject:
    """The database, a schema or a table of the shop, as PostgreSQL holds it.

    `name` is quoted as SQL wants it; `columns` are the comments of the columns by name.
    """

    path: Path
    name: str
    kind: str
    owner: str
    comment: str | None
    columns: dict[str, str | None] = field(default_factory=dict)


#: What the shop holds at one moment, in the order of the names.
Snapshot = tuple[ShopObject, ...]


def connect(host: str, database: str = DATABASE) -> "psycopg.Connection[dict[str, Any]]":
    """A connection as the superuser of the embedded server, whose socket stands in the directory `host`.

    Raises DemoError.
    """
    import psycopg
    from psycopg.rows import dict_row

    try:
        return psycopg.connect(host=host, dbname=database, user="postgres", autocommit=True, row_factory=dict_row)
    except psycopg.OperationalError as error:
        raise DemoError(f"the embedded PostgreSQL does not answer: {error}") from error


def fill(host: str) -> bool:
    """Create the roles and the database with its contents, unless they are there; False when they were.

    The database gets its name last, so that a half-filled one is never taken for the shop.
    """
    with connect(host, "postgres") as server:
        if server.execute("SELECT 1 FROM pg_database WHERE datname = 'shop'").fetchone():
            return False
        if not server.execute("SELECT 1 FROM pg_roles WHERE rolname = 'rm_writer'").fetchone():
            with server.transaction():
                server.execute(_script("roles.sql"))
        server.execute("DROP DATABASE IF EXISTS shop_being_filled")
        server.execute("CREATE DATABASE shop_being_filled OWNER loader")
        # The new owner of a schema needs CREATE on the database.
        server.execute("GRANT CREATE ON DATABASE shop_being_filled TO shop_owners")
        with connect(host, "shop_being_filled") as shop, shop.transaction():
            shop.execute(_script("shop.sql"))
        server.execute("ALTER DATABASE shop_being_filled RENAME TO shop")
    return True


def look(host: str) -> Snapshot:
    """What the shop holds now, read from PostgreSQL's own tables."""
    with connect(host) as shop:
        rows = shop.execute(_script("look.sql")).fetchall()
    found = (
        ShopObject(tuple(row["path"]), row["name"], row["kind"], row["owner"], row["comment"], row["columns"])
        for row in rows
    )
    return tuple(sorted(found, key=lambda one: [name.casefold() for name in one.path]))


def _script(name: str) -> bytes:
    return resources.files(__package__).joinpath(name).read_bytes()

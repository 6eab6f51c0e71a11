"""PostgreSQL, the one that comes as a wheel and Debian's: real engines behind a proxy that counts and loses."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from secrets import token_hex
from typing import Any, ClassVar, Literal

import pytest

from reverse_metadata.connectors.base import Connector
from reverse_metadata.connectors.postgres import PostgresConnector
from reverse_metadata.dialects.postgres import identifier
from reverse_metadata.model import Aspect, EntityType, Partition, Path
from reverse_metadata_tests.connectors.postgres.shop import Shop, a_shop
from reverse_metadata_tests.contract.peer import SERVICE, Peer
from reverse_metadata_tests.engines.proxy import Proxy

_COMMENTS = {
    EntityType.DATABASE: "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s",
    EntityType.SCHEMA: "SELECT obj_description(%s::regnamespace, 'pg_namespace')",
    EntityType.TABLE: "SELECT obj_description(%s::regclass, 'pg_class')",
    EntityType.COLUMN: "SELECT col_description(%s::regclass, (SELECT attnum FROM pg_attribute"
    " WHERE attrelid = %s::regclass AND attname = %s))",
}
_OWNERS = {
    EntityType.DATABASE: "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = %s",
    EntityType.SCHEMA: "SELECT nspowner::regrole::text FROM pg_namespace WHERE oid = %s::regnamespace",
    EntityType.TABLE: "SELECT relowner::regrole::text FROM pg_class WHERE oid = %s::regclass",
}


class _Counting(Proxy):
    """Counts what is asked and written, not what bounds a transaction."""

    asked = 0

    def statement(self, sql: bytes) -> bytes:
        if not sql.lstrip().startswith((b"BEGIN", b"SET", b"COMMIT", b"ROLLBACK")):
            self.asked += 1
        return sql


class Postgres(Peer):
    system: ClassVar[str] = "postgres"

    def __init__(self, shop: Shop, proxy: _Counting) -> None:
        self._shop, self._proxy = shop, proxy
        self.partition = Partition(SERVICE, shop.database, "sales")
        self.elsewhere = Partition(SERVICE, shop.database, "stock")
        self._team, self._writer = shop.role("NOLOGIN"), shop.role()
        shop.run(
            f"CREATE SCHEMA sales AUTHORIZATION {self._team}",
            f"CREATE SCHEMA stock AUTHORIZATION {self._writer}",
            f"GRANT USAGE ON SCHEMA sales TO {self._writer}",
        )

    def connector(self) -> Connector:
        return self._connected("postgres")

    def _connected(self, user: str, password: str = "") -> Connector:
        login = {"username": user, "password": password, "sslmode": "disable"}
        return PostgresConnector(self._shop.options(host=self._proxy.host, port=self._proxy.port, **login))

    def table(self, name: str, columns: Sequence[str] = ("id",), partition: Partition | None = None) -> Path:
        path = (*(partition or self.partition).path, name)
        listed = ", ".join(f"{identifier(column)} int" for column in columns)
        owner = self._writer if partition == self.elsewhere else self._team
        self._shop.run(f"CREATE TABLE {_named(path)} ({listed})", f"ALTER TABLE {_named(path)} OWNER TO {owner}")
        return path

    def kinds(self) -> Mapping[str, str]:
        wrapper = f"w_{token_hex(5)}"
        self._shop.run(
            "CREATE TABLE sales.orders (id int, amount int)",
            "CREATE TABLE sales.events (id int, at int) PARTITION BY LIST (at)",
            "CREATE VIEW sales.recent AS SELECT id FROM sales.orders",
            "CREATE MATERIALIZED VIEW sales.totals AS SELECT id FROM sales.orders",
            f"CREATE FOREIGN DATA WRAPPER {wrapper}",
            f"CREATE SERVER elsewhere FOREIGN DATA WRAPPER {wrapper}",
            "CREATE FOREIGN TABLE sales.remote (id int) SERVER elsewhere",
        )
        return {
            "orders": "table",
            "events": "partitioned table",
            "recent": "view",
            "totals": "materialized view",
            "remote": "foreign table",
        }

    def drop(self, table: Path) -> None:
        self._shop.run(f"DROP TABLE {_named(table)}")

    def stored(self, path: Path, aspect: Aspect = Aspect.DESCRIPTION, tag_key: str = "") -> str | None:
        return stored_in(self._shop.ask, path, aspect)

    @contextmanager
    def lost(self, when: Literal["before", "after"]) -> Iterator[None]:
        at = "COMMENT ON" if when == "before" else "COMMIT"
        with self._proxy.losing(at, deliver=when == "after") as loss:
            yield
        assert loss.happened == 1

    def requests(self) -> int:
        return self._proxy.asked

    def lacking(self) -> Connector:
        return self._connected(self._writer)

    def grant(self, grants: Sequence[str]) -> None:
        self._shop.run(*grants)

    def owner(self) -> str:
        return self._shop.role("NOLOGIN")

    def locked_out(self) -> tuple[Connector, Sequence[str]]:
        password = token_hex(8)
        return self._connected("nobody_of_this_name", password), [password]


def _named(path: Path) -> str:
    return ".".join(map(identifier, path[1:]))


def stored_in(ask: Callable[..., list[tuple[Any, ...]]], path: Path, aspect: Aspect) -> str | None:
    """What stands in a PostgreSQL; `ask` runs a query with %s for its parameters."""
    level = EntityType.of(path)
    named = _named(path[:3]) if len(path) > 1 else path[0]
    names = [named, named, path[3]] if level is EntityType.COLUMN else [named]
    ((value,),) = ask((_COMMENTS if aspect is Aspect.DESCRIPTION else _OWNERS)[level], *names)
    return None if value is None else str(value)


def postgres_18(request: pytest.FixtureRequest) -> AbstractContextManager[Postgres]:
    return _postgres(request.getfixturevalue("postgres_host"))


def postgres_15(request: pytest.FixtureRequest) -> AbstractContextManager[Postgres]:
    return _postgres(request.getfixturevalue("postgres_15_host"))


@contextmanager
def _postgres(host: str) -> Iterator[Postgres]:
    with a_shop(host) as shop, _Counting(host) as proxy:
        yield Postgres(shop, proxy)

"""Two schemas for one test, the people who work in them, and a connector to them."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from secrets import token_hex
from typing import Any

import pymysql

from reverse_metadata.connectors.mysql import MysqlConnector, MysqlOptions
from reverse_metadata.connectors.mysql.sql import quoted
from reverse_metadata.errors import SourceError
from reverse_metadata.model import Aspect, Outcome, Partition, Path, SourceState
from reverse_metadata_tests.contract.peer import SERVICE, change, errors

_COMMENTS = {
    1: "SELECT schema_comment FROM information_schema.schemata WHERE BINARY schema_name = %s",
    2: "SELECT table_comment FROM information_schema.tables WHERE table_schema = %s AND BINARY table_name = %s",
    3: "SELECT column_comment FROM information_schema.columns"
    " WHERE table_schema = %s AND BINARY table_name = %s AND BINARY column_name = %s",
}


class Shop:
    """Two schemas of a MariaDB, of which most tests need one; `run` and `ask` work as its superuser."""

    def __init__(self, socket: str) -> None:
        self.socket = socket
        self.sales, self.stock = (f"{name}_{token_hex(4)}" for name in ("sales", "stock"))
        self.accounts: list[str] = []
        self.partition = Partition(SERVICE, "default", self.sales)

    def connect(self, **options: Any) -> "pymysql.Connection[Any]":
        login = {"unix_socket": self.socket, "user": "root", "autocommit": True, "charset": "utf8mb4", **options}
        return pymysql.connect(**login)

    def run(self, *statements: str) -> None:
        with closing(self.connect()) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def ask(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(query, parameters or None)
            return list(cursor.fetchall())

    def account(self, *grants: str) -> tuple[str, str]:
        """A new account with these privileges and its password; it is dropped with the schemas."""
        name, password = f"user_{token_hex(4)}", token_hex(8)
        self.run(f"CREATE USER {name}@localhost IDENTIFIED BY '{password}'")
        self.accounts.append(f"{name}@localhost")
        self.run(*(f"GRANT {grant} TO {name}@localhost" for grant in grants))
        return name, password

    def options(self, **changed: Any) -> MysqlOptions:
        return MysqlOptions(**{"unix_socket": self.socket, "username": "root", **changed})

    @contextmanager
    def connector(self, **options: Any) -> Iterator[MysqlConnector]:
        with MysqlConnector(self.options(**options)) as connector:
            yield connector

    def path(self, *names: str) -> Path:
        """The path of something in `sales`."""
        return (*self.partition.path, *names)

    def read(self, **options: Any) -> SourceState:
        with self.connector(**options) as connector:
            return connector.read(self.partition)

    def push(self, wishes: Mapping[Path, str | None], **options: Any) -> list[Outcome]:
        """What became of the wishes, written by a new connector."""
        with self.connector(**options) as connector:
            state = connector.read(self.partition)
            changes = [change(path, text, state, Aspect.DESCRIPTION) for path, text in wishes.items()]
            return list(connector.execute(self.partition, connector.resolve(changes)))

    def failed(self, wishes: Mapping[Path, str | None], **options: Any) -> dict[str, SourceError]:
        """The error of each wish that could not be written, by the last name of its path."""
        return {path[-1]: error for path, error in errors(self.push(wishes, **options)).items()}

    def comment(self, *names: str) -> str | None:
        """What the engine holds of a schema, table or column."""
        ((comment,),) = self.ask(_COMMENTS[len(names)], *names)
        return None if comment is None else str(comment)

    def created(self, table: str) -> str:
        """SHOW CREATE TABLE, as whoever knows nothing of the connector's session sees it."""
        with closing(self.connect(use_unicode=False)) as connection, connection.cursor() as cursor:
            cursor.execute(f"SHOW CREATE TABLE {self.sales}.{quoted(table)}")
            ((_, text),) = cursor.fetchall()
            return bytes(text).decode("utf-8", "surrogateescape")


@contextmanager
def a_shop(socket: str) -> Iterator[Shop]:
    """Two empty schemas, dropped with everything in them and with the accounts."""
    shop = Shop(socket)
    shop.run(f"CREATE DATABASE {shop.sales}", f"CREATE DATABASE {shop.stock}")
    try:
        yield shop
    finally:
        shop.run(f"DROP DATABASE {shop.sales}", f"DROP DATABASE {shop.stock}")
        shop.run(*(f"DROP USER {account}" for account in shop.accounts))

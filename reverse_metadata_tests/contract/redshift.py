"""Redshift: its own driver before a PostgreSQL, with what Redshift has and PostgreSQL has not played."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from secrets import token_hex
from typing import ClassVar, Literal

import pytest

from reverse_metadata.connectors.base import Connector
from reverse_metadata.connectors.redshift import RedshiftConnector, RedshiftOptions
from reverse_metadata.dialects.redshift import REDSHIFT
from reverse_metadata.model import Aspect, Partition, Path
from reverse_metadata_tests.contract.peer import SERVICE, Peer
from reverse_metadata_tests.contract.postgres import stored_in
from reverse_metadata_tests.engines.redshift import User, Warehouse, refusals


class RedshiftPeer(Peer):
    system: ClassVar[str] = "redshift"

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self.partition = Partition(SERVICE, warehouse.database, "sales")
        self.elsewhere = Partition(SERVICE, warehouse.database, "stock")
        self._keeper, self._writer = warehouse.user(), warehouse.user()
        warehouse.run(
            f"CREATE SCHEMA sales AUTHORIZATION {self._keeper.name}",
            f"CREATE SCHEMA stock AUTHORIZATION {self._writer.name}",
            f"GRANT CREATE ON SCHEMA sales TO {self._writer.name}",
        )

    def connector(self) -> Connector:
        return self._connected(self._warehouse.admin)

    def _connected(self, user: User) -> Connector:
        options = {
            "host": self._warehouse.host,
            "port": self._warehouse.port,
            "database": self._warehouse.database,
            "username": user.name,
            "password": user.password,
            "sslmode": "disable",
        }
        return RedshiftConnector(RedshiftOptions.model_validate(options))

    def table(self, name: str, columns: Sequence[str] = ("id",), partition: Partition | None = None) -> Path:
        path = (*(partition or self.partition).path, name)
        listed = ", ".join(f"{REDSHIFT.identifier(column)} int" for column in columns)
        owner = self._writer if partition == self.elsewhere else self._keeper
        self._warehouse.run(
            f"CREATE TABLE {_named(path)} ({listed})", f"ALTER TABLE {_named(path)} OWNER TO {owner.name}"
        )
        return path

    def kinds(self) -> Mapping[str, str]:
        self._warehouse.run(
            "CREATE TABLE sales.orders (id int, amount int)", "CREATE VIEW sales.recent AS SELECT id FROM sales.orders"
        )
        self._warehouse.materialized_view("sales", "totals", "SELECT id FROM sales.orders")
        self._warehouse.late_binding_view("sales", "late", {"id": "integer"})
        return {"orders": "table", "recent": "view", "totals": "materialized view", "late": "late-binding view"}

    def drop(self, table: Path) -> None:
        self._warehouse.run(f"DROP TABLE {_named(table)}")

    def stored(self, path: Path, aspect: Aspect = Aspect.DESCRIPTION, tag_key: str = "") -> str | None:
        return stored_in(self._warehouse.ask, path, aspect)

    @contextmanager
    def lost(self, when: Literal["before", "after"]) -> Iterator[None]:
        at = "COMMENT ON" if when == "before" else "COMMIT"
        with self._warehouse.losing(at, deliver=when == "after") as loss:
            yield
        assert loss.happened == 1

    def requests(self) -> int:
        return self._warehouse.asked

    def lacking(self) -> Connector:
        return self._connected(self._writer)

    def grant(self, grants: Sequence[str]) -> None:
        self._warehouse.run(*grants)

    def owner(self) -> str:
        return self._warehouse.user().name

    def locked_out(self) -> tuple[Connector, Sequence[str]]:
        password = token_hex(8)
        return self._connected(User(self._writer.name, password)), [password]


def _named(path: Path) -> str:
    return ".".join(map(REDSHIFT.identifier, path[1:]))


@contextmanager
def redshift(request: pytest.FixtureRequest) -> Iterator[RedshiftPeer]:
    with refusals():
        yield RedshiftPeer(request.getfixturevalue("warehouse"))

"""ClickHouse's own engine behind HTTP of ours, which counts and loses. Its one login has the privileges of the hour."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from secrets import token_hex
from typing import Any, ClassVar, Literal

import pytest

from reverse_metadata.connectors.base import Connector
from reverse_metadata.connectors.clickhouse import ClickHouseConnector, ClickHouseOptions
from reverse_metadata.dialects.clickhouse import CLICKHOUSE
from reverse_metadata.model import Aspect, EntityType, Partition, Path
from reverse_metadata_tests.contract.peer import SERVICE, Peer
from reverse_metadata_tests.engines.asked import Refused
from reverse_metadata_tests.engines.clickhouse_http import ClickHouseFront

_STORED = {
    EntityType.SCHEMA: "SELECT comment FROM system.databases WHERE name = {}",
    EntityType.TABLE: "SELECT comment FROM system.tables WHERE database = {} AND name = {}",
    EntityType.COLUMN: "SELECT comment FROM system.columns WHERE database = {} AND table = {} AND name = {}",
}
#: What the driver asks when it connects.
_LOGIN = ("SELECT version(), timezone()", "FROM system.settings", "SELECT 1 AS check")


class ClickHouse(Peer):
    system: ClassVar[str] = "clickhouse"

    def __init__(self, front: ClickHouseFront) -> None:
        self._front = front
        name = f"sales_{token_hex(4)}"
        self.partition = Partition(SERVICE, "default", name)
        self.elsewhere = Partition(SERVICE, "default", f"stock {token_hex(4)}")
        for partition in (self.partition, self.elsewhere):
            front.run(f"CREATE DATABASE {_named(partition.path)}")
        self._privileges = ExitStack()
        self._granted: list[str] = []

    def close(self) -> None:
        """Drop both schemas."""
        self._privileges.close()
        for partition in (self.partition, self.elsewhere):
            self._front.run(f"DROP DATABASE {_named(partition.path)} SYNC")

    def connector(self) -> Connector:
        self._privileges.close()
        return self._connected(self._front.password)

    def _connected(self, password: str) -> Connector:
        options = {"host": "127.0.0.1", "port": self._front.port, "username": self._front.user, "password": password}
        return ClickHouseConnector(ClickHouseOptions(**options))

    def table(self, name: str, columns: Sequence[str] = ("id",), partition: Partition | None = None) -> Path:
        path = (*(partition or self.partition).path, name)
        listed = ", ".join(f"{_quoted(column)} Int32" for column in columns)
        self._front.run(f"CREATE TABLE {_named(path)} ({listed}) ENGINE = MergeTree ORDER BY tuple()")
        return path

    def kinds(self) -> Mapping[str, str]:
        schema = _named(self.partition.path)
        for statement in (
            "CREATE TABLE {}.orders (id Int32, lines Nested(item String, amount Int32)) ENGINE = MergeTree ORDER BY id",
            "CREATE TABLE {}.memory (id Int32) ENGINE = Memory",
            "CREATE TABLE {}.log (id Int32) ENGINE = Log",
            "CREATE TABLE {}.nothing (id Int32) ENGINE = Null",
            "CREATE TABLE {}.members (id Int32) ENGINE = Set",
            "CREATE TABLE {}.joined (id Int32, name String) ENGINE = Join(ANY, LEFT, id)",
            "CREATE TABLE {}.buffered (id Int32) ENGINE = Buffer({}, memory, 1, 10, 100, 10, 100, 10, 100)",
            "CREATE TABLE {}.merged (id Int32) ENGINE = Merge({}, '^orders$')",
            "CREATE TABLE {}.remote (id Int32) ENGINE = URL('http://127.0.0.1:1/', CSV)",
            "CREATE TABLE {}.other_name ENGINE = Alias({}, orders)",
            "CREATE VIEW {}.recent AS SELECT id FROM {}.orders",
            "CREATE MATERIALIZED VIEW {}.totals ENGINE = MergeTree ORDER BY id AS SELECT id FROM {}.orders",
            "CREATE MATERIALIZED VIEW {}.copied TO {}.memory AS SELECT id FROM {}.orders",
            "CREATE DICTIONARY {}.looked_up (id UInt64, name String) PRIMARY KEY id"
            " SOURCE(NULL()) LAYOUT(FLAT()) LIFETIME(0)",
            "CREATE TEMPORARY TABLE IF NOT EXISTS passing (id Int32)",
        ):
            self._front.run(statement.replace("{}", schema))
        tables = ("orders", "memory", "log", "nothing", "members", "joined", "buffered", "merged", "remote")
        return dict.fromkeys(tables, "table") | {
            "other_name": "alias",
            "recent": "view",
            "totals": "materialized view",
            "copied": "materialized view to a table",
            "looked_up": "dictionary",
        }

    def drop(self, table: Path) -> None:
        self._front.run(f"DROP TABLE {_named(table)} SYNC")

    def stored(self, path: Path, aspect: Aspect = Aspect.DESCRIPTION, tag_key: str = "") -> str | None:
        ((comment,),) = self._front.run(_STORED[EntityType.of(path)].format(*map(CLICKHOUSE.literal, path[1:])))
        return str(comment)

    @contextmanager
    def lost(self, when: Literal["before", "after"]) -> Iterator[None]:
        sent = self._front.count("ALTER TABLE")
        self._front.lose_next(when, "ALTER TABLE")
        yield
        # Once lost, and once more for good.
        assert self._front.count("ALTER TABLE") == sent + 2

    def requests(self) -> int:
        return sum(not any(login in name for login in _LOGIN) for name in self._front.requests)

    def lacking(self) -> Connector:
        self._privileges.close()
        schema = _named(self.partition.path)
        denied = f"REVOKE ALTER COMMENT COLUMN, ALTER MODIFY COMMENT ON {schema}.*"
        self._privileges.enter_context(self._front.granted("GRANT ALL ON *.*", denied, *self._granted))
        return self._connected(self._front.password)

    def grant(self, grants: Sequence[str]) -> None:
        for grant in grants:
            # The engine has its one user from a file: it reads the grant, and cannot keep it.
            with pytest.raises(Refused, match=r"Not enough privileges|\(ACCESS_STORAGE_READONLY\)"):
                self._front.run(grant)
            privileges, user = grant.removesuffix(";").rsplit(" TO ", 1)
            assert user == _quoted(self._front.user)
            self._granted.append(privileges)

    def locked_out(self) -> tuple[Connector, Sequence[str]]:
        password = token_hex(8)
        return self._connected(password), [password]


def _named(path: Path) -> str:
    return ".".join(map(_quoted, path[1:3]))


def _quoted(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


@contextmanager
def clickhouse(request: pytest.FixtureRequest) -> Iterator[ClickHouse]:
    front: Any = request.getfixturevalue("clickhouse_http")
    peer = ClickHouse(front)
    try:
        yield peer
    finally:
        peer.close()

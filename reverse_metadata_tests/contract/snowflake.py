"""Snowflake: the vendor's driver, and a stand-in of ours behind it. That Snowflake agrees is not proven by it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from secrets import token_hex
from typing import ClassVar, Literal

import pytest

from reverse_metadata.connectors.base import Connector
from reverse_metadata.connectors.snowflake import SnowflakeConnector, SnowflakeOptions
from reverse_metadata.model import Aspect, EntityType, Partition, Path
from reverse_metadata_tests.contract.peer import SERVICE, Peer
from reverse_metadata_tests.engines.snowflake import SnowflakeStandIn

#: Somebody's, from whom the writers inherit.
_TEAM, _WRITER, _OTHER = "SALES_OWNER", "WRITER", "STOCK_WRITER"
_HOME = ("GOVERNANCE", "TAGS")


class Snowflake(Peer):
    system: ClassVar[str] = "snowflake"
    tags: ClassVar[Mapping[EntityType, tuple[tuple[str, str, str], ...]]] = dict.fromkeys(
        EntityType, (("PII", "Sensitive", "it's \\ 'None'"), ("Cost Center", "42", "🎉"))
    )

    def __init__(self, front: SnowflakeStandIn) -> None:
        self.front, self.account = front, front.account
        database = f"Shop_{token_hex(3)}"
        self.partition = Partition(SERVICE, database, "sales")
        self.elsewhere = Partition(SERVICE, database, "STOCK")
        account = self.account
        account.role(_TEAM)
        account.role(_OTHER)
        account.role(_WRITER, _TEAM, _OTHER)
        account.create("database", (database,), owner=_TEAM)
        account.create("schema", (database, "sales"), owner=_TEAM)
        account.create("schema", (database, "STOCK"), owner=_OTHER)
        account.create("database", _HOME[:1])
        account.create("schema", _HOME)
        for key in ("PII", "Cost Center"):
            front.administer(f'CREATE TAG GOVERNANCE.TAGS."{key}"')
        account.roles["ACCOUNTADMIN"] |= {_TEAM, _OTHER}
        account.granted("USAGE", "DATABASE", _HOME[:1], _WRITER)
        account.granted("USAGE", "SCHEMA", _HOME, _WRITER)
        account.granted("MANAGE GRANTS", "ACCOUNT", (), _WRITER)
        account.granted("APPLY TAG", "ACCOUNT", (), _WRITER)
        account.granted("USAGE", "DATABASE", (database,), _OTHER)
        account.granted("USAGE", "SCHEMA", (database, "sales"), _OTHER)
        self.writer, self.other = front.user(_WRITER), front.user(_OTHER)

    def connector(self) -> Connector:
        return self.connected(*self.writer)

    def connected(self, user: str, password: str, **options: object) -> SnowflakeConnector:
        address = {"host": "127.0.0.1", "port": self.front.port, "protocol": "http", "keep_alive": False}
        login = {"account": "acme-shop", "username": user, "password": password, "warehouse": "READING"}
        given = {**address, **login, "tags": {"home": "governance.tags"}, **options}
        return SnowflakeConnector(SnowflakeOptions.model_validate(given))

    def table(self, name: str, columns: Sequence[str] = ("id",), partition: Partition | None = None) -> Path:
        path = (*(partition or self.partition).path, name)
        owner = _OTHER if partition == self.elsewhere else _TEAM
        self.account.create("table", path, columns, owner)
        if partition != self.elsewhere:
            # Whoever may read a table sees it.
            self.account.granted("SELECT", "TABLE", path, _OTHER)
        return path

    def kinds(self) -> Mapping[str, str]:
        kinds = {
            "orders": "table",
            "STAGING": "transient table",
            "lake": "external table",
            "hourly": "dynamic table",
            "ice": "iceberg table",
            "EVENTS": "event table",
            "fast": "hybrid table",
            "recent": "view",
            "totals": "materialized view",
        }
        for name, kind in kinds.items():
            self.account.create(kind, self.path(name), ("id", "Amount"), _TEAM)
        self.account.create("secure view", self.path("hidden"), ("id", "Amount"), _TEAM)
        return {**kinds, "hidden": "view"}

    def drop(self, table: Path) -> None:
        del self.account.objects[table]

    def stored(self, path: Path, aspect: Aspect = Aspect.DESCRIPTION, tag_key: str = "") -> str | None:
        found = self.account.objects[path[:3]]
        column = path[3] if len(path) > 3 else None
        match aspect:
            case Aspect.DESCRIPTION:
                return found.comments.get(column)
            case Aspect.TAGS:
                return found.tags.get(column, {}).get((*_HOME, tag_key))
            case Aspect.OWNER:
                return found.owner

    @contextmanager
    def lost(self, when: Literal["before", "after"]) -> Iterator[None]:
        before = len(self.front.requests)
        self.front.lose_next(when, "COMMENT")
        yield
        sent = [name for name in self.front.requests[before:] if "COMMENT" in name]
        assert len(sent) > len(set(sent))

    def requests(self) -> int:
        return self.front.statements

    def lacking(self) -> Connector:
        return self.connected(*self.other)

    def grant(self, grants: Sequence[str]) -> None:
        self.front.administer(*grants)

    def owner(self) -> str:
        return self.account.role(f"owner {token_hex(3)}")

    def locked_out(self) -> tuple[Connector, Sequence[str]]:
        password = token_hex(8)
        return self.connected("nobody_of_this_name", password), [password]


@contextmanager
def snowflake(request: pytest.FixtureRequest) -> Iterator[Snowflake]:
    yield Snowflake(request.getfixturevalue("snowflake_standin"))

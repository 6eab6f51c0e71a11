"""Trino with its catalogs of memory, Iceberg and Hive, behind a front that asks for passwords, counts and loses."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from secrets import token_hex
from typing import Any, ClassVar, Literal

import pytest

from reverse_metadata.connectors.base import Connector
from reverse_metadata.connectors.trino import TrinoConnector, TrinoOptions
from reverse_metadata.model import Aspect, EntityType, Partition, Path
from reverse_metadata_tests.contract.peer import SERVICE, Peer
from reverse_metadata_tests.engines.trino import Trino as Server
from reverse_metadata_tests.engines.trino_https import TrinoFront


class Trino(Peer):
    system: ClassVar[str] = "trino"
    large: ClassVar[int] = 2
    knows_its_users: ClassVar[bool] = False
    #: The catalog, which has the name of the connector behind it.
    catalog: ClassVar[str]
    #: What has an owner here.
    owned: ClassVar[tuple[EntityType, ...]] = ()

    def __init__(self, front: TrinoFront, mended: ExitStack) -> None:
        self.front, self._mended = front, mended
        self._described: tuple[object, Mapping[str, str]] = (None, {})
        suffix = token_hex(5)
        self.partition = Partition(SERVICE, self.catalog, f"locked_{suffix}")
        self.elsewhere = Partition(SERVICE, self.catalog, f"shop_{suffix}")

    @property
    def schemas(self) -> list[str]:
        """Both, as SQL."""
        return [_named(partition.path) for partition in (self.partition, self.elsewhere)]

    @property
    def capabilities(self) -> Any:
        levels = {**TrinoConnector.capabilities.levels, Aspect.OWNER: self.owned}
        return replace(TrinoConnector.capabilities, levels=levels)

    def connector(self) -> Connector:
        return self._connected("tests")

    def _connected(self, user: str, **options: Any) -> Connector:
        return TrinoConnector(TrinoOptions(**self.front.options(user, **options)))

    def table(self, name: str, columns: Sequence[str] = ("id",), partition: Partition | None = None) -> Path:
        path = (*(partition or self.partition).path, name)
        self.ask(f"CREATE TABLE {_named(path)} ({', '.join(f'{_quoted(column)} integer' for column in columns)})")
        return path

    def kinds(self) -> Mapping[str, str]:
        orders = _named(self.path("orders"))
        self.ask(f"CREATE TABLE {orders} (id integer, amount integer)")
        self.ask(f"CREATE VIEW {_named(self.path('recent'))} AS SELECT id FROM {orders}")
        return {"orders": "table", "recent": "view"}

    def drop(self, table: Path) -> None:
        self.ask(f"DROP TABLE {_named(table)}")

    def stored(self, path: Path, aspect: Aspect = Aspect.DESCRIPTION, tag_key: str = "") -> str | None:
        if aspect is Aspect.OWNER:
            return self._owner(path)
        if len(path) == 4:
            return self._columns(path[:3])[path[3]]
        catalog, schema, table = map(_literal, path)
        ((comment,),) = self.ask(
            f"SELECT comment FROM system.metadata.table_comments WHERE catalog_name = {catalog}"
            f" AND schema_name = {schema} AND table_name = {table}"
        )
        return None if comment is None else str(comment)

    def _columns(self, table: Path) -> Mapping[str, str]:
        """The comments of a table's columns, asked for again once anything was sent in between."""
        asked = (table, len(self.front.statements))
        if self._described[0] != asked:
            described = self.ask(f"DESCRIBE {_named(table)}")
            self._described = (asked, {name: comment for name, _, _, comment in described})
        return self._described[1]

    def _owner(self, path: Path) -> str:
        """As the file metastore holds it: Trino does not tell."""
        lake = self.front.trino.rules.parent / "lake" / self.catalog
        if len(path) == 2:
            return str(json.loads((lake / f".{path[1]}.trinoSchema").read_text())["ownerName"])
        return str(json.loads((lake / path[1] / path[2] / ".trinoSchema").read_text())["owner"])

    def lost(self, when: Literal["before", "after"]) -> AbstractContextManager[None]:
        return self.front.losing(when, "COMMENT ON")

    def requests(self) -> int:
        return self.front.asked

    def lacking(self) -> Connector:
        return self._connected("steward")

    def grant(self, grants: Sequence[str]) -> None:
        rules: dict[str, list[dict[str, Any]]] = {}
        for section, listed in (each for grant in grants for each in json.loads(grant).items()):
            rules.setdefault(section, []).extend(listed)
        self._mended.enter_context(self.front.trino.ruled(**rules))

    def owner(self) -> str:
        return f"owner_{token_hex(5)}"

    def locked_out(self) -> tuple[Connector, Sequence[str]]:
        password = token_hex(8)
        return self._connected("tests", password=password), [password]

    def ask(self, sql: str) -> list[list[Any]]:
        """The rows of an administrator's statement, past the front."""
        return self.front.trino.ask(sql)


class Memory(Trino):
    catalog: ClassVar[str] = "memory"
    # In lower case, to which Trino folds all others.
    names: ClassVar[tuple[str, ...]] = tuple(name.lower() for name in Peer.names)


class _Lake(Trino):
    # The metastore of files writes other names in another way.
    names: ClassVar[tuple[str, ...]] = ("select", "äö 日本", "-- x")


class Iceberg(_Lake):
    catalog: ClassVar[str] = "iceberg"
    owned: ClassVar[tuple[EntityType, ...]] = (EntityType.SCHEMA,)

    def kinds(self) -> Mapping[str, str]:
        kinds = super().kinds()
        self.ask(
            f"CREATE MATERIALIZED VIEW {_named(self.path('totals'))} AS SELECT id FROM {_named(self.path('orders'))}"
        )
        return {**kinds, "totals": "materialized view"}


class Hive(_Lake):
    catalog: ClassVar[str] = "hive"
    owned: ClassVar[tuple[EntityType, ...]] = (EntityType.SCHEMA, EntityType.TABLE)

    def kinds(self) -> Mapping[str, str]:
        events = _named(self.path("events"))
        self.ask(f"CREATE TABLE {events} (id integer, at integer) WITH (partitioned_by = ARRAY['at'])")
        return {**super().kinds(), "events": "table"}


def _named(path: Path) -> str:
    return ".".join(map(_quoted, path))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def memory(request: pytest.FixtureRequest) -> AbstractContextManager[Trino]:
    return _opened(Memory, request)


def iceberg(request: pytest.FixtureRequest) -> AbstractContextManager[Trino]:
    return _opened(Iceberg, request)


def hive(request: pytest.FixtureRequest) -> AbstractContextManager[Trino]:
    return _opened(Hive, request)


@contextmanager
def _opened(peer: type[Trino], request: pytest.FixtureRequest) -> Iterator[Trino]:
    server: Server = request.getfixturevalue("trino_server")
    with TrinoFront(server) as front, ExitStack() as mended:
        each = peer(front, mended)
        for schema in each.schemas:
            each.ask(f"CREATE SCHEMA {schema}")
        try:
            yield each
        finally:
            for schema in each.schemas:
                each.ask(f"DROP SCHEMA {schema} CASCADE")

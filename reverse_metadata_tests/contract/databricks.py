"""Databricks and Unity Catalog: the vendor's client before a stand-in of ours, which proves little of the engine."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from secrets import token_hex
from typing import Any, ClassVar, Literal

import pytest

from reverse_metadata.connectors.base import Connector
from reverse_metadata.connectors.databricks import DatabricksConnector, DatabricksOptions, UnityCatalogConnector
from reverse_metadata.connectors.databricks.login import arguments
from reverse_metadata.model import Aspect, EntityType, Partition, Path
from reverse_metadata_tests.contract.peer import SERVICE, Peer
from reverse_metadata_tests.engines.databricks import HTTP_PATH, DatabricksStandIn

_WRITER, _READER = "writer@example.com", "reader@example.com"


class Databricks(Peer):
    system: ClassVar[str] = "databricks"
    connector_type: ClassVar[type[DatabricksConnector]] = DatabricksConnector
    #: Tables have no dots, blanks or capital letters in their names.
    names: ClassVar[tuple[str, ...]] = (
        "it's",
        'dou"ble',
        "back`tick",
        "back\\slash",
        "select",
        "äö_日本",
        "--x",
        "$x",
        "9lives",
    )
    knows_its_users: ClassVar[bool] = False
    tags: ClassVar[Mapping[EntityType, tuple[tuple[str, str, str], ...]]] = dict.fromkeys(
        EntityType, (("PII", "it's \\ ${env:HOME}", "none"), ("cost centre", "4711", ""))
    )

    def __init__(self, workspace: DatabricksStandIn) -> None:
        self.workspace, self._store = workspace, workspace.metastore
        self.partition = Partition(SERVICE, "main", "sales")
        self.elsewhere = Partition(SERVICE, "main", "stock")
        self._tokens = {user: workspace.token(user) for user in (_WRITER, _READER)}
        self._store.create(("main",), _WRITER)
        for partition in (self.partition, self.elsewhere):
            self._store.create(partition.path, _WRITER)
            self._store.grant(_READER, "USE SCHEMA", partition.path)
            self._store.grant(_READER, "SELECT", partition.path)
        # Whoever gives something away still has to read it.
        for privilege in ("USE CATALOG", "USE SCHEMA", "SELECT", "MANAGE"):
            self._store.grant(_WRITER, privilege, ("main",))
        self._store.grant(_READER, "USE CATALOG", ("main",))
        self._store.grant(_READER, "MODIFY", self.elsewhere.path)

    def connector(self) -> Connector:
        return self._connected(self._tokens[_WRITER])

    def _connected(self, token: str) -> Connector:
        return to(self.workspace, token, self.connector_type)

    def table(self, name: str, columns: Sequence[str] = ("id",), partition: Partition | None = None) -> Path:
        path = (*(partition or self.partition).path, name)
        self._store.create(path, _WRITER, columns=dict.fromkeys(columns, "int"))
        return path

    def kinds(self) -> Mapping[str, str]:
        columns = {
            "id": "int",
            "place": "struct<city:string,geo:struct<lat:double>>",
            "lines": "array<struct<q:int,parts:array<struct<no:int>>>>",
            "labels": "map<string,struct<v:int>>",
        }
        kinds = {
            "orders": ("MANAGED", "DELTA", "table"),
            "shared": ("EXTERNAL", "DELTA", "external table"),
            "files": ("EXTERNAL", "PARQUET", "plain table"),
            "recent": ("VIEW", "UNKNOWN_DATA_SOURCE_FORMAT", "view"),
            "totals": ("MATERIALIZED_VIEW", "DELTA", "materialized view"),
            "events": ("STREAMING_TABLE", "DELTA", "streaming table"),
            "remote": ("FOREIGN", "POSTGRESQL_FORMAT", "foreign table"),
        }
        for name, (table_type, format, _) in kinds.items():
            path = self.path(name)
            self._store.create(path, _WRITER, table_type=table_type, format=format, columns=columns)
        return {name: kind for name, (_, _, kind) in kinds.items()}

    def drop(self, table: Path) -> None:
        self._store.drop(table)

    def stored(self, path: Path, aspect: Aspect = Aspect.DESCRIPTION, tag_key: str = "") -> str | None:
        found: Any = self._store.objects[path[:3]]
        for name in path[3:]:
            parts = found.columns if hasattr(found, "columns") else found.type.parts
            while [part.name for part in parts] == ["element"]:
                parts = parts[0].type.parts
            (found,) = (part for part in parts if part.name == name)
        value: str | None = found.comment
        if aspect is not Aspect.DESCRIPTION:
            value = found.owner if aspect is Aspect.OWNER else found.tags.get(tag_key)
        return value

    @contextmanager
    def lost(self, when: Literal["before", "after"]) -> Iterator[None]:
        before = len(self.workspace.statements)
        self.workspace.lose_next(when, "ExecuteStatement COMMENT ON")
        yield
        sent = [statement for statement in self.workspace.statements[before:] if statement.startswith("COMMENT ON")]
        # Once by the connector, and never by the client.
        assert len(sent) == 2

    def requests(self) -> int:
        return len(self.workspace.statements)

    def lacking(self) -> Connector:
        return self._connected(self._tokens[_READER])

    def grant(self, grants: Sequence[str]) -> None:
        for grant in grants:
            self.workspace.run(grant)

    def owner(self) -> str:
        group = f"data team {token_hex(4)}"
        self._store.principals.add(group)
        return group

    def locked_out(self) -> tuple[Connector, Sequence[str]]:
        token = f"dapi{token_hex(16)}"
        return self._connected(token), [token]


class UnityCatalog(Databricks):
    system: ClassVar[str] = "unitycatalog"
    connector_type: ClassVar[type[DatabricksConnector]] = UnityCatalogConnector


def to(
    workspace: DatabricksStandIn,
    token: str | None,
    connector_type: type[DatabricksConnector] = DatabricksConnector,
    **options: Any,
) -> DatabricksConnector:
    """A connector of the stand-in, which speaks no TLS."""

    def told(self: DatabricksConnector) -> dict[str, Any]:
        return {**arguments(self.options), **workspace.arguments()}

    fields = {"host": "127.0.0.1", "http_path": HTTP_PATH, "token": token, **options}
    connected = type("Connected", (connector_type,), {"arguments": told})(DatabricksOptions.model_validate(fields))
    assert isinstance(connected, DatabricksConnector)
    return connected


@contextmanager
def databricks_peer(request: pytest.FixtureRequest) -> Iterator[Databricks]:
    yield Databricks(request.getfixturevalue("databricks"))


@contextmanager
def unitycatalog_peer(request: pytest.FixtureRequest) -> Iterator[UnityCatalog]:
    yield UnityCatalog(request.getfixturevalue("databricks"))

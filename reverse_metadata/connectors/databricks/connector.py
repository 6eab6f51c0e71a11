"""Databricks through its own SQL connector: a workspace with Unity Catalog, its Hive metastore, or both.

Every statement is committed by itself. Describing columns of a Delta table is a commit in its log, and two at once
make one of them fail, so a run sends one after the other, as few as there can be, and tries again what another writer
came in between.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import groupby
from typing import Any, ClassVar

from reverse_metadata.connectors.base import (
    Capabilities,
    ConnectorOptions,
    Missing,
    Need,
    Permit,
    Principal,
    Requests,
    TagLimits,
)
from reverse_metadata.connectors.characters import storable
from reverse_metadata.connectors.databricks import failures, grants, kinds, legacy, login, reading, sql
from reverse_metadata.connectors.databricks.options import DatabricksOptions, options_from_catalog
from reverse_metadata.connectors.refusals import Refusal, granting
from reverse_metadata.connectors.sql import Parameters, Row, SqlConnector
from reverse_metadata.errors import Reason, SourceError, Unwritable
from reverse_metadata.model import (
    Aspect,
    Change,
    EntityType,
    Outcome,
    Partition,
    Path,
    SourceObject,
    SourceState,
    Statement,
    Verdict,
)

_ALL = (EntityType.DATABASE, EntityType.SCHEMA, EntityType.TABLE, EntityType.COLUMN)
_CAPABILITIES = Capabilities(
    levels={Aspect.DESCRIPTION: _ALL, Aspect.TAGS: _ALL, Aspect.OWNER: _ALL[:3]},
    transactional=False,
    # The comments of fields are told table by table.
    requests=Requests(schema=4, table=1),
    together=True,
    statements=2,
    # https://docs.databricks.com/aws/en/database-objects/tags#constraint
    tags=TagLimits(
        max_key=255,
        max_value=1000,
        max_tags=50,
        key_characters=r"^.,\-=/:\x00-\x1f",
        valueless=True,
        placeholder="DATABRICKS_TAGS",
    ),
)
#: Groups that everybody, or every administrator, is in.
_TOO_MANY = ("admins", "account users", "users")
_METASTORE = "SELECT current_metastore()"
#: Errors of a workspace that has no metastore.
_WITHOUT_METASTORE = ("METASTORE_DOES_NOT_EXIST", "UC_NOT_ENABLED", "UNRESOLVED_ROUTINE")


class DatabricksConnector(SqlConnector):
    """Reads and writes the catalogs of one workspace. Not to be shared by threads."""

    system: ClassVar[str] = "databricks"
    title: ClassVar[str] = "Databricks"
    versions: ClassVar[str] = "SQL warehouses, Databricks Runtime 16.1 and later"
    tried_on: ClassVar[str] = "a stand-in of ours behind the vendor's client; texts on Spark 4.1"
    service_types: ClassVar[tuple[str, ...]] = ("Databricks",)
    capabilities: ClassVar[Capabilities] = _CAPABILITIES
    options_type: ClassVar[type[ConnectorOptions]] = DatabricksOptions
    options: DatabricksOptions

    def __init__(self, options: ConnectorOptions) -> None:
        super().__init__(options)
        self._credentials = login.credentials(self.options)
        self._metastore: str | None = None

    @classmethod
    def options_from_catalog(cls, connection: Mapping[str, Any]) -> dict[str, Any]:
        """See `options.options_from_catalog`."""
        return options_from_catalog(connection)

    def arguments(self) -> dict[str, Any]:
        """What the client is told to connect."""
        return login.arguments(self.options)

    def connect(self) -> Any:
        """A session of the client."""
        if self._credentials is None:
            return login.connect({**self.arguments(), "access_token": self.options.token})
        # The client would hide why a login failed.
        self._credentials.token()
        return login.connect({**self.arguments(), "credentials_provider": self._credentials})

    def run(self, connection: Any, sql: str, parameters: Parameters = ()) -> list[Row]:
        """The rows of one statement. Values stand in the SQL as literals."""
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return [tuple(row) for row in cursor.fetchall()]

    def refusal(self, error: Exception) -> Refusal | None:
        """See `failures.refusal`."""
        return failures.refusal(error)

    def identity(self) -> str:
        """The id of the metastore, which several workspaces may share; the host of a workspace without one."""
        if self._metastore is None:
            try:
                ((found,),) = self._ask("the metastore", _METASTORE)
            except SourceError as error:
                if not any(name in str(error) for name in _WITHOUT_METASTORE):
                    raise
                found = None
            self._metastore = str(found or self.options.host)
        return self._metastore

    def source(self, partition: Partition) -> str:
        """As for every connector; the Hive metastore is the workspace's own."""
        if self._names(partition.path)[0] != kinds.LEGACY:
            return super().source(partition)
        return "/".join((self.options.host, *self.options.rewritten(partition.path)))

    def read(self, partition: Partition, only: Collection[str] | None = None) -> SourceState:
        """Two queries for a catalog, four for a schema, and one for each table with structs; of the Hive metastore two
        for a schema and one for each table."""
        path = self._names(partition.path)
        if not all(map(_nameable, path)):
            return {}
        names = None if only is None else [name for name in only if _nameable(name)]
        try:
            if path == (kinds.LEGACY,):
                return {partition.path: SourceObject(partition.path, "catalog")}
            if path[0] == kinds.LEGACY:
                return legacy.schema_state(self._ask, partition, path, names)
            if len(path) == 1:
                return reading.catalog_state(self._ask, partition, path)
            return reading.schema_state(self._ask, partition, path, names, self.options.nested_fields)
        except SourceError as error:
            if error.reason is Reason.MISSING_OBJECT:
                return {}
            if error.reason is Reason.MISSING_PRIVILEGE and path[0] != kinds.LEGACY:
                raise SourceError(error.reason, f"{error} {granting(self.missing(partition, ()))}".rstrip()) from None
            raise

    def principals(self, names: Collection[str]) -> dict[str, Principal]:
        """All of the names: no statement lists the service principals, and one that is unknown is refused when it is to
        become an owner. Nothing is handed to the groups of everybody."""
        return {name: Principal(name, superuser=name.lower() in _TOO_MANY) for name in names}

    def version(self) -> str:
        """`Databricks SQL 2026.20` for a warehouse, `Databricks Runtime 16.4.x-scala2.12` for a cluster."""
        asked = "SELECT current_version().dbsql_version, current_version().dbr_version"
        ((warehouse, runtime),) = self._ask("the version", asked)
        return f"Databricks SQL {warehouse}" if warehouse else f"Databricks Runtime {runtime}"

    def missing(self, partition: Partition, needs: Collection[Need]) -> list[Missing]:
        """See `grants.missing`. Of the Hive metastore nobody can tell: it has privileges only where a cluster keeps
        them."""
        path = self._names(partition.path)
        if path[0] == kinds.LEGACY or not all(map(_nameable, path)):
            return []
        try:
            return grants.missing(self._ask, [need for need in needs if all(map(_nameable, need.path))], path)
        except SourceError as error:
            if error.reason is Reason.MISSING_OBJECT:
                return []
            raise

    def refuse(self, change: Change) -> tuple[Verdict, str] | None:
        """What Databricks has no place for, and what it cannot hold or nobody says that it can."""
        path = self._names(change.path)
        place = _no_place(change, path)
        if place:
            return Verdict.UNSUPPORTED, place
        if change.value is not None and not storable(change.value):
            return Verdict.INVALID, (
                "nobody says that Databricks keeps a NUL character, and half of a surrogate pair is none; remove it"
            )
        try:
            self.resolve([change])
        except Unwritable as error:
            return Verdict.INVALID, str(error)
        return None

    def resolve(self, changes: Iterable[Change]) -> list[Statement]:
        """One statement for a table, one for all its columns, one for the tags of each object, one for an owner."""
        return sql.resolve(changes, self.options.rewritten, together=self.options.columns_together)

    def execute(
        self, partition: Partition, statements: list[Statement], permit: Permit = lambda: None
    ) -> Iterator[Outcome]:
        """One statement after the other. Who may not describe a table may still tag it, so that aspects go apart."""
        for _, group in groupby(statements, key=lambda statement: statement.aspect):
            yield from super().execute(partition, list(group), permit)

    def settle(self, partition: Partition) -> None:
        """Ask for an answer. Nothing shows at once what another session runs; what was sent is answered within
        `statement_timeout`, and is of seconds."""
        self._ask(f"whether {partition.key} can be written", "SELECT current_user()")

    def _ask(self, what: str, asked: str) -> list[Row]:
        return self.ask(what, asked)

    def _names(self, path: Path) -> Path:
        """The source's names of catalog and schema, which are kept in lower case."""
        names = self.options.rewritten(path)
        return (*(name.lower() for name in names[:2]), *names[2:])


class UnityCatalogConnector(DatabricksConnector):
    """The same of a service that the catalog knows as Unity Catalog."""

    system: ClassVar[str] = "unitycatalog"
    title: ClassVar[str] = "Unity Catalog"
    service_types: ClassVar[tuple[str, ...]] = ("UnityCatalog",)
    capabilities: ClassVar[Capabilities] = replace(
        _CAPABILITIES, tags=replace(_CAPABILITIES.tags, placeholder="UNITY_CATALOG_TAGS")
    )


def _no_place(change: Change, path: Path) -> str:
    """Why an object of this kind cannot be told this, "" when it can."""
    is_column = change.type is EntityType.COLUMN
    kind = kinds.table_of(change.kind) if is_column else change.kind
    if kind not in kinds.ALTERED:
        return f"nobody says how a {kind} of Databricks is changed"
    if change.aspect is Aspect.OWNER and change.value is None:
        return "Databricks has nothing without an owner; name another one"
    if path[0] == kinds.LEGACY:
        return _no_legacy_place(change, kind, is_column)
    if kind == "foreign table" and change.aspect is not Aspect.OWNER:
        return "a foreign table can only be given to another owner; describe it where it comes from"
    if len(path) > 4 and change.aspect is Aspect.TAGS:
        return "Databricks has no tags on fields; tag the column instead"
    if len(path) > 4 and not change.kind.startswith("field"):
        return f"the fields of a {kind} cannot be described"
    return ""


def _no_legacy_place(change: Change, kind: str, is_column: bool) -> str:
    if change.aspect is not Aspect.DESCRIPTION:
        return f"the Hive metastore has no {'owners' if change.aspect is Aspect.OWNER else 'tags'}; use Unity Catalog"
    if kind == "catalog":
        return "the Hive metastore itself cannot be described"
    if is_column and kind == "view":
        return "the columns of a view in the Hive metastore can be described only when it is created"
    return ""


def _nameable(name: str) -> bool:
    try:
        sql.named([name])
    except Unwritable:
        return False
    return True

"""Snowflake through its own driver, as `dagster_snowflake.SnowflakeResource` opens it.

DDL commits by itself: https://docs.snowflake.com/en/sql-reference/transactions#ddl. The driver sends a request whose
answer was lost again under the same id, and Snowflake does not carry it out twice.
"""

import warnings
from collections.abc import Collection, Iterable, Mapping
from threading import Lock
from typing import Any, ClassVar

from reverse_metadata.connectors import batches
from reverse_metadata.connectors.base import (
    Capabilities,
    ConnectorOptions,
    Missing,
    Need,
    Principal,
    Requests,
    TagLimits,
)
from reverse_metadata.connectors.characters import storable
from reverse_metadata.connectors.refusals import Refusal
from reverse_metadata.connectors.snowflake import failures, grants, reading, sql
from reverse_metadata.connectors.snowflake.options import SnowflakeOptions, options_from_catalog
from reverse_metadata.connectors.snowflake.tags import TAGS, TagCatalog
from reverse_metadata.connectors.sql import Parameters, Row, SqlConnector
from reverse_metadata.dialects.snowflake import dotted, literal, quoted
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import Aspect, Change, EntityType, Partition, Path, SourceState, Statement, Verdict

_ALL = (EntityType.DATABASE, EntityType.SCHEMA, EntityType.TABLE, EntityType.COLUMN)

_IDENTITY = "SELECT CURRENT_ORGANIZATION_NAME(), CURRENT_ACCOUNT_NAME()"
_VERSION = "SELECT CURRENT_VERSION()"
#: Roles that may do everything, or give themselves the right to.
_SUPERUSERS = ("ACCOUNTADMIN", "ORGADMIN", "GLOBALORGADMIN", "SECURITYADMIN")
_NO_TAGS = "the edition of this Snowflake account has no tags: they begin with Enterprise Edition"
_UNREAD = "tags of this service are not read, and so not written either; set tags.read of the service to live"


#: While one thread imports it, no other touches the filters of warnings.
_IMPORTING = Lock()


def _resource_type() -> Any:
    """`SnowflakeResource`, whose module takes seconds to import, and declares a field in pydantic's old way."""
    with _IMPORTING, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from dagster_snowflake import SnowflakeResource

        return SnowflakeResource


class SnowflakeConnector(SqlConnector):
    """Reads and writes the databases of one account. Not to be shared by threads."""

    system: ClassVar[str] = "snowflake"
    title: ClassVar[str] = "Snowflake"
    versions: ClassVar[str] = "the service as it is; tags from Enterprise Edition on"
    tried_on: ClassVar[str] = "a stand-in of ours behind the vendor's driver; Snowflake itself was not at hand"
    service_types: ClassVar[tuple[str, ...]] = ("Snowflake",)
    capabilities: ClassVar[Capabilities] = Capabilities(
        levels={Aspect.DESCRIPTION: _ALL, Aspect.TAGS: _ALL, Aspect.OWNER: _ALL[:3]},
        transactional=False,
        # Three views, the tags of the account, and a query about tags for each hundred tables.
        requests=Requests(schema=5, table=1, resolve=1),
        together=True,
        # https://docs.snowflake.com/en/user-guide/object-tagging/introduction#tag-quotas
        tags=TagLimits(max_key=255, max_value=256, max_tags=50),
    )
    options_type: ClassVar[type[ConnectorOptions]] = SnowflakeOptions
    options: SnowflakeOptions

    def __init__(self, options: ConnectorOptions) -> None:
        super().__init__(options)
        tags = self.options.tags
        self._tags = TagCatalog(tags.home_path, tags.create)
        self._masked: dict[Path, str] = {}
        self._manager: Any = None

    @classmethod
    def options_from_catalog(cls, connection: Mapping[str, Any]) -> dict[str, Any]:
        """See `options.options_from_catalog`."""
        return options_from_catalog(connection)

    def connect(self) -> Any:
        """A session; it has no current database, so that no name is read as another one's."""
        resource = _resource_type()(**self.options.resource_fields(self.run_id))
        # The connection lives as long as this: close() ends it.
        self._manager = resource.get_connection()
        return self._manager.__enter__()

    def run(self, connection: Any, sql: str, parameters: Parameters = ()) -> list[Row]:
        """The rows of one statement."""
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters or None)
            return [tuple(row) for row in cursor.fetchall()]

    def deliver(self, connection: Any, statement: Statement) -> None:
        """The parts of a statement of ours one after the other: each commits by itself, and may be sent again."""
        for part in statement.sql or sql.parts(statement.text):
            self.run(connection, part)

    def refusal(self, error: Exception) -> Refusal | None:
        """See `failures.refusal`; a private key that cannot be read is no error of the driver's."""
        key = self.options.private_key or self.options.private_key_path
        if key and self._opened is None and isinstance(error, ValueError | TypeError | OSError):
            unreadable = "the private key cannot be read: is it in PEM, and the passphrase right?"
            if isinstance(error, OSError):
                unreadable = f"the private key in {self.options.private_key_path} cannot be read: {error.strerror}"
            return Refusal(Reason.AUTHENTICATION, unreadable)
        return failures.refusal(error)

    def identity(self) -> str:
        """`<organization>.<account>`."""
        ((organization, account),) = self.ask("the account's name", _IDENTITY)
        return f"{organization}.{account}"

    def version(self) -> str:
        """`Snowflake 10.1.0`. Nothing tells the edition but what it cannot do."""
        ((version,),) = self.ask("the version", _VERSION)
        self._learn_tags()
        return f"Snowflake {version}{', without tags (Standard Edition)' if self._tags.unavailable else ''}"

    def read(self, partition: Partition, only: Collection[str] | None = None) -> SourceState:
        """One query for a database and three for a schema, and those for tags: see `capabilities`."""
        path = self.options.rewritten(partition.path)
        if not all(map(sql.nameable, path)):
            return {}
        try:
            return self._with_tags(self._without_tags(partition, path, only), partition, path, only)
        except SourceError as error:
            if error.reason is not Reason.MISSING_OBJECT:
                raise
        # A table was dropped between the question what there is and the one about its tags.
        return self._with_tags(self._without_tags(partition, path, only), partition, path, only)

    def _without_tags(self, partition: Partition, path: Path, only: Collection[str] | None) -> SourceState:
        try:
            if partition.schema is None:
                return reading.database_state(self.ask, partition, path)
            return reading.schema_state(self.ask, partition, path, only)
        except SourceError as error:
            if error.reason is Reason.MISSING_OBJECT:
                return {}
            raise

    def principals(self, names: Collection[str]) -> dict[str, Principal]:
        """The roles among the names: https://docs.snowflake.com/en/sql-reference/sql/show-roles."""
        if not names:
            return {}
        roles = {str(row["name"]) for row in self._show("the roles", "SHOW ROLES")}
        return {name: Principal(name, name in _SUPERUSERS) for name in names if name in roles}

    def missing(self, partition: Partition, needs: Collection[Need]) -> list[Missing]:
        """See `grants.missing`."""
        path = self.options.rewritten(partition.path)
        try:
            return grants.missing(self.ask, self._show, self.options.tags, needs, path)
        except SourceError as error:
            if error.reason is Reason.MISSING_OBJECT:
                return []
            raise

    def declines(self, aspect: Aspect) -> str:
        """Tags, when they are not read, or the edition has none."""
        if aspect is not Aspect.TAGS:
            return ""
        return _UNREAD if self.options.tags.read == "never" else self._tags.unavailable

    def refuse(self, change: Change) -> tuple[Verdict, str] | None:
        """Comments hold any text but NUL, tags what their tag takes, and nothing is without an owner."""
        kind = sql.kind_of(change)
        if change.value is not None and not storable(change.value):
            return (
                Verdict.INVALID,
                "a comment or tag cannot hold a NUL character or half of a surrogate pair; remove it",
            )
        match change.aspect:
            case Aspect.OWNER if change.value is None:
                return Verdict.UNSUPPORTED, "Snowflake has nothing without an owner; name another role"
            case Aspect.OWNER if not sql.nameable(change.value or ""):
                return Verdict.INVALID, f"no role of Snowflake can have the name {change.value!r}"
            case Aspect.DESCRIPTION if change.kind == f"event table{sql.COLUMN}":
                return Verdict.UNSUPPORTED, "the columns of an event table are Snowflake's own and cannot be described"
            case Aspect.TAGS:
                if change.type is EntityType.COLUMN and kind.column_tags is None:
                    return Verdict.UNSUPPORTED, f"Snowflake documents no way to tag a {change.kind}; tag the table"
                return self._refused_tag(change)
        return None

    def resolve(self, changes: Iterable[Change]) -> list[Statement]:
        """One statement for each aspect of a table, of as few of Snowflake's as can carry it: see `sql.resolve`."""
        listed = list(changes)
        if any(change.aspect is Aspect.TAGS for change in listed) and self._tags.must_be_known:
            self._learn_tags()
        return sql.resolve(listed, self.options.rewritten, self._tags.path)

    def settle(self, partition: Partition) -> None:
        """Wait until no statement runs under a query tag of ours that ran when this was called.

        https://docs.snowflake.com/en/sql-reference/functions/query_history: running ones are listed at once.
        """
        database = self.options.rewritten(partition.path)[0]
        if not sql.nameable(database):
            return
        waited_for: set[str] | None = None
        while waited_for is None or waited_for:
            if waited_for is not None:
                batches.pause(2)
            running = self._running(database)
            waited_for = running if waited_for is None else waited_for & running

    def _running(self, database: str) -> set[str]:
        statement = sql.select(
            "QUERY_ID, QUERY_TAG",
            f"TABLE({quoted(database)}.INFORMATION_SCHEMA.QUERY_HISTORY_BY_USER(RESULT_LIMIT => 10000))",
            sql.among("EXECUTION_STATUS", ("RUNNING", "QUEUED", "BLOCKED")),
            "QUERY_TYPE <> 'SELECT'",
        )
        try:
            running = self.ask("the statements that are running", statement)
        except SourceError as error:
            if error.reason is Reason.MISSING_OBJECT:
                return set()
            raise
        return {str(query) for query, tag in running if self.options.is_ours(tag)}

    def _show(self, what: str, statement: str) -> list[dict[str, Any]]:
        """The rows of a SHOW by the names of their columns, whose order Snowflake does not promise."""

        def once() -> list[dict[str, Any]]:
            connection = self._connection()
            try:
                with connection.cursor() as cursor:
                    cursor.execute(statement)
                    names = [column[0] for column in cursor.description]
                    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
            except Exception as error:
                if failures.is_unsupported(error):
                    raise SourceError(Reason.OTHER, _NO_TAGS) from None
                raise self._meaning(error).error(f"reading {what}") from None

        return batches.persistently(once)

    def _learn_tags(self) -> None:
        if self.options.tags.read == "never":
            return
        try:
            self._tags.learn(self._show("the tags of the account", TAGS))
        except SourceError as error:
            if str(error) != _NO_TAGS:
                raise
            self._tags.unavailable = _NO_TAGS

    def _with_tags(
        self, state: SourceState, partition: Partition, path: Path, only: Collection[str] | None
    ) -> SourceState:
        """Whoever names tables is about to write to them, or just did: what ACCOUNT_USAGE says is too old for that."""
        if state:
            self._learn_tags()
        if not state or not self._tags.known or self._tags.empty:
            return state
        if self.options.tags.read == "account_usage" and only is None:
            queries = [reading.late_references(path)]
        else:
            queries = list(reading.live_references(path, [each[-1] for each in state if len(each) == 3]))
        rows: list[Row] = []
        for query in queries:
            rows += self.ask(f"the tags of {partition.key}", query)
        return reading.with_tags(state, rows, partition, path, self._tags)

    def _refused_tag(self, change: Change) -> tuple[Verdict, str] | None:
        if not sql.nameable(change.tag_key):
            return Verdict.INVALID, f"no tag of Snowflake can have the name {change.tag_key!r}; map it with tags.map"
        table = self.options.rewritten(change.table)
        refusal = self._tags.refusal(change.tag_key, change.value, table)
        if refusal:
            return Verdict.UNSUPPORTED, refusal
        return self._refused_none(change, table)

    def _refused_none(self, change: Change, table: Path) -> tuple[Verdict, str] | None:
        """The catalog's PII.None says that there is nothing to protect. A policy that is bound to the tag is applied to
        such a column all the same: https://docs.snowflake.com/en/user-guide/tag-based-masking-policies."""
        if change.value is None or change.value.lower() != "none" or self.options.tags.allow_none:
            return None
        place = self._tags.place(change.tag_key, table)
        if self._opened is None or not place.path or place.created:
            return None
        policies = self._policies(place.path)
        if policies == "":
            return None
        return Verdict.UNSAFE, (
            f"{policies} the tag {'.'.join(place.path)}, and a policy decides what becomes of a column with the value "
            f"{change.value}: it may be masked like any other, or shown to all. Take the label off, leave it out with "
            f"tags.exclude of the channel, or set tags.allow_none of the service"
        )

    def _policies(self, tag: Path) -> str:
        """What is known of the policies of a tag, as the beginning of a sentence; "" when it has none. Asked once.

        https://docs.snowflake.com/en/sql-reference/functions/policy_references
        """
        if tag not in self._masked:
            arguments = f"REF_ENTITY_NAME => {literal(dotted(tag))}, REF_ENTITY_DOMAIN => 'TAG'"
            source = f"TABLE({quoted(tag[0])}.INFORMATION_SCHEMA.POLICY_REFERENCES({arguments}))"
            try:
                rows = self.ask(f"the policies of the tag {'.'.join(tag)}", sql.select("POLICY_NAME", source))
            except SourceError as error:
                if error.reason not in (Reason.MISSING_OBJECT, Reason.MISSING_PRIVILEGE):
                    raise
                self._masked[tag] = "the writer may not see whether a masking policy is bound to"
            else:
                self._masked[tag] = "a masking policy is bound to" if rows else ""
        return self._masked[tag]

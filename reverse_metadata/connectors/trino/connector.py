"""Trino through its own Python client.

Every statement is committed by itself. On Iceberg and Delta Lake two comments at once on one table lose one of them,
so a run sends one after the other, and tries again what another writer came in between.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import count
from typing import Any, ClassVar, TypeVar

from reverse_metadata.connectors import batches
from reverse_metadata.connectors.base import (
    Capabilities,
    ConnectorOptions,
    Missing,
    Need,
    Principal,
    Requests,
)
from reverse_metadata.connectors.characters import encodable
from reverse_metadata.connectors.refusals import Refusal, granting
from reverse_metadata.connectors.sql import Parameters, Row, SqlConnector
from reverse_metadata.connectors.trino import failures, grants, reading, sql
from reverse_metadata.connectors.trino.options import TrinoOptions, options_from_catalog
from reverse_metadata.connectors.trino.session import SOURCE, Session
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import (
    Aspect,
    Change,
    EntityType,
    Partition,
    Path,
    SourceObject,
    SourceState,
    Statement,
    Verdict,
)

_T = TypeVar("_T")

#: Of what SET AUTHORIZATION changes the owner, by the connector behind the catalog. All the others refuse it.
_OWNED = {"hive": ("schema", "table", "view"), "iceberg": ("schema",)}
#: Those whose databases have no NUL character.
_WITHOUT_NUL = ("postgresql",)
_OWNER_LEVELS = (EntityType.SCHEMA, EntityType.TABLE)

_COORDINATOR = "SELECT node_id FROM system.runtime.nodes WHERE coordinator"
_RUNNING = f"""
SELECT query_id FROM system.runtime.queries
WHERE source = '{SOURCE}' AND "user" = current_user AND state NOT IN ('FINISHED', 'FAILED')
  AND NOT regexp_like(query, '^\\s*(?i:SELECT|SHOW|START|ROLLBACK)\\b')
"""  # noqa: S608
#: Seconds after which a query that does not end is given up, where `statement_timeout` does not say.
_PATIENCE = 600


class TrinoConnector(SqlConnector):
    """Reads and writes the catalogs of one Trino server. Not to be shared by threads."""

    system: ClassVar[str] = "trino"
    title: ClassVar[str] = "Trino"
    versions: ClassVar[str] = "476"
    tried_on: ClassVar[str] = "Trino 476 with catalogs of memory, Iceberg and Hive"
    service_types: ClassVar[tuple[str, ...]] = ("Trino",)
    capabilities: ClassVar[Capabilities] = Capabilities(
        levels={Aspect.DESCRIPTION: (EntityType.TABLE, EntityType.COLUMN), Aspect.OWNER: _OWNER_LEVELS},
        transactional=False,
        requests=Requests(schema=3, preflight=3),
        # SHOW CREATE SCHEMA tells the owner of a schema of Iceberg to whoever owns it, and nothing else tells any.
        write_only={Aspect.OWNER: _OWNER_LEVELS},
    )
    options_type: ClassVar[type[ConnectorOptions]] = TrinoOptions
    options: TrinoOptions

    def __init__(self, options: ConnectorOptions) -> None:
        super().__init__(options)
        self._connectors: dict[str, str] = {}
        self._owners: dict[str, bool] = {}

    @classmethod
    def options_from_catalog(cls, connection: Mapping[str, Any]) -> dict[str, Any]:
        """See `options.options_from_catalog`."""
        return options_from_catalog(connection)

    def connect(self) -> Session:
        """A session whose login was answered."""
        return Session(self.options)

    def run(self, connection: Session, sql: str, parameters: Parameters = ()) -> list[Row]:
        """See `Session.run`. Values stand in the SQL as literals: parameters would cost a PREPARE."""
        return connection.run(sql)

    def refusal(self, error: Exception) -> Refusal | None:
        """See `failures.refusal`."""
        return failures.refusal(error)

    def identity(self) -> str:
        """The environment and the coordinator's id, which is another one after a restart unless `node.id` says it.

        Who may not read `system.runtime.nodes` is told the place instead.
        """
        place = self.place()
        try:
            nodes = self.ask("the coordinator", _COORDINATOR)
        except SourceError as error:
            if error.reason is not Reason.MISSING_PRIVILEGE:
                raise
            return place
        return "/".join([place.partition("@")[0], *sorted(str(node) for (node,) in nodes)])

    def place(self) -> str:
        """`<node.environment>@<host>:<port>`."""
        host, port = self.options.address
        return f"{self._asked('the environment', lambda session: session.environment())}@{host}:{port}"

    def version(self) -> str:
        """As the server says it: `Trino 476`."""
        return f"Trino {self._asked('the version', lambda session: session.version)}"

    def read(self, partition: Partition, only: Collection[str] | None = None) -> SourceState:
        """One query for a catalog, three for a schema. Tables that the user may not see are not there."""
        path = self._names(partition.path)
        if not all(map(_nameable, path)):
            return {}
        try:
            if len(path) == 1:
                there = self._connector_behind(path[0])
                return {partition.path: SourceObject(partition.path, "catalog")} if there else {}
            return self._schema(partition, path, only)
        except SourceError as error:
            if error.reason is Reason.MISSING_OBJECT:
                return {}
            if error.reason is Reason.MISSING_PRIVILEGE:
                raise SourceError(error.reason, f"{error} {granting(self.missing(partition, ()))}") from None
            raise

    def principals(self, names: Collection[str]) -> dict[str, Principal]:
        """All of the names: Trino knows its users from outside, and cannot say who they are. A role that is unknown
        is refused when it is to become an owner. The role admin of a catalog may do everything in it."""
        kinds = {name: sql.principal(name, self.options.principals) for name in names}
        return {name: Principal(name, superuser=kind == ("role", "admin")) for name, kind in kinds.items()}

    def missing(self, partition: Partition, needs: Collection[Need]) -> list[Missing]:
        """See `grants`: two queries, and up to three for each of the first 100 tables; one more when one is refused."""
        names = self._names(partition.path)
        what = f"the privileges on {partition.key}"
        user = self._asked(what, _user)
        seen = {name for (name,) in self.ask(what, "SHOW CATALOGS")}
        if unseen := [name for name in ("system", names[0]) if name not in seen]:
            # An absent catalog lacks nothing.
            return list(grants.no_catalogs(user, filter(self._hidden, unseen)))
        missing: dict[Missing, None] = {}
        try:
            self.ask(what, reading.readable(grants.SYSTEM))
        except SourceError as error:
            if error.reason is not Reason.MISSING_PRIVILEGE:
                raise
            missing[grants.no_system(user)] = None
        probes = grants.probes(needs, names, self.options.principals)
        missing |= {found: None for probe in probes if (found := self._probed(what, probe))}
        return list(missing)

    def refuse(self, change: Change) -> tuple[Verdict, str] | None:
        """What the connector behind the catalog has no place for, what no connector can hold, and what is longer than
        a statement may be. Raises SourceError when it must ask which connector it is."""
        if change.value is not None and not encodable(change.value):
            return Verdict.INVALID, "Trino cannot hold half of a surrogate pair; remove it"
        if change.aspect is Aspect.OWNER:
            return self._refuse_owner(change)
        if change.kind == "materialized view":
            return Verdict.UNSUPPORTED, "the comment of a materialized view can be given only when it is created"
        if len(change.path) > 4:
            return Verdict.UNSUPPORTED, "Trino has no comments on the fields of a row; describe the column instead"
        if change.value is None:
            return None
        if "\0" in change.value and self._behind(change) in _WITHOUT_NUL:
            return Verdict.INVALID, f"a catalog of {self._behind(change)} cannot hold a NUL character; remove it"
        (statement,) = self.resolve([change])
        if (length := sql.length(statement.text)) > sql.LONGEST:
            too_long = f"the statement would have {length:,} characters, and Trino takes {sql.LONGEST:,}"
            return Verdict.TOO_LONG, f"{too_long} (query.max-length)"
        return None

    def resolve(self, changes: Iterable[Change]) -> list[Statement]:
        """One statement a change: Trino has no form that carries several."""
        return sql.resolve(changes, self._names, self.options.principals)

    def settle(self, partition: Partition) -> None:
        """Wait for the writes of this user and source that run now, of any partition: they end within
        `statement_timeout`."""
        what = f"what still runs of {partition.key}"
        deadline = time.monotonic() + (self.options.statement_timeout or _PATIENCE)
        running = set(self.ask(what, _RUNNING))
        for attempt in count(1):
            if not running:
                return
            if time.monotonic() > deadline:
                listed = ", ".join(sorted(str(query) for (query,) in running))
                raise SourceError(Reason.LOCK_TIMEOUT, f"queries of an earlier run do not end: {listed}")
            batches.pause(min(attempt, 3))
            running &= set(self.ask(what, _RUNNING))

    def _schema(self, partition: Partition, path: Path, only: Collection[str] | None) -> SourceState:
        own = partition.path
        what = f"schema {path[1]} of catalog {path[0]}"
        if not self.ask(what, reading.schema(path)):
            return {}
        state: SourceState = {own: SourceObject(own, "schema")}
        names = None if only is None else sorted({name.lower() for name in only if _nameable(name)})
        if names == []:
            return state
        tables = self.ask(what, reading.tables(path, names))
        columns = self.ask(what, reading.columns(path, names))
        for found in reading.found(own, tables, columns):
            if names is None or found.path[2] in names:
                state[found.path] = found
        return state

    def _refuse_owner(self, change: Change) -> tuple[Verdict, str] | None:
        if change.value is None:
            return Verdict.UNSUPPORTED, "Trino has nothing without an owner; name another one"
        behind = self._behind(change)
        if change.kind not in _OWNED.get(behind, ()):
            return Verdict.UNSUPPORTED, f"a {change.kind} in a catalog of {behind} has no owner that Trino can set"
        _, name = sql.principal(change.value, self.options.principals)
        if name != name.lower():
            return (
                Verdict.INVALID,
                f"Trino would write {name.lower()} for {name}; map the owner to a name in lower case",
            )
        return None

    def _probed(self, what: str, probe: grants.Probe) -> Missing | None:
        """What keeps the user from what it needs, None when nothing does."""
        need, text = probe
        error = self._asked(what, lambda session: session.refused(text))
        refusal = failures.of_trino(error)
        if error.error_name == grants.MAY or refusal.reason is Reason.MISSING_OBJECT:
            return None
        if refusal.reason is Reason.MISSING_PRIVILEGE:
            return self._lack(need)
        return Missing(f"{sql.begin(text)}: {refusal.message}.")

    def _lacking(self, partition: Partition, statement: Statement) -> str:
        """What would help: nobody needs to be asked what is missing once a statement was refused."""
        try:
            return granting([self._lack(Need.of(change)) for change in statement.changes])
        except SourceError:
            # The advice is an extra; the refusal itself is reported either way.
            return ""

    def _lack(self, need: Need) -> Missing:
        path = self._names(need.path)
        user = self._asked("the user", _user)
        if self._goes_by_owners(path[0]) and self.options.roles.get(path[0]) != "admin":
            return grants.no_owner(user, need, path)
        return grants.no_rule(user, need, path, self.options.principals)

    def _goes_by_owners(self, catalog: str) -> bool:
        """Whether the catalog has roles of its own, as Hive's has with `hive.security=sql-standard`."""
        if catalog not in self._owners:
            try:
                rows = self.ask(f"the roles of catalog {catalog}", reading.roles(catalog))
            except SourceError as error:
                if error.transient:
                    raise
                rows = []
            self._owners[catalog] = bool(rows)
        return self._owners[catalog]

    def _hidden(self, catalog: str) -> bool:
        """Whether there is a catalog of this name that the user may not see."""
        try:
            self.ask(f"catalog {catalog}", reading.schemas(catalog))
        except SourceError as error:
            return error.reason is Reason.MISSING_PRIVILEGE
        return False

    def _behind(self, change: Change) -> str:
        return self._connector_behind(self._names(change.path)[0])

    def _connector_behind(self, catalog: str) -> str:
        """The name of the connector behind a catalog, "" when there is no such catalog."""
        if catalog not in self._connectors:
            rows = self.ask(f"catalog {catalog}", reading.catalog(catalog))
            self._connectors[catalog] = str(rows[0][0]) if rows else ""
        return self._connectors[catalog]

    def _names(self, path: Path) -> Path:
        """The source's names: Trino folds those of catalogs and schemas, which the catalog may hold as they were
        typed."""
        names = self.options.rewritten(path)
        return (*(name.lower() for name in names[:2]), *names[2:])

    def _asked(self, what: str, question: Callable[[Session], _T]) -> _T:
        """The answer to a question, asked again while it fails for a reason that may pass. Raises SourceError."""

        def once() -> _T:
            session = self._connection()
            try:
                return question(session)
            except Exception as error:
                raise self._meaning(error).error(f"reading {what}") from None

        return batches.persistently(once)


def _user(session: Session) -> str:
    return str(session.user)


def _nameable(name: str) -> bool:
    return bool(name) and encodable(name)

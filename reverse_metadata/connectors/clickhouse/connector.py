"""ClickHouse 23.9 and later through clickhouse-connect, over HTTP.

One ALTER carries the comment of a table and those of its columns, whole or not at all, and changes metadata alone:
https://clickhouse.com/docs/sql-reference/statements/alter. A statement that is lost on its way back is carried out all
the same, so every one has a `query_id` by which `system.processes` tells whether it still runs.
"""

import hashlib
import re
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import uuid4

from reverse_metadata.connectors import batches
from reverse_metadata.connectors.base import Capabilities, ConnectorOptions, Missing, Need, Requests
from reverse_metadata.connectors.characters import encodable
from reverse_metadata.connectors.clickhouse import failures, grants, reading, sql
from reverse_metadata.connectors.clickhouse.grants import Rights
from reverse_metadata.connectors.clickhouse.options import ClickHouseOptions, options_from_catalog
from reverse_metadata.connectors.drivers import driver
from reverse_metadata.connectors.refusals import Refusal
from reverse_metadata.connectors.sql import Parameters, Row, SqlConnector
from reverse_metadata.dialects.clickhouse import CLICKHOUSE
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import (
    Aspect,
    Change,
    EntityType,
    Partition,
    SourceObject,
    SourceState,
    Statement,
    Verdict,
)

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

#: Before 23.9 MODIFY COMMENT is taken and does nothing:
#: https://clickhouse.com/docs/sql-reference/statements/alter/comment#caveats.
_OLDEST = (23, 9)
#: The server's default for `max_query_size`: https://clickhouse.com/docs/operations/settings/settings#max_query_size.
_QUERY_SIZE = 262_144
#: A query that another one started has the `initial_query_id` of that one:
#: https://clickhouse.com/docs/operations/system-tables/processes.
_RUNNING = "SELECT count() FROM system.processes WHERE startsWith(initial_query_id, {prefix})"
_ASKS = re.compile(r"\s*(SELECT|SHOW)\b", re.IGNORECASE)


class ClickHouseConnector(SqlConnector):
    """Reads and writes one ClickHouse server or cluster. Its databases are the catalog's schemas."""

    system: ClassVar[str] = "clickhouse"
    title: ClassVar[str] = "ClickHouse"
    versions: ClassVar[str] = "23.9 and later, ClickHouse Cloud"
    tried_on: ClassVar[str] = "chDB, the engine of ClickHouse 26.9, behind HTTP of ours"
    service_types: ClassVar[tuple[str, ...]] = ("Clickhouse",)
    capabilities: ClassVar[Capabilities] = Capabilities(
        levels={Aspect.DESCRIPTION: (EntityType.SCHEMA, EntityType.TABLE, EntityType.COLUMN)},
        transactional=False,
        requests=Requests(schema=3),
        together=True,
    )
    options_type: ClassVar[type[ConnectorOptions]] = ClickHouseOptions
    options: ClickHouseOptions

    def __init__(self, options: ConnectorOptions) -> None:
        super().__init__(options)
        self._writing = ""

    @classmethod
    def options_from_catalog(cls, connection: Mapping[str, Any]) -> dict[str, Any]:
        """See `options.options_from_catalog`."""
        return options_from_catalog(connection)

    def connect(self) -> "Client":
        """A client, which asks for the version and the settings at once. Raises SourceError for an old server."""
        client: Client = driver("clickhouse_connect", "clickhouse").get_client(**self.options.client_parameters())
        version = str(client.server_version)
        if tuple(map(int, version.split(".")[:2])) < _OLDEST:
            client.close()
            raise SourceError(
                Reason.OTHER,
                f"ClickHouse {version} takes comments of tables and drops them: 23.9 is the oldest that is written",
            )
        return client

    def run(self, connection: "Client", sql: str, parameters: Parameters = ()) -> list[Row]:
        """The rows of a SELECT or SHOW, none for anything else. Names stand in the SQL, so there are no parameters."""
        if _ASKS.match(sql):
            asked = {
                "max_execution_time": self.options.statement_timeout,
                # The driver says the format at the end.
                "max_query_size": max(_QUERY_SIZE, len(sql.encode()) + 100),
            }
            return [tuple(row) for row in connection.query(sql, settings=_differing(connection, asked)).result_rows]
        # `max_query_size` stays as it is: it also bounds the definition of the table, see `failures`.
        settings = {
            "lock_acquire_timeout": self.options.lock_timeout,
            "alter_sync": self.options.alter_sync,
            "distributed_ddl_task_timeout": self.options.cluster_timeout,
            # As `throw`, without rows; and the answer begins only when it is known whether it is an error.
            "distributed_ddl_output_mode": "none",
        }
        request: dict[str, Any] = {"query_id": f"{self._writing}{uuid4()}", "wait_end_of_query": 1}
        connection.command(sql, settings=request | _differing(connection, settings))
        return []

    def refusal(self, error: Exception) -> Refusal | None:
        """See `failures.refusal`."""
        return failures.refusal(error)

    def claim(self, connection: Any, partition: Partition) -> None:
        """Nothing holds other writers back; what is sent now can be told by its `query_id`."""
        self._writing = self._prefix(partition)

    def identity(self) -> str:
        """`<uuid of the server>@<its host name>`. The servers behind one load balancer have several."""
        ((identity,),) = self.ask("the server's identity", "SELECT concat(toString(serverUUID()), '@', hostName())")
        return str(identity)

    def place(self) -> str:
        """Host and port as configured: the servers of a cluster answer in turns."""
        return self.options.address

    def version(self) -> str:
        """As the server says it: `ClickHouse 26.9.2.1`, `ClickHouse Cloud 25.8.1.1`."""
        ((version,),) = self.ask("the server's version", "SELECT version()")
        cloud = self._connection().server_settings.get("cloud_mode")
        return f"ClickHouse {'Cloud ' if cloud is not None and cloud.value == '1' else ''}{version}"

    def read(self, partition: Partition, only: Collection[str] | None = None) -> SourceState:
        """Three queries. The catalog's database is its own invention, and always there."""
        if partition.schema is None:
            return {partition.path: SourceObject(partition.path, "database")}
        path = self.options.rewritten(partition.path)
        if not encodable(path[1]):
            return {}
        what = f"database {path[1]}"
        return reading.database_state(lambda query: self.ask(what, query), partition.path, path, only)

    def missing(self, partition: Partition, needs: Collection[Need]) -> list[Missing]:
        """What SHOW GRANTS of the user and the enabled roles does not hold; four queries."""
        path = self.options.rewritten(partition.path)
        if partition.schema is None or not needs or not encodable(path[1]):
            return []
        what = f"the privileges on {partition.key}"
        rights = self._rights(what)
        tables = {need.path[2] for need in needs if len(need.path) > 2}
        there = {name for (name,) in self.ask(what, reading.existing(path, tables))}
        found = grants.missing(rights, needs, path, there, self.options.cluster)
        return [*self._read_only(rights.user), *found, *self._blind(rights.user)] if there else []

    def refuse(self, change: Change) -> tuple[Verdict, str] | None:
        """See `sql.refuse`."""
        return sql.refuse(change)

    def resolve(self, changes: Iterable[Change]) -> list[Statement]:
        """One statement a table, or a database."""
        return sql.resolve(changes, self.options.rewritten, self.options.cluster)

    def settle(self, partition: Partition) -> None:
        """Wait until no statement that was sent to this database is running on the server that answers."""
        if partition.schema is None:
            # Nothing is ever written to what the catalog calls a database.
            return
        running = _RUNNING.format(prefix=CLICKHOUSE.literal(self._prefix(partition)))
        until = time.monotonic() + max(self.options.statement_timeout, self.options.cluster_timeout)
        attempt = 1
        while self.ask(f"what still runs on {partition.key}", running) != [(0,)]:
            if time.monotonic() > until:
                raise SourceError(
                    Reason.LOCK_TIMEOUT,
                    f"waiting for another writer of {partition.key}: a statement still runs. The next run tries again.",
                )
            batches.pause(attempt)
            attempt = min(attempt + 1, 4)

    def _prefix(self, partition: Partition) -> str:
        """What every `query_id` of a statement for this partition begins with, the same in each run."""
        name = self.options.rewritten(partition.path)[-1].encode("utf-8", "surrogatepass")
        return f"reverse_metadata-{hashlib.sha256(name).hexdigest()[:16]}-"

    def _rights(self, what: str) -> Rights:
        """What the user and the enabled roles were granted."""
        ((user, roles),) = self.ask(what, "SELECT currentUser(), groupArray(role_name) FROM system.enabled_roles")
        grantees = ", ".join(map(CLICKHOUSE.identifier, dict.fromkeys((user, *roles))))
        return Rights(user, (grant for (grant,) in self.ask(what, f"SHOW GRANTS FOR {grantees}")))

    def _failure(self, error: Exception, partition: Partition, statement: Statement) -> batches.Failure:
        """Of a statement that lacks a privilege, the changes that lack it are to blame, and the others are not."""
        failure = super()._failure(error, partition, statement)
        if failure.error.reason is not Reason.MISSING_PRIVILEGE or statement.sql or len(statement.changes) == 1:
            return failure
        try:
            rights = self._rights(f"the privileges on {partition.key}")
        except SourceError:
            return replace(failure, spoils_table=True)
        lacking = [each for each in statement.changes if not rights.allow(self.options.rewritten(each.path))]
        # Where the grants hold everything, something else forbids it: a profile that is readonly.
        return replace(failure, blamed=tuple(lacking), spoils_table=not lacking)

    def _read_only(self, user: str) -> list[Missing]:
        """That the profile of the user lets nothing be changed: no GRANT is stronger."""
        setting = self._connection().server_settings.get("readonly")
        if setting is None or setting.value == "0":
            return []
        name, value = CLICKHOUSE.identifier(user), setting.value
        profile = "give it a settings profile with readonly = 0"
        return [Missing(f"{name} can change nothing, for its settings say readonly = {value}: {profile}.")]

    def _blind(self, user: str) -> list[Missing]:
        """That the user cannot see what is still running, and so cannot wait for it."""
        try:
            self.ask("what still runs", _RUNNING.format(prefix="'reverse_metadata'"))
        except SourceError as error:
            if error.reason is not Reason.MISSING_PRIVILEGE:
                raise
            return [grants.lacks_processes(user)]
        return []


def _differing(client: "Client", settings: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the settings that differ from the user's and that the user may change: a profile may fix any of them."""
    known = client.server_settings
    changeable = {name for name in settings if name in known and not known[name].readonly}
    return {name: value for name, value in settings.items() if name in changeable and known[name].value != str(value)}

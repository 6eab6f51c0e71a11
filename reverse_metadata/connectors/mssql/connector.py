"""SQL Server 2016 and newer, Azure SQL Database and Managed Instance, through the vendor's own driver.

DDL is transactional. The calls for a table travel in one batch and one transaction, under a lock that two writers of
one partition take turns by: https://learn.microsoft.com/en-us/sql/relational-databases/system-stored-procedures/sp-getapplock-transact-sql.
A procedure that fails lets the batch go on, so it stands in TRY and CATCH, which also tells the number of the error.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, ClassVar

from reverse_metadata.connectors import batches
from reverse_metadata.connectors.base import (
    Capabilities,
    Connector,
    ConnectorOptions,
    Missing,
    Need,
    Permit,
    Principal,
    Requests,
    TagLimits,
    Unit,
)
from reverse_metadata.connectors.mssql import failures, privileges, sql
from reverse_metadata.connectors.mssql.options import MssqlOptions, TagOptions, options_from_catalog
from reverse_metadata.connectors.mssql.reading import classifications, database_state, schema_state
from reverse_metadata.connectors.mssql.refusing import nameable, refused
from reverse_metadata.connectors.mssql.sessions import Sessions
from reverse_metadata.connectors.refusals import Refusal, granting
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import (
    Aspect,
    Change,
    EntityType,
    Outcome,
    Partition,
    Path,
    SourceState,
    Statement,
    Verdict,
)

_ALL = (EntityType.DATABASE, EntityType.SCHEMA, EntityType.TABLE, EntityType.COLUMN)
_PREFIX = str(TagOptions.model_fields["prefix"].default)
_SERVER = "SELECT SERVERPROPERTY('ServerName'), DB_NAME()"
_VERSION = "SELECT SERVERPROPERTY('ProductVersion'), SERVERPROPERTY('Edition'), SERVERPROPERTY('EngineEdition')"
#: Of EngineEdition: https://learn.microsoft.com/en-us/sql/t-sql/functions/serverproperty-transact-sql
_ENGINES = {5: "Azure SQL Database", 8: "Azure SQL Managed Instance", 12: "SQL database in Fabric"}
# A user or a role owns what stands in a database, a login the database itself. Who may do everything counts as a
# superuser.
_USERS = (
    "SELECT p.name, CASE WHEN p.name = 'dbo' OR p.name = 'db_owner' OR IS_ROLEMEMBER('db_owner', p.name) = 1"
    " THEN 1 ELSE 0 END FROM sys.database_principals p WHERE p.name IN ({})"
)
_LOGINS = (
    "SELECT p.name, CASE WHEN p.name = 'sa' OR IS_SRVROLEMEMBER('sysadmin', p.name) = 1 THEN 1 ELSE 0 END"
    " FROM sys.server_principals p WHERE p.name IN ({})"
)
# Without that permission the view of classifications is empty, and what stands of one would be erased with it:
# https://learn.microsoft.com/en-us/sql/relational-databases/system-catalog-views/sys-sensitivity-classifications-transact-sql
_SCHEMA_ID = (
    "SELECT s.schema_id, HAS_PERMS_BY_NAME(QUOTENAME(DB_NAME()), 'DATABASE', 'VIEW ANY SENSITIVITY CLASSIFICATION')"
    " FROM sys.schemas s WHERE s.name = ?"
)
_IDS = (
    "SELECT o.name, c.name, o.object_id, c.column_id FROM sys.columns c JOIN sys.objects o"
    " ON o.object_id = c.object_id WHERE o.schema_id = ? AND o.name IN ({})"
)


class MssqlConnector(Connector):
    """Reads and writes the databases of one server, a connection each, as Azure has no USE. Not for several threads."""

    system: ClassVar[str] = "mssql"
    title: ClassVar[str] = "SQL Server, Azure SQL"
    versions: ClassVar[str] = "SQL Server 2016 to 2025, Azure SQL Database, Managed Instance"
    tried_on: ClassVar[str] = "a stand-in, no engine"
    service_types: ClassVar[tuple[str, ...]] = ("Mssql", "AzureSQL")
    capabilities: ClassVar[Capabilities] = Capabilities(
        levels={Aspect.DESCRIPTION: _ALL, Aspect.OWNER: _ALL[:3], Aspect.TAGS: _ALL},
        transactional=True,
        requests=Requests(schema=5, resolve=3),
        together=True,
        limits={(Aspect.DESCRIPTION, level): sql.LONGEST for level in _ALL},
        unit=Unit.CODE_UNITS,
        tags=TagLimits(max_key=128 - len(_PREFIX), max_value=sql.LONGEST, valueless=True),
    )
    options_type: ClassVar[type[ConnectorOptions]] = MssqlOptions
    options: MssqlOptions

    def __init__(self, options: ConnectorOptions) -> None:
        super().__init__(options)
        self._sessions = Sessions(self.options)
        #: The database that was read last, whose users and roles own what stands in it.
        self._at = self.options.database

    @classmethod
    def options_from_catalog(cls, connection: Mapping[str, Any]) -> dict[str, Any]:
        """See `options.options_from_catalog`."""
        return options_from_catalog(connection)

    def close(self) -> None:
        """Close every connection. Safe to call twice."""
        self._sessions.close()

    def identity(self) -> str:
        """`<server>/<database>`, as the server says them: the name of the machine and instance, or Azure's name."""
        ((server, database),) = self._sessions.ask(self.options.database, "the server's name", lambda ask: ask(_SERVER))
        return f"{server}/{database}"

    def place(self) -> str:
        """The server's own name, and the address as configured."""
        ((server, _),) = self._sessions.ask(self.options.database, "the server's name", lambda ask: ask(_SERVER))
        return f"{server}@{self.options.address}"

    def version(self) -> str:
        """`SQL Server 16.0.4135.4 Developer Edition (64-bit)`, `Azure SQL Database 12.0.2000.8`."""
        ((version, edition, engine),) = self._sessions.ask(
            self.options.database, "the server's version", lambda ask: ask(_VERSION)
        )
        azure = _ENGINES.get(int(engine))
        return f"{azure} {version}" if azure else f"SQL Server {version} {edition}"

    def declines(self, aspect: Aspect) -> str:
        """Tags have no place of their own, so a service must say which one they take."""
        if aspect is Aspect.TAGS and self.options.tags is None:
            return (
                "SQL Server has no tags; `tags: {as: extended_properties}` in the service block writes them as extended"
                " properties, `tags: {as: sensitivity, label: PII}` as classifications of columns"
            )
        return ""

    def read(self, partition: Partition, only: Collection[str] | None = None) -> SourceState:
        """Two queries for a database, five at most for a schema."""
        path = self.options.rewritten(partition.path)
        if not all(map(nameable, path)):
            return {}
        names = None if only is None else {name for name in only if nameable(name)}
        prefix, tags = self._prefix, self.options.tags
        parts = tags.parts if tags and tags.as_ == "sensitivity" else None
        try:
            batches.persistently(lambda: self._sessions.connection(path[0]))
        except SourceError as error:
            if error.reason is Reason.MISSING_OBJECT:
                return {}
            raise
        self._at = path[0]
        if partition.schema is None:
            return self._sessions.ask(
                path[0], f"database {path[0]}", lambda ask: database_state(ask, partition, prefix)
            )
        what = f"schema {path[1]} of database {path[0]}"
        return self._sessions.ask(
            path[0], what, lambda ask: schema_state(ask, partition, path[1], names, prefix=prefix, parts=parts)
        )

    def principals(self, names: Collection[str]) -> dict[str, Principal]:
        """The users and roles among the names, of the database that was read last, and the logins of the server.

        A database of Azure SQL Database knows no logins, so that nobody can be made its owner there.
        """
        asked = sorted(filter(nameable, names))
        if not asked:
            return {}
        listed = ", ".join("?" * len(asked))
        rows = self._sessions.ask(self._at, "users and roles", lambda ask: ask(_USERS.format(listed), *asked))
        try:
            rows += self._sessions.ask(self._at, "logins", lambda ask: ask(_LOGINS.format(listed), *asked))
        except SourceError as error:
            if error.reason is not Reason.MISSING_OBJECT:
                raise
        found: dict[str, Principal] = {}
        for name, superuser in rows:
            if name in names:
                known = found.get(name)
                found[name] = Principal(name, bool(superuser) or (known is not None and known.superuser))
        return found

    def missing(self, partition: Partition, needs: Collection[Need]) -> list[Missing]:
        """See `privileges.missing`."""
        path = self.options.rewritten(partition.path)
        what = f"the privileges on {partition.key}"
        classifies = self.options.tags is not None and self.options.tags.as_ == "sensitivity"
        return self._sessions.ask(
            path[0], what, lambda ask: privileges.missing(ask, needs, path, classifies=classifies)
        )

    def refuse(self, change: Change) -> tuple[Verdict, str] | None:
        """See `refusing.refused`."""
        return refused(change, self.options.tags)

    def resolve(self, changes: Iterable[Change]) -> list[Statement]:
        """The descriptions of a table in one batch, its tags in one; an owner is a statement."""
        statements: list[Statement] = []
        for group in sql.by_table(changes):
            match group[0].aspect:
                case Aspect.OWNER:
                    statements += [sql.handed_over(each, self.options.rewritten(each.path)) for each in group]
                case Aspect.TAGS if self.options.tags and self.options.tags.as_ == "sensitivity":
                    statements.append(self._classified(group, self.options.tags))
                case _:
                    statements.append(sql.statement_of(group, self.options.rewritten, self._property_of))
        return statements

    def execute(
        self, partition: Partition, statements: list[Statement], permit: Permit = lambda: None
    ) -> Iterator[Outcome]:
        """Each statement in a transaction of its own. A COMMIT without an answer is an `Unanswered` error.

        What was added or dropped by somebody else since it was read is read once more, and written by that.
        """

        def sent(each: list[Statement]) -> Iterator[Outcome]:
            return batches.run_each(each, lambda one: self._send(partition, one, permit), self.resolve)

        for outcome in sent(statements):
            if not isinstance(outcome.error, failures.Raced):
                yield outcome
                continue
            try:
                anew = self._anew(partition, outcome.statement)
            except SourceError as error:
                yield replace(outcome, error=error)
                continue
            yield from sent(anew) if anew else (replace(outcome, error=None),)

    def settle(self, partition: Partition) -> None:
        """Take and release the lock under which every batch of this partition runs."""
        database = self.options.rewritten(partition.path)[0]

        def once() -> None:
            connection = self._sessions.connection(database)
            try:
                # The server gives up before the driver does, and says why.
                self._sessions.begin(connection, partition, self.options.statement_timeout * 0.9)
            finally:
                self._sessions.roll_back(database)

        try:
            batches.persistently(once)
        except SourceError as error:
            if error.reason is not Reason.MISSING_OBJECT:
                raise

    def _send(self, partition: Partition, statement: Statement, permit: Permit) -> batches.Failure | None:
        """One transaction. COMMIT is a message of its own, so a writer that dies before it leaves nothing behind."""
        database = self.options.rewritten(partition.path)[0]
        try:
            connection = self._sessions.connection(database)
            self._sessions.begin(connection, partition, self.options.lock_timeout)
        except SourceError as error:
            self._sessions.roll_back(database)
            return batches.Failure(error, spoils_all=True)
        try:
            permit()
            refusal, number = self._carry_out(connection, database, statement)
        except BaseException:
            self._sessions.roll_back(database)
            raise
        if refusal is not None:
            self._sessions.roll_back(database)
            return self._failure(partition, statement, refusal, number)
        return self._commit(connection, database, partition, statement)

    def _carry_out(self, connection: Any, database: str, statement: Statement) -> tuple[Refusal | None, int]:
        """What went wrong, and the server's number of it; None where nothing did."""
        for text in statement.sql or (f"BEGIN TRY\n{statement.text}\nEND TRY\nBEGIN CATCH\n{_TELL}\nEND CATCH",):
            try:
                caught = self._sessions.run(connection, text)
            except Exception as error:
                return self._sessions.meaning(error, database)
            if caught and not statement.sql:
                ((number, message),) = caught
                return failures.refusal_by(int(number), message), int(number)
        return None, 0

    def _commit(
        self, connection: Any, database: str, partition: Partition, statement: Statement
    ) -> batches.Failure | None:
        try:
            self._sessions.run(connection, "COMMIT TRANSACTION")
        except Exception as error:
            refusal, _ = self._sessions.meaning(error, database)
            self._sessions.roll_back(database)
            if refusal.reason is not Reason.CONNECTION:
                return batches.Failure(refusal.error(sql.named(statement)))
            lost = f"the connection was lost before COMMIT was answered: {refusal.message}"
            with suppress(SourceError):
                # The server may still be at it; whoever reads back wants to read the end of it.
                self.settle(partition)
            return batches.Failure(batches.Unanswered(Reason.CONNECTION, lost))
        return None

    def _failure(self, partition: Partition, statement: Statement, refusal: Refusal, number: int) -> batches.Failure:
        what, lacking, spoils_table = sql.named(statement), "", refusal.spoils_table
        if refusal.reason is Reason.CONNECTION and statement.sql:
            return batches.Failure(batches.Unanswered(refusal.reason, str(refusal.error(what))))
        if refusal.reason is Reason.MISSING_PRIVILEGE or number in failures.HIDDEN:
            with suppress(SourceError):  # the advice is an extra; the refusal itself is reported either way
                lacking = granting(self.missing(partition, [Need.of(change) for change in statement.changes]))
        if number in failures.HIDDEN:
            # The server says the same of an object that is not there and of one that the login may not touch.
            reason = Reason.MISSING_PRIVILEGE if lacking else refusal.reason
            refusal, spoils_table = replace(refusal, reason=reason), bool(lacking) or self._gone(partition, statement)
        error = failures.error_of(refusal, number, statement, what, lacking)
        return batches.Failure(error, spoils_table=spoils_table)

    def _gone(self, partition: Partition, statement: Statement) -> bool:
        """Whether the table itself is not there any more, and not only a column of it."""
        try:
            return statement.table not in self.read(partition, statement.table[2:])
        except SourceError:
            return False

    def _anew(self, partition: Partition, statement: Statement) -> list[Statement]:
        """The statement by what stands in the source now; nothing where that is what it shall be."""
        state = self.read(partition, {change.path[2] for change in statement.changes if len(change.path) > 2})
        changes = []
        for change in statement.changes:
            found = state.get(change.path)
            actual = found.value(change.aspect, change.tag_key) if found is not None else None
            if found is None or actual != change.value:
                changes.append(replace(change, actual=actual))
        return self.resolve(changes)

    def _classified(self, changes: list[Change], tags: TagOptions) -> Statement:
        """The classifications of a table, with what stands of them already."""
        path = self.options.rewritten(changes[0].path)

        def asked(ask: Callable[..., Any]) -> dict[Path, dict[str, str]]:
            ids = ask(_SCHEMA_ID, path[1])
            if not ids:
                return {}
            ((schema_id, sees),) = ids
            if not sees:
                raise SourceError(
                    Reason.MISSING_PRIVILEGE,
                    f"classifying {'.'.join(path[:3])}: this writer may not see what classifications stand there, and "
                    "would erase what others said of a column. GRANT VIEW ANY SENSITIVITY CLASSIFICATION to it.",
                )
            named = {
                (table, column): (*path[:2], name, below)
                for name, below, table, column in ask(_IDS.format("?"), schema_id, path[2])
            }
            held = classifications(ask, schema_id, [path[2]])
            return {named[key]: parts for key, parts in held.items() if key in named}

        standing = self._sessions.ask(path[0], f"the classifications of {'.'.join(path[:3])}", asked)
        return sql.classified(changes, self.options.rewritten, tags.parts, tags.ranks, standing)

    @property
    def _prefix(self) -> str:
        return self.options.tags.prefix if self.options.tags else _PREFIX

    def _property_of(self, change: Change) -> str:
        return sql.DESCRIPTION if change.aspect is Aspect.DESCRIPTION else f"{self._prefix}{change.tag_key}"


#: What a batch of ours says when it failed.
_TELL = "SELECT ERROR_NUMBER(), ERROR_MESSAGE();"

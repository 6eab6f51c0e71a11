"""Oracle Database 19c to 26ai through python-oracledb in thin mode, which needs no client.

A schema is a user; nothing else has an owner, and neither a schema nor the database has a comment. Each statement
commits itself, so many COMMENTs travel in one block and what fails is sent once more without the one that failed: to
set a comment twice does no harm. Annotations, where the database has them, are tags.
"""

import hashlib
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, ClassVar

from reverse_metadata.connectors import batches
from reverse_metadata.connectors.base import (
    Capabilities,
    ConnectorOptions,
    Missing,
    Need,
    Permit,
    Requests,
    TagLimits,
    Unit,
)
from reverse_metadata.connectors.characters import storable
from reverse_metadata.connectors.drivers import driver
from reverse_metadata.connectors.oracle import failures, sql
from reverse_metadata.connectors.oracle.names import nameable, to_dictionary
from reverse_metadata.connectors.oracle.options import OracleOptions, address_of, options_from_catalog
from reverse_metadata.connectors.oracle.privileges import missing
from reverse_metadata.connectors.oracle.reading import schema_state
from reverse_metadata.connectors.refusals import Refusal, named, told
from reverse_metadata.connectors.sql import Parameters, Row, SqlConnector
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import (
    Aspect,
    Change,
    EntityType,
    Outcome,
    Partition,
    SourceObject,
    SourceState,
    Statement,
    Verdict,
)

_LEVELS = (EntityType.TABLE, EntityType.COLUMN)
#: https://docs.oracle.com/en/database/oracle/oracle-database/23/sqlrf/COMMENT.html: a text literal of 4000 bytes.
_LONGEST = 4000
#: https://docs.oracle.com/en/error-help/db/ora-11548
_LONGEST_KEY = 1024
#: A block that waits for a lock at each of its statements ends before the lease of a dead run does, so that nothing of
#: it is under way once another run writes: 60 seconds, less a margin.
_BLOCK_SECONDS = 40
_BLOCK = 20
_IDENTITY = (
    "SELECT sys_context('USERENV', 'DB_UNIQUE_NAME'), sys_context('USERENV', 'CON_NAME'),"
    " sys_context('USERENV', 'SERVER_HOST') FROM dual"
)
_VERSION = "SELECT product, version_full FROM product_component_version"
_CHARSET = "SELECT value FROM nls_database_parameters WHERE parameter = 'NLS_CHARACTERSET'"
_ACTIVE = (
    "SELECT COUNT(*) FROM v$session WHERE client_identifier = :mark AND status = 'ACTIVE'"
    " AND (audsid IS NULL OR audsid <> sys_context('USERENV', 'SESSIONID'))"
)
#: Python's name of each character set that holds less than Unicode and is common; Oracle turns what it lacks into `?`.
_CODECS = {
    "WE8MSWIN1252": "cp1252",
    "WE8ISO8859P1": "latin-1",
    "WE8ISO8859P15": "iso8859-15",
    "US7ASCII": "ascii",
    "EE8MSWIN1250": "cp1250",
    "CL8MSWIN1251": "cp1251",
    "JA16SJISTILDE": "cp932",
    "ZHS16GBK": "gbk",
}


class OracleConnector(SqlConnector):
    """Reads and writes one (pluggable) database. Not to be shared by threads."""

    system: ClassVar[str] = "oracle"
    title: ClassVar[str] = "Oracle Database"
    versions: ClassVar[str] = "19c to 26ai; tags from 19.28 and 23ai on"
    tried_on: ClassVar[str] = "a stand-in, no engine"
    service_types: ClassVar[tuple[str, ...]] = ("Oracle",)
    capabilities: ClassVar[Capabilities] = Capabilities(
        levels={Aspect.DESCRIPTION: _LEVELS, Aspect.TAGS: _LEVELS},
        transactional=False,
        requests=Requests(schema=8),
        limits={(Aspect.DESCRIPTION, level): _LONGEST for level in _LEVELS},
        unit=Unit.BYTES,
        tags=TagLimits(max_key=_LONGEST_KEY, max_value=_LONGEST, valueless=True),
    )
    options_type: ClassVar[type[ConnectorOptions]] = OracleOptions
    options: OracleOptions

    def __init__(self, options: ConnectorOptions) -> None:
        super().__init__(options)
        self._server: tuple[str, str] | None = None
        self._charset = ""

    @classmethod
    def options_from_catalog(cls, connection: Mapping[str, Any]) -> dict[str, Any]:
        """See `options.options_from_catalog`."""
        return options_from_catalog(connection)

    def connect(self) -> Any:
        """A session that waits for locks as long as it may."""
        oracledb = driver("oracledb", "oracle")
        connection = oracledb.connect(**self.options.connection_parameters())
        connection.call_timeout = int(self.options.statement_timeout * 1000)
        connection.module = "reverse_metadata"
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER SESSION SET DDL_LOCK_TIMEOUT = {self.options.lock_timeout}")
        return connection

    def run(self, connection: Any, sql: str, parameters: Parameters = ()) -> list[Row]:
        """The rows of a query; binds go by name."""
        with connection.cursor() as cursor:
            cursor.execute(sql, dict(parameters))
            return list(cursor.fetchall()) if sql.startswith("SELECT") else []

    def refusal(self, error: Exception) -> Refusal | None:
        """See `failures`; the driver lets errors of the network below it pass."""
        oracledb = driver("oracledb", "oracle")
        if isinstance(error, oracledb.Error):
            return failures.refusal_of(error)
        return Refusal(Reason.CONNECTION, told(error)) if isinstance(error, OSError) else None

    def claim(self, connection: Any, partition: Partition) -> None:
        """Mark the session, so that `settle` finds it; Oracle has no lock that needs no privilege."""
        connection.client_identifier = _mark(partition)

    def identity(self) -> str:
        """`<database>/<container>@<host>`, as the server says them."""
        ((database, container, host),) = self.ask("the database's name", _IDENTITY)
        return f"{database}/{container}@{host}"

    def place(self) -> str:
        """The database and the container, and the address as configured."""
        ((database, container, _),) = self.ask("the database's name", _IDENTITY)
        return f"{database}/{container}@{address_of(self.options)}"

    def version(self) -> str:
        """The product with its edition, and the release: `Oracle AI Database 26ai Enterprise Edition 23.26.0.0.0`."""
        return " ".join(self._known_server())

    def read(self, partition: Partition, only: Collection[str] | None = None) -> SourceState:
        """At most eight queries: two of them once a connection, and one more where the database has annotations."""
        path = self.options.rewritten(partition.path)
        if partition.schema is None:
            return {partition.path: SourceObject(partition.path, "database")}
        schema = to_dictionary(path[1])
        if not nameable(schema):
            return {}
        if not self._charset:
            ((self._charset,),) = self.ask("the database's character set", _CHARSET)

        def ask(query: str, binds: dict[str, Any]) -> list[Row]:
            return self.ask(f"schema {path[1]}", query, binds)

        return schema_state(ask, partition, schema, only, annotations=self._has_annotations())

    def missing(self, partition: Partition, needs: Collection[Need]) -> list[Missing]:
        """See `privileges.missing`."""
        if partition.schema is None:
            return []
        schema = to_dictionary(self.options.rewritten(partition.path)[1])
        what = f"the privileges on {partition.key}"
        return missing(lambda query, binds: self.ask(what, query, binds), schema, needs)

    def refuse(self, change: Change) -> tuple[Verdict, str] | None:
        """No NUL, nothing that the character set lacks, and annotations only where the database can have them."""
        if change.aspect is Aspect.TAGS and (refused := self._refused_tag(change)):
            return refused
        text = change.value or ""
        if not storable(text):
            return Verdict.INVALID, "Oracle cannot hold a NUL character or half of a surrogate pair; remove it"
        codec = _CODECS.get(self._charset)
        if codec and (lacking := _lacking(text, codec)):
            return (
                Verdict.INVALID,
                f"the database's character set {self._charset} has no {', '.join(map(repr, lacking))}; remove them",
            )
        return None

    def resolve(self, changes: Iterable[Change]) -> list[Statement]:
        """One COMMENT a change; the annotations of a table together, and those of its columns."""
        return sql.resolve(changes, self.options.rewritten)

    def execute(
        self, partition: Partition, statements: list[Statement], permit: Permit = lambda: None
    ) -> Iterator[Outcome]:
        """Comments in blocks, everything else one by one."""
        size = max(1, min(_BLOCK, _BLOCK_SECONDS // max(self.options.lock_timeout, 1)))
        for blocks, group in groupby(statements, key=lambda each: each.aspect is Aspect.DESCRIPTION and not each.sql):
            if blocks:
                yield from batches.run(group, lambda batch: self._send_block(partition, batch, permit), size=size)
            else:
                yield from super().execute(partition, list(group), permit)

    def settle(self, partition: Partition) -> None:
        """Wait for a session of a dead run, as far as the login may see sessions.

        Where it may not, what a block can take is bounded (see `_BLOCK_SECONDS`).
        """
        end = time.monotonic() + self.options.statement_timeout
        while self._active(partition):
            if time.monotonic() > end:
                raise SourceError(
                    Reason.LOCK_TIMEOUT, f"a session of an earlier run is still writing to {partition.key}; try again"
                )
            batches.pause(1)

    def _active(self, partition: Partition) -> bool:
        try:
            ((count,),) = self.ask("the sessions", _ACTIVE, {"mark": _mark(partition)})
        except SourceError as error:
            if error.reason in (Reason.MISSING_OBJECT, Reason.MISSING_PRIVILEGE):
                return False
            raise
        return bool(count)

    def _send_block(self, partition: Partition, batch: list[Statement], permit: Permit) -> batches.Failure | None:
        try:
            connection = self._connection()
        except SourceError as error:
            return batches.Failure(error, spoils_all=True)
        self.claim(connection, partition)
        permit()
        try:
            with connection.cursor() as cursor:
                answers = {"done": cursor.var(int), "code": cursor.var(int), "message": cursor.var(str)}
                cursor.execute(sql.block([statement.text for statement in batch]), answers)
        except Exception as error:
            refusal = self._meaning(error)
            # A statement that hangs is found by halves; without a connection or a login none can be sent.
            nothing_goes = refusal.reason in (Reason.CONNECTION, Reason.AUTHENTICATION)
            return batches.Failure(refusal.error(f"writing to {partition.key}"), spoils_all=nothing_goes)
        done, code, message = (answers[name].getvalue() for name in ("done", "code", "message"))
        if not code:
            return None
        refusal, culprit = failures.refusal_in(code, message or ""), batch[done]
        lacking = self._lacking(partition, culprit) if refusal.reason is Reason.MISSING_PRIVILEGE else ""
        return batches.Failure(refusal.error(named(culprit), lacking), done, refusal.spoils_table)

    def _refused_tag(self, change: Change) -> tuple[Verdict, str] | None:
        if self._server is not None and not self._has_annotations():
            return Verdict.UNSUPPORTED, f"annotations came with 19.28 and 23ai, and this is {self._server[1]}"
        if change.kind in ("view column", "materialized view column"):
            return Verdict.UNSUPPORTED, "Oracle takes annotations of the columns of a view only when it is created"
        key = change.tag_key
        if not key.strip() or '"' in key or "\0" in key or len(key.encode(errors="replace")) > _LONGEST_KEY:
            return (
                Verdict.INVALID,
                f"an annotation's name has letters, no double quote, and at most {_LONGEST_KEY} bytes;"
                " give it another one in tags.map",
            )
        length = len((change.value or "").encode(errors="replace"))
        if length > _LONGEST:
            return Verdict.TOO_LONG, f"{length} bytes; an annotation takes {_LONGEST}"
        return None

    def _known_server(self) -> tuple[str, str]:
        if self._server is None:
            (product, version), *_ = self.ask("the server's version", _VERSION)
            self._server = product.strip(), version
        return self._server

    def _has_annotations(self) -> bool:
        """https://docs.oracle.com/en/database/oracle/oracle-database/19/refrn/USER_ANNOTATIONS_USAGE.html"""
        release = tuple(int(part) for part in self._known_server()[1].split(".")[:2])
        return release >= (23, 0) or (19, 28) <= release < (20, 0)


def _mark(partition: Partition) -> str:
    """At most 64 bytes, which is what a session can be marked with, and another one for every partition."""
    return f"reverse_metadata {hashlib.sha256(partition.key.encode('utf-8', 'surrogatepass')).hexdigest()[:40]}"


def _lacking(text: str, codec: str) -> list[str]:
    """The characters that a codec has not, the first few."""
    found: dict[str, None] = {}
    for character in text:
        try:
            character.encode(codec)
        except UnicodeEncodeError:
            found[character] = None
    return list(found)[:5]

"""Amazon Athena: the tables of AWS's Glue Data Catalog, through boto3.

Athena's own DDL cannot describe every kind of table, and nothing in one statement; Glue's API can:
https://docs.aws.amazon.com/glue/latest/webapi/API_UpdateTable.html. An update replaces the whole table, so it names
the version that it was made from, and is made again when somebody was faster.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, ClassVar

from reverse_metadata.connectors import batches
from reverse_metadata.connectors.athena import glue, lake, queries, statements
from reverse_metadata.connectors.athena.clients import Clients
from reverse_metadata.connectors.athena.grants import Grants, missing
from reverse_metadata.connectors.athena.options import AthenaOptions, options_from_catalog
from reverse_metadata.connectors.athena.reading import schema_state, table_of
from reverse_metadata.connectors.aws import Unreachable
from reverse_metadata.connectors.base import (
    Capabilities,
    Connector,
    ConnectorOptions,
    Missing,
    Need,
    Permit,
    Requests,
)
from reverse_metadata.connectors.refusals import granting, named
from reverse_metadata.errors import Reason, SourceError
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

_LEVELS = (EntityType.SCHEMA, EntityType.TABLE, EntityType.COLUMN)
#: How often a table is read again when somebody else updated it in between.
_RACES = 5
_ACCOUNT = re.compile(r"[0-9]{12}")


class AthenaConnector(Connector):
    """Reads and writes one Glue catalog. Not to be shared by threads.

    The level above Glue's databases has whatever name the catalog gives to it; nothing in AWS is described there.
    """

    system: ClassVar[str] = "athena"
    title: ClassVar[str] = "Amazon Athena"
    versions: ClassVar[str] = "AWS Glue Data Catalog"
    tried_on: ClassVar[str] = "moto, a stand-in"
    service_types: ClassVar[tuple[str, ...]] = ("Athena", "Glue")
    capabilities: ClassVar[Capabilities] = Capabilities(
        levels={Aspect.DESCRIPTION: _LEVELS, Aspect.TAGS: _LEVELS},
        transactional=False,
        # Of a table: a page for every hundred, or a call for one that is named; with `lf_tags`, a call for its tags.
        requests=Requests(schema=3, table=2),
        together=True,
        # https://docs.aws.amazon.com/glue/latest/webapi/API_DatabaseInput.html, API_TableInput.html, API_Column.html
        limits={
            (Aspect.DESCRIPTION, EntityType.SCHEMA): 2048,
            (Aspect.DESCRIPTION, EntityType.TABLE): 2048,
            (Aspect.DESCRIPTION, EntityType.COLUMN): 255,
        },
        tags=lake.LIMITS,
    )
    options_type: ClassVar[type[ConnectorOptions]] = AthenaOptions
    options: AthenaOptions

    def __init__(self, options: ConnectorOptions) -> None:
        super().__init__(options)
        self._clients = Clients(self.options)

    @classmethod
    def options_from_catalog(cls, connection: Mapping[str, Any]) -> dict[str, Any]:
        """See `options.options_from_catalog`."""
        return options_from_catalog(connection)

    def close(self) -> None:
        """Close every client. Safe to call twice."""
        self._clients.close()

    def identity(self) -> str:
        """`aws/eu-west-1/123456789012`: AWS's world, the region, and the id of the catalog."""
        account, _ = self._clients.caller
        return "/".join((self._clients.partition, self._clients.region, self.options.catalog_id or account))

    def read(self, partition: Partition, only: Collection[str] | None = None) -> SourceState:
        """A database of Glue by pages of a hundred tables, or the named tables one by one."""
        path = self.options.rewritten(partition.path)
        if partition.schema is None:
            return {partition.path: SourceObject(partition.path, "catalog")}
        if not glue.nameable(path[1]):
            return {}
        try:
            return schema_state(
                self._persistently, partition, path[1], self._within(path), only, tagged=self.options.lf_tags
            )
        except SourceError as error:
            if error.reason is not Reason.MISSING_PRIVILEGE:
                raise
            raise SourceError(error.reason, f"{error} {granting([self._grants(path).reading()])}") from None

    def version(self) -> str:
        """Glue has no versions; it answers all the same whether the credentials are right."""
        account, _ = self._clients.caller
        return f"AWS Glue Data Catalog of {self.options.catalog_id or account} in {self._clients.region}"

    def missing(self, partition: Partition, needs: Collection[Need]) -> list[Missing]:
        """See `grants.missing`."""
        path = self.options.rewritten(partition.path)
        if len(path) == 1:
            return []
        return missing(self._grants(path), needs, (self.options.lf_tags, self.options.lf_tags_create))

    def declines(self, aspect: Aspect) -> str:
        """LF-tags until the options ask for them."""
        if aspect is not Aspect.TAGS or self.options.lf_tags:
            return ""
        return (
            "tags are written to Lake Formation, where they decide who may see what, once the service has the option "
            "lf_tags: true"
        )

    def refuse(self, change: Change) -> tuple[Verdict, str] | None:
        """What Glue cannot hold, and kinds that are described elsewhere."""
        if declined := self.declines(change.aspect):
            return Verdict.UNSUPPORTED, declined
        if change.aspect is Aspect.TAGS:
            if glue.is_link(change.kind) or change.kind == glue.FIELD:
                return Verdict.UNSUPPORTED, f"Lake Formation has no tags on a {change.kind}"
            return None
        if reason := glue.read_only(change.kind):
            return Verdict.UNSUPPORTED, reason
        return None if change.value is None else glue.refused_text(change.type, change.value)

    def resolve(self, changes: Iterable[Change]) -> list[Statement]:
        """One call for the descriptions of a table and all its columns; one for tags that are set on the same."""
        return statements.resolve(changes, self.options)

    def execute(
        self, partition: Partition, statements: list[Statement], permit: Permit = lambda: None
    ) -> Iterator[Outcome]:
        """One call after the other."""
        return batches.run_each(statements, lambda statement: self._send(statement, permit), self.resolve)

    def settle(self, partition: Partition) -> None:
        """Wait for the queries of templates. An update of a table needs no waiting for: one that arrives late names a
        version that the table no longer has, and is refused."""
        path = self.options.rewritten(partition.path)
        if len(path) > 1:
            queries.settle(self._persistently, self.options, path[1])

    def _send(self, statement: Statement, permit: Permit) -> batches.Failure | None:
        try:
            if statement.sql:
                self._run(statement, permit)
            elif statement.aspect is Aspect.TAGS:
                self._tag(statement, permit)
            else:
                self._describe(statement, permit)
        except SourceError as error:
            return self._failure(statement, error)
        return None

    def _describe(self, statement: Statement, permit: Permit) -> None:
        """Read the object, write the changes into it, send it back; again when somebody was faster."""
        names = self.options.rewritten(statement.table)
        update = self._update_database if len(names) == 2 else self._update_table
        for race in range(1, _RACES + 1):
            try:
                update(names, statement, permit)
            except SourceError as error:
                if error.reason is not Reason.SERIALIZATION or race == _RACES:
                    raise
            else:
                return

    def _update_database(self, names: Path, statement: Statement, permit: Permit) -> None:
        """https://docs.aws.amazon.com/glue/latest/webapi/API_UpdateDatabase.html"""
        within, what = self._within(names), named(statement)
        found = self._clients.call("glue", "get_database", what, Name=names[1], **within)["Database"]
        if reason := glue.read_only(glue.schema_kind(found)):
            raise SourceError(Reason.MISSING_OBJECT, f"{what}: {reason}. The next run reads what it has become.")
        wanted = glue.as_input(found, self._clients.shape("DatabaseInput"))
        before = dict(wanted)
        glue.describe_database(wanted, statement.changes)
        if wanted != before:
            permit()
            self._clients.call("glue", "update_database", what, Name=names[1], DatabaseInput=wanted, **within)

    def _update_table(self, names: Path, statement: Statement, permit: Permit) -> None:
        """https://docs.aws.amazon.com/glue/latest/webapi/API_UpdateTable.html"""
        within, what = self._within(names), named(statement)
        found = table_of(self._clients.call, what, names[1], names[2], within)
        if found is None:
            raise SourceError(
                Reason.MISSING_OBJECT, f"{what}: there is no such table. It was dropped since it was read."
            )
        if reason := glue.read_only(glue.table_kind(found)):
            raise SourceError(Reason.MISSING_OBJECT, f"{what}: {reason}. The next run reads what it has become.")
        shape = self._clients.shape("TableInput")
        wanted = glue.as_input(found, shape)
        glue.describe_table(wanted, statement.changes, f"{names[1]}.{names[2]}")
        if wanted == glue.as_input(found, shape):
            return
        version = {"VersionId": found["VersionId"]} if found.get("VersionId") else {}
        permit()
        self._clients.call(
            "glue",
            "update_table",
            what,
            DatabaseName=names[1],
            TableInput=wanted,
            SkipArchive=self.options.skip_archive,
            **version,
            **within,
        )

    def _tag(self, statement: Statement, permit: Permit) -> None:
        names = self.options.rewritten(statement.table)
        permit()
        tags = lake.Lake(self._clients.call, self._within(names), self.options.lf_tags_create)
        tags.send(names[1:], statement.changes)

    def _run(self, statement: Statement, permit: Permit) -> None:
        names = self.options.rewritten(statement.table)
        permit()
        for sql in statement.sql:
            queries.run(self._clients.call, self.options, names[1], sql, named(statement))

    def _failure(self, statement: Statement, error: SourceError) -> batches.Failure:
        if isinstance(error, glue.MissingColumn | lake.NotTagged) or statement.sql:
            return batches.Failure(error)
        if error.reason is Reason.MISSING_PRIVILEGE:
            try:
                error = SourceError(error.reason, f"{error} {self._lacking(statement, error)}")
            except SourceError as unknown:
                # The advice is an extra; the refusal itself is reported either way.
                error = SourceError(error.reason, f"{error} ({unknown})")
        return batches.Failure(
            error,
            spoils_table=error.reason in (Reason.MISSING_PRIVILEGE, Reason.MISSING_OBJECT),
            spoils_all=error.reason is Reason.AUTHENTICATION or isinstance(error, Unreachable),
        )

    def _lacking(self, statement: Statement, error: SourceError) -> str:
        names = self.options.rewritten(statement.table)
        grants = self._grants(names)
        if statement.aspect is Aspect.TAGS:
            return granting([grants.tagging(self.options.lf_tags_create)])
        if len(names) == 2:
            return granting([grants.updating_the_database(error)])
        return granting([grants.updating_tables([names[2]], error)])

    def _grants(self, path: Path) -> Grants:
        return Grants(self._clients, self._within(path), path[1])

    def _within(self, path: Path) -> dict[str, str]:
        """What names the catalog in a call, where it is not the caller's own.

        The catalog's ingestion of Glue calls the level above the schemas by the id of Glue's catalog.
        """
        named = path[0] if _ACCOUNT.fullmatch(path[0]) else ""
        catalog = self.options.catalog_id or named
        return {"CatalogId": catalog} if catalog else {}

    def _persistently(self, *arguments: Any, **parameters: Any) -> dict[str, Any]:
        """A call, made again while it fails for a reason that may pass."""
        return batches.persistently(lambda: self._clients.call(*arguments, **parameters))

"""Google BigQuery through its REST API and Google's client.

SQL can describe neither nested columns nor those of views; `tables.patch` describes a table of any kind, its columns
and its labels in one call: https://cloud.google.com/bigquery/docs/reference/rest/v2/tables/patch. A schema is sent as
a whole, so the call names the version that it was made from, and is made again when somebody was faster.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, ClassVar

from reverse_metadata.connectors import batches
from reverse_metadata.connectors.base import (
    Capabilities,
    Connector,
    ConnectorOptions,
    Missing,
    Need,
    Permit,
    Requests,
    TagLimits,
)
from reverse_metadata.connectors.bigquery import grants, queries, statements
from reverse_metadata.connectors.bigquery.calls import Calls
from reverse_metadata.connectors.bigquery.failures import Unreachable
from reverse_metadata.connectors.bigquery.names import nameable
from reverse_metadata.connectors.bigquery.options import BigQueryOptions, options_from_catalog
from reverse_metadata.connectors.bigquery.reading import schema_state
from reverse_metadata.connectors.bigquery.resources import LINKED, RECORD, policy_tagged, unmapped, updated
from reverse_metadata.connectors.characters import storable
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
#: How often an object is read again when somebody else changed it in between.
_RACES = 5
#: Letters that have no capitals, or are none: Latin, Greek, Cyrillic, Hebrew, Arabic, Devanagari, Thai, Japanese,
#: Chinese and Korean. BigQuery takes more scripts; of a letter that is not here the verdict is `invalid`.
_LETTERS = (
    r"a-z\u00df-\u00f6\u00f8-\u00ff\u03b1-\u03c9\u0430-\u044f\u0451\u05d0-\u05ea\u0621-\u064a\u0904-\u0939\u0e01-\u0e2e"
    r"\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff\uac00-\ud7a3"
)
_LABEL = rf"{_LETTERS}0-9_\-"


class BigQueryConnector(Connector):
    """Reads and writes the datasets of BigQuery's projects, which are its databases. Not to be shared by threads."""

    system: ClassVar[str] = "bigquery"
    title: ClassVar[str] = "BigQuery"
    versions: ClassVar[str] = "API v2"
    tried_on: ClassVar[str] = "an emulator (local-bigquery) and a stand-in"
    service_types: ClassVar[tuple[str, ...]] = ("BigQuery",)
    capabilities: ClassVar[Capabilities] = Capabilities(
        levels={Aspect.DESCRIPTION: _LEVELS, Aspect.TAGS: _LEVELS},
        transactional=False,
        # Of a schema: the dataset, and a page of the list of its tables, one more for every thousand.
        requests=Requests(schema=2, table=1, preflight=2),
        together=True,
        # https://cloud.google.com/bigquery/quotas#dataset_limits, #all_tables
        limits={
            (Aspect.DESCRIPTION, EntityType.SCHEMA): 16_384,
            (Aspect.DESCRIPTION, EntityType.TABLE): 16_384,
            (Aspect.DESCRIPTION, EntityType.COLUMN): 1_024,
        },
        # Labels: https://cloud.google.com/bigquery/docs/labels-intro#requirements
        tags=TagLimits(
            max_key=63, max_value=63, max_tags=64, key_characters=_LABEL, value_characters=_LABEL, valueless=True
        ),
        # Policy tags: https://cloud.google.com/bigquery/docs/column-level-security-intro
        tags_of={EntityType.COLUMN: TagLimits(max_tags=1)},
    )
    options_type: ClassVar[type[ConnectorOptions]] = BigQueryOptions
    options: BigQueryOptions

    def __init__(self, options: ConnectorOptions) -> None:
        super().__init__(options)
        self._calls = Calls(self.options)
        self._answered: str | None = None
        self._locations: dict[Path, str | None] = {}

    @classmethod
    def options_from_catalog(cls, connection: Mapping[str, Any]) -> dict[str, Any]:
        """See `options.options_from_catalog`."""
        return options_from_catalog(connection)

    def close(self) -> None:
        """Close the client. Safe to call twice."""
        self._calls.close()

    def identity(self) -> str:
        """`bigquery.googleapis.com/shop-project`: the host of the API and the project that stands for the service."""
        return f"{self.options.host}/{self._project()}"

    def place(self) -> str:
        """The host of the API: whatever is there, is there under the names of its project and dataset."""
        return self.options.host

    def read(self, partition: Partition, only: Collection[str] | None = None) -> SourceState:
        """See `reading.schema_state`. A project has nothing that could be described."""
        path = self.options.rewritten(partition.path)
        if not nameable(path):
            return {}
        try:
            if partition.schema is not None:
                return schema_state(self._calls, partition, path, only, self.options)
            self._calls.hello(path[0])
        except SourceError as error:
            if error.reason is Reason.MISSING_OBJECT:
                return {}
            if error.reason is not Reason.MISSING_PRIVILEGE or len(path) == 1:
                raise
            advice = granting([grants.Grants(self._calls.principal(), path).reading()])
            raise SourceError(error.reason, f"{error} {advice}") from None
        return {partition.path: SourceObject(partition.path, "project")}

    def version(self) -> str:
        """BigQuery has no versions; it answers all the same whether the credentials are right."""
        return f"BigQuery API v2, project {self._project()}"

    def missing(self, partition: Partition, needs: Collection[Need]) -> list[Missing]:
        """See `grants.missing`."""
        path = self.options.rewritten(partition.path)
        return grants.missing(self._calls, needs, path) if len(path) > 1 and nameable(path) else []

    def refuse(self, change: Change) -> tuple[Verdict, str] | None:
        """What is read-only, what no label and no policy tag can say, and texts that are none."""
        if change.kind.startswith(LINKED):
            return Verdict.UNSUPPORTED, "a linked dataset is read-only; describe it in the project that shares it"
        if change.aspect is Aspect.TAGS:
            return self._refused_tag(change)
        if change.value is not None and not storable(change.value):
            # Nobody says what becomes of a NUL there.
            return Verdict.INVALID, "a NUL character or half of a surrogate pair is no text; remove it"
        return None

    def _refused_tag(self, change: Change) -> tuple[Verdict, str] | None:
        if len(change.path) < 4:
            if change.value is not None and not change.tag_key[:1].isalpha():
                return Verdict.INVALID, f"the key {change.tag_key} of a label must begin with a letter"
            return None
        if change.kind == RECORD:
            return Verdict.UNSUPPORTED, "BigQuery has policy tags on columns without columns of their own alone"
        if change.value is not None and self.options.policy_tag(change.tag_key, change.value) is None:
            return Verdict.UNSUPPORTED, unmapped(change.tag_key, change.value)
        return None

    def resolve(self, changes: Iterable[Change]) -> list[Statement]:
        """One call for all that changes of a table and its columns."""
        return statements.resolve(changes, self.options)

    def execute(
        self, partition: Partition, statements: list[Statement], permit: Permit = lambda: None
    ) -> Iterator[Outcome]:
        """One call after the other."""
        return batches.run_each(statements, lambda statement: self._send(partition, statement, permit), self.resolve)

    def settle(self, partition: Partition) -> None:
        """Wait for the queries of templates. A PATCH has no need of it: it is carried out while it is answered."""
        path = self.options.rewritten(partition.path)
        if len(path) > 1 and nameable(path):
            queries.settle(self._calls, self.options, path)

    def _send(self, partition: Partition, statement: Statement, permit: Permit) -> batches.Failure | None:
        try:
            if statement.sql:
                self._run(partition, statement, permit)
                return None
        except SourceError as error:
            return self._failure(partition, statement, error)
        return self._patch(partition, statement, permit)

    def _run(self, partition: Partition, statement: Statement, permit: Permit) -> None:
        path = self.options.rewritten(partition.path)
        for sql in statement.sql:
            permit()
            queries.run(self._calls, self.options, path, self._location(path), named(statement), sql)

    def _location(self, path: Path) -> str | None:
        """Where the queries of a partition run: where its dataset is, and that is asked once."""
        if self.options.location or len(path) < 2:
            return self.options.location
        if path not in self._locations:
            self._locations[path] = self._calls.dataset(path).get("location")
        return self._locations[path]

    def _patch(self, partition: Partition, statement: Statement, permit: Permit) -> batches.Failure | None:
        """Read the object, write the changes into it, send what differs; again when somebody was faster."""
        path, what = self.options.rewritten(statement.table), named(statement)
        of_table = len(path) > 2
        for race in range(1, _RACES + 1):
            try:
                resource = self._calls.table(path) if of_table else self._calls.dataset(path)
            except SourceError as error:
                return self._failure(partition, statement, error, gone=True)
            update = updated(resource, statement.changes, self.options)
            if (blame := update.error(what)) is not None:
                return batches.Failure(blame, blamed=tuple(update.blamed))
            if not update.fields:
                return None
            permit()
            try:
                (self._calls.patch_table if of_table else self._calls.patch_dataset)(what, resource, update.fields)
            except SourceError as error:
                if error.reason is Reason.SERIALIZATION and race < _RACES:
                    continue
                tagged = "schema" in update.fields and policy_tagged(resource)
                return self._failure(partition, statement, error, tagged=tagged)
            return None
        raise AssertionError("the last race is reported")

    def _failure(
        self,
        partition: Partition,
        statement: Statement,
        error: SourceError,
        *,
        gone: bool = False,
        tagged: bool = False,
    ) -> batches.Failure:
        """What a failure means for the changes of the statement.

        `gone` says that the object itself could not be read, `tagged` that its schema, with policy tags, was sent.
        """
        if isinstance(error, Unreachable) or error.reason is Reason.AUTHENTICATION:
            return batches.Failure(error, spoils_all=True)
        if error.reason is not Reason.MISSING_PRIVILEGE:
            return batches.Failure(error, spoils_table=gone and error.reason is Reason.MISSING_OBJECT)
        told = SourceError(error.reason, f"{error} {self._lacking(partition, statement)}".rstrip())
        columns = tuple(change for change in statement.changes if len(change.path) > 3)
        if tagged and len(columns) < len(statement.changes):
            # Perhaps only the policy tags may not be sent; what is no column's needs none.
            return batches.Failure(told, blamed=columns)
        return batches.Failure(told, spoils_table=True)

    def _lacking(self, partition: Partition, statement: Statement) -> str:
        try:
            return granting(self.missing(partition, [Need.of(change) for change in statement.changes]))
        except SourceError:
            # The advice is an extra; the refusal itself is reported either way.
            return ""

    def _project(self) -> str:
        """The project that stands for the service, once BigQuery answered."""
        if self._answered is None:
            project = self._calls.project()
            self._calls.hello(project)
            self._answered = project
        return self._answered

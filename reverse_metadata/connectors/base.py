"""What every connector says and does.

A connector reads and writes one service. It is a plain object: it knows no Dagster, opens its connection on
first use and needs its driver only then. A new system is one file here and one line in `registry.py`.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

from reverse_metadata.dialects import Dialect, dialect_of
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

_REWRITABLE = ("database", "schema")
#: A scheme, or a port as one writes it after a host; an IPv6 address has more than one colon.
_MORE_THAN_A_HOST = re.compile(r"://|^[^:/]+:\d+$|,\d+$")

#: `json_schema_extra` of the options that say where and as whom to connect, and of the secret ones among them. They
#: are never mixed with a connection that the catalog holds: its editors must not learn a password of ours.
CONNECTION: dict[str, JsonValue] = {"connection": True}
SECRET: dict[str, JsonValue] = {"connection": True, "secret": True}


class Unit(StrEnum):
    """In what a system counts the length of a text."""

    CHARACTERS = "characters"
    #: Of UTF-8.
    BYTES = "bytes"
    #: Of UTF-16: one for most characters, two for an emoji.
    CODE_UNITS = "UTF-16 code units"


@dataclass(frozen=True, slots=True)
class Limit:
    """The longest value that a place can hold."""

    most: int
    unit: Unit = Unit.CHARACTERS

    def length(self, text: str) -> int:
        """How much of it the text takes."""
        match self.unit:
            case Unit.CHARACTERS:
                return len(text)
            case Unit.BYTES:
                return len(text.encode(errors="surrogatepass"))
            case Unit.CODE_UNITS:
                return len(text) + sum(character > "\uffff" for character in text)

    def cut(self, text: str) -> str:
        """The text where it fits, and else as much of it as does, with an ellipsis at the end."""
        if self.length(text) <= self.most:
            return text
        room = self.most - self.length("…")
        kept = text[:room]
        while self.length(kept) > room:
            # Every character takes one at least: what is too much is dropped in few steps.
            kept = kept[: len(kept) - max((self.length(kept) - room) // 4, 1)]
        return kept + "…"

    def __str__(self) -> str:
        """For people: `4,000 bytes`."""
        return f"{self.most:,} {self.unit}"


@dataclass(frozen=True, slots=True)
class TagLimits:
    """What the tags of a system may look like. None, and "" for characters, mean no limit.

    Lengths count characters. `key_characters` and `value_characters` are the inside of a character class of a regular
    expression: `a-z0-9_-`.
    """

    max_key: int | None = None
    max_value: int | None = None
    #: Tags that one object can have, those of others included.
    max_tags: int | None = None
    key_characters: str = ""
    value_characters: str = ""
    #: Whether a key can stand without a value.
    valueless: bool = False
    #: The classification under which the catalog lists keys that stand without a value, each as a tag of it.
    placeholder: str = ""


@dataclass(frozen=True, slots=True)
class Requests:
    """How many queries or calls a connector makes at most, as its tests hold it to.

    Reading a schema takes `schema`, and `table` more for each table that is read; `resolve` takes `resolve` for each
    table, and `missing` takes `preflight` for each. Nothing grows with the columns.
    """

    schema: int
    table: int = 0
    resolve: int = 0
    preflight: int = 0


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a system can hold, as data: the support matrix and the documentation are made of it."""

    levels: Mapping[Aspect, tuple[EntityType, ...]]
    #: Whether DDL is transactional, so that a failed batch leaves nothing behind.
    transactional: bool
    requests: Requests = Requests(schema=1)
    #: Whether one statement can carry the changes of a table and all its columns, and not one change alone.
    together: bool = False
    #: With `together`, how many statements it takes where the columns cannot stand in the table's own: 2.
    statements: int = 1
    #: Whether a text reads back exactly as it was sent. Then another text was written by somebody else.
    verbatim: bool = True
    #: Longest value by (aspect, level), in `unit`; a level that is absent has no limit.
    limits: Mapping[tuple[Aspect, EntityType], int] = field(default_factory=dict)
    unit: Unit = Unit.CHARACTERS
    tags: TagLimits = field(default_factory=TagLimits)
    #: What the tags of a level may look like, where it is not `tags`.
    tags_of: Mapping[EntityType, TagLimits] = field(default_factory=dict)
    #: What can be written and not be read: it is written again only once the catalog has another value.
    write_only: Mapping[Aspect, tuple[EntityType, ...]] = field(default_factory=dict)

    def limit(self, aspect: Aspect, level: EntityType) -> Limit | None:
        """The longest value of an aspect at this level; None where there is no limit."""
        most = self.limits.get((aspect, level))
        return None if most is None else Limit(most, self.unit)

    def tag_limits(self, level: EntityType) -> TagLimits:
        """What the tags of an object of this level may look like."""
        return self.tags_of.get(level, self.tags)

    def is_write_only(self, aspect: Aspect, level: EntityType) -> bool:
        """Whether nobody can tell what stands in the source."""
        return level in self.write_only.get(aspect, ())

    def supports(self, aspect: Aspect, level: EntityType) -> bool:
        """Whether the system has a place for this aspect at this level."""
        return level in self.levels.get(aspect, ())


@dataclass(frozen=True, slots=True)
class Principal:
    """A user, role or group of the source that an object can be owned by."""

    name: str
    superuser: bool = False


@dataclass(frozen=True, slots=True)
class Need:
    """What a channel means to do: write an aspect of an object.

    `path` and `kind` are as in `SourceObject`; of an object that the writer does not see, `kind` is its level. `owner`
    is the principal that the object is to be handed over to.
    """

    aspect: Aspect
    path: Path
    kind: str
    owner: str | None = None

    @staticmethod
    def of(change: Change) -> "Need":
        """What writing a change needs."""
        return Need(change.aspect, change.path, change.kind, change.value if change.aspect is Aspect.OWNER else None)


@dataclass(frozen=True, slots=True)
class Missing:
    """A privilege that the writer lacks.

    `what` is a sentence; `grants` gives the privilege, statement by statement and ready to paste, each complete with
    its semicolon where the system has one; it is empty where no grant can help, and then the sentence says what would.
    """

    what: str
    grants: tuple[str, ...] = ()


class ConnectorOptions(BaseModel):
    """The keys that every service block of the configuration may have."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rewrite: dict[str, dict[str, str]] = Field(
        default_factory=dict,
        description="Names to write to instead, by level: {database: {PROD: PROD_CLONE}}. For rehearsals on a clone.",
    )

    @field_validator("host", check_fields=False)
    @classmethod
    def _no_more_than_a_host(cls, host: str | None) -> str | None:
        if host and _MORE_THAN_A_HOST.search(host):
            raise ValueError("give the host alone: port and scheme have keys of their own where they matter")
        return host

    @field_validator("rewrite")
    @classmethod
    def _one_name_each(cls, rewrite: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        for level, names in rewrite.items():
            if level not in _REWRITABLE:
                raise ValueError(f"{level!r} cannot be rewritten; the levels are 'database' and 'schema'")
            for target in names.values():
                sources = sorted(name for name, other in names.items() if other == target)
                if len(sources) > 1:
                    raise ValueError(f"{' and '.join(sources)} would both be written to the {level} {target}")
        return rewrite

    def rewritten(self, path: Path) -> Path:
        """The path to use in the source for a path of the catalog."""
        names = (self.rewrite.get(level, {}).get(name, name) for level, name in zip(_REWRITABLE, path, strict=False))
        return (*names, *path[len(_REWRITABLE) :])


class Overrides(ConnectorOptions):
    """What a service block without a `type` may say: options of the system that the catalog knows the service by, but
    none of its connection."""

    model_config = ConfigDict(extra="allow", frozen=True)


def is_connection(options_type: type[BaseModel], key: str) -> bool:
    """Whether an option says where or as whom to connect."""
    options_field = options_type.model_fields.get(key)
    extra = options_field.json_schema_extra if options_field is not None else None
    return isinstance(extra, dict) and bool(extra.get("connection"))


def ordered(changes: Iterable[Change]) -> list[Change]:
    """The changes in the order in which they are sent: by aspect (owners last), then by table.

    Every writer takes its locks in this order, so that two of them cannot deadlock.
    """
    return sorted(changes, key=lambda change: (_ASPECTS.index(change.aspect), change.table))


_ASPECTS = tuple(Aspect)


#: Raises when the writer may not write any more.
Permit = Callable[[], None]


class Connector(ABC):
    """Reads and writes one service of one system."""

    #: The name of the system in the configuration: `postgres`.
    system: ClassVar[str]
    #: The name of the system for people: `PostgreSQL`.
    title: ClassVar[str]
    #: The versions that are supported, for people: `15 to 18`.
    versions: ClassVar[str]
    #: What the tests run it on, for people: a vendor's engine, an emulator, or a stand-in, which proves less.
    tried_on: ClassVar[str]
    #: The catalog's `serviceType`s that this connector serves.
    service_types: ClassVar[tuple[str, ...]]
    capabilities: ClassVar[Capabilities]
    options_type: ClassVar[type[ConnectorOptions]]

    @property
    def dialect(self) -> Dialect:
        """How SQL is written for this service. Raises ConfigurationError when there are no templates for the system."""
        return dialect_of(self.system)

    def __init__(self, options: ConnectorOptions) -> None:
        """`options` is an `options_type` whose values are resolved. Nothing connects yet."""
        self.options = options
        #: The run that this writes for, where a session can carry its id; "" outside of one.
        self.run_id = ""

    @classmethod
    @abstractmethod
    def options_from_catalog(cls, connection: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of `options_type` that say the same as a service's `connection.config` in the catalog.

        Raises ConfigurationError that names what cannot be reused.
        """

    @abstractmethod
    def close(self) -> None:
        """Close every connection. Safe to call twice."""

    @abstractmethod
    def identity(self) -> str:
        """Names the server and database behind the connection, so that two services that are one are recognised."""

    def place(self) -> str:
        """Where the service points: the same while a server moves behind its name, another once it is pointed at a
        clone. Raises SourceError."""
        return self.identity()

    def source(self, partition: Partition) -> str:
        """Names what the partition is written to: the place, and the names in it when they are rewritten."""
        path = self.options.rewritten(partition.path)
        return self.place() if path == partition.path else "/".join((self.place(), *path))

    @abstractmethod
    def read(self, partition: Partition, only: Collection[str] | None = None) -> SourceState:
        """All objects of the partition with their descriptions, owners, kinds and ids.

        `only` names the tables to read; the schema itself is always included. The number of queries is the one of
        `capabilities.requests`. An absent schema or database gives an empty state.
        Raises SourceError.
        """

    def principals(self, names: Collection[str]) -> dict[str, Principal]:
        """Those of the names that exist in the source, in one query; none where nothing has an owner.

        Raises SourceError.
        """
        return {}

    @abstractmethod
    def version(self) -> str:
        """The product and version that answers, with its edition where that matters: `PostgreSQL 18.4`.

        Raises SourceError.
        """

    @abstractmethod
    def missing(self, partition: Partition, needs: Collection[Need]) -> list[Missing]:
        """The privileges that the writer lacks for the needs, all of them in this partition; nothing is written.

        An object that is not there lacks nothing; where a system hides what one has no privilege on, and so nobody can
        tell, the privilege to see it is missing. The number of queries does not depend on the number of needs, beyond
        `capabilities.requests.preflight` for each table.
        Raises SourceError.
        """

    def declines(self, aspect: Aspect) -> str:
        """Why this service writes nothing of an aspect that its system has: the sentence names the option that would
        have it written. "" where nothing is in the way."""
        return ""

    @abstractmethod
    def refuse(self, change: Change) -> tuple[Verdict, str] | None:
        """The verdict and reason when the change cannot be written: the engine cannot hold the value (NUL, charset),
        objects of this kind have no place for it, or writing it would rebuild the table."""

    @abstractmethod
    def resolve(self, changes: Iterable[Change]) -> list[Statement]:
        """The statements that carry the changes: ordered by table, descriptions first and owners last.

        Where a statement must repeat what stands in the source, this asks for it, `capabilities.requests.resolve`
        times a table. Raises SourceError.
        """

    @abstractmethod
    def execute(
        self, partition: Partition, statements: list[Statement], permit: Permit = lambda: None
    ) -> Iterator[Outcome]:
        """Run the statements in batches and yield one outcome each.

        `permit` is called when a batch has the source's lock and before it is sent; what it raises ends the
        execution, with the batch rolled back. A writer that slept through its lease stops there.
        What fails is rolled back and split until the bad change stands alone, so that the others still arrive: an
        outcome may then be of a part of a statement. Only transient errors are tried again. The statements in
        `Statement.sql` are sent one by one, as they are. Never raises SourceError for a single statement.
        """

    @abstractmethod
    def settle(self, partition: Partition) -> None:
        """Wait until nothing that a dead run sent to this partition is still in flight. Raises SourceError."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

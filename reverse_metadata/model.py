"""The nouns of the project: entities, aspects, changes, verdicts, statements, outcomes.

Nothing here knows Dagster, a catalog or a database. Every class is plain data that survives a trip through JSON.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from reverse_metadata import fqn as fqns
from reverse_metadata.errors import FqnError, SourceError

#: Names of an entity below its service, as the source knows them: (database, schema, table, column, nested...).
Path = tuple[str, ...]


class EntityType(StrEnum):
    """The four levels of a service. A table is any kind: view, materialized view, foreign table..."""

    DATABASE = "database"
    SCHEMA = "schema"
    TABLE = "table"
    COLUMN = "column"

    @staticmethod
    def of(path: Path) -> "EntityType":
        """The level that a path of this length names."""
        return _LEVELS[min(len(path), 4) - 1]


_LEVELS = (EntityType.DATABASE, EntityType.SCHEMA, EntityType.TABLE, EntityType.COLUMN)


class Aspect(StrEnum):
    """What is pushed of an entity, in the order in which a run pushes it."""

    DESCRIPTION = "description"
    TAGS = "tags"
    OWNER = "owner"


class Verdict(StrEnum):
    """What is decided about one change."""

    APPLY = "apply"
    CLEAR = "clear"
    IN_SYNC = "in_sync"
    CONFLICT = "conflict"
    AMBIGUOUS = "ambiguous"
    HELD = "held"
    UNMAPPED_OWNER = "unmapped_owner"
    UNSUPPORTED = "unsupported"
    MISSING = "missing"
    GONE = "gone"
    TOO_LONG = "too_long"
    INVALID = "invalid"
    UNSAFE = "unsafe"
    BRAKED = "braked"
    WAITING = "waiting"
    CONTESTED = "contested"
    STALE = "stale"

    @property
    def writes(self) -> bool:
        """Whether a change with this verdict is written to the source."""
        return self in (Verdict.APPLY, Verdict.CLEAR)

    @property
    def plans(self) -> bool:
        """Whether there is a statement for a change with this verdict, even if somebody must approve it first."""
        return self.writes or self is Verdict.WAITING

    @property
    def needs_attention(self) -> bool:
        """Whether a person should look at it: the catalog's value is not, and will not be, in the source."""
        return not self.writes and self not in (Verdict.IN_SYNC, Verdict.GONE, Verdict.HELD)


class Origin(StrEnum):
    """How the ledger came to know the last value of an aspect."""

    PUSHED = "pushed"
    ADOPTED = "adopted"
    RESTORED = "restored"


@dataclass(frozen=True, slots=True)
class Owner:
    """A user or team that the catalog names as an owner."""

    id: str
    type: str
    name: str
    display_name: str = ""
    inherited: bool = False
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Tag:
    """A label of the catalog. `fqn` is `Classification.Tag` in the catalog's quoting."""

    fqn: str
    source: str = "Classification"
    label_type: str = "Manual"
    state: str = "Confirmed"


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain of the catalog. `fqn` names those above it too: `Finance.Risk`."""

    fqn: str
    display_name: str = ""


@dataclass(frozen=True, slots=True)
class Entity:
    """A database, schema, table or column as the catalog describes it.

    `path` holds the names as the source knows them, `fqn` the name as the catalog writes it. A column has the
    id of its table. `updated_at` is in milliseconds since 1970, 0 where the catalog does not say.

    What follows `url` is for filters, and empty where the catalog does not say or was not asked: `service_type` and
    `table_type` are the catalog's words, `parent_names` the display names of the service, database and schema above
    the entity, `certification` the FQN of a tag, `extension` the custom properties as JSON. A column has a display
    name alone.
    """

    fqn: str
    type: EntityType
    id: str
    service: str
    path: Path
    description: str | None = None
    owners: tuple[Owner, ...] = ()
    tags: tuple[Tag, ...] = ()
    columns: tuple["Entity", ...] = ()
    deleted: bool = False
    version: str = ""
    updated_by: str = ""
    updated_at: int = 0
    url: str = ""
    display_name: str = ""
    service_type: str = ""
    table_type: str = ""
    parent_names: tuple[str, ...] = ()
    domains: tuple[Domain, ...] = ()
    certification: str = ""
    extension: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def walk(self) -> Iterator["Entity"]:
        """The entity itself, then all its columns, nested ones after their parent."""
        yield self
        for column in self.columns:
            yield from column.walk()


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition of a channel: one schema of a service, or (`schema` None) the database entity itself."""

    service: str
    database: str
    schema: str | None

    @property
    def key(self) -> str:
        """The partition key: the FQN of the schema or database."""
        return fqns.join((self.service, *self.path))

    @property
    def path(self) -> Path:
        """The path of the schema or database entity."""
        return (self.database,) if self.schema is None else (self.database, self.schema)

    @staticmethod
    def parse(key: str) -> "Partition":
        """The partition of a key. Raises FqnError when it names neither a database nor a schema."""
        names = fqns.split(key)
        if len(names) not in (2, 3):
            raise FqnError(f"{key!r} is not the FQN of a schema (service.database.schema) or of a database")
        return Partition(names[0], names[1], names[2] if len(names) == 3 else None)

    @staticmethod
    def holding(service: str, path: Path) -> "Partition":
        """The partition in which an entity is pushed."""
        return Partition(service, path[0], path[1] if len(path) > 1 else None)


@dataclass(frozen=True, slots=True)
class SourceObject:
    """A database, schema, table or column as the source holds it.

    `kind` is the system's own word (`table`, `partitioned table`, `view`, ...). `object_id` differs once the
    object was dropped and created again; it is empty where the system has no such id. `tags` are those that were set
    on the object itself, and none that it inherits: value by key, "" for a key that stands without a value.
    """

    path: Path
    kind: str
    object_id: str = ""
    description: str | None = None
    owner: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    def value(self, aspect: Aspect, tag_key: str = "") -> str | None:
        """The actual value of an aspect, of one key for tags; None when there is none."""
        match aspect:
            case Aspect.DESCRIPTION:
                return self.description
            case Aspect.OWNER:
                return self.owner
            case Aspect.TAGS:
                return self.tags.get(tag_key)


#: What one read of a partition found, by path: the schema or database itself, tables and columns.
SourceState = dict[Path, SourceObject]


@dataclass(frozen=True, slots=True)
class LastKey:
    """Identifies an aspect of an entity in the ledger, within one catalog and service."""

    entity: str
    aspect: Aspect
    tag_key: str = ""


@dataclass(frozen=True, slots=True)
class Last:
    """What the ledger knows of the last value of an aspect.

    `wanted` is the desired value that was written, `stored` what was read back after the write, `template` the
    hash of the channel's template ("" for the built-in statements).
    """

    wanted: str | None
    stored: str | None
    origin: Origin
    entity_id: str = ""
    object_id: str = ""
    template: str = ""
    channel: str = ""
    filter_hash: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One aspect of one entity: desired, last, actual, and the verdict.

    `wanted` is the catalog's value, `value` what a statement would store (truncated, or None to clear); `reason`
    is a sentence for people. `replaces` marks a write over a text of the source (rows 12 and 13 of the merge),
    `removes` one that clears a value: the brakes count them. `flips` marks a write over what somebody else made of a
    value of ours. `protected` ones wait for approval in every channel. `fails` turns the partition red. `origin` is how
    the ledger will know the value once it was written, `template` what turned the catalog's value into it.
    """

    entity: str
    entity_id: str
    type: EntityType
    path: Path
    aspect: Aspect
    verdict: Verdict
    value: str | None
    actual: str | None
    reason: str
    tag_key: str = ""
    wanted: str | None = None
    last: str | None = None
    kind: str = ""
    object_id: str = ""
    template: str = ""
    replaces: bool = False
    removes: bool = False
    flips: bool = False
    protected: bool = False
    fails: bool = False
    origin: Origin = Origin.PUSHED
    changed_by: str = ""
    changed_at: int = 0
    catalog_version: str = ""
    url: str = ""

    @property
    def key(self) -> LastKey:
        """Where the ledger keeps what is known of this aspect."""
        return LastKey(self.entity, self.aspect, self.tag_key)

    @property
    def what(self) -> str:
        """The aspect for people, with its key for tags."""
        return f"{self.aspect} {self.tag_key}" if self.tag_key else self.aspect.value

    @property
    def table(self) -> Path:
        """The path of the table, or of the schema or database when the entity is one."""
        return self.path[:3]


@dataclass(frozen=True, slots=True)
class Statement:
    """A resolved call (SQL or API) that carries one or more changes of one table.

    `sql` are the statements of a channel's template, each to be sent by itself; it is empty where the text is the
    connector's own form.
    """

    text: str
    changes: tuple[Change, ...]
    sql: tuple[str, ...] = ()

    @property
    def table(self) -> Path:
        """The path of the table (or schema, or database) that the statement touches."""
        return self.changes[0].table

    @property
    def aspect(self) -> Aspect:
        """The aspect that the statement carries, the first one where one call carries several."""
        return self.changes[0].aspect


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a statement: `error` is None when the source took it.

    The statement may be a part of one that was to be executed: its changes say which part.
    """

    statement: Statement
    error: SourceError | None = None
    attempts: int = field(default=1)

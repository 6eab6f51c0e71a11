"""What a connector is tried against: an engine, the people who work in it, and what is looked at afterwards.

Every system has one `Peer`, in a module of its own beside this one; `test_contract` holds what all of them must do.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, ClassVar, Literal

from reverse_metadata import fqn as fqns
from reverse_metadata.connectors import registry
from reverse_metadata.connectors.base import Connector
from reverse_metadata.errors import SourceError
from reverse_metadata.model import Aspect, Change, EntityType, Outcome, Partition, Path, SourceState, Verdict

SERVICE = "source"

#: Texts that were written to break out of a statement, or that some engine alters.
TEXTS = (
    "'",
    "''",
    "it's",
    '"',
    "`",
    "\\",
    "\\'",
    "'\\",
    "\\\\'",
    "\\'; DROP TABLE orders; --",
    "'; DROP TABLE orders; --",
    "$$ $tag$ text $tag$",
    "\\n \\t \\u0041 \\101 \\x41 \\q \\0",
    "-- comment /* comment */ # comment",
    ";",
    "one\ntwo",
    "one\r\ntwo\rthree",
    "\ttab\v\f",
    " leading and trailing ",
    "%s %(name)s %% {x} {{}} ? :x @y",
    "${env:HOME} $HOME $(id)",
    "äöü é e\u0301 日本語",
    "🎉👩‍👩‍👧‍👦 𝔘𝔫𝔦𝔠𝔬𝔡𝔢",
    "right \u202eto left\u202c \u200f\u2066",
    "\x1b[31mred\x1b[0m\x07 \x7f\x80\u2028",
    "\ufeff\ufffe\uffff\U0010ffff",
    "NULL",
    "nul\0",
    "half \ud83c",
    "x" * 1000,
    "\\'" * 250,
)


class NotHere(Exception):
    """A live account cannot play a scenario; the message says why. Of any other peer this is a failure."""


class Peer(ABC):
    """Two empty schemas of a test's own in an engine, and a connector's login that may write to both.

    Paths are as the catalog has them, below the service.
    """

    system: ClassVar[str]
    #: Names that tables and columns of this engine can have, the worst of them.
    names: ClassVar[tuple[str, ...]] = (
        "it's",
        'dou"ble',
        "back`tick",
        "back\\slash",
        "a.b",
        "select",
        "ÄÖ 日本",
        "-- x",
    )
    #: Tables in the test of a large batch, each with 50 columns.
    large: ClassVar[int] = 10
    #: Whether the engine can say who its users are. Where it cannot, every name may be one.
    knows_its_users: ClassVar[bool] = True
    #: Two tags of each level on which there are some: a key, a value, and another value of the key.
    tags: ClassVar[Mapping[EntityType, tuple[tuple[str, str, str], ...]]] = {}

    partition: Partition
    elsewhere: Partition

    @abstractmethod
    def connector(self) -> Connector:
        """A new connector, which may write to both schemas and what they stand in."""

    @abstractmethod
    def table(self, name: str, columns: Sequence[str] = ("id",), partition: Partition | None = None) -> Path:
        """Create a table of numbers, in `partition` unless said otherwise; its path."""

    @abstractmethod
    def kinds(self) -> Mapping[str, str]:
        """Create a table of every kind in `partition`, with a column `id` at least; the kind of each by its name."""

    @abstractmethod
    def drop(self, table: Path) -> None:
        """Drop a table that `table` created."""

    @abstractmethod
    def stored(self, path: Path, aspect: Aspect = Aspect.DESCRIPTION, tag_key: str = "") -> str | None:
        """What the engine holds, asked by somebody who is no connector; None and "" both mean no description."""

    @abstractmethod
    def lost(self, when: Literal["before", "after"]) -> AbstractContextManager[None]:
        """Within, the connection is lost once: just before the next write reaches the engine, or just after it was
        carried out and before the answer is heard."""

    @abstractmethod
    def requests(self) -> int:
        """How many queries and calls connectors have made by now, without those that log in or bound a session."""

    @abstractmethod
    def lacking(self) -> Connector:
        """A connector whose login, the same each time, may read `partition` and write none of its tables, until it is
        granted more. Of `elsewhere` it may write all."""

    @abstractmethod
    def grant(self, grants: Sequence[str]) -> None:
        """Run what `Missing.grants` says, as an administrator."""

    def owner(self) -> str:
        """A new principal that the connector's login may hand everything over to."""
        raise NotImplementedError(f"{self.system} has no owners")

    @abstractmethod
    def locked_out(self) -> tuple[Connector, Sequence[str]]:
        """A connector whose credentials are wrong, and the secrets among them."""

    # What follows is the same for every engine.

    @property
    def database(self) -> Partition:
        """The partition of the database itself."""
        return Partition(SERVICE, self.partition.database, None)

    @property
    def capabilities(self) -> Any:
        """What the connector says it can do."""
        return registry.connector_type(self.system).capabilities

    def path(self, *names: str) -> Path:
        """The path of something in `partition`."""
        return (*self.partition.path, *names)

    def read(self, partition: Partition | None = None, only: Iterable[str] | None = None) -> SourceState:
        """What a connector reads of a partition."""
        with self.connector() as connector:
            return connector.read(partition or self.partition, None if only is None else list(only))

    def push(
        self, wishes: Mapping[Path, str | None], aspect: Aspect = Aspect.DESCRIPTION, tag_key: str = ""
    ) -> list[Outcome]:
        """What became of the wishes, all of one partition, written by a new connector."""
        with self.connector() as connector:
            return push(connector, wishes, aspect, tag_key)

    @contextmanager
    def counted(self) -> Iterator[list[int]]:
        """How many requests were made within; the list is filled at the end."""
        before, count = self.requests(), list[int]()
        yield count
        count.append(self.requests() - before)


def push(
    connector: Connector, wishes: Mapping[Path, str | None], aspect: Aspect = Aspect.DESCRIPTION, tag_key: str = ""
) -> list[Outcome]:
    """What became of the wishes, all of one partition: read, resolved and executed by this connector."""
    partition = Partition.holding(SERVICE, next(iter(wishes)))
    if all(len(path) == 1 for path in wishes):
        partition = Partition(SERVICE, partition.database, None)
    state = connector.read(partition, sorted({path[2] for path in wishes if len(path) > 2}))
    changes = [change(path, value, state, aspect, tag_key) for path, value in wishes.items()]
    return list(connector.execute(partition, connector.resolve(changes)))


def change(
    path: Path, value: str | None, state: SourceState, aspect: Aspect = Aspect.DESCRIPTION, tag_key: str = ""
) -> Change:
    """A change as the planner makes it of what was read; what was not read passes for a table or a column."""
    found = state.get(path)
    level = EntityType.of(path)
    return Change(
        entity=fqns.join((SERVICE, *path)),
        entity_id="1",
        type=level,
        path=path,
        aspect=aspect,
        verdict=Verdict.CLEAR if value is None else Verdict.APPLY,
        value=value,
        actual=None if found is None else found.value(aspect, tag_key),
        reason="",
        tag_key=tag_key,
        kind=level.value if found is None else found.kind,
        object_id="" if found is None else found.object_id,
    )


def errors(outcomes: Iterable[Outcome]) -> dict[Path, SourceError]:
    """The error of every change that failed."""
    return {change.path: each.error for each in outcomes if each.error for change in each.statement.changes}

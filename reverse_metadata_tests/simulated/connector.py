"""The connector of labelbase (see `engine`), which speaks to it in SQL alone when it writes."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, ClassVar

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
    ordered,
)
from reverse_metadata.errors import ConfigurationError, Reason, SourceError
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
from reverse_metadata_tests.simulated.engine import Code, Engine, EngineError, Limits

_ALL = tuple(EntityType)
_REASONS = {
    Code.MISSING: Reason.MISSING_OBJECT,
    Code.PRIVILEGE: Reason.MISSING_PRIVILEGE,
    Code.VALUE: Reason.INVALID_VALUE,
    Code.SYNTAX: Reason.OTHER,
}


def able(limits: Limits, *, verbatim: bool) -> Capabilities:
    """What an engine with these limits can hold; `verbatim` False for one that alters texts."""
    lengths = dict.fromkeys(_ALL, limits.description) | {EntityType.COLUMN: limits.column_description}
    return Capabilities(
        levels={Aspect.DESCRIPTION: _ALL, Aspect.TAGS: _ALL, Aspect.OWNER: _ALL[:3]},
        transactional=False,
        requests=Requests(schema=1),
        together=True,
        verbatim=verbatim,
        limits={(Aspect.DESCRIPTION, level): length for level, length in lengths.items()},
        tags=TagLimits(
            max_key=limits.max_key,
            max_value=limits.max_value,
            max_tags=limits.max_tags,
            key_characters=limits.key_characters,
            value_characters=limits.value_characters,
            valueless=limits.valueless,
        ),
    )


class SimulatedConnector(Connector):
    """Reads and writes one labelbase. `connector_type` gives the class for an engine with other limits."""

    system: ClassVar[str] = "labelbase"
    title: ClassVar[str] = "labelbase"
    versions: ClassVar[str] = "all"
    service_types: ClassVar[tuple[str, ...]] = ("Labelbase",)
    capabilities: ClassVar[Capabilities] = able(Limits(), verbatim=True)
    options_type: ClassVar[type[ConnectorOptions]] = ConnectorOptions

    def __init__(self, options: ConnectorOptions, engine: Engine) -> None:
        super().__init__(options)
        self._engine = engine

    @classmethod
    def options_from_catalog(cls, connection: Mapping[str, Any]) -> dict[str, Any]:
        """Nothing: a labelbase is handed over, not connected to."""
        raise ConfigurationError(["a labelbase cannot be reached by the connection that a catalog holds"])

    def close(self) -> None:
        """There is no connection."""

    def identity(self) -> str:
        """The engine's name."""
        return self._engine.name

    def read(self, partition: Partition, only: Collection[str] | None = None) -> SourceState:
        """See `Connector.read`."""
        top = self.options.rewritten(partition.path)
        deepest = len(top) if partition.schema is None else 4
        state: SourceState = {}
        for path in self._engine.objects:
            if path[: len(top)] == top and len(path) <= deepest and (path == top or only is None or path[2] in only):
                named = (*partition.path, *path[len(top) :])
                state[named] = self._found(named, path)
        return state

    def principals(self, names: Collection[str]) -> dict[str, Principal]:
        """The roles among the names."""
        known = self._engine.principals.intersection(names)
        return {name: Principal(name, name in self._engine.superusers) for name in known}

    def version(self) -> str:
        """There is one."""
        return "labelbase"

    def missing(self, partition: Partition, needs: Collection[Need]) -> list[Missing]:
        """Nobody lacks anything."""
        return []

    def refuse(self, change: Change) -> tuple[Verdict, str] | None:
        """Labelbase holds no NUL and no half of a surrogate pair, only the allowed values of a key, and nothing
        without an owner."""
        if change.value is None:
            if change.aspect is Aspect.OWNER:
                return Verdict.UNSUPPORTED, "labelbase has nothing without an owner; name another one"
            return None
        if not _storable(change.value + change.tag_key):
            return Verdict.INVALID, "labelbase cannot hold a NUL character or half of a surrogate pair; remove it"
        allowed = self._engine.allowed.get(change.tag_key) if change.aspect is Aspect.TAGS else None
        if allowed is not None and change.value not in allowed:
            listed = ", ".join(sorted(allowed)) or "none"
            return Verdict.INVALID, f"the values that {change.tag_key} takes in labelbase are: {listed}"
        return None

    def resolve(self, changes: Iterable[Change]) -> list[Statement]:
        """One statement a description or owner; one for all tags that an object loses and one for all it gets.

        It loses first: the number of tags is limited.
        """
        by_object: dict[tuple[Aspect, Path], list[Change]] = {}
        for change in ordered(changes):
            by_object.setdefault((change.aspect, change.path), []).append(change)
        statements = []
        for group in by_object.values():
            lost = [change for change in group if change.value is None]
            got = [change for change in group if change.value is not None]
            statements += [Statement(self._text(part), tuple(part)) for part in (lost, got) if part]
        return statements

    def execute(
        self, partition: Partition, statements: list[Statement], permit: Permit = lambda: None
    ) -> Iterator[Outcome]:
        """One after the other; labelbase knows no transactions."""
        for statement in statements:
            permit()
            try:
                self._engine.execute(statement.text)
            except EngineError as error:
                yield Outcome(statement, SourceError(_REASONS[error.code], str(error)))
            else:
                yield Outcome(statement)

    def settle(self, partition: Partition) -> None:
        """Nothing stays in flight."""

    def _found(self, named: Path, path: Path) -> SourceObject:
        thing = self._engine.objects[path]
        level = EntityType.of(path)
        return SourceObject(
            named,
            kind=level.value,
            object_id=thing.object_id,
            description=thing.description,
            owner=None if level is EntityType.COLUMN else thing.owner,
            tags={label.key: label.value for label in self._engine.labels(path) if label.set_on == path},
        )

    def _text(self, group: list[Change]) -> str:
        first = group[0]
        named = target(self.options.rewritten(first.path))
        match first.aspect:
            case Aspect.DESCRIPTION:
                return f"COMMENT ON {named} IS {'NULL' if first.value is None else literal(first.value)}"
            case Aspect.TAGS:
                listed = ", ".join(map(_tag, group))
                return f"ALTER {named} {'UNSET' if first.value is None else 'SET'} TAG {listed}"
            case Aspect.OWNER:
                if first.value is None:
                    raise ValueError(f"{named} cannot be left without an owner")
                return f"ALTER {named} SET OWNER {identifier(first.value)}"


@cache
def connector_type(limits: Limits, *, verbatim: bool) -> type[SimulatedConnector]:
    """The connector of engines with these limits; `verbatim` False where the engine alters texts."""

    class Fitting(SimulatedConnector):
        capabilities = able(limits, verbatim=verbatim)

    return Fitting


def connect(engine: Engine, options: ConnectorOptions | None = None) -> SimulatedConnector:
    """A connector that knows what this engine can hold."""
    fitting = connector_type(engine.limits, verbatim=engine.lossy is None)
    return fitting(options or ConnectorOptions(), engine)


def identifier(name: str) -> str:
    """The name as SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """The text as SQL."""
    return "'" + text.replace("'", "''") + "'"


def target(path: Path) -> str:
    """What a statement names: `TABLE "db"."sales"."orders"`."""
    return f"{EntityType.of(path).value.upper()} {'.'.join(map(identifier, path))}"


def _tag(change: Change) -> str:
    key = identifier(change.tag_key)
    return f"{key} = {literal(change.value)}" if change.value else key


def _storable(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)

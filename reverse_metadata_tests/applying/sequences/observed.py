"""Runs and undos of the package, each held against the model."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from fnmatch import fnmatchcase

from reverse_metadata.ledger import Push
from reverse_metadata.model import Aspect, Partition, Verdict
from reverse_metadata.planning.plan import Plan
from reverse_metadata.planning.undo import Selection
from reverse_metadata_tests.applying.sequences.model import Memory, Now, Outcome, decide
from reverse_metadata_tests.applying.sequences.takeback import Written, take_back
from reverse_metadata_tests.applying.sequences.wishes import KEYS, PLACES, SCHEMA, Curated, Key, Kind, Rules, equal
from reverse_metadata_tests.simulated.engine import Crash
from reverse_metadata_tests.simulated.world import DATABASE, SERVICE, SimulatedWorld

PARTITION = Partition(SERVICE, DATABASE, SCHEMA)


class Observed:
    """A world, and what the model allows a ledger to remember of it."""

    def __init__(self, world: SimulatedWorld, rules: Rules) -> None:
        self.world = world
        self.rules = rules
        self.catalog = Curated(world)
        self.runs: list[str] = []
        self._memories: dict[Key, frozenset[Memory]] = dict.fromkeys(KEYS, frozenset([Memory()]))
        self._writes: dict[Key, list[Written]] = {key: [] for key in KEYS}

    def run(self, crash_at: int | None = None, after: bool = False) -> bool:
        """A full run of the schema, which may die; whether it wrote anything. Raises AssertionError when it does what
        no reading of the documents allows."""
        run_id = self._new_run()
        now, everything = self._now(), self._everything()
        allowed = {key: [(m, o) for m in self._memories[key] for o in decide(m, now[key])] for key in KEYS}
        with self.world.pipeline(run_id, ignore_brakes=True, **self.rules.channel()) as pipeline:
            plan = pipeline.recover_and_resolve(pipeline.fetch(PARTITION, "full"))
            died = self._dies(lambda: pipeline.apply(plan).problems, crash_at, after)
        self._compare(run_id, allowed, now, _verdicts(plan), died)
        self._only_ours_moved(everything)
        if not died:
            self._check_pushes()
        return any(outcome.writes for outcome in self._matched.values())

    def undo(self, run_id: str = "", entity: str = "", crash_at: int | None = None, after: bool = False) -> None:
        """Take back what matches; with a crash, what a run before the crash would have taken back."""
        own = self._new_run()
        now, everything = self._now(), self._everything()
        allowed = {}
        for key in KEYS:
            name = self.world.fqn(*key.place)
            writes = self._writes[key]
            chosen = [w for w in writes if run_id in ("", w.run) and (not entity or fnmatchcase(name, entity))]
            allowed[key] = [(m, o) for m in self._memories[key] for o in take_back(m, now[key], writes, chosen)]
        verdicts: dict[Key, str] = {}
        died = False
        with self.world.pipeline(own, **self.rules.channel()) as pipeline:
            for _, make_plan in pipeline.undo(Selection(run_id, entity)):
                plan = make_plan()
                verdicts |= _verdicts(plan)
                died = self._dies(lambda: pipeline.apply(plan).problems, crash_at, after)  # noqa: B023
        self._compare(own, allowed, now, verdicts, died, undone=run_id or entity)
        self._only_ours_moved(everything)
        if not died:
            self._check_pushes()

    @property
    def runs_that_wrote(self) -> list[str]:
        """The runs of which something can be taken back, oldest first."""
        wrote = {write.run for writes in self._writes.values() for write in writes}
        return [run for run in self.runs if run in wrote]

    def check_agreement(self) -> None:
        """After a quiet run under `overwrite`, the catalog's values are in the source, unless something forbids it."""
        for key, now in self._now().items():
            if not now.in_scope or not now.object_id:
                continue
            excused = any(m.hold is not None or m.count(now.wish.text) >= 3 for m in self._memories[key])
            if now.wish.kind is Kind.VALUE and not excused:
                stored = _stored(key, now.wish.value, self.world.engine.lossy)
                assert now.same(now.actual, stored), f"{key}: the catalog wants {now.wish}, {now.actual!r} stands there"

    def _check_pushes(self) -> None:
        """Every change of ours is in `pushes` once, in the order in which it was made, once nothing is left open."""
        recorded = self.world.pushes()
        assert all(push.outcome == "applied" for push in recorded), recorded
        rows: dict[Key, list[Push]] = {key: [] for key in KEYS}
        for push in recorded:
            rows[_key_of(push.entity, push.aspect, push.tag_key)].append(push)
        lossy = self.world.engine.lossy
        for key, writes in self._writes.items():
            expected = [(write.run, write.before, write.stored) for write in writes]
            found = [(push.run_id, push.before, _stored(key, push.after, lossy)) for push in rows[key]]
            assert found == expected, f"{key}: pushes say {found}, what was done is {expected}"

    def _now(self) -> dict[Key, Now]:
        self.catalog.note()
        found = {}
        for key in KEYS:
            entity = self.catalog.entity(key.place)
            thing = self.world.engine.objects.get(self.world.path(*key.place))
            actual = self._value(key)
            found[key] = Now(
                key,
                self.catalog.wish(key, self.rules, self._limit),
                actual,
                "" if thing is None else thing.object_id,
                "" if entity is None else entity.id,
                self.catalog.in_scope(key.place, self.rules.filter),
                self.catalog.history(key, actual, self._limit),
                self.rules,
            )
        return found

    @property
    def _limit(self) -> int:
        return self.world.engine.limits.description

    def _value(self, key: Key) -> str | None:
        thing = self.world.engine.objects.get(self.world.path(*key.place))
        if thing is None:
            return None
        match key.aspect:
            case "description":
                return thing.description
            case "tags":
                return thing.tags.get(key.tag)
            case _:
                return thing.owner

    def _everything(self) -> dict[tuple[str, ...], tuple[str | None, dict[str, str], str]]:
        objects = self.world.engine.objects.items()
        return {path: (thing.description, dict(thing.tags), thing.owner) for path, thing in objects}

    def _new_run(self) -> str:
        self.runs.append(f"run-{len(self.runs) + 1}")
        return self.runs[-1]

    def _dies(self, apply: Callable[[], tuple[str, ...]], crash_at: int | None, after: bool) -> bool:
        engine = self.world.engine
        engine.crash_at, engine.crash_after = crash_at, after
        died = True
        with suppress(Crash):
            problems = apply()
            assert not problems, problems
            died = False
        engine.crash_at = None
        return died

    def _compare(
        self,
        run_id: str,
        allowed: Mapping[Key, list[tuple[Memory, Outcome]]],
        now: Mapping[Key, Now],
        verdicts: Mapping[Key, str],
        died: bool,
        undone: str = "",
    ) -> None:
        self._matched = {}
        missing = {key.place for key, verdict in verdicts.items() if verdict == "missing"}
        absent = {key.place for key in KEYS if not now[key].object_id}
        assert missing <= absent, f"listed as missing: {missing}, absent: {absent}"
        for key in KEYS:
            seen, actual, stands = verdicts.get(key, ""), now[key].actual, self._value(key)
            fitting = [(m, o) for m, o in allowed[key] if self._fits(o, key, seen, actual, stands, died)]
            if not fitting:
                raise AssertionError(_report(run_id, now[key], seen, stands, allowed[key], undone))
            self._matched[key] = fitting[0][1]
            if all(outcome.verdict == "missing" for _, outcome in allowed[key]):
                assert missing & {key.place, key.place[:2]}, f"{key} is not listed as missing"
            arrived = seen in ("apply", "clear") and (stands != actual or not died)
            if arrived:
                depth = self._depth(key, undone)
                stayed = frozenset(memory for memory, _ in fitting)
                self._writes[key].append(Written(run_id, actual, stands, stayed, depth))
            after = {_read_back(outcome, stands) for _, outcome in fitting}
            before = {memory for memory, _ in fitting}
            if died and seen in ("apply", "clear"):
                self._memories[key] = frozenset(after if arrived else before)
            else:
                self._memories[key] = frozenset(after | before if died else after)

    def _depth(self, key: Key, undone: str) -> int:
        """How many undos lie on one another; an undo by entity is one of the oldest push of it."""
        if not undone:
            return 0
        oldest = next((w for w in self._writes[key] if w.run == undone), None)
        return 1 if oldest is None else oldest.depth + 1

    def _fits(self, outcome: Outcome, key: Key, seen: str, actual: str | None, stands: str | None, died: bool) -> bool:
        if not outcome.writes:
            # A table that is absent is listed once for all that is wished in it.
            quiet = seen == outcome.verdict or {seen, outcome.verdict} <= {"", "missing"}
            return quiet and stands == actual
        if seen not in ("apply", "clear"):
            return False
        stored = _stored(key, outcome.value, self.world.engine.lossy)
        return stands == stored or (died and stands == actual)

    def _only_ours_moved(self, before: Mapping[tuple[str, ...], tuple[str | None, dict[str, str], str]]) -> None:
        """Values that the catalog never held and that are not ours stay under `keep`; keys of others stay always."""
        rules = self.rules
        for place in PLACES:
            path = self.world.path(*place)
            if path not in before:
                continue
            text, tags, _ = before[path]
            thing = self.world.engine.objects[path]
            for tag in {**tags, **thing.tags}:
                if tags.get(tag) != thing.tags.get(tag):
                    key = Key(place, "tags", tag)
                    assert self.catalog.ever(key), f"{key}: {tags.get(tag)!r} became {thing.tags.get(tag)!r}"
            careful = rules.on_first_contact == rules.on_conflict == "keep"
            key = Key(place, "description")
            if careful and text != thing.description and not equal("description", text, None):
                known = {*self.catalog.ever(key)} | {write.stored or "" for write in self._writes[key]}
                assert any(equal("description", text, each) for each in known), f"{key}: {text!r} was nobody's to take"


def _read_back(outcome: Outcome, stands: str | None) -> Memory:
    """What is remembered of a write is what was read back."""
    last = outcome.memory.last
    if not outcome.writes or last is None:
        return outcome.memory
    return replace(outcome.memory, last=replace(last, stored=stands))


def _stored(key: Key, text: str | None, lossy: Callable[[str], str] | None) -> str | None:
    """What a source makes of a value that is written to it."""
    if text is None or lossy is None or key.aspect != "description":
        return text
    return lossy(text)


def _verdicts(plan: Plan) -> dict[Key, str]:
    """What is listed of a plan; what is in sync counts as not listed."""
    found: dict[Key, str] = {}
    for change in plan.changes:
        if change.verdict is not Verdict.IN_SYNC:
            key = Key(change.path[1:], change.aspect.value, change.tag_key)
            assert key in KEYS or change.verdict is Verdict.MISSING, f"{key} is listed as {change.verdict}"
            assert key not in found, f"{key} is listed twice"
            found[key] = change.verdict.value
    return found


def _key_of(fqn: str, aspect: str, tag: str) -> Key:
    return Key(tuple(fqn.split(".")[2:]), Aspect(aspect).value, tag)


def _report(
    run_id: str, now: Now, seen: str, stands: str | None, allowed: list[tuple[Memory, Outcome]], undone: str
) -> str:
    def lines() -> Iterator[str]:
        what = f"undoes {undone}" if undone else f"under {now.rules}"
        yield f"{run_id}, which {what}: {now.key} became {stands!r} with the verdict {seen or 'in sync'!r}."
        yield f"The catalog wants {now.wish}, {now.actual!r} stood in the source"
        yield f"(object {now.object_id!r}, entity {now.entity_id!r}, in scope: {now.in_scope}, history: {now.held})."
        yield "Allowed is, by what may be remembered:"
        for memory, outcome in allowed:
            value = f" of {outcome.value!r}" if outcome.writes else ""
            yield f"  {outcome.verdict or 'in sync'}{value}, if {memory}"

    return "\n".join(lines())

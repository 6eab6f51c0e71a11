"""Random lives of a small estate: people edit on both sides, runs happen, die and are taken back."""

from dataclasses import replace
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from reverse_metadata_tests.applying.sequences.observed import Observed
from reverse_metadata_tests.applying.sequences.wishes import FILTERS, PLACES, SCHEMA, TABLES, Rules
from reverse_metadata_tests.simulated.engine import Engine
from reverse_metadata_tests.simulated.world import SimulatedWorld

CURATED = ("one", "two", "<p></p>", "", "li\r\nne", "li\nne", "a long story", "a long stay")
FOREIGN = ("foreign", "one", "two", None, "<p></p>", "li\nne")
LABELS = ("PII.A", "PII.B", "Zone.N", "Zone.S")
SOURCE_TAGS = (("PII", "A"), ("PII", "X"), ("PII", None), ("Zone", "S"), ("Zone", "X"), ("Zone", None), ("Own", "1"))
OWNERS = ((), ("ada",), ("grace",), ("zoe",), ("ada", "grace"))
ROLES = ("ada", "grace", "finance")
SETTINGS = {
    "on_first_contact": ("keep", "overwrite"),
    "on_conflict": ("overwrite", "keep"),
    "on_catalog_delete": ("leave", "clear"),
    "on_ambiguous": ("report", "overwrite", "join"),
}

places = st.sampled_from(PLACES)
owned = st.sampled_from([place for place in PLACES if len(place) < 3])
tables = st.sampled_from([(SCHEMA, table) for table in TABLES])
deep = st.sampled_from([place for place in PLACES if len(place) > 1])


class Life(RuleBasedStateMachine):
    """A schema with two tables, from its first contact on. Subclasses say under which settings."""

    rules_at_first: ClassVar[Rules] = Rules()
    #: Whether the settings of the channel change, too.
    settings_change: ClassVar[bool] = True

    def engine(self) -> Engine:
        """The source that is written to."""
        return Engine()

    def __init__(self) -> None:
        super().__init__()
        self.world = SimulatedWorld(self.engine())
        self.world.schema(SCHEMA, **TABLES)
        for name in ("ada", "grace", "zoe"):
            self.world.catalog.user(name)
        self.observed = Observed(self.world, self.rules_at_first)

    @initialize(first=st.lists(st.tuples(places, st.sampled_from(FOREIGN), st.sampled_from(SOURCE_TAGS)), max_size=2))
    def stood_before(self, first: list[tuple[tuple[str, ...], str | None, tuple[str, str | None]]]) -> None:
        """Every object is described and labelled in the catalog; the source has something of its own."""
        for place in PLACES:
            self.curate(place, "one", {"PII.A"})
        self.own((SCHEMA, "a"), ("ada",))
        for place, text, tag in first:
            self.source_text(place, text)
            self.source_tag(place, tag)

    # The catalog

    @rule(place=places, text=st.sampled_from(CURATED), labels=st.sets(st.sampled_from(LABELS), max_size=2))
    def curate(self, place: tuple[str, ...], text: str, labels: set[str]) -> None:
        """The text is replaced; each label is put on, or taken off where it is."""
        entity = self.observed.catalog.entity(place)
        if entity is not None:
            self.world.catalog.describe(entity.fqn, text)
            there = [tag.fqn for tag in entity.tags]
            for label in sorted(labels):
                (self.world.catalog.untag if label in there else self.world.catalog.tag)(entity.fqn, label)

    @rule(place=places)
    def empty(self, place: tuple[str, ...]) -> None:
        """Everything is taken off an entity, as when a table was curated by mistake."""
        entity = self.observed.catalog.entity(place)
        if entity is not None:
            self.world.catalog.describe(entity.fqn, None)
            for tag in entity.tags:
                self.world.catalog.untag(entity.fqn, tag.fqn)
            if len(place) < 3:
                self.world.catalog.own(entity.fqn)

    @rule(place=owned, names=st.sampled_from(OWNERS))
    def own(self, place: tuple[str, ...], names: tuple[str, ...]) -> None:
        if self.observed.catalog.entity(place):
            self.world.catalog.own(self.world.fqn(*place), *names)

    @rule(table=deep, hard=st.booleans())
    def leave_or_return_to_the_catalog(self, table: tuple[str, ...], hard: bool) -> None:
        catalog, fqn = self.world.catalog, self.world.fqn(*table)
        there = self.observed.catalog.entity(table)
        if len(table) == 3:
            if self.observed.catalog.entity(table[:2]):
                (catalog.drop_column if there else catalog.add_column)(fqn)
        elif there:
            catalog.delete(fqn, hard=hard)
        elif not hard and catalog.entity(fqn) is not None:
            catalog.restore(fqn)
        else:
            catalog.add(fqn, TABLES[table[1]])

    # The source

    @rule(place=places, text=st.sampled_from(FOREIGN))
    def source_text(self, place: tuple[str, ...], text: str | None) -> None:
        if self.world.path(*place) in self.world.engine.objects:
            self.world.engine.describe(self.world.path(*place), text)

    @rule(place=places, tag=st.sampled_from(SOURCE_TAGS))
    def source_tag(self, place: tuple[str, ...], tag: tuple[str, str | None]) -> None:
        thing = self.world.engine.objects.get(self.world.path(*place))
        if thing is not None and (tag[1] is not None or tag[0] in thing.tags):
            self.world.engine.tag(self.world.path(*place), dict([tag]))

    @rule(place=owned, role=st.sampled_from(ROLES))
    def source_owner(self, place: tuple[str, ...], role: str) -> None:
        if self.world.path(*place) in self.world.engine.objects:
            self.world.engine.own(self.world.path(*place), role)

    @rule(place=places, drop=st.booleans())
    def rebuild(self, place: tuple[str, ...], drop: bool) -> None:
        engine, path = self.world.engine, self.world.path(*place)
        if path in engine.objects:
            if drop and len(place) > 1:
                engine.drop(*path)
            else:
                engine.rebuild(*path)
        elif path[:-1] in engine.objects:
            engine.create(*path)
            for column in TABLES[place[1]] if len(place) == 2 else ():
                engine.create(*path, column)

    @rule(place=places, text=st.sampled_from(("foreign", None)), tag=st.booleans(), times=st.integers(2, 4))
    def another_writer_insists(self, place: tuple[str, ...], text: str | None, tag: bool, times: int) -> None:
        """As a job that writes its own text, or tag, after each run."""
        for _ in range(times):
            if tag:
                self.source_tag(place, ("PII", text and "X"))
            else:
                self.source_text(place, text)
            self.observed.run()

    # What the tool does

    @rule(setting=st.sampled_from(sorted(SETTINGS)), data=st.data())
    @precondition(lambda self: self.settings_change)
    def change_a_setting(self, setting: str, data: st.DataObject) -> None:
        value: Any = data.draw(st.sampled_from(SETTINGS[setting]))
        self.observed.rules = replace(self.observed.rules, **{setting: value})

    @rule(chosen=st.sampled_from(sorted(FILTERS)))
    def edit_the_filter(self, chosen: str) -> None:
        self.observed.rules = replace(self.observed.rules, filter=chosen)

    @rule()
    def run(self) -> None:
        self.observed.run()

    @rule()
    def run_until_quiet(self) -> None:
        """What the second run finds is what the first one left: it writes nothing."""
        self.observed.run()
        log = list(self.world.engine.log)
        self.observed.run()
        assert self.world.engine.log == log, "a run right after a run wrote again"
        rules = self.observed.rules
        if rules.on_first_contact == rules.on_conflict == rules.on_ambiguous == "overwrite":
            self.observed.check_agreement()

    @rule(at=st.integers(1, 4), after=st.booleans(), text=st.sampled_from([None, *CURATED]))
    def run_that_dies(self, at: int, after: bool, text: str | None) -> None:
        """The next run comes before anybody changes the source; the catalog may be edited before."""
        self.observed.run(at, after)
        if text is not None:
            self.curate((SCHEMA, "a"), text, set())
        self.observed.run()

    @rule(back=st.integers(1, 4))
    @precondition(lambda self: self.observed.runs_that_wrote)
    def undo_a_run(self, back: int) -> None:
        self.observed.undo(run_id=self._run(back))

    @rule(back=st.integers(1, 3), at=st.integers(1, 3), after=st.booleans())
    @precondition(lambda self: self.observed.runs_that_wrote)
    def undo_that_dies(self, back: int, at: int, after: bool) -> None:
        self.observed.undo(run_id=self._run(back), crash_at=at, after=after)
        self.observed.run()

    @rule(place=places, below=st.booleans())
    def undo_an_entity(self, place: tuple[str, ...], below: bool) -> None:
        self.observed.undo(entity=self.world.fqn(*place) + ("*" if below else ""))

    @rule(override=st.booleans(), tags=st.booleans())
    def reingest(self, override: bool, tags: bool) -> None:
        self.world.reingest(override=override, tags=tags)

    def _run(self, back: int) -> str:
        """The run that wrote so many runs ago, or the first."""
        return self.observed.runs_that_wrote[-back:][0]

    @invariant()
    def the_catalogs_versions_are_noted(self) -> None:
        self.observed.catalog.note()

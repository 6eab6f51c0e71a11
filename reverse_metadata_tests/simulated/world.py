"""A catalog, a labelbase and a ledger in this process, and people who edit on both sides: a life costs little."""

import atexit
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path as File
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPIConnection

from reverse_metadata import fqn as fqns
from reverse_metadata.applying.apply import Applied
from reverse_metadata.applying.pipeline import Pipeline
from reverse_metadata.config import Channel
from reverse_metadata.connectors.base import Connector
from reverse_metadata.errors import ReverseMetadataError
from reverse_metadata.ledger import Ledger, Push
from reverse_metadata.ledger.schema import metadata
from reverse_metadata.model import Entity, Partition, Path, SourceObject, Tag
from reverse_metadata.planning.plan import Plan
from reverse_metadata.planning.undo import Selection
from reverse_metadata.services import Services
from reverse_metadata_tests.simulated.catalog import MemoryCatalog
from reverse_metadata_tests.simulated.connector import connect
from reverse_metadata_tests.simulated.engine import Engine

SERVICE = "lake"
DATABASE = "db"


class SimulatedWorld:
    """One service `lake` with one database `db` on both sides, and a ledger that knows nothing yet.

    `channel` are the settings of every run that says nothing else. One world at a time: the next one that is made in
    this process empties the ledger that they share.
    """

    def __init__(self, engine: Engine | None = None, **channel: Any) -> None:
        self.engine = engine or Engine()
        self.catalog = MemoryCatalog(SERVICE)
        self.channel = channel
        self.ledger = _empty_ledger()
        self.engine.create(DATABASE)
        self.catalog.add(self.fqn())

    def fqn(self, *names: str) -> str:
        """The FQN of the database or of something in it, by the names as the source knows them."""
        return _fqn(names)

    def path(self, *names: str) -> Path:
        """The path of the database or of something in it."""
        return (DATABASE, *names)

    def schema(self, name: str, **tables: tuple[str, ...]) -> None:
        """A schema on both sides, with tables by name and their columns."""
        self.engine.create(*self.path(name))
        self.catalog.add(self.fqn(name))
        for table, columns in tables.items():
            self.table(name, table, columns)

    def table(self, schema: str, name: str, columns: tuple[str, ...] = ("id",), description: str | None = None) -> str:
        """A table on both sides, whose description is the catalog's; its FQN."""
        self.engine.create(*self.path(schema, name))
        for column in columns:
            self.engine.create(*self.path(schema, name, column))
        self.catalog.add(self.fqn(schema, name), columns, description)
        return self.fqn(schema, name)

    def found(self, *names: str) -> SourceObject:
        """What the source holds of the database or of something in it, as a run reads it."""
        partition = Partition.holding(SERVICE, self.path(*names))
        return self.connector().read(partition)[self.path(*names)]

    def reingest(self, *, override: bool = False, tags: bool = False) -> None:
        """The catalog reads the source again: descriptions where it has none, or everywhere with `override`; with
        `tags` also those that it does not have, as classification and tag."""
        self.catalog.editor, editor = "ingestion-bot", self.catalog.editor
        for entity in self._living():
            thing = self.engine.objects.get(entity.path)
            if thing is None:
                continue
            if thing.description is not None and (override or not entity.description):
                self.catalog.describe(entity.fqn, thing.description)
            known = {tag.fqn for tag in entity.tags}
            for key, value in thing.tags.items() if tags else ():
                if value and fqns.join((key, value)) not in known:
                    self.catalog.tag(entity.fqn, Tag(fqns.join((key, value)), label_type="Automated"))
        self.catalog.editor = editor

    def connector(self) -> Connector:
        """A connector as a run gets it."""
        return connect(self.engine)

    @contextmanager
    def pipeline(
        self,
        run_id: str = "run",
        ignore_brakes: bool = False,
        preview: bool = False,
        others: tuple[Channel, ...] = (),
        **channel: Any,
    ) -> Iterator[Pipeline]:
        """The steps of a channel over everything here; `others` are the other channels of the configuration."""
        settings = Channel(**{"name": "lake", **self.channel, **channel})
        with closing(Services(self.catalog, {SERVICE: self.connector}, {})) as services:
            yield Pipeline(
                settings, self.catalog, services, self.ledger, run_id, ignore_brakes, preview, patience=0, others=others
            )

    def sync(self, run_id: str = "run", ignore_brakes: bool = False, **channel: Any) -> dict[str, Applied | str]:
        """A whole run; what became of each partition, or why it failed."""
        results: dict[str, Applied | str] = {}
        with self.pipeline(run_id, ignore_brakes, **channel) as pipeline:
            for partition in pipeline.discover():
                try:
                    plan = pipeline.recover_and_resolve(pipeline.fetch(partition, "full"))
                    results[partition.key] = pipeline.apply(plan)
                except ReverseMetadataError as error:
                    results[partition.key] = str(error)
        return results

    def plan(self, schema: str | None, **channel: Any) -> Plan:
        """The plan for a schema, or (None) for the database; nothing is written."""
        with self.pipeline(**channel) as pipeline:
            return pipeline.resolve(pipeline.fetch(Partition(SERVICE, DATABASE, schema), "full"))

    def undo(self, own_run: str, **selection: Any) -> dict[str, Applied | str]:
        """Take back what matches (the fields of `Selection`), as a run of its own."""
        results: dict[str, Applied | str] = {}
        with self.pipeline(own_run) as pipeline:
            for partition, make_plan in pipeline.undo(Selection(**selection)):
                try:
                    results[partition.key] = pipeline.apply(make_plan())
                except ReverseMetadataError as error:
                    results[partition.key] = str(error)
        return results

    def pushes(self) -> list[Push]:
        """Every push that the ledger recorded, oldest first."""
        return list(self.ledger.pushes())[::-1]

    def _living(self) -> list[Entity]:
        """Every entity of the catalog that is not deleted, columns included."""
        partitions = list(self.catalog.partitions(SERVICE))
        tops = [self.catalog.find(partition.key) for partition in partitions]
        for partition in partitions:
            if partition.schema is not None:
                tops += self.catalog.tables(partition)
        return [entity for top in tops for entity in top.walk()]


@cache
def _fqn(names: Path) -> str:
    return fqns.join((SERVICE, DATABASE, *names))


def _empty_ledger() -> Ledger:
    ledger = _ledger()
    with ledger._writing() as connection:
        for table in metadata.tables.values():
            connection.execute(sa.delete(table))
    return ledger


@cache
def _ledger() -> Ledger:
    """The ledger of this process. One for all worlds: it keeps its compiled queries, which cost more than the rest."""
    directory = tempfile.TemporaryDirectory(prefix="reverse_metadata-")
    atexit.register(directory.cleanup)
    ledger = Ledger.open(f"sqlite:///{File(directory.name, 'ledger.sqlite')}")
    atexit.register(ledger.close)
    # Connections that are opened from now on do not wait for the disk.
    sa.event.listen(ledger._engine, "connect", _do_not_wait)
    ledger.close()
    return ledger


def _do_not_wait(connection: DBAPIConnection, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous = OFF")
    cursor.close()

"""A catalog server, a real PostgreSQL database and a ledger, and people who edit on both sides."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import sql

from reverse_metadata.applying.apply import Applied
from reverse_metadata.applying.pipeline import Pipeline
from reverse_metadata.catalogs.openmetadata import OpenMetadataCatalog
from reverse_metadata.config import Channel
from reverse_metadata.connectors.base import Connector
from reverse_metadata.connectors.postgres import PostgresConnector, PostgresOptions
from reverse_metadata.errors import ReverseMetadataError
from reverse_metadata.ledger import Ledger, Push
from reverse_metadata.model import Partition
from reverse_metadata.planning.plan import Plan
from reverse_metadata.services import Services
from reverse_metadata_tests.openmetadata_server import OpenMetadataServer

SERVICE = "shop_pg"


class World:
    """One service `shop_pg` with one database; `database` is its name on both sides."""

    def __init__(self, server: OpenMetadataServer, host: str, database: str, ledger: str) -> None:
        self.server = server
        self.estate = server.estate
        self.host = host
        self.database = database
        self.ledger_url = ledger
        self.username = "postgres"
        #: What the configuration says of the connection beyond host, user and database.
        self.options: dict[str, Any] = {}
        self.connector_type: type[PostgresConnector] = PostgresConnector
        self.estate.service(SERVICE)
        self.estate.database(self.fqn())

    def fqn(self, *names: str) -> str:
        """The FQN of the database or of something in it; the names need no quoting."""
        return ".".join([SERVICE, self.database, *names])

    def table(self, schema: str, name: str, columns: tuple[str, ...] = ("id",), **values: Any) -> str:
        """A table on both sides; `description` and other values are the catalog's."""
        self.schema(schema)
        self.create(schema, name, columns)
        fqn = self.fqn(schema, name)
        self.estate.table(fqn, columns, **values)
        return fqn

    def schema(self, schema: str) -> None:
        """A schema on both sides, unless it is there."""
        self.run(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
        if self.fqn(schema) not in {entity["fullyQualifiedName"] for entity in self.estate.entities.values()}:
            self.estate.schema(self.fqn(schema))

    def create(self, schema: str, name: str, columns: tuple[str, ...] = ("id",)) -> None:
        """A table in the source alone."""
        listed = sql.SQL(", ").join(sql.SQL("{} int").format(sql.Identifier(column)) for column in columns)
        self.run(sql.SQL("CREATE TABLE {} ({})").format(sql.Identifier(schema, name), listed))

    def rebuild(self, schema: str, name: str, columns: tuple[str, ...] = ("id",)) -> None:
        """Drop and re-create a table, as dbt does."""
        self.run(sql.SQL("DROP TABLE {}").format(sql.Identifier(schema, name)))
        self.create(schema, name, columns)

    def comment_by_hand(self, schema: str, name: str, text: str | None) -> None:
        """Somebody comments a table in the source."""
        value = sql.SQL("NULL") if text is None else sql.Literal(text)
        self.run(sql.SQL("COMMENT ON TABLE {} IS {}").format(sql.Identifier(schema, name), value))

    def comment(self, schema: str, name: str, column: str | None = None) -> str | None:
        """What PostgreSQL holds for a table or column."""
        query = (
            "SELECT d.description FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = %s"
            " LEFT JOIN pg_description d ON d.objoid = c.oid AND d.classoid = 'pg_class'::regclass"
            " AND d.objsubid = coalesce(a.attnum, 0) WHERE n.nspname = %s AND c.relname = %s"
        )
        with self.connect() as connection:
            row = connection.execute(query, (column, schema, name)).fetchone()
        assert row is not None, f"{schema}.{name} is not in the source"
        text: str | None = row[0]
        return text

    def owner(self, schema: str, name: str) -> str:
        """Who owns a table in PostgreSQL."""
        with self.connect() as connection:
            row = connection.execute(
                "SELECT tableowner FROM pg_tables WHERE schemaname = %s AND tablename = %s", (schema, name)
            ).fetchone()
        assert row is not None
        return str(row[0])

    def run(self, statement: sql.Composed | str) -> None:
        """Run a statement in the source as its superuser."""
        with self.connect() as connection:
            connection.execute(statement if isinstance(statement, sql.Composed) else statement.encode())

    def connect(self) -> psycopg.Connection[Any]:
        """A connection to the source as its superuser."""
        return psycopg.connect(host=self.host, user="postgres", dbname=self.database, autocommit=True)

    def connector(self) -> Connector:
        """A connector as the channel's run gets it."""
        options = {"host": self.host, "username": self.username, "database": self.database, **self.options}
        return self.connector_type(PostgresOptions.model_validate(options))

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
        token = self.server.bot_token
        with closing(OpenMetadataCatalog(self.server.url, token, pause=lambda _: None)) as catalog:
            with Ledger.open(self.ledger_url) as ledger:
                with closing(Services(catalog, {SERVICE: self.connector}, {})) as services:
                    settings = Channel(**{"name": "shop", **channel})
                    yield Pipeline(
                        settings, catalog, services, ledger, run_id, ignore_brakes, preview, patience=20, others=others
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

    def plan(self, schema: str, **channel: Any) -> Plan:
        """The plan for a schema; nothing is written."""
        with self.pipeline(**channel) as pipeline:
            return pipeline.resolve(pipeline.fetch(Partition(SERVICE, self.database, schema), "full"))

    def pushes(self) -> list[Push]:
        """Every push that the ledger recorded, oldest first."""
        with Ledger.open(self.ledger_url) as ledger:
            return list(ledger.pushes())[::-1]


def statements(results: dict[str, Applied | str]) -> int:
    """How many statements a run sent; fails when a partition could not be done."""
    total = 0
    for key, result in results.items():
        assert isinstance(result, Applied), f"{key}: {result}"
        assert not result.problems, f"{key}: {result.problems}"
        total += result.statements
    return total


@contextmanager
def a_world(host: str, database: str, directory: Path) -> Iterator[World]:
    """A world with a database of its own, for one test."""
    with psycopg.connect(host=host, user="postgres", dbname="postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
        try:
            with OpenMetadataServer() as server:
                yield World(server, host, database, f"sqlite:///{directory / 'ledger.sqlite'}")
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database)))


@contextmanager
def some_roles(world: World, *kinds: str) -> Iterator[list[str]]:
    """New roles that may log in, a name each that begins like its kind; what they own goes with them."""
    names = [f"{kind}_{uuid4().hex[:8]}" for kind in kinds]
    for name in names:
        world.run(f"CREATE ROLE {name} LOGIN")
    try:
        yield names
    finally:
        world.run(f"DROP OWNED BY {', '.join(names)}")
        world.run(f"DROP ROLE {', '.join(names)}")

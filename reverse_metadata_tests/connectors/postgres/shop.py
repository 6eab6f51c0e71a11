"""A database for one test, the people who work in it, and a connector to it."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from reverse_metadata.connectors.postgres import PostgresConnector, PostgresOptions
from reverse_metadata.fqn import join
from reverse_metadata.model import Aspect, Change, EntityType, Outcome, Partition, Path, SourceState, Verdict

SERVICE = "shop_pg"


class Shop:
    """A database; `run` and `connect` work as its superuser."""

    def __init__(self, host: str, database: str) -> None:
        self.host = host
        self.database = database
        self.roles: list[str] = []

    def connect(self, database: str | None = None, user: str = "postgres") -> psycopg.Connection[Any]:
        # Not `psycopg.connect`, which is what `spied` replaces.
        return psycopg.Connection.connect(host=self.host, user=user, dbname=database or self.database, autocommit=True)

    def run(self, *statements: str) -> None:
        with self.connect() as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def ask(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with self.connect() as connection:
            return connection.execute(query.encode(), parameters).fetchall()

    def version(self) -> int:
        """The server's major version."""
        ((number,),) = self.ask("SELECT current_setting('server_version_num')::int / 10000")
        return int(number)

    def role(self, options: str = "LOGIN") -> str:
        """A new role, dropped with the database."""
        name = f"role_{uuid4().hex[:10]}"
        self.run(f"CREATE ROLE {name} {options}")
        self.roles.append(name)
        return name

    def options(self, **changed: Any) -> PostgresOptions:
        return PostgresOptions(**{"host": self.host, "username": "postgres", "database": self.database, **changed})

    @contextmanager
    def connector(self, **options: Any) -> Iterator[PostgresConnector]:
        with PostgresConnector(self.options(**options)) as connector:
            yield connector

    def partition(self, schema: str | None = "public") -> Partition:
        return Partition(SERVICE, self.database, schema)

    def path(self, *names: str) -> Path:
        return (self.database, *names)

    def read(self, schema: str | None = "public", **options: Any) -> SourceState:
        with self.connector(**options) as connector:
            return connector.read(self.partition(schema))

    def describe(self, *names: str, text: str | None, kind: str = "") -> Change:
        return change(self.path(*names), text, kind=kind)

    def give(self, *names: str, owner: str | None, kind: str = "") -> Change:
        return change(self.path(*names), owner, Aspect.OWNER, kind)

    def push(self, changes: Iterable[Change], schema: str | None = "public", **options: Any) -> list[Outcome]:
        """What became of each change, in the order in which they were sent."""
        with self.connector(**options) as connector:
            return list(connector.execute(self.partition(schema), connector.resolve(changes)))

    def table(self, name: str, columns: int = 1, schema: str = "public") -> None:
        listed = ", ".join(f"c{number} int" for number in range(columns))
        self.run(f"CREATE TABLE {schema}.{name} ({listed})")

    def waiting(self, pattern: str) -> int:
        """The process id of the backend that runs a statement like the pattern and waits for a lock, once it does."""
        query = (
            "SELECT pid FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock' AND query LIKE %s"
            " AND pid <> pg_backend_pid()"
        )
        pids: list[int] = []

        def found() -> bool:
            pids[:] = [pid for (pid,) in self.ask(query, self.database, pattern)]
            return bool(pids)

        until(found)
        return pids[0]


def change(path: Path, value: str | None, aspect: Aspect = Aspect.DESCRIPTION, kind: str = "") -> Change:
    """A change as the planner makes it; the kind of a table is `table` unless said otherwise."""
    return Change(
        entity=join((SERVICE, *path)),
        entity_id="1",
        type=EntityType.of(path),
        path=path,
        aspect=aspect,
        verdict=Verdict.CLEAR if value is None else Verdict.APPLY,
        value=value,
        actual=None,
        reason="",
        kind=kind or EntityType.of(path).value,
    )


def until(condition: Callable[[], bool]) -> None:
    """Return once the condition holds; fail when it does not for a minute."""
    clock = Event()
    for _ in range(6000):
        if condition():
            return
        clock.wait(0.01)
    raise AssertionError("the condition never held")


def spied(monkeypatch: pytest.MonkeyPatch, before: Callable[[bytes], None] = lambda _: None) -> list[bytes]:
    """Every message that connectors send from now on; `before` sees each before it is sent."""
    sent: list[bytes] = []

    class Spied(psycopg.Connection[Any]):
        def execute(self, query: Any, *args: Any, **kwargs: Any) -> psycopg.Cursor[Any]:
            sent.append(query if isinstance(query, bytes) else str(query).encode())
            before(sent[-1])
            return super().execute(query, *args, **kwargs)

    monkeypatch.setattr("psycopg.connect", Spied.connect)
    return sent


@contextmanager
def a_shop(host: str) -> Iterator[Shop]:
    """An empty database, dropped with everything in it and with its roles."""
    shop = Shop(host, f"shop_{uuid4().hex[:10]}")
    with shop.connect("postgres") as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(shop.database)))
        try:
            yield shop
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(shop.database)))
            for role in reversed(shop.roles):
                connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))

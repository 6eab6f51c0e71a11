"""Those who get in a writer's way, and what is looked at afterwards."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg

from reverse_metadata.errors import SourceError
from reverse_metadata.model import Outcome
from reverse_metadata_tests.connectors.postgres.shop import Shop


@contextmanager
def meanwhile() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as pool:
        yield pool


def errors(outcomes: list[Outcome]) -> dict[str, SourceError]:
    """The error of each change that failed, by the last name of its path."""
    return {outcome.statement.changes[0].path[-1]: outcome.error for outcome in outcomes if outcome.error}


def only_error(outcomes: list[Outcome]) -> SourceError:
    (error,) = errors(outcomes).values()
    return error


def described(shop: Shop) -> set[str]:
    """The last names of the tables and columns with a description."""
    return {path[-1] for path, found in shop.read().items() if len(path) > 2 and found.description is not None}


def audited(shop: Shop) -> None:
    """From now on every statement leaves a row in `audit`, in its own transaction."""
    shop.run(
        "CREATE SCHEMA private",
        "CREATE TABLE private.audit (id serial, object text, pid int DEFAULT pg_backend_pid())",
        "CREATE FUNCTION private.note() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN"
        " INSERT INTO private.audit (object) SELECT object_identity FROM pg_event_trigger_ddl_commands(); END $$",
        "CREATE EVENT TRIGGER note ON ddl_command_end WHEN TAG IN ('COMMENT') EXECUTE FUNCTION private.note()",
    )


def audit(shop: Shop) -> list[str]:
    return [name for (name,) in shop.ask("SELECT object FROM private.audit ORDER BY id")]


@contextmanager
def locked(shop: Shop, statement: str) -> Iterator[psycopg.Connection[object]]:
    """Somebody holds a lock until the end."""
    with shop.connect() as connection:
        connection.execute("BEGIN")
        connection.execute(statement.encode())
        try:
            yield connection
        finally:
            if not connection.closed:
                connection.execute("ROLLBACK")

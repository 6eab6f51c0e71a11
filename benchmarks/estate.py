"""The estate that is measured: tables of 50 described columns, in PostgreSQL and in a catalog server.

`python -m benchmarks.estate TABLES` serves the catalog from a process of its own, so that its memory is not counted:
it prints the URL and the token as JSON and ends when its standard input does.
"""

import json
import sys
from collections.abc import Iterator

from reverse_metadata_tests.openmetadata_server import OpenMetadataServer

SERVICE = "bench_pg"
DATABASE = "bench"
SCHEMAS = 10
COLUMNS = 50


def tables(count: int) -> Iterator[tuple[str, str]]:
    """Schema and name of every table; the tables are spread evenly over the schemas."""
    for number in range(count):
        yield f"schema_{number % SCHEMAS}", f"table_{number // SCHEMAS}"


def description(schema: str, table: str, column: int | None = None) -> str:
    """A description of usual length."""
    what = f"{schema}.{table}" if column is None else f"{schema}.{table}.column_{column}"
    return f"What {what} holds: one value a row, curated by people, it's described in two sentences. Checked yearly."


def ddl(count: int) -> str:
    """The statements that create the tables."""
    columns = ", ".join(f"column_{number} int" for number in range(COLUMNS))
    schemas = "".join(f"CREATE SCHEMA schema_{number};" for number in range(SCHEMAS))
    return schemas + "".join(f"CREATE TABLE {schema}.{table} ({columns});" for schema, table in tables(count))


def floor(count: int) -> dict[str, str]:
    """The same comments by hand: one string a schema, as fast as PostgreSQL takes them."""
    scripts: dict[str, list[str]] = {}
    for schema, table in tables(count):
        script = scripts.setdefault(schema, [])
        script.append(f"COMMENT ON TABLE {schema}.{table} IS {_literal(description(schema, table))}")
        script += [
            f"COMMENT ON COLUMN {schema}.{table}.column_{column} IS {_literal(description(schema, table, column))}"
            for column in range(COLUMNS)
        ]
    return {schema: ";".join(script) for schema, script in scripts.items()}


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def serve(count: int) -> None:
    """Serve the catalog until standard input ends."""
    with OpenMetadataServer() as server:
        estate = server.estate
        estate.service(SERVICE)
        estate.database(f"{SERVICE}.{DATABASE}")
        for number in range(SCHEMAS):
            estate.schema(f"{SERVICE}.{DATABASE}.schema_{number}")
        for schema, table in tables(count):
            columns = [
                {"name": f"column_{column}", "dataType": "INT", "description": description(schema, table, column)}
                for column in range(COLUMNS)
            ]
            fqn = f"{SERVICE}.{DATABASE}.{schema}.{table}"
            estate.table(fqn, columns, description=description(schema, table))
        print(json.dumps({"url": server.url, "token": server.bot_token}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    serve(int(sys.argv[1]))

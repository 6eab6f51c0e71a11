"""What a filter costs beside reading what it decides on: `python -m benchmarks.filters`.

Reads 100,000 tables of ten columns from a local catalog server and evaluates a filter of ten clauses on each. The
server is a process of its own that has every page in memory, so that the time of the reading is ours. Prints one JSON
document: seconds for the reading and for the filter, and their ratio. With `serve` it is the server.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from reverse_metadata.catalogs.filter import catalog_fields, matches, parse_filter
from reverse_metadata.catalogs.openmetadata import OpenMetadataCatalog
from reverse_metadata.model import Partition

TABLES = 100_000
_SCHEMAS = 100
_COLUMNS = 10

#: Ten clauses; every one is looked at for some of the tables.
FILTER = {
    "all": [
        {"service": "bench_*"},
        {"not": {"table": ["tmp_*", {"regex": ".*_backup_[0-9]+"}]}},
        {
            "any": [
                {"tags": "PII.Secret*"},
                {"domain": "Operations"},
                {"owner": "grace*"},
                {"certification": "Gold"},
                {"extension.rows": {"greater": 90}},
                {"tier": "Tier1"},
                {"glossary": "Business.*"},
                {"description": {"contains": "by people"}},
            ]
        },
    ]
}


def measure() -> dict[str, Any]:
    """Seconds for the reading and for the filter, taken schema by schema in one run."""
    filter = parse_filter(FILTER)
    reading = deciding = 0.0
    tables = chosen = 0
    with _server() as url, OpenMetadataCatalog(url, "a-token-of-a-bot", fields=catalog_fields([filter])) as catalog:
        for number in range(_SCHEMAS):
            started = time.perf_counter()
            found = list(catalog.tables(Partition("bench_pg", "bench", f"schema_{number}")))
            read = time.perf_counter()
            chosen += sum(matches(filter, table) for table in found)
            deciding += time.perf_counter() - read
            reading += read - started
            tables += len(found)
    return {
        "tables": tables,
        "chosen": chosen,
        "read": round(reading, 3),
        "filter": round(deciding, 3),
        "ratio": round(deciding / reading, 4),
    }


def _table(number: int) -> dict[str, Any]:
    """A table as the server sends it. What comes of it differs from table to table, so that every clause decides."""
    schema = f"bench_pg.bench.schema_{number % _SCHEMAS}"
    name = f"tmp_{number}" if number % 11 == 0 else f"table_{number}"
    tag = {"tagFQN": "PII.Sensitive", "source": "Classification", "labelType": "Manual", "state": "Confirmed"}
    return {
        "id": f"id-{number:08}",
        "name": name,
        "fullyQualifiedName": f"{schema}.{name}",
        "description": "What it holds: one value a row, curated by people." if number % 2 else "What it holds.",
        "version": 0.3,
        "updatedAt": 1769904000000,
        "updatedBy": "ada",
        "tableType": "Regular",
        "serviceType": "Postgres",
        "columns": [
            {
                "name": f"column_{column}",
                "dataType": "INT",
                "fullyQualifiedName": f"{schema}.{name}.column_{column}",
                "description": "One value a row, checked every year.",
                "tags": [tag] if column == 0 else [],
            }
            for column in range(_COLUMNS)
        ],
        "owners": [{"id": "u-1", "type": "user", "name": "ada", "displayName": "Ada Lovelace", "deleted": False}],
        "tags": [tag, {**tag, "tagFQN": "Tier.Tier2"}],
        "domains": [{"id": "d-1", "type": "domain", "name": "Risk", "fullyQualifiedName": "Finance.Risk"}],
        "extension": {"rows": number % 100, "costCenter": "CC-1"},
        "deleted": False,
    }


class _Pages(BaseHTTPRequestHandler):
    """Answers lists of tables in pages; `after` is the place in the schema."""

    protocol_version = "HTTP/1.1"
    pages: dict[tuple[str, int], bytes]

    def do_GET(self) -> None:
        """One page."""
        query = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
        body = self.pages[query["databaseSchema"].rpartition("_")[2], int(query.get("after", "0"))]
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


def _prepared(limit: int = 100) -> dict[tuple[str, int], bytes]:
    pages = {}
    total = TABLES // _SCHEMAS
    for schema in range(_SCHEMAS):
        for start in range(0, total, limit):
            data = [_table(schema + _SCHEMAS * place) for place in range(start, start + limit)]
            paging = {"total": total} | ({"after": str(start + limit)} if start + limit < total else {})
            pages[str(schema), start] = json.dumps({"data": data, "paging": paging}).encode()
    return pages


def serve() -> None:
    """Serve until standard input ends: the address is printed first."""
    _Pages.pages = _prepared()
    server = HTTPServer(("127.0.0.1", 0), _Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    sys.stdin.read()


@contextmanager
def _server() -> Iterator[str]:
    command = [sys.executable, "-m", "benchmarks.filters", "serve"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait(timeout=30)


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        serve()
    else:
        print(json.dumps(measure()))

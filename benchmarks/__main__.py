"""`python -m benchmarks [--json PATH]`: what a run costs, beside the raw floor, all in one run of this command.

The figures that count are ratios: the machine is whatever it is.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import psycopg

from benchmarks import clickhouse, estate, filters, mysql
from reverse_metadata.demo import server

_SIZES = (200, 1000)

_CONFIG = """\
catalog: {type: openmetadata, url: "${BENCH_CATALOG}", token: "${BENCH_TOKEN}"}
ledger: sqlite:///ledger.sqlite
services:
  bench_pg: {type: postgres, host: "${BENCH_POSTGRES}", database: bench, username: postgres}
channels:
  - {name: bench, filter: {service: bench_pg}, on_change: false, schedule: null}
"""

#: The same imports and the same kind of job, and nothing to do.
_EMPTY_JOB = """\
import dagster as dg
import reverse_metadata.definitions

@dg.op
def nothing() -> None: ...

@dg.job(executor_def=dg.in_process_executor)
def empty() -> None:
    nothing()

defs = dg.Definitions(jobs=[empty])
"""


@click.command()
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Also write the figures to this file.")
def main(json_path: Path | None) -> None:
    """Measure both sizes and print a table."""
    figures = {}
    with tempfile.TemporaryDirectory(prefix="reverse_metadata_bench_") as directory:
        place = Path(directory)
        place.chmod(0o755)
        running = server.start(place / "postgres")
        try:
            for size in _SIZES:
                click.echo(f"==> {size} tables x {estate.COLUMNS} columns", err=True)
                figures[size] = _measure(size, running.host, place / str(size))
        finally:
            server.stop(place / "postgres")
    click.echo(f"==> a filter over {filters.TABLES} tables", err=True)
    filtered = filters.measure()
    click.echo(f"==> {mysql.TABLES} tables on MariaDB", err=True)
    altered = mysql.measure() if mysql.available() else None
    click.echo(f"==> {clickhouse.TABLES} tables on ClickHouse", err=True)
    written = clickhouse.measure() if clickhouse.available() else None
    click.echo(_report(figures))
    click.echo(
        f"a filter of ten clauses over {filtered['tables']} tables takes {filtered['filter']:.1f} s,"
        f" {filtered['ratio']:.2f} of the {filtered['read']:.1f} s that reading them takes"
    )
    click.echo(mysql.report(altered))
    click.echo(clickhouse.report(written))
    if json_path is not None:
        everything: dict[Any, Any] = {**figures, "filter": filtered, "mysql": altered, "clickhouse": written}
        json_path.write_text(json.dumps(everything, indent=2))


def _measure(size: int, host: str, place: Path) -> dict[str, Any]:
    place.mkdir()
    config = place / "reverse_metadata.yaml"
    config.write_text(_CONFIG)
    with _catalog(size) as address:
        environ = {
            **os.environ,
            "BENCH_CATALOG": address["url"],
            "BENCH_TOKEN": address["token"],
            "BENCH_POSTGRES": host,
            "REVERSE_METADATA_CONFIG": str(config),
            "DAGSTER_HOME": str(_fresh(place / "dagster_home")),
        }
        _create(host, size)
        floor = _floor(host, size)
        _create(host, size)
        first = _phases(config, environ)
        warm = _phases(config, environ)
        (place / "ledger.sqlite").unlink()
        _create(host, size)
        empty = _empty_job(place, environ)
        dagster = _timed(_dagster("-m", "reverse_metadata.definitions", "-j", "bench_sync"), environ)
        dagster_warm = _timed(_dagster("-m", "reverse_metadata.definitions", "-j", "bench_sync"), environ)
    return {
        "descriptions": size * (estate.COLUMNS + 1),
        "floor": floor,
        "first": first,
        "warm": warm,
        "dagster_first": dagster,
        "dagster_warm": dagster_warm,
        "dagster_empty_job": empty,
    }


@contextmanager
def _catalog(size: int) -> Iterator[dict[str, str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.estate", str(size)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(timeout=30)


def _create(host: str, size: int) -> None:
    """The database anew, without any comment."""
    with psycopg.connect(host=host, user="postgres", dbname="postgres", autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS bench WITH (FORCE)")
        connection.execute("CREATE DATABASE bench")
    with psycopg.connect(host=host, user="postgres", dbname="bench", autocommit=True) as connection:
        connection.execute(estate.ddl(size).encode())
        connection.execute("CHECKPOINT")


def _floor(host: str, size: int) -> float:
    """Seconds for the comments by hand: one string and one transaction a schema."""
    scripts = [script.encode() for script in estate.floor(size).values()]
    with psycopg.connect(host=host, user="postgres", dbname="bench", autocommit=True) as connection:
        started = time.perf_counter()
        for script in scripts:
            with connection.transaction():
                connection.execute(script)
        return time.perf_counter() - started


def _phases(config: Path, environ: Mapping[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.phases", str(config)], env=environ, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _empty_job(place: Path, environ: Mapping[str, str]) -> float:
    file = place / "empty_job.py"
    file.write_text(_EMPTY_JOB)
    return _timed(_dagster("-f", str(file), "-j", "empty"), environ)


def _dagster(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "dagster", "job", "execute", *arguments]


def _timed(command: list[str], environ: Mapping[str, str]) -> float:
    started = time.perf_counter()
    done = subprocess.run(command, env=environ, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr[-4000:])
    return time.perf_counter() - started


def _fresh(home: Path) -> Path:
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    return home


def _report(figures: Mapping[int, Mapping[str, Any]]) -> str:
    small, large = figures[_SIZES[0]], figures[_SIZES[1]]
    phases = dict.fromkeys([*small["first"]["seconds"], *large["first"]["seconds"]])
    rows = [("", *(f"{size} tables" for size in _SIZES), "ratio")]
    rows.append(_row("descriptions", small["descriptions"], large["descriptions"]))
    rows.append(_row("raw floor, s", small["floor"], large["floor"]))
    rows += [
        _row(f"{phase}, s", small["first"]["seconds"].get(phase, 0.0), large["first"]["seconds"].get(phase, 0.0))
        for phase in phases
    ]
    totals = [sum(figure["first"]["seconds"].values()) for figure in (small, large)]
    rows.append(_row("all phases, s", *totals))
    rows.append(_row("peak memory, MiB", small["first"]["peak_mib"], large["first"]["peak_mib"]))
    warm = [sum(figure["warm"]["seconds"].values()) for figure in (small, large)]
    rows.append(_row("warm pass, s", *warm))
    rows.append(_row("warm pass, statements", small["warm"]["statements"], large["warm"]["statements"]))
    rows.append(_row("warm pass, queries to the source", small["warm"]["queries"], large["warm"]["queries"]))
    rows.append(_row("dagster job, first, s", small["dagster_first"], large["dagster_first"]))
    rows.append(_row("dagster job, warm, s", small["dagster_warm"], large["dagster_warm"]))
    rows.append(_row("dagster, empty job, s", small["dagster_empty_job"], large["dagster_empty_job"]))
    execute = [figure["first"]["seconds"]["execute"] / figure["floor"] for figure in (small, large)]
    rows.append(("execute / raw floor", *(f"{ratio:.2f}" for ratio in execute), ""))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    )


def _row(name: str, small: float, large: float) -> tuple[str, str, str, str]:
    ratio = f"{large / small:.2f}" if small else ""
    return name, _number(small), _number(large), ratio


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.3f}"


if __name__ == "__main__":
    main()

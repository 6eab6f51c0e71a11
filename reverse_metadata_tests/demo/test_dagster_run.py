"""Of what Dagster prints, people see what the job says; the rest is in the log."""

import os
from pathlib import Path

import pytest

from reverse_metadata.demo.dagster_run import run_job, worth_reading

PREFIX = "2026-11-21 04:42:38 +0000 - dagster"
RUN = "shop_sync - a9367a03-87f4-4af0-ad1b-48f685cb2239"


def test_messages_of_the_job_are_shown_and_those_of_the_engine_are_not() -> None:
    lines = [
        f'{PREFIX} - DEBUG - {RUN} - 10246 - RUN_START - Started execution of run for "shop_sync".\n',
        f"{PREFIX} - INFO - {RUN} - sync - shop_pg.shop.sales: 3 - 1 = 2\x1b[2J\n",
        f"{PREFIX} - WARNING - {RUN} - sync - finance.ledger is kept\n",
        "its second line\n",
    ]
    assert list(worth_reading(lines)) == [
        "shop_pg.shop.sales: 3 - 1 = 2\\u{1b}[2J",
        "WARNING: finance.ledger is kept",
    ]


def test_the_error_of_a_step_is_shown_once_and_without_its_stack_trace() -> None:
    lines = [
        f'{PREFIX} - ERROR - {RUN} - 10584 - sync - STEP_FAILURE - Execution of step "sync" failed.\n',
        "\n",
        "PartitionsFailed: 1 partition failed:\n",
        "  shop_pg.shop.finance: rm_writer must be owner of table ledger\n",
        "\n",
        "Stack Trace:\n",
        '  File "sync.py", line 4, in sync\n',
        f'{PREFIX} - ERROR - {RUN} - 10584 - RUN_FAILURE - Execution of run for "shop_sync" failed.\n',
        "\n",
        "PartitionsFailed: 1 partition failed:\n",
    ]
    assert list(worth_reading(lines)) == [
        'ERROR: Execution of step "sync" failed.',
        "PartitionsFailed: 1 partition failed:",
        "  shop_pg.shop.finance: rm_writer must be owner of table ledger",
    ]


@pytest.fixture
def fake_dagster(tmp_path: Path) -> dict[str, str]:
    """An environment in which `python -m dagster` prints its arguments, two lines more, and fails if FAIL is set."""
    package = tmp_path / "dagster"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(
        "import os, sys\n"
        "print(*sys.argv[1:])\n"
        f"print({PREFIX!r} + ' - INFO - {RUN} - sync - 5 schemas')\n"
        "print('the end', file=sys.stderr)\n"
        "sys.exit(1 if os.environ.get('FAIL') else 0)\n"
    )
    return {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONUNBUFFERED": "1"}


def test_the_job_runs_and_everything_it_printed_is_kept(tmp_path: Path, fake_dagster: dict[str, str]) -> None:
    said: list[str] = []
    assert run_job("shop_sync", fake_dagster, tmp_path / "log", said.append) == ""
    command = "job execute -m reverse_metadata.definitions -j shop_sync"
    assert said == [f"==> dagster {command}", "    Dagster starts, this takes some seconds", "    5 schemas"]
    assert (tmp_path / "log").read_text().splitlines() == [
        command,
        f"{PREFIX} - INFO - {RUN} - sync - 5 schemas",
        "the end",
    ]


def test_a_job_that_failed_gives_its_last_line(tmp_path: Path, fake_dagster: dict[str, str]) -> None:
    said: list[str] = []
    assert run_job("shop_sync", {**fake_dagster, "FAIL": "1"}, tmp_path / "log", said.append) == "the end"

"""`make demo`, twice, as a newcomer runs it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reverse_metadata.demo import server, shop


@pytest.fixture
def state(directory: Path) -> Iterator[Path]:
    """A directory for the demo's state, its server stopped in the end."""
    try:
        yield directory
    finally:
        _demo(directory, "stop")


def _demo(state: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "reverse_metadata.demo", *arguments]
    environment = {**os.environ, "DEMO_DIR": str(state), "COLUMNS": "120"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout


def test_the_first_run_fills_the_database_and_the_second_sends_nothing(state: Path) -> None:
    first = _demo(state)
    assert "changes were sent" in first
    assert "! finance.ledger: a text that stood here before is kept" in first
    assert "What to try next" in first
    held = {found.name: found for found in shop.look(server.start(state / "postgres").host)}
    assert (held["sales.customers"].comment, held["sales.customers"].owner) == (
        "One row per customer. Personal data, mind who you share it with.",
        "grace",
    )
    assert held["sales"].owner == "analytics_eng"
    assert held["finance.ledger"].comment == "Booked by the ERP every night. Ask accounting before you touch it."
    assert held['"Weird Schema.v1"."order"'].comment == (
        'It\'s "quoted", 100 % safe; DROP TABLE sales.orders; -- $$ \\ and\na second line 🦉'
    )
    second = _demo(state)
    assert "All is in sync: 0 statements were sent." in second
    assert {found.name: found for found in shop.look(server.start(state / "postgres").host)} == held


def test_what_the_demo_proposes_to_try_works(state: Path) -> None:
    _demo(state)
    view = (
        "DROP VIEW sales.daily_revenue; CREATE VIEW sales.daily_revenue AS SELECT 1 AS day, 2 AS revenue, 3 AS orders"
    )
    _demo(state, "psql", "--", "-qc", view, "-c", "COMMENT ON TABLE sales.orders IS 'by hand'")
    assert "5 changes were sent: 5 applied" in _demo(state)
    held = {found.name: found for found in shop.look(server.start(state / "postgres").host)}
    assert str(held["sales.daily_revenue"].comment).startswith("Revenue a day")
    assert held["sales.orders"].comment != "by hand"

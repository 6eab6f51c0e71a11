import os
from pathlib import Path

import pytest

from reverse_metadata_tests.engines import postgres
from reverse_metadata_tests.engines.servers import EngineDied, free_port, server


def start() -> None:
    with postgres.postgres_15():
        raise AssertionError("it started")


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(postgres, "_PROGRAMS", tmp_path)


def test_an_engine_that_is_absent_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REQUIRE_ENGINES", raising=False)
    with pytest.raises(pytest.skip.Exception, match="PostgreSQL 15 is not installed: apt-get install postgresql-15"):
        start()


def test_an_engine_that_is_absent_is_a_failure_where_every_engine_must_be_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REQUIRE_ENGINES", "1")
    with pytest.raises(pytest.fail.Exception, match="PostgreSQL 15 is not installed: apt-get install postgresql-15"):
        start()


def test_a_server_that_does_not_start_says_why_and_is_gone(tmp_path: Path) -> None:
    with pytest.raises(EngineDied, match="no such catalog"):
        with server(["sh", "-c", "echo no such catalog >&2; exit 1"], tmp_path / "log", lambda: False):
            raise AssertionError("it started")


def test_a_server_is_stopped_after_a_test_that_failed(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    with pytest.raises(ZeroDivisionError):
        with server(
            ["sh", "-c", f"echo $$ > {pid}.new; mv {pid}.new {pid}; exec sleep 600"], tmp_path / "log", pid.exists
        ):
            1 / 0  # noqa: B018
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_a_free_port_is_none_that_the_system_gives_to_clients() -> None:
    assert free_port() < 32768

from pathlib import Path

import pytest

from reverse_metadata_tests import engines


def start() -> None:
    with engines.postgres_15():
        raise AssertionError("it started")


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(engines, "_POSTGRES_15", tmp_path)


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

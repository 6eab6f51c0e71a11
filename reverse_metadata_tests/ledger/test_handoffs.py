from datetime import UTC, datetime, timedelta

from reverse_metadata.ledger import Ledger


def test_a_payload_comes_back_as_it_was(ledger: Ledger) -> None:
    payload = bytes(range(256)) * 5000
    ledger.put_handoff("run-1", "p", "fetched", payload)
    assert ledger.get_handoff("run-1", "p", "fetched") == payload
    assert ledger.get_handoff("run-1", "p", "plan") is None
    assert ledger.get_handoff("run-1", "q", "fetched") is None
    assert ledger.get_handoff("run-2", "p", "fetched") is None


def test_a_step_that_runs_again_replaces_its_payload(ledger: Ledger) -> None:
    ledger.put_handoff("run-1", "p", "plan", b"first")
    ledger.put_handoff("run-1", "p", "plan", b"")
    assert ledger.get_handoff("run-1", "p", "plan") == b""


def test_dropping_takes_one_run(ledger: Ledger) -> None:
    for run in ("run-1", "run-2"):
        ledger.put_handoff(run, "p", "plan", b"x")
    ledger.drop_handoffs("run-1")
    assert ledger.get_handoff("run-1", "p", "plan") is None
    assert ledger.get_handoff("run-2", "p", "plan") == b"x"


def test_what_crashed_runs_left_is_dropped_by_age(ledger: Ledger) -> None:
    ledger.put_handoff("run-1", "p", "plan", b"x")
    now = datetime.now(UTC)
    assert ledger.drop_handoffs_before(now - timedelta(minutes=5)) == 0
    assert ledger.get_handoff("run-1", "p", "plan") == b"x"
    assert ledger.drop_handoffs_before(now + timedelta(minutes=5)) == 1
    assert ledger.get_handoff("run-1", "p", "plan") is None

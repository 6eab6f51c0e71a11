"""Who may leave out a scenario of the contract: a live account, and no other peer."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
_CONFTEST = Path(__file__).with_name("conftest.py")


@pytest.mark.parametrize(("marker", "outcome"), [("@pytest.mark.live", {"skipped": 1}), ("", {"failed": 1})])
def test_only_a_live_account_may_leave_out_a_scenario(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, marker: str, outcome: dict[str, int]
) -> None:
    monkeypatch.delenv("LIVE_SYSTEM", raising=False)
    pytester.makeconftest(_CONFTEST.read_text())
    pytester.makeini("[pytest]\nmarkers = live")
    pytester.makepyfile(
        f"""
        import pytest
        from reverse_metadata_tests.contract.peer import NotHere

        {marker or "# no marker"}
        def test_scenario():
            raise NotHere("nobody can cut this connection")
        """
    )
    result = pytester.runpytest_inprocess("-rs", "-p", "no:cacheprovider")
    result.assert_outcomes(**outcome)
    result.stdout.fnmatch_lines(["*nobody can cut this connection*"])

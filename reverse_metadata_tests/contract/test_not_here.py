"""What is different for a live account: it may leave out a scenario, and what it shows is redacted."""

from pathlib import Path
from secrets import token_hex

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


def test_what_a_live_scenario_shows_is_redacted(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIVE_SYSTEM", raising=False)
    secret = token_hex(8)
    monkeypatch.setenv("SECRET_OF_MINE", secret)
    pytester.makeconftest(_CONFTEST.read_text())
    pytester.makeini("[pytest]\nmarkers = live")
    pytester.makepyfile(
        """
        import os
        import pytest
        from reverse_metadata.redaction import register_secret

        @pytest.fixture
        def login():
            register_secret(os.environ["SECRET_OF_MINE"])
            yield os.environ["SECRET_OF_MINE"]
            raise RuntimeError(os.environ["SECRET_OF_MINE"])

        @pytest.mark.live
        def test_scenario(login):
            print("connecting with", login)
            assert login == "another"
        """
    )
    result = pytester.runpytest_inprocess("-rA", "--showlocals", "-p", "no:cacheprovider")
    result.assert_outcomes(failed=1, errors=1)
    result.stdout.fnmatch_lines(["*connecting with ********", "*AssertionError*"])
    assert secret not in result.stdout.str() + result.stderr.str()

"""Whatever a text holds, storing it works; and what a source can hold comes back as it was."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reverse_metadata.ledger import FinishedChange, Ledger, OpenChange
from reverse_metadata_tests.ledger.samples import CATALOG, PARTITION, SERVICE, change, last, record, started

HOSTILE = [
    'it\'s "quoted" `so` [and] so',
    "back\\slash \\' \\\\ \\x00 \\u0000",
    "$$ $tag$ ${env:HOME} %s %(x)s :name ? {curly}",
    "lines\nlines\r\nlines\ttabs\x0bvertical\x1b[31mred",
    "\u202egnirts\u202c \u200b\ufeff",
    "\ufeffbegins with a mark",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 😀 ẞ 表",
    "x" * 65_536,
    "",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_comes_back_exactly(ledger: Ledger, text: str) -> None:
    assert stored(ledger, text) == (text, text)


def stored(ledger: Ledger, text: str) -> tuple[str | None, str | None]:
    """The text as an open change and as a last value give it back; the plan is gone afterwards."""
    plan = record(f"plan-{len(list(ledger.pushes()))}")
    started(ledger, [change("a", value=text, actual=text)], plan)
    (found,) = ledger.open_changes(CATALOG, SERVICE, PARTITION)
    assert isinstance(found, OpenChange)
    assert (found.before, found.wanted) == (found.after, found.after)
    ledger.finish(plan.plan_id, [FinishedChange(0, "applied", None, last(text))])
    (value,) = ledger.last(CATALOG, SERVICE, PARTITION).values()
    return found.after, value.stored


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_any_text_that_a_source_can_hold_comes_back_exactly(ledger: Ledger, text: str) -> None:
    assert stored(ledger, text) == (text, text)


def test_what_no_database_can_hold_is_made_visible(ledger: Ledger) -> None:
    assert stored(ledger, "a\0b\ud800c\udfff") == ("a␀b�c�", "a␀b�c�")


def test_an_error_message_never_keeps_a_failure_from_being_recorded(ledger: Ledger) -> None:
    started(ledger, [change("a")])
    ledger.finish("plan-1", [FinishedChange(0, "failed", "bad byte \0 and half a character \ud83d")])
    assert [push.error for push in ledger.pushes()] == ["bad byte ␀ and half a character �"]
    ledger.request_full(CATALOG, [PARTITION])
    ledger.failed("descriptions", CATALOG, PARTITION, "\0\ud83d")
    assert [work.attempts for work in ledger.pending("descriptions", CATALOG, PARTITION)] == [1]

"""One test a row of the merge table, and the orders in which rows compete."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverse_metadata.model import Aspect, Last, Origin, Verdict
from reverse_metadata.planning.merge import Absent, Actual, Decision, Desired, Ledger, Rules, decide

X = Desired("x", "x")
PUSHED = Last(wanted="x", stored="x", origin=Origin.PUSHED, entity_id="e1", object_id="o1")
ADOPTED = replace(PUSHED, origin=Origin.ADOPTED)
OVERWRITE = Rules(on_first_contact="overwrite", on_conflict="overwrite")
KEEP = Rules(on_first_contact="keep", on_conflict="keep")
OWNER = Rules(aspect=Aspect.OWNER)


def never(_text: str) -> bool:
    return False


def verdict(
    desired: Desired | Absent,
    last: Last | None,
    actual: str | Actual | None,
    rules: Rules = Rules(),  # noqa: B008 - frozen
    *,
    held: tuple[str, ...] = (),
    entity_id: str = "e1",
    template: str = "",
) -> tuple[int, Verdict | None, Ledger]:
    found = actual if isinstance(actual, Actual) else Actual(actual)
    decision = decide(
        desired, last, found, rules=rules, entity_id=entity_id, template=template, once_held=lambda t: t in held
    )
    return decision.row, decision.verdict, decision.ledger


def test_row_1_deleted_in_the_catalog_leaves_the_source_and_the_ledger() -> None:
    assert verdict(Absent.DELETED, PUSHED, "x") == (1, Verdict.GONE, Ledger.KEEP)


def test_row_1_clears_what_we_pushed_when_the_channel_says_so() -> None:
    rules = Rules(on_catalog_delete="clear")
    assert verdict(Absent.DELETED, PUSHED, "x", rules) == (1, Verdict.CLEAR, Ledger.KEEP)
    assert verdict(Absent.DELETED, ADOPTED, "x", rules)[1] is Verdict.GONE
    assert verdict(Absent.DELETED, PUSHED, "edited", rules)[1] is Verdict.GONE
    assert verdict(Absent.DELETED, PUSHED, "x", rules, entity_id="e2")[1] is Verdict.GONE


def test_row_1_says_nothing_of_what_was_never_pushed_and_forgets_what_is_nowhere() -> None:
    assert verdict(Absent.DELETED, None, "foreign") == (1, None, Ledger.KEEP)
    decision = decide(Absent.DELETED, PUSHED, None, rules=Rules(), entity_id="e1", once_held=never)
    assert (decision.verdict, decision.ledger) == (None, Ledger.FORGET)


@pytest.mark.parametrize("last", [None, PUSHED])
def test_row_2_absent_from_the_source(last: Last | None) -> None:
    decision = decide(X, last, None, rules=OVERWRITE, entity_id="e1", once_held=never)
    assert (decision.row, decision.verdict) == (2, Verdict.MISSING)


def test_row_5_adopts_an_equal_text() -> None:
    assert verdict(X, None, "x") == (5, Verdict.IN_SYNC, Ledger.RENEW)


def test_row_6_unchanged_also_when_the_engine_altered_the_text() -> None:
    altered = replace(PUSHED, stored="X (altered)")
    assert verdict(X, altered, "X (altered)") == (6, Verdict.IN_SYNC, Ledger.RENEW)


def test_row_7_the_source_already_holds_it() -> None:
    before = replace(PUSHED, wanted="w", stored="w")
    assert verdict(X, before, "x") == (7, Verdict.IN_SYNC, Ledger.RENEW)


def test_row_8_first_push() -> None:
    assert verdict(X, None, None, KEEP) == (8, Verdict.APPLY, Ledger.KEEP)


def test_row_9_edited_in_the_catalog_or_another_template() -> None:
    before = replace(PUSHED, wanted="w", stored="w")
    assert verdict(X, before, "w", KEEP) == (9, Verdict.APPLY, Ledger.KEEP)
    altered = replace(PUSHED, stored="X (altered)")
    assert verdict(X, altered, "X (altered)", KEEP, template="t2")[:2] == (9, Verdict.APPLY)


def test_row_9_after_we_cleared_it() -> None:
    cleared = replace(PUSHED, wanted=None, stored=None)
    assert verdict(X, cleared, None, KEEP) == (9, Verdict.APPLY, Ledger.KEEP)


def test_row_10_re_asserts_after_a_rebuild_whatever_the_policy() -> None:
    assert verdict(X, PUSHED, Actual(None, recreated=True), KEEP) == (10, Verdict.APPLY, Ledger.KEEP)


def test_row_11_the_catalog_edited_what_it_had_read() -> None:
    assert verdict(X, None, "old", KEEP, held=("old",)) == (11, Verdict.APPLY, Ledger.KEEP)


def test_row_12_foreign_text_at_first_contact() -> None:
    assert verdict(X, None, "foreign") == (12, Verdict.CONFLICT, Ledger.KEEP)
    assert verdict(X, None, "foreign", OVERWRITE) == (12, Verdict.APPLY, Ledger.KEEP)


def test_row_13_edited_or_emptied_in_the_source() -> None:
    assert verdict(X, PUSHED, "edited", OVERWRITE) == (13, Verdict.APPLY, Ledger.KEEP)
    assert verdict(X, PUSHED, None, OVERWRITE) == (13, Verdict.APPLY, Ledger.KEEP)
    assert verdict(X, PUSHED, "edited", KEEP) == (13, Verdict.CONFLICT, Ledger.KEEP)


def test_row_13_both_sides_changed() -> None:
    before = replace(PUSHED, wanted="w", stored="w")
    assert verdict(X, before, "edited", KEEP)[:2] == (13, Verdict.CONFLICT)


def test_row_14_empty_on_both_sides() -> None:
    assert verdict(Absent.EMPTY, PUSHED, None) == (14, None, Ledger.FORGET)
    assert verdict(Absent.EMPTY, None, None) == (14, None, Ledger.KEEP)


def test_row_15_clears_what_we_pushed() -> None:
    assert verdict(Absent.EMPTY, PUSHED, "x") == (15, Verdict.CLEAR, Ledger.KEEP)


def test_row_16_clears_what_we_adopted_when_the_catalog_once_held_it() -> None:
    assert verdict(Absent.EMPTY, ADOPTED, "x", held=("x",)) == (16, Verdict.CLEAR, Ledger.KEEP)
    assert verdict(Absent.EMPTY, ADOPTED, "x") == (17, None, Ledger.FORGET)


@pytest.mark.parametrize("actual", ["edited", "foreign"])
def test_row_17_leaves_alone_what_is_not_ours(actual: str) -> None:
    assert verdict(Absent.EMPTY, PUSHED, actual) == (17, None, Ledger.FORGET)
    assert verdict(Absent.EMPTY, None, actual) == (17, None, Ledger.KEEP)


def test_row_17_a_catalog_entity_under_a_new_id_removes_nothing() -> None:
    assert verdict(Absent.EMPTY, PUSHED, "x", entity_id="e2") == (17, None, Ledger.FORGET)


def test_row_17_what_an_undo_restored_is_not_cleared() -> None:
    restored = replace(PUSHED, origin=Origin.RESTORED)
    assert verdict(Absent.EMPTY, restored, "x") == (17, None, Ledger.FORGET)


def test_equal_means_what_the_statement_would_store() -> None:
    long = Desired("a long text", "a lo…")
    assert verdict(long, None, "a lo…")[0] == 5
    shorter = Desired("a lot", "a lot")
    truncated = Last(wanted="a long text", stored="a lo…", origin=Origin.PUSHED, entity_id="e1")
    assert verdict(long, truncated, "a lo…")[0] == 6
    assert verdict(shorter, truncated, "a lo…")[:2] == (9, Verdict.APPLY)


def test_owners_are_replaced_at_first_contact_and_never_cleared() -> None:
    ada = Desired("ada", "ada")
    assert verdict(ada, None, "postgres", OWNER) == (12, Verdict.APPLY, Ledger.KEEP)
    last = Last(wanted="ada", stored="ada", origin=Origin.PUSHED, entity_id="e1")
    assert verdict(Absent.EMPTY, last, "ada", OWNER) == (15, Verdict.UNSUPPORTED, Ledger.KEEP)


def test_row_15_a_default_takes_the_place_of_a_pushed_owner_and_of_no_other() -> None:
    rules = replace(OWNER, stand_in="dba")
    last = Last(wanted="ada", stored="ada", origin=Origin.PUSHED, entity_id="e1")
    decision = decide(Absent.EMPTY, last, Actual("ada"), rules=rules, entity_id="e1", once_held=never)
    assert decision == Decision(
        15, Verdict.APPLY, "emptied in the catalog; dba takes its place", removes=True, value="dba"
    )
    stands = replace(last, wanted=None, stored="dba")
    assert verdict(Absent.EMPTY, stands, "dba", rules) == (15, Verdict.IN_SYNC, Ledger.KEEP)
    assert verdict(Absent.EMPTY, last, "eve", rules) == (17, None, Ledger.FORGET)
    assert verdict(Absent.EMPTY, replace(last, origin=Origin.ADOPTED), "ada", rules) == (17, None, Ledger.FORGET)
    assert verdict(Desired("grace", "grace"), stands, "dba", rules)[:2] == (9, Verdict.APPLY)


def test_an_owner_is_re_asserted_after_a_rebuild_without_counting_as_a_conflict() -> None:
    last = Last(wanted="ada", stored="ada", origin=Origin.PUSHED, entity_id="e1")
    rules = replace(OWNER, on_conflict="keep")
    ada = Desired("ada", "ada")
    assert verdict(ada, last, Actual("dbt", recreated=True), rules)[:2] == (10, Verdict.APPLY)
    assert verdict(ada, last, Actual("dbt"), rules)[:2] == (13, Verdict.CONFLICT)


def test_only_conflicts_and_removals_count_for_the_brakes() -> None:
    def brakes(decision: Decision) -> tuple[bool, bool]:
        return decision.replaces, decision.removes

    def decided(desired: Desired | Absent, last: Last | None, actual: str | None, rules: Rules) -> Decision:
        return decide(desired, last, Actual(actual), rules=rules, entity_id="e1", once_held=never)

    assert brakes(decided(X, None, "foreign", OVERWRITE)) == (True, False)
    assert brakes(decided(X, PUSHED, "edited", OVERWRITE)) == (True, False)
    assert brakes(decided(Absent.EMPTY, PUSHED, "x", OVERWRITE)) == (False, True)
    assert brakes(decided(X, None, None, OVERWRITE)) == (False, False)
    assert brakes(decided(X, None, "other", OWNER)) == (False, False)


def test_fail_marks_the_decision_and_writes_nothing() -> None:
    rules = Rules(on_first_contact="fail", on_conflict="fail")
    for last in (None, PUSHED):
        decision = decide(X, last, Actual("other"), rules=rules, entity_id="e1", once_held=never)
        assert (decision.verdict, decision.fails) == (Verdict.CONFLICT, True)


texts = st.sampled_from([None, "", "x", "y", "w", "<p></p>", "x\r\n", "x\n"])
lasts = st.none() | st.builds(
    Last,
    wanted=texts,
    stored=texts,
    origin=st.sampled_from(Origin),
    entity_id=st.sampled_from(["e1", "e2"]),
    object_id=st.just("o1"),
)


@given(
    desired=st.sampled_from([X, Desired("y", "y"), Absent.EMPTY, Absent.DELETED]),
    last=lasts,
    actual=st.builds(Actual, texts, st.booleans()),
    delete=st.sampled_from(["leave", "clear"]),
)
def test_a_value_that_the_catalog_never_held_is_never_removed_under_keep(
    desired: Desired | Absent, last: Last | None, actual: Actual, delete: str
) -> None:
    """The only texts that may disappear are those that we pushed, or that the catalog once held."""
    rules = Rules(
        on_first_contact="keep", on_conflict="keep", on_catalog_delete="clear" if delete == "clear" else "leave"
    )
    decision = decide(desired, last, actual, rules=rules, entity_id="e1", once_held=never)
    wipes = decision.verdict in (Verdict.APPLY, Verdict.CLEAR) and (actual.value or "").strip() not in ("", "<p></p>")
    if wipes:
        assert last is not None
        assert (last.stored or "").replace("\r\n", "\n") == (actual.value or "").replace("\r\n", "\n")


@given(last=lasts, actual=st.builds(Actual, texts, st.booleans()))
def test_what_was_decided_is_stable_once_it_was_done(last: Last | None, actual: Actual) -> None:
    """After a push the next look finds nothing to do, whatever stood there before."""
    decision = decide(X, last, actual, rules=OVERWRITE, entity_id="e1", once_held=never)
    if decision.verdict is Verdict.APPLY:
        after = Last(wanted="x", stored="x", origin=Origin.PUSHED, entity_id="e1", object_id="o1")
        again = decide(X, after, Actual("x"), rules=OVERWRITE, entity_id="e1", once_held=never)
        assert again.verdict is Verdict.IN_SYNC


UNSEEN = Rules(reads_back=False)


def test_row_3_and_4_what_cannot_be_read_back_is_written_once_and_after_a_rebuild() -> None:
    assert verdict(X, None, None, UNSEEN) == (8, Verdict.APPLY, Ledger.KEEP)
    assert verdict(X, PUSHED, None, UNSEEN) == (4, Verdict.IN_SYNC, Ledger.RENEW)
    assert verdict(X, PUSHED, "whatever stands there", UNSEEN) == (4, Verdict.IN_SYNC, Ledger.RENEW)
    assert verdict(X, PUSHED, Actual(None, recreated=True), UNSEEN) == (3, Verdict.APPLY, Ledger.KEEP)
    assert verdict(Desired("y", "y"), PUSHED, None, UNSEEN) == (9, Verdict.APPLY, Ledger.KEEP)
    assert verdict(X, PUSHED, None, UNSEEN, template="sql/2") == (9, Verdict.APPLY, Ledger.KEEP)


def test_what_cannot_be_read_back_is_taken_away_when_it_was_pushed() -> None:
    assert verdict(Absent.EMPTY, PUSHED, None, UNSEEN) == (15, Verdict.CLEAR, Ledger.KEEP)
    assert verdict(Absent.EMPTY, replace(PUSHED, wanted=None), None, UNSEEN) == (14, None, Ledger.FORGET)
    assert verdict(Absent.EMPTY, None, "x", UNSEEN) == (14, None, Ledger.KEEP)
    assert verdict(Absent.EMPTY, PUSHED, None, UNSEEN, entity_id="e2") == (17, None, Ledger.FORGET)


def test_under_a_template_that_alters_the_value_nothing_in_the_source_equals_it() -> None:
    altered = Desired("x", "x", exact=False)
    assert verdict(altered, None, "x") == (12, Verdict.CONFLICT, Ledger.KEEP)
    assert verdict(altered, None, None) == (8, Verdict.APPLY, Ledger.KEEP)
    assert verdict(altered, replace(PUSHED, stored="X!"), "X!") == (6, Verdict.IN_SYNC, Ledger.RENEW)
    assert verdict(altered, replace(PUSHED, stored="X!"), "x", KEEP) == (13, Verdict.CONFLICT, Ledger.KEEP)


TAG = Rules(aspect=Aspect.TAGS)
OVERWRITING_TAG = Rules(aspect=Aspect.TAGS, on_ambiguous="overwrite")


def test_row_12_and_13_another_value_under_the_key_of_a_tag_is_ambiguous() -> None:
    decision = decide(X, None, Actual("other"), rules=TAG, entity_id="e1", once_held=never)
    assert (decision.row, decision.verdict) == (12, Verdict.AMBIGUOUS)
    assert decision.reason == (
        "the source has a value of its own, which the catalog never held: 'other' there, 'x' in the catalog (x); kept"
    )
    assert verdict(X, PUSHED, "other", TAG) == (13, Verdict.AMBIGUOUS, Ledger.KEEP)
    assert verdict(X, None, "other", OVERWRITING_TAG) == (12, Verdict.APPLY, Ledger.KEEP)
    assert verdict(X, PUSHED, "other", OVERWRITING_TAG) == (13, Verdict.APPLY, Ledger.KEEP)
    assert verdict(X, None, "other", TAG, held=("other",)) == (11, Verdict.APPLY, Ledger.KEEP)


def test_row_13_a_tag_that_was_taken_off_by_hand_is_a_conflict() -> None:
    assert verdict(X, PUSHED, None, TAG) == (13, Verdict.APPLY, Ledger.KEEP)
    keeping = Rules(aspect=Aspect.TAGS, on_conflict="keep")
    assert verdict(X, PUSHED, None, keeping) == (13, Verdict.CONFLICT, Ledger.KEEP)


def test_a_tag_without_a_value_is_a_tag() -> None:
    bare = Desired("Layer.Gold", "")
    assert verdict(bare, None, None, TAG) == (8, Verdict.APPLY, Ledger.KEEP)
    assert verdict(bare, None, "", TAG) == (5, Verdict.IN_SYNC, Ledger.RENEW)
    assert verdict(Absent.EMPTY, Last("Layer.Gold", "", Origin.PUSHED, "e1", "o1"), "", TAG)[:2] == (15, Verdict.CLEAR)


@pytest.mark.parametrize("rules", [OVERWRITE, OVERWRITING_TAG])
def test_only_a_write_over_what_was_made_of_ours_flips(rules: Rules) -> None:
    def flips(last: Last | None) -> bool:
        return decide(X, last, Actual("other"), rules=rules, entity_id="e1", once_held=never).flips

    assert (flips(PUSHED), flips(None)) == (True, False)

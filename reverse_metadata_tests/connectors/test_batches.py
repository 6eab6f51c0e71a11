"""Batches against a source that is a function."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverse_metadata.connectors import batches
from reverse_metadata.connectors.batches import Failure, Unanswered
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import Change, Outcome, Statement
from reverse_metadata_tests.connectors.postgres.shop import change

FORBIDDEN = SourceError(Reason.MISSING_PRIVILEGE, "not allowed")
LOCKED = SourceError(Reason.LOCK_TIMEOUT, "locked")


class Source:
    """Refuses the bad statements. `tells` says whether it knows which one of a batch was bad."""

    def __init__(
        self,
        bad: Iterable[Statement] = (),
        *,
        error: SourceError = FORBIDDEN,
        tells: bool = True,
        spoils_table: bool = False,
    ) -> None:
        self.bad = list(bad)
        self.error = error
        self.tells = tells
        self.spoils_table = spoils_table
        self.sent: list[list[Statement]] = []
        self.holds: list[Statement] = []

    def send(self, batch: list[Statement]) -> Failure | None:
        self.sent.append(list(batch))
        for position, statement in enumerate(batch):
            if any(statement is bad for bad in self.bad):
                return Failure(self.error, position if self.tells else None, self.spoils_table)
        self.holds += batch
        return None


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The attempts after which there was a pause; nothing waits."""
    made: list[int] = []
    monkeypatch.setattr(batches, "pause", made.append)
    return made


def statements(count: int, *, tables: int = 1, text: str = "x") -> list[Statement]:
    """So many statements for each of so many tables."""
    names = [(f"t{table:03}", f"c{number:03}") for table in range(tables) for number in range(count)]
    return [Statement(text, (change(("shop", "public", *name), text),)) for name in names]


def failed(outcomes: Iterable[Outcome]) -> list[Statement]:
    return [outcome.statement for outcome in outcomes if outcome.error is not None]


def test_a_batch_has_a_length() -> None:
    source = Source()
    assert failed(batches.run(statements(1, tables=7), source.send, size=3)) == []
    assert [len(batch) for batch in source.sent] == [3, 3, 1]


def test_a_batch_has_a_length_in_sql() -> None:
    source = Source()
    list(batches.run(statements(1, tables=5, text="x" * 40), source.send, size_bytes=100))
    assert [len(batch) for batch in source.sent] == [2, 2, 1]


def test_a_statement_longer_than_a_batch_is_sent_alone() -> None:
    source = Source()
    list(batches.run(statements(1, tables=2, text="x" * 200), source.send, size_bytes=100))
    assert [len(batch) for batch in source.sent] == [1, 1]


def test_a_table_is_not_torn_apart_where_it_fits() -> None:
    source = Source()
    list(batches.run(statements(4, tables=3), source.send, size=10))
    assert [len(batch) for batch in source.sent] == [8, 4]


def test_a_table_longer_than_a_batch_is_torn_apart() -> None:
    source = Source()
    list(batches.run(statements(8), source.send, size=5))
    assert [len(batch) for batch in source.sent] == [5, 3]


def test_nothing_is_sent_for_nothing() -> None:
    source = Source()
    assert list(batches.run([], source.send)) == []
    assert source.sent == []


@pytest.mark.parametrize("tells", [True, False])
def test_one_bad_statement_in_500_costs_little(tells: bool) -> None:
    everything = statements(1, tables=500)
    source = Source([everything[123]], tells=tells)
    outcomes = list(batches.run(everything, source.send))
    assert failed(outcomes) == [everything[123]]
    assert [outcome.error for outcome in outcomes if outcome.error] == [FORBIDDEN]
    assert len(source.sent) <= (4 if tells else 30)


@pytest.mark.parametrize("tells", [True, False])
def test_500_bad_statements_cost_about_a_batch_each(tells: bool) -> None:
    everything = statements(1, tables=500)
    source = Source(everything, tells=tells)
    assert failed(batches.run(everything, source.send)) == everything
    assert len(source.sent) <= 510


@given(bad=st.sets(st.integers(0, 79)), tells=st.booleans(), size=st.integers(1, 100))
def test_every_good_statement_arrives_once_and_every_bad_one_is_reported_once(
    bad: set[int], tells: bool, size: int
) -> None:
    everything = statements(4, tables=20)
    source = Source([everything[position] for position in bad], tells=tells)
    outcomes = list(batches.run(everything, source.send, size=size))
    assert sorted(map(id, (outcome.statement for outcome in outcomes))) == sorted(map(id, everything))
    assert sorted(map(id, failed(outcomes))) == sorted(id(everything[position]) for position in bad)
    arrived = [statement for position, statement in enumerate(everything) if position not in bad]
    assert list(map(id, source.holds)) == list(map(id, arrived))
    assert len(source.sent) <= 2 * len(everything) + 20


def test_a_spoiled_table_is_not_tried_statement_by_statement() -> None:
    everything = statements(50, tables=3)
    source = Source(everything[50:100], spoils_table=True)
    outcomes = list(batches.run(everything, source.send))
    assert failed(outcomes) == everything[50:100]
    assert {outcome.error for outcome in outcomes} == {None, FORBIDDEN}
    assert len(source.sent) <= 4


def test_what_may_pass_is_tried_again_after_everything_else(pauses: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    everything = statements(1, tables=10)
    source = Source([everything[2]], error=LOCKED)

    def unlock(attempt: int) -> None:
        pauses.append(attempt)
        source.bad.clear()

    monkeypatch.setattr(batches, "pause", unlock)
    outcomes = list(batches.run(everything, source.send))
    assert failed(outcomes) == []
    assert outcomes[-1] == Outcome(everything[2], attempts=2)
    assert pauses == [1]


def test_what_does_not_pass_is_tried_three_times(pauses: list[int]) -> None:
    (statement,) = everything = statements(1)
    source = Source(everything, error=LOCKED)
    assert list(batches.run(everything, source.send)) == [Outcome(statement, LOCKED, attempts=3)]
    assert len(source.sent) == 3
    assert pauses == [1, 2]


def test_what_never_passes_is_tried_once(pauses: list[int]) -> None:
    (statement,) = everything = statements(1)
    assert list(batches.run(everything, Source(everything).send)) == [Outcome(statement, FORBIDDEN, attempts=1)]
    assert pauses == []


def test_without_a_connection_nothing_else_is_tried() -> None:
    everything = statements(1, tables=30)
    refused = SourceError(Reason.AUTHENTICATION, "who are you?")
    calls: list[int] = []

    def send(batch: list[Statement]) -> Failure:
        calls.append(len(batch))
        return Failure(refused, spoils_all=True)

    outcomes = list(batches.run(everything, send, size=10))
    assert outcomes == [Outcome(statement, refused) for statement in everything]
    assert calls == [10]


def test_a_batch_whose_commit_was_not_answered_is_never_sent_again(pauses: list[int]) -> None:
    everything = statements(1, tables=30)
    unanswered = Unanswered(Reason.CONNECTION, "lost")
    sent: list[list[Statement]] = []

    def send(batch: list[Statement]) -> Failure | None:
        sent.append(list(batch))
        return Failure(unanswered) if len(sent) == 2 else None

    outcomes = list(batches.run(everything, send, size=10))
    assert failed(outcomes) == everything[10:20]
    assert len(sent) == 3
    assert pauses == []


def failing(errors: list[SourceError]) -> Callable[[], str]:
    def function() -> str:
        if errors:
            raise errors.pop(0)
        return "done"

    return function


def test_a_read_is_tried_again_while_it_may_pass(pauses: list[int]) -> None:
    assert batches.persistently(failing([LOCKED, LOCKED])) == "done"
    assert pauses == [1, 2]
    with pytest.raises(SourceError, match="locked"):
        batches.persistently(failing([LOCKED, LOCKED, LOCKED]))
    with pytest.raises(SourceError, match="not allowed"):
        batches.persistently(failing([FORBIDDEN]))


def test_a_pause_doubles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    for attempt in (1, 2):
        batches.pause(attempt)
    assert 0.2 <= waits[0] <= 0.4 <= waits[1] <= 0.8


# One statement after the other


class Whole:
    """Takes or leaves whole statements; `bad` are the names of the columns that it does not know."""

    def __init__(self, *bad: str, failure: Failure | None = None) -> None:
        self.bad = bad
        self.failure = failure or Failure(FORBIDDEN)
        self.sent: list[list[str]] = []

    def send(self, statement: Statement) -> Failure | None:
        self.sent.append(names(statement))
        return self.failure if set(self.bad) & set(self.sent[-1]) else None


def names(statement: Statement) -> list[str]:
    return [each.path[-1] for each in statement.changes]


def joined(changes: Iterable[Change]) -> list[Statement]:
    """One statement for all the changes."""
    listed = tuple(changes)
    return [Statement(" ".join(each.path[-1] for each in listed), listed)]


def wide(table: str = "t", columns: int = 8) -> Statement:
    (statement,) = joined(change(("shop", "public", table, f"{table}{number}"), "x") for number in range(columns))
    return statement


def each(source: Whole, *statements: Statement) -> list[tuple[list[str], bool]]:
    """What was sent in the end, and whether it was taken."""
    outcomes = batches.run_each(statements, source.send, joined)
    return [(names(outcome.statement), outcome.error is None) for outcome in outcomes]


def test_a_statement_that_fails_is_sent_in_halves_until_the_bad_change_stands_alone() -> None:
    source = Whole("t5")
    assert each(source, wide()) == [
        (["t0", "t1", "t2", "t3"], True),
        (["t4"], True),
        (["t5"], False),
        (["t6", "t7"], True),
    ]
    assert len(source.sent) == 7


def test_changes_that_are_to_blame_are_left_out_at_once() -> None:
    statement = wide()
    source = Whole("t5", failure=Failure(FORBIDDEN, blamed=statement.changes[4:6]))
    rest = ["t0", "t1", "t2", "t3", "t6", "t7"]
    assert each(source, statement) == [(["t4", "t5"], False), (rest, True)]
    assert source.sent == [names(statement), rest]


def test_a_failure_that_blames_everything_is_not_sent_again() -> None:
    source = Whole("t5", failure=Failure(FORBIDDEN, blamed=wide().changes))
    assert each(source, wide()) == [(names(wide()), False)]
    assert len(source.sent) == 1


def test_a_failure_that_spoils_the_table_is_not_split_and_spares_its_other_statements() -> None:
    source = Whole("t5", failure=Failure(FORBIDDEN, spoils_table=True))
    assert each(source, wide(), wide(), wide("u")) == [
        (names(wide()), False),
        (names(wide()), False),
        (names(wide("u")), True),
    ]
    assert len(source.sent) == 2


def test_a_failure_that_spoils_all_ends_it() -> None:
    source = Whole("t5", failure=Failure(FORBIDDEN, spoils_all=True))
    assert each(source, wide(), wide("u")) == [(names(wide()), False), (names(wide("u")), False)]
    assert len(source.sent) == 1


def test_a_statement_of_a_template_is_never_split() -> None:
    source = Whole("t5")
    templated = replace(wide(), sql=("CALL x()",))
    assert each(source, templated) == [(names(templated), False)]


def test_a_transient_failure_is_tried_again_whole_after_the_others(pauses: list[int]) -> None:
    source = Whole("t5", failure=Failure(SourceError(Reason.LOCK_TIMEOUT, "busy")))
    assert each(source, wide(), wide("u")) == [(names(wide("u")), True), (names(wide()), False)]
    assert source.sent == [names(wide()), names(wide("u")), names(wide()), names(wide())]
    assert pauses == [1, 2]


def test_halves_that_cannot_be_made_fail_with_the_reason() -> None:
    gone = SourceError(Reason.MISSING_OBJECT, "gone")

    def unable(_: Iterable[Change]) -> list[Statement]:
        raise gone

    outcomes = list(batches.run_each([wide()], Whole("t5").send, unable))
    assert [(names(outcome.statement), outcome.error) for outcome in outcomes] == [(names(wide()), gone)]

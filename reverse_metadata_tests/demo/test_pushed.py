"""What a run sent, in one sentence."""

from reverse_metadata.demo.pushed import summary


def test_a_run_that_sent_nothing_says_that_all_is_in_sync() -> None:
    assert summary({"applied": 80}, {"applied": 80}) == "All is in sync: 0 statements were sent."


def test_only_what_was_sent_between_the_two_looks_counts() -> None:
    assert (
        summary({"applied": 80}, {"applied": 83, "failed": 1})
        == "4 changes were sent: 3 applied, 1 failed. Lines marked + are new."
    )


def test_a_single_change_is_not_many() -> None:
    assert summary({"applied": 80}, {"applied": 81}) == "1 change was sent: 1 applied. Lines marked + are new."


def test_everything_counts_on_the_first_run() -> None:
    assert summary({}, {"applied": 80}) == "80 changes were sent: 80 applied. Lines marked + are new."

"""Two thousand random lives of a small estate, each held against a model that was written from the documents alone."""

import os

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from reverse_metadata_tests.applying.sequences.machine import Life
from reverse_metadata_tests.applying.sequences.wishes import Rules
from reverse_metadata_tests.simulated.engine import Engine, Limits

FULL = bool(os.environ.get("FULL"))


class ByDefault(Life):
    """The settings change from their defaults on."""


class Overwriting(Life):
    """The catalog wins everywhere."""

    rules_at_first = Rules(on_first_contact="overwrite", on_conflict="overwrite", on_ambiguous="overwrite")
    settings_change = False


class Keeping(Life):
    """What others wrote stays everywhere."""

    rules_at_first = Rules(on_first_contact="keep", on_conflict="keep", on_ambiguous="report")
    settings_change = False


class Clearing(Life):
    """What the catalog deletes is cleared, and owners fall to a default."""

    rules_at_first = Rules(on_catalog_delete="clear", default_owner="finance")


class Lossy(Life):
    """The source alters every text."""

    rules_at_first = Rules(on_first_contact="overwrite")

    def engine(self) -> Engine:
        """It writes capitals."""
        return Engine(lossy=str.upper)


class Short(Life):
    """The source holds short texts only."""

    rules_at_first = Rules(on_too_long="truncate", on_ambiguous="join")

    def engine(self) -> Engine:
        """Two of the catalog's texts are the same when they are cut."""
        return Engine(limits=Limits(description=7, column_description=7))


@pytest.mark.parametrize(
    ("life", "number"),
    [
        *((ByDefault, number) for number in (1, 2, 3)),
        (Overwriting, 4),
        (Keeping, 5),
        (Clearing, 6),
        (Lossy, 7),
        (Short, 8),
    ],
)
def test_every_life_goes_as_the_documents_say(life: type[Life], number: int) -> None:
    chosen = settings(
        max_examples=2_500 if FULL else 250,
        stateful_step_count=30 if FULL else 10,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        print_blob=False,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(life if FULL else seed(number)(type(life.__name__, (life,), {})), settings=chosen)

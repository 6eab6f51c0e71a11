"""What a run sent, as the ledger's public table `pushes` tells it."""

from collections.abc import Mapping

import sqlalchemy as sa

from reverse_metadata.config import ledger_url, load_config
from reverse_metadata.demo.home import Home


def pushed(home: Home, environment: Mapping[str, str]) -> dict[str, int]:
    """How many changes the demo has ever sent, by outcome (`applied`, `failed`, `stale`); empty before the first run.

    Raises ConfigurationError.
    """
    engine = sa.create_engine(ledger_url(load_config(home.config, environment), environment), poolclass=sa.NullPool)
    if not sa.inspect(engine).has_table("pushes"):
        return {}
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT outcome, count(*) FROM pushes GROUP BY outcome"))
        return dict(rows.tuples().all())


def summary(before: Mapping[str, int], after: Mapping[str, int]) -> str:
    """One sentence for what was sent between two counts."""
    sent = {outcome: count - before.get(outcome, 0) for outcome, count in after.items()}
    sent = {outcome: count for outcome, count in sorted(sent.items()) if count}
    if not sent:
        return "All is in sync: 0 statements were sent."
    counts = ", ".join(f"{count} {outcome}" for outcome, count in sent.items())
    total = sum(sent.values())
    return f"{'1 change was' if total == 1 else f'{total} changes were'} sent: {counts}. Lines marked + are new."

"""The databases behind a service are told apart."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import create_engine, text

from reverse_metadata.ledger import Ledger
from reverse_metadata.ledger.database import normalise


def test_the_first_database_keeps_the_name_and_others_get_a_suffix(ledger: Ledger) -> None:
    assert ledger.source("cat", "shop_pg", "one") == "shop_pg"
    clone = ledger.source("cat", "shop_pg", "two")
    assert clone.startswith("shop_pg@")
    assert ledger.source("cat", "shop_pg", "two") == clone
    assert ledger.source("cat", "shop_pg", "one") == "shop_pg"
    assert ledger.source("cat", "shop_pg", "three") not in ("shop_pg", clone)


def test_services_and_catalogs_do_not_share_names(ledger: Ledger) -> None:
    assert ledger.source("cat", "shop_pg", "one") == "shop_pg"
    assert ledger.source("cat", "other_pg", "two") == "other_pg"
    assert ledger.source("other", "shop_pg", "two") == "shop_pg"


def test_two_first_databases_at_once_do_not_share_the_name(ledger_server: Callable[[], str]) -> None:
    """One writer is in the middle of recording the first database when another comes with a second one.

    On PostgreSQL; SQLite has one writer at a time.
    """
    url = ledger_server()
    engine = create_engine(normalise(url))
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'sources'::regclass"
    try:
        with (
            Ledger.open(url) as ledger,
            ThreadPoolExecutor(1) as pool,
            engine.connect() as first,
            engine.connect() as watcher,
        ):
            first.execute(text("LOCK TABLE sources IN SHARE ROW EXCLUSIVE MODE"))
            first.execute(text("INSERT INTO sources VALUES ('cat', 'shop_pg', 'one', 'shop_pg')"))
            second = pool.submit(ledger.source, "cat", "shop_pg", "two")
            while not second.done() and not watcher.execute(text(waiting)).scalar():
                watcher.rollback()
            first.commit()
            assert second.result(timeout=30).startswith("shop_pg@")
    finally:
        engine.dispose()

"""The databases behind a service are told apart."""

from reverse_metadata.ledger import Ledger


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

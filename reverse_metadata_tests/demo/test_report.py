"""The table that `make demo` prints."""

import dataclasses

from reverse_metadata.demo.report import report
from reverse_metadata.demo.shop import ShopObject

SCHEMA = ShopObject(("shop", "sales"), "sales", "schema", "loader", None)
ORDERS = ShopObject(
    ("shop", "sales", "orders"), "sales.orders", "table", "ada", "One row\nper order", {"id": "Number", "note": None}
)
ODD = ShopObject(
    ("shop", "sales", "日本語"), 'sales."日本語"', "view", "loader", "\x1b[2J顧客の名前です。", {"名前": None}
)


def test_what_changed_and_what_was_kept_is_marked() -> None:
    before = (SCHEMA, dataclasses.replace(ORDERS, comment=None, owner="loader"), ODD)
    text = report((SCHEMA, ORDERS, ODD), before, {("shop", "sales", "orders", "id"): "Number of the order"}, 80)
    assert text.splitlines() == [
        "   object          kind    owner   columns  comment",
        "   sales           schema  loader",
        "!  sales.orders    table   ada     1 of 2   One row⏎per order",
        '   sales."日本語"  view    loader  0 of 1   \\u{1b}[2J顧客の名前です。',
        "",
        "! sales.orders, column id: a text that stood here before is kept, the catalog has another.",
        "  here     Number",
        "  catalog  Number of the order",
    ]


def test_a_new_owner_counts_as_a_change() -> None:
    before = (dataclasses.replace(SCHEMA, owner="postgres"),)
    assert report((SCHEMA,), before, {}, 80).splitlines()[1] == "+  sales   schema  loader"


def test_an_object_that_was_not_there_before_counts_as_a_change() -> None:
    assert report((SCHEMA,), (), {}, 80).splitlines()[1] == "+  sales   schema  loader"


def test_without_an_earlier_look_nothing_is_marked() -> None:
    assert report((SCHEMA,), None, {}, 80).splitlines()[1] == "   sales   schema  loader"


def test_a_comment_is_cut_at_the_edge_of_the_terminal() -> None:
    long = dataclasses.replace(SCHEMA, comment="名前" * 40)
    lines = report((long,), None, {}, 60).splitlines()
    assert lines[1] == "   sales   schema  loader           " + "名前" * 5 + "名…"


def test_a_description_that_the_catalog_lacks_is_no_difference() -> None:
    assert "!" not in report((ORDERS,), None, {}, 80)


def test_line_ends_make_no_difference() -> None:
    assert "!" not in report((ORDERS,), None, {ORDERS.path: "One row\r\nper order"}, 80)


def test_a_description_that_did_not_arrive_is_no_text_that_was_kept() -> None:
    assert "!" not in report((SCHEMA,), None, {SCHEMA.path: "What customers ordered"}, 80)

import pytest

from reverse_metadata.connectors.postgres import sql
from reverse_metadata.model import Aspect, Change, Path
from reverse_metadata_tests.connectors.postgres.shop import change

TABLE = ("shop", "sales", "orders")
KINDS: list[tuple[str, Path, str]] = [
    ("database", ("shop",), "DATABASE shop"),
    ("schema", ("shop", "sales"), "SCHEMA sales"),
    ("table", TABLE, "TABLE sales.orders"),
    ("partitioned table", TABLE, "TABLE sales.orders"),
    ("view", TABLE, "VIEW sales.orders"),
    ("materialized view", TABLE, "MATERIALIZED VIEW sales.orders"),
    ("foreign table", TABLE, "FOREIGN TABLE sales.orders"),
    ("column", (*TABLE, "id"), "COLUMN sales.orders.id"),
]


def texts(*changes: Change) -> list[str]:
    return [statement.text for statement in sql.resolve(changes, lambda path: path)]


@pytest.mark.parametrize(("kind", "path", "target"), KINDS)
def test_a_description_is_set_and_cleared(kind: str, path: Path, target: str) -> None:
    assert texts(change(path, "what it is", kind=kind), change(path, None, kind=kind)) == [
        f"COMMENT ON {target} IS 'what it is'",
        f"COMMENT ON {target} IS NULL",
    ]


@pytest.mark.parametrize(("kind", "path", "target"), KINDS[:-1])
def test_an_owner_is_set(kind: str, path: Path, target: str) -> None:
    assert texts(change(path, "Data Team", Aspect.OWNER, kind)) == [f'ALTER {target} OWNER TO "Data Team"']


def test_nothing_can_be_left_without_an_owner() -> None:
    with pytest.raises(ValueError, match=r"TABLE sales\.orders cannot be left without an owner"):
        texts(change(TABLE, None, Aspect.OWNER))


def test_statements_are_ordered_by_aspect_and_table_and_keep_the_order_within_one() -> None:
    customers, orders = ("shop", "sales", "customers"), TABLE
    assert texts(
        change(orders, "admins", Aspect.OWNER),
        change((*orders, "id"), "2"),
        change(orders, "3"),
        change(customers, "admins", Aspect.OWNER),
        change(customers, "1"),
    ) == [
        "COMMENT ON TABLE sales.customers IS '1'",
        "COMMENT ON COLUMN sales.orders.id IS '2'",
        "COMMENT ON TABLE sales.orders IS '3'",
        "ALTER TABLE sales.customers OWNER TO admins",
        "ALTER TABLE sales.orders OWNER TO admins",
    ]


def test_names_are_those_of_the_source() -> None:
    (statement,) = sql.resolve([change(TABLE, "x")], lambda path: ("shop", "rehearsal", *path[2:]))
    assert statement.text == "COMMENT ON TABLE rehearsal.orders IS 'x'"
    assert statement.table == TABLE


@pytest.mark.parametrize(
    ("name", "nameable"),
    [("a" * 63, True), ("a" * 64, False), ("é" * 31, True), ("é" * 32, False), ("", False), ("a\0", False)],
)
def test_a_name_has_1_to_63_bytes(name: str, nameable: bool) -> None:
    assert sql.nameable(name) is nameable

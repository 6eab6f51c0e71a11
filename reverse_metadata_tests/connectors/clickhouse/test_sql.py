"""The SQL of every form, without a connection."""

import pytest

from reverse_metadata.connectors.clickhouse import ClickHouseConnector, ClickHouseOptions, sql
from reverse_metadata.model import Aspect, Change, EntityType, Path, Verdict


def changes(wishes: dict[Path, str | None], kind: str = "") -> list[Change]:
    return [
        Change(
            entity=".".join(path),
            entity_id="1",
            type=EntityType.of(path),
            path=path,
            aspect=Aspect.DESCRIPTION,
            verdict=Verdict.CLEAR if value is None else Verdict.APPLY,
            value=value,
            actual=None,
            reason="",
            kind=kind or EntityType.of(path).value,
        )
        for path, value in wishes.items()
    ]


def statements(wishes: dict[Path, str | None], **options: object) -> list[str]:
    connector = ClickHouseConnector(ClickHouseOptions.model_validate({"host": "db", **options}))
    return [statement.text for statement in connector.resolve(changes(wishes))]


ORDERS = ("default", "sales", "orders")


def test_a_table_and_its_columns_are_one_alter() -> None:
    wishes = {(*ORDERS, "id"): "What it is.", ORDERS: "It's all orders.", (*ORDERS, "lines.item"): None}
    assert statements(wishes) == [
        "ALTER TABLE sales.orders\n"
        "  COMMENT COLUMN id 'What it is.',\n"
        "  MODIFY COMMENT 'It\\'s all orders.',\n"
        "  COMMENT COLUMN `lines.item` ''"
    ]


def test_a_database_has_an_alter_of_its_own_before_its_tables() -> None:
    wishes: dict[Path, str | None] = {ORDERS: "o", ("default", "sales"): "s", ("default", "sales", "a"): None}
    assert statements(wishes) == [
        "ALTER DATABASE sales\n  MODIFY COMMENT 's'",
        "ALTER TABLE sales.a\n  MODIFY COMMENT ''",
        "ALTER TABLE sales.orders\n  MODIFY COMMENT 'o'",
    ]


def test_a_cluster_is_told_of_everything() -> None:
    wishes: dict[Path, str | None] = {("default", "sales"): "s", ORDERS: "o"}
    assert statements(wishes, cluster="{cluster}") == [
        "ALTER DATABASE sales ON CLUSTER '{cluster}'\n  MODIFY COMMENT 's'",
        "ALTER TABLE sales.orders ON CLUSTER '{cluster}'\n  MODIFY COMMENT 'o'",
    ]


def test_names_and_texts_are_escaped() -> None:
    path = ("default", "a`b", "c\\d.e", "it's")
    assert statements({path: "\\'; DROP TABLE x; --\n\0"}) == [
        "ALTER TABLE `a\\`b`.`c\\\\d.e`\n  COMMENT COLUMN `it's` '\\\\\\'; DROP TABLE x; --\n\\0'"
    ]


def test_the_database_of_the_catalog_is_never_named_and_a_schema_may_be_another_one() -> None:
    rewrite = {"schema": {"sales": "sales_copy"}, "database": {"default": "elsewhere"}}
    assert statements({ORDERS: "o"}, rewrite=rewrite) == ["ALTER TABLE sales_copy.orders\n  MODIFY COMMENT 'o'"]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (sql.OLD_DATABASE, "this server cannot change the comment of a database; ClickHouse 25.4 and later can"),
        ("alias", "an alias shows the comments of its target: describe the target"),
        (sql.column_kind("alias"), "an alias shows the comments of its target: describe the target"),
        (
            sql.column_kind("dictionary"),
            "ClickHouse cannot change the comments of a dictionary's columns; creating it anew can",
        ),
        (
            sql.column_kind("materialized view"),
            "ClickHouse takes comments of the columns of a materialized view and drops them, unless the view was "
            "created with TO",
        ),
    ],
)
def test_what_has_no_place_for_a_comment_is_unsupported(kind: str, reason: str) -> None:
    (change,) = changes({(*ORDERS, "id"): "x"}, kind)
    assert sql.refuse(change) == (Verdict.UNSUPPORTED, reason)


def test_an_element_of_a_column_is_unsupported() -> None:
    (change,) = changes({(*ORDERS, "place", "street"): "x"})
    refused = sql.refuse(change)
    assert refused == (
        Verdict.UNSUPPORTED,
        "ClickHouse has no comments of the elements of a column: describe the column",
    )


@pytest.mark.parametrize("kind", ["table", "view", "materialized view to a table", "window view"])
def test_other_columns_are_columns(kind: str) -> None:
    assert sql.column_kind(kind) == "column"


def test_half_of_a_surrogate_pair_is_invalid_and_nul_is_not() -> None:
    half, nul, nothing = changes({ORDERS: "half \ud83c", (*ORDERS, "id"): "nul\0", (*ORDERS, "at"): None})
    assert sql.refuse(half) == (Verdict.INVALID, "ClickHouse cannot hold half of a surrogate pair; remove it")
    assert sql.refuse(nul) is sql.refuse(nothing) is None

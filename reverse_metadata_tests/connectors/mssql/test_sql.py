"""Exact T-SQL and verdicts, without a connection."""

import pytest

from reverse_metadata.connectors.mssql import MssqlConnector, MssqlOptions
from reverse_metadata.connectors.mssql.reading import _properties
from reverse_metadata.connectors.mssql.sql import named
from reverse_metadata.model import Aspect, Change, Path, Verdict
from reverse_metadata_tests.contract.peer import change

SHOP, SALES, ORDERS = ("shop",), ("shop", "sales"), ("shop", "sales", "orders")
ID = (*ORDERS, "id")
EXTENDED = {"as": "extended_properties"}
SENSITIVITY = {"as": "sensitivity", "label": "PII", "information_type": "Kind", "ranks": {"Sensitive": "high"}}


def wish(
    path: Path,
    value: str | None,
    kind: str = "",
    aspect: Aspect = Aspect.DESCRIPTION,
    key: str = "",
    actual: str | None = None,
) -> Change:
    made = change(path, value, {}, aspect, key)
    fields = {name: getattr(made, name) for name in Change.__slots__}
    return Change(**{**fields, "actual": actual, "kind": kind or made.kind})


def connector(**options: object) -> MssqlConnector:
    return MssqlConnector(MssqlOptions.model_validate({"host": "db", "username": "writer"} | options))


_NAME = "@name = N'MS_Description'"
_SALES = f"{_NAME}, @level0type = N'SCHEMA', @level0name = N'sales'"
_ORDERS = f"{_SALES}, @level1type = N'TABLE', @level1name = N'orders'"
_ID = f"{_ORDERS}, @level2type = N'COLUMN', @level2name = N'id'"


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (wish(SHOP, "x"), f"EXEC sys.sp_addextendedproperty {_NAME}, @value = N'x';"),
        (wish(SHOP, "x", actual="w"), f"EXEC sys.sp_updateextendedproperty {_NAME}, @value = N'x';"),
        (wish(SHOP, None, actual="w"), f"EXEC sys.sp_dropextendedproperty {_NAME};"),
        (wish(SALES, "x"), f"EXEC sys.sp_addextendedproperty {_SALES}, @value = N'x';"),
        (wish(SALES, None, actual="w"), f"EXEC sys.sp_dropextendedproperty {_SALES};"),
        (wish(ORDERS, "It's \\ all"), f"EXEC sys.sp_addextendedproperty {_ORDERS}, @value = N'It''s \\ all';"),
        (wish(ORDERS, "x", "external table"), f"EXEC sys.sp_addextendedproperty {_ORDERS}, @value = N'x';"),
        (wish(ORDERS, "x", actual=""), f"EXEC sys.sp_updateextendedproperty {_ORDERS}, @value = N'x';"),
        (
            wish(ORDERS, "x", "view"),
            f"EXEC sys.sp_addextendedproperty {_ORDERS.replace('TABLE', 'VIEW')}, @value = N'x';",
        ),
        (wish(ID, "日本 🎉", "table column"), f"EXEC sys.sp_addextendedproperty {_ID}, @value = N'日本 🎉';"),
        (
            wish(ID, "x", "indexed view column"),
            f"EXEC sys.sp_addextendedproperty {_ID.replace('TABLE', 'VIEW')}, @value = N'x';",
        ),
        (
            wish(("shop", "s'", "o]", "a.b"), "x", "table column"),
            f"EXEC sys.sp_addextendedproperty {_NAME}, @level0type = N'SCHEMA', @level0name = N's''',"
            " @level1type = N'TABLE', @level1name = N'o]', @level2type = N'COLUMN', @level2name = N'a.b',"
            " @value = N'x';",
        ),
        (
            wish(SALES, "one\\\ntwo \\\r\nthree\\"),
            "DECLARE @value1 nvarchar(3750) = N'one\\' + N'\ntwo \\' + N'\r\nthree\\';\n"
            f"EXEC sys.sp_addextendedproperty {_SALES}, @value = @value1;",
        ),
    ],
)
def test_a_description(one: Change, text: str) -> None:
    (statement,) = connector().resolve([one])
    assert statement.text == text


def test_a_table_and_its_columns_are_one_batch() -> None:
    statements = connector().resolve(
        [wish(ID, "key"), wish(ORDERS, "all", actual="some"), wish((*ORDERS, "x"), None, actual="w"), wish(SALES, "s")]
    )
    assert [statement.text for statement in statements] == [
        f"EXEC sys.sp_addextendedproperty {_SALES}, @value = N's';",
        f"EXEC sys.sp_addextendedproperty {_ID}, @value = N'key';\n"
        f"EXEC sys.sp_updateextendedproperty {_ORDERS}, @value = N'all';\n"
        f"EXEC sys.sp_dropextendedproperty {_ID.replace('id', 'x')};",
    ]
    assert [len(statement.changes) for statement in statements] == [1, 3]


@pytest.mark.parametrize(
    ("path", "kind", "text"),
    [
        (SHOP, "database", "ALTER AUTHORIZATION ON DATABASE::[shop] TO [Data Team];"),
        (SALES, "schema", "ALTER AUTHORIZATION ON SCHEMA::[sales] TO [Data Team];"),
        (ORDERS, "table", "ALTER AUTHORIZATION ON OBJECT::[sales].[orders] TO [Data Team];"),
        (ORDERS, "view", "ALTER AUTHORIZATION ON OBJECT::[sales].[orders] TO [Data Team];"),
        (("shop", "s", "a]b"), "table", "ALTER AUTHORIZATION ON OBJECT::[s].[a]]b] TO [Data Team];"),
    ],
)
def test_an_owner(path: Path, kind: str, text: str) -> None:
    (statement,) = connector().resolve([wish(path, "Data Team", kind, Aspect.OWNER)])
    assert statement.text == text
    assert named(statement) == text.rstrip(";")


def test_a_tag_is_a_property_of_its_own() -> None:
    tags = Aspect.TAGS
    wishes = [
        wish(SHOP, "Gold", aspect=tags, key="Tier"),
        wish(ORDERS, "Sensitive", aspect=tags, key="PII", actual="None"),
        wish(ID, None, aspect=tags, key="PII", actual="None"),
        wish(ID, "", aspect=tags, key="it's"),
    ]
    first, second = connector(tags=EXTENDED).resolve(wishes)
    assert first.text == "EXEC sys.sp_addextendedproperty @name = N'OpenMetadata.Tag.Tier', @value = N'Gold';"
    below = _ORDERS.removeprefix(_NAME), _ID.removeprefix(_NAME)
    assert second.text == (
        f"EXEC sys.sp_updateextendedproperty @name = N'OpenMetadata.Tag.PII'{below[0]}, @value = N'Sensitive';\n"
        f"EXEC sys.sp_dropextendedproperty @name = N'OpenMetadata.Tag.PII'{below[1]};\n"
        f"EXEC sys.sp_addextendedproperty @name = N'OpenMetadata.Tag.it''s'{below[1]}, @value = N'';"
    )
    (short,) = connector(tags={"as": "extended_properties", "prefix": "t:"}).resolve(wishes[:1])
    assert short.text == "EXEC sys.sp_addextendedproperty @name = N't:Tier', @value = N'Gold';"


def test_what_names_a_statement_leaves_the_text_out() -> None:
    (statement,) = connector().resolve([wish(ID, "x" * 3000)])
    assert named(statement) == f"EXEC sys.sp_addextendedproperty {_ID}"
    (statement,) = connector().resolve([wish(ID, "one\\\ntwo")])
    assert named(statement) == "the description of shop.sales.orders.id"


def test_names_are_rewritten() -> None:
    clone = connector(rewrite={"schema": {"sales": "sales_clone"}, "database": {"shop": "shop_clone"}})
    one, two = clone.resolve([wish(ORDERS, "x"), wish(SHOP, "Team", aspect=Aspect.OWNER)])
    assert "@level0name = N'sales_clone'" in one.text
    assert two.text == "ALTER AUTHORIZATION ON DATABASE::[shop_clone] TO [Team];"


@pytest.mark.parametrize(
    ("one", "tags", "verdict"),
    [
        (wish(ORDERS, "nul\0"), None, Verdict.INVALID),
        (wish(ORDERS, "\ud800"), None, Verdict.INVALID),
        (wish(ORDERS, "\\\n"), None, None),
        (wish(ORDERS, None), None, None),
        (wish(ORDERS, "x", "memory-optimized table"), None, Verdict.UNSUPPORTED),
        (wish(ID, "x", "memory-optimized table column"), None, Verdict.UNSUPPORTED),
        (wish(ORDERS, "ada", "memory-optimized table", Aspect.OWNER), None, None),
        (wish(ORDERS, None, "table", Aspect.OWNER), None, Verdict.UNSUPPORTED),
        (wish(ORDERS, "ada", "indexed view", Aspect.OWNER), None, Verdict.UNSUPPORTED),
        (wish(ORDERS, "x" * 129, "table", Aspect.OWNER), None, Verdict.INVALID),
        (wish(("shop", "dbo"), "ada", "schema", Aspect.OWNER), None, Verdict.UNSUPPORTED),
        (wish(("shop", "INFORMATION_SCHEMA"), "ada", "schema", Aspect.OWNER), None, Verdict.UNSUPPORTED),
        (wish(("shop", "dbo", "orders"), "ada", "table", Aspect.OWNER), None, None),
        (wish(ORDERS, "x", "table", Aspect.TAGS, "k" * 111), EXTENDED, None),
        (wish(ORDERS, "x", "table", Aspect.TAGS, "k" * 112), EXTENDED, Verdict.INVALID),
        (wish(ORDERS, "x", "table", Aspect.TAGS, "k\0"), EXTENDED, Verdict.INVALID),
        (wish(ORDERS, "🎉" * 1875, "table", Aspect.TAGS, "k"), EXTENDED, None),
        (wish(ORDERS, "🎉" * 1876, "table", Aspect.TAGS, "k"), EXTENDED, Verdict.TOO_LONG),
        (wish(ORDERS, "x", "table", Aspect.TAGS, "PII"), SENSITIVITY, Verdict.UNSUPPORTED),
        (wish(ID, "x", "table column", Aspect.TAGS, "Tier"), SENSITIVITY, Verdict.UNSUPPORTED),
        (wish(ID, "x", "table column", Aspect.TAGS, "PII"), SENSITIVITY, None),
        (wish(ID, "one\ntwo", "table column", Aspect.TAGS, "PII"), SENSITIVITY, Verdict.INVALID),
        (wish(ID, "", "table column", Aspect.TAGS, "PII"), SENSITIVITY, Verdict.INVALID),
        (wish(ID, "x" * 129, "table column", Aspect.TAGS, "PII"), SENSITIVITY, Verdict.TOO_LONG),
    ],
)
def test_verdicts(one: Change, tags: object, verdict: Verdict | None) -> None:
    refused = connector(tags=tags).refuse(one)
    assert (refused and refused[0]) == verdict


def test_a_limit_counts_units_of_utf_16() -> None:
    limit = MssqlConnector.capabilities.limit(Aspect.DESCRIPTION, change(ID, "x", {}).type)
    assert str(limit) == "3,750 UTF-16 code units"
    assert limit is not None
    assert limit.length("🎉") == 2


def test_tags_are_declined_until_a_service_asks_for_them() -> None:
    assert "`tags: {as: extended_properties}`" in connector().declines(Aspect.TAGS)
    assert connector().declines(Aspect.DESCRIPTION) == ""
    assert connector(tags=EXTENDED).declines(Aspect.TAGS) == ""


def test_a_property_without_a_value_is_there() -> None:
    texts, tags = _properties([(1, 7, 0, "MS_Description", None), (1, 7, 2, "tag.PII", None)], "tag.")
    assert (texts, tags) == ({(1, 7, 0): ""}, {(1, 7, 2): {"PII": ""}})

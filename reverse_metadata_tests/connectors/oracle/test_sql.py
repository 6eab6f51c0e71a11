"""Exact SQL, names and verdicts, without a connection."""

import pytest

from reverse_metadata.connectors.oracle import OracleConnector, OracleOptions
from reverse_metadata.connectors.oracle.names import nameable, to_catalog, to_dictionary
from reverse_metadata.connectors.oracle.sql import block
from reverse_metadata.model import Aspect, Change, EntityType, Path, Verdict
from reverse_metadata_tests.contract.peer import change

ORDERS = ("default", "hr", "orders")
OPTIONS = {"host": "db", "service_name": "shop", "username": "writer"}


def wish(path: Path, value: str | None, kind: str, aspect: Aspect = Aspect.DESCRIPTION, key: str = "") -> Change:
    made = change(path, value, {}, aspect, key)
    return Change(**{**{name: getattr(made, name) for name in Change.__slots__}, "kind": kind})


def connector(**options: object) -> OracleConnector:
    return OracleConnector(OracleOptions.model_validate(OPTIONS | options))


@pytest.mark.parametrize(
    ("path", "value", "kind", "sql"),
    [
        (ORDERS, "It's \\ all", "table", """COMMENT ON TABLE "HR"."ORDERS" IS 'It''s \\ all'"""),
        (ORDERS, None, "table", """COMMENT ON TABLE "HR"."ORDERS" IS ''"""),
        (("default", "hr", "Recent"), "x", "view", """COMMENT ON TABLE "HR"."Recent" IS 'x'"""),
        (ORDERS, "x", "materialized view", """COMMENT ON MATERIALIZED VIEW "HR"."ORDERS" IS 'x'"""),
        ((*ORDERS, "id"), "x", "table column", """COMMENT ON COLUMN "HR"."ORDERS"."ID" IS 'x'"""),
        ((*ORDERS, "a.b"), "x", "view column", """COMMENT ON COLUMN "HR"."ORDERS"."a.b" IS 'x'"""),
        (("default", "hr", "ORDER", "SIZE"), None, "table column", """COMMENT ON COLUMN "HR"."ORDER"."SIZE" IS ''"""),
    ],
)
def test_a_comment(path: Path, value: str | None, kind: str, sql: str) -> None:
    (statement,) = connector().resolve([wish(path, value, kind)])
    assert statement.text == sql


def test_the_annotations_of_a_table_are_one_statement_and_those_of_its_columns_another() -> None:
    tags = Aspect.TAGS
    statements = connector().resolve(
        [
            wish((*ORDERS, "id"), "Sensitive", "table column", tags, "PII"),
            wish(ORDERS, "it's", "table", tags, "Tier"),
            wish((*ORDERS, "id"), None, "table column", tags, "Old"),
            wish(ORDERS, "", "table", tags, "Certified"),
            wish((*ORDERS, "email"), "Sensitive", "table column", tags, "PII"),
            wish(("default", "hr", "recent"), "x", "view", tags, "Tier"),
            wish(("default", "hr", "totals"), "x", "materialized view", tags, "Tier"),
            wish(ORDERS, "all", "table"),
        ]
    )
    assert [statement.text for statement in statements] == [
        """COMMENT ON TABLE "HR"."ORDERS" IS 'all'""",
        """ALTER TABLE "HR"."ORDERS" ANNOTATIONS (ADD OR REPLACE "Tier" 'it''s', ADD OR REPLACE "Certified")""",
        """ALTER TABLE "HR"."ORDERS" MODIFY ("ID" ANNOTATIONS (ADD OR REPLACE "PII" 'Sensitive', """
        """DROP IF EXISTS "Old"), "EMAIL" ANNOTATIONS (ADD OR REPLACE "PII" 'Sensitive'))""",
        """ALTER VIEW "HR"."RECENT" ANNOTATIONS (ADD OR REPLACE "Tier" 'x')""",
        """ALTER MATERIALIZED VIEW "HR"."TOTALS" ANNOTATIONS (ADD OR REPLACE "Tier" 'x')""",
    ]


def test_a_schema_is_rewritten() -> None:
    clone = connector(rewrite={"schema": {"hr": "hr_clone"}})
    (statement,) = clone.resolve([wish(ORDERS, "x", "table")])
    assert statement.text == """COMMENT ON TABLE "HR_CLONE"."ORDERS" IS 'x'"""


def test_a_block_counts_what_ran_and_catches_what_failed() -> None:
    assert block(["COMMENT ON TABLE T IS 'it''s'", "COMMENT ON TABLE U IS ''"]) == (
        "BEGIN\n"
        ":done := 0;\n"
        "EXECUTE IMMEDIATE 'COMMENT ON TABLE T IS ''it''''s''';\n"
        ":done := 1;\n"
        "EXECUTE IMMEDIATE 'COMMENT ON TABLE U IS ''''';\n"
        ":done := 2;\n"
        "EXCEPTION WHEN OTHERS THEN\n"
        ":code := SQLCODE;\n"
        ":message := SQLERRM;\n"
        "END;"
    )


@pytest.mark.parametrize(
    ("catalog", "dictionary"),
    [("orders", "ORDERS"), ("Orders", "Orders"), ("ORDER", "ORDER"), ("a b", "a b"), ("x$1", "X$1"), ("ä", "ä")],
)
def test_names_there_and_back(catalog: str, dictionary: str) -> None:
    assert to_dictionary(catalog) == dictionary
    assert to_catalog(dictionary) == catalog


def test_a_name_that_the_catalog_cannot_tell_from_another_is_left_out() -> None:
    assert to_catalog("orders") is None
    assert to_catalog("order") == "order"


@pytest.mark.parametrize("name", ["", 'a"b', "a\0", "\ud800", "x" * 129, "ü" * 65])
def test_what_is_no_name(name: str) -> None:
    assert not nameable(name)


@pytest.mark.parametrize(
    ("one", "verdict"),
    [
        (wish(ORDERS, "nul\0", "table"), Verdict.INVALID),
        (wish(ORDERS, "\ud800", "table"), Verdict.INVALID),
        (wish(ORDERS, "x", "table", Aspect.TAGS, 'a"b'), Verdict.INVALID),
        (wish(ORDERS, "x", "table", Aspect.TAGS, " "), Verdict.INVALID),
        (wish(ORDERS, "x", "table", Aspect.TAGS, "k" * 1025), Verdict.INVALID),
        (wish(ORDERS, "é" * 2001, "table", Aspect.TAGS, "k"), Verdict.TOO_LONG),
        (wish((*ORDERS, "id"), "x", "view column", Aspect.TAGS, "k"), Verdict.UNSUPPORTED),
        (wish((*ORDERS, "id"), "x", "materialized view column", Aspect.TAGS, "k"), Verdict.UNSUPPORTED),
        (wish((*ORDERS, "id"), "x", "view column"), None),
        (wish(ORDERS, "👩‍👩‍👧‍👦 '\\", "table"), None),
    ],
)
def test_what_is_refused_before_anything_is_sent(one: Change, verdict: Verdict | None) -> None:
    refused = connector().refuse(one)
    assert (refused and refused[0]) == verdict


def test_a_comment_of_4000_bytes_fits_and_is_counted_in_bytes() -> None:
    limit = OracleConnector.capabilities.limit(Aspect.DESCRIPTION, EntityType.COLUMN)
    assert limit is not None
    assert (limit.length("é" * 2000), limit.most) == (4000, 4000)

"""The statements, to the letter; without a connection."""

import pytest

from reverse_metadata.connectors.databricks import UnityCatalogConnector, kinds
from reverse_metadata.model import Change, Verdict
from reverse_metadata_tests.connectors.databricks.changes import change, connector, owner, statements, tag

TABLE, VIEW = "main.sales.orders", "main.sales.recent"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([change("main", "catalog", "x")], ["COMMENT ON CATALOG main IS 'x'"]),
        ([change("main", "catalog", None)], ["COMMENT ON CATALOG main IS NULL"]),
        ([change("main.sales", "schema", "x")], ["COMMENT ON SCHEMA main.sales IS 'x'"]),
        (
            [change(TABLE, "table", "it's \\ ${env:HOME}\n")],
            [f"COMMENT ON TABLE {TABLE} IS 'it\\'s \\\\ \\u0024{{env:HOME}}\n'"],
        ),
        ([change("Main.SALES.Orders", "external table", None)], ["COMMENT ON TABLE main.sales.orders IS NULL"]),
        ([change(VIEW, "view", "x")], [f"COMMENT ON TABLE {VIEW} IS 'x'"]),
        ([change(VIEW, "materialized view", "x")], [f"COMMENT ON TABLE {VIEW} IS 'x'"]),
        ([change(VIEW, "streaming table", "x")], [f"COMMENT ON TABLE {VIEW} IS 'x'"]),
        ([change("main.sales.back`tick", "table", "x")], ["COMMENT ON TABLE main.sales.`back``tick` IS 'x'"]),
        # Columns
        (
            [
                change(f"{TABLE}.id", "column", "x"),
                change(TABLE, "table", "t"),
                change(f"{TABLE}.Amount", "column", None),
                change(f'{TABLE}."a.b"', "column", "y"),
            ],
            [
                f"COMMENT ON TABLE {TABLE} IS 't'",
                f"ALTER TABLE {TABLE} ALTER COLUMN id COMMENT 'x', Amount COMMENT '', `a.b` COMMENT 'y'",
            ],
        ),
        (
            [
                change(f"{TABLE}.place.city", "field", "x"),
                change(f"{TABLE}.lines.q", "field in elements at 1", "y"),
                change(f"{TABLE}.lines.parts.code", "field in elements at 1, 2", "z"),
                change(f"{TABLE}.grid.x", "field in elements at 1, 1", "w"),
            ],
            [
                f"ALTER TABLE {TABLE} ALTER COLUMN place.city COMMENT 'x', lines.element.q COMMENT 'y', "
                "lines.element.parts.element.code COMMENT 'z', grid.element.element.x COMMENT 'w'"
            ],
        ),
        (
            [
                change(f"{TABLE}.id", "column of a plain table", "x"),
                change(f"{TABLE}.n", "column of a plain table", "y"),
            ],
            [
                f"ALTER TABLE {TABLE} ALTER COLUMN id COMMENT 'x'",
                f"ALTER TABLE {TABLE} ALTER COLUMN n COMMENT 'y'",
            ],
        ),
        (
            [
                change(f"{VIEW}.id", "column of a view", "x"),
                change(f"{VIEW}.n", "column of a view", None),
            ],
            [f"COMMENT ON COLUMN {VIEW}.id IS 'x'", f"COMMENT ON COLUMN {VIEW}.n IS NULL"],
        ),
        ([change(f"{VIEW}.id", "column of a materialized view", "x")], [f"COMMENT ON COLUMN {VIEW}.id IS 'x'"]),
        ([change(f"{VIEW}.id", "column of a streaming table", "x")], [f"COMMENT ON COLUMN {VIEW}.id IS 'x'"]),
        # Tags
        ([tag("main", "catalog", "a", "1")], ["ALTER CATALOG main SET TAGS ('a' = '1')"]),
        ([tag("main.sales", "schema", "a", "1")], ["ALTER SCHEMA main.sales SET TAGS ('a' = '1')"]),
        (
            [tag(TABLE, "table", "a", "it's"), tag(TABLE, "table", "b", None), tag(TABLE, "table", "$c", "")],
            [
                f"ALTER TABLE {TABLE} SET TAGS ('a' = 'it\\'s', '\\u0024c' = '')",
                f"ALTER TABLE {TABLE} UNSET TAGS ('b')",
            ],
        ),
        (
            [tag(TABLE, "table", "a", None), tag(TABLE, "table", "b", None)],
            [f"ALTER TABLE {TABLE} UNSET TAGS ('a', 'b')"],
        ),
        ([tag(VIEW, "view", "a", "1")], [f"ALTER VIEW {VIEW} SET TAGS ('a' = '1')"]),
        ([tag(VIEW, "materialized view", "a", "1")], [f"ALTER MATERIALIZED VIEW {VIEW} SET TAGS ('a' = '1')"]),
        ([tag(VIEW, "streaming table", "a", None)], [f"ALTER STREAMING TABLE {VIEW} UNSET TAGS ('a')"]),
        (
            [
                tag(f"{TABLE}.id", "column", "a", "1"),
                tag(f"{TABLE}.n", "column", "a", "1"),
                tag(f"{TABLE}.id", "column", "b", "2"),
            ],
            [
                f"ALTER TABLE {TABLE} ALTER COLUMN id SET TAGS ('a' = '1', 'b' = '2')",
                f"ALTER TABLE {TABLE} ALTER COLUMN n SET TAGS ('a' = '1')",
            ],
        ),
        (
            [tag(f"{VIEW}.id", "column of a view", "a", "1")],
            [f"ALTER TABLE {VIEW} ALTER COLUMN id SET TAGS ('a' = '1')"],
        ),
        (
            [tag(f"{VIEW}.id", "column of a materialized view", "a", None)],
            [f"ALTER MATERIALIZED VIEW {VIEW} ALTER COLUMN id UNSET TAGS ('a')"],
        ),
        # Owners
        ([owner("main", "catalog", "data team")], ["ALTER CATALOG main SET OWNER TO `data team`"]),
        (
            [owner("main.sales", "schema", "ada@example.com")],
            ["ALTER SCHEMA main.sales SET OWNER TO `ada@example.com`"],
        ),
        ([owner(TABLE, "foreign table", "a`b")], [f"ALTER TABLE {TABLE} SET OWNER TO `a``b`"]),
        ([owner(VIEW, "view", "team")], [f"ALTER VIEW {VIEW} SET OWNER TO `team`"]),
        ([owner(VIEW, "materialized view", "team")], [f"ALTER MATERIALIZED VIEW {VIEW} SET OWNER TO `team`"]),
        ([owner(VIEW, "streaming table", "team")], [f"ALTER STREAMING TABLE {VIEW} SET OWNER TO `team`"]),
        # The Hive metastore
        ([change("hive_metastore.old.t", "table", None)], ["COMMENT ON TABLE hive_metastore.old.t IS NULL"]),
        (
            [change("hive_metastore.old.v", "view", "it's")],
            ["ALTER VIEW hive_metastore.old.v SET TBLPROPERTIES ('comment' = 'it\\'s')"],
        ),
        (
            [change("hive_metastore.old.v", "view", None)],
            ["ALTER VIEW hive_metastore.old.v UNSET TBLPROPERTIES IF EXISTS ('comment')"],
        ),
        # Descriptions first, owners last.
        (
            [owner(TABLE, "table", "team"), tag(TABLE, "table", "a", "1"), change(TABLE, "table", "x")],
            [
                f"COMMENT ON TABLE {TABLE} IS 'x'",
                f"ALTER TABLE {TABLE} SET TAGS ('a' = '1')",
                f"ALTER TABLE {TABLE} SET OWNER TO `team`",
            ],
        ),
    ],
)
def test_the_statements(changes: list[Change], expected: list[str]) -> None:
    assert statements(*changes) == expected
    assert all(connector().refuse(each) is None for each in changes)


def test_an_older_cluster_is_told_one_column_at_a_time() -> None:
    changes = [change(f"{TABLE}.{name}", "column", "x") for name in ("a", "b")]
    assert statements(*changes, columns_together=False) == [
        f"ALTER TABLE {TABLE} ALTER COLUMN a COMMENT 'x'",
        f"ALTER TABLE {TABLE} ALTER COLUMN b COMMENT 'x'",
    ]


def test_a_schema_of_20_tables_with_50_columns_takes_40_statements() -> None:
    tables = [f"main.sales.t{number}" for number in range(20)]
    changes = [change(table, "table", "x") for table in tables]
    changes += [change(f"{table}.c{number}", "column", "x") for table in tables for number in range(50)]
    assert len(changes) == 1020
    made = connector().resolve(changes)
    assert [len(statement.changes) for statement in made] == [1, 50] * 20


def test_a_statement_stays_far_below_what_databricks_takes() -> None:
    long = "x" * 200_000
    made = connector().resolve([change(f"{TABLE}.c{number}", "column", long) for number in range(5)])
    assert [len(statement.changes) for statement in made] == [2, 2, 1]


def test_a_clone_is_written_under_its_own_name() -> None:
    rewrite = {"database": {"main": "rehearsal"}}
    assert statements(change(TABLE, "table", "x"), rewrite=rewrite) == [
        "COMMENT ON TABLE rehearsal.sales.orders IS 'x'"
    ]


@pytest.mark.parametrize(
    ("refused", "verdict", "why"),
    [
        (change(TABLE, "foreign table", "x"), Verdict.UNSUPPORTED, "describe it where it comes from"),
        (change(f"{TABLE}.id", "column of a foreign table", "x"), Verdict.UNSUPPORTED, "where it comes from"),
        (tag(TABLE, "foreign table", "a", "1"), Verdict.UNSUPPORTED, "where it comes from"),
        (tag(f"{TABLE}.place.city", "field", "a", "1"), Verdict.UNSUPPORTED, "tag the column instead"),
        (change(f"{TABLE}.a.b", "column of a view", "x"), Verdict.UNSUPPORTED, "the fields of a view cannot"),
        (change(TABLE, "metric view", "x"), Verdict.UNSUPPORTED, "nobody says how a metric view"),
        (change(f"{TABLE}.id", "column of a metric view", "x"), Verdict.UNSUPPORTED, "how a metric view"),
        (owner(TABLE, "table", None), Verdict.UNSUPPORTED, "nothing without an owner; name another"),
        (change("hive_metastore", "catalog", "x"), Verdict.UNSUPPORTED, "itself cannot be described"),
        (tag("hive_metastore.old.t", "table", "a", "1"), Verdict.UNSUPPORTED, "has no tags; use Unity Catalog"),
        (owner("hive_metastore.old", "schema", "team"), Verdict.UNSUPPORTED, "has no owners; use Unity Catalog"),
        (change("hive_metastore.old.v.id", "column of a view", "x"), Verdict.UNSUPPORTED, "when it is created"),
        (change(TABLE, "table", "nul\0"), Verdict.INVALID, "remove it"),
        (tag(TABLE, "table", "a", "half \ud83c"), Verdict.INVALID, "remove it"),
        (change("main.sales.${x}", "table", "x"), Verdict.INVALID, "no name in Spark can hold"),
        (owner(TABLE, "table", "team$"), Verdict.INVALID, "no name in Spark can hold"),
    ],
)
def test_what_has_no_place_is_refused_before_it_is_sent(refused: Change, verdict: Verdict, why: str) -> None:
    found = connector().refuse(refused)
    assert found is not None
    assert found[0] is verdict
    assert why in found[1]


def test_keys_without_a_value_are_known_under_what_each_catalog_calls_them() -> None:
    assert connector().capabilities.tags.placeholder == "DATABRICKS_TAGS"
    assert UnityCatalogConnector.capabilities.tags.placeholder == "UNITY_CATALOG_TAGS"
    assert UnityCatalogConnector.capabilities.levels == connector().capabilities.levels


@pytest.mark.parametrize(
    ("table_type", "format", "kind"),
    [
        ("MANAGED", "DELTA", "table"),
        ("MANAGED", "ICEBERG", "table"),
        ("MANAGED_SHALLOW_CLONE", "DELTA", "table"),
        ("EXTERNAL", "delta", "external table"),
        ("EXTERNAL", "CSV", "plain table"),
        ("FOREIGN", "POSTGRESQL_FORMAT", "foreign table"),
        ("METRIC_VIEW", "", "metric view"),
    ],
)
def test_the_kinds_of_tables(table_type: str, format: str, kind: str) -> None:
    assert kinds.of_table(table_type, format) == kind


@pytest.mark.parametrize(
    ("kind", "table", "elements"),
    [
        ("column", "table", []),
        (kinds.of_column("materialized view"), "materialized view", []),
        (kinds.of_field([]), "table", []),
        (kinds.of_field([1, 1, 12]), "table", [1, 1, 12]),
        ("view", "table", []),
    ],
)
def test_the_kind_of_a_part_tells_its_table_and_its_arrays(kind: str, table: str, elements: list[int]) -> None:
    assert (kinds.table_of(kind), kinds.elements_of(kind)) == (table, elements)

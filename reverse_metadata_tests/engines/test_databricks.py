"""The stand-in for Databricks: what it takes, and what it must not take."""

import json
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

from reverse_metadata_tests.engines.databricks import DatabricksStandIn, databricks
from reverse_metadata_tests.engines.databricks_lexer import Failed

MODIFIER = "modifier@example.com"

#: Each is close to something that Databricks takes, and each is wrong.
NEAR_MISSES = (
    # Quotes that other engines know.
    "COMMENT ON TABLE main.sales.orders IS 'it's'",
    "COMMENT ON TABLE main.sales.orders IS N'x'",
    "COMMENT ON TABLE main.sales.orders IS E'x'",
    "COMMENT ON TABLE main.sales.orders IS $$x$$",
    "COMMENT ON TABLE main.sales.orders IS 'ends with a backslash \\'",
    "COMMENT ON TABLE main.sales.orders IS `x`",
    "COMMENT ON TABLE main.sales.orders IS x",
    "COMMENT ON TABLE main.sales.orders IS 'x' || 'y'",
    "COMMENT ON TABLE main.sales.orders IS :comment",
    "COMMENT ON TABLE main.sales.orders IS ?",
    "COMMENT ON TABLE main.sales.orders IS DEFAULT",
    "COMMENT ON TABLE main.sales.orders IS",
    "COMMENT ON TABLE main.sales.orders = 'x'",
    "COMMENT ON TABLE main.sales.orders 'x'",
    # Kinds that have no COMMENT ON.
    "COMMENT ON VIEW main.sales.recent IS 'x'",
    "COMMENT ON MATERIALIZED VIEW main.sales.totals IS 'x'",
    "COMMENT ON STREAMING TABLE main.sales.events IS 'x'",
    "COMMENT ON COLUMN orders.id IS 'x'",
    "COMMENT ON COLUMN main.sales.orders.place.city IS 'x'",
    "COMMENT ON TABLE main.sales.orders COLUMN (id IS 'x')",
    # Names.
    "COMMENT ON TABLE main.sales.back`tick IS 'x'",
    "COMMENT ON TABLE main.sales.`back`tick` IS 'x'",
    "COMMENT ON TABLE main.sales.`` IS 'x'",
    "COMMENT ON TABLE main.\"sales\".orders IS 'x'",
    "COMMENT ON TABLE main.sales.two words IS 'x'",
    "COMMENT ON TABLE main..orders IS 'x'",
    # Columns.
    "ALTER TABLE main.sales.orders ALTER COLUMN id COMMENT NULL",
    "ALTER TABLE main.sales.orders ALTER COLUMN id COMMENT = 'x'",
    "ALTER TABLE main.sales.orders ALTER COLUMN id COMMENT 'x', ALTER COLUMN amount COMMENT 'y'",
    "ALTER TABLE main.sales.orders ALTER COLUMN id COMMENT 'x', COLUMN amount COMMENT 'y'",
    "ALTER TABLE main.sales.orders ALTER COLUMN (id COMMENT 'x', amount COMMENT 'y')",
    "ALTER TABLE main.sales.orders ALTER COLUMN id COMMENT 'x',",
    "ALTER TABLE main.sales.orders ALTER COLUMN id SET COMMENT 'x'",
    "ALTER TABLE main.sales.orders ALTER COLUMN id UNSET COMMENT",
    "ALTER TABLE main.sales.orders ALTER COLUMN id DROP COMMENT",
    "ALTER TABLE main.sales.orders MODIFY COLUMN id COMMENT 'x'",
    "ALTER TABLE main.sales.orders ALTER COLUMN id COMMENT 'x', id COMMENT 'y'",
    "ALTER VIEW main.sales.recent ALTER COLUMN id COMMENT 'x'",
    "ALTER TABLE main.sales.recent ALTER COLUMN id COMMENT 'x'",
    "ALTER TABLE main.sales.totals ALTER COLUMN id COMMENT 'x'",
    "ALTER MATERIALIZED VIEW main.sales.totals ALTER COLUMN id COMMENT 'x', amount COMMENT 'y'",
    "ALTER TABLE main.sales.files ALTER COLUMN id COMMENT 'x', amount COMMENT 'y'",
    # Tags.
    "ALTER TABLE main.sales.orders SET TAG pii = 'x'",
    "ALTER TABLE main.sales.orders SET TAGS pii = 'x'",
    "ALTER TABLE main.sales.orders SET TAGS (pii = 'x')",
    "ALTER TABLE main.sales.orders SET TAGS ()",
    "ALTER TABLE main.sales.orders SET TAGS ('pii' = 'x',)",
    "ALTER TABLE main.sales.orders SET TAGS ('pii', 'x' = )",
    "ALTER TABLE main.sales.orders SET TAGS ('pii' : 'x')",
    "ALTER TABLE main.sales.orders SET TAGS ('pii' = NULL)",
    "ALTER TABLE main.sales.orders SET TAGS [('pii', 'x')]",
    "ALTER TABLE main.sales.orders SET TAGS ('pii' = 'x', 'pii' = 'y')",
    "ALTER TABLE main.sales.orders SET TAGS ('a.b' = 'x')",
    "ALTER TABLE main.sales.orders SET TAGS ('' = 'x')",
    "ALTER TABLE main.sales.orders UNSET TAGS ('pii' = 'x')",
    "ALTER TABLE main.sales.orders UNSET TAGS 'pii'",
    "ALTER TABLE main.sales.orders UNSET TAGS IF EXISTS ('pii')",
    "ALTER TABLE main.sales.orders DROP TAGS ('pii')",
    "ALTER TABLE main.sales.orders ALTER COLUMN id SET TAGS ('pii' = 'x'), amount SET TAGS ('pii' = 'x')",
    "ALTER TABLE main.sales.orders ALTER COLUMN id COMMENT 'x', amount SET TAGS ('pii' = 'x')",
    "ALTER TABLE main.sales.orders ALTER COLUMN place.city SET TAGS ('pii' = 'x')",
    "ALTER VIEW main.sales.recent ALTER COLUMN id SET TAGS ('pii' = 'x')",
    "ALTER TABLE main.sales.recent SET TAGS ('pii' = 'x')",
    "ALTER VIEW main.sales.orders SET TAGS ('pii' = 'x')",
    "ALTER VIEW main.sales.totals SET TAGS ('pii' = 'x')",
    "ALTER TABLE main.sales.events SET TAGS ('pii' = 'x')",
    "ALTER DATABASE main SET TAGS ('pii' = 'x')",
    "ALTER TABLE main.sales.elsewhere SET TAGS ('pii' = 'x')",
    "ALTER TABLE hive_metastore.old.orders SET TAGS ('pii' = 'x')",
    # Owners.
    "ALTER TABLE main.sales.orders OWNER TO 'ada@example.com'",
    "ALTER TABLE main.sales.orders OWNER TO ada@example.com",
    "ALTER TABLE main.sales.orders OWNER TO `nobody@example.com`",
    "ALTER TABLE main.sales.orders OWNER TO NULL",
    "ALTER TABLE main.sales.orders OWNER TO `a`, `b`",
    "ALTER TABLE main.sales.orders SET AUTHORIZATION `ada@example.com`",
    "ALTER TABLE main.sales.orders UNSET OWNER",
    "ALTER MATERIALIZED VIEW main.sales.totals OWNER TO `ada@example.com`",
    "ALTER TABLE main.sales.recent OWNER TO `ada@example.com`",
    # Foreign tables, and the Hive metastore.
    "COMMENT ON TABLE main.sales.elsewhere IS 'x'",
    "COMMENT ON CATALOG hive_metastore IS 'x'",
    "ALTER SCHEMA hive_metastore.old OWNER TO `ada@example.com`",
    "SELECT table_name FROM hive_metastore.information_schema.tables",
    # Several statements, hints, and what reads.
    "COMMENT ON TABLE main.sales.orders IS 'x'; COMMENT ON TABLE main.sales.orders IS 'y'",
    "COMMENT ON TABLE main.sales.orders /*+ hint */ IS 'x'",
    "DROP TABLE main.sales.orders",
    "SELECT * FROM main.information_schema.tables",
    "SELECT table_id FROM main.information_schema.tables",
    "SELECT table_name FROM main.information_schema.tables WHERE table_name LIKE 'o%'",
    "SELECT tag_value FROM main.information_schema.tables_tags",
    "SELECT table_name FROM information_schema.tables",
    "SELECT current_user(), current_role()",
    "DESCRIBE TABLE main.sales.orders AS JSON",
    "SHOW TABLES",
    "GRANT APPLY_TAG ON TABLE main.sales.orders TO `ada@example.com`",
    "GRANT MODIFY ON COLUMN main.sales.orders TO `ada@example.com`",
    "SET spark.sql.ansi.enabled = true",
)


@pytest.fixture
def workspace() -> Iterator[DatabricksStandIn]:
    """One table of every kind."""
    with databricks() as front:
        store = front.metastore
        store.principals.add("ada@example.com")
        for path in (("main",), ("main", "sales")):
            store.create(path)
        store.create(("hive_metastore", "old"))
        columns = {
            "id": "int",
            "amount": "int",
            "place": "struct<city:string,zip:int>",
            "lines": "array<struct<q:int>>",
        }
        kinds = {
            "orders": ("MANAGED", "DELTA"),
            "files": ("EXTERNAL", "PARQUET"),
            "recent": ("VIEW", "UNKNOWN_DATA_SOURCE_FORMAT"),
            "totals": ("MATERIALIZED_VIEW", "DELTA"),
            "events": ("STREAMING_TABLE", "DELTA"),
            "elsewhere": ("FOREIGN", "POSTGRESQL_FORMAT"),
        }
        for name, (kind, format) in kinds.items():
            store.create(("main", "sales", name), table_type=kind, format=format, columns=columns)
        store.create(("hive_metastore", "old", "orders"), format="PARQUET", columns={"id": "int"})
        yield front


def held(workspace: DatabricksStandIn) -> str:
    """Everything that could have changed."""
    return repr(workspace.metastore.objects)


@pytest.mark.parametrize("sql", NEAR_MISSES)
def test_what_is_nearly_right_is_refused_and_changes_nothing(workspace: DatabricksStandIn, sql: str) -> None:
    before = held(workspace)
    with pytest.raises(Failed, match=r"^(\[[A-Z_.]+\]|[A-Z_]+:) "):
        workspace.run(sql)
    assert held(workspace) == before


def test_there_are_enough_near_misses() -> None:
    assert len(set(NEAR_MISSES)) == len(NEAR_MISSES) >= 40


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("COMMENT ON TABLE main.sales.orders IS 'it\\'s \\\\ \\u0024{env:HOME}'", "it's \\ ${env:HOME}"),
        ('comment on table MAIN.`Sales`.Orders is "x";', "x"),
        # What a doubled quote, and a dollar with a brace, come to.
        ("COMMENT ON TABLE main.sales.orders IS 'it''s'", "its"),
        ("COMMENT ON TABLE main.sales.orders IS '${env:HOME}, ${nothing}'", "/root, "),
        ("COMMENT ON TABLE main.sales.orders IS '\\q \\t \\101 \\%'", "q \t A \\%"),
        ("COMMENT ON TABLE main.sales.orders IS ''", None),
        ("COMMENT ON TABLE main.sales.orders IS NULL", None),
        ("ALTER TABLE main.sales.orders SET TBLPROPERTIES ('comment' = 'x')", "x"),
    ],
)
def test_a_text_is_what_databricks_would_make_of_it(workspace: DatabricksStandIn, sql: str, told: str | None) -> None:
    workspace.run("COMMENT ON TABLE main.sales.orders IS 'before'")
    workspace.run(sql)
    assert workspace.metastore.objects["main", "sales", "orders"].comment == told


def test_columns_and_their_fields(workspace: DatabricksStandIn) -> None:
    workspace.run("ALTER TABLE main.sales.orders ALTER COLUMN ID COMMENT 'a', place.city COMMENT 'b', "
                  "lines.element.q COMMENT 'c'")  # fmt: skip
    workspace.run("COMMENT ON COLUMN main.sales.recent.id IS 'd'")
    workspace.run("ALTER MATERIALIZED VIEW main.sales.totals ALTER COLUMN id COMMENT 'e'")
    columns = {
        column["name"]: column
        for column in json.loads(workspace.run("DESCRIBE TABLE EXTENDED main.sales.orders AS JSON")[0][0])["columns"]
    }
    assert columns["id"]["comment"] == "a"
    assert columns["place"]["type"]["fields"][0]["comment"] == "b"
    assert columns["lines"]["type"]["element_type"]["fields"][0]["comment"] == "c"
    asked = "SELECT table_name, comment FROM main.information_schema.columns WHERE column_name IN ('id')"
    assert dict(workspace.run(asked)) == {
        "orders": "a",
        "recent": "d",
        "totals": "e",
        "files": None,
        "events": None,
        "elsewhere": None,
    }


def test_tags_stand_where_they_were_set(workspace: DatabricksStandIn) -> None:
    for sql in (
        "ALTER CATALOG main SET TAGS ('a' = '1', 'b')",
        "ALTER SCHEMA main.sales SET TAGS ('c' = '2')",
        "ALTER VIEW main.sales.recent SET TAGS ('d' = '3')",
        "ALTER TABLE main.sales.recent ALTER COLUMN id SET TAGS ('e' = '4', 'f' = '5')",
        "ALTER TABLE main.sales.recent ALTER COLUMN id UNSET TAGS ('f', 'never there')",
    ):
        workspace.run(sql)
    views = {"catalog": ("", "a", "1"), "schema": ("sales", "c", "2"), "table": ("recent", "d", "3")}
    for level, row in views.items():
        name = f"{level}_name" if level != "catalog" else "''"
        asked = f"SELECT {name}, tag_name, tag_value FROM main.information_schema.{level}_tags"
        assert row in workspace.run(asked)
    asked = "SELECT column_name, tag_name, tag_value FROM main.information_schema.column_tags"
    assert workspace.run(asked) == [("id", "e", "4")]
    assert workspace.metastore.objects["main",].tags == {"a": "1", "b": ""}


def test_who_may_do_what(workspace: DatabricksStandIn) -> None:
    store = workspace.metastore
    workspace.token(MODIFIER)
    store.governed["pii"] = ("high", "low")

    def refused(sql: str) -> str:
        with pytest.raises(Failed) as raised:
            workspace.run(sql, MODIFIER)
        return raised.value.message

    describe, tag = (
        "COMMENT ON TABLE main.sales.orders IS 'x'",
        "ALTER TABLE main.sales.orders SET TAGS ('pii' = 'high')",
    )
    assert "USE CATALOG on Catalog 'main'" in refused(describe)
    workspace.run(f"GRANT USE CATALOG ON CATALOG main TO `{MODIFIER}`")
    assert "USE SCHEMA on Schema 'main.sales'" in refused(describe)
    workspace.run(f"GRANT USE SCHEMA ON SCHEMA main.sales TO `{MODIFIER}`")
    assert workspace.run("SELECT table_name FROM main.information_schema.tables", MODIFIER) == []
    assert "MODIFY on Table 'main.sales.orders'" in refused(describe)
    workspace.run(f"GRANT MODIFY, SELECT ON TABLE main.sales.orders TO `{MODIFIER}`")
    workspace.run(describe, MODIFIER)
    assert "APPLY TAG on Table" in refused(tag)
    workspace.run(f"GRANT APPLY TAG ON SCHEMA main.sales TO `{MODIFIER}`")
    assert "ASSIGN on Tag Policy 'pii'" in refused(tag)
    store.assigners.add((MODIFIER, "pii"))
    workspace.run(tag, MODIFIER)
    assert "not an allowed value" in refused("ALTER TABLE main.sales.orders SET TAGS ('pii' = 'middle')")
    assert "MANAGE on Table" in refused("ALTER TABLE main.sales.orders OWNER TO `ada@example.com`")
    store.groups["team"] = {MODIFIER}
    store.objects["main", "sales", "recent"].owner = "team"
    workspace.run("COMMENT ON TABLE main.sales.recent IS 'x'", MODIFIER)
    assert workspace.run("SELECT is_account_group_member('team')", MODIFIER) == [(True,)]


def test_tags_have_bounds(workspace: DatabricksStandIn) -> None:
    def tagged(key: str, value: str) -> None:
        workspace.run(f"ALTER TABLE main.sales.orders SET TAGS ('{key}' = '{value}')")

    tagged("k" * 255, "v" * 1000)
    for key, value in (("k" * 256, "v"), ("k", "v" * 1001)):
        with pytest.raises(Failed, match="INVALID_PARAMETER_VALUE"):
            tagged(key, value)
    for number in range(49):
        tagged(f"k{number}", "")
    with pytest.raises(Failed, match="at most 50"):
        tagged("one more", "")


def connected(workspace: DatabricksStandIn, token: str, **more: Any) -> Any:
    sql = import_module("databricks.sql")
    arguments = {"server_hostname": "127.0.0.1", "http_path": "/x", "enable_telemetry": False, **more}
    return sql.connect(access_token=token, **arguments, **workspace.arguments())


def test_the_vendors_client_reaches_it(workspace: DatabricksStandIn) -> None:
    with connected(workspace, workspace.token("ada@example.com")) as connection, connection.cursor() as cursor:
        workspace.metastore.objects["main", "sales", "orders"].comment = "é \n 🎉"
        workspace.metastore.grant("ada@example.com", "SELECT", ("main",))
        workspace.metastore.grant("ada@example.com", "USE CATALOG", ("main",))
        cursor.execute("SELECT comment, created FROM main.information_schema.tables WHERE table_name = 'orders'")
        ((comment, created),) = cursor.fetchall()
        assert (comment, type(created)) == ("é \n 🎉", int)
        cursor.execute("SELECT comment FROM main.information_schema.tables WHERE table_name IN ('files', 'nothing')")
        assert [tuple(row) for row in cursor.fetchall()] == [(None,)]
        with pytest.raises(import_module("databricks.sql.exc").ServerOperationError, match="PARSE_SYNTAX_ERROR"):
            cursor.execute("COMMENT ON VIEW main.sales.recent IS 'x'")
    assert [statement.split()[0] for statement in workspace.statements] == ["SELECT", "SELECT", "COMMENT"]


def test_a_wrong_token_and_a_wrong_parameter_are_refused(workspace: DatabricksStandIn) -> None:
    exc = import_module("databricks.sql.exc")
    with pytest.raises(exc.RequestError) as raised:
        connected(workspace, "of nobody")
    assert raised.value.context["http-code"] == 403
    with pytest.raises(exc.DatabaseError, match="CONFIG_NOT_AVAILABLE"):
        connected(workspace, workspace.token("ada"), session_configuration={"spark.sql.shuffle.partitions": "1"})

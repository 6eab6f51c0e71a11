"""The exact statements that `make live` sends as an administrator, and what it says where something is missing.

No engine of the five vendors' can be run here, so that their statements are held to the letter.
"""

import pytest

from reverse_metadata.connectors import registry
from reverse_metadata.model import Aspect, EntityType, Path
from reverse_metadata_tests.contract.live.__main__ import main
from reverse_metadata_tests.contract.live.peer import fill, peer_type
from reverse_metadata_tests.contract.live.systems import SYSTEMS

_SALES: Path = ("Shop", "rm_live_1_sales")
_OTHER: Path = ("Shop", "rm_live_1_stock")

SCHEMAS = {
    "snowflake": (
        ['CREATE SCHEMA "Shop"."rm_live_1_sales"'],
        ['DROP SCHEMA "Shop"."rm_live_1_sales" CASCADE'],
    ),
    "databricks": (
        ["CREATE SCHEMA `Shop`.`rm_live_1_sales`"],
        ["DROP SCHEMA `Shop`.`rm_live_1_sales` CASCADE"],
    ),
    "mssql": (
        ["CREATE SCHEMA [rm_live_1_sales]"],
        [
            "DECLARE @drops nvarchar(max) = (SELECT STRING_AGG(CONVERT(nvarchar(max), N'DROP ') + CASE type WHEN 'V' "
            "THEN N'VIEW ' ELSE N'TABLE ' END + QUOTENAME(N'rm_live_1_sales') + N'.' + QUOTENAME(name), N'; ') WITHIN "
            "GROUP (ORDER BY type DESC) FROM sys.objects WHERE schema_id = SCHEMA_ID(N'rm_live_1_sales') AND type IN "
            "('U', 'V')); IF @drops IS NOT NULL EXEC sys.sp_executesql @drops",
            "DROP SCHEMA [rm_live_1_sales]",
        ],
    ),
    "oracle": (
        [
            'CREATE USER "RM_LIVE_1_SALES" IDENTIFIED BY "Generated1"',
            'GRANT CREATE SESSION, CREATE TABLE, UNLIMITED TABLESPACE TO "RM_LIVE_1_SALES"',
        ],
        ['DROP USER "RM_LIVE_1_SALES" CASCADE'],
    ),
}

TABLES = {
    "snowflake": [
        'CREATE TABLE "Shop"."rm_live_1_sales"."a""b" ("id" NUMBER, "it\'s" NUMBER)',
        'CREATE TABLE "Shop"."rm_live_1_sales"."orders" ("id" NUMBER)',
        'CREATE TRANSIENT TABLE "Shop"."rm_live_1_sales"."STAGING" ("id" NUMBER)',
        'CREATE VIEW "Shop"."rm_live_1_sales"."recent" AS SELECT "id" FROM "Shop"."rm_live_1_sales"."orders"',
        'CREATE SECURE VIEW "Shop"."rm_live_1_sales"."hidden" AS SELECT "id" FROM "Shop"."rm_live_1_sales"."orders"',
    ],
    "databricks": [
        "CREATE TABLE `Shop`.`rm_live_1_sales`.`a\"b` (`id` INT, `it's` INT)",
        "CREATE TABLE `Shop`.`rm_live_1_sales`.`orders` (`id` INT)",
        "CREATE VIEW `Shop`.`rm_live_1_sales`.`recent` AS SELECT `id` FROM `Shop`.`rm_live_1_sales`.`orders`",
    ],
    "mssql": [
        "CREATE TABLE [rm_live_1_sales].[a\"b] ([id] int, [it's] int)",
        "CREATE TABLE [rm_live_1_sales].[orders] ([id] int)",
        "CREATE VIEW [rm_live_1_sales].[recent] AS SELECT [id] FROM [rm_live_1_sales].[orders]",
    ],
    "oracle": [
        'CREATE TABLE "RM_LIVE_1_SALES"."a"b" ("ID" NUMBER, "it\'s" NUMBER)',
        'CREATE TABLE "RM_LIVE_1_SALES"."ORDERS" ("ID" NUMBER)',
        'CREATE VIEW "RM_LIVE_1_SALES"."RECENT" AS SELECT "ID" FROM "RM_LIVE_1_SALES"."ORDERS"',
        'CREATE MATERIALIZED VIEW "RM_LIVE_1_SALES"."TOTALS" AS SELECT "ID" FROM "RM_LIVE_1_SALES"."ORDERS"',
    ],
}

_SCAN = 'SELECT "comment" FROM TABLE(RESULT_SCAN(LAST_QUERY_ID())) WHERE "name" = '
_LISTED = "SELECT CAST(value AS nvarchar(4000)) FROM fn_listextendedproperty(N'MS_Description', "
COMMENTS = {
    "snowflake": {
        EntityType.DATABASE: ["SHOW DATABASES STARTS WITH 'Shop'", f"{_SCAN}'Shop'"],
        EntityType.SCHEMA: [
            "SHOW SCHEMAS IN DATABASE \"Shop\" STARTS WITH 'rm_live_1_sales'",
            f"{_SCAN}'rm_live_1_sales'",
        ],
        EntityType.TABLE: [
            'SHOW OBJECTS IN SCHEMA "Shop"."rm_live_1_sales" STARTS WITH \'it\\\'s\'',
            f"{_SCAN}'it\\'s'",
        ],
        EntityType.COLUMN: ['DESCRIBE TABLE "Shop"."rm_live_1_sales"."it\'s"', f"{_SCAN}'back\\\\slash'"],
    },
    "databricks": {
        EntityType.DATABASE: ["DESCRIBE CATALOG `Shop`"],
        EntityType.SCHEMA: ["DESCRIBE SCHEMA `Shop`.`rm_live_1_sales`"],
        EntityType.TABLE: ["DESCRIBE TABLE EXTENDED `Shop`.`rm_live_1_sales`.`it's`"],
        EntityType.COLUMN: ["DESCRIBE TABLE `Shop`.`rm_live_1_sales`.`it's`"],
    },
    "mssql": {
        EntityType.DATABASE: [f"{_LISTED}NULL, NULL, NULL, NULL, NULL, NULL)"],
        EntityType.SCHEMA: [f"{_LISTED}N'SCHEMA', N'rm_live_1_sales', NULL, NULL, NULL, NULL)"],
        EntityType.TABLE: [
            f"{_LISTED}N'SCHEMA', N'rm_live_1_sales', N'TABLE', N'it''s', NULL, NULL) UNION ALL "
            f"{_LISTED}N'SCHEMA', N'rm_live_1_sales', N'VIEW', N'it''s', NULL, NULL)"
        ],
        EntityType.COLUMN: [
            f"{_LISTED}N'SCHEMA', N'rm_live_1_sales', N'TABLE', N'it''s', N'COLUMN', N'back\\slash') UNION ALL "
            f"{_LISTED}N'SCHEMA', N'rm_live_1_sales', N'VIEW', N'it''s', N'COLUMN', N'back\\slash')"
        ],
    },
    "oracle": {
        EntityType.TABLE: [
            "SELECT comments FROM dba_mview_comments WHERE owner = 'RM_LIVE_1_SALES' AND mview_name = 'it''s' UNION "
            "ALL SELECT comments FROM dba_tab_comments WHERE owner = 'RM_LIVE_1_SALES' AND table_name = 'it''s' AND "
            "NOT EXISTS (SELECT 1 FROM dba_mviews WHERE owner = 'RM_LIVE_1_SALES' AND mview_name = 'it''s')"
        ],
        EntityType.COLUMN: [
            "SELECT comments FROM dba_col_comments WHERE owner = 'RM_LIVE_1_SALES' AND table_name = 'it''s' AND "
            "column_name = 'back\\slash'"
        ],
    },
}

TAGS = {
    "snowflake": (
        ['CREATE TAG "Shop"."rm_live_1_sales"."it\'s PII"'],
        'SELECT SYSTEM$GET_TAG(\'"Shop"."rm_live_1_sales"."it\\\'s PII"\', \'"Shop"."rm_live_1_sales"."t"."id"\', '
        "'column')",
    ),
    "databricks": (
        ["ALTER CATALOG `Shop` UNSET TAGS ('it\\'s PII')"],
        "SELECT tag_value FROM system.information_schema.column_tags WHERE catalog_name = 'Shop' AND schema_name = "
        "'rm_live_1_sales' AND table_name = 't' AND column_name = 'id' AND tag_name = 'it\\'s PII'",
    ),
    "mssql": (
        ["DECLARE @name sysname = N'OpenMetadata.Tag.' + N'it''s PII'; EXEC sys.sp_dropextendedproperty @name"],
        " UNION ALL ".join(
            "SELECT CAST(value AS nvarchar(4000)) FROM fn_listextendedproperty(N'OpenMetadata.Tag.' + N'it''s PII', "
            f"N'SCHEMA', N'rm_live_1_sales', N'{kind}', N't', N'COLUMN', N'id')"
            for kind in ("TABLE", "VIEW")
        ),
    ),
    "oracle": (
        [],
        "SELECT annotation_value FROM dba_annotations_usage WHERE annotation_owner = 'RM_LIVE_1_SALES' AND object_name "
        "= 'T' AND column_name = 'ID' AND annotation_name = 'it''s PII'",
    ),
}

SECOND = {
    "snowflake": [
        'CREATE ROLE "team"',
        'CREATE ROLE "other"',
        'GRANT ROLE "team" TO ROLE "ADMIN"',
        'GRANT ROLE "other" TO ROLE "ADMIN"',
        'GRANT ROLE "other" TO ROLE "READER"',
        'GRANT USAGE ON DATABASE "Shop" TO ROLE "other"',
        'GRANT USAGE ON DATABASE "Shop" TO ROLE "team"',
        'GRANT USAGE ON SCHEMA "Shop"."rm_live_1_sales" TO ROLE "team"',
        'GRANT USAGE ON SCHEMA "Shop"."rm_live_1_sales" TO ROLE "other"',
        'GRANT USAGE ON SCHEMA "Shop"."rm_live_1_stock" TO ROLE "other"',
        'GRANT SELECT ON TABLE "Shop"."rm_live_1_sales"."t" TO ROLE "other"',
        'GRANT OWNERSHIP ON TABLE "Shop"."rm_live_1_sales"."t" TO ROLE "team" COPY CURRENT GRANTS',
        'GRANT OWNERSHIP ON TABLE "Shop"."rm_live_1_stock"."t" TO ROLE "other" COPY CURRENT GRANTS',
        'DROP ROLE IF EXISTS "team"',
        'DROP ROLE IF EXISTS "other"',
    ],
    "databricks": [
        'GRANT USE SCHEMA, SELECT ON SCHEMA `Shop`.`rm_live_1_sales` TO "READER"',
        'GRANT USE SCHEMA, SELECT, MODIFY ON SCHEMA `Shop`.`rm_live_1_stock` TO "READER"',
    ],
    "mssql": [
        'GRANT SELECT, VIEW DEFINITION ON SCHEMA::[rm_live_1_sales] TO "READER"',
        'GRANT SELECT, VIEW DEFINITION, ALTER ON SCHEMA::[rm_live_1_stock] TO "READER"',
    ],
    "oracle": ['GRANT SELECT ON "RM_LIVE_1_SALES"."T" TO "READER"'],
}


def filled(system: str, *statements: str) -> list[str]:
    """The statements of a test's schema."""
    return SYSTEMS[system].filled(statements, _SALES, password="Generated1")


@pytest.mark.parametrize("system", SCHEMAS)
def test_schemas_and_tables_are_created_and_dropped_to_the_letter(system: str) -> None:
    live = SYSTEMS[system]
    assert (filled(system, *live.create_schema), filled(system, *live.drop_schema)) == SCHEMAS[system]
    assert [live.table((*_SALES, 'a"b'), ["id", "it's"]), *live.tables(_SALES)] == TABLES[system]


@pytest.mark.parametrize("system", COMMENTS)
def test_descriptions_are_looked_at_to_the_letter(system: str) -> None:
    paths = {EntityType.of(path): path for path in (_SALES[:1], _SALES, (*_SALES, "it's"))}
    paths[EntityType.COLUMN] = (*_SALES, "it's", "back\\slash")
    live = SYSTEMS[system]
    asked = {level: live.where(paths[level], Aspect.DESCRIPTION, "", _SALES) for level in live.comments}
    assert {level: list(answer.statements) for level, answer in asked.items()} == COMMENTS[system]
    assert bool(live.undescribe_database) == (EntityType.DATABASE in asked)
    if system == "databricks":
        assert [answer.rows for answer in asked.values()] == [
            ("Comment",),
            ("Comment", "Description"),
            ("Comment",),
            ("back\\slash",),
        ]


@pytest.mark.parametrize("system", TAGS)
def test_tags_are_created_and_looked_at_to_the_letter(system: str) -> None:
    live, key = SYSTEMS[system], "it's PII"
    made = [statement for statement in (live.create_tag, live.untag_database) if statement]
    said = {"key": live.quoted(key), "key_text": live.literal(key)}
    (asked,) = live.where((*_SALES, "t", "id"), Aspect.TAGS, key, _SALES).statements
    assert (live.filled(made, _SALES if live.create_tag else _SALES[:1], **said), asked) == TAGS[system]


def test_tags_are_kept_where_they_are_dropped() -> None:
    options = {system: fill(live.options, live.holes(_SALES)) for system, live in SYSTEMS.items() if live.options}
    assert options == {
        "snowflake": {"tags": {"home": '"Shop"."rm_live_1_sales"'}},
        "mssql": {"tags": {"as": "extended_properties", "prefix": "OpenMetadata.Tag."}},
    }


@pytest.mark.parametrize("system", SECOND)
def test_a_second_login_is_admitted_to_the_letter(system: str) -> None:
    live = SYSTEMS[system]
    second = live.second
    assert second is not None
    said = {"who": '"READER"', "writer": '"ADMIN"', "team": '"team"', "other": '"other"'}
    said["elsewhere"] = live.holes(_OTHER)["at"]
    before = live.filled((*second.prepare, *second.admit), _SALES, **said)
    tables = live.filled(second.table, (*_SALES, "t"), **said)
    tables += live.filled(second.table_elsewhere, (*_OTHER, "t"), **said)
    assert [*before, *tables, *live.filled(second.dismiss, _SALES, **said)] == SECOND[system]


@pytest.mark.parametrize("system", [system for system in SYSTEMS if system in registry.CONNECTORS])
def test_everything_that_a_connector_claims_can_be_looked_at(system: str) -> None:
    live, claimed = SYSTEMS[system], registry.connector_type(system).capabilities.levels
    assert set(live.comments) == set(claimed[Aspect.DESCRIPTION])
    assert set(peer_type(system).tags) == set(claimed.get(Aspect.TAGS, ()))


@pytest.fixture(autouse=True)
def _nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LIVE_SYSTEM", "LIVE_SERVICE", "LIVE_SERVICE_LACKING", "LIVE_DATABASE"):
        monkeypatch.delenv(name, raising=False)


def test_missing_variables_are_named_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["postgres"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        "LIVE_SERVICE is not set: it holds the service block, as in reverse_metadata.yaml\n"
        "LIVE_DATABASE is not set: it names the database in which two schemas are created\n"
        "\n"
        "For example, with the secrets in variables of their own:\n"
        "\n"
        "  export LIVE_SERVICE='{host: db.example.com, username: rm_live, password: ${PASSWORD}}'\n"
        "  export LIVE_DATABASE=scratch\n"
        "  make live SYSTEM=postgres\n"
        "\n"
        "The login needs CREATE on the database, and to be its owner, as only the owner may describe it. "
        "docs/live.md says more.\n"
    )


@pytest.mark.parametrize("system", ["", "sybase"])
def test_a_system_that_there_is_not_is_answered_with_the_list(system: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([system]) == 2
    assert "one of snowflake, databricks, unitycatalog, mssql, oracle, postgres, mysql" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("block", "said"),
    [
        (
            "{host: h, username: u, password: spelled-out}",
            "LIVE_SERVICE: password: a secret goes into a variable of its own",
        ),
        ("{host: h, username: u, password: '${NOT_SET}'}", "the environment variable NOT_SET is not set"),
        ("{type: mysql, host: h}", "LIVE_SERVICE: type: must be postgres"),
        ("{host: h, user: u}", "LIVE_SERVICE: user: unknown key; did you mean username?"),
        ("postgres://h", "LIVE_SERVICE: must be a mapping"),
        ("{host: h", "LIVE_SERVICE:2:1: this is not valid YAML"),
    ],
)
def test_a_block_that_is_wrong_is_refused_without_its_secrets(
    block: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIVE_SERVICE", block)
    monkeypatch.setenv("LIVE_DATABASE", "scratch")
    assert main(["postgres"]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert "spelled-out" not in err

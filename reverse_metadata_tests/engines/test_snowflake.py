"""The stand-in for Snowflake: what it takes, what it refuses, and that it catches a connector which goes wrong.

It is no proof of what Snowflake accepts. Its grammar was written from the vendor's reference and from public reports of
errors, and shares nothing with the connector; what both misunderstand, no test here can see.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from reverse_metadata.connectors.snowflake import sql
from reverse_metadata.model import Path
from reverse_metadata_tests.connectors.snowflake.changes import DESCRIPTION, OWNER, TAGS, connector, made
from reverse_metadata_tests.engines.snowflake import SnowflakeStandIn
from reverse_metadata_tests.engines.snowflake_grammar import parse
from reverse_metadata_tests.engines.snowflake_lexer import Refused
from reverse_metadata_tests.engines.snowflake_select import Asked
from reverse_metadata_tests.engines.snowflake_state import Account

_KINDS = {
    "T": "table",
    "TMP": "transient table",
    "EXT": "external table",
    "DYN": "dynamic table",
    "ICE": "iceberg table",
    "EVT": "event table",
    "HYB": "hybrid table",
    "V": "view",
    "SV": "secure view",
    "MV": "materialized view",
}


@pytest.fixture
def account() -> Account:
    """A database D with a schema S, a table of each kind with columns A and b, and tags in G.T."""
    account = Account()
    account.role("WRITER", "SYSADMIN")
    for kind, path in (("database", ("D",)), ("schema", ("D", "S")), ("database", ("G",)), ("schema", ("G", "T"))):
        account.create(kind, path)
    for name, kind in _KINDS.items():
        account.create(kind, ("D", "S", name), ("A", "b", "c"))
    account.role("READER")
    for path in (("D",), ("D", "S")):
        account.granted("USAGE", "DATABASE" if len(path) == 1 else "SCHEMA", path, "READER")
    account.granted("SELECT", "TABLE", ("D", "S", "T"), "READER")
    for statement in ("CREATE TAG G.T.PII", "CREATE TAG G.T.LEVEL ALLOWED_VALUES 'high', 'low'"):
        account.execute("ACCOUNTADMIN", parse(statement))
    account.granted("APPLY TAG", "ACCOUNT", (), "WRITER")
    account.granted("MANAGE GRANTS", "ACCOUNT", (), "WRITER")
    return account


@pytest.mark.parametrize(
    "statement",
    [
        "COMMENT ON TABLE D.S.T IS 'x'",
        "comment if exists on table d.s.t is $$it's$$;",
        "COMMENT ON COLUMN D.S.T.\"b\" IS ''",
        "COMMENT ON VIEW D.S.SV IS 'x' -- of mine",
        "COMMENT ON DYNAMIC TABLE D.S.DYN IS 'x'",
        "ALTER TABLE D.S.T ALTER (COLUMN A COMMENT 'x', COLUMN \"b\" UNSET COMMENT)",
        "ALTER TABLE IF EXISTS D.S.EVT SET COMMENT = 'x'",
        "ALTER TABLE D.S.EXT SET TAG G.T.PII = ''",
        "ALTER EXTERNAL TABLE D.S.EXT SET TAG G.T.PII = 'v'",
        "ALTER VIEW D.S.V MODIFY COLUMN A SET TAG G.T.PII = 'v', G.T.LEVEL = 'low', COLUMN \"b\" SET TAG G.T.PII = 'w'",
        "ALTER DYNAMIC TABLE D.S.DYN MODIFY COLUMN A UNSET TAG G.T.PII, G.T.LEVEL",
        "GRANT OWNERSHIP ON VIEW D.S.MV TO ROLE READER COPY CURRENT GRANTS",
        "GRANT OWNERSHIP ON EVENT TABLE D.S.EVT TO ROLE READER",
    ],
)
def test_what_the_reference_allows_is_taken(account: Account, statement: str) -> None:
    account.execute("WRITER", parse(statement))


#: Each is a near miss of what a writer might send: the code, and the statement.
_REFUSED = [
    # The keyword is not that of the kind.
    ("091367", "COMMENT ON TABLE D.S.ICE IS 'x'"),
    ("091367", "COMMENT ON COLUMN D.S.ICE.A IS 'x'"),
    ("091367", "ALTER TABLE D.S.ICE SET COMMENT = 'x'"),
    ("091367", "ALTER TABLE D.S.ICE ALTER COLUMN A COMMENT 'x'"),
    ("001003", "COMMENT ON ICEBERG TABLE D.S.ICE IS 'x'"),
    ("002203", "ALTER VIEW D.S.T SET COMMENT = 'x'"),
    ("002203", "ALTER TABLE D.S.V SET COMMENT = 'x'"),
    ("002203", "COMMENT ON TABLE D.S.V IS 'x'"),
    ("002203", "COMMENT ON VIEW D.S.MV IS 'x'"),
    ("002203", "ALTER TABLE D.S.DYN ALTER COLUMN A COMMENT 'x'"),
    ("002203", "ALTER DYNAMIC TABLE D.S.T SET TAG G.T.PII = 'v'"),
    ("002203", "GRANT OWNERSHIP ON TABLE D.S.DYN TO ROLE READER COPY CURRENT GRANTS"),
    ("002203", "GRANT OWNERSHIP ON TABLE D.S.EVT TO ROLE READER COPY CURRENT GRANTS"),
    ("001003", "GRANT OWNERSHIP ON MATERIALIZED VIEW D.S.MV TO ROLE READER COPY CURRENT GRANTS"),
    ("001003", "ALTER EVENT TABLE D.S.EVT SET COMMENT = 'x'"),
    ("001003", "ALTER EXTERNAL TABLE D.S.EXT SET COMMENT = 'x'"),
    ("000002", "COMMENT ON COLUMN D.S.EVT.A IS 'x'"),
    # The text.
    ("001003", "COMMENT ON TABLE D.S.T IS NULL"),
    ("001003", 'COMMENT ON TABLE D.S.T IS "x"'),
    ("001003", "ALTER TABLE D.S.T SET COMMENT 'x'"),
    ("001003", "ALTER TABLE D.S.T SET COMMENT = NULL"),
    ("001003", "COMMENT ON TABLE D.S.T IS 'it's'"),
    ("001003", "COMMENT ON TABLE D.S.T IS 'x\\'"),
    ("001003", "COMMENT ON TABLE D.S.T IS 'a' 'b'"),
    ("001003", "ALTER TABLE D.S.T UNSET COMMENT = ''"),
    # Columns.
    ("001003", "ALTER TABLE D.S.T ALTER COLUMN A SET COMMENT 'x'"),
    ("001003", "ALTER TABLE D.S.T ALTER COLUMN A COMMENT = 'x'"),
    ("001003", "ALTER TABLE D.S.T ALTER (COLUMN A COMMENT 'x'"),
    ("001003", "ALTER TABLE D.S.T ALTER COLUMN A COMMENT 'x',"),
    ("001003", "ALTER MATERIALIZED VIEW D.S.MV ALTER COLUMN A COMMENT 'x'"),
    ("001003", "ALTER VIEW D.S.V ALTER COLUMN A UNSET COMMENT"),
    ("001002", "ALTER TABLE D.S.T ALTER COLUMN A COMMENT 'x', COLUMN A UNSET COMMENT"),
    ("000904", "ALTER TABLE D.S.T ALTER COLUMN A COMMENT 'x', COLUMN B COMMENT 'y'"),
    ("000904", "COMMENT ON COLUMN D.S.T.b IS 'x'"),
    # Tags.
    ("001003", "ALTER TABLE D.S.T SET TAG G.T.PII = v"),
    ("001003", 'ALTER TABLE D.S.T SET TAG G.T.PII = "v"'),
    ("001003", "ALTER TABLE D.S.T SET TAG G.T.PII"),
    ("001003", "ALTER TABLE D.S.T SET TAG (G.T.PII = 'v')"),
    ("001003", "ALTER TABLE D.S.T SET TAGS ('PII' = 'v')"),
    ("001003", "ALTER TABLE D.S.T UNSET TAG G.T.PII = 'v'"),
    ("001003", "ALTER TABLE D.S.T MODIFY COLUMN A SET TAG G.T.PII = 'v', COLUMN \"b\" UNSET TAG G.T.PII"),
    ("001003", "ALTER TABLE D.S.T MODIFY (COLUMN A SET TAG G.T.PII = 'v')"),
    ("001003", "ALTER MATERIALIZED VIEW D.S.MV MODIFY COLUMN A SET TAG G.T.PII = 'v'"),
    ("090105", "ALTER TABLE D.S.T SET TAG PII = 'v'"),
    ("002003", "ALTER TABLE D.S.T SET TAG G.T.\"pii\" = 'v'"),
    ("002003", "ALTER TABLE D.S.T SET TAG D.S.PII = 'v'"),
    ("391801", "ALTER TABLE D.S.T SET TAG G.T.LEVEL = 'High'"),
    ("391802", f"ALTER TABLE D.S.T SET TAG G.T.PII = '{'x' * 257}'"),
    # Names.
    ("002003", 'COMMENT ON TABLE "d"."s"."t" IS \'x\''),
    ("090105", "COMMENT ON TABLE T IS 'x'"),
    ("090105", "COMMENT ON TABLE S.T IS 'x'"),
    ("001003", "COMMENT ON TABLE D.S.TABLE IS 'x'"),
    ("001003", "COMMENT ON TABLE D.S.my-table IS 'x'"),
    ("001003", "COMMENT ON TABLE `D`.`S`.`T` IS 'x'"),
    ("001057", "COMMENT ON TABLE D.S.\"\" IS 'x'"),
    ("002003", "COMMENT ON TABLE D.S.NOWHERE IS 'x'"),
    # Owners.
    ("003101", "GRANT OWNERSHIP ON TABLE D.S.T TO ROLE READER"),
    ("001003", "GRANT OWNERSHIP ON TABLE D.S.T TO USER ADA COPY CURRENT GRANTS"),
    ("001003", "GRANT OWNERSHIP ON TABLE D.S.T TO ROLE READER KEEP CURRENT GRANTS"),
    ("001003", "ALTER TABLE D.S.T OWNER TO READER"),
    ("002003", "GRANT OWNERSHIP ON TABLE D.S.T TO ROLE NOBODY COPY CURRENT GRANTS"),
    # More than one statement, or none of a writer's.
    ("000008", "COMMENT ON TABLE D.S.T IS 'x'; DROP TABLE D.S.T"),
    ("000008", "COMMENT ON TABLE D.S.T IS 'x';;"),
    ("001003", "DROP TABLE D.S.T"),
    ("001003", "TRUNCATE TABLE D.S.T"),
    ("001003", "CREATE OR REPLACE TAG G.T.PII"),
    ("001003", ""),
    ("002002", "CREATE TAG G.T.PII"),
]


@pytest.mark.parametrize(("code", "statement"), _REFUSED)
def test_near_misses_are_refused_and_change_nothing(account: Account, code: str, statement: str) -> None:
    before = _all(account)
    with pytest.raises(Refused) as refused:
        account.execute("WRITER", parse(statement))
    assert refused.value.code == code, str(refused.value)
    assert _all(account) == before


def _all(account: Account) -> str:
    return repr((account.objects, account.tags, account.grants, account.roles))


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("READER", "COMMENT ON TABLE D.S.T IS 'x'"),
        ("READER", "ALTER SCHEMA D.S SET COMMENT = 'x'"),
        ("READER", "GRANT OWNERSHIP ON TABLE D.S.T TO ROLE READER COPY CURRENT GRANTS"),
        ("WRITER", "GRANT OWNERSHIP ON TABLE G.T.PII TO ROLE READER"),
    ],
)
def test_without_the_privilege_nothing_is_changed(account: Account, role: str, statement: str) -> None:
    with pytest.raises(Refused) as refused:
        account.execute(role, parse(statement))
    assert refused.value.code in ("003001", "002003", "002203")


def test_modify_is_enough_for_a_schema_and_not_for_a_table(account: Account) -> None:
    account.granted("MODIFY", "SCHEMA", ("D", "S"), "READER")
    account.execute("READER", parse("ALTER SCHEMA D.S SET COMMENT = 'x'"))
    with pytest.raises(Refused, match="Insufficient privileges"):
        account.execute("READER", parse("ALTER TABLE D.S.T SET COMMENT = 'x'"))


def test_an_object_takes_fifty_tags_and_a_table_fifty_more_on_its_columns(account: Account) -> None:
    for number in range(51):
        account.execute("ACCOUNTADMIN", parse(f"CREATE TAG G.T.K{number}"))
    for column in ("", "MODIFY COLUMN A "):
        for number in range(50):
            account.execute("WRITER", parse(f"ALTER TABLE D.S.T {column}SET TAG G.T.K{number} = 'v'"))
        with pytest.raises(Refused, match="more than 50 tags"):
            account.execute("WRITER", parse(f"ALTER TABLE D.S.T {column}SET TAG G.T.K50 = 'v'"))


def test_tags_are_inherited_and_the_nearest_counts(account: Account) -> None:
    account.execute("WRITER", parse("ALTER SCHEMA D.S SET TAG G.T.PII = 'schema', G.T.LEVEL = 'low'"))
    account.execute("WRITER", parse("ALTER TABLE D.S.T SET TAG G.T.PII = 'table'"))
    context: dict[str, str | None] = {"CURRENT_WAREHOUSE": "W"}
    asked = Asked(account, "WRITER", context, [])
    function = "TABLE(D.INFORMATION_SCHEMA.TAG_REFERENCES_ALL_COLUMNS('D.S.T', 'TABLE'))"
    _, rows = asked.select(f"SELECT COLUMN_NAME, TAG_NAME, TAG_VALUE, LEVEL FROM {function} WHERE COLUMN_NAME = 'A'")
    assert rows == [["A", "PII", "table", "TABLE"], ["A", "LEVEL", "low", "SCHEMA"]]


@pytest.mark.parametrize(
    ("code", "query"),
    [
        ("000904", "SELECT OWNER FROM D.INFORMATION_SCHEMA.TABLES"),
        ("000904", "SELECT TABLE_NAME FROM D.INFORMATION_SCHEMA.TABLES WHERE KIND = 'VIEW'"),
        ("002003", "SELECT TABLE_NAME FROM NOWHERE.INFORMATION_SCHEMA.TABLES"),
        ("002003", "SELECT TABLE_NAME FROM D.INFORMATION_SCHEMA.ALL_TABLES"),
        ("002003", "SELECT TAG_NAME FROM SNOWFLAKE.ACCOUNT_USAGE.TAG_REFERENCES"),
        ("002141", "SELECT TAG_NAME FROM TABLE(D.INFORMATION_SCHEMA.TAGS('D.S.T', 'TABLE'))"),
        ("001008", "SELECT TAG_NAME FROM TABLE(D.INFORMATION_SCHEMA.TAG_REFERENCES('D.S.V', 'VIEW'))"),
        ("002003", "SELECT TAG_NAME FROM TABLE(D.INFORMATION_SCHEMA.TAG_REFERENCES('D.S.x', 'TABLE'))"),
        ("001003", "SELECT * FROM D.INFORMATION_SCHEMA.TABLES"),
        ("002140", "SELECT CURRENT_EDITION()"),
    ],
)
def test_questions_that_snowflake_would_not_answer(account: Account, code: str, query: str) -> None:
    with pytest.raises(Refused) as refused:
        Asked(account, "WRITER", {"CURRENT_WAREHOUSE": "W"}, []).select(query)
    assert refused.value.code == code
    with pytest.raises(Refused) as refused:
        Asked(account, "WRITER", {"CURRENT_WAREHOUSE": None}, []).select("SELECT ROLE_NAME FROM D.INFORMATION_SCHEMA.X")
    assert refused.value.code == "000606"


# Mutations: what a connector would send that has one thing wrong.


def _pushed(account: Account) -> None:
    """What the connector sends for every kind arrives as it was meant. Raises Refused, AssertionError or ValueError."""
    texts = {"A": "it's \\' \"all\"\n", "b": "second; \\"}
    for name in _KINDS:
        path, kind = ("D", "S", name), "view" if name == "SV" else _KINDS[name]
        bare = kind in ("event table", "materialized view")
        wishes = [made(path, kind, DESCRIPTION, texts["A"])]
        wishes += [made((*path, column), kind, DESCRIPTION, text) for column, text in texts.items() if name != "EVT"]
        wishes += [made(path, kind, TAGS, "it's \\", "PII"), made(path, kind, TAGS, "low", "LEVEL")]
        wishes += [made((*path, column), kind, TAGS, "v", "PII") for column in texts if not bare]
        wishes += [made(path, kind, OWNER, "SYSADMIN")]
        _send(account, *wishes)
        found = account.objects[path]
        described: dict[str | None, str] = {None: texts["A"]}
        described.update({} if name == "EVT" else texts)
        assert found.comments == described
        assert found.tags[None] == {("G", "T", "PII"): "it's \\", ("G", "T", "LEVEL"): "low"}
        assert bare or found.tags["b"] == {("G", "T", "PII"): "v"}
        cleared = [replace(wish, value=None) for wish in wishes if wish.aspect is not OWNER]
        _send(account, *cleared)
        assert not any(found.comments.values())
        assert not any(found.tags.values())
    assert any(grant.privilege == "SELECT" for grant in account.grants)
    wide = [made(("D", "S", "T", column), "table", TAGS, "v", f"K{number}") for column in "Abc" for number in range(40)]
    for number in range(40):
        account.execute("ACCOUNTADMIN", parse(f"CREATE TAG IF NOT EXISTS G.T.K{number}"))
    _send(account, *wide)


def _send(account: Account, *changes: Any) -> None:
    for statement in connector(tags={"home": "g.t"}).resolve(changes):
        for part in sql.parts(statement.text):
            account.execute("WRITER", parse(part))


def test_what_the_connector_sends_arrives(account: Account) -> None:
    _pushed(account)


def _kind(kind: str, **changes: Any) -> Callable[[pytest.MonkeyPatch], None]:
    """The connector with another keyword for a kind."""
    return lambda patch: patch.setitem(sql.KINDS, kind, replace(sql.KINDS[kind], **changes))


def _text(old: str, new: str) -> Callable[[pytest.MonkeyPatch], None]:
    """The connector that writes something else in its statements."""
    parts = sql.parts
    return lambda patch: patch.setattr(sql, "parts", lambda text: [part.replace(old, new) for part in parts(text)])


def _written(name: str, function: Any) -> Callable[[pytest.MonkeyPatch], None]:
    """The connector with another function of its own."""
    return lambda patch: patch.setattr(sql, name, function)


def _dotted(names: Path) -> str:
    return ".".join(names)


def _one_by_one(columns: dict[str, list[str]], action: str) -> Iterator[str]:
    """Without the keyword between two columns."""
    return iter([", ".join(f'"{column}" {action} TAG {", ".join(tags)}' for column, tags in columns.items())])


@pytest.mark.parametrize(
    "mutate",
    [
        _written("literal", lambda text: "'" + text.replace("'", "''") + "'"),
        _written("literal", lambda text: "'" + text.replace("\\", "\\\\").replace("'", "\\\\'") + "'"),
        _written("literal", lambda text: '"' + text + '"'),
        _written("literal", lambda text: f"$${text.strip()}$$"),
        _written("quoted", lambda name: name),
        _written("dotted", lambda names: _dotted(names[-1:])),
        _written("parts", lambda text: [text]),
        _written("parts", lambda text: text.split(";")),
        _written("_MOST_TAGS", 1000),
        _written("_column_tags", lambda columns, action: next(_one_by_one(columns, action))),
        _kind("iceberg table", alter="TABLE"),
        _kind("iceberg table", columns=None),
        _kind("external table", alter="EXTERNAL TABLE"),
        _kind("dynamic table", columns="TABLE"),
        _kind("dynamic table", owned="TABLE"),
        _kind("event table", owned="TABLE"),
        _kind("materialized view", owned="MATERIALIZED VIEW"),
        _kind("materialized view", tagged="MATERIALIZED VIEW"),
        _kind("view", alter="TABLE"),
        _kind("view", clears=True),
        _text(" COPY CURRENT GRANTS", ""),
        _text(" COPY CURRENT GRANTS", " REVOKE CURRENT GRANTS"),
        _text(" IS ''", " IS NULL"),
        _text("UNSET COMMENT", "SET COMMENT = NULL"),
        _text(" SET TAG ", " SET TAGS "),
        _text("UNSET TAG", "SET TAG"),
        _text('"G"."T".', ""),
    ],
)
def test_a_connector_that_goes_wrong_is_caught(
    account: Account, monkeypatch: pytest.MonkeyPatch, mutate: Callable[[pytest.MonkeyPatch], None]
) -> None:
    mutate(monkeypatch)
    with pytest.raises((Refused, AssertionError, ValueError)):
        _pushed(account)


# The driver's protocol.


def test_the_driver_logs_in_asks_renews_its_token_and_is_told_errors(snowflake_standin: SnowflakeStandIn) -> None:
    from snowflake.connector import connect
    from snowflake.connector.errors import ProgrammingError

    front = snowflake_standin
    front.account.create("database", ("D",))
    front.account.create("schema", ("D", "S"))
    front.account.create("table", ("D", "S", "T"), ("A",))
    name, password = front.user("SYSADMIN")
    address: dict[str, Any] = {"host": "127.0.0.1", "port": front.port, "protocol": "http"}
    with connect(account="acme-shop", user=name, password=password, warehouse="W", **address) as connection:
        cursor = connection.cursor()
        cursor.execute("ALTER TABLE D.S.T SET COMMENT = '🎉'")
        assert cursor.fetchall() == [("Statement executed successfully.",)]
        front.expire()
        front.lose_next("after", "UNSET")
        cursor.execute("ALTER TABLE D.S.T ALTER COLUMN A UNSET COMMENT")
        cursor.execute("SELECT TABLE_NAME, COMMENT, LAST_DDL_BY FROM D.INFORMATION_SCHEMA.TABLES")
        assert cursor.fetchall() == [("T", "🎉", None)]
        with pytest.raises(ProgrammingError) as refused:
            cursor.execute("ALTER TABLE D.S.NOWHERE SET COMMENT = 'x'")
        assert (refused.value.errno, refused.value.sqlstate) == (2003, "02000")
    assert front.count("/session/token-request") == 1
    assert front.count("UNSET") == 3
    assert front.statements == 4

"""The exact SQL, for MariaDB and for MySQL, without an engine."""

from typing import Any

import pymysql
import pytest

from reverse_metadata.connectors.base import Missing, Need
from reverse_metadata.connectors.mysql import MysqlConnector, MysqlOptions, reading, sql
from reverse_metadata.connectors.mysql.definitions import columns
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import Aspect, Change, Partition, Path, SourceObject, SourceState, Statement, Verdict
from reverse_metadata_tests.connectors.mysql.fake import recorded
from reverse_metadata_tests.contract.peer import SERVICE, change

PARTITION = Partition(SERVICE, "default", "sales")
TABLE = ("default", "sales", "orders")
DEFINED = columns(
    "CREATE TABLE `orders` (`id` int NOT NULL, `it's` json DEFAULT NULL CHECK (json_valid(`it's`)), `odd` int /* x */)"
)
CREATED = "CREATE TABLE `orders` (\n  `id` int NOT NULL,\n  `total` int GENERATED ALWAYS AS (1) STORED\n) ENGINE=InnoDB"


def texts(*changes: Change, rebuilding: tuple[str, ...] = ()) -> list[str]:
    statements, unable = sql.of_table(changes, TABLE, DEFINED, rebuilding)
    assert unable == []
    return [each.text for each in statements]


def test_a_table_and_its_columns_go_in_one_statement() -> None:
    assert texts(
        change((*TABLE, "id"), "it's", {}), change(TABLE, "all\nof it", {}), change((*TABLE, "it's"), None, {})
    ) == [
        "ALTER TABLE `sales`.`orders`\n"
        "  MODIFY COLUMN `id` int NOT NULL COMMENT 'it''s',\n"
        "  COMMENT = 'all\nof it',\n"
        "  MODIFY COLUMN `it's` json DEFAULT NULL COMMENT '' CHECK (json_valid(`it's`)),\n"
        "  ALGORITHM=INSTANT"
    ]


def test_columns_that_rebuild_the_table_go_in_one_of_their_own_without_a_guard() -> None:
    state: SourceState = {(*TABLE, "it's"): SourceObject((*TABLE, "it's"), reading.JSON_COLUMN)}
    wishes = [change((*TABLE, "it's"), "x", state), change((*TABLE, "id"), "y", state)]
    assert texts(*wishes, rebuilding=(reading.JSON_COLUMN,)) == [
        "ALTER TABLE `sales`.`orders`\n  MODIFY COLUMN `id` int NOT NULL COMMENT 'y',\n  ALGORITHM=INSTANT",
        "ALTER TABLE `sales`.`orders`\n  MODIFY COLUMN `it's` json DEFAULT NULL COMMENT 'x' CHECK (json_valid(`it's`))",
    ]


def test_a_column_without_a_definition_stands_alone() -> None:
    gone, odd = change((*TABLE, "gone"), "x", {}), change((*TABLE, "odd"), "y", {})
    statements, unable = sql.of_table([gone, change(TABLE, "z", {}), odd], TABLE, DEFINED, ())
    assert [each.text for each in statements] == ["ALTER TABLE `sales`.`orders`\n  COMMENT = 'z',\n  ALGORITHM=INSTANT"]
    assert unable == [gone, odd]
    assert sql.undefined([gone], TABLE).text == (
        "ALTER TABLE `sales`.`orders`\n  MODIFY COLUMN `gone`,\n  ALGORITHM=INSTANT"
    )


@pytest.mark.parametrize(("text", "written"), [("it's", "'it''s'"), (None, "''")])
def test_mariadb_describes_a_database(text: str | None, written: str) -> None:
    statement = sql.of_schema(change(TABLE[:2], text, {}), ("default", "sa`les"))
    assert statement.text == f"ALTER DATABASE `sa``les`\n  COMMENT = {written}"


@pytest.mark.parametrize(
    ("name", "nameable"),
    [
        ("a" * 64, True),
        ("a" * 65, False),
        ("", False),
        ("a\0", False),
        ("🎉", False),
        ("\ud800", False),
        ("日本", True),
    ],
)
def test_a_name_has_1_to_64_characters(name: str, nameable: bool) -> None:
    assert sql.nameable(name) is nameable


# MySQL


def test_a_session_of_mysql_is_bound_by_what_mysql_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    connector, session = recorded(monkeypatch, {}, lock_timeout=7)
    assert connector.version() == "MySQL 8.4.3 (MySQL Community Server - GPL)"
    assert session.sent == [
        "SELECT VERSION(), @@version_comment, @@lower_case_table_names, @@explicit_defaults_for_timestamp",
        "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', sql_quote_show_create = 1,"
        " time_zone = '+00:00', lock_wait_timeout = 7",
    ]
    assert (session.arguments["charset"], session.arguments["autocommit"]) == ("utf8mb4", True)


def test_timestamps_without_a_default_stay_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    connector, session = recorded(monkeypatch, {"SELECT VERSION()": [(b"8.0.40", b"Percona Server", 0, 0)]})
    connector.version()
    assert session.sent[-1] == "SET SESSION explicit_defaults_for_timestamp = ON"


def test_a_session_that_cannot_be_bound_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    denied = pymysql.err.OperationalError(1227, "Access denied; you need (at least one of) the privilege(s)")
    connector, session = recorded(
        monkeypatch, {"SELECT VERSION()": [(b"8.0.40", b"", 0, 0)], "SET SESSION explicit": denied}
    )
    with pytest.raises(SourceError, match="connecting: Access denied") as raised:
        connector.version()
    assert raised.value.reason is Reason.MISSING_PRIVILEGE
    assert session.closed


@pytest.mark.parametrize(("cipher", "opened"), [(b"", False), (b"TLS_AES_256_GCM_SHA384", True)])
def test_a_session_without_tls_is_none_for_who_asks_for_it(
    monkeypatch: pytest.MonkeyPatch, cipher: bytes, opened: bool
) -> None:
    connector, session = recorded(
        monkeypatch, {"SHOW SESSION STATUS LIKE 'Ssl_cipher'": [(b"Ssl_cipher", cipher)]}, ssl_mode="required"
    )
    if opened:
        assert connector.version()
    else:
        with pytest.raises(SourceError, match="the server has no TLS, which ssl_mode asks for"):
            connector.version()
        assert session.closed


def test_names_in_lower_case_mean_what_the_catalog_wrote(monkeypatch: pytest.MonkeyPatch) -> None:
    connector, _ = schema(monkeypatch, **{"SELECT VERSION()": [(b"8.4.3", b"", 1, 1)]})
    state = connector.read(Partition(SERVICE, "default", "Sales"), ["Orders"])
    assert set(state) >= {("default", "Sales"), ("default", "Sales", "orders"), ("default", "Sales", "orders", "id")}


def test_what_a_comparison_without_case_finds_is_sifted(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ((b"sales", b"orders"), (b"sales", b"Orders"), (b"Sales", b"orders"))
    connector, _ = schema(
        monkeypatch,
        **{
            "SELECT schema_name": [(b"Sales", None), (b"sales", None)],
            "SELECT table_schema, table_name, table_type": [
                (*name, b"BASE TABLE", b"InnoDB", b"/".join(name)) for name in names
            ],
            "SELECT table_schema, table_name, column_name": [
                (*name, b"id", b"/".join(name), b"", b"", b"") for name in names
            ],
        },
    )
    state = connector.read(PARTITION, ["orders"])
    assert {path: found.description for path, found in state.items() if len(path) > 2} == {
        TABLE: "sales/orders",
        (*TABLE, "id"): "sales/orders",
    }


def test_a_table_that_cannot_be_opened_is_not_described_by_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = [(b"sales", b"orders", b"BASE TABLE", None, b"Table 'sales.orders' doesn't exist in engine")]
    connector, _ = schema(monkeypatch, **{"SELECT table_schema, table_name, table_type": broken})
    assert connector.read(PARTITION)[TABLE].description is None


def test_a_server_of_mysql_is_known_by_its_identifier(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"server_uuid": "3e11fa47", "hostname": "db1", "port": "3306", "datadir": "/var/lib/mysql/"}
    connector, _ = schema(monkeypatch, **{"SHOW VARIABLES": [(k.encode(), v.encode()) for k, v in known.items()]})
    assert connector.identity() == "3e11fa47@db1:3306/var/lib/mysql/"
    assert connector.place() == "3e11fa47@db:3306"


def schema(monkeypatch: pytest.MonkeyPatch, **options: Any) -> tuple[MysqlConnector, Any]:
    return recorded(
        monkeypatch,
        {
            "SELECT schema_name": [(b"sales", None)],
            "SELECT table_schema, table_name, table_type": [
                (b"sales", b"orders", b"BASE TABLE", b"InnoDB", b"of people")
            ],
            "SELECT table_schema, table_name, column_name": [
                (b"sales", b"orders", b"id", b"a number", b"", b"PRI", b""),
                (b"sales", b"orders", b"total", b"", b"STORED GENERATED", b"", b"1"),
                (b"sales", b"orders", b"twice", b"", b"VIRTUAL GENERATED", b"MUL", b"2"),
            ],
            "SHOW CREATE TABLE": [(b"orders", CREATED.encode())],
            "SELECT GET_LOCK": [(1,)],
            **options,
        },
    )


def test_mysql_is_read_by_three_queries_that_it_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    connector, session = schema(monkeypatch)
    state = connector.read(PARTITION, ["orders"])
    assert session.sent[2:] == [
        "SELECT schema_name, NULL FROM information_schema.schemata WHERE schema_name = %s",
        "SELECT table_schema, table_name, table_type, engine, table_comment"
        " FROM information_schema.tables WHERE table_schema = %s AND table_name IN %s",
        "SELECT table_schema, table_name, column_name, column_comment, extra, column_key, generation_expression"
        " FROM information_schema.columns WHERE table_schema = %s AND table_name IN %s",
    ]
    assert {path[1:]: (found.kind, found.description) for path, found in state.items()} == {
        ("sales",): (reading.UNCOMMENTED_SCHEMA, None),
        ("sales", "orders"): ("table", "of people"),
        ("sales", "orders", "id"): ("column", "a number"),
        ("sales", "orders", "total"): (reading.STORED_COLUMN, ""),
        # MariaDB alone would rebuild the table for it.
        ("sales", "orders", "twice"): ("column", ""),
    }


def test_mysql_has_no_comments_of_databases(monkeypatch: pytest.MonkeyPatch) -> None:
    connector, _ = schema(monkeypatch)
    state = connector.read(PARTITION)
    assert connector.refuse(change(TABLE[:2], "x", state)) == (
        Verdict.UNSUPPORTED,
        "MySQL has no place for a description of a database; MariaDB has",
    )


def push(connector: MysqlConnector, *paths: Path) -> list[Any]:
    state = connector.read(PARTITION)
    statements = connector.resolve([change(path, "x", state) for path in paths])
    return list(connector.execute(PARTITION, statements))


def test_mysql_is_written_under_a_lock_after_a_last_look(monkeypatch: pytest.MonkeyPatch) -> None:
    connector, session = schema(monkeypatch)
    assert [outcome.error for outcome in push(connector, TABLE, (*TABLE, "id"))] == [None]
    assert session.sent[5:] == [
        "SHOW CREATE TABLE `sales`.`orders`",
        "SET SESSION wait_timeout = 60",
        "SELECT GET_LOCK(%s, %s)",
        "LOCK TABLES `sales`.`orders` WRITE",
        "SHOW CREATE TABLE `sales`.`orders`",
        "ALTER TABLE `sales`.`orders`\n"
        "  COMMENT = 'x',\n"
        "  MODIFY COLUMN `id` int NOT NULL COMMENT 'x',\n"
        "  ALGORITHM=INSTANT",
        "UNLOCK TABLES",
        "SELECT RELEASE_LOCK(%s)",
        "SET SESSION wait_timeout = DEFAULT",
    ]


def test_mysql_may_refuse_what_it_cannot_do_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = pymysql.err.OperationalError(1845, "ALGORITHM=INSTANT is not supported for this operation.")
    connector, _ = schema(monkeypatch, **{"ALTER TABLE": refused})
    (outcome,) = push(connector, TABLE)
    assert outcome.error.reason is Reason.OTHER
    assert str(outcome.error) == (
        "ALTER TABLE `sales`.`orders`: ALGORITHM=INSTANT is not supported for this operation. (1845). The engine would "
        "have to build the whole table anew; set `rebuild_tables: true` in the block of the service where that is "
        "meant."
    )


def test_mysql_needs_more_than_alter(monkeypatch: pytest.MonkeyPatch) -> None:
    connector, _ = recorded(
        monkeypatch,
        {
            "SHOW GRANTS": [(b"GRANT SELECT, INSERT ON `sales`.* TO `writer`@`%`",)],
            "SELECT CURRENT_USER()": [(b"writer@%", b"sales", b"orders")],
        },
    )
    assert connector.missing(PARTITION, [Need(Aspect.DESCRIPTION, TABLE, "table")]) == [
        Missing(
            "'writer'@'%' lacks ALTER, CREATE on table sales.orders.",
            ("GRANT ALTER, CREATE ON `sales`.`orders` TO 'writer'@'%';",),
        )
    ]
    assert connector.missing(PARTITION, [Need(Aspect.DESCRIPTION, TABLE[:2], reading.UNCOMMENTED_SCHEMA)]) == []


def test_a_template_is_sent_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    connector, session = schema(monkeypatch)
    wish = change((*TABLE, "id"), "x", {})
    statement = Statement("one; two", (wish,), ("one", "two"))
    assert [outcome.error for outcome in connector.execute(PARTITION, [statement])] == [None]
    assert [sent for sent in session.sent if sent in ("one", "two", "one; two")] == ["one", "two"]


@pytest.mark.parametrize("engine", ["SPIDER", "ROCKSDB", "ndbcluster", "InnoDB"])
def test_comments_that_are_settings_are_neither_read_nor_written(engine: str) -> None:
    def ask(query: str, _parameters: Any) -> list[tuple[Any, ...]]:
        if "information_schema.tables" in query:
            return [("sales", "orders", "BASE TABLE", engine, 'srv "s1", password "x"')]
        if "information_schema.columns" in query:
            return [("sales", "orders", "id", "NDB_COLUMN=MAX_BLOB_PART_SIZE", "", "", "")]
        return [("sales", "")] if "information_schema.schemata" in query else []

    server = reading.Server("10.11.6-MariaDB", "", folds=False)
    partition = Partition(SERVICE, "default", "sales")
    state = reading.schema_state(ask, server, partition, partition.path, None)
    found = [state[*partition.path, *names] for names in (("orders",), ("orders", "id"))]
    verdicts = [
        MysqlConnector(MysqlOptions(host="h", username="u")).refuse(change(each.path, "x", state)) for each in found
    ]
    if engine == "InnoDB":
        assert all(each.description for each in found)
        assert verdicts == [None, None]
    else:
        assert [each.description for each in found] == [None, None]
        assert [verdict and verdict[0] for verdict in verdicts] == [Verdict.UNSUPPORTED, Verdict.UNSUPPORTED]


def test_an_old_mariadb_is_told_what_it_takes() -> None:
    error = pymysql.err.OperationalError(1238, "Variable 'explicit_defaults_for_timestamp' is a read only variable")
    refusal = MysqlConnector(MysqlOptions(host="h", username="u")).refusal(error)
    assert refusal is not None
    advice = (
        "MariaDB can be written to from 10.5.17 and 10.6.9 on, or when started with explicit_defaults_for_timestamp"
    )
    assert refusal.message.endswith(f"(1238). {advice}")

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import clickhouse_connect
import pytest
import requests
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError
from clickhouse_connect.driver.summary import QuerySummary

from reverse_metadata_tests.engines.asked import Refused
from reverse_metadata_tests.engines.clickhouse_http import ClickHouseFront
from reverse_metadata_tests.engines.front import When

COMMENT = "SELECT comment FROM system.columns WHERE database = 'fronted' AND table = 'orders' AND name = 'id'"


@pytest.fixture
def connect(clickhouse_http: ClickHouseFront) -> Iterator[Callable[[], Client]]:
    clickhouse_http.run("CREATE DATABASE fronted")
    clickhouse_http.run("CREATE TABLE fronted.orders (id Int32) ENGINE = MergeTree ORDER BY id")
    clients = []

    def client() -> Client:
        opened = clickhouse_connect.get_client(
            host="127.0.0.1",
            port=clickhouse_http.port,
            username=clickhouse_http.user,
            password=clickhouse_http.password,
            autogenerate_session_id=False,
        )
        clients.append(opened)
        return opened

    yield client
    for opened in clients:
        opened.close()
    clickhouse_http.run("DROP DATABASE fronted SYNC")


def test_the_driver_reads_writes_and_binds(clickhouse_http: ClickHouseFront, connect: Callable[[], Client]) -> None:
    client = connect()
    client.command("ALTER TABLE fronted.orders COMMENT COLUMN id 'the \\'id\\'', MODIFY COMMENT 'Orders'")
    assert clickhouse_http.run(COMMENT) == [["the 'id'"]]
    found = client.query("SELECT name, comment FROM system.tables WHERE database = {d:String}", {"d": "fronted"})
    assert found.result_rows == [("orders", "Orders")]
    assert client.query("SELECT 1 WHERE 0").result_rows == []
    assert client.command("SELECT 1 FORMAT JSONCompactEachRow") == "[1]"


def test_the_query_id_is_the_client_s(connect: Callable[[], Client]) -> None:
    assert connect().query("SELECT 1", settings={"query_id": "mine"}).query_id == "mine"
    summary = connect().command("CREATE DATABASE IF NOT EXISTS fronted")
    assert isinstance(summary, QuerySummary)
    assert summary.query_id() != ""


def test_the_settings_of_a_statement_end_with_it(
    clickhouse_http: ClickHouseFront, connect: Callable[[], Client]
) -> None:
    client = connect()
    assert client.command("SELECT getSetting('alter_sync')", settings={"alter_sync": 2}) == 2
    assert client.command("SELECT getSetting('alter_sync')") == 1
    with pytest.raises(DatabaseError, match=r"Code: 48\. .*readonly"):
        client.command("SELECT 1", settings={"readonly": 1})


def test_the_database_of_a_request_ends_with_it(connect: Callable[[], Client]) -> None:
    client = connect()
    client.database = "fronted"
    assert client.command("SELECT count() FROM orders") == 0
    client.database = None
    assert client.command("SELECT currentDatabase()") == "default"


@pytest.mark.parametrize(
    ("statement", "code", "name", "status"),
    [
        ("SELECT * FROM fronted.gone", 60, "UNKNOWN_TABLE", 404),
        ("SELECT * FROM gone.orders", 81, "UNKNOWN_DATABASE", 404),
        ("ALTER TABLE fronted.orders COMMENT COLUMN id NULL", 62, "SYNTAX_ERROR", 400),
        ("ALTER TABLE fronted.orders COMMENT COLUMN nope 'x'", 10, "NOT_FOUND_COLUMN_IN_BLOCK", 500),
        ("SELECT 1; DROP TABLE fronted.orders", 62, "SYNTAX_ERROR", 400),
    ],
)
def test_an_error_has_the_server_s_code_and_status(
    connect: Callable[[], Client],
    clickhouse_http: ClickHouseFront,
    statement: str,
    code: int,
    name: str,
    status: int,
) -> None:
    with pytest.raises(DatabaseError, match=rf"Code: {code}\. DB::Exception: .*\({name}\) \(version ") as caught:
        connect().command(statement)
    assert caught.value.code == code
    login = (clickhouse_http.user, clickhouse_http.password)
    answer = requests.post(clickhouse_http.url, statement, auth=login, timeout=60)
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (status, str(code))
    assert clickhouse_http.run("SELECT count() FROM fronted.orders") == [[0]]


def test_a_semicolon_in_a_text_or_at_the_end_is_no_second_statement(
    clickhouse_http: ClickHouseFront, connect: Callable[[], Client]
) -> None:
    connect().command("ALTER TABLE fronted.orders\nCOMMENT COLUMN id 'a;\tb\\\\c';\n")
    assert clickhouse_http.run(COMMENT) == [["a;\tb\\c"]]


def test_another_password_is_refused(clickhouse_http: ClickHouseFront) -> None:
    with pytest.raises(DatabaseError, match=r"Code: 516\. .*Authentication failed"):
        clickhouse_connect.get_client(host="127.0.0.1", port=clickhouse_http.port, password="another")


def test_a_missing_privilege_is_refused_by_the_engine(
    clickhouse_http: ClickHouseFront, connect: Callable[[], Client]
) -> None:
    client = connect()
    with clickhouse_http.denied("ALTER COMMENT COLUMN ON fronted.orders"):
        with pytest.raises(DatabaseError) as caught:
            client.command("ALTER TABLE fronted.orders COMMENT COLUMN id 'x'")
        assert "Code: 497. DB::Exception: default: Not enough privileges" in str(caught.value)
        assert "necessary to have the grant ALTER COMMENT COLUMN(id) ON fronted.orders. (ACCESS_D" in str(caught.value)
        assert client.command("CHECK GRANT ALTER COMMENT COLUMN ON fronted.orders") == 0
        assert client.command("CHECK GRANT ALTER MODIFY COMMENT ON fronted.orders") == 1
        assert ("REVOKE ALTER COMMENT COLUMN ON fronted.orders FROM default",) in client.query("SHOW GRANTS").result_set
    client.command("ALTER TABLE fronted.orders COMMENT COLUMN id 'x'")


def test_the_login_has_the_privileges_it_was_granted_and_no_others(
    clickhouse_http: ClickHouseFront, connect: Callable[[], Client]
) -> None:
    client = connect()
    with clickhouse_http.granted("GRANT ALTER MODIFY COMMENT ON fronted.*"):
        client.command("ALTER TABLE fronted.orders MODIFY COMMENT 'x'")
        assert client.query("SHOW GRANTS").result_rows == [("GRANT ALTER MODIFY COMMENT ON fronted.* TO default",)]
        with pytest.raises(Refused, match="SELECT"):
            clickhouse_http.run("SELECT * FROM fronted.orders")
    assert clickhouse_http.run("SELECT comment FROM system.tables WHERE database = 'fronted'") == [["x"]]


@pytest.mark.parametrize(("when", "comment"), [("before", ""), ("after", "x")])
def test_a_connection_is_lost_before_or_after_the_statement_ran(
    clickhouse_http: ClickHouseFront, connect: Callable[[], Client], when: When, comment: str
) -> None:
    client = connect()
    clickhouse_http.lose_next(when, "ALTER TABLE fronted.orders")
    assert client.command("SELECT 1") == 1
    with pytest.raises(OperationalError, match="Connection aborted"):
        client.command("ALTER TABLE fronted.orders COMMENT COLUMN id 'x'")
    assert clickhouse_http.run(COMMENT) == [[comment]]
    assert clickhouse_http.count("ALTER") == 1
    client.command("ALTER TABLE fronted.orders COMMENT COLUMN id 'y'")
    assert clickhouse_http.run(COMMENT) == [["y"]]


def test_an_error_that_the_engine_has_no_cause_for_is_played(
    clickhouse_http: ClickHouseFront, connect: Callable[[], Client]
) -> None:
    client = connect()
    refusal = clickhouse_http.refusal(517, "CANNOT_ASSIGN_ALTER", "Metadata on replica is not up to date")
    clickhouse_http.answer_next(refusal, "ALTER", times=2)
    for _ in range(2):
        with pytest.raises(DatabaseError, match=r"Code: 517\. .*\(CANNOT_ASSIGN_ALTER\)"):
            client.command("ALTER TABLE fronted.orders COMMENT COLUMN id 'x'")
    client.command("ALTER TABLE fronted.orders COMMENT COLUMN id 'x'")
    assert clickhouse_http.run(COMMENT) == [["x"]]


def test_several_clients_are_served_at_once(clickhouse_http: ClickHouseFront, connect: Callable[[], Client]) -> None:
    clients = [connect() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda each: [each[1].command(f"SELECT {each[0]}") for _ in range(20)], enumerate(clients))
        assert list(found) == [[number] * 20 for number in range(4)]

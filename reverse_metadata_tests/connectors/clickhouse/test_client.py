"""What a server that is not there would answer: old ones, Cloud, profiles that are read-only, statements under way."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from reverse_metadata.connectors.base import Missing, Need
from reverse_metadata.connectors.clickhouse import ClickHouseConnector, ClickHouseOptions
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import Aspect, Partition, SourceObject, Verdict
from reverse_metadata_tests.contract.peer import SERVICE, change

SALES = Partition(SERVICE, "default", "sales")
ORDERS = ("default", "sales", "orders")


Answers = dict[str, list[list[tuple[Any, ...]]]]


class Setting(NamedTuple):
    name: str
    value: str
    readonly: int = 0


class Client:
    """Answers each query by a word in it, the last time over and over, and notes the settings."""

    def __init__(self, answers: Answers, version: str = "26.9.2.1", **settings: str) -> None:
        names = ("max_execution_time", "max_query_size", "lock_acquire_timeout", "alter_sync")
        known = {name: Setting(name, "1") for name in names} | {k: Setting(k, v) for k, v in settings.items()}
        self.server_version, self.server_settings = version, known
        self.answers, self.asked, self.sent, self.closed = answers, list[str](), list[dict[str, Any]](), 0

    def query(self, sql: str, settings: dict[str, Any]) -> SimpleNamespace:
        self.asked.append(sql)
        self.sent.append(settings)
        answers: list[list[tuple[Any, ...]]] = next((rows for word, rows in self.answers.items() if word in sql), [[]])
        return SimpleNamespace(result_rows=answers.pop(0) if len(answers) > 1 else answers[0])

    def command(self, sql: str, settings: dict[str, Any]) -> None:
        self.asked.append(sql)
        self.sent.append(settings)

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> Callable[..., ClickHouseConnector]:
    def connect(client: Client, **options: Any) -> ClickHouseConnector:
        told = SimpleNamespace(get_client=lambda **_: client)
        monkeypatch.setattr("reverse_metadata.connectors.clickhouse.connector.driver", lambda *_: told)
        return ClickHouseConnector(ClickHouseOptions(host="db", **options))

    return connect


Connected = Callable[..., ClickHouseConnector]


# Versions


@pytest.mark.parametrize("version", ["23.8.16.40", "22.3.3.44", "9.1"])
def test_a_server_that_drops_comments_is_refused(connected: Connected, version: str) -> None:
    client = Client({}, version)
    with pytest.raises(
        SourceError, match=rf"ClickHouse {version} takes comments of tables and drops them: 23\.9"
    ) as raised:
        connected(client).read(SALES)
    assert raised.value.reason is Reason.OTHER
    assert client.closed == 1


@pytest.mark.parametrize("version", ["23.9.1.1854", "24.8.14.10459.altinitystable", "26.10.1.1"])
def test_any_other_is_read(connected: Connected, version: str) -> None:
    assert connected(Client({}, version)).read(SALES) == {}


@pytest.mark.parametrize(("cloud", "name"), [("0", "ClickHouse 25.8.1.1"), ("1", "ClickHouse Cloud 25.8.1.1")])
def test_cloud_is_told(connected: Connected, cloud: str, name: str) -> None:
    client = Client({"version()": [[("25.8.1.1",)]]}, cloud_mode=cloud)
    assert connected(client).version() == name


@pytest.mark.parametrize(("privileges", "refused"), [(1, None), (0, Verdict.UNSUPPORTED)])
def test_the_comment_of_a_database_is_refused_where_the_server_has_no_statement_for_it(
    connected: Connected, privileges: int, refused: Verdict | None
) -> None:
    client = Client({"system.databases": [[("00000000-0000-0000-0000-000000000000", "", privileges)]]})
    connector = connected(client)
    state = connector.read(SALES)
    verdict = connector.refuse(change(SALES.path, "x", state))
    assert (verdict and verdict[0]) == refused
    assert state[SALES.path].object_id == ""


def test_what_has_no_uuid_has_no_id(connected: Connected) -> None:
    none = "00000000-0000-0000-0000-000000000000"
    client = Client(
        {
            "system.databases": [[(none, "", 1)]],
            "system.tables": [
                [
                    ("orders", none, "MergeTree", ""),
                    (".inner.totals", none, "Log", ""),
                    ("totals", none, "MaterializedView", ""),
                ]
            ],
            "system.columns": [[("orders", "id", "x"), ("totals", "id", ""), ("new", "id", "")]],
        }
    )
    state = connected(client).read(SALES)
    assert list(state.values())[1:] == [
        SourceObject(ORDERS, "table", "", ""),
        SourceObject((*SALES.path, "totals"), "materialized view", "", ""),
        SourceObject((*ORDERS, "id"), "column", "", "x"),
        SourceObject((*SALES.path, "totals", "id"), "column of materialized view", "", ""),
    ]


# Settings and privileges


def test_settings_that_a_profile_fixes_are_not_sent(connected: Connected) -> None:
    client = Client({})
    client.server_settings["alter_sync"] = Setting("alter_sync", "1", 1)
    connector = connected(client)
    list(connector.execute(SALES, connector.resolve([change(ORDERS, "x", {})])))
    (sent,) = client.sent
    assert sent.pop("query_id").startswith("reverse_metadata-")
    assert sent == {"wait_end_of_query": 1, "lock_acquire_timeout": 10}


@pytest.mark.parametrize("value", ["1", "2"])
def test_a_profile_that_is_read_only_is_told_and_no_grant_helps(connected: Connected, value: str) -> None:
    answers: Answers = {
        "enabled_roles": [[("writer", [])]],
        "SHOW GRANTS": [[("GRANT ALL ON *.* TO writer",)]],
        "UNION ALL": [[("",), ("orders",)]],
        "system.processes": [[(0,)]],
    }
    connector = connected(Client(answers, readonly=value))
    assert connector.missing(SALES, [Need(Aspect.DESCRIPTION, ORDERS, "table")]) == [
        Missing(
            f"writer can change nothing, for its settings say readonly = {value}: give it a settings profile with "
            "readonly = 0."
        )
    ]


def test_the_roles_that_are_enabled_count(connected: Connected) -> None:
    answers: Answers = {
        "enabled_roles": [[("writer", ["curators", "odd role"])]],
        "SHOW GRANTS": [[("GRANT curators TO writer",), ("GRANT ALTER ON sales.* TO curators",)]],
        "UNION ALL": [[("",), ("orders",)]],
        "system.processes": [[(0,)]],
    }
    client = Client(answers, readonly="0")
    assert connected(client).missing(SALES, [Need(Aspect.DESCRIPTION, ORDERS, "table")]) == []
    assert "SHOW GRANTS FOR writer, curators, `odd role`" in client.asked
    assert len(client.asked) == 4


# What is under way


def test_what_a_dead_run_left_is_waited_for(connected: Connected, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = list[int]()
    monkeypatch.setattr("reverse_metadata.connectors.batches.pause", waits.append)
    client = Client({"system.processes": [[(2,)], [(1,)], [(0,)]]})
    connector = connected(client)
    list(connector.execute(SALES, connector.resolve([change(ORDERS, "x", {})])))
    began = client.sent[0]["query_id"]
    connected(client).settle(SALES)
    assert waits == [1, 2]
    asked = client.asked[-1]
    prefix = asked.split("initial_query_id, '")[1].split("'")[0]
    assert began.startswith(prefix)
    assert prefix.startswith("reverse_metadata-")


def test_another_partition_is_not_waited_for(connected: Connected) -> None:
    client = Client({"system.processes": [[(0,)]]})
    connector = connected(client)
    connector.settle(SALES)
    connector.settle(Partition(SERVICE, "default", "stock"))
    connector.settle(Partition(SERVICE, "default", None))
    assert len(set(client.asked)) == len(client.asked) == 2


def test_waiting_ends_with_the_time_that_a_statement_has(connected: Connected, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("reverse_metadata.connectors.batches.pause", lambda _: now.__setitem__(0, now[0] + 100))
    monkeypatch.setattr("reverse_metadata.connectors.clickhouse.connector.time.monotonic", lambda: now[0])
    client = Client({"system.processes": [[(1,)]]})
    with pytest.raises(SourceError, match=r"waiting for another writer of source\.default\.sales") as raised:
        connected(client, cluster_timeout=250).settle(SALES)
    assert raised.value.reason is Reason.LOCK_TIMEOUT
    assert len(client.asked) == 4

"""What a live account is told in the course of a scenario, and in which order, without an account."""

import re
from contextlib import ExitStack
from typing import Any

import pytest

from reverse_metadata.connectors import registry
from reverse_metadata.connectors.base import Connector
from reverse_metadata.connectors.oracle import OracleOptions
from reverse_metadata.connectors.postgres import PostgresConnector, PostgresOptions
from reverse_metadata.model import Aspect, EntityType, Partition
from reverse_metadata_tests.contract.live import peer as live
from reverse_metadata_tests.contract.live.counting import Requests
from reverse_metadata_tests.contract.live.peer import LivePeer, peer_type
from reverse_metadata_tests.contract.live.settings import Settings
from reverse_metadata_tests.contract.peer import NotHere

_OPTIONS = PostgresOptions(host="db.example.com", database="Shop")


class Told(list[str]):
    """What connectors were told instead of a driver; whoever asks hears ADMIN, and with `fails` nothing like it can be
    run."""

    fails = "nothing fails"

    def __call__(self, connector: Connector, database: str, statement: str) -> list[tuple[Any, ...]]:
        assert database in ("Shop", "default")
        self.append(re.sub(r"rm_live_[0-9a-f]{8}", "rm_live_1", re.sub(r"RM_LIVE_[0-9A-F]{8}", "RM_LIVE_1", statement)))
        if self.fails in statement:
            raise RuntimeError("the server is gone")
        return [('"ADMIN"',)] if statement.startswith("SELECT '") else []


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """What everybody was told; PostgreSQL's connector stands for those that may not be there."""
    told = Told()
    monkeypatch.setattr(live, "_asked", told)
    served = dict.fromkeys(("snowflake", "databricks"), registry.CONNECTORS["postgres"])
    monkeypatch.setattr(registry, "CONNECTORS", {**registry.CONNECTORS, **served})
    return told


def opened(system: str, end: ExitStack, *, second: bool = False) -> LivePeer:
    """The peer of a service."""
    return peer_type(system)(Settings(system, _OPTIONS, {}, "Shop", _OPTIONS if second else None), end)


def test_an_oracle_scenario_creates_two_users_and_drops_them(told: Told) -> None:
    options = OracleOptions(host="db.example.com", service_name="shop", username="admin", password="${GENERATED}")
    with ExitStack() as end:
        peer = peer_type("oracle")(Settings("oracle", options, {}, "default", None), end)
        orders = peer.table("orders")
        peer.table("stocked", ("Id",), peer.elsewhere)
        peer.drop(orders)
        second = peer.lacking().options.model_dump()
    password = second["password"]
    assert second["username"] == peer.elsewhere.path[1].upper()
    assert told == [
        f'CREATE USER "RM_LIVE_1_SALES" IDENTIFIED BY "{password}"',
        'GRANT CREATE SESSION, CREATE TABLE, UNLIMITED TABLESPACE TO "RM_LIVE_1_SALES"',
        f'CREATE USER "RM_LIVE_1_STOCK" IDENTIFIED BY "{password}"',
        'GRANT CREATE SESSION, CREATE TABLE, UNLIMITED TABLESPACE TO "RM_LIVE_1_STOCK"',
        'CREATE TABLE "RM_LIVE_1_SALES"."ORDERS" ("ID" NUMBER)',
        'GRANT SELECT ON "RM_LIVE_1_SALES"."ORDERS" TO "RM_LIVE_1_STOCK"',
        'CREATE TABLE "RM_LIVE_1_STOCK"."STOCKED" ("Id" NUMBER)',
        'DROP TABLE "RM_LIVE_1_SALES"."ORDERS"',
        'DROP USER "RM_LIVE_1_STOCK" CASCADE',
        'DROP USER "RM_LIVE_1_SALES" CASCADE',
    ]


def test_the_roles_of_a_snowflake_scenario_come_first_and_go_last(told: Told) -> None:
    with ExitStack() as end:
        opened("snowflake", end, second=True)
        begun = list(told)
    assert [statement for statement in begun if statement.startswith("CREATE")] == [
        'CREATE ROLE "rm_live_1_team"',
        'CREATE ROLE "rm_live_1_other"',
        'CREATE SCHEMA "Shop"."rm_live_1_sales"',
        'CREATE SCHEMA "Shop"."rm_live_1_stock"',
    ]
    assert 'GRANT ROLE "rm_live_1_other" TO ROLE "ADMIN"' in begun
    assert [statement for statement in told[len(begun) :] if statement.startswith("DROP")] == [
        'DROP SCHEMA "Shop"."rm_live_1_stock" CASCADE',
        'DROP SCHEMA "Shop"."rm_live_1_sales" CASCADE',
        'DROP ROLE IF EXISTS "rm_live_1_team"',
        'DROP ROLE IF EXISTS "rm_live_1_other"',
    ]


def test_what_cannot_be_created_or_dropped_keeps_nothing_else_from_being_dropped(told: Told) -> None:
    with ExitStack() as end:
        peer = opened("snowflake", end)
        told.fails = "_stock"
        by_hand = f'DROP SCHEMA "Shop"."{peer.elsewhere.path[1]}" CASCADE'
        with pytest.raises(RuntimeError, match=re.escape(f"(the server is gone); drop it by hand: {by_hand}")):
            end.close()
    assert 'DROP SCHEMA "Shop"."rm_live_1_sales" CASCADE' in told
    told.clear()
    with pytest.raises(RuntimeError, match=r"^the server is gone$"), ExitStack() as end:
        opened("snowflake", end)
    drops = [statement for statement in told if statement.startswith("DROP")]
    assert drops == ['DROP SCHEMA "Shop"."rm_live_1_sales" CASCADE']


class Tagging(PostgresConnector):
    """Has an edition without tags where `reason` says so."""

    reason = ""

    def version(self) -> str:
        return "1"

    def read(self, *_: Any) -> dict[Any, Any]:
        return {}

    def declines(self, aspect: Aspect) -> str:
        return self.reason


@pytest.mark.parametrize("reason", ["", "the edition has no tags"])
def test_tags_are_created_where_there_are_any(reason: str, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tagging, "reason", reason)
    monkeypatch.setattr(LivePeer, "connector", lambda _: Tagging(_OPTIONS))
    with ExitStack() as end:
        peer = opened("snowflake", end)
        told.clear()
        if reason:
            with pytest.raises(NotHere, match=reason):
                peer.push({peer.path("orders"): "x"}, Aspect.TAGS, "key")
            assert told == []
        else:
            peer._ready_for_tags()
            keys = [key for key, _, _ in peer.tags[EntityType.TABLE]]
            assert told == [f'CREATE TAG "Shop"."rm_live_1_sales"."{key}"' for key in keys]


def test_tags_of_a_catalog_are_taken_away_with_its_description(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LivePeer, "connector", lambda _: Tagging(_OPTIONS))
    with ExitStack() as end:
        peer = opened("databricks", end)
        peer._ready_for_tags()
        monkeypatch.setattr(peer, "stored", lambda *_: "left behind")
        told.clear()
    assert told[:2] == [f"DROP SCHEMA `Shop`.`rm_live_1_{name}` CASCADE" for name in ("stock", "sales")]
    assert told[2:] == [
        "COMMENT ON CATALOG `Shop` IS NULL",
        *(f"ALTER CATALOG `Shop` UNSET TAGS ('{key}')" for key, _, _ in peer.tags[EntityType.DATABASE]),
    ]


def test_a_login_that_is_locked_out_is_nobodys() -> None:
    login = {"username": "admin", "password": "${GENERATED}"}
    options = PostgresOptions.model_validate({**_OPTIONS.model_dump(exclude_unset=True), **login})
    peer = LivePeer.__new__(peer_type("postgres"))
    peer._settings = Settings("postgres", options, {}, "Shop", None)
    peer._type, peer._requests = PostgresConnector, Requests()
    peer.partition = Partition("source", "Shop", "sales")
    connector, (secret,) = peer.locked_out()
    assert connector.options.model_dump(include={"username", "password", "host"}) == {
        "host": "db.example.com",
        "username": "rm_live_nobody",
        "password": secret,
    }
    peer._settings = Settings("postgres", _OPTIONS, {}, "Shop", None)
    with pytest.raises(NotHere, match="no secret that could be wrong"):
        peer.locked_out()


def test_of_many_rows_the_one_that_is_meant_is_looked_at(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[tuple[str, str | None]] = [("Namespace Name", "sales"), ("Comment", "of mine"), ("Owner", "ada")]
    with ExitStack() as end:
        peer = opened("databricks", end)
        monkeypatch.setattr(live, "_asked", lambda *_: rows)
        assert peer.stored(peer.path()) == "of mine"
        rows[1] = ("Comment", None)
        assert peer.stored(peer.path()) is None
        monkeypatch.setattr(live, "_asked", told)

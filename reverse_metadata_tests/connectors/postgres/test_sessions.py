"""Writers that meet other writers, and connections that are lost."""

from concurrent.futures import Future

import pytest

from reverse_metadata.connectors.batches import Unanswered
from reverse_metadata.errors import LeaseLost, Reason, SourceError
from reverse_metadata_tests.connectors.postgres.proxy import Proxy
from reverse_metadata_tests.connectors.postgres.saboteur import (
    audit,
    audited,
    described,
    errors,
    locked,
    meanwhile,
    only_error,
)
from reverse_metadata_tests.connectors.postgres.shop import Shop, spied, until


def test_two_writers_of_a_schema_take_turns(shop: Shop) -> None:
    shop.table("orders", columns=6)
    audited(shop)
    first = [shop.describe("public", "orders", f"c{number}", text="first") for number in range(6)]
    second = [shop.describe("public", "orders", f"c{number}", text="second") for number in range(6)]
    with meanwhile() as pool:
        with locked(shop, "LOCK TABLE orders IN ACCESS EXCLUSIVE MODE"):
            one = pool.submit(shop.push, first, lock_timeout=60)
            shop.waiting("COMMENT ON%")
            other = pool.submit(shop.push, second, lock_timeout=60)
            shop.waiting("%pg_advisory_xact_lock%")
        assert errors(one.result()) == errors(other.result()) == {}
    pids = [pid for (pid,) in shop.ask("SELECT pid FROM private.audit ORDER BY id")]
    assert len(set(pids[:6])) == len(set(pids[6:])) == 1
    assert pids[0] != pids[6]
    assert {found.description for path, found in shop.read().items() if len(path) == 4} == {"second"}


def test_a_writer_gives_up_when_another_one_takes_long(shop: Shop) -> None:
    shop.table("orders", columns=2)
    changes = [shop.describe("public", "orders", f"c{number}", text="x") for number in range(2)]
    with meanwhile() as pool:
        with locked(shop, "LOCK TABLE orders IN ACCESS EXCLUSIVE MODE"):
            one = pool.submit(shop.push, changes, lock_timeout=60)
            shop.waiting("COMMENT ON%")
            refused = errors(shop.push(changes, lock_timeout=0.05))
        assert errors(one.result()) == {}
    assert {str(error) for error in refused.values()} == {
        f"waiting for another writer of shop_pg.{shop.database}.public: "
        "canceling statement due to lock timeout. The next run tries again."
    }
    assert {error.reason for error in refused.values()} == {Reason.LOCK_TIMEOUT}


def test_writers_of_two_schemas_do_not_wait_for_each_other(shop: Shop) -> None:
    shop.run("CREATE SCHEMA sales")
    shop.table("orders", schema="sales")
    shop.table("orders")
    with meanwhile() as pool:
        with locked(shop, "LOCK TABLE orders IN ACCESS EXCLUSIVE MODE"):
            one = pool.submit(shop.push, [shop.describe("public", "orders", text="x")], lock_timeout=60)
            shop.waiting("COMMENT ON%")
            other = shop.push([shop.describe("sales", "orders", text="x")], "sales", lock_timeout=0.05)
            assert errors(other) == {}
        assert errors(one.result()) == {}


def settle(shop: Shop, schema: str | None = "public", **options: float) -> None:
    with shop.connector(**options) as connector:
        connector.settle(shop.partition(schema))


def test_settle_waits_for_what_a_dead_run_sent(shop: Shop) -> None:
    shop.table("orders")
    with meanwhile() as pool:
        with locked(shop, "LOCK TABLE orders IN ACCESS EXCLUSIVE MODE"):
            writing = pool.submit(shop.push, [shop.describe("public", "orders", text="x")], lock_timeout=60)
            shop.waiting("COMMENT ON%")
            settling: Future[None] = pool.submit(settle, shop)
            shop.waiting("%pg_advisory_xact_lock%")
            assert not settling.done()
        settling.result()
        assert described(shop) == {"orders"}
        assert errors(writing.result()) == {}


def test_settle_does_not_wait_for_ever(shop: Shop) -> None:
    shop.table("orders")
    with meanwhile() as pool:
        with locked(shop, "LOCK TABLE orders IN ACCESS EXCLUSIVE MODE"):
            writing = pool.submit(shop.push, [shop.describe("public", "orders", text="x")], lock_timeout=60)
            shop.waiting("COMMENT ON%")
            with pytest.raises(SourceError) as raised:
                settle(shop, statement_timeout=0.05)
        writing.result()
    assert raised.value.reason is Reason.STATEMENT_TIMEOUT
    assert str(raised.value) == (
        f"waiting for another writer of shop_pg.{shop.database}.public: "
        "canceling statement due to statement timeout. The next run tries again."
    )


def test_there_is_nothing_to_settle_where_nothing_is(shop: Shop) -> None:
    settle(shop, "absent")
    settle(shop, None)
    settle(Shop(shop.host, "no_such_database"), None, database=shop.database)  # type: ignore[arg-type]


# Lost connections


def kill(shop: Shop, pid: int) -> None:
    shop.ask("SELECT pg_terminate_backend(%s)", pid)
    until(lambda: shop.ask("SELECT 1 FROM pg_stat_activity WHERE pid = %s", pid) == [])


def test_a_connection_that_is_lost_amid_a_batch_is_opened_again(shop: Shop) -> None:
    shop.table("a", columns=3)
    shop.table("b", columns=3)
    audited(shop)
    changes = [shop.describe("public", table, f"c{number}", text="x") for table in "ab" for number in range(3)]
    with meanwhile() as pool:
        with locked(shop, "LOCK TABLE b IN ACCESS EXCLUSIVE MODE"):
            pushing = pool.submit(shop.push, changes, lock_timeout=60)
            kill(shop, shop.waiting("COMMENT ON%"))
        assert errors(pushing.result()) == {}
    assert audit(shop) == [f"public.{table}.c{number}" for table in "ab" for number in range(3)]


def test_a_connection_that_was_lost_between_two_uses_is_opened_again(shop: Shop) -> None:
    shop.table("orders")
    audited(shop)

    def kill_all() -> None:
        for (pid,) in shop.ask("SELECT pid FROM pg_stat_activity WHERE application_name = 'reverse_metadata'"):
            kill(shop, pid)

    with shop.connector() as connector:
        connector.read(shop.partition())
        kill_all()
        statements = connector.resolve([shop.describe("public", "orders", text="x")])
        assert errors(list(connector.execute(shop.partition(), statements))) == {}
        kill_all()
        assert connector.read(shop.partition())[shop.path("public", "orders")].description == "x"
        kill_all()
        connector.settle(shop.partition())
    assert audit(shop) == ["public.orders"]


def test_a_server_that_stays_away_fails_every_statement_once(shop: Shop) -> None:
    shop.table("orders", columns=3)
    with shop.connector() as connector:
        statements = connector.resolve(shop.describe("public", "orders", f"c{n}", text="x") for n in range(3))
        away = Shop("/nowhere", shop.database)
        with away.connector() as unconnected:
            outcomes = list(unconnected.execute(shop.partition(), statements))
            with pytest.raises(SourceError, match=r"connecting to database \w+: .*/nowhere") as raised:
                unconnected.read(shop.partition())
    assert raised.value.reason is Reason.CONNECTION
    assert {error.reason for error in errors(outcomes).values()} == {Reason.CONNECTION}
    assert [outcome.attempts for outcome in outcomes] == [3, 3, 3]


def test_a_session_that_was_ended_before_commit_leaves_the_answer_open(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.table("orders", columns=2)

    def kill_writer(message: bytes) -> None:
        if message == b"COMMIT":
            for (pid,) in shop.ask("SELECT pid FROM pg_stat_activity WHERE state = 'idle in transaction'"):
                kill(shop, pid)

    sent = spied(monkeypatch, kill_writer)
    outcomes = shop.push([shop.describe("public", "orders", f"c{number}", text="x") for number in range(2)])
    assert {type(error) for error in errors(outcomes).values()} == {Unanswered}
    assert {error.reason for error in errors(outcomes).values()} == {Reason.CONNECTION}
    assert len(errors(outcomes)) == 2
    assert sent.count(b"COMMIT") == 1
    assert described(shop) == set()


@pytest.mark.parametrize("reaches_the_server", [True, False])
def test_a_commit_without_an_answer_is_not_sent_again(shop: Shop, reaches_the_server: bool) -> None:
    shop.table("orders", columns=2)
    audited(shop)
    with Proxy(shop.host, cut_at=b"COMMIT\0", deliver=reaches_the_server) as proxy:
        changes = [shop.describe("public", "orders", f"c{number}", text="x") for number in range(2)]
        outcomes = shop.push(changes, host=proxy.host)
    assert proxy.cuts == 1
    assert {type(error) for error in errors(outcomes).values()} == {Unanswered}
    assert [error.transient for error in errors(outcomes).values()] == [False, False]
    assert str(errors(outcomes)["c0"]).startswith("the connection was lost before COMMIT was answered: ")
    assert audit(shop) == (["public.orders.c0", "public.orders.c1"] if reaches_the_server else [])


def test_what_the_server_still_commits_is_waited_for(shop: Shop) -> None:
    """Else reading back would find the old values, and the run would record a failure that is none."""
    shop.table("orders")
    audited(shop)
    shop.run(
        "CREATE TABLE private.gate ()",
        "CREATE FUNCTION private.pass() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " LOCK TABLE private.gate; RETURN NULL; END $$",
        "CREATE CONSTRAINT TRIGGER pass AFTER INSERT ON private.audit DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION private.pass()",
    )
    change = shop.describe("public", "orders", text="x")
    with meanwhile() as pool, Proxy(shop.host, cut_at=b"COMMIT\0", deliver=True) as proxy:
        with locked(shop, "LOCK TABLE private.gate"):
            pushing = pool.submit(shop.push, [change], host=proxy.host, lock_timeout=60)
            shop.waiting("%pg_advisory_xact_lock%")
            assert not pushing.done()
        assert isinstance(only_error(pushing.result()), Unanswered)
        assert audit(shop) == ["public.orders"]


def test_a_writer_that_may_not_write_any_more_sends_nothing(shop: Shop) -> None:
    shop.table("orders")
    asked: list[int] = []

    def permit() -> None:
        asked.append(1)
        raise LeaseLost("overtaken")

    with shop.connector() as connector:
        statements = connector.resolve([shop.describe("public", "orders", text="x")])
        with pytest.raises(LeaseLost, match="overtaken"):
            list(connector.execute(shop.partition(), statements, permit))
        connector.settle(shop.partition())
    assert asked == [1]
    assert shop.read()[shop.database, "public", "orders"].description is None

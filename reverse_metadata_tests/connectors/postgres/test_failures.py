"""What can go wrong while a connector writes, each with its own outcome."""

from pathlib import Path
from secrets import token_hex

import psycopg
import pytest

from reverse_metadata.errors import Reason, SourceError
from reverse_metadata_tests.connectors.postgres.saboteur import described, errors, locked, meanwhile, only_error
from reverse_metadata_tests.connectors.postgres.shop import Shop, spied, until


def raising(shop: Shop, state: str, message: str, times: int) -> None:
    """The next so many comments fail like this. A sequence counts: it forgets nothing in a rollback."""
    shop.run(
        "CREATE SEQUENCE public.attempts",
        "CREATE FUNCTION public.fail() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" IF nextval('public.attempts') <= {times} THEN RAISE EXCEPTION '{message}' USING ERRCODE = '{state}';"
        " END IF; END $$",
        "CREATE EVENT TRIGGER fail ON ddl_command_end WHEN TAG IN ('COMMENT') EXECUTE FUNCTION public.fail()",
    )


# Splitting


@pytest.mark.parametrize(
    ("dropped", "transactions"),
    [([123], 4), ([0], 4), ([499], 4), ([3, 4, 250, 498], 20), (list(range(0, 500, 2)), 750), (list(range(500)), 520)],
    ids=["one", "first", "last", "four", "half", "all"],
)
def test_the_good_of_500_arrive_beside_the_bad(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, dropped: list[int], transactions: int
) -> None:
    shop.table("wide", columns=500)
    shop.run("ALTER TABLE wide " + ", ".join(f"DROP COLUMN c{number}" for number in dropped))
    changes = [shop.describe("public", "wide", f"c{number}", text="x") for number in range(500)]
    sent = spied(monkeypatch)
    outcomes = shop.push(changes)
    bad = {f"c{number}" for number in dropped}
    assert set(errors(outcomes)) == bad
    assert len(outcomes) == 500
    assert {error.reason for error in errors(outcomes).values()} == {Reason.MISSING_OBJECT}
    assert sum(message.startswith(b"BEGIN;") for message in sent) <= transactions
    assert described(shop) == {f"c{number}" for number in range(500)} - bad


# Missing objects


def test_a_column_that_was_dropped(shop: Shop) -> None:
    shop.table("orders", columns=2)
    error = only_error(shop.push([shop.describe("public", "orders", name, text="x") for name in ("c0", "gone", "c1")]))
    assert error.reason is Reason.MISSING_OBJECT
    assert str(error) == (
        'COMMENT ON COLUMN public.orders.gone: column "gone" of relation "public.orders" does not exist. '
        "It was dropped, or made anew as something else, since it was read; the next run reads it."
    )
    assert described(shop) == {"c0", "c1"}


def test_a_table_that_was_dropped_takes_its_columns_with_it(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.table("orders")
    columns = [shop.describe("public", "gone", f"c{number}", text="x") for number in range(50)]
    sent = spied(monkeypatch)
    outcomes = shop.push([*columns, shop.describe("public", "orders", text="x")])
    assert len(errors(outcomes)) == 50
    assert {str(error) for error in errors(outcomes).values()} == {
        'COMMENT ON COLUMN public.gone.c0: relation "public.gone" does not exist. '
        "It was dropped, or made anew as something else, since it was read; the next run reads it."
    }
    assert described(shop) == {"orders"}
    assert sum(message.startswith(b"BEGIN;") for message in sent) == 3


def test_a_table_that_became_a_view(shop: Shop) -> None:
    shop.run("CREATE VIEW orders AS SELECT 1 AS id")
    outcomes = shop.push(
        [shop.describe("public", "orders", "id", text="x"), shop.describe("public", "orders", text="x")]
    )
    error = only_error(outcomes)
    assert error.reason is Reason.MISSING_OBJECT
    assert str(error).startswith('COMMENT ON TABLE public.orders: "orders" is not a table')
    assert described(shop) == {"id"}


def test_a_schema_that_was_dropped(shop: Shop) -> None:
    error = only_error(shop.push([shop.describe("gone", "orders", text="x")], "gone"))
    assert error.reason is Reason.MISSING_OBJECT
    assert 'schema "gone" does not exist' in str(error)


def test_a_database_that_was_dropped(shop: Shop) -> None:
    gone = Shop(shop.host, "no_such_database")
    error = only_error(gone.push([gone.describe("public", "orders", text="x")], database=shop.database))
    assert error.reason is Reason.MISSING_OBJECT
    assert 'database "no_such_database" does not exist' in str(error)


def test_an_owner_that_was_dropped(shop: Shop) -> None:
    shop.table("orders")
    error = only_error(shop.push([shop.give("public", "orders", owner="nobody")]))
    assert error.reason is Reason.MISSING_OBJECT
    assert str(error).startswith('ALTER TABLE public.orders OWNER TO nobody: role "nobody" does not exist.')


# Locks and time


@pytest.mark.parametrize("aspect", ["description", "owner"])
def test_a_table_that_somebody_keeps_locked_is_given_up(
    shop: Shop, aspect: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = shop.role()
    for name in ("busy", "customers", "orders"):
        shop.table(name, columns=20)
    names = [("public", table) for table in ("busy", "customers", "orders")]
    if aspect == "owner":
        changes = [shop.give(*table, owner=owner) for table in names]
    else:
        changes = [shop.describe(*table, f"c{number}", text="x") for table in names for number in range(20)]
    sent = spied(monkeypatch)
    with locked(shop, "LOCK TABLE busy IN ACCESS EXCLUSIVE MODE"):
        outcomes = shop.push(changes, lock_timeout=0.05)
    assert {outcome.statement.table[2] for outcome in outcomes if outcome.error} == {"busy"}
    assert len(outcomes) == len(changes)
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    assert {outcome.attempts for outcome in failed} == {3}
    assert {outcome.error.reason for outcome in failed if outcome.error} == {Reason.LOCK_TIMEOUT}
    assert str(failed[0].error).endswith(
        "canceling statement due to lock timeout. Another session holds a lock on it for longer than lock_timeout; "
        "the next run tries again."
    )
    assert sum(message.startswith(b"BEGIN;") for message in sent) <= 8


def test_a_lock_that_is_given_back_in_time_delays_only(shop: Shop) -> None:
    shop.table("orders")
    with meanwhile() as pool:
        with locked(shop, "LOCK TABLE orders IN ACCESS EXCLUSIVE MODE"):
            pushing = pool.submit(shop.push, [shop.describe("public", "orders", text="x")], lock_timeout=60)
            shop.waiting("COMMENT ON%")
        assert errors(pushing.result()) == {}
    assert described(shop) == {"orders"}


def test_a_statement_that_takes_too_long_is_cancelled_and_not_tried_again(shop: Shop) -> None:
    shop.table("orders")
    shop.run(
        "CREATE FUNCTION slow() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(600); END $$",
        "CREATE EVENT TRIGGER slow ON ddl_command_end WHEN TAG IN ('COMMENT') EXECUTE FUNCTION slow()",
    )
    (outcome,) = shop.push([shop.describe("public", "orders", text="x")], statement_timeout=0.05)
    assert outcome.error is not None
    assert (outcome.error.reason, outcome.attempts) == (Reason.STATEMENT_TIMEOUT, 1)
    assert str(outcome.error) == (
        "COMMENT ON TABLE public.orders: canceling statement due to statement timeout. "
        "It was cancelled, or took longer than statement_timeout."
    )


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ("40001", "could not serialize access"),
        ("40P01", "deadlock detected"),
        ("XX000", "tuple concurrently updated"),
    ],
)
@pytest.mark.parametrize("times", [1, 2, 99])
def test_a_clash_with_another_session_is_tried_again(shop: Shop, state: str, message: str, times: int) -> None:
    shop.table("orders", columns=2)
    raising(shop, state, message, times)
    outcomes = shop.push([shop.describe("public", "orders", f"c{number}", text="x") for number in range(2)])
    if times < 99:
        assert errors(outcomes) == {}
        assert described(shop) == {"c0", "c1"}
    else:
        assert {error.reason for error in errors(outcomes).values()} == {Reason.SERIALIZATION}
        assert {outcome.attempts for outcome in outcomes} == {3}
        assert str(errors(outcomes)["c0"]) == (
            f"COMMENT ON COLUMN public.orders.c0: {message}. "
            "Another session changed it at the same moment; the next run tries again."
        )


def test_what_a_trigger_of_the_source_lacks_is_not_taken_for_ours(shop: Shop) -> None:
    shop.table("orders", columns=2)
    shop.run(
        "CREATE FUNCTION broken() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM * FROM gone; END $$",
        "CREATE EVENT TRIGGER broken ON ddl_command_end WHEN TAG IN ('COMMENT') EXECUTE FUNCTION broken()",
    )
    outcomes = shop.push([shop.describe("public", "orders", f"c{number}", text="x") for number in range(2)])
    assert {error.reason for error in errors(outcomes).values()} == {Reason.OTHER}
    assert str(errors(outcomes)["c1"]) == 'COMMENT ON COLUMN public.orders.c1: relation "gone" does not exist.'


# Secrets


def test_no_password_is_in_any_error(shop: Shop) -> None:
    right, wrong = token_hex(16), token_hex(16)
    role = shop.role(f"LOGIN PASSWORD '{right}'")
    ((file,),) = shop.ask("SHOW hba_file")
    rules = Path(file)
    before = rules.read_text()
    try:
        rules.write_text(f"local all {role} scram-sha-256\n{before}")
        shop.ask("SELECT pg_reload_conf()")

        def needs_password() -> bool:
            try:
                shop.connect(user=role).close()
            except psycopg.OperationalError:
                return True
            return False

        until(needs_password)
        assert shop.read(username=role, password=right) != {}
        url = f"postgresql://{role}:{wrong}@/{shop.database}?host={shop.host}"
        by_field: dict[str, str | None] = {"username": role, "password": wrong}
        by_url: dict[str, str | None] = {"url": url, "host": None, "username": None}
        for options in (by_field, by_url):
            with pytest.raises(SourceError) as raised:
                shop.read(**options)
            assert raised.value.reason is Reason.AUTHENTICATION
            assert wrong not in str(raised.value)
            assert str(raised.value).endswith(
                f'password authentication failed for user "{role}". Check username and password of the service.'
            )
            assert raised.value.__cause__ is None
            assert raised.value.__suppress_context__
    finally:
        rules.write_text(before)
        shop.ask("SELECT pg_reload_conf()")

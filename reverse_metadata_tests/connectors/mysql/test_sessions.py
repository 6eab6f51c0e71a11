"""What the settings of a server, and others who work in it, do to a writer."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from threading import Event
from typing import Any

import pytest

from reverse_metadata.connectors.mysql import MysqlConnector
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import Change, Path
from reverse_metadata_tests.connectors.mysql.shop import Shop
from reverse_metadata_tests.contract.peer import TEXTS, change, errors


def until(condition: Callable[[], bool]) -> None:
    """Return once the condition holds; fail when it does not for a minute."""
    clock = Event()
    for _ in range(6000):
        if condition():
            return
        clock.wait(0.01)
    raise AssertionError("the condition never held")


@contextmanager
def busy(shop: Shop, *statements: str) -> Iterator[Any]:
    """Somebody else's session, in which these statements have run, until the end."""
    with closing(shop.connect()) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        yield cursor


@contextmanager
def configured(shop: Shop, **settings: str) -> Iterator[None]:
    """A server with these settings for new sessions."""
    before = {name: shop.ask(f"SELECT @@GLOBAL.{name}")[0][0] for name in settings}
    shop.run(*(f"SET GLOBAL {name} = {value}" for name, value in settings.items()))
    try:
        yield
    finally:
        for name, value in before.items():
            shop.run(f"SET GLOBAL {name} = {value!r}")


def orders(shop: Shop, columns: str = "id int, amount int DEFAULT 5") -> list[Change]:
    """Changes of all that `orders` consists of."""
    shop.run(f"CREATE TABLE {shop.sales}.orders ({columns})")
    state = shop.read()
    return [change(path, f"about {path[-1]}", state) for path in state if len(path) > 2]


def test_the_settings_of_the_server_do_not_matter(shop: Shop) -> None:
    shop.run(
        "SET sql_mode = ''",
        f"CREATE TABLE {shop.sales}.orders (`select` int, at timestamp NOT NULL, born timestamp NOT NULL DEFAULT"
        " '2020-10-25 00:30:00', day date NOT NULL DEFAULT '0000-00-00', note text DEFAULT 'it''s \\\\')",
    )
    before = shop.created("orders")
    texts = [text for text in TEXTS if all("\0" < c <= "\uffff" and not "\ud800" <= c <= "\udfff" for c in text)]
    paths = [shop.path("orders", *names) for names in ((), ("select",), ("at",), ("born",), ("day",), ("note",))]
    hostile = {
        "sql_mode": "'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,NO_ZERO_DATE,PIPES_AS_CONCAT,STRICT_ALL_TABLES'",
        "sql_quote_show_create": "0",
        "explicit_defaults_for_timestamp": "0",
        "time_zone": "'-03:30'",
        "lock_wait_timeout": "1",
        "max_statement_time": "30",
    }
    with configured(shop, **hostile):
        for start in range(0, len(texts), len(paths)):
            wishes: dict[Path, str | None] = dict(zip(paths, texts[start:], strict=False))
            assert shop.failed(wishes) == {}
            assert {path: shop.comment(*path[1:]) for path in wishes} == wishes
        assert shop.failed(dict.fromkeys(paths)) == {}
    assert shop.created("orders") == before


def test_a_text_that_is_too_long_is_refused_and_not_cut(shop: Shop) -> None:
    orders(shop)
    with configured(shop, sql_mode="''"):
        failed = shop.failed({shop.path("orders"): "x" * 2049, shop.path("orders", "id"): "y"})
    assert set(failed) == {"orders"}
    assert "too long" in str(failed["orders"])
    assert [shop.comment(shop.sales, "orders"), shop.comment(shop.sales, "orders", "id")] == ["", "y"]


def test_a_table_that_somebody_uses_fails_alone_after_a_short_wait(shop: Shop) -> None:
    changes = orders(shop)
    shop.run(f"CREATE TABLE {shop.sales}.other (id int)")
    with busy(shop, "START TRANSACTION", f"SELECT * FROM {shop.sales}.orders"):
        wishes = {each.path: each.value for each in changes} | {shop.path("other"): "x"}
        failed = shop.failed(wishes, lock_timeout=1)
    assert set(failed) == {"orders", "id", "amount"}
    assert {error.reason for error in failed.values()} == {Reason.LOCK_TIMEOUT}
    assert shop.comment(shop.sales, "other") == "x"
    assert shop.failed(wishes) == {}


def test_two_writers_of_one_schema_take_turns(shop: Shop) -> None:
    changes = orders(shop)
    with shop.connector() as first, shop.connector(lock_timeout=1) as second:
        halfway = first.execute(shop.partition, first.resolve(changes))
        next(halfway)
        failed = errors(second.execute(shop.partition, second.resolve(changes)))
        assert {error.reason for error in failed.values()} == {Reason.LOCK_TIMEOUT}
        assert all("another writer holds the lock of this partition" in str(error) for error in failed.values())
        assert list(halfway) == []
        assert errors(second.execute(shop.partition, second.resolve(changes))) == {}


def test_the_end_of_an_earlier_writer_is_waited_for(shop: Shop) -> None:
    with shop.connector() as connector, ThreadPoolExecutor(1) as pool:
        with busy(shop, f"SELECT GET_LOCK('{connector._lock(shop.partition)}', 0)"):
            settled = pool.submit(connector.settle, shop.partition)
            until(lambda: shop.ask("SELECT 1 FROM information_schema.processlist WHERE state = 'User lock'") != [])
            assert not settled.done()
        assert settled.result(timeout=60) is None


def test_an_earlier_writer_that_does_not_end_is_an_error(shop: Shop) -> None:
    with shop.connector(statement_timeout=1) as connector:
        with busy(shop, f"SELECT GET_LOCK('{connector._lock(shop.partition)}', 0)"):
            with pytest.raises(SourceError, match="earlier writer") as raised:
                connector.settle(shop.partition)
    assert raised.value.reason in (Reason.LOCK_TIMEOUT, Reason.STATEMENT_TIMEOUT)


def test_a_statement_is_given_up_after_its_time(shop: Shop) -> None:
    with shop.connector(statement_timeout=1) as connector:
        connector.version()
        with pytest.raises(SourceError, match="max_statement_time exceeded") as raised:
            connector.ask("nothing", "SELECT SLEEP(30)")
    assert raised.value.reason is Reason.STATEMENT_TIMEOUT


# Definitions that change between the plan and the write


def altered(shop: Shop, connector: MysqlConnector, changes: list[Change], *statements: str) -> dict[str, SourceError]:
    resolved = connector.resolve(changes)
    shop.run(*statements)
    return {path[-1]: error for path, error in errors(connector.execute(shop.partition, resolved)).items()}


def test_what_somebody_altered_meanwhile_is_not_taken_back(shop: Shop) -> None:
    changes = orders(shop)
    with shop.connector() as connector:
        sql = f"ALTER TABLE {shop.sales}.orders MODIFY COLUMN amount int DEFAULT 6"
        assert altered(shop, connector, changes, sql) == {}
    assert "`amount` int(11) DEFAULT 6 COMMENT 'about amount'" in shop.created("orders")


def test_a_single_column_that_somebody_altered_meanwhile_waits_for_the_next_run(shop: Shop) -> None:
    changes = [each for each in orders(shop) if each.path[-1] == "amount"]
    with shop.connector() as connector:
        failed = altered(shop, connector, changes, f"ALTER TABLE {shop.sales}.orders ALTER amount SET DEFAULT 6")
        assert str(failed["amount"]).endswith(
            "the table was altered after its definition was read; the next run reads it again."
        )
        assert errors(connector.execute(shop.partition, connector.resolve(changes))) == {}
    assert "`amount` int(11) DEFAULT 6 COMMENT 'about amount'" in shop.created("orders")


def test_a_column_that_was_dropped_meanwhile_fails_alone(shop: Shop) -> None:
    changes = orders(shop)
    with shop.connector() as connector:
        failed = altered(shop, connector, changes, f"ALTER TABLE {shop.sales}.orders DROP amount")
    assert {name: error.reason for name, error in failed.items()} == {"amount": Reason.MISSING_OBJECT}
    assert shop.comment(shop.sales, "orders", "id") == "about id"


def test_a_table_that_is_gone_before_it_is_resolved_fails_alone(shop: Shop) -> None:
    changes = orders(shop)
    shop.run(f"DROP TABLE {shop.sales}.orders")
    with shop.connector() as connector:
        failed = errors(connector.execute(shop.partition, connector.resolve(changes)))
    assert {error.reason for error in failed.values()} == {Reason.MISSING_OBJECT}
    assert len(failed) == len(changes)


# Names


def test_names_that_differ_by_case_or_accents_alone_are_told_apart(shop: Shop) -> None:
    shop.run(
        *(f"CREATE TABLE {shop.sales}.`{name}` (id int COMMENT '{name}')" for name in ("orders", "Orders", "Órders"))
    )
    with shop.connector() as connector:
        state = connector.read(shop.partition, ["Orders"])
        assert [path[2] for path in state if len(path) == 3] == ["Orders"]
        assert state[shop.path("Orders", "id")].description == "Orders"
        assert connector.read(type(shop.partition)("source", "default", shop.sales.upper())) == {}
    assert shop.failed({shop.path("Órders"): "x"}) == {}
    assert [shop.comment(shop.sales, name) for name in ("orders", "Orders", "Órders")] == ["", "", "x"]


def test_a_rehearsal_is_written_to_another_schema(shop: Shop) -> None:
    shop.run(f"CREATE TABLE {shop.stock}.orders (id int)")
    wishes = {shop.path("orders"): "x", shop.path("orders", "id"): "y", shop.path(): "z"}
    assert shop.failed(wishes, rewrite={"schema": {shop.sales: shop.stock}}) == {}
    assert shop.comment(shop.stock) == "z"
    assert [shop.comment(shop.stock, "orders", *names) for names in ((), ("id",))] == ["x", "y"]
    assert shop.comment(shop.sales) == ""


def test_a_server_is_known_by_its_files_and_a_place_by_its_address(shop: Shop) -> None:
    with shop.connector() as connector:
        assert connector.identity().startswith("@")
        assert connector.place() == f"@{shop.socket}"
        assert connector.version().startswith("MariaDB 10.")


@pytest.mark.parametrize("may_lock", [True, False])
@pytest.mark.parametrize(
    ("migration", "left"),
    [
        ("ALTER COLUMN c SET DEFAULT 'new'", "DEFAULT 'new'"),
        ("MODIFY c varchar(5) DEFAULT 'old'", "varchar(5)"),
        ("MODIFY c varchar(20) NOT NULL DEFAULT 'old'", "NOT NULL"),
        ("MODIFY c varchar(20) DEFAULT 'old' CHECK (c <> 'bad')", "CHECK"),
    ],
)
def test_a_migration_that_waits_for_the_table_is_not_taken_back(
    shop: Shop, migration: str, left: str, may_lock: bool
) -> None:
    shop.run(f"CREATE TABLE {shop.sales}.t (c varchar(20) DEFAULT 'old')", f"INSERT INTO {shop.sales}.t VALUES ('x')")
    user, password = shop.account(f"SELECT, ALTER{', LOCK TABLES' if may_lock else ''} ON {shop.sales}.*")
    login = {"username": user, "password": password}

    def waiting(how_many: int) -> None:
        query = "SELECT 1 FROM information_schema.processlist WHERE state = 'Waiting for table metadata lock'"
        until(lambda: len(shop.ask(query)) >= how_many)

    with ThreadPoolExecutor(2) as pool:
        with busy(shop, "START TRANSACTION", f"SELECT * FROM {shop.sales}.t"):
            migrated = pool.submit(shop.run, f"ALTER TABLE {shop.sales}.t {migration}")
            waiting(1)
            pushed = pool.submit(shop.failed, {shop.path("t", "c"): "x"}, lock_timeout=20, rebuild_tables=True, **login)
            # Whoever may not lock the table does not wait either, and has failed by then.
            waiting(2) if may_lock else pushed.result(timeout=60)
        migrated.result(timeout=60)
        failed = pushed.result(timeout=60)
    assert left in shop.created("t")
    assert [error.reason for error in failed.values()] == [Reason.OTHER if may_lock else Reason.LOCK_TIMEOUT]
    assert shop.failed({shop.path("t", "c"): "x"}, rebuild_tables=True, **login) == {}
    assert left in shop.created("t")
    assert shop.comment(shop.sales, "t", "c") == "x"

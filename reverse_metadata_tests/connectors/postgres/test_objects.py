"""Every kind of object in a real PostgreSQL: read, described, handed over, cleared."""

import pytest

from reverse_metadata.connectors.base import Principal
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import Change, Outcome, Partition, SourceState, Verdict
from reverse_metadata_tests.connectors.postgres.shop import Shop, spied

KINDS = {
    "orders": "table",
    "events": "partitioned table",
    "events_2024": "table",
    "events_2025": "partitioned table",
    "recent": "view",
    "totals": "materialized view",
    "remote": "foreign table",
}


@pytest.fixture
def sales(shop: Shop) -> Shop:
    """A schema `sales` with a table of every kind, and everything that is not one."""
    wrapper = f"w_{shop.database}"
    shop.run(
        "CREATE SCHEMA sales",
        "CREATE TABLE sales.orders (id int PRIMARY KEY, dropped int, amount int)",
        "ALTER TABLE sales.orders DROP COLUMN dropped",
        "CREATE TABLE sales.events (id int, at int) PARTITION BY LIST (at)",
        "CREATE TABLE sales.events_2024 PARTITION OF sales.events FOR VALUES IN (2024)",
        "CREATE TABLE sales.events_2025 PARTITION OF sales.events FOR VALUES IN (2025) PARTITION BY LIST (id)",
        "CREATE VIEW sales.recent AS SELECT id FROM sales.orders",
        "CREATE MATERIALIZED VIEW sales.totals AS SELECT id FROM sales.orders",
        f"CREATE FOREIGN DATA WRAPPER {wrapper}",
        f"CREATE SERVER elsewhere FOREIGN DATA WRAPPER {wrapper}",
        "CREATE FOREIGN TABLE sales.remote (id int) SERVER elsewhere",
        "CREATE SEQUENCE sales.numbers",
        "CREATE TYPE sales.pair AS (a int, b int)",
        "COMMENT ON SEQUENCE sales.numbers IS 'not a table'",
        "COMMENT ON TYPE sales.pair IS 'not a table'",
        "CREATE TABLE public.orders (id int)",
        "COMMENT ON TABLE public.orders IS 'another schema'",
    )
    return shop


def descriptions(state: SourceState) -> dict[str, str | None]:
    return {".".join(path[1:]): found.description for path, found in state.items()}


def arrived(outcomes: list[Outcome]) -> None:
    assert [str(outcome.error) for outcome in outcomes if outcome.error is not None] == []


def test_a_schema_is_read_with_every_kind_of_table_and_nothing_else(sales: Shop) -> None:
    state = sales.read("sales")
    assert {path[2]: found.kind for path, found in state.items() if len(path) == 3} == KINDS
    assert {path[2:]: found.kind for path, found in state.items() if len(path) == 4} == {
        ("orders", "id"): "column",
        ("orders", "amount"): "column",
        ("events", "id"): "column",
        ("events", "at"): "column",
        ("events_2024", "id"): "column",
        ("events_2024", "at"): "column",
        ("events_2025", "id"): "column",
        ("events_2025", "at"): "column",
        ("recent", "id"): "column",
        ("totals", "id"): "column",
        ("remote", "id"): "column",
    }
    assert state[sales.path("sales")].kind == "schema"
    assert set(descriptions(state).values()) == {None}
    assert all(found.path == path for path, found in state.items())
    assert {found.owner for path, found in state.items() if len(path) < 4} == {"postgres"}
    assert {found.owner for path, found in state.items() if len(path) == 4} == {None}


def test_every_description_is_written_and_cleared(sales: Shop) -> None:
    state = sales.read("sales")
    wanted = {path: f"about {'.'.join(path[1:])}" for path in state}
    writes = [sales.describe(*path[1:], text=text, kind=state[path].kind) for path, text in wanted.items()]
    outcomes = sales.push(writes, "sales")
    arrived(outcomes)
    assert len(outcomes) == len(state) == 1 + 7 + 11
    assert {path: found.description for path, found in sales.read("sales").items()} == wanted

    clears = [sales.describe(*path[1:], text=None, kind=state[path].kind) for path in state]
    arrived(sales.push(clears, "sales"))
    assert set(descriptions(sales.read("sales")).values()) == {None}


def test_every_table_and_the_schema_change_hands(sales: Shop) -> None:
    owner = sales.role()
    state = sales.read("sales")
    owned = [path for path in state if len(path) < 4]
    arrived(sales.push([sales.give(*path[1:], owner=owner, kind=state[path].kind) for path in owned], "sales"))
    after = sales.read("sales")
    assert {after[path].owner for path in owned} == {owner}
    assert {path: found.object_id for path, found in after.items()} == {
        path: found.object_id for path, found in state.items()
    }


def test_a_database_is_read_written_handed_over_and_cleared(shop: Shop) -> None:
    path = shop.path()
    owner = shop.role()
    before = shop.read(None)
    assert (before[path].kind, before[path].description, before[path].owner) == ("database", None, "postgres")
    arrived(shop.push([shop.describe(text="all of it"), shop.give(owner=owner)], None))
    after = shop.read(None)
    assert list(after) == [path]
    assert (after[path].description, after[path].owner) == ("all of it", owner)
    assert after[path].object_id == before[path].object_id
    arrived(shop.push([shop.describe(text=None), shop.give(owner="postgres")], None))
    assert shop.read(None) == before


def test_an_empty_text_clears(shop: Shop) -> None:
    shop.table("orders")
    arrived(shop.push([shop.describe("public", "orders", text="x")]))
    arrived(shop.push([shop.describe("public", "orders", text="")]))
    assert shop.read()[shop.path("public", "orders")].description is None


def test_only_names_the_tables_to_read(sales: Shop) -> None:
    def read(only: list[str]) -> set[tuple[str, ...]]:
        with sales.connector() as connector:
            return {path[1:] for path in connector.read(sales.partition("sales"), only)}

    assert read(["totals", "remote", "absent", "nul\0", "x" * 64]) == {
        ("sales",),
        ("sales", "totals"),
        ("sales", "totals", "id"),
        ("sales", "remote"),
        ("sales", "remote", "id"),
    }
    assert read([]) == {("sales",)}
    assert read(["absent"]) == {("sales",)}


def test_what_is_absent_reads_as_empty(shop: Shop) -> None:
    with shop.connector() as connector:
        assert connector.read(shop.partition("absent")) == {}
        assert connector.read(shop.partition("nul\0")) == {}
        assert connector.read(shop.partition("")) == {}
        assert connector.read(type(shop.partition())("shop_pg", "no_such_database", "public")) == {}
        assert connector.read(type(shop.partition())("shop_pg", "no_such_database", None)) == {}


def test_a_name_that_is_too_long_does_not_stand_for_the_one_that_it_would_be_cut_to(shop: Shop) -> None:
    shop.run(f"CREATE SCHEMA {'s' * 63}")
    assert shop.read("s" * 63) != {}
    assert shop.read("s" * 64) == {}


def test_a_table_that_was_made_anew_has_another_id(shop: Shop) -> None:
    shop.table("orders")
    before = shop.read()
    shop.run("DROP TABLE orders")
    shop.table("orders")
    after = shop.read()
    for names in [("public", "orders"), ("public", "orders", "c0")]:
        assert before[shop.path(*names)].object_id != after[shop.path(*names)].object_id
    assert before[shop.path("public")].object_id == after[shop.path("public")].object_id


def test_the_number_of_queries_does_not_depend_on_the_number_of_tables(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = spied(monkeypatch)

    def queries() -> int:
        sent.clear()
        shop.read()
        return len(sent)

    shop.table("first")
    few = queries()
    shop.run(*(f"CREATE TABLE t{number} (a int, b int)" for number in range(60)))
    assert queries() == few == 4


def test_a_read_is_one_snapshot(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def rebuild(message: bytes) -> None:
        if b"pg_attribute" in message:
            shop.run("DROP TABLE orders", "CREATE TABLE orders (other int)")

    shop.table("orders", columns=2)
    spied(monkeypatch, rebuild)
    expected = {shop.path("public", *names) for names in [(), ("orders",), ("orders", "c0"), ("orders", "c1")]}
    assert set(shop.read()) == expected


def test_a_rehearsal_reads_and_writes_the_clone_and_speaks_of_the_original(shop: Shop) -> None:
    clone = f"{shop.database}_clone"
    with shop.connect("postgres") as admin:
        admin.execute(f"CREATE DATABASE {clone}".encode())
        try:
            with shop.connect(clone) as connection:
                connection.execute("CREATE SCHEMA rehearsal")
                connection.execute("CREATE TABLE rehearsal.orders (id int)")
            rewrite = {"database": {shop.database: clone}, "schema": {"sales": "rehearsal"}}
            writes = [
                shop.describe("sales", text="schema"),
                shop.describe("sales", "orders", text="table"),
                shop.describe("sales", "orders", "id", text="column"),
            ]
            outcomes = shop.push(writes, "sales", rewrite=rewrite)
            arrived(outcomes)
            assert [outcome.statement.text for outcome in outcomes] == [
                "COMMENT ON SCHEMA rehearsal IS 'schema'",
                "COMMENT ON TABLE rehearsal.orders IS 'table'",
                "COMMENT ON COLUMN rehearsal.orders.id IS 'column'",
            ]
            assert descriptions(shop.read("sales", rewrite=rewrite)) == {
                "sales": "schema",
                "sales.orders": "table",
                "sales.orders.id": "column",
            }
            arrived(shop.push([shop.describe(text="the clone")], None, rewrite=rewrite))
            assert shop.read(None, rewrite=rewrite)[shop.path()].description == "the clone"
            assert shop.read(None)[shop.path()].description is None
        finally:
            admin.execute(f"DROP DATABASE {clone} WITH (FORCE)".encode())


def test_principals_are_the_roles_among_the_names(shop: Shop) -> None:
    plain, group = shop.role(), shop.role("NOLOGIN NOINHERIT")
    boss = shop.role("SUPERUSER")
    deputy = shop.role()
    shop.run(f"GRANT {boss} TO {deputy}")
    names = [plain, group, boss, deputy, "absent", "nul\0", "public"]
    with shop.connector() as connector:
        assert connector.principals(names) == {
            plain: Principal(plain),
            group: Principal(group),
            boss: Principal(boss, superuser=True),
            deputy: Principal(deputy, superuser=True),
        }
        assert connector.principals([]) == {}


def test_two_databases_of_a_server_have_two_identities(shop: Shop) -> None:
    with shop.connector() as one, shop.connector(database="postgres") as other:
        assert one.identity() != other.identity()
        assert one.identity().removesuffix(shop.database) == other.identity().removesuffix("postgres")
    ((cluster,),) = shop.ask("SELECT system_identifier FROM pg_control_system()")
    with shop.connector() as connector:
        assert connector.identity() == f"{cluster}@local:5432/{shop.database}"


def test_a_server_may_keep_its_identifier_to_itself(shop: Shop) -> None:
    writer = shop.role()
    shop.run("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
    with shop.connector(username=writer) as connector:
        assert connector.identity() == f"@local:5432/{shop.database}"


def test_no_object_can_be_left_without_an_owner(shop: Shop) -> None:
    with shop.connector() as connector:
        assert connector.refuse(shop.give("public", "orders", owner=None)) == (
            Verdict.UNSUPPORTED,
            "PostgreSQL has nothing without an owner; name another one",
        )
        assert connector.refuse(shop.give("public", "orders", owner="admins")) is None
        assert connector.refuse(shop.describe("public", "orders", text=None)) is None


def test_each_owner_has_a_transaction_of_its_own(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change of owner locks readers out until COMMIT."""
    owner = shop.role()
    shop.run(*(f"CREATE TABLE t{number} (a int)" for number in range(5)))
    changes: list[Change] = []
    for number in range(5):
        changes += [shop.give("public", f"t{number}", owner=owner), shop.describe("public", f"t{number}", text="x")]
    sent = spied(monkeypatch)
    arrived(shop.push(changes))
    assert [message.count(b"OWNER TO") + message.count(b"COMMENT ON") for message in sent[1::3]] == [5, 1, 1, 1, 1, 1]
    assert sent[2::3] == [b"COMMIT"] * 6
    assert {found.owner for found in shop.read().values() if found.kind == "table"} == {owner}


def test_a_transaction_is_bounded_in_every_way(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.table("orders")
    sent = spied(monkeypatch)
    arrived(shop.push([shop.describe("public", "orders", text="x")], lock_timeout=0.0001, statement_timeout=1.5))
    assert sent[0].startswith(
        b"BEGIN;SET LOCAL lock_timeout = 1;SET LOCAL statement_timeout = 1500;"
        b"SET LOCAL idle_in_transaction_session_timeout = 30000;SET LOCAL standard_conforming_strings = on;"
        b"SELECT pg_catalog.pg_advisory_xact_lock("
    )


def test_a_connection_whose_other_end_is_gone_is_noticed(shop: Shop) -> None:
    with shop.connector() as connector:
        told = connector._connection(shop.database).info.get_parameters()
    assert {name: value for name, value in told.items() if name.startswith("keepalives")} == {
        "keepalives_idle": "30",
        "keepalives_interval": "10",
        "keepalives_count": "3",
    }


def test_close_can_be_called_twice_and_the_connector_opens_anew(shop: Shop) -> None:
    with shop.connector() as connector:
        connector.close()
        first = connector.read(shop.partition())
        connector.close()
        connector.close()
        assert connector.read(shop.partition()) == first


def test_a_database_in_any_encoding_is_read(shop: Shop) -> None:
    legacy = f"{shop.database}_ascii"
    with shop.connect("postgres") as admin:
        admin.execute(f"CREATE DATABASE {legacy} ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0".encode())
        try:
            with shop.connect(legacy) as connection:
                connection.execute("CREATE TABLE menu (id int)")
                connection.execute("SET client_encoding = 'SQL_ASCII'")
                connection.execute(b"COMMENT ON TABLE menu IS 'caf\xe9'")
                connection.execute("COMMENT ON COLUMN menu.id IS 'größe'".encode())
            other = Shop(shop.host, legacy)
            state = other.read()
            assert state[other.path("public", "menu")].description == "caf\\xe9"
            assert state[other.path("public", "menu", "id")].description == "größe"
        finally:
            admin.execute(f"DROP DATABASE {legacy} WITH (FORCE)".encode())


def test_a_character_that_the_encoding_lacks_fails_alone(shop: Shop) -> None:
    latin = f"{shop.database}_latin"
    with shop.connect("postgres") as admin:
        admin.execute(f"CREATE DATABASE {latin} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0".encode())
        try:
            other = Shop(shop.host, latin)
            other.table("menu", columns=9)
            texts = ["café", "naïve", "plain", "party 🎉", "größe", "10 €", "x", "y", "z"]
            columns = [("public", "menu", f"c{number}") for number in range(9)]
            outcomes = other.push(other.describe(*names, text=text) for names, text in zip(columns, texts, strict=True))
            errors = {outcome.statement.changes[0].value: outcome.error for outcome in outcomes if outcome.error}
            assert {text: error.reason for text, error in errors.items()} == {
                "party 🎉": Reason.INVALID_VALUE,
                "10 €": Reason.INVALID_VALUE,
            }
            assert str(errors["party 🎉"]).startswith("COMMENT ON COLUMN public.menu.c3: ")
            state = other.read()
            kept = [None if text in errors else text for text in texts]
            assert [state[other.path(*names)].description for names in columns] == kept
        finally:
            admin.execute(f"DROP DATABASE {latin} WITH (FORCE)".encode())


def test_a_read_is_bounded_in_time(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "reverse_metadata.connectors.postgres.reading._SCHEMA", "SELECT 1, 2, 'x', pg_sleep(600)::text, %s"
    )
    with shop.connector(statement_timeout=0.05) as connector:
        with pytest.raises(SourceError) as raised:
            connector.read(shop.partition())
    assert raised.value.reason is Reason.STATEMENT_TIMEOUT
    assert str(raised.value) == (
        f"reading schema public of database {shop.database}: canceling statement due to statement timeout. "
        "It was cancelled, or took longer than statement_timeout."
    )


def test_the_source_is_the_place_and_the_rewritten_names(shop: Shop) -> None:
    partition = Partition("shop_pg", shop.database, "sales")
    rewrite = {"schema": {"sales": "clone"}}
    with shop.connector() as plain, shop.connector(rewrite=rewrite) as rewritten:
        assert plain.source(partition) == plain.place()
        assert rewritten.source(partition) == f"{plain.place()}/{shop.database}/clone"
        assert f"@{plain.options.host}:" in plain.place()

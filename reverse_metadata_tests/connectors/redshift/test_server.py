"""What differs from PostgreSQL, through Redshift's driver."""

from collections.abc import Iterator
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest

from reverse_metadata.connectors import batches
from reverse_metadata.connectors.base import Need
from reverse_metadata.connectors.redshift import RedshiftConnector, RedshiftOptions
from reverse_metadata.connectors.redshift import connector as redshift
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import Aspect, Partition, Statement, Verdict
from reverse_metadata_tests.contract.peer import SERVICE, change, errors, push
from reverse_metadata_tests.engines.redshift import User, Warehouse, refusals


def connector(warehouse: Warehouse, user: User | None = None, **options: object) -> RedshiftConnector:
    user = user or warehouse.admin
    login = {
        "host": warehouse.host,
        "port": warehouse.port,
        "database": warehouse.database,
        "username": user.name,
        "password": user.password,
        "sslmode": "disable",
    }
    return RedshiftConnector(RedshiftOptions.model_validate(login | options))


def sales(warehouse: Warehouse) -> Partition:
    return Partition(SERVICE, warehouse.database, "sales")


@pytest.fixture
def shop(warehouse: Warehouse) -> Warehouse:
    """A warehouse with `sales.orders`."""
    warehouse.run("CREATE SCHEMA sales", "CREATE TABLE sales.orders (id int, amount int)")
    return warehouse


def test_an_external_schema_is_read_as_what_it_is(shop: Warehouse) -> None:
    shop.external_table("lake", "events", {"at": "timestamp", "what": "varchar"})
    lake = Partition(SERVICE, shop.database, "lake")
    with connector(shop) as each:
        state = each.read(lake)
        before = shop.asked
        assert each.read(lake, ["events"]) == state
        assert shop.asked - before == 3  # what the database is was asked before
        assert set(each.read(lake, ["nothing"])) == {lake.path}
        refused = each.refuse(change((*lake.path, "events"), "x", state))
        assert refused is not None
        assert refused[0] is Verdict.UNSUPPORTED
        assert "Athena" in refused[1]
    assert {path[2:]: found.kind for path, found in state.items()} == {
        (): "external schema",
        ("events",): "external table",
        ("events", "at"): "external column",
        ("events", "what"): "external column",
    }


def test_the_columns_of_a_late_binding_view_are_seen_and_refused(shop: Warehouse) -> None:
    shop.late_binding_view("sales", "late", {"id": "integer", "amount": "integer"})
    with connector(shop) as each:
        state = each.read(sales(shop))
        late = (*sales(shop).path, "late")
        assert state[late].kind == "late-binding view"
        assert state[(*late, "amount")].kind == "late-binding column"
        assert each.refuse(change((*late, "amount"), "x", state)) is not None
        assert errors(push(each, {late: "bound when it is read"})) == {}
        assert each.read(sales(shop))[late].description == "bound when it is read"


def test_a_view_is_not_late_because_it_has_the_words(shop: Warehouse) -> None:
    shop.run("CREATE VIEW sales.told AS SELECT id, 'with no schema binding' AS said FROM sales.orders")
    shop.late_binding_view("sales", "late", {"id": "integer"})
    shop.late_binding_view("sales", "broken", {})
    with connector(shop) as each:
        state = each.read(sales(shop))
    kinds = {path[2:]: found.kind for path, found in state.items() if path[2:3] in (("told",), ("late",), ("broken",))}
    assert kinds == {
        ("told",): "view",
        ("told", "id"): "column",
        ("told", "said"): "column",
        ("late",): "late-binding view",
        ("late", "id"): "late-binding column",
        ("broken",): "late-binding view",
    }


def test_an_external_schema_of_another_database_has_other_tables(shop: Warehouse) -> None:
    shop.external_table("lake", "events", {"at": "timestamp"})
    shop.run(
        "INSERT INTO svv_external_tables (redshift_database_name, schemaname, tablename)"
        " VALUES ('other', 'lake', 'no')",
        "INSERT INTO svv_external_columns (redshift_database_name, schemaname, tablename, columnname)"
        " VALUES ('other', 'lake', 'events', 'no')",
    )
    with connector(shop) as each:
        lake = Partition(SERVICE, shop.database, "lake")
        assert {path[2:] for path in each.read(lake)} == {(), ("events",), ("events", "at")}


def test_a_datashare_is_read_from_home_and_never_written(shop: Warehouse) -> None:
    shop.datashare("lent", "books", "loans", ["id", "due"])
    database, books = Partition(SERVICE, "lent", None), Partition(SERVICE, "lent", "books")
    with connector(shop) as each:
        assert {path: found.kind for path, found in each.read(database).items()} == {("lent",): "shared database"}
        state = each.read(books)
        assert {path[2:]: (found.kind, found.description) for path, found in state.items()} == {
            (): ("shared schema", None),
            ("loans",): ("shared table", "shared"),
            ("loans", "id"): ("shared column", "shared"),
            ("loans", "due"): ("shared column", "shared"),
        }
        assert set(each.read(books, ["nothing"])) == {books.path}
        assert each.read(Partition(SERVICE, "lent", "nowhere")) == {}
        for path, found in state.items():
            refused = each.refuse(change(path, "x", state))
            assert refused is not None
            assert refused[0] is Verdict.UNSUPPORTED, found
        assert each.missing(books, [Need(Aspect.DESCRIPTION, (*books.path, "loans"), "shared table")]) == []


def test_a_statement_may_take_longer_than_a_connection(shop: Warehouse) -> None:
    with connector(shop, connect_timeout=1, statement_timeout=90) as each:
        assert each._connection(shop.database)._usock.gettimeout() == 120
        assert each._run(each._connection(shop.database), "SHOW statement_timeout") == [["90s"]]


def test_a_session_that_could_not_be_bounded_is_not_used(shop: Warehouse) -> None:
    with connector(shop, statement_timeout=10_000_000) as each:
        for _ in range(2):
            with pytest.raises(SourceError, match="connecting to database"):
                each.version()


def test_names_keep_their_case(shop: Warehouse) -> None:
    shop.run('CREATE TABLE sales."Orders" (id int)')
    with connector(shop) as each:
        assert errors(push(each, {(*sales(shop).path, "Orders"): "the other one"})) == {}
        state = each.read(sales(shop))
        assert state[(*sales(shop).path, "Orders")].description == "the other one"
        assert state[(*sales(shop).path, "orders")].description is None
        assert each._run(each._connection(shop.database), "SHOW enable_case_sensitive_identifier") == [["true"]]


def test_a_percent_sign_is_no_placeholder(shop: Warehouse) -> None:
    orders = (*sales(shop).path, "orders")
    with connector(shop) as each:
        assert errors(push(each, {orders: "100 %s of %% and % d"})) == {}
        assert each.read(sales(shop), ["orders"])[orders].description == "100 %s of %% and % d"


def test_statements_are_not_kept_as_prepared(shop: Warehouse) -> None:
    columns = [f"c{number}" for number in range(60)]
    shop.run(f"CREATE TABLE sales.wide ({', '.join(f'{name} int' for name in columns)})")
    with connector(shop) as each:
        assert errors(push(each, {(*sales(shop).path, "wide", name): name for name in columns})) == {}
        rows = each._run(each._connection(shop.database), "SELECT count(*) FROM pg_prepared_statements")
    assert rows[0][0] < 5


def test_the_statements_of_a_template_are_one_transaction(shop: Warehouse) -> None:
    orders = (*sales(shop).path, "orders")
    with connector(shop) as each:
        state = each.read(sales(shop))
        good = "COMMENT ON TABLE sales.orders IS 'all'"
        texts = (good, "COMMENT ON COLUMN sales.orders.nowhere IS 'x'")
        statement = Statement(";\n".join(texts), (change(orders, "all", state),), texts)
        (error,) = errors(each.execute(sales(shop), [statement])).values()
        assert error.reason is Reason.MISSING_OBJECT
        assert each.read(sales(shop))[orders].description is None


def test_a_writer_that_lost_its_lease_commits_nothing(shop: Warehouse) -> None:
    orders, asked = (*sales(shop).path, "orders"), list[int]()

    def permit() -> None:
        asked.append(1)
        if len(asked) == 2:
            raise RuntimeError("the lease is another's")

    with connector(shop) as each:
        state = each.read(sales(shop))
        with pytest.raises(RuntimeError, match="the lease is another's"):
            list(each.execute(sales(shop), each.resolve([change(orders, "x", state)]), permit))
        assert each.read(sales(shop))[orders].description is None


@pytest.fixture
def stalled(shop: Warehouse) -> Iterator[Any]:
    """A session of the writer that stopped just before its COMMIT, with nothing at work."""
    with closing(shop.connect()) as session:
        session.autocommit = True
        for statement in ("BEGIN", "COMMENT ON TABLE sales.orders IS 'late'"):
            session.cursor().execute(statement)
        yield session


def test_a_run_that_stopped_before_its_commit_is_waited_for(
    shop: Warehouse, stalled: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[int] = []

    def pause(attempt: int) -> None:
        waited.append(attempt)
        stalled.cursor().execute("COMMIT")
        # What begins now is nobody's who could have died before, so it is not waited for.
        for statement in ("BEGIN", "COMMENT ON COLUMN sales.orders.id IS 'another'"):
            stalled.cursor().execute(statement)

    monkeypatch.setattr(batches, "pause", pause)
    with connector(shop) as each:
        each.settle(sales(shop))
        assert each.read(sales(shop))[(*sales(shop).path, "orders")].description == "late"
    assert waited == [1]


def test_a_run_that_does_not_end_is_named(shop: Warehouse, stalled: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter((0.0, 59.0, 61.0))
    monkeypatch.setattr(redshift, "time", SimpleNamespace(monotonic=lambda: next(now)))
    monkeypatch.setattr(batches, "pause", lambda attempt: None)
    cursor = stalled.cursor()
    cursor.execute("SELECT pg_backend_pid()")
    ((pid,),) = cursor.fetchall()
    with connector(shop) as each, pytest.raises(SourceError) as raised:
        each.settle(sales(shop))
    assert raised.value.reason is Reason.LOCK_TIMEOUT
    assert str(raised.value).endswith(f"nobody has to wait after: SELECT pg_terminate_backend({pid});")


def test_the_transactions_of_others_are_not_waited_for(
    shop: Warehouse, stalled: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "pause", lambda attempt: pytest.fail("it waited"))
    with connector(shop, shop.user()) as each:
        each.settle(sales(shop))


def test_nothing_at_work_is_not_waited_for(shop: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "pause", lambda attempt: pytest.fail("it waited"))
    with connector(shop) as each, refusals():
        each.settle(sales(shop))
        each.settle(Partition(SERVICE, f"{shop.database}_nowhere", "sales"))


def test_one_namespace_is_one_database(shop: Warehouse) -> None:
    with connector(shop) as one, connector(shop, application_name="other") as other:
        assert one.identity() == other.identity()
        assert one.identity().endswith(f"/{shop.database}")
        assert one.version() == "Redshift 1.0.117891"


def test_the_owner_of_a_database_and_a_schema_is_looked_at_too(shop: Warehouse) -> None:
    writer = shop.user()
    database = Partition(SERVICE, shop.database, None)
    with connector(shop, writer) as each:
        (missing,) = each.missing(database, [Need(Aspect.DESCRIPTION, database.path, "database")])
        assert missing.grants == (f"ALTER DATABASE {shop.database} OWNER TO {writer.name};",)
        needs = [Need(Aspect.DESCRIPTION, sales(shop).path, "schema")]
        assert each.missing(sales(shop), needs)[0].grants == (f"ALTER SCHEMA sales OWNER TO {writer.name};",)
        needs = [Need(Aspect.DESCRIPTION, (*sales(shop).path, "orders"), "table")]
        assert [grant for found in each.missing(sales(shop), needs) for grant in found.grants] == [
            f"GRANT USAGE ON SCHEMA sales TO {writer.name};",
            f"ALTER TABLE sales.orders OWNER TO {writer.name};",
        ]


def test_an_endpoint_that_nobody_listens_at(warehouse: Warehouse) -> None:
    with refusals(), connector(warehouse, port=1) as each, pytest.raises(SourceError) as raised:
        each.version()
    assert raised.value.reason is Reason.CONNECTION


def test_what_would_help_is_said_where_no_grant_can(shop: Warehouse) -> None:
    writer, owner = shop.user(), shop.user()
    shop.run(f"GRANT USAGE ON SCHEMA sales TO {writer.name}", f"ALTER TABLE sales.orders OWNER TO {owner.name}")
    orders = (*sales(shop).path, "orders")
    said = f"table {shop.database}.sales.orders belongs to {owner.name}, and only owners and superusers may "
    gives = f"give it to {writer.name}, or let a superuser write."
    with connector(shop, writer) as each:
        (comment,) = each.missing(sales(shop), [Need(Aspect.DESCRIPTION, orders, "table")])
        (hand_over,) = each.missing(sales(shop), [Need(Aspect.OWNER, orders, "table", "ada")])
        assert each.missing(sales(shop), [Need(Aspect.DESCRIPTION, (*sales(shop).path, "nowhere"), "table")]) == []
    assert comment.what == f"{said}comment, which no GRANT changes: {gives}"
    assert hand_over.what == (
        f"{said}hand it over, and users who have the system permission ALTER TABLE by a role, which is not looked at: "
        f"{gives}"
    )
    assert comment.grants == hand_over.grants == (f"ALTER TABLE sales.orders OWNER TO {writer.name};",)

"""What differs from PostgreSQL, through Redshift's driver."""

import pytest

from reverse_metadata.connectors import batches
from reverse_metadata.connectors.base import Need
from reverse_metadata.connectors.redshift import RedshiftConnector, RedshiftOptions
from reverse_metadata.connectors.redshift import connector as redshift
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import Aspect, Partition, Statement
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
        assert shop.asked - before == 3
        assert set(each.read(lake, ["nothing"])) == {lake.path}
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


def test_what_a_dead_run_commits_is_waited_for(shop: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[int] = []
    # Played: a session of this user that is at its COMMIT until somebody has waited once.
    at_work = f"('Running', '{shop.admin.name}', '{shop.database}', 'COMMIT', 0)"
    shop.run(
        "CREATE TABLE sales.recents (status text, user_name text, db_name text, query text, pid int)",
        f"INSERT INTO sales.recents VALUES {at_work}",
    )
    monkeypatch.setattr(redshift, "_AT_WORK", redshift._AT_WORK.replace("stv_recents", "sales.recents"))

    def pause(attempt: int) -> None:
        waited.append(attempt)
        shop.run("DELETE FROM sales.recents")

    monkeypatch.setattr(batches, "pause", pause)
    with connector(shop) as each:
        each.settle(sales(shop))
    assert waited == [1]


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

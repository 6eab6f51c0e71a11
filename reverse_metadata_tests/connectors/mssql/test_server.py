"""What differs from other systems, against the stand-in."""

from typing import Any

import pytest

from reverse_metadata.connectors.base import Need
from reverse_metadata.connectors.mssql import MssqlConnector
from reverse_metadata.dialects import dialect_of
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import Aspect, Partition, Statement
from reverse_metadata.templates import Values, parse
from reverse_metadata_tests.connectors.mssql.shop import (
    EXTENDED,
    ID,
    ORDERS,
    PASSWORD,
    SALES,
    SENSITIVITY,
    SHOP,
    connector,
    furnish,
)
from reverse_metadata_tests.contract.peer import SERVICE, change, errors, push
from reverse_metadata_tests.engines.mssql import SqlServer, mssql
from reverse_metadata_tests.engines.mssql_estate import Object
from reverse_metadata_tests.test_docs_migration import TEMPLATES


def orders(server: SqlServer) -> Object:
    return server.databases["shop"].schemas["sales"].objects["orders"]


def test_20_tables_of_50_columns_take_one_batch_each(server: SqlServer) -> None:
    for number in range(20):
        server.databases["shop"].table("sales", f"t{number}", [f"c{column}" for column in range(50)])
    with connector() as each:
        state = each.read(SALES)
        paths = [path for path in state if path[2:3] not in ((), ("orders",))]
        before = len(server.asked)
        statements = each.resolve([change(path, "x", state) for path in paths])
        assert errors(each.execute(SALES, statements)) == {}
        sent = server.asked[before:]
        after = each.read(SALES)
    assert {after[path].description for path in paths} == {"x"}
    assert len(statements) == 20
    assert sum(text.count("EXEC sys.sp_addextendedproperty") for text in sent) == 20 * 51
    # A lock, a batch and a COMMIT a table.
    assert [text.split()[0] + " " + text.split()[1] for text in sent] == 20 * [
        "BEGIN TRANSACTION;",
        "BEGIN TRY",
        "COMMIT TRANSACTION",
    ]


def test_what_was_added_or_dropped_meanwhile_is_read_again_and_written_once(server: SqlServer) -> None:
    table = orders(server)
    table.properties["MS_Description"] = "before"
    with connector() as each:
        state = each.read(SALES)
        changes = [change(path, f"about {path[-1]}", state) for path in (ORDERS, ID, (*ORDERS, "email"))]
        statements = each.resolve(changes)
        table.columns["id"].properties["MS_Description"] = "somebody was faster"
        del table.properties["MS_Description"]
        outcomes = list(each.execute(SALES, statements))
    assert errors(outcomes) == {}
    assert table.properties["MS_Description"] == "about orders"
    assert table.columns["id"].properties["MS_Description"] == "about id"
    assert table.columns["email"].properties["MS_Description"] == "about email"
    # What is recorded is what ran.
    ran = {one.path: outcome.statement.text for outcome in outcomes for one in outcome.statement.changes}
    assert ran[ID].startswith("EXEC sys.sp_updateextendedproperty")
    assert ran[ORDERS].startswith("EXEC sys.sp_addextendedproperty")


def test_what_somebody_else_wrote_alike_meanwhile_is_not_written_again(server: SqlServer) -> None:
    with connector() as each:
        statements = each.resolve([change(ID, "key", each.read(SALES))])
        orders(server).columns["id"].properties["MS_Description"] = "key"
        (outcome,) = each.execute(SALES, statements)
    assert outcome.error is None
    assert sum("extendedproperty" in text for text in server.asked) == 1


def test_a_race_that_is_lost_twice_is_reported(server: SqlServer, monkeypatch: pytest.MonkeyPatch) -> None:
    held = orders(server).columns["id"].properties
    with connector() as each:
        state = each.read(SALES)
        statements = each.resolve([change(ID, "key", state)])
        held["MS_Description"] = "faster"
        monkeypatch.setattr(MssqlConnector, "read", lambda *_: state)
        failed = errors(each.execute(SALES, statements))
    assert failed[ID].reason is Reason.SERIALIZATION
    assert held == {"MS_Description": "faster"}


def test_an_object_that_is_not_there_is_told_from_one_that_may_not_be_touched(server: SqlServer) -> None:
    table = orders(server)
    with connector(username="reader") as each:
        state = each.read(SALES)
        statements = each.resolve([change(ORDERS, "x", state)])
        failed = errors(each.execute(SALES, statements))
        assert failed[ORDERS].reason is Reason.MISSING_PRIVILEGE
        assert "GRANT ALTER ON OBJECT::[sales].[orders] TO [reader];" in str(failed[ORDERS])
        owner = each.resolve([change(ORDERS, "reader", state, Aspect.OWNER)])
        failed = errors(each.execute(SALES, owner))
        assert failed[ORDERS].reason is Reason.MISSING_PRIVILEGE
        assert "GRANT TAKE OWNERSHIP ON OBJECT::[sales].[orders] TO [reader];" in str(failed[ORDERS])
        server.databases["shop"].permissions.clear()
        failed = errors(each.execute(SALES, statements))
        assert failed[ORDERS].reason is Reason.MISSING_PRIVILEGE
        assert "GRANT VIEW DEFINITION ON SCHEMA::[sales] TO [reader];" in str(failed[ORDERS])
        assert each.read(SALES) == {}
    furnished = server.databases["shop"]
    furnished.grant("GRANT ALTER ON DATABASE::[shop] TO [reader];")
    del furnished.schemas["sales"].objects["orders"]
    with connector(username="reader") as each:
        failed = errors(each.execute(SALES, statements))
    assert failed[ORDERS].reason is Reason.MISSING_OBJECT
    assert table.properties == {}


def test_preflight_for_owners_names_each_grant_and_they_mend_it(server: SqlServer) -> None:
    shop = server.databases["shop"]
    shop.user("ada")
    shop.role("team")
    server.login("boss")
    needs = [
        Need(Aspect.OWNER, ORDERS, "table", "ada"),
        Need(Aspect.OWNER, SALES.path, "schema", "team"),
        Need(Aspect.OWNER, ORDERS, "table", "nobody"),
    ]
    above = [Need(Aspect.OWNER, SHOP.path, "database", "boss"), Need(Aspect.DESCRIPTION, SHOP.path, "database")]
    with connector(username="reader") as each:
        missing = each.missing(SALES, needs) + each.missing(SHOP, above)
        grants = [grant for one in missing for grant in one.grants]
        assert grants == [
            "GRANT TAKE OWNERSHIP ON OBJECT::[sales].[orders] TO [reader];",
            "GRANT IMPERSONATE ON USER::[ada] TO [reader];",
            "GRANT TAKE OWNERSHIP ON SCHEMA::[sales] TO [reader];",
            "ALTER ROLE [team] ADD MEMBER [reader];",
            "GRANT TAKE OWNERSHIP ON DATABASE::[shop] TO [reader];",
            "USE [master]; GRANT IMPERSONATE ON LOGIN::[boss] TO [reader];",
            "GRANT ALTER ON DATABASE::[shop] TO [reader];",
        ]
        for grant in grants:
            shop.grant(grant)
        assert each.missing(SALES, needs) == each.missing(SHOP, above) == []
        assert errors(push(each, {ORDERS: "ada"}, Aspect.OWNER)) == {}
        assert errors(push(each, {SHOP.path: "boss"}, Aspect.OWNER)) == {}
    assert shop.owner == "boss"


def test_owners_that_may_do_everything_count_as_superusers(server: SqlServer) -> None:
    shop = server.databases["shop"]
    shop.user("ada")
    shop.user("chief", "", "db_owner")
    server.login("root", sysadmin=True)
    with connector() as each:
        known = each.principals(["ada", "chief", "dbo", "root", "sa", "nobody"])
    assert {name: one.superuser for name, one in known.items()} == {
        "ada": False,
        "chief": True,
        "dbo": True,
        "root": True,
        "sa": True,
    }


def test_a_database_of_azure_knows_no_logins() -> None:
    with mssql(edition="SQL Azure", engine=5) as server:
        furnish(server)
        server.databases["shop"].role("team")
        server.login("boss")
        with connector() as each:
            assert set(each.principals(["team", "boss"])) == {"team"}


def test_the_users_are_those_of_the_database_that_was_read_last(server: SqlServer) -> None:
    server.database("stock").user("writer", "writer")
    server.databases["shop"].role("sellers")
    server.databases["stock"].role("keepers")
    with connector() as each:
        for database, role in (("stock", "keepers"), ("shop", "sellers"), ("stock", "keepers")):
            each.read(Partition(SERVICE, database, None))
            assert set(each.principals(["sellers", "keepers"])) == {role}


def test_a_table_that_is_gone_is_tried_once(server: SqlServer) -> None:
    server.databases["shop"].table("sales", "gone", [f"c{column}" for column in range(50)])
    with connector() as each:
        state = each.read(SALES)
        changes = [change(path, "x", state) for path in state if path[2:3] == ("gone",)]
        del server.databases["shop"].schemas["sales"].objects["gone"]
        failed = errors(each.execute(SALES, each.resolve(changes)))
    assert {error.reason for error in failed.values()} == {Reason.MISSING_OBJECT}
    assert len(failed) == 51
    assert sum(text.startswith("BEGIN TRY") for text in server.asked) == 1


def test_a_server_without_classifications_says_so(server: SqlServer) -> None:
    server.classifies = False
    with connector(tags=SENSITIVITY) as each, pytest.raises(SourceError, match="sensitivity_classifications"):
        each.read(SALES)
    with connector(tags=EXTENDED) as each:
        assert ORDERS in each.read(SALES)


def test_a_token_that_cannot_be_had_is_a_matter_of_credentials(
    server: SqlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(**_: object) -> None:
        raise RuntimeError(f"no token for {PASSWORD}")

    monkeypatch.setattr("mssql_python.connect", connect)
    with connector(authentication="ActiveDirectoryDefault") as each, pytest.raises(SourceError) as raised:
        each.version()
    assert raised.value.reason is Reason.AUTHENTICATION
    assert PASSWORD not in str(raised.value)


def test_a_lock_is_waited_for_and_then_reported(server: SqlServer) -> None:
    server.locked.add(("shop", "sales", "orders"))
    server.databases["shop"].table("sales", "stock")
    stock = (*SALES.path, "stock")
    with connector() as each:
        failed = errors(push(each, {ORDERS: "x", ID: "y", stock: "z"}))
        assert {path: error.reason for path, error in failed.items()} == dict.fromkeys(
            (ORDERS, ID), Reason.LOCK_TIMEOUT
        )
        assert each.read(SALES)[stock].description == "z"


def test_a_deadlock_is_tried_again(server: SqlServer) -> None:
    server.accidents.append(1205)
    with connector() as each:
        assert errors(push(each, {ORDERS: "x", ID: "y"})) == {}
        assert each.read(SALES)[ID].description == "y"


def test_another_writer_of_the_partition_is_waited_for(server: SqlServer) -> None:
    with connector() as one, connector() as other:
        statements = one.resolve([change(ORDERS, "x", one.read(SALES))])

        def permit() -> None:
            with pytest.raises(SourceError, match=r"waiting for another writer of source\.shop\.sales") as raised:
                other.settle(SALES)
            assert raised.value.reason is Reason.LOCK_TIMEOUT
            (outcome,) = other.execute(SALES, statements)
            assert isinstance(outcome.error, SourceError)
            assert outcome.error.reason is Reason.LOCK_TIMEOUT
            other.settle(Partition(SERVICE, "shop", "dbo"))

        assert errors(one.execute(SALES, statements, permit)) == {}
        other.settle(SALES)
    assert server.applocks == {}


def test_a_writer_that_may_not_any_more_leaves_nothing(server: SqlServer) -> None:
    class Lost(Exception):
        pass

    def permit() -> None:
        raise Lost

    with connector() as each:
        statements = each.resolve([change(ORDERS, "x", each.read(SALES))])
        with pytest.raises(Lost):
            list(each.execute(SALES, statements, permit))
        assert server.applocks == {}
        assert not any("extendedproperty" in text for text in server.asked)


def test_a_commit_without_an_answer_is_not_tried_again(server: SqlServer) -> None:
    with connector() as each:
        statements = each.resolve([change(ORDERS, "x", each.read(SALES))])
        server.lose_next("after", "COMMIT")
        failed = errors(each.execute(SALES, statements))
        assert failed[ORDERS].reason is Reason.CONNECTION
        assert not failed[ORDERS].transient
        assert each.read(SALES)[ORDERS].description == "x"


def test_each_database_has_a_connection(server: SqlServer) -> None:
    stock = server.database("stock")
    stock.user("writer", "writer")
    stock.grant("GRANT ALTER ON DATABASE::[stock] TO [writer];")
    stock.grant("GRANT VIEW DEFINITION ON DATABASE::[stock] TO [writer];")
    server.database("closed")
    with connector(database="master") as each:
        assert errors(push(each, {ORDERS: "x"})) == {}
        assert errors(push(each, {("stock", "dbo"): "y"})) == {}
        assert each.read(Partition(SERVICE, "stock", "dbo"))[("stock", "dbo")].description == "y"
        assert each.read(Partition(SERVICE, "nowhere", "dbo")) == {}
        with pytest.raises(SourceError) as raised:
            each.read(Partition(SERVICE, "closed", "dbo"))
    assert raised.value.reason is Reason.MISSING_PRIVILEGE
    assert "CREATE USER" in str(raised.value)
    assert PASSWORD not in str(raised.value)


def test_classifications_keep_what_is_not_changed(server: SqlServer) -> None:
    table = orders(server)
    server.databases["shop"].grant("GRANT ALTER ANY SENSITIVITY CLASSIFICATION TO [writer];")
    held = table.columns["id"].classification
    held |= {"LABEL": "Public", "LABEL_ID": "1", "INFORMATION_TYPE": "Key", "INFORMATION_TYPE_ID": "2", "RANK": "LOW"}
    email = (*ORDERS, "email")
    with connector(tags=SENSITIVITY) as each:
        state = each.read(SALES)
        assert state[ID].tags == {"PII": "Public", "Kind": "Key"}
        (statement,) = each.resolve(
            [change(path, "Sensitive", state, Aspect.TAGS, "PII") for path in (ID, email)]
            + [change(email, "E-mail's", state, Aspect.TAGS, "Kind")]
        )
        assert statement.text == (
            "ADD SENSITIVITY CLASSIFICATION TO [sales].[orders].[id] WITH (INFORMATION_TYPE = 'Key',"
            " INFORMATION_TYPE_ID = '2', LABEL = 'Sensitive', RANK = HIGH);\n"
            "ADD SENSITIVITY CLASSIFICATION TO [sales].[orders].[email] WITH (LABEL = 'Sensitive', RANK = HIGH,"
            " INFORMATION_TYPE = 'E-mail''s');"
        )
        assert errors(each.execute(SALES, [statement])) == {}
        assert each.read(SALES)[email].tags == {"PII": "Sensitive", "Kind": "E-mail's"}
        for key in ("PII", "Kind"):
            assert errors(push(each, {email: None}, Aspect.TAGS, key)) == {}
        assert server.asked[-2].count("DROP SENSITIVITY CLASSIFICATION FROM [sales].[orders].[email];") == 1
        assert each.read(SALES)[email].tags == {}


def test_a_tag_of_somebody_else_is_none_of_ours(server: SqlServer) -> None:
    orders(server).properties |= {"OpenMetadata.Tag.PII": "x", "Caption": "Orders", "openmetadata.tag.low": "y"}
    with connector(tags=EXTENDED) as each:
        assert each.read(SALES)[ORDERS].tags == {"PII": "x"}


def test_names_that_differ_by_case_alone_are_others(server: SqlServer) -> None:
    with connector() as each:
        assert each.read(Partition(SERVICE, "shop", "SALES")) == {}
        assert set(each.read(SALES, ["ORDERS"])) == {SALES.path}
        assert len(each.read(SALES, ["orders", *(f"t{number}" for number in range(1001))])) == 4


@pytest.mark.parametrize(
    ("edition", "engine", "version"),
    [
        ("Developer Edition (64-bit)", 3, "SQL Server 16.0.4135.4 Developer Edition (64-bit)"),
        ("SQL Azure", 5, "Azure SQL Database 16.0.4135.4"),
        ("SQL Azure", 8, "Azure SQL Managed Instance 16.0.4135.4"),
    ],
)
def test_who_answers(edition: str, engine: int, version: str) -> None:
    with mssql(edition=edition, engine=engine) as server:
        furnish(server)
        with connector() as one, connector(host="other") as other:
            assert one.version() == version
            assert one.identity() == other.identity() == "SHOPSQL/shop"
            assert (one.place(), other.place()) == ("SHOPSQL@db,1433", "SHOPSQL@other,1433")


def test_a_template_s_statements_are_sent_as_they_are(server: SqlServer) -> None:
    on = "@level0type = N'SCHEMA', @level0name = N'sales'"
    add = f"EXEC sp_addextendedproperty @name = N'Caption', @value = N'{{}}', {on}"
    with connector() as each:
        state = each.read(SALES)
        sql = (add.format("one"), add.replace("Caption", "Other").format("two"))
        assert errors(each.execute(SALES, [Statement(";\n".join(sql), (change(SALES.path, "x", state),), sql)])) == {}
        assert [text for text in server.asked if text in sql] == list(sql)
        # The second of them fails, so the first is taken back; the session tells the number that the driver does not.
        bad = (f"EXEC sp_dropextendedproperty @name = N'Other', {on}", sql[0])
        failed = errors(each.execute(SALES, [Statement(";\n".join(bad), (change(SALES.path, "x", state),), bad)]))
    assert failed[SALES.path].reason is Reason.OTHER
    assert "already exists" in str(failed[SALES.path])
    assert set(server.databases["shop"].schemas["sales"].properties) == {"Caption", "Other"}


def test_the_vendor_s_template_adds_and_then_updates(server: SqlServer) -> None:
    template = parse(TEMPLATES["mssql"], dialect_of("mssql"))
    with connector() as each:
        for text in ("It's\nall", "日本 \\ there"):
            sql = template.render(Values(database="shop", schema="sales", description=text))
            assert len(sql) == 1
            state = each.read(SALES)
            statement = Statement(sql[0], (change(SALES.path, text, state),), sql)
            assert errors(each.execute(SALES, [statement])) == {}
            assert each.read(SALES)[SALES.path].description == text


def test_who_does_not_see_classifications_writes_none(server: SqlServer, monkeypatch: pytest.MonkeyPatch) -> None:
    orders(server).columns["id"].classification |= {"INFORMATION_TYPE": "Financial", "RANK": "HIGH"}
    database = server.databases["shop"]
    may = database.may

    def blind(user: str, permission: str, securable: Any) -> bool:
        return not permission.startswith("VIEW ANY SENSITIVITY") and may(user, permission, securable)

    monkeypatch.setattr(database, "may", blind)
    with connector(tags=SENSITIVITY) as each:
        state = each.read(SALES)
        (missing,) = each.missing(SALES, [Need(Aspect.TAGS, ID, "column")])
        assert missing.grants == ("GRANT VIEW ANY SENSITIVITY CLASSIFICATION TO [writer];",)
        with pytest.raises(SourceError, match="would erase what others said") as raised:
            each.resolve([change(ID, "Sensitive", state, Aspect.TAGS, "PII")])
    assert raised.value.reason is Reason.MISSING_PRIVILEGE

"""The stand-in refuses what SQL Server refuses, and catches a connector that writes something else."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from secrets import token_hex
from typing import Any

import mssql_python
import pytest

from reverse_metadata.connectors.mssql import MssqlConnector, MssqlOptions, connector
from reverse_metadata.model import Aspect, Partition, Statement
from reverse_metadata_tests.contract.peer import SERVICE, change, errors
from reverse_metadata_tests.engines.mssql import Connection, SqlServer, mssql
from reverse_metadata_tests.engines.mssql_estate import Refused
from reverse_metadata_tests.engines.mssql_grammar import Call, SyntaxMistake, parse

_ADD = "EXEC sys.sp_addextendedproperty @name = N'MS_Description'"
_ON = "@level0type = N'SCHEMA', @level0name = N'sales', @level1type = N'TABLE', @level1name = N'orders'"

#: Near misses, each with the number of the error: those that are refused before anything runs.
MISSES = [
    (f"{_ADD}, @value = It is, {_ON}", 102),
    (f'{_ADD}, @value = "x", {_ON}', 102),
    (f"{_ADD}, @value = [x], {_ON}", 102),
    (f"{_ADD}, @value = `x`, {_ON}", 102),
    (f"{_ADD}, @value = E'x', {_ON}", 102),
    (f"{_ADD}, @value = $$x$$, {_ON}", 102),
    (f"{_ADD}, @value = ?, {_ON}", 102),
    (f"{_ADD}, @value = :x, {_ON}", 102),
    (f"{_ADD}, @value = N'it's', {_ON}", 105),
    (f"{_ADD}, @value = N'it\\'s', {_ON}", 105),
    (f"{_ADD}, @value = N'a' + N'b', {_ON}", 102),
    (f"{_ADD}, @value = N'a' N'b', {_ON}", 102),
    (f"{_ADD}, @value = CONCAT(N'a', N'b'), {_ON}", 102),
    (f"{_ADD}, @value = (N'a'), {_ON}", 102),
    (f"{_ADD}, @value N'x', {_ON}", 102),
    (f"{_ADD}, value = N'x', {_ON}", 102),
    (f"{_ADD}, @value = N'x',", 102),
    (f"{_ADD} @value = N'x'", 102),
    (f"{_ADD}, @value = N'x', @value = N'y'", 8143),
    (f"{_ADD}, @value = N'x', {_ON} WITH RECOMPILE, 1", 156),
    (f"CALL {_ADD[5:]}, @value = N'x'", 102),
    ("sp_addextendedproperty @name = N'x'", 102),
    ("EXEC a.b.sys.sp_addextendedproperty @name = N'x'", 117),
    ("EXEC sys.sp_addextendedproperty(N'x', N'y')", 102),
    ("COMMENT ON TABLE sales.orders IS 'x'", 102),
    ("COMMENT ON COLUMN [sales].[orders].[id] IS N'x'", 102),
    ("ALTER TABLE sales.orders SET COMMENT = 'x'", 156),
    ("ALTER TABLE sales.orders OWNER TO ada", 156),
    ("ALTER SCHEMA sales OWNER TO ada", 156),
    ("ALTER AUTHORIZATION OBJECT::sales.orders TO ada", 156),
    ("ALTER AUTHORIZATION ON TABLE::sales.orders TO ada", 156),
    ("ALTER AUTHORIZATION ON VIEW::sales.recent TO ada", 156),
    ("ALTER AUTHORIZATION ON OBJECT:sales.orders TO ada", 102),
    ("ALTER AUTHORIZATION ON OBJECT::sales.orders.id TO ada", 117),
    ("ALTER AUTHORIZATION ON OBJECT::shop.sales.orders TO ada", 117),
    ("ALTER AUTHORIZATION ON SCHEMA::shop.sales TO ada", 117),
    ("ALTER AUTHORIZATION ON OBJECT::sales.orders TO N'ada'", 102),
    ("ALTER AUTHORIZATION ON OBJECT::sales.orders TO", 102),
    ("ALTER AUTHORIZATION ON OBJECT::sales.order TO ada by", 156),
    ("ALTER AUTHORIZATION ON OBJECT::'sales'.'orders' TO ada", 102),
    ("ALTER AUTHORIZATION ON OBJECT::sales.table TO ada", 156),
    ("ALTER AUTHORIZATION ON OBJECT::[sales].[] TO ada", 1038),
    (f"ALTER AUTHORIZATION ON OBJECT::[sales].[{'x' * 129}] TO ada", 103),
    ("ALTER AUTHORIZATION ON OBJECT::[sales].[a]b] TO ada", 102),
    ("ADD SENSITIVITY CLASSIFICATION ON sales.orders.id WITH (LABEL = 'x')", 156),
    ("ADD SENSITIVITY CLASSIFICATION TO sales.orders.id", 102),
    ("ADD SENSITIVITY CLASSIFICATION TO sales.orders.id WITH LABEL = 'x'", 156),
    ("ADD SENSITIVITY CLASSIFICATION TO sales.orders.id WITH ()", 102),
    ("ADD SENSITIVITY CLASSIFICATION TO sales.orders.id WITH (LABEL = x)", 102),
    ("ADD SENSITIVITY CLASSIFICATION TO sales.orders.id WITH (LABEL = 'x', LABEL = 'y')", 102),
    ("ADD SENSITIVITY CLASSIFICATION TO sales.orders.id WITH (RANK = 'HIGH')", 102),
    ("ADD SENSITIVITY CLASSIFICATION TO sales.orders.id WITH (RANK = HIGHEST)", 102),
    ("ADD SENSITIVITY CLASSIFICATION TO sales.orders.id WITH (TAG = 'x')", 102),
    ("ADD SENSITIVITY CLASSIFICATION TO id WITH (LABEL = 'x')", 156),
    ("ADD SENSITIVITY CLASSIFICATION TO shop.sales.orders.id WITH (LABEL = 'x')", 117),
    ("DROP SENSITIVITY CLASSIFICATION sales.orders.id", 156),
    ("DROP SENSITIVITY CLASSIFICATION FROM sales.orders.id WITH (LABEL = 'x')", 156),
    ("BEGIN TRY SELECT @@ERROR END TRY; BEGIN CATCH SELECT @@ERROR END CATCH", 102),
    ("BEGIN TRY SELECT @@ERROR END TRY", 102),
    ("BEGIN; COMMIT", 156),
    ("START TRANSACTION", 102),
    ("SET LOCK_TIMEOUT = 2000", 102),
    ("SET LOCK_TIMEOUT ON", 156),
    ("SET XACT_ABORT 1", 102),
    ("SET lock_timeout TO '2s'", 156),
    ("SET SEARCH_PATH sales", 195),
    ("DECLARE @v nvarchar(5000) = N'x'", 131),
    ("DECLARE @v text = N'x'", 2715),
    ("USE shop", 156),
    ("DROP TABLE sales.orders", 156),
    ("GRANT ALTER ON SCHEMA::sales TO writer", 156),
    ("INSERT INTO sys.extended_properties VALUES (1)", 156),
    ("/* never closed", 113),
]


@pytest.mark.parametrize(("statement", "number"), MISSES)
def test_a_near_miss_is_refused(statement: str, number: int) -> None:
    with pytest.raises(SyntaxMistake) as raised:
        parse(statement)
    assert raised.value.number == number, str(raised.value)


@pytest.mark.parametrize(
    ("literal", "meant"),
    [
        ("N'日本 €'", "日本 €"),
        ("'日本 €'", "?? €"),
        ("N'it''s \\ \\n'", "it's \\ \\n"),
        ("N'one\\\ntwo\\\r\nthree'", "onetwothree"),
        ("N'one\\' + N'\ntwo'", "one\\\ntwo"),
    ],
)
def test_what_a_text_means(literal: str, meant: str) -> None:
    (declared,) = parse(f"DECLARE @v nvarchar(100) = {literal};")
    assert getattr(declared, "value", None) == meant


SALES = Partition(SERVICE, "shop", "sales")
PASSWORD = token_hex(8)


@pytest.fixture
def server() -> Iterator[SqlServer]:
    with mssql() as each:
        shop = each.database("shop")
        shop.schema("sales")
        shop.table("sales", "orders")
        shop.table("sales", "recent", type="V")
        shop.table("sales", "carts", memory_optimized=True)
        shop.table("sales", "totals", type="V", indexed=True)
        shop.role("team")
        each.login("writer", PASSWORD)
        each.login("ada")
        shop.user("writer", "writer")
        for permission in ("ALTER", "TAKE OWNERSHIP", "VIEW DEFINITION"):
            shop.grant(f"GRANT {permission} ON DATABASE::[shop] TO [writer];")
        shop.grant("ALTER ROLE [team] ADD MEMBER [writer];")
        yield each


def session(server: SqlServer) -> Connection:
    return server.connect(autocommit=True, UID="writer", PWD=PASSWORD, Database="shop")


def number_of(server: SqlServer, batch: str, after: str = "") -> int:
    """The number of the error, 0 without one."""
    with_session = session(server)
    if after:
        with_session.batch(after, ())
    try:
        with_session.batch(batch, ())
    except Refused as error:
        return error.number
    finally:
        with_session.close()
    return 0


_DROP = "EXEC sys.sp_dropextendedproperty @name = N'MS_Description'"
_LOCK = "EXEC sys.sp_getapplock @Resource = N'x', @LockMode = N'Exclusive', @LockOwner = N'Transaction'"


@pytest.mark.parametrize(
    ("batch", "number"),
    [
        (f"{_ADD}, @value = N'x', {_ON}", 0),
        (f"{_ADD.replace('EXEC', 'EXECUTE').replace('sys.', '')}, @value = 'x', {_ON.lower().replace('n', 'N')}", 0),
        (f"{_ADD}, @value = N'x', {_ON}; {_ADD}, @value = N'y', {_ON}", 15233),
        (f"{_ADD.replace('add', 'update')}, @value = N'x', {_ON}", 15217),
        (f"{_DROP}, {_ON}", 15217),
        (f"{_DROP}, @value = N'x', {_ON}", 8145),
        (f"{_ADD}, @value = N'x', {_ON.replace('orders', 'nowhere')}", 15135),
        (f"{_ADD}, @value = N'x', {_ON.replace('orders', '[orders]')}", 15135),
        (f"{_ADD}, @value = N'x', {_ON.replace('sales', 'shop.sales')}", 15135),
        (f"{_ADD}, @value = N'x', {_ON.replace('orders', 'recent')}", 15135),
        (f"{_ADD}, @value = N'x', {_ON.replace('TABLE', 'VIEW')}", 15135),
        (f"{_ADD}, @value = N'x', {_ON.replace('TABLE', 'BASE TABLE')}", 15600),
        (f"{_ADD}, @value = N'x', {_ON.replace('orders', 'carts')}", 15135),
        (f"{_ADD}, @value = N'x', {_ON}, @level2type = N'COLUMN', @level2name = N'nowhere'", 15135),
        (f"{_ADD}, @value = N'x', {_ON}, @level2name = N'id'", 15600),
        (f"{_ADD}, @value = N'x', @level1type = N'TABLE', @level1name = N'orders'", 15600),
        (f"{_ADD}, @value = N'x', @level0type = N'DATABASE', @level0name = N'shop'", 15600),
        (f"{_ADD}, @value = N'x', {_ON}, @comment = N'x'", 8145),
        (f"{_ADD}, @value = @v, {_ON}", 137),
        (f"{_ADD}, @value = N'{'x' * 3750}', {_ON}", 0),
        (f"{_ADD}, @value = N'{'x' * 3751}', {_ON}", 15097),
        (f"{_ADD}, @value = N'{'🎉' * 1876}', {_ON}", 15097),
        (f"{_ADD}, @value = N'{'x' * 4001}', {_ON}", 206),
        ("EXEC sys.sp_addextendedproperty @value = N'x'", 201),
        ("EXEC sys.sp_comment @name = N'x'", 2812),
        ("EXEC nowhere.sp_addextendedproperty @name = N'x'", 2812),
        ("EXEC other.sys.sp_addextendedproperty @name = N'x'", 911),
        ("ALTER AUTHORIZATION ON OBJECT::sales.orders TO team", 0),
        ("ALTER AUTHORIZATION ON sales.orders TO SCHEMA OWNER", 0),
        ("ALTER AUTHORIZATION ON OBJECT::sales.orders TO nobody", 15151),
        ("ALTER AUTHORIZATION ON OBJECT::sales.orders TO ada", 15151),
        ("ALTER AUTHORIZATION ON OBJECT::sales.orders TO dbo", 15151),
        ("ALTER AUTHORIZATION ON OBJECT::sales.nowhere TO team", 15151),
        ("ALTER AUTHORIZATION ON OBJECT::sales.totals TO team", 15151),
        ("ALTER AUTHORIZATION ON SCHEMA::dbo TO team", 15150),
        ("ALTER AUTHORIZATION ON DATABASE::shop TO team", 15151),
        ("ALTER AUTHORIZATION ON DATABASE::shop TO ada", 15151),
        ("ALTER AUTHORIZATION ON DATABASE::shop TO writer", 15110),
        ("ADD SENSITIVITY CLASSIFICATION TO sales.orders.id WITH (LABEL = 'x', RANK = HIGH)", 0),
        ("ADD SENSITIVITY CLASSIFICATION TO sales.orders.nowhere WITH (LABEL = 'x')", 4917),
        ("COMMIT TRANSACTION", 3902),
        ("ROLLBACK TRANSACTION", 3903),
        ("IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION", 0),
        ("SELECT nothing FROM sys.objects", 207),
        ("SELECT name FROM sys.comments", 208),
        ("SELECT COMMENT_OF(name) FROM sys.objects", 195),
    ],
)
def test_the_server_s_errors(server: SqlServer, batch: str, number: int) -> None:
    assert number_of(server, batch) == number


def test_an_error_dooms_a_transaction_that_aborts(server: SqlServer) -> None:
    one = session(server)
    one.batch("SET XACT_ABORT ON; BEGIN TRANSACTION", ())
    one.batch(f"{_ADD}, @value = N'x', {_ON}", ())
    with pytest.raises(Refused):
        one.batch(f"{_ADD}, @value = N'y', {_ON}", ())
    for batch in (f"{_ADD}, @value = N'y'", "COMMIT TRANSACTION"):
        with pytest.raises(Refused) as raised:
            one.batch(batch, ())
        assert raised.value.number == 3930
    assert server.databases["shop"].schemas["sales"].objects["orders"].properties == {}


def test_what_catches_an_error_is_told_its_number(server: SqlServer) -> None:
    batch = f"BEGIN TRY {_DROP}, {_ON}; END TRY BEGIN CATCH SELECT ERROR_NUMBER(), ERROR_MESSAGE(); END CATCH"
    assert session(server).batch(batch, ())[1:] == [
        [(15217, "Property cannot be updated or deleted. Property 'MS_Description' does not exist for 'sales.orders'.")]
    ]


def test_a_lock_is_held_until_the_transaction_ends(server: SqlServer) -> None:
    one, other = session(server), session(server)
    asked = f"BEGIN TRANSACTION; DECLARE @r int; {_LOCK.replace('EXEC', 'EXEC @r =')}; SELECT @r;"
    assert one.batch(asked, ())[1:] == [[(0,)]]
    assert other.batch(asked, ())[1:] == [[(-1,)]]
    one.close()
    assert other.batch(asked.replace("BEGIN TRANSACTION; ", ""), ())[1:] == [[(0,)]]
    assert number_of(server, _LOCK) == 0


def test_a_change_of_owner_drops_the_permissions(server: SqlServer) -> None:
    shop = server.databases["shop"]
    shop.grant("GRANT ALTER ON OBJECT::[sales].[orders] TO [team];")
    before = set(shop.permissions)
    one = session(server)
    one.batch("BEGIN TRANSACTION", ())
    one.batch("ALTER AUTHORIZATION ON OBJECT::sales.orders TO team", ())
    assert before - shop.permissions == {("team", "ALTER", "OBJECT sales.orders")}
    one.batch("ROLLBACK TRANSACTION", ())
    assert shop.permissions == before


def test_a_user_does_only_what_it_may(server: SqlServer) -> None:
    shop = server.databases["shop"]
    add = f"{_ADD}, @value = N'x', {_ON}"
    shop.permissions = {("writer", "VIEW DEFINITION", "SCHEMA sales")}
    assert number_of(server, add) == 15247
    assert number_of(server, "ALTER AUTHORIZATION ON OBJECT::sales.orders TO team") == 15151
    assert number_of(server, "ADD SENSITIVITY CLASSIFICATION TO sales.orders.id WITH (LABEL = 'x')") == 15247
    shop.permissions = set()
    assert number_of(server, add) == 15135
    assert session(server).batch("SELECT name FROM sys.objects", ()) == [[]]


def test_the_driver_tells_no_number(server: SqlServer) -> None:
    with pytest.raises(mssql_python.ProgrammingError) as raised:
        session(server).cursor().execute(f"{_DROP}, {_ON}")
    assert raised.value.driver_error == "Syntax error or access violation"
    assert "15217" not in str(raised.value)
    for login, words in (("writer", "Invalid authorization specification"), ("nobody", "Invalid authorization")):
        with pytest.raises(mssql_python.OperationalError) as refused:
            server.connect(autocommit=True, UID=login, PWD=token_hex(8), Database="shop")
        assert refused.value.driver_error.startswith(words)
    with pytest.raises(mssql_python.ProgrammingError, match="Cannot open database"):
        server.connect(autocommit=True, UID="writer", PWD=PASSWORD, Database="nowhere")


def test_what_the_vendor_s_page_has_is_read() -> None:
    (call,) = parse("EXEC sp_addextendedproperty\n@name = N'Caption', @value = 'x'\n, @level0type = N'Schema';\n")
    assert isinstance(call, Call)
    assert call.parameters == {"@name": "Caption", "@value": "x", "@level0type": "Schema"}


def _with(pattern: str, instead: str) -> Callable[[str], str]:
    return lambda text: re.sub(pattern, instead, text)


@pytest.mark.parametrize(
    "mutation",
    [
        _with("''", "'"),
        _with("''", "\\\\'"),
        _with("@value = N'", "@value = '"),
        _with("@value = N'(.*)'", r'@value = "\1"'),
        _with("@value = ", ""),
        _with("@value = ", "@text = "),
        _with("addextended", "updateextended"),
        _with("updateextended", "addextended"),
        _with("dropextended", "updateextended"),
        _with("'VIEW'", "'TABLE'"),
        _with("'COLUMN'", "'FIELD'"),
        _with("level2", "level1"),
        _with(", @level2type = N'COLUMN', @level2name = N'id'", ""),
        _with("level1name = N'(.*?)'", r"level1name = N'[\1]'"),
        _with("MS_Description", "Description"),
        _with("OpenMetadata.Tag.", ""),
        _with("DECLARE @value", "DECLARE @text"),
        _with(r"' \+ N'", ""),
        _with("OBJECT::", "TABLE::"),
        _with("OBJECT::", "SCHEMA::"),
        _with(r"TO \[team\]", "TO N'team'"),
        _with("$", ","),
    ],
)
def test_a_connector_that_writes_something_else_is_caught(
    server: SqlServer, mutation: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve = MssqlConnector.resolve
    plain, continued = "it's 日本", "one \\\nall"

    def mutated(*arguments: Any) -> list[Statement]:
        return [replace(each, text=mutation(each.text)) for each in resolve(*arguments)]

    def works() -> bool:
        login = {"host": "db", "database": "shop", "username": "writer", "password": PASSWORD}
        with MssqlConnector(MssqlOptions.model_validate(login | {"tags": {"as": "extended_properties"}})) as each:
            state = each.read(SALES)
            paths = [path for path in state if path[2:3] in (("orders",), ("recent",))]
            text = {path: plain if len(path) == 3 else continued for path in paths}
            wishes = [change(path, text[path], state) for path in paths]
            wishes += [change(path, text[path], state, Aspect.TAGS, "PII") for path in paths]
            wishes += [change(path, None, state, Aspect.TAGS, "Old") for path in paths]
            wishes += [change(path, "team", state, Aspect.OWNER) for path in paths if len(path) == 3]
            if errors(each.execute(SALES, each.resolve(wishes))):
                return False
            after = each.read(SALES)
        told = {path: (each.description, dict(each.tags)) for path, each in after.items() if path in text}
        return told == {path: (text[path], {"PII": text[path]}) for path in paths} and all(
            after[path].owner == "team" for path in paths if len(path) == 3
        )

    def anew() -> None:
        for table in server.databases["shop"].schemas["sales"].objects.values():
            table.owner = None
            for properties in (table.properties, *(column.properties for column in table.columns.values())):
                properties.clear()
                properties["OpenMetadata.Tag.Old"] = "gone"
            table.properties["MS_Description"] = "before"

    monkeypatch.setattr("reverse_metadata.connectors.batches.pause", lambda _attempt: None)
    anew()
    assert works()
    anew()
    monkeypatch.setattr(connector.MssqlConnector, "resolve", mutated)
    assert not works()

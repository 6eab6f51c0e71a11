"""The calls to Glue, to the letter."""

from typing import Any

import pytest

from reverse_metadata.connectors.athena import glue
from reverse_metadata.errors import LeaseLost, Reason
from reverse_metadata.model import Path
from reverse_metadata_tests.connectors.athena.shop import ORDERS, SALES, Shop, changes, column, write
from reverse_metadata_tests.contract.peer import errors, push

UPDATE = "glue:UpdateTable"


def test_a_table_and_all_its_columns_are_one_update_that_repeats_everything_else(shop: Shop) -> None:
    wishes = {ORDERS: "All\norders", column("id"): "Key", column("email"): None, column("day"): "Partition"}
    with shop.connector() as connector:
        assert errors(write(connector, changes(wishes))) == {}
    assert shop.aws.requests == [
        "glue:GetTable arn:aws:glue:eu-west-1:123456789012:table/sales/orders",
        "glue:UpdateTable arn:aws:glue:eu-west-1:123456789012:table/sales/orders",
    ]
    assert shop.sent(UPDATE) == [
        {
            "DatabaseName": "sales",
            "VersionId": "1",
            "SkipArchive": True,
            "TableInput": {
                "Name": "orders",
                "Description": "All\norders",
                "Owner": "etl",
                "Retention": 3,
                "TableType": "EXTERNAL_TABLE",
                "Parameters": {"classification": "parquet", "comment": "All\norders"},
                "StorageDescriptor": {
                    "Columns": [
                        {"Name": "id", "Type": "int", "Comment": "Key"},
                        {"Name": "email", "Type": "string"},
                    ],
                    "Location": "s3://sales/orders",
                    "SerdeInfo": {"SerializationLibrary": "serde", "Parameters": {"path": "x"}},
                },
                "PartitionKeys": [{"Name": "day", "Type": "date", "Comment": "Partition"}],
            },
        }
    ]


def test_what_is_removed_is_left_out(shop: Shop) -> None:
    shop.create("described", Description="x", Parameters={"comment": "x"})
    with shop.connector() as connector:
        described = (*SALES.path, "described")
        assert errors(write(connector, changes({described: None, column("email", described): None}))) == {}
    ((sent),) = shop.sent(UPDATE)
    assert "Description" not in sent["TableInput"]
    assert sent["TableInput"]["Parameters"] == {}
    assert [each.get("Comment") for each in sent["TableInput"]["StorageDescriptor"]["Columns"]] == [None, None]


def test_nothing_is_sent_that_stands_there_already(shop: Shop) -> None:
    shop.create("bare", Parameters=None)
    bare = (*SALES.path, "bare")
    with shop.connector() as connector:
        assert errors(write(connector, changes({bare: None, column("email"): "old"}))) == {}
        assert errors(write(connector, changes({SALES.path: None}))) == {}
    assert shop.sent(UPDATE) == shop.sent("glue:UpdateDatabase") == []


def test_old_versions_are_kept_on_request(shop: Shop) -> None:
    with shop.connector(skip_archive=False) as connector:
        write(connector, changes({ORDERS: "x"}))
    assert shop.sent(UPDATE)[0]["SkipArchive"] is False


def test_a_database_keeps_all_of_itself(shop: Shop) -> None:
    with shop.connector() as connector:
        assert errors(write(connector, changes({SALES.path: "Sales"}))) == {}
    assert shop.sent("glue:UpdateDatabase") == [
        {
            "Name": "sales",
            "DatabaseInput": {
                "Name": "sales",
                "Description": "Sales",
                "LocationUri": "s3://sales",
                "Parameters": {"a": "b"},
            },
        }
    ]


def test_only_what_glue_takes_back_is_sent_back_and_all_of_it() -> None:
    from botocore.session import get_session

    model = get_session().get_service_model("glue")
    answered = model.shape_for("Table").members.keys()
    taken = model.shape_for("TableInput").members.keys()
    table: dict[str, Any] = dict.fromkeys(answered - {"StorageDescriptor", "TargetTable", "FederatedTable"}, 1)
    table |= {"ViewDefinition": {"Representations": [{"Dialect": "ATHENA", "IsStale": True}], "IsProtected": False}}
    table |= {"PartitionKeys": [{"Name": "day", "Parameters": {"a": "b"}}]}
    table |= {"StorageDescriptor": {"Columns": [], "Compressed": False, "NotOfGlue": 1}, "TargetTable": None}
    found = glue.as_input(table, model.shape_for("TableInput"))
    assert found.keys() == taken - {"TargetTable", "FederatedTable"}
    assert found["ViewDefinition"] == {"Representations": [{"Dialect": "ATHENA"}], "IsProtected": False}
    assert found["StorageDescriptor"] == {"Columns": [], "Compressed": False}
    assert found["PartitionKeys"] == [{"Name": "day", "Parameters": {"a": "b"}}]


def test_somebody_who_was_faster_is_not_overwritten(shop: Shop) -> None:
    def others() -> None:
        if shop.table()["VersionId"] == "1":
            theirs = shop.table()
            wanted = {name: theirs[name] for name in ("Name", "StorageDescriptor", "PartitionKeys")}
            shop.glue.update_table(DatabaseName="sales", TableInput={**wanted, "Owner": "somebody else"})

    with shop.connector() as connector:
        statements = connector.resolve(changes({ORDERS: "x"}))
        assert errors(connector.execute(SALES, statements, others)) == {}
    assert shop.table()["Owner"] == "somebody else"
    assert shop.table()["Description"] == "x"
    assert [sent["VersionId"] for sent in shop.sent(UPDATE) if "VersionId" in sent] == ["1", "2"]


def test_it_gives_up_when_somebody_is_always_faster(shop: Shop) -> None:
    shop.refuse("ConcurrentModificationException", UPDATE, times=100)
    with shop.connector() as connector:
        (error,) = errors(write(connector, changes({ORDERS: "x"}))).values()
    assert error.reason is Reason.SERIALIZATION
    assert shop.aws.count(UPDATE) == 15


def test_a_writer_without_its_lease_sends_nothing(shop: Shop) -> None:
    def lost() -> None:
        raise LeaseLost("too late")

    with shop.connector(lf_tags=True) as connector:
        for wish in (ORDERS, SALES.path):
            with pytest.raises(LeaseLost):
                list(connector.execute(SALES, connector.resolve(changes({wish: "x"})), lost))
    assert shop.sent(UPDATE) == shop.sent("glue:UpdateDatabase") == []


def test_each_table_is_one_update_however_many_columns(shop: Shop) -> None:
    wishes: dict[Path, str | None] = {}
    for number in range(20):
        columns = [{"Name": f"c{each}", "Type": "int"} for each in range(50)]
        shop.create(f"t{number}", StorageDescriptor={"Columns": columns})
        table = (*SALES.path, f"t{number}")
        wishes |= {table: "x", **{(*table, each["Name"]): f"about {each['Name']}" for each in columns}}
    shop.aws.requests.clear()
    with shop.connector() as connector:
        assert errors(push(connector, wishes)) == {}
    assert shop.aws.count(UPDATE) == 20
    assert shop.aws.count("glue:GetTable ") == 40
    assert len(shop.aws.requests) == 61


def test_the_text_of_a_statement_says_what_changes(shop: Shop) -> None:
    wishes = {ORDERS: 'All "orders"', column("id"): "a\tb", column("email"): None}
    with shop.connector() as connector:
        table, schema = connector.resolve([*changes(wishes), *changes({SALES.path: "Sales"})])[::-1]
    assert schema.text == 'glue.update_database(Name="sales")\n    Description: "Sales"'
    assert table.text == (
        'glue.update_table(DatabaseName="sales", Name="orders")\n'
        '    Description: "All \\"orders\\""\n'
        '    Parameters["comment"]: "All \\"orders\\""\n'
        '    Columns["id"].Comment: "a\\tb"\n'
        '    Columns["email"].Comment: removed'
    )


def test_the_text_of_a_statement_knows_partition_keys_and_views(shop: Shop) -> None:
    shop.create("recent", TableType="VIRTUAL_VIEW", PartitionKeys=None)
    recent = (*SALES.path, "recent")
    with shop.connector() as connector:
        state = connector.read(SALES)
        statements = connector.resolve(changes({column("day"): "x", recent: "y"}, state=state))
    assert [statement.text for statement in statements] == [
        'glue.update_table(DatabaseName="sales", Name="orders")\n    PartitionKeys["day"].Comment: "x"',
        'glue.update_table(DatabaseName="sales", Name="recent")\n    Description: "y"',
    ]


@pytest.mark.parametrize(
    ("database", "options", "told"),
    [
        ("default", {}, None),
        ("210987654321", {}, "210987654321"),
        ("default", {"catalog_id": "210987654321"}, "210987654321"),
        ("111111111111", {"catalog_id": "210987654321"}, "210987654321"),
        ("default", {"rewrite": {"database": {"default": "210987654321"}}}, "210987654321"),
    ],
)
def test_every_call_names_the_catalog_where_it_is_not_the_callers(
    shop: Shop, database: str, options: dict[str, Any], told: str | None
) -> None:
    partition = type(SALES)(SALES.service, database, "sales")
    with shop.connector(**options) as connector:
        connector.read(partition)
        assert errors(write(connector, changes({(*partition.path, "orders"): "x", partition.path: "y"}))) == {}
    for action in ("GetDatabase", "GetTables", "GetTable", UPDATE.partition(":")[2], "UpdateDatabase"):
        assert {sent.get("CatalogId") for sent in shop.sent(f"glue:{action}")} == {told}


def test_a_schema_is_written_under_its_other_name(shop: Shop) -> None:
    partition = type(SALES)(SALES.service, "default", "production")
    with shop.connector(rewrite={"schema": {"production": "sales"}}) as connector:
        state = connector.read(partition)
        assert ("default", "production", "orders", "id") in state
        assert errors(write(connector, changes({("default", "production", "orders"): "x"}))) == {}
    assert shop.table()["Description"] == "x"

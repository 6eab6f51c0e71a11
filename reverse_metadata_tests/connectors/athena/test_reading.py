"""What is read of Glue, and what is refused before anything is sent."""

from datetime import UTC
from typing import Any

import pytest

from reverse_metadata.connectors.athena import glue
from reverse_metadata.connectors.athena.types import fields
from reverse_metadata.model import Aspect, EntityType, Partition, Path, SourceState, Verdict
from reverse_metadata_tests.connectors.athena.shop import ORDERS, SALES, Shop, changes, column, write
from reverse_metadata_tests.contract.peer import SERVICE, change, errors

VIEW = {"presto_view": "true", "comment": "Presto View"}


def test_pages_are_followed_to_the_end(shop: Shop) -> None:
    pages: list[dict[str, Any]] = [
        {"TableList": [{"Name": "a"}], "NextToken": "1"},
        {"TableList": [], "NextToken": "2"},
        {"TableList": [{"Name": "b"}]},
    ]
    for page in pages:
        shop.answer(page, "glue:GetTables")
    with shop.connector() as connector:
        assert [path[2] for path in connector.read(SALES) if len(path) > 2] == ["a", "b"]
    assert [sent.get("NextToken") for sent in shop.sent("glue:GetTables")] == [None, "1", "2"]


def test_a_table_is_another_one_when_it_was_made_at_another_time(shop: Shop) -> None:
    with shop.connector() as connector:
        found = connector.read(SALES)
    assert found[ORDERS].object_id == shop.table()["CreateTime"].astimezone(UTC).isoformat()
    assert found[column("id")].object_id == found[ORDERS].object_id


@pytest.mark.parametrize(
    ("table", "description"),
    [
        ({}, None),
        ({"Description": "", "Parameters": {"comment": ""}}, None),
        ({"Description": "x"}, "x"),
        ({"Parameters": {"comment": "x"}}, "x"),
        ({"Description": "x", "Parameters": {"comment": "x"}}, "x"),
        ({"Description": "x", "Parameters": {"comment": "y"}}, "x\n(the table's parameter 'comment': y)"),
        ({"TableType": "VIRTUAL_VIEW", "Parameters": VIEW}, None),
        ({"TableType": "VIRTUAL_VIEW", "Description": "x", "Parameters": {"comment": "y"}}, "x"),
    ],
)
def test_a_table_is_described_in_two_places(table: dict[str, Any], description: str | None) -> None:
    assert glue.description(table) == description


def test_a_comment_that_differs_is_mended(shop: Shop) -> None:
    shop.create("half", Description="x", Parameters={"comment": "y"})
    half = (*SALES.path, "half")
    with shop.connector() as connector:
        assert errors(write(connector, changes({half: "x"}))) == {}
        assert connector.read(SALES)[half].description == "x"


@pytest.mark.parametrize("marker", ["Presto View", "Presto Materialized View", None])
def test_the_mark_of_a_view_stays(shop: Shop, marker: str | None) -> None:
    parameters = {"presto_view": "true"} | ({"comment": marker} if marker else {})
    shop.create("recent", TableType="VIRTUAL_VIEW", ViewOriginalText="/* Presto View: x */", Parameters=parameters)
    recent = (*SALES.path, "recent")
    with shop.connector() as connector:
        for text in ("x", None):
            assert errors(write(connector, changes({recent: text, column("id", recent): text}))) == {}
            assert shop.table("recent")["Parameters"] == parameters
            assert shop.table("recent")["ViewOriginalText"] == "/* Presto View: x */"
            assert shop.table("recent").get("Description") == text


def test_columns_that_iceberg_dropped_are_none(shop: Shop) -> None:
    dropped = {"Name": "gone", "Type": "int", "Parameters": {"iceberg.field.current": "false"}}
    kept = {"Name": "id", "Type": "int", "Parameters": {"iceberg.field.current": "true", "iceberg.field.id": "1"}}
    shop.create(
        "events",
        Parameters={"table_type": "ICEBERG", "metadata_location": "s3://m"},
        StorageDescriptor={"Columns": [dropped, kept]},
        PartitionKeys=None,
    )
    events = (*SALES.path, "events")
    with shop.connector() as connector:
        state = connector.read(SALES)
        assert state[events].kind == "iceberg table"
        assert [path[3] for path in state if path[:3] == events and len(path) == 4] == ["id"]
        failed = errors(write(connector, changes({column("gone", events): "x", column("id", events): "y"})))
    assert list(failed) == [column("gone", events)]
    assert shop.table("events")["StorageDescriptor"]["Columns"] == [dropped, {**kept, "Comment": "y"}]
    assert shop.table("events")["Parameters"]["metadata_location"] == "s3://m"


@pytest.mark.parametrize(
    ("table", "kind"),
    [
        ({"TableType": "MANAGED_TABLE"}, "table"),
        ({"Parameters": {"table_type": "iceberg"}}, "iceberg table"),
        ({"Parameters": {"presto_view": "true"}}, "view"),
        ({"TableType": "VIRTUAL_VIEW"}, "view"),
        ({"TableType": "VIRTUAL_VIEW", "IsMultiDialectView": True}, "multi-dialect view"),
        ({"IsMaterializedView": True, "ViewDefinition": {}}, "materialized view"),
        ({"TargetTable": {"Name": "x"}}, "resource link"),
        ({"FederatedTable": {"Identifier": "x"}}, "federated table"),
    ],
)
def test_kinds_are_told_apart(table: dict[str, Any], kind: str) -> None:
    assert glue.table_kind(table) == kind


@pytest.mark.parametrize(
    ("member", "kind", "within"),
    [
        ({"TargetDatabase": {"CatalogId": "2", "DatabaseName": "x"}}, "linked schema", "resource link"),
        ({"FederatedDatabase": {"Identifier": "x"}}, "federated schema", "federated table"),
    ],
)
def test_what_stands_in_a_database_of_others_is_theirs(
    shop: Shop, member: dict[str, Any], kind: str, within: str
) -> None:
    shop.answer({"Database": {"Name": "sales", **member}}, "glue:GetDatabase", times=2)
    with shop.connector(lf_tags=True) as connector:
        state = connector.read(SALES)
        assert (state[SALES.path].kind, state[ORDERS].kind) == (kind, within)
        for path in state:
            refused = connector.refuse(change(path, "x", state))
            assert refused is not None
            assert refused[0] is Verdict.UNSUPPORTED
        failed = errors(write(connector, changes({SALES.path: "x"})))
    assert "which is the one to describe" in str(failed) or "in the source that it comes from" in str(failed)


def test_a_table_that_became_a_link_is_not_touched(shop: Shop) -> None:
    with shop.connector() as connector:
        statements = connector.resolve(changes({ORDERS: "x"}))
        shop.glue.delete_table(DatabaseName="sales", Name="orders")
        shop.create("orders", TargetTable={"DatabaseName": "theirs", "Name": "orders"})
        (error,) = errors(connector.execute(SALES, statements)).values()
    assert "resource link" in str(error)
    assert shop.sent("glue:UpdateTable") == []


@pytest.mark.parametrize(
    ("column_type", "names"),
    [
        ("int", []),
        ("struct<a:int,b:decimal(10,2)>", ["a", "b"]),
        (
            "STRUCT<`a`: int , b:array<struct<c:map<string,struct<x:int>>,d:struct<e:int>>>>",
            "a b b.c b.d b.d.e".split(),
        ),
        ("array<struct<a:int>>", ["a"]),
        ("map<string,struct<a:int>>", []),
        ("struct<", []),
        ("struct<nonsense>", []),
    ],
)
def test_the_fields_of_a_struct_are_known(column_type: str, names: list[str]) -> None:
    assert [".".join(path) for path in fields(column_type)] == names


def test_a_field_has_no_comment_of_its_own(shop: Shop) -> None:
    shop.create("nested", StorageDescriptor={"Columns": [{"Name": "who", "Type": "struct<name:string>"}]})
    field = (*SALES.path, "nested", "who", "name")
    with shop.connector(lf_tags=True) as connector:
        state = connector.read(SALES)
        assert connector.refuse(change(field, "x", state)) == (
            Verdict.UNSUPPORTED,
            "the comment of a field is a part of its column's type, which is not rewritten",
        )
        assert connector.refuse(change(field, "x", state, Aspect.TAGS, "pii")) == (
            Verdict.UNSUPPORTED,
            "Lake Formation has no tags on a field",
        )


@pytest.mark.parametrize("name", ["", "nul\0", "half \ud83c", "x" * 256, "line\nbreak"])
def test_a_name_that_nothing_has_is_absent(shop: Shop, name: str) -> None:
    with shop.connector() as connector:
        assert connector.read(Partition(SERVICE, "default", name)) == {}
        assert list(connector.read(SALES, [name])) == [SALES.path]


@pytest.mark.parametrize(
    ("path", "text", "reason"),
    [
        (column("id"), "a\nb", "Glue takes no line breaks in the comment of a column; remove them"),
        (column("id"), "a\rb", "Glue takes no line breaks in the comment of a column; remove them"),
        (column("id"), "a\x00b", "Glue takes no control characters and no halves of surrogate pairs; remove them"),
        (ORDERS, "a\x0bb", "Glue takes no control characters and no halves of surrogate pairs; remove them"),
        (SALES.path, "\ud83c", "Glue takes no control characters and no halves of surrogate pairs; remove them"),
    ],
)
def test_what_glue_cannot_hold_is_refused(shop: Shop, path: Path, text: str, reason: str) -> None:
    nothing: SourceState = {}
    assert shop.connector().refuse(change(path, text, nothing)) == (Verdict.INVALID, reason)


@pytest.mark.parametrize("path", [ORDERS, SALES.path])
def test_a_description_has_lines(shop: Shop, path: Path) -> None:
    assert shop.connector().refuse(change(path, "a\r\n\tb", {})) is None


def test_the_database_of_the_catalog_is_there_whatever_it_is_called(shop: Shop) -> None:
    with shop.connector() as connector:
        state = connector.read(Partition(SERVICE, "default", None))
    assert [found.kind for found in state.values()] == ["catalog"]
    assert not connector.capabilities.supports(Aspect.DESCRIPTION, EntityType.DATABASE)
    assert shop.aws.requests == []

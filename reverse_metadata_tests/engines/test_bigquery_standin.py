from typing import Any

import pytest
from google.api_core.exceptions import (
    BadRequest,
    Conflict,
    Forbidden,
    NotFound,
    PreconditionFailed,
    ServiceUnavailable,
)
from google.api_core.retry import Retry, if_exception_type
from google.cloud import bigquery
from requests.exceptions import ConnectionError

from reverse_metadata_tests.engines.bigquery_standin import BigQueryStandIn
from reverse_metadata_tests.engines.front import When

ORDERS = "shop-project.shop.orders"
PATCH = "PATCH projects/shop-project/datasets/shop/tables/orders"
POLICY = "projects/p/locations/eu/taxonomies/1/policyTags/2"
ONCE = Retry(predicate=if_exception_type())
FIELDS: list[dict[str, Any]] = [
    {"name": "id", "type": "INTEGER", "mode": "REQUIRED"},
    {"name": "email", "type": "STRING", "policyTags": {"names": [POLICY]}},
    {"name": "buyer", "type": "RECORD", "fields": [{"name": "name", "type": "STRING", "description": "Who"}]},
]


@pytest.fixture
def shop(bigquery_standin: BigQueryStandIn) -> bigquery.Client:
    client = bigquery_standin.client()
    client.create_dataset("shop")
    client.create_table(bigquery.Table(ORDERS, schema=FIELDS))
    bigquery_standin.requests.clear()
    return client


def patch(shop: bigquery.Client, **changes: Any) -> bigquery.Table:
    table = shop.get_table(ORDERS)
    for name, value in changes.items():
        setattr(table, name, value)
    return shop.update_table(table, list(changes), retry=ONCE)


def test_it_starts_empty(bigquery_standin: BigQueryStandIn) -> None:
    assert list(bigquery_standin.client().list_datasets()) == []
    assert bigquery_standin.requests == ["GET projects/shop-project/datasets"]


def test_a_patch_changes_what_it_names_and_null_removes(
    shop: bigquery.Client, bigquery_standin: BigQueryStandIn
) -> None:
    table = patch(shop, description="Orders", labels={"pii": "yes", "größe": ""})
    assert (table.description, table.labels) == ("Orders", {"pii": "yes", "größe": ""})
    table = patch(shop, description=None, labels={"pii": None, "tier": "gold"})
    assert (table.description, table.labels) == (None, {"größe": "", "tier": "gold"})
    assert table.schema == shop.get_table(ORDERS).schema
    assert bigquery_standin.count(PATCH) == 2


def test_a_dataset_is_patched_too(shop: bigquery.Client) -> None:
    dataset = shop.get_dataset("shop")
    dataset.description, dataset.labels = "The shop", {"tier": "gold"}
    shop.update_dataset(dataset, ["description", "labels"])
    with pytest.raises(PreconditionFailed, match="Precondition check failed"):
        shop.update_dataset(dataset, ["description"], retry=ONCE)
    assert shop.get_dataset("shop").description == "The shop"
    dataset = shop.get_dataset("shop")
    with pytest.raises(BadRequest, match="does not change access"):
        shop.update_dataset(dataset, ["access_entries"], retry=ONCE)


def test_a_stale_etag_is_refused_and_none_at_all_is_not(shop: bigquery.Client) -> None:
    stale = shop.get_table(ORDERS)
    patch(shop, description="first")
    stale.description = "second"
    with pytest.raises(PreconditionFailed, match="Precondition check failed"):
        shop.update_table(stale, ["description"], retry=ONCE)
    stale._properties["etag"] = None
    assert shop.update_table(stale, ["description"], retry=ONCE).description == "second"


def test_every_list_comes_in_pages_and_without_schemas(
    shop: bigquery.Client, bigquery_standin: BigQueryStandIn
) -> None:
    shop.create_table(bigquery.Table(f"{ORDERS}_2"))
    shop.create_table(bigquery.Table(f"{ORDERS}_3"))
    bigquery_standin.requests.clear()
    listed = list(shop.list_tables("shop", page_size=2))
    assert [each.table_id for each in listed] == ["orders", "orders_2", "orders_3"]
    assert "schema" not in listed[0]._properties
    assert bigquery_standin.requests == ["GET projects/shop-project/datasets/shop/tables"] * 2


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("VIEW", {"view": {"query": "SELECT 1", "useLegacySql": False}}),
        ("MATERIALIZED_VIEW", {"materializedView": {"query": "SELECT 1"}}),
        ("EXTERNAL", {"externalDataConfiguration": {"sourceUris": []}}),
    ],
)
def test_every_type_of_table_is_patched_alike(shop: bigquery.Client, kind: str, body: dict[str, Any]) -> None:
    reference = {"projectId": "shop-project", "datasetId": "shop", "tableId": "other"}
    resource = {"tableReference": reference, "schema": {"fields": FIELDS}, **body}
    table = shop.create_table(bigquery.Table.from_api_repr(resource))
    assert table.table_type == kind
    table.description = "x"
    assert shop.update_table(table, ["description"]).description == "x"


def test_descriptions_of_nested_fields_and_policy_tags_are_kept(shop: bigquery.Client) -> None:
    fields = [FIELDS[0], FIELDS[1] | {"description": "Where"}, FIELDS[2]]
    assert [each.description for each in patch(shop, schema=fields).schema] == [None, "Where", None]
    found = shop.get_table(ORDERS).schema
    assert found[1].policy_tags == bigquery.PolicyTagList([POLICY])
    assert found[2].fields[0].description == "Who"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (FIELDS[:2], "Provided Schema does not match Table shop-project:shop.orders. Field buyer is missing in new"),
        ([*FIELDS, {"name": "new", "type": "STRING"}], r"Cannot add fields \(field: new\)"),
        ([FIELDS[1], FIELDS[0], FIELDS[2]], "The fields are in another order"),
        ([FIELDS[0] | {"type": "STRING"}, *FIELDS[1:]], "Field id has changed type from INTEGER to STRING"),
        ([FIELDS[0] | {"mode": "NULLABLE"}, *FIELDS[1:]], "Field id has changed mode from REQUIRED to NULLABLE"),
        ([*FIELDS[:2], FIELDS[2] | {"fields": []}], "Field buyer.name is missing in new schema"),
        ([FIELDS[0] | {"description": "x" * 1025}, *FIELDS[1:]], "The description for field id is too long."),
        (
            [*FIELDS[:2], FIELDS[2] | {"policyTags": {"names": [POLICY]}}],
            "Policy tags can only be attached to a leaf field",
        ),
    ],
)
def test_a_schema_must_be_the_one_that_is_there(
    shop: bigquery.Client, fields: list[dict[str, Any]], message: str
) -> None:
    before = shop.get_table(ORDERS).to_api_repr()
    table = bigquery.Table(ORDERS)
    table._properties["schema"] = {"fields": fields}
    with pytest.raises(BadRequest, match=message):
        shop.update_table(table, ["schema"], retry=ONCE)
    assert shop.get_table(ORDERS).to_api_repr() == before


def test_another_name_of_a_type_is_the_same_type(shop: bigquery.Client) -> None:
    fields = [FIELDS[0] | {"type": "INT64"}, FIELDS[1], FIELDS[2] | {"type": "STRUCT"}]
    patch(shop, schema=fields)


def test_a_description_has_a_limit(shop: bigquery.Client) -> None:
    patch(shop, description="x" * 16384)
    with pytest.raises(BadRequest, match="Descriptions can be at most 16384 characters long"):
        patch(shop, description="x" * 16385)


@pytest.mark.parametrize(
    "labels",
    [{"PII": "x"}, {"pii": "Yes"}, {"a b": ""}, {"1a": ""}, {"a" * 64: ""}, {"a": "x" * 64}, {"a": "x.y"}],
)
def test_a_label_has_its_characters_and_its_length(shop: bigquery.Client, labels: dict[str, str]) -> None:
    with pytest.raises(BadRequest, match="violates format constraints"):
        patch(shop, labels=labels)
    assert shop.get_table(ORDERS).labels == {}


def test_a_table_has_64_labels_at_most(shop: bigquery.Client) -> None:
    patch(shop, labels={f"label-{number}": "" for number in range(64)})
    with pytest.raises(BadRequest, match="65 labels"):
        patch(shop, labels={"one_more": ""})


def test_a_missing_permission_is_refused_in_the_words_of_bigquery(
    shop: bigquery.Client, bigquery_standin: BigQueryStandIn
) -> None:
    message = (
        "Access Denied: Table shop-project:shop.orders: Permission bigquery.tables.update denied on table "
        r"shop-project:shop.orders \(or it may not exist\)\."
    )
    asked = ["bigquery.tables.get", "bigquery.tables.update"]
    with bigquery_standin.denied("bigquery.tables.update", "shop-project:shop.*"):
        with pytest.raises(Forbidden, match=message) as caught:
            patch(shop, description="x")
        assert caught.value.errors[0]["reason"] == "accessDenied"
        assert shop.test_iam_permissions(ORDERS, asked) == {"permissions": ["bigquery.tables.get"]}
    assert shop.test_iam_permissions(ORDERS, asked) == {"permissions": asked}
    assert shop.test_iam_permissions(f"{ORDERS}_gone", asked) == {}
    patch(shop, description="x")


def test_policy_tags_in_a_schema_need_a_permission_of_their_own(
    shop: bigquery.Client, bigquery_standin: BigQueryStandIn
) -> None:
    with bigquery_standin.denied("bigquery.tables.setCategory"):
        patch(shop, description="x")
        with pytest.raises(Forbidden, match=r"Permission bigquery.tables.setCategory denied"):
            patch(shop, schema=FIELDS)


def test_a_dataset_may_be_denied(shop: bigquery.Client, bigquery_standin: BigQueryStandIn) -> None:
    with bigquery_standin.denied("bigquery.datasets.*"), pytest.raises(Forbidden, match="Dataset shop-project:shop: "):
        shop.get_dataset("shop", retry=ONCE)
    with bigquery_standin.denied("bigquery.tables.list"), pytest.raises(Forbidden, match=r"bigquery\.tables\.list"):
        list(shop.list_tables("shop", retry=ONCE))


def test_a_limit_and_a_failure_are_played_once(shop: bigquery.Client, bigquery_standin: BigQueryStandIn) -> None:
    bigquery_standin.answer_next(bigquery_standin.rate_limited(), "PATCH")
    with pytest.raises(Forbidden, match="Exceeded rate limits") as caught:
        patch(shop, description="x")
    assert caught.value.errors[0]["reason"] == "rateLimitExceeded"
    bigquery_standin.answer_next(bigquery_standin.refusal(503, "backendError", "Try again later."), "PATCH")
    with pytest.raises(ServiceUnavailable, match="Try again later"):
        patch(shop, description="x")
    assert patch(shop, description="x").description == "x"


@pytest.mark.parametrize(("when", "description"), [("before", None), ("after", "x")])
def test_a_connection_is_lost_before_or_after_the_patch(
    shop: bigquery.Client, bigquery_standin: BigQueryStandIn, when: When, description: str | None
) -> None:
    bigquery_standin.lose_next(when, PATCH)
    with pytest.raises(ConnectionError):
        patch(shop, description="x")
    assert shop.get_table(ORDERS).description == description


def test_what_was_created_again_is_younger(shop: bigquery.Client) -> None:
    first = shop.get_table(ORDERS)
    with pytest.raises(Conflict, match=r"Already Exists: Table shop-project:shop\.orders"):
        shop.create_table(bigquery.Table(ORDERS), retry=ONCE)
    shop.delete_table(ORDERS)
    with pytest.raises(NotFound, match=r"Not found: Table shop-project:shop\.orders"):
        shop.get_table(ORDERS)
    second = shop.create_table(bigquery.Table(ORDERS))
    assert second.created > first.created


def test_it_refuses_everything_else(shop: bigquery.Client) -> None:
    with pytest.raises(NotFound, match="Not found: /bigquery/v2/projects/shop-project/queries"):
        shop.query_and_wait("SELECT 1", retry=ONCE, job_retry=ONCE)
    with pytest.raises(BadRequest, match="does not answer DELETE projects/shop-project/datasets/shop"):
        shop.delete_dataset("shop", retry=ONCE)
    with pytest.raises(NotFound, match="Not found: Dataset shop-project:gone"):
        shop.get_dataset("gone")
    with pytest.raises(BadRequest, match="does not change expirationTime"):
        shop.update_table(bigquery.Table(ORDERS), ["expires"], retry=ONCE)

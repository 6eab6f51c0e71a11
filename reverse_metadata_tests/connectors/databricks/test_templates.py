"""The published templates, as they are rendered, sent by the connector."""

from typing import Any

import pytest

from reverse_metadata.model import Aspect, Partition, Statement
from reverse_metadata.templates import parse
from reverse_metadata_tests.connectors.databricks.changes import change
from reverse_metadata_tests.contract.databricks import to
from reverse_metadata_tests.contract.peer import SERVICE
from reverse_metadata_tests.engines.databricks import DatabricksStandIn
from reverse_metadata_tests.templates import golden

ROWS = [row for row in golden.rows("published.yaml") if row["system"] in ("databricks", "unitycatalog")]


def test_both_systems_have_some() -> None:
    assert {row["system"] for row in ROWS} == {"databricks", "unitycatalog"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["template"])
def test_a_published_template_does_what_it_says(databricks: DatabricksStandIn, row: dict[str, Any]) -> None:
    values = row["values"]
    path = tuple(values[name].lower() for name in ("database", "schema", "table"))
    store = databricks.metastore
    for depth in (1, 2, 3):
        store.create(path[:depth], columns={"id": "int"} if depth == 3 else None)
    token = databricks.token("owner@example.com")
    for privilege in ("USE CATALOG", "USE SCHEMA", "APPLY TAG", "MANAGE"):
        store.grant("owner@example.com", privilege, path[:1])
    if "owner" in values:
        store.principals.add(f"{values['owner']}@gmail.com")
    sql = tuple(parse(row["template"], golden.dialect(row["system"])).render(golden.values(values)))
    statement = Statement(sql[0], (change(".".join(path), "table", "x", Aspect.TAGS, "k"),), sql)
    with to(databricks, token) as connector:
        (outcome,) = connector.execute(Partition(SERVICE, *path[:2]), [statement])
    assert outcome.error is None
    if "owner" in values:
        assert store.objects[path].owner == f"{values['owner']}@gmail.com"
    else:
        assert store.objects[path].tags == dict(values["tags"])

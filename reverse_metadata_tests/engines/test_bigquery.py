from collections.abc import Iterator
from pathlib import Path

import pytest
from google.api_core.exceptions import BadRequest, PreconditionFailed
from google.api_core.retry import Retry, if_exception_type
from google.cloud import bigquery

from reverse_metadata_tests.engines import bigquery as engine
from reverse_metadata_tests.engines.bigquery import client

ONCE = Retry(predicate=if_exception_type())


@pytest.fixture
def shop(bigquery_emulator: str) -> Iterator[bigquery.Client]:
    with client(bigquery_emulator) as connected:
        connected.create_dataset("emulated")
        yield connected
        connected.delete_dataset("emulated", delete_contents=True)


def orders(shop: bigquery.Client) -> bigquery.Table:
    fields = [
        bigquery.SchemaField("id", "INTEGER", mode="REQUIRED"),
        bigquery.SchemaField("buyer", "RECORD", fields=[bigquery.SchemaField("email", "STRING")]),
    ]
    return shop.create_table(bigquery.Table(f"{shop.project}.emulated.orders", schema=fields), retry=ONCE)


def test_descriptions_and_labels_read_back(shop: bigquery.Client) -> None:
    table = orders(shop)
    email = bigquery.SchemaField("email", "STRING", description="Where to write")
    table.schema = [table.schema[0], bigquery.SchemaField("buyer", "RECORD", fields=[email])]
    table.description, table.labels = "Orders", {"pii": "yes", "tier": "gold"}
    shop.update_table(table, ["description", "labels", "schema"], retry=ONCE)
    found = shop.get_table(table.reference, retry=ONCE)
    assert (found.description, found.labels) == ("Orders", {"pii": "yes", "tier": "gold"})
    assert found.schema[0].mode == "REQUIRED"
    assert found.schema[1].fields[0].description == "Where to write"
    found.labels = {"pii": None}
    assert shop.update_table(found, ["labels"], retry=ONCE).labels == {"tier": "gold"}


def test_a_stale_etag_is_refused(shop: bigquery.Client) -> None:
    table = orders(shop)
    table.description = "first"
    shop.update_table(table, ["description"], retry=ONCE)
    with pytest.raises(PreconditionFailed):
        shop.update_table(table, ["description"], retry=ONCE)


def test_a_dropped_field_is_refused(shop: bigquery.Client) -> None:
    table = orders(shop)
    table.schema = table.schema[:1]
    with pytest.raises(BadRequest):
        shop.update_table(table, ["schema"], retry=ONCE)


def test_it_is_missed_in_the_open(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(engine, "installed", lambda: tmp_path)
    monkeypatch.delenv("REQUIRE_ENGINES", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"local-bigquery is not installed: make engines PYTHON313="):
        with engine.bigquery_emulator():
            raise AssertionError("it started")


def test_a_python_is_one_that_works_and_is_3_13(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    versions = {"3.12.9": "(3, 12)", "3.13.0": "(3, 13)"}
    for name, version in versions.items():
        python = tmp_path / "versions" / name / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(f"#!/bin/sh\necho '{version}'\n")
        python.chmod(0o755)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.delenv("PYTHON313", raising=False)
    assert engine.python_313() == str(tmp_path / "versions/3.13.0/bin/python")
    monkeypatch.setenv("PYTHON313", str(tmp_path / "versions/3.12.9/bin/python"))
    assert engine.python_313() is None
    monkeypatch.setenv("PYTHON313", str(tmp_path / "nowhere"))
    assert engine.python_313() is None

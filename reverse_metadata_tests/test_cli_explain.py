"""`reverse-metadata plan CHANNEL --explain FQN` on a folder of files."""

import json
from pathlib import Path
from typing import NoReturn

import pytest
from click.testing import CliRunner, Result

from reverse_metadata.applying import preview
from reverse_metadata.cli import main
from reverse_metadata.errors import CatalogError
from reverse_metadata_tests.openmetadata_server import OpenMetadataServer

CONFIG = """\
catalog: {type: folder, path: catalog}
channels:
  - name: curated
    filter:
      all:
        - {service: shop_pg}
        - any: [{tags: "PII.*"}, {description: absent}, {extension.rows: {at_least: 5, less: 10}}]
        - not: {table: "tmp_*"}
  - {name: emails, filter: {column: ["email", "*_email"]}}
  - {name: everything}
"""
ORDERS = "shop_pg.shop.sales.orders"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    folder = tmp_path / "catalog"
    folder.mkdir()
    orders = {
        "fullyQualifiedName": ORDERS,
        "description": "it's \u202eevil\nand long",
        "extension": {"rows": 12},
        "columns": [{"name": "id"}, {"name": "email"}, {"name": "addr", "children": [{"name": "bill_email"}]}],
    }
    (folder / "orders.json").write_text(
        json.dumps([orders, {**orders, "fullyQualifiedName": f"{ORDERS}2", "deleted": True}])
    )
    file = tmp_path / "reverse_metadata.yaml"
    file.write_text(CONFIG)
    return file


def explain(config: Path, channel: str, fqn: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--config", str(config), "plan", channel, "--explain", fqn, *arguments])


def test_a_table_that_is_out_shows_every_clause_with_what_it_saw(config: Path) -> None:
    found = explain(config, "curated", ORDERS)
    assert found.exit_code == 0
    assert found.output == (
        "shop_pg.shop.sales.orders is not in scope of channel curated\n"
        "no     all of\n"
        "yes      service: shop_pg   (it is shop_pg)\n"
        "no       any of\n"
        "no         tags: PII.*   (has none)\n"
        "no         not\n"
        "yes          description: exists True   (it is it's \\u{202e}evil⏎and long)\n"
        "no         all of\n"
        "yes          extension.rows: at_least 5   (it is 12)\n"
        "no           extension.rows: less 10   (it is 12)\n"
        "yes      not\n"
        "no         table: tmp_*   (it is orders)\n"
    )


def test_a_schema_that_is_in(config: Path) -> None:
    found = explain(config, "curated", "shop_pg.shop.sales")
    assert found.output.splitlines()[0] == "shop_pg.shop.sales is in scope of channel curated"
    assert found.output.splitlines()[-1] == "no         table: tmp_*   (says nothing of a schema)"


def test_columns_that_are_in_scope_without_their_table(config: Path) -> None:
    found = explain(config, "emails", ORDERS)
    assert found.output == (
        "shop_pg.shop.sales.orders is not in scope of channel emails\n"
        "The filter speaks of columns; in scope are: email, addr.bill_email\n"
        "no     column: email or *_email   (says nothing of a table)\n"
    )
    found = explain(config, "emails", f"{ORDERS}.addr.bill_email")
    assert found.output == (
        f"{ORDERS}.addr.bill_email is in scope of channel emails\n"
        "yes    column: email or *_email   (it is bill_email, addr.bill_email)\n"
    )


def test_a_column_is_where_its_table_is_when_the_filter_does_not_speak_of_columns(config: Path) -> None:
    found = explain(config, "curated", f"{ORDERS}.id")
    assert found.output.splitlines()[0] == f"{ORDERS}.id is not in scope of channel curated"
    assert "(it is orders)" in found.output


def test_a_channel_without_a_filter_and_an_entity_that_is_deleted(config: Path) -> None:
    found = explain(config, "everything", f"{ORDERS}2")
    assert found.output == (
        f"{ORDERS}2 is in scope of channel everything\n"
        "It is deleted in the catalog: its last values are looked after whatever the filter says.\n"
        "yes    everything\n"
    )


def test_json_is_one_document(config: Path) -> None:
    found = json.loads(explain(config, "curated", ORDERS, "--json").output)
    assert (found["channel"], found["entity"], found["in_scope"], found["deleted"]) == ("curated", ORDERS, False, False)
    service, either, other = found["filter"]["parts"]
    assert service == {"clause": {"service": ["shop_pg"]}, "holds": True, "saw": ["shop_pg"]}
    assert (either["clause"], either["holds"], len(either["parts"])) == ("any", False, 3)
    assert other["parts"] == [{"clause": {"table": ["tmp_*"]}, "holds": False, "saw": ["orders"]}]


@pytest.mark.parametrize(
    ("fqn", "message"),
    [
        ("shop_pg.shop.sales.nothing", "has no shop_pg.shop.sales.nothing; check how it is written"),
        (f"{ORDERS}.phone", f"table {ORDERS} has no column phone"),
        ("shop_pg..x", "part 2 is empty"),
    ],
)
def test_what_is_not_there_is_a_problem(config: Path, fqn: str, message: str) -> None:
    found = explain(config, "curated", fqn)
    assert found.exit_code == 2
    assert message in found.stderr


def test_the_catalog_is_asked_for_what_the_filter_looks_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with OpenMetadataServer() as server:
        server.estate.service("shop_pg")
        server.estate.database("shop_pg.shop", domains=["Finance.Risk"])
        monkeypatch.setenv("CATALOG_TOKEN", server.bot_token)
        file = tmp_path / "reverse_metadata.yaml"
        file.write_text(
            f"catalog: {{type: openmetadata, url: {server.url}, token: '${{CATALOG_TOKEN}}'}}\n"
            "channels: [{name: finance, filter: {domain: finance}}]\n"
        )
        found = explain(file, "finance", "shop_pg.shop")
    assert found.output == (
        "shop_pg.shop is in scope of channel finance\nyes    domain: finance   (it is Finance, Finance.Risk)\n"
    )


def test_a_plan_asks_the_catalog_for_what_the_filters_of_all_channels_look_at(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def open_catalog(block: object, directory: Path, fields: list[str]) -> NoReturn:
        asked.append(fields)
        raise CatalogError("not now")

    monkeypatch.setattr(preview, "open_catalog", open_catalog)
    found = CliRunner().invoke(main, ["--config", str(config), "plan", "emails"])
    assert (asked, found.exit_code) == ([["extension"]], 2)

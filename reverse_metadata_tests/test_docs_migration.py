"""The examples of docs/migration.md are configurations, and their templates are templates."""

from pathlib import Path

import pytest
import yaml

from reverse_metadata.catalogs.filter import matches
from reverse_metadata.config import load_config
from reverse_metadata.dialects import DIALECTS, dialect_of
from reverse_metadata.templates import TemplateSet
from reverse_metadata_tests.catalogs.filter_estate import entities
from reverse_metadata_tests.docs_page import examples, text

PUBLISHED = Path(__file__).parent / "templates" / "published.yaml"
TEMPLATES = {
    channel["name"]: " ".join(channel["sql_template"].split())
    for example in examples("migration")
    for channel in yaml.safe_load(example)["channels"]
    if "service_type" in channel["filter"]
}


@pytest.mark.parametrize("example", examples("migration"))
def test_an_example_is_a_configuration(example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PG_PASSWORD", "secret")
    file = tmp_path / "reverse_metadata.yaml"
    file.write_text(f"catalog: {{type: folder, path: .}}\n{example}", encoding="utf-8")
    assert [channel.name for channel in load_config(file).channels]


def test_the_pasted_filter_chooses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PG_PASSWORD", "secret")
    file = tmp_path / "reverse_metadata.yaml"
    example = examples("migration")[0].replace('displayName.keyword": "shop_pg"', 'name.keyword": "shop_pg"')
    file.write_text(f"catalog: {{type: folder, path: .}}\n{example}", encoding="utf-8")
    (channel,) = load_config(file).channels
    found = [entity.fqn for entity in entities() if matches(channel.filter, entity)]
    assert found == ["shop_pg.shop.sales.Orders", "shop_pg.shop.crm.customers", "shop_pg.shop.crm.Customers_View"]


@pytest.mark.parametrize("name", [name for name in TEMPLATES if name.split()[0] in DIALECTS])
def test_a_template_is_one_of_its_dialect(name: str) -> None:
    TemplateSet.of(TEMPLATES[name], dialect_of(name.split()[0]))


def test_every_published_template_is_on_the_page() -> None:
    published = [each["template"] for each in yaml.safe_load(PUBLISHED.read_text("utf-8"))]
    # A long one is broken into lines there.
    page = " ".join(text("migration").split())
    assert [template for template in published if " ".join(template.split()) not in page] == []
    assert len(TEMPLATES) == 15

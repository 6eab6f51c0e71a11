"""What the catalog of a Dagster run is asked for."""

from pathlib import Path

import pytest

from reverse_metadata.catalogs.openmetadata import OpenMetadataCatalog
from reverse_metadata.channels.resources import CATALOG, resources_of
from reverse_metadata.config import load_config
from reverse_metadata_tests.openmetadata_server import OpenMetadataServer


def test_it_is_what_the_filters_of_all_channels_look_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "reverse_metadata.yaml"
    with OpenMetadataServer() as server:
        server.domain_field = "domains"
        server.estate.service("shop_pg")
        server.estate.database("shop_pg.shop")
        monkeypatch.setenv("CATALOG_TOKEN", server.bot_token)
        file.write_text(
            f"catalog: {{type: openmetadata, url: '{server.url}', token: '${{CATALOG_TOKEN}}'}}\n"
            "channels:\n"
            "  - {name: finance, filter: {not: {domain: Finance}}, priority: 1}\n"
            "  - {name: large, filter: {extension.rows: {greater: 5}}}\n"
        )
        with resources_of(load_config(file))[CATALOG].open() as catalog:
            assert isinstance(catalog, OpenMetadataCatalog)
            catalog.entity("shop_pg.shop")
    assert [query["fields"] for _, query in server.requests] == ["owners,tags,domains,extension"]

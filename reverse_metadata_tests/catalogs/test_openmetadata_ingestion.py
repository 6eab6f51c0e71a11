"""Which of the catalog's ingestion pipelines write over what people curate."""

from collections.abc import Iterator

import pytest
import responses

from reverse_metadata.catalogs.openmetadata import OpenMetadataCatalog
from reverse_metadata.errors import CatalogForbidden, CatalogUnavailable
from reverse_metadata_tests.openmetadata_estate import fill_with_a_shop
from reverse_metadata_tests.openmetadata_server import OpenMetadataServer

PIPELINES = "services/ingestionPipelines"


@pytest.fixture
def server() -> Iterator[OpenMetadataServer]:
    with OpenMetadataServer() as server:
        fill_with_a_shop(server.estate)
        yield server


@pytest.fixture
def waits() -> list[float]:
    """The seconds that the client waited between its tries."""
    return []


@pytest.fixture
def catalog(server: OpenMetadataServer, waits: list[float]) -> Iterator[OpenMetadataCatalog]:
    with OpenMetadataCatalog(server.url, server.bot_token, pause=waits.append) as catalog:
        yield catalog


def test_pipelines_that_override_are_named_by_service(server: OpenMetadataServer, catalog: OpenMetadataCatalog) -> None:
    server.estate.service("my.pg")
    server.estate.ingestion("shop_pg", "b1", displayName="Nightly", overrideMetadata=True)
    server.estate.ingestion("shop_pg", "b2", displayName="Hourly", overrideMetadata=True)
    server.estate.ingestion('"my.pg"', "my.ingestion", overrideMetadata=True)
    assert catalog.overriding() == {"my.pg": ["my.ingestion"], "shop_pg": ["Hourly", "Nightly"]}
    assert catalog.overriding("shop_pg") == {"shop_pg": ["Hourly", "Nightly"]}
    assert catalog.overriding("my.pg") == {"my.pg": ["my.ingestion"]}
    assert catalog.overriding("other") == {}


def test_other_pipelines_do_not_count(server: OpenMetadataServer, catalog: OpenMetadataCatalog) -> None:
    server.estate.ingestion("shop_pg", "off", overrideMetadata=False)
    server.estate.ingestion("shop_pg", "default")
    server.estate.ingestion("shop_pg", "paused", overrideMetadata=True, enabled=False)
    server.estate.ingestion("shop_pg", "gone", overrideMetadata=True, deleted=True)
    server.estate.ingestion("shop_pg", "profiler", type="profiler", overrideMetadata=True)
    assert catalog.overriding() == {}


def test_a_dashboard_service_of_the_same_name_does_not_count(
    server: OpenMetadataServer, catalog: OpenMetadataCatalog
) -> None:
    server.estate.ingestion("shop_pg", "dashboards", overrideMetadata=True)
    server.estate.kinds[server.estate.id("shop_pg")] = "dashboardService"
    assert catalog.overriding() == {}


def test_one_request_that_asks_for_nothing_more(server: OpenMetadataServer, catalog: OpenMetadataCatalog) -> None:
    server.estate.ingestion("shop_pg", "nightly", overrideMetadata=True)
    catalog.overriding("shop_pg")
    catalog.overriding()
    assert server.requests == [
        (PIPELINES, {"pipelineType": "metadata", "service": "shop_pg", "limit": "100"}),
        (PIPELINES, {"pipelineType": "metadata", "limit": "100"}),
    ]


def test_pipelines_come_in_pages(server: OpenMetadataServer, catalog: OpenMetadataCatalog) -> None:
    names = [f"p{number:03}" for number in range(101)]
    for name in names:
        server.estate.ingestion("shop_pg", name, overrideMetadata=True)
    assert catalog.overriding("shop_pg") == {"shop_pg": names}
    assert len(server.requests) == 2


def test_a_server_that_ignores_the_parameters(server: OpenMetadataServer, catalog: OpenMetadataCatalog) -> None:
    server.estate.service("crm_pg")
    server.estate.ingestion("shop_pg", "shop", overrideMetadata=True)
    server.estate.ingestion("crm_pg", "crm", overrideMetadata=True)
    server.ignore_parents = True
    assert catalog.overriding("crm_pg") == {"crm_pg": ["crm"]}


@pytest.mark.parametrize("listed", [False, True])
def test_a_token_that_may_not_view_pipelines(
    server: OpenMetadataServer, catalog: OpenMetadataCatalog, listed: bool
) -> None:
    server.estate.ingestion("shop_pg", "nightly", overrideMetadata=True)
    if listed:
        server.hide_pipeline_settings = True
    else:
        server.fail(403, path=PIPELINES, message="operations [ViewBasic] not allowed")
    with pytest.raises(CatalogForbidden) as caught:
        catalog.overriding()
    assert str(caught.value) == (
        f"{server.url} does not show the token the settings of its ingestion pipelines. "
        "Give the bot a role that may view them (ViewAll on ingestionPipeline)."
    )


def test_nobody_waits_for_it(server: OpenMetadataServer, catalog: OpenMetadataCatalog, waits: list[float]) -> None:
    server.fail(503, times=2, message="busy")
    with pytest.raises(CatalogUnavailable) as caught:
        catalog.overriding()
    assert str(caught.value) == f"{server.url} was asked once for {PIPELINES}: 503: busy."
    assert (len(server.requests), waits) == (1, [])
    # Everything else is asked as patiently as ever.
    assert [service.name for service in catalog.services()] == ["shop_pg"]
    assert (len(server.requests), len(waits)) == (3, 1)


def test_both_time_outs_are_short() -> None:
    with responses.RequestsMock() as mock:
        mock.get(f"https://catalog.example.com/api/v1/{PIPELINES}", json={"data": [], "paging": {"total": 0}})
        with OpenMetadataCatalog("https://catalog.example.com", "t") as catalog:
            assert catalog.overriding() == {}
        (call,) = mock.calls
        assert vars(call.request)["req_kwargs"]["timeout"] == (5.0, 5.0)

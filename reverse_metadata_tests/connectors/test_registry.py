import pytest

from reverse_metadata.connectors import registry
from reverse_metadata.connectors.postgres import PostgresConnector
from reverse_metadata.errors import ConfigurationError


def test_a_system_has_its_connector() -> None:
    assert registry.connector_type("postgres") is PostgresConnector


def test_every_system_is_registered_under_the_name_that_its_connector_has() -> None:
    systems = list(registry.CONNECTORS)
    assert [registry.connector_type(name).system for name in systems] == systems == sorted(systems)


def test_an_unknown_system_is_told_the_nearest_one() -> None:
    with pytest.raises(ConfigurationError) as raised:
        registry.connector_type("Postgress")
    assert raised.value.mistakes == ["there is no connector of type 'Postgress'; did you mean 'postgres'?"]
    with pytest.raises(ConfigurationError, match=r"there is no connector of type 'teradata'; known are .*postgres"):
        registry.connector_type("teradata")


def test_the_type_of_a_service_in_the_catalog_leads_to_a_connector() -> None:
    assert registry.for_service_type("Postgres") is PostgresConnector


def test_a_type_of_service_without_a_connector_is_refused() -> None:
    with pytest.raises(ConfigurationError) as raised:
        registry.for_service_type("postgres")
    assert raised.value.mistakes == ["services of type 'postgres' cannot be written yet; did you mean 'Postgres'?"]
    with pytest.raises(ConfigurationError, match=r"type 'Teradata' cannot be written yet; known are .*Post"):
        registry.for_service_type("Teradata")


@pytest.mark.parametrize("service_type", ["Cockroach", "Greenplum", "Presto", "SingleStore"])
def test_an_engine_that_only_looks_like_another_is_refused_with_the_reason(service_type: str) -> None:
    with pytest.raises(ConfigurationError, match=f"services of type '{service_type}' are not written: [A-Z].*"):
        registry.for_service_type(service_type)


def test_no_type_of_service_is_served_twice() -> None:
    served = [name for system in registry.CONNECTORS for name in registry.connector_type(system).service_types]
    assert sorted(served) == sorted(set(served))


def test_the_support_matrix_names_the_levels_of_each_aspect() -> None:
    assert registry.systems()["postgres"] == {
        "description": ["database", "schema", "table", "column"],
        "owner": ["database", "schema", "table"],
    }

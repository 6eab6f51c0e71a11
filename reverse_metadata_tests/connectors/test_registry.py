import pytest

from reverse_metadata.connectors import registry
from reverse_metadata.connectors.postgres import PostgresConnector
from reverse_metadata.errors import ConfigurationError


def test_a_system_has_its_connector() -> None:
    assert registry.connector_type("postgres") is PostgresConnector


def test_every_system_is_registered_under_the_name_that_its_connector_has() -> None:
    assert {name: registry.connector_type(name).system for name in registry.CONNECTORS} == {"postgres": "postgres"}


@pytest.mark.parametrize(
    ("system", "advice"), [("Postgress", "did you mean 'postgres'?"), ("teradata", "known are postgres")]
)
def test_an_unknown_system_is_told_the_nearest_one(system: str, advice: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        registry.connector_type(system)
    assert raised.value.mistakes == [f"there is no connector of type {system!r}; {advice}"]


def test_the_type_of_a_service_in_the_catalog_leads_to_a_connector() -> None:
    assert registry.for_service_type("Postgres") is PostgresConnector


@pytest.mark.parametrize(
    ("service_type", "advice"), [("postgres", "did you mean 'Postgres'?"), ("Teradata", "known are Postgres")]
)
def test_a_type_of_service_without_a_connector_is_refused(service_type: str, advice: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        registry.for_service_type(service_type)
    assert raised.value.mistakes == [f"services of type {service_type!r} cannot be written yet; {advice}"]


def test_the_support_matrix_names_the_levels_of_each_aspect() -> None:
    assert registry.systems() == {
        "postgres": {
            "description": ["database", "schema", "table", "column"],
            "owner": ["database", "schema", "table"],
        }
    }

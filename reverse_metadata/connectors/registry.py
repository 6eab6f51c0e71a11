"""Which connector serves which system. A connector's module is imported when it is asked for."""

from difflib import get_close_matches
from importlib import import_module

from reverse_metadata.connectors.base import Connector
from reverse_metadata.errors import ConfigurationError

#: The class of every system, as `module:class`.
CONNECTORS: dict[str, str] = {
    "athena": "reverse_metadata.connectors.athena:AthenaConnector",
    "bigquery": "reverse_metadata.connectors.bigquery:BigQueryConnector",
    "clickhouse": "reverse_metadata.connectors.clickhouse:ClickHouseConnector",
    "databricks": "reverse_metadata.connectors.databricks:DatabricksConnector",
    "mssql": "reverse_metadata.connectors.mssql:MssqlConnector",
    "mysql": "reverse_metadata.connectors.mysql:MysqlConnector",
    "oracle": "reverse_metadata.connectors.oracle:OracleConnector",
    "postgres": "reverse_metadata.connectors.postgres:PostgresConnector",
    "redshift": "reverse_metadata.connectors.redshift:RedshiftConnector",
    "snowflake": "reverse_metadata.connectors.snowflake:SnowflakeConnector",
    "trino": "reverse_metadata.connectors.trino:TrinoConnector",
    "unitycatalog": "reverse_metadata.connectors.databricks:UnityCatalogConnector",
}

#: The catalog's `serviceType`s of engines that speak another one's protocol and differ where it matters here, with
#: the reason. Who wants to try all the same gives the service a block with the type of that system.
_DIFFERENT = {
    "Synapse": "Azure Synapse has no extended properties, in which SQL Server keeps its descriptions",
    "Greenplum": "Greenplum is made of a PostgreSQL older than 15, whose system tables the connector does not read",
    "Cockroach": "CockroachDB has no advisory locks, by which writers of PostgreSQL take turns",
    "Presto": "Presto has no COMMENT ON, which Trino took up after the two had parted",
    "SingleStore": "SingleStore's ALTER TABLE is not MySQL's, and a column's definition cannot be repeated safely",
}


def connector_type(system: str) -> type[Connector]:
    """The connector of a system as the configuration names it. Raises ConfigurationError."""
    if system not in CONNECTORS:
        raise ConfigurationError([f"there is no connector of type {system!r}; {_known(system, list(CONNECTORS))}"])
    module, _, name = CONNECTORS[system].partition(":")
    connector: type[Connector] = getattr(import_module(module), name)
    return connector


def for_service_type(service_type: str) -> type[Connector]:
    """The connector that serves the catalog's `serviceType`. Raises ConfigurationError when there is none."""
    served = {name: connector for connector in map(connector_type, CONNECTORS) for name in connector.service_types}
    if service_type in _DIFFERENT:
        raise ConfigurationError([f"services of type {service_type!r} are not written: {_DIFFERENT[service_type]}"])
    if service_type not in served:
        known = _known(service_type, list(served))
        raise ConfigurationError([f"services of type {service_type!r} cannot be written yet; {known}"])
    return served[service_type]


def systems() -> dict[str, dict[str, list[str]]]:
    """The support matrix: the levels of every aspect of every system, in the order of `EntityType`."""
    return {
        system: {
            aspect.value: [level.value for level in levels]
            for aspect, levels in connector_type(system).capabilities.levels.items()
        }
        for system in CONNECTORS
    }


def _known(word: str, names: list[str]) -> str:
    nearest = get_close_matches(word.lower(), [name.lower() for name in names], n=1)
    meant = [name for name in names if name.lower() in nearest]
    return f"did you mean {meant[0]!r}?" if meant else f"known are {', '.join(sorted(names))}"

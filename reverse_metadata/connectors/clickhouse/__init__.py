"""ClickHouse: `ClickHouseConnector`."""

from reverse_metadata.connectors.clickhouse.connector import ClickHouseConnector
from reverse_metadata.connectors.clickhouse.options import ClickHouseOptions

__all__ = ["ClickHouseConnector", "ClickHouseOptions"]

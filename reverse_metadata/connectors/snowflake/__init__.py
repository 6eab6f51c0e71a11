"""Snowflake: `SnowflakeConnector`."""

from reverse_metadata.connectors.snowflake.connector import SnowflakeConnector
from reverse_metadata.connectors.snowflake.options import SnowflakeOptions

__all__ = ["SnowflakeConnector", "SnowflakeOptions"]

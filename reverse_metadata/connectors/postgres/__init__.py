"""PostgreSQL: `PostgresConnector`."""

from reverse_metadata.connectors.postgres.connector import PostgresConnector
from reverse_metadata.connectors.postgres.options import PostgresOptions

__all__ = ["PostgresConnector", "PostgresOptions"]

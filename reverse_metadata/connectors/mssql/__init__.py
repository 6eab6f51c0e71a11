"""SQL Server and Azure SQL: `MssqlConnector`."""

from reverse_metadata.connectors.mssql.connector import MssqlConnector
from reverse_metadata.connectors.mssql.options import MssqlOptions

__all__ = ["MssqlConnector", "MssqlOptions"]

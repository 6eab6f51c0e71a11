"""Oracle Database: `OracleConnector`."""

from reverse_metadata.connectors.oracle.connector import OracleConnector
from reverse_metadata.connectors.oracle.options import OracleOptions

__all__ = ["OracleConnector", "OracleOptions"]

"""Trino: `TrinoConnector`."""

from reverse_metadata.connectors.trino.connector import TrinoConnector
from reverse_metadata.connectors.trino.options import TrinoOptions

__all__ = ["TrinoConnector", "TrinoOptions"]

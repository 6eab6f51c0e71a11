"""Amazon Athena: `AthenaConnector`."""

from reverse_metadata.connectors.athena.connector import AthenaConnector
from reverse_metadata.connectors.athena.options import AthenaOptions

__all__ = ["AthenaConnector", "AthenaOptions"]

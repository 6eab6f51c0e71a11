"""Amazon Redshift: `RedshiftConnector`."""

from reverse_metadata.connectors.redshift.connector import RedshiftConnector
from reverse_metadata.connectors.redshift.options import RedshiftOptions

__all__ = ["RedshiftConnector", "RedshiftOptions"]

"""Google BigQuery: `BigQueryConnector`."""

from reverse_metadata.connectors.bigquery.connector import BigQueryConnector
from reverse_metadata.connectors.bigquery.options import BigQueryOptions

__all__ = ["BigQueryConnector", "BigQueryOptions"]

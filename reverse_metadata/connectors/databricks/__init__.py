"""Databricks: `DatabricksConnector` for a workspace, `UnityCatalogConnector` for a metastore of Unity Catalog."""

from reverse_metadata.connectors.databricks.connector import DatabricksConnector, UnityCatalogConnector
from reverse_metadata.connectors.databricks.options import DatabricksOptions

__all__ = ["DatabricksConnector", "DatabricksOptions", "UnityCatalogConnector"]

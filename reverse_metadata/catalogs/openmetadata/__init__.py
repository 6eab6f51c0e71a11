"""OpenMetadata (and Collate) over REST, servers 1.5 to 2.x."""

from reverse_metadata.catalogs.openmetadata.catalog import OpenMetadataCatalog

__all__ = ["OpenMetadataCatalog"]

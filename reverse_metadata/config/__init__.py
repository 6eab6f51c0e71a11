"""What the YAML may say, and how it is read."""

from reverse_metadata.config.loading import (
    CONFIG_VARIABLE,
    HOW_TO_BEGIN,
    Block,
    Config,
    find_config,
    ledger_location,
    ledger_url,
    load_config,
)
from reverse_metadata.config.models import Channel, FolderOptions, LedgerOptions, OpenMetadataOptions
from reverse_metadata.config.naming import slug
from reverse_metadata.config.owners import Owners, Rewrite
from reverse_metadata.config.reference import reference, schema_json
from reverse_metadata.config.tags import TagEntry, Tags

__all__ = [
    "CONFIG_VARIABLE",
    "HOW_TO_BEGIN",
    "Block",
    "Channel",
    "Config",
    "FolderOptions",
    "LedgerOptions",
    "OpenMetadataOptions",
    "Owners",
    "Rewrite",
    "TagEntry",
    "Tags",
    "find_config",
    "ledger_location",
    "ledger_url",
    "load_config",
    "reference",
    "schema_json",
    "slug",
]

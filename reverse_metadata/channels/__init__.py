"""A channel as Dagster sees it."""

"""Pushes the metadata that people curated in a catalog back into the databases it describes."""

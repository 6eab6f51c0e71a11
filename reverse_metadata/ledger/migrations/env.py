"""Runs the migrations on the connection, and in the transaction, that the caller holds."""

from alembic import context

from reverse_metadata.ledger.schema import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()

"""What Alembic runs: one transaction on the connection it was handed."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=None,
    version_table_schema="public",
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()

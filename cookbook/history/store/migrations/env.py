"""The environment of alembic: it migrates within the transaction that is open."""

from alembic import context

from cookbook.history.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
context.run_migrations()

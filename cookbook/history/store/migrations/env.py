"""alembic runs this to know where to migrate: in the transaction that we have begun."""

from alembic import context

from cookbook.history.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
context.run_migrations()

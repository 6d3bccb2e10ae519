"""Alembic's entry: migrations run on the connection that `core.storage.migrations` holds under its lock."""

from alembic import context

from dakora_server.core.storage.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()

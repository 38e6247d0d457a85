"""Where a migration runs: on the connection that ``hub.store.engine`` opened, inside its transaction."""

from __future__ import annotations

from alembic import context

from hub.store import schema

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=schema.metadata,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()

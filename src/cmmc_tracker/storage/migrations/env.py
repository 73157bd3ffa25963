"""Alembic's way in: the caller hands over a connection whose transaction covers the whole upgrade."""

from alembic import context

from cmmc_tracker.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()

"""Run by Alembic: migrates on the connection that ``store.upgrade`` hands over."""

from alembic import context

from biofeedback.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes a table by rewriting it
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()

"""Alembic's environment: migrations run on the connection that `prosa.database.migrate` hands over."""

from alembic import context

from prosa.database.metadata import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
    transactional_ddl=False,  # the transaction is the caller's
)
context.run_migrations()

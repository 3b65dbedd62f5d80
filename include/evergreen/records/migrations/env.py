"""What Alembic asks for: run the revisions on the connection that `upgrade` opened."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"], version_table_schema="evergreen"
)
with context.begin_transaction():
    context.run_migrations()

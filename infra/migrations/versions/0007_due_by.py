"""Contacts that the law wants by a day: these have their turn first, and are told of when late."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

STATEMENTS = (
    "ALTER TABLE contact.queue ADD COLUMN due_by date, ADD COLUMN rule text",
    "DROP INDEX contact.queue_waiting",
    """
    CREATE INDEX queue_waiting ON contact.queue (due_by, not_before, contact_ref)
        WHERE state = 'WAITING'
    """,
    "CREATE INDEX queue_due_by ON contact.queue (planned_on, due_by) WHERE due_by IS NOT NULL",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP INDEX contact.queue_due_by")
    op.execute("DROP INDEX contact.queue_waiting")
    op.execute("ALTER TABLE contact.queue DROP COLUMN due_by, DROP COLUMN rule")
    op.execute(
        "CREATE INDEX queue_waiting ON contact.queue (not_before, contact_ref)"
        " WHERE state = 'WAITING'"
    )

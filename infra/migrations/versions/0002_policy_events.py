"""An index over the events of policies alone: a writer asks at each command for the last."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE INDEX book_events_policy ON store.book_events (notification_id)
        INCLUDE (originator_id) WHERE topic LIKE 'policy.%'
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP INDEX store.book_events_policy")

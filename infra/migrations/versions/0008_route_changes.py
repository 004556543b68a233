"""Who disabled or enabled the route of a provider, when and why: each change, and not the last."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE contact.route_change (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        provider text NOT NULL,
        changed_at timestamptz NOT NULL,
        change text NOT NULL CHECK (change IN ('DISABLED', 'ENABLED')),
        cause text NOT NULL CHECK (cause IN ('FAILURES', 'PROBE', 'PERSON')),
        reason text,
        changed_by text
    )
    """,
    "CREATE INDEX route_change_provider ON contact.route_change (provider, id)",
    # What is disabled now is all that is known of the time before.
    """
    INSERT INTO contact.route_change (provider, changed_at, change, cause, reason, changed_by)
    SELECT provider, disabled_at, 'DISABLED', cause, reason, changed_by
    FROM contact.route_state WHERE disabled_at IS NOT NULL ORDER BY disabled_at
    """,
    "GRANT SELECT, INSERT ON contact.route_change TO loans_writer",
    "GRANT SELECT ON contact.route_change TO loans_projector",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE contact.route_change")

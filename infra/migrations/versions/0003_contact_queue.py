"""The queue of contacts that are planned and wait to be sent."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

STATEMENTS = (
    "CREATE SCHEMA IF NOT EXISTS contact",
    "GRANT USAGE ON SCHEMA contact TO loans_writer, loans_projector",
    """
    CREATE TABLE contact.queue (
        contact_ref text PRIMARY KEY,
        borrower_id uuid NOT NULL,
        purpose text NOT NULL,
        channels text[] NOT NULL,
        template text,
        occasion text NOT NULL,
        loan_ids uuid[] NOT NULL,
        instalments integer[] NOT NULL,
        figures jsonb NOT NULL,
        product_line text,
        experiment text,
        arm text,
        planned_on date NOT NULL,
        not_before timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        state text NOT NULL DEFAULT 'WAITING',
        attempts integer NOT NULL DEFAULT 0,
        leased_until timestamptz,
        channel text,
        reasons text[] NOT NULL DEFAULT '{}',
        queued_at timestamptz NOT NULL DEFAULT now(),
        changed_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE INDEX queue_waiting ON contact.queue (not_before, contact_ref)
        WHERE state = 'WAITING'
    """,
    "CREATE INDEX queue_borrower ON contact.queue (borrower_id)",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON contact.queue TO loans_writer",
    "GRANT SELECT ON contact.queue TO loans_projector",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE contact.queue")

"""Lets the send log be removed once its retention floors have passed."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

STATEMENTS = ("GRANT DELETE ON contact.sending, contact.inbox TO loans_writer",)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("REVOKE DELETE ON contact.sending, contact.inbox FROM loans_writer")

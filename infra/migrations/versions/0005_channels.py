"""Channels: the state of routes, what was sent under which ref, and what came in."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

STATEMENTS = (
    "CREATE SCHEMA IF NOT EXISTS contact",
    """
    CREATE TABLE contact.route_state (
        provider text PRIMARY KEY,
        disabled_at timestamptz,
        cause text CHECK (cause IN ('FAILURES', 'PROBE', 'PERSON')),
        reason text,
        changed_by text,
        changed_at timestamptz NOT NULL DEFAULT now(),
        CHECK ((disabled_at IS NULL) = (cause IS NULL))
    )
    """,
    """
    CREATE TABLE contact.probe (
        provider text NOT NULL,
        carrier text NOT NULL,
        probed_at timestamptz NOT NULL,
        holds boolean NOT NULL,
        took_ms integer NOT NULL,
        reason text,
        PRIMARY KEY (provider, carrier, probed_at)
    )
    """,
    """
    CREATE TABLE contact.sending (
        contact_ref text PRIMARY KEY,
        provider text NOT NULL,
        began_at timestamptz NOT NULL DEFAULT now(),
        answer text,
        provider_id text,
        reason text,
        ended_at timestamptz
    )
    """,
    """
    CREATE INDEX sending_failed ON contact.sending (provider, began_at)
        WHERE answer IN ('UNAVAILABLE', 'UNCERTAIN')
    """,
    """
    CREATE TABLE contact.inbox (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        provider text NOT NULL,
        webhook_id text NOT NULL,
        kind text NOT NULL CHECK (kind IN ('RECEIPT', 'REPLY')),
        contact_ref text,
        payload bytea,
        state text NOT NULL CHECK (state IN ('NEW', 'DONE', 'PARKED')),
        reason text,
        received_at timestamptz NOT NULL DEFAULT now(),
        ended_at timestamptz,
        UNIQUE (provider, webhook_id),
        CHECK ((state = 'PARKED') <= (reason IS NOT NULL)),
        CHECK ((state = 'DONE') <= (payload IS NULL))
    )
    """,
    "CREATE INDEX inbox_new ON contact.inbox (id) WHERE state = 'NEW'",
    "CREATE INDEX inbox_parked ON contact.inbox (id) WHERE state = 'PARKED'",
    "GRANT USAGE ON SCHEMA contact TO loans_writer, loans_projector",
    "GRANT SELECT, INSERT, UPDATE ON contact.route_state TO loans_writer",
    "GRANT SELECT, INSERT, UPDATE ON contact.sending, contact.inbox TO loans_writer",
    "GRANT SELECT, INSERT ON contact.probe TO loans_writer",
    "GRANT SELECT ON contact.route_state, contact.probe, contact.sending TO loans_projector",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("what was sent is never taken away")

"""The vault of personal data: people, records, accesses, measures, a role of its own."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    DO $$ BEGIN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'loans_vault') THEN
            CREATE ROLE loans_vault NOLOGIN;
        END IF;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END $$
    """,
    "GRANT loans_vault TO CURRENT_USER",
    "CREATE SCHEMA vault",
    """
    CREATE TABLE vault.person (
        person_id uuid PRIMARY KEY,
        wrapped_key bytea,
        known_from timestamptz NOT NULL,
        restricted_until date,
        erase_from date,
        jurisdiction text,
        erased_at timestamptz,
        CONSTRAINT without_key_when_erased CHECK ((wrapped_key IS NULL) = (erased_at IS NOT NULL)),
        CONSTRAINT jurisdiction_decides_floor CHECK (erase_from IS NULL OR jurisdiction IS NOT NULL)
    ) WITH (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0)
    """,
    "CREATE INDEX person_erase_from ON vault.person (erase_from) WHERE erase_from IS NOT NULL",
    """
    CREATE TABLE vault.record (
        ref text PRIMARY KEY,
        person_id uuid NOT NULL REFERENCES vault.person,
        kind text NOT NULL,
        sealed bytea,
        look_up bytea,
        put_by text NOT NULL,
        put_on date NOT NULL,
        put_at timestamptz NOT NULL
    ) WITH (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0)
    """,
    """
    CREATE UNIQUE INDEX record_look_up ON vault.record (look_up, person_id, kind)
        WHERE look_up IS NOT NULL
    """,
    "CREATE INDEX record_person ON vault.record (person_id)",
    """
    CREATE TABLE vault.access (
        access_id bigserial PRIMARY KEY,
        person_id uuid NOT NULL,
        ref text NOT NULL,
        kind text NOT NULL,
        actor text NOT NULL,
        purpose text NOT NULL,
        business_on date NOT NULL,
        recorded_at timestamptz NOT NULL,
        refused text
    )
    """,
    "CREATE INDEX access_person ON vault.access (person_id, access_id)",
    """
    CREATE TABLE vault.measure (
        measure_id bigserial PRIMARY KEY,
        person_id uuid NOT NULL,
        kind text NOT NULL,
        actor text NOT NULL,
        requested_by text,
        approved_by text,
        reason text NOT NULL,
        until date,
        policy_version text,
        business_on date NOT NULL,
        recorded_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX measure_person ON vault.measure (person_id, measure_id)",
    """
    CREATE TABLE vault.look_up_key (
        one boolean PRIMARY KEY DEFAULT true CHECK (one),
        wrapped_key bytea NOT NULL
    )
    """,
    """
    CREATE FUNCTION vault.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'who read what stays as it is: % on % is refused', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'insufficient_privilege';
    END $$
    """,
    """
    CREATE TRIGGER access_append_only
        BEFORE UPDATE OR DELETE OR TRUNCATE ON vault.access
        FOR EACH STATEMENT EXECUTE FUNCTION vault.refuse_change()
    """,
    """
    CREATE TRIGGER measure_append_only
        BEFORE UPDATE OR DELETE OR TRUNCATE ON vault.measure
        FOR EACH STATEMENT EXECUTE FUNCTION vault.refuse_change()
    """,
    """
    CREATE FUNCTION vault.refuse_return() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'a person who was erased stays erased'
            USING ERRCODE = 'insufficient_privilege';
    END $$
    """,
    """
    CREATE TRIGGER person_stays_erased
        BEFORE UPDATE ON vault.person
        FOR EACH ROW WHEN (OLD.erased_at IS NOT NULL) EXECUTE FUNCTION vault.refuse_return()
    """,
    "GRANT USAGE ON SCHEMA vault TO loans_vault",
    "GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA vault TO loans_vault",
    """
    GRANT UPDATE (wrapped_key, restricted_until, erase_from, jurisdiction, erased_at)
        ON vault.person TO loans_vault
    """,
    "GRANT UPDATE (sealed, look_up) ON vault.record TO loans_vault",
    "GRANT UPDATE (wrapped_key) ON vault.look_up_key TO loans_vault",
    "GRANT USAGE ON ALL SEQUENCES IN SCHEMA vault TO loans_vault",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("who was erased, and who read what, is never taken away")

"""The event store: events, commands, next actions, snapshots, three roles."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_LOCK = 5_051_988
"""The advisory lock held from before a notification id is taken until commit."""

STATEMENTS = (
    """
    DO $$ BEGIN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'loans_writer') THEN
            CREATE ROLE loans_writer NOLOGIN;
        END IF;
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'loans_projector') THEN
            CREATE ROLE loans_projector NOLOGIN;
        END IF;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END $$
    """,
    "GRANT loans_writer, loans_projector TO CURRENT_USER",
    "CREATE SCHEMA store",
    "CREATE SCHEMA views",
    "CREATE SCHEMA rm AUTHORIZATION loans_projector",
    """
    CREATE TABLE store.book_events (
        originator_id uuid NOT NULL,
        originator_version bigint NOT NULL,
        topic text NOT NULL,
        state bytea NOT NULL,
        notification_id bigserial NOT NULL,
        PRIMARY KEY (originator_id, originator_version)
    ) WITH (
        autovacuum_vacuum_threshold = 100000000,
        autovacuum_vacuum_scale_factor = 0.5,
        autovacuum_analyze_threshold = 1000,
        autovacuum_analyze_scale_factor = 0.01
    )
    """,
    "CREATE UNIQUE INDEX book_events_notification_id ON store.book_events (notification_id)",
    """
    CREATE TABLE store.command_log (
        command_id uuid PRIMARY KEY,
        digest bytea NOT NULL,
        stream_id uuid NOT NULL,
        version bigint NOT NULL
    )
    """,
    """
    CREATE TABLE store.next_action (
        stream_id uuid PRIMARY KEY,
        stream_kind text NOT NULL,
        kind text NOT NULL,
        due_on date NOT NULL
    )
    """,
    "CREATE INDEX next_action_due ON store.next_action (stream_kind, due_on, stream_id)",
    """
    CREATE TABLE store.snapshot (
        stream_id uuid PRIMARY KEY,
        version bigint NOT NULL,
        code text NOT NULL,
        state bytea NOT NULL
    )
    """,
    """
    CREATE TABLE store.installation (
        one boolean PRIMARY KEY DEFAULT true CHECK (one),
        namespace uuid NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE store.relay_position (
        one boolean PRIMARY KEY DEFAULT true CHECK (one),
        notification_id bigint NOT NULL,
        published_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE store.published (
        topic text NOT NULL,
        partition integer NOT NULL,
        next_offset bigint NOT NULL,
        notification_id bigint NOT NULL,
        published_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (topic, partition)
    )
    """,
    """
    CREATE FUNCTION store.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'events are only ever added: % on % is refused', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'insufficient_privilege';
    END $$
    """,
    """
    CREATE TRIGGER book_events_append_only
        BEFORE UPDATE OR DELETE OR TRUNCATE ON store.book_events
        FOR EACH STATEMENT EXECUTE FUNCTION store.refuse_change()
    """,
    """
    CREATE TRIGGER command_log_append_only
        BEFORE UPDATE OR DELETE OR TRUNCATE ON store.command_log
        FOR EACH STATEMENT EXECUTE FUNCTION store.refuse_change()
    """,
    f"""
    CREATE FUNCTION store.append(
        command_ids uuid[], digests bytea[], command_streams uuid[], command_versions bigint[],
        stream_ids uuid[], versions bigint[], topics text[], states bytea[],
        action_streams uuid[], stream_kinds text[], action_kinds text[], action_dates date[]
    ) RETURNS SETOF bigint LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO store.command_log
            SELECT * FROM unnest(command_ids, digests, command_streams, command_versions);
        DELETE FROM store.next_action AS old
            USING unnest(action_streams, action_kinds) AS new (stream_id, kind)
            WHERE old.stream_id = new.stream_id AND new.kind IS NULL;
        INSERT INTO store.next_action AS old
            SELECT * FROM unnest(action_streams, stream_kinds, action_kinds, action_dates)
                AS new (stream_id, stream_kind, kind, due_on)
            WHERE new.kind IS NOT NULL
            ON CONFLICT (stream_id) DO UPDATE
            SET kind = EXCLUDED.kind, due_on = EXCLUDED.due_on
            WHERE (old.kind, old.due_on) IS DISTINCT FROM (EXCLUDED.kind, EXCLUDED.due_on);
        PERFORM pg_advisory_xact_lock({APPEND_LOCK});
        NOTIFY book_events;
        RETURN QUERY
            INSERT INTO store.book_events (originator_id, originator_version, topic, state)
            SELECT * FROM unnest(stream_ids, versions, topics, states)
            RETURNING notification_id;
    END $$
    """,
    """
    CREATE FUNCTION store.load(ids uuid[], codes text[])
        RETURNS TABLE (stream_id uuid, version bigint, topic text, state bytea)
        LANGUAGE sql STABLE AS $$
        WITH kept AS MATERIALIZED (
            SELECT s.stream_id, s.version, s.code, s.state FROM store.snapshot AS s
            WHERE s.stream_id = ANY(ids) AND s.code = ANY(codes)
        )
        SELECT kept.stream_id, kept.version, 'snapshot:' || kept.code, kept.state FROM kept
        UNION ALL
        SELECT e.originator_id, e.originator_version, e.topic, e.state
        FROM unnest(ids) AS wanted (id)
        LEFT JOIN kept ON kept.stream_id = wanted.id
        JOIN store.book_events AS e
            ON e.originator_id = wanted.id
            AND e.originator_version > coalesce(kept.version, 0)
        ORDER BY 1, 2
    $$
    """,
    """
    CREATE TABLE views.position (
        view text NOT NULL,
        view_version integer NOT NULL,
        topic text NOT NULL,
        partition integer NOT NULL,
        next_offset bigint NOT NULL,
        notification_id bigint NOT NULL DEFAULT 0,
        event_at timestamptz,
        applied_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (view, view_version, topic, partition)
    )
    """,
    """
    CREATE TABLE views.stream_version (
        view text NOT NULL,
        view_version integer NOT NULL,
        stream_id uuid NOT NULL,
        version bigint NOT NULL,
        PRIMARY KEY (view, view_version, stream_id)
    )
    """,
    """
    CREATE TABLE views.parked (
        view text NOT NULL,
        view_version integer NOT NULL,
        stream_id uuid NOT NULL,
        version bigint NOT NULL,
        topic text NOT NULL,
        partition integer NOT NULL,
        record_offset bigint NOT NULL,
        notification_id bigint NOT NULL,
        event_type text NOT NULL,
        state bytea NOT NULL,
        error text NOT NULL,
        parked_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (view, view_version, stream_id, version)
    )
    """,
    """
    CREATE TABLE views.active_version (
        view text PRIMARY KEY,
        version integer NOT NULL,
        since timestamptz NOT NULL DEFAULT now()
    )
    """,
    "GRANT USAGE ON SCHEMA store TO loans_writer, loans_projector",
    "GRANT SELECT, INSERT ON store.book_events, store.command_log TO loans_writer",
    "GRANT USAGE ON SEQUENCE store.book_events_notification_id_seq TO loans_writer",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON store.next_action, store.snapshot TO loans_writer",
    "GRANT SELECT, INSERT, UPDATE ON store.relay_position, store.published TO loans_writer",
    "GRANT SELECT ON store.installation TO loans_writer",
    "GRANT SELECT ON store.book_events, store.relay_position, store.published TO loans_projector",
    "GRANT USAGE ON SCHEMA views TO loans_writer, loans_projector",
    "GRANT USAGE ON SCHEMA rm TO loans_writer",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA views TO loans_projector",
    "GRANT SELECT ON ALL TABLES IN SCHEMA views TO loans_writer",
    "GRANT CREATE ON SCHEMA views TO loans_projector",
    """
    DO $$ BEGIN
        EXECUTE format('GRANT CREATE ON DATABASE %I TO loans_projector', current_database());
    END $$
    """,
    "INSERT INTO store.installation (namespace) VALUES (gen_random_uuid())",
    "INSERT INTO store.relay_position (notification_id) VALUES (0)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("events are never taken away")

"""Runs the migration steps under a lock, and creates the topics."""

from contextlib import suppress
from pathlib import Path

from alembic import command
from alembic.config import Config
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import TopicAlreadyExistsError
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

MIGRATION_LOCK = 5_051_987

KEPT_FOR_EVER = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
COMPACTED = {"cleanup.policy": "compact"}

TOPICS: dict[str, tuple[int, dict[str, str]]] = {
    "loan.events": (12, KEPT_FOR_EVER),
    "borrower.events": (12, KEPT_FOR_EVER),
    "product.events": (1, KEPT_FOR_EVER),
    "policy.events": (1, KEPT_FOR_EVER),
    "experiment.events": (1, KEPT_FOR_EVER),
    "day.events": (1, KEPT_FOR_EVER),
    "loan.schemas": (1, COMPACTED),
    "loan.relay": (1, COMPACTED),
}
"""Each topic with its partitions; ``loan.relay`` only carries the relay's position."""


def migrate(database_url: str) -> None:
    """Bring the database to the newest schema; one at a time, harmless when repeated."""
    url = database_url.replace("postgresql://", "postgresql+psycopg://", 1)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text(f"SELECT pg_advisory_lock({MIGRATION_LOCK})"))
        connection.commit()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
    engine.dispose()


def create_topics(bootstrap: str, replication: int = 1) -> None:
    """Create the topics that are missing; those that exist stay as they are."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        existing = set(admin.list_topics())
        new = [
            NewTopic(name, partitions, replication, topic_configs=settings)
            for name, (partitions, settings) in TOPICS.items()
            if name not in existing
        ]
        if new:
            with suppress(TopicAlreadyExistsError):  # another start was faster
                admin.create_topics(new)
    finally:
        admin.close()

"""Bring database and topics up to date: ``python -m infra.migrations``."""

from infra.migrations.run import create_topics, migrate
from infra.settings import Settings


def main() -> None:
    """Migrate the database and create the topics that the settings name."""
    settings = Settings()
    assert settings.database_url and settings.kafka_bootstrap
    migrate(settings.database_url)
    create_topics(settings.kafka_bootstrap)


if __name__ == "__main__":
    main()

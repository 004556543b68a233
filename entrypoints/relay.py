"""The process that publishes the store's events on Kafka."""

import sys

from infra import logs, relay
from infra.codec import UnknownSchema
from infra.garbage import collect_seldom
from infra.processes import connected
from infra.settings import Settings
from infra.stopping import stop_on_signal, watchdog
from infra.trouble import Trouble


def main() -> None:
    """Publish until told to stop."""
    stop = stop_on_signal()
    collect_seldom()
    settings = connected(Settings())
    assert settings.database_url and settings.kafka_bootstrap
    logs.configure(settings, "relay")
    try:
        relay.run(
            settings.database_url,
            settings.kafka_bootstrap,
            stop,
            alive=watchdog(relay.STUCK_SECONDS),
        )
    except (Trouble, UnknownSchema) as trouble:
        logs.logger(__name__).critical("relay_stopped", error=str(trouble))
        sys.exit(1)


if __name__ == "__main__":
    main()

"""The process that takes receipts and replies from providers: LOANS_RECEIVER says where."""

import sys

from psycopg_pool import ConnectionPool

from infra import clock, logs
from infra.bootstrap import as_role, open_book
from infra.channels.providers import inbound_secrets
from infra.channels.receiver import Receiver
from infra.channels.serving import serving
from infra.channels.signers import Signers
from infra.channels.vault_seal import seal_of
from infra.processes import connected
from infra.settings import Settings
from infra.stopping import stop_on_signal
from infra.store import WRITER
from infra.trouble import Trouble

THREADS = 4


def main() -> None:
    """Listen until told to stop."""
    stop = stop_on_signal()
    settings = connected(Settings())
    assert settings.database_url
    logs.configure(settings, "receiver")
    log = logs.logger(__name__)
    try:
        with (
            open_book(settings.database_url, connections=1) as book,
            ConnectionPool(
                as_role(settings.database_url, WRITER), min_size=1, max_size=THREADS, open=True
            ) as pool,
        ):
            signers = Signers(lambda: inbound_secrets(book.rules.register, clock.now().date()))
            receiver = Receiver(pool, seal_of(settings), signers)
            listen = settings.receiver or "127.0.0.1:0"
            with serving(receiver, listen, threads=THREADS) as address:
                log.info("listening", address=address, providers=signers.names)
                stop.wait()
    except Trouble as trouble:
        log.critical("receiver_stopped", error=str(trouble))
        sys.exit(1)


if __name__ == "__main__":
    main()

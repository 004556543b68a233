"""The process that plans each day, sends what is due and records what came in.

LOANS_DISPATCHER=true has it run.
"""

import sys

from infra import logs
from infra.bootstrap import open_book
from infra.day_plan import open_chores
from infra.dispatcher import IDLE_SECONDS, open_dispatcher, probing_beside, send_due
from infra.garbage import collect_seldom
from infra.inbound import open_inbound
from infra.processes import connected
from infra.settings import Settings
from infra.stopping import stop_on_signal
from infra.trouble import Trouble


def main() -> None:
    """Send until told to stop; what waits then is sent by whoever comes next."""
    stop = stop_on_signal()
    collect_seldom()
    settings = connected(Settings())
    url = settings.database_url
    assert url
    logs.configure(settings, "dispatcher")
    log = logs.logger(__name__)
    try:
        with (
            open_book(url, connections=1) as book,
            open_dispatcher(settings, url, book) as dispatcher,
            open_inbound(settings, url, book) as inbound,
            open_chores(settings, url, book) as chores,
            probing_beside(settings, url, book),
        ):
            log.info("sending")
            while not stop.is_set():
                chores.look()
                sent, heard = send_due(dispatcher, inbound, each=lambda _: chores.look())
                if sent or heard:
                    log.info("sent", contacts=dict(sent), answers=dict(heard))
                else:
                    stop.wait(IDLE_SECONDS)
    except Trouble as trouble:
        log.critical("dispatcher_stopped", error=str(trouble))
        sys.exit(1)


if __name__ == "__main__":
    main()

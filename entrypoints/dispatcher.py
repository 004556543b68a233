"""The process that plans each day, sends what is due and records what came in.

LOANS_DISPATCHER=true has it run.
"""

import sys
from collections.abc import Callable
from datetime import datetime, timedelta

from domain.commands import days
from domain.commands.alarms import alarms
from domain.commands.book import Book
from infra import clock, logs
from infra.bootstrap import open_book
from infra.day_plan import open_chores
from infra.dispatcher import IDLE_SECONDS, open_dispatcher, probing_beside, send_due
from infra.garbage import collect_seldom
from infra.inbound import open_inbound
from infra.processes import connected
from infra.settings import Settings
from infra.stopping import stop_on_signal
from infra.trouble import Trouble

LOOKED_EVERY = timedelta(minutes=1)
TOLD_EVERY = timedelta(hours=1)


class Watch:
    """Logs an alarm when it begins, and again each hour that it lasts."""

    def __init__(self, zone: str) -> None:
        self._zone = zone
        self._looked_at: datetime | None = None
        self._told: dict[tuple[str, str, str], datetime] = {}

    def look(self, book: Book, warn: Callable[..., object]) -> None:
        """Warn of what waits for somebody; looks once a minute, however often it is asked."""
        now = clock.now()
        if self._looked_at is not None and now < self._looked_at + LOOKED_EVERY:
            return
        self._looked_at = now
        on = days.business_date(book) or clock.business_date(self._zone)
        waiting = alarms(book.rules, book.streams.policies(), on, now)
        told: dict[tuple[str, str, str], datetime] = {}
        for each in waiting:
            key = (str(each.kind), each.rule, each.version)
            last = self._told.get(key)
            if last is None or last + TOLD_EVERY <= now:
                warn(
                    "alarm",
                    kind=each.kind,
                    rule=each.rule,
                    version=each.version,
                    due_at=each.due_at,
                    stops=list(each.stops),
                )
                last = now
            told[key] = last
        self._told = told


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
            watched = Watch(settings.zone)
            while not stop.is_set():
                watched.look(book, log.warning)
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

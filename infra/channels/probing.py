"""Probes of routes beside whoever sends, so that one that hangs delays no message."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from threading import Event, Thread

import psycopg
from eventsourcing.persistence import PersistenceError

from infra.channels.routes import Routes
from infra.logs import logger

log = logger(__name__)

LOOK_SECONDS = 15.0
"""So often it is looked whether a route is to be tried."""

RECOVER_AFTER = timedelta(minutes=1)
"""So long a route that failed is left alone before it is tried again."""

OpenRoutes = Callable[[], AbstractContextManager[Routes]]
"""Routes of one's own: their connection and what they hold open are used by one thread."""


@contextmanager
def probing(
    open_routes: OpenRoutes, every: timedelta, *, look_seconds: float = LOOK_SECONDS
) -> Iterator[None]:
    """Routes are tried in a thread while the caller sends: each now and then, and soon what failed.

    Whoever ends does not wait for a try that hangs.
    """
    stop = Event()
    thread = Thread(
        target=_go_on, args=(open_routes, every, stop, look_seconds), name="probing", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(1)


def _go_on(open_routes: OpenRoutes, every: timedelta, stop: Event, look_seconds: float) -> None:
    while not stop.is_set():
        try:
            with open_routes() as routes:
                while not stop.is_set():
                    routes.recover(RECOVER_AFTER)
                    routes.probe_seldom(every)
                    stop.wait(look_seconds)
        except (psycopg.Error, PersistenceError) as error:
            log.warning("probing_interrupted", error=type(error).__name__)
            stop.wait(look_seconds)

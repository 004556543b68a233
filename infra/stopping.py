"""Told to stop: a process ends between two pieces of work, never within one."""

import signal
from threading import Event


def stop_on_signal() -> Event:
    """Set once SIGTERM or SIGINT arrives; ask it between two pieces of work."""
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop

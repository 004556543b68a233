"""Told to stop, a process ends between two pieces of work; stuck in one, it ends itself."""

import faulthandler
import signal
from collections.abc import Callable
from threading import Event


def stop_on_signal() -> Event:
    """Set once SIGTERM or SIGINT arrives; ask it between two pieces of work."""
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def watchdog(seconds: float) -> Callable[[], None]:
    """What to call between two pieces of work: without a call the process soon ends.

    A library that waits for ever leaves no other way out; whoever started the process
    starts it again. The stacks of all threads go to standard error, the exit code is 1.
    """

    def alive() -> None:
        faulthandler.dump_traceback_later(seconds, exit=True)

    alive()
    return alive

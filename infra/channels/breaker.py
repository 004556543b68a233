"""Stops calls to a route that fails again and again, for a while."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from pybreaker import (
    STATE_CLOSED,
    STATE_OPEN,
    CircuitBreaker,
    CircuitBreakerError,
    CircuitMemoryStorage,
)

from infra import clock


class _Failure(Exception):
    """How a failed call is told to the library."""


class Breaker:
    """Open after so many failures in a row; after a pause one more call may try.

    The library would hold a lock for as long as a call takes, and so make one queue of
    all threads; here a call asks first and reports afterwards.
    """

    def __init__(self, *, failures: int = 10, pause_seconds: float = 30.0) -> None:
        self._pause = timedelta(seconds=pause_seconds)
        self._storage = CircuitMemoryStorage(STATE_CLOSED)
        self._breaker = CircuitBreaker(
            fail_max=failures,
            reset_timeout=pause_seconds,
            state_storage=self._storage,
            throw_new_error_on_trip=False,
        )

    @property
    def is_open(self) -> bool:
        """Whether calls failed too often since one last succeeded."""
        return self._breaker.current_state == STATE_OPEN

    @property
    def failures(self) -> int:
        """How many calls failed in a row."""
        return self._breaker.fail_counter

    def admits(self) -> bool:
        """Whether a call may be made now."""
        opened_at = self._storage.opened_at
        return not (self.is_open and opened_at and clock.now() < opened_at + self._pause)

    def report(self, *, failed: bool) -> None:
        """A call that was admitted has ended."""
        with suppress(CircuitBreakerError, _Failure):  # a late report may find it open
            self._breaker.call(_fail if failed else _pass)

    def close(self) -> None:
        """Forget the failures."""
        self._storage.reset_counter()
        self._breaker.close()


def _pass() -> None:
    """Nothing happened."""


def _fail() -> None:
    raise _Failure

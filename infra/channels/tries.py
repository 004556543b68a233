"""Tries of routes that do not last longer than they may."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import Thread

from infra.channels.message import Probe

HANGS = "PROBE_TIMEOUT"
"""Why a probe does not hold that said nothing in time."""


class Tries:
    """What probes say, each within *seconds*; one that hangs is left to itself, and fails.

    It is not tried again before it ends: so at most one for each provider hangs at a time.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._hanging: dict[str, Thread] = {}

    def probe(self, name: str, probe: Callable[[], Sequence[Probe]]) -> list[Probe]:
        """What the probe of a provider said in time, or that it did not."""
        before = self._hanging.pop(name, None)
        if before is not None and before.is_alive():
            self._hanging[name] = before
            return [Probe(holds=False, took_ms=0, reason=HANGS)]
        said: list[Probe] = []
        failed: list[Exception] = []

        def attempt() -> None:
            try:
                said.extend(probe())
            except Exception as error:  # noqa: BLE001 - told to whoever waits for it
                failed.append(error)

        began = time.monotonic()
        thread = Thread(target=attempt, name=f"probe {name}", daemon=True)
        thread.start()
        thread.join(self._seconds)
        if thread.is_alive():
            self._hanging[name] = thread
            took_ms = int((time.monotonic() - began) * 1000)
            return [Probe(holds=False, took_ms=took_ms, reason=HANGS)]
        if failed:
            raise failed[0]
        return said

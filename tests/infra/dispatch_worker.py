"""A dispatcher as a process of its own, for tests that kill it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from tests.infra.office import open_office


def work(database_url: str, home: Path, provider: str, at: datetime, *, honours: bool) -> None:
    """Send all that is due at an instant."""
    with (
        open_office(database_url, home) as office,
        office.dispatcher(provider, honours=honours) as sender,
    ):
        while sender.step(at, 25).total:
            pass

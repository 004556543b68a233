"""Sends all that is due at an instant, and ends: ``URL HOME PROVIDER HONOURS INSTANT``."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

from tests.infra.office import open_office


def main() -> None:
    database_url, home, provider, honours, at = sys.argv[1:]
    with (
        open_office(database_url, Path(home)) as office,
        office.dispatcher(provider, honours=honours == "True") as sender,
    ):
        while sender.step(datetime.fromisoformat(at), 25).total:
            pass


if __name__ == "__main__":
    main()

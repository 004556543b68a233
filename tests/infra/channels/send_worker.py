"""Sends the messages that a file names, in batches: a process for tests to kill.

python -m tests.infra.channels.send_worker DATABASE URL HONOURS REFS HOME
"""

from __future__ import annotations

import sys
from pathlib import Path

from domain.base.provider import Register
from infra.channels.routes import open_routes
from infra.settings import Settings
from tests.infra.channels.samples import SECRET, SHORT, message
from tests.infra.channels.test_routes import provider

BATCH = 20


def main(database_url: str, url: str, honours: str, refs: str, home: str) -> None:
    one = provider("one", 1, honours=honours == "True")
    with open_routes(
        Settings(home=Path(home)),
        database_url,
        register=lambda: Register(providers=(one,), licence_rules=()),
        named={"one_URL": url, "one_SECRET": SECRET}.get,
        patience=SHORT,
    ) as routes:
        named = Path(refs).read_text().split()
        for start in range(0, len(named), BATCH):
            routes.send([message(contact_ref=ref) for ref in named[start : start + BATCH]])


if __name__ == "__main__":
    main(*sys.argv[1:])

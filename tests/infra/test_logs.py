"""A log line says what it is about, in a form that programs read."""

from __future__ import annotations

import json
import subprocess
import sys

from infra.settings import child_environment

PROGRAM = """
import logging, structlog
from infra import logs
from infra.settings import Settings
logs.configure(Settings(), "relay")
structlog.contextvars.bind_contextvars(correlation_id="c-1", stream="s-1")
logs.logger("test").debug("not shown at this level")
logs.logger("test").info("published", count=3)
logging.getLogger("library").warning("from a %s", "library")
try:
    1 / 0
except ZeroDivisionError:
    logs.logger("test").exception("failed")
"""


def test_lines_are_json_and_carry_what_was_bound() -> None:
    written = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=child_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stderr

    own, library, failure = (json.loads(line) for line in written.splitlines())
    assert (own["event"], own["count"], own["level"]) == ("published", 3, "info")
    assert (own["process"], own["module"]) == ("relay", "test")
    assert own["correlation_id"] == library["correlation_id"] == "c-1"
    assert (library["event"], library["logger"]) == ("from a library", "library")
    assert failure["exception"][0]["exc_type"] == "ZeroDivisionError"

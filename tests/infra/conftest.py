"""A line from store to view for each test that asks for one."""

from __future__ import annotations

import pytest

from tests.infra.line import Line, make_line


@pytest.fixture
def line(database_url: str, kafka_bootstrap: str) -> Line:
    """A database and topics of the test's own."""
    return make_line(database_url, kafka_bootstrap)

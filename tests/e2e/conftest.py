"""One complete system for the tests that do not break it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.system import System, running_system


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A complete running system, shared: use loans and borrowers of your own."""
    with running_system(tmp_path_factory.mktemp("system")) as running:
        yield running

"""How often Python looks for cycles among its objects."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

ALLOCATIONS = 50_000
"""Python's 700 are passed for every ten events decoded, and events form no cycles."""


def collect_seldom() -> None:
    """For a process that handles events by the thousand; called once, at its start."""
    gc.freeze()
    gc.set_threshold(ALLOCATIONS, 20, 50)


@contextmanager
def collected_seldom() -> Iterator[None]:
    """For a while only, in a process that goes on with something else."""
    before = gc.get_threshold()
    collect_seldom()
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()

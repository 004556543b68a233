"""How often Python looks for cycles among its objects."""

import gc

ALLOCATIONS = 50_000
"""Python's 700 are passed for every ten events decoded, and events form no cycles."""


def collect_seldom() -> None:
    """For a process that handles events by the thousand; called once, at its start."""
    gc.freeze()
    gc.set_threshold(ALLOCATIONS, 20, 50)

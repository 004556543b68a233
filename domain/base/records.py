"""Many records at once."""

from collections.abc import Iterable
from functools import partial
from typing import Any, NamedTuple, TypeVar

Named = TypeVar("Named", bound=NamedTuple)


def each_as(kind: type[Named], values: Iterable[tuple[Any, ...]]) -> list[Named]:
    """A record of *kind* from each of *values*, which hold all its fields in order.

    A named tuple's own constructor is a Python function; this stays below it.
    """
    return list(map(partial(tuple.__new__, kind), values))

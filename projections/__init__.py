"""One file per view: which tables it has, and what each event changes in them.

A view module holds NAME, VERSION, TOPICS (the Kafka topics it reads), TABLES and
``changes(event)``. No reads, no clock: what a view must say, the event carries.
IGNORED names the events of its topics that it shows nothing of.

Rows that tell how something stood are added and never overwritten: each has the
``version`` of the event behind it and the day it was known (``business_on``), so the
last row known by a day is how it stood on that day.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.base.stream import Stream


@dataclass(frozen=True, slots=True)
class Put:
    """Set *values* in the row with *key*, which is made if it is not there."""

    table: str
    key: Mapping[str, Any]
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Add:
    """Add *amounts* to the row with *key*, which starts at zero."""

    table: str
    key: Mapping[str, Any]
    amounts: Mapping[str, int]


Change = Put | Add


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a view: columns with their SQL types, key and indexes.

    Columns outside the key may be empty, and those that are added to start at zero.
    """

    name: str
    columns: Mapping[str, str]
    key: tuple[str, ...]
    indexes: tuple[tuple[str, ...], ...] = field(default=())


KNOWN = {"business_on": "date", "effective_on": "date"}
"""The columns every history row has beside its version: when known, when it counts."""


def known(event: Stream.Event) -> dict[str, Any]:
    """The values of the KNOWN columns for *event*."""
    return {"business_on": event.business_on, "effective_on": event.effective_on}

"""One file per view: which tables it has, and what each event changes in them.

A view module holds NAME, VERSION, TOPICS (the Kafka topics it reads), TABLES and
``changes(event)``. No reads, no clock: what a view must say, the event carries.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


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

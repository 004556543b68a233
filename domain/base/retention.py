"""How long records must be kept, and what may be done meanwhile with those to be erased.

No figure stands here; the floors are policy files with sources.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from domain.base.calendar import add_months
from domain.base.refusal import Refusal


class RecordClass(StrEnum):
    """What kind of record a retention floor speaks of."""

    SEND_RECORD = "SEND_RECORD"
    COLLECTION_RECORD = "COLLECTION_RECORD"
    CALL_RECORDING = "CALL_RECORDING"
    AI_CALL_RECORDING = "AI_CALL_RECORDING"
    OPT_OUT_STATE = "OPT_OUT_STATE"


@dataclass(frozen=True)
class RetentionFloor:
    """For how many months a class of records is kept at least, from the last of them."""

    version: str
    record_class: str
    jurisdiction: str
    months: int
    valid_from: date
    valid_until: date | None
    source: str


@dataclass(frozen=True)
class RestrictedProcessing:
    """For which purposes the data of a restricted person may still be read."""

    version: str
    jurisdiction: str
    purposes: tuple[str, ...]
    valid_from: date
    valid_until: date | None
    source: str


@dataclass(frozen=True)
class Retained:
    """Until when something is kept (that day it may go), and the floor that says so."""

    until: date
    record_class: str
    version: str


class FloorUnknown(Refusal):
    """Nobody knows how long a class of records must be kept."""

    code = "FLOOR_UNKNOWN"


def retained(floors: Sequence[RetentionFloor], last: Mapping[str, date]) -> Retained | None:
    """The longest of the *floors* that apply; None when there is no such record.

    *last* has the day of the last record of each class there is.

    Raises:
        FloorUnknown: a class has no floor: it is not taken for one that may go.
    """
    found = []
    for record_class, on in last.items():
        own = [floor for floor in floors if floor.record_class == record_class]
        if not own:
            raise FloorUnknown(
                f"No policy says how long a {record_class} is kept: publish a retention floor."
            )
        found += [
            Retained(add_months(on, floor.months), record_class, floor.version) for floor in own
        ]
    return max(found, key=lambda each: each.until, default=None)

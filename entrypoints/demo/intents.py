"""What the demo intends to happen: commands as plain values, by business day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from domain.base.calendar import next_day

START = date(1993, 7, 1)
END = date(1998, 12, 31)
DAY_OF_CONTACT = next_day(END)


@dataclass(frozen=True, slots=True)
class Intent:
    """One command to carry out: *verb* on *stream*, the *number*-th intent of it.

    *stream* is ``origin:reference``; ids are made from it when it is carried out.
    """

    stream: str
    number: int
    verb: str
    actor: str
    fields: Mapping[str, Any]


Plan = Mapping[date, list[Intent]]
"""The intents of each business day, each stream's in the order they come."""


class Diary:
    """Collects intents by day; what would lie after the end is left out."""

    def __init__(self) -> None:
        """No day has an intent yet."""
        self.days: defaultdict[date, list[Intent]] = defaultdict(list)
        self._counts: defaultdict[str, int] = defaultdict(int)

    def note(self, day: date, stream: str, verb: str, *, by: str = "branch", **fields: Any) -> bool:
        """Intend *verb* on a day; False when the demo ends before it."""
        assert day >= START, f"{stream} {verb} lies before the demo begins"
        self._counts[stream] += 1
        if day > END:
            return False
        intent = Intent(stream, self._counts[stream], verb, by, fields)
        self.days[day].append(intent)
        return True

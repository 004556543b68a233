"""Dated rules of contact from the files in ``policies/contact``."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from domain.base.contact_policy import (
    Channel,
    ConsentRule,
    ConsentScope,
    ContactHoldRule,
    ContactPointRule,
    ContactRule,
    ContactRules,
    Counts,
    DayCalendar,
    DayKind,
    DeferralRule,
    HoldKind,
    Hours,
    HoursRule,
    LexiconRule,
    LimitRule,
    OptOutRule,
    OptOutSentenceRule,
    Outcome,
    Per,
    PointSource,
    Purpose,
    RateBesidePriceRule,
    Reason,
    SenderRule,
    ThirdPartyRule,
    Within,
)

FILES = Path(__file__).parent / "policies" / "contact"

Made = TypeVar("Made", bound=ContactRule | DayCalendar)
Row = dict[str, Any]


@cache
def load_contact_rules(folder: Path = FILES) -> ContactRules:
    """Every dated rule of contact in the TOML files of a folder.

    Raises:
        ValueError: a file is not as it should be, with its name and the entry.
    """
    entries: dict[str, list[Row]] = {}
    for path in sorted(folder.glob("*.toml")):
        for kind, rows in tomllib.loads(path.read_text(encoding="utf-8")).items():
            entries.setdefault(kind, []).extend({**row, "file": path.name} for row in rows)

    def made(name: str, kind: type[Made], read: Callable[[Row], Row] = lambda _: {}) -> Any:
        return tuple(_made(kind, row, read) for row in entries.pop(name, []))

    rules = ContactRules(
        hours=made("hours", HoursRule, _hours),
        limits=made("limit", LimitRule, _limit),
        consents=made("consent", ConsentRule, _consent),
        contact_points=made("contact_point", ContactPointRule),
        opt_outs=made("opt_out", OptOutRule, _opt_out),
        holds=made("contact_hold", ContactHoldRule, _hold),
        third_parties=made("third_party", ThirdPartyRule),
        opt_out_sentences=made("opt_out_sentence", OptOutSentenceRule),
        rates_beside_prices=made("rate_beside_price", RateBesidePriceRule),
        lexicons=made("lexicon", LexiconRule, lambda row: {"words": tuple(row["words"])}),
        senders=made("sender", SenderRule, lambda row: {"senders": tuple(row["senders"])}),
        deferrals=made("deferral", DeferralRule),
        calendars=made("day_calendar", DayCalendar, _calendar),
    )
    if entries:
        first = next(iter(entries.values()))[0]
        raise ValueError(f"{first['file']}: {next(iter(entries))!r} is no kind of rule")
    return rules


def _made(kind: type[Made], row: Row, read: Callable[[Row], Row]) -> Made:
    values = {name: value for name, value in row.items() if name not in ("file", "from", "until")}
    try:
        if issubclass(kind, ContactRule):
            values["purposes"] = tuple(Purpose(each) for each in row["purposes"])
            values["channels"] = _channels(row)
        values.update(read(row))
        made = kind(**values, valid_from=row["from"], valid_until=row.get("until"))
    except (KeyError, TypeError, ValueError) as wrong:
        raise ValueError(f"{row['file']}: {kind.__name__} {_name(row)}: {wrong}") from None
    dates = (made.valid_from, made.valid_until or date.max)
    if not all(type(day) is date for day in dates) or dates[0] >= dates[1]:
        raise ValueError(f"{row['file']}: {kind.__name__} {_name(row)} has no sound dates")
    return made


def _name(row: Row) -> str:
    return f"{row.get('rule', 'without a name')} of {row.get('version', 'no version')}"


def _channels(row: Row) -> tuple[Channel, ...]:
    return tuple(Channel(each) for each in row.get("channels", ()))


def _hours(row: Row) -> Row:
    hours = tuple(
        Hours(**{**each, "days": DayKind(each.get("days", DayKind.ANY))})
        for each in row.get("hours", ())
    )
    if any(each.start >= each.end for each in hours):
        raise ValueError("hours end before they start")
    if bool(hours) == row.get("at_any_time", False):
        raise ValueError("either it has hours, or it is at any time")
    return {"hours": hours}


def _limit(row: Row) -> Row:
    counts = row["counts"]
    within = Within(row["within"])
    if (within == Within.HOURS) != ("hours" in row):
        raise ValueError("a limit within HOURS, and no other, says how many")
    if unknown := set(counts) - {"purposes", "channels", "outcomes"}:
        raise ValueError(f"{unknown.pop()!r} is nothing that could be counted")
    return {
        "reason": Reason(row["reason"]),
        "per": Per(row["per"]),
        "within": within,
        "counts": Counts(
            purposes=tuple(Purpose(each) for each in counts["purposes"]),
            channels=_channels(counts),
            outcomes=tuple(Outcome(each) for each in counts["outcomes"]),
        ),
    }


def _consent(row: Row) -> Row:
    source = row.get("point_source")
    return {
        "scope": ConsentScope(row["scope"]),
        "point_source": None if source is None else PointSource(source),
    }


def _opt_out(row: Row) -> Row:
    return {
        "widens": {
            Channel(refused): tuple(Channel(each) for each in covered)
            for refused, covered in row.get("widens", {}).items()
        }
    }


def _hold(row: Row) -> Row:
    return {"kinds": tuple(HoldKind(each) for each in row["kinds"])}


def _calendar(row: Row) -> Row:
    days = {name: frozenset(row[name]) for name in ("holidays", "worked")}
    if any(day.year != row["year"] for each in days.values() for day in each):
        raise ValueError(f"a day is not of {row['year']}")
    return dict(days)

"""Dated rules of contact from the files in ``policies/contact``."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from domain.base.contact_policy import (
    RATE,
    BanRule,
    Channel,
    ConsentRule,
    ConsentScope,
    ContactHoldRule,
    ContactPointRule,
    ContactRules,
    Counts,
    DayCalendar,
    DayKind,
    DeferralRule,
    FreshnessRule,
    HoldKind,
    Hours,
    HoursRule,
    LapseRule,
    LexiconRule,
    LimitRule,
    OptOutRule,
    OptOutSentenceRule,
    Outcome,
    Per,
    PointSource,
    Purpose,
    RateBesidePriceRule,
    RateNameRule,
    Reason,
    RepresentativeRule,
    SenderRule,
    ThirdPartyRule,
    Within,
    WrittenRule,
)
from domain.borrower.contact import REPRESENTATIVES
from domain.loan.cost import CostMethod
from infra.rule_files import Kind, rows_of_folder, values_of

FILES = Path(__file__).parent / "policies" / "contact"

Row = dict[str, Any]


@cache
def load_contact_rules(folder: Path = FILES) -> ContactRules:
    """Every dated rule of contact in the TOML files of a folder.

    Raises:
        ValueError: a file is not as it should be, with its name and the entry.
    """
    return ContactRules(**values_of(rows_of_folder(folder), KINDS))


def _bound(read: Callable[[Row], Row] = lambda _: {}) -> Callable[[Row], Row]:
    """Reads what every rule of contact says, and what *read* does."""

    def whole(row: Row) -> Row:
        purposes = tuple(Purpose(each) for each in row["purposes"])
        products = row.get("products", [])
        if not isinstance(products, list) or not all(isinstance(each, str) for each in products):
            raise ValueError("'products' are no list of codes")
        return {
            "purposes": purposes,
            "channels": _channels(row),
            "products": tuple(products),
            **read(row),
        }

    return whole


def _channels(row: Row) -> tuple[Channel, ...]:
    return tuple(Channel(each) for each in row.get("channels", ()))


def _hours(row: Row) -> Row:
    hours = tuple(
        Hours(
            **{
                **each,
                "days": DayKind(each.get("days", DayKind.ANY)),
                "weekdays": tuple(each.get("weekdays", ())),
            }
        )
        for each in row.get("hours", ())
    )
    if any(each.start >= each.end for each in hours):
        raise ValueError("hours end before they start")
    if any(day not in range(7) for each in hours for day in each.weekdays):
        raise ValueError("a day of the week is 0, Monday, to 6, Sunday")
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


def _representative(row: Row) -> Row:
    if row["party"] not in REPRESENTATIVES:
        raise ValueError(f"a representative is one of {', '.join(sorted(REPRESENTATIVES))}")
    unasked = tuple(Purpose(each) for each in row.get("unasked", ()))
    if not set(unasked) <= {Purpose(each) for each in row["purposes"]}:
        raise ValueError("what is sent to them unasked is for no purpose of the rule")
    if unasked and not row.get("under"):
        raise ValueError("unasked it goes to them instead of the borrower: say under which hold")
    return {"under": tuple(HoldKind(each) for each in row.get("under", ())), "unasked": unasked}


def _calendar(row: Row) -> Row:
    days = {name: frozenset(row[name]) for name in ("holidays", "worked")}
    if any(day.year != row["year"] for each in days.values() for day in each):
        raise ValueError(f"a day is not of {row['year']}")
    return dict(days)


def _words(row: Row) -> Row:
    return {"words": tuple(row["words"])}


def _rate_name(row: Row) -> Row:
    said = tuple(row["said"])
    if not said or not all(each.count(RATE) == 1 and each != RATE for each in said):
        raise ValueError(f"each way to say the rate has {RATE} once, and a word beside it")
    return {"method": str(CostMethod(row["method"])), "said": said}


def _senders(row: Row) -> Row:
    return {"senders": tuple(row["senders"])}


def _lapse(row: Row) -> Row:
    if row["minutes"] <= 0 or row["untold_hours"] < 0:
        raise ValueError("a contact has some minutes to be made in, and no fewer than no hours")
    return {}


def _by(row: Row) -> Row:
    return {"by": tuple(Channel(each) for each in row["by"])}


KINDS = {
    "hours": Kind(HoursRule, "hours", _bound(_hours)),
    "ban": Kind(BanRule, "bans", _bound()),
    "limit": Kind(LimitRule, "limits", _bound(_limit)),
    "consent": Kind(ConsentRule, "consents", _bound(_consent)),
    "contact_point": Kind(ContactPointRule, "contact_points", _bound()),
    "opt_out": Kind(OptOutRule, "opt_outs", _bound(_opt_out)),
    "contact_hold": Kind(ContactHoldRule, "holds", _bound(_hold)),
    "third_party": Kind(ThirdPartyRule, "third_parties", _bound()),
    "opt_out_sentence": Kind(OptOutSentenceRule, "opt_out_sentences", _bound()),
    "rate_beside_price": Kind(RateBesidePriceRule, "rates_beside_prices", _bound()),
    "rate_name": Kind(RateNameRule, "rate_names", _bound(_rate_name)),
    "lexicon": Kind(LexiconRule, "lexicons", _bound(_words)),
    "freshness": Kind(FreshnessRule, "freshness", _bound()),
    "sender": Kind(SenderRule, "senders", _bound(_senders)),
    "deferral": Kind(DeferralRule, "deferrals", _bound()),
    "lapse": Kind(LapseRule, "lapses", _bound(_lapse)),
    "representative": Kind(RepresentativeRule, "representatives", _bound(_representative)),
    "written": Kind(WrittenRule, "written", _bound(_by)),
    "day_calendar": Kind(DayCalendar, "calendars", _calendar, keys=("jurisdiction", "year")),
}
"""The kinds of rule by which contact is decided on; a further one is one more line."""

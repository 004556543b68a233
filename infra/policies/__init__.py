"""Dated policy from the files beside this one."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import time
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from domain.base.calendar import HolidayCalendar
from domain.base.complaint_policy import ComplaintLevel, Desk, Extension, Ground, Severity
from domain.base.contact_policy import Channel, HoldKind, Purpose
from domain.base.policy import (
    AgencyRule,
    AgencyStandard,
    AssetClassRule,
    CapRule,
    ChargeLint,
    ClassFrom,
    ClassStandard,
    ContractForm,
    CostMethodRule,
    DueDateRule,
    ExposureRule,
    HoldRule,
    IndexRate,
    LegalStandard,
    LessonCause,
    LessonPlan,
    NameLint,
    NextStage,
    NoticeCause,
    NoticePlan,
    PayoutReturnRule,
    PenaltyRule,
    PlanStandard,
    Policies,
    PrepaymentRule,
    PromiseRule,
    ReceiptPlan,
    ReferralRule,
    ReminderPlan,
    ReminderStep,
    RenewalRule,
    RequestTerm,
    ServiceLevels,
    SettlingRule,
    StrategyRule,
    WithholdingRule,
)
from domain.base.reply_keyword import KeywordMeaning, ReplyKeywords, spelt
from domain.base.retention import RestrictedProcessing, RetentionFloor
from domain.loan.cost import CostMethod
from infra.rule_files import Kind, Written, made, name_of, rows_of_folder

FILES = Path(__file__).parent


Row = dict[str, Any]


@cache
def load_policies(folder: Path = FILES) -> Policies:
    """Every dated rule in the TOML files of a folder.

    Raises:
        ValueError: a file is not as it should be, with its name and the entry.
    """
    return policies_of(rows_of_folder(folder))


def policies_of(written: Sequence[Written]) -> Policies:
    """The rules of servicing that entries say; of one rule the newest in force holds.

    Raises:
        ValueError: an entry is no rule of its kind, with its file and name.
    """
    found: dict[str, dict[str, list[Any]]] = {kind.field: {} for kind in KINDS.values()}
    for each in written:
        value = made(each, KINDS)
        found[KINDS[each.kind].field].setdefault(name_of(each, KINDS), []).append(value)
    return Policies(
        **{
            field: tuple(value for versions in named.values() for value in one_at_a_time(versions))
            for field, named in found.items()
        }
    )


def one_at_a_time(versions: Sequence[Any]) -> list[Any]:
    """The *versions* of one rule, each only on the days on which it is the newest in force."""
    shown: list[Any] = []
    for version in sorted(versions, key=lambda each: each.valid_from):
        shown = [part for older in shown for part in _but_for(older, version)] + [version]
    return sorted(shown, key=lambda each: each.valid_from)


def _but_for(older: Any, newer: Any) -> Iterator[Any]:
    """What is left of the days of *older* when *newer* has its own."""
    if older.valid_until is not None and older.valid_until <= newer.valid_from:
        yield older
        return
    if older.valid_from < newer.valid_from:
        yield replace(older, valid_until=newer.valid_from)
    end = newer.valid_until
    if end is not None and (older.valid_until is None or end < older.valid_until):
        yield replace(older, valid_from=end)


def _tuple_of(name: str) -> Callable[[Row], Row]:
    return lambda row: {name: tuple(row[name])}


def _annual_rate(row: Row) -> Row:
    return {"annual_rate": Decimal(row["annual_rate"])}


def _reminder_step(row: Row) -> Row:
    purpose = Purpose(row.get("purpose", Purpose.SERVICE_REMINDER))
    if purpose not in (Purpose.SERVICE_REMINDER, Purpose.COLLECTION):
        raise ValueError(f"a reminder is not for {purpose}")
    return {"channels": tuple(row["channels"]), "purpose": str(purpose)}


def _strategy(row: Row) -> Row:
    return {
        "channels": tuple(row["channels"]),
        "proposes": tuple(NextStage(each) for each in row.get("proposes", ())),
    }


def _legal_standard(row: Row) -> Row:
    days = [row["days_past_due"], row.get("notice_days", 0)]
    if any(type(each) is not int or each < 0 for each in days):
        raise ValueError("its days are whole numbers, none below zero")
    if ("notice" in row) != ("notice_days" in row):
        raise ValueError("a notice comes with the days to answer it, and these with a notice")
    return {"barred_by": tuple(str(HoldKind(each)) for each in row["barred_by"])}


def _receipt_plan(row: Row) -> Row:
    if row["within_days"] < 0:
        raise ValueError("its days are before the payment")
    return {"channels": _sent_by(row)}


def _notice_plan(row: Row) -> Row:
    days = [row[name] for name in ("after_days", "within_days", "answer_days")]
    if min(days) < 0 or row.get("again_after_days", 1) < 1:
        raise ValueError("its days are before its cause")
    if not NAME.fullmatch(row["notice"]):
        raise ValueError("its notice is no name of small letters and hyphens")
    return {"after": NoticeCause(row["after"]), "channels": _sent_by(row)}


def _lesson_plan(row: Row) -> Row:
    if row["from_days"] > row["until_days"]:
        raise ValueError("its days end before they begin")
    if not NAME.fullmatch(row["lesson"]):
        raise ValueError("its lesson is no name of small letters and hyphens")
    return {"after": LessonCause(row["after"]), "channels": _sent_by(row)}


def _sent_by(row: Row) -> tuple[str, ...]:
    """The channels of a text that is sent."""
    channels = tuple(str(Channel(each)) for each in row["channels"])
    if spoken := [each for each in channels if each in SPOKEN]:
        raise ValueError(f"nothing is sent by {spoken[0]}")
    return channels


def _most(row: Row) -> Row:
    return {"most": Decimal(row["most"])}


def _cost_methods(row: Row) -> Row:
    methods = tuple(str(CostMethod(each)) for each in row["methods"])
    if not methods or len(set(methods)) != len(methods):
        raise ValueError("its methods are not named, each once")
    return {"methods": methods}


def _multiples(row: Row) -> Row:
    least, most = Decimal(row["least"]), Decimal(row["most"])
    if not 0 <= least <= most:
        raise ValueError("its least is not below its most")
    return {"least": least, "most": most}


def _standard(row: Row) -> Row:
    """What decides the class, in a record of its own."""
    said = {name: row[name] for name in ClassStandard.__annotations__ if name in row}
    classes = [ClassFrom(**each) for each in said.pop("classes")]
    standard = ClassStandard(classes=classes, **said)
    days = [each.over_days for each in classes]
    if days != sorted(days) or standard.non_performing not in [c.asset_class for c in classes]:
        raise ValueError("its classes are not in order")
    return {"standard": standard}


def _hold(row: Row) -> Row:
    if row.get("length_days", 1) < 1:
        raise ValueError("a hold stands for one day at least")
    return {}


def _keywords(row: Row) -> Row:
    if not row["words"] or not all(map(spelt, row["words"])):
        raise ValueError("a keyword has a letter or a digit")
    return {
        "meaning": KeywordMeaning(row["meaning"]),
        "words": tuple(row["words"]),
        "also": tuple(Channel(each) for each in row["also"]),
        "purposes": tuple(Purpose(each) for each in row["purposes"]),
    }


def _complaint_level(row: Row) -> Row:
    """The desk, where there is one; the rest as it stands."""
    if row["severity"] not in set(Severity):
        raise ValueError(f"its severity is none of {', '.join(Severity)}")
    if not 0 < row["answer_minutes"] <= row["resolve_minutes"]:
        raise ValueError("its answer is not due before its resolution")
    extensions = [
        Extension(Ground(each["ground"]), each["resolve_minutes"])
        for each in row.get("extensions", ())
    ]
    ends = [row["resolve_minutes"], *(each.resolve_minutes for each in extensions)]
    if ends != sorted(set(ends)) or len({each.ground for each in extensions}) < len(extensions):
        raise ValueError("an extension ends after the one before it, each on a ground of its own")
    if "desk" not in row:
        return {"extensions": tuple(extensions)}
    hours = [row["desk"].get(name) for name in ("opens", "closes")]
    if not all(isinstance(each, time) for each in hours) or hours != sorted(set(hours)):
        raise ValueError("its desk has no sound hours")
    desk = Desk(**row["desk"])
    return {
        "desk": replace(
            desk, zone=ZoneInfo(desk.zone).key, calendar=HolidayCalendar(desk.calendar)
        ),
        "extensions": tuple(extensions),
    }


def _tolerated_rows(row: Row) -> Row:
    if type(row["tolerated_rows"]) is not int or row["tolerated_rows"] < 0:
        raise ValueError("it tolerates a whole number of rows, none or more")
    return {}


def _days(row: Row) -> Row:
    if type(row["days"]) is not int or row["days"] < 1:
        raise ValueError("its days are a whole number, one or more")
    return {}


LOCAL = ("jurisdiction",)
NAME = re.compile(r"[a-z][a-z-]{0,19}")
SPOKEN = (Channel.PHONE, Channel.AI_VOICE, Channel.VISIT)

KINDS = {
    "service_levels": Kind(ServiceLevels, "service_levels"),
    "hold": Kind(HoldRule, "hold_rules", _hold, keys=("kind", *LOCAL)),
    "reminder_plan": Kind(ReminderPlan, "reminder_plans", _tuple_of("offsets_days")),
    "strategy": Kind(
        StrategyRule, "strategies", _strategy, keys=("bucket", "behaviour", "segment")
    ),
    "reminder_step": Kind(
        ReminderStep, "reminder_steps", _reminder_step, keys=("offset_days", "segment", *LOCAL)
    ),
    "receipt_plan": Kind(ReceiptPlan, "receipt_plans", _receipt_plan, keys=LOCAL),
    "notice_plan": Kind(NoticePlan, "notice_plans", _notice_plan, keys=("notice", *LOCAL)),
    "lesson_plan": Kind(LessonPlan, "lesson_plans", _lesson_plan, keys=("lesson", *LOCAL)),
    "agency": Kind(AgencyRule, "agencies", _tuple_of("jurisdictions"), keys=("agency",)),
    "promise": Kind(PromiseRule, "promise_rules", keys=LOCAL),
    "agency_standard": Kind(AgencyStandard, "agency_standards", _tuple_of("buckets"), keys=LOCAL),
    "legal_standard": Kind(LegalStandard, "legal_standards", _legal_standard, keys=LOCAL),
    "plan_standard": Kind(PlanStandard, "plan_standards", _tolerated_rows, keys=LOCAL),
    "request_term": Kind(RequestTerm, "request_terms", _days, keys=LOCAL),
    "index_rate": Kind(IndexRate, "index_rates", _annual_rate, keys=("index",)),
    "asset_class": Kind(
        AssetClassRule,
        "asset_classes",
        _standard,
        keys=("product_code",),
        inside=("standard", ClassStandard),
    ),
    "cap": Kind(CapRule, "caps", _annual_rate, keys=("jurisdiction", "lender_kind")),
    "exposure": Kind(ExposureRule, "exposure_rules", keys=(*LOCAL, "lender_kind", "currency")),
    "payout_return": Kind(PayoutReturnRule, "payout_return_rules", _days, keys=LOCAL),
    "penalty_multiple": Kind(PenaltyRule, "penalty_rules", _multiples, keys=LOCAL),
    "prepayment_fee": Kind(PrepaymentRule, "prepayment_rules", _most, keys=LOCAL),
    "settling": Kind(SettlingRule, "settling_rules", _tuple_of("ways"), keys=LOCAL),
    "withholding": Kind(WithholdingRule, "withholding_rules", keys=LOCAL),
    "cost_method": Kind(CostMethodRule, "cost_method_rules", _cost_methods, keys=LOCAL),
    "renewal": Kind(RenewalRule, "renewal_rules", keys=(*LOCAL, "up_to_months")),
    "name_lint": Kind(NameLint, "name_lints", _tuple_of("words"), keys=LOCAL),
    "contract_form": Kind(ContractForm, "contract_forms", keys=(*LOCAL, "product_code")),
    "charge_lint": Kind(ChargeLint, "charge_lints", _tuple_of("words"), keys=LOCAL),
    "retention_floor": Kind(RetentionFloor, "retention_floors", keys=(*LOCAL, "record_class")),
    "due_date": Kind(DueDateRule, "due_date_rules"),
    "referral_rewards": Kind(ReferralRule, "referral_rules", _tuple_of("rewards"), keys=LOCAL),
    "restricted_processing": Kind(
        RestrictedProcessing, "restricted_processing", _tuple_of("purposes"), keys=LOCAL
    ),
    "reply_keyword": Kind(ReplyKeywords, "reply_keywords", _keywords, keys=(*LOCAL, "meaning")),
    "complaint_level": Kind(
        ComplaintLevel, "complaint_levels", _complaint_level, keys=("severity", *LOCAL)
    ),
}
"""The kinds of rule by which loans are serviced; a further one is one more line."""

"""Typed dated rules: what law and house decide, passed in as values.

No figure stands here; the figures are policy files with sources, and later events.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from operator import attrgetter
from typing import Protocol, TypeVar

from domain.base.complaint_policy import ComplaintLevel
from domain.base.refusal import Refusal
from domain.base.reply_keyword import (
    FoundWord,
    Keyword,
    KeywordMeaning,
    ReplyKeywords,
    keyword_in,
    words_among,
)
from domain.base.retention import RestrictedProcessing, RetentionFloor

ANYWHERE = "ANY"
"""The jurisdiction of a rule that holds in all of them."""


@dataclass(frozen=True)
class ReminderPlan:
    """On which days around a pay-by date a reminder is due: −7 is a week before."""

    version: str
    offsets_days: tuple[int, ...]
    valid_from: date
    valid_until: date | None
    source: str


@dataclass(frozen=True)
class ServiceLevels:
    """How many days each stage of an application may take."""

    version: str
    stage_days: dict[str, int]
    application_valid_days: int
    offer_valid_days: int
    valid_from: date
    valid_until: date | None
    source: str


@dataclass(frozen=True)
class HoldRule:
    """What a kind of hold blocks, and what it stops on the loans that it covers.

    With penalty stop the charges that overdue instalments bring of themselves. While one
    stands that stops payouts or renewals, none is made. It stands for *length_days* where
    nobody says otherwise, and without them until it is lifted.
    """

    version: str
    kind: str
    blocks_reminders: bool
    blocks_collection: bool
    valid_from: date
    valid_until: date | None
    source: str
    stops_interest: bool = False
    stops_penalty: bool = False
    jurisdiction: str = ANYWHERE
    stops_payout: bool = False
    stops_renewal: bool = False
    length_days: int | None = None

    @property
    def stops_money(self) -> bool:
        """Whether it stops interest or penalty."""
        return self.stops_interest or self.stops_penalty


@dataclass(frozen=True)
class ReminderStep:
    """By what a reminder of an offset goes out, the first choice first, and with which text.

    Without channels none is sent. With a *segment* it is for loans of that one only, and
    goes before the step for all; one of a jurisdiction goes before both. *purpose* is what
    the reminder is for: where the law takes one of a late loan for collection, that.
    """

    version: str
    offset_days: int
    channels: tuple[str, ...]
    template: str
    valid_from: date
    valid_until: date | None
    source: str
    segment: str | None = None
    jurisdiction: str = ANYWHERE
    purpose: str = "SERVICE_REMINDER"


@dataclass(frozen=True)
class ReceiptPlan:
    """By what a receipt for each payment goes out, and which text; without channels none does.

    One is planned for payments that became known within so many days.
    """

    version: str
    jurisdiction: str
    channels: tuple[str, ...]
    template: str
    within_days: int
    valid_from: date
    valid_until: date | None
    source: str


class NoticeCause(StrEnum):
    """What brings a notice about."""

    FIRST_CONTACT = "FIRST_CONTACT"
    """The first contact by which a debt is collected."""
    ARREARS = "ARREARS"
    """That an instalment is late."""
    COMPLAINT_EXTENDED = "COMPLAINT_EXTENDED"
    """That a complaint of the borrower takes longer."""


@dataclass(frozen=True)
class NoticePlan:
    """A notice that is given about a late loan or a complaint: *after* what, how soon, by what.

    It is due from *after_days* after its cause on, and given *within_days* of that; the
    borrower has *answer_days* to answer. It is given once for a loan, or again when
    *again_after_days* have passed. Without channels it is not given.
    """

    version: str
    notice: str
    jurisdiction: str
    after: NoticeCause
    after_days: int
    within_days: int
    answer_days: int
    channels: tuple[str, ...]
    template: str
    valid_from: date
    valid_until: date | None
    source: str
    again_after_days: int | None = None


class NextStage(StrEnum):
    """What a strategy proposes to a person, who decides on it loan by loan."""

    AGENCY = "AGENCY"
    """An agency collects the loan."""
    LEGAL = "LEGAL"
    """The loan is claimed at law."""


class LessonCause(StrEnum):
    """What makes a lesson of use to a borrower."""

    FIRST_DUE = "FIRST_DUE"
    """The day by which the first instalment of a loan is to be paid."""
    PAID_LATE = "PAID_LATE"
    """The day on which an instalment was paid that was late."""


@dataclass(frozen=True)
class LessonPlan:
    """A text of financial knowledge that each borrower is sent once, around a day of a loan.

    It has its turn *from_days* after its cause on, and is of no use *until_days* after it any
    more; figures below zero are days before. Without channels nobody is sent it.
    """

    version: str
    lesson: str
    jurisdiction: str
    after: LessonCause
    from_days: int
    until_days: int
    channels: tuple[str, ...]
    template: str
    valid_from: date
    valid_until: date | None
    source: str


@dataclass(frozen=True)
class StrategyRule:
    """What collectors do in a delinquency bucket, of borrowers of one *behaviour* or of all.

    With a *segment* it is for loans of that one only. *template* is the text of a message,
    and the script of a call. *proposes* are the stages of which one may come next.
    """

    version: str
    bucket: str
    strategy: str
    channels: tuple[str, ...]
    valid_from: date
    valid_until: date | None
    source: str
    behaviour: str | None = None
    template: str | None = None
    segment: str | None = None
    proposes: tuple[NextStage, ...] = ()


@dataclass(frozen=True)
class AgencyRule:
    """An agency that may collect for the lender, and what came of its last evaluation."""

    version: str
    agency: str
    licence: str
    jurisdictions: tuple[str, ...]
    evaluated_on: date
    passed: bool
    valid_from: date
    valid_until: date | None
    source: str


@dataclass(frozen=True)
class AgencyStandard:
    """In which buckets agencies collect, and how many days an evaluation of one counts."""

    version: str
    jurisdiction: str
    buckets: tuple[str, ...]
    evaluation_days: int
    valid_from: date
    valid_until: date | None
    source: str


@dataclass(frozen=True)
class LegalStandard:
    """From how many days past due a loan is claimed at law, and what stands against it.

    *barred_by* are kinds of holds, the worst first. Where a *notice* is named it went out in
    writing *notice_days* before.
    """

    version: str
    jurisdiction: str
    days_past_due: int
    barred_by: tuple[str, ...]
    valid_from: date
    valid_until: date | None
    source: str
    notice: str | None = None
    notice_days: int = 0


@dataclass(frozen=True)
class PlanStandard:
    """How many rows of a plan to pay may be missed, and made up for later, before it is broken."""

    version: str
    jurisdiction: str
    tolerated_rows: int
    valid_from: date
    valid_until: date | None
    source: str


@dataclass(frozen=True)
class RequestTerm:
    """Within how many days a borrower's request about their data is answered."""

    version: str
    jurisdiction: str
    days: int
    valid_from: date
    valid_until: date | None
    source: str


@dataclass(frozen=True)
class IndexRate:
    """An index that rates of loans follow, an annual fraction."""

    version: str
    index: str
    annual_rate: Decimal
    valid_from: date
    valid_until: date | None
    source: str


@dataclass(frozen=True)
class ClassFrom:
    """An asset class, and the days past due above which a loan is in it."""

    asset_class: str
    over_days: int


@dataclass(frozen=True)
class ClassStandard:
    """What decides the asset class of a loan; *classes* from the least bad to the worst.

    From *non_performing* on a class is left for a better one only when nothing was late
    for *cure_months* and *cure_instalments*, whichever ends later. A loan restructured in
    one of the ways of *restructuring* is at least *restructured* until nothing was late for
    *restructured_months*.
    """

    classes: list[ClassFrom]
    non_performing: str
    cure_months: int
    cure_instalments: int
    restructured: str
    restructured_months: int
    restructuring: list[str]


@dataclass(frozen=True)
class AssetClassRule:
    """The standard for the loans of one product, or of every product that has none."""

    version: str
    standard: ClassStandard
    valid_from: date
    valid_until: date | None
    source: str
    product_code: str | None = None


@dataclass(frozen=True)
class CapRule:
    """What a loan may cost in a year at most, charges and penalty counted; a fraction.

    A rule for *new_loans_only* leaves loans alone that were approved before its first day.
    """

    version: str
    jurisdiction: str
    lender_kind: str
    annual_rate: Decimal
    valid_from: date
    valid_until: date | None
    source: str
    new_loans_only: bool = False


@dataclass(frozen=True)
class ExposureRule:
    """How much principal a kind of lender may lend one borrower in all; minor units."""

    version: str
    jurisdiction: str
    lender_kind: str
    currency: str
    most: int
    valid_from: date
    valid_until: date | None
    source: str


@dataclass(frozen=True)
class PayoutReturnRule:
    """Within how many *days* of a payout one person may record that the bank returned it.

    Nothing was repaid by then; after either, two people stand behind it.
    """

    version: str
    jurisdiction: str
    days: int
    valid_from: date
    valid_until: date | None
    source: str


@dataclass(frozen=True)
class RenewalRule:
    """How often a term may be renewed, of products that run *up_to_months* at most.

    All renewals together are no longer than *times_the_term* the original term.
    """

    version: str
    jurisdiction: str
    up_to_months: int
    most: int
    times_the_term: int
    valid_from: date
    valid_until: date | None
    source: str


@dataclass(frozen=True)
class PenaltyRule:
    """What overdue principal bears, as a multiple of the contract's rate, if it bears penalty."""

    version: str
    jurisdiction: str
    least: Decimal
    most: Decimal
    valid_from: date
    valid_until: date | None
    source: str


@dataclass(frozen=True)
class PrepaymentRule:
    """What paying early may cost, a fraction of the principal that is paid early."""

    version: str
    jurisdiction: str
    most: Decimal
    valid_from: date
    valid_until: date | None
    source: str


@dataclass(frozen=True)
class SettlingRule:
    """Which interest a loan may owe that is paid off early: the ways of settling."""

    version: str
    jurisdiction: str
    ways: tuple[str, ...]
    valid_from: date
    valid_until: date | None
    source: str


@dataclass(frozen=True)
class WithholdingRule:
    """No charge may be kept back from the money that is paid out."""

    version: str
    jurisdiction: str
    valid_from: date
    valid_until: date | None
    source: str


@dataclass(frozen=True)
class CostMethodRule:
    """By which rules a loan's cost of a year is shown to a borrower, the first one foremost."""

    version: str
    jurisdiction: str
    methods: tuple[str, ...]
    valid_from: date
    valid_until: date | None
    source: str


@dataclass(frozen=True)
class NameLint:
    """Words that the name of a product must not hold."""

    version: str
    jurisdiction: str
    words: tuple[str, ...]
    valid_from: date
    valid_until: date | None
    source: str


@dataclass(frozen=True)
class ChargeLint:
    """Words that do not tell a borrower what a charge is for."""

    version: str
    jurisdiction: str
    words: tuple[str, ...]
    valid_from: date
    valid_until: date | None
    source: str


@dataclass(frozen=True)
class ContractForm:
    """The form that contracts are signed on, by the digest of its document.

    With *product_code* that of one product, otherwise of every product without its own.
    """

    version: str
    jurisdiction: str
    document_digest: str
    valid_from: date
    valid_until: date | None
    source: str
    product_code: str | None = None


@dataclass(frozen=True)
class PromiseRule:
    """How many days ahead a promise to pay may be for, at most."""

    version: str
    jurisdiction: str
    within_days: int
    valid_from: date
    valid_until: date | None
    source: str


@dataclass(frozen=True)
class DueDateRule:
    """By how many days a due date is moved at most without it being relief."""

    version: str
    most_days: int
    valid_from: date
    valid_until: date | None
    source: str


@dataclass(frozen=True)
class ReferralRule:
    """Which kinds of reward may be given to who referred a borrower; no other may."""

    version: str
    jurisdiction: str
    rewards: tuple[str, ...]
    valid_from: date
    valid_until: date | None
    source: str


class Dated(Protocol):
    """A rule with the days it is in force: ``[valid_from, valid_until)``."""

    @property
    def valid_from(self) -> date: ...
    @property
    def valid_until(self) -> date | None: ...


class Local(Dated, Protocol):
    """A dated rule of one jurisdiction, or of all."""

    @property
    def jurisdiction(self) -> str: ...


Rule = TypeVar("Rule", bound=Dated)
LocalRule = TypeVar("LocalRule", bound=Local)


def in_force(rules: Sequence[Rule], on: date) -> list[Rule]:
    """The *rules* that hold on the day *on*."""
    return [
        rule
        for rule in rules
        if rule.valid_from <= on and (rule.valid_until is None or on < rule.valid_until)
    ]


@dataclass(frozen=True)
class PublishRules:
    """What the publish gate goes by: the rules of one jurisdiction and lender on one day.

    Without a *cap* none is known; a product that names no kind of lender needs none.
    """

    cap: CapRule | None
    renewals: list[RenewalRule]
    names: list[NameLint]
    charges: list[ChargeLint]
    penalties: list[PenaltyRule] = field(default_factory=list)
    prepayments: list[PrepaymentRule] = field(default_factory=list)
    settlings: list[SettlingRule] = field(default_factory=list)
    withholdings: list[WithholdingRule] = field(default_factory=list)


@dataclass(frozen=True)
class Policies:
    """Every dated rule that is known, in all its versions."""

    service_levels: tuple[ServiceLevels, ...]
    hold_rules: tuple[HoldRule, ...]
    reminder_plans: tuple[ReminderPlan, ...]
    strategies: tuple[StrategyRule, ...]
    index_rates: tuple[IndexRate, ...] = ()
    asset_classes: tuple[AssetClassRule, ...] = ()
    caps: tuple[CapRule, ...] = ()
    exposure_rules: tuple[ExposureRule, ...] = ()
    payout_return_rules: tuple[PayoutReturnRule, ...] = ()
    renewal_rules: tuple[RenewalRule, ...] = ()
    name_lints: tuple[NameLint, ...] = ()
    charge_lints: tuple[ChargeLint, ...] = ()
    penalty_rules: tuple[PenaltyRule, ...] = ()
    prepayment_rules: tuple[PrepaymentRule, ...] = ()
    settling_rules: tuple[SettlingRule, ...] = ()
    withholding_rules: tuple[WithholdingRule, ...] = ()
    contract_forms: tuple[ContractForm, ...] = ()
    cost_method_rules: tuple[CostMethodRule, ...] = ()
    reminder_steps: tuple[ReminderStep, ...] = ()
    retention_floors: tuple[RetentionFloor, ...] = ()
    restricted_processing: tuple[RestrictedProcessing, ...] = ()
    reply_keywords: tuple[ReplyKeywords, ...] = ()
    complaint_levels: tuple[ComplaintLevel, ...] = ()
    referral_rules: tuple[ReferralRule, ...] = ()
    due_date_rules: tuple[DueDateRule, ...] = ()
    agencies: tuple[AgencyRule, ...] = ()
    agency_standards: tuple[AgencyStandard, ...] = ()
    legal_standards: tuple[LegalStandard, ...] = ()
    plan_standards: tuple[PlanStandard, ...] = ()
    request_terms: tuple[RequestTerm, ...] = ()
    receipt_plans: tuple[ReceiptPlan, ...] = ()
    notice_plans: tuple[NoticePlan, ...] = ()
    lesson_plans: tuple[LessonPlan, ...] = ()
    promise_rules: tuple[PromiseRule, ...] = ()

    def index_rate(self, index: str, on: date) -> IndexRate:
        """The index as it was announced last on a day.

        Raises:
            PolicyMissing: none was.
        """
        return _one([r for r in self.index_rates if r.index == index], on, f"a rate of {index}")

    def levels(self, on: date) -> ServiceLevels:
        """The service levels in force on a day.

        Raises:
            PolicyMissing: none are.
        """
        return _one(self.service_levels, on, "service levels")

    def hold_rule(self, kind: str, on: date, jurisdiction: str = ANYWHERE) -> HoldRule | None:
        """What a kind of hold blocks and stops, by the rule in force on a day.

        A jurisdiction's own comes before that of all; None without one.
        """
        rules = [rule for rule in self.hold_rules if rule.kind == kind]
        held = _held_in(rules, jurisdiction, on)
        own = [rule for rule in held if rule.jurisdiction == jurisdiction]
        return next(iter([*reversed(own), *reversed(held)]), None)

    def complaint_level(
        self, severity: str, on: date, jurisdiction: str = ANYWHERE
    ) -> ComplaintLevel | None:
        """How fast a complaint of a severity is dealt with, by the rule in force on a day.

        A jurisdiction's own comes before that of all; None without one.
        """
        rules = [rule for rule in self.complaint_levels if rule.severity == severity]
        held = _held_in(rules, jurisdiction, on)
        own = [rule for rule in held if rule.jurisdiction == jurisdiction]
        return next(iter([*reversed(own), *reversed(held)]), None)

    def reminder_plan(self, on: date) -> ReminderPlan:
        """The reminder plan in force on a day.

        Raises:
            PolicyMissing: none is.
        """
        return _one(self.reminder_plans, on, "a reminder plan")

    def reminder_step(
        self, offset_days: int, on: date, segment: str | None = None, jurisdiction: str = ANYWHERE
    ) -> ReminderStep | None:
        """How a reminder of an offset goes out on a day; None where nothing says so.

        A step of the *jurisdiction* goes before that of all, then one for the *segment*
        before the one for everybody.
        """
        rules = [rule for rule in self.reminder_steps if rule.offset_days == offset_days]
        held = [
            rule
            for rule in _held_in(rules, jurisdiction, on)
            if rule.segment is None or rule.segment == segment
        ]
        # Of those alike the last holds.
        return max(
            reversed(held),
            key=lambda rule: (rule.jurisdiction == jurisdiction, rule.segment is not None),
            default=None,
        )

    def late_is_collected(self, jurisdiction: str, on: date) -> bool:
        """Whether a reminder of a late instalment is collection there on a day."""
        return any(
            rule.offset_days > 0 and rule.purpose == "COLLECTION"
            for rule in _held_in(self.reminder_steps, jurisdiction, on)
        )

    def receipt_plan(self, jurisdiction: str, on: date) -> ReceiptPlan | None:
        """How receipts go out on a day; a jurisdiction's own rule comes first, None without one."""
        held = _held_in(self.receipt_plans, jurisdiction, on)
        own = [rule for rule in held if rule.jurisdiction == jurisdiction]
        return next(iter([*reversed(own), *reversed(held)]), None)

    def notice_plans_of(self, jurisdiction: str, on: date) -> list[NoticePlan]:
        """The notices that are given there on a day; each as its own law, and that of all, say."""
        return [r for r in _held_in(self.notice_plans, jurisdiction, on) if r.channels]

    def lesson_plans_of(self, jurisdiction: str, on: date) -> list[LessonPlan]:
        """The lessons that are given there on a day, in order of their names.

        Of one lesson a jurisdiction's own plan comes before that of all.
        """
        held = _held_in(self.lesson_plans, jurisdiction, on)
        by_name = {
            each.lesson: each
            for each in sorted(held, key=lambda each: each.jurisdiction == jurisdiction)
        }
        return [by_name[name] for name in sorted(by_name) if by_name[name].channels]

    def strategy(
        self, bucket: str, on: date, behaviour: str | None = None, segment: str | None = None
    ) -> StrategyRule | None:
        """What collectors do in a bucket, by the rule in force on a day.

        One for the *behaviour* goes before the one for all, and of these one for the *segment*.
        """
        rules = in_force([rule for rule in self.strategies if rule.bucket == bucket], on)
        for wanted in dict.fromkeys((behaviour, None)):
            alike = [rule for rule in rules if rule.behaviour == wanted]
            for part in dict.fromkeys((segment, None)):
                found = [rule for rule in alike if rule.segment == part]
                if found:
                    return found[-1]
        return None

    def strategies_by_segment(self, on: date) -> bool:
        """Whether a strategy in force on a day is for loans of one segment only."""
        return any(rule.segment is not None for rule in in_force(self.strategies, on))

    def agency(self, agency: str, on: date) -> AgencyRule | None:
        """An agency as it is registered on a day; None where it is not."""
        found = in_force([rule for rule in self.agencies if rule.agency == agency], on)
        return found[-1] if found else None

    def agency_standard(self, jurisdiction: str, on: date) -> AgencyStandard:
        """What placing loans with agencies goes by on a day; a jurisdiction's own comes first.

        Raises:
            PolicyMissing: there is no such rule.
        """
        held = _held_in(self.agency_standards, jurisdiction, on)
        own = [rule for rule in held if rule.jurisdiction == jurisdiction]
        return _one(own or held, on, f"a standard for agencies in {jurisdiction}")

    def legal_standard(self, jurisdiction: str, on: date) -> LegalStandard:
        """What claiming at law goes by on a day; a jurisdiction's own rule comes first.

        Raises:
            PolicyMissing: there is no such rule.
        """
        held = _held_in(self.legal_standards, jurisdiction, on)
        own = [rule for rule in held if rule.jurisdiction == jurisdiction]
        return _one(own or held, on, f"a standard for claims at law in {jurisdiction}")

    def plan_standard(self, jurisdiction: str, on: date) -> PlanStandard:
        """What plans to pay go by on a day; a jurisdiction's own comes first.

        Raises:
            PolicyMissing: there is no such rule.
        """
        held = _held_in(self.plan_standards, jurisdiction, on)
        own = [rule for rule in held if rule.jurisdiction == jurisdiction]
        return _one(own or held, on, f"a standard for plans to pay in {jurisdiction}")

    def request_term(self, jurisdiction: str, on: date) -> RequestTerm | None:
        """Within how long a request about data is answered; the shortest term, or None."""
        held = _held_in(self.request_terms, jurisdiction, on)
        return min(held, key=lambda rule: rule.days, default=None)

    def asset_class_rule(self, product_code: str, on: date) -> AssetClassRule | None:
        """What decides the asset class of a product's loans on a day; None without a rule."""
        rules = in_force(self.asset_classes, on)
        own = [rule for rule in rules if rule.product_code == product_code]
        for_all = [rule for rule in rules if rule.product_code is None]
        return next(iter([*reversed(own), *reversed(for_all)]), None)

    def contract_forms_of(self, product_code: str, jurisdiction: str | None) -> list[ContractForm]:
        """The forms that contracts of a product are signed on, of all times; none without rules."""
        held = [
            rule for rule in self.contract_forms if rule.jurisdiction in (ANYWHERE, jurisdiction)
        ]
        own = [rule for rule in held if rule.product_code == product_code]
        return own or [rule for rule in held if rule.product_code is None]

    def caps_of(self, jurisdiction: str | None, lender_kind: str | None) -> list[CapRule]:
        """The caps of a kind of lender, of all times, in order."""
        found = [
            rule
            for rule in self.caps
            if (rule.jurisdiction, rule.lender_kind) == (jurisdiction, lender_kind)
        ]
        return sorted(found, key=lambda rule: rule.valid_from)

    def exposure_rule(
        self, jurisdiction: str | None, lender_kind: str | None, currency: str, on: date
    ) -> ExposureRule | None:
        """How much a kind of lender may lend one borrower on a day; None without a rule."""
        held = [
            rule
            for rule in _held_in(self.exposure_rules, jurisdiction, on)
            if (rule.lender_kind, rule.currency) == (lender_kind, currency)
        ]
        return min(held, key=attrgetter("most"), default=None)

    def payout_return_rule(self, jurisdiction: str | None, on: date) -> PayoutReturnRule | None:
        """Until when one person may return a payout on a day, the soonest; None without a rule."""
        held = _held_in(self.payout_return_rules, jurisdiction, on)
        return min(held, key=attrgetter("days"), default=None)

    def cost_methods(self, jurisdiction: str | None, on: date) -> CostMethodRule | None:
        """How the cost of a year is shown on a day; a jurisdiction's own rule comes first.

        None without one.
        """
        held = _held_in(self.cost_method_rules, jurisdiction, on)
        own = [rule for rule in held if rule.jurisdiction == jurisdiction]
        return next(iter([*reversed(own), *reversed(held)]), None)

    def publish_rules(
        self, jurisdiction: str | None, lender_kind: str | None, on: date
    ) -> PublishRules:
        """What a product must satisfy to be published on a day."""
        caps = in_force(self.caps_of(jurisdiction, lender_kind), on)
        return PublishRules(
            caps[-1] if caps else None,
            _held_in(self.renewal_rules, jurisdiction, on),
            _held_in(self.name_lints, jurisdiction, on),
            _held_in(self.charge_lints, jurisdiction, on),
            _held_in(self.penalty_rules, jurisdiction, on),
            _held_in(self.prepayment_rules, jurisdiction, on),
            _held_in(self.settling_rules, jurisdiction, on),
            _held_in(self.withholding_rules, jurisdiction, on),
        )

    def floors_of(self, jurisdiction: str, on: date) -> list[RetentionFloor]:
        """The retention floors of a jurisdiction in force on a day."""
        return _held_in(self.retention_floors, jurisdiction, on)

    def keyword_in(self, text: str, jurisdiction: str, on: date) -> Keyword | None:
        """The keyword that an answer of somebody there is on a day; None when it is none."""
        return keyword_in(text, _held_in(self.reply_keywords, jurisdiction, on))

    def words_among(
        self, text: str, answered_by: str, jurisdiction: str, on: date
    ) -> tuple[FoundWord, ...]:
        """The keywords among the words of an answer, by the rules in force there on a day."""
        return words_among(text, _held_in(self.reply_keywords, jurisdiction, on), answered_by)

    def refusal_covers(self, answered_by: str, jurisdiction: str, on: date) -> list[str]:
        """The channels that a refusal in whatever words speaks of there on a day."""
        refusing = [
            each
            for each in _held_in(self.reply_keywords, jurisdiction, on)
            if each.meaning == KeywordMeaning.REFUSES
        ]
        also = {channel for each in refusing for channel in each.also} - {answered_by}
        return [answered_by, *sorted(also)]

    def due_date_rule(self, on: date) -> DueDateRule | None:
        """How far a due date is moved on a day, by the rule in force; None without one."""
        found = in_force(self.due_date_rules, on)
        return found[-1] if found else None

    def referral_rule(self, jurisdiction: str, on: date) -> ReferralRule:
        """What may be given for a referral on a day: what each rule in force there lists.

        Raises:
            PolicyMissing: no rule is in force there.
        """
        held = _held_in(self.referral_rules, jurisdiction, on)
        strictest = _one(held, on, f"rewards for referrals in {jurisdiction}")
        listed = set.intersection(*(set(rule.rewards) for rule in held))
        return replace(
            strictest, rewards=tuple(each for each in strictest.rewards if each in listed)
        )

    def promise_rule(self, jurisdiction: str, on: date) -> PromiseRule | None:
        """How far ahead promises may be on a day, the nearest there; None without a rule."""
        held = _held_in(self.promise_rules, jurisdiction, on)
        return min(held, key=lambda rule: rule.within_days, default=None)

    def passes_restriction(self, purpose: str, on: date) -> bool:
        """Whether data of a restricted person may be read for a purpose on a day.

        Every rule in force has to name it, whatever its jurisdiction; without one none may.
        """
        rules = in_force(self.restricted_processing, on)
        return bool(rules) and all(purpose in rule.purposes for rule in rules)


class PolicyMissing(Refusal):
    """No rule is in force on the day."""

    code = "POLICY_MISSING"


def _one(rules: Sequence[Rule], on: date, what: str) -> Rule:
    found = in_force(rules, on)
    if not found:
        raise PolicyMissing(f"No policy with {what} is in force on {on}.")
    return found[-1]


def _held_in(rules: Sequence[LocalRule], jurisdiction: str | None, on: date) -> list[LocalRule]:
    return [rule for rule in in_force(rules, on) if rule.jurisdiction in (ANYWHERE, jurisdiction)]

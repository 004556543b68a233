"""The sheet that a borrower is shown before agreeing: what a loan costs, and when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum

from domain.base.refusal import Refusal
from domain.base.repayment import InterestOn
from domain.base.terms import (
    Accrual,
    Conversion,
    FeeBase,
    FeeEarned,
    FeeTerm,
    FeeTiming,
    Owed,
    PlannedDraw,
    RatePlan,
    RatePlanKind,
    Renewal,
    Settling,
    Subsidy,
    Terms,
)
from domain.loan.apr import NoRate
from domain.loan.cost import CostMethod, Flow, annualised_cost, cash_flows, fingerprint
from domain.loan.fees import charge, withheld
from domain.loan.periods import ONE_DAY
from domain.loan.schedule import Instalment, paid_out_at_first, schedule
from domain.loan.timetable import has_limit

PLANNED = (FeeTiming.AT_DISBURSEMENT, FeeTiming.PER_INSTALMENT)
"""When charges fall due that come of themselves, and so count in the cost of a year."""


class CostCase(StrEnum):
    """What the cost of a year supposes."""

    AS_PLANNED = "AS_PLANNED"
    """All is paid as it falls due, at the rates that are certain; no reward is earned."""
    ON_TIME = "ON_TIME"
    """Every reward for paying on time is earned."""
    LATER_RATE = "LATER_RATE"
    """The last rate of the plan held from the first day, as after a promotion."""
    RENEWED_ON_TIME = "RENEWED_ON_TIME"
    """A renewed term of the same amount, at the rate that paying on time earns for it."""


@dataclass(frozen=True)
class CostShown:
    """By which methods costs are shown, the foremost first, and which rule says so."""

    methods: list[str]
    version: str | None = None


BY_IRR = CostShown([CostMethod.IRR])
"""Where nothing else was said."""


@dataclass(frozen=True)
class SheetCost:
    """The cost of a year by one method, a fraction; without *rate*, *reason* says why."""

    case: str
    method: str
    rate: Decimal | None
    reason: str | None = None


@dataclass(frozen=True)
class SheetRate:
    """A rate of the contract from an instalment on, both days counted.

    Without days it is for instalments that a renewal brings. It is certain, or *earned* by
    paying on time.
    """

    annual_rate: Decimal
    from_instalment: int
    from_on: date | None = None
    until_on: date | None = None
    earned: bool = False


@dataclass(frozen=True)
class SheetCharge:
    """A charge of the contract: how much, of what, when, and to whom; minor units.

    *amount* is what it comes to each time, where that is known, *total* what it comes to in
    all as planned. One that is not *planned* is in no cost of a year. *payee* is who gets
    it, the lender if nobody is named. One on what is overdue comes *after_days* of grace; one
    that is *withheld* is kept back from the payout.
    """

    kind: str
    timing: str
    owed: str
    planned: bool
    refundable: bool
    amount: int | None = None
    percent: Decimal | None = None
    base: str | None = None
    times: int | None = None
    total: int | None = None
    payee: str | None = None
    after_days: int | None = None
    withheld: bool = False


@dataclass(frozen=True)
class SheetPenalty:
    """What is overdue bears in a year, a fraction; no more than *cap* with all charges.

    *multiple* says of which rate it is so many times. It is in place of the contract's rate,
    or *on_top* of it.
    """

    annual_rate: Decimal
    on_interest: bool
    on_top: bool
    grace_days: int
    grace_retroactive: bool
    multiple: Decimal | None = None
    cap: Decimal | None = None
    cap_version: str | None = None


@dataclass(frozen=True)
class SheetPayment:
    """An instalment: its day and what is to be paid, minor units."""

    number: int
    due_on: date
    amount: int


@dataclass(frozen=True)
class CostSheet:
    """Everything that a borrower is shown of the cost of a loan, on the day it is shown.

    Amounts in minor units, rates as fractions of a year. *amount* is what is lent, or still
    owed where a running loan is laid anew; *paid_out* what the borrower gets of it on
    *begins_on*, less what is *withheld* of it, and *due_at_payout* what has to be paid that
    very day. The instalments alone say how long it is where there is no *term_months*.
    """

    product_code: str
    product_version: int
    currency: str
    begins_on: date
    amount: int
    paid_out: int
    withheld: int
    paid_out_later: list[PlannedDraw]
    limit: bool
    due_at_payout: int
    term_months: int | None
    method: str
    day_count: str
    instalments: int
    first: SheetPayment
    largest: SheetPayment
    last: SheetPayment
    interest: int
    fees: int
    total: int
    rates: list[SheetRate]
    costs: list[SheetCost]
    shown_by: CostShown
    charges: list[SheetCharge]
    settling: str
    flat: bool
    penalty: SheetPenalty | None = None
    index: str | None = None
    margin: Decimal | None = None
    reprice_months: int | None = None
    subsidy: Subsidy | None = None
    renewal: Renewal | None = None
    conversion: Conversion | None = None

    @property
    def foremost(self) -> Decimal:
        """The cost of a year that comes first.

        Raises:
            NoRate: none could be reckoned by its method.
        """
        first = self.costs[0]
        if first.rate is None:
            raise NoRate(first.reason or "No rate fits what is paid.")
        return first.rate

    @property
    def charges_named(self) -> list[str]:
        """All that can be charged on the loan; nothing else is."""
        return ["INTEREST", "PENALTY", *(each.kind for each in self.charges)]


def sheet_digest(sheet: CostSheet) -> str:
    """A fingerprint of all that *sheet* shows."""
    return fingerprint(sheet)


def sheet_of(
    terms: Terms, begins_on: date, shown_by: CostShown = BY_IRR, first_due_on: date | None = None
) -> CostSheet:
    """The sheet of a loan on *terms* that is paid out on *begins_on*.

    Raises:
        TermsNotOffered: the terms cannot be scheduled.
    """
    rows = schedule(terms, begins_on, first_due_on)
    flows = {CostCase.AS_PLANNED: cash_flows(terms, begins_on, rows)}
    why_not: dict[str, str] = {}
    coming = [row for row in rows if row.due_on > begins_on]
    for case, other in _other_cases(terms, coming):
        try:
            laid = schedule(other, begins_on, first_due_on)
        except Refusal as refusal:
            why_not[case] = refusal.sentence
            flows[case] = []
        else:
            flows[case] = cash_flows(other, begins_on, laid)
    kept = withheld(terms)
    return _sheet(
        terms,
        rows,
        _costs(flows, shown_by, why_not),
        begins_on=begins_on,
        amount=terms.amount,
        paid_out=paid_out_at_first(terms) - kept,
        kept=kept,
        paid_out_later=list(terms.draws or ()),
        limit=has_limit(terms),
        term_months=terms.term_months,
        rates=_rates(terms, coming, begins_on),
        shown_by=shown_by,
        charges=[_charge(fee, terms, rows) for fee in terms.fees],
        penalty=_penalty(terms, terms.penalty_rate, begins_on),
        renewal=terms.renewal,
        conversion=terms.conversion,
    )


@dataclass(frozen=True)
class Ahead:
    """What is known of a running loan that is to be laid anew.

    *owed* is the principal, *rows* what is left of the instalments to come, *rates* those
    that count from the day on, *penalty_rate* that of now; *flows* what is paid, by case.
    """

    owed: int
    term_months: int | None
    rows: Sequence[Instalment]
    rates: list[SheetRate]
    penalty_rate: Decimal
    flows: Mapping[CostCase, Sequence[Flow]]


def sheet_ahead(terms: Terms, on: date, ahead: Ahead, shown_by: CostShown) -> CostSheet:
    """The sheet of what a running loan on *terms* comes to from the day *on*."""
    rows = [
        replace(
            row,
            principal=row.principal_left,
            interest=row.interest - row.interest_paid,
            fees=row.fees - row.fees_paid,
        )
        for row in ahead.rows
    ]
    return _sheet(
        terms,
        rows,
        _costs(ahead.flows, shown_by, {}),
        begins_on=on,
        amount=ahead.owed,
        paid_out=0,
        kept=0,
        paid_out_later=[],
        limit=False,
        term_months=ahead.term_months,
        rates=ahead.rates,
        shown_by=shown_by,
        charges=[
            replace(_charge(fee, terms, ()), times=None, total=None)
            for fee in terms.fees
            if fee.timing != FeeTiming.AT_DISBURSEMENT
        ],
        penalty=_penalty(terms, ahead.penalty_rate, on),
        renewal=None,
        conversion=None,
    )


def _sheet(
    terms: Terms,
    rows: Sequence[Instalment],
    costs: list[SheetCost],
    *,
    begins_on: date,
    amount: int,
    paid_out: int,
    kept: int,
    paid_out_later: list[PlannedDraw],
    limit: bool,
    term_months: int | None,
    rates: list[SheetRate],
    shown_by: CostShown,
    charges: list[SheetCharge],
    penalty: SheetPenalty | None,
    renewal: Renewal | None,
    conversion: Conversion | None,
) -> CostSheet:
    plan = terms.rate_plan
    chosen = terms.repayment
    at_once = [row for row in rows if row.due_on <= begins_on]
    coming = [row for row in rows if row.due_on > begins_on] or list(rows)
    payments = [
        SheetPayment(row.number, row.due_on, row.principal + row.interest + row.fees)
        for row in coming
    ]
    interest, fees = sum(row.interest for row in rows), sum(row.fees for row in rows)
    return CostSheet(
        product_code=terms.product_code,
        product_version=terms.product_version,
        currency=terms.currency,
        begins_on=begins_on,
        amount=amount,
        paid_out=paid_out,
        withheld=kept,
        paid_out_later=paid_out_later,
        limit=limit,
        due_at_payout=sum(row.principal + row.interest + row.fees for row in at_once) - kept,
        term_months=term_months,
        method=terms.method,
        day_count=terms.day_count,
        instalments=len(payments),
        first=payments[0],
        largest=max(payments, key=lambda each: each.amount),
        last=payments[-1],
        interest=interest,
        fees=fees,
        total=sum(row.principal for row in rows) + interest + fees,
        rates=rates,
        costs=costs,
        shown_by=shown_by,
        charges=charges,
        settling=terms.settling or Settling.TO_THE_DAY,
        flat=chosen is not None and chosen.interest_on != InterestOn.BALANCE,
        penalty=penalty,
        index=plan.index if plan else None,
        margin=plan.margin if plan else None,
        reprice_months=plan.reprice_months if plan else None,
        subsidy=terms.subsidy,
        renewal=renewal,
        conversion=conversion,
    )


# --- what it costs in a year --------------------------------------------------------------


def _other_cases(terms: Terms, rows: Sequence[Instalment]) -> Iterator[tuple[CostCase, Terms]]:
    """The terms as they would be if a reward were earned, or no promotion given."""
    plan, last = terms.rate_plan, len(rows)
    if plan is None:
        return
    within = [step for step in plan.steps if step.from_instalment <= last]
    beyond = [step for step in plan.steps if step.from_instalment > last]
    if plan.kind == RatePlanKind.SCHEDULED and within:
        rate = within[-1].annual_rate
        yield CostCase.LATER_RATE, replace(terms, annual_rate=rate, rate_plan=None)
    if plan.kind != RatePlanKind.STEP_DOWN:
        return
    if within:
        certain = RatePlan(RatePlanKind.SCHEDULED, plan.steps)
        yield CostCase.ON_TIME, replace(terms, rate_plan=certain)
    if beyond and terms.renewal is not None:
        yield (
            CostCase.RENEWED_ON_TIME,
            replace(
                terms,
                annual_rate=beyond[0].annual_rate,
                rate_plan=None,
                term_months=terms.renewal.term_months,
            ),
        )


def _costs(
    flows: Mapping[CostCase, Sequence[Flow]], shown_by: CostShown, why_not: Mapping[str, str]
) -> list[SheetCost]:
    return [
        SheetCost(case, method, None, why_not[case])
        if case in why_not
        else _cost(case, method, moved)
        for case, moved in flows.items()
        for method in shown_by.methods
    ]


def _cost(case: str, method: str, flows: Sequence[Flow]) -> SheetCost:
    try:
        return SheetCost(case, method, annualised_cost(flows, method))
    except Refusal as refusal:
        return SheetCost(case, method, None, refusal.sentence)


# --- rates, charges, penalty --------------------------------------------------------------


def _rates(terms: Terms, rows: Sequence[Instalment], begins_on: date) -> list[SheetRate]:
    """The rates of the contract, each until the next; a reward stands beside the certain rate."""
    due = {0: begins_on, **{place: row.due_on for place, row in enumerate(rows, start=1)}}
    ends_on, plan = rows[-1].due_on, terms.rate_plan
    first = SheetRate(terms.annual_rate, 1, begins_on, ends_on)
    steps = steps_shown(plan, due, ends_on)
    if steps and not steps[0].earned and steps[0].from_on is not None:
        first = replace(first, until_on=steps[0].from_on - ONE_DAY)
    return [first, *steps]


def steps_shown(plan: RatePlan | None, due: Mapping[int, date], ends_on: date) -> list[SheetRate]:
    """The steps of a rate plan with their days, by the due dates of the instalments."""
    shown: list[SheetRate] = []
    for step in reversed(plan.steps if plan else ()):
        before = due.get(step.from_instalment - 1)
        is_in = before is not None and step.from_instalment in due
        from_on = before + ONE_DAY if before is not None and is_in else None
        later = shown[0].from_on if shown else None
        until_on = None if from_on is None else (later - ONE_DAY if later else ends_on)
        earned = plan is not None and plan.kind == RatePlanKind.STEP_DOWN
        rate = SheetRate(step.annual_rate, step.from_instalment, from_on, until_on, earned)
        shown.insert(0, rate)
    return shown


def _charge(fee: FeeTerm, terms: Terms, rows: Sequence[Instalment]) -> SheetCharge:
    planned = fee.timing in PLANNED
    fixed = fee.percent is None or fee.base == FeeBase.AMOUNT
    each = [
        charge(fee, terms, row.principal, row.interest)
        for row in rows
        if row.number and fee.timing == FeeTiming.PER_INSTALMENT
    ]
    if fee.timing == FeeTiming.AT_DISBURSEMENT:
        each = [charge(fee, terms)]
    return SheetCharge(
        kind=fee.kind,
        timing=fee.timing,
        owed=fee.owed or Owed.FEE,
        planned=planned,
        refundable=fee.earned == FeeEarned.OVER_TERM,
        amount=charge(fee, terms) if fixed else None,
        percent=fee.percent,
        base=fee.base,
        times=len(each) if planned else None,
        total=sum(each) if planned else None,
        payee=fee.payee,
        after_days=terms.grace_days if fee.timing == FeeTiming.ON_OVERDUE else None,
        withheld=bool(fee.withheld),
    )


def _penalty(terms: Terms, annual_rate: Decimal, on: date) -> SheetPenalty | None:
    if not terms.bears_penalty:
        return None
    caps = [cap for cap in terms.rate_caps or () if cap.from_on <= on]
    cap = max(caps, key=lambda each: each.from_on, default=None)
    return SheetPenalty(
        annual_rate=annual_rate,
        on_interest=bool(terms.penalty_on_interest),
        on_top=terms.accrual == Accrual.DAILY_BALANCE,
        grace_days=terms.grace_days,
        grace_retroactive=terms.grace_retroactive,
        multiple=terms.penalty_multiple,
        cap=cap.annual_rate if cap else None,
        cap_version=cap.version if cap else None,
    )

"""What holds for every loan, whatever happens to it and in whatever order."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given as for_all
from hypothesis import reject
from hypothesis import strategies as st

from domain.base.refusal import Refusal
from domain.base.repayment import Repayment
from domain.base.terms import (
    BUCKETS,
    Conversion,
    FeeTerm,
    PlannedDraw,
    RateCap,
    RatePlan,
    RateStep,
    Renewal,
    SourceOrder,
    Subsidy,
    Terms,
)
from domain.loan.account import open_of
from domain.loan.allocation import total
from domain.loan.as_of import standing
from domain.loan.daily_ledger import DailyLedger
from domain.loan.explain import FIGURES, IN_ALL, explain
from domain.loan.facts import FactKind
from domain.loan.loan import Loan
from domain.loan.refusals import PayoffShort
from domain.loan.relief import CHANGES, Agreement
from domain.loan.schedule import schedule
from domain.loan.state import LoanState, Overtaken
from domain.loan.timetable import has_limit
from infra import codec
from infra.store import from_snapshot, to_snapshot
from tests.domain import story
from tests.domain.formulas import assert_formulas_close
from tests.domain.story import JAN_15, act, replayed, state, terms

METHODS = ["EQUAL_INSTALMENTS", "EQUAL_PRINCIPAL", "INTEREST_ONLY", "BULLET"]
PERCENT = Decimal("0.015")
ORDERS = st.permutations(["FEE", "INTEREST", "PENALTY", "PRINCIPAL"])

PARTS: dict[str, Any] = {
    "amount": st.integers(1, 5_000_00),
    "term_months": st.integers(1, 6),
    "method": st.sampled_from(METHODS),
    "annual_rate": st.sampled_from([Decimal(0), Decimal("0.06"), Decimal("0.24")]),
    "penalty_rate": st.sampled_from([Decimal(0), Decimal("0.365")]),
    "day_count": st.sampled_from(["30/360", "ACT/365F"]),
    "rounding": st.sampled_from(["HALF_UP", "HALF_EVEN"]),
    "grace_days": st.sampled_from([0, 3]),
    "grace_retroactive": st.booleans(),
    "allocation_order": ORDERS,
    "fees": st.sampled_from(
        [
            [],
            [FeeTerm("LETTER", "ON_EVENT", 20_00)],
            [FeeTerm("LETTER", "ON_EVENT", 3_00), FeeTerm("ACCOUNT", "PER_INSTALMENT", 1_00)],
            [
                FeeTerm("LETTER", "ON_EVENT", 3_00),
                FeeTerm("BREACH", "ON_EVENT", 30_00, "PENALTY"),
                FeeTerm("ACCOUNT", "PER_INSTALMENT", 1_00),
            ],
            [
                FeeTerm("LETTER", "ON_EVENT", 3_00),
                FeeTerm("LATE", "ON_OVERDUE", 7_00),
                FeeTerm("SHARE", "PER_INSTALMENT", 0, percent=PERCENT, base="PRINCIPAL"),
            ],
            [
                FeeTerm("LATE", "ON_OVERDUE", 0, "PENALTY", PERCENT, "PRINCIPAL_AND_INTEREST"),
                FeeTerm("REMINDER", "ON_OVERDUE", 2_00),
                FeeTerm("EARLY", "ON_PREPAYMENT", 0, percent=PERCENT, base="PRINCIPAL"),
            ],
            [
                FeeTerm("BREACH", "ON_EVENT", 0, "PENALTY", PERCENT, "AMOUNT"),
                FeeTerm("OPENING", "AT_DISBURSEMENT", 0, None, PERCENT, "AMOUNT", "OVER_TERM"),
                FeeTerm("ENTRY", "AT_DISBURSEMENT", 0, None, PERCENT, "AMOUNT", "OVER_TERM", True),
                FeeTerm("EARLY", "ON_PREPAYMENT", 4_00),
                FeeTerm("LATE", "ON_OVERDUE", 7_00),
            ],
            [
                FeeTerm("LETTER", "ON_EVENT", 3_00),
                FeeTerm("ENTRY", "AT_DISBURSEMENT", 0, None, 4 * PERCENT, withheld=True),
                FeeTerm("OPENING", "AT_DISBURSEMENT", 0, None, PERCENT),
                FeeTerm("ACCOUNT", "PER_INSTALMENT", 1_00),
            ],
        ]
    ),
    "future_money": st.sampled_from(["NEXT_INSTALMENT", "LAST_INSTALMENT"]),
    "advance_order": st.none() | ORDERS,
    "charges_due": st.sampled_from([None, "WITH_INSTALMENT", "OWN_DAY"]),
    "charges_count": st.sampled_from([None, "FROM_THEIR_DAY", "FROM_THE_START"]),
    "recovery_order": st.none() | ORDERS,
    "source_orders": st.none()
    | (ORDERS | st.permutations(BUCKETS)).map(lambda order: [SourceOrder("GUARANTOR", order)]),
}
"""What terms are made of, however interest accrues."""

TIERS = RatePlan("SCHEDULED", [RateStep(2, Decimal("0.12"))])
RATE_PLANS = st.sampled_from(
    [
        None,
        None,
        RatePlan("STEP_DOWN", [RateStep(3, Decimal("0.03"))], scope="TERM"),
        RatePlan(
            "STEP_DOWN",
            [RateStep(2, Decimal("0.05")), RateStep(4, Decimal("0.03"))],
            scope="INSTALMENT",
            grace_counts=True,
        ),
        TIERS,
    ]
)
RENEWALS = st.sampled_from([None, None, Renewal(term_months=2, most=1, offer_days=20)])
PREPAYMENTS = st.sampled_from([None, None, "LOWER_INSTALMENT", "SHORTER_TERM"])
CAPS = st.sampled_from(
    [
        None,
        [
            RateCap(date(2024, 1, 1), Decimal("0.36"), "cap-1"),
            RateCap(date(2025, 3, 10), Decimal("0.24"), "cap-2"),
        ],
    ]
)
SCHEDULED = st.builds(
    terms,
    **{
        **PARTS,
        "future_money": st.sampled_from(["NEXT_INSTALMENT", "LAST_INSTALMENT", "REAMORTISED"]),
        "allocation_scope": st.sampled_from([None, "INSTALMENT", "COMPONENT"]),
        "in_parts": st.sampled_from([None, True]),
        "bucket_order": st.none() | st.none() | st.permutations(BUCKETS),
        "prepayment": PREPAYMENTS,
        "repayment": st.sampled_from(
            [None, None, Repayment(grace_principal=1), Repayment(refit=True)]
        ),
        "rate_plan": RATE_PLANS,
        "renewal": RENEWALS,
        "penalty_on_interest": st.sampled_from([None, True]),
        "penalty_multiple": st.sampled_from([None, None, Decimal("1.5")]),
        "rate_caps": CAPS,
        "late_order": st.none() | ORDERS,
        "late_order_days": st.sampled_from([1, 20]),
        "settling": st.sampled_from([None, "TO_THE_DAY", "TO_NEXT_DUE", "STATUTORY_UK"]),
    },
)
DAILY = st.builds(
    terms,
    **{
        **PARTS,
        "future_money": st.sampled_from(["NEXT_INSTALMENT", "LAST_INSTALMENT", "REAMORTISED"]),
    },
    accrual=st.just("DAILY_BALANCE"),
    conversion=st.sampled_from([None, Conversion(12, 20, when_past_due=True)]),
    rate_plan=RATE_PLANS,
    renewal=RENEWALS,
    prepayment=PREPAYMENTS,
    repayment=st.sampled_from(
        [
            None,
            None,
            Repayment(refit=True),
            Repayment(grace_principal=1),
            Repayment(interest_free=1),
        ]
    ),
    subsidy=st.sampled_from([None, None, Subsidy("SHOP", Decimal("0.02"))]),
    penalty_on_interest=st.sampled_from([None, True]),
    penalty_multiple=st.sampled_from([None, None, Decimal("1.5")]),
    rate_caps=CAPS,
    settling=st.sampled_from([None, "TO_THE_DAY", "TO_NEXT_DUE"]),
    allocation_scope=st.sampled_from([None, "INSTALMENT", "COMPONENT"]),
    bucket_order=st.none() | st.none() | st.permutations(BUCKETS),
    late_order=st.none() | ORDERS,
    late_order_days=st.sampled_from([1, 20]),
)


PLANS = st.sampled_from([None, None, None, [(20, 30)], [(20, 10), (45, 30)], [(40, 25), (75, 30)]])
"""What is paid out later: so many days after the first payout so many percent."""


def planned(terms: Terms, plan: list[tuple[int, int]] | None) -> Terms:
    """*terms* with those payouts that fall into their term, where there is no limit."""
    found = [
        PlannedDraw(JAN_15 + timedelta(days=days), terms.amount * percent // 100)
        for days, percent in plan or ()
        if days < 28 * terms.term_months and terms.amount * percent >= 100
    ]
    return replace(terms, draws=found, in_parts=None) if found and not has_limit(terms) else terms


TERMS = st.builds(planned, SCHEDULED, PLANS) | DAILY


# --- schedules ----------------------------------------------------------------------


@for_all(
    st.builds(
        terms,
        amount=st.integers(1, 10**12),
        term_months=st.integers(1, 400),
        method=st.sampled_from(METHODS),
        annual_rate=st.decimals("0", "3", places=4),
        day_count=st.sampled_from(["30/360", "ACT/365F"]),
        rounding=st.sampled_from(["HALF_UP", "HALF_EVEN"]),
    ),
    st.dates(date(2000, 1, 1), date(2060, 1, 1)),
    st.none() | st.integers(1, 100),
)
def test_scheduled_principal_sums_to_the_loan(
    terms: Terms, on: date, first_after_days: int | None
) -> None:
    first = None if first_after_days is None else on + timedelta(days=first_after_days)

    rows = schedule(terms, on, first)

    assert sum(row.principal for row in rows) == terms.amount
    assert all(row.principal >= 0 and row.interest >= 0 for row in rows)
    assert [row.number for row in rows] == list(
        range(1, 2 if terms.method == "BULLET" else terms.term_months + 1)
    )
    assert [row.due_on for row in rows] == sorted({row.due_on for row in rows})


# --- the order in which things become known --------------------------------------------


@dataclass(frozen=True)
class Paid:
    """A payment, by the day it was received."""

    ref: str
    amount: int
    on: date
    payoff: bool = False
    source: str = "BORROWER"
    future: str | None = None
    in_place_of: str | None = None


@st.composite
def payments(draw: st.DrawFn) -> list[Paid]:
    days = draw(st.lists(st.integers(0, 250), min_size=1, max_size=6, unique=True))
    return [
        Paid(
            f"P-{number}",
            draw(st.integers(1, 2_000_00)),
            JAN_15 + timedelta(days=day),
            source=draw(st.sampled_from(["BORROWER", "GUARANTOR"])),
        )
        for number, day in enumerate(days)
    ]


LATER = JAN_15 + timedelta(days=300)


def outcome(loan: Loan) -> dict[str, Any]:
    """What must not depend on the order in which things became known."""
    names = ("parts", "splits", "unapplied", "state", "bucket")
    # What is kept is as of the last event, which is the takeover if nothing came.
    ledger = loan.ledger_on(LATER)
    owed = {"owed": ledger.balance(LATER), "instalments": ledger.rows}
    return {**owed, **{name: getattr(loan, name) for name in names}}


def just_paid_out(terms: Terms) -> Loan:
    """A loan on its payout; of one in parts, or with a limit, half of it is paid out."""
    half = terms.in_parts or has_limit(terms)
    return story.disbursed(terms, amount=(terms.amount + 1) // 2 if half else None)


def paid_out(terms: Terms) -> Callable[[], Loan]:
    """Makes the same new loan each time."""
    events = just_paid_out(terms).pending_events
    return lambda: replayed(events)


@for_all(TERMS, payments(), st.randoms(use_true_random=False))
def test_any_order_of_arrival_ends_in_the_same_loan(
    terms: Terms, received: list[Paid], random: Any
) -> None:
    new = paid_out(terms)
    in_order, shuffled = new(), new()
    arrived = list(received)
    random.shuffle(arrived)

    for payment in sorted(received, key=lambda payment: payment.on):
        known(in_order, payment)
    for payment in arrived:
        known(shuffled, payment)

    assert outcome(shuffled) == outcome(in_order)


@dataclass(frozen=True)
class Granted:
    """Relief, by the day it counts from."""

    agreed: Agreement
    on: date


RELIEF = st.sampled_from(
    [
        Agreement("RATE_CHANGE", annual_rate=Decimal("0.02")),
        Agreement("RATE_CHANGE", annual_rate=Decimal("0.18")),
        Agreement("CAPITALISATION"),
        Agreement("REAGEING"),
        Agreement("REAMORTISATION", annual_rate=Decimal("0.03"), keeps_instalment=True),
        Agreement("EXTENSION", instalments=1),
        Agreement("EXTENSION", instalments=3),
        Agreement("DEFERRAL", instalments=1),
        Agreement("DEFERRAL", instalments=2, interest_too=True),
        Agreement("REAGEING", instalments=2),
    ]
)
"""Relief of every kind but days without interest."""


@st.composite
def histories(draw: st.DrawFn) -> list[Dated]:
    """Payments, relief, new pay days and draws, each on a day of its own."""
    days = draw(st.lists(st.integers(0, 250), min_size=2, max_size=7, unique=True))
    found: list[Dated] = []
    for number, day in enumerate(days):
        on = JAN_15 + timedelta(days=day)
        match draw(st.sampled_from(["pay", "pay", "relief", "relief", "pay day", "draw"])):
            case "pay":
                found.append(Paid(f"P-{number}", draw(st.integers(1, 2_000_00)), on))
            case "pay day":
                found.append(PayDayMoved(draw(PAY_DAYS), on))
            case "draw":
                found.append(PaidOut(f"D-{number}", draw(st.integers(1, 20)), on))
            case _:
                agreed = draw(RELIEF)
                if draw(st.integers(0, 4)) == 0:
                    until = on + timedelta(days=draw(st.integers(0, 60)))
                    kind = draw(st.sampled_from(["INTEREST_PAUSE", "MORATORIUM"]))
                    agreed = Agreement(kind, free_from=on, free_until=until)
                found.append(Granted(agreed, on))
    return found


PAY_DAYS = st.sampled_from([1, 10, 25, 31])


def known(loan: Loan, it: Late, on: date = LATER) -> None:
    """Let the loan learn of it, long after if not said."""
    people: dict[str, Any] = {"requested_by": "officer", "approved_by": "manager"}
    match it:
        case Paid():
            paid = {"payoff": it.payoff, "source": it.source, "in_place_of": it.in_place_of}
            paid["future_money"] = it.future
            story.repay(loan, it.ref, it.amount, it.on, known_on=on, **paid)
        case PaidOut():
            _pay_out(loan, it, on)
        case PayDayMoved():
            coming = [row.number for row in loan.opening if row.due_on > it.on]
            if coming:
                story.pay_day_moved(coming[0], it.day, it.on, on, **people)(loan)
        case Forgiven():
            story.waive(loan, it.fee_ref, it.amount, on)
        case TakenBack():
            story.reversed_(it.ref, on)(loan)
        case OnHold():
            rule = {"stops_interest": it.interest, "stops_penalty": it.penalty}
            story.held(it.ref, it.on, on, **rule)(loan)
        case Released():
            story.released(it.ref, it.on, on)(loan)
        case Granted():
            loan.reschedule(act(on), agreed=it.agreed, reason="lost work", on=it.on, **people)


def _pay_out(loan: Loan, it: PaidOut, on: date) -> None:
    terms = loan.terms
    assert terms is not None
    plan = {draw.on: draw.amount for draw in terms.draws or ()}
    if plan or has_limit(terms) or terms.in_parts:
        amount = plan.get(it.on, max(terms.amount * it.percent // 100, 1))
        story.draw(loan, it.ref, amount, it.on, on)


@for_all(TERMS, histories(), st.randoms(use_true_random=False))
def test_any_order_of_arrival_of_payments_and_relief_ends_in_the_same_loan(
    terms: Terms, history: list[Late], random: Any
) -> None:
    new = paid_out(replace(terms, renewal=None))
    in_order, shuffled = new(), new()
    arrived = list(history)
    random.shuffle(arrived)

    try:
        for it in sorted(history, key=_day):
            known(in_order, it)
        for it in arrived:
            known(shuffled, it)
    except Refusal:
        reject()  # no order of these facts is taken whole: a loan that is paid gets no relief

    assert outcome(shuffled) == outcome(in_order)


@dataclass(frozen=True)
class Charged:
    """A fee of the contract, charged on its day and known then."""

    ref: str
    kind: str
    on: date


@dataclass(frozen=True)
class Drawn:
    """More that was paid out, known on its day."""

    ref: str
    amount: int
    on: date


@dataclass(frozen=True)
class Forgiven:
    """A part of a fee, or all of it, waived long after."""

    fee_ref: str
    amount: int


@dataclass(frozen=True)
class TakenBack:
    """A payment that bounced."""

    ref: str


@dataclass(frozen=True)
class OnHold:
    """A hold, by the day from which it stops penalty, interest or both."""

    ref: str
    on: date
    interest: bool
    penalty: bool


@dataclass(frozen=True)
class Released:
    """A hold that stands no more from a day on; of two, the later one corrects the first."""

    ref: str
    on: date


@dataclass(frozen=True)
class PaidOut:
    """So many percent of the amount that were paid out on a day, and known later."""

    ref: str
    percent: int
    on: date


@dataclass(frozen=True)
class PayDayMoved:
    """Another day of the month for what falls due after a day."""

    day: int
    on: date


Dated = Paid | Granted | OnHold | Released | PaidOut | PayDayMoved
Late = Dated | Forgiven | TakenBack


@dataclass(frozen=True)
class History:
    """What was known on its day, in order, and what became known long after."""

    at_once: list[Paid | Charged | Drawn]
    late: list[Late]


@st.composite
def long_histories(draw: st.DrawFn) -> History:
    """Every kind of fact that can count earlier than it is known; some share a day."""
    days = draw(st.lists(st.integers(0, 250), min_size=2, max_size=9, unique=True))
    shared = [place > 0 and draw(st.integers(0, 3)) == 0 for place in range(len(days))]
    found = History([], [])
    for number, share in enumerate(shared):
        on = JAN_15 + timedelta(days=days[number - share])
        KINDS_OF_LATE[draw(st.sampled_from(KINDS_DRAWN))](draw, found, number, on)
    return History(sorted(found.at_once, key=lambda it: it.on), found.late)


def _late_payment(draw: st.DrawFn, to: History, number: int, on: date) -> None:
    rule = draw(st.sampled_from([None, None, "SHORTER_TERM", "LOWER_INSTALMENT"]))
    to.late.append(Paid(f"P-{number}", draw(st.integers(1, 2_000_00)), on, future=rule))


def _late_payoff(draw: st.DrawFn, to: History, number: int, on: date) -> None:
    to.late.append(Paid(f"P-{number}", ENOUGH, on, payoff=True))


def _bouncing(draw: st.DrawFn, to: History, number: int, on: date) -> None:
    """It comes again under another reference, and may bounce again."""
    amount = draw(st.integers(1, 2_000_00))
    for again in range(draw(st.integers(1, 2))):
        to.late.append(Paid(f"P-{number}-{again}", amount, on))
        to.late.append(TakenBack(f"P-{number}-{again}"))
    to.late.append(Paid(f"P-{number}-again", amount, on))


def _posted_again(draw: st.DrawFn, to: History, number: int, on: date) -> None:
    """A charge came later that day; it takes its place, and may hand it on."""
    rule = draw(st.sampled_from([None, "SHORTER_TERM", "LAST_INSTALMENT"]))
    paid = Paid(f"P-{number}", draw(st.integers(1, 2_000_00)), on, future=rule)
    to.at_once.extend([paid, Charged(f"F-{number}", "LETTER", on)])
    for again in range(draw(st.integers(1, 2))):
        to.late.append(TakenBack(paid.ref))
        paid = replace(paid, ref=f"P-{number}-{again}", in_place_of=paid.ref)
        to.late.append(paid)


def _charged(draw: st.DrawFn, to: History, number: int, on: date) -> None:
    to.at_once.append(Charged(f"F-{number}", draw(st.sampled_from(FEE_KINDS)), on))
    waived = draw(st.lists(st.integers(1, 3_00), max_size=2))
    to.late.extend(Forgiven(f"F-{number}", amount) for amount in waived)


def _drawn(draw: st.DrawFn, to: History, number: int, on: date) -> None:
    to.at_once.append(Drawn(f"D-{number}", draw(st.integers(1, 2_000_00)), on))


def _late_draw(draw: st.DrawFn, to: History, number: int, on: date) -> None:
    to.late.append(PaidOut(f"D-{number}", draw(st.integers(1, 20)), on))


def _late_pay_day(draw: st.DrawFn, to: History, number: int, on: date) -> None:
    to.late.append(PayDayMoved(draw(PAY_DAYS), on))


def _late_relief(draw: st.DrawFn, to: History, number: int, on: date) -> None:
    to.late.append(Granted(draw(RELIEF | st.builds(_pause, st.just(on), PAUSES)), on))


def _late_hold(draw: st.DrawFn, to: History, number: int, on: date) -> None:
    ref, stops = f"H-{number}", draw(st.sampled_from(STOPS))
    to.late.append(OnHold(ref, on - timedelta(days=draw(st.sampled_from([0, 30]))), *stops))
    after = draw(st.lists(st.integers(-30, 60), max_size=2))
    to.late.extend(Released(ref, on + timedelta(days=days)) for days in after)


KINDS_OF_LATE = {
    "pay": _late_payment,
    "pay off": _late_payoff,
    "bounce": _bouncing,
    "post again": _posted_again,
    "charge": _charged,
    "draw": _drawn,
    "paid out": _late_draw,
    "pay day": _late_pay_day,
    "relief": _late_relief,
    "hold": _late_hold,
}
KINDS_DRAWN = [*KINDS_OF_LATE, "pay", "relief", "pay day", "hold"]


ENOUGH = 100_000_00
STOPS = [(False, True), (True, True), (True, False)]
FEE_KINDS = ["LETTER", "BREACH"]
PAUSES = st.sampled_from(
    [("INTEREST_PAUSE", 0), ("INTEREST_PAUSE", 40), ("MORATORIUM", 0), ("MORATORIUM", 60)]
)


def _pause(on: date, asked: tuple[str, int]) -> Agreement:
    kind, days = asked
    return Agreement(kind, free_from=on, free_until=on + timedelta(days=days))


def shuffled_(late: list[Late], random: Any) -> list[Late]:
    """*late* in any order in which what is corrected comes before what corrects it.

    What counts from one day comes in its order, but for what takes another's place.
    """
    arrived: list[Late] = [it for it in late if not corrects(it)]
    random.shuffle(arrived)
    for day in {it.on for it in arrived if not isinstance(it, Forgiven | TakenBack)}:
        places = [n for n, it in enumerate(arrived) if getattr(it, "on", None) == day]
        in_order = [it for it in late if not corrects(it) and getattr(it, "on", None) == day]
        for place, it in zip(places, in_order, strict=True):
            arrived[place] = it
    for it in late:
        if corrects(it):
            named = it.in_place_of if isinstance(it, Paid) else getattr(it, "ref", "")
            came = [n for n, each in enumerate(arrived) if getattr(each, "ref", "") == named]
            arrived.insert(random.randint(max(came, default=-1) + 1, len(arrived)), it)
    return arrived


def corrects(it: Late) -> bool:
    """Whether it needs another to be known before it."""
    return isinstance(it, TakenBack | Released) or (isinstance(it, Paid) and bool(it.in_place_of))


@for_all(TERMS, long_histories(), st.randoms(use_true_random=False))
def test_any_order_of_arrival_of_everything_that_can_be_late_ends_in_the_same_loan(
    terms: Terms, history: History, random: Any
) -> None:
    loan = paid_out(replace(terms, renewal=None))()
    for fact in history.at_once:
        with suppress(Refusal):  # of a kind that the contract does not name, or over its limit
            learnt(loan, fact)
    before = [*just_paid_out(replace(terms, renewal=None)).pending_events, *loan.pending_events]
    in_order, shuffled = replayed(before), replayed(before)

    try:
        for it in sorted(history.late, key=_day):
            known(in_order, it)
        for it in shuffled_(history.late, random):
            known(shuffled, it)
    except Refusal:
        reject()  # not every order of these facts is taken whole: a paid loan gets no relief
    for loan in (in_order, shuffled):
        loan.attend(act(LATER))

    assert outcome(shuffled) == outcome(in_order)


def _day(it: Late) -> tuple[date, int]:
    """Its day; what corrects another comes after all."""
    if corrects(it) or isinstance(it, Forgiven | TakenBack):
        return LATER, 1
    return it.on, 0


def learnt(loan: Loan, it: Paid | Charged | Drawn) -> None:
    """Let the loan learn of it on its day."""
    if isinstance(it, Paid):
        story.repay(loan, it.ref, it.amount, it.on, source=it.source, future_money=it.future)
    elif isinstance(it, Drawn):
        story.draw(loan, it.ref, it.amount, it.on)
    else:
        story.fee_charged(it.ref, on=it.on, kind=it.kind)(loan)


@for_all(TERMS, long_histories(), st.data())
def test_a_payment_posted_again_in_its_place_might_as_well_never_have_bounced(
    terms: Terms, history: History, data: st.DataObject
) -> None:
    loan = paid_out(replace(terms, renewal=None))()
    for each in history.at_once:
        with suppress(Refusal):
            learnt(loan, each)
    for it in sorted(history.late, key=_day):
        with suppress(Refusal):
            known(loan, it)
    loan.attend(act(LATER))
    stands = [fact for fact in loan.facts if fact.pays]
    if not stands:
        reject()
    fact = data.draw(st.sampled_from(stands))
    before = {name: copy(value) for name, value in outcome(loan).items()}

    story.reversed_(fact.ref, LATER)(loan)
    again: dict[str, Any] = {"payoff": fact.kind == FactKind.PAYOFF, "source": fact.source}
    again |= {"future_money": fact.future_money, "in_place_of": fact.ref}
    with suppress(PayoffShort):  # one that fell short by what is known since
        story.repay(loan, "AGAIN", fact.amount, fact.on, LATER, **again)
        loan.attend(act(LATER))

        after = outcome(loan)
        for told in ("parts", "splits"):
            after[told] = {
                fact.ref if ref == "AGAIN" else ref: each for ref, each in after[told].items()
            }
        assert after == before


@dataclass(frozen=True)
class CameBack:
    """The payout came back on a day; one told in error did not, and is taken back."""

    on: date
    in_error: bool = False


@dataclass(frozen=True)
class PaidOutAgain:
    """The next payout, by its day."""

    ref: str
    on: date


@dataclass(frozen=True)
class Refunded:
    """Credit that was paid back, by its day."""

    ref: str
    amount: int
    on: date


Payout = CameBack | PaidOutAgain
Beside = Paid | Refunded | Charged | Granted


@dataclass(frozen=True)
class Returns:
    """Payouts that came back and those that followed, and what else happened; by its day.

    Payments of *bounced* did not stand.
    """

    payouts: list[Payout]
    beside: list[Beside]
    bounced: set[str]

    def out_on(self, on: date) -> bool:
        """Whether a payout was out on a day."""
        last = [it for it in self.payouts if it.on < on and not _in_error(it)]
        return not last or isinstance(last[-1], PaidOutAgain)

    def falls_away(self, it: Beside) -> bool:
        """Whether it was done to a loan that never was."""
        back = [out.on for out in self.payouts if isinstance(out, CameBack) and not out.in_error]
        return isinstance(it, Charged | Granted) and it.on < max(back, default=JAN_15)


def _in_error(it: Payout) -> bool:
    return isinstance(it, CameBack) and it.in_error


@st.composite
def returns(draw: st.DrawFn) -> Returns:
    """Payouts, some told in error to have come back; what else happened has a day of its own."""
    days = draw(st.lists(st.integers(0, 250), min_size=2, max_size=10, unique=True))
    found = Returns([], [], set())
    for number, day in enumerate(sorted(days)):
        on = JAN_15 + timedelta(days=day)
        is_out = found.out_on(on)
        match draw(st.sampled_from(["payout", "payout", "pay", "pay", "pay", "charge", "relief"])):
            case "payout" if is_out:
                found.payouts.append(CameBack(on, in_error=draw(st.integers(0, 2)) == 0))
            case "payout":
                found.payouts.append(PaidOutAgain(f"O-{number}", on))
            case "pay":
                found.beside.append(Paid(f"P-{number}", draw(st.integers(1, 2_000_00)), on))
                if draw(st.integers(0, 3)) == 0:
                    found.bounced.add(f"P-{number}")
            case "charge" if is_out:
                found.beside.append(Charged(f"F-{number}", draw(st.sampled_from(FEE_KINDS)), on))
            case "relief" if is_out:
                found.beside.append(Granted(draw(RELIEF), on))
            case _:
                found.beside.append(Refunded(f"R-{number}", draw(st.integers(1, 20_00)), on))
    # What a charge that stands is on goes by what is paid when it is known.
    beside = [it for it in found.beside if not isinstance(it, Charged) or found.falls_away(it)]
    return replace(found, beside=beside)


def known_in_time(loan: Loan, history: Returns) -> None:
    """Let it learn all that stands of *history*, each thing on its day."""
    payouts = [it for it in history.payouts if not _in_error(it)]
    stands = [it for it in history.beside if getattr(it, "ref", "") not in history.bounced]
    for it in sorted([*payouts, *stands], key=lambda each: each.on):
        told(loan, it, it.on, history)
        loan.attend(act(it.on))


def arrived(history: Returns, random: Any) -> list[Payout | Beside | TakenBack]:
    """*history* in any order of arrival that can be taken whole.

    Payouts come in their order, and relief after the payout that it is for: before that is
    known nothing is lent. Credit is paid back once there is some.
    """
    found: list[Any] = []
    for it in history.payouts:
        found += [it, NEVER_BACK] if _in_error(it) else [it]
    shuffled = list(history.beside)
    random.shuffle(shuffled)
    for beside in shuffled:
        waits_for = {Refunded: (CameBack, PaidOutAgain), Paid: ()}.get(type(beside), PaidOutAgain)
        before = [
            n for n, it in enumerate(found) if isinstance(it, waits_for) and it.on < beside.on
        ]
        places = list(range(max(before, default=-1) + 1, len(found) + 1))
        if isinstance(beside, Granted) and not history.falls_away(beside):
            places = [n for n in places if not _is_back(found[:n])]
        found.insert(random.choice(places), beside)
    for ref in sorted(history.bounced):
        came = next(n for n, it in enumerate(found) if getattr(it, "ref", "") == ref)
        found.insert(random.randint(came + 1, len(found)), TakenBack(ref))
    return found


NEVER_BACK = TakenBack("payout-return")


def _is_back(came: list[Any]) -> bool:
    """Whether the payout is known to be back, by what *came*."""
    last = [it for it in came if isinstance(it, Payout) or it == NEVER_BACK]
    return bool(last) and isinstance(last[-1], CameBack)


def told(loan: Loan, it: Payout | Beside | TakenBack, on: date, history: Returns) -> None:
    """Let the loan learn it; whether what falls away was allowed is not asked."""
    assert loan.terms is not None
    match it:
        case CameBack():
            story.come_back(loan, it.on, on, levels=LONG)
        case TakenBack("payout-return"):
            story.take_back(loan, "payout-return", on)
        case PaidOutAgain():
            half = loan.terms.in_parts or has_limit(loan.terms)
            amount = (loan.terms.amount + 1) // 2 if half else None
            story.paid_out_again(it.on, on, disbursement_ref=it.ref, amount=amount)(loan)
        case Refunded():
            story.refund(loan, it.ref, it.amount, on, counts_on=it.on)
        case Charged():
            with suppress(Refusal):  # of a kind that the contract does not name
                loan.charge_fee(act(on), kind=it.kind, fee_ref=it.ref, on=it.on)
        case Granted() if history.falls_away(it):
            with suppress(Refusal):
                known(loan, it, on)
        case Paid() | Granted() | TakenBack():
            known(loan, it, on)


LONG = replace(story.LEVELS, offer_valid_days=400)
"""So that the contract stands until the next payout, whenever that becomes known."""


@for_all(TERMS, returns(), st.randoms(use_true_random=False))
def test_any_order_of_arrival_of_payouts_that_came_back_ends_in_the_same_loan(
    terms: Terms, history: Returns, random: Any
) -> None:
    new = paid_out(replace(terms, renewal=None))
    in_time, late = new(), new()

    try:
        known_in_time(in_time, history)
        for it in arrived(history, random):
            told(late, it, LATER, history)
    except Refusal:
        reject()  # such as relief for a loan that is paid, or a payout after a planned one
    for loan in (in_time, late):
        loan.attend(act(LATER))

    assert outcome(late) == outcome(in_time)
    assert late.receipts() == in_time.receipts()


@dataclass(frozen=True)
class Ends:
    """When a loan was written off, and when it was sold, if it was either."""

    lost_on: date | None
    sold_on: date | None


@st.composite
def ends(draw: st.DrawFn) -> Ends:
    """A write-off, a sale, or one after the other, on days of their own."""
    first, second = sorted(draw(st.lists(st.integers(40, 280), min_size=2, max_size=2)))
    lost_on, sold_on = (JAN_15 + timedelta(days=day) for day in (first, second))
    kind = draw(st.sampled_from(["lost", "lost", "sold", "both"]))
    return Ends(
        lost_on if kind != "sold" else None, sold_on + timedelta(days=1) if kind != "lost" else None
    )


def ended(loan: Loan, ends: Ends, on: date) -> None:
    """Let the loan end as it does on a day."""
    if on == ends.lost_on:
        story.write_off(loan, on)
    if on == ends.sold_on:
        story.sell(loan, on)


def lived_to_the_end(loan: Loan, facts: list[Dated], ends: Ends) -> Loan:
    """The loan, with each fact known on its day, and ended as it does."""
    days = {it.on for it in facts} | {on for on in vars(ends).values() if on}
    for day in sorted(days):
        for it in facts:
            if it.on == day:
                known(loan, it, day)
        loan.attend(act(day))
        ended(loan, ends, day)
    return loan


def left_the_book(loan: Loan) -> dict[str, Any]:
    """What must not depend on whether it was known before the loan ended or after."""
    names = ("recovered", "unapplied", "state", "splits", "steps", "balance")
    return {
        "ends": [(each.kind, each.on, each.claim, each.state_before) for each in loan.endings],
        # What was billed and given back is none.
        "subsidised": {ref: owed for ref, owed in loan.subsidised.items() if owed},
        **{name: getattr(loan, name) for name in names},
    }


@for_all(TERMS, payments(), ends(), st.randoms(use_true_random=False), st.data())
def test_what_was_known_in_time_or_after_the_loan_ended_leaves_the_same_loss(
    terms: Terms, received: list[Paid], ends: Ends, random: Any, data: st.DataObject
) -> None:
    _ends_alike(terms, [*received], ends, random, data)


@for_all(TERMS, histories(), ends(), st.randoms(use_true_random=False), st.data())
def test_draws_relief_and_pay_days_known_after_the_loan_ended_leave_the_same_loss(
    terms: Terms, history: list[Dated], ends: Ends, random: Any, data: st.DataObject
) -> None:
    _ends_alike(terms, history, ends, random, data)


def _ends_alike(
    terms: Terms, facts: list[Dated], ends: Ends, random: Any, data: st.DataObject
) -> None:
    """Whatever of *facts* is known after the loan ended, what was lost is the same."""
    new, received = paid_out(terms), [it for it in facts if isinstance(it, Paid)]
    unknown = data.draw(st.sets(st.sampled_from(facts)))
    bounced = data.draw(st.sets(st.sampled_from(received))) if received else set()
    # On the very day it ends, what comes first counts first.
    own = [it for it in facts if it.on not in vars(ends).values()]
    own = [it for it in own if not (ends.sold_on and it.on > ends.sold_on)]
    try:
        in_time = lived_to_the_end(new(), [it for it in own if it not in bounced], ends)
        late = lived_to_the_end(new(), [it for it in own if it not in unknown], ends)
    except Refusal:
        reject()  # a loan that is paid, or has credit, does not end like that
    to_come: list[Late] = [it for it in own if it in unknown]
    random.shuffle(to_come)
    to_come += [TakenBack(it.ref) for it in own if isinstance(it, Paid) and it in bounced]

    for fact in to_come:
        try:
            known(late, fact)
        except Refusal:
            if isinstance(fact, Paid | TakenBack):
                raise
            reject()  # what is agreed stands on what is known by then

    assert in_time.endings
    assert left_the_book(late) == left_the_book(in_time)
    got = sum(fact.amount for fact in late.recoveries.values())
    recovered = total(late.recovered.values())
    assert got == recovered.total
    claimed = total([ended.claim for ended in late.endings]).total
    assert 0 <= open_of(late.claim, late.recovered) <= claimed
    assert got - recovered.unapplied <= claimed


@for_all(TERMS, payments(), st.integers(0, 250), st.randoms(use_true_random=False))
def test_a_loss_taken_back_might_as_well_never_have_been_taken(
    terms: Terms, received: list[Paid], lost_after: int, random: Any
) -> None:
    new, lost_on = paid_out(terms), JAN_15 + timedelta(days=lost_after)
    in_time = sorted((it for it in received if it.on < lost_on), key=lambda it: it.on)
    never, lost = new(), new()
    for loan in (never, lost):
        for payment in in_time:
            learnt(loan, payment)
        loan.attend(act(lost_on))
    to_come = [it for it in received if it.on >= lost_on]
    random.shuffle(to_come)

    try:
        story.write_off(lost, lost_on)
    except Refusal:
        reject()  # it was paid by then
    for loan in (never, lost):
        for payment in to_come:
            known(loan, payment)
    assert lost.recoveries.keys() == {it.ref for it in to_come}
    story.take_back(lost, "write-off", LATER)
    for loan in (never, lost):
        loan.attend(act(LATER))

    assert outcome(lost) == outcome(never)
    assert lost.receipts() == never.receipts()


@dataclass(frozen=True)
class LateEnd:
    """A loss or a sale of a day that becomes known between two of the facts that are known late."""

    sold: bool
    on: date
    at_once: list[Paid | Charged | Drawn]
    first: list[Late]
    then: list[Late]


@st.composite
def late_ends(draw: st.DrawFn) -> LateEnd:
    """Everything that can be late, on other days than the end; nothing goes out after it.

    Once a loss is known only money comes in, or what counts from before; after a sale not even
    that, though what came in may bounce.
    """
    sold, lost_on = draw(st.booleans()), JAN_15 + timedelta(days=draw(st.integers(0, 220)))
    history = draw(long_histories())
    while lost_on in {getattr(it, "on", None) for it in (*history.at_once, *history.late)}:
        lost_on += timedelta(days=1)
    at_once = [it for it in history.at_once if not _goes_out(it, lost_on)]
    late = [it for it in history.late if not _goes_out(it, lost_on)]
    late = shuffled_(
        [_without_place(it, lost_on) for it in late], draw(st.randoms(use_true_random=False))
    )
    place = draw(st.integers(0, len(late)))
    then = [_plainly(it, lost_on) for it in late[place:] if _comes_after(it, lost_on)]
    if sold:
        refused = {it.ref for it in then if isinstance(it, Paid) and it.on > lost_on}
        then = [it for it in then if getattr(it, "ref", None) not in refused]
    return LateEnd(sold, lost_on, at_once, late[:place], then)


def _plainly(it: Late, lost_on: date) -> Late:
    """A recovery without a rule: nobody says of one where it goes."""
    rules = isinstance(it, Paid) and it.on > lost_on
    return replace(it, payoff=False, future=None) if rules else it  # type: ignore[arg-type]


def _goes_out(it: Late | Charged | Drawn, lost_on: date) -> bool:
    """Whether it is money that goes out after the loss."""
    return isinstance(it, PaidOut | Drawn) and it.on > lost_on


def _without_place(it: Late, lost_on: date) -> Late:
    """A payment of after the loss takes nobody's place: recoveries count as they come in."""
    after = isinstance(it, Paid) and it.on > lost_on
    return replace(it, in_place_of=None) if after else it  # type: ignore[arg-type]


def _comes_after(it: Late, lost_on: date) -> bool:
    if isinstance(it, Forgiven):
        return False
    return isinstance(it, Paid | TakenBack) or it.on < lost_on


def ended_on_its_day(new: Callable[[], Loan], it: LateEnd) -> Loan:
    """The loan on which the end was known on its day, and what counts from before by then."""
    loan, late = new(), [*it.first, *it.then]
    days = {
        each.ref: each.on
        for each in (*it.at_once, *late)
        if hasattr(each, "on") and hasattr(each, "ref")
    }
    ends = {each.ref: each for each in late if isinstance(each, Released)}

    def counts_before(each: Late) -> bool:
        if isinstance(each, Released):
            return each is ends[each.ref] and each.on < it.on
        ref = each.fee_ref if isinstance(each, Forgiven) else getattr(each, "ref", "")
        on = days[ref] if isinstance(each, Forgiven | TakenBack) else each.on
        return on < it.on

    for fact in it.at_once:
        if fact.on < it.on:
            with suppress(Refusal):
                learnt(loan, fact)
    for each in late:
        if counts_before(each):
            known(loan, each, it.on)
    loan.attend(act(it.on))
    leave_the_book(loan, it, it.on)
    if it.sold:
        return loan
    money: list[Late] = [each for each in it.at_once if isinstance(each, Paid)]
    for each in (*money, *late):
        if isinstance(each, Paid | TakenBack) and not counts_before(each):
            known(loan, each)
    return loan


def leave_the_book(loan: Loan, it: LateEnd, known_on: date) -> None:
    """Let the loan end as it does, known on a day."""
    if it.sold:
        story.sell(loan, known_on, sold_on=it.on)
    else:
        story.write_off(loan, known_on, counts_on=it.on)


@for_all(TERMS, late_ends())
def test_a_loss_or_sale_known_after_later_money_is_the_one_known_on_its_day(
    terms: Terms, it: LateEnd
) -> None:
    new = paid_out(terms)
    late = new()
    try:
        in_time = ended_on_its_day(new, it)
        for fact in it.at_once:
            with suppress(Refusal):
                learnt(late, fact)
        for each in it.first:
            known(late, each)
        late.attend(act(LATER))
    except Refusal:
        reject()  # it was paid by then, or has credit; a loan that is paid gets no relief
    received = late.receipts()

    leave_the_book(late, it, LATER)
    assert late.receipts() == received
    for each in it.then:
        known(late, each)

    assert left_the_book(late) == left_the_book(in_time)
    if not it.then:  # what is known after a sale lets another price follow
        assert [each.face for each in late.endings] == [each.face for each in in_time.endings]
    assert all(fact.on > it.on for fact in late.passed_on)


@for_all(TERMS, late_ends())
def test_a_loss_or_sale_known_late_and_taken_back_might_as_well_never_have_been(
    terms: Terms, it: LateEnd
) -> None:
    new = paid_out(terms)
    never, lost = new(), new()
    try:
        for loan in (never, lost):
            for fact in it.at_once:
                with suppress(Refusal):
                    learnt(loan, fact)
            for each in it.first:
                known(loan, each)
            loan.attend(act(LATER))
        leave_the_book(lost, it, LATER)
        for each in it.then:
            for loan in (never, lost):
                known(loan, each)
    except Refusal:
        reject()  # it was paid by then, or had credit; a loan that is paid gets no relief
    story.take_back(lost, "sale" if it.sold else "write-off", LATER)
    for loan in (never, lost):
        loan.attend(act(LATER))

    assert outcome(lost) == outcome(never)
    assert lost.receipts() == never.receipts()
    assert standing_fees(lost) == standing_fees(never)


def standing_fees(loan: Loan) -> dict[str, Any]:
    """What was charged by events and stands."""
    return {ref: fee for ref, fee in loan.fees.items() if fee.amount}


DAYS_OF_ENDS = st.tuples(st.integers(0, 120), st.integers(1, 120))


@for_all(TERMS, payments(), DAYS_OF_ENDS, st.randoms(use_true_random=False), st.data())
def test_the_sale_of_a_loss_known_after_later_recoveries_is_the_one_known_on_its_day(
    terms: Terms, received: list[Paid], days: tuple[int, int], random: Any, data: st.DataObject
) -> None:
    lost_on = JAN_15 + timedelta(days=days[0])
    sold_on = lost_on + timedelta(days=days[1])
    ends = Ends(lost_on, sold_on)
    new, own = paid_out(terms), [it for it in received if it.on not in (lost_on, sold_on)]
    late = [it for it in own if it.on > sold_on]
    random.shuffle(own)
    try:
        in_time = lived_to_the_end(new(), [it for it in own if it not in late], ends)
        never = lived_to_the_end(new(), [it for it in own if it.on < lost_on], Ends(lost_on, None))
    except Refusal:
        reject()  # it was paid by then, or there is credit
    for it in own:
        if it.on > lost_on:
            known(never, it)
    sold = replayed([*just_paid_out(terms).pending_events, *never.pending_events])
    bounced = data.draw(st.sets(st.sampled_from([it.ref for it in late]))) if late else set()

    story.sell(sold, LATER, sold_on=sold_on)
    assert left_the_book(sold) == left_the_book(in_time)
    assert sold.endings[-1].face == in_time.endings[-1].face
    for ref in sorted(bounced):
        for loan in (sold, never):
            story.reversed_(ref, LATER)(loan)
    story.take_back(sold, "sale", LATER)

    assert left_the_book(sold) == left_the_book(never)
    assert sold.receipts() == never.receipts()


@for_all(TERMS, payments(), st.randoms(use_true_random=False), st.data())
def test_a_reversed_payment_might_as_well_never_have_come(
    terms: Terms, received: list[Paid], random: Any, data: st.DataObject
) -> None:
    new = paid_out(terms)
    bounced = data.draw(st.sets(st.sampled_from([payment.ref for payment in received])))
    never, reversed_ = new(), new()
    never.attend(act(LATER))

    for payment in sorted(received, key=lambda payment: payment.on):
        if payment.ref not in bounced:
            known(never, payment)
    to_come: list[Paid | str] = list(received)
    random.shuffle(to_come)
    for ref in sorted(bounced):
        came = next(
            i for i, item in enumerate(to_come) if isinstance(item, Paid) and item.ref == ref
        )
        to_come.insert(random.randint(came + 1, len(to_come)), ref)
    for item in to_come:
        if isinstance(item, Paid):
            known(reversed_, item)
        else:
            story.reversed_(item, on=LATER)(reversed_)
    reversed_.attend(act(LATER))

    assert outcome(reversed_) == outcome(never)


@for_all(TERMS, payments())
def test_known_at_once_or_known_day_by_day_makes_no_difference(
    terms: Terms, received: list[Paid]
) -> None:
    new = paid_out(terms)
    at_once, day_by_day = new(), new()

    for payment in sorted(received, key=lambda payment: payment.on):
        learnt(day_by_day, payment)
        day_by_day.attend(act(payment.on))
    for payment in received:
        known(at_once, payment)
    for loan in (at_once, day_by_day):
        loan.attend(act(LATER))

    assert at_once.ledger_on(LATER).rows == day_by_day.ledger_on(LATER).rows
    assert at_once.splits == day_by_day.splits
    assert (at_once.state, at_once.bucket) == (day_by_day.state, day_by_day.bucket)


@for_all(
    st.builds(
        terms,
        method=st.sampled_from(["INTEREST_ONLY", "BULLET"]),
        term_months=st.integers(1, 12),
        annual_rate=st.sampled_from([Decimal("0.06"), Decimal("0.2399")]),
        day_count=st.sampled_from(["30/360", "30E/360", "ACT/365F", "ACT/ACT ISDA"]),
        repayment=st.sampled_from([None, Repayment(grace_principal=2)]),
    ),
    st.dates(date(2025, 1, 15), date(2025, 2, 28)),
    st.lists(st.integers(0, 400), min_size=1, max_size=4),
)
def test_the_rate_that_counts_already_is_laid_anew_without_a_trace(
    terms: Terms, on: date, days: list[int]
) -> None:
    loan = story.disbursed(terms, on)
    before = list(loan.instalments)

    for day in sorted(days):
        granted = Granted(
            Agreement("RATE_CHANGE", annual_rate=terms.annual_rate), on + timedelta(days=day)
        )
        with suppress(Refusal):
            known(loan, granted)

    assert loan.instalments == before


# --- whatever happens --------------------------------------------------------------------


@dataclass(frozen=True)
class Try:
    """Something somebody tries on a day; the rules may refuse it."""

    days_later: int
    what: str
    amount: int
    which: int
    backdated_days: int


def lent(loan: Loan) -> int:
    """What was paid out, at first and later."""
    drawn = sum(fact.amount for fact in loan.facts if fact.kind == FactKind.DRAW)
    return sum(row.principal for row in loan.opening) - sum(_plan(loan)) + drawn


def _plan(loan: Loan) -> list[int]:
    """What the instalments hold from the start and is paid out later, where they do."""
    assert loan.terms is not None
    daily = loan.terms.accrual == "DAILY_BALANCE"
    return [draw.amount for draw in loan.terms.draws or ()] if daily else []


def to_come(loan: Loan) -> int:
    """What the instalments hold, by the last event, that is still to be paid out as planned."""
    ledger = loan._ledger()
    if not isinstance(ledger, DailyLedger):
        return 0
    return sum(draw.amount for draw in ledger.to_come(reckoned_on(loan)))


def reckoned_on(loan: Loan) -> date:
    """The day to which the instalments that are kept are reckoned."""
    reckoned = (Loan.MoneyMoved, Loan.Disbursed)
    moved: list[Any] = [
        event
        for event in loan.pending_events
        if isinstance(event, reckoned) or getattr(event, "overtaken", None)
    ]
    known_on = moved[-1].business_on if moved else JAN_15
    return min([known_on, *(ended.on for ended in loan.endings)])


def tried(loan: Loan, number: int, on: date, it: Try) -> None:
    """What was tried, done or refused."""
    with suppress(Refusal):
        ATTEMPTS[it.what](loan, number, on, it)


def _repay(loan: Loan, number: int, on: date, it: Try) -> None:
    received_on = max(on - timedelta(days=it.backdated_days), JAN_15)
    future = {1: "LAST_INSTALMENT", 3: "SHORTER_TERM", 5: "LOWER_INSTALMENT"}.get(it.which)
    source = "GUARANTOR" if it.which == 2 else "BORROWER"
    paid: dict[str, Any] = {"future_money": future, "source": source}
    if it.which == 7 and (vacated := list(loan.vacated.values())):
        gone = vacated[-1]
        paid |= {"in_place_of": gone.ref, "payoff": gone.kind == FactKind.PAYOFF}
        story.repay(loan, f"P-{number}", gone.amount, gone.on, on, **paid)
        return
    story.repay(loan, f"P-{number}", it.amount, received_on, on, **paid)


def _pay_off(loan: Loan, number: int, on: date, it: Try) -> None:
    received_on = max(on - timedelta(days=it.backdated_days), JAN_15)
    amount = max(loan.payoff(received_on) + it.which - 1, 1)
    story.repay(loan, f"P-{number}", amount, received_on, on, payoff=True)


def _reverse(loan: Loan, number: int, on: date, it: Try) -> None:
    story.reversed_(f"P-{it.which}", on=on)(loan)


def _refund(loan: Loan, number: int, on: date, it: Try) -> None:
    counts_on = max(on - timedelta(days=it.backdated_days), JAN_15)
    amount = max(loan.unapplied - it.which, 1)
    story.refund(loan, f"R-{number}", amount, on=on, counts_on=counts_on)


def _charge_fee(loan: Loan, number: int, on: date, it: Try) -> None:
    kind = "BREACH" if it.which % 2 else "LETTER"
    due_on = on + timedelta(days=it.amount % 200 - 20) if it.which > 3 else None
    counts_on = max(on - timedelta(days=it.backdated_days), JAN_15)
    loan.charge_fee(act(on), kind=kind, fee_ref=f"F-{number}", due_on=due_on, on=counts_on)


def _waive_fee(loan: Loan, number: int, on: date, it: Try) -> None:
    early = [f"prepayment:{ref}" for ref in loan._ledger().prepaying]
    fees = sorted([*loan.fees, *early]) or ["none"]
    story.waive(loan, fees[it.which % len(fees)], it.amount % 25_00, on=on)


def _forgive(loan: Loan, number: int, on: date, it: Try) -> None:
    if not loan.instalments:
        return  # its payout came back
    row = loan.instalments[it.which % len(loan.instalments)]
    counts_on = max(on - timedelta(days=it.backdated_days), JAN_15)
    owed = ["PENALTY", "INTEREST", "FEE"][it.amount % 3]
    amount = None if it.which % 2 else it.amount % 10_00
    story.forgiven(row.number, owed, counts_on, on, amount=amount)(loan)


def _take_back(loan: Loan, number: int, on: date, it: Try) -> None:
    names = [":".join(name) for name in loan._withdrawable()] or ["nothing"]
    story.take_back(loan, names[it.amount % len(names)], on)


def _move_due_date(loan: Loan, number: int, on: date, it: Try) -> None:
    if not loan.instalments:
        return
    row = loan.instalments[it.which % len(loan.instalments)]
    people = {"requested_by": "clerk", "approved_by": "manager"}
    counts_on = max(on - timedelta(days=it.backdated_days), JAN_15)
    if it.amount % 3:
        due_on = max(row.due_on, on) + timedelta(days=it.which)
        story.moved(row.number, due_on, counts_on, on, **people)(loan)
    else:
        day = it.amount % 31 + 1
        story.pay_day_moved(row.number, day, counts_on, on, **people)(loan)


def _write_off(loan: Loan, number: int, on: date, it: Try) -> None:
    if it.which < 3:
        story.write_off(loan, on=on, counts_on=max(on - timedelta(days=it.backdated_days), JAN_15))


def _sell(loan: Loan, number: int, on: date, it: Try) -> None:
    if it.which < 2:
        sold_on = max(on - timedelta(days=it.backdated_days), JAN_15)
        story.sell(loan, on, sold_on=sold_on, price=it.amount)


def _attend(loan: Loan, number: int, on: date, it: Try) -> None:
    loan.attend(act(on))


def _reschedule(loan: Loan, number: int, on: date, it: Try) -> None:
    kinds = list(CHANGES)
    loan.reschedule(
        act(on),
        agreed=Agreement(
            kinds[it.which % len(kinds)],
            annual_rate=Decimal(it.amount % 30) / 100 if it.amount % 2 else None,
            instalments=it.amount % 4,
            interest_too=it.amount % 3 == 0,
            keeps_instalment=it.amount % 5 == 0,
            free_from=on - timedelta(days=it.backdated_days),
            free_until=on + timedelta(days=it.amount % 60),
        ),
        reason="lost work",
        requested_by="officer",
        approved_by="manager",
        on=max(on - timedelta(days=it.backdated_days), JAN_15),
    )


def _renew(loan: Loan, number: int, on: date, it: Try) -> None:
    loan.attend(act(on))
    loan.renew(act(on), consent_ref="CONSENT-1")


def _convert(loan: Loan, number: int, on: date, it: Try) -> None:
    loan.attend(act(on))
    loan.offer_conversion(act(on), count=it.which)
    loan.convert(act(on), consent_ref="CONSENT-1")


def _draw(loan: Loan, number: int, on: date, it: Try) -> None:
    drawn_on, amount = max(on - timedelta(days=it.backdated_days), JAN_15), it.amount
    plan = [draw for draw in (loan.terms.draws if loan.terms else None) or () if draw.on <= on]
    if it.which < 3 and plan:  # late or not, and known late or not
        drawn_on, amount = plan[-1].on if it.which else drawn_on, plan[-1].amount
    story.draw(loan, f"D-{number}", amount, drawn_on, on)


def _place_hold(loan: Loan, number: int, on: date, it: Try) -> None:
    stops = {"stops_interest": it.which > 2, "stops_penalty": it.which != 4}
    from_on = on - timedelta(days=it.backdated_days)
    story.held(f"H-{it.which}", from_on, on, **stops)(loan)


def _end_hold(loan: Loan, number: int, on: date, it: Try) -> None:
    hold_ref = next(reversed([f"H-{it.which}", *loan.holds]))
    story.released(hold_ref, on - timedelta(days=it.backdated_days), on)(loan)


def _come_back(loan: Loan, number: int, on: date, it: Try) -> None:
    story.come_back(loan, max(on - timedelta(days=it.backdated_days), JAN_15), on)


def _pay_out_again(loan: Loan, number: int, on: date, it: Try) -> None:
    paid_out_on = max(on - timedelta(days=it.backdated_days), JAN_15)
    assert loan.terms is not None
    half = loan.terms.in_parts or has_limit(loan.terms)
    amount = (loan.terms.amount + 1) // 2 if half else None
    said = {"disbursement_ref": f"O-{number}", "amount": amount}
    story.paid_out_again(paid_out_on, on, **said)(loan)


ATTEMPTS = {
    "come back": _come_back,
    "pay out again": _pay_out_again,
    "place hold": _place_hold,
    "end hold": _end_hold,
    "draw": _draw,
    "reschedule": _reschedule,
    "renew": _renew,
    "convert": _convert,
    "repay": _repay,
    "pay off": _pay_off,
    "reverse": _reverse,
    "refund": _refund,
    "charge fee": _charge_fee,
    "waive fee": _waive_fee,
    "forgive": _forgive,
    "take back": _take_back,
    "move due date": _move_due_date,
    "write off": _write_off,
    "sell": _sell,
    "attend": _attend,
}

TRIES = st.lists(
    st.builds(
        Try,
        days_later=st.sampled_from([0, 0, 1, 5, 17, 31]),
        what=st.sampled_from(["repay", "repay", *ATTEMPTS]),
        amount=st.integers(1, 3_000_00),
        which=st.integers(0, 7),
        backdated_days=st.sampled_from([0, 0, 0, 1, 20, 60]),
    ),
    max_size=14,
)


def missing(loan: Loan) -> int:
    """What was refunded and is missing of the borrower's credit, and left the book so."""
    return loan.endings[0].claim.unapplied if loan.endings else 0


def capitalised(loan: Loan) -> int:
    """Interest that became principal, by the events."""
    return sum(moved.capitalised or 0 for moved in outcomes(loan))


def outcomes(loan: Loan) -> list[Loan.MoneyMoved | Overtaken]:
    """What events say of the money they moved, and a loss of what it overtook."""
    events: list[Any] = list(loan.pending_events)
    ends = [event for event in events if isinstance(event, Loan.WrittenOff | Loan.Sold)]
    lost = [event.overtaken for event in ends]
    moved = [event for event in events if isinstance(event, Loan.MoneyMoved)]
    return [*moved, *(each for each in lost if each is not None)]


@for_all(TERMS, TRIES)
def test_whatever_happens_money_is_conserved(terms: Terms, tries: list[Try]) -> None:
    loan, on = paid_out(terms)(), JAN_15

    for number, it in enumerate(tries):
        on += timedelta(days=it.days_later)
        tried(loan, number, on, it)

        received = sum(fact.amount for fact in loan.facts if fact.kind in ("PAYMENT", "PAYOFF"))
        refunded = sum(fact.amount for fact in loan.facts if fact.kind == FactKind.REFUND)
        rows = loan.instalments
        paid = sum(r.fees_paid + r.interest_paid + r.penalty_paid + r.principal_paid for r in rows)
        kept = sum(row.fees_paid for row in loan.opening)  # withheld from the payout
        # What was refunded and is missing went with the loss; what is recovered makes it good.
        beside = max(total(loan.recovered.values()).unapplied, missing(loan))
        assert received + kept + beside == paid + loan.unapplied + refunded
        assert sum(row.principal for row in rows) == lent(loan) + capitalised(loan) + to_come(loan)
        for row in rows:
            assert 0 <= row.principal_paid <= row.principal
            assert 0 <= row.interest_paid <= row.interest
            assert 0 <= row.fees_paid <= row.fees
            assert row.penalty_paid >= 0
            assert (row.paid_on is None) or row.left == 0
        parts = [part for parts in loan.parts.values() for part in parts]
        assert sum(part.principal for part in parts) == sum(row.principal_paid for row in rows)
        assert sum(part.penalty for part in parts) == sum(row.penalty_paid for row in rows)
        for ref, split in loan.splits.items():
            fact = next(f for f in loan.facts if f.ref == ref and f.splits)
            assert split.total == fact.amount


@for_all(TERMS, TRIES)
def test_whatever_happens_what_closes_a_loan_closes_it(terms: Terms, tries: list[Try]) -> None:
    loan, on = paid_out(terms)(), JAN_15
    for number, it in enumerate(tries):
        on += timedelta(days=it.days_later)
        tried(loan, number, on, it)

    loan.attend(act(on))  # a charge of the day is in what closes it, as in a payoff quote
    if loan.state == LoanState.SOLD or loan.came_back is not None:
        return
    owed = loan.payoff(on)
    if owed and loan.state != LoanState.WRITTEN_OFF:
        story.repay(loan, "THE-END", owed, on, payoff=True)

        assert loan.state == LoanState.CLOSED
        assert loan.balance.principal == loan.balance.unapplied == 0


@for_all(TERMS, TRIES, st.integers(0, 400))
def test_whatever_happens_each_figure_is_the_sum_of_its_explained_parts(
    terms: Terms, tries: list[Try], days_later: int
) -> None:
    events = just_paid_out(terms).pending_events
    loan, on = replayed(events), JAN_15
    for number, it in enumerate(tries):
        on += timedelta(days=it.days_later)
        tried(loan, number, on, it)
    history: list[Any] = [*events, *loan.pending_events]

    for day in (JAN_15 + timedelta(days=days_later), on):
        told = explain(history, day)

        assert told is not None and told.stood.balance is not None
        owed = told.stood.balance
        parts = {figure: told.total(figure) for figure in (*FIGURES, *IN_ALL)}
        assert parts == {
            "principal": owed.principal,
            "interest": owed.interest,
            "fees": owed.fees,
            "penalty": owed.penalty,
            "credit": owed.unapplied,
            "payoff": told.stood.payoff or 0,
            "overdue": told.stood.amount_overdue,
        }
        stands = told.stood.state
        lost = stands == LoanState.WRITTEN_OFF
        assert told.total("claim") == (open_claim(loan, day) if lost else 0)
        assert lost or stands == LoanState.SOLD or not any(x.figure == "claim" for x in told.lines)
        assert_formulas_close(told, terms)


def open_claim(loan: Loan, on: date) -> int:
    """What was lost and not recovered by a day, by what the loan keeps of both."""
    came = {ref: split for ref, split in loan.recovered.items() if loan.recoveries[ref].on <= on}
    return open_of(loan.claim, came)


@for_all(TERMS, TRIES, st.integers(0, 600))
def test_whatever_happens_each_label_ends_the_reasons_given_for_it(
    terms: Terms, tries: list[Try], days_later: int
) -> None:
    events = just_paid_out(terms).pending_events
    loan, on = replayed(events), JAN_15
    for number, it in enumerate(tries):
        on += timedelta(days=it.days_later)
        tried(loan, number, on, it)
    history: list[Any] = [*events, *loan.pending_events]

    for day in (JAN_15 + timedelta(days=days_later), on):
        told = explain(history, day, story.CLASSES)

        assert told is not None and told.stood.balance is not None
        if told.stood.disbursed_on is None:
            assert told.chains == []  # its payout came back: it has no label
            continue
        stood, chains = told.stood, {chain.figure: chain for chain in told.chains}
        cost = stood.annualised_cost
        assert {figure: chain.value for figure, chain in chains.items()} == {
            "days-past-due": str(stood.days_past_due),
            "bucket": stood.bucket,
            "class": stood.asset_class,
            "cost": None if cost is None else f"{cost:f}",
        }
        assert all(chain.reasons for chain in chains.values())
        last = {figure: chain.reasons[-1].what for figure, chain in chains.items()}
        if stood.days_past_due:
            days = "day" if stood.days_past_due == 1 else "days"
            assert last["days-past-due"].endswith(f"it is {stood.days_past_due} {days}")
            assert str(stood.overdue_since_on) in last["days-past-due"]
        if stood.asset_class is not None:
            named = stood.asset_class.lower().replace("_", " ")
            assert last["class"].startswith(f"{named}{since(stood.class_since_on)}")
        flows = [reason for reason in chains["cost"].reasons if reason.amount is not None]
        if cost:
            worth = sum((Decimal(flow.worth or 0) for flow in flows), Decimal(0))
            assert abs(worth) < Decimal("0.5")


def since(day: date | None) -> str:
    return f" since {day}" if day else ""


@for_all(TERMS, TRIES)
def test_whatever_happens_the_close_of_a_day_records_the_state_that_the_day_ends_in(
    terms: Terms, tries: list[Try]
) -> None:
    events: list[Any] = list(just_paid_out(terms).pending_events)
    loan, on = replayed(events), JAN_15

    for number, it in enumerate(tries):
        on += timedelta(days=it.days_later)
        tried(loan, number, on, it)
        before = standing([*events, *loan.pending_events], on)
        loan.attend(act(on))
        after = standing([*events, *loan.pending_events], on)

        assert before is not None and after is not None
        assert before.state == after.state == loan.state


@for_all(TERMS, TRIES)
def test_whatever_happens_the_events_add_up(terms: Terms, tries: list[Try]) -> None:
    loan, on = paid_out(terms)(), JAN_15

    for number, it in enumerate(tries):
        on += timedelta(days=it.days_later)
        tried(loan, number, on, it)

    events: list[Any] = list(loan.pending_events)
    moved = outcomes(loan)
    lost = sum(e.principal for e in events if isinstance(e, Loan.WrittenOff | Loan.Sold))
    lost -= sum(event.principal for event in events if isinstance(event, Loan.FactWithdrawn))
    lost += sum(
        each.after.principal - each.before.principal
        for event in events
        for each in getattr(event, "restated", None) or ()
    )
    paid = sum(event.net.principal for event in moved)
    assert lent(loan) + capitalised(loan) == loan.balance.principal + paid + lost
    assert sum(event.net.penalty for event in moved) == sum(
        row.penalty_paid for row in loan.instalments
    )
    before = LoanState.ACTIVE
    for event in events:
        if isinstance(event, Loan.MoneyMoved):
            assert event.state_before == before
        if isinstance(event, Loan.WrittenOff | Loan.Sold) and event.overtaken is not None:
            assert event.overtaken.state_before == before
        before = {
            Loan.Settled: LoanState.SETTLED,
            Loan.Closed: LoanState.CLOSED,
            Loan.WrittenOff: LoanState.WRITTEN_OFF,
            Loan.Sold: LoanState.SOLD,
            Loan.Disbursed: LoanState.ACTIVE,
            Loan.Expired: LoanState.EXPIRED,
        }.get(type(event), LoanState(getattr(event, "state", before)))
    assert before == loan.state


@for_all(TERMS, TRIES)
def test_whatever_happens_a_replay_of_the_stored_bytes_is_the_same_loan(
    terms: Terms, tries: list[Try]
) -> None:
    loan, on = just_paid_out(terms), JAN_15

    for number, it in enumerate(tries):
        on += timedelta(days=it.days_later)
        tried(loan, number, on, it)

    events: list[Any] = list(loan.pending_events)
    stored = [
        codec.decode(codec.encode(event), event.originator_id, event.originator_version)
        for event in events
    ]
    assert stored == events
    assert state(replayed(stored)) == state(loan)


@for_all(TERMS, TRIES)
def test_whatever_happens_a_snapshot_is_the_same_loan(terms: Terms, tries: list[Try]) -> None:
    loan, on = paid_out(terms)(), JAN_15

    for number, it in enumerate(tries):
        on += timedelta(days=it.days_later)
        tried(loan, number, on, it)

    again = from_snapshot(Loan, loan.id, loan.version, to_snapshot(loan))
    assert state(again) == state(loan)


@for_all(TERMS, TRIES)
def test_whatever_happens_the_ledger_run_from_the_schedule_is_the_one_kept(
    terms: Terms, tries: list[Try]
) -> None:
    loan, on = paid_out(terms)(), JAN_15

    for number, it in enumerate(tries):
        on += timedelta(days=it.days_later)
        tried(loan, number, on, it)

        ledger = loan._rerun(loan.facts)
        numbers = {row.number for row in ledger.rows}
        kept = [row for row in loan.instalments if row.number in numbers]
        assert ledger.rows_on(reckoned_on(loan)) == kept
        # What turned out not to be needed stays, empty.
        assert all(row.left == row.principal == 0 for row in loan.instalments if row not in kept)
        assert ledger.parts == loan.parts
        assert ledger.splits == loan.splits
        recovered = total(loan.recovered.values()).unapplied
        assert ledger.unapplied + max(recovered, missing(loan)) == loan.unapplied
        if loan.endings:  # what left the book is what the ledger says of that day
            assert loan.endings[0].claim == loan.claim_on_end(ledger)


@for_all(TERMS, TRIES)
def test_whatever_happens_attention_is_asked_for_in_the_future_only(
    terms: Terms, tries: list[Try]
) -> None:
    loan, on = paid_out(terms)(), JAN_15

    for number, it in enumerate(tries):
        on += timedelta(days=it.days_later)
        tried(loan, number, on, it)
        loan.attend(act(on))
        version = loan.version
        loan.attend(act(on))

        assert loan.version == version
        action = loan.next_action()
        assert action is None or action.due_on > on


@for_all(TERMS, TRIES)
def test_whatever_happens_labels_agree_with_the_instalments(terms: Terms, tries: list[Try]) -> None:
    loan, on = paid_out(terms)(), JAN_15

    for number, it in enumerate(tries):
        on += timedelta(days=it.days_later)
        tried(loan, number, on, it)
        loan.attend(act(on))

        nothing_owed = all(row.left == 0 for row in loan.instalments) and loan.unapplied >= 0
        if loan.state == LoanState.ACTIVE:
            oldest = min((r.pay_by_on for r in loan.instalments if r.left), default=on)
            assert (loan.overdue_since_on is not None) == (oldest < on)
            assert (loan.bucket != "M0") == (oldest < on)
        elif loan.came_back is not None:
            assert (loan.instalments, loan.bucket, loan.overdue_since_on) == ([], "M0", None)
        elif loan.state not in (LoanState.WRITTEN_OFF, LoanState.SOLD):
            assert nothing_owed
            assert loan.bucket == "M0"
            assert (loan.state == LoanState.CLOSED) == (loan.unapplied == 0)
            assert loan.payoff(on + timedelta(days=400)) == 0


@for_all(TERMS, payments(), st.randoms(use_true_random=False))
def test_credit_never_lies_beside_what_is_due(
    terms: Terms, received: list[Paid], random: Any
) -> None:
    loan = paid_out(terms)()
    random.shuffle(received)

    for payment in received:
        known(loan, payment)
    loan.attend(act(LATER))

    assert loan.unapplied <= 0 or not loan.ledger_on(LATER).asks(LATER)

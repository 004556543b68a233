"""The engine beside the packages that users would pick, on the same cases in the same run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal, FloatOperation, localcontext
from functools import partial
from itertools import chain
from statistics import median
from typing import Any
from uuid import UUID

from benchmarks import peers, samples
from benchmarks.peers import Call
from benchmarks.place import Place
from domain.base.policy import HoldRule
from domain.base.terms import FeeTerm, RatePlan, RateStep
from domain.commands import loans
from domain.loan.apr import Run, effective_rate, nominal_rate
from domain.loan.cost import CostMethod, Flow, annual_cost
from domain.loan.loan import Loan
from domain.loan.relief import Agreement
from domain.loan.schedule import Instalment, schedule
from infra.bootstrap import open_book
from infra.embedded.part import Step
from infra.garbage import collect_seldom

BEGINS = date(2025, 1, 15)
AMOUNT = 300_000_00
PERCENT = 6
MONTHS = (12, 36, 360)
PAST = 100
"""Events of the loan whose next repayment is decided."""
SMALL = 10_00
"""So many payments of this leave a little of the loan."""
LITTLE = 50
"""So many payments of this do not pay an instalment."""
LOWER_RATE = Agreement("RATE_CHANGE", annual_rate=Decimal("0.04"))
ENDS_EARLIER = Agreement("REAMORTISATION", keeps_instalment=True)
"""Whether it was relief follows from how late the loan was that day, whenever that is known."""
ABSENT = "not installed"

Past = list[tuple[type, samples.Fields]]

SCHEDULES = {
    "mortgagemath": peers.schedule_by_mortgagemath,
    "amortization": peers.schedule_by_amortization,
    "pyloan": peers.schedule_by_pyloan,
    "curo": peers.schedule_by_curo,
}
ANNUITIES = {"pyxirr, irr": peers.rate_by_pyxirr_irr, "pyxirr, rate": peers.rate_by_pyxirr_rate}


@dataclass(frozen=True, slots=True)
class Row:
    """One task: our time beside a peer's, in microseconds, and whether the figures agree.

    Without *peer* there is none that does it, without *theirs* it is not installed.
    """

    task: str
    ours: float
    peer: str | None = None
    theirs: float | None = None
    figures: str = ""
    bound: float | None = None
    """What our time may come to at most, by itself."""

    @property
    def ratio(self) -> float | None:
        """Ours over theirs."""
        return None if self.theirs is None else self.ours / self.theirs

    @property
    def met(self) -> bool:
        """Whether we keep to the bound, and are no slower than the peer."""
        within = self.bound is None or self.ours <= self.bound
        return within and (self.ratio is None or self.ratio <= 1)


def measure(place: Place) -> list[Row]:
    """All rows; the command's last, since its servers would disturb the others."""
    collect_seldom()
    rounds = place.pick(15, 5)
    rows: list[Row] = []
    tables = [
        *(_schedules(months, rounds) for months in MONTHS),
        *(_annuity_rates(months, rounds) for months in MONTHS),
        *(_dated_rates(count, rounds) for count in (12, 60)),
        _aprc(12, rounds),
    ]
    for row in chain.from_iterable(tables):
        place.progress(Step("engine", f"{row.task}: {row.peer}", 0, 0))
        rows.append(row)
    decisions = [_decision(task, past, rounds) for task, past in _pasts().items()]
    return [*rows, *decisions, _command(place)]


def _schedules(months: int, rounds: int) -> Iterator[Row]:
    terms = replace(samples.TERMS, amount=AMOUNT, term_months=months)
    loan = peers.Loan(AMOUNT, PERCENT, months, BEGINS)
    own = Call(partial(schedule, terms, BEGINS), _figures)
    others = {name: partial(make, loan) for name, make in SCHEDULES.items()}
    bound = 1_000.0 if months == 360 else None
    return _beside(
        f"schedule, {months} equal", own, others, peers.compared, rounds=rounds, bound=bound
    )


def _figures(rows: list[Instalment]) -> peers.Figures:
    return [(row.principal, row.interest) for row in rows]


def _annuity_rates(months: int, rounds: int) -> Iterator[Row]:
    first = schedule(replace(samples.TERMS, amount=AMOUNT, term_months=months), BEGINS)[0]
    payment = first.principal + first.interest
    own = Call(partial(_irr, AMOUNT, payment, months), _same)
    others = {name: partial(make, AMOUNT, payment, months) for name, make in ANNUITIES.items()}
    return _beside(f"IRR, {months} equal", own, others, peers.near, rounds=rounds)


def _irr(amount: int, payment: int, months: int) -> Decimal:
    return nominal_rate([Run(amount), Run(-payment, 1, months)], 1)


def _dated_rates(count: int, rounds: int) -> Iterator[Row]:
    dated = _unequal(count)
    own = Call(partial(_xirr, dated), _same)
    others = {"pyxirr, xirr": partial(peers.xirr_by_pyxirr, dated)}
    return _beside(f"XIRR, {count} unequal, dated", own, others, peers.near, rounds=rounds)


def _xirr(dated: peers.Dated) -> Decimal:
    start = dated[0][0]
    return effective_rate([Run(amount, (on - start).days) for on, amount in dated], 365)


def _aprc(count: int, rounds: int) -> Iterator[Row]:
    dated = _unequal(count)
    flows = [Flow(on, amount) for on, amount in dated]
    own = Call(partial(annual_cost, CostMethod.APRC, flows), _same)
    others = {"curo": partial(peers.aprc_by_curo, dated)}
    return _beside(f"APRC, {count} unequal, dated", own, others, peers.near, rounds=rounds)


def _same(rate: Decimal) -> Decimal:
    return rate


def _unequal(count: int) -> peers.Dated:
    """A loan repaid in so many payments that differ, on days that differ."""
    numbers = range(1, count + 1)
    days = [BEGINS + timedelta(days=30 * number + number * 7 % 11) for number in numbers]
    paid = [30_000_00 + number * 7919 % 9973 for number in numbers]
    payments = [(on, -amount) for on, amount in zip(days, paid, strict=True)]
    return [(BEGINS, sum(paid) * 10 // 11), *payments]


def _beside(
    task: str,
    own: Call,
    others: Mapping[str, Callable[[], Call]],
    compare: Callable[[Any, Any], str],
    *,
    rounds: int,
    bound: float | None = None,
) -> Iterator[Row]:
    """A row for each peer, in turn with ours."""
    for name, make in others.items():
        try:
            other = make()
        except ModuleNotFoundError:
            yield Row(task, _times([own], rounds)[0], name, figures=ABSENT, bound=bound)
            continue
        with localcontext() as context:
            context.traps[FloatOperation] = False  # peers mix them
            figures = compare(own.read(own.run()), other.read(other.run()))
            ours, theirs = _times([own, other], rounds)
        yield Row(task, ours, name, theirs, figures, bound)


def _times(calls: list[Call], rounds: int) -> list[float]:
    """Of each the best of so many rounds, in turn; microseconds.

    Nothing here waits for anything: what disturbs a round only adds to it.
    """
    numbers = [_enough(call.run) for call in calls]
    seconds: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, number, own in zip(calls, numbers, seconds, strict=True):
            started = time.perf_counter()
            for _ in range(number):
                call.run()
            own.append((time.perf_counter() - started) / number)
    return [min(own) * 1e6 for own in seconds]


def _enough(run: Callable[[], Any]) -> int:
    """How many calls take some five milliseconds; they warm up as well."""
    number = 1
    while True:
        started = time.perf_counter()
        for _ in range(number):
            run()
        if time.perf_counter() - started > 0.005:
            return number
        number *= 2


def _pasts() -> dict[str, Past]:
    """What happened on loans whose next repayment is decided, by what is told of it."""
    steps = RatePlan("STEP_DOWN", [RateStep(3, Decimal("0.05"))], scope="INSTALMENT")
    stepped = replace(samples.TERMS, rate_plan=steps)
    by_day = replace(samples.TERMS, accrual="DAILY_BALANCE", day_count="ACT/365F")
    charged = replace(samples.TERMS, fees=[FeeTerm("LATE", "ON_OVERDUE", 5_00)])
    small = partial(samples.past, PAST - 2, amount=SMALL)  # beside one event of another kind
    on_hold = {20: _placed_on_hold, 50: _released}
    return {
        f"repayment decided after {PAST} events": samples.past(PAST - 1, amount=SMALL),
        "the same, the borrower has credit": samples.past(PAST - 1),
        "the same, the rate stepped down": small(terms=stepped),
        "the same, stepped down and late, with penalty": samples.past(
            PAST - 5, amount=LITTLE, first=2 * samples.INSTALMENT, terms=stepped
        ),
        "the same, relief was granted": small(beside={50: partial(_granted, LOWER_RATE)}),
        "the same, agreed to end earlier": small(beside={50: partial(_granted, ENDS_EARLIER)}),
        "the same, a payment lowered the instalment": small(beside={50: _prepaid}),
        "the same, a hold stood": samples.past(PAST - 3, amount=SMALL, beside=on_hold),
        "the same, late charges are agreed": samples.past(PAST - 1, amount=SMALL, terms=charged),
        "the same, by each day's balance": samples.past(PAST - 1, amount=SMALL, terms=by_day),
        f"draw and repay at any time, {PAST} draws and repayments": samples.drawn_and_repaid(
            PAST, replace(by_day, method="INTEREST_ONLY")
        ),
    }


def _prepaid(loan: Loan, on: date) -> None:
    loan.repay(
        samples.act(on),
        amount=SMALL,
        currency="CNY",
        received_on=on,
        payment_ref="PREPAID",
        future_money="LOWER_INSTALMENT",
    )


def _granted(agreed: Agreement, loan: Loan, on: date) -> None:
    loan.reschedule(
        samples.act(on),
        agreed=agreed,
        reason="lost work",
        requested_by="clerk",
        approved_by="manager",
        on=on,
    )


def _placed_on_hold(loan: Loan, on: date) -> None:
    rule = HoldRule(
        "bench",
        "BANKRUPTCY",
        blocks_reminders=True,
        blocks_collection=True,
        valid_from=on,
        valid_until=None,
        source="bench",
        stops_interest=True,
        stops_penalty=True,
    )
    loan.place_hold(samples.act(on), hold_ref="H-1", reason="order", rule=rule, from_on=on)


def _released(loan: Loan, on: date) -> None:
    loan.end_hold(samples.act(on), hold_ref="H-1", reason="order", until_on=on)


def _decision(task: str, happened: Past, rounds: int) -> Row:
    """A repayment decided on a loan with a past, which is loaded; no peer keeps one."""
    on = samples.DAY + timedelta(days=PAST)
    seconds = []
    for number in range(rounds * 5):
        loan, act = samples.with_past(happened), samples.act(on)
        started = time.perf_counter()
        loan.repay(act, amount=1_00, currency="CNY", received_on=on, payment_ref=f"N-{number}")
        seconds.append(time.perf_counter() - started)
    return Row(task, min(seconds) * 1e6, bound=500)


def _command(place: Place) -> Row:
    """Load from a snapshot, decide, save; on the real store."""
    url, on = place.database("engine"), samples.DAY + timedelta(days=PAST)
    count = place.pick(200, 60)
    ids: list[UUID] = []
    seconds = []
    with open_book(url, connections=1) as book:
        for stored in samples.fill(book, count, samples.past(PAST - 1, amount=SMALL)):
            ids += stored
        for turn in range(2):  # the first leaves the snapshot that the second loads
            for loan_id in ids:
                act = samples.act(on)
                started = time.perf_counter()
                loans.repay(
                    book,
                    act,
                    loan_id=loan_id,
                    amount=1_00,
                    currency="CNY",
                    received_on=on,
                    payment_ref=str(act.command_id),
                )
                if turn:
                    seconds.append(time.perf_counter() - started)
    return Row("the whole command: load, decide, save", median(seconds) * 1e6, bound=5_000)

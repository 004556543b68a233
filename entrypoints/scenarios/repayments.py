"""Cases of repayments: a loan is taken over, paid and charged, and looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from domain.base.daycount import DayCount
from domain.base.money import Rounding
from domain.base.repayment import Frequency, Method, Repayment
from domain.base.stream import Act
from domain.base.terms import (
    TERM_MONTHS_MAX,
    Accrual,
    AllocationScope,
    ChargesCount,
    ChargesDue,
    FeeBase,
    FeeTerm,
    FeeTiming,
    FutureMoney,
    Owed,
    PlannedDraw,
    Settling,
    Terms,
    rate_fits,
)
from domain.loan.allocation import Part
from domain.loan.credit import PREFIX
from domain.loan.loan import Loan
from domain.loan.periods import ONE_DAY
from domain.loan.schedule import Instalment, schedule
from domain.loan.settlement import daily_simple, statutory_figure
from domain.loan.state import LoanState
from entrypoints.scenarios.dated import FLAT, KNOWN, PROGRESSIVE, DatedLoan, cents, dated_loan
from entrypoints.scenarios.terms import (
    TermWrong,
    Unsupported,
    day,
    number,
    object_of,
    objects,
    one_of,
    only,
    whole,
)

if TYPE_CHECKING:
    from entrypoints.scenarios.files import Case

LOAN_ID = UUID("5f0c3bb2-2ad4-4f0e-9f53-0f8b1f0f2a11")
CENT = Decimal("0.01")
CURRENCY = "EUR"
"""Every currency of the files has two decimals, and changes no figure."""

COMPONENTS = {
    "fee": Owed.FEE,
    "interest": Owed.INTEREST,
    "penalty": Owed.PENALTY,
    "principal": Owed.PRINCIPAL,
}
SCOPES = {"installment": AllocationScope.INSTALMENT, "component": AllocationScope.COMPONENT}
FUTURES = {
    "next": FutureMoney.NEXT_INSTALMENT,
    "last": FutureMoney.LAST_INSTALMENT,
    "reamortize": FutureMoney.REAMORTISED,
}
DUE = {"row": ChargesDue.WITH_INSTALMENT, "charge": ChargesDue.OWN_DAY}
BASES = {"principal": FeeBase.PRINCIPAL, "principal_and_interest": FeeBase.PRINCIPAL_AND_INTEREST}
"""The names of the files and those of our terms."""

CUMULATIVE = "cumulative"

EVENTS = {
    "payment": ("type", "id", "date", "amount", "future"),
    "charge": ("type", "kind", "due", "amount", "date"),
    "reverse": ("type", "id", "date"),
    "check": ("type", "label", "date"),
}
CHECKS = {"check": ("type", "label", "date")}
RECALCULATED = {
    "payment": ("type", "id", "date", "amount", "future"),
    "payoff": ("type", "id", "date"),
    "reverse": ("type", "id", "date"),
    "check": ("type", "label", "date"),
}
SETTLING = {
    "payment": ("type", "id", "date", "amount"),
    "reverse": ("type", "id", "date"),
    "settlement_quote": ("type", "date"),
}

NOT_KEPT = "what is overpaid is not kept from what is owed later: it pays that"
"""Why a case is not computed in which money lies beside something to pay."""

RATE_PLACES_MOST = 20
APR_MOST = Decimal(1000)


def compute(case: Case) -> dict[str, Any]:
    """What each check of the case finds on the loan.

    Raises:
        Unsupported: the terms or events name something that is not offered.
        ValueError: a term is missing or cannot be used.
        Refusal: the loan does not take what happens to it.
    """
    engine = one_of(case.terms, "engine", [*ENGINES, *NOT_OFFERED])
    if engine in NOT_OFFERED:
        raise Unsupported(f"the engine {engine!r} is not offered: {NOT_OFFERED[engine]}")
    return ENGINES[engine](case)


def _ledger(case: Case) -> dict[str, Any]:
    only(case.terms, ("engine", "currency", "disbursements", "schedule", "allocation", "loan"))
    events = [_event(each, f"events[{place}].", EVENTS) for place, each in enumerate(case.events)]
    lent_on, lent = _lent(case.terms)
    rows = [
        Instalment(place, due_on, due_on, principal, interest, 0)
        for place, (due_on, principal, interest) in enumerate(_scheduled(case.terms), start=1)
    ]
    for row, later in pairwise(rows):
        if later.due_on == row.due_on:
            raise Unsupported(f"two rows due on {row.due_on} are not offered")
    charges = [_charge(event) for event in events if event["type"] == "charge"]
    terms = replace(
        _terms(case.terms, lent, FUTURES),
        term_months=len(rows),
        fees=list({charge.kind: charge for charge in charges}.values()),
    )
    played = _Played(terms, rows, [PlannedDraw(lent_on, lent)])
    return {"checks": [found for event in events if (found := played.play(event))]}


def _recalc(case: Case) -> dict[str, Any]:
    """A loan whose interest goes by the balance of each day, from its own schedule."""
    said = case.terms
    only(said, (*KNOWN, "allocation", "overdue_interest", "payoff_interest"))
    events = [
        _event(each, f"events[{place}].", RECALCULATED) for place, each in enumerate(case.events)
    ]
    one_of(said, "overdue_interest", ("to_as_of",))
    dated = dated_loan(said, PROGRESSIVE)
    if said["interest_type"] == FLAT:
        raise Unsupported("flat interest is not recalculated")
    if any(draw.down_payment for draw in dated.draws):
        raise Unsupported("a down payment is not offered where interest is recalculated")
    draws = [PlannedDraw(draw.on, int(draw.amount)) for draw in dated.draws]
    to_next_due = "payoff_interest" in said and one_of(said, "payoff_interest", ("to_next_due",))
    futures = {name: FUTURES[name] for name in ("next", "last")}
    for event in events:
        _future(event, futures)
    terms = replace(
        _terms(said, sum(draw.amount for draw in draws), futures),
        frequency=dated.rhythm.unit,
        annual_rate=dated.rate.annual_rate,
        rounding=dated.plan.rounding or Rounding.HALF_EVEN,
        repayment=_repayment(dated),
        accrual=Accrual.DAILY_BALANCE,
        settling=Settling.TO_NEXT_DUE if to_next_due else None,
        draws=draws[1:] or None,
    )
    if terms.allocation_scope != AllocationScope.INSTALMENT:
        raise Unsupported("recalculated interest is paid row by row")
    played = _Played(terms, schedule(terms, draws[0].on), draws)
    return {"checks": [found for event in events if (found := played.play(event))]}


def _repayment(dated: DatedLoan) -> Repayment:
    plan, rhythm = dated.plan, dated.rhythm
    return Repayment(
        every=rhythm.every,
        count=plan.count,
        row_share=rhythm.share,
        year_days=rhythm.year_days,
        leap_rows_only=rhythm.leap_rows_only,
        multiple_of=plan.multiple_of,
        excess_interest=plan.excess_interest,
        refit=plan.refit,
        grace_principal=plan.grace_principal,
        grace_interest=plan.grace_interest,
    )


def _overdue_fee(case: Case) -> dict[str, Any]:
    only(case.terms, (*KNOWN, "overdue_fee", "charged_on"))
    loan = dated_loan(case.terms, CUMULATIVE)
    rows = [
        Instalment(place, row.due_on, row.due_on, int(row.principal), int(row.interest), 0)
        for place, row in enumerate(loan.rows(), start=1)
    ]
    if any(row.principal < 0 for row in rows):
        raise Unsupported("an instalment that repays less than nothing is not offered")
    lent = sum(row.principal for row in rows)
    charge = object_of(case.terms, "overdue_fee")
    only(charge, ("pct", "base"), "overdue_fee.")
    percent = number(charge, "pct") / 100
    if not rate_fits(percent):
        raise TermWrong(f"overdue_fee.pct {percent * 100} cannot be used")
    fee = FeeTerm(
        "OVERDUE",
        FeeTiming.ON_OVERDUE,
        0,
        Owed.PENALTY,
        percent=percent,
        base=BASES[one_of(charge, "base", BASES)],
    )
    order: list[str] = list(COMPONENTS.values())
    terms = replace(_bare_terms(lent, len(rows), order, FutureMoney.NEXT_INSTALMENT), fees=[fee])
    checks = []
    for place, said in enumerate(case.events):
        event = _event(said, f"events[{place}].", CHECKS)
        # Nothing is paid: what one check finds is nothing to another, of whatever day.
        played = _Played(terms, rows, [PlannedDraw(loan.draws[0].on, lent)])
        played.see(day(event, "date"))
        checks.append(played.play(event))
    return {"checks": checks}


def _event(said: Any, where: str, known: Mapping[str, tuple[str, ...]]) -> Mapping[str, Any]:
    if not isinstance(said, dict):
        raise TermWrong(f"{where[:-1]} is no object")
    kind = one_of(said, "type", known)
    only(said, known[kind], where)
    return said


def _lent(terms: Mapping[str, Any]) -> tuple[date, int]:
    draws = objects(terms, "disbursements")
    if len(draws) > 1:
        raise Unsupported("a loan paid out in several draws is not offered")
    only(draws[0], ("date", "amount"), "disbursements[0].")
    return day(draws[0], "date"), cents(draws[0], "amount")


class _Played:
    """One loan, and what happens to it in the order of the case."""

    def __init__(self, terms: Terms, rows: list[Instalment], draws: Sequence[PlannedDraw]) -> None:
        self.draws = draws
        self.drawn = 1
        self.today = draws[0].on
        self.taken = 0
        self.refs: set[str] = set()
        self.loan = Loan.migrate(
            self._act(),
            LOAN_ID,
            loan_ref="L-SCENARIO",
            borrower_id=LOAN_ID,
            origin="SCENARIO",
            terms=terms,
            disbursed_on=self.today,
            accrues_from=self.today,
            rows=rows,
        )

    def play(self, event: Mapping[str, Any]) -> dict[str, Any] | None:
        """Let *event* happen; what is found if it is a check."""
        on = day(event, "date")
        # The book learns things in the order of the case, however they are dated.
        self._draw(until=max(self.today, on))
        self.today = max(self.today, on)
        self.taken += 1
        kind = event["type"]
        if kind in ("payment", "payoff"):
            if (ref := _text(event, "id")) in self.refs:
                raise TermWrong(f"the payment {ref!r} occurs twice")
            self.refs.add(ref)
            payoff = kind == "payoff"
            amount = self.loan.payoff(on) if payoff else cents(event, "amount")
            if payoff and amount == 0:
                if self.loan.state == LoanState.ACTIVE:
                    raise Unsupported(NOT_KEPT)
                return None  # it is paid off already
            self.loan.repay(
                self._act(),
                amount=amount,
                currency=self.loan.currency,
                received_on=on,
                payment_ref=ref,
                payoff=payoff,
                future_money=_future(event),
            )
        elif kind == "charge":
            self.loan.charge_fee(
                self._act(),
                kind=_charge(event).kind,
                fee_ref=f"charge-{self.taken}",
                due_on=day(event, "due"),
            )
        elif kind == "reverse":
            self.loan.reverse(self._act(), payment_ref=_text(event, "id"), reason="reversed")
        else:
            return {"label": _text(event, "label"), **self._found(on)}
        return None

    def _draw(self, until: date) -> None:
        """Pay out what is to be paid out by a day."""
        for draw in self.draws[self.drawn :]:
            if draw.on <= until:
                self.today = draw.on
                self.loan.draw(
                    self._act(),
                    amount=draw.amount,
                    draw_ref=f"draw-{self.drawn}",
                    paid_to="scenario",
                    drawn_on=draw.on,
                )
                self.drawn += 1

    def see(self, on: date) -> None:
        """Let the day's run of *on* look at the loan."""
        self.today = max(self.today, on)
        self.taken += 1
        self.loan.attend(self._act())

    def _act(self) -> Act:
        command_id = uuid5(LOAN_ID, str(self.taken))
        at = datetime.combine(self.today, time(), UTC)
        return Act("scenario", self.today, at, command_id, command_id)

    def _found(self, on: date) -> dict[str, Any]:
        ledger = self.loan.ledger_on(self.today)
        for ref, split in ledger.splits.items():
            if ref.startswith(PREFIX) or split.unapplied < 0:
                raise Unsupported(NOT_KEPT)
        rows, transactions = self._rows(ledger.rows_on(on)), self._transactions()
        return {
            "rows": rows,
            "transactions": transactions,
            "total_outstanding": sum((row["outstanding"] for row in rows), Decimal(0)),
            "overpaid": sum((each["overpaid"] for each in transactions), Decimal(0)),
        }

    def _rows(self, found: list[Instalment]) -> list[dict[str, Any]]:
        early, late = self._paid_apart()
        rows, repaid = [], 0
        for row in found:
            penalty = row.penalty_charged or 0
            total = row.principal + row.interest + row.fees + penalty
            paid = row.principal_paid + row.interest_paid + row.fees_paid + row.penalty_paid
            repaid += row.principal
            amounts = {
                "principal": row.principal,
                "interest": row.interest,
                "fee": row.fees,
                "penalty": penalty,
                "total": total,
                "balance": self._lent_before(row.due_on) - repaid,
                "paid": paid,
                "outstanding": total - paid,
                "in_advance": early.get(row.number, 0),
                "late": late.get(row.number, 0),
            }
            rows.append({"due": row.due_on.isoformat(), **_written(amounts)})
        return rows

    def _lent_before(self, on: date) -> int:
        """What was paid out before a day, the first payout in any case."""
        return self.draws[0].amount + sum(draw.amount for draw in self.draws[1:] if draw.on < on)

    def _paid_apart(self) -> tuple[dict[int, int], dict[int, int]]:
        """What was paid before the due date of each instalment, and after it."""
        due_on = {row.number: row.due_on for row in self.loan.instalments}
        early: dict[int, int] = {}
        late: dict[int, int] = {}
        for fact in self.loan.facts:
            for part in self.loan.parts.get(fact.ref, ()):
                if fact.on != due_on[part.instalment]:
                    side = early if fact.on < due_on[part.instalment] else late
                    side[part.instalment] = side.get(part.instalment, 0) + _all_of(part)
        return early, late

    def _transactions(self) -> list[dict[str, Any]]:
        paid = [fact for fact in self.loan.facts if fact.ref in self.loan.splits]
        transactions, repaid = [], 0
        for fact in sorted(paid, key=lambda fact: (fact.on, fact.order)):
            split = self.loan.splits[fact.ref]
            repaid += split.principal
            amounts = {
                "amount": fact.amount,
                "principal": split.principal,
                "interest": split.interest,
                "fee": split.fees,
                "penalty": split.penalty,
                "overpaid": split.unapplied,
                "loan_balance": self._lent_before(fact.on + ONE_DAY) - repaid,
            }
            transactions.append({"id": fact.ref, "date": fact.on.isoformat(), **_written(amounts)})
        return transactions


def _scheduled(terms: Mapping[str, Any]) -> list[tuple[date, int, int]]:
    rows = objects(terms, "schedule")
    for place, row in enumerate(rows):
        only(row, ("due", "principal", "interest"), f"schedule[{place}].")
    return [(day(row, "due"), cents(row, "principal"), cents(row, "interest")) for row in rows]


def _terms(said: Mapping[str, Any], lent: int, futures: Mapping[str, str]) -> Terms:
    """Terms with the allocation of the case, and no rate."""
    allocation = said.get("allocation")
    if not isinstance(allocation, dict):
        raise TermWrong("the term 'allocation' is missing")
    only(allocation, ("order", "scope", "future", "due_means"), "allocation.")
    orders = allocation.get("order")
    if not isinstance(orders, dict):
        raise TermWrong("the term 'allocation.order' is missing")
    only(orders, ("due", "in_advance"), "allocation.order.")
    future = futures[one_of(allocation, "future", futures, "next")]
    return replace(
        _bare_terms(lent, 1, _order(orders, "due"), future),
        advance_order=_order(orders, "in_advance"),
        allocation_scope=SCOPES[one_of(allocation, "scope", SCOPES)],
        charges_due=DUE[one_of(allocation, "due_means", DUE, "row")],
        charges_count=ChargesCount.FROM_THE_START,
    )


def _bare_terms(lent: int, count: int, order: list[str], future_money: str) -> Terms:
    """Terms of a loan whose schedule is given, so that no rate counts."""
    return Terms(
        product_code="SCENARIO",
        product_version=1,
        currency=CURRENCY,
        amount=lent,
        term_months=count,
        frequency=Frequency.MONTH,
        method=Method.EQUAL_INSTALMENTS,
        annual_rate=Decimal(0),
        day_count=DayCount.THIRTY_360,
        rounding=Rounding.HALF_EVEN,
        grace_days=0,
        grace_retroactive=False,
        penalty_rate=Decimal(0),
        allocation_order=order,
        future_money=future_money,
        fees=[],
    )


def _order(orders: Mapping[str, Any], name: str) -> list[str]:
    said = orders.get(name)
    if not isinstance(said, list):
        raise TermWrong(f"the term 'allocation.order.{name}' is no list")
    for each in said:
        if not isinstance(each, str) or each not in COMPONENTS:
            raise Unsupported(f"the component {each!r} of 'allocation.order.{name}' is not offered")
    if sorted(said) != sorted(COMPONENTS):
        raise TermWrong(f"allocation.order.{name} does not name each component once")
    return [COMPONENTS[each] for each in said]


def _future(payment: Mapping[str, Any], futures: Mapping[str, str] = FUTURES) -> str | None:
    return futures[one_of(payment, "future", futures)] if "future" in payment else None


def _charge(event: Mapping[str, Any]) -> FeeTerm:
    """The charge as the contract names it: one kind for each amount that occurs."""
    owed = one_of(event, "kind", ("fee", "penalty"))
    amount = cents(event, "amount")
    return FeeTerm(f"{owed} {amount}", FeeTiming.ON_EVENT, amount, COMPONENTS[owed])


def _written(amounts: dict[str, int]) -> dict[str, Decimal]:
    return {name: amount * CENT for name, amount in amounts.items()}


def _text(event: Mapping[str, Any], name: str) -> str:
    value = event.get(name)
    if not isinstance(value, str | int) or not str(value).strip():
        raise TermWrong(f"the {name!r} of a {event['type']} is missing")
    return str(value)


def _all_of(part: Part) -> int:
    return part.fees + part.interest + part.penalty + part.principal


def _daily_simple(case: Case) -> dict[str, Any]:
    terms = case.terms
    only(terms, ("engine", "currency", "principal", "start", "daily_rate_pct"))
    rate = number(terms, "daily_rate_pct") / 100
    if rate < 0:
        raise TermWrong(f"daily_rate_pct {rate * 100} is below zero")
    lent, start = cents(terms, "principal"), day(terms, "start")
    paid: dict[str, tuple[date, int]] = {}
    found: dict[str, Any] = {}
    for place, said in enumerate(case.events):
        event = _event(said, f"events[{place}].", SETTLING)
        if event["type"] == "payment":
            ref = _text(event, "id")
            if ref in paid:
                raise TermWrong(f"the payment {ref!r} occurs twice")
            paid[ref] = (day(event, "date"), cents(event, "amount"))
        elif event["type"] == "reverse":
            ref = _text(event, "id")
            if paid.pop(ref, None) is None:
                raise TermWrong(f"the payment {ref!r} is not there to be reversed")
        else:
            quote = daily_simple(lent, rate, start, paid.values(), day(event, "date"))
            figures = {
                "amount": quote.amount,
                "principal": quote.principal,
                "interest": quote.interest,
            }
            found["settlement"] = {"date": quote.on.isoformat(), **_written(figures)}
    return found


def _uk_rebate(case: Case) -> dict[str, Any]:
    terms = case.terms
    only(
        terms,
        (
            *("engine", "currency", "principal", "payment", "number_of_payments", "apr_pct"),
            *("settlement_period", "rate_places", "part_period_num", "part_period_den"),
        ),
    )
    if case.events:
        raise Unsupported("events do not change a rebate")
    count, elapsed = whole(terms, "number_of_payments"), whole(terms, "settlement_period")
    if not 0 <= elapsed <= count <= TERM_MONTHS_MAX:
        raise TermWrong(f"settlement after {elapsed} of {count} months")
    places = whole(terms, "rate_places")
    if not 0 <= places <= RATE_PLACES_MOST:
        raise TermWrong(f"rate_places {places} is not between 0 and {RATE_PLACES_MOST}")
    num, den = whole(terms, "part_period_num", 0), whole(terms, "part_period_den", 1)
    if den < 1 or not 0 <= num <= den:
        raise TermWrong(f"{num}/{den} is no part of a month")
    apr = number(terms, "apr_pct") / 100
    if not 0 <= apr <= APR_MOST:
        raise TermWrong(f"apr_pct {apr * 100} cannot be used")
    payment = cents(terms, "payment")
    figure = statutory_figure(
        principal=cents(terms, "principal"),
        instalment=payment,
        apr=apr,
        months_elapsed=elapsed,
        rate_places=places,
        part_month=Fraction(num, den),
    )
    return {"rebate": (payment * (count - elapsed) - figure) * CENT}


ENGINES = {
    "ledger": _ledger,
    "recalc": _recalc,
    "overdue_fee": _overdue_fee,
    "daily_simple": _daily_simple,
    "uk_rebate": _uk_rebate,
}
NOT_OFFERED = {"cumulative_recalc": "its rules differ with the place of a payment in its period"}
"""Why an engine of the format is not there."""

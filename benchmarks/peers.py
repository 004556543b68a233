"""The Python packages that users would pick for loan maths, each on the same cases as ours.

They are no part of the product: ``requirements-bench.txt`` installs them, and a row of
one that is not there says so. What they take and give is theirs, so they are left untyped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from importlib import import_module
from typing import Any

CENT = Decimal("0.01")
NEAR = Decimal("1E-6")
"""Rates further apart than this differ."""

Figures = list[tuple[int, int]]
"""Principal and interest of each row; minor units."""

Dated = Sequence[tuple[date, int]]
"""Money on days; positive to the borrower; minor units."""


@dataclass(frozen=True)
class Loan:
    """Equal monthly instalments; *annual_rate* in percent."""

    amount: int
    annual_rate: int
    months: int
    begins_on: date


@dataclass(frozen=True)
class Call:
    """What is timed, and how its answer is read, which is not."""

    run: Callable[[], Any]
    read: Callable[[Any], Any]


def schedule_by_mortgagemath(loan: Loan) -> Call:
    """Reckons in decimals; without dates."""
    peer = import_module("mortgagemath")
    amount, nearest = Decimal(loan.amount) / 100, peer.PaymentRounding.ROUND_HALF_UP

    def run() -> Any:
        terms = peer.LoanParams(
            amount, Decimal(loan.annual_rate), loan.months, payment_rounding=nearest
        )
        return peer.amortization_schedule(terms)

    return Call(
        run, lambda rows: [(_cents(row.principal), _cents(row.interest)) for row in rows[1:]]
    )


def schedule_by_amortization(loan: Loan) -> Call:
    """Reckons in binary fractions; without dates."""
    peer = import_module("amortization")
    amount, rate = loan.amount / 100, loan.annual_rate / 100

    def run() -> Any:
        return list(peer.amortization_schedule(amount, rate, loan.months))

    return Call(run, _read)


def _read(rows: Any) -> Figures:
    return [(_cents(row.principal), _cents(row.interest)) for row in rows]


def schedule_by_pyloan(loan: Loan) -> Call:
    """Reckons in decimals, with dates."""
    peer = import_module("pyloan.pyloan")

    def run() -> Any:
        return peer.Loan(
            loan_amount=loan.amount // 100,
            interest_rate=float(loan.annual_rate),
            loan_term=loan.months,
            loan_term_period="M",
            start_date=loan.begins_on.isoformat(),
            payment_end_of_month=False,
            compounding_method="30E/360",
        ).get_payment_schedule()

    return Call(
        run,
        lambda rows: [
            (_cents(row.principal_amount), _cents(row.interest_amount)) for row in rows[1:]
        ],
    )


def schedule_by_curo(loan: Loan) -> Call:
    """Reckons in binary fractions, with dates; searches for the instalment."""
    peer = import_module("curo")
    start = import_module("pandas").Timestamp(loan.begins_on, tz="UTC")
    rate = loan.annual_rate / 100

    def run() -> Any:
        calculator, rule = peer.Calculator(), peer.US30360()
        calculator.add(peer.SeriesAdvance(amount=loan.amount / 100))
        calculator.add(peer.SeriesPayment(number_of=loan.months, mode=peer.Mode.ARREAR))
        calculator.solve_value(rule, rate, start)
        return calculator.build_schedule(calculator.profile, rule, rate)

    def read(rows: Any) -> Figures:
        paid = zip(rows["amount"][1:], rows["interest"][1:], strict=True)
        found = [(_cents(amount), -_cents(interest)) for amount, interest in paid]
        return [(amount - interest, interest) for amount, interest in found]

    return Call(run, read)


def rate_by_pyxirr_irr(amount: int, payment: int, count: int) -> Call:
    """The monthly rate from a list of flows, in binary fractions."""
    peer = import_module("pyxirr")
    flows = [-amount / 100] + [payment / 100] * count
    return Call(lambda: peer.irr(flows), _exactly)


def rate_by_pyxirr_rate(amount: int, payment: int, count: int) -> Call:
    """The monthly rate of an annuity, in binary fractions."""
    peer = import_module("pyxirr")
    lent, paid = -amount / 100, payment / 100
    return Call(lambda: peer.rate(count, paid, lent), _exactly)


def xirr_by_pyxirr(flows: Dated) -> Call:
    """The effective rate by days over 365, in binary fractions."""
    peer = import_module("pyxirr")
    days, amounts = [on for on, _ in flows], [-amount / 100 for _, amount in flows]
    return Call(lambda: peer.xirr(days, amounts), _exactly)


def aprc_by_curo(flows: Dated) -> Call:
    """The APRC of the directive, in binary fractions."""
    peer, stamp = import_module("curo"), import_module("pandas").Timestamp
    (lent_on, lent), *paid = [(stamp(on, tz="UTC"), amount / 100) for on, amount in flows]

    def run() -> Any:
        calculator = peer.Calculator()
        calculator.add(peer.SeriesAdvance(amount=lent, post_date_from=lent_on))
        for on, amount in paid:
            calculator.add(
                peer.SeriesPayment(amount=-amount, post_date_from=on, mode=peer.Mode.ADVANCE)
            )
        return calculator.solve_rate(peer.EU200848EC())

    return Call(run, _exactly)


def _cents(amount: Any) -> int:
    """Minor units of what a peer gives, rounded where it left a binary fraction."""
    return int(Decimal(str(amount)).quantize(CENT).scaleb(2))


def _exactly(rate: float) -> Decimal:
    return Decimal(repr(float(rate)))


def compared(ours: Figures, theirs: Figures) -> str:
    """Whether two schedules agree to the cent, or where they first differ."""
    if len(ours) != len(theirs):
        return f"{len(theirs)} rows, ours {len(ours)}"
    for number, (own, other) in enumerate(zip(ours, theirs, strict=True), start=1):
        if own != other:
            return f"row {number}: {_money(other)}, ours {_money(own)}"
    return "agree to the cent"


def _money(row: tuple[int, int]) -> str:
    principal, interest = (Decimal(amount).scaleb(-2) for amount in row)
    return f"{principal} + {interest}"


def near(ours: Decimal, theirs: Decimal) -> str:
    """To how many decimals two rates agree."""
    apart = abs(ours - theirs)
    if apart == 0:
        return "the same"
    if apart < NEAR:
        return f"agree to {apart:.0E}"
    return f"{theirs:.10f}, ours {ours:.10f}"

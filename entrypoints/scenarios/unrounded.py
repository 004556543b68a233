"""Schedules in which nothing is rounded, as directives and textbooks print them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, localcontext
from itertools import pairwise
from typing import Any

from domain.base.repayment import ROWS_MOST, ExcessInterest, Method
from domain.loan.amortisation import Row
from domain.loan.layout import in_steps
from domain.loan.plan import DIGITS, Plan
from entrypoints.scenarios.dated import rate_of
from entrypoints.scenarios.terms import TermWrong, Unsupported, number, objects, one_of, only, whole

KNOWN = (
    "engine",
    "currency",
    "principal",
    "annual_rate_pct",
    "periods_per_year",
    "rate_steps",
    "number_of_repayments",
    "display_places",
    "rounding",
    "amortization",
)
METHODS = {
    "equal_instalments": (Method.EQUAL_INSTALMENTS, ("amortised_over",)),
    "equal_principal": (Method.EQUAL_PRINCIPAL, ()),
    "interest_only": (Method.INTEREST_ONLY, ()),
    "fixed_payment": (Method.FIXED_PAYMENT, ("payment",)),
    "fixed_principal": (Method.FIXED_PRINCIPAL, ("principal_payment",)),
    "percent_of_principal_balance": (Method.PERCENT_OF_PRINCIPAL, ("pct", "minimum")),
    "percent_of_total_balance": (Method.PERCENT_OF_BALANCE, ("pct", "minimum")),
    "growing_instalments": (Method.GROWING_INSTALMENTS, ("yearly_growth_pct",)),
}
"""Our methods, and the terms that only they have."""

NEED_A_COUNT = (Method.EQUAL_PRINCIPAL, Method.INTEREST_ONLY, Method.GROWING_INSTALMENTS)


def rows(terms: Mapping[str, Any]) -> tuple[list[Row], int]:
    """The unrounded rows, in whole currency units, and how many decimals are shown.

    Raises:
        Unsupported: the terms name something that is not offered.
        TermWrong: a term is missing or cannot be used.
        PlanImpossible: the loan is never repaid.
    """
    method, own = METHODS[one_of(terms, "amortization", METHODS)]
    only(terms, (*KNOWN, *own))
    one_of(terms, "rounding", ("half_up",), "half_up")
    places = int(one_of(terms, "display_places", ("0", "2"), "2"))
    principal = number(terms, "principal")
    if principal < 0:
        raise TermWrong("principal is below zero")
    plan = _plan(terms, method)
    if method == Method.GROWING_INSTALMENTS and "rate_steps" in terms:
        raise Unsupported("'rate_steps' are not offered with 'growing_instalments'")
    return in_steps(plan, principal, _factors(terms, plan.count or ROWS_MOST)), places


def _plan(terms: Mapping[str, Any], method: Method) -> Plan:
    count = _rows(terms, "number_of_repayments") if "number_of_repayments" in terms else None
    over = _rows(terms, "amortised_over") if "amortised_over" in terms else None
    if method == Method.EQUAL_INSTALMENTS and count is None:
        count = over  # it is repaid with the last row
    if count is None and method in (*NEED_A_COUNT, Method.EQUAL_INSTALMENTS):
        raise TermWrong("the term 'number_of_repayments' is missing")
    if over is not None and count is not None and over < count:
        raise TermWrong(f"amortised_over {over} is less than number_of_repayments {count}")
    payment = Decimal(0)
    if method in (Method.FIXED_PAYMENT, Method.FIXED_PRINCIPAL):
        payment = number(
            terms, "payment" if method == Method.FIXED_PAYMENT else "principal_payment"
        )
    percent = method in (Method.PERCENT_OF_PRINCIPAL, Method.PERCENT_OF_BALANCE)
    growing = method == Method.GROWING_INSTALMENTS
    return Plan(
        method,
        count,
        rounding=None,
        # An instalment that grows may be less than its interest, which is shown in full.
        excess_interest=ExcessInterest.PRINCIPAL if growing else ExcessInterest.NEXT_ROW,
        amortised_over=over,
        payment=payment,
        percent=number(terms, "pct").scaleb(-2) if percent else Decimal(0),
        least=number(terms, "minimum", "0"),
        growth=number(terms, "yearly_growth_pct").scaleb(-2) if growing else Decimal(0),
    )


def _rows(terms: Mapping[str, Any], name: str) -> int:
    count = whole(terms, name)
    if not 1 <= count <= ROWS_MOST:
        raise TermWrong(f"{name} {count} is not from 1 to {ROWS_MOST}")
    return count


def _factors(terms: Mapping[str, Any], count: int) -> list[Decimal]:
    """What each of *count* rows bears."""
    per_year = whole(terms, "periods_per_year", 12)
    if per_year < 1:
        raise TermWrong(f"periods_per_year {per_year} is below one")
    with localcontext(prec=DIGITS):
        if "rate_steps" not in terms:
            return [rate_of(terms) / per_year] * count
        steps = []
        for place, said in enumerate(objects(terms, "rate_steps")):
            only(said, ("from_period", "annual_rate_pct"), f"rate_steps[{place}].")
            steps.append((whole(said, "from_period"), rate_of(said) / per_year))
        begins = [begin for begin, _ in steps]
        if begins[0] != 1 or any(later <= begin for begin, later in pairwise(begins)):
            raise TermWrong("rate_steps do not ascend from period 1")
        ends = [*begins[1:], count + 1]
        lengths = [min(end, count + 1) - begin for begin, end in zip(begins, ends, strict=True)]
        return [rate for (_, rate), length in zip(steps, lengths, strict=True)
                for _ in range(length)]  # fmt: skip

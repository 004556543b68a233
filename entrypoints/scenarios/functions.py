"""Spreadsheet functions of annuities, by the names of the files."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, localcontext
from typing import Any

from domain.loan.annuity import DIGITS, Annuity
from entrypoints.scenarios.terms import TermWrong, number, one_of, only, whole

KNOWN = (
    *("engine", "currency", "function"),
    *("rate_numerator", "rate_denominator", "nper", "pv", "fv", "type"),
)
OF_A_PERIOD = ("IPMT", "PPMT", "ISPMT")
OF_A_RANGE = ("CUMIPMT", "CUMPRINC")


def value(terms: Mapping[str, Any]) -> Decimal:
    """What the function of *terms* comes to, unrounded; cash paid is negative.

    Raises:
        Unsupported: the terms name something that is not offered.
        TermWrong: a term is missing or cannot be used.
    """
    name = one_of(terms, "function", ("PMT", *OF_A_PERIOD, *OF_A_RANGE))
    when = ("per",) if name in OF_A_PERIOD else ("start", "end") if name in OF_A_RANGE else ()
    only(terms, (*KNOWN, *when))
    at_start = one_of(terms, "type", ("0", "1"), "0") == "1"
    denominator = number(terms, "rate_denominator", "1")
    if denominator == 0:
        raise TermWrong("rate_denominator is zero")
    with localcontext(prec=DIGITS):
        rate = number(terms, "rate_numerator") / denominator
    count, present, future = whole(terms, "nper"), number(terms, "pv"), number(terms, "fv", "0")
    if count < 1:
        raise TermWrong(f"nper {count} is below one")
    if rate <= -1:
        raise TermWrong(f"a rate of {rate} takes all, or more")
    annuity = Annuity(rate, count, present, future, at_start)
    if name == "PMT":
        return annuity.payment()
    if name == "ISPMT":
        return annuity.interest_of_equal_principal(whole(terms, "per"))
    if name in OF_A_RANGE:
        first, last = whole(terms, "start"), whole(terms, "end")
    else:
        first = last = whole(terms, "per")
    if not 1 <= first <= last <= count:
        raise TermWrong(f"periods {first} to {last} do not lie in 1 to {count}")
    if name in ("IPMT", "CUMIPMT"):
        return annuity.interest(first, last)
    return annuity.principal(first, last)

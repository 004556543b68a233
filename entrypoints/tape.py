"""The rows of a tape: text turned into openings, with every fault of a row at once.

Nothing is read or written here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from domain.base.calendar import add_months
from domain.base.daycount import IN_TERMS
from domain.base.money import NotAnAmount, Rounding, UnknownCurrency, exponent, minor_units, rounded
from domain.base.repayment import Frequency, Method
from domain.base.terms import FutureMoney, Owed, Terms
from domain.base.zones import known_zones
from domain.commands.imports import Opening, rate_of, scheduled_left
from domain.loan.timetable import TermsNotOffered
from entrypoints.tape_mapping import TapeMapping

LINE_FAULT = "reasons"
"""The column that rejected rows get."""

IMPORTED = (Method.EQUAL_INSTALMENTS, Method.EQUAL_PRINCIPAL, Method.INTEREST_ONLY)
"""Methods whose rows follow from what a tape holds; the others need figures of their own."""


@dataclass
class Row:
    """One row's texts by field, and the faults found in them so far."""

    mapping: TapeMapping
    cells: Mapping[Any, Any]
    faults: list[str] = field(default_factory=list)

    def where(self, name: str) -> str:
        """What to call a field when something is wrong with it."""
        column = self.mapping.columns.get(name)
        return f"Column {column!r}" if column else f"The constant {name!r}"

    def text(self, name: str) -> str:
        """The field's text after its value map; empty when there is none."""
        column = self.mapping.columns.get(name)
        said = self.cells.get(column) if column else self.mapping.constants.get(name)
        text = (said or "").strip()
        return self.mapping.values.get(name, {}).get(text, text)

    def fault(self, name: str, what: str) -> None:
        """Note what is wrong with a field."""
        said = self.text(name)
        self.faults.append(f"{self.where(name)} holds {said!r}: {what}.")

    def required(self, name: str) -> str | None:
        """The field's text; None and a fault when it is empty."""
        text = self.text(name)
        if not text:
            self.faults.append(f"{self.where(name)} is empty; {name} is needed.")
        return text or None

    def amount(self, name: str, currency: str | None, *, needed: bool) -> int | None:
        """The field in minor units; None when it is empty or wrong."""
        text = self.required(name) if needed else self.text(name)
        if not text or currency is None:
            return None
        try:
            amount = minor_units(self._plain(text), currency)
        except NotAnAmount as wrong:
            self.fault(name, "that " + wrong.sentence.rpartition("' ")[2].rstrip("."))
            return None
        if amount < 0:
            self.fault(name, "that is below zero")
            return None
        return amount

    def whole(self, name: str, *, needed: bool) -> int | None:
        """The field as a whole number from zero on."""
        text = self.required(name) if needed else self.text(name)
        if not text:
            return None
        plain = self._plain(text)
        if not plain.isascii() or not plain.isdigit():
            self.fault(name, "that is no whole number")
            return None
        return int(plain)

    def rate(self, name: str) -> Decimal | None:
        """The field as an annual fraction."""
        text = self.text(name)
        if not text:
            return None
        try:
            rate = Decimal(self._plain(text.removesuffix("%").strip()))
        except InvalidOperation:
            self.fault(name, "that is no rate")
            return None
        if self.mapping.dialect.rates == "percent":
            rate = rate / 100
        if not rate.is_finite() or not 0 <= rate <= 10:
            self.fault(name, "that is no annual rate between 0 and 1000 percent")
            return None
        return rate.quantize(Decimal("0.0000000001"))

    def day(self, name: str, *, needed: bool) -> date | None:
        """The field as a date."""
        text = self.required(name) if needed else self.text(name)
        if not text:
            return None
        day = day_of(text, self.mapping.dialect.date)
        if day is None:
            self.fault(name, f"that is no date like {self.mapping.dialect.date}")
        return day

    def one_of(self, name: str, known: Sequence[str]) -> str:
        """The field, being one of *known*."""
        text = self.required(name) or ""
        if text and text not in known:
            self.fault(name, f"it is one of {', '.join(known)}; map it in [values.{name}]")
        return text

    def _plain(self, text: str) -> str:
        dialect = self.mapping.dialect
        if dialect.thousands:
            text = text.replace(dialect.thousands, "")
        return text.replace(dialect.decimal, ".")


def day_of(text: str, form: str) -> date | None:
    """The date that *text* writes in *form*; None when it writes none."""
    if form == "%Y-%m-%d":
        try:
            return date.fromisoformat(text)
        except ValueError:
            return None
    try:
        return datetime.strptime(text, form).date()  # noqa: DTZ007 - a date has no zone
    except ValueError:
        return None


def meant(mapping: TapeMapping, cells: Mapping[Any, Any]) -> bool:
    """Whether the mapping's filters let a row through; one that cannot be told does."""
    for each in mapping.only:
        text = (cells.get(each.column) or "").strip()
        if each.values is not None:
            if text not in each.values:
                return False
            continue
        day = day_of(text, mapping.dialect.date)
        if day is None:
            continue
        if (each.from_on and day < each.from_on) or (each.until_on and day > each.until_on):
            return False
    return True


def opening_of(
    mapping: TapeMapping, cells: Mapping[Any, Any], jurisdictions: Sequence[str]
) -> tuple[Opening | None, list[str]]:
    """The loan that a row tells, or everything that is wrong with the row."""
    row = Row(mapping, cells)
    if None in cells or None in cells.values():
        row.faults.append("The row has more or fewer cells than the heading; check its quotes.")
        return None, row.faults
    if any("\udc80" <= letter <= "\udcff" for text in cells.values() for letter in text):
        row.faults.append(f"The row holds bytes that are not {mapping.dialect.encoding}.")
        return None, row.faults
    return _opening(row, jurisdictions), row.faults


def _opening(row: Row, jurisdictions: Sequence[str]) -> Opening | None:
    mapping = row.mapping
    ref, borrower_ref = row.required("ref"), row.required("borrower_ref")
    zones = _zones(row)
    jurisdiction = row.one_of("jurisdiction", jurisdictions)
    disbursed_on = row.day("disbursed_on", needed=True)
    if disbursed_on is not None and disbursed_on > mapping.as_of:
        row.fault("disbursed_on", f"that lies after the cut-over on {mapping.as_of}")
    instalment, terms = _terms(row)
    left = _left(row, terms, disbursed_on)
    if terms is None or disbursed_on is None or left is None or row.faults:
        return None
    remaining, next_due_on, count = left
    if instalment is None and not row.text("annual_rate"):
        row.faults.append("The row has neither an annual rate nor an instalment.")
    if row.faults:
        return None
    if not row.text("annual_rate"):
        assert instalment is not None
        rate = rate_of(remaining, instalment, count)
        if rate is None:
            row.fault("instalment", f"{count} of it do not pay off what is left")
            return None
        terms = dataclasses.replace(terms, annual_rate=rate)
    overdue = _overdue(row, terms, remaining, instalment, next_due_on)
    if overdue is None or row.faults:
        return None
    assert ref is not None
    assert borrower_ref is not None
    oldest, principal, interest = overdue
    return Opening(
        ref=ref,
        borrower_ref=borrower_ref,
        jurisdiction=jurisdiction,
        zones=zones,
        terms=terms,
        disbursed_on=disbursed_on,
        remaining=remaining,
        next_due_on=next_due_on,
        instalments_left=count,
        instalment=instalment,
        unapplied=row.amount("unapplied", terms.currency, needed=False) or 0,
        oldest_unpaid_on=oldest,
        overdue_principal=principal,
        overdue_interest=interest,
    )


def _zones(row: Row) -> tuple[str, ...]:
    text = row.required("zones") or ""
    zones = tuple(text.replace(",", ";").replace("|", ";").replace(" ", "").split(";"))
    unknown = [zone for zone in zones if zone not in known_zones()] if text else []
    if unknown:
        row.fault("zones", f"{', '.join(unknown)} is no IANA time zone such as Europe/Prague")
    return zones


def _terms(row: Row) -> tuple[int | None, Terms | None]:
    """The instalment where one is given, and the terms; the rate may still be found."""
    currency = row.required("currency")
    if currency is not None:
        try:
            exponent(currency)
        except UnknownCurrency:
            row.fault("currency", "ISO 4217 knows no such currency")
            currency = None
    amount = row.amount("amount", currency, needed=True)
    if amount == 0:
        row.fault("amount", "a loan is above zero")
    term_months = row.whole("term_months", needed=True)
    if term_months is not None and not 1 <= term_months <= 1200:
        row.fault("term_months", "a term is 1 to 1200 months")
    product_code = row.required("product_code")
    method = row.one_of("method", IMPORTED)
    day_count = row.one_of("day_count", IN_TERMS)
    version = row.whole("product_version", needed=False)
    grace_days = row.whole("grace_days", needed=False)
    annual_rate, penalty_rate = row.rate("annual_rate"), row.rate("penalty_rate")
    instalment = row.amount("instalment", currency, needed=False)
    row.amount("unapplied", currency, needed=False)
    if amount is None or term_months is None or currency is None or product_code is None:
        return instalment, None
    return instalment, Terms(
        product_code=product_code,
        product_version=1 if version is None else version,
        currency=currency,
        amount=amount,
        term_months=term_months,
        frequency=Frequency.MONTH,
        method=method,
        annual_rate=annual_rate or Decimal(0),
        day_count=day_count,
        rounding=Rounding.HALF_UP,
        grace_days=grace_days or 0,
        grace_retroactive=False,
        penalty_rate=penalty_rate or Decimal(0),
        allocation_order=[Owed.FEE, Owed.INTEREST, Owed.PENALTY, Owed.PRINCIPAL],
        future_money=FutureMoney.NEXT_INSTALMENT,
        fees=[],
    )


def _left(row: Row, terms: Terms | None, disbursed_on: date | None) -> tuple[int, date, int] | None:
    """Principal left, next due date and how many instalments are to come."""
    remaining, next_due_on = _remaining(row, terms), _next_due_on(row)
    count = row.whole("instalments_left", needed=False)
    if terms is None or disbursed_on is None or row.faults:
        return None
    if row.mapping.scheduled:
        try:
            left = scheduled_left(terms, disbursed_on, row.mapping.as_of)
        except TermsNotOffered as refusal:
            row.faults.append(refusal.sentence)
            return None
        if left is None:
            row.faults.append(f"By its schedule it was paid off before {row.mapping.as_of}.")
            return None
        remaining = left[0] if remaining is None else remaining
        next_due_on = left[1] if next_due_on is None else next_due_on
        count = count or left[2]
    assert remaining is not None
    assert next_due_on is not None
    if count is None:
        months = (next_due_on.year - disbursed_on.year) * 12
        months += next_due_on.month - disbursed_on.month
        count = terms.term_months - months + 1
    if not 1 <= count <= terms.term_months:
        row.faults.append(
            f"{count} instalments would be left of a term of {terms.term_months} months;"
            f" check the dates, or give instalments_left."
        )
        return None
    return remaining, next_due_on, count


def _remaining(row: Row, terms: Terms | None) -> int | None:
    if "remaining_principal" in row.mapping.scheduled:
        return None
    currency = terms.currency if terms else None
    remaining = row.amount("remaining_principal", currency, needed=True)
    if remaining == 0:
        row.fault("remaining_principal", "nothing is left to service; leave paid loans out")
    elif terms and remaining is not None and remaining > terms.amount:
        row.fault("remaining_principal", "that is more than was lent")
    return remaining


def _next_due_on(row: Row) -> date | None:
    if "next_due_on" in row.mapping.scheduled:
        return None
    next_due_on = row.day("next_due_on", needed=True)
    if next_due_on is not None and next_due_on < row.mapping.as_of:
        row.fault("next_due_on", f"that lies before the cut-over on {row.mapping.as_of}")
    return next_due_on


def _overdue(
    row: Row, terms: Terms, remaining: int, instalment: int | None, next_due_on: date
) -> tuple[date | None, int, int] | None:
    """The oldest unpaid due date, overdue principal and overdue interest."""
    oldest = row.day("oldest_unpaid_on", needed=False)
    late = row.whole("days_past_due", needed=False)
    if oldest is None and late:
        oldest = row.mapping.as_of - timedelta(days=late)
    principal = row.amount("overdue_principal", terms.currency, needed=False)
    interest = row.amount("overdue_interest", terms.currency, needed=False)
    total = row.amount("overdue_amount", terms.currency, needed=False)
    if row.faults:
        return None
    if oldest is None or oldest >= row.mapping.as_of:
        if principal or interest or total:
            row.faults.append("Something is overdue, but no day or number of days says since when.")
        return None if row.faults else (None, 0, 0)
    if principal is None and interest is None:
        split = _split(row, terms, remaining, total, instalment, oldest, next_due_on)
        if split is None:
            return None
        principal, interest = split
    principal, interest = principal or 0, interest or 0
    if principal + interest == 0:
        row.faults.append("The loan is late, but nothing says what is overdue.")
    if principal > remaining:
        row.faults.append("More principal is overdue than is left of the loan.")
    return None if row.faults else (oldest, principal, interest)


def _split(
    row: Row,
    terms: Terms,
    remaining: int,
    total: int | None,
    instalment: int | None,
    oldest: date,
    next_due_on: date,
) -> tuple[int, int] | None:
    """Overdue principal and interest out of one sum: a month's interest for each missed."""
    missed = 1
    while add_months(next_due_on, -missed) > oldest:
        missed += 1
    if total is None and instalment is not None:
        total = missed * instalment
    if total is None:
        row.faults.append(
            "The loan is late: give overdue_amount, or overdue_principal and overdue_interest."
        )
        return None
    interest = min(rounded(remaining * terms.annual_rate / 12) * missed, total)
    return total - interest, interest

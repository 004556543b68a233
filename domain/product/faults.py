"""What is wrong with an offer: parts that are not offered, or do not go together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING

from domain.base.calendar import HolidayCalendar
from domain.base.daycount import IN_ROWS, IN_TERMS, DayCount
from domain.base.money import AMOUNT_MAX, Rounding, exponent
from domain.base.repayment import DAILY_METHODS, MONTHS, Frequency, InterestOn, Method
from domain.base.terms import (
    BUCKETS,
    DAYS_MOST,
    TERM_MONTHS_MAX,
    Accrual,
    AllocationScope,
    ChargesCount,
    ChargesDue,
    FeeTerm,
    FutureMoney,
    Owed,
    Prepayment,
    Settling,
    Source,
    SourceOrder,
)
from domain.product.charges import charge_faults
from domain.product.checks import (
    AS_IT_IS,
    listed,
    not_offered,
    or_none,
    rates_wrong,
    row_count,
    wrong,
)
from domain.product.rate_faults import rate_faults
from domain.product.repayment_faults import repayment_faults

if TYPE_CHECKING:
    from domain.product.product import Offer

AT_THE_END = (Method.BULLET, Method.INTEREST_ONLY)
"""Methods that pay principal at the end only."""


def faults_of(offer: Offer) -> list[str]:
    """Everything that is wrong with it, in sentences; empty when it is sound.

    Raises:
        UnknownCurrency: its currency is none.
    """
    exponent(offer.currency)
    found = [
        *_limits(offer),
        *_words(offer),
        *_orders(offer),
        *rate_faults(offer),
        *charge_faults(offer.fees),
        *_percentages(offer.fees),
        *_withheld(offer),
        *repayment_faults(offer),
        *_renewal(offer),
        *_day_count(offer),
        *_conversion(offer),
        *_by_day(offer),
        *_payouts(offer),
        *_window(offer),
        *_lending(offer),
    ]
    return list(dict.fromkeys(found))


def _limits(offer: Offer) -> Iterator[str]:
    if not 0 < offer.amount_min <= offer.amount_max <= AMOUNT_MAX:
        yield "The amounts offered must be above zero, the least before the most."
    if not 0 < offer.term_months_min <= offer.term_months_max <= TERM_MONTHS_MAX:
        yield (
            f"The terms offered must lie within 1 to {TERM_MONTHS_MAX} months,"
            " the shortest before the longest."
        )
    if any(abs(number) > AMOUNT_MAX for number in _numbers(asdict(offer))):
        yield f"No amount or count may be larger than {AMOUNT_MAX}."
    if not offer.code.strip() or not offer.name.strip() or offer.version < 1:
        yield "A product needs a code, a name, and a version from 1 on."
    elif ":" in offer.code or offer.code.split() != [offer.code]:
        yield f"The code {offer.code!r} has a space or a colon: applications name CODE:VERSION."
    if len(set(offer.evidence)) != len(offer.evidence) or not all(map(str.strip, offer.evidence)):
        yield "Each kind of evidence must be named, and once."


def _numbers(said: object) -> Iterator[int]:
    """Every whole number in an offer, at any depth."""
    if isinstance(said, int):
        yield said
    elif isinstance(said, dict):
        yield from _numbers(list(said.values()))
    elif isinstance(said, list):
        for each in said:
            yield from _numbers(each)


def _words(offer: Offer) -> Iterator[str]:
    for what, value, offered in (
        ("repayment method", offer.method, Method),
        ("frequency", offer.frequency, Frequency),
        ("day count", offer.day_count, (*IN_TERMS, *IN_ROWS)),
        ("rounding", offer.rounding, Rounding),
        ("rule for money not yet due", offer.future_money, FutureMoney),
        ("scope of allocation", offer.allocation_scope, or_none(AllocationScope)),
        ("rule when charges fall due", offer.charges_due, or_none(ChargesDue)),
        ("rule from when charges count", offer.charges_count, or_none(ChargesCount)),
        ("accrual", offer.accrual, or_none(Accrual)),
        ("rule for prepayments", offer.prepayment, or_none(Prepayment)),
        ("rule for settling early", offer.settling, or_none(Settling)),
        ("calendar", offer.calendar, or_none(HolidayCalendar)),
    ):
        if value not in list(offered):
            yield not_offered(what, value, offered)


def _orders(offer: Offer) -> Iterator[str]:
    for order, name in (
        (offer.allocation_order, "allocation order"),
        (offer.advance_order, "order for money in advance"),
        (offer.late_order, "order for late money"),
        (offer.recovery_order, "order for money after the write-off"),
    ):
        if order is not None and sorted(order) != sorted(Owed):
            yield f"The {name} must name fee, interest, penalty and principal once each."
    if offer.bucket_order is not None and sorted(offer.bucket_order) != sorted(BUCKETS):
        yield "The order of buckets must name each of the twelve once, such as PAST_DUE_INTEREST."
    if offer.bucket_order is not None and offer.advance_order is not None:
        yield "An order of buckets says what is paid in advance: leave the order for that out."
    yield from _source_orders(offer.source_orders or [])
    if (offer.late_order is None) != (offer.late_order_days is None):
        yield "An order for late money needs the days past due it counts from, and they need it."
    if offer.late_order_days is not None and offer.late_order_days < 1:
        yield "An order for late money counts from one day past due at least."


def _source_orders(orders: list[SourceOrder]) -> Iterator[str]:
    """What is wrong with the orders for money from a source: each is known, and named once."""
    for each in orders:
        if each.source not in list(Source):
            yield f"Money comes from {listed(tuple(Source))}, not from {each.source!r}."
        if sorted(each.order) not in (sorted(Owed), sorted(BUCKETS)):
            yield (
                f"The order for money from {each.source} must name fee, interest, penalty and"
                " principal once each, or each of the twelve buckets once."
            )
    for source, count in Counter(each.source for each in orders).items():
        if count > 1:
            yield f"Money from {source} has {count} orders: say one."


def _percentages(fees: Sequence[FeeTerm]) -> Iterator[str]:
    for fee in fees:
        if fee.percent is not None and fee.percent.is_finite() and fee.percent > 1:
            yield f"The charge {fee.kind!r} is more than 100 %: a hundredth is 0.01."


def _withheld(offer: Offer) -> Iterator[str]:
    kept = [fee for fee in offer.fees if fee.withheld]
    if not kept or not all(fee.percent is None or fee.percent.is_finite() for fee in kept):
        return
    least = Decimal(offer.amount_min)
    if sum((fee.amount + least * (fee.percent or 0) for fee in kept), Decimal(0)) >= least:
        yield "What is withheld must leave something of the least amount to be paid out."


def _renewal(offer: Offer) -> Iterator[str]:
    renewal = offer.renewal
    if renewal is None:
        return
    if renewal.term_months < 1 or renewal.most < 1 or renewal.offer_days < 1:
        yield "A renewal needs its months, how often it is possible, and its days of offer."
        return
    if renewal.offer_days > DAYS_MOST:
        yield f"A renewal is offered for {DAYS_MOST} days at most."
    if renewal.term_months > offer.term_months_min:
        yield "A term cannot be renewed by more months than the shortest term has."
    if row_count(offer, renewal.term_months) is None:
        yield f"A renewal of {renewal.term_months} months is no whole number of rows."
    chosen = offer.repayment or AS_IT_IS
    if chosen.count is not None or chosen.due_on is not None or chosen.shares is not None:
        yield "Rows that are counted or dated by the product cannot be renewed."


def _day_count(offer: Offer) -> Iterator[str]:
    """What a day count that needs more than two days asks of the other parts."""
    counts, chosen = offer.day_count, offer.repayment or AS_IT_IS
    return wrong(
        (
            counts == DayCount.ACTUAL_ACTUAL_ICMA and offer.frequency not in MONTHS,
            "ACT/ACT ICMA counts in rows of months or quarters.",
        ),
        (
            counts == DayCount.BUSINESS_252 and offer.calendar is None,
            "BUS/252 counts the business days of a calendar: name one.",
        ),
        (
            counts in IN_ROWS and chosen.row_share is not None,
            f"Rows by {counts} have no share of a year of their own.",
        ),
        (
            counts == DayCount.ONE and offer.accrual == Accrual.DAILY_BALANCE,
            "Interest on the balance of each day counts days, and 1/1 knows none.",
        ),
    )


def _by_day(offer: Offer) -> Iterator[str]:
    """What does not go with interest by the balance of each day."""
    if offer.accrual != Accrual.DAILY_BALANCE:
        return
    chosen = offer.repayment or AS_IT_IS
    yield from wrong(
        (
            offer.method in list(Method) and offer.method not in DAILY_METHODS,
            f"Interest on the balance of each day goes with {listed(DAILY_METHODS)}.",
        ),
        (
            chosen.interest_on != InterestOn.BALANCE,
            "Interest on the balance of each day is not flat.",
        ),
        (
            chosen.down_payment != 0,
            "A down payment does not go with interest on the balance of each day: lend less.",
        ),
        (
            offer.settling == Settling.STATUTORY_UK,
            (
                "Settling by statute is reckoned from equal payments as scheduled; on the balance"
                " of each day interest is owed to the day in any case: leave the rule out."
            ),
        ),
        (
            bool(offer.in_parts),
            (
                "Parts that are laid over the rest do not go with interest on the balance of each"
                " day: use INTEREST_ONLY, which can be drawn on at any time."
            ),
        ),
    )


def _payouts(offer: Offer) -> Iterator[str]:
    """What does not go with payouts after the first one."""
    if not (offer.tranches or offer.in_parts):
        return iter(())
    chosen = offer.repayment or AS_IT_IS
    return wrong(
        (
            chosen.interest_on != InterestOn.BALANCE,
            "Flat interest is set for the whole term: it does not go with later payouts.",
        ),
        (
            bool(offer.tranches and offer.in_parts),
            "Later payouts are planned, or made as they are asked for: tranches or in_parts.",
        ),
        (
            bool(offer.tranches and offer.accrual == Accrual.DAILY_BALANCE),
            (
                "By the balance of each day, money is drawn as it is asked for, or at once:"
                " planned payouts go with a schedule."
            ),
        ),
        (
            bool(offer.tranches and chosen.down_payment),
            "A down payment is one of a single payout: it does not go with planned ones.",
        ),
        (
            bool(offer.tranches and offer.own_schedule),
            "Instalments of its own are agreed on for one payout, not with planned ones.",
        ),
    )


def _window(offer: Offer) -> Iterator[str]:
    first, last = offer.offered_from, offer.offered_until
    if first is not None and last is not None and last < first:
        yield "The last day on which it is offered comes before the first."


def _conversion(offer: Offer) -> Iterator[str]:
    named = offer.conversion
    if named is None:
        return iter(())
    rate = named.annual_rate
    return wrong(
        (
            offer.method not in AT_THE_END,
            f"A conversion into instalments goes with {listed(AT_THE_END)}.",
        ),
        (
            offer.frequency == Frequency.CUSTOM,
            "A conversion into instalments needs a frequency to lay them by.",
        ),
        (
            not 2 <= named.most <= TERM_MONTHS_MAX,
            f"A conversion is into 2 to {TERM_MONTHS_MAX} instalments.",
        ),
        (
            not 1 <= named.offer_days <= DAYS_MOST,
            f"A conversion is offered for 1 to {DAYS_MOST} days.",
        ),
        *((True, each) for each in rates_wrong(("conversion.annual_rate", rate or Decimal(0)))),
    )


def _lending(offer: Offer) -> Iterator[str]:
    """What is wrong with whom it is lent to, and by."""
    segments = offer.segments
    return wrong(
        (
            segments is not None
            and (
                not segments
                or not all(each.strip() for each in segments)
                or len(set(segments)) != len(segments)
            ),
            "Segments must be named, each once; leave them out to lend to all.",
        ),
        (
            any(name is not None and not name.strip() for name in (offer.scene, offer.partner)),
            "A scene or partner must be named, or left out.",
        ),
        (
            (offer.jurisdiction is None) != (offer.lender_kind is None),
            "A cap needs both the jurisdiction and the kind of lender; say both or neither.",
        ),
    )

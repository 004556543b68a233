"""Why a loan is so many days past due, in its bucket and class, and what it costs in a year."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING

from domain.base.policy import AssetClassRule, ClassStandard
from domain.base.stream import Stream
from domain.loan.apr import DIGITS
from domain.loan.as_of import Standing
from domain.loan.asset_class import ClassReason, Held, Judged, judged
from domain.loan.cost import SCALE
from domain.loan.cost_so_far import OUT_FIRST, Moved, moved_and_to_come
from domain.loan.delinquency import FIRST_DAYS_PAST_DUE, Bucket
from domain.loan.explained import Chain, Reason, Rule, change_said, in_words, percent
from domain.loan.facts import FactKind, counts_from
from domain.loan.intervals import years_between
from domain.loan.loan import Loan
from domain.loan.schedule import Instalment
from domain.loan.state import LoanState

if TYPE_CHECKING:
    from domain.loan.explain import Told

CLASS = "ASSET_CLASS"
"""The rule that an asset class is decided by."""


def labels(told: Told, stood: Standing, classes: AssetClassRule | None) -> list[Chain]:
    """Each label of a loan that was paid out, with its reasons in their order."""
    return [
        Chain("days-past-due", str(stood.days_past_due), list(_days_late(told, stood))),
        Chain("bucket", stood.bucket, list(_bucket(told, stood))),
        Chain("class", stood.asset_class, list(_class(told, stood, classes))),
        _cost(told, stood),
    ]


# --- days past due and bucket ------------------------------------------------------------


def _over(told: Told, stood: Standing) -> Reason | None:
    """That the loan has ended, in one way or another, and nothing on it is late."""
    if stood.state == LoanState.ACTIVE:
        return None
    ends = (Loan.Settled, Loan.Closed, Loan.WrittenOff, Loan.Sold)
    last = [e for e in told.events if isinstance(e, ends) and e.effective_on <= told.as_of]
    said = f"the loan is {in_words(stood.state)}: nothing on it falls due, and nothing is late"
    if not last:
        return Reason(told.as_of, said)
    return Reason(last[-1].effective_on, said, last[-1].originator_version)


def _days_late(told: Told, stood: Standing) -> Iterator[Reason]:
    over = _over(told, stood)
    if over is not None:
        yield over
        return
    unpaid = [row for row in told.ledger.rows if row.left]
    if not unpaid:
        yield Reason(told.as_of, "no instalment has anything left to pay: nothing is late")
        return
    oldest = min(unpaid, key=lambda row: row.pay_by_on)
    yield from _dates_of(told, oldest)
    yield from _unpaid(told, oldest)
    days = (told.as_of - oldest.pay_by_on).days
    if days <= 0:
        said = f"it can be paid until {oldest.pay_by_on}, which is not over: nothing is late"
        yield Reason(told.as_of, said, instalment=oldest.number)
        return
    if told.terms.grace_days:
        until = oldest.pay_by_on + timedelta(days=told.terms.grace_days)
        yield Reason(
            until,
            f"{told.terms.grace_days} days of grace, to {until}, hold back penalty and charges,"
            " not days past due",
            told.began.originator_version,
        )
    said = f"from {oldest.pay_by_on} to {told.as_of} it is {_count(days, 'day')}"
    yield Reason(told.as_of, said, instalment=oldest.number)


def _dates_of(told: Told, row: Instalment) -> Iterator[Reason]:
    """When an instalment fell due: by contract, as laid anew or moved, and after a holiday."""
    number, version = row.number, told.version_of(row.number)
    first = told.opening.get(number)
    due_on = row.due_on if first is None else first.due_on
    how = "by contract" if version == told.began.originator_version else "as it was laid anew"
    moves = [
        fact
        for fact in told.loan.facts
        if fact.kind == FactKind.MOVE and fact.instalment == number
        if counts_from(fact, told.terms)[0] <= told.as_of
    ]
    if not moves:
        due_on = row.due_on
    said = f"of what is unpaid, instalment {number} is to be paid first; it fell due {due_on} {how}"
    if due_on >= told.as_of:
        said = f"of what is unpaid, instalment {number} is to be paid first; it falls due {due_on}"
    yield Reason(due_on, said, version, number)
    for fact in moves:
        moved = told.versions.get(("moved", fact.ref))
        yield Reason(fact.on, f"moved to {fact.due_on} by {fact.ref}", moved, number)
    if row.pay_by_on != row.due_on:
        said = (
            f"{row.due_on} is no business day of the calendar {told.terms.calendar}: it can be"
            f" paid until {row.pay_by_on}"
        )
        yield Reason(row.pay_by_on, said, version, number)


def _unpaid(told: Told, row: Instalment) -> Iterator[Reason]:
    """What was paid of an instalment, what of that did not stand, and what is left."""
    for ref, parts in told.ledger.parts.items():
        paid = sum(
            part.principal + part.interest + part.fees
            for part in parts
            if part.instalment == row.number
        )
        if paid:
            version = told.versions.get(("paid", ref))
            said = f"{told.money(paid)} of it was paid by {ref}"
            yield Reason(told.ledger.paid_on[ref], said, version, row.number)
    for event in told.events:
        if not isinstance(event, Loan.RepaymentReversed) or event.effective_on > told.as_of:
            continue
        if any(each.number == row.number for each in event.instalments):
            said = f"payment {event.payment_ref} of {event.received_on} does not stand"
            yield Reason(event.effective_on, said, event.originator_version, row.number)
    said = f"{told.money(row.left)} of it is unpaid, accrued penalty apart"
    yield Reason(told.as_of, said, instalment=row.number)


def _bucket(told: Told, stood: Standing) -> Iterator[Reason]:
    over = _over(told, stood)
    if over is not None:
        yield over
    if stood.bucket is None:
        return
    place = list(Bucket).index(Bucket(stood.bucket))
    first, following = FIRST_DAYS_PAST_DUE[place], FIRST_DAYS_PAST_DUE[place + 1 : place + 2]
    span = f"from {first} days on" if not following else f"{first} to {following[0] - 1} days"
    if not place:
        span = "no day past due"
    late = _count(stood.days_past_due, "day")
    yield Reason(told.as_of, f"{late} past due; {stood.bucket} is {span}")


# --- asset class ----------------------------------------------------------------------


def _class(told: Told, stood: Standing, classes: AssetClassRule | None) -> Iterator[Reason]:
    over = _over(told, stood)
    if over is not None:
        yield replace(over, what=over.what.replace("nothing is late", "it is in no class"))
        return
    standard = classes.standard if classes else told.loan.class_standard
    if stood.asset_class is None or standard is None:
        yield Reason(told.as_of, "no policy says how loans of this product are classed")
        return
    rules = (Rule(CLASS, stood.class_policy_version),) if stood.class_policy_version else ()
    past = told.loan.past(standard, told.ledger.rows, told.as_of)
    found = judged(past, standard, told.as_of)
    limits = ", ".join(
        f"{in_words(each.asset_class)} over {_count(each.over_days, 'day')}"
        for each in standard.classes
    )
    days = found.by_days.days_past_due
    said = f"{_count(days, 'day')} past due, see that figure; by days a loan is {limits}:"
    by_days = in_words(found.by_days.asset_class)
    since = f" since {found.by_days.since}" if found.by_days.since else ""
    yield Reason(told.as_of, f"{said} {by_days}{since}", rules=rules)
    yield from _observed(told, standard, found, rules)
    yield from _cured(told, standard, found, rules)
    yield _worst(told, found, rules)


def _observed(
    told: Told, standard: ClassStandard, found: Judged, rules: tuple[Rule, ...]
) -> Iterator[Reason]:
    """How long a loan that was restructured is watched, and in which class at least."""
    if found.watched is None:
        return
    least, months = in_words(standard.restructured), standard.restructured_months
    by = [
        fact
        for fact in told.loan.facts
        if fact.on == found.watched.since
        and told.loan.reliefs.get(fact.ref) in standard.restructuring
    ]
    kinds = ", ".join(
        f"{change_said(told.loan.reliefs[fact.ref])} {fact.ref}"
        for fact in {fact.ref: fact for fact in by}.values()
    )
    version = next(
        (
            told.versions[kind, fact.ref]
            for fact in by
            for kind in ("laid", "moved")
            if (kind, fact.ref) in told.versions
        ),
        None,
    )
    said = (
        f"restructured on {found.watched.since} ({kinds}): at least {least} for"
        f" {_count(months, 'month')}, counted anew from the end of any lateness"
    )
    yield Reason(
        found.watched.since, f"{said}; {_until(told, found.watched)}", version, rules=rules
    )


def _cured(
    told: Told, standard: ClassStandard, found: Judged, rules: tuple[Rule, ...]
) -> Iterator[Reason]:
    """How long a loan that was non-performing stays so."""
    held = found.cured
    if held is None:
        return
    least = in_words(standard.non_performing)
    for spell in found.spells:
        until = f"to {spell.until}" if spell.until else "and still"
        said = f"late from {spell.since} {until}, {_count(spell.days, 'day')} at its worst"
        yield Reason(spell.since, said, rules=rules)
    said = (
        f"it was non-performing: at least {least} until it has been in order for"
        f" {_count(standard.cure_months, 'month')} and"
        f" {_count(standard.cure_instalments, 'instalment')}"
    )
    yield Reason(held.since, f"{said}; {_until(told, held)}", rules=rules)


def _until(told: Told, held: Held) -> str:
    if held.until is None:
        return "it is late still, so no end is known"
    over = told.as_of >= held.until
    return f"that {'ended' if over else 'holds until'} {held.until}"


def _worst(told: Told, found: Judged, rules: tuple[Rule, ...]) -> Reason:
    """The class that results: the worst that any of them asks for."""
    said = {
        ClassReason.IN_ORDER: "nothing asks for a worse one",
        ClassReason.PAST_DUE: "days past due ask for the worst one",
        ClassReason.RESTRUCTURED: "the observation asks for the worst one",
        ClassReason.CURING: "having been non-performing asks for the worst one",
    }[ClassReason(found.found.reason)]
    since = f" since {found.found.since}" if found.found.since else ""
    what = f"{in_words(found.found.asset_class)}{since}: {said}"
    return Reason(told.as_of, what, rules=rules)


# --- cost ---------------------------------------------------------------------------------


def _cost(told: Told, stood: Standing) -> Chain:
    """What the loan costs in a year: the money that moves, and the rate that makes it worth 0."""
    rate = stood.annualised_cost
    reasons = list(_disclosed(told))
    if rate is None:
        over = _over(told, stood)
        if over is not None and stood.state in (LoanState.WRITTEN_OFF, LoanState.SOLD):
            said = f"the loan was lost or sold on {over.on}: what comes back is not known"
            return Chain("cost", None, [*reasons, replace(over, what=said)])
        said = "no rate of a year fits what moved and is to come"
        return Chain("cost", None, [*reasons, Reason(told.as_of, said)])
    flows = moved_and_to_come(told.loan, told.ledger, told.as_of)
    worth = _worths(flows, rate)
    reasons += [
        Reason(
            each.on, each.what, _version(told, each), each.instalment, amount=each.amount, worth=now
        )
        for each, now in zip(flows, worth, strict=True)
    ]
    first = flows[0].on
    if sum(each.amount for each in flows) >= 0:
        said = "no more is paid than was received: it costs nothing"
    else:
        monthly = percent((rate / 12).quantize(SCALE))
        said = (
            f"at {monthly} a month all of it is worth"
            f" {told.exact(sum(worth, Decimal(0)))} on {first}; 12 times that is"
            f" {percent(rate)} a year (monthly internal rate, PBoC Announcement [2021] No. 3)"
        )
    return Chain("cost", f"{rate:f}", [*reasons, Reason(told.as_of, said)])


def _disclosed(told: Told) -> Iterator[Reason]:
    """What was disclosed before it was signed."""
    found: list[Stream.Event] = [e for e in told.events if isinstance(e, Loan.CostDisclosed)]
    for event in found[-1:]:
        assert isinstance(event, Loan.CostDisclosed)
        said = f"{percent(event.annualised_cost)} a year was disclosed before signing"
        charges = f", with {', '.join(event.charges)}" if event.charges else ""
        yield Reason(event.effective_on, f"{said}{charges}", event.originator_version)


def _worths(flows: list[Moved], rate: Decimal) -> list[Decimal]:
    """What each of *flows* is worth on the day of the first, at a twelfth of *rate* a month."""
    with localcontext(DIGITS):
        growth = 1 + rate / 12
        years = [years_between(flows[0].on, each.on) for each in flows]
        months = [Decimal(each.numerator * 12) / each.denominator for each in years]
        return [each.amount / growth**month for each, month in zip(flows, months, strict=True)]


def _version(told: Told, moved: Moved) -> int | None:
    """The event behind money that moved; None where it is to come."""
    if moved.kind == OUT_FIRST:
        return told.began.originator_version
    if moved.ref is None or moved.kind is None:
        return None
    kind = {FactKind.DRAW: "drawn", FactKind.REFUND: "refunded"}.get(FactKind(moved.kind), "paid")
    return told.versions.get((kind, moved.ref))


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"

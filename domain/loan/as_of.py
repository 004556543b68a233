"""A loan as it stood on one day, by what was known on another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from domain.base.policy import AssetClassRule
from domain.base.stream import Stream
from domain.base.terms import Terms
from domain.loan import delinquency
from domain.loan.account import open_of
from domain.loan.allocation import Split, total
from domain.loan.asset_class import Classed, classed
from domain.loan.cost_so_far import annualised, moved_and_to_come
from domain.loan.ledger import Balance
from domain.loan.loan import Loan
from domain.loan.schedule import Instalment
from domain.loan.state import EndedBy, LeftBook, Limit, LoanState, OfferKind, OnOffer

KnownAt = date | datetime
"""A business date, to its end; or an instant with a zone."""


@dataclass(frozen=True)
class Standing:
    """A loan on *as_of*, by its first *version* events; amounts in minor units.

    All of it is as of that day's end, also where no close of a day has seen it yet: what
    credit pays by then is paid, and a loan that owes nothing with that is settled. Before the
    money was paid out there is a state, and no figure.
    """

    loan_id: UUID
    loan_ref: str
    borrower_id: UUID
    as_of: date
    version: int
    known_until: date
    state: str
    product_code: str
    product_version: int
    currency: str
    amount: int
    term_months: int
    annual_rate: Decimal | None
    disbursed_on: date | None
    balance: Balance | None
    payoff: int | None
    amount_overdue: int
    days_past_due: int
    bucket: str | None
    overdue_since_on: date | None
    instalments: list[Instalment]
    asset_class: str | None = None
    """By the rule given, else by that of the last change that was known; None without one."""
    class_reason: str | None = None
    class_since_on: date | None = None
    class_policy_version: str | None = None
    terms: Terms | None = None
    limit: Limit | None = None
    offers: list[OnOffer] = field(default_factory=list)
    annualised_cost: Decimal | None = None
    """By what moved until then and is still to come; None where no rate fits, or it was lost."""
    left_book: LeftBook | None = None


def known(events: Iterable[Stream.Event], at: KnownAt | None) -> list[Stream.Event]:
    """The events of one stream that were recorded by *at*; all of them without one."""
    found: list[Stream.Event] = []
    for event in events:
        if isinstance(at, datetime):
            later = event.timestamp > at
        else:
            later = at is not None and event.business_on > at
        if later:
            break
        found.append(event)
    return found


def endings(events: Iterable[Stream.Event], as_of: date) -> list[Loan.WrittenOff | Loan.Sold]:
    """The loss that was taken, or the sale, by *as_of*, that was not taken back."""
    found: list[Loan.WrittenOff | Loan.Sold] = []
    for event in events:
        if isinstance(event, Loan.WrittenOff | Loan.Sold):
            found.append(event)
        elif isinstance(event, Loan.FactWithdrawn) and event.kind in tuple(EndedBy):
            found.pop()
    return [event for event in found if event.effective_on <= as_of]


def standing(
    events: Sequence[Stream.Event], as_of: date, classes: AssetClassRule | None = None
) -> Standing | None:
    """The loan of these *events* on *as_of*; None before it began, or was taken over.

    What counts later is left out, whenever it was recorded; what counts earlier is in,
    however late it was recorded: later payments are split as the terms say.
    """
    if not events or _began_on(events) > as_of:
        return None
    loan: Any = None
    for event in events:
        loan = event.mutate(loan)
    if not isinstance(loan, Loan):
        raise TypeError(f"{type(loan).__name__} is no loan")
    begun = loan.accrues_from
    paid_out = begun is not None and begun <= as_of
    ended = endings(events, as_of)
    balance = payoff = oldest = None
    rate = loan.terms.annual_rate if loan.terms else None
    rows: list[Instalment] = []
    overdue = 0
    found: Classed | None = None
    limit: Limit | None = None
    offers: list[OnOffer] = []
    yearly: Decimal | None = None
    state = _state_before_payout(events, as_of)
    if paid_out:
        ledger = loan.ledger_on(as_of)
        rows, balance = ledger.rows, ledger.balance(as_of)
        rate = ledger.laid.rate_after(as_of)
        if ended:
            sold = isinstance(ended[-1], Loan.Sold)
            state = LoanState.SOLD if sold else LoanState.WRITTEN_OFF
            beyond = sum(split.unapplied for _, split in recovered(loan, as_of))
            missing = loan.endings[0].claim.unapplied
            balance = Balance(0, 0, 0, 0, balance.unapplied + max(missing, beyond))
        elif ledger.is_over(as_of):
            state = LoanState.SETTLED if balance.unapplied else LoanState.CLOSED
        else:
            state = LoanState.ACTIVE
            oldest, overdue = ledger.oldest_unpaid_on(), ledger.overdue(as_of)
            payoff = max(ledger.payoff(as_of) - ledger.unapplied, 0)
            found = _classed(loan, rows, as_of, classes)
            limit, offers = loan.limit_by(ledger, as_of), on_offer(events, as_of)
        if not ended:
            yearly = annualised(moved_and_to_come(loan, ledger, as_of))
    elif loan.money_since is not None and loan.money_since <= as_of:
        balance = loan.ledger_on(as_of).balance(as_of)  # what was paid on a payout that came back
    late = delinquency.days_past_due(oldest, as_of)
    return Standing(
        loan_id=loan.id,
        loan_ref=loan.loan_ref,
        borrower_id=loan.borrower_id,
        as_of=as_of,
        version=loan.version,
        known_until=events[-1].business_on,
        state=state,
        product_code=loan.product_code,
        product_version=loan.product_version,
        currency=loan.currency,
        amount=loan.amount,
        term_months=loan.term_months,
        annual_rate=rate,
        disbursed_on=loan.disbursed_on if paid_out else None,
        balance=balance,
        payoff=payoff,
        amount_overdue=overdue,
        days_past_due=late,
        bucket=delinquency.bucket(late) if paid_out and not ended else None,
        overdue_since_on=oldest if late else None,
        instalments=rows,
        asset_class=found.asset_class if found else None,
        class_reason=found.reason if found else None,
        class_since_on=found.since if found else None,
        class_policy_version=_class_policy(events, classes) if found else None,
        terms=loan.terms,
        limit=limit,
        offers=offers,
        annualised_cost=yearly,
        left_book=_left_book(loan, as_of),
    )


def _began_on(events: Sequence[Stream.Event]) -> date:
    """The first day of which anything is known; of a loan taken over not what came before."""
    if isinstance(events[0], Loan.Migrated):
        return events[0].effective_on
    return min(event.effective_on for event in events)


def recovered(loan: Loan, as_of: date) -> list[tuple[str, Split]]:
    """What came in by *as_of* on a claim that was written off, by payment."""
    return [
        (ref, split) for ref, split in loan.recovered.items() if loan.recoveries[ref].on <= as_of
    ]


def _left_book(loan: Loan, as_of: date) -> LeftBook | None:
    """With what the loan left the book by *as_of*, and what came of that."""
    ended = {each.kind: each for each in loan.endings if each.on <= as_of}
    if not ended:
        return None
    loss, sale = ended.get(EndedBy.WRITE_OFF), ended.get(EndedBy.SALE)
    claim, back = loan.endings[0].claim, dict(recovered(loan, as_of))
    return LeftBook(
        loss.on if loss else None,
        sale.on if sale else None,
        claim.total,
        total(back.values()).total,
        0 if sale else open_of(claim, back),
        sale.price if sale else None,
        sum(fact.amount for fact in loan.passed_on if sale and fact.on <= as_of),
    )


def on_offer(events: Iterable[Stream.Event], as_of: date) -> list[OnOffer]:
    """What the borrower may accept on *as_of*: offers that stand and were not answered."""
    standing: dict[str, OnOffer] = {}
    for event in events:
        if event.effective_on > as_of:
            continue
        match event:
            case Loan.RenewalOffered():
                standing[OfferKind.RENEWAL] = _offer(OfferKind.RENEWAL, event.term_months, event)
            case Loan.ConversionOffered():
                standing[OfferKind.CONVERSION] = _offer(OfferKind.CONVERSION, event.count, event)
            case Loan.RenewalDeclined() | Loan.RenewalExpired() | Loan.Renewed():
                standing.pop(OfferKind.RENEWAL, None)
            case Loan.Converted():
                standing.pop(OfferKind.CONVERSION, None)
            case Loan.PayoutReturned():
                standing.clear()
            case _:
                pass
    return [offer for offer in standing.values() if as_of <= offer.valid_until_on]


def _offer(kind: str, count: int, event: Loan.RenewalOffered | Loan.ConversionOffered) -> OnOffer:
    return OnOffer(
        kind,
        count,
        event.valid_until_on,
        event.annual_rate,
        event.interest,
        event.fees,
        event.annualised_cost,
        event.offer_digest,
    )


def _classed(
    loan: Loan, rows: list[Instalment], as_of: date, classes: AssetClassRule | None
) -> Classed | None:
    standard = classes.standard if classes else loan.class_standard
    if standard is None:
        return None
    return classed(loan.past(standard, rows, as_of), standard, as_of)


def _class_policy(events: Sequence[Stream.Event], classes: AssetClassRule | None) -> str | None:
    """The version of the policy that the asset class was decided by."""
    changed = [event for event in events if isinstance(event, Loan.AssetClassChanged)]
    if classes is not None:
        return classes.version
    return changed[-1].policy_version if changed else None


STATES: dict[type[Stream.Event], LoanState] = {
    Loan.Applied: LoanState.APPLIED,
    Loan.Approved: LoanState.APPROVED,
    Loan.Declined: LoanState.DECLINED,
    Loan.Withdrawn: LoanState.WITHDRAWN,
    Loan.Expired: LoanState.EXPIRED,
    Loan.CostDisclosed: LoanState.DISCLOSED,
    Loan.ContractSigned: LoanState.SIGNED,
    Loan.PayoutReturned: LoanState.SIGNED,
}


def _state_before_payout(events: Sequence[Stream.Event], as_of: date) -> str:
    """Where the application stood; events of one day count in the order of recording."""
    counting = [event for event in events if event.effective_on <= as_of and type(event) in STATES]
    counting.sort(key=lambda event: event.effective_on)
    return STATES[type(counting[-1])] if counting else LoanState.ACTIVE

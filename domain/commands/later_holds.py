"""Holds that began after a payout that became known only after they were set."""

from datetime import date

from domain.base.policy import HoldRule
from domain.base.stream import Act, Stream
from domain.borrower.borrower import Borrower
from domain.borrower.contact_state import Hold
from domain.commands.book import Book, act_on
from domain.loan.loan import Loan
from domain.loan.refusals import OnHold

LIFTED = "lifted before"
"""Why a hold ends on a loan that it reaches after it was lifted."""


def under_later_holds(book: Book, act: Act, loan: Loan, paid_out_on: date) -> tuple[Stream, ...]:
    """*loan* under the holds that began after it was paid out, with its borrower if they say so.

    A hold stops the money of the loans that it finds. One that was set while nobody knew of the
    payout would have found this loan: it stops there, from its first day until it was lifted,
    what it stopped on the others.

    Raises:
        OnHold: one that stops money is still to begin.
    """
    borrower = book.get(Borrower, loan.borrower_id)
    missed = [hold for hold in borrower.holds.values() if _missed(hold, loan, paid_out_on)]
    if not missed:
        return (loan,)
    as_set = {
        event.hold_ref: event
        for event in book.events.get(borrower.id)
        if isinstance(event, Borrower.HoldSet)
    }
    for hold in sorted(missed, key=lambda each: each.from_on):
        said = as_set[hold.hold_ref]
        rule = _rule_of(said)
        if not rule.stops_money:
            continue
        if hold.from_on > act.business_on:
            raise OnHold(
                f"The {hold.kind} hold {hold.hold_ref!r} begins on {hold.from_on} and stops"
                f" interest or penalty, and {loan.loan_ref} was not there when it was set. Lift"
                " it, record the payout, and set it again on its day."
            )
        loan.place_hold(
            act, hold_ref=hold.hold_ref, reason=said.reason, rule=rule, from_on=hold.from_on
        )
        if hold.hold_ref not in loan.holds:
            continue  # the loan had left the book by then
        if hold.lifted_on is not None:
            loan.end_hold(act, hold_ref=hold.hold_ref, reason=LIFTED, until_on=hold.lifted_on)
        borrower.widen_hold(act_on(act, borrower.id), hold_ref=hold.hold_ref, loan_id=loan.id)
    return (loan, borrower) if borrower.pending_events else (loan,)


def _missed(hold: Hold, loan: Loan, paid_out_on: date) -> bool:
    """Whether a hold that stood covers the loan, began after the payout and is not on it."""
    covers = not hold.loan_ids or loan.id in hold.loan_ids
    stood = hold.lifted_on is None or hold.lifted_on > hold.from_on
    return covers and stood and hold.from_on > paid_out_on and hold.hold_ref not in loan.holds


def _rule_of(said: Borrower.HoldSet) -> HoldRule:
    """What a hold stops as it was decided when it was set, whatever the rules say by now."""
    return HoldRule(
        said.policy_version,
        said.kind,
        said.blocks_reminders,
        said.blocks_collection,
        said.business_on,
        None,
        "as it was set",
        stops_interest=bool(said.stops_interest),
        stops_penalty=bool(said.stops_penalty),
    )

"""What can be done with a borrower."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from uuid import UUID

from domain.base.policy import HoldRule, Policies
from domain.base.refs import short_ref
from domain.base.refusal import Refusal
from domain.base.stream import Act, Stream
from domain.borrower.borrower import Borrower
from domain.borrower.contact_state import Hold
from domain.borrower.holds import AS_SAID
from domain.borrower.refusals import JurisdictionUnknown
from domain.commands.book import Book, LoansOfBorrower, act_on, command
from domain.loan.loan import Loan
from domain.loan.state import LoanState
from domain.loan.what_if import StandingHold


class NotTheBorrowers(Refusal):
    """A loan that was named is another borrower's."""

    code = "NOT_THE_BORROWERS"


class NothingToPromise(Refusal):
    """Nothing can be paid on the loan."""

    code = "NOTHING_TO_PROMISE"


PAYABLE = (LoanState.ACTIVE, LoanState.WRITTEN_OFF)
"""While a loan stands thus, money may be promised on it."""


@command
def register(
    book: Book, act: Act, *, borrower_id: UUID, jurisdiction: str, zones: list[str]
) -> Borrower:
    """A borrower becomes known; one who is known already stays as registered.

    Raises:
        JurisdictionUnknown: no policy speaks of the jurisdiction.
    """
    known = book.find(Borrower, borrower_id)
    if known is not None:
        return known
    must_be_known(book, jurisdiction)
    return Borrower.register(
        act,
        borrower_id,
        borrower_ref=short_ref("B", borrower_id),
        jurisdiction=jurisdiction,
        zones=zones,
    )


def must_be_known(book: Book, jurisdiction: str) -> None:
    """Pass when some policy speaks of the jurisdiction.

    Raises:
        JurisdictionUnknown: none does, so that nothing could ever be decided by its law.
    """
    known = book.rules.jurisdictions
    if jurisdiction not in known:
        raise JurisdictionUnknown(
            f"No policy speaks of the jurisdiction {jurisdiction!r}: name one of"
            f" {', '.join(sorted(known))}, or publish its rules first."
        )


@command
def change_jurisdiction(
    book: Book, act: Act, *, borrower_id: UUID, jurisdiction: str, source: str
) -> Borrower:
    """Let the law of another place apply to a borrower.

    Raises:
        JurisdictionUnknown: no policy speaks of it.
    """
    borrower = book.get(Borrower, borrower_id)
    must_be_known(book, jurisdiction)
    borrower.change_jurisdiction(act, jurisdiction=jurisdiction, source=source)
    return borrower


@command
def set_hold(
    book: Book,
    act: Act,
    *,
    borrower_id: UUID,
    hold_ref: str,
    kind: str,
    reason: str,
    from_on: date | None = None,
    loan_ids: list[UUID] | None = None,
    all_loans: LoansOfBorrower | None = None,
    until_on: date | None = None,
    open_ended: bool = False,
) -> tuple[Stream, ...]:
    """Let a hold stand, and stop what it stops on the loans that it covers.

    Those are *loan_ids*, or without them *all_loans* of the borrower, as far as they are
    known to the caller. It stands until *until_on*, without one as long as the policy of its
    kind says, or *open_ended* until it is lifted; an end that is past lifts it at once. Contact
    keeps to it from the instant of the act on, unless its day is still to come.

    Raises:
        NotTheBorrowers: one of the loans is another borrower's.
    """
    return place_hold(
        book,
        act,
        book.get(Borrower, borrower_id),
        hold_ref=hold_ref,
        kind=kind,
        reason=reason,
        from_on=from_on,
        loan_ids=loan_ids,
        all_loans=all_loans,
        until_on=until_on,
        open_ended=open_ended,
        known_at=act.recorded_at,
    )


def place_hold(
    book: Book,
    act: Act,
    borrower: Borrower,
    *,
    hold_ref: str,
    kind: str,
    reason: str,
    from_on: date | None = None,
    loan_ids: list[UUID] | None = None,
    all_loans: LoansOfBorrower | None = None,
    until_on: date | None = None,
    open_ended: bool = False,
    known_at: datetime,
) -> tuple[Stream, ...]:
    """The borrower with a hold, and the loans on which it stops something; see ``set_hold``."""
    if hold_ref in borrower.holds:
        borrower.set_hold(act, hold_ref=hold_ref, kind=kind, reason=reason, rule=None)
        return (borrower,)
    rule = book.policies.hold_rule(kind, act.business_on, borrower.jurisdiction)
    found = loan_ids or (all_loans() if all_loans else [])
    loans = _loans_of(book, borrower, found)
    held: list[Loan] = []
    if rule is not None and rule.stops_money:
        on = from_on or act.business_on
        for loan in loans:
            own = act_on(act, loan.id)
            loan.place_hold(own, hold_ref=hold_ref, reason=reason, rule=rule, from_on=on)
        held = [loan for loan in loans if hold_ref in loan.holds]
    borrower.set_hold(
        act,
        hold_ref=hold_ref,
        kind=kind,
        reason=reason,
        rule=rule,
        from_on=from_on,
        loan_ids=loan_ids,
        touches=[loan.id for loan in held],
        until_on=until_on,
        open_ended=open_ended,
        known_at=known_at,
    )
    for over in borrower.lift_over(act, act.business_on):
        _go_on(act, over, held)
    return (borrower, *(_classed(book, act, loan) for loan in held))


@command
def lift_hold(
    book: Book,
    act: Act,
    *,
    borrower_id: UUID,
    hold_ref: str,
    reason: str,
    lifted_on: date | None = None,
) -> tuple[Stream, ...]:
    """Let a hold end, and what it stopped on loans go on."""
    borrower = book.get(Borrower, borrower_id)
    return end_hold(book, act, borrower, hold_ref=hold_ref, reason=reason, lifted_on=lifted_on)


def end_hold(
    book: Book,
    act: Act,
    borrower: Borrower,
    *,
    hold_ref: str,
    reason: str,
    lifted_on: date | None = None,
) -> tuple[Stream, ...]:
    """The borrower with a hold lifted, and the loans on which something goes on."""
    borrower.lift_hold(act, hold_ref=hold_ref, reason=reason, lifted_on=lifted_on)
    hold = borrower.holds[hold_ref]
    if not borrower.pending_events or hold.lifted_on is None:
        return (borrower,)
    loans = _loans_of(book, borrower, hold.touches or [])
    for loan in loans:
        own = act_on(act, loan.id)
        loan.end_hold(own, hold_ref=hold_ref, reason=reason, until_on=hold.lifted_on)
    return (borrower, *(_classed(book, act, loan) for loan in loans))


def lift_over(
    book: Book, act: Act, borrower: Borrower, on: date, loans: Mapping[UUID, Loan]
) -> list[Loan]:
    """Lift the holds of a borrower that stand no more on a day.

    Returns those of *loans* on which something goes on.
    """
    touched: dict[UUID, Loan] = {}
    for hold in borrower.lift_over(act, on):
        ended = [loans[each] for each in hold.touches or [] if each in loans]
        _go_on(act, hold, ended)
        touched |= {loan.id: loan for loan in ended}
    return [_classed(book, act, loan) for loan in touched.values() if loan.pending_events]


def _go_on(act: Act, hold: Hold, loans: Iterable[Loan]) -> None:
    """Let what *hold* stopped go on from the end that it had, on the *loans* that it touches."""
    assert hold.until_on is not None
    for loan in loans:
        own = act_on(act, loan.id)
        loan.end_hold(own, hold_ref=hold.hold_ref, reason=AS_SAID, until_on=hold.until_on)


@command
def set_hold_end(
    book: Book, act: Act, *, borrower_id: UUID, hold_ref: str, until_on: date | None, reason: str
) -> Borrower:
    """Let a hold end on another day that is still to come; without one, when it is lifted."""
    borrower = book.get(Borrower, borrower_id)
    borrower.set_hold_end(act, hold_ref=hold_ref, until_on=until_on, reason=reason)
    return borrower


def _loans_of(book: Book, borrower: Borrower, loan_ids: Iterable[UUID]) -> list[Loan]:
    """The loans with these ids, each once and all of the borrower."""
    once = list(dict.fromkeys(loan_ids))
    loaded = book.streams.load(once)
    loans = [book.must_be(Loan, loan_id, loaded) for loan_id in once]
    for loan in loans:
        if loan.borrower_id != borrower.id:
            raise NotTheBorrowers(
                f"{loan.loan_ref} is no loan of {borrower.borrower_ref}: name loans of that"
                " borrower, or none for all of them."
            )
    return loans


def _classed(book: Book, act: Act, loan: Loan) -> Loan:
    """*loan*, in its asset class after money moved."""
    own = act_on(act, loan.id)
    loan.reclassify(own, book.policies.asset_class_rule(loan.product_code, act.business_on))
    return loan


@command
def promise(
    book: Book,
    act: Act,
    *,
    promise_ref: str,
    loan_id: UUID,
    amount: int,
    promised_on: date,
    instead_of: str | None = None,
) -> Borrower:
    """Record a promise to pay on a loan, perhaps in place of another.

    Raises:
        NothingToPromise: nothing can be paid on the loan.
        Refusal: as ``Borrower.promise`` and ``Borrower.withdraw_promise`` say.
    """
    loan = book.get(Loan, loan_id)
    if loan.state not in PAYABLE:
        raise NothingToPromise(
            f"{loan.loan_ref} is {loan.state}: nothing is owed on it, and so nothing promised."
        )
    borrower = book.get(Borrower, loan.borrower_id)
    if instead_of is not None:
        borrower.withdraw_promise(
            act, promise_ref=instead_of, reason="another promise", replaced_by=promise_ref
        )
    rule = book.policies.promise_rule(borrower.jurisdiction, act.business_on)
    latest_on = None if rule is None else act.business_on + timedelta(days=rule.within_days)
    borrower.promise(
        act,
        promise_ref=promise_ref,
        loan_id=loan_id,
        amount=amount,
        currency=loan.currency,
        promised_on=promised_on,
        latest_on=latest_on,
    )
    return borrower


@command
def unpromise(
    book: Book, act: Act, *, borrower_id: UUID, promise_ref: str, reason: str
) -> Borrower:
    """Let a promise stand no more."""
    borrower = book.get(Borrower, borrower_id)
    borrower.withdraw_promise(act, promise_ref=promise_ref, reason=reason)
    return borrower


def hold_that(
    policies: Policies,
    borrower: Borrower,
    loan_id: UUID,
    on: date,
    stops: Callable[[HoldRule], bool],
) -> tuple[Hold, HoldRule] | None:
    """The oldest hold on a loan that *stops* something by the rules of a day; None without one."""
    for hold in borrower.holds_on(loan_id, on):
        rule = policies.hold_rule(hold.kind, on, borrower.jurisdiction)
        if rule is not None and stops(rule):
            return hold, rule
    return None


def holds_on_loan(
    policies: Policies, borrower: Borrower, loan_id: UUID, today: date
) -> list[StandingHold]:
    """The holds that cover a loan or did, the oldest first, each with what its kind stops.

    That is by the rules of *today*, or of the last day that it stood.
    """
    found = []
    for hold in sorted(borrower.holds.values(), key=lambda hold: hold.from_on):
        if hold.loan_ids and loan_id not in hold.loan_ids:
            continue
        last_on = today if hold.ends_on is None else min(today, hold.ends_on - timedelta(days=1))
        rule = policies.hold_rule(hold.kind, last_on, borrower.jurisdiction)
        if rule is not None:
            found.append(StandingHold(hold.hold_ref, rule, hold.from_on, hold.ends_on))
    return found


def with_promises(book: Book, act: Act, loan: Loan) -> tuple[Stream, ...]:
    """*loan*, and its borrower where other promises were kept or broken by its money now."""
    borrower = book.find(Borrower, loan.borrower_id)
    if borrower is None or not loan.pending_events:
        return (loan,)
    own = act_on(act, borrower.id)
    borrower.reassess_promises(own, loan_id=loan.id, receipts=loan.receipts())
    return (loan, borrower) if borrower.pending_events else (loan,)

"""What can be done with a loan."""

from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from functools import partial
from operator import attrgetter
from uuid import UUID

from domain.base.calendar import BusinessDays
from domain.base.policy import HoldRule, PayoutReturnRule, PolicyMissing, in_force
from domain.base.refs import short_ref
from domain.base.refusal import Refusal
from domain.base.repayment import AgreedRow
from domain.base.stream import Act, Stream
from domain.base.terms import PlannedDraw, Source, Terms, rate_fits
from domain.borrower.borrower import Borrower
from domain.commands.book import Book, LoansOfBorrower, command
from domain.commands.borrowers import hold_that, with_promises
from domain.commands.exposure import exposure, must_leave
from domain.commands.later_holds import LIFTED, under_later_holds
from domain.commands.products import caps_signed, cost_shown, index_on, priced, product_id, rate_on
from domain.commands.repricing import reprice_due
from domain.loan.loan import Loan
from domain.loan.refusals import NothingChanges, OnHold
from domain.loan.relief import Agreement
from domain.loan.schedule import Instalment
from domain.loan.state import SERVICED, LoanState, Tier
from domain.product.gate import OverCap, over_cap
from domain.product.product import Offer, Product


class ContractFormSuperseded(Refusal):
    """A contract was to be signed on a form that is not in force."""

    code = "CONTRACT_FORM_SUPERSEDED"


@command
def apply_for(
    book: Book,
    act: Act,
    *,
    loan_id: UUID,
    borrower_id: UUID,
    product_code: str,
    product_version: int,
    amount: int,
    term_months: int,
    purpose: str | None = None,
    channel: str = "BRANCH",
    segment: str | None = None,
    partner_order_ref: str | None = None,
) -> Loan:
    """A new application for a product version, within its limits.

    Raises:
        OutsideLimits: the product does not lend so much, or for so long.
        NotOnSale: it is not offered today, or was withdrawn from sale.
        NotEligible: it is not for this segment, or knows no partner's orders.
    """
    offered_id = product_id(book, product_code, product_version)
    streams = book.streams.load([loan_id, borrower_id, offered_id])
    book.must_be_new(loan_id, streams)
    book.must_be(Borrower, borrower_id, streams)
    product = book.must_be(Product, offered_id, streams)
    product.must_offer(amount, term_months)
    product.must_be_offered(act.business_on)
    offer = product.offer
    offer.must_suit(segment, partner_order_ref)
    return Loan.apply_for(
        act,
        loan_id,
        loan_ref=short_ref("L", loan_id),
        borrower_id=borrower_id,
        product_code=product_code,
        product_version=product_version,
        currency=offer.currency,
        amount=amount,
        term_months=term_months,
        evidence_needed=offer.evidence,
        levels=book.policies.levels(act.business_on),
        purpose=purpose,
        channel=channel,
        segment=segment,
        scene=offer.scene,
        partner=offer.partner,
        partner_order_ref=partner_order_ref,
    )


@command
def add_evidence(
    book: Book, act: Act, *, loan_id: UUID, kind: str, source: str, evidence_ref: str
) -> Loan:
    """Evidence for an application came in."""
    loan = book.get(Loan, loan_id)
    levels = book.policies.levels(act.business_on)
    loan.add_evidence(act, kind=kind, source=source, evidence_ref=evidence_ref, levels=levels)
    return loan


@partial(command, added=("draws",))
def approve(
    book: Book,
    act: Act,
    *,
    loan_id: UUID,
    requested_by: str,
    approved_by: str,
    amount: int | None = None,
    term_months: int | None = None,
    annual_rate: Decimal | None = None,
    grade: str | None = None,
    model_version: str | None = None,
    rows: list[AgreedRow] | None = None,
    on_time: int | None = None,
    loans: LoansOfBorrower | None = None,
    draws: list[PlannedDraw] | None = None,
) -> Loan:
    """Approve an application; what is not said otherwise is as applied for.

    The rate is the product's, that of the *grade* where it prices by grades, that of the
    borrower's segment and instalments paid *on_time* where it has tiers (counted over all
    *loans* where nobody says how many), or one that is agreed apart. What came in while the
    version was offered is approved after that, too; of a version that was withdrawn nothing
    is. *draws* are the payouts after the first one.

    Raises:
        NotOnSale: the version was withdrawn from sale.
        TranchesNotOffered: the product plans no later payouts.
        OutsideLimits: the product does not lend so much, or for so long.
        GradeUnknown: the product does not price by this grade.
        TierUnknown: instalments are counted, and the product has no tiers.
        OverCap: the loan would cost more than the cap of this day allows.
        OverExposure: this kind of lender may not lend the borrower so much in all.
    """
    loan = book.get(Loan, loan_id)
    product = _product_of(book, loan)
    product.must_not_be_withdrawn()
    offer = product.offer
    amount = loan.amount if amount is None else amount
    term_months = loan.term_months if term_months is None else term_months
    offer.must_offer(amount, term_months)
    offer.must_plan(draws)
    offer = offer.agreed(rows)
    if annual_rate is None and on_time is None and offer.rate_tiers and loans is not None:
        on_time = paid_on_time(book, loans())
    tier = offer.tier_of(loan.segment, on_time) if annual_rate is None else None
    offer = offer.tiered(tier)
    index = None
    if annual_rate is None or grade is not None:
        annual_rate = rate_on(offer, book.policies, act.business_on, grade, annual_rate)
        index = index_on(offer, book.policies, act.business_on) if grade is None else None
    besides = exposure(book, loan, offer, act.business_on, loans)
    must_leave(besides, amount, offer)
    loan.approve(
        act,
        amount=amount,
        term_months=term_months,
        annual_rate=annual_rate,
        requested_by=requested_by,
        approved_by=approved_by,
        levels=book.policies.levels(act.business_on),
        grade=grade,
        model_version=model_version,
        cap_version=_cap_version(book, act, offer, (amount, term_months, annual_rate), draws),
        rows=rows,
        index_version=index.version if index else None,
        tier=Tier(tier.segment, tier.on_time) if tier else None,
        on_time=on_time,
        draws=draws,
        exposure=besides,
    )
    return loan


@command
def link_partner_order(
    book: Book, act: Act, *, loan_id: UUID, partner_order_ref: str, reason: str
) -> Loan:
    """Let a loan that is not paid out pay for an order of the partner, or for another one."""
    loan = book.get(Loan, loan_id)
    loan.link_partner_order(act, partner_order_ref=partner_order_ref, reason=reason)
    return loan


def paid_on_time(book: Book, loan_ids: Iterable[UUID]) -> int:
    """How many instalments of loans were paid by their pay-by dates; down payments apart."""
    return sum(loan.paid_on_time() for loan in book.get_many(Loan, loan_ids).values())


@command
def decline(book: Book, act: Act, *, loan_id: UUID, reasons: list[str], decided_by: str) -> Loan:
    """Decline an application with its reasons."""
    loan = book.get(Loan, loan_id)
    loan.decline(act, reasons=reasons, decided_by=decided_by)
    return loan


@command
def withdraw(book: Book, act: Act, *, loan_id: UUID, reason: str) -> Loan:
    """The applicant withdraws."""
    loan = book.get(Loan, loan_id)
    loan.withdraw(act, reason=reason)
    return loan


@command
def disclose(book: Book, act: Act, *, loan_id: UUID) -> Loan:
    """Show the borrower what the approved offer costs."""
    loan = book.get(Loan, loan_id)
    product = _product_of(book, loan)
    product.must_not_be_withdrawn()
    loan.disclose(
        act,
        terms=_terms_of(book, loan, product.offer),
        levels=book.policies.levels(act.business_on),
        shown_by=cost_shown(book.policies, product.offer.jurisdiction, act.business_on),
    )
    return loan


@partial(command, added=("digest",))
def sign(
    book: Book,
    act: Act,
    *,
    loan_id: UUID,
    contract_ref: str,
    template_version: str = "1",
    digest: str | None = None,
) -> Loan:
    """The contract on the disclosed terms is signed; *digest* is of the sheet that was confirmed.

    Raises:
        NotOnSale: the version of the product was withdrawn from sale.
        NotDisclosed: other terms, or another sheet, were disclosed last.
        ContractFormSuperseded: the form is not the one in force.
    """
    loan = book.get(Loan, loan_id)
    product = _product_of(book, loan)
    product.must_not_be_withdrawn()
    _must_be_on_the_form(book, act, product.offer, template_version)
    loan.sign(
        act,
        terms=_terms_of(book, loan, product.offer),
        contract_ref=contract_ref,
        template_version=template_version,
        levels=book.policies.levels(act.business_on),
        digest=digest,
    )
    return loan


@command
def disburse(
    book: Book,
    act: Act,
    *,
    loan_id: UUID,
    disbursement_ref: str,
    paid_to: str,
    first_due_on: date | None = None,
    amount: int | None = None,
    disbursed_on: date | None = None,
    loans: LoansOfBorrower | None = None,
) -> tuple[Stream, ...]:
    """Pay a signed loan out; of one with a limit, or in parts, an amount within it.

    *loans* are the borrower's, of which others may have been approved since. Where the payout
    lies before holds that were set since, these stop on it what they stop.

    Raises:
        OnHold: a hold stands on the day of the payout that stops payouts, by what is known now.
        OverExposure: this kind of lender may not lend the borrower so much in all.
    """
    loan = book.get(Loan, loan_id)
    loan.disburse(
        act,
        disbursement_ref=disbursement_ref,
        paid_to=paid_to,
        first_due_on=first_due_on,
        disbursed_on=disbursed_on,
        business_days=_business_days(book, loan),
        amount=amount,
    )
    on = disbursed_on or act.business_on
    _must_not_be_held(book, on, loan, "paid out", attrgetter("stops_payout"))
    offer = _product_of(book, loan).offer
    must_leave(exposure(book, loan, offer, act.business_on, loans), loan.amount, offer)
    found = under_later_holds(book, act, loan, on)
    _classed(book, act, loan)
    return found


@partial(command, added=("requested_by", "approved_by"))
def return_payout(
    book: Book,
    act: Act,
    *,
    loan_id: UUID,
    returned_on: date,
    reason: str,
    requested_by: str | None = None,
    approved_by: str | None = None,
) -> Loan:
    """The first payout came back on a day: nothing was lent; late, two people say so."""
    loan = book.get(Loan, loan_id)
    loan.return_payout(
        act,
        returned_on=returned_on,
        reason=reason,
        levels=book.policies.levels(act.business_on),
        classes=book.policies.asset_class_rule(loan.product_code, act.business_on),
        requested_by=requested_by,
        approved_by=approved_by,
        rule=payout_return_rule(book, loan, act.business_on),
    )
    return loan


def payout_return_rule(book: Book, loan: Loan, on: date) -> PayoutReturnRule | None:
    """Until when one person may return the payout of a loan, by the law of its product."""
    product = book.find(Product, product_id(book, loan.product_code, loan.product_version))
    jurisdiction = None if product is None else product.offer.jurisdiction
    return book.policies.payout_return_rule(jurisdiction, on)


@command
def draw(
    book: Book,
    act: Act,
    *,
    loan_id: UUID,
    amount: int,
    draw_ref: str,
    paid_to: str,
    drawn_on: date | None = None,
) -> Loan:
    """Pay more out: within a limit, in parts, or as the contract plans it.

    Raises:
        OnHold: a hold stands on the day that stops payouts.
    """
    loan = book.get(Loan, loan_id)
    loan.draw(act, amount=amount, draw_ref=draw_ref, paid_to=paid_to, drawn_on=drawn_on)
    on = drawn_on or act.business_on
    _must_not_be_held(book, on, loan, "paid out", attrgetter("stops_payout"))
    return _classed(book, act, loan)


@command
def migrate(
    book: Book,
    act: Act,
    *,
    loan_id: UUID,
    borrower_id: UUID,
    origin: str,
    terms: Terms,
    disbursed_on: date,
    accrues_from: date,
    rows: list[Instalment],
    unapplied: int = 0,
) -> Loan:
    """Take over a running loan with its opening balances."""
    streams = book.streams.load([loan_id, borrower_id])
    book.must_be_new(loan_id, streams)
    book.must_be(Borrower, borrower_id, streams)
    loan = Loan.migrate(
        act,
        loan_id,
        loan_ref=short_ref("L", loan_id),
        borrower_id=borrower_id,
        origin=origin,
        terms=terms,
        disbursed_on=disbursed_on,
        accrues_from=accrues_from,
        rows=rows,
        unapplied=unapplied,
    )
    return _classed(book, act, loan)


@partial(command, added=("in_place_of",))
def repay(
    book: Book,
    act: Act,
    *,
    loan_id: UUID,
    amount: int,
    currency: str,
    received_on: date,
    payment_ref: str,
    source: str = Source.BORROWER,
    payoff: bool = False,
    future_money: str | None = None,
    in_place_of: str | None = None,
) -> tuple[Stream, ...]:
    """Record money received on a loan; what counts earlier may have kept a promise."""
    loan = book.get(Loan, loan_id)
    loan.repay(
        act,
        amount=amount,
        currency=currency,
        received_on=received_on,
        payment_ref=payment_ref,
        source=source,
        payoff=payoff,
        future_money=future_money,
        in_place_of=in_place_of,
    )
    loan = _classed(book, act, loan)
    return with_promises(book, act, loan) if received_on < act.business_on else (loan,)


@command
def reverse(
    book: Book, act: Act, *, loan_id: UUID, payment_ref: str, reason: str, kind: str | None = None
) -> tuple[Stream, ...]:
    """Take back a payment that does not stand, and with it what it kept of promises."""
    loan = book.get(Loan, loan_id)
    loan.reverse(act, payment_ref=payment_ref, reason=reason, kind=kind)
    return with_promises(book, act, _classed(book, act, loan))


@command
def refund(
    book: Book,
    act: Act,
    *,
    loan_id: UUID,
    amount: int,
    refund_ref: str,
    requested_by: str,
    approved_by: str,
    on: date | None = None,
) -> Loan:
    """Pay a borrower's credit back; *on* may lie back."""
    loan = book.get(Loan, loan_id)
    loan.refund(
        act,
        amount=amount,
        refund_ref=refund_ref,
        requested_by=requested_by,
        approved_by=approved_by,
        on=on,
    )
    return _classed(book, act, loan)


@command
def forgive(
    book: Book,
    act: Act,
    *,
    loan_id: UUID,
    instalment: int,
    owed: str,
    amount: int | None,
    reason: str,
    requested_by: str,
    approved_by: str,
    on: date | None = None,
) -> Loan:
    """Forgive fees, interest or accrued penalty of an instalment, or part of it."""
    loan = book.get(Loan, loan_id)
    loan.forgive(
        act,
        instalment=instalment,
        owed=owed,
        amount=amount,
        reason=reason,
        requested_by=requested_by,
        approved_by=approved_by,
        on=on,
    )
    return _classed(book, act, loan)


@command
def take_back(
    book: Book,
    act: Act,
    *,
    loan_id: UUID,
    fact_ref: str,
    reason: str,
    requested_by: str,
    approved_by: str,
) -> tuple[Stream, ...]:
    """Let something recorded in error count no more, as if it had never been.

    A loan that runs again, since its payout did not come back after all or the loss or sale was
    none, is under the holds that were set since, and those that were lifted since stop nothing
    from that day on.
    """
    loan = book.get(Loan, loan_id)
    ran = loan.state in SERVICED
    loan.take_back(
        act, fact_ref=fact_ref, reason=reason, requested_by=requested_by, approved_by=approved_by
    )
    found: tuple[Stream, ...] = (loan,)
    if not ran and loan.state in SERVICED:
        _end_holds_lifted(book, act, loan)
        assert loan.disbursed_on is not None
        found = under_later_holds(book, act, loan, loan.disbursed_on)
    _classed(book, act, loan)
    return found


def _end_holds_lifted(book: Book, act: Act, loan: Loan) -> None:
    """Let the holds end on *loan* as they were lifted by now, also while it did not run."""
    borrower = book.get(Borrower, loan.borrower_id)
    for ref in list(loan.holds):
        hold = borrower.holds.get(ref)
        if hold is not None and hold.lifted_on is not None:
            loan.end_hold(act, hold_ref=ref, reason=LIFTED, until_on=hold.lifted_on)


@command
def charge_fee(
    book: Book,
    act: Act,
    *,
    loan_id: UUID,
    kind: str,
    fee_ref: str,
    due_on: date | None = None,
    on: date | None = None,
) -> Loan:
    """Charge a fee or penalty that the contract names; *on* may lie back."""
    loan = book.get(Loan, loan_id)
    loan.charge_fee(act, kind=kind, fee_ref=fee_ref, due_on=due_on, on=on)
    return _classed(book, act, loan)


@command
def waive_fee(
    book: Book,
    act: Act,
    *,
    loan_id: UUID,
    fee_ref: str,
    amount: int,
    reason: str,
    requested_by: str,
    approved_by: str,
    on: date | None = None,
) -> Loan:
    """Forgive a fee, or part of it, paid or not; *on* may lie back."""
    loan = book.get(Loan, loan_id)
    loan.waive_fee(
        act,
        fee_ref=fee_ref,
        amount=amount,
        reason=reason,
        requested_by=requested_by,
        approved_by=approved_by,
        on=on,
    )
    return _classed(book, act, loan)


@command
def move_due_date(
    book: Book,
    act: Act,
    *,
    loan_id: UUID,
    instalment: int,
    due_on: date,
    reason: str,
    on: date | None = None,
    requested_by: str | None = None,
    approved_by: str | None = None,
) -> Loan:
    """Give an instalment another due date; further than the rule of the day as relief."""
    loan = book.get(Loan, loan_id)
    loan.move_due_date(
        act,
        instalment=instalment,
        due_on=due_on,
        reason=reason,
        business_days=_business_days(book, loan),
        on=on,
        requested_by=requested_by,
        approved_by=approved_by,
        rule=book.policies.due_date_rule(act.business_on),
    )
    return _classed(book, act, loan)


@command
def move_pay_day(
    book: Book,
    act: Act,
    *,
    loan_id: UUID,
    instalment: int,
    day: int,
    reason: str,
    on: date | None = None,
    requested_by: str | None = None,
    approved_by: str | None = None,
) -> Loan:
    """Let every instalment from one on fall due on another day of its month."""
    loan = book.get(Loan, loan_id)
    loan.move_pay_day(
        act,
        instalment=instalment,
        day=day,
        reason=reason,
        business_days=_business_days(book, loan),
        on=on,
        requested_by=requested_by,
        approved_by=approved_by,
        rule=book.policies.due_date_rule(act.business_on),
    )
    return _classed(book, act, loan)


@command
def reschedule(
    book: Book,
    act: Act,
    *,
    loan_id: UUID,
    agreed: Agreement,
    reason: str,
    requested_by: str,
    approved_by: str,
    on: date | None = None,
) -> Loan:
    """Lay what is left of a loan anew, as two people grant it."""
    loan = book.get(Loan, loan_id)
    days = _business_days(book, loan)
    loan.reschedule(
        act,
        agreed=agreed,
        reason=reason,
        requested_by=requested_by,
        approved_by=approved_by,
        on=on,
        pay_by=None if days is None else days.on_or_after,
    )
    return _classed(book, act, loan)


@command
def reprice(book: Book, act: Act, *, loan_id: UUID) -> Loan:
    """Set the rate of a loan by its index, also where the index of an earlier date was corrected.

    Raises:
        NothingChanges: no date has come, and the index says what it said.
    """
    loan = book.get(Loan, loan_id)
    before = loan.version
    reprice_due(book.policies, loan, act)
    if loan.version == before:
        raise NothingChanges(
            "No repricing date of this loan has come, and the index of those before says what"
            " it said; publish the corrected index first."
        )
    return _classed(book, act, loan)


@partial(command, added=("digest",))
def renew(
    book: Book, act: Act, *, loan_id: UUID, consent_ref: str, digest: str | None = None
) -> Loan:
    """The borrower accepts the renewal that was offered; *digest* as in *sign*.

    Raises:
        OnHold: a hold stands that stops renewals.
    """
    loan = book.get(Loan, loan_id)
    days = _business_days(book, loan)
    pay_by = None if days is None else days.on_or_after
    loan.renew(act, consent_ref=consent_ref, pay_by=pay_by, digest=digest)
    _must_not_be_held(book, act.business_on, loan, "renewed", attrgetter("stops_renewal"))
    return _classed(book, act, loan)


@command
def decline_renewal(book: Book, act: Act, *, loan_id: UUID, reason: str) -> Loan:
    """The borrower does not renew."""
    loan = book.get(Loan, loan_id)
    loan.decline_renewal(act, reason=reason)
    return loan


@command
def offer_conversion(book: Book, act: Act, *, loan_id: UUID, count: int) -> Loan:
    """Show the borrower what equal instalments would cost."""
    loan = book.get(Loan, loan_id)
    days = _business_days(book, loan)
    loan.offer_conversion(act, count=count, pay_by=None if days is None else days.on_or_after)
    return loan


@partial(command, added=("digest",))
def convert(
    book: Book, act: Act, *, loan_id: UUID, consent_ref: str, digest: str | None = None
) -> Loan:
    """The borrower accepts the conversion that was offered."""
    loan = book.get(Loan, loan_id)
    days = _business_days(book, loan)
    pay_by = None if days is None else days.on_or_after
    loan.convert(act, consent_ref=consent_ref, digest=digest, pay_by=pay_by)
    return _classed(book, act, loan)


@command
def write_off(
    book: Book,
    act: Act,
    *,
    loan_id: UUID,
    reason: str,
    requested_by: str,
    approved_by: str,
    on: date | None = None,
) -> Loan:
    """Take the loss of what was owed on a day; *on* may lie back."""
    loan = book.get(Loan, loan_id)
    loan.write_off(act, reason=reason, requested_by=requested_by, approved_by=approved_by, on=on)
    return _classed_at_end(book, act, loan)


@command
def sell(
    book: Book,
    act: Act,
    *,
    loan_id: UUID,
    price: int,
    buyer_ref: str,
    sold_on: date,
    requested_by: str,
    approved_by: str,
) -> Loan:
    """Pass the claim to another owner."""
    loan = book.get(Loan, loan_id)
    loan.sell(
        act,
        price=price,
        buyer_ref=buyer_ref,
        sold_on=sold_on,
        requested_by=requested_by,
        approved_by=approved_by,
    )
    return _classed_at_end(book, act, loan)


@command
def refund_by_partner(
    book: Book, act: Act, *, loan_id: UUID, amount: int, received_on: date, payment_ref: str
) -> Loan:
    """Record money that the school or merchant gives back."""
    loan = book.get(Loan, loan_id)
    loan.refund_by_partner(act, amount=amount, received_on=received_on, payment_ref=payment_ref)
    return _classed(book, act, loan)


@command
def take_security(
    book: Book, act: Act, *, loan_id: UUID, security_ref: str, kind: str, amount: int | None = None
) -> Loan:
    """Let collateral, a guarantor or insurance stand for a loan."""
    loan = book.get(Loan, loan_id)
    loan.take_security(act, security_ref=security_ref, kind=kind, amount=amount)
    return loan


@command
def call_security(
    book: Book,
    act: Act,
    *,
    loan_id: UUID,
    security_ref: str,
    reason: str,
    amount: int | None = None,
) -> Loan:
    """Enforce collateral, call a guarantor, or claim insurance."""
    loan = book.get(Loan, loan_id)
    loan.call_security(act, security_ref=security_ref, reason=reason, amount=amount)
    return loan


@command
def realise_security(
    book: Book,
    act: Act,
    *,
    loan_id: UUID,
    security_ref: str,
    amount: int,
    received_on: date,
    payment_ref: str,
) -> Loan:
    """Record what a security that was called paid."""
    loan = book.get(Loan, loan_id)
    loan.realise_security(
        act,
        security_ref=security_ref,
        amount=amount,
        received_on=received_on,
        payment_ref=payment_ref,
    )
    return _classed(book, act, loan)


@command
def release_security(
    book: Book, act: Act, *, loan_id: UUID, security_ref: str, reason: str
) -> Loan:
    """Give a security back."""
    loan = book.get(Loan, loan_id)
    loan.release_security(act, security_ref=security_ref, reason=reason)
    return loan


def _must_not_be_held(
    book: Book, on: date, loan: Loan, done: str, stops: Callable[[HoldRule], bool]
) -> None:
    """Pass where nothing was done, or no hold that covers the loan *on* a day stops it then.

    Raises:
        OnHold: one does.
    """
    if not loan.pending_events:
        return
    borrower = book.get(Borrower, loan.borrower_id)
    found = hold_that(book.policies, borrower, loan.id, on, stops)
    if found is not None:
        hold, rule = found
        until = f" until {hold.ends_on}" if hold.ends_on else ""
        then = "stands since" if hold.lifted_on is None else f"stood on {on}, from"
        lift = "it first" if hold.lifted_on is None else "it from an earlier day, if it was wrong"
        raise OnHold(
            f"{loan.loan_ref} is not {done}: the {hold.kind} hold {hold.hold_ref!r} {then}"
            f" {hold.from_on}{until} (policy {rule.version}); lift {lift}."
        )


def _classed(book: Book, act: Act, loan: Loan) -> Loan:
    """*loan*, in its asset class after money or dates moved."""
    loan.reclassify(act, book.policies.asset_class_rule(loan.product_code, act.business_on))
    return loan


def _classed_at_end(book: Book, act: Act, loan: Loan) -> Loan:
    """*loan*, in the class of the day it left the book, where things were recorded since."""
    rule = book.policies.asset_class_rule(loan.product_code, act.business_on)
    for event in list(loan.pending_events):
        since = event.overtaken if isinstance(event, Loan.WrittenOff | Loan.Sold) else None
        if since is not None and since.state_before != LoanState.WRITTEN_OFF:
            loan.reclassify(act, rule, ended_on=loan.endings[-1].on)
    return loan


def _product_of(book: Book, loan: Loan) -> Product:
    return book.get(Product, product_id(book, loan.product_code, loan.product_version))


def _business_days(book: Book, loan: Loan) -> BusinessDays | None:
    """Those of the calendar that the contract names; None when it names none."""
    if loan.terms is None or loan.terms.calendar is None:
        return None
    return book.business_days(loan.terms.calendar)


def _cap_version(
    book: Book,
    act: Act,
    offer: Offer,
    agreed: tuple[int, int, Decimal],
    draws: list[PlannedDraw] | None = None,
) -> str | None:
    """The version of the cap that a loan of this amount, term and rate keeps; None without.

    Raises:
        OverCap: it does not.
    """
    if offer.lender_kind is None:
        return None
    on = act.business_on
    cap = book.policies.publish_rules(offer.jurisdiction, offer.lender_kind, on).cap
    if cap is None:
        raise PolicyMissing(
            f"No cap for {offer.lender_kind} in {offer.jurisdiction} is in force on {on}."
        )
    if rate_fits(agreed[2]):
        failed = over_cap(offer, priced(offer, agreed, on, draws), cap)
        if failed is not None:
            raise OverCap(str(failed))
    return cap.version


def _must_be_on_the_form(book: Book, act: Act, offer: Offer, version: str) -> None:
    """Pass when a contract is on the form in force, where forms are ruled at all.

    Raises:
        ContractFormSuperseded: it is not.
    """
    forms = book.policies.contract_forms_of(offer.code, offer.jurisdiction)
    held = [form.version for form in in_force(forms, act.business_on)]
    if forms and version not in held[-1:]:
        now = f"that of version {held[-1]}" if held else "none"
        raise ContractFormSuperseded(
            f"Contracts of {offer.code} are not signed on form {version} on {act.business_on};"
            f" {now} is in force."
        )


def _terms_of(book: Book, loan: Loan, offer: Offer) -> Terms:
    """The terms on which *loan* was approved for an *offer*, the same on each day they stand.

    The caps of its kind of lender are all in them, but for those that are for new loans
    only and come after the last day of the offer.
    """
    offer = offer.agreed(loan.agreed_rows)
    if loan.tier is not None:
        offer = offer.tiered(offer.tier_of(loan.tier.segment, loan.tier.on_time))
    caps = caps_signed(offer, book.policies, loan.valid_until_on)
    days = None if offer.calendar is None else book.business_days(offer.calendar)
    if days is not None and loan.valid_until_on is not None:
        # Those of years before it could be paid out are counted by no loan.
        days = days.since(date(loan.valid_until_on.year - 1, 1, 1))
    terms = offer.terms(loan.amount, loan.term_months, loan.annual_rate, caps, days)
    return offer.with_draws(terms, loan.agreed_draws)

"""How a loan ends otherwise than paid by the borrower, and what secures it."""

from __future__ import annotations

from datetime import date

from domain.base.refusal import positive, two_people
from domain.base.stream import Act
from domain.base.terms import Prepayment, Source
from domain.loan import events
from domain.loan import refusals as no
from domain.loan.ledger import Balance
from domain.loan.overtaking import AtEnd, Overtaking
from domain.loan.security import Security, SecurityKind, SecurityState, must_stand
from domain.loan.state import SECURED, LoanState

PAID_BY = {
    SecurityKind.COLLATERAL: Source.COLLATERAL,
    SecurityKind.GUARANTEE: Source.GUARANTOR,
    SecurityKind.INSURANCE: Source.INSURANCE,
}


class Ending(Overtaking):
    """The decisions by which a loan ends otherwise than paid, and on what secures it."""

    def write_off(
        self, act: Act, *, reason: str, requested_by: str, approved_by: str, on: date | None = None
    ) -> None:
        """Take the loss of everything owed on a day; *on* may lie back.

        It counts from its day, whatever was recorded since: payments of later days are
        recoveries, and what else counts from after it is set aside, in the same event; on the
        day, what was known first counts first. So it may have been paid since.

        Raises:
            NotActive: nothing was owed then, or the loss was taken of another day.
            RestsOnIt: money went out since, or what was owed was forgiven.
        """
        if self.state == LoanState.WRITTEN_OFF:
            taken = self.endings[-1].on
            # What names no day comes with that of the book, and asks for no other one.
            if on not in (None, act.business_on, taken):
                raise no.NotActive(
                    f"The loss was taken as of {taken}: to take it of another day, take it back"
                    " first."
                )
            return
        self._must_be_paid_out()
        two_people(requested_by, approved_by, "A write-off")
        if not reason.strip():
            raise no.ReasonMissing("A write-off needs a reason.")
        on = self._counted_from(act, on)
        then = self._at_end(act, on)
        overtaken, claim = then.overtaken, then.claim
        if overtaken is not None and then.ledger.is_over(on):
            raise no.NotActive(f"Nothing was owed on {on}, so that there is no loss to take.")
        self.record(
            events.WrittenOff,
            act,
            on,
            currency=self.currency,
            principal=claim.principal,
            interest=claim.interest,
            fees=claim.fees,
            penalty=claim.penalty,
            missing_credit=claim.unapplied or None,
            reason=reason,
            requested_by=requested_by,
            approved_by=approved_by,
            balance_before=then.ledger.balance(on),
            balance=Balance(0, 0, 0, 0, then.credit),
            bucket=then.bucket,
            overtaken=overtaken,
        )
        if overtaken is None:
            self._subsidise(act, on, ends=True)
        else:
            self._follow_up(act, on)

    def sell(
        self,
        act: Act,
        *,
        price: int,
        buyer_ref: str,
        sold_on: date,
        requested_by: str,
        approved_by: str,
    ) -> None:
        """Pass the claim to another owner for a price; from then on he has the say.

        It counts from its day, whatever was recorded since: money of later days is the
        buyer's, and what else counts from after it is set aside, in the same event. So it may
        have been paid since.

        Raises:
            LoanSold: it was, to somebody else, of another day or at another price.
            NotForSale: the loan was neither active nor written off that day, or the borrower
                had credit.
            RestsOnIt: money went out since, what was owed was forgiven, or a loss was taken.
        """
        if self.state == LoanState.SOLD and self.buyer_ref == buyer_ref:
            sale = self.endings[-1]
            if sold_on not in (act.business_on, sale.on) or price != sale.agreed:
                raise no.LoanSold(
                    f"The loan was sold to {buyer_ref!r} as of {sale.on} for"
                    f" {self._written(sale.agreed or 0)}: to sell it otherwise, take the sale back"
                    " first."
                )
            return
        self._must_be_paid_out()
        two_people(requested_by, approved_by, "A sale")
        positive(price, "The price")
        if not buyer_ref.strip():
            raise no.NotForSale("A sale needs the reference of the new owner.")
        self._must_not_be_before_disbursement(sold_on)
        self._must_not_be_future(act, sold_on)
        lost, then = self.state == LoanState.WRITTEN_OFF, self._for_sale(act, sold_on)
        claim, since, left = then.claim, then.overtaken, Balance(0, 0, 0, 0, then.credit)
        self.record(
            events.Sold,
            act,
            sold_on,
            currency=self.currency,
            buyer_ref=buyer_ref,
            price=price,
            principal=claim.principal,
            interest=claim.interest,
            fees=claim.fees,
            penalty=claim.penalty,
            missing_credit=claim.unapplied or None,
            face=then.face,
            requested_by=requested_by,
            approved_by=approved_by,
            balance_before=left if lost else then.ledger.balance(sold_on),
            balance=left,
            bucket=then.bucket,
            state_before=self.state,
            overtaken=since,
        )
        if lost:
            return
        if since is None:
            self._subsidise(act, sold_on, ends=True)
        else:
            self._follow_up(act, sold_on)

    def _for_sale(self, act: Act, on: date) -> AtEnd:
        """The loan as its claim passes to another owner on *on*; see ``sell``."""
        over = self.state in (LoanState.SETTLED, LoanState.CLOSED)
        if over and not self._overtaken_by(on)[0]:
            raise no.NotForSale(f"The loan is {self._state_words()}; there is no claim to sell.")
        self._must_have_refunded_nothing(on)
        if self.state == LoanState.WRITTEN_OFF:
            then = self._sold_after_loss(on)
        else:
            then = self._at_end(act, on, sells=True)
            if then.overtaken is not None and then.ledger.is_over(on):
                raise no.NotForSale(f"Nothing was owed on {on}; there was no claim to sell.")
        if then.credit > 0:
            raise no.NotForSale(
                f"The borrower has {self._written(then.credit)} of credit on {on}; refund it, then"
                " sell."
            )
        return then

    def refund_by_partner(
        self, act: Act, *, amount: int, received_on: date, payment_ref: str
    ) -> None:
        """Record money that the school or merchant gives back, the purchase being cancelled.

        It closes the loan if it suffices; else it pays what is due and then principal, and
        the rest is laid anew: as the terms say, or with lower instalments.

        Raises:
            NoPartner: the terms name none; other money is recorded by ``repay``.
        """
        self._must_have_been_paid_out()
        if self.terms is None or self.terms.partner is None:
            raise no.NoPartner(
                "The terms of this loan name no partner; money of others comes by repay."
            )
        runs = self.state == LoanState.ACTIVE or self._had_not_ended(received_on)
        closes = runs and 0 < self.payoff(received_on) <= amount
        self.repay(
            act,
            amount=amount,
            currency=self.currency,
            received_on=received_on,
            payment_ref=payment_ref,
            source=Source.PARTNER,
            payoff=closes,
            future_money=None if closes else self.terms.prepayment or Prepayment.LOWER_INSTALMENT,
        )

    # --- securities -----------------------------------------------------------------

    def take_security(
        self, act: Act, *, security_ref: str, kind: str, amount: int | None = None
    ) -> None:
        """Let collateral, a guarantor or insurance stand for the loan."""
        self._must_not_be_sold()
        if self.state not in SECURED:
            raise no.SecurityOutOfOrder(
                f"The loan is {self._state_words()}; a security is taken from the approval on,"
                " while something is owed."
            )
        if kind not in list(SecurityKind):
            raise no.SecurityUnknown(f"A security is {', '.join(SecurityKind)}; not {kind!r}.")
        if not security_ref.strip():
            raise no.SecurityUnknown("A security needs a reference of its own.")
        if amount is not None:
            positive(amount, "What is secured")
        known = self.securities.get(security_ref)
        if known is not None:
            if (known.kind, known.amount) != (kind, amount):
                raise no.SecurityRefReused(
                    f"The reference {security_ref!r} already names another security."
                )
            return
        self.record(
            events.SecurityTaken,
            act,
            act.business_on,
            security_ref=security_ref,
            kind=kind,
            currency=self.currency,
            amount=amount,
        )

    def call_security(
        self, act: Act, *, security_ref: str, reason: str, amount: int | None = None
    ) -> None:
        """Enforce collateral, call a guarantor, or claim insurance."""
        security = self._security_in_use(security_ref)
        if not reason.strip():
            raise no.ReasonMissing("To call a security needs a reason.")
        if amount is not None:
            positive(amount, "What is called")
        if security.state == SecurityState.CALLED:
            return
        self.record(
            events.SecurityCalled,
            act,
            act.business_on,
            security_ref=security_ref,
            kind=security.kind,
            currency=self.currency,
            amount=amount,
            reason=reason,
        )

    def realise_security(
        self, act: Act, *, security_ref: str, amount: int, received_on: date, payment_ref: str
    ) -> None:
        """Record what a security that was called paid: as a repayment, or as a recovery.

        Raises:
            SecurityExceeded: a guarantor or insurer is bound for less. What a pledge brings
                beyond what it was taken for is the borrower's all the same.
        """
        security = self._security_in_use(security_ref, received_on)
        if security.state != SecurityState.CALLED:
            raise no.SecurityOutOfOrder(
                f"The security {security_ref!r} was not called; call it, then record what it paid."
            )
        if payment_ref in security.payments:
            self._knows_payment(payment_ref, amount, received_on)
            return
        if self._knows_payment(payment_ref, amount, received_on):
            raise no.PaymentRefReused(
                f"The payment {payment_ref!r} is there already, and not of this security."
            )
        paid = sum(fact.amount for fact in self.money_in() if fact.ref in security.payments)
        bound = None if security.kind == SecurityKind.COLLATERAL else security.amount
        if bound is not None and paid + amount > bound:
            raise no.SecurityExceeded(
                f"{security_ref!r} stands for {self._written(bound)}, of which"
                f" {self._written(paid)} is paid: record what goes beyond as a payment of its own."
            )
        self.repay(
            act,
            amount=amount,
            currency=self.currency,
            received_on=received_on,
            payment_ref=payment_ref,
            source=PAID_BY[SecurityKind(security.kind)],
        )
        self._record_realised(act, security, amount, received_on, payment_ref)

    def release_security(self, act: Act, *, security_ref: str, reason: str) -> None:
        """Give a security back."""
        self._must_not_be_sold()
        known = self.securities.get(security_ref)
        if known is not None and known.state == SecurityState.RELEASED:
            return
        security = must_stand(self.securities, security_ref)
        if not reason.strip():
            raise no.ReasonMissing("A release needs a reason.")
        self.record(
            events.SecurityReleased,
            act,
            act.business_on,
            security_ref=security_ref,
            kind=security.kind,
            reason=reason,
        )

    def _security_in_use(self, security_ref: str, on: date | None = None) -> Security:
        sold_later = self.state == LoanState.SOLD and on is not None and on < self.endings[-1].on
        if not sold_later:
            self._must_be_paid_out()
        if not sold_later and self.state not in (LoanState.ACTIVE, LoanState.WRITTEN_OFF):
            raise no.NotActive(f"The loan is {self._state_words()}; nothing is owed on it.")
        return must_stand(self.securities, security_ref)

"""How a loan is serviced: money in and out, and fees."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from domain.base.refusal import positive, two_people
from domain.base.stream import Act
from domain.base.terms import (
    ChargesCount,
    ChargesDue,
    FeeTerm,
    FeeTiming,
    FutureMoney,
    Owed,
    Prepayment,
    Source,
)
from domain.loan import events
from domain.loan import refusals as no
from domain.loan.ceiling import cap_on, room
from domain.loan.consequences import Consequences
from domain.loan.daily_ledger import DailyLedger
from domain.loan.facts import EARLY, Fact, FactKind, counts_from
from domain.loan.fees import charge
from domain.loan.ledger import Ledger
from domain.loan.overdue import PREFIX
from domain.loan.periods import ONE_DAY
from domain.loan.security import Security
from domain.loan.state import SERVICED, Fee, LoanState, ReversalKind
from domain.loan.timetable import LAST_DAY, TermsNotOffered, has_limit, in_parts

SOURCES = frozenset(Source)
FUTURES = frozenset((None, *FutureMoney, *Prepayment))
"""Where a payment may go beyond what is due; None is as the terms say."""


class Servicing(Consequences):
    """The decisions on money of a loan."""

    # --- money ----------------------------------------------------------------------

    def repay(
        self,
        act: Act,
        *,
        amount: int,
        currency: str,
        received_on: date,
        payment_ref: str,
        source: str = Source.BORROWER,
        payoff: bool = False,
        future_money: str | None = None,
        in_place_of: str | None = None,
    ) -> None:
        """Record money received; the same payment twice is recorded once.

        A payment dated before earlier ones makes them split anew; one dated before the loan
        was written off or sold lets the loss be less, or what was sold. From the write-off
        on it is a recovery; where the payout came back, credit. With *payoff* it closes the
        loan early. *future_money* is where it goes beyond what is due, if not as the terms
        say. Of one day, what came first counts first; posted again, a payment takes the place
        of the reversed one that it is *in_place_of*.

        Raises:
            LoanSold: it came in on the day of the sale or later.
            PaymentRefReused: *payment_ref* already names another payment.
            SourceUnknown: there is no word for the *source*.
            PayoffShort: *payoff* was asked for and *amount* does not suffice.
            PlaceNotFree: *in_place_of* names no reversed payment of the day, or its place is
                taken.
        """
        self._must_hold_money()
        before = self.facts
        positive(amount, "A payment")
        if currency != self.currency:
            raise no.CurrencyDiffers(f"The loan is in {self.currency}, the payment in {currency}.")
        if self._knows_payment(payment_ref, amount, received_on):
            return
        self._must_not_be_before_money(received_on)
        self._must_not_be_future(act, received_on)
        if source not in SOURCES:
            raise no.SourceUnknown(f"Money comes from {', '.join(Source)}; not from {source!r}.")
        if future_money not in FUTURES:
            raise TermsNotOffered(f"The rule {future_money!r} for money not yet due is unknown.")
        place = self._place(in_place_of, received_on)
        if self.endings and not self._had_not_ended(received_on):
            self._recover(act, amount, received_on, payment_ref, source)
            return
        # When it left the book, all that followed by then was recorded.
        unseen = received_on == act.business_on or self.overdue_since_on is None
        unseen = unseen and not self.endings and self._was_lent_on(received_on)
        if unseen:
            # Late by a day is late, even when no day's run has seen it.
            self._apply_credit(act, received_on - ONE_DAY)
            self._charge_overdue(act, received_on)
        if payoff and (owed := self._closes(received_on, place)) > amount:
            raise no.PayoffShort(
                f"On {received_on} it takes {self._written(owed)} to close the loan,"
                f" not {self._written(amount)}."
            )
        if unseen:
            self._assess(act, received_on)
        kind = FactKind.PAYOFF if payoff else FactKind.PAYMENT
        fact = Fact(
            kind,
            payment_ref,
            received_on,
            self.facts_taken if place is None else place,
            amount,
            future_money=future_money,
            source=source,
        )
        ledger = self._ledger_with([*self.facts, fact])
        split = ledger.splits[payment_ref]
        self.record(
            events.Repaid,
            act,
            received_on,
            payment_ref=payment_ref,
            received_on=received_on,
            amount=amount,
            source=source,
            payoff=payoff,
            fees=split.fees,
            interest=split.interest,
            penalty=split.penalty,
            principal=split.principal,
            unapplied=split.unapplied,
            parts=ledger.parts[payment_ref],
            future_money=future_money,
            in_place_of=in_place_of,
            **self._outcome(act, ledger),
        )
        self._follow_up(act, received_on, early=payoff, before=before)

    def draw(
        self, act: Act, *, amount: int, draw_ref: str, paid_to: str, drawn_on: date | None = None
    ) -> None:
        """Pay more out, within the limit less the principal owed; once for a reference.

        A draw dated before earlier payments makes them split anew. Whether it was allowed goes
        by its own day, since the money is out: one of a day on which nothing was past due is
        taken whatever happened since, and a loan that was paid back then is open again.

        Raises:
            DrawRefReused: *draw_ref* already names another draw.
            DrawNotOffered: the contract has no limit that can be drawn on.
            LimitExceeded: on some day more principal would be owed than the limit.
            PastDue: something was past due on the day.
        """
        on = drawn_on or act.business_on
        if self.state not in SERVICED or self.endings:
            self._must_run_on(on)
        positive(amount, "A draw")
        known = next((f for f in self.facts if f.kind == FactKind.DRAW and f.ref == draw_ref), None)
        if known is not None:
            if (known.amount, known.on) != (amount, on):
                raise no.DrawRefReused(f"The reference {draw_ref!r} already names another draw.")
            return
        self._must_not_be_taken_back(FactKind.DRAW, draw_ref)
        self._must_not_be_before_disbursement(on)
        self._must_not_be_future(act, on)
        self._must_take_draws(on, amount)
        fact = Fact(FactKind.DRAW, draw_ref, on, self.facts_taken, amount)
        ledger = self._ledger_with([*self.facts, fact])
        self._must_keep_the_limit(ledger, on)
        self.record(
            events.Drawn,
            act,
            on,
            draw_ref=draw_ref,
            amount=amount,
            paid_to=paid_to,
            **self._outcome(act, ledger),
        )
        self._follow_up(act, on)

    def _recover(
        self, act: Act, amount: int, received_on: date, payment_ref: str, source: str
    ) -> None:
        if received_on >= self.endings[-1].on:
            self._must_not_be_sold()
        ref = payment_ref
        fact = Fact(FactKind.RECOVERY, ref, received_on, self.facts_taken, amount)
        anew = self.recovered_by([*self.recoveries.values(), fact], self.claim)
        split, grown = anew[ref], self._beside(self.claim, anew) - self._credit_beside()
        self.record(
            events.RecoveryReceived,
            act,
            received_on,
            payment_ref=payment_ref,
            received_on=received_on,
            currency=self.currency,
            amount=amount,
            source=source,
            recovered=sum(fact.amount for fact in self.recoveries.values()) + amount,
            principal=split.principal,
            interest=split.interest,
            fees=split.fees,
            penalty=split.penalty,
            credit=split.unapplied,
            grown=grown,
            reallocated=self._recovered_anew(anew),
            restated=self.restated_by(self.endings[0].claim, anew) or None,
            balance=replace(self.balance, unapplied=self.unapplied + grown),
            bucket=self.bucket,
            state=self.state,
        )

    def reverse(self, act: Act, *, payment_ref: str, reason: str, kind: str | None = None) -> None:
        """Take back a payment that does not stand; a payment reversed before stays so.

        Later payments split anew, in the same event. A recovery of a written-off loan is
        taken back likewise, and the loan stays written off; of a payment before the
        write-off or the sale, the loss is greater, or what was sold; of one after the sale less
        is owed to the buyer. *kind* says why, in one word.
        """
        self._must_hold_money()
        if kind not in (None, *ReversalKind):
            raise no.ReversalKindUnknown(
                f"A payment is reversed as {', '.join(ReversalKind)}; not as {kind!r}."
            )
        if payment_ref in self.reversed:
            return
        fact = self.money_named(payment_ref)
        if fact is None:
            raise no.PaymentUnknown(
                f"No payment or recovery {payment_ref!r} stands on this loan that could be"
                " reversed."
            )
        if not reason.strip():
            raise no.ReasonMissing("A reversal needs a reason.")
        if fact in self.passed_on:
            self._reverse_passed_on(act, fact, reason, kind)
            self._take_back_realised(act, fact)
            return
        if fact.kind == FactKind.RECOVERY:
            self._reverse_recovery(act, fact, reason, kind)
            self._take_back_realised(act, fact)
            return
        ledger = self._rerun([other for other in self.facts if other != fact])
        self.record(
            events.RepaymentReversed,
            act,
            fact.on,
            payment_ref=payment_ref,
            received_on=fact.on,
            amount=fact.amount,
            reason=reason,
            reversed=self.splits[payment_ref],
            kind=kind,
            **self._outcome(act, ledger),
        )
        self._follow_up(act, act.business_on)
        self._take_back_realised(act, fact)

    def _take_back_realised(self, act: Act, fact: Fact) -> None:
        """Record that a security did not pay what was taken back, if it was one that did."""
        for security in list(self.securities.values()):
            if fact.ref in security.payments:
                self._record_realised(act, security, -fact.amount, fact.on, fact.ref)

    def _record_realised(
        self, act: Act, security: Security, amount: int, on: date, payment_ref: str
    ) -> None:
        self.record(
            events.SecurityRealised,
            act,
            on,
            security_ref=security.security_ref,
            kind=security.kind,
            currency=self.currency,
            amount=amount,
            payment_ref=payment_ref,
        )

    def _reverse_passed_on(self, act: Act, fact: Fact, reason: str, kind: str | None) -> None:
        left = sum(other.amount for other in self.passed_on) - fact.amount
        self.record(
            events.PassedOnReversed,
            act,
            fact.on,
            payment_ref=fact.ref,
            received_on=fact.on,
            currency=self.currency,
            amount=fact.amount,
            reason=reason,
            kind=kind,
            buyer_ref=self.buyer_ref,
            passed_on=left,
        )

    def _reverse_recovery(self, act: Act, fact: Fact, reason: str, kind: str | None) -> None:
        left = {ref: each for ref, each in self.recoveries.items() if ref != fact.ref}
        anew = self.recovered_by(left.values(), self.claim)
        grown = self._beside(self.claim, anew) - self._credit_beside()
        self.record(
            events.RecoveryReversed,
            act,
            fact.on,
            payment_ref=fact.ref,
            received_on=fact.on,
            currency=self.currency,
            amount=fact.amount,
            reason=reason,
            kind=kind,
            recovered=sum(other.amount for other in self.recoveries.values()) - fact.amount,
            credit=grown,
            reallocated=self._recovered_anew(anew),
            restated=self.restated_by(self.endings[0].claim, anew) or None,
            balance=replace(self.balance, unapplied=self.unapplied + grown),
            bucket=self.bucket,
            state=self.state,
        )

    def refund(
        self,
        act: Act,
        *,
        amount: int,
        refund_ref: str,
        requested_by: str,
        approved_by: str,
        on: date | None = None,
    ) -> None:
        """Pay credit back to the borrower; *on* may lie back.

        Payments since then split anew, in the same event.

        Raises:
            NoCredit: there was less credit that day, or what is refunded later needs it.
        """
        self._must_hold_money()
        on = self._counted_from(act, on, money=True)
        if not self._had_not_ended(on):
            self._must_not_be_sold()
        positive(amount, "A refund")
        two_people(requested_by, approved_by, "A refund")
        known = next(
            (f for f in self.facts if f.kind == FactKind.REFUND and f.ref == refund_ref), None
        )
        if known is not None:
            if known.amount != amount:
                raise no.PaymentRefReused(
                    f"The reference {refund_ref!r} already names another refund."
                )
            return
        self._must_not_be_taken_back(FactKind.REFUND, refund_ref)
        credit = self.unapplied
        if on != act.business_on:
            credit = self.ledger_on(on).unapplied
            credit += 0 if self._had_not_ended(on) else self._credit_beside()
        if amount > credit:
            raise no.NoCredit(
                f"The borrower has {self._written(max(credit, 0))} of credit on {on},"
                f" not {self._written(amount)}."
            )
        fact = Fact(FactKind.REFUND, refund_ref, on, self.facts_taken, amount)
        ledger = self._ledger_with([*self.facts, fact])
        missing = -ledger.unapplied
        if self.endings:
            claim = self.claim_on_end(ledger)
            missing -= self._beside(claim, self.recovered_by(self.recoveries.values(), claim))
        if missing > max(-self.unapplied, 0):
            raise no.NoCredit(
                f"The credit of {on} was paid back since, and {self._written(missing)} would be"
                " missing: refund what is left of it."
            )
        self.record(
            events.CreditRefunded,
            act,
            on,
            refund_ref=refund_ref,
            amount=amount,
            requested_by=requested_by,
            approved_by=approved_by,
            **self._outcome(act, ledger),
        )
        self._follow_up(act, on)

    def _must_not_be_taken_back(self, kind: str, ref: str) -> None:
        if f"{kind}:{ref}" in self.taken_back:
            raise no.RefTakenBack(f"{ref!r} was taken back; a new one needs a new reference.")

    def _closes(self, on: date, place: int | None) -> int:
        """What closes the loan on a day, at a place of its own or behind all else of the day."""
        if place is None:
            return self.payoff(on)
        ledger = self._rerun(self._facts_before(Fact(FactKind.PAYOFF, "", on, place)))
        ledger.rows = ledger.rows_on(on)
        return max(ledger.payoff(on) - ledger.unapplied, 0)

    def _place(self, in_place_of: str | None, on: date) -> int | None:
        """The place among the facts of *on* that a payment takes over; None for one of its own."""
        if in_place_of is None:
            return None
        gone = self.vacated.get(in_place_of)
        if self.endings and not self._had_not_ended(on):
            self._must_not_be_sold()
            raise no.PlaceNotFree("What is recovered after a write-off counts as it comes in.")
        if gone is None:
            stands = any(fact.pays and fact.ref == in_place_of for fact in self.facts)
            raise no.PlaceNotFree(
                f"The payment {in_place_of!r} stands: reverse it first."
                if stands
                else f"No payment {in_place_of!r} of this loan was reversed."
            )
        if gone.on != on:
            raise no.PlaceNotFree(
                f"The payment {in_place_of!r} was of {gone.on}; one of {on} has no use for its"
                " place."
            )
        taken = next((fact for fact in self.facts if fact.order == gone.order), None)
        if taken is not None:
            raise no.PlaceNotFree(
                f"The payment {taken.ref!r} stands in the place of {in_place_of!r} already."
            )
        return gone.order

    def _knows_payment(self, payment_ref: str, amount: int, received_on: date) -> bool:
        if payment_ref in self.reversed:
            raise no.PaymentRefReused(
                f"The payment {payment_ref!r} was reversed; a new one needs a new reference."
            )
        fact = self.money_named(payment_ref)
        if fact is not None and (fact.amount, fact.on) != (amount, received_on):
            raise no.PaymentRefReused(
                f"The reference {payment_ref!r} already names another payment."
            )
        return fact is not None

    def _must_take_draws(self, on: date, amount: int) -> None:
        assert self.terms is not None
        then = self.ledger_on(on)
        if self.state != LoanState.ACTIVE and then.is_over(on):
            self._must_be_active()
        planned = [(draw.on, draw.amount) for draw in self.terms.draws or ()]
        if not planned and not has_limit(self.terms) and not in_parts(self.terms):
            raise no.DrawNotOffered(
                "The contract has no limit to draw on, and plans no payout after the first one."
            )
        drawn = sum(fact.amount for fact in self.facts if fact.kind == FactKind.DRAW)
        if self._accrues_daily() and 0 < sum(each for _, each in planned) <= drawn:
            raise no.DrawNotOffered("All that the contract plans to pay out was paid out.")
        converted_on = self.converted_on
        if has_limit(self.terms) and converted_on is not None and on > converted_on:
            raise no.DrawNotOffered(
                f"The loan was converted into instalments on {converted_on}; since then nothing"
                " more is drawn on it."
            )
        payoff = next((f for f in self.facts if f.kind == FactKind.PAYOFF and f.on <= on), None)
        if payoff is not None:
            raise no.DrawNotOffered(f"The loan was to be paid off on {payoff.on}.")
        last_on = self._ends_on()
        if on > last_on:
            raise no.DrawNotOffered(f"The last day to draw was {last_on}.")
        oldest = then.oldest_unpaid_on()
        # What the contract plans for the day is paid out as it says.
        if (on, amount) not in planned and oldest is not None and oldest < on:
            raise no.PastDue(
                f"What was to be paid by {oldest} is past due on {on};"
                " it has to be paid before more is drawn."
            )

    def _must_keep_the_limit(self, ledger: Ledger, since: date) -> None:
        assert self.terms is not None
        if isinstance(ledger, DailyLedger) and has_limit(self.terms):
            most = ledger.most_owed(since)
        else:  # what was paid out in parts does not come back into the limit
            most = self.lent_at_first() + sum(draw.amount for draw in ledger.draws)
        if most > self.terms.amount:
            raise no.LimitExceeded(
                f"{self._written(most)} would be out, and the contract allows"
                f" {self._written(self.terms.amount)}: draw less, or repay first where that"
                " frees the limit."
            )

    # --- fees -----------------------------------------------------------------------

    def charge_fee(
        self,
        act: Act,
        *,
        kind: str,
        fee_ref: str,
        due_on: date | None = None,
        on: date | None = None,
    ) -> None:
        """Charge a fee or penalty that the contract names for an event; *on* may lie back.

        It is owed with the next instalment, or with *due_on* with the first that is not
        due before that day; after the last one it makes an instalment of its own. Payments
        since *on* split anew. Where the terms let charges count from the start, earlier ones
        do too, also those of a loan that was settled.
        """
        on = self._counted_from(act, on)
        self._must_take_charges(on)
        self._must_not_be_taken_back(FactKind.FEE, fee_ref)
        if fee_ref in self.fees:
            if self.fees[fee_ref].kind != kind:
                raise no.FeeRefReused(f"The reference {fee_ref!r} already names another fee.")
            return
        for prefix, what in ((PREFIX, "overdue charges"), (EARLY, "charges for paying early")):
            if fee_ref.startswith(prefix):
                raise no.FeeRefReused(f"References of {what} begin with {prefix!r}.")
        fee = self._fee_named(kind)
        assert self.terms is not None
        amount = charge(fee, self.terms)
        self._must_stay_below_cap(on, amount)
        if due_on is not None and due_on > LAST_DAY:
            raise no.BeyondCalendar(f"Nothing can fall due after {LAST_DAY}.")
        due_on, number = self._charged_to(on, due_on)
        fact = Fact(
            FactKind.FEE, fee_ref, on, self.facts_taken, amount, number, due_on, owed=fee.owed
        )
        ledger = self._ledger_with([*self.facts, fact])
        self.record(
            events.FeeCharged,
            act,
            on,
            fee_ref=fee_ref,
            kind=kind,
            amount=amount,
            instalment=number,
            owed=fee.owed,
            due_on=due_on,
            automatic=None,
            waived=None,
            **self._outcome(act, ledger),
        )
        self._follow_up(act, on)

    def _fee_named(self, kind: str) -> FeeTerm:
        assert self.terms is not None
        for fee in self.terms.fees:
            if fee.kind == kind and fee.timing == FeeTiming.ON_EVENT:
                return fee
        raise no.FeeNotDisclosed(f"The contract names no fee {kind!r} for an event.")

    def _charged_to(self, on: date, due_on: date | None) -> tuple[date | None, int]:
        """The own day of a charge, if it has one, and the instalment that it is owed with."""
        assert self.terms is not None
        if due_on is None and self.terms.charges_due == ChargesDue.OWN_DAY:
            due_on = on
        if due_on is None:
            coming = [row for row in self.instalments if row.pay_by_on >= on]
            return None, (coming[0] if coming else self.instalments[-1]).number
        self._must_not_be_before_disbursement(due_on)
        coming = [row for row in self.instalments if row.due_on >= due_on]
        return due_on, coming[0].number if coming else self.instalments[-1].number + 1

    def waive_fee(
        self,
        act: Act,
        *,
        fee_ref: str,
        amount: int | None,
        reason: str,
        requested_by: str,
        approved_by: str,
        on: date | None = None,
    ) -> None:
        """Forgive a fee that was charged, or part of it, paid or not; *on* may lie back.

        All that is left of it without *amount*. It is as if so much less had been charged:
        what paid it pays other things, or is credit, in the same event; also on a loan that
        was settled. What the payment P-1 was charged for coming early goes by
        ``prepayment:P-1``.
        """
        on = self._forgiven_on(act, on)
        if amount is not None:
            positive(amount, "A waiver")
        two_people(requested_by, approved_by, "A waiver")
        fee, charged_on = self._charge_named(fee_ref)
        left = max(fee.amount - fee.waived, 0)
        if left == 0 or (amount or 0) > left:
            said = f", not {self._written(amount)}" if amount else ""
            raise no.FeeUnknown(
                f"{self._written(left)} of the fee {fee_ref!r} is left to forgive{said}."
            )
        amount = amount or left
        on = max(on, charged_on)
        fact = Fact(FactKind.WAIVER, fee_ref, on, self.facts_taken, amount, fee.instalment)
        ledger = self._ledger_with([*self.facts, fact])
        self.record(
            events.FeeWaived,
            act,
            on,
            fee_ref=fee_ref,
            amount=amount,
            instalment=fee.instalment,
            reason=reason,
            requested_by=requested_by,
            approved_by=approved_by,
            owed=fee.owed,
            **self._outcome(act, ledger),
        )
        self._follow_up(act, on)

    def _charge_named(self, fee_ref: str) -> tuple[Fee, date]:
        """The charge by its reference, with what is waived of it, and its day."""
        fee = self.fees.get(fee_ref)
        if fee is not None:
            charges = (fact for fact in self.facts if fact.kind == FactKind.FEE)
            return fee, next((fact.on for fact in charges if fact.ref == fee_ref), date.min)
        ref, ledger = fee_ref.removeprefix(EARLY), self._ledger()
        if not fee_ref.startswith(EARLY) or ref not in ledger.prepaying:
            raise no.FeeUnknown(f"No fee {fee_ref!r} was charged on this loan.")
        number, owed = ledger.prepaying[ref]
        forgiven = sum(
            fact.amount
            for fact in self.facts
            if fact.kind == FactKind.WAIVER and fact.ref == fee_ref
        )
        charged = owed + ledger.forgiven_early.get(ref, 0)
        return Fee(fee_ref, FeeTiming.ON_PREPAYMENT, charged, number, forgiven), ledger.paid_on[ref]

    def forgive(
        self,
        act: Act,
        *,
        instalment: int,
        owed: str,
        amount: int | None = None,
        reason: str,
        requested_by: str,
        approved_by: str,
        on: date | None = None,
    ) -> None:
        """Forgive what an instalment owes of fees, interest or accrued penalty, or part of it.

        It counts before what is paid *on* the day, which may lie back: what paid it since
        pays other things, or is credit, in the same event. Without an *amount*, all that is
        unpaid then.

        Raises:
            NothingToForgive: so much of it is not unpaid on that day.
        """
        on = self._forgiven_on(act, on)
        two_people(requested_by, approved_by, "What is forgiven")
        if not reason.strip():
            raise no.ReasonMissing("What is forgiven needs a reason.")
        unpaid = self._forgivable(instalment, owed, on)
        amount = unpaid if amount is None else amount
        if not 0 < amount <= unpaid:
            raise no.NothingToForgive(
                f"Of the {owed.lower()} of instalment {instalment} {self._written(unpaid)} is"
                f" unpaid on {on}, before what is paid that day."
            )
        ref = f"forgiven-{self.facts_taken}"
        fact = Fact(FactKind.FORGIVEN, ref, on, self.facts_taken, amount, instalment, owed=owed)
        ledger = self._rerun([*self.facts, fact])
        self.record(
            events.ChargeForgiven,
            act,
            on,
            instalment=instalment,
            owed=owed,
            amount=amount,
            reason=reason,
            requested_by=requested_by,
            approved_by=approved_by,
            **self._outcome(act, ledger),
        )
        self._follow_up(act, on)

    def _forgivable(self, instalment: int, owed: str, on: date) -> int:
        if owed not in (Owed.FEE, Owed.INTEREST, Owed.PENALTY):
            raise no.NothingToForgive(
                f"Fees, interest and penalty are forgiven, not {owed!r}; principal is written off."
            )
        assert self.terms is not None
        day = (on, 1, 0)
        ledger = self._rerun([f for f in self.facts if counts_from(f, self.terms) < day])
        row = next((row for row in ledger.rows_on(on) if row.number == instalment), None)
        if row is None:
            raise no.InstalmentNotOpen(f"The loan has no instalment {instalment} on {on}.")
        return ledger.forgivable(row, owed, on)

    def _forgiven_on(self, act: Act, on: date | None) -> date:
        """The day that something is forgiven from: one on which the loan was in our book."""
        self._must_have_been_paid_out()
        on = self._counted_from(act, on)
        if self.state not in SERVICED:
            self._must_run_on(on)
        return on

    def _must_take_charges(self, on: date) -> None:
        reopens = self.terms is not None and self.terms.charges_count == ChargesCount.FROM_THE_START
        if not (reopens and self.state in (LoanState.SETTLED, LoanState.CLOSED)):
            self._must_run_on(on)

    def _must_stay_below_cap(self, on: date, amount: int) -> None:
        ledger = self._ledger()
        left, cap = room(ledger, on), cap_on(ledger, on)
        if left is not None and cap is not None and amount > left:
            raise no.ChargeOverCap(
                f"With another {self._written(amount)} the loan would cost more than the"
                f" {(cap.annual_rate * 100).normalize():f} % a year that {cap.version} allows;"
                f" charge {self._written(left)} at most."
            )

"""How what was recorded in error is taken back, and what rests on it stays sound."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from domain.base.refusal import two_people
from domain.base.stream import Act
from domain.loan import events
from domain.loan import refusals as no
from domain.loan.account import lent_by
from domain.loan.allocation import Split, total
from domain.loan.daily_ledger import ledger_of
from domain.loan.facts import HOLDS, STEP, Fact, FactKind, known_as, named
from domain.loan.ledger import Balance, Ledger, run
from domain.loan.overtaking import charged_by
from domain.loan.schedule import Instalment
from domain.loan.stage import Stage
from domain.loan.state import PAYOUT_RETURN, Ended, EndedBy, LoanState, Movement
from domain.loan.workout import Workout

RETURN = "payout-return"
"""The name of what says that the payout came back."""


class TakingBack(Workout):
    """The decision that something recorded never was: a fact, a loss, a sale, a return."""

    def take_back(
        self, act: Act, *, fact_ref: str, reason: str, requested_by: str, approved_by: str
    ) -> None:
        """Let a fact count no more, as if it had never been; two people, and a reason.

        *fact_ref* names it as recorded: a refund, draw or fee by its reference, a waiver as
        ``waiver-9``, a moved date as ``move-9``, what was laid anew as ``reschedule-9``,
        ``renewal-1`` or ``conversion``, a loss as ``write-off``, a sale as ``sale``, that the
        payout came back as ``payout-return``; with its kind before it (``FEE:F-1``) where two
        have one name. Payments since split anew, in the same event; what was recovered of a loss
        is repaid of its day. Taken back before, it stays so.

        Raises:
            FactUnknown: nothing that could be taken back has this reference.
            FactStays: it follows from other things, or another command takes it back.
            RestsOnIt: what was agreed later builds on it.
        """
        self._must_hold_money()
        two_people(requested_by, approved_by, "To take something back")
        if not reason.strip():
            raise no.ReasonMissing("To take something back needs a reason.")
        found = [name for name in self._withdrawable() if fact_ref in (name[1], ":".join(name))]
        if len(found) > 1:
            names = " or ".join(":".join(name) for name in found)
            raise no.FactUnknown(f"{fact_ref!r} names more than one thing: say {names}.")
        if not found:
            if any(fact_ref in (ref, ref.partition(":")[2]) for ref in self.taken_back):
                return
            self._refuse_unknown(fact_ref)
        said = {"reason": reason, "requested_by": requested_by, "approved_by": approved_by}
        [(kind, ref)] = found
        if kind == PAYOUT_RETURN:
            self._take_back_return(act, said)
        elif kind in tuple(EndedBy):
            self._take_back_ending(act, self.endings[-1], said)
        else:
            self._take_back_facts(act, kind, ref, said)

    def _withdrawable(self) -> Iterator[tuple[str, str]]:
        """What can be taken back as the loan stands: the kind and name of each, once."""
        if self.came_back is not None:
            yield PAYOUT_RETURN, RETURN
        if self.endings:
            last = self.endings[-1].kind
            yield last, last.lower().replace("_", "-")
        yield from dict.fromkeys(
            (fact.kind, known_as(fact)) for fact in self.facts if not self._follows(fact)
        )

    def _follows(self, fact: Fact) -> bool:
        """Whether a fact is not for this decision: it follows from others, or is reversed."""
        return (
            fact.splits
            or fact.automatic
            or fact.kind in HOLDS
            or (fact.kind == FactKind.RESCHEDULE and fact.ref.startswith(STEP))
        )

    def _refuse_unknown(self, fact_ref: str) -> None:
        for fact in (*self.facts, *self.recoveries.values(), *self.aside):
            if fact_ref not in (known_as(fact), named(fact)):
                continue
            if fact.pays or fact.kind == FactKind.RECOVERY:
                raise no.FactStays(f"{fact_ref!r} is a payment: reverse it.")
            if fact in self.aside:
                raise no.FactStays(
                    f"{fact_ref!r} is of {fact.on}, after the loan left the book, and counts no"
                    " more: take the loss or the sale back first."
                )
            if fact.kind in HOLDS:
                raise no.FactStays(f"{fact_ref!r} is a hold: lift it from its first day.")
            if self._follows(fact):
                raise no.FactStays(
                    f"{fact_ref!r} follows from what was paid when; correct that, or waive it."
                )
        names = ", ".join(name for _, name in self._withdrawable())
        told = f"that could be: {names}" if names else "there is nothing that could be"
        raise no.FactUnknown(f"Nothing by the name {fact_ref!r} can be taken back; {told}.")

    # --- facts ----------------------------------------------------------------------

    def _take_back_facts(self, act: Act, kind: str, ref: str, said: dict[str, str]) -> None:
        gone = [fact for fact in self.facts if fact.kind == kind and known_as(fact) == ref]
        fact = gone[0]
        if kind == FactKind.FEE:  # and what was forgiven of it
            waivers = [f for f in self.facts if f.kind == FactKind.WAIVER and f.ref == fact.ref]
            gone = [*gone, *waivers]
        if fact.change is not None:
            self._must_bear_nothing(fact)
        ledger = self._rerun([other for other in self.facts if other not in gone])
        self._must_stand_without(ref, ledger)
        outcome: dict[str, Any] = self._outcome(act, ledger)
        left = {row.number for row in ledger.rows}
        dropped = [row for row in self.instalments if row.number not in left]
        fee = self.fees.get(fact.ref) if kind in (FactKind.FEE, FactKind.WAIVER) else None
        self.record(
            events.FactWithdrawn,
            act,
            fact.on,
            kind=kind,
            fact_ref=ref,
            counted_on=fact.on,
            amount=fact.amount,
            owed=fee.owed if fee else fact.owed,
            waived=fee.waived if fee and kind == FactKind.FEE else 0,
            fees=0,
            interest=0,
            penalty=0,
            principal=0,
            price=None,
            missing_credit=None,
            dropped=[row.number for row in dropped],
            repaid=None,
            brought_back=None,
            charged=None,
            returned=None,
            grown=None,
            **said,
            **outcome,
        )
        self._follow_up(act, fact.on)
        self._offer_again(act)

    def _must_bear_nothing(self, fact: Fact) -> None:
        """Pass where no later agreement counts its instalments from what *fact* laid."""
        assert fact.change is not None
        if not fact.change.rows and fact.change.method is None:
            return  # what finds its place itself finds another one
        for other in (*self.facts, *self.aside):
            change = other.change
            if change is None or change.finds_its_place or other == fact:
                continue
            later = other.order > fact.order or other.on > fact.on
            if later and (change.rows or change.method):
                raise no.RestsOnIt(
                    f"{other.ref!r} of {other.on} was laid on top of {fact.ref!r}: take that back"
                    " first, and grant it again afterwards."
                )

    def _must_stand_without(self, ref: str, ledger: Ledger) -> None:
        """Pass where what is on instalments still finds them, in the order of their days."""
        numbers = {row.number for row in ledger.rows}
        for fact in self.facts:
            if known_as(fact) != ref and fact.instalment and fact.kind != FactKind.WAIVER:
                gone = fact.instalment not in numbers
                if gone and (fact.kind != FactKind.FEE or fact in ledger.waiting):
                    raise no.RestsOnIt(
                        f"{known_as(fact)!r} is on instalment {fact.instalment}, which came with"
                        f" {ref!r}: take that back first."
                    )
        if _in_order(self.instalments) and not _in_order(ledger.rows):
            raise no.RestsOnIt(
                f"Without {ref!r} instalments would not be in the order of their days any more:"
                " take back first what was moved later."
            )

    # --- that the payout came back --------------------------------------------------

    def _take_back_return(self, act: Act, said: dict[str, str]) -> None:
        """Let the loan run as if its payout had not come back, with what was paid since."""
        back, before = self.came_back, self.stage
        assert back is not None and self.terms is not None
        facts, on = self.restored_facts(), back.paid_out_on
        ledger = run(
            self.terms, on, back.opening, facts, kind=ledger_of(self.terms), payout_order=back.order
        )
        rows = ledger.rows_on(act.business_on)
        moved = [
            Movement(ref, ledger.paid_on[ref], self.splits.get(ref, Split()), split, parts)
            for ref, split in ledger.splits.items()
            if (parts := ledger.parts[ref]) or ref not in self.splits
        ]
        net = total(ledger.splits.values()).less(total(self.splits.values()))
        balance = ledger.balance(act.business_on)
        lent = lent_by(back.opening, self.terms)
        grown = balance.principal + total(ledger.splits.values()).principal - lent
        self.record(
            events.PayoutReturnWithdrawn,
            act,
            on,
            disbursement_ref=back.disbursement_ref,
            returned_on=back.returned_on,
            amount=lent,
            withheld=back.opening[0].fees_paid or None,
            fell_away=self.charged_beside(facts),
            stage=Stage.SERVICING,
            stage_before=before,
            currency=self.currency,
            net=net,
            instalments=rows,
            reallocated=moved,
            balance=balance,
            bucket=self.bucket,
            state_before=self.state,
            state=LoanState.SETTLED if ledger.is_over(act.business_on) else LoanState.ACTIVE,
            capitalised=grown or None,
            restated=None,
            **said,
        )
        self._follow_up(act, on)
        settled = self.state != LoanState.ACTIVE
        last = (ledger.last_paid_on() or on) if settled else act.business_on
        self._subsidise(act, last, ends=settled)

    # --- what ended it --------------------------------------------------------------

    def _take_back_ending(self, act: Act, ended: Ended, said: dict[str, str]) -> None:
        """Let the loan be what it was before the loss was taken, or it was sold.

        What was recovered of a loss is repaid of its day again, and what was passed on to a buyer
        is ours; what was set aside counts.
        """
        again, back = [], events.counting_again(self)
        paid = [fact for fact in self.passed_on if fact.pays]
        if ended.kind == EndedBy.WRITE_OFF:
            again = events.repaid_again(self, self.recoveries)
        facts = [*self.facts, *back, *paid, *again]
        ledger = self._rerun(facts) if len(facts) > len(self.facts) else self._ledger()
        on, balance, grown = act.business_on, ledger.balance(act.business_on), 0
        returned = [
            Movement(fact.ref, fact.on, Split(), ledger.splits[fact.ref], ledger.parts[fact.ref])
            for fact in paid
        ]
        if ended.state_before == LoanState.WRITTEN_OFF:
            returned, grown = self._recovered_again()
            credit = ledger.unapplied + self._credit_beside() + grown
            on, balance = self.endings[0].on, Balance(0, 0, 0, 0, credit)
        outcome: dict[str, Any] = self._outcome(act, ledger, on)
        outcome |= {
            "reallocated": [m for m in outcome["reallocated"] if m.ref not in self.recoveries],
            "restated": None,
            "state": ended.state_before,
            "balance": balance,
            "capitalised": None,
        }
        if (
            ended.aside and ended.state_before == LoanState.ACTIVE
        ):  # what was laid anew since lets interest become principal again
            more = balance.principal - ended.claim.principal + outcome["net"].principal
            outcome["capitalised"] = more or None
        fell = charged_by(back)
        repaid = [
            Movement(
                fact.ref,
                fact.on,
                self.recovered.get(fact.ref, Split()),
                ledger.splits[fact.ref],
                ledger.parts[fact.ref],
            )
            for fact in again
        ]
        claim = ended.claim
        self.record(
            events.FactWithdrawn,
            act,
            ended.on,
            kind=ended.kind,
            fact_ref=ended.kind.lower().replace("_", "-"),
            counted_on=ended.on,
            amount=claim.total,
            owed=None,
            waived=fell.waived,
            fees=claim.fees,
            interest=claim.interest,
            penalty=claim.penalty,
            principal=claim.principal,
            price=ended.price,
            missing_credit=claim.unapplied or None,
            dropped=[],
            repaid=repaid or None,
            brought_back=[named(fact) for fact in back] or None,
            charged=fell.charged or None,
            returned=returned or None,
            grown=grown or None,
            **said,
            **outcome,
        )
        if self.state == LoanState.ACTIVE:
            # By what is known now it may have been paid before it left the book.
            paid_on = ledger.last_paid_on() or ended.on
            self._follow_up(act, min(paid_on, ended.on))
            if self.state == LoanState.ACTIVE:
                self._subsidise(act, act.business_on)

    def _recovered_again(self) -> tuple[list[Movement], int]:
        """What was passed on of a claim that was written off, as it is recovered of it again.

        With by how much the borrower's credit beside the schedule grows with that.
        """
        back = self.passed_on
        anew = self.recovered_by([*self.recoveries.values(), *back], self.claim)
        grown = self._beside(self.claim, anew) - self._credit_beside() if back else 0
        return [Movement(fact.ref, fact.on, Split(), anew[fact.ref], []) for fact in back], grown


def _in_order(rows: list[Instalment]) -> bool:
    owed = (row.due_on for row in rows if row.principal or row.interest)
    return all(earlier < later for earlier, later in pairwise(owed))

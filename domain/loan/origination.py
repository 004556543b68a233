"""How a loan comes about: applied for, signed and paid out, or taken over from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any, ClassVar, Self
from uuid import UUID

from domain.base.calendar import BusinessDays, next_day
from domain.base.policy import AssetClassRule, PayoutReturnRule, ServiceLevels
from domain.base.refusal import positive, two_people
from domain.base.repayment import AgreedRow
from domain.base.stream import Act
from domain.base.terms import Accrual, PlannedDraw, Terms, rate_fits
from domain.loan import cost, delinquency, events
from domain.loan import refusals as no
from domain.loan.account import as_credit, emptied, unlent
from domain.loan.allocation import Split, total
from domain.loan.asset_class import AssetClass, ClassReason
from domain.loan.consequences import Consequences
from domain.loan.daily_ledger import ledger_of
from domain.loan.delinquency import Bucket
from domain.loan.facts import FactKind
from domain.loan.ledger import Balance
from domain.loan.relief import must_follow
from domain.loan.schedule import (
    Instalment,
    opening_fault,
    paid_out_at_first,
    rolled,
    schedule,
    with_payout,
)
from domain.loan.sheet import BY_IRR, CostShown, sheet_digest, sheet_of
from domain.loan.stage import Stage, stage_due_on
from domain.loan.state import OFFERED, PAID_OUT, UNDER_REVIEW, Exposure, LoanState, Movement, Tier
from domain.loan.timetable import has_limit, in_parts


class Origination(Consequences):
    """The decisions on an application, from the first request to the payout; the takeover."""

    open: ClassVar[Callable[..., Any]]  # the stream's

    @classmethod
    def apply_for(
        cls,
        act: Act,
        loan_id: UUID,
        *,
        loan_ref: str,
        borrower_id: UUID,
        product_code: str,
        product_version: int,
        currency: str,
        amount: int,
        term_months: int,
        evidence_needed: list[str],
        levels: ServiceLevels,
        purpose: str | None = None,
        channel: str = "BRANCH",
        applied_on: date | None = None,
        segment: str | None = None,
        scene: str | None = None,
        partner: str | None = None,
        partner_order_ref: str | None = None,
    ) -> Self:
        """A new application, waiting for evidence or for its decision."""
        positive(amount, "The amount applied for")
        positive(term_months, "The term")
        on = applied_on or act.business_on
        stage = Stage.EVIDENCE if evidence_needed else Stage.DECISION
        loan: Self = cls.open(
            events.Applied,
            act,
            loan_id,
            on,
            loan_ref=loan_ref,
            borrower_id=borrower_id,
            product_code=product_code,
            product_version=product_version,
            currency=currency,
            amount=amount,
            term_months=term_months,
            purpose=purpose,
            channel=channel,
            missing=list(evidence_needed),
            stage=stage,
            stage_due_on=stage_due_on(stage, on, levels),
            valid_until_on=on + timedelta(days=levels.application_valid_days),
            policy_version=levels.version,
            segment=segment,
            scene=scene,
            partner=partner,
            partner_order_ref=partner_order_ref,
        )
        return loan

    def add_evidence(
        self, act: Act, *, kind: str, source: str, evidence_ref: str, levels: ServiceLevels
    ) -> None:
        """Record evidence of a kind that is still missing; what came before changes nothing."""
        self._must_be_under_review()
        if kind not in self.evidence_asked:
            asked = ", ".join(self.evidence_asked) or "none"
            raise no.EvidenceNotAsked(f"Evidence that is asked for: {asked}; not {kind!r}.")
        if kind not in self.missing:
            return
        missing = [other for other in self.missing if other != kind]
        stage, due_on = Stage.EVIDENCE, self.stage_due_on
        if not missing:
            stage = Stage.DECISION
            due_on = stage_due_on(stage, act.business_on, levels)
        self.record(
            events.EvidenceAdded,
            act,
            act.business_on,
            kind=kind,
            source=source,
            evidence_ref=evidence_ref,
            missing=missing,
            stage=stage,
            stage_due_on=due_on,
            policy_version=levels.version,
        )

    def approve(
        self,
        act: Act,
        *,
        amount: int,
        term_months: int,
        annual_rate: Decimal,
        requested_by: str,
        approved_by: str,
        levels: ServiceLevels,
        grade: str | None = None,
        model_version: str | None = None,
        cap_version: str | None = None,
        rows: list[AgreedRow] | None = None,
        index_version: str | None = None,
        tier: Tier | None = None,
        on_time: int | None = None,
        draws: list[PlannedDraw] | None = None,
        exposure: Exposure | None = None,
    ) -> None:
        """Approve the application with the terms of the offer, and its own *rows* if agreed.

        *on_time* is how many instalments the borrower paid on time before, where that was
        asked; *draws* are the payouts after the first one, where they were agreed on; *exposure*
        is what the borrower owes besides, where a rule limits that.

        Raises:
            ScheduleNotSound: the rows do not sum to the amount, or are out of order.
            DrawsNotSound: the draws leave nothing for the first payout, or are out of order.
        """
        self._must_be_under_review()
        self._must_not_have_run_out(act.business_on)
        two_people(requested_by, approved_by, "An approval")
        positive(amount, "The amount approved")
        positive(term_months, "The term")
        if not rate_fits(annual_rate):
            raise no.RateNotSound(f"A rate of {annual_rate} cannot be offered or stored exactly.")
        if self.missing:
            raise no.EvidenceMissing(f"Before approval this is needed: {', '.join(self.missing)}.")
        if rows is not None:
            self._must_be_a_schedule(rows, amount, act.business_on)
        if draws is not None:
            self._must_be_draws(draws, amount, act.business_on)
        stage = Stage.DISCLOSURE
        self.record(
            events.Approved,
            act,
            act.business_on,
            currency=self.currency,
            amount=amount,
            term_months=term_months,
            annual_rate=annual_rate,
            requested_by=requested_by,
            approved_by=approved_by,
            valid_until_on=act.business_on + timedelta(days=levels.offer_valid_days),
            stage=stage,
            stage_due_on=stage_due_on(stage, act.business_on, levels),
            policy_version=levels.version,
            grade=grade,
            model_version=model_version,
            cap_version=cap_version,
            rows=rows,
            index_version=index_version,
            tier=tier,
            on_time=on_time,
            draws=draws,
            exposure=exposure,
        )

    def _must_be_draws(self, draws: list[PlannedDraw], amount: int, after: date) -> None:
        days = [after, *(draw.on for draw in draws)]
        if len(days) == 1 or any(later <= day for day, later in pairwise(days)):
            raise no.DrawsNotSound(f"The later payouts must follow each other after {after}.")
        for draw in draws:
            positive(draw.amount, "A later payout")
        later = sum(draw.amount for draw in draws)
        if later >= amount:
            raise no.DrawsNotSound(
                f"The later payouts come to {self._written(later)}: of {self._written(amount)}"
                " nothing is left for the first one."
            )

    def link_partner_order(self, act: Act, *, partner_order_ref: str, reason: str) -> None:
        """Let the loan pay for an order of the partner, or for another one, until the payout.

        Raises:
            NoPartner: the product is for no partner's orders.
        """
        if self.state not in (*UNDER_REVIEW, *OFFERED):
            raise no.NotUnderReview(
                f"The loan is {self._state_words()}: an order is linked until the payout."
            )
        if self.partner is None:
            raise no.NoPartner("The product of this loan pays for no partner's orders.")
        if not partner_order_ref.strip() or not reason.strip():
            raise no.ReasonMissing("An order is linked by its reference, and for a reason.")
        if partner_order_ref == self.partner_order_ref:
            return
        self.record(
            events.PartnerOrderLinked,
            act,
            act.business_on,
            partner=self.partner,
            partner_order_ref=partner_order_ref,
            before=self.partner_order_ref,
            reason=reason,
        )

    def _must_be_a_schedule(self, rows: list[AgreedRow], amount: int, after: date) -> None:
        must_follow(rows, after)
        whole = sum(row.principal for row in rows)
        if whole != amount:
            raise no.ScheduleNotSound(
                f"The agreed rows repay {self._written(whole)}, the loan is"
                f" {self._written(amount)}."
            )

    def decline(self, act: Act, *, reasons: list[str], decided_by: str) -> None:
        """Decline the application; reasons are needed."""
        self._must_be_under_review()
        if not any(reason.strip() for reason in reasons):
            raise no.ReasonMissing("A decline needs at least one reason.")
        self.record(
            events.Declined,
            act,
            act.business_on,
            reasons=reasons,
            decided_by=decided_by,
            stage=Stage.DECLINED,
            stage_before=self.stage,
        )

    def withdraw(self, act: Act, *, reason: str) -> None:
        """End the application at the applicant's wish, at any stage before payout."""
        if self.state not in (*UNDER_REVIEW, *OFFERED):
            raise no.NotUnderReview(f"The loan is {self._state_words()} and cannot be withdrawn.")
        if self.unapplied:
            raise no.CreditLeft(
                f"The borrower has {self._written(self.unapplied)} of credit on it; settle that"
                " first: refund it, or let them pay what is missing."
            )
        self.record(
            events.Withdrawn,
            act,
            act.business_on,
            reason=reason,
            stage=Stage.WITHDRAWN,
            stage_before=self.stage,
        )

    def disclose(
        self, act: Act, *, terms: Terms, levels: ServiceLevels, shown_by: CostShown = BY_IRR
    ) -> None:
        """Show the borrower what *terms* cost if paid out today, by the methods of *shown_by*.

        Raises:
            NoRate: the foremost method finds no cost of a year.
        """
        if self.state not in (LoanState.APPROVED, LoanState.DISCLOSED):
            raise no.NotApproved(
                f"The loan is {self._state_words()}; there is no offer to disclose."
            )
        self._must_not_have_run_out(act.business_on)
        self._must_match_offer(terms)
        sheet = sheet_of(terms, act.business_on, shown_by)
        stage = Stage.SIGNING
        self.record(
            events.CostDisclosed,
            act,
            act.business_on,
            currency=terms.currency,
            principal=terms.amount,
            interest=sheet.interest,
            fees=sheet.fees,
            annualised_cost=sheet.foremost,
            method=sheet.costs[0].method,
            terms_digest=cost.digest(terms),
            charges=sheet.charges_named,
            stage=stage,
            stage_before=self.stage,
            stage_due_on=stage_due_on(stage, act.business_on, levels),
            policy_version=levels.version,
            sheet=sheet,
            sheet_digest=sheet_digest(sheet),
        )

    def sign(
        self,
        act: Act,
        *,
        terms: Terms,
        contract_ref: str,
        template_version: str,
        levels: ServiceLevels,
        digest: str | None = None,
    ) -> None:
        """Sign the contract on exactly the terms that were disclosed.

        *digest* is that of the sheet that the borrower confirmed, if it is at hand.

        Raises:
            NotDisclosed: other terms, or another sheet, were disclosed last.
        """
        if self.state not in (LoanState.APPROVED, LoanState.DISCLOSED):
            raise no.NotApproved(f"The loan is {self._state_words()}; there is nothing to sign.")
        self._must_not_have_run_out(act.business_on)
        terms_digest = cost.digest(terms)
        if terms_digest != self.disclosed:
            raise no.NotDisclosed(
                "The cost of these terms was not disclosed; disclose it, then sign."
            )
        if digest is not None and digest not in (self.sheet_digest, self.disclosed):
            raise no.NotDisclosed(
                "The borrower confirmed another sheet than the one that was disclosed last."
            )
        stage = Stage.DISBURSEMENT
        self.record(
            events.ContractSigned,
            act,
            act.business_on,
            contract_ref=contract_ref,
            template_version=template_version,
            terms=terms,
            terms_digest=terms_digest,
            stage=stage,
            stage_due_on=stage_due_on(stage, act.business_on, levels),
            policy_version=levels.version,
            sheet_digest=self.sheet_digest,
        )

    def disburse(
        self,
        act: Act,
        *,
        disbursement_ref: str,
        paid_to: str,
        first_due_on: date | None = None,
        disbursed_on: date | None = None,
        business_days: BusinessDays | None = None,
        amount: int | None = None,
    ) -> None:
        """Pay the loan out; of one with a limit an *amount* within it, else all.

        What the contract plans to pay out later is left to be drawn. *business_days* are
        those of the calendar that the contract names, if it names one. *disbursed_on* may
        lie back, to the day of the contract.

        What pays for an order of a partner goes to the partner, or to an account of theirs,
        named after them and a slash. Where a payout came back, this is the next one: its
        schedule begins anew, what the borrower paid before is credit on it, and what was paid
        since pays what it finds.

        Raises:
            BeforeSigning: the contract was signed later, or a payout that came back went out.
            PayeeNotPartner: somebody else would get it.
            NothingPaidOut: what is withheld leaves nothing of it.
        """
        if self.state in (*PAID_OUT, LoanState.SOLD):
            raise no.AlreadyDisbursed(f"The loan was paid out on {self.disbursed_on}.")
        if self.state != LoanState.SIGNED or self.terms is None:
            raise no.NotSigned(
                f"The loan is {self._state_words()}; money goes out on a signed contract."
            )
        on = disbursed_on or act.business_on
        self._must_not_be_future(act, on)
        self._must_not_have_run_out(on)
        if self.signed_on is not None and on < self.signed_on:
            raise no.BeforeSigning(
                f"The contract was signed on {self.signed_on}; money paid out on {on} was not"
                " paid out on it."
            )
        self._must_follow_what_came_back(on, disbursement_ref)
        self._must_know_calendar(self.terms, business_days)
        self._must_go_to_the_partner(paid_to)
        self._must_precede_the_plan(on)
        amount = self._paid_out_at_first(amount)
        terms = self.terms
        if has_limit(terms) or in_parts(terms):
            terms = replace(terms, amount=amount, draws=None)
        rows = rolled(schedule(terms, on, first_due_on), business_days, on)
        if in_parts(self.terms):
            # What is charged at the payout was disclosed for the whole amount.
            rows = with_payout(self.terms, on, rows)
        kept = rows[0].fees_paid
        if kept >= amount:
            raise no.NothingPaidOut(
                f"{self._written(kept)} is withheld from the payout: of {self._written(amount)}"
                " nothing would be paid out."
            )
        ledger = ledger_of(self.terms)(self.terms, on, rows, self.unapplied)
        self.record(
            events.Disbursed,
            act,
            on,
            disbursement_ref=disbursement_ref,
            borrower_id=self.borrower_id,
            loan_ref=self.loan_ref,
            currency=self.currency,
            amount=amount,
            paid_to=paid_to,
            schedule=rows,
            balance=ledger.balance(on),
            stage=Stage.SERVICING,
            withheld=kept or None,
        )
        if on < act.business_on:
            self._place_credit(act, on)
            # What fell due since may be paid by credit, or bear a charge, before it is late.
            self._follow_up(act, on)

    def _place_credit(self, act: Act, on: date) -> None:
        """Let what was paid since the payout *on* a day pay what it finds, each on its day."""
        if not any(fact.pays and fact.on > on for fact in self.facts):
            return
        outcome: dict[str, Any] = self._outcome(act, self._rerun(self.facts))
        if outcome["reallocated"]:
            self.record(
                events.CreditPlaced, act, on, disbursement_ref=self.disbursement_ref, **outcome
            )

    def _must_follow_what_came_back(self, on: date, disbursement_ref: str) -> None:
        """Pass where the payout *on* a day is the next one after any that came back."""
        back = self.came_back
        if back is None:
            return
        if disbursement_ref == back.disbursement_ref:
            raise no.PaymentRefReused(
                f"The payout {disbursement_ref!r} came back on {back.returned_on}; the next one"
                " needs a reference of its own."
            )
        if on < back.paid_out_on:
            raise no.BeforeSigning(
                f"The payout that came back went out on {back.paid_out_on}; the next one is not"
                f" of {on}."
            )
        back_to_them = [fact.on for fact in self.facts if fact.kind == FactKind.REFUND]
        last = max(back_to_them, default=on)
        if last > on:
            raise no.MoneySince(
                f"Credit was paid back on {last}, after {on}: with the payout it may have been"
                f" none. Pay out as of {last} or later, or take the refund back first."
            )

    def return_payout(
        self,
        act: Act,
        *,
        returned_on: date,
        reason: str,
        levels: ServiceLevels,
        classes: AssetClassRule | None = None,
        requested_by: str | None = None,
        approved_by: str | None = None,
        rule: PayoutReturnRule | None = None,
    ) -> None:
        """Record that the payout came back on a day: the borrower never had the money.

        Nothing was lent, so nothing is owed, since the day of the payout: interest, fees,
        penalty, relief and labels fall away, what was paid is the borrower's credit, and a
        partner's share of interest is billed back. The contract stands signed and can be paid
        out again for as long as an offer stands by *levels*; else it runs out. Recorded
        before for the same day, nothing changes.

        Where it becomes known later than *rule* lets one person record it, or money was repaid,
        two people stand behind it: a bank is not so slow, and who repays had the money.

        Raises:
            SamePerson: it needs two people, or two are named who are one.
            PayoutNotOurs: it was paid out elsewhere, before it was taken over.
            RestsOnIt: more was drawn on it, or it was written off or sold.
        """
        if self.came_back is not None and self.came_back.returned_on == returned_on:
            return
        self._must_not_have_ended()
        self._must_be_paid_out()
        if self.signed_on is None or self.disbursed_on is None:
            raise no.PayoutNotOurs("The loan was paid out elsewhere, before it was taken over.")
        if not reason.strip():
            raise no.ReasonMissing("That a payout came back needs a reason.")
        self._must_not_be_before_disbursement(returned_on)
        self._must_not_be_future(act, returned_on)
        self._must_not_be_drawn_on()
        self._must_be_returned_by(act, rule, requested_by, approved_by)
        stage, on, until = Stage.DISBURSEMENT, self.disbursed_on, self.overdue_since_on
        fell_away, lent = self.charged_beside(self.facts), self.lent_at_first()
        self.record(
            events.PayoutReturned,
            act,
            on,
            disbursement_ref=self.disbursement_ref,
            returned_on=returned_on,
            amount=lent,
            withheld=self.opening[0].fees_paid or None,
            fell_away=fell_away,
            dropped=[row.number for row in self.instalments],
            bucket_before=self.bucket,
            reason=reason,
            stage=stage,
            stage_before=self.stage,
            stage_due_on=stage_due_on(stage, act.business_on, levels),
            valid_until_on=act.business_on + timedelta(days=levels.offer_valid_days),
            policy_version=levels.version,
            requested_by=requested_by,
            approved_by=approved_by,
            returns_version=rule.version if rule else None,
            **self._outcome_unlent(on, lent),
        )
        self._relabel_unlent(act, until, classes)
        self._bill_back(act, on)

    def _must_be_returned_by(
        self,
        act: Act,
        rule: PayoutReturnRule | None,
        requested_by: str | None,
        approved_by: str | None,
    ) -> None:
        """Pass where one person is enough by *rule*, or two are named.

        The days are counted to the one on which it becomes known: the value date is only said.
        """
        assert self.disbursed_on is not None
        paid_out = (self.disbursed_on, self.payout_order)
        repaid = any(fact.pays and (fact.on, fact.order) >= paid_out for fact in self.facts)
        what = "That a payout came back"
        if rule is not None and repaid:
            what += f" after money was repaid ({rule.version})"
        elif rule is not None and act.business_on > self.disbursed_on + timedelta(days=rule.days):
            what += f", said more than {rule.days} days after it was made ({rule.version}),"
        elif requested_by is None and approved_by is None:
            return
        two_people(requested_by or "", approved_by or "", what)

    def _must_not_have_ended(self) -> None:
        if self.endings:
            last = self.endings[-1].kind
            raise no.RestsOnIt(
                f"The loan is {self._state_words()}: take the {last.lower().replace('_', '-')}"
                " back first."
            )

    def _must_not_be_drawn_on(self) -> None:
        draws = [fact.ref for fact in self.facts if fact.kind == FactKind.DRAW]
        if draws:
            raise no.RestsOnIt(
                f"More was drawn since ({', '.join(draws)}): take that back first; what of it"
                " did go out is then paid out as the first payout, as of its day."
            )

    def _outcome_unlent(self, on: date, lent: int) -> dict[str, object]:
        """What the money of the loan comes to where nothing was lent."""
        assert self.terms is not None
        ledger = unlent(self.terms, as_credit(self.facts))
        days = {fact.ref: fact.on for fact in self.facts if fact.splits}
        moved = [
            Movement(ref, days[ref], split, ledger.splits.get(ref, Split()), [])
            for ref, split in self.splits.items()
            if self.parts[ref] or ref not in ledger.splits
        ]
        before = total(self.splits.values())
        grown = self.balance.principal + before.principal - lent
        return {
            "currency": self.currency,
            "net": total(ledger.splits.values()).less(before),
            "instalments": [emptied(row, on) for row in self.instalments],
            "reallocated": moved,
            "balance": Balance(0, 0, 0, 0, ledger.unapplied),
            "bucket": Bucket.M0,
            "state_before": self.state,
            "state": LoanState.SIGNED,
            "capitalised": -grown or None,
            "restated": None,
        }

    def _relabel_unlent(
        self, act: Act, overdue_since_on: date | None, classes: AssetClassRule | None
    ) -> None:
        """Record that nothing is overdue any more, and that the asset class is the best."""
        if overdue_since_on is not None:
            self.record(
                events.Cured,
                act,
                next_day(overdue_since_on),
                currency=self.currency,
                overdue_since_on=overdue_since_on,
                next_pay_by_on=None,
            )
        if self.asset_class != AssetClass.NORMAL and classes is not None:
            self.record(
                events.AssetClassChanged,
                act,
                self.class_since_on or act.business_on,
                currency=self.currency,
                class_before=self.asset_class,
                asset_class=AssetClass.NORMAL,
                reason=ClassReason.IN_ORDER,
                days_past_due=0,
                balance=self.balance,
                policy_version=classes.version,
                standard=classes.standard,
            )

    def _bill_back(self, act: Act, on: date) -> None:
        """Record that a partner owes nothing of interest that nobody owed."""
        for number, billed in self.subsidised.items():
            if billed:
                assert self.terms is not None and self.terms.subsidy is not None
                self.record(
                    events.InterestSubsidised,
                    act,
                    on,
                    currency=self.currency,
                    payer=self.terms.subsidy.payer,
                    annual_rate=self.terms.subsidy.annual_rate,
                    instalment=int(number),
                    from_on=on,
                    until_on=on,
                    amount=-billed,
                    total=0,
                )

    def _must_go_to_the_partner(self, paid_to: str) -> None:
        partner, order = self.partner, self.partner_order_ref
        if partner is None or order is None:
            return
        if paid_to != partner and not paid_to.startswith(f"{partner}/"):
            raise no.PayeeNotPartner(
                f"The order {order!r} is paid to {partner}, or to an account of theirs as"
                f" {partner}/ACCOUNT; not to {paid_to!r}."
            )

    def _must_precede_the_plan(self, on: date) -> None:
        assert self.terms is not None
        first = min((draw.on for draw in self.terms.draws or ()), default=None)
        if first is not None and first <= on:
            raise no.DrawsNotSound(
                f"The contract plans the second payout for {first}: the first one comes before."
            )

    def _paid_out_at_first(self, amount: int | None) -> int:
        assert self.terms is not None
        whole = paid_out_at_first(self.terms)
        if amount is None or amount == whole:
            return whole
        positive(amount, "A payout")
        if not has_limit(self.terms) and not in_parts(self.terms):
            raise no.DrawNotOffered(
                f"The contract pays out {self._written(whole)}, and no other amount."
            )
        if amount > self.terms.amount:
            raise no.LimitExceeded(f"The limit is {self._written(self.terms.amount)}.")
        return amount

    @classmethod
    def migrate(
        cls,
        act: Act,
        loan_id: UUID,
        *,
        loan_ref: str,
        borrower_id: UUID,
        origin: str,
        terms: Terms,
        disbursed_on: date,
        accrues_from: date,
        rows: list[Instalment],
        unapplied: int = 0,
    ) -> Self:
        """Take over a running loan with the instalments that are left of it.

        Raises:
            OpeningNotSound: there are none, they are out of order, paid beyond what is
                owed, or ask for more principal than was lent.
        """
        wrong = opening_fault(rows)
        if wrong:
            raise no.OpeningNotSound(wrong)
        if not disbursed_on <= accrues_from <= act.business_on:
            raise no.OpeningNotSound("Payout, takeover and today are not in the order of time.")
        if terms.accrual == Accrual.DAILY_BALANCE and rows[0].due_on <= accrues_from:
            raise no.OpeningNotSound(
                "A loan with interest by the balance of each day is taken over before its"
                " first instalment left is due."
            )
        if unapplied < 0:
            raise no.OpeningNotSound("A loan is not taken over with less than no credit.")
        ledger = ledger_of(terms)(terms, accrues_from, rows, unapplied)
        if not 0 < ledger.balance(act.business_on).principal <= terms.amount:
            raise no.OpeningNotSound("The principal left is not between zero and the amount lent.")
        oldest = ledger.oldest_unpaid_on()
        dpd = delinquency.days_past_due(oldest, act.business_on)
        loan: Self = cls.open(
            events.Migrated,
            act,
            loan_id,
            act.business_on,
            loan_ref=loan_ref,
            borrower_id=borrower_id,
            origin=origin,
            currency=terms.currency,
            terms=terms,
            disbursed_on=disbursed_on,
            accrues_from=accrues_from,
            schedule=rows,
            balance=ledger.balance(act.business_on),
            bucket=delinquency.bucket(dpd),
            overdue_since_on=oldest if dpd else None,
            stage=Stage.SERVICING,
        )
        return loan

    def _must_not_have_run_out(self, on: date) -> None:
        if self.valid_until_on is not None and on > self.valid_until_on:
            raise no.RanOut(f"The application or offer ran out on {self.valid_until_on}.")

    def _must_be_under_review(self) -> None:
        if self.state not in UNDER_REVIEW:
            raise no.NotUnderReview(
                f"The application is {self._state_words()} and no longer under review."
            )

    def _must_match_offer(self, terms: Terms) -> None:
        offer = (self.amount, self.term_months, self.annual_rate, self.currency)
        if (terms.amount, terms.term_months, terms.annual_rate, terms.currency) != offer:
            raise no.TermsNotApproved(
                "Amount, term, rate or currency differ from the approved offer."
            )

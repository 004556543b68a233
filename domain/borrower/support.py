"""Support for a borrower who is late: what is offered, plans to pay, and when to ask again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.base.contact_policy import Outcome
from domain.base.money import written
from domain.base.policy import PlanStandard
from domain.base.refusal import Refusal, positive
from domain.base.stream import Act
from domain.borrower import support_events as events
from domain.borrower.promises import PromiseLapsed, PromiseRefReused, PromiseState
from domain.borrower.support_events import PlanRow, RepaymentPlan, Support, SupportState
from domain.borrower.support_words import PlanState, SupportKind

REACHED = frozenset({Outcome.SENT, Outcome.CONNECTED, Outcome.CONVERSATION, Outcome.INBOUND})
"""What a contact comes to by which the borrower was asked, or told by themselves."""


class SupportRefReused(Refusal):
    """The reference already names another offer of support."""

    code = "SUPPORT_REF_REUSED"


class SupportUnknown(Refusal):
    """Nothing was offered under this reference for the loan."""

    code = "SUPPORT_UNKNOWN"


class PlanRefReused(Refusal):
    """The reference already names another plan."""

    code = "PLAN_REF_REUSED"


class PlanUnknown(Refusal):
    """No plan with this reference was proposed."""

    code = "PLAN_UNKNOWN"


class PlanUnsound(Refusal):
    """The rows of a plan do not make one."""

    code = "PLAN_UNSOUND"


class PlanBeyondDebt(Refusal):
    """A plan would bring in more than is owed."""

    code = "PLAN_BEYOND_DEBT"


class PlanOver(Refusal):
    """The plan came to its end already."""

    code = "PLAN_OVER"


class PlanBegun(Refusal):
    """The first day of the plan is past: it cannot be agreed as it stands."""

    code = "PLAN_BEGUN"


class CheckInPast(Refusal):
    """The day to ask again lies behind."""

    code = "CHECK_IN_PAST"


class Supported(SupportState):
    """The support of one borrower: offers, plans to pay, check-ins.

    A plan that is agreed makes a promise of each row. These are assessed by the day close as
    any other, and what becomes of them makes the plan kept or broken.
    """

    def offer_support(
        self,
        act: Act,
        *,
        support_ref: str,
        loan_id: UUID,
        kind: SupportKind,
        contact_ref: str | None = None,
        said_ref: str | None = None,
    ) -> None:
        """Note that the borrower was offered help with a loan; the same twice is noted once.

        Raises:
            SupportRefReused: the reference names another offer.
            ContactUnknown: it was offered in a contact that nobody knows of.
        """
        known = self.supports.get(support_ref)
        if known is not None:
            if known != Support(loan_id, kind):
                raise SupportRefReused(
                    f"The reference {support_ref!r} already names another offer of support."
                )
            return
        if contact_ref is not None:
            self._must_know(contact_ref)
        self.record(
            events.SupportOffered,
            act,
            act.business_on,
            support_ref=support_ref,
            loan_id=loan_id,
            kind=str(kind),
            contact_ref=contact_ref,
            said_ref=said_ref,
        )

    def propose_plan(
        self,
        act: Act,
        *,
        plan_ref: str,
        loan_id: UUID,
        currency: str,
        rows: Sequence[PlanRow],
        owed: int,
        support_ref: str | None = None,
    ) -> None:
        """Note a plan to pay what is owed on a loan; the same twice is noted once.

        *owed* is all that is left to pay on the loan, in minor units.

        Raises:
            PlanRefReused: the reference names another plan.
            SupportUnknown: nothing was offered under *support_ref* for the loan.
            PlanUnsound: there is no row, or the days are past or out of order.
            AmountNotPositive: a row has nothing to pay.
            PlanBeyondDebt: it comes to more than is owed.
        """
        known = self.plans.get(plan_ref)
        if known is not None:
            if (known.loan_id, known.rows) != (loan_id, list(rows)):
                raise PlanRefReused(f"The reference {plan_ref!r} already names another plan.")
            return
        support = None if support_ref is None else self.supports.get(support_ref)
        if support_ref is not None and (support is None or support.loan_id != loan_id):
            raise SupportUnknown(
                f"No support {support_ref!r} was offered for this loan: offer it first, or name"
                " none."
            )
        _must_be_sound(rows, act.business_on)
        total = sum(row.amount for row in rows)
        if total > owed:
            raise PlanBeyondDebt(
                f"The plan comes to {written(total, currency)} {currency}, and"
                f" {written(owed, currency)} {currency} are owed: plan that at most."
            )
        self.record(
            events.RepaymentPlanProposed,
            act,
            act.business_on,
            plan_ref=plan_ref,
            loan_id=loan_id,
            currency=currency,
            rows=list(rows),
            total=total,
            outstanding=owed,
            support_ref=support_ref,
        )

    def agree_plan(
        self, act: Act, *, plan_ref: str, consent_ref: str, standard: PlanStandard
    ) -> None:
        """Let a plan be agreed, in place of one that runs for the loan; twice changes nothing.

        Raises:
            PlanUnknown: none was proposed under the reference.
            PlanOver: it was kept, broken or replaced.
            PlanBegun: its first day is past.
            PromiseRefReused: a promise has the reference that a row would make.
        """
        plan = self.plans.get(plan_ref)
        if plan is None:
            raise PlanUnknown(f"No plan {plan_ref!r} was proposed: propose it first.")
        if plan.state == PlanState.AGREED:
            return
        if plan.state != PlanState.PROPOSED:
            raise PlanOver(f"The plan {plan_ref!r} was {plan.state}: propose another.")
        if plan.rows[0].due_on < act.business_on:
            raise PlanBegun(
                f"The plan begins on {plan.rows[0].due_on}, which is past: propose another."
            )
        self._must_be_unused(plan)
        running = self.running_plan(plan.loan_id)
        if running is not None:
            self._lapse_rows(act, running, PlanState.REPLACED)
        self.record(
            events.RepaymentPlanAgreed,
            act,
            act.business_on,
            plan_ref=plan_ref,
            loan_id=plan.loan_id,
            currency=plan.currency,
            rows=plan.rows,
            total=plan.total,
            consent_ref=consent_ref,
            replaces=None if running is None else running.plan_ref,
            tolerated_rows=standard.tolerated_rows,
            policy_version=standard.version,
        )
        self._promise_rows(act, plan)

    def schedule_check_in(self, act: Act, *, loan_id: UUID, check_in_on: date) -> None:
        """Let a collector ask again on a day, in place of the day said before.

        Raises:
            CheckInPast: the day is past.
        """
        if check_in_on < act.business_on:
            raise CheckInPast(f"{check_in_on} is past: give {act.business_on} or a later day.")
        known = self.check_ins.get(str(loan_id))
        plan = self.running_plan(loan_id)
        plan_ref = None if plan is None else plan.plan_ref
        if known is not None and (known.check_in_on, known.plan_ref) == (check_in_on, plan_ref):
            return
        self.record(
            events.CheckInScheduled,
            act,
            act.business_on,
            loan_id=loan_id,
            check_in_on=check_in_on,
            check_in_before=None if known is None else known.check_in_on,
            plan_ref=plan_ref,
        )

    # --- what follows -----------------------------------------------------------------

    def running_plan(self, loan_id: UUID) -> RepaymentPlan | None:
        """The plan that is agreed for a loan and not over; there is one at most."""
        return next(
            (
                each
                for each in self.plans.values()
                if (each.loan_id, each.state) == (loan_id, PlanState.AGREED)
            ),
            None,
        )

    def left_alone_until(self, loan_id: UUID, on: date) -> date | None:
        """The day before which nobody asks about a loan, as the plan holds; None if somebody may.

        A check-in that looks at no plan, or at one that is over, keeps nobody away.
        """
        known = self.check_ins.get(str(loan_id))
        plan = self.running_plan(loan_id)
        if known is None or plan is None or known.plan_ref != plan.plan_ref:
            return None
        return known.check_in_on if on < known.check_in_on else None

    def check_in_due(self, loan_id: UUID, on: date) -> date | None:
        """The day since which a check-in waits; None when none does.

        One is made by a contact about the loan that reached the borrower on that day or later.
        """
        known = self.check_ins.get(str(loan_id))
        if known is None or on < known.check_in_on:
            return None
        zone = ZoneInfo(self.zones[0])
        made = any(
            past.debt == str(loan_id)
            and past.outcome in REACHED
            and ref not in self.open_contacts
            and past.at.astimezone(zone).date() >= known.check_in_on
            for ref, past in self.contacts.items()
        )
        return None if made else known.check_in_on

    def _must_be_unused(self, plan: RepaymentPlan) -> None:
        """Pass when no promise has a reference that a row of the plan would make."""
        for ref in plan.promise_refs():
            if ref in self.promises:
                raise PromiseRefReused(
                    f"The reference {ref!r} already names a promise: propose the plan under another"
                    " reference."
                )

    def _promise_rows(self, act: Act, plan: RepaymentPlan) -> None:
        """Let every row of a plan be promised."""
        for ref, row in zip(plan.promise_refs(), plan.rows, strict=True):
            self.promise(
                act,
                promise_ref=ref,
                loan_id=plan.loan_id,
                amount=row.amount,
                currency=plan.currency,
                promised_on=row.due_on,
            )

    def _lapse_rows(self, act: Act, plan: RepaymentPlan, reason: PlanState) -> None:
        """Let the rows of a plan that are still open bind no more."""
        for ref in plan.promise_refs():
            promise = self.promises[ref]
            if promise.state == PromiseState.OPEN:
                self.record(
                    PromiseLapsed,
                    act,
                    act.business_on,
                    promise_ref=ref,
                    loan_id=promise.loan_id,
                    currency=promise.currency,
                    promised=promise.amount,
                    promised_on=promise.promised_on,
                    plan_ref=plan.plan_ref,
                    reason=str(reason),
                )


def _must_be_sound(rows: Sequence[PlanRow], on: date) -> None:
    if not rows:
        raise PlanUnsound("A plan has at least one day and amount: give DAY=AMOUNT.")
    for row in rows:
        positive(row.amount, "A row of a plan")
    if rows[0].due_on < on:
        raise PlanUnsound(f"{rows[0].due_on} is past: a plan begins on {on} at the earliest.")
    if any(one.due_on >= other.due_on for one, other in pairwise(rows)):
        raise PlanUnsound("The days of a plan follow each other: give each once, in order.")

"""Turning what a loan owes into equal instalments, at the borrower's wish."""

from __future__ import annotations

from datetime import date, timedelta

from domain.base.money import rounded
from domain.base.repayment import Method
from domain.base.stream import Act
from domain.base.terms import Conversion
from domain.loan import cost, events
from domain.loan import refusals as no
from domain.loan.cost import Flow
from domain.loan.daily_ledger import DailyLedger
from domain.loan.ledger import Ledger
from domain.loan.relief import PayBy
from domain.loan.reschedule import Change, RescheduleKind
from domain.loan.schedule import Instalment
from domain.loan.sheet import CostCase, sheet_digest
from domain.loan.workout import Workout

CONVERTIBLE = (Method.BULLET, Method.INTEREST_ONLY)
"""Methods by which principal comes back at the end only."""


class Converting(Workout):
    """The decisions on a conversion: its cost is disclosed, then the borrower accepts."""

    def offer_conversion(self, act: Act, *, count: int, pay_by: PayBy | None = None) -> None:
        """Show the borrower what *count* equal instalments from today on would cost.

        It replaces an offer that stands. *pay_by* says until when what is due on a day can
        be paid, where that is later.

        Raises:
            NotConvertible: the contract does not offer it, or not so many.
            PastDue: something is overdue, and the contract asks that nothing is.
            CostOverCap: it would cost more in a year than the cap of the day.
        """
        named = self._must_be_convertible(act)
        if not 2 <= count <= named.most:
            raise no.NotConvertible(
                f"The contract turns what is owed into 2 to {named.most} instalments, not {count}."
            )
        on = act.business_on
        ledger, change = self._converted(on, count, pay_by)
        ahead = _ahead(ledger, on)
        flows = self._flows_converted(on, ledger)
        self._must_cost_within_cap(on, flows)
        sheet = self._sheet_ahead(on, ledger, None, {CostCase.AS_PLANNED: flows})
        self.record(
            events.ConversionOffered,
            act,
            on,
            currency=self.currency,
            count=count,
            principal=sum(row.principal_left for row in ahead),
            interest=sum(row.interest - row.interest_paid for row in ahead),
            fees=sum(row.fees - row.fees_paid for row in ahead),
            annual_rate=ledger.laid.rate_after(on),
            annualised_cost=sheet.foremost,
            method=sheet.costs[0].method,
            schedule=ahead,
            valid_until_on=min(on + timedelta(days=named.offer_days), ahead[0].due_on),
            offer_digest=cost.offer_digest(change, ahead),
            sheet=sheet,
            sheet_digest=sheet_digest(sheet),
        )

    def convert(
        self, act: Act, *, consent_ref: str, digest: str | None = None, pay_by: PayBy | None = None
    ) -> None:
        """Accept the conversion that was offered; it counts from the day of the offer.

        *digest* is that of the disclosure that the borrower signed, if it is at hand.

        Raises:
            NotConvertible: no offer stands.
            NotDisclosed: another offer was signed, or the loan changed since.
            PastDue: something is overdue, and the contract asks that nothing is.
            CostOverCap: it would cost more in a year than the cap of the day.
        """
        self._must_be_convertible(act)
        offer = self.conversion
        if offer is None or act.business_on > offer.valid_until_on:
            raise no.NotConvertible("No conversion is on offer for this loan today; offer it.")
        ledger, change = self._converted(offer.on, offer.count, pay_by)
        shown = cost.offer_digest(change, _ahead(ledger, offer.on))
        if digest is not None and digest not in (offer.sheet_digest, offer.offer_digest):
            raise no.NotDisclosed("Another offer was signed than the one that stands.")
        if shown != offer.offer_digest:
            raise no.NotDisclosed("The loan changed since the offer; offer the conversion anew.")
        self._must_cost_within_cap(act.business_on, self._flows_converted(offer.on, ledger))
        self.record(
            events.Converted,
            act,
            offer.on,
            count=offer.count,
            annual_rate=ledger.laid.rate_after(offer.on),
            offer_digest=offer.offer_digest,
            consent_ref=consent_ref,
            change=change,
            **self._outcome(act, ledger),
        )
        self._follow_up(act, offer.on)
        self._offer_again(act)

    def _must_be_convertible(self, act: Act) -> Conversion:
        self._must_be_active()
        assert self.terms is not None
        named = self.terms.conversion
        if named is None or self.terms.method not in CONVERTIBLE:
            raise no.NotConvertible("The contract offers no conversion into instalments.")
        if self.converted_on is not None:
            raise no.NotConvertible(f"The loan was converted on {self.converted_on} already.")
        ledger = self._ledger() if self._accrues_daily() else None
        later = ledger.to_come(act.business_on) if isinstance(ledger, DailyLedger) else []
        if later:
            raise no.NotConvertible(
                f"The contract pays out {self._written(later[0].amount)} more on {later[0].on};"
                " convert the loan after that."
            )
        if not named.when_past_due and self._is_past_due(act.business_on):
            raise no.PastDue(
                "A loan that is past due is not converted; what is overdue comes first."
            )
        return named

    def _converted(self, on: date, count: int, pay_by: PayBy | None) -> tuple[Ledger, Change]:
        """The ledger with a conversion into *count* on *on*, and the change that it comes to."""
        ref, change = RescheduleKind.CONVERSION.lower(), self._conversion_change(on, count, pay_by)
        self._must_be_under_cap(change.annual_rate, on)
        ledger = self._rerun([*self.facts, self._reschedule_fact(ref, on, change)])
        return ledger, ledger.came_to[ref]

    def _flows_converted(self, on: date, ledger: Ledger) -> list[Flow]:
        """What is owed, and how *ledger* pays it back after *on*.

        Where the balance of each day bears interest, the balance may be another one since the
        row began: what it bore until *on* is owed that day.
        """
        flows = self._flows_ahead(on, ledger)
        before = self.ledger_on(on)
        if isinstance(before, DailyLedger):
            interest = rounded(before.bearing(on), before.terms.rounding)
            interest -= sum(row.interest_paid for row in before.rows if row.due_on > on)
            principal = before.principal_owed(on)
            flows[0] = Flow(on, principal + max(interest, 0), principal)
        return flows

    def _conversion_change(self, on: date, count: int, pay_by: PayBy | None) -> Change:
        """Equal instalments on the days of the loan's rhythm; open rows first, then new ones."""
        stands = self._standing(on, pay_by)
        still = [row for row in stands.still if row.paid_on is None]
        if not still or not self.balance.principal:
            raise no.NotConvertible(
                "No principal is to come due any more that could be turned into instalments."
            )
        assert self.terms is not None and self.terms.conversion is not None
        return Change(
            annual_rate=self.terms.conversion.annual_rate,
            count=count,
            rolled=stands.rolled(count),
            gathers_principal=True,
            method=Method.EQUAL_INSTALMENTS,
        )


def _ahead(ledger: Ledger, on: date) -> list[Instalment]:
    """The instalments to come of which something is owed."""
    return [row for row in ledger.rows_on(on) if row.due_on > on and row.left]

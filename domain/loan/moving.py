"""How the due dates of instalments are moved, one or all from one on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from domain.base.calendar import BusinessDays, on_day
from domain.base.policy import DueDateRule
from domain.base.refusal import two_people
from domain.base.repayment import MONTHS
from domain.base.stream import Act
from domain.loan import events
from domain.loan import refusals as no
from domain.loan.consequences import Consequences
from domain.loan.facts import Fact, FactKind
from domain.loan.reschedule import MovedDate, RescheduleKind
from domain.loan.schedule import Instalment
from domain.loan.timetable import LAST_DAY


@dataclass(frozen=True)
class _Asked:
    """What is said of a move beside its dates; *on* is when it was agreed."""

    act: Act
    on: date
    reason: str
    requested_by: str | None
    approved_by: str | None
    business_days: BusinessDays | None
    rule: DueDateRule | None


class Moving(Consequences):
    """The decision on when an instalment falls due; its interest stays as scheduled."""

    def move_due_date(
        self,
        act: Act,
        *,
        instalment: int,
        due_on: date,
        reason: str,
        business_days: BusinessDays | None = None,
        on: date | None = None,
        requested_by: str | None = None,
        approved_by: str | None = None,
        rule: DueDateRule | None = None,
    ) -> None:
        """Give an unpaid instalment another due date; *on*, when it was agreed, may lie back.

        Further from its day than *rule* allows, or where it is past due by now, two people
        agree; beyond the rule it is relief, and the asset class follows.

        Raises:
            InstalmentNotOpen: there is no such instalment, or it is paid.
            PastDue: it was past due on the day: what is late is not moved, but re-aged.
            DueDateOutOfOrder: another instalment is due between, or the day is over.
        """
        on = self._counted_on(act, on)
        row = self._row(instalment)
        if row.paid_on is not None or row.left == 0:
            raise no.InstalmentNotOpen(f"Instalment {instalment} is paid.")
        if due_on != row.due_on:
            asked = _Asked(act, on, reason, requested_by, approved_by, business_days, rule)
            self._move(asked, {instalment: due_on})

    def move_pay_day(
        self,
        act: Act,
        *,
        instalment: int,
        day: int,
        reason: str,
        business_days: BusinessDays | None = None,
        on: date | None = None,
        requested_by: str | None = None,
        approved_by: str | None = None,
        rule: DueDateRule | None = None,
    ) -> None:
        """Let every instalment from one on that is unpaid or to come fall due on a *day*.

        The last day of a month that has no such day. Instalments that are added later have
        that day too, and those that are paid ahead: their payment may not stand. Else as for
        one that moves.

        Raises:
            NothingChanges: instalments do not fall due by months, or there is no such day.
        """
        on = self._counted_on(act, on)
        assert self.terms is not None
        if self.terms.frequency not in MONTHS or not 1 <= day <= 31:
            raise no.NothingChanges(
                f"Instalments by {self.terms.frequency.lower()} have no day {day} of a month."
            )
        self._row(instalment)
        dates = {
            row.number: on_day(row.due_on, day)
            for row in self.instalments
            if row.number >= instalment
            and (row.left or min(row.due_on, on_day(row.due_on, day)) > on)
        }
        moved = {n: due for n, due in dates.items() if due != self._row(n).due_on}
        if moved:
            asked = _Asked(act, on, reason, requested_by, approved_by, business_days, rule)
            self._move(asked, moved, day)

    def _counted_on(self, act: Act, on: date | None) -> date:
        self._must_have_been_paid_out()
        on = self._counted_from(act, on)
        self._must_run_on(on)
        return on

    def _move(self, asked: _Asked, dates: dict[int, date], day: int | None = None) -> None:
        assert self.terms is not None
        on, business_days = asked.on, asked.business_days
        self._must_fit(on, dates)
        self._must_know_calendar(self.terms, business_days)
        relief = self._must_be_agreed(asked, dates)
        moves = [
            MovedDate(n, due, due if business_days is None else business_days.on_or_after(due))
            for n, due in dates.items()
        ]
        ref = f"move-{self.facts_taken}"
        facts = [
            Fact(
                FactKind.MOVE,
                ref,
                on,
                self.facts_taken,
                0,
                move.instalment,
                move.due_on,
                move.pay_by_on,
                pay_day=day,
            )
            for move in moves
        ]
        together = [*self.facts, *facts]
        ledger = self._ledger_with(together) if len(facts) == 1 else self._rerun(together)
        self.record(
            events.DueDateMoved,
            asked.act,
            on,
            moved=moves,
            reason=asked.reason,
            pay_day=day,
            relief=RescheduleKind.DEFERRAL if relief else None,
            requested_by=asked.requested_by,
            approved_by=asked.approved_by,
            policy_version=asked.rule.version if asked.rule else None,
            **self._outcome(asked.act, ledger),
        )
        self._follow_up(asked.act, on)

    def _must_fit(self, on: date, dates: dict[int, date]) -> None:
        """Pass where the rows stay in the order of their days, and none moves to a day over."""
        if max(dates.values()) > LAST_DAY:
            raise no.BeyondCalendar(f"Nothing can fall due after {LAST_DAY}.")
        assert self.disbursed_on is not None
        # What is not needed any more stands between the others, on any day.
        bears = [row for row in self.instalments if row.principal or row.interest or row.fees]
        days = [(row.number, dates.get(row.number, row.due_on)) for row in bears]
        for number, due_on in dates.items():
            if all(row.number != number for row in bears):
                continue
            before = max((d for n, d in days if n < number), default=self.disbursed_on)
            after = min((d for n, d in days if n > number), default=None)
            if due_on <= before or (after is not None and due_on >= after) or due_on < on:
                raise no.DueDateOutOfOrder(
                    f"Instalment {number} can move to a day from {on} on, after {before}"
                    + (f" and before {after}." if after else ".")
                )

    def _must_be_agreed(self, asked: _Asked, dates: dict[int, date]) -> bool:
        """Whether it is relief; two people stand behind that, and behind what is late by now."""
        on, rule, today = asked.on, asked.rule, self._reckoned_to(asked.act.business_on)
        then = {row.number: row for row in self.ledger_on(on).rows}
        for number in dates:
            if number in then and then[number].left and then[number].pay_by_on < on:
                raise no.PastDue(
                    f"Instalment {number} was to be paid by {then[number].pay_by_on} and is past"
                    f" due on {on}: what is late is not moved. Re-age it, which is relief."
                )
        facts = [fact for fact in self.facts if fact.kind != FactKind.MOVE]
        laid = {row.number: row.due_on for row in self._rerun(facts).rows_on(today)}
        relief = rule is not None and any(
            due_on > laid.get(number, due_on) + timedelta(days=rule.most_days)
            for number, due_on in dates.items()
        )
        late = any(self._row(number).pay_by_on < today for number in dates)
        if relief or late:
            why = "of what is past due by now"
            if relief and rule is not None:
                why = f"by more than {rule.most_days} days ({rule.version})"
            two_people(asked.requested_by or "", asked.approved_by or "", f"A move {why}")
        return relief

    def _row(self, number: int) -> Instalment:
        for row in self.instalments:
            if row.number == number:
                return row
        raise no.InstalmentNotOpen(f"The loan has no open instalment {number}.")

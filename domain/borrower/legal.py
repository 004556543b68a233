"""Which late loans of a borrower are claimed at law."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.base.contact_policy import Purpose
from domain.base.policy import AgencyRule, LegalStandard
from domain.base.refusal import Refusal, positive, two_people
from domain.base.stream import Act
from domain.borrower.contact import PastContact
from domain.borrower.contact_events import Event
from domain.borrower.data_rights import DataRights
from domain.borrower.legal_words import BY_ITSELF, LegalOutcome
from domain.borrower.notices import WRITTEN, notice_head
from domain.borrower.placement import ToPlace


class NotForLegal(Refusal):
    """The loan is none that is claimed at law."""

    code = "NOT_FOR_LEGAL"


class LegalBarred(Refusal):
    """A hold, a plan or a promise stands against claiming the loan at law."""

    code = "LEGAL_BARRED"


class NoticeMissing(Refusal):
    """The borrower was not told in writing before, or not long enough ago."""

    code = "NOTICE_MISSING"


class AtLaw(Refusal):
    """The loan is claimed at law already."""

    code = "AT_LAW"


class NotAtLaw(Refusal):
    """The loan is not claimed at law."""

    code = "NOT_AT_LAW"


class LegalEndUnsound(Refusal):
    """A matter does not end so."""

    code = "LEGAL_END_UNSOUND"


class StillOwed(Refusal):
    """Something is still overdue on the loan."""

    code = "STILL_OWED"


@dataclass(frozen=True)
class LegalMatter:
    """A loan that is claimed at law since a day: *claimed* minor units were overdue then."""

    loan_id: UUID
    referred_on: date
    currency: str
    claimed: int
    referred_to: str | None = None


@dataclass(frozen=True)
class LegalClaim:
    """What is overdue on a loan on a day, part by part, and all that is owed; minor units."""

    currency: str
    principal: int
    interest: int
    fees: int
    penalty: int
    outstanding: int

    @property
    def claimed(self) -> int:
        """All that is overdue."""
        return self.principal + self.interest + self.fees + self.penalty


@dataclass(frozen=True)
class ToRefer:
    """A loan that is to be claimed at law, and the rule that decides on it.

    *claim* is None where there is nothing of ours to claim.
    """

    loan_id: UUID
    loan_ref: str
    bucket: str
    days_past_due: int
    claim: LegalClaim | None
    standard: LegalStandard


class LegalReferred(Event):
    """A loan is claimed at law from now on: the house and its agencies ask for it no more.

    The parts are what was overdue that day, *outstanding* all that was left to pay.
    *notice_ref* is the contact by which the borrower was told in writing before, where the
    rule asks for that; *agency_before* had the loan until now.
    """

    TOPIC = "borrower.legal-referred"
    loan_id: UUID
    bucket: str
    days_past_due: int
    currency: str
    principal: int
    interest: int
    fees: int
    penalty: int
    claimed: int
    outstanding: int
    referred_to: str | None
    reason: str
    requested_by: str
    approved_by: str
    notice_ref: str | None
    notice_on: date | None
    agency_before: str | None
    strategy: str | None
    policy_version: str

    def apply(self, borrower: LegalMatters) -> None:
        borrower.legal_matters[str(self.loan_id)] = LegalMatter(
            self.loan_id, self.business_on, self.currency, self.claimed, self.referred_to
        )


class LegalWithdrawn(Event):
    """A loan is claimed at law no more, since we withdrew; the house collects it again."""

    TOPIC = "borrower.legal-withdrawn"
    loan_id: UUID
    referred_on: date
    reason: str

    def apply(self, borrower: LegalMatters) -> None:
        borrower.legal_matters.pop(str(self.loan_id))


class LegalEnded(Event):
    """A matter of law came to its end on *decided_on*; a court *awarded* so much, if one did.

    *paper_ref* is the judgment or agreement that says so.
    """

    TOPIC = "borrower.legal-ended"
    loan_id: UUID
    referred_on: date
    currency: str
    claimed: int
    outcome: str
    decided_on: date
    paper_ref: str | None
    awarded: int | None

    def apply(self, borrower: LegalMatters) -> None:
        borrower.legal_matters.pop(str(self.loan_id))


class LegalMatters(DataRights):
    """The late loans of one borrower that are claimed at law."""

    def __init__(self) -> None:
        super().__init__()
        self.legal_matters: dict[str, LegalMatter] = {}

    def is_at_law(self, loan_id: UUID) -> bool:
        """Whether a loan is claimed at law."""
        return str(loan_id) in self.legal_matters

    def is_out_of_hand(self, loan_id: UUID) -> bool:
        """Whether the house asks for no money: it was promised, placed, or is claimed at law."""
        return self.awaits_promise(loan_id) or self.is_placed(loan_id) or self.is_at_law(loan_id)

    def must_not_be_at_law(self, loan_id: UUID, loan_ref: str) -> None:
        """Pass when a loan is not claimed at law.

        Raises:
            AtLaw: it is.
        """
        known = self.legal_matters.get(str(loan_id))
        if known is not None:
            raise AtLaw(
                f"{loan_ref} is claimed at law since {known.referred_on}: withdraw that first"
                " (collect withdraw-legal)."
            )

    def place(self, act: Act, *, agency: AgencyRule, loan: ToPlace) -> None:
        """Let an agency collect a loan, as ``Placements.place``; none that is claimed at law.

        Raises:
            AtLaw: it is.
        """
        self.must_not_be_at_law(loan.loan_id, loan.loan_ref)
        super().place(act, agency=agency, loan=loan)

    def refer_legal(
        self,
        act: Act,
        *,
        loan: ToRefer,
        reason: str,
        requested_by: str,
        approved_by: str,
        referred_to: str | None = None,
        notice_ref: str | None = None,
    ) -> None:
        """Let a loan be claimed at law; one that an agency has comes back from it.

        *notice_ref* names the contact by which the borrower was told in writing, where that
        was no notice of the plan.

        Raises:
            AtLaw: it is claimed already.
            NotForLegal: nothing of ours is overdue on it, or not for long enough.
            LegalBarred: a hold, a plan to pay or a promise stands, the worst told first.
            NoticeMissing: the borrower was not told before, where the rule asks for it.
            SamePerson: who asks for it cannot approve it.
        """
        self.must_not_be_at_law(loan.loan_id, loan.loan_ref)
        claim, notice = self.must_be_for_legal(act.business_on, loan, notice_ref)
        two_people(requested_by, approved_by, "A claim at law")
        placed = self.placements.get(str(loan.loan_id))
        strategy = self.strategies.get(str(loan.loan_id))
        if placed is not None:
            self.recall(act, loan_id=loan.loan_id, reason="claimed at law")
        self.record(
            LegalReferred,
            act,
            act.business_on,
            loan_id=loan.loan_id,
            bucket=loan.bucket,
            days_past_due=loan.days_past_due,
            currency=claim.currency,
            principal=claim.principal,
            interest=claim.interest,
            fees=claim.fees,
            penalty=claim.penalty,
            claimed=claim.claimed,
            outstanding=claim.outstanding,
            referred_to=referred_to,
            reason=reason,
            requested_by=requested_by,
            approved_by=approved_by,
            notice_ref=None if notice is None else notice[0],
            notice_on=None if notice is None else notice[1],
            agency_before=None if placed is None else placed.agency,
            strategy=None if strategy is None else strategy.strategy,
            policy_version=loan.standard.version,
        )

    def withdraw_legal(self, act: Act, *, loan_id: UUID, reason: str) -> None:
        """Let a loan be claimed at law no more; the house collects it again.

        Raises:
            NotAtLaw: it is not.
        """
        known = self._at_law(loan_id)
        self.record(
            LegalWithdrawn,
            act,
            act.business_on,
            loan_id=loan_id,
            referred_on=known.referred_on,
            reason=reason,
        )

    def end_legal(
        self,
        act: Act,
        *,
        loan_id: UUID,
        outcome: LegalOutcome,
        decided_on: date,
        paper_ref: str | None = None,
        awarded: int | None = None,
    ) -> None:
        """Let a matter of law come to its end.

        Raises:
            NotAtLaw: the loan is not claimed at law.
            LegalEndUnsound: the day is before the claim or still to come, no paper is named
                of what a court or the two sides decided, or something is awarded by what is
                no judgment.
            AmountNotPositive: a judgment awards nothing.
        """
        known = self._at_law(loan_id)
        if not known.referred_on <= decided_on <= act.business_on:
            raise LegalEndUnsound(
                f"{decided_on} is no day from the claim on {known.referred_on} to"
                f" {act.business_on}: name the day it was decided."
            )
        if (outcome in BY_ITSELF) == (paper_ref is not None):
            raise LegalEndUnsound(
                f"{outcome} follows from the loan: name no paper."
                if outcome in BY_ITSELF
                else f"What says so of a {outcome}? Name the judgment or agreement (--paper)."
            )
        if (outcome == LegalOutcome.JUDGMENT) == (awarded is None):
            raise LegalEndUnsound(
                "A judgment awards an amount: give it (--awarded)."
                if awarded is None
                else f"A {outcome} awards nothing: leave the amount out."
            )
        if awarded is not None:
            positive(awarded, "What a court awards")
        self.record(
            LegalEnded,
            act,
            decided_on,
            loan_id=loan_id,
            referred_on=known.referred_on,
            currency=known.currency,
            claimed=known.claimed,
            outcome=str(outcome),
            decided_on=decided_on,
            paper_ref=paper_ref,
            awarded=awarded,
        )

    def must_be_for_legal(
        self, on: date, loan: ToRefer, notice_ref: str | None = None
    ) -> tuple[LegalClaim, tuple[str, date] | None]:
        """The claim, and the notice that came before with its day, where the rule asks for one.

        Raises:
            NotForLegal: nothing of ours is overdue, or not for long enough.
            LegalBarred: a hold, a plan to pay or a promise stands.
            NoticeMissing: the borrower was not told before, or not long enough ago.
        """
        standard = loan.standard
        if loan.claim is None or loan.claim.claimed <= 0:
            raise NotForLegal(f"Nothing of ours is overdue on {loan.loan_ref}: claim nothing.")
        self._must_not_be_barred(on, loan)
        if loan.days_past_due < standard.days_past_due:
            raise NotForLegal(
                f"{loan.loan_ref} is {loan.days_past_due} days past due; a loan is claimed at law"
                f" from {standard.days_past_due} days on ({standard.version})."
            )
        return loan.claim, self._told_before(on, loan, notice_ref)

    def _must_not_be_barred(self, on: date, loan: ToRefer) -> None:
        """Pass when no hold of the rule's kinds stands, no plan runs and no promise is open."""
        standing = {hold.kind: hold for hold in reversed(self.holds_on(loan.loan_id, on))}
        for kind in loan.standard.barred_by:
            if kind in standing:
                hold = standing[kind]
                raise LegalBarred(
                    f"The {kind} hold {hold.hold_ref!r} stands since {hold.from_on} against"
                    f" claiming {loan.loan_ref} ({loan.standard.version}): lift it first."
                )
        plan = self.running_plan(loan.loan_id)
        if plan is not None:
            raise LegalBarred(
                f"The plan {plan.plan_ref!r} to pay {loan.loan_ref} runs: nobody is sued who"
                " keeps it."
            )
        if self.awaits_promise(loan.loan_id):
            raise LegalBarred(
                f"A promise to pay on {loan.loan_ref} is open: wait until its day is over."
            )

    def _told_before(
        self, on: date, loan: ToRefer, notice_ref: str | None
    ) -> tuple[str, date] | None:
        """The notice in writing and its day, the first one given; None where none is asked for."""
        standard = loan.standard
        if standard.notice is None:
            return None if notice_ref is None else self._by_hand(loan, notice_ref)
        if notice_ref is None:
            head = notice_head(self.borrower_ref, standard.notice, loan.loan_id)
            given = [
                (ref, self._day_of(past))
                for ref, past in self.contacts.items()
                if ref.startswith(head) and self.was_sent(ref, past)
            ]
            if not given:
                raise NoticeMissing(
                    f"No {standard.notice} notice about {loan.loan_ref} went out yet"
                    f" ({standard.version}): the plan of the day sends it, or send one (contact"
                    " send) and name it (--notice)."
                )
            found = min(given, key=lambda each: each[1])
        else:
            found = self._by_hand(loan, notice_ref)
        from_on = found[1] + timedelta(days=standard.notice_days)
        if on < from_on:
            raise NoticeMissing(
                f"{found[0]} went out on {found[1]}: the borrower has {standard.notice_days} days"
                f" to answer, until {from_on} ({standard.version})."
            )
        return found

    def _by_hand(self, loan: ToRefer, notice_ref: str) -> tuple[str, date]:
        past = self.contacts.get(notice_ref)
        if (
            past is None
            or not self.was_sent(notice_ref, past)
            or past.purpose != Purpose.STATUTORY
            or past.channel not in WRITTEN
            or str(loan.loan_id) not in (past.debt, *past.also)
        ):
            raise NoticeMissing(
                f"{notice_ref!r} is no notice that went out in writing about {loan.loan_ref}: see"
                " contact log."
            )
        return notice_ref, self._day_of(past)

    def _day_of(self, past: PastContact) -> date:
        return past.at.astimezone(ZoneInfo(self.zones[0])).date()

    def _at_law(self, loan_id: UUID) -> LegalMatter:
        known = self.legal_matters.get(str(loan_id))
        if known is None:
            raise NotAtLaw("This loan is not claimed at law: nothing ends.")
        return known

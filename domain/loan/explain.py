"""Every minor unit of what a loan owes, traced to the events and formulas behind it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from domain.base.money import exponent, rounded, written
from domain.base.policy import AssetClassRule
from domain.base.stream import Stream
from domain.base.terms import Owed, Terms
from domain.loan import accrual
from domain.loan.accrual import PenaltyRate
from domain.loan.as_of import endings, recovered, standing
from domain.loan.ceiling import cap_on
from domain.loan.claimed import CLAIM, claim_lines
from domain.loan.credit import PREFIX as CREDIT
from domain.loan.daily_balance import Stretch
from domain.loan.daily_ledger import DailyLedger
from domain.loan.elapsed import counted_by
from domain.loan.explain_closing import closing, overdue
from domain.loan.explain_fees import charged_fee, laid_fees, subsidised
from domain.loan.explain_labels import labels
from domain.loan.explain_schedule import contract_formulas, rates_told
from domain.loan.explained import (
    Explanation,
    Line,
    Rule,
    change_said,
    days_said,
    percent,
    rounded_said,
)
from domain.loan.facts import EARLY, Fact, FactKind, counts_from
from domain.loan.held import HeldRow
from domain.loan.ledger import Ledger, Relaid
from domain.loan.loan import Loan
from domain.loan.overdue import uncapped
from domain.loan.periods import ONE_DAY, Span
from domain.loan.schedule import Instalment
from domain.loan.timetable import whole_months

FIGURE_OF = {Owed.FEE: "fees", Owed.INTEREST: "interest", Owed.PENALTY: "penalty"}
FIGURES = ("principal", "interest", "fees", "penalty", "credit")
"""What a loan owes, and its credit: the parts of each add up to it."""
IN_ALL = ("payoff", "overdue")
"""What is to be paid in all, on the day or by then; their parts are of the figures above."""
LABELS = ("days-past-due", "bucket", "class", "cost")
"""What a loan is called or costs, each with a chain of reasons."""
SUMS = (*FIGURES, CLAIM, *IN_ALL)
"""What has parts; the claim is what was written off or sold, less what came of it."""
ASKED = (*SUMS, *LABELS)
"""What can be asked for."""

CAP = "CAP"
"""The rule that holds what a loan costs in a year; that of an index has the index's name."""


def explain(
    events: Sequence[Stream.Event], as_of: date, classes: AssetClassRule | None = None
) -> Explanation | None:
    """What the loan of these *events* owed on *as_of*; None before it began.

    Before the money is paid out nothing is owed, and there is no line. Where the payout came
    back, what was paid on it is credit.
    """
    stood = standing(events, as_of, classes)
    if stood is None:
        return None
    if stood.balance is None:
        return Explanation(stood, [])
    told = Told(events, as_of)
    if stood.disbursed_on is None:
        return Explanation(stood, [line for line in told.credit() if line.amount])
    lines = [*(line for line in told.lines() if line.amount), *told.holds()]
    lines += [*rates_told(told), *subsidised(told)]
    lines += _written_off(told, lines)
    lines += told.recovered() if endings(events, as_of) else []
    lines += [
        Line(CLAIM, each.amount, each.on, each.what, each.version)
        for each in claim_lines(events, told.loan, as_of)
    ]
    order = {figure: place for place, figure in enumerate(ASKED)}
    lines.sort(key=lambda line: (order[line.figure], line.on, line.version))
    lines += [line for line in (*closing(told, stood), *overdue(told, stood)) if line.amount]
    return Explanation(stood, lines, labels(told, stood, classes))


def _written_off(told: Told, lines: list[Line]) -> list[Line]:
    """What ended the loan: what it was lost or sold with, and what was not owed by then."""
    ended = endings(told.events, told.as_of)
    if not ended:
        return []
    event, claim = ended[0], told.loan.endings[0].claim
    on, version = event.effective_on, event.originator_version
    what = "sold" if isinstance(event, Loan.Sold) else "written off"
    found: list[Line] = []
    for figure in ("principal", "interest", "fees", "penalty"):
        left = sum(line.amount for line in lines if line.figure == figure)
        lost = min(getattr(claim, figure), left)
        found += [
            Line(figure, -lost, on, what, version),
            Line(figure, lost - left, on, f"not owed when it was {what}", version),
        ]
    return [line for line in found if line.amount]


class Told:
    """The lines of a loan that was paid out, from its ledger on one day."""

    def __init__(self, events: Sequence[Stream.Event], as_of: date) -> None:
        loan: Any = None
        self.versions: dict[tuple[str, str], int] = {}
        self.causes: dict[str, str] = {}
        self.rules: dict[str, tuple[Rule, ...]] = {}
        self.first_rate: tuple[Rule, ...] = ()
        self.events, self.began = events, events[0]
        for event in events:
            loan = event.mutate(loan)
            self._tell(event, loan)
            if isinstance(event, Loan.WrittenOff | Loan.Sold):
                self.versions["ended", loan.endings[-1].kind] = event.originator_version
        assert isinstance(loan, Loan) and loan.terms is not None
        self.loan, self.as_of = loan, as_of
        ended = [event.effective_on for event in endings(events, as_of)]
        self.accrues_until = min(ended, default=as_of)
        """The last day that bears anything: a loss that is taken, or a sale, ends it."""
        self.terms: Terms = loan.terms
        self.ledger: Ledger = loan.ledger_on(as_of)
        self.opening = {row.number: row for row in loan.opening}

    def _tell(self, event: Stream.Event, loan: Any) -> None:
        """Note what an event was, for the lines that follow from it."""
        match event:
            case (
                Loan.Repaid(payment_ref=ref)
                | Loan.CreditApplied(credit_ref=ref)
                | Loan.RecoveryReceived(payment_ref=ref)
            ):
                self.versions["paid", ref] = event.originator_version
            case Loan.CreditRefunded():
                self.versions["refunded", event.refund_ref] = event.originator_version
            case Loan.FeeCharged():
                self.versions["charged", event.fee_ref] = event.originator_version
            case Loan.HoldPlaced() | Loan.HoldEnded():
                self._tell_hold(event)
            case Loan.FeeWaived() | Loan.ChargeForgiven():
                self._tell_forgiven(event, loan)
            case Loan.Disbursed() | Loan.Migrated():
                self.began = event
            case Loan.Drawn() | Loan.DueDateMoved():
                self._tell_dates(event, loan)
            case Loan.Approved() if event.index_version is not None:
                self.first_rate = (Rule("INDEX", event.index_version),)
            case Loan.LaidAnew():
                self.rules[loan.facts[-1].ref] = _rules_of(event, loan.terms)
                self.versions["laid", loan.facts[-1].ref] = event.originator_version
                self.causes[loan.facts[-1].ref] = _cause(event)

    def _tell_dates(self, event: Loan.Drawn | Loan.DueDateMoved, loan: Any) -> None:
        if isinstance(event, Loan.Drawn):
            self.versions["drawn", event.draw_ref] = event.originator_version
            self.causes[event.draw_ref] = f"drawn, {event.draw_ref}"
        else:
            self.versions["moved", loan.facts[-1].ref] = event.originator_version

    def _tell_forgiven(self, event: Loan.FeeWaived | Loan.ChargeForgiven, loan: Any) -> None:
        if isinstance(event, Loan.FeeWaived):
            self.versions["waived", event.fee_ref] = event.originator_version
            return
        ref = loan.facts[-1].ref
        self.versions["forgiven", ref] = self.versions["laid", ref] = event.originator_version
        self.causes[ref] = f"{event.owed.lower()} forgiven: {event.reason}"

    def _tell_hold(self, event: Loan.HoldPlaced | Loan.HoldEnded) -> None:
        kind, what = FactKind.HOLD, f"{event.kind} hold {event.hold_ref}"
        if isinstance(event, Loan.HoldEnded):
            kind, what = FactKind.HOLD_END, f"{what} lifted from {event.until_on}"
        ref = f"{kind}:{event.hold_ref}"
        if isinstance(event, Loan.HoldPlaced):
            self.rules[ref] = (Rule("HOLD", event.policy_version),)
        self.versions["held", ref] = event.originator_version
        self.causes[ref] = what

    def holds(self) -> Iterator[Line]:
        """From when to when a hold stopped penalty or interest; nothing is owed by it."""
        for held in self.ledger.held.holds.values():
            first, last = held.days
            if first > min(last, self.as_of):
                continue
            until = f"to {last}" if held.until_on and last <= self.as_of else "on"
            version = self.versions["held", f"{FactKind.HOLD}:{held.hold_ref}"]
            by = f"{held.kind} hold {held.hold_ref}, {held.policy_version}"
            stopped = (("interest", held.stops_interest), ("penalty", held.stops_penalty))
            for figure in [name for name, stops in stopped if stops]:
                what = f"no {figure} from {first} {until}: {by}"
                yield Line(figure, 0, first, what, version)

    def version_of(self, number: int) -> int:
        """The event that laid an instalment as it is."""
        laid = [each.ref for each in self.ledger.relaid if each.instalment == number]
        return self.version_by(laid[-1]) if laid else self.began.originator_version

    def lines(self) -> Iterator[Line]:
        """Every part of what it owes, and of its credit."""
        yield from self._opening()
        yield from self._daily_interest()
        yield from self._charges()
        yield from self._forgiven()
        yield from self._laid_anew()
        yield from self._payments()
        yield from self._fallen_away()
        yield from self._penalty()

    def credit(self) -> Iterator[Line]:
        """What the borrower paid on a payout that came back, and what of it was paid back."""
        yield from self._payments()
        yield from self._charges()

    def money(self, amount: int) -> str:
        """An amount as people write it."""
        return written(amount, self.terms.currency)

    def _opening(self) -> Iterator[Line]:
        begun, number = self.began, self.began.originator_version
        migrated = isinstance(begun, Loan.Migrated)
        on = begun.effective_on
        lent = self.loan.lent_at_first() - sum(row.principal_paid for row in self.loan.opening)
        what = "principal taken over" if migrated else "paid out to the borrower"
        yield Line("principal", lent, on, what, number)
        if migrated:
            yield Line("credit", self.loan.opening_unapplied, on, "credit taken over", number)
        formulas = {} if migrated else contract_formulas(self)
        for row in self.loan.opening:
            line = Line("interest", row.interest, row.due_on, "interest", number, row.number)
            if not migrated:
                line = replace(line, formula=formulas.get(row.number), rules=self.first_rate)
            if not isinstance(self.ledger, DailyLedger):
                yield line
            what = "fees with the instalment" if row.number else "fees at disbursement"
            fees = Line("fees", row.fees, row.due_on, what, number)
            formula = None if migrated else laid_fees(self, row)
            yield replace(fees, instalment=row.number, formula=formula)
            for figure, paid in (("interest", row.interest_paid), ("fees", row.fees_paid)):
                before = "paid before it was taken over" if migrated else "withheld from the payout"
                yield Line(figure, -paid, on, before, number, row.number)

    def _daily_interest(self) -> Iterator[Line]:
        """The interest of each row by the balances that bore it, and what it took of it."""
        if not isinstance(self.ledger, DailyLedger):
            return
        version = self.began.originator_version
        daily = self.ledger.daily_rows(self.as_of)
        for row in self.ledger.rows:
            place = self.ledger.places.get(row.number)
            if place is None:
                continue  # it holds charges only
            found = daily[place]
            formula = self.daily_formula(place, found.stretches)
            line = Line("interest", found.own, row.due_on, "interest", version, row.number, formula)
            yield replace(line, rules=(*self.first_rate, *self._held_by(found.stretches)))
            line = replace(line, rules=self.first_rate)
            yield replace(
                line, amount=found.carried, what="carried from the one before", formula=None
            )
            passed = "carried on, more than it takes"
            yield replace(line, amount=-found.passed, what=passed, formula=None)
            forgiven = self.ledger.held.forgiven.get(row.number, 0)
            rest = row.interest - found.accrued + found.passed + forgiven
            what = "that became principal" if rest < 0 else "paid before its day"
            yield replace(line, amount=rest, what=what, formula=None)

    def _held_by(self, stretches: Sequence[Stretch]) -> tuple[Rule, ...]:
        """The rules of the holds by which some of these days bear no interest, each once."""
        stopping = (
            held
            for held in self.ledger.held.holds.values()
            if held.stops_interest
            and any(
                max(start, held.days.first - ONE_DAY) < min(end, held.days.last)
                for start, end, _ in stretches
            )
        )
        return tuple(dict.fromkeys(Rule("HOLD", held.policy_version) for held in stopping))

    def daily_formula(self, place: int, stretches: Sequence[Stretch]) -> str:
        """The interest of a row by the balances of its days, rounded once."""
        assert isinstance(self.ledger, DailyLedger)
        daily, terms = self.ledger.daily, self.terms
        told = [
            f"{self.money(balance)} x {percent(daily.rate(start))} x"
            f" {self.share_words(daily.spans[place], start, end, first=place == 0)}"
            for start, end, balance in stretches
        ]
        exact = self.exact(daily.exact(place, stretches))
        return f"{' + '.join(told)} = {exact}, {rounded_said(terms)}"

    def share_words(self, row: Span, start: date, end: date, *, first: bool) -> str:
        """The share of a year that days of a row are."""
        terms = self.terms
        if terms.repayment is not None and terms.repayment.row_share is not None:
            share = terms.repayment.row_share.lower().replace("_", " ")
            year = (terms.repayment.year_days or "365").lower().replace("_", " ")
            return f"{start} to {end} ({share}, year {year})"
        months = whole_months(terms, row, first=first) if row == (start, end) else 0
        return f"{months}/12 of a year" if months else days_said(terms, terms.day_count, start, end)

    def exact(self, minor: Decimal) -> str:
        """An amount before rounding, with four decimals more than the currency has."""
        places = exponent(self.terms.currency)
        shown = minor.scaleb(-places).quantize(Decimal(1).scaleb(-places - 4)) + 0
        return f"{shown:,f}"

    def _laid_anew(self) -> Iterator[Line]:
        """What each change of the schedule added to its rows, or took off them."""
        for ref, on, grown in self.ledger.capitalised:
            yield Line(
                "principal", grown, on, "interest that became principal", self.version_by(ref)
            )
        for each in self.ledger.relaid:
            ref, on, number = each.ref, each.on, each.instalment
            what = self.causes.get(ref) or f"laid anew by payment {ref}"
            version = self.version_by(ref)
            line = Line("interest", each.interest, on, what, version, number)
            held = each.held
            formula = self._relaid_formula(each) if held is None else self._held_formula(held)
            if not isinstance(self.ledger, DailyLedger):  # there interest is told day by day
                yield replace(line, formula=formula, rules=self.rules.get(ref, ()))
            yield Line("fees", each.fees, on, what, version, number)

    def _relaid_formula(self, relaid: Relaid) -> str:
        """How the interest came about that an instalment has now, and what it had before."""
        base, owed, before = relaid.base, relaid.owed, relaid.owed - relaid.interest
        told = f"{self.money(owed)} in place of {self.money(before)}"
        exact = Decimal(0) if base is None else base.balance * base.factor + base.extra
        if base is None or not owed:
            return told
        factors = [
            f"{percent(rate)} x {self.share_words(base.row, start, end, first=False)}"
            for rate, start, end in base.stretches()
        ]
        joined = f"({' + '.join(factors)})" if len(factors) > 1 else "".join(factors)
        words = f"{self.money(base.balance)} x {joined or '0 %'}"
        if base.extra:
            words += f" {'-' if base.extra < 0 else '+'} {self.exact(abs(base.extra))}"
            words += f" on what was owed until {base.running}" if base.running else ""
        words += f" = {self.exact(exact)}, {rounded_said(self.terms)}"
        if rounded(exact, self.terms.rounding) != owed:
            words += ", with interest deferred to it or paid on it before"
        return f"{words}: {told}"

    def _held_formula(self, held: HeldRow) -> str:
        """The interest of a row as it was laid, less what it would bear on days on hold."""
        parts = " + ".join(
            f"{self.money(part.principal)} x {percent(part.annual_rate)} from {part.after}"
            f" to {part.until}"
            for part in held.parts
        )
        return f"{self.money(held.bare)} less {parts}, {rounded_said(self.terms)}"

    def version_by(self, ref: str) -> int:
        """The event that brought the fact of a reference."""
        kinds = ("held", "laid", "drawn", "paid")
        return next(self.versions[kind, ref] for kind in kinds if (kind, ref) in self.versions)

    def _charges(self) -> Iterator[Line]:
        counting = [
            fact for fact in self.loan.facts if counts_from(fact, self.terms)[0] <= self.as_of
        ]
        waivable = {fact.ref: fact.amount for fact in counting if fact.kind == FactKind.FEE}
        for fact in counting:
            fee = self.loan.fees.get(fact.ref)
            if fact.kind == FactKind.DRAW:
                version = self.versions["drawn", fact.ref]
                yield Line("principal", fact.amount, fact.on, f"draw {fact.ref}", version)
            elif fact.kind == FactKind.REFUND:
                version = self.versions["refunded", fact.ref]
                yield Line("credit", -fact.amount, fact.on, f"refund {fact.ref}", version)
            elif fee is not None and fact.kind in (FactKind.FEE, FactKind.WAIVER):
                waived, amount = fact.kind == FactKind.WAIVER, fact.amount
                if waived:
                    # Of a charge that was withdrawn there is nothing left to waive.
                    amount = -min(amount, waivable.get(fact.ref, 0))
                    waivable[fact.ref] = waivable.get(fact.ref, 0) + amount
                yield Line(
                    "penalty" if fee.owed == Owed.PENALTY else "fees",
                    amount,
                    fact.on,
                    f"{fee.kind} {fact.ref} {'waived' if waived else 'charged'}",
                    self.versions["waived" if waived else "charged", fact.ref],
                    fee.instalment,
                    None if waived else charged_fee(self, fact, fee.kind),
                    rules=() if waived else self._cut_by(fact),
                )

    def _cut_by(self, fact: Fact) -> tuple[Rule, ...]:
        """The cap that let an automatic charge be less than the contract says."""
        if not fact.automatic or not self.terms.rate_caps:
            return ()
        place = counts_from(fact, self.terms)
        before = [each for each in self.loan.facts if counts_from(each, self.terms) < place]
        ledger = self.loan.ledger_of(before)
        cap = cap_on(ledger, fact.on)
        if cap is None or fact.amount >= uncapped(ledger, fact):
            return ()
        return (Rule(CAP, cap.version),)

    def _forgiven(self) -> Iterator[Line]:
        """What two people forgave; interest of a schedule is told with what was laid anew."""
        daily = isinstance(self.ledger, DailyLedger)
        for fact in self.ledger.forgiven:
            figure = FIGURE_OF[Owed(fact.owed or Owed.FEE)]
            if figure != "interest" or daily:
                version, what = self.versions["forgiven", fact.ref], self.causes[fact.ref]
                yield Line(figure, -fact.amount, fact.on, what, version, fact.instalment)

    def recovered(self) -> list[Line]:
        """What came in beyond a claim, and what of refunds was missing and went with it."""
        ended = self.loan.endings[0]
        missing = ended.claim.unapplied
        version = self.versions["ended", ended.kind]
        lines = [Line("credit", missing, ended.on, "missing, and a part of the claim", version)]
        beyond = 0
        for ref, split in recovered(self.loan, self.as_of):
            before, beyond = max(missing, beyond), beyond + split.unapplied
            lines.append(
                Line(
                    "credit",
                    max(missing, beyond) - before,
                    self.loan.recoveries[ref].on,
                    f"recovered beyond the claim, {ref}",
                    self.versions["paid", ref],
                )
            )
        return [line for line in lines if line.amount]

    def _payments(self) -> Iterator[Line]:
        for ref, parts in self.ledger.parts.items():
            # Credit that is used on a day which no run has seen yet follows from all that is known.
            on = self.ledger.paid_on[ref]
            version = self.versions.get(("paid", ref), self.loan.version)
            split = self.ledger.splits[ref]
            what = f"payment {ref}"
            if ref.startswith(CREDIT):
                what = "paid with credit"
            yield Line("credit", split.unapplied, on, what, version)
            for part in parts:
                for figure, amount in (
                    ("principal", part.principal),
                    ("interest", part.interest),
                    ("fees", part.fees),
                    ("penalty", part.penalty),
                ):
                    yield Line(figure, -amount, on, what, version, part.instalment)

    def _fallen_away(self) -> Iterator[Line]:
        """What a payoff took off the schedule, and what paying early was charged.

        Interest that is not accrued, fees that have not come due, and those not earned.
        """
        payoffs = [fact for fact in self.loan.facts if fact.kind == FactKind.PAYOFF]
        relaid: dict[int, list[int]] = {}
        for each in self.ledger.relaid:
            sums = relaid.setdefault(each.instalment, [0, 0])
            sums[0] += each.interest
            sums[1] += each.fees
        charged: dict[int, int] = {}
        for charge in self.ledger.charges:
            if charge.owed != Owed.PENALTY:
                charged[charge.instalment] = charged.get(charge.instalment, 0) + charge.amount
        for ref, (number, fee) in self.ledger.prepaying.items():
            charged[number] = charged.get(number, 0) + fee
            on, version = self.ledger.paid_on[ref], self.versions["paid", ref]
            cap = cap_on(self.ledger, on) if ref in self.ledger.cut else None
            rules = () if cap is None else (Rule(CAP, cap.version),)
            what = f"charged for paying early, {ref}"
            forgiven = self.ledger.forgiven_early.get(ref, 0)
            yield Line("fees", fee + forgiven, on, what, version, number, rules=rules)
            if forgiven:
                version = self.versions["waived", f"{EARLY}{ref}"]
                what = f"charge for paying early waived, {ref}"
                yield Line("fees", -forgiven, on, what, version, number)
        for row in self.ledger.rows:
            before = self.opening.get(row.number)
            anew = relaid.get(row.number, (0, 0))
            interest = row.interest - (before.interest if before else 0) - anew[0]
            if isinstance(self.ledger, DailyLedger):
                interest = 0  # told row by row
            fees = row.fees - (before.fees if before else 0) - charged.get(row.number, 0) - anew[1]
            for figure, change in (("interest", interest), ("fees", fees)):
                if change:
                    fact = next(fact for fact in payoffs if fact.ref in self.ledger.paid_on)
                    what = f"not owed any more, paid off by {fact.ref}"
                    version = self.versions["paid", fact.ref]
                    yield Line(figure, change, fact.on, what, version, row.number)

    def _penalty(self) -> Iterator[Line]:
        """Accrued row by row; a row on which more was paid than accrued owes nothing."""
        ledger, terms, until = self.ledger, self.terms, self.accrues_until
        number, free = self.began.originator_version, ledger.penalty_by().free
        for row in ledger.rows:
            paid = ledger.bearing_paid.get(row.number, [])
            if row.number in ledger.laid.penalty_stopped:
                accrued = ledger.penalty_accrued(row, until)
                what = "penalty accrued until it was laid anew"
                line = Line("penalty", accrued, until, what, number, row.number)
                line = replace(line, formula=self._stopped_formula(row, accrued))
                yield replace(line, rules=self._clamped([(0, row.pay_by_on, self._laid_on(row))]))
            elif row.pay_by_on < until and (
                stretches := list(accrual.penalty_stretches(row, paid, terms, until, free))
            ):
                accrued = ledger.penalty_accrued(row, until)
                yield Line(
                    "penalty",
                    accrued,
                    until,
                    "penalty accrued",
                    number,
                    row.number,
                    self._penalty_formula(stretches),
                    self._clamped(stretches),
                )
            else:
                accrued = 0
            opening = self.opening.get(row.number)
            before = opening.penalty_paid if opening else 0
            yield Line("penalty", -before, until, "paid before it was taken over", number)
            forgiven = sum(
                fact.amount
                for fact in ledger.forgiven
                if fact.instalment == row.number and fact.owed == Owed.PENALTY
            )
            waived = forgiven - row.penalty_waived
            yield Line("penalty", waived, until, "waived", number, row.number)
            owed = ledger.penalty_due(row, until) if row.pay_by_on < until else 0
            owed += row.penalty_left if row.penalty_charged else 0
            parts = accrued + (row.penalty_charged or 0) - row.penalty_paid - row.penalty_waived
            what = "more was paid than is owed now"
            yield Line("penalty", owed - parts, until, what, number, row.number)

    def _stopped_formula(self, row: Instalment, accrued: int) -> str | None:
        """How the penalty of *row* came about until what was overdue of it was laid anew."""
        on = self._laid_on(row)
        before = [
            fact
            for fact in self.loan.facts
            if counts_from(fact, self.terms) < (on, 3, 0)  # what is laid anew counts from there
        ]
        ledger = self.loan.ledger_of(before)
        found = next((each for each in ledger.rows_on(on) if each.number == row.number), None)
        if found is None or ledger.penalty_accrued(found, on) != accrued:
            return None
        paid = ledger.bearing_paid.get(row.number, [])
        free = ledger.penalty_by().free
        stretches = list(accrual.penalty_stretches(found, paid, self.terms, on, free))
        return self._penalty_formula(stretches) if stretches else None

    def _laid_on(self, row: Instalment) -> date:
        """When what was overdue of *row* was laid among later instalments."""
        days = [
            fact.on
            for fact in self.loan.facts
            if fact.change is not None
            and fact.change.gathers_principal
            and row.due_on <= fact.on <= self.as_of
        ]
        return min(days, default=row.pay_by_on)

    def _clamped(self, stretches: list[tuple[int, date, date]]) -> tuple[Rule, ...]:
        """The caps that lower the penalty of the stretches, each once."""
        clamps = [each.clamp for _, start, end in stretches for each in self._rates(start, end)]
        rules = (Rule(CAP, clamp.cap.version) for clamp in clamps if clamp is not None)
        return tuple(dict.fromkeys(rules))

    def _rates(self, start: date, end: date) -> Iterator[PenaltyRate]:
        ledger = self.ledger
        charges = ledger.charges_rate if self.terms.rate_caps else accrual.NONE
        return accrual.penalty_rates(self.terms, start, end, ledger.laid.rates, charges)

    def _penalty_formula(self, stretches: list[tuple[int, date, date]]) -> str:
        """The stretches by their rate, and the cap that lowers one."""
        terms = self.terms
        by_rate: dict[str, list[str]] = {}
        for owed, start, end in stretches:
            for each in self._rates(start, end) if owed else ():
                words = f"{percent(each.rate)}{_rate_of(each, terms)}"
                days = days_said(terms, counted_by(terms), each.first, each.last)
                part = f"{self.money(owed)} x {days}"
                by_rate.setdefault(words, []).append(part)
        told = " + ".join(f"{words} on {' + '.join(parts)}" for words, parts in by_rate.items())
        return f"{told}, {rounded_said(terms)}"


def _rules_of(event: Loan.LaidAnew, terms: Terms) -> tuple[Rule, ...]:
    """The dated policies behind a change of the schedule: an index, and a cap that holds it."""
    if not isinstance(event, Loan.Rescheduled) or event.policy_version is None:
        return ()
    rules = [Rule("INDEX", event.policy_version)]
    cap, _ = accrual.cap_after(terms, event.effective_on - ONE_DAY)
    if cap is not None and event.annual_rate == cap.annual_rate:
        rules.append(Rule(CAP, cap.version))
    return tuple(rules)


def _cause(event: Loan.LaidAnew) -> str:
    """Why the rest was laid anew, with the policy that decided it."""
    match event:
        case Loan.Rescheduled():
            kind = change_said(event.kind)
            by = f", {event.policy_version}" if event.policy_version else ""
            return f"{kind}: {event.reason}{by}"
        case Loan.RateSteppedDown():
            return f"rate {percent(event.annual_rate)} from instalment {event.from_instalment}"
        case Loan.Converted():
            return f"converted into {event.count} instalments"
        case Loan.Renewed():
            return f"renewed for {event.term_months} months"
        case _:
            return "laid anew"


def _rate_of(each: PenaltyRate, terms: Terms) -> str:
    """In words, what a rate of penalty comes from: a cap, or the contract's rate."""
    if each.clamp is None:
        if terms.penalty_multiple is None:
            return " (by contract)"
        times = f"{terms.penalty_multiple.normalize():f}"
        return f" ({times} x the rate of {percent(each.contract)})"
    cap, contract, charges = each.clamp
    said = f"cap {cap.version} of {percent(cap.annual_rate)}"
    less = [
        f"the {what} of {percent(rate)}"
        for what, rate in (("rate", contract), ("charges", charges))
        if rate
    ]
    return f" ({said} less {' and '.join(less)})" if less else f" ({said})"

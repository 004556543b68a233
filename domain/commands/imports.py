"""Taking over a running book: many loans with their opening balances, at one cut-over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID, uuid5

from eventsourcing.persistence import IntegrityError

from domain.base.calendar import add_months
from domain.base.daycount import year_fraction
from domain.base.money import rounded
from domain.base.policy import Policies
from domain.base.refs import short_ref
from domain.base.refusal import ContentionRefused, Refusal
from domain.base.repayment import Method
from domain.base.stream import Act, Stream
from domain.base.terms import Terms
from domain.borrower.borrower import Borrower
from domain.commands.book import TRIES, Book, Command, digest_of
from domain.loan.loan import Loan
from domain.loan.schedule import Instalment, schedule

RATE_SCALE = Decimal("0.0000000001")


@dataclass(frozen=True, slots=True)
class Opening:
    """One running loan as its origin tells it at cut-over; amounts in minor units.

    ``remaining`` is all principal left, ``overdue_principal`` of it already late.
    ``instalment`` is what the borrower pays each month; None: as the terms say.
    ``oldest_unpaid_on`` is the due date lateness counts from; None: nothing is late.
    """

    ref: str
    borrower_ref: str
    jurisdiction: str
    zones: tuple[str, ...]
    terms: Terms
    disbursed_on: date
    remaining: int
    next_due_on: date
    instalments_left: int
    instalment: int | None = None
    unapplied: int = 0
    oldest_unpaid_on: date | None = None
    overdue_principal: int = 0
    overdue_interest: int = 0

    @property
    def accrues_from(self) -> date:
        """The day from which interest of the running period counts."""
        return max(self.disbursed_on, add_months(self.next_due_on, -1))


class Outcome(StrEnum):
    """What became of a row."""

    IMPORTED = "IMPORTED"
    KNOWN = "KNOWN"
    REJECTED = "REJECTED"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a row, with every reason against it."""

    outcome: Outcome
    reasons: list[str]
    loan: Loan | None = None


def id_of_borrower(namespace: UUID, origin: str, ref: str) -> UUID:
    """The stream of a borrower as a book of that origin names them."""
    return uuid5(namespace, f"{origin}:borrower:{ref}")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a book comes from, and when it is taken over."""

    name: str
    act: Act
    """Who imports, on which business date; ids of commands are derived."""

    def loan_id(self, namespace: UUID, ref: str) -> UUID:
        """The stream of one of its loans."""
        return uuid5(namespace, f"{self.name}:{ref}")

    def borrower_id(self, namespace: UUID, ref: str) -> UUID:
        """The stream of one of its borrowers."""
        return id_of_borrower(namespace, self.name, ref)

    def act_on(self, stream_id: UUID, now: datetime) -> Act:
        """The act of taking over one stream: the same in every run."""
        command_id = uuid5(stream_id, f"import:{self.name}")
        return replace(self.act, recorded_at=now, command_id=command_id)


def take_over(
    book: Book,
    origin: Origin,
    openings: Sequence[Opening],
    now: Callable[[], datetime],
    *,
    keep: bool = True,
) -> tuple[list[Result], list[Command]]:
    """Take over a batch of loans in one transaction; a result for each, in order.

    A loan that is there with the same opening stays as it is; one with another is
    rejected. Without *keep* nothing is stored, only told.

    Raises:
        ContentionRefused: other writers were first at every try.
    """
    for _ in range(TRIES):
        streams = _load(book, origin, openings)
        results, commands, changed = _decide(
            book.namespace, origin, openings, streams, now(), policies=book.policies
        )
        if not keep or not commands:
            return results, []
        try:
            book.keep(commands, *changed)
        except IntegrityError:
            continue
        return results, commands
    raise ContentionRefused("Others changed these loans at every try; try again in a moment.")


def check(origin: Origin, opening: Opening) -> list[str]:
    """Everything the rules have against a loan, without the book."""
    [result], _, _ = _decide(UUID(int=0), origin, [opening], {}, origin.act.recorded_at)
    return result.reasons


def _load(book: Book, origin: Origin, openings: Sequence[Opening]) -> dict[UUID, Stream]:
    loans = {origin.loan_id(book.namespace, opening.ref) for opening in openings}
    borrowers = {origin.borrower_id(book.namespace, opening.borrower_ref) for opening in openings}
    return book.streams.load([*loans, *borrowers])


def _decide(
    namespace: UUID,
    origin: Origin,
    openings: Sequence[Opening],
    streams: dict[UUID, Stream],
    now: datetime,
    *,
    policies: Policies | None = None,
) -> tuple[list[Result], list[Command], list[Stream]]:
    results: list[Result] = []
    commands: list[Command] = []
    changed: list[Stream] = []
    for opening in openings:
        loan_id = origin.loan_id(namespace, opening.ref)
        borrower_id = origin.borrower_id(namespace, opening.borrower_ref)
        try:
            borrower = _borrower(origin, opening, borrower_id, streams, now)
            loan = _loan(origin, opening, loan_id, borrower_id, now)
            if policies is not None:
                act = origin.act_on(loan_id, now)
                rule = policies.asset_class_rule(loan.product_code, act.business_on)
                loan.reclassify(act, rule)
        except Refusal as refusal:
            results.append(Result(Outcome.REJECTED, [refusal.sentence]))
            continue
        if loan_id in streams:
            differs = _differences(streams[loan_id], loan)
            outcome = Outcome.REJECTED if differs else Outcome.KNOWN
            results.append(Result(outcome, differs))
            continue
        new = [stream for stream in (borrower, loan) if stream.pending_events]
        for stream in new:
            if streams.get(stream.id) is not stream:  # else an earlier row's borrower
                streams[stream.id] = stream
                changed.append(stream)
                commands.append(_command(origin, opening, stream, now))
        results.append(Result(Outcome.IMPORTED, [], loan))
    return results, commands, changed


def _command(origin: Origin, opening: Opening, stream: Stream, now: datetime) -> Command:
    content = {"stream": stream.id, "opening": repr(opening)}
    act = origin.act_on(stream.id, now)
    return Command(act.command_id, digest_of("import", content), stream.id, stream.version)


def _borrower(
    origin: Origin, opening: Opening, borrower_id: UUID, streams: dict[UUID, Stream], now: datetime
) -> Stream:
    """The borrower as known, or as the row tells.

    Raises:
        BorrowerDiffers: known with another jurisdiction or other zones.
    """
    known = streams.get(borrower_id)
    if known is None:
        return Borrower.register(
            origin.act_on(borrower_id, now),
            borrower_id,
            borrower_ref=short_ref("B", borrower_id),
            jurisdiction=opening.jurisdiction,
            zones=list(opening.zones),
        )
    same = (opening.jurisdiction, list(opening.zones))
    if not isinstance(known, Borrower) or (known.jurisdiction, known.zones) != same:
        raise BorrowerDiffers(
            f"The borrower {opening.borrower_ref!r} is already here with another"
            f" jurisdiction or other time zones."
        )
    return known


def _loan(
    origin: Origin, opening: Opening, loan_id: UUID, borrower_id: UUID, now: datetime
) -> Loan:
    return Loan.migrate(
        origin.act_on(loan_id, now),
        loan_id,
        loan_ref=short_ref("L", loan_id),
        borrower_id=borrower_id,
        origin=origin.name,
        terms=opening.terms,
        disbursed_on=opening.disbursed_on,
        accrues_from=opening.accrues_from,
        rows=instalments(opening),
        unapplied=opening.unapplied,
    )


class BorrowerDiffers(Refusal):
    """The borrower is known otherwise than the row says."""

    code = "BORROWER_DIFFERS"


class InstalmentDoesNotFit(Refusal):
    """Instalments, term and what is left do not go together."""

    code = "INSTALMENT_DOES_NOT_FIT"


def _differences(known: Stream, loan: Loan) -> list[str]:
    """How the row differs from the loan that is here, in sentences; empty if it does not."""
    if not isinstance(known, Loan) or not known.opening or known.disbursed_on is None:
        return ["A loan with this reference is already here; it did not come by an import."]
    differs = [
        what
        for what, same in (
            ("borrower", known.borrower_id == loan.borrower_id),
            ("terms", known.terms == loan.terms),
            ("day of payment", known.disbursed_on == loan.disbursed_on),
            ("instalments left", known.opening == loan.opening),
            ("unapplied credit", known.opening_unapplied == loan.opening_unapplied),
        )
        if not same
    ]
    if not differs:
        return []
    said = ", ".join(differs)
    sentence = (
        f"The loan is already here with other facts ({said}); an import never changes a"
        f" loan: correct it by a command of its own."
    )
    return [sentence]


# --- what is left of a loan -----------------------------------------------------------


def scheduled_left(terms: Terms, disbursed_on: date, as_of: date) -> tuple[int, date, int] | None:
    """What a loan paid to the day has left: principal, next due date, instalments.

    None: by its schedule nothing is left.
    """
    left = [row for row in schedule(terms, disbursed_on) if row.due_on >= as_of]
    return (sum(row.principal for row in left), left[0].due_on, len(left)) if left else None


def rate_of(principal: int, instalment: int, count: int) -> Decimal | None:
    """The annual rate at which *count* instalments pay *principal* off; None: at none."""
    if instalment * count < principal:
        return None
    low, high = Decimal(0), Decimal(1)
    for _ in range(60):
        middle = (low + high) / 2
        growth = (1 + middle) ** count
        if middle and principal * middle * growth / (growth - 1) > instalment:
            high = middle
        else:
            low = middle
    return None if low > Decimal("0.99") else (low * 12).quantize(RATE_SCALE)


def instalments(opening: Opening) -> list[Instalment]:
    """The instalments that are left: those missed, then those to come.

    Overdue principal and interest are spread evenly over the missed due dates, the
    oldest taking the residue.

    Raises:
        InstalmentDoesNotFit: the instalment leaves too much, or nothing, for the last;
            or there are more instalments than the term has.
    """
    missed = _missed_on(opening)
    first = opening.terms.term_months - opening.instalments_left + 1 - len(missed)
    if first < 1:
        raise InstalmentDoesNotFit(
            f"{len(missed)} missed and {opening.instalments_left} coming instalments are more"
            f" than the term of {opening.terms.term_months} months has."
        )
    rows = []
    for place, due_on in enumerate(missed):
        principal = opening.overdue_principal // len(missed)
        interest = opening.overdue_interest // len(missed)
        if place == 0:
            principal += opening.overdue_principal % len(missed)
            interest += opening.overdue_interest % len(missed)
        rows.append(Instalment(first + place, due_on, due_on, principal, interest, 0))
    rest = replace(
        opening.terms,
        amount=opening.remaining - opening.overdue_principal,
        term_months=opening.instalments_left,
    )
    if rest.amount <= 0:
        return rows
    coming = schedule(rest, opening.accrues_from, opening.next_due_on)
    if opening.instalment is not None and rest.method == Method.EQUAL_INSTALMENTS:
        coming = _at_level(rest, opening.accrues_from, coming, opening.instalment)
    number = first + len(missed) - 1
    return [*rows, *(replace(row, number=row.number + number) for row in coming)]


def _missed_on(opening: Opening) -> list[date]:
    oldest = opening.oldest_unpaid_on
    if oldest is None:
        return []
    dates: list[date] = []
    months = -1
    while (due_on := add_months(opening.next_due_on, months)) > oldest:
        dates.insert(0, due_on)
        months -= 1
    return [oldest, *dates]


def _at_level(
    terms: Terms, accrues_from: date, rows: list[Instalment], instalment: int
) -> list[Instalment]:
    """The same due dates with the instalment that the borrower pays."""
    level, balance, start = [], terms.amount, accrues_from
    for row in rows:
        share = (
            Decimal(1) / 12
            if terms.day_count == "30/360" and row.number > 1
            else year_fraction(terms.day_count, start, row.due_on)
        )
        interest = rounded(balance * terms.annual_rate * share, terms.rounding)
        principal = instalment - interest
        if row is rows[-1]:
            if not 0 < balance <= 2 * max(principal, 1):
                raise InstalmentDoesNotFit(
                    f"The instalment does not pay off what is left in {len(rows)} months:"
                    f" {balance} minor units of principal would remain for the last."
                )
            principal = balance
        elif not 0 < principal < balance:
            raise InstalmentDoesNotFit(
                f"The instalment does not pay off what is left in {len(rows)} months:"
                f" instalment {row.number} would take {principal} of {balance} minor units."
            )
        level.append(replace(row, principal=principal, interest=interest))
        balance, start = balance - principal, row.due_on
    return level

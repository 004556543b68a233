"""What is open of a claim that was written off or sold: what was lost, found out, recovered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from domain.base.stream import Stream
from domain.loan.account import open_of
from domain.loan.allocation import Split
from domain.loan.as_of import endings, recovered
from domain.loan.loan import Loan
from domain.loan.state import EndedBy

CLAIM = "claim"
"""The figure that the lines of a claim add up to: what of it is open."""


@dataclass(frozen=True)
class ClaimLine:
    """A part of what is open of a claim; minor units. *version* is the event behind it."""

    amount: int
    on: date
    what: str
    version: int


def claim_lines(events: Sequence[Stream.Event], loan: Loan, as_of: date) -> list[ClaimLine]:
    """What was claimed when *loan* left the book, what came of it by *as_of*, and what is open.

    Nothing of a loan that had not left the book by then. *events* are those of the loan.
    """
    ended = endings(events, as_of)
    if not ended:
        return []
    found = [*_lost(ended[0]), *_found_out(events, ended[0])]
    found += _recovered(events, loan, as_of)
    if isinstance(sale := ended[-1], Loan.Sold):
        left, what = sum(line.amount for line in found), f"sold to {sale.buyer_ref}"
        found.append(ClaimLine(-left, sale.effective_on, what, sale.originator_version))
    return [line for line in found if line.amount]


PARTS = ("principal", "interest", "fees", "penalty")


def _lost(event: Loan.WrittenOff | Loan.Sold) -> Iterator[ClaimLine]:
    """What left the book, as it was known that day."""
    on, version = event.effective_on, event.originator_version
    verb = "sold" if isinstance(event, Loan.Sold) else "written off"
    for name in PARTS:
        yield ClaimLine(getattr(event.claim, name), on, f"{name} {verb}", version)
    what = f"refunded and missing, {verb}"
    yield ClaimLine(event.claim.unapplied, on, what, version)


def _found_out(
    events: Sequence[Stream.Event], ended: Loan.WrittenOff | Loan.Sold
) -> Iterator[ClaimLine]:
    """What became known since and counts from before, by the event that told it."""
    kind = EndedBy.SALE if isinstance(ended, Loan.Sold) else EndedBy.WRITE_OFF
    for event in events:
        if event.originator_version <= ended.originator_version:
            continue
        for each in getattr(event, "restated", None) or ():
            if each.kind == kind:
                grown = each.after.total - each.before.total
                what = f"{_cause(event)}, known on {event.business_on}"
                yield ClaimLine(grown, event.effective_on, what, event.originator_version)


def _cause(event: Stream.Event) -> str:
    """What it was, with its reference."""
    topic: str = event.TOPIC  # type: ignore[attr-defined]
    words = topic.partition(".")[2].replace("-", " ")
    names = ("payment_ref", "fee_ref", "hold_ref", "draw_ref", "refund_ref", "fact_ref")
    ref = next((getattr(event, name) for name in names if hasattr(event, name)), None)
    return f"{words}, {ref}" if ref else words


def _recovered(events: Sequence[Stream.Event], loan: Loan, as_of: date) -> Iterator[ClaimLine]:
    """What each recovery paid of the claim; what exceeds that is credit, and not told here."""
    # One that was a payment before an earlier loss was known came in as that.
    versions = {
        event.payment_ref: event.originator_version
        for event in events
        if isinstance(event, Loan.RecoveryReceived | Loan.Repaid)
    }
    known: dict[str, Split] = {}
    left = open_of(loan.claim, known)
    by_day = sorted(recovered(loan, as_of), key=lambda each: loan.recoveries[each[0]].on)
    for ref, split in by_day:
        known[ref] = split
        before, left = left, open_of(loan.claim, known)
        what = f"recovered, {ref}"
        yield ClaimLine(left - before, loan.recoveries[ref].on, what, versions[ref])

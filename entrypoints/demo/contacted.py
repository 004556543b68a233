"""What the demo's day of contact came to, by reason and by rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from entrypoints.demo.intents import DAY_OF_CONTACT

if TYPE_CHECKING:
    from infra.contact_answers import LoggedContact, ReasonCount
    from infra.contact_queue import Line
    from infra.reading import Connection


@dataclass(frozen=True)
class ByRule:
    """How often a rule stood against a contact: put off, and refused for good."""

    reason: str
    rule: str
    deferred: int
    blocked: int


@dataclass(frozen=True)
class Shown:
    """A contact to look at: whose, when it was decided on, and what stood against it."""

    borrower_ref: str
    at: datetime
    answer: str
    reasons: list[str]


@dataclass(frozen=True)
class Contacts:
    """The planned contacts of the day, each in one of the counts that follow *planned*.

    *put_off* counts answers: one contact may be put off several times and sent at last.
    *adverts* are among those *sent*.
    """

    on: date
    planned: int
    sent: int
    adverts: int
    uncertain: int
    failed: int
    blocked: int
    dropped: int
    waiting: int
    put_off: int
    by_rule: list[ByRule]
    dropped_because: dict[str, int]
    failed_because: dict[str, int]
    waiting_because: dict[str, int]
    shown: list[Shown]


def contacts(conn: Connection, on: date = DAY_OF_CONTACT) -> Contacts | None:
    """What became of the day's plan; None where the day was not worked."""
    from infra import contact_queries, contact_queue

    lines = contact_queue.lines(conn, on=on)
    if not lines:
        return None
    log = contact_queries.log(conn, on, from_on=on).found
    reasons = contact_queries.summary(conn, on, on, on).found.reasons
    planned = {line.contact_ref for line in lines}
    log = [each for each in log if each.contact_ref in planned]
    newest: dict[str, LoggedContact] = {}
    for each in log:
        newest.setdefault(each.contact_ref, each)
    became: dict[str, list[Line]] = {}
    for line in lines:
        became.setdefault(_became(line, newest.get(line.contact_ref)), []).append(line)
    return Contacts(
        on=on,
        planned=len(lines),
        sent=len(became.get("sent", ())),
        adverts=sum(line.purpose == "MARKETING" for line in became.get("sent", ())),
        uncertain=len(became.get("uncertain", ())),
        failed=len(became.get("failed", ())),
        blocked=len(became.get("blocked", ())),
        dropped=len(became.get("dropped", ())),
        waiting=len(became.get("waiting", ())),
        put_off=sum(each.answer == "DEFER" for each in log),
        by_rule=_by_rule(reasons),
        dropped_because=_because(line.reasons for line in became.get("dropped", ())),
        failed_because=_because(line.reasons for line in became.get("failed", ())),
        waiting_because=_because(line.reasons for line in became.get("waiting", ())),
        shown=_shown(log),
    )


def _became(line: Line, last: LoggedContact | None) -> str:
    if line.state == "WAITING":
        return "waiting"
    if line.state == "DROPPED":
        return "dropped" if last is None else "blocked"
    if last is None or last.outcome is None:
        return "sent"
    if last.outcome == "FAILED":
        return "failed"
    return "sent" if last.certain else "uncertain"


def _because(found: Iterable[Sequence[str]]) -> dict[str, int]:
    counts = Counter(", ".join(reasons) or "its turn has not come" for reasons in found)
    return dict(counts.most_common())


def _by_rule(counted: Sequence[ReasonCount]) -> list[ByRule]:
    """Over all purposes and channels, what stood against most contacts first."""
    deferred: Counter[tuple[str, str]] = Counter()
    blocked: Counter[tuple[str, str]] = Counter()
    for each in counted:
        deferred[each.reason, each.rule] += each.deferred
        blocked[each.reason, each.rule] += each.blocked
    pairs = sorted({*deferred, *blocked}, key=lambda pair: (-deferred[pair] - blocked[pair], pair))
    return [ByRule(*pair, deferred[pair], blocked[pair]) for pair in pairs]


def _shown(log: Sequence[LoggedContact]) -> list[Shown]:
    """Of each answer but ALLOW the contact with most reasons, the first by reference."""
    from domain.base.refs import short_ref

    found = []
    for answer in ("DEFER", "BLOCK"):
        of_it = [each for each in log if each.answer == answer]
        if of_it:
            one = min(of_it, key=lambda each: (-len(each.reasons), each.contact_ref))
            ref = short_ref("B", one.borrower_id)
            found.append(Shown(ref, one.at, answer, one.reasons))
    return found


def render(found: Contacts) -> None:
    """Print it for a person."""
    from entrypoints.output import out, show, table

    title = f"contacts planned for {found.on}"
    rows = table("", title, wraps=(title,))
    rows.add_row("planned", f"{found.planned:,}")
    rows.add_row("sent", f"{found.sent:,}, of these {found.adverts:,} adverts")
    if found.uncertain:
        rows.add_row("uncertain", f"{found.uncertain:,} that the provider may have taken or not")
    for name, count, because in (
        ("failed", found.failed, found.failed_because),
        ("dropped", found.dropped, found.dropped_because),
        ("waiting", found.waiting, found.waiting_because),
    ):
        why = "; ".join(f"{reason} {times:,}" for reason, times in because.items())
        rows.add_row(name, f"{count:,}" + (f": {why}" if count else ""))
    rows.add_row("blocked", f"{found.blocked:,} by the rules below")
    rows.add_row("put off", f"{found.put_off:,} times by the rules below, then asked again")
    show(rows)
    rules = table("because", "rule", "put off", "blocked", right=("put off", "blocked"))
    for each in found.by_rule:
        rules.add_row(
            each.reason,
            each.rule,
            f"{each.deferred:,}" if each.deferred else "",
            f"{each.blocked:,}" if each.blocked else "",
        )
    show(rules)
    out.print("One answer may have several reasons.", style="dim")

"""A collector's day: strategies, the worklist, who takes whom over."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID, uuid4

import typer

from domain.base.contact_policy import BY_BORROWER, LateReason
from domain.base.policy import NextStage
from entrypoints.app import AsJson, app
from entrypoints.contact_commands import At, instant_of
from entrypoints.staff_command import STAFF, Actor, Borrower, CommandId, Loan, carry_out

if TYPE_CHECKING:
    from domain.base.policy import StrategyRule
    from domain.base.stream import Act
    from domain.borrower.borrower import Borrower as BorrowerStream
    from domain.borrower.placement import Placement
    from domain.borrower.why import Way
    from domain.commands.collecting import Offered
    from entrypoints.questions import Asked
    from entrypoints.session import Session
    from infra.answers import Case, PromiseShown
    from infra.day_plan import Assigned

collect = typer.Typer(
    help="A collector's day: plan strategies, work the list, take borrowers over.",
    no_args_is_help=True,
)
app.add_typer(collect, name="collect")

OnDay = Annotated[
    datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="The day; else today's.")
]


SPOKEN = ("PHONE", "VISIT")
"""The channels that need a collector; what is written is sent by itself."""


@collect.command("plan")
def plan(on: OnDay = None, actor: Actor = STAFF, as_json: AsJson = False) -> None:
    """Assign a strategy to every late loan, by its bucket and what became of promises.

    The process that sends (LOANS_DISPATCHER=true) does this by itself when a day begins. By
    hand, run it after the day is closed; run again it changes only what has changed.
    """
    from entrypoints import output
    from entrypoints.questions import asking

    with asking(on) as asked:
        found = assigned(asked, act=lambda: asked.opened.act(actor, None))
    output.emit(
        found,
        as_json=as_json,
        render=lambda done: output.out.print(
            f"{done.late} loan(s) late on {done.on}; {done.changed} strategies changed."
        ),
    )


def assigned(asked: Asked, *, act: Callable[[], Act]) -> Assigned:
    """Assign strategies to the loans that are late on the day that is asked about."""
    from infra import day_plan

    opened = asked.opened
    return day_plan.assign(opened.book, asked.conn, asked.on, zone=opened.settings.zone, act=act)


@collect.command("take-over")
def take_over(
    borrower: Borrower,
    collector: Annotated[str | None, typer.Argument(help="Who; without a name, nobody.")] = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Let a collector take a borrower over: their worklist has the borrower from now on."""
    from domain.commands import collecting

    carry_out(
        lambda opened, act: collecting.assign_collector(
            opened.book, act, borrower_id=opened.borrower_id(borrower), collector=collector
        ),
        actor,
        command_id or uuid4(),
        as_json,
    )


@collect.command("reason")
def reason(
    loan: Loan,
    reason: Annotated[LateReason, typer.Argument(help="Why it is late.", case_sensitive=False)],
    source: Annotated[str, typer.Option(help="Who told it.")] = BY_BORROWER,
    contact: Annotated[
        str | None, typer.Option(help="The contact in which it was told, by its reference.")
    ] = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Note why a loan is late; `contact tell --reason-late` notes it with what came of a call."""
    from domain.commands import collecting

    carry_out(
        lambda opened, act: collecting.record_late_reason(
            opened.book,
            act,
            loan_id=opened.stream_id(loan),
            reason=reason,
            source=source,
            contact_ref=contact,
        ),
        actor,
        command_id or uuid4(),
        as_json,
    )


@dataclass(frozen=True)
class WayOpen:
    """A way to contact the borrower that the gate allows, now or from an instant on.

    *somebody_else* is asked there, who hears nothing of a debt. *script* is what is said,
    with its version, where somebody speaks.
    """

    channel: str
    point_ref: str
    open_now: bool
    from_at: datetime | None
    because: list[str]
    somebody_else: bool
    script: str | None


@dataclass(frozen=True)
class Item:
    """A late loan on a collector's list; amounts in minor units.

    Before the day *left_alone_until* nobody asks, as long as the plan holds that was agreed;
    since *check_in_due* somebody should. *proposed* are the stages that its strategy proposes
    next; *at_law_since* it is claimed at law.
    """

    loan_id: UUID
    loan_ref: str
    borrower_ref: str
    currency: str
    amount_overdue: int
    days_past_due: int
    bucket: str
    strategy: str | None
    behaviour: str
    collector: str | None
    agency: str | None
    ways: list[WayOpen]
    refused: list[str]
    promises: list[PromiseShown]
    last_contact: str | None
    last_at: datetime | None
    out_of_reach: bool
    left_alone_until: date | None
    check_in_due: date | None
    proposed: list[str]
    at_law_since: date | None
    stale: bool


@collect.command("list")
def worklist(
    collector: Annotated[
        str | None, typer.Option(help="Only whom this collector has taken over.")
    ] = None,
    free: Annotated[bool, typer.Option("--free", help="Only whom nobody has taken over.")] = False,
    agency: Annotated[
        str | None, typer.Option(help="The loans that this agency has; the house's list has none.")
    ] = None,
    legal: Annotated[
        bool, typer.Option("--legal", help="The loans that are claimed at law; else none of them.")
    ] = False,
    now_only: Annotated[
        bool, typer.Option("--now", help="Only who may be contacted at this moment.")
    ] = False,
    on: OnDay = None,
    at: At = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 20,
    as_json: AsJson = False,
) -> None:
    """The worklist: late loans, and by what means one may contact the borrower, from when.

    Who may be contacted now comes first, and of these the latest loans. A loan that is placed
    with an agency is on that agency's list only (`--agency`), one that is claimed at law on
    that of such claims (`--legal`); one that was written off is there with what is left of
    the claim. Where the strategy proposes an agency or a claim at law, somebody decides:
    `collect place`, `collect refer-legal`. What it offers, the
    contact gate would allow; ask it with `contact ask` before each contact all the same,
    which records the answer and takes the place under the caps. Then `contact tell` what
    came of it, and `borrower promise` what was promised. Who keeps a plan (`collect support`)
    is left alone until the day on which somebody asks again.
    """
    from zoneinfo import ZoneInfo

    from entrypoints import output
    from entrypoints.questions import asking
    from infra import day_plan

    instant = instant_of(at)
    with asking(on) as asked:
        opened = asked.opened
        zone = ZoneInfo(opened.settings.zone)
        moment = instant.astimezone(zone)
        cases = day_plan.still_owed(
            opened.book, asked.conn, asked.on, moment.time(), opened.settings.zone
        )
        items = items_of(opened, cases, instant)
    chosen = [
        item
        for item in items
        if item.agency == agency
        and (item.at_law_since is not None) == legal
        and (collector is None or item.collector == collector)
        and (not free or item.collector is None)
        and (not now_only or any(way.open_now for way in item.ways))
    ]
    chosen.sort(key=_order)
    total = len(chosen)
    output.emit(
        chosen if as_json else chosen[:limit],
        as_json=as_json,
        render=lambda found: _render(found, total, instant),
    )


def items_of(opened: Session, cases: Sequence[Case], at: datetime) -> list[Item]:
    """The late loans with what a collector may do about each at an instant."""
    from domain.borrower.borrower import Borrower as BorrowerStream
    from domain.borrower.third_party import has_no_contact
    from domain.commands import collecting
    from infra import day_plan

    borrowers = opened.book.get_many(BorrowerStream, {case.borrower_id for case in cases})
    segments = day_plan.segments_of(opened.book, cases, opened.business_on)
    items = []
    with opened.book.one_look():
        policies = opened.book.policies
        jurisdictions = opened.book.rules.contact.jurisdictions
        products = collecting.products_named(opened.book, [case.loan_id for case in cases])
        for case in cases:
            borrower = borrowers[case.borrower_id]
            lost = has_no_contact(borrower.situation(), opened.book.rules.contact, at)
            behaviour = borrower.behaviour(case.loan_id, out_of_reach=lost)
            segment = segments.get(case.loan_id)
            rule = policies.strategy(case.stage, opened.business_on, behaviour, segment)
            channels = [] if rule is None else rule.channels
            found = collecting.offered(
                opened.book,
                borrower,
                case.loan_id,
                channels,
                at,
                script=None if rule is None else rule.template,
                on=opened.business_on,
                products=products.get(case.loan_id, ()),
            )
            last = found.last
            placed = borrower.placements.get(str(case.loan_id))
            matter = borrower.legal_matters.get(str(case.loan_id))
            items.append(
                Item(
                    loan_id=case.loan_id,
                    loan_ref=case.loan_ref,
                    borrower_ref=borrower.borrower_ref,
                    currency=case.currency,
                    amount_overdue=case.amount_overdue,
                    days_past_due=case.days_past_due,
                    bucket=case.stage,
                    strategy=None if rule is None else rule.strategy,
                    behaviour=found.behaviour,
                    collector=found.collector,
                    agency=None if placed is None else placed.agency,
                    ways=[] if matter else [_open(way, found) for way in found.ways],
                    refused=_refused(found, known=borrower.jurisdiction in jurisdictions),
                    promises=case.promises,
                    last_contact=_came_of(borrower, found.last_ref),
                    last_at=None if last is None else last.at,
                    out_of_reach=found.out_of_reach,
                    left_alone_until=found.left_alone_until,
                    check_in_due=found.check_in_due,
                    proposed=[] if rule is None or matter else _proposed(rule, placed),
                    at_law_since=None if matter is None else matter.referred_on,
                    stale=case.stale,
                )
            )
    return items


def _came_of(borrower: BorrowerStream, contact_ref: str | None) -> str | None:
    """By what somebody was contacted, and what came of it if that was told."""
    if contact_ref is None:
        return None
    past = borrower.contacts[contact_ref]
    told = "allowed, not told yet" if contact_ref in borrower.open_contacts else past.outcome
    return f"{past.channel} {told}"


def _proposed(rule: StrategyRule, placed: Placement | None) -> list[str]:
    """The stages that a strategy proposes; no agency where one has the loan."""
    return [str(stage) for stage in rule.proposes if placed is None or stage != NextStage.AGENCY]


def _refused(found: Offered, *, known: bool) -> list[str]:
    if not known:
        return ["no policy says how to contact borrowers there"]
    return [
        f"{way.channel} {way.point_ref}: {', '.join(way.decision.because)}" for way in found.refused
    ]


def _open(way: Way, found: Offered) -> WayOpen:
    decision = way.decision
    script = found.scripts.get((way.channel, str(way.point_ref)))
    return WayOpen(
        str(way.channel),
        str(way.point_ref),
        decision.until is None,
        decision.until,
        [str(each) for each in decision.because],
        str(way.point_ref) in found.of_others,
        None if script is None else f"{script.rule} {script.version}",
    )


def _order(item: Item) -> tuple[bool, bool, int]:
    """Who may be contacted now comes first, then who later, each the latest loans first."""
    return (not any(way.open_now for way in item.ways), not item.ways, -item.days_past_due)


def _render(items: Sequence[Item], total: int, at: datetime) -> None:
    from entrypoints import output

    if not items:
        output.out.print("Nobody is on the list.")
        return
    rows = output.table(
        *("loan", "overdue", "to do", "how", "last, and promised"),
        right=("overdue",),
        wraps=("to do", "how", "last, and promised"),
    )
    for item in items:
        overdue = output.money(item.amount_overdue, item.currency)
        rows.add_row(
            f"{item.loan_ref}\n{item.borrower_ref}",
            f"{overdue}\n{item.bucket}, {item.days_past_due:,} days",
            "\n".join(_to_do(item, at)),
            _how(item),
            "\n".join(_said(item, at)),
        )
    output.show(rows)
    more = f"; the first {len(items)} are shown" if len(items) < total else ""
    output.out.print(f"{total} on the list at {at:%Y-%m-%d %H:%M:%SZ}{more}.")


def _to_do(item: Item, at: datetime) -> Iterator[str]:
    if item.strategy is not None:
        yield item.strategy + (" (out of reach)" if item.out_of_reach else "")
    if item.check_in_due is not None:
        yield f"ask again, due {_day(item.check_in_due, at)}"
    if item.collector is not None:
        yield f"by {item.collector}"
    if item.agency is not None:
        yield f"with {item.agency}"
    if item.at_law_since is not None:
        yield f"at law since {item.at_law_since}"
    if item.proposed:
        yield f"decide: {' or '.join(each.lower() for each in item.proposed)}"


def _said(item: Item, at: datetime) -> Iterator[str]:
    """What the borrower was last told or said, and the next promise, or else the last one."""
    from entrypoints import output

    if item.last_at is not None:
        yield f"{item.last_contact} {_day(item.last_at, at)} {item.last_at:%H:%MZ}"
    waiting = [each for each in item.promises if each.state == "OPEN"][:1]
    for promise in waiting or [each for each in item.promises if each.state != "LAPSED"][-1:]:
        amount = output.money(promise.amount, promise.currency)
        yield f"{amount} by {_day(promise.promised_on, at)}: {promise.state.lower()}"


def _day(on: date, at: datetime) -> str:
    """A day, without the year where it is that of the list."""
    return f"{on:%m-%d}" if on.year == at.year else f"{on:%Y-%m-%d}"


def _how(item: Item) -> str:
    """The first way, and the first by which one speaks with the borrower."""
    if item.at_law_since is not None:
        return "not by the house: claimed at law"
    if item.left_alone_until is not None:
        return f"left alone until {item.left_alone_until} while the plan holds"
    if not item.ways:
        return _why_not(item)
    ways = [item.ways[0]]
    ways += [way for way in item.ways if way.channel in SPOKEN][:1]
    return "\n".join(dict.fromkeys(map(_way, ways)))


def _why_not(item: Item) -> str:
    if item.refused:
        return f"not: {'; '.join(item.refused)}"
    if item.behaviour == "PROMISE_OPEN":
        return "not before the day of the promise is over"
    return "no contact point known"


def _way(way: WayOpen) -> str:
    when = "now" if way.open_now else f"from {way.from_at:%m-%d %H:%MZ}"
    other = " (somebody else)" if way.somebody_else else ""
    return f"{way.channel} {when} {way.point_ref}{other}"

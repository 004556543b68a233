"""What staff ask of the record of contacts: one command per question."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from domain.base.contact_policy import Channel, Purpose, Reason
from domain.borrower.contact import Party
from entrypoints.app import AsJson, app
from entrypoints.contact_command import contact
from entrypoints.questions import QUESTIONS, Asked, OnDay, asking, found, show_answer
from entrypoints.staff_command import AnyBorrower, Borrower

if TYPE_CHECKING:
    from collections.abc import Iterator

    from domain.borrower.budget import Allowance
    from infra.contact_answers import (
        ConsentCounts,
        ConsentRegister,
        ContactBudget,
        ContactSummary,
        Deliveries,
        FunnelStage,
        Keywords,
        LoggedContact,
    )

VIEW = "contacts"


class Decided(StrEnum):
    """What became of an intended contact at the gate; or before it; or the borrower began it."""

    ALLOW = "ALLOW"
    DEFER = "DEFER"
    BLOCK = "BLOCK"
    NOT_MADE = "NOT_MADE"
    INBOUND = "INBOUND"


class FunnelBy(StrEnum):
    """What the funnel is told by."""

    OCCASION = "occasion"
    TEMPLATE = "template"
    PURPOSE = "purpose"
    CHANNEL = "channel"
    ARM = "arm"


From = Annotated[
    datetime | None,
    typer.Option("--from", formats=["%Y-%m-%d"], help="Decided on this day or later."),
]
Through = Annotated[
    datetime | None,
    typer.Option("--to", formats=["%Y-%m-%d"], help="Decided on this day or before."),
]
Version = Annotated[
    int | None, typer.Option("--version", min=1, help="Wait until the view shows this version.")
]
ForPurpose = Annotated[
    Purpose | None, typer.Option("--purpose", help="For this purpose.", case_sensitive=False)
]


def _day(given: datetime | None) -> date | None:
    return given.date() if given else None


# --- the log ----------------------------------------------------------------------------


@contact.command("log", rich_help_panel=QUESTIONS)
def log(
    borrower: AnyBorrower = None,
    on: OnDay = None,
    from_on: From = None,
    purpose: ForPurpose = None,
    channel: Annotated[
        Channel | None, typer.Option(help="By this channel.", case_sensitive=False)
    ] = None,
    answer: Annotated[
        Decided | None,
        typer.Option(
            help="So decided; NOT_MADE: planned, and not made; INBOUND: the borrower got in touch.",
            case_sensitive=False,
        ),
    ] = None,
    reason: Annotated[
        Reason | None, typer.Option(help="Put off or refused for this.", case_sensitive=False)
    ] = None,
    version: Version = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List contacts: how each was decided and why, what came of it, and who made it.

    Of one borrower all up to the day, the newest first; of all borrowers those of the day,
    or since --from.
    """
    from infra import contact_queries
    from infra.contact_queries import Filters

    with asking(on) as asked:
        borrower_id = asked.borrower(borrower, VIEW, version) if borrower else None
        answered = contact_queries.log(
            asked.conn,
            asked.on,
            borrower_id=borrower_id,
            from_on=_day(from_on) or (None if borrower else asked.on),
            filters=Filters(purpose, channel, answer, reason),
            limit=limit,
        )
        zone = asked.opened.settings.zone
    show_answer(
        answered, as_json, lambda rows: _render_log(rows, zone, limit, one=borrower is not None)
    )


def _render_log(contacts: list[LoggedContact], zone: str, limit: int, *, one: bool) -> None:
    from domain.base.refs import short_ref
    from entrypoints import output

    if not contacts:
        output.out.print("No such contact is in the log.")
        return
    columns = ("when", "contact", "decided", "came of it")
    rows = output.table(*columns, wraps=columns)
    for each in contacts:
        text = f"{each.template} {each.template_version}" if each.template else ""
        decided = (f"{_decided(each, zone)}, {each.actor}", _why(each), text)
        rows.add_row(
            _local(each.at, zone) + ("" if one else f"\n{short_ref('B', each.borrower_id)}"),
            " ".join([_words(each.purpose), *_by(each)]),
            escape("\n".join(filter(None, decided))),
            escape(_came_of(each)),
            style=STYLES.get(each.answer),
        )
    output.show(rows)
    more = f" The newest {limit}; --limit shows more." if len(contacts) == limit else ""
    output.out.print(f"Times in {zone}.{more}")


def _by(contact: LoggedContact) -> Iterator[str]:
    """By what, if that was chosen, and with whom where that is not the borrower."""
    if contact.channel is not None:
        yield f"by {_words(contact.channel)}"
    if contact.party not in (None, Party.BORROWER):
        yield f"to {_words(contact.party)}"


STYLES = {"DEFER": "yellow", "BLOCK": "red", "NOT_MADE": "yellow"}
DECIDED = {"ALLOW": "allowed", "BLOCK": "blocked", "INBOUND": "inbound", "NOT_MADE": "not made"}


def _local(at: datetime, zone: str) -> str:
    from zoneinfo import ZoneInfo

    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"


def _words(name: str | None) -> str:
    return name.lower().replace("_", " ") if name else ""


def _decided(each: LoggedContact, zone: str) -> str:
    if each.until_at is not None:
        return f"until {_local(each.until_at, zone)}"
    return DECIDED.get(each.answer, _words(each.answer))


def _why(each: LoggedContact) -> str:
    if each.reasons:
        rules = ", ".join(rule.partition(" ")[0] for rule in each.rules)
        return ": ".join(filter(None, (", ".join(map(_words, each.reasons)), rules)))
    if each.answers:
        return f"answers {each.answers}"
    # What staff ask for without an occasion of its own would be said twice.
    return "" if each.occasion in (None, each.actor) else str(each.occasion)


def _came_of(each: LoggedContact) -> str:
    report = {None: "", True: "delivered", False: "not delivered"}[each.delivered]
    said = [
        _words(each.outcome),
        "uncertain" if each.certain is False and each.delivered is None else "",
        f"{each.duration_seconds} s" if each.duration_seconds is not None else "",
        each.feedback or "",
        f"intent {_words(each.intent_level)}" if each.intent_level else "",
        f"said {each.keyword}" if each.keyword else "",
        each.told or "",
        f"{report} ({each.delivery_reason})" if each.delivery_reason else report,
        f"told by {each.told_by}" if each.told_by not in (None, each.actor) else "",
        "stale" if each.stale else "",
    ]
    return ", ".join(word for word in said if word)


# --- the budget -------------------------------------------------------------------------


@contact.command("budget", rich_help_panel=QUESTIONS)
def budget(
    borrower: Borrower,
    purpose: ForPurpose = None,
    on: OnDay = None,
    at: Annotated[
        datetime | None,
        typer.Option("--at", formats=["%H:%M"], help="The lender's time of that day; else now."),
    ] = None,
    version: Version = None,
    as_json: AsJson = False,
) -> None:
    """Show how much contact is used and left: each limit that binds, by the rules in force.

    Counted as the gate counts, in the zone of the borrower where most is used. A contact
    that was allowed counts as a talk, or as sent, until it is told what came of it.
    """
    from infra import contact_queries

    with asking(on) as asked:
        answer = contact_queries.budget(
            asked.conn,
            asked.opened.book.rules.contact,
            asked.borrower(borrower, VIEW, version),
            on=asked.on,
            at=_instant(asked, at),
            purposes=(purpose,) if purpose else tuple(Purpose),
        )
        found(answer, borrower, asked.on)
        zone = asked.opened.settings.zone
    show_answer(answer, as_json, lambda left: _render_budget(left, zone))


def _instant(asked: Asked, at: datetime | None) -> datetime:
    """That time of the day asked for, where the lender is; else this time of it."""
    from zoneinfo import ZoneInfo

    from infra import clock

    zone = ZoneInfo(asked.opened.settings.zone)
    moment: time = at.time() if at else clock.now().astimezone(zone).time()
    return datetime.combine(asked.on, moment, zone)


def _render_budget(left: ContactBudget | None, zone: str) -> None:
    from entrypoints import output

    assert left is not None
    output.out.print(
        f"[bold]{left.borrower_ref}[/]  {left.jurisdiction}, {', '.join(left.zones)};"
        f" at {_local(left.at, zone)} in {zone}"
    )
    rows = output.table(
        "for",
        "by",
        "limit",
        "of",
        "used",
        "left",
        "within",
        right=("used", "left"),
        wraps=("for", "by", "limit", "of"),
    )
    for each in left.limits:
        rows.add_row(
            ", ".join(map(_words, each.purposes)),
            ", ".join(map(_words, each.channels)) or "any",
            f"{each.rule} {each.version}",
            _of(each),
            f"{each.used} of {each.most}",
            str(each.left),
            f"{each.hours} hours" if each.hours else f"a {_words(each.within)}",
            style=None if each.left else "red",
        )
    output.show(rows)


def _of(each: Allowance) -> str:
    if each.of is None:
        return "borrower"
    return each.of or f"any other {_words(each.per)}"


# --- over all borrowers -----------------------------------------------------------------


@contact.command("summary", rich_help_panel=QUESTIONS)
def summary(
    from_on: From = None, to_on: Through = None, on: OnDay = None, as_json: AsJson = False
) -> None:
    """Count contacts by purpose and channel: allowed, deferred, blocked, what came of them.

    And by reason, with the rule that stood against them. All up to the day, or those from
    a day to another.
    """
    from infra import contact_queries

    with asking(on) as asked:
        answer = contact_queries.summary(asked.conn, asked.on, _day(from_on), _day(to_on))
    show_answer(answer, as_json, render_summary)


def render_summary(counted: ContactSummary) -> None:
    """Print contacts by purpose and channel, and what stood against them."""
    from entrypoints import output

    if not counted.kinds:
        output.out.print(f"No contact was decided{_between(counted.from_on, counted.to_on)}.")
        return
    answers = ("allowed", "deferred", "blocked")
    came = ("sent", "failed", "uncertain", "untold")
    rows = output.table("for", "by", *answers, *came, right=(*answers, *came))
    for each in counted.kinds:
        figures = [getattr(each, name) for name in (*answers, *came)]
        rows.add_row(
            _words(each.purpose), _words(each.channel), *(f"{x:,}" if x else "" for x in figures)
        )
    output.show(rows)
    if not counted.reasons:
        return
    against = ("deferred", "blocked")
    reasons = output.table(
        *("because", "rule", "for", "by", *against), right=against, wraps=("because", "rule", "for")
    )
    for cause in counted.reasons:
        reasons.add_row(
            _words(cause.reason),
            " ".join((cause.rule, *cause.versions)).strip(),
            _words(cause.purpose),
            _words(cause.channel),
            f"{cause.deferred:,}" if cause.deferred else "",
            f"{cause.blocked:,}" if cause.blocked else "",
        )
    output.show(reasons)
    output.out.print(
        f"Decisions{_between(counted.from_on, counted.to_on)}; one may have several reasons."
    )


def _between(from_on: date | None, to_on: date) -> str:
    return f" from {from_on} to {to_on}" if from_on else f" up to {to_on}"


@contact.command("deliveries", rich_help_panel=QUESTIONS)
def deliveries(
    from_on: From = None, to_on: Through = None, on: OnDay = None, as_json: AsJson = False
) -> None:
    """Count messages by provider and carrier: delivered, failed, unknown, minutes to a report."""
    from infra import contact_queries

    with asking(on) as asked:
        answer = contact_queries.deliveries(asked.conn, asked.on, _day(from_on), _day(to_on))
    show_answer(answer, as_json, _render_deliveries)


def _render_deliveries(counted: list[Deliveries]) -> None:
    from entrypoints import output

    if not counted:
        output.out.print("No message was given to a provider.")
        return
    names = ("sent", "delivered", "failed", "unknown", "uncertain", "refused")
    figured = (*names, "minutes")
    rows = output.table("provider", *figured, right=figured, wraps=("provider",))
    for each in counted:
        figures = [getattr(each, name) for name in names]
        by = (_words(each.channel), each.carrier)
        rows.add_row(
            escape(f"{each.provider}\n{', '.join(filter(None, by))}"),
            *(f"{x:,}" if x else "" for x in figures),
            "" if each.median_minutes is None else str(each.median_minutes),
        )
    output.show(rows)
    output.out.print(
        "Under a provider, the channel and the carrier, if that was told. Refused: the provider did"
        " not take it. Minutes: the median from sending to the report."
    )


@contact.command("funnel", rich_help_panel=QUESTIONS)
def funnel(
    by: Annotated[FunnelBy, typer.Option(help="What it is told by.")] = FunnelBy.OCCASION,
    within: Annotated[
        int, typer.Option(min=0, metavar="DAYS", help="Days in which what comes of it counts.")
    ] = 7,
    from_on: From = None,
    to_on: Through = None,
    on: OnDay = None,
    as_json: AsJson = False,
) -> None:
    """Follow contacts from sending to the borrower's answer, and to what they are for.

    By occasion, version of the template, purpose, channel, or arm of an experiment. Each
    share is of those sent; who does it without answering has converted all the same.
    Converted is, of marketing, who applied for a loan; of reminders, who paid what fell due
    in time, or caught up; of education, who paid in time; of collection, who caught up. Other
    purposes are after nothing.
    """
    from infra import contact_queries

    with asking(on) as asked:
        answer = contact_queries.funnel(
            asked.conn,
            asked.on,
            by=by,
            within_days=within,
            from_on=_day(from_on),
            to_on=_day(to_on),
        )
    show_answer(answer, as_json, lambda stages: _render_funnel(stages, by, within))


def _render_funnel(stages: list[FunnelStage], by: str, within: int) -> None:
    from entrypoints import output

    if not stages:
        output.out.print("No contact was allowed.")
        return
    # What came of none of them is left out, so that the rest has room.
    came = ("paid", "in_time", "cured", "applied", "disbursed")
    some = [name for name in came if any(getattr(each, name) for each in stages)]
    shares = ("reached", "interacted", *some, "converted")
    names = tuple(name.replace("_", " ") for name in ("allowed", "sent", *shares, "waiting"))
    rows = output.table(by, *names, right=names, wraps=(by,))
    for each in stages:
        rows.add_row(
            each.of or "none",
            f"{each.allowed:,}",
            f"{each.sent:,}",
            *(_share(getattr(each, name), each.sent) for name in shares),
            f"{each.waiting:,}" if each.waiting else "",
        )
    output.show(rows)
    output.out.print(
        f"Within {within} days, of those sent; of those waiting, the days are not over."
    )


def _share(part: int, whole: int) -> str:
    return f"{part:,} ({Decimal(part) / whole:.1%})" if whole else ""


@contact.command("keywords", rich_help_panel=QUESTIONS)
def keywords(
    from_on: From = None, to_on: Through = None, on: OnDay = None, as_json: AsJson = False
) -> None:
    """Count what borrowers answer by keyword, and what they refuse by where it was said."""
    from infra import contact_queries

    with asking(on) as asked:
        answer = contact_queries.keywords(asked.conn, asked.on, _day(from_on), _day(to_on))
    show_answer(answer, as_json, _render_keywords)


def _render_keywords(counted: Keywords) -> None:
    from entrypoints import output

    days = _between(counted.from_on, counted.to_on)
    if counted.keywords:
        names = ("received", "borrowers", "replies", "opted out")
        rows = output.table("keyword", "by", "for", *names, right=names)
        for each in counted.keywords:
            figures = (each.received, each.borrowers, each.replies, each.opted_out)
            rows.add_row(
                each.keyword or "none",
                _words(each.channel),
                _words(each.purpose),
                *(f"{figure:,}" for figure in figures),
            )
        output.show(rows)
    else:
        output.out.print(f"No borrower got in touch{days}.")
    if not counted.opt_outs:
        output.out.print(f"No borrower opted out{days}.")
        return
    counts = ("opted out", "borrowers", "standing")
    refused = output.table("said by", "keyword", "channel", "purpose", *counts, right=counts)
    for refusal in counted.opt_outs:
        refused.add_row(
            _words(refusal.source),
            refusal.keyword or "",
            _words(refusal.channel) or "all",
            _words(refusal.purpose) or "all",
            *(f"{x:,}" for x in (refusal.opted_out, refusal.borrowers, refusal.standing)),
        )
    output.show(refused)


# --- the consent register -----------------------------------------------------------------


@app.command("consents", rich_help_panel=QUESTIONS)
def consents(
    borrower: AnyBorrower = None, on: OnDay = None, version: Version = None, as_json: AsJson = False
) -> None:
    """Show the consent register: what was agreed to and refused, since when, and where.

    Of one borrower with each contact point and its lawful basis; of all borrowers as counts.
    """
    from infra import contact_queries

    with asking(on) as asked:
        if borrower is None:
            counts = contact_queries.consent_counts(asked.conn, asked.on)
            show_answer(counts, as_json, _render_counts)
            return
        borrower_id = asked.borrower(borrower, VIEW, version)
        answer = contact_queries.consents(asked.conn, borrower_id, asked.on)
        found(answer, borrower, asked.on)
        zone = asked.opened.settings.zone
    show_answer(answer, as_json, lambda register: _render_register(register, zone))


def _render_register(register: ConsentRegister | None, zone: str) -> None:
    from entrypoints import output

    assert register is not None

    def when(at: datetime | None) -> str:
        return "" if at is None else _local(at, zone)

    output.out.print(f"[bold]{register.borrower_ref}[/]  {register.jurisdiction}; times in {zone}")
    if register.consents:
        agreed = output.table(
            "agreed to", "said by", "basis", "granted", "confirmed", "withdrawn", "evidence"
        )
        for consent in register.consents:
            agreed.add_row(
                _words(consent.scope),
                _words(consent.source),
                _words(consent.lawful_basis),
                when(consent.granted_at),
                when(consent.reconfirmed_at),
                when(consent.withdrawn_at),
                consent.evidence_ref or "",
                style="dim" if consent.withdrawn_at else None,
            )
        output.show(agreed)
    else:
        output.out.print("Agreed to nothing.")
    if register.opt_outs:
        refused = output.table("refused", "for", "said by", "keyword", "since", "taken back")
        for refusal in register.opt_outs:
            refused.add_row(
                _words(refusal.channel) or "all",
                _words(refusal.purpose) or "all",
                _words(refusal.source),
                refusal.keyword or "",
                when(refusal.opted_out_at),
                when(refusal.revoked_at),
                style="dim" if refusal.revoked_at else None,
            )
        output.show(refused)
    else:
        output.out.print("Refused nothing.")
    if register.points:
        reach = output.table("reached at", "kind", "whose", "from", "basis", "since", "against it")
        for point in register.points:
            ends = {
                "left alone": point.refused_at,
                "blocked": point.blocked_at,
                "retired": point.retired_at,
            }
            against = [f"{word} {when(at)}" for word, at in ends.items() if at]
            reach.add_row(
                point.point_ref,
                _words(point.kind),
                _words(point.party),
                _words(point.source),
                _words(point.lawful_basis) or "none",
                when(point.added_at),
                ", ".join(against),
                style="dim" if against else None,
            )
        output.show(reach)


def _render_counts(counts: ConsentCounts) -> None:
    from entrypoints import output

    if counts.consents:
        names = ("once", "confirmed", "withdrawn")
        agreed = output.table("agreed to", *names, right=names)
        for consent in counts.consents:
            figures = (consent.granted, consent.reconfirmed, consent.withdrawn)
            agreed.add_row(_words(consent.scope), *(f"{figure:,}" for figure in figures))
        output.show(agreed)
    if counts.opt_outs:
        ends = ("refused", "taken back")
        refused = output.table("channel", "purpose", *ends, right=ends)
        for refusal in counts.opt_outs:
            refused.add_row(
                _words(refusal.channel) or "all",
                _words(refusal.purpose) or "all",
                f"{refusal.standing:,}",
                f"{refusal.revoked:,}",
            )
        output.show(refused)
    output.out.print(f"Of {counts.borrowers:,} borrower(s).")

"""Campaigns from files, launched by two people; and who was referred by whom."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from entrypoints.app import AsJson, app
from entrypoints.borrower_commands import borrower as borrower_group
from entrypoints.questions import QUESTIONS, OnDay, asking, found, show_answer
from entrypoints.staff_command import (
    STAFF,
    Actor,
    Approver,
    Borrower,
    CommandId,
    carried_out,
    carry_out,
)

if TYPE_CHECKING:
    from collections import Counter
    from datetime import datetime
    from uuid import UUID

    from domain.base.stream import Act
    from domain.commands.book import Receipt
    from domain.commands.planning import Turn
    from domain.operations.campaign import Campaign, Plan
    from domain.operations.referral import Referral
    from entrypoints.session import Session
    from infra.experiment_queries import CampaignResults

campaign = typer.Typer(
    help="Campaigns: check a file, launch it, see what came of it.", no_args_is_help=True
)
app.add_typer(campaign, name="campaign")

File = Annotated[Path, typer.Argument(metavar="FILE", exists=True, help="The campaign, in TOML.")]


@campaign.command("check")
def check(file: File, as_json: AsJson = False) -> None:
    """Say everything that is wrong with a campaign, and for how many borrowers it would be.

    Nothing is queued. Exits with 1 when something is wrong.
    """
    from domain.commands import campaigns
    from entrypoints import output
    from entrypoints.trial_files import read_campaign
    from infra import experiment_queries

    plan = read_campaign(file)
    with asking(None) as asked:
        faults = campaigns.faults_of(asked.opened.book, plan, asked.on)
        answer = experiment_queries.audience(asked.conn, plan.audience, asked.on)
    count = len(answer.found)

    def render(_: Any) -> None:
        said = "sound" if not faults else f"{len(faults)} fault{'s' if len(faults) > 1 else ''}"
        output.out.print(f"{plan.campaign}: {said}; for {count:,} borrowers as it stands")
        for sentence in faults:
            output.out.print(f"  {sentence}", markup=False)

    checked = {"campaign": plan.campaign, "faults": faults, "borrowers": count}
    output.emit(checked, as_json=as_json, render=render)
    if faults:
        raise typer.Exit(1)


@campaign.command("launch")
def launch(
    file: File,
    approved_by: Approver,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Queue the messages of a campaign, one for each borrower that it is for.

    Each asks the gate when it is sent, as every contact does: consent, windows, caps. Run
    again it adds only whom it is for since.
    """
    from domain.commands import campaigns
    from entrypoints import output
    from entrypoints.experiment_commands import must_be_current
    from entrypoints.session import session
    from entrypoints.trial_files import read_campaign
    from infra import clock, experiment_queries
    from infra.reading import connection

    plan = read_campaign(file)
    with session() as opened:
        with connection(opened.database_url) as conn:
            must_be_current(conn)
            meant = experiment_queries.audience(conn, plan.audience, opened.business_on).found

        def do(opened: Session, act: Act) -> Receipt:
            return campaigns.launch(
                opened.book, act, plan=plan, borrowers=len(meant), approved_by=approved_by
            )

        answer = carried_out(opened, do, actor, command_id)
        new, dropped = _queued(opened, plan, meant, clock.now())
    launched = {
        **asdict(answer),
        "campaign": plan.campaign,
        "borrowers": len(meant),
        "new": new,
        "dropped": dropped,
    }

    def render(_: Any) -> None:
        output.out.print(f"{plan.campaign}: for {len(meant):,} borrowers, {new:,} of them new.")
        for reason, count in sorted(dropped.items()):
            output.out.print(f"  {count:,} not sent: {reason}")

    output.emit(launched, as_json=as_json, render=render)


def _queued(
    opened: Session, plan: Plan, meant: list[UUID], now: datetime
) -> tuple[int, Counter[str]]:
    """How many messages were queued that were not before, and whom nothing is sent, by reason."""
    from collections import Counter
    from datetime import datetime, time
    from zoneinfo import ZoneInfo

    import psycopg

    from domain.borrower.borrower import Borrower as Known
    from domain.commands import campaigns, trials
    from infra import planned as queueing
    from infra.bootstrap import as_role
    from infra.store import WRITER

    zone = ZoneInfo(opened.settings.zone)
    day = datetime.combine(opened.business_on, time(), zone)
    start = max(now.astimezone(zone), day) if now.astimezone(zone).date() == day.date() else day
    ends_at = datetime.combine(plan.valid_until, time(), zone)
    people = opened.book.get_many(Known, meant)
    planned = campaigns.turns(opened.book, plan, people.values(), start, ends_at)
    turns: list[Turn] = list(trials.on_trial(opened.book, planned, people, start))
    with psycopg.connect(as_role(opened.database_url, WRITER)) as conn:
        on = opened.business_on
        new = queueing.queue(opened.book, conn, turns, on, business_on=on)
    return new, Counter(turn.dropped for turn in turns if turn.dropped is not None)


@dataclass(frozen=True)
class CampaignShown:
    """A campaign that was launched: for what, by what, and for how many borrowers."""

    campaign: str
    purpose: str
    channels: list[str]
    template: str
    product_line: str | None
    jurisdiction: str
    valid_from: date
    valid_until: date
    launched_on: date
    launched_by: list[str]


@campaign.command("list")
def list_campaigns(as_json: AsJson = False) -> None:
    """List the campaigns that were launched, the latest first; see the results of each.

    With the days on which it is sent, who asked for it and who agreed.
    """
    from domain.operations.campaign import Campaign
    from entrypoints import output
    from entrypoints.session import session

    with session() as opened:
        ids = opened.ids_opened_by(Campaign.Launched.TOPIC)
        known = opened.book.get_many(Campaign, ids)
    listed = [_campaign_shown(known[each]) for each in reversed(ids)]
    output.emit(listed, as_json=as_json, render=_render_campaigns)


def _campaign_shown(launched: Campaign) -> CampaignShown:
    plan = launched.plan
    return CampaignShown(
        plan.campaign,
        plan.purpose,
        plan.channels,
        plan.template,
        plan.product_line,
        plan.audience.jurisdiction,
        plan.valid_from,
        plan.valid_until,
        launched.launched_on,
        launched.launched_by,
    )


def _render_campaigns(listed: list[CampaignShown]) -> None:
    from entrypoints import output

    if not listed:
        output.out.print("No campaign was launched.")
        return
    rows = output.table(
        *("campaign", "purpose", "by", "text", "in", "sent from", "until", "launched", "who")
    )
    for each in listed:
        rows.add_row(
            each.campaign,
            each.purpose.lower(),
            "/".join(each.channels),
            each.template,
            each.jurisdiction,
            str(each.valid_from),
            str(each.valid_until),
            str(each.launched_on),
            ", ".join(each.launched_by),
        )
    output.show(rows)


@campaign.command("results")
def results(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The campaign's name.")],
    on: OnDay = None,
    as_json: AsJson = False,
) -> None:
    """Tell what came of a campaign: sent, answered, refused, applied; and the loans made since.

    With what these loans owe and how many were written off, since a campaign that brings
    bad debt is no good one.
    """
    from domain.commands import campaigns
    from domain.operations.campaign import Campaign
    from infra import experiment_queries
    from infra.answers import Answer

    with asking(on) as asked:
        book = asked.opened.book
        known = book.find(Campaign, campaigns.campaign_id(book, name))
        answer = experiment_queries.campaign_results(asked.conn, name, asked.on)
    launched = known is not None and known.launched_on <= asked.on
    found(Answer(known if launched else None, answer.freshness), f"The campaign {name}", asked.on)
    show_answer(answer, as_json, _render)


def _render(found: CampaignResults) -> None:
    from domain.base.money import written
    from entrypoints import output

    output.out.print(f"[bold]{found.campaign}[/] as known on {found.on}")
    output.out.print(
        f"{found.queued:,} queued, {found.held_out:,} held out, {found.waiting:,} waiting,"
        f" {found.sent:,} sent"
    )
    output.out.print(
        f"Of those sent: {found.replied:,} answered, {found.opted_out:,} want no more,"
        f" {found.complained:,} complained, {found.applied:,} applied for a loan,"
        f" {found.disbursed:,} were paid one out"
    )
    for reason, times in found.reasons.items():
        output.out.print(f"  {times:,} × {reason}")
    for each in found.loans:
        output.out.print(
            f"{each.loans:,} loans since in {each.currency}:"
            f" {written(each.exposure, each.currency)} outstanding, {each.late:,} late,"
            f" {each.written_off:,} written off ({100 * each.bad_share:.1f} %)"
        )


# --- referrals --------------------------------------------------------------------------


@borrower_group.command("refer")
def refer(
    borrower: Borrower,
    referred_by: Annotated[
        str,
        typer.Option(
            "--referred-by",
            metavar="BORROWER",
            help="Who referred the borrower: B-XXXXX-XXXXX, an id, or origin:reference.",
        ),
    ],
    reward: Annotated[
        str | None,
        typer.Option(help="The kind of reward for it, as the rules list them; else none."),
    ] = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Note that a borrower was referred by another; a reward is never cash."""
    from domain.commands import campaigns

    carry_out(
        lambda opened, act: campaigns.refer(
            opened.book,
            act,
            referred_id=opened.borrower_id(borrower),
            referred_by=opened.borrower_id(referred_by),
            reward=None if reward is None else reward.upper(),
        ),
        actor,
        command_id,
        as_json,
    )


@dataclass(frozen=True)
class ReferralShown:
    """A borrower, by whom they were referred and when, and the kind of reward for it."""

    referred_ref: str
    referred_by_ref: str
    referred_on: date
    reward: str | None


@borrower_group.command("referrals", rich_help_panel=QUESTIONS)
def referrals(
    borrower: Annotated[
        str | None,
        typer.Argument(
            metavar="BORROWER",
            help="Only of this one (B-XXXXX-XXXXX, an id, or origin:reference): who, and whom;"
            " else all.",
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List who was referred by whom, the latest first, and the kind of reward for it."""
    from domain.operations.referral import Referral
    from entrypoints import output
    from entrypoints.session import session

    with session() as opened:
        ids = opened.ids_opened_by(Referral.Recorded.TOPIC)
        known = opened.book.get_many(Referral, ids)
        of = None if borrower is None else opened.borrower_id(borrower)
    listed = [
        _shown(known[each])
        for each in reversed(ids)
        if of is None or of in (known[each].referred_id, known[each].referred_by)
    ]
    output.emit(listed, as_json=as_json, render=lambda _: _render_referrals(listed, limit))


def _shown(referral: Referral) -> ReferralShown:
    from domain.base.refs import short_ref

    return ReferralShown(
        short_ref("B", referral.referred_id),
        short_ref("B", referral.referred_by),
        referral.referred_on,
        referral.reward,
    )


def _render_referrals(listed: list[ReferralShown], limit: int) -> None:
    from entrypoints import output

    if not listed:
        output.out.print("Nobody was referred.")
        return
    rows = output.table("borrower", "referred by", "on", "reward")
    for each in listed[:limit]:
        reward = each.reward.lower() if each.reward else "none"
        rows.add_row(each.referred_ref, each.referred_by_ref, str(each.referred_on), reward)
    output.show(rows)
    more = "" if len(listed) <= limit else f"; the {limit} latest are shown (--limit)"
    output.out.print(f"{len(listed)} referral(s){more}.")

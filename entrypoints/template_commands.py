"""What is done with texts and scripts, and asked about them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.base.contact_policy import Channel, Purpose
from entrypoints.app import AsJson, app
from entrypoints.policy_commands import At, Backdated, Files, WhyBackdated
from entrypoints.staff_command import STAFF, Actor, CommandId, Reason, day_or

if TYPE_CHECKING:
    from datetime import date

    from domain.base.dated_rules import DatedRules
    from domain.base.stream import Act
    from domain.base.text_template import TextStandard, TextTemplate
    from domain.commands.book import Receipt
    from entrypoints.session import Session

template = typer.Typer(
    help="Texts and scripts: check and submit a file, approve or refuse it, render a text.",
    no_args_is_help=True,
)
app.add_typer(template, name="template")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The text, as template list has it.")]
Version = Annotated[str, typer.Argument(metavar="VERSION", help="One of its versions.")]
Pairs = Annotated[
    list[str], typer.Option("--figure", metavar="NAME=VALUE", help="Such as amount='1250.00 CNY'.")
]


@template.command("check")
def check(files: Files, at: At = None, as_json: AsJson = False) -> None:
    """Say everything that is wrong with files of texts, at once; nothing has to run.

    The rules are those of the contact gate: opt-out, rate beside a price, forbidden words,
    sender. Claims about products are looked up when a text is submitted. Exits with 1 when
    something is wrong.
    """
    from domain.base.text_template import TextTemplate
    from domain.commands.texts import faults_of
    from entrypoints import output
    from entrypoints.policy_commands import entries_in, files_of
    from entrypoints.session import rules_now
    from infra import clock
    from infra.dated_rules import read_rule
    from infra.settings import Settings

    known = rules_now()
    day = day_or(at, clock.business_date(Settings().zone))
    answers = []
    for path in files_of(files):
        entries, faults = entries_in(path, known)
        for entry in entries:
            value = read_rule(entry)
            if isinstance(value, TextTemplate):
                on = max(day, entry.valid_from)
                faults += [f"{entry.rule}: {fault}" for fault in faults_of(value, known, on)]
            else:
                faults.append(f"{entry.rule} is no text: see policy check")
        named = [f"{entry.rule} {entry.version}" for entry in entries]
        answers.append({"file": path.name, "texts": named, "faults": faults})

    def render(_: Any) -> None:
        for answer in answers:
            count = len(answer["faults"])
            said = "sound" if not count else f"{count} fault{'s' if count > 1 else ''}"
            output.out.print(f"{answer['file']}: {len(answer['texts'])} texts, {said}")
            for sentence in answer["faults"]:
                output.out.print(f"  {sentence}", markup=False)

    output.emit(answers, as_json=as_json, render=render)
    if any(answer["faults"] for answer in answers):
        raise typer.Exit(1)


@template.command("submit")
def submit(
    files: Files, actor: Actor = STAFF, command_id: CommandId = None, as_json: AsJson = False
) -> None:
    """Submit texts for review, all of a file or none; somebody else answers.

    Each is checked as template check does, and its claims against the products.
    """
    from domain.commands import policies
    from entrypoints.policy_commands import read, told

    entries = read(files)

    def do(opened: Session, act: Act) -> Receipt:
        return policies.submit(opened.book, act, entries=entries)

    told(do, [(entry.rule, entry.version) for entry in entries], actor, command_id, as_json)


@template.command("approve")
def approve(
    name: Name,
    version: Version,
    backdated: Backdated = False,
    reason: WhyBackdated = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Approve a text that was submitted by somebody else; it counts from its first day."""
    from domain.commands import policies
    from entrypoints.policy_commands import told, why

    because = why(backdated, reason)

    def do(opened: Session, act: Act) -> Receipt:
        return policies.approve(
            opened.book, act, rule=name, version=version, backdated_because=because
        )

    told(do, [(name, version)], actor, command_id, as_json)


@template.command("refuse")
def refuse(
    name: Name,
    version: Version,
    reason: Reason,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Refuse a text that was submitted; mended, it may be submitted again."""
    from domain.commands import policies
    from entrypoints.policy_commands import told

    def do(opened: Session, act: Act) -> Receipt:
        return policies.refuse(opened.book, act, rule=name, version=version, reason=reason)

    told(do, [(name, version)], actor, command_id, as_json)


@template.command("list")
def list_texts(
    at: At = None,
    jurisdiction: Annotated[str | None, typer.Option(help="CN, US, UK, IN or EU.")] = None,
    purpose: Annotated[
        Purpose | None, typer.Option(help="Only texts for this.", case_sensitive=False)
    ] = None,
    channel: Annotated[
        Channel | None, typer.Option(help="Only texts by this.", case_sensitive=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the texts that may be sent on a day, and what waits for review, for how long.

    A text that breaks a rule of the day is marked: it is not sent. Exits with 1 when a
    review takes longer than the house allows.
    """
    from domain.commands.texts import faults_of
    from entrypoints import output
    from entrypoints.policy_commands import show_waiting, waiting
    from entrypoints.session import session
    from infra import clock

    with session() as opened:
        day = day_or(at, opened.business_on)
        known = opened.book.rules
        reviews = [each for each in waiting(opened, clock.now()) if each["kind"] == "template"]
        answered = _answered(opened, known.text_standard(day))
    found = [
        {**_told(each), "faults": faults_of(each, known, day)}
        for each in known.texts_in_force(day)
        if jurisdiction in (None, each.jurisdiction)
        and purpose in (None, each.purpose)
        and channel in (None, each.channel)
    ]
    late = [each for each in reviews if each["late"]]
    answer = {"on": day, "texts": found, "under_review": reviews, "reviews": answered}

    def render(_: Any) -> None:
        if not found:
            output.out.print(f"No such text is in force on {day}.")
            show_waiting(reviews)
            return
        rows = output.table("text", "version", "family", "purpose", "channel", "language", "")
        for each in found:
            rows.add_row(
                each["rule"],
                each["version"],
                each["family"],
                each["purpose"].lower().replace("_", " "),
                each["channel"],
                each["language"],
                f"[red]{len(each['faults'])} faults[/]" if each["faults"] else "",
            )
        output.show(rows)
        show_waiting(reviews)
        if answered["answered"]:
            output.out.print(
                f"{answered['answered']} reviews answered, the slowest after"
                f" {answered['slowest_seconds']} seconds, {answered['late']} too late",
                style="dim",
            )

    output.emit(answer, as_json=as_json, render=render)
    if late:
        raise typer.Exit(1)


@template.command("show")
def show(name: Name, at: At = None, as_json: AsJson = False) -> None:
    """Show a text as it is in force on a day, what it takes, and what is wrong with it."""
    from domain.commands.texts import faults_of, figures_of
    from entrypoints import output
    from entrypoints.session import session

    with session() as opened:
        day = day_or(at, opened.business_on)
        known = opened.book.rules
        found = _in_force(known, name, day)
        faults = faults_of(found, known, day, figures_of(opened.book, day, found.jurisdiction))
    answer = {**_told(found), "subject": found.subject, "text": found.text, "faults": faults}

    def render(_: Any) -> None:
        output.out.print(
            f"[bold]{found.rule}[/] {found.version}, {found.language}, {found.purpose.lower()}"
            f" by {found.channel}, signed {found.sender}"
        )
        for part in (found.subject, found.text):
            if part:
                output.out.print(part, markup=False, soft_wrap=True)
        for kind, names in (("figures", found.figures), ("personal", found.personal)):
            if names:
                output.out.print(f"{kind}: {', '.join(names)}", style="dim")
        for fault in faults:
            output.out.print(fault, style="red", markup=False)

    output.emit(answer, as_json=as_json, render=render)


@template.command("render")
def render_text(
    name: Name,
    figure: Pairs = [],  # noqa: B006 - typer copies it
    product: Annotated[
        str | None, typer.Option(metavar="CODE:VERSION", help="The product whose figures it names.")
    ] = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Render a text with its figures, as the gate sees it; what is personal stays a token.

    Figures of a product are taken from its version where they are not given. Exits with 1
    when a rule of the day is broken.
    """
    from domain.commands import texts
    from entrypoints import output
    from entrypoints.session import session

    given = dict(_pair(each) for each in figure)
    with session() as opened:
        day = day_or(at, opened.business_on)
        found = _in_force(opened.book.rules, name, day)
        find = texts.figures_of(opened.book, day, found.jurisdiction)
        of_product = find(product) if product else None
        own = {key: value for key, value in (of_product or {}).items() if key in found.figures}
        prepared = texts.prepare(opened.book, name, day, {**own, **given}, product)
    wording = prepared.wording
    answer = {
        "rule": found.rule,
        "version": found.version,
        "subject": wording.subject,
        "text": wording.text,
        "personal": list(found.personal),
        "faults": prepared.faults,
    }

    def render(_: Any) -> None:
        for part in (wording.subject, wording.text):
            if part:
                output.out.print(part, markup=False, soft_wrap=True)
        for fault in prepared.faults:
            output.out.print(fault, style="red", markup=False)

    output.emit(answer, as_json=as_json, render=render)
    if prepared.faults:
        raise typer.Exit(1)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise typer.BadParameter(f"{text!r}: write it as NAME=VALUE", param_hint="--figure")
    return name.strip(), value.strip()


def _in_force(known: DatedRules, name: str, on: date) -> TextTemplate:
    from infra.trouble import Trouble

    found = known.text(name, on)
    if found is None:
        raise Trouble(f"No version of {name} is in force on {on}: see ./loans template list.")
    return found


def _told(found: TextTemplate) -> dict[str, Any]:
    hidden = ("text", "subject")
    return {name: value for name, value in asdict(found).items() if name not in hidden}


def _answered(opened: Session, standard: TextStandard | None) -> dict[str, Any]:
    """How many reviews of texts were answered, how slowly, and how many too late."""
    from domain.policy.policy import Stage

    seconds = [
        int((each.answered_at - each.requested_at).total_seconds())
        for policy in opened.book.streams.policies()
        if policy.kind == "template"
        for each in policy.versions
        if each.answered_at is not None and each.stage in (Stage.PUBLISHED, Stage.REFUSED)
    ]
    most = standard.review_minutes * 60 if standard else None
    late = [each for each in seconds if most is not None and each > most]
    return {
        "answered": len(seconds),
        "slowest_seconds": max(seconds, default=None),
        "late": len(late),
    }

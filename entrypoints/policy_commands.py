"""What is done with dated rules, and asked about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from domain.base.calendar import HolidayCalendar
from entrypoints.app import AsJson, app
from entrypoints.staff_command import STAFF, Actor, Approver, CommandId, Reason, carried_out, day_or

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.base.dated_rules import DatedRules, Entry
    from domain.base.stream import Act
    from domain.commands.book import Receipt
    from domain.policy.policy import Policy
    from entrypoints.session import Session

policy = typer.Typer(
    help="Dated rules of law and house: check a file, publish a version, see what is in force.",
    no_args_is_help=True,
)
app.add_typer(policy, name="policy")

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE...", exists=True, help="Files of rules (TOML), or folders of them."
    ),
]
Rule = Annotated[
    str, typer.Argument(metavar="RULE", help="The rule's name, as policy list has it.")
]
Version = Annotated[str, typer.Argument(metavar="VERSION", help="One of its versions.")]
At = Annotated[
    datetime | None,
    typer.Option("--at", formats=["%Y-%m-%d"], help="The day that is asked about; else today."),
]
Backdated = Annotated[
    bool, typer.Option("--backdated", help="Let it count from a day that is past.")
]
WhyBackdated = Annotated[
    str | None, typer.Option("--reason", help="Why it is backdated; it stands in the history.")
]


@policy.command("check")
def check(files: Files, as_json: AsJson = False) -> None:
    """Say everything that is wrong with files of rules, at once; nothing has to run.

    Where the system runs, what was published counts too: a version is never edited.
    Exits with 1 when something is wrong.
    """
    from entrypoints import output
    from entrypoints.session import rules_now

    known = rules_now()
    answers = []
    for path in files_of(files):
        entries, wrong = entries_in(path, known)
        named = [f"{entry.rule} {entry.version}" for entry in entries]
        answers.append({"file": path.name, "rules": named, "faults": wrong})

    def render(_: Any) -> None:
        for answer in answers:
            count = len(answer["faults"])
            said = "sound" if not count else f"{count} fault{'s' if count > 1 else ''}"
            output.out.print(f"{answer['file']}: {len(answer['rules'])} rules, {said}")
            for sentence in answer["faults"]:
                output.out.print(f"  {sentence}", markup=False)

    output.emit(answers, as_json=as_json, render=render)
    if any(answer["faults"] for answer in answers):
        raise typer.Exit(1)


@policy.command("calendar")
def calendar(
    jurisdiction: Annotated[
        HolidayCalendar,
        typer.Argument(metavar="JURISDICTION", help="CN, US, UK, IN, EU.", case_sensitive=False),
    ],
    year: Annotated[int, typer.Argument(metavar="YEAR", min=1900, max=2200)],
    source: Annotated[
        str | None, typer.Option(help="The notice of the year, by its name and date.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write it there; else print it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write the holidays of a year as an entry of policy, by the package that keeps them.

    Compare it with the year's notice, name the notice in *source*, then check and publish
    the file: without a source it is not sound. Nothing has to run, nothing is published.
    Refused for a year that the package does not know. A file that is there is not replaced.
    """
    from entrypoints import output
    from infra.calendars import calendar_entry
    from infra.trouble import Trouble

    entry = calendar_entry(jurisdiction, year, source)
    if out is not None:
        try:
            with out.open("x", encoding="utf-8") as file:
                file.write(entry)
        except FileExistsError:
            raise Trouble(f"{out} is there already: give another --out.") from None
        except OSError as fault:
            raise Trouble(f"{out} cannot be written: {fault.strerror}.") from None
    answer = {
        "jurisdiction": str(jurisdiction),
        "year": year,
        "file": None if out is None else str(out),
        "needs_source": source is None,
        "entry": entry,
    }

    def render(_: Any) -> None:
        if out is None:
            output.out.print(entry, markup=False, highlight=False, soft_wrap=True, end="")
        else:
            left = ", and name the notice as its source" if source is None else ""
            output.out.print(
                f"{out}: compare it with the notice of {year}{left}; then policy check."
            )

    output.emit(answer, as_json=as_json, render=render)


@policy.command("publish")
def publish(
    files: Files,
    approved_by: Approver,
    backdated: Backdated = False,
    reason: WhyBackdated = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Publish versions of rules from TOML files, all of them or none.

    Each counts from its first day, in every process that runs. A version is never
    edited: a change has a version of its own. Law that was published late may count
    from a day that is past: say --backdated, and why.
    """
    from domain.commands import policies

    because = why(backdated, reason)
    entries = read(files)

    def do(opened: Session, act: Act) -> Receipt:
        return policies.publish(
            opened.book, act, entries=entries, approved_by=approved_by, backdated_because=because
        )

    told(do, [(entry.rule, entry.version) for entry in entries], actor, command_id, as_json)


@policy.command("withdraw")
def withdraw(
    rule: Rule,
    version: Version,
    reason: Reason,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Take back a version that is not in force yet; one in force is only ever replaced."""
    from domain.commands import policies

    def do(opened: Session, act: Act) -> Receipt:
        return policies.withdraw(opened.book, act, rule=rule, version=version, reason=reason)

    told(do, [(rule, version)], actor, command_id, as_json)


@policy.command("retire")
def retire(
    rule: Rule,
    version: Version,
    reason: Reason,
    approved_by: Approver,
    on: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The first day without it; else today."),
    ] = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Let a published version end, with none in its place; an older one counts again."""
    from domain.commands import policies

    def do(opened: Session, act: Act) -> Receipt:
        return policies.retire(
            opened.book,
            act,
            rule=rule,
            version=version,
            ends_on=day_or(on, act.business_on),
            reason=reason,
            approved_by=approved_by,
        )

    told(do, [(rule, version)], actor, command_id, as_json)


@policy.command("confirm")
def confirm(
    rules: Annotated[list[str], typer.Argument(metavar="RULE...", help="Rules in force today.")],
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Note that somebody looked at rules in force, and they hold unchanged.

    A lexicon that nobody looked at for a week blocks advertising.
    """
    from domain.commands import policies

    def do(opened: Session, act: Act) -> Receipt:
        return policies.confirm(opened.book, act, rules=rules)

    told(do, [(rule, "confirmed") for rule in rules], actor, command_id, as_json)


@policy.command("list")
def list_rules(
    at: At = None,
    jurisdiction: Annotated[str | None, typer.Option(help="CN, US, UK, IN or EU.")] = None,
    purpose: Annotated[str | None, typer.Option(help="MARKETING, COLLECTION and so on.")] = None,
    channel: Annotated[str | None, typer.Option(help="SMS, PHONE and so on.")] = None,
    kind: Annotated[str | None, typer.Option(help="limit, hours, lexicon and so on.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the rules in force on a day, and what waits for somebody's answer."""
    from entrypoints import output
    from entrypoints.session import session
    from infra import clock

    with session() as opened:
        day = day_or(at, opened.business_on)
        found = [
            source
            for source in opened.book.rules.held(day)
            if source.entry.concerns(jurisdiction, purpose, channel)
            and kind in (None, source.entry.kind)
        ]
        reviews = waiting(opened, clock.now())
    answer = {
        "on": day,
        "rules": [{**_without_text(source.entry), "shipped": source.shipped} for source in found],
        "under_review": reviews,
    }

    def render(_: Any) -> None:
        rows = output.table(
            "rule", "version", "kind", "for", "from", "until", "source", wraps=("source",)
        )
        for each in found:
            entry = each.entry
            rows.add_row(
                entry.rule,
                entry.version,
                entry.kind,
                entry.jurisdiction,
                str(entry.valid_from),
                str(entry.valid_until or ""),
                entry.source,
            )
        output.show(rows)
        show_waiting(reviews)

    output.emit(answer, as_json=as_json, render=render)


@policy.command("show")
def show(rule: Rule, at: At = None, as_json: AsJson = False) -> None:
    """Show a rule as it is in force on a day, as a file has it, with its source."""
    from entrypoints import output
    from entrypoints.session import session
    from infra.trouble import Trouble

    with session() as opened:
        day = day_or(at, opened.business_on)
        known = opened.book.rules
        versions = known.versions(rule)
        policy_of = _policy(opened, rule)
    found = next((each for each in known.held(day) if each.entry.rule == rule), None)
    if found is None:
        coming = ", ".join(
            f"{each.entry.version} from {each.entry.valid_from}" for each in versions
        )
        raise Trouble(
            f"No version of {rule} is in force on {day}"
            + (f"; there is {coming}." if coming else ": see ./loans policy list.")
        )
    entry = found.entry
    looks = (
        [each.at for each in policy_of.looks if each.version == entry.version] if policy_of else []
    )
    answer = {
        **asdict(entry),
        "shipped": found.shipped,
        "looked_at": max(looks, default=None),
        "versions": [each.entry.version for each in versions],
    }

    def render(_: Any) -> None:
        origin = "shipped with the program" if found.shipped else "published"
        output.out.print(f"[bold]{entry.rule}[/] {entry.version}, {origin}, on {day}")
        output.out.print(entry.text, markup=False, soft_wrap=True)
        output.out.print(f"digest {entry.digest}", style="dim")
        if looks:
            output.out.print(f"looked at {max(looks).isoformat(timespec='seconds')}", style="dim")

    output.emit(answer, as_json=as_json, render=render)


@policy.command("history")
def history(rule: Rule, as_json: AsJson = False) -> None:
    """Show every version of a rule: shipped, submitted, published, refused, withdrawn."""
    from entrypoints import output
    from entrypoints.session import session
    from infra.trouble import Trouble

    with session() as opened:
        shipped = [each.entry for each in opened.book.rules.versions(rule) if each.shipped]
        policy_of = _policy(opened, rule)
    rows: list[dict[str, Any]] = [
        *({**_without_text(entry), "stage": "SHIPPED"} for entry in shipped),
        *(
            {**asdict(each), **_without_text(each.entry)}
            for each in (policy_of.versions if policy_of else [])
        ),
    ]
    for row in rows:
        row.pop("entry", None)
    if not rows:
        raise Trouble(f"There is no rule {rule}: see ./loans policy list.")
    looks = [asdict(look) for look in policy_of.looks] if policy_of else []

    def render(_: Any) -> None:
        shown = output.table(
            "version", "stage", "from", "until", "asked by", "answered by", "why", wraps=("why",)
        )
        for row in rows:
            shown.add_row(
                row["version"],
                row["stage"].lower(),
                str(row["valid_from"]),
                str(row["valid_until"] or ""),
                row.get("requested_by") or "",
                row.get("answered_by") or "",
                row.get("because") or row["source"],
            )
        output.show(shown)
        for look in looks:
            at = look["at"].isoformat(timespec="seconds")
            output.out.print(f"{look['version']} was looked at on {at}", style="dim")

    output.emit({"rule": rule, "versions": rows, "looks": looks}, as_json=as_json, render=render)


def read(files: list[Path]) -> list[Entry]:
    """The entries of files, all of them sound in themselves.

    Raises:
        Trouble: one is not, with everything that is wrong.
    """
    from infra.dated_rules import rules_known
    from infra.trouble import Trouble

    found, wrong = [], []
    for path in files_of(files):
        entries, faults = entries_in(path, rules_known())
        found += entries
        wrong += faults
    if wrong:
        raise Trouble("\n".join(wrong))
    return found


def files_of(paths: Sequence[Path]) -> list[Path]:
    """The files of rules among *paths*: files as they are, folders by what is in them.

    Raises:
        Trouble: a folder holds none.
    """
    from infra.trouble import Trouble

    found: list[Path] = []
    for path in paths:
        inside = sorted(path.glob("*.toml")) if path.is_dir() else [path]
        if not inside:
            raise Trouble(f"There is no file of rules in {path}.")
        found += inside
    return found


def why(backdated: bool, reason: str | None) -> str | None:
    """Why a version is backdated; None where it is not.

    Raises:
        BadParameter: one of both is said without the other.
    """
    if backdated and not (reason or "").strip():
        raise typer.BadParameter("say why with --reason", param_hint="--backdated")
    if reason and not backdated:
        raise typer.BadParameter("only a backdated version has a reason", param_hint="--reason")
    return reason if backdated else None


def told(
    do: Callable[[Session, Act], Receipt],
    versions: list[tuple[str, str]],
    actor: str,
    command_id: UUID | None,
    as_json: bool,
) -> None:
    """Carry out a command on rules, and tell of each what it came to."""
    from entrypoints import output
    from entrypoints.session import session

    with session() as opened:
        answer = carried_out(opened, do, actor, command_id)
        stood = [(rule, version, _policy(opened, rule)) for rule, version in versions]
        on = opened.business_on
    rules = [standing_of(rule, version, policy_of) for rule, version, policy_of in stood]

    def render(_: Any) -> None:
        if answer.repeated or not answer.recorded:
            output.out.print("It was so already; nothing changed.")
        for each in rules:
            output.out.print(f"{each['rule']} {each['version']}  {words_of(each, on)}")

    output.emit({**asdict(answer), "rules": rules}, as_json=as_json, render=render)


def waiting(opened: Session, now: datetime) -> list[dict[str, Any]]:
    """The versions that wait for an answer, oldest first, with how long they did.

    A text is *late* when its review takes longer than the standard of the day allows.
    """
    from domain.policy.policy import Stage

    standard = opened.book.rules.text_standard(opened.business_on)
    most = standard.review_minutes * 60 if standard else None

    def late(kind: str, seconds: int) -> bool:
        return kind == "template" and most is not None and seconds > most

    found = [
        {
            "rule": policy_of.rule,
            "version": each.entry.version,
            "kind": each.entry.kind,
            "requested_by": each.requested_by,
            "requested_at": each.requested_at,
            "minutes": int((now - each.requested_at).total_seconds() // 60),
            "late": late(each.entry.kind, int((now - each.requested_at).total_seconds())),
        }
        for policy_of in opened.book.streams.policies()
        for each in policy_of.versions
        if each.stage == Stage.SUBMITTED
    ]
    return sorted(found, key=lambda each: str(each["requested_at"]))


def show_waiting(reviews: list[dict[str, Any]]) -> None:
    """Tell a person what waits for an answer."""
    from entrypoints import output

    for each in reviews:
        colour = "red" if each["late"] else "yellow"
        output.out.print(
            f"[{colour}]{each['rule']} {each['version']}[/] waits for an answer"
            f" since {each['minutes']} minutes, asked for by {each['requested_by']}"
        )


def entries_in(path: Path, known: DatedRules) -> tuple[list[Entry], list[str]]:
    """The entries of a file, and everything that is wrong with it."""
    from infra.dated_rules import checked

    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as fault:
        return [], [f"{path.name}: it is no text in UTF-8: {fault}"]
    return checked(text, path.name, known)


def _policy(opened: Session, rule: str) -> Policy | None:
    from domain.commands.policies import policy_id
    from domain.policy.policy import Policy

    return opened.book.find(Policy, policy_id(opened.book, rule))


def standing_of(rule: str, version: str, policy_of: Policy | None) -> dict[str, Any]:
    """How far a version has come, and until when it counts if that is known."""
    versions = policy_of.versions if policy_of else []
    known = [each for each in versions if each.entry.version == version]
    return {
        "rule": rule,
        "version": version,
        "stage": known[-1].stage if known else "LOOKED_AT",
        "until": known[-1].entry.valid_until if known else None,
    }


def words_of(standing: dict[str, Any], on: date) -> str:
    """The same in words, as seen on a day."""
    stage, until = str(standing["stage"]).lower().replace("_", " "), standing["until"]
    if stage != "published" or until is None:
        return stage
    return f"ended on {until}" if until <= on else f"{stage}, ends on {until}"


def _without_text(entry: Entry) -> dict[str, Any]:
    return {name: value for name, value in asdict(entry).items() if name != "text"}

"""What borrowers agree to, refuse and wish, and where they can be reached: one command each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from domain.base.contact_policy import Channel, ConsentScope, PointKind, PointSource, Purpose
from domain.borrower.contact import Party
from entrypoints.app import AsJson
from entrypoints.borrower_commands import borrower
from entrypoints.contact_commands import At, instant_said
from entrypoints.staff_command import STAFF, Actor, Borrower, CommandId, Reason, carry_out

if TYPE_CHECKING:
    from domain.base.stream import Act
    from domain.commands.book import Receipt
    from entrypoints.session import Session

PointRef = Annotated[
    str, typer.Argument(metavar="POINT", help="The contact point's reference in the vault.")
]
Scope = Annotated[
    ConsentScope, typer.Argument(help="MARKETING, CALL_LOG or CONTACTS.", case_sensitive=False)
]
Source = Annotated[str, typer.Option(help="Where it was said: APP, CALL, LETTER, BRANCH ...")]
Refused = Annotated[
    Channel | None, typer.Option("--channel", help="This channel; else all.", case_sensitive=False)
]
RefusedFor = Annotated[
    Purpose | None, typer.Option("--purpose", help="This purpose; else all.", case_sensitive=False)
]


def _carry_out(
    do: Callable[..., Receipt],
    named: str,
    actor: str,
    command_id: UUID | None,
    as_json: bool,
    **said: Any,
) -> None:
    def done(opened: Session, act: Act) -> Receipt:
        told = {
            name: opened.happened_at(each) if name.endswith("_at") else each
            for name, each in said.items()
        }
        return do(opened.book, act, borrower_id=opened.borrower_id(named), **told)

    carry_out(done, actor, command_id, as_json)


@borrower.command("zones")
def zones(
    borrower: Borrower,
    zone: Annotated[list[str], typer.Argument(help="Every plausible time zone, as IANA names it.")],
    source: Source = "STAFF",
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Say where the borrower may plausibly be; contact must suit every one of the zones."""
    from domain.commands import contacts

    _carry_out(
        contacts.change_zones, borrower, actor, command_id, as_json, zones=zone, source=source
    )


@borrower.command("jurisdiction")
def jurisdiction(
    borrower: Borrower,
    jurisdiction: Annotated[str, typer.Argument(help="CN, US, UK, IN, EU ...")],
    source: Source = "STAFF",
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Say which law applies to the borrower; what was decided under another stays so.

    Who moved is in other zones too: say which (borrower zones).
    """
    from domain.commands import borrowers

    _carry_out(
        borrowers.change_jurisdiction,
        borrower,
        actor,
        command_id,
        as_json,
        jurisdiction=jurisdiction,
        source=source,
    )


@borrower.command("language")
def language(
    borrower: Borrower,
    language: Annotated[
        str | None, typer.Argument(metavar="LANGUAGE", help="Such as en, de or zh.")
    ] = None,
    source: Source = "STAFF",
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Say in which language to write and speak; without one, as is usual there.

    Where a text is not in that language, it is the usual one.
    """
    from domain.commands import contacts

    _carry_out(
        contacts.set_language,
        borrower,
        actor,
        command_id,
        as_json,
        language=language,
        source=source,
    )


class Weekday(StrEnum):
    """A day of the week."""

    MON = "MON"
    TUE = "TUE"
    WED = "WED"
    THU = "THU"
    FRI = "FRI"
    SAT = "SAT"
    SUN = "SUN"


@borrower.command("hours")
def hours(
    borrower: Borrower,
    hours: Annotated[
        list[str] | None,
        typer.Argument(metavar="[HOURS]...", help="Such as 18:00-20:30; none takes them back."),
    ] = None,
    channel: Annotated[
        Channel | None, typer.Option(help="For this channel; else for any.", case_sensitive=False)
    ] = None,
    weekday: Annotated[
        list[Weekday] | None,
        typer.Option(help="On this day of the week; may be repeated.", case_sensitive=False),
    ] = None,
    not_before: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="No contact before this day: that binds."),
    ] = None,
    only: Annotated[bool, typer.Option(help="Only then: it binds, and is no mere wish.")] = False,
    source: Source = "CALL",
    at: At = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Say when the borrower wants to be contacted, in local time.

    It replaces what was said before for the same channel, or for any without one; what was
    said for another channel stays.
    """
    from domain.borrower.contact_state import ALL_DAY, OwnHours
    from domain.commands import contacts

    by = None if channel is None else str(channel)
    days = [str(each) for each in Weekday if each in (weekday or [])] or None
    if days and not hours:
        raise typer.BadParameter("--weekday goes with hours, such as 09:00-18:00.")
    wished = []
    for each in hours or []:
        start, _, end = each.partition("-")
        wished.append(OwnHours(start, end, only, by, days))
    if not_before is not None:
        wished.append(OwnHours(*ALL_DAY, True, by, not_before_on=not_before.date()))
    _carry_out(
        contacts.wish_hours,
        borrower,
        actor,
        command_id,
        as_json,
        channel=channel,
        hours=wished,
        source=source,
        set_at=instant_said(at),
    )


# --- contact points ------------------------------------------------------------------


@borrower.command("point")
def point(
    borrower: Borrower,
    point_ref: PointRef,
    kind: Annotated[PointKind, typer.Argument(help="What it is.", case_sensitive=False)],
    basis: Annotated[
        str, typer.Option(help="The lawful basis: CONTRACT, CONSENT ...; without it, unusable.")
    ],
    source: Annotated[
        PointSource, typer.Option(help="Where it is from.", case_sensitive=False)
    ] = PointSource.APPLICATION,
    third_party: Annotated[bool, typer.Option(help="It is somebody else's.")] = False,
    party: Annotated[
        Party | None,
        typer.Option(help="Whose it is, where not the borrower's own.", case_sensitive=False),
    ] = None,
    at: At = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Add a contact point by its reference: the number itself belongs in the vault."""
    from domain.commands import contacts

    _carry_out(
        contacts.add_contact_point,
        borrower,
        actor,
        command_id,
        as_json,
        point_ref=point_ref,
        kind=kind,
        source=source,
        lawful_basis=basis,
        added_at=instant_said(at),
        party=party or (Party.THIRD_PARTY if third_party else Party.BORROWER),
    )


@borrower.command("leave-alone")
def leave_alone(
    borrower: Borrower,
    point_ref: PointRef,
    at: At = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Note that whose number it is asked to be left alone."""
    from domain.commands import contacts

    _carry_out(
        contacts.refuse_contact_point,
        borrower,
        actor,
        command_id,
        as_json,
        point_ref=point_ref,
        refused_at=instant_said(at),
    )


@borrower.command("block")
def block(
    borrower: Borrower,
    point_ref: PointRef,
    reason: Reason,
    at: At = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Put a contact point on the black list."""
    from domain.commands import contacts

    _carry_out(
        contacts.block_contact_point,
        borrower,
        actor,
        command_id,
        as_json,
        point_ref=point_ref,
        reason=reason,
        blocked_at=instant_said(at),
    )


@borrower.command("unblock")
def unblock(
    borrower: Borrower,
    point_ref: PointRef,
    reason: Reason,
    at: At = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Take a contact point off the black list."""
    from domain.commands import contacts

    _carry_out(
        contacts.unblock_contact_point,
        borrower,
        actor,
        command_id,
        as_json,
        point_ref=point_ref,
        reason=reason,
        unblocked_at=instant_said(at),
    )


@borrower.command("retire")
def retire(
    borrower: Borrower,
    point_ref: PointRef,
    reason: Reason,
    at: At = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Let a contact point be used no more: it is not the borrower's any longer."""
    from domain.commands import contacts

    _carry_out(
        contacts.retire_contact_point,
        borrower,
        actor,
        command_id,
        as_json,
        point_ref=point_ref,
        reason=reason,
        retired_at=instant_said(at),
    )


# --- consents and refusals -------------------------------------------------------------


@borrower.command("consent")
def consent(
    borrower: Borrower,
    scope: Scope,
    basis: Annotated[str, typer.Option(help="The lawful basis.")] = "CONSENT",
    evidence: Annotated[
        str | None, typer.Option(help="What shows it: a recording, a form, by reference.")
    ] = None,
    source: Source = "APP",
    at: At = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Note that the borrower agreed to something."""
    from domain.commands import contacts

    _carry_out(
        contacts.grant_consent,
        borrower,
        actor,
        command_id,
        as_json,
        scope=scope,
        source=source,
        lawful_basis=basis,
        granted_at=instant_said(at),
        evidence_ref=evidence,
    )


@borrower.command("confirm")
def confirm(
    borrower: Borrower,
    scope: Scope,
    evidence: Annotated[
        str | None, typer.Option(help="What shows it: a recording, a form, by reference.")
    ] = None,
    source: Source = "APP",
    at: At = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Note that the borrower confirmed a consent a second time."""
    from domain.commands import contacts

    _carry_out(
        contacts.reconfirm_consent,
        borrower,
        actor,
        command_id,
        as_json,
        scope=scope,
        source=source,
        reconfirmed_at=instant_said(at),
        evidence_ref=evidence,
    )


@borrower.command("withdraw")
def withdraw(
    borrower: Borrower,
    scope: Scope,
    source: Source = "APP",
    at: At = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Note that the borrower took a consent back."""
    from domain.commands import contacts

    _carry_out(
        contacts.withdraw_consent,
        borrower,
        actor,
        command_id,
        as_json,
        scope=scope,
        source=source,
        withdrawn_at=instant_said(at),
    )


@borrower.command("opt-out")
def opt_out(
    borrower: Borrower,
    channel: Refused = None,
    purpose: RefusedFor = None,
    source: Source = "CALL",
    at: At = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Note that the borrower refuses a channel, a purpose, or both; without either, all."""
    from domain.commands import contacts

    _carry_out(
        contacts.opt_out,
        borrower,
        actor,
        command_id,
        as_json,
        channel=channel,
        purpose=purpose,
        source=source,
        opted_out_at=instant_said(at),
    )


@borrower.command("opt-in")
def opt_in(
    borrower: Borrower,
    channel: Refused = None,
    purpose: RefusedFor = None,
    source: Source = "CALL",
    at: At = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Take a refusal back, named as it was made."""
    from domain.commands import contacts

    _carry_out(
        contacts.revoke_opt_out,
        borrower,
        actor,
        command_id,
        as_json,
        channel=channel,
        purpose=purpose,
        source=source,
        revoked_at=instant_said(at),
    )

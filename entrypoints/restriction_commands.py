"""What the contracts of loans say about contact: two commands of staff."""

from __future__ import annotations

from typing import Annotated

import typer

from domain.base.contact_policy import Channel, Purpose
from entrypoints.app import AsJson
from entrypoints.contact_command import contact
from entrypoints.contact_commands import At, instant_said
from entrypoints.staff_command import STAFF, Actor, Borrower, CommandId, Reason, carry_out


@contact.command("restrict")
def restrict(
    borrower: Borrower,
    loan: Annotated[str, typer.Option("--loan", help="The loan whose contract says so.")],
    reason: Reason,
    hours: Annotated[
        list[str] | None,
        typer.Option(metavar="HOURS", help="Only then, such as 09:00-17:00; may be repeated."),
    ] = None,
    channel: Annotated[
        list[Channel] | None,
        typer.Option(help="By this channel; may be repeated; else by any.", case_sensitive=False),
    ] = None,
    purpose: Annotated[
        list[Purpose] | None,
        typer.Option(
            help="For this; may be repeated; else all but what is owed.", case_sensitive=False
        ),
    ] = None,
    most: Annotated[
        int | None, typer.Option(min=1, help="So many contacts at most, within --within.")
    ] = None,
    within: Annotated[
        str | None, typer.Option(help="DAY or MONTH, in the borrower's zones.")
    ] = None,
    ref: Annotated[str | None, typer.Option(help="The restriction's reference.")] = None,
    at: At = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Note that the contract of a loan narrows contact about it, beyond the law.

    Contacts for these purposes by these channels are made in the hours only, and no more
    often than said; without hours and a number not at all. It binds contacts about the loan
    and those that name no loan. Law, product, contract and borrower must all be kept to:
    nothing here opens what another of them closes.
    """
    from domain.borrower.restriction import AgreedHours, Restriction
    from domain.commands import contacts

    parts = [each.partition("-") for each in hours or []]
    carry_out(
        lambda opened, act: contacts.restrict(
            opened.book,
            act,
            borrower_id=opened.borrower_id(borrower),
            restriction=Restriction(
                ref or f"K-{act.command_id}",
                opened.stream_id(loan),
                purposes=[str(each) for each in purpose or []],
                channels=[str(each) for each in channel or []],
                hours=[AgreedHours(start, end) for start, _, end in parts],
                most=most,
                within=None if within is None else within.upper(),
            ),
            reason=reason,
            restricted_at=opened.happened_at(instant_said(at)),
        ),
        actor,
        command_id,
        as_json,
    )


@contact.command("unrestrict")
def unrestrict(
    borrower: Borrower,
    restriction_ref: Annotated[
        str, typer.Argument(metavar="RESTRICTION", help="Its reference; see contact why.")
    ],
    reason: Reason,
    at: At = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Let what the contract of a loan says about contact hold no more."""
    from domain.commands import contacts

    carry_out(
        lambda opened, act: contacts.lift_restriction(
            opened.book,
            act,
            borrower_id=opened.borrower_id(borrower),
            restriction_ref=restriction_ref,
            reason=reason,
            lifted_at=opened.happened_at(instant_said(at)),
        ),
        actor,
        command_id,
        as_json,
    )

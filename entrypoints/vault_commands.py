"""The vault of personal data: keep, read, restrict, erase; each with who and why."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from uuid import UUID

import typer

from entrypoints.app import AsJson, app
from entrypoints.staff_command import STAFF, Actor, Approver, Borrower, CommandId, Reason, Requester

if TYPE_CHECKING:
    from domain.base.stream import Act
    from entrypoints.session import Session
    from infra.vault import Vault

vault = typer.Typer(
    help="Names, numbers and addresses of people: outside the events, encrypted, each reading"
    " recorded.",
    no_args_is_help=True,
)
app.add_typer(vault, name="vault")

KINDS = "NAME, ID_NUMBER, PHONE, EMAIL, ADDRESS or NOTE"
PURPOSES = (
    "APPLICATION, SERVICING, SENDING, COLLECTION, COMPLAINT, IDENTIFICATION, OWN_REQUEST,"
    " AUDIT or LEGAL_OBLIGATION"
)

T = TypeVar("T")

OfKind = Annotated[str, typer.Option("--kind", help=f"{KINDS}.")]
ForPurpose = Annotated[str, typer.Option("--purpose", help=f"Why: {PURPOSES}.")]
FromFile = Annotated[
    Path | None,
    typer.Option("--from", help="Read the value from this file; else from standard input."),
]


@vault.command("put")
def put(
    borrower: Borrower,
    kind: OfKind,
    source: FromFile = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Keep a value for a borrower, and give the reference that events may hold.

    The value is asked for, or read from standard input; it is never an argument, which
    everybody on the machine could see. A number that is kept already has its reference.
    """
    from domain.borrower.borrower import Borrower as BorrowerStream
    from entrypoints import output

    wanted = _kind(kind)
    with _opened(actor, command_id) as (opened, kept, act):
        person_id = opened.book.get(BorrowerStream, opened.borrower_id(borrower)).id
        value = _value(source, wanted)
        ref = kept.put(person_id, wanted, value, act, command_id)
    answer = {"person_id": person_id, "ref": ref, "kind": wanted.value}
    output.emit(
        answer, as_json=as_json, render=lambda _: output.out.print(f"{wanted} is kept as {ref}.")
    )


@vault.command("read")
def read(
    borrower: Borrower,
    ref: Annotated[str, typer.Argument(metavar="REF", help="V-XXXXX-XXXXX, see vault list.")],
    purpose: ForPurpose,
    actor: Actor = STAFF,
    as_json: AsJson = False,
) -> None:
    """Read a value; who read it, when and why is recorded first."""
    from domain.base.refusal import NotFound
    from entrypoints import output

    why = _purpose(purpose)
    with _opened(actor) as (opened, kept, act):
        person_id = opened.borrower_id(borrower)
        if ref not in [record.ref for record in kept.records(person_id)]:
            raise NotFound(f"Nothing of this person has the reference {ref}: see vault list.")
        value = kept.read(ref, why, act)
    output.emit({"ref": ref, "value": value}, as_json=as_json, render=lambda _: typer.echo(value))


@vault.command("find")
def find(
    kind: Annotated[str, typer.Option("--kind", help="PHONE or EMAIL.")],
    purpose: ForPurpose,
    source: FromFile = None,
    actor: Actor = STAFF,
    as_json: AsJson = False,
) -> None:
    """Find whose a telephone number or e-mail address is; each match is recorded."""
    from domain.base.refs import short_ref
    from entrypoints import output

    wanted, why = _kind(kind), _purpose(purpose)
    with _opened(actor) as (_, kept, act):
        owners = kept.find(wanted, _value(source, wanted), why, act)
    answer = [
        {
            "person_id": owner.person_id,
            "borrower_ref": short_ref("B", owner.person_id),
            "ref": owner.ref,
        }
        for owner in owners
    ]

    def render(_: Any) -> None:
        if not answer:
            output.out.print("Nobody is known by it.")
            return
        rows = output.table("borrower", "reference")
        for each in answer:
            rows.add_row(str(each["borrower_ref"]), str(each["ref"]))
        output.show(rows)

    output.emit(answer, as_json=as_json, render=render)


@vault.command("list")
def list_records(borrower: Borrower, as_json: AsJson = False) -> None:
    """List what is kept for a borrower, by reference and kind, and how their data stands."""
    from dataclasses import asdict

    from entrypoints import output

    with _opened() as (opened, kept, _):
        person_id = opened.borrower_id(borrower)
        person, records = kept.person(person_id), kept.records(person_id)
        measures = kept.measures(person_id)
    answer = {
        "person_id": person_id,
        "restricted_until": person.restricted_until,
        "erase_from": person.erase_from,
        "erased_at": person.erased_at,
        "records": [asdict(each) for each in records],
        "measures": [asdict(each) for each in measures],
    }

    def render(_: Any) -> None:
        rows = output.table("reference", "kind", "kept on", "by")
        for each in records:
            gone = " (erased)" if each.erased else ""
            rows.add_row(each.ref, each.kind + gone, str(each.put_on), each.put_by)
        output.show(rows)
        if measures:
            decided = output.table("on", "decided", "until", "by", "why", wraps=("why",))
            for made in measures:
                people = [made.requested_by, made.approved_by]
                by = " and ".join(filter(None, people)) or made.actor
                until = str(made.until or "")
                decided.add_row(str(made.business_on), made.kind, until, by, made.reason)
            output.show(decided)

    output.emit(answer, as_json=as_json, render=render)


@vault.command("accesses")
def accesses(borrower: Borrower, as_json: AsJson = False) -> None:
    """List who read what of a borrower, when and why, and who was refused."""
    from dataclasses import asdict

    from entrypoints import output

    with _opened() as (opened, kept, _):
        answer = [asdict(each) for each in kept.accesses(opened.borrower_id(borrower))]

    def render(_: Any) -> None:
        if not answer:
            output.out.print("Nobody has read anything of this person.")
            return
        rows = output.table("at", "who", "purpose", "reference", "kind", "refused")
        for each in answer:
            rows.add_row(
                f"{each['recorded_at']:%Y-%m-%d %H:%M:%S}",
                *(each["actor"], each["purpose"], each["ref"], each["kind"]),
                each["refused"] or "",
            )
        output.show(rows)

    output.emit(answer, as_json=as_json, render=render)


@vault.command("restrict")
def restrict(
    borrower: Borrower,
    until: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="The day on which it ends.")
    ],
    reason: Reason,
    actor: Actor = STAFF,
    as_json: AsJson = False,
) -> None:
    """Let a borrower's data only be stored, and read for audit or a legal obligation.

    Nobody contacts them until then, but for statutory notices and receipts.
    """
    from entrypoints import output
    from infra import vault_erasure

    day = until.date()
    with _opened(actor) as (opened, kept, act):
        person_id = opened.borrower_id(borrower)
        _told(
            *(opened, kept, act, person_id),
            lambda: vault_erasure.restrict(kept, person_id, act, until=day, reason=reason),
        )
    output.emit(
        {"person_id": person_id, "restricted_until": day},
        as_json=as_json,
        render=lambda _: output.out.print(f"Restricted until {day}."),
    )


@vault.command("release")
def release(
    borrower: Borrower, reason: Reason, actor: Actor = STAFF, as_json: AsJson = False
) -> None:
    """Lift a restriction before its day."""
    from entrypoints import output
    from infra import vault_erasure

    with _opened(actor) as (opened, kept, act):
        person_id = opened.borrower_id(borrower)
        _told(
            *(opened, kept, act, person_id),
            lambda: vault_erasure.release(kept, person_id, act, reason=reason),
        )
    output.emit(
        {"person_id": person_id, "restricted_until": None},
        as_json=as_json,
        render=lambda _: output.out.print("Restricted no more."),
    )


@vault.command("erase")
def erase(
    borrower: Borrower,
    reason: Reason,
    requested_by: Requester,
    approved_by: Approver,
    last: Annotated[
        list[str] | None,
        typer.Option(
            "--last",
            help="CLASS=DATE: the last record others keep, as COLLECTION_RECORD=2026-03-01;"
            " may be repeated.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Erase a borrower for good by destroying their key; two people decide.

    While a retention floor lies ahead their data is restricted instead, and the first
    sweep after that day destroys it. Neither can be taken back. It answers the request that
    was noted (borrower request), or notes one.
    """
    from domain.borrower.borrower import Borrower as BorrowerStream
    from entrypoints import output
    from infra import vault_erasure

    said = _last_records(last or [])
    with _opened(approved_by) as (opened, kept, act):
        stream = opened.book.get(BorrowerStream, opened.borrower_id(borrower))
        answer = _told(
            *(opened, kept, act, stream.id),
            lambda: vault_erasure.erase(
                kept,
                stream.id,
                act,
                jurisdiction=stream.jurisdiction,
                reason=reason,
                requested_by=requested_by,
                approved_by=approved_by,
                last_records=_latest(said, _contacts_with(opened, stream.id)),
                open_loans=_open_loans(opened, stream.id),
            ),
        )

    def render(_: Any) -> None:
        if answer.erased:
            output.out.print("Erased: nothing of this person can be read any more.")
        else:
            kept_for = f", for a {answer.record_class}" if answer.record_class else ""
            output.out.print(
                f"Restricted: kept until {answer.kept_until}{kept_for}; vault sweep erases then."
            )

    output.emit(answer, as_json=as_json, render=render)


@vault.command("sweep")
def sweep(actor: Actor = STAFF, as_json: AsJson = False) -> None:
    """Erase those whose retention floor has passed, and those a backup brought back.

    Run it every day, and after every restore before anybody works. It also notes in the
    histories of borrowers what was done here and could not be noted then.
    """
    from entrypoints import output
    from infra import vault_erasure, vault_told

    with _opened(actor) as (opened, kept, act):
        swept = vault_erasure.sweep(kept, act, partial(_contacts_with, opened))
        opened.journal(
            [(by.command_id, each) for by, each in vault_told.tell(opened.book, kept, act)]
        )

    def render(_: Any) -> None:
        output.out.print(
            f"Erased {len(swept.erased)}, put off {len(swept.put_off)},"
            f" erased again after a restore {len(swept.erased_again)}."
        )

    output.emit(swept, as_json=as_json, render=render)


@vault.command("rotate")
def rotate(
    new_key: Annotated[
        bool, typer.Option("--new-key", help="First put a new key into the key file.")
    ] = False,
    look_up: Annotated[
        bool, typer.Option("--look-up", help="Change the key of the look-up index as well.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Wrap every person's key by the current master key; no value is touched.

    It may be stopped and begun again. With --look-up every number and address is opened
    once to be hashed anew, and nothing is put or found meanwhile. Exits with 1 when
    something cannot be opened.
    """
    from dataclasses import asdict

    from entrypoints import output
    from infra import vault_rotation
    from infra.settings import Settings
    from infra.vault_keys import add_key

    if new_key:
        add_key(Settings())
    with _opened() as (_, kept, _act), output.progress(quiet=as_json) as progress:
        answer = vault_rotation.rotate(kept, progress)
        hashed = vault_rotation.hash_anew(kept, progress) if look_up else None
    lost = len(answer.unreadable) + (len(hashed.unreadable) if hashed else 0)

    def render(_: Any) -> None:
        output.out.print(f"{answer.wrapped} wrapped anew by master key {answer.master_key}.")
        if hashed:
            output.out.print(f"{hashed.hashed} numbers and addresses hashed anew.")
        if lost:
            output.out.print(
                f"[red]{lost} cannot be opened[/]: put the master key that vault status calls"
                " unknown back (docs/VAULT.md)."
            )

    output.emit(
        {**asdict(answer), "look_up": asdict(hashed) if hashed else None},
        as_json=as_json,
        render=render,
    )
    if lost:
        raise typer.Exit(1)


@vault.command("status")
def status(as_json: AsJson = False) -> None:
    """Show how many people and values are kept, who waits to be erased, and the keys in use."""
    from entrypoints import output
    from infra import vault_rotation

    with _opened() as (_, kept, act):
        answer = vault_rotation.standing(kept, act.business_on)

    def render(_: Any) -> None:
        counts = output.table("", "count", right=("count",))
        for what, count in [
            ("people", answer.people),
            ("restricted", answer.restricted),
            ("to be erased", answer.to_erase),
            ("due for a sweep", answer.due),
            ("erased", answer.erased),
            *answer.records.items(),
            ("readings recorded", answer.accesses),
        ]:
            counts.add_row(what, f"{count:,}")
        output.show(counts)
        keys = output.table("master key", "state", "wraps", right=("wraps",))
        for key in answer.master_keys:
            state = "current" if key.current else "known" if key.known else "unknown"
            colour = "red" if not key.known else None
            keys.add_row(str(key.key_id), state, f"{key.wraps:,}", style=colour)
        output.show(keys)

    output.emit(answer, as_json=as_json, render=render)


@contextmanager
def _opened(
    actor: str = STAFF, command_id: UUID | None = None
) -> Iterator[tuple[Session, Vault, Act]]:
    """The book, the vault, and the act of *actor* now."""
    from entrypoints.session import session
    from infra.vault import open_vault

    with (
        session() as opened,
        open_vault(opened.database_url, opened.settings, lambda: opened.book.policies) as kept,
    ):
        yield opened, kept, opened.act(actor, command_id)


def _told(opened: Session, kept: Vault, act: Act, person_id: UUID, do: Callable[[], T]) -> T:
    """What *do* did in the vault, once the borrower's history tells it too."""
    from infra import vault_told

    done, receipts = vault_told.told(opened.book, kept, act, person_id, do)
    opened.journal([(by.command_id, each) for by, each in receipts])
    return done


def _open_loans(opened: Session, borrower_id: UUID) -> list[str]:
    """The loans of a borrower that are not over, by their short references."""
    from domain.loan.loan import Loan
    from domain.loan.state import LoanState

    over = {
        *(LoanState.DECLINED, LoanState.WITHDRAWN, LoanState.EXPIRED),
        *(LoanState.CLOSED, LoanState.SOLD),
    }
    loans = [opened.book.get(Loan, loan_id) for loan_id in _loan_ids(opened, borrower_id)]
    # An application whose payout came back can end with money of the borrower's on it.
    return [loan.loan_ref for loan in loans if loan.state not in over or loan.unapplied]


def _loan_ids(opened: Session, borrower_id: UUID) -> list[UUID]:
    """The loans of a borrower, as the views have them."""
    from psycopg.errors import UndefinedTable

    from infra.queries import loans_of
    from infra.reading import connection
    from infra.trouble import Trouble

    try:
        with connection(opened.database_url) as conn:
            return list(loans_of(conn, borrower_id))
    except UndefinedTable:
        raise Trouble(
            "The loans of this person are not shown yet: start everything with ./loans up."
        ) from None


def _contacts_with(opened: Session, borrower_id: UUID) -> dict[str, date]:
    """The day of the last record of each class that a borrower's stream knows of."""
    from zoneinfo import ZoneInfo

    from domain.borrower.borrower import Borrower as BorrowerStream
    from domain.borrower.records_kept import last_records

    stream = opened.book.find(BorrowerStream, borrower_id)
    if stream is None:
        return {}
    floors = opened.book.policies.floors_of(stream.jurisdiction, opened.business_on)
    return last_records(
        stream,
        ZoneInfo(opened.settings.zone),
        {each.record_class for each in floors},
        _last_over_on(opened, borrower_id),
    )


def _last_over_on(opened: Session, borrower_id: UUID) -> date | None:
    """The day of the last thing that happened to a loan of a borrower; None without a loan."""
    from domain.base.stream import Stream

    days = [
        event.business_on
        for loan_id in _loan_ids(opened, borrower_id)
        for event in opened.book.events.get(loan_id)
        if isinstance(event, Stream.Event)
    ]
    return max(days, default=None)


def _latest(one: dict[str, date], other: dict[str, date]) -> dict[str, date]:
    return {name: max(one.get(name, day), day) for name, day in other.items()} | {
        name: day for name, day in one.items() if name not in other
    }


def _value(source: Path | None, kind: str) -> str:
    """The value from a file, the terminal or standard input; never from an argument.

    Raises:
        Trouble: it cannot be read.
    """
    from infra.trouble import Trouble

    try:
        if source is not None:
            return source.read_text(encoding="utf-8")
        if sys.stdin.isatty():
            asked: str = typer.prompt(kind, hide_input=True, err=True)
            return asked
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError:
        raise Trouble(f"This {kind} is no proper text: give it in UTF-8.") from None
    except OSError as why:
        raise Trouble(f"{source} cannot be read: {why.strerror}.") from None


def _kind(text: str) -> Any:
    from infra.vault_values import Kind

    try:
        return Kind(text.upper())
    except ValueError:
        raise typer.BadParameter(f"It is one of {KINDS}.") from None


def _purpose(text: str) -> Any:
    from infra.vault_values import Purpose

    try:
        return Purpose(text.upper().replace("-", "_"))
    except ValueError:
        raise typer.BadParameter(f"It is one of {PURPOSES}.") from None


def _last_records(texts: list[str]) -> dict[str, date]:
    from domain.base.retention import RecordClass

    found = {}
    for text in texts:
        name, _, day = text.partition("=")
        try:
            found[RecordClass(name.upper()).value] = date.fromisoformat(day)
        except ValueError:
            classes = ", ".join(RecordClass)
            raise typer.BadParameter(
                f"{text!r} is not CLASS=DATE; a class is one of {classes}."
            ) from None
    return found

"""A stream, event by event, with the state after each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, is_dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from entrypoints.app import AsJson, app

if TYPE_CHECKING:
    from domain.base.stream import Act, Stream
    from domain.commands.book import Receipt
    from entrypoints.session import Session

HIDDEN = (
    "originator_id",
    "originator_version",
    "originator_topic",
    "timestamp",
    "effective_on",
    "business_on",
    "actor",
    "command_id",
    "correlation_id",
)


@dataclass(frozen=True)
class Step:
    """One event of a stream and the state after it."""

    version: int
    event: str
    effective_on: date
    business_on: date
    recorded_at: str
    actor: str
    command_id: UUID
    said: dict[str, Any]
    after: dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What a command came to."""

    stream_id: UUID
    ref: str
    version: int
    repeated: bool
    business_on: date
    command_id: UUID
    recorded: list[Step]
    after: dict[str, Any]


@dataclass(frozen=True)
class OnLoan:
    """What a command recorded on a loan, beside the stream that it was given."""

    loan_id: UUID
    ref: str
    recorded: list[Step]


@dataclass(frozen=True)
class HoldAnswer(Answer):
    """What a command on a hold came to, on the borrower and on each loan."""

    loans: list[OnLoan]


def recorded_beside(opened: Session, command_id: UUID, loan_ids: list[UUID]) -> list[OnLoan]:
    """What a command recorded on some loans; those with nothing are left out."""
    from domain.commands.book import id_on

    found = []
    for loan_id in loan_ids:
        own = id_on(command_id, loan_id)
        steps = [step for step in steps_of(opened, loan_id) if step.command_id == own]
        if steps:
            found.append(OnLoan(loan_id, ref_of(opened, loan_id), steps))
    return found


def answer_of(opened: Session, act: Act, receipt: Receipt) -> Answer:
    """What *receipt* stands for, with the events behind it."""
    steps = steps_of(opened, receipt.stream_id)
    return Answer(
        stream_id=receipt.stream_id,
        ref=ref_of(opened, receipt.stream_id),
        version=receipt.version,
        repeated=receipt.repeated,
        business_on=opened.business_on,
        command_id=act.command_id,
        recorded=[step for step in steps if step.command_id == act.command_id],
        after=steps[-1].after,
    )


def ref_of(opened: Session, stream_id: UUID) -> str:
    """The reference that people use for a stream."""
    from domain.product.product import Product

    stream = opened.book.streams.load([stream_id])[stream_id]
    if isinstance(stream, Product):
        return f"{stream.offer.code}:{stream.offer.version}"
    for name in ("loan_ref", "borrower_ref", "rule", "experiment", "campaign"):
        if hasattr(stream, name):
            return str(getattr(stream, name))
    return str(stream_id)


def steps_of(opened: Session, stream_id: UUID) -> list[Step]:
    """Every event of a stream, replayed from the first.

    Raises:
        Trouble: there is no such stream.
    """
    from domain.base.stream import Stream
    from infra.trouble import Trouble

    stream: Any = None
    steps = []
    for event in opened.book.events.get(stream_id):
        assert isinstance(event, Stream.Event)
        stream = event.mutate(stream)
        steps.append(
            Step(
                version=event.originator_version,
                event=event.TOPIC,  # type: ignore[attr-defined]
                effective_on=event.effective_on,
                business_on=event.business_on,
                recorded_at=event.timestamp.isoformat(timespec="milliseconds"),
                actor=event.actor,
                command_id=event.command_id,
                said=said_by(event),
                after=state_of(stream),
            )
        )
    if not steps:
        raise Trouble(f"There is no stream {stream_id} in this book.")
    return steps


def said_by(event: Stream.Event) -> dict[str, Any]:
    """What an event says, beside who and when."""
    return {name: _plain(value) for name, value in vars(event).items() if name not in HIDDEN}


def state_of(stream: Any) -> dict[str, Any]:
    """The figures of a stream that people look at."""
    names = (
        "state",
        "stage",
        "currency",
        "bucket",
        "asset_class",
        "overdue_since_on",
        "balance",
        "missing",
        "holds",
        "promises",
        "complaints",
        "open_on",
        "closed_on",
    )
    return {name: _plain(getattr(stream, name)) for name in names if hasattr(stream, name)}


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {name: _plain(inner) for name, inner in asdict(value).items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return value


@app.command(rich_help_panel="Questions")
def history(
    loan: Annotated[
        str, typer.Argument(metavar="LOAN", help="A loan, borrower or any stream: reference or id.")
    ],
    full: Annotated[bool, typer.Option("--full", help="Lists too: schedules and parts.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print a stream, event by event, with the state after each; from the event store."""
    from entrypoints import output
    from entrypoints.session import session

    with session() as opened:
        steps = steps_of(opened, opened.stream_id(loan))
    output.emit(steps, as_json=as_json, render=lambda _: _render(steps, full))


def render_answer(answer: Answer) -> None:
    """Tell a person what a command came to."""
    from entrypoints import output

    if answer.repeated:
        output.out.print(f"{answer.ref}: done before under this id; nothing changed.")
    elif not answer.recorded:
        output.out.print(f"{answer.ref}: it was so already; nothing changed.")
    _render(answer.recorded, full=False)
    output.out.print(f"{answer.ref}  version {answer.version}", style="bold")


def render_hold(answer: HoldAnswer) -> None:
    """Tell a person what a command on a hold came to."""
    from entrypoints import output

    render_answer(answer)
    for loan in answer.loans:
        output.out.print(loan.ref, style="bold")
        _render(loan.recorded, full=False)


def _render(steps: list[Step], full: bool) -> None:
    from rich.padding import Padding

    from entrypoints import output

    for step in steps:
        currency = step.after.get("currency") or step.said.get("currency") or ""
        known = "" if step.business_on == step.effective_on else f", known on {step.business_on}"
        output.out.print(
            f"[dim]{step.version:>4}[/]  {step.effective_on}{known}  [bold]{step.event}[/]"
            f"  [dim]by {step.actor}[/]"
        )
        for line in (_words(step.said, currency, full), _after(step.after)):
            if line:
                output.out.print(Padding(line, (0, 0, 0, 6)), markup=False)


AMOUNTS = {
    "amount",
    "principal",
    "interest",
    "fees",
    "penalty",
    "unapplied",
    "amount_overdue",
    "promised",
    "received",
    "recovered",
    "price",
    "capitalised",
    "waived",
    "credit",
    "claimed",
    "awarded",
    "grown",
    "missing_credit",
    "face",
    "total",
    "planned",
    "outstanding",
    "withheld",
    "charged",
    "passed_on",
}
"""What a person reads in the currency; every other whole number of an event is a count."""


def words_of(said: dict[str, Any], currency: str) -> str:
    """What an event says, in a line."""
    return _words(said, currency, full=False)


def _words(said: dict[str, Any], currency: str, full: bool) -> str:
    from entrypoints import output
    from entrypoints.rate_words import percent

    words: list[str] = []
    for name, value in said.items():
        if name in QUIET and not full:
            continue
        if value in (None, "", [], 0, False) or name == "currency":
            continue
        if name in OF_AN_END:
            words += OF_AN_END[name](value, currency)
        elif isinstance(value, Decimal):
            words.append(f"{name} {percent(value)}")
        elif name in AMOUNTS and currency:
            words.append(f"{name} {output.money(value, currency)}")
        elif isinstance(value, list | dict) and not full:
            if isinstance(value, list) and all(isinstance(each, str) for each in value):
                words.append(f"{name} {', '.join(value)}")
            elif isinstance(value, list):
                words.append(f"{name}: {len(value)}")
        else:
            words.append(f"{name} {value}")
    return ", ".join(words)


def _restated(ends: list[dict[str, Any]], currency: str) -> Iterator[str]:
    """What turns out to have left the book with a loss or a sale, before and after."""
    from entrypoints import output

    def money(amount: int) -> str:
        return output.money(amount, currency) if currency else str(amount)

    for each in ends:
        before, after = sum(each["before"].values()), sum(each["after"].values())
        named = {"WRITE_OFF": "written off", "SALE": "sold"}[each["kind"]]
        if before != after:
            yield f"{named} on {each['on']} {money(before)} -> {money(after)}"
        if each["price"] != each["price_before"]:
            yield f"price {money(each['price_before'])} -> {money(each['price'])}"


def _overtaken(since: dict[str, Any], currency: str) -> Iterator[str]:
    """What a loss or a sale makes of what was recorded of the days after it."""
    from entrypoints import output

    for name, when in (("recovered", "after"), ("passed_on", "before")):
        came = since[name]
        amount = sum(sum(each[when].values()) for each in came)
        if came:
            money = output.money(amount, currency) if currency else str(amount)
            refs = ", ".join(each["ref"] for each in came)
            yield f"{name.replace('_', ' ')} of what came in since {money} ({refs})"
    if since["set_aside"]:
        yield f"set aside {', '.join(since['set_aside'])}"
    if since["lapsed"]:
        yield f"lapsed {', '.join(since['lapsed'])}"
    yield f"was {since['state_before']} {since['bucket_before']}"


OF_AN_END: dict[str, Callable[[Any, str], Iterator[str]]] = {
    "restated": _restated,
    "overtaken": _overtaken,
}
"""What an event says of how a loan left the book, told in a line of its own words."""

QUIET = {
    "loan_ref",
    "borrower_id",
    "terms_digest",
    "offer_digest",
    "sheet_digest",
    "policy_version",
    "bucket",
    "state",
    "state_before",
    "stage",
    "disbursement_ref",
    "received_on",
}
"""What an event says beside its point; shown with the lists."""


def _after(after: dict[str, Any]) -> str:
    from entrypoints import output

    # Before the payout a loan has no lateness to tell.
    named = ("state", "bucket") if after.get("state") == "ACTIVE" else ("state",)
    words = [str(after[name]) for name in named if after.get(name)]
    words[:1] = [f"-> {words[0]}"] if words else []
    balance, currency = after.get("balance"), after.get("currency")
    if balance and currency and any(balance.values()):
        owed = sum(balance[name] for name in ("principal", "interest", "fees", "penalty"))
        words.append(f"owed {output.money(owed, currency)}")
        if balance["unapplied"]:
            words.append(f"credit {output.money(balance['unapplied'], currency)}")
    if after.get("missing"):
        words.append(f"waits for {', '.join(after['missing'])}")
    return ", ".join(words)

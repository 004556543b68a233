"""What is done with products: one command each."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from entrypoints.app import AsJson, app
from entrypoints.staff_command import (
    STAFF,
    Actor,
    CommandId,
    Reason,
    carried_out,
    carry_out,
    day_or,
)

if TYPE_CHECKING:
    from domain.base.stream import Act
    from domain.commands.book import Receipt
    from domain.product.product import Offer, Product
    from entrypoints.session import Session

product = typer.Typer(
    help="Products: check a file, publish a version, list what is on offer.", no_args_is_help=True
)
app.add_typer(product, name="product")

Files = Annotated[
    list[Path],
    typer.Argument(metavar="FILE...", exists=True, help="Product files, or folders of them."),
]


@product.command("publish")
def publish(
    files: Files, actor: Actor = STAFF, command_id: CommandId = None, as_json: AsJson = False
) -> None:
    """Publish product versions from TOML files; a version is never edited.

    Each has to pass the gate: caps, disclosure, renewals, names. One that is published
    with the same parts stays as it is. Nothing is published if a file cannot be read.
    """
    from uuid import uuid5

    from domain.commands import products
    from entrypoints import output
    from entrypoints.history import render_answer
    from entrypoints.product_file import files_of, read_offer
    from entrypoints.session import session

    offers = [read_offer(file) for file in files_of(files)]
    answers = []
    with session() as opened:
        for offer in offers:
            own_id = command_id
            if command_id is not None and len(offers) > 1:
                own_id = uuid5(command_id, f"{offer.code}:{offer.version}")

            def do(opened: Session, act: Act, offer: Offer = offer) -> Receipt:
                return products.publish(opened.book, act, offer=offer)

            answers.append(carried_out(opened, do, actor, own_id))

    def render(_: Any) -> None:
        for answer in answers:
            render_answer(answer)

    output.emit(answers if len(answers) > 1 else answers[0], as_json=as_json, render=render)


@product.command("check")
def check(
    files: Files,
    on: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The day whose rules count; else today."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say everything that is wrong with product files, at once; nothing has to run.

    They are held to the rules of the day at the publish gate, too. Exits with 1 when
    something is wrong.
    """
    from domain.commands.products import at_the_gate, named_at_the_gate
    from entrypoints import output
    from entrypoints.product_file import checked, files_of
    from entrypoints.session import rules_now
    from infra import clock
    from infra.settings import Settings

    day = day_or(on, clock.business_date(Settings().zone))
    policies = rules_now().policies
    answers: list[dict[str, Any]] = []
    for file in files_of(files):
        offer, wrong = checked(file)
        if offer is not None:
            gate = named_at_the_gate if wrong else at_the_gate
            wrong = [*wrong, *(str(each) for each in gate(offer, policies, day))]
        named = f"{offer.code} v{offer.version}" if offer else file.name
        answers.append({"product": named, "faults": wrong})

    def render(_: Any) -> None:
        for answer in answers:
            count = len(answer["faults"])
            said = "sound" if not count else f"{count} fault{'s' if count > 1 else ''}"
            output.out.print(f"{answer['product']}: {said}")
            for sentence in answer["faults"]:
                output.out.print(f"  {sentence}", markup=False)

    output.emit(answers if len(answers) > 1 else answers[0], as_json=as_json, render=render)
    if any(answer["faults"] for answer in answers):
        raise typer.Exit(1)


@product.command("withdraw")
def withdraw(
    version: Annotated[str, typer.Argument(metavar="CODE:VERSION", help="See product list.")],
    reason: Reason,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Take a version from sale for good, found to be over a cap or wrongly drawn up, say.

    It cannot be applied for any more, and applications that are on their way are neither
    approved, nor disclosed, nor signed on it. What is signed stays, and is paid out. A better
    version is published as the next one.
    """
    from domain.commands import products

    code, number = _named(version)
    carry_out(
        lambda opened, act: products.withdraw(
            opened.book, act, code=code, version=number, reason=reason
        ),
        actor,
        command_id,
        as_json,
    )


@product.command("show")
def show(
    version: Annotated[str, typer.Argument(metavar="CODE:VERSION", help="See product list.")],
    as_json: AsJson = False,
) -> None:
    """Show a published version: every part that it says, and whether it is on sale."""
    from domain.commands.products import product_id
    from domain.product.product import Product
    from entrypoints import output
    from entrypoints.product_places import AMOUNTS
    from entrypoints.session import session

    code, number = _named(version)
    with session() as opened:
        found = opened.book.get(Product, product_id(opened.book, code, number))
        today = opened.business_on

    def render(said: dict[str, Any]) -> None:
        output.out.print(f"[bold]{code}:{number}[/]  {found.offer.name}: {_sale(found, today)}")
        for name, value in said.items():
            if value is not None and name not in ("code", "version", "name"):
                is_amount = ("Offer", name) in AMOUNTS
                shown = part_said(value, found.offer.currency, is_amount=is_amount)
                output.out.print(f"  {name}: {shown}", markup=False)

    output.emit(_said(found), as_json=as_json, render=render)


def _named(version: str) -> tuple[str, int]:
    code, _, number = version.rpartition(":")
    if not code or not number.isdecimal():
        raise typer.BadParameter(f"{version!r} is no CODE:VERSION; see product list")
    return code, int(number)


def _said(found: Product) -> dict[str, Any]:
    """Every part of a version, and since when and why it is not on sale any more."""
    from dataclasses import fields

    offer = found.offer
    parts = {field.name: getattr(offer, field.name) for field in fields(offer)}
    sale = {"withdrawn_on": found.withdrawn_on, "withdrawn_because": found.withdrawn_because}
    return parts | sale


def _sale(found: Product, on: date) -> str:
    """Whether a version can be applied for on a day, in words."""
    first, last = found.offer.offered_from, found.offer.offered_until
    if found.withdrawn_on is not None:
        return f"withdrawn {found.withdrawn_on}"
    if first is not None and on < first:
        return f"from {first}"
    if last is not None:
        return f"{'until' if on <= last else 'ended'} {last}"
    return "on sale"


def part_said(value: Any, currency: str, *, is_amount: bool = False) -> str:
    """A part of a product for a person: records by what they say, amounts in the currency."""
    from dataclasses import fields, is_dataclass
    from decimal import Decimal

    from domain.base.money import written
    from entrypoints.product_places import AMOUNTS

    if isinstance(value, list):
        return ", ".join(part_said(each, currency) for each in value) or "none"
    if is_dataclass(value):
        kind = type(value).__name__
        return "; ".join(
            f"{field.name} {part_said(part, currency, is_amount=(kind, field.name) in AMOUNTS)}"
            for field in fields(value)
            if (part := getattr(value, field.name)) is not None
        )
    if is_amount:
        return written(value, currency)
    return format(value.normalize(), "f") if isinstance(value, Decimal) else str(value)


@product.command("list")
def list_products(as_json: AsJson = False) -> None:
    """List the published product versions, and whether they are on sale."""
    from domain.base.money import written
    from domain.product.product import Product
    from entrypoints import output
    from entrypoints.rate_words import rates_said
    from entrypoints.session import session

    with session() as opened:
        found = opened.book.get_many(Product, opened.ids_opened_by("product.published"))
        today = opened.business_on
    versions = sorted(found.values(), key=lambda each: (each.offer.code, each.offer.version))

    def render(_: Any) -> None:
        rows = output.table(
            "product",
            "name",
            "lends",
            "months",
            "rate",
            "method",
            "on sale",
            right=("lends",),
            wraps=("name", "rate", "method", "on sale"),
        )
        for version in versions:
            offer = version.offer
            least, most = (written(x, offer.currency) for x in (offer.amount_min, offer.amount_max))
            rows.add_row(
                f"{offer.code}:{offer.version}",
                offer.name,
                f"{least} to {most} {offer.currency}",
                " to ".join(map(str, sorted({offer.term_months_min, offer.term_months_max}))),
                rates_said(offer.rates(), offer.rate_plan, offer.subsidy),
                offer.method.lower().replace("_", " "),
                _sale(version, today),
            )
        output.show(rows)

    output.emit(list(map(_said, versions)), as_json=as_json, render=render)

"""What is done with products: one command each."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from entrypoints.app import AsJson, app
from entrypoints.staff_command import STAFF, Actor, CommandId, carried_out, day_or

if TYPE_CHECKING:
    from domain.base.stream import Act
    from domain.commands.book import Receipt
    from domain.product.product import Offer
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
    from domain.commands.products import at_the_gate
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
        if offer is not None and not wrong:
            wrong = [str(each) for each in at_the_gate(offer, policies, day)]
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


@product.command("list")
def list_products(as_json: AsJson = False) -> None:
    """List the published product versions."""
    from domain.base.money import written
    from domain.product.product import Product
    from entrypoints import output
    from entrypoints.rate_words import rates_said
    from entrypoints.session import session

    with session() as opened:
        found = opened.book.get_many(Product, opened.ids_opened_by("product.published"))
    offers = sorted(
        (stream.offer for stream in found.values()), key=lambda offer: (offer.code, offer.version)
    )

    def render(_: Any) -> None:
        rows = output.table(
            "product",
            "name",
            "lends",
            "months",
            "rate",
            "method",
            right=("lends",),
            wraps=("name", "rate", "method"),
        )
        for offer in offers:
            least, most = (written(x, offer.currency) for x in (offer.amount_min, offer.amount_max))
            rows.add_row(
                f"{offer.code}:{offer.version}",
                offer.name,
                f"{least} to {most} {offer.currency}",
                " to ".join(map(str, sorted({offer.term_months_min, offer.term_months_max}))),
                rates_said(offer.rates(), offer.rate_plan, offer.subsidy),
                offer.method.lower().replace("_", " "),
            )
        output.show(rows)

    output.emit(offers, as_json=as_json, render=render)

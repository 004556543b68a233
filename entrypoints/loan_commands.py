"""What staff do with loans: one command each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from entrypoints.app import AsJson, app
from entrypoints.disclosure_commands import Out, must_be_new, print_sheet, write_sheet
from entrypoints.staff_command import (
    STAFF,
    Actor,
    Amount,
    Approver,
    Borrower,
    CommandId,
    Day,
    Digest,
    Loan,
    Reason,
    Requester,
    as_rate,
    carried_out,
    carry_out,
    day_or,
)

if TYPE_CHECKING:
    from domain.base.repayment import AgreedRow
    from domain.base.stream import Act
    from domain.base.terms import PlannedDraw
    from domain.commands.book import Receipt
    from entrypoints.history import Answer
    from entrypoints.session import Session

APPLICATIONS = "Applications"
MONEY = "Money"


@app.command("apply", rich_help_panel=APPLICATIONS)
def apply_for(
    borrower: Borrower,
    product: Annotated[str, typer.Argument(help="CODE or CODE:VERSION; see product list.")],
    amount: Amount,
    months: Annotated[int, typer.Argument(help="The term in months.")],
    purpose: Annotated[str | None, typer.Option(help="What the money is for.")] = None,
    channel: Annotated[str, typer.Option(help="How the request came in.")] = "BRANCH",
    segment: Annotated[
        str | None, typer.Option(help="The borrower's segment, for products that ask for it.")
    ] = None,
    partner_order: Annotated[
        str | None, typer.Option(help="The order of the partner, a merchant or school, it pays.")
    ] = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Take in an application for a loan."""
    from uuid import uuid5

    from domain.base.money import minor_units
    from domain.base.refusal import NotFound
    from domain.commands import loans
    from domain.commands.products import product_id
    from domain.product.product import Product

    def do(opened: Session, act: Act) -> Receipt:
        code, _, version = product.partition(":")
        book = opened.book
        number = int(version) if version.isdecimal() else 0 if version else 1
        published = book.find(Product, product_id(book, code, number))
        if published is None:
            raise NotFound(
                f"No product {code}:{version or 1} is published: see ./loans product list."
            )
        offer = published.offer
        return loans.apply_for(
            book,
            act,
            loan_id=uuid5(act.command_id, "loan"),
            borrower_id=opened.borrower_id(borrower),
            product_code=code,
            product_version=number,
            amount=minor_units(amount, offer.currency),
            term_months=months,
            purpose=purpose,
            channel=channel,
            segment=segment,
            partner_order_ref=partner_order,
        )

    carry_out(do, actor, command_id, as_json)


@app.command("evidence", rich_help_panel=APPLICATIONS)
def add_evidence(
    loan: Loan,
    kind: Annotated[str, typer.Argument(help="The kind that was asked for, see tracker.")],
    ref: Annotated[str, typer.Option(help="Where it is filed.")],
    source: Annotated[str, typer.Option(help="Who supplied it.")] = "BORROWER",
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Add evidence that an application waits for."""
    from domain.commands import loans

    carry_out(
        lambda opened, act: loans.add_evidence(
            opened.book,
            act,
            loan_id=opened.stream_id(loan),
            kind=kind,
            source=source,
            evidence_ref=ref,
        ),
        actor,
        command_id,
        as_json,
    )


@app.command("approve", rich_help_panel=APPLICATIONS)
def approve(
    loan: Loan,
    requested_by: Requester,
    approved_by: Approver,
    amount: Annotated[str | None, typer.Option(help="If other than applied for.")] = None,
    months: Annotated[int | None, typer.Option(help="If other than applied for.")] = None,
    rate: Annotated[str | None, typer.Option(help="Annual, as a fraction: 0.12.")] = None,
    grade: Annotated[
        str | None, typer.Option(help="The risk grade, for products that price by it.")
    ] = None,
    on_time: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Instalments paid on time before, for products with rates by segment; else"
            " they are counted over the borrower's loans in this book.",
        ),
    ] = None,
    model_version: Annotated[
        str | None, typer.Option(help="The model that gave the grade.")
    ] = None,
    schedule: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="Instalments agreed on, as CSV: due_on,principal. For products that allow it.",
        ),
    ] = None,
    draw: Annotated[
        list[str] | None,
        typer.Option(
            metavar="AMOUNT@DAY",
            help="A payout after the first one, such as 20000.00@2027-03-01; may be given several"
            " times. For products with tranches: what is left is paid out at first.",
        ),
    ] = None,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Approve an application: an offer stands from now on.

    Applications for a version that was withdrawn from sale are not approved.
    """
    from domain.base.money import minor_units
    from domain.commands import loans
    from domain.loan.loan import Loan as LoanStream
    from entrypoints.borrower_commands import all_loans_of

    def do(opened: Session, act: Act) -> Receipt:
        loan_id = opened.stream_id(loan)
        asked = opened.book.get(LoanStream, loan_id)
        currency = asked.currency
        return loans.approve(
            opened.book,
            act,
            loan_id=loan_id,
            requested_by=requested_by,
            approved_by=approved_by,
            amount=None if amount is None else minor_units(amount, currency),
            term_months=months,
            annual_rate=None if rate is None else as_rate(rate),
            grade=grade,
            model_version=model_version,
            rows=None if schedule is None else agreed_rows(schedule, currency),
            on_time=on_time,
            loans=lambda: all_loans_of(opened, asked.borrower_id),
            draws=planned_draws(draw, currency),
        )

    carry_out(do, approved_by, command_id, as_json)


def planned_draws(said: list[str] | None, currency: str) -> list[PlannedDraw] | None:
    """The payouts after the first one that were *said*, each as AMOUNT@DAY; in order."""
    from domain.base.money import minor_units
    from domain.base.terms import PlannedDraw

    found = []
    for each in said or ():
        amount, _, day = each.partition("@")
        try:
            found.append(PlannedDraw(date.fromisoformat(day), minor_units(amount, currency)))
        except ValueError:
            raise typer.BadParameter(
                f"{each!r} is no AMOUNT@DAY such as 500.00@2027-03-01"
            ) from None
    return sorted(found, key=lambda draw: draw.on) or None


@app.command("partner-order", rich_help_panel=APPLICATIONS)
def link_partner_order(
    loan: Loan,
    order: Annotated[str, typer.Argument(help="The reference of the partner's order.")],
    reason: Reason,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Let a loan pay for an order of the merchant or school, or for another one than it did.

    Until it is paid out; from then on --to of disburse has to be that partner, or an account of
    theirs, PARTNER/ACCOUNT.
    """
    from domain.commands import loans

    carry_out(
        lambda opened, act: loans.link_partner_order(
            opened.book, act, loan_id=opened.stream_id(loan), partner_order_ref=order, reason=reason
        ),
        actor,
        command_id,
        as_json,
    )


def agreed_rows(file: Path, currency: str) -> list[AgreedRow]:
    """The instalments that a CSV file names."""
    import csv

    from domain.base.money import minor_units
    from domain.base.repayment import AgreedRow
    from infra.trouble import Trouble

    with file.open(newline="") as lines:
        rows = csv.DictReader(lines)
        if rows.fieldnames is None or list(rows.fieldnames) != ["due_on", "principal"]:
            raise Trouble(f"{file.name}: the first line must be due_on,principal.")
        try:
            return [
                AgreedRow(
                    date.fromisoformat(row["due_on"] or ""),
                    minor_units(row["principal"] or "", currency),
                )
                for row in rows
            ]
        except ValueError as fault:
            raise Trouble(f"{file.name}, line {rows.line_num}: {fault}.") from None


@app.command("decline", rich_help_panel=APPLICATIONS)
def decline(
    loan: Loan,
    reason: Annotated[list[str], typer.Option(help="Why; may be given several times.")],
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Decline an application, with reasons."""
    from domain.commands import loans

    carry_out(
        lambda opened, act: loans.decline(
            opened.book, act, loan_id=opened.stream_id(loan), reasons=reason, decided_by=actor
        ),
        actor,
        command_id,
        as_json,
    )


@app.command("withdraw", rich_help_panel=APPLICATIONS)
def withdraw(
    loan: Loan,
    reason: Reason = "applicant's wish",
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """End an application at the applicant's wish."""
    from domain.commands import loans

    carry_out(
        lambda opened, act: loans.withdraw(
            opened.book, act, loan_id=opened.stream_id(loan), reason=reason
        ),
        actor,
        command_id,
        as_json,
    )


@app.command("disclose", rich_help_panel=APPLICATIONS)
def disclose(
    loan: Loan,
    out: Out = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Show the borrower what the offer costs; needed before signing.

    Prints the whole sheet: what is lent and paid out, the cost of a year by the rules of the
    jurisdiction, rates, every charge, what is only paid if it comes to that. It is recorded
    with its digest; ./loans disclosure show prints it again.
    """
    from domain.commands import loans

    disclose_and_print(
        lambda opened, act: loans.disclose(opened.book, act, loan_id=opened.stream_id(loan)),
        (actor, command_id),
        out,
        as_json=as_json,
    )


def disclose_and_print(
    do: Callable[[Session, Act], Receipt],
    by: tuple[str, UUID | None],
    out: Path | None,
    *,
    as_json: bool,
) -> None:
    """Run a command that discloses a cost, and print what was recorded with its sheet."""
    from domain.base.stream import Stream
    from domain.loan.disclosed import disclosures
    from entrypoints import output
    from entrypoints.history import render_answer
    from entrypoints.session import session

    must_be_new(out)
    with session() as opened:
        answer = carried_out(opened, do, *by)
        versions = [step.version for step in answer.recorded]
        events = [
            event
            for event in opened.book.events.get(answer.stream_id)
            if isinstance(event, Stream.Event)
            and (not versions or event.originator_version <= versions[-1])
        ]
    shown = disclosures(events)
    if shown:
        write_sheet(shown[-1], out)

    def render(_: Answer) -> None:
        render_answer(answer)
        for sheet in shown[-1:]:
            print_sheet(sheet)

    output.emit(answer, as_json=as_json, render=render)


@app.command("sign", rich_help_panel=APPLICATIONS)
def sign(
    loan: Loan,
    contract: Annotated[str, typer.Option(help="Where the contract is filed.")],
    template: Annotated[str, typer.Option(help="The contract template's version.")] = "1",
    digest: Digest = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Sign the contract on the terms that were disclosed."""
    from domain.commands import loans

    carry_out(
        lambda opened, act: loans.sign(
            opened.book,
            act,
            loan_id=opened.stream_id(loan),
            contract_ref=contract,
            template_version=template,
            digest=digest or None,
        ),
        actor,
        command_id,
        as_json,
    )


@app.command("disburse", rich_help_panel=MONEY)
def disburse(
    loan: Loan,
    to: Annotated[
        str,
        typer.Option(
            help="Reference of the account it goes to; of an order of a partner, that partner or"
            " PARTNER/ACCOUNT."
        ),
    ],
    ref: Annotated[str | None, typer.Option(help="The payment's reference.")] = None,
    first_due: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="First due date; else a month from now."),
    ] = None,
    amount: Annotated[
        str | None,
        typer.Option(
            help="Of a loan with a limit, or paid out in parts: the first one; else all, less"
            " what is planned for later."
        ),
    ] = None,
    on: Day = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Pay a signed loan out; its schedule follows. --on may lie in the past, after signing.

    The amount is what is lent: what the contract withholds for fees stays here. After
    payout-returned it is the next payout, on its own day and with its own schedule; what the
    borrower paid before and was not refunded is credit on it.

    A hold that was set since and began later would have found the loan: it reaches it now.
    """
    from domain.base.money import minor_units
    from domain.commands import loans
    from domain.loan.loan import Loan as LoanStream
    from entrypoints.borrower_commands import all_loans_of

    def do(opened: Session, act: Act) -> Receipt:
        loan_id = opened.stream_id(loan)
        signed = opened.book.get(LoanStream, loan_id)
        return loans.disburse(
            opened.book,
            act,
            loan_id=loan_id,
            disbursement_ref=ref or f"D-{act.command_id}",
            paid_to=to,
            first_due_on=first_due.date() if first_due else None,
            amount=minor_units(amount, signed.currency) if amount else None,
            disbursed_on=day_or(on, opened.business_on),
            loans=lambda: all_loans_of(opened, signed.borrower_id),
        )

    carry_out(do, actor, command_id, as_json)


@app.command("payout-returned", rich_help_panel=MONEY)
def payout_returned(
    loan: Loan,
    on: Annotated[
        datetime,
        typer.Option(
            formats=["%Y-%m-%d"], help="The value date of the return: when the money was back."
        ),
    ],
    reason: Reason,
    requested_by: Annotated[
        str | None, typer.Option(help="Who asks for it, where it needs two people.")
    ] = None,
    approved_by: Annotated[str | None, typer.Option(help="Somebody else, who approves it.")] = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Record that the bank returned the first payout: nothing was lent, so nothing is owed.

    It needs two people once money was repaid, or when it is recorded more days after the payout
    than the policy (payout_return) lets one person record it: a bank returns what it cannot
    credit within days.

    Since the day of the payout interest, fees, penalty, relief and labels fall away, what the
    borrower paid is credit to be refunded, and a partner's share of interest is billed back.
    The contract stands signed: disburse pays it out again (to another account, on another day,
    with a schedule of its own), withdraw ends it, and it runs out as an offer does, counted
    from today. Recorded by mistake: take-back LOAN payout-return.

    A later draw that came back is taken back (take-back LOAN DRAW), and so is every draw before
    the first payout is returned; a loss or a sale, too.
    """
    from domain.commands import loans

    carry_out(
        lambda opened, act: loans.return_payout(
            opened.book,
            act,
            loan_id=opened.stream_id(loan),
            returned_on=on.date(),
            reason=reason,
            requested_by=requested_by,
            approved_by=approved_by,
        ),
        actor,
        command_id,
        as_json,
    )


@app.command("draw", rich_help_panel=MONEY)
def draw(
    loan: Loan,
    amount: Amount,
    to: Annotated[
        str, typer.Option("--to", "--paid-to", help="Reference of the account it goes to.")
    ],
    ref: Annotated[str | None, typer.Option(help="The draw's own reference.")] = None,
    on: Day = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Pay more out within the limit of a loan, or what its contract plans for later.

    A planned payout may come on another day, or in another amount within what is left: the
    instalments to come follow what is out. --on may lie in the past. One that the bank returned
    is taken back: take-back LOAN REF.
    """
    from domain.base.money import minor_units
    from domain.commands import loans
    from domain.loan.loan import Loan as LoanStream

    def do(opened: Session, act: Act) -> Receipt:
        loan_id = opened.stream_id(loan)
        currency = opened.book.get(LoanStream, loan_id).currency
        return loans.draw(
            opened.book,
            act,
            loan_id=loan_id,
            amount=minor_units(amount, currency),
            draw_ref=ref or f"D-{act.command_id}",
            paid_to=to,
            drawn_on=day_or(on, opened.business_on),
        )

    carry_out(do, actor, command_id, as_json)


@app.command("repay", rich_help_panel=MONEY)
def repay(
    loan: Loan,
    amount: Amount,
    ref: Annotated[str | None, typer.Option(help="The payment's own reference.")] = None,
    on: Day = None,
    currency: Annotated[str | None, typer.Option(help="If it is not the loan's.")] = None,
    source: Annotated[
        str,
        typer.Option(
            help="Who pays: BORROWER, THIRD_PARTY (somebody for them), COLLATERAL (what was taken"
            " for it was sold), GUARANTOR, INSURANCE, or PARTNER (the school or merchant; rather"
            " use partner-refund). The contract may split money from a source in an order of its"
            " own."
        ),
    ] = "BORROWER",
    payoff: Annotated[
        bool,
        typer.Option(
            "--payoff", help="Close the loan early with it; else it closes nothing, see above."
        ),
    ] = False,
    future: Annotated[
        str | None,
        typer.Option(
            help="Where this payment goes beyond what is due, if not as the contract says:"
            " NEXT_INSTALMENT (the first that are open), LAST_INSTALMENT (the last first),"
            " REAMORTISED (in equal shares to all that are open), LOWER_INSTALMENT (to principal,"
            " the rest is laid anew over the same days) or SHORTER_TERM (to principal, the same"
            " instalment is paid for a shorter time)."
        ),
    ] = None,
    in_place_of: Annotated[
        str | None,
        typer.Option(
            help="The reversed payment of that day that this one is again: it keeps its place"
            " among what came that day, and does not count last."
        ),
    ] = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Record money received on a loan; --on may lie in the past.

    It pays what is due, then what is in advance. What finds nothing to pay is credit, which
    pays what falls due later of itself. The sum that payoff quotes closes the loan with
    --payoff only: without it, it pays instalments before their days, interest to come and all,
    and what it does not find to pay there is such credit.

    From the write-off on it is a recovery. What came in before the loan was written off or
    sold, and is known since, lets the loss be less, or what was sold and its price.
    """
    from domain.base.money import minor_units
    from domain.commands import loans
    from domain.loan.loan import Loan as LoanStream

    def do(opened: Session, act: Act) -> Receipt:
        loan_id = opened.stream_id(loan)
        money_in = currency or opened.book.get(LoanStream, loan_id).currency
        return loans.repay(
            opened.book,
            act,
            loan_id=loan_id,
            amount=minor_units(amount, money_in),
            currency=money_in,
            received_on=day_or(on, opened.business_on),
            payment_ref=ref or f"P-{act.command_id}",
            source=source.upper(),
            payoff=payoff,
            future_money=future and future.upper(),
            in_place_of=in_place_of or None,
        )

    carry_out(do, actor, command_id, as_json)


@app.command("reverse", rich_help_panel=MONEY)
def reverse(
    loan: Loan,
    ref: Annotated[str, typer.Argument(help="The payment's reference, see statement.")],
    reason: Reason,
    kind: Annotated[
        str | None, typer.Option(help="CHARGEBACK (by the payer's bank), BOUNCED or MISPOSTED.")
    ] = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Take back a payment or recovery that bounced, was charged back or posted wrongly.

    Of one before the write-off or the sale the loss is greater, or what was sold; of one that was
    passed on to a buyer so much less is owed to them.
    """
    from domain.commands import loans

    carry_out(
        lambda opened, act: loans.reverse(
            opened.book,
            act,
            loan_id=opened.stream_id(loan),
            payment_ref=ref,
            reason=reason,
            kind=kind and kind.upper(),
        ),
        actor,
        command_id,
        as_json,
    )


@app.command("refund", rich_help_panel=MONEY)
def refund(
    loan: Loan,
    amount: Amount,
    requested_by: Requester,
    approved_by: Approver,
    ref: Annotated[str | None, typer.Option(help="The refund's reference.")] = None,
    on: Day = None,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Pay a borrower's credit back; two people. --on may lie in the past."""
    from domain.base.money import minor_units
    from domain.commands import loans
    from domain.loan.loan import Loan as LoanStream

    def do(opened: Session, act: Act) -> Receipt:
        loan_id = opened.stream_id(loan)
        currency = opened.book.get(LoanStream, loan_id).currency
        return loans.refund(
            opened.book,
            act,
            loan_id=loan_id,
            amount=minor_units(amount, currency),
            refund_ref=ref or f"R-{act.command_id}",
            requested_by=requested_by,
            approved_by=approved_by,
            on=day_or(on, opened.business_on),
        )

    carry_out(do, approved_by, command_id, as_json)


@app.command("forgive", rich_help_panel=MONEY)
def forgive(
    loan: Loan,
    instalment: Annotated[int, typer.Argument(help="Its number, see show.")],
    what: Annotated[str, typer.Argument(help="penalty (accrued), interest or fee.")],
    reason: Reason,
    requested_by: Requester,
    approved_by: Approver,
    amount: Annotated[str | None, typer.Option(help="If not all that is unpaid.")] = None,
    on: Day = None,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Forgive what an instalment owes beside principal; two people.

    It counts before what is paid on the day, which may lie in the past: what paid it since
    pays other things. Fees that were charged by name are waived, see waive.
    """
    from domain.base.money import minor_units
    from domain.commands import loans
    from domain.loan.loan import Loan as LoanStream

    def do(opened: Session, act: Act) -> Receipt:
        loan_id = opened.stream_id(loan)
        currency = opened.book.get(LoanStream, loan_id).currency
        return loans.forgive(
            opened.book,
            act,
            loan_id=loan_id,
            instalment=instalment,
            owed=what.upper(),
            amount=None if amount is None else minor_units(amount, currency),
            reason=reason,
            requested_by=requested_by,
            approved_by=approved_by,
            on=day_or(on, opened.business_on),
        )

    carry_out(do, approved_by, command_id, as_json)


@app.command("take-back", rich_help_panel=MONEY)
def take_back(
    loan: Loan,
    ref: Annotated[
        str,
        typer.Argument(
            help="R-1, F-1, move-7, reschedule-9, waiver-4, forgiven-5, write-off, sale,"
            " payout-return ..."
        ),
    ],
    reason: Reason,
    requested_by: Requester,
    approved_by: Approver,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Let something recorded in error count no more, as if it had never been; two people.

    A refund or draw that came back, a fee, what was forgiven, a moved date, relief, a renewal,
    a loss or a sale, and that the first payout was returned (which payout-returned records).
    What came later is reckoned anew; what was recovered of a loss is repaid of its day, and what
    it had set aside counts again.
    Payments are reversed, and holds lifted. A name that is not there tells which are.
    """
    from domain.commands import loans

    carry_out(
        lambda opened, act: loans.take_back(
            opened.book,
            act,
            loan_id=opened.stream_id(loan),
            fact_ref=ref,
            reason=reason,
            requested_by=requested_by,
            approved_by=approved_by,
        ),
        approved_by,
        command_id,
        as_json,
    )


@app.command("fee", rich_help_panel=MONEY)
def charge_fee(
    loan: Loan,
    kind: Annotated[str, typer.Argument(help="A fee or penalty that the contract names.")],
    ref: Annotated[str | None, typer.Option(help="The fee's reference.")] = None,
    due: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="If not with the next instalment.")
    ] = None,
    on: Day = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Charge a fee or penalty that the contract names; --on may lie in the past."""
    from domain.commands import loans

    carry_out(
        lambda opened, act: loans.charge_fee(
            opened.book,
            act,
            loan_id=opened.stream_id(loan),
            kind=kind,
            fee_ref=ref or f"F-{act.command_id}",
            due_on=due.date() if due else None,
            on=day_or(on, opened.business_on),
        ),
        actor,
        command_id,
        as_json,
    )


@app.command("waive", rich_help_panel=MONEY)
def waive_fee(
    loan: Loan,
    ref: Annotated[
        str,
        typer.Argument(
            help="The charge's reference, see statement; such as F-1 or overdue:LATE:3, or"
            " prepayment:P-1 for what paying early with P-1 cost."
        ),
    ],
    amount: Amount,
    reason: Reason,
    requested_by: Requester,
    approved_by: Approver,
    on: Day = None,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Forgive a fee or penalty that was charged by name, or part of it; two people.

    Also one that is paid, what a payment was charged for coming early among them: what paid it
    pays other things, or is credit. --on may lie in the past. What has no name of its own,
    accrued penalty, interest and the fees of an instalment, is forgiven, see forgive.
    """
    from domain.base.money import minor_units
    from domain.commands import loans
    from domain.loan.loan import Loan as LoanStream

    def do(opened: Session, act: Act) -> Receipt:
        loan_id = opened.stream_id(loan)
        currency = opened.book.get(LoanStream, loan_id).currency
        return loans.waive_fee(
            opened.book,
            act,
            loan_id=loan_id,
            fee_ref=ref,
            amount=minor_units(amount, currency),
            reason=reason,
            requested_by=requested_by,
            approved_by=approved_by,
            on=day_or(on, opened.business_on),
        )

    carry_out(do, approved_by, command_id, as_json)


@app.command("move-due-date", rich_help_panel=MONEY)
def move_due_date(
    loan: Loan,
    instalment: Annotated[int, typer.Argument(help="Its number, see show.")],
    reason: Reason,
    due_on: Annotated[
        datetime | None, typer.Argument(formats=["%Y-%m-%d"], help="The new due date.")
    ] = None,
    day: Annotated[
        int | None,
        typer.Option(
            "--day", min=1, max=31, help="In place of a date: it and all later ones, by month."
        ),
    ] = None,
    on: Day = None,
    requested_by: Annotated[str | None, typer.Option(help="Who asks for relief.")] = None,
    approved_by: Annotated[str | None, typer.Option(help="Somebody else, who grants it.")] = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Give an unpaid instalment another due date, or with --day all from it on.

    Further than the rule of the day allows it is relief, and needs two people. --on, when it
    was agreed, may lie in the past. What is past due is not moved: re-age it.
    """
    from domain.commands import loans

    if (due_on is None) == (day is None):
        raise typer.BadParameter("say either the new due date, or --day for all from it on")

    def do(opened: Session, act: Act) -> Receipt:
        said: dict[str, Any] = {
            "loan_id": opened.stream_id(loan),
            "instalment": instalment,
            "reason": reason,
            "on": day_or(on, opened.business_on),
            "requested_by": requested_by,
            "approved_by": approved_by,
        }
        if due_on is None:
            return loans.move_pay_day(opened.book, act, day=day or 0, **said)
        return loans.move_due_date(opened.book, act, due_on=due_on.date(), **said)

    carry_out(do, actor, command_id, as_json)


@app.command("write-off", rich_help_panel=MONEY)
def write_off(
    loan: Loan,
    reason: Reason,
    requested_by: Requester,
    approved_by: Approver,
    on: Day = None,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Take the loss of what is owed on a day; the claim stays. --on may lie in the past.

    It counts from its day, whatever was recorded since: payments of later days become recoveries
    under the same references, also where they paid the loan off; later fees, holds, moved dates
    and relief are set aside; the answer names all of them. take-back brings them back. What was
    drawn or forgiven since is taken back first. Payments, waivers, fees and relief of before that
    are known later restate it: see history, and explain --figure claim for what is open.
    """
    from domain.commands import loans

    carry_out(
        lambda opened, act: loans.write_off(
            opened.book,
            act,
            loan_id=opened.stream_id(loan),
            reason=reason,
            requested_by=requested_by,
            approved_by=approved_by,
            on=day_or(on, opened.business_on),
        ),
        approved_by,
        command_id,
        as_json,
    )


@app.command("sell", rich_help_panel=MONEY)
def sell(
    loan: Loan,
    price: Annotated[str, typer.Argument(metavar="PRICE", help="Such as 250.00.")],
    to: Annotated[str, typer.Option("--to", help="The new owner, by reference.")],
    requested_by: Requester,
    approved_by: Approver,
    on: Day = None,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Pass the claim to another owner; two people. From then on the loan takes no money here.

    It counts from its day, whatever was recorded since: money of later days is the buyer's, and
    is owed to them; later fees, holds, moved dates and relief are set aside; the answer names all
    of them, and take-back brings them back. What was drawn, paid back or forgiven since is taken
    back first.

    Where what was open that day turns out to be another amount, the price follows in proportion:
    the difference is owed to the buyer, or by the buyer.
    """
    from domain.base.money import minor_units
    from domain.commands import loans
    from domain.loan.loan import Loan as LoanStream

    def do(opened: Session, act: Act) -> Receipt:
        loan_id = opened.stream_id(loan)
        currency = opened.book.get(LoanStream, loan_id).currency
        return loans.sell(
            opened.book,
            act,
            loan_id=loan_id,
            price=minor_units(price, currency),
            buyer_ref=to,
            sold_on=day_or(on, opened.business_on),
            requested_by=requested_by,
            approved_by=approved_by,
        )

    carry_out(do, approved_by, command_id, as_json)


@app.command("partner-refund", rich_help_panel=MONEY)
def partner_refund(
    loan: Loan,
    amount: Amount,
    ref: Annotated[str | None, typer.Option(help="The payment's own reference.")] = None,
    on: Day = None,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Record money that the school or merchant gives back, the purchase being cancelled.

    It closes the loan if it suffices; else it pays what is due and then principal, and the
    instalments that are left become lower, if the terms say nothing else.
    """
    from domain.base.money import minor_units
    from domain.commands import loans
    from domain.loan.loan import Loan as LoanStream

    def do(opened: Session, act: Act) -> Receipt:
        loan_id = opened.stream_id(loan)
        currency = opened.book.get(LoanStream, loan_id).currency
        return loans.refund_by_partner(
            opened.book,
            act,
            loan_id=loan_id,
            amount=minor_units(amount, currency),
            received_on=day_or(on, opened.business_on),
            payment_ref=ref or f"P-{act.command_id}",
        )

    carry_out(do, actor, command_id, as_json)

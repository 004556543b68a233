"""The sheet of what a loan costs, as a document that a borrower can read."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from textwrap import wrap
from typing import TYPE_CHECKING

from entrypoints.rate_words import percent, subsidy_said
from entrypoints.terms_words import METHODS, SETTLED, TIMES

if TYPE_CHECKING:
    from domain.loan.sheet import CostSheet, SheetCharge, SheetPayment, SheetPenalty, SheetRate

COST_METHODS = {
    "IRR": "internal rate, monthly x 12",
    "SIMPLE": "simple interest on principal in use",
    "NOMINAL": "internal rate of the flows' own period",
    "APRC": "effective rate (APRC)",
    "APR_REG_Z": "APR (Regulation Z)",
}
"""What a method is called where its figure stands alone."""

CASES = {
    "AS_PLANNED": "paid as planned",
    "ON_TIME": "paid on time throughout, with the lower rate that earns",
    "LATER_RATE": "if the later rate held from the first day",
    "RENEWED_ON_TIME": "a renewed term, after paying on time",
}
CASES_WITH_REWARD = {"AS_PLANNED": "paid as planned, without a reward for paying on time"}
BASES = {
    "AMOUNT": "of the amount",
    "PRINCIPAL": "of the principal of the instalment",
    "PRINCIPAL_AND_INTEREST": "of principal and interest of the instalment",
}
PREPAID = "of what is paid early"
WIDTH = 26
"""How wide the names of figures are."""

PAGE = 80
"""How wide the page is; what is longer goes on below."""


def sheet_lines(sheet: CostSheet) -> list[str]:
    """The sheet, line by line; headings begin at the margin, all else is indented."""
    return [part for line in _lines(sheet) for part in _wrapped(line)]


def _wrapped(line: str) -> list[str]:
    """*line* as it fits the page: what goes on stands below where it began."""
    name = line[: WIDTH + 2]
    has_name = line.startswith("  ") and name.endswith(" ") and line[WIDTH + 2 :].strip()
    below = " " * (WIDTH + 2 if has_name else 4)
    if len(line) <= PAGE:
        return [line]
    lead = line[: len(line) - len(line.lstrip())] if not has_name else name
    return wrap(
        line[len(lead) :],
        PAGE,
        initial_indent=lead,
        subsequent_indent=below,
        break_long_words=False,
    )


def _lines(sheet: CostSheet) -> list[str]:
    return [
        *_borrowed(sheet),
        *_cost_lines(sheet),
        "Rate of the contract",
        *_rate_lines(sheet),
        *_charge_lines(sheet),
        *_default_lines(sheet),
        *_choices(sheet),
        "Nothing else may be charged.",
    ]


def figure_line(name: str, said: str) -> str:
    """A figure of the sheet, by its name."""
    return f"  {name:<{WIDTH}}{said}"


def _money(sheet: CostSheet, amount: int) -> str:
    from domain.base.money import written

    return f"{written(amount, sheet.currency)} {sheet.currency}"


def _payment(sheet: CostSheet, payment: SheetPayment) -> str:
    return f"{_money(sheet, payment.amount)} on {payment.due_on}"


def _borrowed(sheet: CostSheet) -> Iterator[str]:
    """How much, for how long, and what is paid when."""
    yield "What is owed" if not sheet.paid_out else "What is lent"
    name = "amount"
    if sheet.limit:
        name = "limit, if drawn in full"
    elif not sheet.paid_out:
        name = "principal still owed"
    yield figure_line(name, _money(sheet, sheet.amount))
    if sheet.paid_out:
        yield figure_line("paid out", f"{_money(sheet, sheet.paid_out)}, if on {sheet.begins_on}")
    if sheet.withheld:
        yield figure_line("withheld of the payout", _money(sheet, sheet.withheld))
    for draw in sheet.paid_out_later:
        yield figure_line("paid out later", f"{_money(sheet, draw.amount)} on {draw.on}")
    if sheet.due_at_payout:
        yield figure_line("to pay on that day", _money(sheet, sheet.due_at_payout))
    if sheet.term_months is not None:
        yield figure_line("term", _counted(sheet.term_months, "month"))
    if sheet.instalments == 1:
        yield figure_line("one instalment", _payment(sheet, sheet.last))
    else:
        method = METHODS.get(sheet.method, sheet.method.lower().replace("_", " "))
        said = f"{sheet.instalments}, {method}" if sheet.paid_out else str(sheet.instalments)
        yield figure_line("instalments", said)
        yield figure_line("first instalment", _payment(sheet, sheet.first))
        if sheet.largest.amount > max(sheet.first.amount, sheet.last.amount):
            yield figure_line("largest instalment", _payment(sheet, sheet.largest))
        yield figure_line("last instalment", _payment(sheet, sheet.last))


def _cost_lines(sheet: CostSheet) -> Iterator[str]:
    """What is paid beside the principal, and what that comes to in a year."""
    yield "What it costs"
    yield figure_line("interest", _money(sheet, sheet.interest))
    yield figure_line("charges", _money(sheet, sheet.fees))
    yield figure_line("to pay in all", _money(sheet, sheet.total))
    rewarded = len({each.case for each in sheet.costs} & {"ON_TIME", "RENEWED_ON_TIME"}) > 0
    case = None
    for each in sheet.costs:
        if each.case != case:
            case = each.case
            said = CASES_WITH_REWARD.get(case) if rewarded else None
            yield f"Cost of a year, {said or CASES[case]}"
        method = COST_METHODS[each.method]
        if each.rate is None:
            yield f"  none by {method}: {each.reason}"
        else:
            yield f"  {cost_said(each.rate):>{WIDTH - 2}}  {method}"


def cost_said(rate: Decimal) -> str:
    """The cost of a year in percent, to a hundredth, half up: 0.08165 is 8.17%."""
    shown = (rate * 100).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return f"{shown:,}%"


def _rate_lines(sheet: CostSheet) -> Iterator[str]:
    for rate in sheet.rates:
        yield f"  {percent(rate.annual_rate)} a year{_when(rate)}"
    if sheet.index is not None:
        margin = sheet.margin or Decimal(0)
        sign = "-" if margin < 0 else "+"
        anew = f", set anew every {_counted(sheet.reprice_months or 0, 'month')}"
        yield f"  {sheet.index} {sign} {percent(abs(margin))}, as the index stands{anew}"
    if sheet.flat:
        yield "  counted on all that was lent, repaid or not"
    yield f"  interest by {sheet.day_count}"
    if sheet.subsidy is not None:
        yield f"  {subsidy_said(sheet.subsidy)}, beside what the borrower pays"


def _when(rate: SheetRate) -> str:
    earned = ", if all before it was paid on time" if rate.earned else ""
    if rate.from_on is None:
        return f" from instalment {rate.from_instalment}, once the term is renewed{earned}"
    return f" from {rate.from_on} until {rate.until_on}{earned}"


def _charge_lines(sheet: CostSheet) -> Iterator[str]:
    planned = [each for each in sheet.charges if each.planned]
    yield "Charges that are in the cost of a year"
    yield from (_charge(sheet, each) for each in planned)
    if not planned:
        yield "  none"


def _charge(sheet: CostSheet, each: SheetCharge) -> str:
    how = "" if each.amount is None else _money(sheet, each.amount)
    if each.percent is not None:
        base = PREPAID if each.timing == "ON_PREPAYMENT" else BASES[each.base or "AMOUNT"]
        of = f"{percent(each.percent)} {base}"
        how = f"{of}: {how}" if how else of
    said = [f"{how} {'withheld from the payout' if each.withheld else TIMES[each.timing]}"]
    if each.after_days:
        said[0] += f" for more than {_counted(each.after_days, 'day')}"
    if each.total is not None and (each.times or 0) > 1:
        said.append(f"{_money(sheet, each.total)} in all")
    if each.owed == "PENALTY":
        said.append("as a penalty")
    said.append(f"to {each.payee or 'the lender'}")
    given = "given back for the days not used" if each.refundable else "not refundable"
    said.append(given)
    return figure_line(each.kind.lower().replace("_", " "), ", ".join(said))


def _default_lines(sheet: CostSheet) -> Iterator[str]:
    """What is only paid if it comes to that."""
    yield "Not in the cost of a year, only paid if it comes to that"
    if sheet.penalty is not None:
        yield figure_line("penalty", _penalty(sheet.penalty))
    contingent = [each for each in sheet.charges if not each.planned]
    yield from (_charge(sheet, each) for each in contingent)
    if sheet.penalty is None and not contingent:
        yield "  nothing"
    yield f"  {SETTLED.get(sheet.settling, sheet.settling)}"


def _penalty(penalty: SheetPenalty) -> str:
    rate = f"{percent(penalty.annual_rate)} a year"
    if penalty.multiple is not None:
        rate = f"{penalty.multiple.normalize():f} x the rate of each day ({rate} at first)"
    on = "principal and interest" if penalty.on_interest else "principal"
    said = f"{rate} on overdue {on}, {'on top' if penalty.on_top else 'in place'} of the rate"
    if penalty.grace_days:
        since = "the due date" if penalty.grace_retroactive else "their end"
        days = _counted(penalty.grace_days, "day")
        said += f", after {days} of grace counted from {since}"
    if penalty.cap is not None:
        said += f"; with all charges at most {percent(penalty.cap)} ({penalty.cap_version})"
    return said


def _choices(sheet: CostSheet) -> Iterator[str]:
    """What the borrower may choose later; its cost is shown before it is agreed."""
    said = []
    if sheet.renewal is not None:
        often = "once" if sheet.renewal.most == 1 else f"{sheet.renewal.most} times"
        said.append(f"  The term can be renewed {often} by {sheet.renewal.term_months} months.")
    if sheet.conversion is not None:
        rate = sheet.conversion.annual_rate
        at = f" at {percent(rate)} a year" if rate is not None else ""
        said.append(f"  It can be turned into {sheet.conversion.most} instalments at most{at}.")
    if said:
        yield "Later, at the borrower's wish and after another sheet like this"
        yield from said


def _counted(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"

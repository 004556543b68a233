"""Loans that lived through anything: applied for, paid, reversed, moved, lost."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import strategies as some

from domain.base.refusal import Refusal
from domain.base.terms import FeeTerm
from domain.loan.loan import Loan
from tests.domain.story import (
    CLASSES,
    JAN_15,
    LETTER_FEE,
    act,
    come_back,
    disburse,
    disbursed,
    draw,
    forgiven,
    held,
    refund,
    released,
    repay,
    take_back,
    terms,
    waive,
    write_off,
)

Life = list[tuple[str, int, int]]
"""Steps by name, each with the days since the one before and a number to choose with."""


PAID_OUT_BEFORE_MONEY: Life = [
    ("pay", 10, 50_00),
    ("come back", 5, 4),
    ("pay", 10, 140_00),
    ("come back", 5, 30),  # the next payout, which turns out to lie before both payments
    ("reverse", 5, 1),
]


def lived(life: Life) -> Loan:
    """A loan after these steps, each some days after the one before; refused ones left out.

    One that is drawn on has a limit, of which less than half is paid out at first.
    """
    fees = [LETTER_FEE, FeeTerm("LATE", "ON_OVERDUE", 7_00)]
    if any(step == "draw" for step, _, _ in life):
        limit = terms(fees=fees, method="INTEREST_ONLY", accrual="DAILY_BALANCE")
        loan = disbursed(limit, amount=400_00)
    else:
        loan = disbursed(terms(fees=fees))
    on = JAN_15
    for number, (step, days, amount) in enumerate(life):
        on += timedelta(days=days)
        loan.attend(act(on), CLASSES)
        try:
            STEPS[step](loan, on, number, amount)
        except Refusal:
            continue
        loan.reclassify(act(on), CLASSES)
    return loan


def _pay(loan: Loan, on: date, number: int, amount: int) -> None:
    repay(loan, f"P-{number}", amount, on)


def _draw(loan: Loan, on: date, number: int, amount: int) -> None:
    draw(loan, f"D-{number}", amount, max(on - timedelta(days=amount % 10), JAN_15), on)


def _pay_and_find_later(loan: Loan, on: date, number: int, amount: int) -> None:
    repay(loan, f"P-{number}", amount, on - timedelta(days=amount % 10), known_on=on)


def _pay_off(loan: Loan, on: date, number: int, amount: int) -> None:
    repay(loan, f"P-{number}", loan.payoff(on), on, payoff=True)


def _reverse(loan: Loan, on: date, number: int, amount: int) -> None:
    refs = [fact.ref for fact in loan.money_in() if fact.ref.startswith("P-")]
    if refs:
        loan.reverse(act(on), payment_ref=refs[amount % len(refs)], reason="bounced")


def _refund(loan: Loan, on: date, number: int, amount: int) -> None:
    refund(loan, f"R-{number}", min(amount, loan.unapplied), on)


def _charge(loan: Loan, on: date, number: int, amount: int) -> None:
    loan.charge_fee(act(on), kind="LETTER", fee_ref=f"F-{number}")


def _waive(loan: Loan, on: date, number: int, amount: int) -> None:
    if loan.fees:
        waive(loan, list(loan.fees)[amount % len(loan.fees)], min(amount, 20_00), on)


def _forgive(loan: Loan, on: date, number: int, amount: int) -> None:
    if not loan.instalments:
        return
    row = loan.instalments[amount % len(loan.instalments)]
    forgiven(row.number, ["PENALTY", "INTEREST", "FEE"][amount % 3], on)(loan)


def _take_back(loan: Loan, on: date, number: int, amount: int) -> None:
    names = [":".join(name) for name in loan._withdrawable()]
    if names:
        take_back(loan, names[amount % len(names)], on)


def _come_back(loan: Loan, on: date, number: int, amount: int) -> None:
    """The payout comes back, or is made again, or that it came back is taken back."""
    if loan.came_back is None:
        come_back(loan, max(on - timedelta(days=amount % 10), loan.disbursed_on or on), on)
    elif amount % 3:
        take_back(loan, "payout-return", on)
    else:
        whole = None if loan.terms and loan.terms.accrual is None else 400_00
        paid_out_on = max(on - timedelta(days=amount % 40), loan.came_back.paid_out_on)
        said = {"disbursement_ref": f"D-{number}", "amount": whole, "disbursed_on": paid_out_on}
        disburse(loan, on, **said)


def _move(loan: Loan, on: date, number: int, amount: int) -> None:
    if not loan.instalments:
        return
    row = loan.instalments[amount % len(loan.instalments)]
    due_on = row.due_on + timedelta(days=amount % 20)
    loan.move_due_date(act(on), instalment=row.number, due_on=due_on, reason="asked")


def _hold(loan: Loan, on: date, number: int, amount: int) -> None:
    stops = {"stops_interest": amount % 2 == 0 and not loan._accrues_daily()}
    held(f"H-{number}", on - timedelta(days=amount % 50), on, **stops)(loan)


def _lift(loan: Loan, on: date, number: int, amount: int) -> None:
    for hold_ref in loan.holds:
        released(hold_ref, on - timedelta(days=amount % 30), on)(loan)


def _write_off(loan: Loan, on: date, number: int, amount: int) -> None:
    if amount % 3 == 0:
        back = amount % 80 if amount % 2 else 0
        write_off(loan, on, counts_on=max(on - timedelta(days=back), loan.disbursed_on or on))


def _sell(loan: Loan, on: date, number: int, amount: int) -> None:
    if amount % 3 == 0:
        people = {"requested_by": "treasury", "approved_by": "board"}
        back = amount % 80 if amount % 2 else 0
        sold_on = max(on - timedelta(days=back), loan.disbursed_on or on)
        loan.sell(act(on), price=amount, buyer_ref="FUND-1", sold_on=sold_on, **people)


def _secure(loan: Loan, on: date, number: int, amount: int) -> None:
    loan.take_security(act(on), security_ref="S-1", kind="GUARANTEE", amount=600_00)
    if amount % 4:
        loan.call_security(act(on), security_ref="S-1", reason="not paid")
    if amount % 3:
        loan.realise_security(
            act(on), security_ref="S-1", amount=amount, received_on=on, payment_ref=f"P-{number}"
        )
    if amount % 5 == 0:
        loan.release_security(act(on), security_ref="S-1", reason="paid")


STEPS = {
    "hold": _hold,
    "lift": _lift,
    "sell": _sell,
    "secure": _secure,
    "draw": _draw,
    "pay": _pay,
    "pay and find later": _pay_and_find_later,
    "pay off": _pay_off,
    "reverse": _reverse,
    "refund": _refund,
    "charge": _charge,
    "waive": _waive,
    "move": _move,
    "forgive": _forgive,
    "take back": _take_back,
    "write off": _write_off,
    "come back": _come_back,
}

lives: some.SearchStrategy[Life] = some.lists(
    some.tuples(some.sampled_from(sorted(STEPS)), some.integers(1, 40), some.integers(1, 600_00)),
    max_size=12,
)

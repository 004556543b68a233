"""The tape of a Czech bank, replayed as new business with generated repayments."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random

from domain.base.calendar import add_months
from domain.base.money import minor_units
from entrypoints.demo.intents import END, Diary
from entrypoints.demo.offers import TAPE
from entrypoints.demo.origination import REVIEW, days_before, originate

FILE = Path(__file__).parent / "berka_loans.csv"
ORIGIN = "berka"

LATE_SHARE = 0.11


@dataclass(frozen=True, slots=True)
class TapeLoan:
    """One line of the tape; amounts in minor units."""

    loan_ref: str
    account_ref: str
    disbursed_on: date
    amount: int
    term_months: int
    instalment: int
    status: str

    @property
    def stream(self) -> str:
        """The loan's name in the book."""
        return f"{ORIGIN}:{self.loan_ref}"

    @property
    def borrower(self) -> str:
        """The borrower's name; only an id made from it is ever stored."""
        return f"{ORIGIN}-account:{self.account_ref}"


def read_tape(file: Path = FILE) -> list[TapeLoan]:
    """Every line of the tape."""
    with file.open(newline="") as lines:
        return [
            TapeLoan(
                loan_ref=line["loan_id"],
                account_ref=line["account_id"],
                disbursed_on=date.fromisoformat(line["date"][:10]),
                amount=minor_units(line["amount"], TAPE.currency),
                term_months=int(line["duration"]),
                instalment=minor_units(line["payments"], TAPE.currency),
                status=line["status"],
            )
            for line in csv.DictReader(lines)
        ]


def tell(diary: Diary, dice: Random) -> None:
    """Intend what happens to every loan of the tape."""
    for loan in read_tape():
        days = days_before(dice, loan.disbursed_on, len(REVIEW) + 1)
        diary.note(days[0], loan.borrower, "register", jurisdiction="EU", zones=["Europe/Prague"])
        originate(
            diary,
            dice,
            loan.stream,
            loan.borrower,
            TAPE,
            loan.amount,
            loan.term_months,
            days[: len(REVIEW)],
            channel="BRANCH",
        )
        diary.note(
            loan.disbursed_on,
            loan.stream,
            "disburse",
            by="treasury",
            disbursement_ref="D-1",
            paid_to="ACCOUNT",
        )
        _repay(diary, dice, loan)


def paid_instalments(dice: Random, loan: TapeLoan) -> int:
    """How many instalments are paid before the borrower stops; all if never."""
    if loan.status == "B":
        return dice.randrange(1, max(loan.term_months * 2 // 3, 2))
    if loan.status == "D":
        fallen_due = (END.year - loan.disbursed_on.year) * 12
        fallen_due += END.month - loan.disbursed_on.month
        return max(fallen_due - dice.choice((1, 1, 2, 2, 3, 4, 5, 6, 8, 11)), 1)
    return loan.term_months


def _repay(diary: Diary, dice: Random, loan: TapeLoan) -> None:
    paid = paid_instalments(dice, loan)
    for number in range(1, paid + 1):
        due_on = add_months(loan.disbursed_on, number)
        if dice.random() < LATE_SHARE:
            on = due_on + timedelta(days=dice.choice((1, 1, 2, 3, 4, 6, 9, 14, 22)))
        else:
            on = due_on - timedelta(days=dice.choice((0, 0, 0, 0, 1, 2, 4)))
        diary.note(
            on,
            loan.stream,
            "repay",
            by="cashier",
            amount=loan.instalment,
            currency=TAPE.currency,
            payment_ref=f"P-{number}",
        )
    if loan.status == "D":
        _talk(diary, dice, loan)
    if loan.status == "B":
        _write_off(diary, dice, loan, add_months(loan.disbursed_on, paid + 1))


def _talk(diary: Diary, dice: Random, loan: TapeLoan) -> None:
    """What is said with a borrower in debt at the end: some promise, some dispute."""
    said = dice.random()
    if said < 0.2:
        diary.note(
            END - timedelta(days=3),
            loan.borrower,
            "promise",
            by="collector-1",
            promise_ref="PR-1",
            loan=loan.stream,
            amount=loan.instalment,
            currency=TAPE.currency,
            promised_on=END + timedelta(days=dice.randrange(2, 7)),
        )
    elif said < 0.3:
        diary.note(
            END - timedelta(days=dice.randrange(5, 40)),
            loan.borrower,
            "set_hold",
            by="collector-2",
            hold_ref="H-1",
            kind=dice.choice(("DISPUTE", "ATTORNEY", "BANKRUPTCY")),
            reason="by letter of the borrower",
        )


def _write_off(diary: Diary, dice: Random, loan: TapeLoan, unpaid_since_on: date) -> None:
    if dice.random() < 0.3:
        return  # stays in the worst bucket, waiting for its review
    on = unpaid_since_on + timedelta(days=dice.randrange(190, 320))
    diary.note(
        on,
        loan.stream,
        "write_off",
        by="officer-2",
        reason="no payment for more than 180 days",
        requested_by="officer-1",
        approved_by="officer-2",
    )
    if dice.random() < 0.5:
        diary.note(
            on + timedelta(days=dice.randrange(30, 200)),
            loan.stream,
            "repay",
            by="cashier",
            amount=loan.instalment * dice.randrange(1, 4) // 2,
            currency=TAPE.currency,
            payment_ref="R-1",
            source="GUARANTOR",
        )

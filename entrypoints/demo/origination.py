"""How a loan comes about in the demo: from the request to the money."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from domain.product.product import Offer
from entrypoints.demo.intents import START, Diary

REVIEW = ("apply_for", "identity", "income", "approve", "disclose", "sign")
"""The steps before the money goes out, in their order."""


def originate(
    diary: Diary,
    dice: Random,
    stream: str,
    borrower: str,
    offer: Offer,
    amount: int,
    term_months: int,
    days: list[date],
    *,
    channel: str,
) -> None:
    """Intend the steps of ``REVIEW``, one on each of *days*, as many as there are."""
    officers = dice.sample(["officer-1", "officer-2", "officer-3", "officer-4"], 2)
    for step, day in zip(REVIEW, days, strict=False):
        if step == "apply_for":
            diary.note(
                day,
                stream,
                step,
                borrower=borrower,
                product_code=offer.code,
                product_version=offer.version,
                amount=amount,
                term_months=term_months,
                channel=channel,
            )
        elif step in ("identity", "income"):
            diary.note(
                day,
                stream,
                "add_evidence",
                kind=step.upper(),
                source="APPLICANT",
                evidence_ref=f"E-{step}",
            )
        elif step == "approve":
            diary.note(
                day, stream, step, by=officers[1], requested_by=officers[0], approved_by=officers[1]
            )
        elif step == "disclose":
            diary.note(day, stream, step)
        else:
            diary.note(day, stream, step, contract_ref="C-1")


def days_before(dice: Random, day: date, count: int) -> list[date]:
    """*count* days in order, up to *day*, some of them the same; none before the demo."""
    days = [day]
    for _ in range(count - 1):
        days.append(max(days[-1] - timedelta(days=dice.choice((0, 1, 1, 2, 3))), START))
    return days[::-1]

"""The terms of a loan in words, as staff tell them to a borrower."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

from entrypoints.rate_words import percent, steps_said, subsidy_said


class Fee(Protocol):
    """A charge that the contract names."""

    @property
    def kind(self) -> str: ...
    @property
    def timing(self) -> str: ...
    @property
    def amount(self) -> int: ...
    @property
    def percent(self) -> Decimal | None: ...
    @property
    def base(self) -> str | None: ...
    @property
    def withheld(self) -> bool | None: ...


@dataclass(frozen=True)
class Told:
    """What is told of a contract; *beyond* is what not every contract says."""

    currency: str
    frequency: str
    method: str
    day_count: str
    penalty_rate: Decimal
    grace_days: int
    grace_retroactive: bool
    future_money: str
    calendar: str | None
    fees: Sequence[Fee]
    beyond: dict[str, Any]
    on: date


def terms_said(told: Told) -> list[str]:
    """The terms in words, a line for each matter."""
    lines = [
        _repaid(told),
        _rates(told.beyond),
        _penalty(told),
        _charges(told),
        _early(told),
        _later(told),
    ]
    return [line for line in lines if line]


def _words(text: str) -> str:
    return text.lower().replace("_", " ")


def _money(told: Told) -> Callable[[int], str]:
    from entrypoints.output import money

    return lambda amount: money(amount, told.currency)


METHODS = {
    "BULLET": "all at the end",
    "INTEREST_ONLY": "interest only, the principal at the end",
    "CUSTOM": "principal in shares of its own",
}
TIMES = {
    "PER_INSTALMENT": "with each instalment",
    "ON_EVENT": "when it happens",
    "AT_DISBURSEMENT": "at the payout",
    "ON_OVERDUE": "once an instalment is overdue",
    "ON_PREPAYMENT": "for paying early",
}
EVERY = {"DAY": "days", "WEEK": "weeks", "MONTH": "months", "QUARTER": "quarters"}


def _repaid(told: Told) -> str:
    chosen = told.beyond.get("repayment", {})
    method = METHODS.get(told.method, _words(told.method))
    every = chosen.get("every", 1)
    rhythm = f"every {every} {EVERY.get(told.frequency, '')}"
    if every == 1:
        rhythm = f"by the {_words(told.frequency)}"
    if told.frequency == "CUSTOM":
        rhythm = "on days of its own"
    said = [method if told.method == "BULLET" else f"{method}, {rhythm}", told.day_count]
    if told.beyond.get("accrual") == "DAILY_BALANCE":
        said.append("interest by the balance of each day")
    if told.calendar:
        said.append(f"holidays of {told.calendar}")
    said += _grace(chosen)
    return ", ".join(said)


def _grace(chosen: dict[str, Any]) -> Iterator[str]:
    if chosen.get("interest_on", "BALANCE") != "BALANCE":
        yield "flat interest"
    if chosen.get("grace_principal"):
        yield f"no principal in the first {chosen['grace_principal']}"
    if chosen.get("grace_interest"):
        yield f"interest of the first {chosen['grace_interest']} collected after them"
    if chosen.get("interest_free"):
        yield f"no interest in the first {chosen['interest_free']}"
    if chosen.get("amortised_over"):
        yield f"laid over {chosen['amortised_over']}, the rest with the last one"
    if Decimal(chosen.get("down_payment", "0")):
        yield f"{percent(Decimal(chosen['down_payment']))} paid down"


def _rates(beyond: dict[str, Any]) -> str:
    from domain.base.terms import RatePlan, RateStep, Subsidy

    said = []
    plan = beyond.get("rate_plan")
    if plan is not None:
        steps = [RateStep(s["from_instalment"], Decimal(s["annual_rate"])) for s in plan["steps"]]
        margin = Decimal(plan["margin"]) if "margin" in plan else None
        said.append(
            steps_said(
                RatePlan(
                    plan["kind"],
                    steps,
                    index=plan.get("index"),
                    margin=margin,
                    reprice_months=plan.get("reprice_months"),
                )
            )
        )
    if "subsidy" in beyond:
        payer, rate = beyond["subsidy"]["payer"], Decimal(beyond["subsidy"]["annual_rate"])
        said.append(subsidy_said(Subsidy(payer, rate)))
    return f"rate: {'; '.join(said)}" if said else ""


def _penalty(told: Told) -> str:
    multiple = told.beyond.get("penalty_multiple")
    if not told.penalty_rate and multiple is None:
        return ""
    on = "principal and interest" if told.beyond.get("penalty_on_interest") else "principal"
    rate = f"{percent(told.penalty_rate)} a year"
    if multiple is not None:
        rate = f"{Decimal(multiple).normalize():f} x the rate of each day ({rate} at first)"
    said = f"penalty: {rate} on overdue {on}"
    if told.grace_days:
        since = "the due date" if told.grace_retroactive else "their end"
        days = "1 day" if told.grace_days == 1 else f"{told.grace_days} days"
        said += f", after {days} of grace counted from {since}"
    caps = [cap for cap in told.beyond.get("rate_caps", ()) if cap["from_on"] <= str(told.on)]
    if caps:
        cap = max(caps, key=lambda each: each["from_on"])
        beside = "charges"
        if told.beyond.get("accrual") == "DAILY_BALANCE":
            beside += " and the rate"
        highest = percent(Decimal(cap["annual_rate"]))
        said += f"; with {beside} at most {highest} ({cap['version']})"
    return said


def _charges(told: Told) -> str:
    money = _money(told)
    said = []
    for fee in told.fees:
        amount = money(fee.amount)
        if fee.percent is not None:
            amount = f"{percent(fee.percent)} of {_words(fee.base or 'amount')}"
        when = "withheld from the payout" if fee.withheld else TIMES.get(fee.timing)
        said.append(f"{_words(fee.kind)} {amount} {when or _words(fee.timing)}")
    return f"charges: {', '.join(said)}" if said else ""


EARLY = {
    "NEXT_INSTALMENT": "goes to the next instalment",
    "LAST_INSTALMENT": "goes to the last instalment",
    "REAMORTISED": "goes in equal shares to all instalments",
    "LOWER_INSTALMENT": "lowers the instalments to come",
    "SHORTER_TERM": "shortens the term",
}
SETTLED = {
    "TO_THE_DAY": "Paid off early it owes interest to that day.",
    "TO_NEXT_DUE": "Paid off early it owes the interest up to the next due date.",
    "STATUTORY_UK": "Paid off early it is rebated by the UK regulations of 2004.",
}
"""What settling early takes, as the sheet and the terms of a loan both say it."""


def _early(told: Told) -> str:
    future = told.beyond.get("prepayment") or told.future_money
    said = [f"money in advance {EARLY.get(future, _words(future))}"]
    settled = SETTLED.get(told.beyond.get("settling", ""))
    if settled is not None:
        said.append(settled.rstrip(".").replace("Paid", "paid", 1))
    late = told.beyond.get("late_order_days")
    if late:
        said.append(f"from {late} days past due money pays {_order(told.beyond['late_order'])}")
    if "recovery_order" in told.beyond:
        said.append(f"after a write-off money pays {_order(told.beyond['recovery_order'])}")
    return "; ".join(said)


def _order(parts: Sequence[str]) -> str:
    return ", ".join(_words(part) for part in parts)


def _later(told: Told) -> str:
    """What can still become of it: more paid out, renewed, converted."""
    money, beyond = _money(told), told.beyond
    said = []
    if beyond.get("in_parts"):
        said.append("paid out in parts")
    if beyond.get("draws"):
        draws = ", ".join(f"{money(each['amount'])} on {each['on']}" for each in beyond["draws"])
        said.append(f"paid out later: {draws}")
    if "renewal" in beyond:
        most = beyond["renewal"]["most"]
        often = "once" if most == 1 else f"{most} times"
        said.append(f"renewable {often} by {beyond['renewal']['term_months']} months")
    if "conversion" in beyond:
        named = beyond["conversion"]
        rate = f" at {percent(Decimal(named['annual_rate']))}" if "annual_rate" in named else ""
        said.append(f"convertible into {named['most']} instalments at most{rate}")
    if beyond.get("scene") or beyond.get("partner"):
        whom = " with ".join(
            _words(beyond[name]) if name == "scene" else beyond[name]
            for name in ("scene", "partner")
            if beyond.get(name)
        )
        said.append(f"for {whom}")
    return "; ".join(said)

"""Pasts to begin a test from, and words to say what was recorded.

A past is made of steps, each a command of its day; ``given`` replays what they
recorded, so that every test begins from events and none from leftovers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, TypeVar, cast
from uuid import UUID, uuid5

from domain.base.policy import AssetClassRule, ClassFrom, ClassStandard, HoldRule, ServiceLevels
from domain.base.stream import Act, Stream
from domain.base.terms import FeeTerm, Terms
from domain.loan.loan import Loan

S = TypeVar("S", bound=Stream)
Step = Callable[[Loan], None]

NAMESPACE = UUID("6f9f2f43-4f5e-4b7e-9d0e-1a2b3c4d5e6f")
LOAN_ID = uuid5(NAMESPACE, "loan")
BORROWER_ID = uuid5(NAMESPACE, "borrower")

JAN_15 = date(2025, 1, 15)

LEVELS = ServiceLevels(
    version="levels-test",
    stage_days={"EVIDENCE": 5, "DECISION": 2, "DISCLOSURE": 1, "SIGNING": 7, "DISBURSEMENT": 2},
    application_valid_days=30,
    offer_valid_days=21,
    valid_from=date(1990, 1, 1),
    valid_until=None,
    source="test",
)

CLASSES = AssetClassRule(
    version="classes-test",
    standard=ClassStandard(
        classes=[
            ClassFrom("SPECIAL_MENTION", 0),
            ClassFrom("SUBSTANDARD", 90),
            ClassFrom("DOUBTFUL", 270),
            ClassFrom("LOSS", 360),
        ],
        non_performing="SUBSTANDARD",
        cure_months=6,
        cure_instalments=2,
        restructured="SPECIAL_MENTION",
        restructured_months=12,
        restructuring=["EXTENSION", "DEFERRAL", "REAGEING"],
    ),
    valid_from=date(1990, 1, 1),
    valid_until=None,
    source="test",
)

TERMS = Terms(
    product_code="TEST",
    product_version=1,
    currency="CNY",
    amount=1_000_00,
    term_months=12,
    frequency="MONTH",
    method="EQUAL_INSTALMENTS",
    annual_rate=Decimal("0.06"),
    day_count="30/360",
    rounding="HALF_UP",
    grace_days=0,
    grace_retroactive=False,
    penalty_rate=Decimal(0),
    allocation_order=["FEE", "INTEREST", "PENALTY", "PRINCIPAL"],
    future_money="NEXT_INSTALMENT",
    fees=[],
)
"""1,000.00 at 6 % for a year: eleven instalments of 86.07 and one of 86.03."""

LETTER_FEE = FeeTerm("LETTER", "ON_EVENT", 20_00)


def terms(**changes: Any) -> Terms:
    """The terms above, but for *changes*."""
    return replace(TERMS, **changes)


def act(on: date = JAN_15, actor: str = "clerk") -> Act:
    """Someone does something on a business date."""
    command_id = uuid5(NAMESPACE, f"{actor} {on}")
    return Act(actor, on, datetime.combine(on, time(10), UTC), command_id, command_id)


def applied(
    terms: Terms = TERMS, on: date = JAN_15, evidence: Iterable[str] = (), loan_id: UUID = LOAN_ID
) -> Loan:
    """An application, its event still to be stored."""
    return Loan.apply_for(
        act(on),
        loan_id,
        loan_ref="L-1",
        borrower_id=BORROWER_ID,
        product_code=terms.product_code,
        product_version=terms.product_version,
        currency=terms.currency,
        amount=terms.amount,
        term_months=terms.term_months,
        evidence_needed=list(evidence),
        levels=LEVELS,
    )


def approve(loan: Loan, terms: Terms = TERMS, on: date = JAN_15, **changes: Any) -> None:
    fields: dict[str, Any] = {
        "amount": terms.amount,
        "term_months": terms.term_months,
        "annual_rate": terms.annual_rate,
        "requested_by": "officer",
        "approved_by": "manager",
        "levels": LEVELS,
    }
    loan.approve(act(on), **{**fields, **changes})


def disclose(loan: Loan, terms: Terms = TERMS, on: date = JAN_15) -> None:
    loan.disclose(act(on), terms=terms, levels=LEVELS)


def sign(loan: Loan, terms: Terms = TERMS, on: date = JAN_15) -> None:
    loan.sign(act(on), terms=terms, contract_ref="C-1", template_version="1", levels=LEVELS)


def disburse(loan: Loan, on: date = JAN_15, **changes: Any) -> None:
    loan.disburse(act(on), **{"disbursement_ref": "D-1", "paid_to": "account-ref-1", **changes})


def come_back(loan: Loan, on: date, known_on: date | None = None, **changes: Any) -> None:
    said = {"reason": "account closed", "levels": LEVELS, "classes": CLASSES, **changes}
    loan.return_payout(act(known_on or on), returned_on=on, **said)


def returned(on: date, known_on: date | None = None) -> Step:
    """A payout that came back on a day and, where that differs, is known to on another."""
    return lambda loan: come_back(loan, on, known_on)


def paid_out_again(on: date, known_on: date | None = None, **changes: Any) -> Step:
    """The next payout, to another account."""
    said = {"disbursement_ref": "D-2", "paid_to": "account-ref-2", "disbursed_on": on, **changes}
    return lambda loan: disburse(loan, known_on or on, **said)


def signed(terms: Terms = TERMS, on: date = JAN_15, loan_id: UUID = LOAN_ID) -> Loan:
    """A loan on a signed contract, its events still to be stored."""
    loan = applied(terms, on, loan_id=loan_id)
    approve(loan, terms, on)
    disclose(loan, terms, on)
    sign(loan, terms, on)
    return loan


def disbursed(terms: Terms = TERMS, on: date = JAN_15, **changes: Any) -> Loan:
    """A loan that was paid out, its events still to be stored."""
    loan = signed(terms, on)
    disburse(loan, on, **changes)
    return loan


def paid(
    payment_ref: str, amount: int, on: date, known_on: date | None = None, **changes: Any
) -> Step:
    """A payment received on one day and, where that differs, known on another."""
    return lambda loan: repay(loan, payment_ref, amount, on, known_on, **changes)


def repay(
    loan: Loan,
    payment_ref: str,
    amount: int,
    on: date,
    known_on: date | None = None,
    **changes: Any,
) -> None:
    loan.repay(
        act(known_on or on),
        **{
            "amount": amount,
            "currency": loan.currency,
            "received_on": on,
            "payment_ref": payment_ref,
            **changes,
        },
    )


def drawn(draw_ref: str, amount: int, on: date, known_on: date | None = None) -> Step:
    """More that was paid out on a day and, where that differs, known on another."""
    return lambda loan: draw(loan, draw_ref, amount, on, known_on)


def draw(loan: Loan, draw_ref: str, amount: int, on: date, known_on: date | None = None) -> None:
    loan.draw(
        act(known_on or on), amount=amount, draw_ref=draw_ref, paid_to="account-ref-1", drawn_on=on
    )


def reversed_(payment_ref: str, on: date) -> Step:
    """A payment that was taken back."""
    return lambda loan: loan.reverse(act(on), payment_ref=payment_ref, reason="bounced")


def refunded(refund_ref: str, amount: int, on: date) -> Step:
    """Credit that was paid back."""
    return lambda loan: refund(loan, refund_ref, amount, on)


def refund(loan: Loan, refund_ref: str, amount: int, on: date, **changes: Any) -> None:
    people = {"requested_by": "clerk", "approved_by": "manager"}
    loan.refund(act(on), amount=amount, refund_ref=refund_ref, **{**people, **_on(changes)})


def fee_charged(fee_ref: str, on: date, kind: str = "LETTER", due_on: date | None = None) -> Step:
    """A fee of the contract that was charged."""
    return lambda loan: loan.charge_fee(act(on), kind=kind, fee_ref=fee_ref, due_on=due_on)


def fee_waived(fee_ref: str, amount: int, on: date) -> Step:
    """A fee that was forgiven, or part of it."""
    return lambda loan: waive(loan, fee_ref, amount, on)


def waive(loan: Loan, fee_ref: str, amount: int, on: date, **changes: Any) -> None:
    people = {"requested_by": "clerk", "approved_by": "manager"}
    loan.waive_fee(
        act(on), fee_ref=fee_ref, amount=amount, reason="goodwill", **{**people, **_on(changes)}
    )


def forgiven(
    instalment: int, owed: str, on: date, known_on: date | None = None, **changes: Any
) -> Step:
    """What an instalment owed of a component, forgiven from a day on."""
    said = {"requested_by": "clerk", "approved_by": "manager", "reason": "goodwill", **changes}
    return lambda loan: loan.forgive(
        act(known_on or on), instalment=instalment, owed=owed, on=on, **said
    )


def taken_back(fact_ref: str, on: date) -> Step:
    """Something recorded in error that counts no more."""
    return lambda loan: take_back(loan, fact_ref, on)


def take_back(loan: Loan, fact_ref: str, on: date, **changes: Any) -> None:
    people = {"requested_by": "clerk", "approved_by": "manager"}
    loan.take_back(act(on), fact_ref=fact_ref, **{"reason": "in error", **people, **changes})


def moved(
    instalment: int, due_on: date, on: date, known_on: date | None = None, **changes: Any
) -> Step:
    """An instalment that got another due date, agreed on a day and perhaps known on another."""
    return lambda loan: loan.move_due_date(
        act(known_on or on), instalment=instalment, due_on=due_on, reason="asked", on=on, **changes
    )


def pay_day_moved(
    instalment: int, day: int, on: date, known_on: date | None = None, **changes: Any
) -> Step:
    """All instalments from one on that got another day of the month."""
    return lambda loan: loan.move_pay_day(
        act(known_on or on), instalment=instalment, day=day, reason="asked", on=on, **changes
    )


def hold_rule(**changes: Any) -> HoldRule:
    """What a hold does by the rules of these tests: penalty stops, interest runs on."""
    rule = HoldRule(
        version="holds-test",
        kind="BANKRUPTCY",
        blocks_reminders=True,
        blocks_collection=True,
        valid_from=date(1990, 1, 1),
        valid_until=None,
        source="test",
        stops_penalty=True,
    )
    return replace(rule, **changes)


def held(hold_ref: str, from_on: date, on: date | None = None, **changes: Any) -> Step:
    rule = hold_rule(**changes)
    return lambda loan: loan.place_hold(
        act(on or from_on), hold_ref=hold_ref, reason="court order", rule=rule, from_on=from_on
    )


def released(hold_ref: str, until_on: date, on: date | None = None) -> Step:
    return lambda loan: loan.end_hold(
        act(on or until_on), hold_ref=hold_ref, reason="case closed", until_on=until_on
    )


def write_off(loan: Loan, on: date, **changes: Any) -> None:
    people = {"requested_by": "collector", "approved_by": "manager"}
    loan.write_off(act(on), reason="uncollectable", **{**people, **_on(changes)})


def _on(changes: dict[str, Any]) -> dict[str, Any]:
    """*changes*, with the day that it counts from by the name that loans have for it."""
    return {"on" if name == "counts_on" else name: value for name, value in changes.items()}


def sell(loan: Loan, on: date, **changes: Any) -> None:
    fields: dict[str, Any] = {
        "price": 300_00,
        "buyer_ref": "FUND-1",
        "sold_on": on,
        "requested_by": "treasury",
        "approved_by": "board",
    }
    loan.sell(act(on), **{**fields, **changes})


def written_off(on: date) -> Step:
    """A loss that was taken."""
    return lambda loan: write_off(loan, on)


def attended(on: date) -> Step:
    """A day's run that looked at the loan."""
    return lambda loan: loan.attend(act(on))


def given(past: S, *steps: Callable[[S], None]) -> S:
    """The stream after its past, nothing pending: every event replayed."""
    for step in steps:
        step(past)
    stream: S = replayed(past.pending_events)
    return stream


def replayed(events: Iterable[Any]) -> Any:
    """The stream that *events* lead to, and nothing else."""
    stream: Any = None
    for event in events:
        stream = event.mutate(stream)
    return stream


def recorded(stream: Stream) -> list[Any]:
    """What was recorded since ``given``."""
    return list(stream.pending_events)


def kinds(stream: Stream) -> list[type]:
    """What kinds of event were recorded since ``given``."""
    return [type(event) for event in stream.pending_events]


def state(stream: Stream) -> dict[str, Any]:
    """Everything a stream knows, without what is still to be stored."""
    return {name: value for name, value in vars(stream).items() if name != "_pending_events"}


class Happened:
    """An event of a kind with these fields among others."""

    def __init__(self, kind: type, /, **fields: Any) -> None:
        self.kind = kind
        self.fields = fields

    def __eq__(self, event: object) -> bool:
        return type(event) is self.kind and all(
            getattr(event, name) == value for name, value in self.fields.items()
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self.fields.items())
        return f"{self.kind.__name__}({fields}, …)"


def happened(kind: type, /, **fields: Any) -> Any:
    """An event of a kind with these fields among others."""
    return Happened(kind, **fields)


def repaid(payment_ref: str, amount: int, **parts: int) -> Any:
    """A repayment whose split is *parts* and zero elsewhere."""
    split = {"fees": 0, "interest": 0, "penalty": 0, "principal": 0, "unapplied": 0, **parts}
    return happened(Loan.Repaid, payment_ref=payment_ref, amount=amount, **split)


def last(stream: Stream, kind: type[Any]) -> Any:
    """The newest event of a kind since ``given``."""
    found = [event for event in stream.pending_events if type(event) is kind]
    assert found, f"no {kind.__name__} was recorded, only {kinds(stream)}"
    return cast("Any", found[-1])

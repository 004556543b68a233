"""How each intended command is carried out on the aggregates it concerns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid5

from domain.base.policy import Policies
from domain.base.refs import short_ref
from domain.base.stream import Act, Stream
from domain.base.terms import Terms
from domain.borrower.borrower import Borrower
from domain.commands.products import cost_shown
from domain.loan.facts import FactKind
from domain.loan.ledger import Ledger
from domain.loan.loan import Loan
from domain.product.product import Product
from entrypoints.demo.intents import Intent


class Desk:
    """What a day's commands need beside the streams: rules, products, ids."""

    def __init__(self, namespace: UUID, policies: Policies, products: dict[str, Product]) -> None:
        """*products* by their code."""
        self.namespace = namespace
        self.policies = policies
        self.products = products

    def stream_id(self, name: str) -> UUID:
        """The id of the stream of that name."""
        return uuid5(self.namespace, name)

    def command_id(self, intent: Intent) -> UUID:
        """The same intent has the same id in every run."""
        return uuid5(self.namespace, f"demo:{intent.stream}:{intent.number}")

    def carry_out(self, intent: Intent, stream: Stream | None, act: Act) -> Stream:
        """*stream*, or the new one, with what *intent* brought about pending on it.

        Raises:
            Refusal: the rules do not allow it.
        """
        if stream is None:
            return OPENINGS[intent.verb](self, intent, act)
        if isinstance(stream, Loan) and intent.verb in ON_LOANS:
            ON_LOANS[intent.verb](self, stream, act, **intent.fields)
        elif isinstance(stream, Borrower) and intent.verb in ON_BORROWERS:
            ON_BORROWERS[intent.verb](self, stream, act, **intent.fields)
        elif not isinstance(stream, Loan | Borrower):
            raise TypeError(f"{intent.stream} is a {type(stream).__name__}")
        else:
            # The rule's own words, as any caller would get them.
            getattr(stream, intent.verb)(act, **intent.fields)
        if isinstance(stream, Loan):
            rule = self.policies.asset_class_rule(stream.product_code, act.business_on)
            stream.reclassify(act, rule)
        return stream


# --- new streams ------------------------------------------------------------------------


def _register(desk: Desk, intent: Intent, act: Act) -> Stream:
    borrower_id = desk.stream_id(intent.stream)
    return Borrower.register(
        act, borrower_id, borrower_ref=short_ref("B", borrower_id), **intent.fields
    )


def _apply_for(desk: Desk, intent: Intent, act: Act) -> Stream:
    fields: dict[str, Any] = dict(intent.fields)
    borrower_id = desk.stream_id(fields.pop("borrower"))
    product = desk.products[fields["product_code"]]
    product.must_offer(fields["amount"], fields["term_months"])
    loan_id = desk.stream_id(intent.stream)
    return Loan.apply_for(
        act,
        loan_id,
        loan_ref=short_ref("L", loan_id),
        borrower_id=borrower_id,
        currency=product.offer.currency,
        evidence_needed=product.offer.evidence,
        levels=desk.policies.levels(act.business_on),
        **fields,
    )


OPENINGS: dict[str, Callable[[Desk, Intent, Act], Stream]] = {
    "register": _register,
    "apply_for": _apply_for,
}


# --- loans ------------------------------------------------------------------------------


def _add_evidence(desk: Desk, loan: Loan, act: Act, **fields: Any) -> None:
    loan.add_evidence(act, levels=desk.policies.levels(act.business_on), **fields)


def _approve(desk: Desk, loan: Loan, act: Act, **fields: Any) -> None:
    loan.approve(
        act,
        amount=loan.amount,
        term_months=loan.term_months,
        annual_rate=desk.products[loan.product_code].offer.annual_rate,
        levels=desk.policies.levels(act.business_on),
        **fields,
    )


def _disclose(desk: Desk, loan: Loan, act: Act) -> None:
    loan.disclose(
        act,
        terms=_terms(desk, loan),
        levels=desk.policies.levels(act.business_on),
        shown_by=cost_shown(
            desk.policies, desk.products[loan.product_code].offer.jurisdiction, act.business_on
        ),
    )


def _sign(desk: Desk, loan: Loan, act: Act, *, contract_ref: str) -> None:
    loan.sign(
        act,
        terms=_terms(desk, loan),
        contract_ref=contract_ref,
        template_version="1",
        levels=desk.policies.levels(act.business_on),
    )


def _terms(desk: Desk, loan: Loan) -> Terms:
    product = desk.products[loan.product_code]
    return product.terms(loan.amount, loan.term_months, loan.annual_rate)


def _pay_due(
    _: Desk, loan: Loan, act: Act, *, through: Any, received_on: Any, **fields: Any
) -> None:
    """Pay what is owed on the instalments up to *through*, and *extra* on top."""
    ledger = _ledger(loan)
    owed = sum(
        row.left + ledger.penalty_due(row, received_on)
        for row in ledger.rows
        if row.due_on <= through
    )
    amount = owed + fields.pop("extra", 0)
    loan.repay(act, amount=amount, currency=loan.currency, received_on=received_on, **fields)


def _pay_off(_: Desk, loan: Loan, act: Act, *, payment_ref: str) -> None:
    loan.repay(
        act,
        amount=loan.payoff(act.business_on),
        currency=loan.currency,
        received_on=act.business_on,
        payment_ref=payment_ref,
        payoff=True,
    )


def _refund_credit(_: Desk, loan: Loan, act: Act, **fields: Any) -> None:
    loan.refund(act, amount=loan.unapplied, **fields)


def _repay(_: Desk, loan: Loan, act: Act, **fields: Any) -> None:
    loan.repay(act, received_on=act.business_on, **fields)


def _ledger(loan: Loan) -> Ledger:
    assert loan.terms is not None
    assert loan.accrues_from is not None
    pays = (FactKind.PAYMENT, FactKind.PAYOFF)
    return Ledger(
        loan.terms,
        loan.accrues_from,
        loan.instalments,
        loan.unapplied,
        loan.parts,
        loan.splits,
        {fact.ref: fact.on for fact in loan.facts if fact.kind in pays},
    )


ON_LOANS: dict[str, Callable[..., None]] = {
    "add_evidence": _add_evidence,
    "approve": _approve,
    "disclose": _disclose,
    "sign": _sign,
    "repay": _repay,
    "pay_due": _pay_due,
    "pay_off": _pay_off,
    "refund_credit": _refund_credit,
}


# --- borrowers --------------------------------------------------------------------------


def _promise(desk: Desk, borrower: Borrower, act: Act, *, loan: str, **fields: Any) -> None:
    borrower.promise(act, loan_id=desk.stream_id(loan), **fields)


def _set_hold(desk: Desk, borrower: Borrower, act: Act, *, kind: str, **fields: Any) -> None:
    rule = desk.policies.hold_rule(kind, act.business_on, borrower.jurisdiction)
    borrower.set_hold(act, kind=kind, rule=rule, **fields)


ON_BORROWERS: dict[str, Callable[..., None]] = {"promise": _promise, "set_hold": _set_hold}

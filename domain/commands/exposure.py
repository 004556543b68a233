"""How much one borrower may be lent in all."""

from datetime import date

from domain.base.money import written
from domain.base.refusal import Refusal
from domain.commands.book import Book, LoansOfBorrower
from domain.commands.products import product_id
from domain.loan.loan import Loan
from domain.loan.state import Exposure
from domain.product.product import Offer, Product


class OverExposure(Refusal):
    """More would be lent to one borrower than this kind of lender may."""

    code = "OVER_EXPOSURE"


def exposure(
    book: Book, loan: Loan, offer: Offer, on: date, loans: LoansOfBorrower | None
) -> Exposure | None:
    """What this kind of lender lent or promised the borrower on other *loans* than this one.

    None where no rule limits it. A loan that was taken over may be of any kind of lender, and
    counts.
    """
    rule = book.policies.exposure_rule(offer.jurisdiction, offer.lender_kind, offer.currency, on)
    if rule is None:
        return None
    others = book.get_many(Loan, set(loans() if loans else ()) - {loan.id}).values()
    counted = [
        each.exposure(on)
        for each in others
        if each.currency == offer.currency and _lender_kind(book, each) in (None, rule.lender_kind)
    ]
    return Exposure(sum(counted), rule.most, rule.version)


def must_leave(found: Exposure | None, amount: int, offer: Offer) -> None:
    """Pass where what is lent besides leaves room for *amount*.

    Raises:
        OverExposure: it does not.
    """
    if found is None or found.others + amount <= found.most:
        return
    unit = offer.currency
    left = found.most - found.others
    way = (
        f"at most {written(left, unit)} {unit} is left for this one"
        if left > 0
        else "nothing is left"
    )
    raise OverExposure(
        f"{written(amount, unit)} {unit} with {written(found.others, unit)} {unit} that is out or"
        f" promised on other loans would be more than the {written(found.most, unit)} {unit} that"
        f" a {offer.lender_kind} may lend one borrower (policy {found.version}):"
        f" {way}, until another loan is repaid or withdrawn."
    )


def _lender_kind(book: Book, loan: Loan) -> str | None:
    product = book.find(Product, product_id(book, loan.product_code, loan.product_version))
    return None if product is None else product.offer.lender_kind

"""Every kind of stream, and every kind of event that is recorded on one."""

from domain.base.stream import Stream
from domain.borrower.borrower import Borrower
from domain.loan.loan import Loan
from domain.operations.business_day import BusinessDay
from domain.operations.campaign import Campaign
from domain.operations.experiment import Experiment
from domain.operations.referral import Referral
from domain.policy.policy import Policy
from domain.product.product import Product

STREAMS: tuple[type[Stream], ...] = (
    *(Loan, Borrower, Product, Policy, BusinessDay),
    *(Experiment, Campaign, Referral),
)


def event_types() -> dict[str, type[Stream.Event]]:
    """The event classes that are recorded, by their stored name, ``loan.repaid`` and so on.

    Bases of other events, and the library's ``Created``, are never recorded.
    """
    found: dict[str, type[Stream.Event]] = {}
    for stream in STREAMS:
        nested = [
            value
            for value in vars(stream).values()
            if isinstance(value, type) and issubclass(value, Stream.Event)
        ]
        bases = {base for event in nested for base in event.__mro__[1:]}
        for event in nested:
            if event not in bases and event.__name__ != "Created":
                found[event.TOPIC] = event  # type: ignore[attr-defined]
    return found

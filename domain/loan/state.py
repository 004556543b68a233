"""What a loan is made of beside its money: the words of its state, and small records."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

from domain.loan.allocation import Part, Split
from domain.loan.facts import Fact
from domain.loan.schedule import Instalment


class LoanState(StrEnum):
    """Where a loan stands."""

    APPLIED = "APPLIED"
    APPROVED = "APPROVED"
    DISCLOSED = "DISCLOSED"
    SIGNED = "SIGNED"
    DECLINED = "DECLINED"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"
    ACTIVE = "ACTIVE"
    SETTLED = "SETTLED"
    CLOSED = "CLOSED"
    WRITTEN_OFF = "WRITTEN_OFF"
    SOLD = "SOLD"
    """It belongs to another owner; our book says nothing of it any more."""


class ReversalKind(StrEnum):
    """Why a payment does not stand."""

    CHARGEBACK = "CHARGEBACK"
    """The payer's bank took it back."""
    BOUNCED = "BOUNCED"
    MISPOSTED = "MISPOSTED"
    """It was posted wrongly."""


class NextActionKind(StrEnum):
    """Why a loan needs attention on a day."""

    EXPIRY = "EXPIRY"
    DELINQUENCY = "DELINQUENCY"
    STEP_DOWN = "STEP_DOWN"
    RENEWAL = "RENEWAL"
    REPRICING = "REPRICING"
    ASSET_CLASS = "ASSET_CLASS"
    SUBSIDY = "SUBSIDY"
    LIMIT_ENDS = "LIMIT_ENDS"
    CHARGE = "CHARGE"
    CREDIT = "CREDIT"


class Withdrawal(StrEnum):
    """Why an automatic charge is taken back."""

    NOT_OVERDUE = "NOT_OVERDUE"
    """The instalment was paid in time after all."""
    ON_HOLD = "ON_HOLD"
    """A hold stood on the day it was charged."""
    CHARGED_ANEW = "CHARGED_ANEW"
    """Another amount was unpaid, or on another day."""


UNDER_REVIEW = (LoanState.APPLIED,)
OFFERED = (LoanState.APPROVED, LoanState.DISCLOSED, LoanState.SIGNED)
SERVICED = (LoanState.ACTIVE, LoanState.SETTLED, LoanState.CLOSED)
PAID_OUT = (LoanState.ACTIVE, LoanState.SETTLED, LoanState.CLOSED, LoanState.WRITTEN_OFF)
RECKONED = (*SERVICED, LoanState.WRITTEN_OFF, LoanState.SOLD)
"""While a loan stands thus, what becomes known of its past changes what it owes, or owed."""
SECURED = (*OFFERED, LoanState.ACTIVE, LoanState.WRITTEN_OFF)
"""While a loan stands thus, something can be taken to secure it."""


@dataclass(frozen=True)
class Movement:
    """An earlier movement that is split anew, before and after; *parts* after."""

    ref: str
    on: date
    before: Split
    after: Split
    parts: list[Part]


class StepState(StrEnum):
    """What came of a step of the rate plan."""

    EARNED = "EARNED"
    FORFEITED = "FORFEITED"


class EndedBy(StrEnum):
    """By what a loan left the book, beside being paid."""

    WRITE_OFF = "WRITE_OFF"
    SALE = "SALE"


PAYOUT_RETURN = "PAYOUT_RETURN"
"""The kind of a return of the payout, where it is taken back."""


@dataclass(frozen=True)
class CameBack:
    """A payout that came back, and the loan that it was: for when the return is taken back.

    *returned_on* is the value date of the return, *paid_out_on* the day of the payout; *order*
    and *money_since* are the loan's own from before.
    """

    returned_on: date
    paid_out_on: date
    disbursement_ref: str
    opening: list[Instalment]
    facts: list[Fact]
    order: int
    money_since: date | None


@dataclass(frozen=True)
class FellAway:
    """What an undone payout takes with it, or an earlier loss, beside principal; minor units.

    *fees*, *interest* and *penalty* are what was charged by events, less what of that was
    forgiven; of the fees *charged*, so much was *waived*.
    """

    fees: int
    interest: int
    penalty: int
    charged: int
    waived: int


@dataclass(frozen=True)
class Ended:
    """That a loan left the book on a day, with what was owed; the *price* of a sale.

    *unapplied* of the claim is what was refunded and is missing. *order* is its place among
    what counts on its day. *claim* and *price* are those known by now; a sale was *agreed* at
    its first price for a claim of *face*. Facts of later days that were recorded before it
    stand *aside*, and count again where it is taken back.
    """

    kind: str
    on: date
    state_before: str
    claim: Split
    price: int | None = None
    order: int = 0
    agreed: int | None = None
    face: int | None = None
    aside: list[Fact] = field(default_factory=list)


@dataclass(frozen=True)
class Overtaken:
    """What was recorded of days after a loss or a sale that is dated as of a day that lies back.

    Payments of those days are *recovered* of a loss: each as it was split over the instalments
    and, after, over the claim. Those after a sale are the buyer's and *passed_on*: nothing of them
    is on the loan after. Facts *set_aside* count again where the end is taken back, by kind and
    name; those that *lapsed* follow from others, and may follow again. With them go *dropped*
    instalments, *steps* of the rate, and the charges that *fell_away*; *capitalised* is interest
    that became principal, or does not any more where it is below zero. *net* is the change of
    everything paid, *instalments* those touched as they stand after it, *reallocated* the earlier
    movements that split anew; by *grown* the borrower's credit is more beside the schedule. The
    loan stood in *state_before* and *bucket_before*, and was past due on the day since
    *overdue_since_on*, if it was.
    """

    net: Split
    instalments: list[Instalment]
    dropped: list[int]
    recovered: list[Movement]
    passed_on: list[Movement]
    reallocated: list[Movement]
    set_aside: list[str]
    lapsed: list[str]
    steps: list[str]
    fell_away: FellAway
    capitalised: int
    grown: int
    state_before: str
    bucket_before: str
    overdue_since_on: date | None

    @property
    def flows(self) -> dict[str, int]:
        """What so far was received, or recovered, and now is recovered or passed on."""
        to_loss = sum(each.after.total for each in self.recovered)
        to_buyer = sum(each.before.total for each in self.passed_on)
        if self.state_before == LoanState.WRITTEN_OFF:
            return {"recovered": -to_buyer, "passed_on": to_buyer}
        return {"received": -to_loss - to_buyer, "recovered": to_loss, "passed_on": to_buyer}


@dataclass(frozen=True)
class LeftBook:
    """That a loan was written off or sold, or the one and then the other; minor units.

    Of *claim*, what was owed then as it is known by now, *recovered* came in since and *still_open*
    is open; nothing is of what was sold, for *price*. *passed_on* came in after the sale and is
    the buyer's.
    """

    written_off_on: date | None
    sold_on: date | None
    claim: int
    recovered: int
    still_open: int
    price: int | None
    passed_on: int = 0


@dataclass(frozen=True)
class Restated:
    """That another amount left the book on a day than was known then.

    *before* and *after* are the claim of a loss or a sale (*unapplied*: what was refunded and
    is missing), *price_before* and *price* those of a sale. The borrower's credit grows by
    *credit* beside what the schedule says: by what comes in beyond the claim.
    """

    kind: str
    on: date
    before: Split
    after: Split
    price_before: int | None
    price: int | None
    credit: int


@dataclass(frozen=True)
class RenewalOffer:
    """A renewal that stands until its last day."""

    term_months: int
    sequence: int
    valid_until_on: date
    offer_digest: str
    sheet_digest: str | None = None


@dataclass(frozen=True)
class ConversionOffer:
    """A conversion into *count* instalments from the day *on*; it stands until its last day."""

    count: int
    on: date
    valid_until_on: date
    offer_digest: str
    sheet_digest: str | None = None


class OfferKind(StrEnum):
    """What can be on offer on a running loan."""

    RENEWAL = "RENEWAL"
    CONVERSION = "CONVERSION"


@dataclass(frozen=True)
class OnOffer:
    """What a borrower may accept until its last day, and what it costs; minor units.

    *count* is of months for a renewal, of instalments for a conversion.
    """

    kind: str
    count: int
    valid_until_on: date
    annual_rate: Decimal
    interest: int
    fees: int
    annualised_cost: Decimal
    offer_digest: str


@dataclass(frozen=True)
class Limit:
    """What may be out at most, or be paid out in all, and what of it is left to draw."""

    amount: int
    left: int


@dataclass(frozen=True)
class Exposure:
    """What is lent or promised to a borrower on other loans, and what may be in all; by *version*.

    Amounts in minor units.
    """

    others: int
    most: int
    version: str


@dataclass(frozen=True)
class Tier:
    """By which rate tier a loan was priced: a segment and instalments paid on time before."""

    segment: str
    on_time: int


@dataclass(frozen=True)
class Fee:
    """A fee or penalty charged on an event, and what of it is waived; minor units."""

    fee_ref: str
    kind: str
    amount: int
    instalment: int
    waived: int = 0
    owed: str | None = None
    due_on: date | None = None

"""Every reason a loan says no, each with its stable code."""

from domain.base.refusal import Refusal


class NotUnderReview(Refusal):
    """The application is already decided, withdrawn or expired."""

    code = "NOT_UNDER_REVIEW"


class RanOut(Refusal):
    """The application or offer ran out unused, whether or not a day's run has seen it."""

    code = "RAN_OUT"


class EvidenceMissing(Refusal):
    """An approval needs evidence that has not come."""

    code = "EVIDENCE_MISSING"


class EvidenceNotAsked(Refusal):
    """The evidence is of a kind that the application does not need."""

    code = "EVIDENCE_NOT_ASKED"


class ReasonMissing(Refusal):
    """A decision that needs reasons has none."""

    code = "REASON_MISSING"


class NotApproved(Refusal):
    """There is no standing offer to disclose, sign or pay out."""

    code = "NOT_APPROVED"


class RateNotSound(Refusal):
    """A rate is negative, no number, or finer than what is stored."""

    code = "RATE_NOT_SOUND"


class TermsNotApproved(Refusal):
    """The terms differ from the approved offer."""

    code = "TERMS_NOT_APPROVED"


class NotDisclosed(Refusal):
    """The cost of exactly these terms was not disclosed before signing."""

    code = "NOT_DISCLOSED"


class NotSigned(Refusal):
    """Money goes out on a signed contract only."""

    code = "NOT_SIGNED"


class CalendarMissing(Refusal):
    """The contract names a calendar of business days, and it is not at hand."""

    code = "CALENDAR_MISSING"


class AlreadyDisbursed(Refusal):
    """The loan was paid out before."""

    code = "ALREADY_DISBURSED"


class NotDisbursed(Refusal):
    """The loan was not paid out, so nothing is owed."""

    code = "NOT_DISBURSED"


class PayoutNotOurs(Refusal):
    """What was paid out elsewhere does not come back to us."""

    code = "PAYOUT_NOT_OURS"


class MoneySince(Refusal):
    """Money moved after the day on which the loan is to begin."""

    code = "MONEY_SINCE"


class CreditLeft(Refusal):
    """An application does not end while money of the borrower's lies on it, or is missing."""

    code = "CREDIT_LEFT"


class OnHold(Refusal):
    """A hold stops what was asked for."""

    code = "ON_HOLD"


class NotActive(Refusal):
    """The loan is settled, closed or written off."""

    code = "NOT_ACTIVE"


class DrawNotOffered(Refusal):
    """The contract has nothing that can be drawn on that day."""

    code = "DRAW_NOT_OFFERED"


class DrawRefReused(Refusal):
    """The reference already names another draw."""

    code = "DRAW_REF_REUSED"


class LimitExceeded(Refusal):
    """More principal would be owed than the limit of the contract."""

    code = "LIMIT_EXCEEDED"


class CurrencyDiffers(Refusal):
    """The money is in another currency than the loan."""

    code = "CURRENCY_DIFFERS"


class BeforeSigning(Refusal):
    """The money would have gone out before the contract was signed."""

    code = "BEFORE_SIGNING"


class BeforeDisbursement(Refusal):
    """The date lies before the loan was paid out."""

    code = "BEFORE_DISBURSEMENT"


class DateInFuture(Refusal):
    """The date lies after the business date."""

    code = "DATE_IN_FUTURE"


class PaymentRefReused(Refusal):
    """The reference already names another payment."""

    code = "PAYMENT_REF_REUSED"


class PaymentUnknown(Refusal):
    """No payment that stands has this reference."""

    code = "PAYMENT_UNKNOWN"


class PlaceNotFree(Refusal):
    """No reversed payment of the day leaves a place that could be taken."""

    code = "PLACE_NOT_FREE"


class NoCredit(Refusal):
    """The borrower has less credit than is to be refunded."""

    code = "NO_CREDIT"


class FeeNotDisclosed(Refusal):
    """The contract names no such fee, or not in this amount."""

    code = "FEE_NOT_DISCLOSED"


class FeeUnknown(Refusal):
    """No unpaid fee has this reference and amount."""

    code = "FEE_UNKNOWN"


class NothingToForgive(Refusal):
    """So much of it is not unpaid on that day."""

    code = "NOTHING_TO_FORGIVE"


class FeeRefReused(Refusal):
    """The reference already names another fee."""

    code = "FEE_REF_REUSED"


class ChargeOverCap(Refusal):
    """With the charge the loan would cost more in a year than is allowed."""

    code = "CHARGE_OVER_CAP"


class CostOverCap(Refusal):
    """What is left of the loan would cost more in a year than is allowed."""

    code = "COST_OVER_CAP"


class InstalmentNotOpen(Refusal):
    """There is no such instalment, or it is paid."""

    code = "INSTALMENT_NOT_OPEN"


class DueDateOutOfOrder(Refusal):
    """A due date must stay between its neighbours."""

    code = "DUE_DATE_OUT_OF_ORDER"


class FactUnknown(Refusal):
    """Nothing that could be taken back has this reference, or more than one thing has."""

    code = "FACT_UNKNOWN"


class RefTakenBack(Refusal):
    """The reference names something that was taken back."""

    code = "REF_TAKEN_BACK"


class FactStays(Refusal):
    """It follows from other things, or another command takes it back."""

    code = "FACT_STAYS"


class RestsOnIt(Refusal):
    """What was recorded later builds on what is to be taken back."""

    code = "RESTS_ON_IT"


class PayoffShort(Refusal):
    """The amount does not close the loan on that day."""

    code = "PAYOFF_SHORT"


class OpeningNotSound(Refusal):
    """The opening balances of a migrated loan contradict each other."""

    code = "OPENING_NOT_SOUND"


class NothingChanges(Refusal):
    """What was agreed on changes nothing, or says too little."""

    code = "NOTHING_CHANGES"


class NotRenewable(Refusal):
    """No renewal stands that could be accepted or refused."""

    code = "NOT_RENEWABLE"


class NotConvertible(Refusal):
    """What is owed cannot be turned into instalments, or no offer of it stands."""

    code = "NOT_CONVERTIBLE"


class PastDue(Refusal):
    """The loan is past due, and what was asked for is not for such a loan."""

    code = "PAST_DUE"


class LoanSold(Refusal):
    """The loan belongs to another owner."""

    code = "LOAN_SOLD"


class NotForSale(Refusal):
    """The loan cannot be sold as it stands, or not on that day."""

    code = "NOT_FOR_SALE"


class SecurityUnknown(Refusal):
    """No security was taken under this reference, or of no known kind."""

    code = "SECURITY_UNKNOWN"


class SecurityExceeded(Refusal):
    """A guarantor or insurer would pay more than they are bound for."""

    code = "SECURITY_EXCEEDED"


class SecurityOutOfOrder(Refusal):
    """The security was not called yet, or was released."""

    code = "SECURITY_OUT_OF_ORDER"


class SecurityRefReused(Refusal):
    """The reference already names another security."""

    code = "SECURITY_REF_REUSED"


class ReversalKindUnknown(Refusal):
    """A payment is reversed as charged back, bounced or misposted."""

    code = "REVERSAL_KIND_UNKNOWN"


class SourceUnknown(Refusal):
    """Money comes from the borrower, or from somebody whom the book has a word for."""

    code = "SOURCE_UNKNOWN"


class PayeeNotPartner(Refusal):
    """What pays for an order of a partner goes to the partner."""

    code = "PAYEE_NOT_PARTNER"


class NothingPaidOut(Refusal):
    """So much is withheld that nothing of the payout is left."""

    code = "NOTHING_PAID_OUT"


class NoPartner(Refusal):
    """The terms of the loan name no partner."""

    code = "NO_PARTNER"


class ScheduleNotSound(Refusal):
    """The instalments agreed on do not repay the loan in order."""

    code = "SCHEDULE_NOT_SOUND"


class DrawsNotSound(Refusal):
    """The payouts agreed on do not add up, or do not follow each other."""

    code = "DRAWS_NOT_SOUND"


class BeyondCalendar(Refusal):
    """A day lies too far ahead to be reckoned with."""

    code = "BEYOND_CALENDAR"

"""The words that support of late borrowers is told in."""

from enum import StrEnum


class SupportKind(StrEnum):
    """What a borrower is helped with."""

    GUIDANCE = "GUIDANCE"
    PAYMENT_PLAN = "PAYMENT_PLAN"
    RELIEF = "RELIEF"
    REFERRAL = "REFERRAL"
    """To a debt advice service, or whoever else can help."""


class PlanState(StrEnum):
    """How far a plan to pay has come."""

    PROPOSED = "PROPOSED"
    AGREED = "AGREED"
    KEPT = "KEPT"
    BROKEN = "BROKEN"
    REPLACED = "REPLACED"

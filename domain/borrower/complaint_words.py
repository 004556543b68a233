"""The words of complaints and ratings."""

from enum import StrEnum


class Category(StrEnum):
    """What a complaint is about."""

    COLLECTION = "COLLECTION"
    COST = "COST"
    CREDIT_RECORD = "CREDIT_RECORD"
    FRAUD = "FRAUD"
    MARKETING = "MARKETING"
    PRIVACY = "PRIVACY"
    REPAYMENT = "REPAYMENT"
    SERVICE = "SERVICE"
    OTHER = "OTHER"


class Came(StrEnum):
    """How a complaint came in."""

    PHONE = "PHONE"
    HOTLINE = "HOTLINE"
    APP = "APP"
    ONLINE_SERVICE = "ONLINE_SERVICE"
    EMAIL = "EMAIL"
    LETTER = "LETTER"
    BRANCH = "BRANCH"
    PLATFORM = "PLATFORM"
    REGULATOR = "REGULATOR"


class Verdict(StrEnum):
    """What a complaint came to."""

    UPHELD = "UPHELD"
    PARTLY_UPHELD = "PARTLY_UPHELD"
    NOT_UPHELD = "NOT_UPHELD"
    WITHDRAWN = "WITHDRAWN"


class FeedbackSource(StrEnum):
    """By what means a borrower was asked, or said what we are worth."""

    APP = "APP"
    CALL_BACK = "CALL_BACK"
    THIRD_PARTY = "THIRD_PARTY"

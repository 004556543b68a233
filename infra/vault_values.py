"""What the vault keeps, why it is read, and how a value is written so that it is found again."""

from __future__ import annotations

import unicodedata
from enum import StrEnum

from domain.base.refusal import Refusal
from domain.base.retention import RecordClass

PHONE_DIGITS = range(8, 16)
"""How many digits an international number has, country code and all (ITU-T E.164)."""

BETWEEN_DIGITS = str.maketrans("", "", " \t-.()/‐‑–")

LONGEST = 100_000
"""Characters of a value at most: a long letter, no scanned one."""


class Kind(StrEnum):
    """What a value is."""

    NAME = "NAME"
    ID_NUMBER = "ID_NUMBER"
    PHONE = "PHONE"
    EMAIL = "EMAIL"
    ADDRESS = "ADDRESS"
    NOTE = "NOTE"


LOOKED_UP = (Kind.PHONE, Kind.EMAIL)
"""The kinds by whose value a person can be found."""


class Purpose(StrEnum):
    """Why somebody reads a value."""

    APPLICATION = "APPLICATION"
    SERVICING = "SERVICING"
    SENDING = "SENDING"
    COLLECTION = "COLLECTION"
    COMPLAINT = "COMPLAINT"
    IDENTIFICATION = "IDENTIFICATION"
    OWN_REQUEST = "OWN_REQUEST"
    AUDIT = "AUDIT"
    LEGAL_OBLIGATION = "LEGAL_OBLIGATION"


RECORDS_MADE = {
    Purpose.SENDING: RecordClass.SEND_RECORD,
    Purpose.COLLECTION: RecordClass.COLLECTION_RECORD,
}
"""Reading for this makes a record of that class: whom it was about must be told as long."""

RECORDS_KEPT = {Kind.NOTE: RecordClass.COLLECTION_RECORD}
"""A value of this kind is itself a record of that class."""


class ValueUnusable(Refusal):
    """A value is not what its kind says; the sentence never repeats it."""

    code = "VALUE_UNUSABLE"


def tidy(kind: Kind, value: str) -> str:
    """*value* as it is kept: a telephone number as ``+`` and digits, others trimmed.

    Raises:
        ValueUnusable: it is empty or too long, or no number or address of its kind.
    """
    plain = value.strip()
    if not plain or len(plain) > LONGEST:
        raise ValueUnusable(f"A {kind} has 1 to {LONGEST:,} characters.")
    if not _encodes(plain):
        raise ValueUnusable(f"This {kind} is no proper text: give it in UTF-8.")
    if kind == Kind.PHONE:
        return _international(plain)
    if kind == Kind.EMAIL:
        local, at, domain = plain.rpartition("@")
        if not (local and at and domain) or any(each.isspace() for each in plain):
            raise ValueUnusable("An EMAIL is written name@domain, without spaces.")
    return plain


def looked_up_as(kind: Kind, kept: str) -> str | None:
    """What a value that was made tidy is found by; None when its kind is not looked up.

    A telephone number by its digits, an e-mail address in lower case.
    """
    if kind == Kind.PHONE:
        return kept.removeprefix("+")
    if kind == Kind.EMAIL:
        return unicodedata.normalize("NFKC", kept).lower()
    return None


def _international(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).translate(BETWEEN_DIGITS)
    if plain.startswith("00"):
        plain = f"+{plain[2:]}"
    digits = plain.removeprefix("+")
    known = plain.startswith("+") and digits.isascii() and digits.isdigit()
    if not known or digits.startswith("0") or len(digits) not in PHONE_DIGITS:
        raise ValueUnusable("A PHONE is given with its country code, as +86 and the number.")
    return plain


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True

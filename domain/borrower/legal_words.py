"""Words for claims at law, without what decides on them."""

from __future__ import annotations

from enum import StrEnum


class LegalOutcome(StrEnum):
    """How a matter of law ended."""

    PAID = "PAID"
    """Nothing is overdue any more on the loan."""
    SETTLEMENT = "SETTLEMENT"
    """The two sides agreed."""
    JUDGMENT = "JUDGMENT"
    """A court awarded something, which is collected as any claim."""
    DISMISSED = "DISMISSED"
    """A court awarded nothing."""
    SOLD = "SOLD"
    """The claim is another's now."""


BY_ITSELF = (LegalOutcome.PAID, LegalOutcome.SOLD)
"""Ends that follow from the loan; nobody has to name what says so."""

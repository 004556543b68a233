"""What stands behind a loan beside the borrower: collateral, guarantors, insurance.

One record and four events serve all three, since they live alike: taken, called when the
borrower does not pay, paying once or several times, and released.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from domain.loan import refusals as no


class SecurityKind(StrEnum):
    """What a security is."""

    COLLATERAL = "COLLATERAL"
    """Pledged, enforced, and sold."""
    GUARANTEE = "GUARANTEE"
    """A guarantor is bound, called, and pays."""
    INSURANCE = "INSURANCE"
    """Taken out, claimed, and paid."""


class SecurityState(StrEnum):
    """Where a security stands."""

    HELD = "HELD"
    CALLED = "CALLED"
    RELEASED = "RELEASED"


@dataclass(frozen=True)
class Security:
    """One security by its reference; no personal data.

    *amount* is what it secures at most, in minor units, if that is said; *payments* the
    references of what it paid.
    """

    security_ref: str
    kind: str
    state: str
    amount: int | None
    payments: list[str]


def must_stand(securities: Mapping[str, Security], security_ref: str) -> Security:
    """The security, taken and not released.

    Raises:
        SecurityUnknown: none was taken under this reference.
        SecurityOutOfOrder: it was released.
    """
    security = securities.get(security_ref)
    if security is None:
        taken = ", ".join(sorted(securities)) or "none"
        raise no.SecurityUnknown(
            f"No security {security_ref!r} was taken for this loan; taken are: {taken}."
        )
    if security.state == SecurityState.RELEASED:
        raise no.SecurityOutOfOrder(
            f"The security {security_ref!r} was released; take a new one under another reference."
        )
    return security

"""How notices that the law demands are told from other contacts of a borrower."""

from __future__ import annotations

from uuid import UUID

from domain.base.contact_policy import Channel

WRITTEN = (Channel.LETTER, Channel.EMAIL)
"""By what a notice goes out that a court would read."""


def notice_head(borrower_ref: str, notice: str, about: UUID) -> str:
    """What the reference of each notice of a kind about a loan begins with."""
    return f"N-{borrower_ref}-{notice}-{about.hex[:12]}-"


def head_of(contact_ref: str) -> str:
    """What the references of a notice begin with, whatever the day and the way."""
    return contact_ref.rpartition("-")[0] + "-"

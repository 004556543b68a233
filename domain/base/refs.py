"""Short references that people can read out."""

from uuid import UUID

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O or U to mistake."""


def short_ref(prefix: str, stream_id: UUID) -> str:
    """The reference staff see beside the id: ``L-4F7QX-9K2MA``, 50 bits of it."""
    bits = stream_id.int >> 78
    letters = [ALPHABET[bits >> shift & 31] for shift in range(45, -1, -5)]
    return f"{prefix}-{''.join(letters[:5])}-{''.join(letters[5:])}"

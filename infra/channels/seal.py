"""What keeps personal values unreadable while they wait in a table."""

from __future__ import annotations

from typing import Protocol


class SealBroken(Exception):
    """It cannot be read with the keys that are known, or is about something else."""


class Seal(Protocol):
    """Makes bytes unreadable and readable again; *about* must be the same both times."""

    def close(self, plain: bytes, *about: str) -> bytes:
        """A ciphertext that is bound to what it is about."""

    def open(self, sealed: bytes, *about: str) -> bytes:
        """What was sealed.

        Raises:
            SealBroken: it was not sealed so.
        """

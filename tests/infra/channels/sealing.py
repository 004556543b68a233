"""A seal of a key that only tests have."""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers.aead import AESGCM


class TestSeal:
    """AES-GCM, bound to what it is about; the nonce follows from that."""

    __test__ = False

    def __init__(self) -> None:
        self._cipher = AESGCM(bytes(range(32)))

    def close(self, plain: bytes, *about: str) -> bytes:
        return self._cipher.encrypt(bytes(12), plain, "|".join(about).encode())

    def open(self, sealed: bytes, *about: str) -> bytes:
        return self._cipher.decrypt(bytes(12), sealed, "|".join(about).encode())

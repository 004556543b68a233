"""The vault's cipher: AES-256-GCM, with the key's id in every ciphertext.

A ciphertext is bound to what it is about (person, reference, kind): put elsewhere it
cannot be opened. Nothing here does I/O, and no error holds a value or a key.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
NONCE_BYTES = 12
FORMAT = b"\x01"
HEADER_BYTES = len(FORMAT) + 16


class Unreadable(Exception):
    """A ciphertext was not made with this key, was changed, or is about something else."""


@dataclass(frozen=True)
class Key:
    """A key and its id."""

    key_id: UUID
    secret: bytes = field(repr=False)

    def seal(self, plain: bytes, *about: str) -> bytes:
        """*plain* as a ciphertext: format, key id, random nonce, AES-GCM's text and tag."""
        header = FORMAT + self.key_id.bytes
        nonce = secrets.token_bytes(NONCE_BYTES)
        return header + nonce + AESGCM(self.secret).encrypt(nonce, plain, _bound(header, about))

    def open(self, sealed: bytes, *about: str) -> bytes:
        """What was sealed, *about* the same.

        Raises:
            Unreadable: it was not sealed so.
        """
        if key_id_of(sealed) != self.key_id:
            raise Unreadable("The ciphertext names another key.")
        nonce, text = _split(sealed)
        try:
            return AESGCM(self.secret).decrypt(nonce, text, _bound(sealed[:HEADER_BYTES], about))
        except InvalidTag:
            raise Unreadable("The ciphertext was changed, or is about something else.") from None


@dataclass(frozen=True)
class MasterKeys:
    """The keys that wrap the keys of people: one that is current, others still known."""

    current: Key
    known: dict[UUID, Key] = field(repr=False)

    @staticmethod
    def of(keys: Sequence[bytes]) -> MasterKeys:
        """The *keys*, the first of them current; each has an id that follows from it."""
        made = [Key(master_id(secret), secret) for secret in keys]
        return MasterKeys(made[0], {key.key_id: key for key in made})

    def wrap(self, key: Key, *about: str) -> bytes:
        """A key as a ciphertext under the current master key."""
        return self.current.seal(key.key_id.bytes + key.secret, *about)

    def unwrap(self, wrapped: bytes, *about: str) -> Key:
        """The key that was wrapped.

        Raises:
            Unreadable: by a master key that is not known, or it was changed or moved.
        """
        master = self.known.get(key_id_of(wrapped))
        if master is None:
            raise Unreadable(f"Master key {key_id_of(wrapped)} is not known.")
        plain = master.open(wrapped, *about)
        return Key(UUID(bytes=plain[:16]), plain[16:])


def new_key() -> Key:
    """A random key with a random id."""
    return Key(uuid4(), secrets.token_bytes(KEY_BYTES))


def master_id(secret: bytes) -> UUID:
    """The id of a master key, computed from it: two keys cannot be given the same name."""
    return UUID(bytes=hashlib.sha256(b"loans vault master key\0" + secret).digest()[:16])


def look_up_key(master: Key) -> Key:
    """The key of the look-up index as it is derived from the first master key."""
    derived = HKDF(SHA256(), KEY_BYTES, salt=None, info=b"loans vault look-up index/1")
    return Key(uuid4(), derived.derive(master.secret))


def look_up(key: Key, kind: str, value: str) -> bytes:
    """The keyed hash under which a normalised value is found again."""
    return hmac.digest(key.secret, f"{kind}\0{value}".encode(), "sha256")


def key_id_of(sealed: bytes) -> UUID:
    """The id of the key that a ciphertext names.

    Raises:
        Unreadable: it is none of ours.
    """
    if len(sealed) < HEADER_BYTES + NONCE_BYTES or sealed[: len(FORMAT)] != FORMAT:
        raise Unreadable("That is no ciphertext of the vault.")
    return UUID(bytes=sealed[len(FORMAT) : HEADER_BYTES])


def _split(sealed: bytes) -> tuple[bytes, bytes]:
    body = sealed[HEADER_BYTES:]
    return body[:NONCE_BYTES], body[NONCE_BYTES:]


def _bound(header: bytes, about: Sequence[str]) -> bytes:
    parts = [part.encode() for part in about]
    return header + b"".join(len(part).to_bytes(4, "big") + part for part in parts)

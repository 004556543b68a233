"""Seals what waits in the inbox under the vault's master key."""

from __future__ import annotations

from infra.channels.seal import Seal, SealBroken
from infra.settings import Settings
from infra.vault_cipher import MasterKeys, Unreadable, key_id_of
from infra.vault_keys import read_keys


class MasterSeal:
    """Seals under the vault's master key: when a reply comes, nobody knows whose it is.

    A master key that is taken away takes with it what waits under it.
    """

    def __init__(self, keys: MasterKeys) -> None:
        self._keys = keys

    def close(self, plain: bytes, *about: str) -> bytes:
        return self._keys.current.seal(plain, *about)

    def open(self, sealed: bytes, *about: str) -> bytes:
        try:
            key = self._keys.known[key_id_of(sealed)]
            return key.open(sealed, *about)
        except (KeyError, Unreadable):
            raise SealBroken("That cannot be read.") from None


def seal_of(settings: Settings) -> Seal:
    """The seal of this installation.

    Raises:
        Trouble: the vault has no master key.
    """
    return MasterSeal(MasterKeys.of(read_keys(settings)))

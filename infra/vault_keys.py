"""The master keys of the vault: where they stand, and how new ones are made.

They come from ``LOANS_VAULT_KEYS``, or from a file: 32 random bytes in base64 on each
line, the current key first; a line that begins with # says nothing. This module reads
and writes the text; ``vault_cipher`` makes keys of it.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import secrets
import stat
from pathlib import Path

from infra.settings import Settings
from infra.trouble import Trouble

FILE = "vault.keys"
KEY_BYTES = 32

HEAD = """\
# Master keys of the vault, the current one first. Whoever has this file and the database
# reads every name and number; without it nobody does. Keep a copy apart from both.
"""


def key_file(settings: Settings) -> Path:
    """Where the keys stand when the environment does not hold them."""
    return settings.vault_key_file or settings.home / FILE


def read_keys(settings: Settings) -> list[bytes]:
    """The master keys, the current one first.

    Raises:
        Trouble: there is none, one is no key, or everybody can read the file.
    """
    if settings.vault_keys is not None:
        return _keys(settings.vault_keys.get_secret_value().split(","), "LOANS_VAULT_KEYS")
    path = key_file(settings)
    try:
        mode = path.stat().st_mode
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise Trouble(
            f"The vault has no master key: put one into {path}, or name its file by"
            " LOANS_VAULT_KEY_FILE (docs/VAULT.md)."
        ) from None
    except (OSError, UnicodeDecodeError):
        raise Trouble(f"The vault's master keys in {path} cannot be read.") from None
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        raise Trouble(f"Everybody can read the vault's master keys: chmod 600 {path}.")
    return _keys([line for line in lines if not line.startswith("#")], str(path))


def make_file(settings: Settings) -> None:
    """An embedded installation has a master key afterwards; one that is there stays.

    One that uses a database of its own gets none: a key that were made beside it
    unasked would be lost with the machine, or differ from machine to machine.
    """
    if settings.database_url or settings.vault_keys or settings.vault_key_file:
        return
    path = key_file(settings)
    if not path.exists():
        half = _written(path, [HEAD, *_line()])
        with contextlib.suppress(FileExistsError):  # another start was faster
            os.link(half, path)
        half.unlink()


def add_key(settings: Settings) -> None:
    """A new key is the current one; those before it stay below it in the file.

    Raises:
        Trouble: the keys do not stand in a file.
    """
    if settings.vault_keys is not None:
        raise Trouble(
            "The master keys come from LOANS_VAULT_KEYS: put the new one first there"
            " (openssl rand -base64 32), then rotate without --new-key."
        )
    read_keys(settings)
    path = key_file(settings)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    first = next(n for n, line in enumerate(lines) if line.strip() and not line.startswith("#"))
    _written(path, [*lines[:first], *_line(), *lines[first:]]).replace(path)


def _line() -> list[str]:
    return [base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode() + "\n"]


def _written(path: Path, lines: list[str]) -> Path:
    """A file beside *path* with these lines, on the disk, for its owner alone."""
    half = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    handle = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())
    return half


def _keys(texts: list[str], place: str) -> list[bytes]:
    found: list[bytes] = []
    for text in texts:
        if not text.strip():
            continue
        try:
            key = base64.b64decode(text.strip(), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != KEY_BYTES:
            raise Trouble(
                f"Master key {len(found) + 1} in {place} is not {KEY_BYTES} bytes in base64:"
                " make one with openssl rand -base64 32."
            )
        found.append(key)
    if not found:
        raise Trouble(f"There is no master key in {place}: openssl rand -base64 32 makes one.")
    return found

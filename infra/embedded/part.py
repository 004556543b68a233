"""What the embedded servers have in common: ports, commands, progress."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Step:
    """How far a part is: *done* of *total*, in units of its own; total 0: unknown."""

    part: str
    doing: str
    done: int = 0
    total: int = 0


Progress = Callable[[Step], None]


def silent(_step: Step) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class Command:
    """How to start a process."""

    argv: list[str]
    env: dict[str, str]
    user: Account | None = None


@dataclass(frozen=True)
class Account:
    """Who a process runs as, where it may not run as root."""

    uid: int
    gid: int
    overrides_modes: bool
    """Keeps the right to pass closed folders, as its own lie below root's."""


def port(file: Path, taken: set[int] | None = None) -> int:
    """The port kept in *file* if it is free, else another, kept there from now on.

    Ports lie below the range the system hands out to clients, so a connection
    of somebody else's does not sit on ours while we are down.
    """
    taken = taken or set()
    kept = int(file.read_text()) if file.exists() else 0
    choice = random.SystemRandom()
    while not kept or kept in taken or not _free(kept):
        kept = choice.randrange(15_000, 32_000)
    file.write_text(str(kept))
    return kept


def _free(number: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", number))
        except OSError:
            return False
    return True

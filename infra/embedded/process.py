"""Starts a process that dies with its parent, in a process group of its own."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from infra.embedded.part import Account, Command

_PR_SET_PDEATHSIG = 1
_PR_SET_KEEPCAPS = 8
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAP_DAC_OVERRIDE = 1
_LINUX_CAPABILITY_VERSION_3 = 0x20080522

# Loaded before any fork: a child may not load anything.
_libc = ctypes.CDLL(None, use_errno=True)


def start(
    command: Command, *, death_signal: signal.Signals = signal.SIGKILL, **streams: Any
) -> subprocess.Popen[bytes]:
    """The process, started; it gets *death_signal* when the calling thread ends.

    *streams* are ``subprocess.Popen``'s stdin, stdout and stderr.
    """
    return subprocess.Popen(
        command.argv,
        env=command.env,
        cwd="/",
        process_group=0,
        preexec_fn=_before_exec(os.getpid(), command.user, death_signal),  # noqa: PLW1509
        **streams,
    )


def _before_exec(
    parent: int, account: Account | None, death_signal: signal.Signals
) -> Callable[[], None]:
    def run() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        if account:
            _become(account)
        if sys.platform != "linux":
            return
        # After the change of user, which would clear it.
        _libc.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:  # it ended in between
            os._exit(1)

    return run


def _become(account: Account) -> None:
    if account.overrides_modes:
        _libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(account.gid, account.gid, account.gid)
    os.setresuid(account.uid, account.uid, account.uid)
    if account.overrides_modes:
        header = (ctypes.c_uint32 * 2)(_LINUX_CAPABILITY_VERSION_3, 0)
        kept = 1 << _CAP_DAC_OVERRIDE
        sets = (ctypes.c_uint32 * 6)(kept, kept, kept, 0, 0, 0)
        _libc.capset(header, sets)
        _libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0)

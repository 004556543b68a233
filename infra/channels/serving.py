"""Serves a WSGI program by threads of this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import waitress
from waitress import wasyncore

from infra.channels.receiver import BODY_BYTES, Receiver
from infra.trouble import Trouble


@contextmanager
def serving(program: Receiver, listen: str, *, threads: int = 4) -> Iterator[str]:
    """*program* answers at *listen*, host:port; port 0 is one that is free.

    Raises:
        Trouble: nobody can listen there.
    """
    sockets: dict[int, Any] = {}
    try:
        server: Any = waitress.create_server(
            program,
            map=sockets,
            listen=listen,
            threads=threads,
            max_request_body_size=BODY_BYTES + 1,
            channel_timeout=30,
            ident=None,
        )
    except (OSError, ValueError) as wrong:
        raise Trouble(f"Nobody can listen at {listen}: {wrong}. Give host:port.") from None
    stop = threading.Event()
    running = threading.Thread(target=_run, args=(sockets, stop), daemon=True)
    running.start()
    try:
        # A name with several addresses has several sockets.
        listens = getattr(server, "effective_listen", None) or [
            (server.effective_host, server.effective_port)
        ]
        yield "{}:{}".format(*listens[0])
    finally:
        stop.set()
        running.join()
        server.task_dispatcher.shutdown()
        wasyncore.close_all(sockets)


def _run(sockets: dict[int, Any], stop: threading.Event) -> None:
    while not stop.is_set():
        wasyncore.loop(timeout=0.1, use_poll=True, map=sockets, count=1)

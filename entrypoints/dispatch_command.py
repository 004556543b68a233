"""The command that sends what is due: ``contact dispatch``."""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import typer

from entrypoints.app import AsJson
from entrypoints.contact_command import contact
from entrypoints.contact_commands import At, instant_of


@dataclass(frozen=True)
class Dispatched:
    """What was sent and what was not, counted by what became of it.

    *heard* are the answers and receipts that were recorded before.
    """

    at: datetime
    counts: dict[str, int]
    heard: dict[str, int]
    next_turn: datetime | None


@contact.command("dispatch")
def dispatch(
    at: At = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on until stopped, with what comes due.")
    ] = False,
    batch: Annotated[int, typer.Option(min=1, help="How many in one go.")] = 500,
    as_json: AsJson = False,
) -> None:
    """Send what is due: each contact is asked about at the moment it is sent.

    What borrowers answered is recorded first, as `contact inbox record` does: a refusal
    counts for what is sent after it. An instant that is still to come is refused: what is
    sent is sent now.
    A provider that failed is tried before, and with --watch beside, what is sent.
    Several may run beside each other, and each may be killed at any moment: no cap is
    overspent and nothing is lost. Providers are set up as docs/CHANNELS.md says; see
    `contact queue` for what waits, and why.
    """
    import psycopg

    from entrypoints import output
    from entrypoints.session import session
    from infra import clock, contact_queue
    from infra.bootstrap import PROJECTOR, as_role
    from infra.dispatcher import IDLE_SECONDS, open_dispatcher, probing_beside, send_due
    from infra.embedded.part import Step
    from infra.inbound import open_inbound
    from infra.stopping import stop_on_signal
    from infra.trouble import Trouble

    if watch and at is not None:
        raise Trouble("Give --watch or --at, not both: who watches goes by the clock.")
    instant = None if at is None else instant_of(at)
    counts: Counter[str] = Counter()
    heard: Counter[str] = Counter()
    with (
        session() as opened,
        open_dispatcher(opened.settings, opened.database_url, opened.book) as dispatcher,
        open_inbound(opened.settings, opened.database_url, opened.book) as inbound,
        output.progress(quiet=as_json) as progress,
        probing_beside(opened.settings, opened.database_url, opened.book)
        if watch
        else nullcontext(),
    ):
        if instant is not None:
            opened.happened_at(instant)

        def told(sent: Counter[str]) -> None:
            done = ", ".join(f"{count} {what}" for what, count in sorted(sent.items()))
            progress(Step("dispatch", done))

        stop = stop_on_signal() if watch else None
        if stop is None:
            dispatcher.recover()
        while True:
            sent, told_us = send_due(dispatcher, inbound, instant, batch, told)
            counts.update(sent)
            heard.update(told_us)
            if stop is None or stop.is_set():
                break
            if not sent and not told_us:
                stop.wait(IDLE_SECONDS)
        with psycopg.connect(as_role(opened.database_url, PROJECTOR)) as conn:
            waits = contact_queue.next_turn(conn)
    found = Dispatched(instant or clock.now(), dict(counts), dict(heard), waits)
    output.emit(found, as_json=as_json, render=_render)


def _render(found: Dispatched) -> None:
    from entrypoints import output

    if not found.counts:
        output.out.print(f"Nothing is due at {found.at:%Y-%m-%d %H:%M:%SZ}.")
    for what, count in sorted(found.counts.items()):
        output.out.print(f"{count:>8,} {what}")
    if found.heard:
        told = ", ".join(f"{count:,} {what}" for what, count in sorted(found.heard.items()))
        output.out.print(f"Heard before: {told}.")
    if found.next_turn is not None:
        output.out.print(f"The next has its turn at {found.next_turn:%Y-%m-%d %H:%M:%SZ}.")

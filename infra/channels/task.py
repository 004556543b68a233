"""Phone calls and visits: a person makes them."""

from __future__ import annotations

from collections.abc import Sequence

from infra.channels.message import Answer, Message, Probe, Result


class ByHandPort:
    """Nothing is sent: the contact stands on a person's list of work."""

    honours_idempotency = True

    def __init__(self, name: str) -> None:
        self._name = name

    def send(self, messages: Sequence[Message]) -> list[Result]:
        return [
            Result(contact_ref=each.contact_ref, answer=Answer.BY_HAND, provider=self._name)
            for each in messages
        ]

    def probe(self) -> list[Probe]:
        return [Probe(holds=True, took_ms=0)]

    def close(self) -> None:
        """Nothing is open."""

"""Who may sign what providers bring, by the register as it is known now."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from threading import Lock

import psycopg
from eventsourcing.persistence import PersistenceError
from standardwebhooks.webhooks import Webhook

from infra.logs import logger

log = logger(__name__)

LOOKED_WITHIN = 5.0
"""So many seconds old may be what is known of the secrets."""

AT_ONCE = 0.2
"""So old where a signature fits nobody: what nobody signed asks for no more looks than that."""


class Signers:
    """What each provider signs with; *secrets* are asked for anew, by name, in a while.

    They are too where a signature fits nobody: a provider may be new. One thread looks at a
    time, and where nobody can be asked what was known last counts.
    """

    def __init__(
        self, secrets: Callable[[], Mapping[str, str]], *, looked_within: float = LOOKED_WITHIN
    ) -> None:
        self._secrets = secrets
        self._within = looked_within
        self._looking = Lock()
        self._known: Mapping[str, str] = {}
        self._webhooks: Mapping[str, Webhook] = {}
        self._know(secrets())
        self._looked_at = time.monotonic()

    @property
    def names(self) -> list[str]:
        """The providers that may sign, in order."""
        return sorted(self._known)

    def who(self, fits: Callable[[Webhook], bool]) -> str | None:
        """Whose signature fits; None: nobody's, by the register of this moment."""
        self._look(self._within)
        found = self._fitting(fits)
        if found is None and self._look(min(AT_ONCE, self._within)):
            found = self._fitting(fits)
        return found

    def _fitting(self, fits: Callable[[Webhook], bool]) -> str | None:
        return next((name for name, webhook in self._webhooks.items() if fits(webhook)), None)

    def _look(self, within: float) -> bool:
        """Whether somebody signs otherwise than was known, where that was not asked lately."""
        if time.monotonic() - self._looked_at < within or not self._looking.acquire(blocking=False):
            return False
        try:
            return self._know(self._secrets())
        except (PersistenceError, psycopg.Error) as error:
            # Without its text, as everywhere here.
            log.warning("register_unavailable", error=type(error).__name__)
            return False
        finally:
            self._looked_at = time.monotonic()
            self._looking.release()

    def _know(self, secrets: Mapping[str, str]) -> bool:
        if secrets == self._known:
            return False
        self._webhooks = {name: Webhook(secret) for name, secret in secrets.items()}
        if self._known:
            log.info("providers_changed", providers=sorted(secrets))
        self._known = secrets
        return True

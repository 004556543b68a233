"""Sends messages by the best route that is sound, and says how the routes are.

The caller has asked whether the borrower may be contacted; nothing here asks again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import psycopg

from domain.base.contact_policy import Channel
from domain.base.provider import Provider, Register, Standing
from domain.base.refusal import NotFound
from domain.borrower.contact import Route as Out
from domain.borrower.contact import RouteState
from infra import clock
from infra.bootstrap import as_role
from infra.channels import journal, route_state
from infra.channels.breaker import Breaker
from infra.channels.message import Answer, Message, Port, Probe, Result
from infra.channels.ports import Named, port_of
from infra.channels.providers import load_providers
from infra.channels.route_state import Cause, Change, Disabled, LastProbe
from infra.channels.tries import Tries
from infra.channels.webhook import Patience
from infra.logs import logger
from infra.settings import Settings, provider_setting
from infra.store import WRITER
from infra.trouble import Trouble

Connection = psycopg.Connection[Any]

log = logger(__name__)

OUT = {
    "READY": RouteState.OPEN,
    "DISABLED": RouteState.DISABLED,
    "NOT_SET_UP": RouteState.NO_ROUTE,
    Standing.NOT_YET: RouteState.NO_ROUTE,
    Standing.ENDED: RouteState.NO_ROUTE,
    Standing.UNLICENSED: RouteState.UNLICENSED,
    Standing.LICENCE_EXPIRED: RouteState.LICENCE_EXPIRED,
}
"""What the gate is told of a route, by its state."""

BREAKER_OPEN = "BREAKER_OPEN"
"""Why a message was not tried by a route: too many failed before it."""

Group = tuple[Channel, str, str, date, str | None]
"""What messages have in common that the same routes may carry: channel, jurisdiction,
sender, day; and who perhaps has them already."""


@dataclass(frozen=True, kw_only=True)
class Route:
    """A provider that is set up, with what it takes to reach it."""

    provider: Provider
    port: Port
    breaker: Breaker

    @property
    def name(self) -> str:
        """The provider's."""
        return self.provider.name


@dataclass(frozen=True, kw_only=True)
class RouteView:
    """How a route is, for people."""

    name: str
    channel: str
    jurisdictions: tuple[str, ...]
    priority: int
    state: str
    """READY, DISABLED, NOT_SET_UP, or why the register does not let it be used."""
    why: str | None
    licence: str | None
    licence_until: date | None
    licence_days_left: int | None
    iso27001_until: date | None
    honours_idempotency: bool
    disabled: Disabled | None
    last_probe: LastProbe | None
    failures_24h: int


class Routes:
    """The routes of a register; made by ``open_routes``."""

    def __init__(
        self,
        conn: Connection,
        register: Callable[[], Register],
        *,
        home: Path,
        named: Named,
        patience: Patience | None,
        failures: int,
        probe_seconds: float,
    ) -> None:
        self._conn = conn
        self._known_now = register
        self._home = home
        self._named = named
        self._patience = patience
        self._failures = failures
        self._routes: dict[Provider, Route] = {}
        self._tries = Tries(probe_seconds)

    @property
    def _register(self) -> Register:
        """As it is known now: what is published counts from the next message."""
        return self._known_now()

    def close(self) -> None:
        """No route is held open."""
        for route in self._routes.values():
            route.port.close()
        self._routes.clear()

    def usable(self, message: Message) -> list[Route]:
        """The routes that may carry such a message now, the first choice first."""
        off = self._disabled()
        return self._usable(message, off)

    def asked(self, on: date) -> Callable[[Channel, str, str | None], Out]:
        """How the way out stands on a day, as things are now, for the gate to judge by.

        By channel, jurisdiction and sender, None being whoever signs: through the provider
        that would carry it, or that comes nearest to it.
        """
        off = self._disabled()

        @cache
        def asked(channel: Channel, jurisdiction: str, sender: str | None) -> Out:
            carriers = self._register.carriers(channel, jurisdiction, sender, on)
            found = [
                Out(OUT[self._state(each, on, off.get(each.name))[0]], each.rule, each.version)
                for each in carriers
            ]
            nearest = list(RouteState)
            return min(
                found, key=lambda out: nearest.index(out.state), default=Out(RouteState.NO_ROUTE)
            )

        return asked

    def send(self, messages: Sequence[Message]) -> list[Result]:
        """What became of each message, in order.

        What one route does not take, the next is asked; what one perhaps took stays with
        it, for ever. A message that was sent before is not sent again: its result is told
        again, or it goes to the same provider where that honours the key, or it stays
        UNCERTAIN, as does one that another process sends at this moment.
        """
        by_ref = {message.contact_ref: message for message in messages}
        past = journal.sendings(self._conn, by_ref)
        off = self._disabled()
        done: dict[str, Result] = {}
        groups: defaultdict[Group, list[Message]] = defaultdict(list)
        for ref, message in by_ref.items():
            before = past.get(ref)
            settled = before and before.settled
            if settled:
                done[ref] = settled
            else:
                doubted = before.provider if before and before.may_have_been_taken else None
                alike = (message.channel, message.jurisdiction, message.sender, message.on)
                groups[*alike, doubted].append(message)
        for (*_, doubted), group in groups.items():
            if doubted is None:
                done.update(self._sent(group, off))
            else:
                done.update(self._again(group, doubted, off))
        return [done[message.contact_ref] for message in messages]

    def probe(self, names: Iterable[str] = (), *, by: str = "probe") -> dict[str, list[Probe]]:
        """What each set-up route said to a try, which disables or enables it.

        A route that a person disabled is tried, and stays disabled.

        Raises:
            NotFound: no provider has a name.
        """
        wanted = [self._known(name) for name in names] or self._register.on(_today())
        found = {}
        for provider in wanted:
            try:
                route = self._route(provider)
            except Trouble:
                continue
            found[provider.name] = self._probed(route, by)
        return found

    def recover(self, pause: timedelta) -> list[str]:
        """Probe what failures or a probe disabled, once *pause* went by; what is well again."""
        off = self._disabled()
        probed = route_state.last_probes(self._conn)
        well = []
        for name, each in off.items():
            last = probed.get(name)
            since = max(each.disabled_at, last.probed_at) if last else each.disabled_at
            if each.cause != Cause.PERSON and clock.now() - since >= pause:
                probes = self.probe([name]).get(name, [])
                if probes and all(probe.holds for probe in probes):
                    well.append(name)
        return well

    def probe_seldom(self, every: timedelta) -> list[str]:
        """Probe what no process has probed for so long; the names of those.

        What a person disabled, and what the register does not let be used, is left alone.
        """
        off, probed = self._disabled(), route_state.last_probes(self._conn)
        due = []
        for provider in self._register.on(_today()):
            last, disabled = probed.get(provider.name), off.get(provider.name)
            if (
                self._register.standing(provider, _today()) == Standing.SOUND
                and (last is None or clock.now() - last.probed_at >= every)
                and (disabled is None or disabled.cause != Cause.PERSON)
            ):
                due.append(provider.name)
        return list(self.probe(due, by="schedule")) if due else []

    def disable(self, name: str, *, reason: str, by: str) -> bool:
        """Nobody uses the route until a person enables it; whether no person had said so before.

        Raises:
            NotFound: no provider has the name.
        """
        provider = self._known(name)
        disabled = route_state.disable(self._conn, provider.name, Cause.PERSON, reason, by)
        if disabled:
            log.info("route_disabled", provider=name, cause=Cause.PERSON, actor=by)
        return disabled

    def enable(self, name: str, *, by: str, reason: str | None = None) -> bool:
        """The route may be used again; whether it was disabled.

        Raises:
            NotFound: no provider has the name.
        """
        provider = self._known(name)
        enabled = route_state.enable(
            self._conn, provider.name, by, cause=Cause.PERSON, reason=reason, causes=tuple(Cause)
        )
        if enabled:
            log.info("route_enabled", provider=name, actor=by)
        return enabled

    def changes(
        self, name: str | None, *, limit: int, since: datetime | None = None
    ) -> list[Change]:
        """When routes were disabled and enabled, by whom and why, the newest first.

        Also those of a provider that the register has no more.

        Raises:
            NotFound: neither the register nor the history knows the name.
        """
        found = route_state.changes(self._conn, name, limit=limit, since=since)
        if name is not None and not found:
            self._known(name)
        return found

    def views(self, on: date) -> list[RouteView]:
        """How every route of the register is on a day."""
        off = self._disabled()
        probes = route_state.last_probes(self._conn)
        failed = route_state.failures(self._conn)
        views = []
        for provider in self._register.on(on):
            state, why = self._state(provider, on, off.get(provider.name))
            until = provider.licence_until
            views.append(
                RouteView(
                    name=provider.name,
                    channel=provider.channel,
                    jurisdictions=provider.jurisdictions,
                    priority=provider.priority,
                    state=state,
                    why=why,
                    licence=provider.licence,
                    licence_until=until,
                    licence_days_left=(until - on).days if until else None,
                    iso27001_until=provider.iso27001_until,
                    honours_idempotency=provider.honours_idempotency,
                    disabled=off.get(provider.name),
                    last_probe=probes.get(provider.name),
                    failures_24h=failed.get(provider.name, 0),
                )
            )
        return views

    def _state(self, provider: Provider, on: date, off: Disabled | None) -> tuple[str, str | None]:
        standing = self._register.standing(provider, on)
        if standing != Standing.SOUND:
            return standing, None
        try:
            self._route(provider)
        except Trouble as trouble:
            return "NOT_SET_UP", str(trouble)
        if off is not None:
            return "DISABLED", f"{off.cause}: {off.reason}"
        return "READY", None

    def _again(
        self, messages: list[Message], provider: str, off: dict[str, Disabled]
    ) -> dict[str, Result]:
        """Messages that a provider may have already: there again, or nowhere."""
        usable = self._usable(messages[0], off)
        route = next((each for each in usable if each.name == provider), None)
        if route is not None and route.port.honours_idempotency:
            results = self._through(route, messages, doubted=True)
        else:
            journal.doubt(self._conn, [each.contact_ref for each in messages])
            results = [_unknown(each.contact_ref, provider, "NOT_KNOWN") for each in messages]
        return {each.contact_ref: each for each in results}

    def _sent(self, messages: list[Message], off: dict[str, Disabled]) -> dict[str, Result]:
        """What became of messages that the same routes may carry."""
        done = {
            each.contact_ref: Result(
                contact_ref=each.contact_ref, answer=Answer.UNAVAILABLE, reason="NO_ROUTE"
            )
            for each in messages
        }
        left = messages
        for route in self._usable(messages[0], off) if messages else []:
            for result in self._through(route, left):
                done[result.contact_ref] = result
            left = [each for each in left if done[each.contact_ref].answer == Answer.UNAVAILABLE]
            if not left:
                break
        return done

    def _through(
        self, route: Route, messages: Sequence[Message], *, doubted: bool = False
    ) -> list[Result]:
        """What one route made of messages, in its journal before and after.

        Where it was *doubted* whether it has a message, not being reached now says nothing.
        """
        refs = [each.contact_ref for each in messages]
        claimed = journal.begin(self._conn, refs, route.name, again=doubted)
        elsewhere = [_unknown(ref, None, "SENT_ELSEWHERE") for ref in refs if ref not in claimed]
        results = route.port.send([each for each in messages if each.contact_ref in claimed])
        if doubted:
            results = [
                replace(each, answer=Answer.UNCERTAIN)
                if each.answer == Answer.UNAVAILABLE
                else each
                for each in results
            ]
        journal.end(self._conn, results)
        if route.breaker.is_open:
            reasons = [each.reason for each in reversed(results) if each.reason]
            # What opened the breaker says more than that it is open.
            reason = next((each for each in reasons if each != BREAKER_OPEN), BREAKER_OPEN)
            route_state.disable(self._conn, route.name, Cause.FAILURES, reason, "dispatch")
            log.warning("route_disabled", provider=route.name, cause=Cause.FAILURES, why=reason)
        return [*results, *elsewhere]

    def _probed(self, route: Route, by: str) -> list[Probe]:
        probes = self._tries.probe(route.name, route.port.probe)
        route_state.record_probes(self._conn, route.name, probes)
        if all(probe.holds for probe in probes):
            if route_state.enable(
                self._conn,
                route.name,
                by,
                cause=Cause.PROBE,
                reason="it holds",
                causes=(Cause.FAILURES, Cause.PROBE),
            ):
                log.info("route_enabled", provider=route.name, actor=by)
        else:
            why = ", ".join(
                " ".join(filter(None, (probe.carrier, probe.reason)))
                for probe in probes
                if not probe.holds
            )
            route_state.disable(self._conn, route.name, Cause.PROBE, why, by)
            log.warning("route_disabled", provider=route.name, cause=Cause.PROBE, why=why)
        return probes

    def _usable(self, message: Message, off: dict[str, Disabled]) -> list[Route]:
        routes = []
        for provider in self._register.candidates(
            message.channel, message.jurisdiction, message.sender, message.on
        ):
            if provider.name not in off:
                try:
                    routes.append(self._route(provider))
                except Trouble:
                    continue
        return routes

    def _disabled(self) -> dict[str, Disabled]:
        """What is disabled now; a breaker that is open here was enabled since elsewhere."""
        off = route_state.disabled(self._conn)
        for route in self._routes.values():
            if route.breaker.is_open and route.name not in off:
                route.breaker.close()
        return off

    def _route(self, provider: Provider) -> Route:
        """The way out to a provider, made at its first use.

        Raises:
            Trouble: it is not set up.
        """
        route = self._routes.get(provider)
        if route is None:
            self._leave(provider.name)
            breaker = Breaker(failures=self._failures)
            port = port_of(provider, self._named, self._home, breaker, self._patience)
            route = self._routes[provider] = Route(provider=provider, port=port, breaker=breaker)
        return route

    def _leave(self, name: str) -> None:
        """Nothing is held open to a provider as another version of its entry had it."""
        for old in [each for each in self._routes if each.name == name]:
            self._routes.pop(old).port.close()

    def _known(self, name: str) -> Provider:
        known = self._register.on(_today())
        for provider in known:
            if provider.name == name:
                return provider
        names = ", ".join(each.name for each in known)
        raise NotFound(f"No provider is called {name!r}: it is one of {names}.")


def _unknown(ref: str, provider: str | None, reason: str) -> Result:
    return Result(contact_ref=ref, answer=Answer.UNCERTAIN, provider=provider, reason=reason)


def _today() -> date:
    return clock.now().date()


@contextmanager
def open_routes(
    settings: Settings,
    database_url: str,
    *,
    register: Callable[[], Register] = load_providers,
    named: Named = provider_setting,
    patience: Patience | None = None,
    failures: int = 10,
) -> Iterator[Routes]:
    """The routes of the register; what they hold open is closed afterwards.

    *failures* in a row open a route's breaker.
    """
    with psycopg.connect(as_role(database_url, WRITER), autocommit=True) as conn:
        routes = Routes(
            conn,
            register,
            home=settings.home,
            named=named,
            patience=patience,
            failures=failures,
            probe_seconds=settings.probe_seconds,
        )
        try:
            yield routes
        finally:
            routes.close()

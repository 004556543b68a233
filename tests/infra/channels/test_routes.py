"""The next route is taken when one fails, and no message goes out by two of them."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest

from domain.base.contact_policy import Channel
from domain.base.provider import Adapter, Provider, Register
from domain.base.refusal import NotFound
from entrypoints.demo.provider import Behaviour, Simulator, simulated
from infra import clock
from infra.channels import journal
from infra.channels.message import Answer
from infra.channels.probing import probing
from infra.channels.routes import Routes, RouteView, open_routes
from infra.channels.webhook import Patience
from infra.migrations.run import migrate
from infra.settings import Settings
from tests.infra.channels.samples import NUMBER, SECRET, SHORT, message

TODAY = date(2026, 11, 23)


def provider(name: str, priority: int, *, honours: bool = True, **said: object) -> Provider:
    values = {
        "name": name,
        "version": "1",
        "adapter": Adapter.WEBHOOK,
        "channel": Channel.SMS,
        "jurisdictions": ("CN",),
        "senders": (),
        "url_setting": f"{name}_URL",
        "secret_setting": f"{name}_SECRET",
        "honours_idempotency": honours,
        "priority": priority,
        "valid_from": date(2026, 1, 1),
        "source": "a test",
    }
    return Provider(**{**values, **said})  # type: ignore[arg-type]


class Town:
    """Two providers, and processes that send through them."""

    def __init__(self, stack: ExitStack, database_url: str, home: Path) -> None:
        self._stack = stack
        self.url = database_url
        self.home = home
        self.settings: dict[str, str] = {}
        self.register = Register(providers=(), licence_rules=())

    def add(self, each: Provider, behaviour: Behaviour | None = None) -> Simulator:
        """The provider is in the register, and listens."""
        url, simulator = self._stack.enter_context(
            simulated(behaviour or Behaviour(secret=SECRET, hang_seconds=5.0))
        )
        self.settings |= {f"{each.name}_URL": url, f"{each.name}_SECRET": SECRET}
        self.register = Register(providers=(*self.register.providers, each), licence_rules=())
        return simulator

    @contextmanager
    def process(self, patience: Patience = SHORT) -> Iterator[Routes]:
        """One of several that send."""
        with open_routes(
            Settings(home=self.home),
            self.url,
            register=lambda: self.register,
            named=self.settings.get,
            patience=patience,
            failures=3,
        ) as routes:
            yield routes

    @contextmanager
    def database(self) -> Iterator[psycopg.Connection]:
        with psycopg.connect(self.url, autocommit=True) as conn:
            yield conn


@pytest.fixture
def town(database_url: str, tmp_path: Path) -> Iterator[Town]:
    migrate(database_url)
    with ExitStack() as stack:
        yield Town(stack, database_url, tmp_path)


def view(routes: Routes, name: str) -> RouteView:
    return next(each for each in routes.views(TODAY) if each.name == name)


DOWN = Behaviour(secret=SECRET, fail_percent=100)
WELL = Behaviour(secret=SECRET, hang_seconds=5.0)


def test_the_first_choice_carries_it(town: Town) -> None:
    first, second = town.add(provider("one", 1)), town.add(provider("two", 2))

    with town.process() as routes:
        results = routes.send([message(), message()])

    assert {(each.answer, each.provider) for each in results} == {(Answer.ACCEPTED, "one")}
    assert (first.summary()["sent"], second.summary()["sent"]) == (2, 0)


def test_what_the_first_does_not_take_the_next_is_asked_for_and_the_first_is_disabled(
    town: Town,
) -> None:
    town.add(provider("one", 1), DOWN)
    second = town.add(provider("two", 2))
    sent = [message() for _ in range(12)]

    with town.process() as routes:
        results = routes.send(sent)
        seen = view(routes, "one")

    assert {(each.answer, each.provider) for each in results} == {(Answer.ACCEPTED, "two")}
    assert second.summary()["sent"] == 12
    assert (seen.state, seen.disabled and seen.disabled.cause) == ("DISABLED", "FAILURES")


def test_a_disabled_route_is_disabled_for_every_process_until_a_probe_holds(town: Town) -> None:
    first = town.add(provider("one", 1), DOWN)
    town.add(provider("two", 2))

    with town.process() as routes, town.process() as other:
        routes.send([message() for _ in range(6)])
        calls = first.calls.total()
        [elsewhere] = other.send([message()])
        first.behaviour = WELL
        early = other.recover(timedelta(hours=1))
        well = other.recover(timedelta(0))
        [here] = routes.send([message()])

    assert elsewhere.provider == "two"
    assert first.calls.total() > calls
    assert (early, well) == ([], ["one"])
    assert (here.answer, here.provider) == (Answer.ACCEPTED, "one")


def test_a_failed_probe_disables_and_names_the_carrier(town: Town) -> None:
    first = town.add(
        provider("one", 1, carriers=("CMCC", "CTCC")),
        Behaviour(secret=SECRET, failing_carriers=("CTCC",)),
    )
    town.add(provider("two", 2))

    with town.process() as routes:
        probes = routes.probe(["one"])
        [result] = routes.send([message()])
        seen = view(routes, "one")
        first.behaviour = WELL
        routes.probe()
        later = view(routes, "one")

    assert [(each.carrier, each.holds) for each in probes["one"]] == [
        ("CMCC", True),
        ("CTCC", False),
    ]
    assert result.provider == "two"
    assert seen.last_probe and (seen.last_probe.holds, seen.last_probe.reason) == (
        False,
        "CTCC HTTP_503",
    )
    assert (seen.state, seen.why) == ("DISABLED", "PROBE: CTCC HTTP_503")
    assert (later.state, later.last_probe and later.last_probe.holds) == ("READY", True)


def test_what_a_person_disabled_only_a_person_enables(town: Town) -> None:
    town.add(provider("one", 1))

    with town.process() as routes:
        routes.disable("one", reason="complaints", by="anna")
        routes.probe()
        [stopped] = routes.send([message()])
        enabled = routes.enable("one", by="bert")
        [sent] = routes.send([message()])

    assert (stopped.answer, stopped.reason) == (Answer.UNAVAILABLE, "NO_ROUTE")
    assert enabled
    assert sent.answer == Answer.ACCEPTED


def test_a_provider_that_nobody_knows_is_named_in_the_refusal(town: Town) -> None:
    town.add(provider("one", 1))

    with town.process() as routes, pytest.raises(NotFound, match="it is one of one"):
        routes.enable("oen", by="anna")


def test_a_route_without_its_settings_is_not_used_and_says_what_is_missing(town: Town) -> None:
    town.add(provider("one", 1))
    town.settings.clear()

    with town.process() as routes:
        [result] = routes.send([message()])
        seen = view(routes, "one")

    assert (result.answer, result.reason) == (Answer.UNAVAILABLE, "NO_ROUTE")
    assert (seen.state, seen.why) == ("NOT_SET_UP", "Set one_URL to use it.")


def test_an_expired_licence_is_no_route_and_the_days_to_it_are_counted(town: Town) -> None:
    town.add(provider("one", 1, licence="B2-1", licence_until=date(2026, 11, 30)))

    with town.process() as routes:
        soon = view(routes, "one")
        [result] = routes.send([message(on=date(2026, 11, 30))])

    assert soon.licence_days_left == 7
    assert (result.answer, result.reason) == (Answer.UNAVAILABLE, "NO_ROUTE")


def test_a_message_that_was_accepted_is_not_sent_again(town: Town) -> None:
    first = town.add(
        provider("one", 1, honours=False), Behaviour(secret=SECRET, honours_keys=False)
    )
    sent = message()

    with town.process() as routes:
        results = routes.send([sent])
    with town.process() as routes:
        again = routes.send([sent])

    assert again == results
    assert first.taken == {sent.contact_ref: 1}


def test_a_ref_that_stands_twice_in_a_batch_is_sent_once(town: Town) -> None:
    first = town.add(
        provider("one", 1, honours=False), Behaviour(secret=SECRET, honours_keys=False)
    )
    sent = message()

    with town.process() as routes:
        results = routes.send([sent, sent])

    assert results[0] == results[1]
    assert first.taken == {sent.contact_ref: 1}


def test_two_processes_that_send_the_same_at_once_send_it_once(town: Town) -> None:
    first = town.add(
        provider("one", 1, honours=False),
        Behaviour(secret=SECRET, honours_keys=False, delay_seconds=0.01),
    )
    sent = [message() for _ in range(100)]

    def work() -> list[Answer]:
        with town.process(Patience()) as routes:  # nothing here is about time
            return [
                result.answer
                for start in range(0, len(sent), 10)
                for result in routes.send(sent[start : start + 10])
            ]

    with ThreadPoolExecutor(3) as pool:
        answers = [each.result() for each in [pool.submit(work) for _ in range(3)]]

    assert first.taken == {each.contact_ref: 1 for each in sent}
    for told in zip(*answers, strict=True):
        assert Answer.ACCEPTED in told
        assert set(told) <= {Answer.ACCEPTED, Answer.UNCERTAIN}


def killed_after(town: Town, ref: str, name: str, act: Callable[[], object]) -> None:
    """A process was killed after it began to send, whether or not the provider took it."""
    with town.database() as conn:
        journal.begin(conn, [ref], name)
    act()


def test_a_message_whose_process_was_killed_goes_to_the_same_provider_with_its_key(
    town: Town,
) -> None:
    town.add(provider("one", 1))
    second = town.add(provider("two", 2))
    sent = message()
    killed_after(town, sent.contact_ref, "two", lambda: second.take(sent.contact_ref, {}))

    with town.process() as routes:
        [result] = routes.send([sent])

    assert (result.answer, result.provider) == (Answer.ACCEPTED, "two")
    assert second.taken == {sent.contact_ref: 1}


def test_without_keys_a_message_whose_process_was_killed_stays_uncertain(town: Town) -> None:
    town.add(provider("one", 1))
    second = town.add(provider("two", 2, honours=False))
    sent = message()
    killed_after(town, sent.contact_ref, "two", lambda: None)

    with town.process() as routes:
        [result] = routes.send([sent])

    assert (result.answer, result.provider, result.reason) == (Answer.UNCERTAIN, "two", "NOT_KNOWN")
    assert not second.taken


def test_what_one_provider_perhaps_took_never_goes_to_another(town: Town) -> None:
    first = town.add(provider("one", 1), Behaviour(secret=SECRET, fail_after_percent=100))
    second = town.add(provider("two", 2))
    sent = message()

    with town.process() as routes:
        [doubtful] = routes.send([sent])
        first.behaviour = DOWN
        routes.enable("one", by="test")
        [still] = routes.send([sent])
        first.behaviour = WELL
        routes.enable("one", by="test")
        [told] = routes.send([sent])

    assert (doubtful.answer, still.answer) == (Answer.UNCERTAIN, Answer.UNCERTAIN)
    assert (told.answer, told.provider) == (Answer.ACCEPTED, "one")
    assert first.taken == {sent.contact_ref: 1}
    assert not second.taken


def test_a_contact_that_a_person_makes_is_left_to_them(town: Town) -> None:
    town.register = Register(
        providers=(provider("by-phone", 1, adapter=Adapter.BY_HAND, channel=Channel.PHONE),),
        licence_rules=(),
    )

    with town.process() as routes:
        [result] = routes.send([message(channel=Channel.PHONE)])

    assert (result.answer, result.provider) == (Answer.BY_HAND, "by-phone")


def test_no_table_holds_a_number_or_a_text(town: Town) -> None:
    town.add(provider("one", 1), Behaviour(secret=SECRET, refuse_percent=50))

    with town.process() as routes:
        routes.send([message() for _ in range(20)])
        routes.probe()

    with town.database() as conn:
        told = "".join(
            str(conn.execute(f"SELECT * FROM contact.{table}").fetchall())
            for table in ("sending", "route_state", "probe")
        )
    assert NUMBER not in told
    assert "还款日" not in told


# --- probes on a schedule, and what the gate is told ------------------------------------

HOUR = timedelta(hours=1)


def test_a_route_is_tried_by_itself_once_in_a_while_by_one_process(town: Town) -> None:
    town.add(provider("one", 1), DOWN)
    with town.process() as routes, town.process() as other:
        assert routes.probe_seldom(HOUR) == ["one"]
        assert routes.probe_seldom(HOUR) == []
        assert other.probe_seldom(HOUR) == []
        assert routes.probe_seldom(timedelta(0)) == ["one"]


def test_a_route_that_fails_its_try_is_disabled_and_comes_back_by_a_later_one(town: Town) -> None:
    simulator = town.add(
        provider("one", 1, carriers=("CMCC", "CTCC")),
        Behaviour(secret=SECRET, failing_carriers=("CTCC",)),
    )
    with town.process() as routes:
        routes.probe_seldom(timedelta(0))
        first = view(routes, "one").state
        simulator.behaviour = WELL
        routes.probe_seldom(timedelta(0))

        assert (first, view(routes, "one").state) == ("DISABLED", "READY")


def test_what_a_person_disabled_is_not_tried_by_itself(town: Town) -> None:
    town.add(provider("one", 1))
    with town.process() as routes:
        routes.disable("one", reason="not paid", by="boss")

        assert routes.probe_seldom(timedelta(0)) == []
        assert view(routes, "one").state == "DISABLED"


def test_the_gate_is_told_of_the_provider_that_comes_nearest(town: Town) -> None:
    expired = date(2026, 11, 1)
    town.add(provider("one", 1, licence="L", licence_until=expired))
    with town.process() as routes:

        def told(channel: Channel = Channel.SMS) -> tuple[str, str]:
            found = routes.asked(TODAY)(channel, "CN", None)
            return found.state, found.rule

        assert told() == ("LICENCE_EXPIRED", "provider-one")
        assert told(Channel.EMAIL) == ("NO_ROUTE", "")
        town.add(provider("two", 2))
        assert told() == ("OPEN", "provider-two")
        routes.disable("two", reason="not paid", by="boss")
        assert told() == ("DISABLED", "provider-two")


def test_an_entry_that_is_replaced_is_used_from_the_next_message(town: Town) -> None:
    old = town.add(provider("one", 1))
    with town.process() as routes:
        assert routes.send([message()])[0].answer == Answer.ACCEPTED
        town.register = Register(providers=(), licence_rules=())
        new = town.add(provider("one", 1, version="2"))
        assert routes.send([message()])[0].answer == Answer.ACCEPTED

    assert (len(old.taken), len(new.taken)) == (1, 1)


def test_who_disabled_and_enabled_a_route_is_told_with_when_and_why(town: Town) -> None:
    simulator = town.add(
        provider("one", 1, carriers=("CTCC",)), Behaviour(secret=SECRET, failing_carriers=("CTCC",))
    )
    town.add(provider("two", 2))
    with town.process() as routes:
        routes.probe(by="schedule")
        routes.probe(by="schedule")
        routes.disable("one", reason="complaints", by="anna")
        simulator.behaviour = WELL
        routes.probe(by="schedule")
        routes.enable("one", by="bert", reason="they mended it")
        routes.disable("two", reason="late", by="anna")
        found = routes.changes("one", limit=10)
        newest = routes.changes(None, limit=1)
        later = routes.changes(None, limit=10, since=clock.now() + HOUR)
        with pytest.raises(NotFound):
            routes.changes("pigeon", limit=1)

    told = [(each.change, each.cause, each.reason, each.changed_by) for each in found]
    assert told == [
        ("ENABLED", "PERSON", "they mended it", "bert"),
        ("DISABLED", "PERSON", "complaints", "anna"),
        ("DISABLED", "PROBE", "CTCC HTTP_503", "schedule"),
    ]
    assert [each.changed_at for each in found] == sorted(
        (each.changed_at for each in found), reverse=True
    )
    assert [each.provider for each in newest] == ["two"]
    assert later == []


def test_a_route_that_a_person_disabled_stays_as_they_said(town: Town) -> None:
    town.add(provider("one", 1), DOWN)
    with town.process() as routes:
        routes.send([message() for _ in range(6)])
        said = [
            routes.disable("one", reason=why, by=who)
            for who, why in (("anna", "complaints"), ("anna", "complaints"), ("bert", "late"))
        ]
        found = routes.changes("one", limit=10)

    assert said == [True, False, False]
    assert [(each.change, each.cause, each.reason, each.changed_by) for each in found] == [
        ("DISABLED", "PERSON", "complaints", "anna"),
        ("DISABLED", "FAILURES", "HTTP_503 DOWN", "dispatch"),
    ]


def test_that_failures_disabled_a_route_and_a_probe_brought_it_back_is_told(town: Town) -> None:
    simulator = town.add(provider("one", 1), DOWN)
    with town.process() as routes:
        routes.send([message() for _ in range(6)])
        simulator.behaviour = WELL
        routes.recover(timedelta(0))
        found = routes.changes("one", limit=10)

    told = [(each.change, each.cause, each.reason, each.changed_by) for each in found]
    assert told == [
        ("ENABLED", "PROBE", "it holds", "probe"),
        ("DISABLED", "FAILURES", "HTTP_503 DOWN", "dispatch"),
    ]


# --- probes beside what is sent ----------------------------------------------------------


@contextmanager
def silent() -> Iterator[str]:
    """Where somebody listens, and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


@contextmanager
def patient(town: Town, probe_seconds: int) -> Iterator[Routes]:
    """A process that would wait an hour for an answer, and may try for so long."""
    with open_routes(
        Settings(home=town.home, probe_seconds=probe_seconds),
        town.url,
        register=lambda: town.register,
        named=town.settings.get,
        patience=Patience(read_seconds=3600),
    ) as routes:
        yield routes


@pytest.fixture
def mute(town: Town) -> Iterator[Town]:
    """A town of which the first provider never says a word, and the second is well."""
    with silent() as url:
        town.add(provider("one", 1))
        town.settings["one_URL"] = url
        town.add(provider("two", 2))
        yield town


def test_a_probe_that_hangs_fails_in_time_and_is_not_tried_twice_at_once(mute: Town) -> None:
    with patient(mute, probe_seconds=1) as routes:
        began = time.monotonic()
        [first] = routes.probe(["one"])["one"]
        took = time.monotonic() - began
        [second] = routes.probe(["one"])["one"]
        seen = view(routes, "one")

    assert (first.holds, first.reason) == (False, "PROBE_TIMEOUT")
    assert 1 <= took < 5
    assert (second.reason, second.took_ms) == ("PROBE_TIMEOUT", 0)
    assert seen.why == "PROBE: PROBE_TIMEOUT"


def test_a_probe_that_hangs_delays_no_message_and_nobody_who_ends(mute: Town) -> None:
    with mute.process() as routes:
        began = time.monotonic()
        with probing(lambda: patient(mute, probe_seconds=600), timedelta(0)):
            sent = [routes.send([message()])[0].answer for _ in range(3)]
        took = time.monotonic() - began

    assert len(sent) == 3
    assert took < 10


def test_a_route_that_failed_comes_back_by_a_probe_beside(town: Town) -> None:
    simulator = town.add(
        provider("one", 1, carriers=("CTCC",)), Behaviour(secret=SECRET, failing_carriers=("CTCC",))
    )
    with town.process() as routes:
        routes.probe()
        failed = view(routes, "one").state
        simulator.behaviour = WELL
        with probing(town.process, timedelta(0), look_seconds=0.1):
            back = any(_is_ready(routes) for _ in range(100))

    assert (failed, back) == ("DISABLED", True)


def _is_ready(routes: Routes) -> bool:
    time.sleep(0.1)
    return view(routes, "one").state == "READY"

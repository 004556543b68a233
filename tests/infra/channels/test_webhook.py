"""A provider reached over HTTP fails, hangs and repeats; a message goes out once, or says so.

The provider is a real server in this process.
"""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from entrypoints.demo.provider import Behaviour, Simulator, simulated
from infra.channels.breaker import Breaker
from infra.channels.message import Answer, Message
from infra.channels.webhook import Patience, WebhookPort
from tests.infra.channels.samples import NUMBER, SECRET, SHORT, message

Made = tuple[WebhookPort, Simulator]
Make = Callable[..., Made]


@pytest.fixture
def provider() -> Iterator[Make]:
    """Starts a provider that behaves so, and a way out to it."""
    with ExitStack() as stack:

        def make(
            patience: Patience = SHORT, breaker: Breaker | None = None, **behaviour: int | bool
        ) -> Made:
            kept: dict[str, object] = {"secret": SECRET, "hang_seconds": 5.0, **behaviour}
            url, simulator = stack.enter_context(simulated(Behaviour(**kept)))  # type: ignore[arg-type]
            port = WebhookPort(
                "sms",
                url,
                SECRET,
                honours_idempotency=simulator.behaviour.honours_keys,
                sender_code="1069",
                patience=patience,
                breaker=breaker,
            )
            stack.callback(port.close)
            return port, simulator

        yield make


def test_a_message_is_taken_signed_and_with_its_key(provider: Make) -> None:
    port, simulator = provider()
    sent = message()

    [result] = port.send([sent])

    assert result.answer == Answer.ACCEPTED
    assert (result.provider, result.provider_id) == ("sms", f"sim-{sent.contact_ref}")
    assert simulator.taken == {sent.contact_ref: 1}
    assert simulator.messages[sent.contact_ref]["to"] == NUMBER
    assert simulator.messages[sent.contact_ref]["sender_code"] == "1069"


def test_a_batch_is_answered_in_its_order(provider: Make) -> None:
    port, simulator = provider()
    sent = [message() for _ in range(40)]

    results = port.send(sent)

    assert [each.contact_ref for each in results] == [each.contact_ref for each in sent]
    assert {each.answer for each in results} == {Answer.ACCEPTED}
    assert simulator.summary()["sent"] == 40


def test_a_provider_that_fails_often_takes_every_message_once(provider: Make) -> None:
    port, simulator = provider(fail_percent=20, fail_after_percent=10, busy_percent=5,
                               drop_percent=5, retry_after_seconds=0)  # fmt: skip
    sent = [message() for _ in range(120)]

    results = port.send(sent)

    accepted = {each.contact_ref for each in results if each.answer == Answer.ACCEPTED}
    assert accepted == {each.contact_ref for each in sent}
    assert simulator.taken == dict.fromkeys(accepted, 1)
    assert simulator.calls[503] > 0 and simulator.calls[500] > 0


def test_without_keys_a_call_without_an_answer_is_never_repeated(provider: Make) -> None:
    port, simulator = provider(honours_keys=False, drop_percent=100)
    sent = message()

    [result] = port.send([sent])

    assert (result.answer, result.reason) == (Answer.UNCERTAIN, "NO_ANSWER")
    assert simulator.taken == {sent.contact_ref: 1}


def test_without_keys_an_error_after_the_call_is_not_repeated(provider: Make) -> None:
    port, simulator = provider(honours_keys=False, fail_after_percent=100)
    sent = message()

    [result] = port.send([sent])

    assert (result.answer, result.reason) == (Answer.UNCERTAIN, "HTTP_500")
    assert simulator.taken == {sent.contact_ref: 1}


def test_a_provider_that_hangs_leaves_it_uncertain_when_the_time_is_up(provider: Make) -> None:
    port, simulator = provider(
        patience=replace(SHORT, read_seconds=0.1, budget_seconds=0.5), hang_percent=100
    )
    sent = message()
    began = time.monotonic()

    [result] = port.send([sent])

    assert (result.answer, result.reason) == (Answer.UNCERTAIN, "NO_ANSWER")
    assert time.monotonic() - began < 5
    assert simulator.taken == {sent.contact_ref: 1}


def test_a_doubt_stays_when_later_tries_find_nobody(provider: Make) -> None:
    port, simulator = provider(fail_after_percent=100)
    simulator.then = Behaviour(secret=SECRET, fail_percent=100)

    [result] = port.send([message()])

    assert (result.answer, result.reason) == (Answer.UNCERTAIN, "HTTP_500")
    assert simulator.calls[503] > 0


def test_a_provider_that_is_down_does_not_have_the_message(provider: Make) -> None:
    port, simulator = provider(patience=replace(SHORT, budget_seconds=0.2), fail_percent=100)

    [result] = port.send([message()])

    assert (result.answer, result.reason) == (Answer.UNAVAILABLE, "HTTP_503 DOWN")
    assert not simulator.taken
    assert simulator.calls[503] > 1


def test_nobody_at_the_address_does_not_have_the_message() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        port = WebhookPort("sms", url, SECRET, honours_idempotency=False,
                           patience=replace(SHORT, budget_seconds=0.2))  # fmt: skip
        [result] = port.send([message()])
        port.close()

    assert (result.answer, result.reason) == (Answer.UNAVAILABLE, "NO_CONNECTION")


def test_a_busy_provider_is_asked_again_when_it_said(provider: Make) -> None:
    port, simulator = provider(busy_percent=100, retry_after_seconds=1)
    simulator.then = Behaviour(secret=SECRET)
    began = time.monotonic()

    [result] = port.send([message()])

    assert result.answer == Answer.ACCEPTED
    assert time.monotonic() - began >= 1


def test_a_provider_that_asks_for_more_time_than_there_is_gets_it_later(provider: Make) -> None:
    port, simulator = provider(busy_percent=100, retry_after_seconds=90)
    began = time.monotonic()

    [result] = port.send([message()])

    assert (result.answer, result.reason) == (Answer.UNAVAILABLE, "HTTP_429")
    assert result.try_after_seconds and result.try_after_seconds >= 90
    assert time.monotonic() - began < 1
    assert simulator.calls[429] == 1


def test_a_refusal_is_final_and_names_only_a_code(provider: Make) -> None:
    port, simulator = provider(refuse_percent=100)

    [result] = port.send([message()])

    assert (result.answer, result.reason) == (Answer.REFUSED, "HTTP_422 INVALID_NUMBER")
    assert simulator.calls[422] == 1


def test_a_wrong_secret_is_a_fault_of_the_route_not_of_the_message(provider: Make) -> None:
    port, simulator = provider()
    simulator.behaviour = Behaviour(
        secret="whsec_" + "b3RoZXItc2VjcmV0LW9mLTMyLWJ5dGVzLWxvbmchISE="
    )

    [result] = port.send([message()])

    assert (result.answer, result.reason) == (Answer.UNAVAILABLE, "HTTP_401")


def test_after_failures_in_a_row_nobody_calls_until_the_pause_is_over(provider: Make) -> None:
    breaker = Breaker(failures=3, pause_seconds=0.4)
    port, simulator = provider(breaker=breaker, fail_percent=100)

    stopped = [port.send([message()])[0] for _ in range(4)]
    calls = simulator.calls.total()
    simulator.behaviour = Behaviour(secret=SECRET)
    early = port.send([message()])[0]
    time.sleep(0.5)
    late = port.send([message()])[0]

    assert {each.answer for each in stopped} == {Answer.UNAVAILABLE}
    assert calls == 3
    assert (early.answer, early.reason) == (Answer.UNAVAILABLE, "BREAKER_OPEN")
    assert late.answer == Answer.ACCEPTED
    assert not breaker.is_open


def test_a_probe_sends_nothing_and_asks_for_each_carrier() -> None:
    with simulated(Behaviour(secret=SECRET, failing_carriers=("CTCC",))) as (url, simulator):
        port = WebhookPort("sms", url, SECRET, honours_idempotency=True,
                           carriers=("CMCC", "CTCC"), patience=SHORT)  # fmt: skip
        probes = port.probe()
        port.close()

    assert [(each.carrier, each.holds, each.reason) for each in probes] == [
        ("CMCC", True, None),
        ("CTCC", False, "HTTP_503"),
    ]
    assert not simulator.taken


def test_no_number_and_no_text_gets_into_what_is_printed_or_logged(
    provider: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    port, _ = provider(fail_percent=50, refuse_percent=50)
    sent: list[Message] = [message() for _ in range(10)]

    results = port.send(sent)

    told = repr((sent, results, port)) + caplog.text
    assert NUMBER not in told
    assert "还款日" not in told


@pytest.mark.parametrize("ref", ["", "../x", "a b", "a\r\nX-Evil: 1", "é", "x" * 81])
def test_a_ref_that_could_be_more_than_a_ref_is_none(ref: str) -> None:
    with pytest.raises(ValueError, match="contact ref"):
        message(contact_ref=ref)


def test_half_a_character_is_refused_and_the_rest_of_the_batch_goes_on(provider: Make) -> None:
    port, _ = provider()

    results = port.send([message(text="\ud83d"), message()])

    assert [(each.answer, each.reason) for each in results] == [
        (Answer.REFUSED, "CHARACTERS"),
        (Answer.ACCEPTED, None),
    ]

"""Who may sign is asked anew while a receiver runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import psycopg
import pytest
from standardwebhooks.webhooks import Webhook

from domain.base.provider import Register
from infra.channels.providers import inbound_secrets, load_providers
from infra.channels.signers import Signers
from tests.infra.channels.samples import SECRET

OTHER = "whsec_" + "b3RoZXItc2VjcmV0LW9mLTMyLWJ5dGVzLWxvbmchISE="
AT = datetime(2026, 11, 23, tzinfo=UTC)


def signed_with(secret: str) -> str:
    return Webhook(secret).sign("w-1", AT, "{}")


def whose(signers: Signers, secret: str) -> str | None:
    return signers.who(lambda each: each.sign("w-1", AT, "{}") == signed_with(secret))


def test_a_provider_that_is_new_in_the_register_may_sign_without_a_restart() -> None:
    known = {"sms": SECRET}
    signers = Signers(lambda: dict(known), looked_within=0)
    assert whose(signers, OTHER) is None

    known["push"] = OTHER

    assert (whose(signers, OTHER), whose(signers, SECRET)) == ("push", "sms")
    assert signers.names == ["push", "sms"]


def test_a_secret_that_the_register_names_no_more_fits_nobody() -> None:
    known = {"sms": SECRET}
    signers = Signers(lambda: dict(known), looked_within=0)

    known["sms"] = OTHER

    assert (whose(signers, SECRET), whose(signers, OTHER)) == (None, "sms")


def test_the_register_is_not_asked_for_each_message() -> None:
    looks: list[int] = []

    def secrets() -> dict[str, str]:
        looks.append(1)
        return {"sms": SECRET}

    signers = Signers(secrets)
    for _ in range(100):
        whose(signers, SECRET)
        whose(signers, OTHER)

    assert len(looks) == 1


def test_while_nobody_can_be_asked_what_was_known_last_counts() -> None:
    away: list[Exception] = []

    def secrets() -> dict[str, str]:
        if away:
            raise away[0]
        return {"sms": SECRET}

    signers = Signers(secrets, looked_within=0)
    away.append(psycopg.OperationalError("gone"))

    assert whose(signers, SECRET) == "sms"


def test_a_provider_signs_with_what_its_version_of_the_day_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shipped = load_providers()
    before = next(each for each in shipped.providers if each.inbound_secret_setting)
    after = replace(
        before,
        version="of-december",
        inbound_secret_setting="LOANS_PROVIDER_NEXT",
        valid_from=date(2026, 12, 1),
    )
    assert before.inbound_secret_setting is not None
    monkeypatch.setenv(before.inbound_secret_setting, SECRET)
    monkeypatch.setenv("LOANS_PROVIDER_NEXT", OTHER)
    register = Register(providers=(before, after), licence_rules=shipped.licence_rules)

    assert inbound_secrets(register, date(2026, 11, 30)) == {before.name: SECRET}
    assert inbound_secrets(register, date(2026, 12, 1)) == {before.name: OTHER}

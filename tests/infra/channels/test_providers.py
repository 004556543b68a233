"""The register says who may carry a message on a day; nobody unlicensed or expired may."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from domain.base.contact_policy import Channel
from domain.base.provider import Register, Standing
from infra.channels.providers import load_providers

ENTRY = """
[[provider]]
name = "{name}"
version = "1"
adapter = "WEBHOOK"
channel = "SMS"
jurisdictions = ["CN"]
url_setting = "LOANS_PROVIDER_A_URL"
secret_setting = "LOANS_PROVIDER_A_SECRET"
priority = {priority}
from = 2026-01-01
source = "a test"
"""
RULE = """
[[licence_rule]]
rule = "cn"
version = "1"
jurisdiction = "CN"
channels = ["SMS"]
from = 2026-01-01
source = "a test"
"""
LICENCE = 'licence = "B2-1"\nlicence_until = 2027-01-01\n'
NOV_23 = date(2026, 11, 23)


Read = Callable[[str], Register]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def made(text: str) -> Register:
        file = tmp_path / "providers.toml"
        file.write_text(text, encoding="utf-8")
        load_providers.cache_clear()
        return load_providers(tmp_path)

    return made


def entry(name: str = "a", *, priority: int = 10, more: str = "") -> str:
    return ENTRY.format(name=name, priority=priority) + more


def chosen(register: Register, on: date = NOV_23, sender: str = "S") -> list[str]:
    return [each.name for each in register.candidates(Channel.SMS, "CN", sender, on)]


def test_the_register_of_the_house_is_sound_and_has_a_way_for_every_channel_but_ai_voice() -> None:
    register = load_providers()

    for channel in set(Channel) - {Channel.AI_VOICE}:
        assert register.candidates(channel, "CN", "示例消费金融", NOV_23), channel
    assert {register.standing(each, NOV_23) for each in register.providers} == {Standing.SOUND}
    for jurisdiction in ("US", "UK", "IN", "EU"):
        assert register.candidates(Channel.SMS, jurisdiction, "Example Lending", NOV_23)


def test_the_lowest_priority_is_asked_first(read: Read) -> None:
    register = read(entry("second", priority=20) + entry("first"))

    assert chosen(register) == ["first", "second"]


def test_a_licence_ends_on_its_day(read: Read) -> None:
    register = read(RULE + entry(more=LICENCE))

    assert chosen(register, date(2026, 12, 31)) == ["a"]
    assert chosen(register, date(2027, 1, 1)) == []
    [provider] = register.providers
    assert register.standing(provider, date(2027, 1, 1)) == Standing.LICENCE_EXPIRED


def test_nobody_without_a_licence_carries_what_needs_one(read: Read) -> None:
    register = read(RULE + entry())

    assert chosen(register) == []
    assert register.standing(register.providers[0], NOV_23) == Standing.UNLICENSED
    assert chosen(read(entry())) == ["a"]


def test_a_sender_that_is_not_registered_with_the_provider_has_no_way(read: Read) -> None:
    register = read(entry(more='senders = ["S"]\n'))

    assert chosen(register, sender="S") == ["a"]
    assert chosen(register, sender="Some Bank") == []


def test_the_newest_version_that_has_begun_counts(read: Read) -> None:
    later = entry(priority=30).replace("2026-01-01", "2026-12-01")
    register = read(entry() + later)

    assert [each.priority for each in register.on(NOV_23)] == [10]
    assert [each.priority for each in register.on(date(2026, 12, 1))] == [30]


def test_a_provider_is_in_the_register_from_its_first_day_until_its_last(read: Read) -> None:
    register = read(entry(more="until = 2026-06-01\n"))
    [provider] = register.providers

    standings = [
        register.standing(provider, day)
        for day in (date(2025, 12, 31), date(2026, 5, 31), date(2026, 6, 1))
    ]
    assert standings == [Standing.NOT_YET, Standing.SOUND, Standing.ENDED]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (entry().replace('"WEBHOOK"', '"PIGEON"'), "PIGEON"),
        (entry().replace("LOANS_PROVIDER_A_URL", "HOME"), "must begin with LOANS_PROVIDER_"),
        (entry().replace("url_setting", "# url_setting"), "url_setting"),
        (entry().replace("secret_setting", "# secret_setting"), "secret_setting"),
        (entry(more='licence = "B2-1"\n'), "licence_until"),
        (entry(more="unknown = 1\n"), "unknown"),
        (entry(more="until = 2025-01-01\n"), "no sound dates"),
        (entry().replace('["CN"]', "[]"), "jurisdiction"),
        ("[[carrier]]\nname = 1\n", "carrier"),
    ],
)
def test_a_register_that_is_not_as_it_should_be_says_what(read: Read, text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read(text)

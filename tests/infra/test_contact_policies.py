"""The rules of contact as they are shipped, and files that are not as they should be."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from domain.base.contact_policy import Channel, HoldKind, Purpose
from domain.base.policy import ANYWHERE
from infra.calendars import business_days
from infra.contact_policies import FILES, load_contact_rules
from infra.policies import load_policies

SHIPPED = load_contact_rules()
DAY = date(2026, 9, 10)
JURISDICTIONS = ("CN", "EU", "IN", "UK", "US")


def test_the_shipped_rules_are_for_five_jurisdictions() -> None:
    assert sorted(SHIPPED.jurisdictions) == list(JURISDICTIONS)


@pytest.mark.parametrize("jurisdiction", JURISDICTIONS)
def test_hours_senders_and_third_parties_are_ruled_for_every_contact(jurisdiction: str) -> None:
    for purpose in Purpose:
        for channel in Channel:
            rules = SHIPPED.binding(jurisdiction, purpose, channel, DAY)
            counts = (len(rules.hours), len(rules.senders), len(rules.third_parties))
            assert counts == (1, 1, 1), (purpose, channel)
            assert len(rules.deferrals) == 1


def test_every_rule_says_where_it_is_from_and_has_a_name_and_version_of_its_own() -> None:
    rules = list(SHIPPED.each())

    assert all(rule.source and rule.version and rule.purposes for rule in rules)
    assert len({(rule.rule, rule.version) for rule in rules}) == len(rules)
    assert {rule.jurisdiction for rule in rules} == {ANYWHERE, *JURISDICTIONS}


def test_the_calendar_is_that_of_the_package_that_keeps_it() -> None:
    kept = business_days("CN")

    for calendar in SHIPPED.calendars:
        of_year = {day for day in kept.holidays if day.year == calendar.year}
        worked = {day for day in kept.worked if day.year == calendar.year}
        assert set(calendar.holidays) == of_year
        assert set(calendar.worked) == worked


@pytest.mark.parametrize("jurisdiction", JURISDICTIONS)
@pytest.mark.parametrize("kind", sorted(set(HoldKind) - {HoldKind.RESTRICTED}))
def test_a_hold_stops_in_the_lists_what_it_stops_at_the_gate(kind: str, jurisdiction: str) -> None:
    hold = load_policies().hold_rule(kind, DAY, jurisdiction)

    stopped = {
        purpose
        for purpose in (Purpose.SERVICE_REMINDER, Purpose.COLLECTION)
        for rule in SHIPPED.binding(jurisdiction, purpose, Channel.PHONE, DAY).holds
        if kind in rule.kinds
    }

    assert hold is not None
    listed = {Purpose.SERVICE_REMINDER: hold.blocks_reminders}
    listed |= {Purpose.COLLECTION: hold.blocks_collection}
    assert stopped == {purpose for purpose, blocked in listed.items() if blocked}


@pytest.mark.parametrize(
    ("kind", "stops_interest", "stops_penalty"),
    [
        ("MORATORIUM", True, True),
        *((kind, False, True) for kind in ("BANKRUPTCY", "DECEASED", "INCAPACITY", "FRAUD")),
        *((kind, False, False) for kind in ("CEASE", "ATTORNEY", "DISPUTE", "AML", "COMPLAINT")),
    ],
)
def test_only_a_moratorium_stops_interest_and_few_holds_stop_penalty(
    kind: str, stops_interest: bool, stops_penalty: bool
) -> None:
    for jurisdiction in JURISDICTIONS:
        hold = load_policies().hold_rule(kind, DAY, jurisdiction)

        assert hold is not None and hold.source
        assert (hold.stops_interest, hold.stops_penalty) == (stops_interest, stops_penalty)


LIMIT = """
[[limit]]
rule = "a-limit"
version = "1"
jurisdiction = "CN"
reason = "CAP"
purposes = ["COLLECTION"]
counts = { purposes = ["COLLECTION"], outcomes = ["SENT"] }
per = "DEBTOR"
within = "DAY"
most = 1
from = 2026-01-01
source = "test"
"""
CALENDAR = (FILES / "calendars.toml").read_text(encoding="utf-8")
HOURS = """
[[hours]]
rule = "some-hours"
version = "1"
jurisdiction = "CN"
purposes = ["COLLECTION"]
hours = [{ start = 08:00:00, end = 21:00:00 }]
from = 2026-01-01
source = "test"
"""


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (LIMIT.replace('"SENT"', '"RECEIVED"'), "'RECEIVED' is not a valid Outcome"),
        (LIMIT.replace('["COLLECTION"]\ncounts', '["NAGGING"]\ncounts'), "'NAGGING'"),
        (LIMIT.replace("outcomes =", "outcome = [], outcomes ="), "'outcome' is nothing"),
        (LIMIT.replace('"DAY"', '"HOURS"'), "within HOURS"),
        (LIMIT.replace("most = 1", "at_most = 1"), "at_most"),
        (LIMIT.replace("from = 2026-01-01\n", ""), "'from'"),
        (LIMIT + "until = 2026-01-01\n", "no sound dates"),
        (LIMIT.replace("[[limit]]", "[[limits]]"), "'limits' is no kind of rule"),
        (HOURS.replace("21:00:00", "08:00:00"), "end before they start"),
        (HOURS.replace("from", "at_any_time = true\nfrom"), "at any time"),
        (HOURS.replace("hours = [{ start = 08:00:00, end = 21:00:00 }]\n", ""), "at any time"),
        (CALENDAR.replace("2026-10-07", "2027-10-07"), "not of 2026"),
    ],
)
def test_a_file_that_is_not_as_it_should_be_is_named_with_the_entry(
    tmp_path: Path, text: str, wrong: str
) -> None:
    (tmp_path / "some.toml").write_text(text, encoding="utf-8")

    with pytest.raises(ValueError, match=r"^some\.toml: ") as raised:
        load_contact_rules(tmp_path)

    assert wrong in str(raised.value)

"""By when a complaint is answered: every minute counts, or those of a desk."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest

from domain.base.calendar import BusinessDays
from domain.base.complaint_policy import Desk, Severity, deadline
from infra.dated_rules import checked, rules_known

DESK = Desk(time(9), time(18), "Asia/Shanghai", "CN")
DAYS = BusinessDays("CN", frozenset({5, 6}), holidays=frozenset({date(2026, 9, 25)}))


def due(start: str, minutes: int) -> str:
    found = deadline(datetime.fromisoformat(start), minutes, DESK, DAYS)
    return f"{found:%a %H:%M}"


def test_without_a_desk_every_minute_counts() -> None:
    found = deadline(datetime(2026, 9, 26, 23, 30, tzinfo=UTC), 60, None, None)

    assert found == datetime(2026, 9, 27, 0, 30, tzinfo=UTC)


def test_minutes_of_a_desk_count_while_it_is_open() -> None:
    assert due("2026-09-21T10:00+08:00", 60) == "Mon 03:00"
    assert due("2026-09-21T07:00+08:00", 60) == "Mon 02:00"
    assert due("2026-09-21T17:30+08:00", 60) == "Tue 01:30"
    assert due("2026-09-21T19:00+08:00", 60) == "Tue 02:00"


def test_a_desk_is_closed_on_holidays_and_at_the_weekend() -> None:
    assert due("2026-09-24T17:00+08:00", 120) == "Mon 02:00"


def test_a_whole_day_of_the_desk_ends_when_it_closes() -> None:
    assert due("2026-09-21T09:00+08:00", 540) == "Mon 10:00"
    assert due("2026-09-21T12:00+08:00", 540) == "Tue 04:00"


@pytest.mark.parametrize("jurisdiction", ["CN", "US", "UK", "IN", "EU"])
def test_every_severity_has_a_level_everywhere_and_none_takes_longer_than_15_days(
    jurisdiction: str,
) -> None:
    policies = rules_known().policies

    for severity in Severity:
        level = policies.complaint_level(severity, date(2026, 9, 1), jurisdiction)

        assert level is not None
        assert level.resolve_minutes <= 15 * 24 * 60


def test_the_level_of_a_jurisdiction_comes_before_that_of_all() -> None:
    policies = rules_known().policies

    levels = [policies.complaint_level(Severity.LOW, date(2026, 9, 1), of) for of in ("CN", "JP")]

    assert [each.jurisdiction for each in levels if each] == ["CN", "ANY"]


LEVEL = """
[[complaint_level]]
version = "complaints-test"
severity = "LOW"
jurisdiction = "CN"
answer_minutes = 60
desk = { opens = 09:00:00, closes = 18:00:00, zone = "Asia/Shanghai", calendar = "CN" }
resolve_minutes = 120
from = 2027-01-01
source = "a test"
"""


@pytest.mark.parametrize(
    ("sound", "wrong"),
    [
        ('"LOW"', '"MILD"'),
        ("= 60", "= 0"),
        ("= 60", "= 121"),
        ("opens = 09:00:00, ", ""),
        ("09:00:00", '"nine"'),
        ("09:00:00", "18:00:00"),
        ("Asia/Shanghai", "Asia/Nowhere"),
        ('"CN" }', '"XX" }'),
        ("= 120", '= 120\nextensions = [{ ground = "COMPLEX", resolve_minutes = 120 }]'),
        ("= 120", '= 120\nextensions = [{ ground = "BUSY", resolve_minutes = 180 }]'),
    ],
)
def test_a_level_that_is_not_sound_is_no_rule(sound: str, wrong: str) -> None:
    known = rules_known()

    assert checked(LEVEL, "levels.toml", known)[1] == []

    _, faults = checked(LEVEL.replace(sound, wrong), "levels.toml", known)
    assert len(faults) == 1
    assert faults[0].startswith("levels.toml: complaint-level-")

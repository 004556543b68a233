"""What somebody is told to look at before it stops what is to be sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

from domain.base.dated_rules import DatedRules, Entry
from domain.base.stream import Act
from domain.commands.alarms import AlarmKind, alarms, first_review
from domain.policy.policy import Policy
from infra.dated_rules import rules_known

TEXT_ENTRY = replace(
    next(each.entry for each in rules_known().sources if each.entry.kind == "template"),
    version="next",
)

ON = date(2026, 11, 20)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def looked(at: datetime) -> DatedRules:
    """The shipped rules, with every lexicon looked at then and no other time."""
    rules = rules_known()
    looks = {(each.rule, each.version): [at] for each in rules.contact.lexicons}
    return replace(rules, contact=rules.contact.looked_at(looks))


def kinds(rules: DatedRules) -> set[AlarmKind]:
    return {each.kind for each in alarms(rules, [], ON, NOON)}


def test_a_lexicon_that_somebody_looked_at_this_week_needs_nobody() -> None:
    assert not kinds(looked(NOON - 5 * DAY))


def test_the_day_before_a_lexicon_is_stale_somebody_is_told() -> None:
    assert kinds(looked(NOON - 6 * DAY)) == {AlarmKind.LEXICON_STALE_SOON}


def test_a_lexicon_that_nobody_looked_at_for_a_week_stops_advertising() -> None:
    found = alarms(looked(NOON - 7 * DAY), [], ON, NOON)

    assert {each.kind for each in found} == {AlarmKind.LEXICON_STALE}
    assert {each.stops for each in found} == {("MARKETING",)}
    assert {each.due_at for each in found} == {NOON}


def test_a_new_book_begins_with_something_to_do_and_without_an_alarm() -> None:
    assert not kinds(rules_known())

    first = first_review(rules_known(), ON, NOON)

    assert first is not None
    assert len(first.rules) == 3
    assert first.stops == ("MARKETING",)
    assert first.sentence == (
        "To do: 3 word lists await their first review: forbidden-words,"
        " promises-of-speed-and-approval, vague-promises. Until then no MARKETING goes out; read"
        " and confirm each: policy confirm NAME."
    )


def test_a_list_that_was_looked_at_is_no_first_review_any_more() -> None:
    rules = rules_known()
    looks = {
        (each.rule, each.version): [NOON - 8 * DAY]
        for each in rules.contact.lexicons
        if each.rule == "vague-promises"
    }
    seen = replace(rules, contact=rules.contact.looked_at(looks))

    first = first_review(seen, ON, NOON)

    assert first is not None and "vague-promises" not in first.rules
    assert [each.rule for each in alarms(seen, [], ON, NOON)] == ["vague-promises"]
    assert first_review(looked(NOON - 30 * DAY), ON, NOON) is None


def submitted(entry: Entry, at: datetime) -> Policy:
    """A text that waits for its review."""
    command_id = uuid4()
    act = Act("writer", ON, at, command_id, command_id)
    policy = Policy.named(act, uuid4(), entry)
    policy.submit(act, entry, taken=set())
    return policy


def test_a_text_that_waits_longer_for_its_review_than_allowed_is_told_of() -> None:
    text = submitted(TEXT_ENTRY, NOON - timedelta(minutes=6))

    late = alarms(looked(NOON - DAY), [text], ON, NOON)
    soon = alarms(looked(NOON - DAY), [text], ON, NOON - timedelta(minutes=2))

    assert [(each.kind, each.rule) for each in late] == [(AlarmKind.REVIEW_LATE, TEXT_ENTRY.rule)]
    assert not soon


def test_before_a_year_begins_whose_holidays_are_not_known_somebody_is_told() -> None:
    in_time = alarms(looked(NOON), [], date(2026, 12, 1), NOON)
    soon = alarms(looked(NOON), [], date(2026, 12, 2), NOON)

    assert not in_time
    assert {each.kind for each in soon} == {AlarmKind.CALENDAR_MISSING_SOON}
    assert {each.jurisdiction for each in soon} == {"CN", "US", "UK", "IN", "EU"}
    assert {each.stops for each in soon} == {("MARKETING",)}
    assert {each.due_at for each in soon} == {datetime(2027, 1, 1, tzinfo=UTC)}


def test_a_year_that_has_begun_without_its_holidays_stops_advertising() -> None:
    found = alarms(looked(NOON), [], date(2027, 1, 1), NOON)

    assert {each.kind for each in found} == {AlarmKind.CALENDAR_MISSING}
    assert "day-calendar-us-2027" in {each.rule for each in found}


def test_holidays_that_were_published_need_nobody() -> None:
    rules = looked(NOON)
    (known,) = [each for each in rules.contact.calendars if each.jurisdiction == "US"]
    next_year = replace(known, version="us-2027", year=2027, valid_from=date(2027, 1, 1))
    calendars = (*rules.contact.calendars, next_year)

    found = alarms(
        replace(rules, contact=replace(rules.contact, calendars=calendars)),
        [],
        date(2026, 12, 20),
        NOON,
    )

    assert {each.jurisdiction for each in found} == {"CN", "UK", "IN", "EU"}


def licensed_until(day: date) -> DatedRules:
    """The shipped rules, with the licence of one provider ending on a day."""
    rules = looked(NOON)
    providers = tuple(
        replace(each, licence_until=day) if each.name == "cn-sms-main" else each
        for each in rules.register.providers
    )
    return replace(rules, register=replace(rules.register, providers=providers))


def test_two_months_before_a_licence_ends_somebody_is_told() -> None:
    (alarm,) = alarms(licensed_until(ON + 60 * DAY), [], ON, NOON)

    assert (alarm.kind, alarm.rule) == (AlarmKind.LICENCE_ENDS_SOON, "provider-cn-sms-main")
    assert not kinds(licensed_until(ON + 61 * DAY))


def test_a_licence_that_ended_is_told_of_until_another_is_published() -> None:
    assert kinds(licensed_until(ON)) == {AlarmKind.LICENCE_ENDED}

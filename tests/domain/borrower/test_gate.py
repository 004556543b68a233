"""Whether a borrower may be contacted, now or when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from domain.base.contact_policy import (
    Channel,
    ConsentScope,
    ContactRules,
    DeferralRule,
    HoldKind,
    Hours,
    HoursRule,
    LimitRule,
    Outcome,
    PointSource,
    Purpose,
    Reason,
    RuleVersion,
    ThirdPartyRule,
)
from domain.base.policy import ANYWHERE, PolicyMissing
from domain.borrower.contact import (
    Consent,
    ContactHold,
    ContactPoint,
    Intent,
    OptOut,
    Party,
    PastContact,
    Situation,
    known,
)
from domain.borrower.gate import NO_RULE, Answer, Objection, decide
from domain.borrower.refusals import ZonesNotPlausible
from tests.domain.borrower.asking import (
    ALLOWED,
    NEW_YORK,
    SHANGHAI,
    SHIPPED,
    advertising,
    answer,
    asked,
    blocked,
    borrower,
    call,
    collecting,
    deferred,
    local,
)

TEN = local("2026-09-10 10:00")
EVERY_PURPOSE = tuple(Purpose)


def hours(start: int, end: int, **said: object) -> HoursRule:
    rule = HoursRule(
        rule="own-hours",
        version="1",
        jurisdiction=ANYWHERE,
        purposes=EVERY_PURPOSE,
        valid_from=date(1990, 1, 1),
        source="test",
        hours=(Hours(start=time(start), end=time(end)),),
    )
    return replace(rule, **said)  # type: ignore[arg-type]


def test_all_that_stands_against_a_contact_now_is_told() -> None:
    held = borrower(consents=(), opt_outs=(OptOut(TEN),), holds=(ContactHold(HoldKind.CEASE, TEN),))

    found = answer(advertising(), held, local("2026-09-10 20:00"))

    assert found == blocked("CONSENT", "HOLD", "OPT_OUT", "WINDOW")


def test_what_would_stand_against_it_only_on_the_way_is_not_told() -> None:
    attempts = tuple(call(TEN + number * timedelta(hours=1)) for number in range(6))

    found = answer(collecting(), borrower(history=attempts), local("2026-09-10 20:59:59"))

    assert found == deferred(local("2026-09-11 08:00"), "CAP")


def test_a_decision_names_what_objected_and_all_it_was_held_against() -> None:
    found = asked(collecting(), borrower(), local("2026-09-10 21:00"))

    assert found.objections == (Objection(Reason.WINDOW, "cn-collection-hours", "hours-1"),)
    assert RuleVersion("cn-collection-hours", "hours-1") in found.judged_by
    assert RuleVersion("holds-on-collection", "contact-holds-1") in found.judged_by
    assert not any(each.rule.startswith(("us-", "cn-marketing")) for each in found.judged_by)


def test_a_permitted_contact_names_what_it_was_held_against_too() -> None:
    found = asked(collecting(), borrower(), TEN)

    assert found.answer == Answer.ALLOW
    assert RuleVersion("cn-collection-hours", "hours-1") in found.judged_by


def test_a_borrower_of_a_jurisdiction_without_rules_is_not_decided_on() -> None:
    with pytest.raises(PolicyMissing):
        decide(collecting(), Situation("JP", ("Asia/Tokyo",)), SHIPPED, TEN)


@pytest.mark.parametrize("zones", [(), ("Asia/Nowhere",), ("",)])
def test_a_borrower_without_a_plausible_zone_is_not_decided_on(zones: tuple[str, ...]) -> None:
    with pytest.raises(ZonesNotPlausible):
        decide(collecting(), Situation("CN", zones), SHIPPED, TEN)


def test_a_contact_that_no_rule_gives_hours_has_none() -> None:
    elsewhere = ContactRules(hours=(hours(8, 21, jurisdiction="CN", channels=(Channel.SMS,)),))

    found = asked(collecting(), borrower(), TEN, elsewhere)

    assert (found.answer, found.because) == (Answer.BLOCK, ["WINDOW"])
    assert found.objections[0].rule == NO_RULE


def test_a_third_party_that_no_rule_lets_ask_is_not_asked() -> None:
    no_word_of_it = ContactRules(hours=(hours(8, 21, jurisdiction="CN"),))
    friend = collecting(party=Party.THIRD_PARTY, contact_point="p1")

    found = asked(friend, borrower(), TEN, no_word_of_it)

    assert found.objections == (Objection(Reason.THIRD_PARTY, NO_RULE, ""),)


def test_hours_that_end_without_new_ones_leave_none_from_that_day_on() -> None:
    ending = hours(8, 21, jurisdiction="CN", valid_until=date(2026, 9, 11))
    rules = ContactRules(hours=(ending,), deferrals=SHIPPED.deferrals)

    assert answer(collecting(), borrower(), TEN, rules) == ALLOWED
    assert answer(collecting(), borrower(), local("2026-09-10 21:00"), rules) == blocked("WINDOW")
    assert answer(collecting(), borrower(), local("2026-09-11 10:00"), rules) == blocked("WINDOW")


def test_without_a_rule_for_it_nothing_is_put_off() -> None:
    strict = ContactRules(hours=(hours(8, 21, jurisdiction="CN"),))

    assert answer(collecting(), borrower(), local("2026-09-10 21:00"), strict) == blocked("WINDOW")


def test_a_rule_takes_effect_on_its_date_in_the_borrowers_zone() -> None:
    old, new = hours(8, 21, jurisdiction="CN"), hours(10, 19, jurisdiction="CN", version="2")
    eleventh = date(2026, 9, 11)
    both = (replace(old, valid_until=eleventh), replace(new, valid_from=eleventh))
    changing = ContactRules(hours=both, deferrals=SHIPPED.deferrals)

    assert answer(collecting(), borrower(), local("2026-09-10 08:00"), changing) == ALLOWED
    assert answer(collecting(), borrower(), local("2026-09-10 21:00"), changing) == deferred(
        local("2026-09-11 10:00"), "WINDOW"
    )
    # In New York it is still the tenth, and half past eight in the evening.
    assert (
        answer(collecting(), borrower("CN", NEW_YORK), local("2026-09-11 08:30"), changing)
        == ALLOWED
    )


def test_of_two_versions_of_a_rule_the_newest_decides() -> None:
    old, new = hours(8, 21, jurisdiction="CN"), hours(8, 22, jurisdiction="CN", version="2")
    later = replace(new, valid_from=date(2026, 9, 1))
    evening = local("2026-09-10 21:30")

    assert answer(collecting(), borrower(), evening, ContactRules(hours=(later, old))) == ALLOWED


def test_the_borrowers_own_hours_narrow_those_of_the_law() -> None:
    asked_for = borrower(restrictions=(ContactRules(hours=(hours(18, 23),)),))

    assert answer(collecting(), asked_for, TEN) == deferred(local("2026-09-10 18:00"), "WINDOW")
    assert answer(collecting(), asked_for, local("2026-09-10 21:30")) == deferred(
        local("2026-09-11 18:00"), "WINDOW"
    )


def test_product_and_borrower_cannot_open_what_the_law_closes() -> None:
    open_to_all = ThirdPartyRule(
        rule="own-third-parties",
        version="1",
        jurisdiction=ANYWHERE,
        purposes=EVERY_PURPOSE,
        valid_from=date(1990, 1, 1),
        source="test",
        dead_numbers=True,
    )
    loose = ContactRules(hours=(hours(0, 23, at_any_time=True),), third_parties=(open_to_all,))
    friend = collecting(Channel.SMS, party=Party.THIRD_PARTY, contact_point="p1")
    history = (call(TEN - timedelta(hours=1), Outcome.FAILED),)

    assert answer(
        friend, borrower(restrictions=(loose,), history=history), local("2026-09-10 22:00")
    ) == blocked("THIRD_PARTY", "WINDOW")


def test_the_shortest_deferral_counts() -> None:
    (longest,) = SHIPPED.deferrals
    soon = ContactRules(deferrals=(replace(longest, rule="own-deferral", hours=10),))
    night = local("2026-09-10 21:59:59")

    assert answer(collecting(), borrower(restrictions=(soon,)), night) == blocked("WINDOW")
    assert answer(
        collecting(), borrower(restrictions=(soon,)), night + timedelta(seconds=1)
    ) == deferred(local("2026-09-11 08:00"), "WINDOW")


def test_a_skipped_opening_is_made_up_for_when_the_clock_shows_a_later_hour() -> None:
    early = hours(2, 9, jurisdiction="US", hours=(Hours(start=time(2, 30), end=time(9)),))
    skipped = ContactRules(hours=(early,), deferrals=SHIPPED.deferrals)

    # On 8 March the clock goes from 2:00 to 3:00.
    found = asked(collecting(), borrower("US"), local("2026-03-08 01:00", NEW_YORK), skipped)

    assert found.until == datetime(2026, 3, 8, 7, tzinfo=UTC)


def test_hours_that_the_clock_shows_twice_open_twice() -> None:
    early = hours(0, 2, jurisdiction="US", hours=(Hours(start=time(0, 30), end=time(1, 30)),))
    twice = ContactRules(hours=(early,), deferrals=SHIPPED.deferrals)

    # On 1 November the clock goes back from 2:00 to 1:00.
    found = asked(collecting(), borrower("US"), datetime(2026, 11, 1, 5, 30, tzinfo=UTC), twice)

    assert found.until == datetime(2026, 11, 1, 6, tzinfo=UTC)


def test_the_second_opening_of_that_night_is_found_too() -> None:
    early = hours(0, 2, jurisdiction="US", hours=(Hours(start=time(1, 30), end=time(2)),))
    twice = ContactRules(hours=(early,), deferrals=SHIPPED.deferrals)

    # At six the clock went back from 2:00 to 1:00.
    found = asked(collecting(), borrower("US"), datetime(2026, 11, 1, 6, tzinfo=UTC), twice)

    assert found.until == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)


def test_a_contact_is_put_off_to_a_whole_second() -> None:
    until = datetime(2026, 9, 10, 4, 0, 0, 500_000, tzinfo=UTC)
    held = borrower(holds=(ContactHold(HoldKind.DISPUTE, TEN, until=until),))

    assert asked(collecting(), held, TEN).until == datetime(2026, 9, 10, 4, 0, 1, tzinfo=UTC)


# Lives at random.

ZONES = [
    SHANGHAI,
    "Africa/Cairo",
    "America/Havana",
    NEW_YORK,
    "America/Nuuk",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Europe/London",
    "Pacific/Apia",
]
instants = some.datetimes(
    datetime(2026, 1, 1),  # noqa: DTZ001
    datetime(2027, 1, 3),  # noqa: DTZ001
    timezones=some.just(UTC),
).map(lambda at: at.replace(microsecond=0))
ago = some.integers(0, 40 * 24 * 3600).map(lambda seconds: timedelta(seconds=seconds))
points = some.sampled_from(["n1", "n2", "p1"])
debts = some.sampled_from(["d1", "d2", None])
lines = some.sampled_from(["L1", "L2"])


@some.composite
def contacts(draw: some.DrawFn) -> tuple[Intent, Situation, datetime]:
    """An intended contact, a borrower with a past, and an instant."""
    at = draw(instants)
    point = draw(points)
    intent = Intent(
        draw(some.sampled_from(Purpose)),
        draw(some.sampled_from(Channel)),
        Party.THIRD_PARTY if point == "p1" else Party.BORROWER,
        point,
        draw(debts),
        draw(lines),
    )
    past = some.builds(
        PastContact,
        ago.map(lambda back: at - back),
        some.sampled_from([*Purpose, intent.purpose, intent.purpose, intent.purpose]),
        some.sampled_from([*Channel, Channel.PHONE, intent.channel, intent.channel]),
        some.sampled_from(Outcome),
        points,
        debts,
        lines,
    )
    hold = some.builds(
        ContactHold,
        some.sampled_from(HoldKind),
        ago.map(lambda back: at - back),
        ago.map(lambda on: at + on / 4),
        debts,
    )
    return (
        intent,
        Situation(
            draw(some.sampled_from(["CN", "CN", "US", "UK", "IN", "EU"])),
            (draw(some.sampled_from(ZONES)),),
            contact_points=(ContactPoint("p1", Party.THIRD_PARTY, PointSource.APPLICATION),),
            consents=draw(
                some.lists(
                    some.builds(
                        Consent, some.just(ConsentScope.MARKETING), ago.map(lambda back: at - back)
                    ),
                    max_size=1,
                ).map(tuple)
            ),
            holds=draw(some.lists(hold, max_size=2).map(tuple)),
            history=draw(some.lists(past, max_size=12).map(tuple)),
        ),
        at,
    )


def allowed_from(intent: Intent, situation: Situation, at: datetime) -> datetime:
    """The first instant at which the contact is allowed; the end of time without one."""
    found = asked(intent, situation, at)
    if found.answer == Answer.ALLOW:
        return at
    return found.until or datetime.max.replace(tzinfo=UTC)


@given(contacts())
def test_asked_again_when_it_was_put_off_to_a_contact_is_allowed(
    contact: tuple[Intent, Situation, datetime],
) -> None:
    intent, situation, at = contact
    found = asked(intent, situation, at)

    if found.until is not None:
        assert at < found.until <= at + timedelta(hours=168)
        assert answer(intent, known(situation, at), found.until) == ALLOWED


@given(contacts(), some.integers(1, 20_000))
def test_before_it_was_put_off_to_a_contact_is_not_allowed(
    contact: tuple[Intent, Situation, datetime], minutes: int
) -> None:
    intent, situation, at = contact
    until = allowed_from(intent, situation, at)
    between = at + timedelta(minutes=minutes)

    if at < until and at < between < min(until, at + timedelta(hours=168)):
        assert asked(intent, known(situation, at), between).answer != Answer.ALLOW


@given(contacts(), some.lists(some.sampled_from(ZONES), min_size=1, max_size=2))
def test_more_zones_are_never_looser(
    contact: tuple[Intent, Situation, datetime], zones: list[str]
) -> None:
    intent, situation, at = contact
    wider = replace(situation, zones=(*situation.zones, *zones))

    assert allowed_from(intent, wider, at) >= allowed_from(intent, situation, at)
    assert set(asked(intent, wider, at).because) >= set(asked(intent, situation, at).because)


own_hours = some.tuples(some.integers(0, 22), some.integers(1, 23)).map(
    lambda ends: ContactRules(hours=(hours(min(ends[0], ends[1] - 1), ends[1]),))
)
own_caps = some.sampled_from([each for each in SHIPPED.limits if each.jurisdiction != ANYWHERE])


def own(limit: LimitRule) -> ContactRules:
    return ContactRules(limits=(replace(limit, rule="own", jurisdiction=ANYWHERE, most=1),))


def shorter(deferral: DeferralRule) -> ContactRules:
    return ContactRules(deferrals=(replace(deferral, rule="own", hours=24),))


own_rules = some.one_of(
    own_hours, own_caps.map(own), some.sampled_from(SHIPPED.deferrals).map(shorter)
)


@given(contacts(), some.lists(own_rules, min_size=1, max_size=2))
def test_a_restriction_never_allows_more(
    contact: tuple[Intent, Situation, datetime], added: list[ContactRules]
) -> None:
    intent, situation, at = contact
    restricted = replace(situation, restrictions=tuple(added))

    assert allowed_from(intent, restricted, at) >= allowed_from(intent, situation, at)


@given(contacts(), ago)
def test_what_comes_to_be_known_later_changes_no_decision(
    contact: tuple[Intent, Situation, datetime], on: timedelta
) -> None:
    intent, situation, at = contact
    later = at + on + timedelta(seconds=1)
    told_later = replace(
        situation,
        opt_outs=(OptOut(later),),
        holds=(*situation.holds, ContactHold(HoldKind.CEASE, later)),
        history=(*situation.history, call(later, Outcome.CONVERSATION)),
        consents=(*situation.consents, Consent(ConsentScope.MARKETING, later)),
    )

    assert asked(intent, told_later, at) == asked(intent, situation, at)

"""Who acts for a borrower, or answers for the debt, may be contacted instead of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.base.contact_policy import Channel, HoldKind, PointSource, Purpose, RuleVersion
from domain.borrower.contact import ContactHold, ContactPoint, Intent, OptOut, Party, Situation
from tests.domain.borrower.asking import (
    ALLOWED,
    HOMES,
    NEW_YORK,
    answer,
    asked,
    blocked,
    borrower,
    call,
    collecting,
    deferred,
    local,
)

TEN = local("2026-09-10 10:00", NEW_YORK)
NIGHT = local("2026-09-10 03:00", NEW_YORK)
SINCE = local("2026-09-01 00:00", NEW_YORK)


def acted_for(
    party: Party, *kinds: HoldKind, jurisdiction: str = "US", **known: object
) -> Situation:
    """A borrower with a number of their own (n1) and one of who acts for them (n9)."""
    points = (
        ContactPoint("n1", Party.BORROWER, PointSource.APPLICATION),
        ContactPoint("n9", party, PointSource.APPLICATION),
    )
    holds = tuple(ContactHold(kind, SINCE) for kind in kinds)
    return borrower(jurisdiction, contact_points=points, holds=holds, **known)


def to(party: Party, **said: object) -> Intent:
    return replace(collecting(contact_point="n9", party=party), **said)  # type: ignore[arg-type]


@pytest.mark.parametrize("jurisdiction", HOMES)
@pytest.mark.parametrize(
    ("party", "kind"),
    [
        (Party.ATTORNEY, HoldKind.ATTORNEY),
        (Party.EXECUTOR, HoldKind.DECEASED),
        (Party.GUARDIAN, HoldKind.INCAPACITY),
    ],
)
def test_who_acts_for_the_borrower_is_contacted_instead_of_them(
    party: Party, kind: HoldKind, jurisdiction: str
) -> None:
    at = local("2026-09-10 10:00", HOMES[jurisdiction])
    situation = acted_for(party, kind, jurisdiction=jurisdiction)

    assert answer(to(party), situation, at) == ALLOWED
    assert answer(collecting(), situation, at) == blocked("HOLD")


def test_an_attorney_is_contacted_only_while_the_borrower_is_represented() -> None:
    ended = ContactHold(HoldKind.ATTORNEY, SINCE, TEN)

    without = acted_for(Party.ATTORNEY)
    over = replace(without, holds=(ended,))

    assert answer(to(Party.ATTORNEY), without, TEN) == blocked("THIRD_PARTY")
    assert answer(to(Party.ATTORNEY), over, TEN) == blocked("THIRD_PARTY")


@pytest.mark.parametrize("other", [HoldKind.CEASE, HoldKind.BANKRUPTCY, HoldKind.DISPUTE])
def test_another_hold_stops_contact_with_the_attorney_too(other: HoldKind) -> None:
    situation = acted_for(Party.ATTORNEY, HoldKind.ATTORNEY, other)

    assert answer(to(Party.ATTORNEY), situation, TEN) == blocked("HOLD")


def test_an_attorney_of_one_debt_is_not_contacted_about_another() -> None:
    hold = ContactHold(HoldKind.ATTORNEY, SINCE, debt="d1")
    situation = replace(acted_for(Party.ATTORNEY), holds=(hold,))

    assert answer(to(Party.ATTORNEY), situation, TEN) == ALLOWED
    assert answer(to(Party.ATTORNEY, debt="d2"), situation, TEN) == blocked("THIRD_PARTY")


def test_hours_opt_outs_and_caps_hold_for_the_attorney_as_for_the_borrower() -> None:
    situation = acted_for(Party.ATTORNEY, HoldKind.ATTORNEY)
    spoken = replace(situation, history=tuple(call(SINCE, debt="d1") for _ in range(1)))
    refused = replace(situation, opt_outs=(OptOut(SINCE, Channel.PHONE),))

    opens = local("2026-09-10 08:00", NEW_YORK)
    assert answer(to(Party.ATTORNEY), situation, NIGHT) == deferred(opens, "WINDOW")
    assert answer(to(Party.ATTORNEY), refused, TEN) == blocked("OPT_OUT")
    assert answer(to(Party.ATTORNEY), spoken, TEN) == ALLOWED


def test_in_doubt_whose_number_it_is_it_is_somebody_elses() -> None:
    situation = acted_for(Party.ATTORNEY, HoldKind.ATTORNEY)

    as_executor = answer(to(Party.EXECUTOR), situation, TEN)
    at_their_own = answer(to(Party.ATTORNEY, contact_point="n1"), situation, TEN)
    as_borrower = answer(to(Party.BORROWER), situation, TEN)

    assert as_executor == at_their_own == as_borrower == blocked("HOLD", "THIRD_PARTY")


def test_an_attorney_who_asked_to_be_left_alone_is() -> None:
    situation = acted_for(Party.ATTORNEY, HoldKind.ATTORNEY)
    own, theirs = situation.contact_points
    alone = replace(situation, contact_points=(own, replace(theirs, refused_at=SINCE)))

    assert answer(to(Party.ATTORNEY), alone, TEN) == blocked("THIRD_PARTY")


def test_a_guarantor_answers_for_the_debt_in_india_and_nowhere_else() -> None:
    for jurisdiction, home in HOMES.items():
        at = local("2026-09-10 10:00", home)
        situation = acted_for(Party.GUARANTOR, jurisdiction=jurisdiction)

        found = answer(to(Party.GUARANTOR), situation, at)

        assert found == (ALLOWED if jurisdiction == "IN" else blocked("THIRD_PARTY"))


def test_nobody_advertises_to_an_attorney_or_visits_them() -> None:
    situation = acted_for(Party.ATTORNEY, HoldKind.ATTORNEY)

    for changes in ({"purpose": Purpose.MARKETING}, {"channel": Channel.VISIT}):
        assert "THIRD_PARTY" in answer(to(Party.ATTORNEY, **changes), situation, TEN)[2]


def test_a_decision_names_the_rule_by_which_the_attorney_was_contacted_and_no_other() -> None:
    situation = acted_for(Party.ATTORNEY, HoldKind.ATTORNEY)
    rule = RuleVersion("attorneys-act-for-the-borrower", "representatives-1")

    to_them, to_borrower = (
        asked(intent, situation, TEN).judged_by for intent in (to(Party.ATTORNEY), collecting())
    )

    assert rule in to_them
    assert not [each for each in to_borrower if each.version == "representatives-1"]

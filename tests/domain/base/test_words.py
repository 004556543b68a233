"""References, dated rules, two people, and the act behind an event."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from uuid import UUID, uuid4

import pytest

from domain.base.policy import Policies, PolicyMissing, in_force
from domain.base.refs import short_ref
from domain.base.refusal import AmountNotPositive, Refusal, SamePerson, positive, two_people
from domain.base.stream import Act
from domain.catalogue import STREAMS, event_types
from tests.domain.story import LEVELS, hold_rule


def test_a_reference_can_be_read_out() -> None:
    ref = short_ref("L", UUID("6f9f2f43-4f5e-4b7e-9d0e-1a2b3c4d5e6f"))

    assert ref == "L-DYFJY-GTFBS"
    assert not set(ref[2:]) & set("ILOU")


def test_references_of_new_streams_differ() -> None:
    assert len({short_ref("L", uuid4()) for _ in range(1000)}) == 1000


def test_the_newest_rule_in_force_decides() -> None:
    first = replace(LEVELS, version="1", valid_until=date(2025, 7, 1))
    second = replace(LEVELS, version="2", valid_from=date(2025, 7, 1))
    policies = Policies((first, second), (), (), (), ())

    assert policies.levels(date(2025, 6, 30)).version == "1"
    assert policies.levels(date(2025, 7, 1)).version == "2"
    assert in_force((first, second), date(2025, 7, 1)) == [second]


def test_without_a_rule_in_force_nothing_is_decided() -> None:
    policies = Policies((LEVELS,), (), (), (), ())

    with pytest.raises(PolicyMissing):
        policies.levels(date(1989, 12, 31))
    assert policies.hold_rule("CEASE", date(2025, 1, 1)) is None


def test_a_jurisdictions_own_rule_of_holds_comes_before_that_of_all() -> None:
    rules = (
        hold_rule(version="of all"),
        hold_rule(version="of the UK", jurisdiction="UK"),
        hold_rule(version="of all, newer"),
    )
    policies = Policies((), rules, (), (), ())

    versions = [
        getattr(policies.hold_rule("BANKRUPTCY", date(2025, 1, 1), where), "version", None)
        for where in ("UK", "CN")
    ]

    assert versions == ["of the UK", "of all, newer"]


@pytest.mark.parametrize(
    ("requested_by", "approved_by"), [("a", "a"), ("a", " A"), ("", "a"), ("a", " "), ("ß", "SS")]
)
def test_one_person_is_not_two(requested_by: str, approved_by: str) -> None:
    with pytest.raises(SamePerson):
        two_people(requested_by, approved_by, "A refund")


def test_two_people_are_two() -> None:
    two_people("a", "b", "A refund")


def test_nothing_is_not_positive() -> None:
    positive(1, "A payment")
    with pytest.raises(AmountNotPositive):
        positive(0, "A payment")


def test_an_act_has_an_instant_with_a_zone() -> None:
    with pytest.raises(ValueError, match="zone"):
        Act("clerk", date(2025, 1, 15), datetime(2025, 1, 15), uuid4(), uuid4())  # noqa: DTZ001


def subclasses(kind: type[Refusal]) -> set[type[Refusal]]:
    return {kind} | {below for each in kind.__subclasses__() for below in subclasses(each)}


def test_every_refusal_has_a_code_of_its_own() -> None:
    ours = [kind for kind in subclasses(Refusal) if kind.__module__.startswith("domain.")]
    codes = [kind.code for kind in ours]

    assert len(ours) > 30
    assert len(set(codes)) == len(codes)
    assert all(code.isupper() for code in codes)


def test_every_event_type_belongs_to_one_stream_by_its_name() -> None:
    prefixes = {stream.TOPIC for stream in STREAMS}

    assert all(topic.partition(".")[0] in prefixes for topic in event_types())
    assert all((event.__doc__ or "").strip() for event in event_types().values())

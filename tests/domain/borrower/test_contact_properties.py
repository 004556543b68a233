"""Whatever is said and done about contact with a borrower, in whatever order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as some

from domain.base.contact_policy import (
    Channel,
    ConsentScope,
    ContactRules,
    LimitRule,
    Outcome,
    PointKind,
    PointSource,
    Purpose,
    Reason,
)
from domain.base.policy import HoldRule
from domain.base.refusal import Refusal
from domain.borrower.borrower import Borrower
from domain.borrower.contact import Intent, Party
from domain.borrower.contact_state import OwnHours
from domain.borrower.contacts import CALLED, MESSAGED, REACHED_BY, Result
from domain.borrower.gate import Answer, Decision
from domain.borrower.hours import LocalTime
from domain.borrower.limits import counted, used
from domain.borrower.restriction import OWED
from domain.borrower.why import AnyDecided, intent_of, known_by, ways
from domain.borrower.why import replayed as made_again
from infra.contact_policies import load_contact_rules
from infra.store import from_snapshot, to_snapshot
from tests.domain.borrower.asking import HOMES
from tests.domain.story import BORROWER_ID, LOAN_ID, act, replayed, state

RULES = load_contact_rules()
START = datetime(2026, 9, 10, 10, 0)  # noqa: DTZ001 - by the clock of the borrower
DEBTS = (None, LOAN_ID, UUID(int=7))
POINTS = {
    "P-1": (PointKind.PHONE, Party.BORROWER, PointSource.APPLICATION),
    "P-2": (PointKind.PHONE, Party.BORROWER, PointSource.CALL_LOG),
    "P-3": (PointKind.PHONE, Party.THIRD_PARTY, PointSource.APPLICATION),
    "E-1": (PointKind.EMAIL, Party.BORROWER, PointSource.APPLICATION),
    "A-1": (PointKind.ADDRESS, Party.BORROWER, PointSource.APPLICATION),
}
HOLD = HoldRule(
    version="1",
    kind="CEASE",
    blocks_reminders=True,
    blocks_collection=True,
    valid_from=date(1990, 1, 1),
    valid_until=None,
    source="test",
)


@dataclass
class Life:
    """A borrower, what time it is, and what was asked about them so far."""

    borrower: Borrower
    now: datetime
    asked: int = 0

    @property
    def events(self) -> list[Borrower.Event]:
        return [each for each in self.borrower.pending_events if isinstance(each, Borrower.Event)]

    @property
    def decisions(self) -> list[Borrower.ContactDecided]:
        return [each for each in self.events if isinstance(each, Borrower.ContactDecided)]


Step = Callable[[Life], None]


def born(jurisdiction: str, more: str | None) -> Life:
    zones = [HOMES[jurisdiction], *([more] if more else [])]
    start = START.replace(tzinfo=ZoneInfo(zones[0])).astimezone(UTC)
    borrower = Borrower.register(
        act(), BORROWER_ID, borrower_ref="B-1", jurisdiction=jurisdiction, zones=zones
    )
    for ref, (kind, party, source) in POINTS.items():
        borrower.add_contact_point(
            act(),
            point_ref=ref,
            kind=kind,
            source=source,
            lawful_basis="CONTRACT",
            added_at=start - timedelta(days=9),
            party=party,
        )
    return Life(borrower, start)


def asks(purpose: Purpose, channel: Channel, point: str | None, debt: UUID | None) -> Step:
    def step(life: Life) -> None:
        life.asked += 1
        party = Party.BORROWER if point is None else POINTS[point][1]
        loan = None if debt is None else str(debt)
        life.borrower.decide_contact(
            act(life.now.date()),
            contact_ref=f"C-{life.asked}",
            intent=Intent(purpose, channel, party, point, loan),
            policies=RULES,
            at=life.now,
            occasion="any",
        )

    return step


def tells(which: int, outcome: Outcome) -> Step:
    def step(life: Life) -> None:
        opened = sorted(life.borrower.open_contacts)
        if opened:
            ref = opened[which % len(opened)]
            result = Result(outcome, life.now)
            life.borrower.tell_contact(act(life.now.date()), contact_ref=ref, result=result)

    return step


def refuses(channel: Channel | None, purpose: Purpose | None, *, again: bool) -> Step:
    def step(life: Life) -> None:
        said = {"channel": channel, "purpose": purpose, "source": "CALL"}
        if again:
            life.borrower.revoke_opt_out(
                act(life.now.date()),
                revoked_at=life.now,
                **said,  # type: ignore[arg-type]
            )
        else:
            life.borrower.opt_out(
                act(life.now.date()),
                opted_out_at=life.now,
                **said,  # type: ignore[arg-type]
            )

    return step


def agrees(scope: ConsentScope, way: str) -> Step:
    def step(life: Life) -> None:
        by, borrower = act(life.now.date()), life.borrower
        match way:
            case "grant":
                borrower.grant_consent(
                    by, scope=scope, source="APP", lawful_basis="CONSENT", granted_at=life.now
                )
            case "confirm":
                borrower.reconfirm_consent(by, scope=scope, source="APP", reconfirmed_at=life.now)
            case _:
                borrower.withdraw_consent(by, scope=scope, source="APP", withdrawn_at=life.now)

    return step


def blocks(point: str, way: str) -> Step:
    def step(life: Life) -> None:
        by, borrower = act(life.now.date()), life.borrower
        match way:
            case "block":
                borrower.block_contact_point(
                    by, point_ref=point, reason="wrong", blocked_at=life.now
                )
            case "unblock":
                borrower.unblock_contact_point(
                    by, point_ref=point, reason="right", unblocked_at=life.now
                )
            case "leave alone":
                borrower.refuse_contact_point(by, point_ref=point, refused_at=life.now)
            case _:
                borrower.retire_contact_point(
                    by, point_ref=point, reason="sold", retired_at=life.now
                )

    return step


def calls_us(channel: Channel, debt: UUID | None) -> Step:
    def step(life: Life) -> None:
        life.borrower.receive(
            act(life.now.date()),
            contact_ref=f"I-{life.borrower.version}",
            channel=channel,
            purpose=Purpose.COLLECTION,
            received_at=life.now,
            loan_id=debt,
        )

    return step


def is_held(*, lifted: bool) -> Step:
    def step(life: Life) -> None:
        by = act(life.now.date())
        if lifted:
            life.borrower.lift_hold(by, hold_ref="H-1", reason="over")
        else:
            life.borrower.set_hold(by, hold_ref="H-1", kind="CEASE", reason="asked", rule=HOLD)

    return step


def wishes(start: int, *, only: bool, channel: Channel | None) -> Step:
    def step(life: Life) -> None:
        wished = OwnHours(
            f"{start:02}:00", f"{start + 3:02}:00", only, None if channel is None else str(channel)
        )
        life.borrower.set_own_hours(
            act(life.now.date()), hours=[wished], source="CALL", set_at=life.now
        )

    return step


def waits(minutes: int) -> Step:
    def step(life: Life) -> None:
        life.now += timedelta(minutes=minutes)

    return step


def reaching(channel: Channel) -> some.SearchStrategy[str | None]:
    fit = [ref for ref, (kind, *_) in POINTS.items() if kind == REACHED_BY[channel]]
    return some.sampled_from([None, *fit])


CHANNELS, PURPOSES = some.sampled_from(Channel), some.sampled_from(Purpose)
ASKS = CHANNELS.flatmap(
    lambda channel: some.builds(
        asks, PURPOSES, some.just(channel), reaching(channel), some.sampled_from(DEBTS)
    )
)
WAITS = some.builds(waits, some.sampled_from([0, 1, 7, 60, 300, 700, 1440, 5000]))
TELLS = some.builds(tells, some.integers(0, 5), some.sampled_from(sorted(CALLED | MESSAGED)))
STEPS = some.one_of(
    *(ASKS, ASKS, ASKS, WAITS, WAITS, TELLS),
    some.builds(refuses, some.none() | CHANNELS, some.none() | PURPOSES, again=some.booleans()),
    some.builds(
        agrees,
        some.sampled_from(ConsentScope),
        some.sampled_from(["grant", "grant", "confirm", "withdraw"]),
    ),
    some.builds(
        blocks,
        some.sampled_from(sorted(POINTS)),
        some.sampled_from(["block", "unblock", "leave alone", "retire"]),
    ),
    some.builds(calls_us, CHANNELS, some.sampled_from(DEBTS)),
    some.builds(is_held, lifted=some.booleans()),
    some.builds(wishes, some.integers(6, 20), only=some.booleans(), channel=some.none() | CHANNELS),
)
LIVES = some.builds(
    born,
    some.sampled_from(sorted(HOMES)),
    some.sampled_from([None, None, None, "America/Los_Angeles"]),
)
BUSY = some.lists(
    some.one_of(
        some.builds(
            asks,
            some.sampled_from([Purpose.COLLECTION, Purpose.COLLECTION, Purpose.SERVICE_REMINDER]),
            some.sampled_from([Channel.PHONE, Channel.SMS]),
            some.sampled_from(["P-1", "P-1", None]),
            some.sampled_from(DEBTS),
        ),
        TELLS,
        some.builds(waits, some.sampled_from([0, 1, 7, 60, 1440])),
        some.builds(calls_us, CHANNELS, some.sampled_from(DEBTS)),
    ),
    min_size=20,
    max_size=60,
)
"""The days of a borrower whom everybody wants to reach."""


def lived(life: Life, steps: Iterable[Step]) -> Life:
    """The life after these steps, of which the borrower's stream refuses some."""
    for step in steps:
        try:
            step(life)
        except Refusal:
            continue
    return life


def limits_on(event: Borrower.ContactDecided, zone: LocalTime, life: Life) -> tuple[LimitRule, ...]:
    return RULES.binding(
        life.borrower.jurisdiction, Purpose(event.purpose), Channel(event.channel), zone.on
    ).limits


@given(LIVES, BUSY | some.lists(STEPS, min_size=10, max_size=60))
def test_no_cap_is_overspent_by_what_came_of_the_contacts(life: Life, steps: list[Step]) -> None:
    borrower = lived(life, steps).borrower
    allowed = [each for each in life.decisions if each.answer == Answer.ALLOW]

    for index, event in enumerate(allowed):
        # Each at the instant it was allowed: to make it long after is not what was asked.
        before = [
            replace(borrower.contacts[each.contact_ref], at=each.decided_at)
            for each in allowed[:index]
        ]
        for zone in life.borrower.situation().zones:
            local = LocalTime.of(event.decided_at, ZoneInfo(zone))
            for limit in limits_on(event, local, life):
                times = counted(limit, intent_of(event, None), before, event.decided_at)
                assert used(limit, times, local) < limit.most, (limit.rule, event.contact_ref)


@given(LIVES, BUSY | some.lists(STEPS, min_size=5, max_size=40))
def test_a_replay_and_a_snapshot_are_the_same_borrower(life: Life, steps: list[Step]) -> None:
    borrower = lived(life, steps).borrower

    again = replayed(borrower.pending_events)
    kept = from_snapshot(Borrower, BORROWER_ID, borrower.version, to_snapshot(borrower))

    assert isinstance(kept, Borrower)
    assert state(again) == state(kept) == state(borrower)
    for purpose, channel in ((Purpose.COLLECTION, Channel.PHONE), (Purpose.CARE, Channel.SMS)):
        found = [
            next(iter(ways(each, RULES, life.now, purposes=[purpose], channels=[channel])))
            for each in (borrower, again, kept)
        ]
        assert found[0] == found[1] == found[2]


@given(LIVES, BUSY | some.lists(STEPS, min_size=5, max_size=40))
def test_every_decision_comes_out_again_as_it_did(life: Life, steps: list[Step]) -> None:
    lived(life, steps)

    def rules_known(event: AnyDecided) -> ContactRules:
        return RULES.at_versions((each.rule, each.version) for each in event.judged_by)

    found = list(made_again(life.events, rules_known, lambda _: None))

    assert len(found) == len(life.decisions)
    assert [each.differs for each in found if each.differs is not None] == []


@given(LIVES, BUSY | some.lists(STEPS, min_size=5, max_size=40))
def test_why_says_what_was_decided_then(life: Life, steps: list[Step]) -> None:
    lived(life, steps)
    told: set[datetime] = set()
    for event in life.decisions:
        if event.decided_at in told:
            continue
        told.add(event.decided_at)
        borrower = known_by(life.events, event.decided_at, event.business_on)
        assert borrower is not None
        found = {
            way.point_ref: way.decision
            for way in ways(
                borrower,
                RULES,
                event.decided_at,
                loan_id=event.loan_id,
                purposes=[Purpose(event.purpose)],
                channels=[Channel(event.channel)],
            )
        }
        if event.point_ref in found:
            assert same(found[event.point_ref], event), event.contact_ref


@given(LIVES, BUSY | some.lists(STEPS, min_size=5, max_size=40))
def test_what_is_owed_passes_holds_and_refusals_and_nothing_else_does(
    life: Life, steps: list[Step]
) -> None:
    lived(life, steps)
    borrower: Borrower | None = None
    for event in life.events:
        if isinstance(event, Borrower.ContactDecided):
            assert borrower is not None
            because = {each.reason for each in event.against}
            if event.purpose in OWED:
                assert not because & {Reason.HOLD, Reason.OPT_OUT}
            elif any(
                each.channel in (None, event.channel) and each.purpose in (None, event.purpose)
                for each in borrower.opt_outs
            ):
                assert event.answer != Answer.ALLOW
        borrower = event.mutate(borrower)


def same(found: Decision, event: Borrower.ContactDecided) -> bool:
    reasons = [(str(each.reason), each.rule) for each in found.objections]
    return (found.answer, found.until, reasons) == (
        event.answer,
        event.until,
        [(each.reason, each.rule) for each in event.against],
    )

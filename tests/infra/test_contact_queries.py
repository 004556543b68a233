"""What the record of contacts answers, on real PostgreSQL, for today and for any past day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from domain.base.contact_policy import (
    Channel,
    ConsentScope,
    Feedback,
    IntentLevel,
    Outcome,
    PointKind,
    PointSource,
    Purpose,
)
from domain.borrower.borrower import Borrower
from domain.borrower.contact import Intent, Template
from domain.borrower.contacts import Result, Text
from infra import contact_queries as queries
from infra.contact_answers import FunnelStage
from infra.contact_policies import load_contact_rules
from infra.contact_queries import Filters
from projections.contacts import VERSION
from tests.infra.views_at_work import (
    JAN_15,
    ViewsAtWork,
    act,
    applied,
    borrower,
    lent,
    loan_id,
    repay,
    views_at_work,
)

RULES = load_contact_rules()
MON = date(2026, 9, 7)
TUE = date(2026, 9, 8)
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture(scope="module")
def views(postgres_url: str) -> Iterator[ViewsAtWork]:
    with views_at_work(postgres_url) as at_work:
        yield at_work


@pytest.fixture
def at_work(views: ViewsAtWork) -> ViewsAtWork:
    """Views that show nothing yet."""
    views.clear()
    return views


def ten(on: date) -> datetime:
    """Ten in the morning in Shanghai."""
    return datetime(on.year, on.month, on.day, 2, 0, tzinfo=UTC)


def reachable(name: str = "Ada") -> Borrower:
    """Someone with a telephone number."""
    ada = borrower(name)
    add_point(ada, "P-1")
    return ada


def add_point(ada: Borrower, point_ref: str, kind: PointKind = PointKind.PHONE) -> None:
    ada.add_contact_point(
        act(JAN_15),
        point_ref=point_ref,
        kind=kind,
        source=PointSource.APPLICATION,
        lawful_basis="CONTRACT",
        added_at=ten(JAN_15),
    )


def ask(
    ada: Borrower,
    contact_ref: str,
    on: date = MON,
    *,
    channel: Channel = Channel.SMS,
    purpose: Purpose = Purpose.COLLECTION,
    loan: str | None = "L-1",
    at: datetime | None = None,
    occasion: str = "late",
) -> None:
    debt = str(loan_id(loan)) if loan else None
    ada.decide_contact(
        act(on, "worker"),
        contact_ref=contact_ref,
        intent=Intent(purpose, channel, contact_point="P-1", debt=debt),
        policies=RULES,
        at=at or ten(on),
        occasion=occasion,
    )


def tell(
    ada: Borrower,
    contact_ref: str,
    outcome: Outcome = Outcome.SENT,
    on: date = MON,
    *,
    at: datetime | None = None,
    certain: bool = True,
    provider: str | None = "acme",
) -> None:
    result = Result(outcome, at or ten(on) + MINUTE, certain=certain, provider=provider)
    ada.tell_contact(act(on, "gateway"), contact_ref=contact_ref, result=result)


def report(
    ada: Borrower, contact_ref: str, minutes: int, *, delivered: bool = True, on: date = MON
) -> None:
    ada.report_delivery(
        act(on),
        contact_ref=contact_ref,
        delivered=delivered,
        provider="acme",
        carrier="north",
        reported_at=ten(on) + MINUTE + minutes * MINUTE,
    )


def hear(
    ada: Borrower,
    contact_ref: str,
    on: date = MON,
    *,
    keyword: str | None = None,
    answers: str | None = None,
    at: datetime | None = None,
) -> None:
    ada.receive(
        act(on),
        contact_ref=contact_ref,
        channel=Channel.SMS,
        purpose=Purpose.COLLECTION,
        received_at=at or ten(on) + HOUR,
        keyword=keyword,
        answers=answers,
    )


# --- the log --------------------------------------------------------------------------


def test_the_log_tells_why_a_contact_was_put_off_and_what_came_of_it_later(
    at_work: ViewsAtWork,
) -> None:
    ada = reachable()
    ask(ada, "C-1", at=ten(MON) - 5 * HOUR)
    ask(ada, "C-1")
    tell(ada, "C-1")
    report(ada, "C-1", minutes=3)
    at_work.show(ada, lent())

    later, first = queries.log(at_work.conn, MON, borrower_id=ada.id).found

    assert (first.answer, first.until_at, first.outcome) == ("DEFER", ten(MON) - 2 * HOUR, None)
    assert first.reasons == ["WINDOW"]
    assert [rule.split()[0] for rule in first.rules] == ["cn-collection-hours"]
    assert (later.answer, later.outcome, later.certain, later.delivered) == (
        "ALLOW",
        "SENT",
        True,
        True,
    )
    assert (later.loan_ref, later.occasion, later.carrier) == ("L-1", "late", "north")
    assert (later.actor, later.told_by) == ("worker", "gateway")


def test_what_came_of_a_contact_is_not_known_before_it_was_told(at_work: ViewsAtWork) -> None:
    ada = reachable()
    ask(ada, "C-1", MON)
    tell(ada, "C-1", on=TUE, at=ten(MON) + MINUTE)
    at_work.show(ada)

    outcomes = [
        [row.outcome for row in queries.log(at_work.conn, on, borrower_id=ada.id).found]
        for on in (JAN_15, MON, TUE)
    ]

    assert outcomes == [[], [None], ["SENT"]]


def test_a_call_is_logged_with_its_length_what_was_said_and_the_intent(
    at_work: ViewsAtWork,
) -> None:
    ada = reachable()
    ask(ada, "C-1", channel=Channel.PHONE)
    result = Result(
        Outcome.CONVERSATION,
        ten(MON) + MINUTE,
        duration_seconds=95,
        feedback=Feedback.WILL_PAY,
        intent_level=IntentLevel.HIGH,
        said_ref="vault-1",
    )
    ada.tell_contact(act(MON), contact_ref="C-1", result=result)
    at_work.show(ada)

    [call] = queries.log(at_work.conn, MON, borrower_id=ada.id).found

    assert (call.duration_seconds, call.feedback, call.intent_level, call.said_ref) == (
        95,
        "WILL_PAY",
        "HIGH",
        "vault-1",
    )


def test_a_message_is_logged_with_the_version_of_its_template(at_work: ViewsAtWork) -> None:
    ada = reachable()
    text = Text("reminder", "4", (), Template("Due tomorrow.", "Bank", price_named=False))
    ada.decide_contact(
        act(MON),
        contact_ref="C-1",
        intent=Intent(Purpose.SERVICE_REMINDER, Channel.SMS, contact_point="P-1"),
        policies=RULES,
        at=ten(MON),
        occasion="due",
        text=text,
    )
    at_work.show(ada)

    [row] = queries.log(at_work.conn, MON).found

    assert (row.template, row.template_version) == ("reminder", "4")


def test_the_log_of_a_day_over_all_borrowers_can_be_sifted(at_work: ViewsAtWork) -> None:
    ada, bo = reachable(), reachable("Bo")
    ask(ada, "C-0", date(2026, 9, 6))
    ask(ada, "C-1", MON)
    ask(ada, "C-2", MON, channel=Channel.PHONE, at=ten(MON) + 12 * HOUR)
    ask(bo, "C-3", MON, purpose=Purpose.MARKETING, loan=None)
    hear(bo, "I-1")
    at_work.show(ada, bo)

    def refs(**sifted: str) -> list[str]:
        filters = Filters(**sifted)
        found = queries.log(at_work.conn, MON, from_on=MON, filters=filters).found
        return [row.contact_ref for row in found]

    assert refs()[:2] == ["C-2", "I-1"]
    assert sorted(refs()[2:]) == ["C-1", "C-3"]
    assert refs(channel="PHONE") == refs(answer="DEFER") == ["C-2"]
    assert refs(purpose="MARKETING") == refs(reason="CONSENT") == ["C-3"]
    assert refs(answer="INBOUND") == ["I-1"]


def test_a_row_of_a_borrower_whose_events_wait_for_a_retry_is_marked_stale(
    at_work: ViewsAtWork,
) -> None:
    ada, bo = reachable(), reachable("Bo")
    ask(ada, "C-1")
    ask(bo, "C-2")
    at_work.show(ada, bo)
    at_work.conn.execute(
        "INSERT INTO views.parked VALUES ('contacts', %s, %s, 99, 'borrower.events', 0, 9, 9,"
        " 'borrower.contact-made', '', 'broken')",
        (VERSION, ada.id),
    )

    found = queries.log(at_work.conn, MON).found

    assert {row.contact_ref: row.stale for row in found} == {"C-1": True, "C-2": False}
    assert queries.log(at_work.conn, MON, borrower_id=ada.id).freshness.stale


# --- the budget -----------------------------------------------------------------------


def used(at_work: ViewsAtWork, ada: Borrower, on: date, at: datetime) -> dict[str, list[int]]:
    """Used and left of each limit on collection."""
    asked = queries.budget(
        at_work.conn, RULES, ada.id, on=on, at=at, purposes=(Purpose.COLLECTION,)
    )
    assert asked.found is not None
    return {each.rule: [each.used, each.left] for each in asked.found.limits}


def test_a_call_counts_as_a_talk_until_it_is_told_what_came_of_it(at_work: ViewsAtWork) -> None:
    ada = reachable()
    ask(ada, "C-1", channel=Channel.PHONE)
    at_work.show(ada)
    before = used(at_work, ada, MON, ten(MON) + HOUR)["cn-connected-calls-a-day"]
    tell(ada, "C-1", Outcome.ATTEMPTED)
    at_work.show(ada)

    after = used(at_work, ada, MON, ten(MON) + HOUR)["cn-connected-calls-a-day"]

    assert (before, after) == ([1, 2], [0, 3])


def test_the_budget_of_a_past_day_is_told_by_what_was_known_then(at_work: ViewsAtWork) -> None:
    ada = reachable()
    ask(ada, "C-1")
    tell(ada, "C-1", Outcome.FAILED, on=TUE)
    at_work.show(ada)

    limit = "cn-collection-messages-a-day"
    known_then = used(at_work, ada, MON, ten(MON) + HOUR)[limit]
    known_now = used(at_work, ada, TUE, ten(MON) + HOUR)[limit]

    assert (known_then, known_now) == ([1, 0], [0, 1])


def test_the_budget_is_what_the_gate_counts(at_work: ViewsAtWork) -> None:
    ada = reachable()
    for number in range(3):
        ask(ada, f"C-{number}", channel=Channel.PHONE, at=ten(MON) + number * MINUTE)
    ask(ada, "C-3", channel=Channel.PHONE, at=ten(MON) + HOUR)
    at_work.show(ada)

    spent = {
        rule for rule, (_, left) in used(at_work, ada, MON, ten(MON) + HOUR).items() if left == 0
    }

    assert spent == {rule.split()[0] for rule in queries.log(at_work.conn, MON).found[0].rules}


def test_a_limit_per_debt_names_the_loan(at_work: ViewsAtWork) -> None:
    ada = borrower("Ada", "US", ("America/New_York",))
    add_point(ada, "P-1")
    ask(ada, "C-1", channel=Channel.PHONE, at=ten(MON) + 13 * HOUR)
    tell(ada, "C-1", Outcome.ATTEMPTED, at=ten(MON) + 13 * HOUR)
    at_work.show(ada, lent())

    asked = queries.budget(at_work.conn, RULES, ada.id, on=MON, at=ten(MON) + 14 * HOUR)

    assert asked.found is not None
    seven = [each for each in asked.found.limits if each.rule == "us-attempts-in-seven-days"]
    assert [(each.of, each.used, each.left) for each in seven] == [("L-1", 1, 6), ("", 0, 7)]


def test_what_nobody_told_of_counts_no_more_after_a_day(at_work: ViewsAtWork) -> None:
    ada = borrower("Ada", "US", ("America/New_York",))
    add_point(ada, "P-1")
    ask(ada, "C-1", channel=Channel.PHONE, loan=None, at=ten(MON) + 13 * HOUR)
    at_work.show(ada)

    limit = "us-pause-after-a-conversation"
    untold = used(at_work, ada, TUE, ten(MON) + 36 * HOUR)[limit]
    given_up = used(at_work, ada, TUE, ten(MON) + 37 * HOUR)[limit]

    assert (untold, given_up) == ([1, 0], [0, 1])


def test_of_somebody_who_was_not_known_by_then_there_is_no_budget(at_work: ViewsAtWork) -> None:
    ada = reachable()
    at_work.show(ada)

    asked = queries.budget(at_work.conn, RULES, ada.id, on=date(2025, 1, 14), at=ten(MON))

    assert asked.found is None


# --- over all borrowers ----------------------------------------------------------------


def test_the_summary_counts_answers_and_what_came_of_those_allowed(at_work: ViewsAtWork) -> None:
    borrowers = [reachable(name) for name in ("Ada", "Bo", "Cy", "Di", "Ed")]
    for number, each in enumerate(borrowers):
        ask(each, f"C-{number}", at=ten(MON) + (12 * HOUR if number == 4 else MINUTE))
    tell(borrowers[0], "C-0")
    tell(borrowers[1], "C-1", Outcome.FAILED)
    tell(borrowers[2], "C-2", certain=False)
    ask(borrowers[0], "A-1", purpose=Purpose.MARKETING, loan=None, at=ten(MON) + HOUR)
    at_work.show(*borrowers)

    found = queries.summary(at_work.conn, MON).found

    collecting, marketing = found.kinds
    assert (collecting.allowed, collecting.deferred, collecting.blocked) == (4, 1, 0)
    assert (collecting.sent, collecting.failed) == (1, 1)
    assert (collecting.uncertain, collecting.untold) == (1, 1)
    assert (marketing.purpose, marketing.allowed, marketing.blocked) == ("MARKETING", 0, 1)
    reasons = {(each.reason, each.rule): each for each in found.reasons}
    assert reasons["WINDOW", "cn-collection-hours"].deferred == 1
    assert {reason for reason, _ in reasons} >= {"CONSENT", "WINDOW"}


def test_the_summary_keeps_to_the_days_asked_for(at_work: ViewsAtWork) -> None:
    ada = reachable()
    ask(ada, "C-1", MON)
    ask(ada, "C-2", TUE)
    at_work.show(ada)

    def allowed(*days: date | None) -> int:
        found = queries.summary(at_work.conn, days[0] or TUE, *days[1:]).found
        return sum(each.allowed for each in found.kinds)

    assert [allowed(TUE), allowed(MON), allowed(TUE, TUE), allowed(TUE, None, MON)] == [2, 1, 1, 1]
    assert allowed(date(2026, 9, 6)) == 0


def test_deliveries_are_told_by_carrier_with_the_median_time_to_a_report(
    at_work: ViewsAtWork,
) -> None:
    borrowers = [reachable(name) for name in ("Ada", "Bo", "Cy", "Di", "Ed")]
    for number, each in enumerate(borrowers):
        ask(each, f"C-{number}")
        tell(each, f"C-{number}", Outcome.FAILED if number == 4 else Outcome.SENT)
    report(borrowers[0], "C-0", minutes=2)
    report(borrowers[1], "C-1", minutes=5)
    report(borrowers[2], "C-2", minutes=12, delivered=False)
    at_work.show(*borrowers)

    north, silent = queries.deliveries(at_work.conn, MON).found

    assert (north.provider, north.carrier, north.channel) == ("acme", "north", "SMS")
    assert (north.sent, north.delivered, north.failed, north.unknown) == (3, 2, 1, 0)
    assert north.median_minutes == Decimal("5.0")
    assert (silent.carrier, silent.sent, silent.unknown, silent.refused) == (None, 1, 1, 1)
    assert silent.median_minutes is None


def test_a_later_report_on_a_message_takes_the_place_of_an_earlier_one(
    at_work: ViewsAtWork,
) -> None:
    ada = reachable()
    ask(ada, "C-1")
    tell(ada, "C-1")
    report(ada, "C-1", minutes=2, delivered=False)
    report(ada, "C-1", minutes=9)
    at_work.show(ada)

    [north] = queries.deliveries(at_work.conn, MON).found

    assert (north.sent, north.delivered, north.failed) == (1, 1, 0)


# --- the funnel -----------------------------------------------------------------------


def test_the_funnel_follows_a_contact_to_the_answer_and_to_the_payment(
    at_work: ViewsAtWork,
) -> None:
    ada, bo, cy = reachable(), reachable("Bo"), reachable("Cy")
    for each, loan in ((ada, "L-1"), (bo, "L-2"), (cy, "L-3")):
        ask(each, "C-1", loan=loan)
        tell(each, "C-1")
    report(ada, "C-1", minutes=1)
    hear(ada, "I-1", TUE, answers="C-1")
    loans = [lent("L-1"), lent("L-2", of="Bo"), lent("L-3", of="Cy")]
    repay(loans[0], "P-1", 100_00, date(2026, 9, 10))
    repay(loans[1], "P-1", 100_00, date(2026, 9, 20))
    at_work.show(ada, bo, cy, *loans)

    def stages(on: date, within_days: int) -> FunnelStage:
        [found] = queries.funnel(at_work.conn, on, within_days=within_days).found
        return found

    assert stages(date(2026, 9, 30), 7) == FunnelStage("late", 3, 3, 1, 1, 1, 0, 0, 0, 0, 0, 0)
    assert stages(date(2026, 9, 30), 13).paid == 2
    assert stages(TUE, 7) == FunnelStage("late", 3, 3, 1, 1, 0, 0, 0, 0, 0, 0, 3)


def one_stage(at_work: ViewsAtWork, on: date, within_days: int = 7) -> FunnelStage:
    [found] = queries.funnel(at_work.conn, on, within_days=within_days).found
    return found


def test_a_reminder_converts_who_pays_in_time_and_who_was_late_by_catching_up(
    at_work: ViewsAtWork,
) -> None:
    due = date(2025, 2, 15)
    names = ("Ada", "Bo", "Cy", "Di")
    people = [reachable(name) for name in names]
    loans = [lent(f"L-{number}", of=name) for number, name in enumerate(names)]
    for number, each in enumerate(people[:2]):
        ask(each, "C-1", due - 3 * DAY, loan=f"L-{number}", purpose=Purpose.SERVICE_REMINDER)
        tell(each, "C-1", on=due - 3 * DAY)
    for number, each in enumerate(people[2:], start=2):
        ask(each, "C-1", due + 3 * DAY, loan=f"L-{number}", purpose=Purpose.SERVICE_REMINDER)
        tell(each, "C-1", on=due + 3 * DAY)
    repay(loans[0], "P-1", 86_07, due)
    repay(loans[1], "P-1", 90_00, due + DAY)
    repay(loans[2], "P-1", 90_00, due + 5 * DAY)
    at_work.show(*people, *loans)

    found = one_stage(at_work, due + 20 * DAY)

    assert (found.sent, found.in_time, found.cured, found.converted) == (4, 1, 1, 2)
    assert found.paid == 3
    assert one_stage(at_work, due - DAY).converted == 0


def test_collection_converts_who_catches_up_and_not_who_pays_a_part(at_work: ViewsAtWork) -> None:
    late_on = date(2025, 2, 20)
    people = [reachable(), reachable("Bo")]
    loans = [lent("L-1"), lent("L-2", of="Bo")]
    for each, loan in zip(people, ("L-1", "L-2"), strict=True):
        ask(each, "C-1", late_on, loan=loan)
        tell(each, "C-1", on=late_on)
    repay(loans[0], "P-1", 90_00, late_on + DAY)
    repay(loans[1], "P-1", 10_00, late_on + DAY)
    at_work.show(*people, *loans)

    found = one_stage(at_work, late_on + 20 * DAY)

    assert (found.paid, found.cured, found.converted) == (2, 1, 1)
    assert one_stage(at_work, late_on + 20 * DAY, within_days=0).cured == 0


def test_marketing_converts_who_applies_and_tells_apart_who_was_paid_out(
    at_work: ViewsAtWork,
) -> None:
    offered = date(2025, 3, 10)
    rules = replace(RULES, consents=())
    people = [reachable(name) for name in ("Ada", "Bo", "Cy")]
    for each in people:
        add_point(each, "P-2", PointKind.ADDRESS)
        each.decide_contact(
            act(offered, "worker"),
            contact_ref="C-1",
            intent=Intent(
                Purpose.MARKETING, Channel.LETTER, contact_point="P-2", product_line="CASH"
            ),
            policies=rules,
            at=ten(offered),
            occasion="campaign:spring",
        )
        tell(each, "C-1", on=offered)
    at_work.show(
        *people,
        lent("L-1", on=offered + 2 * DAY),
        applied("L-2", of="Bo", on=offered + 3 * DAY),
        lent("L-3", of="Cy", on=offered - DAY),
        applied("L-4", of="Cy", on=offered + 9 * DAY),
    )

    found = one_stage(at_work, offered + 20 * DAY)

    assert (found.sent, found.applied, found.disbursed, found.converted) == (3, 2, 1, 2)
    assert one_stage(at_work, offered + 2 * DAY).converted == 1
    assert one_stage(at_work, offered + 20 * DAY, within_days=9).applied == 3
    assert found.paid == found.cured == 0


def test_a_payment_taken_back_is_none(at_work: ViewsAtWork) -> None:
    ada, loan = reachable(), lent()
    ask(ada, "C-1")
    tell(ada, "C-1")
    repay(loan, "P-1", 100_00, TUE)
    loan.reverse(act(date(2026, 9, 12)), payment_ref="P-1", reason="bounced")
    at_work.show(ada, loan)

    paid = [queries.funnel(at_work.conn, on).found[0].paid for on in (TUE, date(2026, 9, 12))]

    assert paid == [1, 0]


def test_a_payment_on_another_loan_does_not_count_unless_the_contact_names_none(
    at_work: ViewsAtWork,
) -> None:
    ada = reachable()
    ask(ada, "C-1", loan="L-1", occasion="one loan")
    tell(ada, "C-1")
    ask(ada, "C-2", TUE, loan=None, occasion="all loans", purpose=Purpose.SERVICE_REMINDER)
    tell(ada, "C-2", on=TUE)
    other = lent("L-2")
    repay(other, "P-1", 100_00, date(2026, 9, 10))
    at_work.show(ada, lent("L-1"), other)

    found = queries.funnel(at_work.conn, date(2026, 9, 30)).found

    assert [(each.of, each.paid) for each in found] == [("all loans", 1), ("one loan", 0)]


@pytest.mark.parametrize("by", sorted(queries.FUNNEL_BY))
def test_the_funnel_can_be_told_by_whatever_marks_a_contact(at_work: ViewsAtWork, by: str) -> None:
    ada = reachable()
    ask(ada, "C-1")
    at_work.show(ada)

    [found] = queries.funnel(at_work.conn, MON, by=by).found

    marks = {"occasion": "late", "purpose": "COLLECTION", "channel": "SMS"}
    assert (found.of, found.allowed, found.sent) == (marks.get(by), 1, 0)


# --- keywords and consents --------------------------------------------------------------


def test_keywords_are_counted_with_the_refusals_they_led_to(at_work: ViewsAtWork) -> None:
    ada, bo = reachable(), reachable("Bo")
    hear(ada, "I-1", keyword="T")
    hear(bo, "I-2", keyword="T", answers="C-9")
    hear(bo, "I-3", at=ten(MON) + 2 * HOUR)
    for each, contact_ref in ((ada, "I-1"), (bo, "I-2")):
        each.opt_out(
            act(MON),
            channel=Channel.SMS,
            purpose=Purpose.MARKETING,
            source="REPLY",
            keyword="T",
            contact_ref=contact_ref,
            opted_out_at=ten(MON) + HOUR,
        )
    bo.revoke_opt_out(
        act(TUE), channel=Channel.SMS, purpose=Purpose.MARKETING, source="APP", revoked_at=ten(TUE)
    )
    at_work.show(ada, bo)

    found = queries.keywords(at_work.conn, TUE).found

    counted = [(e.keyword, e.received, e.borrowers, e.replies, e.opted_out) for e in found.keywords]
    assert counted == [("T", 2, 2, 1, 2), (None, 1, 1, 0, 0)]
    [refused] = found.opt_outs
    assert (refused.source, refused.keyword, refused.opted_out, refused.standing) == (
        "REPLY",
        "T",
        2,
        1,
    )


def test_the_register_tells_a_consent_from_its_grant_to_its_end(at_work: ViewsAtWork) -> None:
    ada = reachable()
    scope = ConsentScope.MARKETING
    ada.grant_consent(
        act(JAN_15), scope=scope, source="APP", lawful_basis="CONSENT", granted_at=ten(JAN_15)
    )
    ada.reconfirm_consent(act(MON), scope=scope, source="SMS", reconfirmed_at=ten(MON))
    ada.withdraw_consent(act(TUE), scope=scope, source="PHONE", withdrawn_at=ten(TUE))
    ada.grant_consent(
        act(TUE), scope=scope, source="WEB", lawful_basis="CONSENT", granted_at=ten(TUE) + HOUR
    )
    ada.opt_out(act(TUE), channel=None, purpose=Purpose.CARE, source="APP", opted_out_at=ten(TUE))
    ada.block_contact_point(act(TUE), point_ref="P-1", reason="wrong", blocked_at=ten(TUE))
    at_work.show(ada)

    now = queries.consents(at_work.conn, ada.id, TUE).found
    before = queries.consents(at_work.conn, ada.id, MON).found

    assert now is not None and before is not None
    assert [(each.source, each.reconfirmed_at, each.withdrawn_at) for each in now.consents] == [
        ("APP", ten(MON), ten(TUE)),
        ("WEB", None, None),
    ]
    assert [each.withdrawn_at for each in before.consents] == [None]
    assert [(each.purpose, each.revoked_at) for each in now.opt_outs] == [("CARE", None)]
    assert (before.points[0].blocked_at, now.points[0].blocked_at) == (None, ten(TUE))


def test_the_register_over_all_borrowers_counts_what_stands(at_work: ViewsAtWork) -> None:
    borrowers = [reachable(name) for name in ("Ada", "Bo", "Cy")]
    for each in borrowers:
        each.grant_consent(
            act(JAN_15),
            scope=ConsentScope.MARKETING,
            source="APP",
            lawful_basis="CONSENT",
            granted_at=ten(JAN_15),
        )
        each.opt_out(
            act(MON), channel=Channel.SMS, purpose=None, source="APP", opted_out_at=ten(MON)
        )
    borrowers[0].withdraw_consent(
        act(TUE), scope=ConsentScope.MARKETING, source="APP", withdrawn_at=ten(TUE)
    )
    borrowers[0].revoke_opt_out(
        act(TUE), channel=Channel.SMS, purpose=None, source="APP", revoked_at=ten(TUE)
    )
    at_work.show(*borrowers)

    found = queries.consent_counts(at_work.conn, TUE).found
    before = queries.consent_counts(at_work.conn, MON).found

    [consents], [refused] = found.consents, found.opt_outs
    assert found.borrowers == 3
    assert (consents.granted, consents.reconfirmed, consents.withdrawn) == (2, 0, 1)
    assert (refused.channel, refused.purpose, refused.standing, refused.revoked) == (
        "SMS",
        None,
        2,
        1,
    )
    assert (before.consents[0].granted, before.opt_outs[0].standing) == (3, 3)

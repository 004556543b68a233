"""What the record of contacts writes: decisions, what came of them, consents, refusals."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from domain.base.complaint_policy import ComplaintLevel, Severity
from domain.base.contact_policy import (
    Channel,
    ConsentScope,
    LateReason,
    Outcome,
    PointKind,
    PointSource,
    Purpose,
)
from domain.borrower.borrower import Borrower
from domain.borrower.complaint_words import Came, Category, FeedbackSource, Verdict
from domain.borrower.contact import Intent, Party
from domain.borrower.contacts import Result
from domain.borrower.legal_words import LegalOutcome
from domain.borrower.reply_words import ReplyOutcome
from infra.contact_policies import load_contact_rules
from infra.policies import load_policies
from projections import contacts
from tests.domain.borrower.test_legal import refer as at_law
from tests.domain.borrower.test_placement import ACME, LATE
from tests.domain.story import BORROWER_ID, JAN_15, LOAN_ID, act, disbursed, repay, write_off
from tests.projections.rows import borrower, migrated, only, rows

RULES = load_contact_rules()
TEN = datetime(2025, 1, 15, 2, 0, tzinfo=UTC)
"""Ten in the morning in Shanghai."""
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
LEVEL = ComplaintLevel(
    version="complaints-test",
    severity=Severity.HIGH,
    answer_minutes=60,
    resolve_minutes=48 * 60,
    valid_from=date(1990, 1, 1),
    valid_until=None,
    source="test",
    jurisdiction="ANY",
)
SMS = Intent(Purpose.COLLECTION, Channel.SMS, contact_point="P-1", debt=str(LOAN_ID))


def reachable(party: Party = Party.BORROWER) -> Borrower:
    """Someone with a telephone number, or a friend who has one."""
    ada = borrower()
    ada.add_contact_point(
        act(),
        point_ref="P-1",
        kind=PointKind.PHONE,
        source=PointSource.APPLICATION,
        lawful_basis="CONTRACT",
        added_at=TEN - HOUR,
        party=party,
    )
    return ada


def complained(ada: Borrower) -> None:
    ada.open_complaint(
        act(),
        complaint_ref="Q-1",
        severity=Severity.HIGH,
        category=Category.COLLECTION,
        came_by=Came.HOTLINE,
        opened_at=TEN,
        level=LEVEL,
        desk_days=None,
        loan_id=LOAN_ID,
    )


def ask(ada: Borrower, contact_ref: str, at: datetime = TEN) -> None:
    ada.decide_contact(
        act(), contact_ref=contact_ref, intent=SMS, policies=RULES, at=at, occasion="late"
    )


def test_a_decision_is_kept_with_what_stood_against_it() -> None:
    ada = reachable()
    ask(ada, "C-1", TEN + 12 * HOUR)

    found = rows(contacts, ada)

    assert only(found["contacts_decision"], "contact_ref", "answer", "purpose", "loan_id") == [
        ("C-1", "DEFER", "COLLECTION", LOAN_ID)
    ]
    assert only(found["contacts_objection"], "version", "reason", "rule") == [
        (ada.version, "WINDOW", "cn-collection-hours")
    ]
    assert found["contacts_decision"][0]["until_at"] == TEN + 22 * HOUR


def test_a_contact_that_is_asked_for_again_has_a_row_for_each_answer() -> None:
    ada = reachable()
    ask(ada, "C-1", TEN - 5 * HOUR)
    ask(ada, "C-1", TEN)

    found = rows(contacts, ada)["contacts_decision"]

    assert only(found, "contact_ref", "answer") == [("C-1", "DEFER"), ("C-1", "ALLOW")]


def test_what_came_of_a_message_and_what_the_provider_reports_stand_beside() -> None:
    ada = reachable()
    ask(ada, "C-1")
    sent = Result(Outcome.SENT, TEN + MINUTE, certain=False, provider="acme", provider_ref="7")
    ada.tell_contact(act(), contact_ref="C-1", result=sent)
    ada.report_delivery(
        act(),
        contact_ref="C-1",
        delivered=True,
        provider="acme",
        carrier="north",
        reported_at=TEN + 3 * MINUTE,
    )

    found = rows(contacts, ada)

    assert only(found["contacts_result"], "outcome", "certain", "provider", "made_at") == [
        ("SENT", False, "acme", TEN + MINUTE)
    ]
    assert only(found["contacts_delivery"], "delivered", "carrier", "reported_at") == [
        (True, "north", TEN + 3 * MINUTE)
    ]


def test_a_reply_is_kept_with_its_keyword_and_what_it_answers() -> None:
    ada = reachable()
    ada.receive(
        act(),
        contact_ref="I-1",
        channel=Channel.SMS,
        purpose=Purpose.COLLECTION,
        received_at=TEN,
        keyword="T",
        answers="C-1",
    )

    found = rows(contacts, ada)["contacts_inbound"]

    assert only(found, "contact_ref", "keyword", "answers") == [("I-1", "T", "C-1")]


def test_a_number_keeps_every_change_with_its_instant() -> None:
    ada = reachable(Party.THIRD_PARTY)
    ada.block_contact_point(act(), point_ref="P-1", reason="wrong", blocked_at=TEN)
    ada.unblock_contact_point(act(), point_ref="P-1", reason="right", unblocked_at=TEN + HOUR)
    ada.refuse_contact_point(act(), point_ref="P-1", refused_at=TEN + HOUR)
    ada.retire_contact_point(act(), point_ref="P-1", reason="sold", retired_at=TEN + 2 * HOUR)

    found = rows(contacts, ada)["contacts_point"]

    assert only(found, "point_ref", "change", "changed_at") == [
        ("P-1", "ADDED", TEN - HOUR),
        ("P-1", "BLOCKED", TEN),
        ("P-1", "UNBLOCKED", TEN + HOUR),
        ("P-1", "REFUSED", TEN + HOUR),
        ("P-1", "RETIRED", TEN + 2 * HOUR),
    ]
    assert (found[0]["kind"], found[0]["lawful_basis"]) == ("PHONE", "CONTRACT")


def test_a_consent_keeps_when_it_was_given_confirmed_and_taken_back() -> None:
    ada = borrower()
    scope = ConsentScope.MARKETING
    ada.grant_consent(act(), scope=scope, source="APP", lawful_basis="CONSENT", granted_at=TEN)
    ada.reconfirm_consent(act(), scope=scope, source="SMS", reconfirmed_at=TEN + MINUTE)
    ada.withdraw_consent(
        act(date(2025, 2, 1)), scope=scope, source="PHONE", withdrawn_at=TEN + HOUR
    )

    found = rows(contacts, ada)["contacts_consent"]

    assert only(found, "business_on", "scope", "change", "source") == [
        (JAN_15, "MARKETING", "GRANTED", "APP"),
        (JAN_15, "MARKETING", "RECONFIRMED", "SMS"),
        (date(2025, 2, 1), "MARKETING", "WITHDRAWN", "PHONE"),
    ]


def test_a_refusal_and_its_end_are_kept() -> None:
    ada = borrower()
    ada.opt_out(
        act(), channel=Channel.SMS, purpose=None, source="REPLY", keyword="T", opted_out_at=TEN
    )
    ada.revoke_opt_out(
        act(), channel=Channel.SMS, purpose=None, source="APP", revoked_at=TEN + HOUR
    )

    found = rows(contacts, ada)["contacts_opt_out"]

    assert only(found, "change", "channel", "purpose", "source") == [
        ("OPTED_OUT", "SMS", None, "REPLY"),
        ("REVOKED", "SMS", None, "APP"),
    ]


def test_a_strategy_a_collector_and_what_became_of_a_promise_are_kept() -> None:
    ada = borrower()
    rule = load_policies().strategy("M1", JAN_15)
    ada.assign_strategy(act(), loan_id=LOAN_ID, bucket="M1", days_past_due=3, rule=rule)
    ada.assign_collector(act(), collector="chen")
    ada.promise(
        act(),
        promise_ref="W-1",
        loan_id=LOAN_ID,
        amount=50_00,
        currency="CNY",
        promised_on=date(2025, 1, 20),
    )
    ada.assess_promise(act(date(2025, 1, 21)), promise_ref="W-1", received=40_00)

    found = rows(contacts, ada)

    assert only(found["contacts_strategy"], "loan_id", "bucket", "behaviour", "strategy") == [
        (LOAN_ID, "M1", "ORDINARY", "soft reminder and call")
    ]
    assert only(found["contacts_collector"], "collector") == [("chen",)]
    assert only(found["contacts_promise"], "state", "amount", "received") == [
        ("OPEN", 50_00, None),
        ("BROKEN", 50_00, 40_00),
    ]


def test_a_claim_at_law_is_kept_with_how_it_ended() -> None:
    ada = borrower()
    at_law(ada, referred_to="Lex")
    ada.withdraw_legal(act(), loan_id=LOAN_ID, reason="paid in part")
    at_law(ada)
    ada.end_legal(
        act(),
        loan_id=LOAN_ID,
        outcome=LegalOutcome.JUDGMENT,
        decided_on=JAN_15,
        paper_ref="J-1",
        awarded=280_00,
    )

    found = rows(contacts, ada)["contacts_legal"]

    told = ("change", "claimed", "referred_to", "outcome", "awarded", "paper_ref", "approved_by")
    assert [tuple(row.get(name) for name in told) for row in found] == [
        ("REFERRED", 326_50, "Lex", None, None, None, "head of collections"),
        ("WITHDRAWN", None, None, None, None, None, None),
        ("REFERRED", 326_50, None, None, None, None, "head of collections"),
        ("ENDED", 326_50, None, "JUDGMENT", 280_00, "J-1", None),
    ]
    assert {each["referred_on"] for each in found} == {JAN_15}


def test_a_loan_with_an_agency_is_kept_until_it_comes_back() -> None:
    ada = borrower()
    ada.place(act(), agency=ACME, loan=LATE)
    ada.recall(act(), loan_id=LOAN_ID, reason="complaints")

    found = rows(contacts, ada)["contacts_placement"]

    assert only(found, "loan_id", "agency", "change", "reason") == [
        (LOAN_ID, "acme", "PLACED", "M4"),
        (LOAN_ID, "acme", "RECALLED", "complaints"),
    ]


def test_how_late_a_loan_is_is_kept_whenever_it_changed() -> None:
    loan = disbursed()
    loan.attend(act(date(2025, 2, 20)))
    repay(loan, "P-1", 100_00, date(2025, 2, 25))

    assert only(rows(contacts, loan)["contacts_bucket"], "bucket") == [("M1",), ("M0",)]
    assert only(rows(contacts, migrated())["contacts_bucket"], "bucket") == [(migrated().bucket,)]


def test_of_a_loss_known_late_the_bucket_of_its_day_is_kept() -> None:
    loan = disbursed()
    loan.attend(act(date(2025, 4, 20)))
    write_off(loan, date(2025, 4, 20), counts_on=date(2025, 2, 20))

    assert only(rows(contacts, loan)["contacts_bucket"], "bucket") == [("M3",), ("M1",)]


def test_why_a_loan_is_late_is_kept_with_who_told_it() -> None:
    ada = borrower()
    ada.record_late_reason(act(), loan_id=LOAN_ID, reason=LateReason.ILLNESS, source="employer")

    found = rows(contacts, ada)["contacts_late_reason"]

    assert only(found, "loan_id", "reason", "source", "contact_ref", "actor") == [
        (LOAN_ID, "ILLNESS", "employer", None, "clerk")
    ]


def test_of_a_loan_whose_it_is_and_what_was_paid_and_taken_back_is_kept() -> None:
    loan = disbursed()
    repay(loan, "P-1", 100_00, date(2025, 2, 15))
    loan.reverse(act(date(2025, 2, 20)), payment_ref="P-1", reason="bounced")

    found = rows(contacts, loan)

    assert only(found["contacts_loan"], "loan_ref", "borrower_id") == [(loan.loan_ref, BORROWER_ID)]
    assert only(found["contacts_payment"], "business_on", "payment_ref", "amount") == [
        (date(2025, 2, 15), "P-1", 100_00),
        (date(2025, 2, 20), "P-1", -100_00),
    ]


def test_a_complaint_keeps_every_step_with_its_deadlines() -> None:
    ada = borrower()
    complained(ada)
    ada.escalate_overdue(act(), at=TEN + 2 * HOUR)
    ada.answer_complaint(act(), complaint_ref="Q-1", answered_at=TEN + 3 * HOUR)
    ada.resolve_complaint(
        act(),
        complaint_ref="Q-1",
        outcome=Verdict.UPHELD,
        resolved_at=TEN + 4 * HOUR,
        satisfaction=4,
    )

    found = rows(contacts, ada)["contacts_complaint"]

    assert only(found, "change", "changed_at") == [
        ("OPENED", TEN),
        ("ESCALATED", TEN + 2 * HOUR),
        ("ANSWERED", TEN + 3 * HOUR),
        ("RESOLVED", TEN + 4 * HOUR),
    ]
    assert only(found[:2], "severity", "respond_by", "resolve_by") == [
        ("HIGH", TEN + HOUR, TEN + 48 * HOUR),
        ("HIGH", TEN + HOUR, TEN + 48 * HOUR),
    ]
    assert (found[1]["cause"], found[3]["outcome"]) == ("ANSWER_OVERDUE", "UPHELD")
    assert (found[0]["loan_id"], found[3]["satisfaction"]) == (LOAN_ID, 4)


def test_a_reopened_complaint_has_new_deadlines_and_another_hold() -> None:
    ada = borrower()
    complained(ada)
    ada.resolve_complaint(
        act(), complaint_ref="Q-1", outcome=Verdict.WITHDRAWN, resolved_at=TEN + HOUR
    )
    ada.reopen_complaint(
        act(),
        complaint_ref="Q-1",
        reason="it goes on",
        reopened_at=TEN + 2 * HOUR,
        level=LEVEL,
        desk_days=None,
    )

    last = rows(contacts, ada)["contacts_complaint"][-1]

    assert (last["change"], last["hold_ref"], last["reason"]) == ("REOPENED", "Q-1/2", "it goes on")
    assert last["respond_by"] == TEN + 3 * HOUR


def test_a_rating_is_kept_with_what_it_is_about() -> None:
    ada = borrower()
    complained(ada)
    ada.give_feedback(
        act(),
        feedback_ref="R-1",
        source=FeedbackSource.APP,
        score=2,
        occasion="service",
        given_at=TEN,
        complaint_ref="Q-1",
    )

    found = rows(contacts, ada)["contacts_feedback"]

    assert only(found, "feedback_ref", "source", "score", "complaint_ref") == [
        ("R-1", "APP", 2, "Q-1")
    ]


def test_what_a_borrower_wrote_is_kept_with_its_words_and_what_was_done_about_it() -> None:
    ada = reachable()
    ada.receive(
        act(),
        contact_ref="I-1",
        channel=Channel.SMS,
        purpose=Purpose.CARE,
        received_at=TEN,
        said_ref="V-1",
        found=load_policies().words_among("please STOP", "SMS", "CN", JAN_15),
    )
    ada.read_reply(
        act(), contact_ref="I-1", outcome=ReplyOutcome.QUESTION, read_at=TEN + MINUTE, refused_on=[]
    )
    ada.answer_reply(act(), contact_ref="I-1", answered_at=TEN + 2 * MINUTE)

    found = rows(contacts, ada)

    assert only(found["contacts_inbound"], "said_ref", "found", "kept_back") == [
        ("V-1", ["STOP"], ["SMS MARKETING"])
    ]
    assert only(
        found["contacts_reply"], "contact_ref", "change", "awaits_answer", "changed_at"
    ) == [("I-1", "READ", True, TEN + MINUTE), ("I-1", "ANSWERED", False, TEN + 2 * MINUTE)]
    assert found["contacts_reply"][0]["outcome"] == "QUESTION"

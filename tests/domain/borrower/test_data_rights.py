"""What borrowers ask about their data, and how what the vault did binds the gate."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from domain.base.contact_policy import Channel, Purpose, Reason
from domain.base.policy import RequestTerm
from domain.borrower import data_rights
from domain.borrower.borrower import Borrower
from domain.borrower.contact import Intent
from domain.borrower.data_rights import Measure, MeasureKind
from domain.borrower.data_words import Ground, RequestState, Right
from domain.borrower.gate import Answer, Decision, decide
from infra.contact_policies import load_contact_rules
from tests.domain.borrower.test_borrower import registered
from tests.domain.story import JAN_15, act, replayed, state

JAN_20, FEB_1 = date(2025, 1, 20), date(2025, 2, 1)
RULES = load_contact_rules()
TERM = RequestTerm("term-test", "ANY", 15, date(1990, 1, 1), None, "test")


def names(ada: Borrower) -> list[str]:
    """What was recorded, in words."""
    return [type(each).__name__ for each in ada.pending_events]


def request(ada: Borrower, ref: str = "DR-1", right: Right = Right.ERASURE, **more: Any) -> None:
    said = {"received_on": JAN_15, "term": None, **more}
    ada.request_about_data(act(), request_ref=ref, right=right, **said)


def tell(
    ada: Borrower, number: int, kind: MeasureKind, on: date = JAN_15, until: date | None = None
) -> None:
    taken_at = datetime(on.year, on.month, on.day, 5, tzinfo=UTC)
    measure = Measure(number, kind, on, taken_at, until, None, "officer", "manager")
    ada.tell_measure(act(max(on, JAN_20)), measure)


def asked(ada: Borrower, on: date, purpose: Purpose = Purpose.COLLECTION) -> Decision:
    at = datetime(on.year, on.month, on.day, 4, 0, tzinfo=UTC)
    return decide(Intent(purpose, Channel.LETTER), ada.situation(), RULES, at)


def test_a_request_runs_against_the_clock_that_a_rule_sets() -> None:
    ada = registered()
    request(ada, term=TERM)
    request(ada, term=TERM)

    assert ada.data_requests["DR-1"].answer_by_on == date(2025, 1, 30)
    assert names(ada).count("DataRequestReceived") == 1


def test_without_a_rule_no_clock_runs() -> None:
    ada = registered()
    request(ada)

    assert ada.data_requests["DR-1"].answer_by_on is None


def test_one_request_for_a_thing_is_answered_before_the_next() -> None:
    ada = registered()
    request(ada)
    with pytest.raises(data_rights.RequestRefReused):
        request(ada, right=Right.RESTRICTION)
    with pytest.raises(data_rights.RequestStillOpen):
        request(ada, "DR-2")
    with pytest.raises(data_rights.RequestedInFuture):
        request(ada, "DR-3", Right.RESTRICTION, received_on=JAN_20)

    ada.refuse_data_request(act(), request_ref="DR-1", ground=Ground.LOAN_RUNNING)
    ada.refuse_data_request(act(), request_ref="DR-1", ground=Ground.LOAN_RUNNING)
    request(ada, "DR-2")

    assert names(ada).count("DataRequestRefused") == 1
    assert ada.data_requests["DR-2"].state == RequestState.OPEN


def test_only_an_open_request_is_refused() -> None:
    ada = registered()
    with pytest.raises(data_rights.RequestUnknown):
        ada.refuse_data_request(act(), request_ref="DR-1", ground=Ground.UNFOUNDED)
    request(ada)
    tell(ada, 7, MeasureKind.ERASURE_REQUESTED, until=FEB_1)
    with pytest.raises(data_rights.RequestOver):
        ada.refuse_data_request(act(), request_ref="DR-1", ground=Ground.UNFOUNDED)


def test_while_processing_is_restricted_only_what_is_owed_passes_the_gate() -> None:
    ada = registered()
    tell(ada, 7, MeasureKind.RESTRICTED, until=FEB_1)

    refused = asked(ada, JAN_20)
    assert refused.answer != Answer.ALLOW
    assert refused.because == [Reason.HOLD]
    assert [each.rule for each in refused.objections] == ["restriction-on-contact"]
    for purpose in (Purpose.STATUTORY, Purpose.RECEIPT):
        assert asked(ada, JAN_20, purpose).answer == Answer.ALLOW
    assert asked(ada, FEB_1).answer == Answer.ALLOW
    assert state(replayed(ada.pending_events)) == state(ada)


@pytest.mark.parametrize(
    ("kind", "until"),
    [
        (MeasureKind.RESTRICTED, FEB_1),
        (MeasureKind.ERASURE_REQUESTED, FEB_1),
        (MeasureKind.ERASED, None),
    ],
)
def test_restricted_data_is_not_used_from_the_moment_on_where_its_day_has_not_begun(
    kind: MeasureKind, until: date | None
) -> None:
    taken_at = datetime(2025, 1, 15, 5, tzinfo=UTC)
    ada = registered(["Pacific/Honolulu"])  # where the 15th begins at 10:00 UTC

    tell(ada, 7, kind, until=until)

    letter, rules = Intent(Purpose.COLLECTION, Channel.LETTER), RULES
    before = decide(letter, ada.situation(), rules, taken_at - timedelta(minutes=1))
    after = decide(letter, ada.situation(), rules, taken_at)
    assert Reason.HOLD not in before.because
    assert Reason.HOLD in after.because
    assert state(replayed(ada.pending_events)) == state(ada)


def test_a_restriction_of_before_instants_were_told_stands_from_its_day() -> None:
    ada = registered(["Pacific/Honolulu"])
    ada.record(
        data_rights.ProcessingRestricted,
        act(),
        JAN_15,
        measure=7,
        until_on=FEB_1,
        replaces=None,
        request_ref=None,
        known_at=None,
    )

    [seen] = ada.contact_holds()
    assert seen.from_at == datetime(2025, 1, 15, 10, tzinfo=UTC)


def test_a_restriction_that_is_lifted_binds_no_more() -> None:
    ada = registered()
    tell(ada, 7, MeasureKind.RESTRICTED, until=FEB_1)
    tell(ada, 9, MeasureKind.RELEASED, on=JAN_20)

    assert asked(ada, JAN_20).answer == Answer.ALLOW


def test_the_last_restriction_says_until_when() -> None:
    ada = registered()
    tell(ada, 7, MeasureKind.RESTRICTED, until=date(2025, 3, 1))
    tell(ada, 8, MeasureKind.RESTRICTED, on=JAN_20, until=FEB_1)

    assert asked(ada, JAN_20).answer != Answer.ALLOW
    assert asked(ada, FEB_1).answer == Answer.ALLOW


def test_an_erasure_is_put_off_then_carried_out_and_binds_for_good() -> None:
    ada = registered()
    request(ada)
    tell(ada, 7, MeasureKind.ERASURE_REQUESTED, until=FEB_1)
    assert ada.data_requests["DR-1"].state == RequestState.PUT_OFF
    assert asked(ada, JAN_20).answer == Answer.BLOCK
    tell(ada, 8, MeasureKind.ERASURE_PUT_OFF, on=FEB_1, until=date(2025, 3, 1))
    tell(ada, 9, MeasureKind.ERASED, on=date(2025, 3, 1))

    assert ada.data_requests["DR-1"].state == RequestState.DONE
    assert asked(ada, date(2026, 3, 2)).answer == Answer.BLOCK
    assert len(ada.data_restricted) == 1
    assert state(replayed(ada.pending_events)) == state(ada)


def test_an_erasure_that_nobody_noted_as_requested_is_noted_with_it() -> None:
    ada = registered()
    tell(ada, 7, MeasureKind.ERASED)

    assert names(ada)[-2:] == ["DataRequestReceived", "DataErased"]
    assert ada.data_requests["measure-7"].state == RequestState.DONE


def test_a_measure_is_told_once() -> None:
    ada = registered()
    for _ in range(2):
        tell(ada, 7, MeasureKind.RESTRICTED, until=FEB_1)
    tell(ada, 6, MeasureKind.RELEASED)

    assert names(ada).count("ProcessingRestricted") == 1
    assert "RestrictionLifted" not in names(ada)

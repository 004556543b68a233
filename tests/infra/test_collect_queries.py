"""What the record of contacts answers about collection, on real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from domain.base.contact_policy import LateReason
from infra import collect_queries as queries
from tests.infra.test_contact_queries import MON, TUE
from tests.infra.views_at_work import ViewsAtWork, act, borrower, loan_id, views_at_work


@pytest.fixture(scope="module")
def views(postgres_url: str) -> Iterator[ViewsAtWork]:
    with views_at_work(postgres_url) as at_work:
        yield at_work


@pytest.fixture
def at_work(views: ViewsAtWork) -> ViewsAtWork:
    """Views that show nothing yet."""
    views.clear()
    return views


def test_the_share_of_a_reason_counts_what_was_told_last_of_each_loan(at_work: ViewsAtWork) -> None:
    ada, bo = borrower("Ada"), borrower("Bo")
    for who, loan, reason, on in (
        (ada, "one", LateReason.OTHER, MON),
        (ada, "one", LateReason.FORGOT, TUE),
        (ada, "two", LateReason.ILLNESS, MON),
        (bo, "three", LateReason.FORGOT, MON),
        (bo, "four", LateReason.FORGOT, MON),
    ):
        who.record_late_reason(act(on), loan_id=loan_id(loan), reason=reason, source="borrower")
    at_work.show(ada, bo)

    now = queries.late_reasons(at_work.conn, TUE).found
    on_monday = queries.late_reasons(at_work.conn, TUE, MON, MON).found
    before = queries.late_reasons(at_work.conn, MON).found

    shares = {each.reason: (each.loans, each.late_reason_share) for each in now.reasons}
    assert shares == {"FORGOT": (3, Decimal("0.75")), "ILLNESS": (1, Decimal("0.25"))}
    assert {each.reason: each.loans for each in on_monday.reasons} == {
        "FORGOT": 2,
        "ILLNESS": 1,
        "OTHER": 1,
    }
    assert before.reasons == on_monday.reasons

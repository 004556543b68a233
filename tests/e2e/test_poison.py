"""An event that one loan's row cannot take parks that loan, and leaves the others fresh."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import psycopg
import pytest

from domain.commands import loans
from infra import queries
from infra.freshness import parked_events, wait_for
from infra.reading import connection
from infra.verify import check_rows
from infra.view_tables import schema_of
from projections import statement, tracker
from tests.e2e.staff import Staff, at_work
from tests.e2e.system import DEADLINE_SECONDS, System, must_hold, wait_until

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def staff(system: System) -> Iterator[Staff]:
    with at_work(system) as someone:
        yield someone


@contextmanager
def refusing(system: System, table: str, condition: str) -> Iterator[None]:
    """A row that *condition* does not allow is refused; at the end that is mended."""
    system.sql(f"ALTER TABLE {table} ADD CONSTRAINT poison CHECK ({condition}) NOT VALID")
    try:
        yield
    finally:
        system.sql(f"ALTER TABLE {table} DROP CONSTRAINT poison")


def parked_in(staff: Staff, view: str) -> list[tuple[UUID, int, str]]:
    return [
        (each.stream_id, each.version, each.event_type)
        for each in parked_events(staff.conn)
        if each.view == view
    ]


def test_a_poison_event_parks_its_loan_in_order_until_the_cause_is_mended(
    system: System, staff: Staff
) -> None:
    sick, well = staff.lend(), staff.lend()
    staff.shown("statement", sick, well)
    lines = len(queries.statement(staff.conn, sick, staff.on).found)

    with refusing(system, f"{schema_of(statement)}.statement_line", "ref <> 'POISON'"):
        staff.repay(sick, "POISON", 100_00)
        first = staff.version(sick)
        staff.repay(sick, "after-it", 200_00)
        staff.do(loans.charge_fee, loan_id=sick, kind="LATE_FEE", fee_ref="F-after-it")
        staff.repay(well, "P-well", 100_00)

        staff.shown("statement", well)
        staff.shown("summary", sick, well)
        wait_until(lambda: len(parked_in(staff, "statement")) == 3, "all three are parked")
        assert parked_in(staff, "statement") == [
            (sick, first, "loan.repaid"),
            (sick, first + 1, "loan.repaid"),
            (sick, first + 2, "loan.fee-charged"),
        ]
        assert "poison" in parked_events(staff.conn)[0].error
        assert "earlier" in parked_events(staff.conn)[1].error
        stale = queries.statement(staff.conn, sick, staff.on)
        assert (stale.freshness.stale, stale.freshness.parked) == (True, 1)
        assert len(stale.found) == lines
        fresh = queries.statement(staff.conn, well, staff.on)
        assert not fresh.freshness.stale
        assert fresh.found[-1].ref == "P-well"
        assert not wait_for(staff.conn, "statement", sick, first, DEADLINE_SECONDS)
        [left] = system.loans("projections", "retry-parked", "statement", code=1)
        assert (left["stream"], left["shown"], left["left"]) == (str(sick), 0, 3)

    staff.repay(sick, "while-parked", 50_00)
    wait_until(lambda: len(parked_in(staff, "statement")) == 4, "it waits behind the others")
    [drained] = system.loans("projections", "retry-parked", "statement")

    assert (drained["stream"], drained["shown"], drained["left"]) == (str(sick), 4, 0)
    shown = queries.statement(staff.conn, sick, staff.on)
    assert not shown.freshness.stale
    assert [line.ref for line in shown.found[lines:]] == [
        "POISON",
        "after-it",
        "F-after-it",
        "while-parked",
    ]
    staff.repay(sick, "afterwards", 50_00)
    staff.shown("statement", sick)
    with connection(system.database_url) as conn:
        rows = check_rows(conn, staff.book)
    assert rows.holds, rows.faults


def test_an_application_that_is_parked_is_listed_as_stale_and_the_others_are_not(
    system: System, staff: Staff
) -> None:
    sick, well = staff.apply(), staff.apply()
    staff.shown("tracker", sick, well)

    with refusing(
        system,
        f"{schema_of(tracker)}.tracker_stage",
        f"loan_id <> '{sick}' OR stage <> 'DISCLOSURE'",
    ):
        staff.pay_out(sick)
        staff.approve(well)
        staff.shown("tracker", well)
        wait_until(lambda: len(parked_in(staff, "tracker")) == 4, "all to the payout is parked")
        listed = {row.loan_id: row for row in queries.applications(staff.conn, staff.on).found}
        assert (listed[sick].stage, listed[sick].stale) == ("DECISION", True)
        assert (listed[well].stage, listed[well].stale) == ("DISCLOSURE", False)

    [drained] = system.loans("projections", "retry-parked", "tracker")

    assert (drained["shown"], drained["left"]) == (4, 0)
    tracked = queries.tracker(staff.conn, sick, staff.on)
    assert tracked.found is not None
    assert tracked.found.stage.stage == "SERVICING"
    assert not tracked.freshness.stale


def test_the_invariants_hold_after_all_was_drained(system: System, staff: Staff) -> None:
    staff.lend()

    must_hold(system.checks())


def test_only_the_owner_can_refuse_rows(system: System) -> None:
    with (
        connection(system.database_url) as conn,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        conn.execute("ALTER TABLE store.book_events ADD CONSTRAINT poison CHECK (false)")

"""One function per question the views answer, for any past business day.

Each takes an open connection in the projector's role (``reading.connection``) and answers from
one snapshot. A day asked for means: by what was known on it, so a payment or
reversal learned later changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg import sql

from domain.base.calendar import next_day
from domain.base.contact_policy import Channel, ContactRules, Purpose
from domain.base.dated_rules import DatedRules
from domain.base.policy import Policies
from domain.base.repayment import Method
from domain.base.terms import Accrual
from domain.borrower.collection import WRITTEN_OFF
from domain.borrower.contact_window import next_contact
from domain.borrower.reminder_plan import day_of, offset_due
from domain.loan.asset_class import AssetClass
from domain.loan.delinquency import bucket, days_past_due
from domain.loan.ledger import Balance
from domain.loan.stage import Stage
from domain.loan.state import LeftBook, Limit, LoanState, OnOffer
from infra.answers import (
    Answer,
    Application,
    Case,
    Cell,
    ClassCell,
    Contact,
    ContractFee,
    Flows,
    LoanChange,
    LoanPage,
    Portfolio,
    PromiseShown,
    Reminded,
    Reminder,
    ShownInstalment,
    ShownSecurity,
    ShownTerms,
    StageCount,
    StageEntered,
    StatementLine,
    Totals,
    Tracked,
    in_zones,
)
from infra.freshness import freshness_of, parked_streams
from infra.reading import Connection, columns_of, rows_of, scalars_of, snapshot, sums_of
from projections.summary import PAYOUT_RETURNED

OPEN_STAGES = (Stage.EVIDENCE, Stage.DECISION, Stage.DISCLOSURE, Stage.SIGNING, Stage.DISBURSEMENT)


def loans_of(conn: Connection, borrower_id: UUID) -> list[UUID]:
    """The loans of a borrower, whatever became of them."""
    return scalars_of(
        conn,
        "SELECT loan_id FROM rm.summary_loan WHERE borrower_id = %(borrower_id)s ORDER BY loan_id",
        borrower_id=borrower_id,
    )


# --- tracker --------------------------------------------------------------------------


def tracker(conn: Connection, loan_id: UUID, on: date) -> Answer[Tracked | None]:
    """Where an application was on *on* and how it came there; None when not known by then."""
    with snapshot(conn):
        fresh = freshness_of(conn, "tracker", [loan_id])
        loans = rows_of(
            conn,
            _TrackedLoan,
            """
            SELECT l.loan_id, l.loan_ref, l.borrower_id, l.product_code, l.product_version,
                l.currency, l.amount AS asked_amount, l.term_months AS asked_term_months,
                coalesce(o.amount, l.amount) AS amount,
                coalesce(o.term_months, l.term_months) AS term_months,
                o.annual_rate, l.purpose, l.channel, l.effective_on AS applied_on
            FROM rm.tracker_loan AS l
            LEFT JOIN LATERAL (
                SELECT * FROM rm.tracker_offer AS o
                WHERE o.loan_id = l.loan_id AND o.business_on <= %(on)s
                ORDER BY o.version DESC LIMIT 1
            ) AS o ON true
            WHERE l.loan_id = %(loan_id)s AND l.business_on <= %(on)s
            """,
            loan_id=loan_id,
            on=on,
        )
        rows = rows_of(
            conn,
            StageEntered,
            """
            SELECT stage, business_on AS entered_on, entered_at, NULL::date AS left_on, actor,
                due_on, valid_until_on, false AS late, missing, reasons
            FROM rm.tracker_stage
            WHERE loan_id = %(loan_id)s AND business_on <= %(on)s
            ORDER BY version
            """,
            loan_id=loan_id,
            on=on,
        )
    if not loans:
        return Answer(None, fresh)
    return Answer(Tracked(**loans[0]._asdict(), stages=_stages(rows, on)), fresh)


class _TrackedLoan(NamedTuple):
    loan_id: UUID
    loan_ref: str
    borrower_id: UUID
    product_code: str
    product_version: int
    currency: str
    asked_amount: int
    asked_term_months: int
    amount: int
    term_months: int
    annual_rate: Any
    purpose: str | None
    channel: str
    applied_on: date


def _stages(rows: list[StageEntered], on: date) -> list[StageEntered]:
    """Each stage once, however often something changed in it."""
    stages: list[StageEntered] = []
    for row in rows:
        if stages and stages[-1].stage == row.stage:
            first = stages.pop()
            stages.append(
                replace(
                    row,
                    entered_on=first.entered_on,
                    entered_at=first.entered_at,
                    actor=first.actor,
                    valid_until_on=row.valid_until_on or first.valid_until_on,
                )
            )
            continue
        if stages:
            stages[-1] = replace(stages[-1], left_on=row.entered_on)
        stages.append(row)
    return [
        replace(stage, late=stage.due_on is not None and (stage.left_on or on) > stage.due_on)
        for stage in stages
    ]


def applications(
    conn: Connection,
    on: date,
    stage: str | None = None,
    *,
    late_only: bool = False,
    limit: int | None = None,
) -> Answer[list[Application]]:
    """Applications in a stage on *on*, or in any before payout, the most urgent first."""
    stages = [str(each) for each in OPEN_STAGES] if stage is None else [stage]
    with snapshot(conn):
        fresh = freshness_of(conn, "tracker")
        # Where a loan is now stands in its row; only what changed after the day asked
        # for has to be looked up in the history.
        rows = rows_of(
            conn,
            Application,
            """
            WITH candidate AS (
                SELECT loan_id FROM rm.tracker_loan WHERE stage = ANY(%(stages)s)
                UNION
                SELECT loan_id FROM rm.tracker_stage WHERE business_on > %(on)s
            )
            SELECT l.loan_id, l.loan_ref, l.borrower_id, l.product_code, l.currency,
                coalesce(o.amount, l.amount) AS amount,
                coalesce(o.term_months, l.term_months) AS term_months,
                l.channel, s.stage, f.entered_on, s.due_on,
                coalesce(s.due_on < %(on)s, false) AS late, s.missing, s.reasons,
                l.loan_id = ANY(%(parked)s) AS stale
            FROM candidate
            JOIN rm.tracker_loan AS l ON l.loan_id = candidate.loan_id
            CROSS JOIN LATERAL (
                SELECT * FROM rm.tracker_stage AS s
                WHERE s.loan_id = l.loan_id AND s.business_on <= %(on)s
                ORDER BY s.version DESC LIMIT 1
            ) AS s
            CROSS JOIN LATERAL (
                SELECT min(e.business_on) AS entered_on FROM rm.tracker_stage AS e
                WHERE e.loan_id = l.loan_id AND e.version <= s.version
                    AND e.version > coalesce((
                        SELECT max(other.version) FROM rm.tracker_stage AS other
                        WHERE other.loan_id = l.loan_id AND other.version < s.version
                            AND other.stage <> s.stage
                    ), 0)
            ) AS f
            LEFT JOIN LATERAL (
                SELECT * FROM rm.tracker_offer AS o
                WHERE o.loan_id = l.loan_id AND o.business_on <= %(on)s
                ORDER BY o.version DESC LIMIT 1
            ) AS o ON true
            WHERE s.stage = ANY(%(stages)s) AND (s.due_on < %(on)s OR NOT %(late_only)s)
            ORDER BY s.due_on NULLS LAST, l.loan_id
            LIMIT %(limit)s
            """,
            stages=stages,
            on=on,
            late_only=late_only,
            limit=limit,
            parked=list(parked_streams(conn, "tracker")),
        )
    return Answer(rows, fresh)


# --- reminders ------------------------------------------------------------------------


class _Planned(NamedTuple):
    loan_id: UUID
    loan_ref: str
    borrower_id: UUID
    currency: str
    number: int
    known_on: date
    due_on: date
    pay_by_on: date
    amount_left: int
    state: str


def reminders(
    conn: Connection,
    policies: Policies,
    on: date,
    *,
    include_cancelled: bool = False,
    since: date | None = None,
) -> Answer[list[Reminder]]:
    """The reminders to send on *on*: one per borrower, for all instalments planned then.

    An instalment paid by then, a loan that is over and a hold keep a reminder back;
    with *include_cancelled* it is listed with the reason.

    With *since*, the last day of which a plan was made, what was missed after it is there as
    well, and what became known on that day; what the plan has no day left for is cancelled.
    """
    offsets = policies.reminder_plan(on).offsets_days
    first = on if since is None else next_day(since)
    missed = [first + timedelta(days=days) for days in range((on - first).days + 1)]
    with snapshot(conn):
        fresh = freshness_of(conn, "reminders")
        planned = rows_of(
            conn,
            _Planned,
            """
            SELECT l.loan_id, l.loan_ref, l.borrower_id, l.currency, d.number,
                d.business_on AS known_on, d.due_on, d.pay_by_on, i.amount_left, s.state
            FROM rm.reminders_due_date AS d
            JOIN rm.reminders_loan AS l ON l.loan_id = d.loan_id
            CROSS JOIN LATERAL (
                SELECT * FROM rm.reminders_left AS i
                WHERE i.loan_id = d.loan_id AND i.number = d.number
                    AND i.business_on <= %(on)s
                ORDER BY i.version DESC LIMIT 1
            ) AS i
            CROSS JOIN LATERAL (
                SELECT * FROM rm.reminders_state AS s
                WHERE s.loan_id = d.loan_id AND s.business_on <= %(on)s
                ORDER BY s.version DESC LIMIT 1
            ) AS s
            WHERE d.pay_by_on BETWEEN %(first)s AND %(last)s
                AND (d.pay_by_on = ANY(%(days)s) OR d.business_on >= %(known)s)
                AND d.business_on <= %(on)s
                AND NOT EXISTS (
                    SELECT FROM rm.reminders_due_date AS later
                    WHERE later.loan_id = d.loan_id AND later.number = d.number
                        AND later.version > d.version AND later.business_on <= %(on)s
                )
            ORDER BY l.borrower_id, d.pay_by_on, l.loan_ref, d.number
            """,
            on=on,
            known=since or on,
            first=first - timedelta(days=max(offsets, default=0)),
            last=on - timedelta(days=min(offsets, default=0)),
            days=[day - timedelta(days=offset) for day in missed for offset in offsets],
        )
        borrowers = list({row.borrower_id for row in planned})
        holds = _holds(conn, "reminders_hold", borrowers, on)
        parked = parked_streams(conn, "reminders")
    found: dict[UUID, Reminder] = {}
    for row in planned:
        offset = offset_due(row.pay_by_on, row.known_on, offsets, on, since)
        reason = _cancelled(row, holds(row.borrower_id, row.loan_id))
        if reason is None and on > row.pay_by_on + timedelta(days=max(offsets, default=0)):
            reason = "the plan was over"
        if offset is None or (reason and not include_cancelled):
            continue
        turn = day_of(row.pay_by_on, row.known_on, offset)
        reminder = found.setdefault(row.borrower_id, Reminder(row.borrower_id, on, [], stale=False))
        reminder.instalments.append(
            Reminded(
                row.loan_id,
                row.loan_ref,
                row.number,
                row.due_on,
                row.pay_by_on,
                offset,
                row.currency,
                row.amount_left,
                reason,
                None if turn == on else turn,
            )
        )
    return Answer([_marked(reminder, parked) for reminder in found.values()], fresh)


def _cancelled(row: _Planned, holds: list[str]) -> str | None:
    if row.amount_left <= 0:
        return "paid"
    if row.state != LoanState.ACTIVE:
        return row.state.lower().replace("_", " ")
    return f"hold {', '.join(holds)}" if holds else None


def _marked(reminder: Reminder, parked: set[UUID]) -> Reminder:
    asked = {reminder.borrower_id, *(row.loan_id for row in reminder.instalments)}
    return replace(reminder, stale=bool(asked & parked))


# --- collections ----------------------------------------------------------------------


RETURNED = sql.SQL(
    "coalesce((SELECT max(c.version) FROM rm.summary_change AS c WHERE c.loan_id = %(loan_id)s"
    " AND c.kind = {} AND c.business_on <= %(on)s), 0)"
).format(sql.Literal(PAYOUT_RETURNED))
"""The last version of a loan by which its payout came back: what was laid or offered by then
is no more."""

STILL_OWED = (LoanState.ACTIVE, LoanState.WRITTEN_OFF)
"""While a loan stands thus, what is late on it may be collected."""


class _Overdue(NamedTuple):
    state: str
    loan_id: UUID
    loan_ref: str
    borrower_id: UUID
    currency: str
    oldest_unpaid_on: date
    instalments_overdue: int
    amount_overdue: int


class _WhoWhere(NamedTuple):
    borrower_id: UUID
    borrower_ref: str
    jurisdiction: str
    zones: list[str]


def collections(
    conn: Connection,
    rules: DatedRules,
    on: date,
    at: time_of_day,
    zone: str,
    *,
    written_off: bool = False,
) -> Answer[list[Case]]:
    """Every loan that is late on *on*, the latest first, with what a collector needs.

    *at* is the time of that day in *zone*, the lender's; the contact period of each
    borrower is the one then open, or the next. Loans *written_off* are asked for: the claim on
    one survives, and its amount is the loan's to tell.
    """
    now = datetime.combine(on, at, ZoneInfo(zone)).astimezone(UTC)
    with snapshot(conn):
        fresh = freshness_of(conn, "collections")
        overdue = _overdue(conn, on, STILL_OWED if written_off else (LoanState.ACTIVE,))
        borrowers = list({row.borrower_id for row in overdue})
        known = {row.borrower_id: row for row in _who_and_where(conn, borrowers, on)}
        holds = _holds(conn, "collections_hold", borrowers, on)
        promises = _promises(conn, [row.loan_id for row in overdue], on)
        parked = parked_streams(conn, "collections")
    contact_of = _contacts(rules.contact, now)
    cases = []
    for row in overdue:
        dpd = days_past_due(row.oldest_unpaid_on, on)
        is_written_off = row.state == LoanState.WRITTEN_OFF
        stage = WRITTEN_OFF if is_written_off else str(bucket(dpd))
        rule = rules.policies.strategy(stage, on)
        who = known.get(row.borrower_id)
        held = holds(row.borrower_id, row.loan_id)
        contact = contact_of(who.jurisdiction, tuple(who.zones)) if who and not held else None
        cases.append(
            Case(
                **{name: value for name, value in row._asdict().items() if name != "state"},
                written_off=is_written_off,
                borrower_ref=who.borrower_ref if who else None,
                jurisdiction=who.jurisdiction if who else None,
                zones=who.zones if who else [],
                bucket=bucket(dpd),
                days_past_due=dpd,
                strategy=rule.strategy if rule else None,
                channels=list(rule.channels) if rule else [],
                holds=held,
                promises=promises.get(row.loan_id, []),
                contact=contact,
                stale=bool({row.loan_id, row.borrower_id} & parked),
            )
        )
    return Answer(cases, fresh)


def _overdue(conn: Connection, on: date, states: Sequence[LoanState]) -> list[_Overdue]:
    # What is unpaid now is found by an index; only loans that changed after the day
    # asked for have to be looked up beside. The history then decides.
    return rows_of(
        conn,
        _Overdue,
        """
        WITH candidate AS (
            SELECT loan_id FROM rm.collections_unpaid WHERE unpaid_pay_by_on < %(on)s
            UNION
            SELECT loan_id FROM rm.collections_instalment WHERE business_on > %(on)s
        )
        SELECT s.state, l.loan_id, l.loan_ref, l.borrower_id, l.currency, o.oldest_unpaid_on,
            o.instalments_overdue, o.amount_overdue
        FROM candidate
        JOIN rm.collections_loan AS l ON l.loan_id = candidate.loan_id
        CROSS JOIN LATERAL (
            SELECT * FROM rm.collections_state AS s
            WHERE s.loan_id = l.loan_id AND s.business_on <= %(on)s
            ORDER BY s.version DESC LIMIT 1
        ) AS s
        CROSS JOIN LATERAL (
            SELECT min(i.pay_by_on) AS oldest_unpaid_on, count(*) AS instalments_overdue,
                sum(i.amount_left)::bigint AS amount_overdue
            FROM (
                SELECT DISTINCT ON (h.number) h.pay_by_on, h.amount_left
                FROM rm.collections_instalment AS h
                WHERE h.loan_id = l.loan_id AND h.business_on <= %(on)s
                ORDER BY h.number, h.version DESC
            ) AS i
            WHERE i.amount_left > 0 AND i.pay_by_on < %(on)s
        ) AS o
        WHERE s.state = ANY(%(states)s) AND o.oldest_unpaid_on IS NOT NULL
        ORDER BY o.oldest_unpaid_on, l.loan_id
        """,
        on=on,
        states=[str(each) for each in states],
    )


def _who_and_where(conn: Connection, borrowers: list[UUID], on: date) -> list[_WhoWhere]:
    return rows_of(
        conn,
        _WhoWhere,
        """
        SELECT DISTINCT ON (borrower_id) borrower_id, borrower_ref, jurisdiction, zones
        FROM rm.collections_borrower
        WHERE borrower_id = ANY(%(borrowers)s) AND business_on <= %(on)s
        ORDER BY borrower_id, version DESC
        """,
        borrowers=borrowers,
        on=on,
    )


class _Promised(NamedTuple):
    loan_id: UUID
    promise_ref: str
    currency: str
    amount: int
    promised_on: date
    state: str
    received: int | None


def _promises(conn: Connection, loans: list[UUID], on: date) -> dict[UUID, list[PromiseShown]]:
    rows = rows_of(
        conn,
        _Promised,
        """
        SELECT * FROM (
            SELECT DISTINCT ON (borrower_id, promise_ref) loan_id, promise_ref, currency,
                amount, promised_on, state, received
            FROM rm.collections_promise
            WHERE loan_id = ANY(%(loans)s) AND business_on <= %(on)s
            ORDER BY borrower_id, promise_ref, version DESC
        ) AS p ORDER BY promised_on, promise_ref
        """,
        loans=loans,
        on=on,
    )
    found: dict[UUID, list[PromiseShown]] = {}
    for row in rows:
        found.setdefault(row.loan_id, []).append(PromiseShown(*row[1:]))
    return found


def _contacts(
    rules: ContactRules, now: datetime
) -> Callable[[str, tuple[str, ...]], Contact | None]:
    """The hours of calls by jurisdiction and zones; computed once for each."""

    @cache
    def contact_of(jurisdiction: str, zones: tuple[str, ...]) -> Contact | None:
        period = next_contact(
            zones,
            lambda day: rules.binding(jurisdiction, Purpose.COLLECTION, Channel.PHONE, day),
            now,
        )
        if period is None:
            return None
        return Contact(period, in_zones(period, list(zones)), open_now=period.includes(now))

    return contact_of


# --- one loan -------------------------------------------------------------------------


class _ShownLoan(NamedTuple):
    loan_id: UUID
    loan_ref: str
    borrower_id: UUID
    product_code: str
    product_version: int
    currency: str
    origin: str | None
    disbursed_on: date | None
    version: int
    state: str
    bucket: str | None
    balance: Balance


def show(conn: Connection, loan_id: UUID, on: date) -> Answer[LoanPage | None]:
    """One loan as it stood on *on*; None when it was not known by then."""
    asked = {"loan_id": loan_id, "on": on}
    with snapshot(conn):
        fresh = freshness_of(conn, "summary", [loan_id])
        loan = _loan_on(conn, asked)
        if loan is None:
            return Answer(None, fresh)
        terms = rows_of(
            conn,
            ShownTerms,
            sql.SQL(
                "SELECT {} FROM rm.summary_terms"
                " WHERE loan_id = %(loan_id)s AND business_on <= %(on)s"
                " ORDER BY version DESC LIMIT 1"
            ).format(columns_of(ShownTerms)),
            **asked,
        )[0]
        fees = rows_of(
            conn,
            ContractFee,
            "SELECT kind, timing, amount, owed, percent, base, earned, withheld"
            " FROM rm.summary_contract_fee"
            " WHERE loan_id = %(loan_id)s AND business_on <= %(on)s ORDER BY number",
            **asked,
        )
        laid_anew = rows_of(
            conn,
            LoanChange,
            sql.SQL(
                "SELECT {} FROM rm.summary_change"
                " WHERE loan_id = %(loan_id)s AND business_on <= %(on)s ORDER BY version"
            ).format(columns_of(LoanChange)),
            **asked,
        )
        totals = rows_of(
            conn,
            Totals,
            sql.SQL(
                "SELECT {} FROM rm.summary_money"
                " WHERE loan_id = %(loan_id)s AND business_on <= %(on)s"
            ).format(sums_of(Totals)),
            **asked,
        )[0]
        instalments = rows_of(
            conn,
            ShownInstalment,
            sql.SQL(
                "SELECT DISTINCT ON (number) {} FROM rm.summary_instalment"
                " WHERE loan_id = %(loan_id)s AND business_on <= %(on)s AND version > {}"
                " ORDER BY number, version DESC"
            ).format(columns_of(ShownInstalment), RETURNED),
            **asked,
        )
        classes = scalars_of(
            conn,
            "SELECT asset_class FROM rm.summary_class"
            " WHERE loan_id = %(loan_id)s AND business_on <= %(on)s ORDER BY version DESC LIMIT 1",
            **asked,
        )
        securities = rows_of(
            conn,
            ShownSecurity,
            "SELECT security_ref, (array_agg(kind ORDER BY version DESC))[1] AS kind,"
            " (array_agg(state ORDER BY version DESC) FILTER (WHERE state IS NOT NULL))[1]"
            " AS state,"
            " max(amount) AS amount, sum(realised)::bigint AS realised"
            " FROM rm.summary_security"
            " WHERE loan_id = %(loan_id)s AND business_on <= %(on)s"
            " GROUP BY security_ref ORDER BY min(version)",
            **asked,
        )
        offers = rows_of(
            conn,
            OnOffer,
            sql.SQL(
                "SELECT {} FROM (SELECT DISTINCT ON (kind) * FROM rm.summary_offer"
                " WHERE loan_id = %(loan_id)s AND business_on <= %(on)s"
                " ORDER BY kind, version DESC) AS last"
                " WHERE stands AND valid_until_on >= %(on)s AND version > {} ORDER BY kind"
            ).format(columns_of(OnOffer), RETURNED),
            **asked,
        )
        ended = _ended_on(conn, asked)
    unpaid = sorted(row.pay_by_on for row in instalments if row.left > 0)
    runs = loan.state == LoanState.ACTIVE
    dpd = days_past_due(unpaid[0], on) if unpaid and runs else 0
    left = _left_book(loan.state, ended, totals)
    limit = _limit(terms, loan.balance, totals, laid_anew)
    if limit is not None and all(row.due_on < on for row in instalments):
        limit = replace(limit, left=0)  # the last day to draw is over
    last = None if left or loan.disbursed_on is None else loan.bucket
    page = LoanPage(
        **{**loan._asdict(), "bucket": str(bucket(dpd)) if runs else last},
        days_past_due=dpd,
        oldest_unpaid_on=unpaid[0] if unpaid else None,
        next_due_on=next((day for day in unpaid if day >= on), None),
        terms=terms,
        fees=fees,
        changes=laid_anew,
        totals=totals,
        instalments=instalments,
        asset_class=next(iter(classes), str(AssetClass.NORMAL)) if runs else None,
        securities=securities,
        limit=limit if runs else None,
        offers=offers if runs else [],
        left_book=left,
    )
    return Answer(page, fresh)


def _ended_on(conn: Connection, asked: dict[str, Any]) -> dict[str, date]:
    """The day of the loss or the sale, as long as it was not taken back, by the state it led to."""
    rows = conn.execute(
        """
        SELECT DISTINCT ON (s.state) s.state, s.effective_on
        FROM rm.summary_standing AS s
        WHERE s.loan_id = %(loan_id)s AND s.business_on <= %(on)s
            AND s.state IN ('WRITTEN_OFF', 'SOLD')
            AND NOT EXISTS (
                SELECT FROM rm.summary_standing AS later
                WHERE later.loan_id = s.loan_id AND later.business_on <= %(on)s
                    AND later.version > s.version AND later.state NOT IN (s.state, 'SOLD')
            )
        ORDER BY s.state, s.version
        """,
        asked,
    )
    return dict(rows.fetchall())


def _left_book(state: str, ended: dict[str, date], totals: Totals) -> LeftBook | None:
    """With what a loan left the book that is not in it, and what came of that."""
    if state not in (LoanState.WRITTEN_OFF, LoanState.SOLD):
        return None
    sold = state == LoanState.SOLD
    claim = totals.written_off or totals.sold
    return LeftBook(
        ended.get(LoanState.WRITTEN_OFF),
        ended.get(LoanState.SOLD),
        claim,
        totals.recovered,
        0 if sold else max(claim - totals.recovered, 0),
        totals.sale_price if sold else None,
        totals.passed_on,
    )


def _limit(
    terms: ShownTerms, owed: Balance, totals: Totals, changes: list[LoanChange]
) -> Limit | None:
    """What is left to draw: of a limit what is not out, of parts what never was."""
    said = terms.beyond or {}
    daily = said.get("accrual") == Accrual.DAILY_BALANCE
    if daily and terms.method == Method.INTEREST_ONLY:
        return Limit(terms.amount, max(terms.amount - owed.principal, 0))
    if said.get("draws") or (said.get("in_parts") and not daily):
        grown = sum(change.capitalised for change in changes)
        out = owed.principal + totals.principal_paid - grown
        return Limit(terms.amount, terms.amount - out)
    return None


def _loan_on(conn: Connection, asked: dict[str, Any]) -> _ShownLoan | None:
    cursor = conn.execute(
        """
        SELECT l.loan_id, l.loan_ref, l.borrower_id, l.product_code, l.product_version,
            l.currency, l.origin,
            CASE WHEN l.disbursed_business_on <= %(on)s
                AND (l.payout_returned_business_on > %(on)s) IS NOT FALSE
                THEN l.disbursed_on END,
            s.version, s.state, s.bucket,
            s.principal, s.interest, s.fees, s.penalty, s.unapplied
        FROM rm.summary_loan AS l
        CROSS JOIN LATERAL (
            SELECT * FROM rm.summary_standing AS s
            WHERE s.loan_id = l.loan_id AND s.business_on <= %(on)s
            ORDER BY s.version DESC LIMIT 1
        ) AS s
        WHERE l.loan_id = %(loan_id)s
        """,
        asked,
    )
    row = cursor.fetchone()
    return None if row is None else _ShownLoan._make((*row[:11], Balance(*row[11:])))


def statement(conn: Connection, loan_id: UUID, on: date) -> Answer[list[StatementLine]]:
    """Every movement of money on a loan known by *on*, oldest first."""
    with snapshot(conn):
        fresh = freshness_of(conn, "statement", [loan_id])
        lines = rows_of(
            conn,
            StatementLine,
            sql.SQL(
                "SELECT {} FROM rm.statement_line"
                " WHERE loan_id = %(loan_id)s AND business_on <= %(on)s ORDER BY version"
            ).format(columns_of(StatementLine)),
            loan_id=loan_id,
            on=on,
        )
    return Answer(lines, fresh)


def payments_known(conn: Connection, from_on: date, on: date) -> list[tuple[UUID, str]]:
    """The payments that became known from one day to another, by loan and reference."""
    rows = conn.execute(
        """
        SELECT DISTINCT loan_id, ref FROM rm.statement_line
        WHERE kind IN ('repayment', 'recovery') AND business_on BETWEEN %(from_on)s AND %(on)s
        ORDER BY loan_id, ref
        """,
        {"from_on": from_on, "on": on},
    )
    return rows.fetchall()


# --- the book -------------------------------------------------------------------------


def portfolio(conn: Connection, on: date, from_on: date | None = None) -> Answer[Portfolio]:
    """The whole book at the end of *on*, with the flows since *from_on* (else of that day)."""
    with snapshot(conn):
        fresh = freshness_of(conn, "portfolio")
        cells = rows_of(
            conn,
            Cell,
            """
            SELECT currency, state, bucket, sum(loans)::bigint AS loans,
                sum(principal)::bigint AS principal
            FROM rm.portfolio_loans WHERE business_on <= %(on)s
            GROUP BY currency, state, bucket
            HAVING sum(loans) <> 0 OR sum(principal) <> 0
            ORDER BY currency, state, bucket
            """,
            on=on,
        )
        stages = rows_of(
            conn,
            StageCount,
            """
            SELECT stage, sum(applications)::bigint AS applications
            FROM rm.portfolio_stage WHERE business_on <= %(on)s
            GROUP BY stage HAVING sum(applications) <> 0 ORDER BY stage
            """,
            on=on,
        )
        book = Portfolio(
            cells,
            stages,
            flows=_flows(conn, from_on or on, on),
            flows_to_date=_flows(conn, date.min, on),
        )
    return Answer(book, fresh)


def asset_classes(conn: Connection, on: date) -> Answer[list[ClassCell]]:
    """Outstanding principal of active loans by asset class at the end of *on*, best class first."""
    with snapshot(conn):
        fresh = freshness_of(conn, "summary")
        # How a loan stands now is in its row; only what changed after the day asked for
        # has to be looked up in the history.
        cells = rows_of(
            conn,
            ClassCell,
            """
            WITH changed AS (
                SELECT loan_id FROM rm.summary_standing WHERE business_on > %(on)s
                UNION
                SELECT loan_id FROM rm.summary_class WHERE business_on > %(on)s
            ), stood AS (
                SELECT l.currency, l.state, l.principal, l.asset_class FROM rm.summary_loan AS l
                WHERE NOT EXISTS (SELECT FROM changed WHERE changed.loan_id = l.loan_id)
                UNION ALL
                SELECT l.currency, s.state, s.principal, c.asset_class
                FROM changed
                JOIN rm.summary_loan AS l ON l.loan_id = changed.loan_id
                CROSS JOIN LATERAL (
                    SELECT * FROM rm.summary_standing AS s
                    WHERE s.loan_id = l.loan_id AND s.business_on <= %(on)s
                    ORDER BY s.version DESC LIMIT 1
                ) AS s
                LEFT JOIN LATERAL (
                    SELECT * FROM rm.summary_class AS c
                    WHERE c.loan_id = l.loan_id AND c.business_on <= %(on)s
                    ORDER BY c.version DESC LIMIT 1
                ) AS c ON true
            )
            SELECT currency, coalesce(asset_class, %(normal)s) AS asset_class,
                count(*) AS loans, sum(principal)::bigint AS principal
            FROM stood WHERE state = %(active)s GROUP BY 1, 2
            """,
            on=on,
            normal=str(AssetClass.NORMAL),
            active=str(LoanState.ACTIVE),
        )
    order = {str(each): place for place, each in enumerate(AssetClass)}
    cells.sort(key=lambda cell: (cell.currency, order[cell.asset_class]))
    return Answer(cells, fresh)


def _flows(conn: Connection, from_on: date, until_on: date) -> list[Flows]:
    return rows_of(
        conn,
        Flows,
        sql.SQL(
            "SELECT currency, {} FROM rm.portfolio_flow"
            " WHERE business_on BETWEEN %(from_on)s AND %(until_on)s"
            " GROUP BY currency ORDER BY currency"
        ).format(sums_of(Flows, apart_from="currency")),
        from_on=from_on,
        until_on=until_on,
    )


class _Held(NamedTuple):
    borrower_id: UUID
    kind: str
    loan_ids: list[UUID] | None


def _holds(
    conn: Connection, table: str, borrowers: list[UUID], on: date
) -> Callable[[UUID, UUID], list[str]]:
    """What gives the kinds of hold that stood and blocked on *on*, as known by then.

    It is asked by borrower and loan: a hold on one debt says nothing of the others.
    """
    found: dict[UUID, list[_Held]] = {}
    for row in rows_of(
        conn,
        _Held,
        sql.SQL("""
            SELECT borrower_id, kind, loan_ids FROM {}
            WHERE borrower_id = ANY(%(borrowers)s) AND blocks
                AND business_on <= %(on)s AND from_on <= %(on)s
                AND (
                    lift_business_on IS NULL OR lift_business_on > %(on)s OR lifted_on > %(on)s
                )
        """).format(sql.Identifier("rm", table)),
        borrowers=borrowers,
        on=on,
    ):
        found.setdefault(row.borrower_id, []).append(row)

    def kinds(borrower_id: UUID, loan_id: UUID) -> list[str]:
        held = found.get(borrower_id, [])
        return sorted({h.kind for h in held if not h.loan_ids or loan_id in h.loan_ids})

    return kinds

"""What came of experiments and campaigns, as known on any past business day; see ``queries``.

Who was in which arm stands in the queue of contacts, those who were held out too; what came
of them in the views. What chance shared out, borrowers, is also what is counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from domain.loan.state import LoanState
from domain.operations.campaign import Audience
from domain.operations.design import ArmCount, Design, Metric
from domain.operations.proportions import Interval, difference, share
from infra.answers import Answer
from infra.freshness import furthest_behind
from infra.reading import Connection, rows_of, scalars_of, snapshot

VIEWS = ("contacts", "reminders", "collections", "summary")


@dataclass(frozen=True)
class Measured:
    """A metric in an arm; *above_control* is None in the control arm itself."""

    metric: str
    borrowers: int
    hits: int
    rate: Interval | None
    above_control: Interval | None


@dataclass(frozen=True)
class ArmResult:
    """An arm: how many are in it, how many were sent something, and what came of all of them.

    *broken* are the guard rails that keep it from winning, in sentences.
    """

    arm: str
    is_control: bool
    borrowers: int
    contacted: int
    metrics: list[Measured]
    broken: list[str]


@dataclass(frozen=True)
class Results:
    """An experiment as it stands on a day."""

    experiment: str
    on: date
    primary_metric: str
    arms: list[ArmResult]
    counts: list[ArmCount]


class _Standing(NamedTuple):
    arm: str
    borrowers: int
    contacted: int
    due: int
    in_time: int
    opted_out: int
    replied: int
    complained: int
    followed: int = 0
    applied: int = 0
    disbursed: int = 0
    were_late: int = 0
    cured: int = 0


def results(conn: Connection, design: Design, on: date) -> Answer[Results]:
    """What came of an experiment, arm by arm, as known on a day.

    A borrower counts from the day of the first contact that was planned in the experiment.
    Of payment those count of whom an instalment was asked for before it was late, or would
    have been, and whose last day for it is over: in time when all of these were paid then.
    Of applications and of loans paid out, those count whose window is over, and of cured
    loans those of them who were late with one when it began.
    """
    with snapshot(conn):
        fresh = furthest_behind(conn, VIEWS)
        rows = rows_of(
            conn,
            _Standing,
            _STANDING,
            experiment=design.experiment,
            on=on,
            window=design.window_days,
            applied=str(LoanState.APPLIED),
        )
    return Answer(results_of(design, rows, on), fresh)


def results_of(design: Design, rows: Sequence[_Standing], on: date) -> Results:
    """The results of an experiment by what was counted in each arm; in the design's order."""
    standing = {row.arm: row for row in rows}
    counts = [
        count
        for arm in design.arms
        for count in _counts(design, standing.get(arm.arm, _Standing(arm.arm, *NOBODY)))
    ]
    rates = {(each.arm, each.metric): share(each.hits, each.borrowers) for each in counts}
    arms = []
    for arm in design.arms:
        is_control = arm.arm == design.control
        row = standing.get(arm.arm)
        measured = [
            Measured(
                each.metric,
                each.borrowers,
                each.hits,
                rates[arm.arm, each.metric],
                None
                if is_control
                else difference(rates[arm.arm, each.metric], rates[design.control, each.metric]),
            )
            for each in counts
            if each.arm == arm.arm
        ]
        arms.append(
            ArmResult(
                arm.arm,
                is_control,
                row.borrowers if row else 0,
                row.contacted if row else 0,
                measured,
                design.broken(counts, arm.arm),
            )
        )
    return Results(design.experiment, on, design.primary_metric, arms, counts)


NOBODY = (0, 0, 0, 0, 0, 0, 0)
"""What is counted in an arm in which nobody is."""


def _counts(design: Design, row: _Standing) -> Iterator[ArmCount]:
    yield ArmCount(row.arm, Metric.PAID_IN_TIME, row.due, row.in_time)
    yield ArmCount(row.arm, Metric.DPD_1_30_RATE, row.due, row.due - row.in_time)
    yield ArmCount(row.arm, Metric.OPT_OUT_RATE, row.borrowers, row.opted_out)
    yield ArmCount(row.arm, Metric.COMPLAINT_RATE, row.borrowers, row.complained)
    yield ArmCount(row.arm, Metric.REPLY_RATE, row.borrowers, row.replied)
    if design.window_days is not None:
        yield ArmCount(row.arm, Metric.APPLIED, row.followed, row.applied)
        yield ArmCount(row.arm, Metric.DISBURSED, row.followed, row.disbursed)
        yield ArmCount(row.arm, Metric.CURED, row.were_late, row.cured)


_STANDING = """
    WITH line AS (
        SELECT * FROM contact.queue
        WHERE experiment = %(experiment)s AND planned_on <= %(on)s
    ), member AS (
        SELECT borrower_id, min(arm) AS arm, min(planned_on) AS first_on
        FROM line GROUP BY borrower_id
    ), part AS (
        SELECT line.borrower_id, about.loan_id, about.number, min(line.planned_on) AS first_on
        FROM line
        CROSS JOIN LATERAL unnest(line.loan_ids, line.instalments) AS about (loan_id, number)
        WHERE about.number IS NOT NULL
        GROUP BY 1, 2, 3
    ), paid AS (
        SELECT part.borrower_id,
            bool_and(i.amount_left <= 0 AND (i.paid_on <= d.pay_by_on) IS NOT FALSE) AS in_time
        FROM part
        CROSS JOIN LATERAL (
            SELECT pay_by_on FROM rm.reminders_due_date AS d
            WHERE d.loan_id = part.loan_id AND d.number = part.number
                AND d.business_on <= %(on)s
            ORDER BY d.version DESC LIMIT 1
        ) AS d
        CROSS JOIN LATERAL (
            SELECT amount_left, paid_on FROM rm.reminders_left AS i
            WHERE i.loan_id = part.loan_id AND i.number = part.number
                AND i.business_on <= %(on)s
            ORDER BY i.version DESC LIMIT 1
        ) AS i
        WHERE part.first_on <= d.pay_by_on AND d.pay_by_on < %(on)s
        GROUP BY part.borrower_id
    ), contacted AS (
        SELECT DISTINCT line.borrower_id FROM line
        JOIN rm.contacts_result AS r
            ON r.borrower_id = line.borrower_id AND r.contact_ref = line.contact_ref
        WHERE r.outcome <> 'FAILED' AND r.business_on <= %(on)s
    ), followed AS (
        SELECT borrower_id, first_on, first_on + %(window)s::integer AS last_on
        FROM member WHERE first_on + %(window)s::integer < %(on)s
    ), brought AS (
        SELECT f.borrower_id, EXISTS (
            SELECT FROM rm.summary_loan AS l
            JOIN rm.summary_standing AS s ON s.loan_id = l.loan_id
            WHERE l.borrower_id = f.borrower_id AND s.state = %(applied)s AND s.version = 1
                AND s.effective_on BETWEEN f.first_on AND f.last_on AND s.business_on <= %(on)s
        ) AS applied, EXISTS (
            SELECT FROM rm.summary_loan AS l
            WHERE l.borrower_id = f.borrower_id AND l.origin IS NULL
                AND l.disbursed_on BETWEEN f.first_on AND f.last_on
                AND l.disbursed_business_on <= %(on)s
                AND (l.payout_returned_business_on > %(on)s) IS NOT FALSE
        ) AS disbursed
        FROM followed AS f
    ), arrears AS (
        SELECT f.borrower_id, bool_and(i.amount_left <= 0 AND i.paid_on <= f.last_on) AS cured
        FROM followed AS f
        CROSS JOIN LATERAL (
            SELECT DISTINCT about.loan_id FROM line, unnest(line.loan_ids) AS about (loan_id)
            WHERE line.borrower_id = f.borrower_id
        ) AS about
        CROSS JOIN LATERAL (
            SELECT DISTINCT ON (number) number, pay_by_on FROM rm.reminders_due_date
            WHERE loan_id = about.loan_id AND business_on <= %(on)s
            ORDER BY number, version DESC
        ) AS d
        CROSS JOIN LATERAL (
            SELECT amount_left, paid_on FROM rm.reminders_left AS i
            WHERE i.loan_id = about.loan_id AND i.number = d.number AND i.business_on <= %(on)s
            ORDER BY i.version DESC LIMIT 1
        ) AS i
        WHERE d.pay_by_on < f.first_on AND (i.amount_left > 0 OR i.paid_on >= f.first_on)
        GROUP BY f.borrower_id
    )
    SELECT m.arm, count(*) AS borrowers, count(contacted.borrower_id) AS contacted,
        count(paid.in_time) AS due, count(*) FILTER (WHERE paid.in_time) AS in_time,
        count(*) FILTER (WHERE EXISTS (
            SELECT FROM rm.contacts_opt_out AS o
            WHERE o.borrower_id = m.borrower_id AND o.change = 'OPTED_OUT'
                AND o.business_on BETWEEN m.first_on AND %(on)s
        )) AS opted_out,
        count(*) FILTER (WHERE EXISTS (
            SELECT FROM rm.contacts_inbound AS i
            WHERE i.borrower_id = m.borrower_id
                AND i.business_on BETWEEN m.first_on AND %(on)s
        )) AS replied,
        count(*) FILTER (WHERE EXISTS (
            SELECT FROM rm.contacts_complaint AS q
            WHERE q.borrower_id = m.borrower_id AND q.change = 'OPENED'
                AND q.business_on BETWEEN m.first_on AND %(on)s
        )) AS complained,
        count(brought.borrower_id) AS followed,
        count(*) FILTER (WHERE brought.applied) AS applied,
        count(*) FILTER (WHERE brought.disbursed) AS disbursed,
        count(arrears.borrower_id) AS were_late,
        count(*) FILTER (WHERE arrears.cured) AS cured
    FROM member AS m
    LEFT JOIN paid USING (borrower_id)
    LEFT JOIN contacted USING (borrower_id)
    LEFT JOIN brought USING (borrower_id)
    LEFT JOIN arrears USING (borrower_id)
    GROUP BY m.arm ORDER BY m.arm
"""


# --- campaigns --------------------------------------------------------------------------


@dataclass(frozen=True)
class CampaignResults:
    """What came of a campaign, by borrower.

    *replied*, *opted_out*, *complained*, *applied* (for a loan) and *disbursed* (were paid one
    out) are of those who were sent something, since the day it was planned. *reasons* are why
    it was put off or not sent, counted by each way that was tried.
    """

    campaign: str
    on: date
    queued: int
    held_out: int
    waiting: int
    sent: int
    replied: int
    opted_out: int
    complained: int
    applied: int
    disbursed: int
    reasons: dict[str, int]
    loans: list[LoansSince]


@dataclass(frozen=True)
class LoansSince:
    """Loans that recipients were paid out since, in a currency: what they owe, and how late.

    *late* and *written_off* are counts of loans, *exposure* the principal outstanding.
    """

    currency: str
    loans: int
    exposure: int
    late: int
    written_off: int

    @property
    def bad_share(self) -> Decimal:
        """The share of the loans that was written off."""
        return Decimal(self.written_off) / self.loans


class _Sent(NamedTuple):
    queued: int
    held_out: int
    waiting: int
    sent: int
    replied: int
    opted_out: int
    complained: int
    applied: int
    disbursed: int


class _Why(NamedTuple):
    reason: str
    times: int


def campaign_results(conn: Connection, campaign: str, on: date) -> Answer[CampaignResults]:
    """What came of a campaign, as known on a day, but for the queue: that is as it stands."""
    asked = {
        "occasion": f"campaign:{campaign}",
        "on": on,
        "written_off": str(LoanState.WRITTEN_OFF),
        "applied": str(LoanState.APPLIED),
    }
    with snapshot(conn):
        fresh = furthest_behind(conn, VIEWS)
        (sent,) = rows_of(conn, _Sent, _SENT, **asked)
        reasons = rows_of(
            conn,
            _Why,
            "SELECT reason, count(*) AS times FROM contact.queue, unnest(reasons) AS reason"
            " WHERE occasion = %(occasion)s AND planned_on <= %(on)s"
            " GROUP BY reason ORDER BY times DESC, reason",
            **asked,
        )
        loans = rows_of(conn, LoansSince, _SINCE, **asked)
    found = CampaignResults(
        campaign=campaign,
        on=on,
        **sent._asdict(),
        reasons={each.reason: each.times for each in reasons},
        loans=loans,
    )
    return Answer(found, fresh)


_RECIPIENTS = """
    WITH line AS (
        SELECT q.borrower_id, min(q.planned_on) AS planned_on,
            bool_or(q.state = 'WAITING') AS waiting,
            bool_or('HELD_OUT' = ANY(q.reasons)) AS held_out, bool_or(EXISTS (
                SELECT FROM rm.contacts_result AS r
                WHERE r.borrower_id = q.borrower_id AND r.contact_ref = q.contact_ref
                    AND r.outcome <> 'FAILED' AND r.business_on <= %(on)s
            )) AS sent
        FROM contact.queue AS q
        WHERE q.occasion = %(occasion)s AND q.planned_on <= %(on)s
        GROUP BY q.borrower_id
    )
"""
"""A borrower to whom it was tried in several ways is one."""


_SENT = f"""
    {_RECIPIENTS}
    SELECT count(*) AS queued,
        count(*) FILTER (WHERE held_out) AS held_out,
        count(*) FILTER (WHERE waiting) AS waiting,
        count(*) FILTER (WHERE sent) AS sent,
        count(*) FILTER (WHERE sent AND EXISTS (
            SELECT FROM rm.contacts_inbound AS i
            WHERE i.borrower_id = line.borrower_id
                AND i.business_on BETWEEN line.planned_on AND %(on)s
        )) AS replied,
        count(*) FILTER (WHERE sent AND EXISTS (
            SELECT FROM rm.contacts_opt_out AS o
            WHERE o.borrower_id = line.borrower_id AND o.change = 'OPTED_OUT'
                AND o.business_on BETWEEN line.planned_on AND %(on)s
        )) AS opted_out,
        count(*) FILTER (WHERE sent AND EXISTS (
            SELECT FROM rm.contacts_complaint AS q
            WHERE q.borrower_id = line.borrower_id AND q.change = 'OPENED'
                AND q.business_on BETWEEN line.planned_on AND %(on)s
        )) AS complained,
        count(*) FILTER (WHERE sent AND EXISTS (
            SELECT FROM rm.summary_loan AS l
            JOIN rm.summary_standing AS s ON s.loan_id = l.loan_id
            WHERE l.borrower_id = line.borrower_id AND s.state = %(applied)s AND s.version = 1
                AND s.effective_on >= line.planned_on AND s.business_on <= %(on)s
        )) AS applied,
        count(*) FILTER (WHERE sent AND EXISTS (
            SELECT FROM rm.summary_loan AS l
            WHERE l.borrower_id = line.borrower_id AND l.origin IS NULL
                AND l.disbursed_on >= line.planned_on AND l.disbursed_business_on <= %(on)s
                AND (l.payout_returned_business_on > %(on)s) IS NOT FALSE
        )) AS disbursed
    FROM line
"""  # noqa: S608 - what is put together are constants

_SINCE = f"""
    {_RECIPIENTS}
    SELECT l.currency, count(*) AS loans, sum(s.principal)::bigint AS exposure,
        count(*) FILTER (WHERE EXISTS (
            SELECT FROM rm.collections_unpaid AS u
            WHERE u.loan_id = l.loan_id AND u.unpaid_pay_by_on < %(on)s
        )) AS late,
        count(*) FILTER (WHERE s.state = %(written_off)s) AS written_off
    FROM line
    JOIN rm.summary_loan AS l ON l.borrower_id = line.borrower_id AND l.origin IS NULL
        AND l.disbursed_business_on BETWEEN line.planned_on AND %(on)s
    CROSS JOIN LATERAL (
        SELECT * FROM rm.summary_standing AS s
        WHERE s.loan_id = l.loan_id AND s.business_on <= %(on)s
        ORDER BY s.version DESC LIMIT 1
    ) AS s
    WHERE line.sent
    GROUP BY l.currency ORDER BY l.currency
"""  # noqa: S608 - what is put together are constants


def audience(conn: Connection, meant: Audience, on: date) -> Answer[list[UUID]]:
    """The borrowers that a campaign is for, as the views have them now; none who is late.

    A loan that was written off is late for ever.
    """
    with snapshot(conn):
        fresh = furthest_behind(conn, VIEWS)
        found = scalars_of(
            conn,
            """
            SELECT b.borrower_id FROM (
                SELECT DISTINCT ON (borrower_id) borrower_id, jurisdiction
                FROM rm.contacts_borrower ORDER BY borrower_id, version DESC
            ) AS b
            WHERE b.jurisdiction = %(jurisdiction)s
                AND (cardinality(%(products)s::text[]) + cardinality(%(states)s::text[]) = 0
                    OR EXISTS (
                        SELECT FROM rm.summary_loan AS l
                        WHERE l.borrower_id = b.borrower_id
                            AND (cardinality(%(products)s::text[]) = 0
                                OR l.product_code = ANY(%(products)s))
                            AND (cardinality(%(states)s::text[]) = 0
                                OR l.state = ANY(%(states)s))
                    ))
                AND NOT EXISTS (
                    SELECT FROM rm.collections_loan AS l
                    JOIN rm.collections_unpaid AS u ON u.loan_id = l.loan_id
                    WHERE l.borrower_id = b.borrower_id AND u.unpaid_pay_by_on < %(on)s
                )
                AND NOT EXISTS (
                    SELECT FROM rm.summary_loan AS l
                    WHERE l.borrower_id = b.borrower_id AND l.state = %(written_off)s
                )
            ORDER BY b.borrower_id
            """,
            jurisdiction=meant.jurisdiction,
            products=meant.products,
            states=meant.states,
            on=on,
            written_off=str(LoanState.WRITTEN_OFF),
        )
    return Answer(found, fresh)

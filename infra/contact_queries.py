"""One function per question on contacts, for any past business day; see ``queries``.

All are asked of the view ``contacts``. A question over days takes *from_on* and *to_on*, both
inclusive, the days on which contacts were decided on; what came of them is as known on *on*.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import sql

from domain.base.contact_policy import Channel, ContactRules, Outcome, Per, Purpose
from domain.borrower.budget import allowances
from domain.borrower.contact import Party, PastContact, Situation, strictest_outcome
from domain.loan.state import LoanState
from infra.answers import Answer
from infra.contact_answers import (
    ConsentCount,
    ConsentCounts,
    ConsentRegister,
    ContactBudget,
    ContactsOfKind,
    ContactSummary,
    Deliveries,
    FunnelStage,
    KeywordCount,
    Keywords,
    LoggedContact,
    OptOutCount,
    ReasonCount,
    RefusalCount,
    RegisteredConsent,
    RegisteredOptOut,
    RegisteredPoint,
)
from infra.freshness import freshness_of, furthest_behind, parked_streams
from infra.reading import Connection, rows_of, scalars_of, snapshot

VIEW = "contacts"

PARTS = {
    # What came of a decision *d*, as last told.
    "result": sql.SQL("""
        LEFT JOIN LATERAL (
            SELECT * FROM rm.contacts_result AS r
            WHERE d.answer = 'ALLOW' AND r.borrower_id = d.borrower_id
                AND r.contact_ref = d.contact_ref AND r.business_on <= %(on)s
            ORDER BY r.version DESC LIMIT 1
        ) AS r ON true
    """),
    # What a provider reported last of a result *r*.
    "delivery": sql.SQL("""
        LEFT JOIN LATERAL (
            SELECT * FROM rm.contacts_delivery AS v
            WHERE r.contact_ref IS NOT NULL AND v.borrower_id = r.borrower_id
                AND v.contact_ref = r.contact_ref AND v.business_on <= %(on)s
            ORDER BY v.version DESC LIMIT 1
        ) AS v ON true
    """),
    # After a business day: that it is one of the days asked for.
    "in_days": sql.SQL(
        "BETWEEN coalesce(%(from_on)s::date, '-infinity') AND least(%(to_on)s::date, %(on)s)"
    ),
}
"""What several questions have in common."""


@dataclass(frozen=True)
class Filters:
    """Which contacts are meant; what is None does not matter."""

    purpose: str | None = None
    channel: str | None = None
    answer: str | None = None
    reason: str | None = None


def log(
    conn: Connection,
    on: date,
    *,
    borrower_id: UUID | None = None,
    from_on: date | None = None,
    filters: Filters | None = None,
    limit: int | None = None,
) -> Answer[list[LoggedContact]]:
    """Contacts decided on or received up to *on*, the newest first.

    Of one borrower, or of all; for a reason means: where it stood against the contact.
    """
    chosen = filters or Filters()
    with snapshot(conn):
        fresh = freshness_of(conn, VIEW, [] if borrower_id is None else [borrower_id])
        rows = rows_of(
            conn,
            LoggedContact,
            _LOG,
            on=on,
            from_on=from_on,
            to_on=on,
            borrower_id=borrower_id,
            purpose=chosen.purpose,
            channel=chosen.channel,
            answer=chosen.answer,
            reason=chosen.reason,
            limit=limit,
            parked=list(parked_streams(conn, VIEW)),
        )
    return Answer(rows, fresh)


def parties(conn: Connection, contact_refs: Sequence[str]) -> dict[str, str]:
    """With whom contacts were decided on last, of those that were not with the borrower."""
    rows = conn.execute(
        """
        SELECT contact_ref, party FROM (
            SELECT DISTINCT ON (contact_ref) contact_ref, party FROM rm.contacts_decision
            WHERE contact_ref = ANY(%s) ORDER BY contact_ref, version DESC
        ) AS last WHERE party <> %s
        """,
        (list(contact_refs), str(Party.BORROWER)),
    ).fetchall()
    return {row[0]: row[1] for row in rows}


def not_delivered(conn: Connection, from_on: date, to_on: date) -> list[str]:
    """What has to be in time, and of which a provider told in some days that it did not arrive."""
    rows = conn.execute(
        """
        SELECT q.contact_ref FROM contact.queue AS q
        WHERE q.due_by IS NOT NULL AND EXISTS (
            SELECT FROM rm.contacts_delivery AS v
            WHERE v.borrower_id = q.borrower_id AND v.contact_ref = q.contact_ref
                AND NOT v.delivered AND v.business_on BETWEEN %s AND %s
        )
        """,
        (from_on, to_on),
    ).fetchall()
    return [row[0] for row in rows]


_LOG = sql.SQL("""
    WITH logged AS (
        SELECT borrower_id, version, business_on, contact_ref, decided_at AS at, purpose,
            channel, party, point_ref, loan_id, occasion, answer, until_at, judged_by, template,
            template_version, experiment, arm, NULL AS keyword, NULL AS answers,
            NULL AS said_ref, '{{}}'::text[] AS told_reasons, actor
        FROM rm.contacts_decision
        UNION ALL
        SELECT borrower_id, version, business_on, contact_ref, received_at, purpose,
            channel, NULL, point_ref, loan_id, NULL, 'INBOUND', NULL, '{{}}', NULL,
            NULL, NULL, NULL, keyword, answers, said_ref, '{{}}', actor
        FROM rm.contacts_inbound
        UNION ALL
        SELECT borrower_id, version, business_on, contact_ref, decided_at, purpose,
            channel, party, point_ref, loan_id, occasion, answer, until_at, judged_by, template,
            template_version, NULL, NULL, NULL, NULL, NULL, '{{}}', actor
        FROM rm.contacts_again
        UNION ALL
        SELECT borrower_id, version, business_on, contact_ref, not_made_at, purpose,
            channel, NULL, NULL, loan_id, occasion, 'NOT_MADE', NULL, '{{}}', NULL,
            NULL, experiment, arm, NULL, NULL, NULL, reasons, actor
        FROM rm.contacts_not_made AS n
        -- What the gate refused is told by its answer.
        WHERE NOT EXISTS (
            SELECT FROM rm.contacts_decision AS b
            WHERE b.borrower_id = n.borrower_id AND b.contact_ref = n.contact_ref
                AND b.answer = 'BLOCK' AND b.version = n.version - 1
        )
    ), d AS (
        SELECT * FROM logged
        WHERE business_on {in_days}
            AND (%(borrower_id)s::uuid IS NULL OR borrower_id = %(borrower_id)s)
            AND (%(purpose)s::text IS NULL OR purpose = %(purpose)s)
            AND (%(channel)s::text IS NULL OR channel = %(channel)s)
            AND (%(answer)s::text IS NULL OR answer = %(answer)s)
            AND (%(reason)s::text IS NULL OR EXISTS (
                SELECT FROM rm.contacts_objection AS o
                WHERE o.borrower_id = logged.borrower_id AND o.version = logged.version
                    AND o.reason = %(reason)s
            ))
        ORDER BY at DESC, borrower_id, version DESC
        LIMIT %(limit)s
    )
    SELECT d.borrower_id, d.version, d.business_on, d.contact_ref, d.at, d.purpose, d.channel,
        d.party, d.point_ref, d.loan_id, l.loan_ref, d.occasion, d.answer, d.until_at,
        d.told_reasons || o.reasons AS reasons, o.rules, d.judged_by, r.outcome, r.certain,
        r.made_at, r.duration_seconds, r.feedback, r.intent_level, r.reason AS told,
        coalesce(d.said_ref, r.said_ref) AS said_ref,
        r.provider, v.carrier, v.delivered, v.reason AS delivery_reason, d.template,
        d.template_version, d.experiment, d.arm, d.keyword, d.answers, d.actor,
        r.actor AS told_by, d.borrower_id = ANY(%(parked)s) AS stale
    FROM d
    {result}
    {delivery}
    LEFT JOIN rm.contacts_loan AS l ON l.loan_id = d.loan_id
    CROSS JOIN LATERAL (
        SELECT coalesce(array_agg(DISTINCT o.reason), '{{}}') AS reasons,
            coalesce(array_agg(DISTINCT trim(o.rule || ' ' || o.rule_version)), '{{}}') AS rules
        FROM rm.contacts_objection AS o
        WHERE o.borrower_id = d.borrower_id AND o.version = d.version
    ) AS o
    ORDER BY d.at DESC, d.borrower_id, d.version DESC
""").format(**PARTS)


# --- the budget -----------------------------------------------------------------------


class _WhoWhere(NamedTuple):
    borrower_ref: str
    jurisdiction: str
    zones: list[str]


class _Past(NamedTuple):
    at: datetime
    purpose: str
    channel: str
    outcome: str | None
    point_ref: str | None
    loan_id: UUID | None
    product_line: str | None
    also: list[UUID] | None
    counts_until: datetime | None

    def contact(self) -> PastContact:
        """The contact as the gate counts it."""
        channel = Channel(self.channel)
        return PastContact(
            self.at,
            Purpose(self.purpose),
            channel,
            Outcome(self.outcome) if self.outcome else strictest_outcome(channel),
            self.point_ref,
            None if self.loan_id is None else str(self.loan_id),
            self.product_line,
            [str(each) for each in self.also or ()],
            None if self.outcome else self.counts_until,
        )


def budget(
    conn: Connection,
    rules: ContactRules,
    borrower_id: UUID,
    *,
    on: date,
    at: datetime,
    purposes: tuple[Purpose, ...] = tuple(Purpose),
) -> Answer[ContactBudget | None]:
    """What the limits on contact leave at *at*, by what was known on *on*; None: who is that.

    The rows give the past contacts as the borrower's own stream counts them: one that was
    allowed and not told of yet as the strictest outcome it can have, while it counts. Limits
    of one product or contract are not among them.
    """
    asked = {"borrower_id": borrower_id, "on": on}
    with snapshot(conn):
        fresh = freshness_of(conn, VIEW, [borrower_id])
        who = _who(conn, asked)
        if who is None:
            return Answer(None, fresh)
        past = rows_of(
            conn,
            _Past,
            sql.SQL("""
            SELECT coalesce(r.made_at, d.decided_at) AS at, d.purpose, d.channel, r.outcome,
                d.point_ref, d.loan_id, d.product_line, d.also_loan_ids AS also, d.counts_until
            FROM rm.contacts_decision AS d {result}
            WHERE d.borrower_id = %(borrower_id)s AND d.answer = 'ALLOW'
                AND d.business_on <= %(on)s
            UNION ALL
            SELECT received_at, purpose, channel, 'INBOUND', point_ref, loan_id, NULL, NULL, NULL
            FROM rm.contacts_inbound
            WHERE borrower_id = %(borrower_id)s AND business_on <= %(on)s
            """).format(**PARTS),
            **asked,
        )
        loans = {
            str(row[0]): row[1]
            for row in conn.execute(
                "SELECT loan_id, loan_ref FROM rm.contacts_loan"
                " WHERE borrower_id = %(borrower_id)s",
                asked,
            )
        }
    situation = Situation(
        who.jurisdiction, tuple(who.zones), history=tuple(each.contact() for each in past)
    )
    limits = [
        replace(each, of=loans.get(each.of, each.of)) if each.per == Per.DEBT and each.of else each
        for each in allowances(situation, rules, at, purposes)
    ]
    found = ContactBudget(borrower_id, who.borrower_ref, who.jurisdiction, who.zones, at, limits)
    return Answer(found, fresh)


def _who(conn: Connection, asked: dict[str, Any]) -> _WhoWhere | None:
    found = rows_of(
        conn,
        _WhoWhere,
        "SELECT borrower_ref, jurisdiction, zones FROM rm.contacts_borrower"
        " WHERE borrower_id = %(borrower_id)s AND business_on <= %(on)s"
        " ORDER BY version DESC LIMIT 1",
        **asked,
    )
    return found[0] if found else None


# --- over all borrowers -----------------------------------------------------------------


def summary(
    conn: Connection, on: date, from_on: date | None = None, to_on: date | None = None
) -> Answer[ContactSummary]:
    """How contacts were decided on and what came of them, by purpose, channel and reason."""
    asked = {"on": on, "from_on": from_on, "to_on": to_on or on}
    with snapshot(conn):
        fresh = freshness_of(conn, VIEW)
        kinds = rows_of(
            conn,
            ContactsOfKind,
            sql.SQL("""
            SELECT d.purpose, d.channel,
                count(*) FILTER (WHERE d.answer = 'ALLOW') AS allowed,
                count(*) FILTER (WHERE d.answer = 'DEFER') AS deferred,
                count(*) FILTER (WHERE d.answer = 'BLOCK') AS blocked,
                count(*) FILTER (
                    WHERE r.outcome <> 'FAILED' AND (r.certain OR v.delivered IS NOT NULL)
                ) AS sent,
                count(*) FILTER (WHERE r.outcome = 'FAILED') AS failed,
                count(*) FILTER (
                    WHERE r.outcome <> 'FAILED' AND NOT r.certain AND v.delivered IS NULL
                ) AS uncertain,
                count(*) FILTER (WHERE d.answer = 'ALLOW' AND r.outcome IS NULL) AS untold
            FROM rm.contacts_decision AS d {result} {delivery}
            WHERE d.business_on {in_days}
            GROUP BY d.purpose, d.channel ORDER BY d.purpose, d.channel
            """).format(**PARTS),
            **asked,
        )
        reasons = rows_of(
            conn,
            ReasonCount,
            sql.SQL("""
            SELECT o.reason, o.rule, array_agg(DISTINCT o.rule_version) AS versions,
                d.purpose, d.channel,
                count(*) FILTER (WHERE d.answer = 'DEFER') AS deferred,
                count(*) FILTER (WHERE d.answer = 'BLOCK') AS blocked
            FROM rm.contacts_objection AS o
            JOIN rm.contacts_decision AS d
                ON d.borrower_id = o.borrower_id AND d.version = o.version
            WHERE d.business_on {in_days}
            GROUP BY o.reason, o.rule, d.purpose, d.channel
            ORDER BY o.reason, count(*) DESC, o.rule, d.purpose, d.channel
            """).format(**PARTS),
            **asked,
        )
    return Answer(ContactSummary(from_on, min(to_on or on, on), kinds, reasons), fresh)


def deliveries(
    conn: Connection, on: date, from_on: date | None = None, to_on: date | None = None
) -> Answer[list[Deliveries]]:
    """What became of messages, by provider, carrier and channel."""
    with snapshot(conn):
        fresh = freshness_of(conn, VIEW)
        rows = rows_of(
            conn,
            Deliveries,
            sql.SQL("""
            SELECT coalesce(v.provider, r.provider) AS provider, v.carrier, r.channel,
                count(*) FILTER (WHERE r.outcome <> 'FAILED') AS sent,
                count(*) FILTER (WHERE v.delivered) AS delivered,
                count(*) FILTER (WHERE NOT v.delivered) AS failed,
                count(*) FILTER (WHERE r.outcome <> 'FAILED' AND v.delivered IS NULL) AS unknown,
                count(*) FILTER (WHERE r.outcome = 'FAILED') AS refused,
                count(*) FILTER (
                    WHERE r.outcome <> 'FAILED' AND NOT r.certain AND v.delivered IS NULL
                ) AS uncertain,
                round(extract(epoch FROM percentile_cont(0.5) WITHIN GROUP (
                    ORDER BY v.reported_at - r.made_at
                )) / 60, 1) AS median_minutes
            FROM rm.contacts_decision AS d {result} {delivery}
            WHERE d.business_on {in_days} AND d.answer = 'ALLOW'
                AND coalesce(v.provider, r.provider) IS NOT NULL
            GROUP BY 1, 2, 3 ORDER BY 1, 2 NULLS LAST, 3
            """).format(**PARTS),
            on=on,
            from_on=from_on,
            to_on=to_on or on,
        )
    return Answer(rows, fresh)


FUNNEL_BY = {
    "occasion": "d.occasion",
    "template": "d.template || ' ' || d.template_version",
    "purpose": "d.purpose",
    "channel": "d.channel",
    "arm": "d.experiment || ' ' || d.arm",
}
"""What the funnel can be told by."""


def funnel(
    conn: Connection,
    on: date,
    *,
    by: str = "occasion",
    within_days: int = 7,
    from_on: date | None = None,
    to_on: date | None = None,
) -> Answer[list[FunnelStage]]:
    """How far contacts got, from being sent to what they are for, within so many days.

    The days count from the business day of the decision, that one and the last included. A
    contact that names no loan is about any of the borrower's. A payment that was taken
    back by *on* is none, and a loan that was taken over was not applied for here. It is as
    fresh as the view that is furthest behind.
    """
    question = sql.SQL(_FUNNEL).format(of=sql.SQL(FUNNEL_BY[by]), **PARTS)
    with snapshot(conn):
        fresh = furthest_behind(conn, FUNNEL_VIEWS)
        rows = rows_of(
            conn,
            FunnelStage,
            question,
            on=on,
            from_on=from_on,
            to_on=to_on or on,
            within=within_days,
            started=str(LoanState.APPLIED),
        )
    return Answer(rows, fresh)


FUNNEL_VIEWS = (VIEW, "reminders", "summary")
"""The views that the funnel is told by."""

_FUNNEL = """
    WITH contact AS (
        SELECT {of} AS of, d.purpose, d.borrower_id, d.contact_ref, d.loan_id, d.business_on,
            r.outcome, r.made_at, coalesce(v.delivered, false) AS delivered,
            coalesce(r.outcome <> 'FAILED', false) AS sent
        FROM rm.contacts_decision AS d {result} {delivery}
        WHERE d.answer = 'ALLOW' AND d.business_on {in_days}
    ), told AS (
        SELECT c.*, c.outcome = 'CONVERSATION' OR EXISTS (
                SELECT FROM rm.contacts_inbound AS i
                WHERE i.borrower_id = c.borrower_id AND i.business_on <= %(on)s
                    AND (i.answers = c.contact_ref OR (
                        i.received_at > c.made_at
                        AND i.received_at <= c.made_at + make_interval(days => %(within)s)
                        AND (i.loan_id = c.loan_id) IS NOT FALSE
                    ))
            ) AS answered, EXISTS (
                SELECT FROM rm.contacts_loan AS l
                JOIN rm.contacts_payment AS p ON p.loan_id = l.loan_id
                WHERE l.borrower_id = c.borrower_id AND (l.loan_id = c.loan_id) IS NOT FALSE
                    AND p.amount > 0 AND p.business_on <= %(on)s
                    AND p.received_on BETWEEN c.business_on AND c.business_on + %(within)s
                    AND NOT EXISTS (
                        SELECT FROM rm.contacts_payment AS back
                        WHERE back.loan_id = p.loan_id AND back.payment_ref = p.payment_ref
                            AND back.version > p.version AND back.amount < 0
                            AND back.business_on <= %(on)s
                    )
            ) AS paid, EXISTS (
                SELECT FROM rm.summary_loan AS l
                JOIN rm.summary_standing AS s ON s.loan_id = l.loan_id
                WHERE l.borrower_id = c.borrower_id AND s.state = %(started)s AND s.version = 1
                    AND s.business_on <= %(on)s
                    AND s.effective_on BETWEEN c.business_on AND c.business_on + %(within)s
            ) AS applied, EXISTS (
                SELECT FROM rm.summary_loan AS l
                WHERE l.borrower_id = c.borrower_id AND l.origin IS NULL
                    AND l.disbursed_business_on <= %(on)s
                    AND (l.payout_returned_business_on > %(on)s) IS NOT FALSE
                    AND l.disbursed_on BETWEEN c.business_on AND c.business_on + %(within)s
            ) AS disbursed,
            owed.to_come > 0 AND owed.in_time = owed.to_come AS in_time,
            owed.late > 0 AND owed.caught_up = owed.late AS cured
        FROM contact AS c
        CROSS JOIN LATERAL (
            SELECT count(*) FILTER (WHERE i.comes) AS to_come,
                count(*) FILTER (WHERE i.comes AND i.amount_left <= 0 AND i.paid_on <= i.pay_by_on)
                    AS in_time,
                count(*) FILTER (WHERE i.was_late) AS late,
                count(*) FILTER (
                    WHERE i.was_late AND i.amount_left <= 0
                        AND i.paid_on <= c.business_on + %(within)s
                ) AS caught_up
            FROM (
                SELECT d.pay_by_on, i.paid_on, i.amount_left,
                    d.pay_by_on BETWEEN c.business_on AND c.business_on + %(within)s AS comes,
                    d.pay_by_on < c.business_on
                        AND (i.amount_left > 0 OR i.paid_on >= c.business_on) AS was_late
                FROM rm.reminders_loan AS l
                CROSS JOIN LATERAL (
                    SELECT DISTINCT ON (number) number, pay_by_on FROM rm.reminders_due_date
                    WHERE loan_id = l.loan_id AND business_on <= %(on)s
                    ORDER BY number, version DESC
                ) AS d
                CROSS JOIN LATERAL (
                    SELECT amount_left, paid_on FROM rm.reminders_left AS i
                    WHERE i.loan_id = l.loan_id AND i.number = d.number
                        AND i.business_on <= %(on)s
                    ORDER BY i.version DESC LIMIT 1
                ) AS i
                WHERE l.borrower_id = c.borrower_id AND (l.loan_id = c.loan_id) IS NOT FALSE
            ) AS i
        ) AS owed
    ), done AS (
        SELECT told.*, CASE purpose
            WHEN 'MARKETING' THEN applied
            WHEN 'SERVICE_REMINDER' THEN in_time OR cured
            WHEN 'EDUCATION' THEN in_time
            WHEN 'COLLECTION' THEN cured
            ELSE false
        END AS converted FROM told
    )
    SELECT of, count(*) AS allowed, count(*) FILTER (WHERE sent) AS sent,
        count(*) FILTER (WHERE sent AND (delivered OR answered OR outcome = 'CONNECTED'))
            AS reached,
        count(*) FILTER (WHERE sent AND answered) AS interacted,
        count(*) FILTER (WHERE sent AND paid) AS paid,
        count(*) FILTER (WHERE sent AND in_time) AS in_time,
        count(*) FILTER (WHERE sent AND cured) AS cured,
        count(*) FILTER (WHERE sent AND applied) AS applied,
        count(*) FILTER (WHERE sent AND disbursed) AS disbursed,
        count(*) FILTER (WHERE sent AND converted) AS converted,
        count(*) FILTER (WHERE sent AND business_on + %(within)s > %(on)s) AS waiting
    FROM done GROUP BY of ORDER BY of NULLS LAST
"""


def keywords(
    conn: Connection, on: date, from_on: date | None = None, to_on: date | None = None
) -> Answer[Keywords]:
    """What borrowers answered by keyword, and what they refused by where it was said."""
    asked = {"on": on, "from_on": from_on, "to_on": to_on or on}
    with snapshot(conn):
        fresh = freshness_of(conn, VIEW)
        counts = rows_of(
            conn,
            KeywordCount,
            sql.SQL("""
            SELECT i.keyword, i.channel, i.purpose, count(*) AS received,
                count(DISTINCT i.borrower_id) AS borrowers, count(i.answers) AS replies,
                count(*) FILTER (WHERE EXISTS (
                    SELECT FROM rm.contacts_opt_out AS o
                    WHERE o.borrower_id = i.borrower_id AND o.contact_ref = i.contact_ref
                        AND o.business_on <= %(on)s
                )) AS opted_out
            FROM rm.contacts_inbound AS i
            WHERE i.business_on {in_days}
            GROUP BY 1, 2, 3 ORDER BY received DESC, 1 NULLS LAST, 2, 3
            """).format(**PARTS),
            **asked,
        )
        opt_outs = rows_of(
            conn,
            OptOutCount,
            sql.SQL("""
            SELECT o.source, o.keyword, o.channel, o.purpose, count(*) AS opted_out,
                count(DISTINCT o.borrower_id) AS borrowers,
                count(*) FILTER (WHERE NOT EXISTS (
                    SELECT FROM rm.contacts_opt_out AS back
                    WHERE back.borrower_id = o.borrower_id AND back.change = 'REVOKED'
                        AND back.version > o.version AND back.business_on <= %(on)s
                        AND back.channel IS NOT DISTINCT FROM o.channel
                        AND back.purpose IS NOT DISTINCT FROM o.purpose
                )) AS standing
            FROM rm.contacts_opt_out AS o
            WHERE o.change = 'OPTED_OUT' AND o.business_on {in_days}
            GROUP BY 1, 2, 3, 4 ORDER BY opted_out DESC, 1, 2 NULLS LAST, 3, 4
            """).format(**PARTS),
            **asked,
        )
    return Answer(Keywords(from_on, min(to_on or on, on), counts, opt_outs), fresh)


# --- the consent register ---------------------------------------------------------------


class _ConsentChange(NamedTuple):
    scope: str
    change: str
    changed_at: datetime
    source: str
    lawful_basis: str | None
    evidence_ref: str | None


class _OptOutChange(NamedTuple):
    change: str
    changed_at: datetime
    channel: str | None
    purpose: str | None
    source: str
    keyword: str | None


class _PointChange(NamedTuple):
    point_ref: str
    change: str
    changed_at: datetime
    kind: str | None
    party: str | None
    source: str | None
    lawful_basis: str | None


def consents(conn: Connection, borrower_id: UUID, on: date) -> Answer[ConsentRegister | None]:
    """What one borrower agreed to and refused, as known on *on*; None: who is that."""
    asked = {"borrower_id": borrower_id, "on": on}
    with snapshot(conn):
        fresh = freshness_of(conn, VIEW, [borrower_id])
        who = _who(conn, asked)
        if who is None:
            return Answer(None, fresh)
        agreed = _changes(conn, _ConsentChange, "contacts_consent", asked)
        refused = _changes(conn, _OptOutChange, "contacts_opt_out", asked)
        points = _changes(conn, _PointChange, "contacts_point", asked)
    register = ConsentRegister(
        borrower_id,
        who.borrower_ref,
        who.jurisdiction,
        _consents(agreed),
        _opt_outs(refused),
        _points(points),
    )
    return Answer(register, fresh)


def _changes(conn: Connection, kind: type[Any], table: str, asked: dict[str, Any]) -> list[Any]:
    """The history rows of one borrower, in order."""
    columns = sql.SQL(", ").join(map(sql.Identifier, kind._fields))
    question = sql.SQL(
        "SELECT {} FROM rm.{} WHERE borrower_id = %(borrower_id)s AND business_on <= %(on)s"
        " ORDER BY version"
    ).format(columns, sql.Identifier(table))
    return rows_of(conn, kind, question, **asked)


def _consents(rows: list[_ConsentChange]) -> list[RegisteredConsent]:
    found: list[RegisteredConsent] = []
    for row in rows:
        if row.change == "GRANTED":
            basis = row.lawful_basis or ""
            found.append(
                RegisteredConsent(row.scope, row.source, basis, row.evidence_ref, row.changed_at)
            )
            continue
        # While one of a scope stands there is no other: the last one is meant.
        at = max(index for index, each in enumerate(found) if each.scope == row.scope)
        if row.change == "RECONFIRMED":
            found[at] = replace(found[at], reconfirmed_at=row.changed_at)
        else:
            found[at] = replace(found[at], withdrawn_at=row.changed_at, withdrawn_by=row.source)
    return found


def _opt_outs(rows: list[_OptOutChange]) -> list[RegisteredOptOut]:
    found: list[RegisteredOptOut] = []
    for row in rows:
        same = (row.channel, row.purpose)
        if row.change == "OPTED_OUT":
            found.append(RegisteredOptOut(*same, row.source, row.keyword, row.changed_at))
            continue
        found = [
            replace(each, revoked_at=row.changed_at)
            if (each.channel, each.purpose) == same and each.revoked_at is None
            else each
            for each in found
        ]
    return found


def _points(rows: list[_PointChange]) -> list[RegisteredPoint]:
    found: dict[str, RegisteredPoint] = {}
    for row in rows:
        match row.change:
            case "ADDED":
                of = (row.kind or "", row.party or "", row.source or "", row.lawful_basis or "")
                found[row.point_ref] = RegisteredPoint(row.point_ref, *of, row.changed_at)
            case "REFUSED":
                found[row.point_ref] = replace(found[row.point_ref], refused_at=row.changed_at)
            case "BLOCKED":
                found[row.point_ref] = replace(found[row.point_ref], blocked_at=row.changed_at)
            case "UNBLOCKED":
                found[row.point_ref] = replace(found[row.point_ref], blocked_at=None)
            case _:
                found[row.point_ref] = replace(found[row.point_ref], retired_at=row.changed_at)
    return list(found.values())


def consent_counts(conn: Connection, on: date) -> Answer[ConsentCounts]:
    """The consent register over all borrowers, as counts of them."""
    with snapshot(conn):
        fresh = freshness_of(conn, VIEW)
        borrowers = scalars_of(
            conn,
            "SELECT count(DISTINCT borrower_id) FROM rm.contacts_borrower"
            " WHERE business_on <= %(on)s",
            on=on,
        )[0]
        agreed = rows_of(
            conn,
            ConsentCount,
            """
            SELECT scope, count(*) FILTER (WHERE change = 'GRANTED') AS granted,
                count(*) FILTER (WHERE change = 'RECONFIRMED') AS reconfirmed,
                count(*) FILTER (WHERE change = 'WITHDRAWN') AS withdrawn
            FROM (
                SELECT DISTINCT ON (borrower_id, scope) scope, change
                FROM rm.contacts_consent WHERE business_on <= %(on)s
                ORDER BY borrower_id, scope, version DESC
            ) AS last GROUP BY scope ORDER BY scope
            """,
            on=on,
        )
        refused = rows_of(
            conn,
            RefusalCount,
            """
            SELECT channel, purpose, count(*) FILTER (WHERE change = 'OPTED_OUT') AS standing,
                count(*) FILTER (WHERE change = 'REVOKED') AS revoked
            FROM (
                SELECT DISTINCT ON (borrower_id, channel, purpose) channel, purpose, change
                FROM rm.contacts_opt_out WHERE business_on <= %(on)s
                ORDER BY borrower_id, channel, purpose, version DESC
            ) AS last GROUP BY channel, purpose
            ORDER BY channel NULLS FIRST, purpose NULLS FIRST
            """,
            on=on,
        )
    return Answer(ConsentCounts(borrowers, agreed, refused), fresh)

"""Contact: the gate alone, dispatch without the way to a provider, and a day of all of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4, uuid5

import psycopg

from benchmarks import dispatch as day
from benchmarks.append import RAW_TABLE, copy
from benchmarks.place import Place
from benchmarks.report import Aim, Line, rate
from domain.base.contact_policy import (
    Channel,
    ConsentScope,
    Outcome,
    PointKind,
    PointSource,
    Purpose,
)
from domain.base.stream import Act
from domain.borrower.borrower import Borrower
from domain.borrower.contact import Intent, PastContact
from domain.borrower.contact_state import Figure, OwnHours
from domain.borrower.contacts import Result
from domain.borrower.gate import Answer, decide
from domain.commands import dispatch
from domain.commands.book import Book
from domain.commands.dispatch import Due, Planned, Turn
from domain.commands.texts import Wordings
from domain.loan.loan import Loan
from infra.bootstrap import open_book
from infra.contact_policies import load_contact_rules
from infra.embedded.part import Step

TEN = datetime(2026, 9, 10, 2, 0, tzinfo=UTC)
"""Ten in the morning in Shanghai, on a workday."""
HISTORY = 200
"""So many past contacts, over the last two months, has the borrower the gate is asked about."""
ASKED = 200
BATCH = 500
FIGURES = (
    Figure("amount", "1250.00 CNY"),
    Figure("due_on", "2026-09-13"),
    Figure("loan", "L-00000-00000"),
)


def measure(place: Place) -> list[Line]:
    """The gate on a loaded borrower; decisions and results in batches; a whole day's dispatch."""
    return [_gate(place), _dispatch(place), *day.measure(place)]


# --- the gate ------------------------------------------------------------------------


def _gate(place: Place) -> Line:
    rules, borrower = load_contact_rules(), _loaded()
    situation = borrower.situation()
    asked = list(_asked())
    own, raw = [], []
    for run in range(place.pick(9, 5) + 1):
        place.progress(Step("contact", "asking the gate", run, place.pick(9, 5)))
        started = time.perf_counter()
        answers = [decide(intent, situation, rules, at).answer for intent, at in asked]
        decided = time.perf_counter()
        for intent, at in asked:
            _counted(situation.history, intent, at)
        counted = time.perf_counter()
        assert Answer.ALLOW in answers and Answer.DEFER in answers and Answer.BLOCK in answers
        if run:  # the first only warms up
            own.append(decided - started)
            raw.append(counted - decided)
    return Line(
        "contact",
        f"gate, {HISTORY} past contacts",
        "decisions/s",
        rate(ASKED, own),
        "counting past contacts of the day",
        rate(ASKED, raw),
        Aim.AT_LEAST,
        5_000,
    )


def _loaded() -> Borrower:
    act = _act()
    borrower = _registered(act, uuid4())
    for number, source in enumerate((PointSource.APPLICATION, PointSource.CALL_LOG)):
        borrower.add_contact_point(
            act,
            point_ref=f"X-{number}",
            kind=PointKind.PHONE,
            source=source,
            lawful_basis="CONTRACT",
            added_at=TEN - timedelta(days=90),
        )
    borrower.grant_consent(
        act,
        scope=ConsentScope.MARKETING,
        source="APP",
        lawful_basis="CONSENT",
        granted_at=TEN - timedelta(days=90),
    )
    borrower.opt_out(
        act, channel=Channel.WECOM, purpose=None, source="APP", opted_out_at=TEN - timedelta(days=9)
    )
    borrower.set_own_hours(
        act, hours=[OwnHours("09:00", "20:00", only=True)], source="APP", set_at=TEN
    )
    kinds = [
        (Purpose.COLLECTION, Channel.PHONE, Outcome.ATTEMPTED),
        (Purpose.SERVICE_REMINDER, Channel.SMS, Outcome.SENT),
        (Purpose.COLLECTION, Channel.SMS, Outcome.SENT),
        (Purpose.EDUCATION, Channel.EMAIL, Outcome.SENT),
    ]
    for number in range(HISTORY):
        purpose, channel, outcome = kinds[number % len(kinds)]
        at = TEN - timedelta(hours=8 + 7 * number)
        borrower.contacts[f"C-{number}"] = PastContact(at, purpose, channel, outcome, "X-0", "d-1")
    return borrower


def _asked() -> Iterator[tuple[Intent, datetime]]:
    """Calls, messages and advertising, most by day, some at night and on a Sunday."""
    ways = [
        (Purpose.COLLECTION, Channel.PHONE),
        (Purpose.SERVICE_REMINDER, Channel.SMS),
        (Purpose.COLLECTION, Channel.SMS),
        (Purpose.MARKETING, Channel.SMS),
        (Purpose.CARE, Channel.WECOM),
    ]
    for number in range(ASKED):
        purpose, channel = ways[number % len(ways)]
        hours = 13 if number % 10 == 0 else number % 7
        at = TEN + timedelta(hours=hours, minutes=number, days=number % 4)
        yield Intent(purpose, channel, contact_point="X-0", debt="d-1"), at


def _counted(history: Sequence[PastContact], intent: Intent, at: datetime) -> int:
    day = timedelta(days=1)
    return sum(past.purpose == intent.purpose and at - day < past.at <= at for past in history)


# --- a day's dispatch ------------------------------------------------------------------


def _dispatch(place: Place) -> Line:
    people, most = place.pick(20_000, 3_000), place.pick(20_000, 3_000)
    url = place.database("contact")
    own, raw = [], []
    with open_book(url, connections=1) as book, psycopg.connect(url) as connection:
        connection.execute(RAW_TABLE)
        connection.commit()
        ids = list(_people(book, people, place))
        connection.execute("ANALYZE")
        connection.commit()
        wordings = Wordings(book)
        for start in range(0, most, BATCH):
            place.progress(Step("contact", "dispatching", start, most))
            batch = [_planned(each) for each in ids[start : start + BATCH]]
            act = _act()
            turn = Turn(TEN, _always(act), _nothing_new, wordings)
            before = book.recorder.max_notification_id() or 0
            started = time.perf_counter()
            decided = dispatch.decide_all(book, batch, turn)
            results = {
                (each.planned.borrower_id, each.planned.contact_ref): Result(
                    Outcome.SENT, TEN, provider="sms", provider_ref="id"
                )
                for each in decided
                if each.answer == Answer.ALLOW
            }
            dispatch.tell_all(book, results, act=_always(act))
            done = time.perf_counter()
            assert len(results) == len(batch)
            stored = book.recorder.select_notifications(before + 1, 2 * BATCH)
            copying = time.perf_counter()
            copy(connection, stored)
            if start:  # the first only warms up
                own.append(done - started)
                raw.append(time.perf_counter() - copying)
    return Line(
        "contact",
        f"dispatch of {people:,}: decided, recorded, told, {BATCH} at once",
        "contacts/s",
        rate(BATCH, own),
        "COPY of the same events",
        rate(BATCH, raw),
        Aim.AT_LEAST,
        500,
    )


def _people(book: Book, count: int, place: Place) -> Iterator[UUID]:
    """Borrowers with a telephone number, a consent and some contacts behind them."""
    for start in range(0, count, BATCH):
        place.progress(Step("contact", "making borrowers", start, count))
        made = []
        for number in range(start, start + BATCH):
            act = _act()
            borrower = _registered(act, uuid5(book.namespace, f"person {number}"))
            borrower.add_contact_point(
                act,
                point_ref=f"X-{number}",
                kind=PointKind.PHONE,
                source=PointSource.APPLICATION,
                lawful_basis="CONTRACT",
                added_at=TEN - timedelta(days=90),
            )
            for back in range(3, 0, -1):
                borrower.receive(
                    act,
                    contact_ref=f"I-{number}-{back}",
                    channel=Channel.SMS,
                    purpose=Purpose.SERVICE_REMINDER,
                    received_at=TEN - timedelta(days=back),
                )
            made.append(borrower)
            yield borrower.id
        book.keep([], *made)


def _planned(borrower_id: UUID) -> Planned:
    return Planned(
        contact_ref=f"R-{borrower_id.hex}",
        borrower_id=borrower_id,
        purpose=Purpose.SERVICE_REMINDER,
        channels=(Channel.SMS,),
        template="before-due",
        occasion="reminder -3",
        about=(),
        figures=FIGURES,
        product_line=None,
        trial=None,
        expires_at=TEN + timedelta(days=1),
    )


def _nothing_new(planned: Planned, loans: Mapping[UUID, Loan]) -> Due:  # noqa: ARG001
    return Due(planned.figures)


def _always(act: Act) -> Callable[[UUID], Act]:
    return lambda _: act


def _registered(act: Act, borrower_id: UUID) -> Borrower:
    return Borrower.register(
        act,
        borrower_id,
        borrower_ref=f"B-{borrower_id.hex[:10]}",
        jurisdiction="CN",
        zones=["Asia/Shanghai"],
    )


def _act() -> Act:
    command_id = uuid4()
    return Act("dispatcher", TEN.date(), TEN, command_id, command_id)

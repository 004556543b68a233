"""The end-of-day run: what it costs must follow what changes, not the size of the book."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from statistics import median

import psycopg

from benchmarks import samples
from benchmarks.place import Place
from benchmarks.report import Aim, Line
from domain.commands import days
from domain.commands.book import Book
from infra import clock
from infra.bootstrap import open_book
from infra.embedded.part import Step

MONTH = timedelta(days=31)


def measure(place: Place) -> list[Line]:
    """The same loans go overdue on each of some days, in a small book and a large one."""
    runs = place.pick(4, 2)
    small, large = place.pick(10_000, 2_000), place.pick(100_000, 20_000)
    late = small // 10
    spans: dict[int, list[float]] = {small: [], large: []}
    with ExitStack() as stack:
        books = {
            size: stack.enter_context(_made(place, size, late, runs + 1)) for size in (small, large)
        }
        for run in range(runs + 1):
            day = samples.DAY + MONTH + timedelta(days=run + 1)
            for size, book in (*books.items(),) if run % 2 else (*reversed(books.items()),):
                place.progress(Step("end-of-day", "closing days", run, runs))
                started = time.perf_counter()
                counts = days.close_day(book, day, zone="Asia/Shanghai", now=clock.now)
                if run:  # the first only warms up
                    spans[size].append(time.perf_counter() - started)
                assert counts["loan.went-overdue"] == late, counts
    return [
        Line(
            "end-of-day",
            f"{large:,} loans, {late:,} of them change",
            "s",
            median(spans[large]),
            f"{small:,} loans, the same {late:,}",
            median(spans[small]),
            Aim.RATIO_AT_MOST,
            1.2,
        )
    ]


@contextmanager
def _made(place: Place, size: int, late: int, groups: int) -> Iterator[Book]:
    """A book of so many loans, of which *late* go overdue on each of some days."""
    url = place.database(f"day_{size}")
    done = 0
    with open_book(url, connections=1) as book:
        for group in range(groups + 1):
            rest = group == groups
            first_due_on = samples.DAY + (2 * MONTH if rest else MONTH + timedelta(days=group))
            count = size - groups * late if rest else late
            for ids in samples.fill(book, count, samples.past(0, first_due_on)):
                done += len(ids)
                place.progress(Step("end-of-day", f"making {size:,} loans", done, size))
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")
        yield book

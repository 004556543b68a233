"""What commands print: JSON for programs, tables and bars for people."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from rich.console import Console

if TYPE_CHECKING:
    from rich.table import Table

    from infra.embedded.part import Progress, Step

T = TypeVar("T")

COLUMN_GAP = 3
"""What the box of a table puts between two columns."""

EDGES = 2
"""What it puts before the first and after the last."""

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def emit(answer: T, *, as_json: bool, render: Callable[[T], None]) -> None:
    """Prints *answer* as JSON, or lets *render* print it for a person.

    Records become objects; dates, decimals and ids their text.
    """
    if as_json:
        print(json.dumps(_plain(answer), ensure_ascii=False, default=_text))  # noqa: T201
    else:
        render(answer)


def _text(value: Any) -> str:
    # Decimal's own text of a zero rate with ten decimals is 0E-10.
    return format(value, "f") if isinstance(value, Decimal) else str(value)


COMPUTED = ("left",)
"""Figures that a record computes, and that tables show."""


def _plain(answer: Any) -> Any:
    if is_dataclass(answer) and not isinstance(answer, type):
        said = {field.name: _plain(getattr(answer, field.name)) for field in fields(answer)}
        more = [
            name for name in COMPUTED if isinstance(getattr(type(answer), name, None), property)
        ]
        return said | {name: getattr(answer, name) for name in more}
    if isinstance(answer, dict):
        return {key: _plain(value) for key, value in answer.items()}
    if isinstance(answer, list | tuple | set | frozenset):
        return [_plain(each) for each in answer]
    return answer


def exponent(currency: str) -> int:
    """How many decimals the currency's minor unit has (ISO 4217): CNY 2, JPY 0."""
    from iso4217 import Currency

    return Currency(currency).exponent or 0


def money(amount: int, currency: str) -> str:
    """An amount in minor units as text: 123456, CNY -> 1,234.56 CNY."""
    places = exponent(currency)
    whole, part = divmod(abs(amount), 10**places)
    sign = "-" if amount < 0 else ""
    decimals = f".{part:0{places}d}" if places else ""
    return f"{sign}{whole:,}{decimals} {currency}"


def table(*columns: str, right: tuple[str, ...] = (), wraps: tuple[str, ...] = ()) -> Table:
    """An empty table; columns in *right* hold figures, those in *wraps* may be cut up.

    A figure or reference that were cut up could be neither read nor copied.
    """
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        made.add_column(
            column,
            justify="right" if column in right else "left",
            no_wrap=column not in wraps,
            overflow="fold",
        )
    return made


def fits(made: Table) -> bool:
    """Whether a table needs no more room than the terminal has."""
    widths, _ = _widths(made)
    return _needed(widths) <= out.width


def show(made: Table) -> None:
    """Print a table as wide as its figures need, also where the terminal is narrower."""
    widths, more = _widths(made)
    needed = _needed(widths)
    for column, width, room in zip(
        made.columns, widths, _shared(max(out.width - needed, 0), more), strict=True
    ):
        # Both: left to itself, a column that may be cut up pushes the last ones over the edge.
        column.min_width = column.max_width = width + room
    if needed <= out.width:
        out.print(made)
    else:
        Console(highlight=False, width=needed).print(made, crop=False)


def _widths(made: Table) -> tuple[list[int], list[int]]:
    """How wide each column has to be, and how much more it would take."""
    from rich.measure import Measurement

    wide = out.options.update(width=10_000)
    widths, more = [], []
    for column in made.columns:
        sizes = [Measurement.get(out, wide, each) for each in (column.header, *column.cells)]
        whole = max(size.maximum for size in sizes)
        widths.append(whole if column.no_wrap else max(size.minimum for size in sizes))
        more.append(whole - widths[-1])
    return widths, more


def _needed(widths: Sequence[int]) -> int:
    return sum(widths) + COLUMN_GAP * (len(widths) - 1) + EDGES


def _shared(room: int, wanted: Sequence[int]) -> list[int]:
    """*room* among those who want some of it, to each no more than that, the modest ones first."""
    given = [0] * len(wanted)
    order = sorted((want, place) for place, want in enumerate(wanted) if want)
    for number, (want, place) in enumerate(order):
        given[place] = min(want, room // (len(order) - number))
        room -= given[place]
    return given


@contextmanager
def progress(*, quiet: bool = False) -> Iterator[Progress]:
    """Where parts report their steps: a bar for each, on standard error."""
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    if quiet or not err.is_terminal:
        yield _lines(quiet=quiet)
        return
    with Bars(
        SpinnerColumn(),
        TextColumn("{task.fields[part]:<12}"),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        console=err,
        transient=True,
    ) as bars:
        rows: dict[str, Any] = {}

        def show(step: Step) -> None:
            if step.part not in rows:
                rows[step.part] = bars.add_task("", part=step.part, total=None)
            bars.update(
                rows[step.part],
                description=step.doing,
                completed=step.done,
                total=step.total or None,
            )

        yield show


def _lines(*, quiet: bool) -> Progress:
    """One line where a part begins something else; nothing when *quiet*."""
    told: set[tuple[str, str]] = set()

    def show(step: Step) -> None:
        if not quiet and (step.part, step.doing) not in told:
            told.add((step.part, step.doing))
            err.print(f"{step.part}: {step.doing}")

    return show

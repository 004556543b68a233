"""What staff ask about collection: why loans are late, what was promised, what works."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from entrypoints.app import AsJson
from entrypoints.collect_commands import collect
from entrypoints.contact_questions import From, Through
from entrypoints.questions import QUESTIONS, OnDay, asking, show_answer

if TYPE_CHECKING:
    from infra.collect_answers import (
        LateReasons,
        PromiseMade,
        PromiseRate,
        Promises,
        StrategyEffect,
    )


class State(StrEnum):
    """What became of a promise."""

    OPEN = "OPEN"
    KEPT = "KEPT"
    BROKEN = "BROKEN"
    LAPSED = "LAPSED"


@collect.command("reasons", rich_help_panel=QUESTIONS)
def reasons(
    from_on: From = None, to_on: Through = None, on: OnDay = None, as_json: AsJson = False
) -> None:
    """Tell why loans are late: the share of each reason, by what was told last of each loan."""
    from infra import collect_queries

    with asking(on) as asked:
        answer = collect_queries.late_reasons(
            asked.conn,
            asked.on,
            from_on.date() if from_on else None,
            to_on.date() if to_on else None,
        )
    show_answer(answer, as_json, _render_reasons)


def _render_reasons(told: LateReasons) -> None:
    from entrypoints import output

    if not told.reasons:
        output.out.print("Nobody told why a loan is late.")
        return
    rows = output.table("reason", "loans", "share", right=("loans", "share"))
    for each in told.reasons:
        rows.add_row(each.reason, str(each.loans), f"{each.late_reason_share:.1%}")
    output.show(rows)


@collect.command("promises", rich_help_panel=QUESTIONS)
def promises(
    state: Annotated[
        State | None, typer.Option(help="Only those; else all.", case_sensitive=False)
    ] = None,
    on: OnDay = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List promises to pay, and how many were kept by collector and by strategy.

    Those that are open come first, by their day; then the others, the latest first.
    """
    from infra import collect_queries

    with asking(on) as asked:
        answer = collect_queries.promises(asked.conn, asked.on, state and str(state))
    show_answer(answer, as_json, lambda found: _render_promises(found, limit))


def _open_first(promise: PromiseMade) -> tuple[bool, int]:
    day = promise.promised_on.toordinal()
    return (True, -day) if promise.state != State.OPEN else (False, day)


def _render_promises(found: Promises, limit: int) -> None:
    from entrypoints import output

    if not found.promises:
        output.out.print("No such promise was made.")
        return
    rows = output.table(
        *("loan", "promised", "made", "by", "received", "collected by"),
        right=("promised", "received"),
        wraps=("collected by",),
    )
    for each in sorted(found.promises, key=_open_first)[:limit]:
        received = "" if each.received is None else output.money(each.received, each.currency)
        rows.add_row(
            each.loan_ref or str(each.loan_id),
            output.money(each.amount, each.currency),
            str(each.made_on),
            str(each.promised_on),
            f"{each.state.lower()}\n{received}".rstrip(),
            escape("\n".join(filter(None, (each.collector, each.strategy)))),
            style="red" if each.state == State.BROKEN else None,
        )
    output.show(rows)
    if len(found.promises) > limit:
        output.out.print(f"The first {limit} of {len(found.promises)}; --limit shows more.")
    _render_rates("collector", found.by_collector)
    _render_rates("strategy", found.by_strategy)


def _render_rates(of: str, rates: Sequence[PromiseRate]) -> None:
    from entrypoints import output

    rows = output.table(
        *(of, "made", "kept", "broken", "open", "kept of those over"),
        right=("made", "kept", "broken", "open", "kept of those over"),
    )
    for each in rates:
        rate = "" if each.kept_rate is None else f"{each.kept_rate:.1%}"
        counts = (each.made, each.kept, each.broken, each.open)
        rows.add_row(each.of or "none", *map(str, counts), rate)
    output.show(rows)


@collect.command("strategies", rich_help_panel=QUESTIONS)
def strategies(
    within: Annotated[
        int, typer.Option("--within", min=1, help="Cured so many days later, or not.")
    ] = 30,
    from_on: From = None,
    to_on: Through = None,
    on: OnDay = None,
    as_json: AsJson = False,
) -> None:
    """Tell what strategies achieve: how many loans were not late any more, and what was paid."""
    from infra import collect_queries

    with asking(on) as asked:
        answer = collect_queries.strategies(
            asked.conn,
            asked.on,
            within_days=within,
            from_on=from_on.date() if from_on else None,
            to_on=to_on.date() if to_on else None,
        )
    show_answer(answer, as_json, lambda found: _render_strategies(found, within))


def _render_strategies(found: Sequence[StrategyEffect], within: int) -> None:
    from entrypoints import output

    if not found:
        output.out.print("No strategy was assigned in these days: see collect plan.")
        return
    rows = output.table(
        *("strategy", "assigned", "too soon", "cured", "rate", "collected"),
        right=("assigned", "too soon", "cured", "rate"),
        wraps=("strategy",),
    )
    for each in found:
        rows.add_row(
            each.strategy,
            str(each.assigned),
            str(each.waiting),
            f"{each.cured} of {each.measured}",
            "" if each.cure_rate is None else f"{each.cure_rate:.1%}",
            ", ".join(output.money(paid.amount, paid.currency) for paid in each.collected),
        )
    output.show(rows)
    output.out.print(f"Cured: not late any more {within} days after the strategy was assigned.")

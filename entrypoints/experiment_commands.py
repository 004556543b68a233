"""Experiments: started from a file, stopped, measured, and won by two people."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from entrypoints.app import AsJson, app
from entrypoints.questions import OnDay, asking, show_answer
from entrypoints.staff_command import STAFF, Actor, CommandId, Reason, carry_out

if TYPE_CHECKING:
    from collections.abc import Callable

    from domain.base.stream import Act
    from domain.commands.book import Book, Receipt
    from domain.operations.design import ArmCount
    from domain.operations.experiment import Experiment
    from domain.operations.proportions import Interval
    from entrypoints.session import Session
    from infra.experiment_queries import ArmResult, Results

experiment = typer.Typer(
    help="Experiments on reminders, texts and campaigns: arms, results, winners.",
    no_args_is_help=True,
)
app.add_typer(experiment, name="experiment")

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="The experiment's name, as experiment list has it.")
]
WAIT_SECONDS = 10.0


@experiment.command("start")
def start(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", exists=True, help="The experiment, in TOML.")
    ],
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Start an experiment from a file: from now on each borrower is in one of its arms.

    What is planned today and later goes by them; what is queued already stays as it is.
    An experiment is never edited: a change has a name of its own.
    """
    from domain.commands import experiments
    from entrypoints.trial_files import read_design

    design = read_design(file)
    carry_out(
        lambda opened, act: experiments.start(opened.book, act, design=design),
        actor,
        command_id,
        as_json,
    )


@experiment.command("stop")
def stop(
    name: Name,
    reason: Reason,
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Put nobody in an arm any more; what was measured stays, and a winner may still be found."""
    from domain.commands import experiments

    carry_out(
        lambda opened, act: experiments.stop(opened.book, act, name=name, reason=reason),
        actor,
        command_id,
        as_json,
    )


@experiment.command("list")
def list_all(as_json: AsJson = False) -> None:
    """List the experiments, the newest last: what they are on, and how far they have come."""
    from domain.operations.experiment import Experiment
    from entrypoints import output
    from entrypoints.session import session

    with session() as opened:
        ids = opened.ids_opened_by("experiment.started")
        found = opened.book.get_many(Experiment, ids)
    shown = [_in_short(found[each]) for each in ids]

    def render(_: Any) -> None:
        if not shown:
            output.out.print("There is no experiment.")
            return
        rows = output.table("experiment", "on", "arms", "metric", "started", "state")
        for each in shown:
            on = " ".join(filter(None, (each["applies_to"].lower(), each["target"])))
            rows.add_row(
                each["experiment"],
                on,
                ", ".join(each["arms"]),
                each["primary_metric"],
                str(each["started_on"]),
                each["state"],
            )
        output.show(rows)

    output.emit(shown, as_json=as_json, render=render)


@experiment.command("show")
def show(name: Name, as_json: AsJson = False) -> None:
    """Show an experiment: what it tries, its arms and guard rails, and who would have won it."""
    from domain.commands import experiments
    from entrypoints import output
    from entrypoints.session import session

    with session() as opened:
        found = experiments.named(opened.book, name)
    shown = {
        **_in_short(found),
        **asdict(found.design),
        "over_on": found.over_on,
        "proposed": None if found.proposal is None else asdict(found.proposal),
        "winner": found.winner,
    }
    output.emit(shown, as_json=as_json, render=lambda _: _render_one(found))


@experiment.command("results")
def results(name: Name, on: OnDay = None, as_json: AsJson = False) -> None:
    """Compare the arms: each share with its 95 % interval, and how far it is from control.

    Counted are borrowers, whom chance put in the arms, from the day they were first planned
    for. paid_in_time and dpd_1_30_rate are of those whose last day to pay is over; applied,
    disbursed and cured, where the design has window_days, of those whose window is.
    """
    from domain.commands import experiments
    from infra import experiment_queries

    with asking(on) as asked:
        design = experiments.named(asked.opened.book, name).design
        answer = experiment_queries.results(asked.conn, design, asked.on)
    show_answer(answer, as_json, _render_results)


@experiment.command("propose")
def propose(
    name: Name,
    arm: Annotated[str, typer.Argument(metavar="ARM", help="The arm that is to win.")],
    actor: Actor = STAFF,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Propose that an arm wins; the figures of today go with it.

    Refused while a guard rail is broken, or was not measured.
    """
    from domain.commands import experiments

    def do(book: Book, act: Act, counts: list[ArmCount]) -> Receipt:
        return experiments.propose(book, act, name=name, arm=arm, counts=counts)

    _with_figures(do, name, actor, command_id, as_json)


@experiment.command("approve")
def approve(
    name: Name, actor: Actor = STAFF, command_id: CommandId = None, as_json: AsJson = False
) -> None:
    """Approve the arm that somebody else proposed, by the figures of today; this ends it.

    Refused while a guard rail is broken. The experiment changes no plan: publish the
    winner as a rule or text of its own.
    """
    from domain.commands import experiments

    def do(book: Book, act: Act, counts: list[ArmCount]) -> Receipt:
        return experiments.approve(book, act, name=name, counts=counts)

    _with_figures(do, name, actor, command_id, as_json)


def _with_figures(
    do: Callable[[Book, Act, list[ArmCount]], Receipt],
    name: str,
    actor: str,
    command_id: Any,
    as_json: bool,
) -> None:
    """Carry out a command by what is measured now, once the views show all there is."""

    def measured(opened: Session, act: Act) -> Receipt:
        from domain.commands import experiments
        from infra import experiment_queries
        from infra.reading import connection

        design = experiments.named(opened.book, name).design
        with connection(opened.database_url) as conn:
            must_be_current(conn)
            found = experiment_queries.results(conn, design, act.business_on).found
        return do(opened.book, act, found.counts)

    carry_out(measured, actor, command_id, as_json)


def must_be_current(conn: Any) -> None:
    """Pass once the views show all that is stored.

    Raises:
        Trouble: they are behind.
    """
    from infra.freshness import wait_until_current
    from infra.trouble import Trouble

    if not wait_until_current(conn, WAIT_SECONDS):
        raise Trouble("The views are behind, and this goes by them: see ./loans status.")


def _in_short(found: Experiment) -> dict[str, Any]:
    design = found.design
    return {
        "experiment": design.experiment,
        "applies_to": design.applies_to,
        "target": design.target,
        "arms": [arm.arm for arm in design.arms],
        "primary_metric": design.primary_metric,
        "started_on": found.started_on,
        "state": _state(found.winner, found.over_on),
    }


def _state(winner: str | None, over_on: date | None) -> str:
    if winner is not None:
        return f"won by {winner}"
    return "runs" if over_on is None else f"stopped {over_on}"


def _render_one(found: Experiment) -> None:
    from domain.operations.design import WITHIN
    from entrypoints import output

    design = found.design
    on = " ".join(filter(None, (design.applies_to.lower(), design.target)))
    output.out.print(f"[bold]{design.experiment}[/]  on {on}, since {found.started_on}")
    output.out.print(design.hypothesis, markup=False)
    whole = sum(arm.weight for arm in design.arms)
    rows = output.table("arm", "share", "does", right=("share",))
    for arm in design.arms:
        does = [
            "held out" if arm.hold_out else "",
            f"text {arm.template}" if arm.template else "",
            f"from {arm.hour}:00" if arm.hour is not None else "",
            f"product {arm.product}" if arm.product else "",
        ]
        control = " (control)" if arm.arm == design.control else ""
        rows.add_row(
            f"{arm.arm}{control}",
            f"{100 * arm.weight / whole:.1f} %",
            ", ".join(filter(None, does)) or "as planned",
        )
    output.show(rows)
    for rail in design.guard_rails:
        than = " above control" if rail.above_control else ""
        most = f"{(100 * rail.most).normalize():f} %"
        output.out.print(f"  {rail.metric} at most {most}{than}, or the arm cannot win")
    window = f" within {design.window_days} day(s)" if design.primary_metric in WITHIN else ""
    output.out.print(f"It is decided by {design.primary_metric}{window}. {_state_sentence(found)}")


def _state_sentence(found: Experiment) -> str:
    if found.winner is None and found.proposal is not None:
        return f"{found.proposal.proposed_by} proposed {found.proposal.arm}; approve it."
    was = "" if found.is_running else "was "
    return f"It {was}{_state(found.winner, found.over_on)}."


def _render_results(found: Results) -> None:
    from entrypoints import output

    output.out.print(f"[bold]{found.experiment}[/] as known on {found.on}")
    figures = ("borrowers", "share", "95 %", "to control", "95 % of that")
    rows = output.table("arm", "metric", *figures, right=figures)
    for arm in found.arms:
        for number, each in enumerate(arm.metrics):
            mark = " *" if each.metric == found.primary_metric else ""
            rows.add_row(
                _arm_words(arm) if number == 0 else "",
                f"{each.metric}{mark}",
                f"{each.hits:,} of {each.borrowers:,}",
                _estimate(each.rate, ""),
                _range(each.rate, ""),
                _estimate(each.above_control, "+"),
                _range(each.above_control, "+"),
            )
    output.show(rows)
    for arm in found.arms:
        for sentence in arm.broken:
            output.out.print(f"[red]{arm.arm} cannot win[/]: {sentence}")


def _arm_words(arm: ArmResult) -> str:
    control = ", control" if arm.is_control else ""
    return f"{arm.arm} ({arm.borrowers:,} in it, {arm.contacted:,} contacted{control})"


def _estimate(interval: Interval | None, sign: str) -> str:
    return "" if interval is None else f"{100 * interval.estimate:{sign}.1f} %"


def _range(interval: Interval | None, sign: str) -> str:
    if interval is None:
        return ""
    return f"{100 * interval.low:{sign}.1f} … {100 * interval.high:{sign}.1f} %"

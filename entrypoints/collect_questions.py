"""What staff ask about collection: why loans are late, what was promised, what works."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entrypoints.app import AsJson
from entrypoints.collect_commands import collect
from entrypoints.contact_questions import From, Through
from entrypoints.questions import QUESTIONS, OnDay, asking, show_answer

if TYPE_CHECKING:
    from infra.collect_answers import LateReasons


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

"""Computing a case with the product's own rules, and comparing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entrypoints.scenarios import apr, daycount, repayments, schedules
from entrypoints.scenarios.files import Case
from entrypoints.scenarios.verdicts import FAILED, PASSED, Verdict, difference, told, unread

if TYPE_CHECKING:
    from entrypoints.scenarios.files import ScenarioFile

KINDS = {
    "schedules": schedules.compute,
    "repayments": repayments.compute,
    "apr": apr.compute,
    "daycount": daycount.compute,
}


def verdicts(file: ScenarioFile) -> list[Verdict]:
    """What came of each case of *file*, in its order."""
    return [
        verdict(case, file.kind) if isinstance(case, Case) else unread(case) for case in file.cases
    ]


def verdict(case: Case, kind: str) -> Verdict:
    """What came of *case*: passed, failed, or unsupported."""

    def compared() -> Verdict:
        found = difference(case.expected, KINDS[kind](case), case.tolerance)
        if found is None:
            return Verdict(case.id, PASSED)
        return Verdict(case.id, FAILED, difference=found)

    return told(case.id, compared)

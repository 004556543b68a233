"""Cases of schedules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from entrypoints.scenarios.terms import Unsupported

if TYPE_CHECKING:
    from entrypoints.scenarios.files import Case


def compute(case: Case) -> dict[str, Any]:
    """The figures of the case.

    Raises:
        Unsupported: always; no engine of these files is offered yet.
    """
    raise Unsupported(f"the engine {case.terms.get('engine')!r} of schedules is not offered")

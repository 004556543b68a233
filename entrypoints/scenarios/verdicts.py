"""What comes of a case: it passed, failed, or asks for what is not offered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from domain.base.refusal import Refusal
from entrypoints.scenarios.terms import Unsupported, decimal_of

if TYPE_CHECKING:
    from entrypoints.scenarios.files import Unread

PASSED, FAILED, UNSUPPORTED = "passed", "failed", "unsupported"
NO_FIGURE = "The figures have no value, or grow beyond what can be reckoned with."


@dataclass(frozen=True)
class Difference:
    """The first figure that differs; *computed* is None where there is none."""

    figure: str
    expected: str
    computed: str | None


@dataclass(frozen=True)
class Verdict:
    """What came of one case, and why it did not pass."""

    id: str
    status: str
    reason: str | None = None
    difference: Difference | None = None
    decided: dict[str, Any] | None = None


def unread(case: Unread) -> Verdict:
    """What is said of what is no case: it fails, and is named."""
    return Verdict(case.id, FAILED, reason=_sentence(case.why))


def told(name: str, check: Callable[[], Verdict]) -> Verdict:
    """What *check* says of the case *name*, also where it cannot be decided."""
    try:
        return check()
    except Unsupported as reason:
        return Verdict(name, UNSUPPORTED, reason=_sentence(str(reason)))
    except Refusal as refusal:
        return Verdict(name, FAILED, reason=refusal.sentence)
    except ArithmeticError:
        return Verdict(name, FAILED, reason=NO_FIGURE)
    except ValueError as error:
        return Verdict(name, FAILED, reason=_sentence(str(error) or type(error).__name__))


def difference(expected: Any, computed: Any, tolerance: Decimal) -> Difference | None:
    """The first figure of *expected* that *computed* does not have; None when it has all.

    Numbers agree within *tolerance*, all else as text; keys that are only computed do
    not count.
    """
    return next(_differences(expected, computed, tolerance, ""), None)


def _differences(
    expected: Any, computed: Any, tolerance: Decimal, figure: str
) -> Iterator[Difference]:
    if isinstance(expected, dict):
        if not isinstance(computed, dict):
            yield _differs(figure, expected, computed)
            return
        for key, value in expected.items():
            inner = f"{figure}.{key}" if figure else key
            yield from _differences(value, computed.get(key), tolerance, inner)
    elif isinstance(expected, list):
        if not isinstance(computed, list) or len(computed) != len(expected):
            yield _differs(figure, expected, computed)
            return
        for place, (wanted, got) in enumerate(zip(expected, computed, strict=True)):
            yield from _differences(wanted, got, tolerance, f"{figure}[{place}]")
    elif not _agrees(expected, computed, tolerance):
        yield _differs(figure, expected, computed)


def _agrees(expected: Any, computed: Any, tolerance: Decimal) -> bool:
    if isinstance(computed, bool) or isinstance(expected, bool):
        return expected is computed
    if isinstance(computed, int | Decimal):
        wanted = decimal_of(expected)
        return wanted is not None and abs(wanted - computed) <= tolerance
    return computed is not None and str(expected) == str(computed)


def _differs(figure: str, expected: Any, computed: Any) -> Difference:
    return Difference(figure, _text(expected), None if computed is None else _text(computed))


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"{len(value)} rows"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}".rstrip(".") + "."

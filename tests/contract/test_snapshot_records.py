"""Whatever the state of a stream holds, a snapshot can hold too."""

from __future__ import annotations

import ast
import dataclasses
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from domain.base.stream import Stream
from domain.catalogue import STREAMS
from infra.store import RECORDS, _with_inner


def records_in_state(kind: type[Stream]) -> Iterator[type]:
    """The dataclasses that are named where the attributes of a stream are declared."""
    for base in kind.__mro__:
        if base.__module__.startswith("domain."):
            module = sys.modules[base.__module__]
            for name in _annotating(module, base.__name__):
                found = vars(module).get(name)
                if isinstance(found, type) and dataclasses.is_dataclass(found):
                    yield found


def _annotating(module: ModuleType, of: str) -> Iterator[str]:
    """The names that annotate attributes in the ``__init__`` of a class."""
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    made = [
        function
        for each in ast.walk(tree)
        if isinstance(each, ast.ClassDef) and each.name == of
        for function in each.body
        if isinstance(function, ast.FunctionDef) and function.name == "__init__"
    ]
    for node in (node for function in made for node in ast.walk(function)):
        if isinstance(node, ast.AnnAssign):
            yield from (each.id for each in ast.walk(node.annotation) if isinstance(each, ast.Name))


@pytest.mark.parametrize("kind", STREAMS, ids=lambda kind: kind.__name__)
def test_each_record_of_a_state_is_known_to_snapshots(kind: type[Stream]) -> None:
    for record in _with_inner(records_in_state(kind)):
        assert RECORDS.get(record.__name__) is record, record


def test_borrowers_and_loans_hold_records() -> None:
    found = Counter(kind.__name__ for kind in STREAMS for _ in records_in_state(kind))
    assert found["Loan"] > 5
    assert found["Borrower"] > 5

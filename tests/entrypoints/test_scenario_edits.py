"""Published cases with something in them changed: each still gets a verdict."""

from __future__ import annotations

import copy
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entrypoints.scenarios.checks import KINDS, verdicts
from entrypoints.scenarios.files import ScenarioUnreadable, read
from entrypoints.scenarios.verdicts import FAILED, PASSED, UNSUPPORTED

GOLDEN = Path(__file__).parents[1] / "golden"
SAID: dict[str, dict[str, Any]] = {
    kind: json.loads((GOLDEN / f"{kind}.json").read_text()) for kind in KINDS
}

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, 1, -1, 2, 31, 1200, 12_001, 10**9, 10**15, 10**30]),
    st.sampled_from(["0", "-1", "0.005", "1e7", "1e-30", "10000000", "999999999999999.99", "NaN"]),
    st.sampled_from(["0001-01-01", "1899-12-31", "2024-02-29", "9999-12-31", "2025-02-30"]),
    st.sampled_from(["days", "weeks", "months", "half_up", "365", "actual", "flat", "JPY", "KWD"]),
    st.dates(date(2020, 1, 1), date(2030, 1, 1)).map(str),
    st.text(max_size=4),
    st.builds(list),
    st.builds(dict),
)


def places(said: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to everything in *said*."""
    inner = list(said.items()) if isinstance(said, dict) else []
    inner = list(enumerate(said)) if isinstance(said, list) else inner
    return [path, *(each for key, value in inner for each in places(value, (*path, key)))]


def edit(case: dict[str, Any], path: tuple[Any, ...], how: str, value: Any) -> None:
    """Let something else stand at *path*, or nothing, or the same twice."""
    at: Any = case
    for key in path[:-1]:
        at = at[key]
    key = path[-1]
    if how == "drop":
        del at[key]
    elif how == "twice" and isinstance(at, list):
        at.insert(key, copy.deepcopy(at[key]))
    elif how == "more" and isinstance(at[key], dict):
        at[key]["unheard_of"] = value
    else:
        at[key] = value


@pytest.mark.parametrize("kind", sorted(KINDS))
@settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.data())
def test_a_published_case_with_anything_changed_gets_a_verdict(
    tmp_path: Path, kind: str, data: st.DataObject
) -> None:
    case = copy.deepcopy(data.draw(st.sampled_from(SAID[kind]["cases"])))
    for _ in range(data.draw(st.integers(1, 3))):
        found = [
            each for each in places(case) if len(each) > 1 and each[0] in ("terms", "events")
        ] + [("terms",), ("expected",)]
        how = data.draw(st.sampled_from(["put", "put", "drop", "twice", "more"]))
        path = data.draw(st.sampled_from([each for each in found if each[0] in case]))
        edit(case, path, how, data.draw(ODD))
        if not isinstance(case.get("terms"), dict):
            break
    path_of = tmp_path / "edited.json"
    path_of.write_text(json.dumps({"kind": kind, "cases": [case]}))

    try:
        answers = verdicts(read(path_of, list(KINDS)))
    except ScenarioUnreadable as refusal:
        refused: str | None = refusal.sentence
    else:
        refused = None
        assert [each.status in (PASSED, FAILED, UNSUPPORTED) for each in answers] == [True]
        assert all(each.status == PASSED or each.reason or each.difference for each in answers)

    assert refused is None or refused.endswith(".")

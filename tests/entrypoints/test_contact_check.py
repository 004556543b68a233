"""Decision cases: put to the contact gate, compared, and each told apart."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import entrypoints.cli  # noqa: F401 - every module of commands adds its own to the app
from domain.base.refusal import Refusal
from entrypoints.app import app
from entrypoints.scenarios.contact import KIND, verdict, verdicts
from entrypoints.scenarios.files import RawCase, read_raw
from entrypoints.scenarios.verdicts import Verdict
from infra.contact_policies import load_contact_rules
from infra.settings import child_environment

GOLDEN = Path(__file__).parents[1] / "golden" / "contact.json"
CASES = {case.id: case.said for case in read_raw(GOLDEN, [KIND]).cases if isinstance(case, RawCase)}
RULES = load_contact_rules()


def decided(case: dict[str, Any]) -> Verdict:
    return verdict("K-X", case, RULES)


@pytest.mark.parametrize("name", list(CASES))
def test_a_published_decision_is_ours(name: str) -> None:
    assert verdict(name, CASES[name], RULES) == Verdict(name, "passed")


def changed(name: str, *path: str | int, to: Any) -> dict[str, Any]:
    """A published case with one value changed; None takes it out."""
    case = deepcopy(CASES[name])
    place: Any = case
    for key in path[:-1]:
        place = place[key]
    if to is None:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return case


ROTATED = "K-CN-ROTATION-MONTH-END"
AT_NINE, CAPPED, HELD = "K-CN-PHONE-2100", "K-CN-CONN-DEBTS", "K-CN-COMPLAINT-ENDS-NIGHT"
WRITTEN, CALL_LOG, REFUSED = "K-CN-TPL-OK", "K-CN-CALLLOG-ONCE", "K-CN-OPTOUT-ANY-EDU"


@pytest.mark.parametrize(
    ("name", "path", "value", "reason"),
    [
        (AT_NINE, ("jurisdiction",), "JP", "The value 'JP' of 'jurisdiction' is not offered."),
        (AT_NINE, ("jurisdiction",), "ANY", "The value 'ANY' of 'jurisdiction' is not offered."),
        (AT_NINE, ("policy",), "2027", "The key 'policy' is not offered."),
        (AT_NINE, ("borrower", "segment"), "YOUNG", "The key 'borrower.segment' is not offered."),
        (
            AT_NINE,
            ("borrower", "zones"),
            ["Mars/Base"],
            "The value 'Mars/Base' of 'borrower.zones'",
        ),
        (
            AT_NINE,
            ("borrower", "zones"),
            ["localtime"],
            "The value 'localtime' of 'borrower.zones'",
        ),
        (AT_NINE, ("intent", "channel"), "FAX", "The value 'FAX' of 'intent.channel'"),
        (AT_NINE, ("intent", "purpose"), "SURVEY", "The value 'SURVEY' of 'intent.purpose'"),
        (AT_NINE, ("intent", "party"), "GUARANTOR", "The value 'GUARANTOR' of 'intent.party'"),
        (AT_NINE, ("intent", "language"), "zh", "The key 'intent.language'"),
        (AT_NINE, ("expected", "decision"), "MAYBE", "The value 'MAYBE' of 'expected.decision'"),
        (
            AT_NINE,
            ("expected", "because"),
            ["LICENCE"],
            "The value 'LICENCE' of 'expected.because'",
        ),
        (
            AT_NINE,
            ("expected", "because"),
            ["NO_ROUTE"],
            "The value 'NO_ROUTE' of 'expected.because'",
        ),
        (AT_NINE, ("expected", "rule"), "x", "The key 'expected.rule'"),
        (CAPPED, ("history", 0, "outcome"), "BUSY", "The value 'BUSY' of 'history[].outcome'"),
        (CAPPED, ("history", 1, "duration"), 3, "The key 'history[].duration'"),
        (HELD, ("borrower", "holds", 0, "kind"), "STRIKE", "The value 'STRIKE' of 'borrower.holds"),
        (HELD, ("borrower", "holds", 0, "kind"), "RESTRICTED", "The value 'RESTRICTED' of"),
        (CALL_LOG, ("borrower", "consents", 0, "scope"), "PHOTOS", "The value 'PHOTOS' of"),
        (CALL_LOG, ("borrower", "contact_points", 0, "source"), "BROKER", "The value 'BROKER' of"),
        (REFUSED, ("borrower", "opt_outs", 0, "channel"), "ALL", "The value 'ALL' of"),
        (WRITTEN, ("intent", "template", "image"), "x", "The key 'intent.template.image'"),
    ],
)
def test_what_is_not_offered_is_named_and_never_decided(
    name: str, path: tuple[str | int, ...], value: Any, reason: str
) -> None:
    found = decided(changed(name, *path, to=value))

    assert found.status == "unsupported"
    assert found.reason is not None
    assert found.reason.startswith(reason)


@pytest.mark.parametrize(
    ("name", "path", "value", "reason"),
    [
        (AT_NINE, ("intent", "at"), None, "Intent.at is missing."),
        (AT_NINE, ("intent", "at"), "2026-09-10T21:00:00+08:00", "no instant in UTC"),
        (AT_NINE, ("intent", "at"), "2026-09-31T21:00:00Z", "no instant in UTC"),
        (AT_NINE, ("intent", "at"), 5, "no instant in UTC"),
        (AT_NINE, ("intent", "at"), "9999-12-31T21:00:00Z", ""),
        (AT_NINE, ("intent",), None, "Intent is missing."),
        (AT_NINE, ("intent",), "now", "Intent is no object."),
        (AT_NINE, ("intent", "debt"), 7, "Intent.debt 7 is no text."),
        (AT_NINE, ("borrower",), None, "Borrower is missing."),
        (AT_NINE, ("borrower", "zones"), [], "at least one time zone"),
        (AT_NINE, ("borrower", "zones"), "Asia/Shanghai", "no list of texts"),
        (AT_NINE, ("history",), {}, "History is no list of objects."),
        (AT_NINE, ("jurisdiction",), None, "Jurisdiction is missing."),
        (WRITTEN, ("intent", "template", "price_named"), "no", "neither true nor false"),
        (WRITTEN, ("intent", "template", "text"), None, "Intent.template.text is missing."),
    ],
)
def test_a_case_that_cannot_be_read_fails_with_the_reason(
    name: str, path: tuple[str | int, ...], value: Any, reason: str
) -> None:
    found = decided(changed(name, *path, to=value))

    assert found.status == "failed"
    assert found.reason is not None
    assert reason in found.reason


@pytest.mark.parametrize(
    ("path", "value", "figure"),
    [
        (("expected", "decision"), "BLOCK", "decision"),
        (("expected", "until"), "2026-09-11T00:00:01Z", "until"),
        (("expected", "until"), None, "until"),
        (("expected", "because"), ["CAP"], "because"),
        (("expected", "because"), ["CAP", "WINDOW"], "because"),
        (("expected", "because"), None, "because"),
    ],
)
def test_any_difference_fails_and_what_was_decided_is_told(
    path: tuple[str, ...], value: Any, figure: str
) -> None:
    found = decided(changed(AT_NINE, *path, to=value))

    assert found.status == "failed"
    assert found.difference is not None
    assert found.difference.figure == figure
    assert found.decided == {
        "decision": "DEFER",
        "until": "2026-09-11T00:00:00Z",
        "because": ["WINDOW"],
        "rules": [{"reason": "WINDOW", "rule": "cn-collection-hours", "version": "hours-1"}],
    }


def test_an_absent_list_is_empty_and_null_is_absent(tmp_path: Path) -> None:
    said = deepcopy(CASES["K-CN-DISPUTE-OTHER"])
    said["borrower"] = {"zones": ["Asia/Shanghai"], "holds": None, "consents": None}
    said["history"] = None
    said["intent"]["product_line"] = None
    file = tmp_path / "cases.json"
    file.write_text(json.dumps({"kind": "contact", "cases": [said]}))

    assert [each.status for each in verdicts(read_raw(file, [KIND]), RULES)] == ["passed"]


def test_the_command_tells_each_case_and_its_status_is_0_when_none_failed() -> None:
    done = CliRunner().invoke(app, ["contact", "check", str(GOLDEN), "--json"])

    assert done.exit_code == 0
    assert json.loads(done.stdout) == [
        {"file": "contact.json", "id": name, "status": "passed"} for name in CASES
    ]


def test_the_command_counts_and_its_status_is_1_when_a_case_failed(tmp_path: Path) -> None:
    file = tmp_path / "cases.json"
    cases = [
        CASES[AT_NINE],
        {**changed(AT_NINE, "expected", "decision", to="BLOCK"), "id": "K-WRONG"},
        {**changed(AT_NINE, "intent", "channel", to="FAX"), "id": "K-FAX"},
    ]
    file.write_text(json.dumps({"kind": "contact", "cases": cases}))

    done = CliRunner().invoke(app, ["contact", "check", str(file)])

    assert done.exit_code == 1
    assert "1 passed, 1 failed, 1 unsupported" in done.stdout
    assert "decision: expected BLOCK, computed DEFER" in " ".join(done.stdout.split())
    assert "The value 'FAX' of 'intent.channel' is not offered. (K-FAX)" in " ".join(
        done.stdout.split()
    )


def test_a_product_line_is_free_text_also_an_empty_one() -> None:
    case = changed(ROTATED, "intent", "product_line", to="")
    for past in case["history"]:
        past["product_line"] = ""

    assert decided(case).status == "passed"


def test_what_is_no_case_fails_and_the_others_are_asked_about(tmp_path: Path) -> None:
    file = tmp_path / "cases.json"
    good = CASES[AT_NINE]
    cases = [
        5,
        {**good, "id": None},
        changed(AT_NINE, "expected", to=None),
        {**good, "id": "K-EMPTY", "expected": {"decision": None}},
        {**good, "id": "K-GOOD"},
        {**good, "id": "K-GOOD"},
    ]
    file.write_text(json.dumps({"kind": "contact", "cases": cases}))

    done = CliRunner().invoke(app, ["contact", "check", str(file), "--json"])

    assert done.exit_code == 1
    assert [
        (each["id"], each["status"], each.get("reason")) for each in json.loads(done.stdout)
    ] == [
        ("case 1", "failed", "It is no object."),
        ("case 2", "failed", "It has no 'id'."),
        (AT_NINE, "failed", "It has no object 'expected'."),
        ("K-EMPTY", "failed", "It expects no figure."),
        ("K-GOOD", "passed", None),
        ("K-GOOD", "failed", "Case 6 has the id of an earlier one."),
    ]


def test_text_that_cannot_be_written_down_is_told_as_it_can_be(tmp_path: Path) -> None:
    file = tmp_path / "cases.json"
    case = {**changed(AT_NINE, "intent", "channel", to="\ud800"), "id": "K-\ud800"}
    file.write_text(json.dumps({"kind": "contact", "cases": [case]}))

    done = subprocess.run(
        [sys.executable, "-m", "entrypoints.cli", "contact", "check", str(file), "--json"],
        env=child_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)[0]["id"] == "K-\ud800"


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "cases.json"
    file.write_text('{"kind": "schedules", "cases": []}')

    done = CliRunner().invoke(app, ["contact", "check", str(file)])

    assert isinstance(done.exception, Refusal)
    assert done.exception.code == "SCENARIO_UNREADABLE"


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["ANY", "CN"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2)
    ),
    max_leaves=4,
)


@settings(max_examples=100)
@given(name=st.sampled_from(list(CASES)), value=anything, choose=st.data())
def test_whatever_a_case_says_it_is_told_apart(
    name: str, value: Any, choose: st.DataObject
) -> None:
    case = deepcopy(CASES[name])
    place: Any = case
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = choose.draw(st.sampled_from(keys))
        inner = place[key]
        if not isinstance(inner, dict | list) or not inner or choose.draw(st.booleans()):
            break
        place = inner
    place[key] = value
    with contextlib.suppress(KeyError):
        del case["id"]

    assert decided(case).status in ("passed", "failed", "unsupported")

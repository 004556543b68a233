"""Worked cases: computed with our own rules, compared, and each told apart."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entrypoints.scenarios.checks import KINDS, verdict, verdicts
from entrypoints.scenarios.files import Case, ScenarioUnreadable, read
from entrypoints.scenarios.verdicts import Verdict, difference
from infra.settings import child_environment

GOLDEN = Path(__file__).parents[1] / "golden"


def cases(name: str) -> list[Any]:
    file = read(GOLDEN / name, list(KINDS))
    return [pytest.param(case, id=case.id) for case in file.cases]


@pytest.mark.parametrize("case", cases("daycount.json"))
def test_a_published_day_count_is_ours(case: Case) -> None:
    assert verdict(case, "daycount") == Verdict(case.id, "passed")


@pytest.mark.parametrize("case", cases("apr.json"))
def test_a_published_rate_is_ours(case: Case) -> None:
    assert verdict(case, "apr") == Verdict(case.id, "passed")


@pytest.mark.parametrize("case", cases("repayments.json"))
def test_published_repayments_are_ours_where_they_are_offered(case: Case) -> None:
    found = verdict(case, "repayments")

    if found.status == "unsupported" and case.terms["engine"] not in OFFERED:
        pytest.skip(f"unsupported: {found.reason}")
    assert found == Verdict(case.id, "passed")


OFFERED = ("ledger", "recalc", "overdue_fee", "daily_simple", "uk_rebate")
"""Engines of repayments of which no published case may be unsupported."""


@pytest.mark.parametrize("case", cases("schedules.json"))
def test_a_published_schedule_is_ours(case: Case) -> None:
    assert verdict(case, "schedules") == Verdict(case.id, "passed")


def checked(kind: str, terms: dict[str, Any], tolerance: str = "0", **expected: Any) -> Verdict:
    case = Case("X", terms, [], expected, Decimal(tolerance))
    return verdict(case, kind)


@pytest.mark.parametrize(
    ("convention", "start", "end", "expected"),
    [
        ("ACT/360", "2025-01-01", "2025-07-01", {"days": 181, "year_fraction": "0.502777777778"}),
        ("ACT/364", "2025-01-01", "2025-12-31", {"days": 364, "year_fraction": "1"}),
        ("30/365", "2011-06-17", "2012-12-30", {"days": 553, "year_fraction": "1.515068493151"}),
        ("30E/360 ISDA termination", "2011-08-31", "2012-02-29", {"days": "179"}),
        ("30E/360 ISDA termination", "2007-12-31", "2008-01-31", {"days": "30"}),
        ("ACT/ACT AFB", "2003-11-01", "2004-05-01", {"year_fraction": "0.497267759563"}),
        ("ACT/366", "2006-05-15", "2006-03-17", {"days": -59, "year_fraction": "-0.161202185792"}),
    ],
)
def test_each_convention_of_the_format_is_computed(
    convention: str, start: str, end: str, expected: dict[str, Any]
) -> None:
    terms = {"convention": convention, "start": start, "end": end}

    assert checked("daycount", terms, **expected).status == "passed"


def test_a_long_first_coupon_counts_by_its_notional_period() -> None:
    terms = {
        "convention": "ACT/ACT ISMA",
        "start": "2002-08-15",
        "end": "2003-07-15",
        "ref_start": "2003-01-15",
        "ref_end": "2003-07-15",
    }

    assert checked("daycount", terms, year_fraction="0.915760869565").status == "passed"


def test_a_termination_date_matters_only_where_it_is_the_end() -> None:
    terms = {"convention": "30E/360 ISDA", "start": "2007-02-28", "end": "2008-02-29"}

    assert checked("daycount", terms, days=360).status == "passed"
    terms["termination_date"] = "2009-02-28"
    assert checked("daycount", terms, days=360).status == "passed"
    terms["termination_date"] = "2008-02-29"
    assert checked("daycount", terms, days=359).status == "passed"


def test_a_rate_factor_is_rounded_half_to_even() -> None:
    terms = {"convention": "30E/360", "start": "2025-01-01", "end": "2025-01-02"}
    # A 360th of 0.0000000018 and of 0.0000000054: half of the twelfth decimal's unit each.
    assert checked("daycount", {**terms, "annual_rate_pct": "0.000000018"}, rate_factor="0") == (
        Verdict("X", "passed")
    )
    assert checked(
        "daycount", {**terms, "annual_rate_pct": "0.000000054"}, rate_factor="0.000000000002"
    ) == Verdict("X", "passed")


LENT = [{"amount": "1000", "t": 0}]


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        # Regulation Z, appendix J (c)(1)(ii), (iv) and (v).
        (
            {
                "engine": "us_actuarial",
                "advances": [{"amount": "6000"}],
                "payments": [{"amount": "200", "t": 1, "count": 36, "f_num": 19, "f_den": 30}],
                "unit_periods_per_year": "12",
            },
            {"apr_pct": "11.82"},
        ),
        (
            {
                "engine": "us_actuarial",
                "advances": [{"amount": "500"}],
                "payments": [{"amount": "17.60", "t": 4, "count": "30", "f_num": 4, "f_den": 7}],
                "unit_periods_per_year": 52,
            },
            {"apr_pct": "14.96"},
        ),
        # 500 and 500 more after a period, 1,100 two periods on: x^2 + x = 2.2, x = 1.0651.
        (
            {
                "engine": "us_actuarial",
                "advances": [{"amount": "500"}, {"amount": "500", "t": 1}],
                "payments": [{"amount": "1100", "t": 2}],
                "unit_periods_per_year": "1",
            },
            {"apr_pct": "6.52"},
        ),
        # Every second period: (1 + i)^2 = 1.21.
        (
            {
                "engine": "us_actuarial",
                "advances": LENT,
                "payments": [{"amount": "210", "t": 2, "count": 3, "step": 2},
                             {"amount": "1000", "t": 6}],
                "unit_periods_per_year": "4",
                "places": 3,
            },
            {"apr_pct": "40.000"},
        ),
        # 1,464.10 after 1,461 days, four years of 365.25.
        (
            {
                "engine": "effective",
                "flows": [{"amount": "1000", "days": 0}, {"amount": "-1464.1", "days": 1461}],
                "days_per_year": "365.25",
                "places": 7,
            },
            {"apr_pct": "10.0000000"},
        ),
        (
            {
                "engine": "effective",
                "flows": [
                    {"amount": "-1000", "months": 0},
                    {"amounts": ["100", "100", "1100"], "count": 3, "months": 12,
                     "step_months": 12},
                ],
                "places": 3,
            },
            {"apr_pct": "10.000"},
        ),
        (
            {
                "engine": "effective",
                "flows": [
                    {"amount": "1000", "months": 0},
                    {"amount": "-1100", "months": 9, "extra_days_num": 366,
                     "extra_days_den": 1464},
                ],
            },
            {"apr_pct": "10.000000"},
        ),
        # Bounds tell two rates apart: 10 % and 20 %.
        (
            {
                "engine": "nominal_irr",
                "flows": [{"amount": "-100", "period": 0}, {"amount": "230", "period": 1},
                          {"amount": "-132", "period": 2}],
                "lower": "0.15",
                "upper": "0.5",
                "periods_per_year": 12,
            },
            {"irr": "0.2", "apr_pct": "240.00"},
        ),
        # numpy-financial: irr([-100, 39, 59, 55, 20]) is 0.28095.
        (
            {
                "engine": "nominal_irr",
                "flows": [{"amount": str(amount), "period": period}
                          for period, amount in enumerate((-100, 39, 59, 55, 20))],
                "irr_places": 5,
            },
            {"irr": "0.28095"},
        ),
    ],
)  # fmt: skip
def test_each_term_of_a_rate_is_taken(terms: dict[str, Any], expected: dict[str, Any]) -> None:
    assert checked("apr", terms, **expected) == Verdict("X", "passed")


@pytest.mark.parametrize(
    ("kind", "terms", "named"),
    [
        ("daycount", {"convention": "ACT/365L"}, "ACT/365L"),
        ("daycount", {"convention": "ACT/360", "adjusted": True}, "adjusted"),
        ("apr", {"engine": "us_rule"}, "us_rule"),
        ("apr", {"engine": "effective", "lower": "0"}, "lower"),
        ("apr", {"engine": "effective", "places": 4, "flows": []}, "places"),
        ("apr", {"engine": "effective", "days_per_year": "366", "flows": []}, "days_per_year"),
        (
            "apr",
            {"engine": "us_actuarial", "unit_periods_per_year": "10"},
            "'10' of 'unit_periods_per_year'",
        ),
        (
            "apr",
            {"engine": "nominal_irr", "flows": [{"amount": "1", "period": 0, "note": 1}]},
            "'flows[0].note'",
        ),
        (
            "apr",
            {"engine": "effective", "flows": [{"amount": "1", "days": 0, "count": 2}]},
            "count",
        ),
        ("repayments", {"engine": "cumulative_recalc"}, "cumulative_recalc"),
        ("repayments", {"engine": "recalc", "overdue_interest": "none"}, "overdue_interest"),
        ("repayments", {"engine": "ledger", "overdue_interest": "none"}, "overdue_interest"),
        ("schedules", {"engine": "recalc"}, "recalc"),
    ],
)
def test_what_is_not_offered_is_unsupported_and_named(
    kind: str, terms: dict[str, Any], named: str
) -> None:
    found = checked(kind, terms, days="1")

    assert found.status == "unsupported"
    assert named in (found.reason or "")


@pytest.mark.parametrize(
    ("kind", "terms"),
    [
        ("daycount", {"convention": "ACT/360", "start": "2025-02-30", "end": "2025-03-01"}),
        ("daycount", {"convention": "ACT/360", "start": "2025-01-01"}),
        ("daycount", {"convention": "ACT/ACT ISMA", "start": "2025-01-01", "end": "2025-03-01"}),
        ("apr", {"engine": "nominal_irr", "flows": [{"amount": "1", "period": 0}]}),
        ("apr", {"engine": "nominal_irr", "flows": [{"amount": "1.2.3", "period": 0}]}),
        ("apr", {"engine": "effective", "flows": [{"amount": "1"}]}),
        ("apr", {"engine": "effective", "flows": []}),
    ],
)
def test_terms_that_cannot_be_computed_fail_with_a_reason(kind: str, terms: dict[str, Any]) -> None:
    found = checked(kind, terms, apr_pct="1")

    assert found.status == "failed"
    assert found.reason


def test_figures_agree_within_the_tolerance_and_texts_to_the_letter() -> None:
    computed = {"rows": [{"due": "2025-01-31", "total": Decimal("10.004"), "fee": None}]}

    assert difference({"rows": [{"total": "10.00"}]}, computed, Decimal("0.004")) is None
    off = difference({"rows": [{"total": "10.00"}]}, computed, Decimal("0.003"))
    assert off is not None
    assert (off.figure, off.expected, off.computed) == ("rows[0].total", "10.00", "10.004")
    late = difference({"rows": [{"due": "2025-02-01"}]}, computed, Decimal(1))
    assert late is not None
    none = difference({"rows": [{"fee": "0"}]}, computed, Decimal(0))
    assert none is not None
    assert none.computed is None
    short = difference({"rows": []}, computed, Decimal(0))
    assert short is not None
    assert (short.expected, short.computed) == ("0 rows", "1 rows")
    assert difference({"total": "0"}, {"total": Decimal("0.00")}, Decimal(0)) is None


CASE = '{"id": "D-1", "terms": {"convention": "ACT/360"}, "expected": {"days": 1}}'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ('{"kind": "daycount", "cases": [NaN]}', "NaN"),
        ("[]", "list of 'cases'"),
        ('{"kind": "daycount"}', "list of 'cases'"),
        ('{"kind": "contact", "cases": []}', "'contact'"),
        ('{"kind": ["apr"], "cases": []}', "'kind'"),
        ("[" * 100_000, "nested"),
        ('{"kind": "apr", "cases": [' + "9" * 5000 + "]}", "not JSON"),
    ],
)  # fmt: skip
def test_a_file_that_holds_no_cases_is_refused_in_a_sentence(
    text: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "cases.json"
    path.write_text(text)

    with pytest.raises(ScenarioUnreadable) as refused:
        read(path, list(KINDS))

    assert refused.value.sentence.startswith("cases.json cannot be checked: ")
    assert said in refused.value.sentence
    assert "\n" not in refused.value.sentence


def test_what_is_no_case_fails_and_the_others_are_computed(tmp_path: Path) -> None:
    path = tmp_path / "cases.json"
    good = json.loads(CASE)
    said = [
        1,
        {},
        {"id": "D-TERMS", "expected": {"days": 1}},
        {"id": "D-EXPECTED", "terms": {}},
        {**good, "id": "D-NULL", "expected": {"days": None}},
        {**good, "id": "D-EVENTS", "events": {}},
        {**good, "id": "D-MUCH", "tolerance": "much"},
        {**good, "id": "D-DEEP", "notes": json.loads("[" * 900 + "]" * 900)},
        {**good, "terms": {**good["terms"], "start": "2025-01-01", "end": "2025-01-02"}},
        good,
    ]
    path.write_text(json.dumps({"kind": "daycount", "cases": said}))

    found = verdicts(read(path, list(KINDS)))

    assert [(each.id, each.status, each.reason) for each in found] == [
        ("case 1", "failed", "It is no object."),
        ("case 2", "failed", "It has no 'id'."),
        ("D-TERMS", "failed", "It has no object 'terms'."),
        ("D-EXPECTED", "failed", "It has no object 'expected'."),
        ("D-NULL", "failed", "It expects no figure."),
        ("D-EVENTS", "failed", "Its 'events' are no list."),
        ("D-MUCH", "failed", "Its 'tolerance' is no decimal of zero or more."),
        ("D-DEEP", "failed", "It is nested too deeply."),
        ("D-1", "passed", None),
        ("D-1", "failed", "Case 10 has the id of an earlier one."),
    ]


def test_a_file_that_is_missing_or_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00")
    for name in ("none.json", "bytes.json", "."):
        with pytest.raises(ScenarioUnreadable):
            read(tmp_path / name, list(KINDS))


def checked_by_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "entrypoints.cli", "scenario", "check", *arguments],
        env=child_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command_lists_each_case_and_counts_the_three(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    terms = {"convention": "30E/360", "start": "2025-01-01", "end": "2025-02-01"}
    said = [
        {"id": "D-1", "terms": terms, "expected": {"days": 30}, "events": None},
        {"id": "D-2 [red]", "terms": terms, "expected": {"days": 31}},
        {"id": "D-3", "terms": {**terms, "convention": "ACT/365L"}, "expected": {"days": 31}},
    ]
    path.write_text(json.dumps({"kind": "daycount", "cases": said}))

    shown, listed = checked_by_command(str(path)), checked_by_command(str(path), "--json")

    assert (shown.returncode, listed.returncode) == (1, 1)
    assert "own.json: 1 passed, 1 failed, 1 unsupported" in shown.stdout
    assert "D-2 [red]" in shown.stdout
    assert "days: expected 31, computed 30" in shown.stdout
    assert "D-1" not in shown.stdout
    assert json.loads(listed.stdout) == [
        {"file": "own.json", "id": "D-1", "status": "passed"},
        {
            "file": "own.json",
            "id": "D-2 [red]",
            "status": "failed",
            "difference": {"figure": "days", "expected": "31", "computed": "30"},
        },
        {
            "file": "own.json",
            "id": "D-3",
            "status": "unsupported",
            "reason": "The value 'ACT/365L' of 'convention' is not offered.",
        },
    ]


def test_the_command_refuses_a_file_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    path.write_text("[]")

    answer = checked_by_command(str(GOLDEN / "apr.json"), str(path))

    assert answer.returncode == 2
    assert answer.stdout == ""
    assert answer.stderr.startswith("Refused (SCENARIO_UNREADABLE): own.json cannot be checked")


NAMES = st.sampled_from(
    [
        *("engine", "convention", "start", "end", "ref_start", "ref_end", "annual_rate_pct"),
        *("flows", "advances", "payments", "amount", "amounts", "months", "days", "date"),
        *("count", "step", "step_months", "extra_days_num", "extra_days_den", "t", "f_num"),
        *("f_den", "period", "places", "irr_places", "lower", "upper", "days_per_year"),
        *("unit_periods_per_year", "unit_period_days", "periods_per_year", "termination_date"),
    ]
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**12), 10**12),
    st.sampled_from(["us_actuarial", "effective", "nominal_irr", "ACT/ACT ISMA", "ACT/ACT AFB"]),
    st.sampled_from(["2024-02-29", "0001-01-01", "9999-12-31", "2025-02-30", "1e99", "0", "-0.99"]),
    st.decimals(-(10**9), 10**9, places=2).map(str),
    st.text(max_size=5),
)
FLOWS = st.lists(st.dictionaries(NAMES, SCALARS, max_size=5), max_size=4)
TERMS = st.dictionaries(NAMES, st.one_of(SCALARS, FLOWS, st.lists(SCALARS, max_size=3)), max_size=8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.sampled_from(sorted(KINDS)),
    st.lists(st.builds(dict, terms=TERMS, expected=TERMS, tolerance=SCALARS), max_size=3),
)
def test_whatever_a_file_says_each_case_gets_a_verdict_or_the_file_a_refusal(
    tmp_path: Path, kind: str, said: list[dict[str, Any]]
) -> None:
    path = tmp_path / "fuzz.json"
    numbered = [{"id": f"F-{place}", **each} for place, each in enumerate(said)]
    path.write_text(json.dumps({"kind": kind, "cases": numbered}))

    with contextlib.suppress(ScenarioUnreadable):
        assert len(verdicts(read(path, list(KINDS)))) == len(said)


FLOW_COUNTS = st.sampled_from([1, 2, 360, 10**6, 10**9, 0, -1])
TIMED = st.fixed_dictionaries(
    {"amount": st.integers(-(10**15), 10**15).map(str)},
    optional={
        "months": st.integers(-10, 1200),
        "period": st.integers(-10, 10**6),
        "days": st.integers(-10, 10**5),
        "t": st.integers(-2, 400),
        "f_num": st.integers(0, 40),
        "f_den": st.integers(0, 40),
        "count": FLOW_COUNTS,
        "extra_days_num": st.integers(-400, 400),
        "extra_days_den": st.sampled_from([365, 366, 97]),
    },
)


@settings(deadline=None)
@given(
    st.sampled_from(["us_actuarial", "effective", "nominal_irr"]),
    st.lists(TIMED, min_size=1, max_size=5),
    st.lists(TIMED, min_size=1, max_size=3),
)
def test_whatever_the_flows_a_rate_case_gets_a_verdict(
    engine: str, flows: list[dict[str, Any]], payments: list[dict[str, Any]]
) -> None:
    known = {
        "us_actuarial": ("amount", "t", "f_num", "f_den"),
        "effective": ("amount", "months", "count", "extra_days_num", "extra_days_den"),
        "nominal_irr": ("amount", "period", "count"),
    }[engine]
    flows = [{key: flow[key] for key in flow if key in known} for flow in flows]
    terms: dict[str, Any] = {"engine": engine, "flows": flows}
    if engine == "us_actuarial":
        payments = [{key: each[key] for key in each if key in (*known, "count")}
                    for each in payments]  # fmt: skip
        terms = {
            "engine": engine,
            "advances": flows,
            "payments": payments,
            "unit_periods_per_year": "12",
        }

    assert checked("apr", terms, apr_pct="1").status in ("passed", "failed")


# --- repayments ------------------------------------------------------------------------------

LEDGER: dict[str, Any] = {
    "engine": "ledger",
    "currency": "EUR",
    "disbursements": [{"date": "2024-01-01", "amount": "300.00"}],
    "schedule": [
        {"due": "2024-02-01", "principal": "100.00", "interest": "3.00"},
        {"due": "2024-03-01", "principal": "100.00", "interest": "2.00"},
        {"due": "2024-04-01", "principal": "100.00", "interest": "1.00"},
    ],
    "allocation": {
        "scope": "installment",
        "order": {
            "due": ["penalty", "fee", "interest", "principal"],
            "in_advance": ["principal", "interest", "penalty", "fee"],
        },
    },
}


def repayment_case(*events: dict[str, Any], **allocation: Any) -> Case:
    terms = {**LEDGER, "allocation": {**LEDGER["allocation"], **allocation}}
    return Case("X", terms, list(events), {"checks": []}, Decimal(0))


def found(*events: dict[str, Any], **allocation: Any) -> dict[str, Any]:
    """What a check after *events* finds."""
    check = {"type": "check", "label": "end", "date": "2024-12-31"}
    computed = KINDS["repayments"](repayment_case(*events, check, **allocation))
    end: dict[str, Any] = computed["checks"][-1]
    return end


def pays(name: str, on: str, amount: str, **more: str) -> dict[str, Any]:
    return {"type": "payment", "id": name, "date": on, "amount": amount, **more}


def charges(kind: str, due: str, amount: str, on: str = "2024-01-02") -> dict[str, Any]:
    return {"type": "charge", "kind": kind, "due": due, "amount": amount, "date": on}


def paid(end: dict[str, Any]) -> list[str]:
    return [str(row["paid"]) for row in end["rows"]]


@pytest.mark.parametrize(
    ("allocation", "rows"),
    [
        ({"future": "next"}, ["103.00", "57.00", "0.00"]),
        ({"future": "last"}, ["103.00", "0.00", "57.00"]),
        # 57.00 in equal shares.
        ({"future": "reamortize"}, ["103.00", "28.50", "28.50"]),
    ],
)
def test_money_in_advance_goes_where_the_case_says(
    allocation: dict[str, Any], rows: list[str]
) -> None:
    assert paid(found(pays("p1", "2024-02-01", "160.00"), **allocation)) == rows


def test_a_payment_may_say_otherwise_where_it_goes() -> None:
    end = found(pays("p1", "2024-01-10", "50.00", future="last"), future="next")

    assert paid(end) == ["0.00", "0.00", "50.00"]


def test_what_an_instalment_cannot_take_of_its_share_is_shared_again() -> None:
    # 102.00 and 1.01 are open; of its share of 50.00 the last gives back 48.99.
    end = found(
        pays("p1", "2024-01-10", "103.00"),
        pays("p2", "2024-01-11", "99.99", future="last"),
        pays("p3", "2024-01-12", "100.00", future="reamortize"),
    )

    assert paid(end) == ["103.00", "98.99", "101.00"]


def test_a_share_of_nothing_goes_to_the_first_open_instalment() -> None:
    end = found(pays("p1", "2024-01-10", "0.02"), future="reamortize")

    assert paid(end) == ["0.02", "0.00", "0.00"]


def test_a_component_is_finished_over_all_instalments_that_are_due() -> None:
    end = found(pays("p1", "2024-03-01", "55.00"), scope="component")

    (one,) = end["transactions"]
    assert (str(one["interest"]), str(one["principal"])) == ("5.00", "50.00")
    assert paid(end) == ["53.00", "2.00", "0.00"]


def test_a_charge_after_the_last_row_makes_one_that_takes_what_is_due_up_to_its_day() -> None:
    end = found(
        charges("penalty", "2024-04-20", "7.00"),
        charges("fee", "2024-04-10", "5.00"),
        charges("fee", "2024-04-30", "2.00"),
    )

    assert [(row["due"], str(row["total"])) for row in end["rows"][3:]] == [
        ("2024-04-20", "12.00"),
        ("2024-04-30", "2.00"),
    ]


def test_a_charge_posted_later_takes_its_part_of_an_earlier_payment() -> None:
    end = found(
        pays("p1", "2024-02-01", "53.00"), charges("fee", "2024-01-20", "10.00", on="2024-06-01")
    )

    (one,) = end["transactions"]
    assert (str(one["fee"]), str(one["principal"])) == ("10.00", "40.00")


@pytest.mark.parametrize(("due_means", "fee"), [("row", "0.00"), ("charge", "10.00")])
def test_a_charge_is_due_with_its_row_or_on_its_own_day(due_means: str, fee: str) -> None:
    end = found(
        charges("fee", "2024-01-20", "10.00"),
        pays("p1", "2024-01-20", "30.00"),
        due_means=due_means,
    )

    (one,) = end["transactions"]
    assert (str(one["fee"]), str(end["rows"][0]["in_advance"])) == (fee, "30.00")


def test_two_instalments_of_one_day_are_not_offered() -> None:
    rows = [dict(row, due="2024-02-01") for row in LEDGER["schedule"][:2]]

    answer = checked("repayments", {**LEDGER, "schedule": rows})

    assert answer == Verdict("X", "unsupported", "Two rows due on 2024-02-01 are not offered.")


def test_a_settled_loan_is_open_again_when_a_charge_is_posted() -> None:
    end = found(
        pays("p1", "2024-02-01", "306.00"), charges("penalty", "2024-03-15", "4.00", "2024-05-01")
    )

    assert (str(end["total_outstanding"]), str(end["overpaid"])) == ("4.00", "0.00")


def test_what_is_overpaid_is_told_apart_and_used_by_a_later_charge() -> None:
    too_much = pays("p1", "2024-02-01", "310.00")

    assert str(found(too_much)["overpaid"]) == "4.00"
    end = found(too_much, charges("fee", "2024-06-15", "3.00", "2024-06-01"))
    assert (str(end["overpaid"]), str(end["total_outstanding"])) == ("1.00", "0.00")


@pytest.mark.parametrize(
    ("event", "named"),
    [
        ({"type": "payoff", "id": "p1", "date": "2024-02-01"}, "payoff"),
        ({"type": "rate_change", "effective": "2024-02-01"}, "rate_change"),
        (pays("p1", "2024-02-01", "1.00", future="first"), "first"),
        (pays("p1", "2024-02-01", "1.00", source="cash"), "'events[0].source'"),
        (charges("interest", "2024-02-01", "1.00"), "interest"),
    ],
)
def test_an_event_that_is_not_offered_is_unsupported_and_named(
    event: dict[str, Any], named: str
) -> None:
    answer = verdict(repayment_case(event), "repayments")

    assert answer.status == "unsupported"
    assert named in (answer.reason or "")


@pytest.mark.parametrize(
    "allocation",
    [
        {"scope": "loan"},
        {"future": "previous"},
        {"due_means": "posting"},
        {"rounding": "half_up"},
        {"order": {"due": ["capital"], "in_advance": []}},
    ],
)
def test_an_allocation_that_is_not_offered_is_unsupported(allocation: dict[str, Any]) -> None:
    assert verdict(repayment_case(**allocation), "repayments").status == "unsupported"


@pytest.mark.parametrize(
    "event",
    [
        pays("p1", "2024-02-01", "1.005"),
        pays("p1", "2024-02-01", "-1.00"),
        pays("p1", "2024-02-30", "1.00"),
        pays("p1", "2023-12-31", "1.00"),
        {"type": "payment", "date": "2024-02-01", "amount": "1.00"},
        {"type": "reverse", "id": "p9", "date": "2024-02-01"},
    ],
)
def test_an_event_that_cannot_happen_fails_its_case(event: dict[str, Any]) -> None:
    answer = verdict(repayment_case(event), "repayments")

    assert answer.status == "failed"
    assert answer.reason


def test_the_same_payment_twice_is_a_mistake_of_the_case() -> None:
    twice = pays("p1", "2024-02-01", "1.00")

    assert verdict(repayment_case(twice, twice), "repayments").status == "failed"


EVENT_NAMES = st.sampled_from(
    ["type", "id", "date", "amount", "due", "kind", "future", "label", "reason"]
)
EVENT_VALUES = st.one_of(
    SCALARS,
    st.sampled_from(["payment", "charge", "reverse", "check", "fee", "penalty", "last", "p1"]),
    st.sampled_from(["2024-02-01", "2024-05-01", "0001-01-01", "9999-12-31"]),
    st.integers(0, 10**7).map(lambda cents: str(Decimal(cents) / 100)),
)


@settings(deadline=None)
@given(st.lists(st.dictionaries(EVENT_NAMES, EVENT_VALUES, max_size=6), max_size=5), TERMS)
def test_whatever_happens_in_a_case_of_repayments_it_gets_a_verdict(
    events: list[dict[str, Any]], changes: dict[str, Any]
) -> None:
    case = Case("X", {**LEDGER, **changes}, events, {"checks": []}, Decimal(0))

    assert verdict(case, "repayments").status in ("passed", "failed", "unsupported")
    case = Case(
        "X", LEDGER, [*events, pays("p7", "2024-02-01", "50.00")], {"checks": []}, Decimal(0)
    )
    assert verdict(case, "repayments").status in ("passed", "failed", "unsupported")


SIMPLE = {
    "engine": "daily_simple",
    "principal": "100.00",
    "start": "2024-01-01",
    "daily_rate_pct": "0.1",
}
QUOTE = {"type": "settlement_quote", "date": "2024-01-21"}


def test_a_payment_reversed_before_a_quote_counts_for_nothing() -> None:
    events = [
        pays("p1", "2024-01-11", "11.00"),
        {"type": "reverse", "id": "p1", "date": "2024-01-15"},
        QUOTE,
    ]
    settled = {"date": "2024-01-21", "amount": "102", "principal": "100", "interest": "2"}
    case = Case("X", SIMPLE, events, {"settlement": settled}, Decimal(0))

    assert verdict(case, "repayments") == Verdict("X", "passed")


REBATE = {
    "engine": "uk_rebate",
    "principal": "1000.00",
    "payment": "250.00",
    "number_of_payments": 4,
    "apr_pct": "0",
    "settlement_period": 2,
    "rate_places": 6,
}


@pytest.mark.parametrize(
    ("terms", "events", "status"),
    [
        (REBATE, [], "passed"),
        ({**REBATE, "rounding": "half_up"}, [], "unsupported"),
        (REBATE, [QUOTE], "unsupported"),
        ({**REBATE, "settlement_period": 5}, [], "failed"),
        ({**REBATE, "part_period_num": 3, "part_period_den": 0}, [], "failed"),
        ({**REBATE, "rate_places": 99}, [], "failed"),
        ({**REBATE, "apr_pct": "-1"}, [], "failed"),
        ({**SIMPLE, "cap": "1"}, [QUOTE], "unsupported"),
        (SIMPLE, [{**QUOTE, "date": "2023-01-21"}], "failed"),
        (SIMPLE, [{"type": "check", "label": "c", "date": "2024-01-21"}], "unsupported"),
        (SIMPLE, [{"type": "reverse", "id": "p1", "date": "2024-01-21"}], "failed"),
    ],
)
def test_a_settlement_gets_the_verdict_its_terms_allow(
    terms: dict[str, Any], events: list[dict[str, Any]], status: str
) -> None:
    case = Case("X", terms, events, {"rebate": "0.00"}, Decimal(0))

    assert verdict(case, "repayments").status == status


RECALCULATED: dict[str, Any] = {
    "engine": "recalc",
    "disbursements": [
        {"date": "2024-01-01", "amount": "100.00"},
        {"date": "2024-02-15", "amount": "50.00"},
    ],
    "annual_rate_pct": "7",
    "number_of_repayments": 4,
    "repay_every": 1,
    "repay_unit": "months",
    "interest_type": "declining_balance",
    "amortization": "equal_instalments",
    "interest_calc_period": "daily",
    "day_count": {"days_in_month": "30", "days_in_year": "360"},
    "allocation": {
        "scope": "installment",
        "order": {
            "due": ["penalty", "fee", "interest", "principal"],
            "in_advance": ["penalty", "fee", "interest", "principal"],
        },
    },
    "overdue_interest": "to_as_of",
}


def test_recalculated_interest_counts_each_draw_and_forgets_what_was_reversed() -> None:
    events = [
        {"type": "check", "label": "signed", "date": "2024-01-01"},
        {"type": "payment", "id": "p1", "date": "2024-01-15", "amount": "60.00"},
        {"type": "payment", "id": "p2", "date": "2024-02-01", "amount": "25.37"},
        {"type": "reverse", "id": "p1", "date": "2024-02-20"},
        {"type": "check", "label": "reversed", "date": "2024-02-20"},
        {"type": "payoff", "id": "p3", "date": "2024-03-15"},
        {"type": "payoff", "id": "p4", "date": "2024-03-16"},
        {"type": "check", "label": "closed", "date": "2024-03-16"},
    ]
    # The instalment stays that of the first draw; the last row takes the second.
    rows = [
        {"principal": "24.79", "interest": "0.58", "balance": "75.21"},
        {"principal": "24.78", "interest": "0.59", "balance": "100.43"},
        {"principal": "24.78", "interest": "0.59", "balance": "75.65"},
        {"principal": "75.65", "interest": "0.44", "balance": "0.00"},
    ]
    checks = [
        {"label": "signed", "rows": rows},
        {"label": "reversed", "rows": [{"paid": "25.37"}, *rows[1:]]},
        {"label": "closed", "total_outstanding": "0.00", "overpaid": "0.00"},
    ]

    case = Case("X", RECALCULATED, events, {"checks": checks}, Decimal(0))

    assert verdict(case, "repayments") == Verdict("X", "passed")


@pytest.mark.parametrize(
    "changes",
    [
        {"interest_type": "flat"},
        {"down_payment_pct": "10"},
        {"allocation": {**RECALCULATED["allocation"], "scope": "component"}},
        {"allocation": {**RECALCULATED["allocation"], "future": "reamortize"}},
        {"payoff_interest": "to_month_end"},
    ],
)
def test_what_does_not_go_with_recalculated_interest_is_unsupported(
    changes: dict[str, Any],
) -> None:
    assert checked("repayments", {**RECALCULATED, **changes}).status == "unsupported"


def recalculated(*events: dict[str, Any]) -> Verdict:
    return verdict(Case("X", RECALCULATED, list(events), {"checks": []}, Decimal(0)), "repayments")


def test_a_payment_of_a_recalculated_loan_is_never_shared_out() -> None:
    answer = recalculated(pays("p1", "2024-01-15", "10.00", future="reamortize"))

    assert answer == Verdict(
        "X", "unsupported", "The value 'reamortize' of 'future' is not offered."
    )


def looked_at(label: str, on: str) -> dict[str, Any]:
    return {"type": "check", "label": label, "date": on}


@pytest.mark.parametrize(
    "later",
    [
        [looked_at("end", "2024-05-01")],  # the last instalment is due that day
        [pays("p2", "2024-05-01", "4.00"), looked_at("end", "2024-05-01")],
        [{"type": "payoff", "id": "p2", "date": "2024-04-30"}],
    ],
)
def test_money_that_is_overpaid_is_not_kept_from_what_is_owed_later(
    later: list[dict[str, Any]],
) -> None:
    terms = {
        **RECALCULATED,
        "disbursements": [{"date": "2024-02-01", "amount": "100.00"}],
        "annual_rate_pct": "0",
        "number_of_repayments": 3,
        "instalment_multiple_of": "10",
    }
    # No instalment takes more than 30.00 in advance; the last one is 40.00.
    seen = [pays("p1", "2024-02-15", "130.00"), looked_at("paid", "2024-04-30")]
    checks = [{"label": "paid", "total_outstanding": "10.00", "overpaid": "40.00"}]

    now = verdict(Case("X", terms, seen, {"checks": checks}, Decimal(0)), "repayments")
    after = verdict(Case("X", terms, [*seen, *later], {"checks": checks}, Decimal(0)), "repayments")

    assert now == Verdict("X", "passed")
    assert after.status == "unsupported"
    assert "overpaid" in (after.reason or "")


def test_a_loan_that_is_paid_with_money_left_over_needs_no_payoff() -> None:
    events = [
        pays("p1", "2024-05-01", "160.00"),
        {"type": "payoff", "id": "p2", "date": "2024-05-01"},
        looked_at("end", "2024-05-02"),
    ]
    # 100.00 bears 0.58, then with 50.00 more from 15 February 0.73, and 150.00 twice 0.88.
    end = {"label": "end", "total_outstanding": "0.00", "overpaid": "6.93"}

    case = Case("X", RECALCULATED, events, {"checks": [end]}, Decimal(0))

    assert verdict(case, "repayments") == Verdict("X", "passed")


FEE_WHEN_OVERDUE: dict[str, Any] = {
    "engine": "overdue_fee",
    "disbursements": [{"date": "2024-01-01", "amount": "300.00"}],
    "annual_rate_pct": "0",
    "number_of_repayments": 3,
    "repay_every": 1,
    "repay_unit": "months",
    "interest_type": "declining_balance",
    "amortization": "equal_instalments",
    "interest_calc_period": "daily",
    "day_count": {"days_in_month": "actual", "days_in_year": "actual365"},
    "overdue_fee": {"pct": "5", "base": "principal"},
}


def test_each_check_finds_the_fees_of_what_is_overdue_on_its_own_day() -> None:
    days = ["2024-03-02", "2024-02-01", "2024-02-02"]
    events = [looked_at(on, on) for on in days]
    case = Case("X", FEE_WHEN_OVERDUE, events, {"checks": []}, Decimal(0))

    penalties = [
        [str(row["penalty"]) for row in check["rows"]]
        for check in KINDS["repayments"](case)["checks"]
    ]

    assert penalties == [["5.00", "5.00", "0.00"], ["0.00"] * 3, ["5.00", "0.00", "0.00"]]


def test_an_instalment_below_zero_is_not_offered() -> None:
    # 1,000.00 at 95 % over two years by quarters: the interest of the first year falls due
    # with the fifth instalment, which is less than that.
    terms = {
        **FEE_WHEN_OVERDUE,
        "disbursements": [{"date": "2024-01-01", "amount": "1000.00"}],
        "annual_rate_pct": "95",
        "number_of_repayments": 8,
        "repay_every": 3,
        "grace_interest_periods": 4,
    }

    answer = checked("repayments", terms)

    assert answer == Verdict(
        "X", "unsupported", "An instalment that repays less than nothing is not offered."
    )

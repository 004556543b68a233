"""Dated policy from the files beside this one."""

import tomllib
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from domain.base.policy import (
    AssetClassRule,
    CapRule,
    ChargeLint,
    ClassFrom,
    ClassStandard,
    ContactWindow,
    HoldRule,
    IndexRate,
    NameLint,
    Policies,
    ReminderPlan,
    RenewalRule,
    ServiceLevels,
    StrategyRule,
)

FILES = Path(__file__).parent


@cache
def load_policies(folder: Path = FILES) -> Policies:
    """Every dated rule in the TOML files of a folder.

    Raises:
        ValueError: a file is not as it should be, with its name and the entry.
    """
    entries: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(folder.glob("*.toml")):
        for kind, rows in tomllib.loads(path.read_text()).items():
            entries.setdefault(kind, []).extend({**row, "file": path.name} for row in rows)
    return Policies(
        service_levels=tuple(
            _made(ServiceLevels, row) for row in entries.pop("service_levels", [])
        ),
        hold_rules=tuple(_made(HoldRule, row) for row in entries.pop("hold", [])),
        reminder_plans=tuple(_made(ReminderPlan, row) for row in entries.pop("reminder_plan", [])),
        contact_windows=tuple(_made(ContactWindow, row) for row in entries.pop("window", [])),
        strategies=tuple(_made(StrategyRule, row) for row in entries.pop("strategy", [])),
        index_rates=tuple(_made(IndexRate, row) for row in entries.pop("index_rate", [])),
        asset_classes=tuple(
            _made(AssetClassRule, _with_standard(row)) for row in entries.pop("asset_class", [])
        ),
        caps=tuple(_made(CapRule, row) for row in entries.pop("cap", [])),
        renewal_rules=tuple(_made(RenewalRule, row) for row in entries.pop("renewal", [])),
        name_lints=tuple(_made(NameLint, row) for row in entries.pop("name_lint", [])),
        charge_lints=tuple(_made(ChargeLint, row) for row in entries.pop("charge_lint", [])),
    )


def _with_standard(row: dict[str, Any]) -> dict[str, Any]:
    """*row* with what decides the class in a record of its own."""
    inside = {name: row[name] for name in ClassStandard.__annotations__ if name in row}
    rest = {name: value for name, value in row.items() if name not in inside}
    try:
        classes = [ClassFrom(**each) for each in inside.pop("classes")]
        standard = ClassStandard(classes=classes, **inside)
    except (KeyError, TypeError) as wrong:
        raise ValueError(f"{row['file']}: asset class {row.get('version')}: {wrong}") from None
    days = [each.over_days for each in classes]
    if days != sorted(days) or standard.non_performing not in [c.asset_class for c in classes]:
        raise ValueError(f"{row['file']}: asset class {row.get('version')} is not in order")
    return {**rest, "standard": standard}


def _made(kind: type[Any], row: dict[str, Any]) -> Any:
    values = {name: value for name, value in row.items() if name != "file"}
    values["valid_from"] = values.pop("from")
    values["valid_until"] = values.pop("until", None)
    for name in ("offsets_days", "channels", "words"):
        if name in values:
            values[name] = tuple(values[name])
    if "annual_rate" in values:
        values["annual_rate"] = Decimal(values["annual_rate"])
    try:
        made = kind(**values)
    except TypeError as wrong:
        raise ValueError(f"{row['file']}: {kind.__name__} {values}: {wrong}") from None
    dates = (made.valid_from, made.valid_until or date.max)
    if not all(type(day) is date for day in dates) or dates[0] >= dates[1]:
        raise ValueError(f"{row['file']}: {kind.__name__} {made.version} has no sound dates")
    if isinstance(made, ContactWindow) and made.start >= made.end:
        raise ValueError(f"{row['file']}: window {made.version} has no sound hours")
    return made

"""Experiments and campaigns as TOML files: docs/EXPERIMENTS.md says what they may hold."""

from __future__ import annotations

import tomllib
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from domain.operations.campaign import Audience, Plan, SaidFigure
from domain.operations.design import Arm, Design, GuardRail
from infra.trouble import Trouble

STRICT = ConfigDict(extra="forbid", strict=True)


def _share(value: Any) -> Any:
    try:
        return Decimal(value) if isinstance(value, str) else value
    except InvalidOperation:
        raise ValueError(f"{value!r} is no share; 2 % is 0.02") from None


Share = Annotated[Decimal, BeforeValidator(_share)]


class _Arm(BaseModel):
    model_config = STRICT
    name: str
    weight: int
    hold_out: bool = False
    template: str | None = None
    hour: int | None = None
    product: str | None = None


class _GuardRail(BaseModel):
    model_config = STRICT
    metric: str
    most: Share
    above_control: bool = False


class _Experiment(BaseModel):
    model_config = STRICT
    name: str
    hypothesis: str
    applies_to: str
    target: str | None = None
    control: str
    primary_metric: str
    salt: str = ""
    window_days: int | None = None
    arms: list[_Arm]
    guard_rails: list[_GuardRail] = []


class _Audience(BaseModel):
    model_config = STRICT
    jurisdiction: str
    products: list[str] = []
    states: list[str] = []


class _Campaign(BaseModel):
    model_config = STRICT
    name: str
    purpose: str
    channels: list[str]
    template: str
    product_line: str | None = None
    figures: dict[str, str] = {}
    audience: _Audience
    valid_from: date = Field(alias="from")
    valid_until: date = Field(alias="until")


Table = TypeVar("Table", bound=BaseModel)


def read_design(file: Path) -> Design:
    """The experiment that a file holds.

    Raises:
        Trouble: it cannot be read; with everything that is wrong.
    """
    said = _read(file, _Experiment)
    return Design(
        experiment=said.name,
        hypothesis=said.hypothesis,
        applies_to=said.applies_to,
        target=said.target,
        arms=[
            Arm(arm.name, arm.weight, arm.hold_out, arm.template, arm.hour, arm.product)
            for arm in said.arms
        ],
        control=said.control,
        primary_metric=said.primary_metric,
        guard_rails=[
            GuardRail(rail.metric, rail.most, rail.above_control) for rail in said.guard_rails
        ],
        salt=said.salt,
        window_days=said.window_days,
    )


def read_campaign(file: Path) -> Plan:
    """The campaign that a file holds.

    Raises:
        Trouble: it cannot be read; with everything that is wrong.
    """
    said = _read(file, _Campaign)
    return Plan(
        campaign=said.name,
        purpose=said.purpose,
        channels=said.channels,
        template=said.template,
        product_line=said.product_line,
        figures=[SaidFigure(name, reads) for name, reads in said.figures.items()],
        audience=Audience(said.audience.jurisdiction, said.audience.products, said.audience.states),
        valid_from=said.valid_from,
        valid_until=said.valid_until,
    )


def _read(file: Path, table: type[Table]) -> Table:
    try:
        return table.model_validate(
            tomllib.loads(file.read_text(encoding="utf-8"), parse_float=Decimal)
        )
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise Trouble(f"{file.name}: it is no TOML: {fault}") from None
    except ValidationError as faults:
        wrong = [
            f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}"
            for each in faults.errors()
        ]
        raise Trouble(f"{file.name}: {'; '.join(wrong)}.") from None

"""A product version as a TOML file."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, create_model

from domain.base.money import exponent, minor_units
from domain.base.refusal import Refusal
from domain.base.terms import FeeTerm
from domain.product.product import Offer
from infra.trouble import Trouble

STRICT = ConfigDict(extra="forbid", strict=True)
AMOUNTS = ("amount_min", "amount_max")
RATES = ("annual_rate", "penalty_rate")


def _figure(value: Any) -> Any:
    return str(value) if type(value) in (int, Decimal) else value


Figure = Annotated[str, BeforeValidator(_figure)]
"""An amount or rate, with quotes or without: numbers are read as decimals."""


class _Fee(BaseModel):
    model_config = STRICT

    kind: str
    timing: str
    amount: Figure = "0"
    owed: str | None = None
    percent: Figure | None = None
    base: str | None = None
    earned: str | None = None


def _file() -> type[BaseModel]:
    """What a product file may hold: the parts of an offer, amounts and rates as text."""
    hints = get_type_hints(Offer)
    own: dict[str, Any] = {**dict.fromkeys((*AMOUNTS, *RATES), Figure), "fees": list[_Fee]}
    fields: dict[str, Any] = {
        field.name: (
            own.get(field.name, hints[field.name]),
            ... if field.default is dataclasses.MISSING else field.default,
        )
        for field in dataclasses.fields(Offer)
    }
    return create_model("ProductFile", __config__=STRICT, **fields)


def read_offer(path: Path) -> Offer:
    """The product version that a file describes.

    Raises:
        Trouble: the file is no such thing, with everything that is wrong.
    """
    offer, wrong = checked(path)
    if offer is None:
        raise Trouble(f"{path.name}: {' '.join(wrong)}")
    return offer


def checked(path: Path) -> tuple[Offer | None, list[str]]:
    """The product version that a file describes, and everything that is wrong with it.

    Without one the file cannot be read; with one it can, and may not be sound.
    """
    try:
        said = tomllib.loads(path.read_text(), parse_float=Decimal)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        return None, [f"It is not TOML: {fault}."]
    try:
        values = dict(_file().model_validate(said))
    except ValidationError as fault:
        return None, [_sentence(error) for error in fault.errors()]
    wrong: list[str] = []

    def figure(place: str, read: Callable[[str], Any], text: str) -> Any:
        try:
            return read(text)
        except Refusal as refusal:
            wrong.append(f"{place!r}: {refusal.sentence}")
        except InvalidOperation:
            wrong.append(f"{place!r}: {text!r} is no rate.")
        return 0

    currency = values["currency"]
    try:
        exponent(currency)
    except Refusal as refusal:
        return None, [refusal.sentence]
    for name in AMOUNTS:
        values[name] = figure(name, lambda text: minor_units(text, currency), values[name])
    for name in RATES:
        values[name] = figure(name, Decimal, values[name])
    values["fees"] = [
        FeeTerm(
            fee.kind,
            fee.timing,
            figure("fees", lambda text: minor_units(text, currency), fee.amount),
            fee.owed,
            None if fee.percent is None else figure("fees", Decimal, fee.percent),
            fee.base,
            fee.earned,
        )
        for fee in values["fees"]
    ]
    if wrong:
        return None, wrong
    offer = Offer(**values)
    return offer, offer.faults()


def _sentence(error: Any) -> str:
    place = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"{place!r} is not known."
    if error["type"] == "missing":
        return f"{place!r} is missing."
    said = error["msg"].removeprefix("Input should be ")
    return f"{place!r} should be {said}, not {error['input']!r}."

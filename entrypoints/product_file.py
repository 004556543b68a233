"""A product version as a TOML file: docs/PRODUCTS.md says what it may hold."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, create_model

from domain.base.money import exponent, minor_units
from domain.base.refusal import Refusal
from domain.product.product import Offer
from entrypoints.product_places import (
    AMOUNTS,
    WAYS,
    Place,
    completed,
    inner,
    is_figure,
    meant_by,
    shown,
)
from infra.trouble import Trouble

STRICT = ConfigDict(extra="forbid", strict=True)
MAY_BE_LEFT_OUT: dict[tuple[str, str], Callable[[], Any]] = {
    ("FeeTerm", "amount"): int,
    ("Offer", "penalty_rate"): Decimal,
    ("RatePlan", "steps"): list,
}
"""A fee in percent has no amount, a product with a penalty multiple no penalty rate of its
own, and an index no steps: zero, or none, where a file does not say them."""


def _figure(value: Any) -> Any:
    return str(value) if type(value) in (int, Decimal) else value


Figure = Annotated[str, BeforeValidator(_figure)]
"""An amount or rate, with quotes or without: numbers are read as decimals."""


@cache
def _table(record: type) -> type[BaseModel]:
    """What a table of the file may hold: the fields of a record, figures as text."""
    hints = get_type_hints(record)
    fields: dict[str, Any] = {}
    for field in dataclasses.fields(record):
        hint = _said(record, field.name, hints[field.name])
        default: Any = ... if field.default is dataclasses.MISSING else None
        if (record.__name__, field.name) in MAY_BE_LEFT_OUT:
            default = None
        fields[field.name] = (hint if default is ... else hint | None, default)
    return create_model(f"{record.__name__}Table", __config__=STRICT, **fields)


def _said(record: type, name: str, hint: Any) -> Any:
    """The type by which a file says a field."""
    if hint is Decimal or (record.__name__, name) in AMOUNTS:
        return Figure
    if dataclasses.is_dataclass(hint):
        assert isinstance(hint, type)
        return _table(hint)
    if get_origin(hint) is list:
        return list[_said(record, name, get_args(hint)[0])]  # type: ignore[misc]
    if get_origin(hint) in (Union, UnionType):
        return _said(record, name, inner(hint))
    return hint


@dataclasses.dataclass
class _Reading:
    """Turns what a file says into records, and notes what cannot be read."""

    currency: str
    wrong: dict[Place, str] = dataclasses.field(default_factory=dict)

    def record(self, kind: type, said: BaseModel, place: Place = ()) -> Any:
        """The record that a table says; what it leaves out stays as the record has it."""
        hints = get_type_hints(kind)
        values = {}
        for field in dataclasses.fields(kind):
            value = getattr(said, field.name)
            here = (*place, field.name)
            if value is None and field.default is dataclasses.MISSING:
                values[field.name] = MAY_BE_LEFT_OUT[kind.__name__, field.name]()
            elif value is not None:
                is_amount = (kind.__name__, field.name) in AMOUNTS
                values[field.name] = self._value(
                    hints[field.name], value, here, is_amount=is_amount
                )
        return kind(**values)

    def _value(self, hint: Any, value: Any, place: Place, *, is_amount: bool) -> Any:
        if get_origin(hint) in (Union, UnionType):
            return self._value(inner(hint), value, place, is_amount=is_amount)
        if isinstance(value, list):
            (each_hint,) = get_args(hint)
            return [
                self._value(each_hint, each, (*place, number), is_amount=is_amount)
                for number, each in enumerate(value)
            ]
        if isinstance(value, BaseModel):
            return self.record(hint, value, place)
        if is_amount:
            return self._figure(place, lambda text: minor_units(text, self.currency), value)
        return self._figure(place, _number, value) if hint is Decimal else value

    def _figure(self, place: Place, read: Callable[[str], Any], text: str) -> Any:
        try:
            return read(text)
        except Refusal as refusal:
            self.wrong[place] = f"{shown(place)!r}: {refusal.sentence}"
        except InvalidOperation:
            self.wrong[place] = f'{shown(place)!r}: {text!r} is no rate; 6 % is "0.06".'
        return 0


def _number(text: str) -> Decimal:
    number = Decimal(text)
    if not number.is_finite():
        raise InvalidOperation
    return number


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
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as fault:
        return None, [f"It is not TOML, which is text in UTF-8: {fault}."]
    except OSError as fault:
        return None, [f"It cannot be read: {fault.strerror}."]
    return parsed(text)


def parsed(text: str) -> tuple[Offer | None, list[str]]:
    """The product version that the *text* of a file describes, as *checked* does."""
    try:
        said = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as fault:
        return None, [f"It is not TOML: {fault}."]
    except RecursionError:
        return None, ["It is not TOML that a product file can hold: its lists go too deep."]
    if not said:
        return None, ["The file is empty: docs/PRODUCTS.md has an example to begin from."]
    offer, broken = _offer_of(said)
    if offer is not None:
        return offer, offer.faults()
    # What else is wrong however the broken places are mended is said, too.
    mended = [completed(said, list(broken), n) for n in range(WAYS)]
    others = [_wrong_with(each) for each in mended]
    beyond = [each for each in others[0] if all(each in other for other in others)]
    return None, [*broken.values(), *(each for each in beyond if each not in broken.values())]


def _offer_of(said: dict[str, Any]) -> tuple[Offer | None, dict[Place, str]]:
    """The offer that a file says, or each broken place of it with what is wrong there."""
    broken: dict[Place, str] = {}
    try:
        table = _table(Offer).model_validate(said)
    except ValidationError as fault:
        broken = {error["loc"]: _sentence(error) for error in fault.errors()}
    if "penalty_rate" not in said and "penalty_multiple" not in said:
        broken["penalty_rate",] = "'penalty_rate' is missing, or 'penalty_multiple' instead of it."
    if broken:
        return None, broken
    currency: str = getattr(table, "currency")  # noqa: B009 - the model is made at run time
    try:
        exponent(currency)
    except Refusal as refusal:
        return None, {("currency",): f"'currency': {refusal.sentence}"}
    reading = _Reading(currency)
    offer: Offer = reading.record(Offer, table)
    return (None, reading.wrong) if reading.wrong else (offer, {})


def _wrong_with(said: dict[str, Any]) -> list[str]:
    """What is wrong with a file that can be read, or with the places where it cannot."""
    offer, broken = _offer_of(said)
    return list(broken.values()) if offer is None else offer.faults()


def files_of(paths: list[Path]) -> list[Path]:
    """The product files among *paths*: files as they are, folders by what is in them.

    Raises:
        Trouble: a folder holds none.
    """
    found: list[Path] = []
    for path in paths:
        inside = sorted(path.glob("*.toml")) if path.is_dir() else [path]
        if not inside:
            raise Trouble(f"There is no product file in {path}.")
        found += inside
    return found


def _sentence(error: Any) -> str:
    place = shown(error["loc"])
    if error["type"] == "extra_forbidden":
        meant = meant_by(error["loc"])
        return f"{place!r} is not known{f'; is {meant!r} meant?' if meant else '.'}"
    if error["type"] == "missing":
        return f"{place!r} is missing."
    said = error["msg"].removeprefix("Input should be ")
    if error["type"] in ("model_type", "model_attributes_type"):
        said = "a table"
    if is_figure(error["loc"]):
        said = 'a figure such as "0.06"'
    found = error["input"]
    return (
        f"{place!r} should be {said}, not {str(found) if type(found) is Decimal else repr(found)}."
    )

"""A product version as a TOML file."""

from __future__ import annotations

import dataclasses
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any, get_type_hints

from domain.base.money import minor_units
from domain.base.terms import FeeTerm
from domain.product.product import Offer
from infra.trouble import Trouble

AMOUNTS = ("amount_min", "amount_max")
RATES = ("annual_rate", "penalty_rate")


def read_offer(path: Path) -> Offer:
    """The product version that a file describes: amounts and rates written as text.

    Raises:
        Trouble: the file is no such thing, with everything that is wrong.
    """
    try:
        said = tomllib.loads(path.read_text(), parse_float=Decimal)
    except tomllib.TOMLDecodeError as fault:
        raise Trouble(f"{path.name} is not TOML: {fault}.") from None
    names = {field.name for field in dataclasses.fields(Offer)}
    optional = {f.name for f in dataclasses.fields(Offer) if f.default is not dataclasses.MISSING}
    wrong = [f"{name!r} is not known" for name in sorted(said.keys() - names)]
    wrong += [f"{name!r} is missing" for name in sorted(names - optional - said.keys())]
    if wrong:
        raise Trouble(f"{path.name}: {'; '.join(wrong)}.")
    currency = str(said["currency"])
    values: dict[str, Any] = dict(said)
    for name in AMOUNTS:
        values[name] = minor_units(str(said[name]), currency)
    for name in RATES:
        values[name] = Decimal(str(said[name]))
    values["fees"] = [
        FeeTerm(
            fee["kind"], fee["timing"], minor_units(str(fee["amount"]), currency), fee.get("owed")
        )
        for fee in said["fees"]
    ]
    for name in ("allocation_order", "advance_order"):
        order = values.get(name, [])
        if not isinstance(order, list) or not all(isinstance(each, str) for each in order):
            raise Trouble(f"{path.name}: {name!r} should be a list of words, not {order!r}.")
    for name, said_as in get_type_hints(Offer).items():
        if name not in values:
            continue
        hint = str if said_as == str | None else said_as
        if hint in (str, int, bool) and type(values[name]) is not hint:
            raise Trouble(f"{path.name}: {name!r} should be {hint.__name__}, not {values[name]!r}.")
    return Offer(**values)

"""What might happen to a loan, as people write it: texts to the steps of ``what-if``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import typer

from domain.base.money import minor_units
from domain.base.policy import HoldRule
from domain.base.terms import Owed
from domain.loan import what_if as supposed
from domain.loan.relief import Agreement
from entrypoints.staff_command import as_rate
from entrypoints.what_if import FORMS

A_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
A_COUNT = re.compile(r"[0-9]{1,4}")
FORGIVABLE = (Owed.FEE, Owed.INTEREST, Owed.PENALTY)


@dataclass(frozen=True)
class Reading:
    """By what texts are read: the day that is meant where none is said, and the loan's currency.

    *hold_rule* says what a kind of hold stops by the rules of a day.
    """

    today: date
    currency: str
    hold_rule: Callable[[str, date], HoldRule]
    interest_too: bool = False


def steps_of(said: Mapping[str, Sequence[str]], reading: Reading) -> list[supposed.Step]:
    """The steps that *said* asks for: the texts that were given, by option.

    Raises:
        BadParameter: a text is not of the form that its option takes.
        NotAnAmount: an amount is none in the loan's currency.
    """
    return [READ[name](text.strip(), reading) for name, texts in said.items() for text in texts]


def laid_steps(
    today: date, *, capitalise: bool, re_amortise: bool, shorter: bool
) -> list[supposed.Step]:
    """The steps of relief that take nothing but their name."""
    agreed = []
    if capitalise:
        agreed.append(Agreement("CAPITALISATION"))
    if re_amortise or shorter:
        agreed.append(Agreement("REAMORTISATION", keeps_instalment=shorter))
    return [supposed.Relief(today, each) for each in agreed]


def _wrong(name: str, text: str) -> typer.BadParameter:
    form = FORMS[name]
    return typer.BadParameter(
        f"--{name} takes {form.says}, such as {form.example}; not {_short(text)}."
    )


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:60]}…")


def _day(name: str, text: str, said: str) -> date:
    try:
        return date.fromisoformat(said if A_DAY.fullmatch(said) else "")
    except ValueError:
        raise _wrong(name, text) from None


def _and_day(name: str, text: str, reading: Reading) -> tuple[str, date]:
    """What stands before the last @, and the day after it; today without one."""
    before, at, day = text.rpartition("@")
    if not at:
        before, on = text, reading.today
    else:
        on = _day(name, text, day.strip())
    if not before.strip():
        raise _wrong(name, text)
    return before.strip(), on


def _named(name: str, text: str, reading: Reading) -> tuple[str, date]:
    """A reference and its day: what follows an @ and is no day belongs to the reference."""
    _, _, day = text.rpartition("@")
    if A_DAY.fullmatch(day.strip()):
        return _and_day(name, text, reading)
    if not text or text.endswith("@"):
        raise _wrong(name, text)
    return text, reading.today


def _count(name: str, text: str, said: str) -> int:
    if not A_COUNT.fullmatch(said):
        raise _wrong(name, text)
    return int(said)


def _with_amount(said: str, reading: Reading) -> tuple[str, int | None]:
    """What stands before the last =, and the amount after it, if there is one."""
    before, equals, amount = said.rpartition("=")
    return (before.strip(), minor_units(amount, reading.currency)) if equals else (said, None)


def _money(
    name: str, step: Callable[[date, int], supposed.Step]
) -> Callable[[str, Reading], supposed.Step]:
    def read(text: str, reading: Reading) -> supposed.Step:
        amount, on = _and_day(name, text, reading)
        return step(on, minor_units(amount, reading.currency))

    return read


def _reference(
    name: str, step: Callable[[date, str], supposed.Step]
) -> Callable[[str, Reading], supposed.Step]:
    def read(text: str, reading: Reading) -> supposed.Step:
        ref, on = _named(name, text, reading)
        return step(on, ref)

    return read


def _only_day(
    name: str, step: Callable[[date], supposed.Step]
) -> Callable[[str, Reading], supposed.Step]:
    def read(text: str, reading: Reading) -> supposed.Step:
        return step(reading.today if text == "today" else _day(name, text, text))

    return read


def _waiver(text: str, reading: Reading) -> supposed.Step:
    said, on = _named("waive", text, reading)
    ref, amount = _with_amount(said, reading)
    if not ref:
        raise _wrong("waive", text)
    return supposed.Waiver(on, ref, amount)


def _forgiveness(text: str, reading: Reading) -> supposed.Step:
    said, on = _and_day("forgive", text, reading)
    said, amount = _with_amount(said, reading)
    number, _, owed = said.partition(":")
    owed = {"FEES": "FEE"}.get(owed.strip().upper(), owed.strip().upper())
    if owed not in FORGIVABLE:
        raise _wrong("forgive", text)
    return supposed.Forgiveness(on, _count("forgive", text, number.strip()), owed, amount)


def _move(text: str, reading: Reading) -> supposed.Step:
    number, at, _ = text.partition("@")
    if not at:
        raise _wrong("move", text)
    _, due_on = _and_day("move", text, reading)
    return supposed.Move(reading.today, _count("move", text, number.strip()), due_on)


def _rate(text: str, reading: Reading) -> supposed.Step:
    rate, on = _and_day("rate", text, reading)
    return supposed.Relief(on, Agreement("RATE_CHANGE", annual_rate=as_rate(rate)))


def _counted(name: str, kind: str) -> Callable[[str, Reading], supposed.Step]:
    def read(text: str, reading: Reading) -> supposed.Step:
        said, on = _and_day(name, text, reading)
        too = reading.interest_too and kind == "DEFERRAL"
        agreed = Agreement(kind, instalments=_count(name, text, said), interest_too=too)
        return supposed.Relief(on, agreed)

    return read


def _free_days(name: str, kind: str) -> Callable[[str, Reading], supposed.Step]:
    def read(text: str, reading: Reading) -> supposed.Step:
        first, _, last = text.partition("..")
        days = [_day(name, text, said.strip()) for said in (first, last)]
        agreed = Agreement(kind, free_from=days[0], free_until=days[1])
        return supposed.Relief(min(reading.today, days[0]), agreed)

    return read


def _conversion(text: str, reading: Reading) -> supposed.Step:
    said, on = _and_day("convert", text, reading)
    return supposed.Conversion(on, _count("convert", text, said))


def _hold(text: str, reading: Reading) -> supposed.Step:
    kind, on = _and_day("hold", text, reading)
    return supposed.Hold(on, reading.hold_rule(kind.upper(), on))


READ: dict[str, Callable[[str, Reading], supposed.Step]] = {
    "repay": _money("repay", supposed.Payment),
    "payoff": _only_day("payoff", lambda on: supposed.Payment(on, None)),
    "partner-refund": _money("partner-refund", supposed.PartnerRefund),
    "recover": _money("recover", supposed.Recovery),
    "draw": _money("draw", supposed.Draw),
    "refund": _money("refund", supposed.Refund),
    "reverse": _reference("reverse", supposed.Reversal),
    "take-back": _reference("take-back", supposed.TakenBack),
    "payout-returned": _only_day("payout-returned", supposed.PayoutReturn),
    "fee": _reference("fee", supposed.Charge),
    "waive": _waiver,
    "forgive": _forgiveness,
    "move": _move,
    "rate": _rate,
    "extend": _counted("extend", "EXTENSION"),
    "defer": _counted("defer", "DEFERRAL"),
    "re-age": _counted("re-age", "REAGEING"),
    "pause": _free_days("pause", "INTEREST_PAUSE"),
    "moratorium": _free_days("moratorium", "MORATORIUM"),
    "convert": _conversion,
    "renew": _only_day("renew", supposed.Renewal),
    "hold": _hold,
    "lift": _reference("lift", supposed.Lift),
    "write-off": _only_day("write-off", supposed.WriteOff),
    "sell": _money("sell", supposed.Sale),
}
"""How each option is read; those with two words as people type them."""

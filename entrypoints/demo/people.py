"""Made-up ways to reach the demo's borrowers, and what each of them wishes.

Names, numbers and addresses belong to nobody: numbers are of the ranges that regulators
keep for fiction, or begin as none does; addresses are on domains kept for examples. By the
borrower's name in the plan and a seed, so that each run gives the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from domain.base.contact_policy import Channel, PointKind
from domain.borrower.contact_state import OwnHours
from entrypoints.demo.berka import ORIGIN as TAPE_ORIGIN
from entrypoints.demo.intents import Plan
from infra.vault_values import Kind

EVENING = ("18:00", "20:00")

NUMBERS: dict[str, Callable[[int], str]] = {
    "CN": lambda number: f"+86 100 0000 {number:04}",
    "US": lambda number: f"+1 {201 + number // 100} 555 01{number % 100:02}",
    "UK": lambda number: f"+44 7700 900{number:03}",
    "EU": lambda number: f"+49 30 23125 {number:03}",
    "IN": lambda number: f"+91 00000 {number:05}",
}
"""US: 555-0100 to 0199; UK: Ofcom's numbers for drama; EU: those of the Bundesnetzagentur.
China and India keep none, but no number begins so there."""


@dataclass(frozen=True)
class Reach:
    """A number or address; without *basis* nothing says that it may be used."""

    kind: PointKind
    kept_as: Kind
    value: str
    basis: str = "CONTRACT"
    blocked: bool = False


@dataclass(frozen=True)
class Person:
    """How one borrower may be reached; *stream* names the borrower in the plan."""

    stream: str
    jurisdiction: str
    name: str
    reached_by: tuple[Reach, ...]
    refuses: Channel | None = None
    hours: OwnHours | None = None
    agrees_to_offers: bool = False
    gets_offer: bool = False


def people(plan: Plan, seed: int) -> list[Person]:
    """Everybody in the plan, in the order in which they became borrowers."""
    found: list[Person] = []
    for day in sorted(plan):
        for intent in plan[day]:
            if intent.verb == "register":
                jurisdiction = intent.fields["jurisdiction"]
                dice = Random(f"{seed}:contact:{intent.stream}")  # noqa: S311 - not for secrets
                found.append(_person(intent.stream, jurisdiction, len(found) + 1, dice))
    return found


def _person(stream: str, jurisdiction: str, number: int, dice: Random) -> Person:
    [ways] = dice.choices(("all", "e-mail only", "phone only", "post only"), (72, 14, 10, 4))
    basis = "" if dice.random() < 0.05 else "CONTRACT"
    blocked = dice.random() < 0.04
    phone = Reach(PointKind.PHONE, Kind.PHONE, NUMBERS[jurisdiction](number), basis, blocked)
    email = Reach(PointKind.EMAIL, Kind.EMAIL, f"borrower-{number:03}@example.org", basis)
    post = Reach(PointKind.ADDRESS, Kind.ADDRESS, f"{number} Example Street\nExampletown")
    reached_by = {
        "all": (phone, email, post),
        "e-mail only": (email,),
        "phone only": (phone,),
        "post only": (post,),
    }[ways]
    refuses = Channel.SMS if dice.random() < 0.07 else None
    hours = None
    if dice.random() < 0.15:
        hours = OwnHours(*EVENING, only=dice.random() < 0.5)
    on_tape = stream.startswith(TAPE_ORIGIN)
    return Person(
        stream,
        jurisdiction,
        f"Demo Borrower {number:03}",
        reached_by,
        refuses,
        hours,
        agrees_to_offers=dice.random() < 0.5,
        gets_offer=dice.random() < (0.02 if on_tape else 0.25),
    )

"""Cases of the contact gate: what a file says, decided on and compared."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from domain.base.contact_policy import (
    Channel,
    ConsentScope,
    ContactRules,
    HoldKind,
    Outcome,
    PointSource,
    Purpose,
    Reason,
)
from domain.base.zones import known_zones
from domain.borrower.contact import (
    Consent,
    ContactHold,
    ContactPoint,
    Intent,
    OptOut,
    Party,
    PastContact,
    Situation,
    Template,
)
from domain.borrower.gate import Answer, Decision, decide
from entrypoints.scenarios.files import RawCase
from entrypoints.scenarios.terms import TermWrong, Unsupported
from entrypoints.scenarios.verdicts import FAILED, PASSED, Difference, Verdict, told, unread

if TYPE_CHECKING:
    from entrypoints.scenarios.files import RawFile

KIND = "contact"

INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", re.ASCII)
ANY_CHANNEL = "ANY"

REASONS = frozenset(
    {
        Reason.CALENDAR_UNKNOWN,
        Reason.CAP,
        Reason.CONSENT,
        Reason.COOLDOWN,
        Reason.HOLD,
        Reason.OPT_OUT,
        Reason.PRODUCT_ROTATION,
        Reason.TEMPLATE,
        Reason.THIRD_PARTY,
        Reason.WINDOW,
    }
)
"""The reasons that the format has words for; nothing else of a case can stand against one."""

Word = TypeVar("Word", bound=StrEnum)
Made = TypeVar("Made")


def verdicts(file: RawFile, policies: ContactRules) -> list[Verdict]:
    """What came of each case of *file*, in its order."""
    return [
        verdict(case.id, case.said, policies) if isinstance(case, RawCase) else unread(case)
        for case in file.cases
    ]


def verdict(name: str, said: Mapping[str, Any], policies: ContactRules) -> Verdict:
    """What came of the case *name*: passed, failed, or unsupported."""

    def compared() -> Verdict:
        case = _case(_Said(said, ""), policies)
        found = decide(case.intent, case.situation, policies, case.at)
        differs = _difference(case.expected, found)
        if differs is None:
            return Verdict(name, PASSED)
        return Verdict(name, FAILED, difference=differs, decided=_told(found))

    return told(name, compared)


@dataclass(frozen=True)
class _Expected:
    """What a case expects; *because* as the file has it, in its order."""

    answer: Answer
    until: datetime | None
    because: list[Reason]


@dataclass(frozen=True)
class _ContactCase:
    situation: Situation
    intent: Intent
    at: datetime
    expected: _Expected


class _Said:
    """An object of a file, each key taken by its type and none that is not known."""

    def __init__(self, said: Mapping[str, Any], where: str) -> None:
        self._said = said
        self._where = where

    def only(self, *known: str) -> None:
        for key in self._said:
            if key not in known:
                raise Unsupported(f"the key {self._where + key!r} is not offered")

    def text(self, name: str, *, empty: bool = False) -> str:
        found = self.maybe_text(name, empty=empty)
        return self._there(name, found)

    def maybe_text(self, name: str, *, empty: bool = False) -> str | None:
        value = self._said.get(name)
        if value is None or (isinstance(value, str) and (value or empty)):
            return value
        raise TermWrong(f"{self._where}{name} {value!r} is no text")

    def flag(self, name: str) -> bool:
        value = self._there(name, self._said.get(name))
        if not isinstance(value, bool):
            raise TermWrong(f"{self._where}{name} {value!r} is neither true nor false")
        return value

    def word(self, name: str, words: type[Word]) -> Word:
        return self._there(name, self.maybe_word(name, words))

    def maybe_word(self, name: str, words: type[Word]) -> Word | None:
        value = self._said.get(name)
        return None if value is None else self.one_of(name, value, words)

    def one_of(self, name: str, value: Any, words: type[Word]) -> Word:
        try:
            return words(value)
        except ValueError:
            raise self.not_offered(name, value) from None

    def not_offered(self, name: str, value: Any) -> Unsupported:
        return Unsupported(f"the value {str(value)!r} of {self._where + name!r} is not offered")

    def instant(self, name: str) -> datetime:
        return self._there(name, self.maybe_instant(name))

    def maybe_instant(self, name: str) -> datetime | None:
        value = self._said.get(name)
        if value is None:
            return None
        if isinstance(value, str) and INSTANT.fullmatch(value):
            try:
                return datetime.fromisoformat(value)
            except ValueError:
                pass
        raise TermWrong(f"{self._where}{name} {value!r} is no instant in UTC")

    def texts(self, name: str) -> list[Any]:
        value = self._said.get(name, [])
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise TermWrong(f"{self._where}{name} is no list of texts")
        return value

    def object(self, name: str) -> _Said:
        return self._there(name, self.maybe_object(name))

    def maybe_object(self, name: str) -> _Said | None:
        value = self._said.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise TermWrong(f"{self._where}{name} is no object")
        return _Said(value, f"{self._where}{name}.")

    def objects(self, name: str, read: Callable[[_Said], Made]) -> tuple[Made, ...]:
        value = self._said.get(name, [])
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            raise TermWrong(f"{self._where}{name} is no list of objects")
        # The place is not told: many cases are unsupported for one reason, which is told once.
        return tuple(read(_Said(each, f"{self._where}{name}[].")) for each in value)

    def _there(self, name: str, value: Made | None) -> Made:
        if value is None:
            raise TermWrong(f"{self._where}{name} is missing")
        return value


def _case(said: _Said, policies: ContactRules) -> _ContactCase:
    said.only("id", "source", "notes", "jurisdiction", "borrower", "history", "intent", "expected")
    jurisdiction = said.text("jurisdiction")
    if jurisdiction not in policies.jurisdictions:
        raise said.not_offered("jurisdiction", jurisdiction)
    intent = said.object("intent")
    situation = _situation(said, said.object("borrower"), jurisdiction)
    return _ContactCase(
        situation, _intent(intent), intent.instant("at"), _expected(said.object("expected"))
    )


def _situation(said: _Said, borrower: _Said, jurisdiction: str) -> Situation:
    borrower.only("zones", "contact_points", "consents", "opt_outs", "holds")
    return Situation(
        jurisdiction,
        _zones(borrower),
        contact_points=borrower.objects("contact_points", _contact_point),
        consents=borrower.objects("consents", _consent),
        opt_outs=borrower.objects("opt_outs", _opt_out),
        holds=borrower.objects("holds", _hold),
        history=said.objects("history", _past),
    )


def _zones(borrower: _Said) -> tuple[str, ...]:
    zones = borrower.texts("zones")
    for zone in zones:
        if zone not in known_zones():
            raise borrower.not_offered("zones", zone)
    return tuple(zones)


def _contact_point(said: _Said) -> ContactPoint:
    said.only("id", "party", "source", "refused_at")
    return ContactPoint(
        said.text("id"),
        _party(said),
        said.word("source", PointSource),
        said.maybe_instant("refused_at"),
    )


def _party(said: _Said) -> Party:
    """The borrower or somebody else: the format knows no others."""
    party = said.word("party", Party)
    if party not in (Party.BORROWER, Party.THIRD_PARTY):
        raise said.not_offered("party", party)
    return party


def _consent(said: _Said) -> Consent:
    said.only("scope", "granted_at", "reconfirmed_at", "withdrawn_at")
    return Consent(
        said.word("scope", ConsentScope),
        said.instant("granted_at"),
        said.maybe_instant("reconfirmed_at"),
        said.maybe_instant("withdrawn_at"),
    )


def _opt_out(said: _Said) -> OptOut:
    said.only("channel", "purpose", "at")
    everywhere = said.text("channel") == ANY_CHANNEL
    return OptOut(
        said.instant("at"),
        None if everywhere else said.word("channel", Channel),
        said.maybe_word("purpose", Purpose),
    )


def _hold(said: _Said) -> ContactHold:
    said.only("kind", "debt", "from", "until")
    kind = said.word("kind", HoldKind)
    # It follows from what the vault does; the format has no such hold.
    if kind == HoldKind.RESTRICTED:
        raise said.not_offered("kind", kind)
    return ContactHold(
        kind, said.instant("from"), said.maybe_instant("until"), said.maybe_text("debt")
    )


def _past(said: _Said) -> PastContact:
    said.only("at", "purpose", "channel", "outcome", "contact_point", "debt", "product_line")
    return PastContact(
        said.instant("at"),
        said.word("purpose", Purpose),
        said.word("channel", Channel),
        said.word("outcome", Outcome),
        said.maybe_text("contact_point"),
        said.maybe_text("debt"),
        said.maybe_text("product_line", empty=True),
    )


def _intent(said: _Said) -> Intent:
    said.only(
        "purpose", "channel", "at", "party", "contact_point", "debt", "product_line", "template"
    )
    template = said.maybe_object("template")
    return Intent(
        said.word("purpose", Purpose),
        said.word("channel", Channel),
        _party(said),
        said.maybe_text("contact_point"),
        said.maybe_text("debt"),
        said.maybe_text("product_line", empty=True),
        None if template is None else _template(template),
    )


def _template(said: _Said) -> Template:
    said.only("opt_out_text", "annualised_rate", "price_named", "sender", "text")
    return Template(
        said.text("text", empty=True),
        said.text("sender", empty=True),
        said.flag("price_named"),
        said.maybe_text("annualised_rate", empty=True) or "",
        said.maybe_text("opt_out_text", empty=True) or "",
    )


def _expected(said: _Said) -> _Expected:
    said.only("decision", "until", "because")
    because = [said.one_of("because", each, Reason) for each in said.texts("because")]
    for reason in because:
        if reason not in REASONS:
            raise said.not_offered("because", reason)
    return _Expected(said.word("decision", Answer), said.maybe_instant("until"), because)


def _difference(expected: _Expected, found: Decision) -> Difference | None:
    pairs = {
        "decision": (expected.answer, found.answer),
        "until": (_text(expected.until), _text(found.until)),
        "because": (_listed(expected.because), _listed(found.because)),
    }
    return next(
        (
            Difference(figure, wanted or "nothing", got)
            for figure, (wanted, got) in pairs.items()
            if wanted != got
        ),
        None,
    )


def _told(found: Decision) -> dict[str, Any]:
    """What was decided, as a case would expect it, and the rules that objected."""
    until = {} if found.until is None else {"until": _text(found.until)}
    return {
        "decision": found.answer,
        **until,
        "because": found.because,
        "rules": [
            {"reason": each.reason, "rule": each.rule, "version": each.version}
            for each in found.objections
        ],
    }


def _listed(reasons: list[Reason]) -> str:
    return ", ".join(reasons) or "no reason"


def _text(at: datetime | None) -> str | None:
    return None if at is None else f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"

"""Dated rules as they are written down, and all that are known at one time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from domain.base.contact_policy import ContactRules
from domain.base.policy import ANYWHERE, Policies, in_force
from domain.base.provider import Register
from domain.base.text_template import TextStandard, TextTemplate

NO_PROVIDERS = Register(providers=(), licence_rules=())


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One version of a dated rule as it is written down; *rule* names it in all versions.

    *text* is the entry in one spelling, *digest* its SHA-256 in hex: two people who read
    the same digest read the same rule.
    """

    rule: str
    version: str
    kind: str
    jurisdiction: str
    purposes: list[str]
    channels: list[str]
    valid_from: date
    valid_until: date | None
    source: str
    text: str
    digest: str

    def holds(self, on: date) -> bool:
        """Whether the day lies in ``[valid_from, valid_until)``."""
        return self.valid_from <= on and (self.valid_until is None or on < self.valid_until)

    def concerns(self, jurisdiction: str | None, purpose: str | None, channel: str | None) -> bool:
        """Whether it binds there, for that and by that; what is not asked about does not count.

        An entry without purposes or channels is for all.
        """
        return (
            (jurisdiction is None or self.jurisdiction in (ANYWHERE, jurisdiction))
            and (purpose is None or not self.purposes or purpose in self.purposes)
            and (channel is None or not self.channels or channel in self.channels)
        )


@dataclass(frozen=True)
class Source:
    """An entry that counts, and whether it is shipped with the program or was published."""

    entry: Entry
    shipped: bool


@dataclass(frozen=True, eq=False)
class DatedRules:
    """Every dated rule that was known at one time, whole: what commands decide by.

    *sources* are the entries behind the values, those that are shipped first, then the
    published ones in their order.
    """

    policies: Policies
    contact: ContactRules
    sources: tuple[Source, ...]
    texts: tuple[TextTemplate, ...] = ()
    text_standards: tuple[TextStandard, ...] = ()
    register: Register = NO_PROVIDERS
    _by_day: dict[date, list[TextTemplate]] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def jurisdictions(self) -> frozenset[str]:
        """Those that any rule speaks of."""
        return frozenset({source.entry.jurisdiction for source in self.sources} - {ANYWHERE})

    def text(self, rule: str, on: date) -> TextTemplate | None:
        """The version of a text that is in force on a day; None when none is."""
        return next((each for each in self.texts_in_force(on) if each.rule == rule), None)

    def text_version(self, rule: str, version: str) -> TextTemplate | None:
        """A version of a text, in force or not: for what was sent by it; None without one."""
        found = (each for each in self.texts if (each.rule, each.version) == (rule, version))
        return next(found, None)

    def texts_in_force(self, on: date) -> list[TextTemplate]:
        """The texts that may be sent on a day: of each the newest version, by name."""
        found = self._by_day.get(on)
        if found is None:
            held = sorted(in_force(self.texts, on), key=lambda each: each.valid_from)
            newest = {each.rule: each for each in held}
            self._by_day[on] = found = [newest[rule] for rule in sorted(newest)]
        return found

    def text_standard(self, on: date) -> TextStandard | None:
        """What is asked of texts and their review on a day; None without a rule."""
        held = sorted(in_force(self.text_standards, on), key=lambda each: each.valid_from)
        return held[-1] if held else None

    def versions(self, rule: str) -> list[Source]:
        """Every version of a rule, the newest last."""
        found = [source for source in self.sources if source.entry.rule == rule]
        return sorted(found, key=lambda source: source.entry.valid_from)

    def held(self, on: date) -> list[Source]:
        """The entries in force on a day: of each rule the newest, by name."""
        held = [source for source in self.sources if source.entry.holds(on)]
        newest = {
            source.entry.rule: source
            for source in sorted(held, key=lambda source: source.entry.valid_from)
        }
        return [newest[rule] for rule in sorted(newest)]

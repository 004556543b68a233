"""One dated rule and its versions: asked for by one person, published by another."""

from __future__ import annotations  # apply() names Policy before it exists

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from domain.base.dated_rules import Entry
from domain.base.refusal import Refusal, two_people
from domain.base.stream import Act, Stream


class Stage(StrEnum):
    """How far a version has come."""

    SUBMITTED = "SUBMITTED"
    REFUSED = "REFUSED"
    PUBLISHED = "PUBLISHED"
    WITHDRAWN = "WITHDRAWN"


class RuleNotSound(Refusal):
    """An entry is no rule of its kind, or contradicts what is known."""

    code = "RULE_NOT_SOUND"


class RuleVersionTaken(Refusal):
    """The version is there already; a version is never edited."""

    code = "RULE_VERSION_TAKEN"


class RuleBackdated(Refusal):
    """A version would count from a day that is past, and nobody said why."""

    code = "RULE_BACKDATED"


class PolicyUnknown(Refusal):
    """There is no such rule, or no such version of it."""

    code = "POLICY_UNKNOWN"


class RuleInForce(Refusal):
    """A version in force is not withdrawn; a newer one takes its place."""

    code = "RULE_IN_FORCE"


class NotSubmitted(Refusal):
    """The version does not wait for an answer."""

    code = "NOT_SUBMITTED"


@dataclass(frozen=True)
class VersionStanding:
    """One version, how far it has come, and who stands behind it."""

    entry: Entry
    stage: str
    requested_by: str
    requested_at: datetime
    answered_by: str | None = None
    answered_at: datetime | None = None
    because: str | None = None


@dataclass(frozen=True)
class Look:
    """That somebody looked at a version and found that it still holds."""

    version: str
    at: datetime


class Policy(Stream):
    """One dated rule: its versions, published or not, and who looked at them when."""

    TOPIC = "policy"
    KAFKA_TOPIC = "policy.events"

    def __init__(self) -> None:
        self.rule = ""
        self.kind = ""
        self.jurisdiction = ""
        self.versions: list[VersionStanding] = []
        self.looks: list[Look] = []

    class Event(Stream.Event):
        """Anything that happened to a rule."""

    class Opened(Event, Stream.Opened):
        """The first event of a rule."""

        TOPIC = "policy.begun"

    class Created(Opened):
        """The library's name for the first event; never recorded."""

        TOPIC = "policy.created"

    class Named(Opened):
        """Something is recorded of this rule from now on."""

        TOPIC = "policy.named"
        rule: str
        kind: str
        jurisdiction: str

        def apply(self, policy: Policy) -> None:
            policy.rule = self.rule
            policy.kind = self.kind
            policy.jurisdiction = self.jurisdiction

    class Submitted(Event):
        """A version waits for somebody else to look at it."""

        TOPIC = "policy.submitted"
        entry: Entry
        requested_by: str

        def apply(self, policy: Policy) -> None:
            policy.versions.append(
                VersionStanding(self.entry, Stage.SUBMITTED, self.requested_by, self.timestamp)
            )

    class Refused(Event):
        """Somebody else looked at a version and refused it, after so many seconds."""

        TOPIC = "policy.refused"
        rule: str
        version: str
        digest: str
        refused_by: str
        reason: str
        review_seconds: int

        def apply(self, policy: Policy) -> None:
            policy.answered(
                self.version, Stage.REFUSED, self.refused_by, self.timestamp, self.reason
            )

    class Published(Event):
        """A version counts from its day; *review_seconds* passed since it was submitted."""

        TOPIC = "policy.published"
        entry: Entry
        requested_by: str
        approved_by: str
        backdated_because: str | None
        review_seconds: int | None

        def apply(self, policy: Policy) -> None:
            if self.review_seconds is None:
                policy.versions.append(
                    VersionStanding(self.entry, Stage.SUBMITTED, self.requested_by, self.timestamp)
                )
            policy.answered(
                self.entry.version,
                Stage.PUBLISHED,
                self.approved_by,
                self.timestamp,
                self.backdated_because,
            )

    class Withdrawn(Event):
        """A version that was not in force yet will not be."""

        TOPIC = "policy.withdrawn"
        rule: str
        version: str
        digest: str
        reason: str

        def apply(self, policy: Policy) -> None:
            policy.answered(self.version, Stage.WITHDRAWN, self.actor, self.timestamp, self.reason)

    class Retired(Event):
        """A version ends on a day, with none in its place."""

        TOPIC = "policy.retired"
        rule: str
        version: str
        digest: str
        ends_on: date
        reason: str
        requested_by: str
        approved_by: str

        def apply(self, policy: Policy) -> None:
            place, known = policy.placed(self.version)
            ended = replace(known.entry, valid_until=self.ends_on)
            policy.versions[place] = replace(known, entry=ended)

    class Confirmed(Event):
        """Somebody looked at a version and found that it still holds."""

        TOPIC = "policy.confirmed"
        rule: str
        version: str
        digest: str

        def apply(self, policy: Policy) -> None:
            policy.looks.append(Look(self.version, self.timestamp))

    @classmethod
    def named(cls, act: Act, policy_id: UUID, entry: Entry) -> Policy:
        """The stream of a rule that nothing was recorded of yet."""
        return cls.open(
            cls.Named,
            act,
            policy_id,
            act.business_on,
            rule=entry.rule,
            kind=entry.kind,
            jurisdiction=entry.jurisdiction,
        )

    def published(self) -> list[Entry]:
        """The versions that count from their day, in the order of their publication."""
        return [each.entry for each in self.versions if each.stage == Stage.PUBLISHED]

    def submit(self, act: Act, entry: Entry, *, taken: Collection[str]) -> None:
        """Let a version wait for somebody else's answer; the same again changes nothing.

        Raises:
            RuleVersionTaken: the version is there already, among those *taken* or here.
            RuleNotSound: the name is that of another rule.
        """
        if self._is_there(entry, Stage.SUBMITTED, taken):
            return
        self.record(self.Submitted, act, act.business_on, entry=entry, requested_by=act.actor)

    def publish(
        self,
        act: Act,
        entry: Entry,
        *,
        taken: Collection[str],
        requested_by: str,
        approved_by: str,
        backdated_because: str | None = None,
    ) -> None:
        """Let a version count from its day; the same again is published once.

        Raises:
            SamePerson: one person asked for it and approved it.
            RuleVersionTaken: the version is there already, among those *taken* or here.
            RuleBackdated: its first day is past, and nobody says why.
            RuleNotSound: the name is that of another rule.
        """
        two_people(requested_by, approved_by, "A rule")
        if self._is_there(entry, Stage.PUBLISHED, taken):
            return
        self._record_publication(
            act, entry, requested_by, approved_by, backdated_because, review_seconds=None
        )

    def approve(self, act: Act, version: str, *, backdated_because: str | None = None) -> None:
        """Answer that a version which was submitted counts from its day.

        Raises:
            NotSubmitted: it does not wait for an answer.
            SamePerson: who submitted it would approve it.
            RuleBackdated: its first day is past, and nobody says why.
        """
        waiting = self._under_review(version)
        two_people(waiting.requested_by, act.actor, "A rule")
        self._record_publication(
            act,
            waiting.entry,
            waiting.requested_by,
            act.actor,
            backdated_because,
            review_seconds=_seconds(waiting.requested_at, act.recorded_at),
        )

    def refuse(self, act: Act, version: str, *, reason: str) -> None:
        """Answer that a version which was submitted will not count.

        Raises:
            NotSubmitted: it does not wait for an answer.
        """
        waiting = self._under_review(version)
        self.record(
            self.Refused,
            act,
            act.business_on,
            rule=self.rule,
            version=version,
            digest=waiting.entry.digest,
            refused_by=act.actor,
            reason=reason,
            review_seconds=_seconds(waiting.requested_at, act.recorded_at),
        )

    def withdraw(self, act: Act, version: str, *, reason: str) -> None:
        """Let a version that is not in force yet never be.

        Raises:
            PolicyUnknown: it was not published here.
            RuleInForce: its first day has come; publish a newer version.
        """
        known = self._published(version)
        if known.entry.valid_from <= act.business_on:
            raise RuleInForce(
                f"{self.rule} {version} is in force since {known.entry.valid_from}:"
                " publish a newer version in its place."
            )
        self.record(
            self.Withdrawn,
            act,
            act.business_on,
            rule=self.rule,
            version=version,
            digest=known.entry.digest,
            reason=reason,
        )

    def retire(
        self,
        act: Act,
        version: str,
        *,
        ends_on: date,
        reason: str,
        requested_by: str,
        approved_by: str,
    ) -> None:
        """Let a published version end on a day, with none in its place.

        Raises:
            PolicyUnknown: it was not published here.
            RuleBackdated: the day is past, or it has ended before.
            SamePerson: one person asked for it and approved it.
        """
        two_people(requested_by, approved_by, "The end of a rule")
        entry = self._published(version).entry
        if ends_on < act.business_on or ends_on <= entry.valid_from:
            raise RuleBackdated(
                f"{self.rule} {version} can end after {entry.valid_from}, from today"
                f" ({act.business_on}) on; not on {ends_on}."
            )
        if entry.valid_until is not None and entry.valid_until <= ends_on:
            raise RuleBackdated(f"{self.rule} {version} ends on {entry.valid_until} already.")
        self.record(
            self.Retired,
            act,
            ends_on,
            rule=self.rule,
            version=version,
            digest=entry.digest,
            ends_on=ends_on,
            reason=reason,
            requested_by=requested_by,
            approved_by=approved_by,
        )

    def confirm(self, act: Act, entry: Entry) -> None:
        """Note that somebody looked at the version in force, and it still holds."""
        self.record(
            self.Confirmed,
            act,
            act.business_on,
            rule=self.rule,
            version=entry.version,
            digest=entry.digest,
        )

    def answered(
        self, version: str, stage: str, by: str, at: datetime, because: str | None
    ) -> None:
        """Take over what was answered about a version; for the events alone."""
        place, known = self.placed(version)
        self.versions[place] = replace(
            known, stage=stage, answered_by=by, answered_at=at, because=because
        )

    def placed(self, version: str) -> tuple[int, VersionStanding]:
        """The newest record of a version, and its place."""
        place = max(i for i, each in enumerate(self.versions) if each.entry.version == version)
        return place, self.versions[place]

    def _record_publication(
        self,
        act: Act,
        entry: Entry,
        requested_by: str,
        approved_by: str,
        backdated_because: str | None,
        *,
        review_seconds: int | None,
    ) -> None:
        late = entry.valid_from < act.business_on
        if late and not (backdated_because or "").strip():
            raise RuleBackdated(
                f"{entry.rule} {entry.version} would count from {entry.valid_from}, before"
                f" {act.business_on}: give a later day, or say why it is backdated."
            )
        self.record(
            self.Published,
            act,
            entry.valid_from,
            entry=entry,
            requested_by=requested_by,
            approved_by=approved_by,
            backdated_because=backdated_because if late else None,
            review_seconds=review_seconds,
        )

    def _is_there(self, entry: Entry, stage: Stage, taken: Collection[str]) -> bool:
        """Whether the very same entry came so far before.

        Raises:
            RuleVersionTaken: another one has its version.
            RuleNotSound: the name is that of another rule.
        """
        if (entry.kind, entry.jurisdiction) != (self.kind, self.jurisdiction):
            raise RuleNotSound(
                f"{self.rule} is a rule of kind {self.kind} for {self.jurisdiction}:"
                " give a rule of another kind or jurisdiction another name."
            )
        known = [each for each in self.versions if each.entry.version == entry.version]
        if known and (known[-1].stage, known[-1].entry.digest) == (stage, entry.digest):
            return True
        if entry.version in taken or any(each.stage != Stage.REFUSED for each in known):
            raise RuleVersionTaken(
                f"{entry.rule} has a version {entry.version} already, and a version is never"
                " edited: give the change a version of its own."
            )
        return False

    def _under_review(self, version: str) -> VersionStanding:
        known = [each for each in self.versions if each.entry.version == version]
        if not known or known[-1].stage != Stage.SUBMITTED:
            raise NotSubmitted(f"{self.rule} {version} does not wait for an answer.")
        return known[-1]

    def _published(self, version: str) -> VersionStanding:
        known = [each for each in self.versions if each.entry.version == version]
        if not known or known[-1].stage != Stage.PUBLISHED:
            raise PolicyUnknown(
                f"No version {version} of {self.rule} was published;"
                f" policy history {self.rule} shows those there are."
            )
        return known[-1]


def _seconds(since: datetime, until: datetime) -> int:
    return max(0, int((until - since).total_seconds()))

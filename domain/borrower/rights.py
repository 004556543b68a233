"""What a borrower agrees to, refuses and wishes, and where contact may reach."""

from __future__ import annotations

import re
from datetime import datetime
from itertools import product

from domain.base.contact_policy import (
    Channel,
    ConsentScope,
    Outcome,
    PointKind,
    PointSource,
    Purpose,
)
from domain.base.reply_keyword import Keyword, KeywordMeaning
from domain.base.stream import Act
from domain.base.zones import known_zones
from domain.borrower import contact_events as events
from domain.borrower import refusals as no
from domain.borrower.contact import Consent, ContactPoint, Party
from domain.borrower.contact_state import ALL_DAY, WEEKDAYS, OwnHours
from domain.borrower.restrictions import Restrictions, must_be_hours

BY_REPLY = "REPLY"
"""Where a refusal was said that came as an answer to a message."""

IN_CLEAR = re.compile(r".*@.*|[+(]?\d[\d ()./-]{5,}[\dXx]", re.DOTALL)
"""What a telephone number or an e-mail address looks like, and no reference."""


LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
"""What the tag of a language looks like (BCP 47)."""


class Rights(Restrictions):
    """Contact points, consents, opt-outs and wishes of one borrower.

    The same said twice is recorded once. Each takes effect at its instant, which may lie
    before the one at which it was heard of.
    """

    def change_zones(self, act: Act, *, zones: list[str], source: str) -> None:
        """Let the borrower plausibly be in these zones, and in no others.

        Raises:
            ZonesNotPlausible: there is no zone, or one that IANA does not know.
        """
        must_be_zones(zones)
        if zones != self.zones:
            self.record(
                events.ZonesChanged,
                act,
                act.business_on,
                borrower_ref=self.borrower_ref,
                jurisdiction=self.jurisdiction,
                zones=zones,
                zones_before=list(self.zones),
                source=source,
            )

    def change_jurisdiction(self, act: Act, *, jurisdiction: str, source: str) -> None:
        """Let the law of another place apply; what was decided under the former stays so."""
        if jurisdiction != self.jurisdiction:
            self.record(
                events.JurisdictionChanged,
                act,
                act.business_on,
                borrower_ref=self.borrower_ref,
                jurisdiction=jurisdiction,
                jurisdiction_before=self.jurisdiction,
                zones=list(self.zones),
                source=source,
            )

    def set_language(self, act: Act, *, language: str | None, source: str) -> None:
        """Let texts and scripts be in a language where there are such; None for what is usual.

        Raises:
            LanguageNotSound: it is no tag of a language.
        """
        if language is not None and not LANGUAGE.fullmatch(language):
            raise no.LanguageNotSound(
                f"{language!r} is no tag of a language: name it as en, de, zh or zh-Hant."
            )
        if language != self.language:
            self.record(
                events.LanguageSet,
                act,
                act.business_on,
                language=language,
                language_before=self.language,
                source=source,
            )

    # --- contact points ---------------------------------------------------------------

    def add_contact_point(
        self,
        act: Act,
        *,
        point_ref: str,
        kind: PointKind,
        source: PointSource,
        lawful_basis: str,
        added_at: datetime,
        party: Party = Party.BORROWER,
    ) -> None:
        """Let a number or address be known; without a lawful basis it cannot be used.

        Raises:
            ContactPointInClear: it is no reference but the number or address itself.
            ContactPointReused: the reference names another one, or one that was retired.
        """
        if IN_CLEAR.fullmatch(point_ref):
            raise no.ContactPointInClear(
                "That is the number or address itself: put it into the vault, and give the "
                "reference that it has there."
            )
        known = self.points.get(point_ref)
        if known is not None or point_ref in self.retired_points:
            if known is None or (known.kind, known.party) != (kind, party):
                raise no.ContactPointReused(
                    f"The reference {point_ref!r} already names another contact point."
                )
            return
        self.record(
            events.ContactPointAdded,
            act,
            act.business_on,
            point_ref=point_ref,
            kind=str(kind),
            party=str(party),
            source=str(source),
            lawful_basis=lawful_basis.strip(),
            added_at=added_at,
        )

    def refuse_contact_point(self, act: Act, *, point_ref: str, refused_at: datetime) -> None:
        """Let whose number it is be left alone.

        Raises:
            ContactPointUnknown: the borrower has no such contact point.
            ContactPointOwn: it is the borrower's own, who opts out instead.
        """
        point = self._point(point_ref)
        if point.party == Party.BORROWER:
            raise no.ContactPointOwn(
                f"{point_ref!r} is the borrower's own: record what they refuse as an opt-out, "
                "or block it, or retire it where it is somebody else's now."
            )
        if point.refused_at is None:
            self.record(
                events.ContactPointRefused,
                act,
                act.business_on,
                point_ref=point_ref,
                refused_at=refused_at,
            )

    def block_contact_point(
        self, act: Act, *, point_ref: str, reason: str, blocked_at: datetime
    ) -> None:
        """Put a number or address on the black list."""
        if self._point(point_ref).blocked_at is None:
            self.record(
                events.ContactPointBlocked,
                act,
                act.business_on,
                point_ref=point_ref,
                reason=reason,
                blocked_at=blocked_at,
            )

    def unblock_contact_point(
        self, act: Act, *, point_ref: str, reason: str, unblocked_at: datetime
    ) -> None:
        """Take a number or address off the black list."""
        if self._point(point_ref).blocked_at is not None:
            self.record(
                events.ContactPointUnblocked,
                act,
                act.business_on,
                point_ref=point_ref,
                reason=reason,
                unblocked_at=unblocked_at,
            )

    def retire_contact_point(
        self, act: Act, *, point_ref: str, reason: str, retired_at: datetime
    ) -> None:
        """Let a number or address be used no more: it is somebody else's now."""
        if point_ref not in self.retired_points:
            self._point(point_ref)
            self.record(
                events.ContactPointRetired,
                act,
                act.business_on,
                point_ref=point_ref,
                reason=reason,
                retired_at=retired_at,
            )

    def _point(self, point_ref: str) -> ContactPoint:
        point = self.points.get(point_ref)
        if point is None:
            raise no.ContactPointUnknown(
                f"The borrower has no contact point {point_ref!r}: add it first."
            )
        return point

    # --- consents and refusals ----------------------------------------------------------

    def grant_consent(
        self,
        act: Act,
        *,
        scope: ConsentScope,
        source: str,
        lawful_basis: str,
        granted_at: datetime,
        evidence_ref: str | None = None,
    ) -> None:
        """Let a consent stand; while one of the scope stands, another changes nothing.

        Raises:
            ConsentTakenBack: a consent of the scope was withdrawn later than that.
        """
        ends = [each.withdrawn_at for each in self.consents if each.scope == scope]
        withdrawn_at = max((each for each in ends if each is not None), default=None)
        if withdrawn_at is not None and granted_at <= withdrawn_at:
            raise no.ConsentTakenBack(
                f"A {scope} consent was withdrawn at {withdrawn_at:%Y-%m-%d %H:%M:%SZ}: "
                "one that was given before does not stand. Ask the borrower anew."
            )
        if not self._consents(scope):
            self.record(
                events.ConsentGranted,
                act,
                act.business_on,
                scope=str(scope),
                source=source,
                lawful_basis=lawful_basis,
                evidence_ref=evidence_ref,
                granted_at=granted_at,
            )

    def reconfirm_consent(
        self,
        act: Act,
        *,
        scope: ConsentScope,
        source: str,
        reconfirmed_at: datetime,
        evidence_ref: str | None = None,
    ) -> None:
        """Let a consent be confirmed a second time.

        Raises:
            ConsentMissing: there is none, or it was granted later than that.
        """
        standing = self._consents(scope)
        if not standing or min(each.granted_at for each in standing) > reconfirmed_at:
            raise no.ConsentMissing(f"There was no {scope} consent to confirm: grant it first.")
        if any(each.reconfirmed_at is None for each in standing):
            self.record(
                events.ConsentReconfirmed,
                act,
                act.business_on,
                scope=str(scope),
                source=source,
                evidence_ref=evidence_ref,
                reconfirmed_at=reconfirmed_at,
            )

    def withdraw_consent(
        self, act: Act, *, scope: ConsentScope, source: str, withdrawn_at: datetime
    ) -> None:
        """Let a consent end; what was withdrawn before stays so.

        Raises:
            ConsentMissing: it was never granted.
        """
        if not any(each.scope == scope for each in self.consents):
            raise no.ConsentMissing(f"There was no {scope} consent to withdraw.")
        if self._consents(scope):
            self.record(
                events.ConsentWithdrawn,
                act,
                act.business_on,
                scope=str(scope),
                source=source,
                withdrawn_at=withdrawn_at,
            )

    def _consents(self, scope: ConsentScope) -> list[Consent]:
        return [each for each in self.consents if each.scope == scope and each.withdrawn_at is None]

    def opt_out(
        self,
        act: Act,
        *,
        channel: Channel | None,
        purpose: Purpose | None,
        source: str,
        opted_out_at: datetime,
        keyword: str | None = None,
        contact_ref: str | None = None,
    ) -> None:
        """Let the borrower refuse a channel, a purpose, or both; None for every one.

        An earlier instant than the one that is known counts, a later one changes nothing.
        """
        same = [
            each for each in self.opt_outs if (each.channel, each.purpose) == (channel, purpose)
        ]
        if any(each.at <= opted_out_at for each in same):
            return
        self.record(
            events.OptedOut,
            act,
            act.business_on,
            channel=None if channel is None else str(channel),
            purpose=None if purpose is None else str(purpose),
            source=source,
            keyword=keyword,
            contact_ref=contact_ref,
            opted_out_at=opted_out_at,
        )

    def revoke_opt_out(
        self,
        act: Act,
        *,
        channel: Channel | None,
        purpose: Purpose | None,
        source: str,
        revoked_at: datetime,
    ) -> None:
        """Let a refusal end, named as it was made. A refusal of a later instant stands.

        Raises:
            OptOutUnknown: none stands that was made so by then.
        """
        if not any(each.ends_by(channel, purpose, revoked_at) for each in self.opt_outs):
            standing = "; ".join(
                f"{each.channel or 'every channel'} for {each.purpose or 'every purpose'}"
                f" since {each.at:%Y-%m-%d %H:%M:%SZ}"
                for each in self.opt_outs
            )
            raise no.OptOutUnknown(
                f"No refusal of {channel or 'every channel'} for {purpose or 'every purpose'}"
                f" stands that was made by {revoked_at:%Y-%m-%d %H:%M:%SZ}. Name one as it was"
                f" made: {standing or 'the borrower refused nothing'}."
            )
        self.record(
            events.OptOutRevoked,
            act,
            act.business_on,
            channel=None if channel is None else str(channel),
            purpose=None if purpose is None else str(purpose),
            source=source,
            revoked_at=revoked_at,
        )

    def heed_keyword(
        self, act: Act, *, keyword: Keyword, channel: Channel, contact_ref: str, said_at: datetime
    ) -> None:
        """Let what the borrower answered by a keyword count: a refusal, or the end of one.

        One is taken back on the channels that the word speaks of, whatever it was for;
        never one that was made later than the answer, and none once something else was
        answered later.
        """
        channels = [Channel(each) for each in keyword.channels(channel)]
        if keyword.meaning == KeywordMeaning.TAKES_BACK:
            self._take_back(act, channels, said_at)
            return
        purposes: list[Purpose | None] = [Purpose(each) for each in keyword.purposes]
        for each, purpose in product(channels, purposes or [None]):
            self.opt_out(
                act,
                channel=each,
                purpose=purpose,
                source=BY_REPLY,
                opted_out_at=said_at,
                keyword=keyword.word,
                contact_ref=contact_ref,
            )

    def _take_back(self, act: Act, channels: list[Channel], said_at: datetime) -> None:
        if any(
            past.outcome == Outcome.INBOUND and past.channel in channels and past.at > said_at
            for past in self.contacts.values()
        ):
            return
        last = {(each.channel, each.purpose): each.at for each in self.opt_outs}
        for (channel, purpose), at in last.items():
            if channel in channels and at < said_at:
                self.revoke_opt_out(
                    act, channel=channel, purpose=purpose, source=BY_REPLY, revoked_at=said_at
                )

    def set_own_hours(
        self, act: Act, *, hours: list[OwnHours], source: str, set_at: datetime
    ) -> None:
        """Let these be the hours the borrower asked for, in place of all before.

        Raises:
            HoursNotSound: hours end before they begin, or are none of the clock; or a day
                is none of the week.
        """
        for each in hours:
            _must_be_wish(each)
        if hours != self.own_hours:
            self.record(
                events.OwnHoursSet,
                act,
                act.business_on,
                hours=hours,
                hours_before=list(self.own_hours),
                source=source,
                set_at=set_at,
            )

    def wish_hours(
        self, act: Act, *, channel: str | None, hours: list[OwnHours], source: str, set_at: datetime
    ) -> None:
        """Let these be the hours asked for by one channel, or without one by any.

        They replace what was asked for the same; what was asked for another channel stays.

        Raises:
            HoursNotSound: they are none, or are for another channel.
        """
        if any(each.channel != channel for each in hours):
            raise no.HoursNotSound(f"These are not all hours for {channel or 'any channel'}.")
        others = [each for each in self.own_hours if each.channel != channel]
        self.set_own_hours(act, hours=[*others, *hours], source=source, set_at=set_at)


def must_be_zones(zones: list[str]) -> None:
    """Pass when there is a zone, and IANA knows each.

    Raises:
        ZonesNotPlausible: not so.
    """
    if not zones or not known_zones().issuperset(zones):
        raise no.ZonesNotPlausible(
            f"A borrower needs known time zones, not {', '.join(zones) or 'none'}."
        )


def _must_be_wish(wish: OwnHours) -> None:
    strange = [each for each in wish.weekdays or () if each not in WEEKDAYS]
    if strange:
        raise no.HoursNotSound(f"{strange[0]} is no day of the week: one of {', '.join(WEEKDAYS)}.")
    if wish.not_before_on is None:
        must_be_hours(wish.start, wish.end)
    elif (wish.start, wish.end) != ALL_DAY or not wish.only or wish.weekdays:
        raise no.HoursNotSound("A day before which there is no contact binds on every hour.")

"""One campaign: what is sent to whom, launched once by two people."""

from __future__ import annotations  # apply() names Campaign before it exists

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from domain.base.contact_policy import Channel, Purpose
from domain.base.refusal import Refusal, two_people
from domain.base.stream import Act, Stream
from domain.operations.design import NAME

PURPOSES = (Purpose.MARKETING, Purpose.CARE, Purpose.EDUCATION)
MESSAGES = (Channel.SMS, Channel.EMAIL, Channel.PUSH, Channel.WECOM, Channel.LETTER)


class CampaignNotSound(Refusal):
    """A campaign contradicts itself, or names what is not there."""

    code = "CAMPAIGN_NOT_SOUND"


class CampaignKnown(Refusal):
    """The name is that of another campaign; one that was launched is never edited."""

    code = "CAMPAIGN_KNOWN"


class CampaignNotNow(Refusal):
    """The day is none of the campaign's."""

    code = "CAMPAIGN_NOT_NOW"


@dataclass(frozen=True)
class SaidFigure:
    """A figure of the text, as it reads."""

    figure: str
    reads: str


@dataclass(frozen=True)
class Audience:
    """Which borrowers are meant: by law, by product and state of one of their loans.

    Nobody who is late with any loan is ever meant. What is empty does not matter.
    """

    jurisdiction: str
    products: list[str]
    states: list[str]


@dataclass(frozen=True)
class Plan:
    """A campaign as it is written down; *template* is a family of texts.

    It is sent from *valid_from* on, and not on *valid_until* or later.
    """

    campaign: str
    purpose: str
    channels: list[str]
    template: str
    product_line: str | None
    figures: list[SaidFigure]
    audience: Audience
    valid_from: date
    valid_until: date

    def must_be_sent_on(self, day: date) -> None:
        """Pass on the days of the campaign.

        Raises:
            CampaignNotNow: the day is none of them.
        """
        if not self.valid_from <= day < self.valid_until:
            raise CampaignNotNow(
                f"{self.campaign} is sent from {self.valid_from} until {self.valid_until};"
                f" {day} is none of these days."
            )

    def faults(self) -> list[str]:
        """Everything that is wrong with it by itself, in sentences; empty when it is sound."""
        return list(self._faults())

    def _faults(self) -> Iterator[str]:
        if not NAME.fullmatch(self.campaign):
            yield f"The name {self.campaign!r} is not of small letters, digits and hyphens."
        if self.purpose not in PURPOSES:
            yield f"A campaign is for one of {', '.join(PURPOSES)}, not {self.purpose}."
        if not self.channels or set(self.channels) - set(MESSAGES):
            yield f"A campaign goes by {', '.join(MESSAGES)}; name one or more of them."
        if self.purpose == Purpose.MARKETING and not self.product_line:
            yield "It advertises: say in product_line for what."
        if self.valid_from >= self.valid_until:
            yield f"It ends on {self.valid_until}, which is not after its first day."


class Campaign(Stream):
    """One campaign that was launched."""

    TOPIC = "campaign"
    KAFKA_TOPIC = "experiment.events"

    def __init__(self) -> None:
        self.plan: Plan
        self.launched_on = date.min
        self.launched_by: list[str] = []

    class Event(Stream.Event):
        """Anything that happened to a campaign."""

    class Opened(Event, Stream.Opened):
        """The first event of a campaign."""

        TOPIC = "campaign.begun"

    class Created(Opened):
        """The library's name for the first event; never recorded."""

        TOPIC = "campaign.created"

    class Launched(Opened):
        """Messages are queued for so many borrowers; the gate decides on each when it is sent."""

        TOPIC = "campaign.launched"
        plan: Plan
        borrowers: int
        requested_by: str
        approved_by: str

        def apply(self, campaign: Campaign) -> None:
            campaign.plan = self.plan
            campaign.launched_on = self.business_on
            campaign.launched_by = [self.requested_by, self.approved_by]

    @classmethod
    def launch(
        cls, act: Act, campaign_id: UUID, plan: Plan, *, borrowers: int, approved_by: str
    ) -> Campaign:
        """A campaign whose messages wait for the gate.

        Raises:
            SamePerson: who asks for it approves it.
            CampaignNotNow: the day is none of its days.
        """
        two_people(act.actor, approved_by, "A campaign")
        plan.must_be_sent_on(act.business_on)
        return cls.open(
            cls.Launched,
            act,
            campaign_id,
            act.business_on,
            plan=plan,
            borrowers=borrowers,
            requested_by=act.actor,
            approved_by=approved_by,
        )

    @property
    def campaign(self) -> str:
        """Its name."""
        return self.plan.campaign

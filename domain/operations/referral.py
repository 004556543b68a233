"""That a borrower was referred by another, and what for."""

from __future__ import annotations  # apply() names Referral before it exists

from datetime import date
from uuid import UUID

from domain.base.policy import ReferralRule
from domain.base.refusal import Refusal
from domain.base.stream import Act, Stream


class RewardNotAllowed(Refusal):
    """The reward is of a kind that nobody may be given for a referral."""

    code = "REWARD_NOT_ALLOWED"


class ReferredThemselves(Refusal):
    """Nobody refers themselves."""

    code = "REFERRED_THEMSELVES"


class Referral(Stream):
    """One referral: of a borrower there is one at most, whoever says it later."""

    TOPIC = "referral"
    KAFKA_TOPIC = "experiment.events"

    def __init__(self) -> None:
        self.referred_id: UUID
        self.referred_by: UUID
        self.reward: str | None
        self.referred_on: date

    class Event(Stream.Event):
        """Anything that happened to a referral."""

    class Opened(Event, Stream.Opened):
        """The first event of a referral."""

        TOPIC = "referral.begun"

    class Created(Opened):
        """The library's name for the first event; never recorded."""

        TOPIC = "referral.created"

    class Recorded(Opened):
        """A borrower was referred by another, who gets this kind of reward or none."""

        TOPIC = "referral.recorded"
        referred_id: UUID
        referred_by: UUID
        reward: str | None
        policy_version: str

        def apply(self, referral: Referral) -> None:
            referral.referred_id = self.referred_id
            referral.referred_by = self.referred_by
            referral.reward = self.reward
            referral.referred_on = self.business_on

    @classmethod
    def of(
        cls,
        act: Act,
        referral_id: UUID,
        *,
        referred_id: UUID,
        referred_by: UUID,
        reward: str | None,
        rule: ReferralRule,
    ) -> Referral:
        """That a borrower was referred.

        Raises:
            ReferredThemselves: both are one borrower.
            RewardNotAllowed: the rule does not list the kind of reward.
        """
        if referred_id == referred_by:
            raise ReferredThemselves("Nobody is referred by themselves: name two borrowers.")
        if reward is not None and reward not in rule.rewards:
            raise RewardNotAllowed(
                f"{reward} is no reward for a referral: give one of {', '.join(rule.rewards)}, or"
                f" none ({rule.version}: {rule.source})."
            )
        return cls.open(
            cls.Recorded,
            act,
            referral_id,
            act.business_on,
            referred_id=referred_id,
            referred_by=referred_by,
            reward=reward,
            policy_version=rule.version,
        )

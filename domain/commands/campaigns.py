"""What can be done with campaigns, and with referrals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from uuid import UUID, uuid5

from domain.base.contact_policy import Channel, Purpose
from domain.base.stream import Act
from domain.borrower.borrower import Borrower
from domain.borrower.contact_state import Figure
from domain.commands.book import Book, command
from domain.commands.dispatch import Planned
from domain.commands.planning import Turn, first_moment
from domain.commands.texts import PRODUCT, FindFigures, figures_of, product_faults
from domain.commands.trials import occasion_of
from domain.operations.campaign import Campaign, CampaignKnown, CampaignNotSound, Plan
from domain.operations.referral import Referral


def campaign_id(book: Book, name: str) -> UUID:
    """The stream of a campaign, by its name."""
    return uuid5(book.namespace, f"campaign:{name}")


def faults_of(book: Book, plan: Plan, on: date) -> list[str]:
    """Everything that is wrong with a campaign, and what it names that is not there."""
    return [*plan.faults(), *_text_faults(book, plan, on)]


def _text_faults(book: Book, plan: Plan, on: date) -> Iterator[str]:
    find = figures_of(book, on, plan.audience.jurisdiction)
    said = _figures(plan, find)
    product = said.get(PRODUCT)
    if product is not None and find(product) is None:
        yield f"{product} is not published: its figures cannot be said."
        return
    for channel in plan.channels:
        texts = [
            each
            for each in book.rules.texts_in_force(on)
            if plan.template in (each.rule, each.family)
            and (each.channel, each.jurisdiction) == (channel, plan.audience.jurisdiction)
        ]
        if not texts:
            yield (
                f"No text of {plan.template} by {channel} is in force in"
                f" {plan.audience.jurisdiction}: see template list."
            )
        for text in texts:
            if text.purpose != plan.purpose:
                yield f"{text.rule} is a text for {text.purpose}, not for {plan.purpose}."
            missing = sorted(set(text.figures) - set(said))
            if missing:
                yield f"{text.rule} needs the figures {', '.join(missing)}."
                continue
            taken = {name: said[name] for name in text.figures}
            for fault in product_faults(text, taken, product, find):
                yield f"{text.rule}: {fault}."


@command
def launch(book: Book, act: Act, *, plan: Plan, borrowers: int, approved_by: str) -> Campaign:
    """Let a campaign begin that so many borrowers are meant by; the same again changes nothing.

    Raises:
        CampaignNotSound: with everything that is wrong, at once.
        CampaignKnown: another one has the name.
        CampaignNotNow: the day is none of its days.
        SamePerson: who asks for it approves it.
    """
    stream_id = campaign_id(book, plan.campaign)
    known = book.find(Campaign, stream_id)
    if known is not None:
        if known.plan != plan:
            raise CampaignKnown(
                f"{plan.campaign} was launched with another plan, and none is ever edited:"
                " give this one a name of its own."
            )
        plan.must_be_sent_on(act.business_on)
        return known
    faults = faults_of(book, plan, act.business_on)
    if faults:
        raise CampaignNotSound(" ".join(faults))
    return Campaign.launch(act, stream_id, plan, borrowers=borrowers, approved_by=approved_by)


def turns(
    book: Book, plan: Plan, borrowers: Iterable[Borrower], start: datetime, expires_at: datetime
) -> Iterator[Turn]:
    """One message of a campaign for each borrower, at the first moment from *start* on."""
    figures = _figures(plan, figures_of(book, start.date(), plan.audience.jurisdiction))
    for borrower in borrowers:
        planned = Planned(
            contact_ref=f"M-{borrower.borrower_ref}-{plan.campaign}",
            borrower_id=borrower.id,
            purpose=Purpose(plan.purpose),
            channels=tuple(Channel(each) for each in plan.channels),
            template=plan.template,
            occasion=occasion_of(plan.campaign),
            about=(),
            figures=tuple(Figure(name, reads) for name, reads in figures.items()),
            product_line=plan.product_line,
            trial=None,
            expires_at=expires_at,
        )
        yield Turn(planned, first_moment(borrower, planned, book.rules.contact, start))


def _figures(plan: Plan, find: FindFigures) -> dict[str, str]:
    """What a campaign says; of a product version that it names, what it leaves out too."""
    said = {each.figure: each.reads for each in plan.figures}
    product = said.get(PRODUCT)
    return {**((find(product) if product else None) or {}), **said}


@command
def refer(
    book: Book, act: Act, *, referred_id: UUID, referred_by: UUID, reward: str | None
) -> Referral:
    """Note that a borrower was referred by another, and what kind of reward there is for it.

    Raises:
        AlreadyThere: somebody referred the borrower before.
        RewardNotAllowed: no rule in force lists the kind of reward.
    """
    book.get(Borrower, referred_id)
    referrer = book.get(Borrower, referred_by)
    stream_id = uuid5(book.namespace, f"referral:{referred_id}")
    book.must_be_new(stream_id, book.streams.load([stream_id]))
    return Referral.of(
        act,
        stream_id,
        referred_id=referred_id,
        referred_by=referred_by,
        reward=reward,
        rule=book.policies.referral_rule(referrer.jurisdiction, act.business_on),
    )

"""All dated rules that are known: those shipped as files, and those published since."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import cache, partial
from itertools import takewhile
from operator import attrgetter

from domain.base.contact_policy import ContactRules
from domain.base.dated_rules import DatedRules, Entry, Source
from domain.base.provider import Register
from domain.base.stream import Stream
from domain.commands.book import Book
from domain.loan.as_of import KnownAt
from domain.loan.as_of import known as known_by
from domain.policy.policy import Policy, Stage
from infra import contact_policies, policies, text_templates
from infra.channels import providers
from infra.rule_files import (
    Kind,
    Written,
    entry_of,
    made,
    repeated,
    rows_of,
    rows_of_folder,
    values_of,
    written_of,
)

HOUSE = policies.FILES / "house"
"""Rules of ours that are stricter than the shipped rules of contact (docs/POLICY.md)."""

TEXTS = policies.FILES / "texts"
"""The texts and scripts that are shipped."""

AS_IT_HAPPENED = timedelta(days=1)
"""So far the day of the clock may be from the business date of what is recorded as it happens."""

KINDS: dict[str, Kind] = {
    **policies.KINDS,
    **contact_policies.KINDS,
    **text_templates.KINDS,
    **providers.KINDS,
}


@cache
def shipped() -> tuple[tuple[Written, Entry], ...]:
    """Every entry that is shipped with the program, as read and as written down."""
    folders = (policies.FILES, contact_policies.FILES, HOUSE, TEXTS, providers.FILES)
    found = [written for folder in folders for written in rows_of_folder(folder)]
    return tuple((written, entry_of(written, KINDS)) for written in found if made(written, KINDS))


def rules_known(published: Sequence[Policy] = ()) -> DatedRules:
    """The rules of the files and those *published*, in the order of their publication.

    Raises:
        ValueError: an entry is no rule of its kind.
    """
    since = [entry for policy in published for entry in policy.published()]
    sources = [Source(entry, shipped=True) for _, entry in shipped()]
    sources += [Source(entry, shipped=False) for entry in since]
    written = [each for each, _ in shipped()] + [written_of(entry) for entry in since]
    contact = [each for each in written if each.kind in contact_policies.KINDS]
    servicing = [each for each in written if each.kind in policies.KINDS]
    texts = [each for each in written if each.kind in text_templates.KINDS]
    carriers = [each for each in written if each.kind in providers.KINDS]
    return DatedRules(
        policies=policies.policies_of(servicing),
        contact=_looked_at(ContactRules(**values_of(contact, contact_policies.KINDS)), published),
        sources=tuple(sources),
        register=Register(**values_of(carriers, providers.KINDS)),
        **values_of(texts, text_templates.KINDS),
    )


def rules_known_at(book: Book, at: datetime, on: date) -> DatedRules:
    """The rules as they were known at an instant of the day *on*: what came later is left out.

    An event that was recorded as it happened counts from its instant. One of a history that
    was simulated or taken over, whose instant says when that was done, from its business day.
    """
    return _rules_by(book, partial(takewhile, lambda event: _is_known(event, at, on)))


def rules_as_known(book: Book, at: KnownAt | None) -> DatedRules:
    """The rules as they were known at the end of a business day, or at an instant; else now."""
    if at is None:
        return book.rules
    return _rules_by(book, lambda events: known_by(events, at))


def _rules_by(
    book: Book, known: Callable[[Iterable[Stream.Event]], Iterable[Stream.Event]]
) -> DatedRules:
    """The rules by those events of each policy that were *known*, the first so many of them."""
    then: list[Policy] = []
    for policy in book.streams.policies():
        recorded = book.events.get(policy.id)
        found: Policy | None = None
        for event in known(each for each in recorded if isinstance(each, Stream.Event)):
            found = event.mutate(found)
        if found is not None:
            then.append(found)
    return rules_known(sorted(then, key=attrgetter("modified_on")))


def _is_known(event: Stream.Event, at: datetime, on: date) -> bool:
    if abs(event.timestamp.date() - event.business_on) <= AS_IT_HAPPENED:
        return event.timestamp <= at
    return event.business_on <= on


def read_rule(entry: Entry) -> object:
    """The value of an entry.

    Raises:
        ValueError: it is no rule of its kind.
    """
    return made(written_of(entry), KINDS)


def _looked_at(rules: ContactRules, published: Sequence[Policy]) -> ContactRules:
    """The rules with when somebody looked at them: to publish a version, or to confirm it."""
    looks: dict[tuple[str, str], list[datetime]] = {}
    for policy in published:
        for look in policy.looks:
            looks.setdefault((policy.rule, look.version), []).append(look.at)
        for each in policy.versions:
            if each.stage == Stage.PUBLISHED and each.answered_at is not None:
                looks.setdefault((policy.rule, each.entry.version), []).append(each.answered_at)
    return rules.looked_at(looks)


def checked(text: str, place: str, known: DatedRules) -> tuple[list[Entry], list[str]]:
    """The entries that a text holds, and everything that is wrong with them, at once.

    An entry is held against what is *known* too: its version must be new, its kind and
    jurisdiction those of its name.
    """
    try:
        found = rows_of(text, place)
    except ValueError as fault:
        return [], [str(fault)]
    entries, wrong = [], []
    for written in found:
        try:
            made(written, KINDS)
            entry = entry_of(written, KINDS)
        except ValueError as fault:
            wrong.append(str(fault))
            continue
        entries.append(entry)
        wrong += [f"{place}: {fault}" for fault in _against(entry, known)]
    wrong += [f"{place}: {each} stands there twice" for each in repeated(entries)]
    if not found:
        wrong.append(f"{place}: there is no rule in it")
    return entries, wrong


def _against(entry: Entry, known: DatedRules) -> Iterator[str]:
    versions = [source.entry for source in known.versions(entry.rule)]
    if any(each.version == entry.version and each.digest != entry.digest for each in versions):
        yield f"{entry.rule} has another version {entry.version}: give the change its own"
    if versions and (versions[0].kind, versions[0].jurisdiction) != (
        entry.kind,
        entry.jurisdiction,
    ):
        yield (
            f"{entry.rule} is of kind {versions[0].kind} for {versions[0].jurisdiction}:"
            " give another rule another name"
        )

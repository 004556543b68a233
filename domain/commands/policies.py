"""What can be done with dated rules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID, uuid5

from domain.base.dated_rules import Entry
from domain.base.refusal import Refusal
from domain.base.stream import Act
from domain.base.text_template import TextTemplate
from domain.commands.book import Book, act_on, command
from domain.commands.texts import TextNotSound, faults_of, figures_of
from domain.policy.policy import Policy, PolicyUnknown, RuleNotSound

TEMPLATE = "template"
"""The kind of an entry that is a text."""


class TextUnreviewed(Refusal):
    """A text was to be published and nobody reviewed it."""

    code = "TEXT_UNREVIEWED"


def policy_id(book: Book, rule: str) -> UUID:
    """The stream of a rule, by its name."""
    return uuid5(book.namespace, f"policy:{rule}")


@command
def publish(
    book: Book,
    act: Act,
    *,
    entries: Sequence[Entry],
    approved_by: str,
    backdated_because: str | None = None,
) -> list[Policy]:
    """Let versions of rules count from their days, all of them or none.

    Raises:
        SamePerson: who asks for them approves them.
        RuleVersionTaken: one is there already with other content.
        RuleBackdated: the first day of one is past, and nobody says why.
        RuleNotSound: one is no rule of its kind.
        TextUnreviewed: one is a text.
    """
    for entry in entries:
        if entry.kind == TEMPLATE:
            raise TextUnreviewed(
                f"{entry.rule} is a text: submit it, and let somebody else approve."
            )
    found, acts = _streams(book, act, entries)
    for entry in entries:
        found[entry.rule].publish(
            acts[entry.rule],
            entry,
            taken=_taken(book, entry),
            requested_by=act.actor,
            approved_by=approved_by,
            backdated_because=backdated_because,
        )
    return _sound(book, found)


@command
def submit(book: Book, act: Act, *, entries: Sequence[Entry]) -> list[Policy]:
    """Let versions of rules wait for somebody else's answer.

    Raises:
        RuleVersionTaken: one is there already with other content.
        RuleNotSound: the name is that of another rule, or one is no rule of its kind.
        TextNotSound: a text breaks a rule, or says what is not so of a product.
    """
    found, acts = _streams(book, act, entries)
    for entry in entries:
        found[entry.rule].submit(acts[entry.rule], entry, taken=_taken(book, entry))
        _must_be_sound(book, act, entry)
    return list(found.values())


@command
def approve(
    book: Book, act: Act, *, rule: str, version: str, backdated_because: str | None = None
) -> list[Policy]:
    """Answer that a version which was submitted counts from its day.

    Raises:
        PolicyUnknown: there is no such rule.
        NotSubmitted: the version does not wait for an answer.
        SamePerson: who submitted it would approve it.
        RuleBackdated: its first day is past, and nobody says why.
        TextNotSound: a text breaks a rule of today, or says what is not so of a product.
    """
    policy = _known(book, rule)
    policy.approve(act, version, backdated_because=backdated_because)
    _must_be_sound(book, act, policy.published()[-1])
    return _sound(book, {rule: policy})


@command
def refuse(book: Book, act: Act, *, rule: str, version: str, reason: str) -> Policy:
    """Answer that a version which was submitted will not count."""
    policy = _known(book, rule)
    policy.refuse(act, version, reason=reason)
    return policy


@command
def withdraw(book: Book, act: Act, *, rule: str, version: str, reason: str) -> Policy:
    """Let a version that is not in force yet never be.

    Raises:
        PolicyUnknown: it was not published.
        RuleInForce: its first day has come.
    """
    policy = _known(book, rule)
    policy.withdraw(act, version, reason=reason)
    return policy


@command
def retire(
    book: Book, act: Act, *, rule: str, version: str, ends_on: date, reason: str, approved_by: str
) -> Policy:
    """Let a published version end on a day, with none in its place.

    Raises:
        PolicyUnknown: it was not published.
        RuleBackdated: the day is past, or it has ended before.
        SamePerson: who asks for it approves it.
    """
    policy = _known(book, rule)
    policy.retire(
        act,
        version,
        ends_on=ends_on,
        reason=reason,
        requested_by=act.actor,
        approved_by=approved_by,
    )
    return policy


@command
def confirm(book: Book, act: Act, *, rules: Sequence[str]) -> list[Policy]:
    """Note that somebody looked at rules in force today, and they still hold.

    Raises:
        PolicyUnknown: one of them is not in force.
    """
    held = {source.entry.rule: source.entry for source in book.rules.held(act.business_on)}
    for rule in rules:
        if rule not in held:
            raise PolicyUnknown(
                f"No version of {rule} is in force; policy list shows those that are."
            )
    found, acts = _streams(book, act, [held[rule] for rule in rules])
    for rule, policy in found.items():
        policy.confirm(acts[rule], held[rule])
    return list(found.values())


def _streams(
    book: Book, act: Act, entries: Sequence[Entry]
) -> tuple[dict[str, Policy], dict[str, Act]]:
    """The streams of rules by their names, and the act on each; those of new names begin."""
    ids = {entry.rule: policy_id(book, entry.rule) for entry in entries}
    known = book.get_many(Policy, ids.values())
    acts = {
        rule: act if place == 0 else act_on(act, stream_id)
        for place, (rule, stream_id) in enumerate(ids.items())
    }
    first = {entry.rule: entry for entry in reversed(entries)}
    found = {
        rule: known.get(stream_id) or _begun(book, acts[rule], first[rule])
        for rule, stream_id in ids.items()
    }
    return found, acts


def _begun(book: Book, act: Act, entry: Entry) -> Policy:
    """The stream of a rule nothing was recorded of; kind and place are those it always had."""
    shipped = book.rules.versions(entry.rule)
    return Policy.named(act, policy_id(book, entry.rule), shipped[0].entry if shipped else entry)


def _known(book: Book, rule: str) -> Policy:
    policy = book.find(Policy, policy_id(book, rule))
    if policy is None:
        raise PolicyUnknown(f"Nothing was published under {rule}; policy list shows what was.")
    return policy


def _taken(book: Book, entry: Entry) -> set[str]:
    """The versions of a rule that are shipped with the program."""
    known = book.rules.versions(entry.rule)
    return {source.entry.version for source in known if source.shipped}


def _sound(book: Book, found: dict[str, Policy]) -> list[Policy]:
    policies = list(found.values())
    try:
        book.rules_known(policies)
    except ValueError as fault:
        raise RuleNotSound(f"{fault}.") from None
    return policies


def _must_be_sound(book: Book, act: Act, entry: Entry) -> None:
    """Pass when an entry can be read, and a text breaks no rule of the day that it counts from.

    Raises:
        RuleNotSound: it is no rule of its kind.
        TextNotSound: it is a text, and something is wrong with it.
    """
    try:
        value = book.read_rule(entry)
    except ValueError as fault:
        raise RuleNotSound(f"{fault}.") from None
    if not isinstance(value, TextTemplate):
        return
    on = max(act.business_on, entry.valid_from)
    faults = faults_of(value, book.rules, on, figures_of(book, on, value.jurisdiction))
    if faults:
        raise TextNotSound(f"{entry.rule} {entry.version}: {'; '.join(faults)}.")

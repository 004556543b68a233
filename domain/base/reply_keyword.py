"""Words with which people who answer a message refuse, or take a refusal back.

No word stands here; they are policy files with sources.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cached_property


class KeywordMeaning(StrEnum):
    """What somebody wants who answers with a keyword."""

    REFUSES = "REFUSES"
    TAKES_BACK = "TAKES_BACK"


@dataclass(frozen=True)
class ReplyKeywords:
    """Words that mean the same as an answer.

    They speak of the channel that they came by and of those in *also*; they refuse the
    *purposes*, without any of these every one. *confirmed_by* is the family of the text
    that says so once.
    """

    version: str
    jurisdiction: str
    meaning: KeywordMeaning
    words: tuple[str, ...]
    also: tuple[str, ...]
    purposes: tuple[str, ...]
    valid_from: date
    valid_until: date | None
    source: str
    confirmed_by: str | None = None

    @cached_property
    def spelt(self) -> frozenset[str]:
        """The words as they are compared."""
        return frozenset(map(spelt, self.words))


@dataclass(frozen=True)
class Keyword:
    """A keyword that somebody said, as a rule writes it, and what it means by all the rules."""

    word: str
    meaning: KeywordMeaning
    also: tuple[str, ...]
    purposes: tuple[str, ...]
    confirmed_by: str | None

    def channels(self, answered_by: str) -> list[str]:
        """The channels that it speaks of when it came by one."""
        return [answered_by, *(each for each in self.also if each != answered_by)]


def spelt(text: str) -> str:
    """*text* in letters and digits alone, without regard to width, capitals and spaces."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(each for each in folded if each.isalnum())


def keyword_in(text: str, keywords: Iterable[ReplyKeywords]) -> Keyword | None:
    """The keyword that a whole text is; None when it is none.

    Where several rules know the word the strictest wins: a word that would mean both
    refuses, and it refuses what any of them says.
    """
    said = spelt(text)
    found = [each for each in keywords if said in each.spelt]
    if not found:
        return None
    counts = [each for each in found if each.meaning == KeywordMeaning.REFUSES] or found
    also = [set(each.also) for each in counts]
    refuses = counts[0].meaning == KeywordMeaning.REFUSES
    all_purposes = any(not each.purposes for each in counts)
    return Keyword(
        next(word for word in counts[0].words if spelt(word) == said),
        counts[0].meaning,
        tuple(sorted(set.union(*also) if refuses else set.intersection(*also))),
        () if all_purposes else tuple(sorted({one for each in counts for one in each.purposes})),
        next((each.confirmed_by for each in counts if each.confirmed_by), None),
    )

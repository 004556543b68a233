"""Words with which people who answer a message refuse, or take a refusal back.

No word stands here; they are policy files with sources.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cached_property


class KeywordMeaning(StrEnum):
    """What somebody wants who answers with a keyword; MAY_REFUSE is one among other words."""

    REFUSES = "REFUSES"
    TAKES_BACK = "TAKES_BACK"
    MAY_REFUSE = "MAY_REFUSE"


@dataclass(frozen=True)
class ReplyKeywords:
    """Words that mean the same as an answer; of MAY_REFUSE, in an answer that says more.

    They speak of the channel that they came by and of those in *also*; they refuse the
    *purposes*, without any of these every one. *confirmed_by* is the family of the text
    that says so once. What may be a refusal keeps its purposes back until it was read.
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


@dataclass(frozen=True)
class FoundWord:
    """A keyword that an answer holds among other words, by the version of a rule.

    Until somebody read the answer, one that MAY_REFUSE keeps back the *purposes* on the
    *channels*; without purposes every one.
    """

    word: str
    meaning: str
    version: str
    channels: list[str]
    purposes: list[str]


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
    whole = (each for each in keywords if each.meaning != KeywordMeaning.MAY_REFUSE)
    found = [each for each in whole if said in each.spelt]
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


def words_among(
    text: str, keywords: Iterable[ReplyKeywords], answered_by: str
) -> tuple[FoundWord, ...]:
    """The keywords that a text holds among other words, in the order of the rules.

    *answered_by* is the channel it came by. A word counts where words begin and end, and
    anywhere in a script that does not part them.
    """
    parts = _parts(text)
    held = [(each, word) for each in keywords for word in each.words if _holds(parts, spelt(word))]
    # Where a rule says what such a word may mean among others, it says it all.
    may = {spelt(word) for each, word in held if each.meaning == KeywordMeaning.MAY_REFUSE}
    return tuple(
        FoundWord(
            word,
            str(each.meaning),
            each.version,
            [answered_by, *(also for also in each.also if also != answered_by)],
            list(each.purposes),
        )
        for each, word in held
        if each.meaning == KeywordMeaning.MAY_REFUSE or spelt(word) not in may
    )


def _parts(text: str) -> list[str]:
    """The words of a text as they are compared; letters without capitals, one by one."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    parts, word = [], ""
    for each in folded:
        alone = unicodedata.category(each) == "Lo"
        if each.isalnum() and not alone:
            word += each
            continue
        parts += [word] if word else []
        parts += [each] if alone else []
        word = ""
    return [*parts, word] if word else parts


def _holds(parts: Sequence[str], word: str) -> bool:
    """Whether successive *parts* are the word."""
    for start in range(len(parts)):
        joined = ""
        for part in parts[start:]:
            joined += part
            if joined == word:
                return True
            if not word.startswith(joined):
                break
    return False

"""The whole demo as intended commands by business day; the same seed, the same plan."""

from __future__ import annotations

from random import Random

from entrypoints.demo import berka, companion
from entrypoints.demo.intents import Diary, Plan

SEED = 19930701


def plan(seed: int = SEED) -> Plan:
    """What is to be carried out on each business day; nothing is read but the tape."""
    diary = Diary()
    berka.tell(diary, Random(f"{seed}:tape"))  # noqa: S311 - not for secrets
    companion.tell(diary, Random(f"{seed}:companion"))  # noqa: S311
    return diary.days

"""The stages of an application and what each is waiting for."""

from datetime import date, timedelta
from enum import StrEnum

from domain.base.policy import ServiceLevels


class Stage(StrEnum):
    """Where an application stands, in the order it goes through them."""

    EVIDENCE = "EVIDENCE"
    DECISION = "DECISION"
    DISCLOSURE = "DISCLOSURE"
    SIGNING = "SIGNING"
    DISBURSEMENT = "DISBURSEMENT"
    SERVICING = "SERVICING"
    DECLINED = "DECLINED"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"


def stage_due_on(stage: str, entered_on: date, levels: ServiceLevels) -> date | None:
    """The last day on which *stage* is within its service level; None without one."""
    days = levels.stage_days.get(stage)
    return None if days is None else entered_on + timedelta(days=days)

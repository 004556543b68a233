"""Messages for tests of channels."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import uuid4

from domain.base.contact_policy import Channel
from infra.channels.message import Message
from infra.channels.webhook import Patience

SECRET = "whsec_" + "c2VjcmV0LW9mLXRlc3RzLTMyLWJ5dGVzLWxvbmch"
NUMBER = "+8613800138000"
SHORT = Patience(
    connect_seconds=1.0,
    read_seconds=0.3,
    first_pause_seconds=0.01,
    longest_pause_seconds=0.05,
    budget_seconds=3.0,
)


def message(**said: Any) -> Message:
    """A text message in Chinese, with a ref of its own."""
    values = {
        "contact_ref": f"C-{uuid4().hex[:12]}",
        "channel": Channel.SMS,
        "jurisdiction": "CN",
        "recipient": NUMBER,
        "text": "【示例消费金融】您的还款日是 12 月 1 日。",
        "sender": "示例消费金融",
        "on": date(2026, 11, 23),
    }
    return Message(**{**values, **said})


def letter(**said: Any) -> Message:
    values = {"channel": Channel.LETTER, "recipient": "张三\n北京市朝阳区 1 号\n100000"}
    return message(**{**values, **said})

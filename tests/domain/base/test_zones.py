"""Which time zones a place may have."""

from __future__ import annotations

import pytest

from domain.base.zones import known_zones


@pytest.mark.parametrize("name", ["Asia/Shanghai", "America/New_York", "Asia/Kathmandu", "UTC"])
def test_a_zone_that_iana_names_is_known(name: str) -> None:
    assert name in known_zones()


@pytest.mark.parametrize("name", ["localtime", "Factory", "Mars/Base", "asia/shanghai", ""])
def test_where_the_machine_stands_and_nowhere_are_no_zones_of_a_place(name: str) -> None:
    assert name not in known_zones()

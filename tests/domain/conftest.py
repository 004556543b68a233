"""Properties are tried with more examples, if these are asked for.

``pytest --hypothesis-profile=thorough tests/domain`` tries many others, at random;
``pytest --hypothesis-profile=ten-thousand -k order tests/domain`` ten thousand orders of
arrival for each property that speaks of one. Neither is ended by the clock.
"""

import pytest
from hypothesis import HealthCheck, settings

LONG = {"thorough": 3_000, "ten-thousand": 10_000}

for name, examples in LONG.items():
    settings.register_profile(
        name,
        deadline=None,
        max_examples=examples,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow],
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the properties the time that so many examples take."""
    if settings.get_current_profile_name() in LONG:
        for item in items:
            item.add_marker(pytest.mark.timeout(0))

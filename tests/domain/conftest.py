"""How properties are tried: the same examples every time, unless more are asked for.

``pytest --hypothesis-profile=thorough tests/domain`` tries many others, at random.
"""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    max_examples=50,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "thorough",
    deadline=None,
    max_examples=3000,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
if settings.get_current_profile_name() != "thorough":
    settings.load_profile("repeatable")

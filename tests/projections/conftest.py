"""The same examples of a property every time, however busy the machine is."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "projections",
    derandomize=True,
    deadline=None,
    max_examples=50,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
if settings.get_current_profile_name() == "default":
    settings.load_profile("projections")

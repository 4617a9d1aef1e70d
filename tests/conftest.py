"""What holds for all tests."""

from hypothesis import HealthCheck, settings

# How fast examples are made says nothing of the code where other programs share the processor.
settings.register_profile(
    "shared", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("shared")

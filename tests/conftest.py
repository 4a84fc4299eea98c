"""Settings of every test."""

from hypothesis import settings

# A deadline in milliseconds measures the machine, not the code.
settings.register_profile("platform", deadline=None)
settings.load_profile("platform")

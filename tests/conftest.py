"""No test is timed: machines are noisy, and a first call may compile."""

from hypothesis import settings

settings.register_profile("edgeprint", deadline=None)
settings.load_profile("edgeprint")

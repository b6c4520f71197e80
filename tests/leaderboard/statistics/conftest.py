"""Property tests here may take their time: on a busy machine a deadline for one example measures the machine."""

from hypothesis import settings

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

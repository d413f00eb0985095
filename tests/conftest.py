"""What holds for the whole suite."""

from hypothesis import settings

# How long an example takes says how busy the machine is; that is for benchmarks.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")

"""What holds for the whole suite."""

import os

from hypothesis import settings

# How long an example takes says how busy the machine is; that is for benchmarks.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores, since every third moment a test waits for a socket, a disk or another process."""
    return (os.cpu_count() or 1) + 1

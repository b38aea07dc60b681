"""The processors of this machine."""
from __future__ import annotations

import os


def processors() -> int:
    """How many processors this process may use."""
    affinity = getattr(os, 'sched_getaffinity', None)  # macOS has none
    return os.cpu_count() or 1 if affinity is None else len(affinity(0))

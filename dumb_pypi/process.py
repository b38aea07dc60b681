"""This process: the CPUs it may use, and how often it collects garbage.

Commands, builder and scanner need it, so that it is in none of these packages.
"""
from __future__ import annotations

import gc
import os


def usable_cpus() -> int:
    """Return the number of CPUs that this process may use."""
    affinity = getattr(os, 'sched_getaffinity', None)  # macOS has none
    return os.cpu_count() or 1 if affinity is None else len(affinity(0))


def collect_garbage_seldom() -> None:
    """Make the garbage collector run less often.

    A page is made of thousands of strings. Escaped ones count for the collector, which would run
    for every half page and find next to nothing. It would also run 16 times while modules are
    imported, which takes 2 ms.
    """
    gc.set_threshold(50_000, 20, 50)

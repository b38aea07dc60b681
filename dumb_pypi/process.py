"""This process: the CPUs it may use, and how often it collects garbage.

Commands, builder and scanner need it, so that it is in none of these packages.
"""
from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Iterator


def usable_cpus() -> int:
    """Return the number of CPUs that this process may use."""
    affinity = getattr(os, 'sched_getaffinity', None)  # macOS has none
    return os.cpu_count() or 1 if affinity is None else len(affinity(0))


def collect_garbage_seldom() -> None:
    """Make the garbage collector run less often.

    A page is made of thousands of strings. Escaped ones count for the collector, which would run
    for every half page and find next to nothing.
    """
    gc.set_threshold(50_000, 20, 50)


@contextlib.contextmanager
def garbage_collected_seldom() -> Iterator[None]:
    """Run a command whose process ends afterwards, with little garbage collection.

    At exit Python would search everything that is left for garbage, just before the system takes
    the memory back: `gc.freeze` spares a small build a tenth of its time.
    """
    collect_garbage_seldom()
    try:
        yield
    finally:
        gc.freeze()

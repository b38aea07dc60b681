"""Fixtures for tests of builds that run in several tasks, or in several processes."""
from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from multiprocessing import resource_tracker
from pathlib import Path

import pytest

from dumb_pypi.builder import chunks, months, packages, render, workers
from dumb_pypi.store.lock import locked


@pytest.fixture
def small_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Split even a small list into dozens of tasks of each kind."""
    monkeypatch.setattr(chunks, '_CUT', 0x3)
    monkeypatch.setattr(workers, '_FACTOR', 1)
    for module in (chunks, months, packages, render):
        monkeypatch.setattr(module, '_TASK', 100)


def children(parent: int) -> set[int]:
    """Return the process IDs of a process's children.

    In this process that is without the resource tracker, which the standard library starts to
    clean up after spawned processes. Only a private attribute has its ID.
    """
    tracker = resource_tracker._resource_tracker._pid  # type: ignore[attr-defined]  # private
    listed = subprocess.run(
        ['ps', '-A', '-o', 'pid=,ppid=,comm='], check=True, capture_output=True, text=True,
    ).stdout
    rows = [line.split(maxsplit=2) for line in listed.splitlines()]
    return {
        int(pid) for pid, its_parent, name in rows
        if int(its_parent) == parent and name != 'ps' and int(pid) != tracker
    }


@pytest.fixture
def no_process_left() -> Iterator[None]:
    before = children(os.getpid())
    yield
    assert children(os.getpid()) <= before


@pytest.fixture
def lock(tmp_path: Path) -> Iterator[int]:
    with locked(str(tmp_path / 'locked')) as file:
        yield file

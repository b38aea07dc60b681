"""Fixtures for tests of builds that run in several tasks."""
from __future__ import annotations

import pytest

from dumb_pypi.builder import chunks, packages, plan, render


@pytest.fixture
def small_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Split even a small list into dozens of tasks of each kind."""
    monkeypatch.setattr(chunks, '_CUT', 0x3)
    for module in (chunks, packages, plan, render):
        monkeypatch.setattr(module, '_TASK', 100)

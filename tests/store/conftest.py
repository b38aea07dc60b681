"""Fixtures for tests of an output directory."""
from __future__ import annotations

from pathlib import Path

import pytest

from dumb_pypi import store

BUILD = 'this-build'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An output directory with a folder for unfinished files."""
    (tmp_path / 'root' / store.UNFINISHED / BUILD).mkdir(parents=True)
    return tmp_path / 'root'

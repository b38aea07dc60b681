"""Fixtures for tests of an output directory, or of a bucket in its place."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dumb_pypi import store
from tests.support import bucket
from tests.support.bucket_places import NAMES, Place, PREFIX, serve_place
from tests.support.memory_s3 import MemoryS3
from tests.support.recorder import Recorder
from tests.support.servers import Server

BUILD = 'this-build'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An output directory with a folder for unfinished files."""
    (tmp_path / 'root' / store.UNFINISHED / BUILD).mkdir(parents=True)
    return tmp_path / 'root'


@pytest.fixture(scope='module')
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with bucket.run_s3(tmp_path_factory.mktemp('s3')) as server:
        yield server


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with serve_place(Recorder(MemoryS3(), 'index', PREFIX), tmp_path, monkeypatch) as found:
        yield found


@pytest.fixture(params=['', PREFIX])
def moto_place(
        s3: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        request: pytest.FixtureRequest,
) -> Iterator[Place]:
    name = next(NAMES)
    bucket.make_public(s3, name)
    with serve_place(Recorder(s3, name, request.param), tmp_path, monkeypatch) as found:
        yield found

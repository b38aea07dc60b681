"""Folders of distribution files for tests of scans."""
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.archives import METADATA, SDIST, wheel

Captured = pytest.CaptureFixture[bytes]


def run_scan(*arguments: object, redirection: str = '') -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ['sh', '-c', f'"$0" -m dumb_pypi scan "$@" {redirection}', sys.executable,
         *map(str, arguments)],
        check=False, capture_output=True, text=True,
    )


def name(number: int) -> str:
    return f'foo-1.{number}-py3-none-any.whl'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / 'pool'
    folder.mkdir()
    for number in range(5):
        metadata = METADATA.replace(b'1.0', b'1.%d' % number)
        (folder / name(number)).write_bytes(wheel(metadata))
    return folder


@pytest.fixture
def bad_folder(folder: Path) -> Path:
    """The folder, with a broken file and a file that is not a distribution."""
    (folder / SDIST).touch()
    (folder / 'README').touch()
    return folder

"""The same lists, built into a bucket and into a folder."""
from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dumb_pypi import build
from dumb_pypi.builder.report import Report
from tests.support import bucket
from tests.support.recorder import Recorder, serve
from tests.support.servers import TIMEOUT
from tests.support.sound import SITE_URL, tree_of

FEBRUARY = 1706745600
MONTH = 32 * 86400
NAMES = map('bucket-{}'.format, itertools.count())
PREFIX = 'some/path/'


def lines(*projects: str, months: int = 1, files: int = 2) -> list[str]:
    """Return a list with at least two releases of each project, uploaded in `months` months."""
    return [json.dumps({
        'filename': f'{project}-1.{number}.zip',
        'upload_timestamp': FEBRUARY + MONTH * (number % months),
    }) for project in projects for number in range(max(files, months))]


# Successive lists: projects, releases, pages of releases and months come and go.
HISTORY = (
    lines('ant', 'bee', months=3),
    [*lines('ant', months=2, files=70), *lines('bee', 'cat', months=2)],
    [*lines('ant', 'cat', 'dog', months=6), '{"filename": "dog-1.0+a.b.zip"}',
     json.dumps({'filename': 'dog-x.zip', 'name': 'dog', 'version': '1.0 ü%20#?*~'})],
    [*lines('ant', files=60), *lines('dog')],
    lines('ant', 'dog', 'eel', months=3),
)


class Place:
    """Build the same lists into a bucket and into a folder."""

    def __init__(self, recorder: Recorder, url: str, folder: Path) -> None:
        self.recorder = recorder
        self.url = f's3://{recorder.place}'.rstrip('/')
        self.out = folder / 'out'
        self.environment = bucket.tool_environment(url, folder)
        self._list = folder / 'list'

    def options(self, listed: list[str], **options: Any) -> dict[str, Any]:
        self._list.write_text(''.join(f'{line}\n' for line in listed))
        return {
            'package_list_json': str(self._list), 'packages_url': 'https://files.example.com/',
            'output_dir': self.url, 'site_url': SITE_URL, 'allow_shrink': True, 'jobs': 1,
            **options,
        }

    def build(self, listed: list[str], **options: Any) -> Report:
        return build(**self.options(listed, **options))

    def pages(self, listed: list[str], **options: Any) -> dict[str, bytes]:
        """Return the pages of a folder after a build of a list."""
        self.build(listed, **{**options, 'output_dir': str(self.out)})
        return {path: page for path, page in tree_of(self.out).items() if path[-1] != '/'}

    def start(self, listed: list[str], *more: str) -> subprocess.Popen[bytes]:
        """Start a build in a process group of its own."""
        options = self.options(listed)
        return subprocess.Popen(
            [sys.executable, '-m', 'dumb_pypi', '--package-list-json', options['package_list_json'],
             '--packages-url', options['packages_url'], '--output-dir', self.url,
             '--site-url', SITE_URL, '--allow-shrink', '--no-generate-timestamp', *more],
            env=self.environment, start_new_session=True, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def kill_at(self, listed: list[str], number: int, *more: str) -> None:
        """Kill a build with all its processes at a change of the bucket, if it gets there."""
        with self.recorder.holding():
            process = self.start(listed, *more)
            self.recorder.fatal, self.recorder.victim = number, process.pid
        _, printed = process.communicate(timeout=TIMEOUT)
        self.recorder.fatal = None
        assert process.returncode in {0, -signal.SIGKILL}, printed
        # By the clock of the store, the lock of a killed build is old.
        self.recorder.aged = True


@contextmanager
def serve_place(
        recorder: Recorder, folder: Path, monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Place]:
    with serve(recorder) as url:
        found = Place(recorder, url, folder)
        for key, value in found.environment.items():
            monkeypatch.setenv(key, value)
        yield found


def xml(code: str) -> bytes:
    return f'<Error><Code>{code}</Code><Message>No</Message></Error>'.encode()



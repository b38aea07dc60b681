"""Builds into a bucket with worker processes, which only render."""
from __future__ import annotations

import json
import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor

import pytest

from dumb_pypi.builder import render, workers
from dumb_pypi.store import bucket_writer
from tests.support.bucket_places import lines, Place
from tests.support.recorder import LOCK
from tests.support.servers import TIMEOUT


def test_worker_processes_render(place: Place) -> None:
    """Processes that render pages do not use the bucket, and change no byte."""
    listed = lines(*(f'p{number}' for number in range(20)))
    place.build(listed, jobs=2)
    assert place.recorder.tree == place.pages(listed)


@pytest.fixture
def small_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Split even a small list into dozens of tasks, and let few pages wait for their turn."""
    monkeypatch.setattr(bucket_writer, '_AHEAD', 8)
    monkeypatch.setattr(render, '_TASK', 100)
    monkeypatch.setattr(render, '_DEPENDENTS_TASK', 2)
    monkeypatch.setattr(workers, '_FACTOR', 1)


def linked_lines(*numbers: int) -> list[str]:
    """Return a list of projects that require each other."""
    return [json.dumps({
        'filename': f'p{number}-{version}.zip',
        'requires_dist': [f'p{other}' for other in numbers if (number + other) % 3],
    }) for number in numbers for version in range(3)]


@pytest.mark.usefixtures('small_tasks')
def test_tasks_overlap_in_safe_order(place: Place) -> None:
    """Pages of several tasks are sent at a time, each page after those that it links to."""
    for numbers in (range(12), range(6, 30), range(9)):
        listed = linked_lines(*numbers)
        place.build(listed)
        assert place.recorder.problems == []
        assert place.recorder.tree == place.pages(listed)


def forget_bucket() -> None:
    """Leave a worker process without credentials, and without a store."""
    for name in [*os.environ]:
        if name.startswith('AWS_'):
            del os.environ[name]
    os.environ['AWS_ENDPOINT_URL'] = 'http://127.0.0.1:1'


@pytest.mark.usefixtures('small_tasks')
def test_executor_renders(place: Place) -> None:
    """The workers of an executor need no credentials: they only render."""
    listed = linked_lines(*range(12))
    with ProcessPoolExecutor(
            2, multiprocessing.get_context('spawn'), initializer=forget_bucket,
    ) as executor:
        for lines_now in (listed[:18], listed):
            place.build(lines_now, executor=executor)
            assert place.recorder.problems == []
            assert place.recorder.tree == place.pages(lines_now)


def test_worker_processes_end_silently(place: Place) -> None:
    """A build with worker processes prints nothing on success, and one line after Ctrl-C."""
    listed = lines(*(f'p{number}' for number in range(20)))
    process = place.start(listed, '-j2')
    assert process.communicate(timeout=TIMEOUT) == (b'', b'')
    assert process.returncode == 0
    place.recorder.paused_at = 'simple/index.html'
    process = place.start(listed, '-j2', '--full')
    assert place.recorder.paused.wait(TIMEOUT)
    process.send_signal(signal.SIGINT)
    place.recorder.resumed.set()
    assert process.communicate(timeout=TIMEOUT) == (b'', b'dumb-pypi: interrupted\n')
    assert LOCK not in place.recorder.objects

"""Builds in the caller's executor: same tree and complete changes file, wherever tasks run."""
from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import dask
import pytest
from distributed import Client, LocalCluster

from dumb_pypi import build
from dumb_pypi.builder import tasks, workers
from dumb_pypi.errors import TemplateError, WorkerError
from dumb_pypi.store.folder_writer import Writer
from tests.support import trees

pytestmark = pytest.mark.usefixtures('small_tasks')

P = ParamSpec('P')
T = TypeVar('T')

LINES = [
    {'filename': f'p{number}-{version}.zip', 'upload_timestamp': number * 1_000_000}
    for number in range(60) for version in range(3)
]


class Counting(Executor):
    """Runs tasks in another executor, and counts them."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self.submitted = 0

    def submit(
            self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs,
    ) -> Future[T]:
        self.submitted += 1
        return self._executor.submit(function, *args, **kwargs)


class Killing(Counting):
    """Kills a process when a given task has been submitted."""

    def __init__(self, executor: Executor, pid: int, at: int) -> None:
        super().__init__(executor)
        self._pid = pid
        self._at = at

    def submit(
            self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs,
    ) -> Future[T]:
        future = super().submit(function, *args, **kwargs)
        if self.submitted == self._at:
            os.kill(self._pid, signal.SIGKILL)
        return future


def twice(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    function(*args, **kwargs)
    return function(*args, **kwargs)


class Repeating(Counting):
    """Runs each task twice, as if the result of the first run were lost with its machine."""

    def submit(
            self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs,
    ) -> Future[T]:
        # The parameters of `twice` are those of its argument, which mypy can't follow.
        return super().submit(twice, function, *args, **kwargs)  # type: ignore[arg-type]  # see above


def built(folder: Path, lines: list[Any], **options: Any) -> tuple[dict[str, bytes], list[Any]]:
    """Build an index; return its pages, and the changes."""
    (folder / 'list').write_bytes(trees.json_lines(lines))
    build(
        package_list_json=folder / 'list', output_dir=folder / 'out', packages_url='/pool/',
        site_url=trees.SITE_URL, changes_file=folder / 'changes', allow_shrink=True, **options,
    )
    changes = (folder / 'changes').read_bytes().splitlines()
    return trees.pages_in(folder / 'out'), list(map(json.loads, changes))


def assert_same_as_alone(folder: Path, executor: Executor | None) -> None:
    """Assert that a first build and an update give the same as in one process."""
    trees_and_changes = []
    for name, options in (('alone', {'jobs': 1}), ('executor', {'executor': executor})):
        (folder / name).mkdir()
        found: list[Any] = []
        for lines in (LINES, [*LINES[30:], {'filename': 'p40-9.zip'}, {'filename': 'new-1.zip'}]):
            tree, changes = built(folder / name, lines, **options)
            found += (tree, changes)
        trees_and_changes.append(found)
    assert trees_and_changes[0] == trees_and_changes[1]
    tree, changes, *_ = trees_and_changes[1]
    assert {change['path'] for change in changes} == tree.keys()


def test_build_in_threads(tmp_path: Path) -> None:
    """Tasks in threads build the same tree and changes file as one process."""
    with ThreadPoolExecutor(4) as executor:
        assert_same_as_alone(tmp_path, Counting(executor))


def test_build_in_spawned_processes(tmp_path: Path) -> None:
    """Tasks in spawned processes build the same tree and changes file, too."""
    with ProcessPoolExecutor(2, multiprocessing.get_context('spawn')) as executor:
        counting = Counting(executor)
        assert_same_as_alone(tmp_path, counting)
        assert counting.submitted > 100


def test_tasks_of_an_executor_are_large(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An executor gets fewer and larger tasks than the processes of a build."""
    counts = []
    for factor in (1, 8):
        monkeypatch.setattr(workers, '_FACTOR', factor)
        with ThreadPoolExecutor(1) as executor:
            counting = Counting(executor)
            built(tmp_path, LINES, executor=counting, full=True)
            counts.append(counting.submitted)
    assert counts[1] < counts[0] / 4


def test_repeated_tasks(tmp_path: Path) -> None:
    """Tasks that run twice write the same pages, and no change is lost."""
    with ThreadPoolExecutor(2) as executor:
        alone, changes = built(tmp_path, LINES, executor=Repeating(executor))
    assert {change['path'] for change in changes} == alone.keys()
    assert_same_as_alone(tmp_path, None)
    assert alone == trees.pages_in(tmp_path / 'out')


def test_overlapping_runs_lose_no_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that runs again before its first run ends loses no change."""
    run_again: list[bool] = []
    process = tasks._process_projects

    def process_after_another(task: tasks.ProjectsTask, writer: Writer) -> tasks.ProjectsResult:
        if task.write and not run_again:
            run_again.append(True)
            tasks.process_projects(task)
            run_again.clear()
        return process(task, writer)

    monkeypatch.setattr(tasks, '_process_projects', process_after_another)
    with ThreadPoolExecutor(1) as executor:
        tree, changes = built(tmp_path, LINES, executor=executor)
    assert {change['path'] for change in changes} == tree.keys()


@pytest.mark.filterwarnings('ignore')
def test_dask_loses_a_worker(tmp_path: Path) -> None:
    """Dask runs the tasks of a killed worker again: same tree, complete changes file."""
    with (
        dask.config.set({'temporary-directory': str(tmp_path)}),
        LocalCluster(
            n_workers=2, threads_per_worker=1, host='127.0.0.1', dashboard_address=None,
            local_directory=str(tmp_path),
        ) as cluster,
        Client(cluster) as client, client.get_executor() as executor,
    ):
        for attempt in range(3):
            pid = next(iter(client.run(os.getpid).values()))
            killing = Killing(executor, pid, 100)
            (tmp_path / f'attempt{attempt}').mkdir()
            try:
                assert_same_as_alone(tmp_path / f'attempt{attempt}', killing)
                break
            except ValueError:
                # If a worker dies while its result arrives, Dask's executor takes the result for an
                # error, and cannot unpack it. That build ends, which is not what this tests.
                assert attempt < 2
        assert killing.submitted > 100
        assert pid not in client.run(os.getpid).values()


def test_broken_executor_is_reported(tmp_path: Path) -> None:
    """A pool that lost its worker ends the build, and the next build completes the index."""
    with ProcessPoolExecutor(1) as executor:
        killing = Killing(executor, executor.submit(os.getpid).result(), 60)
        with pytest.raises(WorkerError, match=r'^a worker process died'):
            built(tmp_path, LINES, executor=killing)
    tree, _ = built(tmp_path, LINES)
    (tmp_path / 'alone').mkdir()
    assert tree == built(tmp_path / 'alone', LINES)[0]


def test_template_error_in_an_executor(tmp_path: Path) -> None:
    """A broken template is reported as in a process of the build's own."""
    templates = tmp_path / 'templates'
    templates.mkdir()
    (templates / 'project.html').write_text('{{ project.nonsense }}')
    with ThreadPoolExecutor(2) as executor, pytest.raises(TemplateError):
        built(tmp_path, LINES, executor=executor, template_dir=templates)

"""Limits of the process: one line names the limit, and the next build completes the index."""
from __future__ import annotations

import errno
import itertools
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from dumb_pypi import build
from dumb_pypi.scanner import archives, scan
from tests.support.archives import wheel
from tests.support.processes import Builds, end_group, Ended, Fate, PATIENCE, ROOT
from tests.support.trees import pages_in
from tests.support.workshop import Hindered, WITH_SITE, Workshop

MIB = 1 << 20
IS_ROOT = os.geteuid() == 0
# What the installed command does.
PROGRAM = 'from dumb_pypi.main import run; run()'
# What the interpreter itself prints where there is no memory to call any function.
INTERPRETERS = re.compile(
    r'Exception (?:ignored|in threading.excepthook).*?(?=dumb-pypi: |\Z)', re.DOTALL,
)
# Where there is none, the interpreter rarely crashes, or loops in its own code (Python 3.13.0).
CRASHES = (-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGXCPU)
# Seconds; a build of the test's takes less than one.
CPU_TIME = 10
# More than the program needs.
MUCH_MEMORY = 400 * MIB
# A build that may open no file cannot remove its folder either; the next one does.
UNREMOVED = 'unfinished'

needs_linux = pytest.mark.skipif(sys.platform != 'linux', reason='needs limits that Linux has')


@pytest.fixture
def scene(workshop: Workshop, tmp_path: Path) -> Hindered:
    return Hindered(workshop, tmp_path)


class Failures:
    """What is wrong with runs that failed, by the limit, and what they printed.

    The interpreter may crash in so many runs.
    """

    def __init__(self, crashes: int) -> None:
        self.wrong: dict[int, list[str]] = {}
        self.messages: list[str] = []
        self._crashes = crashes

    def add(self, limit: int, ended: Ended, *problems: str) -> None:
        found = [*problems]
        if ended.status in CRASHES and self._crashes:
            self._crashes -= 1
        else:
            self.messages.append(ended.messages)
            found += _wrong_end(ended)
        if found:
            self.wrong[limit] = found

    def mention(self, text: str) -> bool:
        return any(text in message for message in self.messages)


def _wrong_end(ended: Ended) -> Iterator[str]:
    if ended.status != 1:
        yield f'status {ended.status}'
    if (
        ended.messages.count('\n') != 1
        or not ended.messages.startswith(('dumb-pypi: ', 'dumb-pypi-scan: '))
        or not ('--jobs' in ended.messages or 'ulimit' in ended.messages)
    ):
        yield ended.messages


def sweep(
        limits: Iterable[int], run: Callable[[int], Ended], after: Callable[[], list[str]],
        crashes: int = 0,
) -> Failures:
    """Run something under each limit until one is enough; return the failures.

    `after` is called after each failure, and returns problems.
    """
    failures = Failures(crashes)
    for limit in limits:
        ended = run(limit)
        if ended[1:] == (0, ''):
            return failures
        failures.add(limit, ended, *after())
    raise AssertionError(f'no limit is enough: {failures.messages[-1]}')


def update_sweep(scene: Hindered, name: str, limits: Iterable[int], jobs: int) -> Failures:
    """Update an index under each limit until one is enough. The next build completes it."""
    def update(limit: int) -> Ended:
        scene.reset()
        return scene.build('new', '--jobs', str(jobs), fate=Fate(limits={name: limit}))

    return sweep(limits, update, lambda: [*scene.wrong_files(UNREMOVED), *scene.complete()])


def run_program(
        arguments: Iterable[str], limits: Mapping[str, int], *,
        program: str = PROGRAM, environment: dict[str, str] | None = None,
) -> Ended:
    """Run the program in a new interpreter, which has to load every module."""
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_TIME, 2 * CPU_TIME))
        for name, value in limits.items():
            resource.setrlimit(getattr(resource, f'RLIMIT_{name}'), (value, value))

    with subprocess.Popen(
        [sys.executable, '-c', program, *arguments], cwd=ROOT, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        env=_clean_environment() | (environment or {}),
        preexec_fn=limit,  # noqa: PLW1509 - only limits itself
    ) as process:
        try:
            status = process.wait(PATIENCE)
        finally:
            left_over = end_group(process.pid)
        assert process.stderr is not None
        messages = process.stderr.read().decode(errors='replace')
    messages = INTERPRETERS.sub('', messages)
    return Ended(process.pid, status, messages + left_over)


def _clean_environment() -> dict[str, str]:
    """Return the environment, but for what changes the interpreter or its memory."""
    return {
        key: value for key, value in os.environ.items()
        if not key.startswith(('COVERAGE_', 'LC_', 'LANG', 'PYTHON'))
    }


@pytest.mark.parametrize('jobs', (1, 4))
def test_open_files(scene: Hindered, jobs: int) -> None:
    """A build that may open too few files says so, at whichever file it happens."""
    failures = update_sweep(scene, 'NOFILE', itertools.count(4), jobs)
    assert not failures.wrong
    assert failures.mention('cannot read ')
    assert failures.mention('cannot write ')
    assert failures.mention('cannot start worker processes: Too many open files') == (jobs > 1)


def test_open_files_of_many_workers(scene: Hindered) -> None:
    """A limit that most systems have is too low for more than a hundred processes."""
    failures = update_sweep(scene, 'NOFILE', (16, 32, 64, 256, 1024), 128)
    assert not failures.wrong
    assert len(failures.messages) == 4


@needs_linux
def test_processes(scene: Hindered) -> None:
    """A build that may start too few processes or threads says so."""
    # The limit of a user who is not root counts all of the user's processes.
    failures = update_sweep(scene, 'NPROC', itertools.count(0) if IS_ROOT else (0, 1 << 20), 4)
    assert not failures.wrong
    assert failures.mention('cannot start worker processes: Resource temporarily unavailable')
    assert failures.mention("can't start new thread") or not IS_ROOT


@needs_linux
@pytest.mark.parametrize('jobs', (1, 4))
def test_memory(workshop: Workshop, scene: Hindered, jobs: int) -> None:
    """A build that has too little memory says so, wherever it runs out."""
    def update(limit: int) -> Ended:
        scene.reset()
        command = workshop.command(scene.out, 'new', *WITH_SITE, '--jobs', str(jobs))
        return run_program(command, {'AS': limit})

    # Compiling modules takes memory, which an installed program does not need.
    assert update(resource.RLIM_INFINITY)[1:] == (0, '')
    failures = sweep(
        _amounts_of_memory(), update, lambda: [*scene.wrong_files(UNREMOVED), *scene.complete()],
        crashes=1,
    )
    assert not failures.wrong
    assert failures.mention('Cannot allocate memory')
    assert failures.mention('worker process') == (jobs > 1)


def _amounts_of_memory() -> Iterator[int]:
    """Yield amounts of memory in which the interpreter can load the program's first module."""
    amounts = iter(range(4 * MIB, MUCH_MEMORY, MIB))
    for amount in amounts:
        if run_program((), {'AS': amount}, program='import dumb_pypi.main')[1:] == (0, ''):
            return amounts
    raise AssertionError


def test_one_large_project(tmp_path: Path) -> None:
    """A build needs at most 3.6 bytes at once for each byte of a project's lines."""
    package_list = tmp_path / 'list'
    # The first build imports modules.
    for files in (1, 1000, 1001):
        package_list.write_text(''.join(map(_long_line, range(files))))
        tracemalloc.start()
        try:
            build(
                package_list_json=package_list, output_dir=tmp_path / 'out', packages_url='/',
                jobs=1,
            )
            # Unlike the size of the process this does not depend on what the allocator keeps.
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 3.6 * package_list.stat().st_size or files == 1


def _long_line(number: int) -> str:
    requirements = [
        f'package-{number}-{index}>=1.{index}; python_version < "3.13" and extra == "{index}"'
        for index in range(70)
    ]
    return json.dumps({
        'filename': f'large-{number // 10}-{number % 10}-py3-none-any.whl',
        'upload_timestamp': 1_500_000_000 + number * 5000, 'requires_dist': requirements,
    }) + '\n'


def test_stack(workshop: Workshop, scene: Hindered) -> None:
    """A small stack is enough, also for a list that is nested deeply."""
    with workshop.list_file('new').open('a') as lines:
        lines.write(f'{{"filename": "deep-1.0.zip", "x": {"[" * 100_000}}}\n')
    ended = run_program(workshop.command(scene.out, 'new', '--jobs', '2'), {'STACK': MIB // 2})
    assert ended.status == 0
    assert ': JSON is nested too deeply: ' in ended.messages.splitlines()[0]


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    folder = tmp_path / 'pool'
    folder.mkdir()
    for number in range(8):
        (folder / f'foo-1.0-{number}-py3-none-any.whl').write_bytes(wheel())
    return folder


@needs_linux
@pytest.mark.parametrize('name', ('NOFILE', 'NPROC'))
def test_scan(builds: Builds, pool: Path, name: str) -> None:
    """A scan that may open too few files or start too few threads says so."""
    output = pool.parent / 'list'
    command = ['scan', str(pool), '--output', str(output), '--jobs', '4']

    def leftovers() -> list[str]:
        return [path.name for path in pool.parent.iterdir() if 'unfinished' in path.name]

    failures = sweep(
        itertools.count(3) if IS_ROOT or name == 'NOFILE' else (0, 1 << 20),
        lambda limit: builds.build(command, Fate(limits={name: limit})), leftovers,
    )
    assert not failures.wrong
    assert len(output.read_bytes().splitlines()) == 8


def test_scan_skips_no_file(monkeypatch: pytest.MonkeyPatch, pool: Path) -> None:
    """A file that cannot be opened because of a limit is not reported as broken."""
    def refuse(*_: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(archives.BoundedFile, '__init__', refuse)
    with pytest.raises(OSError, match='Too many open files'):
        scan([pool])


LOCALES = (
    {'LC_ALL': 'C'},
    {'LC_ALL': 'POSIX', 'PYTHONCOERCECLOCALE': '0'},
    {'LC_ALL': 'C', 'PYTHONCOERCECLOCALE': '0', 'PYTHONUTF8': '0'},
    {'LC_ALL': 'C', 'PYTHONCOERCECLOCALE': '0', 'PYTHONUTF8': '0', 'PYTHONIOENCODING': 'ascii'},
    {'PYTHONIOENCODING': 'ascii:strict'},
    {'PYTHONIOENCODING': 'latin-1'},
)


@pytest.mark.parametrize('locale', LOCALES, ids=str)
def test_locale(tmp_path: Path, locale: dict[str, str]) -> None:
    """The pages and their paths do not depend on the locale."""
    lines = [{'filename': 'foo-1.0.zip', 'version': '1.0é', 'summary': '日本'}, {'filename': 'ü'}]
    (tmp_path / 'list').write_text(''.join(f'{json.dumps(line)}\n' for line in lines))
    # A name that is not UTF-8.
    out = Path(os.fsdecode(os.fsencode(tmp_path) + b'/\xff'))
    options = [
        '--package-list-json', f'{tmp_path}/list', '--packages-url', '/',
        '--no-generate-timestamp', '--output-dir',
    ]
    assert run_program([*options, f'{tmp_path}/utf-8'], {}).status == 0
    ended = run_program([*options, os.fsdecode(os.fsencode(out))], {}, environment=locale)
    assert ended.status == 0
    assert ended.messages.count('\n') == 2
    assert pages_in(out) == pages_in(tmp_path / 'utf-8')
    assert (out / 'pypi/foo/1.0é/json').is_file()

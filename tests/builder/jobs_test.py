"""Builds by several processes: same bytes, no process left behind, progress on a terminal."""
from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from dumb_pypi import build, store
from dumb_pypi.errors import TemplateError, WorkerError
from dumb_pypi.pages import changelog, paths
from tests.builder.conftest import children
from tests.builder.workers_test import A_MINUTE
from tests.support import histories, list_histories, strategies, trees
from tests.support.sound import own_files
from tests.support.trees import Facts
from tests.support.workshop import OWN

COMMAND = (sys.executable, '-m', 'dumb_pypi', '--no-generate-timestamp', '--packages-url', '/pool/')


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fill several pages of a changelog with few uploads."""
    monkeypatch.setattr(changelog, 'UPLOADS_A_PAGE', 2)


def built(folder: Path, content: bytes, jobs: int | None) -> tuple[dict[str, bytes], bytes, Any]:
    """Build an index; return its pages, the changes file, and the report."""
    (folder / 'list').write_bytes(content)
    out = folder / f'out of {jobs}'
    report = build(
        package_list_json=str(folder / 'list'), output_dir=str(out), packages_url='../../pool/',
        site_url=trees.SITE_URL, changes_file=str(folder / 'changes'), jobs=jobs,
        allow_shrink=True,
    )
    return trees.pages_in(out), (folder / 'changes').read_bytes(), report


def assert_same(contents: list[bytes]) -> None:
    """Assert that 1, 2 and 3 processes build the same from lists that follow each other."""
    with tempfile.TemporaryDirectory() as folder:
        for content in contents:
            one, *others = [built(Path(folder), content, jobs) for jobs in (1, 2, 3)]
            assert others == [one, one]


@pytest.mark.randomised
@pytest.mark.usefixtures('small_tasks', 'small_pages')
def test_processes_change_no_byte() -> None:
    """Any number of processes writes the same pages and the same changes file."""
    @settings(deadline=None, max_examples=15)
    @given(strategies.lists(strategies.filenames | strategies.odd_filenames))
    def check(lines: list[Facts]) -> None:
        content = trees.json_lines(lines)
        assert_same([content, content + trees.json_lines(LINES)])

    check()


@pytest.mark.randomised
@pytest.mark.usefixtures('small_tasks', 'small_pages')
def test_processes_change_no_byte_of_updates() -> None:
    """Any number of processes writes the same updates, of lists with bad lines too."""
    @settings(deadline=None, max_examples=10)
    @given(list_histories.successive_lists())
    def check(contents: list[bytes]) -> None:
        assert_same(contents)

    check()


LINES = [
    {'filename': f'p{number}-{version}.zip', 'upload_timestamp': number * 1_000_000}
    for number in range(20) for version in range(5)
]


ENDLESS = '''{% extends 'original/project.html' %}
{% block title %}
{% if project == 'p7' %}
{% for _ in range(1000000) %}{% for _ in range(1000000) %}{% endfor %}{% endfor %}
{% endif %}
{% endblock %}
'''


class BlockedBuild:
    """A build by two workers, one of which renders a page whose template takes for ever."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        self._stack = stack
        self.out = folder / 'out'
        self._list = folder / 'list'
        self._list.write_bytes(trees.json_lines(LINES))
        self._template = folder / 'templates/project.html'
        self._template.parent.mkdir()
        self._template.write_text(ENDLESS)

    @property
    def command(self) -> list[str]:
        return [
            *COMMAND, '--package-list-json', str(self._list), '--output-dir', str(self.out),
            '--template-dir', str(self._template.parent), '--jobs', '2',
        ]

    def start(self) -> subprocess.Popen[str]:
        """Start a build, and wait until it has written the project before the endless one."""
        process = self._stack.enter_context(subprocess.Popen(
            self.command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        ))
        self._stack.callback(_kill, process)
        while process.poll() is None and not (self.out / 'simple/p6/index.html').exists():
            time.sleep(0.001)
        return process

    def check(self) -> None:
        """Assert that every written page is complete, and that the next build adds the others."""
        found = trees.pages_in(self.out)
        assert paths.PACKAGES_JSON not in found
        self._template.write_text(ENDLESS.replace("project == 'p7'", 'false'))
        before = histories.stamps(self.out)
        subprocess.run(self.command, check=True)
        now = trees.pages_in(self.out)
        assert found.items() <= now.items()
        stamps = histories.stamps(self.out)
        assert all(stamps[path] == before[path] for path in found)
        assert own_files(self.out) == OWN - {'readmes'}
        expected = self.out.with_name('expected')
        subprocess.run([*self.command, '--jobs', '1', '--output-dir', expected], check=True)
        assert now == trees.pages_in(expected)


def _kill(process: subprocess.Popen[str]) -> None:
    """Kill all processes of a build: after a failed test the blocked worker would never end."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture
def blocked(tmp_path: Path) -> Iterator[BlockedBuild]:
    with contextlib.ExitStack() as stack:
        yield BlockedBuild(tmp_path, stack)


def test_killed_worker_fails_the_build(blocked: BlockedBuild) -> None:
    """If the workers are killed, the build fails, and the next one completes the index."""
    process = blocked.start()
    workers = children(process.pid)
    assert len(workers) == 2
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    # The output ends when the last process does.
    out, err = process.communicate(timeout=A_MINUTE)
    assert (process.returncode, out, err) == (
        1, '', f'dumb-pypi: {WorkerError(-9)}\n',
    )
    blocked.check()


def test_ctrl_c_ends_all_processes(blocked: BlockedBuild) -> None:
    """Ctrl-C, which a terminal sends to all processes, ends all of them with one message."""
    process = blocked.start()
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=A_MINUTE)
    assert (process.returncode, out, err) == (130, '', 'dumb-pypi: interrupted\n')
    blocked.check()


@pytest.mark.parametrize('how', (signal.SIGTERM, signal.SIGKILL))
def test_workers_of_a_killed_build_end(blocked: BlockedBuild, how: signal.Signals) -> None:
    """If the build is killed, its workers end, and the next build completes the index."""
    process = blocked.start()
    os.kill(process.pid, how)
    # The output ends when the last process does, including the blocked one.
    assert process.communicate(timeout=A_MINUTE) == ('', '')
    assert process.returncode == -how
    blocked.check()


def test_broken_template_is_reported_alike(tmp_path: Path) -> None:
    """A broken template gives the same message in this process and in a worker."""
    (tmp_path / 'list').write_bytes(trees.json_lines(LINES))
    (tmp_path / 'project.html').write_text('{{ project.nonsense }}')
    messages = []
    for jobs in (1, 2):
        with pytest.raises(TemplateError) as caught:
            build(
                package_list_json=str(tmp_path / 'list'), output_dir=str(tmp_path / f'out{jobs}'),
                packages_url='/pool/', template_dir=str(tmp_path), jobs=jobs,
            )
        messages.append(str(caught.value))
        assert not (tmp_path / f'out{jobs}' / store.UNFINISHED).exists()
    assert messages[0] == messages[1]
    assert messages[0].startswith(f'cannot render template {tmp_path}/project.html:1: ')


ON_A_TERMINAL = """
import sys
import termios
import time
from dumb_pypi.commands import build as main
main.PATIENCE = float(sys.argv[1])
sys.exit(main.main(sys.argv[2:]))
"""


def on_a_terminal(patience: float, *arguments: str) -> str:
    """Run a build on a terminal; return what it shows there."""
    here, there = pty.openpty()
    termios.tcsetwinsize(there, (24, 80))
    try:
        subprocess.run(
            [sys.executable, '-c', ON_A_TERMINAL, str(patience), *COMMAND[3:], *arguments],
            check=False, stderr=there,
        )
    finally:
        os.close(there)
    shown = b''
    # Some systems report a closed terminal as an error, others as the end of the file.
    with contextlib.suppress(OSError), open(here, 'rb', buffering=0) as file:
        while more := file.read(1 << 16):
            shown += more
    return shown.decode()


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    (tmp_path / 'list').write_bytes(trees.json_lines(LINES) + b'oops\n')
    return ['--package-list-json', f'{tmp_path}/list', '--output-dir', f'{tmp_path}/out']


@pytest.mark.parametrize('jobs', ('1', '2'))
def test_terminal_shows_progress(arguments: list[str], jobs: str) -> None:
    """A long build shows a progress bar on a terminal, and removes it before a message."""
    shown = on_a_terminal(-1, *arguments, '--jobs', jobs)
    assert '% |' in shown
    bar, message = shown.split(f'{arguments[1]}:101: ')
    assert bar.endswith('\r')
    assert not bar.rstrip('\r').rpartition('\r')[2].strip()
    assert '|' not in message


def test_failed_build_removes_its_bar(arguments: list[str]) -> None:
    """A build that fails removes its progress bar before it prints the reason."""
    shown = on_a_terminal(-1, *arguments, '--strict')
    bar, _, _ = shown.partition(f'{arguments[1]}:101: ')
    assert '% |' in bar
    assert not bar.rstrip('\r').rpartition('\r')[2].strip()
    assert shown.endswith(
        'because of --strict: fix these lines or files, or build without it\r\n',
    )


def test_short_build_shows_no_progress(arguments: list[str]) -> None:
    """A build that takes less than the delay shows no progress bar."""
    assert on_a_terminal(A_MINUTE, *arguments, '--quiet') == ''


def test_pipe_gets_no_progress(arguments: list[str]) -> None:
    """Without a terminal there is no progress bar."""
    done = subprocess.run(
        [sys.executable, '-c', ON_A_TERMINAL, '-1', *COMMAND[3:], *arguments, '--quiet'],
        check=True, capture_output=True,
    )
    assert (done.stdout, done.stderr) == (b'', b'')


@pytest.mark.parametrize('jobs', ('0', '-1', '257'))
def test_invalid_number_of_processes(arguments: list[str], jobs: str) -> None:
    """`--jobs` must be from 1 to 256."""
    done = subprocess.run(
        [*COMMAND, *arguments, '-j', jobs], check=False, capture_output=True, text=True,
    )
    assert done.returncode == 2
    assert done.stderr.endswith(
        f'dumb-pypi: error: --jobs must be between 1 and 256, not {jobs}\n',
    )

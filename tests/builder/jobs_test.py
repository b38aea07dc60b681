"""However many processes build an index, it is the same, and none of them is left behind."""
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

from dumb_pypi import store
from dumb_pypi.builder import build, chunks, packages, plan, render
from dumb_pypi.errors import TemplateError
from dumb_pypi.pages import changelog, paths
from tests.support import catalogs, histories, strategies, trees
from tests.support.sound import own_files
from tests.support.trees import Facts
from tests.support.workshop import OWN

A_MINUTE = 60  # by then something is wrong
COMMAND = (sys.executable, '-m', 'dumb_pypi', '--no-generate-timestamp', '--packages-url', '/pool/')


@pytest.fixture
def small_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that there is something to do for each worker."""
    monkeypatch.setattr(chunks, '_CUT', 0x3)
    for module, name in (
            (chunks, '_TASK'), (packages, '_TASK'), (plan, '_TASK'), (render, '_TASK'),
    ):
        monkeypatch.setattr(module, name, 100)
    monkeypatch.setattr(changelog, 'UPLOADS_A_PAGE', 2)


def built(folder: Path, content: bytes, jobs: int | None) -> tuple[dict[str, bytes], bytes, Any]:
    """The tree, the changes file, and what the build said."""
    (folder / 'list').write_bytes(content)
    out = folder / f'out of {jobs}'
    report = build(
        package_list_json=str(folder / 'list'), output_dir=str(out), packages_url='../../pool/',
        site_url=trees.SITE_URL, changes_file=str(folder / 'changes'), jobs=jobs,
        allow_shrink=True,
    )
    return trees.pages_in(out), (folder / 'changes').read_bytes(), report


def assert_same(contents: list[bytes]) -> None:
    """Lists that follow each other give the same whoever builds them."""
    with tempfile.TemporaryDirectory() as folder:
        for content in contents:
            one, *others = [built(Path(folder), content, jobs) for jobs in (1, 2, 3)]
            assert others == [one, one]


@pytest.mark.randomised
@pytest.mark.usefixtures('small_tasks')
def test_the_bytes_do_not_depend_on_the_number_of_processes() -> None:
    @settings(deadline=None, max_examples=15)
    @given(strategies.lists(strategies.filenames | strategies.odd_filenames))
    def check(lines: list[Facts]) -> None:
        content = trees.json_lines(lines)
        assert_same([content, content + trees.json_lines(LINES)])

    check()


@pytest.mark.randomised
@pytest.mark.usefixtures('small_tasks')
def test_nor_do_they_where_lists_have_bad_lines_and_follow_each_other() -> None:
    @settings(deadline=None, max_examples=10)
    @given(catalogs.histories())
    def check(contents: list[bytes]) -> None:
        assert_same(contents)

    check()


LINES = [
    {'filename': f'p{number}-{version}.zip', 'upload_timestamp': number * 1_000_000}
    for number in range(20) for version in range(5)
]


class Scene:
    """A build by two workers, one of which comes to wait in the midst of its work.

    Where a page is to be there is a pipe, and nobody at the other end of it.
    """

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        self._stack = stack
        self.out = folder / 'out'
        self._list = folder / 'list'
        self._list.write_bytes(trees.json_lines(LINES))
        self._pipe = self.out / 'simple/p7/index.html'
        self._pipe.parent.mkdir(parents=True)
        os.mkfifo(self._pipe)

    @property
    def command(self) -> list[str]:
        return [
            *COMMAND, '--package-list-json', str(self._list), '--output-dir', str(self.out),
            '--jobs', '2',
        ]

    def start(self) -> subprocess.Popen[str]:
        """Start a build, and wait until it is not far from the pipe, which it cannot pass."""
        process = self._stack.enter_context(subprocess.Popen(
            self.command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        ))
        self._stack.callback(_kill, process)
        while process.poll() is None and not (self.out / 'simple/p6/index.html').exists():
            time.sleep(0.001)
        return process

    def check(self) -> None:
        """Each page that is there is whole; the next build makes all others."""
        found = trees.pages_in(self.out)
        assert paths.PACKAGES_JSON not in found
        self._pipe.unlink()
        before = histories.stamps(self.out)
        subprocess.run(self.command, check=True)
        now = trees.pages_in(self.out)
        assert found.items() <= now.items()
        stamps = histories.stamps(self.out)
        assert all(stamps[path] == before[path] for path in found)
        assert own_files(self.out) == OWN
        whole = self.out.with_name('whole')
        subprocess.run([*self.command, '--jobs', '1', '--output-dir', whole], check=True)
        assert now == trees.pages_in(whole)


def _kill(process: subprocess.Popen[str]) -> None:
    """Else a test that fails would wait for ever for what waits at the pipe."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with contextlib.ExitStack() as stack:
        yield Scene(tmp_path, stack)


def children(parent: int) -> list[int]:
    listed = subprocess.run(
        ['ps', '-A', '-o', 'pid=,ppid='], check=True, capture_output=True, text=True,
    ).stdout
    rows = [map(int, line.split()) for line in listed.splitlines()]
    return [pid for pid, its_parent in rows if its_parent == parent]


def test_a_worker_that_is_killed_fails_the_build_and_the_next_one_repairs_it(
        scene: Scene,
) -> None:
    process = scene.start()
    workers = children(process.pid)
    assert len(workers) == 2
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    # Its output ends when the last of its processes does.
    out, err = process.communicate(timeout=A_MINUTE)
    assert (process.returncode, out, err) == (
        1, '', 'dumb-pypi: a worker process died of signal 9\n',
    )
    scene.check()


def test_ctrl_c_ends_all_processes_and_the_next_build_goes_on(scene: Scene) -> None:
    """A terminal sends it to all of them."""
    process = scene.start()
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=A_MINUTE)
    assert (process.returncode, out, err) == (130, '', 'dumb-pypi: interrupted\n')
    scene.check()


@pytest.mark.parametrize('how', (signal.SIGTERM, signal.SIGKILL))
def test_the_workers_of_a_build_that_is_killed_end_too(
        scene: Scene, how: signal.Signals,
) -> None:
    process = scene.start()
    os.kill(process.pid, how)
    # Its output ends when the last of its processes does, among them the one that waits at the
    # pipe.
    assert process.communicate(timeout=A_MINUTE) == ('', '')
    assert process.returncode == -how
    scene.check()


def test_a_broken_template_is_told_of_by_whichever_process_meets_it(tmp_path: Path) -> None:
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
    """What a build that comes to its end, or not, shows on a terminal."""
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
    # Some systems say that there is nobody at the other end by an error.
    with contextlib.suppress(OSError), open(here, 'rb', buffering=0) as file:
        while more := file.read(1 << 16):
            shown += more
    return shown.decode()


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    (tmp_path / 'list').write_bytes(trees.json_lines(LINES) + b'oops\n')
    return ['--package-list-json', f'{tmp_path}/list', '--output-dir', f'{tmp_path}/out']


@pytest.mark.parametrize('jobs', ('1', '2'))
def test_a_build_that_lasts_shows_its_progress_on_a_terminal(
        arguments: list[str], jobs: str,
) -> None:
    """And wipes it off before it says anything."""
    shown = on_a_terminal(-1, *arguments, '--jobs', jobs)
    assert '% |' in shown
    bar, message = shown.split(f'{arguments[1]}:101: ')
    assert bar.endswith('\r')
    assert not bar.rstrip('\r').rpartition('\r')[2].strip()
    assert '|' not in message


def test_a_build_that_fails_wipes_its_progress_off_before_it_says_so(
        arguments: list[str],
) -> None:
    shown = on_a_terminal(-1, *arguments, '--strict')
    bar, _, _ = shown.partition(f'{arguments[1]}:101: ')
    assert '% |' in bar
    assert not bar.rstrip('\r').rpartition('\r')[2].strip()
    assert shown.endswith('dumb-pypi: nothing was written, as --strict asks\r\n')


def test_a_build_that_is_done_soon_shows_no_progress(arguments: list[str]) -> None:
    assert on_a_terminal(A_MINUTE, *arguments, '--quiet') == ''


def test_who_is_no_terminal_gets_no_progress(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, '-c', ON_A_TERMINAL, '-1', *COMMAND[3:], *arguments, '--quiet'],
        check=True, capture_output=True,
    )
    assert (done.stdout, done.stderr) == (b'', b'')


@pytest.mark.parametrize('jobs', ('0', '-1', '257'))
def test_no_number_of_processes(arguments: list[str], jobs: str) -> None:
    done = subprocess.run(
        [*COMMAND, *arguments, '-j', jobs], check=False, capture_output=True, text=True,
    )
    assert done.returncode == 2
    assert done.stderr.endswith(
        f'dumb-pypi: error: --jobs: {jobs} is not a number of processes from 1 to 256\n',
    )

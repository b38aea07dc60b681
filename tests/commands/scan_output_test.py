"""Where the command `dumb-pypi scan` writes its list: a file, standard output, a closed pipe."""
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dumb_pypi.commands.scan import main
from dumb_pypi.scanner import scan
from tests.commands.conftest import Captured, name, run_scan
from tests.support.archives import WHEEL


@pytest.mark.parametrize(('redirection', 'message'), [
    ('>&-', 'Bad file descriptor'),
    ('> /dev/full', 'No space left on device'),
    ('| true', None),
])
def test_unwritable_standard_output(
        folder: Path, redirection: str, message: str | None,
) -> None:
    """A list that cannot be printed is an error."""
    done = run_scan(folder, redirection=redirection)
    assert done.stdout == ''
    if message is not None:
        assert done.stderr == f'dumb-pypi: cannot write <stdout>: {message}\n'
        assert done.returncode == 1


@pytest.mark.parametrize('redirection', ['>', '>>'])
def test_previous_list_emptied_by_shell(
        folder: Path, tmp_path: Path, redirection: str,
) -> None:
    """A previous list that is also standard output is refused: its facts are lost."""
    done = run_scan(
        '--previous', tmp_path / 'list', folder, redirection=f'{redirection} {tmp_path}/list',
    )
    assert done.returncode == 2
    assert f"--previous '{tmp_path}/list' is also the standard output" in done.stderr
    assert (tmp_path / 'list').read_bytes() == b''
    # A device is not a list.
    assert run_scan('--previous', '/dev/null', folder, redirection='> /dev/null').returncode == 0


class TestOutput:
    """`--output` writes the list atomically."""

    def test_it_may_be_the_previous_list(
            self, folder: Path, tmp_path: Path, capfdbinary: Captured,
    ) -> None:
        """The list may replace the previous one, also through a link."""
        place = tmp_path / 'link'
        place.symlink_to('list')
        assert main(['--output', str(place), str(folder)]) == 0
        assert capfdbinary.readouterr() == (b'', b'')
        assert place.is_symlink()
        first = place.read_bytes()
        assert first == b''.join(line + b'\n' for line in scan([str(folder)]).lines)
        place.write_bytes(first.replace(b'{', b'{"yanked_reason":"bad",'))
        assert main(['-o', str(place), '--previous', str(place), str(folder)]) == 0
        assert all(
            json.loads(line)['yanked_reason'] == 'bad' for line in place.read_bytes().splitlines()
        )
        assert sorted(os.listdir(tmp_path)) == ['link', 'list', 'pool']

    @pytest.mark.parametrize('place', ['list', 'link'])
    def test_first_scan_needs_no_previous_list(
            self, folder: Path, tmp_path: Path, place: str,
            monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The previous list may be missing if it is the file that the scan writes."""
        monkeypatch.chdir(tmp_path)
        Path('link').symlink_to('list')
        assert main(['-o', place, '--previous', str(tmp_path / 'list'), str(folder)]) == 0
        assert Path('list').read_bytes().splitlines() == scan([str(folder)]).lines

    def test_failure_keeps_the_old_list(
            self, bad_folder: Path, tmp_path: Path, capfdbinary: Captured,
    ) -> None:
        """A scan that fails leaves the old list."""
        place = tmp_path / 'list'
        place.write_bytes(b'before')
        assert main(['-q', '--strict', '-o', str(place), str(bad_folder)]) == 1
        assert main(['-q', '-o', str(place), str(tmp_path / 'nowhere')]) == 1
        assert place.read_bytes() == b'before'
        assert main(['-q', '-o', str(place), str(bad_folder)]) == 1
        assert len(place.read_bytes().splitlines()) == 5
        assert capfdbinary.readouterr().out == b''

    @pytest.mark.parametrize('content', (None, b'', b'broken'))
    def test_empty_list_replaces_no_other(
            self, folder: Path, tmp_path: Path, capfdbinary: Captured, content: bytes | None,
    ) -> None:
        """If the source has no good file, the old list and its edits are kept."""
        place, projects = tmp_path / 'list', tmp_path / 'projects'
        options = ['-o', str(place), '--previous', str(place), '--projects', str(projects)]
        assert main([*options, str(folder)]) == 0
        before = place.read_bytes(), projects.read_bytes()
        other = tmp_path / 'other'
        other.mkdir()
        if content is not None:
            (other / WHEEL).write_bytes(content)
        assert main([*options, str(other)]) == 1
        assert (place.read_bytes(), projects.read_bytes()) == before
        assert capfdbinary.readouterr().err.decode().splitlines()[-1] == (
            f'dumb-pypi: {place} was not replaced by an empty list: if the source is right, delete '
            'this file first'
        )
        place.unlink()
        is_broken = content is not None
        for _ in range(2):
            assert main([*options, str(other)]) == is_broken
            assert (place.read_bytes(), projects.read_bytes()) == (b'', b'')

    def test_dash_is_standard_output(
            self, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
            capfdbinary: Captured,
    ) -> None:
        """`-o -` prints the list, as without `-o`."""
        monkeypatch.chdir(tmp_path)
        assert main(['-o', '-', str(folder)]) == 0
        assert capfdbinary.readouterr().out.splitlines() == scan([str(folder)]).lines
        assert not Path('-').exists()

    @pytest.mark.parametrize('option', ['--output', '--projects'])
    @pytest.mark.parametrize('path', [name(0), f'{name(0)}.metadata', 'new.tar.gz', 'permitted'])
    def test_other_files_are_not_overwritten(
            self, folder: Path, capfdbinary: Captured, option: str, path: str,
    ) -> None:
        """Neither a distribution file nor a file of requirements is overwritten."""
        permitted = folder / 'permitted'
        permitted.touch()
        before = (folder / name(0)).read_bytes()
        with pytest.raises(SystemExit):
            main([option, f'{folder}/{path}', '--projects-from', str(permitted), str(folder)])
        assert b'; pass another path\n' in capfdbinary.readouterr().err
        assert (folder / name(0)).read_bytes() == before

    def test_unwritable_path(self, folder: Path, capfdbinary: Captured) -> None:
        """A list that cannot be written is an error."""
        place = f'{folder}/nowhere/list'
        assert main(['-o', place, str(folder)]) == 1
        message = f'dumb-pypi: cannot write {place}: No such file or directory\n'
        assert capfdbinary.readouterr() == (b'', message.encode())


def test_interruption_while_printing(folder: Path) -> None:
    """One interruption suffices, even if nobody reads the list that is being printed."""
    previous = folder.parent / 'previous'
    first = scan([str(folder)]).lines[0]
    lines = []
    for number in range(3000):
        filename = f'foo-3.{number}-py3-none-any.whl'
        os.link(folder / name(0), folder / filename)
        lines.append(first.replace(name(0).encode(), filename.encode()))
    previous.write_bytes(b'\n'.join(lines))
    with subprocess.Popen(
        [sys.executable, '-m', 'dumb_pypi', 'scan', '-q', '--previous', str(previous), str(folder)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(1)  # it is printing
        time.sleep(0.2)  # and is waiting for someone to read
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(10) == 130
        finally:
            process.kill()
        assert process.stderr.read() == b'dumb-pypi: interrupted\n'


def test_broken_pipe(folder: Path) -> None:
    """If the reader of the list exits, the scan ends without a message, as by SIGPIPE."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    with open(write_end, 'wb') as stream:
        done = subprocess.run(
            [sys.executable, '-m', 'dumb_pypi', 'scan', str(folder)],
            check=False, stdout=stream, stderr=subprocess.PIPE,
        )
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, b'')


@pytest.mark.parametrize('redirection', ['2>&-', '2> /dev/full'])
def test_unwritable_standard_error(bad_folder: Path, redirection: str) -> None:
    """Messages that cannot be printed change neither the list nor the status."""
    done = run_scan(bad_folder, redirection=redirection)
    assert (done.returncode, done.stderr) == (1, '')
    assert len(done.stdout.splitlines()) == 5

"""Which command runs."""
from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

import dumb_pypi
from dumb_pypi.builder import build
from dumb_pypi.commands import build as build_command
from dumb_pypi.commands import scan as scan_command
from dumb_pypi.main import main, run, run_scan
from dumb_pypi.scanner import scan
from tests.support import trees


class FullDisk(io.StringIO):
    """A stream whose output is lost."""

    def flush(self) -> None:
        raise OSError(28, 'No space left on device')


@pytest.fixture
def options(tmp_path: Path) -> list[str]:
    (tmp_path / 'list').write_text('foo-1.0.zip\n')
    return ['--package-list', f'{tmp_path}/list', '--packages-url', '/pool/', '-v']


def test_build_is_the_default(
        tmp_path: Path, options: list[str], capsys: pytest.CaptureFixture[str],
) -> None:
    """Options without a command, as in 1.x, are those of `build`."""
    options += ['--no-generate-timestamp']
    assert main([*options, '--output-dir', f'{tmp_path}/plain']) == 0
    assert main(['build', *options, '--output-dir', f'{tmp_path}/named']) == 0
    assert trees.pages_in(tmp_path / 'plain') == trees.pages_in(tmp_path / 'named')
    one, other = capsys.readouterr().err.splitlines()
    assert one == other


def test_scan_is_a_command(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """`dumb-pypi scan` is what `dumb-pypi-scan` is."""
    assert main(['scan', str(tmp_path)]) == 0
    assert capfd.readouterr().out == ''


def test_unknown_command_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """A word that is no command is reported, with exit status 2."""
    with pytest.raises(SystemExit) as caught:
        main(['nonsense'])
    assert caught.value.code == 2
    assert 'usage: dumb-pypi' in capsys.readouterr().err


@pytest.mark.parametrize(('stdout', 'stderr', 'exits_at_once'), (
    (None, None, True), (FullDisk(), None, False), (None, FullDisk(), False),
))
def test_command_exits_at_once(
        tmp_path: Path, options: list[str], monkeypatch: pytest.MonkeyPatch,
        stdout: FullDisk | None, stderr: FullDisk | None, exits_at_once: bool,
) -> None:
    """Python does not clean up first, unless it has to report that output is lost."""
    def leave(status: int) -> NoReturn:
        assert status == 0
        raise SystemExit('at once')

    command = ['dumb-pypi', *options, '-q', '--output-dir', f'{tmp_path}/out']
    monkeypatch.setattr(sys, 'argv', [word for word in command if word != '-v'])
    monkeypatch.setattr(sys, 'stdout', stdout)
    monkeypatch.setattr(sys, 'stderr', stderr)
    monkeypatch.setattr(os, '_exit', leave)
    with pytest.raises(SystemExit) as caught:
        run()
    assert caught.value.code == ('at once' if exits_at_once else 0)
    assert (tmp_path / 'out/packages.json').exists()


def test_package_offers_build_and_scan() -> None:
    """The package itself has the two functions, and nothing that it does not say."""
    assert dumb_pypi.build is build
    assert dumb_pypi.scan is scan
    with pytest.raises(AttributeError, match=r"^module 'dumb_pypi' has no attribute 'nonsense'$"):
        getattr(dumb_pypi, 'non' + 'sense')


@pytest.mark.parametrize(
    ('error', 'message'), (
        (MemoryError(), 'Cannot allocate memory: '),
        (SystemError('error return without exception set'), 'error return without exception set: '),
        (OSError(errno.EMFILE, 'Too many open files', 'a\n'), "'a\\n': Too many open files: "),
        (RuntimeError("can't start new thread"), "can't start new thread: "),
        (ImportError("No module named 'x'"), "No module named 'x': "),
    ),
)
@pytest.mark.parametrize('command', (build_command, scan_command))
def test_refusal_of_the_system_is_reported(
        monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: object,
        error: Exception, message: str,
) -> None:
    """Whatever the system refuses, wherever it is: one line says so, and what to do."""
    def refuse(_: object) -> None:
        raise error

    monkeypatch.setattr(command, 'main', refuse)
    name, program = 'build', 'dumb-pypi'
    if command is scan_command:
        name, program = 'scan', 'dumb-pypi-scan'
    assert main([name]) == 1
    line = capsys.readouterr().err
    assert line.startswith(f'{program}: {message}')
    assert line.count('\n') == 1
    assert 'ulimit' in line


def test_fault_of_the_program_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the program itself keeps its traceback."""
    def fail(_: object) -> None:
        raise RuntimeError('dictionary changed size during iteration')

    monkeypatch.setattr(build_command, 'main', fail)
    with pytest.raises(RuntimeError):
        main([])


@pytest.mark.parametrize('encoding', ('utf-8', 'iso8859-1'))
def test_program_starts_again_in_utf8_mode(
        monkeypatch: pytest.MonkeyPatch, options: list[str], tmp_path: Path, encoding: str,
) -> None:
    """In a locale that is not UTF-8 the program starts again; if it can't, it goes on."""
    def execute(*command: object) -> None:
        commands.append(command)
        raise OSError

    commands: list[object] = []
    monkeypatch.setattr(sys, 'argv', ['dumb-pypi', *options, '--output-dir', f'{tmp_path}/out'])
    monkeypatch.setattr(sys, 'orig_argv', ['python', '-P', 'dumb-pypi', 'x'])
    monkeypatch.setattr(sys, 'getfilesystemencoding', lambda: encoding)
    monkeypatch.setattr(os, 'execv', execute)
    monkeypatch.setattr(os, '_exit', sys.exit)
    with pytest.raises(SystemExit, match=r'^0$'):
        run()
    assert commands == ([] if encoding == 'utf-8' else [
        (sys.executable, [sys.executable, '-X', 'utf8', '-P', 'dumb-pypi', 'x']),
    ])


def test_scan_has_its_own_name(
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str],
) -> None:
    """The command `dumb-pypi-scan` is `dumb-pypi scan`."""
    monkeypatch.setattr(sys, 'argv', ['dumb-pypi-scan', str(tmp_path)])
    monkeypatch.setattr(os, '_exit', sys.exit)
    with pytest.raises(SystemExit, match=r'^0$'):
        run_scan()
    assert 'dumb-pypi-scan: no distribution' in capfd.readouterr().err


@pytest.mark.parametrize('closed', ('<&-', '>&-', '2>&-', '<&- >&- 2>&-'))
@pytest.mark.parametrize('jobs', ('1', '4'))
def test_closed_streams(options: list[str], tmp_path: Path, closed: str, jobs: str) -> None:
    """No file of the build takes the number of a closed standard stream."""
    command = [sys.executable, '-m', 'dumb_pypi', *options, '--output-dir', f'{tmp_path}/out']
    subprocess.run(
        ['sh', '-c', f'"$@" {closed}', 'sh', *command, '--jobs', jobs], check=True,
    )
    tree = trees.pages_in(tmp_path / 'out')
    assert main([*options, '--output-dir', f'{tmp_path}/same']) == 0
    assert tree.keys() == trees.pages_in(tmp_path / 'same').keys()

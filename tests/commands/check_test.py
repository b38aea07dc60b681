"""The command `dumb-pypi check`: output, messages, exit status."""
from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import dumb_pypi
from dumb_pypi import build, store
from dumb_pypi.commands import check as check_command
from dumb_pypi.commands.check import main

ROOT = Path(__file__).parents[2]
# Without root's right to read and write whatever permission bits say.
UNPRIVILEGED = 'from tests.support.processes import bind_root; bind_root(); ' if (
    os.geteuid() == 0
) else ''
COMMAND = (sys.executable, '-c', f'{UNPRIVILEGED}from dumb_pypi.main import run; run()', 'check')


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An index of two releases of one project."""
    (tmp_path / 'list').write_text('foo-1.0.zip\nfoo-2.0.zip\n')
    build(
        package_list=tmp_path / 'list', output_dir=tmp_path / 'out', packages_url='../../pool/',
    )
    return tmp_path / 'out'


@pytest.fixture
def damaged(out: Path) -> Path:
    """The same with a difference of each kind."""
    (out / 'simple/foo/index.html').unlink()
    (out / 'pypi/foo/1.0/json').write_text('')
    (out / 'index.html').write_text('edited')
    (out / 'simple/old').mkdir()
    (out / 'simple/old/index.html').touch()
    return out


LINES = (
    'changed index.html\n'
    'empty   pypi/foo/1.0/json\n'
    'missing simple/foo/index.html\n'
    'unknown simple/old/index.html\n'
)


def run(
        *arguments: str | Path, redirection: str = '', **environment: str,
) -> subprocess.CompletedProcess[str]:
    """Run the command in a process that has no rights but those of permission bits."""
    return subprocess.run(
        ['sh', '-c', f'"$0" "$@" {redirection}', *COMMAND, *arguments],
        cwd=ROOT, env={**os.environ, **environment}, check=False, capture_output=True, text=True,
    )


def pages_of(out: Path) -> int:
    """Return the number of pages: in a damaged index one is missing, and one is unknown."""
    return sum(place.is_file() and store.OWN_FOLDER not in place.parts for place in out.rglob('*'))


def marks(folder: Path) -> dict[str, tuple[int, int]]:
    """Return when each file and folder was changed and which it is, the build's own included."""
    return {
        str(path): (path.stat().st_mtime_ns, path.stat().st_ino)
        for path in (folder, *folder.rglob('*'))
    }


def test_intact_index(out: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The number of pages is reported on standard error, but for `-q`."""
    assert main([str(out)]) == 0
    assert capfd.readouterr() == ('', f'dumb-pypi: {pages_of(out)} pages checked, no differences\n')
    assert main([str(out), '-q']) == 0
    assert capfd.readouterr() == ('', '')


def test_differences_are_printed(damaged: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Standard output has a line for each; the summary says how many, and what to do."""
    assert main([str(damaged)]) == 1
    assert capfd.readouterr() == (LINES, (
        f'dumb-pypi: {pages_of(damaged)} pages checked: 1 missing, 1 empty, 1 changed, 1 unknown; '
        'a build with --full repairs them\n'
    ))
    assert main(['--quiet', str(damaged)]) == 1
    assert capfd.readouterr() == (LINES, '')


def test_json_of_intact_index(out: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The object has the same keys whatever is found."""
    assert main(['--json', '-q', str(out)]) == 0
    output, messages = capfd.readouterr()
    assert (json.loads(output), messages) == ({
        'pages': pages_of(out),
        'counts': {'missing': 0, 'empty': 0, 'changed': 0, 'unknown': 0},
        'differences': [],
    }, '')


def test_json_of_damaged_index(damaged: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """It is one line on standard output, which has no messages."""
    assert main([str(damaged), '--json']) == 1
    output, messages = capfd.readouterr()
    assert output.count('\n') == 1
    assert json.loads(output) == {
        'pages': pages_of(damaged),
        'counts': {'missing': 1, 'empty': 1, 'changed': 1, 'unknown': 1},
        'differences': [
            {'kind': 'changed', 'path': 'index.html'},
            {'kind': 'empty', 'path': 'pypi/foo/1.0/json'},
            {'kind': 'missing', 'path': 'simple/foo/index.html'},
            {'kind': 'unknown', 'path': 'simple/old/index.html'},
        ],
    }
    assert messages.endswith('a build with --full repairs them\n')


@pytest.mark.parametrize(('name', 'shown'), (
    (b'a b', 'simple/a b/index.html'),
    (b'\xc3\xa9', 'simple/é/index.html'),
    (b'a\nunknown b', r"'simple/a\nunknown b/index.html'"),
    ('\N{RIGHT-TO-LEFT OVERRIDE}'.encode(), r"'simple/\u202e/index.html'"),
))
def test_unusual_path_is_one_line(
        out: Path, name: bytes, shown: str, capfd: pytest.CaptureFixture[str],
) -> None:
    """It is quoted if it is not a line of text, and JSON has its bytes."""
    folder = os.fsencode(out) + b'/simple/' + name
    os.mkdir(folder)
    Path(os.fsdecode(folder), 'index.html').touch()
    assert main(['-q', str(out)]) == 1
    assert capfd.readouterr().out == f'unknown {shown}\n'
    assert main(['-q', '--json', str(out)]) == 1
    [difference] = json.loads(capfd.readouterr().out)['differences']
    assert os.fsencode(difference['path']) == b'simple/' + name + b'/index.html'


def test_directory_name_need_not_be_utf8(
        out: Path, capfd: pytest.CaptureFixture[str],
) -> None:
    """A message quotes the name."""
    moved = Path(os.fsdecode(os.fsencode(out) + b'\xff'))
    out.rename(moved)
    assert main([str(moved)]) == 0
    (moved / store.STATE).unlink()
    capfd.readouterr()
    assert main([str(moved)]) == 1
    [message] = capfd.readouterr().err.splitlines()
    assert message.startswith("dumb-pypi: cannot check '")
    assert message.isascii()


def test_missing_directory(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """An index that cannot be checked gives one line and status 1, and no JSON."""
    assert main([str(tmp_path / 'gone'), '--json']) == 1
    assert capfd.readouterr() == (
        '', f'dumb-pypi: cannot read {tmp_path}/gone: No such file or directory\n',
    )


@pytest.mark.parametrize('arguments', ([], [''], ['a', 'b'], ['a', '--full']))
def test_wrong_usage(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    """A wrong command line gives the usage and status 2."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert capfd.readouterr().err.startswith('usage: dumb-pypi check ')


def test_version(capfd: pytest.CaptureFixture[str]) -> None:
    """`--version` prints the name and the version of the program."""
    with pytest.raises(SystemExit) as caught:
        main(['--version'])
    assert caught.value.code == 0
    assert capfd.readouterr().out == f'dumb-pypi {dumb_pypi.__version__}\n'


@pytest.mark.parametrize('foreign', (False, True))
def test_index_need_not_be_writable(damaged: Path, foreign: bool) -> None:
    """Whoever may read an index can check it; nothing in it is written."""
    for place in (damaged, *damaged.rglob('*')):
        place.chmod(0o555 if place.is_dir() else 0o444)
        if foreign and UNPRIVILEGED:
            os.chown(place, 65534, 65534)
    before = marks(damaged)
    done = run(damaged, '-q')
    assert (done.returncode, done.stdout, done.stderr) == (1, LINES, '')
    assert marks(damaged) == before
    for place in (damaged, *damaged.rglob('*')):
        place.chmod(0o755 if place.is_dir() else 0o644)


@pytest.mark.parametrize('path', (
    '', '.dumb-pypi', store.STATE, 'index.html', 'simple', 'pypi/foo', 'pypi/foo/2.0',
))
def test_unreadable_place_is_reported(out: Path, path: str) -> None:
    """What cannot be read is no difference: one line says what it is."""
    (out / path).chmod(0)
    done = run(out)
    (out / path).chmod(0o755)
    assert (done.returncode, done.stdout) == (1, '')
    assert done.stderr.startswith(f'dumb-pypi: cannot read {out / path}')
    assert done.stderr.endswith(': Permission denied\n')
    assert done.stderr.count('\n') == 1


@pytest.mark.parametrize('arguments', ((), ('--json',)))
@pytest.mark.parametrize(('redirection', 'reason'), (
    ('>&-', 'Bad file descriptor'), ('> /dev/full', 'No space left on device'),
))
def test_unwritable_standard_output(
        damaged: Path, arguments: Sequence[str], redirection: str, reason: str,
) -> None:
    """Differences that cannot be printed give one line, and status 1."""
    done = run(damaged, *arguments, redirection=redirection)
    assert done.returncode == 1
    assert done.stderr == f'dumb-pypi: cannot write <stdout>: {reason}\n'


def test_broken_pipe(damaged: Path) -> None:
    """If the reader of the differences exits, the check ends without a message, as by SIGPIPE."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    with open(write_end, 'wb') as stream:
        done = subprocess.run(
            [sys.executable, '-m', 'dumb_pypi', 'check', str(damaged)],
            check=False, stdout=stream, stderr=subprocess.PIPE,
        )
    assert (done.returncode, done.stderr) == (141, b'')


@pytest.mark.parametrize('redirection', ('2>&-', '2> /dev/full'))
def test_unwritable_standard_error(damaged: Path, redirection: str) -> None:
    """Lost messages change neither the output nor the status."""
    done = run(damaged, redirection=redirection)
    assert (done.returncode, done.stdout, done.stderr) == (1, LINES, '')


def test_locale_need_not_be_utf8(tmp_path: Path, out: Path) -> None:
    """The names of pages are UTF-8 in any locale."""
    (tmp_path / 'list').write_text('foo-1.0é.zip\n')
    build(package_list=tmp_path / 'list', output_dir=out, packages_url='../../pool/')
    assert run(out).returncode == 0
    done = run(out, LC_ALL='C', PYTHONCOERCECLOCALE='0', PYTHONUTF8='0')
    assert (done.returncode, done.stdout) == (0, '')


def open_files(pid: int) -> list[Path]:
    """Return the files that a process has open."""
    found = []
    for link in Path(f'/proc/{pid}/fd').iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(link.readlink())
    return found


def test_interrupted_check_says_so(out: Path) -> None:
    """Ctrl-C gives one line, and the status of a shell."""
    page = out / 'index.html'
    os.truncate(page, 1 << 42)  # sparse: it takes no space, but hours to read
    with subprocess.Popen(
        [sys.executable, '-m', 'dumb_pypi', 'check', str(out)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:
        while page not in open_files(process.pid):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        output, messages = process.communicate(timeout=60)
    assert (process.returncode, output, messages) == (130, b'', b'dumb-pypi: interrupted\n')


@pytest.mark.parametrize('quiet', (False, True))
def test_progress_bar(out: Path, monkeypatch: pytest.MonkeyPatch, quiet: bool) -> None:
    """On a terminal a check that takes long shows a bar, erased before it reports."""
    terminal = Terminal()
    monkeypatch.setattr(sys, 'stderr', terminal)
    monkeypatch.setattr(check_command, '_PATIENCE', 0)
    assert main([str(out), *(['-q'] if quiet else [])]) == 0
    shown: list[Any] = terminal.getvalue().split('\r')
    if quiet:
        assert shown == ['']
    else:
        assert any('% |' in part for part in shown)
        assert shown[-2].isspace()
        assert shown[-1] == f'dumb-pypi: {pages_of(out)} pages checked, no differences\n'

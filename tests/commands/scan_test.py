"""The command `dumb-pypi scan`: options, messages, exit status."""
from __future__ import annotations

import errno
import json
import os
import pty
import signal
import subprocess
import sys
import termios
from collections.abc import Sequence
from pathlib import Path

import pytest

import dumb_pypi
from dumb_pypi.commands import scan as command
from dumb_pypi.commands.scan import main
from dumb_pypi.errors import FileError
from dumb_pypi.process import usable_cpus
from dumb_pypi.scanner import reader, scan
from tests.commands.conftest import Captured, name
from tests.support.archives import METADATA, NO_SDIST, SDIST, tarred, WHEEL, wheel


def test_list_is_printed_in_order(
        folder: Path, capfdbinary: Captured,
) -> None:
    """The list is sorted by file name, and nothing else is printed."""
    assert main([str(folder)]) == 0
    out, err = capfdbinary.readouterr()
    assert err == b''
    assert [json.loads(line)['filename'] for line in out.splitlines()] == list(map(name, range(5)))
    assert main(['-q', '--jobs', '7', str(folder)]) == 0
    assert capfdbinary.readouterr() == (out, b'')


def test_empty_folder_has_empty_list(tmp_path: Path, capfdbinary: Captured) -> None:
    """A folder without distribution files gives an empty list and one message."""
    assert main([str(tmp_path), str(tmp_path)]) == 0
    message = (
        f'dumb-pypi: no distribution files found in {tmp_path}, {tmp_path}: is that the right '
        'source?\n'
    )
    assert capfdbinary.readouterr() == (b'', message.encode())


def test_broken_files_are_reported(
        bad_folder: Path, capfdbinary: Captured,
) -> None:
    """Broken files are reported; the others are printed."""
    assert main([str(bad_folder)]) == 1
    out, err = capfdbinary.readouterr()
    assert len(out.splitlines()) == 5
    assert err.decode().splitlines() == [
        (f'{bad_folder}/README: is neither a wheel, an sdist nor an egg: skipped'),
        f'{bad_folder}/{SDIST}: {NO_SDIST}',
        'dumb-pypi: 1 file was skipped; the other 5 are listed',
    ]
    (bad_folder / name(0)).write_bytes(b'')
    assert main([str(bad_folder)]) == 1
    err = capfdbinary.readouterr().err
    assert err.endswith(b'dumb-pypi: 2 files were skipped; the other 4 are listed\n')


def test_quiet_reports_only_problems(bad_folder: Path, capfdbinary: Captured) -> None:
    """With `--quiet` only problems are printed."""
    assert main(['-q', str(bad_folder)]) == 1
    assert capfdbinary.readouterr().err.decode().splitlines() == [
        f'{bad_folder}/{SDIST}: {NO_SDIST}',
    ]


def test_strict_prints_all_or_nothing(bad_folder: Path, capfdbinary: Captured) -> None:
    """With `--strict` one broken file suffices to print no list."""
    assert main(['-q', '--strict', str(bad_folder)]) == 1
    out, err = capfdbinary.readouterr()
    assert out == b''
    assert err.endswith(
        b'because of --strict: fix what is reported above, or scan without it\n',
    )
    (bad_folder / SDIST).unlink()
    assert main(['-q', '--strict', str(bad_folder)]) == 0
    assert len(capfdbinary.readouterr().out.splitlines()) == 5


@pytest.mark.parametrize(('arguments', 'message'), [
    ([], 'the following arguments are required: SOURCE'),
    (['--jobs', '0', '.'], '--jobs must be between 1 and 256, not 0'),
    (['--jobs', '257', '.'], '--jobs must be between 1 and 256, not 257'),
    (['--jobs', 'x', '.'], "argument -j/--jobs: invalid int value: 'x'"),
    (['--uploaded-by', 'a\x1b', '.'],
     r"--uploaded-by 'a\x1b' has the control character U+001B"),
    (['--uploaded-by', os.fsdecode(b'\xff'), '.'], 'has bytes that are not UTF-8'),
    ([''], 'SOURCE is empty'),
    (['-o', '/dev/null', '.'], "--output '/dev/null' is not an ordinary file"),
    (['-o', '.', '.'], "--output '.' is not an ordinary file"),
    (['--projects', '.', '.'], "--projects '.' is not an ordinary file"),
    (['--projects', '-', '.'], "--projects '-' is not the path of a file"),
    (['--projects', '', '.'], "--projects '' is not the path of a file"),
    (['--projects', 'a', '--output', './a', '.'], (
        "--projects 'a' is also the file of --output: pass another path"
    )),
    (['--projects', 'a', '--previous', 'a', '.'], "--projects 'a' is also the file of --previous"),
])
def test_usage_errors(
        arguments: Sequence[str], message: str, capfdbinary: Captured,
) -> None:
    """A wrong command line exits with 2 and says why."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert message in capfdbinary.readouterr().err.decode()


@pytest.mark.parametrize(('arguments', 'message'), [
    (['/nowhere'], 'cannot read /nowhere: No such file or directory'),
    (['.', '--previous', '/nowhere'], 'cannot read /nowhere: No such file or directory'),
    (
        ['.', '--previous', '/nowhere', '--output', '/dev/null/list'],
        'cannot read /nowhere: No such file or directory',
    ),
])
def test_failure_is_one_line(
        arguments: Sequence[str], message: str, capfdbinary: Captured,
) -> None:
    """A scan that fails prints one line and exits with 1."""
    assert main(arguments) == 1
    assert capfdbinary.readouterr() == (b'', f'dumb-pypi: {message}\n'.encode())


def test_unwritable_metadata(
        folder: Path, capfdbinary: Captured, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """If the disk is full, all wheels are listed and no missing file is announced."""
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, 'replace', fail)
    assert main(['--write-metadata', '--jobs', '2', str(folder)]) == 1
    out, err = capfdbinary.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line['filename'] for line in lines] == list(map(name, range(5)))
    assert not any('core_metadata' in line for line in lines)
    assert err.decode().splitlines() == [
        f'{folder}/{name(number)}.metadata: cannot be written: No space left on device'
        for number in range(5)
    ]
    assert sorted(os.listdir(folder)) == list(map(name, range(5)))


def test_interruption_exits_quietly(
        folder: Path, capfdbinary: Captured, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An interruption prints one line and exits with 130."""
    def interrupt(*_args: object, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(reader, 'read_files', interrupt)
    assert main([str(folder)]) == 130
    assert capfdbinary.readouterr() == (b'', b'dumb-pypi: interrupted\n')


def test_interruption_stops_reading(folder: Path) -> None:
    """An interruption stops the threads within a large file."""
    large = folder / 'foo-2.0-py3-none-any.whl'
    content = wheel(METADATA.replace(b'1.0', b'2.0'))
    with large.open('wb') as stream:
        stream.truncate(2 ** 35)  # with nothing in it: more than anyone would wait for
        stream.seek(0, os.SEEK_END)
        stream.write(content)
    calls: list[int] = []

    def interrupt(done: int, _total: int) -> None:
        calls.append(done)
        if len(calls) == 20:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        scan([str(folder)], jobs=2, progress=interrupt)
    assert calls[-1] < 2 ** 35


@pytest.mark.parametrize('kind', ['gz', 'bz2', 'xz'])
def test_interruption_stops_unpacking(folder: Path, kind: str) -> None:
    """An interruption stops a thread that unpacks, which may take minutes."""
    sdist = tarred({'foo-1.0/x': os.urandom(2 ** 20), 'foo-1.0/PKG-INFO': METADATA}, f'w:{kind}')
    (folder / f'foo-1.0.tar.{kind}').write_bytes(sdist)
    calls: list[int] = []

    def interrupt(done: int, _total: int) -> None:
        calls.append(done)
        if len(calls) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scan([str(folder)], jobs=1, progress=interrupt)
    assert len(calls) == 3
    assert calls[-1] < len(sdist)


def test_file_changed_during_the_scan(folder: Path) -> None:
    """A file that changes while it is read is skipped: its copying may be unfinished."""
    def change(_done: int, _total: int) -> None:
        os.utime(folder / name(0), (1, 1))

    result = scan([str(folder)], jobs=1, progress=change)
    assert str(folder / name(0)) in {problem.place for problem in result.problems}
    assert {problem.text for problem in result.problems} == {'changes while it is read'}


def test_file_deleted_during_the_scan(folder: Path) -> None:
    """A file that is deleted before it is read is skipped."""
    def remove(_done: int, _total: int) -> None:
        (folder / name(4)).unlink(missing_ok=True)

    result = scan([str(folder)], jobs=1, progress=remove)
    assert list(map(str, result.problems)) == [
        f'{folder}/{name(4)}: cannot be read: No such file or directory',
    ]


def test_progress_counts_every_byte(bad_folder: Path) -> None:
    """Every byte counts once, those of a tar archive twice; the last call has the total."""
    wheels = sum((bad_folder / name(number)).stat().st_size for number in range(5))
    (bad_folder / 'foo-1.0.tar.bz2').write_bytes(b'broken')
    sdist = tarred({'foo-1.0/PKG-INFO': METADATA, 'foo-1.0/x': os.urandom(2 ** 20)}, 'w:gz')
    (bad_folder / SDIST).write_bytes(sdist)
    total = wheels + 2 * len(sdist) + 2 * len(b'broken')
    calls: list[tuple[int, int]] = []
    scan([str(bad_folder)], jobs=1, progress=lambda *progress: calls.append(progress))
    assert calls[-1] == (total, total)
    assert calls == sorted(set(calls))
    # Unpacking takes longest, so the bar must move during it.
    assert len([done for done, _ in calls if done < len(sdist)]) > 10


def on_a_terminal(*arguments: object) -> bytes:
    """Return what a scan writes to a terminal on standard error."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    with subprocess.Popen(
        [sys.executable, '-m', 'dumb_pypi', 'scan', *map(str, arguments)],
        stdout=subprocess.DEVNULL, stderr=theirs,
        env={key: value for key, value in os.environ.items() if not key.startswith('TQDM_')},
    ) as process:
        os.close(theirs)
        shown = b''
        try:
            while block := os.read(ours, 4096):
                shown += block
        except OSError:
            pass  # Linux raises this once the terminal is closed
    os.close(ours)
    assert process.returncode == 0
    return shown


def test_terminal_shows_a_bar(folder: Path) -> None:
    """A terminal shows a bar of bytes, which is erased at the end."""
    shown = on_a_terminal(folder)
    assert b'%|' in shown
    assert b'B/s]' in shown
    assert shown.endswith(b'\r')
    assert on_a_terminal('-q', folder) == b''


@pytest.mark.parametrize('jobs', [1, 2, 3, 20, None])
def test_jobs_do_not_change_list(folder: Path, jobs: int | None) -> None:
    """The number of threads changes no line and no message."""
    for number in range(5):
        (folder / f'{number}').mkdir()
        (folder / f'{number}' / WHEEL).write_bytes(wheel(METADATA + b'\n' * number))
        (folder / f'{number}' / f'foo-2.{number}.zip').touch()
        (folder / f'{number}.metadata').touch()
    assert scan([str(folder)], jobs=jobs) == scan([str(folder)], jobs=4)


def test_usable_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of CPUs is known on systems without CPU affinity too."""
    assert usable_cpus() >= 1
    monkeypatch.delattr(os, 'sched_getaffinity', raising=False)
    assert usable_cpus() >= 1


def test_errors_have_fields(tmp_path: Path) -> None:
    """Errors and problems carry their path and reason as fields."""
    with pytest.raises(FileError) as caught:
        scan([str(tmp_path / 'nowhere')])
    assert caught.value.path == str(tmp_path / 'nowhere')
    (tmp_path / WHEEL).touch()
    [problem] = scan([str(tmp_path)]).problems
    assert problem.place == str(tmp_path / WHEEL)
    assert problem.text == 'is damaged or truncated: File is not a zip file'
    assert problem.skipped


def test_installed_command(folder: Path) -> None:
    """The alias `dumb-pypi-scan` is installed."""
    program = Path(sys.executable).with_name('dumb-pypi-scan')
    done = subprocess.run([program, folder], check=True, capture_output=True)
    assert len(done.stdout.splitlines()) == 5


def test_version(capfdbinary: Captured) -> None:
    """`--version` prints the version."""
    with pytest.raises(SystemExit) as caught:
        main(['--version'])
    assert caught.value.code == 0
    assert capfdbinary.readouterr().out.decode() == f'dumb-pypi {dumb_pypi.__version__}\n'


def test_unchanged_scan_imports_little(folder: Path, tmp_path: Path) -> None:
    """If nothing has changed, the modules that read archives are not imported."""
    previous = tmp_path / 'previous.jsonl'
    previous.write_bytes(b'\n'.join(scan([str(folder)]).lines))
    script = (
        'import sys\nbefore = set(sys.modules)\n'
        'from dumb_pypi.commands.scan import main\nmain(sys.argv[1:])\n'
        'print(*{"zipfile", "email", "tqdm", "concurrent", "jinja2", "hashlib", '
        '"dumb_pypi.model.distfile", "dumb_pypi.model.urls"} '
        '& (set(sys.modules) - before), file=sys.stderr)'
    )
    done = subprocess.run(
        [sys.executable, '-c', script, '--previous', str(previous), str(folder)],
        check=True, capture_output=True, text=True,
    )
    assert done.stderr == '\n'


def test_options_reach_the_scan(
        folder: Path, tmp_path: Path, capfdbinary: Captured,
) -> None:
    """The options of the command have the effect of the arguments of `scan`."""
    previous = tmp_path / 'previous.jsonl'
    previous.write_bytes(b'nonsense')
    assert main([
        '--write-metadata', '--uploaded-by', ' ana ', '--previous', str(previous), str(folder),
    ]) == 0
    out, err = capfdbinary.readouterr()
    assert err.startswith(f'{previous}:1: '.encode())
    assert {json.loads(line)['uploaded_by'] for line in out.splitlines()} == {'ana'}
    assert all('core_metadata' in json.loads(line) for line in out.splitlines())
    assert command.main is main

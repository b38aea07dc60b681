"""The command `dumb-pypi-scan`: options, messages, exit status."""
from __future__ import annotations

import errno
import json
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

import dumb_pypi
from dumb_pypi.commands import scan as command
from dumb_pypi.commands.scan import main
from dumb_pypi.errors import FileError
from dumb_pypi.process import usable_cpus
from dumb_pypi.scanner import reader, scan
from tests.support.archives import METADATA, SDIST, tarred, WHEEL, wheel

Captured = pytest.CaptureFixture[bytes]


def name(number: int) -> str:
    return f'foo-1.{number}-py3-none-any.whl'


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    pool = tmp_path / 'pool'
    pool.mkdir()
    for number in range(5):
        metadata = METADATA.replace(b'1.0', b'1.%d' % number)
        (pool / name(number)).write_bytes(wheel(metadata))
    return pool


@pytest.fixture
def bad_pool(pool: Path) -> Path:
    """One file is broken, one is passed over."""
    (pool / SDIST).touch()
    (pool / 'README').touch()
    return pool


def run(*arguments: object, redirection: str = '') -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ['sh', '-c', f'"$0" -m dumb_pypi scan "$@" {redirection}', sys.executable,
         *map(str, arguments)],
        check=False, capture_output=True, text=True,
    )


def test_the_list_is_printed_in_order_and_nothing_else(
        pool: Path, capfdbinary: Captured,
) -> None:
    assert main([str(pool)]) == 0
    out, err = capfdbinary.readouterr()
    assert err == b''
    assert [json.loads(line)['filename'] for line in out.splitlines()] == list(map(name, range(5)))
    assert main(['-q', '--jobs', '7', '--keep-going', str(pool)]) == 0
    assert capfdbinary.readouterr() == (out, b'')


def test_an_empty_folder_has_an_empty_list(tmp_path: Path, capfdbinary: Captured) -> None:
    assert main([str(tmp_path), str(tmp_path)]) == 0
    message = f'dumb-pypi-scan: no distribution below {tmp_path}, {tmp_path}\n'
    assert capfdbinary.readouterr() == (b'', message.encode())


def test_broken_files_are_told_of_and_the_others_printed(
        bad_pool: Path, capfdbinary: Captured,
) -> None:
    assert main([str(bad_pool)]) == 1
    out, err = capfdbinary.readouterr()
    assert len(out.splitlines()) == 5
    assert err.decode().splitlines() == [
        (f'{bad_pool}/README: is neither a wheel, an sdist nor an egg, so it is passed over'),
        f'{bad_pool}/{SDIST}: has no PKG-INFO in its folder',
        'dumb-pypi-scan: 1 file was left out; the other 5 are listed',
    ]
    (bad_pool / name(0)).write_bytes(b'')
    assert main([str(bad_pool)]) == 1
    err = capfdbinary.readouterr().err
    assert err.endswith(b'dumb-pypi-scan: 2 files were left out; the other 4 are listed\n')


def test_quiet_says_only_what_is_left_out(bad_pool: Path, capfdbinary: Captured) -> None:
    assert main(['-q', str(bad_pool)]) == 1
    assert capfdbinary.readouterr().err.decode().splitlines() == [
        f'{bad_pool}/{SDIST}: has no PKG-INFO in its folder',
        'dumb-pypi-scan: 1 file was left out; the other 5 are listed',
    ]


def test_strict_prints_all_or_nothing(bad_pool: Path, capfdbinary: Captured) -> None:
    assert main(['-q', '--strict', str(bad_pool)]) == 1
    out, err = capfdbinary.readouterr()
    assert out == b''
    assert err.endswith(b'dumb-pypi-scan: nothing was printed, as --strict asks\n')
    (bad_pool / SDIST).unlink()
    assert main(['-q', '--strict', str(bad_pool)]) == 0
    assert len(capfdbinary.readouterr().out.splitlines()) == 5


@pytest.mark.parametrize(('arguments', 'message'), [
    ([], 'the following arguments are required: DIR'),
    (['--jobs', '0', '.'], '--jobs: 0 is not a number of threads from 1 to 256'),
    (['--jobs', '257', '.'], '--jobs: 257 is not a number of threads from 1 to 256'),
    (['--jobs', 'x', '.'], "argument -j/--jobs: invalid int value: 'x'"),
    (['--uploaded-by', 'a\x1b', '.'],
     r"--uploaded-by: 'a\x1b' has the control character U+001B"),
    (['--uploaded-by', os.fsdecode(b'\xff'), '.'], 'has bytes that are not UTF-8'),
    ([''], 'DIR: is empty'),
    (['--strict', '--keep-going', '.'], 'not allowed with argument'),
    (['-o', '/dev/null', '.'], "--output: '/dev/null' is no regular file"),
    (['-o', '.', '.'], "--output: '.' is no regular file"),
])
def test_a_wrong_command_line(
        arguments: Sequence[str], message: str, capfdbinary: Captured,
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert message in capfdbinary.readouterr().err.decode()


@pytest.mark.parametrize(('arguments', 'message'), [
    (['/nowhere'], 'cannot read /nowhere: No such file or directory'),
    (['.', '--previous', '/nowhere'], 'cannot read /nowhere: No such file or directory'),
])
def test_what_cannot_be_done_is_one_line(
        arguments: Sequence[str], message: str, capfdbinary: Captured,
) -> None:
    assert main(arguments) == 1
    assert capfdbinary.readouterr() == (b'', f'dumb-pypi-scan: {message}\n'.encode())


@pytest.mark.parametrize(('redirection', 'message'), [
    ('>&-', 'Bad file descriptor'),
    ('> /dev/full', 'No space left on device'),
    ('| true', None),
])
def test_a_list_that_cannot_be_printed(
        pool: Path, redirection: str, message: str | None,
) -> None:
    done = run(pool, redirection=redirection)
    assert done.stdout == ''
    if message is not None:
        assert done.stderr == f'dumb-pypi-scan: cannot write <stdout>: {message}\n'
        assert done.returncode == 1


@pytest.mark.parametrize('redirection', ['>', '>>'])
def test_a_previous_list_that_the_shell_has_emptied(
        pool: Path, tmp_path: Path, redirection: str,
) -> None:
    """What only that list knew is lost, and must not go without a word."""
    done = run('--previous', tmp_path / 'list', pool, redirection=f'{redirection} {tmp_path}/list')
    assert done.returncode == 2
    assert f"--previous: '{tmp_path}/list' is where standard output goes" in done.stderr
    assert (tmp_path / 'list').read_bytes() == b''
    # A device is no list.
    assert run('--previous', '/dev/null', pool, redirection='> /dev/null').returncode == 0


class TestOutput:
    """A list that is written to a place is there whole, or what was there before."""

    def test_it_may_be_the_previous_one(
            self, pool: Path, tmp_path: Path, capfdbinary: Captured,
    ) -> None:
        place = tmp_path / 'link'
        place.symlink_to('list')
        assert main(['--output', str(place), str(pool)]) == 0
        assert capfdbinary.readouterr() == (b'', b'')
        assert place.is_symlink()
        first = place.read_bytes()
        assert first == b''.join(line + b'\n' for line in scan([str(pool)]).lines)
        place.write_bytes(first.replace(b'{', b'{"yanked_reason":"bad",'))
        assert main(['-o', str(place), '--previous', str(place), str(pool)]) == 0
        assert all(
            json.loads(line)['yanked_reason'] == 'bad' for line in place.read_bytes().splitlines()
        )
        assert sorted(os.listdir(tmp_path)) == ['link', 'list', 'pool']

    def test_it_is_as_it_was_where_nothing_is_listed(
            self, bad_pool: Path, tmp_path: Path, capfdbinary: Captured,
    ) -> None:
        place = tmp_path / 'list'
        place.write_bytes(b'before')
        assert main(['-q', '--strict', '-o', str(place), str(bad_pool)]) == 1
        assert main(['-q', '-o', str(place), str(tmp_path / 'nowhere')]) == 1
        assert place.read_bytes() == b'before'
        assert main(['-q', '-o', str(place), str(bad_pool)]) == 1
        assert len(place.read_bytes().splitlines()) == 5
        assert capfdbinary.readouterr().out == b''

    def test_a_place_that_is_none(self, pool: Path, capfdbinary: Captured) -> None:
        place = f'{pool}/nowhere/list'
        assert main(['-o', place, str(pool)]) == 1
        message = f'dumb-pypi-scan: cannot write {place}: No such file or directory\n'
        assert capfdbinary.readouterr() == (b'', message.encode())


def test_a_second_interruption_is_not_needed(pool: Path) -> None:
    """Even where the list cannot be printed, since nobody reads it."""
    previous = pool.parent / 'previous'
    first = scan([str(pool)]).lines[0]
    lines = []
    for number in range(3000):
        filename = f'foo-3.{number}-py3-none-any.whl'
        os.link(pool / name(0), pool / filename)
        lines.append(first.replace(name(0).encode(), filename.encode()))
    previous.write_bytes(b'\n'.join(lines))
    with subprocess.Popen(
        [sys.executable, '-m', 'dumb_pypi', 'scan', '-q', '--previous', str(previous), str(pool)],
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
        assert process.stderr.read() == b'dumb-pypi-scan: interrupted\n'


def test_a_reader_that_goes_away(pool: Path) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with open(write_end, 'wb') as stream:
        done = subprocess.run(
            [sys.executable, '-m', 'dumb_pypi', 'scan', str(pool)],
            check=False, stdout=stream, stderr=subprocess.PIPE,
        )
    assert done.returncode == 1
    assert done.stderr == b'dumb-pypi-scan: cannot write <stdout>: Broken pipe\n'


@pytest.mark.parametrize('redirection', ['2>&-', '2> /dev/full'])
def test_that_nobody_hears_a_message_changes_nothing(bad_pool: Path, redirection: str) -> None:
    done = run(bad_pool, redirection=redirection)
    assert (done.returncode, done.stderr) == (1, '')
    assert len(done.stdout.splitlines()) == 5


def test_metadata_that_cannot_be_written_costs_no_wheel_its_place(
        pool: Path, capfdbinary: Captured, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The disk is full, say: all are listed, and nothing is announced that is not there."""
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, 'replace', fail)
    assert main(['--write-metadata', '--jobs', '2', str(pool)]) == 1
    out, err = capfdbinary.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line['filename'] for line in lines] == list(map(name, range(5)))
    assert not any('core_metadata' in line for line in lines)
    assert err.decode().splitlines() == [
        f'{pool}/{name(number)}.metadata: cannot be written: No space left on device'
        for number in range(5)
    ]
    assert sorted(os.listdir(pool)) == list(map(name, range(5)))


def test_an_interruption_ends_it_quietly(
        pool: Path, capfdbinary: Captured, monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupt(*_args: object, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(reader, 'read_files', interrupt)
    assert main([str(pool)]) == 130
    assert capfdbinary.readouterr() == (b'', b'dumb-pypi-scan: interrupted\n')


def test_an_interruption_stops_threads_that_read(pool: Path) -> None:
    """Large files are not read to their end first."""
    large = pool / 'foo-2.0-py3-none-any.whl'
    content = wheel(METADATA.replace(b'1.0', b'2.0'))
    with large.open('wb') as stream:
        stream.truncate(2 ** 35)  # with nothing in it: more than anyone would wait for
        stream.seek(0, os.SEEK_END)
        stream.write(content)
    told: list[int] = []

    def interrupt(done: int, _total: int) -> None:
        told.append(done)
        if len(told) == 20:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        scan([str(pool)], jobs=2, progress=interrupt)
    assert told[-1] < 2 ** 35


@pytest.mark.parametrize('kind', ['gz', 'bz2', 'xz'])
def test_an_interruption_stops_unpacking(pool: Path, kind: str) -> None:
    """An sdist may take minutes of it."""
    sdist = tarred({'foo-1.0/x': os.urandom(2 ** 20), 'foo-1.0/PKG-INFO': METADATA}, f'w:{kind}')
    (pool / f'foo-1.0.tar.{kind}').write_bytes(sdist)
    told: list[int] = []

    def interrupt(done: int, _total: int) -> None:
        told.append(done)
        if len(told) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scan([str(pool)], jobs=1, progress=interrupt)
    assert len(told) == 3
    assert told[-1] < len(sdist)


def test_a_file_that_changes_while_it_is_read_is_left_out(pool: Path) -> None:
    """It may be a copy that is still being made."""
    def change(_done: int, _total: int) -> None:
        os.utime(pool / name(0), (1, 1))

    result = scan([str(pool)], jobs=1, progress=change)
    assert str(pool / name(0)) in {problem.place for problem in result.problems}
    assert {problem.text for problem in result.problems} == {'changes while it is read'}


def test_a_file_that_is_gone_when_it_is_read(pool: Path) -> None:
    def remove(_done: int, _total: int) -> None:
        (pool / name(4)).unlink(missing_ok=True)

    result = scan([str(pool)], jobs=1, progress=remove)
    assert list(map(str, result.problems)) == [
        f'{pool}/{name(4)}: cannot be read: No such file or directory',
    ]


def test_progress_counts_every_byte_once(bad_pool: Path) -> None:
    """But those of an sdist twice, since it is read twice; and at the end, all were counted."""
    wheels = sum((bad_pool / name(number)).stat().st_size for number in range(5))
    (bad_pool / 'foo-1.0.tar.bz2').write_bytes(b'broken')
    sdist = tarred({'foo-1.0/PKG-INFO': METADATA, 'foo-1.0/x': os.urandom(2 ** 20)}, 'w:gz')
    (bad_pool / SDIST).write_bytes(sdist)
    total = wheels + 2 * len(sdist) + 2 * len(b'broken')
    told: list[tuple[int, int]] = []
    scan([str(bad_pool)], jobs=1, progress=lambda *progress: told.append(progress))
    assert told[-1] == (total, total)
    assert told == sorted(set(told))
    # It takes longest to unpack, so the bar moves in that time.
    assert len([done for done, _ in told if done < len(sdist)]) > 10


def on_a_terminal(*arguments: object) -> bytes:
    """What a scan shows on a terminal."""
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
            pass  # what Linux says when nobody has the terminal any more
    os.close(ours)
    assert process.returncode == 0
    return shown


def test_a_terminal_shows_a_bar(pool: Path) -> None:
    """Of bytes; it is gone at the end."""
    shown = on_a_terminal(pool)
    assert b'%|' in shown
    assert b'B/s]' in shown
    assert shown.endswith(b'\r')
    assert on_a_terminal('-q', pool) == b''


@pytest.mark.parametrize('jobs', [1, 2, 3, 20, None])
def test_the_list_is_the_same_for_any_number_of_threads(pool: Path, jobs: int | None) -> None:
    for number in range(5):
        (pool / f'{number}').mkdir()
        (pool / f'{number}' / WHEEL).write_bytes(wheel(METADATA + b'\n' * number))
        (pool / f'{number}' / f'foo-2.{number}.zip').touch()
        (pool / f'{number}.metadata').touch()
    assert scan([str(pool)], jobs=jobs) == scan([str(pool)], jobs=4)


def test_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    assert usable_cpus() >= 1
    monkeypatch.delattr(os, 'sched_getaffinity', raising=False)
    assert usable_cpus() >= 1


def test_errors_have_fields(tmp_path: Path) -> None:
    with pytest.raises(FileError) as caught:
        scan([str(tmp_path / 'nowhere')])
    assert caught.value.path == str(tmp_path / 'nowhere')
    (tmp_path / WHEEL).touch()
    [problem] = scan([str(tmp_path)]).problems
    assert problem.place == str(tmp_path / WHEEL)
    assert problem.text == 'is damaged or cut short: File is not a zip file'
    assert problem.skipped


def test_the_installed_command(pool: Path) -> None:
    program = Path(sys.executable).with_name('dumb-pypi-scan')
    done = subprocess.run([program, pool], check=True, capture_output=True)
    assert len(done.stdout.splitlines()) == 5


def test_the_version(capfdbinary: Captured) -> None:
    with pytest.raises(SystemExit) as caught:
        main(['--version'])
    assert caught.value.code == 0
    assert capfdbinary.readouterr().out.decode() == f'dumb-pypi-scan {dumb_pypi.__version__}\n'


def test_only_what_is_needed_is_imported(pool: Path, tmp_path: Path) -> None:
    """Where nothing has changed, what reads archives is not even loaded."""
    previous = tmp_path / 'previous.jsonl'
    previous.write_bytes(b'\n'.join(scan([str(pool)]).lines))
    script = (
        'import sys\nbefore = set(sys.modules)\n'
        'from dumb_pypi.commands.scan import main\nmain(sys.argv[1:])\n'
        'print(*{"zipfile", "email", "tqdm", "concurrent", "jinja2", "hashlib", '
        '"dumb_pypi.model.distfile", "dumb_pypi.model.urls"} '
        '& (set(sys.modules) - before), file=sys.stderr)'
    )
    done = subprocess.run(
        [sys.executable, '-c', script, '--previous', str(previous), str(pool)],
        check=True, capture_output=True, text=True,
    )
    assert done.stderr == '\n'


def test_the_command_hands_on_what_it_is_told(
        pool: Path, tmp_path: Path, capfdbinary: Captured,
) -> None:
    previous = tmp_path / 'previous.jsonl'
    previous.write_bytes(b'nonsense')
    assert main([
        '--write-metadata', '--uploaded-by', ' ana ', '--previous', str(previous), str(pool),
    ]) == 0
    out, err = capfdbinary.readouterr()
    assert err.startswith(f'{previous}:1: '.encode())
    assert {json.loads(line)['uploaded_by'] for line in out.splitlines()} == {'ana'}
    assert all('core_metadata' in json.loads(line) for line in out.splitlines())
    assert command.main is main

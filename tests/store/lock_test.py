"""The lock: one build at a time per output directory."""
from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dumb_pypi import build, store
from dumb_pypi.errors import BusyError, FileError, RefusedError
from dumb_pypi.store import lock
from tests.support.processes import Builds, Ended, Fate
from tests.support.sound import tree_of
from tests.support.workshop import line, Workshop

PROGRAM = (sys.executable, '-m', 'dumb_pypi')
# The number of a file operation about half-way through an update.
HALF_WAY = 30


@pytest.fixture
def workshop(tmp_path: Path, builds: Builds) -> Workshop:
    workshop = Workshop(tmp_path, builds)
    workshop.must_build(tmp_path / 'out', 'old')
    return workshop


@pytest.fixture
def stopped(workshop: Workshop) -> Iterator[Ended]:
    """A build into `out` that is stopped half-way; it must complete afterwards."""
    ended = workshop.build(workshop.place / 'out', 'new', fate=Fate(stop_at=HALF_WAY))
    assert ended.status is None
    yield ended
    assert workshop.resume(ended)[1:] == (0, '')
    assert not workshop.differences(workshop.place / 'out', 'new')


def run(workshop: Workshop, out: Path, list_name: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [*PROGRAM, *workshop.command(out, list_name)], check=False, capture_output=True, text=True,
    )
    return done.returncode, done.stdout, done.stderr


def identities(folder: Path) -> dict[str, tuple[int, int]]:
    """Return the inode and time of every file and folder, by path."""
    return {
        str(path): (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in (folder, *folder.rglob('*'))
    }


@pytest.mark.usefixtures('stopped')
@pytest.mark.parametrize('list_name', ('old', 'new', 'other'))
def test_second_build_is_refused(workshop: Workshop, list_name: str) -> None:
    """A second build reports that the first one is running, and touches no file."""
    out = workshop.place / 'out'
    before = identities(out)
    assert run(workshop, out, list_name) == (
        1, '', f'dumb-pypi: {BusyError(str(out))}\n',
    )
    assert identities(out) == before


@pytest.mark.usefixtures('stopped')
def test_linked_directory_has_one_lock(workshop: Workshop) -> None:
    """An output directory has one lock, even if it is reached through a symbolic link."""
    other_name = workshop.place / 'link'
    other_name.symlink_to('out')
    assert run(workshop, other_name, 'new') == (
        1, '', f'dumb-pypi: {BusyError(str(other_name))}\n',
    )


@pytest.mark.usefixtures('stopped')
def test_other_directory_is_not_locked(workshop: Workshop) -> None:
    """A build into another directory is not refused."""
    assert run(workshop, workshop.place / 'elsewhere', 'new') == (0, '', '')


def test_killed_build_leaves_no_lock(workshop: Workshop) -> None:
    """The lock file of a killed build does not block the next build."""
    out = workshop.place / 'out'
    assert workshop.build(out, 'new', fate=Fate(kill_at=HALF_WAY, coarse=True)).killed
    assert (out / '.dumb-pypi/lock').exists()
    assert workshop.build(out, 'other', fate=Fate(kill_at=HALF_WAY, coarse=True)).killed
    workshop.must_complete(out, 'new')


def test_failed_build_leaves_no_lock(workshop: Workshop) -> None:
    """A failed build does not keep the lock."""
    out = workshop.place / 'out'
    assert workshop.build(out, 'nothing').status == 1
    workshop.must_complete(out, 'new')


@pytest.mark.parametrize('into', ('new directory', 'existing index'))
def test_simultaneous_builds(workshop: Workshop, into: str) -> None:
    """Of two builds that reach the lock at the same time, one builds and one is refused."""
    out = workshop.place / 'together'
    if into == 'existing index':
        workshop.must_build(out, 'old')
    lines = [
        *workshop.list_file('new').read_text().splitlines(),
        *(line(f'project-{number}-1.0.zip') for number in range(500)),
    ]
    content = ''.join(f'{line}\n' for line in lines)
    command = [*PROGRAM, *workshop.command(out, 'new'), '--package-list-json', '-']
    with contextlib.ExitStack() as stack:
        both = [
            stack.enter_context(subprocess.Popen(
                command, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )) for _ in range(2)
        ]
        inputs = [process.stdin for process in both if process.stdin is not None]
        for file in inputs:
            # More than a pipe holds: when all of it is written, the build has started to read.
            file.write(content + '\n' * 200_000)
            file.flush()
        for file in inputs:
            file.close()
        outcomes = {process.wait(): process.stdout.read() for process in both if process.stdout}
    assert outcomes == {0: '', 1: f'dumb-pypi: {BusyError(str(out))}\n'}
    alone = workshop.place / 'alone'
    subprocess.run([*command, '--output-dir', alone], check=True, input=content, text=True)
    assert tree_of(out) == tree_of(alone)


def test_lock_outlives_the_unfinished_folder(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The lock is held until the unfinished files, which all builds keep in one place, are gone."""
    (tmp_path / 'list').write_text('foo-1.0.zip\n')
    out = str(tmp_path / 'out')
    removed = []
    rmtree = shutil.rmtree

    def rmtree_while_locked(place: str) -> None:
        with pytest.raises(BusyError), lock.locked(out):
            pass
        removed.append(place)
        rmtree(place)

    monkeypatch.setattr(shutil, 'rmtree', rmtree_while_locked)
    build(package_list=str(tmp_path / 'list'), output_dir=out, packages_url='../../pool/')
    assert removed[-1] == f'{out}/{store.UNFINISHED}'
    assert not (tmp_path / 'out' / store.UNFINISHED).exists()


@pytest.mark.parametrize('deep', (False, True))
def test_refused_first_build_leaves_nothing(tmp_path: Path, deep: bool) -> None:
    """A refused first build removes the folders it made, and no others."""
    (tmp_path / 'list').write_text('oops\n')
    out = tmp_path / 'a/b/out' if deep else tmp_path / 'out'
    for _ in range(2):
        with pytest.raises(RefusedError):
            build(
                package_list=str(tmp_path / 'list'), output_dir=str(out), packages_url='/pool/',
                strict=True,
            )
        assert os.listdir(tmp_path) == ['list']
    out.mkdir(parents=True)
    with pytest.raises(RefusedError):
        build(
            package_list=str(tmp_path / 'list'), output_dir=str(out), packages_url='/pool/',
            strict=True,
        )
    assert os.listdir(out) == []


@pytest.mark.parametrize('replaced', (False, True))
def test_removed_lock_file_is_noticed(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replaced: bool,
) -> None:
    """If a failed build removed the lock file before it was locked, the build is refused."""
    flock = fcntl.flock

    def remove_and_lock(file: int, operation: int) -> None:
        (tmp_path / store.LOCK).unlink()
        if replaced:
            (tmp_path / store.LOCK).touch()
        flock(file, operation)

    monkeypatch.setattr(fcntl, 'flock', remove_and_lock)
    with pytest.raises(BusyError), lock.locked(str(tmp_path)):
        pass


def test_missing_locks_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system without locks is reported in one message."""
    def fail(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, 'flock', fail)
    with (
        pytest.raises(FileError, match=r'^cannot lock .*: No locks available$'),
        lock.locked(str(tmp_path)),
    ):
        pass

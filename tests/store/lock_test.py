"""One build at a time in a directory."""
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

from dumb_pypi import store
from dumb_pypi.builder import build
from dumb_pypi.errors import BusyError, FileError, RefusedError
from dumb_pypi.store import lock
from tests.support.processes import Builds, Ended, Fate
from tests.support.sound import tree_of
from tests.support.workshop import line, Workshop

PROGRAM = (sys.executable, '-m', 'dumb_pypi')
# Of the moments of an update this is in its midst.
MIDST = 30


@pytest.fixture(scope='module')
def builds() -> Iterator[Builds]:
    with Builds() as builds:
        yield builds


@pytest.fixture
def workshop(tmp_path: Path, builds: Builds) -> Workshop:
    workshop = Workshop(tmp_path, builds)
    workshop.must_build(tmp_path / 'out', 'old')
    return workshop


@pytest.fixture
def stopped(workshop: Workshop) -> Iterator[Ended]:
    """A build that is at work in `out`, and gets no further."""
    ended = workshop.build(workshop.place / 'out', 'new', fate=Fate(stop_at=MIDST))
    assert ended.status is None
    yield ended
    assert workshop.resume(ended)[1:] == (0, '')
    assert not workshop.differences(workshop.place / 'out', 'new')


def run(workshop: Workshop, out: Path, list_name: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [*PROGRAM, *workshop.command(out, list_name)], check=False, capture_output=True, text=True,
    )
    return done.returncode, done.stdout, done.stderr


def everything(folder: Path) -> dict[str, tuple[int, int]]:
    """Each file and folder, and how to tell it from another one in its place."""
    return {
        str(path): (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in (folder, *folder.rglob('*'))
    }


@pytest.mark.usefixtures('stopped')
@pytest.mark.parametrize('list_name', ('old', 'new', 'other'))
def test_a_second_build_says_so_and_leaves_the_tree_alone(
        workshop: Workshop, list_name: str,
) -> None:
    out = workshop.place / 'out'
    before = everything(out)
    assert run(workshop, out, list_name) == (
        1, '', f'dumb-pypi: another build is at work in {out}\n',
    )
    assert everything(out) == before


@pytest.mark.usefixtures('stopped')
def test_a_directory_with_two_names_has_one_lock(workshop: Workshop) -> None:
    other_name = workshop.place / 'link'
    other_name.symlink_to('out')
    assert run(workshop, other_name, 'new') == (
        1, '', f'dumb-pypi: another build is at work in {other_name}\n',
    )


@pytest.mark.usefixtures('stopped')
def test_builds_into_two_directories_do_not_hinder_each_other(workshop: Workshop) -> None:
    assert run(workshop, workshop.place / 'elsewhere', 'new') == (0, '', '')


def test_a_lock_that_a_dead_process_left_hinders_nobody(workshop: Workshop) -> None:
    out = workshop.place / 'out'
    assert workshop.build(out, 'new', fate=Fate(kill_at=MIDST, coarse=True)).killed
    assert (out / '.dumb-pypi/lock').exists()
    assert workshop.build(out, 'other', fate=Fate(kill_at=MIDST, coarse=True)).killed
    workshop.must_complete(out, 'new')


def test_a_build_that_failed_leaves_no_lock(workshop: Workshop) -> None:
    out = workshop.place / 'out'
    assert workshop.build(out, 'nothing').status == 1
    workshop.must_complete(out, 'new')


@pytest.mark.parametrize('into', ('a new directory', 'an old one'))
def test_of_two_builds_started_together_one_builds(workshop: Workshop, into: str) -> None:
    """Both wait for their list, so that they come to the lock at the same time."""
    out = workshop.place / 'together'
    if into == 'an old one':
        workshop.must_build(out, 'old')
    lines = [
        *workshop.list_file('new').read_text().splitlines(),
        *(line(f'project-{number}-1.0.zip') for number in range(500)),
    ]
    text = ''.join(f'{line}\n' for line in lines)
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
            # More than a pipe holds: when it is written, the process is there and reads.
            file.write(text + '\n' * 200_000)
            file.flush()
        for file in inputs:
            file.close()
        ends = {process.wait(): process.stdout.read() for process in both if process.stdout}
    assert ends == {0: '', 1: f'dumb-pypi: another build is at work in {out}\n'}
    alone = workshop.place / 'alone'
    subprocess.run([*command, '--output-dir', alone], check=True, input=text, text=True)
    assert tree_of(out) == tree_of(alone)


def test_lock_outlives_the_unfinished_folder(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The lock is held until the unfinished files are removed: the next build has its own there."""
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
    """A build that fails before there is an index removes the folders it made, and no others."""
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
def test_removed_lock_is_no_lock(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replaced: bool,
) -> None:
    """A lock file that a failed build removed before it was locked locks nobody else out."""
    flock = fcntl.flock

    def remove_and_lock(file: int, operation: int) -> None:
        (tmp_path / store.LOCK).unlink()
        if replaced:
            (tmp_path / store.LOCK).touch()
        flock(file, operation)

    monkeypatch.setattr(fcntl, 'flock', remove_and_lock)
    with pytest.raises(BusyError), lock.locked(str(tmp_path)):
        pass


def test_a_file_system_without_locks_is_told_of(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, 'flock', fail)
    with (
        pytest.raises(FileError, match=r'^cannot lock .*: No locks available$'),
        lock.locked(str(tmp_path)),
    ):
        pass

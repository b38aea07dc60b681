"""A build that cannot read or write says so in one line, and leaves an index that installs."""
from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.processes import Fate
from tests.support.sound import tree_of
from tests.support.workshop import Hindered, Workshop

PAGE_SIZE = os.sysconf('SC_PAGE_SIZE')
DISK_SIZE = 8 << 20
DISK_FILES = 1000
FULL = 'No space left on device'
NO_INODES = 'inodes are free: delete files (df -i counts inodes)'
TOO_LARGE = 'File too large: raise the limit (ulimit -f)'


class Disk:
    """A disk of its own where one can be mounted; else no more than a folder."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._ballast = place / 'ballast'
        place.mkdir()
        options = f'size={DISK_SIZE},nr_inodes={DISK_FILES}'
        self.mounted = shutil.which('mount') is not None and subprocess.run(
            ['mount', '-t', 'tmpfs', '-o', options, 'tmpfs', place],
            check=False, capture_output=True,
        ).returncode == 0

    def fill(self, pages: int | None = None, files: int | None = None) -> None:
        """Leave room for so many memory pages, of which each file takes at least one, or files."""
        self._ballast.mkdir()
        state = os.statvfs(self.place)
        if files is not None:
            for number in range(state.f_ffree - files):
                (self._ballast / f'{number}').touch()
        if pages is not None:
            with (self._ballast / 'large').open('wb') as file:
                os.posix_fallocate(file.fileno(), 0, (state.f_bavail - pages) * PAGE_SIZE)

    def clear(self) -> None:
        shutil.rmtree(self._ballast)

    def remount(self, option: str) -> None:
        subprocess.run(['mount', '-o', f'remount,{option}', self.place], check=True)

    def close(self) -> None:
        if self.mounted:
            subprocess.run(['umount', self.place], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    disk = Disk(tmp_path / 'disk')
    yield disk
    disk.close()


def test_disk_can_be_filled(disk: Disk) -> None:
    """If the test may mount a disk, the disk has no more room than it should."""
    assert disk.mounted == disk.place.is_mount()
    if disk.mounted:
        disk.fill(pages=1)
        (disk.place / 'a').write_bytes(b'1')
        with pytest.raises(OSError, match=FULL):
            (disk.place / 'b').write_bytes(b'1')


@pytest.mark.parametrize('before', (None, 'old'))
@pytest.mark.parametrize('what', ('pages', 'files'))
def test_full_disk(workshop: Workshop, disk: Disk, before: str | None, what: str) -> None:
    """However much room is left, the build fails in one line and the next one completes it.

    The line says so if inodes, rather than memory pages, ran out.
    """
    scene = Hindered(workshop, disk.place, before)
    wrong = {}
    failures = 0
    for room in range(200):
        scene.reset()
        if disk.mounted:
            disk.fill(**{what: room})
            ended = scene.update()
            disk.clear()
        else:
            ended = scene.update(Fate(largest_file=room * 64))
        if ended.status == 0:
            break
        failures += 1
        reason = TOO_LARGE if not disk.mounted else FULL if what == 'pages' else NO_INODES
        if found := [*scene.wrong(ended, reason), *scene.complete()]:
            wrong[room] = found
    assert not wrong
    assert ended[1:] == (0, '')
    assert failures > 10


def test_file_size_limit(workshop: Workshop, tmp_path: Path) -> None:
    """A quota or `ulimit -f` is reported in one line, and the next build completes the index."""
    scene = Hindered(workshop, tmp_path)
    wrong = {}
    for power in range(6, 16):
        scene.reset()
        ended = scene.update(Fate(largest_file=2 ** power))
        if ended.status == 0:
            break
        if found := [*scene.wrong(ended, TOO_LARGE), *scene.complete()]:
            wrong[power] = found
    assert not wrong
    assert ended[1:] == (0, '')


def test_full_disk_for_changes_file(workshop: Workshop, disk: Disk, tmp_path: Path) -> None:
    """The previous changes file stays; the next build reports the changes again."""
    scene = Hindered(workshop, tmp_path)
    scene.changes = disk.place / 'changes.jsonl'
    scene.changes.write_bytes(b'of the last build\n')
    if disk.mounted:
        disk.fill(pages=0)
        ended = scene.update()
    else:
        # All pages are smaller.
        ended = scene.update(Fate(largest_file=5000))
    place = scene.changes
    assert ended[1:] in {
        (1, f'dumb-pypi: cannot write {place}: {reason}\n') for reason in (FULL, TOO_LARGE)
    }
    assert scene.changes.read_bytes() == b'of the last build\n'
    scene.changes.unlink()
    assert not scene.wrong(ended, FULL, TOO_LARGE)
    assert not scene.complete()


@pytest.mark.parametrize('before', (None, 'old'))
def test_read_only_disk(workshop: Workshop, disk: Disk, before: str | None) -> None:
    """The build reports it in one line and changes nothing."""
    scene = Hindered(workshop, disk.place, before)
    scene.out.mkdir(exist_ok=True)
    tree = tree_of(scene.out)
    with read_only(disk):
        ended = scene.build(fate=Fate(bound_by_modes=True))
    assert ended[1:] in {
        (1, f'dumb-pypi: cannot write {scene.out}/.dumb-pypi{name}: {reason}\n')
        for name in ('', '/lock') for reason in ('Read-only file system', 'Permission denied')
    }
    assert tree_of(scene.out) == tree
    assert not scene.complete()


@contextlib.contextmanager
def read_only(disk: Disk) -> Iterator[None]:
    folders = [disk.place, *(path for path in disk.place.rglob('*') if path.is_dir())]
    if disk.mounted:
        disk.remount('ro')
    else:
        for folder in folders:
            folder.chmod(0o555)
    yield
    if disk.mounted:
        disk.remount('rw')
    else:
        for folder in folders:
            folder.chmod(0o755)


def test_read_only_folder(workshop: Workshop, tmp_path: Path) -> None:
    """Whichever folder it is, the index works and the next build completes it."""
    scene = Hindered(workshop, tmp_path)
    folders = [path for path in sorted(scene.out.rglob('*')) if path.is_dir()]
    wrong = {}
    failures = 0
    for folder in (scene.out, *folders):
        scene.reset()
        folder.chmod(0o555)
        ended = scene.update(Fate(bound_by_modes=True))
        folder.chmod(0o755)
        failures += ended.status != 0
        found = scene.wrong(ended, 'Permission denied') if ended.status != 0 else []
        if found := [*found, *scene.complete()]:
            wrong[str(folder.relative_to(tmp_path))] = found
    assert not wrong
    assert failures > 10


def test_unreadable_page_is_replaced(workshop: Workshop, tmp_path: Path) -> None:
    """A build needs no permission to read the old page."""
    scene = Hindered(workshop, tmp_path)
    (scene.out / 'project/turns/index.html').chmod(0)
    assert scene.update(Fate(bound_by_modes=True))[1:] == (0, '')
    assert not scene.complete()

from __future__ import annotations

import hashlib
import json
import os
import stat
from pathlib import Path

import pytest

from dumb_pypi import paths
from dumb_pypi.errors import FileError
from dumb_pypi.writer import Change
from dumb_pypi.writer import write_changes
from dumb_pypi.writer import Writer
from tests import trees


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An output directory, with the build's own folder, which comes with the lock."""
    (tmp_path / 'root/.dumb-pypi').mkdir(parents=True)
    Writer(str(tmp_path / 'root')).begin()
    return tmp_path / 'root'


def unfinished(root: Path) -> list[str]:
    """What has not got to its place."""
    return trees.files_below(root / paths.UNFINISHED)


def test_a_file_is_written_once(root: Path) -> None:
    writer = Writer(str(root))
    writer.write('a/b/c', b'1')
    place = root / 'a/b/c'
    os.utime(place, (1, 1))
    writer.write('a/b/c', b'1')
    assert place.stat().st_mtime == 1
    writer.write('a/b/c', b'2')
    assert place.read_bytes() == b'2'
    assert (writer.done.written, writer.done.unchanged) == (2, 1)
    assert os.listdir(place.parent) == ['c']
    assert unfinished(root) == []


@pytest.mark.parametrize('umask', (0o022, 0o077))
def test_files_have_the_mode_that_the_user_wants(root: Path, umask: int) -> None:
    """A web server that runs as another user can read them, if the umask lets it."""
    before = os.umask(umask)
    try:
        Writer(str(root)).write('a', b'')
    finally:
        os.umask(before)
    assert stat.S_IMODE((root / 'a').stat().st_mode) == 0o666 & ~umask


def test_a_reader_keeps_the_old_file(root: Path) -> None:
    writer = Writer(str(root))
    writer.write('a', b'old')
    with (root / 'a').open('rb') as reader:
        writer.write('a', b'newer')
        assert reader.read() == b'old'


def test_a_folder_in_the_way_is_told_of_and_left(root: Path) -> None:
    (root / 'a').mkdir()
    with pytest.raises(FileError) as caught:
        Writer(str(root)).write('a', b'')
    assert str(caught.value) == f'cannot write {root}/a: Is a directory'


def test_a_file_in_the_way_is_told_of_and_left(root: Path) -> None:
    (root / 'a').write_bytes(b'mine')
    with pytest.raises(FileError, match='Not a directory'):
        Writer(str(root)).write('a/b', b'')
    assert (root / 'a').read_bytes() == b'mine'


@pytest.mark.parametrize('interruption', (OSError, KeyboardInterrupt))
def test_what_stops_a_write_leaves_the_old_file_and_nothing_else(
        root: Path, monkeypatch: pytest.MonkeyPatch, interruption: type[BaseException],
) -> None:
    def replace(*_: str) -> None:
        raise interruption

    Writer(str(root)).write('a', b'old')
    monkeypatch.setattr(os, 'replace', replace)
    with pytest.raises((FileError, KeyboardInterrupt)):
        Writer(str(root)).write('a', b'new')
    assert sorted(os.listdir(root)) == ['.dumb-pypi', 'a']
    assert unfinished(root) == []
    assert (root / 'a').read_bytes() == b'old'


def test_a_deleted_file_takes_its_empty_folders_along(root: Path) -> None:
    writer = Writer(str(root))
    for path in ('a/b/c/d', 'a/b/x', 'a/e/f'):
        writer.write(path, b'')
    (root / 'a/e/mine').touch()
    for path in ('a/b/c/d', 'a/e/f', 'a/gone', 'a/b/x/y'):
        writer.delete(path)
    assert writer.done.deleted == 2
    assert sorted(str(path.relative_to(root)) for path in root.rglob('a/**/*')) == [
        'a/b', 'a/b/x', 'a/e', 'a/e/mine',
    ]


def test_what_cannot_be_deleted_is_told_of(root: Path) -> None:
    (root / 'a/b').mkdir(parents=True)
    with pytest.raises(FileError, match=r'cannot delete .*/a/b: '):
        Writer(str(root)).delete('a/b')


def test_changes_are_kept_in_their_order(root: Path) -> None:
    writer = Writer(str(root), keep_changes=True)
    writer.write('index.html', b'1')
    writer.write('index.html', b'1')
    writer.write('simple/foo/index.json', b'')
    writer.delete('pypi/foo/json')
    write_changes(str(root / 'changes'), writer.done.changes)
    assert [json.loads(line) for line in (root / 'changes').read_bytes().splitlines()] == [
        {
            'action': 'write', 'path': 'index.html', 'content_type': 'text/html', 'size': 1,
            'sha256': hashlib.sha256(b'1').hexdigest(),
        }, {
            'action': 'write', 'path': 'simple/foo/index.json',
            'content_type': 'application/vnd.pypi.simple.v1+json', 'size': 0,
            'sha256': hashlib.sha256(b'').hexdigest(),
        }, {'action': 'delete', 'path': 'pypi/foo/json'},
    ]


def test_what_a_build_that_was_cut_short_may_have_written_counts(root: Path) -> None:
    Writer(str(root)).write('index.html', b'')
    writer = Writer(str(root), keep_changes=True, suspicious=True)
    writer.write('index.html', b'')
    assert [change.path for change in writer.done.changes] == ['index.html']
    assert (writer.done.written, writer.done.unchanged) == (0, 1)


def test_changes_that_cannot_be_written_are_told_of(root: Path) -> None:
    with pytest.raises(FileError, match=r'cannot write .*/gone/changes: No such file'):
        write_changes(str(root / 'gone/changes'), [Change('delete', 'a')])


def test_a_folder_that_cannot_be_removed_is_told_of(
        root: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    def rmdir(_: str) -> None:
        raise PermissionError(13, 'Permission denied')

    Writer(str(root)).write('a/b', b'')
    monkeypatch.setattr(os, 'rmdir', rmdir)
    with pytest.raises(FileError, match=r'cannot delete .*/a/b: Permission denied'):
        Writer(str(root)).delete('a/b')

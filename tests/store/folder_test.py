from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterable
from pathlib import Path

import pytest

from dumb_pypi import store
from dumb_pypi.errors import FileError
from dumb_pypi.store.changes import Change, write_changes
from dumb_pypi.store.folder import Target, Writer
from tests.support import trees

BUILD = 'this-build'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An output directory, with the build's own folder, which comes with the lock."""
    (tmp_path / 'root/.dumb-pypi').mkdir(parents=True)
    (tmp_path / 'root' / store.UNFINISHED / BUILD).mkdir(parents=True)
    return tmp_path / 'root'


def writer_in(root: Path, **target: bool) -> Writer:
    return Writer(Target(str(root), BUILD, **target))


def unfinished(root: Path) -> list[str]:
    """What has not got to its place."""
    return trees.files_below(root / store.UNFINISHED)


def test_a_file_is_written_once(root: Path) -> None:
    writer = writer_in(root)
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
        writer_in(root).write('a', b'')
    finally:
        os.umask(before)
    assert stat.S_IMODE((root / 'a').stat().st_mode) == 0o666 & ~umask


def test_a_reader_keeps_the_old_file(root: Path) -> None:
    writer = writer_in(root)
    writer.write('a', b'old')
    with (root / 'a').open('rb') as reader:
        writer.write('a', b'newer')
        assert reader.read() == b'old'


def test_a_folder_in_the_way_is_told_of_and_left(root: Path) -> None:
    (root / 'a').mkdir()
    with pytest.raises(FileError) as caught:
        writer_in(root).write('a', b'')
    assert str(caught.value) == f'cannot write {root}/a: Is a directory'


def test_a_file_in_the_way_is_told_of_and_left(root: Path) -> None:
    (root / 'a').write_bytes(b'mine')
    with pytest.raises(FileError, match='Not a directory'):
        writer_in(root).write('a/b', b'')
    assert (root / 'a').read_bytes() == b'mine'


@pytest.mark.parametrize('interruption', (OSError, KeyboardInterrupt))
def test_what_stops_a_write_leaves_the_old_file_and_nothing_else(
        root: Path, monkeypatch: pytest.MonkeyPatch, interruption: type[BaseException],
) -> None:
    def replace(*_: str) -> None:
        raise interruption

    writer_in(root).write('a', b'old')
    monkeypatch.setattr(os, 'replace', replace)
    with pytest.raises((FileError, KeyboardInterrupt)):
        writer_in(root).write('a', b'new')
    assert sorted(os.listdir(root)) == ['.dumb-pypi', 'a']
    assert unfinished(root) == []
    assert (root / 'a').read_bytes() == b'old'


def test_a_deleted_file_takes_its_empty_folders_along(root: Path) -> None:
    writer = writer_in(root)
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
        writer_in(root).delete('a/b')


def test_changes_are_kept_in_their_order(root: Path) -> None:
    writer = writer_in(root, keep_changes=True)
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
    writer_in(root).write('index.html', b'')
    writer = writer_in(root, keep_changes=True, recovering=True)
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

    writer_in(root).write('a/b', b'')
    monkeypatch.setattr(os, 'rmdir', rmdir)
    with pytest.raises(FileError, match=r'cannot delete .*/a/b: Permission denied'):
        writer_in(root).delete('a/b')


PAGES = [
    ('project/foo/index.html', b'1'), ('simple/foo/index.json', b'2'),
    ('simple/foo/index.html', b'3'), ('pypi/foo/1.0/json', b'4'), ('pypi/foo/json', b''),
]


def test_the_pages_of_a_new_project_come_a_folder_at_a_time(
        root: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A reader finds all of a folder or nothing."""
    renamed: list[str] = []
    rename = os.rename

    def note(old: str, new: str) -> None:
        rename(old, new)
        renamed.append(str(Path(new).relative_to(root)))

    monkeypatch.setattr(os, 'rename', note)
    writer = writer_in(root, keep_changes=True)
    writer.write_new(iter(PAGES))
    assert trees.pages_in(root) == dict(PAGES)
    assert renamed == ['project/foo', 'simple/foo', 'pypi/foo']
    assert [change.path for change in writer.done.changes] == [path for path, _ in PAGES]
    assert writer.done.changes[0] == Change(
        'write', 'project/foo/index.html', 'text/html', 1, hashlib.sha256(b'1').hexdigest(),
    )
    assert (writer.done.written, writer.done.unchanged) == (5, 0)
    assert unfinished(root) == []


@pytest.mark.parametrize(
    'mine', ('simple/foo/notes.txt', 'pypi/foo/1.0/mine', 'pypi/foo/mine', 'simple/mine'),
)
def test_files_of_a_user_stay_where_a_new_project_comes(root: Path, mine: str) -> None:
    (root / mine).parent.mkdir(parents=True)
    (root / mine).write_bytes(b'mine')
    (root / 'project/foo').mkdir(parents=True)
    writer = writer_in(root, keep_changes=True)
    writer.write_new(PAGES)
    assert trees.pages_in(root) == {**dict(PAGES), mine: b'mine'}
    assert [change.path for change in writer.done.changes] == [path for path, _ in PAGES]
    assert (writer.done.written, writer.done.unchanged) == (5, 0)
    assert unfinished(root) == []


def test_a_page_of_a_new_project_that_is_there_all_the_same_is_not_touched(root: Path) -> None:
    """As somebody else's build may have left it."""
    (root / 'simple/foo').mkdir(parents=True)
    (root / 'simple/foo/index.html').write_bytes(b'3')
    os.utime(root / 'simple/foo/index.html', (1, 1))
    writer = writer_in(root)
    writer.write_new(PAGES)
    assert (root / 'simple/foo/index.html').stat().st_mtime == 1
    assert (writer.done.written, writer.done.unchanged) == (4, 1)


@pytest.mark.parametrize('place', ('simple/foo', 'simple'))
def test_a_file_in_the_way_of_a_new_project_is_told_of_and_left(root: Path, place: str) -> None:
    (root / place).parent.mkdir(parents=True, exist_ok=True)
    (root / place).write_bytes(b'mine')
    with pytest.raises(FileError) as caught:
        writer_in(root).write_new(PAGES)
    assert str(caught.value).startswith(f'cannot write {root}/simple/foo/index.')
    assert (root / place).read_bytes() == b'mine'
    assert unfinished(root) == []


def test_a_link_to_a_folder_is_followed(root: Path, tmp_path: Path) -> None:
    """A user may have put the pages on another disk."""
    (tmp_path / 'elsewhere').mkdir()
    (root / 'simple').mkdir()
    (root / 'simple/foo').symlink_to(tmp_path / 'elsewhere')
    writer_in(root).write_new(PAGES)
    assert (root / 'simple/foo').is_symlink()
    assert (tmp_path / 'elsewhere/index.html').read_bytes() == b'3'


def test_two_names_may_be_one_to_the_file_system(root: Path) -> None:
    """Where case is ignored: the last of the pages stands there, and those of others as ever."""
    writer = writer_in(root)
    writer.write_new([
        ('pypi/foo/2013-xx/json', b'1'), ('pypi/foo/2013-xx/json', b'2'), ('pypi/foo/json', b'3'),
    ])
    assert trees.pages_in(root) == {'pypi/foo/2013-xx/json': b'2', 'pypi/foo/json': b'3'}
    assert unfinished(root) == []


@pytest.mark.parametrize('name', ('write', 'rename'))
def test_a_disk_that_is_full_leaves_nothing_of_a_new_project(
        root: Path, monkeypatch: pytest.MonkeyPatch, name: str,
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(os, name, fail)
    with pytest.raises(FileError) as caught:
        writer_in(root).write_new(PAGES)
    assert str(caught.value) == (
        f'cannot write {root}/project/foo/index.html: No space left on device'
    )
    assert trees.pages_in(root) == {}
    assert unfinished(root) == []


def test_what_is_written_in_several_turns_is_whole(
        root: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A system may take less at once than it is given."""
    write = os.write
    monkeypatch.setattr(os, 'write', lambda file, content: write(file, content[:3]))
    writer_in(root).write_new([('simple/foo/index.html', b'more than three bytes')])
    assert (root / 'simple/foo/index.html').read_bytes() == b'more than three bytes'


def adopted(root: Path, content: bytes, *, recovering: bool = False) -> Writer:
    writer = writer_in(root, keep_changes=True, recovering=recovering)
    with writer.unfinished_file('list') as file:
        file.write(content)
    writer.adopt('packages.json', file.name)
    return writer


@pytest.mark.parametrize('old', (None, b'', b'old', b'odd'))
def test_file_becomes_a_page(root: Path, old: bytes | None) -> None:
    """A file is moved to the place of a page that differs or is missing."""
    if old is not None:
        (root / 'packages.json').write_bytes(old)
    writer = adopted(root, b'new')
    assert (root / 'packages.json').read_bytes() == b'new'
    assert writer.done.changes == [Change(
        'write', 'packages.json', 'application/json', 3, hashlib.sha256(b'new').hexdigest(),
    )]
    assert (writer.done.written, writer.done.unchanged) == (1, 0)


@pytest.mark.parametrize('recovering', (False, True))
def test_equal_page_is_not_replaced(root: Path, recovering: bool) -> None:
    """A page with the file's content is not touched; it is recorded only when recovering."""
    (root / 'packages.json').write_bytes(b'same')
    os.utime(root / 'packages.json', (1, 1))
    writer = adopted(root, b'same', recovering=recovering)
    assert (root / 'packages.json').stat().st_mtime == 1
    assert (writer.done.written, writer.done.unchanged) == (0, 1)
    assert [change.path for change in writer.done.changes] == ['packages.json'] * recovering


def test_folder_in_place_of_a_page(root: Path) -> None:
    """A folder where a page belongs is reported."""
    (root / 'packages.json').mkdir()
    with pytest.raises(FileError, match=r'cannot write .*/packages\.json: Is a directory'):
        adopted(root, b'')


@pytest.mark.parametrize('left', ('nothing', 'a folder', 'a file'))
def test_unfinished_files_are_removed(root: Path, left: str) -> None:
    """Unfinished files of killed builds are removed when a build begins, its own at its end."""
    place = root / store.UNFINISHED
    shutil.rmtree(place)
    if left == 'a folder':
        (place / 'other-build/task-1').mkdir(parents=True)
        (place / 'other-build/packages.json').write_bytes(b'')
    elif left == 'a file':
        place.write_bytes(b'')
    with Target(str(root), BUILD).opened():
        assert os.listdir(place) == [BUILD]
    assert os.listdir(root / '.dumb-pypi') == []


def test_unfinished_folder_cannot_be_made(tmp_path: Path) -> None:
    """Without a folder for unfinished files there is one message, and no traceback."""
    (tmp_path / '.dumb-pypi').write_bytes(b'')
    target = Target(str(tmp_path), BUILD)
    with pytest.raises(FileError, match='unfinished: Not a directory'), target.opened():
        pass
    with (
        pytest.raises(FileError, match=r'cannot write .*/this-build/a: '),
        Writer(target).unfinished_file('a'),
    ):
        pass
    with pytest.raises(FileError, match=r'cannot write .*/task-1: '):
        target.task_writer(1)


def test_unfinished_files_cannot_be_removed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of killed builds are reported; a build that is done leaves its own to the next one."""
    def rmtree(_: str) -> None:
        raise PermissionError(13, 'Permission denied')

    target = Target(str(root), BUILD)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, 'rmtree', rmtree)
        with (
            pytest.raises(FileError, match=r'cannot delete .*/unfinished: Permission denied'),
            target.opened(),
        ):
            pass
    with monkeypatch.context() as patch, target.opened():
        patch.setattr(shutil, 'rmtree', rmtree)
    assert os.listdir(root / store.UNFINISHED) == [BUILD]


def test_repeated_task_loses_no_change(root: Path) -> None:
    """A task that is run again records the pages that its first run wrote and did not report."""
    target = Target(str(root), BUILD, keep_changes=True)
    pages = [('simple/foo/index.html', b'foo'), ('simple/foo/index.json', b'{}')]
    target.task_writer(7).write_new(pages)
    for write in (Writer.write_new, write_each):
        again = target.task_writer(7)
        write(again, pages)
        assert [change.path for change in again.done.changes] == [path for path, _ in pages]
        assert (again.done.written, again.done.unchanged) == (0, 2)
    other = target.task_writer(8)
    write_each(other, pages)
    assert not other.done.changes


def write_each(writer: Writer, pages: Iterable[tuple[str, bytes]]) -> None:
    for path, content in pages:
        writer.write(path, content)


def test_late_task_of_a_dead_build_fails(root: Path) -> None:
    """A task whose build has ended, as on a machine that was lost for a while, writes nothing."""
    target = Target(str(root), 'an-ended-build')
    with target.opened():
        late = target.task_writer(1)
    with Target(str(root), BUILD).opened():
        for path in ('index.html', 'simple/foo/index.html'):
            with pytest.raises(FileError):
                late.write(path, b'late')
            assert not (root / path).exists()
        with pytest.raises(FileError):
            late.write_new([('simple/foo/index.html', b'late')])
    assert not (root / 'simple').exists()


def test_what_another_writer_did_counts(root: Path) -> None:
    one, other = (writer_in(root, keep_changes=True) for _ in range(2))
    one.write('index.html', b'')
    other.write('index.html', b'')
    other.write('packages.json', b'')
    other.delete('index.html')
    one.add(other.done)
    assert (one.done.written, one.done.unchanged, one.done.deleted) == (2, 1, 1)
    assert [change.path for change in one.done.changes] == [
        'index.html', 'packages.json', 'index.html',
    ]

"""Writing and deleting pages in a folder: atomically, only if they differ, with every change."""
from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from dumb_pypi import store
from dumb_pypi.errors import FileError
from dumb_pypi.store.changes import Change, write_changes
from dumb_pypi.store.folder import Folder
from dumb_pypi.store.folder_writer import Target, Writer
from tests.store.conftest import BUILD
from tests.support import trees


def writer_in(root: Path, **target: bool) -> Writer:
    return Writer(Target(str(root), BUILD, **target))


def unfinished(root: Path) -> list[str]:
    """Return the paths of unfinished files."""
    return trees.files_below(root / store.UNFINISHED)


def test_equal_page_is_not_written(root: Path) -> None:
    """A page whose content is the same is not touched; any other is replaced."""
    writer_in(root).write('a/b/c', b'1')
    place = root / 'a/b/c'
    os.utime(place, (1, 1))
    writer = writer_in(root)
    for path, content in (('c', b'1'), ('d', b'1'), ('d', b'2')):
        writer.write(f'a/b/{path}', content)
    assert place.stat().st_mtime == 1
    assert (root / 'a/b/d').read_bytes() == b'2'
    assert (writer.done.written, writer.done.unchanged) == (1, 1)
    assert sorted(os.listdir(place.parent)) == ['c', 'd']
    assert unfinished(root) == []


@pytest.mark.parametrize('umask', (0o022, 0o077))
def test_umask_sets_the_mode(root: Path, umask: int) -> None:
    """The umask decides a page's permissions, so that a web server may read it."""
    before = os.umask(umask)
    try:
        writer_in(root).write('a', b'')
    finally:
        os.umask(before)
    assert stat.S_IMODE((root / 'a').stat().st_mode) == 0o666 & ~umask


def test_reader_keeps_the_old_file(root: Path) -> None:
    """A program that has the old page open still reads all of it."""
    writer = writer_in(root)
    writer.write('a', b'old')
    with (root / 'a').open('rb') as reader:
        writer.write('a', b'newer')
        assert reader.read() == b'old'


@pytest.mark.parametrize('owned', (False, True))
def test_folder_blocks_a_page(root: Path, owned: bool) -> None:
    """A folder in place of a page is reported and kept, if no build wrote here before."""
    (root / 'a').mkdir()
    writer = writer_in(root, owned=owned)
    if owned:
        writer.write('a', b'1')
        assert (root / 'a').read_bytes() == b'1'
        return
    with pytest.raises(FileError) as caught:
        writer.write('a', b'')
    assert str(caught.value) == f'cannot write {root}/a: Is a directory'


def test_file_blocks_a_folder(root: Path) -> None:
    """A file in place of a folder is reported and kept."""
    (root / 'a').write_bytes(b'mine')
    with pytest.raises(FileError, match='Not a directory'):
        writer_in(root).write('a/b', b'')
    assert (root / 'a').read_bytes() == b'mine'


@pytest.mark.parametrize('interruption', (OSError, KeyboardInterrupt))
def test_interrupted_write_keeps_the_page(
        root: Path, monkeypatch: pytest.MonkeyPatch, interruption: type[BaseException],
) -> None:
    """A write that fails or is interrupted leaves the old page and no unfinished file."""
    def replace(*_: str) -> None:
        raise interruption

    writer_in(root).write('a', b'old')
    monkeypatch.setattr(os, 'replace', replace)
    with pytest.raises((FileError, KeyboardInterrupt)):
        writer_in(root).write('a', b'new')
    assert sorted(os.listdir(root)) == ['.dumb-pypi', 'a']
    assert unfinished(root) == []
    assert (root / 'a').read_bytes() == b'old'


def test_empty_folders_are_removed(root: Path) -> None:
    """Deleting a page removes folders that become empty, and no others."""
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


def test_page_cannot_be_deleted(root: Path) -> None:
    """A page that cannot be deleted is reported."""
    (root / 'a/b').mkdir(parents=True)
    with pytest.raises(FileError, match=r'cannot delete .*/a/b: '):
        writer_in(root).delete('a/b')


def test_changes_are_recorded_in_order(root: Path) -> None:
    """Written and deleted pages are recorded in order; unchanged pages are not."""
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


def test_recovery_records_equal_pages(root: Path) -> None:
    """After an interrupted build, pages that are already there are recorded, too."""
    writer_in(root).write('index.html', b'')
    writer = writer_in(root, keep_changes=True, recovering=True)
    writer.write('index.html', b'')
    assert [change.path for change in writer.done.changes] == ['index.html']
    assert (writer.done.written, writer.done.unchanged) == (0, 1)


def test_changes_cannot_be_written(root: Path) -> None:
    """A changes file that cannot be written is reported."""
    with pytest.raises(FileError, match=r'cannot write .*/gone/changes: No such file'):
        write_changes(str(root / 'gone/changes'), [Change('delete', 'a')])


def test_folder_cannot_be_removed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder that cannot be removed is reported."""
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


def write_new(writer: Writer) -> None:
    """Write the pages of each folder of a new project."""
    for pages in (PAGES[:1], PAGES[1:3], PAGES[3:]):
        writer.write_new(pages)


def test_new_folders_appear_atomically(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each folder of a new project is renamed once, with all of its pages."""
    renamed: list[str] = []
    rename = os.rename

    def note(old: str, new: str) -> None:
        rename(old, new)
        renamed.append(str(Path(new).relative_to(root)))

    monkeypatch.setattr(os, 'rename', note)
    writer = writer_in(root, keep_changes=True)
    write_new(writer)
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
def test_new_project_keeps_foreign_files(root: Path, mine: str) -> None:
    """A new project's folder may have files of the user's, which stay."""
    (root / mine).parent.mkdir(parents=True)
    (root / mine).write_bytes(b'mine')
    (root / 'project/foo').mkdir(parents=True)
    writer = writer_in(root, keep_changes=True)
    write_new(writer)
    assert trees.pages_in(root) == {**dict(PAGES), mine: b'mine'}
    assert [change.path for change in writer.done.changes] == [path for path, _ in PAGES]
    assert (writer.done.written, writer.done.unchanged) == (5, 0)
    assert unfinished(root) == []


def test_equal_page_of_new_project(root: Path) -> None:
    """A page of a new project that already exists is not touched."""
    (root / 'simple/foo').mkdir(parents=True)
    (root / 'simple/foo/index.html').write_bytes(b'3')
    os.utime(root / 'simple/foo/index.html', (1, 1))
    writer = writer_in(root)
    write_new(writer)
    assert (root / 'simple/foo/index.html').stat().st_mtime == 1
    assert (writer.done.written, writer.done.unchanged) == (4, 1)


@pytest.mark.parametrize('place', ('simple/foo', 'simple'))
def test_file_blocks_a_new_project(root: Path, place: str) -> None:
    """A file in place of a folder of a new project is reported and kept."""
    (root / place).parent.mkdir(parents=True, exist_ok=True)
    (root / place).write_bytes(b'mine')
    with pytest.raises(FileError) as caught:
        write_new(writer_in(root))
    assert str(caught.value).startswith(f'cannot write {root}/simple/foo/index.')
    assert (root / place).read_bytes() == b'mine'
    assert unfinished(root) == []


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder outside, whose files no build may write or delete."""
    place = tmp_path / 'elsewhere'
    for path in ('index.html', 'index.json', 'json', '1.0/json'):
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_bytes(b'mine')
    return place


def link_to(elsewhere: Path) -> Callable[[Path], object]:
    return lambda place: place.symlink_to(elsewhere)


OBSTACLES: dict[str, Callable[[Path], Callable[[Path], object]]] = {
    'link to a folder': link_to,
    'link to a file': lambda elsewhere: link_to(elsewhere / 'json'),
    'link to nothing': lambda elsewhere: link_to(elsewhere / 'missing'),
    'link to itself': lambda _: lambda place: place.symlink_to(place),
    'file': lambda _: Path.touch,
    'folder': lambda _: lambda place: (place / 'deep/er').mkdir(parents=True),
}


@pytest.mark.parametrize('obstacle', OBSTACLES)
@pytest.mark.parametrize('is_new', (False, True))
@pytest.mark.parametrize('path', (
    'project/foo', 'project/foo/index.html', 'pypi/foo', 'pypi/foo/1.0', 'pypi/foo/1.0/json',
))
def test_pages_are_written_nowhere_else(
        root: Path, elsewhere: Path, path: str, obstacle: str, is_new: bool,
) -> None:
    """Whatever is in the place of a page or of its folder is replaced, and a link not followed."""
    before = trees.pages_in(elsewhere)
    (root / path).parent.mkdir(parents=True)
    OBSTACLES[obstacle](elsewhere)(root / path)
    writer = writer_in(root, owned=True)
    if is_new:
        write_new(writer)
    else:
        for page, content in PAGES:
            writer.write(page, content)
    found = trees.pages_in(root)
    assert {page: found[page] for page, _ in PAGES} == dict(PAGES)
    assert not (root / path).is_symlink()
    assert trees.pages_in(elsewhere) == before


@pytest.mark.parametrize('obstacle', OBSTACLES)
@pytest.mark.parametrize('path', (
    'project/foo', 'project/foo/index.html', 'pypi/foo', 'pypi/foo/1.0', 'pypi/foo/1.0/json',
))
def test_pages_are_deleted_nowhere_else(
        root: Path, elsewhere: Path, path: str, obstacle: str,
) -> None:
    """A link in the place of a page or of its folder is deleted, and not what it points to."""
    before = trees.pages_in(elsewhere)
    (root / path).parent.mkdir(parents=True)
    OBSTACLES[obstacle](elsewhere)(root / path)
    writer = writer_in(root, owned=True)
    for page, _ in PAGES:
        writer.delete(page)
    assert not any((root / page).exists() for page, _ in PAGES)
    assert not (root / path).is_symlink()
    assert trees.pages_in(elsewhere) == before


@pytest.mark.parametrize('obstacle', ('link to a folder', 'link to nothing'))
def test_shared_folders_are_not_replaced(root: Path, elsewhere: Path, obstacle: str) -> None:
    """A link in the place of a folder of all projects may be on purpose: it is reported."""
    before = trees.pages_in(elsewhere)
    OBSTACLES[obstacle](elsewhere)(root / 'project')
    message = r'cannot write .*/project: it is a symbolic link; replace it by a folder'
    with pytest.raises(FileError, match=message):
        write_new(writer_in(root))
    with pytest.raises(FileError, match=message):
        writer_in(root).write(*PAGES[0])
    with pytest.raises(FileError, match=message):
        writer_in(root).delete(PAGES[0][0])
    assert trees.pages_in(elsewhere) == before


def test_linked_page_becomes_a_file(root: Path, elsewhere: Path) -> None:
    """A file that is moved to the place of a page replaces a link, even to the same content."""
    (root / 'packages.json').symlink_to(elsewhere / 'json')
    adopted(root, b'mine')
    assert not (root / 'packages.json').is_symlink()
    assert (root / 'packages.json').read_bytes() == b'mine'


def test_equal_paths_keep_the_last_page(root: Path) -> None:
    """If a file system ignores case, the last of two pages with one path remains."""
    writer = writer_in(root)
    writer.write_new([
        ('pypi/foo/2013-xx/json', b'1'), ('pypi/foo/2013-xx/json', b'2'), ('pypi/foo/json', b'3'),
    ])
    assert trees.pages_in(root) == {'pypi/foo/2013-xx/json': b'2', 'pypi/foo/json': b'3'}
    assert unfinished(root) == []


@pytest.mark.parametrize('name', ('write', 'rename'))
def test_full_disk_leaves_no_page(root: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """If the disk is full, a new project gets no page, and no unfinished file remains."""
    def fail(*_: object) -> None:
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(os, name, fail)
    with pytest.raises(FileError) as caught:
        write_new(writer_in(root))
    assert str(caught.value) == (
        f'cannot write {root}/project/foo/index.html: No space left on device'
    )
    assert trees.pages_in(root) == {}
    assert unfinished(root) == []


def test_short_writes_are_repeated(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All bytes are written even if the system takes fewer at a time."""
    write = os.write
    monkeypatch.setattr(os, 'write', lambda file, content: write(file, content[:3]))
    writer_in(root).write_new([('simple/foo/index.html', b'more than three bytes')])
    assert (root / 'simple/foo/index.html').read_bytes() == b'more than three bytes'


def adopted(
        root: Path, content: bytes, *, recovering: bool = False, owned: bool = False,
) -> Writer:
    writer = writer_in(root, keep_changes=True, recovering=recovering, owned=owned)
    with writer.unfinished_file('list') as file:
        file.write(content)
    writer.adopt('packages.json', file.name)
    return writer


@pytest.mark.parametrize('old', (None, b'', b'old', b'abc'))
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


@pytest.mark.parametrize('owned', (False, True))
def test_folder_blocks_a_file(root: Path, owned: bool) -> None:
    """A folder in place of a page is reported when a file is to be moved there, or gives way."""
    (root / 'packages.json/deep').mkdir(parents=True)
    if owned:
        adopted(root, b'new', owned=True)
        assert (root / 'packages.json').read_bytes() == b'new'
        return
    with pytest.raises(FileError, match=r'cannot write .*/packages\.json: Is a directory'):
        adopted(root, b'')


@pytest.mark.parametrize('left', ('nothing', 'a folder', 'a file'))
def test_unfinished_files_are_removed(root: Path, left: str) -> None:
    """Unfinished files of killed builds are removed at the start, its own at the end."""
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


def test_full_disk_leaves_no_folder(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the disk is full, no part of the folder for unfinished files remains."""
    def makedirs(place: str) -> None:
        os.mkdir(os.path.dirname(place))
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(os, 'makedirs', makedirs)
    with (
        pytest.raises(FileError, match=r'cannot write .*/this-build: No space left on device'),
        Target(str(root), BUILD).opened(),
    ):
        pass
    assert not (root / store.UNFINISHED).exists()


def test_unfinished_files_cannot_be_removed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unfinished files that remain are reported at the start, and ignored at the end."""
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


def test_counts_of_writers_are_added(root: Path) -> None:
    """The counts and changes of another writer are added to those of this one."""
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


def test_unreadable_folder_is_reported(tmp_path: Path) -> None:
    """A missing folder has no entries; what the system cannot read is an error."""
    index = Folder(str(tmp_path))
    (tmp_path / 'file').touch()
    assert [*index.entries('missing'), *index.entries('file')] == []
    with pytest.raises(FileError, match=r'cannot read .*: File name too long'):
        index.entries('a' * 1000)

"""Tasks that write pages: run twice, run late, or with a page that a later step replaces."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from dumb_pypi.errors import FileError
from dumb_pypi.store import files
from dumb_pypi.store.folder_writer import Target, Writer
from tests.store.conftest import BUILD


def test_repeated_task_loses_no_change(root: Path) -> None:
    """A task that runs again records the pages that its first run wrote and did not report."""
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


PRELIMINARY = 'project/foo/dependents/index.html'


def test_preliminary_page_replaces_nothing(root: Path) -> None:
    """A late run of a task does not replace the page that a later step wrote."""
    target = Target(str(root), BUILD, keep_changes=True)
    pages = [('project/foo/index.html', b'foo')]
    preliminary = (PRELIMINARY, b'preliminary')
    assert target.task_writer(7).write_new(pages, preliminary)
    Writer(target).write(PRELIMINARY, b'final')
    late = target.task_writer(7)
    assert not late.write_new(pages, preliminary)
    assert not late.write_missing(*preliminary)
    assert (root / PRELIMINARY).read_bytes() == b'final'
    assert [change.path for change in late.done.changes] == [path for path, _ in pages]


@pytest.mark.parametrize('users', ((), ('project/foo/mine',), ('project/foo/dependents/mine',)))
@pytest.mark.parametrize('compressed', (False, True))
def test_missing_page_is_written(root: Path, users: Sequence[str], *, compressed: bool) -> None:
    """A preliminary page is written where it is missing, whatever else is there."""
    for path in users:
        (root / path).parent.mkdir(parents=True)
        (root / path).write_bytes(b'mine')
    target = Target(str(root), BUILD, keep_changes=True, precompress=compressed)
    content = b'preliminary' * 100
    forms = [PRELIMINARY, f'{PRELIMINARY}.gz'][:1 + compressed]
    with target.opened():
        writer = target.task_writer(7)
        assert writer.write_missing(PRELIMINARY, content)
        assert [change.path for change in writer.done.changes] == forms
        assert not target.task_writer(8).write_missing(PRELIMINARY, content)
        # Nobody may have heard of what the first run wrote.
        again = target.task_writer(7)
        assert not again.write_missing(PRELIMINARY, content)
        assert [change.path for change in again.done.changes] == forms
    assert all((root / path).read_bytes() == b'mine' for path in users)
    assert all((root / path).exists() for path in forms)


def test_overlapping_runs_write_one_page(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If another run of a task is faster, its page stays."""
    target = Target(str(root), BUILD)
    rename = files.rename

    def rename_later(source: str, place: str) -> None:
        monkeypatch.setattr(files, 'rename', rename)
        assert Writer(target).write_missing(PRELIMINARY, b'faster')
        rename(source, place)

    monkeypatch.setattr(files, 'rename', rename_later)
    assert not Writer(target).write_missing(PRELIMINARY, b'slower')
    assert (root / PRELIMINARY).read_bytes() == b'faster'


def test_preliminary_page_replaces_a_link(root: Path, tmp_path: Path) -> None:
    """A symbolic link in place of the folder of a preliminary page is not followed."""
    (tmp_path / 'elsewhere').mkdir()
    (tmp_path / 'elsewhere/index.html').write_bytes(b'theirs')
    folder = root / PRELIMINARY.removesuffix('/index.html')
    folder.parent.mkdir(parents=True)
    folder.symlink_to(tmp_path / 'elsewhere')
    target = Target(str(root), BUILD)
    with target.opened() as writer:
        assert writer.write_missing(PRELIMINARY, b'preliminary')
    assert (root / PRELIMINARY).read_bytes() == b'preliminary'
    assert (tmp_path / 'elsewhere/index.html').read_bytes() == b'theirs'


def test_preliminary_page_among_users_files(root: Path) -> None:
    """A new project whose folder has files of the user's gets its preliminary page too."""
    folder = root / 'project/foo'
    folder.mkdir(parents=True)
    (folder / 'mine').write_bytes(b'mine')
    pages = [('project/foo/index.html', b'foo')]
    preliminary = (PRELIMINARY, b'preliminary')
    with Target(str(root), BUILD).opened() as writer:
        assert writer.write_new(pages, preliminary)
    assert (root / PRELIMINARY).read_bytes() == b'preliminary'
    assert (folder / 'index.html').read_bytes() == b'foo'


def write_each(writer: Writer, pages: Iterable[tuple[str, bytes]]) -> None:
    for path, content in pages:
        writer.write(path, content)


def test_late_task_writes_nothing(root: Path) -> None:
    """A task whose build has ended, as on a machine that was lost for a while, fails."""
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

"""Trees that changed behind the build's back: what the next build restores, and what `full` does.

Each damage is done to an index of `LINES`, whose pages are then built again from the same list.
"""
from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from dumb_pypi import builder, store
from dumb_pypi.builder import confirmed_build, source, stamp
from dumb_pypi.builder.source import Lists
from dumb_pypi.errors import ChangedError, FileError, OptionError, ShrinkError
from dumb_pypi.model.project import Project
from dumb_pypi.options import BuildOptions
from dumb_pypi.pages import paths
from dumb_pypi.pages.site import Page, Site
from dumb_pypi.store.folder_writer import Writer
from tests.support import histories
from tests.support.small_builds import full_tree, LINES, run, tree

OPTIONS: dict[str, Any] = {'site_url': 'https://x.example.com/'}
MORE = (*LINES, '{"filename": "new-1.0.zip"}')
PROJECT_FOLDERS = ('project/foo', 'simple/foo', 'pypi/foo', 'simple/bar')


@pytest.fixture
def out(tmp_path: Path) -> Path:
    run(tmp_path, **OPTIONS)
    return tmp_path / 'out'


def remove(place: Path) -> None:
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink()


def empty(place: Path) -> None:
    if place.is_dir():
        for entry in place.iterdir():
            remove(entry)
    else:
        place.write_bytes(b'')


def replace_by_folder(place: Path) -> None:
    remove(place)
    place.mkdir()
    (place / 'deep').mkdir()


def replace_by_pipe(place: Path) -> None:
    remove(place)
    os.mkfifo(place)


def replace_by_link(place: Path) -> None:
    """Move what is in the place elsewhere, and leave a link to it."""
    elsewhere = place.with_name(f'.{place.name}')
    place.rename(elsewhere)
    place.symlink_to(elsewhere)


def clean(tree: dict[str, bytes]) -> dict[str, bytes]:
    """Return the tree without what `replace_by_link` moved elsewhere."""
    return {
        path: content for path, content in tree.items()
        if not any(part.startswith('.') for part in path.split('/'))
    }


@pytest.mark.parametrize('lines', (LINES, MORE))
@pytest.mark.parametrize('place', (
    *store.SHARED_FOLDERS, *paths.ROOTS, *PROJECT_FOLDERS, 'changelog/2024-01.html',
    'changelog/undated.html', '.dumb-pypi',
))
def test_missing_places_are_restored(
        tmp_path: Path, out: Path, place: str, lines: tuple[str, ...],
) -> None:
    """The next build restores a root page, a shared folder or a project's folder."""
    remove(out / place)
    run(tmp_path, lines, **OPTIONS)
    assert tree(tmp_path) == full_tree(tmp_path, lines, **OPTIONS)
    before = histories.age(out)
    assert run(tmp_path, lines, **OPTIONS).written == 0
    assert histories.stamps(out) == before


@pytest.mark.parametrize('damage', (empty, replace_by_folder, replace_by_link, replace_by_pipe))
@pytest.mark.parametrize('page', paths.ROOTS)
def test_damaged_root_pages_are_restored(
        tmp_path: Path, out: Path, page: str, damage: Callable[[Path], None],
) -> None:
    """Whatever is in the place of a root page, the next build writes the page."""
    damage(out / page)
    run(tmp_path, **OPTIONS)
    assert clean(tree(tmp_path)) == full_tree(tmp_path, **OPTIONS)
    assert not (out / page).is_symlink()


@pytest.mark.parametrize('folder', PROJECT_FOLDERS)
def test_linked_project_is_restored(tmp_path: Path, out: Path, folder: str) -> None:
    """A link in place of a project's folder is replaced, even if it has the same pages."""
    replace_by_link(out / folder)
    elsewhere = histories.age((out / folder).with_name(f'.{folder.partition("/")[2]}'))
    run(tmp_path, **OPTIONS)
    assert clean(tree(tmp_path)) == full_tree(tmp_path, **OPTIONS)
    assert not (out / folder).is_symlink()
    moved = (out / folder).with_name(f'.{folder.partition("/")[2]}')
    assert histories.stamps(moved) == elsewhere


@pytest.mark.parametrize('folder', store.SHARED_FOLDERS)
def test_linked_shared_folder_is_reported(tmp_path: Path, out: Path, folder: str) -> None:
    """A link in place of a folder that all projects share is reported, and not followed."""
    replace_by_link(out / folder)
    before = histories.age(out)
    with pytest.raises(FileError, match=f'/{folder}: it is a symbolic link; replace it by a'):
        run(tmp_path, **OPTIONS)
    after = histories.stamps(out)
    assert {path: after[path] for path in before if not path.startswith('.dumb-pypi/')} == {
        path: mark for path, mark in before.items() if not path.startswith('.dumb-pypi/')
    }


@pytest.mark.parametrize('damage', (
    remove, empty, replace_by_folder, replace_by_link, replace_by_pipe,
))
@pytest.mark.parametrize('page', (
    'simple/foo/index.html', 'simple/foo/index.json', 'project/foo/index.html', 'pypi/foo/json',
    'pypi/foo/1.0/json', 'pypi/foo/1.0', 'changelog/2024-01.html', *PROJECT_FOLDERS,
))
def test_full_build_repairs_all(
        tmp_path: Path, out: Path, page: str, damage: Callable[[Path], None],
) -> None:
    """A full build repairs what other builds do not notice."""
    damage(out / page)
    run(tmp_path, full=True, **OPTIONS)
    assert clean(tree(tmp_path)) == full_tree(tmp_path, **OPTIONS)
    assert not (out / page).is_symlink()


@pytest.mark.parametrize('page', ('index.html.gz', 'project/foo/index.html.gz'))
def test_compressed_form_replaces_a_folder(tmp_path: Path, page: str) -> None:
    """A folder in place of a compressed form gives way."""
    run(tmp_path, precompress=True)
    remove(tmp_path / 'out' / page)
    (tmp_path / 'out' / page / 'deep').mkdir(parents=True)
    run(tmp_path, precompress=True, full=True)
    assert tree(tmp_path) == full_tree(tmp_path, precompress=True)


@pytest.mark.parametrize('path', (store.STATE, store.PENDING, store.CHUNKS))
def test_pipe_in_place_of_the_state(tmp_path: Path, out: Path, path: str) -> None:
    """A named pipe in place of the build's own files is reported: nobody would write to it."""
    (out / path).unlink(missing_ok=True)
    os.mkfifo(out / path)
    with pytest.raises(FileError, match=f'cannot read .*/{path}: not a regular file'):
        run(tmp_path, MORE, **OPTIONS)


@pytest.mark.parametrize('page', (
    b'simple/\xff/index.html', b'project/\xff/index.html', b'pypi/\xff/json',
    b'pypi/foo/\xff/json', b'changelog/2024-01-99999.html', b'static/style-\xff.css',
))
def test_unusual_names_are_kept(tmp_path: Path, out: Path, page: bytes) -> None:
    """A full build keeps files whose names are not those of pages."""
    place = Path(os.fsdecode(os.fsencode(out) + b'/' + page))
    place.parent.mkdir(parents=True, exist_ok=True)
    place.touch()
    run(tmp_path, full=True, **OPTIONS)
    assert place.exists()
    place.unlink()
    if not any(place.parent.iterdir()):
        place.parent.rmdir()
    assert tree(tmp_path) == full_tree(tmp_path, **OPTIONS)


@pytest.mark.parametrize('copied', (False, True))
def test_touched_index_is_not_written(tmp_path: Path, out: Path, copied: bool) -> None:
    """If only times differ, as after a restored backup, nothing is written, not even a state."""
    if copied:
        out.rename(tmp_path / 'copied')
        shutil.copytree(tmp_path / 'copied', out, copy_function=shutil.copy)
    (out / 'simple/mine').touch()
    before = histories.age(out)
    assert run(tmp_path, **OPTIONS)[2:5] == (0, 0, 0)
    assert histories.stamps(out) == before


UNKNOWN = (
    'simple/old/index.html', 'simple/old/index.json', 'project/old/index.html', 'pypi/old/json',
    'pypi/old/1.0/json', 'pypi/foo/0.9/json', 'changelog/2020-01.html', 'changelog/2024-01-3.html',
    'static/style-0123456789ab.css',
)


@pytest.mark.parametrize('page', UNKNOWN)
def test_full_build_deletes_unknown_pages(tmp_path: Path, out: Path, page: str) -> None:
    """A full build deletes pages that no build remembers, such as restored ones."""
    (out / page).parent.mkdir(parents=True, exist_ok=True)
    (out / page).write_text('restored')
    run(tmp_path, MORE, **OPTIONS)
    assert (out / page).exists()
    run(tmp_path, MORE, full=True, **OPTIONS)
    assert tree(tmp_path) == full_tree(tmp_path, MORE, **OPTIONS)
    assert not histories.empty_folders(out)


def test_unknown_projects_are_guarded(tmp_path: Path, out: Path) -> None:
    """A full build does not delete more projects than it keeps, unless that is allowed."""
    for number in range(3):
        (out / f'simple/mine-{number}').mkdir()
        (out / f'simple/mine-{number}/index.html').touch()
    before = tree(tmp_path)
    with pytest.raises(ShrinkError):
        run(tmp_path, full=True, **OPTIONS)
    assert tree(tmp_path) == before
    run(tmp_path, full=True, allow_shrink=True, **OPTIONS)
    assert tree(tmp_path) == full_tree(tmp_path, **OPTIONS)


@pytest.mark.parametrize('last', ('one', 'two'))
def test_changed_template_ends_the_build(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: str,
) -> None:
    """A template that changes during a build, and maybe changes back, does not go unnoticed."""
    template = tmp_path / 'templates/project.html'
    template.parent.mkdir()
    template.write_text('one')
    web_pages = Site.web_pages

    def change_template(
            site: Site, projects: Sequence[Project], readmes: Sequence[str | None],
    ) -> list[list[Page]]:
        template.write_text('between')
        template.write_text(last)
        return web_pages(site, projects, readmes)

    with monkeypatch.context() as patch:
        patch.setattr(Site, 'web_pages', change_template)
        with pytest.raises(ChangedError, match='changed during the build: run it again'):
            run(tmp_path, template_dir=str(template.parent))
    run(tmp_path, template_dir=str(template.parent))
    assert tree(tmp_path) == full_tree(tmp_path, template_dir=str(template.parent))


@pytest.mark.parametrize('templates', ('.', 'out'))
def test_pages_are_no_templates(tmp_path: Path, templates: str) -> None:
    """An output directory below the template directory, or the same one, changes no shape."""
    (tmp_path / 'out').mkdir()
    (tmp_path / templates / 'project.html').write_text('mine')
    options: dict[str, Any] = {'template_dir': str(tmp_path / templates), 'precompress': True}
    assert run(tmp_path, **options).written
    assert (tmp_path / 'out/project/foo/index.html').read_text() == 'mine'
    run(tmp_path, **options)
    (tmp_path / templates / 'project.html').write_text('yours')
    assert run(tmp_path, **options).written == 2


def test_installed_library_ends_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that is installed during a build may have rendered some of the pages."""
    libraries = iter((['jinja2-1.dist-info'], ['jinja2-2.dist-info']))
    monkeypatch.setattr(stamp, '_installed', lambda _: next(libraries))
    with pytest.raises(ChangedError):
        run(tmp_path)
    monkeypatch.undo()
    run(tmp_path)
    assert tree(tmp_path) == full_tree(tmp_path)


def changed_paths(folder: Path) -> set[str]:
    return {json.loads(line)['path'] for line in (folder / 'changes').read_bytes().splitlines()}


def test_unreported_changes_are_repeated(tmp_path: Path) -> None:
    """If a command fails after the build, the next changes file has the same changes again.

    Whoever uploads changes has not read the first one: the command did not exit with 0.
    """
    options: dict[str, Any] = {'changes_file': str(tmp_path / 'changes')}
    run(tmp_path, **options)
    paths_of_new = changed_paths_of_new_project(tmp_path)
    with pytest.raises(BrokenPipeError), confirmed_build(BuildOptions.parse(
        package_list_json=histories.write_lines(tmp_path / 'list', [*MORE]),
        packages_url='../../pool/', output_dir=tmp_path / 'out', **options,
    )) as report:
        assert report.written > 0
        raise BrokenPipeError
    assert changed_paths(tmp_path) >= paths_of_new
    for is_repeated in (True, False):
        run(tmp_path, MORE, **options)
        assert (changed_paths(tmp_path) >= paths_of_new) == is_repeated
    assert changed_paths(tmp_path) == set()


def changed_paths_of_new_project(folder: Path) -> set[str]:
    new = full_tree(folder, MORE).keys() - full_tree(folder).keys()
    assert len(new) == 6
    return new


def test_pending_groups_cannot_be_forgotten(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A build that cannot delete the list of what it changed does not end with success."""
    def unlink(place: str, *_: object, **__: object) -> None:
        if place.endswith('pending.json'):
            raise PermissionError(1, 'Operation not permitted')

    with monkeypatch.context() as patch, pytest.raises(FileError, match=r'cannot delete .*pending'):
        patch.setattr(os, 'unlink', unlink)
        run(tmp_path)
    run(tmp_path)
    assert tree(tmp_path) == full_tree(tmp_path)


def interrupt(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a build of one more project that is killed just before its state."""
    def encode(_: object) -> bytes:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(stamp.Stamp, 'encode', encode)
        run(folder, MORE)


def change_last_byte(place: Path) -> None:
    content = bytearray(place.read_bytes())
    content[-2] ^= 1
    place.write_bytes(content)


@pytest.mark.parametrize('place', ('simple', 'index.html', 'pypi/foo'))
def test_damaged_state_hides_no_damage(tmp_path: Path, place: str) -> None:
    """A build that cannot read its records does not take the index for intact."""
    run(tmp_path)
    change_last_byte(tmp_path / 'out' / store.STATE)
    remove(tmp_path / 'out' / place)
    run(tmp_path)
    assert tree(tmp_path) == full_tree(tmp_path)


def test_damaged_pending_groups_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If nobody knows what an interrupted build wrote, its pages are searched for."""
    run(tmp_path)
    interrupt(tmp_path, monkeypatch)
    change_last_byte(tmp_path / 'out' / store.PENDING)
    run(tmp_path)
    assert tree(tmp_path) == full_tree(tmp_path)


def test_lost_state_repeats_all_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `.dumb-pypi`, nobody knows which pages a changes file has had."""
    run(tmp_path)
    interrupt(tmp_path, monkeypatch)
    shutil.rmtree(tmp_path / 'out/.dumb-pypi')
    run(tmp_path, MORE, changes_file=str(tmp_path / 'changes'))
    assert changed_paths(tmp_path) == tree(tmp_path).keys()


def test_template_changed_while_list_is_read(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Standard input may take long: what changes meanwhile changed during the build."""
    template = tmp_path / 'templates/project.html'
    template.parent.mkdir()
    template.write_text('one')
    open_lists = source.open_lists

    def change_template(options: BuildOptions) -> AbstractContextManager[Lists]:
        template.write_text('two')
        return open_lists(options)

    monkeypatch.setattr(builder, 'open_lists', change_template)
    with pytest.raises(ChangedError):
        run(tmp_path, template_dir=str(template.parent))


@pytest.mark.parametrize('option', ('changes_file', 'report'))
@pytest.mark.parametrize('path', (
    'list', 'out/../list', 'out/index.html', 'out/packages.json', 'out/simple/mine',
    'out/.dumb-pypi/state.json', 'out/.dumb-pypi/lock', 'templates/custom.css',
    'link/custom.css', 'templates/new', 'pool/foo-1.0.tar.gz', 'pool/foo-1.0.ZIP.metadata', 'both',
))
# The report is written if an argument is wrong, but not over any of these files.
@pytest.mark.parametrize('jobs', (1, 0))
def test_build_files_are_not_overwritten(
        tmp_path: Path, option: str, path: str, jobs: int,
) -> None:
    """The paths of other files that a build reads or writes are refused."""
    (tmp_path / 'templates').mkdir()
    (tmp_path / 'templates/custom.css').touch()
    (tmp_path / 'link').symlink_to('templates')
    run(tmp_path)
    before = histories.age(tmp_path)
    options: dict[str, Any] = {option: tmp_path / path}
    if path == 'both':
        options = {'changes_file': tmp_path / 'both', 'report': tmp_path / 'templates/../both'}
    with pytest.raises(OptionError, match='; pass another path'):
        run(tmp_path, LINES, template_dir=tmp_path / 'templates', jobs=jobs, **options)
    # The helper writes the list anew.
    changed = {path for path, mark in histories.stamps(tmp_path).items() if mark != before[path]}
    assert changed <= {'list'}
    assert (tmp_path / 'list').read_text() == ''.join(f'{line}\n' for line in LINES)


def test_interrupted_build_left_no_new_month(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A month that an interrupted build was about to write is linked to only when it exists."""
    earlier, later = 'changelog/2024-01.html', 'changelog/2024-02.html'
    run(tmp_path, LINES[:1])
    with monkeypatch.context() as patch:
        patch.setattr('dumb_pypi.builder.render.render', Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path)
    contents = []

    def write(self: Writer, path: str, content: bytes) -> None:
        if path == earlier:
            contents.append((b'2024-02.html' in content, (tmp_path / 'out' / later).exists()))
        original(self, path, content)

    original = Writer.write
    monkeypatch.setattr(Writer, 'write', write)
    run(tmp_path, jobs=1)
    assert contents == [(True, True)]

"""Builds over the results of a previous build: what is rendered, written and deleted."""
from __future__ import annotations

import json
import operator
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dumb_pypi import build, store
from dumb_pypi.builder import stamp
from dumb_pypi.builder.report import Report
from dumb_pypi.commands.build import main
from tests.support import histories
from tests.support.small_builds import full_tree, LINES, run, tree

# An index of 1.x: pages of a project that is still in the list, and of one that is not.
TREE_OF_1_X = {
    'index.html': 'old home',
    'packages.json': (
        '{"filename": "foo-1.0.zip", "hash": null, "requires_python": null, '
        '"upload_timestamp": 1704103200}\n'
        '{"filename": "Gone-1.0.zip", "yanked_reason": "x", "uploaded_by": "me"}\n'
    ),
    'simple/index.html': 'old', 'simple/foo/index.html': 'old', 'simple/gone/index.html': 'old',
    'pypi/foo/json': '{}', 'pypi/foo/1.0/json': '{}', 'pypi/foo/0.9/json': '{}',
    'pypi/gone/json': '{}', 'pypi/gone/1.0/json': '{}',
    'changelog/page1.html': 'old', 'changelog/page2.html': 'old',
}


def write_tree(folder: Path, files: dict[str, str]) -> None:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)


def written(folder: Path, before: histories.Stamps) -> set[str]:
    """Return the paths of files that were written since `before`."""
    now = histories.stamps(folder)
    return {path for path in now if now[path] != before.get(path)}


@pytest.mark.parametrize(
    'options', ({}, {'strict': True}, {'site_url': 'https://x.example.com/'}),
)
def test_unchanged_list_writes_nothing(tmp_path: Path, options: dict[str, Any]) -> None:
    """A build of the same list and options writes no file, not even its own."""
    run(tmp_path, **options)
    before = histories.age(tmp_path / 'out')
    assert run(tmp_path, **options) == Report(2, 3, 0, 0, 0, [])
    assert histories.stamps(tmp_path / 'out') == before


@pytest.mark.parametrize(
    'again', (
        {'lines': LINES[::-1]},
        {'lines': (*LINES, LINES[0], '')},
        {'previous': True},
    ),
)
def test_irrelevant_changes_write_no_page(tmp_path: Path, again: dict[str, Any]) -> None:
    """Other order, repeated lines, and the same previous list write no page."""
    run(tmp_path)
    before = histories.age(tmp_path / 'out')
    if again.pop('previous', False):
        again['previous_package_list_json'] = str(tmp_path / 'out/packages.json')
    report = run(tmp_path, **again)
    assert report[2:5] == (0, 0, 0)
    # The build remembers the new order, so that the next one has nothing to do.
    assert written(tmp_path / 'out', before) <= {store.STATE, store.CHUNKS}
    before = histories.age(tmp_path / 'out')
    assert run(tmp_path, **again)[2:5] == (0, 0, 0)
    assert histories.stamps(tmp_path / 'out') == before


@pytest.mark.parametrize('lines', (LINES, LINES[::-1]))
def test_unchanged_list_needs_no_jinja(tmp_path: Path, lines: tuple[str, ...]) -> None:
    """A build of the same list ends before Jinja2 is imported."""
    run(tmp_path, generated=None)
    histories.write_lines(tmp_path / 'list', list(lines))
    program = (
        'import sys; from dumb_pypi.main import main; status = main(sys.argv[1:]); '
        'assert "jinja2" not in sys.modules; sys.exit(status)'
    )
    subprocess.run([
        sys.executable, '-c', program, '--package-list-json', tmp_path / 'list',
        '--output-dir', tmp_path / 'out', '--packages-url', '../../pool/',
        '--no-generate-timestamp',
    ], check=True)


def test_build_time_alone_writes_nothing(tmp_path: Path) -> None:
    """If only the build time differs, no page is written."""
    command = [
        '--package-list', histories.write_lines(tmp_path / 'list', ['foo-1.0.zip']),
        '--output-dir', str(tmp_path / 'out'), '--packages-url', '../../pool/',
    ]
    assert main(command) == 0
    before = histories.age(tmp_path / 'out')
    assert main(command) == 0
    assert histories.stamps(tmp_path / 'out') == before


@pytest.mark.parametrize('before', ('package_list', 'package_list_json'))
@pytest.mark.parametrize('now', ('package_list', 'package_list_json'))
def test_other_form_is_another_list(tmp_path: Path, before: str, now: str) -> None:
    """The same bytes given as a list of another form are read again."""
    (tmp_path / 'list').write_text('foo-1.0.zip\n{"filename": "bar-1.0.zip"}\n')

    def read_as(form: str, folder: str) -> Report:
        given: dict[str, Any] = {form: str(tmp_path / 'list')}
        return build(
            **given, output_dir=str(tmp_path / folder), packages_url='../../pool/',
            allow_shrink=True,
        )

    read_as(before, 'out')
    assert read_as(now, 'out').notices == read_as(now, 'full').notices
    assert tree(tmp_path) == histories.read_tree(tmp_path / 'full')


@pytest.mark.parametrize('previous', (None, 'list'))
def test_progress_rises_to_one(tmp_path: Path, previous: str | None) -> None:
    """Progress starts above 0, never falls and ends at 1, in first builds and updates."""
    more = (*LINES, '{"filename": "baz-1.0.zip"}')
    for lines in (LINES, more, (*more, LINES[0], '{"filename": "baz-2.0.zip"}')):
        parts: list[float] = []
        options: dict[str, Any] = {}
        if previous is not None and (tmp_path / 'out').exists():
            shutil.copy(tmp_path / 'out/packages.json', tmp_path / 'previous')
            options = {'previous_package_list_json': str(tmp_path / 'previous')}
        run(tmp_path, lines, progress=parts.append, **options)
        assert parts == sorted(parts)
        assert parts[0] > 0
        assert parts[-1] == 1


def test_only_changed_pages_are_rendered(tmp_path: Path) -> None:
    """A changed file writes the pages of its project, and `packages.json`."""
    run(tmp_path)
    before = histories.age(tmp_path / 'out')
    report = run(tmp_path, (*LINES[:2], '{"filename": "bar-1.0.zip", "size": 5}'))
    assert {path for path in written(tmp_path / 'out', before) if path[0] != '.'} == {
        'packages.json', 'pypi/bar/1.0/json', 'pypi/bar/json', 'project/bar/index.html',
        'simple/bar/index.html', 'simple/bar/index.json',
    }
    assert report.written == 6


def test_new_folder_gets_changed_pages(tmp_path: Path) -> None:
    """A new folder gets the pages that differ from those of the previous list."""
    run(tmp_path)
    run(
        tmp_path, (*LINES, '{"filename": "new-1.0.zip"}'), output_dir=str(tmp_path / 'new'),
        previous_package_list_json=str(tmp_path / 'out/packages.json'),
    )
    pages = histories.read_tree(tmp_path / 'new')
    assert {path for path in pages if not path.startswith('static/')} == {
        'simple/new/index.html', 'simple/new/index.json', 'project/new/index.html',
        'project/new/dependents/index.html', 'pypi/new/json', 'pypi/new/1.0/json',
        'changelog/undated.html', 'changelog/index.html', 'projects/index.html', '404.html',
        'simple/index.html', 'simple/index.json', 'index.html', 'packages.json',
    }


def compact(line: object) -> str:
    return json.dumps(line, separators=(',', ':'))


@pytest.mark.parametrize('change', ('new', 'unchanged', 'removed'))
@pytest.mark.parametrize(
    ('form', 'line_of'), (
        # As 1.x writes it, and as programs write it that leave out spaces.
        ('previous_package_list_json', json.dumps),
        ('previous_package_list_json', compact),
        ('previous_package_list', operator.itemgetter('filename')),
    ),
)
def test_foreign_previous_list_renders_everything(
        tmp_path: Path, form: str, line_of: Callable[[Any], str], change: str,
) -> None:
    """Only a `packages.json` says that pages were published; with other lists none is skipped."""
    lines = [
        {'filename': 'foo-2.0.zip', 'upload_timestamp': 1704103200},
        {'filename': 'foo-1.0.zip', 'upload_timestamp': 1706781600}, {'filename': 'bar-1.0.zip'},
    ]
    previous = histories.write_lines(tmp_path / 'previous', list(map(line_of, lines)))
    new = [*lines, {'filename': 'new-1.0.zip'}] if change == 'new' else lines
    new = new[1:] if change == 'removed' else new
    listed = tuple(map(json.dumps, new))
    for _ in range(2):
        run(tmp_path, listed, **{form: previous}, changes_file=tmp_path / 'changes')
        assert tree(tmp_path) == full_tree(tmp_path, listed)
    changes = (tmp_path / 'changes').read_text()
    assert ('"delete","path":"pypi/foo/2.0/json"' in changes) == (change == 'removed')


@pytest.mark.parametrize('site_url', (None, 'https://x.example.com/'))
@pytest.mark.parametrize('old_state', (None, '', '{', '[]', '{"shape": "of version 0"}'))
def test_index_of_1_x_is_replaced(
        tmp_path: Path, old_state: str | None, site_url: str | None,
) -> None:
    """A build over an index of 1.x leaves the tree of a full build and the user's files."""
    mine = dict.fromkeys(histories.FOREIGN, 'mine')
    write_tree(tmp_path / 'out', {**TREE_OF_1_X, **mine})
    if old_state is not None:
        write_tree(tmp_path / 'out', {store.STATE: old_state})
    run(tmp_path, site_url=site_url)
    assert tree(tmp_path) == {
        **full_tree(tmp_path, site_url=site_url),
        **dict.fromkeys(mine, b'mine'),
    }
    assert not histories.empty_folders(tmp_path / 'out')


@pytest.mark.parametrize('lines', (LINES, ()))
@pytest.mark.parametrize('damage', (None, '', '{', '[]', '{"shape": "of version 0"}'))
def test_lost_state_leaves_no_page(
        tmp_path: Path, damage: str | None, lines: tuple[str, ...],
) -> None:
    """Without a usable state the next build still deletes all stale pages."""
    run(tmp_path, lines, site_url='https://x.example.com/', allow_shrink=True)
    (tmp_path / 'out' / store.STATE).unlink()
    if damage is not None:
        write_tree(tmp_path / 'out', {store.STATE: damage})
    run(tmp_path, LINES[1:])
    assert tree(tmp_path) == full_tree(tmp_path, LINES[1:])


@pytest.mark.parametrize('edit', (None, b'', b'edited'))
def test_full_restores_every_page(tmp_path: Path, edit: bytes | None) -> None:
    """`full` restores missing, emptied and edited pages."""
    options: dict[str, Any] = {'site_url': 'https://x.example.com/'}
    run(tmp_path, **options)
    good = tree(tmp_path)
    for path in good:
        (tmp_path / 'out' / path).unlink()
        if edit is not None:
            (tmp_path / 'out' / path).write_bytes(edit)
    report = run(tmp_path, full=True, **options)
    assert tree(tmp_path) == good
    assert (report.written, report.unchanged) == (len(good), 0)


def test_deleted_pages_are_written_again(tmp_path: Path) -> None:
    """After `rm -r out/*`, which keeps the hidden state, the next build writes all pages."""
    run(tmp_path)
    good = tree(tmp_path)
    for lines in (LINES, (*LINES, '{"filename": "new-1.0.zip"}')):
        for place in (tmp_path / 'out').glob('[!.]*'):
            shutil.rmtree(place) if place.is_dir() else place.unlink()
        run(tmp_path, lines)
        assert tree(tmp_path) == full_tree(tmp_path, lines)
    assert good.keys() < tree(tmp_path).keys()


def test_full_writes_no_equal_page(tmp_path: Path) -> None:
    """`full` renders all pages, and writes none whose bytes are the same."""
    run(tmp_path)
    before = histories.age(tmp_path / 'out')
    report = run(tmp_path, full=True)
    assert report.unchanged == len(tree(tmp_path))
    assert not {path for path in written(tmp_path / 'out', before) if path[0] != '.'}


@pytest.mark.parametrize(
    'options', (
        {'title': 'Other'}, {'logo': 'x.png'}, {'logo': 'x.png', 'logo_width': 5},
        {'site_url': 'https://x.example.com/'}, {'per_release_json': False},
        {'packages_url': '../pool/'},
    ),
)
def test_changed_option_renders_all_pages(tmp_path: Path, options: dict[str, Any]) -> None:
    """Another option gives the tree of a full build with that option."""
    run(tmp_path)
    run(tmp_path, **options)
    assert tree(tmp_path) == full_tree(tmp_path, **options)
    run(tmp_path)
    assert tree(tmp_path) == full_tree(tmp_path)


def test_changed_templates_render_all_pages(tmp_path: Path) -> None:
    """A new, changed or deleted template renders all pages: any page may include it."""
    options: dict[str, Any] = {'template_dir': str(tmp_path / 'templates')}
    (tmp_path / 'templates').mkdir()
    run(tmp_path, **options)
    for source in ('One {{ project }}', 'Two {{ project }}', None):
        (tmp_path / 'templates/project.html').unlink(missing_ok=True)
        if source is not None:
            (tmp_path / 'templates/project.html').write_text(source)
        assert run(tmp_path, **options).written == 2
        assert tree(tmp_path) == full_tree(tmp_path, **options)


def test_other_version_renders_all_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another version of the program or of a library renders all pages."""
    run(tmp_path)
    good = tree(tmp_path)
    (tmp_path / 'out/simple/foo/index.html').write_text('old')
    assert run(tmp_path).written == 0
    monkeypatch.setattr(stamp, '_LIBRARIES', ('jinja2',))
    assert run(tmp_path).written == 1
    assert tree(tmp_path) == good


def test_template_links_may_be_circular(tmp_path: Path) -> None:
    """Circular symbolic links are followed once, and each new link counts as a change."""
    templates = tmp_path / 'templates'
    templates.mkdir()
    shapes = set()
    for name in ('one', 'two', 'three'):
        (templates / name).symlink_to('.')
        run(tmp_path, template_dir=str(templates))
        shapes.add((tmp_path / 'out' / store.STATE).read_bytes())
    assert len(shapes) == 3

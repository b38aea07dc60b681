"""What a build does with what the last one left."""
from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dumb_pypi import store
from dumb_pypi.builder import build, Report, stamp
from dumb_pypi.commands.build import main
from tests.support import histories

LINES = (
    '{"filename": "foo-1.0.zip", "upload_timestamp": 1704103200}',
    '{"filename": "foo-2.0.zip", "upload_timestamp": 1706781600}',
    '{"filename": "bar-1.0.zip"}',
)

# What 1.x leaves: pages of projects that are on the list still and of one that is not.
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


def run(folder: Path, lines: tuple[str, ...] = LINES, **options: Any) -> Report:
    return build(**{
        'package_list_json': histories.write_lines(folder / 'list', list(lines)),
        'packages_url': '../../pool/', 'output_dir': str(folder / 'out'), **options,
    })


def tree(folder: Path) -> dict[str, bytes]:
    return histories.read_tree(folder / 'out')


def whole_tree(folder: Path, lines: tuple[str, ...] = LINES, **options: Any) -> dict[str, bytes]:
    shutil.rmtree(folder / 'whole', ignore_errors=True)
    run(folder, lines, **{**options, 'output_dir': str(folder / 'whole')})
    return histories.read_tree(folder / 'whole')


def write_tree(folder: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


def written(folder: Path, before: histories.Stamps) -> set[str]:
    now = histories.stamps(folder)
    return {path for path in now if now[path] != before.get(path)}


@pytest.mark.parametrize(
    'options', ({}, {'strict': True}, {'site_url': 'https://x.example.com/'}),
)
def test_a_build_that_changes_nothing_writes_nothing(
        tmp_path: Path, options: dict[str, Any],
) -> None:
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
def test_what_does_not_matter_is_not_written_either(
        tmp_path: Path, again: dict[str, Any],
) -> None:
    """Another order, a line twice, or the same list as the previous one."""
    run(tmp_path)
    before = histories.age(tmp_path / 'out')
    if again.pop('previous', False):
        again['previous_package_list_json'] = str(tmp_path / 'out/packages.json')
    report = run(tmp_path, **again)
    assert report[2:5] == (0, 0, 0)
    # Where the lines stand is worth remembering: the next build meets them sooner.
    own = {store.STATE, store.CHUNKS}
    assert written(tmp_path / 'out', before) <= own
    before = histories.age(tmp_path / 'out')
    assert run(tmp_path, **again)[2:5] == (0, 0, 0)
    assert histories.stamps(tmp_path / 'out') == before


@pytest.mark.parametrize('lines', (LINES, LINES[::-1]))
def test_that_nothing_changed_is_noticed_before_jinja_is_imported(
        tmp_path: Path, lines: tuple[str, ...],
) -> None:
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


def test_a_creation_time_alone_is_no_reason_to_write(tmp_path: Path) -> None:
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
def test_the_same_bytes_are_another_list_when_read_in_another_way(
        tmp_path: Path, before: str, now: str,
) -> None:
    (tmp_path / 'list').write_text('foo-1.0.zip\n{"filename": "bar-1.0.zip"}\n')

    def read_as(form: str, folder: str) -> Report:
        given: dict[str, Any] = {form: str(tmp_path / 'list')}
        return build(
            **given, output_dir=str(tmp_path / folder), packages_url='../../pool/',
            allow_shrink=True,
        )

    read_as(before, 'out')
    assert read_as(now, 'out').notices == read_as(now, 'whole').notices
    assert tree(tmp_path) == histories.read_tree(tmp_path / 'whole')


@pytest.mark.parametrize('previous', (None, 'list'))
def test_progress_goes_from_nothing_to_all(tmp_path: Path, previous: str | None) -> None:
    """In a first build, one of a file more, and one that has to read its list twice."""
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


def test_only_pages_of_what_changed_are_rendered(tmp_path: Path) -> None:
    run(tmp_path)
    before = histories.age(tmp_path / 'out')
    report = run(tmp_path, (*LINES[:2], '{"filename": "bar-1.0.zip", "size": 5}'))
    assert {path for path in written(tmp_path / 'out', before) if path[0] != '.'} == {
        'packages.json', 'pypi/bar/1.0/json', 'pypi/bar/json', 'project/bar/index.html',
        'simple/bar/index.html', 'simple/bar/index.json',
    }
    assert report.written == 6


def test_a_fresh_folder_gets_only_what_differs_from_the_previous_list(tmp_path: Path) -> None:
    run(tmp_path)
    run(
        tmp_path, (*LINES, '{"filename": "new-1.0.zip"}'), output_dir=str(tmp_path / 'fresh'),
        previous_package_list_json=str(tmp_path / 'out/packages.json'),
    )
    pages = histories.read_tree(tmp_path / 'fresh')
    assert {path for path in pages if not path.startswith('static/')} == {
        'simple/new/index.html', 'simple/new/index.json', 'project/new/index.html',
        'pypi/new/json', 'pypi/new/1.0/json', 'changelog/undated.html', 'changelog/index.html',
        'simple/index.html', 'simple/index.json', 'index.html', 'packages.json',
    }


@pytest.mark.parametrize('site_url', (None, 'https://x.example.com/'))
@pytest.mark.parametrize('state_of_old', (None, '', '{', '[]', '{"shape": "of version 0"}'))
def test_an_index_with_no_state_that_can_be_read_is_taken_over(
        tmp_path: Path, state_of_old: str | None, site_url: str | None,
) -> None:
    mine = dict.fromkeys(histories.FOREIGN, 'mine')
    write_tree(tmp_path / 'out', {**TREE_OF_1_X, **mine})
    if state_of_old is not None:
        write_tree(tmp_path / 'out', {store.STATE: state_of_old})
    run(tmp_path, site_url=site_url)
    assert tree(tmp_path) == {
        **whole_tree(tmp_path, site_url=site_url),
        **dict.fromkeys(mine, b'mine'),
    }
    assert not histories.empty_folders(tmp_path / 'out')


@pytest.mark.parametrize('lines', (LINES, ()))
@pytest.mark.parametrize('damage', (None, '', '{', '[]', '{"shape": "of version 0"}'))
def test_a_state_that_is_lost_leaves_no_page_behind(
        tmp_path: Path, damage: str | None, lines: tuple[str, ...],
) -> None:
    run(tmp_path, lines, site_url='https://x.example.com/')
    (tmp_path / 'out' / store.STATE).unlink()
    if damage is not None:
        write_tree(tmp_path / 'out', {store.STATE: damage})
    run(tmp_path, LINES[1:])
    assert tree(tmp_path) == whole_tree(tmp_path, LINES[1:])


@pytest.mark.parametrize('edit', (None, b'', b'edited'))
def test_full_mends_every_page(tmp_path: Path, edit: bytes | None) -> None:
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


def test_whoever_deletes_all_pages_gets_them_again(tmp_path: Path) -> None:
    """With `rm -r out/*`, which leaves hidden folders, and the state in one of them."""
    run(tmp_path)
    good = tree(tmp_path)
    for lines in (LINES, (*LINES, '{"filename": "new-1.0.zip"}')):
        for place in (tmp_path / 'out').glob('[!.]*'):
            shutil.rmtree(place) if place.is_dir() else place.unlink()
        run(tmp_path, lines)
        assert tree(tmp_path) == whole_tree(tmp_path, lines)
    assert good.keys() < tree(tmp_path).keys()


def test_full_renders_again_and_writes_nothing_that_is_the_same(tmp_path: Path) -> None:
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
def test_a_changed_option_renders_everything_again(
        tmp_path: Path, options: dict[str, Any],
) -> None:
    run(tmp_path)
    run(tmp_path, **options)
    assert tree(tmp_path) == whole_tree(tmp_path, **options)
    run(tmp_path)
    assert tree(tmp_path) == whole_tree(tmp_path)


def test_a_template_that_comes_changes_or_goes_renders_everything_again(tmp_path: Path) -> None:
    """A template of one page may be used in any other."""
    options: dict[str, Any] = {'template_dir': str(tmp_path / 'templates')}
    (tmp_path / 'templates').mkdir()
    run(tmp_path, **options)
    for text in ('One {{ project }}', 'Two {{ project }}', None):
        (tmp_path / 'templates/project.html').unlink(missing_ok=True)
        if text is not None:
            (tmp_path / 'templates/project.html').write_text(text)
        assert run(tmp_path, **options).written == 2
        assert tree(tmp_path) == whole_tree(tmp_path, **options)


def test_another_version_of_the_program_renders_everything_again(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    run(tmp_path)
    good = tree(tmp_path)
    (tmp_path / 'out/simple/foo/index.html').write_text('of an old version')
    assert run(tmp_path).written == 0
    monkeypatch.setattr(stamp, '_LIBRARIES', ('jinja2',))
    assert run(tmp_path).written == 1
    assert tree(tmp_path) == good


def test_templates_in_circles_of_links_are_read_once(tmp_path: Path) -> None:
    """A link that comes is a change all the same."""
    templates = tmp_path / 'templates'
    templates.mkdir()
    shapes = set()
    for name in ('one', 'two', 'three'):
        (templates / name).symlink_to('.')
        run(tmp_path, template_dir=str(templates))
        shapes.add((tmp_path / 'out' / store.STATE).read_bytes())
    assert len(shapes) == 3

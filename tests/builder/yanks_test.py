"""Files that the project list yanks: what every page shows of them, and which builds notice."""
from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import InvalidVersion, Version

from dumb_pypi.builder.check import check
from dumb_pypi.builder.report import Report
from dumb_pypi.model.project_facts import release_key
from dumb_pypi.pages import paths
from tests.support import histories
from tests.support.small_builds import full_tree, run, tree

JANUARY, FEBRUARY, MARCH = 1704103200, 1706781600, 1709287200


def line(filename: str, *requirements: str, **facts: object) -> str:
    return json.dumps({'filename': filename, 'requires_dist': requirements, **facts})


LINES = (
    line('app-1.0.zip', 'old', upload_timestamp=JANUARY),
    line('app-2.0.zip', 'new', upload_timestamp=FEBRUARY),
    line('app-2.0-py3-none-any.whl', 'new', upload_timestamp=MARCH),
    line('new-1.0.zip', upload_timestamp=MARCH, yanked_reason='from the list'),
    line('old-1.0.zip', upload_timestamp=MARCH), line('app.zip'),
)
YANK = {'name': 'app', 'version': '2', 'yanked_reason': 'bad & broken'}


def facts(folder: Path, *lines: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a build with these facts."""
    return {
        'project_list_json': histories.write_lines(folder / 'facts', [*map(json.dumps, lines)]),
        'site_url': 'https://example.com/',
    }


def yanked_in(pages: dict[str, bytes], project: str) -> dict[str, bool | str]:
    files = json.loads(pages[f'simple/{project}/index.json'])['files']
    return {file['filename']: file.get('yanked', False) for file in files}


def build_with(folder: Path, *lines: dict[str, Any]) -> tuple[Report, dict[str, bytes]]:
    report = run(folder, LINES, **facts(folder, *lines))
    return report, tree(folder)


def test_release_is_yanked_everywhere(tmp_path: Path) -> None:
    """Every page about a yanked release says so, as if the list said it of each of its files."""
    listed = tuple(
        line.replace('"requires_dist"', '"yanked_reason": "bad & broken", "requires_dist"')
        if 'app-2.0' in line else line for line in LINES
    )
    options = facts(tmp_path, YANK)
    report, pages = build_with(tmp_path, YANK)
    assert report.notices == []
    expected = full_tree(tmp_path, listed, site_url=options['site_url'])
    # The list of the next build says what this build's list said.
    assert b'bad' not in pages.pop(paths.PACKAGES_JSON)
    del expected[paths.PACKAGES_JSON]
    assert pages == expected
    assert json.loads(pages['pypi/app/json'])['info']['version'] == '1.0'
    assert b'yanked' in pages['changelog/2024-02.html']


def test_file_is_yanked_alone(tmp_path: Path) -> None:
    """A fact about a file leaves the others of its release; files without a version have it too."""
    _, pages = build_with(
        tmp_path, {'name': 'app', 'filename': 'app-2.0.zip', 'yanked_reason': ''},
        {'name': 'app', 'filename': 'app.zip', 'yanked_reason': 'x'},
    )
    assert yanked_in(pages, 'app') == {
        'app-1.0.zip': False, 'app-2.0-py3-none-any.whl': False, 'app-2.0.zip': True,
        'app.zip': 'x',
    }
    assert json.loads(pages['pypi/app/json'])['info']['version'] == '2.0'


def test_false_lifts_a_yank(tmp_path: Path) -> None:
    """False says that a file is not yanked, whatever the list says; null says nothing."""
    new = {'name': 'new', 'version': '1.0'}
    _, pages = build_with(tmp_path, {**new, 'yanked_reason': None})
    assert yanked_in(pages, 'new') == {'new-1.0.zip': 'from the list'}
    _, pages = build_with(tmp_path, {**new, 'yanked_reason': False})
    assert yanked_in(pages, 'new') == {'new-1.0.zip': False}
    assert b'yanked' not in pages['changelog/2024-03.html']
    assert pages == full_tree(tmp_path, LINES, **facts(tmp_path, {**new, 'yanked_reason': False}))


def test_changed_yanks_change_pages(tmp_path: Path) -> None:
    """A build that gets other facts leaves the tree of a full build, dependents included."""
    build_with(tmp_path)
    for lines in (
            (YANK,), ({**YANK, 'version': '1.0.0'},), (),
            (YANK, {'name': 'app', 'filename': 'app-2.0.zip', 'yanked_reason': False}),
    ):
        report, pages = build_with(tmp_path, *lines)
        assert report.written
        assert pages == full_tree(tmp_path, LINES, **facts(tmp_path, *lines))
        assert not check(str(tmp_path / 'out')).differences
        report, _ = build_with(tmp_path, *lines)
        assert (report.written, report.deleted) == (0, 0)


@pytest.mark.parametrize('lines', (LINES, LINES[3:]))
def test_new_folder_gets_changed_yanks(tmp_path: Path, lines: tuple[str, ...]) -> None:
    """A build that compares with a previous list renders all pages that yanks may have changed."""
    _, live = build_with(tmp_path, {**YANK, 'version': '1.0'})
    previous = shutil.copy(tmp_path / 'out/packages.json', tmp_path / 'previous')
    shutil.rmtree(tmp_path / 'out')
    options = facts(tmp_path, YANK)
    run(
        tmp_path, lines, **options, previous_package_list_json=previous, allow_shrink=True,
        changes_file=str(tmp_path / 'changes'),
    )
    changes = map(json.loads, (tmp_path / 'changes').read_text().splitlines())
    for change in changes:
        if change['action'] == 'delete':
            live.pop(change['path'], None)
    assert live | tree(tmp_path) == full_tree(tmp_path, lines, **options)


def test_unused_yank_is_reported(tmp_path: Path) -> None:
    """A release, file or project that is not in the list has one notice; its line is kept."""
    report, _ = build_with(
        tmp_path, {**YANK, 'version': '3.0'},
        {'name': 'app', 'filename': 'APP-2.0.zip', 'yanked_reason': ''},
        {'name': 'gone', 'version': '1', 'yanked_reason': ''},
        {'name': 'app', 'version': '1', 'yanked_reason': ''},
    )
    place = tmp_path / 'facts'
    assert [str(notice) for notice in report.notices] == [
        (f"{place}:1: version '3.0' of project app is not in the package list, so what this line "
        'says is not shown'),
        (f"{place}:2: filename 'APP-2.0.zip' of project app is not in the package list, so what "
        'this line says is not shown'),
        f'{place}:3: project gone is not in the package list, so what this line says is not shown',
    ]
    assert not any(notice.skipped for notice in report.notices)


def test_yank_in_one_of_two_projects(tmp_path: Path) -> None:
    """A file name that two projects have is yanked for the project that the line names."""
    lines = tuple(
        line('x-1.zip', upload_timestamp=MARCH, name=name) for name in ('a', 'b')
    )
    run(tmp_path, lines, **facts(
        tmp_path, {'name': 'a', 'filename': 'x-1.zip', 'yanked_reason': ''},
    ))
    assert yanked_in(tree(tmp_path), 'a') == {'x-1.zip': True}
    assert yanked_in(tree(tmp_path), 'b') == {'x-1.zip': False}
    assert tree(tmp_path)['changelog/2024-03.html'].count(b'tag warn') == 1


VERSIONS = st.sampled_from((
    '1', '1.0', '1.0.0', '01.0', '1!1', 'v1.0', '1.0a1', '1.0.alpha-1', '1.0-1', '1.0_1',
    '1.0.post1', '1.0+a.1', '1.0+A_01', '1.0+a', '1.0.dev0', '1.0.dev', '2011b', '2011B', '1.0.x',
))


@given(VERSIONS, VERSIONS)
def test_release_key_is_that_of_files(one: str, other: str) -> None:
    """Two versions have the same key exactly if their files are one release."""
    def parsed(text: str) -> Version | str:
        try:
            return Version(text.replace('_', '-'))
        except InvalidVersion:
            return text.replace('_', '-')
    assert (release_key(one) == release_key(other)) == (parsed(one) == parsed(other))

"""Pages of dependents: which builds write them, and what they show."""
from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from dumb_pypi import store
from dumb_pypi.builder import dependents
from dumb_pypi.builder.check import check
from dumb_pypi.pages import paths
from tests.support.changes_file import read_changes, record_writes
from tests.support.small_builds import full_tree, run, tree


def line(filename: str, *requirements: str, **facts: object) -> str:
    return json.dumps({'filename': filename, 'requires_dist': requirements, **facts})


LINES = (
    line('app-1.0.zip', 'lib', 'missing', 'app[x]'), line('app-0.9.zip', 'old'),
    line('cli-1.0.zip', 'LIB>1', 'old; extra == "x"'),
    line('lib-1.0.zip'), line('old-1.0.zip'),
)


def names_on(folder: Path, project: str) -> list[str]:
    page = folder / 'out' / paths.dependents(project)
    return re.findall(r'<li><a (?:class="[^"]*" )?href="[./]*/project/([^/]*)/">', page.read_text())


def dependents_written(
        folder: Path, lines: Sequence[str], monkeypatch: pytest.MonkeyPatch, **options: Any,
) -> list[str]:
    """Build; return the projects whose pages of dependents were written."""
    written: list[str] = []
    with monkeypatch.context() as patch:
        record_writes(patch, lambda path, _: written.append(path))
        run(folder, tuple(lines), jobs=1, **options)
    return [path.split('/')[1] for path in written if path.endswith('/dependents/index.html')]


def test_dependents_are_listed(tmp_path: Path) -> None:
    """A page names the projects whose latest release requires its project, but not that itself."""
    run(tmp_path, LINES)
    assert [names_on(tmp_path, name) for name in ('app', 'cli', 'lib', 'old')] == [
        [], [], ['app', 'cli'], ['cli'],
    ]
    assert not (tmp_path / 'out/project/missing').exists()


def test_many_dependents_are_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page has a bounded number of names, and says how many others there are."""
    monkeypatch.setattr(dependents, 'MOST_SHOWN', 3)
    run(tmp_path, (*(line(f'p{number}-1.0.zip', 'lib') for number in range(5)), LINES[3]))
    assert names_on(tmp_path, 'lib') == ['p0', 'p1', 'p2']
    text = (tmp_path / 'out' / paths.dependents('lib')).read_text()
    assert 'Used by 5 projects' in text
    assert 'And 2 more.' in text


@pytest.mark.parametrize(('lines', 'written'), (
    # Nothing about requirements changes.
    ((*LINES, line('lib-2.0.zip')), []),
    ((*LINES, line('app-1.1.zip', 'lib')), []),
    ((*LINES[1:], line('app-1.0.zip', 'lib', 'gone', size=1)), []),
    # A new page is written without names first.
    ((*LINES, line('new-1.0.zip')), ['new']),
    ((*LINES, line('missing-1.0.zip')), ['missing', 'missing']),
    # The latest release counts.
    ((*LINES, line('app-2.0.zip', 'old')), ['lib', 'old']),
    ((*LINES[1:], line('app-1.0.zip', 'lib', yanked_reason='')), ['lib', 'old']),
    (LINES[1:], ['lib', 'old']),
    # Projects come and go.
    (LINES[2:], ['lib']),
    ((*LINES[:2], *LINES[3:]), ['lib', 'old']),
    ((*LINES, line('new-1.0.zip', 'new', 'cli')), ['new', 'cli']),
    (LINES[:3], []),
))
def test_changed_pages_are_written(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: tuple[str, ...],
        written: list[str],
) -> None:
    """Only pages whose names change are written, and the tree is that of a full build."""
    run(tmp_path, LINES)
    before = tree(tmp_path)
    assert sorted(dependents_written(tmp_path, lines, monkeypatch)) == sorted(written)
    assert tree(tmp_path) == full_tree(tmp_path, lines)
    unchanged = {path for path in before if path.endswith('/dependents/index.html')} - {
        paths.dependents(name) for name in written
    }
    after = tree(tmp_path)
    assert all(after[path] == before[path] for path in unchanged & after.keys())
    assert not check(str(tmp_path / 'out')).differences


def test_pending_names_changed_dependents(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before a page of dependents changes, its project is pending, as are all others."""
    run(tmp_path, LINES)
    pending: dict[str, set[str]] = {}

    def record(path: str, _: bytes) -> None:
        content = (tmp_path / 'out' / store.PENDING).read_bytes().partition(b' ')[2]
        pending[path] = {*json.loads(content)[0]}

    record_writes(monkeypatch, record)
    run(tmp_path, (*LINES, line('app-2.0.zip', 'old')), jobs=1)
    assert pending[paths.project_page('app')] == {'app'}
    assert pending[paths.dependents('lib')] == {'app', 'lib', 'old'}


def test_new_folder_gets_changed_dependents(tmp_path: Path) -> None:
    """A new folder gets the pages of dependents that differ from those of the previous list."""
    run(tmp_path, LINES)
    previous = shutil.copy(tmp_path / 'out/packages.json', tmp_path / 'previous')
    live = tree(tmp_path)
    shutil.rmtree(tmp_path / 'out')
    lines = (*LINES, line('cli-2.0.zip', 'app'))
    changes = tmp_path / 'changes'
    run(tmp_path, lines, previous_package_list_json=previous, changes_file=str(changes))
    pages = tree(tmp_path)
    assert {path for path in pages if path.startswith('project/')} == {
        'project/cli/index.html',
        *(paths.dependents(name) for name in ('app', 'cli', 'lib', 'old')),
    }
    assert {**live, **pages} == full_tree(tmp_path, lines)
    # The folder remembers pages of projects that have no other page in it.
    assert not check(str(tmp_path / 'out')).differences
    (tmp_path / 'out' / paths.dependents('lib')).unlink()
    assert [difference.path for difference in check(str(tmp_path / 'out')).differences] == [
        paths.dependents('lib'),
    ]
    without_lib = (*lines[:3], *lines[4:])
    run(tmp_path, without_lib)
    assert tree(tmp_path) == full_tree(tmp_path, without_lib)


def test_new_folder_follows_other_builds(tmp_path: Path) -> None:
    """A folder without all projects does not trust its pages of dependents."""
    lists = [LINES, (*LINES, line('cli-2.0.zip', 'app')), (*LINES, line('cli-3.0.zip'))]
    previous: list[str] = []
    for lines in lists:
        full_tree(tmp_path, lines)
        previous.append(shutil.copy(
            tmp_path / 'full/packages.json', str(tmp_path / f'previous{len(previous)}'),
        ))
    run(tmp_path, lists[1], previous_package_list_json=previous[0])
    # Another folder changed the live site meanwhile.
    lines = (*lists[2], line('app-2.0.zip'))
    run(tmp_path, lines, previous_package_list_json=previous[2])
    pages, full = tree(tmp_path), full_tree(tmp_path, lines)
    assert [path for path in pages if pages[path] != full[path]] == []


def test_earlier_version_gets_links_last(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An index without the new kinds of pages gets them before the pages that link to them."""
    run(tmp_path, LINES)
    out = tmp_path / 'out'
    shutil.rmtree(out / store.OWN_FOLDER)
    shutil.rmtree(out / 'projects')
    for project in ('app', 'lib'):
        shutil.rmtree(out / 'project' / project / 'dependents')
    (out / 'project/app/dependents').mkdir()
    (out / 'project/app/dependents/mine').write_text('mine')
    for page in out.glob('project/*/index.html'):
        page.write_text('of an earlier version')
    written: list[str] = []
    record_writes(monkeypatch, lambda path, _: written.append(path))
    run(tmp_path, LINES, jobs=1)
    pages = [path for path in written if path.startswith('project')]
    assert pages[0] == paths.PROJECTS
    for project in ('app', 'lib'):
        index = pages.index(paths.project_page(project))
        assert paths.dependents(project) in pages[:index]
    for project in ('cli', 'old'):
        index = pages.index(paths.project_page(project))
        assert paths.dependents(project) not in pages[:index]
    (out / 'project/app/dependents/mine').unlink()
    assert tree(tmp_path) == full_tree(tmp_path, LINES)


def test_page_written_twice_counts_once(tmp_path: Path) -> None:
    """A report counts pages, even if a build writes a page, or a month, first without its links."""
    changes = tmp_path / 'changes'
    months = [1704103200, 1706781600, 1709287200]
    more = [line(f'new{at}-1.0.zip', 'lib', upload_timestamp=at) for at in months]
    for lines, options in (
        (LINES, {}), ((*LINES, *more), {}),
        ((*LINES[1:], *more), {'site_url': 'https://example.com/', 'precompress': True}),
    ):
        before = tree(tmp_path)
        report = run(tmp_path, lines, changes_file=str(changes), **options)
        written = [
            change['path'] for change in read_changes(changes)
            if change['action'] == 'write' and not change['path'].endswith('.gz')
        ]
        assert len(written) > len({*written}) == report.written
        pages = {path for path in tree(tmp_path) if not path.endswith('.gz')}
        assert report.written + report.unchanged <= len(pages)
        assert before or report.written == len(pages)

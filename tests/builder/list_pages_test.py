"""Builds render only the pages of the list of projects that changed."""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from dumb_pypi import build
from dumb_pypi.builder import render
from dumb_pypi.pages import project_list, summaries
from dumb_pypi.pages.project_list import ListPage
from dumb_pypi.pages.summaries import ProjectSummary
from dumb_pypi.pages.web import Web
from tests.support.trees import pages_in

Lines = Mapping[str, str | None]


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each letter pages of at most two projects; the overview has two of each kind."""
    monkeypatch.setattr(project_list, 'PROJECTS_ON_ONE_PAGE', 4)
    monkeypatch.setattr(project_list, 'PROJECTS_A_PAGE', 2)
    monkeypatch.setattr(summaries, 'RECENT_PROJECTS', 2)
    monkeypatch.setattr(render, 'MOST_USED_PROJECTS', 2)


def run(
        folder: Path, lines: Lines, statuses: Lines | None = None, requires: Lines | None = None,
) -> set[str]:
    """Build an index of files, with their summaries; return the pages of the list that changed.

    `requires` has the project that a file requires.
    """
    folder.mkdir(exist_ok=True)
    (folder / 'list').write_text(''.join(
        json.dumps({
            'filename': name, 'upload_timestamp': 0, 'summary': summary,
            'requires_dist': [required] if (required := (requires or {}).get(name)) else None,
        }) + '\n' for name, summary in lines.items()
    ))
    (folder / 'projects').write_text(''.join(
        json.dumps({'name': name, 'status': status}) + '\n'
        for name, status in (statuses or {}).items()
    ))
    build(
        package_list_json=folder / 'list', project_list_json=folder / 'projects',
        packages_url='../../pool/', output_dir=folder / 'out', changes_file=folder / 'changes',
        jobs=1, allow_shrink=True,
    )
    changed = (json.loads(line)['path'] for line in (folder / 'changes').read_text().splitlines())
    return {path.removeprefix('projects/') for path in changed if path.startswith('projects/')}


BEFORE: Lines = dict.fromkeys((
    'a1-1.zip', 'a2-1.zip', 'a3-1.zip', 'a4-1.zip', 'b1-1.zip', 'b2-1.zip', '0-1.zip',
))
FIRST_PAGES = {'0-9.html', 'a.html', 'a-2.html', 'b.html', 'index.html'}


@pytest.mark.parametrize(('after', 'statuses', 'changed'), (
    # A new release, and a new summary.
    ({**BEFORE, 'a3-2.zip': None}, {}, {'a-2.html'}),
    ({**BEFORE, 'a1-1.zip': 'Does it.'}, {}, {'a.html'}),
    # Of projects with the same date, the first page shows b2 and b1.
    ({**BEFORE, 'b1-1.zip': 'Does it.'}, {}, {'b.html', 'index.html'}),
    (BEFORE, {'b2': 'quarantined'}, {'b.html', 'index.html'}),
    # A file that the list does not show.
    ({**BEFORE, 'b1-0.9.zip': None}, {}, set()),
    (BEFORE, {'a1': 'deprecated'}, {'a.html'}),
    # A new project on the last page of its letter; one that needs a new page; a new letter.
    ({**BEFORE, '9-1.zip': None}, {}, {'0-9.html', 'index.html'}),
    ({**BEFORE, 'b3-1.zip': None}, {}, {'b.html', 'b-2.html', 'index.html'}),
    ({**BEFORE, 'c-1.zip': None}, {}, {*FIRST_PAGES, 'c.html'}),
    # A project that was removed, with its page; all of a letter; so many that one page is left.
    ({name: None for name in BEFORE if name[:2] != 'b2'}, {}, {'b.html', 'index.html'}),
    ({name: None for name in BEFORE if name[0] != 'b'}, {}, FIRST_PAGES),
    ({name: None for name in BEFORE if name[0] == 'a'}, {}, FIRST_PAGES),
    (BEFORE, {}, set()),
))
def test_changed_list_pages(
        tmp_path: Path, after: Lines, statuses: Lines, changed: set[str],
) -> None:
    """A build writes or deletes these pages only, and the result equals a full build."""
    assert run(tmp_path / 'tree', BEFORE) == FIRST_PAGES
    assert run(tmp_path / 'tree', after, statuses) == changed
    run(tmp_path / 'full', after, statuses)
    assert pages_in(tmp_path / 'tree/out') == pages_in(tmp_path / 'full/out')


@pytest.mark.parametrize(('before', 'after', 'changed'), (
    ({}, {'a1-1.zip': 'a3'}, {'a-2.html', 'index.html'}),
    ({'a1-1.zip': 'a3'}, {}, {'a-2.html', 'index.html'}),
    ({'a1-1.zip': 'a3'}, {'a1-1.zip': 'b1'}, {'a-2.html', 'b.html', 'index.html'}),
    ({'a1-1.zip': 'a3'}, {'a1-1.zip': 'a3', '0-1.zip': 'a3'}, {'a-2.html', 'index.html'}),
    # Not in the index.
    ({'a1-1.zip': 'c'}, {}, set()),
))
def test_dependents_change_list_pages(
        tmp_path: Path, before: Lines, after: Lines, changed: set[str],
) -> None:
    """If a release requires other projects, pages that show the number of dependents change."""
    run(tmp_path / 'tree', BEFORE, requires=before)
    assert run(tmp_path / 'tree', BEFORE, requires=after) == changed
    run(tmp_path / 'full', BEFORE, requires=after)
    assert pages_in(tmp_path / 'tree/out') == pages_in(tmp_path / 'full/out')


def test_only_changed_pages_are_rendered(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A build does not even render other pages, which would take long in a large index."""
    run(tmp_path / 'tree', BEFORE)
    rendered: list[str] = []
    original = Web.project_list

    def project_list(
            self: Web, page: ListPage, projects: Sequence[ProjectSummary],
            most_used: Sequence[ProjectSummary],
    ) -> bytes:
        rendered.append(page.path)
        return original(self, page, projects, most_used)

    monkeypatch.setattr(Web, 'project_list', project_list)
    run(tmp_path / 'tree', {**BEFORE, 'a3-2.zip': None})
    assert rendered == ['projects/a-2.html']

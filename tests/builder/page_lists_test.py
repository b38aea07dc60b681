"""Pages whose number depends on the list: release pages, and the list of projects."""
from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from dumb_pypi import store
from dumb_pypi.builder import state
from dumb_pypi.builder.check import check
from dumb_pypi.pages import paths
from dumb_pypi.pages.project_list import ListPage
from dumb_pypi.pages.site import Page, Site
from dumb_pypi.pages.summaries import ProjectSummary
from tests.support.changes_file import read_changes, record_writes
from tests.support.small_builds import full_tree, run, tree
from tests.support.small_pages import make_pages_small

RELEASES = tuple(f'{{"filename": "foo-{number}.0.zip"}}' for number in range(9))
OTHER = ('{"filename": "bar-1.0.zip"}',)


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    make_pages_small(monkeypatch.setattr)


def release_pages(folder: Path) -> list[str]:
    return sorted(path for path in tree(folder) if path.startswith('project/foo/releases-'))


def damage_nothing(out: Path) -> None:
    del out


def lose_state(out: Path) -> None:
    shutil.rmtree(out / store.OWN_FOLDER)


def lose_project_page(out: Path) -> None:
    """Leave nothing but release pages, so that only they show that the project was there."""
    for folder in ('simple/foo', 'pypi/foo', 'project/foo/dependents'):
        shutil.rmtree(out / folder)
    (out / 'project/foo/index.html').unlink()
    lose_state(out)


def add_pending(out: Path) -> None:
    """An interrupted build began to change the project, of which there are more pages."""
    pending = out / store.PENDING
    pending.write_text('damaged')
    (out / 'project/foo/releases-9.html').write_text('unknown')


@pytest.mark.parametrize('damage', (damage_nothing, lose_state, lose_project_page, add_pending))
@pytest.mark.parametrize('lines', (RELEASES, RELEASES[:5], RELEASES[5:], RELEASES[:1], OTHER))
def test_stale_release_pages_are_deleted(
        tmp_path: Path, damage: object, lines: tuple[str, ...],
) -> None:
    """Whatever the build remembers, no release page remains that a full build would not write."""
    assert callable(damage)
    run(tmp_path, RELEASES)
    assert len(release_pages(tmp_path)) == 3
    damage(tmp_path / 'out')
    run(tmp_path, lines, full=damage is lose_project_page, allow_shrink=True)
    assert tree(tmp_path) == full_tree(tmp_path, lines)
    assert not check(str(tmp_path / 'out')).differences


@pytest.mark.parametrize(('lines', 'deleted'), (
    (RELEASES[:5], ['project/foo/releases-3.html', 'project/foo/releases-2.html']),
    (OTHER, [f'project/foo/releases-{number}.html' for number in (3, 2, 1)]),
))
def test_published_release_pages_are_deleted(
        tmp_path: Path, lines: tuple[str, ...], deleted: list[str],
) -> None:
    """A build into a new folder reports the release pages that only the live site has."""
    run(tmp_path, RELEASES)
    previous = shutil.copy(tmp_path / 'out/packages.json', str(tmp_path / 'previous'))
    shutil.rmtree(tmp_path / 'out')
    changes = tmp_path / 'changes'
    run(
        tmp_path, lines, previous_package_list_json=previous, changes_file=str(changes),
        allow_shrink=True,
    )
    assert [
        change['path'] for change in read_changes(changes)
        if change['action'] == 'delete' and '/releases-' in change['path']
    ] == deleted


def test_new_release_writes_few_pages(tmp_path: Path) -> None:
    """Release pages that are full stay as they are."""
    run(tmp_path, RELEASES[:8])
    changes = tmp_path / 'changes'
    for number in (9, 8):
        run(tmp_path, RELEASES[:number], changes_file=str(changes))
        assert not [
            change for change in read_changes(changes) if 'releases-' in change['path']
        ]
    run(tmp_path, (*RELEASES, '{"filename": "foo-9.0.zip"}'), changes_file=str(changes))
    assert [
        change['path'] for change in read_changes(changes) if 'releases-' in change['path']
    ] == ['project/foo/releases-4.html']


def test_unknown_release_pages_are_reported(tmp_path: Path) -> None:
    """`check` reports release pages that nobody wrote, and those that are missing."""
    run(tmp_path, RELEASES)
    folder = tmp_path / 'out/project/foo'
    (folder / 'releases-3.html').rename(folder / 'releases-4.html')
    (folder / 'releases-0.html').write_text('mine')
    assert [(difference.kind, difference.path[-15:]) for difference in check(
        str(tmp_path / 'out'),
    ).differences] == [('missing', 'releases-3.html'), ('unknown', 'releases-4.html')]


def line_of(project: str, **facts: object) -> str:
    return json.dumps({'filename': f'{project}-1.0.zip', **facts})


PROJECTS = tuple(map(line_of, ('a', 'a1', 'b', 'c', '1')))


@pytest.mark.parametrize(('lines', 'rendered'), (
    ((*PROJECTS[1:], line_of('a', summary='A')), {'projects/a.html'}),
    # A link to a new page is on all pages. It is written first, as all of its links have pages.
    ((*PROJECTS, line_of('d')), {
        'projects/index.html', 'projects/0-9.html', 'projects/d.html', 'projects/a.html',
        'projects/a-2.html', 'projects/b.html', 'projects/c.html',
    }),
    (PROJECTS[3:], {'projects/index.html'}),
))
def test_unchanged_list_pages_are_kept(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: tuple[str, ...],
        rendered: set[str],
) -> None:
    """Pages of the list of projects are rendered only if a project or a link on them changed."""
    found: list[str] = []
    list_page = Site.list_page

    def recorded(
            self: Site, page: ListPage, projects: list[ProjectSummary],
            most_used: list[ProjectSummary],
    ) -> Page:
        found.append(page.path)
        return list_page(self, page, projects, most_used)

    run(tmp_path, PROJECTS)
    with monkeypatch.context() as patch:
        patch.setattr(Site, 'list_page', recorded)
        run(tmp_path, lines, allow_shrink=True)
    assert {*found} == rendered
    assert len(found) == len(rendered)
    assert tree(tmp_path) == full_tree(tmp_path, lines)


def test_damaged_list_pages_are_restored(tmp_path: Path) -> None:
    """A page of the list of projects that somebody edited or deleted is written again."""
    run(tmp_path, PROJECTS)
    (tmp_path / 'out/projects/a.html').write_text('edited')
    (tmp_path / 'out/projects/b.html').unlink()
    run(tmp_path, PROJECTS)
    assert tree(tmp_path) == full_tree(tmp_path, PROJECTS)


def test_unreported_deletion_is_reported(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """If a build is killed at its end, the next one reports the list pages that it deleted."""
    def die(_: str) -> None:
        raise InterruptedError

    run(tmp_path, PROJECTS)
    with monkeypatch.context() as patch, pytest.raises(InterruptedError):
        patch.setattr(state, 'confirm', die)
        run(tmp_path, PROJECTS[:4])
    assert not (tmp_path / 'out/projects/0-9.html').exists()
    changes = tmp_path / 'changes'
    run(tmp_path, PROJECTS[:4], changes_file=str(changes))
    assert {'action': 'delete', 'path': 'projects/0-9.html'} in read_changes(changes)


def test_published_list_pages_are_deleted(tmp_path: Path) -> None:
    """A build into a new folder reports the pages of the list that only the live site has."""
    run(tmp_path, PROJECTS)
    previous = shutil.copy(tmp_path / 'out/packages.json', str(tmp_path / 'previous'))
    shutil.rmtree(tmp_path / 'out')
    changes = tmp_path / 'changes'
    run(
        tmp_path, PROJECTS[:3], previous_package_list_json=previous, changes_file=str(changes),
    )
    assert {
        change['path'] for change in read_changes(changes) if change['action'] == 'delete'
    } >= {'projects/c.html', 'projects/0-9.html'}
    assert paths.PROJECTS in tree(tmp_path)


def test_new_feeds_precede_links_to_them(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """When an index gets a public URL, feeds are there before any page links to them."""
    run(tmp_path, PROJECTS)
    written: list[str] = []
    with monkeypatch.context() as patch:
        record_writes(patch, lambda path, _: written.append(path))
        run(tmp_path, PROJECTS, site_url='https://example.com/', jobs=1)
    written = [path for path in written if not path.startswith('static/')]
    assert written[:2] == ['rss/updates.xml', 'rss/packages.xml']
    assert written[2].startswith('simple/1/')
    assert tree(tmp_path) == full_tree(tmp_path, PROJECTS, site_url='https://example.com/')

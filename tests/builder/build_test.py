"""A build by `build()`: its pages, their order, and what it refuses."""
from __future__ import annotations

import datetime
import json
import os
from pathlib import Path
from typing import Any

import pytest

from dumb_pypi.builder.report import Report
from dumb_pypi.errors import (
    EmptyListError,
    FileError,
    OptionError,
    RefusedError,
    UnusableListError,
)
from tests.support.changes_file import record_writes
from tests.support.small_builds import LINES, run, tree


def test_output_tree(tmp_path: Path) -> None:
    """A first build writes the documented tree and counts all of its pages."""
    report = run(tmp_path, site_url='https://example.com/')
    static = {f'static/{file.name}' for file in (tmp_path / 'out/static').iterdir()}
    assert len(static) == 8
    assert tree(tmp_path).keys() == {
        'index.html', 'packages.json', 'simple/index.html', 'simple/index.json',
        'simple/foo/index.html', 'simple/foo/index.json',
        'simple/bar/index.html', 'simple/bar/index.json',
        'project/foo/index.html', 'project/foo/dependents/index.html',
        'project/bar/index.html', 'project/bar/dependents/index.html',
        'projects/index.html', '404.html',
        'pypi/foo/json', 'pypi/foo/1.0/json', 'pypi/foo/2.0/json',
        'pypi/bar/json', 'pypi/bar/1.0/json',
        'changelog/index.html', 'changelog/2024-01.html', 'changelog/2024-02.html',
        'changelog/undated.html', 'rss/updates.xml', 'rss/packages.xml', *static,
    }
    assert report == Report(projects=2, files=3, written=33, unchanged=0, deleted=0, notices=[])


def test_omitted_pages(tmp_path: Path) -> None:
    """Without a site URL there are no feeds; the JSON API of releases can be turned off."""
    run(tmp_path, per_release_json=False)
    assert not {
        path for path in tree(tmp_path)
        if path.startswith('rss/') or path.endswith('.0/json')
    }


def test_empty_list(tmp_path: Path) -> None:
    """An empty list needs `allow_shrink`; then it gives an index without projects."""
    with pytest.raises(EmptyListError):
        run(tmp_path, ())
    assert not (tmp_path / 'out').exists()
    assert run(tmp_path, (), allow_shrink=True).projects == 0
    assert (tmp_path / 'out/packages.json').read_bytes() == b''
    simple = json.loads((tmp_path / 'out/simple/index.json').read_bytes())
    assert simple == {
        'meta': {'api-version': '1.4', '_last-serial': 0}, 'projects': [],
    }


def test_build_time_is_on_root_pages(tmp_path: Path) -> None:
    """Only the home page, the changelog and the project list show the build time, in UTC."""
    japan = datetime.timezone(datetime.timedelta(hours=9))
    generated = datetime.datetime(2026, 1, 2, 12, 4, 5, 678, tzinfo=japan)
    run(tmp_path)
    run(tmp_path, output_dir=str(tmp_path / 'dated'), generated=generated)
    assert {
        path for path in tree(tmp_path)
        if (tmp_path / 'out' / path).read_bytes() != (tmp_path / 'dated' / path).read_bytes()
    } == {'index.html', 'changelog/index.html', 'simple/index.html'}
    assert '>2026-01-02 03:04 UTC<' in (tmp_path / 'dated/index.html').read_text()
    assert 'content="2026-01-02T03:04:05Z"' in (tmp_path / 'dated/simple/index.html').read_text()


def test_linked_pages_are_written_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page is written after those it links to, and `packages.json` after all pages."""
    written: list[str] = []
    record_writes(monkeypatch, lambda path, _: written.append(path))
    run(tmp_path, site_url='https://example.com/')
    assert written[0].startswith('static/')
    assert written[-1] == 'packages.json'
    for linked, page in (
        ('project/foo/index.html', 'pypi/foo/json'),
        ('simple/foo/index.html', 'simple/index.html'),
        ('simple/foo/index.json', 'simple/index.json'),
        ('project/foo/index.html', 'changelog/2024-01.html'),
        ('changelog/2024-01.html', 'changelog/index.html'),
        ('changelog/undated.html', 'changelog/index.html'),
        ('rss/updates.xml', 'changelog/index.html'),
        ('changelog/index.html', 'index.html'),
        ('simple/index.html', 'index.html'),
    ):
        assert written.index(linked) < written.index(page)


def test_strict_refuses_skipped_lines(tmp_path: Path) -> None:
    """With `strict`, a bad line ends the build before it writes; a warning does not."""
    with pytest.raises(RefusedError) as caught:
        run(tmp_path, (*LINES, 'oops'), strict=True)
    assert [notice.line for notice in caught.value.notices] == [4]
    assert not (tmp_path / 'out').exists()
    report = run(tmp_path, (*LINES, '{"filename": "baz-1.0.zip", "x": 1}'), strict=True)
    assert [notice.skipped for notice in report.notices] == [False]


def test_project_facts_are_shown(tmp_path: Path) -> None:
    """Facts are shown on the project page; bad lines and unused facts are reported."""
    (tmp_path / 'projects').write_text(
        '{"name": "Foo", "status": "archived"}\n"oops"\n{"name": "qux"}\n',
    )
    report = run(tmp_path, project_list_json=str(tmp_path / 'projects'))
    simple = json.loads((tmp_path / 'out/simple/foo/index.json').read_bytes())
    assert simple['project-status'] == {'status': 'archived'}
    assert [str(notice) for notice in report.notices] == [
        f'{tmp_path}/projects:2: the line must be a JSON object',
        (f'{tmp_path}/projects:3: project qux is not in the package list, so what this line says '
         'is not shown'),
    ]


@pytest.mark.parametrize(
    'lists', (
        {'package_list': 'a', 'package_list_json': 'b'},
        {'package_list': None, 'package_list_json': None},
        {'package_list_json': '-', 'project_list_json': '-'},
        {'previous_package_list': 'a', 'previous_package_list_json': 'b'},
        {'package_list_json': '-', 'previous_package_list_json': '-'},
    ),
)
def test_invalid_combination_of_lists(tmp_path: Path, lists: dict[str, Any]) -> None:
    """One package list is required, and only one list can be standard input."""
    with pytest.raises(OptionError):
        run(tmp_path, **lists)


def test_missing_list_changes_nothing(tmp_path: Path) -> None:
    """If the list cannot be read, the index stays as it was."""
    run(tmp_path)
    before = {path: (tmp_path / 'out' / path).stat() for path in tree(tmp_path)}
    with pytest.raises(FileError, match='cannot read'):
        run(tmp_path, package_list_json=str(tmp_path / 'gone'))
    assert before == {path: (tmp_path / 'out' / path).stat() for path in tree(tmp_path)}


def test_unusable_previous_list_is_refused(tmp_path: Path) -> None:
    """A web page in place of the previous list is refused: every stale page would stay."""
    (tmp_path / 'previous').write_text('<h1>Not found</h1>\n')
    with pytest.raises(UnusableListError, match='/previous: it looks like an HTML page'):
        run(tmp_path, previous_package_list_json=str(tmp_path / 'previous'))


def test_unreadable_template_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A template directory that cannot be read is one message, with its path."""
    (tmp_path / 'templates').mkdir()
    monkeypatch.setattr(os, 'walk', refuse)
    with pytest.raises(FileError) as caught:
        run(tmp_path, template_dir=str(tmp_path / 'templates'))
    assert str(caught.value).startswith('cannot read /')
    assert str(caught.value).endswith(': Permission denied')


def refuse(top: str, **_: Any) -> None:
    raise PermissionError(13, 'Permission denied', top)

from __future__ import annotations

import datetime
import json
import os
from pathlib import Path
from typing import Any

import pytest

from dumb_pypi.builder import build, Report
from dumb_pypi.errors import FileError, OptionError, RefusedError
from tests.support.writes import note_writes

LINES = (
    '{"filename": "foo-1.0.zip", "upload_timestamp": 1704103200}',
    '{"filename": "foo-2.0.zip", "upload_timestamp": 1706781600}',
    '{"filename": "bar-1.0.zip"}',
)


def run(tmp_path: Path, lines: tuple[str, ...] = LINES, **options: Any) -> Report:
    (tmp_path / 'list').write_text(''.join(f'{line}\n' for line in lines))
    return build(**{
        'package_list_json': str(tmp_path / 'list'), 'packages_url': '../../pool/',
        'output_dir': str(tmp_path / 'out'), **options,
    })


def tree(folder: Path) -> set[str]:
    """The pages: all but the build's own files."""
    found = {str(path.relative_to(folder)) for path in folder.rglob('*') if path.is_file()}
    return {path for path in found if not path.startswith('.dumb-pypi/')}


def test_the_output_tree(tmp_path: Path) -> None:
    report = run(tmp_path, site_url='https://example.com/')
    static = {f'static/{file.name}' for file in (tmp_path / 'out/static').iterdir()}
    assert len(static) == 6
    assert tree(tmp_path / 'out') == {
        'index.html', 'packages.json', 'simple/index.html', 'simple/index.json',
        'simple/foo/index.html', 'simple/foo/index.json',
        'simple/bar/index.html', 'simple/bar/index.json',
        'project/foo/index.html', 'project/bar/index.html',
        'pypi/foo/json', 'pypi/foo/1.0/json', 'pypi/foo/2.0/json',
        'pypi/bar/json', 'pypi/bar/1.0/json',
        'changelog/index.html', 'changelog/2024-01.html', 'changelog/2024-02.html',
        'changelog/undated.html', 'rss/updates.xml', 'rss/packages.xml', *static,
    }
    assert report == Report(projects=2, files=3, written=27, unchanged=0, deleted=0, notices=[])


def test_what_options_leave_out(tmp_path: Path) -> None:
    run(tmp_path, per_release_json=False)
    assert not {
        path for path in tree(tmp_path / 'out')
        if path.startswith('rss/') or path.endswith('.0/json')
    }


def test_an_index_of_nothing(tmp_path: Path) -> None:
    assert run(tmp_path, ()).projects == 0
    assert (tmp_path / 'out/packages.json').read_bytes() == b''
    simple = json.loads((tmp_path / 'out/simple/index.json').read_bytes())
    assert simple == {'meta': {'api-version': '1.4'}, 'projects': []}


def test_the_time_of_creation_stands_on_root_pages_only(tmp_path: Path) -> None:
    generated = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    run(tmp_path)
    run(tmp_path, output_dir=str(tmp_path / 'dated'), generated=generated)
    assert {
        path for path in tree(tmp_path / 'out')
        if (tmp_path / 'out' / path).read_bytes() != (tmp_path / 'dated' / path).read_bytes()
    } == {'index.html', 'simple/index.html'}
    assert 'Generated 2026-01-02 03:04:05 UTC' in (tmp_path / 'dated/index.html').read_text()


def test_pages_come_before_those_that_link_to_them_and_the_list_last(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    written: list[str] = []
    note_writes(monkeypatch, lambda path, _: written.append(path))
    run(tmp_path, site_url='https://example.com/')
    assert written[0].startswith('static/')
    assert written[-1] == 'packages.json'
    for earlier, later in (
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
        assert written.index(earlier) < written.index(later)


def test_a_second_build_writes_nothing(tmp_path: Path) -> None:
    run(tmp_path)
    for path in tree(tmp_path / 'out'):
        os.utime(tmp_path / 'out' / path, (1, 1))
    assert run(tmp_path) == Report(2, 3, 0, 0, 0, [])
    assert {
        (tmp_path / 'out' / path).stat().st_mtime for path in tree(tmp_path / 'out')
    } == {1}


def test_a_strict_build_writes_all_or_nothing(tmp_path: Path) -> None:
    with pytest.raises(RefusedError) as caught:
        run(tmp_path, (*LINES, 'oops'), strict=True)
    assert [notice.line for notice in caught.value.notices] == [4]
    assert not (tmp_path / 'out').exists()
    # What is only odd costs no line its place.
    report = run(tmp_path, (*LINES, '{"filename": "baz-1.0.zip", "x": 1}'), strict=True)
    assert [notice.skipped for notice in report.notices] == [False]


def test_facts_about_projects_reach_their_pages(tmp_path: Path) -> None:
    (tmp_path / 'projects').write_text(
        '{"name": "Foo", "status": "archived"}\n"oops"\n{"name": "qux"}\n',
    )
    report = run(tmp_path, project_list_json=str(tmp_path / 'projects'))
    simple = json.loads((tmp_path / 'out/simple/foo/index.json').read_bytes())
    assert simple['project-status'] == {'status': 'archived'}
    assert [str(notice) for notice in report.notices] == [
        f'{tmp_path}/projects:2: the line is a text, not an object',
        f'{tmp_path}/projects:3: project qux has no file in the list',
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
def test_which_lists_there_can_be(tmp_path: Path, lists: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        run(tmp_path, **lists)


def test_a_list_that_is_gone_leaves_the_index_alone(tmp_path: Path) -> None:
    run(tmp_path)
    before = {path: (tmp_path / 'out' / path).stat() for path in tree(tmp_path / 'out')}
    with pytest.raises(FileError, match='cannot read'):
        run(tmp_path, package_list_json=str(tmp_path / 'gone'))
    assert before == {path: (tmp_path / 'out' / path).stat() for path in tree(tmp_path / 'out')}


def test_a_previous_list_that_is_none_is_told_of(tmp_path: Path) -> None:
    """An empty list would leave every stale page."""
    (tmp_path / 'previous').write_text('<h1>Not found</h1>\n')
    with pytest.raises(FileError, match=r'cannot read .*/previous: none of its lines can be used'):
        run(tmp_path, previous_package_list_json=str(tmp_path / 'previous'))


def test_a_template_that_cannot_be_read_is_told_of(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / 'templates').mkdir()
    monkeypatch.setattr(os, 'walk', refuse)
    with pytest.raises(FileError) as caught:
        run(tmp_path, template_dir=str(tmp_path / 'templates'))
    assert str(caught.value).startswith('cannot read /')
    assert str(caught.value).endswith(': Permission denied')


def refuse(top: str, **_: Any) -> None:
    raise PermissionError(13, 'Permission denied', top)

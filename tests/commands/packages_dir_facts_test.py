"""An index of a folder shows what the metadata of its latest releases says."""
from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dumb_pypi import build, scan, store
from dumb_pypi.builder import stamp as stamps
from dumb_pypi.scanner import projects
from dumb_pypi.store.folder_writer import Writer
from tests.support import histories
from tests.support.archives import MTIME, wheel


def put(pool: Path, name: str, version: str, *more: str, mtime: int = MTIME) -> Path:
    """Make a wheel."""
    pool.mkdir(exist_ok=True, parents=True)
    lines = ('Metadata-Version: 2.1', f'Name: {name}', f'Version: {version}', *more)
    place = pool / f'{name}-{version}-py3-none-any.whl'
    place.write_bytes(wheel(
        ''.join(f'{line}\n' for line in lines).encode(), f'{name}-{version}.dist-info',
    ))
    os.utime(place, (mtime, mtime))
    return place


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    """A folder inside the output directory, with two projects."""
    pool = tmp_path / 'index/pool'
    put(pool, 'foo', '1.0', 'Author: A', 'Keywords: old', 'Home-page: https://example.com/')
    put(pool, 'bar', '1.0', 'License-Expression: MIT', 'Keywords: kept', '', '# Bar')
    return pool


def run(pool: Path, **options: Any) -> Any:
    return build(**{'packages_dir': pool, 'output_dir': pool.parent, **options})


def info(pool: Path, project: str) -> dict[str, Any]:
    content = (pool.parent / f'pypi/{project}/json').read_bytes()
    found: dict[str, Any] = json.loads(content)['info']
    return found


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of known lines, a number for each time that projects are described."""
    found: list[int] = []
    describe = projects.describe_projects

    def count(lines: Any, files: Any, known: Any, **options: Any) -> projects.ProjectLines:
        found.append(len(known))
        return describe(lines, files, known, **options)

    monkeypatch.setattr(projects, 'describe_projects', count)
    return found


def test_facts_are_shown(pool: Path) -> None:
    """The JSON API has the metadata of the latest release, without a list of it."""
    assert run(pool).notices == []
    assert (info(pool, 'foo')['author'], info(pool, 'foo')['keywords']) == ('A', 'old')
    assert info(pool, 'bar')['license_expression'] == 'MIT'
    assert info(pool, 'bar')['description'] == '# Bar\n'
    put(pool, 'foo', '2.0', 'Keywords: new')
    run(pool)
    assert (info(pool, 'foo')['author'], info(pool, 'foo')['keywords']) == (None, 'new')


def test_folder_equals_its_two_lists(pool: Path, tmp_path: Path) -> None:
    """One command makes the index that scanning and building in two makes."""
    run(pool)
    found = scan(pool, projects=True)
    for name, lines in (('list', found.lines), ('projects', found.projects)):
        (tmp_path / name).write_bytes(b'\n'.join(lines))
    build(
        package_list_json=tmp_path / 'list', project_list_json=tmp_path / 'projects',
        packages_url='../../pool/', output_dir=tmp_path / 'other',
    )
    expected = histories.read_tree(tmp_path / 'other')
    assert expected.items() <= histories.read_tree(pool.parent).items()
    assert b'"MIT"' in expected['pypi/bar/json']


def test_given_facts_win_key_by_key(pool: Path, tmp_path: Path) -> None:
    """A project list overrides what the files say, and keeps what it does not state."""
    place = tmp_path / 'projects'
    place.write_text(
        '{"name": "bar", "status": "archived", "license_expression": "BSD-3-Clause"}\n'
        '{"name": "baz"}\n',
    )
    report = run(pool, project_list_json=place)
    assert [str(notice) for notice in report.notices] == [
        f'{place}:2: project baz is not in the package list, so what this line says is not shown',
    ]
    assert info(pool, 'bar')['license_expression'] == 'BSD-3-Clause'
    assert info(pool, 'bar')['keywords'] == 'kept'
    assert 'archived' in (pool.parent / 'simple/bar/index.json').read_text()
    assert info(pool, 'foo')['author'] == 'A'
    place.write_text('{"name": "foo", "author": "B"}')
    assert run(pool, project_list_json=place).written > 0
    assert info(pool, 'bar')['license_expression'] == 'MIT'
    assert info(pool, 'foo')['author'] == 'B'
    run(pool)
    assert info(pool, 'foo')['author'] == 'A'


def test_unchanged_metadata_is_not_read(pool: Path, readings: list[int]) -> None:
    """A build of an unchanged folder describes no project, and a changed one only new releases."""
    run(pool)
    assert run(pool).written == 0
    assert readings == [0]
    put(pool, 'foo', '2.0', 'Keywords: new')
    run(pool)
    assert readings == [0, 2]
    # A full build trusts nothing.
    run(pool, full=True)
    assert readings == [0, 2, 0]


def truncate(place: Path) -> None:
    place.write_bytes(place.read_bytes()[:-9])


def edit_facts(place: Path) -> None:
    place.write_bytes(place.read_bytes().replace(b'"MIT"', b'"XYZ"'))


def edit_header(place: Path) -> None:
    place.write_bytes(place.read_bytes().replace(b'"', b"'", 1))


def of_another_version(place: Path) -> None:
    first, _, rest = place.read_bytes().partition(b'\n')
    header = json.loads(stamps.unsealed(first) or b'')
    content = json.dumps(['1.9', 'of another form', *header]).encode()
    place.write_bytes(stamps.sealed(content) + b'\n' + rest)


def replace_by_pipe(place: Path) -> None:
    place.unlink()
    os.mkfifo(place)


@pytest.mark.parametrize('damage', [
    Path.unlink, replace_by_pipe, truncate, edit_facts, edit_header, of_another_version,
    lambda place: place.write_bytes(b''),
])
def test_damaged_facts_are_read_again(pool: Path, damage: Callable[[Path], object]) -> None:
    """Facts that are not as the previous build left them are read from the files again."""
    run(pool)
    kept = pool.parent / store.SCANNED
    expected = kept.read_bytes()
    damage(kept)
    assert run(pool).written == 0
    damaged = not kept.exists() or kept.read_bytes() != expected
    run(pool, title='New')
    assert info(pool, 'bar')['license_expression'] == 'MIT'
    assert kept.read_bytes() == expected
    # If only the lines are damaged, a build that needs none of them does not see it.
    assert damaged == (damage in (truncate, edit_facts))


def test_facts_of_a_changed_file(pool: Path) -> None:
    """A file that was replaced describes its project anew."""
    run(pool)
    put(pool, 'foo', '1.0', 'Author: B', mtime=MTIME + 1)
    run(pool)
    assert info(pool, 'foo')['author'] == 'B'


def test_file_that_became_unreadable(pool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Facts that could not be read are read by the next build, although the list is the same."""
    run(pool)
    (pool.parent / store.SCANNED).unlink()
    place = pool / 'foo-1.0-py3-none-any.whl'
    describe = projects.describe_projects

    def fail(*arguments: Any, **options: Any) -> projects.ProjectLines:
        status, content = place.stat(), place.read_bytes()
        place.unlink()
        try:
            return describe(*arguments, **options)
        finally:
            place.write_bytes(content)
            os.utime(place, ns=(status.st_atime_ns, status.st_mtime_ns))

    with monkeypatch.context() as context:
        context.setattr(projects, 'describe_projects', fail)
        report = run(pool)
    [notice] = report.notices
    assert str(notice) == (
        f'{place}: its metadata is missing from the project list: cannot be read: No such file or '
        'directory'
    )
    assert info(pool, 'foo')['author'] is None
    assert run(pool).notices == []
    assert info(pool, 'foo')['author'] == 'A'


def test_list_forgets_scanned_facts(pool: Path, tmp_path: Path) -> None:
    """A build of a list shows and keeps none of the facts of a folder."""
    run(pool)
    (tmp_path / 'list').write_bytes(b'\n'.join(scan(pool).lines))
    build(
        package_list_json=tmp_path / 'list', packages_url='../../pool/', output_dir=pool.parent,
    )
    assert info(pool, 'foo')['author'] is None
    assert not (pool.parent / store.SCANNED).exists()
    run(pool)
    assert info(pool, 'foo')['author'] == 'A'


def test_facts_survive_a_killed_build(pool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A build that fails before its end does not keep the facts of the next one from being right.
    """
    run(pool)
    put(pool, 'foo', '2.0', 'Author: B')

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(Writer, 'marks', fail)
        with pytest.raises(KeyboardInterrupt):
            run(pool)
    run(pool)
    assert info(pool, 'foo')['author'] == 'B'


@given(st.lists(st.tuples(
    st.sampled_from(('foo', 'bar')), st.sampled_from(('1.0', '2.0', '3.0rc1')),
    st.sampled_from(('A', 'B', 'missing')), st.booleans(),
), min_size=1, max_size=5))
@settings(max_examples=8)
def test_any_history_equals_one_build(changes: list[tuple[str, str, str, bool]]) -> None:
    """After any changes of the folder, and of a project list, the index is that of one build."""
    with tempfile.TemporaryDirectory() as name:
        pool, own = Path(name, 'pool'), Path(name, 'own')
        pool.mkdir()

        def make(output_dir: str, *, with_list: bool) -> dict[str, bytes]:
            build(
                packages_dir=pool, output_dir=Path(name, output_dir), packages_url='/pool/',
                allow_shrink=True, project_list_json=own if with_list else None,
            )
            return histories.read_tree(Path(name, output_dir))

        own.write_text('{"name": "foo", "author": "C", "status": "archived"}')
        for step, (project, version, author, with_list) in enumerate(changes):
            if author == 'missing':
                (pool / f'{project}-{version}-py3-none-any.whl').unlink(missing_ok=True)
            else:
                put(pool, project, version, f'Author: {author}', mtime=MTIME + step)
            found = make('index', with_list=with_list)
        assert found == make('fresh', with_list=with_list)

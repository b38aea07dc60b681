"""The project list of a scan: which file describes a project, and what is read again."""
from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, HealthCheck, settings
from hypothesis import strategies as st

from dumb_pypi import scan
from dumb_pypi.errors import FileError
from dumb_pypi.scanner import archives, descriptions, Scan
from tests.support.archives import member, MTIME, sdist, wheel, zipped

SDIST_PATH = b'foo-%s/PKG-INFO'


def metadata(version: str, *more: str, name: str = 'foo') -> bytes:
    lines = ('Metadata-Version: 2.1', f'Name: {name}', f'Version: {version}', *more)
    return ''.join(f'{line}\n' for line in lines).encode()


def wheel_of(version: str, *more: str, name: str = 'foo') -> bytes:
    return wheel(metadata(version, *more, name=name), f'{name}-{version}.dist-info')


def sdist_of(version: str, *more: str) -> bytes:
    return sdist(member(SDIST_PATH % version.encode(), metadata(version, *more)))


def bare_sdist(version: str) -> bytes:
    return sdist(member(f'foo-{version}/setup.py'.encode(), b''))


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    pool = tmp_path / 'pool'
    pool.mkdir()
    return pool


def put(pool: Path, files: Mapping[str, bytes], mtime: int = MTIME) -> None:
    for name, content in files.items():
        place = pool / name
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(content)
        os.utime(place, (mtime, mtime))


def listed(result: Scan) -> dict[str, dict[str, Any]]:
    """Return the lines of the projects by their names, without their hashes."""
    found = {}
    for line in map(json.loads, result.projects):
        assert line.pop('scanned_hash').startswith('sha256=')
        found[line.pop('name')] = line
    return found


def authors(pool: Path) -> dict[str, str | None]:
    return {name: line.get('author') for name, line in listed(scan(pool, projects=True)).items()}


WHEEL_1 = 'foo-1.0-py3-none-any.whl'
WHEEL_2 = 'foo-2.0-py3-none-any.whl'


@pytest.mark.parametrize(('files', 'expected'), [
    pytest.param({
        WHEEL_1: wheel_of('1.0', 'Author: old'), WHEEL_2: wheel_of('2.0', 'Author: new'),
    }, 'new', id='latest release'),
    pytest.param({
        WHEEL_1: wheel_of('1.0', 'Author: old'),
        'foo-2.0rc1-py3-none-any.whl': wheel_of('2.0rc1', 'Author: new'),
    }, 'old', id='no pre-release'),
    pytest.param({
        'foo-2.0rc1-py3-none-any.whl': wheel_of('2.0rc1', 'Author: new'),
    }, 'new', id='only a pre-release'),
    pytest.param({
        WHEEL_1: wheel_of('1.0', 'Author: w'), 'foo-1.0.tar.gz': sdist_of('1.0', 'Author: s'),
    }, 'w', id='wheel first'),
    pytest.param({
        WHEEL_1: wheel_of('1.0', 'Author: w'),
        'foo-1.0.zip': zipped([('foo-1.0/PKG-INFO', metadata(
            '1.0', 'Author: s', 'Requires-Python: >=3', 'Summary: s',
        ))]),
    }, 's', id='sdist that states more'),
    pytest.param({
        WHEEL_1: wheel_of('1.0', 'Author: old'), 'foo-2.0.tar.gz': bare_sdist('2.0'),
    }, None, id='no metadata, and no mix of two releases'),
    pytest.param({
        'foo-1.0-py3.9.egg': zipped([('EGG-INFO/PKG-INFO', metadata('1.0', 'Author: egg'))]),
    }, 'egg', id='egg'),
    pytest.param({
        'foo-1.0-1-py3-none-any.whl': wheel_of('1.0', 'Author: b'),
        'foo-1.0.0-py3-none-any.whl': wheel_of('1.0.0', 'Author: a'),
    }, 'b', id='two spellings of a version'),
])
def test_file_that_describes_a_project(
        pool: Path, files: dict[str, bytes], expected: str | None,
) -> None:
    """It is the best informed file of the latest release, as in the JSON API."""
    put(pool, files)
    assert authors(pool) == {'foo': expected}


def test_yanked_release_is_not_the_latest(pool: Path, tmp_path: Path) -> None:
    """A release that the previous list yanks does not describe its project."""
    put(pool, {
        WHEEL_1: wheel_of('1.0', 'Author: old'), WHEEL_2: wheel_of('2.0', 'Author: new'),
    })
    first = [json.loads(line) for line in scan(pool).lines]
    first[1]['yanked_reason'] = 'bad'
    previous = tmp_path / 'list'
    previous.write_text('\n'.join(map(json.dumps, first)))
    assert listed(scan(pool, previous=previous, projects=True))['foo']['author'] == 'old'


def test_file_without_a_version(pool: Path) -> None:
    """A project of files without a version has no latest release, and no line."""
    put(pool, {'foo.zip': zipped([('foo/setup.py', b'')])})
    found = scan(pool, projects=True)
    assert (len(found.lines), found.projects) == (1, [])


def test_projects_are_sorted_by_name(pool: Path) -> None:
    """Each project has one line, in the order of the normalized names."""
    put(pool, {
        'b_c-1.0-py3-none-any.whl': wheel_of('1.0', name='b_c'),
        'B-1.0-py3-none-any.whl': wheel_of('1.0', name='B'),
        'a/A-1.0-py3-none-any.whl': wheel_of('1.0', name='A'),
    })
    found = scan(pool, projects=True)
    assert [json.loads(line)['name'] for line in found.projects] == ['a', 'b', 'b-c']
    assert scan(pool).projects == ()


class Again:
    """Scans of a folder, each with the two lists of the one before."""

    def __init__(self, pool: Path) -> None:
        self.pool = pool
        self.lines, self.projects = pool.parent / 'lines', pool.parent / 'projects'

    def scan(self, *, with_projects: bool = True) -> Scan:
        found = scan(
            self.pool, previous=self.lines if self.lines.exists() else None,
            projects=with_projects, previous_projects=self.projects if with_projects else None,
        )
        self.lines.write_bytes(b''.join(line + b'\n' for line in found.lines))
        if with_projects:
            self.projects.write_bytes(b''.join(line + b'\n' for line in found.projects))
        return found


def test_unchanged_metadata_is_not_read(pool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second scan opens no distribution file, not even one that has no metadata."""
    put(pool, {
        WHEEL_1: wheel_of('1.0', 'Author: a'), 'bar-1.0.tar.gz': sdist(
            member(b'bar-1.0/setup.py', b''),
        ),
    })
    again = Again(pool)
    first = again.scan()
    assert len(first.projects) == 2

    def fail(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(archives, 'BoundedFile', fail)
    assert again.scan() == first


def test_only_new_metadata_is_read(pool: Path) -> None:
    """Metadata is read if another file describes its project; an older project list does no harm.
    """
    put(pool, {WHEEL_1: wheel_of('1.0', 'Author: old')})
    again = Again(pool)
    again.scan()
    put(pool, {WHEEL_2: wheel_of('2.0', 'Author: new')})
    again.scan(with_projects=False)
    assert listed(again.scan())['foo']['author'] == 'new'
    (pool / WHEEL_2).unlink()
    assert listed(again.scan())['foo']['author'] == 'old'


@pytest.mark.parametrize('line', [
    b'{"name": "foo", "status": "quarantined"}', b'nonsense', b'[]', b'\xff',
    b'{"name": "foo", "scanned_hash": "sha256=0", "status": "archived"}',
    b'{"name": "foo", "scanned_hash": "sha256=0", "status_reason": "x"}',
    b'[' * 5000,
])
def test_own_facts_are_not_overwritten(tmp_path: Path, line: bytes) -> None:
    """A project list that has a line of a person is refused, before anything is read."""
    place = tmp_path / 'projects'
    place.write_bytes(b'\n{"name": "bar", "scanned_hash": "sha256=0"}\n' + line)
    with pytest.raises(FileError) as caught:
        scan(tmp_path / 'missing', projects=True, previous_projects=place)
    assert str(caught.value) == (
        f'cannot write {place}: a scan did not write line 3 of this file, and would remove it: '
        'keep your own facts in another file'
    )


def test_unreadable_project_list(pool: Path, tmp_path: Path) -> None:
    """A project list that cannot be read is an error; one that is missing is not."""
    with pytest.raises(FileError, match=r'cannot read .*: Is a directory'):
        scan(pool, projects=True, previous_projects=tmp_path)
    assert scan(pool, projects=True, previous_projects=tmp_path / 'missing').projects == []


def test_long_readme_is_reported_each_time(pool: Path) -> None:
    """A README that was cut is reported as long as it is in the list."""
    put(pool, {WHEEL_1: wheel(
        metadata('1.0') + b'\n' + b'a' * (descriptions.MAX_DESCRIPTION + 1),
        'foo-1.0.dist-info',
    )})
    again = Again(pool)
    for _ in range(2):
        [notice] = again.scan().notices
        assert str(notice) == (
            f'{pool / WHEEL_1}: has a README of more than 1048576 bytes, which is cut'
        )
        assert not notice.skipped


def change(place: Path) -> None:
    place.write_bytes(wheel_of('1.0', 'Author: other'))


@pytest.mark.parametrize(('happens', 'reason'), [
    (change, 'changes while it is read'),
    (Path.unlink, 'cannot be read: No such file or directory'),
])
def test_file_changed_during_the_scan(
        pool: Path, happens: Callable[[Path], object], reason: str,
) -> None:
    """A file that changes after its hash was taken describes nothing, and is reported."""
    put(pool, {WHEEL_1: wheel_of('1.0', 'Author: old')})
    again = Again(pool)
    again.scan(with_projects=False)
    put(pool, {'bar-1.0-py3-none-any.whl': wheel_of('1.0', name='bar')})

    def progress(done: int, total: int) -> None:
        if done == total and (pool / WHEEL_1).exists():
            happens(pool / WHEEL_1)

    found = scan(pool, previous=again.lines, projects=True, progress=progress)
    assert list(listed(found)) == ['bar']
    assert [str(notice) for notice in found.notices] == [
        f'{pool / WHEEL_1}: its metadata is missing from the project list: {reason}',
    ]
    assert len(found.lines) == 2


def test_interruption_stops_reading(pool: Path) -> None:
    """An exception of the progress function ends a scan of metadata."""
    put(pool, {WHEEL_1: wheel_of('1.0')})
    again = Again(pool)
    again.scan(with_projects=False)

    def interrupt(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scan(pool, previous=again.lines, projects=True, progress=interrupt)


def test_progress_counts_metadata(pool: Path) -> None:
    """The progress grows to its end; the total grows once."""
    put(pool, {
        WHEEL_1: wheel_of('1.0'), 'bar-1.0.tar.gz': sdist(
            member(b'bar-1.0/PKG-INFO', metadata('1.0', name='bar')),
        ),
    })
    seen: list[tuple[int, int]] = []
    scan(pool, projects=True, jobs=1, progress=lambda *progress: seen.append(progress))
    done, totals = zip(*seen, strict=True)
    assert list(done) == sorted(done)
    assert done[-1] == totals[-1]
    assert len(set(totals)) == 2


def test_copy_at_its_url_describes_project(pool: Path) -> None:
    """Of equal copies of a file, any describes its project, even if another one is gone."""
    put(pool, {f'a/{WHEEL_1}': wheel_of('1.0', 'Author: a')})
    put(pool, {f'b/{WHEEL_1}': wheel_of('1.0', 'Author: a')})
    assert authors(pool) == {'foo': 'a'}


PLACES = [
    *(f'foo-{version}-py3-none-any.whl' for version in ('1.0', '2.0', '3.0rc1')),
    'foo-2.0.tar.gz', f'a/{WHEEL_1}', f'b/{WHEEL_2}',
]
KINDS = ['author a', 'author b', 'requirement', 'bare', 'broken', 'missing']


def content(filename: str, kind: str) -> bytes:
    is_wheel = filename.endswith('.whl')
    version = filename.removesuffix('.tar.gz').split('-')[1]
    if kind == 'broken':
        return b'broken'
    if kind == 'bare' and not is_wheel:
        return bare_sdist(version)
    more = 'Requires-Python: >=3' if kind == 'requirement' else f'Author: {kind}'
    return wheel_of(version, more) if is_wheel else sdist_of(version, more)


changes = st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(KINDS)), max_size=4)


@given(st.lists(st.tuples(changes, st.booleans()), min_size=1, max_size=4))
@settings(deadline=None, max_examples=40,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_history_equals_one_scan(
        tmp_path_factory: pytest.TempPathFactory,
        history: list[tuple[list[tuple[str, str]], bool]],
) -> None:
    """After any changes, with or without a project list in between, a scan lists what one scan of
    the folder does. Changed files get a later time.
    """
    pool = tmp_path_factory.mktemp('history') / 'pool'
    pool.mkdir()
    again = Again(pool)
    for step, (files, with_projects) in enumerate(history):
        for name, kind in files:
            if kind == 'missing':
                (pool / name).unlink(missing_ok=True)
            else:
                put(pool, {name: content(Path(name).name, kind)}, MTIME + step)
        found, fresh = again.scan(with_projects=with_projects), scan(pool, projects=True)
        assert found.lines == fresh.lines
        if with_projects:
            assert found == fresh

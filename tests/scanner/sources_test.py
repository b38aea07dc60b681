"""Several sources in one scan."""
from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from dumb_pypi.errors import ConflictError, OptionError
from dumb_pypi.scanner import Scan, scan
from testing.distributions import make
from tests.support.scripted import FakeGitHub, OWNER, run_site, Site

GITHUB = f'github:{OWNER}'


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    """A folder with wheels of two projects, and a broken one of a third."""
    pool = tmp_path / 'pool'
    pool.mkdir()
    for name in ('ours', 'both'):
        make(pool, {'filename': f'{name}-1.0-py3-none-any.whl', 'author': 'Ana'})
    (pool / 'broken-1.0-py3-none-any.whl').touch()
    return pool


@pytest.fixture
def index(site: Site) -> str:
    """A simple index with projects of the folder, and others; returns its URL."""
    for name in ('both', 'broken', 'theirs', 'released'):
        filename = f'{name.title()}-9.0-py3-none-any.whl'
        site.add_json(f'/simple/{name}/', {
            'files': [{'filename': filename, 'url': filename, 'hashes': {'sha256': '0' * 64}}],
            'project-status': {'status': 'archived'},
        })
    return f'{site.url}simple/'


@pytest.fixture
def github(no_settings: None) -> Iterator[FakeGitHub]:  # noqa: ARG001 - it is needed, not used
    with run_site(FakeGitHub) as site:
        github = cast(FakeGitHub, site)
        github.release('v1', [
            ('released-1.0.tar.gz', b''), ('unnamed-1.0-py3-none-any (1).whl', b''),
        ])
        yield github


def names(result: Scan) -> list[str]:
    return [json.loads(line)['filename'] for line in result.lines]


def test_sources_are_combined(pool: Path, index: str, github: FakeGitHub) -> None:
    """The list has the files of all sources, sorted, and all their messages."""
    result = scan([pool, GITHUB, index], allowed=['theirs'], api_url=github.api_url)
    assert names(result) == [
        'Theirs-9.0-py3-none-any.whl', 'both-1.0-py3-none-any.whl', 'ours-1.0-py3-none-any.whl',
        'released-1.0.tar.gz',
    ]
    assert [problem.place for problem in result.problems] == [
        f'{pool}/broken-1.0-py3-none-any.whl', f'{GITHUB}/unnamed-1.0-py3-none-any (1).whl',
    ]


def test_project_of_two_sources(pool: Path, index: str, github: FakeGitHub) -> None:
    """Nothing is listed if two sources have one project: clients would take the higher version."""
    with pytest.raises(ConflictError) as caught:
        scan([pool, index], allowed=['both', 'theirs'])
    assert str(caught.value) == (
        f'project both is in {pool} and in {index}: pass --prefer with the source that may have '
        'it, or remove it from the other. Nothing was printed'
    )
    with pytest.raises(ConflictError, match=r'project both \(like 1 more\) is in'):
        scan([pool, index], allowed=['both', 'broken'])
    with pytest.raises(ConflictError, match=f'project released is in {GITHUB} and in {index}'):
        scan([GITHUB, index], allowed=['released'], api_url=github.api_url)


@pytest.mark.parametrize(('prefer', 'expected'), [
    (['pool'], ['both-1.0-py3-none-any.whl', 'ours-1.0-py3-none-any.whl']),
    (['index'], ['Both-9.0-py3-none-any.whl', 'ours-1.0-py3-none-any.whl']),
    (['index', 'pool'], ['Both-9.0-py3-none-any.whl', 'ours-1.0-py3-none-any.whl']),
    (['pool', 'index'], ['both-1.0-py3-none-any.whl', 'ours-1.0-py3-none-any.whl']),
])
def test_preferred_source_wins(
        pool: Path, index: str, prefer: Sequence[str], expected: Sequence[str],
) -> None:
    """All files of a project are those of the first preferred source that has it."""
    sources = {'pool': str(pool), 'index': index.removesuffix('/').replace('//', '//me:secret@')}
    result = scan(
        list(sources.values()), allowed=['Both'], prefer=[sources[name] for name in prefer],
        projects=True,
    )
    assert names(result) == expected
    assert {line['name']: line.get('status') for line in map(json.loads, result.projects)} == {
        'ours': None, 'both': 'archived' if prefer[0] == 'index' else None,
    }


def test_taken_projects_are_not_asked_for(
        pool: Path, index: str, site: Site, github: FakeGitHub,
) -> None:
    """Nothing is asked, or reported, about a project that a preferred source has."""
    github.release('v2', [('both-2.0.tar.gz', b''), ('both-2.0-py3-none-any.whl', b'')])
    result = scan(
        [index, GITHUB, pool], allowed=['both', 'broken', 'released', 'theirs', 'ours'],
        prefer=[pool, GITHUB], api_url=github.api_url,
    )
    assert names(result) == [
        'Theirs-9.0-py3-none-any.whl', 'both-1.0-py3-none-any.whl', 'ours-1.0-py3-none-any.whl',
        'released-1.0.tar.gz',
    ]
    assert site.paths == ['/simple/theirs/']


def test_broken_file_claims_its_project(pool: Path, index: str) -> None:
    """If the preferred file of a project is broken, no other source takes its place."""
    with pytest.raises(ConflictError, match='project broken is in'):
        scan([pool, index], allowed=['broken'])
    result = scan([pool, index], allowed=['broken'], prefer=[pool])
    assert names(result) == ['both-1.0-py3-none-any.whl', 'ours-1.0-py3-none-any.whl']


def test_preference_among_others_is_no_help(pool: Path, index: str, github: FakeGitHub) -> None:
    """A preferred source that does not have a project does not settle it."""
    with pytest.raises(ConflictError, match='project both is in'):
        scan([pool, index, GITHUB], allowed=['both'], prefer=[GITHUB], api_url=github.api_url)


def test_several_indexes(index: str, site: Site) -> None:
    """Each project is in one of them: it is not missing if another one has it."""
    with run_site() as other:
        other.add_json('/more/', {'files': [{'filename': 'more-1.zip', 'url': 'more-1.zip'}]})
        result = scan([index, other.url], allowed=['theirs', 'more', 'nowhere'])
        assert names(result) == ['Theirs-9.0-py3-none-any.whl', 'more-1.zip']
        assert list(map(str, result.problems)) == [
            f'{site.url}simple/: has no project nowhere', f'{other.url}: has no project nowhere',
        ]


def test_folders_are_one_source(pool: Path, tmp_path: Path, index: str) -> None:
    """A project may be in several folders, and preferring one of them prefers all."""
    more = tmp_path / 'more'
    more.mkdir()
    make(more, {'filename': 'both-2.0-py3-none-any.whl'})
    for folder in (str(pool), f'{more}/'):
        result = scan([f'{pool}/', more, index], allowed=['both'], prefer=[folder])
        assert names(result) == [
            'both-1.0-py3-none-any.whl', 'both-2.0-py3-none-any.whl', 'ours-1.0-py3-none-any.whl',
        ]


def test_source_given_twice(index: str) -> None:
    """A source that is given twice is one source."""
    assert names(scan([index, index.rstrip('/')], allowed=['theirs'])) == [
        'Theirs-9.0-py3-none-any.whl',
    ]


@pytest.mark.parametrize(('options', 'message'), [
    ({'allowed': ['foo']}, '--project has no effect: none of the sources is a simple index'),
    ({'api_url': 'https://example.com'},
     '--api-url has no effect: none of the sources is github:OWNER/REPO'),
    ({'cache': 'folder'}, '--cache has no effect: none of the sources is on another server'),
    ({'compute_hashes': True},
     '--compute-hashes has no effect: none of the sources is on another server'),
    ({'write_metadata': True, 'sources': []}, '--write-metadata requires a folder'),
    ({'prefer': ['elsewhere']}, "--prefer 'elsewhere' is not one of the sources"),
])
def test_options_of_other_sources(pool: Path, options: dict[str, Any], message: str) -> None:
    """An option for sources that are not there is an error."""
    with pytest.raises(OptionError) as caught:
        scan(**{'sources': pool, **options})
    assert str(caught.value).startswith(message)

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from packaging.utils import NormalizedName

from dumb_pypi.model.distfile import check_json
from dumb_pypi.model.project import assemble
from dumb_pypi.pages.summaries import (
    most_used,
    NewRelease,
    pack_releases,
    ProjectSummary,
    recently_released,
    search_data,
    summarize,
)


def project(name: str, summary: str | None = None, **facts: Any) -> ProjectSummary:
    return ProjectSummary(name, summary, None, None, None, 0, 0, msgspec.Raw(b'[]'), **facts)


def lines(*projects: ProjectSummary) -> tuple[str, list[list[str]]]:
    """Return the first line, which all files share, and the other lines of each file."""
    files = [content.decode().split('\n') for content in search_data(projects)]
    [mark] = {file[0] for file in files}
    return mark, [file[1:] for file in files]


def test_search_data_has_every_project() -> None:
    """Each file has one line for each project; long summaries and keywords are shortened."""
    _, [names, _, summaries] = lines(
        project('bar'), project('foo', 'Foos → bars'), project('key', keywords='a, b'),
        project('long', 'a' * 999, keywords='b' * 999),
    )
    assert names == ['bar', 'foo', 'key', 'long']
    assert summaries == ['', 'Foos → bars', '\ta, b', f'{"a" * 200}\t{"b" * 200}']


def test_recent_releases_are_dated_and_offered() -> None:
    """They are the 25 newest ones, newest first, of projects that are not quarantined."""
    dated = [project(f'p{number}', latest_uploaded=number) for number in range(60)]
    others = [project('undated'), project('evil', latest_uploaded=99, status='quarantined')]
    assert recently_released([*dated, *others]) == tuple(
        f'p{number}' for number in range(59, 34, -1)
    )


def test_releases_keep_their_summaries() -> None:
    """A release has its own summary, or none, whatever that of its project is."""
    newest = [(3.5, '3', 'Foos'), (2, '2', 'Bars'), (1, '1', None)]
    for summary in ('Foos', 'Bars', None):
        packed = ProjectSummary('foo', summary, 1, 3, 3, 3, 3, pack_releases(newest, summary))
        assert packed.newest_releases == [
            NewRelease(time, 'foo', release, text) for time, release, text in newest
        ]


def test_most_used_projects_are_offered() -> None:
    """They are those with most dependents, without those that have none or are quarantined."""
    projects = [
        project('c', dependents=2), project('b', dependents=2), project('unused'),
        project('a', dependents=1), project('evil', dependents=9, status='quarantined'),
    ]
    assert [used.name for used in most_used(projects, 9)] == ['b', 'c', 'a']
    assert [used.name for used in most_used(projects, 1)] == ['b']


@pytest.mark.parametrize(('facts', 'line'), (
    ({}, ''),
    ({'latest': '1.0', 'dependents': 12}, '1.0\t\t\t12'),
    ({'latest': '1.0'}, '1.0'),
    ({'latest': '1.0', 'latest_uploaded': 1_706_745_599.5}, '1.0\t2024-01-31'),
    ({'latest': '1.0', 'status': 'archived'}, '1.0\t\tarchived'),
    ({'latest': '1.0', 'latest_yanked': True}, '1.0\t\tyanked'),
    ({'latest': '1.0', 'status': 'deprecated', 'latest_yanked': True},
     '1.0\t\tdeprecated yanked'),
    ({'latest': '1.0rc1', 'latest_prerelease': True}, '1.0rc1\t\tpre-release'),
    # Nobody should install it.
    ({'latest': '1.0', 'latest_uploaded': 1, 'latest_yanked': True, 'status': 'quarantined'},
     '\t\tquarantined'),
    ({'latest': '1.0', 'status': 'quarantined', 'dependents': 3}, '\t\tquarantined\t3'),
))
def test_search_data_has_latest_release(facts: dict[str, Any], line: str) -> None:
    """A line has the version, its date and the tags, except of a quarantined project."""
    _, [_, releases, _] = lines(project('foo', **facts))
    assert releases == [line]


def test_mark_depends_on_names() -> None:
    """Files of different lists of names have different first lines."""
    mark, _ = lines(project('foo', 'a'))
    assert mark == lines(project('foo', 'b', latest='1.0'))[0]
    assert mark != lines(project('bar', 'a'))[0]


def test_search_data_of_empty_index() -> None:
    """The files of an empty index have no project."""
    assert lines()[1] == [[''], [''], ['']]


def summary_of(*requirements: str) -> ProjectSummary:
    line = json.dumps({'filename': 'foo-1.0.zip', 'requires_dist': requirements}).encode()
    return summarize(assemble(NormalizedName('foo'), [check_json(line)[0]]))


def test_required_projects_are_normalized_names() -> None:
    """Each project that the latest release requires is there once, and never itself."""
    summary = summary_of('Bar>=1', 'bar; extra == "x"', 'a_b.C [d] (>1)', 'foo[x]', '???')
    assert msgspec.json.decode(summary.requires) == ['a-b-c', 'bar']


def test_requirements_of_latest_release_count() -> None:
    """Releases other than the latest one do not matter."""
    files = [
        check_json(json.dumps({'filename': name, 'requires_dist': [requirement]}).encode())[0]
        for name, requirement in (('foo-1.0.zip', 'old'), ('foo-2.0.zip', 'new'))
    ]
    summary = summarize(assemble(NormalizedName('foo'), files))
    assert (summary.latest, bytes(summary.requires)) == ('2.0', b'["new"]')


@pytest.mark.parametrize(('filenames', 'expected'), (
    (['foo-1.0rc1.zip', 'foo-2.0rc1.zip'], True), (['foo-1.0.zip', 'foo-2.0rc1.zip'], False),
    (['foo.zip'], False),
))
def test_latest_may_be_a_prerelease(filenames: list[str], expected: bool) -> None:
    """The latest release is a pre-release only if there is no other."""
    files = [check_json(json.dumps({'filename': name}).encode())[0] for name in filenames]
    summary = summarize(assemble(NormalizedName('foo'), files))
    assert summary.latest_prerelease is expected

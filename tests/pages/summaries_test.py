from __future__ import annotations

import json

import msgspec
from packaging.utils import NormalizedName

from dumb_pypi.model.distfile import check_json
from dumb_pypi.model.project import assemble
from dumb_pypi.pages.summaries import ProjectSummary, search_data, summarize


def project(name: str, summary: str | None) -> ProjectSummary:
    return ProjectSummary(name, summary, None, None, None, 0, 0, msgspec.Raw(b'[]'))


def lines(*projects: ProjectSummary) -> tuple[str, list[str], list[str]]:
    """Return the first line of both files, and the other lines of each."""
    names, summaries = (text.decode().split('\n') for text in search_data(projects))
    assert names[0] == summaries[0]
    return names[0], names[1:], summaries[1:]


def test_search_data_has_every_project() -> None:
    """Both files have one line for each project; a long summary is shortened."""
    _, names, summaries = lines(
        project('bar', None), project('foo', 'Foos → bars'), project('long', 'a' * 999),
    )
    assert names == ['bar', 'foo', 'long']
    assert summaries == ['', 'Foos → bars', 'a' * 200]


def test_mark_depends_on_names() -> None:
    """Files of different lists of names have different first lines."""
    mark, _, _ = lines(project('foo', 'a'))
    assert mark == lines(project('foo', 'b'))[0]
    assert mark != lines(project('bar', 'a'))[0]


def test_search_data_of_empty_index() -> None:
    """The files of an empty index have no project."""
    assert lines()[1:] == ([''], [''])


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

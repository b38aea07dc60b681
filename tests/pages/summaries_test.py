from __future__ import annotations

import msgspec

from dumb_pypi.pages.summaries import ProjectSummary, search_data


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

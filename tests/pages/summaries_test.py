from __future__ import annotations

import msgspec

from dumb_pypi.pages.summaries import ProjectSummary, search_data


def project(name: str, summary: str | None) -> ProjectSummary:
    return ProjectSummary(name, summary, None, None, None, 0, 0, msgspec.Raw(b'[]'))


def lines(*projects: ProjectSummary) -> tuple[str, list[str], list[str]]:
    """The first line of both texts, and the others of each."""
    names, summaries = (text.decode().split('\n') for text in search_data(projects))
    assert names[0] == summaries[0]
    return names[0], names[1:], summaries[1:]


def test_both_texts_have_a_line_for_each_project() -> None:
    _, names, summaries = lines(
        project('bar', None), project('foo', 'Foos → bars'), project('long', 'a' * 999),
    )
    assert names == ['bar', 'foo', 'long']
    assert summaries == ['', 'Foos → bars', 'a' * 200]


def test_texts_of_other_names_are_told_apart() -> None:
    mark, _, _ = lines(project('foo', 'a'))
    assert mark == lines(project('foo', 'b'))[0]
    assert mark != lines(project('bar', 'a'))[0]


def test_an_empty_index_has_nothing_to_find() -> None:
    assert lines()[1:] == ([''], [''])

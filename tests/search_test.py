from __future__ import annotations

import msgspec

from dumb_pypi import search
from dumb_pypi.summary import ProjectSummary


def project(name: str, summary: str | None) -> ProjectSummary:
    return ProjectSummary(name, summary, None, None, None, 0, 0, msgspec.Raw(b'[]'))


def test_both_texts_have_a_line_for_each_project() -> None:
    projects = [
        project('bar', None), project('foo', 'Foos → bars'), project('long', 'a' * 999),
    ]
    assert search.names(projects) == b'bar\nfoo\nlong'
    assert search.summaries(projects).decode() == f'\nFoos → bars\n{"a" * 200}'


def test_an_empty_index_has_nothing_to_find() -> None:
    assert search.names([]) == search.summaries([]) == b''

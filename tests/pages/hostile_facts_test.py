"""Hostile texts in what a project's page shows: its people, links, extras, releases and files."""
from __future__ import annotations

from collections.abc import Iterable

import pytest

from dumb_pypi.errors import LineError
from tests.hostile_values_test import TEXTS
from tests.support.markup import HtmlPage
from tests.support.project_pages import page_of, project_of
from tests.support.trees import Facts

FILE: Facts = {'filename': 'foo-1.0.zip'}
# Parsing a page takes long, and length is not what these tests are about.
SHORT = [text for text in TEXTS if len(text) < 1000]


def assert_harmless(page: HtmlPage) -> None:
    assert page.problems() + page.dangers() == []


def accepted(facts: Iterable[Facts]) -> list[Facts]:
    """Return the facts that a project list may state, and a page may show."""
    found = []
    for fact in facts:
        try:
            project_of(FILE, **fact)
        except LineError:
            continue
        found.append(fact)
    return found


@pytest.mark.parametrize('text', SHORT)
def test_hostile_text_on_card(text: str) -> None:
    """Whatever a text says, it is shown as a text, or not at all."""
    facts = accepted([
        {'author': text}, {'author_email': f'"{text}" <a@b.example>, {text}'},
        {'maintainer': 'Ana'}, {'maintainer_email': f'Ana <{text}>, {text} <a@b.example>'},
        {'keywords': f'{text},{text}, cat'}, {'license': text}, {'provides_extra': [text, 'good']},
        {'classifiers': [f'Development Status :: 1 - {text}']},
        {'project_urls': {text: 'https://example.com/', 'Docs': text, 'Source': (
            f'https://example.com/{text}'
        )}},
    ])
    assert_harmless(page_of(FILE, **{key: fact[key] for fact in facts for key in fact}))


def test_hostile_licences() -> None:
    """Classifiers are texts."""
    facts = accepted({'classifiers': [f'License :: {text}']} for text in SHORT)
    assert_harmless(page_of(FILE, classifiers=[fact['classifiers'][0] for fact in facts]))


@pytest.mark.parametrize('around', (
    '{}', 'foo[{}]', 'foo {}', 'foo @ {}', 'foo; {}', "foo; extra == '{}'", 'foo; extra == "{}"',
    'foo; os_name == "{}" and extra == "x"', 'foo; python_version < "{}"',
))
def test_hostile_requirements(around: str) -> None:
    """Each part of a requirement is a text, and shells run no extra as a command."""
    requirements = []
    for text in SHORT:
        try:
            project_of({**FILE, 'requires_dist': [around.replace('{}', text)]})
        except LineError:
            continue
        requirements.append(around.replace('{}', text))
    assert len(requirements) > len(SHORT) / 2
    # The older release says in a sentence what it requires.
    assert_harmless(page_of(
        {**FILE, 'requires_dist': requirements},
        {'filename': 'foo-0.9.zip', 'requires_dist': requirements[1:8]},
    ))


@pytest.mark.parametrize('key', ('requires_python', 'uploaded_by', 'yanked_reason'))
def test_hostile_facts_of_one_file(key: str) -> None:
    """What a file does not have in common with its release is a text in its row."""
    files: list[Facts] = [
        {'filename': f'foo-1.0-{number}-py3-none-any.whl', key: text}
        for number, text in enumerate(SHORT)
    ]
    safe = []
    for file in files:
        try:
            project_of(file)
        except LineError:
            continue
        safe.append(file)
    assert len(safe) > len(files) / 2
    assert_harmless(page_of(*safe[:12]))
    assert_harmless(page_of(*safe))
    assert_harmless(page_of(*safe, status='quarantined'))

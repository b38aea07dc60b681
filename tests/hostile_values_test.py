"""Every hostile value in every field: refused or not, it stays a value."""
from __future__ import annotations

import json
from pathlib import Path

import pytest

from dumb_pypi.commands import console
from dumb_pypi.model.project_facts import FactsLine
from tests.support.hostile import Command, dangers, GOOD_JSON, GOOD_PLAIN, Outcome
from tests.support.markup import HtmlPage
from tests.support.trees import Facts, json_lines

SCRIPT = '<script>alert(1)</script>'

# Texts, each with what it tries.
TEXTS = (
    SCRIPT,
    f'">{SCRIPT}',
    f"'>{SCRIPT}",
    f'</title>{SCRIPT}',
    f'--><!--{SCRIPT}',
    f']]>{SCRIPT}',
    f'&lt;script&gt;&#60;script&#62;{SCRIPT}',  # unescaped once too often, it would be markup
    '" onmouseover="alert(1)',
    "' onmouseover='alert(1)",
    '` onmouseover=alert(1)',
    '"><img src=x onerror=alert(1)>',
    '{{ 7 * 7 }}{% include "/etc/passwd" %}',  # the templates' own language
    '&bad; &#0; &#xd800; &amp;amp;',
    'javascript:alert(1)',
    'javascript:alert(1)//foo-1.0.zip',
    './javascript:alert(1)/foo-1.0.zip',
    'JaVa\tScRiPt:alert(1)/foo-1.0.zip',
    '\x01javascript:alert(1)/foo-1.0.zip',
    ' javascript:alert(1)/foo-1.0.zip',
    'a/../javascript:alert(1)/foo-1.0.zip',
    'data:text/html,<script>alert(1)</script>/foo-1.0.zip',
    'vbscript:a/foo-1.0.zip',
    '//example.org/foo-1.0.zip',
    '/\\example.org/foo-1.0.zip',
    './/example.org/foo-1.0.zip',
    './/./example.org/foo-1.0.zip',
    'https://example.org@example.com/foo-1.0.zip',
    'https://example.com/"><script>alert(1)</script>/foo-1.0.zip',
    "https://example.com/?'\"><script>alert(1)</script>",
    'https://"onclick="alert(1)/foo-1.0.zip',
    'https://[::1]/foo-1.0.zip',
    'https://[::1/foo-1.0.zip',
    'https://example\u2100.com/foo-1.0.zip',
    '..', '.', '../../../../sentinel', '..\\..\\sentinel', '/sentinel', '%2e%2e/%2e%2e/sentinel',
    '..%2f..%2fsentinel', '....//sentinel', 'json', 'index.html', '~', '-', 'CON', 'a/b', 'a b',
    '../foo-1.0.zip', 'a/../../foo-1.0.zip', '%2e%2e/foo-1.0.zip', '\\..\\foo-1.0.zip',
    'foo-../../sentinel.zip', 'foo-..-py3-none-any.whl', 'foo-json.zip', 'foo-JSON.zip', '..-1.zip',
    '', ' ', '\t\r\n', '\0', 'a\0b', 'foo-1.0.zip\0', '\x1b]0;title\x07', '\x7f', '\x85', '\xa0',
    '\u2028', '\u200b', '\ufeff', '\ufffe', '\ufffd', '\U0010ffff', '\U000e0001',
    '\u202egnp.exe', '\u2066a\u2069', 'e\u0301', '\ufb01', '\u017f', '\u0130', '\uff11.0',
    'W' * 300, 'W' * 5000, 'foo-' + '1' * 300 + '.zip', '../' * 2000, 'é' * 5000, '1.' * 2500,
    '1' + '0' * 180, '1!' * 50, '0' * 200,
    '# no comment', '#sha256=0a', 'null', 'true', 'NaN', '{}', '[]', '=', 'sha256=',
    f'sha256="{SCRIPT}', 'sha256=0a', 'md5=' + 'f' * 5000, 'x' * 5000 + '=0',
)
VALUES: tuple[object, ...] = (
    *TEXTS, None, True, False, 0, -1, 1.5, -0.0, 1e-300, 253402300799.9999, 1e20, 2**53 + 1,
    2**63 - 1, 2**63, 2**64, 10**30, 1706745600000, [], [[]], {}, {'a': []}, [SCRIPT, '', None],
)
KEYS = (
    'filename', 'hash', 'requires_python', 'requires_dist', 'core_metadata', 'upload_timestamp',
    'uploaded_by', 'yanked_reason', 'size', 'url', 'summary', 'provenance', 'name', 'version',
)
PROJECT_KEYS = FactsLine.__struct_fields__
# The keys whose values are lists or objects of texts.
LISTS = ('license_files', 'classifiers', 'provides_extra')


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(tmp_path, capsys)


def with_each(key: str, **others: str) -> list[Facts]:
    """A line for each value, of its own file where the value is not the file's name."""
    return [
        {**{name: text.format(number) for name, text in others.items()}, key: value}
        for number, value in enumerate(VALUES)
    ]


def assert_harmless(outcome: Outcome, lines: list[bytes]) -> None:
    """Each line was taken, or there is one message on it; no page is broken or can run anything.

    What is outside of the output was looked at already.
    """
    assert outcome.status == console.DONE
    assert 'good-1.0.zip' in outcome.filenames
    places = [notice[:2] for notice in outcome.notices]
    assert len(places) == len(set(places))
    assert all(len(notice.reason) < 400 for notice in outcome.notices)
    assert len(outcome.filenames) <= len(lines) + 1
    assert dangers(outcome.pages) == []
    problems = {
        path: HtmlPage(content).problems()
        for path, content in outcome.pages.items() if path.endswith('.html')
    }
    assert {path: found for path, found in problems.items() if found} == {}


def assert_simple_json_is_json(outcome: Outcome) -> None:
    """And the project's page has the place that its name says."""
    for path, content in outcome.pages.items():
        if path.endswith('/index.json') and path.count('/') == 2:
            assert json.loads(content)['name'] == path.split('/')[1]


@pytest.mark.parametrize('key', KEYS)
def test_hostile_values_in_json_list(command: Command, key: str) -> None:
    """Whatever a key holds, no page runs it and nothing outside the index changes."""
    lines = [] if key == 'filename' else with_each(key, filename='foo-1.{}.zip')
    # Names that end as the URL does, and names that have the field's value in them.
    lines += with_each(key, filename='foo-1.0.zip')
    lines += with_each(key, filename='foo.zip')
    outcome = command('--site-url', 'https://index.example.com/', json=(
        json_lines(lines) + GOOD_JSON
    ))
    assert_harmless(outcome, json_lines(lines).splitlines())
    assert_simple_json_is_json(outcome)


@pytest.mark.parametrize('key', PROJECT_KEYS)
def test_hostile_values_in_project_list(command: Command, key: str) -> None:
    """Whatever a key holds, no page runs it and nothing outside the index changes."""
    lines = with_each(key, name='foo{}')
    files = [f'foo{number}-1.0.zip'.encode() for number in range(len(lines))]
    outcome = command(plain=b'\n'.join([GOOD_PLAIN, *files]), projects=json_lines(lines))
    assert_harmless(outcome, files)
    assert {notice.list for notice in outcome.notices} == {'projects'}
    assert len(outcome.filenames) == len(files) + 1


@pytest.mark.parametrize('key', (*LISTS, 'project_urls', 'labels'))
def test_hostile_items_in_project_list(command: Command, key: str) -> None:
    """Whatever an item of a list, a link or its label holds, no page runs it."""
    lines: list[Facts] = [
        {'name': f'foo{number}', **(
            {key: [text, 'x']} if key in LISTS else {'project_urls': (
                {text: 'https://example.com/'} if key == 'labels' else {'Docs': text}
            )}
        )} for number, text in enumerate(TEXTS)
    ]
    files = [f'foo{number}-1.0.zip'.encode() for number in range(len(lines))]
    outcome = command(plain=b'\n'.join([GOOD_PLAIN, *files]), projects=json_lines(lines))
    assert_harmless(outcome, files)
    assert len(outcome.filenames) == len(files) + 1


@pytest.mark.parametrize('around', (
    '{}', '{}-1.0.zip', 'foo-{}.zip', 'foo-1.0+{}.zip', 'foo-1.0-{}-none-any.whl', 'foo-1.0.{}',
    '{}/foo-1.0.zip', 'https://{}/foo-1.0.zip', 'https://example.com/{}/foo-1.0.zip',
    'foo-1.0.zip#{}', 'foo-1.0.zip#sha256={}', 'foo-1.0.zip?{}', './{}/foo-1.0.zip',
))
def test_hostile_values_in_plain_list(command: Command, around: str) -> None:
    """Whichever part of a line a hostile value is, no page runs it."""
    lines = [around.format(text).encode() for text in TEXTS]
    outcome = command('--site-url', 'https://index.example.com/', plain=(
        b'\n'.join([*lines, GOOD_PLAIN])
    ))
    assert_harmless(outcome, b'\n'.join(lines).splitlines())


@pytest.mark.parametrize('around', ('foo-{}.zip', 'foo-1.0+{}.zip', '{}-1.0.zip', '{}'))
def test_hostile_file_names(command: Command, around: str) -> None:
    """In JSON, slashes, line breaks and `#` are characters of the name."""
    lines: list[Facts] = [{'filename': around.format(text)} for text in TEXTS]
    outcome = command(json=json_lines(lines) + GOOD_JSON)
    assert_harmless(outcome, json_lines(lines).splitlines())
    assert_simple_json_is_json(outcome)


@pytest.mark.parametrize('url', (
    './javascript:alert(1)/foo-1.0.zip',
    './http://example.org/foo-1.0.zip',
    './https:foo-1.0.zip',
    '%2E/https://example.org/foo-1.0.zip',
))
def test_path_that_looks_like_a_url(command: Command, url: str) -> None:
    """It is refused, or is a path on every page and in packages.json."""
    outcome = command(json=json_lines([{'filename': 'foo-1.0.zip', 'url': url}]) + GOOD_JSON)
    assert outcome.status == console.DONE
    if 'foo-1.0.zip' in outcome.filenames:
        [file] = json.loads(outcome.pages['simple/foo/index.json'])['files']
        assert file['url'].startswith('../../pool/')
        again = command(json=outcome.pages['packages.json'])
        assert again.notices == []
        assert again.filenames == {'foo-1.0.zip', 'good-1.0.zip'}

"""Metadata of every age: what a project list has of it."""
from __future__ import annotations

import json
from email import message_from_string
from importlib import metadata as installed
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dumb_pypi.model.fields import encode
from dumb_pypi.model.project_facts import read_facts
from dumb_pypi.scanner import descriptions
from dumb_pypi.scanner.descriptions import describe

HASH = f'sha256={"0" * 64}'
# The lines of a licence as distutils folds them.
FOLDED = 'MIT\n        \n          Permission\n        is'


def described(metadata: str | bytes) -> dict[str, Any]:
    """Return the line of a project, without its name and hash, as a build reads it."""
    content = metadata if isinstance(metadata, bytes) else metadata.encode()
    line = encode(describe('foo', HASH, content))
    facts, _, notices, _ = read_facts(line, 'projects')
    assert (list(facts), notices) == (['foo'], [])
    found: dict[str, Any] = json.loads(line)
    assert (found.pop('name'), found.pop('scanned_hash')) == ('foo', HASH)
    return found


@pytest.mark.parametrize(('metadata', 'expected'), [
    pytest.param('Name: foo\nVersion: 1.0\nSummary: s\n', {}, id='nothing'),
    pytest.param('', {}, id='empty'),
    pytest.param(
        'Author: A\nAuthor-email: a@example.com\nMaintainer: B\nMaintainer-email: b@example.com\n'
        'Keywords: a b\nHome-page: https://example.com\nLicense: MIT\n'
        'Classifier: License :: OSI Approved\nClassifier: Topic :: Games\n',
        {
            'author': 'A', 'author_email': 'a@example.com', 'maintainer': 'B',
            'maintainer_email': 'b@example.com', 'keywords': 'a b',
            'home_page': 'https://example.com/', 'license': 'MIT',
            'classifiers': ['License :: OSI Approved', 'Topic :: Games'],
        }, id='1.1',
    ),
    pytest.param(
        'Metadata-Version: 2.4\nLicense-Expression: MIT OR BSD-3-Clause\nLicense-File: LICENSE\n'
        'License-File: a/b\nProvides-Extra: x\nProvides-Extra: y\nProvides-Extra: x\n'
        'Description-Content-Type: text/markdown; charset=UTF-8\n\n# Foo\n',
        {
            'license_expression': 'MIT OR BSD-3-Clause', 'license_files': ['LICENSE', 'a/b'],
            'provides_extra': ['x', 'y'], 'description': '# Foo\n',
            'description_content_type': 'text/markdown; charset=UTF-8',
        }, id='2.4',
    ),
    pytest.param(
        'AUTHOR: A\nhome-PAGE: https://example.com/\ndescription-content-type: a\nPROJECT-url: '
        'Docs, https://example.com/\n',
        {
            'author': 'A', 'home_page': 'https://example.com/', 'description_content_type': 'a',
            'project_urls': {'Docs': 'https://example.com/'},
        }, id='names in any case',
    ),
    pytest.param(
        'Author: UNKNOWN\nHome-page: UNKNOWN\nLicense: UNKNOWN\nKeywords:\nClassifier: UNKNOWN\n'
        'Project-URL: UNKNOWN\nDownload-URL: UNKNOWN\nDescription: UNKNOWN\n\nUNKNOWN\n',
        {}, id='as distutils says nothing',
    ),
    pytest.param(
        'Author: one\n  and two\nAuthor: three\nClassifier: a\n\tb\n',
        {'author': 'one and two', 'classifiers': ['a b']}, id='folded, and twice',
    ),
    pytest.param(f'License: {FOLDED}\n', {'license': 'MIT\n\n  Permission\nis'}, id='licence'),
    pytest.param(
        'Author: A\nClassifier: b\n'.replace('\n', '\r\n') + '\r\n# Foo\r\n\r\n  x\rend',
        {'author': 'A', 'classifiers': ['b'], 'description': '# Foo\n\n  x\nend'},
        id='line breaks of other systems',
    ),
    pytest.param(
        b'Author: Caf\xe9\n\nCaf\xe9 \xe2\x82', {'author': 'Caf\ufffd', 'description':
                                                 'Caf\ufffd \ufffd'}, id='not UTF-8',
    ),
    pytest.param(
        'Author: a\0b\x1b[m\nLicense: a\0b\n\na\0b\x1b[m\x0cc\ufdd0',
        {'author': 'a\ufffdb\ufffd[m', 'license': 'ab', 'description': 'ab[mc'},
        id='control characters',
    ),
    pytest.param(
        'Author: A\nContent-Type: multipart/mixed; boundary=a\n\n--a\nAuthor: B\n\nc\n--a--\n',
        {'author': 'A', 'description': '--a\nAuthor: B\n\nc\n--a--\n'}, id='a nested message',
    ),
    pytest.param(
        'Provides-Extra: x\nProvides-Extra: $(reboot)\nProvides-Extra: a b\n',
        {'provides_extra': ['x']}, id='extras with invalid names',
    ),
])
def test_description_of_a_release(metadata: str | bytes, expected: dict[str, Any]) -> None:
    """A project list has what the metadata says, in the form that a build accepts."""
    assert described(metadata) == expected


@pytest.mark.parametrize(('metadata', 'expected'), [
    ('\n# Foo\n', '# Foo\n'),
    ('Description: Foo\n', 'Foo'),
    pytest.param('Description: Foo\n        \n          a  \n        end\n', 'Foo\n\n  a  \nend',
                 id='eight spaces'),
    pytest.param('Description: Foo\n       |\n       |  a\n       |end\n', 'Foo\n\n  a\nend',
                 id='seven spaces and a bar'),
    pytest.param('Description: Foo\n\ta\n\t  b\n', 'Foo\na\n  b', id='a tab'),
    pytest.param('Description: |a|\n  ---\n', '|a|\n---', id='a table'),
    pytest.param('Description:\n        Foo\n        bar\n', 'Foo\nbar', id='starts below'),
    pytest.param('Description: Foo\nbar\n\nend\n', 'Foo\nbar\n\nend\n', id='not folded'),
    pytest.param('Description: Foo\n\nKeywords: a\n', 'Foo\nKeywords: a\n', id='blank line'),
    pytest.param('Description: Foo\nDescription: bar\n', 'Foo', id='twice'),
    pytest.param('Description: UNKNOWN\n\nFoo\n', 'Foo\n', id='unknown field'),
    ('\n \n\t\n', None),
    ('Description: \n', None),
])
def test_readme(metadata: str, expected: str | None) -> None:
    """The README is below the fields or in one of them, folded in one of several ways."""
    assert described(metadata).get('description') == expected


@pytest.mark.parametrize(('fields', 'expected'), [
    (['Project-URL: Docs, https://example.com/a'], {'Docs': 'https://example.com/a'}),
    (['Project-URL: Docs,https://example.com/a,b'], {'Docs': 'https://example.com/a,b'}),
    (['Project-URL: Docs, https://example.com/#a'], {'Docs': 'https://example.com/#a'}),
    (['Project-URL: A, https://a.example', 'Project-URL: A, https://b.example'],
     {'A': 'https://b.example/'}),
    (['Project-URL: https://example.com/'], None),
    (['Project-URL: , https://example.com/'], None),
    (['Project-URL: A, javascript:alert(1)', 'Project-URL: B, https://b.example/'],
     {'B': 'https://b.example/'}),
    (['Project-URL: A,'], None),
    (['Download-URL: https://example.com/'], {'Download': 'https://example.com/'}),
    (['Download-URL: https://example.com/', 'Project-URL: download, https://b.example/'],
     {'download': 'https://b.example/'}),
    (['Download-URL: ftp://example.com/'], None),
    (['Home-page: example.com'], None),
])
def test_links(fields: list[str], expected: dict[str, str] | None) -> None:
    """Links that a page may have are in the list, the download page among them."""
    assert described('\n'.join(fields)) == ({} if expected is None else {'project_urls': expected})


@pytest.mark.parametrize(('field', 'content'), [
    (b'', b'a\n'), (b'', '€'.encode()), (b'', b'a\0'), (b'Description: ', b'a\n'),
])
def test_long_readme_is_cut(field: bytes, content: bytes) -> None:
    """A README of more than 1 MiB is cut at a line, if it has any, and says so."""
    size = descriptions.MAX_DESCRIPTION
    text = content * (size // len(content) + 9)
    if field:
        text = text.replace(b'\n', b'\n        ')
    found = described(field + text if field else b'\n' + text)['description']
    kept = found.removesuffix(descriptions.CUT)
    assert kept != found
    assert '\ufffd' not in kept
    assert 0 < len(kept.encode()) <= size
    assert set(kept) <= set(content.decode())
    exact = b'a' * size
    assert described(b'\n' + exact)['description'] == exact.decode()


def test_long_fields_are_skipped() -> None:
    """What exceeds 1 MiB in fields is skipped; the README has a limit of its own."""
    found = described(b'Author: A\nLicense: ' + b'a' * 2 ** 20 + b'\nKeywords: b\n\nFoo')
    assert found == {'author': 'A', 'description': 'Foo'}
    found = described(b'Classifier: a\n' * 2 ** 20 + b'Description: Foo\nKeywords: b\n')
    assert len(found.pop('classifiers')) == 2 ** 20 // len('Classifier: a')
    assert found == {'description': 'Foo'}


@pytest.mark.parametrize('content', [
    b'\n' * 2 ** 20,
    b' ' * 2 ** 20,
    b'Description: a\n' + b' \n' * 2 ** 19,
    b'Description: a\n' + b' ' * 2 ** 20 + b'x',
    b'License: a\n' + b''.join(b' ' * (i % 300) + b'x\n' for i in range(6000)),
    b'Project-URL: ' + b',' * 2 ** 19,
    b'Project-URL: a, https://' + b'[' * 2 ** 19,
    b'Project-URL: a, ' + b'a' * 2 ** 19 + b'://',
    b''.join(b'Project-URL: a%d, https://a/\n' % i for i in range(20_000)),
    b''.join(b'Provides-Extra: a%d\n' % i for i in range(20_000)),
    b'Author: ' + b'\0' * 2 ** 19,
    b'\n' + b'\r' * 2 ** 19,
    b'Content-Type: multipart/mixed; boundary=a\n\n' + b'--a\n' * 2 ** 18,
])
def test_hostile_metadata(content: bytes) -> None:
    """Metadata that takes quadratic time in a naive parser is read; this test is fast, or hangs."""
    described(content)


@given(st.lists(st.tuples(
    st.sampled_from([
        'Author', 'Classifier', 'Description', 'Download-URL', 'Home-page', 'Keywords', 'License',
        'License-File', 'Project-URL', 'Provides-Extra', 'Name', '',
    ]),
    st.text(st.characters(codec='utf-8'), max_size=20) | st.sampled_from([
        'a, https://example.com/', 'https://example.com/#\x7f', 'UNKNOWN', 'x\n        y\n',
    ]),
), max_size=6), st.binary(max_size=20))
@settings(max_examples=100)
def test_any_metadata_makes_a_valid_line(fields: list[tuple[str, str]], body: bytes) -> None:
    """Whatever bytes a file has, a build accepts the line without a message."""
    head = ''.join(f'{name}: {value}\n' for name, value in fields)
    described(head.encode() + b'\n' + body)
    described(body)


def test_installed_distributions() -> None:
    """Of installed distributions, fields and README are what the standard library reads."""
    checked = 0
    for distribution in installed.distributions():
        text = distribution.read_text('METADATA')
        if text is None:
            continue
        found, expected = described(text), message_from_string(text)
        assert found.get('classifiers', []) == (expected.get_all('Classifier') or [])
        assert found.get('license_expression') == expected.get('License-Expression')
        assert found.get('author_email') == expected.get('Author-email')
        body = expected.get_payload()
        assert found.get('description', '').strip() == str(body).strip()
        links = {
            label.strip(): url.strip() for label, _, url in (
                link.partition(',') for link in expected.get_all('Project-URL') or []
            )
        }
        assert set(links) - {'Download'} == set(found.get('project_urls', {})) - {'Download'}
        checked += 1
    assert checked > 10

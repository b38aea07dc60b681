"""Metadata of every age: what a list has of it, and whose it is."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dumb_pypi.errors import BrokenError
from dumb_pypi.scanner import metadata as core_metadata
from tests.support.archives import line, member, reason, sdist, WHEEL, wheel, zipped

WHOSE = 'has metadata that does not say its name and version, each once'


def metadata(*more: str, version: str = '2.1') -> bytes:
    lines = (f'Metadata-Version: {version}', 'Name: foo', 'Version: 1.0', *more)
    return ''.join(f'{line}\n' for line in lines).encode()


def facts(**known: object) -> dict[str, Any]:
    return {'requires_python': None, 'requires_dist': [], 'summary': None, **known}


@pytest.mark.parametrize(('content', 'expected'), [
    pytest.param(metadata(), facts(), id='nothing is needed'),
    pytest.param(
        metadata('Requires-Dist: a>=1', 'Requires-Python: >=3.8', 'Requires-Dist: b ; x == "y"',
                 'Summary: It is Ünïcode'),
        facts(requires_dist=['a>=1', 'b ; x == "y"'], requires_python='>=3.8',
              summary='It is Ünïcode'), id='all',
    ),
    pytest.param(
        metadata('Summary: one', '  and two', 'requires-PYTHON: >=3', 'REQUIRES-DIST: a', '\t>=1'),
        facts(summary='one and two', requires_python='>=3', requires_dist=['a >=1']), id='folded',
    ),
    pytest.param(
        metadata('Summary: one', '', 'Requires-Dist: not-a-header').replace(b'\n', b'\r\n'),
        facts(summary='one'), id='lines as on Windows',
    ),
    pytest.param(
        metadata('Requires-Dist: a', '', 'Requires-Dist: in-the-description'),
        facts(requires_dist=['a']), id='description below',
    ),
    pytest.param(
        metadata('Description: one', 'two', 'Requires-Dist: in-the-description'),
        facts(), id='description that is not folded, as old tools wrote it',
    ),
    pytest.param(metadata('Summary: UNKNOWN'), facts(), id='as distutils says nothing'),
    pytest.param(metadata('Summary:'), facts(), id='empty summary'),
    pytest.param(
        metadata('Requires-Python: >=3', 'Summary: a', 'Summary: b', 'requires-python: >=2'),
        facts(requires_python='>=3', summary='a'), id='twice: pip takes the first',
    ),
    pytest.param(
        metadata('Summary: \x1b[31mred\x7f\ufdd0'), facts(summary='\ufffd[31mred\ufffd\ufffd'),
        id='control characters',
    ),
    pytest.param(
        metadata().replace(b'foo', b'foo\nSummary: caf\xe9'), facts(summary='caf\ufffd'),
        id='not UTF-8',
    ),
    pytest.param(
        metadata('Content-Type: multipart/mixed; boundary=a', '', '--a', '--a', '--a'), facts(),
        id='a nested message',
    ),
])
def test_facts_of_a_wheel(
        tmp_path: Path, content: bytes, expected: dict[str, Any],
) -> None:
    """A wheel's line has the facts that pip would find in its METADATA."""
    found = line(tmp_path, WHEEL, wheel(content))
    assert {key: found.get(key) for key in expected} == expected


@pytest.mark.parametrize(('version', 'more', 'expected'), [
    # A wheel built from the sdist may have other requirements.
    ('1.0', (), None),
    ('2.1', ('Requires-Dist: a',), None),
    ('2.2', ('Requires-Dist: a', 'Dynamic: requires-DIST'), None),
    ('odd', ('Requires-Dist: a',), None),
    pytest.param('9' * 5000, ('Requires-Dist: a',), None, id='version of 5,000 digits'),
    # From 2.2 on it has the same, unless they are dynamic.
    ('2.2', ('Requires-Dist: a', 'Dynamic: Version'), ['a']),
    ('2.10', (), []),
])
@pytest.mark.parametrize('kind', ['sdist', 'egg'])
def test_requirements_of_sdists_and_eggs(
        tmp_path: Path, kind: str, version: str, more: tuple[str, ...],
        expected: list[str] | None,
) -> None:
    """Requirements are listed only if every wheel built from the file has the same."""
    content = metadata(*more, 'Requires-Python: >=3.8', version=version)
    found = line(tmp_path, 'foo-1.0.tar.gz', sdist(member(b'foo-1.0/PKG-INFO', content))) \
        if kind == 'sdist' else \
        line(tmp_path, 'foo-1.0-py3.9.egg', zipped([('EGG-INFO/PKG-INFO', content)]))
    assert found.get('requires_dist') == expected
    assert found['requires_python'] == '>=3.8'


@pytest.mark.parametrize(('content', 'expected'), [
    (b'', WHOSE),
    (b'Name: foo\n', WHOSE),
    (b'\nName: foo\nVersion: 1.0\n', WHOSE),
    (metadata('Name: foo'), WHOSE),
    (metadata('Version: 1.0'), WHOSE),
    pytest.param(metadata('Summary: a\rName: bar'), WHOSE, id='hidden behind an old line break'),
    pytest.param(
        metadata(*['Requires-Dist: a'] * 70_000),
        'has metadata with requirements of more than 1048576 bytes', id='too many requirements',
    ),
    pytest.param(
        metadata('Requires-Dist: a\x00'),
        r"requires_dist 'a\x00' has the control character U+0000", id='control characters',
    ),
    (metadata().replace(b'foo', b'bar'), "has the metadata of another project, 'bar'"),
    (metadata().replace(b'foo', b'foo-bar'), "has the metadata of another project, 'foo-bar'"),
    (metadata().replace(b'1.0', b'1.1'), "has the metadata of another version, '1.1'"),
    (metadata().replace(b'1.0', b'1.0+local'), "has the metadata of another version, '1.0+local'"),
    pytest.param(
        metadata().replace(b'1.0', b'1' * 5000),
        "has the metadata of another version, '1111", id='version of 5,000 digits',
    ),
    (metadata().replace(b'1.0', b'odd'), "has the metadata of another version, 'odd'"),
    (metadata().replace(b'foo', b'\xff' * 300), "has the metadata of another project, '\ufffd"),
])
def test_metadata_of_another_file(tmp_path: Path, content: bytes, expected: str) -> None:
    """Metadata that is incomplete, or does not fit the file name, is refused."""
    assert reason(tmp_path, WHEEL, wheel(content)).startswith(expected)


@pytest.mark.parametrize(('filename', 'name', 'version', 'expected'), [
    ('foo-1.0.zip', 'foo', '1.0', (None, None)),
    ('Foo.Bar-1.0.tar.gz', 'foo_bar', '1', (None, None)),
    ('foo_bar-1.0_1-py2.7.egg', 'foo-bar', '1.0-1', (None, None)),
    ('foo-1.0+local-py3-none-any.whl', 'foo', '1.0+LOCAL', (None, None)),
    # Old versions of `wheel` wrote local versions like this.
    ('foo-1.0_local.odd-py3-none-any.whl', 'foo', '1.0+local-odd', (None, None)),
    ('foo-2015-11-23.tar.gz', 'foo', '2015-11-23', (None, None)),
    # The name does not end where the parser guesses.
    ('foo-2-1.tar.gz', 'foo-2', '1', ('foo-2', None)),
    ('foo-r1.tar.gz', 'foo', 'r1', (None, None)),
    ('foo-dev.tar.gz', 'foo', 'dev', ('foo', None)),
    # File names without a version.
    ('aspy.yaml.zip', 'aspy.yaml', '1.0', (None, '1.0')),
    ('foo-dev.tar.gz', 'foo-dev', '1.0', (None, '1.0')),
])
def test_equivalent_names(
        filename: str, name: str, version: str, expected: tuple[str | None, str | None],
) -> None:
    """A file name and metadata may spell name and version differently."""
    assert core_metadata.check_name(filename, name, version) == expected


@pytest.mark.parametrize(('filename', 'name', 'version', 'expected'), [
    ('foo-1.0.zip', 'bar', '1.0', "has the metadata of another project, 'bar'"),
    ('foo-bar-1.0.zip', 'foo', '1.0', "has the metadata of another project, 'foo'"),
    ('foo.zip', 'foo-bar', '1.0', "has the metadata of another project, 'foo-bar'"),
    ('foobar-1.0.zip', 'foo', '1.0', "has the metadata of another project, 'foo'"),
    ('foo-1.0.zip', 'foo', '1.0.dev1', "has the metadata of another version, '1.0.dev1'"),
])
def test_different_names(
        filename: str, name: str, version: str, expected: str,
) -> None:
    """A file name and metadata of different projects or versions are refused."""
    with pytest.raises(BrokenError) as caught:
        core_metadata.check_name(filename, name, version)
    assert caught.value.reason == expected


@given(st.lists(
    st.sampled_from([
        b'Name', b'VERSION', b'summary', b'Requires-Dist', b'Dynamic', b'X', b'From ', b' ', b'\t',
        b':', b': ', b'\n', b'\r', b'\r\n', b'\n ', b'\n\n', b'foo', b'1.0', b'2.2', b'=?utf-8?q?',
        'é'.encode(), b'\0', b'\x1c', '\u2028'.encode(), b'\xff', b'--a',
        b'Content-Type: multipart/mixed; boundary=a',
    ]), max_size=40,
).map(b''.join))
@settings(deadline=None)
def test_any_bytes(text: bytes) -> None:
    """Arbitrary bytes are parsed or refused."""
    try:
        found = core_metadata.parse(b'Name: foo\nVersion: 1.0\nX:\n' + text, 'bdist_wheel')
    except BrokenError as error:
        assert error.reason == WHOSE
    else:
        assert (found.name, found.version) == ('foo', '1.0')

from __future__ import annotations

import json
from typing import Any

import pytest

from dumb_pypi.errors import LineError
from dumb_pypi.model.distfile import check_json, Distfile, from_json, to_json
from dumb_pypi.model.fields import Digest
from tests.support.lists import file_of

FULL = {
    'filename': 'foo-1.0-py3-none-any.whl',
    'hash': f'sha256={"0a1b" * 16}',
    'requires_python': '>=3.8',
    'requires_dist': ['bar>1', 'baz ; extra == "x"'],
    'core_metadata': f'sha256={"2c3d" * 16}',
    'upload_timestamp': 1512539924,
    'uploaded_by': 'ana',
    'yanked_reason': 'broken',
    'size': 1234,
    'url': 'team-a/foo-1.0-py3-none-any.whl',
    'summary': 'Does foo.',
    'provenance': 'https://example.com/foo.json',
    'name': 'Foo',
    'version': '1.0',
}


def parsed(**keys: Any) -> Distfile:
    return file_of(json.dumps({'filename': 'foo-1.0.zip', **keys}).encode())


def assert_comes_back(file: Distfile) -> None:
    """A file's line says all that is known of it, to whoever checks it and to whoever does not."""
    line = to_json(file)
    assert check_json(line) == (file, line, [])
    assert from_json(line) == file


def refused(line: bytes) -> str:
    with pytest.raises(LineError) as caught:
        check_json(line)
    return caught.value.reason


def test_every_key_of_a_line_is_kept() -> None:
    file = parsed(**FULL)
    assert file == Distfile(
        filename='foo-1.0-py3-none-any.whl', project=file.project, version='1.0',
        packagetype='bdist_wheel', python_version='py3', url='team-a/foo-1.0-py3-none-any.whl',
        digest=Digest('sha256', '0a1b' * 16), requires_python='>=3.8',
        requires_dist=('bar>1', 'baz ; extra == "x"'), core_metadata=Digest('sha256', '2c3d' * 16),
        upload_timestamp=1512539924, uploaded_by='ana', yanked_reason='broken', size=1234,
        summary='Does foo.', provenance='https://example.com/foo.json', given_name='Foo',
        given_version='1.0',
    )
    assert file.project == 'foo'
    assert json.loads(to_json(file)) == FULL
    assert_comes_back(file)


def test_null_means_absent() -> None:
    nothing = dict.fromkeys(FULL, None)
    assert parsed(**{**nothing, 'filename': 'foo-1.0.zip'}) == parsed()
    assert to_json(parsed()) == b'{"filename":"foo-1.0.zip"}'


@pytest.mark.parametrize(
    ('key', 'value', 'attribute', 'expected'), (
        ('hash', f'SHA1={"AB" * 20}', 'digest', Digest('sha1', 'ab' * 20)),
        ('hash', f'blake2b={"ab" * 32}', 'digest', Digest('blake2b', 'ab' * 32)),
        ('hash', f'blake2b={"ab" * 64}', 'digest', Digest('blake2b', 'ab' * 64)),
        ('hash', 'new=ab', 'digest', Digest('new', 'ab')),
        ('core_metadata', 'true', 'core_metadata', True),
        ('core_metadata', None, 'core_metadata', False),
        ('yanked_reason', '', 'yanked_reason', ''),
        ('yanked_reason', ' \n', 'yanked_reason', ''),
        ('requires_python', '', 'requires_python', None),
        ('requires_dist', [], 'requires_dist', ()),
        ('uploaded_by', ' a\r\n\tb ', 'uploaded_by', 'a b'),
        ('summary', 'ünï \u202e<b>', 'summary', 'ünï \u202e<b>'),
        ('upload_timestamp', 1.0, 'upload_timestamp', 1),
        ('upload_timestamp', -0.0, 'upload_timestamp', 0),
        ('upload_timestamp', 1.25, 'upload_timestamp', 1.25),
        ('upload_timestamp', 253370764799, 'upload_timestamp', 253370764799),
        ('size', 0, 'size', 0),
        ('size', 2 ** 63 - 1, 'size', 2 ** 63 - 1),
        ('url', 'foo-1.0.zip', 'url', 'foo-1.0.zip'),
        ('url', './foo-1.0.zip', 'url', 'foo-1.0.zip'),
        ('url', 'https://example.com/foo-1.0.zip?a=b', 'url',
         'https://example.com/foo-1.0.zip?a=b'),
    ),
)
def test_values_have_one_form(key: str, value: object, attribute: str, expected: object) -> None:
    file = parsed(**{key: value})
    assert getattr(file, attribute) == expected
    assert type(getattr(file, attribute)) is type(expected)
    assert_comes_back(file)


@pytest.mark.parametrize(
    ('key', 'value', 'reason'), (
        ('filename', 1, 'filename is a whole number, not a text'),
        ('filename', '', "filename '' is empty, or has a space at an end"),
        ('filename', ' foo-1.0.zip', "filename ' foo-1.0.zip' is empty, or has a space at an end"),
        ('filename', 'a/foo-1.0.zip', ("filename 'a/foo-1.0.zip' has a slash: "
                                      "the place of a file is its 'url'")),
        ('filename', 'a\\foo-1.0.zip', ("filename 'a\\\\foo-1.0.zip' has a slash: "
                                       "the place of a file is its 'url'")),
        ('filename', 'foo-1.0\n.zip', "filename 'foo-1.0\\n.zip' has the control character U+000A"),
        ('filename', 'foo-1.\u202e0.zip', (
            r"filename 'foo-1.\u202e0.zip' has the control character U+202E"
        )),
        ('filename', f'foo-{"é" * 124}.zip', 'is longer than 255 bytes'),
        ('hash', 'deadbeef', "hash 'deadbeef' is not '<algorithm>=<hex>'"),
        ('hash', 'sha256=xyz', "hash 'sha256=xyz' is not '<algorithm>=<hex>'"),
        ('hash', 'sha256=', "hash 'sha256=' is not '<algorithm>=<hex>'"),
        ('hash', 'sha256=abc', "hash 'sha256=abc' has 3 hex digits where sha256 has 64"),
        ('hash', 'blake2b=a', "hash 'blake2b=a' has 1 hex digits where blake2b has 64 or 128"),
        ('core_metadata', 'md5=ab', "core_metadata 'md5=ab' has 2 hex digits where md5 has 32"),
        ('core_metadata', 'false', ("core_metadata 'false' is neither 'true' nor "
                                   "'<algorithm>=<hex>'")),
        ('core_metadata', 'sha256=!', "core_metadata 'sha256=!' is not '<algorithm>=<hex>'"),
        ('core_metadata', True, 'core_metadata is true or false, not a text'),
        ('requires_dist', 'bar', 'requires_dist is a text, not a list'),
        ('requires_dist', [1], 'requires_dist[0] is a whole number, not a text'),
        ('requires_dist', ['a\0'], r"requires_dist 'a\x00' has the control character U+0000"),
        ('summary', 'a\x1b[31m', r"summary 'a\x1b[31m' has the control character U+001B"),
        ('summary', 'a\uffff', r"summary 'a\uffff' has the control character U+FFFF"),
        ('summary', 'a\U0010fffe', r"summary 'a\U0010fffe' has the control character U+10FFFE"),
        ('upload_timestamp', -1,
         'upload_timestamp -1 is not seconds since 1970, before the year 9999'),
        ('upload_timestamp', 1512539924000, ('upload_timestamp 1512539924000 is not seconds since '
                                            '1970, before the year 9999')),
        ('upload_timestamp', 253370764800, 'is not seconds since 1970, before the year 9999'),
        ('upload_timestamp', 10 ** 40, 'is not seconds since 1970, before the year 9999'),
        ('upload_timestamp', 1e300, 'is not seconds since 1970, before the year 9999'),
        ('upload_timestamp', True, 'upload_timestamp is true or false, not a number'),
        ('size', -1, 'size -1 is not a number of bytes'),
        ('size', 2 ** 63, 'size 9223372036854775808 is not a number of bytes'),
        ('size', 1.5, 'size is a fraction, not a whole number'),
        ('url', '../foo-1.0.zip', (
            "url '../foo-1.0.zip' is neither an http or https URL nor a path below --packages-url"
        )),
        ('url', 'javascript:alert(1)', "url 'javascript:alert(1)' is not an http or https URL"),
        ('url', 'bar-1.0.zip', "url 'bar-1.0.zip' does not end in the file name 'foo-1.0.zip'"),
        ('url', 'a\0/foo-1.0.zip', r"url 'a\x00/foo-1.0.zip' has the control character U+0000"),
        ('provenance', 'http://example.com/', ("provenance 'http://example.com/' is not an https "
                                              'URL')),
        ('provenance', 'https://example.com/\x7f', 'has the control character U+007F'),
        ('name', 'a b', "name 'a b' is not a name for a project"),
        ('version', '1.0\u202e', r"version '1.0\u202e' has the control character U+202E"),
        ('version', '..', "version '..' cannot be the name of a folder"),
    ),
)
def test_wrong_values_are_told_of(key: str, value: object, reason: str) -> None:
    line = json.dumps({'filename': 'foo-1.0.zip', key: value}).encode()
    assert refused(line).endswith(reason)


@pytest.mark.parametrize(
    ('line', 'reason'), (
        (b'{}', "key 'filename' is missing"),
        (b'[]', 'the line is a list, not an object'),
        (b'{', 'Input data was truncated'),
        (b'{"filename": "foo-1.0.zip", "summary": "\\ud800"}',
         'JSON is malformed, or has half of a character that takes two escapes'),
        (b'{"filename": "foo-1.0.zip"} x', 'JSON is malformed: trailing characters (byte 29)'),
        (b'{"filename": "foo-1.0.zip", "size": 1, "size": 2}', "key 'size' is there twice"),
        (b'{"filename": "foo-1.0.zip", "x": 1, "x": 1}', "key 'x' is there twice"),
        # As many colons as the line that would be written: only the backslash tells.
        (b'{"filename": "foo-1.0.zip", "summary": "\\u003a", "summary": "\\u003a"}',
         "key 'summary' is there twice"),
        (b'{"filename": "foo-1.0.zip", "x": ' + b'[' * 100_000 + b']' * 100_000 + b'}',
         'JSON is nested too deeply'),
    ),
)
def test_lines_that_are_no_object_of_a_list(line: bytes, reason: str) -> None:
    assert refused(line) == reason


@pytest.mark.parametrize(
    ('line', 'unknown'), (
        (b'{"filename": "foo-1.0.zip", "b": {"c": 1}, "a": null}', ['b', 'a']),
        (b'{"filename": "foo-1.0.zip", "summary": ": : :"}', []),
        (b'{"filename": "foo-1.0.zip", "summary": null}', []),
        (b'{"file\\u006eame": "foo-1.0.zip"}', []),
    ),
)
def test_unknown_keys_are_passed_over_and_told_of(line: bytes, unknown: list[str]) -> None:
    file, normal, keys = check_json(line)
    assert file.filename == 'foo-1.0.zip'
    assert keys == unknown
    assert normal == to_json(file)

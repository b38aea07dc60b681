from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

import msgspec
import pytest
from packaging.utils import canonicalize_name

from dumb_pypi.errors import LineError
from dumb_pypi.model.distfile import check_json, check_plain, Distfile, read_checked
from dumb_pypi.model.fields import encode, Line, unknown_key
from dumb_pypi.model.project_facts import FactsLine
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


def checked(**keys: Any) -> Distfile:
    return file_of(json.dumps({'filename': 'foo-1.0.zip', **keys}).encode())


def assert_line_is_canonical(file: Distfile) -> None:
    """Checking and reading the line of a checked file both give that file again."""
    line = encode(file.line)
    assert check_json(line) == (file, line, [])
    assert read_checked(line) == file


def refused(line: bytes) -> str:
    with pytest.raises(LineError) as caught:
        check_json(line)
    return caught.value.reason


def test_every_key_is_kept() -> None:
    """A line that has every key in its one form is that of the file, but for the ETag of a scan."""
    file = checked(**FULL)
    assert {*FULL, 'scanned_etag'} == set(Line.__struct_fields__)
    assert checked(**FULL, scanned_etag='0a1b') == file
    assert file == Distfile(
        line=msgspec.convert(FULL, Line), project=canonicalize_name('foo'), version='1.0',
        packagetype='bdist_wheel', python_version='py3', url='team-a/foo-1.0-py3-none-any.whl',
    )
    assert json.loads(encode(file.line)) == FULL
    assert_line_is_canonical(file)


def test_false_is_not_yanked() -> None:
    """Lists that say `false` for a file that is not yanked describe the same file."""
    line = b'{"filename": "foo-1.0.zip", "yanked_reason": false, "size": 1, "x": 0}'
    file, written, unknown = check_json(line)
    assert file == checked(size=1)
    assert written == b'{"filename":"foo-1.0.zip","size":1}'
    assert unknown == ['x']


def test_null_means_absent() -> None:
    """A key whose value is null counts as absent."""
    nothing = dict.fromkeys(FULL, None)
    assert checked(**{**nothing, 'filename': 'foo-1.0.zip'}) == checked()
    assert encode(checked().line) == b'{"filename":"foo-1.0.zip"}'


@pytest.mark.parametrize(
    ('key', 'value', 'expected'), (
        ('hash', f'SHA1={"AB" * 20}', f'sha1={"ab" * 20}'),
        ('hash', f'blake2b={"ab" * 32}', f'blake2b={"ab" * 32}'),
        ('hash', f'blake2b={"ab" * 64}', f'blake2b={"ab" * 64}'),
        ('hash', 'new=AB', 'new=ab'),
        ('core_metadata', 'true', 'true'),
        ('core_metadata', 'MD5=' + 'AB' * 16, 'md5=' + 'ab' * 16),
        ('yanked_reason', '', ''),
        ('yanked_reason', ' \n', ''),
        ('yanked_reason', False, None),
        ('requires_python', '', None),
        ('requires_dist', [], []),
        ('requires_dist', [' a\n'], ['a']),
        ('uploaded_by', ' a\r\n\tb ', 'a b'),
        ('summary', 'ünï \u202e<b>', 'ünï \u202e<b>'),
        ('upload_timestamp', 1.0, 1),
        ('upload_timestamp', -0.0, 0),
        ('upload_timestamp', 1.25, 1.25),
        ('upload_timestamp', 253370764799, 253370764799),
        ('size', 0, 0),
        ('size', 2 ** 63 - 1, 2 ** 63 - 1),
        # The file name is the default.
        ('url', 'foo-1.0.zip', None),
        ('url', './foo-1.0.zip', None),
        ('url', 'https://example.com/foo-1.0.zip?a=b', 'https://example.com/foo-1.0.zip?a=b'),
        ('provenance', 'HTTPS://example.com', 'https://example.com/'),
        ('name', ' Foo ', 'Foo'),
        ('version', ' 1 ', '1'),
    ),
)
def test_values_have_one_form(key: str, value: object, expected: object) -> None:
    """Values that mean the same become one value in the checked line."""
    file = checked(**{key: value})
    found = getattr(file.line, key)
    assert found == expected
    assert type(found) is type(expected)
    assert_line_is_canonical(file)


@pytest.mark.parametrize(
    ('keys', 'attribute', 'expected'), (
        ({}, 'url', 'foo-1.0.zip'),
        ({'filename': 'foo-1.0+a.zip'}, 'url', 'foo-1.0%2Ba.zip'),
        ({'filename': 'foo-1.0+a.zip', 'url': 'foo-1.0+a.zip'}, 'url', 'foo-1.0%2Ba.zip'),
        ({'url': 'a+b/foo-1.0.zip'}, 'url', 'a%2Bb/foo-1.0.zip'),
        ({}, 'version', '1.0'),
        ({'version': '2'}, 'version', '2'),
        ({'name': 'Foo_Bar'}, 'project', 'foo-bar'),
        ({}, 'yanked', False),
        ({'yanked_reason': ''}, 'yanked', True),
        ({}, 'upload_time', None),
        ({'upload_timestamp': 0}, 'upload_time', '1970-01-01T00:00:00Z'),
    ),
)
def test_file_has_what_follows(keys: dict[str, Any], attribute: str, expected: object) -> None:
    """A file has its URL, project, version and hashes, stated in the line or not."""
    file = checked(**keys)
    assert getattr(file, attribute) == expected
    assert_line_is_canonical(file)


@pytest.mark.parametrize(
    ('line', 'url', 'digest'), (
        (b'foo-1.0.zip', 'foo-1.0.zip', None),
        (b'foo-1.0.zip#md5=' + b'AB' * 16, 'foo-1.0.zip', f'md5={"ab" * 16}'),
        (b'./foo-1.0.zip', 'foo-1.0.zip', None),
        (b'team a/foo-1.0.zip', 'team%20a/foo-1.0.zip', None),
        # A path is as it is on disk: a percent sign stands for itself.
        (b'100%25/foo-1.0.zip', '100%2525/foo-1.0.zip', None),
        (b'https://example.com/x/foo-1.0.zip#adler32=ab',
         'https://example.com/x/foo-1.0.zip', 'adler32=ab'),
        (b'https://example.com/foo-1.0.zip?token=1', 'https://example.com/foo-1.0.zip?token=1',
         None),
    ),
)
def test_plain_line(line: bytes, url: str, digest: str | None) -> None:
    """A plain line is a file name, a path or a URL, and may end in a hash."""
    file, written, unknown = check_plain(line)
    assert (file.filename, file.url, file.line.hash) == ('foo-1.0.zip', url, digest)
    assert written == encode(file.line)
    assert not unknown
    assert_line_is_canonical(file)


def test_plain_url_is_decoded() -> None:
    """The file name is the last part of a URL, decoded."""
    file, _, _ = check_plain(b'https://example.com/f-1.0%2Bl-py3-none-any.whl')
    assert file.filename == 'f-1.0+l-py3-none-any.whl'


@pytest.mark.parametrize('name', (
    'foo-1.0%2Blocal-py3-none-any.whl', 'a%2Fb-1.0.zip', 'a%00b-1.0.zip', 'foo-1.%fF.zip',
    'foo-1.%252B.zip', '%66oo-1.0.zip', 'foo-1.0%2ezip.zip',
))
def test_encoded_file_name_is_refused(name: str) -> None:
    """A file whose name has `%` and two hex digits is refused in every form of a list."""
    encoded = name.replace('%', '%25')
    lines = (name, f'./a/{name}', f'https://example.com/a/{encoded}?b=c', f'{name}#md5={"0" * 32}')
    for line in lines:
        with pytest.raises(LineError, match='which clients decode twice'):
            check_plain(line.encode())
    for url in (None, encoded, f'a/{encoded}', f'https://example.com/{encoded}'):
        assert 'which clients decode twice' in refused(
            json.dumps({'filename': name, 'url': url, 'name': 'foo', 'version': '1'}).encode(),
        )


@pytest.mark.parametrize(
    ('line', 'url'), (
        # A URL is encoded once, and so is a path in JSON.
        ({'url': 'foo-1.0%2Blocal.zip'}, 'foo-1.0%2Blocal.zip'),
        ({'url': 'a%2541/foo-1.0%2blocal%2Ezip'}, 'a%2541/foo-1.0%2blocal%2Ezip'),
        ({'url': 'https://example.com/%2541/foo-1.0%2Blocal.zip?a=%41'},
         'https://example.com/%2541/foo-1.0%2Blocal.zip?a=%41'),
    ),
)
def test_encoded_url_is_accepted(line: dict[str, str], url: str) -> None:
    """A percent-encoded URL of a file whose name needs it stays as it is."""
    file = checked(filename='foo-1.0+local.zip', **line)
    assert file.url == url
    assert_line_is_canonical(file)


@pytest.mark.parametrize('name', ('foo-1.%.zip', 'foo-1.%2.zip', 'foo-1.%zz.zip', 'foo-1.2%+1.zip'))
def test_other_percent_signs_are_kept(name: str) -> None:
    """A percent sign that is no encoding stands for itself, encoded once in the URL."""
    for file in (checked(filename=name), check_plain(name.encode())[0]):
        assert file.filename == name
        assert unquote(file.url) == name
        assert_line_is_canonical(file)


@pytest.mark.parametrize(
    ('key', 'value', 'reason'), (
        ('filename', 1, '`filename` must be a string'),
        ('filename', '', "filename '' is empty: give the file's name"),
        ('filename', ' foo-1.0.zip', "filename ' foo-1.0.zip' starts or ends with a space"),
        ('filename', 'a/foo-1.0.zip', ("filename 'a/foo-1.0.zip' has a slash: "
                                      "give the path as 'url'")),
        ('filename', 'a\\foo-1.0.zip', ("filename 'a\\\\foo-1.0.zip' has a backslash: write "
                                       "paths with '/', relative to --packages-url")),
        ('filename', 'foo-1.0\n.zip', "filename 'foo-1.0\\n.zip' has the control character U+000A"),
        ('filename', 'foo-1.\u202e0.zip', (
            r"filename 'foo-1.\u202e0.zip' has the control character U+202E"
        )),
        ('filename', f'foo-{"é" * 124}.zip', 'is longer than 255 bytes'),
        ('filename', 'foo-1.0%2Bl.zip', ("filename 'foo-1.0%2Bl.zip' has '%2B', which clients "
                                         'decode twice: give the decoded name, or rename the file'
                                         )),
        ('yanked_reason', True, ('`yanked_reason` must be a string or false: give the reason, or ""'
                                 )),
        ('yanked_reason', 0, '`yanked_reason` must be a string or false'),
        ('hash', 'deadbeef', "hash 'deadbeef' is not '<algorithm>=<hex>'"),
        ('hash', 'sha256=xyz', "hash 'sha256=xyz' is not '<algorithm>=<hex>'"),
        ('hash', 'A' * 64, "is not '<algorithm>=<hex>'. Did you mean 'sha256=aaaaaaaa…'?"),
        ('hash', 'a' * 40, "is not '<algorithm>=<hex>'. Did you mean 'sha1=aaaaaaaa…'?"),
        ('hash', f'SHA384:{"a" * 96}', "'<algorithm>=<hex>'. Did you mean 'sha384=aaaaaaaa…'?"),
        ('hash', 'a' * 63, "a' is not '<algorithm>=<hex>'"),
        ('hash', 'sha256=', "hash 'sha256=' is not '<algorithm>=<hex>'"),
        ('hash', 'sha256=abc', "hash 'sha256=abc' has 3 hex digits, but sha256 has 64"),
        ('hash', 'blake2b=a', "hash 'blake2b=a' has 1 hex digits, but blake2b has 64 or 128"),
        ('core_metadata', 'md5=ab', "core_metadata 'md5=ab' has 2 hex digits, but md5 has 32"),
        ('core_metadata', 'false', ("core_metadata 'false' is neither 'true' nor "
                                   "'<algorithm>=<hex>'")),
        ('core_metadata', 'sha256=!', "core_metadata 'sha256=!' is not '<algorithm>=<hex>'"),
        ('core_metadata', True, '`core_metadata` must be a string'),
        ('requires_dist', 'bar', '`requires_dist` must be a list of strings'),
        ('requires_dist', [1], '`requires_dist` must be a list of strings'),
        ('requires_dist', ['a\0'], r"requires_dist 'a\x00' has the control character U+0000"),
        ('summary', 'a\x1b[31m', r"summary 'a\x1b[31m' has the control character U+001B"),
        ('summary', 'a\uffff', r"summary 'a\uffff' has the control character U+FFFF"),
        ('summary', 'a\U0010fffe', r"summary 'a\U0010fffe' has the control character U+10FFFE"),
        ('upload_timestamp', -1, 'upload_timestamp -1 is not in seconds from 1970 to 9998'),
        ('upload_timestamp', 1512539924000,
         'upload_timestamp 1512539924000 is not in seconds from 1970 to 9998: is it in millisec'),
        ('upload_timestamp', 253370764800, 'is not in seconds from 1970 to 9998'),
        ('upload_timestamp', 10 ** 40, 'is not in seconds from 1970 to 9998'),
        ('upload_timestamp', 1e300, 'is not in seconds from 1970 to 9998'),
        ('upload_timestamp', True, '`upload_timestamp` must be a number'),
        ('size', -1, 'size -1 is not a file size in bytes'),
        ('size', 2 ** 63, 'size 9223372036854775808 is not a file size in bytes'),
        ('size', 1.5, '`size` must be an integer'),
        ('url', '../foo-1.0.zip', (
            "url '../foo-1.0.zip' is neither an http or https URL nor a path below --packages-url"
        )),
        ('url', 'javascript:alert(1)', "url 'javascript:alert(1)' is not an http or https URL"),
        ('url', 'bar-1.0.zip', "url 'bar-1.0.zip' does not end with 'foo-1.0.zip'"),
        ('url', 'a\0/foo-1.0.zip', r"url 'a\x00/foo-1.0.zip' has the control character U+0000"),
        ('provenance', 'http://example.com/', ("provenance 'http://example.com/' is not an https "
                                              'URL')),
        ('provenance', 'https://example.com/\x7f', 'has the control character U+007F'),
        ('name', 'a b', "name 'a b' is not a valid project name"),
        ('version', '1.0\u202e', r"version '1.0\u202e' has the control character U+202E"),
        ('version', '..', "version '..' cannot be used as a folder name"),
    ),
)
def test_invalid_value_is_refused(key: str, value: object, reason: str) -> None:
    """The message names the key and the value, and says what is wrong with it."""
    line = json.dumps({'filename': 'foo-1.0.zip', key: value}).encode()
    assert reason in refused(line)


@pytest.mark.parametrize(
    ('line', 'reason'), (
        (b'{}', "key 'filename' is missing: every line needs it"),
        (b'[]', 'the line must be a JSON object'),
        (b'{', 'Input data was truncated: write one JSON object per line'),
        (b'{"filename": "foo-1.0.zip", "summary": "\\ud800"}',
         ('JSON is malformed, or has only one half of a surrogate pair: '
          'write one JSON object per line')),
        (b'{"filename": "foo-1.0.zip"} x', (
            'JSON is malformed: trailing characters (byte 29): write one JSON object per line'
        )),
        (b'{"filename": "foo-1.0.zip", "upload_timestamp": 1e400}',
         'upload_timestamp: Number out of range'),
        (b'{"filename": "foo-1.0.zip", "size": 1, "size": 2}',
         "key 'size' appears twice: keep one"),
        (b'{"filename": "foo-1.0.zip", "x": 1, "x": 1}', "key 'x' appears twice: keep one"),
        # As many colons as its checked form: the escapes hide two of them.
        (b'{"filename": "foo-1.0.zip", "summary": "\\u003a", "summary": "\\u003a"}',
         "key 'summary' appears twice: keep one"),
        (b'{"filename": "foo-1.0.zip", "x": ' + b'[' * 100_000 + b']' * 100_000 + b'}',
         'JSON is nested too deeply: write one flat object per line'),
    ),
)
def test_malformed_line_is_refused(line: bytes, reason: str) -> None:
    """A line must be a JSON object with a file name, and no key twice."""
    assert refused(line) == reason


@pytest.mark.parametrize(
    ('line', 'unknown'), (
        (b'{"filename": "foo-1.0.zip", "b": {"c": 1}, "a": null}', ['b', 'a']),
        (b'{"filename": "foo-1.0.zip", "summary": ": : :"}', []),
        (b'{"filename": "foo-1.0.zip", "summary": null}', []),
        (b'{"file\\u006eame": "foo-1.0.zip"}', []),
    ),
)
def test_unknown_keys_are_reported(line: bytes, unknown: list[str]) -> None:
    """An unknown key does not make a line bad, and is returned."""
    file, normal, keys = check_json(line)
    assert file.filename == 'foo-1.0.zip'
    assert keys == unknown
    assert normal == encode(file.line)


@pytest.mark.parametrize(
    ('key', 'meant'), (
        ('yanked', 'yanked_reason'), ('Yanked-Reason', 'yanked_reason'),
        ('sha256', 'hash'), ('SHA256', 'hash'), ('hashes', 'hash'), ('digests', 'hash'),
        ('Size', 'size'), ('sizes', 'size'), ('file_name', 'filename'), ('File-Name', 'filename'),
        ('requires-python', 'requires_python'), ('python_requires', 'requires_python'),
        ('dependencies', 'requires_dist'), ('requires', 'requires_dist'),
        ('upload-time', 'upload_timestamp'), ('mtime', 'upload_timestamp'),
        ('uploader', 'uploaded_by'), ('dist-info-metadata', 'core_metadata'),
        ('core-metadata', 'core_metadata'), ('path', 'url'), ('sumary', 'summary'),
        ('a', None), ('', None), ('x', None), ('colour', None), ('number', None), ('é', None),
        ('key1', None), ('k' * 5000, None), ('f' * 5000, None),
    ),
)
def test_unknown_key_gets_a_suggestion(key: str, meant: str | None) -> None:
    """The message about an unknown key names the known key that it resembles, if there is one."""
    message = unknown_key(key, Line)
    told, _, suggestion = message.partition(' on all lines')
    assert told.startswith("key '")
    assert told.endswith("' is not known and is ignored" if len(key) < 90 else ' ignored')
    assert suggestion == ('' if meant is None else f": did you mean '{meant}'?")


def test_suggestions_are_keys_of_the_list() -> None:
    """A project list has other keys than a package list, and gets no suggestion of those."""
    assert unknown_key('homepage', FactsLine).endswith("did you mean 'home_page'?")
    assert unknown_key('state', FactsLine).endswith("did you mean 'status'?")
    for key, meant in (
            ('licence', 'license'), ('classifier', 'classifiers'), ('url', 'home_page'),
            ('long_description', 'description'), ('readme', 'description'),
            ('Long-Description-Content-Type', 'description_content_type'), ('tags', 'keywords'),
            ('project_url', 'project_urls'), ('extras', 'provides_extra'),
            ('licence_files', 'license_files'), ('authors', 'author'),
    ):
        assert unknown_key(key, FactsLine).endswith(f"did you mean '{meant}'?")
        assert not unknown_key(key, Line).endswith(f"'{meant}'?")
    for key in ('sha256', 'mtime', 'uploader'):
        assert unknown_key(key, FactsLine).endswith(' on all lines')

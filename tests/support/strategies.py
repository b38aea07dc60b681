"""Lines of lists for the property tests: valid ones, and whatever else there may be."""
from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

from tests.support.trees import Facts

# What means something to URLs, paths, HTML, JSON, terminals or versions.
NASTY = st.sampled_from([
    *'/\\#?%&<>"\'`:@;=+!~|*(){}[]^$,._- \t\n\r\0\x1b\x7f\x85\xa0é\u0301\u017f\u2028\u202e',
    '\ufb01', '\uff11', '\u200b', '\ufeff', '\ufffd', '\ufffe', '😀', '..', './', '../', '%2e',
    '%2F', '%', '%00', '%ff', 'http:', 'https://', 'https://[', 'javascript:', '//', 'foo',
    '-1.0', '.zip', '.whl', '-py3-none-any', '-cu128', '-variants.json', ' (1)', '1', '0',
    'json', 'post', 'rc', 'md5=0a', '<script>',
])
nasty_text = st.lists(NASTY, max_size=12).map(''.join)

# What any text field takes: all but controls, surrogates and what is no character yet.
_GOOD = st.characters(exclude_categories=('Cc', 'Cs', 'Cn'))
good_text = st.text(_GOOD, min_size=1, max_size=40).map(str.strip).filter(bool)
# A part of a URL's path that stands for itself.
path_parts = st.text(_GOOD, min_size=1, max_size=8).filter(lambda part: not set(part) & set('./\\'))

projects = st.from_regex('[A-Za-z0-9]([A-Za-z0-9._-]{0,6}[A-Za-z0-9])?', fullmatch=True)
few_projects = st.sampled_from(['a', 'A', 'b-c', 'B_c', 'b.C'])
_numbers = st.lists(st.integers(0, 30), min_size=1, max_size=4).map(
    lambda parts: '.'.join(map(str, parts)),
)
versions = st.builds(
    '{}{}{}'.format,
    _numbers,
    st.sampled_from(['', '', '', 'a1', 'b2', 'rc1', '.dev3', '.post4', '.POST4', 'c1']),
    st.sampled_from(['', '', '', '+local.1', '+LOCAL_1']),
)
# Not PEP 440, and yet on some file's name.
odd_versions = st.text(
    _GOOD.filter(lambda character: character not in '/\\\u061c\u200e\u200f' and not (
        '\u202a' <= character <= '\u202e' or '\u2066' <= character <= '\u2069'
    )), min_size=1, max_size=10,
).map(lambda text: f'1.{text}x')
endings = st.sampled_from(['.zip', '.tar.gz', '-py3-none-any.whl', '-2-cp310-cp310-any.whl',
                           '-py2.7.egg', '.win32.exe', '-py3-none-any-x86_64_v3.whl',
                           '-1-cp310-cp310-any-cu128.whl', '-variants.json', '.win32-py3.1-2.msi'])
filenames = st.builds('{}-{}{}'.format, few_projects, versions, endings)
# Clients decode a percent sign and two hex digits twice, so no file may have them.
_ENCODED = re.compile('%(?=[0-9A-Fa-f]{2})')
odd_filenames = st.builds('{}-{}{}'.format, projects, odd_versions, endings).map(
    lambda name: _ENCODED.sub('_', name),
)

# How many bytes each has; of one that nobody knows, any.
_DIGEST_SIZES = {
    'sha256': 32, 'SHA256': 32, 'md5': 16, 'sha1': 20, 'sha384': 48, 'sha512': 64, 'blake2b': 32,
    'crc32': 4, 'x_1': 1,
}
hashes = st.sampled_from(list(_DIGEST_SIZES)).flatmap(lambda algorithm: st.builds(
    f'{algorithm}={{}}'.format,
    st.binary(min_size=_DIGEST_SIZES[algorithm], max_size=_DIGEST_SIZES[algorithm]).map(bytes.hex),
))
# Those that clients take end a day before those that Python does.
_LAST = 253370764799
timestamps = st.integers(0, _LAST) | st.floats(0, _LAST) | st.sampled_from(
    [0, 0.5, 1706745600, 1706745600.25, 1706745599.9999999, _LAST],
)


def optional_facts() -> st.SearchStrategy[Facts]:
    """Generate the optional keys of a line, but for the URL."""
    return st.fixed_dictionaries({}, optional={
        'hash': hashes,
        'requires_python': good_text,
        'requires_dist': st.lists(good_text, max_size=3),
        'core_metadata': st.just('true') | hashes,
        'upload_timestamp': timestamps,
        'uploaded_by': good_text,
        'yanked_reason': st.just('') | good_text,
        'size': st.integers(0, 2**63 - 1),
        'summary': good_text,
        'provenance': path_parts.map(lambda part: f'https://example.com/{quote(part)}?a=b&c'),
    })


def _with_filename(filename: str, facts: Facts, folders: list[str], host: str) -> Facts:
    line = {'filename': filename, **facts}
    if folders or host:
        line['url'] = host + '/'.join(quote(part, safe='') for part in (*folders, filename))
    return line


def lines(names: st.SearchStrategy[str]) -> st.SearchStrategy[Facts]:
    """Valid lines of a JSON list, with a URL of their own or without."""
    return st.builds(
        _with_filename, names, optional_facts(), st.lists(path_parts, max_size=2),
        st.sampled_from(['', '', 'https://example.com/', 'http://example.com:8080/']),
    )


def lists(names: st.SearchStrategy[str] = filenames) -> st.SearchStrategy[list[Facts]]:
    """Valid lists, each file name once."""
    return st.lists(
        lines(names), min_size=1, max_size=8, unique_by=lambda line: str(line['filename']),
    )


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10) | nasty_text
    | st.sampled_from([2**63, 2**64, -1, 1e20, 10**400]),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(nasty_text, values, max_size=3),
    max_leaves=5,
)
KEYS = (
    'filename', 'hash', 'requires_python', 'requires_dist', 'core_metadata', 'upload_timestamp',
    'uploaded_by', 'yanked_reason', 'size', 'url', 'summary', 'provenance', 'name', 'version',
    'status', 'status_reason', 'home_page',
)


def any_values() -> st.SearchStrategy[bytes]:
    """Objects with the keys that mean something, and any values."""
    return st.builds(
        lambda name, values: json.dumps(name | values).encode(),
        st.sampled_from([{}, {'filename': 'foo-1.0.zip'}, {'name': 'foo'}]),
        st.dictionaries(st.sampled_from(KEYS) | nasty_text, json_values, max_size=4),
    )


def _mutated(line: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
    for where, length, replacement in edits:
        start = int(where * len(line))
        line = line[:start] + replacement + line[start + length:]
    return line


def mutated_lines() -> st.SearchStrategy[bytes]:
    """Lines that were valid, with a few bytes of them changed."""
    return st.builds(
        _mutated, lines(filenames).map(lambda line: json.dumps(line).encode()),
        st.lists(st.tuples(
            st.floats(0, 1), st.integers(0, 3),
            st.binary(max_size=3) | NASTY.map(str.encode) | st.sampled_from(
                [b'"', b'\\', b'\\u', b'\\ud800', b'{', b'}', b'[', b',', b':', b'null', b'1e9'],
            ),
        ), min_size=1, max_size=4),
    )


def urls() -> st.SearchStrategy[bytes]:
    """Lines whose file is at a place that looks like many things."""
    return st.builds(
        lambda place, filename: json.dumps({
            'filename': filename, 'url': place + quote(filename),
        }).encode(),
        nasty_text, st.sampled_from(['foo-1.0.zip', 'foo-1.0+a.zip', 'foo-1.0%41.zip']),
    )


any_json_lines = st.binary(max_size=40) | mutated_lines() | any_values() | urls()
any_plain_lines = st.binary(max_size=40) | nasty_text.map(str.encode) | st.builds(
    '{}{}{}'.format, nasty_text, st.sampled_from(['/foo-1.0', 'foo-1.0', 'foo-']), nasty_text,
).map(lambda text: f'{text}.zip'.encode())

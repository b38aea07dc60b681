"""Pages of other indexes that contain anything: what is listed is valid, and nothing else fails."""
from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from hypothesis import given
from hypothesis import strategies as st

from dumb_pypi.errors import BrokenError, FieldError
from dumb_pypi.model.distfile import check_json
from dumb_pypi.model.fields import encode
from dumb_pypi.model.filenames import canonicalize_name
from dumb_pypi.scanner import simple_pages
from dumb_pypi.scanner.responses import Response
from tests.support.scripted import SIMPLE_JSON

PAGE = 'https://example.com/simple/foo/'
FOO = canonicalize_name('foo')

FILENAMES = ('foo-1.0-py3-none-any.whl', 'foo-1.0.tar.gz', 'foo-2-1.zip', 'bar-1.0.zip', 'foo.zip')
TEXTS = st.one_of(
    st.sampled_from((
        *FILENAMES, '../../a/foo-1.0.tar.gz', 'https://me:secret@example.com/foo-1.0.tar.gz#x=y',
        '//[/', 'javascript:foo-1.0.tar.gz', 'sha256=' + 'a' * 64, 'a' * 64, '>=3.8', 'true', '',
        '2024-01-31T12:00:00Z', '0001-01-01T00:00:00+01:00', '12', 'https://example.com/p',
    )),
    st.text(max_size=20),
)
VALUES = st.one_of(
    TEXTS, st.none(), st.booleans(), st.integers(), st.floats(),
    st.dictionaries(st.sampled_from(('sha256', 'md5', 'x')), TEXTS, max_size=2),
)
KEYS = (
    'filename', 'url', 'hashes', 'requires-python', 'core-metadata', 'dist-info-metadata', 'yanked',
    'size', 'upload-time', 'provenance',
)
FILES = st.builds(
    lambda name, facts: {'filename': name, 'url': f'/{name}', **facts},
    st.sampled_from(FILENAMES), st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4),
)
ANCHORS = st.builds(
    lambda url, attributes: f'<a href="{url}" {" ".join(attributes)}>',
    TEXTS, st.lists(st.builds(
        lambda key, value: f'data-{key}="{value}"', st.sampled_from(KEYS), TEXTS,
    ), max_size=3),
)
FRAGMENTS = st.one_of(ANCHORS, TEXTS, st.sampled_from((
    '<a href="', "<a href='", '<a ', '" ', "' ", '>', '</a>', '<!--', '-->', '<base href="',
    '<meta ', ' data-yanked="', ' data-size=', ' data-core-metadata="', ' data-upload-time="',
    '#sha256=', ' data-requires-python="', ' data-provenance="', '&gt;', '&#x41;', '&#', '=', '/',
    '<', ' ',
)))


def check(body: bytes, kind: str) -> None:
    """Assert that every file of a page is refused, or is a line that a build accepts as it is."""
    try:
        page = simple_pages.parse(Response(PAGE, {'content-type': kind}, body))
    except BrokenError as error:
        assert str(error).isprintable()
        return
    for file in page.files:
        try:
            found = simple_pages.to_distfile(file, page.url, FOO)
        except FieldError as error:
            assert str(error).isprintable()
        else:
            assert found.project == FOO
            assert found.url.startswith(('http://', 'https://'))
            assert urlsplit(found.url).username is None
            line = encode(found.line)
            again, checked, unknown = check_json(line)
            assert (again, checked, unknown) == (found, line, [])


@given(st.lists(st.one_of(FILES, VALUES), max_size=4), VALUES)
def test_json_pages_of_any_values(files: list[Any], status: Any) -> None:
    """A JSON page with any values has valid files only."""
    check(json.dumps({'files': files, 'project-status': status}).encode(), SIMPLE_JSON)
    check(json.dumps({'files': files}).encode(), SIMPLE_JSON)


@given(st.lists(FRAGMENTS, max_size=20))
def test_html_pages_of_any_fragments(fragments: list[str]) -> None:
    """An HTML page of any fragments has valid files only."""
    check(''.join(fragments).encode(errors='surrogatepass'), 'text/html')


@given(st.binary(max_size=40), st.sampled_from((SIMPLE_JSON, 'text/html')))
def test_pages_of_any_bytes(body: bytes, kind: str) -> None:
    """Bytes that are not a page are refused, or have no files."""
    check(body, kind)

"""Property tests of checking a line: its shortcuts give what reading everything gives."""
from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from dumb_pypi.errors import LineError
from dumb_pypi.model.distfile import check_json, Distfile
from dumb_pypi.model.fields import Line, require_utf8, unknown_keys
from tests.support import strategies

bounded = settings(deadline=None, max_examples=1000)

_TEXTS = st.lists(st.sampled_from([':', '::', '"', '\\', '\\u003a', ' ', 'a']), max_size=4).map(
    ''.join,
)
_URLS = st.sampled_from(['foo-1.0.zip', 'a:b/foo-1.0.zip', 'https://example.com:80/foo-1.0.zip'])
# Values that a checked line keeps, for as many keys as a line may repeat.
_PAIRS = st.one_of(
    st.tuples(st.sampled_from(['summary', 'uploaded_by', 'yanked_reason']), _TEXTS | st.none()),
    st.tuples(st.just('requires_dist'), st.lists(_TEXTS, max_size=2)),
    st.tuples(st.just('url'), _URLS),
    st.tuples(st.just('size'), st.just(1)),
    st.tuples(
        st.sampled_from(['x', 'x:', ':', 'a"b', 'a\\']),
        _TEXTS | st.just({'size': ':', 'x': [':']}),
    ),
)
_COLONS = st.sampled_from([':', ':', '\\u003a', '\\u003A'])
_LETTERS = st.sampled_from(['m', 'm', '\\u006d', '\\u006D'])


@st.composite
def _objects(draw: st.DrawFn) -> bytes:
    """A JSON object in which keys may repeat, and any colon and some letters may be escaped."""
    def escaped(value: object) -> str:
        text = json.dumps(value)
        if not isinstance(value, str):
            return text
        return ''.join(
            draw(_COLONS) if character == ':' else draw(_LETTERS) if character == 'm' else character
            for character in text
        )

    def written(value: object) -> str:
        if isinstance(value, list):
            return f'[{",".join(map(escaped, value))}]'
        return escaped(value)

    pairs = [('filename', 'foo-1.0.zip'), *draw(st.lists(_PAIRS, max_size=4))]
    pairs = draw(st.permutations(pairs))
    return f'{{{",".join(f"{escaped(key)}:{written(value)}" for key, value in pairs)}}}'.encode()


def _keys_read(line: bytes) -> list[str] | str:
    try:
        return unknown_keys(line, Line)
    except LineError as error:
        return error.reason


@bounded
@given(_objects())
def test_shortcut_finds_every_surplus_key(line: bytes) -> None:
    """`check_json` reports the unknown and repeated keys that reading all keys finds."""
    try:
        result: list[str] | str = check_json(line)[2]
    except LineError as error:
        result = error.reason
    if not isinstance(result, str) or 'twice' in result:
        assert result == _keys_read(line)
    else:
        # The line is refused for a value, before anything looks at its keys.
        assert 'url' in result


_NOTHING = Line(filename='')
_SIMILAR = st.sampled_from([None, '', ' a', 'a', 'a\tb', '\x7f'])
_similar_lines = st.fixed_dictionaries({'filename': st.just('foo-1.0.zip')}, optional={
    'requires_python': _SIMILAR, 'uploaded_by': _SIMILAR, 'summary': _SIMILAR,
    'requires_dist': st.lists(_SIMILAR.filter(lambda text: text is not None), max_size=2),
}).map(lambda line: json.dumps(line).encode())


@bounded
@given(_similar_lines | strategies.any_json_lines, _similar_lines)
def test_line_before_changes_nothing(line: bytes, before: bytes) -> None:
    """A line is checked with the same result whatever checked line precedes it."""
    try:
        file, _, _ = check_json(before)
    except LineError:
        return

    def outcome(before: Line) -> tuple[Distfile, bytes, list[str]] | str:
        try:
            require_utf8(line)
            return check_json(line, before)
        except LineError as error:
            return error.reason

    assert outcome(file.line) == outcome(_NOTHING)

"""Lists for hypothesis that follow each other, each an edited copy of the one before."""
from __future__ import annotations

import json
from collections.abc import Callable

from hypothesis import strategies as st

from dumb_pypi.builder.source import BYTE_ORDER_MARK

MOST_LINES = 80


def _line(name: str, facts: dict[str, object]) -> bytes:
    return json.dumps({'filename': name, **facts}).encode()


names = st.sampled_from([
    *(f'{project}-{version}.zip' for project in 'abc' for version in range(6)),
    'a-1.tar.gz', 'B-1.tar.gz', 'a-938014553.zip', 'b-990349948.zip', 'c.zip',
])
facts = st.fixed_dictionaries({}, optional={
    'upload_timestamp': st.sampled_from([0, 1706745599, 1706745600.5, 1709251200]),
    'size': st.integers(0, 2),
    'yanked_reason': st.sampled_from([None, '', 'broken']),
    'requires_dist': st.sampled_from([[], ['a'], ['b', 'c>1; extra == "x"', 'e']]),
    # An explicit name assigns the file to another project.
    'name': st.sampled_from(['a', 'c', 'd']),
    'version': st.just('7'),
    'scanned_etag': st.sampled_from(['a', ':', None]),
    # Unknown keys.
    'x': st.just(1),
    'y': st.just(':'),
})
json_lines = st.builds(_line, names, facts) | st.sampled_from([
    b'', b' ', b'\r', b'oops', b'{"filename": "\xff.zip"}', b'{"filename": "a-9.zip"}\r',
    BYTE_ORDER_MARK, BYTE_ORDER_MARK + b'{"filename": "c-1.zip"}',
    b'{"filename": "b-1.zip", "summary": "%s"}' % (b's' * 300), b'{ "filename":"b-1.zip"}',
])
plain_lines = names.map(str.encode) | st.builds(
    '{}#md5={}'.format, names, st.sampled_from(['00' * 16, '11' * 16]),
).map(str.encode) | st.sampled_from([
    b'', b'# x', b'oops', b'\xff.zip', b'a-1.zip\r', b'deep/a-1.zip', b'./a-1.zip',
    BYTE_ORDER_MARK + b'c-1.zip', b'deep/' * 60 + b'b-1.zip',
    # Companions: the metadata of a file is announced with it.
    b'a-1.zip.metadata', b'deep/a-1.zip.metadata', b'b-1.zip.metadata', b'a-1.zip.asc', b'deep/',
    b'oops.metadata', b'12345 a-1.zip', b'12345 a-1.zip.metadata',
])

Edit = Callable[[list[bytes]], list[bytes]]


def _edits(lines: st.SearchStrategy[bytes]) -> st.SearchStrategy[Edit]:
    """Return functions that make the lines of the next list from those of the one before."""
    def insert(position: float, new: list[bytes]) -> Edit:
        return lambda old: _spliced(old, position, 0, new)

    def delete(position: float, count: int) -> Edit:
        return lambda old: _spliced(old, position, count, [])

    def replace(position: float, new: bytes) -> Edit:
        return lambda old: _spliced(old, position, 1, [new])

    def copy(position: float, count: int, to: float) -> Edit:
        return lambda old: _spliced(old, to, 0, old[_index(old, position):][:count])

    def move(position: float, count: int, to: float) -> Edit:
        return lambda old: _spliced(
            _spliced(old, position, count, []), to, 0, old[_index(old, position):][:count],
        )

    position = st.floats(0, 1)
    return st.one_of(
        st.builds(insert, position, st.lists(lines, min_size=1, max_size=5)),
        st.builds(delete, position, st.integers(1, 10)),
        st.builds(replace, position, lines),
        st.builds(copy, position, st.integers(1, 10), position),
        st.builds(move, position, st.integers(1, 10), position),
        # Bounded, since repeated doubling would make lists of 100,000 lines.
        st.just(lambda old: [*old, *old][:MOST_LINES]),
        st.just(lambda old: old[::-1]),
        st.just(list),
    )


def _index(lines: list[bytes], position: float) -> int:
    return int(position * len(lines))


def _spliced(lines: list[bytes], position: float, count: int, new: list[bytes]) -> list[bytes]:
    index = _index(lines, position)
    return [*lines[:index], *new, *lines[index + count:]]


@st.composite
def successive_lists(
        draw: st.DrawFn, lines: st.SearchStrategy[bytes] = json_lines,
) -> list[bytes]:
    """Return lists that follow each other.

    Some start with a byte-order mark, and the last line of some has no line break.
    """
    now = draw(st.lists(lines, max_size=30))
    contents = []
    for edits in draw(st.lists(
            st.lists(_edits(lines), max_size=3), min_size=1, max_size=4,
    )):
        for edit in edits:
            now = edit(now)
        contents.append(b''.join((
            draw(st.sampled_from([b'', b'', b'', BYTE_ORDER_MARK])), b'\n'.join(now),
            draw(st.sampled_from([b'', b'\n', b'\n', b'\r\n'])),
        )))
    return contents

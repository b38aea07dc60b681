"""Lists for hypothesis that follow each other, in blocks of a few lines."""
from __future__ import annotations

import json
from collections.abc import Callable

from hypothesis import strategies as st

from dumb_pypi.builder.chunks import BYTE_ORDER_MARK

# Two names with one checksum: no short names that look alike have one.
COLLIDING = ('b-990349948.zip', 'a-938014553.zip')


def _line(name: str, facts: dict[str, object]) -> bytes:
    return json.dumps({'filename': name, **facts}).encode()


names = st.sampled_from([
    *COLLIDING, *(f'{project}-{version}.zip' for project in 'abc' for version in range(6)),
    'a-1.tar.gz', 'B-1.tar.gz', 'c.zip',
])
facts = st.fixed_dictionaries({}, optional={
    'upload_timestamp': st.sampled_from([0, 1706745599, 1706745600.5, 1709251200]),
    'size': st.integers(0, 2),
    'yanked_reason': st.sampled_from([None, '', 'broken']),
    # Moves the file to another project.
    'name': st.sampled_from(['a', 'c', 'd']),
    'version': st.just('7'),
    # Keys that nobody knows.
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
])

MOST_LINES = 80

Edit = Callable[[list[bytes]], list[bytes]]


def _edits(lines: st.SearchStrategy[bytes]) -> st.SearchStrategy[Edit]:
    """Ways to make the lines of the next list from those of the last one."""
    def insert(where: float, new: list[bytes]) -> Edit:
        return lambda old: _spliced(old, where, 0, new)

    def delete(where: float, count: int) -> Edit:
        return lambda old: _spliced(old, where, count, [])

    def replace(where: float, new: bytes) -> Edit:
        return lambda old: _spliced(old, where, 1, [new])

    def copy(where: float, count: int, to: float) -> Edit:
        return lambda old: _spliced(old, to, 0, old[_index(old, where):][:count])

    def move(where: float, count: int, to: float) -> Edit:
        return lambda old: _spliced(
            _spliced(old, where, count, []), to, 0, old[_index(old, where):][:count],
        )

    where = st.floats(0, 1)
    return st.one_of(
        st.builds(insert, where, st.lists(lines, min_size=1, max_size=5)),
        st.builds(delete, where, st.integers(1, 10)),
        st.builds(replace, where, lines),
        st.builds(copy, where, st.integers(1, 10), where),
        st.builds(move, where, st.integers(1, 10), where),
        # Not again and again: lists would come to have 100,000 lines.
        st.just(lambda old: [*old, *old][:MOST_LINES]),
        st.just(lambda old: old[::-1]),
        st.just(list),
    )


def _index(lines: list[bytes], where: float) -> int:
    return int(where * len(lines))


def _spliced(lines: list[bytes], where: float, count: int, new: list[bytes]) -> list[bytes]:
    index = _index(lines, where)
    return [*lines[:index], *new, *lines[index + count:]]


@st.composite
def histories(
        draw: st.DrawFn, lines: st.SearchStrategy[bytes] = json_lines,
) -> list[bytes]:
    """Lists that follow each other, with and without a byte-order mark and an end of their last
    line."""
    now = draw(st.lists(lines, max_size=30))
    contents = []
    for some_edits in draw(st.lists(
            st.lists(_edits(lines), max_size=3), min_size=1, max_size=4,
    )):
        for edit in some_edits:
            now = edit(now)
        contents.append(b''.join((
            draw(st.sampled_from([b'', b'', b'', BYTE_ORDER_MARK])), b'\n'.join(now),
            draw(st.sampled_from([b'', b'\n', b'\n', b'\r\n'])),
        )))
    return contents

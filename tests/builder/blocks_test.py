"""What a list is made of is the list, whatever was known of another one."""
from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dumb_pypi.builder import blocks
from dumb_pypi.builder.blocks import Block, BYTE_ORDER_MARK
from tests.support import catalogs
from tests.support.lists import ListInMemory

bounded = settings(deadline=None, max_examples=300)


@pytest.fixture(autouse=True, scope='module')
def small_blocks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(blocks, 'BLOCK', 60)
        monkeypatch.setattr(blocks, '_STRETCH', 100)
        yield


def blocks_of(content: bytes, uncertain: Sequence[int] = ()) -> list[Block]:
    """A list in blocks, as if all was new; those of some numbers are uncertain."""
    return [
        Block(
            number, len(piece), blocks.fingerprint_of(piece),
            blocks.fingerprint_of(next(io.BytesIO(piece))), 0, (), number not in uncertain,
        ) for number, piece in enumerate(blocks.cut(content))
    ]


def is_end_of_line(content: bytes, offset: int) -> bool:
    return offset in (0, len(content)) or content[offset - 1:offset] == b'\n'


@bounded
@given(catalogs.histories(), st.sets(st.integers(0, 9), max_size=2))
def test_the_parts_of_a_list_are_the_list(contents: list[bytes], uncertain: set[int]) -> None:
    """Each is whole lines; what is known is byte for byte what is known, and certain."""
    old, new = contents[0], contents[-1]
    source = ListInMemory(new)
    known = blocks_of(old, [*uncertain])
    for begin in range(blocks.leading(source, known) + 1):
        offset = 0
        for part in blocks.survey(source, known, begin):
            if isinstance(part, Block):
                assert part in known
                assert part.certain
                length = part.length
                assert blocks.fingerprint_of(new[offset:offset + length]) == part.digest
            else:
                length = len(part)
                assert part == new[offset:offset + length]
            assert length
            offset += length
            assert is_end_of_line(new, offset)
        assert offset == len(new)


@bounded
@given(catalogs.histories(catalogs.plain_lines))
def test_a_byte_order_mark_is_one_at_the_beginning_only(contents: list[bytes]) -> None:
    """What a block says depends on whether it is there that it begins with one."""
    old, new = contents[0], contents[-1]
    known = blocks_of(old)
    offset = 0
    for part in blocks.survey(ListInMemory(new), known):
        if isinstance(part, Block) and new[offset:].startswith(BYTE_ORDER_MARK):
            assert (offset == 0) == (part == known[0])
        offset += part.length if isinstance(part, Block) else len(part)


@bounded
@given(st.lists(catalogs.json_lines, min_size=1), st.booleans())
def test_a_list_that_is_the_same_is_known(lines: list[bytes], ends: bool) -> None:
    content = b'\n'.join(lines) + b'\n' * ends
    known = blocks_of(content)
    source = ListInMemory(content)
    assert blocks.leading(source, known) == len(known)
    assert list(blocks.survey(source, known)) == known
    assert list(blocks.survey(source, known, len(known))) == known


@bounded
@given(st.lists(catalogs.json_lines))
def test_pieces_of_lines_are_whole_lines(lines: list[bytes]) -> None:
    content = b'\n'.join(lines)
    pieces = list(blocks.cut(content))
    assert b''.join(pieces) == content
    assert all(piece.endswith(b'\n') for piece in pieces[:-1])
    # About as long as a block: without its last line each is shorter.
    assert all(piece[:-1].rfind(b'\n') < blocks.BLOCK for piece in pieces)
    assert all(len(piece) > blocks.BLOCK for piece in pieces[:-1])


LINES = [b'line %2d of the list\n' % number for number in range(40)]
LIST = b''.join(LINES)


def unknown(new: bytes, known: Sequence[Block]) -> list[bytes]:
    """What has to be read of a list of which these blocks are known."""
    return [part for part in blocks.survey(ListInMemory(new), known) if isinstance(part, bytes)]


@pytest.mark.parametrize(
    ('new', 'read'), (
        # A line comes, goes or is another one: its block is read, and no other.
        (LIST.replace(LINES[9], LINES[9] + b'new\n'),
         [b''.join([*LINES[8:10], b'new\n', *LINES[10:12]])]),
        (LIST.replace(LINES[9], b'other\n'), [b''.join([LINES[8], b'other\n', *LINES[10:12]])]),
        (LIST.replace(LINES[9], b''), [b''.join([LINES[8], *LINES[10:12]])]),
        # Blocks that moved are known where they are.
        (b''.join([*LINES[20:], *LINES[:20]]), []),
        (b''.join([*LINES, *LINES]), []),
        (b''.join([b'new\n', *LINES]), [b'new\n']),
        (b''.join([*LINES, b'new\n']), [b'new\n']),
        # No end of the last line: it is not the line that it was.
        (LIST[:-1], [b''.join(LINES[36:])[:-1]]),
        (b'', []),
    ),
)
def test_no_more_is_read_than_the_blocks_that_changed(new: bytes, read: list[bytes]) -> None:
    assert unknown(new, blocks_of(LIST)) == read


def test_a_small_block_grows_with_the_lines_behind_it() -> None:
    """Else a list that grows by a line a minute would come to be of blocks of one line."""
    known = blocks_of(b''.join(LINES[:5]))
    assert [block.lines for block in known] == [0, 0]
    [read] = unknown(b''.join(LINES[:6]), known)
    assert read == b''.join(LINES[4:6])
    assert len(known) == len(blocks_of(b''.join(LINES[:6])))


def test_a_block_that_is_uncertain_is_read_again_wherever_it_is() -> None:
    known = blocks_of(LIST, uncertain=[1, 2])
    assert b''.join(unknown(LIST, known)) == b''.join(LINES[4:12])
    assert blocks.leading(ListInMemory(LIST), known) == len(known)
    parts = blocks.survey(ListInMemory(LIST), known, len(known))
    read = b''.join(part for part in parts if isinstance(part, bytes))
    assert read == b''.join(LINES[4:12])


def test_a_line_longer_than_all_that_is_read_at_once() -> None:
    content = b''.join([*LINES[:8], b'x' * 1000 + b'\n', *LINES[8:16]])
    assert unknown(content, blocks_of(b''.join(LINES[:16]))) == [b'x' * 1000 + b'\n']
    assert b''.join(unknown(content, ())) == content


def test_a_mark_in_the_middle_that_comes_to_the_beginning_is_another() -> None:
    """As where lists were written behind each other, and the first of them is gone."""
    marked = BYTE_ORDER_MARK + b''.join(LINES[4:7])
    known = blocks_of(b''.join(LINES[:4]) + marked)
    assert [block.length for block in known] == [4 * len(LINES[0]), len(marked)]
    assert unknown(marked, known) == [marked]
    assert unknown(b''.join(LINES[:4]) + marked, known) == []

"""What is known of the last list never shows: all that is read of the next is as if it were not."""
from __future__ import annotations

import contextlib
import gc
import json
from collections.abc import Iterator, Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dumb_pypi.builder import blocks, intake
from dumb_pypi.builder.intake import take_in
from dumb_pypi.builder.source import JSON, PLAIN
from dumb_pypi.builder.workers import Here
from tests.support import catalogs
from tests.support.lists import ListInMemory, Read, read

bounded = settings(deadline=None, max_examples=300)


@pytest.fixture(autouse=True, scope='module')
def small_blocks() -> Iterator[None]:
    """So that lists of a few lines have many blocks."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(blocks, 'BLOCK', 120)
        monkeypatch.setattr(blocks, '_STRETCH', 200)
        yield


@contextlib.contextmanager
def read_in_turn(contents: Sequence[bytes], form: str = JSON) -> Iterator[list[Read]]:
    """Read each list as one who knows what was read of the one before it."""
    with contextlib.ExitStack() as stack:
        found: list[Read] = []
        for content in contents:
            source = ListInMemory(content, form)
            if found:
                known = found[-1].known
                found.append(stack.enter_context(read(
                    source, known, blocks.leading(source, known), found[-1].catalog,
                )))
            else:
                found.append(stack.enter_context(read(source)))
        yield found


def checksums(found: Read) -> list[int]:
    return list(found.catalog.columns.checksums)


def months(found: Read) -> list[str]:
    """The month of each line."""
    return [found.catalog.months[month] for month in found.catalog.columns.months]


def assert_as_whole(found: Read, content: bytes, form: str) -> None:
    """A list that was read is as one who knows nothing reads it."""
    with read(ListInMemory(content, form)) as whole:
        assert found.text == whole.text
        assert found.catalog.names == whole.catalog.names
        assert found.catalog.counts == whole.catalog.counts
        assert found.catalog.prints == whole.catalog.prints
        assert found.catalog.month_sizes() == whole.catalog.month_sizes()
        assert found.catalog.columns.lengths == whole.catalog.columns.lengths
        assert checksums(found) == checksums(whole)
        assert months(found) == months(whole)
        assert found.intake.notices == whole.intake.notices
        assert sum(block.length for block in found.known) == len(content)
        assert sum(block.lines for block in found.known) == sum(
            block.lines for block in whole.known
        )


def assert_owned(found: Read) -> None:
    """Each line is of a block of the list; a block that is known again is the same block."""
    numbers = {block.number: block.digest for block in found.known}
    assert set(found.catalog.columns.blocks) <= numbers.keys()
    assert {(block.number, block.digest) for block in found.known} == set(numbers.items())


def assert_touched(before: Read, after: Read) -> None:
    """What differs is known to differ: projects, and months."""
    old = dict(zip(before.catalog.names, before.catalog.prints, strict=True))
    new = dict(zip(after.catalog.names, after.catalog.prints, strict=True))
    if after.intake.old is None:
        return
    assert {
        name for name in old.keys() | new.keys() if old.get(name) != new.get(name)
    } <= after.merge.touched
    old_months, new_months = map(lines_by_month, (before, after))
    assert {
        month for month in old_months.keys() | new_months.keys()
        if old_months.get(month) != new_months.get(month)
    } == after.merge.touched_months


def lines_by_month(found: Read) -> dict[str, set[bytes]]:
    return {
        month: set(lines.splitlines())
        for month, lines in found.catalog.uploads_of(list(found.catalog.month_sizes()))
    }


@bounded
@given(catalogs.histories())
def test_what_is_read_in_turn_is_what_is_read_as_a_whole(contents: list[bytes]) -> None:
    with read_in_turn(contents) as found:
        for after, content in zip(found, contents, strict=True):
            assert_as_whole(after, content, JSON)
            assert_owned(after)
        for before, after in pairwise(found):
            assert_touched(before, after)


@bounded
@given(catalogs.histories(catalogs.plain_lines))
def test_a_plain_list_in_turn_is_what_it_is_as_a_whole(contents: list[bytes]) -> None:
    with read_in_turn(contents, PLAIN) as found:
        for after, content in zip(found, contents, strict=True):
            assert_as_whole(after, content, PLAIN)
            assert_owned(after)


@bounded
@given(catalogs.histories(), st.data())
def test_lines_can_be_read_by_their_rows_projects_and_months(
        contents: list[bytes], data: st.DataObject,
) -> None:
    with read_in_turn(contents) as found:
        catalog = found[-1].catalog
        lines = found[-1].text.splitlines(keepends=True)
        assert len(catalog) == len(lines) == sum(catalog.counts)
        assert catalog.size == len(found[-1].text)
        assert b''.join(catalog.pieces(0, len(catalog))) == found[-1].text
        for index, name in enumerate(catalog.names):
            assert catalog.index(name) == index
            rows = catalog.rows(index)
            assert {catalog.project_of(row) for row in rows} == {name}
            assert catalog.text(index, index) == b''.join(lines[rows.start:rows.stop])
            assert blocks.fingerprint_of(catalog.text(index, index)) == catalog.prints[index]
            assert catalog.size_of(0, index) == len(catalog.text(0, index))
        assert catalog.index('no-such-project') is None
        some_months = sorted(catalog.month_sizes())
        wanted = data.draw(st.lists(st.sampled_from(some_months))) if some_months else []
        assert list(catalog.uploads_of(wanted)) == [
            (month, b''.join(
                line for line, its in zip(lines, months(found[-1]), strict=True) if its == month
            )) for month in wanted
        ]


def lines_of(count: int, **facts: object) -> list[bytes]:
    return [
        json.dumps({'filename': f'p{number}-1.zip', **facts}).encode() + b'\n'
        for number in range(count)
    ]


LINES = lines_of(20)
YANKED = b'{"filename": "p7-1.zip", "yanked_reason": ""}\n'
ONE, OTHER = (b'{"filename": "%s"}\n' % name.encode() for name in catalogs.COLLIDING)


def changed(number: int, *lines: bytes) -> list[bytes]:
    """The lines with others in place of one."""
    return [*LINES[:number], *lines, *LINES[number + 1:]]


@pytest.mark.parametrize(
    ('before', 'after', 'fresh', 'gone'), (
        (LINES, LINES, 0, 0),
        # A block of five lines is read again, of which one is another.
        (LINES, changed(7, YANKED), 5, 5),
        (LINES, changed(7), 4, 5),
        (LINES, [*LINES, YANKED.replace(b'p7', b'p77')], 1, 0),
        (LINES, LINES[:10], 0, 10),
        (LINES, [*LINES[10:], *LINES[:10]], 0, 0),
        # The same lines again say nothing new.
        (LINES, [*LINES, *LINES], 0, 0),
        # Which of two lines stands is known of a whole list only.
        (LINES, [*LINES, YANKED], 20, None),
        ([*LINES, YANKED], LINES, 5, 5),
        # Names may have one checksum: that one is another is seen where both are read.
        ([ONE, *LINES], [ONE, *LINES, OTHER], 22, None),
        ([*LINES, ONE], [*LINES, OTHER], 1, 1),
        ([*LINES[:4], ONE, OTHER, *LINES[4:]], [*LINES[:4], ONE, OTHER, *LINES[4:]], 0, 0),
    ),
)
def test_no_more_is_checked_than_there_is_to_be(
        before: list[bytes], after: list[bytes], fresh: int, gone: int | None,
        monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of the lines that are, so many; of those that were, so many go first, or all."""
    # So that each block has five lines.
    monkeypatch.setattr(blocks, '_STRETCH', 10_000)
    with read_in_turn([b''.join(before), b''.join(after)]) as [_, found]:
        assert found.intake.old is None if gone is None else len(found.intake.gone) == gone
        assert sum(len(rows) for rows in found.intake.fresh._rows.values()) == fresh
        assert_as_whole(found, b''.join(after), JSON)


def test_a_block_with_one_of_two_lines_for_a_file_is_never_taken_as_known(
        monkeypatch: pytest.MonkeyPatch,
) -> None:
    """When the other is gone, it says what it was not taken for."""
    monkeypatch.setattr(blocks, '_STRETCH', 10_000)
    lists = [[*LINES[:14], YANKED, *LINES[14:]], LINES, changed(7, YANKED)]
    line = b'{"filename":"p7-1.zip","yanked_reason":""}\n'
    with read_in_turn([b''.join(lines) for lines in lists]) as found:
        uncertain = [block for block in found[0].known if not block.certain]
        assert len(uncertain) == 2
        assert all(block.certain for read in found[1:] for block in read.known)
        assert [line in read.text for read in found] == [True, False, True]


def test_progress_is_told_in_bytes() -> None:
    told: list[int] = []
    source = ListInMemory(b''.join(LINES))
    with contextlib.closing(take_in(source, (), 0, None, Here(), told.append).fresh):
        assert sum(told) == source.size
        assert len(told) > 1


def test_a_reading_that_fails_keeps_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a warning would say so here."""
    def check(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(intake, 'check', check)
    with pytest.raises(KeyboardInterrupt):
        take_in(ListInMemory(LINES[0]), (), 0, None, Here(), lambda _: None)
    gc.collect()

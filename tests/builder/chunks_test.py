"""Chunks of a list, and the projects that are dirty: a known list changes no result."""
from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterator, Sequence
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dumb_pypi.builder import chunks, source
from dumb_pypi.builder.chunks import Memo, Survey, survey_list
from dumb_pypi.builder.source import BYTE_ORDER_MARK, Chunk, digest_of
from dumb_pypi.builder.workers import InProcess
from dumb_pypi.options import JSON, PLAIN
from tests.support import list_histories
from tests.support.lists import ignore_progress, ListInMemory

bounded = settings(max_examples=100)
BLANK = chunks._BLANK


@pytest.fixture(autouse=True, scope='module')
def small_chunks() -> Iterator[None]:
    """Cut after about every fourth line, and after 150 bytes at the latest."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(chunks, '_CUT', 0x3)
        monkeypatch.setattr(chunks, '_LARGEST', 150)
        monkeypatch.setattr(chunks, '_READ', 100)
        monkeypatch.setattr(chunks, '_TASK', 100)
        monkeypatch.setattr(chunks, '_AT_ONCE', 3)
        monkeypatch.setattr(source, '_LONG', 300)
        yield


def survey_of(
        content: bytes, known: Sequence[Chunk] | None = None, memo: Memo | None = None,
        form: str = JSON,
) -> Survey:
    return survey_list(ListInMemory(content, form), known, memo or {}, InProcess(), ignore_progress)


def lines_by_project(content: bytes, form: str = JSON) -> dict[str, list[bytes]]:
    """Return the lines of each project in order, from a separate survey of each line."""
    found: dict[str, list[bytes]] = defaultdict(list)
    for line in io.BytesIO(content.removeprefix(BYTE_ORDER_MARK)):
        [project] = chunks.survey(line, form).projects
        found[project].append(line)
    return found


@bounded
@given(list_histories.successive_lists())
def test_chunks_do_not_depend_on_history(contents: list[bytes]) -> None:
    """A list has the same chunks, which cover all of it, whatever chunks were known."""
    known: Sequence[Chunk] = ()
    for content in contents:
        survey = survey_of(content, known)
        expected = survey_of(content)
        assert list(survey.chunks) == list(expected.chunks)
        assert survey.start + sum(chunk.size for chunk in survey.chunks) == len(content)
        known = survey.chunks


@bounded
@given(list_histories.successive_lists())
def test_stretches_are_the_lines(contents: list[bytes]) -> None:
    """The stretches of a project are its lines, with their numbers in the list."""
    content = contents[-1]
    survey = survey_of(content)
    expected = lines_by_project(content)
    stretches = survey.stretches(None)
    assert stretches.keys() == expected.keys() - {BLANK}
    lines = content.removeprefix(BYTE_ORDER_MARK).split(b'\n')
    for project, places in stretches.items():
        found = []
        for at in range(0, len(places), 4):
            offset, size, number, count = places[at:at + 4]
            stretch = content[offset:offset + size]
            assert stretch.rstrip(b'\n').split(b'\n') == lines[number - 1:number - 1 + count]
            found += io.BytesIO(stretch).readlines()
        assert found == expected[project]
        assert survey.stretches({project})[project] == places


def assert_dirty(contents: Sequence[bytes], form: str) -> None:
    """Assert that every project is dirty whose lines differ from those of the list before."""
    old, *others = contents
    survey = survey_of(old, form=form)
    for new in others:
        following = survey_of(new, survey.chunks, survey.surveys, form)
        assert following.dirty is not None
        before, now = lines_by_project(old, form), lines_by_project(new, form)
        differ = {
            name for name in before.keys() | now.keys() if before[name] != now[name]
        } - {BLANK}
        assert differ <= following.dirty
        old, survey = new, following


@bounded
@given(list_histories.successive_lists())
@example([b'{"filename": "a-1.zip"}\n{"filename": "a-2.zip"}\n{"filename": "a-1.zip"}\n',
          b'{"filename": "a-1.zip"}\n{"filename": "a-2.zip"}\n'])
def test_changed_projects_are_dirty(contents: list[bytes]) -> None:
    """After any edit of a list, every project whose lines differ is dirty."""
    assert_dirty(contents, JSON)


@bounded
@given(list_histories.successive_lists(list_histories.plain_lines))
def test_changed_projects_in_plain_lists(contents: list[bytes]) -> None:
    """After any edit of a plain list, every project whose lines differ is dirty."""
    assert_dirty(contents, PLAIN)


@bounded
@given(list_histories.successive_lists(), st.randoms(use_true_random=False))
def test_moved_chunks_make_projects_dirty(contents: list[bytes], random: Random) -> None:
    """After chunks are moved, repeated or dropped, changed projects are dirty."""
    content = contents[0]
    survey = survey_of(content)
    offset, pieces = survey.start, []
    for chunk in survey.chunks:
        pieces.append(content[offset:offset + chunk.size])
        offset += chunk.size
    moved = [*pieces, *pieces[:2]][1:]
    random.shuffle(moved)
    assert_dirty([content, b''.join(moved), content], JSON)


def test_insertion_moves_no_other_cut() -> None:
    """A new line changes at most two chunks, and only its own project is dirty."""
    lines = [b'{"filename": "p%d-1.zip"}\n' % number for number in range(200)]
    before = survey_of(b''.join(lines))
    lines.insert(100, b'{"filename": "new-1.zip"}\n')
    now = survey_of(b''.join(lines), before.chunks, before.surveys)
    assert len({*now.chunks} - {*before.chunks}) <= 2
    assert now.dirty == {'new'}


def test_unchanged_projects_are_not_dirty() -> None:
    """The same list has no dirty project, even with other blank lines and comments."""
    content = b'# x\n' + b'foo-1.zip\nbar-1.zip\n' * 30
    before = survey_of(content, form=PLAIN)
    for same in (content, b'\n# y\n' + content, content + b'#'):
        assert survey_of(same, before.chunks, before.surveys, PLAIN).dirty == set()


def test_without_memo_everything_is_dirty() -> None:
    """Without the memo every project of another list is dirty."""
    before = survey_of(b'{"filename": "a-1.zip"}\n' * 30)
    other = b'{"filename": "b-1.zip"}\n' * 30
    assert survey_of(other, before.chunks).dirty is None
    assert survey_of(b'{"filename": "a-1.zip"}\n' * 30, before.chunks).dirty == set()


def test_known_chunks_are_not_surveyed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chunk whose survey is in the memo is only hashed."""
    content = b''.join(b'{"filename": "p%d-1.zip"}\n' % number for number in range(99))
    before = survey_of(content)
    surveyed: list[bytes] = []
    survey = chunks.survey

    def note(chunk: bytes, form: str) -> chunks.ChunkSurvey:
        surveyed.append(chunk)
        return survey(chunk, form)

    monkeypatch.setattr(chunks, 'survey', note)
    now = survey_of(content + b'{"filename": "new-1.zip"}\n', before.chunks, before.surveys)
    assert now.dirty == {'new'}
    assert len(surveyed) == 1


def test_hashed_bytes_are_surveyed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the memo, a list that is written in place gives surveys of the bytes that it had."""
    class ChangingList(ListInMemory):
        reads = 0

        def read(self, offset: int, length: int) -> bytes:
            self.reads += 1
            content = super().read(offset, length)
            return content.replace(b'p', b'q') if self.reads > 6 else content

    content = b''.join(b'{"filename": "p%d-1.zip"}\n' % number for number in range(99))
    known = survey_of(content).chunks
    surveyed: list[bytes] = []
    survey = chunks.survey

    def note(chunk: bytes, form: str) -> chunks.ChunkSurvey:
        surveyed.append(chunk)
        return survey(chunk, form)

    monkeypatch.setattr(chunks, 'survey', note)
    now = survey_list(ChangingList(content), known, {}, InProcess(), ignore_progress)
    assert [*map(digest_of, surveyed)] == [*now.surveys]
    assert len(surveyed) > 6


def test_large_lines_are_read() -> None:
    """A line may be larger than a chunk and than what is read at once."""
    line = b'{"filename": "a-1.zip", "summary": "%s"}\n' % (b'x' * 1000)
    survey = survey_of(line * 5)
    assert [chunk.size for chunk in survey.chunks] == [len(line)] * 5
    assert set(survey.stretches(None)) == {'a'}

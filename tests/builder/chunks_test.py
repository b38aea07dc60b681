"""The list in chunks: what a build learns of a list never depends on the lists before it."""
from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterator, Sequence
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dumb_pypi.builder import chunks
from dumb_pypi.builder.chunks import BYTE_ORDER_MARK, Chunk, Memo, Survey, survey_list
from dumb_pypi.builder.workers import InProcess
from dumb_pypi.options import JSON, PLAIN
from tests.support import catalogs
from tests.support.lists import ignore, ListInMemory

bounded = settings(max_examples=100)
BLANK = chunks._BLANK


@pytest.fixture(autouse=True, scope='module')
def small_chunks() -> Iterator[None]:
    """Cut after every fourth line or so, and after 150 bytes."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(chunks, '_CUT', 0x3)
        monkeypatch.setattr(chunks, '_LARGEST', 150)
        monkeypatch.setattr(chunks, '_READ', 100)
        monkeypatch.setattr(chunks, '_TASK', 100)
        yield


def survey_of(
        content: bytes, known: Sequence[Chunk] | None = None, memo: Memo | None = None,
        form: str = JSON,
) -> Survey:
    return survey_list(ListInMemory(content, form), known, memo or {}, InProcess(), ignore)


def lines_by_project(content: bytes, form: str = JSON) -> dict[str, list[bytes]]:
    """The lines of each project, in their order, each of them looked at by itself."""
    found: dict[str, list[bytes]] = defaultdict(list)
    for line in io.BytesIO(content.removeprefix(BYTE_ORDER_MARK)):
        [project] = chunks.survey(line, form).projects
        found[project].append(line)
    return found


@bounded
@given(catalogs.histories())
def test_chunks_are_the_list(contents: list[bytes]) -> None:
    """Whatever chunks were known, those of a list are cut at the same places."""
    known: Sequence[Chunk] = ()
    for content in contents:
        survey = survey_of(content, known)
        fresh = survey_of(content)
        assert list(survey.chunks) == list(fresh.chunks)
        assert survey.digest == fresh.digest
        assert survey.start + sum(chunk.size for chunk in survey.chunks) == len(content)
        known = survey.chunks


@bounded
@given(catalogs.histories())
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
    """Every project is dirty whose lines differ from those of the list before."""
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
@given(catalogs.histories())
@example([b'{"filename": "a-1.zip"}\n{"filename": "a-2.zip"}\n{"filename": "a-1.zip"}\n',
          b'{"filename": "a-1.zip"}\n{"filename": "a-2.zip"}\n'])
def test_changed_projects_are_dirty(contents: list[bytes]) -> None:
    """After any edit of a list, every project whose lines differ is dirty."""
    assert_dirty(contents, JSON)


@bounded
@given(catalogs.histories(catalogs.plain_lines))
def test_changed_projects_of_plain_lists_are_dirty(contents: list[bytes]) -> None:
    """The same holds for plain lists."""
    assert_dirty(contents, PLAIN)


@bounded
@given(catalogs.histories(), st.randoms(use_true_random=False))
def test_moved_chunks_are_found(contents: list[bytes], random: Random) -> None:
    """After moving, repeating and dropping whole chunks, changed projects are dirty."""
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
    """A new line changes the chunk it is in, and the project it names."""
    lines = [b'{"filename": "p%d-1.zip"}\n' % number for number in range(200)]
    before = survey_of(b''.join(lines))
    lines.insert(100, b'{"filename": "new-1.zip"}\n')
    now = survey_of(b''.join(lines), before.chunks, before.surveys)
    assert len({*now.chunks} - {*before.chunks}) <= 2
    assert now.dirty == {'new'}


def test_unchanged_list_has_no_dirty_project() -> None:
    """Neither has a list with another blank line or another comment."""
    content = b'# x\n' + b'foo-1.zip\nbar-1.zip\n' * 30
    before = survey_of(content, form=PLAIN)
    for same in (content, b'\n# y\n' + content, content + b'#'):
        assert survey_of(same, before.chunks, before.surveys, PLAIN).dirty == set()


def test_without_memo_everything_is_dirty() -> None:
    """If the memo is lost, nothing is known of a list, unless it is the same one."""
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


def test_large_lines_are_read_whole() -> None:
    """A line may be larger than what is read at once."""
    line = b'{"filename": "a-1.zip", "summary": "%s"}\n' % (b'x' * 1000)
    survey = survey_of(line * 5)
    assert [chunk.size for chunk in survey.chunks] == [len(line)] * 5
    assert set(survey.stretches(None)) == {'a'}

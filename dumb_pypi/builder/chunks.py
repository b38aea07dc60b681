"""The list in chunks: which projects each chunk names, and which projects changed.

The list is cut at lines whose checksum says so (content-defined chunking, as in rsync, restic and
borg), so that an insertion moves no other cut. What a chunk says is a pure function of its bytes;
it is remembered by their digest, in a memo that may be lost at any time.
"""
from __future__ import annotations

import hashlib
import io
import zlib
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from dumb_pypi.builder.source import (
    BYTE_ORDER_MARK,
    Chunk,
    digest_of,
    ListFile,
    unchanged_chunks,
)
from dumb_pypi.builder.workers import batched, Workers
from dumb_pypi.errors import FieldError, LineError
from dumb_pypi.model import filenames
from dumb_pypi.model.distfile import read_plain
from dumb_pypi.model.free_text import clean_text
from dumb_pypi.model.suffixes import is_companion, METADATA
from dumb_pypi.options import PLAIN

# The project of lines that name none: they have messages, and no pages.
NO_PROJECT = ''
# The project of blank lines, comments and most companions, which a project's name can never be.
_BLANK = '#'

_CUT = 0xff  # one line in 256 ends a chunk
_LARGEST = 1 << 20  # bytes: a list may have no line at which to cut
_READ = 1 << 19  # bytes read at once
_TASK = 1 << 18  # bytes of chunks in a task
_AT_ONCE = 256  # known chunks compared at once

# Encoded surveys of chunks, by the digests of the chunks.
Memo = Mapping[str, bytes]


class ChunkSurvey(msgspec.Struct, array_like=True, gc=False):
    """What a chunk says.

    `projects` are those it names, `pieces` digests of the lines of each. `runs` are consecutive
    lines of one project, in order: its index in `projects`, number of lines, number of bytes.
    """
    projects: list[str]
    pieces: list[bytes]
    runs: list[int]


class Survey(NamedTuple):
    """A list: where its chunks begin, the chunks, and the encoded survey of each.

    `dirty` are the projects whose lines differ from those of the previous build, None for all.
    """
    start: int
    chunks: Sequence[Chunk]
    surveys: Memo
    dirty: set[str] | None

    def stretches(self, wanted: set[str] | None) -> dict[str, array[int]]:
        """Return where the lines of projects are, None for all projects.

        Each has four numbers per run: offset, bytes, number of the first line, lines.
        """
        places: dict[str, array[int]] = defaultdict(_no_numbers)
        offset, line = self.start, 1
        for digest, size in self.chunks:
            projects, runs = _projects_and_runs(self.surveys[digest])
            if wanted is not None and wanted.isdisjoint(projects):
                offset += size
                line += sum(runs[1::3])
                continue
            for index, lines, length in _triples(runs):
                project = projects[index]
                if project != _BLANK and (wanted is None or project in wanted):
                    places[project].extend((offset, length, line, lines))
                offset += length
                line += lines
        return places


def survey_list(
        source: ListFile, known: Sequence[Chunk] | None, memo: Memo, workers: Workers,
        progress: Callable[[int], None],
) -> Survey:
    """Find which projects a list names, and where.

    `known` are the chunks of the previous build's list, or None if nothing is left of what that
    build made of it. `progress` is called with numbers of bytes.

    Raises:
        FileError: the list cannot be read.
    """
    chunks: list[Chunk] = []
    surveys: dict[str, bytes] = {}
    mark = source.read(0, len(BYTE_ORDER_MARK))
    start = len(mark) if mark == BYTE_ORDER_MARK else 0

    # Without a survey, the very bytes that were hashed are surveyed: another program may write the
    # list in place.
    has_surveys = all(chunk.digest in memo for chunk in known or ())

    def unknown() -> Iterator[tuple[str, bytes]]:
        for chunk, content in _cut(source, start, known if known and has_surveys else ()):
            chunks.append(chunk)
            progress(chunk.size)
            if chunk.digest not in surveys:
                surveys[chunk.digest] = memo.get(chunk.digest, b'')
                if not surveys[chunk.digest]:
                    yield chunk.digest, content

    tasks = (
        (source.form, batch)
        for batch in batched(unknown(), lambda item: len(item[1]), workers.task_size(_TASK))
    )
    for found in workers.map(survey_chunks, tasks):
        surveys.update(found)
    dirty = None if known is None else _dirty(known, chunks, memo, surveys)
    return Survey(start, chunks, surveys, dirty)


def survey_chunks(task: tuple[str, Sequence[tuple[str, bytes]]]) -> list[tuple[str, bytes]]:
    """Survey chunks, given with their digests, of a list of a form."""
    form, chunks = task
    return [(digest, _encode(survey(content, form))) for digest, content in chunks]


def survey(chunk: bytes, form: str) -> ChunkSurvey:
    """Find which projects the lines of a chunk are of."""
    project_of = _plain_project if form == PLAIN else _json_project
    indexes: dict[str, int] = {}
    digests: list[Any] = []
    runs: list[int] = []
    last = -1
    for line in io.BytesIO(chunk):
        try:
            project = project_of(line)
        except (LineError, ValueError, RecursionError):
            project = NO_PROJECT
        index = indexes.setdefault(project, len(indexes))
        if index == len(digests):
            digests.append(hashlib.sha256())
        digests[index].update(line)
        if index == last:
            runs[-2] += 1
            runs[-1] += len(line)
        else:
            runs += (index, 1, len(line))
            last = index
    return ChunkSurvey(list(indexes), [digest.digest()[:8] for digest in digests], runs)


def named_projects(content: bytes, form: str) -> set[str]:
    """Return the projects that a list names."""
    return {*survey(content, form).projects} - {NO_PROJECT, _BLANK}


def _dirty(
        before: Sequence[Chunk], now: Sequence[Chunk], memo: Memo, surveys: Memo,
) -> set[str] | None:
    """Return the projects whose pieces are not the same ones in the same order, None for all.

    As a set of digests, `[A 1.0][A 2.0][A 1.0]` minus its end would look unchanged.
    """
    shorter = min(len(before), len(now))
    first = next((at for at in range(shorter) if before[at] != now[at]), shorter)
    last = next(
        (at for at in range(shorter - first) if before[-1 - at] != now[-1 - at]), shorter - first,
    )
    try:
        old = _pieces(before[first:len(before) - last], memo)
    except LookupError:
        # The memo was lost.
        return None
    new = _pieces(now[first:len(now) - last], surveys)
    return {
        project for project in old.keys() | new.keys() if old.get(project) != new.get(project)
    } - {_BLANK}


def _pieces(chunks: Iterable[Chunk], surveys: Memo) -> dict[str, list[bytes]]:
    """Return the pieces of each project, in the order of the list."""
    found: dict[str, list[bytes]] = defaultdict(list)
    for chunk in chunks:
        survey = _decode(surveys[chunk.digest])
        for project, piece in zip(survey.projects, survey.pieces, strict=True):
            found[project].append(piece)
    return found


def _cut(
        source: ListFile, start: int, known: Sequence[Chunk],
) -> Iterator[tuple[Chunk, bytes]]:
    """Cut a list into chunks; without the content of those that follow a known one, as before.

    These are tried first: hashing them is faster than looking for the next cut.
    """
    places = {chunk.digest: index for index, chunk in reversed([*enumerate(known)])}
    following = 0
    offset = start
    buffer, base = b'', 0
    while offset < source.size:
        expected = known[following:following + _AT_ONCE]
        unchanged = unchanged_chunks(source, offset, expected)
        for chunk in expected[:unchanged]:
            # The last chunk ended where its list did, which need not be at a cut.
            if chunk is known[-1] and offset + chunk.size < source.size:
                break
            yield chunk, b''
            offset += chunk.size
            following += 1
        else:
            if 0 < unchanged == len(expected):
                continue
        if offset == source.size:
            return
        if not base <= offset < base + len(buffer):
            buffer, base = b'', offset
        size = _chunk_size(memoryview(buffer)[offset - base:], ends=False)
        length = _READ
        while not size:
            buffer, base = source.read(offset, length), offset
            size = _chunk_size(buffer, ends=offset + len(buffer) == source.size)
            length *= 2
        content = buffer[offset - base:offset - base + size]
        chunk = Chunk(digest_of(content), size)
        following = places.get(chunk.digest, len(known)) + 1
        yield chunk, content
        offset += size


def _chunk_size(content: bytes | memoryview, *, ends: bool) -> int:
    """Return the size of the first chunk, 0 if more must be read; the list `ends` with it or not.
    """
    size = 0
    for line in io.BytesIO(content):
        if not ends and not line.endswith(b'\n'):
            return 0
        size += len(line)
        if not zlib.crc32(line) & _CUT or size >= _LARGEST:
            return size
    return size if ends else 0


class _NamedLine(msgspec.Struct, gc=False):
    """The keys of a line that its project follows from."""
    filename: str
    name: str | None = None
    version: str | None = None


def _json_project(line: bytes) -> str:
    line = line.strip()
    if not line:
        return _BLANK
    named = _decode_named(line)
    if named.name is None and named.version is None:
        common = filenames.parse_common(named.filename)
        if common is not None:
            return common[0]
    try:
        return filenames.parse(
            named.filename, name=clean_text('name', named.name),
            version=clean_text('version', named.version),
        ).project
    except FieldError:
        if is_companion(named.filename):
            return _BLANK
        raise


def _plain_project(line: bytes) -> str:
    line = line.strip()
    if not line or line.startswith(b'#'):
        return _BLANK
    entry = read_plain(line)
    try:
        return filenames.parse(entry.filename).project
    except FieldError:
        path = (entry.url or '').partition('?')[0]
        if not is_companion(path):
            raise
    # A `.metadata` file is announced on the pages of the file that it describes.
    described = entry.filename.removesuffix(METADATA)
    try:
        return _BLANK if described == entry.filename else filenames.parse(described).project
    except FieldError:
        return _BLANK


def _projects_and_runs(encoded: bytes) -> tuple[list[str], list[int]]:
    survey = _decode(encoded)
    return survey.projects, survey.runs


def _triples(numbers: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    return zip(*(islice(numbers, at, None, 3) for at in range(3)), strict=True)


def _no_numbers() -> array[int]:
    return array('Q')


_decode_named = msgspec.json.Decoder(_NamedLine).decode
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(ChunkSurvey).decode

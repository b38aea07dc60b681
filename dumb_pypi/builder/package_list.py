"""Lines of a list → what stands in them, in one form, and what is odd about them."""
from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TYPE_CHECKING, TypeVar

import msgspec

from dumb_pypi.builder.blocks import BYTE_ORDER_MARK, LineRemark
from dumb_pypi.builder.source import PLAIN
from dumb_pypi.errors import LineError, Notice, shown
from dumb_pypi.model import distfile, urls
from dumb_pypi.model.distfile import Distfile
from dumb_pypi.model.fields import Line
from dumb_pypi.model.project_facts import parse_facts, ProjectFacts, quarantine
from dumb_pypi.model.times import month_of

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

T = TypeVar('T')


class Entry(NamedTuple):
    """A good line of a package list; `line` is its one form, `number` counts from 1.

    `checksum` is of the file's name: that of another file's can be the same.
    """
    line: bytes
    project: NormalizedName
    month: str
    number: int
    checksum: int


class Part(msgspec.Struct, frozen=True):
    """The good lines of a part of a list, what is odd about its lines, and how many it has."""
    entries: list[Entry]
    remarks: list[LineRemark]
    lines: int


class ProjectList(NamedTuple):
    """Facts about projects and their lines, by name; the notices in the order of their lines."""
    facts: dict[NormalizedName, ProjectFacts]
    lines: dict[NormalizedName, int]
    notices: list[Notice]


def parse_plain(line: bytes) -> tuple[Distfile, bytes, list[str]]:
    """One line of a plain list: a file name, a path below the packages URL, or a URL.

    Raises:
        LineError: it is none of these.
    """
    place, sharp, digest = line.decode().partition('#')
    # `find .` puts ./ before each path.
    url = place if urls.has_scheme(place) else urls.quote_path(place.removeprefix('./'))
    file = distfile.from_line(Line(
        filename=urls.file_name(url), url=url, hash=digest if sharp else None,
    ))
    return file, distfile.to_json(file), []


def check(content: bytes, form: str) -> Part:
    """Check the lines of a part of a list, `PLAIN` or `JSON`."""
    parse = parse_plain if form == PLAIN else distfile.check_json
    remarks: list[LineRemark] = []
    entries: list[Entry] = []
    comment = b'#' if form == PLAIN else None
    for number, (file, line) in _good_lines(content, parse, comment, remarks):
        entries.append(Entry(
            line, file.project, month_of(file.upload_timestamp), number,
            zlib.crc32(file.filename.encode()),
        ))
    return Part(entries, remarks, content.count(b'\n') + (not content.endswith(b'\n')))


def notices_of(parts: Iterator[tuple[Sequence[LineRemark], int]], place: str) -> list[Notice]:
    """What there is to say of a list, from the remarks on its parts and their lengths in lines."""
    told: set[str] = set()
    notices = []
    before = 0
    for remarks, lines in parts:
        for line, reason, left_out, key in remarks:
            if key is None or key not in told:
                notices.append(Notice(place, before + line, reason, left_out))
            if key is not None:
                told.add(key)
        before += lines
    return notices


def read_facts(content: bytes, place: str) -> ProjectList:
    """Read a list of facts about projects. Where a project stands twice, the later line counts."""
    facts: dict[NormalizedName, ProjectFacts] = {}
    remarks: list[LineRemark] = []
    found: dict[NormalizedName, int] = {}
    for number, (fact, _) in _good_lines(
            content.removeprefix(BYTE_ORDER_MARK), _parse_facts, None, remarks, quarantine,
    ):
        earlier = found.setdefault(fact.project, number)
        if facts.setdefault(fact.project, fact) != fact:
            facts[fact.project] = fact
            found[fact.project] = number
            remarks.append(LineRemark(
                number,
                f'project {fact.project} is on line {earlier} too, with other facts: '
                f'this line stands',
                left_out=False,
            ))
    return ProjectList(facts, found, notices_of(iter([(remarks, 0)]), place))


def _parse_facts(line: bytes) -> tuple[ProjectFacts, bytes, list[str]]:
    facts, unknown = parse_facts(line)
    return facts, line, unknown


def _good_lines(
        content: bytes, parse: Callable[[bytes], tuple[T, bytes, list[str]]],
        comment: bytes | None, remarks: list[LineRemark],
        salvage: Callable[[bytes], T | None] = lambda _: None,
) -> Iterator[tuple[int, tuple[T, bytes]]]:
    """Each good line's number, value and one form; `remarks` gets what there is to say.

    `salvage` gives what stands all the same of a line that cannot be used, if anything.
    """
    told: set[str] = set()
    for number, raw_line in enumerate(io.BytesIO(content), 1):
        line = raw_line.strip()
        if not line or (comment and line.startswith(comment)):
            continue
        try:
            if not line.isascii():
                raw_line.decode()
            value, normal, unknown = parse(line)
        except (UnicodeDecodeError, LineError) as error:
            reason = error.reason if isinstance(error, LineError) else (
                f'byte {error.start + 1} is not UTF-8'
            )
            remarks.append(LineRemark(number, reason, left_out=True))
            saved = salvage(line)
            if saved is not None:
                yield number, (saved, line)
        else:
            for key in unknown:
                if key not in told:
                    told.add(key)
                    reason = f'key {shown(key)} is not known and is ignored, on every line'
                    remarks.append(LineRemark(number, reason, left_out=False, key=key))
            yield number, (value, normal)

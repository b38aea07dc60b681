"""Lines of a list → what stands in them, in one form, and what is odd about them."""
from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TYPE_CHECKING

import msgspec

from dumb_pypi.builder.blocks import LineRemark
from dumb_pypi.builder.source import PLAIN
from dumb_pypi.errors import LineError, Notice, shown
from dumb_pypi.model.distfile import check_json, check_plain, Distfile
from dumb_pypi.model.fields import require_utf8
from dumb_pypi.model.times import month_of

if TYPE_CHECKING:
    from packaging.utils import NormalizedName


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


def check(content: bytes, form: str) -> Part:
    """Check the lines of a part of a list, `PLAIN` or `JSON`."""
    parse = check_plain if form == PLAIN else check_json
    remarks: list[LineRemark] = []
    entries: list[Entry] = []
    comment = b'#' if form == PLAIN else None
    for number, (file, line) in _good_lines(content, parse, comment, remarks):
        entries.append(Entry(
            line, file.project, month_of(file.line.upload_timestamp), number,
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


def _good_lines(
        content: bytes, parse: Callable[[bytes], tuple[Distfile, bytes, list[str]]],
        comment: bytes | None, remarks: list[LineRemark],
) -> Iterator[tuple[int, tuple[Distfile, bytes]]]:
    """Each good line's number, value and one form; `remarks` gets what there is to say."""
    told: set[str] = set()
    for number, raw_line in enumerate(io.BytesIO(content), 1):
        line = raw_line.strip()
        if not line or (comment and line.startswith(comment)):
            continue
        try:
            require_utf8(raw_line)
            value, normal, unknown = parse(line)
        except LineError as error:
            remarks.append(LineRemark(number, error.reason, left_out=True))
        else:
            for key in unknown:
                if key not in told:
                    told.add(key)
                    reason = f'key {shown(key)} is not known and is ignored, on every line'
                    remarks.append(LineRemark(number, reason, left_out=False, key=key))
            yield number, (value, normal)

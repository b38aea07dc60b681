"""The lines of projects: their checks, and what comes of them."""
from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from dumb_pypi.builder.chunks import NO_PROJECT
from dumb_pypi.builder.stamp import fingerprint
from dumb_pypi.errors import LineError, shown
from dumb_pypi.model.distfile import check_json, check_plain, check_values, read_checked
from dumb_pypi.model.fields import (
    decoder,
    encode,
    have_same_keys,
    Line,
    require_utf8,
    unknown_key,
)
from dumb_pypi.model.suffixes import METADATA
from dumb_pypi.model.times import month_of
from dumb_pypi.options import PLAIN
from dumb_pypi.pages import changelog
from dumb_pypi.pages.changelog import Upload

_METADATA = METADATA.encode()


class LineNotice(NamedTuple):
    """A notice about a line of a project, which is counted from 0 in the project's own lines.

    If the line repeats a file name with other facts, `text` is that name and `earlier` the other
    line. A notice with a `key` appears once per list.
    """
    line: int
    text: str
    skipped: bool
    earlier: int | None = None
    key: str | None = None


class ProjectLineStats(msgspec.Struct, array_like=True, gc=False):
    """The checked lines of a project: their fingerprint, bytes and number, and files per month.

    Those are in JSON, since they take a third of the time to decode, and most are never looked at.
    """
    fingerprint: str
    size: int
    files: int
    files_per_month: msgspec.Raw

    @property
    def months(self) -> dict[str, int]:
        return _decode_months(self.files_per_month)


class Checked(NamedTuple):
    """The checked lines of a project, as `packages.json` has them, and the notices."""
    content: bytes
    lines: ProjectLineStats
    notices: list[LineNotice]


class CheckedProjects(NamedTuple):
    """The checked lines of some projects, and their uploads of each month, encoded."""
    projects: list[Checked]
    uploads: dict[str, bytes]


def check_projects(task: tuple[str, Sequence[tuple[str, bytes]]]) -> CheckedProjects | None:
    """Check the lines of projects; return None if a line is of another project."""
    form, projects = task
    months: dict[str, list[Upload]] = defaultdict(list)
    try:
        checked = [check_project(name, content, form, months) for name, content in projects]
    except _OtherProjectError:
        return None
    return CheckedProjects(checked, {
        month: changelog.encode_uploads(uploads) for month, uploads in months.items()
    })


class _OtherProjectError(Exception):
    """A line is not of the project that the survey found there."""


def check_project(
        project: str, content: bytes, form: str, months: dict[str, list[Upload]],
) -> Checked:
    """Check the lines of a project, in the order of the list; keep the last of each file name.

    In a plain list, the path of a file's metadata announces that file's `core_metadata`. The
    uploads are added to their `months`.
    """
    lines = None if form == PLAIN else _check_usual(project, content)
    notices: list[LineNotice] = []
    if lines is None:
        lines = _check_each(project, content, form, notices)
    joined = b'\n'.join([*sorted([line for line, _ in lines]), b''])
    counts: dict[str, int] = {}
    for _, upload in lines:
        month = month_of(upload.timestamp)
        counts[month] = counts.get(month, 0) + 1
        months[month].append(upload)
    return Checked(
        joined,
        ProjectLineStats(
            fingerprint([joined]), len(joined), len(lines),
            msgspec.Raw(msgspec.json.encode(counts)),
        ),
        notices,
    )


def _check_usual(project: str, content: bytes) -> list[tuple[bytes, Upload]] | None:
    """Check lines of JSON as `_check_each` does, in three quarters of the time.

    Return None if there may be something to report: then each line is looked at again. Keys are
    counted in all lines at once. The decoder finds bytes that are not UTF-8, but for unknown keys.
    """
    found: dict[str, tuple[bytes, Upload]] = {}
    number = dropped = 0
    before = Line(filename='')
    try:
        for line in map(decoder.decode, io.BytesIO(content)):
            number += 1
            dropped += line.scanned_etag is not None
            parsed = check_values(line, before)
            if parsed[0] != project:
                raise _OtherProjectError
            found[line.filename] = encode(line), changelog.upload_of(line, parsed)
            before = line
    except (LineError, msgspec.DecodeError, RecursionError):
        return None
    lines = [*found.values()]
    joined = b''.join([line for line, _ in lines])
    return lines if len(lines) == number and have_same_keys(content, joined, dropped) else None


def _check_each(
        project: str, content: bytes, form: str, notices: list[LineNotice],
) -> list[tuple[bytes, Upload]]:
    """Check lines one by one, and add what there is to report to `notices`."""
    check = check_plain if form == PLAIN else check_json
    found: dict[str, tuple[bytes, Upload, int]] = {}  # line, upload and number, by file name
    reported: set[str] = set()
    metadata: list[bytes] = []
    before = Line(filename='')
    for number, raw_line in enumerate(io.BytesIO(content)):
        line = raw_line.strip()
        try:
            require_utf8(raw_line)
            file, checked, unknown_keys = check(line, before)
        except LineError as error:
            path = line.partition(b'#')[0]
            if form == PLAIN and project != NO_PROJECT and path.endswith(_METADATA):
                metadata.append(path)
            else:
                notices.append(LineNotice(number, error.reason, True))
            continue
        before = file.line
        if file.project != project:
            raise _OtherProjectError
        for key in unknown_keys:
            if key not in reported:
                reported.add(key)
                notices.append(LineNotice(number, unknown_key(key, Line), False, key=key))
        name = file.filename
        if name in found and found[name][0] != checked:
            notices.append(LineNotice(number, shown(name), False, earlier=found[name][2]))
        if name not in found or found[name][0] != checked:
            found[name] = checked, changelog.upload_of(file.line, (
                file.project, file.version, file.packagetype, file.python_version,
            )), number
    for path in metadata:
        _announce_metadata(path, project, found)
    return [(line, upload) for line, upload, _ in found.values()]


def _announce_metadata(
        path: bytes, project: str, found: dict[str, tuple[bytes, Upload, int]],
) -> None:
    """Add `core_metadata` to the line of the file that a `.metadata` file describes, if any."""
    try:
        described, _, _ = check_plain(path.removesuffix(_METADATA))
    except LineError:
        return
    if described.project != project:
        raise _OtherProjectError
    if described.filename in found:
        line, upload, number = found[described.filename]
        file = read_checked(line)
        if file.url == described.url:
            file.line.core_metadata = 'true'
            found[described.filename] = encode(file.line), upload, number


_decode_months = msgspec.json.Decoder(dict[str, int]).decode

"""The latest release of each project in a list → the lines of a project list."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple, TYPE_CHECKING

import msgspec

from dumb_pypi.errors import FileError, Notice
from dumb_pypi.model.distfile import Distfile, read_checked
from dumb_pypi.model.fields import encode
from dumb_pypi.model.filenames import canonicalize_name
from dumb_pypi.model.project import assemble
from dumb_pypi.model.project_facts import FactsLine
from dumb_pypi.scanner import archives, descriptions
from dumb_pypi.scanner.folder import FoundFile
from dumb_pypi.scanner.reader import (
    check_unchanged,
    Counter,
    Progress,
    reason_to_skip,
    run_in_threads,
    SKIPPED,
)

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

# Bytes of a zip archive that finding its metadata reads, about. A tar archive is read to its end.
_READ_OF_ZIP = 2 ** 16
# What a line has in it if its README was cut.
_CUT = encode(descriptions.CUT)[1:]
_LONG = f'has a README of more than {descriptions.MAX_DESCRIPTION} bytes, which is cut'


class ProjectLines(NamedTuple):
    """The lines of a project list, sorted by project, and messages about files.

    `complete` is whether every file could be read.
    """
    lines: list[bytes]
    notices: list[Notice]
    complete: bool


class KnownLine(NamedTuple):
    """A line that a scan wrote, and the hash of the file that it comes from."""
    hash: str
    line: bytes


class _Origin(msgspec.Struct):
    """The keys that tell whether a scan wrote a line, and from which file.

    Only a line about a project of another index has a status. It comes from no file, and its hash
    is empty.
    """
    name: str
    scanned_hash: str
    status: str | None = None
    status_reason: str | None = None

    def __post_init__(self) -> None:
        if self.scanned_hash and (self.status, self.status_reason) != (None, None):
            raise ValueError


_decode_origin = msgspec.json.Decoder(_Origin).decode
_decode_facts = msgspec.json.Decoder(FactsLine).decode


class _Task(NamedTuple):
    """The file that describes the latest release of a project, and what a list says of it."""
    file: FoundFile
    described: Distfile

    @property
    def size(self) -> int:
        """About the number of bytes to read."""
        described = self.described
        if archives.times_read(described.filename, described.packagetype) > 1:
            return self.file.size
        return min(self.file.size, _READ_OF_ZIP)


class _Result(NamedTuple):
    """A line of a project list, or why there is none."""
    project: NormalizedName
    line: bytes = b''
    notices: Sequence[Notice] = ()


def describe_projects(
        lines: Iterable[bytes], files: Iterable[FoundFile], known: Mapping[str, KnownLine], *,
        jobs: int, progress: Progress | None, already_read: int = 0,
        facts: Iterable[FactsLine] = (),
) -> ProjectLines:
    """Describe the latest release of each project with the metadata of one of its files.

    That is the file that `Release.best_informed` names, as in the JSON API: a mix of two files may
    describe neither. A project has a line even if that file has no metadata.

    Args:
        lines: the lines of the package list that a scan made.
        files: the files that it found.
        known: lines of the project list of an earlier scan, by project. One that comes from a file
            of the same hash is taken over.
        jobs: the number of files to read at once.
        progress: that of `scan`.
        already_read: the number of bytes that the progress has counted before.
        facts: what other sources say about projects of their own.
    """
    places = _Places(files)
    found: dict[NormalizedName, bytes] = {}
    notices: list[Notice] = []
    tasks: list[_Task] = []
    described = {file.project: file for file in descriptive_files(lines)}
    for project, file in described.items():
        line = known.get(project)
        if line is not None and line.hash == file.line.hash:
            found[project] = line.line
        else:
            tasks.append(_Task(places.of(file), file))
    counter = Counter(sum(task.size for task in tasks), progress, already_read)
    for result in run_in_threads(partial(_read, counter=counter), tasks, jobs, counter.stop):
        notices.extend(result.notices)
        if result.line:
            found[result.project] = result.line
    complete = not notices
    notices.extend(
        Notice(places.of(described[project]).path, None, _LONG, skipped=False)
        for project, line in found.items() if _CUT in line
    )
    by_name: dict[str, bytes] = dict([
        *((line.name, encode(line)) for line in facts), *found.items(),
    ])
    return ProjectLines([by_name[name] for name in sorted(by_name)], sorted(notices), complete)


def read_known(path: str) -> dict[str, KnownLine]:
    """Return the lines of the project list of an earlier scan, by project; none if it is missing.

    Raises:
        FileError: it cannot be read, or a line does not come from a scan.
    """
    try:
        with open(path, 'rb') as file:
            content = file.read()
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise FileError('read', path, error) from error
    return known_lines(content, path)


def known_lines(content: bytes, path: str) -> dict[str, KnownLine]:
    """Return the lines of a project list that a scan wrote, by project.

    Raises:
        FileError: a line does not come from a scan. It would be lost.
    """
    known: dict[str, KnownLine] = {}
    for number, line in enumerate(content.split(b'\n'), 1):
        if line and not line.isspace():
            try:
                origin = _decode_origin(line)
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
                raise FileError('write', path, ValueError(
                    f'a scan did not write line {number} of this file, and would remove it: keep '
                    'your own facts in another file',
                )) from error
            known[origin.name] = KnownLine(origin.scanned_hash, line)
    return known


def decode_known(known: KnownLine) -> FactsLine:
    """Return a line that a scan wrote."""
    return _decode_facts(known.line)


def long_readme(
        facts: Iterable[FactsLine], places: Mapping[NormalizedName, str],
) -> Iterator[Notice]:
    """Yield notices about READMEs that were cut; `places` are those of the files of projects."""
    for line in facts:
        if line.description is not None and line.description.endswith(descriptions.CUT):
            yield Notice(places[canonicalize_name(line.name)], None, _LONG, skipped=False)


class _Places:
    """Where the files of a list are."""

    def __init__(self, files: Iterable[FoundFile]) -> None:
        self._files: dict[str, list[FoundFile]] = defaultdict(list)
        for file in files:
            self._files[file.filename].append(file)

    def of(self, listed: Distfile) -> FoundFile:
        """Return the file of a line; of several with its name, the one at its URL."""
        same = self._files[listed.filename]
        return next((file for file in same if file.url == listed.line.url), same[0])


def descriptive_files(lines: Iterable[bytes]) -> Iterator[Distfile]:
    """Yield the file of each project that describes its latest release."""
    projects: dict[NormalizedName, list[Distfile]] = defaultdict(list)
    for line in lines:
        file = read_checked(line)
        projects[file.project].append(file)
    for project, files in projects.items():
        latest = assemble(project, files).latest
        if latest is not None:
            best = latest.best_informed
            yield next(file for file in latest.files if file.line is best)


def _read(task: _Task, *, counter: Counter) -> _Result:
    file, described = task
    advance = counter.limited(task.size)
    result = _Result(described.project)
    try:
        with archives.BoundedFile(file.path, advance) as stream:
            check_unchanged(file, stream)
            metadata = archives.read_metadata(
                stream, file.filename, described.packagetype, file.size,
            )
            check_unchanged(file, stream)
        line = descriptions.describe(described.project, described.line.hash or '', metadata or b'')
        result = result._replace(line=encode(line))
    except SKIPPED as error:
        result = result._replace(notices=[Notice(file.path, None, (
            f'its metadata is missing from the project list: {reason_to_skip(error)}'
        ), skipped=False)])
    advance(task.size)
    return result

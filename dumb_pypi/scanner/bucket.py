"""The distribution files in a bucket and below a prefix of it.

Objects that did not change since the previous list are not read. Of a new wheel, the end is read:
it has the archive's directory and, nearly always, the metadata.
"""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import CancelledError
from functools import partial
from hashlib import sha256
from threading import Event
from typing import NamedTuple, TYPE_CHECKING, TypeVar

from dumb_pypi.errors import BrokenError, FieldError, FileError, Notice
from dumb_pypi.model import urls
from dumb_pypi.model.distfile import check_line, Distfile
from dumb_pypi.model.fields import encode, is_sha256, Line
from dumb_pypi.model.suffixes import is_companion, is_distribution, METADATA
from dumb_pypi.scanner import archives
from dumb_pypi.scanner.objects import GoneError, ObjectReader
from dumb_pypi.scanner.reader import reason_to_skip, run_in_threads, SKIPPED, stated_line
from dumb_pypi.scanner.remote_files import RangeFile
from dumb_pypi.scanner.source import Found, projects_of
from dumb_pypi.store import OWN_FOLDER
from dumb_pypi.store.client import Object

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

    from dumb_pypi.model.project_facts import FactsLine
    from dumb_pypi.scanner.source import Settings

# Requests to have in flight.
_JOBS = 32
_ATTRIBUTES = {
    'Content-Type': 'text/plain; charset=utf-8',
    # A later scan replaces an object that is wrong, and clients compare it with a page's hash.
    'Cache-Control': 'max-age=60, must-revalidate',
}

T = TypeVar('T')


class _File(NamedTuple):
    """A distribution file in the bucket, its checked line, and its `.metadata` object, if any."""
    object: Object
    described: Distfile
    metadata: Object | None

    @property
    def size(self) -> int:
        return self.object.size

    @property
    def is_wheel(self) -> bool:
        return self.described.is_wheel

    @property
    def e_tag(self) -> str | None:
        """The ETags of the file and of its metadata: they change with any of the two."""
        return _joined(self.object.version.e_tag, self.metadata and self.metadata.version.e_tag)


class _Result(NamedTuple):
    """The line of a file, None if it is not listed, and messages about it."""
    file: _File
    line: Line | None = None
    problems: tuple[Notice, ...] = ()
    notices: tuple[Notice, ...] = ()


class BucketSource:
    """The objects below a URL such as `s3://bucket/prefix`: see `Source`.

    Raises:
        BucketLibraryError: the library for buckets is not installed.
        FileError: the URL is not one of a bucket.
    """

    def __init__(self, source: str, settings: Settings) -> None:
        self._settings = settings
        self._client = ObjectReader(source)
        self.name = self._client.place
        self._stopped = Event()

    def scan(self, known: Mapping[str, Line], taken: AbstractSet[NormalizedName]) -> Found:
        """List the distribution files. Skip projects that are `taken`.

        Raises:
            FileError: the bucket cannot be listed, or its store does not answer.
        """
        result = Found({}, set(), [], [])
        by_name: dict[str, list[_File]] = defaultdict(list)
        for file in self._files(taken, result):
            by_name[file.described.filename].append(file)
        lines: list[tuple[_File, Line]] = []
        to_read: list[_File] = []
        for filename, same in by_name.items():
            [file, *others] = _without_copies(same)
            before = known.get(filename)
            if not others and before is not None and self._still_holds(before, file):
                before.uploaded_by = before.uploaded_by or self._settings.uploaded_by
                lines.append((file, before))
            elif self._settings.names_only:
                lines.extend((file, self._named_line(file)) for file in (file, *others))
            else:
                to_read.extend((file, *others))
        for read in self._map(partial(self._read, known), to_read):
            result.problems.extend(read.problems)
            result.notices.extend(read.notices)
            if read.line is not None:
                lines.append((read.file, read.line))
        files = self._add_distinct(lines, result)
        if self._settings.known_projects is not None:
            result = result._replace(facts=self._describe(result, files))
        result.problems.sort()
        result.notices.sort()
        return result

    def _files(self, taken: AbstractSet[NormalizedName], result: Found) -> Iterator[_File]:
        objects = {found.path: found for found in self._client.objects('')}
        has_pages = any(f'/{OWN_FOLDER}/' in f'/{path}' for path in objects)
        others = []
        for path, found in objects.items():
            filename = path.rpartition('/')[2]
            if any(part.startswith('.') for part in path.split('/')):
                continue
            if not is_distribution(filename):
                # The markers of folders have no size.
                if found.size and not is_companion(filename) and not has_pages:
                    others.append(filename)
                continue
            if not projects_of([filename]).isdisjoint(taken):
                continue
            result.claimed.update(projects_of([filename]))
            try:
                file = _File(found, check_line(Line(
                    filename=filename, url=urls.quote_path(path), size=found.size,
                    upload_timestamp=_timestamp(found), uploaded_by=self._settings.uploaded_by,
                )), None)
                if not found.size:
                    raise BrokenError('is empty')
            except (BrokenError, FieldError) as error:
                result.problems.append(Notice(self._place(path), None, error.reason))
                continue
            if file.described.packagetype == 'bdist_dumb':
                others.append(filename)
                continue
            yield file._replace(
                metadata=objects.get(path + METADATA) if file.is_wheel else None,
            )
        if others:
            result.notices.append(Notice(self.name, None, (
                f'has {len(others):,} other {"object" if len(others) == 1 else "objects"} than '
                f'wheels, sdists and eggs, such as {min(others)!r}: skipped'
            )))

    def _place(self, path: str) -> str:
        return f'{self._client.place}/{path}'

    def _named_line(self, file: _File) -> Line:
        """Return the line of a file that is not read."""
        line = file.described.line
        line.core_metadata = None if file.metadata is None else 'true'
        return line

    def _still_holds(self, before: Line, file: _File) -> bool:
        """Return whether the line of the previous list is still true of a file, and complete."""
        line = file.described.line
        if (
                (before.size, before.upload_timestamp, before.url)
                != (line.size, line.upload_timestamp, line.url)
                or before.scanned_etag not in (None, file.e_tag)
                or (before.core_metadata is None) != (file.metadata is None)
        ):
            return False
        if self._settings.names_only:
            return True
        return is_sha256(before.hash or '') is not None and (
            # A scan lists this for every wheel that it has read.
            not file.is_wheel or before.requires_dist is not None
        ) and not (self._settings.write_metadata and file.is_wheel and file.metadata is None)

    def _map(self, read: Callable[[_File], T], files: Iterable[_File]) -> list[T]:
        def read_unless_stopped(file: _File) -> T:
            if self._stopped.is_set():
                raise CancelledError
            return read(file)

        jobs = self._settings.jobs or _JOBS
        return run_in_threads(read_unless_stopped, [*files], jobs, self._stopped.set)

    def _read(self, known: Mapping[str, Line], file: _File) -> _Result:
        place = self._place(file.object.path)
        result = _Result(file)
        try:
            content, hash_of_file = self._content(file)
            line = file.described.line
            if content is not None:
                stated = stated_line(line.filename, content, file.described.packagetype)
                line.requires_python, line.requires_dist = (
                    stated.requires_python, stated.requires_dist,
                )
                line.summary, line.name, line.version = stated.summary, stated.name, stated.version
            line.hash = f'sha256={hash_of_file()}'
            _keep_edits(line, known.get(line.filename), has_metadata=content is not None)
            line = check_line(line).line
            if file.is_wheel and content is not None:
                result = self._offer_metadata(result, line, content)
        except GoneError:
            return result._replace(notices=(Notice(
                place, None, 'was deleted while the bucket was scanned: skipped',
            ),))
        except SKIPPED as error:
            return result._replace(problems=(Notice(place, None, reason_to_skip(error)),))
        return result._replace(line=line)

    def _content(self, file: _File) -> tuple[bytes | None, Callable[[], str]]:
        """Return the metadata in a distribution file, and a function that returns its sha256.

        There is no metadata if the file needs none.

        Raises:
            BrokenError: the file is broken, or changes while it is read.
            GoneError: there is no such object any more.
        """
        found, described = file.object, file.described
        filename, packagetype = described.filename, described.packagetype
        if archives.has_random_access(filename, packagetype):
            part = RangeFile(partial(self._client.read, found), found.size)
            with archives.BoundedFile(part, _ignore) as stream:
                content = archives.read_metadata(stream, filename, packagetype, found.size)
            start, end = part.end
            return content, lambda: self._client.known_hash(found) or (
                self._client.open(found, start, end).hash()
            )
        whole = self._client.open(found)
        content = archives.read_metadata(
            archives.BoundedFile(whole, _ignore), filename, packagetype, found.size,
        )
        return content, whole.hash

    def _offer_metadata(self, result: _Result, line: Line, content: bytes) -> _Result:
        """Announce the `.metadata` object of a wheel, if it is right or can be written."""
        file = result.file
        digest = f'sha256={sha256(content).hexdigest()}'
        path = file.object.path + METADATA
        found = file.metadata
        reason = 'is not the metadata in the wheel'
        if found is not None:
            try:
                if found.size == len(content) and self._client.read(
                        found, 0, found.size,
                ) == content:
                    line.core_metadata = digest
                    return result
            # It can be written again.
            except GoneError:
                reason = 'was deleted while the bucket was scanned'
            except BrokenError as error:
                reason = error.reason
        if self._settings.write_metadata:
            try:
                version = self._client.put(path, content, _ATTRIBUTES)
            except FileError as error:
                # The wheel can be installed without the object.
                return result._replace(problems=(Notice(
                    self._place(path), None, f'cannot be written: {error.error}', skipped=False,
                ),))
            line.core_metadata = digest
            return result._replace(file=file._replace(metadata=Object(
                path, len(content), version, file.object.modified,
            )))
        if found is None:
            return result
        return result._replace(notices=(Notice(
            self._place(path), None, f'{reason}: not announced',
        ),))

    def _add_distinct(
            self, lines: Iterable[tuple[_File, Line]], result: Found,
    ) -> dict[str, _File]:
        """Add a line for each file name; files that share a name but not their hash are problems.

        Return the files of the lines, by name.
        """
        files: dict[str, _File] = {}
        copies: dict[str, list[tuple[_File, Line]]] = defaultdict(list)
        for file, line in lines:
            copies[line.filename].append((file, line))
        for filename, same in copies.items():
            same.sort(key=lambda item: item[0].object.path)
            hashes = {line.hash for _, line in same}
            if len(same) > 1 and (len(hashes) > 1 or None in hashes):
                paths = [file.object.path for file, _ in same]
                result.problems.extend(
                    Notice(self._place(path), None, (
                        f'has the name, but not the content, of '
                        f'{self._place(paths[1] if path == paths[0] else paths[0])}'
                    )) for path in paths
                )
                continue
            file, line = same[0]
            line.scanned_etag = file.e_tag
            files[filename] = file
            result.lines[filename] = encode(line)
        return files

    def _describe(self, result: Found, files: Mapping[str, _File]) -> Sequence[FactsLine]:
        """Return what the metadata of the latest release of each project says."""
        from dumb_pypi.scanner.descriptions import describe
        from dumb_pypi.scanner.projects import decode_known, descriptive_files, long_readme

        known = self._settings.known_projects or {}
        facts: list[FactsLine] = []
        unknown: dict[str, Distfile] = {}
        described = {file.project: file for file in descriptive_files(result.lines.values())}
        for project, file in described.items():
            if project in known and known[project].hash == file.line.hash:
                facts.append(decode_known(known[project]))
            else:
                unknown[file.filename] = file

        def read(file: _File) -> FactsLine | Notice:
            listed = unknown[file.described.filename]
            try:
                content, _ = self._content(file)
                return describe(listed.project, listed.line.hash or '', content or b'')
            except GoneError:
                reason = 'it was deleted while the bucket was scanned'
            except SKIPPED as error:
                reason = reason_to_skip(error)
            return Notice(self._place(file.object.path), None, (
                f'its metadata is missing from the project list: {reason}'
            ), skipped=False)

        for found in self._map(read, [files[filename] for filename in unknown]):
            if isinstance(found, Notice):
                result.notices.append(found)
            else:
                facts.append(found)
        result.notices.extend(long_readme(
            facts, {
                project: self._place(files[file.filename].object.path)
                for project, file in described.items()
            },
        ))
        return facts


def _ignore(_: int) -> None:
    """Count no bytes."""


def _joined(*e_tags: str | None) -> str | None:
    return ' '.join(e_tag.strip('"') for e_tag in e_tags if e_tag) or None


def _timestamp(found: Object) -> int | float:
    timestamp = round(found.modified.timestamp(), 6)
    return int(timestamp) if timestamp == int(timestamp) else timestamp


def _without_copies(files: Iterable[_File]) -> list[_File]:
    """Return files that share a name, sorted by path, without those that have the same content."""
    found: dict[object, _File] = {}
    for file in sorted(files, key=lambda file: file.object.path):
        e_tag = file.object.version.e_tag
        found.setdefault(file.object.path if e_tag is None else (file.size, e_tag), file)
    return [*found.values()]


def _keep_edits(line: Line, before: Line | None, *, has_metadata: bool) -> None:
    """Keep what somebody wrote into the line of the same content in the previous list."""
    if before is None or before.hash != line.hash:
        return
    line.uploaded_by = before.uploaded_by or line.uploaded_by
    line.yanked_reason, line.provenance = before.yanked_reason, before.provenance
    if not has_metadata:
        line.name, line.version = before.name, before.version

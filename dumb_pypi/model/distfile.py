"""One distribution file of the list: the value, the checks of its line, and the line of it."""
from __future__ import annotations

import re
from typing import Literal, TYPE_CHECKING

import msgspec

from dumb_pypi.errors import FieldError, shown
from dumb_pypi.model import filenames, times, urls
from dumb_pypi.model.fields import (
    decode,
    decoder,
    Digest,
    encode,
    LARGEST_SIZE,
    Line,
    LONGEST_FILENAME,
    unknown_keys,
    UPLOADS_END,
)
from dumb_pypi.model.free_text import clean_text, FORBIDDEN, one_line, refuse

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

_PLAIN_FILENAME = re.compile(rf'[A-Za-z0-9_.-]{{1,{LONGEST_FILENAME}}}')
# Characters that make a text look like another one: they turn its direction round.
_BIDIRECTIONAL = re.compile('[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]')


class Distfile(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A distribution file and all that the list says of it, checked and in one form.

    `url` is encoded, and relative to the packages URL unless it is absolute. `version` is as
    the file name or the list has it. `core_metadata` is True where the metadata is there but
    its hash is not known. `given_name` and `given_version` are the list's own, where it had them.
    """
    filename: str
    project: NormalizedName
    version: str | None
    packagetype: str
    python_version: str
    url: str
    digest: Digest | None = None
    requires_python: str | None = None
    requires_dist: tuple[str, ...] | None = None
    core_metadata: Digest | bool = False
    upload_timestamp: int | float | None = None
    uploaded_by: str | None = None
    yanked_reason: str | None = None
    size: int | None = None
    summary: str | None = None
    provenance: str | None = None
    given_name: str | None = None
    given_version: str | None = None

    @property
    def yanked(self) -> bool:
        return self.yanked_reason is not None

    @property
    def is_wheel(self) -> bool:
        return self.packagetype == 'bdist_wheel'

    @property
    def upload_time(self) -> str | None:
        """When the file was uploaded, as the standards have it."""
        timestamp = self.upload_timestamp
        return None if timestamp is None else times.in_full(timestamp)

    @property
    def facts_known(self) -> int:
        """How much the list says of what a release is, not of this one file."""
        facts = (self.requires_python, self.requires_dist, self.summary)
        return sum(fact is not None for fact in facts)


def from_line(line: Line) -> Distfile:
    """Check every value of a line.

    Raises:
        FieldError: the first one that is wrong, and why.
    """
    filename = line.filename
    # Nothing is odd about nearly all names.
    plain = _PLAIN_FILENAME.fullmatch(filename) is not None
    if not plain:
        _check_filename(filename)
    name = clean_text('name', line.name)
    version = clean_text('version', line.version)
    if version is not None:
        refuse('version', version, _BIDIRECTIONAL.search(version))
    project, version, packagetype, python_version = filenames.parse(
        filename, name=name, version=version,
    )
    return Distfile(
        filename=filename,
        project=project,
        version=version,
        packagetype=packagetype,
        python_version=python_version,
        url=filename if plain and line.url is None else _url(line.url, filename),
        digest=None if line.hash is None else Digest.parse(line.hash),
        requires_python=clean_text('requires_python', line.requires_python),
        requires_dist=_requires_dist(line.requires_dist),
        core_metadata=line.core_metadata is not None and _core_metadata(line.core_metadata),
        upload_timestamp=_timestamp(line.upload_timestamp),
        uploaded_by=clean_text('uploaded_by', line.uploaded_by),
        yanked_reason=_yanked_reason(line.yanked_reason),
        size=_size(line.size),
        summary=clean_text('summary', line.summary),
        provenance=_provenance(line.provenance),
        given_name=name,
        given_version=clean_text('version', line.version),
    )


def to_json(file: Distfile) -> bytes:
    """The file's line of a JSON list, without a line break; `from_json` reads it back."""
    metadata = file.core_metadata
    url = file.url
    return encode(Line(
        filename=file.filename,
        hash=None if file.digest is None else str(file.digest),
        requires_python=file.requires_python,
        requires_dist=None if file.requires_dist is None else list(file.requires_dist),
        core_metadata=str(metadata) if isinstance(metadata, Digest) else (
            'true' if metadata else None
        ),
        upload_timestamp=file.upload_timestamp,
        uploaded_by=file.uploaded_by,
        yanked_reason=file.yanked_reason,
        size=file.size,
        # A name that needs no encoding is told by being the same.
        url=None if url == file.filename or url == urls.quote_path(file.filename) else url,
        summary=file.summary,
        provenance=file.provenance,
        name=file.given_name,
        version=file.given_version,
    ))


def check_json(line: bytes) -> tuple[Distfile, bytes, list[str]]:
    """One line of a JSON list → the file, its line in the one form, and the keys that are not
    known.

    Raises:
        LineError: it is not such a line.
    """
    file = from_line(decode(line, decoder))
    written = to_json(file)
    return file, written, [] if _same_keys(line, written) else unknown_keys(line, Line)


def _same_keys(line: bytes, checked: bytes) -> bool:
    """Return whether `line` cannot have a key that its checked form lacks, or a key twice.

    Checking a value removes colons at most, and each key has one. So a surplus key shows as a
    surplus colon, unless a value has a colon that `line` escapes and the checked form does not.
    False means only that the keys have to be read, which takes several times as long.
    """
    return (
        line.count(b':') == checked.count(b':')
        and b'\\u003a' not in line and b'\\u003A' not in line
    )


def from_json(line: bytes) -> Distfile:
    """The file of a line that `to_json` wrote: all in it was checked before that."""
    known = decoder.decode(line)
    filename, digest, metadata, url = known.filename, known.hash, known.core_metadata, known.url
    requires_dist = known.requires_dist
    project, version, packagetype, python_version = filenames.parse(
        filename, name=known.name, version=known.version,
    )
    return Distfile(
        filename=filename,
        project=project,
        version=version,
        packagetype=packagetype,
        python_version=python_version,
        url=urls.quote_path(filename) if url is None else url,
        digest=None if digest is None else _digest(digest),
        requires_python=known.requires_python,
        requires_dist=None if requires_dist is None else tuple(requires_dist),
        core_metadata=metadata is not None and (metadata == 'true' or _digest(metadata)),
        upload_timestamp=known.upload_timestamp,
        uploaded_by=known.uploaded_by,
        yanked_reason=known.yanked_reason,
        size=known.size,
        summary=known.summary,
        provenance=known.provenance,
        given_name=known.name,
        given_version=known.version,
    )


def _digest(text: str) -> Digest:
    algorithm, _, digits = text.partition('=')
    return Digest(algorithm, digits)


def _check_filename(filename: str) -> None:
    if not filename or filename != filename.strip():
        raise FieldError('filename', filename, 'is empty, or has a space at an end')
    if '/' in filename or '\\' in filename:
        raise FieldError('filename', filename, "has a slash: the place of a file is its 'url'")
    if len(filename.encode(errors='replace')) > LONGEST_FILENAME:
        raise FieldError('filename', filename, f'is longer than {LONGEST_FILENAME} bytes')
    refuse('filename', filename, FORBIDDEN.search(filename) or _BIDIRECTIONAL.search(filename))


def _url(url: str | None, filename: str) -> str:
    if url is None:
        return urls.quote_path(filename)
    refuse('url', url, FORBIDDEN.search(url))
    try:
        url = urls.clean_reference(url)
    except urls.UrlError as error:
        raise FieldError('url', url, str(error)) from None
    # pip and uv take the file's name from the URL, whatever else a page says it is.
    if urls.file_name(url) != filename:
        raise FieldError('url', url, f'does not end in the file name {shown(filename)}')
    return url if '/' in url or '?' in url else urls.quote_path(filename)


def _requires_dist(requirements: list[str] | None) -> tuple[str, ...] | None:
    if requirements is None:
        return None
    return tuple(one_line('requires_dist', text) for text in requirements)


def _core_metadata(text: str) -> Digest | Literal[True]:
    if text == 'true':
        return True
    if '=' not in text:
        raise FieldError('core_metadata', text, "is neither 'true' nor '<algorithm>=<hex>'")
    return Digest.parse(text, 'core_metadata')


def _timestamp(timestamp: float | None) -> int | float | None:
    if timestamp is None:
        return None
    if not 0 <= timestamp < UPLOADS_END:
        raise FieldError(
            'upload_timestamp', timestamp, 'is not seconds since 1970, before the year 9999',
        )
    return int(timestamp) if timestamp == int(timestamp) else timestamp


def _yanked_reason(reason: str | None) -> str | None:
    return None if reason is None else one_line('yanked_reason', reason)


def _size(size: int | None) -> int | None:
    if size is not None and not 0 <= size <= LARGEST_SIZE:
        raise FieldError('size', size, 'is not a number of bytes')
    return size


def _provenance(url: str | None) -> str | None:
    if url is None:
        return None
    refuse('provenance', url, FORBIDDEN.search(url))
    try:
        return urls.clean_absolute(url, schemes=('https',))
    except urls.UrlError as error:
        raise FieldError('provenance', url, str(error)) from None

"""A distribution file of the list, and the checks that its line has to pass."""
from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from dumb_pypi.errors import FieldError, shown
from dumb_pypi.model import filenames, times, urls
from dumb_pypi.model.fields import (
    clean_hash,
    decode_line,
    decoder,
    Digest,
    encode,
    have_same_keys,
    LARGEST_SIZE,
    Line,
    LONGEST_FILENAME,
    unknown_keys,
    UPLOADS_END,
)
from dumb_pypi.model.filenames import ParsedName
from dumb_pypi.model.free_text import clean_text, FORBIDDEN, one_line, refuse
from dumb_pypi.model.listings import refuse_listing

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

_PLAIN_FILENAME = re.compile(rf'[A-Za-z0-9_.-]{{1,{LONGEST_FILENAME}}}')
# As numbers they are found faster than as bytes.
_SPACE, _TAB = b' \t'
# Characters that reverse the direction of text, so that a name can look like another one.
_BIDIRECTIONAL = re.compile('[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]')
# The URL of an object in a bucket, which no client reads.
_BUCKET = re.compile('(?:s3|gs|az|abfss?|b2|r2)://')
# pip decodes a file's name once more after it took it from the URL, and sees another name.
_ENCODED = re.compile('%[0-9A-Fa-f]{2}')


class Distfile(msgspec.Struct, frozen=True, gc=False):
    """A distribution file: what the list says of it, and what follows from that.

    `line` is checked, and each of its values is in one form: `encode(line)` is the file's line of
    `packages.json`. `version` is as the file name or the list spells it. `url` is encoded, and
    relative to the packages URL unless it is absolute. `core_metadata` is True if the metadata is
    available but its hash is unknown.
    """
    line: Line
    project: NormalizedName
    version: str | None
    packagetype: str
    python_version: str
    url: str
    digest: Digest | None
    core_metadata: Digest | bool

    @property
    def filename(self) -> str:
        return self.line.filename

    @property
    def yanked(self) -> bool:
        return self.line.yanked_reason is not None

    @property
    def is_wheel(self) -> bool:
        return self.packagetype == 'bdist_wheel'

    @property
    def is_variants(self) -> bool:
        """Whether the file only describes the wheels of its release."""
        return self.packagetype == filenames.VARIANTS

    @property
    def upload_time(self) -> str | None:
        """The time of the upload in the form that the standards prescribe."""
        timestamp = self.line.upload_timestamp
        return None if timestamp is None else times.iso_8601(timestamp)


def check_line(line: Line) -> Distfile:
    """Check every value of a line, and return the file that it describes.

    Raises:
        FieldError: a value is invalid; the first such value is reported.
    """
    filename = line.filename
    # Nearly every name is plain, and passes all checks of characters and length.
    plain = _PLAIN_FILENAME.fullmatch(filename) is not None
    if not plain:
        _check_filename(filename)
    name = clean_text('name', line.name)
    version = clean_text('version', line.version)
    if version is not None:
        refuse('version', version, _BIDIRECTIONAL.search(version))
    parsed = filenames.parse(filename, name=name, version=version)
    return _distfile(Line(
        filename=filename,
        url=None if line.url is None else _url(line.url, filename),
        hash=None if line.hash is None else clean_hash('hash', line.hash),
        requires_python=clean_text('requires_python', line.requires_python),
        requires_dist=_requires_dist(line.requires_dist),
        core_metadata=None if line.core_metadata is None else _core_metadata(line.core_metadata),
        upload_timestamp=_timestamp(line.upload_timestamp),
        uploaded_by=clean_text('uploaded_by', line.uploaded_by),
        yanked_reason=_yanked_reason(line.yanked_reason),
        size=_size(line.size),
        summary=clean_text('summary', line.summary),
        provenance=_provenance(line.provenance),
        name=name,
        version=version,
    ), parsed)


def check_json(line: bytes) -> tuple[Distfile, bytes, list[str]]:
    """Check a line of a JSON list.

    Return the file, its line of `packages.json` without a line break, and the unknown keys.

    Raises:
        LineError: the line is not an object with the keys and types of `Line`, a value is
            invalid, or a key is there twice.
    """
    file = check_line(decode_line(line))
    checked = encode(file.line)
    return file, checked, [] if have_same_keys(line, checked) else unknown_keys(line, Line)


def check_plain(line: bytes) -> tuple[Distfile, bytes, list[str]]:
    """Check a line of a plain list: a file name, a path below the packages URL, or a URL.

    Return what `check_json` returns; a plain line has no keys. The line is UTF-8.

    Raises:
        LineError: the line is none of these, or has other columns, or its hash is invalid.
    """
    if _SPACE in line or _TAB in line:
        refuse_listing(line.partition(b'#')[0].decode())
    file = check_line(read_plain(line))
    return file, encode(file.line), []


def read_plain(line: bytes) -> Line:
    """Return what a line of a plain list says, unchecked."""
    place, sharp, digest = line.decode().partition('#')
    # `find .` puts ./ before each path.
    url = place if urls.has_scheme(place) else urls.quote_path(place.removeprefix('./'))
    return Line(filename=urls.file_name(url), url=url, hash=digest if sharp else None)


def read_checked(line: bytes) -> Distfile:
    """Return the file of a line of `packages.json`, which holds checked values only."""
    checked = decoder.decode(line)
    return _distfile(checked, filenames.parse(
        checked.filename, name=checked.name, version=checked.version,
    ))


def _distfile(checked: Line, parsed: ParsedName) -> Distfile:
    digest, metadata, url = checked.hash, checked.core_metadata, checked.url
    return Distfile(
        checked,
        *parsed,
        urls.quote_path(checked.filename) if url is None else url,
        None if digest is None else Digest.of(digest),
        metadata is not None and (metadata == 'true' or Digest.of(metadata)),
    )


def _check_filename(filename: str) -> None:
    if not filename:
        raise FieldError('filename', filename, "is empty: give the file's name")
    if filename != filename.strip():
        raise FieldError('filename', filename, 'starts or ends with a space: rename the file')
    if '/' in filename or '\\' in filename:
        raise FieldError('filename', filename, "has a slash: give the path as 'url'")
    if len(filename.encode(errors='replace')) > LONGEST_FILENAME:
        raise FieldError(
            'filename', filename, f'is longer than {LONGEST_FILENAME} bytes: rename the file',
        )
    if encoded := _ENCODED.search(filename):
        raise FieldError('filename', filename, (
            f'has {shown(encoded[0])}, which clients decode twice: '
            f'give the decoded name, or rename the file'
        ))
    refuse('filename', filename, FORBIDDEN.search(filename) or _BIDIRECTIONAL.search(filename))


def _url(url: str, filename: str) -> str | None:
    """Return the URL in its one form: None if it is the encoded file name, the default."""
    refuse('url', url, FORBIDDEN.search(url))
    try:
        url = urls.clean_reference(url)
    except urls.UrlError as error:
        remedy = ': give the path below --packages-url' if _BUCKET.match(url) else ''
        raise FieldError('url', url, f'{error}{remedy}') from None
    # pip and uv take the file name from the URL, even if the page states another one.
    if urls.file_name(url) != filename:
        raise FieldError('url', url, (
            f'does not end with {shown(filename)}: clients take the file name from the URL'
        ))
    return url if '/' in url or '?' in url else None


def _requires_dist(requirements: list[str] | None) -> list[str] | None:
    if requirements is None:
        return None
    return [one_line('requires_dist', requirement) for requirement in requirements]


def _core_metadata(metadata: str) -> str:
    if metadata == 'true':
        return metadata
    if '=' not in metadata:
        raise FieldError('core_metadata', metadata, "is neither 'true' nor '<algorithm>=<hex>'")
    return clean_hash('core_metadata', metadata)


def _timestamp(timestamp: float | None) -> int | float | None:
    if timestamp is None:
        return None
    if not 0 <= timestamp < UPLOADS_END:
        hint = ': is it in milliseconds?' if 0 <= timestamp / 1000 < UPLOADS_END else ''
        raise FieldError(
            'upload_timestamp', timestamp, f'is not in seconds from 1970 to 9998{hint}',
        )
    return int(timestamp) if timestamp == int(timestamp) else timestamp


def _yanked_reason(reason: str | None) -> str | None:
    return None if reason is None else one_line('yanked_reason', reason)


def _size(size: int | None) -> int | None:
    if size is not None and not 0 <= size <= LARGEST_SIZE:
        raise FieldError('size', size, 'is not a file size in bytes')
    return size


def _provenance(url: str | None) -> str | None:
    if url is None:
        return None
    refuse('provenance', url, FORBIDDEN.search(url))
    try:
        return urls.clean_absolute(url, schemes=('https',))
    except urls.UrlError as error:
        raise FieldError('provenance', url, str(error)) from None

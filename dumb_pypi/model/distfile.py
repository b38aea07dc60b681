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
    encode,
    have_same_keys,
    is_sha256,
    LARGEST_SIZE,
    Line,
    LONGEST_FILENAME,
    unknown_keys,
    UPLOADS_END,
)
from dumb_pypi.model.filenames import ParsedName
from dumb_pypi.model.free_text import clean_text, one_line, refuse
from dumb_pypi.model.listings import refuse_listing

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

_NO_TEXTS = Line(filename='')
# As numbers they are found faster than as bytes.
_SPACE, _TAB = b' \t'
# Characters that reverse the direction of text, so that a name can look like another one.
_BIDIRECTIONAL = '[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]'
# The URL of an object in a bucket, which no client reads.
_BUCKET = re.compile('(?:s3|gs|az|abfss?|b2|r2)://')
# pip decodes a file's name once more after it took it from the URL, and sees another name.
_ENCODED = re.compile('%[0-9A-Fa-f]{2}')


# What a file name states, as `filenames.ParsedName` has it.
_Parsed = tuple['NormalizedName', str | None, str, str]


class Distfile(msgspec.Struct, frozen=True, gc=False):
    """A distribution file: what the list says of it, and what follows from that.

    `line` is checked, and each of its values is in one form: `encode(line)` is the file's line of
    `packages.json`. `version` is as the file name or the list spells it. `url` is encoded, and
    relative to the packages URL unless it is absolute.
    """
    line: Line
    project: NormalizedName
    version: str | None
    packagetype: str
    python_version: str
    url: str

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


def check_line(line: Line, before: Line = _NO_TEXTS) -> Distfile:
    """Check every value of a line, put it into its one form, and return the file.

    `before` is a checked line, as for `check_values`.

    Raises:
        FieldError: a value is invalid; the first such value is reported.
    """
    return _distfile(line, check_values(line, before))


def check_values(line: Line, before: Line) -> _Parsed:
    """Check every value of a line, put it into its one form, and return what its name states.

    `before` is a checked line. Lines of one project mostly repeat the texts of the line before
    them, and a text that a checked line has needs no second check.

    Raises:
        FieldError: a value is invalid; the first such value is reported.
    """
    filename = line.filename
    common = _common_name(line)
    # Such a name passes all checks of characters.
    if common is None or len(filename) > LONGEST_FILENAME:
        _check_filename(filename)
    if line.name is not None:
        line.name = clean_text('name', line.name)
    if line.version is not None:
        line.version = clean_text('version', line.version)
        refuse('version', line.version or '', _BIDIRECTIONAL)
    parsed = common or _parse(line)
    # Every test here is for each line of the list. A call for each value would take as long as the
    # tests, so only values that are not in their one form already are passed on.
    if line.url is not None:
        line.url = _url(line.url, filename)
    if line.hash is not None and not is_sha256(line.hash):
        line.hash = clean_hash('hash', line.hash)
    if line.requires_python != before.requires_python:
        line.requires_python = clean_text('requires_python', line.requires_python)
    if line.requires_dist is not None and line.requires_dist != before.requires_dist:
        line.requires_dist = _requirements(line.requires_dist)
    if line.core_metadata is not None and not is_sha256(line.core_metadata):
        line.core_metadata = _core_metadata(line.core_metadata)
    timestamp = line.upload_timestamp
    if timestamp is not None and not (type(timestamp) is int and 0 <= timestamp < UPLOADS_END):
        line.upload_timestamp = _timestamp(timestamp)
    if line.uploaded_by != before.uploaded_by:
        line.uploaded_by = clean_text('uploaded_by', line.uploaded_by)
    if line.yanked_reason is not None:
        line.yanked_reason = one_line('yanked_reason', line.yanked_reason)
    if line.size is not None and not 0 <= line.size <= LARGEST_SIZE:
        raise FieldError('size', line.size, 'is not a file size in bytes')
    if line.summary != before.summary:
        line.summary = clean_text('summary', line.summary)
    if line.provenance is not None:
        line.provenance = _provenance(line.provenance)
    line.scanned_etag = None
    return parsed


def check_json(
        line: bytes, before: Line = _NO_TEXTS,
) -> tuple[Distfile, bytes, list[str]]:
    """Check a line of a JSON list; `before` is a checked line, as for `check_line`.

    Return the file, its line of `packages.json` without a line break, and the unknown keys.

    Raises:
        LineError: the line is not an object with the keys and types of `Line`, a value is
            invalid, or a key is there twice.
    """
    decoded = decode_line(line)
    dropped = decoded.scanned_etag is not None
    file = check_line(decoded, before)
    checked = encode(file.line)
    same = have_same_keys(line, checked, dropped)
    return file, checked, [] if same else unknown_keys(line, Line)


def check_plain(line: bytes, _: Line = _NO_TEXTS) -> tuple[Distfile, bytes, list[str]]:
    """Check a line of a plain list: a file name, a path below the packages URL, or a URL.

    Return what `check_json` returns; a plain line has no keys and no texts. The line is UTF-8.

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
    common = _common_name(checked)
    if common is None or checked.url is not None:
        return _distfile(checked, common or _parse(checked))
    # A common name has nothing to encode.
    return Distfile(checked, *common, checked.filename)


def _common_name(line: Line) -> _Parsed | None:
    if line.name is None and line.version is None:
        return filenames.parse_common(line.filename)
    return None


def _parse(line: Line) -> ParsedName:
    return filenames.parse(line.filename, name=line.name, version=line.version)


def _distfile(checked: Line, parsed: _Parsed) -> Distfile:
    return Distfile(checked, *parsed, checked.url or urls.quote_path(checked.filename))


def _check_filename(filename: str) -> None:
    if not filename:
        raise FieldError('filename', filename, "is empty: give the file's name")
    if filename != filename.strip():
        raise FieldError('filename', filename, 'starts or ends with a space: rename the file')
    if '/' in filename:
        raise FieldError('filename', filename, "has a slash: give the path as 'url'")
    if '\\' in filename:
        raise FieldError('filename', filename, (
            "has a backslash: write paths with '/', relative to --packages-url"
        ))
    if len(filename.encode(errors='replace')) > LONGEST_FILENAME:
        raise FieldError(
            'filename', filename, f'is longer than {LONGEST_FILENAME} bytes: rename the file',
        )
    if encoded := _ENCODED.search(filename):
        raise FieldError('filename', filename, (
            f'has {shown(encoded[0])}, which clients decode twice: '
            f'give the decoded name, or rename the file'
        ))
    refuse('filename', filename)
    refuse('filename', filename, _BIDIRECTIONAL)


def _url(url: str, filename: str) -> str | None:
    """Return the URL in its one form: None if it is the encoded file name, the default."""
    refuse('url', url)
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


def _requirements(texts: list[str]) -> list[str]:
    if ''.join(texts).isprintable():
        return [text.strip() for text in texts]
    return [one_line('requires_dist', text) for text in texts]


def _core_metadata(metadata: str) -> str:
    if metadata != 'true' and '=' not in metadata:
        raise FieldError('core_metadata', metadata, "is neither 'true' nor '<algorithm>=<hex>'")
    return metadata if metadata == 'true' else clean_hash('core_metadata', metadata)


def _timestamp(timestamp: float) -> int | float:
    if not 0 <= timestamp < UPLOADS_END:
        hint = ': is it in milliseconds?' if 0 <= timestamp / 1000 < UPLOADS_END else ''
        raise FieldError(
            'upload_timestamp', timestamp, f'is not in seconds from 1970 to 9998{hint}',
        )
    return int(timestamp) if timestamp == int(timestamp) else timestamp


def _provenance(url: str) -> str:
    refuse('provenance', url)
    try:
        return urls.clean_absolute(url, schemes=('https',))
    except urls.UrlError as error:
        raise FieldError('provenance', url, str(error)) from None

"""Core metadata, METADATA or PKG-INFO: parse it, compare it with file names, and write it."""
from __future__ import annotations

import os
import re
from typing import NamedTuple

from packaging.metadata import parse_email
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from dumb_pypi.errors import BrokenError, shown
from dumb_pypi.model import filenames
from dumb_pypi.model.fields import LONGEST_FILENAME
from dumb_pypi.model.free_text import FORBIDDEN
from dumb_pypi.scanner.folder import write_atomically

# Bytes of all the fields below together.
MAX_FIELDS = 2 ** 20

_FIELD = re.compile(
    rb'^(Metadata-Version|Name|Version|Summary|Requires-Python|Requires-Dist|Dynamic)'
    rb'(:.*(?:\n[ \t].*)*)',
    re.IGNORECASE | re.MULTILINE,
)
# pip takes the first of several such fields; the parser would return none of them.
_FIRST_COUNTS = (b'Metadata-Version', b'Summary', b'Requires-Python')
# The first line that is neither a field nor the continuation of one.
_BODY = re.compile(rb'^(?![!-9;-~]*:|[\t ])', re.MULTILINE)
# From this version on an sdist's PKG-INFO says what a wheel built from it will say (PEP 643).
_RELIABLE = Version('2.2')
# Characters of a version. No file name has room for more, and Python refuses to convert numbers
# of thousands of digits.
_LONGEST_VERSION = LONGEST_FILENAME
_NO_LETTERS = re.compile('[^a-z0-9]+')
ABSENT = ('', 'UNKNOWN')  # distutils wrote the latter


class Facts(NamedTuple):
    """What metadata says; `requires_dist` is None if the wheels' requirements are not known."""
    name: str
    version: str
    requires_python: str | None
    requires_dist: list[str] | None
    summary: str | None


def parse(metadata: bytes, packagetype: str) -> Facts:
    """Parse metadata of any version, found in a file of that package type.

    Raises:
        BrokenError: it has no name or version, several of them, or fields that are too long.
    """
    fields, _ = parse_email(_fields(metadata))
    name, version = one_line(fields.get('name', '')), one_line(fields.get('version', ''))
    if not name or not version:
        raise BrokenError('has metadata that does not say its name and version, each once')
    summary = one_line(fields.get('summary', ''))
    reliable = packagetype == 'bdist_wheel' or (
        _is_reliable(fields.get('metadata_version', ''))
        and 'requires-dist' not in map(str.lower, fields.get('dynamic', ()))
    )
    return Facts(
        name, version, one_line(fields.get('requires_python', '')) or None,
        list(map(one_line, fields.get('requires_dist', ()))) if reliable else None,
        None if summary in ABSENT else re.sub(FORBIDDEN, '\ufffd', summary),
    )


def check_name(filename: str, name: str, version: str) -> tuple[str | None, str | None]:
    """Compare a file's name with its metadata.

    Return the project's name where the file's name leaves open where it ends, and the version
    where the file's name has none; None for each that the file's name says.

    >>> check_name('foo-1.0.zip', 'Foo', '1.0.0')
    (None, None)
    >>> check_name('foo-2-1.zip', 'foo-2', '1')
    ('foo-2', None)
    >>> check_name('foo.zip', 'foo', '1.0')
    (None, '1.0')

    Raises:
        BrokenError: they are of different projects or versions.
        FieldError: the name is not that of a distribution file.
    """
    parsed = filenames.parse(filename)
    project = canonicalize_name(name)
    given_name = None
    if parsed.project != project and canonicalize_name(filename).startswith(f'{project}-'):
        # `parse` has guessed wrong where the name ends.
        other = filenames.parse(filename, name=name)
        if _is_same_version(other.version, version):
            parsed, given_name = other, name
    if parsed.project != project:
        raise BrokenError(f'has the metadata of another project, {shown(name)}')
    if not _is_same_version(parsed.version, version):
        raise BrokenError(f'has the metadata of another version, {shown(version)}')
    return given_name, version if parsed.version is None else None


def write(path: str, metadata: bytes) -> bool:
    """Write a `.metadata` file; return whether its name is short enough for a file system.

    Raises:
        OSError: it cannot be written.
    """
    if len(os.fsencode(os.path.basename(path))) > LONGEST_FILENAME:
        return False
    write_atomically(path, metadata)
    return True


def one_line(text: str) -> str:
    """Return a text with a space in place of each run of white space."""
    return ' '.join(text.split())


def split(metadata: bytes) -> tuple[bytes, bytes]:
    """Split metadata into its fields and the text below them; each line ends in a line feed."""
    metadata = metadata.replace(b'\r\n', b'\n').replace(b'\r', b'\n')
    body = _BODY.search(metadata)
    if body is None:
        return metadata, b''
    return metadata[:body.start()], metadata[body.start():].removeprefix(b'\n')


def _is_same_version(in_filename: str | None, version: str) -> bool:
    """Return whether a file's name has this version, or none."""
    if in_filename is None:
        return True
    if len(version) > _LONGEST_VERSION:
        return False
    try:
        # Eggs and wheels have an underscore where their sdist has a dash.
        return Version(in_filename.replace('_', '-')) == Version(version)
    except InvalidVersion:
        return _NO_LETTERS.sub('-', in_filename.lower()) == _NO_LETTERS.sub('-', version.lower())


def _is_reliable(metadata_version: str) -> bool:
    if len(metadata_version) > _LONGEST_VERSION:
        return False
    try:
        return Version(metadata_version) >= _RELIABLE
    except InvalidVersion:
        return False


def _fields(metadata: bytes) -> str:
    """Return the fields that a list needs, and nothing else, with their names in title case.

    The parser takes quadratic time for many different fields, parses messages nested in the body,
    and is slow if the text is not ASCII.
    """
    head, _ = split(metadata)
    found = [(name.title(), rest) for name, rest in _FIELD.findall(head)]
    # Reversed, so that the first one overwrites the others.
    first = {name: rest for name, rest in reversed(found) if name in _FIRST_COUNTS}
    fields = b'\n'.join([
        *(name + rest for name, rest in first.items()),
        *(name + rest for name, rest in found if name not in _FIRST_COUNTS),
    ])
    if len(fields) > MAX_FIELDS:
        raise BrokenError(f'has metadata with requirements of more than {MAX_FIELDS} bytes')
    return fields.decode(errors='replace')

"""The text of METADATA or PKG-INFO → what a package list has of it."""
from __future__ import annotations

import re
from typing import NamedTuple

from packaging.metadata import parse_email
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from dumb_pypi.errors import BrokenError, shown
from dumb_pypi.model import filenames
from dumb_pypi.model.fields import LONGEST_FILENAME
from dumb_pypi.model.free_text import FORBIDDEN

# Bytes of all the fields below together.
LARGEST_FIELDS = 2 ** 20

_FIELD = re.compile(
    rb'^(Metadata-Version|Name|Version|Summary|Requires-Python|Requires-Dist|Dynamic)'
    rb'(:.*(?:\n[ \t].*)*)',
    re.IGNORECASE | re.MULTILINE,
)
# Of these pip takes the first, while the parser would have none.
_FIRST_COUNTS = (b'Metadata-Version', b'Summary', b'Requires-Python')
# The first line that is no header, nor goes on from one.
_BODY = re.compile(rb'^(?![!-9;-~]*:|[\t ])', re.MULTILINE)
# Since then the PKG-INFO of an sdist says what a wheel made of it would (PEP 643).
_RELIABLE = Version('2.2')
# Characters of a version. No file's name has room for more, and numbers of thousands of digits
# are none to Python.
_LONGEST_VERSION = LONGEST_FILENAME
_NO_LETTERS = re.compile('[^a-z0-9]+')
_ABSENT = ('', 'UNKNOWN')  # distutils wrote the latter


class Facts(NamedTuple):
    """What metadata says. `requires_dist` is None where it does not say what all wheels need."""
    name: str
    version: str
    requires_python: str | None
    requires_dist: list[str] | None
    summary: str | None


def parse(metadata: bytes, packagetype: str) -> Facts:
    """Read metadata of any version.

    Raises:
        BrokenError: it does not say whose it is, or is out of all proportion.
    """
    fields, _ = parse_email(_fields(metadata))
    name, version = _one_line(fields.get('name', '')), _one_line(fields.get('version', ''))
    if not name or not version:
        raise BrokenError('has metadata that does not say its name and version, each once')
    summary = _one_line(fields.get('summary', ''))
    reliable = packagetype == 'bdist_wheel' or (
        _is_reliable(fields.get('metadata_version', ''))
        and 'requires-dist' not in map(str.lower, fields.get('dynamic', ()))
    )
    return Facts(
        name, version, _one_line(fields.get('requires_python', '')) or None,
        list(map(_one_line, fields.get('requires_dist', ()))) if reliable else None,
        None if summary in _ABSENT else FORBIDDEN.sub('\ufffd', summary),
    )


def check_name(filename: str, name: str, version: str) -> tuple[str | None, str | None]:
    """Compare a file's name with its metadata; return the name and version that it lacks.

    >>> check_name('foo-1.0.zip', 'Foo', '1.0.0')
    (None, None)
    >>> check_name('foo-2-1.zip', 'foo-2', '1')
    ('foo-2', None)
    >>> check_name('foo.zip', 'foo', '1.0')
    (None, '1.0')

    Raises:
        BrokenError: they are of different projects or versions.
        FieldError: the file's name is none of a distribution file.
    """
    said = filenames.parse(filename)
    project = canonicalize_name(name)
    given_name = None
    if said.project != project and canonicalize_name(filename).startswith(f'{project}-'):
        # Where the name ends was a guess.
        other = filenames.parse(filename, name=name)
        if _is_version(other.version, version):
            said, given_name = other, name
    if said.project != project:
        raise BrokenError(f'has the metadata of another project, {shown(name)}')
    if not _is_version(said.version, version):
        raise BrokenError(f'has the metadata of another version, {shown(version)}')
    return given_name, version if said.version is None else None


def _one_line(text: str) -> str:
    return ' '.join(text.split())


def _is_version(said: str | None, version: str) -> bool:
    """Whether a file's name says this version, or none."""
    if said is None:
        return True
    if len(version) > _LONGEST_VERSION:
        return False
    try:
        # Eggs and wheels have an underscore where their sdist has a dash.
        return Version(said.replace('_', '-')) == Version(version)
    except InvalidVersion:
        return _NO_LETTERS.sub('-', said.lower()) == _NO_LETTERS.sub('-', version.lower())


def _is_reliable(metadata_version: str) -> bool:
    if len(metadata_version) > _LONGEST_VERSION:
        return False
    try:
        return Version(metadata_version) >= _RELIABLE
    except InvalidVersion:
        return False


def _fields(metadata: bytes) -> str:
    """The fields that matter, in one spelling and nothing else.

    The parser takes the square of the time for many names of fields, follows nested messages in
    the body, and is slow with text that is not ASCII.
    """
    metadata = metadata.replace(b'\r\n', b'\n').replace(b'\r', b'\n')
    body = _BODY.search(metadata)
    head = metadata if body is None else metadata[:body.start()]
    found = [(name.title(), rest) for name, rest in _FIELD.findall(head)]
    # The other way round, so that the first is what stays.
    first = {name: rest for name, rest in reversed(found) if name in _FIRST_COUNTS}
    fields = b'\n'.join([
        *(name + rest for name, rest in first.items()),
        *(name + rest for name, rest in found if name not in _FIRST_COUNTS),
    ])
    if len(fields) > LARGEST_FIELDS:
        raise BrokenError(f'has metadata with requirements of more than {LARGEST_FIELDS} bytes')
    return fields.decode(errors='replace')

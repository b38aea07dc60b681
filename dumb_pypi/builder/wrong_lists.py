"""Lists of the wrong kind: what a list without a usable line looks like, and what to do."""
from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from dumb_pypi.builder.source import BYTE_ORDER_MARK, ListFile
from dumb_pypi.errors import LineError, Notice, UnusableListError
from dumb_pypi.model.distfile import check_plain
from dumb_pypi.model.listings import listing_of
from dumb_pypi.options import PLAIN

_HEAD = 1 << 16  # bytes: the beginning tells what a list is
_TAIL = 1 << 8  # bytes
_LINES = 20  # lines looked at

# How archives and compressed files begin.
_MAGIC = (
    (b'PK\x03\x04', 'a zip archive, such as a wheel'),
    (b'\x1f\x8b', 'a gzip file, such as an sdist or a compressed list'),
    *((b'BZh%d1AY&SY' % level, 'a bzip2 file') for level in range(1, 10)),
    (b'\xfd7zXZ\0', 'an xz file'),
    (b'\x28\xb5\x2f\xfd', 'a zstd file'),
)
_SCAN = 'list the bucket with dumb-pypi scan, for --package-list-json'
_ONE_OBJECT = 'write one JSON object per line, such as {"name": "foo"}'
_JSON_STRINGS = re.compile(r'\[\s*"')


class ListOptions(NamedTuple):
    """The options that take a list: the one for a plain list, if there is one, and for JSON."""
    plain: str | None
    json: str


PACKAGE_LIST = ListOptions('--package-list', '--package-list-json')
PREVIOUS_LIST = ListOptions('--previous-package-list', '--previous-package-list-json')
PROJECT_LIST = ListOptions(None, '--project-list-json')


class Likeness(NamedTuple):
    """What a list looks like, and what to do about it."""
    what: str
    remedy: str


def refuse_unusable(source: ListFile, options: ListOptions, notices: Sequence[Notice]) -> None:
    """Refuse a list without a usable line, unless it is empty; `notices` are about its lines.

    Raises:
        UnusableListError: it looks like something else, or its lines are bad.
    """
    refuse_wrong_kind(source, options)
    if notices:
        raise UnusableListError(
            source.place,
            f'none of its lines is usable. Line {notices[0].line}: {notices[0].text}',
        )


def refuse_wrong_kind(source: ListFile, options: ListOptions) -> None:
    """Refuse a list that looks like something else; call it for a list that is likely wrong.

    Raises:
        UnusableListError: it does.
    """
    likeness = likeness_of(source.read(0, _HEAD), source.form, options)
    if likeness is not None:
        remedy = likeness.remedy[0].upper() + likeness.remedy[1:]
        raise UnusableListError(source.place, f'it looks like {likeness.what}. {remedy}')


def is_never_a_list(source: ListFile) -> bool:
    """Return whether a list is of a wrong kind even if some of its lines are usable.

    A compressed list may have names that are not compressed, and the last object of a JSON array
    may be on a line of its own.
    """
    head = source.read(0, _HEAD)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, *(magic for magic, _ in _MAGIC))):
        return True
    head = head.removeprefix(BYTE_ORDER_MARK).lstrip()
    first, line_break, _ = head.partition(b'\n')
    if not (head.startswith(b'[') and line_break and _decode(first) is None):
        return False
    return source.read(max(0, source.size - _TAIL), _TAIL).rstrip().endswith(b']')


def likeness_of(head: bytes, form: str, options: ListOptions) -> Likeness | None:
    """Return what the beginning of an unusable list looks like, None if nothing known.

    >>> likeness_of(b'{"filename": "foo-1.0.zip"}', 'plain', PACKAGE_LIST)
    Likeness(what='JSON lines', remedy='use --package-list-json')
    """
    for magic, what in _MAGIC:
        if head.startswith(magic):
            return Likeness(what, (
                'for an index of the packages in a folder, use --packages-dir'
                if options == PACKAGE_LIST else 'give a list, not compressed'
            ))
    if (encoding := _utf_16(head)) is not None:
        return Likeness(f'{encoding} text', (
            f'save it as UTF-8, for example with `iconv -f {encoding} -t UTF-8`'
        ))
    if b'\0' in head:
        return Likeness('binary data', f'give a list of UTF-8 text to {options.json}')
    head = head.removeprefix(BYTE_ORDER_MARK).lstrip()
    if head.startswith(b'<?xml'):
        return Likeness('XML', 'check how it was made, for example for an error message')
    if head.startswith(b'<'):
        return Likeness('an HTML page', 'check the URL that it was downloaded from')
    if head.startswith((b'[', b'{')):
        return _likeness_of_json(head, form, options)
    lines = list(_lines(head))
    for line in lines:
        if (listing := listing_of(line)) is not None:
            return Likeness(listing.what, _ONE_OBJECT if options.plain is None else listing.remedy)
    if form != PLAIN and any(map(_is_plain, lines)):
        return Likeness('file names', (
            _ONE_OBJECT if options.plain is None else f'use {options.plain}'
        ))
    return None


def _likeness_of_json(head: bytes, form: str, options: ListOptions) -> Likeness | None:
    if b'"Contents"' in head:
        return Likeness('output of `aws s3api list-objects-v2`', _SCAN)
    if b'"ModTime"' in head:
        return Likeness('output of `rclone lsjson`', _SCAN)
    first = head.partition(b'\n')[0].strip()
    if head.startswith(b'['):
        if options.plain is not None and _JSON_STRINGS.match(head.decode(errors='replace')):
            return Likeness('a JSON array of names', (
                f"write one name per line, for example with `jq -r '.[]'`, and use {options.plain}"
            ))
        return Likeness('a JSON array', (
            f"write one object per line, for example with `jq -c '.[]'`, and use {options.json}"
        ))
    if _decode(first) is None and head.count(b'\n') > 1 and not first.endswith(b'}'):
        return Likeness('pretty-printed JSON', (
            f'write each object on one line, for example with `jq -c .`, and use {options.json}'
        ))
    if form == PLAIN:
        return Likeness('JSON lines', f'use {options.json}')
    return None


def _utf_16(head: bytes) -> str | None:
    """Return the encoding of UTF-16 text: with a byte-order mark, or with every other byte zero."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return 'UTF-16'
    first, second = head[::2].count(0), head[1::2].count(0)
    if len(head) < 4 or min(first, second) or 4 * max(first, second) <= len(head):
        return None
    return 'UTF-16BE' if first else 'UTF-16LE'


def _lines(head: bytes) -> Iterator[str]:
    """Yield the first lines that are neither blank nor comments."""
    found = (line.strip() for line in head.decode(errors='replace').splitlines())
    wanted = (line for line in found if line and not line.startswith('#'))
    for _, line in zip(range(_LINES), wanted, strict=False):
        yield line


def _is_plain(line: str) -> bool:
    try:
        check_plain(line.encode())
    except LineError:
        return False
    return True


def _decode(line: bytes) -> object:
    try:
        return msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError):
        return None

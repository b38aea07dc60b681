"""The list of the last scan → its lines, as far as they can be relied upon."""
from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

from dumb_pypi.errors import FieldError, FileError, LineError, Notice, shown_path
from dumb_pypi.model.fields import decode, decoder, Line

if TYPE_CHECKING:
    from dumb_pypi.scanner.folder import Found

_SHA256 = re.compile('sha256=[0-9a-f]{64}')


def read_lines(path: str, notices: list[Notice]) -> dict[str, Line]:
    """The lines of a JSON list by their file names; what cannot be used is only told of.

    Raises:
        FileError: it cannot be read.
    """
    place = shown_path(path)
    try:
        with open(path, 'rb') as file:
            content = file.read()
    except (OSError, ValueError) as error:
        raise FileError('read', place, error) from error
    lines = {}
    all_plain = content.isascii() and _is_plain(content)
    for number, text in enumerate(content.removeprefix(codecs.BOM_UTF8).split(b'\n'), 1):
        try:
            if text and not text.isspace():
                line = decode(text, decoder)
                if (
                        line.provenance or line.name or line.version
                        or not (all_plain or _is_plain(text))
                ):
                    _check(line)
                lines[line.filename] = line
        except LineError as error:
            notices.append(Notice(place, number, error.reason, skipped=True))
        except UnicodeDecodeError:
            notices.append(Notice(place, number, 'is not UTF-8', skipped=True))
    return lines


def still_holds(line: Line, file: Found, write_metadata: bool) -> bool:
    """Whether all that a line says of a file is sure without opening it."""
    if (
            line.size != file.size
            or line.upload_timestamp is None or line.upload_timestamp != file.upload_timestamp
            or line.hash is None or not _SHA256.fullmatch(line.hash)
    ):
        return False
    name = file.filename
    if not (name.endswith('.whl') or name.lower().endswith('.whl')):
        return line.core_metadata is None
    there = None
    if file.has_metadata:
        from dumb_pypi.scanner import beside
        there = beside.core_metadata(file.path)
    return (
        line.core_metadata == there and not (write_metadata and there is None)
        # That is in every line of a wheel that was once opened.
        and line.requires_dist is not None
    )


def _is_plain(text: bytes) -> bool:
    """Whether all free text in a line, which is JSON, is what a list may have.

    Nearly every line is, and need not be looked at more closely.
    """
    return (
        # An escaped quotation mark is what requirements have.
        text.count(b'\\') == text.count(b'\\"')
        and ((text.isascii() and b'\x7f' not in text) or text.decode().isprintable())
    )


def _check(line: Line) -> None:
    # Few lines need it: importing it takes as long as all else that is done with the list.
    from dumb_pypi.model import filenames
    from dumb_pypi.model.distfile import check_line
    check_line(line)
    filename, name = line.filename, line.name
    if name is not None:
        project = filenames.canonicalize_name(name)
        if project != filenames.parse(filename).project and not (
                filenames.canonicalize_name(filename).startswith(f'{project}-')
        ):
            raise FieldError('name', name, 'is not in the name of its file')
    said = filenames.parse(filename, name=name).version
    if line.version is not None and said not in (None, line.version):
        raise FieldError('version', line.version, 'is not in the name of its file')

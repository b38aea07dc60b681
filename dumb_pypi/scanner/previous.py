"""The previous list: its lines, and whether they are still true."""
from __future__ import annotations

import codecs
import copy
from typing import NamedTuple, TYPE_CHECKING

from dumb_pypi.errors import FieldError, FileError, LineError, Notice, shown_path
from dumb_pypi.model.fields import decode_line, is_sha256, Line

if TYPE_CHECKING:
    from dumb_pypi.scanner.folder import FoundFile


class PreviousList(NamedTuple):
    """The usable lines of a list by file name, and what is wrong with the others."""
    lines: dict[str, Line]
    notices: list[Notice]


def read_list(path: str) -> PreviousList:
    """Read a JSON package list; skip lines that cannot be used.

    Raises:
        FileError: it cannot be read.
    """
    place = shown_path(path)
    try:
        with open(path, 'rb') as file:
            content = file.read()
    except (OSError, ValueError) as error:
        raise FileError('read', place, error) from error
    found = PreviousList({}, [])
    all_plain = content.isascii() and _is_plain(content)
    for number, text in enumerate(content.removeprefix(codecs.BOM_UTF8).split(b'\n'), 1):
        try:
            if text and not text.isspace():
                line = decode_line(text)
                name = line.filename
                if (
                        line.provenance or line.name or line.version or '%' in name or ' ' in name
                        or not (all_plain or _is_plain(text))
                ):
                    _check(line)
                found.lines[line.filename] = line
        except LineError as error:
            found.notices.append(Notice(place, number, error.reason))
        except UnicodeDecodeError:
            found.notices.append(Notice(place, number, 'is not UTF-8'))
    return found


def still_holds(line: Line, file: FoundFile, write_metadata: bool) -> bool:
    """Return whether a line is still true of a file, and complete, without opening the file."""
    if (
            line.size != file.size
            or line.upload_timestamp is None or line.upload_timestamp != file.upload_timestamp
            or line.hash is None or not is_sha256(line.hash)
    ):
        return False
    name = file.filename
    # Lower case is tried first only because it is the usual one.
    if not (name.endswith('.whl') or name.lower().endswith('.whl')):
        return line.core_metadata is None
    metadata_hash = file.metadata_hash()
    return (
        line.core_metadata == metadata_hash and not (write_metadata and metadata_hash is None)
        # A scan lists this for every wheel that it has read.
        and line.requires_dist is not None
    )


def _is_plain(text: bytes) -> bool:
    """Return whether JSON text holds no character that a list may not have.

    Nearly every line is plain, which makes it unnecessary to check its values one by one.
    """
    return (
        # Requirements hold escaped quotation marks; other escapes may stand for any character.
        text.count(b'\\') == text.count(b'\\"')
        and ((text.isascii() and b'\x7f' not in text) or text.decode().isprintable())
    )


def _check(line: Line) -> None:
    """Check all values of a line, and that its name and version may be those of its file.

    Raises:
        FieldError: they are not.
    """
    # Few lists have lines to check, and the imports take as long as to read a list.
    from dumb_pypi.model import filenames
    from dumb_pypi.model.distfile import check_line
    check_line(copy.copy(line))  # which puts the values of its argument into their one form
    filename, name = line.filename, line.name
    if name is not None:
        project = filenames.canonicalize_name(name)
        if project != filenames.parse(filename).project and not (
                filenames.canonicalize_name(filename).startswith(f'{project}-')
        ):
            raise FieldError('name', name, 'is not in the name of its file')
    version = filenames.parse(filename, name=name).version
    if line.version is not None and version not in (None, line.version):
        raise FieldError('version', line.version, 'is not in the name of its file')

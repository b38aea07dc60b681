"""Facts about projects that a scan found in the files of a folder, kept for the next build.

The kept file is a cache: its first line says from which list, and by which version of the program,
the facts were made. Nothing here imports a third-party library, because a build with nothing to do
reads that line only.
"""
from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import NamedTuple, TYPE_CHECKING

from dumb_pypi import __version__, store
from dumb_pypi.builder.stamp import fingerprint, read_first_line, sealed
from dumb_pypi.errors import Notice

if TYPE_CHECKING:
    from dumb_pypi.store.interface import Store


class Described(NamedTuple):
    """Lines of a project list, and notices about files.

    `complete` is whether every file could be read whose metadata is in the list.
    """
    lines: Sequence[bytes]
    notices: Sequence[Notice]
    complete: bool


# Given the lines of the project list of an earlier scan.
Describe = Callable[[bytes], Described]


class _Header(NamedTuple):
    """The first line of the kept file, behind its seal; `package_list` and `content` are digests.

    `package_list` is '' if some files could not be read.
    """
    program: str
    package_list: str
    content: str
    notices: Sequence[Notice]


class ScannedFacts:
    """The project list of a scanned folder.

    `fingerprint` stands for its content, `notices` are about files, and `is_kept` is whether the
    kept file is that of this list.
    """

    def __init__(
            self, index: Store, packages: bytes, describe: Describe, *, full: bool,
    ) -> None:
        self._index = index
        self._packages = fingerprint([packages])
        self._describe = describe
        self._content: bytes | None = None
        header = None if full else _read_header(index)
        self.is_kept = header is not None and header.package_list == self._packages
        if header is not None and self.is_kept:
            self._header = header
        else:
            known = None if header is None else _read_content(index, header)
            self._header, self._content = self._make(known or b'')

    @property
    def fingerprint(self) -> str:
        return self._header.content

    @property
    def notices(self) -> Sequence[Notice]:
        return self._header.notices

    @property
    def content(self) -> bytes:
        """All lines. If the kept file is damaged, the metadata of files is read again."""
        if self._content is None:
            self._content = _read_content(self._index, self._header)
        if self._content is None:
            self.is_kept = False
            self._header, self._content = self._make(b'')
        return self._content

    def encode(self) -> bytes:
        """Return the content of the kept file."""
        content = self.content
        return sealed(json.dumps(self._header).encode()) + b'\n' + content

    def _make(self, known: bytes) -> tuple[_Header, bytes]:
        described = self._describe(known)
        content = b''.join(line + b'\n' for line in described.lines)
        return _Header(
            __version__, self._packages if described.complete else '', fingerprint([content]),
            described.notices,
        ), content


def _read_header(index: Store) -> _Header | None:
    """Return the first line of the kept file, None if it cannot be used."""
    line = read_first_line(index, store.SCANNED)
    found = None if line is None else json.loads(line)
    if found is None or found[0] != __version__:
        return None
    header = _Header(*found)
    return header._replace(notices=[Notice(*notice) for notice in header.notices])


def _read_content(index: Store, header: _Header) -> bytes | None:
    """Return the lines of the kept file, None if they are not as they were left."""
    content = index.read(store.SCANNED) or b''
    lines = content.partition(b'\n')[2]
    return lines if fingerprint([lines]) == header.content else None

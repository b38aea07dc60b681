"""Read package lists as a build does, without building an index."""
from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import BinaryIO, cast, NamedTuple

from dumb_pypi.builder.chunks import survey_list
from dumb_pypi.builder.packages import write_packages
from dumb_pypi.builder.source import ListFile
from dumb_pypi.builder.workers import InProcess
from dumb_pypi.errors import Notice
from dumb_pypi.model.distfile import check_json, Distfile, read_checked
from dumb_pypi.options import JSON


class ListInMemory(ListFile):
    """A list in memory instead of in a file."""

    def __init__(self, content: bytes, form: str = JSON, place: str = 'list') -> None:
        self.place = place
        self.form = form
        self.size = len(content)
        self._content = content

    def read(self, offset: int, length: int) -> bytes:
        assert length >= 0
        return self._content[offset:offset + length]


class ReadFiles(NamedTuple):
    """The files of a list, ordered by project and name, and the notices about its lines."""
    files: list[Distfile]
    notices: Sequence[Notice]


def file_of(line: bytes) -> Distfile:
    """Return the file of a JSON line, which must have no unknown key."""
    file, _, unknown = check_json(line)
    assert not unknown
    return file


def ignore_progress(_: object) -> None:
    """Do nothing, as the `progress` argument of a function under test."""


def read_files(content: bytes, form: str = JSON, place: str = 'list') -> ReadFiles:
    """Read a list as a first build does, without what an earlier build remembers."""
    source = ListInMemory(content, form, place)
    survey = survey_list(source, None, {}, InProcess(), ignore_progress)
    with cast(BinaryIO, tempfile.TemporaryFile()) as file:
        packages = write_packages(source, survey, None, file, InProcess(), ignore_progress)
        lines = packages.content(0, len(packages.names)).splitlines()
    files = sorted(map(read_checked, lines), key=lambda file: (file.project, file.filename))
    return ReadFiles(files, packages.notices)

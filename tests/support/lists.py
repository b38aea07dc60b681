"""Lists that are read with no build around it, as a build reads them."""
from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import BinaryIO, cast, NamedTuple

from dumb_pypi.builder.blocks import Block
from dumb_pypi.builder.catalog import Catalog
from dumb_pypi.builder.intake import Intake, take_in
from dumb_pypi.builder.merge import Merge
from dumb_pypi.builder.source import JSON, Source
from dumb_pypi.builder.workers import Here
from dumb_pypi.errors import Notice
from dumb_pypi.model.distfile import check_json, Distfile, read_checked


class ListInMemory(Source):
    """A list that is in no file."""

    def __init__(self, content: bytes, form: str = JSON, place: str = 'list') -> None:
        self.place = place
        self.form = form
        self.size = len(content)
        self._content = content

    def read(self, offset: int, length: int) -> bytes:
        assert length >= 0
        return self._content[offset:offset + length]


class Read(NamedTuple):
    """A list as it was read, and all that a next reading can start from."""
    intake: Intake
    catalog: Catalog
    merge: Merge

    @property
    def text(self) -> bytes:
        """All lines, in their one form."""
        return self.catalog.read(0, len(self.catalog))

    @property
    def known(self) -> Sequence[Block]:
        return self.intake.blocks


class ReadFiles(NamedTuple):
    """The files of a list by project and name, and what there is to say of its lines."""
    files: list[Distfile]
    notices: Sequence[Notice]


def file_of(line: bytes) -> Distfile:
    """The file of a line in JSON, all of whose keys are known."""
    file, _, unknown = check_json(line)
    assert not unknown
    return file


@contextmanager
def read(
        source: Source, known: Sequence[Block] = (), begin: int = 0, old: Catalog | None = None,
) -> Iterator[Read]:
    """Read a list as a build does that knows these blocks of an old list and its catalog."""
    intake = take_in(source, known, begin, old, Here(), lambda _: None)
    with closing(intake.fresh), cast(BinaryIO, tempfile.TemporaryFile()) as file:
        merge = Merge(intake.old, intake.gone, intake.fresh)
        yield Read(intake, merge.write(file), merge)


def read_files(content: bytes, form: str = JSON, place: str = 'list') -> ReadFiles:
    """Read a whole list of which nothing is known."""
    with read(ListInMemory(content, form, place)) as found:
        return ReadFiles(list(map(read_checked, found.text.splitlines())), found.intake.notices)

"""What builds of one process write while a test runs, whichever way they write it."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from dumb_pypi.store.folder import Writer


def note_writes(monkeypatch: pytest.MonkeyPatch, note: Callable[[str, bytes], object]) -> None:
    """Have the path and the content of each page noted, in the order in which they are written."""
    write, write_new, adopt = Writer.write, Writer.write_new, Writer.adopt

    def noting_write(self: Writer, path: str, content: bytes) -> None:
        note(path, content)
        write(self, path, content)

    def noted(pages: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
        for path, content in pages:
            note(path, content)
            yield path, content

    def noting_write_new(self: Writer, pages: Iterable[tuple[str, bytes]]) -> None:
        write_new(self, noted(pages))

    def noting_adopt(self: Writer, path: str, file: str) -> None:
        note(path, Path(file).read_bytes())
        adopt(self, path, file)

    monkeypatch.setattr(Writer, 'write', noting_write)
    monkeypatch.setattr(Writer, 'write_new', noting_write_new)
    monkeypatch.setattr(Writer, 'adopt', noting_adopt)

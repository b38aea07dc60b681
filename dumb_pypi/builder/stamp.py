"""What the last build was made from: enough to tell that there is nothing to do."""
from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import dumb_pypi
from dumb_pypi import store
from dumb_pypi.builder.blocks import Block, LineRemark
from dumb_pypi.builder.source import Source
from dumb_pypi.errors import FileError, Notice
from dumb_pypi.options import PageOptions
from dumb_pypi.pages import paths

# What page bytes come from beside the list, the options and this program.
_LIBRARIES = ('jinja2', 'markupsafe', 'msgspec', 'packaging')


class Stamp(NamedTuple):
    """The first line of a state.

    `shape` stands for the options and the program. `complete` is whether all of the index is in
    the tree: a build against a previous list leaves out what did not change. `source` says how
    the list was written and called, and `facts` stands for the project list, `packages` for
    `packages.json`, `ledger` for the file of that name.
    """
    shape: str
    complete: bool
    source: tuple[str, str]
    facts: str
    packages: str
    ledger: str
    projects: int
    files: int
    blocks: Sequence[Block]
    notices: Sequence[Notice]

    def encode(self) -> bytes:
        return json.dumps(self._asdict()).encode()

    @classmethod
    def decode(cls, line: bytes) -> Stamp | None:
        """None for what another version wrote, or a disk damaged."""
        try:
            values = json.loads(line)
            stamp = cls(**values)
            return stamp._replace(
                source=(stamp.source[0], stamp.source[1]),
                blocks=[
                    _block(*block)
                    for block in stamp.blocks
                ],
                notices=[Notice(*notice) for notice in stamp.notices],
            )
        except (ValueError, TypeError, LookupError, RecursionError):
            return None


def _block(*values: Any) -> Block:
    block = Block(*values)
    return block._replace(remarks=[LineRemark(*remark) for remark in block.remarks])


def read(output_dir: str) -> Stamp | None:
    """The stamp of a build that has left its state; None if it cannot be understood.

    Raises:
        FileError: it cannot be read.
    """
    place = os.path.join(output_dir, store.STATE)
    try:
        with open(place, 'rb') as file:
            return Stamp.decode(file.readline())
    except OSError as error:
        raise FileError('read', place, error) from error


def is_there(output_dir: str) -> bool:
    """Whether a build has left its state."""
    return os.path.exists(os.path.join(output_dir, store.STATE))


def is_gone(output_dir: str) -> bool:
    """Whether the pages are not there, whatever a state says: someone deleted `*`, which hidden
    folders survive."""
    return not stamp_of_file(os.path.join(output_dir, paths.PACKAGES_JSON))


def was_cut_short(output_dir: str) -> bool:
    """Whether the last build did not come to its end."""
    return os.path.exists(os.path.join(output_dir, store.JOURNAL))


def stamp_of_file(place: str) -> str:
    """What tells that a file was replaced or written to; '' where there is none."""
    try:
        status = os.stat(place)
    except OSError:
        return ''
    return f'{status.st_size} {status.st_mtime_ns}'


def fingerprint(parts: Iterable[bytes]) -> str:
    """One short text for all of the parts, another for any others."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, 'big'))
        digest.update(part)
    return digest.hexdigest()[:32]


def fingerprint_of_list(source: Source) -> str:
    """Of a short list, and of what messages call it."""
    return fingerprint([source.place.encode(errors='replace'), source.content])


def shape_of(options: PageOptions) -> str:
    """A fingerprint of all that shapes a page, but for its group and the time.

    Raises:
        FileError: a template cannot be read.
    """
    own = os.path.dirname(os.path.abspath(dumb_pypi.__file__))
    return fingerprint([
        repr(options._replace(generated=None)).encode(),
        repr(options.generated is None).encode(),
        f'{sys.version} {sys.byteorder}'.encode(),
        *(name.encode() for name in sorted(_installed_libraries())),
        *_contents(own, ('.py', '.html', '.xml', '.css', '.js', '.svg')),
        *(() if options.template_dir is None else _contents(options.template_dir)),
    ])


def _installed_libraries() -> Iterator[str]:
    # `importlib.metadata` would say the same, in longer than all the rest takes.
    for folder in dict.fromkeys(sys.path):
        try:
            names = os.listdir(folder or '.')
        except OSError:
            continue
        for name in names:
            if name.endswith('-info') and name.lower().startswith(_LIBRARIES):
                yield name


def _contents(folder: str, endings: tuple[str, ...] = ('',)) -> Iterator[bytes]:
    seen = set()
    try:
        for parent, folders, names in os.walk(folder, onerror=_raise, followlinks=True):
            place = os.path.realpath(parent)
            if place in seen:
                # Links can lead in circles.
                folders.clear()
                yield f'{parent} {place}'.encode(errors='surrogateescape')
                continue
            seen.add(place)
            folders.sort()
            for name in sorted(names):
                place = os.path.join(parent, name)
                if name.endswith(endings) and os.path.isfile(place):
                    yield os.path.relpath(place, folder).encode(errors='surrogateescape')
                    with open(place, 'rb') as file:
                        yield file.read()
    except OSError as error:
        raise FileError('read', folder, error) from error


def _raise(error: OSError) -> None:
    raise error

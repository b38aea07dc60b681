"""What the previous build was made from: enough to tell that there is nothing to do.

Nothing here imports a third-party library, because a build with nothing to do needs none.
"""
from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TYPE_CHECKING, TypeVar

import dumb_pypi
from dumb_pypi import store
from dumb_pypi.builder.source import BYTE_ORDER_MARK, Chunk, ListFile, unchanged_chunks
from dumb_pypi.errors import FileError, Notice
from dumb_pypi.options import BuildOptions, FOLDER, is_bucket
from dumb_pypi.pages import paths
from dumb_pypi.store.checksums import CHECKSUM, checksum_of

if TYPE_CHECKING:
    from dumb_pypi.store.interface import Store

# The libraries that pages depend on, besides the lists, the options and this program.
_LIBRARIES = ('jinja2', 'markupsafe', 'msgspec', 'packaging')
# Those that render READMEs: `readme_renderer`, and what releases of it use.
_RENDERERS = (
    'readme_renderer', 'readme-renderer', 'cmarkgfm', 'comrak', 'docutils', 'nh3', 'pygments',
)

SEAL = CHECKSUM + 1  # bytes: a checksum and a space

Sealed = TypeVar('Sealed', bytes, memoryview)


class Stamp(NamedTuple):
    """The first line of `state.json`, behind its seal.

    `shape` stands for the options and the program. `complete` is whether the directory holds all
    pages of the index: a build against a previous list omits what did not change. `form`, `place`,
    `size` and `chunks` identify the list, and `facts_fingerprint` the project list. `marks` are
    those of the root pages and of the folders that projects and months share.
    """
    shape: str
    complete: bool
    form: str
    place: str
    size: int
    chunks: Sequence[Chunk]
    facts_fingerprint: str
    marks: Mapping[str, str]
    projects: int
    files: int
    notices: Sequence[Notice]

    def encode(self) -> bytes:
        return json.dumps(self._asdict()).encode()

    @classmethod
    def decode(cls, line: bytes | None) -> Stamp | None:
        """Return None for a line of another version, or a damaged one."""
        if line is None:
            return None
        try:
            stamp = cls(**json.loads(line))
            return stamp._replace(
                chunks=[_chunk(*chunk) for chunk in stamp.chunks],
                notices=[Notice(*notice) for notice in stamp.notices],
            )
        except (ValueError, TypeError, LookupError, RecursionError):
            return None

    @classmethod
    def load(cls, index: Store) -> Stamp | None:
        """Return the stamp of the previous build, None if that did not finish.

        Raises:
            FileError: it cannot be read.
        """
        return None if index.pending() else cls.read(index)

    @classmethod
    def read(cls, index: Store) -> Stamp | None:
        """Return the stamp of the previous build that finished, even if another one did not.

        Raises:
            FileError: it cannot be read.
        """
        return cls.decode(read_first_line(index, store.STATE))

    def is_current(
            self, shape: str, packages: ListFile, facts: ListFile | None, scanned: str = '',
    ) -> bool:
        """Return whether a build of these lists would change no page of an intact directory.

        `scanned` is the fingerprint of the facts that a scan found.

        This is the first rule for rebuilding: `Plan` is not asked if it holds.
        """
        return (
            self.complete and self.shape == shape
            and (self.form, self.place, self.size) == (packages.form, packages.place, packages.size)
            and self.facts_fingerprint == fingerprint_of_facts(facts, scanned)
            and self._has_chunks_of(packages)
        )

    def _has_chunks_of(self, packages: ListFile) -> bool:
        """Return whether a list has these chunks, and nothing but a byte-order mark before them."""
        offset = self.size - sum(chunk.size for chunk in self.chunks)
        if offset < 0 or packages.read(0, offset) not in (b'', BYTE_ORDER_MARK):
            return False
        return unchanged_chunks(packages, offset, self.chunks) == len(self.chunks)


def _chunk(digest: str, size: int) -> Chunk:
    if size < 1:
        raise ValueError('a chunk is not empty')
    return Chunk(digest, size)


def read_first_line(index: Store, path: str) -> bytes | None:
    """Return what is behind the seal of a file's first line, None if that is not as it was left.

    Raises:
        FileError: it cannot be read.
    """
    line = index.read_line(path)
    return None if line is None else unsealed(line)


def sealed(content: bytes) -> bytes:
    """Return the content behind its seal: a checksum that tells whether it is as it was left."""
    return seal_of(content) + content


def unsealed(content: Sealed) -> Sealed | None:
    """Return what is behind the seal, None if it is not as it was left."""
    return content[SEAL:] if content[:SEAL] == seal_of(content[SEAL:]) else None


def seal_of(content: bytes | memoryview) -> bytes:
    """Return the seal of a content, `SEAL` bytes long."""
    return f'{checksum_of(content)} '.encode()


def fingerprint(parts: Iterable[bytes]) -> str:
    """Return a short text that stands for all of the parts, in their order."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, 'big'))
        digest.update(part)
    return digest.hexdigest()[:32]


def fingerprint_of_facts(facts: ListFile | None, scanned: str = '') -> str:
    """Return a fingerprint of the project list and of its name, which messages show.

    `scanned` is the fingerprint of the facts that a scan found.
    """
    if facts is None:
        return scanned
    return fingerprint([
        facts.place.encode(errors='replace'), facts.content, scanned.encode(),
    ])


class Shape(NamedTuple):
    """All that pages depend on besides the lists and the build time.

    `fingerprint` is of what it is, `times` of when the files were changed: those tell that one was
    changed and changed back.
    """
    fingerprint: str
    times: str


def shape_of(options: BuildOptions) -> Shape:
    """Read the program and the templates.

    Raises:
        FileError: a template cannot be read.
    """
    own = os.path.dirname(os.path.abspath(dumb_pypi.__file__))
    times: list[str] = []
    return Shape(fingerprint([
        repr(options.shaping).encode(),
        f'{sys.version} {sys.byteorder}'.encode(),
        *(name.encode() for name in sorted(_installed(
            (*_LIBRARIES, *_RENDERERS) if _may_have_readmes(options) else _LIBRARIES,
        ))),
        *_contents(own, times, ('.py', '.html', '.xml', '.css', '.js', '.svg')),
        *(() if options.template_dir is None else _contents(
            options.template_dir, times,
            output_dir=None if is_bucket(options.output_dir) else options.output_dir,
        )),
    ]), fingerprint(time.encode() for time in times))


def _may_have_readmes(options: BuildOptions) -> bool:
    return options.project_list is not None or options.package_list.form == FOLDER


def renderer_version(options: BuildOptions) -> str:
    """Return a fingerprint of all that a rendered README depends on besides its text.

    It is '' if no renderer is installed, or needed.
    """
    libraries = sorted(_installed(_RENDERERS)) if _may_have_readmes(options) else ()
    if not any(name.lower().startswith(_RENDERERS[:2]) for name in libraries):
        return ''
    own = os.path.join(os.path.dirname(os.path.abspath(dumb_pypi.__file__)), 'pages')
    parts = [sys.version.encode(), *(name.encode() for name in libraries)]
    for name in ('readme.py', 'readme_html.py'):
        with open(os.path.join(own, name), 'rb') as file:
            parts.append(file.read())
    return fingerprint(parts)


def _installed(libraries: tuple[str, ...]) -> Iterator[str]:
    """Yield the names of the folders that say which release of a library is installed."""
    # `importlib.metadata` would take longer than the rest of a build with nothing to do.
    for folder in dict.fromkeys(sys.path):
        try:
            names = os.listdir(folder or '.')
        except OSError:
            continue
        for name in names:
            if name.endswith('-info') and name.lower().startswith(libraries):
                yield name


def _contents(
        folder: str, times: list[str], endings: tuple[str, ...] = ('',),
        output_dir: str | None = None,
) -> Iterator[bytes]:
    """Yield the paths and contents of files, and add to `times` when each was changed.

    Pages in an output directory below the folder do not count.
    """
    seen = set()
    output_place = None if output_dir is None else os.path.realpath(output_dir)
    try:
        for parent, folders, names in os.walk(folder, onerror=_raise, followlinks=True):
            place = os.path.realpath(parent)
            if place in seen:
                # Symbolic links can form a cycle.
                folders.clear()
                yield f'{parent} {place}'.encode(errors='surrogateescape')
                continue
            seen.add(place)
            if place == output_place:
                folders[:] = {*folders} - {store.OWN_FOLDER, *store.SHARED_FOLDERS}
                names[:] = {name for name in names if name.removesuffix('.gz') not in paths.ROOTS}
            folders.sort()
            within = os.path.relpath(parent, folder)
            for name in sorted(names):
                place = os.path.join(parent, name)
                if name.endswith(endings) and os.path.isfile(place):
                    yield f'{within}/{name}'.encode(errors='surrogateescape')
                    with open(place, 'rb', buffering=0) as file:
                        status = os.fstat(file.fileno())
                        times.append(
                            f'{status.st_ino} {status.st_mtime_ns} {status.st_ctime_ns}',
                        )
                        yield file.read()
    except OSError as error:
        raise FileError('read', folder, error) from error


def _raise(error: OSError) -> None:
    raise error

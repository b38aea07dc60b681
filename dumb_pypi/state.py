"""What a build remembers for the next one."""
from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import io
import os
import re
import sys
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from typing import TypeVar

import msgspec

from dumb_pypi import package_list
from dumb_pypi import paths
from dumb_pypi.changelog import MonthSummary
from dumb_pypi.errors import FileError
from dumb_pypi.errors import Notice
from dumb_pypi.options import PageOptions
from dumb_pypi.plan import Baseline
from dumb_pypi.plan import EMPTY_TREE
from dumb_pypi.plan import Tree
from dumb_pypi.plan import union
from dumb_pypi.summary import ProjectSummary
from dumb_pypi.writer import Writer

T = TypeVar('T')

# What page bytes come from beside the list, the options and this program.
_LIBRARIES = ('Jinja2', 'MarkupSafe', 'msgspec', 'packaging')
_MONTH_PAGE = re.compile(r'changelog/([0-9]{4}-[0-9]{2}|undated)(?:-([0-9]{1,9}))?\.html')
# Pages of no group: the changelog of 1.x, and static files, which have a hash in their names.
_OTHER_PAGE = re.compile(r'changelog/page[0-9]+\.html|static/[a-z]+-[0-9a-f]{12}\.[a-z]+')


class ProjectRecord(msgspec.Struct, array_like=True, gc=False):
    """A project whose pages are in the tree; `releases` are those that have a page."""
    fingerprint: str
    releases: tuple[str, ...]
    summary: ProjectSummary


class MonthRecord(msgspec.Struct, array_like=True, gc=False):
    """A month whose pages are in the tree."""
    fingerprint: str
    summary: MonthSummary


class State(msgspec.Struct, gc=False):
    """What is in the tree, and what it was made from.

    `shape` stands for the options and the program, `source` for the lists. `complete` is whether
    all of the index is here: a build against a previous list leaves out what did not change.
    `others` are the paths of pages that belong to no group.
    """
    shape: str
    source: str
    complete: bool
    projects: dict[str, ProjectRecord]
    months: dict[str, MonthRecord]
    others: list[str]
    notices: list[Notice]

    @property
    def files(self) -> int:
        """How many files the list has."""
        return sum(record.summary.files for record in self.projects.values())

    @property
    def tree(self) -> Tree:
        return Tree(
            {name: record.releases for name, record in self.projects.items()},
            {month: record.summary.pages for month, record in self.months.items()},
            self.others,
        )


class LastBuild(NamedTuple):
    """What is in the output directory; `shape` is that of the build to come.

    `cut_short` is whether the build did not come to its end, `distrusted` whether the user does
    not believe its state. `projects` are those that the index
    was published with, `tree` all pages that may be there.
    """
    state: State | None
    shape: str
    cut_short: bool
    distrusted: bool
    projects: Collection[str]
    tree: Tree

    @property
    def trusted(self) -> State | None:
        """The state, if the pages that it knows are as this build would render them."""
        if self.all_again or self.state is None:
            return None
        return self.state

    @property
    def all_again(self) -> bool:
        """Whether nothing that is there can be relied on."""
        return self.cut_short or self.distrusted or (
            self.state is not None and self.state.shape != self.shape
        )

    def state_of(self, source: str) -> State | None:
        """The state, if it is of a whole build of the lists with that fingerprint."""
        state = self.trusted
        return state if state is not None and state.complete and state.source == source else None

    @property
    def baseline(self) -> Baseline:
        """What to compare with where there is no previous list."""
        state = self.trusted
        if state is None:
            return Baseline({}, {}, self.tree, self.projects, complete=False)
        return Baseline(
            {name: record.fingerprint for name, record in state.projects.items()},
            {month: record.fingerprint for month, record in state.months.items()},
            self.tree, self.projects, complete=state.complete,
        )


def fingerprint(parts: Iterable[bytes]) -> str:
    """One short text for all of the parts, another for any others."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(8, 'big'))
        digest.update(part)
    return digest.hexdigest()


def shape_of(options: PageOptions) -> str:
    """A fingerprint of all that shapes a page, but for its group and the time.

    Raises:
        FileError: a template cannot be read.
    """
    return fingerprint([
        repr(dataclasses.replace(options, generated=None)).encode(),
        repr(options.generated is None).encode(),
        sys.version.encode(),
        *(importlib.metadata.version(library).encode() for library in _LIBRARIES),
        *_contents(Path(__file__).parent, ('.py', '.html', '.xml', '.css')),
        *(() if options.template_dir is None else _contents(Path(options.template_dir))),
    ])


def last_build(output_dir: str, shape: str, *, distrusted: bool) -> LastBuild:
    """What the last build left in a directory, whichever program made it.

    Raises:
        FileError: it cannot be read.
    """
    state = _load(output_dir, paths.STATE, _decode_state)
    journal = _load(output_dir, paths.JOURNAL, _decode_journal)
    cut_short = os.path.exists(os.path.join(output_dir, paths.JOURNAL))
    if state is not None and not cut_short:
        return LastBuild(state, shape, cut_short, distrusted, tuple(state.projects), state.tree)
    # The state does not know all that is there: the journal and what is on disk tell.
    published = _published_projects(output_dir) if state is None else tuple(state.projects)
    projects = published or ()
    tree = EMPTY_TREE if journal is None else journal
    if state is not None:
        tree = union(tree, state.tree)
    if published is not None or tree != EMPTY_TREE:
        tree = union(tree, _found_tree(output_dir, {*projects, *tree.releases}))
    return LastBuild(state, shape, cut_short, distrusted, projects, tree)


def is_there(output_dir: str) -> bool:
    """Whether a build has left its state."""
    return os.path.exists(os.path.join(output_dir, paths.STATE))


def save(writer: Writer, state: State) -> None:
    """Remember a build that is done."""
    writer.write_own(paths.STATE, msgspec.json.encode(state))
    writer.delete_own(paths.JOURNAL)


def save_journal(writer: Writer, tree: Tree) -> None:
    """Remember all pages that may be there until a build is done."""
    writer.write_own(paths.JOURNAL, msgspec.json.encode(tree))


def _published_projects(output_dir: str) -> tuple[str, ...] | None:
    """The projects of an index without a state: 1.x made it, or its state was lost."""
    content = _read(output_dir, paths.PACKAGES_JSON)
    if content is None:
        return None
    files, _ = package_list.read_files(
        io.BytesIO(content), package_list.JSON, paths.PACKAGES_JSON,
    )
    return tuple({file.project for file in files})


def _found_tree(output_dir: str, projects: Collection[str]) -> Tree:
    """The pages on disk that are a build's, by their paths; of projects, only of those named."""
    root = Path(output_dir)
    releases = {
        project: [
            folder.name for folder in root.glob(f'{paths.folder(paths.project_json(project))}*')
            # An empty one is of a build that was cut short.
            if (folder / 'json').is_file() or (folder.is_dir() and not any(folder.iterdir()))
        ] for project in projects
    }
    months: dict[str, int] = {}
    others = [path for path in paths.ROOTS if (root / path).is_file()]
    for file in (*root.glob('changelog/*'), *root.glob('static/*')):
        path = file.relative_to(root).as_posix()
        if found := _MONTH_PAGE.fullmatch(path):
            months[found[1]] = max(months.get(found[1], 0), int(found[2] or 1))
        elif _OTHER_PAGE.fullmatch(path):
            others.append(path)
    return Tree(releases, months, others)


def _contents(folder: Path, endings: tuple[str, ...] = ('',)) -> Iterator[bytes]:
    try:
        for path in sorted(folder.rglob('*')):
            if path.name.endswith(endings) and path.is_file():
                yield str(path.relative_to(folder)).encode()
                yield path.read_bytes()
    except OSError as error:
        raise FileError('read', str(folder), error) from error


def _load(output_dir: str, path: str, decode: Callable[[bytes], T]) -> T | None:
    content = _read(output_dir, path)
    try:
        return None if content is None else decode(content)
    except msgspec.DecodeError:
        # Another version's, or damaged: as good as none.
        return None


def _read(output_dir: str, path: str) -> bytes | None:
    place = os.path.join(output_dir, path)
    try:
        with open(place, 'rb') as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FileError('read', place, error) from error


_decode_state = msgspec.json.Decoder(State).decode
_decode_journal = msgspec.json.Decoder(Tree).decode

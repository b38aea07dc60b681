"""What a build remembers for the next one, and what it finds of others."""
from __future__ import annotations

import os
import re
from array import array
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TypeVar

import msgspec

from dumb_pypi import store
from dumb_pypi.builder import package_list
from dumb_pypi.builder import stamp as stamps
from dumb_pypi.builder.catalog import Catalog, Columns
from dumb_pypi.builder.plan import Baseline, EMPTY_TREE, Tree, union
from dumb_pypi.builder.source import JSON
from dumb_pypi.builder.stamp import Stamp
from dumb_pypi.pages import paths
from dumb_pypi.pages.summaries import MonthSummary, ProjectSummary
from dumb_pypi.store import files
from dumb_pypi.store.folder import Writer

T = TypeVar('T')

# Hex digits of a fingerprint of lines, which that of a group begins with.
PRINT = 32

_MONTH_PAGE = re.compile(r'changelog/([0-9]{4}-[0-9]{2}|undated)(?:-([0-9]{1,9}))?\.html')
# Pages of no group: the changelog of 1.x, and static files, which have a hash in their names.
_OTHER_PAGE = re.compile(
    r'changelog/page[0-9]+\.html|'
    r'static/(?:custom|icon|script|search|style)-[0-9a-f]{12}\.(?:css|js|svg)',
)


class ProjectRecord(msgspec.Struct, array_like=True, gc=False):
    """A project whose pages are in the tree.

    `fingerprint` is of its lines and of the facts about it. `releases` are those that have a
    page, in JSON: that of most is never looked at.
    """
    fingerprint: str
    releases: msgspec.Raw
    summary: ProjectSummary


class MonthRecord(msgspec.Struct, array_like=True, gc=False):
    """A month whose pages are in the tree: so many, whatever a page of this program holds."""
    fingerprint: str
    pages: int
    summary: MonthSummary


class State(msgspec.Struct, gc=False):
    """What is in the tree; `others` are the paths of pages that belong to no group."""
    projects: dict[str, ProjectRecord]
    months: dict[str, MonthRecord]
    others: list[str]

    @property
    def tree(self) -> Tree:
        return Tree(
            {name: record.releases for name, record in self.projects.items()},
            {month: record.pages for month, record in self.months.items()},
            self.others,
        )


class Journal(msgspec.Struct, array_like=True, frozen=True):
    """A tree, as it is noted."""
    releases: dict[str, list[str]]
    months: dict[str, int]
    others: list[str]


class Ledger(msgspec.Struct, array_like=True, gc=False):
    """The catalog of a build, but for what is in `packages.json` and in the records."""
    months: list[str]
    columns: list[bytes]


class LastBuild(msgspec.Struct, frozen=True):
    """What is in the output directory; `shape` is that of the build to come.

    `cut_short` is whether the build did not come to its end, `distrusted` whether its state is
    not to be believed. `published` are the projects of the index, `tree` has all pages that
    may be there.
    """
    stamp: Stamp | None
    state: State | None
    shape: str
    cut_short: bool
    distrusted: bool
    published: Collection[str]
    tree: Tree

    @property
    def all_again(self) -> bool:
        """Whether nothing that is there can be relied on."""
        return self.cut_short or self.distrusted or (
            self.stamp is not None and self.stamp.shape != self.shape
        )

    @property
    def trusted(self) -> State | None:
        """The state, if the pages that it knows are as this build would render them."""
        return None if self.all_again else self.state

    @property
    def complete(self) -> bool:
        """Whether the trusted state has all of the index."""
        return self.trusted is not None and self.stamp is not None and self.stamp.complete

    @property
    def baseline(self) -> Baseline:
        """What to compare with where there is no previous list."""
        state = self.trusted
        if state is None:
            return Baseline({}, {}, self.tree, self.published)
        return Baseline(
            {name: record.fingerprint for name, record in state.projects.items()},
            {month: record.fingerprint for month, record in state.months.items()},
            self.tree, self.published,
        )


def last_build(output_dir: str, shape: str, *, distrusted: bool) -> LastBuild:
    """What the last build left in a directory, whichever program made it.

    Raises:
        FileError: it cannot be read.
    """
    stamp, state = _load_state(output_dir)
    journal = _load(output_dir, store.JOURNAL, _decode_journal)
    cut_short = stamps.was_cut_short(output_dir)
    distrusted = distrusted or (state is not None and stamps.is_gone(output_dir))
    if state is not None and not cut_short:
        return LastBuild(
            stamp, state, shape, cut_short, distrusted, state.projects.keys(), state.tree,
        )
    # The state does not know all that is there: the journal and what is on disk tell.
    published = _published_projects(output_dir) if state is None else tuple(state.projects)
    projects = published or ()
    tree = EMPTY_TREE if journal is None else Tree(
        journal.releases, journal.months, journal.others,
    )
    if state is not None:
        tree = union(tree, state.tree)
    if published is not None or tree != EMPTY_TREE:
        tree = union(tree, _found_tree(output_dir, {*projects, *tree.releases}))
    return LastBuild(stamp, state, shape, cut_short, distrusted, projects, tree)


def last_catalog(output_dir: str, last: LastBuild) -> Catalog | None:
    """The catalog of the last build, if all that it was made with is there as it was left."""
    place = os.path.join(output_dir, paths.PACKAGES_JSON)
    if not last.complete or last.trusted is None or last.stamp is None or (
        stamps.stamp_of_file(place) != last.stamp.packages
    ):
        return None
    content = _read(output_dir, store.LEDGER)
    if content is None or stamps.fingerprint([content]) != last.stamp.ledger:
        return None
    try:
        file = open(place, 'rb')
    except OSError:
        # A build can do without.
        return None
    ledger = _decode_ledger(content)
    columns = Columns(*(_array(column) for column in ledger.columns))
    records = last.trusted.projects
    return Catalog(
        file, list(records), [record.summary.files for record in records.values()],
        [record.fingerprint[:PRINT] for record in records.values()], ledger.months, columns,
    )


def save(writer: Writer, stamp: Stamp, state: State, catalog: Catalog) -> None:
    """Remember a build that is done."""
    ledger = msgspec.msgpack.encode(Ledger(
        catalog.months, [column.tobytes() for column in catalog.columns],
    ))
    stamp = stamp._replace(ledger=stamps.fingerprint([ledger]))
    writer.write_own(store.LEDGER, ledger)
    writer.write_own(store.STATE, stamp.encode() + b'\n' + msgspec.json.encode(state))
    writer.delete_own(store.JOURNAL)


def save_journal(writer: Writer, tree: Tree) -> None:
    """Remember all pages that may be there until a build is done, beside those that the state
    of the last one knows."""
    writer.write_own(store.JOURNAL, msgspec.json.encode(tree))


def _published_projects(output_dir: str) -> tuple[str, ...] | None:
    """The projects of an index without a state: 1.x made it, or its state was lost."""
    content = _read(output_dir, paths.PACKAGES_JSON)
    if content is None:
        return None
    return tuple({
        entry.project for entry in package_list.check(content, JSON).entries
    })


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


def _array(content: bytes) -> array[int]:
    column = array('I')
    column.frombytes(content)
    return column


def _load_state(output_dir: str) -> tuple[Stamp, State] | tuple[None, None]:
    content = _read(output_dir, store.STATE)
    if content is None:
        return None, None
    line, _, rest = content.partition(b'\n')
    stamp = Stamp.decode(line)
    try:
        return (None, None) if stamp is None else (stamp, _decode_state(rest))
    except msgspec.DecodeError:
        # Another version's, or damaged: as good as none.
        return None, None


def _load(output_dir: str, path: str, decode: Callable[[bytes], T]) -> T | None:
    content = _read(output_dir, path)
    try:
        return None if content is None else decode(content)
    except msgspec.DecodeError:
        return None


def _read(output_dir: str, path: str) -> bytes | None:
    return files.read(os.path.join(output_dir, path))


_decode_state = msgspec.json.Decoder(State).decode
_decode_journal = msgspec.json.Decoder(Journal).decode
_decode_ledger = msgspec.msgpack.Decoder(Ledger).decode

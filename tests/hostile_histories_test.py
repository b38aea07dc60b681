"""Random histories of an index: killed and failing builds, two builds at once, power cuts and files
that something else changed.
"""
from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import note, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from dumb_pypi.builder.check import check
from tests.support import histories, tampering
from tests.support.histories import History
from tests.support.processes import Builds, Ended, Fate, UNHARMED
from tests.support.sound import is_whole, own_files, tree_of
from tests.support.tampering import Place
from tests.support.workshop import OWN

# `make test` tries the same few each time, `make fuzz` tries others: see tests/conftest.py.
HISTORIES = {'fixed': 30, 'fuzz': 300}
STEPS = 60
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE)
ERRORS = (
    errno.EIO, errno.ENOSPC, errno.EACCES, errno.EMFILE, errno.EDQUOT, errno.EROFS,
)
# More than a build of such small lists makes, but not many more.
CALLS = st.integers(1, 350)
MOMENTS = st.integers(1, 70)
JOBS = st.sampled_from((1, 1, 2))
NAMES = st.builds(
    lambda project, version, ending: histories.Name(
        project, histories.SPELLINGS[project][0], f'-{version}{ending}',
    ),
    st.sampled_from(histories.PROJECTS), st.sampled_from(histories.VERSIONS),
    st.sampled_from(histories.ENDINGS),
)
IN_THE_WAY = re.compile(r'dumb-pypi: cannot (?:write|delete) (.*): (?:Is|Not) a directory\n')
# What users keep in folders of the index. No page has such a path.
USERS = ('robots.txt', 'simple/mine.html', 'simple/foo/notes.txt', 'pypi/foo/1.0/mine')

Tree = Mapping[str, bytes]


class HostileHistory(History):
    """Builds into one folder whose changes are applied to a mirror, as by an upload script.

    The script takes the changes file of each build that exited with 0; all have the same path.
    """
    builds: Builds

    def __init__(self) -> None:
        super().__init__()
        self.out = self.folder / 'out'
        self.changes = self.folder / 'changes/changes.jsonl'
        self.changes.parent.mkdir()
        self.outside = self.folder / 'outside'
        (self.outside / 'folder').mkdir(parents=True)
        for name in ('file', 'folder/index.html', 'folder/json'):
            (self.outside / name).write_text('not of the index')
        self.mirror: dict[str, bytes] = {}
        # What each page may hold at any moment: what some build makes of it, or tampering did.
        self.known: dict[str, set[bytes]] = {}
        self.full_trees: dict[str, Tree] = {}
        # Whether something has happened to pages that only a full build repairs.
        self.needs_full = False
        # Whether the build has lost its memory of pages, and pages may have changed since the last
        # success. If both are true nobody can know what was deleted.
        self.memory_is_lost = False
        self.pages_changed = False
        self.has_state = False
        # Whether an older page was restored: a build that makes the same page does not report it.
        self.is_older = False
        self.backup = self.folder / 'backup'
        # Folders that may have become files or links.
        self.replaced: set[str] = set()
        # Tampering moves files there, builds must not change it.
        self.outside_tree = tree_of(self.outside)

    # Builds.

    @initialize(names=st.sets(NAMES, max_size=12), line=histories.LINES)
    def start_with_files(self, names: set[histories.Name], line: histories.Line) -> None:
        for number, name in enumerate(sorted(names)):
            moment = histories.MONTHS[number % len(histories.MONTHS)]
            self.files[name] = {**line, 'upload_timestamp': moment}

    @rule(path=st.sampled_from(USERS))
    def add_users_file(self, path: str) -> None:
        file = self.out / path
        # Another file may be in the place of any of its folders.
        if file.parent.resolve() == self.out.resolve() / Path(path).parent and not any(
                (self.out / parent).exists() and not (self.out / parent).is_dir()
                for parent in parents(path)
        ):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text('mine')

    @rule(full=st.booleans(), jobs=JOBS)
    def build_to_its_end(self, *, full: bool, jobs: int) -> None:
        self.complete(full=full, jobs=jobs)

    @rule(signal_number=st.sampled_from(SIGNALS), call=CALLS, full=st.booleans(), jobs=JOBS)
    def build_that_gets_a_signal(
            self, *, signal_number: signal.Signals, call: int, full: bool, jobs: int,
    ) -> None:
        self.disturb(Fate(call=call, signal=signal_number), full=full, jobs=jobs)

    @rule(error=st.sampled_from(ERRORS), call=CALLS, full=st.booleans(), jobs=JOBS)
    def build_that_meets_an_error(
            self, *, error: int, call: int, full: bool, jobs: int,
    ) -> None:
        self.disturb(Fate(call=call, error=error), full=full, jobs=jobs)

    @rule(call=CALLS, jobs=JOBS)
    def build_in_a_power_cut(self, *, call: int, jobs: int) -> None:
        self.disturb(Fate(call=call, power_cut=True), full=False, jobs=jobs)
        # Pages are broken until the next build.
        self.accept_everything()

    @rule(moment=MOMENTS, new_file=st.booleans(), jobs=JOBS)
    def build_during_another_build(self, *, moment: int, new_file: bool, jobs: int) -> None:
        """A second build starts, when the first is at a certain moment, and ends before it."""
        first_tree = self.full_tree()
        # A worker that stops would not let it stop.
        first = self.run(Fate(stop_at=moment), jobs=1)
        if first.status is not None:
            if self.has_state or not IN_THE_WAY.fullmatch(first.messages):
                self.check_success(first, first_tree, full=False)
            return
        if new_file:
            self.files[histories.Name('foo', 'foo', '-7.0.zip')] = {}
        before = tree_of(self.out)
        second_tree = self.full_tree()
        second = self.run(UNHARMED, jobs=jobs)
        if second.status == 0:
            self.check_success(second, second_tree, full=False)
        else:
            self.check_failure(second)
            assert tree_of(self.out) == before
        first = self.builds.resume(first)
        if not self.has_state and IN_THE_WAY.fullmatch(first.messages):
            self.check_failure(first)
            return
        self.check_success(first, first_tree, full=False)

    # Changes of files by others.

    @rule(kind=st.sampled_from(sorted(tampering.OF_PAGES)), data=st.data())
    def tamper_with_a_page(self, kind: str, data: st.DataObject) -> None:
        pages = [
            path for path in self.known if path not in USERS and (self.out / path).is_file()
        ]
        if pages:
            path = data.draw(st.sampled_from(sorted(pages)))
            self.tamper(tampering.OF_PAGES, kind, path)

    @rule(kind=st.sampled_from(sorted(tampering.OF_FOLDERS)), data=st.data())
    def tamper_with_a_folder(self, kind: str, data: st.DataObject) -> None:
        pages = [
            path for path in self.known if path not in USERS and (self.out / path).is_file()
        ]
        users = {parent for path in USERS if (self.out / path).exists() for parent in parents(path)}
        folders = [path for path in tampering.folders_of(pages) if path not in users]
        if folders:
            path = data.draw(st.sampled_from(folders))
            self.replaced.add(path)
            self.tamper(tampering.OF_FOLDERS, kind, path)

    @rule(path=st.sampled_from(tampering.ROOT_FOLDERS))
    def delete_a_root_folder(self, path: str) -> None:
        if (self.out / path).is_dir():
            self.tamper(tampering.OF_FOLDERS, 'delete', path)

    @rule(
        kind=st.sampled_from(sorted(tampering.OF_OWN_FILES)),
        path=st.sampled_from(tampering.OWN_FILES),
    )
    def tamper_with_an_own_file(self, kind: str, path: str) -> None:
        if (self.out / path).is_file():
            self.tamper(tampering.OF_OWN_FILES, kind, path)

    @rule(path=st.sampled_from(tampering.UNKNOWN_PAGES))
    def add_an_unknown_page(self, path: str) -> None:
        file = self.out / path
        if not os.path.lexists(file) and self.out.is_dir() and self.is_way_clear(path):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text('unknown')
            self.known.setdefault(path, set()).add(b'unknown')
            self.needs_full = True

    @rule(data=st.data())
    def restore_an_older_page(self, data: st.DataObject) -> None:
        pages = sorted(
            path for path, contents in self.known.items()
            if len(contents) > 1 and (self.out / path).is_file() and self.is_way_clear(path)
        )
        if pages:
            path = data.draw(st.sampled_from(pages))
            content = data.draw(st.sampled_from(sorted(self.known[path])))
            (self.out / path).unlink()
            (self.out / path).write_bytes(content)
            self.needs_full = self.is_older = True

    @rule()
    def back_up(self) -> None:
        if self.out.is_dir():
            shutil.rmtree(self.backup, ignore_errors=True)
            shutil.copytree(self.out, self.backup, symlinks=True)

    @precondition(lambda self: self.backup.exists())
    @rule()
    def restore_the_pages_of_the_backup(self) -> None:
        """The state stays, and knows nothing of it."""
        for path in self.out.iterdir():
            if path.name != '.dumb-pypi':
                Place(self.out, path.name, self.outside).clear()
        shutil.copytree(
            self.backup, self.out, symlinks=True, dirs_exist_ok=True,
            ignore=lambda *_: ['.dumb-pypi'],
        )
        self.accept_everything()
        self.needs_full = self.is_older = True

    def tamper(self, kinds: Mapping[str, tampering.Tampering], kind: str, path: str) -> None:
        if not self.is_way_clear(path):
            return
        kinds[kind](Place(self.out, path, self.outside))
        self.outside_tree = tree_of(self.outside)
        self.needs_full |= not tampering.is_noticed(kind, path)
        self.memory_is_lost |= path in tampering.MEMORY
        self.has_state &= path not in tampering.MEMORY
        self.pages_changed |= path not in tampering.OWN_FILES
        self.accept_everything()

    def is_way_clear(self, path: str) -> bool:
        """Return whether the folders above a path are those of the index, not links elsewhere."""
        return all(
            not (self.out / parent).is_symlink() and (
                (self.out / parent).is_dir() or not os.path.lexists(self.out / parent)
            ) for parent in (Path(path), *Path(path).parents)[1:-1]
        ) and not (self.out / path).is_symlink()

    def accept_everything(self) -> None:
        """Take what is there now for what may be there until the next build."""
        for path, content in tree_of(self.out).items():
            self.known.setdefault(path, set()).add(content)

    # Properties.

    def run(self, fate: Fate, **how: Any) -> Ended:
        arguments = self.arguments(self.out, changes_file=self.changes, **how)
        return self.builds.build(histories.command(arguments), fate)

    def complete(self, **how: Any) -> None:
        """Run a build to its end: the index is right again, if that build could know."""
        full = how.pop('full') or self.needs_full
        expected = self.full_tree()
        ended = self.run(UNHARMED, full=full, **how)
        while not self.has_state and (found := IN_THE_WAY.fullmatch(ended.messages)):
            # Without a state, the build takes what is in its way for the user's, who removes it.
            self.check_failure(ended)
            self.clear_way(Path(found[1]))
            ended = self.run(UNHARMED, full=full, **how)
        self.check_success(ended, expected, full=full)
        assert not check(str(self.out)).differences
        assert own_files(self.out) <= OWN
        assert os.listdir(self.changes.parent) == [self.changes.name]

    def clear_way(self, page: Path) -> None:
        path = page.relative_to(self.out)
        place = next(
            str(part) for part in (*reversed(path.parents[:-1]), path)
            if part == path or not (self.out / part).is_dir()
        )
        Place(self.out, place, self.outside).clear()

    def disturb(self, fate: Fate, *, full: bool, jobs: int) -> None:
        expected = self.full_tree()
        self.pages_changed = True
        ended = self.run(fate._replace(folder=str(self.folder)), full=full, jobs=jobs)
        calls = self.builds.calls
        if fate.call is not None and fate.call <= len(calls):
            note(f'    call {fate.call} of {len(calls)} was {calls[fate.call - 1]}')
        if ended.status == 0:
            self.check_success(ended, expected, full=full)
        elif fate.power_cut and fate.call is not None and fate.call <= len(calls):
            assert (ended.status, ended.messages) == (-signal.SIGKILL, '')
        elif fate.signal is not None and ended.status == -fate.signal:
            assert ended.messages == ''
        else:
            self.check_failure(ended)
        assert tree_of(self.outside) == self.outside_tree
        if not fate.power_cut:
            self.check_pages()

    def check_failure(self, ended: Ended) -> None:
        """One line says why; the exit status is that of a failure, or of an interrupt."""
        assert ended.status in {1, 130}, ended
        assert ended.messages.startswith('dumb-pypi: '), ended
        assert ended.messages.endswith('\n')
        assert ended.messages.count('\n') == 1, ended
        assert (ended.status == 130) == (ended.messages == 'dumb-pypi: interrupted\n')

    def check_success(self, ended: Ended, expected: Tree, *, full: bool) -> None:
        """The tree is that of a full build, and so is the mirror with the changes."""
        assert (ended.status, ended.messages) == (0, ''), ended
        assert tree_of(self.outside) == self.outside_tree
        found = tree_of(self.out)
        self.apply_changes(found)
        if self.needs_full and not full:
            self.pages_changed = True
            return
        pages = {path: content for path, content in expected.items() if not path.endswith('/')}
        needed = expected.keys() - pages.keys()
        is_forgotten = self.memory_is_lost and self.pages_changed
        if self.needs_full or is_forgotten:
            # Where files were deleted, empty folders may be left over.
            found = {path: content for path, content in found.items() if not path.endswith('/')}
            expected = pages
        if self.is_older or is_forgotten:
            self.mirror = dict(pages)
        users = {
            path: content for path, content in found.items()
            # What tampering left in the place of a folder without pages is the user's.
            if path in USERS or (
                (place := path.removesuffix('@')) in self.replaced and f'{place}/' not in needed
            )
        }
        folders = {
            f'{parent}/' for path in users for parent in parents(path) if expected is not pages
        }
        assert not differences(found, {**expected, **users, **dict.fromkeys(folders, b'')})
        assert not differences(self.mirror, pages)
        self.has_state = True
        self.needs_full = self.memory_is_lost = self.pages_changed = self.is_older = False
        self.known = {path: {content} for path, content in {**pages, **users}.items()}

    def check_pages(self) -> None:
        """Each page is as some build makes it: a reader never sees a part of one."""
        for path, content in tree_of(self.out).items():
            if not path.endswith('/') and path not in USERS:
                assert content in self.known.get(path, ()) or (
                    # Pages of months may be those of a list between the old and the new one. Lists
                    # of projects may lack links to pages that are still missing, or have no names.
                    is_whole(path, content) and (
                        path.startswith(('changelog/', 'projects/'))
                        or path.endswith('/dependents/index.html')
                    )
                ), path

    def apply_changes(self, found: Tree) -> None:
        changes = map(json.loads, self.changes.read_bytes().splitlines())
        # Where a path is there twice, the last change counts.
        for path, change in {change['path']: change for change in changes}.items():
            if change['action'] == 'delete':
                self.mirror.pop(path, None)
            else:
                assert hashlib.sha256(found[path]).hexdigest() == change['sha256'], path
                self.mirror[path] = found[path]

    def full_tree(self) -> Tree:
        """Return what one full build into an empty folder gives."""
        if not self.files:
            # Such a list would have no usable line.
            self.bad_lines = 0
        place = self.folder / 'full'
        arguments = self.arguments(place)
        key = '\n'.join([
            Path(arguments['package_list_json']).read_text(),
            Path(arguments['project_list_json']).read_text(), repr(arguments), repr(self.templates),
        ])
        if key not in self.full_trees:
            ended = self.builds.build(histories.command(arguments), UNHARMED)
            assert ended[1:] == (0, '')
            self.full_trees[key] = tree_of(place)
            shutil.rmtree(place)
        for path, content in self.full_trees[key].items():
            self.known.setdefault(path, set()).add(content)
        return self.full_trees[key]

    def teardown(self) -> None:
        try:
            # Not after a failure, whose history is to be shown alone.
            if sys.exc_info()[0] is None:
                self.complete(full=False, jobs=1)
        finally:
            super().teardown()


def parents(path: str) -> list[str]:
    """Return the folders of a path, the innermost first.

    >>> parents('pypi/foo/json')
    ['pypi/foo', 'pypi']
    """
    return [str(parent) for parent in Path(path).parents[:-1]]


def differences(found: Tree, expected: Tree) -> list[str]:
    return [
        *(f'{path} is left over' for path in sorted(found.keys() - expected.keys())),
        *(f'{path} is missing' for path in sorted(expected.keys() - found.keys())),
        *(
            f'{path} differs' for path in sorted(found.keys() & expected.keys())
            if found[path] != expected[path]
        ),
    ]


@pytest.mark.randomised
@pytest.mark.usefixtures('supervision')
def test_hostile_histories(monkeypatch: pytest.MonkeyPatch, builds: Builds) -> None:
    """Whatever happened, the next build, or a full one, leaves the right tree and changes file."""
    HostileHistory.builds = builds
    number = HISTORIES[settings.get_current_profile_name()]
    histories.run_histories(HostileHistory, monkeypatch, histories=number, steps=STEPS)

"""What is left after a power cut: all of a build that exited with 0, and what the next completes.

Files whose content was not written to disk are lost, though they have their names. Two tests cut
the power of a real disk; the others need no rights, and watch the system calls of builds.
"""
from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from dumb_pypi import store
from tests.conftest import NeedProgram
from tests.support import system_calls
from tests.support.journaled_disk import JournaledDisk, Kind, KINDS, NotMountableError
from tests.support.processes import Builds, Fate
from tests.support.sound import tree_of
from tests.support.system_calls import Call
from tests.support.workshop import WITH_SITE, Workshop

JOBS = ('1', '2')


pytestmark = pytest.mark.usefixtures('supervision')


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def disk(
        request: pytest.FixtureRequest, tmp_path: Path, need_program: NeedProgram,
) -> Iterator[JournaledDisk]:
    """A real disk where one can be mounted, as in no container without rights."""
    kind: Kind = request.param
    program = need_program(kind.program, package=kind.package)
    try:
        disk = JournaledDisk(tmp_path, kind, program)
    except NotMountableError as error:
        pytest.skip(str(error))
    with disk:
        yield disk


@pytest.mark.parametrize('journal', (False, True), ids=('at once', 'journal written'))
def test_finished_build_survives_power_cut(
        workshop: Workshop, disk: JournaledDisk, *, journal: bool,
) -> None:
    """Every page is on disk when the build exits."""
    out = disk.place / 'out'
    for list_name in ('old', 'new', 'other'):
        workshop.must_build(out, list_name, *WITH_SITE)
        if journal:
            disk.write_journal()
        disk.cut_power()
        # That the build has ended may be forgotten: the next one repeats it then.
        assert tree_of(out) == workshop.full(list_name, *WITH_SITE)


def test_power_cut_during_build_is_completed(workshop: Workshop, disk: JournaledDisk) -> None:
    """The next build completes the index, whenever the power was cut."""
    out = disk.place / 'out'
    wrong = {}
    cuts = 0
    for number, (list_name, next_name) in enumerate(itertools.islice(
            itertools.cycle((('old', 'old'), ('new', 'new'), ('other', 'new'))), 24,
    )):
        moment = number * 37 % 330 + 20
        ended = workshop.build(
            out, list_name, *WITH_SITE, fate=Fate(folder=str(disk.place), call=moment, signal=9),
        )
        cuts += ended.killed
        if number % 2:
            disk.write_journal()
        disk.cut_power()
        if ended.status == 0:
            assert tree_of(out) == workshop.full(list_name, *WITH_SITE)
        workshop.must_build(out, next_name, *WITH_SITE)
        if found := workshop.differences(out, next_name, *WITH_SITE):
            wrong[moment, next_name] = found
    assert not wrong
    assert cuts > 12


@pytest.mark.parametrize('jobs', JOBS)
def test_unflushed_files_are_completed(workshop: Workshop, jobs: str) -> None:
    """A build repairs what is empty after a power cut; what was written before it exited is not."""
    out = workshop.place / 'out'
    options = (*WITH_SITE, '--jobs', jobs)
    fate = Fate(folder=str(workshop.place), power_cut=True)
    wrong = {}
    cuts = 0
    lists = itertools.cycle(('old', 'new', 'other', 'new'))
    for moment, list_name in zip(range(7, 460, 19), lists, strict=False):
        ended = workshop.build(out, list_name, *options, fate=fate._replace(call=moment))
        cuts += ended.killed
        # At its end, it is cut once more.
        ended = workshop.build(out, list_name, *options, fate=fate)
        assert ended[1:] == (0, '')
        if found := workshop.differences(out, list_name, *WITH_SITE):
            wrong[moment, list_name] = found
    assert not wrong
    assert cuts > 12


@pytest.mark.parametrize('jobs', JOBS)
def test_state_follows_flushed_pages(workshop: Workshop, builds: Builds, jobs: str) -> None:
    """Pages are flushed before the state, and what is about to change is on disk before pages."""
    out = workshop.place / 'out'
    for list_name in ('old', 'new'):
        ended = workshop.build(
            out, list_name, *WITH_SITE, '--jobs', jobs, fate=Fate(folder=str(workshop.place)),
        )
        assert ended[1:] == (0, '')
        order = Order(builds.calls, out)
        state = order.renamed_to(store.STATE)
        # Pages of dependents are found, and saved as pending, when all projects are written.
        pending, *later = order.renames_to(store.PENDING)
        first, last = order.page_changes()
        assert order.content_is_on_disk(pending)
        assert pending < order.next_sync(pending, store.OWN_FOLDER) < first
        for place in later:
            assert order.content_is_on_disk(place)
            assert order.next_sync(place, store.OWN_FOLDER) < last
        assert last < order.next_sync(last) < state
        assert order.content_is_on_disk(state)
        deleted = order.deletion_of(store.PENDING)
        assert state < order.next_sync(state, store.OWN_FOLDER) < deleted


class Order:
    """The system calls of a build in their order; each method returns places in it."""

    def __init__(self, calls: Sequence[Call], out: Path) -> None:
        self._calls = calls
        self._out = out

    def renamed_to(self, path: str) -> int:
        """Return the only call that puts a file at a path."""
        place, = self.renames_to(path)
        return place

    def renames_to(self, path: str) -> list[int]:
        return [
            place for place, call in enumerate(self._calls)
            if call.name.startswith('rename') and call.paths[1] == f'{self._out}/{path}'
        ]

    def deletion_of(self, path: str) -> int:
        place, = (
            place for place, call in enumerate(self._calls)
            if call.name.startswith('unlink') and call.paths[0] == f'{self._out}/{path}'
        )
        return place

    def page_changes(self) -> tuple[int, int]:
        """Return the first and the last call that changes what readers see.

        The content of a page is written before, elsewhere.
        """
        own = f'{self._out}/{store.OWN_FOLDER}'
        changes = [
            place for place, call in enumerate(self._calls)
            if call.name in system_calls.CHANGES and any(
                path.startswith(f'{self._out}/') and not f'{path}/'.startswith(f'{own}/')
                for path in call.paths
            )
        ]
        return changes[0], changes[-1]

    def next_sync(self, after: int, folder: str | None = None) -> int:
        """Return the first call after another one that writes a file system, or that folder."""
        return next(
            place for place, call in enumerate(self._calls) if place > after and (
                call.name in {'sync', 'syncfs'}
                or (call.name == 'fsync' and [*call.paths] == [f'{self._out}/{folder}'])
            )
        )

    def content_is_on_disk(self, rename: int) -> bool:
        """Return whether a file was written to disk after its last change, and then renamed."""
        file = self._calls[rename].paths[0]
        last = [
            call.name for call in self._calls[:rename]
            if [*call.paths] == [file] and call.name in {*system_calls.CHANGES, 'fsync'}
        ]
        return last[-1:] == ['fsync']

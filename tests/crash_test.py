"""A build that is killed, wherever it is, leaves an index that installs; the next completes it."""
from __future__ import annotations

import contextlib
import itertools
import shutil
import time
from collections.abc import Sequence
from typing import NamedTuple

import pytest

from dumb_pypi.errors import BusyError, WorkerError
from dumb_pypi.store import lock
from tests.support.processes import Fate
from tests.support.sound import own_files, problems, Reader, tree_of, wrong_changes
from tests.support.workshop import keep_users_files, linked_copy, USERS, WITH_SITE, Workshop

NO_RELEASES = ('--no-per-release-json',)


# What a build says when it was a worker that was killed.
WORKER_DIED = f'dumb-pypi: {WorkerError(-9)}\n'


class Run(NamedTuple):
    """A list's name and options that shape pages."""
    list_name: str
    options: Sequence[str] = ()

    @property
    def by_workers(self) -> Run:
        """The same by two workers."""
        return self._replace(options=(*self.options, '--jobs', '2'))


class Case(NamedTuple):
    """The last build, if there was one; the one that is killed; those that may come next."""
    before: Run | None
    killed: Run
    following: Sequence[Run]
    # Of the moments at which only the build's own files differ all count in one case.
    coarse: bool = True
    # Without its state an index is as one that 1.x made.
    with_state: bool = True


OLD = Run('old', WITH_SITE)
NEW = Run('new', WITH_SITE)
OTHER = Run('other', WITH_SITE)
SMALL = Run('new', NO_RELEASES)
CASES = {
    'a first build': Case(None, OLD, (OLD, SMALL, OTHER)),
    'an update': Case(OLD, NEW, (NEW, OTHER, OLD), coarse=False),
    'fewer pages': Case(OLD, SMALL, (SMALL, OLD, Run('other', NO_RELEASES))),
    'more pages': Case(SMALL, OLD, (OLD, SMALL, OTHER)),
    'a first build by workers': Case(None, OLD.by_workers, (OLD, SMALL, OTHER.by_workers)),
    'an update by workers': Case(OLD, NEW.by_workers, (NEW, OTHER, OLD.by_workers)),
    'an index of 1.x': Case(OLD, SMALL, (SMALL, NEW, OTHER), with_state=False),
}


class Scene:
    """An output directory before a build that is killed, and as each killed build left it."""

    def __init__(
            self, workshop: Workshop, before: Run | None, *, with_state: bool = True,
    ) -> None:
        self._workshop = workshop
        self._base = workshop.place / 'base'
        self.out = workshop.place / 'out'
        if before is not None:
            workshop.must_build(self._base, before.list_name, *before.options)
            keep_users_files(self._base)
            if not with_state:
                shutil.rmtree(self._base / '.dumb-pypi')
        self._before = tree_of(self._base)

    def reset(self) -> None:
        for left_over in self._workshop.changes.parent.iterdir():
            left_over.unlink()
        linked_copy(self._base, self.out)
        assert tree_of(self.out) == self._before

    def kill(self, run: Run, moment: int, *, coarse: bool = True) -> bool:
        """Kill a build, or a worker of it, at a moment; say whether it came to that."""
        ended = self._workshop.build(
            self.out, run.list_name, *run.options, '--changes-file', str(self._workshop.changes),
            fate=Fate(kill_at=moment, coarse=coarse),
        )
        killed = ended.killed or ended[1:] == (1, WORKER_DIED)
        assert killed or ended[1:] == (0, '')
        if ended.killed:
            self._wait_for_workers()
        return killed

    def _wait_for_workers(self) -> None:
        """Workers end what they are at when their parent is gone, and hold its lock until then."""
        while (self.out / '.dumb-pypi').exists():
            with contextlib.suppress(BusyError), lock.locked(str(self.out)):
                return
            time.sleep(0.001)

    def complete(self, run: Run) -> list[str]:
        """Run a build to its end; return what is wrong with its result."""
        changes = self._workshop.changes
        # If only its cleanup was missing, the killed build had already written its changes file.
        done = 'pending.json' not in own_files(self.out)
        told = changes.read_bytes() if done and changes.exists() else b''
        self._workshop.must_build(self.out, run.list_name, *run.options, changes=changes)
        changes.write_bytes(told + changes.read_bytes())
        return [
            *self._workshop.differences(self.out, run.list_name, *run.options),
            *wrong_changes(changes, self._before, tree_of(self.out)),
            *(f'{path.name} is left over' for path in changes.parent.iterdir() if path != changes),
        ]


@pytest.mark.parametrize('name', CASES)
def test_killed_build_is_completed(workshop: Workshop, name: str) -> None:
    """An index of a build killed at any moment works, and any next build completes it."""
    case = CASES[name]
    scene = Scene(workshop, case.before, with_state=case.with_state)
    wrong = {}
    for moment in itertools.count(1):
        scene.reset()
        if not scene.kill(case.killed, moment, coarse=case.coarse):
            break
        next_one = case.following[moment % len(case.following)]
        found = [*problems(tree_of(scene.out), USERS), *scene.complete(next_one)]
        if found:
            wrong[moment, next_one] = found
    assert not wrong
    assert moment > (50 if case.coarse else 150)


def test_killed_build_of_nothing_is_completed(workshop: Workshop) -> None:
    """The next build has no feeds, and deletes those of the killed one."""
    scene = Scene(workshop, None)
    wrong = {}
    for moment in itertools.count(1):
        scene.reset()
        if not scene.kill(Run('nothing', ('--allow-shrink', *WITH_SITE)), moment):
            break
        if found := scene.complete(Run('nothing', ('--allow-shrink',))):
            wrong[moment] = found
    assert not wrong


def test_two_killed_builds_are_completed(workshop: Workshop) -> None:
    """Each killed build has pages of its own, which the next build knows or deletes."""
    scene = Scene(workshop, OLD)
    wrong = {}
    for first in range(3, 60, 3):
        scene.reset()
        assert scene.kill(NEW, first)
        second = first * 7 % 54 + 1
        assert scene.kill(OTHER, second)
        if found := [*problems(tree_of(scene.out), USERS), *scene.complete(OLD)]:
            wrong[first, second] = found
    assert not wrong


def test_readers_never_see_a_broken_page(workshop: Workshop) -> None:
    """Pages are complete and links work while builds run and are killed."""
    scene = Scene(workshop, OLD)
    scene.reset()
    killed = 0
    with Reader(scene.out) as reader:
        for number, run in enumerate(itertools.cycle((NEW, OTHER, SMALL, OLD))):
            # A busy machine may give the reader less of its time.
            if number >= 40 and reader.pages > 500:
                break
            fate = (
                Fate(kill_after=number % 40 * 0.002) if number % 3 == 0
                else Fate(kill_at=number * 7 % 60 + 1, coarse=True)
            )
            ended = workshop.build(scene.out, run.list_name, *run.options, fate=fate)
            assert ended.killed or ended[1:] == (0, '')
            killed += ended.killed
    assert not set(reader.problems)
    assert killed > 20
    workshop.must_complete(scene.out, OLD.list_name, *OLD.options)

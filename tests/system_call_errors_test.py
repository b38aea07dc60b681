"""An error of any system call that works on a file: one line says so, and nothing is wrong."""
from __future__ import annotations

import errno
import signal
from pathlib import Path

import pytest

from dumb_pypi import store
from tests.support.processes import Builds, Ended, Fate
from tests.support.sound import own_files, problems, tree_of, wrong_changes
from tests.support.workshop import Hindered, OWN, USERS, WITH_SITE, Workshop

# What disks, file systems of other machines, quotas and limits of processes answer.
ERRORS = (
    errno.EIO, errno.EACCES, errno.ENOSPC, errno.EMFILE, errno.EDQUOT, errno.EROFS, errno.ESTALE,
)
# Of so many calls one fails: with each number of processes others, and each error at some of them.
STRIDE = 17


pytestmark = pytest.mark.usefixtures('supervision')


@pytest.mark.parametrize('jobs', (1, 2, 3))
def test_error_of_any_system_call(
        workshop: Workshop, builds: Builds, tmp_path: Path, jobs: int,
) -> None:
    """The build fails with one line or is right in spite of it; the next one is right."""
    scene = Hindered(workshop, tmp_path)
    options = ('--jobs', str(jobs), '--changes-file', str(scene.changes))
    wrong = {}
    failures = 0
    number = jobs
    while True:
        scene.reset()
        error = ERRORS[number % len(ERRORS)]
        ended = scene.build(
            'new', *options, fate=Fate(folder=str(tmp_path), call=number, error=error),
        )
        calls = builds.calls
        if number > len(calls):
            break
        failures += ended.status == 1
        if found := [*_wrong(workshop, scene, ended), *scene.complete()]:
            wrong[number, errno.errorcode[error]] = (calls[number - 1], found)
        number += STRIDE
    assert not wrong
    assert failures > 5


def test_error_after_killed_build(workshop: Workshop, builds: Builds, tmp_path: Path) -> None:
    """No change is lost if a build was killed at its end and the next one meets an error."""
    scene = Hindered(workshop, tmp_path)
    before = tree_of(scene.out)
    assert scene.update(Fate(folder=str(tmp_path)))[1:] == (0, '')
    last = next(
        number for number, call in enumerate(builds.calls, 1)
        if call.name.startswith('unlink') and call.paths[0].endswith(store.PENDING)
    )
    lost = {}
    for number in range(8, 32):
        scene.reset()
        assert scene.update(Fate(folder=str(tmp_path), call=last, signal=signal.SIGKILL)).killed
        assert own_files(scene.out) == {*OWN, 'pending.json'} - {'readmes'}
        ended = scene.update(Fate(folder=str(tmp_path), call=number, error=errno.EIO))
        call = builds.calls[number - 1]
        # Only the changes file of a build that exits with 0 is applied.
        if ended.status != 0:
            assert scene.update()[1:] == (0, '')
        if found := wrong_changes(scene.changes, before, tree_of(scene.out)):
            lost[number] = (call, ended.status, found)
    assert not lost


def _wrong(workshop: Workshop, scene: Hindered, ended: Ended) -> list[str]:
    if ended.status == 0 and not ended.messages:
        return [
            found for found in workshop.differences(scene.out, 'new', *WITH_SITE)
            # If that is what could not be removed, the next build removes it.
            if found != 'unfinished is left over'
        ]
    is_one_line = ended.messages.startswith('dumb-pypi: ') and ended.messages.count('\n') == 1
    return [
        *(() if ended.status == 1 and is_one_line else (repr(ended),)),
        *problems(tree_of(scene.out), USERS),
    ]

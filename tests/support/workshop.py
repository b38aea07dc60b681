"""Package lists that follow each other, and folders that indexes of them are built in."""
from __future__ import annotations

import datetime
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.processes import Builds, Ended, Fate, UNHARMED
from tests.support.sound import own_files, problems, SITE_URL, tree_of

WITH_SITE = ('--site-url', SITE_URL)
# What a build that came to its end keeps for the next one.
OWN = frozenset({'lock', 'state.json', 'chunks', 'readmes'})
# What the user keeps in the output directory.
USERS = {
    'robots.txt': b'mine', 'simple/goes/notes.txt': b'mine', 'changelog/notes.html': b'mine',
    'static/logo.png': b'mine', 'wheels/goes-1.0.zip': b'mine',
}


def line(filename: str, month: int | None = None, day: int = 1, **facts: object) -> str:
    """A line of a list; its file was uploaded on that day of 2024, or nobody knows when."""
    if month is not None:
        moment = datetime.datetime(2024, month, day, tzinfo=datetime.UTC)
        facts['upload_timestamp'] = int(moment.timestamp())
    return json.dumps({'filename': filename, **facts})


LISTS: Mapping[str, Sequence[str]] = {
    'nothing': (),
    'old': (
        line('stays-1.0.zip', 1), line('stays-1.1.zip', 3),
        line('grows-1.0.zip', 1, 2),
        line('shrinks-1.0.zip', 1, 3), line('shrinks-2.0.zip', 1, 4), line('shrinks-3.0.zip', 1, 5),
        line('shrinks-4.0.zip', 1, 6),
        line('turns-1.0.zip', size=1, requires_dist=['goes', 'grows']),
        line('goes-1.0.zip', 2), line('goes-2.0.zip', 2, 2), line('goes-3.0.zip', 2, 3),
    ),
    # Projects, releases, months, release pages and dependents come and go; 2024-01 has fewer pages,
    # 2024-03 has more.
    'new': (
        line('stays-1.0.zip', 1), line('stays-1.1.zip', 3),
        line('grows-1.0.zip', 1, 2), line('grows-2.0.zip', 3, 2),
        line('shrinks-1.0.zip', 3, 3),
        line('turns-1.0.zip', size=1, yanked_reason='', requires_dist=['stays', 'grows', 'comes']),
        line('comes-1.0.zip', 3, 4), line('comes-2.0.zip', 4), line('comes-3.0.zip', 4),
        line('comes-4.0.zip', 4, requires_dist=['stays']),
    ),
    'other': (
        line('stays-1.0.zip', 1),
        line('grows-1.0.zip', 1, 2),
        line('shrinks-1.0.zip', 1, 3), line('shrinks-2.0.zip', 1, 4), line('shrinks-9.0.zip', 1, 5),
        line('turns-1.0.zip', 5, size=2),
        line('new-1.0.zip', 5, 2),
    ),
}


class Workshop:
    """Builds indexes of `LISTS` in output directories below `place`."""

    def __init__(self, place: Path, builds: Builds) -> None:
        self.place = place
        self._builds = builds
        self._full: dict[tuple[str, ...], dict[str, bytes]] = {}
        for name, lines in LISTS.items():
            self.list_file(name).write_text(''.join(f'{line}\n' for line in lines))
        (place / 'changes').mkdir()

    def list_file(self, name: str) -> Path:
        return self.place / f'{name}.jsonl'

    @property
    def changes(self) -> Path:
        return self.place / 'changes/changes.jsonl'

    def command(self, out: Path, list_name: str, *options: str) -> list[str]:
        """The command line of a build, but for the program."""
        return [
            '--package-list-json', str(self.list_file(list_name)), '--output-dir', str(out),
            '--packages-url', 'https://files.example.com/', '--no-generate-timestamp', *options,
        ]

    def build(
            self, out: Path, list_name: str, *options: str, fate: Fate = UNHARMED,
    ) -> Ended:
        return self._builds.build(self.command(out, list_name, *options), fate)

    def resume(self, stopped: Ended) -> Ended:
        return self._builds.resume(stopped)

    def must_build(
            self, out: Path, list_name: str, *options: str, changes: Path | None = None,
    ) -> None:
        more = () if changes is None else ('--changes-file', str(changes))
        _, status, messages = self.build(out, list_name, *options, *more)
        assert (status, messages) == (0, '')

    def full(self, list_name: str, *options: str) -> dict[str, bytes]:
        """The tree that one full build makes in a new directory."""
        key = (list_name, *options)
        if key not in self._full:
            out = self.place / 'full'
            self.must_build(out, *key)
            self._full[key] = tree_of(out)
            shutil.rmtree(out)
        return self._full[key]

    def must_complete(self, out: Path, list_name: str, *options: str) -> None:
        """The next plain run ends in the tree of a full build, and leaves nothing else."""
        self.must_build(out, list_name, *options)
        assert not self.differences(out, list_name, *options)

    def differences(self, out: Path, list_name: str, *options: str) -> list[str]:
        """What differs from one full build; the files that the user keeps there must be there."""
        found = tree_of(out)
        users = {path: USERS[path] for path in USERS if path in found}
        folders = {f'{parent}/' for path in users for parent in Path(path).parents[:-1]}
        expected = self.full(list_name, *options) | users | dict.fromkeys(folders, b'')
        return [
            *(f'{path} is left over' for path in sorted(set(found) - set(expected))),
            *(f'{path} is missing' for path in sorted(set(expected) - set(found))),
            *(
                f'{path} differs'
                for path, content in found.items() if content != expected.get(path, content)
            ),
            *(f'{path} is left over' for path in sorted(own_files(out) - OWN)),
        ]


def keep_users_files(out: Path) -> None:
    for path, content in USERS.items():
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        (out / path).write_bytes(content)


def linked_copy(old: Path, new: Path) -> None:
    """Make an output directory equal to another one, touching only what differs.

    Files are linked: a build replaces them, it never changes one.
    """
    for folder, _, names in os.walk(new, topdown=False):
        there = old / Path(folder).relative_to(new)
        for name in names:
            if not (there / name).exists() or not (there / name).samefile(Path(folder, name)):
                os.unlink(Path(folder, name))
        if not there.exists():
            os.rmdir(folder)
    for folder, _, names in os.walk(old):
        here = new / Path(folder).relative_to(old)
        here.mkdir(exist_ok=True)
        for name in names:
            if name != 'lock' and not (here / name).exists():
                os.link(Path(folder, name), here / name)


class Hindered:
    """An index in `out` that a build fails to update."""

    def __init__(self, workshop: Workshop, place: Path, before: str | None = 'old') -> None:
        self._workshop = workshop
        self._base = place / 'base'
        self.out = place / 'out'
        self.changes = place / 'changes.jsonl'
        if before is not None:
            workshop.must_build(self._base, before, *WITH_SITE)
            keep_users_files(self._base)
        self.reset()

    def reset(self) -> None:
        linked_copy(self._base, self.out)
        self.changes.unlink(missing_ok=True)

    def build(self, list_name: str = 'new', *options: str, fate: Fate = UNHARMED) -> Ended:
        return self._workshop.build(self.out, list_name, *WITH_SITE, *options, fate=fate)

    def update(self, fate: Fate = UNHARMED) -> Ended:
        return self.build('new', '--changes-file', str(self.changes), fate=fate)

    def wrong(self, ended: Ended, *reasons: str) -> list[str]:
        """What is wrong with a build that failed for one of these reasons, and what it left."""
        started = ended.messages.startswith(
            ('dumb-pypi: cannot write /', 'dumb-pypi: cannot delete /',
             'dumb-pypi: cannot write a temporary file: '),
        )
        return [
            *(() if ended.status == 1 else (f'status {ended.status}',)),
            *(() if started and ended.messages.endswith(
                tuple(f' {reason}\n' for reason in reasons),
            ) and ended.messages.count('\n') == 1 else (ended.messages,)),
            *self.wrong_files(),
        ]

    def wrong_files(self, *own: str) -> list[str]:
        """What is wrong with the files that a failed build left; it may leave its `own` files."""
        return [
            *problems(tree_of(self.out), USERS),
            *(f'{path} is left over' for path in own_files(self.out) - {
                *OWN, 'pending.json', *own,
            }),
            *(f'{path} is left over' for path in self.changes.parent.glob('changes.jsonl?*')),
        ]

    def complete(self) -> list[str]:
        """Run the build once more; return what is wrong with its result."""
        self._workshop.must_build(self.out, 'new', *WITH_SITE)
        return self._workshop.differences(self.out, 'new', *WITH_SITE)

"""The state and the memo: if lost, damaged or foreign, they change no byte of the next index."""
from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dumb_pypi import store
from dumb_pypi.builder import stamp as stamps
from dumb_pypi.builder.packages import OldPackages
from dumb_pypi.builder.stamp import Stamp
from dumb_pypi.builder.state import confirm, State
from dumb_pypi.builder.tree import Tree, union
from dumb_pypi.errors import FileError
from dumb_pypi.pages import paths
from dumb_pypi.store.folder import Folder
from tests.support.small_builds import full_tree, LINES, run, tree

MORE = (*LINES, '{"filename": "new-1.0.zip"}')
LESS = LINES[1:]
OTHER = (*LINES[:2], '{"filename": "bar-1.0.zip", "size": 1}')


def test_confirming_keeps_unfinished_files(tmp_path: Path) -> None:
    """If a folder for unfinished files cannot be removed, it is left to the next build."""
    for path in (store.PENDING, f'{store.UNFINISHED}/0a1b/page'):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    index = Folder(str(tmp_path))
    confirm(index)
    assert index.pending() == [store.UNFINISHED]


@pytest.fixture
def reused(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Record of each build that reads its list whether it copies lines of the previous build."""
    found: list[bool] = []
    old_packages = State.old_packages

    @contextmanager
    def note(self: State, form: str) -> Iterator[OldPackages | None]:
        with old_packages(self, form) as old:
            found.append(old is not None)
            yield old

    monkeypatch.setattr(State, 'old_packages', note)
    return found


def test_lines_are_reused(tmp_path: Path, reused: list[bool]) -> None:
    """A build copies the lines of projects that did not change."""
    for lines in (LINES, MORE, LESS, LINES):
        run(tmp_path, lines)
        assert tree(tmp_path) == full_tree(tmp_path, lines)
    assert reused == [False, False, True, False, True, False, True, False]


def cut(path: str) -> Callable[[Path], None]:
    return lambda out: os.truncate(out / path, (out / path).stat().st_size // 2)


def change_byte(path: str, at: float) -> Callable[[Path], None]:
    def change(out: Path) -> None:
        content = bytearray((out / path).read_bytes())
        content[int(at * (len(content) - 1))] ^= 1
        (out / path).write_bytes(content)
    return change


def another_memo(out: Path) -> None:
    run(out.parent, MORE, output_dir=str(out.parent / 'another'))
    shutil.copy(out.parent / 'another' / store.CHUNKS, out / store.CHUNKS)


def memo_of_another_shape(out: Path) -> None:
    """Write the memo of a program version that derives other project names."""
    content = (out / store.CHUNKS).read_bytes()[32:].replace(b'foo', b'bar')
    checksum = hashlib.sha256(b'another-shape json\n' + content).digest()
    (out / store.CHUNKS).write_bytes(checksum + content)


def edit(out: Path) -> None:
    with (out / paths.PACKAGES_JSON).open('ab') as file:
        file.write(b'{"filename":"mine-1.0.zip"}\n')


def change_stamp(out: Path, values: dict[str, Any]) -> Stamp | None:
    """Give the stamp other values, and return what it then is."""
    line, _, rest = (out / store.STATE).read_bytes().partition(b'\n')
    stamp = stamps.unsealed(line)
    assert stamp is not None
    changed = json.dumps({**json.loads(stamp), **values}).encode()
    (out / store.STATE).write_bytes(stamps.sealed(changed) + b'\n' + rest)
    return Stamp.decode(changed)


def of_another_shape(out: Path) -> None:
    change_stamp(out, {'shape': 'x'})


def records_of_another_version(out: Path) -> None:
    line = (out / store.STATE).read_bytes().partition(b'\n')[0]
    (out / store.STATE).write_bytes(line + b'\n' + stamps.sealed(b'{}'))


DAMAGES: dict[str, Callable[[Path], object]] = {
    'no memo': lambda out: (out / store.CHUNKS).unlink(),
    'empty memo': lambda out: (out / store.CHUNKS).write_bytes(b''),
    'half of the memo': cut(store.CHUNKS),
    'memo with another byte': change_byte(store.CHUNKS, 0.7),
    'memo with another checksum': change_byte(store.CHUNKS, 0.01),
    "another build's memo": another_memo,
    "another version's memo": memo_of_another_shape,
    'no packages.json': lambda out: (out / paths.PACKAGES_JSON).unlink(),
    'touched packages.json': lambda out: os.utime(out / paths.PACKAGES_JSON, (1, 1)),
    'edited packages.json': edit,
    'half of packages.json': cut(paths.PACKAGES_JSON),
    'empty pending': lambda out: (out / store.PENDING).write_bytes(b''),
    'invalid pending': lambda out: (out / store.PENDING).write_bytes(b'{}'),
    "another version's pending groups": lambda out: (
        (out / store.PENDING).write_bytes(stamps.sealed(b'{}'))
    ),
    "another version's records": records_of_another_version,
    "another program's state": of_another_shape,
    'half of the state': cut(store.STATE),
    'no state': lambda out: (out / store.STATE).unlink(),
}


@pytest.mark.parametrize('lines', (MORE, LESS, OTHER))
@pytest.mark.parametrize('damage', DAMAGES)
def test_damaged_memory_changes_no_byte(
        tmp_path: Path, lines: tuple[str, ...], damage: str,
) -> None:
    """After any damage the next build is right, and so is the one after."""
    run(tmp_path)
    DAMAGES[damage](tmp_path / 'out')
    run(tmp_path, lines)
    assert tree(tmp_path) == full_tree(tmp_path, lines)
    assert not (tmp_path / 'out' / store.PENDING).exists()
    run(tmp_path)
    assert tree(tmp_path) == full_tree(tmp_path)


def test_touched_list_is_reused(tmp_path: Path, reused: list[bool]) -> None:
    """Lines are copied from a `packages.json` that is as it was left, whatever its time is."""
    run(tmp_path)
    DAMAGES['touched packages.json'](tmp_path / 'out')
    run(tmp_path, MORE)
    assert reused == [False, True]


@pytest.mark.parametrize('damage', [
    name for name in DAMAGES if 'memo' not in name and 'touched' not in name
])
def test_damaged_state_is_not_reused(tmp_path: Path, reused: list[bool], damage: str) -> None:
    """No line is copied from a `packages.json` that is not as it was left."""
    run(tmp_path)
    DAMAGES[damage](tmp_path / 'out')
    run(tmp_path, MORE)
    assert True not in reused


def test_edited_list_is_restored(tmp_path: Path) -> None:
    """If the lines only changed their order, an edited `packages.json` is still written again."""
    run(tmp_path)
    edit(tmp_path / 'out')
    assert run(tmp_path, LINES[::-1]).written == 1
    assert tree(tmp_path) == full_tree(tmp_path)


def test_deleted_list_is_written_again(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reused: list[bool],
) -> None:
    """A `packages.json` that is deleted while a build starts is written again."""
    run(tmp_path)
    reused.clear()
    place = tmp_path / 'out' / paths.PACKAGES_JSON
    stamp = Stamp.load(Folder(str(tmp_path / 'out')))
    assert stamp is not None
    place.unlink()
    with monkeypatch.context() as patch:
        patch.setattr(Folder, 'marks', lambda *_: stamp.marks)
        run(tmp_path, MORE)
    assert reused == [False]
    assert tree(tmp_path) == full_tree(tmp_path, MORE)


def interrupted(_: object) -> bytes:
    raise KeyboardInterrupt


@pytest.mark.parametrize('lines', (LINES, LINES[::-1]))
def test_newer_memo_does_no_harm(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: tuple[str, ...],
) -> None:
    """A memo that is newer than the state does no harm, whether or not a page changed."""
    run(tmp_path)
    before = (tmp_path / 'out' / store.CHUNKS).read_bytes()

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Stamp, 'encode', interrupted)
        run(tmp_path, ('', *lines, *MORE[3:]))
    assert (tmp_path / 'out' / store.CHUNKS).read_bytes() != before
    run(tmp_path, LESS)
    assert tree(tmp_path) == full_tree(tmp_path, LESS)


@pytest.mark.parametrize('path', (store.STATE, store.CHUNKS, store.PENDING))
def test_unreadable_memory_is_reported(tmp_path: Path, path: str) -> None:
    """One of the build's own files that cannot be read ends the build with one line."""
    run(tmp_path)
    (tmp_path / 'out' / path).unlink(missing_ok=True)
    (tmp_path / 'out' / path).mkdir()
    with pytest.raises(FileError, match=f'cannot read .*/{path}: Is a directory'):
        run(tmp_path, MORE)


def test_stamp_can_be_decoded(tmp_path: Path) -> None:
    """The first line of the state is a stamp, with all notices."""
    (tmp_path / 'projects').write_text('{"name": "foo", "x": 1}\n')
    lines = (*LINES, 'oops', '{"filename": "foo-1.0.zip", "x": 1}')
    run(tmp_path, lines, project_list_json=str(tmp_path / 'projects'))
    line = stamps.unsealed((tmp_path / 'out' / store.STATE).read_bytes().partition(b'\n')[0])
    stamp = Stamp.decode(line)
    assert stamp is not None
    assert stamp.encode() == line
    assert len(stamp.notices) == 4
    assert stamp.complete


@pytest.mark.parametrize(
    ('values', 'valid'), (
        ({'x': 1}, False),
        ({'notices': [[1]]}, False), ({'notices': 1}, False), ({'notices': [{'a': 1}]}, False),
        ({'chunks': [[1]]}, False), ({'chunks': 1}, False), ({'chunks': [['a', 0]]}, False),
        ({'chunks': [['a', -1]]}, False), ({'chunks': [['a', 10 ** 9]]}, True),
        ({'chunks': [], 'size': 0}, True), ({'chunks': [['a', 1]]}, True),
    ),
)
def test_invalid_stamp_is_ignored(tmp_path: Path, values: dict[str, Any], valid: bool) -> None:
    """A first line of another version, or with other values, changes no byte."""
    run(tmp_path)
    state = (tmp_path / 'out' / store.STATE).read_bytes()
    for lines in (LINES, LESS):
        (tmp_path / 'out' / store.STATE).write_bytes(state)
        assert (change_stamp(tmp_path / 'out', values) is not None) == valid
        run(tmp_path, lines)
        assert tree(tmp_path) == full_tree(tmp_path, lines)


@pytest.mark.parametrize('path', (store.STATE, store.PENDING))
def test_changed_byte_is_noticed(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str,
) -> None:
    """Whichever byte changes, also one that leaves the file as valid as it was, no page does."""
    run(tmp_path)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Stamp, 'encode', interrupted)
        run(tmp_path, OTHER)
    out, kept = tmp_path / 'out', tmp_path / 'kept'
    if path == store.STATE:
        (out / store.PENDING).unlink()
    out.rename(kept)
    right = full_tree(tmp_path, MORE)
    for at in range(0, (kept / path).stat().st_size, 5):
        shutil.copytree(kept, out)
        content = bytearray((out / path).read_bytes())
        content[at] ^= 1
        (out / path).write_bytes(content)
        run(tmp_path, MORE)
        assert tree(tmp_path) == right, at
        shutil.rmtree(out)


@pytest.mark.parametrize('line', (b'', b'{', b'[]', b'null', b'\xff', b'[' * 100_000))
def test_damaged_stamp_is_ignored(line: bytes) -> None:
    """A damaged first line is ignored."""
    assert Stamp.decode(line) is None


def test_memo_is_small(tmp_path: Path) -> None:
    """A memo has less than 20 bytes per line, even if neighbouring lines differ in project."""
    lines = [f'{{"filename": "p{number % 100}-{number}.zip"}}' for number in range(5000)]
    run(tmp_path, tuple(lines))
    memo = (tmp_path / 'out' / store.CHUNKS).read_bytes()
    assert len(memo) < 20 * len(lines)
    assert len(msgspec.msgpack.decode(memo[32:])) > 5


def test_union_has_the_pages_of_both() -> None:
    """The union of two trees has every page that either of them may have."""
    one = Tree({'foo', 'bar'}, {'2024-01': 3}, ['x'])
    other = Tree({'foo'}, {'2024-01': 1, '2024-02': 1}, ['y'])
    assert union(one, other) == Tree({'foo', 'bar'}, {'2024-01': 3, '2024-02': 1}, {'x', 'y'})

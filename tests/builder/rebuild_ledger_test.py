"""Whatever became of what a build remembers of its list, the next one is right."""
from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dumb_pypi import store
from dumb_pypi.builder import stamp as stamps
from dumb_pypi.builder import state as states
from dumb_pypi.builder.catalog import Catalog
from dumb_pypi.builder.stamp import Stamp
from dumb_pypi.builder.state import LastBuild
from dumb_pypi.errors import FileError
from dumb_pypi.pages import paths
from tests.builder.rebuild_test import LINES, run, tree, whole_tree
from tests.support import histories

MORE = (*LINES, '{"filename": "new-1.0.zip"}')
LESS = LINES[1:]
OTHER = (*LINES[:2], '{"filename": "bar-1.0.zip", "size": 1}')


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Of each build that reads its list, whether it knows what the last one read."""
    found: list[bool] = []
    last_catalog = states.last_catalog

    def note(output_dir: str, last: LastBuild) -> Catalog | None:
        catalog = last_catalog(output_dir, last)
        found.append(catalog is not None)
        return catalog

    monkeypatch.setattr(states, 'last_catalog', note)
    return found


def test_a_build_knows_what_the_last_one_read(tmp_path: Path, known: list[bool]) -> None:
    for lines in (LINES, MORE, LESS, LINES):
        run(tmp_path, lines)
        assert tree(tmp_path) == whole_tree(tmp_path, lines)
    assert known == [True, True, True]


def ledger_of_another(out: Path) -> None:
    run(out.parent, MORE, output_dir=str(out.parent / 'another'))
    shutil.copy(out.parent / 'another' / store.LEDGER, out / store.LEDGER)


def cut(path: str) -> Callable[[Path], None]:
    return lambda out: os.truncate(out / path, (out / path).stat().st_size // 2)


def edit(out: Path) -> None:
    with (out / paths.PACKAGES_JSON).open('ab') as file:
        file.write(b'{"filename":"mine-1.0.zip"}\n')


def of_another_shape(out: Path) -> None:
    """A ledger and a state that fit each other, and another program."""
    line, _, rest = (out / store.STATE).read_bytes().partition(b'\n')
    stamp = json.loads(line)
    (out / store.STATE).write_bytes(json.dumps({**stamp, 'shape': 'x'}).encode() + b'\n' + rest)


@pytest.mark.parametrize('lines', (MORE, LESS, OTHER))
@pytest.mark.parametrize(
    'damage', (
        lambda out: (out / store.LEDGER).unlink(),
        lambda out: (out / store.LEDGER).write_bytes(b''),
        cut(store.LEDGER),
        ledger_of_another,
        lambda out: (out / paths.PACKAGES_JSON).unlink(),
        lambda out: os.utime(out / paths.PACKAGES_JSON, (1, 1)),
        edit,
        cut(paths.PACKAGES_JSON),
        lambda out: (out / store.JOURNAL).write_bytes(b''),
        lambda out: (out / store.JOURNAL).write_bytes(b'{}'),
        of_another_shape,
        cut(store.STATE),
    ), ids=(
        'no ledger', 'an empty one', 'half of it', "another build's", 'no list', 'touched',
        'edited', 'half of the list', 'an empty journal', 'an odd one', 'of another program',
        'half of the state',
    ),
)
def test_a_memory_that_is_not_as_it_was_left_is_not_relied_on(
        tmp_path: Path, known: list[bool], lines: tuple[str, ...],
        damage: Callable[[Path], None],
) -> None:
    run(tmp_path)
    damage(tmp_path / 'out')
    run(tmp_path, lines)
    assert True not in known
    assert tree(tmp_path) == whole_tree(tmp_path, lines)
    # What it remembers in its turn is as good as any.
    known.clear()
    run(tmp_path)
    assert known == [True]
    assert tree(tmp_path) == whole_tree(tmp_path)


def test_a_list_that_goes_away_in_that_moment_is_not_missed(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: list[bool],
) -> None:
    run(tmp_path)
    stamp = stamps.stamp_of_file(str(tmp_path / 'out' / paths.PACKAGES_JSON))
    (tmp_path / 'out' / paths.PACKAGES_JSON).unlink()
    with monkeypatch.context() as patch:
        patch.setattr(stamps, 'stamp_of_file', lambda _: stamp)
        run(tmp_path, MORE)
    assert known == [False]
    assert tree(tmp_path) == whole_tree(tmp_path, MORE)


@pytest.mark.parametrize('lines', (LINES, LINES[::-1]))
def test_a_build_that_is_stopped_before_its_state_is_written_is_made_good(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: tuple[str, ...],
) -> None:
    """Then the ledger is newer than the state, whether or not any page changed."""
    run(tmp_path)
    before = (tmp_path / 'out' / store.LEDGER).read_bytes()

    def encode(_: Stamp) -> bytes:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Stamp, 'encode', encode)
        run(tmp_path, ('', *lines, *MORE[3:]))
    assert (tmp_path / 'out' / store.LEDGER).read_bytes() != before
    run(tmp_path, LESS)
    assert tree(tmp_path) == whole_tree(tmp_path, LESS)


@pytest.mark.parametrize('path', (store.STATE, store.LEDGER))
def test_what_cannot_be_read_of_it_is_told_of(tmp_path: Path, path: str) -> None:
    run(tmp_path)
    (tmp_path / 'out' / path).unlink()
    (tmp_path / 'out' / path).mkdir()
    with pytest.raises(FileError, match=f'cannot read .*/{path}: Is a directory'):
        run(tmp_path, MORE)


def stamp_of(folder: Path) -> dict[str, Any]:
    line, _, _ = (folder / 'out' / store.STATE).read_bytes().partition(b'\n')
    stamp: dict[str, Any] = json.loads(line)
    return stamp


def test_the_first_line_of_the_state_comes_back(tmp_path: Path) -> None:
    (tmp_path / 'projects').write_text('{"name": "foo", "x": 1}\n')
    lines = (*LINES, 'oops', '{"filename": "foo-1.0.zip", "x": 1}')
    run(tmp_path, lines, project_list_json=str(tmp_path / 'projects'))
    line = (tmp_path / 'out' / store.STATE).read_bytes().partition(b'\n')[0]
    stamp = Stamp.decode(line)
    assert stamp is not None
    assert stamp.encode() == line
    assert stamp.notices
    assert stamp.blocks
    assert not any(block.certain for block in stamp.blocks)


@pytest.mark.parametrize(
    'values', (
        {'x': 1}, {'source': []}, {'source': {}}, {'source': None}, {'blocks': [1]},
        {'blocks': [[1]]}, {'blocks': None}, {'notices': [[1]]}, {'notices': 1},
        {'blocks': [[1, 2, 'x', 'y', 3, [[1]], True]]},
    ),
)
def test_a_first_line_that_is_none_is_as_good_as_none(
        tmp_path: Path, values: dict[str, Any],
) -> None:
    run(tmp_path)
    stamp = {**stamp_of(tmp_path), **values}
    assert Stamp.decode(json.dumps(stamp).encode()) is None
    rest = (tmp_path / 'out' / store.STATE).read_bytes().partition(b'\n')[2]
    (tmp_path / 'out' / store.STATE).write_bytes(json.dumps(stamp).encode() + b'\n' + rest)
    run(tmp_path, LESS)
    assert tree(tmp_path) == whole_tree(tmp_path, LESS)


@pytest.mark.parametrize('line', (b'', b'{', b'[]', b'null', b'\xff', b'[' * 100_000))
def test_nor_is_anything_else(line: bytes) -> None:
    assert Stamp.decode(line) is None


def test_a_ledger_has_no_more_than_some_bytes_for_a_file(tmp_path: Path) -> None:
    """A list may have millions."""
    lines = [f'{{"filename": "foo-{number}.zip"}}' for number in range(1000)]
    run(tmp_path, tuple(lines))
    ledger = (tmp_path / 'out' / store.LEDGER).read_bytes()
    assert len(ledger) < 20 * len(lines)
    months, columns = msgspec.msgpack.decode(ledger)
    assert months == ['undated']
    assert [len(column) for column in columns] == [4 * len(lines)] * 4
    assert histories.empty_folders(tmp_path / 'out') == []

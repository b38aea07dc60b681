"""Scanning again: what has not changed is not opened, and the list is the same for all that."""
from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, HealthCheck, settings
from hypothesis import strategies as st

from dumb_pypi.builder import build
from dumb_pypi.errors import FileError
from dumb_pypi.scanner import Scan, scan
from dumb_pypi.scanner.folder import FoundFile
from tests.support.archives import (
    decoded,
    METADATA,
    MTIME,
    only,
    PKG_INFO,
    SDIST,
    sdist,
    WHEEL,
    wheel,
    zipped,
)

EGG = 'foo-1.0-py3.9.egg'
FILES = {
    WHEEL: wheel(), SDIST: sdist(PKG_INFO), EGG: zipped([('EGG-INFO/PKG-INFO', METADATA)]),
}


def touch(place: Path, mtime_ns: int = MTIME * 10 ** 9) -> None:
    os.utime(place, ns=(0, mtime_ns))


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    """A folder with a file of each kind; a second one is in a folder of its own."""
    pool = tmp_path / 'pool'
    pool.mkdir()
    for number, (filename, content) in enumerate(FILES.items()):
        (pool / filename).write_bytes(content)
        touch(pool / filename, MTIME * 10 ** 9 + 123456789 * number)
    return pool


def damage(place: Path) -> None:
    """Change what is in a file, but nothing that one can see without opening it."""
    mtime_ns = place.stat().st_mtime_ns
    place.write_bytes(b'x' * place.stat().st_size)
    touch(place, mtime_ns)


def again(pool: Path, before: Scan, **options: Any) -> Scan:
    previous = pool.parent / 'previous.jsonl'
    previous.write_bytes(b''.join(line + b'\n' for line in before.lines))
    return scan([str(pool)], previous=str(previous), **options)


@pytest.mark.parametrize('write_metadata', [False, True])
def test_what_has_not_changed_is_not_read(pool: Path, write_metadata: bool) -> None:
    first = scan([str(pool)], write_metadata=write_metadata)
    assert len(first.lines) == 3
    for filename in FILES:
        damage(pool / filename)
    assert again(pool, first, write_metadata=write_metadata) == first
    # Without the list of before they would be read.
    assert len(scan([str(pool)]).problems) == 3


OPENED = '''\
import sys
opened = []
sys.addaudithook(lambda event, args: event == 'open' and opened.append(str(args[0])))
from dumb_pypi.commands.scan import main
status = main(sys.argv[2:])
print(sum(path.startswith(sys.argv[1]) and path.endswith(('.whl', '.egg', '.gz'))
          for path in opened), file=sys.stderr)
raise SystemExit(status)
'''


@pytest.mark.parametrize('options', [(), ('--write-metadata',)])
def test_the_second_scan_opens_no_distribution(
        pool: Path, tmp_path: Path, options: tuple[str, ...],
) -> None:
    """Counted by the interpreter, which is told of each file that anyone opens."""
    previous = tmp_path / 'previous.jsonl'
    previous.touch()
    found = []
    # Each is opened in the first scan, its folder in both.
    for opened in ('3', '0'):
        done = subprocess.run(
            [sys.executable, '-c', OPENED, f'{pool}/', '--previous', str(previous), *options,
             str(pool)],
            check=True, capture_output=True, text=True,
        )
        previous.write_text(done.stdout)
        found.append(done.stdout)
        assert done.stderr == f'{opened}\n'
    assert found[0] == found[1]


def test_the_packages_json_of_a_build_is_as_good(pool: Path, tmp_path: Path) -> None:
    (pool / 'sub').mkdir()
    (pool / 'sub/foo-2+x.zip').write_bytes(
        zipped([('foo/PKG-INFO', b'Name: foo\nVersion: 2+x\nSummary: a\x07 b\n')]),
    )
    first = scan([str(pool)], write_metadata=True, uploaded_by='ana')
    (tmp_path / 'list').write_bytes(b'\n'.join(first.lines))
    build(
        package_list_json=str(tmp_path / 'list'), packages_url='../../pool/',
        output_dir=str(tmp_path / 'out'),
    )
    for filename in FILES:
        damage(pool / filename)
    second = scan(
        [str(pool)], previous=str(tmp_path / 'out/packages.json'), uploaded_by='ben',
        write_metadata=True,
    )
    assert second == first


@pytest.mark.parametrize('change', [
    pytest.param(lambda place: touch(place, MTIME * 10 ** 9 + 1000), id='a microsecond later'),
    pytest.param(lambda place: place.write_bytes(wheel() + b'x'), id='another size'),
])
def test_what_has_changed_is_read(pool: Path, change: Any) -> None:
    first = scan([str(pool)])
    damage(pool / WHEEL)
    change(pool / WHEEL)
    second = again(pool, first)
    assert [problem.place for problem in second.problems] == [str(pool / WHEEL)] * bool(
        (pool / WHEEL).read_bytes().startswith(b'x'),
    )
    assert second.lines != first.lines


@pytest.mark.parametrize('change', [
    {'hash': None}, {'hash': f'md5={"0" * 32}'}, {'hash': f'sha256={"X" * 64}'}, {'size': None},
    {'upload_timestamp': None}, {'requires_dist': None}, {'core_metadata': 'true'},
    {'filename': 'bar-1.0-py3-none-any.whl'},
])
def test_a_line_that_says_too_little_is_not_relied_upon(
        pool: Path, tmp_path: Path, change: dict[str, object],
) -> None:
    first = scan([str(pool)])
    lines = [{**line, **change} for line in decoded(first) if line['filename'] == WHEEL]
    previous = tmp_path / 'previous.jsonl'
    previous.write_text(''.join(f'{json.dumps(line)}\n' for line in lines))
    assert scan([str(pool)], previous=str(previous)) == first


def test_a_file_that_has_moved_is_not_read(pool: Path) -> None:
    first = scan([str(pool)])
    (pool / 'a b').mkdir()
    for filename in FILES:
        damage(pool / filename)
        (pool / filename).rename(pool / 'a b' / filename)
    second = again(pool, first)
    assert decoded(second) == [
        {**line, 'url': f'a%20b/{line["filename"]}'} for line in decoded(first)
    ]
    for filename in FILES:
        (pool / 'a b' / filename).rename(pool / filename)
    assert again(pool, second) == first


def test_copies_are_compared_each_time(pool: Path) -> None:
    """That their times are equal says nothing: tools set them to one and the same."""
    first = scan([str(pool)])
    (pool / 'a').mkdir()
    (pool / 'a' / WHEEL).write_bytes(b'x' * len(FILES[WHEEL]))
    touch(pool / 'a' / WHEEL)
    second = again(pool, first)
    assert [problem.place for problem in second.problems] == [str(pool / 'a' / WHEEL)]
    (pool / 'a' / WHEEL).write_bytes(wheel(METADATA.replace(b'2.1', b'2.2')))
    touch(pool / 'a' / WHEEL)
    assert len(again(pool, first).problems) == 2


def test_what_only_the_list_knows_stays(pool: Path) -> None:
    """Who uploaded a file, that it is yanked: while the file is the same, if only touched."""
    known = {
        'yanked_reason': 'broken', 'uploaded_by': 'ana',
        'provenance': 'https://example.com/foo.provenance',
    }
    first = decoded(scan([str(pool)]))
    lines = [{**line, **known} for line in first]
    before = Scan([json.dumps(line).encode() for line in lines], [], [])
    assert decoded(again(pool, before, uploaded_by='ben')) == lines
    for filename in FILES:
        touch(pool / filename)
    assert decoded(again(pool, before, uploaded_by='ben')) == [
        {**line, 'upload_timestamp': MTIME} for line in lines
    ]
    for number, filename in enumerate(FILES):
        (pool / filename).write_bytes(b'x' * number)
    (pool / WHEEL).write_bytes(wheel(METADATA + b'Summary: another\n'))
    [line] = decoded(again(pool, before, uploaded_by='ben'))
    assert line['uploaded_by'] == 'ben'
    assert 'yanked_reason' not in line


def test_a_time_that_clients_cannot_read_is_left_out(pool: Path) -> None:
    """And such a file is read each time."""
    touch(pool / SDIST, -1)
    first = scan([str(pool)])
    assert [line['filename'] for line in decoded(first) if 'upload_timestamp' not in line] \
        == [SDIST]
    assert again(pool, first) == first
    damage(pool / SDIST)
    assert len(again(pool, first).problems) == 1


@pytest.mark.parametrize(('mtime_ns', 'expected'), [
    (0, 0), (-1, None), (MTIME * 10 ** 9, MTIME), (MTIME * 10 ** 9 + 123456789, MTIME + 0.123456),
    (253370764800 * 10 ** 9 - 1, 253370764799.999999), (253370764800 * 10 ** 9, None),
])
def test_times_are_to_the_microsecond(mtime_ns: int, expected: float | None) -> None:
    found = FoundFile('', '', None, 0, mtime_ns, 0, 0, has_metadata=False)
    assert repr(found.upload_timestamp) == repr(expected)


def test_lines_that_cannot_be_read_are_told_of(pool: Path, tmp_path: Path) -> None:
    first = scan([str(pool)])
    previous = tmp_path / 'previous.jsonl'
    previous.write_bytes(b'\xef\xbb\xbf' + first.lines[0] + b'\r\n\n \nnonsense\n{"filename": 1}\n'
                         b'{"filename": "\xff"}')
    second = scan([str(pool)], previous=str(previous))
    assert second.lines == first.lines
    assert [str(notice).partition(': ')[0] for notice in second.notices] == [
        f'{previous}:{number}' for number in (4, 5, 6)
    ]


@pytest.mark.parametrize(('change', 'reason'), [
    ({'provenance': 'javascript:x'}, "provenance 'javascript:x' is not an https URL"),
    ({'name': 'zzz'}, "name 'zzz' is not in the name of its file"),
    ({'version': '9'}, "version '9' is not in the name of its file"),
    ({'name': '/'}, "name '/' is not a name for a project"),
    ({'summary': 'a\x1b'}, r"summary 'a\x1b' has the control character U+001B"),
    ({'summary': 'a\x7f'}, r"summary 'a\x7f' has the control character U+007F"),
    ({'yanked_reason': 'a\x9b'}, r"yanked_reason 'a\x9b' has the control character U+009B"),
    ({'uploaded_by': 'a\\\x01'}, r"uploaded_by 'a\\\x01' has the control character U+0001"),
])
@pytest.mark.parametrize('ensure_ascii', [True, False])
@pytest.mark.parametrize('touched', [True, False])
def test_a_line_with_a_wrong_value_is_not_relied_upon(
        pool: Path, tmp_path: Path, change: dict[str, object], reason: str, ensure_ascii: bool,
        touched: bool,
) -> None:
    """It is the list's mistake, and not that of the file."""
    first = scan([str(pool)])
    previous = tmp_path / 'previous.jsonl'
    previous.write_text(''.join(
        json.dumps({**line, **change}, ensure_ascii=ensure_ascii) + '\n'
        for line in decoded(first) if line['filename'] == WHEEL
    ))
    if touched:
        touch(pool / WHEEL, 0)
    found = scan([str(pool)], previous=str(previous))
    assert found.problems == []
    assert found.lines == scan([str(pool)]).lines
    assert list(map(str, found.notices)) == [f'{previous}:1: {reason}']


@pytest.mark.parametrize('known', [
    {'summary': 'é"\\ü'}, {'yanked_reason': '"a\\b"'}, {'version': '1.0'}, {'name': 'Foo'},
    {'provenance': 'https://example.com/'},
])
def test_a_line_with_odd_but_right_values_is(pool: Path, known: dict[str, object]) -> None:
    lines = [json.dumps({**line, **known}).encode() for line in decoded(scan([str(pool)]))]
    for filename in FILES:
        damage(pool / filename)
    found = again(pool, Scan(lines, [], []))
    assert list(map(json.loads, found.lines)) == list(map(json.loads, lines))
    assert (found.problems, found.notices) == ([], [])


@pytest.mark.parametrize('name', ['nowhere', 'pool', '\0'])
def test_a_previous_list_that_cannot_be_read_ends_the_scan(pool: Path, name: str) -> None:
    with pytest.raises(FileError):
        scan([str(pool)], previous=str(pool.parent / name))


def sha256(content: bytes) -> str:
    return f'sha256={hashlib.sha256(content).hexdigest()}'


class TestMetadata:
    """A `.metadata` file is announced if it is the wheel's own, whatever the last list says."""

    @pytest.fixture
    def wheels(self, tmp_path: Path) -> Path:
        pool = tmp_path / 'pool'
        pool.mkdir()
        (pool / WHEEL).write_bytes(wheel())
        return pool

    def test_it_is_written_and_announced(self, wheels: Path) -> None:
        assert 'core_metadata' not in only(scan([str(wheels)]))
        assert os.listdir(wheels) == [WHEEL]
        first = scan([str(wheels)], write_metadata=True)
        assert only(first)['core_metadata'] == sha256(METADATA)
        place = wheels / f'{WHEEL}.metadata'
        assert place.read_bytes() == METADATA
        assert sorted(os.listdir(wheels)) == [WHEEL, place.name]
        assert scan([str(wheels)]) == first

    def test_it_is_written_only_if_it_differs(self, wheels: Path) -> None:
        first = scan([str(wheels)], write_metadata=True)
        place = wheels / f'{WHEEL}.metadata'
        touch(place)
        inode = place.stat().st_ino
        assert scan([str(wheels)], write_metadata=True) == first
        assert again(wheels, first, write_metadata=True) == first
        assert (place.stat().st_ino, place.stat().st_mtime) == (inode, MTIME)

    @pytest.mark.parametrize('content', [b'', METADATA.lower(), METADATA * 30_000])
    def test_another_one_is_not_announced(self, wheels: Path, content: bytes) -> None:
        first = scan([str(wheels)], write_metadata=True)
        place = wheels / f'{WHEEL}.metadata'
        place.write_bytes(content)
        touch(place)
        for result in (scan([str(wheels)]), again(wheels, first)):
            assert list(map(str, result.notices)) == [
                f'{place}: is not the metadata in the wheel, and is not announced',
            ]
            assert 'core_metadata' not in decoded(result)[0]
        assert again(wheels, first, write_metadata=True) == first
        assert place.read_bytes() == METADATA

    def test_one_that_is_gone_is_not_announced_or_comes_back(self, wheels: Path) -> None:
        first = scan([str(wheels)], write_metadata=True)
        place = wheels / f'{WHEEL}.metadata'
        place.unlink()
        second = again(wheels, first)
        assert 'core_metadata' not in only(second)
        assert again(wheels, first, write_metadata=True) == first
        place.unlink()
        assert again(wheels, second, write_metadata=True) == first
        assert again(wheels, second) == first

    def test_one_that_goes_away_meanwhile_is_not_announced(self, wheels: Path) -> None:
        place = wheels / f'{WHEEL}.metadata'
        place.write_bytes(METADATA)
        found = scan([str(wheels)], progress=lambda *_: place.unlink(missing_ok=True))
        assert 'core_metadata' not in decoded(found)[0]
        assert len(found.notices) == 1

    def test_it_cannot_be_written(self, wheels: Path) -> None:
        (wheels / f'{WHEEL}.metadata').mkdir()
        result = scan([str(wheels)], write_metadata=True)
        assert list(map(str, result.problems)) == [
            f'{wheels}/{WHEEL}.metadata: cannot be written: Is a directory',
        ]
        assert 'core_metadata' not in decoded(result)[0]
        assert sorted(os.listdir(wheels)) == [WHEEL, f'{WHEEL}.metadata']

    def test_a_name_that_leaves_no_room_for_it(self, wheels: Path) -> None:
        """The wheel is listed all the same."""
        name = f'foo-1.0-py3-none-{"any." * 57}any.whl'
        assert len(name) > 255 - len('.metadata')
        (wheels / WHEEL).rename(wheels / name)
        assert 'core_metadata' not in only(scan([str(wheels)], write_metadata=True))

    def test_an_sdist_has_none(self, wheels: Path) -> None:
        """Clients could not rely on it."""
        (wheels / WHEEL).unlink()
        (wheels / SDIST).write_bytes(sdist(PKG_INFO))
        (wheels / f'{SDIST}.metadata').write_bytes(METADATA)
        assert 'core_metadata' not in only(scan([str(wheels)], write_metadata=True))


NAMES = [*FILES, f'a/{WHEEL}', f'b/{WHEEL}', f'b/{SDIST}', f'{WHEEL}.metadata',
         f'a/{WHEEL}.metadata']
changes = st.lists(st.tuples(
    st.sampled_from(NAMES),
    st.sampled_from([None, b'', METADATA, b'other', *FILES.values(), wheel(METADATA + b'\n')]),
    st.integers(MTIME, MTIME + 2),
), max_size=8)


@given(history=st.lists(st.tuples(changes, st.booleans()), min_size=1, max_size=3))
@settings(deadline=None, max_examples=60,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_list_is_the_same_with_and_without_a_previous_one(
        tmp_path_factory: pytest.TempPathFactory,
        history: list[tuple[list[tuple[str, bytes | None, int]], bool]],
) -> None:
    """Whatever becomes of a folder, the next scan finds what a first one would.

    Files that change get a later time, as they do.
    """
    pool = tmp_path_factory.mktemp('history') / 'pool'
    (pool / 'a').mkdir(parents=True)
    (pool / 'b').mkdir()
    before = Scan([], [], [])
    for step, (files, write_metadata) in enumerate(history):
        for name, content, mtime in files:
            if content is None:
                (pool / name).unlink(missing_ok=True)
            elif not (pool / name).exists() or (pool / name).read_bytes() != content:
                (pool / name).write_bytes(content)
                touch(pool / name, (mtime + 10 * step) * 10 ** 9)
        found = again(pool, before, write_metadata=write_metadata)
        assert found.lines == scan([str(pool)], write_metadata=write_metadata).lines
        before = again(pool, found, write_metadata=write_metadata)
        assert before == found

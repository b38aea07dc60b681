"""Scans with a previous list: unchanged files are not opened, and the result is the same."""
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

from dumb_pypi import build
from dumb_pypi.errors import FileError
from dumb_pypi.scanner import Scan, scan
from dumb_pypi.scanner.folder import FoundFile
from tests.support.archives import (
    decoded,
    member,
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
def folder(tmp_path: Path) -> Path:
    """Return a folder with a file of each kind."""
    folder = tmp_path / 'pool'
    folder.mkdir()
    for number, (filename, content) in enumerate(FILES.items()):
        (folder / filename).write_bytes(content)
        touch(folder / filename, MTIME * 10 ** 9 + 123456789 * number)
    return folder


def damage(place: Path) -> None:
    """Change the content of a file, but neither its size nor its time."""
    mtime_ns = place.stat().st_mtime_ns
    place.write_bytes(b'x' * place.stat().st_size)
    touch(place, mtime_ns)


def again(folder: Path, before: Scan, **options: Any) -> Scan:
    previous = folder.parent / 'previous.jsonl'
    previous.write_bytes(b''.join(line + b'\n' for line in before.lines))
    return scan([str(folder)], previous=str(previous), **options)


@pytest.mark.parametrize('write_metadata', [False, True])
def test_unchanged_files_are_not_read(folder: Path, write_metadata: bool) -> None:
    """A file with the size and time of its previous line keeps that line."""
    first = scan([str(folder)], write_metadata=write_metadata)
    assert len(first.lines) == 3
    for filename in FILES:
        damage(folder / filename)
    assert again(folder, first, write_metadata=write_metadata) == first
    # Without the previous list they would be read.
    assert len(scan([str(folder)]).problems) == 3


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
def test_second_scan_opens_no_distribution(
        folder: Path, tmp_path: Path, options: tuple[str, ...],
) -> None:
    """No distribution file is opened again, by the interpreter's own count."""
    previous = tmp_path / 'previous.jsonl'
    previous.touch()
    found = []
    # The first scan opens each file, the second none.
    for opened in ('3', '0'):
        done = subprocess.run(
            [sys.executable, '-c', OPENED, f'{folder}/', '--previous', str(previous), *options,
             str(folder)],
            check=True, capture_output=True, text=True,
        )
        previous.write_text(done.stdout)
        found.append(done.stdout)
        assert done.stderr == f'{opened}\n'
    assert found[0] == found[1]


def test_packages_json_as_previous_list(folder: Path, tmp_path: Path) -> None:
    """The packages.json of a build gives the same result as the list it was built from."""
    (folder / 'sub').mkdir()
    (folder / 'sub/foo-2+x.zip').write_bytes(
        zipped([('foo/PKG-INFO', b'Name: foo\nVersion: 2+x\nSummary: a\x07 b\n')]),
    )
    first = scan([str(folder)], write_metadata=True, uploaded_by='ana')
    (tmp_path / 'list').write_bytes(b'\n'.join(first.lines))
    build(
        package_list_json=str(tmp_path / 'list'), packages_url='../../pool/',
        output_dir=str(tmp_path / 'out'),
    )
    for filename in FILES:
        damage(folder / filename)
    second = scan(
        [str(folder)], previous=str(tmp_path / 'out/packages.json'), uploaded_by='ben',
        write_metadata=True,
    )
    assert second == first


@pytest.mark.parametrize('change', [
    pytest.param(lambda place: touch(place, MTIME * 10 ** 9 + 1000), id='a microsecond later'),
    pytest.param(lambda place: place.write_bytes(wheel() + b'x'), id='another size'),
])
def test_changed_files_are_read(folder: Path, change: Any) -> None:
    """A file of another size or time is read again."""
    first = scan([str(folder)])
    damage(folder / WHEEL)
    change(folder / WHEEL)
    second = again(folder, first)
    assert [problem.place for problem in second.problems] == [str(folder / WHEEL)] * bool(
        (folder / WHEEL).read_bytes().startswith(b'x'),
    )
    assert second.lines != first.lines


@pytest.mark.parametrize('change', [
    {'hash': None}, {'hash': f'md5={"0" * 32}'}, {'hash': f'sha256={"X" * 64}'}, {'size': None},
    {'upload_timestamp': None}, {'requires_dist': None}, {'core_metadata': 'true'},
    {'filename': 'bar-1.0-py3-none-any.whl'},
])
def test_incomplete_lines_are_not_trusted(
        folder: Path, tmp_path: Path, change: dict[str, object],
) -> None:
    """A file whose previous line lacks a fact is read again."""
    first = scan([str(folder)])
    lines = [{**line, **change} for line in decoded(first) if line['filename'] == WHEEL]
    previous = tmp_path / 'previous.jsonl'
    previous.write_text(''.join(f'{json.dumps(line)}\n' for line in lines))
    assert scan([str(folder)], previous=str(previous)) == first


def test_moved_files_are_not_read(folder: Path) -> None:
    """A file that was only moved keeps its line, with its new URL."""
    first = scan([str(folder)])
    (folder / 'a b').mkdir()
    for filename in FILES:
        damage(folder / filename)
        (folder / filename).rename(folder / 'a b' / filename)
    second = again(folder, first)
    assert decoded(second) == [
        {**line, 'url': f'a%20b/{line["filename"]}'} for line in decoded(first)
    ]
    for filename in FILES:
        (folder / 'a b' / filename).rename(folder / filename)
    assert again(folder, second) == first


def test_copies_are_compared_each_time(folder: Path) -> None:
    """Copies are compared by content: tools may set their times to the same value."""
    first = scan([str(folder)])
    (folder / 'a').mkdir()
    (folder / 'a' / WHEEL).write_bytes(b'x' * len(FILES[WHEEL]))
    touch(folder / 'a' / WHEEL)
    second = again(folder, first)
    assert [problem.place for problem in second.problems] == [str(folder / 'a' / WHEEL)]
    (folder / 'a' / WHEEL).write_bytes(wheel(METADATA.replace(b'2.1', b'2.2')))
    touch(folder / 'a' / WHEEL)
    assert len(again(folder, first).problems) == 2


def test_facts_of_the_list_are_kept(folder: Path) -> None:
    """Facts that only the previous list has are kept while the file has the same hash."""
    known = {
        'yanked_reason': 'broken', 'uploaded_by': 'ana',
        'provenance': 'https://example.com/foo.provenance',
    }
    first = decoded(scan([str(folder)]))
    lines = [{**line, **known} for line in first]
    before = Scan([json.dumps(line).encode() for line in lines], [], [])
    assert decoded(again(folder, before, uploaded_by='ben')) == lines
    for filename in FILES:
        touch(folder / filename)
    assert decoded(again(folder, before, uploaded_by='ben')) == [
        {**line, 'upload_timestamp': MTIME} for line in lines
    ]
    for number, filename in enumerate(FILES):
        (folder / filename).write_bytes(b'x' * number)
    (folder / WHEEL).write_bytes(wheel(METADATA + b'Summary: another\n'))
    [line] = decoded(again(folder, before, uploaded_by='ben'))
    assert line['uploaded_by'] == 'ben'
    assert 'yanked_reason' not in line


def test_time_out_of_range(folder: Path) -> None:
    """A time that clients cannot parse is not listed, and its file is read each time."""
    touch(folder / SDIST, -1)
    first = scan([str(folder)])
    assert [line['filename'] for line in decoded(first) if 'upload_timestamp' not in line] \
        == [SDIST]
    assert again(folder, first) == first
    damage(folder / SDIST)
    assert len(again(folder, first).problems) == 1


@pytest.mark.parametrize(('mtime_ns', 'expected'), [
    (0, 0), (-1, None), (MTIME * 10 ** 9, MTIME), (MTIME * 10 ** 9 + 123456789, MTIME + 0.123456),
    (253370764800 * 10 ** 9 - 1, 253370764799.999999), (253370764800 * 10 ** 9, None),
])
def test_times_have_microseconds(mtime_ns: int, expected: float | None) -> None:
    """Upload times are cut to microseconds, and must be of the years 1970 to 9998."""
    found = FoundFile('', '', None, 0, mtime_ns, 0, 0, has_metadata=False)
    assert repr(found.upload_timestamp) == repr(expected)


def test_unusable_lines_are_reported(folder: Path, tmp_path: Path) -> None:
    """Previous lines that cannot be parsed cause notices with their line numbers."""
    first = scan([str(folder)])
    previous = tmp_path / 'previous.jsonl'
    previous.write_bytes(b'\xef\xbb\xbf' + first.lines[0] + b'\r\n\n \nnonsense\n{"filename": 1}\n'
                         b'{"filename": "\xff"}\n{"filename": "a-1.zip", "x": "\xff"}\n'
                         b'{"filename": "a-1.zip", "\xff": 1}')
    second = scan([str(folder)], previous=str(previous))
    assert second.lines == first.lines
    assert [str(notice).partition(': ')[0] for notice in second.notices] == [
        f'{previous}:{number}' for number in (4, 5, 6, 7, 8)
    ]


@pytest.mark.parametrize(('change', 'reason'), [
    ({'provenance': 'javascript:x'}, "provenance 'javascript:x' is not an https URL"),
    ({'name': 'zzz'}, "name 'zzz' is not in the name of its file"),
    ({'version': '9'}, "version '9' is not in the name of its file"),
    ({'name': '/'}, "name '/' is not a valid project name"),
    ({'summary': 'a\x1b'}, r"summary 'a\x1b' has the control character U+001B: remove it"),
    ({'summary': 'a\x7f'}, r"summary 'a\x7f' has the control character U+007F: remove it"),
    ({'yanked_reason': 'a\x9b'},
     r"yanked_reason 'a\x9b' has the control character U+009B: remove it"),
    ({'uploaded_by': 'a\\\x01'},
     r"uploaded_by 'a\\\x01' has the control character U+0001: remove it"),
])
@pytest.mark.parametrize('ensure_ascii', [True, False])
@pytest.mark.parametrize('touched', [True, False])
def test_wrong_lines_are_not_trusted(
        folder: Path, tmp_path: Path, change: dict[str, object], reason: str, ensure_ascii: bool,
        touched: bool,
) -> None:
    """A previous line with an invalid value causes a notice; its file is read again."""
    first = scan([str(folder)])
    previous = tmp_path / 'previous.jsonl'
    previous.write_text(''.join(
        json.dumps({**line, **change}, ensure_ascii=ensure_ascii) + '\n'
        for line in decoded(first) if line['filename'] == WHEEL
    ))
    if touched:
        touch(folder / WHEEL, 0)
    found = scan([str(folder)], previous=str(previous))
    assert found.problems == []
    assert found.lines == scan([str(folder)]).lines
    assert list(map(str, found.notices)) == [f'{previous}:1: {reason}']


@pytest.mark.parametrize('known', [
    {'summary': 'é"\\ü'}, {'yanked_reason': '"a\\b"'}, {'version': '1.0'}, {'name': 'Foo'},
    {'provenance': 'https://example.com/'},
])
def test_unusual_lines_are_trusted(folder: Path, known: dict[str, object]) -> None:
    """A previous line with unusual but valid values is kept."""
    lines = [json.dumps({**line, **known}).encode() for line in decoded(scan([str(folder)]))]
    for filename in FILES:
        damage(folder / filename)
    found = again(folder, Scan(lines, [], []))
    assert list(map(json.loads, found.lines)) == list(map(json.loads, lines))
    assert (found.problems, found.notices) == ([], [])


@pytest.mark.parametrize('touched', [True, False])
def test_statements_about_bare_sdist_are_kept(folder: Path, touched: bool) -> None:
    """The name and version that a list states of an sdist without PKG-INFO outlive its time."""
    filename = 'foo-2-1.tar.gz'
    (folder / filename).write_bytes(sdist(member(b'foo-2-1/setup.py')))
    first = scan([str(folder)])
    lines = decoded(first)
    [bare] = [line for line in lines if line['filename'] == filename]
    assert 'name' not in bare
    bare |= {'name': 'foo-2', 'version': '1'}
    before = Scan([json.dumps(line).encode() for line in lines], [], [])
    if touched:
        touch(folder / filename)
        bare['upload_timestamp'] = MTIME
    found = again(folder, before)
    assert (found.problems, found.notices) == ([], [])
    assert decoded(found) == lines


def test_false_in_the_previous_list(folder: Path) -> None:
    """A line that says `false` for a file that is not yanked is kept in its usual form."""
    first = scan([str(folder)])
    lines = [
        json.dumps({**line, 'yanked_reason': False}).encode() for line in decoded(first)
    ]
    for filename in FILES:
        damage(folder / filename)
    assert again(folder, Scan(lines, [], [])) == first


@pytest.mark.parametrize('filename', ['foo-1.0%2B1.zip', 'foo-1.0-py3-none-any (1).whl'])
def test_previous_line_of_an_invalid_name(folder: Path, filename: str) -> None:
    """A name that an older version accepted is not listed again."""
    first = scan([str(folder)])
    place = folder / filename
    place.write_bytes(FILES[WHEEL])
    line = json.dumps({**decoded(first)[0], 'filename': filename, 'size': len(FILES[WHEEL]),
                       'upload_timestamp': place.stat().st_mtime_ns // 1000 / 1e6})
    found = again(folder, Scan([*first.lines, line.encode()], [], []))
    assert found.lines == first.lines
    [problem], [notice] = found.problems, found.notices
    assert problem.text == notice.text
    assert problem.text.startswith(f"filename '{filename}' has ")


@pytest.mark.parametrize('name', ['nowhere', 'pool', '\0'])
def test_unreadable_previous_list(folder: Path, name: str) -> None:
    """A previous list that cannot be read ends the scan."""
    with pytest.raises(FileError):
        scan([str(folder)], previous=str(folder.parent / name))


def sha256(content: bytes) -> str:
    return f'sha256={hashlib.sha256(content).hexdigest()}'


class TestMetadata:
    """A `.metadata` file is listed only if it has the wheel's own metadata."""

    @pytest.fixture
    def wheels(self, tmp_path: Path) -> Path:
        folder = tmp_path / 'pool'
        folder.mkdir()
        (folder / WHEEL).write_bytes(wheel())
        return folder

    def test_it_is_written_and_announced(self, wheels: Path) -> None:
        """With `write_metadata` the file is written, and its hash is listed."""
        assert 'core_metadata' not in only(scan([str(wheels)]))
        assert os.listdir(wheels) == [WHEEL]
        first = scan([str(wheels)], write_metadata=True)
        assert only(first)['core_metadata'] == sha256(METADATA)
        place = wheels / f'{WHEEL}.metadata'
        assert place.read_bytes() == METADATA
        assert sorted(os.listdir(wheels)) == [WHEEL, place.name]
        assert scan([str(wheels)]) == first

    def test_equal_file_is_not_rewritten(self, wheels: Path) -> None:
        """A file that has the right content is not touched."""
        first = scan([str(wheels)], write_metadata=True)
        place = wheels / f'{WHEEL}.metadata'
        touch(place)
        inode = place.stat().st_ino
        assert scan([str(wheels)], write_metadata=True) == first
        assert again(wheels, first, write_metadata=True) == first
        assert (place.stat().st_ino, place.stat().st_mtime) == (inode, MTIME)

    @pytest.mark.parametrize('content', [b'', METADATA.lower(), METADATA * 30_000])
    def test_other_content_is_not_announced(self, wheels: Path, content: bytes) -> None:
        """A file with other content is reported, and replaced with `write_metadata`."""
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

    def test_missing_file_is_not_announced(self, wheels: Path) -> None:
        """A deleted file is no longer listed, and is written again with `write_metadata`."""
        first = scan([str(wheels)], write_metadata=True)
        place = wheels / f'{WHEEL}.metadata'
        place.unlink()
        second = again(wheels, first)
        assert 'core_metadata' not in only(second)
        assert again(wheels, first, write_metadata=True) == first
        place.unlink()
        assert again(wheels, second, write_metadata=True) == first
        assert again(wheels, second) == first

    def test_file_deleted_during_the_scan(self, wheels: Path) -> None:
        """A file that is deleted during the scan is not listed."""
        place = wheels / f'{WHEEL}.metadata'
        place.write_bytes(METADATA)
        found = scan([str(wheels)], progress=lambda *_: place.unlink(missing_ok=True))
        assert 'core_metadata' not in decoded(found)[0]
        assert len(found.notices) == 1

    def test_it_cannot_be_written(self, wheels: Path) -> None:
        """If the file cannot be written, the wheel is listed without it."""
        (wheels / f'{WHEEL}.metadata').mkdir()
        result = scan([str(wheels)], write_metadata=True)
        assert list(map(str, result.problems)) == [
            f'{wheels}/{WHEEL}.metadata: cannot be written: Is a directory',
        ]
        assert 'core_metadata' not in decoded(result)[0]
        assert sorted(os.listdir(wheels)) == [WHEEL, f'{WHEEL}.metadata']

    def test_name_too_long_for_metadata(self, wheels: Path) -> None:
        """If the file's name would be too long, the wheel is listed without it."""
        name = f'foo-1.0-py3-none-{"any." * 57}any.whl'
        assert len(name) > 255 - len('.metadata')
        (wheels / WHEEL).rename(wheels / name)
        assert 'core_metadata' not in only(scan([str(wheels)], write_metadata=True))

    def test_sdist_has_no_metadata_file(self, wheels: Path) -> None:
        """No `.metadata` file is written for an sdist: clients could not trust it."""
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
def test_previous_list_changes_no_line(
        tmp_path_factory: pytest.TempPathFactory,
        history: list[tuple[list[tuple[str, bytes | None, int]], bool]],
) -> None:
    """A scan after any changes has the same result with and without a previous list.

    Changed files get a later time.
    """
    folder = tmp_path_factory.mktemp('history') / 'pool'
    (folder / 'a').mkdir(parents=True)
    (folder / 'b').mkdir()
    before = Scan([], [], [])
    for step, (files, write_metadata) in enumerate(history):
        for name, content, mtime in files:
            if content is None:
                (folder / name).unlink(missing_ok=True)
            elif not (folder / name).exists() or (folder / name).read_bytes() != content:
                (folder / name).write_bytes(content)
                touch(folder / name, (mtime + 10 * step) * 10 ** 9)
        found = again(folder, before, write_metadata=write_metadata)
        assert found.lines == scan([str(folder)], write_metadata=write_metadata).lines
        before = again(folder, found, write_metadata=write_metadata)
        assert before == found

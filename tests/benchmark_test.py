"""What the benchmark counts and says. Its times are nobody's to test."""
from __future__ import annotations

import json
import stat
import subprocess
import sys
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from dumb_pypi import build
from dumb_pypi.model import filenames
from testing import benchmark
from testing.benchmark import BenchmarkError, Lists, Program, Rival
from testing.benchmark_table import MEBIBYTE, Row, Run, table
from testing.floor import read_tree, write_tree
from testing.make_package_list import Line, lines

PROGRAM = Program([sys.executable, '-m', 'dumb_pypi', '-q'], previous=False)
RIVAL = Program([sys.executable, '-m', 'dumb_pypi', '-q'], previous=True)


def some(count: int, seed: int = 0) -> list[Line]:
    return list(lines(count, seed))


def lists(folder: Path, count: int = 40, *, old: bool = False) -> Lists:
    return benchmark.write_lists(some(count), folder / ('old' if old else 'new'), old=old)


def test_seed_determines_the_list() -> None:
    """A longer list with the same seed begins with the shorter one."""
    assert some(500) == some(500)
    assert some(500)[:200] == some(200)
    assert some(500) != some(500, seed=1)


def test_generated_lines_are_valid_and_unique(tmp_path: Path) -> None:
    """A build accepts every line without a message."""
    made = some(20_000)
    assert len({line['filename'] for line in made}) == 20_000
    (tmp_path / 'list').write_text(''.join(f'{json.dumps(line)}\n' for line in made[:3000]))
    report = build(
        package_list_json=str(tmp_path / 'list'), packages_url='../../pool/',
        output_dir=str(tmp_path / 'out'), per_release_json=False,
    )
    assert (report.files, report.notices) == (3000, [])


def test_generated_list_resembles_real_ones() -> None:
    """Few projects have most files; every key, file type and kind of text occurs."""
    made = some(30_000)
    sizes = sorted(Counter(
        filenames.parse(line['filename']).project for line in made
    ).values())
    assert sizes[len(sizes) // 2] <= 5
    assert sizes[-1] > 500
    assert {key for line in made for key in line} == {
        'filename', 'hash', 'size', 'upload_timestamp', 'requires_python', 'requires_dist',
        'uploaded_by', 'summary', 'yanked_reason', 'core_metadata', 'provenance', 'url',
        'name', 'version',
    }
    assert len({line['upload_timestamp'] // 31_557_600 for line in made}) > 15
    endings = Counter(line['filename'].rpartition('.')[2] for line in made)
    assert {'whl', 'gz', 'zip', 'bz2', 'egg', 'exe'} <= set(endings)
    assert any('manylinux' in line['filename'] for line in made)
    # Markers bring escaped quotes into a third of the lines.
    encoded = [json.dumps(line, ensure_ascii=False) for line in made]
    assert sum('\\"' in line for line in encoded) > 10_000
    assert sum(not line.isascii() for line in encoded) > 3000
    assert max(len(line['summary']) for line in made) > 300


def test_list_command_prints_json_lines() -> None:
    """`python -m testing.make_package_list` prints the same list as `lines()`."""
    command = [sys.executable, '-m', 'testing.make_package_list', '25', '--seed', '3']
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert [json.loads(line) for line in printed.splitlines()] == some(25, seed=3)


def test_benchmark_lists(tmp_path: Path) -> None:
    """The second list has one more file; the lists for 1.x have only the keys it knows."""
    new, old = lists(tmp_path), lists(tmp_path, old=True)
    assert new.files == old.files == 40
    assert new.more.read_bytes() == new.all.read_bytes() + msgspec.json.encode(
        benchmark.ADDED,
    ) + b'\n'
    keys = {key for line in old.more.read_text().splitlines() for key in json.loads(line)}
    assert keys <= set(benchmark.OLD_KEYS)
    assert len(old.all.read_text().splitlines()) == 40


def script(place: Path, text: str) -> Program:
    place.write_text(f'#!/bin/sh\n{text}\n')
    place.chmod(place.stat().st_mode | stat.S_IXUSR)
    return Program([str(place)], previous=False)


def test_program_that_writes_nothing_fails(tmp_path: Path) -> None:
    """The time of a build without a tree does not count."""
    program = script(tmp_path / 'lazy', 'exit 0')
    bench = benchmark.Bench(tmp_path / 'place', 1)
    (tmp_path / 'place').mkdir()
    made = lists(tmp_path)
    with pytest.raises(OSError, match=r'packages\.json'):
        bench.full(program, made)()


def test_program_that_skips_files_fails(tmp_path: Path) -> None:
    """Every file must be in packages.json and on a simple page."""
    made = lists(tmp_path)
    PROGRAM.build(made.all, tmp_path / 'tree')
    benchmark.check_tree(tmp_path / 'tree', 40)
    benchmark.check_tree(tmp_path / 'tree', 45)
    with pytest.raises(BenchmarkError, match=r'projects, 40 files listed and 40 linked, of 60'):
        benchmark.check_tree(tmp_path / 'tree', 60)
    page = next((tmp_path / 'tree/simple').glob('*/index.html'))
    page.write_text(page.read_text().replace('<a', '<b'))
    for other in (tmp_path / 'tree/simple').glob('*/index.html'):
        other.write_text('')
    with pytest.raises(BenchmarkError, match='and 0 linked'):
        benchmark.check_tree(tmp_path / 'tree', 40)


def test_rebuild_without_the_file_fails(tmp_path: Path) -> None:
    """The page of the added file must exist after the rebuild."""
    made = lists(tmp_path)
    bench = benchmark.Bench(tmp_path, 1)
    tree = bench.tree(PROGRAM, made, 'tree')
    with pytest.raises(BenchmarkError, match='has not the file that was added'):
        bench.more(script(tmp_path / 'lazy', 'exit 0'), made, tree)()


def test_failure_shows_status_and_output(tmp_path: Path) -> None:
    """The error has the exit status and what the program printed."""
    with pytest.raises(BenchmarkError, match='ended with 3: no luck'):
        script(tmp_path / 'broken', 'echo no luck; exit 3').build(tmp_path, tmp_path)


def test_memory_of_largest_process() -> None:
    """Child processes count."""
    program = (
        'import os; x = bytearray(5 << 20)\n'
        'if os.fork() == 0: x = bytearray(80 << 20); os._exit(0)\n'
        'os.wait()'
    )
    # Started from a process that is small itself: its memory counts too.
    measure = (
        'import sys; from testing import benchmark\n'
        'print(benchmark.run([sys.executable, "-c", sys.argv[1]]).memory)'
    )
    measured = subprocess.run(
        [sys.executable, '-c', measure, program], check=True, capture_output=True, text=True,
    )
    assert 80 * MEBIBYTE < int(measured.stdout) < 160 * MEBIBYTE


def test_floor_writes_the_same_files(tmp_path: Path) -> None:
    """The plain loop writes every file of the tree, with the same bytes."""
    made = lists(tmp_path)
    PROGRAM.build(made.all, tmp_path / 'tree')
    files = read_tree(tmp_path / 'tree')
    assert ('simple/index.html', (tmp_path / 'tree/simple/index.html').read_bytes()) in files
    assert write_tree(files, tmp_path / 'copy') > 0
    assert read_tree(tmp_path / 'copy') == files


def test_programs_are_measured_alternately(tmp_path: Path) -> None:
    """Each row has the same number of runs of either program."""
    made = lists(tmp_path)
    (tmp_path / 'place').mkdir()
    bench = benchmark.Bench(tmp_path / 'place', 2)
    rival = Rival('1.x', RIVAL, lists(tmp_path, old=True), is_baseline=False)
    rows = list(benchmark.compare(bench, PROGRAM, made, rival, 100 * MEBIBYTE))
    assert [len(row.ours) for row in rows] == [2] * 5
    assert [len(row.rival) for row in rows] == [2] * 5
    assert all(run.seconds > 0 for row in rows for run in (*row.ours, *row.rival))
    assert [(row.rival_name, row.at_most) for row in rows[:4]] == [('1.x', False)] * 4
    grown = list(benchmark.scale(
        benchmark.Bench(tmp_path, 1), PROGRAM, made,
        benchmark.write_lists(some(80), tmp_path / 'many', old=False),
    ))
    assert [row.what for row in grown] == [
        'full build, 80 files', 'rebuild, 80 files and one more',
    ]


@pytest.mark.parametrize(
    ('row', 'ratio', 'met'), (
        (Row('x', [Run(1, 1)], [Run(10, 0)], '1.x', 10), 10, True),
        (Row('x', [Run(1, 1)], [Run(9, 0)], '1.x', 10), 9, False),
        # A median: one slow run is not the measure.
        (Row('x', [Run(1, 1), Run(9, 1), Run(1, 1)], [Run(10, 0)], '1.x', 10), 10, True),
        (Row('x', [Run(1, 200 * MEBIBYTE)], [Run(10, 0)], '1.x', 10, most_memory=MEBIBYTE),
         10, False),
        (Row('x', [Run(3, 1)], [Run(1, 0)], 'floor', 2.5, at_most=True), 3, False),
        (Row('x', [Run(2, 1)], [Run(1, 0)], 'floor', 2.5, at_most=True), 2, True),
        (Row('x', [Run(2, 1)], [], '1.x', 10), None, None),
        (Row('x', [Run(2, 1)], [], '1.x', 10, most_memory=MEBIBYTE), None, True),
    ),
)
def test_ratio_and_targets_of_a_row(row: Row, ratio: float | None, met: bool | None) -> None:
    """The ratio is one of medians; without a rival only memory has a target."""
    assert (row.ratio, row.is_met) == (ratio, met)
    assert {True: '| yes |', False: '| no |', None: '|  |'}[met] in table([row])


def test_command_writes_tables(tmp_path: Path) -> None:
    """A run ends with a table in Markdown and in JSON, or with one line that says why not."""
    (tmp_path / 'names').write_text('a-1.0.zip\nb c-1.0.zip\nb-1.0-py3-none-any.whl\n')
    command = [
        sys.executable, '-m', 'testing.benchmark', '--names', str(tmp_path / 'names'),
        '--size', '3', '--repeats', '1', '--folder', str(tmp_path), '--output',
        str(tmp_path / 'tables'),
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    # One of the names is bad: a build of them has not all files.
    assert done.returncode == 1
    assert done.stderr.startswith('benchmark: ')
    (tmp_path / 'names').write_text('a-1.0.zip\nb-1.0.zip\nb-1.0-py3-none-any.whl\n')
    subprocess.run(command, check=True, capture_output=True, text=True)
    rows = json.loads((tmp_path / 'tables/benchmark.json').read_text())
    assert [row['what'] for row in rows][:2] == [
        'full build, 3 files', 'rebuild, 3 files and one more',
    ]
    assert (tmp_path / 'tables/benchmark.md').read_text().count('\n| ') == 6


def test_baseline_is_compared_at_each_size(tmp_path: Path) -> None:
    """Every row of ours is next to one of the baseline, on the same list."""
    command = [
        sys.executable, '-m', 'testing.benchmark', '--size', '3', '--scale', '2', '4',
        '--baseline', str(Path(sys.executable).with_name('dumb-pypi')), '--repeats', '1',
        '--folder', str(tmp_path), '--output', str(tmp_path / 'tables'),
    ]
    subprocess.run(command, check=True, capture_output=True)
    rows = [
        (row['what'], row['target'], row['at_most'])
        for row in json.loads((tmp_path / 'tables/benchmark.json').read_text())
        if row['rival_name'] == 'baseline'
    ]
    assert rows == [
        (what, 1.05, True) for size in (3, 4) for what in (
            f'full build, {size} files', f'rebuild, {size} files and one more',
            f'rebuild, {size} files, nothing changed', 'first build, 300 files',
        )
    ]

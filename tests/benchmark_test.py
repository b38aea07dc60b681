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
from testing import benchmark, benchmark_runs
from testing.benchmark import Bench, Contestant, Rival
from testing.benchmark_runs import BenchmarkError, check_tree, Lists, Program
from testing.benchmark_table import MEBIBYTE, Row, Run, table
from testing.floor import read_tree, write_parts
from testing.make_package_list import Line, lines

PROGRAM = Program([sys.executable, '-m', 'dumb_pypi', '-q'], previous=False)
RIVAL = Program([sys.executable, '-m', 'dumb_pypi', '-q'], previous=True)


def some(count: int, seed: int = 0) -> list[Line]:
    return list(lines(count, seed))


def lists(folder: Path, count: int = 40, *, old: bool = False) -> Lists:
    return benchmark_runs.write_lists(
        benchmark_runs.with_busy_month(some(count), count), folder / ('old' if old else 'new'),
        old=old,
    )


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
    """Two lists have one more file; the lists for 1.x have only the keys it knows."""
    new, old = lists(tmp_path), lists(tmp_path, old=True)
    assert new.files == old.files == 40
    for made in (new, old):
        timestamps = [
            json.loads(line)['upload_timestamp'] for line in made.all.read_text().splitlines()
        ]
        for path, timestamp in (
            (made.more, benchmark_runs.THIS_MONTH + 28 * 86400), (made.backdated, min(timestamps)),
        ):
            assert path.read_bytes() == made.all.read_bytes() + msgspec.json.encode(
                benchmark_runs.added(timestamp),
            ) + b'\n'
        assert max(timestamps) < benchmark_runs.THIS_MONTH + 28 * 86400
        # A quarter was moved there; no other line is as new.
        assert sum(stamp >= benchmark_runs.THIS_MONTH for stamp in timestamps) == 10
    keys = {key for line in old.more.read_text().splitlines() for key in json.loads(line)}
    assert keys <= set(benchmark_runs.OLD_KEYS)
    assert len(old.all.read_text().splitlines()) == 40


def script(place: Path, text: str) -> Program:
    place.write_text(f'#!/bin/sh\n{text}\n')
    place.chmod(place.stat().st_mode | stat.S_IXUSR)
    return Program([str(place)], previous=False)


def test_program_that_writes_nothing_fails(tmp_path: Path) -> None:
    """The time of a build without a tree does not count."""
    program = script(tmp_path / 'lazy', 'exit 0')
    bench = Bench(tmp_path / 'place', 1)
    (tmp_path / 'place').mkdir()
    made = lists(tmp_path)
    with pytest.raises(OSError, match=r'packages\.json'):
        bench.full(Contestant(program, made, tmp_path))()


def test_program_that_skips_files_fails(tmp_path: Path) -> None:
    """Every file must be in packages.json and on a simple page."""
    made = lists(tmp_path)
    PROGRAM.build(made.all, tmp_path / 'tree')
    check_tree(tmp_path / 'tree', 40)
    check_tree(tmp_path / 'tree', 45)
    with pytest.raises(BenchmarkError, match=r'projects, 40 files listed and 40 linked, of 60'):
        check_tree(tmp_path / 'tree', 60)
    page = next((tmp_path / 'tree/simple').glob('*/index.html'))
    page.write_text(page.read_text().replace('<a', '<b'))
    for other in (tmp_path / 'tree/simple').glob('*/index.html'):
        other.write_text('')
    with pytest.raises(BenchmarkError, match='and 0 linked'):
        check_tree(tmp_path / 'tree', 40)


def test_rebuild_without_the_file_fails(tmp_path: Path) -> None:
    """The page of the added file must exist after the rebuild."""
    made = lists(tmp_path)
    bench = Bench(tmp_path, 1)
    built = bench.contestant('ours', PROGRAM, made)
    lazy = built._replace(program=script(tmp_path / 'lazy', 'exit 0'))
    for measure in (bench.more, bench.backdated):
        with pytest.raises(BenchmarkError, match='has not the file that was added'):
            measure(lazy)()


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
        'import sys; from testing import benchmark_runs\n'
        'print(benchmark_runs.run([sys.executable, "-c", sys.argv[1]]).memory)'
    )
    measured = subprocess.run(
        [sys.executable, '-c', measure, program], check=True, capture_output=True, text=True,
    )
    assert 80 * MEBIBYTE < int(measured.stdout) < 160 * MEBIBYTE


def test_cpu_time_of_all_processes() -> None:
    """The CPU time has that of child processes."""
    busy = 'import time\nwhile time.process_time() < 0.2: pass'
    measured = benchmark_runs.run([sys.executable, '-c', (
        f'import subprocess, sys; subprocess.run([sys.executable, "-c", {busy!r}]); {busy}'
    )])
    assert measured.cpu > 0.4


@pytest.mark.parametrize('processes', (1, 2, 3))
def test_floor_writes_the_same_files(tmp_path: Path, processes: int) -> None:
    """The plain loops write every file of the tree, with the same bytes."""
    made = lists(tmp_path)
    PROGRAM.build(made.all, tmp_path / 'tree')
    files = read_tree(tmp_path / 'tree')
    assert ('simple/index.html', (tmp_path / 'tree/simple/index.html').read_bytes()) in files
    seconds, cpu = write_parts(tmp_path / 'tree', tmp_path / 'copy', processes)
    assert seconds > 0
    assert cpu > 0
    assert read_tree(tmp_path / 'copy') == files


def test_failed_floor_is_no_result(tmp_path: Path) -> None:
    """The time of a loop that could not write does not count."""
    (tmp_path / 'tree').mkdir()
    (tmp_path / 'tree/page').write_text('')
    (tmp_path / 'copy').mkdir()
    (tmp_path / 'copy/page').write_text('')
    with pytest.raises(RuntimeError, match='could not write'):
        write_parts(tmp_path / 'tree', tmp_path / 'copy', 1)


def test_programs_are_measured_alternately(tmp_path: Path) -> None:
    """Each row has the same number of runs of either program."""
    made = lists(tmp_path)
    (tmp_path / 'place').mkdir()
    bench = Bench(tmp_path / 'place', 2)
    rival = Rival('1.x', RIVAL, lists(tmp_path, old=True), is_baseline=False)
    rows = list(benchmark.compare(bench, PROGRAM, made, rival, 100 * MEBIBYTE))
    assert [len(row.ours) for row in rows] == [2] * 7
    assert [len(row.rival) for row in rows] == [2] * 7
    assert all(run.seconds > 0 for row in rows for run in (*row.ours, *row.rival))
    assert all(run.cpu > 0 for row in rows for run in (*row.ours, *row.rival))
    assert [(row.rival_name, row.at_most) for row in rows[:6]] == [('1.x', False)] * 6
    assert [row.what for row in rows if row.files] == [
        'full build, 40 files', 'full build, 40 files, no per-release JSON', 'full build, 40 files',
    ]


def test_growth_with_the_list(tmp_path: Path) -> None:
    """Builds and rebuilds of a long list are compared with those of a short one."""
    grown = list(benchmark.scale(
        Bench(tmp_path, 1), PROGRAM, lists(tmp_path),
        benchmark_runs.write_lists(some(80), tmp_path / 'many', old=False),
    ))
    assert [(row.what, row.rival_name) for row in grown] == [
        ('full build, 80 files', '40 files'), ('one more upload now, 80 files', 'its full build'),
        ('nothing changed, 80 files', ''),
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
        (Row('x', [Run(2, 1)], [], '', None, most_seconds=2), None, True),
        (Row('x', [Run(2, 1)], [], '', None, most_seconds=1.9), None, False),
        (Row('x', [Run(2, 1, 3)], [], '', None, most_cpu=30, files=100_000), None, True),
        (Row('x', [Run(2, 1, 3)], [], '', None, most_cpu=29, files=100_000), None, False),
    ),
)
def test_ratio_and_targets_of_a_row(row: Row, ratio: float | None, met: bool | None) -> None:
    """The ratio is one of medians; without a rival there is none."""
    assert (row.ratio, row.is_met) == (ratio, met)
    assert {True: '| yes |', False: '| no |', None: '|  |'}[met] in table([row])


def test_table_shows_cpu_per_file() -> None:
    """Full builds have microseconds of CPU per file, ours and the rival's, and all targets."""
    row = Row(
        'full', [Run(1, MEBIBYTE, 2), Run(3, MEBIBYTE, 4)], [Run(8, 0, 6)], '1.x', 4,
        most_memory=2 * MEBIBYTE, most_cpu=85, files=100_000,
    )
    assert table([row]).splitlines()[-1] == (
        '| full | 2.000 | 1.000 | 3.000 | 3.00 | 30.0 | 1 | 1.x | 8.000 | 6.00 | 60.0 | 4 '
        '| ≥ 4, ≤ 2 MiB, ≤ 85 µs | yes |'
    )


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
    assert [row['what'] for row in rows][:3] == [
        'full build, 3 files', 'full build, 3 files, no per-release JSON',
        'one more upload now, 3 files',
    ]
    assert (tmp_path / 'tables/benchmark.md').read_text().count('\n| ') == 9


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
            f'full build, {size} files', f'full build, {size} files, no per-release JSON',
            f'one more upload now, {size} files',
            f'one more upload in the oldest month, {size} files',
            f'nothing changed, {size} files', f'first build, {size} files',
        )
    ]

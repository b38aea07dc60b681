"""Measure builds: ours, those of another program, and writing the same files in a plain loop.

`make bench` runs it. The runs of the programs alternate, on a RAM disk if there is one. The table
has medians, their ratio, CPU time, and the memory of the largest process. Each tree is checked
before its time counts: a build that wrote nothing cannot win.

To compare two versions of dumb-pypi, install each into an environment of its own, then run
`python -m testing.benchmark --program NEW/bin/dumb-pypi --baseline OLD/bin/dumb-pypi`.

`--stages`, `--peers` and `--whole` measure something else instead: see `benchmark_stages`,
`benchmark_peers` and `benchmark_whole`.
"""
from __future__ import annotations

import argparse
import datetime
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from dumb_pypi.process import usable_cpus
from testing import benchmark_peers, benchmark_stages, benchmark_whole
from testing.benchmark_runs import (
    ADDED_PAGE,
    BenchmarkError,
    check_tree,
    dressed,
    Lists,
    Program,
    RAM_DISK,
    SMALL,
    with_busy_month,
    write_lists,
)
from testing.benchmark_table import MEBIBYTE, Row, Run, table
from testing.make_package_list import lines as made_lines

NO_RELEASES = ('--no-per-release-json',)
# How many times the baseline's time we may take.
MOST_OF_BASELINE = 1.05
MOST_CPU = 85  # microseconds per file
MOST_MEMORY = 100 * MEBIBYTE
MOST_MEMORY_OF_MANY = 350 * MEBIBYTE


class Rival(NamedTuple):
    """A program to compare with, and the lists that it reads.

    A baseline is an earlier dumb-pypi of ours: we may not be slower. 1.x must be much slower.
    """
    name: str
    program: Program
    lists: Lists
    is_baseline: bool


class Contestant(NamedTuple):
    """A program to measure, its lists, and a tree of the whole list."""
    program: Program
    lists: Lists
    tree: Path


class Work(NamedTuple):
    """What the programs do in a row of the table, and how many times faster than 1.x we must be.

    A full build has a number of files.
    """
    what: str
    measure: Callable[[Contestant], Callable[[], Run]]
    times_faster: float
    files: int | None = None
    most_memory: int | None = None
    most_cpu: float | None = None


class Bench:
    """Measures programs on a list, each in a folder of its own."""

    def __init__(self, folder: Path, repeats: int) -> None:
        self._folder = folder
        self._repeats = repeats

    def contestant(self, name: str, program: Program, lists: Lists) -> Contestant:
        """Build a tree of the whole list."""
        tree = self._folder / f'{name} {lists.files}'
        tree.mkdir()
        program.build(lists.all, tree)
        check_tree(tree, lists.files)
        return Contestant(program, lists, tree)

    def full(self, one: Contestant) -> Callable[[], Run]:
        return lambda: self._fresh(one.program, one.lists.all, one.lists.files)

    def without_releases(self, one: Contestant) -> Callable[[], Run]:
        return lambda: self._fresh(one.program, one.lists.all, one.lists.files, NO_RELEASES)

    def small(self, one: Contestant) -> Callable[[], Run]:
        return lambda: self._fresh(one.program, one.lists.small, min(SMALL, one.lists.files))

    def more(self, one: Contestant) -> Callable[[], Run]:
        return lambda: self._one_more(one, one.lists.more)

    def backdated(self, one: Contestant) -> Callable[[], Run]:
        return lambda: self._one_more(one, one.lists.backdated)

    def same(self, one: Contestant) -> Callable[[], Run]:
        return lambda: one.program.build(one.lists.all, one.tree, one.lists.all)

    def floor(self, tree: Path, processes: int) -> Callable[[], Run]:
        """Write the files of a tree from memory in plain loops."""
        target = self._folder / 'floor'
        command = [sys.executable, '-m', 'testing.floor', str(tree), str(target), str(processes)]

        def measure() -> Run:
            seconds, cpu = map(float, subprocess.run(
                command, check=True, capture_output=True, text=True,
            ).stdout.split())
            shutil.rmtree(target)
            return Run(seconds, 0, cpu)
        return measure

    def interleaved(self, *measures: Callable[[], Run]) -> list[list[Run]]:
        """Every measure's runs, taken in turn."""
        rounds = [[measure() for measure in measures] for _ in range(self._repeats)]
        return [list(runs) for runs in zip(*rounds, strict=True)]

    def _fresh(
            self, program: Program, package_list: Path, files: int, options: Sequence[str] = (),
    ) -> Run:
        tree = self._folder / 'fresh'
        tree.mkdir()
        measured = program.build(package_list, tree, options=options)
        check_tree(tree, files)
        shutil.rmtree(tree)
        return measured

    def _one_more(self, one: Contestant, package_list: Path) -> Run:
        """Rebuild with one file more; the tree is again that of the whole list after."""
        measured = one.program.build(package_list, one.tree, one.lists.all)
        if not (one.tree / ADDED_PAGE).is_file():
            raise BenchmarkError(f'{one.tree} has not the file that was added')
        one.program.build(one.lists.all, one.tree, package_list)
        return measured


def compare(
        bench: Bench, ours: Program, lists: Lists, rival: Rival | None, most_memory: int,
) -> Iterator[Row]:
    """Yield the rows that compare us with another program, whose runs alternate with ours."""
    contestants = [bench.contestant('ours', ours, lists)]
    if rival is not None:
        contestants.append(bench.contestant(rival.name, rival.program, rival.lists))
    files = lists.files
    works = (
        Work(f'full build, {files:,} files', bench.full, 4, files, most_memory, MOST_CPU),
        Work(f'full build, {files:,} files, no per-release JSON', bench.without_releases, 2.8,
             files),
        Work(f'one more upload now, {files:,} files', bench.more, 30),
        Work(f'one more upload in the oldest month, {files:,} files', bench.backdated, 15),
        Work(f'nothing changed, {files:,} files', bench.same, 34),
        Work(f'first build, {min(SMALL, files)} files', bench.small, 1.2),
    )
    is_baseline = rival is not None and rival.is_baseline
    for work in works:
        runs = bench.interleaved(*map(work.measure, contestants))
        yield Row(
            work.what, runs[0], runs[1] if rival is not None else [],
            '' if rival is None else rival.name,
            MOST_OF_BASELINE if is_baseline else work.times_faster,
            at_most=is_baseline, most_memory=work.most_memory, most_cpu=work.most_cpu,
            files=work.files,
        )
    processes = usable_cpus()
    full, floor = bench.interleaved(
        bench.full(contestants[0]), bench.floor(contestants[0].tree, processes),
    )
    yield Row(
        f'full build, {files:,} files', full, floor, f'writing its files, {processes} processes',
        3.5, at_most=True, files=files,
    )


def scale(bench: Bench, ours: Program, small: Lists, large: Lists) -> Iterator[Row]:
    """Yield the rows that tell how time and memory grow with the list."""
    # Before there is another tree: a RAM disk may have no room for two large ones.
    few, many = bench.interleaved(*(
        bench.full(Contestant(ours, lists, Path())) for lists in (small, large)
    ))
    contestant = bench.contestant('large', ours, large)
    number = f'{large.files:,} files'
    yield Row(
        f'full build, {number}', many, few, f'{small.files:,} files',
        1.05 * large.files / small.files, at_most=True, most_memory=MOST_MEMORY_OF_MANY,
    )
    more, same = bench.interleaved(bench.more(contestant), bench.same(contestant))
    yield Row(f'one more upload now, {number}', more, many, 'its full build', 0.015, at_most=True)
    yield Row(f'nothing changed, {number}', same, [], '', None, most_seconds=0.4)


def main() -> int:
    args = _parsed_arguments()
    command = [sys.executable, '-m', 'dumb_pypi'] if args.program is None else [str(args.program)]
    python = Path(sys.executable) if args.program is None else args.program.with_name('python')
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        folder = Path(name)
        if args.stages:
            lists = _make_lists(args, folder, args.size)
            results = benchmark_stages.measure(
                python, command, lists, folder, args.repeats,
            )
            _report(args, 'stages', benchmark_stages.table(results, lists.files), results)
        if args.peers:
            peers = benchmark_peers.measure(
                command, folder, args.output / 'peers', args.wheels, args.repeats,
            )
            _report(args, 'peers', benchmark_peers.table(peers), peers)
        if args.whole is not None:
            wholes = [
                benchmark_whole.measure([*command, '-q', *NO_RELEASES], size, folder)
                for size in args.whole
            ]
            _report(args, 'whole', benchmark_whole.table(wholes), wholes)
        if not (args.stages or args.peers or args.whole is not None):
            rows = [*_rows(args, Program([*command, '-q'], previous=False), folder)]
            _report(args, 'benchmark', table(rows), rows)
    return 0


def _parsed_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--names', type=Path, help='a file of file names; else names are made up')
    parser.add_argument('--size', type=int, default=71_408, help='files, where names are made up')
    parser.add_argument('--program', type=Path, help='the dumb-pypi to measure; else this one')
    others = parser.add_mutually_exclusive_group()
    others.add_argument('--rival', type=Path, help='the dumb-pypi of a 1.x to compare with')
    others.add_argument(
        '--baseline', type=Path, help='another dumb-pypi of ours, an earlier one, to compare with',
    )
    parser.add_argument(
        '--scale', type=int, nargs=2, metavar=('FEW', 'MANY'),
        help='sizes of lists between which time is to grow in proportion',
    )
    parser.add_argument('--repeats', type=int, default=5, help='runs of each')
    parser.add_argument('--scale-repeats', type=int, default=3, help='runs of each for --scale')
    parser.add_argument(
        '--stages', action='store_true', help='measure the stages of a full build instead',
    )
    parser.add_argument(
        '--peers', action='store_true',
        help='compare with other generators on a folder of wheels instead',
    )
    parser.add_argument('--wheels', type=int, default=3000, help='wheels in the folder of --peers')
    parser.add_argument(
        '--whole', type=int, nargs='+', metavar='FILES',
        help='build once for each number of files instead, and extrapolate to the public index',
    )
    parser.add_argument(
        '--folder', type=Path, default=RAM_DISK if RAM_DISK.is_dir() else Path(),
        help='where to build: a RAM disk is best',
    )
    parser.add_argument('--output', type=Path, default=Path('bench'), help='where to put tables')
    return parser.parse_args()


def _make_lists(
        args: argparse.Namespace, folder: Path, size: int, *, old: bool = False,
) -> Lists:
    """Write lists of so many files, or of the names that were given instead of the default size."""
    lines = made_lines(size)
    if args.names is not None and size == args.size:
        names = args.names.read_text().split('\n')[:-1]
        lines, size = dressed(names), len(names)
    return write_lists(
        with_busy_month(lines, size), folder / f'{"old" if old else "new"} {size}', old=old,
    )


def _rows(args: argparse.Namespace, ours: Program, folder: Path) -> Iterator[Row]:
    bench = Bench(folder, args.repeats)
    lists = _make_lists(args, folder, args.size)
    rival = None
    if args.baseline is not None:
        baseline = Program([str(args.baseline), '-q'], previous=False)
        rival = Rival('baseline', baseline, lists, is_baseline=True)
    elif args.rival is not None:
        rival = Rival(
            '1.x', Program([str(args.rival)], previous=True),
            _make_lists(args, folder, args.size, old=True), is_baseline=False,
        )
    yield from _shown(compare(bench, ours, lists, rival, MOST_MEMORY))
    if args.scale is None:
        return
    bench = Bench(folder, args.scale_repeats)
    few, many = (_make_lists(args, folder, size) for size in args.scale)
    yield from _shown(scale(bench, ours, few, many))
    if rival is not None and rival.is_baseline:
        rival = rival._replace(lists=many)
        yield from _shown(compare(bench, ours, many, rival, MOST_MEMORY_OF_MANY))


def _shown(rows: Iterable[Row]) -> Iterator[Row]:
    """Print each row when it is measured."""
    for row in rows:
        print(table([row]).splitlines()[-1], flush=True)
        yield row


def _report(args: argparse.Namespace, name: str, text: str, data: object) -> None:
    """Print a table, and write it to the folder of tables, with its data."""
    about = (
        f'Python {platform.python_version()}, {os.cpu_count()} processors, '
        f'{datetime.datetime.now(datetime.UTC):%Y-%m-%d}\n'
    )
    args.output.mkdir(exist_ok=True)
    (args.output / f'{name}.json').write_bytes(msgspec.json.format(msgspec.json.encode(data)))
    (args.output / f'{name}.md').write_text(f'{about}\n{text}')
    print(f'\n{about}\n{text}')


if __name__ == '__main__':
    try:
        raise SystemExit(main())
    except BenchmarkError as error:
        raise SystemExit(f'benchmark: {error}') from None

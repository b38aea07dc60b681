"""Measure builds: ours, those of another program, and writing the same files in a plain loop.

`make bench` runs it. The runs of the programs alternate, on a RAM disk if there is one. The table
has medians, their ratio, and the memory of the largest process. Each tree is checked before its
time counts: a build that wrote nothing cannot win.

To compare two versions of dumb-pypi, install each into an environment of its own, then run
`python -m testing.benchmark --program NEW/bin/dumb-pypi --baseline OLD/bin/dumb-pypi`.
"""
from __future__ import annotations

import argparse
import datetime
import hashlib
import os
import platform
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from testing.benchmark_table import MEBIBYTE, Row, Run, table
from testing.make_package_list import Line, PEOPLE, requirements
from testing.make_package_list import lines as made_lines

PACKAGES_URL = '../../pool/'
# What 1.x knows; it refuses a list with any other key.
OLD_KEYS = (
    'filename', 'hash', 'requires_dist', 'requires_python', 'core_metadata', 'uploaded_by',
    'upload_timestamp', 'yanked_reason',
)
ADDED: Line = {
    'filename': 'one_file_more-1.0.tar.gz', 'hash': f'sha256={"0" * 64}',
    'upload_timestamp': 1788220800, 'uploaded_by': 'ana',
}
ADDED_PAGE = 'simple/one-file-more/index.html'
RAM_DISK = Path('/dev/shm')  # noqa: S108 - tempfile creates a private folder in it
SMALL = 300
# How many times the baseline's time we may take.
MOST_OF_BASELINE = 1.05
MOST_MEMORY = 100 * MEBIBYTE
MOST_MEMORY_OF_MANY = 400 * MEBIBYTE


class BenchmarkError(Exception):
    """A build failed, or did not write what it should have."""


class Program(NamedTuple):
    """A program to measure; `previous` tells whether a rebuild needs the previous list."""
    command: Sequence[str]
    previous: bool

    def build(self, package_list: Path, output_dir: Path, last: Path | None = None) -> Run:
        """Run one build.

        Raises:
            BenchmarkError: it failed.
        """
        command = [
            *self.command, '--package-list-json', str(package_list),
            '--packages-url', PACKAGES_URL, '--output-dir', str(output_dir),
        ]
        if self.previous and last is not None:
            command += ['--previous-package-list-json', str(last)]
        return run(command)


class Rival(NamedTuple):
    """A program to compare with, and the lists that it reads.

    A baseline is an earlier dumb-pypi of ours: we may not be slower. 1.x is to be much slower.
    """
    name: str
    program: Program
    lists: Lists
    is_baseline: bool


class Lists(NamedTuple):
    """A list of `files` files, the same with one more file, and its first lines."""
    all: Path
    more: Path
    small: Path
    files: int


def run(command: Sequence[str]) -> Run:
    """Run a command to its end.

    Raises:
        BenchmarkError: it failed.
    """
    with tempfile.TemporaryFile() as messages:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=messages, stderr=messages, env=_environment())
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            messages.seek(0)
            text = messages.read().decode(errors='replace')[-500:]
            raise BenchmarkError(f'{command[0]} ended with {process.returncode}: {text}')
    # Kibibytes, but on macOS, where it is bytes.
    unit = 1 if sys.platform == 'darwin' else 1024
    return Run(seconds, usage.ru_maxrss * unit)


def _environment() -> dict[str, str]:
    # Both programs may keep what they compiled, as they do for nearly all who run them.
    return {
        name: value for name, value in os.environ.items() if name != 'PYTHONDONTWRITEBYTECODE'
    }


def check_tree(tree: Path, files: int) -> None:
    """See that a build wrote an index of about so many files.

    Raises:
        BenchmarkError: it did not.
    """
    # A program's memory counts with that of the process that starts it: ours is to stay small.
    with (tree / 'packages.json').open('rb') as lines:
        listed = sum(1 for _ in lines)
    projects = len(list((tree / 'simple').glob('*/index.html')))
    links = sum(
        page.read_bytes().count(b'<a') for page in (tree / 'simple').glob('*/index.html')
    )
    # 1.x refuses about a tenth of real names.
    if not projects or min(listed, links) < 0.85 * files:
        raise BenchmarkError(
            f'{tree} has {projects} projects, {listed} files listed and {links} linked, of {files}',
        )


def dressed(names: Iterable[str]) -> Iterator[Line]:
    """Lines for bare file names, with what a list usually knows."""
    chance = random.Random(0)
    for name in names:
        digest = hashlib.sha256(name.encode()).hexdigest()
        yield {
            'filename': name, 'hash': f'sha256={digest}', 'size': chance.randrange(10_000_000),
            'upload_timestamp': chance.randrange(1262304000, 1704067200),
            'uploaded_by': chance.choice(PEOPLE), 'requires_python': '>=3.6',
            'requires_dist': requirements(chance), 'core_metadata': f'sha256={digest}',
        }


def write_lists(lines: Iterable[Line], folder: Path, *, old: bool) -> Lists:
    """Write the lists of a benchmark, for 1.x with the keys that it knows."""
    lists = Lists(folder / 'all.jsonl', folder / 'more.jsonl', folder / 'small.jsonl', 0)
    encode = msgspec.json.Encoder().encode
    folder.mkdir(parents=True)
    files = 0
    with lists.all.open('wb') as all_lines, lists.small.open('wb') as small:
        for line in lines:
            known = {key: line[key] for key in OLD_KEYS if key in line} if old else line
            all_lines.write(encode(known) + b'\n')
            if files < SMALL:
                small.write(encode(known) + b'\n')
            files += 1
    shutil.copy(lists.all, lists.more)
    with lists.more.open('ab') as more:
        more.write(encode(ADDED) + b'\n')
    return lists._replace(files=files)


class Bench:
    """Measures programs on a list, each in a folder of its own."""

    def __init__(self, folder: Path, repeats: int) -> None:
        self._folder = folder
        self._repeats = repeats

    def full(self, program: Program, lists: Lists) -> Callable[[], Run]:
        return lambda: self._fresh(program, lists.all, lists.files)

    def small(self, program: Program, lists: Lists) -> Callable[[], Run]:
        return lambda: self._fresh(program, lists.small, min(SMALL, lists.files))

    def more(self, program: Program, lists: Lists, tree: Path) -> Callable[[], Run]:
        """A rebuild with one file more, in a tree of the whole list, which it is again after."""
        def measure() -> Run:
            measured = program.build(lists.more, tree, lists.all)
            if not (tree / ADDED_PAGE).is_file():
                raise BenchmarkError(f'{tree} has not the file that was added')
            program.build(lists.all, tree, lists.more)
            return measured
        return measure

    def same(self, program: Program, lists: Lists, tree: Path) -> Callable[[], Run]:
        return lambda: program.build(lists.all, tree, lists.all)

    def floor(self, tree: Path) -> Callable[[], Run]:
        """Write the files of a tree from memory by a plain loop."""
        command = [sys.executable, '-m', 'testing.floor', str(tree), str(self._folder / 'floor')]

        def measure() -> Run:
            seconds = float(subprocess.run(
                command, check=True, capture_output=True, text=True,
            ).stdout)
            shutil.rmtree(self._folder / 'floor')
            return Run(seconds, 0)
        return measure

    def tree(self, program: Program, lists: Lists, name: str) -> Path:
        """A tree of the whole list."""
        tree = self._folder / name
        tree.mkdir()
        program.build(lists.all, tree)
        check_tree(tree, lists.files)
        return tree

    def interleaved(self, *measures: Callable[[], Run]) -> list[list[Run]]:
        """Every measure's runs, taken in turn."""
        rounds = [[measure() for measure in measures] for _ in range(self._repeats)]
        return [list(runs) for runs in zip(*rounds, strict=True)]

    def _fresh(self, program: Program, package_list: Path, files: int) -> Run:
        tree = self._folder / 'fresh'
        tree.mkdir()
        measured = program.build(package_list, tree)
        check_tree(tree, files)
        shutil.rmtree(tree)
        return measured


def compare(
        bench: Bench, ours: Program, lists: Lists, rival: Rival | None, most_memory: int,
) -> Iterator[Row]:
    """Yield the rows that compare us with another program, whose runs alternate with ours."""
    tree = bench.tree(ours, lists, f'ours {lists.files}')
    contestants = [(ours, lists, tree)]
    if rival is not None:
        its_tree = bench.tree(rival.program, rival.lists, f'{rival.name} {lists.files}')
        contestants.append((rival.program, rival.lists, its_tree))
    number = f'{lists.files:,} files'
    rows: tuple[tuple[str, Callable[..., Callable[[], Run]], bool, float, int | None], ...] = (
        (f'full build, {number}', bench.full, False, 10, most_memory),
        (f'rebuild, {number} and one more', bench.more, True, 25, None),
        (f'rebuild, {number}, nothing changed', bench.same, True, 20, None),
        (f'first build, {SMALL} files', bench.small, False, 1, None),
    )
    for what, measure, in_tree, times_faster, memory in rows:
        runs = bench.interleaved(*(
            measure(program, its_lists, its_tree) if in_tree else measure(program, its_lists)
            for program, its_lists, its_tree in contestants
        ))
        is_baseline = rival is not None and rival.is_baseline
        yield Row(
            what, runs[0], runs[1] if rival is not None else [],
            '' if rival is None else rival.name, MOST_OF_BASELINE if is_baseline else times_faster,
            at_most=is_baseline, most_memory=memory,
        )
    full, floor = bench.interleaved(bench.full(ours, lists), bench.floor(tree))
    yield Row(
        f'full build, {number}', full, floor, 'writing its files', 2.5, at_most=True,
    )


def scale(bench: Bench, ours: Program, small: Lists, large: Lists) -> Iterator[Row]:
    """The rows that tell how time and memory grow with the list."""
    few, many = bench.interleaved(bench.full(ours, small), bench.full(ours, large))
    yield Row(
        f'full build, {large.files:,} files', many, few, f'{small.files:,} files',
        1.1 * large.files / small.files, at_most=True, most_memory=MOST_MEMORY_OF_MANY,
    )
    tree = bench.tree(ours, large, 'large')
    more = bench.interleaved(bench.more(ours, large, tree))[0]
    yield Row(
        f'rebuild, {large.files:,} files and one more', more, many, 'its full build', 0.06,
        at_most=True,
    )


def main() -> int:
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
    parser.add_argument(
        '--folder', type=Path, default=RAM_DISK if RAM_DISK.is_dir() else Path(),
        help='where to build: a RAM disk is best',
    )
    parser.add_argument('--output', type=Path, default=Path('bench'), help='where to put tables')
    args = parser.parse_args()
    command = [sys.executable, '-m', 'dumb_pypi'] if args.program is None else [str(args.program)]
    ours = Program([*command, '-q'], previous=False)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        folder = Path(name)

        def make_lists(size: int, *, old: bool = False) -> Lists:
            lines = made_lines(size) if args.names is None or size != args.size else dressed(
                args.names.read_text().split('\n')[:-1],
            )
            return write_lists(lines, folder / f'{"old" if old else "new"} {size}', old=old)

        def rival_for(lists: Lists) -> Rival | None:
            if args.baseline is not None:
                program = Program([str(args.baseline), '-q'], previous=False)
                return Rival('baseline', program, lists, is_baseline=True)
            if args.rival is not None and lists.files == args.size:
                program = Program([str(args.rival)], previous=True)
                return Rival('1.x', program, make_lists(args.size, old=True), is_baseline=False)
            return None

        bench = Bench(folder, args.repeats)
        lists = make_lists(args.size)
        _show(rows, compare(bench, ours, lists, rival_for(lists), MOST_MEMORY))
        if args.scale is not None:
            few, many = map(make_lists, args.scale)
            _show(rows, scale(bench, ours, few, many))
            if args.baseline is not None:
                _show(rows, compare(bench, ours, many, rival_for(many), MOST_MEMORY_OF_MANY))
    args.output.mkdir(exist_ok=True)
    about = (
        f'Python {platform.python_version()}, {os.cpu_count()} processors, '
        f'{datetime.datetime.now(datetime.UTC):%Y-%m-%d}; medians of {args.repeats} runs\n'
    )
    (args.output / 'benchmark.json').write_bytes(msgspec.json.format(msgspec.json.encode(rows)))
    (args.output / 'benchmark.md').write_text(f'{about}\n{table(rows)}')
    print(f'\n{about}\n{table(rows)}')
    return 0


def _show(rows: list[Row], more: Iterable[Row]) -> None:
    for row in more:
        rows.append(row)
        print(table([row]).splitlines()[-1], flush=True)


if __name__ == '__main__':
    try:
        raise SystemExit(main())
    except BenchmarkError as error:
        raise SystemExit(f'benchmark: {error}') from None

"""Measure what an index as large as the public one takes: CPU, memory, inodes and bytes.

One build of a list of millions of files is extrapolated in proportion, two along the line through
both: part of the memory does not grow with the list.
"""
from __future__ import annotations

import os
import shutil
import threading
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import msgspec

from testing.benchmark_runs import BenchmarkError, PACKAGES_URL, run
from testing.benchmark_table import markdown, MEBIBYTE
from testing.make_package_list import lines

WHOLE_INDEX = 17_000_000  # files on the public index
_INTERVAL = 0.5  # seconds between two samples of the memory
_GIBIBYTE = 1 << 30


class Whole(msgspec.Struct):
    """A build of a list of so many files, or an extrapolation of one.

    `memory` is the largest sum that all processes had at one moment, pages shared between them
    counted once; None where there is no /proc. `size` is what the files take on the disk,
    `list_size` what the list does, both in bytes.
    """
    files: float
    seconds: float
    cpu: float
    memory: float | None
    largest_process: float
    inodes: float
    size: float
    list_size: float


_NOTHING = Whole(0, 0, 0, 0, 0, 0, 0, 0)


def measure(command: Sequence[str], files: int, folder: Path) -> Whole:
    """Build an index of so many files in a folder, and remove it.

    Raises:
        BenchmarkError: the build failed, or did not list all files.
    """
    package_list, tree = folder / 'whole.jsonl', folder / 'whole'
    encode = msgspec.json.Encoder().encode
    with package_list.open('wb') as stream:
        stream.writelines(encode(line) + b'\n' for line in lines(files))
    with Memory() as memory:
        measured = run([
            *command, '--package-list-json', str(package_list), '--packages-url', PACKAGES_URL,
            '--output-dir', str(tree),
        ])
    with (tree / 'packages.json').open('rb') as listed:
        found = sum(1 for _ in listed)
    if found != files:
        raise BenchmarkError(f'{tree} lists {found:,} of {files:,} files')
    inodes, size = _taken(tree)
    whole = Whole(
        files, measured.seconds, measured.cpu, memory.peak, measured.memory, inodes, size,
        package_list.stat().st_size,
    )
    shutil.rmtree(tree)
    package_list.unlink()
    return whole


class Memory:
    """Samples the memory of the descendants that this process gets in a `with` statement.

    `peak` is the largest sum of a sample in bytes, None if the system has no /proc.
    """

    def __init__(self, interval: float = _INTERVAL) -> None:
        self.peak: int | None = None
        self._interval = interval
        self._others: set[int] = set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._others = {*descendants(os.getpid())}
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(self._interval):
            new = {*descendants(os.getpid())} - self._others
            sizes = [_memory_of(process) for process in new]
            known = [size for size in sizes if size is not None]
            if known:
                self.peak = max(self.peak or 0, sum(known))


def descendants(process: int) -> list[int]:
    """Return the processes that a process started, and those that they started.

    Where there is no /proc, return none.
    """
    children: dict[int, list[int]] = defaultdict(list)
    for place in Path('/proc').glob('[0-9]*/stat'):
        try:
            # The name of the program, in brackets, may have spaces.
            parent = int(place.read_text().rpartition(')')[2].split()[1])
        except OSError:
            continue  # it has ended
        children[parent].append(int(place.parent.name))
    found = [process]
    for one in found:
        found.extend(children[one])
    return found[1:]


def _memory_of(process: int) -> int | None:
    """Return a process's proportional share of memory, None if it has ended."""
    try:
        lines = Path(f'/proc/{process}/smaps_rollup').read_text().splitlines()
    except OSError:
        return None
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith('Pss:'))


def _taken(tree: Path) -> tuple[int, int]:
    """Return how many inodes and bytes of the disk a tree takes."""
    inodes = size = 0
    folders = [str(tree)]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                inodes += 1
                size += 512 * entry.stat(follow_symlinks=False).st_blocks
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
    return inodes, size


def extrapolate(wholes: Sequence[Whole], files: int) -> Whole:
    """Return what so many files take, on the line through the two largest builds, or from 0."""
    *_, smaller, larger = sorted([_NOTHING, *wholes], key=lambda whole: whole.files)
    by = (files - larger.files) / (larger.files - smaller.files)

    def number(key: str) -> float | None:
        low, high = getattr(smaller, key), getattr(larger, key)
        return None if low is None or high is None else high + by * (high - low)

    return msgspec.convert({key: number(key) for key in Whole.__struct_fields__}, Whole)


def table(wholes: Sequence[Whole]) -> str:
    """Return the builds in Markdown, and what the public index would take."""
    return 'Without per-release JSON:\n\n' + markdown(
        ('files', 'minutes', 'CPU minutes', 'µs/file', 'MiB of all processes',
         'MiB of the largest', 'inodes', 'GiB', 'GiB of the list'),
        [
            *(_row(f'{whole.files:,.0f}', whole) for whole in wholes),
            _row(f'{WHOLE_INDEX:,} (extrapolated)', extrapolate(wholes, WHOLE_INDEX)),
        ], texts={'files'},
    )


def _row(files: str, whole: Whole) -> list[str]:
    return [
        files, f'{whole.seconds / 60:.1f}', f'{whole.cpu / 60:.1f}',
        f'{1e6 * whole.cpu / whole.files:.1f}',
        '' if whole.memory is None else f'{whole.memory / MEBIBYTE:,.0f}',
        f'{whole.largest_process / MEBIBYTE:,.0f}', f'{whole.inodes:,.0f}',
        f'{whole.size / _GIBIBYTE:.1f}', f'{whole.list_size / _GIBIBYTE:.1f}',
    ]

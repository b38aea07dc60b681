"""Compare the time of `dumb-pypi scan` with programs that do only the least of its work.

`python -m testing.benchmark_scan` makes folders, on a RAM disk if there is one, runs the programs
alternately and prints a table.
"""
from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

from dumb_pypi.process import usable_cpus
from testing import distributions
from testing.benchmark_runs import RAM_DISK

RUNS = 9
LARGE_FILES = 8
LARGE_SIZE = 64 * 2 ** 20  # bytes
SMALL_FILES = 10_000

Command = Sequence[str]

_LIST = '''\
import os, sys
print(sorted((file.name, file.stat().st_size) for file in os.scandir(sys.argv[1])))
'''
_SCAN = (sys.executable, '-m', 'dumb_pypi', 'scan')


def main() -> int:
    print(f'{"":<52} {"min":>7} {"median":>7} {"max":>7}   seconds, {RUNS} runs')
    place = RAM_DISK if RAM_DISK.is_dir() else None
    with tempfile.TemporaryDirectory(dir=place) as folder:
        large, small = Path(folder, 'large'), Path(folder, 'small')
        _make_large(large)
        _compare(
            (f'scan of {LARGE_FILES} wheels of {LARGE_SIZE >> 20} MiB', (*_SCAN, str(large))),
            ('sha256sum', (
                'sh', '-c',
                f'find "$0" -type f -print0 | xargs -0 -n 1 -P {usable_cpus()} sha256sum',
                str(large),
            )),
        )
        for metadata in ((), ('--write-metadata',)):
            distributions.make_small_wheels(small, SMALL_FILES)
            previous = Path(folder, 'packages.jsonl')
            with previous.open('wb') as stream:
                subprocess.run([*_SCAN, *metadata, str(small)], stdout=stream, check=True)
            _compare(
                (' '.join((f'unchanged scan of {SMALL_FILES} wheels', *metadata)),
                 (*_SCAN, *metadata, '--previous', str(previous), str(small))),
                ('os.scandir and stat in Python', (sys.executable, '-c', _LIST, str(small))),
                ('find -printf', ('find', str(small), '-printf', '%s %T@ %p\n')),
            )
    return 0


def _compare(*programs: tuple[str, Command]) -> None:
    """Run programs alternately, so that other load on the machine affects all of them."""
    times: dict[str, list[float]] = {name: [] for name, _ in programs}
    for _ in range(RUNS):
        for name, command in programs:
            start = time.perf_counter()
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
            times[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    ours = next(iter(medians.values()))
    for name, taken in times.items():
        row = ' '.join(f'{value:7.3f}' for value in (min(taken), medians[name], max(taken)))
        ratio = '' if medians[name] == ours else f'   x {ours / medians[name]:.2f}'
        print(f'{name:<52} {row}{ratio}')


def _make_large(folder: Path) -> None:
    folder.mkdir()
    content = os.urandom(LARGE_SIZE)
    for number in range(LARGE_FILES):
        name = f'large_{number}-1.0-py3-none-any.whl'
        distributions.make(folder, {'filename': name})
        with zipfile.ZipFile(folder / name, 'a') as wheel:
            wheel.writestr('content', content)


if __name__ == '__main__':
    raise SystemExit(main())

"""What a benchmark measures: programs, the lists that they read, and one run of a command."""
from __future__ import annotations

import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from testing.benchmark_table import Run
from testing.make_package_list import DAY, END, Line, PEOPLE, requirements

PACKAGES_URL = '../../pool/'
RAM_DISK = Path('/dev/shm')  # noqa: S108 - tempfile creates a private folder in it
# What 1.x knows; it refuses a list with any other key.
OLD_KEYS = (
    'filename', 'hash', 'requires_dist', 'requires_python', 'core_metadata', 'uploaded_by',
    'upload_timestamp', 'yanked_reason',
)
ADDED_PAGE = 'simple/one-file-more/index.html'
SMALL = 300
# The current month of an index that is busy, and how many days of it have passed.
THIS_MONTH = END
DAYS = 28
UPLOADS_THIS_MONTH = 20_000


class BenchmarkError(Exception):
    """A build failed, or did not write what it should have."""


class Program(NamedTuple):
    """A program to measure; `previous` tells whether a rebuild needs the previous list."""
    command: Sequence[str]
    previous: bool

    def build(
            self, package_list: Path, output_dir: Path, last: Path | None = None,
            options: Sequence[str] = (),
    ) -> Run:
        """Run one build.

        Raises:
            BenchmarkError: it failed.
        """
        command = [
            *self.command, '--package-list-json', str(package_list),
            '--packages-url', PACKAGES_URL, '--output-dir', str(output_dir), *options,
        ]
        if self.previous and last is not None:
            command += ['--previous-package-list-json', str(last)]
        return run(command)


class Lists(NamedTuple):
    """A list of `files` files, and its first lines in `small`.

    `more` has one more file, uploaded now; in `backdated` it was uploaded in the oldest month.
    """
    all: Path
    more: Path
    backdated: Path
    small: Path
    files: int


def run(command: Sequence[str]) -> Run:
    """Run a command to its end.

    Raises:
        BenchmarkError: it failed.
    """
    with tempfile.TemporaryFile() as messages:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=messages, stderr=messages, env=environment())
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            messages.seek(0)
            text = messages.read().decode(errors='replace')[-500:]
            raise BenchmarkError(f'{command[0]} ended with {process.returncode}: {text}')
    # Kibibytes, but on macOS, where it is bytes.
    unit = 1 if sys.platform == 'darwin' else 1024
    return Run(seconds, usage.ru_maxrss * unit, usage.ru_utime + usage.ru_stime)


def environment() -> dict[str, str]:
    """Return environment variables with which programs keep what they compiled, as is usual."""
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


def with_busy_month(lines: Iterable[Line], files: int) -> Iterator[Line]:
    """Move uploads of a list to its current month: 20,000, or a quarter of a short list."""
    chance = random.Random(0)
    moved = {*chance.sample(range(files), min(UPLOADS_THIS_MONTH, files // 4))}
    for number, line in enumerate(lines):
        yield line | {
            'upload_timestamp': THIS_MONTH + chance.randrange(DAYS * DAY),
        } if number in moved else line


def added(timestamp: int) -> Line:
    """The line of the file that a rebuild adds."""
    return {
        'filename': 'one_file_more-1.0.tar.gz', 'hash': f'sha256={"0" * 64}',
        'upload_timestamp': timestamp, 'uploaded_by': 'ana',
    }


def write_lists(lines: Iterable[Line], folder: Path, *, old: bool) -> Lists:
    """Write the lists of a benchmark, for 1.x with the keys that it knows."""
    lists = Lists(
        folder / 'all.jsonl', folder / 'more.jsonl', folder / 'backdated.jsonl',
        folder / 'small.jsonl', 0,
    )
    encode = msgspec.json.Encoder().encode
    folder.mkdir(parents=True)
    files, oldest = 0, THIS_MONTH
    with lists.all.open('wb') as all_lines, lists.small.open('wb') as small:
        for line in lines:
            known = {key: line[key] for key in OLD_KEYS if key in line} if old else line
            all_lines.write(encode(known) + b'\n')
            if files < SMALL:
                small.write(encode(known) + b'\n')
            files += 1
            oldest = min(oldest, line['upload_timestamp'])
    for path, timestamp in ((lists.more, THIS_MONTH + DAYS * DAY), (lists.backdated, oldest)):
        shutil.copy(lists.all, path)
        with path.open('ab') as more:
            more.write(encode(added(timestamp)) + b'\n')
    return lists._replace(files=files)

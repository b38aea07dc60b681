"""Compare generators of package indexes on a folder of small wheels.

Each is installed from the registry into an environment of its own, and runs with its defaults on a
copy of the folder. They don't do the same work: the table says what each index has.
"""
from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from testing import distributions
from testing.benchmark_runs import BenchmarkError, environment, run
from testing.benchmark_table import markdown, Run

_LINK = re.compile(rb'<a\s[^>]*\.whl[^>]*>')


class Peer(NamedTuple):
    """A generator: the package that has it, and its command line for a folder of wheels.

    The index is in the folder, or in its `simple`.
    """
    package: str
    command: Callable[[Path], Sequence[str]]


PEERS = (
    Peer('simple503', lambda folder: ('simple503', str(folder))),
    Peer('piprepo', lambda folder: ('piprepo', 'build', str(folder))),
    Peer('pip2pi', lambda folder: ('dir2pi', str(folder))),
)


class Result(msgspec.Struct):
    """What a generator took, and how many files and links with a hash its index has.

    If it could not be installed or run, `failure` says why, and there are no runs.
    """
    name: str
    runs: list[Run] = []
    wheels: int = 0
    files: int = 0
    with_hash: int = 0
    failure: str | None = None


def measure(
        command: Sequence[str], folder: Path, environments: Path, wheels: int, repeats: int,
        peers: Sequence[Peer] = PEERS,
) -> list[Result]:
    """Measure `command`, which is ours, and the peers, in turn. Print each failure."""
    pool = folder / 'wheels'
    distributions.make_small_wheels(pool, wheels)
    index = folder / 'index'
    results = [Result('dumb-pypi', wheels=wheels)]
    commands = [(*command, '-q', '--packages-dir', str(index), '--output-dir', str(index))]
    for peer in peers:
        result = Result(peer.package, wheels=wheels)
        try:
            program, *arguments = peer.command(index)
            binaries, version = _install(peer.package, environments / peer.package)
            result.name = f'{peer.package} {version}'
            commands.append((str(binaries / program), *arguments))
        except BenchmarkError as error:
            result.failure = str(error)
            commands.append(())
        results.append(result)
    for _ in range(repeats):
        for result, line in zip(results, commands, strict=True):
            if result.failure is None:
                _measure_once(result, line, pool, index)
    for result in results:
        if result.failure is not None:
            print(f'{result.name}: {result.failure}', flush=True)
    return results


def _install(package: str, place: Path) -> tuple[Path, str]:
    """Install a package into an environment, unless it is there.

    Return the folder of its commands, and its version.

    Raises:
        BenchmarkError: it cannot be installed.
    """
    binaries = place / 'bin'
    python = str(binaries / 'python')
    for command in (
        (sys.executable, '-m', 'venv', str(place)),
        (python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', package),
    ):
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, env=environment(),
        )
        if done.returncode:
            raise BenchmarkError(f'cannot be installed: {_last_line(done.stderr)}')
    version = subprocess.run(
        (python, '-c', f'from importlib.metadata import version; print(version({package!r}))'),
        check=True, capture_output=True, text=True,
    ).stdout.strip()
    return binaries.absolute(), version


def _measure_once(result: Result, command: Sequence[str], pool: Path, index: Path) -> None:
    """Add a run to the result, or its failure."""
    shutil.copytree(pool, index)
    try:
        measured = run(command)
        files, links = _contents(index)
        if len(links) != result.wheels:
            raise BenchmarkError(f'links to {len(links)} of {result.wheels} wheels')
        result.runs.append(measured)
        result.files = files - result.wheels
        result.with_hash = sum(b'#sha256=' in link for link in links)
    except BenchmarkError as error:
        result.failure = f'cannot be measured: {_last_line(str(error))}'
    shutil.rmtree(index)


def _contents(index: Path) -> tuple[int, list[bytes]]:
    """Return the number of files of an index, and the links to wheels on its simple pages."""
    simple = index / 'simple'
    pages = (simple if simple.is_dir() else index).glob('*/index.html')
    files = sum(path.is_file() and not path.is_symlink() for path in index.rglob('*'))
    return files, [link for page in pages for link in _LINK.findall(page.read_bytes())]


def _last_line(text: str) -> str:
    return text.strip().rpartition('\n')[2]


def table(results: Sequence[Result]) -> str:
    """Return the results in Markdown; those of failures are one line each."""
    rows = []
    for result in results:
        if result.failure is not None:
            rows.append((result.name, result.failure, *[''] * 5))
            continue
        seconds = [each.seconds for each in result.runs]
        rows.append((
            result.name, f'{statistics.median(seconds):.2f}', f'{min(seconds):.2f}',
            f'{max(seconds):.2f}', f'{statistics.median(each.cpu for each in result.runs):.2f}',
            f'{result.files:,}', f'{result.with_hash:,}',
        ))
    wheels = results[0].wheels
    return f'An index of a folder of {wheels:,} wheels:\n\n' + markdown(
        ('generator', 'median s', 'min', 'max', 'CPU s', 'files written', 'links with hash'),
        rows, texts={'generator'},
    )

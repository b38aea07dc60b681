"""The parts of the benchmark that measure stages, other generators, and a very long list."""
from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from testing import (
    benchmark_peers,
    benchmark_runs,
    benchmark_stages,
    benchmark_whole,
    distributions,
    stage_clock,
)
from testing.benchmark_peers import Peer, Result
from testing.benchmark_runs import BenchmarkError, Lists
from testing.benchmark_table import MEBIBYTE, Run
from testing.benchmark_whole import Memory, Whole
from testing.make_package_list import lines

PROGRAM = (sys.executable, '-m', 'dumb_pypi')

only_linux = pytest.mark.skipif(
    not Path('/proc/self/smaps_rollup').exists(), reason='only Linux has /proc/PID/smaps_rollup',
)


def lists(folder: Path) -> Lists:
    return benchmark_runs.write_lists(lines(40), folder / 'lists', old=False)


def test_stages_of_a_build(tmp_path: Path) -> None:
    """Each stage of the build takes some time, and the table has all of them."""
    made = lists(tmp_path)
    seconds = benchmark_stages.measure(Path(sys.executable), PROGRAM, made, tmp_path, 1)
    stages = [*stage_clock.STAGES, stage_clock.REST]
    assert [*seconds] == [*stages, benchmark_stages.BETWEEN, benchmark_stages.CLOCK]
    assert all(seconds[stage] > 0 for stage in stages)
    rows = benchmark_stages.table(seconds, made.files).splitlines()
    assert len(rows) == 2 + len(seconds) + 1


def test_table_of_stages() -> None:
    """The total is that of a build that is not measured inside."""
    seconds = {'one': 2.0, 'two': 1.0, benchmark_stages.BETWEEN: 0.5, benchmark_stages.CLOCK: 0.25}
    assert benchmark_stages.table(seconds, 100_000).splitlines()[2:] == [
        '| one | 20.0 |', '| two | 10.0 |', '| between processes | 5.0 |', '| total | 32.5 |',
        '| measuring the stages | 2.5 |',
    ]


def test_failed_build_has_no_stages(tmp_path: Path) -> None:
    """The error has what the program printed."""
    made = lists(tmp_path)
    made.all.write_text('')
    with pytest.raises(BenchmarkError, match=r'could not be measured: dumb-pypi: .* no files'):
        benchmark_stages.measure(Path(sys.executable), PROGRAM, made, tmp_path, 1)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> stage_clock.Clock:
    """A clock of a process that uses a second between two looks."""
    seconds = iter(range(1, 100))
    monkeypatch.setattr(time, 'process_time', lambda: float(next(seconds)))
    return stage_clock.Clock()


def test_time_counts_for_one_stage(clock: stage_clock.Clock) -> None:
    """A function's time is without that of the measured functions that it calls."""
    inner = clock.measured('inner', lambda: 'result')
    outer = clock.measured('outer', lambda: [inner(), inner()])
    assert outer() == ['result', 'result']
    assert clock.seconds == {stage_clock.REST: 1, 'inner': 2, 'outer': 3}


def test_generator_counts_while_it_computes(clock: stage_clock.Clock) -> None:
    """What the caller does between two items is not the generator's time."""
    def generate() -> Iterator[int]:
        yield 1
        yield 2

    measured = clock.measured('generator', generate)
    assert [*clock.measured('caller', lambda: [*measured()])()] == [1, 2]
    assert clock.seconds == {stage_clock.REST: 1, 'generator': 3, 'caller': 4}


def test_failed_function_ends_its_stage(clock: stage_clock.Clock) -> None:
    """After an exception the time is the caller's again."""
    def fail() -> None:
        raise ValueError

    with pytest.raises(ValueError, match=r'^$'):
        clock.measured('failing', fail)()
    clock.end()
    assert clock.seconds == {stage_clock.REST: 2, 'failing': 1}


def test_unknown_function_ends_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program without a function of the table is not measured: its time would be lost."""
    monkeypatch.setattr(stage_clock, 'STAGES', {'stage': ('pages.simple:no_such_function',)})
    with pytest.raises(AttributeError, match='no_such_function'):
        stage_clock.install(stage_clock.Clock())


# Writes an index of a folder, as other generators do, with a hash in some links.
_GENERATOR = '''\
#!{python}
import pathlib, sys
folder = pathlib.Path(sys.argv[1])
for number, wheel in enumerate(sorted(folder.glob("*.whl"))[{skipped}:]):
    page = folder / "simple" / str(number) / "index.html"
    page.parent.mkdir(parents=True)
    page.write_text(f'<a href="../../{{wheel.name}}' + '#sha256=0' * (number % 2) + '">x</a>')
'''


@pytest.fixture
def generators(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of generators that take the place of installed ones."""
    folder = tmp_path / 'generators'
    folder.mkdir()
    for name, skipped in (('complete', 0), ('incomplete', 1)):
        (folder / name).write_text(_GENERATOR.format(python=sys.executable, skipped=skipped))
    (folder / 'broken').write_text('#!/bin/sh\necho first >&2; echo no luck >&2; exit 3\n')
    for place in folder.iterdir():
        place.chmod(0o755)

    def install(package: str, _: Path) -> tuple[Path, str]:
        if not (folder / package).exists():
            raise BenchmarkError('cannot be installed: no such package')
        return folder, '1.0'

    monkeypatch.setattr(benchmark_peers, '_install', install)
    return folder


@pytest.mark.usefixtures('generators')
def test_peers_on_the_same_wheels(
        tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    """Each generator gets the same wheels; one that fails is reported in a line."""
    peers = [
        Peer(name, lambda folder, name=name: (name, str(folder)))  # type: ignore[misc]  # each has its name
        for name in ('complete', 'incomplete', 'broken', 'missing')
    ]
    ours, *others = benchmark_peers.measure(PROGRAM, tmp_path, tmp_path / 'venvs', 7, 2, peers)
    assert (ours.wheels, len(ours.runs), ours.with_hash, ours.failure) == (7, 2, 7, None)
    assert ours.files > 7 * 5
    complete, *failed = others
    assert (len(complete.runs), complete.files, complete.with_hash) == (2, 7, 3)
    lines_of_failures = [
        'incomplete 1.0: cannot be measured: links to 6 of 7 wheels',
        'broken 1.0: cannot be measured: no luck',
        'missing: cannot be installed: no such package',
    ]
    assert [f'{one.name}: {one.failure}' for one in failed] == lines_of_failures
    assert capsys.readouterr().out.splitlines() == lines_of_failures
    # The folder is as before, for the next generator.
    assert sorted(path.name for path in tmp_path.iterdir()) == ['generators', 'wheels']
    assert len(benchmark_peers.table([ours, *others]).splitlines()) == 2 + 2 + 5


def test_table_of_peers() -> None:
    """A generator that failed has its reason in place of figures."""
    text = benchmark_peers.table([
        Result('dumb-pypi', [Run(1, 0, 0.5), Run(3, 0, 1.5)], 3000, 9000, 3000),
        Result('other', failure='cannot be installed: no luck'),
    ])
    assert text.splitlines()[2:] == [
        '| generator | median s | min | max | CPU s | files written | links with hash |',
        '| --- | --: | --: | --: | --: | --: | --: |',
        '| dumb-pypi | 2.00 | 1.00 | 3.00 | 1.00 | 9,000 | 3,000 |',
        '| other | cannot be installed: no luck |  |  |  |  |  |',
    ]


def test_peers_are_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed peer has a folder of commands and a version; another one pip's last line."""
    distributions.make(tmp_path, {'filename': 'peer-1.5-py3-none-any.whl'})
    monkeypatch.setenv('PIP_NO_INDEX', '1')
    monkeypatch.setenv('PIP_CONFIG_FILE', os.devnull)
    monkeypatch.setenv('PIP_FIND_LINKS', str(tmp_path))
    binaries, version = benchmark_peers._install('peer', tmp_path / 'venv')
    assert version == '1.5'
    assert (binaries / 'python').exists()
    with pytest.raises(BenchmarkError, match=r'cannot be installed: .*no-such-package'):
        benchmark_peers._install('no-such-package', tmp_path / 'venv')


def test_long_list_is_built_and_removed(tmp_path: Path) -> None:
    """The build has all files; what it took is known, and nothing of it is left."""
    whole = benchmark_whole.measure((*PROGRAM, '-q', '--no-per-release-json'), 300, tmp_path)
    assert whole.files == 300
    assert min(
        whole.seconds, whole.cpu, whole.largest_process, whole.size, whole.list_size,
    ) > 0
    assert whole.inodes > 300
    assert [*tmp_path.iterdir()] == []


def test_inodes_and_bytes_of_a_tree(tmp_path: Path) -> None:
    """Folders have inodes too; a page takes whole blocks of the disk."""
    (tmp_path / 'folder').mkdir()
    (tmp_path / 'folder/page').write_bytes(b'x' * 100_000)
    inodes, size = benchmark_whole._taken(tmp_path)
    assert inodes == 2
    assert size >= 100_000


def test_list_that_was_not_built_completely(tmp_path: Path) -> None:
    """A build that skipped files is no result."""
    program = tmp_path / 'lazy'
    program.write_text('#!/bin/sh\nmkdir "$6" && echo {} > "$6/packages.json"\n')
    program.chmod(0o755)
    with pytest.raises(BenchmarkError, match='lists 1 of 300 files'):
        benchmark_whole.measure((str(program),), 300, tmp_path)


@only_linux
def test_memory_of_all_descendants() -> None:
    """Processes that the program started count, too, each for its share, but no earlier ones."""
    hungry = 'x = bytearray(60 << 20); print("ready", flush=True); input()'
    program = (
        f'import subprocess, sys; child = subprocess.Popen([sys.executable, "-c", {hungry!r}]); '
        'x = bytearray(60 << 20); child.wait()'
    )
    earlier = 'x = bytearray(200 << 20); print("ready", flush=True); input()'
    with (
        subprocess.Popen(
            (sys.executable, '-c', earlier), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        ) as other,
        Memory(0.01) as memory,
        subprocess.Popen(
            (sys.executable, '-c', program), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        ) as process,
    ):
        assert other.stdout is not None
        assert other.stdout.readline() == b'ready\n'
        assert process.pid in benchmark_whole.descendants(os.getpid())
        deadline = time.monotonic() + 60
        while (memory.peak or 0) < 120 * MEBIBYTE and time.monotonic() < deadline:
            time.sleep(0.01)
        process.communicate(b'\n')
        other.communicate(b'\n')
    assert memory.peak is not None
    assert 120 * MEBIBYTE <= memory.peak < 300 * MEBIBYTE


def test_extrapolation() -> None:
    """One build is extrapolated in proportion, more along the line through the two largest."""
    tiny = Whole(1, 9, 9, None, 9, 9, 9, 9)
    small, large = Whole(100, 2, 3, 70, 60, 20, 1000, 10), Whole(200, 4, 6, 90, 80, 40, 2000, 20)
    assert benchmark_whole.extrapolate([large], 1000) == Whole(
        1000, 20, 30, 450, 400, 200, 10_000, 100,
    )
    assert benchmark_whole.extrapolate([large, tiny, small], 1000) == Whole(
        1000, 20, 30, 250, 240, 200, 10_000, 100,
    )
    assert benchmark_whole.extrapolate([tiny, large], 1000).memory is None
    row = benchmark_whole.table([
        Whole(4_000_000, 60, 120, 1 << 30, 1 << 29, 5_000_000, 1 << 34, 1 << 31),
    ]).splitlines()[-1]
    assert row == (
        '| 17,000,000 (extrapolated) | 4.2 | 8.5 | 30.0 | 4,352 | 2,176 | 21,250,000 | 68.0 | 8.5 |'
    )


@pytest.mark.parametrize('mode', ('--stages', '--whole 20 40'))
def test_mode_writes_its_own_table(tmp_path: Path, mode: str) -> None:
    """The command measures only what it was asked for; the table is in Markdown and in JSON."""
    subprocess.run((
        sys.executable, '-m', 'testing.benchmark', '--size', '20', '--repeats', '1',
        '--folder', str(tmp_path), '--output', str(tmp_path / 'tables'), *mode.split(),
    ), check=True, capture_output=True)
    name = mode.split(maxsplit=1)[0].removeprefix('--')
    assert {path.name for path in (tmp_path / 'tables').iterdir()} == {f'{name}.md', f'{name}.json'}
    assert json.loads((tmp_path / f'tables/{name}.json').read_text())
    assert (tmp_path / f'tables/{name}.md').read_text().startswith('Python 3')

"""Measure how much of a full build's CPU time each of its stages takes.

The stages are measured in one process. What the processes of a usual build take for each other, and
what measuring itself takes, follow from builds that are not measured inside.
"""
from __future__ import annotations

import json
import shutil
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from testing.benchmark_runs import (
    BenchmarkError,
    check_tree,
    environment,
    Lists,
    PACKAGES_URL,
    run,
)
from testing.benchmark_table import markdown

BETWEEN = 'between processes'
# It is in the figures of the stages, but not in the total.
CLOCK = 'measuring the stages'
_SCRIPT = Path(__file__).with_name('stage_clock.py')


def measure(
        python: Path, command: Sequence[str], lists: Lists, folder: Path, repeats: int,
) -> dict[str, float]:
    """Return the CPU seconds of the stages, medians of interleaved builds.

    `python` is that of the program's environment.

    Raises:
        BenchmarkError: a build failed.
    """
    tree = folder / 'stages'
    options = (
        '-q', '--package-list-json', str(lists.all), '--packages-url', PACKAGES_URL,
        '--output-dir', str(tree),
    )
    rounds: list[Mapping[str, float]] = []
    for _ in range(repeats):
        stages = _stages((str(python), str(_SCRIPT), *options, '--jobs', '1'))
        check_tree(tree, lists.files)
        shutil.rmtree(tree)
        one = run((*command, *options, '--jobs', '1')).cpu
        shutil.rmtree(tree)
        usual = run((*command, *options)).cpu
        shutil.rmtree(tree)
        rounds.append({**stages, BETWEEN: usual - one, CLOCK: sum(stages.values()) - one})
    return {stage: statistics.median(each[stage] for each in rounds) for stage in rounds[0]}


def _stages(command: Sequence[str]) -> dict[str, float]:
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env=environment(),
    )
    if done.returncode:
        raise BenchmarkError(f'the stages could not be measured: {done.stderr[-500:]}')
    return {str(stage): float(seconds) for stage, seconds in json.loads(done.stdout).items()}


def table(seconds: Mapping[str, float], files: int) -> str:
    """Return the stages in Markdown, in microseconds of CPU per file."""
    each = {stage: 1e6 * value / files for stage, value in seconds.items()}
    measuring = each.pop(CLOCK)
    rows = {**each, 'total': sum(each.values()) - measuring, CLOCK: measuring}
    return markdown(
        ('stage', 'µs of CPU per file'),
        [(stage, f'{value:.1f}') for stage, value in rows.items()],
        texts={'stage'},
    )

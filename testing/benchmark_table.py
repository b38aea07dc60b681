"""The table of a benchmark: what was measured, against what, and whether the targets are met."""
from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

MEBIBYTE = 1 << 20


class Run(NamedTuple):
    """One run of a program: seconds by the clock, bytes of its largest process, CPU seconds.

    The CPU seconds are user and system time of all its processes.
    """
    seconds: float
    memory: int
    cpu: float = 0


class Row(msgspec.Struct):
    """A line of the table: what was done by whom, and every run of it.

    `rival` are runs of what it is compared with. `target` is the ratio that is asked for:
    how many times faster, or, where `at_most`, how many times the rival's time. `most_memory` is in
    bytes, `most_cpu` in microseconds per file, of which a full build has `files`.
    """
    what: str
    ours: list[Run]
    rival: list[Run]
    rival_name: str
    target: float | None
    at_most: bool = False
    most_memory: int | None = None
    most_seconds: float | None = None
    most_cpu: float | None = None
    files: int | None = None

    @property
    def ratio(self) -> float | None:
        if not self.rival:
            return None
        ours, theirs = _median(self.ours), _median(self.rival)
        return ours / theirs if self.at_most else theirs / ours

    @property
    def is_met(self) -> bool | None:
        """Whether the targets are met; None where there are none, or no rival."""
        checks = []
        if self.target is not None and self.ratio is not None:
            checks.append(
                self.ratio <= self.target if self.at_most else self.ratio >= self.target,
            )
        if self.most_memory is not None:
            checks.append(max(run.memory for run in self.ours) <= self.most_memory)
        if self.most_seconds is not None:
            checks.append(_median(self.ours) <= self.most_seconds)
        if self.most_cpu is not None and self.files is not None:
            checks.append(cpu_per_file(self.ours, self.files) <= self.most_cpu)
        return all(checks) if checks else None

    @property
    def targets(self) -> str:
        """The targets in words."""
        sign = '≤' if self.at_most else '≥'
        found = [f'{sign} {self.target:g}'] if self.target is not None and self.rival else []
        if self.most_memory is not None:
            found.append(f'≤ {self.most_memory // MEBIBYTE} MiB')
        if self.most_seconds is not None:
            found.append(f'≤ {self.most_seconds:g} s')
        if self.most_cpu is not None:
            found.append(f'≤ {self.most_cpu:g} µs')
        return ', '.join(found)


def cpu_per_file(runs: Sequence[Run], files: int) -> float:
    """Return the median of microseconds of CPU per file."""
    return 1e6 * statistics.median(run.cpu for run in runs) / files


def table(rows: Iterable[Row]) -> str:
    """The rows in Markdown."""
    return markdown(
        ('work', 'median s', 'min', 'max', 'CPU s', 'µs/file', 'peak MiB', 'against', 'median s',
         'CPU s', 'µs/file', 'ratio', 'target', 'met'),
        ([
            row.what, *_measured(row.ours, row.files, spread=True),
            f'{max(run.memory for run in row.ours) / MEBIBYTE:.0f}',
            row.rival_name if row.rival else '',
            *(_measured(row.rival, row.files) if row.rival else ('', '', '')),
            '' if row.ratio is None else f'{row.ratio:.3g}',
            row.targets, {True: 'yes', False: 'no', None: ''}[row.is_met],
        ] for row in rows),
        texts={'work', 'against', 'met'},
    )


def markdown(
        heads: Sequence[str], rows: Iterable[Sequence[str]], texts: Iterable[str],
) -> str:
    """Return a table in Markdown; its columns have numbers, but for those in `texts`."""
    lines = [
        heads, ['---' if head in {*texts} else '--:' for head in heads], *rows,
    ]
    return ''.join(f'| {" | ".join(line)} |\n' for line in lines)


def _measured(runs: Sequence[Run], files: int | None, *, spread: bool = False) -> list[str]:
    seconds = [run.seconds for run in runs]
    spreads = [f'{min(seconds):.3f}', f'{max(seconds):.3f}'] if spread else []
    return [
        f'{_median(runs):.3f}', *spreads, f'{statistics.median(run.cpu for run in runs):.2f}',
        '' if files is None else f'{cpu_per_file(runs, files):.1f}',
    ]


def _median(runs: Sequence[Run]) -> float:
    return statistics.median(run.seconds for run in runs)

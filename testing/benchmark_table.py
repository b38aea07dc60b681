"""The table of a benchmark: what was measured, against what, and whether the targets are met."""
from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

MEBIBYTE = 1 << 20


class Run(NamedTuple):
    """One run of a program: seconds by the clock, bytes of its largest process."""
    seconds: float
    memory: int


class Row(msgspec.Struct):
    """A line of the table: what was done by whom, and every run of it.

    `rival` are runs of what it is compared with. `target` is the ratio that is asked for:
    how many times faster, or, where `at_most`, how many times the rival's time.
    """
    what: str
    ours: list[Run]
    rival: list[Run]
    rival_name: str
    target: float | None
    at_most: bool = False
    most_memory: int | None = None

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
        return all(checks) if checks else None


def table(rows: Iterable[Row]) -> str:
    """The rows in Markdown."""
    lines = [
        '| work | median s | min | max | peak MiB | against | median s | ratio | target | met |',
        '|---|--:|--:|--:|--:|---|--:|--:|--:|---|',
    ]
    for row in rows:
        seconds = [run.seconds for run in row.ours]
        sign = '≤' if row.at_most else '≥'
        targets = [f'{sign} {row.target:g}'] if row.target is not None and row.rival else []
        if row.most_memory is not None:
            targets.append(f'≤ {row.most_memory // MEBIBYTE} MiB')
        lines.append('| ' + ' | '.join((
            row.what, f'{_median(row.ours):.3f}', f'{min(seconds):.3f}', f'{max(seconds):.3f}',
            f'{max(run.memory for run in row.ours) / MEBIBYTE:.0f}',
            row.rival_name if row.rival else '',
            f'{_median(row.rival):.3f}' if row.rival else '',
            '' if row.ratio is None else f'{row.ratio:.3g}',
            ', '.join(targets),
            {True: 'yes', False: 'no', None: ''}[row.is_met],
        )) + ' |')
    return '\n'.join(lines) + '\n'


def _median(runs: Sequence[Run]) -> float:
    return statistics.median(run.seconds for run in runs)

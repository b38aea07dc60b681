"""Repeat the randomised tests with new random seeds until the time is up: `make fuzz`.

As a pytest plugin, this module adds `--stop-at`. Tests that run at that moment end as usual, so
that hypothesis has the time to simplify an example it has just found.
"""
from __future__ import annotations

import argparse
import itertools
import math
import os
import shlex
import subprocess
import sys
import time

import pytest

ROUND = (
    sys.executable, '-m', 'pytest', '-m', 'randomised', '--hypothesis-profile', 'fuzz',
    '-q', '-x', '-p', 'no:cacheprovider',
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        '--stop-at', type=float, default=math.inf, help='start no test after this time.time()',
    )


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> None:
    if time.time() >= item.config.getoption('stop_at'):
        item.session.shouldstop = 'the time is up'


def fuzz(minutes: float, first_seed: int, tests: list[str]) -> int:
    """Run rounds of tests, each with the next seed; return the exit status.

    A failure ends the run; the command that repeats its round is printed below the falsifying
    example.
    """
    end = time.time() + 60 * minutes
    for seed in itertools.count(first_seed):
        print(f'seed {seed}', flush=True)
        command = [*ROUND, '--hypothesis-seed', str(seed), *tests]
        # It decides the order in which sets are iterated.
        hash_seed = str(seed % (1 << 32))
        status = subprocess.run(
            [*command, '-p', 'tests.support.fuzz', '--stop-at', str(end)], check=False,
            env={**os.environ, 'PYTHONHASHSEED': hash_seed},
        ).returncode
        is_over = time.time() >= end
        if status != pytest.ExitCode.OK and not (
                is_over and status == pytest.ExitCode.INTERRUPTED
        ):
            print(f'To repeat it:\n    PYTHONHASHSEED={hash_seed} {shlex.join(command)}')
            return status
        if is_over:
            break
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--minutes', type=float, default=5, help='how long to run (default: 5)')
    parser.add_argument(
        '--seed', type=int, default=int.from_bytes(os.urandom(4)),
        help='seed of the first round (default: a random one)',
    )
    parser.add_argument('tests', nargs='*', help='files or tests (default: all)')
    args = parser.parse_args()
    return fuzz(args.minutes, args.seed, args.tests)


if __name__ == '__main__':
    raise SystemExit(main())

"""The command line of `dumb-pypi-scan`: options, messages, exit status."""
from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from contextlib import ExitStack
from typing import NoReturn

from dumb_pypi import __version__
from dumb_pypi.console import count
from dumb_pypi.console import DONE
from dumb_pypi.console import FAILED
from dumb_pypi.console import INTERRUPTED
from dumb_pypi.console import say
from dumb_pypi.errors import DumbPypiError
from dumb_pypi.errors import FileError
from dumb_pypi.errors import OptionError
from dumb_pypi.pool import Progress
from dumb_pypi.pool import scan

_PROGRAM = 'dumb-pypi-scan'


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit status is what it returns."""
    parser = _parser()
    args = parser.parse_args(argv)
    try:
        with _bar(quiet=args.quiet) as progress:
            lines, problems, notices = scan(
                args.folders,
                previous=args.previous,
                write_metadata=args.write_metadata,
                uploaded_by=args.uploaded_by,
                jobs=args.jobs,
                progress=progress,
            )
        for remark in () if args.quiet else notices:
            say(str(remark))
        for remark in problems:
            say(str(remark))
        if left_out := sum(problem.left_out for problem in problems):
            were = 'was' if left_out == 1 else 'were'
            say(f'{_PROGRAM}: {count(left_out, "file")} {were} left out')
        if problems and args.strict:
            say(f'{_PROGRAM}: nothing was printed, as --strict asks')
        else:
            _print(lines)
    except OptionError as error:
        parser.error(str(error))
    except DumbPypiError as error:
        say(f'{_PROGRAM}: {error}')
        return FAILED
    except KeyboardInterrupt:
        say(f'{_PROGRAM}: interrupted')
        return INTERRUPTED
    return FAILED if problems else DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=_PROGRAM,
        description='Print the package list, JSON lines, of the wheels, sdists and eggs below '
                    'some folders.',
    )
    parser.add_argument('folders', metavar='DIR', nargs='+', help='where to look')
    parser.add_argument(
        '--write-metadata', action='store_true',
        help='put the metadata of each wheel beside it, in a .metadata file, so that clients '
             'need not download the wheel to read it',
    )
    parser.add_argument(
        '--previous', metavar='PATH',
        help='the list of the last scan, or the packages.json of the last build: do not read '
             'files again whose name, size and time are the same',
    )
    parser.add_argument(
        '--uploaded-by', metavar='TEXT',
        help='who uploaded the files, but for those of which the previous list says it',
    )
    parser.add_argument(
        '--jobs', metavar='N', type=int,
        help='how many files to read at once (default: as many as there are processors)',
    )
    bad = parser.add_mutually_exclusive_group()
    bad.add_argument(
        '--keep-going', action='store_true',
        help='print the good files although others are broken; this is the default',
    )
    bad.add_argument(
        '--strict', action='store_true', help='print nothing if any file is broken',
    )
    parser.add_argument(
        '-q', '--quiet', action='store_true',
        help='say nothing of what is passed over, and show no progress',
    )
    parser.add_argument('--version', action='version', version=f'%(prog)s {__version__}')
    return parser


@contextmanager
def _bar(*, quiet: bool) -> Iterator[Progress | None]:
    """A bar on standard error that shows progress, if that is a terminal."""
    if quiet or sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm
    tqdm.monitor_interval = 0  # else it starts a thread of its own
    with ExitStack() as stack:
        bar: tqdm[NoReturn] | None = None

        def show(done: int, total: int) -> None:
            nonlocal bar
            if bar is None:
                bar = stack.enter_context(
                    tqdm(total=total, unit='B', unit_scale=True, leave=False),
                )
            bar.update(done - bar.n)

        yield show


def _print(lines: Sequence[bytes]) -> None:
    """Print the list. Where it cannot be, nobody may take a part of it for all.

    Raises:
        FileError: it cannot be printed.
    """
    try:
        with open(1, 'wb', closefd=False) as stream:
            stream.writelines(line + b'\n' for line in lines)
    except OSError as error:
        raise FileError('write', '<stdout>', error) from error


if __name__ == '__main__':
    raise SystemExit(main())

"""The command line of `dumb-pypi-scan`: options, messages, exit status."""
from __future__ import annotations

import argparse
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, ExitStack, suppress
from typing import NoReturn, TYPE_CHECKING

from dumb_pypi import __version__
from dumb_pypi.commands.console import count, DONE, FAILED, INTERRUPTED, say
from dumb_pypi.errors import DumbPypiError, FileError, OptionError, shown, shown_path
from dumb_pypi.process import garbage_collected_seldom

if TYPE_CHECKING:
    from dumb_pypi.scanner.reading import Progress

_PROGRAM = 'dumb-pypi-scan'


@garbage_collected_seldom()
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit status is what it returns."""
    parser = _parser()
    args = parser.parse_args(argv)
    try:
        # Here, where an interruption has its answer.
        from dumb_pypi.scanner import scan
        _check_places(args.previous, args.output)
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
        if left_out := sum(problem.skipped for problem in problems):
            say(f'{_PROGRAM}: {_left_out(left_out, 0 if args.strict else len(lines))}')
        elif not lines:
            say(f'{_PROGRAM}: no distribution below {", ".join(map(shown_path, args.folders))}')
        if problems and args.strict:
            say(f'{_PROGRAM}: nothing was printed, as --strict asks')
        elif args.output is None:
            _print(lines)
        else:
            _write(args.output, lines)
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
        '-o', '--output', metavar='PATH',
        help='where to write the list, whole or not at all (default: standard output); it may be '
             'the previous one',
    )
    parser.add_argument(
        '--uploaded-by', metavar='TEXT',
        help='who uploaded the files, but for those of which the previous list says it',
    )
    parser.add_argument(
        '-j', '--jobs', metavar='N', type=int,
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
        help='say nothing of what is passed over, and show no progress; broken files are reported '
             'all the same',
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


def _left_out(left_out: int, listed: int) -> str:
    """
    >>> _left_out(1, 11)
    '1 file was left out; the other 11 are listed'
    >>> _left_out(2, 1)
    '2 files were left out; the other one is listed'
    """
    text = f'{count(left_out, "file")} {"was" if left_out == 1 else "were"} left out'
    if not listed:
        return text
    return f'{text}; the other {"one is" if listed == 1 else f"{listed} are"} listed'


def _check_places(previous: str | None, output: str | None) -> None:
    """Say of lists that would be lost.

    Raises:
        OptionError: the list cannot go there.
    """
    if output is not None:
        if os.path.exists(output) and not os.path.isfile(output):
            raise OptionError('--output', f'{shown(output)} is no regular file')
    elif previous is not None:
        with suppress(OSError, ValueError):
            standard_output = os.fstat(1)
            if stat.S_ISREG(standard_output.st_mode) and os.path.samestat(
                standard_output, os.stat(previous),
            ):
                raise OptionError(
                    '--previous', f'{shown(previous)} is where standard output goes, for which '
                    'the shell has emptied it; --output writes it when it was read',
                )


def _print(lines: Sequence[bytes]) -> None:
    """Print the list. Where it cannot be, nobody may take a part of it for all.

    Raises:
        FileError: it cannot be printed.
    """
    rest = memoryview(_text(lines))
    try:
        # No buffer: what is left in one is written once more when it is closed, which nobody
        # could interrupt.
        while rest:
            rest = rest[os.write(1, rest):]
    except OSError as error:
        raise FileError('write', '<stdout>', error) from error


def _write(path: str, lines: Sequence[bytes]) -> None:
    """Put the list in its place, whole.

    Raises:
        FileError: it cannot be written, and is as it was.
    """
    from dumb_pypi.scanner import beside
    try:
        beside.write_whole(os.path.realpath(path), _text(lines))
    except (OSError, ValueError) as error:
        raise FileError('write', path, error) from error


def _text(lines: Sequence[bytes]) -> bytes:
    return b''.join(line + b'\n' for line in lines)


if __name__ == '__main__':
    raise SystemExit(main())

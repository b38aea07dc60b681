"""The command `dumb-pypi scan`: options, messages, exit status."""
from __future__ import annotations

import argparse
import os
import stat
from collections.abc import Sequence
from contextlib import closing, suppress

from dumb_pypi import __version__
from dumb_pypi.commands.console import count_skipped, DONE, FAILED, INTERRUPTED, ProgressBar, say
from dumb_pypi.errors import DumbPypiError, FileError, OptionError, shown, shown_path
from dumb_pypi.process import garbage_collected_seldom
from dumb_pypi.scanner import Scan, scan
from dumb_pypi.scanner.folder import write_atomically

_PROGRAM = 'dumb-pypi-scan'


@garbage_collected_seldom()
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = _parser()
    args = parser.parse_args(argv)
    try:
        return _scan(args)
    except OptionError as error:
        parser.error(str(error))
    except DumbPypiError as error:
        say(f'{_PROGRAM}: {error}')
        return FAILED
    except KeyboardInterrupt:
        say(f'{_PROGRAM}: interrupted')
        return INTERRUPTED


def _scan(args: argparse.Namespace) -> int:
    _check_output(args.output, args.previous)
    with closing(ProgressBar(unit='B', hidden=args.quiet)) as progress:
        result = scan(
            args.folders,
            previous=args.previous,
            write_metadata=args.write_metadata,
            uploaded_by=args.uploaded_by,
            jobs=args.jobs,
            progress=progress,
        )
    _report(result, args)
    if result.problems and args.strict:
        say(f'{_PROGRAM}: nothing was printed, as --strict asks')
    elif args.output is None:
        _print(result.lines)
    else:
        _write(args.output, result.lines)
    return FAILED if result.problems else DONE


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


def _report(result: Scan, args: argparse.Namespace) -> None:
    """Print the messages of a scan, and a summary if files are missing from its list."""
    for notice in () if args.quiet else result.notices:
        say(str(notice))
    for problem in result.problems:
        say(str(problem))
    if skipped := sum(problem.skipped for problem in result.problems):
        say(f'{_PROGRAM}: {_summary(skipped, 0 if args.strict else len(result.lines))}')
    elif not result.lines:
        say(f'{_PROGRAM}: no distribution below {", ".join(map(shown_path, args.folders))}')


def _summary(skipped: int, listed: int) -> str:
    """Return the sentence that counts the skipped files and those listed nevertheless.

    >>> _summary(1, 11)
    '1 file was left out; the other 11 are listed'
    >>> _summary(2, 1)
    '2 files were left out; the other one is listed'
    """
    summary = count_skipped(skipped, 'file')
    if not listed:
        return summary
    return f'{summary}; the other {"one is" if listed == 1 else f"{listed} are"} listed'


def _check_output(output: str | None, previous: str | None) -> None:
    """Refuse an output that cannot be written, or that has overwritten the previous list.

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
    """Print the list on standard output.

    Raises:
        FileError: it cannot be printed to its end.
    """
    rest = memoryview(_joined(lines))
    try:
        # Unbuffered: Python would write what is left in a buffer when it closes the stream, and
        # that write cannot be interrupted.
        while rest:
            rest = rest[os.write(1, rest):]
    except OSError as error:
        raise FileError('write', '<stdout>', error) from error


def _write(path: str, lines: Sequence[bytes]) -> None:
    """Write the list atomically; if `path` is a link, write the file that it links to.

    Raises:
        FileError: it cannot be written. The old file is unchanged.
    """
    try:
        write_atomically(os.path.realpath(path), _joined(lines))
    except (OSError, ValueError) as error:
        raise FileError('write', path, error) from error


def _joined(lines: Sequence[bytes]) -> bytes:
    return b''.join(line + b'\n' for line in lines)


if __name__ == '__main__':
    raise SystemExit(main())

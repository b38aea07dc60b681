"""The command `dumb-pypi scan`: options, messages, exit status."""
from __future__ import annotations

import argparse
import os
import stat
from collections.abc import Sequence
from contextlib import closing, suppress

from dumb_pypi import __version__
from dumb_pypi.commands.console import (
    count,
    count_skipped,
    DONE,
    FAILED,
    INTERRUPTED,
    ProgressBar,
    say,
    say_failure,
    say_notices,
)
from dumb_pypi.errors import DumbPypiError, FileError, OptionError, shown, shown_path
from dumb_pypi.model.suffixes import is_distribution, METADATA
from dumb_pypi.scanner import is_folder, Scan, scan
from dumb_pypi.scanner.folder import write_atomically
from dumb_pypi.store.files import STDOUT, write_to_stdout

_PROGRAM = 'dumb-pypi'


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = _parser()
    args = parser.parse_args(argv)
    if args.output == STDOUT:
        args.output = None
    try:
        return _scan(args)
    except OptionError as error:
        parser.error(str(error))
    except DumbPypiError as error:
        return say_failure(error)
    except KeyboardInterrupt:
        say(f'{_PROGRAM}: interrupted')
        return INTERRUPTED


def _scan(args: argparse.Namespace) -> int:
    _check_output(args)
    with closing(ProgressBar(unit='B', hidden=args.quiet)) as progress:
        result = scan(
            args.sources,
            previous=_previous(args),
            projects=args.projects is not None,
            previous_projects=_previous_projects(args),
            write_metadata=args.write_metadata,
            uploaded_by=args.uploaded_by,
            allowed=args.allowed,
            allowed_from=args.allowed_from,
            prefer=args.prefer,
            api_url=args.api_url,
            cache=args.cache,
            compute_hashes=args.compute_hashes,
            names_only=args.names_only,
            jobs=args.jobs,
            progress=progress,
        )
    _report(result, args)
    if result.problems and args.strict:
        say(
            f'{_PROGRAM}: nothing was printed because of --strict: fix what is reported above, or '
            'scan without it',
        )
    elif not result.lines and args.output is not None and _has_content(args.output):
        # It may have edits that no other file has, and the source is most likely the wrong one.
        say(
            f'{_PROGRAM}: {shown_path(args.output)} was not replaced by an empty list: if the '
            'source is right, delete this file first',
        )
        return FAILED
    else:
        if args.projects is not None:
            _write(args.projects, result.projects)
        if args.output is None:
            write_to_stdout(_joined(result.lines))
        else:
            _write(args.output, result.lines)
    return FAILED if result.problems else DONE


_DESCRIPTION = """\
Find the wheels, sdists and eggs of some sources, and print their package list:
JSON lines for dumb-pypi --package-list-json. A source is a folder, with all
folders below it; a bucket, such as s3://bucket/path; github:OWNER/REPO, for the
releases of a repository; or the URL of another simple index, such as
https://example.com/simple/.
"""

_EPILOG = """\
exit status:
  0    all files are listed
  1    some files are not, or the scan failed; messages on stderr say why
  2    wrong command line
  130  interrupted
  141  the program that reads the output ended, as head does

examples:
  Write the list of a folder, and read only new files from the second time on:
    dumb-pypi scan -o packages.jsonl --previous packages.jsonl pool

  Write a second list, of what the metadata says about each project:
    dumb-pypi scan -o packages.jsonl --projects projects.jsonl pool
    dumb-pypi --package-list-json packages.jsonl --packages-url ../../pool/ \\
        --project-list-json projects.jsonl --output-dir index

  List the files of a release before they are uploaded:
    dumb-pypi scan --write-metadata --uploaded-by release-bot dist > new.jsonl

  List a bucket in the same way:
    dumb-pypi scan -o packages.jsonl --previous packages.jsonl \\
        s3://packages.example.com

  List what is attached to the releases of a repository on GitHub:
    dumb-pypi scan -o packages.jsonl github:example/project

  List your own files, and two projects of another index that you permit:
    dumb-pypi scan -o packages.jsonl --prefer pool pool \\
        https://pypi.example.com/simple/ --project requests --project 'idna<4'

To index one folder, dumb-pypi --packages-dir DIR needs no list.
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f'{_PROGRAM} scan',
        usage='%(prog)s [OPTION ...] SOURCE [SOURCE ...]',
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
    )
    files = parser.add_argument_group('files')
    files.add_argument(
        'sources', metavar='SOURCE', nargs='+',
        help='list the files of this source: a folder, the s3://, gs:// or az:// URL of a bucket, '
             'github:OWNER/REPO or the URL of a simple index',
    )
    files.add_argument(
        '--write-metadata', action='store_true',
        help='write the metadata of each wheel in a folder or bucket to a .metadata file next to '
             'it, so that clients need not download the wheel to resolve dependencies',
    )
    files.add_argument(
        '--previous', metavar='PATH',
        help='copy the lines of unchanged files from this list instead of reading the files: the '
             'list of the previous scan, or the packages.json of the previous build; a file is '
             'unchanged if its name, size, modification time and, in a bucket, ETag are the same; '
             'hashes that a server does not state are copied, too; the '
             'file may be missing if it is that of --output',
    )
    files.add_argument(
        '-j', '--jobs', metavar='N', type=int,
        help='read this many files at once (default: as many as there are CPUs), and send this '
             'many requests at once (default: 8, or 32 to a bucket)',
    )
    files.add_argument(
        '--prefer', metavar='SOURCE', action='append', default=[],
        help='if several sources have the same project, list only the files of this one; may be '
             'given several times, the most important source first (default: such projects are '
             'an error)',
    )
    files.add_argument(
        '--names-only', action='store_true',
        help='read nothing in a bucket: list names, sizes and times, in one request per thousand '
             'objects, without hashes and metadata',
    )
    servers = parser.add_argument_group('other servers')
    servers.add_argument(
        '--project', metavar='NAME', action='append', default=[], dest='allowed',
        help='list this project of the simple index; may be given several times, and may have '
             "versions, such as 'foo<2'",
    )
    servers.add_argument(
        '--projects-from', metavar='PATH', dest='allowed_from',
        help='read requirements from this file, one per line, and list the files of the simple '
             'index that satisfy them',
    )
    servers.add_argument(
        '--cache', metavar='DIR',
        help='keep responses in this folder, so that servers need not send them again until they '
             'change',
    )
    servers.add_argument(
        '--compute-hashes', action='store_true',
        help='download files whose source states no hash, to compute it; with --previous, only '
             'files that are new',
    )
    servers.add_argument(
        '--api-url', metavar='URL',
        help='use the API of another server than github.com (default: $GITHUB_API_URL, else '
             'that of github.com)',
    )
    the_list = parser.add_argument_group('list')
    the_list.add_argument(
        '-o', '--output', metavar='PATH',
        help='write the list to this file, atomically; - is standard output, the default; it may '
             'be the file of --previous; an empty list does not replace another one',
    )
    the_list.add_argument(
        '--projects', metavar='PATH',
        help='write a list for --project-list-json to this file, atomically: README, licence, '
             'authors, links and other metadata of the latest release of each project in a folder '
             'or bucket, and the status of projects of another index; with --previous, read '
             'only metadata that this file lacks',
    )
    the_list.add_argument(
        '--uploaded-by', metavar='TEXT',
        help='say who uploaded the files, except for those whose uploader is in the previous list '
             'or known to GitHub, and for those of another index',
    )
    the_list.add_argument(
        '--strict', action='store_true',
        help='print no list if any file is broken (default: skip such files and list the others)',
    )
    messages = parser.add_argument_group('messages and help')
    loudness = messages.add_mutually_exclusive_group()
    loudness.add_argument(
        '-q', '--quiet', action='store_true',
        help='print errors and broken files only: no progress, no summary, nothing about skipped '
             'files of other kinds',
    )
    loudness.add_argument(
        '-v', '--verbose', action='store_true', help='print all messages, however many',
    )
    messages.add_argument(
        '--version', action='version', version=f'{_PROGRAM} {__version__}',
        help='print the version',
    )
    messages.add_argument('-h', '--help', action='help', help='print this help')
    return parser


def _report(result: Scan, args: argparse.Namespace) -> None:
    """Print the messages of a scan, and a summary if files are missing from its list."""
    say_notices([] if args.quiet else result.notices, verbose=args.verbose)
    say_notices(result.problems, verbose=args.verbose)
    if skipped := sum(problem.skipped for problem in result.problems):
        # The numbers change with every new file, and a cron job compares what is printed.
        if not args.quiet:
            summarize = _summary if all(map(is_folder, args.sources)) else _summary_of_servers
            say(f'{_PROGRAM}: {summarize(skipped, 0 if args.strict else len(result.lines))}')
    elif not result.lines:
        # If nothing of an index is listed, there is a problem with each of its projects.
        say(
            f'{_PROGRAM}: no distribution files found in '
            f'{", ".join(map(shown_path, args.sources))}: is that the right source?',
        )


def _summary(skipped: int, listed: int) -> str:
    """Return the sentence that counts the skipped files and those listed nevertheless.

    >>> _summary(1, 11)
    '1 file was skipped; the other 11 are listed'
    >>> _summary(2, 1)
    '2 files were skipped; the other one is listed'
    """
    summary = count_skipped(skipped, 'file')
    if not listed:
        return summary
    return f'{summary}; the other {"one is" if listed == 1 else f"{listed} are"} listed'


def _summary_of_servers(problems: int, listed: int) -> str:
    """Return the sentence that counts problems, such as missing projects, and listed files.

    >>> _summary_of_servers(1, 2)
    '1 problem was found; 2 files are listed'
    """
    return (
        f'{count(problems, "problem")} {"was" if problems == 1 else "were"} found; '
        f'{count(listed, "file")} {"is" if listed == 1 else "are"} listed'
    )


def _check_output(args: argparse.Namespace) -> None:
    """Refuse files that cannot be written, or that would overwrite each other or a list to read.

    Raises:
        OptionError: a list cannot go there.
    """
    output, projects, previous = args.output, args.projects, args.previous
    for option, path in (('--output', output), ('--projects', projects)):
        if path is None:
            continue
        if os.path.exists(path) and not os.path.isfile(path):
            raise OptionError(option, f'{shown(path)} is not an ordinary file')
        if is_distribution(os.path.basename(path).removesuffix(METADATA)):
            raise OptionError(
                option, f'{shown(path)} has the name of a distribution file; pass another path',
            )
        if args.allowed_from is not None and _are_same(path, args.allowed_from):
            raise OptionError(
                option, f'{shown(path)} is also the file of --projects-from; pass another path',
            )
    if projects in ('', STDOUT):
        raise OptionError('--projects', f'{shown(projects)} is not the path of a file')
    if projects is not None:
        for option, path in (('--output', output), ('--previous', previous)):
            if path is not None and _are_same(path, projects):
                raise OptionError(
                    '--projects', f'{shown(projects)} is also the file of {option}: pass another '
                    'path',
                )
    if output is None:
        for option, path in (('--previous', previous), ('--projects', projects)):
            if path is not None and _is_standard_output(path):
                raise OptionError(
                    option, f'{shown(path)} is also the standard output, so the shell has emptied '
                    'it: write the list with --output instead',
                )


def _are_same(path: str, other: str) -> bool:
    return os.path.realpath(path) == os.path.realpath(other)


def _is_standard_output(path: str) -> bool:
    """Return whether the shell has redirected the standard output to a file."""
    with suppress(OSError, ValueError):
        standard_output = os.fstat(1)
        return stat.S_ISREG(standard_output.st_mode) and os.path.samestat(
            standard_output, os.stat(path),
        )
    return False


def _previous(args: argparse.Namespace) -> str | None:
    """Return the path of the previous list, None if there is none.

    The first scan of a cron job has none yet: the file that it writes is the next one's previous
    list. Any other missing file is a mistake.
    """
    previous: str | None = args.previous
    if (
        previous is not None and args.output is not None and not os.path.exists(previous)
        and _are_same(previous, args.output)
    ):
        return None
    return previous


def _previous_projects(args: argparse.Namespace) -> str | None:
    """Return the project list whose lines may be taken over.

    Without --previous everything is read again, but nobody's own facts are overwritten.

    Raises:
        FileError: the file of --projects is not a list that a scan wrote.
    """
    if args.projects is None or args.previous is not None:
        projects: str | None = args.projects
        return projects
    # Most scans write no project list, and need none of what this imports.
    from dumb_pypi.scanner.projects import read_known
    read_known(args.projects)
    return None


def _has_content(path: str) -> bool:
    with suppress(OSError, ValueError):
        return os.path.getsize(path) > 0
    return False


def _write(path: str, lines: Sequence[bytes]) -> None:
    """Write a list atomically; if `path` is a link, write the file that it links to.

    Raises:
        FileError: it cannot be written. The old file is unchanged.
    """
    try:
        write_atomically(os.path.realpath(path), _joined(lines))
    except (OSError, ValueError) as error:
        raise FileError('write', path, error) from error


def _joined(lines: Sequence[bytes]) -> bytes:
    return b''.join(line + b'\n' for line in lines)

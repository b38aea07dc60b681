"""The command `dumb-pypi build`: options, messages, exit status."""
from __future__ import annotations

import argparse
import contextlib
import datetime
from collections.abc import Sequence

from dumb_pypi import __version__
from dumb_pypi.api import build_session
from dumb_pypi.builder.report import Report
from dumb_pypi.commands import describe_commands
from dumb_pypi.commands.console import (
    are_few,
    count,
    count_skipped,
    DONE,
    FAILED,
    hold_signals,
    INTERRUPTED,
    ProgressBar,
    say,
    say_notices,
)
from dumb_pypi.errors import DumbPypiError, ListError, Notice, OptionError, RefusedError
from dumb_pypi.options import DEFAULT_TITLE, hints

PATIENCE = 2  # seconds before the progress bar appears


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = _parser()
    options = vars(parser.parse_args(argv))
    quiet, verbose = options.pop('quiet'), options.pop('verbose')
    try:
        with contextlib.ExitStack() as stack:
            # The bar is erased before anything is printed.
            with contextlib.closing(ProgressBar(patience=PATIENCE)) as progress:
                report = stack.enter_context(build_session(None, progress, **options))
            if not quiet:
                _say_notices(report, verbose=verbose)
                for hint in hints(
                    options['packages_url'], options['site_url'], options['output_dir'],
                ):
                    _say(f'warning: {hint}')
            if verbose:
                _say_report(report)
            hold_signals()
    except OptionError as error:
        parser.error(str(error))
    except ListError as error:
        # Bad lines are why a strict build fails, and may be why most projects are gone.
        if isinstance(error, RefusedError) or not quiet:
            say_notices(error.notices, verbose=verbose)
            if any(notice.skipped for notice in error.notices):
                _say(_count_skipped(error.notices))
        return _failed(error)
    except DumbPypiError as error:
        return _failed(error)
    except KeyboardInterrupt:
        _say('interrupted')
        return INTERRUPTED
    return DONE


_DESCRIPTION = f"""\
Build a Python package index of static files, from a folder of distribution
files or from a list of them.

commands:
{describe_commands()}"""

_EPILOG = """\
exit status:
  0    the index was built, or is up to date
  1    failure; a message on stderr says why
  2    wrong command line
  130  interrupted

examples:
  Index the files in index/pool, then try the index out:
    dumb-pypi --packages-dir index/pool --output-dir index
    dumb-pypi serve index

  Index files that are in a bucket, given a list of their names:
    dumb-pypi --package-list names.txt --output-dir index \\
        --packages-url https://packages.example.com/

  Write only the pages that differ from those of the published index:
    dumb-pypi --package-list-json packages.jsonl --output-dir changed \\
        --packages-url ../../pool/ --previous-package-list-json published.json
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='dumb-pypi',
        usage='%(prog)s [build] --packages-dir DIR --output-dir DIR [OPTION ...]\n'
              '       %(prog)s [build] --package-list PATH --packages-url URL --output-dir DIR '
              '[OPTION ...]\n'
              '       %(prog)s COMMAND --help',
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
    )
    _add_input_options(parser.add_argument_group('input (one of the first three is required)'))
    _add_output_options(parser.add_argument_group('output'))
    _add_page_options(parser.add_argument_group('web pages'))
    _add_rebuilding_options(parser.add_argument_group('rebuilding'))
    _add_message_options(parser.add_argument_group('messages and help'))
    return parser


def _add_input_options(group: argparse._ArgumentGroup) -> None:
    package_list = group.add_mutually_exclusive_group(required=True)
    package_list.add_argument(
        '--packages-dir', metavar='DIR',
        help='index the wheels, sdists and eggs in a folder and below',
    )
    package_list.add_argument(
        '--package-list', metavar='PATH',
        help='index a list of files: a file name, path or URL per line; - is standard input',
    )
    package_list.add_argument(
        '--package-list-json', metavar='PATH',
        help='index a list of files: a JSON object per line; - is standard input',
    )
    group.add_argument(
        '--project-list-json', metavar='PATH',
        help='read facts about projects, such as their status: a JSON object per line',
    )
    group.add_argument(
        '--write-metadata', action='store_true',
        help='with --packages-dir: write the metadata of each wheel to a .metadata file next to '
             'it, so that clients need not download the wheel to resolve dependencies',
    )
    group.add_argument(
        '--strict', action='store_true',
        help='write nothing and exit with 1 if any line or file has to be skipped',
    )


def _add_output_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        '--output-dir', metavar='DIR', required=True,
        help='write the index to this folder, or to a bucket: s3://bucket/path, gs://… or az://…',
    )
    group.add_argument(
        '--packages-url', metavar='URL',
        help='link the files below this URL: absolute, or relative to the pages in '
             'simple/<project>/, such as ../../pool/; may be omitted if --packages-dir is inside '
             '--output-dir',
    )
    group.add_argument(
        '--site-url', metavar='URL',
        help='set the public URL of the index, to get feeds and absolute URLs in both JSON APIs',
    )
    group.add_argument(
        '--no-per-release-json', dest='per_release_json', action='store_false',
        help='omit the JSON API of each release, /pypi/<project>/<version>/json',
    )
    group.add_argument(
        '--precompress', action='store_true',
        help='write a .gz file next to each page that gets smaller, as for nginx gzip_static',
    )
    group.add_argument(
        '--slash-keys', action='store_true',
        help='with --output-dir s3://…: write each index.html under the key that ends in a slash '
             'too, for stores that serve exact keys only',
    )
    group.add_argument(
        '--changes-file', metavar='PATH',
        help='record what was written and deleted, as JSON lines in a safe upload order; - is '
             'standard output',
    )
    group.add_argument(
        '--report', metavar='PATH',
        help='write a JSON report for monitoring, also if the build fails: counts, duration, '
             'skipped lines, warnings, exit status; - is standard output',
    )


def _add_page_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        '--title', metavar='TEXT', default=DEFAULT_TITLE,
        help='set the title of the web pages (default: %(default)s)',
    )
    group.add_argument(
        '--logo', metavar='URL',
        help='show an image on the web pages: absolute URL, or relative to the home page',
    )
    group.add_argument(
        '--logo-width', metavar='PX', type=int, help='set the width of the logo, in CSS pixels',
    )
    group.add_argument(
        '--template-dir', metavar='DIR',
        help='use the templates and the custom.css in this folder in place of the built-in ones',
    )
    group.add_argument(
        '--no-generate-timestamp', dest='generated', action='store_const', const=None,
        default=_now(), help='omit the build time, for reproducible output',
    )


def _add_rebuilding_options(group: argparse._ArgumentGroup) -> None:
    previous = group.add_mutually_exclusive_group()
    previous.add_argument(
        '--previous-package-list', metavar='PATH',
        help='write only pages that differ from the published index, given the list it was built '
             'from',
    )
    previous.add_argument(
        '--previous-package-list-json', metavar='PATH',
        help='write only pages that differ from the published index, given its packages.json',
    )
    group.add_argument(
        '--full', action='store_true',
        help='ignore what the previous build remembered: render everything, and read all files of '
             '--packages-dir again',
    )
    group.add_argument(
        '--allow-shrink', action='store_true',
        help='allow a build to remove more than half of the projects, or all of them',
    )
    group.add_argument(
        '-j', '--jobs', metavar='N', type=int,
        help='use this many processes (default: as many as there are CPUs, where that helps)',
    )


def _add_message_options(group: argparse._ArgumentGroup) -> None:
    loudness = group.add_mutually_exclusive_group()
    loudness.add_argument(
        '-q', '--quiet', action='store_true', help='print errors only, no warnings',
    )
    loudness.add_argument(
        '-v', '--verbose', action='store_true',
        help='print a summary of what was written, and all messages, however many',
    )
    group.add_argument(
        '--version', action='version', version=f'%(prog)s {__version__}', help='print the version',
    )
    group.add_argument('-h', '--help', action='help', help='print this help')


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC).replace(microsecond=0)


def _failed(error: DumbPypiError) -> int:
    _say(str(error))
    return FAILED


def _say(text: str) -> None:
    say(f'dumb-pypi: {text}')


def _say_notices(report: Report, *, verbose: bool) -> None:
    """Print what is wrong with the lists, unless the previous build has said it."""
    notices, new = report.notices, report.new_notices
    same = not new and not report.gone_notices
    # Those that the previous build could not show are shown if the user wants to see all.
    if not (same and are_few(notices)):
        say_notices(notices if verbose else new, verbose=verbose)
    skipped = sum(notice.skipped for notice in notices)
    new_skipped = sum(notice.skipped for notice in new)
    if not skipped or (same and not verbose):
        return
    summary = _count_skipped(notices)
    if same:
        summary += ', the same as in the previous build (--full reports them again)'
    elif new_skipped < skipped:
        summary += f', {new_skipped:,} of them new' if new_skipped else ', none of them new'
    _say(summary)


def _count_skipped(notices: Sequence[Notice]) -> str:
    skipped = [notice for notice in notices if notice.skipped]
    # Notices without a line are about the files of --packages-dir.
    thing = 'file' if all(notice.line is None for notice in skipped) else 'line'
    return count_skipped(len(skipped), thing)


def _say_report(report: Report) -> None:
    _say(
        f'{count(report.projects, "project")}, {count(report.files, "file")}; '
        f'{count(report.written, "page")} written, {report.deleted} deleted',
    )

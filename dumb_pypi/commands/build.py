"""The command `dumb-pypi build`: options, messages, exit status."""
from __future__ import annotations

import argparse
import contextlib
import datetime
from collections.abc import Iterator, Sequence

from dumb_pypi import __version__
from dumb_pypi.builder import built, Report
from dumb_pypi.commands.console import (
    count,
    count_skipped,
    DONE,
    FAILED,
    INTERRUPTED,
    ProgressBar,
    say,
)
from dumb_pypi.errors import (
    DumbPypiError,
    ListError,
    Notice,
    OptionError,
    RefusedError,
    shown,
)
from dumb_pypi.model.urls import PackagesUrl
from dumb_pypi.options import BuildOptions, DEFAULT_TITLE
from dumb_pypi.process import garbage_collected_seldom

PATIENCE = 2  # seconds before the progress bar appears


@garbage_collected_seldom()
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = _parser()
    options = vars(parser.parse_args(argv))
    quiet, verbose = options.pop('quiet'), options.pop('verbose')
    try:
        with contextlib.ExitStack() as stack:
            # The bar is erased before anything is printed.
            with contextlib.closing(ProgressBar(patience=PATIENCE)) as progress:
                report = stack.enter_context(
                    built(BuildOptions.parse(**options), progress=progress),
                )
            if not quiet:
                _say_notices(report.notices)
                for hint in _hints(options['packages_url'], options['site_url']):
                    _say(hint)
            if verbose:
                _say_report(report)
    except OptionError as error:
        parser.error(str(error))
    except ListError as error:
        # Bad lines are why a strict build fails, and may be why most projects are gone.
        if isinstance(error, RefusedError) or not quiet:
            _say_notices(error.notices)
        return _failed(error)
    except DumbPypiError as error:
        return _failed(error)
    except KeyboardInterrupt:
        _say('interrupted')
        return INTERRUPTED
    return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='dumb-pypi',
        description='Turn a list of Python distribution files into a package index made of '
                    'static files.',
    )
    package_list = parser.add_mutually_exclusive_group(required=True)
    package_list.add_argument(
        '--package-list', metavar='PATH',
        help='the list of files, one file name, path or URL a line; - is standard input',
    )
    package_list.add_argument(
        '--package-list-json', metavar='PATH',
        help='the list of files, one JSON object a line; - is standard input',
    )
    previous = parser.add_mutually_exclusive_group()
    previous.add_argument(
        '--previous-package-list', metavar='PATH',
        help='the list of the last build: write only what differs from it',
    )
    previous.add_argument(
        '--previous-package-list-json', metavar='PATH',
        help='the same, one JSON object a line; the packages.json of the last build will do',
    )
    parser.add_argument(
        '--project-list-json', metavar='PATH',
        help='facts about projects, such as their status, one JSON object a line',
    )
    parser.add_argument(
        '--output-dir', metavar='DIR', required=True, help='where to write the index',
    )
    parser.add_argument(
        '--packages-url', metavar='URL', required=True,
        help='where the files are: absolute, or relative to the pages in simple/<project>/',
    )
    parser.add_argument(
        '--site-url', metavar='URL',
        help="the index's own public URL; gives the feeds and absolute URLs in both JSON APIs",
    )
    parser.add_argument(
        '--title', metavar='TEXT', default=DEFAULT_TITLE,
        help='the title of the web pages (default: %(default)s)',
    )
    parser.add_argument(
        '--logo', metavar='URL',
        help='an image for the web pages: absolute, or relative to the home page',
    )
    parser.add_argument(
        '--logo-width', metavar='PX', type=int, help='how wide to show the logo',
    )
    parser.add_argument(
        '--template-dir', metavar='DIR',
        help='templates of your own, each in place of the one of the same name',
    )
    parser.add_argument(
        '--no-generate-timestamp', dest='generated', action='store_const', const=None,
        default=_now(),
        help='show no creation time: the same input gives the same bytes',
    )
    parser.add_argument(
        '--no-per-release-json', dest='per_release_json', action='store_false',
        help='leave out the JSON API of each release, /pypi/<project>/<version>/json',
    )
    parser.add_argument(
        '--precompress', action='store_true',
        help='write a .gz file beside each page that gets smaller, for nginx gzip_static and such',
    )
    parser.add_argument(
        '--strict', action='store_true',
        help='write nothing if any line of a list cannot be used',
    )
    parser.add_argument(
        '--full', action='store_true',
        help="do not trust the last build's state: render everything again",
    )
    parser.add_argument(
        '--allow-shrink', action='store_true',
        help='let the list drop more than half of the projects of the last build',
    )
    parser.add_argument(
        '--changes-file', metavar='PATH',
        help='write what was written and deleted, JSON lines in a safe order for uploading',
    )
    parser.add_argument(
        '-j', '--jobs', metavar='N', type=int,
        help='worker processes (default: as many as there are processors, where it is worth it)',
    )
    loudness = parser.add_mutually_exclusive_group()
    loudness.add_argument(
        '-q', '--quiet', action='store_true', help='say nothing of lines that are odd',
    )
    loudness.add_argument(
        '-v', '--verbose', action='store_true', help='say what was written',
    )
    parser.add_argument('--version', action='version', version=f'%(prog)s {__version__}')
    return parser


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC).replace(microsecond=0)


def _failed(error: DumbPypiError) -> int:
    _say(str(error))
    return FAILED


def _say(text: str) -> None:
    say(f'dumb-pypi: {text}')


def _say_notices(notices: Sequence[Notice]) -> None:
    for notice in notices:
        say(str(notice))
    skipped = sum(notice.skipped for notice in notices)
    if skipped:
        _say(count_skipped(skipped, 'line'))


def _hints(packages_url: str, site_url: str | None) -> Iterator[str]:
    """Yield a hint for each option that is hardly ever meant as it is.

    >>> list(_hints('pool', None))
    ["--packages-url: 'pool' is simple/<project>/pool/: a folder beside simple/ is ../../pool/"]
    >>> list(_hints('../../pool/', 'https://example.com/simple'))
    ["--site-url: 'https://example.com/simple' ends in simple/, below which there is another one"]
    >>> list(_hints('.', 'https://example.com/'))
    []
    """
    place = PackagesUrl.parse(packages_url).prefix('<project>', '')
    name = place.removeprefix('simple/').removeprefix('<project>/')
    if place.startswith('simple/') and name:
        yield (
            f'--packages-url: {shown(packages_url)} is {place}: '
            f'a folder beside simple/ is ../../{name}'
        )
    if site_url is not None and site_url.rstrip('/').endswith('/simple'):
        yield f'--site-url: {shown(site_url)} ends in simple/, below which there is another one'


def _say_report(report: Report) -> None:
    _say(
        f'{count(report.projects, "project")}, {count(report.files, "file")}; '
        f'{count(report.written, "page")} written, {report.deleted} deleted',
    )

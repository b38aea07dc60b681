"""The command `dumb-pypi check`: options, messages, exit status."""
from __future__ import annotations

import argparse
import json
import os
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from typing import get_args

from dumb_pypi import __version__
from dumb_pypi.builder.check import check
from dumb_pypi.builder.comparison import CheckReport, Kind
from dumb_pypi.commands.console import (
    count,
    DONE,
    FAILED,
    INTERRUPTED,
    ProgressBar,
    say,
    say_failure,
)
from dumb_pypi.errors import DumbPypiError, shown_path
from dumb_pypi.store.files import write_to_stdout

_KINDS: tuple[Kind, ...] = get_args(Kind)
_PATIENCE = 2  # seconds before the progress bar appears


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    if not options.output_dir:
        parser.error('DIR is empty')
    try:
        with closing(ProgressBar(patience=_PATIENCE, hidden=options.quiet)) as progress:
            checked = check(options.output_dir, progress)
        write_to_stdout(os.fsencode(_json(checked) if options.json else _lines(checked)))
    except DumbPypiError as error:
        return say_failure(error)
    except KeyboardInterrupt:
        _say('interrupted')
        return INTERRUPTED
    if not options.quiet:
        _say(_summary(checked))
    return FAILED if checked.differences else DONE


_EPILOG = """\
Each line of the output is a page that is missing, empty, changed or unknown.
The check writes and locks nothing. A build with --full repairs what it finds.

exit status:
  0    there are no differences
  1    there are differences, or the index cannot be checked
  2    wrong command line
  130  interrupted
  141  the program that reads the output ended, as head does

examples:
  Check an index, as after a power cut or a restored backup:
    dumb-pypi check index

  Count the differences of each kind:
    dumb-pypi check --json index | jq .counts
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='dumb-pypi check',
        usage='%(prog)s [OPTION ...] DIR',
        description='Verify an index: compare every page with the checksum that the latest\n'
                    'build recorded.',
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
    )
    index = parser.add_argument_group('index')
    index.add_argument(
        'output_dir', metavar='DIR',
        help='check the index in this folder or bucket: --output-dir of builds',
    )
    messages = parser.add_argument_group('output and help')
    messages.add_argument(
        '--json', action='store_true',
        help='print a JSON object: "pages", the number of pages that the latest build recorded; '
             '"counts", the number of differences of each kind; and "differences", a list of '
             'objects with "kind" and "path"',
    )
    messages.add_argument(
        '-q', '--quiet', action='store_true',
        help='print only differences and errors, for example in a cron job',
    )
    messages.add_argument(
        '--version', action='version', version=f'dumb-pypi {__version__}',
        help='print the version',
    )
    messages.add_argument('-h', '--help', action='help', help='print this help')
    return parser


def _counts(checked: CheckReport) -> dict[Kind, int]:
    counts = Counter(difference.kind for difference in checked.differences)
    return {kind: counts[kind] for kind in _KINDS}


def _summary(checked: CheckReport) -> str:
    """Return the sentence that counts pages and differences.

    >>> from dumb_pypi.builder.comparison import Difference
    >>> _summary(CheckReport(12, []))
    '12 pages checked, no differences'
    >>> _summary(CheckReport(2, [Difference('missing', 'index.html'), Difference('unknown', 'a')]))
    '2 pages checked: 1 missing, 1 unknown; a build with --full repairs them'
    """
    pages = f'{count(checked.pages, "page")} checked'
    if not checked.differences:
        return f'{pages}, no differences'
    counts = ', '.join(f'{number} {kind}' for kind, number in _counts(checked).items() if number)
    return f'{pages}: {counts}; a build with --full repairs them'


def _lines(checked: CheckReport) -> str:
    # The paths are aligned; one that is not a line of text is quoted.
    return ''.join(f'{kind:7} {shown_path(path)}\n' for kind, path in checked.differences)


def _json(checked: CheckReport) -> str:
    return json.dumps({
        'pages': checked.pages,
        'counts': _counts(checked),
        'differences': [difference._asdict() for difference in checked.differences],
    }) + '\n'


def _say(text: str) -> None:
    say(f'dumb-pypi: {text}')

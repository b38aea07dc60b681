"""The command `dumb-pypi check`: options, messages, exit status."""
from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from typing import get_args

from dumb_pypi import __version__
from dumb_pypi.builder.check import check, Checked, Kind
from dumb_pypi.commands.console import count, DONE, FAILED, INTERRUPTED, say
from dumb_pypi.errors import DumbPypiError, FileError, shown_path


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    options = _parser().parse_args(argv)
    try:
        checked = check(options.output_dir)
        _print(_json(checked) if options.json else _lines(checked))
    except DumbPypiError as error:
        _say(str(error))
        return FAILED
    except KeyboardInterrupt:
        _say('interrupted')
        return INTERRUPTED
    if not checked.differences:
        if not options.quiet:
            _say(f'{count(checked.pages, "page")} checked, no differences')
        return DONE
    if not options.quiet:
        _say(
            f'{count(checked.pages, "page")} checked, '
            f'{count(len(checked.differences), "difference")}; a build with --full repairs them',
        )
    return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='dumb-pypi check',
        description='Compare every page of an index with what the latest build remembers of it.',
        epilog='Prints a line for each page that is missing, empty, changed or unknown. Exits with '
               '0 if there are none, with 1 if there are some or if the index cannot be checked. '
               'Nothing is written. A build with --full repairs all differences.',
    )
    parser.add_argument('output_dir', metavar='DIR', help='the output directory of the builds')
    parser.add_argument(
        '--json', action='store_true',
        help='print one JSON object: "pages" (how many the build remembers), "counts" (differences '
             'of each kind) and "differences" (objects with "kind" and "path")',
    )
    parser.add_argument(
        '-q', '--quiet', action='store_true', help='print differences and errors only',
    )
    parser.add_argument('--version', action='version', version=f'%(prog)s {__version__}')
    return parser


def _lines(checked: Checked) -> str:
    # Paths are aligned, and those that could be taken for two lines are quoted.
    return ''.join(
        f'{kind:7} {shown_path(path)}\n' for kind, path in checked.differences
    )


def _json(checked: Checked) -> str:
    counts = Counter(difference.kind for difference in checked.differences)
    return json.dumps({
        'pages': checked.pages,
        'counts': {kind: counts[kind] for kind in get_args(Kind)},
        'differences': [difference._asdict() for difference in checked.differences],
    }) + '\n'


def _print(text: str) -> None:
    """
    Raises:
        FileError: it cannot be printed.
    """
    try:
        print(text, end='', flush=True)
    except (OSError, ValueError) as error:
        raise FileError('write', '<stdout>', error) from error


def _say(text: str) -> None:
    say(f'dumb-pypi: {text}')

"""The command line: which command to run."""
from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

COMMANDS = ('build', 'check', 'scan', 'serve')


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status. Options without a command are those of `build`."""
    arguments = [*(sys.argv[1:] if argv is None else argv)]
    name = arguments.pop(0) if arguments and arguments[0] in COMMANDS else 'build'
    # No command imports what only another one needs.
    command = importlib.import_module(f'dumb_pypi.commands.{name}')
    return int(command.main(arguments))


def run() -> NoReturn:
    """Run the command that the user typed, and exit at once.

    Python would take some milliseconds to exit. A build that is killed in them has written its
    changes file, and the next one could not know that it did not exit with 0.
    """
    status = main()
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except OSError:
        # Python reports it.
        sys.exit(status)
    os._exit(status)


if __name__ == '__main__':
    run()

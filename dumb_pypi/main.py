"""The command line: which command to run."""
from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

COMMANDS = ('build', 'scan')


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status. Options without a command are those of `build`."""
    arguments = [*(sys.argv[1:] if argv is None else argv)]
    name = arguments.pop(0) if arguments and arguments[0] in COMMANDS else 'build'
    # No command imports what only another one needs.
    command = importlib.import_module(f'dumb_pypi.commands.{name}')
    return int(command.main(arguments))


if __name__ == '__main__':
    raise SystemExit(main())

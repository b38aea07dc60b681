"""The command line: which command to run."""
from __future__ import annotations

import sys
from collections.abc import Sequence

from dumb_pypi.commands import build


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status; options without a command are those of `build`."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ['scan']:
        from dumb_pypi.commands import scan
        return scan.main(arguments[1:])
    if arguments[:1] == ['build']:
        return build.main(arguments[1:])
    return build.main(arguments)


if __name__ == '__main__':
    raise SystemExit(main())

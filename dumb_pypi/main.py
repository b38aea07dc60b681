"""Dispatch to a command, and turn system errors into messages of one line."""
from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from dumb_pypi.commands import COMMANDS, console, describe_commands
from dumb_pypi.commands.console import FAILED, INTERRUPTED, say, WRONG_USAGE
from dumb_pypi.errors import is_refusal, reason_of, shown_path
from dumb_pypi.process import collect_garbage_seldom

HOW_TO_BEGIN = f'''\
dumb-pypi makes a Python package index of static files.

To begin, put some wheels and sdists into the folder index/pool, and run:

  dumb-pypi --packages-dir index/pool --output-dir index
  dumb-pypi serve index

commands:
{describe_commands()}
dumb-pypi --help lists the options of a build, dumb-pypi COMMAND --help those of another command.'''


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status. Options without a command are those of `build`."""
    if sys.platform.startswith('win'):
        say('dumb-pypi: this program runs on Linux and macOS only')
        return FAILED
    _open_standard_files()
    arguments = [*(sys.argv[1:] if argv is None else argv)]
    if not arguments:
        # As after any other wrong command line: a script must not go on.
        say(HOW_TO_BEGIN)
        return WRONG_USAGE
    name = 'build' if arguments[0].startswith('-') else arguments.pop(0)
    if name not in COMMANDS:
        say(f'dumb-pypi: {_what_is_meant(name)}')
        return WRONG_USAGE
    return _run(name, arguments)


def _what_is_meant(word: str) -> str:
    import difflib
    similar = difflib.get_close_matches(word, COMMANDS, 1)
    if similar:
        return f'{word!r} is not a command. Did you mean {similar[0]!r}?'
    if os.path.isdir(word):
        return (
            f'{word!r} is not a command. To make an index of the files in a folder, pass '
            '--packages-dir DIR --output-dir DIR'
        )
    if os.path.isfile(word):
        return f'{word!r} is not a command. To make an index of a list, pass --package-list PATH'
    return f'{word!r} is not a command. dumb-pypi --help lists the commands and options'


def run() -> NoReturn:
    """Run the command that the user typed, and exit at once.

    Python would take some milliseconds to exit. A build that is killed in them has written its
    changes file, and the next one could not know that it did not exit with 0. If memory is short,
    Python might abort, or wait for a thread of a process pool.
    """
    _ensure_utf8()
    collect_garbage_seldom()
    console.ends_process = True
    status = main()
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except OSError:
        # Python reports it.
        sys.exit(status)
    os._exit(status)


def run_scan() -> NoReturn:
    """Run the command `dumb-pypi-scan`, another name of `dumb-pypi scan`."""
    sys.argv.insert(1, 'scan')
    run()


def _run(name: str, arguments: list[str]) -> int:
    try:
        # If memory is short, hashlib logs the algorithms that it cannot load.
        with contextlib.redirect_stderr(None):
            # No command imports what only another one needs.
            command = importlib.import_module(f'dumb_pypi.commands.{name}')
        return int(command.main(arguments))
    except KeyboardInterrupt:
        say('dumb-pypi: interrupted')
        return INTERRUPTED
    except UnicodeEncodeError:
        reason = 'the locale has no UTF-8: set LC_ALL=C.UTF-8 or PYTHONUTF8=1'
    except (ImportError, MemoryError, OSError, RuntimeError, SystemError) as error:
        if isinstance(error, RuntimeError) and not is_refusal(error):
            raise
        reason = reason_of(error)
        path = getattr(error, 'filename', None)
        if path is not None:
            reason = f'{shown_path(str(path))}: {reason}'
        elif isinstance(error, FileNotFoundError) and _is_nowhere():
            reason = 'the working directory was deleted: change to another one (cd)'
    # The frames of the failure, with all that they hold, are gone.
    say(f'dumb-pypi: {reason}')
    return FAILED


def _is_nowhere() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    return False


def _open_standard_files() -> None:
    """Open closed standard streams, so that no file of the build takes their place.

    Each is opened so that using it fails, as with a closed one.
    """
    for number, mode in enumerate((os.O_WRONLY, os.O_RDONLY, os.O_RDONLY)):
        try:
            os.fstat(number)
        except OSError:
            with contextlib.suppress(OSError):
                os.open(os.devnull, mode)


def _ensure_utf8() -> None:
    """Start again in Python's UTF-8 mode if file names have another encoding in this locale.

    The paths of pages are UTF-8 whatever the locale is, and so are the names of files in a list.
    """
    if sys.getfilesystemencoding() != 'utf-8' and sys.executable:
        # If that is impossible, pages whose paths are not ASCII cannot be written.
        with contextlib.suppress(OSError):
            os.execv(  # noqa: S606 - it is this program that starts again
                sys.executable, [sys.executable, '-X', 'utf8', *sys.orig_argv[1:]],
            )


if __name__ == '__main__':
    run()

"""A process that renders READMEs, within limits.

A README may be made to keep a renderer busy for hours, to exhaust the memory or the stack, or to
have docutils read a file. So each is rendered in a process of its own, which has limits, and which
may die.
"""
from __future__ import annotations

import contextlib
import json
import mimetypes
import os
import resource
import signal
import subprocess
import sys
import time
from typing import Any, BinaryIO, cast

from dumb_pypi.errors import ResourceError, WorkerError
from dumb_pypi.pages import readme

# The longest README of 70 installed packages, of 53 kB, takes 0.4 seconds.
_SECONDS = 15  # CPU time for a README
_MEMORY = 1 << 30  # bytes

# How a README can kill the process: by its limit, or by a bug of a library.
_KILLED_BY_README = tuple(-number for number in (
    signal.SIGXCPU, signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGILL,
))
_PROGRAM = (
    'import json, sys; sys.path[:] = json.loads(sys.argv[1]); '
    'from dumb_pypi.builder.renderer import serve; serve()'
)
_SIZE = 8  # bytes that precede each message and have its length


class Renderer:
    """The parent's end of the process.

    Raises:
        ResourceError: the system refuses a process.
    """

    def __init__(self) -> None:
        try:
            self._process = subprocess.Popen(
                [sys.executable, '-W', 'ignore', '-c', _PROGRAM, json.dumps(sys.path)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                # Ctrl-C is for the build, which ends this process.
                start_new_session=True,
                env={**os.environ, 'DOCUTILSCONFIG': '', 'PYTHONHASHSEED': '0'},
            )
        except OSError as error:
            raise ResourceError('start a process to render READMEs', error) from error
        self._requests = cast('BinaryIO', self._process.stdin)
        self._answers = cast('BinaryIO', self._process.stdout)

    def render(self, text: str, content_type: str | None, project: str) -> str | None:
        """Return a README as HTML, None if it cannot be rendered within the limits.

        Raises:
            WorkerError: the process died, and not of the README.
        """
        try:
            _send(self._requests, (_SECONDS, text, content_type, project))
            answer: str | None = _receive(self._answers)
        except (BrokenPipeError, EOFError):
            self._close_pipes()
            status = self._process.wait()
            if status in _KILLED_BY_README:
                return None
            raise WorkerError(status) from None
        return answer

    @property
    def is_alive(self) -> bool:
        return self._process.returncode is None

    def close(self) -> None:
        """Let the process end by itself."""
        with contextlib.suppress(BrokenPipeError):
            # Closing the pipe is not enough: a worker process may have it open as well.
            _send(self._requests, None)
        self._close_pipes()
        self._process.wait()

    def kill(self) -> None:
        self._process.kill()
        self._close_pipes()
        self._process.wait()

    def _close_pipes(self) -> None:
        for pipe in (self._requests, self._answers):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


def serve() -> None:
    """Render texts from standard input until there is no more."""
    answers = os.fdopen(os.dup(1), 'wb')
    # What a library prints must not get between the answers.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    with contextlib.suppress(OSError, ValueError):
        _limit(resource.RLIMIT_CORE, 0)
        _limit(resource.RLIMIT_AS, _MEMORY)
    # Otherwise docutils reads the system's own types, which differ.
    mimetypes.init(files=())
    sys.addaudithook(_refuse_files)
    with contextlib.suppress(BrokenPipeError, EOFError):
        while (request := _receive(sys.stdin.buffer)) is not None:
            seconds, *arguments = request
            _limit(resource.RLIMIT_CPU, int(time.process_time()) + 1 + seconds)
            try:
                answer = readme.render(*arguments)
            except BaseException:  # noqa: BLE001 - a panic of a library in Rust is not an `Exception`
                answer = None
            _send(answers, answer)


def _limit(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))


def _refuse_files(event: str, arguments: tuple[object, ...]) -> None:
    """Refuse to open files other than modules, and everything that reaches beyond this process."""
    if event == 'open':
        path = arguments[0]
        if isinstance(path, str) and not os.path.realpath(path).startswith(_module_folders()):
            raise PermissionError(f'READMEs must not read {path}')
    elif event.startswith(('socket.', 'subprocess.', 'os.system', 'os.exec', 'os.posix_spawn')):
        raise PermissionError(f'READMEs must not use {event}')


def _module_folders() -> tuple[str, ...]:
    # The current folder, '', is the user's. An editable installation is in none of the others.
    own = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return tuple(os.path.realpath(folder) for folder in (*sys.path, own) if folder)


def _send(pipe: BinaryIO, message: object) -> None:
    content = json.dumps(message).encode()
    pipe.write(len(content).to_bytes(_SIZE, 'big') + content)
    pipe.flush()


def _receive(pipe: BinaryIO) -> Any:
    """
    Raises:
        EOFError: the other end was closed.
    """
    size = int.from_bytes(_read(pipe, _SIZE), 'big')
    return json.loads(_read(pipe, size))


def _read(pipe: BinaryIO, size: int) -> bytes:
    content = pipe.read(size)
    if len(content) < size:
        raise EOFError
    return content

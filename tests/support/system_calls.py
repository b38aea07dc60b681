"""Watch the system calls that a process and its children make on files, and let calls fail.

Linux can ask another process, the supervisor, before it makes a call (seccomp_unotify(2)). So no
call is missed, whichever library makes it, and errors are those that a disk would report. Unlike
strace, this needs no other program; unlike a preloaded library, it sees every call.
"""
from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import platform
import random
import select
import signal
import socket
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

# Seconds until processes that outlive their build count as left over.
PATIENCE = 60


class _Number(NamedTuple):
    """The number of a system call; newer processors lack some old calls."""
    x86_64: int | None
    aarch64: int | None


# Kinds of arguments: the number of an open file, a path, and a path that is relative to the open
# folder of the argument before it.
FILE, PATH, AT = 'file', 'path', 'at'
_CALLS: dict[str, tuple[_Number, dict[int, str]]] = {
    'read': (_Number(0, 63), {0: FILE}),
    'pread': (_Number(17, 67), {0: FILE}),
    'write': (_Number(1, 64), {0: FILE}),
    'pwrite': (_Number(18, 68), {0: FILE}),
    'copy_file_range': (_Number(326, 285), {2: FILE}),
    'sendfile': (_Number(40, 71), {0: FILE}),
    'open': (_Number(2, None), {0: PATH}),
    'openat': (_Number(257, 56), {1: AT}),
    'stat': (_Number(4, None), {0: PATH}),
    'fstat': (_Number(5, 80), {0: FILE}),
    'lstat': (_Number(6, None), {0: PATH}),
    'newfstatat': (_Number(262, 79), {1: AT}),
    'statx': (_Number(332, 291), {1: AT}),
    'access': (_Number(21, None), {0: PATH}),
    'faccessat': (_Number(269, 48), {1: AT}),
    'faccessat2': (_Number(439, 439), {1: AT}),
    'readlink': (_Number(89, None), {0: PATH}),
    'readlinkat': (_Number(267, 78), {1: AT}),
    'getdents64': (_Number(217, 61), {0: FILE}),
    'rename': (_Number(82, None), {0: PATH, 1: PATH}),
    'renameat': (_Number(264, 38), {1: AT, 3: AT}),
    'renameat2': (_Number(316, 276), {1: AT, 3: AT}),
    'link': (_Number(86, None), {0: PATH, 1: PATH}),
    'linkat': (_Number(265, 37), {1: AT, 3: AT}),
    'symlink': (_Number(88, None), {1: PATH}),
    'symlinkat': (_Number(266, 36), {2: AT}),
    'mkdir': (_Number(83, None), {0: PATH}),
    'mkdirat': (_Number(258, 34), {1: AT}),
    'unlink': (_Number(87, None), {0: PATH}),
    'rmdir': (_Number(84, None), {0: PATH}),
    'unlinkat': (_Number(263, 35), {1: AT}),
    'truncate': (_Number(76, 45), {0: PATH}),
    'ftruncate': (_Number(77, 46), {0: FILE}),
    'fallocate': (_Number(285, 47), {0: FILE}),
    'chmod': (_Number(90, None), {0: PATH}),
    'fchmod': (_Number(91, 52), {0: FILE}),
    'fchmodat': (_Number(268, 53), {1: AT}),
    'utimensat': (_Number(280, 88), {1: AT}),
    'flock': (_Number(73, 32), {0: FILE}),
    'fsync': (_Number(74, 82), {0: FILE}),
    'fdatasync': (_Number(75, 83), {0: FILE}),
    'syncfs': (_Number(306, 267), {0: FILE}),
    # It takes no argument, and works on the folder as on all others.
    'sync': (_Number(162, 81), {}),
}
# Calls after which a folder or file is not as before.
CHANGES = frozenset({
    'write', 'pwrite', 'copy_file_range', 'sendfile', 'rename', 'renameat', 'renameat2', 'link',
    'linkat', 'symlink', 'symlinkat', 'mkdir', 'mkdirat', 'unlink', 'rmdir', 'unlinkat',
    'truncate', 'ftruncate', 'fallocate',
})
_CONTENT_CHANGES = frozenset({'write', 'pwrite', 'copy_file_range', 'sendfile', 'ftruncate'})

_SECCOMP = _Number(317, 277)
_MACHINE = {'arm64': 'aarch64'}.get(platform.machine(), platform.machine())

# linux/filter.h, linux/seccomp.h, sys/prctl.h
_LOAD_NUMBER, _IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _NOTIFY = 0x7fff0000, 0x7fc00000
_SET_FILTER, _NEW_LISTENER = 1, 8
_NO_NEW_PRIVILEGES = 38
_RECEIVE, _SEND = 0xc0502100, 0xc0182101
# An ID, the thread, flags; the number of the call, the processor, an address, arguments.
_NOTIFICATION = struct.Struct('=QIIiIQ6Q')
_ANSWER = struct.Struct('=QqiI')  # the ID, a value, a negative error, flags
_CONTINUE = 1


class Call(NamedTuple):
    """A system call that a process is about to make, with the paths of the files it works on."""
    name: str
    paths: Sequence[str]
    thread: int


def unsupported() -> str:
    """Say why processes cannot be supervised here, '' if they can."""
    if sys.platform != 'linux':
        return 'supervising system calls needs Linux'
    if not hasattr(_SECCOMP, _MACHINE):
        return f'the numbers of system calls on {_MACHINE} are not in tests/support/system_calls.py'
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(OSError):
            _install_filter()
            # Not os._exit: coverage opens files then, and would wait for a supervisor.
            os.kill(os.getpid(), signal.SIGKILL)
        os._exit(1)
    if os.waitpid(pid, 0)[1] != signal.SIGKILL:
        return 'this system, or its container, forbids seccomp filters'
    return ''


def submit(end: socket.socket) -> None:
    """Ask the supervisor, at the other end, before all further calls of this process.

    Its children do so, too.
    """
    with end:
        listener = _install_filter()
        socket.send_fds(end, [b'l'], [listener])
        os.close(listener)


def _install_filter() -> int:
    numbers = [
        number for numbers, _ in _CALLS.values()
        if (number := getattr(numbers, _MACHINE)) is not None
    ]
    last = len(numbers)
    program = b''.join(
        struct.pack('=HBBI', *instruction) for instruction in (
            (_LOAD_NUMBER, 0, 0, 0),
            # A jump to the last instruction, or to the next one.
            *((_IF_EQUAL, last - place, 0, number) for place, number in enumerate(numbers)),
            (_RETURN, 0, 0, _ALLOW),
            (_RETURN, 0, 0, _NOTIFY),
        )
    )
    buffer = ctypes.create_string_buffer(program, len(program))
    filter_program = ctypes.create_string_buffer(
        struct.pack('@HP', len(program) // 8, ctypes.addressof(buffer)),
    )
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), 'prctl')
    listener = int(libc.syscall(
        getattr(_SECCOMP, _MACHINE), _SET_FILTER, _NEW_LISTENER, filter_program,
    ))
    if listener < 0:
        raise OSError(ctypes.get_errno(), 'seccomp')
    return listener


# What a supervisor decides: a call is made (None), fails with an error number, or is not answered,
# because its caller was killed.
Decide = Callable[[Call], int | None]
NO_ANSWER = 0


def supervise(end: socket.socket, folder: str, decide: Decide) -> bool:
    """Ask `decide` before each call on files below a folder, until all processes have ended.

    Return False if some had not ended after `PATIENCE` seconds without a call.
    """
    with end:
        _, listeners, _, _ = socket.recv_fds(end, 1, 1)
    if not listeners:
        return True
    listener, = listeners
    names = {getattr(numbers, _MACHINE): name for name, (numbers, _) in _CALLS.items()}
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    try:
        while True:
            events = poll.poll(PATIENCE * 1000)
            if not events:
                return False
            if not events[0][1] & select.POLLIN:
                return True
            _answer_one(listener, names, folder, decide)
    finally:
        os.close(listener)


def _answer_one(listener: int, names: dict[int, str], folder: str, decide: Decide) -> None:
    buffer = bytearray(_NOTIFICATION.size)
    # The caller may be killed at any time.
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        fcntl.ioctl(listener, _RECEIVE, buffer)
        number_of_call, thread, _, number, _, _, *arguments = _NOTIFICATION.unpack(buffer)
        name = names[number]
        error = None
        paths = [*_paths(thread, _CALLS[name][1], arguments)]
        if name == 'sync' or any(path.startswith(folder) for path in paths):
            error = decide(Call(name, paths, thread))
        if error == NO_ANSWER:
            return
        answer = (0, 0, _CONTINUE) if error is None else (0, -error, 0)
        fcntl.ioctl(listener, _SEND, bytearray(_ANSWER.pack(number_of_call, *answer)))


def _paths(thread: int, kinds: dict[int, str], arguments: Sequence[int]) -> Iterator[str]:
    for place, kind in kinds.items():
        with contextlib.suppress(OSError):  # as where the caller gives a wrong address
            if kind == FILE:
                yield _path_of_file(thread, arguments[place])
                continue
            path = _text(thread, arguments[place])
            if kind == AT and not path.startswith('/'):
                above = _path_of_file(thread, arguments[place - 1])
                path = f'{above}/{path}' if path else above
            yield path


def _path_of_file(thread: int, number: int) -> str:
    number &= 0xffffffff
    name = 'cwd' if number == 0xffffff9c else f'fd/{number}'  # AT_FDCWD
    return os.readlink(f'/proc/{thread}/{name}')


def _text(thread: int, address: int) -> str:
    """Read a path from the memory of a thread."""
    with open(f'/proc/{thread}/mem', 'rb', buffering=0) as memory:
        memory.seek(address)
        # Memory ends at a page's end.
        content = memory.read(4096 - address % 4096)
        if b'\0' not in content:
            content += memory.read(4096)
    return os.fsdecode(content.partition(b'\0')[0])


def process_of(thread: int) -> int:
    """Return the process of a thread."""
    with open(f'/proc/{thread}/status') as file:
        return next(int(line.split()[1]) for line in file if line.startswith('Tgid:'))


class Unflushed:
    """The files whose content is only in memory: which a power cut loses."""

    def __init__(self) -> None:
        self._files: set[tuple[int, int]] = set()

    def add(self, call: Call) -> None:
        """Take account of a call that is about to be made."""
        if call.name in {'sync', 'syncfs'}:
            self._files.clear()
        elif call.name in _CONTENT_CHANGES:
            self._files.update(_identities(call.paths))
        elif call.name in {'fsync', 'fdatasync'}:
            self._files.difference_update(_identities(call.paths))

    def lose(self, folder: str, random: random.Random) -> None:
        """Take from most such files below a folder their content, as file systems do.

        ext4 leaves them empty; others have zeros where content was, or its beginning.
        """
        for parent, _, names in os.walk(folder):
            for name in sorted(names):
                place = os.path.join(parent, name)
                status = os.lstat(place)
                if _identity(status) in self._files and random.random() < 0.8:
                    size = random.choice((0, 0, status.st_size // 2))
                    os.truncate(place, size)
                    os.truncate(place, random.choice((size, status.st_size)))


def _identities(paths: Sequence[str]) -> Iterator[tuple[int, int]]:
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            yield _identity(os.stat(path))


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino

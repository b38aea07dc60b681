"""One build at a time in a directory."""
from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator

from dumb_pypi import store
from dumb_pypi.errors import BusyError, FileError


@contextlib.contextmanager
def held(output_dir: str) -> Iterator[int]:
    """Hold the lock of an output directory, which is made if it is not there.

    The lock is the kernel's: that of a process that died holds nobody up. It goes with the open
    file, which workers have too: what they still write when their parent has died is written
    before another build begins.

    Raises:
        BusyError: another build holds it.
        FileError: the directory cannot be written in, or has no locks.
    """
    place = os.path.join(output_dir, store.LOCK)
    try:
        os.makedirs(os.path.dirname(place), exist_ok=True)
        lock = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise FileError('write', place, error) from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(output_dir) from None
        except OSError as error:
            # Not every network's file system has locks.
            raise FileError('lock', place, error) from error
        yield lock
    finally:
        os.close(lock)

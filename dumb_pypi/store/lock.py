"""One build at a time per output directory."""
from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Sequence

from dumb_pypi import store
from dumb_pypi.errors import BusyError, FileError


@contextlib.contextmanager
def locked(output_dir: str) -> Iterator[int]:
    """Lock an output directory, which is made if it is missing; yield the open lock file.

    The kernel holds the lock for as long as any process has that file open: a dead build blocks
    nobody, and a worker that outlives its build for a moment keeps the next one out until then.
    A build that fails before there is an index removes the folders it made.

    Raises:
        BusyError: another build is running.
        FileError: the directory is not writable, or its file system has no locks.
    """
    place = os.path.join(output_dir, store.LOCK)
    missing = _missing_folders(os.path.dirname(place))
    try:
        os.makedirs(os.path.dirname(place), exist_ok=True)
        lock = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
    except OSError as error:
        raise FileError('write', place, error) from error
    try:
        _lock(lock, place, output_dir)
        try:
            yield lock
        except BaseException:
            _remove_if_unused(place, missing)
            raise
    finally:
        os.close(lock)


def exists(place: str) -> bool:
    """Return whether there is a file. `os.path.exists` says no if the disk fails.

    Raises:
        FileError: that is not known.
    """
    try:
        os.lstat(place)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise FileError('read', place, error) from error
    return True


def _lock(lock: int, place: str, output_dir: str) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        same = os.path.samestat(os.stat(place), os.fstat(lock))
    except (BlockingIOError, FileNotFoundError):
        same = False
    except OSError as error:
        # Some network file systems have no locks.
        raise FileError('lock', place, error) from error
    if not same:
        # Another build holds the lock, or it failed a moment ago and removed its lock file.
        raise BusyError(output_dir)


def _missing_folders(folder: str) -> list[str]:
    """Return the folders on a path that do not exist, the innermost first."""
    missing = []
    while folder and not os.path.isdir(folder):
        missing.append(folder)
        folder = os.path.dirname(folder)
    return missing


def _remove_if_unused(place: str, folders: Sequence[str]) -> None:
    """Remove the lock file and the folders that this build made, if nothing else is there."""
    folder = os.path.dirname(place)
    with contextlib.suppress(OSError):
        if folders and os.listdir(folder) == [os.path.basename(place)]:
            os.unlink(place)
            for made in folders:
                os.rmdir(made)

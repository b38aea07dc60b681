"""Single files: read, compared, created, and replaced atomically; and what a power cut keeps."""
from __future__ import annotations

import contextlib
import errno
import fcntl
import filecmp
import os
import re
import shutil
import stat
from io import BufferedReader

from dumb_pypi.errors import FileError

# The path of a file of the user's that is standard output.
STDOUT = '-'

_WRITE = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC
# The errors of opening what is not there, not readable, a symbolic link or no file.
NO_FILE = (
    errno.ENOENT, errno.EACCES, errno.EPERM, errno.ELOOP, errno.EISDIR, errno.ENOTDIR, errno.ENXIO,
)
# Files that cannot be replaced, such as terminals and pipes. A RAM disk has ordinary files.
_DEVICE = re.compile('/dev/(?!shm/)|/proc/')
# On macOS, fsync leaves the data in the drive's cache, where a power cut loses it.
_FULL_SYNC: int | None = getattr(fcntl, 'F_FULLFSYNC', None)


def read(place: str) -> bytes | None:
    """Return the content of a file, None if it does not exist.

    Raises:
        FileError: it cannot be read.
    """
    try:
        with open(place, 'rb', opener=_open_regular) as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FileError('read', place, error) from error


def replace(
        place: str, content: bytes | bytearray, unfinished: str, *, durable: bool = False,
        over_folder: bool = False,
) -> None:
    """Replace a file atomically. It is written at `unfinished` first, on the same file system.

    `durable`: a power cut afterwards loses neither the content nor the name. `over_folder`: a
    folder in its place is removed, with all that is in it.

    Raises:
        OSError: it cannot be written. The old file is as it was.
    """
    try:
        _create(unfinished, content, os.O_EXCL, durable=durable)
        put(unfinished, place, over_folder=over_folder)
        if durable:
            _sync_folder(os.path.dirname(place))
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(unfinished)
        raise


def check_user_file(place: str) -> None:
    """Check that `replace_user_file` can write a file, and remove what killed builds left of it.

    Raises:
        FileError: it cannot.
    """
    if is_device(place):
        return
    try:
        if os.path.isdir(place):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        _remove_unfinished(place)
        unfinished = _unfinished(place)
        create_new(unfinished, b'')
        os.unlink(unfinished)
    except (OSError, ValueError) as error:
        raise FileError('write', place, error) from error


def replace_user_file(place: str, content: bytes) -> None:
    """Replace a file that the user named, durably and atomically; write to a device or `STDOUT`.

    A symbolic link in its place is replaced, not followed.

    Raises:
        FileError: it cannot be written.
    """
    if place == STDOUT:
        write_to_stdout(content)
        return
    try:
        if is_device(place):
            create(place, content)
        else:
            replace(place, content, _unfinished(place), durable=True)
    except (OSError, ValueError) as error:
        raise FileError('write', place, error) from error


def write_to_stdout(content: bytes) -> None:
    """Print bytes on standard output.

    Raises:
        FileError: they cannot be printed to the end.
    """
    try:
        # Unbuffered: Python would write what is left in a buffer when it closes the stream, and
        # that write cannot be interrupted.
        _write_all(1, content)
    except OSError as error:
        raise FileError('write', '<stdout>', error) from error


def is_device(place: str) -> bool:
    """Return whether a path is `STDOUT` or a device, which cannot be replaced by a file."""
    return place == STDOUT or _DEVICE.match(place) is not None


def _unfinished(place: str) -> str:
    # Nobody can know the name beforehand, and have a symbolic link there.
    folder, name = os.path.split(place)
    return os.path.join(folder, f'.{name}.{os.urandom(8).hex()}.unfinished')


def _remove_unfinished(place: str) -> None:
    folder, name = os.path.split(place)
    unfinished = re.compile(rf'\.{re.escape(name)}\.[0-9a-f]{{16}}\.unfinished')
    for found in os.listdir(folder or '.'):
        if unfinished.fullmatch(found):
            os.unlink(os.path.join(folder, found))


def put(file: str, place: str, *, over_folder: bool) -> None:
    """Move a file to its place, in a folder that is made if it is missing."""
    try:
        os.replace(file, place)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(place), exist_ok=True)
        os.replace(file, place)
    except IsADirectoryError:
        if not over_folder:
            raise
        shutil.rmtree(place)
        os.replace(file, place)


def holds(place: str, content: bytes | bytearray) -> bool:
    """Return whether a file exists and has this content. Links are not followed."""
    try:
        with opened(place) as file:
            return os.fstat(file.fileno()).st_size == len(content) and file.read() == content
    except OSError as error:
        if error.errno in NO_FILE:
            return False
        raise


def create_new(place: str, content: bytes) -> None:
    """Write a file that does not exist yet."""
    _create(place, content, os.O_EXCL)


def create(place: str, content: bytes | bytearray) -> None:
    """Write a file in place, whether or not it exists. Readers may see a part of it."""
    _create(place, content, os.O_TRUNC)


def flush(folder: str) -> None:
    """Write everything that the file system of a folder holds in memory to disk.

    Raises:
        OSError: some of it could not be written.
    """
    # Not at the top: a build with nothing to do does not need it. `os` has no syncfs.
    import ctypes
    syncfs = getattr(ctypes.CDLL(None, use_errno=True), 'syncfs', None)
    if syncfs is None:
        os.sync()  # macOS
        return
    file = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if syncfs(file) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), folder)
    finally:
        os.close(file)


def _sync(file: int) -> None:
    if _FULL_SYNC is None:
        os.fsync(file)
    else:
        fcntl.fcntl(file, _FULL_SYNC)


def _sync_folder(folder: str) -> None:
    file = os.open(folder or '.', os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    except OSError as error:
        # Some network file systems cannot do it: their server decides.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS):
            raise
    finally:
        os.close(file)


def _create(
        place: str, content: bytes | bytearray, flag: int, *, durable: bool = False,
) -> None:
    # `open` makes three objects per file and costs more than these calls.
    file = os.open(place, _WRITE | flag, 0o666)
    try:
        _write_all(file, content)
        if durable:
            _sync(file)
    finally:
        os.close(file)


def _write_all(file: int, content: bytes | bytearray) -> None:
    # Most files are written by one call.
    written = os.write(file, content)
    while written < len(content):
        written += os.write(file, memoryview(content)[written:])


def rename(old: str, new: str) -> None:
    """Rename a folder; make the parent of its new place if that is missing."""
    try:
        os.rename(old, new)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(new), exist_ok=True)
        os.rename(old, new)


def are_equal(place: str, other: str) -> bool:
    """Return whether both files exist and have the same content. Links are not followed."""
    try:
        return not os.path.islink(place) and filecmp.cmp(place, other, shallow=False)
    except OSError as error:
        if error.errno in NO_FILE:
            return False
        raise


def opened(place: str) -> BufferedReader:
    """Open a file to read it, but no symbolic link."""
    return open(place, 'rb', opener=_open_no_link)


def _open_no_link(place: str, flags: int) -> int:
    return _open_regular(place, flags | os.O_NOFOLLOW)


def _open_regular(place: str, flags: int) -> int:
    # Opening a named pipe waits for a writer otherwise.
    file = os.open(place, flags | os.O_NONBLOCK)
    mode = os.fstat(file).st_mode
    if stat.S_ISREG(mode):
        return file
    os.close(file)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), place)
    raise OSError(errno.ENXIO, 'not a regular file', place)

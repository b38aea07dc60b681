"""A distribution file → its metadata, in bounded memory and time, with nothing put on the disk."""
from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable
from typing import BinaryIO, TYPE_CHECKING, TypeVar

from dumb_pypi.errors import BrokenError, shown
from dumb_pypi.model import filenames
from dumb_pypi.scanner import tarballs

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer as Buffer

# Bytes. The largest real ones have a few MB, of a description that nobody looks at here.
LARGEST_METADATA = 16 * 2 ** 20
# Bytes of a zip archive's directory, which is read whole: of more than 100,000 members.
LARGEST_DIRECTORY = 16 * 2 ** 20
# What an sdist may unpack to: so many bytes, and so many times its own size.
LARGEST_UNPACKED = 64 * 2 ** 20
MOST_TIMES_UNPACKED = 64
# What unpacking may take: twice the dictionary of `xz -9`.
LARGEST_DICTIONARY = 128 * 2 ** 20

T = TypeVar('T')

# Told how many bytes more were read.
Advance = Callable[[int], object]

# Where the metadata is, by the kind of file.
_PLACES = {
    'bdist_wheel': ('METADATA in a .dist-info folder', r'[^/]+\.dist-info/METADATA'),
    'bdist_egg': ('EGG-INFO/PKG-INFO', r'EGG-INFO/PKG-INFO'),
    'sdist': ('PKG-INFO in its folder', r'(?:\./)?[^/]+/PKG-INFO'),
}
# All that every client can read, and all that is read in bounded memory.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 1


class _Lzma:
    """Unpacks xz and lzma as `lzma.LZMAFile` does, which knows no bound for its memory."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._stream = self._new_stream()
        self._at_end = False

    def _new_stream(self) -> lzma.LZMADecompressor:
        # As pip has it: the content tells which of the two it is.
        return lzma.LZMADecompressor(lzma.FORMAT_AUTO, LARGEST_DICTIONARY)

    def read(self, size: int, /) -> bytes:
        parts = []
        while size and (part := self._some(size)):
            parts.append(part)
            size -= len(part)
        return b''.join(parts)

    def _some(self, size: int) -> bytes:
        """At least one byte, but at the end."""
        found = b''
        while not (found or self._at_end):
            if self._stream.eof:
                found = self._next(size)
            elif not self._stream.needs_input:
                found = self._stream.decompress(b'', size)
            elif block := self._file.read(io.DEFAULT_BUFFER_SIZE):
                found = self._stream.decompress(block, size)
            else:
                raise EOFError('Compressed file ended before its end-of-stream marker')
        return found

    def _next(self, size: int) -> bytes:
        """What another stream begins with, if one follows."""
        block = self._stream.unused_data or self._file.read(io.DEFAULT_BUFFER_SIZE)
        self._stream = self._new_stream()
        try:
            found = self._stream.decompress(block, size)
        except lzma.LZMAError:
            # Whatever it is, it is no stream.
            block = found = b''
        self._at_end = not block
        return found


_COMPRESSIONS: dict[str, Callable[[BinaryIO], tarballs.Readable]] = {
    'tar': lambda file: file,
    **dict.fromkeys(('gz', 'tgz'), lambda file: gzip.GzipFile(fileobj=file)),
    **dict.fromkeys(('bz2', 'tbz', 'tbz2'), bz2.BZ2File),
    **dict.fromkeys(('xz', 'txz', 'lz', 'tlz', 'lzma'), _Lzma),
}


class File(io.BufferedReader):
    """A file of which no large part is read at once, as `zipfile` would read a directory.

    `advance` is told how many bytes were read each time, and may end it by an exception: what
    takes long, unpacking, asks for a few thousand bytes at a time.
    """

    def __init__(self, path: str, advance: Advance) -> None:
        super().__init__(io.FileIO(path))
        self._advance = advance

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > LARGEST_DIRECTORY:
            raise BrokenError(f'has a zip directory of more than {LARGEST_DIRECTORY} bytes')
        found = super().read(size)
        self._advance(len(found))
        return found

    def readinto(self, buffer: Buffer, /) -> int:
        size = super().readinto(buffer)
        self._advance(size)
        return size


def times_read(filename: str, packagetype: str) -> int:
    """How often a file is read: its hash takes all of it, and so does the PKG-INFO in a tar."""
    return 2 if _is_tar(filename, packagetype) else 1


def read_metadata(file: File, filename: str, packagetype: str, size: int) -> bytes:
    """The METADATA of a wheel, the PKG-INFO of an sdist or an egg of `size` bytes.

    Raises:
        BrokenError: the file is damaged, or has none or several, or is out of all proportion.
        OSError: it cannot be read.
    """
    ending = filename.lower().rpartition('.')[2]
    place, pattern = _PLACES[packagetype]
    if _is_tar(filename, packagetype):
        return _in_tar(file, ending, re.compile(pattern.encode()), size, place)
    return _in_zip(file, re.compile(pattern), place, filename, packagetype)


def _is_tar(filename: str, packagetype: str) -> bool:
    return packagetype == 'sdist' and not filename.lower().endswith('.zip')


def _only(found: Iterable[T], place: str) -> T:
    """The one that was found; a second one that is equal does no harm."""
    one = None
    for other in found:
        if one is not None and other != one:
            raise BrokenError(f'has more than one {place}')
        one = other
    if one is None:
        raise BrokenError(f'has no {place}')
    return one


def _in_tar(
        file: File, ending: str, name: re.Pattern[bytes], size: int, place: str,
) -> bytes:
    if ending not in _COMPRESSIONS:
        raise BrokenError(f'is compressed in a way, .{ending}, that cannot be read here')
    stream = _COMPRESSIONS[ending](file)
    try:
        return _only(tarballs.find(
            stream, name, largest=LARGEST_METADATA,
            limit=LARGEST_UNPACKED + MOST_TIMES_UNPACKED * size,
        ), place)
    except (EOFError, MemoryError, ValueError, zlib.error, lzma.LZMAError) as error:
        raise BrokenError(f'is damaged or cut short: {_worded(error)}') from error
    except OSError as error:
        if error.errno is not None:
            raise
        # What gzip and bz2 say of data that is not theirs.
        raise BrokenError(f'is damaged or cut short: {_worded(error)}') from error


def _in_zip(
        file: File, name: re.Pattern[str], place: str, filename: str, packagetype: str,
) -> bytes:
    try:
        with zipfile.ZipFile(file) as archive:
            if packagetype == 'bdist_wheel':
                _check_dist_info({
                    name.partition('/')[0] for name in archive.namelist() if '.dist-info' in name
                }, filename)
            # Known to be one before it is read: thousands may share the same compressed bytes.
            return _member(archive, _only(
                (member for member in archive.infolist() if name.fullmatch(member.filename)), place,
            ))
    except (
            EOFError, IndexError, MemoryError, OverflowError, RuntimeError, ValueError,
            struct.error, zipfile.BadZipFile, zlib.error,
    ) as error:
        raise BrokenError(f'is damaged or cut short: {_worded(error)}') from error


def _check_dist_info(folders: Iterable[str], filename: str) -> None:
    """Refuse a wheel whose `.dist-info` folder pip would not find, or not take for its own."""
    found = sorted(name for name in folders if name.endswith('.dist-info'))
    if len(found) > 1:
        some = ', '.join(map(shown, found[:2]))
        raise BrokenError(f'has more than one .dist-info folder: {some}')
    project = filenames.parse(filename).project
    if found and not filenames.canonicalize_name(found[0]).startswith(project):
        raise BrokenError(f'has the .dist-info folder of another project, {shown(found[0])}')


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    if member.file_size > LARGEST_METADATA:
        raise BrokenError(f'has metadata of more than {LARGEST_METADATA} bytes')
    if member.compress_type not in _METHODS or member.flag_bits & _ENCRYPTED:
        raise BrokenError('has metadata in a form that clients cannot read')
    with archive.open(member) as content:
        return content.read(LARGEST_METADATA)


def _worded(error: Exception) -> str:
    return ' '.join(str(error).split()) or type(error).__name__

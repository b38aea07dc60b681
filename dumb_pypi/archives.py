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
from collections.abc import Callable
from typing import BinaryIO

from dumb_pypi import tarballs
from dumb_pypi.errors import BrokenError

# Bytes. The largest real ones have a few MB, of a description that nobody looks at here.
LARGEST_METADATA = 16 * 2 ** 20
# Bytes of a zip archive's directory, which is read whole: of more than 100,000 members.
LARGEST_DIRECTORY = 16 * 2 ** 20
# What an sdist may unpack to: so many bytes, and so many times its own size.
LARGEST_UNPACKED = 64 * 2 ** 20
MOST_TIMES_UNPACKED = 64

# Where the metadata is, by the kind of file.
_PLACES = {
    'bdist_wheel': ('METADATA in a .dist-info folder', r'[^/]+\.dist-info/METADATA'),
    'bdist_egg': ('EGG-INFO/PKG-INFO', r'EGG-INFO/PKG-INFO'),
    'sdist': ('PKG-INFO in its folder', r'(?:\./)?[^/]+/PKG-INFO'),
}
# All that every client can read, and all that is read in bounded memory.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 1
_COMPRESSIONS: dict[str, Callable[[BinaryIO], tarballs.Readable]] = {
    'tar': lambda file: file,
    **dict.fromkeys(('gz', 'tgz'), lambda file: gzip.GzipFile(fileobj=file)),
    **dict.fromkeys(('bz2', 'tbz', 'tbz2'), bz2.BZ2File),
    # As pip has it: the content tells which of the two it is.
    **dict.fromkeys(('xz', 'txz', 'lz', 'tlz', 'lzma'), lzma.LZMAFile),
}


class File(io.BufferedReader):
    """A file of which no large part is read at once, as `zipfile` would read a directory."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > LARGEST_DIRECTORY:
            raise BrokenError(f'has a zip directory of more than {LARGEST_DIRECTORY} bytes')
        return super().read(size)


def read_metadata(file: File, filename: str, packagetype: str, size: int) -> bytes:
    """The METADATA of a wheel, the PKG-INFO of an sdist or an egg of `size` bytes.

    Raises:
        BrokenError: the file is damaged, or has none or several, or is out of all proportion.
        OSError: it cannot be read.
    """
    ending = filename.lower().rpartition('.')[2]
    place, pattern = _PLACES[packagetype]
    if packagetype == 'sdist' and ending != 'zip':
        contents = _in_tar(file, ending, re.compile(pattern.encode()), size)
        _must_be_one(len(contents), place)
        return contents[0]
    return _in_zip(file, re.compile(pattern), place)


def _must_be_one(number: int, place: str) -> None:
    if number != 1:
        raise BrokenError(f'has {number or "no"} {place}' + ', not one' * bool(number))


def _in_tar(file: File, ending: str, name: re.Pattern[bytes], size: int) -> list[bytes]:
    if ending not in _COMPRESSIONS:
        raise BrokenError(f'is compressed in a way, .{ending}, that cannot be read here')
    stream = _COMPRESSIONS[ending](file)
    try:
        return tarballs.find(
            stream, name, largest=LARGEST_METADATA,
            limit=LARGEST_UNPACKED + MOST_TIMES_UNPACKED * size,
        )
    except (EOFError, MemoryError, ValueError, zlib.error, lzma.LZMAError) as error:
        raise BrokenError(f'is damaged or cut short: {_worded(error)}') from error
    except OSError as error:
        if error.errno is not None:
            raise
        # What gzip and bz2 say of data that is not theirs.
        raise BrokenError(f'is damaged or cut short: {_worded(error)}') from error


def _in_zip(file: File, name: re.Pattern[str], place: str) -> bytes:
    try:
        with zipfile.ZipFile(file) as archive:
            # Counted before one is read: thousands may share the same compressed bytes.
            found = [member for member in archive.infolist() if name.fullmatch(member.filename)]
            _must_be_one(len(found), place)
            return _member(archive, found[0])
    except (
            EOFError, IndexError, MemoryError, OverflowError, RuntimeError, ValueError,
            struct.error, zipfile.BadZipFile, zlib.error,
    ) as error:
        raise BrokenError(f'is damaged or cut short: {_worded(error)}') from error


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    if member.file_size > LARGEST_METADATA:
        raise BrokenError(f'has metadata of more than {LARGEST_METADATA} bytes')
    if member.compress_type not in _METHODS or member.flag_bits & _ENCRYPTED:
        raise BrokenError('has metadata in a form that clients cannot read')
    with archive.open(member) as content:
        return content.read(LARGEST_METADATA)


def _worded(error: Exception) -> str:
    return ' '.join(str(error).split()) or type(error).__name__

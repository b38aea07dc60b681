"""A distribution file → its metadata, in bounded memory and time, without unpacking to disk."""
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
from typing import Any, BinaryIO, TYPE_CHECKING, TypeVar

import msgspec

from dumb_pypi.errors import BrokenError, shown
from dumb_pypi.model import filenames
from dumb_pypi.scanner import tarballs

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer as Buffer

# Bytes. The largest real metadata has a few MB, nearly all of them a description.
MAX_METADATA = 16 * 2 ** 20
# Bytes of a zip archive's directory, which `zipfile` reads at once: more than 100,000 members.
MAX_DIRECTORY = 16 * 2 ** 20
# An sdist may unpack to so many bytes, and to so many times its own size besides.
MAX_UNPACKED = 64 * 2 ** 20
MAX_RATIO = 64
# Bytes of memory for unpacking: twice the dictionary of `xz -9`.
MAX_DICTIONARY = 128 * 2 ** 20

T = TypeVar('T')


class _Variants(msgspec.Struct):
    """The key that every file of variants has."""
    variants: dict[str, Any]


_decode_variants = msgspec.json.Decoder(_Variants).decode

# Called with the number of bytes that were just read.
Advance = Callable[[int], object]

# What the metadata is called in messages and in the archive, by package type.
_MEMBERS = {
    'bdist_wheel': ('METADATA in a .dist-info folder', r'[^/]+\.dist-info/METADATA'),
    'bdist_egg': ('EGG-INFO/PKG-INFO', r'EGG-INFO/PKG-INFO'),
    'sdist': ('PKG-INFO in its folder', r'(?:\./)?[^/]+/PKG-INFO'),
}
# What pip and uv build an sdist with: other archives are not sdists. Old ones lack the folder.
_BUILD_FILES = r'(?:\./)?(?:[^/]+/)?(?:setup\.py|pyproject\.toml)'
# Every client reads these compression methods, and `zipfile` reads no other in bounded memory.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 1


class _Lzma:
    """Unpack xz and lzma like `lzma.LZMAFile`, which has no limit for its memory."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._stream = self._new_stream()
        self._at_end = False

    def _new_stream(self) -> lzma.LZMADecompressor:
        # The content tells which of the two formats it is, as in pip.
        return lzma.LZMADecompressor(lzma.FORMAT_AUTO, MAX_DICTIONARY)

    def read(self, size: int, /) -> bytes:
        parts = []
        while size and (part := self._read_part(size)):
            parts.append(part)
            size -= len(part)
        return b''.join(parts)

    def _read_part(self, size: int) -> bytes:
        """Return at least one byte, or none at the end."""
        found = b''
        while not (found or self._at_end):
            if self._stream.eof:
                found = self._start_stream(size)
            elif not self._stream.needs_input:
                found = self._stream.decompress(b'', size)
            elif block := self._file.read(io.DEFAULT_BUFFER_SIZE):
                found = self._stream.decompress(block, size)
            else:
                raise EOFError('Compressed file ended before its end-of-stream marker')
        return found

    def _start_stream(self, size: int) -> bytes:
        """Return the first bytes of the next stream, if one follows."""
        block = self._stream.unused_data or self._file.read(io.DEFAULT_BUFFER_SIZE)
        self._stream = self._new_stream()
        try:
            found = self._stream.decompress(block, size)
        except lzma.LZMAError:
            # What follows is not a stream, and is ignored.
            block = found = b''
        self._at_end = not block
        return found


_COMPRESSIONS: dict[str, Callable[[BinaryIO], tarballs.Stream]] = {
    'tar': lambda file: file,
    **dict.fromkeys(('gz', 'tgz'), lambda file: gzip.GzipFile(fileobj=file)),
    **dict.fromkeys(('bz2', 'tbz', 'tbz2'), bz2.BZ2File),
    **dict.fromkeys(('xz', 'txz', 'lz', 'tlz', 'lzma'), _Lzma),
}


class BoundedFile(io.BufferedReader):
    """A file that refuses large reads, with which `zipfile` would read a large directory.

    `advance` is called with the number of bytes of each read, and may raise an exception to
    interrupt it. Unpacking, which takes longest, reads a few thousand bytes at a time.
    """

    def __init__(self, file: str | io.RawIOBase, advance: Advance) -> None:
        super().__init__(io.FileIO(file) if isinstance(file, str) else file)
        self._advance = advance

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MAX_DIRECTORY:
            raise BrokenError(f'has a zip directory of more than {MAX_DIRECTORY} bytes')
        found = super().read(size)
        self._advance(len(found))
        return found

    def readinto(self, buffer: Buffer, /) -> int:
        size = super().readinto(buffer)
        self._advance(size)
        return size


def times_read(filename: str, packagetype: str) -> int:
    """Return how often a file is read: once for its hash, and a tar archive for its PKG-INFO."""
    return 2 if _is_tar(filename, packagetype) else 1


def has_random_access(filename: str, packagetype: str) -> bool:
    """Return whether only parts of a file have to be read to find its metadata."""
    return packagetype in _MEMBERS and not _is_tar(filename, packagetype)


def read_metadata(file: BoundedFile, filename: str, packagetype: str, size: int) -> bytes | None:
    """Return the METADATA of a wheel, or the PKG-INFO of an sdist or egg, of `size` bytes.

    Return None if there need not be any: for an sdist that a client can build without it, and for
    a file of variants.

    Raises:
        BrokenError: the file is damaged, has no metadata or several, or exceeds a limit above.
        OSError: it cannot be read.
    """
    if packagetype == filenames.VARIANTS:
        _check_variants(file, size)
        return None
    member, pattern = _MEMBERS[packagetype]
    if _is_tar(filename, packagetype):
        return _read_tar(file, filename, re.compile(pattern.encode()), size, member)
    return _read_zip(file, filename, re.compile(pattern), member, packagetype)


def _check_variants(file: BoundedFile, size: int) -> None:
    if size > MAX_METADATA:
        raise BrokenError(f'has more than {MAX_METADATA} bytes')
    try:
        _decode_variants(file.read(size))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise BrokenError("is not a JSON object with the key 'variants'") from None


def _is_tar(filename: str, packagetype: str) -> bool:
    return packagetype == 'sdist' and not filename.lower().endswith('.zip')


def _only(found: Iterable[T], member: str) -> T | None:
    """Return the only item, None if there is none; several are accepted if they are equal.

    Raises:
        BrokenError: they differ.
    """
    only = None
    for item in found:
        if only is not None and item != only:
            raise BrokenError(f'has more than one {member}')
        only = item
    return only


def _check_without_metadata(member: str, packagetype: str, *, has_build_file: bool) -> None:
    """Accept a file without metadata if it is an sdist that a client can build.

    Raises:
        BrokenError: it is not.
    """
    if packagetype != 'sdist':
        raise BrokenError(f'has no {member}')
    if not has_build_file:
        raise BrokenError(f'has no {member}, and neither setup.py nor pyproject.toml')


def _read_tar(
        file: BoundedFile, filename: str, pattern: re.Pattern[bytes], size: int, member: str,
) -> bytes | None:
    extension = filename.lower().rpartition('.')[2]
    if extension not in _COMPRESSIONS:
        raise BrokenError(f'is compressed in a way, .{extension}, that cannot be read here')
    found = tarballs.Search(
        _COMPRESSIONS[extension](file), pattern, re.compile(_BUILD_FILES.encode()),
        max_size=MAX_METADATA, limit=MAX_UNPACKED + MAX_RATIO * size,
    )
    try:
        metadata = _only(found, member)
    except (EOFError, MemoryError, ValueError, zlib.error, lzma.LZMAError) as error:
        raise _damaged(error) from error
    except OSError as error:
        if error.errno is not None:
            raise
        # gzip and bz2 raise this for data that is in another format.
        raise _damaged(error) from error
    if metadata is None:
        # The checksum of a compression shows that an archive is complete, even without this block.
        if extension == 'tar' and not found.has_end:
            raise BrokenError(tarballs.TRUNCATED)
        _check_without_metadata(member, 'sdist', has_build_file=found.has_others)
    return metadata


def _read_zip(
        file: BoundedFile, filename: str, pattern: re.Pattern[str], member: str,
        packagetype: str,
) -> bytes | None:
    try:
        with zipfile.ZipFile(file) as archive:
            if packagetype == 'bdist_wheel':
                _check_dist_info({
                    name.partition('/')[0] for name in archive.namelist() if '.dist-info' in name
                }, filename)
            # Choose before reading: thousands of members may share the same compressed bytes.
            info = _only(
                (info for info in archive.infolist() if pattern.fullmatch(info.filename)), member,
            )
            if info is not None:
                return _read_member(archive, info)
            _check_without_metadata(member, packagetype, has_build_file=any(
                re.fullmatch(_BUILD_FILES, name) for name in archive.namelist()
            ))
            return None
    except (
            EOFError, IndexError, MemoryError, OverflowError, RuntimeError, ValueError,
            struct.error, zipfile.BadZipFile, zlib.error,
    ) as error:
        raise _damaged(error) from error


def _check_dist_info(folders: Iterable[str], filename: str) -> None:
    """Refuse a wheel whose `.dist-info` folder pip does not find, or takes for another project's.

    Raises:
        BrokenError: it has such a folder.
    """
    found = sorted(name for name in folders if name.endswith('.dist-info'))
    if len(found) > 1:
        examples = ', '.join(map(shown, found[:2]))
        raise BrokenError(f'has more than one .dist-info folder: {examples}')
    project = filenames.parse(filename).project
    if found and not filenames.canonicalize_name(found[0]).startswith(project):
        raise BrokenError(f'has the .dist-info folder of another project, {shown(found[0])}')


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    if info.file_size > MAX_METADATA:
        raise BrokenError(f'has metadata of more than {MAX_METADATA} bytes')
    if info.compress_type not in _METHODS or info.flag_bits & _ENCRYPTED:
        raise BrokenError('has metadata in a form that clients cannot read')
    with archive.open(info) as content:
        return content.read(MAX_METADATA)


def _damaged(error: Exception) -> BrokenError:
    what = ' '.join(str(error).split()) or type(error).__name__
    return BrokenError(f'is damaged or truncated: {what}')

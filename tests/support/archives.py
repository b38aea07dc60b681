"""Make distribution files for the tests of the scan, byte by byte, and scan them."""
from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from dumb_pypi.model.distfile import check_line
from dumb_pypi.model.fields import encode, Line
from dumb_pypi.scanner import Scan, scan

WHEEL = 'foo-1.0-py3-none-any.whl'
SDIST = 'foo-1.0.tar.gz'
METADATA = b'Metadata-Version: 2.1\nName: foo\nVersion: 1.0\n'
# Why a scan refuses an archive that has nothing of an sdist.
NO_SDIST = 'has no PKG-INFO in its folder, and neither setup.py nor pyproject.toml'
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip file can store
MTIME = 1704103200  # 2024-01-01T10:00:00Z


def zipped(
        members: Iterable[tuple[str, bytes]], method: int = zipfile.ZIP_STORED,
) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, 'w') as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name, LONG_AGO), content, method)
    return stream.getvalue()


def wheel(metadata: bytes = METADATA, folder: str = 'foo-1.0.dist-info') -> bytes:
    return zipped([('foo.py', b''), (f'{folder}/METADATA', metadata)])


def header(
        name: bytes, size: int = 0, kind: bytes = b'0', size_field: bytes | None = None,
        prefix: bytes = b'',
) -> bytes:
    """Return a header of a tar archive; `size_field` replaces the size in octal digits."""
    block = bytearray(512)
    block[:len(name)] = name
    block[124:136] = size_field or b'%011o\0' % size
    block[156:157] = kind
    block[257:265] = b'ustar\x0000'
    block[345:345 + len(prefix)] = prefix
    block[148:156] = b' ' * 8
    block[148:156] = b'%06o\0 ' % sum(block)
    return bytes(block)


def member(
        name: bytes, content: bytes = b'', kind: bytes = b'0', prefix: bytes = b'',
) -> bytes:
    padding = bytes(-len(content) % 512)
    return header(name, len(content), kind, prefix=prefix) + content + padding


def pax(**records: str) -> bytes:
    """Return a header that overrides fields of the next one."""
    content = b''
    for key, value in records.items():
        rest = f' {key}={value}\n'.encode()
        length = len(rest) + 2
        content += f'{length}'.encode() + rest
        assert len(f'{length}') == 2
    return member(b'pax', content, b'x')


END = bytes(1024)
PKG_INFO = member(b'foo-1.0/PKG-INFO', METADATA)


def sdist(*parts: bytes) -> bytes:
    """Return an sdist of these members."""
    return gzip.compress(b''.join(parts) + END, 1, mtime=0)


def tarred(files: Mapping[str, bytes], mode: str, form: int = tarfile.PAX_FORMAT) -> bytes:
    """Return a tar archive made by `tarfile`; `mode` is for example `w:xz`."""
    stream = io.BytesIO()
    archive: tarfile.TarFile
    with tarfile.open(fileobj=stream, mode=mode, format=form) as archive:  # type: ignore[call-overload]  # its stubs accept literal modes only
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def end_of_directory(size: int, offset: int = 0, members: int = 1) -> bytes:
    """Return the last record of a zip archive."""
    return struct.pack('<4s4H2LH', b'PK\5\6', 0, 0, members, members, size, offset, 0)


def many_entries(content: bytes, times: int) -> bytes:
    """Return a zip archive whose directory lists its only member so many times."""
    end = content.rindex(b'PK\5\6')
    size, offset = struct.unpack('<2L', content[end + 12:end + 20])
    directory = content[offset:end] * times
    return content[:offset] + directory + end_of_directory(size * times, offset, times)


def reasons(result: Scan) -> list[str]:
    assert result.lines == []
    assert result.notices == []
    return [problem.text for problem in result.problems]


def reason(place: Path, filename: str, content: bytes) -> str:
    """Return why a scan refuses a file."""
    (place / filename).write_bytes(content)
    [found] = reasons(scan([str(place)]))
    assert '\n' not in found
    return found


def line(place: Path, filename: str, content: bytes) -> dict[str, Any]:
    """Return the line of a file that nothing is wrong with."""
    (place / filename).write_bytes(content)
    return only(scan([str(place)]))


def only(result: Scan) -> dict[str, Any]:
    assert (result.problems, result.notices) == ([], [])
    [found] = decoded(result)
    return found


def decoded(result: Scan) -> list[dict[str, Any]]:
    """Parse the lines of a list, which must be as `dumb-pypi` itself would write them."""
    for text in result.lines:
        assert encode(check_line(msgspec.json.decode(text, type=Line)).line) == text
    return [msgspec.json.decode(text) for text in result.lines]

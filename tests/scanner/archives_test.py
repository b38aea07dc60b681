"""Unusual, broken and hostile archives: each is read, or refused with a reason of one line."""
from __future__ import annotations

import bz2
import errno
import gzip
import hashlib
import lzma
import os
import resource
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import example, given, HealthCheck, settings
from hypothesis import strategies as st

from dumb_pypi.scanner import archives, scan
from dumb_pypi.scanner import metadata as core_metadata
from tests.support.archives import (
    END,
    end_of_directory,
    header,
    line,
    many_entries,
    member,
    METADATA,
    NO_SDIST,
    pax,
    PKG_INFO,
    reason,
    SDIST,
    sdist,
    tarred,
    WHEEL,
    wheel,
    zipped,
)

MIB = 2 ** 20
SETUP = {'foo-1.0/setup.py': b''}
FILES = {'foo-1.0/setup.py': b'', 'foo-1.0/PKG-INFO': METADATA}
LONG = 'foo-1.0/' + 'long/' * 30 + 'name'
DAMAGED = 'is not a tar archive, or is a damaged one'


@pytest.mark.parametrize(('filename', 'content'), [
    (WHEEL, wheel()),
    (WHEEL.upper().replace('FOO', 'foo'), wheel()),
    pytest.param(
        WHEEL, zipped([('foo-1.0.dist-info/METADATA', METADATA)], zipfile.ZIP_DEFLATED),
        id='deflated',
    ),
    # A self-extracting archive.
    pytest.param(WHEEL, b'#!/bin/sh\n' + wheel(), id='something before the archive'),
    # pip normalizes both names, and compares only the beginning of the folder's.
    pytest.param(WHEEL, wheel(folder='FOO-1.dist-info'), id='name in other letters'),
    pytest.param(
        'Foo_Bar-1.0-py3-none-any.whl',
        wheel(METADATA.replace(b'foo', b'foo.bar'), folder='foo.bar-1.0.dist-info'),
        id='name with a dot',
    ),
    pytest.param(
        WHEEL, zipped([
            ('foo-1.0.dist-info/METADATA', METADATA), ('foo/bar-1.0.dist-info/METADATA', b''),
        ]), id='vendored metadata',
    ),
    ('foo-1.0-py3.9.egg', zipped([('EGG-INFO/PKG-INFO', METADATA)])),
    ('foo-1.0.zip', zipped(FILES.items())),
    ('foo-1.0.tar', tarred(FILES, 'w:')),
    ('foo-1.0.tar.gz', tarred(FILES, 'w:gz')),
    ('foo-1.0.TGZ', tarred(FILES, 'w:gz')),
    ('foo-1.0.tar.bz2', tarred(FILES, 'w:bz2')),
    ('foo-1.0.tbz', tarred(FILES, 'w:bz2')),
    ('foo-1.0.tar.xz', tarred(FILES, 'w:xz')),
    ('foo-1.0.tar.lzma', lzma.compress(tarred(FILES, 'w:'), lzma.FORMAT_ALONE)),
    pytest.param(
        SDIST, tarred({f'./{name}': content for name, content in FILES.items()}, 'w:gz'),
        id='made by tar of a dot',
    ),
    pytest.param(SDIST, tarred({LONG: b'x', **FILES}, 'w:gz', tarfile.GNU_FORMAT), id='GNU'),
    pytest.param(SDIST, tarred({LONG: b'x', **FILES}, 'w:gz', tarfile.PAX_FORMAT), id='pax'),
    pytest.param(SDIST, tarred({LONG: b'x', **FILES}, 'w:gz', tarfile.USTAR_FORMAT), id='ustar'),
    pytest.param(
        SDIST, sdist(member(b'PKG-INFO', METADATA, prefix=b'foo-1.0')), id='name in two parts',
    ),
    pytest.param(
        SDIST, sdist(
            member(b'@LongLink', b'foo-1.0/PKG-INFO\0', b'L'), member(b'foo-1.0/PK', METADATA),
        ), id='long name',
    ),
    pytest.param(
        SDIST, sdist(member(b'pax', b'x', b'g'), pax(path='foo-1.0/PKG-INFO'),
                     member(b'?', METADATA)), id='pax name',
    ),
    pytest.param(
        SDIST, sdist(pax(size=f'{len(METADATA)}'),
                     header(b'foo-1.0/PKG-INFO') + METADATA.ljust(512, b'\0')), id='pax size',
    ),
    pytest.param(
        SDIST, sdist(header(b'foo-1.0/PKG-INFO', size_field=b'\x80' + len(METADATA).to_bytes(
            11, 'big',
        )) + METADATA.ljust(512, b'\0')), id='size in base 256',
    ),
    # Some programs give a link the size of the file that it links to.
    pytest.param(SDIST, sdist(header(b'link', 4096, b'1'), PKG_INFO), id='link with a size'),
    pytest.param(SDIST, gzip.compress(PKG_INFO), id='no end record'),
    pytest.param(SDIST, sdist(PKG_INFO, PKG_INFO), id='the same metadata twice'),
    pytest.param(
        'foo-1.0.tar.xz', lzma.compress(PKG_INFO) + lzma.compress(END), id='xz in two pieces',
    ),
    pytest.param(
        'foo-1.0.tar.xz', lzma.compress(PKG_INFO + END) + b'x', id='something behind xz',
    ),
    pytest.param(
        'foo-1.0.tar.xz', lzma.compress(PKG_INFO + bytes(MIB)), id='xz of more than a block',
    ),
    pytest.param(
        'foo-1.0.tar.xz', lzma.compress(PKG_INFO + END, preset=9), id='the largest xz dictionary',
    ),
    pytest.param(SDIST, gzip.compress(PKG_INFO) + gzip.compress(END), id='in two pieces'),
])
def test_archives_of_real_tools(tmp_path: Path, filename: str, content: bytes) -> None:
    """The metadata is found in every form that clients read."""
    assert line(tmp_path, filename, content)['size'] == len(content)


@pytest.mark.parametrize('filename', ['foo-1.0.tar.gz', 'foo-1.0.tar', 'foo-1.0.zip'])
@pytest.mark.parametrize('member', [
    'foo-1.0/setup.py', './foo-1.0/setup.py', 'foo-abcdef/pyproject.toml', 'setup.py',
])
def test_sdist_without_metadata(tmp_path: Path, filename: str, member: str) -> None:
    """An sdist that clients build without PKG-INFO has a line of what is known without it."""
    files = {'foo-1.0/foo.py': b'', member: b'', 'foo-1.0/foo.egg-info/PKG-INFO': METADATA}
    content = zipped(files.items()) if filename.endswith('.zip') else (
        tarred(files, f'w:{filename.rpartition("tar")[2].lstrip(".")}')
    )
    found = line(tmp_path, filename, content)
    assert found == {
        'filename': filename, 'size': len(content),
        'hash': f'sha256={hashlib.sha256(content).hexdigest()}',
        'upload_timestamp': found['upload_timestamp'],
    }
    mtime = os.stat(tmp_path / filename).st_mtime
    assert found['upload_timestamp'] == pytest.approx(mtime, abs=0.001)


def test_sdist_without_metadata_or_end(tmp_path: Path) -> None:
    """A compressed archive is complete if its checksum is right."""
    content = gzip.compress(member(b'foo-1.0/setup.py'))
    assert line(tmp_path, SDIST, content)['size'] == len(content)


@pytest.mark.parametrize(('filename', 'content', 'expected'), [
    (WHEEL, b'', 'is damaged or truncated: File is not a zip file'),
    (WHEEL, b'<!DOCTYPE html>', 'is damaged or truncated: File is not a zip file'),
    (WHEEL, zipped([('foo.py', b'')]), 'has no METADATA in a .dist-info folder'),
    pytest.param(
        WHEEL, many_entries(zipped([('foo-1.0.dist-info/METADATA', METADATA)]), 2),
        'has more than one METADATA in a .dist-info folder', id='metadata twice',
    ),
    # pip refuses all of these.
    pytest.param(
        WHEEL, zipped([
            ('foo-1.0.dist-info/METADATA', METADATA), ('bar-1.0.dist-info/RECORD', b''),
        ]), "has more than one .dist-info folder: 'bar-1.0.dist-info', 'foo-1.0.dist-info'",
        id='two .dist-info folders',
    ),
    pytest.param(
        WHEEL, wheel(folder='bar-1.0.dist-info'),
        "has the .dist-info folder of another project, 'bar-1.0.dist-info'",
        id="another project's .dist-info folder",
    ),
    pytest.param(
        WHEEL, zipped(FILES.items()), 'has no METADATA in a .dist-info folder',
        id='an sdist by the name of a wheel',
    ),
    pytest.param(
        WHEEL, zipped([('foo-1.0.dist-info/METADATA', METADATA)], zipfile.ZIP_BZIP2),
        'has metadata in a form that clients cannot read', id='bzip2 in zip',
    ),
    pytest.param(
        WHEEL, wheel().replace(b'PK\1\2\x14\x03\x14\0\0\0', b'PK\1\2\x14\x03\x14\0\1\0'),
        'has metadata in a form that clients cannot read', id='encrypted',
    ),
    pytest.param(
        WHEEL, wheel().replace(METADATA, METADATA.lower()),
        "is damaged or truncated: Bad CRC-32 for file 'foo-1.0.dist-info/METADATA'",
        id='changed by a bit',
    ),
    ('foo-1.0-py3.9.egg', zipped([]), 'has no EGG-INFO/PKG-INFO'),
    pytest.param(
        'foo-1.0-py3.9.egg', zipped([('foo-1.0/setup.py', b'')]), 'has no EGG-INFO/PKG-INFO',
        id='an sdist by the name of an egg',
    ),
    ('foo-1.0.zip', zipped([]), NO_SDIST),
    pytest.param('foo-1.0.zip', zipped([('foo/a.jpg', b'')]), NO_SDIST, id='another archive'),
    pytest.param(
        'foo-1.0.zip', zipped([('foo-1.0/a/setup.py', b''), ('foo-1.0/setup.py/a', b'')]),
        NO_SDIST, id='another setup.py',
    ),
    pytest.param(
        SDIST, b'\x1f', 'is damaged or truncated: Not a gzipped file (b\'\\x1f\')', id='no gzip',
    ),
    pytest.param(
        SDIST, tarred(FILES, 'w:'), "is damaged or truncated: Not a gzipped file (b'fo')",
        id='not compressed',
    ),
    pytest.param(SDIST, gzip.compress(b'x' * 512), DAMAGED, id='no tar'),
    pytest.param(SDIST, gzip.compress(b'x' * 5), DAMAGED, id='less than a header'),
    pytest.param(
        SDIST, gzip.compress(PKG_INFO[:-1]), 'has a truncated tar archive', id='truncated',
    ),
    pytest.param(SDIST, sdist(), NO_SDIST, id='empty'),
    pytest.param(
        SDIST, sdist(member(b'foo-1.0/setup.py', kind=b'5')), NO_SDIST, id='setup.py is a folder',
    ),
    pytest.param(
        'foo-1.0.tar', member(b'foo-1.0/setup.py', b''), 'has a truncated tar archive',
        id='neither metadata nor an end',
    ),
    pytest.param(
        'foo-1.0.tar', member(b'foo-1.0/setup.py', b'') + END[:511],
        'has a truncated tar archive', id='no metadata and half an end',
    ),
    pytest.param(
        SDIST, sdist(member(b'foo-1.0/foo/PKG-INFO', METADATA), member(b'PKG-INFO', METADATA)),
        NO_SDIST, id='elsewhere',
    ),
    pytest.param(
        SDIST, sdist(member(b'foo-1.0/PKG-INFO', kind=b'2')), NO_SDIST, id='a link',
    ),
    pytest.param(
        SDIST, sdist(PKG_INFO, member(b'foo-1.0/PKG-INFO', b'')),
        'has more than one PKG-INFO in its folder', id='twice',
    ),
    ('foo-1.0.tar.bz2', b'x', 'is damaged or truncated: Invalid data stream'),
    (
        'foo-1.0.tar.xz', b'x' * 99,
        'is damaged or truncated: Input format not supported by decoder',
    ),
    ('foo-1.0.tar.Z', b'\x1f\x9d', 'is compressed in a way, .z, that cannot be read here'),
    ('foo-1.0.tar.zst', b'\x28', 'is compressed in a way, .zst, that cannot be read here'),
])
def test_broken_archives(tmp_path: Path, filename: str, content: bytes, expected: str) -> None:
    """Each is refused, and the reason says what is wrong with it."""
    assert reason(tmp_path, filename, content) == expected


@pytest.mark.parametrize(('filename', 'content', 'expected'), [
    pytest.param(
        WHEEL, zipped([('foo-1.0.dist-info/METADATA', bytes(17 * MIB))], zipfile.ZIP_DEFLATED),
        f'has metadata of more than {16 * MIB} bytes', id='zip bomb',
    ),
    pytest.param(
        # Both of its headers claim a smaller size.
        WHEEL, zipped(
            [('foo-1.0.dist-info/METADATA', bytes(17 * MIB))], zipfile.ZIP_DEFLATED,
        ).replace((17 * MIB).to_bytes(4, 'little'), (100).to_bytes(4, 'little')),
        "is damaged or truncated: Bad CRC-32 for file 'foo-1.0.dist-info/METADATA'",
        id='zip bomb in disguise',
    ),
    pytest.param(
        # Each of the entries alone is within the limit.
        WHEEL, many_entries(
            zipped([('foo-1.0.dist-info/METADATA', bytes(16 * MIB))], zipfile.ZIP_DEFLATED), 100,
        ),
        'has more than one METADATA in a .dist-info folder', id='one zip member by 100 entries',
    ),
    pytest.param(
        WHEEL, bytes(17 * MIB) + end_of_directory(17 * MIB),
        f'has a zip directory of more than {16 * MIB} bytes', id='millions of zip members',
    ),
    pytest.param(
        SDIST, sdist(header(b'foo-1.0/PKG-INFO', 2 ** 32)),
        f'has metadata of more than {16 * MIB} bytes', id='metadata of gigabytes',
    ),
    pytest.param(
        SDIST, sdist(header(b'foo-1.0/PKG-INFO', size_field=b'\x80' + b'\xff' * 11)),
        f'has metadata of more than {16 * MIB} bytes', id='metadata of more than there is',
    ),
    pytest.param(
        SDIST, sdist(header(b'x', size_field=b'\x80' + b'\xff' * 11)),
        'has a truncated tar archive', id='file of more than there is',
    ),
    pytest.param(SDIST, sdist(header(b'x', size_field=b'\xff' * 12)), DAMAGED, id='less than 0'),
    pytest.param(SDIST, sdist(header(b'x', size_field=b'-1'.ljust(12))), DAMAGED, id='-1'),
    pytest.param(SDIST, sdist(pax(size='-1'), header(b'x')), DAMAGED, id='pax -1'),
    pytest.param(
        SDIST, sdist(header(b'x', 2 ** 32, b'x')), f'has a tar header of more than {MIB} bytes',
        id='pax header of gigabytes',
    ),
    pytest.param(
        SDIST, sdist(header(b'x', 2 ** 32, b'L')), f'has a tar header of more than {MIB} bytes',
        id='name of gigabytes',
    ),
    # tarfile takes quadratic time up to Python 3.11.9 and 3.12.5.
    pytest.param(SDIST, sdist(member(b'x', b'1' * MIB, b'x')), DAMAGED, id='pax digits'),
    pytest.param(SDIST, sdist(member(b'x', b'0 a=b\n', b'x')), DAMAGED, id='pax length 0'),
    pytest.param(
        SDIST, sdist(pax(path='foo-1.0/PKG-INFO')), NO_SDIST, id='pax without a member',
    ),
    pytest.param(
        SDIST, sdist(member(b'x', b'5015 size=' + b'1' * 5000 + b'\n', b'x')), DAMAGED,
        id='pax size of 5,000 digits',
    ),
    # tarfile follows them by recursion and exhausts the stack.
    pytest.param(
        SDIST, sdist(*(member(b'x', b'name', b'L') for _ in range(50_000))), NO_SDIST,
        id='chain of headers',
    ),
    pytest.param(
        SDIST, sdist(*([member(b'x')] * 100_000)), NO_SDIST, id='many members',
    ),
    # tarfile applies each of its 60,000 records to each of the members.
    pytest.param(
        SDIST, sdist(
            member(b'x', b''.join(b'11 %06d=\n' % number for number in range(60_000)), b'g'),
            *([member(b'x')] * 100_000),
        ), NO_SDIST, id='global header and many members',
    ),
    pytest.param(
        SDIST, sdist(pax(path='a/' * 30), member(b'a'), member(b'L', b'a/' * 400_000, b'L')),
        NO_SDIST, id='deeply nested',
    ),
    pytest.param(
        SDIST, gzip.compress(header(b'x', 2 ** 40)) + gzip.compress(bytes(16 * MIB)) * 40,
        'unpacks to more than ', id='gzip bomb',
    ),
    pytest.param(
        SDIST, gzip.compress(PKG_INFO + END) + gzip.compress(bytes(16 * MIB)) * 40,
        'unpacks to more than ', id='gzip bomb behind the metadata',
    ),
    pytest.param(
        'foo-1.0.tar.bz2', bz2.compress(header(b'x', 2 ** 40)) + bz2.compress(bytes(16 * MIB)) * 20,
        'unpacks to more than ', id='bzip2 bomb',
    ),
    pytest.param(
        SDIST, sdist(*(
            member(b'foo-1.0/PKG-INFO', bytes([number]) * 15 * MIB) for number in range(10)
        )), 'has more than one PKG-INFO in its folder', id='10 times all metadata there may be',
    ),
    pytest.param(
        # This dictionary would fit into the memory that the test allows.
        'foo-1.0.tar.xz',
        lzma.compress(PKG_INFO + END, filters=[
            {'id': lzma.FILTER_LZMA2, 'preset': 0, 'dict_size': 2 ** 28},
        ]), 'is damaged or truncated: Memory usage limit exceeded', id='xz dictionary',
    ),
    pytest.param(
        # This dictionary would take four gigabytes.
        'foo-1.0.tar.lzma', b'\x5d' + b'\xff' * 12 + bytes(100),
        'is damaged or truncated', id='lzma dictionary',
    ),
])
def test_hostile_archives(tmp_path: Path, filename: str, content: bytes, expected: str) -> None:
    """Each is refused, with little memory and in a time that its size limits."""
    (tmp_path / filename).write_bytes(content)
    done = subprocess.run(
        [sys.executable, '-m', 'dumb_pypi', 'scan', '--jobs', '2', str(tmp_path)],
        check=False, capture_output=True, text=True, preexec_fn=_be_modest,
    )
    assert done.stdout == ''
    assert done.stderr.startswith(f'{tmp_path}/{filename}: {expected}')
    assert done.stderr.endswith('\ndumb-pypi: 1 file was skipped\n')
    assert done.stderr.count('\n') == 2
    assert done.returncode == 1


def _be_modest() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (512 * MIB, 512 * MIB))
    resource.setrlimit(resource.RLIMIT_CPU, (60, 60))


@pytest.mark.parametrize(('filename', 'content'), [
    (WHEEL, wheel()),
    ('foo-1.0.zip', zipped(FILES.items(), zipfile.ZIP_DEFLATED)),
    ('foo-1.0.tar.gz', tarred(FILES, 'w:gz')),
    ('foo-1.0.tar.bz2', tarred(FILES, 'w:bz2')),
    ('foo-1.0.tar.xz', tarred(FILES, 'w:xz')),
    ('foo-1.0.zip', zipped(SETUP.items())),
    ('foo-1.0.tar', tarred(SETUP, 'w:')[:1024]),
    ('foo-1.0.tar.gz', tarred(SETUP, 'w:gz')),
    ('foo-1.0.tar.bz2', tarred(SETUP, 'w:bz2')),
    ('foo-1.0.tar.xz', tarred(SETUP, 'w:xz')),
], ids=[
    'wheel', 'zip', 'gz', 'bz2', 'xz', 'zip without metadata', 'tar without metadata',
    'gz without metadata', 'bz2 without metadata', 'xz without metadata',
])
def test_truncated_files_are_skipped(
        tmp_path: Path, filename: str, content: bytes,
) -> None:
    """A file that ends early is never listed, wherever it ends."""
    for length in range(len(content)):
        assert reason(tmp_path, filename, content[:length])


@pytest.mark.parametrize(('filename', 'content'), [
    (WHEEL, wheel()),
    (WHEEL, zipped([('foo-1.0.dist-info/METADATA', METADATA)], zipfile.ZIP_DEFLATED)),
    ('foo-1.0.tar', tarred({LONG: b'', **FILES}, 'w:')),
    ('foo-1.0.tar', tarred({LONG: b'', **FILES}, 'w:', tarfile.GNU_FORMAT)),
    ('foo-1.0.tar.gz', tarred(FILES, 'w:gz')),
    ('foo-1.0.tar.bz2', tarred(FILES, 'w:bz2')),
    ('foo-1.0.tar.xz', tarred(FILES, 'w:xz')),
], ids=['wheel', 'deflated', 'pax', 'GNU', 'gz', 'bz2', 'xz'])
@given(changes=st.lists(
    st.tuples(st.integers(0, 20_000), st.binary(min_size=1, max_size=4)), max_size=4,
))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(changes=[])
def test_damaged_files_are_read_or_reported(
        tmp_path: Path, filename: str, content: bytes, changes: list[tuple[int, bytes]],
) -> None:
    """A damaged file affects no line but its own."""
    damaged = bytearray(content)
    for place, found in changes:
        start = place % len(content)
        damaged[start:start + len(found)] = found
    (tmp_path / filename).write_bytes(damaged)
    result = scan([str(tmp_path)])
    assert len(result.lines) + len(result.problems) == 1


def test_metadata_size_limit(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Metadata is accepted up to the limit, in bytes."""
    monkeypatch.setattr(archives, 'MAX_METADATA', 200)
    fitting = METADATA.ljust(200, b'\n')
    assert line(tmp_path, WHEEL, zipped([('foo-1.0.dist-info/METADATA', fitting)]))
    assert reason(
        tmp_path, WHEEL, zipped([('foo-1.0.dist-info/METADATA', fitting + b'\n')]),
    ) == 'has metadata of more than 200 bytes'
    (tmp_path / WHEEL).unlink()
    assert line(tmp_path, SDIST, sdist(member(b'foo-1.0/PKG-INFO', fitting)))
    assert reason(
        tmp_path, SDIST, sdist(member(b'foo-1.0/PKG-INFO', fitting + b'\n')),
    ) == 'has metadata of more than 200 bytes'


@pytest.mark.parametrize('error', [
    MemoryError(), RecursionError('too deep'), ValueError('what nobody\n has thought of'),
])
def test_unforeseen_errors_skip_one_file(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception,
) -> None:
    """An unforeseen error is reported for its file; other files are listed."""
    parse = core_metadata.parse

    def fail(metadata: bytes, packagetype: str) -> core_metadata.Facts:
        if packagetype == 'sdist':
            raise error
        return parse(metadata, packagetype)

    monkeypatch.setattr(core_metadata, 'parse', fail)
    (tmp_path / WHEEL).write_bytes(wheel())
    (tmp_path / SDIST).write_bytes(sdist(PKG_INFO))
    result = scan([str(tmp_path)])
    assert len(result.lines) == 1
    [problem] = result.problems
    assert problem.place == str(tmp_path / SDIST)
    assert problem.text == ' '.join(
        f'cannot be read: {type(error).__name__} {error}'.split(),
    )


def test_disk_errors_are_raised(tmp_path: Path) -> None:
    """A failing disk is not mistaken for a damaged file."""
    class Failing(archives.BoundedFile):
        def read(self, _size: int | None = -1, /) -> bytes:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    (tmp_path / 'foo-1.0.tar').write_bytes(tarred(FILES, 'w:'))
    with Failing(str(tmp_path / 'foo-1.0.tar'), lambda _: None) as file, pytest.raises(OSError):
        archives.read_metadata(file, 'foo-1.0.tar', 'sdist', 1)

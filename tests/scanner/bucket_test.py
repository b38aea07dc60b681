"""Scans of buckets: what is read, how much of it, and what the list says."""
from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import sys
import zipfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from dumb_pypi import build
from dumb_pypi.errors import BucketLibraryError, ConflictError, FileError, OptionError
from dumb_pypi.scanner import Scan, scan
from dumb_pypi.scanner.bucket import Bucket
from dumb_pypi.scanner.requirements import read_allow_list
from dumb_pypi.scanner.sources import Settings
from tests.support import archives
from tests.support.archives import METADATA, SDIST, WHEEL
from tests.support.bucket import run_s3
from tests.support.scripted import Site
from tests.support.servers import Response, Server
from tests.support.watched_bucket import watched, WatchedBucket

NUMBERS = count()
RANDOM = random.Random()  # noqa: S311 - nothing secret depends on it
INFO = 'foo-1.0.dist-info/METADATA'
DESCRIBED = b'%sSummary: A & B\nRequires-Python: >=3.8\nRequires-Dist: bar\n\n# Foo\n' % METADATA


@pytest.fixture(scope='module')
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with run_s3(tmp_path_factory.mktemp('s3')) as server:
        yield server


@pytest.fixture
def bucket(s3: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[WatchedBucket]:
    bucket = WatchedBucket(s3, f'packages{next(NUMBERS)}')
    with watched(bucket) as url:
        for name in ('AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT', 'AWS_PROFILE'):
            monkeypatch.delenv(name, raising=False)
        for name, value in {
                'AWS_ENDPOINT_URL': url, 'AWS_ACCESS_KEY_ID': 'test', 'AWS_REGION': 'us-east-1',
                'AWS_SECRET_ACCESS_KEY': 'test', 'NO_PROXY': '*',
        }.items():
            monkeypatch.setenv(name, value)
        yield bucket


def sha256(content: bytes) -> str:
    return f'sha256={hashlib.sha256(content).hexdigest()}'


def scanned(bucket: WatchedBucket, prefix: str = '', **options: Any) -> Scan:
    return scan(f's3://{bucket.name}{prefix}', **options)


def lines_of(result: Scan) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.lines]


def scanned_lines(bucket: WatchedBucket, **options: Any) -> list[dict[str, Any]]:
    result = scanned(bucket, **options)
    assert (result.problems, result.notices) == ([], [])
    return lines_of(result)


def large_wheel(size: int, metadata: bytes = METADATA, *, first: bool = False) -> bytes:
    """Return a wheel of that many bytes or more; its metadata is the last or first member."""
    members = [('foo.bin', RANDOM.randbytes(size)), (INFO, metadata)]
    return archives.zipped(members[::-1] if first else members)


def save(path: Path, result: Scan) -> Path:
    path.write_bytes(b''.join(line + b'\n' for line in result.lines))
    return path


def test_bucket_is_listed_with_its_metadata(bucket: WatchedBucket) -> None:
    """The list has what a scan of a folder would say, and URLs relative to the prefix."""
    wheel, sdist = archives.wheel(DESCRIBED), archives.sdist(archives.PKG_INFO)
    egg = archives.zipped([('EGG-INFO/PKG-INFO', METADATA)])
    variants = b'{"variants": {}}'
    bucket.put(f'pool/team a/{WHEEL}', wheel)
    bucket.put(f'pool/{SDIST}', sdist)
    bucket.put('pool/foo-1.0-py3.9.egg', egg)
    bucket.put('pool/foo-1.0-variants.json', variants)
    bucket.put('elsewhere/foo-2.0.tar.gz', b'')
    bucket.put('pool/', b'')
    bucket.put('pool/foo-1.0.tar.gz.asc', b'x')
    result = scanned(bucket, '/pool/', uploaded_by='me')
    assert (result.problems, result.notices) == ([], [])
    e_tags = {
        content: hashlib.md5(content).hexdigest()  # noqa: S324 - S3 prescribes it
        for content in (wheel, sdist, egg, variants)
    }
    common = {'upload_timestamp': archives.MTIME, 'uploaded_by': 'me'}
    assert [
        {key: line[key] for key in line if line[key] != []} for line in lines_of(result)
    ] == [
        {'filename': filename, 'hash': sha256(content), 'size': len(content), **common, **facts,
         'scanned_etag': e_tags[content]}
        for filename, content, facts in (
            ('foo-1.0-py3-none-any.whl', wheel, {
                'url': f'team%20a/{WHEEL}', 'summary': 'A & B', 'requires_python': '>=3.8',
                'requires_dist': ['bar'],
            }),
            ('foo-1.0-py3.9.egg', egg, {}),
            ('foo-1.0-variants.json', variants, {}),
            (SDIST, sdist, {}),
        )
    ]


@pytest.mark.parametrize('metadata', ({}, {'sha256': 'F' * 64}, {'sha256': 'no'}))
@pytest.mark.parametrize('first', (False, True))
def test_end_of_wheel_is_read(
        bucket: WatchedBucket, metadata: dict[str, str], first: bool,
) -> None:
    """If the object states its hash, 64 KiB of a wheel are read, or a little more.

    Otherwise the rest is read too, but no byte of the end again.
    """
    content = large_wheel(3_000_000, DESCRIBED, first=first)
    bucket.put(WHEEL, content, **metadata)
    [line] = scanned_lines(bucket)
    known = metadata == {'sha256': 'F' * 64}
    assert line['hash'] == (f'sha256={"f" * 64}' if known else sha256(content))
    assert line['summary'] == 'A & B'
    parts = [1 << 16] * (2 if first else 1)
    assert bucket.sizes(WHEEL) == (parts if known else [*parts, len(content) - (1 << 16)])
    assert len(bucket.asked) == 1 + len(bucket.sizes(WHEEL))


def test_small_and_streamed_files_are_read_once(bucket: WatchedBucket) -> None:
    """Of a small wheel and an sdist, every byte is read once, in one request."""
    wheel = archives.wheel()
    sdist = archives.sdist(archives.PKG_INFO, archives.member(
        b'foo-1.0/data', RANDOM.randbytes(3_000_000),
    ))
    bucket.put(WHEEL, wheel)
    bucket.put(SDIST, sdist)
    assert [line['hash'] for line in scanned_lines(bucket)] == [sha256(wheel), sha256(sdist)]
    assert (bucket.sizes(WHEEL), bucket.sizes(SDIST)) == ([len(wheel)], [len(sdist)])


def test_large_directory_is_read_in_few_requests(bucket: WatchedBucket) -> None:
    """A directory of some MB, with Zip64 records, takes one request more."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, 'w') as archive:
        for number in range(66_000):
            archive.writestr(zipfile.ZipInfo(f'foo/{number}'), b'')
        archive.writestr(zipfile.ZipInfo(INFO), DESCRIBED)
    assert b'PK\6\6' in stream.getvalue()
    bucket.put(WHEEL, stream.getvalue(), sha256='0' * 64)
    [line] = scanned_lines(bucket)
    assert line['summary'] == 'A & B'
    assert len(bucket.sizes(WHEEL)) <= 4


def test_unchanged_objects_are_not_read(bucket: WatchedBucket, tmp_path: Path) -> None:
    """With the previous list there is one request per thousand objects, and the list is equal."""
    wheel = archives.wheel(DESCRIBED)
    bucket.put(WHEEL, wheel)
    bucket.put(f'{WHEEL}.metadata', DESCRIBED)
    bucket.put(SDIST, archives.sdist(archives.PKG_INFO))
    first = scanned(bucket)
    previous = save(tmp_path / 'list', first)
    bucket.forget()
    assert scanned(bucket, previous=previous) == first
    assert [asked.key for asked in bucket.asked] == ['?']
    # `packages.json` has no ETags.
    build(package_list_json=previous, packages_url='../../pool/', output_dir=tmp_path / 'out')
    assert b'etag' not in (tmp_path / 'out/packages.json').read_bytes()
    bucket.forget()
    assert scanned(bucket, previous=tmp_path / 'out/packages.json') == first
    assert [asked.key for asked in bucket.asked] == ['?']


def other_wheel(bucket: WatchedBucket) -> None:
    bucket.put(WHEEL, archives.wheel(DESCRIBED.replace(b'A & B', b'B & A')))


def other_metadata(bucket: WatchedBucket) -> None:
    bucket.put(f'{WHEEL}.metadata', METADATA)


def no_metadata(bucket: WatchedBucket) -> None:
    bucket.delete(f'{WHEEL}.metadata')


def later(bucket: WatchedBucket) -> None:
    bucket.modified = '2024-01-01T10:00:01.500Z'


def moved(bucket: WatchedBucket) -> None:
    bucket.delete(WHEEL)
    bucket.put(f'deep/{WHEEL}', archives.wheel(DESCRIBED))


def new_file(bucket: WatchedBucket) -> None:
    bucket.put('bar-1.zip', archives.zipped([('bar-1/setup.py', b'')]))


def nothing(_: WatchedBucket) -> None:
    """Change nothing."""


@pytest.mark.parametrize(('change', 'read'), (
    (nothing, []),
    # Its size and time stay the same.
    (other_wheel, [WHEEL, f'{WHEEL}.metadata']),
    (other_metadata, [WHEEL]),
    (no_metadata, [WHEEL]),
    (later, [WHEEL, f'{WHEEL}.metadata', SDIST]),
    (moved, [f'deep/{WHEEL}']),
    (new_file, ['bar-1.zip']),
))
def test_changed_objects_are_read(
        bucket: WatchedBucket, tmp_path: Path, change: Callable[[WatchedBucket], None],
        read: list[str],
) -> None:
    """A scan with the previous list gives the list of a scan without it."""
    bucket.put(WHEEL, archives.wheel(DESCRIBED))
    bucket.put(f'{WHEEL}.metadata', DESCRIBED)
    bucket.put(SDIST, archives.sdist(archives.PKG_INFO))
    previous = save(tmp_path / 'list', scanned(bucket))
    change(bucket)
    bucket.forget()
    again = scanned(bucket, previous=previous)
    assert sorted(asked.key for asked in bucket.asked) == sorted(['?', *read])
    assert again == scanned(bucket)


@pytest.mark.randomised
def test_histories_equal_scans_from_scratch(bucket: WatchedBucket, tmp_path: Path) -> None:
    """After any changes of a bucket, a scan with the previous list gives the right list."""
    chance = RANDOM
    previous = None
    keys = [f'{folder}{name}' for folder in ('', 'deep/') for name in (WHEEL, SDIST)]
    contents = [
        archives.wheel(), archives.wheel(DESCRIBED), archives.sdist(archives.PKG_INFO), b'broken',
    ]
    there: set[str] = set()
    for _ in range(25):
        for key in chance.sample(keys, chance.randrange(3)):
            companion = f'{key}.metadata'
            if key in there and chance.random() < 0.3:
                bucket.delete(key)
                there.discard(key)
            else:
                bucket.put(key, chance.choice(contents))
                there.add(key)
            if chance.random() < 0.5:
                bucket.put(companion, chance.choice([METADATA, DESCRIBED]))
        found = scanned(bucket, previous=previous)
        assert found == scanned(bucket)
        previous = save(tmp_path / 'list', found)


def test_store_without_e_tags(bucket: WatchedBucket, tmp_path: Path) -> None:
    """A list without ETags is compared by size and time, and copies are read."""
    bucket.has_e_tags = False
    for folder in ('a/', 'b/'):
        bucket.put(f'{folder}{WHEEL}', archives.wheel())
    bucket.put(SDIST, archives.sdist(archives.PKG_INFO))
    result = scanned(bucket)
    assert not any('scanned_etag' in line for line in lines_of(result))
    previous = save(tmp_path / 'list', result)
    bucket.forget()
    assert scanned(bucket, previous=previous) == result
    assert sorted(asked.key for asked in bucket.asked) == ['?', f'a/{WHEEL}', f'b/{WHEEL}']


def test_threads_stop(bucket: WatchedBucket) -> None:
    """After an error, no thread reads another object."""
    bucket.put(WHEEL, archives.wheel())
    source = Bucket(f's3://{bucket.name}', Settings(read_allow_list((), None)))
    source._stopped.set()
    assert source.scan({}, frozenset()).lines == {}
    assert [asked.key for asked in bucket.asked] == ['?']


def test_edits_of_the_list_are_kept(bucket: WatchedBucket, tmp_path: Path) -> None:
    """What somebody wrote into the list survives as long as the content is the same."""
    bucket.put(WHEEL, archives.wheel())
    bucket.put('bar-1.zip', archives.zipped([('bar-1/setup.py', b'')]))
    previous = tmp_path / 'list'
    edits = {
        'uploaded_by': 'me', 'yanked_reason': 'broken', 'provenance': 'https://example.com/p',
    }
    previous.write_text(''.join(
        json.dumps({**line, **edits}) + '\n' for line in scanned_lines(bucket)
    ))
    for modified in ('2024-01-01T10:00:00.000Z', '2024-02-01T10:00:00.000Z'):
        bucket.modified = modified
        lines = scanned_lines(bucket, previous=previous, uploaded_by='you')
        assert [{key: line[key] for key in edits} for line in lines] == [edits, edits]


def test_metadata_is_announced_or_written(bucket: WatchedBucket, tmp_path: Path) -> None:
    """A `.metadata` object is announced if it is right, and written if that is asked for."""
    bucket.put(WHEEL, archives.wheel(DESCRIBED))
    [line] = scanned_lines(bucket)
    assert 'core_metadata' not in line
    bucket.put(f'{WHEEL}.metadata', b'x' * len(DESCRIBED))
    result = scanned(bucket)
    assert 'core_metadata' not in lines_of(result)[0]
    assert [str(notice) for notice in result.notices] == [
        f's3://{bucket.name}/{WHEEL}.metadata: is not the metadata in the wheel: not announced',
    ]
    result = scanned(bucket, write_metadata=True)
    [line] = lines_of(result)
    assert line['core_metadata'] == sha256(DESCRIBED)
    written = bucket.get(f'{WHEEL}.metadata')
    assert (written.body, written.headers['Content-Type']) == (
        DESCRIBED, 'text/plain; charset=utf-8',
    )
    bucket.forget()
    previous = save(tmp_path / 'list', result)
    assert scanned(bucket, previous=previous, write_metadata=True) == result
    assert [asked.key for asked in bucket.asked] == ['?']
    bucket.delete(f'{WHEEL}.metadata')
    assert scanned(bucket, previous=previous, write_metadata=True).lines == result.lines
    assert bucket.get(f'{WHEEL}.metadata').status == 200


def test_metadata_that_cannot_be_written(bucket: WatchedBucket) -> None:
    """The wheel is listed without it, and the scan reports why."""
    bucket.put(WHEEL, archives.wheel())
    bucket.refusals[f'{WHEEL}.metadata'] = Response(403, {}, b'<Code>AccessDenied</Code>')
    result = scanned(bucket, write_metadata=True)
    [problem] = result.problems
    assert problem.text.startswith('cannot be written: permission denied: check the credentials')
    assert not problem.skipped
    assert 'core_metadata' not in lines_of(result)[0]


def test_names_are_listed_without_reading(bucket: WatchedBucket, tmp_path: Path) -> None:
    """There is one request per thousand objects, and the previous list adds what it knows."""
    for number in range(1005):
        bucket.put(f'foo-{number}.zip', b'x')
    bucket.put(WHEEL, archives.wheel())
    bucket.put(f'{WHEEL}.metadata', METADATA)
    bucket.put(SDIST, b'x')
    bucket.put('bar-1.zip', b'')
    result = scanned(bucket, names_only=True)
    assert [asked.key for asked in bucket.asked] == ['?', '?']
    assert [str(problem) for problem in result.problems] == [
        f's3://{bucket.name}/bar-1.zip: is empty',
    ]
    lines = {line['filename']: line for line in lines_of(result)}
    assert len(lines) == 1007
    assert {key: lines[WHEEL][key] for key in ('size', 'core_metadata')} == {
        'size': len(archives.wheel()), 'core_metadata': 'true',
    }
    assert not {'hash', 'requires_dist'} & lines[WHEEL].keys()
    for number in range(1005):
        bucket.delete(f'foo-{number}.zip')
    bucket.put(SDIST, archives.sdist(archives.PKG_INFO))
    full = scanned(bucket)
    bucket.forget()
    again = scanned(bucket, names_only=True, previous=save(tmp_path / 'list', full))
    assert [asked.key for asked in bucket.asked] == ['?']
    assert again.lines == full.lines
    # Names alone are not enough for a scan that reads.
    assert scanned(bucket, previous=save(tmp_path / 'list', scanned(
        bucket, names_only=True,
    ))).lines == full.lines


@pytest.mark.parametrize('names_only', (False, True))
def test_files_of_one_name(bucket: WatchedBucket, names_only: bool) -> None:
    """Copies are one file; different files of one name are not listed."""
    for folder in ('b/', 'a/'):
        bucket.put(f'{folder}{WHEEL}', archives.wheel())
    [line] = scanned_lines(bucket, names_only=names_only)
    assert line['url'] == f'a/{WHEEL}'
    bucket.put(f'c/{WHEEL}', archives.wheel(DESCRIBED))
    result = scanned(bucket, names_only=names_only)
    assert result.lines == []
    place = f's3://{bucket.name}'
    assert [str(problem) for problem in result.problems] == [
        f'{place}/a/{WHEEL}: has the name, but not the content, of {place}/c/{WHEEL}',
        f'{place}/c/{WHEEL}: has the name, but not the content, of {place}/a/{WHEEL}',
    ]


@pytest.mark.parametrize(('name', 'content', 'reason'), (
    (WHEEL, b'', 'is empty'),
    (WHEEL, archives.zipped([('foo.py', b'')]), 'has no METADATA in a .dist-info folder'),
    (WHEEL, b'x' * 200_000, 'is damaged or truncated: File is not a zip file'),
    (WHEEL, large_wheel(200_000)[:-30], 'is damaged or truncated: File is not a zip file'),
    (WHEEL, archives.wheel(METADATA.replace(b'foo', b'bar')),
     "has the metadata of another project, 'bar'"),
    (SDIST, gzip.compress(bytes(1024)), archives.NO_SDIST),
    (SDIST, b'x', 'is damaged or truncated: Not a gzipped file (b\'x\')'),
    ('foo-1.0%2B1.zip', b'x', None),
    ('noversion-.whl', b'x', None),
))
def test_broken_file_is_reported(
        bucket: WatchedBucket, name: str, content: bytes, reason: str | None,
) -> None:
    """A broken file is a problem of its own; the others are listed."""
    bucket.put(name, content)
    bucket.put('bar-1.zip', archives.zipped([('bar-1/setup.py', b'')]))
    result = scanned(bucket)
    assert [line['filename'] for line in lines_of(result)] == ['bar-1.zip']
    [problem] = result.problems
    assert str(problem).startswith(f's3://{bucket.name}/{name}: ')
    assert reason is None or problem.text == reason


def test_unusual_names_are_encoded(bucket: WatchedBucket) -> None:
    """URLs are percent-encoded, and lead to the object again."""
    keys = [
        'sp ace/é+1/a%25/foo-1.0+local.zip', 'x..y/foo-1.1.zip', "a'b/q&a/foo-2.0.zip",
    ]
    for key in keys:
        name = key.rpartition('/')[2].removesuffix('.zip')
        bucket.put(key, archives.zipped([(f'{name}/setup.py', b'')]))
    found = {line['url'] for line in scanned_lines(bucket)}
    assert {unquote(url) for url in found} == {*keys}
    assert not any(set(url) & set(' +é&') for url in found if '+local' not in url)


@pytest.mark.parametrize('key', ('a/../foo-1.0.zip', 'a//foo-1.0.zip', './foo-1.0.zip'))
def test_key_that_is_no_path(bucket: WatchedBucket, key: str) -> None:
    """A key that the library cannot list ends the scan; the message names it and says what to do.
    """
    bucket.put(key, b'x')
    with pytest.raises(FileError) as error:
        scanned(bucket)
    assert '\n' not in str(error.value)
    assert key in str(error.value)
    assert 'delete this object or give it another key' in str(error.value)


def test_hidden_and_other_objects(bucket: WatchedBucket) -> None:
    """Hidden objects and pages of an index are skipped silently, others with one message."""
    bucket.put('readme.txt', b'x')
    bucket.put('foo-1.0.linux-x86_64.tar.gz', b'x')
    bucket.put('.hidden/foo-1.0.zip', b'x')
    result = scanned(bucket)
    assert result.lines == []
    assert [str(notice) for notice in result.notices] == [
        (f's3://{bucket.name}: has 2 other objects than wheels, sdists and eggs, such as '
        "'foo-1.0.linux-x86_64.tar.gz': skipped"),
    ]
    bucket.delete('foo-1.0.linux-x86_64.tar.gz')
    assert 'has 1 other object than' in str(scanned(bucket).notices[0])
    bucket.put('index/.dumb-pypi/state.json', b'x')
    bucket.put('index/static/foo-1.0.zip', b'x')
    bucket.put('.dumb-pypi/state.json', b'x')
    bucket.put('simple/foo-1.0.zip', b'x')
    bucket.put('pool/simple/foo-2.0.zip', archives.zipped([('foo-2.0/setup.py', b'')]))
    result = scanned(bucket)
    assert [line['filename'] for line in lines_of(result)] == ['foo-2.0.zip']
    assert (result.problems, result.notices) == ([], [])


def test_object_changes_during_the_scan(bucket: WatchedBucket) -> None:
    """A deleted object is not in the list, without a problem; a replaced one is a problem."""
    bucket.put(WHEEL, archives.wheel())
    bucket.put(SDIST, archives.sdist(archives.PKG_INFO))

    def change(method: str, key: str) -> None:
        if (method, key) == ('GET', WHEEL):
            bucket.delete(WHEEL)
        if (method, key) == ('GET', SDIST):
            bucket.put(SDIST, b'other')

    bucket.before = change
    result = scanned(bucket)
    assert result.lines == []
    place = f's3://{bucket.name}'
    assert [str(notice) for notice in result.notices] == [
        f'{place}/{WHEEL}: was deleted while the bucket was scanned: skipped',
    ]
    assert [str(problem) for problem in result.problems] == [
        f'{place}/{SDIST}: changes while the bucket is scanned: scan it again',
    ]


def test_metadata_vanishes_during_the_scan(bucket: WatchedBucket) -> None:
    """A `.metadata` object that is gone is not announced."""
    bucket.put(WHEEL, archives.wheel())
    bucket.put(f'{WHEEL}.metadata', METADATA)
    bucket.before = lambda method, key: (
        bucket.delete(key) if (method, key) == ('GET', f'{WHEEL}.metadata') else None
    )
    assert 'core_metadata' not in lines_of(scanned(bucket))[0]


def test_projects_are_described(bucket: WatchedBucket, tmp_path: Path) -> None:
    """The list of projects is that of a folder, and is read again only where files changed."""
    folder = tmp_path / 'pool'
    folder.mkdir()
    contents = {
        WHEEL: large_wheel(200_000, DESCRIBED + b'x' * 2 ** 20), SDIST: archives.sdist(
            archives.PKG_INFO,
        ), 'bar-1.zip': archives.zipped([('bar-1/setup.py', b'')]),
    }
    for name, content in contents.items():
        bucket.put(name, content, sha256=hashlib.sha256(content).hexdigest())
        (folder / name).write_bytes(content)
    result = scanned(bucket, projects=True)
    assert result.projects == scan(folder, projects=True).projects
    assert [str(notice) for notice in result.notices] == [
        f's3://{bucket.name}/{WHEEL}: has a README of more than 1048576 bytes, which is cut',
    ]
    previous = save(tmp_path / 'list', result)
    known = tmp_path / 'projects'
    known.write_bytes(b''.join(line + b'\n' for line in result.projects))
    bucket.forget()
    options: dict[str, Any] = {
        'projects': True, 'previous': previous, 'previous_projects': known,
    }
    assert scanned(bucket, **options) == result
    assert [asked.key for asked in bucket.asked] == ['?']
    known.unlink()
    bucket.before = lambda method, key: (
        bucket.delete(key) if key == 'bar-1.zip' else
        bucket.put(key, b'other') if key == WHEEL and method == 'GET' else None
    )
    result = scanned(bucket, **options)
    assert result.projects == []
    missing = 'its metadata is missing from the project list'
    assert [str(notice) for notice in result.notices] == [
        f's3://{bucket.name}/bar-1.zip: {missing}: it was deleted while the bucket was scanned',
        (f's3://{bucket.name}/{WHEEL}: {missing}: changes while the bucket is scanned: scan it '
        'again'),
    ]


@pytest.mark.parametrize(('response', 'reason'), (
    (Response(403, {}, b'<Code>AccessDenied</Code>'), 'permission denied'),
    (Response(403, {}, b'<Code>InvalidObjectState</Code>'), 'the object is in an archive'),
    # Azure says so.
    (Response(409, {}, b'<Code>BlobArchived</Code>'), 'the object is in an archive'),
    (Response(400, {}, b'<Code>KMS.DisabledException</Code>'), 'the object is encrypted'),
    (Response(400, {}, (
        b'<Code>InvalidRequest</Code><Message>The object was stored using a form of Server Side '
        b'Encryption. The correct parameters must be provided to retrieve the object.</Message>'
    )), 'the object is encrypted'),
))
@pytest.mark.parametrize('key', (WHEEL, SDIST, f'{WHEEL}.metadata'))
def test_unreadable_object_is_skipped(
        bucket: WatchedBucket, key: str, response: Response, reason: str,
) -> None:
    """If the store refuses to read one object, the others are listed."""
    bucket.put(WHEEL, archives.wheel())
    bucket.put(f'{WHEEL}.metadata', METADATA)
    bucket.put(SDIST, archives.sdist(archives.PKG_INFO))
    bucket.refusals[key] = response
    result = scanned(bucket, jobs=1)
    [message] = [*result.problems, *result.notices]
    assert str(message).startswith(f's3://{bucket.name}/{key}: cannot be read: {reason}')
    assert [line['filename'] for line in lines_of(result)] == sorted({WHEEL, SDIST} - {key})


@pytest.mark.parametrize(('key', 'response', 'reason'), (
    ('?', Response(403, {}, b'<Code>AccessDenied</Code>'), 'permission denied'),
    (WHEEL, Response(403, {}, b'<Code>InvalidAccessKeyId</Code>'), 'permission denied'),
    (SDIST, Response(400, {}, b'<Code>ExpiredToken</Code>'), 'credentials have expired'),
    (WHEEL, Response(404, {}, b'<Code>NoSuchBucket</Code>'), 'there is no such bucket'),
))
def test_unreadable_bucket_is_one_line(
        bucket: WatchedBucket, key: str, response: Response, reason: str,
) -> None:
    """A list without files that exist would remove them from the index: there is none."""
    bucket.put(WHEEL, archives.wheel())
    bucket.put(SDIST, archives.sdist(archives.PKG_INFO))
    bucket.refusals[key] = response
    with pytest.raises(FileError) as error:
        scanned(bucket, jobs=1)
    assert reason in str(error.value)
    assert '\n' not in str(error.value)


def test_wrong_bucket_or_library(
        bucket: WatchedBucket, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A bucket or a library that is missing is one line that says what to do."""
    with pytest.raises(FileError, match='there is no such bucket: create it, or check the URL'):
        scan(f's3://{bucket.name}-missing')
    with pytest.raises(FileError, match='cannot open s3:'):
        scan('s3://')
    monkeypatch.setitem(sys.modules, 'obstore', None)
    with pytest.raises(BucketLibraryError, match='pip install obstore'):
        scanned(bucket)


def test_missing_credentials(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the variables of the store that is asked."""
    for name in (
            'AZURE_STORAGE_ACCOUNT_NAME', 'GOOGLE_APPLICATION_CREDENTIALS',
            'GOOGLE_SERVICE_ACCOUNT', 'GOOGLE_SERVICE_ACCOUNT_KEY',
    ):
        monkeypatch.delenv(name, raising=False)
    # A machine of Google's cloud could have credentials, and so could its user.
    monkeypatch.setenv('GCE_METADATA_HOST', site.url.removeprefix('http://').rstrip('/'))
    monkeypatch.setenv('HOME', '/nowhere')
    with pytest.raises(FileError, match='set AZURE_STORAGE_ACCOUNT_NAME and AZURE'):
        scan('az://x')
    with pytest.raises(FileError, match='set GOOGLE_APPLICATION_CREDENTIALS to'):
        scan('gs://x')
    assert site.requests


@pytest.mark.parametrize(('source', 'options', 'reason'), (
    ('s3://x', {'names_only': True, 'write_metadata': True}, 'nothing is read, so remove --write'),
    ('s3://x', {'names_only': True, 'projects': True}, 'nothing is read, so remove --projects'),
    ('.', {'names_only': True}, 'none of the sources is a bucket'),
    ('https://x/', {'write_metadata': True}, 'none of the sources is a folder or a bucket'),
    ('ftp://x/', {}, 'nor the s3://, gs:// or az:// URL of a bucket'),
))
def test_option_without_a_use_is_refused(
        source: str, options: dict[str, Any], reason: str,
) -> None:
    """An option that does nothing for the sources is an error."""
    with pytest.raises(OptionError, match=reason):
        scan(source, **options)


def test_preferred_source_wins(bucket: WatchedBucket, site: Site) -> None:
    """A project that an index has too is an error, or comes from the preferred source alone."""
    wheel = archives.wheel()
    bucket.put(WHEEL, wheel)
    bucket.put('bar-1.zip', archives.zipped([('bar-1/setup.py', b'')]))
    site.add_json('/foo/', {'files': [{'filename': 'foo-2.0.zip', 'url': 'foo-2.0.zip'}]})
    # A slash at the end makes no other source.
    sources = [f's3://{bucket.name}', f's3://{bucket.name}/', site.url]
    options: dict[str, Any] = {'allowed': ['foo']}
    with pytest.raises(ConflictError):
        scan(sources, **options)
    bucket.forget()
    found = lines_of(scan(sources, prefer=[site.url], **options))
    assert [line['filename'] for line in found] == ['bar-1.zip', 'foo-2.0.zip']
    assert bucket.sizes(WHEEL) == []
    found = lines_of(scan(sources, prefer=[sources[1]], **options))
    assert [line['filename'] for line in found] == ['bar-1.zip', WHEEL]
    assert bucket.sizes(WHEEL) == [len(wheel)]


@pytest.mark.parametrize(('sources', 'places'), (
    (['.', 's3://x'], r'in \. and in s3://x would'),
    (['s3://x/a', 'a', 'b/'], 'in a, b/ and in s3://x/a would'),
    (['s3://x/a/', 's3://x/b'], 'in s3://x/a and in s3://x/b would'),
))
def test_urls_relative_to_different_places(sources: list[str], places: str) -> None:
    """No `--packages-url` is right for the files of a folder and a bucket, or of two buckets."""
    with pytest.raises(OptionError, match=f'{places} be relative to different places'):
        scan(sources)

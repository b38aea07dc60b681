"""Scans of buckets: what is read, how much of it, and what the list says."""
from __future__ import annotations

import hashlib
import io
import json
import os
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from dumb_pypi import build
from dumb_pypi.errors import ConflictError
from dumb_pypi.scanner import Scan, scan
from dumb_pypi.scanner.bucket import BucketSource
from dumb_pypi.scanner.requirements import read_allow_list
from dumb_pypi.scanner.source import Settings
from tests.support import archives
from tests.support.archives import METADATA, SDIST, WHEEL
from tests.support.scripted import Site
from tests.support.servers import Response
from tests.support.watched_bucket import (
    INFO,
    large_wheel,
    lines_of,
    RANDOM,
    scanned,
    WatchedBucket,
)

DESCRIBED = b'%sSummary: A & B\nRequires-Python: >=3.8\nRequires-Dist: bar\n\n# Foo\n' % METADATA


def sha256(content: bytes) -> str:
    return f'sha256={hashlib.sha256(content).hexdigest()}'


def scanned_lines(bucket: WatchedBucket, **options: Any) -> list[dict[str, Any]]:
    result = scanned(bucket, **options)
    assert (result.problems, result.notices) == ([], [])
    return lines_of(result)


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


def test_small_or_streamed_file_read_once(bucket: WatchedBucket) -> None:
    """Of a small wheel and an sdist, every byte is read once, in one request."""
    wheel = archives.wheel()
    sdist = archives.sdist(archives.PKG_INFO, archives.member(
        b'foo-1.0/data', RANDOM.randbytes(3_000_000),
    ))
    bucket.put(WHEEL, wheel)
    bucket.put(SDIST, sdist)
    assert [line['hash'] for line in scanned_lines(bucket)] == [sha256(wheel), sha256(sdist)]
    assert (bucket.sizes(WHEEL), bucket.sizes(SDIST)) == ([len(wheel)], [len(sdist)])


def test_large_directory_needs_few_requests(bucket: WatchedBucket) -> None:
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
    chance = random.Random(os.environ.get('PYTHONHASHSEED', '0'))  # noqa: S311 - it chooses changes
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
    source = BucketSource(f's3://{bucket.name}', Settings(read_allow_list((), None)))
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
    assert scanned(bucket) == ([], [], [], ())


def test_files_among_pages_are_listed(bucket: WatchedBucket) -> None:
    """A distribution file is listed although its folder is one of the pages of an index."""
    bucket.put('.dumb-pypi/state.json', b'x')
    bucket.put('simple/index.json', b'x')
    bucket.put('simple/foo-1.0.zip', archives.zipped([('foo-1.0/setup.py', b'')]))
    result = scanned(bucket)
    assert [line['url'] for line in lines_of(result)] == ['simple/foo-1.0.zip']
    assert (result.problems, result.notices) == ([], [])


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

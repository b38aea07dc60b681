"""Scans of buckets with broken or changing objects, refusals, and options that make no sense."""
from __future__ import annotations

import gzip
import sys
from typing import Any

import pytest

from dumb_pypi.errors import BucketLibraryError, FileError, OptionError
from dumb_pypi.scanner import scan
from tests.support import archives
from tests.support.archives import METADATA, SDIST, WHEEL
from tests.support.scripted import Site
from tests.support.servers import Response
from tests.support.watched_bucket import large_wheel, lines_of, scanned, WatchedBucket


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
    ('s3://x', {'names_only': True, 'write_metadata': True}, 'cannot be used with --write'),
    ('s3://x', {'names_only': True, 'projects': True}, 'cannot be used with --projects'),
    ('.', {'names_only': True}, 'none of the sources is a bucket'),
    ('https://x/', {'write_metadata': True}, 'requires a folder or a bucket among the sources'),
    ('ftp://x/', {}, 'nor the s3://, gs:// or az:// URL of a bucket'),
))
def test_option_without_a_use_is_refused(
        source: str, options: dict[str, Any], reason: str,
) -> None:
    """An option that does nothing for the sources is an error."""
    with pytest.raises(OptionError, match=reason):
        scan(source, **options)


@pytest.mark.parametrize(('sources', 'places'), (
    (['.', 's3://x'], r'cannot be both \. and s3://x: the URLs'),
    (['s3://x/a', 'a', 'b/'], 'cannot be both a, b/ and s3://x/a: the URLs'),
    (['s3://x/a/', 's3://x/b'], 'cannot be both s3://x/a and s3://x/b: the URLs'),
))
def test_urls_relative_to_different_places(sources: list[str], places: str) -> None:
    """No `--packages-url` is right for the files of a folder and a bucket, or of two buckets."""
    with pytest.raises(OptionError, match=f'{places} .* be relative to different places'):
        scan(sources)

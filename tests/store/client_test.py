"""Requests to a bucket: what errors mean, and what is sent again."""
from __future__ import annotations

import os
import sys
from collections.abc import Mapping

import pytest

from dumb_pypi.errors import BucketLibraryError, DumbPypiError, FileError
from dumb_pypi.store import client as client_module
from dumb_pypi.store.client import Client, VersionConflictError
from tests.support.bucket_places import HISTORY, Place, PREFIX, xml


@pytest.mark.parametrize('moto_place', [PREFIX], indirect=True)
def test_repeated_request_is_no_conflict(moto_place: Place) -> None:
    """If only the answer to a request was lost, the repeated one does not fail."""
    client = Client(moto_place.url)
    first = client.replace('x', b'1', None)
    assert client.replace('x', b'1', None) == first
    with pytest.raises(VersionConflictError):
        client.replace('x', b'2', None)
    second = client.replace('x', b'2', first)
    assert client.replace('x', b'2', first) == second


@pytest.mark.parametrize(('status', 'code', 'message'), [
    (403, 'AccessDenied', 'permission denied: check the credentials'),
    (404, 'NoSuchBucket', 'there is no such bucket: create it, or check the URL'),
    (301, 'PermanentRedirect', 'the bucket is in another region: set AWS_REGION'),
    (501, 'NotImplemented', 'the store has no conditional writes'),
])
def test_error_is_one_line(place: Place, status: int, code: str, message: str) -> None:
    """What the store refuses is reported in one line, with what to do."""
    place.recorder.refusals = [(PREFIX, status, xml(code))] * 20 + [('list', status, xml(code))]
    with pytest.raises(DumbPypiError) as caught:
        place.build(HISTORY[0])
    assert message in str(caught.value)
    assert '\n' not in str(caught.value)


def test_missing_library_is_reported(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without obstore, the message has the command that installs it."""
    monkeypatch.setitem(sys.modules, 'obstore', None)
    with pytest.raises(BucketLibraryError, match=r'run pip install obstore$'):
        place.build(HISTORY[0])


def test_unreachable_store_is_reported(
        place: Place, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without a network, the message says what to check."""
    monkeypatch.setattr('dumb_pypi.store.client._RETRIES', 0)
    monkeypatch.setenv('AWS_ENDPOINT_URL', 'http://127.0.0.1:1')
    with pytest.raises(DumbPypiError, match='cannot be reached: check the network'):
        place.build(HISTORY[0])


@pytest.mark.parametrize('url', [
    '127.0.0.1:9000', '', 'http://a b', 'ftp://example.com', 'https:///', 'http://127.0.0.1:99999',
    'http://a\n',
])
def test_invalid_endpoint_is_reported(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint that is not a URL is refused before the library prints a stack trace."""
    monkeypatch.setenv('AWS_ENDPOINT_URL', url)
    with pytest.raises(FileError, match=r'AWS_ENDPOINT_URL is .*: set it to a URL') as caught:
        Client('s3://index')
    assert '\n' not in str(caught.value)


def test_store_without_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an endpoint, keys that end in a slash are those of S3 in the region."""
    for name in ('AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL', 'AWS_ENDPOINT', 'AWS_REGION'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv('AWS_DEFAULT_REGION', 'eu-west-1')
    monkeypatch.setenv('AWS_ACCESS_KEY_ID', 'me')
    monkeypatch.setenv('AWS_SECRET_ACCESS_KEY', 'secret')
    url = Client('s3://index/a b')._at_slash('simple/foo').config['endpoint']
    assert url == 'https://s3.eu-west-1.amazonaws.com/index/a%20b/simple/foo'


def test_panic_is_reported(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the library for buckets panics, that is one line, too."""
    client = Client(place.url)
    monkeypatch.setattr(client_module, '_is_url', lambda _: True)
    monkeypatch.setenv('AWS_ENDPOINT_URL', 'http://a b')
    with pytest.raises(FileError, match='InvalidUri'):
        Client(place.url).head('x')
    assert client.head('x') is None


@pytest.mark.parametrize(('url', 'environment', 'message'), [
    ('az://index', {}, 'set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY'),
    ('az://index', {'AZURE_STORAGE_ACCOUNT_NAME': 'me', 'AZURE_STORAGE_ACCOUNT_KEY': '?'},
     'set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY'),
    ('gs://index', {'GOOGLE_APPLICATION_CREDENTIALS': '/nowhere'},
     'set GOOGLE_APPLICATION_CREDENTIALS to the path of a key file'),
])
def test_missing_credentials_are_reported(
        url: str, environment: Mapping[str, str], message: str, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The message names the variables of the store that was asked for."""
    for name in [*os.environ]:
        if name.startswith(('AZURE_', 'GOOGLE_')):
            monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(FileError, match=f'{message}$'):
        Client(url)


def test_large_pages_have_time(place: Place) -> None:
    """A large page has the timeout of own files, a small one that of pages."""
    place.recorder.watched = False
    client = Client(place.url)
    client._pages = None  # type: ignore[assignment]  # no request can be sent with it
    client.put('large', bytes(1 << 19), {})
    with pytest.raises(FileError):
        client.put('small', b'', {})



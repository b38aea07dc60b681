"""Requests to other servers: limits, failures, redirects, credentials and the cache."""
from __future__ import annotations

import datetime
import gzip
import hashlib
import math
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from email.utils import format_datetime
from http.server import ThreadingHTTPServer
from pathlib import Path
from select import select

import pytest

from dumb_pypi.errors import FetchError, FileError
from dumb_pypi.scanner import web
from dumb_pypi.scanner.web import HttpClient, Origin, without_credentials
from tests.support.scripted import Reply, Request, run_site, Site


def client_of(site: Site, **options: str) -> HttpClient:
    return HttpClient(Origin.of(site.url), headers={'Accept': 'text/plain'}, **options)


@pytest.fixture
def client(site: Site) -> HttpClient:
    return client_of(site)


def answered(*replies: Reply) -> Callable[[Request], Reply]:
    """Answer with these, one after the other."""
    left = list(replies)
    return lambda _: left.pop(0)


def raw(head: str, body: bytes = b'') -> Reply:
    return Reply(raw=f'HTTP/1.1 200 OK\r\n{head}\r\n\r\n'.encode() + body)


def test_response(site: Site, client: HttpClient) -> None:
    """A response has the final URL, the headers and the body."""
    site.pages['/a'] = Reply(b'body', {'Content-Type': 'Text/Plain; charset=utf-8'})
    response = client.get(f'{site.url}a')
    assert response.url == f'{site.url}a'
    assert (response.body, response.content_type) == (b'body', 'text/plain')
    [request] = site.requests
    assert request.headers['accept'] == 'text/plain'
    assert request.headers['accept-encoding'] == 'gzip'


@pytest.mark.parametrize('encoding', ['gzip', 'X-GZIP'])
def test_compressed_response(site: Site, client: HttpClient, encoding: str) -> None:
    """A compressed response is unpacked."""
    site.pages['/a'] = Reply(gzip.compress(b'body' * 1000), {'Content-Encoding': encoding})
    assert client.get(f'{site.url}a').body == b'body' * 1000
    # What follows, however long it is, is not read.
    site.pages['/b'] = Reply(raw=b'HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n' + (
        gzip.compress(b'body') + bytes(2 ** 20)
    ))
    assert client.get(f'{site.url}b').body == b'body'


@pytest.mark.parametrize(('reply', 'message'), [
    (Reply(b'12345678'), 'it has more than 7 bytes'),
    (Reply(gzip.compress(bytes(2 ** 24)), {'Content-Encoding': 'gzip'}), 'more than 7 bytes'),
    (Reply(b'', {'Content-Encoding': 'br'}), "the encoding 'br', which was not asked for"),
    (Reply(gzip.compress(b'a')[:-4], {'Content-Encoding': 'gzip'}), 'response is incomplete'),
    (Reply(b'none', {'Content-Encoding': 'gzip'}), 'incorrect header check'),
    (raw('Content-Length: 5', b'1234'), 'ended in the middle of the response'),
    (raw('Transfer-Encoding: chunked', b'5\r\n1234'), 'IncompleteRead'),
    (raw('Transfer-Encoding: chunked', b'-5\r\n1234'), 'IncompleteRead'),
    (raw('Transfer-Encoding: chunked', b'9' * 70_000), 'got more than 65536 bytes'),
    (raw(f'A: {"a" * 70_000}'), 'got more than 65536 bytes'),
    (raw('\r\n'.join(['A: a'] * 200)), 'got more than 100 headers'),
    (Reply(raw=b''), 'Remote end closed connection without response'),
    (Reply(raw=b'\x16\x03\x01'), r'is not HTTP: \\x16\\x03\\x01$'),
    (Reply(raw=b'HTTP/1.1 000 \r\n\r\n'), '000'),
    (Reply(raw=b'HTTP/1.1 404 Not\x1b[31m Found\r\n\r\n'), r'HTTP status 404 \(Not\[31m Found\)'),
    (Reply(raw=b'HTTP/1.1 499 \r\n\r\n'), 'HTTP status 499$'),
    (Reply(status=304), 'HTTP status 304'),
])
def test_bad_responses_are_one_line(
        site: Site, client: HttpClient, reply: Reply, message: str, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A response that is too long, incomplete or no response is an error of one line."""
    monkeypatch.setattr(web, 'MAX_RESPONSE', 7)
    site.pages['/a'] = reply
    with pytest.raises(FetchError, match=message) as caught:
        client.get(f'{site.url}a')
    assert str(caught.value).startswith(f'cannot read {site.url}a: ')
    assert str(caught.value).isprintable()


@pytest.mark.parametrize('failure', [
    Reply(status=500), Reply(status=502), Reply(status=503), Reply(status=504), Reply(raw=b''),
    Reply(status=429), Reply(status=503, headers={'Retry-After': '0'}),
    Reply(status=429, headers={'Retry-After': format_datetime(
        datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC), usegmt=True,
    )}),
    Reply(status=429, headers={'Retry-After': 'soon'}),
    raw('Content-Length: 5', b'1234'),
])
def test_transient_failures_are_repeated(site: Site, client: HttpClient, failure: Reply) -> None:
    """A failure that may go away is an error only after several of them."""
    site.pages['/a'] = answered(failure, failure, failure, Reply(b'body'))
    assert client.get(f'{site.url}a').body == b'body'
    site.pages['/a'] = answered(failure, failure, failure, failure)
    with pytest.raises(FetchError):
        client.get(f'{site.url}a')
    assert len(site.requests) == 8


@pytest.mark.parametrize('failure', [
    Reply(status=400), Reply(status=403), Reply(status=404), Reply(status=501),
    Reply(status=503, headers={'Retry-After': '61'}),
])
def test_other_failures_are_final(site: Site, client: HttpClient, failure: Reply) -> None:
    """A failure that stays, or stays for long, is an error at once."""
    site.pages['/a'] = failure
    with pytest.raises(FetchError, match=f'HTTP status {failure.status}') as caught:
        client.get(f'{site.url}a')
    assert caught.value.status == failure.status
    assert len(site.requests) == 1


@pytest.mark.usefixtures('no_settings')
def test_refused_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is not there is asked twice, and then an error of one line."""
    monkeypatch.setattr(web, 'WAITS', (math.inf, 0, math.inf))
    with socket.socket() as unused:
        unused.bind(('127.0.0.1', 0))
        url = f'http://127.0.0.1:{unused.getsockname()[1]}/'
        with pytest.raises(FetchError, match=r'Connection refused\. Check the URL, the network'):
            HttpClient(Origin.of(url), headers={}).get(url)


def test_unknown_host(no_settings: None) -> None:  # noqa: ARG001 - it is needed, not used
    """A name that no server has is an error at once, of one line."""
    url = 'http://nowhere.invalid/'
    with pytest.raises(FetchError, match=r'cannot read http://nowhere.*\. Check the U') as caught:
        HttpClient(Origin.of(url), headers={}).get(url)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('url', ['ftp://127.0.0.1/a', 'file:///etc/passwd', 'data:,a'])
def test_other_schemes_are_refused(site: Site, client: HttpClient, url: str) -> None:
    """Neither a URL nor a redirect reads anything but http and https."""
    with pytest.raises(FetchError):
        client.get(url)
    site.pages['/a'] = Reply(status=302, headers={'Location': url})
    with pytest.raises(FetchError, match='redirects to something other'):
        client.get(f'{site.url}a')


def test_silent_server_is_an_error(
        site: Site, client: HttpClient, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A server that accepts a request, and sends nothing, is an error after a while."""
    monkeypatch.setattr(web, 'TIMEOUT', 0.1)
    done = threading.Event()

    def wait(_: Request) -> Reply:
        done.wait()
        return Reply()

    site.pages['/a'] = wait
    try:
        with pytest.raises(FetchError, match=r'no answer for 0\.1 seconds'):
            client.get(f'{site.url}a')
    finally:
        done.set()


@pytest.mark.parametrize('start', [
    b'HTTP/1.1 200 OK\r\nA: ', b'HTTP/1.1 200 OK\r\n\r\n',
    b'HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n',
])
@pytest.mark.usefixtures('no_settings')
def test_slow_server_is_an_error(
        start: bytes, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A server that sends a byte now and then, for ever, is an error."""
    monkeypatch.setattr(web, 'DEADLINE', 0.3)
    with socket.create_server(('127.0.0.1', 0)) as server:
        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(start)
                # It notices that nobody reads any more.
                try:
                    while True:
                        connection.sendall(b'a')
                        if connection in select([connection], [], [], 0.01)[0]:
                            break
                except OSError:
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        url = f'http://127.0.0.1:{server.getsockname()[1]}/'
        with pytest.raises(FetchError, match='took more than 0 seconds'):
            HttpClient(Origin.of(url), headers={}).get(url)
        thread.join()


def test_redirects(site: Site, client: HttpClient) -> None:
    """Redirects are followed, and the response has the last URL."""
    site.pages['/a'] = Reply(status=301, headers={'Location': '/b c\xe9#d'})
    site.pages['/b%20c%E9'] = Reply(status=308, headers={
        'Location': site.url.replace('//', '//me:secret@') + 'd',
    })
    site.pages['/d'] = Reply(b'body')
    response = client.get(f'{site.url}a')
    assert (response.url, response.body) == (f'{site.url}d', b'body')


def test_redirect_loop_is_an_error(site: Site, client: HttpClient) -> None:
    """A redirect loop ends, and the bodies of redirects are not read."""
    site.pages['/a'] = Reply(
        raw=b'HTTP/1.1 302 Found\r\nLocation: /a\r\nContent-Length: 99999999999\r\n\r\n',
    )
    with pytest.raises(FetchError, match='redirects more than 10 times'):
        client.get(f'{site.url}a')
    assert len(site.requests) == 11


@pytest.mark.parametrize(('place', 'message'), [
    ('http://[::1', 'Invalid IPv6 URL'), ('//', 'redirects more than 10 times'),
    ('http://127.0.0.1:99999/', 'Port out of range'), ('http://a\\b/', '.'),
])
def test_bad_redirects_are_errors(
        site: Site, client: HttpClient, place: str, message: str,
) -> None:
    """A redirect to something other than a URL is an error of one line."""
    site.pages['/a'] = Reply(status=302, headers={'Location': place})
    with pytest.raises(FetchError, match=message) as caught:
        client.get(f'{site.url}a')
    assert '\n' not in str(caught.value)


def test_credentials_stay_with_their_server(site: Site) -> None:
    """A password goes to the server that it is for, and to no other one by a redirect."""
    client = client_of(site, credentials='Basic secret')
    with run_site() as other:
        site.pages['/a'] = Reply(status=302, headers={'Location': '/b'})
        site.pages['/b'] = Reply(status=302, headers={'Location': f'{other.url}c'})
        other.pages['/c'] = Reply(b'body')
        assert client.get(f'{site.url}a').body == b'body'
        assert [request.headers.get('authorization') for request in site.requests] == [
            'Basic secret', 'Basic secret',
        ]
        assert [request.headers.get('authorization') for request in other.requests] == [None]


def test_proxy(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy of the environment is used, unless it is switched off for a host."""
    monkeypatch.setenv('http_proxy', site.url)
    url = 'http://index.example.com/simple/'
    site.pages[url] = Reply(b'body')
    monkeypatch.setenv('NO_PROXY', 'other.example.com')
    monkeypatch.delenv('no_proxy', raising=False)
    assert client_of(site).get(url).body == b'body'


class HttpsServer(ThreadingHTTPServer):
    """A server whose certificate was made for the test."""
    certificate: Path

    def get_request(self) -> tuple[socket.socket, object]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.certificate.with_suffix('.key'))
        connection, address = super().get_request()
        connection.settimeout(web.TIMEOUT)
        return context.wrap_socket(connection, server_side=True), address


@pytest.fixture(scope='module')
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('tls')
    subprocess.run([
        'openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj',
        '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', folder / 'a.key',
        '-out', folder / 'a.pem',
    ], check=True, capture_output=True)
    return folder / 'a.pem'


@pytest.fixture
def https(certificate: Path, no_settings: None) -> Iterator[Site]:  # noqa: ARG001 - it is needed, not used
    HttpsServer.certificate = certificate
    with run_site(server_class=HttpsServer) as site:
        site.url = site.url.replace('http:', 'https:')
        yield site


def test_certificates_are_checked(
        https: Site, certificate: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A certificate of an unknown authority is an error; SSL_CERT_FILE makes it known."""
    https.pages['/a'] = Reply(b'body')
    https.pages['/b'] = Reply(status=302, headers={'Location': 'http://192.0.2.1/'})
    with pytest.raises(FetchError, match=r'certificate .* is not valid: .*SSL_CERT_FILE'):
        client_of(https).get(f'{https.url}a')
    monkeypatch.setenv('SSL_CERT_FILE', str(certificate))
    client = client_of(https)
    assert client.get(f'{https.url}a').body == b'body'
    with pytest.raises(FetchError, match=r'to http://192\.0\.2\.1/, which is not encrypted'):
        client.get(f'{https.url}b')


def test_cached_response_is_current_or_replaced(site: Site, tmp_path: Path) -> None:
    """A cached response is used if the server says that it is current, and replaced otherwise."""
    site.pages['/a'] = Reply(b'body', {'Content-Type': 'text/plain'})
    cache = str(tmp_path / 'cache')
    first = client_of(site, cache=cache).get(f'{site.url}a')
    again = client_of(site, cache=cache).get(f'{site.url}a')
    assert (again.body, again.content_type) == (first.body, first.content_type)
    site.pages['/a'] = Reply(b'new')
    assert client_of(site, cache=cache).get(f'{site.url}a').body == b'new'
    assert client_of(site, cache=cache).get(f'{site.url}a').body == b'new'
    assert ['if-none-match' in request.headers for request in site.requests] == [
        False, True, True, True,
    ]
    assert len(list(Path(cache).iterdir())) == 1


def test_modification_time_is_a_condition(site: Site, tmp_path: Path) -> None:
    """A response without an ETag is asked for by its modification time, if it has one."""
    moment = 'Wed, 31 Jan 2024 12:00:00 GMT'
    site.pages['/a'] = answered(
        raw(f'Last-Modified: {moment}\r\nContent-Length: 4', b'body'), Reply(status=304),
    )
    site.pages['/b'] = raw('Content-Length: 4', b'body')
    for _ in range(2):
        client = client_of(site, cache=str(tmp_path))
        assert client.get(f'{site.url}a').body == b'body'
        assert client.get(f'{site.url}b').body == b'body'
    conditions = [request.headers.get('if-modified-since') for request in site.requests]
    assert conditions == [None, None, moment, None]


@pytest.mark.parametrize('damage', [
    lambda _: b'', lambda content: content[:-1], lambda content: content + b'a',
    lambda _: b'null\n', lambda _: b'{}\nbody', lambda _: b'[' * 100_000,
    lambda content: content.replace(b'"headers": {', b'"headers": 1, "x": {'),
    lambda content: content.replace(b'/a"', b'/b"'),
])
def test_damaged_cache_is_ignored(
        site: Site, tmp_path: Path, damage: Callable[[bytes], bytes],
) -> None:
    """A damaged response is asked for again, without a condition."""
    site.pages['/a'] = Reply(b'body')
    client = client_of(site, cache=str(tmp_path))
    client.get(f'{site.url}a')
    [file] = tmp_path.glob('*.response')
    good = file.read_bytes()
    file.write_bytes(damage(good))
    assert client.get(f'{site.url}a').body == b'body'
    assert 'if-none-match' not in site.requests[-1].headers
    assert hashlib.sha256(file.read_bytes()).digest() == hashlib.sha256(good).digest()


def test_unusable_cache_is_an_error(site: Site, tmp_path: Path) -> None:
    """A cache that cannot be written is an error of one line."""
    (tmp_path / 'file').touch()
    site.pages['/a'] = Reply(b'body')
    for folder in (str(tmp_path / 'file'), 'a\0b'):
        with pytest.raises(FileError, match='cannot write '):
            client_of(site, cache=folder).get(f'{site.url}a')


def test_one_failure_stops_all_requests(site: Site, client: HttpClient) -> None:
    """When one request fails, others end at once, and no more are sent."""
    started, done = threading.Event(), threading.Event()

    def wait(_: Request) -> Reply:
        started.set()
        done.wait()
        return Reply()

    def fail(_: Request) -> Reply:
        started.wait()
        return Reply(status=404)

    site.pages['/1'], site.pages['/2'] = fail, wait
    ended = []

    def get(number: int) -> None:
        try:
            client.get(f'{site.url}{number}')
        except CancelledError:
            ended.append(number)
            raise

    try:
        with pytest.raises(FetchError, match='404'):
            client.map(get, range(1, 9), 2)
        with pytest.raises(CancelledError):
            client.get(f'{site.url}1')
    finally:
        done.set()
    assert not set(site.paths) - {'/1', '/2', '/3'}


def test_url_without_credentials() -> None:
    assert without_credentials('https://a:b@c@example.com:1/d?e#f') == 'https://example.com:1/d?e'


def test_requests_end_if_stopped_early(
        site: Site, client: HttpClient, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A request that begins while another thread stops all of them is interrupted, too."""
    class Watch(web._Watch):
        def __init__(self, seconds: float) -> None:
            client.stop()
            super().__init__(seconds)

    monkeypatch.setattr(web, '_Watch', Watch)
    site.pages['/a'] = Reply(b'body')
    with pytest.raises(CancelledError):
        client.get(f'{site.url}a')

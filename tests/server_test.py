"""The server of `dumb-pypi serve`: what the hosts in deploy/ don't do, or are not tested for.

Most tests of it are in tests/deploy/, where it is one of the hosts.
"""
from __future__ import annotations

import errno
import os
import re
import resource
import shutil
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.client import HTTPConnection, IncompleteRead
from pathlib import Path
from threading import Thread

import pytest

from dumb_pypi import server as module
from dumb_pypi.server import IndexServer, ListenError, NoIndexError
from tests.support import small_builds
from tests.support.servers import free_port, HOST, Response, Server, TIMEOUT

CONTENT = bytes(range(256)) * 4
# More than the buffers of both sockets hold.
LARGE = 64 << 20  # bytes


class Site(Server):
    """A running server of the index in `folder`, which appends to `lines` what it logs."""

    def __init__(self, server: IndexServer, folder: Path, lines: list[str]) -> None:
        super().__init__(server.server_port, Path(os.devnull))
        self.port = server.server_port
        self.folder = folder
        self.lines = lines

    def connect(self) -> HTTPConnection:
        return HTTPConnection(HOST, self.port, timeout=TIMEOUT)


@contextmanager
def serving(folder: Path, host: str = HOST) -> Iterator[Site]:
    """Serve an index from a thread; at the end, wait for the threads of all connections."""
    lines: list[str] = []
    with IndexServer(str(folder), host, 0, lines.append) as server:
        server.daemon_threads = False
        thread = Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        try:
            yield Site(server, folder, lines)
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope='module')
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('built')
    small_builds.run(folder)
    return folder / 'out'


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    """A copy of the index, with a file of 1024 bytes."""
    folder = tmp_path / 'out'
    shutil.copytree(built, folder)
    (folder / 'pool').mkdir()
    (folder / 'pool/foo-1.0.zip').write_bytes(CONTENT)
    return folder


@pytest.fixture
def site(folder: Path) -> Iterator[Site]:
    with serving(folder) as site:
        yield site


@pytest.mark.parametrize('path', [
    '/', '/simple/', '/simple/foo/', '/simple/foo', '/pypi/foo/json', '/pool/foo-1.0.zip',
    '/packages.json',
])
def test_cached_responses_are_revalidated(site: Site, path: str) -> None:
    """Clients see each build at once, also if another index was served at this URL before."""
    response = site.get(path)
    assert response.headers['Cache-Control'] == 'no-cache'


def test_rebuild_is_served_at_once(site: Site, tmp_path: Path) -> None:
    """A page that has changed is sent, although the client has the old one."""
    old = site.get('/simple/foo/')
    small_builds.run(tmp_path, (*small_builds.LINES, '{"filename": "foo-3.0.zip"}'))
    new = site.ask('/simple/foo/', headers={'If-None-Match': old.headers['Etag']})
    assert (new.status, b'foo-3.0.zip' in new.body) == (200, True)


@pytest.mark.parametrize(('header', 'expected'), [
    ('bytes=0-0', range(1)),
    ('bytes=10-19', range(10, 20)),
    ('bytes=1000-', range(1000, 1024)),
    ('bytes=1000-9999', range(1000, 1024)),
    ('bytes=0-', range(1024)),
    ('bytes=-24', range(1000, 1024)),
    ('bytes=-9999', range(1024)),
    # No such bytes.
    ('bytes=1024-', range(0)),
    ('bytes=1024-2000', range(0)),
    ('bytes=-0', range(0)),
    ('bytes=18446744073709551615-', range(0)),
    # Ignored: invalid, several ranges, other units.
    ('bytes=5-1', None),
    ('bytes=-', None),
    ('bytes=a-b', None),
    ('bytes=0-0,5-9', None),
    ('bytes=0-0-0', None),
    ('lines=0-1', None),
    ('bytes=' + '9' * 5000 + '-', None),
])
def test_range_is_sent(site: Site, header: str, expected: range | None) -> None:
    """A single range is sent, and refused if it is beyond the end; others are ignored."""
    response = site.ask('/pool/foo-1.0.zip', headers={'Range': header})
    if expected is None:
        assert (response.status, response.body) == (200, CONTENT)
        assert 'Content-Range' not in response.headers
    elif not expected:
        assert (response.status, response.headers['Content-Range']) == (416, 'bytes */1024')
    else:
        assert (response.status, response.body) == (206, CONTENT[expected.start:expected.stop])
        place = f'bytes {expected.start}-{expected.stop - 1}/1024'
        assert response.headers['Content-Range'] == place


def test_if_range_guards_a_range(site: Site) -> None:
    """A client that resumes a download gets the complete file if that has changed."""
    first = site.get('/pool/foo-1.0.zip').headers
    for condition, status in (
            (first['Etag'], 206), (first['Last-Modified'], 206), ('"other"', 200),
            (formatdate(0, usegmt=True), 200),
    ):
        headers = {'Range': 'bytes=0-9', 'If-Range': condition}
        response = site.ask('/pool/foo-1.0.zip', headers=headers)
        assert (condition, response.status) == (condition, status)


def test_head_of_a_range(site: Site) -> None:
    """HEAD has the headers of GET, for a range, too."""
    headers = {'Range': 'bytes=10-19'}
    got, head = (site.ask('/pool/foo-1.0.zip', method, headers) for method in ('GET', 'HEAD'))
    del got.headers['Date'], head.headers['Date']
    assert (head.status, head.headers, head.body) == (206, got.headers, b'')


@pytest.mark.parametrize(('name', 'value', 'status'), [
    ('If-None-Match', '{etag}', 304),
    ('If-None-Match', 'W/{etag}', 304),
    ('If-None-Match', '"a", W/"b" ,{etag}', 304),
    ('If-None-Match', '*', 304),
    ('If-None-Match', '"a"', 200),
    ('If-None-Match', '', 200),
    ('If-Modified-Since', '{modified}', 304),
    ('If-Modified-Since', 'Thu, 01 Jan 1970 00:00:00 GMT', 200),
    ('If-Modified-Since', 'yesterday', 200),
])
def test_conditional_requests(site: Site, name: str, value: str, status: int) -> None:
    """A client that has the current file, by its ETag or its date, gets a 304."""
    first = site.get('/simple/foo/')
    given = value.format(etag=first.headers['Etag'], modified=first.headers['Last-Modified'])
    response = site.ask('/simple/foo/', headers={name: given})
    assert response.status == status
    assert response.body == (b'' if status == 304 else first.body)


def test_etag_counts_more_than_date(site: Site) -> None:
    """A page that was replaced within one second is not a 304."""
    first = site.get('/simple/foo/').headers
    response = site.ask('/simple/foo/', headers={
        'If-None-Match': '"other"', 'If-Modified-Since': first['Last-Modified'],
    })
    assert response.status == 200


@pytest.mark.parametrize('time', [-10, 0, 10 ** 11])
def test_unusual_times_work(site: Site, time: int) -> None:
    """HTTP has no dates after the year 9999, but file systems have."""
    path = site.folder / 'pool/foo-1.0.zip'
    try:
        os.utime(path, (time, time))
    except OverflowError:
        os.utime(path, (2 ** 32, 2 ** 32))
    response = site.get('/pool/foo-1.0.zip')
    assert response.status == 200
    assert re.fullmatch(
        r'\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT', response.headers['Last-Modified'],
    )


def test_missing_page_of_the_index(site: Site) -> None:
    """Without a 404.html, the body of a 404 is text, which browsers do not cache as a page."""
    (site.folder / '404.html').unlink()
    response = site.get('/nothing')
    assert (response.status, response.body) == (404, b'404 Not Found\n')
    assert response.headers['Content-Security-Policy'] == 'sandbox'
    assert site.ask('/nothing', 'HEAD').body == b''


def test_404_page_is_shown(site: Site) -> None:
    """The body of each 404 is the index's 404.html, and never a 304 or a range."""
    content = (site.folder / '404.html').read_bytes()
    for headers in ({}, {'If-None-Match': '*'}, {'Range': 'bytes=0-1'}, {
            'Accept': 'application/vnd.pypi.simple.v1+json',
    }):
        response = site.ask('/simple/nothing/', headers=headers)
        assert (response.status, response.body) == (404, content)
        assert response.headers['Content-Type'] == 'text/html'
        assert response.headers['Content-Security-Policy'].startswith("default-src 'none'")
        assert 'Cache-Control' not in response.headers
    assert site.ask('/simple/nothing/', 'HEAD').body == b''
    assert site.get('/404.html').status == 200


def test_html_is_the_fallback(site: Site) -> None:
    """Without a JSON page, a client that prefers JSON gets HTML."""
    (site.folder / 'simple/foo/index.json').unlink()
    response = site.get('/simple/foo/', accept='application/vnd.pypi.simple.v1+json')
    assert (response.status, response.headers['Content-Type']) == (200, 'text/html')


@pytest.mark.parametrize(('path', 'place'), [
    ('/simple', '/simple/'),
    ('/project/foo?format=json&x=%0d%0a', '/project/foo/?format=json&x=%0d%0a'),
    ('/simple/Foo', '/simple/foo/'),
    ('//simple/./foo', '/simple/foo/'),
    ('/%73imple', '/simple/'),
    ('/pool/a%20b%22%0A', '/pool/a%20b%22%0A/'),
    ('/pool/%ff', '/pool/%FF/'),
])
def test_slash_redirect(site: Site, path: str, place: str) -> None:
    """A folder with a page redirects to its slash, on the same host, with the same query."""
    for name in (b'a b"\n', b'\xff'):
        folder = os.fsencode(site.folder) + b'/pool/' + name
        try:
            os.mkdir(folder)
        except OSError as error:
            # macOS has names in UTF-8 only.
            assert error.errno == errno.EILSEQ
            continue
        os.link(site.folder / 'index.html', folder + b'/index.html')
    if '%ff' in path and not os.path.exists(os.fsencode(site.folder) + b'/pool/\xff'):
        place = ''
    response = site.get(path)
    assert (response.status, response.headers.get('Location', '')) == (301 if place else 404, place)


def test_symbolic_links_are_followed(site: Site, tmp_path: Path) -> None:
    """As with other web servers, packages may be elsewhere, and a dangling link is a 404."""
    elsewhere = tmp_path / 'elsewhere'
    elsewhere.mkdir()
    (elsewhere / 'bar-1.0.zip').write_bytes(CONTENT)
    for name, target in (('linked', elsewhere), ('pool/gone-1.0.zip', elsewhere / 'nothing'),
                         ('pool/loop-1.0.zip', Path('loop-1.0.zip'))):
        (site.folder / name).symlink_to(target)
    assert site.get('/linked/bar-1.0.zip').body == CONTENT
    assert site.get('/pool/gone-1.0.zip').status == 404
    assert site.get('/pool/loop-1.0.zip').status == 404


def test_only_regular_files_are_sent(site: Site) -> None:
    """A named pipe, which would block, and a socket are 404."""
    os.mkfifo(site.folder / 'pool/pipe')
    (site.folder / 'pool/s').symlink_to(site.folder / 'pool/socket')
    here = os.getcwd()
    with socket.socket(socket.AF_UNIX) as unix:
        # The path of a socket may have about 100 bytes.
        os.chdir(site.folder / 'pool')
        try:
            unix.bind('socket')
        finally:
            os.chdir(here)
        for name in ('pipe', 'socket', 's'):
            assert site.get(f'/pool/{name}').status == 404


@pytest.mark.parametrize('method', ['PUT', 'POST', 'DELETE'])
def test_large_upload_gets_its_response(site: Site, method: str) -> None:
    """A client that uploads to the wrong URL reads that it can't, however much it sends."""
    response = site.ask('/', method, body=bytes(LARGE))
    assert (response.status, response.headers['Allow']) == (405, 'GET, HEAD, OPTIONS')
    assert response.headers['Connection'] == 'close'


@pytest.mark.parametrize(('request_bytes', 'status'), [
    (b'GET /simple/ HTTP/1.0\r\n\r\n', 200),
    (b'GET http://localhost/simple/ HTTP/1.1\r\nConnection: close\r\n\r\n', 200),
    # A response as HTTP/0.9 would have no headers.
    (b'GET /simple/\r\n\r\n', 200),
    (b'GET\r\n\r\n', 400),
    (b'GET / HTTP/x\r\n\r\n', 400),
    (b'GET /\x1b[31m HTTP/1.1\r\n\r\n', 400),
    (b'GET / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc', 400),
    (b'GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400),
    (b'GET / HTTP/1.1\r\nno colon\r\n\r\n', 400),
    (b'GET / HTTP/1.1\r\n' + b'X: y\r\n' * 200 + b'\r\n', 431),
    (b'GET /' + b'x' * (1 << 20) + b' HTTP/1.1\r\n\r\n', 414),
])
def test_malformed_requests(site: Site, request_bytes: bytes, status: int) -> None:
    """Whatever is malformed gets a response with all headers, and the connection is closed."""
    response = site.send(request_bytes)
    assert response.status == status
    assert response.headers['X-Content-Type-Options'] == 'nosniff'
    assert '\x1b' not in ''.join(site.lines)


def test_connections_are_kept(site: Site) -> None:
    """A connection serves one request after the other, also after a 404 and a 304."""
    connection = site.connect()
    statuses = []
    for method, path, headers in (
            ('GET', '/simple/foo/', {}), ('GET', '/nothing', {}), ('HEAD', '/simple/foo/', {}),
            ('GET', '/simple/foo/', {'If-None-Match': '*'}), ('GET', '/simple', {}),
            ('OPTIONS', '/', {}), ('GET', '/pool/foo-1.0.zip', {'Range': 'bytes=9999-'}),
            ('GET', '/', {'Content-Length': '0'}),
    ):
        connection.request(method, path, headers=headers)
        used = connection.sock
        response = connection.getresponse()
        response.read()
        statuses.append(response.status)
        assert connection.sock is used
    connection.close()
    assert statuses == [200, 404, 200, 304, 301, 204, 416, 200]


def test_requests_run_in_parallel(site: Site) -> None:
    """A client that reads slowly, or sends nothing, doesn't keep others waiting."""
    os.truncate(site.folder / 'pool/foo-1.0.zip', LARGE)
    slow, silent = site.connect(), site.connect()
    slow.request('GET', '/pool/foo-1.0.zip')
    silent.connect()
    assert site.get('/simple/').status == 200
    assert len(slow.getresponse().read()) == LARGE
    slow.close()
    silent.close()


def test_idle_connection_is_closed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that sends nothing for a minute is disconnected."""
    monkeypatch.setattr(module._Handler, 'timeout', 0.01)
    with serving(folder) as site, socket.create_connection((HOST, site.port), TIMEOUT) as idle:
        assert idle.recv(1) == b''
    assert site.lines == []


def test_truncated_file_is_noticed(site: Site) -> None:
    """If a file is truncated while it is sent, the client doesn't take it for complete."""
    path = site.folder / 'pool/foo-1.0.zip'
    os.truncate(path, LARGE)
    connection = site.connect()
    connection.request('GET', '/pool/foo-1.0.zip')
    response = connection.getresponse()
    os.truncate(path, 0)
    with pytest.raises(IncompleteRead):
        response.read()
    connection.close()


def test_client_may_hang_up(folder: Path) -> None:
    """A client that disconnects in the middle of a file is not reported."""
    os.truncate(folder / 'pool/foo-1.0.zip', LARGE)
    with serving(folder) as site, socket.create_connection((HOST, site.port), TIMEOUT) as client:
        client.sendall(b'GET /pool/foo-1.0.zip HTTP/1.1\r\n\r\n')
        client.recv(1)
        # Closing now resets the connection.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    assert site.lines == ['"GET /pool/foo-1.0.zip HTTP/1.1" 200 "application/octet-stream"']


def test_failure_is_one_line(site: Site) -> None:
    """A file that can't be opened is no 404; the log has one line, without a traceback."""
    connection = site.connect()
    # Accept the connection. This request opens no file, which could be closed at any time.
    connection.request('OPTIONS', '/')
    connection.getresponse().read()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.dup(0)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, limits[1]))
    try:
        connection.request('GET', '/')
        with pytest.raises(ConnectionError):
            connection.getresponse()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        connection.close()
    [_, logged] = site.lines
    assert logged.startswith('closed a connection: OSError: [Errno 24] Too many open files')
    assert site.get('/').status == 200


def test_log_has_each_response(site: Site) -> None:
    """A line of the log has the request, the status, and the form that was sent."""
    site.get('/simple/foo/', accept='application/vnd.pypi.simple.v1+json')
    site.get('/simple/foo')
    site.send(b'GET /\xe9\x9b HTTP/1.1\r\n\r\n')
    assert site.lines == [
        '"GET /simple/foo/ HTTP/1.1" 200 "application/vnd.pypi.simple.v1+json"',
        '"GET /simple/foo HTTP/1.1" 301 "-"',
        r'"GET /\xe9\x9b HTTP/1.1" 400 "text/plain; charset=utf-8"',
    ]


def _addresses() -> list[str]:
    with socket.socket(socket.AF_INET6) if socket.has_ipv6 else socket.socket() as probe:
        try:
            probe.bind(('::1', 0))
        except OSError:
            # This machine has no IPv6.
            return []
    return ['::1', '::']


@pytest.mark.parametrize('host', [HOST, 'localhost', '0.0.0.0', *_addresses()])  # noqa: S104 - the test is about it
def test_addresses(folder: Path, host: str) -> None:
    """A server listens on the address of a name, an IPv4 or an IPv6 address; its URL works."""
    with IndexServer(str(folder), host, 0, lambda _: None) as server:
        port = server.server_port
        assert server.url in {f'http://{HOST}:{port}/', f'http://[::1]:{port}/'}
        assert (':' in host) == ('[' in server.url) or host == 'localhost'
        assert server.address.is_loopback == (host not in {'0.0.0.0', '::'})  # noqa: S104 - as above
        thread = Thread(target=server.handle_request)
        thread.start()
        loopback = HTTPConnection(server.url[7:-1], timeout=TIMEOUT)
        loopback.request('GET', '/simple/')
        assert loopback.getresponse().status == 200
        thread.join()
        loopback.close()


def test_port_is_not_shared(folder: Path) -> None:
    """A second server can't listen on the same port, also if the first one is of this class."""
    port = free_port()
    with (
        IndexServer(str(folder), HOST, port, print),
        pytest.raises(ListenError, match='Address already in use; stop the other server, or'),
    ):
        IndexServer(str(folder), HOST, port, print)


@pytest.mark.parametrize(('error', 'remedy'), [
    (OSError(errno.EACCES, 'not permitted'), 'choose a --port above 1023'),
    (socket.gaierror(socket.EAI_NONAME, 'no such name'),
     'pass an address of this machine to --host, such as 127.0.0.1'),
])
def test_listen_error_says_what_to_do(error: OSError, remedy: str) -> None:
    """The message has the reason of the system and a remedy."""
    message = f"cannot listen on 'example', port 80: {error.strerror}; {remedy}"
    assert str(ListenError('example', 80, error)) == message


@pytest.mark.parametrize('host', ['192.0.2.1', 'a..b'])
def test_other_machines_cannot_be_listened_on(folder: Path, host: str) -> None:
    """An address of another machine, and one that is none, are refused."""
    with pytest.raises(ListenError, match='pass an address of this machine to --host'):
        IndexServer(str(folder), host, 0, print)


def test_folder_must_have_an_index(folder: Path, tmp_path: Path) -> None:
    """A folder without an index is refused, and the message names the parent that has one."""
    for path in (tmp_path, tmp_path / 'nothing', folder / 'index.html'):
        with pytest.raises(NoIndexError) as caught:
            IndexServer(str(path), HOST, 0, print)
        assert caught.value.parent == (str(folder) if path.parent == folder else None)
    with pytest.raises(NoIndexError, match=re.escape(f'did you mean {folder}?')):
        IndexServer(f'{folder}/simple/', HOST, 0, print)


def test_server_header_names_the_program(site: Site) -> None:
    """The header `Server` names this program and no version of Python."""
    response: Response = site.get('/')
    assert re.fullmatch(r'dumb-pypi/[0-9.a-z+]+', response.headers['Server'])

"""The web server of `dumb-pypi serve`, which serves one index to try it out.

It responds like the web servers with the settings in deploy/, with two differences: it compresses
nothing, and clients revalidate everything that they cached, so that they see each build at once.
"""
from __future__ import annotations

import errno
import ipaddress
import os
import posixpath
import re
import socket
import stat
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import FileIO
from socketserver import TCPServer
from urllib.parse import parse_qsl, quote, unquote_to_bytes

from dumb_pypi import __version__
from dumb_pypi.errors import DumbPypiError, shown, shown_path
from dumb_pypi.model.filenames import canonicalize_name
from dumb_pypi.store import changes

_METHODS = ('GET', 'HEAD', 'OPTIONS')
# The scheme and host are for proxies.
_TARGET = re.compile(
    r'(?:https?://[^/?]*)?(?P<path>/[!->@-~]*)(?:\?(?P<query>[!-~]*))?', re.IGNORECASE,
)
_RANGE = re.compile(r'bytes=(?P<first>[0-9]{0,20})-(?P<last>[0-9]{0,20})')
# Three digits of a quality count, as in HTTP.
_QUALITY = re.compile(r'(1|0(?:\.[0-9]{0,3})?)[0-9.]*')
_JSON_FORM = re.compile(
    r'(?:application/vnd\.pypi\.simple\.(?:v1|latest)[+ ])?json', re.IGNORECASE,
)

_SIMPLE_FOLDER = re.compile(r'simple/(?:[^/]+/)?')
_SIMPLE_PAGE = re.compile(r'simple/(?:[^/]+/)?index\.(?:html|json)')
_JSON_API_PAGE = re.compile(r'pypi/[^/]+/(?:[^/]+/)?json')
_HTML_PAGE = re.compile(
    r'(?:404|(?:simple/|(?:simple|project)/[^/]+/|project/[^/]+/dependents/)?index|'
    r'project/[^/]+/releases-[0-9]+|(?:projects|changelog)/[^/]+)\.html',
)
_PROJECT_PATH = re.compile(
    r'(?P<kind>(?:simple|project|pypi)/)(?P<name>[^/]+)(?P<rest>.*)', re.DOTALL,
)

# The types of files that no build writes.
_OTHER_TYPES = {
    'gz': 'application/octet-stream', 'metadata': 'text/plain; charset=utf-8', 'png': 'image/png',
}
# The search needs `connect-src`.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

# What opening a file that doesn't exist, or that this process may not read, fails with.
_MISSING = frozenset({
    errno.EACCES, errno.EILSEQ, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOENT,
    errno.ENOTDIR, errno.ENXIO, errno.EPERM,
})
_LISTEN_REMEDIES = {
    errno.EADDRINUSE: 'stop the other server, or use any free port with --port 0',
    errno.EACCES: 'choose a --port above 1023',
}


class NoIndexError(DumbPypiError):
    """A folder to serve contains no index; `parent` is the folder above it, if that has one."""

    def __init__(self, folder: str, parent: str | None) -> None:
        remedy = (
            'pass the --output-dir of a build, or run one first: '
            'dumb-pypi --packages-dir FOLDER --output-dir DIR'
        ) if parent is None else f'did you mean {shown_path(parent)}?'
        super().__init__(
            f'{shown_path(folder)} contains no index (it has no simple/index.html); {remedy}',
        )
        self.folder = folder
        self.parent = parent


class ListenError(DumbPypiError):
    """A server cannot listen on `port` of `host`."""

    def __init__(self, host: str, port: int, error: OSError | ValueError) -> None:
        code, reason = getattr(error, 'errno', None), getattr(error, 'strerror', None) or error
        remedy = _LISTEN_REMEDIES.get(
            code or 0, 'pass an address of this machine to --host, such as 127.0.0.1',
        )
        super().__init__(f'cannot listen on {shown(host)}, port {port}: {reason}; {remedy}')
        self.host = host
        self.port = port
        self.error = error


class IndexServer(ThreadingHTTPServer):
    """A server of the index in a folder, from its start on; a thread serves each connection.

    `host` is a name or an address of this machine, `port` 0 any free port. `log` gets a line for
    each response, and for each failure.

    Raises:
        NoIndexError: the folder contains no index.
        ListenError: nobody can listen on this host and port.
    """
    # Otherwise a second server could share the port, and each would get some of the requests.
    allow_reuse_port = False
    # Installers open dozens of connections at once.
    request_queue_size = 128

    def __init__(self, folder: str, host: str, port: int, log: Callable[[str], None]) -> None:
        self.folder = os.path.abspath(folder)
        if not _has_index(self.folder):
            parent = os.path.dirname(self.folder)
            raise NoIndexError(folder, parent if _has_index(parent) else None)
        self.log = log
        try:
            found = socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE,
            )
            self.address_family, *_, address = found[0]
            super().__init__((str(address[0]), port), _Handler)
        except (OSError, ValueError) as error:
            raise ListenError(host, port, error) from error
        self.address = ipaddress.ip_address(self.server_name)

    def server_bind(self) -> None:
        """Bind the socket. Don't look up the name of the host, which can take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.socket.getsockname()[:2]

    def handle_error(self, request: object, client_address: object) -> None:
        """Log why a connection was closed, in one line."""
        del request, client_address
        error = sys.exception()
        self.log(f'closed a connection: {type(error).__name__}: {error}')

    @property
    def url(self) -> str:
        """The URL of the index, for clients on this machine."""
        host = str(self.address)
        if self.address.is_unspecified:
            host = '127.0.0.1' if self.address.version == 4 else '::1'
        return f'http://[{host}]:{self.server_port}/' if ':' in host else (
            f'http://{host}:{self.server_port}/'
        )


class _Handler(BaseHTTPRequestHandler):
    """Handles the requests of one connection."""
    server: IndexServer
    protocol_version = 'HTTP/1.1'
    # If the first line has no version; as HTTP/0.9 the response would have no headers.
    default_request_version = 'HTTP/1.0'
    # Headers and content are sent separately; the content must not wait.
    disable_nagle_algorithm = True
    timeout = 60  # seconds

    def handle(self) -> None:
        """Handle requests until either side closes the connection."""
        with suppress(ConnectionError):
            super().handle()
        # A refused request is not read to its end. If the connection were closed while the client
        # still sends, the client would not get the response.
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            while self.connection.recv(1 << 16):
                pass

    def parse_request(self) -> bool:
        """Return whether the request is to be handled; respond to it if it is not."""
        if not super().parse_request():
            return False
        if self.command not in _METHODS:
            self.send_error(HTTPStatus.METHOD_NOT_ALLOWED)
        elif (
            self.headers.get_all('Content-Length', ['0']) != ['0']
            or 'Transfer-Encoding' in self.headers or self.headers.defects
        ):
            self.send_error(HTTPStatus.BAD_REQUEST)
        else:
            return True
        return False

    def version_string(self) -> str:
        """Return the header `Server`."""
        return f'dumb-pypi/{__version__}'

    def log_message(self, *args: object) -> None:
        """Log nothing. `_start` logs each response."""

    def send_error(
            self, code: int, message: str | None = None, explain: str | None = None,
    ) -> None:
        """Refuse a request, and close the connection, whose next bytes may belong to it."""
        del message, explain
        allow = {'Allow': ', '.join(_METHODS)} if code == HTTPStatus.METHOD_NOT_ALLOWED else {}
        self._send_text(code, {'Connection': 'close', **allow})

    def do_OPTIONS(self) -> None:
        """Respond to a CORS preflight, which browsers send before unusual requests."""
        self._start(HTTPStatus.NO_CONTENT, {
            'Access-Control-Allow-Methods': 'GET, HEAD',
            'Access-Control-Allow-Headers': '*',
            'Access-Control-Max-Age': 86400,
        })

    def do_HEAD(self) -> None:
        """Respond with the headers of GET."""
        self.do_GET()

    def do_GET(self) -> None:
        """Send a page or a file, or redirect to it."""
        target = _TARGET.fullmatch(self.path)
        if target is None:
            self.send_error(HTTPStatus.BAD_REQUEST)
            return
        path = local_path(target['path'])
        # A path that exists is not normalized.
        paths = [] if path is None else dict.fromkeys((path, normalized(path)))
        query = target['query'] or ''
        if not (
            any(self._send(found, query) for found in paths)
            or self._send_file('404.html', HTTPStatus.NOT_FOUND)
        ):
            self._send_text(HTTPStatus.NOT_FOUND)

    def _send(self, path: str, query: str) -> bool:
        """Send what is at a path below the folder; return False if there is nothing."""
        if path.endswith('/') or not path:
            accept = ', '.join(self.headers.get_all('Accept', []))
            if _SIMPLE_FOLDER.fullmatch(path) and wants_json(accept, query):
                return self._send_file(f'{path}index.json') or self._send_file(f'{path}index.html')
            return self._send_file(f'{path}index.html')
        if os.path.isfile(os.path.join(self.server.folder, path, 'index.html')):
            # Without a host, and with one slash at its start, it can't be on another host.
            place = f'/{quote(os.fsencode(path))}/' + (f'?{query}' if query else '')
            self._start(HTTPStatus.MOVED_PERMANENTLY, {
                'Location': place, 'Content-Length': 0, 'Cache-Control': 'no-cache',
            })
            return True
        return self._send_file(path)

    def _send_file(self, path: str, status: HTTPStatus = HTTPStatus.OK) -> bool:
        """Send a file; return False if there is none at this path below the folder."""
        try:
            file = open(
                os.path.join(self.server.folder, path), 'rb', buffering=0, opener=_open_at_once,
            )
        except OSError as error:
            if error.errno in _MISSING:
                return False
            raise
        with file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                return False
            if status == HTTPStatus.OK:
                self._send_opened(file, found, _headers(path))
            else:
                self._send_content(status, _headers(path), file, range(found.st_size))
        return True

    def _send_opened(
            self, file: FileIO, found: os.stat_result, headers: dict[str, object],
    ) -> None:
        """Send a file, or a range of it, or only that the client has it."""
        etag = f'"{found.st_mtime_ns:x}-{found.st_size:x}-{found.st_ino:x}"'
        # Dates have four digits for the year; file systems may have more.
        modified = formatdate(min(max(found.st_mtime, 0), 253402300799), usegmt=True)
        headers |= {
            'ETag': etag, 'Last-Modified': modified, 'Cache-Control': 'no-cache',
            'Accept-Ranges': 'bytes',
        }
        wanted = byte_range(self.headers.get('Range', ''), found.st_size)
        if self._has_cached(etag, modified):
            self._start(HTTPStatus.NOT_MODIFIED, headers)
        elif wanted is None or self.headers.get('If-Range', etag) not in {etag, modified}:
            self._send_content(HTTPStatus.OK, headers, file, range(found.st_size))
        elif wanted:
            headers['Content-Range'] = (
                f'bytes {wanted.start}-{wanted.stop - 1}/{found.st_size}'
            )
            self._send_content(HTTPStatus.PARTIAL_CONTENT, headers, file, wanted)
        else:
            self._send_text(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, {
                'Content-Range': f'bytes */{found.st_size}',
            })

    def _send_content(
            self, status: HTTPStatus, headers: Mapping[str, object], file: FileIO, sent: range,
    ) -> None:
        self._start(status, {**headers, 'Content-Length': len(sent)})
        if (
            self.command != 'HEAD' and sent
            and self.connection.sendfile(file, sent.start, len(sent)) < len(sent)
        ):
            # Somebody has truncated the file, and the client must notice.
            self.close_connection = True

    def _has_cached(self, etag: str, modified: str) -> bool:
        """Return whether the client has the current file."""
        tags = self.headers.get('If-None-Match')
        if tags is None:
            return self.headers.get('If-Modified-Since') == modified
        return tags.strip() == '*' or etag in {
            tag.strip().removeprefix('W/') for tag in tags.split(',')
        }

    def _send_text(self, status: int, headers: Mapping[str, object] | None = None) -> None:
        """Send the name of a status."""
        content = f'{status} {HTTPStatus(status).phrase}\n'.encode()
        self._start(status, {
            'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': len(content),
            'Content-Security-Policy': 'sandbox', **(headers or {}),
        })
        if self.command != 'HEAD':
            self.wfile.write(content)

    def _start(self, status: int, headers: Mapping[str, object]) -> None:
        """Send the first lines of a response, and log it."""
        self.send_response(status)
        self.send_header('Access-Control-Allow-Origin', '*')
        self.send_header('X-Content-Type-Options', 'nosniff')
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.end_headers()
        first = self.requestline
        # The client's control characters are not for the terminal.
        first = first if first.isprintable() else ascii(first)[1:-1]
        self.server.log(f'"{first}" {status} "{headers.get("Content-Type", "-")}"')


def _has_index(folder: str) -> bool:
    return os.path.isfile(os.path.join(folder, 'simple/index.html'))


def local_path(path: str) -> str | None:
    """Return the path below the folder of the index for that of a URL, None if it is not served.

    >>> local_path('//simple/./%66oo/../'), local_path('/..%2fpackages.json')
    ('simple/', 'packages.json')
    >>> local_path('/%2egit/config'), local_path('/.well-known/security.txt'), local_path('/a%00')
    (None, '.well-known/security.txt', None)
    """
    decoded = os.fsdecode(unquote_to_bytes(path))
    if '\0' in decoded:
        return None
    local = posixpath.normpath(f'/{decoded.lstrip("/")}')[1:]
    if local and re.search(r'/\.{0,2}\Z', decoded):
        local += '/'
    if re.search(r'(?:^|/)\.', local.removeprefix('.well-known/')):
        # Dot files, such as .git, .env and .dumb-pypi, the build's own state.
        return None
    return local


def normalized(path: str) -> str:
    """Return a path with the normalized name of the project in it.

    Old clients request a project by the name that the user typed.

    >>> normalized('simple/Foo.Bar/'), normalized('pypi/foo__bar/1.0/json')
    ('simple/foo-bar/', 'pypi/foo-bar/1.0/json')
    """
    found = _PROJECT_PATH.fullmatch(path)
    if found is None:
        return path
    return found['kind'] + canonicalize_name(found['name']) + found['rest']


def wants_json(accept: str, query: str) -> bool:
    """Return whether a client wants the JSON form of a simple page.

    The parameter `format` of the query decides, or the header Accept; HTML wins a tie.

    >>> wants_json('application/vnd.pypi.simple.v1+json, text/html;q=0.1', '')
    True
    >>> wants_json('application/vnd.pypi.simple.v1+json;x=y;q=0.1, */*;q=0.2', '')
    False
    >>> wants_json('text/html', 'x=y&format=json')
    True
    """
    for name, form in parse_qsl(query):
        if name == 'format':
            return _JSON_FORM.fullmatch(form) is not None
    qualities: dict[str, float] = {}
    for entry in accept.lower().replace('.simple.latest+', '.simple.v1+').split(','):
        kind, *parameters = entry.split(';')
        qualities.setdefault(kind.strip(), _quality(parameters))

    def best(*kinds: str) -> float:
        # The most specific entry counts, which comes first.
        return next((qualities[kind] for kind in kinds if kind in qualities), 0)

    return best('application/vnd.pypi.simple.v1+json', 'application/*', '*/*') > max(
        best('application/vnd.pypi.simple.v1+html', 'application/*', '*/*'),
        best('text/html', 'text/*', '*/*'),
    )


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition('=')
        found = _QUALITY.fullmatch(value.strip())
        if name.strip() == 'q' and found is not None:
            return float(found[1])
    return 1


def byte_range(header: str, size: int) -> range | None:
    """Return the bytes that a header `Range` asks for; none of them if the file has no such bytes.

    Return None if there is no header, or one that a server may ignore, such as several ranges.

    >>> byte_range('bytes=10-', 100), byte_range('bytes=-10', 100), byte_range('bytes=1-2,5-6', 100)
    (range(10, 100), range(90, 100), None)
    """
    found = _RANGE.fullmatch(header.strip())
    if found is None or not (found['first'] or found['last']):
        return None
    if not found['first']:
        return range(max(0, size - int(found['last'])), size)
    first, last = int(found['first']), int(found['last'] or size)
    return None if last < first and found['last'] else range(first, min(last + 1, size))


def _headers(path: str) -> dict[str, object]:
    """Return the headers of a file that depend on its path alone."""
    is_page = _HTML_PAGE.fullmatch(path)
    headers: dict[str, object] = {
        'Content-Type': _content_type(path),
        # Browsers run scripts in pages of the index only.
        'Content-Security-Policy': _POLICY if is_page else 'sandbox',
    }
    if is_page:
        headers['Referrer-Policy'] = 'same-origin'
    if _SIMPLE_PAGE.fullmatch(path):
        headers['Vary'] = 'Accept'
    if _JSON_API_PAGE.fullmatch(path):
        # bandersnatch compares this with the time of the newest upload, to detect outdated pages.
        headers['X-PyPI-Last-Serial'] = int(time.time())
    return headers


def _content_type(path: str) -> str:
    extension = path.rpartition('/')[2].rpartition('.')[2]
    try:
        return _OTHER_TYPES.get(extension) or changes.content_type(path)
    except KeyError:
        return 'application/octet-stream'


def _open_at_once(path: str, flags: int) -> int:
    # Opening a named pipe would otherwise wait for somebody to write to it.
    return os.open(path, flags | os.O_NONBLOCK)

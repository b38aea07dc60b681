"""Requests to other servers: bounded in size and time, repeated after failures, and cached."""
from __future__ import annotations

import email.utils
import errno
import http.client
import random
import socket
import ssl
import time
import urllib.request
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from hashlib import sha256
from threading import Event, Lock, Timer
from typing import Any, cast, NamedTuple, TypeVar
from urllib.error import URLError
from urllib.parse import quote, urljoin, urlsplit

from dumb_pypi import __version__
from dumb_pypi.errors import FetchError, reason_of
from dumb_pypi.scanner.responses import Response, ResponseCache

# Seconds without a byte, and seconds for a response from its first byte to its last one.
TIMEOUT = 30
DEADLINE = 300
# Bytes of an unpacked response. The longest real ones have about 30 MB.
MAX_RESPONSE = 64 * 2 ** 20
# Bytes of a file whose source does not state its size, and bytes per second of a slow server.
MAX_FILE = 2 * 2 ** 30
_SLOWEST = 2 ** 17
# Seconds to wait before a request is repeated, each time. A random part is added, so that several
# clients don't come back at the same moment.
WAITS = (0.5, 2, 8)
# Seconds that a server may tell us to wait before we repeat a request.
LONGEST_WAIT = 60
# Requests at once. Servers may take more for an attack.
MAX_REQUESTS = 8

_BLOCK = 2 ** 16  # bytes
_MAX_REDIRECTS = 10
_REDIRECTS = (301, 302, 303, 307, 308)
_NOT_MODIFIED = 304
_BUSY = (403, 429, 503)
_TRANSIENT = (429, 500, 502, 503, 504)
_LOOPBACK = ('localhost', '127.0.0.1', '::1')
# What the modules that read a response raise if it is malformed, or never arrives.
_FAILURES = (http.client.HTTPException, OSError, EOFError, ValueError, zlib.error)
_LONGEST_REASON = 200  # characters
_UNREACHABLE = '. Check the URL, the network and whether the server runs'

T = TypeVar('T')
R = TypeVar('R')


class Origin(NamedTuple):
    """The part of a URL that says which server answers."""
    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Origin:
        """Return the origin of an absolute http(s) URL.

        >>> Origin.of('https://user@Example.com/simple/')
        Origin(scheme='https', host='example.com', port=443)

        Raises:
            ValueError: it is not a URL.
        """
        parts = urlsplit(url)
        default = 443 if parts.scheme == 'https' else 80
        return cls(parts.scheme, parts.hostname or '', parts.port or default)

    @property
    def is_safe(self) -> bool:
        """Whether nobody on the way there can read or change what is sent."""
        return self.scheme == 'https' or self.host in _LOOPBACK


class HttpClient:
    """Sends requests, from several threads at once.

    `headers` go with every request. `credentials`, the value of the header `Authorization`, go to
    the server `origin` only. `cache` is a folder for responses: the next client asks the servers
    whether these have changed.
    """

    def __init__(
            self, origin: Origin, *, headers: Mapping[str, str], credentials: str | None = None,
            cache: str | None = None,
    ) -> None:
        self._origin = origin
        self._headers = {'User-Agent': f'dumb-pypi/{__version__}', **headers}
        self._credentials = credentials
        self._cache = None if cache is None else ResponseCache(cache)
        self._stopped = Event()
        self._watches: set[_Watch] = set()
        self._lock = Lock()
        self._opener = urllib.request.OpenerDirector()
        # `urllib` would add handlers of ftp: and file: URLs, and one that reads the body of a
        # redirect, however large, and sends credentials to any server.
        for handler in (
            urllib.request.ProxyHandler(), urllib.request.UnknownHandler(), _Http(), _Https(),
        ):
            self._opener.add_handler(handler)

    def get(self, url: str) -> Response:
        """Return the response to a request, or the cached one if it is still current.

        Raises:
            FetchError: there is no response, or one whose status is not 200.
            FileError: it cannot be cached.
            CancelledError: `stop` was called.
        """
        cached = None if self._cache is None else self._cache.read(url)
        headers = {'Accept-Encoding': 'gzip', **({} if cached is None else cached.conditions)}

        def ask() -> Response:
            with self._open(url, headers, DEADLINE) as (final_url, answer):
                found = _headers(answer)
                if answer.status == _NOT_MODIFIED and cached is not None:
                    return cached
                if answer.status != http.client.OK:
                    raise FetchError(url, _status(answer), answer.status, found)
                return Response(final_url, found, _body(url, answer))

        response = self._repeated(url, ask)
        if self._cache is not None and response is not cached:
            self._cache.write(url, response)
        return response

    def hash_file(self, url: str, size: int | None) -> str:
        """Return `sha256=<hex>` of a file of `size` bytes, if that is known. It is not kept.

        Raises:
            FetchError: it cannot be downloaded, or has another size.
            CancelledError: `stop` was called.
        """
        def read() -> str:
            digest = sha256()
            count = 0
            with self._open(url, {'Accept-Encoding': 'identity'}, deadline) as (_, answer):
                if answer.status != http.client.OK:
                    raise FetchError(url, _status(answer), answer.status, _headers(answer))
                for block in _blocks(answer):
                    digest.update(block)
                    count += len(block)
                    if count > limit:
                        break
            if size is not None and count != size:
                raise FetchError(url, f'it does not have the {size} bytes that its source states')
            if count > limit:
                raise FetchError(url, f'it has more than {limit} bytes')
            return f'sha256={digest.hexdigest()}'

        limit = MAX_FILE if size is None else size
        deadline = DEADLINE + limit / _SLOWEST
        return self._repeated(url, read)

    def map(self, function: Callable[[T], R], items: Iterable[T], jobs: int | None) -> list[R]:
        """Call a function for each item, in threads; an exception stops all requests."""
        executor = ThreadPoolExecutor(jobs or MAX_REQUESTS)
        try:
            futures = [executor.submit(function, item) for item in items]
            return [future.result() for future in futures]
        except BaseException:
            self.stop()
            raise
        finally:
            # Nobody waits for a thread that is about to connect to a server without an answer.
            executor.shutdown(wait=False, cancel_futures=True)

    def stop(self) -> None:
        """Interrupt all requests, and refuse others."""
        self._stopped.set()
        with self._lock:
            for watch in self._watches:
                watch.end()

    def _repeated(self, url: str, request: Callable[[], R]) -> R:
        """Send a request until it succeeds, or has failed too often."""
        waits = iter(WAITS)
        while True:
            if self._stopped.is_set():
                raise CancelledError
            try:
                return request()
            except FetchError as error:
                least, wait = _least_wait(error), next(waits, None)
                if least is None or wait is None:
                    raise
            except _FAILURES as error:
                if isinstance(_cause(error), ConnectionRefusedError):
                    # The server does not run. It is asked once more, in case it restarts.
                    next(waits, None)
                least, wait = 0, next(waits, None)
                if wait is None or not _is_transient(error):
                    raise FetchError(url, _reason(error)) from error
            self._stopped.wait(max(least, wait) * random.uniform(1, 1.5))  # noqa: S311 - nothing secret depends on the number

    @contextmanager
    def _open(
            self, url: str, headers: Mapping[str, str], deadline: float,
    ) -> Iterator[tuple[str, http.client.HTTPResponse]]:
        """Send a request, and follow redirects; yield the last URL and the response.

        The caller has `deadline` seconds for all of it.
        """
        with self._watched(url, deadline) as watch:
            for _ in range(_MAX_REDIRECTS + 1):
                with self._send(url, headers, watch) as answer:
                    place = answer.headers.get('Location')
                    if answer.status not in _REDIRECTS or place is None:
                        yield url, answer
                        return
                url = _redirected(url, place)
            raise FetchError(url, f'it redirects more than {_MAX_REDIRECTS} times')

    def _send(
            self, url: str, headers: Mapping[str, str], watch: _Watch,
    ) -> http.client.HTTPResponse:
        request = _Request(url, {**self._headers, **headers}, watch)
        if self._credentials is not None and Origin.of(url) == self._origin:
            request.add_unredirected_header('Authorization', self._credentials)
        return cast(http.client.HTTPResponse, self._opener.open(request, timeout=TIMEOUT))

    @contextmanager
    def _watched(self, url: str, deadline: float) -> Iterator[_Watch]:
        watch = _Watch(deadline)
        with self._lock:
            self._watches.add(watch)
        if self._stopped.is_set():
            watch.end()
        failure: Exception | None = None
        try:
            yield watch
        except _FAILURES as error:
            failure = error
        finally:
            with self._lock:
                self._watches.remove(watch)
            watch.close()
        # A closed connection may look like the end of the response, which is not a failure.
        if self._stopped.is_set():
            raise CancelledError from failure
        if watch.has_ended:
            raise FetchError(url, f'it took more than {deadline:.0f} seconds') from failure
        if failure is not None:
            raise failure


class _Watch:
    """Closes the connections of a request after some seconds, or when nobody needs it any more.

    A timeout of the sockets would not suffice: a server may send a byte now and then, for ever.
    """

    def __init__(self, seconds: float) -> None:
        self.has_ended = False
        self._lock = Lock()
        self._sockets: list[socket.socket] = []
        self._timer = Timer(seconds, self.end)
        self._timer.daemon = True
        self._timer.start()

    def add(self, connected: socket.socket) -> None:
        with self._lock:
            self._sockets.append(connected)
            if self.has_ended:
                _shut_down(connected)

    def end(self) -> None:
        with self._lock:
            self.has_ended = True
            for connected in self._sockets:
                _shut_down(connected)

    def close(self) -> None:
        self._timer.cancel()


def _shut_down(connected: socket.socket) -> None:
    with suppress(OSError):
        # The method of a TLS socket is not safe while another thread reads from it.
        socket.socket.shutdown(connected, socket.SHUT_RDWR)


class _Request(urllib.request.Request):
    """A request that knows who watches its connection."""

    def __init__(self, url: str, headers: dict[str, str], watch: _Watch) -> None:
        super().__init__(url, headers=headers)
        self.watch = watch


class _HttpConnection(http.client.HTTPConnection):
    def __init__(self, *args: Any, watch: _Watch, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._watch = watch

    def connect(self) -> None:
        super().connect()
        self._watch.add(self.sock)


class _HttpsConnection(http.client.HTTPSConnection):
    def __init__(self, *args: Any, watch: _Watch, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._watch = watch

    def connect(self) -> None:
        super().connect()
        self._watch.add(self.sock)


class _Http(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_HttpConnection, watch=cast(_Request, req).watch), req)


class _Https(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_HttpsConnection, watch=cast(_Request, req).watch), req)


def without_credentials(url: str) -> str:
    """Return a URL without a user's name and password, and without a fragment.

    >>> without_credentials('https://me:secret@example.com/simple/')
    'https://example.com/simple/'
    """
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition('@')[2], fragment='').geturl()


def _redirected(url: str, place: str) -> str:
    """Return the target of a redirect.

    Raises:
        FetchError: it is not as safe as the URL itself.
    """
    # Header values are decoded as Latin-1, whatever they are.
    target = quote(place, safe="%/:=&?~#+!$,;'@()*[]", encoding='iso-8859-1')
    target = without_credentials(urljoin(url, target))
    if not target.startswith(('http://', 'https://')):
        raise FetchError(url, 'it redirects to something other than an http or https URL')
    if Origin.of(url).is_safe and not Origin.of(target).is_safe:
        raise FetchError(url, f'it redirects to {target}, which is not encrypted')
    return target


def _headers(answer: http.client.HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.headers.items()}


def _blocks(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    """Yield the content of a response as it arrives.

    Raises:
        EOFError: its end is missing.
    """
    while block := answer.read1(_BLOCK):
        yield block
    if answer.length:
        raise EOFError('the connection ended in the middle of the response')


def _body(url: str, answer: http.client.HTTPResponse) -> bytes:
    """Return the content of a response, unpacked.

    Raises:
        FetchError: it is longer than `MAX_RESPONSE`, or in an encoding that nobody asked for.
    """
    encoding = answer.headers.get('Content-Encoding', 'identity').strip().lower()
    if encoding not in ('identity', 'gzip', 'x-gzip', ''):
        raise FetchError(url, f'it has the encoding {encoding!r}, which was not asked for')
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS) if 'gzip' in encoding else None
    parts = []
    left = MAX_RESPONSE
    for block in _blocks(answer):
        part = block if unpacker is None else unpacker.decompress(block, left + 1)
        left -= len(part)
        if left < 0:
            raise FetchError(url, f'it has more than {MAX_RESPONSE} bytes')
        parts.append(part)
        if unpacker is not None and unpacker.eof:
            break
    if unpacker is not None and not unpacker.eof:
        raise EOFError('the compressed response is incomplete')
    return b''.join(parts)


def _status(answer: http.client.HTTPResponse) -> str:
    """Return what a status says, as in `HTTP status 404 (Not Found)`."""
    reason = ''.join(filter(str.isprintable, answer.reason)).strip()[:100]
    return f'HTTP status {answer.status}' + (f' ({reason})' if reason else '')


def _least_wait(error: FetchError) -> float | None:
    """Return the seconds to wait before a request is repeated, None if it is of no use."""
    if error.status is None:
        return None
    asked = _asked_wait(error.headers) if error.status in _BUSY else None
    if asked is None:
        return 0 if error.status in _TRANSIENT else None
    return asked if asked <= LONGEST_WAIT else None


def _asked_wait(headers: Mapping[str, str]) -> float | None:
    """Return the seconds after which a server asks us to come back, if it does."""
    after = headers.get('retry-after')
    if after is not None and after.isascii() and after.isdecimal():
        return float(after)
    if after is not None:
        with suppress(ValueError):
            return max(0, email.utils.parsedate_to_datetime(after).timestamp() - time.time())
    reset = headers.get('x-ratelimit-reset', '')
    if headers.get('x-ratelimit-remaining') == '0' and reset.isascii() and reset.isdecimal():
        return max(0, int(reset) - time.time())
    return None


def _is_transient(error: Exception) -> bool:
    """Return whether a request that failed in this way may succeed later."""
    cause = _cause(error)
    if isinstance(cause, socket.gaierror):
        return cause.errno == socket.EAI_AGAIN
    return not isinstance(cause, ssl.SSLCertVerificationError | ValueError)


def _cause(error: Exception) -> object:
    return error.reason if isinstance(error, URLError) else error


def _reason(error: Exception) -> str:
    cause = _cause(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return (
            f'the certificate of the server is not valid: {cause.verify_message}. Set '
            'SSL_CERT_FILE to the certificates of your own authority, if it has one'
        )
    if isinstance(cause, TimeoutError) and not cause.strerror:
        return f'no answer for {TIMEOUT} seconds{_UNREACHABLE}'
    text = (reason_of(cause) if isinstance(cause, Exception) else str(cause)) or repr(cause)
    if isinstance(cause, http.client.HTTPException) and not isinstance(cause, OSError):
        text = f'the response is not HTTP: {text}'
    # What a server has sent may be in it.
    text = (text if text.isprintable() else ascii(text)[1:-1])[:_LONGEST_REASON]
    is_unreachable = isinstance(cause, ConnectionRefusedError | TimeoutError | socket.gaierror) or (
        isinstance(cause, OSError) and cause.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH)
    )
    return text + (_UNREACHABLE if is_unreachable else '')

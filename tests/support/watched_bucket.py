"""A bucket in moto behind a proxy on loopback that records what is asked and how much is sent."""
from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from dumb_pypi.scanner import Scan, scan
from tests.support import archives
from tests.support.archives import METADATA
from tests.support.servers import HOST, Response, Server, serving

INFO = 'foo-1.0.dist-info/METADATA'
RANDOM = random.Random(0)  # noqa: S311 - nothing secret depends on it
_PASSED_ON = ('Content-Range', 'Content-Type', 'Etag', 'Last-Modified')
# moto checks who asks, but no signatures.
_OWNER = 'AWS4-HMAC-SHA256 Credential=test/20240101/us-east-1/s3/aws4_request, Signature=0'
_E_TAG = re.compile('<ETag>[^<]*</ETag>')
_MODIFIED = re.compile('<LastModified>[^<]*</LastModified>')


class Asked(NamedTuple):
    """A request: its method, the key, `?` for a listing, and the number of bytes of the response.
    """
    method: str
    key: str
    size: int


def _nothing(_: str, __: str) -> None:
    """Do nothing before a request."""


class WatchedBucket:
    """A bucket of moto's.

    `before` is called with each request before it is answered. `refusals` are the responses to
    requests for some keys. Listings say that all objects were written at the time `modified`, and
    have no ETags unless `has_e_tags`.
    """

    def __init__(self, s3: Server, name: str) -> None:
        self.name = name
        self.asked: list[Asked] = []
        self.before: Callable[[str, str], object] = _nothing
        self.refusals: dict[str, Response] = {}
        self.has_e_tags = True
        self.modified = '2024-01-01T10:00:00.000Z'
        self._s3 = s3
        assert self._ask('', 'PUT').status == 200

    def _ask(
            self, key: str, method: str = 'GET', headers: dict[str, str] | None = None,
            body: bytes | None = None,
    ) -> Response:
        return self._s3.ask(
            f'/{self.name}/{quote(key)}', method, {'Authorization': _OWNER, **(headers or {})},
            body,
        )

    def put(self, key: str, content: bytes, **metadata: str) -> None:
        response = self._ask(key, 'PUT', {
            f'x-amz-meta-{name}': value for name, value in metadata.items()
        }, content)
        assert response.status == 200, response

    def get(self, key: str) -> Response:
        return self._ask(key)

    def delete(self, key: str) -> None:
        assert self._ask(key, 'DELETE').status == 204

    def forget(self) -> None:
        self.asked.clear()

    def sizes(self, key: str) -> list[int]:
        """Return the numbers of bytes that were sent of an object, one for each request."""
        return [asked.size for asked in self.asked if (asked.method, asked.key) == ('GET', key)]

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Response:
        place, _, query = path.partition('?')
        key = '?' if 'list-type' in query else unquote(place).removeprefix(f'/{self.name}/')
        self.before(method, key)
        response = self.refusals.get(key) or self._s3.ask(path, method, headers, body)
        if key == '?' and response.status == 200:
            listing = _MODIFIED.sub(
                f'<LastModified>{self.modified}</LastModified>', response.body.decode(),
            )
            if not self.has_e_tags:
                listing = _E_TAG.sub('', listing)
            response = response._replace(body=listing.encode())
        self.asked.append(Asked(method, key, len(response.body)))
        return response


@contextmanager
def watched(bucket: WatchedBucket) -> Iterator[str]:
    """Serve a bucket, and yield the URL of its store."""
    class Handler(BaseHTTPRequestHandler):
        protocol_version = 'HTTP/1.1'

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get('Content-Length', 0)))
            kept = {
                name: value for name, value in self.headers.items()
                if name.lower() not in ('host', 'connection', 'content-length')
            }
            found = bucket.answer(self.command, self.path, kept, body)
            self.send_response(found.status)
            for name, value in found.headers.items():
                if name in _PASSED_ON or name.startswith('X-Amz-Meta-'):
                    self.send_header(name, value)
            self.send_header('Content-Length', str(len(found.body)))
            self.end_headers()
            self.wfile.write(found.body)

        do_PUT = do_GET  # noqa: N815 - http.server prescribes the name

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with serving(Handler) as port:
        yield f'http://{HOST}:{port}'


def scanned(bucket: WatchedBucket, prefix: str = '', **options: Any) -> Scan:
    return scan(f's3://{bucket.name}{prefix}', **options)


def lines_of(result: Scan) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.lines]


def large_wheel(size: int, metadata: bytes = METADATA, *, first: bool = False) -> bytes:
    """Return a wheel of that many bytes or more; its metadata is the last or first member."""
    members = [('foo.bin', RANDOM.randbytes(size)), (INFO, metadata)]
    return archives.zipped(members[::-1] if first else members)

"""Servers whose responses a test scripts: a fake GitHub, and hostile simple indexes."""
from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote, urlsplit

from tests.support.servers import HOST, serving

SIMPLE_JSON = 'application/vnd.pypi.simple.v1+json'
OWNER = 'example/project'
# GitHub's default, and that of `github.py`, are larger; a test needs no hundred releases.
PAGE_SIZE = 3


class Request(NamedTuple):
    """A request: its path with the query, and its headers with names in lower case."""
    path: str
    headers: dict[str, str]


class Reply(NamedTuple):
    """A response; `raw` is what to send in place of it, and then the connection is closed."""
    body: bytes = b''
    headers: dict[str, str] = {}  # noqa: RUF012 - nobody changes it
    status: int = 200
    raw: bytes | None = None


Script = Callable[[Request], Reply]


class Site:
    """A server on loopback that answers what its script says, and has an ETag for each page."""

    def __init__(self, port: int) -> None:
        self.url = f'http://{HOST}:{port}/'
        self.pages: dict[str, Reply | Script] = {}
        self.requests: list[Request] = []

    @property
    def paths(self) -> list[str]:
        return [request.path for request in self.requests]

    def reply(self, request: Request) -> Reply:
        page = self.pages.get(request.path, Reply(status=404))
        return page(request) if callable(page) else page

    def add_json(self, path: str, page: Any, **headers: str) -> None:
        """Add a page of a simple index."""
        self.pages[path] = Reply(
            json.dumps(page).encode(), {'Content-Type': SIMPLE_JSON, **headers},
        )


@contextmanager
def run_site(
        make: Callable[[int], Site] = Site,
        server_class: type[ThreadingHTTPServer] = ThreadingHTTPServer,
) -> Iterator[Site]:
    """Run a server until the block ends."""
    class Handler(BaseHTTPRequestHandler):
        def handle(self) -> None:
            # A client that has seen enough closes the connection.
            with suppress(ConnectionError):
                super().handle()

        def finish(self) -> None:
            with suppress(ConnectionError):
                super().finish()

        def do_GET(self) -> None:
            request = Request(
                self.path, {name.lower(): value for name, value in self.headers.items()},
            )
            site.requests.append(request)
            reply = site.reply(request)
            if reply.raw is not None:
                self.connection.sendall(reply.raw)
                with suppress(OSError):
                    self.connection.shutdown(socket.SHUT_WR)
                return
            etag = f'"{hashlib.sha256(reply.body).hexdigest()}"'
            if reply.status == 200 and request.headers.get('if-none-match') == etag:
                reply = reply._replace(status=304, body=b'')
            self.send_response(reply.status)
            if reply.status in (200, 304):
                self.send_header('ETag', etag)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header('Content-Length', str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *_: object) -> None:
            pass

    with serving(Handler, server_class) as port:
        site = make(port)
        yield site


class FakeGitHub(Site):
    """The API of GitHub, below `api/`, of the releases of one repository, and their downloads."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.api_url = f'{self.url}api'
        self.releases: list[dict[str, Any]] = []
        self.files: dict[str, bytes] = {}
        self.tokens: list[str] = []
        self.private = False
        # The number of assets that a release itself has at most.
        self.embedded: int | None = None
        self._number = 0

    def release(
            self, tag: str, files: Sequence[tuple[str, bytes]], *, digests: bool = True,
            **facts: Any,
    ) -> dict[str, Any]:
        """Make a release with files attached to it; the newest is first, as on GitHub."""
        release: dict[str, Any] = {
            'tag_name': tag, 'draft': False, 'prerelease': False, 'assets': [],
            'assets_url': f'{self.api_url}/repos/{OWNER}/releases/{tag}/assets', **facts,
        }
        for name, content in files:
            self._number += 1
            path = f'/{OWNER}/releases/download/{tag}/{quote(name)}'
            self.files[path] = content
            release['assets'].append({
                'name': name,
                'browser_download_url': f'{self.url}{path[1:]}',
                'url': f'{self.api_url}/repos/{OWNER}/releases/assets/{self._number}',
                'size': len(content),
                'state': 'uploaded',
                'created_at': f'2024-01-31T12:00:{self._number:02}Z',
                'updated_at': '2025-01-31T12:00:00Z',
                'digest': f'sha256:{hashlib.sha256(content).hexdigest()}' if digests else None,
                'uploader': {'login': 'ana', 'id': 1},
                'download_count': 3,
            })
        self.releases.insert(0, release)
        return release

    def reply(self, request: Request) -> Reply:
        path = urlsplit(request.path).path
        if path in self.files:
            return Reply(self.files[path])
        token = request.headers.get('authorization', '').removeprefix('Bearer ')
        if token and token not in self.tokens:
            return Reply(b'{"message": "Bad credentials"}', status=401)
        base = f'/api/repos/{OWNER}'
        if self.private and not token:
            return Reply(b'{"message": "Not Found"}', status=404)
        if path == base:
            return self._json({'private': self.private})
        if path == f'{base}/releases':
            return self._page(request.path, [
                {**release, 'assets': release['assets'][:self.embedded]}
                for release in self.releases
                if not release['draft'] or token
            ])
        for release in self.releases:
            if path == urlsplit(release['assets_url']).path:
                return self._page(request.path, release['assets'])
        return super().reply(request)

    def _json(self, value: Any, **headers: str) -> Reply:
        return Reply(json.dumps(value).encode(), {
            'Content-Type': 'application/json; charset=utf-8', **headers,
        })

    def _page(self, path: str, items: Sequence[Any]) -> Reply:
        parts = urlsplit(path)
        query = parse_qs(parts.query)
        number = int(query.get('page', ['1'])[0])
        size = min(PAGE_SIZE, int(query.get('per_page', ['30'])[0]))
        links = [f'<{self.url[:-1]}{parts.path}?per_page={size}&page=1>; rel="first"']
        if number * size < len(items):
            links.insert(
                0, f'<{self.url[:-1]}{parts.path}?per_page={size}&page={number + 1}>; rel="next"',
            )
        return self._json(items[(number - 1) * size:number * size], Link=', '.join(links))

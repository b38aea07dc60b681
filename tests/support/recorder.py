"""A proxy in front of an S3 server that records requests, and checks the index after each."""
from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock
from typing import Any
from urllib.parse import unquote

from tests.support.memory_s3 import MemoryS3
from tests.support.servers import HOST, Server, serving
from tests.support.sound import problems

_OWN = '.dumb-pypi/'
LOCK = f'{_OWN}lock'
A_DAY = timedelta(days=1)


class Recorder:
    """Forward requests to a bucket, and record them.

    `tree` has the pages below the prefix, `headers` what they were written with; `problems` lists
    what a reader would have found wrong after some change. At change number `fatal` from now, the
    process group `victim` is killed, and from then on every change fails. `refusals` are the
    statuses of the next requests, by a part of their paths. A lock that is `aged` looks as if
    nobody had renewed it for a day.
    """

    def __init__(self, s3: Server | MemoryS3, name: str, prefix: str = '') -> None:
        self.name = name
        self.place = f'{name}/{prefix}'
        self.requests: list[tuple[str, str]] = []
        self.headers: dict[str, Mapping[str, str]] = {}
        self.problems: list[str] = []
        self.objects: dict[str, bytes] = {}
        self.fatal: int | None = None
        self.victim: int | None = None
        self.aged = False
        self.refusals: list[tuple[str, int, bytes]] = []
        self.paused_at: str | None = None
        self.paused, self.resumed = Event(), Event()
        self.watched = True
        self._s3 = s3
        self._lock = Lock()

    @property
    def tree(self) -> dict[str, bytes]:
        return {
            path: page for path, page in self.objects.items()
            if not path.startswith(_OWN) and path and path[-1] != '/'
        }

    @property
    def own(self) -> set[str]:
        return {path.removeprefix(_OWN) for path in self.objects if path.startswith(_OWN)}

    def holding(self) -> AbstractContextManager[bool]:
        """Let all requests wait."""
        return self._lock

    def changes(self) -> list[str]:
        """Return the paths of recorded requests that wrote something, in their order."""
        return [path for method, path in self.requests if method == 'PUT']

    def handle(
            self, method: str, path: str, headers: dict[str, str], body: bytes,
    ) -> tuple[int, dict[str, str], bytes]:
        key = unquote(path.partition('?')[0]).removeprefix(f'/{self.place}')
        if self.paused_at is not None and (method, key) == ('PUT', self.paused_at):
            self.paused_at = None
            self.paused.set()
            self.resumed.wait()
        with self._lock:
            self.requests.append((method, key))
            for refusal in self.refusals:
                if refusal[0] in path:
                    self.refusals.remove(refusal)
                    return refusal[1], {'Content-Type': 'application/xml'}, refusal[2]
            if method in {'GET', 'HEAD'}:
                status, found, content = self._s3.ask(path, method, headers)
                if self.aged and key == LOCK and 'Last-Modified' in found:
                    modified = parsedate_to_datetime(found['Last-Modified']) - A_DAY
                    found = {**found, 'Last-Modified': format_datetime(modified, usegmt=True)}
                return status, found, content
            if self.fatal is not None:
                self.fatal -= 1
                if self.fatal < 0:
                    return 400, {}, b''
            status, found, content = self._s3.ask(path, method, headers, body)
            if status < 300:
                self._record(method, key, headers, body)
            if self.fatal == 0 and self.victim:
                os.killpg(self.victim, signal.SIGKILL)
            return status, found, content

    def _record(self, method: str, key: str, headers: Mapping[str, str], body: bytes) -> None:
        if method == 'PUT':
            self.objects[key] = body
            self.headers[key] = {name.title(): value for name, value in headers.items()}
        elif method == 'DELETE':
            self.objects.pop(key, None)
        else:
            start = len(self.place) - len(self.name) - 1
            for found in re.findall(r'<Key>(.*?)</Key>', body.decode()):
                self.objects.pop(unescape(found)[start:], None)
        if self.watched:
            self.problems += problems(self.tree, {})


class _QuietServer(ThreadingHTTPServer):
    """A server whose clients may be killed."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def serve(recorder: Recorder) -> Iterator[str]:
    """Serve the recorder on loopback; yield its URL, without a slash at the end."""
    class Handler(BaseHTTPRequestHandler):
        protocol_version = 'HTTP/1.1'

        def handle_any(self) -> None:
            length = int(self.headers.get('Content-Length') or 0)
            headers = {
                name: value for name, value in self.headers.items()
                if name.lower() not in {'connection', 'expect', 'host'}
            }
            sent = self.rfile.read(length)
            if len(sent) < length:
                # The client was killed while it sent this.
                self.close_connection = True
                return
            status, found, body = recorder.handle(self.command, self.path, headers, sent)
            self.send_response_only(status)
            for name, value in found.items():
                if name not in {'Connection', 'Content-Length', 'Transfer-Encoding'}:
                    self.send_header(name, value)
            length_header = found.get('Content-Length', str(len(body)))
            self.send_header('Content-Length', length_header)
            self.end_headers()
            if self.command != 'HEAD':
                self.wfile.write(body)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any  # noqa: N815 - http.server prescribes the names

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with serving(Handler, _QuietServer) as port:
        yield f'http://{HOST}:{port}'

"""Web servers on loopback, for tests: what people put an index behind."""
from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple
from typing import TypeVar

T = TypeVar('T')

HOST = '127.0.0.1'
TIMEOUT = 20  # seconds

# JSON where the client's Accept header names it, else HTML. Relative paths are below the folder
# that nginx is started in, so that it needs no rights on the machine's own.
_NGINX_CONF = r'''
daemon off;
master_process off;
pid nginx.pid;
error_log error.log;
events {}

http {
    log_format requests '$remote_addr - - [$time_local] "$request" $status '
                        '"$sent_http_content_type"';
    access_log access.log requests;
    client_body_temp_path temp;
    fastcgi_temp_path temp;
    proxy_temp_path temp;
    scgi_temp_path temp;
    uwsgi_temp_path temp;

    types {
        application/json json;
        text/css         css;
        text/html        html;
        text/javascript  js;
        text/xml         xml;
    }
    default_type application/octet-stream;

    map $http_accept $simple_page {
        default                                     index.html;
        ~application/vnd\.pypi\.simple\.v1\+json    index.json;
    }

    server {
        listen @LISTEN@;
        root "@ROOT@";
        absolute_redirect off;
        add_header Vary Accept;

        location ~ /simple/([^/]+/)?$ {
            index $simple_page;
        }
        location ~ /simple/([^/]+/)?index\.json$ {
            types {}
            default_type application/vnd.pypi.simple.v1+json;
        }
        location ~ /pypi/.+/json$ {
            default_type application/json;
        }
    }
}
'''
# The line of a request in either server's log; only nginx says which type it answered with.
_LOG_LINE = re.compile(
    r'"(?P<method>[A-Z]+) (?P<path>\S+) HTTP/[0-9.]+" (?P<status>\d{3})'
    r'(?: "(?P<content_type>[^"]*)")?',
)
_PORT_LINE = re.compile(rb' port (\d+) ')


class Request(NamedTuple):
    """One line of a server's log; `path` is as it was sent, so still encoded."""
    method: str
    path: str
    status: int
    content_type: str | None


class Response(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Server:
    """A web server that runs. `url` ends in a slash."""

    def __init__(self, port: int, log: Path) -> None:
        self.url = f'http://{HOST}:{port}/'
        self._port = port
        self._log = log
        self._marks = 0

    def get(self, path: str, accept: str | None = None) -> Response:
        """Ask for `path`, without following redirects."""
        connection = HTTPConnection(HOST, self._port, timeout=TIMEOUT)
        try:
            connection.request('GET', path, headers={} if accept is None else {'Accept': accept})
            response = connection.getresponse()
            return Response(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    @contextmanager
    def recording(self) -> Iterator[list[Request]]:
        """What is asked of the server inside the block, in order: a list, full after it."""
        start = self._log_so_far()
        requests: list[Request] = []
        yield requests
        end = self._log_so_far()
        lines = self._log.read_bytes()[start:end].decode().splitlines()
        requests.extend(
            Request(found['method'], found['path'], int(found['status']), found['content_type'])
            for found in map(_LOG_LINE.search, lines) if found is not None
        )
        requests.pop()  # our own, which ended the recording

    def _log_so_far(self) -> int:
        """The length of the log, once all that has been asked until now stands in it."""
        self._marks += 1
        mark = f'/?mark={self._marks}'
        self.get(mark)
        line = re.compile(rf'"GET {re.escape(mark)} .*\n'.encode())
        return _wait_for(lambda: line.search(self._log.read_bytes())).end()


@contextmanager
def run_nginx(program: str, root: Path, folder: Path) -> Iterator[Server]:
    """nginx, serving `root`; all that it writes is below `folder`. It gives JSON or HTML."""
    port = _free_port()
    conf = folder / 'nginx.conf'
    conf.write_text(
        _NGINX_CONF.replace('@LISTEN@', f'{HOST}:{port}').replace('@ROOT@', str(root)),
    )
    pid = folder / 'nginx.pid'
    command = [program, '-p', f'{folder}/', '-c', str(conf), '-e', 'error.log']
    with _running(command, folder / 'output') as process:
        # It writes its id once it listens: another program on that port would not.
        _wait_for(lambda: pid.exists() and pid.read_text().strip() == str(process.pid), process)
        yield Server(port, folder / 'access.log')


@contextmanager
def run_http_server(root: Path, folder: Path) -> Iterator[Server]:
    """`python -m http.server`, serving `root`, with its log below `folder`. It gives HTML only."""
    log = folder / 'output'
    command = [
        sys.executable, '-u', '-m', 'http.server', '--bind', HOST, '--directory', str(root), '0',
    ]
    with _running(command, log) as process:
        found = _wait_for(lambda: _PORT_LINE.search(log.read_bytes()), process)
        yield Server(int(found[1]), log)


def _free_port() -> int:
    with socket.socket() as unused:
        unused.bind((HOST, 0))
        port: int = unused.getsockname()[1]
    return port


@contextmanager
def _running(command: Sequence[str], output: Path) -> Iterator[subprocess.Popen[bytes]]:
    with output.open('wb') as stream, subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_for(
        condition: Callable[[], T | None], process: subprocess.Popen[bytes] | None = None,
) -> T:
    """What `condition` says, as soon as that is something."""
    deadline = time.monotonic() + TIMEOUT
    while not (found := condition()):
        if process is not None and process.poll() is not None:
            raise RuntimeError(f'{process.args!r} ended with status {process.returncode}')
        if time.monotonic() > deadline:
            raise TimeoutError(f'nothing after {TIMEOUT} seconds')
        time.sleep(0.01)
    return found

"""Run the web servers that people serve an index with, on loopback."""
from __future__ import annotations

import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import NamedTuple, TypeVar

T = TypeVar('T')

HOST = '127.0.0.1'
TIMEOUT = 90  # seconds; reached only if something is broken

DEPLOY = Path(__file__).parents[2] / 'deploy'

# Stands for the system's nginx.conf, which includes our file. Relative paths are below nginx's
# prefix, a temporary folder, so that it runs without root's rights.
_NGINX_CONF = r"""
@MODULES@
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
    include dumb-pypi.conf;
    @OLD_NAMES@
}
"""
# A request in the log of nginx or of http.server. Only nginx logs the type of the response.
_LOG_LINE = re.compile(
    r'"(?P<method>[A-Z]+) (?P<path>\S+) HTTP/[0-9.]+" (?P<status>\d{3})'
    r'(?: "(?P<content_type>[^"]*)")?',
)
PORT_LINE = re.compile(rb' port (\d+) ')
_SERVING_LINE = re.compile(rb'^Serving the index at http://\S+:(\d+)/', re.MULTILINE)


class Request(NamedTuple):
    """One line of a server's log; `path` is as the client sent it, percent-encoded."""
    method: str
    path: str
    status: int
    content_type: str | None


class Response(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Server:
    """A running web server. `url` ends in a slash and includes the path `base`."""

    def __init__(self, port: int, log: Path, base: str = '/') -> None:
        self.url = f'http://{HOST}:{port}{base}'
        self._port = port
        self._log = log
        self._marks = 0

    def get(self, path: str, accept: str | None = None) -> Response:
        """Send a GET request for `path`, an absolute path; don't follow redirects."""
        return self.ask(path, headers={} if accept is None else {'Accept': accept})

    def ask(
            self, path: str, method: str = 'GET', headers: Mapping[str, str] | None = None,
            body: bytes | None = None,
    ) -> Response:
        """Send a request; the names of the response's headers are in title case, `Like-This`."""
        connection = HTTPConnection(HOST, self._port, timeout=TIMEOUT)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            return Response(response.status, _headers(response), response.read())
        finally:
            connection.close()

    def send(self, request: bytes, method: str = 'GET') -> Response:
        """Send the bytes of a request as they are.

        The status is 0 if the server closes the connection without a response.
        """
        with socket.create_connection((HOST, self._port), TIMEOUT) as connection:
            # A server may refuse the request, and close the connection, before it has read it all.
            with suppress(ConnectionError):
                connection.sendall(request)
            response = HTTPResponse(connection, method=method)
            try:
                response.begin()
                body = response.read()
            except ConnectionError:
                return Response(0, {}, b'')
            return Response(response.status, _headers(response), body)

    @contextmanager
    def recording(self) -> Iterator[list[Request]]:
        """Record the requests made inside the block; the list is filled when the block ends."""
        start = self._logged()
        requests: list[Request] = []
        yield requests
        end = self._logged()
        lines = self._log.read_bytes()[start:end].decode().splitlines()
        requests.extend(
            Request(found['method'], found['path'], int(found['status']), found['content_type'])
            for found in map(_LOG_LINE.search, lines) if found is not None
        )
        requests.pop()  # the request of _logged() that ended the recording

    def _logged(self) -> int:
        """Wait until the log has all requests made so far; return its length in bytes."""
        self._marks += 1
        mark = f'/?mark={self._marks}'
        self.get(mark)
        line = re.compile(rf'"GET {re.escape(mark)} .*\n'.encode())
        return wait_for(lambda: line.search(self._log.read_bytes())).end()


def _headers(response: HTTPResponse) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in response.getheaders():
        key = name.title()
        found[key] = f'{found[key]}, {value}' if key in found else value
    return found


def settings(name: str, changes: Mapping[str, str]) -> str:
    """Return a file of deploy/ with `changes` applied, as its users do.

    Each key of `changes` must occur in the file.
    """
    text = (DEPLOY / name).read_text()
    for old, new in changes.items():
        assert old in text, (name, old)
        text = text.replace(old, new)
    return text


@contextmanager
def run_nginx(
        program: str, root: Path, folder: Path, *, base: str = '/', perl: Path | None = None,
) -> Iterator[Server]:
    """Run nginx with the settings in deploy/, writing only below `folder`.

    `root` is nginx's document root; the index is below it, at `base`. `perl` is the file of nginx's
    Perl module, for the settings that redirect old spellings of project names.
    """
    port = free_port()
    changes = {
        'listen 80;': f'listen {HOST}:{port};',
        'server_name pypi.example.com;': '',
        'root /srv/pypi;': f'root "{root}";',
    }
    if base != '/':
        changes['/404.html;'] = f'{base}404.html;'
    conf = _NGINX_CONF
    if perl is not None:
        changes['# if (!-e $request_filename)'] = 'if (!-e $request_filename)'
        (folder / 'old-names.conf').write_text(settings('nginx/old-names.conf', {}))
        conf = conf.replace('@MODULES@', f'load_module "{perl}";')
        conf = conf.replace('@OLD_NAMES@', 'include old-names.conf;')
    conf = conf.replace('@MODULES@', '').replace('@OLD_NAMES@', '')
    (folder / 'nginx.conf').write_text(conf)
    (folder / 'dumb-pypi.conf').write_text(settings('nginx/dumb-pypi.conf', changes))
    pid = folder / 'nginx.pid'
    command = [program, '-p', f'{folder}/', '-c', f'{folder}/nginx.conf', '-e', 'error.log']
    with running(command, folder / 'output') as process:
        # nginx writes its process id once it listens.
        wait_for(lambda: pid.exists() and pid.read_text().strip() == str(process.pid), process)
        yield Server(port, folder / 'access.log', base)


def _caddy_block_below(base: str) -> str:
    """Return the block that a comment in the Caddyfile recommends for an index below a path."""
    comment = re.search(r'(?:^#\t.*\n)+', settings('caddy/Caddyfile', {}), re.MULTILINE)
    assert comment is not None
    return comment[0].replace('#', '').replace('/some/path', base.rstrip('/'))


@contextmanager
def run_caddy(program: str, root: Path, folder: Path, *, base: str = '/') -> Iterator[Server]:
    """Run Caddy with the settings in deploy/, serving `root` at `base`."""
    port = free_port()
    changes = {
        'pypi.example.com {': f'http://:{port} {{\n\tbind {HOST}',
        'root * /srv/pypi': f'root * "{root}"',
    }
    if base != '/':
        changes['\timport index\n\t# Errors'] = f'{_caddy_block_below(base)}\t# Errors'
    # Caddy's admin API listens on a fixed port, which another test may be using.
    caddyfile = '{\n\tadmin off\n}\n' + settings('caddy/Caddyfile', changes)
    (folder / 'Caddyfile').write_text(caddyfile)
    output = folder / 'output'
    command = [program, 'run', '--config', f'{folder}/Caddyfile', '--adapter', 'caddyfile']
    with running(command, output, {'HOME': str(folder)}) as process:
        wait_for(lambda: b'serving initial configuration' in output.read_bytes(), process)
        yield Server(port, output, base)


# Stands for the system's apache2.conf, which includes our file.
_APACHE_CONF = r"""
ServerRoot "@FOLDER@"
DefaultRuntimeDir "@FOLDER@"
PidFile apache.pid
ErrorLog error.log
LogLevel warn mpm_event:notice
ServerName localhost
Listen @LISTEN@
@MODULES@
User #65534
Group #65534
# As on Debian, where these give sdists a Content-Encoding.
TypesConfig /etc/mime.types
AddEncoding x-gzip .gz .tgz
AddLanguage de .de
<Directory />
    Require all denied
</Directory>
<FilesMatch "^\.ht">
    Require all denied
</FilesMatch>
Include dumb-pypi.conf
"""
# Debian enables all but the last three, which need a2enmod.
_APACHE_MODULES = (
    'mpm_event', 'alias', 'authz_core', 'dir', 'filter', 'mime', 'setenvif', 'env', 'authz_host',
    'deflate', 'headers', 'rewrite',
)


@contextmanager
def run_apache(
        program: str, root: Path, folder: Path, *, base: str = '/',
) -> Iterator[Server]:
    """Run Apache with the settings in deploy/, serving `root` at `base`."""
    port = free_port()
    # Where Debian installs them.
    modules = Path(program).parent.parent / 'lib/apache2/modules'
    changes = {
        '<VirtualHost *:80>': f'<VirtualHost {HOST}:{port}>',
        'ServerName pypi.example.com': 'ServerName localhost',
        'DocumentRoot /srv/pypi': f'DocumentRoot "{root}"' if base == '/' else
                                  f'Alias {base.rstrip("/")} "{root}"',
        '<Directory /srv/pypi>': f'<Directory "{root}">',
        'ErrorDocument 404 /404.html': f'ErrorDocument 404 {base}404.html',
    }
    (folder / 'dumb-pypi.conf').write_text(settings('apache/dumb-pypi.conf', changes))
    loads = '\n'.join(
        f'LoadModule {name}_module "{modules}/mod_{name}.so"' for name in _APACHE_MODULES
    )
    (folder / 'apache.conf').write_text(
        _APACHE_CONF.replace('@FOLDER@', str(folder)).replace('@LISTEN@', f'{HOST}:{port}')
        .replace('@MODULES@', loads),
    )
    log = folder / 'error.log'
    command = [program, '-f', f'{folder}/apache.conf', '-DFOREGROUND']
    with running(command, folder / 'output') as process:
        ready = b'resuming normal operations'
        wait_for(lambda: log.exists() and ready in log.read_bytes(), process)
        yield Server(port, log, base)


@contextmanager
def run_http_server(root: Path, folder: Path, *, base: str = '/') -> Iterator[Server]:
    """Run `python -m http.server`, which serves only HTML, with its log below `folder`."""
    log = folder / 'output'
    command = [
        sys.executable, '-u', '-m', 'http.server', '--bind', HOST, '--directory', str(root), '0',
    ]
    with running(command, log) as process:
        found = wait_for(lambda: PORT_LINE.search(log.read_bytes()), process)
        yield Server(int(found[1]), log, base)


@contextmanager
def run_serve(root: Path, folder: Path) -> Iterator[Server]:
    """Run `dumb-pypi serve`, with its log below `folder`. Stop it as Ctrl-C does."""
    log = folder / 'output'
    command = [sys.executable, '-m', 'dumb_pypi', 'serve', '--port', '0', str(root)]
    with running(command, log) as process:
        found = wait_for(lambda: _SERVING_LINE.search(log.read_bytes()), process)
        yield Server(int(found[1]), log)
        process.send_signal(signal.SIGINT)
        assert process.wait(TIMEOUT) == 0


def free_port() -> int:
    """Return a port that nothing listens on.

    It is below the ephemeral range, so that no outgoing connection takes it before the server does.
    """
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with suppress(OSError), socket.socket() as probe:
            probe.bind((HOST, port))
            return port


@contextmanager
def serving(
        handler: Callable[..., BaseHTTPRequestHandler],
        server_class: type[ThreadingHTTPServer] = ThreadingHTTPServer,
) -> Iterator[int]:
    """Serve HTTP from a thread of this process; yield the port."""
    with server_class((HOST, 0), handler) as server:
        # shutdown() returns only at the next poll.
        thread = Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def running(
        command: Sequence[str], output: Path, environment: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the block ends, with stdout and stderr in the file `output`."""
    with output.open('wb') as stream, subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT,
        env=None if environment is None else {'PATH': os.defpath, **environment},
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()


def wait_for(
        condition: Callable[[], T | None], process: subprocess.Popen[bytes] | None = None,
) -> T:
    """Poll `condition` until its result is true, and return the result.

    Raise RuntimeError if `process` ends first, TimeoutError after TIMEOUT seconds.
    """
    deadline = time.monotonic() + TIMEOUT
    while not (found := condition()):
        if process is not None and process.poll() is not None:
            raise RuntimeError(f'{process.args!r} ended with status {process.returncode}')
        if time.monotonic() > deadline:
            raise TimeoutError(f'still false after {TIMEOUT} seconds')
        time.sleep(0.01)
    return found

"""The command `dumb-pypi serve`: options, messages, exit status."""
from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from dumb_pypi.commands import serve as command
from dumb_pypi.main import main
from tests.support import small_builds
from tests.support.servers import free_port, HOST, Response, run_serve, Server, TIMEOUT, wait_for

SITE = 'https://pypi.example.com/some/path/'


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index in a folder whose name has a blank."""
    folder = tmp_path_factory.mktemp('an index')
    small_builds.run(folder)
    return folder / 'out'


@contextmanager
def started(
        folder: Path, *options: str, port: int | None = None, redirection: str = '',
) -> Iterator[Server]:
    """Start the command with redirected streams; stop it as Ctrl-C does when the block ends."""
    port = port or free_port()
    server = Server(port, Path(os.devnull))
    with subprocess.Popen(
        ['sh', '-c', f'exec "$0" -m dumb_pypi serve "$@" {redirection}', sys.executable,
         f'--port={port}', *options, str(folder)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:
        wait_for(lambda: _responds(server), process)
        yield server
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0
    assert b'Traceback' not in stdout + stderr
    assert b'Exception ignored' not in stderr


def _responds(server: Server) -> Response | None:
    with suppress(ConnectionError):
        return server.get('/')
    return None


def test_greeting_has_commands(folder: Path, tmp_path: Path) -> None:
    """The first output is the URL, and commands for pip and uv that use it."""
    with run_serve(folder, tmp_path) as server:
        assert server.get('/simple/foo/').status == 200
    assert (tmp_path / 'output').read_text() == f"""\
Serving the index at {server.url} (press Ctrl-C to stop). To install from it:

    pip install --index-url {server.url}simple/ PROJECT
    uv pip install --default-index {server.url}simple/ PROJECT

This server is for trying out the index. Publish it with a web server or a bucket.
"GET /simple/foo/ HTTP/1.1" 200 "text/html"
"""


def test_ctrl_c_is_quiet(folder: Path) -> None:
    """Ctrl-C stops the server with exit status 0, although connections are open."""
    with (
        started(folder) as server,
        socket.create_connection((HOST, urlsplit(server.url).port or 0), TIMEOUT),
    ):
        assert server.get('/').status == 200


@pytest.mark.parametrize('redirection', [
    '>&-', '> /dev/full', '2>&-', '2> /dev/full', '>&- 2>&-', '> /dev/full 2> /dev/full',
])
def test_lost_output_stops_nothing(folder: Path, redirection: str) -> None:
    """The server works if nobody reads what it prints."""
    with started(folder, redirection=redirection) as server:
        assert server.get('/simple/foo/').status == 200


def test_port_in_use(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A port that is in use is one line, which says what to do, and exit status 1."""
    with socket.create_server((HOST, 0)) as other:
        port = other.getsockname()[1]
        assert main(['serve', str(folder), '--port', str(port)]) == 1
    assert capsys.readouterr() == ('', (
        f"dumb-pypi: cannot listen on '127.0.0.1', port {port}: Address already in use; "
        'stop the other server, or use any free port with --port 0\n'
    ))


def test_folder_without_index(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder without an index is one line, which says what to do, and exit status 1."""
    assert main(['serve', f'{tmp_path}/nothing']) == 1
    assert capsys.readouterr() == ('', (
        f'dumb-pypi: {tmp_path}/nothing contains no index (it has no simple/index.html); '
        'pass the --output-dir of a build, or run one first: '
        'dumb-pypi --packages-dir FOLDER --output-dir DIR\n'
    ))


@pytest.mark.parametrize('port', ['-1', '65536', '9' * 90, 'http', '', '\u0663', '8_0'])
def test_invalid_port(folder: Path, port: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A port that is none is wrong usage."""
    with pytest.raises(SystemExit) as caught:
        main(['serve', str(folder), f'--port={port}'])
    assert caught.value.code == 2
    message = f'argument --port: {port!r} is not a number from 0 to 65535\n'
    assert capsys.readouterr().err.endswith(message)


@pytest.mark.parametrize(('address', 'url', 'trusting'), [
    ('127.0.0.1', 'http://127.0.0.1:8000/', ''),
    ('::1', 'http://[::1]:8000/', ''),
    # The commands of this machine use its loopback address.
    ('0.0.0.0', 'http://127.0.0.1:8000/', ''),  # noqa: S104 - nothing is bound here
    ('192.0.2.1', 'http://192.0.2.1:8000/', '--trusted-host 192.0.2.1 '),
])
def test_pip_trusts_the_host(address: str, url: str, trusting: str) -> None:
    """pip needs an option for an address that is not loopback; uv doesn't."""
    greeting = command._greeting(url, ip_address(address))
    assert f'pip install --index-url {url}simple/ {trusting}PROJECT\n' in greeting
    assert f'uv pip install --default-index {url}simple/ PROJECT\n' in greeting


@pytest.mark.parametrize(('options', 'warned'), [((), False), (('--host=0.0.0.0',), True)])
def test_public_address_is_warned_about(
        folder: Path, tmp_path: Path, options: tuple[str, ...], warned: bool,
) -> None:
    """A server that other machines can reach has a warning."""
    with started(folder, *options, redirection=f'2> {tmp_path}/log') as server:
        assert server.get('/').status == 200
    log = (tmp_path / 'log').read_text()
    warning = 'dumb-pypi: warning: every machine that reaches 0.0.0.0 can read the index: '
    assert log.startswith(warning) == warned


def test_quiet_logs_nothing(folder: Path, tmp_path: Path) -> None:
    """With `-q`, responses are not logged."""
    with started(folder, '-q', redirection=f'2> {tmp_path}/log') as server:
        assert server.get('/').status == 200
    assert (tmp_path / 'log').read_text() == ''


def warnings(folder: Path, log: Path) -> list[str]:
    with run_serve(folder, log) as server:
        assert server.get('/').status == 200
    return re.findall('^dumb-pypi: warning: (.*)$', (log / 'output').read_text(), re.MULTILINE)


def test_site_url_is_warned_about(tmp_path: Path) -> None:
    """If the JSON pages link to another site, pip and uv would not use this server's files."""
    small_builds.run(tmp_path, site_url=SITE)
    [warning] = warnings(tmp_path / 'out', tmp_path)
    assert warning == (
        f'the index was built with --site-url {SITE}, so its JSON pages may link to files there; '
        'to install from this server, build the index without --site-url'
    )
    # A theme may have a feed without that link.
    feed = tmp_path / 'out/rss/updates.xml'
    feed.write_text(feed.read_text().replace(f'<link>{SITE}', '<link>no URL\n'))
    assert warnings(tmp_path / 'out', tmp_path) == []


@pytest.mark.parametrize('host', ['127.0.0.1', 'localhost'])
def test_own_site_url_is_fine(tmp_path: Path, host: str) -> None:
    """An index that was built for the URL at which it is served has no warning."""
    port = free_port()
    small_builds.run(tmp_path, site_url=f'http://{host}:{port}/')
    log = tmp_path / 'log'
    with started(tmp_path / 'out', port=port, redirection=f'2> {log}'):
        pass
    assert 'warning' not in log.read_text()

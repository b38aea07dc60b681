"""The command `dumb-pypi serve`: options, messages, exit status."""
from __future__ import annotations

import argparse
import html
import os
import re
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address

from dumb_pypi import __version__
from dumb_pypi.commands.console import DONE, FAILED, say
from dumb_pypi.errors import DumbPypiError, shown
from dumb_pypi.server import IndexServer

Address = IPv4Address | IPv6Address

HOST = '127.0.0.1'
PORT = 8000

_EPILOG = """\
The output is the URL of the index and commands that install from it. To publish
an index, use a web server or a bucket.

Responses allow cross-origin requests (CORS): while the server runs, any web
site open in your browser can read the index.

exit status:
  0    the server was stopped with Ctrl-C
  1    DIR contains no index, or the port is in use
  2    wrong command line

examples:
  Serve an index, then open http://127.0.0.1:8000/ in a browser:
    dumb-pypi serve index

  Listen on any free port, and keep the log of responses in a file:
    dumb-pypi serve --port 0 index 2>> serve.log
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command until Ctrl-C, and return its exit status."""
    options = _parser().parse_args(argv)
    printing = threading.Lock()

    def log(line: str) -> None:
        if not options.quiet:
            with printing:
                say(line)

    try:
        with IndexServer(options.index, options.host, options.port, log) as server:
            for warning in _warnings(server):
                say(f'dumb-pypi: warning: {warning}')
            _print(_greeting(server.url, server.address))
            server.serve_forever()
    except DumbPypiError as error:
        say(f'dumb-pypi: {error}')
        return FAILED
    except KeyboardInterrupt:
        # This is how to stop the server, so it is not a failure.
        pass
    return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='dumb-pypi serve',
        usage='%(prog)s [OPTION ...] DIR',
        description='Serve an index on this machine, to try it out with pip, uv and a browser.',
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
    )
    server = parser.add_argument_group('server')
    server.add_argument(
        'index', metavar='DIR', help='serve the index in this folder: --output-dir of a build',
    )
    server.add_argument(
        '--host', metavar='ADDRESS', default=HOST,
        help='listen on this address, such as 0.0.0.0 in a container (default: %(default)s, which '
             'only this machine can reach)',
    )
    server.add_argument(
        '--port', metavar='N', type=_port, default=PORT,
        help='listen on this port; 0 is any free one (default: %(default)s)',
    )
    messages = parser.add_argument_group('messages and help')
    messages.add_argument('-q', '--quiet', action='store_true', help='do not log responses')
    messages.add_argument(
        '--version', action='version', version=f'dumb-pypi {__version__}',
        help='print the version',
    )
    messages.add_argument('-h', '--help', action='help', help='print this help')
    return parser


def _port(text: str) -> int:
    if not re.fullmatch('[0-9]{1,5}', text) or int(text) > 65535:
        raise argparse.ArgumentTypeError(f'{shown(text)} is not a number from 0 to 65535')
    return int(text)


def _greeting(url: str, address: Address) -> str:
    """Return what the user needs: the URL of the index, and commands to copy."""
    simple_url = f'{url}simple/'
    # pip trusts only loopback addresses without HTTPS.
    trusting = '' if address.is_loopback or address.is_unspecified else (
        f'--trusted-host {address} '
    )
    return (
        f'Serving the index at {url} (press Ctrl-C to stop). To install from it:\n\n'
        f'    pip install --index-url {simple_url} {trusting}PROJECT\n'
        f'    uv pip install --default-index {simple_url} PROJECT\n\n'
        'This server is for trying out the index. Publish it with a web server or a bucket.'
    )


def _warnings(server: IndexServer) -> Iterator[str]:
    if not server.address.is_loopback:
        yield (
            f'every machine that reaches {server.address} can read the index: there is no password '
            'and no HTTPS'
        )
    site_url = _site_url(server.folder)
    # Both names are in use for the same address.
    if site_url not in {None, server.url, server.url.replace('127.0.0.1', 'localhost')}:
        yield (
            f'the index was built with --site-url {site_url}, so its JSON pages may link to files '
            'there; to install from this server, build the index without --site-url'
        )


def _site_url(folder: str) -> str | None:
    """Return the `--site-url` of the build, None if there was none; it is in the feeds."""
    with suppress(OSError), open(os.path.join(folder, 'rss/updates.xml'), 'rb') as feed:
        found = re.search(r'<link>([!-;=-~]+)</link>', feed.read(10_000).decode('latin-1'))
        return None if found is None else html.unescape(found[1])
    return None


def _print(text: str) -> None:
    """Print on standard output. Ignore failures: the server works without readers."""
    try:
        print(text, flush=True)
    except OSError:
        # Otherwise the interpreter flushes the text again when it exits, and fails.
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)

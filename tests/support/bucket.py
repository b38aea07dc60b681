"""An S3 server on loopback, a web site and a CDN in front of it, and the tools that fill it."""
from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import quote

from tests.support.servers import (
    free_port,
    HOST,
    PORT_LINE,
    Response,
    running,
    Server,
    serving,
    settings,
    wait_for,
)

# requirements-dev.txt installs `aws` and `moto_server` next to this Python.
_PROGRAMS = Path(sys.executable).parent
PYTHON = sys.executable
# The headers of the S3 server's response that the web site passes on.
_PASSED_ON = ('Cache-Control', 'Content-Range', 'Content-Type', 'Etag', 'Last-Modified')


@contextmanager
def run_s3(folder: Path) -> Iterator[Server]:
    """Run moto's S3 server; objects are at `/bucket/key`."""
    port = free_port()
    command = [str(_PROGRAMS / 'moto_server'), '--host', HOST, '--port', str(port)]
    output = folder / 'moto'
    with running(command, output, {'HOME': str(folder)}) as process:
        wait_for(lambda: b'Running on http' in output.read_bytes(), process)
        yield Server(port, output)


def tool_environment(url: str, folder: Path, rclone: str | None = None) -> dict[str, str]:
    """Return the tools' complete environment, so that the user's settings don't matter."""
    programs = [str(_PROGRAMS), os.defpath]
    if rclone is not None:
        programs.append(str(Path(rclone).parent))
    return {
        'AWS_ACCESS_KEY_ID': 'test',
        'AWS_SECRET_ACCESS_KEY': 'test',
        'AWS_DEFAULT_REGION': 'us-east-1',
        'AWS_EC2_METADATA_DISABLED': 'true',
        'AWS_ENDPOINT_URL': url,
        'AWS_MAX_ATTEMPTS': '1',
        'HOME': str(folder),
        'LANG': 'C.UTF-8',
        'NO_PROXY': '*',
        'PATH': os.pathsep.join(programs),
        'RCLONE_CONFIG': os.devnull,
        'RCLONE_CONFIG_REMOTE_TYPE': 's3',
        'RCLONE_CONFIG_REMOTE_PROVIDER': 'Other',
        'RCLONE_CONFIG_REMOTE_ENV_AUTH': 'true',
        'RCLONE_CONFIG_REMOTE_ENDPOINT': url,
        'RCLONE_CONFIG_REMOTE_NO_CHECK_BUCKET': 'true',
        'RCLONE_RETRIES': '1',
        'RCLONE_LOW_LEVEL_RETRIES': '1',
    }


def make_public(s3: Server, name: str) -> None:
    """Make a bucket that everybody may read, with the policy in deploy/.

    moto ignores conditions, so that the policy would hide the state from builds too.
    """
    policy = json.loads(_policy(name))
    allowed = [rule for rule in policy['Statement'] if rule['Effect'] == 'Allow']
    content = json.dumps({**policy, 'Statement': allowed})
    for path, body in ((f'/{name}', None), (f'/{name}?policy', content.encode())):
        response = s3.ask(path, 'PUT', body=body)
        assert response.status in {200, 204}, response


def hide_state(s3: Server, name: str) -> None:
    """Give a bucket all of the policy in deploy/, after the last build."""
    response = s3.ask(f'/{name}?policy', 'PUT', body=_policy(name).encode())
    assert response.status in {200, 204}, response


def _policy(name: str) -> str:
    return settings('bucket/policy.json', {'index.example.com': name})


def copy(s3: Server, source: str, destination: str) -> None:
    """Copy objects with their headers; both places are `bucket/prefix`, ending in a slash."""
    name, _, prefix = source.partition('/')
    listing = s3.ask(f'/{name}?list-type=2&max-keys=1000&prefix={prefix}').body.decode()
    assert '<IsTruncated>false' in listing
    for key in re.findall('<Key>(.*?)</Key>', listing):
        path = quote(key.removeprefix(prefix))
        response = s3.ask(
            f'/{destination}{path}', 'PUT', {'X-Amz-Copy-Source': f'/{source}{path}'},
        )
        assert response.status == 200, response


def run_tool(environment: Mapping[str, str], *command: str | Path) -> str:
    """Run a program and return its stdout; it must succeed and write nothing to stderr."""
    done = subprocess.run(
        [str(word) for word in command], env=dict(environment), capture_output=True, text=True,
        timeout=120, check=False,
    )
    assert (done.returncode, done.stderr) == (0, ''), (command, done.stdout, done.stderr)
    return done.stdout


@contextmanager
def run_website(s3: Server, bucket: str, base: str = '/') -> Iterator[Server]:
    """Serve a bucket as S3 serves a bucket that is a web site, with deploy/bucket/website.json.

    moto implements objects, but no web sites. S3 answers a request for a folder with its index
    document, redirects to the folder if the slash is missing, and responds with 404 and the error
    document to a missing key if the policy allows listing the bucket.
    """
    website = json.loads(settings('bucket/website.json', {
        '404.html': f'{base[1:]}404.html',
    }))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition('?')[0]
            key = f'/{bucket}{path}'
            wanted = {'Range': self.headers['Range']} if 'Range' in self.headers else {}
            # moto refuses an anonymous HEAD, and sends a 304 without Cache-Control.
            index = website['IndexDocument']['Suffix']
            found = s3.ask(key + index if key[-1] == '/' else key, headers=wanted)
            if found.status == 404 and key[-1] != '/':
                folder = s3.ask(f'{key}/{index}')
                if folder.status == 200:
                    found = Response(302, {'Location': f'{path}/'}, b'')
            if found.status == 404:
                error = s3.ask(f'/{bucket}/{website["ErrorDocument"]["Key"]}')
                found = error._replace(status=404)
            elif self.headers['If-None-Match'] == found.headers.get('Etag', ''):
                found = Response(304, found.headers, b'')
            self.send_response(found.status)
            for name in (*_PASSED_ON, 'Location'):
                if name in found.headers:
                    self.send_header(name, found.headers[name])
            self.send_header('Content-Length', str(len(found.body)))
            self.end_headers()
            if self.command != 'HEAD':
                self.wfile.write(found.body)

        do_HEAD = do_GET  # noqa: N815 - http.server prescribes the name

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with serving(Handler) as port:
        yield Server(port, Path(os.devnull), base)


@contextmanager
def run_cdn(
        node: str, s3: Server, bucket: str, folder: Path, base: str = '/',
) -> Iterator[Server]:
    """Run a CDN with the edge function of deploy/ and a bucket as its origin."""
    changes = {} if base == '/' else {"var BASE = '/';": f"var BASE = '{base}';"}
    (folder / 'edge.js').write_text(settings('cdn/edge.js', changes))
    output = folder / 'output'
    command = [
        node, str(Path(__file__).parent / 'cdn.js'), str(folder / 'edge.js'),
        f'{s3.url}{bucket}', f'{base}404.html',
    ]
    with running(command, output, {'HOME': str(folder)}) as process:
        found = wait_for(lambda: PORT_LINE.search(output.read_bytes()), process)
        yield Server(int(found[1]), output, base)

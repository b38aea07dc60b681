"""The hosts in docs/serving.md, the features of each, and how to start them."""
from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, ExitStack
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

from tests.conftest import NeedProgram
from tests.support import bucket, docs
from tests.support.servers import (
    Response,
    run_apache,
    run_caddy,
    run_http_server,
    run_nginx,
    run_serve,
    Server,
)

# It contains a name that the index has, too: no host may confuse the two.
PREFIX = '/some/pypi/'
# The bucket of each base. The web site and the CDN serve the same objects, so they share it.
BUCKETS = {'/': 'index-at-root', PREFIX: 'index-at-path'}

JSON_TOO = 'HTML or JSON by `Accept`'
TYPES = 'exact types'
CACHING = '`Cache-Control`'
ETAG = '`ETag`, 304'
RANGES = 'ranges'
GZIP = 'gzip'
BROWSERS = 'CORS and security headers'
HIDES = '404 for missing pages'
OLD_NAMES = 'old names'
NOT_FOUND = '`404.html`'

# The columns of the table in docs/serving.md, each a feature that a host may have.
FEATURES = (
    JSON_TOO, TYPES, CACHING, ETAG, RANGES, GZIP, BROWSERS, HIDES, OLD_NAMES, NOT_FOUND,
)
HOSTS: dict[str, frozenset[str]] = {
    'nginx': frozenset(FEATURES) - {OLD_NAMES},
    'nginx with `old-names.conf`': frozenset(FEATURES),
    'Caddy': frozenset(FEATURES),
    'Apache': frozenset(FEATURES),
    'bucket behind a CDN': frozenset(FEATURES) - {GZIP},
    'bucket as a web site': frozenset({TYPES, CACHING, ETAG, RANGES, HIDES, NOT_FOUND}),
    '`dumb-pypi serve`': frozenset(FEATURES) - {CACHING, GZIP},
    '`python -m http.server`': frozenset(),
}
# It serves an index at `/` only: a folder that contains one at a path has no index itself.
ROOT_ONLY = '`dumb-pypi serve`'

V1_JSON = 'application/vnd.pypi.simple.v1+json'
V1_HTML = 'application/vnd.pypi.simple.v1+html'
IMMUTABLE = 'max-age=31536000, immutable'
WHEEL = 'pool/ocelot-1.2-py3-none-any.whl'
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

# The content of files that no server may show.
PRIVATE = 'private-content-of-this-test'
# Files of the user's in the folder of the index, and the name of one next to that folder.
PRIVATE_FILES = (
    '.git/config', '.env', '.env.html', '.htpasswd', '.htaccess', '.DS_Store', '.dumb-pypi/key',
    '.well-known/.key', 'pool/.netrc', 'pool/.keys/key.pem', 'pool/.well-known/key',
    'simple/.git/config', 'simple/ocelot/.env', 'static/.env', 'pypi/ocelot/.env',
)
OUTSIDE = 'outside.txt'
WELL_KNOWN = 'Contact: https://pypi.example.com/contact'
SCRIPT = '<script xmlns="http://www.w3.org/1999/xhtml">alert(1)</script>'
SVG = f'<svg xmlns="http://www.w3.org/2000/svg">{SCRIPT}</svg>'
USER_FILES = {
    **dict.fromkeys(PRIVATE_FILES, PRIVATE),
    '.well-known/security.txt': WELL_KNOWN,
    **dict.fromkeys(('pool/evil.svg', 'pool/evil.xml', 'pool/evil.svg.metadata'), SVG),
    **dict.fromkeys((
        'pool/evil.html', 'pool/evil.HTML', 'pool/evil.htm', 'pool/evil.xhtml', 'evil.html',
        'pool/site/index.html', 'pool/project/evil/index.html', 'simple/ocelot/evil.html',
        'static/evil.html',
    ), SCRIPT),
    'pool/evil.js': 'alert(1)',
}

# Accept headers, and whether a server should respond with JSON.
ACCEPTS = [
    # pip and PDM, uv, Poetry; a bot's two headers.
    (f'{V1_JSON}, {V1_HTML}; q=0.1, text/html; q=0.01', True),
    (f'{V1_JSON}, {V1_HTML};q=0.2, text/html;q=0.01', True),
    (f'{V1_JSON}, */*;q=0.1', True),
    ('application/json', False),
    ('text/html', False),
    # Old pip, browsers, curl, and nothing at all.
    ('text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8', False),
    ('text/html, */*; q=0.01', False),
    ('*/*', False),
    ('', False),
    (None, False),
    # A single type; `latest` is version 1.
    (V1_JSON, True),
    (V1_HTML, False),
    ('application/vnd.pypi.simple.latest+json', True),
    ('application/vnd.pypi.simple.latest+html', False),
    # The higher quality wins, however small the difference, in any order; HTML wins a tie.
    (f'{V1_JSON};q=0.5, text/html', False),
    (f'text/html;q=0.5, {V1_JSON}', True),
    (f'text/html;q=0.5,{V1_JSON};q=0.6', True),
    (f'text/html;q=0.51, {V1_JSON};q=0.5', False),
    (f'text/html;q=0.5, {V1_JSON};q=0.51', True),
    (f'text/html;q=0.25, {V1_JSON};q=0.5', True),
    (f'text/html;q=0.9, {V1_JSON};q=0.899', False),
    (f'text/html;q=0.899, {V1_JSON};q=0.9', True),
    (f'text/html;q=0.009, {V1_JSON};q=0.01', True),
    (f'text/html;q=0, {V1_JSON};q=0.001', True),
    (f'text/html;q=0.000, {V1_JSON};q=1.000', True),
    (f'{V1_JSON}, text/html', False),
    (f'{V1_JSON};q=0.5, text/html;q=0.50', False),
    (f'{V1_JSON};q=1.0, text/html;q=1', False),
    (f'{V1_JSON};q=0.5, {V1_HTML}, text/html;q=0.1', False),
    (f'{V1_JSON};q=0.5, {V1_HTML};q=0.1, text/html', False),
    # Quality 0 excludes a type.
    (f'{V1_JSON};q=0', False),
    (f'{V1_JSON};q=0.0, */*', False),
    (f'{V1_JSON};q=0, {V1_HTML};q=0, text/html;q=0', False),
    # A range counts for types that are not listed themselves.
    ('application/*', False),
    ('text/*', False),
    (f'{V1_JSON};q=0.5, */*', False),
    (f'{V1_JSON};q=0.5, text/*;q=0.4', True),
    (f'{V1_JSON};q=0.5, text/*;q=0.6', False),
    (f'{V1_JSON};q=0.5, application/*;q=0.6', False),
    (f'*/*, text/html;q=0.1, {V1_HTML};q=0.1', True),
    ('application/*, text/*;q=0.5', False),
    # Unusual but valid; other parameters; invalid.
    (f'  {V1_JSON.upper()} ;Q=0.9 ,text/html ; q = 0.8', True),
    (f'{V1_JSON};charset=utf-8;q=0.2, text/html;level=1;q=0.3', False),
    (f'{V1_JSON};charset=utf-8;q=0.3, text/html;level=1;q=0.2', True),
    (f'{V1_JSON};q=0.8;x=y, text/html;q=0.7', True),
    (f'{V1_JSON};q=high, text/html;q=0.9', True),
    (f',, {V1_JSON},,', True),
    # Similar to the name of a type.
    (f'{V1_JSON}x', False),
    (f'x{V1_JSON}', False),
    ('application/vnd.pypi.simple.v2+json', False),
    ('application/vndXpypiXsimpleXv1+json', False),
    ('nonsense', False),
    (f'text/html;q=0.1, {"a/b;q=0.5, " * 100}{V1_JSON}', True),
]


class Case(NamedTuple):
    """A host, and the path of the index below its URL."""
    host: str
    base: str


def all_hosts(*features: str, bases: tuple[str, ...] = ('/', PREFIX)) -> pytest.MarkDecorator:
    """Run a test on each host with these features, at the root and, if it can, below a path."""
    return pytest.mark.parametrize('site', [
        pytest.param(Case(host, base), id=f'{host}{base}'.replace('`', ''))
        for host, has in HOSTS.items() if has.issuperset(features)
        for base in bases if base == '/' or host != ROOT_ONLY
    ], indirect=True)


def ask(site: Server, path: str, method: str = 'GET', **headers: str) -> Response:
    """Send a request for a path below the index's URL; `_` is `-` in names of headers."""
    named = {name.replace('_', '-'): value for name, value in headers.items()}
    return site.ask(urlsplit(site.url).path + path, method, named)


def varies(response: Response) -> set[str]:
    return {name.strip().title() for name in response.headers.get('Vary', '').split(',')} - {''}


def style(tree: Path) -> str:
    [found] = (tree / 'static').glob('style-*.css')
    return f'static/{found.name}'


def write_user_files(tree: Path) -> None:
    """Write the user's files into an index, and a secret one next to it."""
    for name, text in USER_FILES.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tree.parent / OUTSIDE).write_text(PRIVATE)


class Sites:
    """Start each host when a test first needs it, and keep it until `stack` is closed."""

    def __init__(self, tree: Path, need: NeedProgram, stack: ExitStack) -> None:
        self.tree = tree
        self._need = need
        self._stack = stack
        self._running: dict[Case, Server] = {}
        self._s3: Server | None = None

    def __getitem__(self, case: Case) -> Server:
        if case not in self._running:
            folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
            # Apache drops root's rights.
            folder.chmod(0o755)
            self._running[case] = self._stack.enter_context(self._run(case, folder))
        return self._running[case]

    @contextmanager
    def _run(self, case: Case, folder: Path) -> Iterator[Server]:
        base = case.base
        # Servers whose settings have no path serve a folder that links to the tree at that path.
        document_root = self.tree if base == '/' else folder / 'root'
        if base != '/':
            (document_root / base[1:-1]).parent.mkdir(parents=True)
            (document_root / base[1:-1]).symlink_to(self.tree)
        kind = case.host.partition(' ')[0]
        if kind == 'nginx':
            program = self._need('nginx', package='nginx')
            perl = self.perl() if 'old-names' in case.host else None
            with run_nginx(program, document_root, folder, base=base, perl=perl) as server:
                yield server
        elif kind == 'Caddy':
            program = self._need('caddy', package='caddy')
            with run_caddy(program, self.tree, folder, base=base) as server:
                yield server
        elif kind == 'Apache':
            program = self._need('apache2', package='apache2')
            with run_apache(program, self.tree, folder, base=base) as server:
                yield server
        elif kind == 'bucket':
            with self._run_bucket(case, folder) as server:
                yield server
        elif case.host == ROOT_ONLY:
            with run_serve(self.tree, folder) as server:
                yield server
        else:
            with run_http_server(document_root, folder, base=base) as server:
                yield server

    def perl(self) -> Path:
        """Return the file of nginx's Perl module."""
        return Path(self._need(
            '/usr/lib/nginx/modules/ngx_http_perl_module.so', package='libnginx-mod-http-perl',
        ))

    @contextmanager
    def _run_bucket(self, case: Case, folder: Path) -> Iterator[Server]:
        if self._s3 is None:
            home = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
            self._s3 = self._stack.enter_context(bucket.run_s3(home))
            bucket.make_public(self._s3, BUCKETS[PREFIX])
            bucket.make_public(self._s3, BUCKETS['/'])
            self._publish(self._s3, f's3://{BUCKETS[PREFIX]}{PREFIX[:-1]}')
            # The tools would take longer to publish the same objects again.
            bucket.copy(self._s3, f'{BUCKETS[PREFIX]}{PREFIX}', f'{BUCKETS["/"]}/')
            for name in BUCKETS.values():
                bucket.hide_state(self._s3, name)
        name = BUCKETS[case.base]
        if 'CDN' in case.host:
            node = self._need('node', package='nodejs')
            with bucket.run_cdn(node, self._s3, name, folder, case.base) as server:
                yield server
        else:
            with bucket.run_website(self._s3, name, case.base) as server:
                yield server

    def _publish(self, s3: Server, destination: str) -> None:
        """Build the tree in a bucket, and upload the packages as docs/buckets.md does."""
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        environment = bucket.tool_environment(s3.url.rstrip('/'), folder)
        bucket.run_tool(
            environment, 'dumb-pypi', '--package-list-json', self.tree.parent / 'packages.jsonl',
            '--packages-url', '../../pool/', '--site-url', 'https://pypi.example.com/',
            '--no-generate-timestamp', '--output-dir', destination,
        )
        shutil.copytree(
            self.tree / 'pool', folder / 'pool', ignore=shutil.ignore_patterns('*.metadata'),
        )
        commands = docs.block('docs/buckets.md', 'sh', 'aws s3 cp pool').replace(
            's3://packages.example.com', f'{destination}/pool',
        )
        bucket.run_tool(environment, 'sh', '-e', '-c', f'cd {folder} && {commands}')
        # It reports the broken files of the tree.
        bucket.run_tool(
            environment, 'sh', '-c',
            f'dumb-pypi scan --write-metadata {destination}/pool 2> {folder}/log || test $? = 1',
        )
        # Careless users upload all files, with the content types of their extensions.
        write_user_files(folder / 'user')
        bucket.run_tool(
            environment, 'aws', 's3', 'cp', '--quiet', '--recursive', folder / 'user', destination,
        )

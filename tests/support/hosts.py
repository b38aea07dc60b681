"""The hosts that README knows, what each gives, and how a test starts it."""
from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import NeedProgram
from tests.support import bucket
from tests.support.servers import DEPLOY, run_apache, run_caddy, run_http_server, run_nginx, Server

README = (DEPLOY.parent / 'README.md').read_text()

# A word of the index's own in it, so that no host takes that for the index's.
PREFIX = '/some/pypi/'

JSON_TOO = 'HTML or JSON by `Accept`'
TYPES = 'exact types'
CACHING = '`Cache-Control`'
ETAG = '`ETag`, 304'
RANGES = 'ranges'
PACKED = 'gzip'
BROWSERS = 'CORS and security headers'
HIDES = '404 for what is no page'
OLD_NAMES = 'old names'

# README's table has these columns.
FEATURES = (JSON_TOO, TYPES, CACHING, ETAG, RANGES, PACKED, BROWSERS, HIDES, OLD_NAMES)
_ALL_BUT_OLD_NAMES = frozenset(FEATURES) - {OLD_NAMES}
HOSTS: dict[str, frozenset[str]] = {
    'nginx': _ALL_BUT_OLD_NAMES,
    'nginx with `old-names.conf`': frozenset(FEATURES),
    'Caddy': _ALL_BUT_OLD_NAMES,
    'Apache': _ALL_BUT_OLD_NAMES,
    'bucket behind a CDN': frozenset(FEATURES) - {PACKED},
    'bucket as a web site': frozenset({TYPES, CACHING, ETAG, RANGES, HIDES}),
    '`python -m http.server`': frozenset(),
}


class Case(NamedTuple):
    """A host, and where below its URL the index is."""
    host: str
    base: str


def all_hosts(*features: str, bases: tuple[str, ...] = ('/', PREFIX)) -> pytest.MarkDecorator:
    """Run a test on each host that gives all these, at its root and below a path."""
    return pytest.mark.parametrize('site', [
        pytest.param(Case(host, base), id=f'{host}{base}'.replace('`', ''))
        for host, given in HOSTS.items() if given.issuperset(features)
        for base in bases
    ], indirect=True)


class Sites:
    """Starts each host when it is first asked for; all of them end together."""

    def __init__(self, tree: Path, need: NeedProgram, stack: ExitStack) -> None:
        self.tree = tree
        self._need = need
        self._stack = stack
        self._running: dict[Case, Server] = {}
        self._s3: Server | None = None
        self._filled: set[str] = set()

    def __getitem__(self, case: Case) -> Server:
        if case not in self._running:
            folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
            # Apache gives up root's rights.
            folder.chmod(0o755)
            self._running[case] = self._stack.enter_context(self._run(case, folder))
        return self._running[case]

    @contextmanager
    def _run(self, case: Case, folder: Path) -> Iterator[Server]:
        base = case.base
        # A server whose settings know of no path has the tree, or a link to it, at that path.
        above = self.tree if base == '/' else folder / 'root'
        if base != '/':
            (above / base[1:-1]).parent.mkdir(parents=True)
            (above / base[1:-1]).symlink_to(self.tree)
        kind = case.host.partition(' ')[0]
        if kind == 'nginx':
            program = self._need('nginx', package='nginx')
            perl = self.perl() if 'old-names' in case.host else None
            with run_nginx(program, above, folder, base=base, perl=perl) as server:
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
            yield self._stack.enter_context(self._run_bucket(case, folder))
        else:
            with run_http_server(above, folder, base=base) as server:
                yield server

    def perl(self) -> Path:
        """nginx's module for Perl, beside its others."""
        return Path(self._need(
            '/usr/lib/nginx/modules/ngx_http_perl_module.so', package='libnginx-mod-http-perl',
        ))

    @contextmanager
    def _run_bucket(self, case: Case, folder: Path) -> Iterator[Server]:
        if self._s3 is None:
            home = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
            self._s3 = self._stack.enter_context(bucket.run_s3(home))
        # Both kinds of host that are buckets get the same objects: one bucket does for both.
        name = f'index-{case.base.count("/")}'
        if name not in self._filled:
            self._fill(self._s3, name, case.base, folder)
            self._filled.add(name)
        if 'CDN' in case.host:
            node = self._need('node', package='nodejs')
            with bucket.run_cdn(node, self._s3, name, folder, case.base) as server:
                yield server
        else:
            with bucket.run_website(self._s3, name, case.base) as server:
                yield server

    def _fill(self, s3: Server, name: str, base: str, folder: Path) -> None:
        """Publish the tree and upload the packages, with the commands of README."""
        environment = bucket.tool_environment(s3.url, folder)
        destination = f's3://{name}{base}'.rstrip('/')
        bucket.make_public(s3, name)
        (folder / 'changes').mkdir()
        (folder / 'changes/1.jsonl').write_bytes((self.tree.parent / 'changes.jsonl').read_bytes())
        bucket.run_tool(
            environment, bucket.PYTHON, bucket.PUBLISH, folder / 'changes', self.tree, destination,
        )
        [commands] = re.findall(r'(?ms)^```sh\n(aws s3 cp pool .*?)^```$', README)
        place = commands.replace('s3://packages.example.com', f'{destination}/pool')
        bucket.run_tool(environment, 'sh', '-e', '-c', f'cd {self.tree} && {place}')

"""pip and uv resolve dependencies from the `.metadata` files that a scan writes."""
from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dumb_pypi.commands import build as main
from dumb_pypi.commands import scan
from testing import distributions
from tests.conftest import NeedProgram
from tests.support.client_index import assert_installed, simple_url
from tests.support.programs import Client
from tests.support.servers import run_http_server, run_nginx, Server

FILES = {
    'app-1.0-py3-none-any.whl': ['engine<2', 'Odd.Fuel[more]; python_version>"3"'],
    'team a/engine-1.0+x-py3-none-any.whl': ['odd_fuel'],
    'engine-2.0-py3-none-any.whl': [],
    'odd_fuel-1.0-py3-none-any.whl': [],
}


@pytest.fixture(scope='module')
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder of wheels, scan it and build its index."""
    root = tmp_path_factory.mktemp('scanned')
    for path, requires_dist in FILES.items():
        place = root / 'pool' / path
        place.parent.mkdir(parents=True, exist_ok=True)
        distributions.make(place.parent, {'filename': place.name, 'requires_dist': requires_dist})
    package_list = root / 'packages.jsonl'
    output = os.dup(1)
    with package_list.open('wb') as stream:
        os.dup2(stream.fileno(), 1)
        try:
            status = scan.main(['--write-metadata', str(root / 'pool')])
        finally:
            os.dup2(output, 1)
            os.close(output)
    assert status == 0
    assert main.main([
        '--package-list-json', str(package_list), '--packages-url', '../../pool/',
        '--output-dir', str(root),
    ]) == 0
    return root


@pytest.fixture(scope='module', params=['nginx', 'http.server'])
def server(
        request: pytest.FixtureRequest, root: Path, need_program: NeedProgram,
        tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp('server')
    if request.param == 'nginx':
        program = need_program('nginx', package='nginx')
        with run_nginx(program, root, folder) as server:
            yield server
    else:
        with run_http_server(root, folder) as server:
            yield server


def test_client_resolves_from_metadata(client: Client, server: Server) -> None:
    """Clients fetch metadata and no wheel, and lock the hashes of the wheels."""
    with server.recording() as requests:
        lock = client.lock(simple_url(server), 'app')
    assert [line.split()[0] for line in lock.splitlines()] == [
        'app==1.0', 'engine==1.0+x', 'odd-fuel==1.0',
    ]
    assert all('--hash=sha256:' in line for line in lock.splitlines())
    assert {(request.path, request.status) for request in requests} == {
        ('/simple/app/', 200), ('/simple/engine/', 200), ('/simple/odd-fuel/', 200),
        ('/pool/app-1.0-py3-none-any.whl.metadata', 200),
        ('/pool/team%20a/engine-1.0%2Bx-py3-none-any.whl.metadata', 200),
        ('/pool/odd_fuel-1.0-py3-none-any.whl.metadata', 200),
    }


def test_scanned_files_install(client: Client, server: Server, tmp_path: Path) -> None:
    """The hashes of the wheels and of their `.metadata` files are right."""
    target = tmp_path / 'target'
    outcome = client.install(simple_url(server), target, 'app')
    assert_installed(outcome, target, {'app': '1.0', 'engine': '1.0+x', 'odd-fuel': '1.0'})

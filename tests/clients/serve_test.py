"""pip and uv install from `dumb-pypi serve`, from JSON and from HTML."""
from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.client_index import assert_installed, Index, JSON, simple_url
from tests.support.programs import Client
from tests.support.servers import run_serve, Server


class Site(NamedTuple):
    """A server, and the type of its pages in `simple/`."""
    server: Server
    content_type: str


@pytest.fixture(scope='module', params=[JSON, 'text/html'])
def site(
        request: pytest.FixtureRequest, index: Index, tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    """Serve the index, or a copy without JSON pages."""
    folder = tmp_path_factory.mktemp('serve')
    root = index.root
    if request.param != JSON:
        root = folder / 'root'
        shutil.copytree(
            index.root / 'simple', root / 'simple', ignore=shutil.ignore_patterns('*.json'),
        )
        (root / 'pool').symlink_to(index.pool)
    with run_serve(root, folder) as server:
        yield Site(server, request.param)


def test_clients_install(client: Client, site: Site, target: Path) -> None:
    """Both clients use the form that the server has, `.metadata` files, and ranges of wheels."""
    with site.server.recording() as requests:
        outcome = client.install(
            simple_url(site.server), target, 'app', 'recalled', 'variant==1.0+local', 'Aspy.Yaml',
        )
    assert_installed(outcome, target, {
        'app': '1.0', 'engine': '2.5', 'odd-fuel': '1.0', 'recalled': '1.0',
        'variant': '1.0+local', 'aspy-yaml': '1.0',
    })
    pages = {request for request in requests if request.path.startswith('/simple/')}
    assert {page.path for page in pages} == {
        f'/simple/{name}/' for name in
        ('app', 'aspy-yaml', 'engine', 'odd-fuel', 'recalled', 'variant')
    }
    assert {(page.status, page.content_type) for page in pages} == {(200, site.content_type)}
    statuses = {request.path: request.status for request in requests}
    assert statuses['/pool/engine-2.5-py3-none-any.whl.metadata'] == 200
    assert {request.status for request in requests} <= {200, 206}
    if client.name == 'uv':
        # It reads the metadata of a wheel without a `.metadata` file from the wheel's end.
        assert 206 in {request.status for request in requests}


def test_missing_project_is_reported(client: Client, site: Site, target: Path) -> None:
    """A project that the index lacks is reported, and nothing is installed."""
    outcome = client.install(simple_url(site.server), target, 'plain', 'no-such-project')
    assert_installed(outcome, target, None)
    assert 'no-such-project' in outcome.output

"""pip and uv download the right files, from the right place, and check their hashes."""
from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.support.client_index import (
    assert_installed,
    assert_refused,
    ELSEWHERE,
    Index,
    PREFIX,
    simple_url,
    WRONG_SHA256,
)
from tests.support.programs import Client, Pip
from tests.support.servers import Server


def test_wrong_hash_is_refused(client: Client, server: Server, target: Path) -> None:
    """A file whose hash differs from the list's is fetched but not installed."""
    with server.recording() as requests:
        outcome = client.install(simple_url(server), target, 'damaged')
    assert_refused(outcome, target)
    assert WRONG_SHA256 in outcome.output
    assert '/pool/damaged-1.0-py3-none-any.whl' in [request.path for request in requests]


def test_locked_hashes_install(
        client: Client, server: Server, index: Index, target: Path, tmp_path: Path,
) -> None:
    """The hashes of a lock file come from the page, and the locked file installs with them."""
    with server.recording() as requests:
        lock = client.lock(simple_url(server), 'engine<2')
    assert {request.path for request in requests} == {
        '/simple/engine/', '/pool/engine-1.0-py3-none-any.whl.metadata',
    }
    content = (index.pool / 'engine-1.0-py3-none-any.whl').read_bytes()
    assert lock == f'engine==1.0 --hash=sha256:{hashlib.sha256(content).hexdigest()}'
    requirements = tmp_path / 'requirements.txt'
    requirements.write_text(lock)
    outcome = client.install(
        simple_url(server), target, '--require-hashes', '-r', str(requirements),
    )
    assert_installed(outcome, target, {'engine': '1.0'})


def test_metadata_replaces_the_wheel(client: Client, server: Server) -> None:
    """Clients resolve dependencies from `.metadata` files and fetch no wheel."""
    with server.recording() as requests:
        lock = client.lock(simple_url(server), 'app')
    assert [line.split()[0] for line in lock.splitlines()] == [
        'app==1.0', 'engine==2.5', 'odd-fuel==1.0',
    ]
    assert {(request.path, request.status) for request in requests} == {
        ('/simple/app/', 200),
        ('/pool/app-1.0-py3-none-any.whl.metadata', 200),
        ('/simple/engine/', 200),
        ('/pool/engine-2.5-py3-none-any.whl.metadata', 200),
        ('/simple/odd-fuel/', 200),
        ('/pool/odd_fuel-1.0-py3-none-any.whl.metadata', 200),
    }


def test_missing_metadata_is_not_requested(client: Client, server: Server) -> None:
    """Clients request `.metadata` only if the page says that it exists."""
    with server.recording() as requests:
        lock = client.lock(simple_url(server), 'plain')
    assert lock.startswith('plain==2.0 ')
    assert {request.path for request in requests} == {
        '/simple/plain/', '/pool/plain-2.0-py3-none-any.whl',
    }


def test_metadata_with_wrong_hash_is_refused(
        client: Client, server: Server, target: Path,
) -> None:
    """Clients compare `.metadata` with the hash on the page."""
    outcome = client.install(simple_url(server), target, 'misdescribed')
    assert_refused(outcome, target)
    assert WRONG_SHA256 in outcome.output


@pytest.mark.parametrize(('requirement', 'version', 'path'), [
    # A requirement without a local part matches every local version; these are newer.
    ('variant', '1.0+local.2', '/pool/variant-1.0%2Blocal.2.tar.gz'),
    ('variant==1.0+local', '1.0+local', '/pool/variant-1.0%2Blocal-py3-none-any.whl'),
])
def test_local_version_installs(
        client: Client, server: Server, target: Path,
        requirement: str, version: str, path: str,
) -> None:
    """Clients request the plus sign as `%2B`, since a bucket reads a bare one as a space."""
    with server.recording() as requests:
        outcome = client.install(simple_url(server), target, requirement)
    assert_installed(outcome, target, {'variant': version})
    assert path in [request.path for request in requests]
    assert not any('+' in request.path for request in requests)


@pytest.mark.parametrize(('place', 'pages', 'files'), [
    ('simple/', '/simple/', '/pool/'),
    ('simple', '/simple/', '/pool/'),
    (f'{PREFIX}simple/', f'/{PREFIX}simple/', f'/{PREFIX}pool/'),
], ids=['root', 'root-without-slash', 'path-prefix'])
def test_relative_packages_url_works_anywhere(
        client: Client, server: Server, target: Path, place: str, pages: str, files: str,
) -> None:
    """The same tree works at the root of a site and below a path: its links stay inside it."""
    with server.recording() as requests:
        outcome = client.install(f'{server.url}{place}', target, 'app', 'variant==1.0+local')
    assert_installed(outcome, target, {
        'app': '1.0', 'engine': '2.5', 'odd-fuel': '1.0', 'variant': '1.0+local',
    })
    # 206: uv requests only the metadata within a wheel if the server supports ranges.
    assert {request.status for request in requests} <= {200, 206}
    assert {request.path.rpartition('/')[0] + '/' for request in requests} == {
        f'{pages}app/', f'{pages}engine/', f'{pages}odd-fuel/', f'{pages}variant/', files,
    }


def test_absolute_packages_url_names_the_server(
        client: Client, server: Server, index: Index, target: Path,
) -> None:
    """Pages come from one server, files and their metadata from the other."""
    with server.recording() as pages, index.elsewhere.recording() as files:
        outcome = client.install(
            f'{server.url}{ELSEWHERE}simple/', target, 'engine<3', 'variant==1.0+local',
        )
    assert_installed(outcome, target, {'engine': '2.5', 'odd-fuel': '1.0', 'variant': '1.0+local'})
    assert {request.path for request in pages} == {
        f'/{ELSEWHERE}simple/{project}/' for project in ('engine', 'odd-fuel', 'variant')
    }
    assert {request.path for request in files} == {
        '/engine-2.5-py3-none-any.whl',
        '/engine-2.5-py3-none-any.whl.metadata',
        '/odd_fuel-1.0-py3-none-any.whl',
        '/odd_fuel-1.0-py3-none-any.whl.metadata',
        '/variant-1.0%2Blocal-py3-none-any.whl',
    }


def test_absolute_url_of_a_file_counts(
        client: Client, server: Server, index: Index, target: Path,
) -> None:
    """A file whose line has an absolute URL is fetched from there."""
    with index.elsewhere.recording() as files:
        outcome = client.install(simple_url(server), target, 'remote')
    assert_installed(outcome, target, {'remote': '1.0+far'})
    assert {request.path for request in files} == {'/remote-1.0%2Bfar-py3-none-any.whl'}


def test_pip_download_saves_the_files(
        pip: Pip, server: Server, index: Index, target: Path,
) -> None:
    """`pip download` saves the files of the pool unchanged, dependencies included."""
    outcome = pip.pip(
        'download', '--dest', str(target), '--index-url', simple_url(server), 'app', 'source==1.1',
    )
    assert outcome.status == 0, outcome.output
    saved = {file.name: file.read_bytes() for file in target.iterdir()}
    assert saved == {
        filename: (index.pool / filename).read_bytes() for filename in (
            'app-1.0-py3-none-any.whl',
            'engine-2.5-py3-none-any.whl',
            'odd_fuel-1.0-py3-none-any.whl',
            'source-1.1.tar.gz',
        )
    }

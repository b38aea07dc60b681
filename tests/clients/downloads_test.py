"""pip and uv get the files that the list means, from where they are."""
from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.support.client_index import (
    assert_refused,
    ELSEWHERE,
    Index,
    PREFIX,
    simple_url,
    WRONG_SHA256,
)
from tests.support.programs import Client, installed, Pip
from tests.support.servers import Server


def test_a_wrong_hash_is_refused(client: Client, server: Server, target: Path) -> None:
    """What is not the file that the list means is fetched, and not installed."""
    with server.recording() as requests:
        outcome = client.install(simple_url(server), target, 'damaged')
    assert_refused(outcome, target)
    assert WRONG_SHA256 in outcome.said
    assert '/pool/damaged-1.0-py3-none-any.whl' in [request.path for request in requests]


def test_locked_hashes_are_the_list_s_and_install(
        client: Client, server: Server, index: Index, target: Path, tmp_path: Path,
) -> None:
    """A lock file has its hashes from the page alone, and what it locks installs with them."""
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
    assert outcome.status == 0, outcome.said
    assert installed(target) == {'engine': '1.0'}


def test_metadata_is_read_in_place_of_the_wheel(client: Client, server: Server) -> None:
    """What depends on what is found out from `.metadata` files: no wheel is fetched."""
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


def test_metadata_is_not_asked_for_where_there_is_none(client: Client, server: Server) -> None:
    with server.recording() as requests:
        lock = client.lock(simple_url(server), 'plain')
    assert lock.startswith('plain==2.0 ')
    assert {request.path for request in requests} == {
        '/simple/plain/', '/pool/plain-2.0-py3-none-any.whl',
    }


def test_metadata_with_a_wrong_hash_is_refused(
        client: Client, server: Server, target: Path,
) -> None:
    outcome = client.install(simple_url(server), target, 'misdescribed')
    assert_refused(outcome, target)
    assert WRONG_SHA256 in outcome.said


@pytest.mark.parametrize(('requirement', 'version', 'path'), [
    # A version without a local part stands for every local one, and those are above it.
    ('variant', '1.0+local.2', '/pool/variant-1.0%2Blocal.2.tar.gz'),
    ('variant==1.0+local', '1.0+local', '/pool/variant-1.0%2Blocal-py3-none-any.whl'),
])
def test_a_local_version_installs(
        client: Client, server: Server, target: Path,
        requirement: str, version: str, path: str,
) -> None:
    """Its plus sign is asked for as `%2B`: a bucket reads a bare one as a space."""
    with server.recording() as requests:
        outcome = client.install(simple_url(server), target, requirement)
    assert outcome.status == 0, outcome.said
    assert installed(target) == {'variant': version}
    assert path in [request.path for request in requests]
    assert not any('+' in request.path for request in requests)


@pytest.mark.parametrize(('place', 'pages', 'files'), [
    ('simple/', '/simple/', '/pool/'),
    ('simple', '/simple/', '/pool/'),
    (f'{PREFIX}simple/', f'/{PREFIX}simple/', f'/{PREFIX}pool/'),
], ids=['root', 'root-without-slash', 'path-prefix'])
def test_a_relative_packages_url_works_wherever_the_tree_is(
        client: Client, server: Server, target: Path, place: str, pages: str, files: str,
) -> None:
    """The same tree, at the root of a site and below a path: its links stay inside it."""
    with server.recording() as requests:
        outcome = client.install(f'{server.url}{place}', target, 'app', 'variant==1.0+local')
    assert outcome.status == 0, outcome.said
    assert installed(target) == {
        'app': '1.0', 'engine': '2.5', 'odd-fuel': '1.0', 'variant': '1.0+local',
    }
    # 206: uv asks for the part of a wheel that has the metadata, where a server has parts.
    assert {request.status for request in requests} <= {200, 206}
    assert {request.path.rpartition('/')[0] + '/' for request in requests} == {
        f'{pages}app/', f'{pages}engine/', f'{pages}odd-fuel/', f'{pages}variant/', files,
    }


def test_an_absolute_packages_url_leads_to_another_server(
        client: Client, server: Server, index: Index, target: Path,
) -> None:
    """Pages come from the one, files and their metadata from the other."""
    with server.recording() as pages, index.elsewhere.recording() as files:
        outcome = client.install(
            f'{server.url}{ELSEWHERE}simple/', target, 'engine<3', 'variant==1.0+local',
        )
    assert outcome.status == 0, outcome.said
    assert installed(target) == {'engine': '2.5', 'odd-fuel': '1.0', 'variant': '1.0+local'}
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


def test_a_file_s_own_absolute_url_counts(
        client: Client, server: Server, index: Index, target: Path,
) -> None:
    with index.elsewhere.recording() as files:
        outcome = client.install(simple_url(server), target, 'remote')
    assert outcome.status == 0, outcome.said
    assert installed(target) == {'remote': '1.0+far'}
    assert {request.path for request in files} == {'/remote-1.0%2Bfar-py3-none-any.whl'}


def test_pip_downloads_files_with_their_dependencies(
        pip: Pip, server: Server, index: Index, target: Path,
) -> None:
    """`pip download` saves the very files of the pool."""
    outcome = pip.pip(
        'download', '--dest', str(target), '--index-url', simple_url(server), 'app', 'source==1.1',
    )
    assert outcome.status == 0, outcome.said
    saved = {file.name: file.read_bytes() for file in target.iterdir()}
    assert saved == {
        filename: (index.pool / filename).read_bytes() for filename in (
            'app-1.0-py3-none-any.whl',
            'engine-2.5-py3-none-any.whl',
            'odd_fuel-1.0-py3-none-any.whl',
            'source-1.1.tar.gz',
        )
    }

"""Poetry, PDM, uv projects, an old and a new pip install from nginx, from JSON and from HTML."""
from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.support.client_index import assert_installed, Index, JSON, SECOND, simple_url
from tests.support.programs import installed, Manager, Pip
from tests.support.servers import Server


def test_manager_locks_and_installs(
        manager: Manager, either_nginx: Server, form: str, index: Index, tmp_path: Path,
) -> None:
    """Managers skip yanked files and other Pythons' files, and lock the hashes of the pages."""
    manager.make_project(
        tmp_path, simple_url(either_nginx), 'app', 'recalled', 'choosy', 'early', 'Aspy.Yaml',
        'variant==1.0+local',
    )
    with either_nginx.recording() as requests:
        outcome = manager.lock(tmp_path)
    assert outcome.status == 0, outcome.output
    pages = [request for request in requests if request.path.startswith('/simple/')]
    assert {page.content_type for page in pages} == {JSON if form == 'json' else 'text/html'}
    # Dependencies are resolved from `.metadata` files, not from wheels.
    requested = {request.path for request in requests}
    assert '/pool/engine-2.5-py3-none-any.whl.metadata' in requested
    assert '/pool/engine-2.5-py3-none-any.whl' not in requested
    lock = (tmp_path / manager.lock_file).read_text()
    for name in ('app-1.0', 'engine-2.5', 'recalled-1.0', 'choosy-1.0', 'variant-1.0+local'):
        content = (index.pool / f'{name}-py3-none-any.whl').read_bytes()
        assert f'sha256:{hashlib.sha256(content).hexdigest()}' in lock
    outcome = manager.install(tmp_path)
    assert outcome.status == 0, outcome.output
    [site] = (tmp_path / '.venv/lib').glob('*/site-packages')
    assert installed(site) == {
        'app': '1.0', 'engine': '2.5', 'odd-fuel': '1.0', 'recalled': '1.0', 'choosy': '1.0',
        'early': '1.0', 'aspy-yaml': '1.0', 'variant': '1.0+local',
    }


def test_manager_refuses_wrong_hash(
        manager: Manager, either_nginx: Server, index: Index, tmp_path: Path,
) -> None:
    """A file whose hash differs from the list's is not installed; the message has its hash."""
    manager.make_project(tmp_path, simple_url(either_nginx), 'damaged')
    locked, installation = manager.lock(tmp_path), manager.install(tmp_path)
    content = (index.pool / 'damaged-1.0-py3-none-any.whl').read_bytes()
    assert hashlib.sha256(content).hexdigest() in locked.output + installation.output
    [site] = (tmp_path / '.venv/lib').glob('*/site-packages')
    assert installed(site) == {}


def test_manager_uses_two_indexes(
        manager: Manager, either_nginx: Server, tmp_path: Path,
) -> None:
    """A project that one index lacks is a 404 there, and is found in the other."""
    manager.make_project(
        tmp_path, simple_url(either_nginx), 'plain', 'lodger',
        second=f'{either_nginx.url}{SECOND}simple/',
    )
    for outcome in (manager.lock(tmp_path), manager.install(tmp_path)):
        assert outcome.status == 0, outcome.output
    [site] = (tmp_path / '.venv/lib').glob('*/site-packages')
    assert installed(site) == {'plain': '2.0', 'lodger': '1.0'}


@pytest.mark.parametrize(('arguments', 'expected'), [
    ('app', {'app': '1.0', 'engine': '2.5', 'odd-fuel': '1.0'}),
    ('recalled choosy early', {'recalled': '1.0', 'choosy': '1.0', 'early': '1.0'}),
    ('recalled==1.1', {'recalled': '1.1'}),
    ('Aspy.Yaml variant==1.0+local', {'aspy-yaml': '1.0', 'variant': '1.0+local'}),
    ('source', {'source': '1.1'}),
    ('damaged', None),
    ('misdescribed==2', None),
])
def test_pip_installs(
        any_pip: Pip, either_nginx: Server, target: Path,
        arguments: str, expected: dict[str, str] | None,
) -> None:
    """An old and a new pip choose the same versions, in both forms of the index."""
    outcome = any_pip.install(simple_url(either_nginx), target, *arguments.split())
    assert_installed(outcome, target, expected)


def test_old_pip_gets_html(old_pip: Pip, nginx: Server, target: Path) -> None:
    """A pip that doesn't know JSON gets HTML from a server that has both."""
    with nginx.recording() as requests:
        outcome = old_pip.install(simple_url(nginx), target, 'plain')
    assert outcome.status == 0, outcome.output
    assert requests[0].content_type == 'text/html'


def test_pip_uses_two_indexes(any_pip: Pip, either_nginx: Server, target: Path) -> None:
    """pip finds a project in whichever of two indexes has it."""
    outcome = any_pip.install(
        simple_url(either_nginx), target, '--extra-index-url',
        f'{either_nginx.url}{SECOND}simple/', 'plain', 'lodger',
    )
    assert_installed(outcome, target, {'plain': '2.0', 'lodger': '1.0'})


def test_pip_requires_locked_hash(
        any_pip: Pip, either_nginx: Server, index: Index, target: Path, tmp_path: Path,
) -> None:
    """With `--require-hashes`, a file installs with its hash, and with no other."""
    content = (index.pool / 'plain-2.0-py3-none-any.whl').read_bytes()
    requirements = tmp_path / 'requirements.txt'
    for digest, status in ((hashlib.sha256(content).hexdigest(), 0), ('0' * 64, 1)):
        requirements.write_text(f'plain==2.0 --hash=sha256:{digest}')
        outcome = any_pip.install(
            simple_url(either_nginx), target / digest, '--require-hashes', '-r', str(requirements),
        )
        assert outcome.status == status, outcome.output

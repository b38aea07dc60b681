"""Poetry, PDM, uv's projects and two pips, on nginx as deploy/ sets it up, in both forms."""
from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.support.client_index import assert_refused, Index, JSON, SECOND, simple_url
from tests.support.programs import installed, Manager, Pip
from tests.support.servers import Server


def test_a_manager_resolves_locks_and_installs(
        manager: Manager, either_nginx: Server, form: str, index: Index, tmp_path: Path,
) -> None:
    """Yanked files and other Pythons' are passed over; hashes are the pages', and are checked."""
    manager.start(
        tmp_path, simple_url(either_nginx), 'app', 'recalled', 'choosy', 'early', 'Aspy.Yaml',
        'variant==1.0+local',
    )
    with either_nginx.recording() as requests:
        outcome = manager.lock(tmp_path)
    assert outcome.status == 0, outcome.said
    pages = [request for request in requests if request.path.startswith('/simple/')]
    assert {page.content_type for page in pages} == {JSON if form == 'json' else 'text/html'}
    # What depends on what is found out from metadata beside the wheels.
    asked = {request.path for request in requests}
    assert '/pool/engine-2.5-py3-none-any.whl.metadata' in asked
    assert '/pool/engine-2.5-py3-none-any.whl' not in asked
    lock = (tmp_path / manager.lock_file).read_text()
    for name in ('app-1.0', 'engine-2.5', 'recalled-1.0', 'choosy-1.0', 'variant-1.0+local'):
        content = (index.pool / f'{name}-py3-none-any.whl').read_bytes()
        assert f'sha256:{hashlib.sha256(content).hexdigest()}' in lock
    outcome = manager.install(tmp_path)
    assert outcome.status == 0, outcome.said
    [site] = (tmp_path / '.venv/lib').glob('*/site-packages')
    assert installed(site) == {
        'app': '1.0', 'engine': '2.5', 'odd-fuel': '1.0', 'recalled': '1.0', 'choosy': '1.0',
        'early': '1.0', 'aspy-yaml': '1.0', 'variant': '1.0+local',
    }


def test_a_manager_refuses_a_file_with_a_wrong_hash(
        manager: Manager, either_nginx: Server, index: Index, tmp_path: Path,
) -> None:
    """It says which hash the file has, and the list has not."""
    manager.start(tmp_path, simple_url(either_nginx), 'damaged')
    said = ''.join(outcome.said for outcome in (manager.lock(tmp_path), manager.install(tmp_path)))
    content = (index.pool / 'damaged-1.0-py3-none-any.whl').read_bytes()
    assert hashlib.sha256(content).hexdigest() in said
    [site] = (tmp_path / '.venv/lib').glob('*/site-packages')
    assert installed(site) == {}


def test_a_manager_takes_from_two_indexes(
        manager: Manager, either_nginx: Server, tmp_path: Path,
) -> None:
    """What one of them does not have is a 404 there, and found in the other."""
    manager.start(
        tmp_path, simple_url(either_nginx), 'plain', 'lodger',
        second=f'{either_nginx.url}{SECOND}simple/',
    )
    for outcome in (manager.lock(tmp_path), manager.install(tmp_path)):
        assert outcome.status == 0, outcome.said
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
def test_pips_old_and_new(
        any_pip: Pip, either_nginx: Server, target: Path,
        arguments: str, expected: dict[str, str] | None,
) -> None:
    outcome = any_pip.install(simple_url(either_nginx), target, *arguments.split())
    if expected is None:
        assert_refused(outcome, target)
    else:
        assert outcome.status == 0, outcome.said
        assert installed(target) == expected


def test_old_pip_is_given_html(old_pip: Pip, nginx: Server, target: Path) -> None:
    """It asks for nothing else, of a server that has both."""
    with nginx.recording() as requests:
        outcome = old_pip.install(simple_url(nginx), target, 'plain')
    assert outcome.status == 0, outcome.said
    assert requests[0].content_type == 'text/html'


def test_pips_take_from_two_indexes(any_pip: Pip, either_nginx: Server, target: Path) -> None:
    outcome = any_pip.install(
        simple_url(either_nginx), target, '--extra-index-url',
        f'{either_nginx.url}{SECOND}simple/', 'plain', 'lodger',
    )
    assert outcome.status == 0, outcome.said
    assert installed(target) == {'plain': '2.0', 'lodger': '1.0'}


def test_pips_install_what_is_locked_with_hashes(
        any_pip: Pip, either_nginx: Server, index: Index, target: Path, tmp_path: Path,
) -> None:
    content = (index.pool / 'plain-2.0-py3-none-any.whl').read_bytes()
    requirements = tmp_path / 'requirements.txt'
    for digest, status in ((hashlib.sha256(content).hexdigest(), 0), ('0' * 64, 1)):
        requirements.write_text(f'plain==2.0 --hash=sha256:{digest}')
        outcome = any_pip.install(
            simple_url(either_nginx), target / digest, '--require-hashes', '-r', str(requirements),
        )
        assert outcome.status == status, outcome.said

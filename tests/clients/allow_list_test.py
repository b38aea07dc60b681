"""An index of own files and of permitted projects of another index: pip and uv need no other."""
from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urljoin

import pytest

from dumb_pypi import build, scan
from testing.distributions import make
from tests.conftest import NeedProgram
from tests.support.client_index import (
    assert_installed,
    assert_refused,
    FILES,
    Index,
    simple_url,
)
from tests.support.programs import Client
from tests.support.scripted import run_site
from tests.support.servers import run_nginx, run_serve, Server

OURS = 'ours-1.0-py3-none-any.whl'
# An attacker has put it into another index, with a higher version than ours.
THEIRS = 'ours-9.0-py3-none-any.whl'
# Keys that a simple index does not show.
NOT_SHOWN = ('requires_dist', 'summary', 'uploaded_by')


@pytest.fixture(scope='module')
def serve(index: Index, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with run_serve(index.root, tmp_path_factory.mktemp('serve')) as server:
        yield server


@pytest.fixture(params=['nginx', 'html_nginx', 'http_server', 'serve'])
def other(request: pytest.FixtureRequest) -> Server:
    """A server of an index, in JSON or in HTML."""
    found: Server = request.getfixturevalue(request.param)
    return found


def test_lines_of_the_other_index(
        other: Server, index: Index, request: pytest.FixtureRequest,
) -> None:
    """The lines have everything that the other index shows, with absolute URLs."""
    projects = {name.name for name in (index.root / 'simple').iterdir() if name.is_dir()}
    url = simple_url(other)
    result = scan(url, allowed=sorted(projects), projects=True)
    expected = {}
    for text in (index.root / 'packages.json').read_text().splitlines():
        line = json.loads(text)
        for key in NOT_SHOWN:
            line.pop(key, None)
        line['url'] = urljoin(f'{other.url}pool/', line.get('url', quote(line['filename'])))
        expected[line['filename']] = line
    if 'html' in request.node.name or 'http_server' in request.node.name:
        # uv refuses an HTML page with such a hash.
        del expected['by-sha1-1.0.tar.gz']['hash']
    del expected['quarantined-1.0-py3-none-any.whl']
    found = {line['filename']: line for line in map(json.loads, result.lines)}
    assert found.keys() == expected.keys() == FILES.keys() - {'quarantined-1.0-py3-none-any.whl'}
    for filename, line in found.items():
        assert line == expected[filename]
    assert list(map(str, result.problems)) == [
        f'{url}quarantined/: is quarantined, so none of its files is listed',
    ]
    assert [json.loads(line) for line in result.projects] == [
        {'name': 'archived', 'status': 'archived', 'status_reason': 'finished & <done>',
         'scanned_hash': ''},
        {'name': 'deprecated', 'status': 'deprecated', 'scanned_hash': ''},
    ]


def test_lock_file_is_an_allow_list(client: Client, nginx: Server, tmp_path: Path) -> None:
    """What a client has locked, with hashes, is what a scan lists."""
    lock = tmp_path / 'requirements.txt'
    lock.write_text(client.lock(simple_url(nginx), 'app'))
    result = scan(simple_url(nginx), allowed_from=lock)
    assert [json.loads(line)['filename'] for line in result.lines] == [
        'app-1.0-py3-none-any.whl', 'engine-2.5-py3-none-any.whl', 'odd_fuel-1.0-py3-none-any.whl',
    ]
    assert (result.problems, result.notices) == ([], [])


@pytest.fixture(scope='module')
def combined(
        nginx: Server, need_program: NeedProgram, tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    """Serve an index of our own project, and of some projects of the other index."""
    root = tmp_path_factory.mktemp('combined')
    (root / 'pool').mkdir()
    make(root / 'pool', {'filename': OURS, 'requires_dist': ['app', 'choosy<2']})
    requirements = root / 'requirements.txt'
    requirements.write_text('app\nengine >= 2, < 3\nodd-fuel  # of the engine\nchoosy\nours\n')
    with run_site() as attacked:
        attacked.add_json('/simple/ours/', {'files': [{'filename': THEIRS, 'url': THEIRS}]})
        result = scan(
            [root / 'pool', simple_url(nginx), f'{attacked.url}simple/'],
            allowed_from=requirements,
            prefer=[root / 'pool'], write_metadata=True, projects=True,
        )
    assert (result.problems, result.notices) == ([], [])
    (root / 'list.jsonl').write_bytes(b'\n'.join(result.lines))
    (root / 'projects.jsonl').write_bytes(b'\n'.join(result.projects))
    report = build(
        package_list_json=root / 'list.jsonl', project_list_json=root / 'projects.jsonl',
        packages_url='../../pool/', output_dir=root,
    )
    assert report.notices == []
    program = need_program('nginx', package='nginx')
    with run_nginx(program, root, tmp_path_factory.mktemp('combined_nginx')) as server:
        yield server


def test_clients_need_one_index(
        client: Client, combined: Server, nginx: Server, target: Path,
) -> None:
    """Clients install our project with its dependencies, whose files stay where they are."""
    with nginx.recording() as requests:
        outcome = client.install(simple_url(combined), target, 'ours')
    assert_installed(outcome, target, {
        'ours': '1.0', 'app': '1.0', 'engine': '2.5', 'odd-fuel': '1.0', 'choosy': '1.0',
    })
    paths = {request.path for request in requests}
    assert '/pool/engine-2.5-py3-none-any.whl.metadata' in paths
    assert '/pool/engine-2.5-py3-none-any.whl' in paths
    assert not any(path.startswith('/simple/') for path in paths)


@pytest.mark.parametrize('requirement', ['plain', 'engine>=3', 'engine<2'])
def test_other_projects_are_not_offered(
        client: Client, combined: Server, target: Path, requirement: str,
) -> None:
    """What the requirements do not permit is not in the index."""
    assert_refused(client.install(simple_url(combined), target, requirement), target)

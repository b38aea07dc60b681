"""The index, the web servers that serve it, and the clients that install from it."""
from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from dumb_pypi import build
from testing.distributions import Facts, make
from tests.conftest import NeedProgram
from tests.support.client_index import ELSEWHERE, FILES, Index, PREFIX, PROJECTS, RESTATED, SECOND
from tests.support.programs import (
    Bandersnatch,
    Client,
    Manager,
    OLD_PIP,
    Pdm,
    Pip,
    Poetry,
    Uv,
    UvProject,
)
from tests.support.servers import run_http_server, run_nginx, Server


@pytest.fixture(scope='session')
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    """Build the index, one with its packages on another server, and a second small one.

    The first has its packages in `pool`, next to `simple`, and is also reachable below a prefix.
    """
    root = tmp_path_factory.mktemp('index')
    pool = root / 'pool'
    pool.mkdir()
    with run_http_server(pool, tmp_path_factory.mktemp('elsewhere')) as elsewhere:
        package_list = root / 'list.jsonl'
        package_list.write_text(''.join(
            f'{json.dumps(_make(pool, filename, elsewhere))}\n' for filename in FILES
        ))
        project_list = root / 'projects.jsonl'
        project_list.write_text(''.join(f'{json.dumps(facts)}\n' for facts in PROJECTS))
        for folder, packages_url in (('', '../../pool/'), (ELSEWHERE, elsewhere.url)):
            report = build(
                package_list_json=str(package_list), project_list_json=str(project_list),
                packages_url=packages_url, output_dir=str(root / folder),
            )
            assert report.notices == []
        second = root / SECOND
        (second / 'pool').mkdir(parents=True)
        lodger = make(second / 'pool', {'filename': 'lodger-1.0-py3-none-any.whl'})
        (root / 'second.jsonl').write_text(json.dumps(lodger))
        build(
            package_list_json=str(root / 'second.jsonl'), packages_url='../../pool/',
            output_dir=str(second),
        )
        prefix = root / PREFIX
        prefix.parent.mkdir()
        prefix.symlink_to(root)
        yield Index(root, pool, elsewhere)


def _make(pool: Path, filename: str, elsewhere: Server) -> Facts:
    facts = make(pool, {'filename': filename, **FILES[filename]})
    file = pool / filename
    if filename.startswith('by-'):
        algorithm = filename.split('-')[1]
        facts['hash'] = f'{algorithm}={hashlib.new(algorithm, file.read_bytes()).hexdigest()}'
    if 'url' in facts:
        facts['url'] = facts['url'].format(elsewhere=elsewhere.url)
        if '://' not in facts['url']:
            place = pool / facts['url']
            place.parent.mkdir(parents=True)
            file.rename(place)
    return {**facts, **RESTATED.get(filename, {})}


@pytest.fixture(scope='session')
def nginx(
        index: Index, need_program: NeedProgram, tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    program = need_program('nginx', package='nginx')
    with run_nginx(program, index.root, tmp_path_factory.mktemp('nginx')) as server:
        yield server


@pytest.fixture(scope='session')
def http_server(index: Index, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with run_http_server(index.root, tmp_path_factory.mktemp('http_server')) as server:
        yield server


# JSON takes a web server that negotiates; any server has the HTML form.
@pytest.fixture(params=['json (nginx)', 'html (http.server)'])
def server(request: pytest.FixtureRequest) -> Server:
    name = request.param.partition('(')[2].rstrip(')').replace('.', '_')
    found: Server = request.getfixturevalue(name)
    return found


@pytest.fixture(scope='session')
def pip(tmp_path_factory: pytest.TempPathFactory) -> Pip:
    return Pip(tmp_path_factory.mktemp('pip'))


@pytest.fixture(scope='session')
def uv(tmp_path_factory: pytest.TempPathFactory) -> Uv:
    return Uv(tmp_path_factory.mktemp('uv'))


@pytest.fixture(params=['pip', 'uv'])
def client(request: pytest.FixtureRequest) -> Client:
    found: Client = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope='session')
def html_nginx(
        index: Index, need_program: NeedProgram, tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    """Run nginx with an index without JSON pages, so that it falls back to HTML."""
    program = need_program('nginx', package='nginx')
    folder = tmp_path_factory.mktemp('html_nginx')
    root = folder / 'root'
    root.mkdir()
    for part in ('simple', SECOND):
        shutil.copytree(
            index.root / part, root / part, ignore=shutil.ignore_patterns('*.json', 'pypi'),
        )
    (root / 'pool').symlink_to(index.pool)
    with run_nginx(program, root, folder) as server:
        yield server


@pytest.fixture(params=['json', 'html'])
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def either_nginx(request: pytest.FixtureRequest, form: str) -> Server:
    """nginx with both forms of the index, or with HTML only."""
    name = {'json': 'nginx', 'html': 'html_nginx'}[form]
    found: Server = request.getfixturevalue(name)
    return found


@pytest.fixture(scope='session')
def old_pip(tmp_path_factory: pytest.TempPathFactory) -> Pip:
    return Pip(tmp_path_factory.mktemp('old_pip'), OLD_PIP)


@pytest.fixture(scope='session')
def poetry(tmp_path_factory: pytest.TempPathFactory) -> Manager:
    return Poetry(tmp_path_factory.mktemp('poetry'))


@pytest.fixture(scope='session')
def pdm(tmp_path_factory: pytest.TempPathFactory) -> Manager:
    return Pdm(tmp_path_factory.mktemp('pdm'))


@pytest.fixture(scope='session')
def uv_project() -> Manager:
    return UvProject()


@pytest.fixture(params=['poetry', 'pdm', 'uv_project'])
def manager(request: pytest.FixtureRequest) -> Manager:
    found: Manager = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=['pip', 'old_pip'])
def any_pip(request: pytest.FixtureRequest) -> Pip:
    found: Pip = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope='session')
def bandersnatch(tmp_path_factory: pytest.TempPathFactory) -> Bandersnatch:
    return Bandersnatch(tmp_path_factory.mktemp('bandersnatch'))


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """The folder to install into, which doesn't exist yet."""
    return tmp_path / 'target'

"""pip and uv, the programs themselves, install from an index that real web servers serve."""
from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urljoin

import pytest

from dumb_pypi.build import build
from testing.distributions import Facts
from testing.distributions import make
from tests.clients import Client
from tests.clients import installed
from tests.clients import Outcome
from tests.clients import Pip
from tests.clients import Uv
from tests.conftest import NeedProgram
from tests.servers import run_http_server
from tests.servers import run_nginx
from tests.servers import Server

JSON = 'application/vnd.pypi.simple.v1+json'
HTML = 'application/vnd.pypi.simple.v1+html'
PREFIX = 'some/prefix/'
ELSEWHERE = 'files-elsewhere/'
WRONG_SHA256 = '0' * 64

JANUARY = 1704103200  # 2024-01-01T10:00:00Z
MARCH = '2024-03-01T00:00:00Z'
JULY = 1719828000.25  # a fraction: both clients must be able to read the time that it gives

# The files of the index, and what their lines say beside what `make` finds out.
FILES: dict[str, Facts] = {
    'plain-1.0-py3-none-any.whl': {},
    'plain-2.0-py3-none-any.whl': {},
    'source-1.0.zip': {},
    'source-1.1.tar.gz': {},
    'both-1.0-py3-none-any.whl': {},
    'both-1.0.tar.gz': {},
    # Names that are not normalized, as older tools wrote them.
    'aspy.yaml-1.0-py3-none-any.whl': {},
    'Mixed_Case.Name-1.0.tar.gz': {},
    # `!` and `+` are encoded in the URL.
    'epoch-3.0-py3-none-any.whl': {},
    'epoch-1!2.0-py3-none-any.whl': {},
    'variant-1.0-py3-none-any.whl': {},
    'variant-1.0+local-py3-none-any.whl': {},
    'variant-1.0+local.2.tar.gz': {},
    # `<`, `>` and `&` have to be escaped in HTML, once.
    'choosy-1.0-py3-none-any.whl': {'requires_python': '>=3.8, <99, !=3.9.0'},
    'choosy-2.0-py3-none-any.whl': {'requires_python': '>=99'},
    'recalled-1.0-py3-none-any.whl': {},
    'recalled-1.1-py3-none-any.whl': {'yanked_reason': 'sees <dogs> as "cats" & mice'},
    'recalled-1.2-py3-none-any.whl': {'yanked_reason': ''},
    'early-1.0-py3-none-any.whl': {},
    'early-2.0rc1-py3-none-any.whl': {},
    'earlier-1.0a1-py3-none-any.whl': {},
    'earlier-1.0b1-py3-none-any.whl': {},
    # What no client of today installs stands beside what it does.
    'museum-1.0-py3-none-any.whl': {},
    'museum-1.1.win32-py2.7.exe': {},
    'museum-1.2-py2.7.egg': {},
    'museum-1.3.linux-x86_64.tar.gz': {},
    'museum-1.4-1.noarch.rpm': {},
    'museum-long-ago.tar.gz': {},
    'museum.zip': {},
    'app-1.0-py3-none-any.whl': {
        'core_metadata': 'true', 'requires_dist': [
            'engine >=2, <3', 'Odd.Fuel', 'nowhere-to-be-found ; python_version < "3"',
        ],
    },
    'engine-1.0-py3-none-any.whl': {'core_metadata': 'true'},
    'engine-2.5-py3-none-any.whl': {'core_metadata': 'true', 'requires_dist': ['odd_fuel>=1']},
    'engine-3.0-py3-none-any.whl': {'core_metadata': 'true'},
    'odd_fuel-1.0-py3-none-any.whl': {'core_metadata': 'true'},
    'misdescribed-1.0-py3-none-any.whl': {'core_metadata': 'true'},
    'damaged-1.0-py3-none-any.whl': {},
    'unchecked-1.0-py3-none-any.whl': {},
    'by-md5-1.0.tar.gz': {},
    'by-sha1-1.0.tar.gz': {},
    'by-sha512-1.0.tar.gz': {},
    'dated-1.0-py3-none-any.whl': {'upload_timestamp': JANUARY},
    'dated-2.0-py3-none-any.whl': {'upload_timestamp': JULY},
    'archived-1.0-py3-none-any.whl': {},
    'deprecated-1.0-py3-none-any.whl': {},
    'quarantined-1.0-py3-none-any.whl': {},
    'nested-1.0-py3-none-any.whl': {'url': 'team a/1.0/nested-1.0-py3-none-any.whl'},
    'remote-1.0+far-py3-none-any.whl': {'url': '{elsewhere}remote-1.0+far-py3-none-any.whl'},
}

# Where the list must not say what `make` found out.
RESTATED: dict[str, Facts] = {
    # There is metadata, but nobody knows its hash.
    'odd_fuel-1.0-py3-none-any.whl': {'core_metadata': 'true'},
    'misdescribed-1.0-py3-none-any.whl': {'core_metadata': f'sha256={WRONG_SHA256}'},
    'damaged-1.0-py3-none-any.whl': {'hash': f'sha256={WRONG_SHA256}'},
    # All that a plain list knows of a file is its name.
    'unchecked-1.0-py3-none-any.whl': {'hash': None, 'size': None},
}

# What a list may say of one file, wrong or strange as it is. A project has it each, on 2.0.
ODD: dict[str, Facts] = {
    # Cut off by a shell or a spreadsheet. uv refuses digests of another length than they have.
    'short-sha256': {'hash': 'sha256=abc'},
    'short-md5': {'hash': 'md5=abc'},
    'short-metadata-hash': {'core_metadata': 'sha256=abc'},
    # What `b2sum` and hashlib give. The public index has the one of 256 bits; uv takes no other.
    'blake2b-of-512-bits': {'hash': f'blake2b={"ab" * 64}'},
    'metadata-blake2b-of-512-bits': {'core_metadata': f'blake2b={"ab" * 64}'},
    # Algorithms that clients do not know.
    'unknown-hash': {'hash': 'crc32=abcdef01', 'core_metadata': 'crc32=abcdef01'},
    'far-future': {'upload_timestamp': 253402300799},  # the last second of the year 9999
    'bounds': {'upload_timestamp': 0, 'size': 2 ** 63 - 1},
    'fraction': {'upload_timestamp': 1706702400.1234567, 'size': 0},
    'requires-python': {'requires_python': 'Python "3"'},
    'yanked-reason': {'yanked_reason': '\u2028"\'>\U0001f408'},
    'query': {'url': 'a b/{filename}?token=a+b&c=%2B'},
}

PROJECTS: tuple[Facts, ...] = (
    {'name': 'plain', 'status': 'active'},
    {'name': 'archived', 'status': 'archived', 'status_reason': 'finished & <done>'},
    {'name': 'deprecated', 'status': 'deprecated'},
    {'name': 'quarantined', 'status': 'quarantined', 'status_reason': 'has a "virus"'},
)


class Index(NamedTuple):
    """A built tree and the files beside it, in `pool`; `elsewhere` serves the same files."""
    root: Path
    pool: Path
    elsewhere: Server


@pytest.fixture(scope='session')
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    """The tree, with its files beside it; again below a prefix; and one with files elsewhere."""
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


# Each form of the index has the server that people would have it on: negotiation takes a web
# server with settings, HTML takes any.
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


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Where to install: a folder that is not there yet."""
    return tmp_path / 'target'


def _simple(server: Server) -> str:
    return f'{server.url}simple/'


def _assert_refused(outcome: Outcome, target: Path) -> None:
    assert outcome.status != 0, outcome.said
    assert 'Traceback' not in outcome.said
    assert not target.exists() or installed(target) == {}


@pytest.mark.parametrize(('arguments', 'expected'), [
    pytest.param('plain', {'plain': '2.0'}, id='newest-wheel'),
    pytest.param('plain==1.0', {'plain': '1.0'}, id='pinned'),
    pytest.param('plain<2', {'plain': '1.0'}, id='below'),
    pytest.param('source', {'source': '1.1'}, id='sdist'),
    pytest.param(
        'source==1.0 both mixed-case-name --no-binary both',
        {'source': '1.0', 'both': '1.0', 'mixed-case-name': '1.0'},
        id='sdists-zip-and-beside-a-wheel-and-of-an-odd-name',
    ),
    pytest.param('epoch', {'epoch': '1!2.0'}, id='epoch-is-above-all'),
    pytest.param('recalled', {'recalled': '1.0'}, id='yanked-is-passed-over'),
    pytest.param('recalled>1.0', None, id='nothing-but-yanked'),
    pytest.param('early', {'early': '1.0'}, id='prerelease-is-passed-over'),
    pytest.param('early==2.0rc1', {'early': '2.0rc1'}, id='prerelease-pinned'),
    pytest.param('early>=2.0rc1', {'early': '2.0rc1'}, id='prerelease-named'),
    pytest.param('earlier', {'earlier': '1.0b1'}, id='nothing-but-prereleases'),
    pytest.param('museum', {'museum': '1.0'}, id='beside-files-for-no-client'),
    pytest.param(
        'app', {'app': '1.0', 'engine': '2.5', 'odd-fuel': '1.0'}, id='dependencies',
    ),
    pytest.param('app engine==1.0', None, id='dependencies-in-conflict'),
    pytest.param(
        'archived deprecated', {'archived': '1.0', 'deprecated': '1.0'},
        id='archived-and-deprecated',
    ),
    pytest.param('unchecked', {'unchecked': '1.0'}, id='neither-hash-nor-size'),
    pytest.param('nested', {'nested': '1.0'}, id='file-in-a-folder'),
    pytest.param(
        'by-md5 by-sha1 by-sha512', {'by-md5': '1.0', 'by-sha1': '1.0', 'by-sha512': '1.0'},
        id='hashes-of-other-kinds',
    ),
    pytest.param('unheard-of', None, id='no-such-project'),
])
def test_what_is_installed(
        client: Client, server: Server, target: Path,
        arguments: str, expected: dict[str, str] | None,
) -> None:
    """A requirement installs the version that the list and the standards say, or nothing."""
    outcome = client.install(_simple(server), target, *arguments.split())
    if expected is None:
        _assert_refused(outcome, target)
    else:
        assert outcome.status == 0, outcome.said
        assert installed(target) == expected


@pytest.mark.parametrize('spelling', ['aspy-yaml', 'ASPY.YAML', 'aspy_yaml', 'Aspy-.-Yaml'])
def test_each_spelling_of_a_name_is_the_same_project(
        client: Client, server: Server, target: Path, spelling: str,
) -> None:
    """However a project is spelled, clients ask for the one page that it has."""
    with server.recording() as requests:
        outcome = client.install(_simple(server), target, spelling)
    assert outcome.status == 0, outcome.said
    assert installed(target) == {'aspy-yaml': '1.0'}
    assert [
        (request.path, request.status) for request in requests
        if not request.path.startswith('/pool/')
    ] == [('/simple/aspy-yaml/', 200)]


def test_a_version_for_another_python_is_not_fetched(
        client: Client, server: Server, target: Path,
) -> None:
    """The page says which Python a file is for: clients need not look into it to know."""
    with server.recording() as requests:
        outcome = client.install(_simple(server), target, 'choosy')
    assert outcome.status == 0, outcome.said
    assert installed(target) == {'choosy': '1.0'}
    assert {request.path for request in requests} == {
        '/simple/choosy/', '/pool/choosy-1.0-py3-none-any.whl',
    }


def test_prereleases_are_chosen_where_they_are_asked_for(
        client: Client, server: Server, target: Path,
) -> None:
    outcome = client.install(_simple(server), target, client.allow_prereleases, 'early')
    assert outcome.status == 0, outcome.said
    assert installed(target) == {'early': '2.0rc1'}


@pytest.mark.parametrize(('version', 'reasons'), [
    ('1.1', {
        'pip': 'Reason for being yanked: sees <dogs> as "cats" & mice',
        'uv': '`recalled==1.1` is yanked (reason: "sees <dogs> as "cats" & mice")',
    }),
    ('1.2', {
        'pip': 'Reason for being yanked: <none given>',
        'uv': '`recalled==1.2` is yanked',
    }),
], ids=['reason', 'no-reason'])
def test_a_pin_installs_what_is_yanked_and_says_why(
        client: Client, server: Server, target: Path, version: str, reasons: dict[str, str],
) -> None:
    """The reason reaches the person who installs as it stands in the list."""
    outcome = client.install(_simple(server), target, f'recalled=={version}')
    assert outcome.status == 0, outcome.said
    assert installed(target) == {'recalled': version}
    assert reasons[client.name] in outcome.said


@pytest.fixture(scope='session')
def odd_index(index: Index) -> str:
    """Where below a server's URL the index of the odd projects is."""
    pool = index.root / 'odd' / 'pool'
    pool.mkdir(parents=True)
    lines: list[Facts] = []
    for name, facts in ODD.items():
        module = name.replace('-', '_')
        good, odd = (f'{module}-{version}-py3-none-any.whl' for version in ('1.0', '2.0'))
        filled = {
            key: value.format(filename=odd) if key == 'url' else value
            for key, value in facts.items()
        }
        lines += [make(pool, {'filename': good}), {'filename': odd, 'size': 1, **filled}]
    package_list = index.root / 'odd.jsonl'
    package_list.write_text(''.join(f'{json.dumps(line)}\n' for line in lines))
    # The build may report such lines, or leave them out. That is not what is shown here.
    build(
        package_list_json=str(package_list), packages_url='../../pool/',
        output_dir=str(index.root / 'odd'),
    )
    return 'odd/simple/'


@pytest.mark.parametrize('project', ODD)
def test_an_odd_line_costs_its_project_nothing_else(
        uv: Uv, server: Server, odd_index: str, target: Path, project: str,
) -> None:
    """uv refuses a whole page for one value that it cannot read: none must get there."""
    outcome = uv.install(f'{server.url}{odd_index}', target, f'{project}==1.0')
    assert outcome.status == 0, outcome.said
    assert installed(target) == {project: '1.0'}


def test_pip_installs_what_is_beside_odd_lines(
        pip: Pip, server: Server, odd_index: str, target: Path,
) -> None:
    requirements = [f'{project}==1.0' for project in ODD]
    outcome = pip.install(f'{server.url}{odd_index}', target, *requirements)
    assert outcome.status == 0, outcome.said
    assert installed(target) == dict.fromkeys(ODD, '1.0')


def test_a_quarantined_project_offers_nothing(
        client: Client, server: Server, target: Path,
) -> None:
    """It has a page, so that the client does not look elsewhere, and no file on it."""
    with server.recording() as requests:
        outcome = client.install(_simple(server), target, 'quarantined==1.0')
    _assert_refused(outcome, target)
    assert [(request.path, request.status) for request in requests] == [
        ('/simple/quarantined/', 200),
    ]


def test_a_wrong_hash_is_refused(client: Client, server: Server, target: Path) -> None:
    """What is not the file that the list means is fetched, and not installed."""
    with server.recording() as requests:
        outcome = client.install(_simple(server), target, 'damaged')
    _assert_refused(outcome, target)
    assert WRONG_SHA256 in outcome.said
    assert '/pool/damaged-1.0-py3-none-any.whl' in [request.path for request in requests]


def test_locked_hashes_are_the_list_s_and_install(
        client: Client, server: Server, index: Index, target: Path, tmp_path: Path,
) -> None:
    """A lock file has its hashes from the page alone, and what it locks installs with them."""
    with server.recording() as requests:
        lock = client.lock(_simple(server), 'engine<2')
    assert {request.path for request in requests} == {
        '/simple/engine/', '/pool/engine-1.0-py3-none-any.whl.metadata',
    }
    content = (index.pool / 'engine-1.0-py3-none-any.whl').read_bytes()
    assert lock == f'engine==1.0 --hash=sha256:{hashlib.sha256(content).hexdigest()}'
    requirements = tmp_path / 'requirements.txt'
    requirements.write_text(lock)
    outcome = client.install(
        _simple(server), target, '--require-hashes', '-r', str(requirements),
    )
    assert outcome.status == 0, outcome.said
    assert installed(target) == {'engine': '1.0'}


def test_metadata_is_read_in_place_of_the_wheel(client: Client, server: Server) -> None:
    """What depends on what is found out from `.metadata` files: no wheel is fetched."""
    with server.recording() as requests:
        lock = client.lock(_simple(server), 'app')
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
        lock = client.lock(_simple(server), 'plain')
    assert lock.startswith('plain==2.0 ')
    assert {request.path for request in requests} == {
        '/simple/plain/', '/pool/plain-2.0-py3-none-any.whl',
    }


def test_metadata_with_a_wrong_hash_is_refused(
        client: Client, server: Server, target: Path,
) -> None:
    outcome = client.install(_simple(server), target, 'misdescribed')
    _assert_refused(outcome, target)
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
        outcome = client.install(_simple(server), target, requirement)
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
        outcome = client.install(_simple(server), target, 'remote')
    assert outcome.status == 0, outcome.said
    assert installed(target) == {'remote': '1.0+far'}
    assert {request.path for request in files} == {'/remote-1.0%2Bfar-py3-none-any.whl'}


@pytest.mark.parametrize(('client', 'server'), [
    ('pip', 'json (nginx)'),
    ('uv', 'json (nginx)'),
    ('uv', 'html (http.server)'),
], indirect=True)
def test_what_was_uploaded_later_is_passed_over(
        client: Client, server: Server, target: Path,
) -> None:
    """Clients that are told a time choose as they would have then."""
    outcome = client.install(_simple(server), target, client.before, MARCH, 'dated')
    assert outcome.status == 0, outcome.said
    assert installed(target) == {'dated': '1.0'}


def test_pip_reads_no_upload_times_from_html(
        pip: Pip, http_server: Server, target: Path,
) -> None:
    """The standard has none in HTML. pip refuses to guess, and says so."""
    outcome = pip.install(_simple(http_server), target, pip.before, MARCH, 'dated')
    _assert_refused(outcome, target)
    assert 'does not provide upload-time metadata' in outcome.said


def test_pip_downloads_files_with_their_dependencies(
        pip: Pip, server: Server, index: Index, target: Path,
) -> None:
    """`pip download` saves the very files of the pool."""
    outcome = pip.pip(
        'download', '--dest', str(target), '--index-url', _simple(server), 'app', 'source==1.1',
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


@pytest.mark.parametrize(('project', 'versions'), [
    ('recalled', ['1.0']),
    ('early', ['1.0']),
    ('variant', ['1.0+local.2', '1.0+local', '1.0']),
])
def test_pip_lists_the_versions_that_it_would_install(
        pip: Pip, server: Server, project: str, versions: list[str],
) -> None:
    outcome = pip.pip('index', 'versions', '--index-url', _simple(server), project)
    assert outcome.status == 0, outcome.said
    assert outcome.stdout.splitlines()[:2] == [
        f'{project} ({versions[0]})', f'Available versions: {", ".join(versions)}',
    ]


def test_both_clients_ask_for_json_and_take_it(
        client: Client, nginx: Server, target: Path,
) -> None:
    """What the tests above call JSON is JSON: they would pass with HTML as well."""
    with nginx.recording() as requests:
        outcome = client.install(_simple(nginx), target, 'plain')
    assert outcome.status == 0, outcome.said
    page, *_ = requests
    assert (page.path, page.status, page.content_type) == ('/simple/plain/', 200, JSON)


@pytest.mark.parametrize(('path', 'accept', 'content_type'), [
    # pip and PDM; uv; Poetry.
    ('/simple/', f'{JSON}, {HTML}; q=0.1, text/html; q=0.01', JSON),
    ('/simple/plain/', f'{JSON}, {HTML}; q=0.1, text/html; q=0.01', JSON),
    ('/simple/plain/', f'{JSON}, {HTML};q=0.2, text/html;q=0.01', JSON),
    ('/simple/plain/', f'{JSON}, */*;q=0.1', JSON),
    # Old clients and people.
    ('/simple/', 'text/html', 'text/html'),
    ('/simple/plain/', 'text/html, */*; q=0.01', 'text/html'),
    ('/simple/plain/', None, 'text/html'),
    # The JSON API's names have no ending that would say what they are.
    ('/pypi/plain/json', None, 'application/json'),
    ('/pypi/plain/1.0/json', 'text/html', 'application/json'),
    ('/packages.json', None, 'application/json'),
    ('/project/plain/', JSON, 'text/html'),
])
def test_nginx_says_what_it_serves(
        nginx: Server, path: str, accept: str | None, content_type: str,
) -> None:
    """One page, two forms: the settings in tests/servers.py are enough to tell them apart."""
    response = nginx.get(path, accept)
    assert response.status == 200
    assert response.headers['Content-Type'] == content_type
    assert response.headers['Vary'] == 'Accept'
    json_body = response.body.startswith(b'{')
    assert json_body == content_type.endswith('json')


def test_a_page_without_its_slash_leads_to_the_page(server: Server) -> None:
    """Links of people who leave the slash out work, and the page's own links then do too."""
    response = server.get('/simple/plain')
    assert response.status == 301
    assert urljoin(server.url, response.headers['Location']) == f'{server.url}simple/plain/'


@pytest.mark.parametrize('page', [
    'pypi/plain/json', 'pypi/plain/1.0/json', f'{PREFIX}pypi/plain/2.0/json', 'pypi/nested/json',
    'pypi/variant/1.0+local/json', f'{ELSEWHERE}pypi/plain/1.0/json', 'pypi/remote/json',
])
def test_the_json_api_leads_to_the_files(
        nginx: Server, index: Index, page: str,
) -> None:
    """Each URL in it gives the file that its digest and size say."""
    url = f'{nginx.url}{page}'
    files = json.loads(nginx.get(f'/{page}').body)['urls']
    assert files
    for file in files:
        place = urljoin(url, file['url'])
        server = nginx if place.startswith(nginx.url) else index.elsewhere
        response = server.get('/' + place.removeprefix(server.url))
        assert response.status == 200
        assert len(response.body) == file['size']
        assert hashlib.sha256(response.body).hexdigest() == file['digests']['sha256']

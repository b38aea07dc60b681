"""pip and uv, the programs themselves, choose what the list and the standards say."""
from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.client_index import assert_refused, MARCH, simple_url
from tests.support.programs import Client, installed, Pip
from tests.support.servers import Server


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
    outcome = client.install(simple_url(server), target, *arguments.split())
    if expected is None:
        assert_refused(outcome, target)
    else:
        assert outcome.status == 0, outcome.said
        assert installed(target) == expected


@pytest.mark.parametrize('spelling', ['aspy-yaml', 'ASPY.YAML', 'aspy_yaml', 'Aspy-.-Yaml'])
def test_each_spelling_of_a_name_is_the_same_project(
        client: Client, server: Server, target: Path, spelling: str,
) -> None:
    """However a project is spelled, clients ask for the one page that it has."""
    with server.recording() as requests:
        outcome = client.install(simple_url(server), target, spelling)
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
        outcome = client.install(simple_url(server), target, 'choosy')
    assert outcome.status == 0, outcome.said
    assert installed(target) == {'choosy': '1.0'}
    assert {request.path for request in requests} == {
        '/simple/choosy/', '/pool/choosy-1.0-py3-none-any.whl',
    }


def test_prereleases_are_chosen_where_they_are_asked_for(
        client: Client, server: Server, target: Path,
) -> None:
    outcome = client.install(simple_url(server), target, client.allow_prereleases, 'early')
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
    outcome = client.install(simple_url(server), target, f'recalled=={version}')
    assert outcome.status == 0, outcome.said
    assert installed(target) == {'recalled': version}
    assert reasons[client.name] in outcome.said


def test_a_quarantined_project_offers_nothing(
        client: Client, server: Server, target: Path,
) -> None:
    """It has a page, so that the client does not look elsewhere, and no file on it."""
    with server.recording() as requests:
        outcome = client.install(simple_url(server), target, 'quarantined==1.0')
    assert_refused(outcome, target)
    assert [(request.path, request.status) for request in requests] == [
        ('/simple/quarantined/', 200),
    ]


@pytest.mark.parametrize(('client', 'server'), [
    ('pip', 'json (nginx)'),
    ('uv', 'json (nginx)'),
    ('uv', 'html (http.server)'),
], indirect=True)
def test_what_was_uploaded_later_is_passed_over(
        client: Client, server: Server, target: Path,
) -> None:
    """Clients that are told a time choose as they would have then."""
    outcome = client.install(simple_url(server), target, client.before, MARCH, 'dated')
    assert outcome.status == 0, outcome.said
    assert installed(target) == {'dated': '1.0'}


def test_pip_reads_no_upload_times_from_html(
        pip: Pip, http_server: Server, target: Path,
) -> None:
    """The standard has none in HTML. pip refuses to guess, and says so."""
    outcome = pip.install(simple_url(http_server), target, pip.before, MARCH, 'dated')
    assert_refused(outcome, target)
    assert 'does not provide upload-time metadata' in outcome.said


@pytest.mark.parametrize(('project', 'versions'), [
    ('recalled', ['1.0']),
    ('early', ['1.0']),
    ('variant', ['1.0+local.2', '1.0+local', '1.0']),
])
def test_pip_lists_the_versions_that_it_would_install(
        pip: Pip, server: Server, project: str, versions: list[str],
) -> None:
    outcome = pip.pip('index', 'versions', '--index-url', simple_url(server), project)
    assert outcome.status == 0, outcome.said
    assert outcome.stdout.splitlines()[:2] == [
        f'{project} ({versions[0]})', f'Available versions: {", ".join(versions)}',
    ]

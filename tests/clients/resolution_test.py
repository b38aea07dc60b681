"""pip and uv choose the versions that the list and the standards call for."""
from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.client_index import assert_installed, assert_refused, MARCH, simple_url
from tests.support.programs import Client, Pip
from tests.support.servers import Server


@pytest.mark.parametrize(('arguments', 'expected'), [
    pytest.param('plain', {'plain': '2.0'}, id='newest-wheel'),
    pytest.param('plain==1.0', {'plain': '1.0'}, id='pinned'),
    pytest.param('plain<2', {'plain': '1.0'}, id='below'),
    pytest.param('source', {'source': '1.1'}, id='sdist'),
    pytest.param(
        'source==1.0 both mixed-case-name --no-binary both',
        {'source': '1.0', 'both': '1.0', 'mixed-case-name': '1.0'},
        id='sdists-zip-with-a-wheel-unnormalized',
    ),
    pytest.param('epoch', {'epoch': '1!2.0'}, id='epoch-is-highest'),
    pytest.param('recalled', {'recalled': '1.0'}, id='yanked-is-skipped'),
    pytest.param('recalled>1.0', None, id='only-yanked'),
    pytest.param('early', {'early': '1.0'}, id='prerelease-is-skipped'),
    pytest.param('early==2.0rc1', {'early': '2.0rc1'}, id='prerelease-pinned'),
    pytest.param('early>=2.0rc1', {'early': '2.0rc1'}, id='prerelease-named'),
    pytest.param('earlier', {'earlier': '1.0b1'}, id='only-prereleases'),
    pytest.param('museum', {'museum': '1.0'}, id='formats-no-longer-supported'),
    pytest.param(
        'app', {'app': '1.0', 'engine': '2.5', 'odd-fuel': '1.0'}, id='dependencies',
    ),
    pytest.param('app engine==1.0', None, id='conflicting-dependencies'),
    pytest.param(
        'archived deprecated', {'archived': '1.0', 'deprecated': '1.0'},
        id='archived-and-deprecated',
    ),
    pytest.param('unchecked', {'unchecked': '1.0'}, id='neither-hash-nor-size'),
    pytest.param('nested', {'nested': '1.0'}, id='file-in-a-folder'),
    pytest.param(
        'by-md5 by-sha1 by-sha512', {'by-md5': '1.0', 'by-sha1': '1.0', 'by-sha512': '1.0'},
        id='other-hash-algorithms',
    ),
    pytest.param('unheard-of', None, id='no-such-project'),
])
def test_client_chooses_version(
        client: Client, server: Server, target: Path,
        arguments: str, expected: dict[str, str] | None,
) -> None:
    """A requirement installs the versions that the list and the standards call for, or none."""
    outcome = client.install(simple_url(server), target, *arguments.split())
    assert_installed(outcome, target, expected)


@pytest.mark.parametrize('spelling', ['aspy-yaml', 'ASPY.YAML', 'aspy_yaml', 'Aspy-.-Yaml'])
def test_every_spelling_finds_the_project(
        client: Client, server: Server, target: Path, spelling: str,
) -> None:
    """However a project's name is spelled, clients request the page of its normalized name."""
    with server.recording() as requests:
        outcome = client.install(simple_url(server), target, spelling)
    assert_installed(outcome, target, {'aspy-yaml': '1.0'})
    assert [
        (request.path, request.status) for request in requests
        if not request.path.startswith('/pool/')
    ] == [('/simple/aspy-yaml/', 200)]


def test_other_pythons_files_are_not_fetched(
        client: Client, server: Server, target: Path,
) -> None:
    """The page has Requires-Python, so clients skip a file without fetching its metadata."""
    with server.recording() as requests:
        outcome = client.install(simple_url(server), target, 'choosy')
    assert_installed(outcome, target, {'choosy': '1.0'})
    assert {request.path for request in requests} == {
        '/simple/choosy/', '/pool/choosy-1.0-py3-none-any.whl',
    }


def test_prereleases_install_on_request(client: Client, server: Server, target: Path) -> None:
    """With their option for pre-releases, clients choose the newest one."""
    outcome = client.install(simple_url(server), target, client.allow_prereleases, 'early')
    assert_installed(outcome, target, {'early': '2.0rc1'})


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
def test_pin_installs_yanked_file(
        client: Client, server: Server, target: Path, version: str, reasons: dict[str, str],
) -> None:
    """A pinned version installs although it is yanked, and the client shows the list's reason."""
    outcome = client.install(simple_url(server), target, f'recalled=={version}')
    assert_installed(outcome, target, {'recalled': version})
    assert reasons[client.name] in outcome.output


def test_quarantined_project_has_no_files(
        client: Client, server: Server, target: Path,
) -> None:
    """Clients find the page of a quarantined project, and no file on it."""
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
def test_later_uploads_are_skipped(
        client: Client, server: Server, target: Path,
) -> None:
    """With a cut-off date, clients choose the version that was the newest then."""
    outcome = client.install(simple_url(server), target, client.before, MARCH, 'dated')
    assert_installed(outcome, target, {'dated': '1.0'})


def test_pip_needs_json_for_upload_times(
        pip: Pip, http_server: Server, target: Path,
) -> None:
    """The HTML form has no upload times, so pip refuses a cut-off date and says why."""
    outcome = pip.install(simple_url(http_server), target, pip.before, MARCH, 'dated')
    assert_refused(outcome, target)
    assert 'does not provide upload-time metadata' in outcome.output


@pytest.mark.parametrize(('project', 'versions'), [
    ('recalled', ['1.0']),
    ('early', ['1.0']),
    ('variant', ['1.0+local.2', '1.0+local', '1.0']),
])
def test_pip_lists_versions(
        pip: Pip, server: Server, project: str, versions: list[str],
) -> None:
    """`pip index versions` lists the versions that pip would install."""
    outcome = pip.pip('index', 'versions', '--index-url', simple_url(server), project)
    assert outcome.status == 0, outcome.output
    assert outcome.stdout.splitlines()[:2] == [
        f'{project} ({versions[0]})', f'Available versions: {", ".join(versions)}',
    ]

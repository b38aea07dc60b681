"""README and docs/ describe the program as it is."""
from __future__ import annotations

import configparser
import json
import re
import tomllib
from pathlib import Path

import pytest

from dumb_pypi import build
from dumb_pypi.commands import COMMANDS
from dumb_pypi.model import filenames
from dumb_pypi.model.fields import Line
from dumb_pypi.model.project_facts import FactsLine, read_facts
from dumb_pypi.options import PLAIN
from dumb_pypi.pages import install_commands
from testing import cli_docs
from tests.support.docs import anchors, block, blocks, DOCUMENTS, ROOT, table
from tests.support.lists import read_files

INDEX = 'https://pypi.example.com/simple/'
LISTS = 'docs/lists.md'


@pytest.mark.parametrize(('document', 'most'), [('README.md', 180), ('RATIONALE.md', 150)])
def test_document_is_short(document: str, most: int) -> None:
    """What a newcomer reads first has few lines, so that all of it is read."""
    assert DOCUMENTS[document].count('\n') <= most


def test_cli_page_is_current() -> None:
    """docs/cli.md is what `make docs` writes."""
    assert DOCUMENTS['docs/cli.md'] == cli_docs.page()


@pytest.mark.parametrize('command', COMMANDS)
def test_cli_page_has_all_options(command: str) -> None:
    """docs/cli.md lists every option of each command."""
    section = DOCUMENTS['docs/cli.md'].partition(f'\n## dumb-pypi {command}\n')[2].split('\n## ')[0]
    assert set(re.findall(r'(?<=`)--?[a-z-]+', section)) == cli_docs.options(command)


def test_cli_page_ignores_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page is the same for any width of the terminal."""
    monkeypatch.setenv('COLUMNS', '30')
    assert DOCUMENTS['docs/cli.md'] == cli_docs.page()


def test_options_exist() -> None:
    """Documents name no option of dumb-pypi that does not exist."""
    known = {name for command in COMMANDS for name in cli_docs.options(command)}
    for document, content in DOCUMENTS.items():
        for command in re.findall(r'(?<![\w/.-])dumb-pypi (.*(?:\\\n.*)*)', content):
            words = re.split(r'`|&&|\||;|>', command)[0]
            found = set(re.findall(r'(?<=\s)--?[a-z][a-z-]*', f' {words}'))
            assert found <= known, (document, command)


def test_example_lists_are_valid() -> None:
    """A build accepts the example lists without a message."""
    plain = block(LISTS, '', 'foo-1.0-py3')
    files, notices = read_files(plain.encode(), PLAIN)
    assert (len(files), notices) == (3, [])
    for document in ('README.md', LISTS):
        line = block(document, 'json', '{"filename"')
        files, notices = read_files(line.encode())
        assert (len(files), notices) == (1, [])
    for start in ('{"name": "foo", "status"', '{"name": "foo", "version"'):
        facts = read_facts(block(LISTS, 'json', start).encode(), 'projects.jsonl')
        assert (len(facts.facts), facts.notices) == (1, [])


def test_example_message_is_exact() -> None:
    """The example message is what the build prints."""
    line = b'{"filename": "foo-1.0.zip", "hash": "deadbeef"}'
    _, [notice] = read_files(b'\n' * 16 + line, place='packages.jsonl')
    assert block(LISTS, '', 'packages.jsonl') == f'{notice}\n'


def test_keys_are_documented() -> None:
    """docs/lists.md describes the keys of both lists, and no others."""
    assert table(LISTS, '## JSON lines') == set(Line.__struct_fields__)
    assert table(LISTS, '## Facts about projects') | {'name'} == set(FactsLine.__struct_fields__)


def test_example_file_names() -> None:
    """Each file name in docs/lists.md has the project and the version next to it."""
    section = DOCUMENTS[LISTS].partition('\n## File names\n')[2].partition('\n## ')[0]
    rows = re.findall(r'^\| `([^`]+)`.*? \| (\S+) \| (\S+) \|$', section, re.MULTILINE)
    assert len(rows) > 5
    for filename, project, version in rows:
        parsed = filenames.parse(filename)
        assert (parsed.project, parsed.version or 'none') == (project, version)


@pytest.mark.parametrize('text', blocks('toml'))
def test_toml_settings(text: str) -> None:
    """The settings of clients parse and name the example index."""
    assert INDEX in str(tomllib.loads(text))


@pytest.mark.parametrize(('document', 'section', 'key', 'url'), [
    ('README.md', 'global', 'index-url', INDEX),
    ('docs/clients.md', 'global', 'index-url', INDEX),
    ('docs/clients.md', 'mirror', 'master', INDEX.removesuffix('/simple/')),
])
def test_ini_settings(document: str, section: str, key: str, url: str) -> None:
    """The settings of clients parse and name the example index."""
    settings = configparser.ConfigParser()
    settings.read_string(block(document, 'ini', f'[{section}]'))
    assert settings[section][key] == url


def test_json_settings() -> None:
    """The settings of Renovate parse, and name the JSON API of the example index."""
    [rule] = json.loads(block('docs/clients.md', 'json'))['packageRules']
    assert rule['registryUrls'] == [INDEX.replace('/simple/', '/pypi/')]


def test_settings_match_the_web_pages() -> None:
    """docs/clients.md has the same settings as the home page of an index."""
    found = {text.strip() for language in ('ini', 'toml') for text in blocks(
        language, 'docs/clients.md',
    )}
    shown = [
        snippet.text for installer in install_commands.for_index(INDEX)
        for snippet in installer.snippets if snippet.place
    ]
    assert shown
    assert found.issuperset(shown)


def test_output_tree_is_documented(tmp_path: Path) -> None:
    """Each documented path exists after a build, and each root path is documented."""
    (tmp_path / 'list').write_text('foo-1.0.zip\n')
    output = tmp_path / 'out'
    build(
        package_list=tmp_path / 'list', packages_url='../../pool/', output_dir=output,
        site_url='https://example.com/',
    )
    tree = block('docs/serving.md', '', 'index.html')
    for line in tree.splitlines():
        for path in re.findall(r'[\w<>./]+', line.partition('  ')[0]):
            place = path.replace('<project>', 'foo').replace('<version>', '1.0')
            assert any(output.rglob(place)), line
    documented = {re.split('[/ ]', line)[0] for line in tree.splitlines()}
    assert {path.name for path in output.iterdir()} - documented == {'.dumb-pypi'}


@pytest.mark.parametrize('document', DOCUMENTS)
def test_links_work(document: str) -> None:
    """Each link is to a file or a heading that exists."""
    content = DOCUMENTS[document]
    for target in re.findall(r'\]\(([^)]+)\)', content):
        if target.startswith('https://'):
            continue
        path, _, anchor = target.partition('#')
        place = (ROOT / document).parent / path
        assert not path or place.exists(), target
        assert not anchor or anchor in anchors(place.read_text() if path else content), target


def test_documents_name_no_unusual_host() -> None:
    """All hosts are example hosts or loopback, except the documentation of Jinja."""
    for document, content in DOCUMENTS.items():
        for host in re.findall(r'https?://([\w.-]+)', content):
            known = {'127.0.0.1', 'jinja.palletsprojects.com', 'example.com'}
            assert host in known or host.endswith('.example.com'), (document, host)

"""README shows only what runs, and all that there is."""
from __future__ import annotations

import argparse
import configparser
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from dumb_pypi import build
from dumb_pypi.commands import build as build_command
from dumb_pypi.commands import scan
from dumb_pypi.model.fields import Line
from dumb_pypi.model.project_facts import FactsLine
from dumb_pypi.options import PLAIN
from testing import distributions
from tests.support.lists import read_files

ROOT = Path(__file__).parent.parent
README = (ROOT / 'README.md').read_text()
# The blocks of each language, in their order.
BLOCKS = re.findall(r'^```(\w*)\n(.*?)^```$', README, re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    return [text for found, text in BLOCKS if found == language]


def table(heading: str) -> set[str]:
    """What stands in code in the first column of the table below a heading."""
    section = README.partition(f'\n{heading}\n')[2]
    rows = re.findall(r'^\| (`.*?) \|', re.split(r'^## ', section, flags=re.MULTILINE)[0],
                      re.MULTILINE)
    return {name for row in rows for name in re.findall(r'`([^`]+)`', row)}


def options_of(parser: argparse.ArgumentParser) -> set[str]:
    return {option for action in parser._actions for option in action.option_strings}


def test_build_options_are_documented() -> None:
    """README lists the options of the build, and no others."""
    options = options_of(build_command._parser())
    documented = {option.split()[0] for option in table('## Options')}
    assert options == {option for option in documented if option.startswith('-')}


def test_scan_options_are_documented() -> None:
    """README lists the options of the scan, and no others."""
    options = options_of(scan._parser())
    documented = {option.split()[0] for option in table('## The list of a folder')}
    assert options == {option for option in documented if option.startswith('-')}


def test_quick_start(tmp_path: Path) -> None:
    """The commands turn a folder into an index that lists its files, and can be repeated."""
    pool = tmp_path / 'index/pool'
    pool.mkdir(parents=True)
    distributions.make(pool, {'filename': 'your_project-1.0-py3-none-any.whl'})
    [script] = [text for text in blocks('sh') if 'dumb-pypi --package-list' in text]
    [again] = [text for text in blocks('sh') if '--previous packages.json' in text]
    environment = {**os.environ, 'PATH': f'{Path(sys.executable).parent}:{os.environ["PATH"]}'}
    lists = []
    for text in (script, script + again):
        done = subprocess.run(
            ['sh', '-e', '-c', text], cwd=tmp_path, env=environment, check=True,
            capture_output=True,
        )
        assert done.stderr == b''
        lists.append((tmp_path / 'index/packages.jsonl').read_bytes())
    assert lists[0] == lists[1]
    page = (tmp_path / 'index/simple/your-project/index.html').read_text()
    assert 'href="../../pool/your_project-1.0-py3-none-any.whl#sha256=' in page
    assert 'data-core-metadata="sha256=' in page


def test_example_lists_are_valid() -> None:
    """A build accepts the lists in README without a message."""
    [plain] = [text for text in blocks('') if text.startswith('foo-1.0-py3')]
    files, notices = read_files(plain.encode(), PLAIN)
    assert (len(files), notices) == (3, [])
    [line] = blocks('json')
    files, notices = read_files(line.encode())
    assert (len(files), notices) == (1, [])
    assert set(json.loads(line)) <= set(Line.__struct_fields__)


def test_example_message_is_exact() -> None:
    """README quotes the message as the build prints it."""
    line = b'{"filename": "foo-1.0.zip", "hash": "deadbeef"}'
    _, [notice] = read_files(b'\n' * 16 + line, place='packages.jsonl')
    assert f'{notice}\n' in blocks('')


def test_keys_are_documented() -> None:
    """README describes every key of both lists."""
    assert table('## The list') >= set(Line.__struct_fields__)
    assert table('### Facts about projects') | {'name'} >= set(FactsLine.__struct_fields__)


@pytest.mark.parametrize('text', blocks('toml'))
def test_client_settings_are_toml(text: str) -> None:
    """The settings parse and name the example index."""
    assert 'https://pypi.example.com/simple/' in str(tomllib.loads(text))


def test_pip_settings_are_ini() -> None:
    """The settings parse and name the example index."""
    [text] = blocks('ini')
    settings = configparser.ConfigParser()
    settings.read_string(text)
    assert settings['global']['index-url'] == 'https://pypi.example.com/simple/'


def test_example_template(tmp_path: Path) -> None:
    """A build renders the template in README."""
    [text] = blocks('html')
    (tmp_path / 'base.html').write_text(text)
    (tmp_path / 'list').write_text('foo-1.0.zip\n')
    build(
        package_list=str(tmp_path / 'list'), packages_url='../../pool/',
        output_dir=str(tmp_path / 'out'), template_dir=str(tmp_path),
    )
    page = (tmp_path / 'out/project/foo/index.html').read_text()
    assert 'Questions? Ask the platform team.' in page


def test_output_tree_is_documented(tmp_path: Path) -> None:
    """Each path that README names exists."""
    (tmp_path / 'list').write_text('foo-1.0.zip\n')
    build(
        package_list=str(tmp_path / 'list'), packages_url='../../pool/',
        output_dir=str(tmp_path), site_url='https://example.com/',
    )
    [tree] = [text for text in blocks('') if text.startswith('index.html')]
    for line in tree.splitlines():
        path = line.split()[0].rstrip(',').replace('<project>', 'foo').replace('<version>', '1.0')
        assert (tmp_path / path).exists(), line


def test_links_work() -> None:
    """Each link of README is to a file or a heading that exists."""
    for target in re.findall(r'\]\(([^)]+)\)', README):
        path, _, anchor = target.partition('#')
        text = (ROOT / path).read_text() if path.endswith('.md') else README
        headings = {
            re.sub(r'[^a-z0-9 -]', '', heading.lower()).replace(' ', '-')
            for heading in re.findall(r'^#+ (.*)$', text, re.MULTILINE)
        }
        assert (ROOT / path).exists()
        assert not anchor or anchor in headings, target

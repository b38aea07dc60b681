"""The commands of docs/sources.md and of the workflow for GitHub releases work as they stand."""
from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import cast, NamedTuple

import pytest

from dumb_pypi.scanner.requirements import parse
from testing.distributions import make
from tests.support import bucket
from tests.support.docs import block, BLOCKS
from tests.support.scripted import FakeGitHub, OWNER, run_site, Site
from tests.support.servers import DEPLOY

SOURCES = 'docs/sources.md'
INDEX = 'https://pypi.example.com/simple/'


@pytest.fixture
def github(tmp_path: Path) -> Iterator[FakeGitHub]:
    """A repository with a release of a wheel and its metadata."""
    folder = tmp_path / 'release'
    folder.mkdir()
    name = 'released-1.0-py3-none-any.whl'
    make(folder, {'filename': name, 'core_metadata': 'true'})
    with run_site(FakeGitHub) as site:
        github = cast(FakeGitHub, site)
        github.release('v1.0', [
            (file, (folder / file).read_bytes()) for file in (name, f'{name}.metadata')
        ])
        yield github


@pytest.fixture
def index() -> Iterator[Site]:
    """An index that has each project in one version below, and one above, what the page permits."""
    with run_site() as site:
        for project, versions in (
                ('requests', ('1.0', '2.0')), ('idna', ('3.0', '4.0')), ('certifi', ('2025.1',)),
                ('mine', ('9.0',)),
        ):
            site.add_json(f'/simple/{project}/', {'files': [
                {'filename': name, 'url': name, 'hashes': {'sha256': '0' * 64}, 'size': 1}
                for name in (f'{project}-{version}.tar.gz' for version in versions)
            ]})
        yield site


def run(folder: Path, script: str, **variables: str) -> None:
    """Run commands in a folder; they must succeed and print nothing."""
    environment = bucket.tool_environment('http://127.0.0.1:1/', folder)
    done = subprocess.run(
        ['sh', '-e', '-c', script], cwd=folder, env=environment | variables, capture_output=True,
        text=True, check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, '', ''), script


def links(folder: Path, project: str) -> list[str]:
    page = (folder / 'simple' / project / 'index.html').read_text()
    return re.findall(r'href="([^"#]*)#sha256=', page)


def test_github_releases(github: FakeGitHub, tmp_path: Path) -> None:
    """The commands make an index that links to the files of the releases."""
    run(tmp_path, block(SOURCES, 'sh', 'dumb-pypi scan --output packages.jsonl github:'),
        GITHUB_API_URL=github.api_url)
    [link] = links(tmp_path / 'index', 'released')
    assert link.removeprefix(github.url) == (
        f'{OWNER}/releases/download/v1.0/released-1.0-py3-none-any.whl'
    )


class Step(NamedTuple):
    """A step of a workflow that runs a command."""
    command: str
    may_fail: bool
    condition: str | None


def steps() -> list[Step]:
    """Return the commands of the workflow for releases, in their order."""
    text = (DEPLOY / 'pages/github.yml').read_text().partition('    steps:\n')[2]
    found = []
    for step in text.split('      - ')[1:]:
        keys = dict(re.findall(r'^ *(run|continue-on-error|if): (.*)$', step, re.MULTILINE))
        if 'run' in keys:
            found.append(Step(keys['run'], 'continue-on-error' in keys, keys.get('if')))
    return found


@pytest.mark.parametrize('has_broken_file', (False, True))
def test_workflow_for_releases(
        github: FakeGitHub, tmp_path: Path, has_broken_file: bool,
) -> None:
    """The commands for GitHub Pages index the releases of the repository, and copy no wheel.

    A file that cannot be listed does not keep the others from being published.
    """
    assert 'Change the URL' in (DEPLOY / 'pages/github.yml').read_text()
    install, scan, build, fail = steps()
    # Users have to edit this command.
    assert install == Step('pip install git+https://example.com/dumb-pypi.git', False, None)
    assert (scan.may_fail, build[1:]) == (True, (False, None))
    assert fail == Step('exit 1', False, "steps.scan.outcome == 'failure'")
    github.tokens = ['token']
    if has_broken_file:
        github.release('v1.1', [('bad-1.0-py3-none-any (1).whl', b'x')])
    environment = {
        **bucket.tool_environment('http://127.0.0.1:1/', tmp_path), 'GITHUB_TOKEN': 'token',
        'GITHUB_API_URL': github.api_url, 'GITHUB_REPOSITORY': OWNER,
    }
    for _ in range(2):
        done = subprocess.run(
            ['sh', '-e', '-c', scan.command], cwd=tmp_path, env=environment, check=False,
        )
        assert done.returncode == has_broken_file
        run(tmp_path, build.command, SITE_URL='https://team.example.com/index/')
        [link] = links(tmp_path / 'public', 'released')
        assert link.startswith(f'{github.url}{OWNER}/releases/download/v1.0/')
        assert 'data-core-metadata="sha256=' in (
            tmp_path / 'public/simple/released/index.html'
        ).read_text()
    # The second run found all responses in the cache.
    half = len(github.requests) // 2
    assert all('if-none-match' in request.headers for request in github.requests[half:])
    assert not list((tmp_path / 'public').rglob('*.whl'))


def test_projects_of_another_index(index: Site, tmp_path: Path) -> None:
    """The command lists the files that its requirements permit."""
    script = block(SOURCES, 'sh', 'dumb-pypi scan --output packages.jsonl https:')
    assert INDEX in script
    run(tmp_path, script.replace(INDEX, f'{index.url}simple/'))
    listed = (tmp_path / 'packages.jsonl').read_text()
    assert re.findall(r'"filename":"([^"]+)"', listed) == [
        'idna-3.0.tar.gz', 'requests-1.0.tar.gz', 'requests-2.0.tar.gz',
    ]


def test_several_sources(github: FakeGitHub, index: Site, tmp_path: Path) -> None:
    """The commands make an index of all sources, in which own projects come first."""
    pool = tmp_path / 'index/pool'
    pool.mkdir(parents=True)
    make(pool, {'filename': 'mine-1.0-py3-none-any.whl'})
    (tmp_path / 'requirements.txt').write_text('requests\nidna<4\nmine\n')
    # The list of the previous scan, of which there is none yet.
    (tmp_path / 'packages.jsonl').touch()
    script = block(SOURCES, 'sh', 'dumb-pypi scan --write-metadata').replace(
        INDEX, f'{index.url}simple/',
    )
    for _ in range(2):
        run(tmp_path, script, GITHUB_API_URL=github.api_url)
        assert links(tmp_path / 'index', 'mine') == ['../../pool/mine-1.0-py3-none-any.whl']
        assert links(tmp_path / 'index', 'idna') == [f'{index.url}simple/idna/idna-3.0.tar.gz']
        assert len(links(tmp_path / 'index', 'released')) == 1
    assert '/simple/mine/' not in index.paths


def test_example_of_requirements() -> None:
    """The file of requirements has no line that a scan refuses."""
    [text] = [code.text for code in BLOCKS if code.document == SOURCES and not code.language]
    lines = [line for line in text.splitlines() if not line.startswith('#')]
    assert [parse(line)[0] for line in lines] == ['requests', 'idna', 'certifi']

"""bandersnatch mirrors an index from each web server with the settings in deploy/."""
from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from dumb_pypi import build
from testing.distributions import make
from tests.conftest import NeedProgram
from tests.support.client_index import JANUARY
from tests.support.programs import Bandersnatch
from tests.support.servers import run_apache, run_caddy, run_nginx, Server

RUN = {'nginx': run_nginx, 'caddy': run_caddy, 'apache2': run_apache}


class Origin(NamedTuple):
    """An index to mirror, its packages in `root/packages`, and the server that serves it."""
    root: Path
    server: Server

    def add(self, files: dict[str, float | None]) -> None:
        """Add files, each with its upload time in seconds since 1970, and build the index."""
        packages = self.root / 'packages'
        packages.mkdir(exist_ok=True)
        package_list = self.root.parent / 'list.jsonl'
        with package_list.open('a') as lines:
            for name, time in files.items():
                facts = make(packages, {'filename': name, 'upload_timestamp': time})
                lines.write(f'{json.dumps(facts)}\n')
        # bandersnatch downloads files whose URL is absolute and has a path below /packages/.
        report = build(
            package_list_json=str(package_list), packages_url='../../packages/',
            site_url=self.server.url, output_dir=str(self.root),
        )
        assert report.notices == []


@pytest.fixture
def origin(request: pytest.FixtureRequest, need_program: NeedProgram) -> Iterator[Origin]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # Apache drops root's rights
        for part in ('root', 'server'):
            (folder / part).mkdir()
        program = need_program(request.param, package=request.param)
        with RUN[request.param](program, folder / 'root', folder / 'server') as server:
            yield Origin(folder / 'root', server)


def distributions(folder: Path) -> dict[str, bytes]:
    """Return the distribution files of an index, by name."""
    return {path.name: path.read_bytes() for path in (folder / 'packages').iterdir()}


@pytest.mark.parametrize('origin', RUN, indirect=True)
def test_mirror_has_all_files(bandersnatch: Bandersnatch, origin: Origin, tmp_path: Path) -> None:
    """A mirror has all files, and an update of the mirror adds those that were uploaded since."""
    batches: list[dict[str, float | None]] = [{
        'plain-1.0-py3-none-any.whl': JANUARY, 'plain-1.0.tar.gz': JANUARY + 1,
        'Mixed_Case.Name-1.0.zip': JANUARY + 0.5, 'variant-1.0+local-py3-none-any.whl': JANUARY,
    }, {
        'variant-2.0-py3-none-any.whl': JANUARY + 9, 'new-1.0.zip': JANUARY + 7,
    }]
    for files in batches:
        origin.add(files)
        outcome = bandersnatch.mirror(origin.server.url, tmp_path)
        assert outcome.status == 0, outcome.output
        assert distributions(tmp_path / 'web') == distributions(origin.root)
        listed = json.loads((tmp_path / 'web/simple/index.v1_json').read_bytes())['projects']
        assert {project['name'] for project in listed} == {
            project['name']
            for project in json.loads((origin.root / 'simple/index.json').read_bytes())['projects']
        }
        for path in origin.root.glob('simple/*/index.json'):
            copy = tmp_path / 'web/simple' / path.parent.name / 'index.v1_json'
            assert hashes(copy) == hashes(path)


def hashes(page: Path) -> dict[str, dict[str, str]]:
    """Return the hashes of the files on a JSON page of the simple API."""
    return {
        file['filename']: file['hashes'] for file in json.loads(page.read_bytes())['files']
    }


@pytest.mark.parametrize('origin', ['nginx'], indirect=True)
def test_mirror_without_upload_times(
        bandersnatch: Bandersnatch, origin: Origin, tmp_path: Path,
) -> None:
    """A serial of 0 doesn't exclude a project; bandersnatch can't download its files, though."""
    origin.add({'dated-1.0.zip': JANUARY, 'undated-1.0.zip': None})
    outcome = bandersnatch.mirror(origin.server.url, tmp_path, 'release-files = false')
    assert outcome.status == 0, outcome.output
    for project in ('dated', 'undated'):
        copy = tmp_path / 'web/simple' / project / 'index.v1_json'
        assert hashes(copy) == hashes(origin.root / 'simple' / project / 'index.json')

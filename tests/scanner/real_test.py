"""Distribution files of the usual build back ends, and unusual ones from a registry."""
from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any
from urllib.request import build_opener

import pytest
import uv

from dumb_pypi import build
from dumb_pypi.scanner import scan
from testing import distributions
from tests.support.archives import decoded, SDIST
from tests.support.programs import installed

TIMEOUT = 300  # seconds

_PROJECT = '''\
[build-system]
requires = []
build-backend = "{backend}"

[project]
name = "Odd.Name"
version = "1.0rc1"
description = "Built with {backend}"
readme = "README.md"
requires-python = ">=3.9,<99"
dependencies = ["packaging>=24", 'tomli; python_version < "3.11"']

[project.optional-dependencies]
extra = ["msgspec"]
'''
# Asks a back end for a wheel and an sdist, as a front end does.
_BUILD = '''\
import importlib, sys
name, folder = sys.argv[1:]
backend = importlib.import_module(name)
backend.build_sdist(folder)
backend.build_wheel(folder)
'''
BACKENDS = (
    'setuptools.build_meta', 'hatchling.build', 'flit_core.buildapi', 'poetry.core.masonry.api',
)


@pytest.mark.parametrize('backend', BACKENDS)
def test_files_of_build_backends(tmp_path: Path, backend: str) -> None:
    """The wheel and sdist of each back end give the facts of that back end's METADATA."""
    project, folder = tmp_path / 'project', tmp_path / 'pool'
    (project / 'odd_name').mkdir(parents=True)
    (project / 'odd_name/__init__.py').write_text('"""Odd."""\n__version__ = "1.0rc1"\n')
    (project / 'README.md').write_text('# Odd\n\nRequires-Dist: nothing\n')
    pyproject = _PROJECT.format(backend=backend)
    if backend.startswith('flit'):
        pyproject += '\n[tool.flit.module]\nname = "odd_name"\n'
    if backend.startswith('hatchling'):
        pyproject += '\n[tool.hatch.build.targets.wheel]\npackages = ["odd_name"]\n'
    if backend.startswith('poetry'):
        pyproject += '\n[tool.poetry]\npackages = [{include = "odd_name"}]\n'
    (project / 'pyproject.toml').write_text(pyproject)
    folder.mkdir()
    subprocess.run(
        [sys.executable, '-c', _BUILD, backend, str(folder)], cwd=project, check=True,
        capture_output=True, timeout=TIMEOUT,
    )
    result = scan([str(folder)], write_metadata=True)
    assert (result.problems, result.notices) == ([], [])
    wheel, sdist = decoded(result)
    assert sorted((wheel['filename'], sdist['filename'])) == sorted(
        path.name for path in folder.iterdir() if path.suffix != '.metadata'
    )
    for line in (wheel, sdist):
        content = (folder / line['filename']).read_bytes()
        assert line['hash'] == f'sha256={hashlib.sha256(content).hexdigest()}'
        assert line['size'] == len(content)
        assert line['summary'] == f'Built with {backend}'
        assert set(line['requires_python'].replace(' ', '').split(',')) == {'>=3.9', '<99'}
        assert not {'name', 'version', 'url'} & set(line)
    # Each has its own order, spaces and quotes.
    assert sorted(re.sub('[ ()]', '', text.replace("'", '"')) for text in wheel['requires_dist']) \
        == ['msgspec;extra=="extra"', 'packaging>=24', 'tomli;python_version<"3.11"']
    assert sdist.get('requires_dist') in (None, wheel['requires_dist'])


# Commands that install from an index on the disk, and nothing from the user's settings.
_INSTALL = {
    'pip': [sys.executable, '-m', 'pip', 'install', '--quiet', '--no-cache-dir', '--index-url'],
    'uv': [uv.find_uv_bin(), 'pip', 'install', '--quiet', '--no-cache', '--no-config', '--python',
           sys.executable, '--default-index'],
}


@pytest.mark.parametrize('client', _INSTALL)
def test_sdist_without_metadata_installs(tmp_path: Path, client: str) -> None:
    """pip and uv build an sdist that has no PKG-INFO, so the list has it."""
    pool, target = tmp_path / 'pool', tmp_path / 'target'
    pool.mkdir()
    distributions.make(tmp_path, {'filename': SDIST})
    with (
        tarfile.open(tmp_path / SDIST) as complete, tarfile.open(pool / SDIST, 'w:gz') as bare,
    ):
        for member in complete:
            if not member.name.endswith('PKG-INFO'):
                bare.addfile(member, complete.extractfile(member))
    result = scan([pool])
    assert (result.problems, result.notices) == ([], [])
    (tmp_path / 'list').write_bytes(b'\n'.join(result.lines))
    build(
        package_list_json=tmp_path / 'list', packages_url='../../pool/', output_dir=tmp_path,
    )
    done = subprocess.run(
        [*_INSTALL[client], f'{tmp_path.as_uri()}/simple/', '--target', str(target), 'foo==1.0'],
        check=False, capture_output=True, text=True, timeout=TIMEOUT, env={
            'HOME': str(tmp_path), 'PATH': os.defpath, 'PIP_CONFIG_FILE': os.devnull,
            'PIP_DISABLE_PIP_VERSION_CHECK': '1',
        },
    )
    assert done.returncode == 0, done.stderr
    assert installed(target) == {'foo': '1.0'}


# Requirement → file name and facts, each with what is unusual about the file.
DOWNLOADED: dict[str, tuple[str, dict[str, Any]]] = {
    # A namespace project, with a dot in its file's name.
    'zope.event==5.0': ('zope.event-5.0-py3-none-any.whl', {
        'hash': 'sha256=2832e95014f4db26c47a13fdaef84cef2f4df37e66b59d8f1f4a8f319a632c26',
        'requires_python': '>=3.7',
        'requires_dist': [
            'setuptools', "Sphinx ; extra == 'docs'", "zope.testrunner ; extra == 'test'",
        ],
        'summary': 'Very basic event publishing system',
    }),
    # Metadata of version 1.0, which says nothing of what it needs.
    'six==1.0.0': ('six-1.0.0.tar.gz', {
        'hash': 'sha256=ca79c14c8cb5e58912d185f0e07ca9c687e232b7c68c4b73bf1c83ef5979333e',
        'requires_python': None, 'requires_dist': None,
        'summary': 'Python 2 and 3 compatibility utilities',
    }),
    # A build tag, and metadata of version 2.0, which no standard has.
    'hug==1.1.0': ('hug-1.1.0-1-py2.py3-none-any.whl', {
        'hash': 'sha256=8ce9da38343484434042cb1c5c9d4c4a5b6b73a0343521c7eb84fa5c3e5557ed',
        'requires_python': None, 'requires_dist': ['falcon'],
    }),
    # Data files to be installed next to the code.
    'jupyterlab_pygments==0.3.0': ('jupyterlab_pygments-0.3.0-py3-none-any.whl', {
        'hash': 'sha256=841a89020971da1d8693f1a99997aefc5dc424bb1b251fd6322462a1b8842780',
        'requires_python': '>=3.8', 'requires_dist': [],
    }),
}
EGG = 'mesos.cli-0.1.3-py2.7.egg'


@pytest.fixture(scope='session')
def downloaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of distributions from whichever registry pip asks on this machine."""
    folder = tmp_path_factory.mktemp('downloaded')
    pip = [sys.executable, '-m', 'pip', '--disable-pip-version-check']
    subprocess.run(
        [*pip, 'download', '--quiet', '--no-deps', '--only-binary', ':all:', '--no-binary', 'six',
         '--dest', str(folder), *DOWNLOADED],
        check=True, timeout=TIMEOUT,
    )
    # pip downloads no egg, but says where they are.
    said = subprocess.run(
        [*pip, 'index', 'versions', '-vv', 'mesos.cli'], check=True, timeout=TIMEOUT,
        capture_output=True, text=True,
    )
    found = re.search(rf'https?://\S+/{re.escape(EGG)}', said.stdout + said.stderr)
    assert found is not None
    with build_opener().open(found[0], timeout=TIMEOUT) as response:
        (folder / EGG).write_bytes(response.read())
    return folder


def test_unusual_files_from_a_registry(downloaded: Path, tmp_path: Path) -> None:
    """Unusual files from a registry are listed with the right facts."""
    shutil.copytree(downloaded, tmp_path / 'pool')
    result = scan([str(tmp_path / 'pool')], write_metadata=True)
    assert (result.problems, result.notices) == ([], [])
    lines = {line['filename']: line for line in decoded(result)}
    expected = {**dict(DOWNLOADED.values()), EGG: {
        'summary': 'Mesos CLI Tools', 'requires_dist': None, 'core_metadata': None,
    }}
    assert set(lines) == set(expected)
    for filename, facts in expected.items():
        assert {key: lines[filename].get(key) for key in facts} == facts, filename
        assert ('core_metadata' in lines[filename]) == filename.endswith('.whl')


def test_index_of_unusual_files(downloaded: Path, tmp_path: Path) -> None:
    """An index can be built from the list of unusual files."""
    result = scan([str(downloaded)])
    (tmp_path / 'list').write_bytes(b'\n'.join(result.lines))
    report = build(
        package_list_json=str(tmp_path / 'list'), packages_url='../../pool/',
        output_dir=str(tmp_path),
    )
    assert (report.projects, report.files, report.notices) == (5, 5, [])
    page = json.loads((tmp_path / 'simple/zope-event/index.json').read_text())
    assert page['versions'] == ['5.0']

"""The distributions of this project are complete, and package indexes accept and show them."""
from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import NamedTuple

import pytest

from dumb_pypi import __version__
from tests.support.docs import block, ROOT

# Files of the repository that only serve its development.
NOT_PACKAGED = re.compile(r'\.ci/|\.git')
# What setuptools adds to a source distribution.
GENERATED = re.compile(r'PKG-INFO|.*\.egg-info(?:/|$)')


class Built(NamedTuple):
    """The paths of the source tree, of the sdist and of the wheel made from it."""
    files: set[str]
    sdist: Path
    wheel: Path


@pytest.fixture(scope='module')
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Build an sdist from a copy of the repository, and a wheel from the sdist."""
    source = tmp_path_factory.mktemp('packaging') / 'source'
    ignored = (ROOT / '.gitignore').read_text().replace('/', '').split()
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns('.git', *ignored))
    files = {str(path.relative_to(source)) for path in source.rglob('*') if path.is_file()}
    run(sys.executable, '-m', 'build', '--no-isolation', str(source))
    [sdist] = (source / 'dist').glob('*.tar.gz')
    [wheel] = (source / 'dist').glob('*.whl')
    return Built(files, sdist, wheel)


def run(*command: str) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, check=False,
        # Coverage would be measured of copies of the modules.
        env={name: value for name, value in os.environ.items() if 'COV' not in name} | {
            'NO_COLOR': '1',
        },
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith('.dist-info/METADATA')]
        return message_from_bytes(archive.read(name))


def test_sdist_is_complete(built: Built) -> None:
    """The sdist has all files of the repository, so that its `make test` and its links work."""
    with tarfile.open(built.sdist) as archive:
        names = {member.name.partition('/')[2] for member in archive if member.isfile()}
    assert {name for name in names if not GENERATED.match(name)} == {
        name for name in built.files if not NOT_PACKAGED.match(name)
    }
    assert {'CHANGELOG.md', 'deploy/nginx/dumb-pypi.conf', 'docs/cli.md'} <= names


def test_wheel_is_complete(built: Built) -> None:
    """The wheel has all files of the package, and no others."""
    with zipfile.ZipFile(built.wheel) as archive:
        names = {name for name in archive.namelist() if '.dist-info/' not in name}
    assert names == {name for name in built.files if name.startswith('dumb_pypi/')}


def test_index_accepts_distributions(built: Built) -> None:
    """`twine check --strict` finds no fault in the metadata."""
    files = [str(built.sdist), str(built.wheel)]
    printed = run(sys.executable, '-m', 'twine', 'check', '--strict', *files)
    assert printed.count('PASSED') == 2


def test_metadata_is_complete(built: Built) -> None:
    """The metadata has an SPDX licence, an author and keywords."""
    found = metadata(built.wheel)
    assert found['License-Expression'] == 'Apache-2.0'
    assert found['Author']
    assert found['Keywords']
    assert 'example.com' not in str(found.items())


def test_description_works_on_package_page(built: Built) -> None:
    """The description has no images, and no links to files that a package page lacks."""
    description = str(metadata(built.wheel).get_payload())
    links = re.findall(r'\]\(([^)]*)\)', description)
    assert all(link.startswith('https://') for link in links)
    assert '![' not in description
    # The text of a link names the file.
    assert '| docs/cli.md |' in description


def test_wheel_installs_as_documented(built: Built, tmp_path: Path) -> None:
    """The wheel has the name that README states, and its command works."""
    build, install = block('README.md', 'sh', 'pip install build').splitlines()[1:]
    assert build == 'python -m build --wheel'
    assert install == f'pip install dist/{built.wheel.name}'
    run(
        sys.executable, '-m', 'pip', 'install', '--quiet', '--no-deps', '--no-index',
        '--target', str(tmp_path), str(built.wheel),
    )
    printed = run(str(tmp_path / 'bin/dumb-pypi'), '--version')
    assert printed == f'dumb-pypi {__version__}\n'


def test_image_is_made_from_the_wheel(built: Built) -> None:
    """Containerfile copies the wheel, and starts a command that the wheel has."""
    text = (ROOT / 'Containerfile').read_text()
    [pattern] = re.findall(r'^COPY (\S+) /tmp/$', text, re.MULTILINE)
    assert list(built.wheel.parents[1].glob(pattern)) == [built.wheel]
    assert f'!{Path(pattern).parent}/*.whl' in (ROOT / '.dockerignore').read_text()
    [extras] = re.findall(r'pip install --no-cache-dir "\$\{wheel\}\[(.*?)\]"', text)
    [command] = re.findall(r'^ENTRYPOINT \["(\S+)"\]$', text, re.MULTILINE)
    with zipfile.ZipFile(built.wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith('/entry_points.txt')]
        assert f'\n{command} = ' in archive.read(name).decode()
        [name] = [name for name in archive.namelist() if name.endswith('/METADATA')]
        metadata = archive.read(name).decode()
    offered = re.findall(r'^Provides-Extra: (.*)$', metadata, re.MULTILINE)
    assert sorted(extras.split(',')) == sorted(offered)

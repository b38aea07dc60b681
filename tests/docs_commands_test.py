"""The commands in README and docs/ work as they stand."""
from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest

from dumb_pypi import build
from testing import distributions
from tests.support.docs import block, BLOCKS, DOCUMENTS, ROOT
from tests.support.programs import installed
from tests.support.servers import free_port, running, wait_for

README = 'README.md'
LISTS = 'docs/lists.md'
AUTOMATING = 'docs/automating.md'
BUCKETS = 'docs/buckets.md'
OPERATIONS = 'docs/operations.md'
SOURCES = 'docs/sources.md'
SCALING = 'docs/scaling.md'
WHEEL = 'your_project-1.0-py3-none-any.whl'

# The test that runs a block, by the document and the start of the block.
TESTED = {
    (README, '# In a checkout'): 'test_first_commands',
    (README, 'pip install build'): 'packaging_test.py: test_wheel_installs_as_documented',
    (README, 'mkdir -p index/pool'): 'test_quick_start',
    (README, 'pip install --index-url'): 'test_quick_start',
    (README, 'dumb-pypi --package-list'): 'test_plain_list',
    (README, '* * * * * cd /srv/pypi'): 'test_cron_job',
    (README, "pip install '.[bucket]'"): 'deploy/docs_test.py: test_recipe_in_readme',
    (LISTS, 'dumb-pypi --packages-dir'): 'test_folder',
    (LISTS, 'dumb-pypi scan --write-metadata index/pool'): 'test_scan',
    (LISTS, 'dumb-pypi scan --write-metadata --previous'): 'test_scan',
    (LISTS, 'dumb-pypi scan --output packages.jsonl --projects'): 'test_scan_of_projects',
    (LISTS, 'cat projects.jsonl'): 'test_scan_of_projects',
    (AUTOMATING, '* * * * * cd /srv/pypi'): 'test_cron_job',
    (AUTOMATING, '* * * * * list-packages'): 'docs_recipes_test.py: test_cron_job',
    (AUTOMATING, '.PHONY: release'): 'docs_recipes_test.py: test_release_repository',
    (AUTOMATING, 'docker run'): 'test_container_arguments',
    (AUTOMATING, 'dumb-pypi --packages-dir'): 'test_report',
    (AUTOMATING, 'dumb-pypi scan'): 'test_channels',
    (AUTOMATING, 'import json'): 'test_channels',
    (BUCKETS, '#!/bin/sh'): 'deploy/docs_test.py: test_bucket_commands_keep_the_index_current',
    (BUCKETS, 'aws s3 cp pool'): 'deploy/docs_test.py: test_uploads_are_scanned',
    (BUCKETS, 'aws s3 cp foo'): 'deploy/docs_test.py: test_uploads_are_scanned',
    (BUCKETS, 'aws s3api'): 'deploy/docs_test.py: test_bucket_commands_keep_the_index_current',
    (BUCKETS, 'dumb-pypi --packages-dir'): 'deploy/docs_test.py: test_upload_with_rclone',
    (SOURCES, 'dumb-pypi scan --previous'): 'deploy/docs_test.py: test_bucket_is_indexed',
    (SOURCES, 'dumb-pypi scan --output packages.jsonl github:'):
        'docs_sources_test.py: test_github_releases',
    (SOURCES, 'dumb-pypi scan --output packages.jsonl https:'):
        'docs_sources_test.py: test_projects_of_another_index',
    (SOURCES, 'dumb-pypi scan --write-metadata --output'):
        'docs_sources_test.py: test_several_sources',
    (SCALING, 'from distributed'): 'docs_scaling_test.py: test_dask_script',
    (SCALING, 'from parsl'): 'docs_scaling_test.py: test_parsl_script',
    (OPERATIONS, 'dumb-pypi check'): 'operations_test.py: test_example_of_check',
    (OPERATIONS, 'dumb-pypi --full'): 'operations_test.py: test_index_can_be_built_again',
    (OPERATIONS, '* * * * *'): 'operations_test.py: test_cron_jobs',
    (OPERATIONS, 'ssh-keygen -q -t'): 'operations_test.py: test_signature',
    (OPERATIONS, 'ssh-keygen -q -Y sign'): 'operations_test.py: test_signature',
    (OPERATIONS, 'ssh-keygen -q -Y verify'): 'operations_test.py: test_signature',
}
# Why no test runs a block.
UNTESTED = {
    (SCALING, 'pip install distributed'): 'it needs several machines',
    (AUTOMATING, 'python -m build --wheel'): 'it needs a container engine and a base image',
    ('docs/clients.md', 'import micropip'): 'it needs a browser with Pyodide',
    ('docs/operations.md', "pip install '.[readme]'"): 'the tests have the extra',
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a wheel of the reader's in `dist`."""
    (tmp_path / 'dist').mkdir()
    distributions.make(tmp_path / 'dist', {'filename': WHEEL})
    return tmp_path


@pytest.fixture
def pool(folder: Path) -> Path:
    """A folder with a wheel of the reader's in `index/pool`."""
    pool = folder / 'index/pool'
    pool.mkdir(parents=True)
    distributions.make(pool, {'filename': WHEEL})
    return pool


def environment(folder: Path) -> dict[str, str]:
    """Return an environment that finds the program, but no settings of the user's."""
    return {
        **os.environ, 'HOME': str(folder), 'NO_PROXY': '*', 'PIP_CONFIG_FILE': os.devnull,
        'PIP_DISABLE_PIP_VERSION_CHECK': '1', 'PIP_NO_CACHE_DIR': '1',
        'PATH': os.pathsep.join((str(Path(sys.executable).parent), os.environ['PATH'])),
    }


def run(folder: Path, script: str, **variables: str) -> str:
    """Run commands in a folder; they must succeed and print nothing to stderr."""
    done = subprocess.run(
        ['sh', '-e', '-c', script], cwd=folder, env=environment(folder) | variables,
        capture_output=True, text=True, check=False,
    )
    assert (done.returncode, done.stderr) == (0, ''), script
    return done.stdout


def assert_indexed(folder: Path) -> None:
    """Assert that the index in `index` offers the wheel, with its metadata."""
    page = (folder / 'index/simple/your-project/index.html').read_text()
    assert f'href="../../pool/{WHEEL}#sha256=' in page
    assert 'data-core-metadata="sha256=' in page


def test_every_command_is_accounted_for() -> None:
    """Each block of commands is run by a test, or there is a reason why not."""
    known = {*TESTED, *UNTESTED}
    used = set()
    for code in BLOCKS:
        if code.language in {'sh', 'crontab', 'make', 'python'}:
            starts = {
                (document, start) for document, start in known
                if document == code.document and code.text.startswith(start)
            }
            assert len(starts) == 1, code
            used |= starts
    assert used == known
    for test in TESTED.values():
        module, _, name = test.rpartition(': ')
        assert f'def {name}(' in (ROOT / 'tests' / (module or Path(__file__).name)).read_text()


def test_quick_start(folder: Path) -> None:
    """The commands make an index that pip installs from."""
    script, serve = block(README, 'sh', 'mkdir -p').strip().rsplit('\n', 1)
    assert run(folder, script) == ''
    assert_indexed(folder)
    # The next build has nothing to do.
    assert run(folder, script) == ''
    install = block(README, 'sh', 'pip install --index-url').strip()
    port, log = free_port(), folder / 'log'
    command = ['sh', '-c', f'cd {shlex.quote(str(folder))} && exec {serve} --port {port}']
    with running(command, log, environment(folder)) as process:
        wait_for(lambda: f':{port}/simple/'.encode() in log.read_bytes(), process)
        run(folder, f'{install.replace("8000", str(port))} --target target --quiet')
    assert installed(folder / 'target') == {'your-project': '1.0'}


def test_first_commands(folder: Path, pool: Path) -> None:
    """The commands below the screenshot are those of the quick start, without its details."""
    install, build_index, serve = (
        line for line in block(README, 'sh', '# In a checkout').splitlines()
        if not line.startswith('#')
    )
    assert install == "pip install '.[readme]'"
    assert run(folder, build_index) == ''
    assert (pool.parent / 'simple/your-project/index.json').exists()
    assert serve == block(README, 'sh', 'mkdir -p').splitlines()[-1]


def test_pip_download_adds_dependencies(folder: Path) -> None:
    """The command adds dependencies from pip's default index to the pool."""
    [download] = re.findall('`(pip download .*?)`', DOCUMENTS[README])
    other, pool = folder / 'other', folder / 'index/pool'
    for place in (other / 'pool', pool):
        place.mkdir(parents=True)
    distributions.make(pool, {'filename': WHEEL, 'requires_dist': ['dependency']})
    distributions.make(other / 'pool', {'filename': 'dependency-1.0-py3-none-any.whl'})
    (folder / 'list').write_text('dependency-1.0-py3-none-any.whl')
    build(package_list=folder / 'list', packages_url='../../pool/', output_dir=other)
    run(folder, download, PIP_INDEX_URL=f'{(other / "simple").as_uri()}/')
    assert {path.name for path in pool.iterdir()} == {WHEEL, 'dependency-1.0-py3-none-any.whl'}


def test_plain_list(folder: Path) -> None:
    """A list of names is enough for an index of files that are elsewhere."""
    (folder / 'packages.txt').write_text(f'{WHEEL}\n')
    assert run(folder, block(README, 'sh', 'dumb-pypi --package-list')) == ''
    page = (folder / 'index/simple/your-project/index.html').read_text()
    assert f'href="https://files.example.com/{WHEEL}"' in page


@pytest.mark.parametrize('document', [README, AUTOMATING])
def test_cron_job(folder: Path, pool: Path, document: str) -> None:
    """The cron job is silent, and publishes a file that was added since its last run."""
    line = block(document, 'crontab', '* * * * * cd /srv/pypi').removeprefix('* * * * * ')
    script = line.replace('/srv/pypi', shlex.quote(str(folder)))
    assert script != line
    assert run(folder, script) == ''
    distributions.make(pool, {'filename': 'another-1.0.tar.gz'})
    assert run(folder, script) == ''
    assert_indexed(folder)
    assert (pool.parent / 'simple/another/index.html').exists()


def test_folder(folder: Path, pool: Path) -> None:
    """The command indexes a folder; it reports a broken file, and indexes the others."""
    script = block(LISTS, 'sh', 'dumb-pypi --packages-dir')
    assert run(folder, script) == ''
    assert_indexed(folder)
    broken = pool / 'broken-1.0-py3-none-any.whl'
    broken.write_text('no archive')
    done = subprocess.run(
        ['sh', '-c', script], cwd=folder, env=environment(folder), capture_output=True, text=True,
        check=False,
    )
    assert done.returncode == 0
    assert broken.name in done.stderr
    assert_indexed(folder)
    assert not (pool.parent / 'simple/broken').exists()


def test_scan(folder: Path, pool: Path) -> None:
    """The commands list a folder and build its index; the second scan prints the same list."""
    assert run(folder, block(LISTS, 'sh', 'dumb-pypi scan --write-metadata index/pool')) == ''
    assert_indexed(folder)
    before = (folder / 'packages.jsonl').read_bytes()
    assert run(folder, block(LISTS, 'sh', 'dumb-pypi scan --write-metadata --previous')) == ''
    assert (folder / 'packages.jsonl').read_bytes() == before
    assert list(pool.glob('*.metadata'))


def test_scan_of_projects(folder: Path, pool: Path) -> None:
    """The commands that scan metadata make an index that shows it, with the reader's own facts."""
    assert pool.is_dir()
    (folder / 'my-projects.jsonl').write_text('{"name": "your-project", "keywords": "mine"}')
    for start in ('dumb-pypi scan --output packages.jsonl --projects', 'cat projects.jsonl'):
        assert run(folder, block(LISTS, 'sh', start)) == ''
    [line] = (folder / 'projects.jsonl').read_text().splitlines()
    assert '"name":"your-project"' in line
    assert '"keywords":"mine"' in (folder / 'index/pypi/your-project/json').read_text()


def test_report(folder: Path, pool: Path) -> None:
    """The build writes a report in JSON, and `check` accepts the index."""
    assert run(folder, block(AUTOMATING, 'sh', 'dumb-pypi --packages-dir')) == ''
    assert isinstance(json.loads((folder / 'report.json').read_bytes()), dict)
    [check] = re.findall('`(dumb-pypi check .*?)`', DOCUMENTS[AUTOMATING])
    run(folder, f'{check} --quiet')
    (pool.parent / 'index.html').unlink()
    with pytest.raises(AssertionError, match='dumb-pypi check'):
        run(folder, f'{check} --quiet')


def test_channels(folder: Path, pool: Path) -> None:
    """Each channel lists its files, in the pool that all of them share."""
    unstable = {
        'your_project-1.1a1-py3-none-any.whl', 'your_project-1.2.dev3-py3-none-any.whl',
        'your_project-1.0.post1.dev2-py3-none-any.whl', 'your_project-1!2.0rc1-py3-none-any.whl',
        'your-project-1.0b1.tar.gz', 'your-project-trunk.tar.gz',
    }
    for filename in (
            *unstable, 'your_project-1.0+cu118-cp311-cp311-linux_x86_64.whl', 'ab1_rc2-1.0.tar.gz',
            'your-project-1.0.post1.zip',
    ):
        distributions.make(pool, {'filename': filename})
    (folder / 'stable.py').write_text(block(AUTOMATING, 'python'))
    run(folder, block(AUTOMATING, 'sh', 'dumb-pypi scan'))
    everything = {path.name for path in pool.iterdir() if path.suffix != '.metadata'}
    for channel, expected in {
            'nightly': everything,
            'stable': everything - unstable,
            'cu118': {name for name in everything if 'cu118' in name},
    }.items():
        listed = set()
        for page in (folder / 'index' / channel / 'simple').glob('*/index.json'):
            for file in json.loads(page.read_bytes())['files']:
                url = unquote(file['url'])
                assert (page.parent / url).resolve() == (pool / file['filename']).resolve()
                listed.add(file['filename'])
        assert listed == expected, channel


def test_systemd_service(folder: Path, pool: Path) -> None:
    """The service builds the index, and the timer runs it every minute."""
    service, timer = configparser.RawConfigParser(), configparser.RawConfigParser()
    service.read_string(block(AUTOMATING, 'ini', '[Unit]\nDescription=Build the package index\n'))
    timer.read_string(block(AUTOMATING, 'ini', '[Unit]\nDescription=Build the package index every'))
    assert service['Service']['Type'] == 'oneshot'
    assert timer['Timer']['OnCalendar'] == 'minutely'
    run(folder, service['Service']['ExecStart'])
    assert_indexed(pool.parents[1])


def test_container_arguments(folder: Path, pool: Path) -> None:
    """Docker and Kubernetes start builds of the mounted folder."""
    docker = block(AUTOMATING, 'sh', 'docker run').replace('\\\n', '').split('dumb-pypi ', 1)[1]
    [cron_job] = re.findall(r'^ *args: (\[.*\])$', block(AUTOMATING, 'yaml'), re.MULTILINE)
    assert json.loads(cron_job) == docker.split()
    # The working directory of the image is the place of the volume.
    assert 'WORKDIR /srv/pypi\n' in (ROOT / 'Containerfile').read_text()
    run(folder, f'dumb-pypi {docker}')
    assert_indexed(pool.parents[1])


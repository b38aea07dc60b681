"""The table of hosts is what the tests show, and the commands for a bucket work."""
from __future__ import annotations

import hashlib
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from testing.distributions import make
from tests.support import bucket
from tests.support.docs import block, DOCUMENTS
from tests.support.hosts import FEATURES, HOSTS
from tests.support.servers import DEPLOY, Server

PACKAGES = 'packages.example.com'
INDEX = 'index.example.com'


def rows() -> list[list[str]]:
    section = DOCUMENTS['docs/serving.md'].partition('\n## Which host do I have?\n')[2]
    # The next table, after a blank line, explains the columns.
    table = section.partition('\n| host ')[2].partition('\n\n')[0]
    return [line[2:-2].split(' | ') for line in f'| host {table}'.splitlines() if line[1] == ' ']


def test_table_matches_the_tests() -> None:
    """Each row is a host with the features that are tested, or says that it was not tested."""
    head, *found = rows()
    assert tuple(head) == ('host', 'configuration', *FEATURES)
    assert {row[0]: row[2:] for row in found} == {
        **{
            host: ['yes' if feature in has else 'no' for feature in FEATURES]
            for host, has in HOSTS.items()
        },
        'GitHub or GitLab Pages': ['not tested'] * len(FEATURES),
    }


def test_table_links_to_all_settings() -> None:
    """Each folder of deploy/ is in the table."""
    named = {path for row in rows() for path in re.findall(r'\]\(\.\./deploy/([^)]*)\)', row[1])}
    folders = {path.name for path in DEPLOY.iterdir()}
    assert {path.partition('/')[0] for path in named} == folders


@pytest.fixture(scope='module')
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with bucket.run_s3(tmp_path_factory.mktemp('s3')) as server:
        yield server


def test_bucket_commands_keep_the_index_current(s3: Server, tmp_path: Path) -> None:
    """Each run of the script updates the index in the bucket, which is a web site."""
    script = block('docs/buckets.md', 'sh', '#!/bin/sh\n')
    environment = bucket.tool_environment(s3.url.rstrip('/'), tmp_path)

    def run(*command: str | Path) -> str:
        return bucket.run_tool(environment, *command)

    bucket.make_public(s3, INDEX)
    bucket.make_public(s3, PACKAGES)
    pool = tmp_path / 'pool'
    pool.mkdir()
    upload = block('docs/buckets.md', 'sh', 'aws s3 cp pool')
    # Two new projects, then a new file of an existing one.
    for filenames in (
            ['foo-1.0-py3-none-any.whl', 'bar-1.0+a.tar.gz'], ['foo-1.1-py3-none-any.whl'],
    ):
        for filename in filenames:
            make(pool, {'filename': filename})
        run('sh', '-e', '-c', f'cd {tmp_path} && {upload}')
        assert run('sh', '-c', f'cd {tmp_path} && {script}') == ''
        listed = s3.ask(f'/{INDEX}/packages.json').body.decode().splitlines()
        assert {json.loads(line)['filename'] for line in listed} == {
            path.name for path in pool.iterdir()
        }
        for filename in filenames:
            project = filename.partition('-')[0]
            page = json.loads(s3.ask(f'/{INDEX}/simple/{project}/index.json').body)
            assert filename in [file['filename'] for file in page['files']]
    (tmp_path / 'deploy').symlink_to(DEPLOY)
    website = block('docs/buckets.md', 'sh', 'aws s3api')
    run('sh', '-e', '-c', f'cd {tmp_path} && {website}')
    statuses = [s3.ask(f'/{INDEX}/{path}').status for path in ('index.html', '.dumb-pypi/chunks')]
    assert statuses == [200, 403]


def test_broken_upload_does_not_stop_builds(s3: Server, tmp_path: Path) -> None:
    """The script publishes the other files and exits with 1; it prints only what is new."""
    names = {name: f'{name}.of-broken-uploads' for name in (PACKAGES, INDEX)}
    script = block('docs/buckets.md', 'sh', '#!/bin/sh\n')
    for name, other in names.items():
        script = script.replace(f's3://{name}', f's3://{other}')
        bucket.make_public(s3, other)
    upload = f'/{names[PACKAGES]}/broken-1.0-py3-none-any.whl'
    environment = bucket.tool_environment(s3.url.rstrip('/'), tmp_path)

    def publish(version: str) -> tuple[int, str, str]:
        """Upload a file and run the script, which must publish it."""
        filename = f'foo-{version}-py3-none-any.whl'
        make(tmp_path, {'filename': filename})
        content = (tmp_path / filename).read_bytes()
        assert s3.ask(f'/{names[PACKAGES]}/{filename}', 'PUT', body=content).status == 200
        done = subprocess.run(
            ['sh', '-c', script], cwd=tmp_path, env=environment, capture_output=True, text=True,
            check=False,
        )
        page = json.loads(s3.ask(f'/{names[INDEX]}/simple/foo/index.json').body)
        assert filename in [file['filename'] for file in page['files']]
        return done.returncode, done.stdout, done.stderr

    assert s3.ask(f'/{names[PACKAGES]}/readme.txt', 'PUT', body=b'x').status == 200
    assert s3.ask(upload, 'PUT', body=b'no wheel').status == 200
    status, output, messages = publish('1.0')
    assert (status, output) == (1, '')
    [message] = messages.splitlines()
    assert message.startswith(f's3:/{upload}: ')
    assert publish('1.1') == (1, '', '')
    bucket.run_tool(environment, 'aws', 's3', 'rm', '--quiet', f's3:/{upload}')
    assert publish('1.2') == (0, '', '')


def test_recipe_in_readme() -> None:
    """Its commands are those of the script, which is tested, after the installation."""
    recipe = block('README.md', 'sh', "pip install '.[bucket]'\n").splitlines()[1:]
    script = block('docs/buckets.md', 'sh', '#!/bin/sh\n').replace(' \\\n    ', ' ')
    script = script.replace('scan -q ', 'scan ')
    assert recipe == re.findall(r'^dumb-pypi .*?(?= 2>|$)', script, re.MULTILINE)


def test_upload_with_rclone(s3: Server, rclone: str, tmp_path: Path) -> None:
    """The commands upload all pages, and then what the next build changes."""
    environment = bucket.tool_environment(s3.url, tmp_path, rclone)
    script = block('docs/buckets.md', 'sh', 'dumb-pypi --packages-dir').replace(INDEX, 'uploaded')
    bucket.make_public(s3, 'uploaded')
    pool = tmp_path / 'pool'
    pool.mkdir()
    for filename in ('foo-1.0-py3-none-any.whl', 'bar-1.0.tar.gz'):
        make(pool, {'filename': filename})
    for _ in range(2):
        bucket.run_tool(environment, 'sh', '-e', '-c', f'cd {tmp_path} && {script}')
        keys = re.findall('<Key>(.*?)</Key>', s3.ask('/uploaded?list-type=2').body.decode())
        tree = tmp_path / 'index'
        assert {*keys} == {
            path.relative_to(tree).as_posix() for path in tree.rglob('*')
            if path.is_file() and '.dumb-pypi' not in path.parts
        }
        for key in keys:
            assert s3.ask(f'/uploaded/{key}').body == (tree / key).read_bytes()
        (pool / 'bar-1.0.tar.gz').unlink(missing_ok=True)


def test_bucket_is_indexed(s3: Server, tmp_path: Path) -> None:
    """The commands for a bucket as a source make its index, again and again."""
    environment = bucket.tool_environment(s3.url, tmp_path)
    make(tmp_path, {'filename': 'foo-1.0-py3-none-any.whl'})
    place = 's3://pool.example.com/pool/foo-1.0-py3-none-any.whl'
    bucket.make_public(s3, 'pool.example.com')
    bucket.run_tool(
        environment, 'aws', 's3', 'cp', '--quiet', tmp_path / 'foo-1.0-py3-none-any.whl', place,
    )
    text = block('docs/sources.md', 'sh', 'dumb-pypi scan --previous')
    script = text.replace(f's3://{PACKAGES}/', 's3://pool.example.com/')
    assert script != text
    for _ in range(2):
        bucket.run_tool(environment, 'sh', '-e', '-c', f'cd {tmp_path} && {script}')
        page = (tmp_path / 'index/simple/foo/index.html').read_text()
        assert f'href="https://{PACKAGES}/pool/foo-1.0-py3-none-any.whl#sha256=' in page


def test_uploads_are_scanned(s3: Server, tmp_path: Path) -> None:
    """A scan takes the hash of a file from its object metadata, if it was uploaded with it."""
    environment = bucket.tool_environment(s3.url, tmp_path)
    name = 'foo-1.0-py3-none-any.whl'
    (tmp_path / 'pool').mkdir()
    make(tmp_path / 'pool', {'filename': name})
    content = (tmp_path / 'pool' / name).read_bytes()
    (tmp_path / name).write_bytes(content)
    for number, start in enumerate(('aws s3 cp pool', 'aws s3 cp foo')):
        uploads = f'uploads{number}'
        bucket.run_tool(environment, 'aws', 's3', 'mb', f's3://{uploads}')
        script = block('docs/buckets.md', 'sh', start).replace(PACKAGES, uploads)
        bucket.run_tool(
            environment, 'sh', '-e', '-c', f'cd {tmp_path} && {script} > {tmp_path}/log',
        )
        line = json.loads(bucket.run_tool(environment, 'dumb-pypi', 'scan', f's3://{uploads}'))
        digest = hashlib.sha256(content).hexdigest()
        assert line['hash'] == f'sha256={digest}'
        found = bucket.run_tool(
            environment, 'aws', 's3api', 'head-object', '--bucket', uploads, '--key', name,
        )
        assert json.loads(found)['Metadata'] == ({'sha256': digest} if number else {})

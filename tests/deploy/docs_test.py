"""The table of hosts is what the tests show, and the commands for a bucket work."""
from __future__ import annotations

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


@pytest.mark.parametrize('name', ['github-pool.yml', 'gitlab.yml'])
def test_pages_commands_build_an_index(tmp_path: Path, name: str) -> None:
    """The commands for GitHub and GitLab Pages build an index whose links work."""
    text = (DEPLOY / 'pages' / name).read_text()
    commands = re.findall(
        r'^ +(?:- )?(?:run: )?((?:pip|mkdir|cp|dumb-pypi|dumb-pypi-scan) .*)$', text, re.MULTILINE,
    )
    # Users have to edit this command.
    install = 'pip install git+https://example.com/dumb-pypi.git'
    assert 'Change the URL' in text
    commands.remove(install)
    assert len(commands) == 4
    (tmp_path / 'pool').mkdir()
    make(tmp_path / 'pool', {'filename': 'foo-1.0-py3-none-any.whl'})
    subprocess.run(
        ['sh', '-e', '-c', '\n'.join(commands)], cwd=tmp_path, check=True,
        env={
            **bucket.tool_environment('http://127.0.0.1:1/', tmp_path),
            'SITE_URL': 'https://team.example.com/index/',
            'CI_PAGES_URL': 'https://team.example.com/index',
        },
    )
    assert 'href="/index/projects/"' in (tmp_path / 'public/404.html').read_text()
    page = (tmp_path / 'public/simple/foo/index.html').read_text()
    [link] = re.findall(r'href="([^"#]*)#sha256=', page)
    assert 'data-core-metadata' in page
    assert (tmp_path / 'public/simple/foo' / link).exists()


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
    pool = tmp_path / 'pool'
    pool.mkdir()
    # Scans of buckets have tests of their own.
    text = script.replace(f's3://{PACKAGES} >', 'pool >')
    assert text != script
    # Two new projects, then a new file of an existing one.
    for filenames in (
            ['foo-1.0-py3-none-any.whl', 'bar-1.0+a.tar.gz'], ['foo-1.1-py3-none-any.whl'],
    ):
        for filename in filenames:
            make(pool, {'filename': filename})
        assert run('sh', '-c', f'cd {tmp_path} && {text}') == ''
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


def test_recipe_in_readme() -> None:
    """Its commands are those of the script, which is tested, after the installation."""
    recipe = block('README.md', 'sh', "pip install 'dumb-pypi[bucket]'\n").splitlines()[1:]
    script = block('docs/buckets.md', 'sh', '#!/bin/sh\n').replace(' \\\n    ', ' ').splitlines()
    assert recipe == script[3:]


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


@pytest.mark.parametrize('text', [
    '', 'null', '{}', '[]', '{"RequestCharged": null, "Prefix": ""}',
    json.dumps([
        {'Path': f'foo-1.0.tar.gz.{suffix}', 'Size': 1, 'ModTime': '2024-01-01T00:00:00Z'}
        for suffix in (
            'asc', 'sig', 'provenance', 'metadata', 'sigstore', 'sigstore.json', 'crt', 'md5',
            'sha256', 'publish.attestation',
        )
    ]),
    '[{"Path": "pool/index.html", "Size": 1, "ModTime": "2024-01-01T00:00:00Z"}]',
])
def test_listing_without_packages_is_empty(text: str) -> None:
    """A listing without packages prints nothing: cron mails any output."""
    assert run_list_packages(text) == (0, '', '')


@pytest.mark.parametrize('text', [
    'null-and-void', '{"Buckets": [], "Prefix": null}', '[1]', '"text"', '3',
    '[{"Path": "foo-1.0.zip", "ModTime": "2024-01-01T00:00:00Z"}]',
    '[{"Path": "foo-1.0.zip", "Size": 1, "ModTime": "2024-01-01T00:00:00Z", "Hashes": 1}]',
    '{"Contents": [{"Key": "foo-1.0.zip", "Size": 1, "LastModified": "yesterday"}]}',
])
def test_other_input_is_reported(text: str) -> None:
    """Input that isn't a listing is an error of one line, and no list is printed."""
    status, printed, message = run_list_packages(text)
    assert (status, printed) == (1, '')
    assert message.startswith('list_packages.py: this is not what aws')
    assert message.count('\n') == 1


def run_list_packages(listing: str, *facts: Path) -> tuple[int, str, str]:
    done = subprocess.run(
        [bucket.PYTHON, bucket.LIST_PACKAGES, *facts], input=listing, capture_output=True,
        text=True, check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_scan_adds_facts_to_listing(tmp_path: Path) -> None:
    """Facts of a scan are added to the file of the same name and size, if it is listed."""
    (tmp_path / 'facts').write_text(''.join(f'{json.dumps(line)}\n' for line in (
        {'filename': 'foo-1.0.zip', 'size': 5, 'hash': 'md5=1', 'url': 'x', 'summary': 'Foo'},
        {'filename': 'foo-2.0-py3-none-any.whl', 'size': 5, 'core_metadata': 'sha256=2'},
        {'filename': 'foo-3.0-py3-none-any.whl', 'size': 5, 'core_metadata': 'sha256=3'},
        {'filename': 'foo-4.0.zip', 'size': 6, 'hash': 'md5=4'},
    )))
    listing = json.dumps([
        {'Path': f'team/{name}', 'Size': 5, 'ModTime': '2024-01-01T00:00:00Z'} for name in (
            'foo-1.0.zip', 'foo-2.0-py3-none-any.whl', 'foo-2.0-py3-none-any.whl.metadata',
            'foo-3.0-py3-none-any.whl', 'foo-4.0.zip',
        )
    ])
    status, printed, message = run_list_packages(listing, tmp_path / 'facts')
    assert (status, message) == (0, '')
    common = {'size': 5, 'upload_timestamp': 1704067200, 'core_metadata': None}
    assert [json.loads(line) for line in printed.splitlines()] == [
        {**common, 'filename': 'foo-1.0.zip', 'url': 'team/foo-1.0.zip', 'hash': 'md5=1',
         'summary': 'Foo'},
        {**common, 'filename': 'foo-2.0-py3-none-any.whl', 'url': 'team/foo-2.0-py3-none-any.whl',
         'core_metadata': 'sha256=2'},
        {**common, 'filename': 'foo-3.0-py3-none-any.whl', 'url': 'team/foo-3.0-py3-none-any.whl'},
        {**common, 'filename': 'foo-4.0.zip', 'url': 'team/foo-4.0.zip'},
    ]


SHA256, MD5 = 'ab' * 32, 'cd' * 16


@pytest.mark.parametrize(('hashes', 'facts', 'expected'), [
    ({'md5': MD5, 'sha256': SHA256}, {}, f'sha256={SHA256}'),
    ({'md5': MD5.upper(), 'crc32': '01020304'}, {}, f'md5={MD5}'),
    ({'sha256': '', 'quickxor': 'abcd'}, {}, None),
    # A scan has a better hash, of a file that may be the same one.
    ({'md5': MD5}, {'hash': f'sha256={SHA256}'}, f'sha256={SHA256}'),
    ({'sha256': SHA256}, {'hash': f'sha256={SHA256}', 'summary': 'Foo'}, f'sha256={SHA256}'),
    # Another file was uploaded under the same name.
    ({'sha256': SHA256}, {'hash': f'sha256={"0" * 64}'}, f'sha256={SHA256}'),
])
def test_hashes_of_listing(
        tmp_path: Path, hashes: dict[str, str], facts: dict[str, str], expected: str | None,
) -> None:
    """The best hash of the listing is used, unless a scan of the same file has another one."""
    (tmp_path / 'facts').write_text(json.dumps({'filename': 'foo-1.0.zip', 'size': 5, **facts}))
    listing = json.dumps([{
        'Path': 'foo-1.0.zip', 'Size': 5, 'ModTime': '2024-01-01T00:00:00Z', 'Hashes': hashes,
    }])
    status, printed, message = run_list_packages(listing, tmp_path / 'facts')
    assert (status, message) == (0, '')
    line = json.loads(printed)
    assert line.get('hash') == expected
    assert line.get('summary') == facts.get('summary')


@pytest.mark.parametrize('text', [None, 'x', '[1]', '{"filename": "foo-1.0.zip"}'])
def test_other_facts_are_reported(tmp_path: Path, text: str | None) -> None:
    """FACTS that a scan didn't print are an error of one line, and no list is printed."""
    if text is not None:
        (tmp_path / 'facts').write_text(text)
    status, printed, message = run_list_packages('[]', tmp_path / 'facts')
    assert (status, printed) == (1, '')
    assert message.startswith(f'list_packages.py: {tmp_path / "facts"} is not what dumb-pypi-scan')
    assert message.count('\n') == 1


def test_rclone_listing_works_too(s3: Server, rclone: str, tmp_path: Path) -> None:
    """A listing of rclone gives the same lines as one of aws."""
    environment = bucket.tool_environment(s3.url, tmp_path, rclone)
    bucket.make_public(s3, 'listed')
    (tmp_path / 'foo-1.0.zip').write_bytes(b'12345')
    bucket.run_tool(
        environment, 'rclone', 'copyto', tmp_path / 'foo-1.0.zip', 'remote:listed/team/foo-1.0.zip',
    )
    listing = bucket.run_tool(
        environment, 'rclone', 'lsjson', '--recursive', '--files-only', '--use-server-modtime',
        '--hash', 'remote:listed',
    )
    status, printed, message = run_list_packages(listing)
    assert (status, message) == (0, '')
    found = json.loads(printed)
    assert found.pop('upload_timestamp') > 1.7e9
    assert found == {
        'filename': 'foo-1.0.zip', 'url': 'team/foo-1.0.zip', 'size': 5, 'core_metadata': None,
        'hash': 'md5=827ccb0eea8a706c4c34a16891f84e7b',
    }

"""The command `dumb-pypi scan` with sources on other servers."""
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from dumb_pypi.commands.scan import main
from testing.distributions import make
from tests.support.scripted import FakeGitHub, OWNER, Reply, Request, run_site, Site

WHEEL = 'foo-1.0-py3-none-any.whl'


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide proxies, tokens and passwords of the user's."""
    for variable in ('GH_TOKEN', 'GITHUB_TOKEN', 'GITHUB_API_URL'):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv('NO_PROXY', '*')
    monkeypatch.setenv('NETRC', str(tmp_path / 'netrc'))


@pytest.fixture
def site() -> Iterator[Site]:
    with run_site() as site:
        site.add_json('/simple/foo/', {
            'files': [{'filename': WHEEL, 'url': WHEEL, 'hashes': {'sha256': '0' * 64}}],
            'project-status': {'status': 'deprecated'},
        })
        yield site


def names(content: bytes) -> list[str]:
    return [json.loads(line)['filename'] for line in content.splitlines()]


def test_each_source_is_one_command(
        site: Site, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    """The command is silent, and does the same with the list and the cache of its last run."""
    output, cache = tmp_path / 'list', tmp_path / 'cache'
    requirements = tmp_path / 'requirements.txt'
    requirements.write_text('bar==1.0\n')
    site.add_json('/simple/bar/', {'files': [{'filename': 'bar-1.0.zip', 'url': 'bar-1.0.zip'}]})
    site.pages['/simple/bar/bar-1.0.zip'] = Reply(b'content')
    with run_site(FakeGitHub) as found:
        github = cast(FakeGitHub, found)
        github.release('v1', [('qux-1.0.tar.gz', b'')], digests=False)
        arguments = [
            '-o', str(output), '--cache', str(cache), '--compute-hashes', '--project', 'foo<2',
            '--projects-from', str(requirements), '--api-url', github.api_url,
            '--projects', str(tmp_path / 'projects'), f'github:{OWNER}', f'{site.url}simple/',
        ]
        assert main(arguments) == 0
        first = output.read_bytes()
        assert names(first) == ['bar-1.0.zip', WHEEL, 'qux-1.0.tar.gz']
        requests = len(site.requests) + len(github.requests)
        assert main(['--previous', str(output), *arguments]) == 0
        assert output.read_bytes() == first
        # The two files were not downloaded again.
        assert len(site.requests) + len(github.requests) == 2 * requests - 2
    assert json.loads((tmp_path / 'projects').read_text())['status'] == 'deprecated'
    assert capfdbinary.readouterr() == (b'', b'')


def test_missing_project(site: Site, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """A missing project is reported; the others are printed, unless the scan is strict."""
    url = f'{site.url}simple/'
    arguments = ['--project', 'foo', '--project', 'missing', url]
    assert main(arguments) == 1
    message = f'{url}: has no project missing\ndumb-pypi: 1 problem was found; '
    out, err = capfdbinary.readouterr()
    assert names(out) == [WHEEL]
    assert err.decode() == f'{message}1 file is listed\n'
    assert main(['--strict', *arguments]) == 1
    out, err = capfdbinary.readouterr()
    assert out == b''
    assert err.decode().startswith(f'{message}0 files are listed\n')


def test_failure_keeps_the_old_list(
        site: Site, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    """If a server fails, or two sources have one project, the list stays what it was."""
    output = tmp_path / 'list'
    output.write_text('old')
    pool = tmp_path / 'pool'
    pool.mkdir()
    make(pool, {'filename': WHEEL})
    site.pages['/simple/bar/'] = Reply(status=403)
    url = f'{site.url}simple/'
    assert main(['-o', str(output), url, '--project', 'foo', '--project', 'bar']) == 1
    [line] = capfdbinary.readouterr().err.decode().splitlines()
    assert line.startswith(f'dumb-pypi: cannot read {url}bar/: HTTP status 403 (Forbidden)')
    assert main(['-o', str(output), str(pool), url, '--project', 'foo']) == 1
    [line] = capfdbinary.readouterr().err.decode().splitlines()
    assert line.startswith(f'dumb-pypi: project foo is in {pool} and in {url}: pass --prefer')
    assert output.read_text() == 'old'
    assert main(['-o', str(output), str(pool), url, '--project', 'foo', '--prefer', url]) == 0
    assert b'simple/foo/' in output.read_bytes()


@pytest.mark.parametrize(('arguments', 'message'), [
    (['https://example.com/simple/'], 'requires --project NAME'),
    (['github:foo'], "'github:foo' is not github:OWNER/REPO"),
    (['.', '--project', 'foo'], '--project has no effect: none of the sources is a simple index'),
    (['https://example.com/', '--project', '-r a'], "'-r a' is an option of pip"),
])
def test_usage_errors(
        arguments: list[str], message: str, capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    """A wrong command line exits with 2 and says why."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert message in capfdbinary.readouterr().err.decode()


def test_interrupted_scan_ends_at_once(site: Site) -> None:
    """Ctrl-C ends a scan that waits for servers, with one line."""
    asked, done = threading.Event(), threading.Event()

    def wait(_: Request) -> Reply:
        asked.set()
        done.wait()
        return Reply()

    site.pages['/simple/foo/'] = wait
    with subprocess.Popen(
        [sys.executable, '-m', 'dumb_pypi', 'scan', f'{site.url}simple/', '--project', 'foo'],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ), text=True,
    ) as process:
        try:
            asked.wait()
            process.send_signal(signal.SIGINT)
            assert process.communicate() == ('', 'dumb-pypi: interrupted\n')
            assert process.returncode == 130
        finally:
            done.set()

"""pip and uv install from an index that a build wrote into a bucket, behind the edge function."""
from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from testing.distributions import make
from tests.conftest import NeedProgram
from tests.support import bucket
from tests.support.servers import Server, TIMEOUT

WHEEL = 'foo-1.0-py3-none-any.whl'
PROGRAMS = {
    'pip': (sys.executable, '-m', 'pip', 'install', '--isolated', '--no-cache-dir'),
    'uv': (str(Path(sys.executable).with_name('uv')), 'pip', 'install', '--no-config', '--no-cache',
           '--python', sys.executable),
}


@pytest.fixture(scope='module')
def site(
        tmp_path_factory: pytest.TempPathFactory, need_program: NeedProgram,
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp('bucket')
    pool = folder / 'pool'
    pool.mkdir()
    make(pool, {'filename': WHEEL})
    with bucket.run_s3(folder) as s3:
        bucket.make_public(s3, 'index')
        assert s3.ask(f'/index/pool/{WHEEL}', 'PUT', body=(pool / WHEEL).read_bytes()).status == 200
        bucket.run_tool(
            bucket.tool_environment(s3.url.rstrip('/'), folder), 'dumb-pypi', '--packages-dir',
            pool, '--packages-url', '../../pool/', '--output-dir', 's3://index',
        )
        with bucket.run_cdn(need_program('node', package='nodejs'), s3, 'index', folder) as server:
            yield server


@pytest.mark.parametrize('program', PROGRAMS)
def test_installs_from_bucket(site: Server, program: str, tmp_path: Path) -> None:
    """The wheel is found and installed, and its hash is right."""
    subprocess.run(
        [*PROGRAMS[program], '--no-deps', '--target', str(tmp_path / 'target'),
         '--index-url', f'{site.url}simple/', 'foo'],
        check=True, timeout=TIMEOUT,
        env={'PATH': os.defpath, 'HOME': str(tmp_path), 'NO_PROXY': '*'},
    )
    assert (tmp_path / 'target/foo-1.0.dist-info').is_dir()

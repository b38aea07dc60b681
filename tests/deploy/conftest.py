"""A small index, and the hosts that serve it."""
from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from dumb_pypi import build
from testing.distributions import make
from tests.conftest import NeedProgram
from tests.support.hosts import Case, Sites, write_user_files
from tests.support.servers import Server
from tests.support.trees import SAMPLES

# Pages with a .gz file next to them, as after a build with --precompress.
PACKED_PAGES = (
    'simple/whiskers/index.html', 'simple/whiskers/index.json', 'pypi/whiskers/json',
    'project/whiskers/index.html', 'static/names.txt',
)


@pytest.fixture(scope='session')
def tree() -> Iterator[Path]:
    """Build the sample index, with its packages in `pool`, for every user to read."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        tree = Path(folder, 'tree')
        pool = tree / 'pool'
        pool.mkdir(parents=True)
        lines = [
            make(pool, json.loads(line))
            for line in (SAMPLES / 'package-list.jsonl').read_text().splitlines()
        ]
        package_list = Path(folder, 'packages.jsonl')
        package_list.write_text(''.join(f'{json.dumps(line)}\n' for line in lines))
        build(
            package_list_json=str(package_list), packages_url='../../pool/', output_dir=str(tree),
            site_url='https://pypi.example.com/', changes_file=f'{folder}/changes.jsonl',
        )
        for page in PACKED_PAGES:
            content = (tree / page).read_bytes()
            # The time in its header shows that no server compressed it.
            (tree / f'{page}.gz').write_bytes(gzip.compress(content, 1, mtime=1))
        # Two sdists, not two forms of one.
        (pool / 'odd-1.0.tar').write_bytes(b'the .tar')
        (pool / 'odd-1.0.tar.gz').write_bytes(gzip.compress(b'the .tar.gz'))
        (tree / 'notes.txt').write_text('A text file that compresses well. ' * 100)
        (tree / 'empty').mkdir()
        (tree / 'links').mkdir()
        (tree / 'links/gone-1.0.zip').symlink_to('nowhere')
        assert (tree / '.dumb-pypi/state.json').exists()
        write_user_files(tree)
        yield tree


@pytest.fixture(scope='session')
def sites(tree: Path, need_program: NeedProgram) -> Iterator[Sites]:
    with ExitStack() as stack:
        yield Sites(tree, need_program, stack)


@pytest.fixture
def site(request: pytest.FixtureRequest, sites: Sites) -> Server:
    case: Case = request.param
    return sites[case]


@pytest.fixture
def rclone(need_program: NeedProgram) -> str:
    return need_program('rclone', package='rclone')

"""An unusual value of one file must not keep a project's other files from installing."""
from __future__ import annotations

import json
from pathlib import Path

import pytest

from dumb_pypi import build
from testing.distributions import Facts, make
from tests.support.client_index import assert_installed, Index
from tests.support.programs import Pip, Uv
from tests.support.servers import Server

# Wrong or unusual values in the line of a file. Each is in the line of version 2.0 of a project.
VALUES: dict[str, Facts] = {
    # Truncated digests: uv rejects a page with a digest of the wrong length.
    'short-sha256': {'hash': 'sha256=abc'},
    'short-md5': {'hash': 'md5=abc'},
    'short-metadata-hash': {'core_metadata': 'sha256=abc'},
    # `b2sum` and hashlib have 512 bits by default; the public index and uv have 256 bits.
    'blake2b-of-512-bits': {'hash': f'blake2b={"ab" * 64}'},
    'metadata-blake2b-of-512-bits': {'core_metadata': f'blake2b={"ab" * 64}'},
    # Algorithms that clients do not know.
    'unknown-hash': {'hash': 'crc32=abcdef01', 'core_metadata': 'crc32=abcdef01'},
    'far-future': {'upload_timestamp': 253402300799},  # the last second of the year 9999
    'bounds': {'upload_timestamp': 0, 'size': 2 ** 63 - 1},
    'fraction': {'upload_timestamp': 1706702400.1234567, 'size': 0},
    'requires-python': {'requires_python': 'Python "3"'},
    'yanked-reason': {'yanked_reason': '\u2028"\'>\U0001f408'},
    'query': {'url': 'a b/{filename}?token=a+b&c=%2B'},
}


@pytest.fixture(scope='session')
def unusual_index(index: Index) -> str:
    """Build an index of these projects; return its path below a server's URL."""
    pool = index.root / 'unusual' / 'pool'
    pool.mkdir(parents=True)
    lines: list[Facts] = []
    for name, facts in VALUES.items():
        module = name.replace('-', '_')
        usual, unusual = (f'{module}-{version}-py3-none-any.whl' for version in ('1.0', '2.0'))
        filled = {
            key: value.format(filename=unusual) if key == 'url' else value
            for key, value in facts.items()
        }
        lines += [make(pool, {'filename': usual}), {'filename': unusual, 'size': 1, **filled}]
    package_list = index.root / 'unusual.jsonl'
    package_list.write_text(''.join(f'{json.dumps(line)}\n' for line in lines))
    # Whether the build reports or skips such lines is for other tests.
    build(
        package_list_json=str(package_list), packages_url='../../pool/',
        output_dir=str(index.root / 'unusual'),
    )
    return 'unusual/simple/'


@pytest.mark.parametrize('project', VALUES)
def test_uv_installs_the_other_file(
        uv: Uv, server: Server, unusual_index: str, target: Path, project: str,
) -> None:
    """uv rejects a page for one value that it can't parse, so no such value may be on a page."""
    outcome = uv.install(f'{server.url}{unusual_index}', target, f'{project}==1.0')
    assert_installed(outcome, target, {project: '1.0'})


def test_pip_installs_the_other_files(
        pip: Pip, server: Server, unusual_index: str, target: Path,
) -> None:
    """pip installs version 1.0 of each project."""
    requirements = [f'{project}==1.0' for project in VALUES]
    outcome = pip.install(f'{server.url}{unusual_index}', target, *requirements)
    assert_installed(outcome, target, dict.fromkeys(VALUES, '1.0'))

"""One odd value of one file must cost its project nothing else: uv refuses a whole page."""
from __future__ import annotations

import json
from pathlib import Path

import pytest

from dumb_pypi.builder import build
from testing.distributions import Facts, make
from tests.support.client_index import Index
from tests.support.programs import installed, Pip, Uv
from tests.support.servers import Server

# What a list may say of one file, wrong or strange as it is. A project has it each, on 2.0.
ODD: dict[str, Facts] = {
    # Cut off by a shell or a spreadsheet. uv refuses digests of another length than they have.
    'short-sha256': {'hash': 'sha256=abc'},
    'short-md5': {'hash': 'md5=abc'},
    'short-metadata-hash': {'core_metadata': 'sha256=abc'},
    # What `b2sum` and hashlib give. The public index has the one of 256 bits; uv takes no other.
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
def odd_index(index: Index) -> str:
    """Where below a server's URL the index of the odd projects is."""
    pool = index.root / 'odd' / 'pool'
    pool.mkdir(parents=True)
    lines: list[Facts] = []
    for name, facts in ODD.items():
        module = name.replace('-', '_')
        good, odd = (f'{module}-{version}-py3-none-any.whl' for version in ('1.0', '2.0'))
        filled = {
            key: value.format(filename=odd) if key == 'url' else value
            for key, value in facts.items()
        }
        lines += [make(pool, {'filename': good}), {'filename': odd, 'size': 1, **filled}]
    package_list = index.root / 'odd.jsonl'
    package_list.write_text(''.join(f'{json.dumps(line)}\n' for line in lines))
    # The build may report such lines, or leave them out. That is not what is shown here.
    build(
        package_list_json=str(package_list), packages_url='../../pool/',
        output_dir=str(index.root / 'odd'),
    )
    return 'odd/simple/'


@pytest.mark.parametrize('project', ODD)
def test_an_odd_line_costs_its_project_nothing_else(
        uv: Uv, server: Server, odd_index: str, target: Path, project: str,
) -> None:
    """uv refuses a whole page for one value that it cannot read: none must get there."""
    outcome = uv.install(f'{server.url}{odd_index}', target, f'{project}==1.0')
    assert outcome.status == 0, outcome.said
    assert installed(target) == {project: '1.0'}


def test_pip_installs_what_is_beside_odd_lines(
        pip: Pip, server: Server, odd_index: str, target: Path,
) -> None:
    requirements = [f'{project}==1.0' for project in ODD]
    outcome = pip.install(f'{server.url}{odd_index}', target, *requirements)
    assert outcome.status == 0, outcome.said
    assert installed(target) == dict.fromkeys(ODD, '1.0')

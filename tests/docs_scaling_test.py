"""The scripts in docs/scaling.md build an index on clusters that run here."""
from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import dask
import pytest
from distributed import LocalCluster

from dumb_pypi import build
from tests.support import trees
from tests.support.docs import block

PAGE = 'docs/scaling.md'
LINES = [{'filename': f'p{number}-{version}.zip'} for number in range(20) for version in range(3)]


def run_script(folder: Path, start: str, changes: Mapping[str, str]) -> None:
    """Run a script with other values in it; assert that it builds the index of `LINES`."""
    (folder / 'packages.jsonl').write_bytes(trees.json_lines(LINES))
    script = block(PAGE, 'python', start)
    for old, new in {'/shared': str(folder), **changes}.items():
        assert old in script
        script = script.replace(old, new)
    (folder / 'script.py').write_text(script)
    programs = os.pathsep.join((str(Path(sys.executable).parent), os.environ['PATH']))
    done = subprocess.run(
        [sys.executable, 'script.py'], cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, 'PATH': programs}, timeout=300,
    )
    assert done.returncode == 0, done.stderr
    alone = build(
        package_list_json=folder / 'packages.jsonl', output_dir=folder / 'alone',
        packages_url='https://packages.example.com/',
    )
    assert done.stdout == f'{alone.written} pages were written\n'
    assert trees.pages_in(folder / 'index') == trees.pages_in(folder / 'alone')


@pytest.mark.filterwarnings('ignore')
def test_dask_script(tmp_path: Path) -> None:
    """The script for Dask builds the index on a cluster of two workers."""
    with (
        dask.config.set({'temporary-directory': str(tmp_path)}),
        LocalCluster(
            n_workers=2, threads_per_worker=1, host='127.0.0.1', dashboard_address=None,
            local_directory=str(tmp_path),
        ) as cluster,
    ):
        run_script(tmp_path, 'from distributed', {
            'tcp://scheduler.example.com:8786': cluster.scheduler_address,
        })


def test_parsl_script(tmp_path: Path) -> None:
    """The script for Parsl starts workers and builds the index with them."""
    run_script(tmp_path, 'from parsl', {
        # Otherwise it would listen to all networks.
        "address='127.0.0.1'": "address='127.0.0.1', loopback_address='127.0.0.1'",
        'max_workers_per_node=4': 'max_workers_per_node=2',
    })

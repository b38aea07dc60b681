"""Run the recipes of docs/automating.md, with replacements for the programs of the reader."""
from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dumb_pypi import build
from tests.support.docs import block

AUTOMATING = 'docs/automating.md'

# Applies a changes file, line by line, to a folder: what an upload does to a bucket.
UPLOAD = '''\
import json, pathlib, shutil, sys
changes, new, site = map(pathlib.Path, sys.argv[1:])
for line in changes.read_text().splitlines():
    change = json.loads(line)
    place = site / change['path']
    if change['action'] == 'write':
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(new / change['path'], place)
    else:
        place.unlink()
'''


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Return an environment with replacements for the programs of the reader."""
    programs = tmp_path / 'bin'
    programs.mkdir()
    for name, script in (
            ('list-packages', 'ls pool'), ('sync-index', 'rm -rf live && cp -R "$1" live'),
            ('upload', f'exec {sys.executable} upload.py "$@"'),
    ):
        (programs / name).write_text(f'#!/bin/sh\n{script}\n')
        (programs / name).chmod(0o755)
    (tmp_path / 'upload.py').write_text(UPLOAD)
    folders = (str(programs), str(Path(sys.executable).parent), os.environ['PATH'])
    return {**os.environ, 'PATH': os.pathsep.join(folders)}


def pages(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob('*') if path.is_file() and '.dumb-pypi' not in path.parts
    }


def full_build(tmp_path: Path, lines: str) -> dict[str, bytes]:
    (tmp_path / 'full.jsonl').write_text(lines)
    build(
        package_list_json=str(tmp_path / 'full.jsonl'), packages_url='../../pool/',
        output_dir=str(tmp_path / 'full'), allow_shrink=True,
    )
    return pages(tmp_path / 'full')


def without_times(found: dict[str, bytes]) -> dict[str, bytes]:
    """The command dates the root pages that may be dated."""
    return {
        path: re.sub(rb' on <time .*</time>|<meta name="generated".*>\n', b'', content)
        for path, content in found.items()
    }


def test_cron_job(tmp_path: Path, environment: dict[str, str]) -> None:
    """The cron job is silent and publishes each new file."""
    command = block(AUTOMATING, 'crontab', '* * * * * list-packages').removeprefix('* * * * * ')
    (tmp_path / 'pool').mkdir()
    for name in ('foo-1.0.zip', 'bar-1.0.zip'):
        (tmp_path / 'pool' / name).touch()
        done = subprocess.run(
            ['sh', '-c', command], cwd=tmp_path, env=environment, check=True, capture_output=True,
        )
        assert (done.stdout, done.stderr) == (b'', b'')
        page = (tmp_path / 'live/simple' / name[:3] / 'index.html').read_text()
        assert f'https://packages.example.com/{name}' in page


def test_release_repository(tmp_path: Path, environment: dict[str, str]) -> None:
    """After each release the live site equals a full build of the last list."""
    (tmp_path / 'Makefile').write_text(block(AUTOMATING, 'make'))
    (tmp_path / 'live').mkdir()
    (tmp_path / 'live/packages.json').touch()
    lines = [
        json.dumps({'filename': f'{project}-{version}.zip', 'upload_timestamp': version * 10 ** 8})
        for project in ('foo', 'bar', 'baz') for version in (1, 2, 9)
    ]
    for count, (first, last) in enumerate(((0, 4), (0, 9), (0, 8), (3, 8), (1, 9))):
        text = ''.join(f'{line}\n' for line in lines[first:last])
        (tmp_path / 'packages.jsonl').write_text(text)
        subprocess.run(
            ['make', 'release', 'FETCH=cat', 'SITE=live', 'UPLOAD=upload'],
            cwd=tmp_path, env=environment, check=True, capture_output=True,
        )
        assert without_times(pages(tmp_path / 'live')) == full_build(tmp_path, text)
        if count == 2:
            # Only baz and the pages that link to it were rendered.
            assert not (tmp_path / 'new/simple/foo').exists()
            assert not (tmp_path / 'new/pypi/baz/9').exists()

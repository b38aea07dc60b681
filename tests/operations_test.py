"""docs/operations.md shows only commands that run, and says what builds and checks do."""
from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import get_args

import pytest

from dumb_pypi import build
from dumb_pypi.builder.check import check
from dumb_pypi.builder.comparison import Kind
from dumb_pypi.errors import FileError
from tests.conftest import NeedProgram

ROOT = Path(__file__).parent.parent
OPERATIONS = (ROOT / 'docs/operations.md').read_text()
BUCKETS = (ROOT / 'docs/buckets.md').read_text()
BLOCKS = re.findall(r'^```(\w*)\n(.*?)^```$', OPERATIONS, re.MULTILINE | re.DOTALL)
TABLE = OPERATIONS.partition('\n| what happened ')[2].partition('\n\n')[0]
ROWS = [[cell.strip() for cell in line.strip('|').split('|')] for line in TABLE.splitlines()[2:]]


def block(language: str, word: str = '') -> str:
    """Return the only block of a language that has a word."""
    [text] = [text for found, text in BLOCKS if found == language and word in text]
    return str(text)


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """An index of one project, built where the commands expect it."""
    (tmp_path / 'packages.jsonl').write_text('{"filename": "foo-1.0.zip"}\n')
    rebuild(tmp_path / 'index')
    return tmp_path / 'index'


def rebuild(index: Path, *, full: bool = False) -> None:
    build(
        package_list_json=index.parent / 'packages.jsonl', packages_url='../../pool/',
        output_dir=index, full=full,
    )


def sh(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ['sh', '-e', '-c', script], cwd=folder, check=False, capture_output=True, text=True,
        env={**os.environ, 'PATH': f'{Path(sys.executable).parent}:{os.environ["PATH"]}'},
    )


def remove(place: Path) -> None:
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink()


def empty(place: Path) -> None:
    place.write_text('')


def edit(place: Path) -> None:
    place.write_text('edited')


def link(place: Path) -> None:
    moved = next(parent for parent in place.parents if parent.name == 'index').with_name('moved')
    place.rename(moved)
    place.symlink_to(moved)


def replace_by_folder(place: Path) -> None:
    place.unlink()
    place.mkdir()


def add(place: Path) -> None:
    place.parent.mkdir(parents=True)
    place.touch()


Damage = tuple[Callable[[Path], None], str]
# What happened in each row of the table.
DAMAGES: Sequence[Sequence[Damage]] = (
    (
        (remove, 'simple'), (remove, 'static'), (remove, 'index.html'),
        (remove, 'changelog/undated.html'), (remove, 'static/style-*'),
    ),
    ((empty, 'index.html'), (edit, 'simple/index.json'), (edit, 'static/style-*')),
    (
        (remove, 'simple/foo'), (remove, 'project/foo'), (remove, 'pypi/foo'),
        (link, 'simple/foo'), (link, 'pypi/foo'),
    ),
    (
        (remove, 'simple/foo/index.html'), (empty, 'pypi/foo/json'), (edit, 'pypi/foo/1.0/json'),
        (link, 'simple/foo/index.json'), (replace_by_folder, 'project/foo/index.html'),
    ),
    ((empty, 'changelog/undated.html'), (edit, 'changelog/undated.html')),
    ((add, 'simple/old/index.html'), (add, 'pypi/foo/9.9/json')),
    ((link, 'simple'), (link, 'changelog')),
)


@pytest.mark.parametrize(('row', 'damage', 'path'), [
    (row, damage, path) for row, damages in enumerate(DAMAGES) for damage, path in damages
])
def test_table_of_damage(
        index: Path, row: int, damage: Callable[[Path], None], path: str,
) -> None:
    """A build, a check and a full build do what the row says."""
    _, next_build, checked, full_build = ROWS[row]
    damage(next(index.glob(path), index / path))
    found = check(str(index)).differences
    assert checked.startswith('reports') == bool(found)
    for said, full in ((next_build, False), (full_build, True)):
        if said.startswith('fails'):
            with pytest.raises(FileError, match='replace it by a folder'):
                rebuild(index, full=full)
            continue
        rebuild(index, full=full)
        assert check(str(index)).differences == (found if said == 'does not notice' else [])


def test_table_has_no_other_row() -> None:
    """Each row is tried."""
    assert len(ROWS) == len(DAMAGES)


def test_example_of_check(index: Path) -> None:
    """The lines are those that the command prints, but for the number of pages."""
    edit(index / 'project/foo/index.html')
    remove(index / 'simple/foo/index.html')
    add(index / 'simple/old/index.html')
    done = sh(block('sh', 'dumb-pypi check'), index.parent)
    assert done.returncode == 1
    shown = re.sub(r'[0-9]+ pages', f'{check(str(index)).pages} pages', block('', 'unknown simple'))
    assert done.stdout + done.stderr == shown


def test_example_of_json(index: Path) -> None:
    """The object has the keys, kinds and types of those that the command prints."""
    remove(index / 'simple/foo/index.html')
    printed = json.loads(sh('dumb-pypi check --json index', index.parent).stdout)
    shown = json.loads(block('json'))
    assert printed == {**shown, 'pages': printed['pages']}
    assert set(shown['counts']) == set(get_args(Kind))


def test_cron_jobs(index: Path, need_program: NeedProgram) -> None:
    """The check is silent if all is well, and waits for the lock of the cron job of a bucket."""
    need_program('flock', package='util-linux')
    publish, job = block('crontab').splitlines()
    assert publish in BUCKETS
    command = job.removeprefix('15 3 * * * ').replace('/srv/pypi', str(index.parent))
    done = sh(command, index.parent)
    assert (done.returncode, done.stdout, done.stderr) == (0, '', '')
    remove(index / 'simple/foo/index.html')
    done = sh(command, index.parent)
    assert (done.returncode, done.stdout, done.stderr) == (1, 'missing simple/foo/index.html\n', '')


def test_index_can_be_built_again(index: Path) -> None:
    """The command repairs all pages, and `packages.json` can replace the list."""
    remove(index / 'simple/foo/index.html')
    remove(index / '.dumb-pypi')
    done = sh(block('sh', '--full'), index.parent)
    assert (done.returncode, done.stdout, done.stderr) == (0, '', '')
    before = (index / 'packages.json').read_bytes()
    (index / 'packages.json').rename(index.parent / 'packages.jsonl')
    rebuild(index)
    assert (index / 'packages.json').read_bytes() == before
    assert check(str(index)).differences == []


def test_signature(index: Path, need_program: NeedProgram) -> None:
    """It is that of the list, until the next build changes that, and no build deletes it."""
    need_program('ssh-keygen', package='openssh-client')
    folder = index.parent
    for word in ('-t ed25519', '-Y sign', '-Y verify'):
        done = sh(block('sh', word), folder)
        assert (done.returncode, done.stderr) == (0, '')
    (folder / 'packages.jsonl').write_text('{"filename": "foo-1.0.zip", "size": 1}\n')
    rebuild(index, full=True)
    assert sh(block('sh', '-Y verify'), folder).returncode != 0
    assert sh(block('sh', '-Y sign') + block('sh', '-Y verify'), folder).returncode == 0
    assert check(str(index)).differences == []

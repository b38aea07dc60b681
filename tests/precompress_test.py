"""The `.gz` files next to pages."""
from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from dumb_pypi import build
from dumb_pypi.builder.report import Report
from tests.support import histories

LINES = tuple(
    f'{{"filename": "{name}-{number}.0.zip", "upload_timestamp": {1704103200 + number}}}'
    for name in ('foo', 'bar') for number in range(20)
)


def run(folder: Path, lines: tuple[str, ...] = LINES, **options: Any) -> Report:
    return build(**{
        'package_list_json': histories.write_lines(folder / 'list', list(lines)),
        'packages_url': '../../pool/', 'output_dir': str(folder / 'out'), 'precompress': True,
        **options,
    })


def compressed(out: Path) -> dict[str, bytes]:
    return {
        path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob('*.gz')
    }


def assert_sound(out: Path) -> None:
    """Each compressed form is that of its page, with its time; each page worth one has one."""
    for path, content in compressed(out).items():
        page = out / path.removesuffix('.gz')
        assert gzip.decompress(content) == page.read_bytes()
        assert page.stat().st_mtime_ns == (out / path).stat().st_mtime_ns
    missing = {
        path for path, content in histories.read_tree(out).items()
        if len(content) > 4000 and not path.endswith('.gz') and not (out / f'{path}.gz').exists()
    }
    assert missing <= {'packages.json'}


@pytest.mark.parametrize('jobs', (1, 2))
def test_large_pages_are_compressed(tmp_path: Path, jobs: int) -> None:
    """Pages that get smaller have a .gz next to them, whoever writes them."""
    run(tmp_path, jobs=jobs)
    found = compressed(tmp_path / 'out')
    assert {
        'simple/foo/index.html.gz', 'simple/foo/index.json.gz', 'project/foo/index.html.gz',
        'pypi/foo/json.gz', 'changelog/2024-01.html.gz', 'index.html.gz',
    } <= set(found)
    # Two lines get no smaller.
    assert 'simple/index.json.gz' not in found
    assert_sound(tmp_path / 'out')


def test_compressed_files_are_reproducible(tmp_path: Path) -> None:
    """The same list gives the same bytes; a rebuild rewrites no file."""
    run(tmp_path)
    before = histories.age(tmp_path / 'out')
    assert run(tmp_path, full=True).written == 0
    now = histories.stamps(tmp_path / 'out')
    assert {path for path in now if path[0] != '.' and now[path] != before[path]} == set()
    run(tmp_path, output_dir=str(tmp_path / 'other'))
    assert compressed(tmp_path / 'other') == compressed(tmp_path / 'out')


def test_compressed_files_follow_their_pages(tmp_path: Path) -> None:
    """A page that changes or is deleted leaves no stale .gz."""
    run(tmp_path)
    run(tmp_path, (*LINES[:20], *LINES[21:25]), allow_shrink=True)
    assert_sound(tmp_path / 'out')
    # Its pages are too small now.
    run(tmp_path, (*LINES[:20], LINES[21]), allow_shrink=True)
    assert_sound(tmp_path / 'out')
    assert 'simple/bar/index.json.gz' not in compressed(tmp_path / 'out')
    run(tmp_path, LINES[:20], allow_shrink=True)
    assert not (tmp_path / 'out/simple/bar').exists()
    assert_sound(tmp_path / 'out')


@pytest.mark.parametrize('lost', (False, True))
def test_compressed_files_are_deleted_without_option(tmp_path: Path, lost: bool) -> None:
    """No stale .gz is left for a web server, even if the state is lost."""
    run(tmp_path)
    if lost:
        (tmp_path / 'out/.dumb-pypi/state.json').unlink()
    run(tmp_path, precompress=False)
    assert not compressed(tmp_path / 'out')


def test_users_gz_files_are_kept(tmp_path: Path) -> None:
    """A build deletes only the compressed files of its own pages."""
    (tmp_path / 'out/simple/foo').mkdir(parents=True)
    (tmp_path / 'out/simple/foo/notes.txt.gz').write_bytes(b'mine')
    run(tmp_path)
    run(tmp_path, precompress=False)
    run(tmp_path, LINES[20:], allow_shrink=True)
    assert (tmp_path / 'out/simple/foo/notes.txt.gz').read_bytes() == b'mine'


def test_changes_file_lists_compressed_files(tmp_path: Path) -> None:
    """Each .gz is written and deleted with its page, and deleted before it."""
    changes = tmp_path / 'changes'

    def told() -> list[dict[str, Any]]:
        return [json.loads(line) for line in changes.read_text().splitlines()]

    run(tmp_path, changes_file=str(changes))
    written = {change['path'] for change in told() if change['action'] == 'write'}
    assert {path for path in written if path.endswith('.gz')} == set(compressed(tmp_path / 'out'))
    run(tmp_path, (*LINES, '{"filename": "foo-99.0.zip"}'), changes_file=str(changes))
    written = {change['path'] for change in told()}
    assert {'simple/foo/index.html', 'simple/foo/index.html.gz'} <= written
    assert 'simple/bar/index.html.gz' not in written
    run(tmp_path, LINES[:20], changes_file=str(changes))
    deleted = [change['path'] for change in told() if change['action'] == 'delete']
    assert deleted.index('simple/bar/index.html.gz') < deleted.index('simple/bar/index.html')


@pytest.mark.parametrize(
    ('lines', 'options'), (
        ((*LINES[:1], *LINES[20:23]), {'allow_shrink': True}),
        (LINES[:1], {'allow_shrink': True}),
        (LINES[20:], {'allow_shrink': True}),
        ((*LINES, '{"filename": "new-1.0.zip"}'), {}),
    ),
)
def test_changes_delete_stale_compressed_files(
        tmp_path: Path, lines: tuple[str, ...], options: dict[str, Any],
) -> None:
    """A build from a previous list deletes compressed files that only the live site has."""
    run(tmp_path)
    live = histories.read_tree(tmp_path / 'out')
    changes = tmp_path / 'changes'
    run(
        tmp_path, lines, output_dir=str(tmp_path / 'fresh'), changes_file=str(changes),
        previous_package_list_json=str(tmp_path / 'out/packages.json'), **options,
    )
    fresh = histories.read_tree(tmp_path / 'fresh')
    for change in map(json.loads, changes.read_text().splitlines()):
        if change['action'] == 'write':
            live[change['path']] = fresh[change['path']]
        else:
            live.pop(change['path'], None)
    run(tmp_path, lines, output_dir=str(tmp_path / 'whole'))
    assert live == histories.read_tree(tmp_path / 'whole')

"""A folder of distribution files becomes an index in one command."""
from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dumb_pypi import build, scan, store
from dumb_pypi.api import build_session
from dumb_pypi.commands.build import main
from dumb_pypi.errors import BusyError, FileError, ListError, RefusedError, ShrinkError
from tests.support import histories
from tests.support.archives import METADATA, NO_SDIST, SDIST, wheel
from tests.support.changes_file import read_changes

Captured = pytest.CaptureFixture[str]

NAME = 'foo-1.0-py3-none-any.whl'
# A wheel of the same size and another hash.
OTHER = wheel(METADATA.replace(b'foo', b'Foo'))


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    """A folder inside the output directory, with two wheels."""
    pool = tmp_path / 'index/pool'
    (pool / 'a b').mkdir(parents=True)
    (pool / NAME).write_bytes(wheel())
    (pool / 'a b/foo-2.0-py3-none-any.whl').write_bytes(wheel(METADATA.replace(b'1.0', b'2.0')))
    return pool


def run(pool: Path, **options: Any) -> Any:
    return build(**{'packages_dir': pool, 'output_dir': pool.parent, **options})


def command(pool: Path, *options: str) -> list[str]:
    return ['--packages-dir', str(pool), '--output-dir', str(pool.parent), *options]


def lines(pool: Path) -> dict[str, dict[str, Any]]:
    """Return the lines of the index by file name."""
    content = (pool.parent / 'packages.json').read_text()
    return {line['filename']: line for line in map(json.loads, content.splitlines())}


def state_of(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Return the inode, size and time of every file and folder."""
    return {
        str(path): (status.st_ino, status.st_size, status.st_mtime_ns)
        for path in [folder, *folder.rglob('*')] for status in [path.lstat()]
    }


def replace_secretly(place: Path, content: bytes) -> None:
    """Change a file, but neither its size nor its time."""
    status = place.stat()
    assert len(content) == status.st_size
    place.write_bytes(content)
    os.utime(place, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_folder_equals_its_scanned_list(pool: Path, tmp_path: Path, capsys: Captured) -> None:
    """One command makes the index that scanning and building its list in two would make."""
    (tmp_path / 'list').write_bytes(b'\n'.join(scan(pool).lines))
    build(
        package_list_json=tmp_path / 'list', packages_url='../../pool/',
        output_dir=tmp_path / 'other',
    )
    expected = histories.read_tree(tmp_path / 'other')
    assert main(command(pool, '--no-generate-timestamp')) == 0
    assert capsys.readouterr() == ('', '')
    shutil.move(pool, tmp_path / 'pool')
    assert histories.read_tree(tmp_path / 'index') == expected
    assert b'href="../../pool/a%20b/foo-2.0-' in expected['simple/foo/index.html']


def test_output_dir_can_be_the_folder(pool: Path) -> None:
    """The folder may be the output directory itself: pages are not listed as files."""
    for written in (True, False):
        report = run(pool, output_dir=pool)
        assert (report.files, report.notices) == (2, [])
        assert (report.written > 0) == written
    assert 'href="../../foo-1.0-' in (pool / 'simple/foo/index.html').read_text()


def test_folders_of_pages_may_have_files(pool: Path) -> None:
    """A file in a folder that the index uses for its pages stays in the index."""
    folder = pool.rename(pool.parent / 'project')
    for _ in range(2):
        report = run(folder, output_dir=folder.parent, packages_dir=folder.parent)
        assert (report.files, report.notices) == (2, [])
    assert 'href="../../project/foo-1.0-' in (folder.parent / 'simple/foo/index.html').read_text()


def test_nothing_new_writes_nothing(pool: Path) -> None:
    """A build of an unchanged folder reads none of its files and writes nothing."""
    options: dict[str, Any] = {'write_metadata': True}
    assert run(pool, **options).written > 0
    before = state_of(pool.parent)
    assert len(list(pool.rglob('*.metadata'))) == 2
    replace_secretly(pool / NAME, OTHER)
    assert run(pool, **options).written == 0
    assert state_of(pool.parent) == before
    # A full build trusts nothing.
    old = lines(pool)[NAME]['hash']
    assert run(pool, full=True, **options).written > 0
    assert lines(pool)[NAME]['hash'] != old


def test_unchanged_build_imports_little(pool: Path) -> None:
    """A build of an unchanged folder imports neither what renders pages nor what reads archives."""
    run(pool)
    script = (
        'import sys\nfrom dumb_pypi.commands.build import main\n'
        'assert main(sys.argv[1:]) == 0\n'
        'print(*{"zipfile", "email", "tqdm", "concurrent", "jinja2", "packaging", "tempfile", '
        '"dumb_pypi.model.distfile", "dumb_pypi.builder.state"} & {*sys.modules})'
    )
    done = subprocess.run(
        [sys.executable, '-c', script, *command(pool, '--no-generate-timestamp')],
        check=True, capture_output=True, text=True,
    )
    assert (done.stdout, done.stderr) == ('\n', '')


def test_only_new_files_are_read(pool: Path) -> None:
    """New and touched files are read, and removed ones leave the index."""
    run(pool)
    old = lines(pool)[NAME]['hash']
    replace_secretly(pool / NAME, OTHER)
    (pool / 'bar-1.0-py3-none-any.whl').write_bytes(wheel(
        METADATA.replace(b'foo', b'bar'), 'bar-1.0.dist-info',
    ))
    assert run(pool).files == 3
    assert lines(pool)[NAME]['hash'] == old
    (pool / NAME).touch()
    shutil.rmtree(pool / 'a b')
    assert run(pool).files == 2
    assert lines(pool)[NAME]['hash'] != old


def test_broken_file_is_skipped(pool: Path, capsys: Captured) -> None:
    """A broken file is reported once; the others are indexed, with status 0, in every build."""
    (pool / SDIST).touch()
    (pool / 'README').touch()
    for options in ([], ['--full']):
        assert main([*command(pool), *options]) == 0
        err = capsys.readouterr().err
        assert err.startswith(f'{pool}/{SDIST}: {NO_SDIST}\n{pool}/README: is neither ')
        assert err.endswith('dumb-pypi: 1 file was skipped\n')
        assert len(lines(pool)) == 2
        # A cron job mails only what is new.
        assert main(command(pool)) == 0
        assert capsys.readouterr().err == ''
        assert len(lines(pool)) == 2
    (pool / 'LICENSE').touch()
    assert main(command(pool)) == 0
    assert capsys.readouterr().err.startswith(f'{pool}/LICENSE: is neither ')
    (pool / SDIST).unlink()
    assert main(command(pool)) == 0
    assert SDIST not in capsys.readouterr().err


def test_file_that_breaks_later_is_reported(pool: Path) -> None:
    """A broken file is reported even if the list is that of the previous build."""
    assert run(pool).notices == []
    (pool / SDIST).touch()
    for _ in range(2):
        report = run(pool)
        assert [str(notice) for notice in report.notices] == [f'{pool}/{SDIST}: {NO_SDIST}']
        assert report.written == 0
        with pytest.raises(RefusedError):
            run(pool, strict=True)
    before = state_of(pool.parent)
    run(pool)
    assert state_of(pool.parent) == before


def test_strict_build_refuses_broken_file(pool: Path, capsys: Captured) -> None:
    """With `--strict` a broken file is why nothing is written; a README is not."""
    (pool / 'README').touch()
    (pool / SDIST).touch()
    before = {*pool.parent.rglob('*')}
    assert main(command(pool, '--strict')) == 1
    assert f'{pool}/{SDIST}: {NO_SDIST}\n' in capsys.readouterr().err
    assert {*pool.parent.rglob('*')} == before
    (pool / SDIST).unlink()
    assert main(command(pool, '--strict')) == 0


@pytest.mark.parametrize('is_broken', (False, True))
def test_empty_folder_is_refused(tmp_path: Path, is_broken: bool, capsys: Captured) -> None:
    """An empty index is made only if `--allow-shrink` is given, also the first time."""
    pool = tmp_path / 'pool'
    pool.mkdir()
    if is_broken:
        (pool / SDIST).touch()
    options = [
        '--packages-dir', str(pool), '--output-dir', str(tmp_path / 'index'),
        '--packages-url', 'https://example.com/',
    ]
    usable = 'usable ' if is_broken else ''
    reason = (
        f'dumb-pypi: there are no {usable}wheels, sdists or eggs in {pool}. Nothing was written '
        '(pass --allow-shrink to build an empty index)\n'
    )
    assert main(options) == 1
    assert capsys.readouterr().err.endswith(reason)
    assert main([*options, '--quiet']) == 1
    assert capsys.readouterr().err == reason
    assert not (tmp_path / 'index').exists()
    assert main([*options, '--allow-shrink']) == 0
    assert (tmp_path / 'index/packages.json').read_bytes() == b''


def test_emptied_folder_keeps_its_index(pool: Path) -> None:
    """If the files are gone, as after a failed mount, the index stays as it is."""
    (pool / 'bar-1.0.zip').write_bytes(b'')
    for name in ('bar', 'baz'):
        (pool / f'{name}-1.0-py3-none-any.whl').write_bytes(wheel(
            METADATA.replace(b'foo', name.encode()), f'{name}-1.0.dist-info',
        ))
    run(pool)
    before = histories.read_tree(pool.parent)
    for path in [*pool.glob('ba*'), *pool.rglob('foo*')]:
        path.unlink()
    with pytest.raises(ListError, match=r'^there are no wheels'):
        run(pool)
    (pool / NAME).write_bytes(wheel())
    with pytest.raises(ShrinkError):
        run(pool)
    assert histories.read_tree(pool.parent).items() >= {
        path: content for path, content in before.items() if not path.startswith('pool/')
    }.items()
    assert run(pool, allow_shrink=True).projects == 1


def test_facts_of_other_lists_are_forgotten(pool: Path, tmp_path: Path) -> None:
    """What only the list of an earlier build said of a file is not in the index of a folder."""
    [line, _] = map(json.loads, scan(pool).lines)
    (tmp_path / 'list').write_text(json.dumps({**line, 'yanked_reason': 'bad'}))
    build(
        package_list_json=tmp_path / 'list', packages_url='../../pool/', output_dir=pool.parent,
    )
    assert lines(pool)[NAME]['yanked_reason'] == 'bad'
    run(pool)
    assert 'yanked_reason' not in lines(pool)[NAME]


def test_edited_packages_json_is_not_trusted(pool: Path) -> None:
    """A wrong hash that somebody wrote to `packages.json` does not survive the next build."""
    run(pool)
    place = pool.parent / 'packages.json'
    expected = place.read_text()
    place.write_text(re.sub('"sha256=[0-9a-f]{64}"', f'"sha256={"f" * 64}"', expected))
    assert place.read_text() != expected
    run(pool)
    assert place.read_text() == expected
    place.unlink()
    run(pool)
    assert place.read_text() == expected


def test_copied_index_reads_nothing_again(
        pool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A copy of the output directory, as in a container, is as good as the original."""
    monkeypatch.chdir(tmp_path)
    options: dict[str, Any] = {
        'packages_dir': 'index/pool', 'output_dir': 'copy', 'packages_url': '../../pool/',
    }
    build(**options)
    shutil.copytree('copy', 'copy2')
    shutil.rmtree('copy')
    os.rename('copy2', 'copy')
    replace_secretly(pool / NAME, OTHER)
    before = state_of(tmp_path / 'copy')
    assert build(**options).written == 0
    assert state_of(tmp_path / 'copy') == before
    # Without a state nothing is known.
    (tmp_path / 'copy/.dumb-pypi/state.json').unlink()
    assert build(**options).written > 0


def test_state_without_records_is_not_trusted(pool: Path) -> None:
    """A damaged state does not tell whether `packages.json` is right: all files are read."""
    run(pool)
    state = pool.parent / store.STATE
    stamp, _ = state.read_bytes().split(b'\n', 1)
    state.write_bytes(stamp + b'\n00000000 []')
    os.utime(pool.parent / 'packages.json')
    replace_secretly(pool / NAME, OTHER)
    old = lines(pool)[NAME]['hash']
    run(pool)
    assert lines(pool)[NAME]['hash'] != old


def test_failed_caller_repeats_the_changes(pool: Path, tmp_path: Path) -> None:
    """A build whose caller failed is completed by the next one, which reads no file again."""
    options: dict[str, Any] = {
        'packages_dir': pool, 'output_dir': pool.parent, 'changes_file': tmp_path / 'changes',
    }
    with pytest.raises(BrokenPipeError), build_session(None, lambda _: None, **options):
        raise BrokenPipeError
    changes = {change['path'] for change in read_changes(tmp_path / 'changes')}
    replace_secretly(pool / NAME, OTHER)
    old = lines(pool)[NAME]['hash']
    build(**options)
    assert {change['path'] for change in read_changes(tmp_path / 'changes')} >= changes
    assert lines(pool)[NAME]['hash'] == old
    build(**options)
    assert read_changes(tmp_path / 'changes') == []


def test_folder_is_scanned_under_the_lock(pool: Path) -> None:
    """While another build runs, nothing is scanned: an older scan cannot win over a newer one."""
    run(pool)
    with open(pool.parent / store.LOCK, 'rb') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(BusyError):
            run(pool, packages_dir=pool / 'missing')
    with pytest.raises(FileError, match=r'cannot read .*missing'):
        run(pool, packages_dir=pool / 'missing')


def test_file_in_place_of_folder(pool: Path, capsys: Captured) -> None:
    """A file given as the folder, as a shell expands `pool/*`, is refused with what to give."""
    assert main([
        '--packages-dir', str(pool / NAME), '--output-dir', str(pool.parent),
    ]) == 1
    message = capsys.readouterr().err
    assert message.startswith(f'dumb-pypi: cannot read {pool}/{NAME}: ')
    assert message.count('\n') == 1


def test_progress_covers_scan_and_build(pool: Path) -> None:
    """The progress of reading the files and of writing the pages is one, from 0 to 1."""
    parts: list[float] = []
    run(pool, progress=parts.append, jobs=1)
    assert parts == sorted(parts)
    assert any(0 < part <= 0.5 for part in parts)
    assert parts[-1] == 1


def test_folder_named_like_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder named `-` is a folder, also next to a list on standard input."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / '-').mkdir()
    (tmp_path / '-' / NAME).write_bytes(wheel())
    assert build(packages_dir='-', output_dir='.').files == 1
    done = subprocess.run(
        [sys.executable, '-m', 'dumb_pypi', '--packages-dir', '-', '--output-dir', '.',
         '--project-list-json', '-'],
        check=True, capture_output=True, input=b'{"name": "foo", "status": "archived"}',
    )
    assert (done.stdout, done.stderr) == (b'', b'')
    assert 'archived' in (tmp_path / 'simple/foo/index.json').read_text()


# Of two projects, in two folders: one file name is in both.
PLACES = (
    'foo-1.0-py3-none-any.whl', 'foo-2.0-py3-none-any.whl', 'bar-1.0-py3-none-any.whl',
    'below/bar-1.0-py3-none-any.whl', 'below/bar-1.0-py3-none-any.whl.metadata',
)


class FolderHistory:
    """What happens to a folder between builds of its index."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._moment = 1704103200  # a clock that ticks between two changes

    def change(self, place: str, content: str) -> None:
        """Write a file of some content, or remove it."""
        path = self._root / 'pool' / place
        path.parent.mkdir(parents=True, exist_ok=True)
        name, version = path.name.split('-')[:2]
        if content == 'missing':
            path.unlink(missing_ok=True)
            return
        metadata = f'Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n'
        path.write_bytes({
            'good': wheel(metadata.encode(), f'{name}-{version}.dist-info'),
            'other': wheel(
                f'{metadata}Requires-Python: >3\n'.encode(), f'{name}-{version}.dist-info',
            ),
            'broken': b'',
        }[content])
        self._moment += 1
        os.utime(path, (self._moment, self._moment))

    def build(self, output_dir: Path) -> None:
        build(
            packages_dir=self._root / 'pool', output_dir=output_dir, packages_url='/pool/',
            allow_shrink=True,
        )


@given(st.lists(st.tuples(
    st.sampled_from(PLACES), st.sampled_from(('good', 'other', 'broken', 'missing')),
), max_size=8))
@settings(max_examples=20)
def test_any_history_equals_one_build(changes: list[tuple[str, str]]) -> None:
    """After any changes of the folder its index is what one build of the folder makes."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / 'pool').mkdir()
        history = FolderHistory(root)
        for place, content in changes:
            history.change(place, content)
            history.build(root / 'index')
        history.build(root / 'index')
        before = state_of(root / 'index')
        history.build(root / 'index')
        assert state_of(root / 'index') == before
        history.build(root / 'fresh')
        assert histories.read_tree(root / 'index') == histories.read_tree(root / 'fresh')

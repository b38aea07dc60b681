"""The shrink guard: a list without most of the projects is likely a failed listing."""
from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from dumb_pypi import store
from dumb_pypi.commands.build import main
from dumb_pypi.pages import paths
from tests.support import histories

FOUR = ('a-1.zip', 'b-1.zip', 'c-1.zip', 'd-1.zip')


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / 'out'


def run(out: Path, files: tuple[str, ...], *options: str) -> int:
    package_list = histories.write_lines(out.with_name('list'), list(files))
    return main([
        '--package-list', package_list, '--output-dir', str(out), '--packages-url', '../../pool/',
        '--quiet', *options,
    ])


def write(place: Path, text: str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)


def previous_build(out: Path) -> list[str]:
    assert run(out, FOUR) == 0
    return []


def previous_build_without_its_state(out: Path) -> list[str]:
    assert run(out, FOUR) == 0
    (out / store.STATE).unlink()
    return []


def index_of_1_x(out: Path) -> list[str]:
    lines = [f'{json.dumps({"filename": name, "hash": None})}\n' for name in FOUR]
    write(out / 'packages.json', ''.join(lines))
    write(out / 'simple/a/index.html', 'old')
    write(out / 'index.html', 'old')
    return []


def previous_list(out: Path) -> list[str]:
    lines = [json.dumps({'filename': name}) for name in FOUR]
    previous = histories.write_lines(out.with_name('previous'), lines)
    return ['--previous-package-list-json', previous]


def previous_plain_list(out: Path) -> list[str]:
    previous = histories.write_lines(out.with_name('previous'), list(FOUR))
    return ['--previous-package-list', previous]


every_record_of_projects = pytest.mark.parametrize(
    'before', (
        previous_build, previous_build_without_its_state, index_of_1_x, previous_list,
        previous_plain_list,
    ),
)


@pytest.mark.parametrize(
    ('files', 'kept'), (
        ((), 0),
        (('oops', 'a'), 0),
        (('a-1.zip',), 1),
        (('a-2.zip', 'new-1.zip', 'newer-1.zip', 'newest-1.zip'), 1),
    ),
)
@every_record_of_projects
def test_large_shrink_is_refused(
        out: Path, capsys: pytest.CaptureFixture[str], before: histories.Before,
        files: tuple[str, ...], kept: int,
) -> None:
    """A list without most known projects is refused and changes nothing, unless allowed."""
    options = before(out)
    write(out / store.LOCK, '')
    stamps = histories.age(out)
    for more in ([], ['--full']):
        assert run(out, files, *options, *more) == 1
        assert capsys.readouterr() == ('', (
            f'dumb-pypi: the list has {kept} of the 4 projects of the last build; nothing was '
            'written. If that is meant, --allow-shrink permits it\n'
        ))
        assert histories.stamps(out) == stamps
    assert run(out, files, *options, '--allow-shrink') == 0
    projects = json.loads((out / paths.SIMPLE_JSON).read_bytes())['projects']
    assert len(projects) == sum(name.endswith('.zip') for name in files)


@every_record_of_projects
def test_half_may_be_removed(out: Path, before: histories.Before) -> None:
    """A list may drop half of the projects."""
    assert run(out, FOUR[:2], *before(out)) == 0


def test_empty_previous_list_hides_nothing(out: Path) -> None:
    """An empty previous list does not hide the projects that the folder has."""
    assert run(out, FOUR) == 0
    empty = histories.write_lines(out.with_name('previous'), [])
    stamps = histories.stamps(out)
    assert run(out, FOUR[:1], '--previous-package-list', empty) == 1
    assert histories.stamps(out) == stamps
    assert run(out, FOUR[:1], '--previous-package-list', empty, '--allow-shrink') == 0


def test_refusal_reports_skipped_lines(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A refused build reports the skipped lines, since they may be the reason."""
    assert run(out, FOUR) == 0
    package_list = histories.write_lines(out.with_name('list'), ['<html>', 'a-1.zip'])
    command = ['--package-list', package_list, '--output-dir', str(out), '--packages-url', 'x']
    assert main(command) == 1
    bad, skipped, refused = capsys.readouterr().err.splitlines()
    assert bad.startswith(f'{package_list}:1: ')
    assert skipped == 'dumb-pypi: 1 line was left out'
    assert refused.startswith('dumb-pypi: the list has 1 of the 4 projects')


def test_first_list_may_be_empty(out: Path) -> None:
    """Without a previous build an empty list is accepted."""
    for files in ((), (), FOUR):
        assert run(out, files) == 0
    shutil.rmtree(out)
    assert run(out, ()) == 0

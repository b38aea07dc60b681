"""A list that lost most of its projects is refused: its listing failed, more likely than not."""
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


def last_build(out: Path) -> list[str]:
    assert run(out, FOUR) == 0
    return []


def last_build_without_its_state(out: Path) -> list[str]:
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


@pytest.mark.parametrize(
    ('files', 'kept'), (
        ((), 0),
        (('oops', 'a'), 0),
        (('a-1.zip',), 1),
        (('a-2.zip', 'new-1.zip', 'newer-1.zip', 'newest-1.zip'), 1),
    ),
)
@pytest.mark.parametrize(
    'before', (
        last_build, last_build_without_its_state, index_of_1_x, previous_list,
        previous_plain_list,
    ),
)
def test_a_list_that_drops_more_than_half_of_the_projects_is_refused(
        out: Path, capsys: pytest.CaptureFixture[str], before: histories.Before,
        files: tuple[str, ...], kept: int,
) -> None:
    """Whichever way it is known which projects there were; and nothing is touched."""
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


@pytest.mark.parametrize(
    'before', (
        last_build, last_build_without_its_state, index_of_1_x, previous_list,
        previous_plain_list,
    ),
)
def test_half_of_the_projects_may_go(out: Path, before: histories.Before) -> None:
    assert run(out, FOUR[:2], *before(out)) == 0


def test_an_empty_previous_list_does_not_hide_what_is_there(out: Path) -> None:
    """Both tell which projects there were: the list may not drop most of either."""
    assert run(out, FOUR) == 0
    empty = histories.write_lines(out.with_name('previous'), [])
    stamps = histories.stamps(out)
    assert run(out, FOUR[:1], '--previous-package-list', empty) == 1
    assert histories.stamps(out) == stamps
    assert run(out, FOUR[:1], '--previous-package-list', empty, '--allow-shrink') == 0


def test_it_says_which_lines_it_could_not_use(
        out: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    """They may be why: a page that says "not found" in place of a list, say."""
    assert run(out, FOUR) == 0
    package_list = histories.write_lines(out.with_name('list'), ['<html>', 'a-1.zip'])
    command = ['--package-list', package_list, '--output-dir', str(out), '--packages-url', 'x']
    assert main(command) == 1
    bad, left_out, refused = capsys.readouterr().err.splitlines()
    assert bad.startswith(f'{package_list}:1: ')
    assert left_out == 'dumb-pypi: 1 line was left out'
    assert refused.startswith('dumb-pypi: the list has 1 of the 4 projects')


def test_the_first_build_may_be_of_an_empty_list(out: Path) -> None:
    for files in ((), (), FOUR):
        assert run(out, files) == 0
    shutil.rmtree(out)
    assert run(out, ()) == 0

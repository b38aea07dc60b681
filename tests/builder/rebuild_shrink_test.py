"""The shrink guard: a list without most of the projects is likely a failed listing."""
from __future__ import annotations

import json
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
    ('files', 'removed'), (
        ((), 4),
        (('a-1.zip',), 3),
        (('a-2.zip', 'new-1.zip', 'newer-1.zip', 'newest-1.zip'), 3),
    ),
)
@every_record_of_projects
def test_large_shrink_is_refused(
        out: Path, capsys: pytest.CaptureFixture[str], before: histories.Before,
        files: tuple[str, ...], removed: int,
) -> None:
    """A list without most known projects is refused and changes nothing, unless allowed."""
    options = before(out)
    write(out / store.LOCK, '')
    stamps = histories.age(out)
    for more in ([], ['--full']):
        assert run(out, files, *options, *more) == 1
        assert capsys.readouterr() == ('', (
            f'dumb-pypi: refusing to remove {removed} of 4 projects: is the list complete? '
            'Nothing was written (pass --allow-shrink to proceed)\n'
        ))
        assert histories.stamps(out) == stamps
    assert run(out, files, *options, '--allow-shrink') == 0
    projects = json.loads((out / paths.SIMPLE_JSON).read_bytes())['projects']
    assert len(projects) == len(files)


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
    assert skipped == 'dumb-pypi: 1 line was skipped'
    assert refused.startswith('dumb-pypi: refusing to remove 3 of 4 projects')


@pytest.mark.parametrize('content', ('', '\n\n', '# nothing yet\n', 'pool/\npool/index.html\n'))
def test_empty_list_is_refused(
        out: Path, capsys: pytest.CaptureFixture[str], content: str,
) -> None:
    """A list without files is refused, unless allowed; then an index without projects may stay."""
    files = tuple(content.splitlines())
    assert run(out, files) == 1
    assert capsys.readouterr().err == (
        f'dumb-pypi: {out.with_name("list")} lists no files: is it complete? Nothing was written '
        '(pass --allow-shrink to build an index without projects)\n'
    )
    assert not out.exists()
    assert run(out, files, '--allow-shrink') == 0
    for more in ((), ('# another comment',)):
        for options in ([], ['--full']):
            assert run(out, (*files, *more), *options) == 0
    assert run(out, FOUR) == 0
    assert run(out, files) == 1


def test_only_bad_lines_are_refused(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A list with bad lines only is refused in one line, unless allowed; so is a rebuild."""
    for before in ((), FOUR):
        if before:
            assert run(out, before) == 0
        for options in ([], ['-q'], ['-v']):
            package_list = histories.write_lines(out.with_name('list'), ['oops', 'a'])
            assert main([
                '--package-list', package_list, '--output-dir', str(out), '--packages-url',
                '../../pool/', *options,
            ]) == 1
            [message] = capsys.readouterr().err.splitlines()
            assert message.startswith(
                f'dumb-pypi: cannot use {package_list}: none of its lines is usable. Line 1: '
                "filename 'oops' is not a distribution file",
            )
            assert message.endswith('. Nothing was written')
            assert out.exists() == bool(before)
    assert run(out, ('oops', 'a'), '--allow-shrink') == 0

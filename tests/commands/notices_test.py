"""What is printed of a list's lines: at most some of each kind, and only what is new."""
from __future__ import annotations

from pathlib import Path

import pytest

from dumb_pypi.commands.build import main
from dumb_pypi.commands.console import LIMIT
from tests.support import histories


class Cron:
    """A cron job: builds of successive lists in one directory."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._folder = folder
        self._capsys = capsys

    def __call__(self, *lines: str, options: tuple[str, ...] = (), status: int = 0) -> list[str]:
        """Build the index of these lines and a good one; return what is printed."""
        package_list = histories.write_lines(self._folder / 'list', ['good-1.0.zip', *lines])
        assert main([
            '--package-list', package_list, '--output-dir', str(self._folder / 'out'),
            '--packages-url', '/pool/', *options,
        ]) == status
        return self._capsys.readouterr().err.replace(f'{self._folder}/', '').splitlines()


@pytest.fixture
def cron(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Cron:
    return Cron(tmp_path, capsys)


def message(number: int, name: str) -> str:
    return (
        f"list:{number}: filename '{name}' is not a distribution file: its name ends with none of "
        '.whl, .tar.gz, .zip, …'
    )


REPEATED = ', the same as in the previous build (--full reports them again)'


def test_same_skipped_lines_are_silent(cron: Cron) -> None:
    """Skipped lines are reported once; a line above them, or other good lines, change nothing."""
    assert cron('a', 'b') == [
        message(2, 'a'), message(3, 'b'), 'dumb-pypi: 2 lines were skipped',
    ]
    assert cron('a', 'b') == []
    assert cron('# comment', 'new-1.0.zip', 'a', 'b') == []
    assert cron('b', 'a', options=('--title', 'Other')) == []
    assert cron('b', 'a', options=('-v',))[:-1] == [f'dumb-pypi: 2 lines were skipped{REPEATED}']
    assert cron('b', 'a', options=('-v', '--title', 'Other'))[0] == (
        f'dumb-pypi: 2 lines were skipped{REPEATED}'
    )
    assert cron('b', 'a') == []


def test_only_new_skipped_lines_are_reported(cron: Cron) -> None:
    """A change in the skipped lines is reported: the new ones, and how many there are in all."""
    cron('a', 'b')
    assert cron('x', 'a', 'b') == [
        message(2, 'x'), 'dumb-pypi: 3 lines were skipped, 1 of them new',
    ]
    assert cron('b') == ['dumb-pypi: 1 line was skipped, none of them new']
    assert cron('b', 'b') == [message(3, 'b'), 'dumb-pypi: 2 lines were skipped, 1 of them new']
    assert cron('b', 'y', options=('-v',))[:-1] == [
        message(2, 'b'), message(3, 'y'), 'dumb-pypi: 2 lines were skipped, 1 of them new',
    ]
    assert cron('z', options=('-q',)) == []
    assert cron() == []
    assert cron('z') == [message(2, 'z'), 'dumb-pypi: 1 line was skipped']


def test_warnings_are_not_repeated(cron: Cron) -> None:
    """A warning is reported once, even if the numbers of its lines change."""
    lines = ['a/foo-1.0.zip', 'b/foo-1.0.zip']
    [warning] = cron(*lines)
    assert warning.startswith("list:3: filename 'foo-1.0.zip' is on line 2 too")
    assert cron(*lines) == []
    assert cron('bar-1.0.zip', *lines) == []
    assert cron('bar-1.0.zip', *lines, options=('--full',)) == [
        warning.replace('list:3', 'list:4').replace('line 2', 'line 3'),
    ]


def test_full_build_reports_everything(cron: Cron) -> None:
    """`--full` ignores what the previous build reported."""
    expected = cron('a', 'b')
    assert cron('a', 'b', options=('--full',)) == expected
    assert cron('a', 'b') == []


def test_errors_are_always_reported(cron: Cron) -> None:
    """A refused build reports skipped lines every time."""
    cron('a')
    for options in (('--strict',), ('--strict', '-q'), ('--strict', '-v')):
        assert cron('a', options=options, status=1) == [
            message(2, 'a'), 'dumb-pypi: 1 line was skipped',
            ('dumb-pypi: nothing was written because of --strict: fix these lines or files, or '
             'build without it'),
        ]


def test_messages_are_limited(cron: Cron) -> None:
    """At most 20 skipped lines and 20 warnings are reported, unless `-v` asks for all."""
    bad = [f'bad{number}' for number in range(5020)]
    assert cron(*bad) == [
        *(message(number + 2, name) for number, name in enumerate(bad[:LIMIT])),
        'and 5,000 more (-v shows all)',
        'dumb-pypi: 5,020 lines were skipped',
    ]
    assert cron(*bad) == []
    everything = [
        *(message(number + 2, name) for number, name in enumerate(bad)),
        f'dumb-pypi: 5,020 lines were skipped{REPEATED}',
    ]
    # The previous builds could not show them all.
    assert cron(*bad, options=('-v',))[:-1] == everything
    refused = cron(*bad, options=('--strict',), status=1)
    assert refused[LIMIT:-1] == [
        'and 5,000 more (-v shows all)', 'dumb-pypi: 5,020 lines were skipped',
    ]
    # One more is not lost among them.
    assert cron(*bad, 'x') == [
        message(5022, 'x'), 'dumb-pypi: 5,021 lines were skipped, 1 of them new',
    ]


def test_each_kind_has_its_limit(cron: Cron) -> None:
    """Skipped lines and warnings are counted apart."""
    twice = [f'{folder}/foo-{number}.zip' for number in range(22) for folder in 'ab']
    printed = cron(*twice, *(f'bad{number}' for number in range(21)))
    assert sum('this later line wins' in line for line in printed) == LIMIT
    assert sum('is not a distribution file' in line for line in printed) == LIMIT
    assert printed[-3:] == [
        'and 1 more (-v shows all)', 'and 2 more warnings (-v shows all)',
        'dumb-pypi: 21 lines were skipped',
    ]

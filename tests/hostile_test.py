"""Whatever stands in a line, it costs at most that line its place in the index.

Here each line that is refused has its row, in a list whose other line is good.
`hostile_values_test.py` puts every hostile value into every field.
"""
from __future__ import annotations

import bisect
import json
import time
from pathlib import Path

import pytest

from dumb_pypi.commands import console
from tests.support.hostile import (
    Command,
    dangers,
    GOOD_JSON,
    GOOD_PLAIN,
    GOOD_PROJECT,
    Notice,
    Outcome,
)
from tests.support.hostile_lines import REFUSED_JSON, REFUSED_PLAIN, REFUSED_PROJECTS
from tests.support.lists import read_files

WRONG_TYPES: dict[str, tuple[object, ...]] = {
    **dict.fromkeys((
        'filename', 'hash', 'requires_python', 'core_metadata', 'uploaded_by', 'yanked_reason',
        'url', 'summary', 'provenance', 'name', 'version',
    ), (1, 1.5, True, [], ['foo-1.0.zip'], {})),
    'requires_dist': ('a', 1, True, {}, [1], [None], ['a', ['b']], [{}]),
    'upload_timestamp': ('', '1706745600', '2024-01-31T12:00:00Z', True, [], {}),
    'size': ('', '1', 1.5, True, [], {}),
}


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(tmp_path, capsys)


def shortened(row: object) -> str:
    return repr(row)[:60]


def assert_one_skipped(outcome: Outcome, of: str, cause: str) -> None:
    """One message names the line and says the cause, one counts; the good line is built."""
    assert outcome.status == console.DONE
    [notice] = outcome.notices
    assert notice == Notice(of, 2, notice.reason)
    assert cause in notice.reason
    assert len(notice.reason) < 300
    assert outcome.last_word == 'dumb-pypi: 1 line was skipped'
    assert outcome.filenames == {'good-1.0.zip'}
    assert 'simple/good/index.html' in outcome.pages
    assert dangers(outcome.pages) == []


def assert_nothing_written(outcome: Outcome, of: str) -> None:
    assert outcome.status == console.FAILED
    assert outcome.messages[0].startswith(f'{of}:2: ')
    assert outcome.messages[-1].startswith('dumb-pypi: nothing was written')
    assert not outcome.out.exists()


@pytest.mark.parametrize(('bad', 'cause'), REFUSED_JSON, ids=shortened)
def test_bad_line_in_json_list(command: Command, bad: bytes, cause: str) -> None:
    """The line is skipped and reported; with --strict nothing is written."""
    content = GOOD_JSON + b'\n' + bad + b'\n'
    assert_nothing_written(command('--strict', json=content), 'packages')
    assert_one_skipped(command(json=content), 'packages', cause)


@pytest.mark.parametrize(('bad', 'cause'), REFUSED_PLAIN, ids=shortened)
def test_bad_line_in_plain_list(command: Command, bad: bytes, cause: str) -> None:
    """The line is skipped and reported; with --strict nothing is written."""
    content = GOOD_PLAIN + b'\n' + bad + b'\n'
    assert_nothing_written(command('--strict', plain=content), 'packages')
    assert_one_skipped(command(plain=content), 'packages', cause)


@pytest.mark.parametrize(('bad', 'cause'), REFUSED_PROJECTS, ids=shortened)
def test_bad_line_in_project_list(command: Command, bad: bytes, cause: str) -> None:
    """The line is skipped and reported; an earlier line about the project counts."""
    lists = {'plain': GOOD_PLAIN, 'projects': GOOD_PROJECT + b'\n' + bad + b'\n'}
    assert_nothing_written(command('--strict', **lists), 'projects')
    outcome = command(**lists)
    assert_one_skipped(outcome, 'projects', cause)
    assert b'A good neighbour.' in outcome.pages['project/good/index.html']
    assert b'project-status' not in outcome.pages['simple/good/index.json']


@pytest.mark.parametrize('key', WRONG_TYPES)
def test_value_of_wrong_type(command: Command, key: str) -> None:
    """The message names the key and the type it expects."""
    bad = [json.dumps({'filename': 'foo-1.0.zip', key: value}) for value in WRONG_TYPES[key]]
    outcome = command(json='\n'.join(bad).encode() + b'\n' + GOOD_JSON)
    assert outcome.status == console.DONE
    assert [notice.line for notice in outcome.notices] == [*range(1, len(bad) + 1)]
    for notice in outcome.notices:
        assert notice.reason.startswith(f'`{key}` must be a')
    assert outcome.last_word == f'dumb-pypi: {len(bad)} lines were skipped'
    assert outcome.filenames == {'good-1.0.zip'}


def test_unknown_keys_are_reported_once(command: Command) -> None:
    """One warning per key, whatever its name and value are."""
    unknown = (
        b'"a": 1', b'"a\\nb": 1', b'"": 1', b'"\\u202e": 1', b'"<script>": 1', b'"__proto__": {}',
        b'"%s": 1' % (b'k' * 5000), b'"Size": -1', b'"b": {"filename": "../x", "size": [null]}',
        b'"c": 1e999', b'"d": %s' % (b'9' * 5000), b'"e": -%s' % (b'9' * 5000), b'"f": "\\u0000"',
    )
    lines = [b'{"filename": "foo-1.%d.zip", %s}' % row for row in enumerate(unknown)]
    outcome = command(json=b'\n'.join([*lines, *lines]))
    assert outcome.status == console.DONE
    assert [notice.line for notice in outcome.notices] == [*range(1, len(unknown) + 1)]
    for notice in outcome.notices:
        told = notice.reason.removesuffix(": did you mean 'size'?")
        assert told.endswith('is not known and is ignored on all lines')
        assert len(notice.reason) < 300
    assert outcome.last_word is None
    assert len(outcome.filenames) == len(unknown)


@pytest.mark.parametrize(('opening', 'closing'), ((b'[', b']'), (b'{"x":', b'}')))
def test_nested_json(command: Command, opening: bytes, closing: bytes) -> None:
    """Deep nesting is accepted or reported, never an error of one decoder alone."""
    def line_of(depth: int) -> bytes:
        nested = opening * depth + b'1' + closing * depth
        return b'{"filename": "foo-1.%d.zip", "x": %s}' % (depth, nested)

    def is_too_deep(depth: int) -> bool:
        notices = read_files(line_of(depth)).notices
        return notices[0].skipped

    limit = bisect.bisect_left(range(100_000), True, key=is_too_deep)
    # The command itself is some calls deeper or less deep than this.
    depths = range(max(limit - 150, 0), limit + 50)
    outcome = command(json=b'\n'.join(map(line_of, depths)))
    assert outcome.status == console.DONE
    assert len(outcome.filenames) + len(outcome.notices) == len(depths) + 1
    assert 'nested too deeply' in outcome.notices[-1].reason


def test_line_with_many_keys(command: Command) -> None:
    """The time for a line is proportional to its length."""
    many = b', '.join(b'"key%d": %d' % (number, number) for number in range(40_000))
    started = time.process_time()
    outcome = command('--quiet', json=b'{"filename": "foo-1.0.zip", %s}' % many)
    assert outcome.filenames == {'foo-1.0.zip'}
    assert time.process_time() - started < 5


def test_list_of_bad_lines_only(command: Command) -> None:
    """It gives an index without files if the user allows that."""
    outcome = command(plain=b'a\nb\n')
    assert outcome.status == console.FAILED
    [message] = outcome.messages
    assert message.startswith('dumb-pypi: cannot use packages: none of its lines is usable. Line 1')
    assert not outcome.out.exists()
    outcome = command('--allow-shrink', plain=b'a\nb\n')
    assert outcome.status == console.DONE
    assert outcome.last_word == 'dumb-pypi: 2 lines were skipped'
    assert outcome.filenames == set()
    assert json.loads(outcome.pages['simple/index.json'])['projects'] == []


def test_one_count_for_both_lists(command: Command) -> None:
    """One message counts the skipped lines of both lists."""
    outcome = command(plain=b'a\ngood-1.0.zip', projects=b'{}\n{"name": "good"}')
    assert [notice[:2] for notice in outcome.notices] == [('packages', 1), ('projects', 1)]
    assert outcome.last_word == 'dumb-pypi: 2 lines were skipped'


def test_conflicting_lines_for_one_file(command: Command) -> None:
    """The later line wins, with a warning; equal lines cause none."""
    one, other = (
        b'{"filename": "foo-1.0.zip", "size": %d}' % size for size in (1, 2)
    )
    outcome = command(json=b'\n'.join((one, one, other, one, one)))
    assert [notice.line for notice in outcome.notices] == [3, 4]
    assert all('this later line wins' in notice.reason for notice in outcome.notices)
    assert outcome.last_word is None
    assert b'"size":1' in outcome.pages['simple/foo/index.json']
    assert command('--strict', json=one + b'\n' + other).status == console.DONE

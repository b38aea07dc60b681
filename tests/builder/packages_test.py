"""`packages.json`: the checked lines of each project, and the notices about the list."""
from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, ExitStack
from typing import BinaryIO, cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dumb_pypi.builder import chunks, packages
from dumb_pypi.builder.chunks import Memo, Survey, survey_list
from dumb_pypi.builder.lines import check_projects
from dumb_pypi.builder.packages import OldPackages, Packages, write_packages
from dumb_pypi.builder.source import Chunk
from dumb_pypi.builder.workers import InProcess
from dumb_pypi.errors import FileError
from dumb_pypi.options import JSON, PLAIN
from tests.support import list_histories
from tests.support.lists import ignore_progress, ListInMemory, read_files


@pytest.mark.parametrize(
    ('line', 'reason'), (
        (b'foo-1.0.zip#abc', "hash 'abc' is not '<algorithm>=<hex>'"),
        (b'foo-1.0.zip#', "hash '' is not '<algorithm>=<hex>'"),
        (b'../foo-1.0.zip',
         "url '../foo-1.0.zip' is neither an http or https URL nor a path below --packages-url"),
        (b'/srv/foo-1.0.zip',
         "url '/srv/foo-1.0.zip' is neither an http or https URL nor a path below --packages-url"),
        (b'ftp://example.com/foo-1.0.zip',
         "url 'ftp://example.com/foo-1.0.zip' is not an http or https URL"),
        (b'foo-1.0\xff.zip', 'byte 8 is not UTF-8: save the list as UTF-8'),
    ),
)
def test_unusable_plain_line(line: bytes, reason: str) -> None:
    """A plain line that names no usable file is skipped, and one message says why."""
    files, [notice] = read_files(line, PLAIN)
    assert not files
    assert str(notice) == f'list:1: {reason}'
    assert notice.skipped


def test_ignored_lines() -> None:
    """Blank lines, comments and a byte-order mark are ignored."""
    files, notices = read_files(
        b'\xef\xbb\xbf# a list\r\n\r\n  \n foo-1.0.zip\r\n#bar-1.0.zip', PLAIN,
    )
    assert [file.filename for file in files] == ['foo-1.0.zip']
    assert not notices


def test_json_has_no_comments() -> None:
    """In JSON a line that starts with # is a bad line."""
    files, notices = read_files(b'\xef\xbb\xbf{"filename": "foo-1.0.zip"}\n\n# bar\n')
    assert [file.filename for file in files] == ['foo-1.0.zip']
    assert [str(notice) for notice in notices] == [
        'list:3: JSON is malformed: invalid character (byte 0): write one JSON object per line',
    ]


def test_repeated_line_is_one_file() -> None:
    """A file name twice with the same facts is one file."""
    line = b'{"filename": "foo-1.0.zip", "size": 1}'
    spaced = b'{ "size": 1, "filename": "foo-1.0.zip" }'
    files, notices = read_files(line + b'\n' + spaced)
    assert [file.line.size for file in files] == [1]
    assert not notices


def test_later_line_wins() -> None:
    """Of two lines for one file with different facts the later one wins, with a warning."""
    lines = [b'{"filename": "foo-1.0.zip", "size": %d}' % size for size in (1, 2, 2)]
    files, notices = read_files(b'\n'.join(lines))
    assert [file.line.size for file in files] == [2]
    assert [str(notice) for notice in notices] == [
        ("list:2: filename 'foo-1.0.zip' is on line 1 too, with different facts: this later line "
         'wins'),
    ]
    assert not notices[0].skipped


def test_bad_line_hides_no_file() -> None:
    """A skipped line does not hide an earlier line for the same file."""
    lines = [b'{"filename": "foo-1.0.zip", "size": 1}', b'{"filename": "foo-1.0.zip", "size": -1}']
    files, notices = read_files(b'\n'.join(lines))
    assert [file.line.size for file in files] == [1]
    assert [notice.line for notice in notices] == [2]


def test_unknown_key_is_reported_once() -> None:
    """An unknown key is ignored, and reported for its first line only."""
    lines = [b'{"filename": "foo-%d.zip", "x": 1, "y": 2}' % number for number in range(3)]
    files, notices = read_files(b'\n'.join(lines))
    assert len(files) == 3
    assert [str(notice) for notice in notices] == [
        "list:1: key 'x' is not known and is ignored on all lines",
        "list:1: key 'y' is not known and is ignored on all lines",
    ]
    assert not any(notice.skipped for notice in notices)


# What a line may have besides its file name. Some of it is wrong, or reported, or changed.
_MEMBERS = st.sampled_from([
    b'"size": 1', b'"size": -1', b'"size": null', b'"x": 1', b'"x\xff": 1', b'"scanned_etag": "e"',
    b'"scanned_etag": "a:b"', b'"summary": "a:b"', b'"summary": "a\\u003ab"', b'"summary": "\xff"',
    b'"requires_dist": ["a ; python_version > \'3\'", " b"]', b'"requires_dist": ["a\\tb"]',
    b'"yanked_reason": false', b'"yanked_reason": ""', b'"upload_timestamp": 1.5',
    b'"version": "1"',
])


@settings(deadline=None, max_examples=500)
@given(st.lists(st.tuples(st.integers(0, 3), st.lists(_MEMBERS, max_size=3)), max_size=4))
def test_lines_together_are_lines_alone(lines: list[tuple[int, list[bytes]]]) -> None:
    """Lines that are checked together give what they give if each is checked by itself."""
    content = b''.join(
        b'{%s}\n' % b', '.join([b'"filename": "foo-%d.zip"' % number, *members])
        for number, members in lines
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('dumb_pypi.builder.lines._check_usual', lambda *_: None)
        alone = check_projects((JSON, [('foo', content)]))
    assert check_projects((JSON, [('foo', content)])) == alone


@pytest.mark.parametrize('size', (1, 100, 1 << 20))
def test_line_numbers_count_all_lines(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Notices have the line numbers of the list, wherever its chunks end."""
    monkeypatch.setattr(chunks, '_LARGEST', size)
    content = (
        b'{"filename": "a-1.zip"}\n\noops\n\n{"filename": "b-1.zip", "x": 1}\n'
        b'{"filename": "a-2.zip", "x": 1}\n{"filename": "b-1.zip"}\noops'
    )
    files, notices = read_files(content)
    assert [file.filename for file in files] == ['a-1.zip', 'a-2.zip', 'b-1.zip']
    assert [str(notice).partition(' is ')[0] for notice in notices] == [
        'list:3: JSON', "list:5: key 'x'", "list:8: JSON",
    ]


@pytest.mark.parametrize('end', (b'', b'\n', b'\r\n', b'\n\n'))
def test_last_line_needs_no_break(end: bytes) -> None:
    """The last line of a list is read with and without a line break."""
    files, notices = read_files(b'foo-1.0.zip\nfoo-2.0.zip' + end, PLAIN)
    assert [file.filename for file in files] == ['foo-1.0.zip', 'foo-2.0.zip']
    assert not notices


@contextmanager
def written(
        content: bytes, form: str, before: tuple[Survey, Packages, BinaryIO] | None = None,
) -> Iterator[tuple[Survey, Packages, BinaryIO]]:
    """Write the checked lines of a list, reusing those of the list before it if it is given."""
    known: Sequence[Chunk] | None = None
    memo: Memo = {}
    old = None
    if before is not None:
        survey, packages, old_file = before
        known, memo = survey.chunks, survey.surveys
        old = OldPackages(
            old_file, packages.projects, packages.line_notices, packages.uploads_per_month,
        )
    source = ListInMemory(content, form)
    survey = survey_list(source, known, memo, InProcess(), ignore_progress)
    with cast(BinaryIO, tempfile.TemporaryFile()) as file:
        yield survey, write_packages(source, survey, old, file, InProcess(), ignore_progress), file


def lines_of(packages: Packages) -> list[bytes]:
    return packages.content(0, len(packages.names)).splitlines()


def months_of(packages: Packages) -> Mapping[str, set[bytes]]:
    names = dict.fromkeys(sorted(packages.uploads_per_month), 0)
    return {month: {*lines.splitlines()} for month, lines in packages.lines_of_months(names)}


def assert_spliced(contents: Sequence[bytes], form: str) -> None:
    """Assert that reusing the lines of the list before gives what a first build gives."""
    with ExitStack() as stack:
        before = None
        for content in contents:
            now = stack.enter_context(written(content, form, before))
            with written(content, form) as (_, expected, _):
                _, spliced, _ = now
                assert lines_of(spliced) == lines_of(expected)
                assert list(spliced.notices) == list(expected.notices)
                assert spliced.projects == expected.projects
                assert spliced.names == sorted(spliced.names)
                assert months_of(spliced) == months_of(expected)
            if before is not None and spliced.touched_months is not None:
                old, new = months_of(before[1]), months_of(spliced)
                differ = {
                    month for month in old.keys() | new.keys() if old.get(month) != new.get(month)
                }
                assert differ <= {*spliced.touched_months}
            before = now


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, '_CUT', 0x3)
    monkeypatch.setattr(chunks, '_LARGEST', 150)
    monkeypatch.setattr(packages, '_COPY', 50)
    monkeypatch.setattr(packages, '_TASK', 100)


# Both lines have `y`. It is reported for the first, whose project is the later one by name.
UNKNOWN_KEYS = (
    b'{"filename": "b-1.zip", "name": "b", "x": 1, "y": 1}\n{"filename": "a-1.zip", "y": 1}'
)


@pytest.mark.usefixtures('small_chunks')
@pytest.mark.parametrize('kernel_copies', (True, False))
def test_splicing_changes_no_line(monkeypatch: pytest.MonkeyPatch, kernel_copies: bool) -> None:
    """After any edit of a list, the spliced lines and notices are those of a first build."""
    sendfile = os.sendfile

    def copy_a_little(to: int, from_: int, offset: int, _: int) -> int:
        if offset % 2:
            raise OSError
        return sendfile(to, from_, offset, 7)

    if not kernel_copies:
        monkeypatch.setattr(os, 'sendfile', copy_a_little)

    @settings(max_examples=60)
    @given(list_histories.successive_lists())
    @example([UNKNOWN_KEYS, UNKNOWN_KEYS + b'\n'])
    def check(contents: list[bytes]) -> None:
        assert_spliced(contents, JSON)

    check()


@pytest.mark.usefixtures('small_chunks')
def test_splicing_changes_no_plain_line() -> None:
    """After any edit of a plain list, the spliced lines and notices are those of a first build."""
    @settings(max_examples=60)
    @given(list_histories.successive_lists(list_histories.plain_lines))
    def check(contents: list[bytes]) -> None:
        assert_spliced(contents, PLAIN)

    check()


@pytest.mark.parametrize(
    ('form', 'content', 'changed'), (
        (PLAIN, b'foo-1.0.zip\n', b'foo'), (PLAIN, b'foo-1.0.zip\nfoo-2.0.zip.metadata', b'foo-2'),
        (JSON, b'{"filename": "foo-1.0.zip"}', b'foo'),
        (JSON, b'{"filename": "foo-1.0.zip", "x": 1}', b'foo'),
    ),
)
def test_list_that_changes_is_reported(form: str, content: bytes, changed: bytes) -> None:
    """A line that names another project when it is read again ends the build."""
    class Changing(ListInMemory):
        """A list that another program overwrites."""

        def change(self) -> None:
            self._content = self._content.replace(changed, changed.replace(b'foo', b'bar'))

    source = Changing(content, form)
    survey = survey_list(source, None, {}, InProcess(), ignore_progress)
    source.change()
    with (
        cast(BinaryIO, tempfile.TemporaryFile()) as file,
        pytest.raises(FileError, match=r'^cannot read list: it changed while it was read'),
    ):
        write_packages(source, survey, None, file, InProcess(), ignore_progress)

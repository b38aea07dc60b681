from __future__ import annotations

import zlib
from contextlib import closing
from pathlib import Path

import pytest

from dumb_pypi.builder import package_list
from dumb_pypi.builder.source import JSON, PLAIN, Source
from dumb_pypi.errors import FileError
from tests.support.lists import read_files


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
        (b'pool/', "filename '' is empty, or has a space at an end"),
        (b'foo-1.0\xff.zip', 'byte 8 is not UTF-8'),
    ),
)
def test_a_plain_line_that_cannot_be_used(line: bytes, reason: str) -> None:
    files, [notice] = read_files(line, PLAIN)
    assert not files
    assert str(notice) == f'list:1: {reason}'
    assert notice.skipped


def test_blank_lines_comments_and_a_byte_order_mark_are_passed_over() -> None:
    files, notices = read_files(
        b'\xef\xbb\xbf# a list\r\n\r\n  \n foo-1.0.zip\r\n#bar-1.0.zip', PLAIN,
    )
    assert [file.filename for file in files] == ['foo-1.0.zip']
    assert not notices


def test_json_has_no_comments() -> None:
    files, notices = read_files(b'\xef\xbb\xbf{"filename": "foo-1.0.zip"}\n\n# bar\n')
    assert [file.filename for file in files] == ['foo-1.0.zip']
    assert [str(notice) for notice in notices] == [
        'list:3: JSON is malformed: invalid character (byte 0)',
    ]


def test_a_name_that_stands_twice_is_one_file() -> None:
    line = b'{"filename": "foo-1.0.zip", "size": 1}'
    spaced = b'{ "size": 1, "filename": "foo-1.0.zip" }'
    files, notices = read_files(line + b'\n' + spaced)
    assert [file.line.size for file in files] == [1]
    assert not notices


def test_of_two_lines_that_disagree_the_later_stands() -> None:
    lines = [b'{"filename": "foo-1.0.zip", "size": %d}' % size for size in (1, 2, 2)]
    files, notices = read_files(b'\n'.join(lines))
    assert [file.line.size for file in files] == [2]
    assert [str(notice) for notice in notices] == [
        "list:2: filename 'foo-1.0.zip' is on line 1 too, with other facts: this line stands",
    ]
    assert not notices[0].skipped


def test_a_line_that_is_left_out_hides_no_earlier_one() -> None:
    lines = [b'{"filename": "foo-1.0.zip", "size": 1}', b'{"filename": "foo-1.0.zip", "size": -1}']
    files, notices = read_files(b'\n'.join(lines))
    assert [file.line.size for file in files] == [1]
    assert [notice.line for notice in notices] == [2]


def test_an_unknown_key_is_told_of_once() -> None:
    lines = [b'{"filename": "foo-%d.zip", "x": 1, "y": 2}' % number for number in range(3)]
    files, notices = read_files(b'\n'.join(lines))
    assert len(files) == 3
    assert [str(notice) for notice in notices] == [
        "list:1: key 'x' is not known and is ignored, on every line",
        "list:1: key 'y' is not known and is ignored, on every line",
    ]
    assert not any(notice.skipped for notice in notices)


def test_the_lines_of_a_part() -> None:
    """What a list needs of each: its one form, its groups, where it stood, a checksum of its name.
    """
    part = package_list.check(
        b'\n{"size": 1, "filename": "B_b-1.zip", "upload_timestamp": 1706745600.0}\n'
        b'oops\n{"filename": "a-1.zip"}', JSON,
    )
    assert part.entries == [
        (b'{"filename":"B_b-1.zip","upload_timestamp":1706745600,"size":1}', 'b-b', '2024-02', 2,
         zlib.crc32(b'B_b-1.zip')),
        (b'{"filename":"a-1.zip"}', 'a', 'undated', 4, zlib.crc32(b'a-1.zip')),
    ]
    assert part.remarks == [(3, 'JSON is malformed: invalid character (byte 0)', True, None)]
    assert part.lines == 4


@pytest.mark.parametrize(
    ('content', 'lines'), ((b'a', 1), (b'a\n', 1), (b'a\nb', 2), (b'\n\n', 2), (b'\r\n\r', 2)),
)
def test_the_last_line_counts_with_and_without_an_end(content: bytes, lines: int) -> None:
    assert package_list.check(content, PLAIN).lines == lines


def test_lines_of_parts_are_counted_through_and_a_key_is_told_of_once() -> None:
    parts = [
        package_list.check(content, JSON) for content in (
            b'{"filename": "a-1.zip"}\n\n', b'oops\n',
            b'\n{"filename": "b-1.zip", "x": 1}\n{"filename": "b-2.zip", "x": 1}\n',
            b'{"filename": "b-3.zip", "x": 1}\noops',
        )
    ]
    notices = package_list.notices_of(iter([(part.remarks, part.lines) for part in parts]), 'list')
    assert [str(notice).partition(' is ')[0] for notice in notices] == [
        'list:3: JSON', "list:5: key 'x'", 'list:8: JSON',
    ]


def test_a_list_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / 'list').write_bytes(b'a\nb')
    with closing(Source(str(tmp_path / 'list'), PLAIN)) as source:
        assert (source.place, source.form) == (str(tmp_path / 'list'), PLAIN)
        assert (source.size, source.content) == (3, b'a\nb')


@pytest.mark.parametrize(
    ('name', 'reason'), (('gone', 'No such file or directory'), ('.', 'Is a directory')),
)
def test_a_list_that_cannot_be_read(tmp_path: Path, name: str, reason: str) -> None:
    path = str(tmp_path / name)
    with pytest.raises(FileError) as caught:
        Source(path, PLAIN)
    assert str(caught.value) == f'cannot read {path}: {reason}'

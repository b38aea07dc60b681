"""Lists of the wrong kind: nothing is written, and one line says what to do."""
from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import zipfile
from pathlib import Path

import pytest

from dumb_pypi.commands.build import main

NAMES = b'foo-1.0.zip\nbar-1.0-py3-none-any.whl\n'
LINES = b'{"filename": "foo-1.0.zip"}\n{"filename": "bar-1.0.zip"}\n'
OBJECTS = [{'filename': 'foo-1.0.zip'}, {'filename': 'bar-1.0.zip', 'size': 1}]
ARRAY = "a JSON array. Write one object per line, for example with `jq -c '.[]'`, and use "
DIR = '. For an index of the packages in a folder, use --packages-dir'
LISTING = b'''{
    "Contents": [
        {
            "Key": "pool/foo-1.0.zip",
            "LastModified": "2024-01-31T12:00:00+00:00",
            "Size": 5
        }
    ]
}
'''
RCLONE = b'[\n{"Path":"foo-1.0.zip","Size":5,"ModTime":"2024-01-31T12:00:00Z","IsDir":false}\n]\n'
AWS_LS = b'2024-01-31 12:00:00      12345 pool/foo-1.0.zip\n'


def wheel() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, 'w') as archive:
        archive.writestr('foo/__init__.py', 'x = 1\n' * 99)
    return content.getvalue()


# What a list holds, and what its message says in either form, after "it looks like ".
WRONG_LISTS: dict[str, tuple[bytes, str]] = {
    'array': (json.dumps(OBJECTS).encode(), f'{ARRAY}--package-list-json'),
    'pretty array': (json.dumps(OBJECTS, indent=4).encode(), f'{ARRAY}--package-list-json'),
    # Its last line but one is a valid line of a list.
    'array of lines': (
        b'[\n{"filename": "foo-1.0.zip"},\n{"filename": "bar-1.0.zip"}\n]\n',
        f'{ARRAY}--package-list-json',
    ),
    'array of names': (b'["foo-1.0.zip", "bar-1.0.zip"]', (
        "a JSON array of names. Write one name per line, for example with `jq -r '.[]'`, and use "
        '--package-list'
    )),
    'pretty objects': (
        b''.join(json.dumps(line, indent=1).encode() + b'\n' for line in OBJECTS),
        ('pretty-printed JSON. Write each object on one line, for example with `jq -c .`, and use '
         '--package-list-json'),
    ),
    'aws s3api': (LISTING, (
        'output of `aws s3api list-objects-v2`. List the bucket with dumb-pypi scan, for '
        '--package-list-json'
    )),
    'rclone lsjson': (RCLONE, (
        'output of `rclone lsjson`. List the bucket with dumb-pypi scan, for '
        '--package-list-json'
    )),
    'aws s3 ls': (AWS_LS, (
        'output of `aws s3 ls`. List the bucket with dumb-pypi scan, for '
        '--package-list-json'
    )),
    'folders of aws s3 ls': (b'                           PRE pool/\n', (
        'output of `aws s3 ls`. List the bucket with dumb-pypi scan, for '
        '--package-list-json'
    )),
    'gsutil ls -l': (
        (b'     12345  2024-01-31T12:00:00Z  gs://bucket/pool/foo-1.0.zip\n'
         b'TOTAL: 1 objects, 12345 bytes (12.06 KiB)\n'),
        'output of `gsutil ls -l`. Keep only the paths, relative to --packages-url',
    ),
    'ls -l': (
        b'total 4\n-rw-r--r-- 1 me us 5 Jan 31 12:00 foo-1.0.zip\n',
        'output of `ls -l`. Use `ls -1`, or keep only the paths, relative to --packages-url',
    ),
    'sha256sum': (b'5891b5b522d5df08' * 4 + b'  foo-1.0.zip\n', (
        "output of `sha256sum` or the like. Write '<path>#<algorithm>=<hex>', such as "
        "'foo-1.0.zip#sha256=…'"
    )),
    'wheel': (wheel(), f'a zip archive, such as a wheel{DIR}'),
    'gzip': (
        gzip.compress(NAMES, mtime=0), f'a gzip file, such as an sdist or a compressed list{DIR}',
    ),
    'bzip2': (bz2.compress(NAMES), f'a bzip2 file{DIR}'),
    'xz': (lzma.compress(NAMES), f'an xz file{DIR}'),
    'binary': (b'\x7fELF\2\1\1\0\0\0\0\0\1\2\3\4', (
        'binary data. Give a list of UTF-8 text to --package-list-json'
    )),
    'web page': (b'<!DOCTYPE html>\n<a href="foo-1.0.zip">foo-1.0.zip</a>\n', (
        'an HTML page. Check the URL that it was downloaded from'
    )),
    'XML': (b'\xef\xbb\xbf<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>', (
        'XML. Check how it was made, for example for an error message'
    )),
    **{
        f'{encoding} {kind}': (mark + content.decode().encode(encoding), (
            f'{name} text. Save it as UTF-8, for example with `iconv -f {name} -t UTF-8`'
        ))
        for encoding, mark, name in (
            ('utf-16-le', b'\xff\xfe', 'UTF-16'), ('utf-16-be', b'\xfe\xff', 'UTF-16'),
            ('utf-16-le', b'', 'UTF-16LE'), ('utf-16-be', b'', 'UTF-16BE'),
        )
        for kind, content in ((f'names {name}', NAMES), (f'lines {name}', LINES))
    },
}


def run(folder: Path, content: bytes, option: str, *options: str) -> int:
    (folder / 'wrong').write_bytes(content)
    return main([
        option, str(folder / 'wrong'), '--output-dir', str(folder / 'out'), '--packages-url',
        'https://files.example.com/', *options,
    ])


def assert_refused(
        folder: Path, capsys: pytest.CaptureFixture[str], status: int, what: str,
) -> None:
    assert capsys.readouterr() == (
        '', f'dumb-pypi: cannot use {folder}/wrong: it looks like {what}. Nothing was written\n',
    )
    assert status == 1


@pytest.mark.parametrize('option', ('--package-list', '--package-list-json'))
@pytest.mark.parametrize('name', WRONG_LISTS)
def test_wrong_kind_is_refused(
        tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, name: str,
) -> None:
    """In either form, with any option, one line says what it looks like; nothing is written."""
    content, what = WRONG_LISTS[name]
    for options in ([], ['-q'], ['--strict'], ['-v'], ['--allow-shrink']):
        assert_refused(tmp_path, capsys, run(tmp_path, content, option, *options), what)
        assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize(
    ('option', 'content', 'what'), (
        ('--package-list', LINES, 'JSON lines. Use --package-list-json'),
        ('--package-list', b'\n' + LINES, 'JSON lines. Use --package-list-json'),
        ('--package-list-json', NAMES, 'file names. Use --package-list'),
        ('--package-list-json', b'# a list\n\nhttps://example.com/foo-1.0.zip\r\n',
         'file names. Use --package-list'),
    ),
)
def test_other_form_is_refused(
        tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, content: bytes, what: str,
) -> None:
    """A list in the other form is refused, and the message names the other option."""
    assert_refused(tmp_path, capsys, run(tmp_path, content, option), what)
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize(
    ('option', 'content', 'what'), (
        ('--previous-package-list', LINES, 'JSON lines. Use --previous-package-list-json'),
        ('--previous-package-list-json', NAMES, 'file names. Use --previous-package-list'),
        ('--previous-package-list-json', gzip.compress(LINES, mtime=0), (
            'a gzip file, such as an sdist or a compressed list. Give a list, not compressed'
        )),
        ('--project-list-json', b'[{"name": "foo"}]', f'{ARRAY}--project-list-json'),
        ('--project-list-json', NAMES, (
            'file names. Write one JSON object per line, such as {"name": "foo"}'
        )),
        ('--project-list-json', AWS_LS, (
            'output of `aws s3 ls`. Write one JSON object per line, such as {"name": "foo"}'
        )),
    ),
)
def test_other_lists_of_wrong_kind(
        tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, content: bytes, what: str,
) -> None:
    """The previous list and the project list are refused too, before anything is written."""
    (tmp_path / 'list').write_bytes(NAMES)
    status = run(tmp_path, content, option, '--package-list', str(tmp_path / 'list'))
    assert_refused(tmp_path, capsys, status, what)
    assert not (tmp_path / 'out/index.html').exists()


@pytest.mark.parametrize(
    ('option', 'content', 'message'), (
        ('--package-list', b'oops\n', "filename 'oops' is not a distribution file"),
        ('--package-list-json', b'{"message": "Not found"}\n', "key 'filename' is missing"),
        ('--package-list-json', b'{"filename": "foo-1.0.zip",\n', 'Input data was truncated'),
        ('--package-list-json', b'oops\n', 'JSON is malformed'),
        ('--package-list-json', b'{"filename":', 'Input data was truncated'),
    ),
)
def test_unknown_kind_is_refused(
        tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, content: bytes,
        message: str,
) -> None:
    """A list that looks like nothing known is refused with the message of its first line."""
    assert run(tmp_path, content, option) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(
        f'dumb-pypi: cannot use {tmp_path}/wrong: none of its lines is usable. Line 1: {message}',
    )
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize(
    'first', (b'[1]', b'["x"]', b'[', b'<br>', b'2024-01-31 12:00:00 1 foo-1.0.zip', b'foo-1.zip'),
)
def test_one_bad_line_is_skipped(
        tmp_path: Path, capsys: pytest.CaptureFixture[str], first: bytes,
) -> None:
    """A line that looks like something else is skipped if the others are usable."""
    assert run(tmp_path, first + b'\n' + LINES, '--package-list-json') == 0
    message, summary = capsys.readouterr().err.splitlines()
    assert message.startswith(f'{tmp_path}/wrong:1: ')
    assert summary == 'dumb-pypi: 1 line was skipped'
    assert (tmp_path / 'out/packages.json').read_bytes().count(b'\n') == 2


@pytest.mark.parametrize(
    ('option', 'remedy'), (
        ('--package-list', ': for an index of the packages in it, use --packages-dir'),
        ('--package-list-json', ': for an index of the packages in it, use --packages-dir'),
        ('--previous-package-list', ''), ('--project-list-json', ''),
    ),
)
def test_folder_is_refused(
        tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, remedy: str,
) -> None:
    """A folder in place of a list is refused; for packages, the message names the right option."""
    (tmp_path / 'list').write_bytes(NAMES)
    others = [] if remedy else ['--package-list', str(tmp_path / 'list')]
    assert main([
        option, str(tmp_path), *others, '--output-dir', str(tmp_path / 'out'), '--packages-url',
        '/pool/',
    ]) == 1
    assert capsys.readouterr().err == (
        f'dumb-pypi: cannot read {tmp_path}: it is a folder, not a list{remedy}\n'
    )
    assert not (tmp_path / 'out').exists()

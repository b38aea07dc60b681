"""Keys of a bucket next to distribution files: skipped silently, but for metadata."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dumb_pypi import build
from dumb_pypi.commands.build import main
from dumb_pypi.options import JSON, PLAIN
from tests.support import histories
from tests.support.lists import read_files

WHEEL = 'foo-1.0-py3-none-any.whl'
KEYS = (
    'pool/', f'pool/{WHEEL}', f'pool/{WHEEL}.metadata', f'pool/{WHEEL}.asc',
    f'pool/{WHEEL}.sigstore', f'pool/{WHEEL}.publish.attestation', 'pool/bar-1.0.tar.gz',
    'pool/bar-1.0.tar.gz.sha256', 'pool/index.html', 'pool/README.metadata', 'pool/gone.md5',
)


def metadata_of(*lines: str) -> dict[str, str | None]:
    """Return what a plain list announces about each file; no line is reported."""
    files, notices = read_files('\n'.join(lines).encode(), PLAIN)
    assert list(notices) == []
    return {file.url: file.line.core_metadata for file in files}


def test_bucket_keys_are_silent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A list of all keys of a bucket gives an index of its distributions, without a message."""
    package_list = histories.write_lines(tmp_path / 'list', [*KEYS])
    for options in ([], ['--strict'], ['--full', '--strict']):
        assert main([
            '--package-list', package_list, '--output-dir', str(tmp_path / 'out'),
            '--packages-url', 'https://files.example.com/', *options,
        ]) == 0
        assert capsys.readouterr() == ('', '')
    assert (tmp_path / 'out/packages.json').read_text().splitlines() == [
        '{"filename":"bar-1.0.tar.gz","url":"pool/bar-1.0.tar.gz"}',
        f'{{"filename":"{WHEEL}","core_metadata":"true","url":"pool/{WHEEL}"}}',
    ]


@pytest.mark.parametrize(
    ('lines', 'expected'), (
        ((f'a/{WHEEL}', f'a/{WHEEL}.metadata'), {f'a/{WHEEL}': 'true'}),
        # The order does not matter.
        ((f'a/{WHEEL}.metadata', f'a/{WHEEL}'), {f'a/{WHEEL}': 'true'}),
        # Spellings of one path.
        ((f'./{WHEEL}', f'{WHEEL}.metadata'), {WHEEL: 'true'}),
        ((f'{WHEEL}#md5={"0" * 32}', f'{WHEEL}.metadata#md5={"1" * 32}'), {WHEEL: 'true'}),
        ((f'a b/{WHEEL}', f'a b/{WHEEL}.metadata'), {f'a%20b/{WHEEL}': 'true'}),
        ((f'https://example.com/{WHEEL}', f'https://example.com/{WHEEL}.metadata'),
         {f'https://example.com/{WHEEL}': 'true'}),
        # An sdist may have metadata, too.
        (('foo-1.0.tar.gz', 'foo-1.0.tar.gz.metadata'), {'foo-1.0.tar.gz': 'true'}),
        # Metadata somewhere else, or of another file of the project.
        ((f'a/{WHEEL}', f'b/{WHEEL}.metadata'), {f'a/{WHEEL}': None}),
        ((WHEEL, 'foo-2.0-py3-none-any.whl.metadata'), {WHEEL: None}),
        ((WHEEL, f'../{WHEEL}.metadata'), {WHEEL: None}),
        ((WHEEL, f'12345 a/{WHEEL}.metadata'), {WHEEL: None}),
    ),
)
def test_metadata_is_announced(
        lines: tuple[str, ...], expected: dict[str, str | None],
) -> None:
    """The path of a file's metadata announces it for the file at that path, and no other."""
    assert metadata_of(*lines) == expected


def test_metadata_of_the_later_line() -> None:
    """If two lines name one file, the metadata next to the later one counts."""
    for lines, expected in (
        ((f'a/{WHEEL}', f'a/{WHEEL}.metadata', f'b/{WHEEL}'), None),
        ((f'a/{WHEEL}', f'b/{WHEEL}', f'b/{WHEEL}.metadata'), 'true'),
    ):
        [file], [notice] = read_files('\n'.join(lines).encode(), PLAIN)
        assert file.line.core_metadata == expected
        assert not notice.skipped


def test_companions_in_json_are_silent() -> None:
    """In a JSON list companions are skipped, and announce nothing: it has a key for that."""
    lines = [f'{{"filename": "{name}"}}' for name in (WHEEL, f'{WHEEL}.metadata', 'index.html')]
    [file], notices = read_files('\n'.join(lines).encode(), JSON)
    assert file.line.core_metadata is None
    assert list(notices) == []


@pytest.mark.parametrize(
    'line', ('README', 'foo.txt', '{}', f'{WHEEL}\\.metadata.txt', f'{WHEEL}.metadata\udcff'),
)
def test_other_files_are_reported(line: str) -> None:
    """A file that accompanies nothing is reported."""
    _, [notice] = read_files(line.encode(errors='surrogateescape'), PLAIN)
    assert notice.skipped


def test_new_metadata_changes_only_its_project(tmp_path: Path) -> None:
    """A rebuild for a new or a removed `.metadata` file equals a full build."""
    lists = (
        [WHEEL, 'bar-1.0.zip'], [WHEEL, 'bar-1.0.zip', f'{WHEEL}.metadata'],
        [f'{WHEEL}.metadata', 'baz-1.0.zip', WHEEL, 'bar-1.0.zip'], [WHEEL, 'bar-1.0.zip'],
    )
    for lines in lists:
        options: dict[str, Any] = {
            'package_list': histories.write_lines(tmp_path / 'list', lines),
            'packages_url': '../../pool/', 'allow_shrink': True,
        }
        report = build(**options, output_dir=tmp_path / 'out')
        build(**options, output_dir=tmp_path / 'full', full=True)
        assert histories.read_tree(tmp_path / 'out') == histories.read_tree(tmp_path / 'full')
        assert report.notices == []

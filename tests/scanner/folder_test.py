"""Walking through folders: which files are listed, with which URL, and which are not."""
from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Iterator
from pathlib import Path

import pytest

from dumb_pypi import build
from dumb_pypi.errors import FileError
from dumb_pypi.model import filenames, suffixes
from dumb_pypi.scanner import archives, scan
from dumb_pypi.scanner.folder import walk
from dumb_pypi.store import SHARED_FOLDERS
from tests.support.archives import decoded, NO_SDIST, only, SDIST, sdist, WHEEL, wheel, zipped


def make(*places: Path) -> None:
    for place in places:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(wheel())


def urls(*folders: Path) -> dict[str, str | None]:
    """Return the URL of each file in the list of a scan without messages."""
    result = scan(list(map(str, folders)))
    assert (result.problems, result.notices) == ([], [])
    return {line['filename']: line.get('url') for line in decoded(result)}


def messages(*folders: Path) -> tuple[list[str], list[str]]:
    """Return the problems and notices of a scan."""
    result = scan(list(map(str, folders)))
    assert result.problems == sorted(result.problems)
    return list(map(str, result.problems)), list(map(str, result.notices))


def test_every_sdist_extension_is_walked(tmp_path: Path) -> None:
    """No sdist that the parser of file names knows is skipped, in upper or lower case."""
    kinds = ('gz', 'bz2', 'xz', 'lz', 'lzma', 'zst', 'Z')
    extensions = (*(f'.tar.{kind}' for kind in kinds), '.tar', '.tgz', '.tbz', '.tbz2', '.txz',
                  '.tlz', '.zip')
    for extension in extensions:
        assert filenames.parse(f'foo-1.0{extension}').packagetype == 'sdist'
        (tmp_path / f'foo-1.0{extension}').touch()
        (tmp_path / f'bar-1.0{extension.upper()}').touch()
    assert len(walk([str(tmp_path)]).found) == 2 * len(extensions)
    assert {*map(str.lower, extensions)} == {*suffixes.SDISTS}


@pytest.mark.parametrize(('place', 'url'), [
    ('', None),
    ('team a/', 'team%20a/'),
    ('a/b/c+d/', 'a/b/c%2Bd/'),
    # Characters that have a meaning in a URL.
    ('http:/?#%41&/', 'http%3A/%3F%23%2541%26/'),
    ('é/\n/', '%C3%A9/%0A/'),
])
def test_url_is_path_below_folder(
        tmp_path: Path, place: str, url: str | None,
) -> None:
    """A file's URL is its encoded path below the folder given."""
    make(tmp_path / place / WHEEL)
    assert urls(tmp_path) == {WHEEL: url if url is None else url + WHEEL}
    assert urls(tmp_path, tmp_path) == urls(tmp_path)


def test_several_folders(tmp_path: Path) -> None:
    """URLs are relative to the folder given; a file in two of them belongs to the first."""
    make(tmp_path / 'a/x' / WHEEL, tmp_path / 'b/y' / WHEEL.replace('1.0', '1'))
    assert urls(tmp_path / 'a', tmp_path / 'b') == {
        WHEEL: f'x/{WHEEL}', WHEEL.replace('1.0', '1'): f'y/{WHEEL.replace("1.0", "1")}',
    }
    assert urls(tmp_path / 'a', tmp_path / 'a/x') == {WHEEL: f'x/{WHEEL}'}
    assert urls(tmp_path / 'a/x', tmp_path / 'a') == {WHEEL: None}


def test_companion_files_are_ignored(tmp_path: Path) -> None:
    """Files that accompany distributions and hidden files cause no message."""
    for name in ('.hidden-1.0.zip', '.git/config', '.git/foo-1.0.zip', f'{WHEEL}.asc'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert messages(tmp_path) == ([], [])


def test_other_files_are_reported(tmp_path: Path) -> None:
    """A file that no client installs is skipped with a notice."""
    for name in ('README', 'foo-1.0.exe', 'foo-1.0.linux-x86_64.tar.gz', 'sub/main.html'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    over = 'is neither a wheel, an sdist nor an egg: skipped'
    assert messages(tmp_path) == ([], [
        f'{tmp_path}/README: {over}',
        f'{tmp_path}/foo-1.0.exe: {over}',
        (f'{tmp_path}/foo-1.0.linux-x86_64.tar.gz: is a dumb binary archive, which no client '
         'installs: skipped'),
        f'{tmp_path}/sub/main.html: {over}',
    ])


def test_unpacked_egg_is_reported_once(tmp_path: Path) -> None:
    """An unpacked egg causes one notice, and its files none."""
    make(tmp_path / 'foo-1.0-py3.9.egg/EGG-INFO/PKG-INFO', tmp_path / 'foo-1.0-py3.9.egg/foo.py')
    assert messages(tmp_path) == ([], [
        f'{tmp_path}/foo-1.0-py3.9.egg: is an unpacked egg, which no client installs: skipped',
    ])


def test_index_pages_are_ignored(tmp_path: Path) -> None:
    """The pages of an index cause no message; unknown files next to them do."""
    make(tmp_path / f'index/pool/{WHEEL}')
    (tmp_path / 'list').write_text(f'{WHEEL}\n')
    build(
        package_list=str(tmp_path / 'list'), packages_url='../../pool/', precompress=True,
        output_dir=str(tmp_path / 'index'), site_url='https://example.com/',
    )
    assert urls(tmp_path / 'index') == {WHEEL: f'pool/{WHEEL}'}
    make(tmp_path / 'index/docs/main.html')
    problems, [notice] = messages(tmp_path / 'index')
    assert problems == []
    assert notice.startswith(f'{tmp_path}/index/docs/main.html: ')


@pytest.mark.parametrize('folder', SHARED_FOLDERS)
def test_files_among_pages_are_listed(tmp_path: Path, folder: str) -> None:
    """A distribution file in a folder of an index's pages is found, and the pages are silent."""
    (tmp_path / '.dumb-pypi').mkdir()
    make(tmp_path / folder / WHEEL, tmp_path / folder / 'a/b.egg/index.json')
    assert urls(tmp_path) == {WHEEL: f'{folder}/{WHEEL}'}


def test_links_are_followed(tmp_path: Path) -> None:
    """Links to files and to folders are followed."""
    make(tmp_path / 'elsewhere/a' / WHEEL)
    pool = tmp_path / 'pool'
    pool.mkdir()
    (pool / WHEEL).symlink_to(tmp_path / 'elsewhere/a' / WHEEL)
    assert urls(pool) == {WHEEL: None}
    (pool / WHEEL).unlink()
    (pool / 'team').symlink_to(tmp_path / 'elsewhere')
    assert urls(pool) == {WHEEL: f'team/a/{WHEEL}'}


def test_link_loops_end(tmp_path: Path) -> None:
    """A folder is listed once, under its own name, whatever links to it."""
    make(tmp_path / 'releases/1.0' / WHEEL)
    (tmp_path / 'current').symlink_to('releases/1.0')
    (tmp_path / 'again').symlink_to('current')
    (tmp_path / 'releases/up').symlink_to('..')
    (tmp_path / 'releases/1.0/here').symlink_to('.')
    assert urls(tmp_path) == {WHEEL: f'releases/1.0/{WHEEL}'}


def test_link_to_parent_is_a_loop(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A link to a folder that contains the one given is not followed; others are."""
    make(tmp_path / 'root/a/pool' / WHEEL, tmp_path / 'root/other' / WHEEL.replace('1.0', '1'))
    (tmp_path / 'root/a/pool/loop').symlink_to('..')
    (tmp_path / 'root/a/pool/sub').mkdir()
    (tmp_path / 'root/a/pool/sub/loop').symlink_to(tmp_path / 'root')
    monkeypatch.chdir(tmp_path / 'root/a/pool')
    (tmp_path / 'link').symlink_to('root/a/pool')
    for folder in (Path(), tmp_path / 'root/a/pool', tmp_path / 'link'):
        assert urls(folder) == {WHEEL: None}
    (tmp_path / 'root/a/pool/other').symlink_to('../../other')
    assert len(urls(Path())) == 2


def test_links_to_one_file(tmp_path: Path) -> None:
    """Several links to one file are one file, at the place of the file itself."""
    make(tmp_path / 'b' / WHEEL)
    (tmp_path / 'a').mkdir()
    (tmp_path / 'a' / WHEEL).symlink_to(f'../b/{WHEEL}')
    (tmp_path / 'c').mkdir()
    os.link(tmp_path / 'b' / WHEEL, tmp_path / 'c' / WHEEL)
    assert urls(tmp_path) == {WHEEL: f'b/{WHEEL}'}


def test_broken_links(tmp_path: Path) -> None:
    """A link to nothing is a problem if its name is that of a distribution file."""
    (tmp_path / WHEEL).symlink_to('nowhere')
    (tmp_path / SDIST).symlink_to(SDIST)
    (tmp_path / 'README').symlink_to('nowhere')
    (tmp_path / f'{WHEEL}.metadata').symlink_to(f'{WHEEL}.metadata')
    problems, [notice] = messages(tmp_path)
    assert problems == [
        f'{tmp_path}/{WHEEL}: cannot be read: No such file or directory',
        f'{tmp_path}/{WHEEL}.metadata: cannot be read: Too many levels of symbolic links',
        f'{tmp_path}/{SDIST}: cannot be read: Too many levels of symbolic links',
    ]
    assert notice.startswith(f'{tmp_path}/README: is neither')


def test_special_files_are_not_opened(tmp_path: Path) -> None:
    """A named pipe is reported and not opened: reading it would never end."""
    os.mkfifo(tmp_path / WHEEL)
    os.mkfifo(tmp_path / SDIST)
    (tmp_path / f'{SDIST}.metadata').mkdir()
    assert messages(tmp_path) == ([
        f'{tmp_path}/{WHEEL}: is not a regular file',
        f'{tmp_path}/{SDIST}: is not a regular file',
    ], [])


def test_metadata_that_is_a_pipe(tmp_path: Path) -> None:
    """A named pipe in place of a `.metadata` file is ignored."""
    make(tmp_path / WHEEL)
    os.mkfifo(tmp_path / f'{WHEEL}.metadata')
    assert 'core_metadata' not in only(scan([str(tmp_path)]))


@pytest.mark.parametrize(('name', 'reason'), [
    ('foo.whl', "filename 'foo.whl' is not name-version-python-abi-platform.whl"),
    ('-1.0.zip', "filename '-1.0.zip' has no project name"),
    ('fo\u202eo-1.0.zip', "filename 'fo\\u202eo-1.0.zip' has the control character U+202E"),
    ('foo-1.\u202e0.zip', "filename 'foo-1.\\u202e0.zip' has the control character U+202E"),
    (' foo-1.0.zip', "filename ' foo-1.0.zip' starts or ends with a space"),
    ('foo-1.0 .zip', None),
    ('foo-1.0%2Blocal.zip', "filename 'foo-1.0%2Blocal.zip' has '%2B', which clients decode twice"),
    ('foo-1.0 (1).zip', "filename 'foo-1.0 (1).zip' has the version '1.0 (1)', which ends"),
    ('foo-1.0-py3-none-any (1).whl', (
        "filename 'foo-1.0-py3-none-any (1).whl' has the invalid platform tag 'any (1)'"
    )),
])
def test_invalid_file_names(tmp_path: Path, name: str, reason: str | None) -> None:
    """A file name that a list may not have is a problem."""
    version = name.removeprefix('foo-').removesuffix('.zip')
    metadata = f'Name: foo\nVersion: {version}\n'.encode()
    (tmp_path / name).write_bytes(zipped([('foo-1.0/PKG-INFO', metadata)]))
    problems = scan([str(tmp_path)]).problems
    assert [problem.text.startswith(str(reason)) for problem in problems] == [True] * bool(reason)


@pytest.mark.parametrize('name', [WHEEL.encode() + b'\xff.whl', b'\xff/' + WHEEL.encode()])
def test_names_that_are_not_utf_8(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: bytes,
) -> None:
    """A name that is not UTF-8 is a problem, and is printed escaped."""
    # Messages abbreviate long paths.
    monkeypatch.chdir(tmp_path)
    place = os.path.join(b'pool', name)
    try:
        os.makedirs(os.path.dirname(place))
        with open(place, 'wb') as file:
            file.write(wheel())
    except OSError:
        # macOS refuses such names; no file system of Linux does.
        if platform.system() == 'Linux':
            raise
        pytest.skip('this file system has none')
    [problem], notices = messages(Path('pool'))
    assert problem.endswith(': has a name that is not UTF-8')
    assert r'\udcff' in problem
    assert notices == []


def test_percent_sign_in_a_folder_name(tmp_path: Path) -> None:
    """Clients take only the file's name from a URL, so folders may have any name."""
    make(tmp_path / 'a%2Bb' / WHEEL)
    assert urls(tmp_path) == {WHEEL: f'a%252Bb/{WHEEL}'}


def test_variant_wheels_are_listed(tmp_path: Path) -> None:
    """A wheel with a variant label has the facts of its metadata, and its label is described."""
    labelled = WHEEL.replace('.whl', '-cu128.whl')
    make(tmp_path / labelled)
    (tmp_path / 'a').mkdir()
    content = b'{"$schema": "x", "variants": {"cu128": {}}}'
    (tmp_path / 'a/foo-1.0-variants.json').write_bytes(content)
    result = scan([str(tmp_path)], write_metadata=True)
    assert (result.problems, result.notices) == ([], [])
    wheel_line, variants_line = decoded(result)
    assert wheel_line['filename'] == labelled
    assert wheel_line['requires_dist'] == []
    assert 'core_metadata' in wheel_line
    assert variants_line == {
        'filename': 'foo-1.0-variants.json', 'url': 'a/foo-1.0-variants.json',
        'size': len(content), 'hash': f'sha256={hashlib.sha256(content).hexdigest()}',
        'upload_timestamp': variants_line['upload_timestamp'],
    }


@pytest.mark.parametrize('content', [
    b'', b'{', b'[]', b'{}', b'{"variants": []}', b'{"variants": {"\xff": 1}}',
    b'{"variants": {}} x', b'{"variants":' + b'{"a":' * 100_000,
])
def test_other_json_is_a_problem(tmp_path: Path, content: bytes) -> None:
    """A file by the name of variants that has other content is not listed."""
    (tmp_path / 'foo-1.0-variants.json').write_bytes(content)
    assert messages(tmp_path) == ([
        f"{tmp_path}/foo-1.0-variants.json: is not a JSON object with the key 'variants'",
    ], [])


def test_too_long_json_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more is read of it than of metadata."""
    monkeypatch.setattr(archives, 'MAX_METADATA', 20)
    place = tmp_path / 'foo-1.0-variants.json'
    place.write_bytes(b'{"variants": {}}'.ljust(20))
    assert only(scan([str(tmp_path)]))['size'] == 20
    place.write_bytes(b'{"variants": {}}'.ljust(21))
    assert messages(tmp_path) == ([f'{place}: has more than 20 bytes'], [])


def test_copies_are_listed_once(tmp_path: Path) -> None:
    """Equal files of one name are listed as the first, whatever their times are."""
    make(tmp_path / 'b' / WHEEL, tmp_path / 'a' / WHEEL)
    os.utime(tmp_path / 'b' / WHEEL, (1, 1))
    assert urls(tmp_path) == {WHEEL: f'a/{WHEEL}'}


def test_different_files_of_one_name(tmp_path: Path) -> None:
    """Different files of one name are all problems: any of them may be the right one."""
    make(tmp_path / 'a' / WHEEL, tmp_path / 'b' / WHEEL, tmp_path / WHEEL)
    (tmp_path / WHEEL).write_bytes(wheel() + b'\0' * 22)
    (tmp_path / WHEEL).write_bytes(wheel(b'Name: foo\nVersion: 1.0\n'))
    (tmp_path / SDIST).write_bytes(sdist())
    has = 'has the name, but not the content, of'
    assert messages(tmp_path) == ([
        f'{tmp_path}/a/{WHEEL}: {has} {tmp_path}/{WHEEL}',
        f'{tmp_path}/b/{WHEEL}: {has} {tmp_path}/{WHEEL}',
        f'{tmp_path}/{WHEEL}: {has} {tmp_path}/a/{WHEEL}',
        f'{tmp_path}/{SDIST}: {NO_SDIST}',
    ], [])


def test_paths_may_be_path_objects(tmp_path: Path) -> None:
    """Folders and the previous list may be given as `os.PathLike`."""
    make(tmp_path / 'pool' / WHEEL)
    found = scan([tmp_path / 'pool'])
    (tmp_path / 'list').write_bytes(found.lines[0])
    assert scan([tmp_path / 'pool'], previous=tmp_path / 'list') == found


@pytest.mark.parametrize(('name', 'why'), [
    ('nowhere', 'No such file or directory'),
    ('file', 'it is a file; pass the folder that contains it'),
])
def test_unreadable_root_is_an_error(tmp_path: Path, name: str, why: str) -> None:
    """A folder given that cannot be read ends the scan."""
    (tmp_path / 'file').touch()
    folder = str(tmp_path / name)
    with pytest.raises(FileError) as caught:
        scan([folder])
    assert str(caught.value).startswith(f'cannot read {folder}: {why}')


def test_unreadable_subfolder_is_a_problem(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A folder below that cannot be read is reported; the others are listed."""
    make(tmp_path / 'good' / WHEEL)
    (tmp_path / 'bad').mkdir()
    scandir = os.scandir

    def refuse(path: str) -> Iterator[os.DirEntry[str]]:
        if path.endswith('bad'):
            raise PermissionError(13, 'Permission denied')
        return scandir(path)

    monkeypatch.setattr(os, 'scandir', refuse)
    result = scan([str(tmp_path)])
    assert len(result.lines) == 1
    assert list(map(str, result.problems)) == [
        f'{tmp_path}/bad: cannot be read: Permission denied',
    ]

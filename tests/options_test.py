"""Options of a build: checks, defaults, and hints about URLs that are hardly ever meant."""
from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from dumb_pypi.errors import OptionError
from dumb_pypi.options import BuildOptions, FOLDER, hints, ListPath


def check(**options: Any) -> BuildOptions:
    return BuildOptions.parse(**{
        'output_dir': 'out', 'package_list': 'list', 'packages_url': '../../pool', **options,
    })


def check_folder(**options: Any) -> BuildOptions:
    return check(**{'package_list': None, 'packages_url': None, **options})


def test_options_are_normalized() -> None:
    """URLs end in a slash, texts have no white space around them."""
    options = check(
        packages_url=' https://example.com/pool\n', title='', logo=' a.png ', logo_width=1,
        site_url='https://example.com/index',
    )
    assert options.packages_url.base == 'https://example.com/pool/'
    assert options.title == 'My Private PyPI'
    assert options.logo == 'a.png'
    assert options.site_url == 'https://example.com/index/'


@pytest.mark.parametrize('logo', (None, 'data:image/png;base64,x', 'a.png', '/a.png', 'https://example.com/a.png'))
def test_logo(logo: str | None) -> None:
    """A logo is a URL, a path, or an image in a `data:` URL."""
    assert check(logo=logo).logo == logo


@pytest.mark.parametrize(
    ('option', 'value', 'message'), (
        ('packages_url', 's3://bucket',
         ("--packages-url 's3://bucket' is the URL of a bucket: pass the URL that clients download "
          'from, such as https://example.com/pool/')),
        ('packages_url', 'https://example.com/?x',
         ("--packages-url 'https://example.com/?x' has a '?' or a '#', which file names cannot "
         'follow')),
        ('packages_url', ' ', (
            '--packages-url is empty: pass the URL that clients download from, such as '
            'https://example.com/pool/'
        )),
        ('packages_url', None,
         ('--packages-url is required: pass the URL that clients download from, such as '
          'https://example.com/pool/, or ../../pool/ for the folder pool/ in the output '
          'directory')),
        ('packages_url', 'example.com:8080/pool',
         ("--packages-url 'example.com:8080/pool' is not an http or https URL. Did you mean "
          "'https://example.com:8080/pool'?")),
        ('packages_url', 'localhost:8080',
         ("--packages-url 'localhost:8080' is not an http or https URL. Did you mean "
          "'http://localhost:8080'?")),
        ('packages_url', 'file://srv/pool',
         ("--packages-url 'file://srv/pool' is not an http or https URL. Did you mean "
          "'file:///srv/pool'?")),
        ('packages_url', 'file:///srv/pool?',
         "--packages-url 'file:///srv/pool?' has a '?' or a '#', which file names cannot follow"),
        ('packages_url', 'https://me:secret@example.com/?x',
         ("--packages-url 'https://…@example.com/?x' has a '?' or a '#', which file names cannot "
          'follow')),
        ('packages_url', 'a\0b', (
            r"--packages-url 'a\x00b' has the control character U+0000: remove it"
        )),
        ('title', 'a\0b', r"--title 'a\x00b' has the control character U+0000: remove it"),
        ('title', 'a\udcffb', (
            r"--title 'a\udcffb' has bytes that are not UTF-8: is the locale set to UTF-8?"
        )),
        ('logo', 'javascript:alert(1)',
         "--logo 'javascript:alert(1)' is not an http or https URL"),
        ('logo_width', 0, '--logo-width must be at least 1, not 0'),
        ('template_dir', '/nowhere', '--template-dir /nowhere is not a directory'),
        ('site_url', '../', "--site-url '../' is not an http or https URL"),
        ('site_url', 'index.example.com',
         ("--site-url 'index.example.com' is not an http or https URL. Did you mean "
          "'https://index.example.com'?")),
        ('site_url', '127.0.0.1/simple',
         ("--site-url '127.0.0.1/simple' is not an http or https URL. Did you mean "
          "'http://127.0.0.1/simple'?")),
        ('site_url', 'https://example.com/?x',
         "--site-url 'https://example.com/?x' has a '?', which no path can follow"),
        ('package_list', None,
         '--packages-dir, --package-list or --package-list-json is required'),
        ('output_dir', '', '--output-dir is empty: pass the folder to write the index to'),
        *(('output_dir', url, (
            f"--output-dir '{url}' is not the URL of a bucket, such as s3://bucket or "
            "s3://bucket/path, without '?' and '#'"
        )) for url in (
            's3://idx?x=1', 's3://idx#a', 's3://idx/a?b', 'gs://idx/a#b/c', 's3:///idx', 'az://',
            's3://idx/../x', 's3://idx//x', 's3://i x',
        )),
        *(('output_dir', url, (
            f"--output-dir '{url}' is not the URL of a bucket. Did you mean '{meant}'?"
        )) for url, meant in {
            'S3://idx': 's3://idx', 's3:/idx/a': 's3://idx/a', 'Gs:///idx': 'gs://idx',
        }.items()),
        *(('output_dir', url, (
            f"--output-dir '{shown}' is neither a folder nor the s3://, gs:// or az:// URL of a "
            'bucket'
        )) for url, shown in {
            'https://idx': 'https://idx', 'FILE:///srv/index': 'FILE:///srv/index',
            'https://me:secret@idx/': 'https://…@idx/',
        }.items()),
        ('package_list_json', 'list',
         '--package-list cannot be used with --package-list-json'),
        ('packages_dir', 'pool',
         '--packages-dir cannot be used with a package list'),
        ('packages_dir', '', '--packages-dir is empty: pass . for the current folder'),
        ('write_metadata', True, '--write-metadata requires --packages-dir, whose files it reads'),
    ),
)
def test_invalid_options(option: str, value: object, message: str) -> None:
    """The message has the option, its value, and what is wrong with it."""
    with pytest.raises(OptionError) as caught:
        check(**{option: value})
    assert str(caught.value) == message


@pytest.mark.parametrize(('options', 'message'), [
    ({'slash_keys': True}, '--slash-keys requires --output-dir s3://bucket/path'),
    ({'output_dir': 'az://index', 'slash_keys': True},
     '--slash-keys requires --output-dir s3://bucket/path'),
    ({'output_dir': 's3://index', 'precompress': True}, (
        '--precompress cannot be used with a bucket, which cannot choose between a page and its '
        '.gz form: let the CDN compress'
    )),
    ({
        'output_dir': 's3://index', 'package_list': None, 'packages_url': None,
        'packages_dir': '.',
    }, (
        "--packages-url is required, because '.' is not inside the output directory: pass the "
        'URL that clients download from, such as https://example.com/pool/'
    )),
])
def test_options_of_buckets(options: dict[str, Any], message: str) -> None:
    """Some options are for buckets only, for some of them, or not for them."""
    with pytest.raises(OptionError) as caught:
        check(**options)
    assert str(caught.value) == message


def test_one_list_is_standard_input() -> None:
    """Standard input can be read once, so it is at most one list."""
    assert check(package_list='-', output_dir='-').package_list.path == '-'
    with pytest.raises(OptionError, match=(
        r'^--package-list and --project-list-json read standard input, but only one list can$'
    )):
        check(package_list='-', project_list_json='-')


@pytest.mark.parametrize(('folder', 'output_dir', 'url'), (
    ('index/pool', 'index', '../../pool/'),
    ('index/pool', './index/', '../../pool/'),
    ('index/../index/a/b/', 'index', '../../a/b/'),
    ('index', 'index', '../../'),
    ('.', '.', '../../'),
    ('index/linked', 'index', '../../linked/'),
    ('index/pool', 'alias', '../../pool/'),
    ('index/a?b#c+d é', 'index', '../../a%3Fb%23c%2Bd%20%C3%A9/'),
    ('index/..pool', 'index', '../../..pool/'),
))
def test_url_of_folder_in_output_dir(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, output_dir: str, url: str,
) -> None:
    """The URL of a folder in the output directory follows from its path, as given or real."""
    (tmp_path / 'index').mkdir()
    (tmp_path / 'elsewhere').mkdir()
    (tmp_path / 'index/linked').symlink_to('../elsewhere')
    (tmp_path / 'alias').symlink_to('index')
    monkeypatch.chdir(tmp_path)
    options = check_folder(packages_dir=Path(folder), output_dir=output_dir)
    assert options.package_list == ListPath(str(Path(folder)), FOLDER)
    assert options.packages_url.base == url
    given = check_folder(packages_dir=folder, packages_url='https://example.com')
    assert given.packages_url.base == 'https://example.com/'


@pytest.mark.parametrize('folder', ('pool', 'indexes', '..', 'index/\udcff'))
def test_url_of_other_folder_is_needed(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The URL of any other folder is unknown; the message says what to pass."""
    monkeypatch.setattr(os.path, 'exists', lambda _: True)
    with pytest.raises(OptionError, match=(
        r'^--packages-url is required, because .* is not inside the output directory: pass the '
        'URL that clients download from, such as https://example.com/pool/$'
    )):
        check_folder(packages_dir=folder, output_dir='index')


def test_missing_folder_needs_no_url() -> None:
    """If there is no folder to index, the message does not ask for its URL."""
    with pytest.raises(OptionError, match=r"^--packages-dir 'nowhere' does not exist$"):
        check_folder(packages_dir='nowhere', output_dir='index')


@pytest.mark.parametrize(('packages_url', 'expected'), (
    ('../../pool/', ''), ('/pool/', ''), ('/srv/pool/', ''), ('https://example.com/pool', ''),
    ('//example.com/pool', ''), ('https://example.com/~me/a@b', ''), ('file:///srv/pool', ''),
    ('https://example.com//a@b', ''),
    ('pool', ("--packages-url 'pool' resolves to simple/<project>/pool/. "
              "Did you mean '../../pool/'?")),
    ('pool/', ("--packages-url 'pool/' resolves to simple/<project>/pool/. "
               "Did you mean '../../pool/'?")),
    ('../pool', ("--packages-url '../pool' resolves to simple/pool/. "
                 "Did you mean '../../pool/'?")),
    ('../../simple/x', ("--packages-url '../../simple/x' resolves to simple/x/. "
                        "Did you mean '../../x/'?")),
    ('example.com/pool', ("--packages-url 'example.com/pool' resolves to "
                          'simple/<project>/example.com/pool/. '
                          "Did you mean 'https://example.com/pool'?")),
    ('10.0.0.1/pool', ("--packages-url '10.0.0.1/pool' resolves to "
                       "simple/<project>/10.0.0.1/pool/. Did you mean 'http://10.0.0.1/pool'?")),
    ('index/files', ("--packages-url 'index/files' resolves to simple/<project>/index/files/. "
                     "Did you mean '../../files/'?")),
    ('{tmp}/index/files', ("--packages-url '{tmp}/index/files' is a folder on this machine. "
                           "Did you mean '../../files/'?")),
    ('{tmp}/other/', ("--packages-url '{tmp}/other/' is a folder on this machine. Pass the URL "
                      'that clients download from, such as https://example.com/pool/')),
    ('~/index/files', ("--packages-url '~/index/files' is a folder on this machine. "
                       "Did you mean '../../files/'?")),
    (' ../../pool ', "--packages-url ' ../../pool ' has blanks around it, which are ignored"),
    ('https://me:secret@example.com/pool',
     ("--packages-url 'https://…@example.com/pool' has a password, which pages show to everybody. "
      'Remove it; pip and uv read credentials from ~/.netrc')),
    ('//token@example.com/pool',
     ("--packages-url '//…@example.com/pool' has a user name, which pages show to everybody. "
      'Remove it; pip and uv read credentials from ~/.netrc')),
))
def test_hints_about_packages_url(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        packages_url: str, expected: str,
) -> None:
    """A URL that is valid but suspicious gives a hint that says what may be meant."""
    (tmp_path / 'index/files').mkdir(parents=True)
    (tmp_path / 'other').mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('HOME', str(tmp_path))
    packages_url = packages_url.replace('{tmp}', str(tmp_path))
    check(packages_url=packages_url)
    assert list(hints(packages_url, None, Path('index'))) == [
        hint for hint in [expected.replace('{tmp}', str(tmp_path))] if hint
    ]


@pytest.mark.parametrize(('site_url', 'expected'), (
    ('https://example.com/', ''), ('https://example.com/simpler', ''),
    ('https://example.com/a/simple/',
     ("--site-url 'https://example.com/a/simple/' ends in simple/. "
      "Did you mean 'https://example.com/a/'?")),
    ('https://me:secret@example.com/',
     ("--site-url 'https://…@example.com/' has a password, which pages show to everybody. "
      'Remove it; pip and uv read credentials from ~/.netrc')),
))
def test_hints_about_site_url(site_url: str, expected: str) -> None:
    """The public URL is that of the index, not of its simple pages, and has no password."""
    check(site_url=site_url)
    assert list(hints(None, site_url, 'index')) == [hint for hint in [expected] if hint]

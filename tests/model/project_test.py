from __future__ import annotations

import itertools
import json
from collections.abc import Iterable

import pytest
from packaging.utils import canonicalize_name

from dumb_pypi.model.distfile import Distfile
from dumb_pypi.model.project import _file_key, assemble, extras_in, Project
from dumb_pypi.model.project_facts import ProjectFacts
from tests.support.lists import file_of

FOO = canonicalize_name('foo')


def file(filename: str, **keys: object) -> Distfile:
    return file_of(json.dumps({'filename': filename, **keys}).encode())


def project(files: Iterable[Distfile | str], facts: ProjectFacts | None = None) -> Project:
    return assemble(FOO, [file(f) if isinstance(f, str) else f for f in files], facts)


def test_releases_are_sorted() -> None:
    """Releases go up; versions that do not follow PEP 440 are below all that do."""
    files = [
        'foo-1.0.zip', 'foo-1.0rc1.zip', 'foo-1.0.dev1.zip', 'foo-0.9.zip', 'foo-1!0.1.zip',
        'foo-1.0.post1.zip', 'foo-1.0+local.zip', 'foo-10.0.zip', 'foo-2013-11-4.zip',
        'foo-2013-11-14.zip', 'foo-0.1dev-r5.zip',
    ]
    assert [release.name for release in project(files).releases] == [
        '0.1dev-r5', '2013-11-4', '2013-11-14',
        '0.9', '1.0.dev1', '1.0rc1', '1.0', '1.0+local', '1.0.post1', '10.0', '1!0.1',
    ]


@pytest.mark.parametrize(
    ('files', 'name'), (
        (['foo-1.0.zip', 'foo-1.0.0-py3-none-any.whl', 'foo-1-py3-none-any.whl'], '1'),
        (['foo-1.0.zip', 'foo-1.0.0.zip'], '1.0.0'),
        # An egg and a wheel have an underscore where the sdist has a dash.
        (['foo-1.0-3.zip', 'foo-1.0_3-py2.7.egg'], '1.0.post3'),
        (['foo-0.1dev-r5.zip', 'foo-0.1dev_r5-py2.4.egg'], '0.1dev-r5'),
        (['foo-1.0RC1.zip', 'foo-v1.0.rc1.tar.gz'], '1.0rc1'),
    ),
)
def test_equal_versions_are_one_release(files: list[str], name: str) -> None:
    """The first file names the release, whatever the order of the list."""
    for order in itertools.permutations(files):
        [release] = project(order).releases
        assert release.name == name
        assert len(release.files) == len(files)


def test_order_of_files() -> None:
    """Wheels come first; names are in natural order, whatever the order of the list."""
    in_order = [
        'foo-1.0-cp39-cp39-any.whl', 'foo-1.0-cp310-cp310-any.whl', 'foo-01.0.tar.gz',
        'foo-1.0.tar.gz', 'foo-1.00.tar.gz', 'foo-1.0.zip', 'foo-1.0.win32-py2.7.exe',
    ]
    [release] = project(reversed(in_order)).releases
    assert sorted(file.filename for file in release.files) == sorted(in_order)
    assert [file.filename for file in release.files][:2] == in_order[:2]
    for order in itertools.islice(itertools.permutations(in_order), 0, None, 97):
        assert project(order) == project(in_order)


@pytest.mark.parametrize(
    ('files', 'latest'), (
        (['foo-1.0.zip', 'foo-2.0.zip'], '2.0'),
        (['foo-1.0.zip', 'foo-2.0rc1.zip'], '1.0'),
        (['foo-1.0a1.zip', 'foo-2.0rc1.zip'], '2.0rc1'),
        (['foo-1.0.zip', ('foo-2.0.zip', 'broken')], '1.0'),
        (['foo-1.0rc1.zip', ('foo-2.0.zip', '')], '1.0rc1'),
        ([('foo-1.0.zip', ''), ('foo-2.0rc1.zip', '')], '2.0rc1'),
        # Yanked in part is not yanked.
        (['foo-1.0.zip', ('foo-2.0.zip', ''), 'foo-2.0.tar.gz'], '2.0'),
        (['foo-2013-11-14.zip', 'foo-0.1.zip'], '0.1'),
        # A version that does not follow PEP 440 is not a pre-release, although it is below one.
        (['foo-2013-11-14.zip', 'foo-0.1rc1.zip'], '2013-11-14'),
        (['foo.zip'], None),
        ([], None),
    ),
)
def test_latest(files: list[str | tuple[str, str]], latest: str | None) -> None:
    """The highest that is neither yanked nor a pre-release; or not yanked; or any."""
    found = project(
        f if isinstance(f, str) else file(f[0], yanked_reason=f[1]) for f in files
    ).latest
    assert (None if found is None else found.name) == latest


def test_first_yank_reason_counts() -> None:
    """A yanked release has the first reason that a file states."""
    [release] = project([
        file('foo-1.0-py2-none-any.whl', yanked_reason=''),
        file('foo-1.0-py3-none-any.whl', yanked_reason='broken'),
        file('foo-1.0.zip', yanked_reason='later'),
    ]).releases
    assert release.yanked_reason == 'broken'
    [release] = project([file('foo-1.0.zip', yanked_reason='')]).releases
    assert release.yanked_reason == ''
    [release] = project(['foo-1.0.zip']).releases
    assert release.yanked_reason is None


@pytest.mark.parametrize(
    ('wheel', 'variants', 'yanked'),
    (('bad', None, True), ('bad', 'bad', True), (None, 'bad', False), (None, None, False)),
)
def test_variants_do_not_keep_a_release(
        wheel: str | None, variants: str | None, yanked: bool,
) -> None:
    """A release is yanked if its wheels are, whatever is said of the file that describes them."""
    [release] = project([
        file('foo-1.2-py3-none-any-cu128.whl', yanked_reason=wheel),
        file('foo-1.2-variants.json', yanked_reason=variants),
    ]).releases
    assert [file.is_variants for file in release.files] == [False, True]
    assert release.yanked is yanked
    assert release.yanked_reason == ('bad' if yanked else None)


def test_variants_alone_can_be_yanked() -> None:
    """A release of nothing but a yanked file that describes wheels is yanked."""
    for reason in (None, ''):
        [release] = project([file('foo-1.2-variants.json', yanked_reason=reason)]).releases
        assert release.yanked is (reason is not None)


def test_best_informed_file() -> None:
    """It states the most facts, and is the first of several such files."""
    [release] = project([
        file('foo-1.0-cp310-cp310-any.whl', requires_python='>=3.10'),
        file('foo-1.0-cp311-cp311-any.whl', requires_python='>=3.11', summary='s'),
        file('foo-1.0.zip', requires_python='>=3', requires_dist=[]),
    ]).releases
    assert release.best_informed.filename == 'foo-1.0-cp311-cp311-any.whl'


def test_upload_times() -> None:
    """A release has the time of its first file, a project those of its first and last."""
    foo = project([
        'foo.zip', file('foo-1.0.zip', upload_timestamp=30), 'foo-1.0.tar.gz',
        file('foo-1.0.tar.bz2', upload_timestamp=20), file('foo-2.0.zip', upload_timestamp=40),
        'foo-3.0.zip',
    ])
    assert [release.uploaded for release in foo.releases] == [20, 40, None]
    assert (foo.first_uploaded, foo.last_uploaded) == (20, 40)
    assert project(['foo.zip']).first_uploaded is None
    assert project(['foo.zip']).last_uploaded is None


def test_unversioned_files_have_no_release() -> None:
    """A file without a version is one of the project only."""
    foo = project(['foo-1.0.zip', 'foo.zip'])
    assert [file.filename for file in foo.files] == ['foo.zip', 'foo-1.0.zip']
    assert [release.name for release in foo.releases] == ['1.0']


def test_summary() -> None:
    """The summary in the project list counts more than that of the latest release."""
    files = [file('foo-1.0.zip', summary='old'), file('foo-2.0.zip', summary='new')]
    assert project(files).summary == 'new'
    assert project(files, ProjectFacts(FOO, summary='given')).summary == 'given'
    assert project(['foo.zip']).summary is None


def test_quarantined_project_offers_no_file() -> None:
    """The files are known, but not offered."""
    foo = project(['foo-1.0.zip'], ProjectFacts(FOO, 'quarantined'))
    assert len(foo.files) == 1
    assert foo.offered == ()


@pytest.mark.parametrize(('requirement', 'extras'), [
    ('bar', []),
    ('bar[x]>1', []),
    ('bar; extra == "x"', ['x']),
    ("bar ; extra=='x'", ['x']),
    ('bar; (python_version>"3" or os_name == "nt") and extra == "a.b-c"', ['a.b-c']),
    ('bar; "x" == extra', ['x']),
    ('bar; extra == "x" or extra == "y" or extra == "x"', ['x', 'y']),
    ('bar; extra != "x"', []),
    ('bar; extra == ""', []),
    ('bar; extra == "$(reboot)"', []),
    ('bar; xextra == "x"', []),
    ('bar @ https://example.com/extra=="x"', []),
    ('extra == "x"', []),
    ('bar; ' + 'extra ' * 50_000, []),
    ('bar; extra == "' * 20_000, []),
])
def test_extras_of_markers(requirement: str, extras: list[str]) -> None:
    """The extras are those that a marker compares with, in linear time."""
    assert extras_in([requirement]) == extras


def test_extras_of_a_release() -> None:
    """The latest release has the stated extras, every other one those of its own requirements."""
    files: list[Distfile | str] = [
        'foo-0.9.zip', file('foo-1.0.zip', requires_dist=['bar; extra == "old"']),
        file('foo-2.0.zip', requires_dist=['bar; extra == "new"']),
    ]
    for facts, expected in (
            (None, ['new']),
            (ProjectFacts(FOO, provides_extra=['a', 'b']), ['a', 'b']),
    ):
        foo = project(files, facts)
        assert [foo.extras(release) for release in foo.releases] == [None, ['old'], expected]
        assert foo.extras(None) is None


@pytest.mark.parametrize('names', (
    ('foo-1.0.tar.gz', 'foo-1.0-py3-none-any.whl'), ('foo-1.0.zip', 'foo-1.0.tar.gz'),
    ('foo-1.0-py2-none-any.whl', 'foo-1.0-py3-none-any.whl'),
    ('foo-1.0-cp39-cp39-any.whl', 'foo-1.0-cp310-cp310-any.whl'),
    ('foo-1.0.tar.gz', 'foo-1.0-py3-none-any.whl', 'foo-1.0-variants.json'),
))
def test_files_have_the_order_of_keys(names: tuple[str, ...]) -> None:
    """A pair of a wheel and another file is in the order that its keys have."""
    for given in itertools.permutations(names):
        files = [file_of(json.dumps({'filename': name}).encode()) for name in given]
        [release] = assemble(canonicalize_name('foo'), files).releases
        assert [*release.files] == sorted(files, key=_file_key)

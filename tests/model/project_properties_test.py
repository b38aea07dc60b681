"""What holds for the releases of every project, by the contract's words alone."""
from __future__ import annotations

import json
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from dumb_pypi.model.distfile import Distfile
from dumb_pypi.model.project import assemble, Project, Release
from tests.support import strategies
from tests.support.lists import file_of

bounded = settings(deadline=None, max_examples=200)

# Few versions in many spellings, so that files meet in one release; and some that are not PEP 440.
_SPELLINGS = st.sampled_from([
    '1', '1.0', '1.0.0', 'v1', '01', '1.0a1', '1a1', '1.0alpha1', '1.0A1', '1rc1', '1c1',
    '1.0.post1', '1-1', '1.0_1', '1.dev0', '1!0.1', '2', '2.0+local', '2+LOCAL', '10', '9',
    '1.0x', '1.0X', 'r7', 'r12', '1.0-x-2', '1.0_x_2', '1.10y', '1.9y', '1.0.po\u017ft1',
])
_ENDINGS = st.sampled_from([
    '.zip', '.tar.gz', '-py3-none-any.whl', '-cp39-cp39-any.whl', '-cp310-cp310-any.whl',
])


def _file(version: str, ending: str, yanked: bool, number: int) -> Distfile:
    name = f'foo-{number}{ending}' if not ending.endswith('.whl') else f'foo-0{ending}'
    line = {'filename': name, 'name': 'foo', 'version': version}
    if yanked:
        line['yanked_reason'] = ''
    return file_of(json.dumps(line).encode())


files = st.lists(
    st.builds(_file, _SPELLINGS | strategies.versions, _ENDINGS, st.booleans(), st.integers(0, 20)),
    min_size=1, max_size=10, unique_by=lambda file: file.filename,
)


def assembled(some_files: list[Distfile]) -> Project:
    return assemble(canonicalize_name('foo'), some_files)


def version_of(release: Release) -> Version | None:
    try:
        return Version(release.name)
    except InvalidVersion:
        return None


@bounded
@given(files)
def test_every_file_is_in_one_release(some_files: list[Distfile]) -> None:
    """And each release has files, and a name of its own."""
    releases = assembled(some_files).releases
    in_releases = [file.filename for release in releases for file in release.files]
    assert sorted(in_releases) == sorted(file.filename for file in some_files)
    assert all(release.files for release in releases)
    assert len({release.name for release in releases}) == len(releases)


@bounded
@given(files)
def test_equal_versions_are_one_release(some_files: list[Distfile]) -> None:
    """Under the version's PEP 440 normal form; what has none is kept as it is."""
    for release in assembled(some_files).releases:
        version = version_of(release)
        if version is None:
            assert release.name in {file.version for file in release.files}
        else:
            assert release.name == str(version)
            # An underscore is how file names write the dash of a post release.
            assert {Version((file.version or '').replace('_', '-')) for file in release.files} == {
                version,
            }


@bounded
@given(files)
def test_releases_are_in_the_order_of_versions(some_files: list[Distfile]) -> None:
    """Those that are not PEP 440 below all that are."""
    for lower, higher in pairwise(map(version_of, assembled(some_files).releases)):
        assert lower is None or (higher is not None and lower < higher)


@bounded
@given(files)
def test_wheels_are_first_in_a_release(some_files: list[Distfile]) -> None:
    """Then natural order: `cp39` before `cp310`."""
    for release in assembled(some_files).releases:
        wheels = [file.filename.endswith('.whl') for file in release.files]
        assert wheels == sorted(wheels, reverse=True)
        tags = [file.filename for file in release.files if '-cp' in file.filename]
        assert tags == sorted(tags, key=len)


@bounded
@given(files)
def test_the_latest_release(some_files: list[Distfile]) -> None:
    """The highest that is neither yanked nor a pre-release; or not yanked; or any."""
    project = assembled(some_files)
    best = (False, False)
    for release in project.releases:
        version = version_of(release)
        kept = not all(file.line.yanked_reason is not None for file in release.files)
        rank = (kept, kept and not (version is not None and version.is_prerelease))
        if rank >= best:
            best, latest = rank, release
    assert project.latest == latest


@bounded
@given(st.data())
def test_the_order_of_files_does_not_matter(data: st.DataObject) -> None:
    some_files = data.draw(files)
    shuffled = data.draw(st.permutations(some_files))
    assert assembled(shuffled) == assembled(some_files)

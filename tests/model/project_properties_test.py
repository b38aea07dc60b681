"""Property tests of projects: what the contract says of releases holds for any files."""
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
    """Each file is in one release, no release is empty, and each has its own name."""
    releases = assembled(some_files).releases
    in_releases = [file.filename for release in releases for file in release.files]
    assert sorted(in_releases) == sorted(file.filename for file in some_files)
    assert all(release.files for release in releases)
    assert len({release.name for release in releases}) == len(releases)


@bounded
@given(files)
def test_equal_versions_are_one_release(some_files: list[Distfile]) -> None:
    """A release has the PEP 440 normal form of its version; a version without one is kept."""
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
def test_releases_are_sorted_by_version(some_files: list[Distfile]) -> None:
    """Releases go up; versions that do not follow PEP 440 are below all that do."""
    for lower, higher in pairwise(map(version_of, assembled(some_files).releases)):
        assert lower is None or (higher is not None and lower < higher)


@bounded
@given(files)
def test_wheels_are_first(some_files: list[Distfile]) -> None:
    """In a release wheels come first, then natural order: `cp39` before `cp310`."""
    for release in assembled(some_files).releases:
        wheels = [file.filename.endswith('.whl') for file in release.files]
        assert wheels == sorted(wheels, reverse=True)
        tags = [file.filename for file in release.files if '-cp' in file.filename]
        assert tags == sorted(tags, key=len)


@bounded
@given(files)
def test_latest_release(some_files: list[Distfile]) -> None:
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
def test_order_of_files_is_irrelevant(data: st.DataObject) -> None:
    """The files of a project give the same project in any order."""
    some_files = data.draw(files)
    shuffled = data.draw(st.permutations(some_files))
    assert assembled(shuffled) == assembled(some_files)

"""A build reads and renders a month from the page of its earliest change on."""
from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dumb_pypi.builder import packages
from dumb_pypi.builder.packages import Packages
from dumb_pypi.builder.texts import Texts
from dumb_pypi.errors import FileError
from dumb_pypi.pages.changelog import ChangelogPage, Upload
from dumb_pypi.pages.site import Page, Site
from tests.support.small_builds import full_tree, run, tree
from tests.support.small_pages import make_pages_small

JANUARY, FEBRUARY, HOUR = 1704067200, 1706745600, 3600
# Many at one time, on one day, and in the month before and after.
TIMES = (None, *(JANUARY + hours * HOUR for hours in (-1, 0, 1, 2, 24, 25, 60, 743, 744)))


def line(name: str, timestamp: float | None) -> str:
    return json.dumps({'filename': f'{name}-1.0.zip', 'upload_timestamp': timestamp})


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    make_pages_small(monkeypatch.setattr)


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of pages of months that are rendered."""
    paths = []
    changelog_page = Site.changelog_page

    def render(site: Site, page: ChangelogPage, uploads: Sequence[Upload]) -> Page:
        paths.append(page.path)
        return changelog_page(site, page, uploads)

    monkeypatch.setattr(Site, 'changelog_page', render)
    return paths


def month(uploads: int, start: int = JANUARY) -> tuple[str, ...]:
    """Return lines of a project each, of one upload an hour."""
    return tuple(line(f'p{start}-{number:03}', start + number * HOUR) for number in range(uploads))


@pytest.mark.parametrize(
    ('uploads', 'time', 'pages'), (
        (9, 100 * HOUR, ['2024-01-5']),
        (8, 100 * HOUR, ['2024-01-5', '2024-01-4']),
        (9, 4.5 * HOUR, ['2024-01-3', '2024-01-4', '2024-01-5']),
        (9, 0.5 * HOUR, ['2024-01', '2024-01-2', '2024-01-3', '2024-01-4', '2024-01-5']),
    ),
)
def test_only_changed_pages_are_rendered(
        tmp_path: Path, rendered: list[str], uploads: int, time: float, pages: list[str],
) -> None:
    """One more upload renders the pages that it moves uploads on, and those that link to new ones.
    """
    lines = month(uploads)
    run(tmp_path, lines)
    rendered.clear()
    more = (*lines, line('more', JANUARY + time))
    run(tmp_path, more)
    assert rendered == [f'changelog/{page}.html' for page in pages]
    assert tree(tmp_path) == full_tree(tmp_path, more)


def test_new_month_changes_one_link(tmp_path: Path, rendered: list[str]) -> None:
    """The last page of the month before links to a new month; the others are not rendered."""
    lines = month(5)
    run(tmp_path, lines)
    rendered.clear()
    more = (*lines, line('more', FEBRUARY))
    run(tmp_path, more)
    assert rendered == ['changelog/2024-02.html', 'changelog/2024-01-3.html']
    assert tree(tmp_path) == full_tree(tmp_path, more)


@pytest.mark.parametrize(('removed', 'latest'), ((0, ()), (1, (98,))))
def test_old_projects_are_not_read(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, removed: int, latest: Sequence[int],
) -> None:
    """For an upload that is dated now, a build reads no other project.

    If one of the latest uploads is removed too, it reads the projects with the others of them.
    """
    lines = month(100)
    run(tmp_path, lines)
    read: list[str] = []
    content = Packages.content

    def recorded(written: Packages, first: int, stop: int) -> bytes:
        read.extend(written.names[first:stop])
        return content(written, first, stop)

    monkeypatch.setattr(Packages, 'content', recorded)
    run(tmp_path, (*lines[:100 - removed], line('more', JANUARY + 100 * HOUR)))
    assert {*read} == {'more', *(f'p{JANUARY}-{number:03}' for number in latest)}


def test_growing_months_equal_full_builds(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However many uploads are added at once, the pages are those of a full build."""
    # Two lines.
    monkeypatch.setattr(packages, '_FEW', 150)
    lines = (*month(9), *month(3, FEBRUARY))
    for number in (1, 2, 3, 4, 5, 8, 9, 10, 12):
        run(tmp_path, lines[:number])
        assert tree(tmp_path) == full_tree(tmp_path, lines[:number])


FILES = st.dictionaries(st.sampled_from('abcdefghijkl'), st.sampled_from(TIMES), min_size=4)


@settings(max_examples=25)
@given(before=FILES, now=FILES)
def test_rebuilt_months_equal_full_builds(
        tmp_path_factory: pytest.TempPathFactory,
        before: dict[str, float | None], now: dict[str, float | None],
) -> None:
    """Whatever was added to a month and removed from it, its pages are those of a full build."""
    folder = tmp_path_factory.mktemp('months')
    for files in (before, before | now, now):
        lines = tuple(line(name, timestamp) for name, timestamp in files.items())
        run(folder, lines, allow_shrink=True)
        assert tree(folder) == full_tree(folder, lines)


def test_file_of_texts_fails(tmp_path: Path) -> None:
    """If the disk is full, or fails, the build reports the temporary file."""
    place = tmp_path / 'months'
    place.touch()
    with place.open('rb') as file:
        texts = Texts(file)
        with pytest.raises(FileError, match=r'cannot write .*months'):
            texts.add(b'')
    with place.open('ab') as file, pytest.raises(FileError, match=r'cannot read .*months'):
        Texts(file).read((0, 1))

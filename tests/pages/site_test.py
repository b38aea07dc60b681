from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

import pytest
from packaging.utils import canonicalize_name

from dumb_pypi.errors import FileError
from dumb_pypi.model.project import assemble
from dumb_pypi.pages import paths, project_list
from dumb_pypi.pages.site import Site
from dumb_pypi.pages.summaries import summarize
from dumb_pypi.pages.templates import Templates
from tests.support.lists import file_of
from tests.support.options import page_options
from tests.support.project_pages import all_pages


def site(site_url: str | None = None, template_dir: Path | None = None) -> Site:
    folder = None if template_dir is None else str(template_dir)
    return Site(
        page_options(site_url=site_url, template_dir=folder), Templates(folder),
    )


def test_static_files_have_hashes() -> None:
    """Their names have a hash, except for the data of the search."""
    files = [PurePosixPath(page.path) for page in site().static_pages()]
    style, *_ = files
    assert style.match('static/style-????????????.css')
    pages = {page.path: page.content.decode() for page in site().root_pages([], [])}
    for path in ('index.html', 'changelog/index.html', '404.html'):
        for file in files:
            assert re.search(f'static/{file.name}[#"]', pages[path]), path
    # A build in an empty directory does not know previous names, so these never change.
    assert [*pages][-4:] == [
        'static/names.txt', 'static/releases.txt', 'static/summaries.txt', 'index.html',
    ]


def test_pages_ignore_the_search_data() -> None:
    """No page has a digest of the search's data: it would change with every other project."""
    for page in site().root_pages([], []):
        assert not re.search(rb'(?:names|releases|summaries)\.txt', page.content)


def test_custom_style_is_last(tmp_path: Path) -> None:
    """Pages load the user's style sheet after the built-in one."""
    (tmp_path / 'custom.css').write_text(':root { --accent: #a00; }')
    *_, custom = site(template_dir=tmp_path).static_pages()
    assert custom.content == b':root { --accent: #a00; }'
    *_, home = site(template_dir=tmp_path).root_pages([], [])
    sheets = re.findall('<link rel="stylesheet" href="([^"]*)">', home.content.decode())
    assert sheets[1:] == [custom.path]


def test_unreadable_custom_style_is_reported(tmp_path: Path) -> None:
    """A style sheet that is not there is none; any other error ends the build."""
    (tmp_path / 'custom.css').mkdir()
    with pytest.raises(FileError, match=r'custom\.css: Is a directory'):
        site(template_dir=tmp_path)
    (tmp_path / 'custom.css').rmdir()
    assert len(list(site(template_dir=tmp_path).static_pages())) == 5


def test_feeds_come_before_home_page() -> None:
    """Pages are written after the feeds that they link to; without a public URL to none."""
    paths = [page.path for page in site('https://example.com/').root_pages([], [])]
    assert paths.index('rss/updates.xml') < paths.index('changelog/index.html')
    assert paths[-1] == 'index.html'
    assert b'rss/updates.xml' not in next(
        page.content for page in site().root_pages([], []) if page.path == 'index.html'
    )


def test_builds_know_every_page() -> None:
    """The pages that builds delete are those that `Site` renders, in the same order."""
    files = [file_of(b'{"filename": "foo-1.0.zip", "upload_timestamp": 1}')]
    project = assemble(canonicalize_name('foo'), files)
    of_project = [page.path for page in all_pages(site(), project)]
    assert of_project == [*paths.pages_of_project('foo', ['1.0'], 0)]
    of_project.append(site().dependents_page('foo', [], 0).path)
    assert {*of_project} == {*paths.of_project('foo'), paths.release_json('foo', '1.0')}
    roots = {page.path for page in site('https://example.com/').root_pages([], [])}
    [projects] = project_list.list_pages(['foo'])
    roots.add(site().list_page(projects, [summarize(project)]).path)
    assert {*paths.ROOTS} == {*roots, paths.PACKAGES_JSON}

"""Pages that list releases, uploads and projects: home, the changelog, projects/ and 404.html."""
from __future__ import annotations

import datetime
import re
from collections.abc import Sequence

import jinja2
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.utils import canonicalize_name

from dumb_pypi.model.project import assemble
from dumb_pypi.pages.changelog import ChangelogPage, Upload
from dumb_pypi.pages.changelog_views import upload_views
from dumb_pypi.pages.project_list import list_pages
from dumb_pypi.pages.summaries import MonthSummary, pack_releases, ProjectSummary
from dumb_pypi.pages.templates import Templates
from dumb_pypi.pages.web import StaticFiles, Web
from tests.support import strategies
from tests.support.markup import HtmlPage, text_of
from tests.support.options import page_options

DAY = 86400
STATIC = StaticFiles(
    'static/style.css', 'static/script.js', 'static/search.js', 'static/icon.svg',
    'static/icons.svg', None,
)


def web(logo: str | None = None, site_url: str | None = 'https://example.com/') -> Web:
    return Web(page_options(logo=logo, site_url=site_url), Templates(), STATIC)


def texts(page: HtmlPage, name: str) -> list[str]:
    return [text_of(element) for element in page.named(name)]


def project(number: int, releases: int = 0) -> ProjectSummary:
    """Return a project without dates."""
    return ProjectSummary(
        f'p{number}', None, None, None, None, releases, releases, msgspec.Raw(b'[]'),
    )


def released(
        name: str, *releases: tuple[float, str], latest: str | None = None, total: int = 0,
        status: str = 'active', summary: str | None = None,
) -> ProjectSummary:
    """Return a project with these releases, each a time and a version, the newest first.

    It has `total` releases, if that is more.
    """
    newest = [(time, version, None) for time, version in releases]
    return ProjectSummary(
        name, summary, releases[-1][0], releases[0][0], releases[0][0],
        max(total, len(releases)), len(releases), pack_releases(newest, summary),
        latest or releases[0][1], releases[0][0], False, status,
    )


def news_of(page: HtmlPage) -> list[str]:
    """Return the rows and headings of the home page's list of releases."""
    return [
        ' '.join(text_of(element).split()) for element in page.elements
        if element.name == 'h3' or (
            element.name == 'li' and 'what' in str(element.children[0].attrs)
        )
    ]


def test_home_lists_releases_by_day() -> None:
    """The releases of a project on one day are one row, which shows the latest of them."""
    uploads = [
        Upload(DAY + 60, 'a', '1.1', 'a-1.1.zip', 'ana'),
        Upload(DAY + 10, 'a', '2.0', 'a-2.0.zip', 'ben'),
    ]
    projects = [
        released('a', (DAY + 60, '1.1'), (DAY + 10, '2.0'), (30, '1.0'), latest='2.0'),
        released('b', (3600, '3rc1'), (0, '2'), latest='1', total=3, summary='Does it.'),
        released('c', (DAY + 90, '1')),
        released('d', (90, '1'), status='quarantined'),
    ]
    assert news_of(HtmlPage(web().home(uploads, projects))) == [
        'Friday 2 January 1970', 'c 1 new00:01', 'a 2.0 and 1 more00:01 by ben',
        'Thursday 1 January 1970', 'b 3rc1 and 1 moreDoes it.01:00', 'd quarantined00:01',
        'a 1.0 new00:00',
    ]


def test_new_index_has_no_new_projects() -> None:
    """A tag that all rows have tells nothing."""
    first = released('a', (60, '1'))
    assert news_of(HtmlPage(web().home([], [first])))[1:] == ['a 100:01']
    second = released('b', (DAY, '2'), (0, '1'))
    assert news_of(HtmlPage(web().home([], [first, second])))[1::2] == ['b 200:00', 'a 1 new00:01']


def test_home_has_newest_rows() -> None:
    """The home page has 20 rows of releases, the newest of all projects, with shortened texts."""
    projects = [
        released(f'p{number}', (number * DAY, '1'), (0.5, '0'), summary='word ' * 1000)
        for number in range(1, 31)
    ]
    rows = news_of(HtmlPage(web().home([], projects)))[1::2]
    assert [row.split()[0] for row in rows] == [f'p{number}' for number in range(30, 10, -1)]
    assert len(max(rows, key=len)) < 300
    assert len(news_of(HtmlPage(web().home([], projects[:2])))) == 2 * 2 + 3


def test_home_lists_new_projects() -> None:
    """The home page has the newest eight projects, without undated and quarantined ones."""
    page = HtmlPage(web().home([], [
        *(released(f'p{number}', (number * DAY, '1')) for number in range(9)),
        released('q', (99 * DAY, '1'), status='quarantined'), project(77),
    ]))
    assert [text_of(row) for row in page.named('li')][-8:] == [
        f'p{number}1970-01-0{number + 1}' for number in range(8, 0, -1)
    ]
    assert 'New projects' not in HtmlPage(web().home([], [project(1)])).source


@pytest.mark.parametrize(('count', 'words'), (
    (0, 'No projects yet'), (1, 'Search 1 project'), (1001, 'Search 1,001 projects'),
))
def test_home_offers_search(count: int, words: str) -> None:
    """The home page begins with the search and the number of projects that it finds."""
    page = HtmlPage(web().home([], [*map(project, range(count))]))
    assert texts(page, 'h1') == [words]


def test_home_marks_yanked_releases() -> None:
    """A release is marked if all of its new files are yanked."""
    uploads = [
        Upload(4, 'a', '1.0', 'a-1.0.zip', None, yanked=True),
        Upload(3, 'a', '1.0', 'a-1.0.whl', None),
        Upload(2, 'b', '2.0', 'b-2.0.zip', None, yanked=True),
        Upload(1, 'b', '2.0', 'b-2.0.whl', None, yanked=True),
    ]
    page = HtmlPage(web().home(uploads, [released('a', (3, '1.0')), released('b', (1, '2.0'))]))
    assert news_of(page)[1:] == ['a 1.000:00', 'b 2.0 yanked00:00']


def test_home_without_dates_lists_projects() -> None:
    """If no release has a date, the home page lists the first projects; the changelog is short."""
    projects = [
        msgspec.structs.replace(project(1), latest='1rc1', latest_prerelease=True),
        *map(project, range(10, 40)),
    ]
    page = HtmlPage(web().home([], projects))
    rows = [
        text_of(row) for row in page.named('li') if getattr(row.children[0], 'name', '') == 'span'
    ]
    assert rows[:2] == ['p1 pre-release1rc1', 'p10']
    assert len(rows) == 20
    assert texts(page, 'h2') == ['Projects', 'Use this index']
    undated = MonthSummary('undated', 1, msgspec.Raw(b'[]'))
    changelog = HtmlPage(web().changelog([], [undated], projects))
    assert 'No upload has a date.' in changelog.source
    assert texts(changelog, 'h2') == ['Uploads by month', 'Feeds']


@pytest.mark.parametrize('site_url', (None, 'https://example.com/'))
def test_empty_index_says_so(site_url: str | None) -> None:
    """An empty index says what to do, and has no heading over nothing."""
    home = web(site_url=site_url).home([], [])
    assert 'This index is empty. Add distribution files' in home.decode()
    changelog = HtmlPage(web(site_url=site_url).changelog([], [], []))
    assert 'This index has no uploads.' in changelog.source
    assert texts(changelog, 'h2') == ([] if site_url is None else ['Feeds'])
    assert len(changelog.named('aside')) == (site_url is not None)


def test_home_marks_prereleases() -> None:
    """The home page and the list of projects mark the latest release if it is a pre-release."""
    marked = msgspec.structs.replace(
        released('a', (DAY, '2rc1'), (60, '1rc1')), latest_prerelease=True,
    )
    rows = news_of(HtmlPage(web().home([], [marked])))
    assert rows[1].startswith('a 2rc1 pre-release')
    [page] = listed_pages([marked]).values()
    assert texts(page, 'li') == ['a pre-release2rc11970-01-02']


def test_plurals_of_counts() -> None:
    """One release is singular, and large numbers have separators."""
    counted = re.compile('<b>([^<]*?)</b> (releases?|files?)<')
    assert counted.findall(web().home([], [project(1, 1)]).decode()) == [
        ('1', 'release'), ('1', 'file'),
    ]
    many = [project(number, 2) for number in range(1234)]
    assert counted.findall(web().home([], many).decode()) == [
        ('2,468', 'releases'), ('2,468', 'files'),
    ]


def test_home_page_is_bounded() -> None:
    """It has at most 100 kB, whatever the length of names and texts."""
    names = [f'{"a" * 197}{number}' for number in range(100, 200)]
    uploads = [Upload(number, name, '"' * 200, '"' * 255, '"' * 10000)
               for number, name in enumerate(names)]
    projects = [
        released(name, (number * DAY, '"' * 200), summary='"' * 10000)
        for number, name in enumerate(names)
    ]
    page = web().home(uploads, projects)
    assert len(news_of(HtmlPage(page))) == 40
    assert len(page) < 100_000


def uploads_of(page: bytes) -> list[str]:
    """Return the rows and headings of a list of uploads."""
    return [
        ' '.join(text_of(element).split()) for element in HtmlPage(page).elements
        if element.attrs.get('class') == 'day' or (
            element.name == 'li' and getattr(element.children[1], 'name', '') == 'details'
        )
    ]


def test_uploads_of_release_are_one_row() -> None:
    """The files that a user uploaded for one release on one day are one row."""
    wheel = 'bdist_wheel'
    uploads = [
        Upload(DAY + 60, 'a', '1', 'a-1-2.whl', 'ana', kind=wheel),
        Upload(DAY + 50, 'b', None, 'b.zip', None),
        Upload(DAY + 40, 'a', '1', 'a-1-1.whl', 'ana', kind=wheel),
        Upload(DAY + 30, 'a', '1', 'a-1.zip', 'ana'),
        Upload(DAY + 20, 'a', '1', 'a-1.tar', 'ben'),
        Upload(DAY, 'a', '1', 'a-1.egg', 'ben', yanked=True, kind='bdist_egg'),
        Upload(10, 'a', '1', 'a-1-0.whl', 'ana', kind=wheel),
    ]
    expected = [
        'Friday 2 January 1970',
        'bSourceb.zip00:00',
        'a 12 wheels and sourcea-1-2.whl, a-1-1.whl, a-1.zip00:00 by ana',
        'a 1Sourcea-1.tar00:00 by ben',
        'a 1 yanked1 filea-1.egg00:00 by ben',
        'Thursday 1 January 1970',
        'a 1Wheela-1-0.whl00:00 by ana',
    ]
    assert uploads_of(web().changelog(uploads, [], [])) == expected
    page = ChangelogPage('changelog/1970-01.html', '1970-01', 1, None, None)
    assert uploads_of(web().changelog_page(page, uploads)) == expected


def test_changelog_marks_quarantined_projects() -> None:
    """The latest uploads of a quarantined project show no version."""
    uploads = [
        Upload(2, 'a', '1', 'a-1.zip', None, yanked=True), Upload(1, 'b', '1', 'b-1.zip', None),
    ]
    projects = [released('a', (2, '1'), status='quarantined'), released('b', (1, '1'))]
    assert uploads_of(web().changelog(uploads, [], projects))[1:] == [
        'a quarantinedSourcea-1.zip00:00', 'b 1Sourceb-1.zip00:00',
    ]


def test_home_and_changelog_agree_on_times() -> None:
    """The time of a release is that of its first file."""
    uploads = [Upload(7200, 'a', '1', 'a-1.whl', None), Upload(3600, 'a', '1', 'a-1.zip', None)]
    projects = [released('a', (3600, '1'))]
    assert news_of(HtmlPage(web().home(uploads, projects)))[1:] == ['a 101:00']
    assert uploads_of(web().changelog(uploads, [], projects))[1:] == [
        'a 12 sourcesa-1.whl, a-1.zip01:00',
    ]


def test_undated_uploads_have_no_day() -> None:
    """Uploads without a date are listed without a heading and without a time."""
    page = web().changelog_page(
        ChangelogPage('changelog/undated.html', 'undated', 1, None, None),
        [Upload(None, 'a', '1', 'a-1.zip', 'ana')],
    )
    assert uploads_of(page) == ['a 1Sourcea-1.zip by ana']
    assert texts(HtmlPage(page), 'h1') == ['Uploads without a date']


def test_month_names_its_neighbours() -> None:
    """Links to other months have their names; links within a month do not."""
    page = ChangelogPage(
        'changelog/2024-01.html', '2024-01', 1, 'changelog/2023-12-3.html',
        'changelog/2024-01-2.html',
    )
    upload = Upload(1704110400, 'a', '1', 'a-1.zip', None)
    links = [link for link in HtmlPage(web().changelog_page(page, [upload])).named('a')
             if link.attrs.get('class') == 'button']
    assert [(link.attrs['href'], text_of(link)) for link in links] == [
        ('../changelog/2023-12-3.html', '← December 2023'),
        ('../changelog/2024-01-2.html', 'Later uploads →'),
    ]
    undated = ChangelogPage(
        'changelog/undated-2.html', 'undated', 2, 'changelog/undated.html', None,
    )
    assert '← Earlier uploads' in web().changelog_page(undated, [upload]).decode()


def test_months_of_changelog() -> None:
    """The changelog has all months of each year with uploads, and links to those that have any."""
    nothing = msgspec.Raw(b'[]')
    page = HtmlPage(web().changelog([], [
        MonthSummary('2024-02', 1200, nothing), MonthSummary('2023-12', 1, nothing),
        MonthSummary('undated', 501, nothing),
    ], []))
    links = {anchor.attrs['href']: text_of(anchor) for anchor in page.named('a')}
    assert links['../changelog/2024-02-3.html'] == 'Feb 1,200'
    assert links['../changelog/2023-12.html'] == 'Dec 1'
    assert links['../changelog/undated-2.html'] == 'Uploads without a date'
    assert texts(page, 'h3') == ['2024', '2023']
    assert page.source.count('<span class="dim">Jan</span>') == 2


def listed_pages(projects: Sequence[ProjectSummary]) -> dict[str, HtmlPage]:
    """Return the pages of a list of projects by their paths."""
    known = {project.name: project for project in projects}
    return {
        page.path: HtmlPage(web().project_list(page, [known[name] for name in page.projects]))
        for page in list_pages(sorted(known))
    }


def test_list_of_few_projects() -> None:
    """Up to 60 projects are one list, without letters."""
    [page] = listed_pages([
        released('a', (DAY, '1.0'), summary='Does it.'),
        released('b', (0, '2.0'), status='quarantined'),
        msgspec.structs.replace(
            released('c', (0, '3.0'), status='deprecated'),
            latest_yanked=True, latest_uploaded=None,
        ),
        project(4),
    ]).values()
    assert [' '.join(row.split()) for row in texts(page, 'li')] == [
        'a1.0Does it.1970-01-02', 'b quarantined', 'c deprecated yanked3.0', 'p4',
    ]
    assert texts(page, 'h1') == ['Projects']
    assert 'ProjectLatestSummaryReleased' in texts(page, 'p')
    [undated] = listed_pages([project(4)]).values()
    assert 'Released' not in undated.source
    assert not page.named('h2')
    assert '4 projects' in page.source
    [empty] = listed_pages([]).values()
    assert 'This index is empty.' in empty.source


def test_list_with_headings() -> None:
    """Up to 1,000 projects are one page, with a heading and a link for each letter."""
    projects = [project(number) for number in range(60)]
    assert not listed_pages(projects)['projects/index.html'].named('h2')
    [page] = listed_pages([*projects, released('2a', (0, '1')), released('-b', (0, '1'))]).values()
    assert texts(page, 'h2') == ['0\N{EN DASH}9', 'P', 'Other']
    assert {':0-9', ':p', ':other'} <= page.ids
    links = [link.url for link in page.links() if link.url.startswith('#:')]
    assert links == ['#:content', '#:0-9', '#:p', '#:other']


def test_list_with_pages() -> None:
    """In a larger index each letter has pages, and the first page links to all letters."""
    pages = listed_pages([
        *(released(f'a{number:04}', (0, '1')) for number in range(1501)),
        released('b', (0, '1')),
    ])
    first = pages['projects/index.html']
    assert texts(first, 'h1') == ['Projects']
    letters = [link.url for link in first.links() if re.search(r'projects/.|^\./$', link.url)]
    assert letters == ['./', '../projects/a.html', '../projects/b.html']
    assert '1,502 projects' in first.source
    last = pages['projects/a-7.html']
    assert texts(last, 'h1') == ['Projects: A']
    assert [row for row in texts(last, 'li') if not row.startswith('a1')] == [
        '1', '…', '5', '6', '7',
    ]
    assert [link.url for link in last.links() if re.search('projects/.', link.url)] == [
        '../projects/a.html', '../projects/b.html', '../projects/a.html', '../projects/a-5.html',
        '../projects/a-6.html', '../projects/a-7.html',
    ]
    assert [link.attrs.get('aria-current') for link in last.named('a')].count('page') == 3


def test_long_list_begins_with_overview() -> None:
    """The first page lists the most used projects and the newest releases that it is given."""
    *_, first = list_pages([*(f'a{number:04}' for number in range(1001)), 'b'])
    newest = [released('b', (DAY, '1.0'), summary='Does it.'), released('a0007', (0, '2.0'))]
    used = [msgspec.structs.replace(newest[1], dependents=1234)]
    page = HtmlPage(web().project_list(first, newest, used))
    assert texts(page, 'h2') == ['Most used', 'Recently released']
    assert [' '.join(row.split()) for row in texts(page, 'li')] == [
        'a00072.0Used by 1,2341970-01-01', 'b1.0Does it.1970-01-02', 'a00072.01970-01-01',
    ]
    assert '1,002 projects' in page.source
    assert texts(HtmlPage(web().project_list(first, newest)), 'h2') == ['Recently released']
    undated = HtmlPage(web().project_list(first, []))
    assert texts(undated, 'p') == ['Choose the first letter of a project, or search for it.']


def test_missing_links_are_omitted() -> None:
    """While a page that it links to is not written yet, a page shows its name without a link."""
    *_, page = list_pages([*(f'a{number:04}' for number in range(1001)), 'b'])[:5]
    shown = HtmlPage(web().project_list(page._replace(links=()), []))
    assert [link.url for link in shown.links() if re.search('projects/.', link.url)] == [
        '../projects/a-5.html',
    ]
    assert '<span>B</span>' in shown.source


@pytest.mark.parametrize(('site_url', 'base'), (
    (None, '/'), ('https://example.com/', '/'), ('https://example.com/some/path/', '/some/path/'),
))
def test_404_has_absolute_paths(site_url: str | None, base: str) -> None:
    """Web servers show the page at any URL."""
    page = HtmlPage(web('logo.png', site_url).not_found())
    assert {link.url for link in page.links()} == {
        '#:content', *(base + path for path in (
            '', 'changelog/', 'projects/', 'simple/', 'simple/index.json', 'logo.png',
            STATIC.style, STATIC.script, STATIC.icon, f'{STATIC.icons}#find',
            *(() if site_url is None else ('rss/updates.xml', 'rss/packages.xml')),
        )),
    }


def test_build_time_is_on_root_pages() -> None:
    """The home page and the changelog have it; other pages change with their content only."""
    generated = datetime.datetime(2024, 1, 31, 12, 0, 59, tzinfo=datetime.UTC)
    dated = Web(page_options(generated=generated), Templates(), STATIC)
    text = 'Made with dumb-pypi on <time datetime="2024-01-31T12:00Z">2024-01-31 12:00 UTC</time>'
    assert text in dated.home([], []).decode()
    assert text in dated.changelog([], [], []).decode()
    for page in (
            dated.projects([(assemble(canonicalize_name('foo'), []), None)])[0], dated.not_found(),
            dated.project_list(list_pages([])[0], []),
    ):
        assert b'2024' not in page


# What `UploadDays` prints, as a theme may write it.
LOOP = """\
{% for day in days %}
{% if day.date %}
<h2 class="day"><time class="since" datetime="{{ day.date }}">{{ day.name }}</time></h2>
{% endif %}
<ol class="log dense">
{% for row in day.uploads %}
<li><span><a href="{{ row.url }}">{{ row.project }}</a>\
{% if row.version %} <b>{{ row.version }}</b>{% endif %}\
{% if row.quarantined %} <span class="tag bad">quarantined</span>\
{% elif row.yanked %} <span class="tag warn">yanked</span>{% endif %}</span>\
<details><summary>{{ row.kinds }}</summary>{{ row.files }}</details><span>\
{% if row.uploaded %}<time>{{ row.uploaded }}</time>{% endif %}\
{% if row.uploaded_by %} by <bdi>{{ row.uploaded_by }}</bdi>{% endif %}</span></li>
{% endfor %}
</ol>
{% endfor %}
"""
_uploads = st.lists(st.builds(
    Upload, st.sampled_from([None, 0, DAY, DAY + 61]), st.sampled_from(['foo', 'a-b']),
    st.none() | strategies.good_text, strategies.odd_filenames,
    st.none() | strategies.good_text, st.booleans(), st.sampled_from(['sdist', 'bdist_wheel', 'x']),
))


@settings(deadline=None, max_examples=300)
@given(_uploads)
def test_uploads_print_as_in_a_loop(uploads: list[Upload]) -> None:
    """A template that prints days with uploads gets what a loop over them would print."""
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, keep_trailing_newline=True)
    days = upload_views(uploads, 'changelog/2024-01.html')
    by_loop = environment.from_string(LOOP).render(days=days)
    assert environment.from_string('{{ days }}').render(days=days) == by_loop


def test_header_marks_section() -> None:
    """The header marks the page itself, or the section that a project's pages belong to."""
    foo = assemble(canonicalize_name('foo'), [])
    assert [
        [(text_of(link), link.attrs['aria-current']) for link in HtmlPage(page).named('a')
         if 'aria-current' in link.attrs]
        for page in (
            web().home([], []), web().project_list(list_pages([])[0], []),
            web().changelog([], [], []), web().projects([(foo, None)])[0],
            web().dependents('foo', [], 0), web().dependents('foo', ['bar'], 1),
            web().not_found(),
        )
    ] == [
        [('My Private PyPI', 'page')], [('Projects', 'page')], [('Changelog', 'page')],
        [('Projects', 'true')], [('Projects', 'true')], [('Projects', 'true')], [],
    ]

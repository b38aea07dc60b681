"""The pages of a project: its releases and files, how to install it, and their weight."""
from __future__ import annotations

import re

import pytest

from dumb_pypi.pages import release_pages
from dumb_pypi.pages.project_card import readable_size
from tests.support.markup import HtmlPage, text_of
from tests.support.project_pages import (
    facts_on,
    folded,
    of_class,
    page_of,
    PLAIN_HTTP,
    project_of,
    releases_on,
    texts,
    web,
)

SHA256 = f'sha256={"a" * 64}'
# The tags of 13 wheels, of two Pythons and seven systems.
SYSTEMS = (
    'win_amd64', 'manylinux_2_17_x86_64.manylinux2014_x86_64', 'manylinux_2_17_aarch64',
    'musllinux_1_2_x86_64', 'macosx_11_0_arm64', 'win32', 'manylinux_2_28_ppc64le',
)
MANY_WHEELS = [
    {'filename': f'foo-1-{python}-{python.rstrip("t")}{python[5:]}-{system}.whl', 'size': 2_345_678}
    for python in ('cp310', 'cp39') for system in SYSTEMS
][:13]


@pytest.mark.parametrize(
    ('size', 'text'), (
        (0, '0 B'), (999, '999 B'), (1000, '1.0 kB'), (999_949, '999.9 kB'), (999_950, '1.0 MB'),
        (1_500_000_000, '1.5 GB'), (2 ** 63 - 1, '9.2 EB'), (10 ** 25, '10000000.0 EB'),
    ),
)
def test_readable_sizes(size: int, text: str) -> None:
    """A size has a decimal unit and one digit after the point."""
    assert readable_size(size) == text


@pytest.mark.parametrize(('filename', 'requirement'), (
    ('foo-1.0.zip', 'foo==1.0'),
    # In shells, `!` is special between double quotation marks too.
    ('foo-1!2.0+a.zip', "'foo==1!2.0+a'"),
    # Somebody who copies it must not run it.
    ('foo-1.0;rm -rf ~.zip', None),
    ('foo.zip', None),
))
def test_install_command(filename: str, requirement: str | None) -> None:
    """A version that a shell might run has no command."""
    page = page_of({'filename': filename})
    assert of_class(page, 'p1') == ([] if requirement is None else [
        'pip install --index-url https://example.com/simple/ ',
    ])
    shown = [text_of(element) for element in page.named('b') if element.attrs == {}]
    assert (requirement in shown) == (requirement is not None)


def test_command_of_each_installer() -> None:
    """Each has its own command, and the requirement is not pinned at first."""
    page = page_of({'filename': 'foo-1.0.zip'})
    assert texts(page, 'label') == ['pip', 'uv', 'Poetry', 'PDM', 'Pin the version']
    assert of_class(page, 'p1', 'p2', 'p3', 'p4') == [
        'pip install --index-url https://example.com/simple/ ',
        'uv add --default-index https://example.com/simple/ ', 'poetry add ', 'pdm add ',
        'Add this index to pyproject.toml first.',
    ]
    assert [box.attrs for box in page.named('input') if box.attrs.get('class') == 'pin'] == [
        {'type': 'checkbox', 'class': 'pin'},
    ]


def test_placeholder_is_explained() -> None:
    """If the public URL is unknown, the page says what to write in its place."""
    project = project_of({'filename': 'foo-1.0.zip'})
    assert b'class="placeholder' in web(site_url=None).projects([(project, None)])[0]
    assert b'class="placeholder' not in web().projects([(project, None)])[0]


@pytest.mark.parametrize(('site_url', 'host'), PLAIN_HTTP)
def test_plain_http_needs_trusted_host(site_url: str, host: str | None) -> None:
    """pip trusts plain http of loopback hosts only."""
    page = web(site_url=site_url).projects([(project_of({'filename': 'foo-1.0.zip'}), None)])[0]
    [command] = of_class(HtmlPage(page), 'p1')
    assert command.split() == [
        'pip', 'install', '--index-url', f'{site_url}simple/',
        *([] if host is None else ['--trusted-host', host]),
    ]


def test_prerelease_needs_an_option() -> None:
    """pip and PDM install a pre-release if they are told to, or if it is pinned."""
    page = page_of({'filename': 'foo-1.0rc1.zip'})
    assert of_class(page, 'u') == ['--pre ', '--prerelease ']
    assert of_class(page_of({'filename': 'foo-1.0rc1.zip'}, {'filename': 'foo-0.9.zip'}), 'u') == []


def test_yanked_release_is_pinned() -> None:
    """If all releases are yanked, the page says so, and pins the version."""
    page = page_of({'filename': 'foo-1.0.zip', 'yanked_reason': 'bad'})
    assert of_class(page, 'note') == [
        'All releases are yanked. pip and uv install a yanked release only if you pin it. 1.0: bad',
    ]
    assert [box.attrs for box in page.named('input') if box.attrs.get('class') == 'pin'] == [
        {'type': 'checkbox', 'class': 'pin', 'checked': ''},
    ]


@pytest.mark.parametrize(('stated', 'extras'), (
    (None, ['none', 'b', 'a']),
    (['all', 'a', 'b'], ['none', 'all', 'a', 'b']),
    ([f'x{number}' for number in range(9)], ['none', *(f'x{number}' for number in range(9))]),
    ([f'x{number}' for number in range(300)], ['none', *(f'x{number}' for number in range(255))]),
))
def test_extras_to_choose_from(stated: list[str] | None, extras: list[str]) -> None:
    """They are those that the project list states, else those of the requirements."""
    page = page_of({'filename': 'foo-1.0.zip', 'requires_dist': [
        'bar; extra == "b"', 'baz; extra == "a" or extra == "b"', 'qux',
    ]}, provides_extra=stated)
    assert texts(page, 'label')[4:-1] == extras
    assert of_class(page, 'o') == [f'[{extra}]' for extra in extras[1:]]
    assert of_class(page, 'q') == ['"', '"']
    classes = [tag.attrs['class'] for tag in page.elements if 'x' in (
        tag.attrs.get('class') or ''
    ).split()]
    assert len({*classes}) == len(classes) == len(extras) - 1
    unoffered = len(stated or ()) - 255
    assert (f'{unoffered} others have no button' in page.source) == (unoffered > 0)


@pytest.mark.parametrize(('filename', 'status', 'explained'), (
    ('foo-1.0.zip', 'active', False),
    ('foo-some-version.zip', 'active', True),
    ('foo.zip', 'active', True),
    # The page says so at its top.
    ('foo.zip', 'quarantined', False),
))
def test_missing_install_command_is_explained(filename: str, status: str, explained: bool) -> None:
    """A quarantined project has its explanation elsewhere."""
    page = page_of({'filename': filename}, status=status)
    assert ('This project cannot be installed' in page.source) == explained


def test_quarantined_project_offers_nothing() -> None:
    """Its page lists files without links; it has no command, README or links to other sites."""
    page = page_of(
        {'filename': 'foo-1.0.zip', 'core_metadata': 'true', 'hash': SHA256},
        *MANY_WHEELS, status='quarantined', status_reason='steals', readme='<p>Run this!</p>',
        home_page='https://example.org/',
    )
    assert of_class(page, 'note') == [
        'This project is quarantined: none of its files can be installed. steals',
    ]
    assert 'pool/' not in page.source
    assert 'pip install' not in page.source
    assert 'Run this' not in page.source
    assert 'example.org' not in page.source
    assert {'foo-1.0.zip', MANY_WHEELS[0]['filename']} <= {*texts(page, 'a')}
    assert facts_on(page) == {}
    assert releases_on(page) == ['1', '1.0'][:1]


@pytest.mark.parametrize(('status', 'reason', 'note'), (
    ('active', 'any', []),
    ('archived', None, ['This project is archived. It gets no new releases.']),
    ('archived', 'Done.', ['This project is archived. Done.']),
    ('deprecated', 'Use bar.', ['This project is deprecated. Use bar.']),
))
def test_status_is_explained(status: str, reason: str | None, note: list[str]) -> None:
    """The page has a note about the status, in the colours of its severity."""
    page = page_of({'filename': 'foo-1.0.zip'}, status=status, status_reason=reason)
    assert of_class(page, 'note') == note
    assert of_class(page, status) == note


def test_readme_comes_first() -> None:
    """The README is printed as it is, and linked from the top of the page."""
    page = page_of({'filename': 'foo-1.0.zip'}, readme='<p>Hello, <b>world</b>!</p>')
    assert of_class(page, 'readme') == ['\nHello, world!\n']
    assert [link.url for link in page.links() if link.url.startswith('#:')] == [
        '#:content', '#:readme', '#:releases',
    ]


def test_sections_are_linked() -> None:
    """Links to parts of the page have the number of items; that to another page has an arrow."""
    page = page_of({'filename': 'foo-1.0.zip', 'requires_dist': ['bar', 'baz; extra == "x"']})
    [sections] = [nav for nav in page.named('nav') if nav.attrs.get('class') == 'sections']
    assert text_of(sections).split() == ['Releases1', 'Dependencies1', 'Used', 'by→']
    assert '<span class="n" aria-hidden="true">→</span>' in page.source


@pytest.mark.parametrize(('lines', 'fact'), (
    ([{'filename': 'foo-1.0.zip'}], {'Version': '1.0'}),
    ([{'filename': 'foo-1.0rc1.zip'}], {'Version': '1.0rc1 pre-release'}),
    ([{'filename': 'foo-1.0.zip', 'yanked_reason': ''}], {'Version': '1.0 yanked'}),
    (
        [{'filename': 'foo-1.0rc1.zip', 'yanked_reason': 'a', 'upload_timestamp': 0}],
        {'Version': '1.0rc1 pre-release yanked', 'Released': '1970-01-01'},
    ),
    ([{'filename': 'foo-1.0.zip'}, {'filename': 'foo-2.0rc1.zip'}], {'Version': '1.0'}),
    (
        [{'filename': 'foo-1.0.zip', 'uploaded_by': 'ana', 'upload_timestamp': 86400}],
        {'Version': '1.0', 'Released': '1970-01-02 by ana'},
    ),
    ([{'filename': 'foo-1.0.zip', 'uploaded_by': 'ana'}], {'Version': '1.0', 'Uploaded': 'by ana'}),
))
def test_latest_version_is_marked(lines: list[dict[str, object]], fact: dict[str, str]) -> None:
    """The latest version says whether it is a pre-release or yanked, and who uploaded it when."""
    assert facts_on(page_of(*lines)) == {**fact, 'Files': '1 file'}


def test_upload_time_has_minutes() -> None:
    """Upload times are in UTC, to the minute."""
    page = page_of({'filename': 'foo-1.0.zip', 'upload_timestamp': 1706702459})
    assert 'Uploaded 2024-01-31 12:00 UTC' in texts(page, 'p')
    assert texts(page, 'time') == ['2024-01-31'] * 2


def test_common_facts_are_shown_once() -> None:
    """What a file has in common with its release is shown at the release."""
    page = page_of(
        {'filename': 'foo-1-py3-none-any.whl', 'requires_python': '>=3.8', 'yanked_reason': 'bad',
         'uploaded_by': 'ana', 'upload_timestamp': 1},
        {'filename': 'foo-1.zip', 'requires_python': '>=3.8', 'yanked_reason': 'bad', 'size': 9,
         'uploaded_by': 'ana', 'upload_timestamp': 9},
        {'filename': 'foo-1.tar', 'requires_python': '>=3.9', 'yanked_reason': '',
         'uploaded_by': 'ben', 'upload_timestamp': 200_000, 'hash': SHA256,
         'provenance': 'https://example.com/p'},
    )
    assert page.source.count('Yanked: <bdi>bad') == 1
    assert [text_of(item).strip() for item in page.named('li')][-3:] == [
        'foo-1-py3-none-any.whlPython 3; any system',
        f'foo-1.tarYankedSource; requires Python >=3.9 · 1970-01-03 by ben · provenance{SHA256}',
        'foo-1.zipSource · 9 B',
    ]


@pytest.mark.parametrize(('filename', 'kind'), (
    ('foo-1.0.tar.gz', 'Source'),
    ('foo-1.0-py2.7.egg', 'Egg, Python 2.7'),
    ('foo-1.0.win32-py2.7.exe', 'Windows installer, Python 2.7'),
    ('foo-1.0.win32.msi', 'Windows installer'),
    ('foo-1.0.linux-x86_64.tar.gz', 'Binary archive'),
    ('foo-1.0-1.noarch.rpm', 'RPM package'),
    ('foo-1.0.dmg', 'macOS disk image'),
    ('foo-1.0-cp311-cp311-win_amd64.whl', 'CPython 3.11; Windows, x86-64'),
))
def test_kind_of_file(filename: str, kind: str) -> None:
    """A file has a description of its kind, Python and platform."""
    assert f'{filename}{kind}' in texts(page_of({'filename': filename}), 'li')


def test_latest_release_is_open() -> None:
    """Only the latest release shows its files; the newest may be a pre-release."""
    page = page_of(*({'filename': f'foo-{version}.zip'} for version in ('3rc1', '2', '1')))
    assert releases_on(page) == ['3rc1 pre-release', '2 latest', '1']
    assert ['open' in details.attrs for details in folded(page)] == [False, True, False]


def test_yanked_release_is_not_latest() -> None:
    """If all releases are yanked, none is marked as the latest."""
    page = page_of({'filename': 'foo-1.zip', 'yanked_reason': ''})
    assert releases_on(page) == ['1 yanked']


def test_unversioned_files_come_last() -> None:
    """They follow the releases, and are unfolded if there are none."""
    page = page_of({'filename': 'foo.zip'}, {'filename': 'foo-1.0.zip'})
    assert releases_on(page) == ['1.0 latest', 'Files without a version']
    [only] = folded(page_of({'filename': 'foo.zip'}))
    assert only.attrs == {'open': ''}


def test_link_to_release_is_inside() -> None:
    """The target of a link is in the folded part, so that browsers unfold it."""
    page = page_of({'filename': 'foo-1.0+a.zip'})
    [files] = [files for files in page.named('ul') if files.attrs.get('class') == 'files']
    assert files.attrs['id'] == '1.0%2Ba'
    assert '#1.0%2Ba' in [link.url for link in page.links()]


def test_requirements_of_older_releases() -> None:
    """A release says what it requires, unless it is the same as what the latest one requires."""
    many = [f'dependency-{number}' for number in range(50)]
    page = page_of(*(
        {'filename': f'foo-{version}.zip', 'requires_dist': requires}
        for version, requires in enumerate((None, [], many, many, ['b'], ['b'], ['a'], ['a']))
    ))
    notes = [text_of(note) for note in page.named('p') if note.parent is not None and (
        note.parent.name == 'details'
    )]
    assert notes == [
        'Requires b', 'Requires the same as 5', 'Requires 50 distributions, see its JSON page',
        'Requires the same as 3', 'Requires no other project',
    ]
    assert '../../pypi/foo/3/json' in [link.url for link in page.links()]


def test_requirements_without_release_json() -> None:
    """If a release has no page in the JSON API, its requirements are shown at any length."""
    many = [f'dependency-{number}' for number in range(50)]
    project = project_of(
        {'filename': 'foo-2.zip', 'requires_dist': []},
        {'filename': 'foo-1.zip', 'requires_dist': many},
    )
    page = HtmlPage(web(per_release_json=False).projects([(project, None)])[0])
    assert f'Requires {", ".join(many)}' in texts(page, 'p')


def test_many_wheels_are_a_table() -> None:
    """The rows are systems, the columns are Pythons, and names and hashes are below."""
    page = page_of(*MANY_WHEELS, {'filename': 'foo-1.tar.gz'})
    rows = [[text_of(cell) for cell in row.children] for row in page.named('tr')]
    assert rows == [
        ['', '3.9', '3.10'],
        ['Linux, glibc 2.17+, x86-64', '2.3 MB', '2.3 MB'],
        ['Linux, glibc 2.17+, ARM64', '2.3 MB', '2.3 MB'],
        ['Linux, glibc 2.28+, POWER', '', '2.3 MB'],
        ['Linux, musl 1.2+, x86-64', '2.3 MB', '2.3 MB'],
        ['macOS 11.0+, ARM64', '2.3 MB', '2.3 MB'],
        ['Windows, x86-64', '2.3 MB', '2.3 MB'],
        ['Windows, x86', '2.3 MB', '2.3 MB'],
    ]
    assert [text.split('\n')[0] for text in texts(page, 'summary')[2:]] == [
        'Linux, glibc 5', 'Linux, musl 2', 'macOS 2', 'Windows 4',
    ]
    assert sum(f'>{line["filename"]}<' in page.source for line in MANY_WHEELS) == 13
    assert '>foo-1.tar.gz<' in page.source


def test_unusual_wheels_in_a_table() -> None:
    """Wheels of the same cell share it; a yanked one says so; one without a size is a word."""
    page = page_of(
        *MANY_WHEELS,
        {'filename': 'foo-1-2-cp39-cp39-win32.whl', 'size': 1, 'yanked_reason': 'old'},
        {'filename': 'foo-1-cp39-cp39-odd.whl'},
        {'filename': 'foo-1-cp39-cp39-win32-x86_64_v3.whl'},
        {'filename': 'foo-1-pp39-pypy39_pp73-win32.whl'},
        {'filename': 'foo-1-cp313-cp313t-win32.whl'},
    )
    rows = [[text_of(cell) for cell in row.children] for row in page.named('tr')]
    assert rows[0] == ['', '3.9', '3.10', '3.13t', 'PyPy 3.9']
    assert ['Windows, x86', '1 B yanked 2.3 MB', '2.3 MB', 'wheel', 'wheel'] in rows
    assert ['odd', 'wheel', '', '', ''] in rows
    assert ['Windows, x86, x86_64_v3', 'wheel', '', '', ''] in rows


def test_small_wheels_in_a_table() -> None:
    """Each size has its unit: those of one table may differ."""
    page = page_of(*(
        {**line, 'size': 999_940 + 20 * (number % 2)} for number, line in enumerate(MANY_WHEELS)
    ))
    assert 'Each size is that of a wheel to download.' in texts(page, 'p')
    assert {text_of(cell) for cell in page.named('td')} == {'', '999.9 kB', '1.0 MB'}


@pytest.mark.parametrize(('tag', 'hint'), (
    ('py3-none-any', 'Filter: a version'),
    ('cp39-cp39-musllinux_1_2_x86_64', 'Filter: a version, or a word such as musl'),
    ('cp39-cp39-win32', 'Filter: a version, or a word such as Windows'),
    ('cp39-cp39-macosx_11_0_arm64', 'Filter: a version, or a word such as macOS'),
))
def test_filter_suggests_a_system(tag: str, hint: str) -> None:
    """The word that the filter suggests is one that it finds."""
    page = page_of(*({'filename': f'foo-{number}-{tag}.whl'} for number in range(13)))
    assert hint in [field.attrs.get('placeholder') for field in page.named('input')]


def test_names_of_very_many_wheels() -> None:
    """The names and hashes of more than a hundred wheels are on the simple page only."""
    page = page_of(*(
        {'filename': f'foo-1-cp3{minor}-cp3{minor}-{system}.whl'}
        for minor in range(7, 22) for system in SYSTEMS
    ))
    assert 'Names and hashes: see the simple index' in texts(page, 'p')
    assert len(folded(page)) == 1
    assert len(page.elements) < 400


# The second number leaves as many files as possible to the project's page.
@pytest.mark.parametrize('releases', (2014, 1999))
def test_weight_of_thousands_of_releases(releases: int) -> None:
    """Each page has at most 1,500 elements, and each file is on one of them."""
    project = project_of(*({
        'filename': f'foo-1.{number}.zip', 'size': number, 'hash': SHA256, 'uploaded_by': 'ana',
        'upload_timestamp': 86400 * number, 'requires_python': '>=3.8', 'summary': 'Foos',
        'requires_dist': [f'bar>={number}', 'baz; extra == "x"'],
    } for number in range(releases)), keywords='a, b, c', author_email='Ana <ana@example.com>',
        license='MIT', project_urls={'Docs': 'https://example.com/'},
    )
    site = web()
    pages = [HtmlPage(site.projects([(project, None)])[0]), *(
        HtmlPage(site.release_page(project, number, block))
        for number, block in enumerate(release_pages.blocks(project).older, start=1)
    )]
    assert max(len(page.elements) for page in pages) <= 1500
    named = re.findall('>(foo-1.*?.zip)</a>', ''.join(page.source for page in pages))
    assert sorted(named) == sorted(f'foo-1.{number}.zip' for number in range(releases))


def test_weight_of_an_ordinary_page() -> None:
    """A project of 17 releases and 60 files has a page of at most 60 kB."""
    page = page_of(*({
        'filename': f'acme_ledger-1.{number % 17}.0-cp3{number}-abi3-manylinux_2_17_x86_64.'
        'manylinux2014_x86_64.whl', 'size': 10 ** 6, 'hash': SHA256, 'uploaded_by': 'ci-finance',
        'upload_timestamp': 86400 * number, 'requires_python': '>=3.10', 'core_metadata': 'true',
        'requires_dist': ['attrs>=24.1', f'redis>={number}; extra == "redis"'],
    } for number in range(60)), keywords='accounting, ledger', license_expression='Apache-2.0',
        author_email='Payments <payments@example.com>',
        project_urls={'Docs': 'https://example.com/', 'Source': 'https://example.com/s'},
    )
    assert len(page.source.encode()) <= 60_000


def test_page_makes_few_requests() -> None:
    """The page loads three files, and draws with a fourth: with itself at most six requests."""
    page = page_of({'filename': 'foo-1.0.zip'}, home_page='https://example.com/')
    fetched = {link.url for link in page.links() if link.fetched}
    drawn = {
        (use.attrs.get('href') or '').partition('#')[0] for use in page.named('use')
    }
    assert len(fetched | drawn) <= 4

from __future__ import annotations

from typing import Any

import pytest

from dumb_pypi.model.distfile import check_json
from dumb_pypi.model.project_facts import parse_facts, ProjectFacts
from dumb_pypi.pages import project_card
from dumb_pypi.pages.project_card import OTHERS_SHOWN, PEOPLE_SHOWN, PersonView
from tests.support.markup import text_of
from tests.support.project_pages import facts_on, page_of


def facts(line: bytes) -> ProjectFacts:
    return parse_facts(b'{"name": "foo", %s}' % line).facts


@pytest.mark.parametrize(('names', 'emails', 'people'), (
    (None, None, []),
    ('UNKNOWN', 'UNKNOWN', []),
    ('Ana', None, [('Ana', None)]),
    ('Ana', 'ana@example.com', [('Ana', 'ana@example.com')]),
    ('Ana', 'Ana <ana@example.com>', [('Ana', 'ana@example.com')]),
    ('Ana', 'Ben <b@example.com>', [('Ana', None), ('Ben', 'b@example.com')]),
    ('Cats, Inc.', None, [('Cats, Inc.', None)]),
    (
        'Ana, Ben', '"Zed, X" <z@x>, Ben <b@c.d>',
        [('Ana', None), ('Ben', 'b@c.d'), ('Zed, X', 'z@x')],
    ),
    (
        'Ana, Ben', 'a@example.com, b@example.com',
        [('Ana, Ben', None), ('a@example.com', None), ('b@example.com', None)],
    ),
    (
        None, 'Ana <a+b@example.com>, c@example.com,',
        [('Ana', 'a+b@example.com'), ('c@example.com', None)],
    ),
    (None, r'"A \"B\" C" <a@b.c>', [('A "B" C', 'a@b.c')]),
    (None, 'javascript:alert(1), <x>, ana at example.com', [
        ('javascript:alert(1)', None), ('x', None), ('ana at example.com', None),
    ]),
    (None, 'Zoë <zoë@exämple.com>', [('Zoë', 'zoë@exämple.com')]),
    (None, ', ,', []),
))
def test_people(
        names: str | None, emails: str | None, people: list[tuple[str, str | None]],
) -> None:
    """Each person has a name, an address or both."""
    assert project_card.people(names, emails) == [PersonView(*person) for person in people]


def test_people_are_bounded() -> None:
    """The card shows the first of very many people, and the names of some others."""
    view = project_card.people_view(None, 'a@b.c, ' * 5000)
    assert view is not None
    assert len(view.shown) == PEOPLE_SHOWN
    assert view.more == f'{5000 - PEOPLE_SHOWN:,}'
    assert view.others == 'a@b.c, ' * OTHERS_SHOWN + '…'


def test_other_people_are_named() -> None:
    """The card says how many more people there are; their names are folded."""
    page = page_of({'filename': 'foo-1.0.zip'}, author='A', maintainer_email=(
        'B <b@x>, C <c@x>, D <d@x>, E <e@x>, f@x'
    ))
    assert facts_on(page)['Author'] == 'A'
    assert facts_on(page)['Maintainers'] == 'B b@xC c@xD d@xand 2 moreE, f@x'


@pytest.mark.parametrize('filename', ('foo-1.0.zip', 'foo.zip'))
@pytest.mark.parametrize('facts', (
    {'author': 'Ana'}, {'keywords': 'a'}, {'license': 'MIT'}, {},
    {'project_urls': {'Docs': 'https://example.com/'}},
))
def test_card_has_no_empty_list(filename: str, facts: dict[str, Any]) -> None:
    """Lists of facts and links that have no items are missing."""
    page = page_of({'filename': filename}, **facts)
    assert [element.name for name in ('dl', 'ul') for element in page.named(name)
            if not text_of(element).strip()] == []


@pytest.mark.parametrize(('line', 'licence'), (
    (b'"summary": "x"', None),
    (b'"license_expression": "MIT OR Apache-2.0", "license": "no"', 'MIT OR Apache-2.0'),
    (b'"license": "BSD"', 'BSD'),
    (b'"license": "UNKNOWN"', None),
    (b'"license": "UNKNOWN", "classifiers": ["License :: OSI Approved :: MIT License"]',
     'MIT License'),
    (b'"classifiers": ["License :: OSI Approved", "License :: Public Domain", "Topic :: Games"]',
     'Public Domain'),
    (b'"classifiers": ["License :: OSI Approved :: MIT License", "License :: Public Domain"]',
     'MIT License, Public Domain'),
    (b'"license": "MIT License\\n\\nPermission is hereby"', 'MIT License'),
    (b'"license": "MIT\\nPermission", "classifiers": ["License :: OSI Approved :: MIT License"]',
     'MIT License'),
    (b'"license": "%s"' % (b'Permission ' * 50), None),
))
def test_licence(line: bytes, licence: str | None) -> None:
    """It is the SPDX expression, or a short name, or what the classifiers say."""
    assert project_card.licence(facts(line)) == licence


@pytest.mark.parametrize(('label', 'kind', 'shown'), (
    ('Documentation', 'docs', 'Documentation'), ('docs', 'docs', 'Documentation'),
    ('Source Code', 'source', 'Source'), ('Repository', 'source', 'Source'),
    ('GitHub', 'source', 'Source'), ('Bug-Tracker', 'issues', 'Issues'),
    ("What's New?", 'changes', 'Changelog'), ('Release notes', 'changes', 'Changelog'),
    ('home', 'home', 'Homepage'), ('Sponsor', 'fund', 'Funding'), ('Download', 'link', 'Download'),
    ('mailing list', 'link', 'Mailing list'), ('', 'link', ''), ('<b>', 'link', '<b>'),
    ('чат', 'link', 'Чат'),
))
def test_kind_of_link(label: str, kind: str, shown: str) -> None:
    """Labels are recognised without regard to case, spaces and punctuation."""
    found = project_card.links(ProjectFacts(
        facts(b'"summary": "x"').project, project_urls={label: 'https://www.example.com/a'},
    ))
    assert [tuple(link) for link in found] == [
        (kind, shown, 'https://www.example.com/a', 'example.com/a'),
    ]


def test_links_are_in_order() -> None:
    """Links come by kind, each address once; the home page of the list is one of them."""
    found = project_card.links(facts(
        b'"home_page": "https://example.com", "project_urls": {"Chat": "https://c.example.com/", '
        b'"Source": "https://example.com/s", "Home": "https://example.com/", '
        b'"Docs": "https://example.com/d", "GitHub": "https://example.com/g"}',
    ))
    assert [link.label for link in found] == [
        'Documentation', 'Source', 'GitHub', 'Homepage', 'Chat',
    ]
    [home] = project_card.links(facts(b'"home_page": "https://example.com/a#b"'))
    assert (home.kind, home.label) == ('home', 'Homepage')


@pytest.mark.parametrize(('urls', 'labels'), (
    # The repository is also the home page, in either order; or nothing else.
    ({'Home': 'https://github.com/a/b', 'Repository': 'https://github.com/a/b'}, ['Source']),
    ({'Repository': 'https://github.com/a/b', 'Home': 'https://github.com/a/b/'}, ['Source']),
    ({'Home': 'https://www.github.com/a/b'}, ['Source']),
    ({'Home': 'https://github.com/a/b', 'Git': 'https://git.example.com/'}, ['Source', 'Homepage']),
    # A page of a site with repositories, which is none; one of an unknown site.
    ({'Home': 'https://github.com/a'}, ['Homepage']),
    ({'Home': 'https://github.com/a/b/wiki'}, ['Homepage']),
    ({'Home': 'https://github.com.example.com/a/b'}, ['Homepage']),
))
def test_source_may_be_the_home_page(urls: dict[str, str], labels: list[str]) -> None:
    """A repository is the link to the source, even if it is called the home page."""
    found = project_card.links(ProjectFacts(facts(b'"summary": "x"').project, project_urls=urls))
    assert [link.label for link in found] == labels


@pytest.mark.parametrize(('text', 'words'), (
    (None, []), ('a', ['a']), ('a b', ['a', 'b']), ('a b, c', ['a b', 'c']), (',a,,a', ['a']),
))
def test_keywords(text: str | None, words: list[str]) -> None:
    """Commas separate keywords, or spaces if there is no comma."""
    assert [word.keyword for word in project_card.keywords(text, '../')] == words


def test_keyword_links_to_search() -> None:
    """The keyword is encoded in the URL of the search."""
    [keyword] = project_card.keywords('a&b "c",', '../../')
    assert keyword.url == '../../projects/?q=a%26b%20%22c%22'


@pytest.mark.parametrize(('specifier', 'words'), (
    ('>=3.10', '3.10 or newer'), ('>=3.8.0', '3.8 or newer'), ('>=3', '3 or newer'),
    ('>= 3.8, <4', '3.8 or newer, below 4'), ('<4.0,>=3.8', '3.8 or newer, below 4'),
    ('>=2.7, !=3.0.*', '>=2.7, !=3.0.*'), ('~=3.8', '~=3.8'), ('<script>', '<script>'),
))
def test_python_in_words(specifier: str, words: str) -> None:
    """Simple specifiers are words, others are shown as they are."""
    assert project_card.python_in_words(specifier) == words


@pytest.mark.parametrize(('sizes', 'words'), (
    ([None], '1 file'), ([5], '1 file, 5 B'), ([1000, 1001], '2 files, 1.0 kB'),
    ([None, 2_000_000, 1500], '3 files, 1.5 kB to 2.0 MB'),
))
def test_files_in_words(sizes: list[int | None], words: str) -> None:
    """It has the number of files, and the smallest and largest size that is known."""
    files = [
        check_json(b'{"filename": "foo-1.zip", "size": %s}' % (
            b'null' if size is None else b'%d' % size
        ))[0] for size in sizes
    ]
    assert project_card.files_in_words(files) == words


def test_card_has_what_is_known() -> None:
    """A row without a value is missing; the others are in the order of a reader's questions."""
    page = page_of(
        {'filename': 'foo-1.0.zip', 'requires_python': '>=3.8', 'size': 5},
        license='MIT', author_email='Ana <ana@example.com>', maintainer='Ben, Cleo',
        maintainer_email='Cleo <c@example.com>', keywords='cat, purr',
        classifiers=['Typing :: Typed', 'Development Status :: 4 - Beta'],
    )
    assert [*facts_on(page).items()] == [
        ('Version', '1.0'), ('Python', '3.8 or newer'), ('Licence', 'MIT'),
        ('Author', 'Ana ana@example.com'), ('Maintainers', 'BenCleo c@example.com'),
        ('Maturity', 'Beta'), ('Files', '1 file, 5 B'),
        ('Keywords', 'catpurr'),
    ]


def test_card_links_to_other_forms() -> None:
    """The card links to the JSON API, the simple API and the feed."""
    page = page_of({'filename': 'foo-1.0.zip'})
    assert {'../../pypi/foo/json', '../../simple/foo/', '../../rss/updates.xml'} <= {
        link.url for link in page.links()
    }

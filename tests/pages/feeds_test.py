"""The feeds are RSS 2.0 and have the newest releases and projects."""
from __future__ import annotations

import email.utils
import json
from datetime import datetime, timedelta
from pathlib import Path
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

import pytest

from tests.support import trees
from tests.support.recipes import FEBRUARY, RECIPES
from tests.support.trees import Facts, json_lines, SITE_URL, Tree

ATOM_LINK = '{http://www.w3.org/2005/Atom}link'
FEEDS = ('rss/updates.xml', 'rss/packages.xml')
WITH_FEEDS = [name for name, recipe in RECIPES.items() if '--site-url' in recipe.options]


class DocumentTypeError(Exception):
    """A feed has a document type, which could define entities of any length."""


def parsed(content: bytes) -> Element:
    """Return the channel of a feed; expat raises an error if it is not well-formed."""
    builder = TreeBuilder()
    parser = expat.ParserCreate(namespace_separator='}')
    parser.StartElementHandler = lambda name, attrs: builder.start(full_name(name), attrs)
    parser.EndElementHandler = lambda name: builder.end(full_name(name))
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    parser.Parse(content, True)
    rss = builder.close()
    assert (rss.tag, rss.attrib) == ('rss', {'version': '2.0'})
    assert [child.tag for child in rss] == ['channel']
    return rss[0]


def full_name(name: str) -> str:
    """Return a name in the form of `Element`, which marks namespaces in its own way."""
    return f'{{{name}' if '}' in name else name


def refuse(*declaration: object) -> None:
    raise DocumentTypeError(declaration)


def text(element: Element, tag: str) -> str:
    """Return the text of the only child that has a tag."""
    [child] = element.findall(tag)
    return child.text or ''


def date(element: Element, tag: str) -> datetime:
    """Return an RFC 822 date, which is in UTC and in its usual form."""
    written = text(element, tag)
    parsed_date = email.utils.parsedate_to_datetime(written)
    assert parsed_date.utcoffset() == timedelta()
    assert written == email.utils.format_datetime(parsed_date, usegmt=True)
    return parsed_date


def built(folder: Path, lines: list[Facts], facts: bytes | None = None) -> Tree:
    recipe = RECIPES['the sample with a site URL']
    return trees.build(folder / 'web', recipe._replace(lines=json_lines(lines), facts=facts))


@pytest.fixture(scope='module', params=WITH_FEEDS)
def tree(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return trees.build(tmp_path_factory.mktemp('tree') / 'web', RECIPES[request.param])


@pytest.mark.parametrize('content', (
    b'<!DOCTYPE rss [<!ENTITY a "b">]><rss version="2.0"><channel>&a;</channel></rss>',
))
def test_document_type_is_refused(content: bytes) -> None:
    """The parser of these tests refuses a document type."""
    with pytest.raises(DocumentTypeError):
        parsed(content)


@pytest.mark.parametrize('feed', FEEDS)
def test_required_elements(tree: Tree, feed: str) -> None:
    """A feed has the elements that RSS 2.0 requires."""
    channel = parsed(tree.read(feed))
    assert text(channel, 'title')
    assert text(channel, 'description')
    assert text(channel, 'link') == SITE_URL
    assert [link.attrib for link in channel.findall(ATOM_LINK)] == [
        {'href': SITE_URL + feed, 'rel': 'self', 'type': 'application/rss+xml'},
    ]
    for item in channel.findall('item'):
        assert {child.tag for child in item} == {
            'title', 'link', 'guid', 'description', 'pubDate',
        }


@pytest.mark.parametrize('feed', FEEDS)
def test_newest_item_is_first(tree: Tree, feed: str) -> None:
    """Items are sorted by date, newest first."""
    items = parsed(tree.read(feed)).findall('item')
    dates = [date(item, 'pubDate') for item in items]
    assert dates == sorted(dates, reverse=True)


@pytest.mark.parametrize('feed', FEEDS)
def test_build_date(tree: Tree, feed: str) -> None:
    """A feed has the date of the newest upload, so the same list gives the same bytes."""
    channel = parsed(tree.read(feed))
    lines = [json.loads(line) for line in tree.read('packages.json').splitlines()]
    uploads = [int(line['upload_timestamp']) for line in lines if 'upload_timestamp' in line]
    own = [date(channel, child.tag).timestamp() for child in channel.findall('lastBuildDate')]
    assert own == sorted(uploads)[-1:]


@pytest.mark.parametrize('feed', FEEDS)
def test_links_have_pages(tree: Tree, feed: str) -> None:
    """Each link of a feed is the URL of a page in the tree."""
    items = parsed(tree.read(feed)).findall('item')
    guids = [text(item, 'guid') for item in items]
    assert len(set(guids)) == len(guids)
    for item, guid in zip(items, guids, strict=True):
        link = text(item, 'link')
        assert link.startswith(f'{SITE_URL}project/')
        assert tree.found(link)
        # Readers use the guid as a link.
        assert guid.partition('#')[0] == link


def test_titles(tree: Tree) -> None:
    """`NAME VERSION` of an existing release, `NAME added` of an existing project."""
    releases = {
        f'{content["name"]} {version}'
        for content in map(tree.read_json, tree.simple_json_pages)
        for version in content['versions']
    }
    updates, packages = (
        [text(item, 'title') for item in parsed(tree.read(feed)).findall('item')]
        for feed in FEEDS
    )
    assert len(updates) == len(set(updates)) <= 100
    assert set(updates) <= releases
    assert len(packages) == len(set(packages)) <= 40
    assert all(title.endswith(' added') for title in packages)
    assert {title.removesuffix(' added') for title in packages} <= {
        page.split('/')[1] for page in tree.simple_json_pages
    }


def test_length_of_feeds(tmp_path: Path) -> None:
    """A crowded month fills both: 100 releases and 40 projects."""
    tree = trees.build(tmp_path / 'web', RECIPES['a crowded month'])
    assert [len(parsed(tree.read(feed)).findall('item')) for feed in FEEDS] == [100, 40]


def test_item_of_release(tmp_path: Path) -> None:
    """It has the time of the first file, and the escaped summary; undated releases have none."""
    markup = '<b>&amp; "quoted" ]]> </description>'
    tree = built(tmp_path, [
        {'filename': 'foo-1.0.zip', 'upload_timestamp': FEBRUARY, 'summary': markup},
        {'filename': 'foo-1.0-py3-none-any.whl', 'upload_timestamp': FEBRUARY + 60},
        {'filename': 'foo-0.9.zip', 'upload_timestamp': FEBRUARY + 30},
        {'filename': 'foo-0.8.zip'},
        {'filename': 'bar-1.0.zip'},
    ])
    updates, packages = (parsed(tree.read(feed)).findall('item') for feed in FEEDS)
    assert [text(item, 'title') for item in updates] == ['foo 0.9', 'foo 1.0']
    assert [text(item, 'title') for item in packages] == ['foo added']
    for item in (updates[1], packages[0]):
        assert text(item, 'description') == markup
        assert text(item, 'pubDate') == 'Thu, 01 Feb 2024 00:00:00 GMT'


@pytest.mark.parametrize(('facts', 'summary'), (
    (None, 'the list of files says'),
    (b'{"name": "foo", "summary": "the list of projects says"}', 'the list of projects says'),
))
def test_summary_of_project(tmp_path: Path, facts: bytes | None, summary: str) -> None:
    """The summary in the project list counts more than that of a file."""
    tree = built(tmp_path, [{
        'filename': 'foo-1.0.zip', 'upload_timestamp': FEBRUARY,
        'summary': 'the list of files says',
    }], facts)
    [item] = parsed(tree.read('rss/packages.xml')).findall('item')
    assert text(item, 'description') == summary


def test_no_feeds_without_site_url(tmp_path: Path) -> None:
    """The links of a feed have to be absolute."""
    tree = trees.build(tmp_path / 'web', RECIPES['the sample'])
    assert tree.feeds == []
    assert b'rss' not in tree.read('index.html')


def test_order_of_list_is_irrelevant(tmp_path: Path) -> None:
    """Items of the same time are sorted too."""
    lines: list[Facts] = [
        {'filename': f'foo{project}-{version}.zip', 'upload_timestamp': FEBRUARY}
        for project in range(45) for version in range(3)
    ]
    one = built(tmp_path / 'one', lines)
    other = built(tmp_path / 'other', lines[::-1])
    for feed in FEEDS:
        assert one.read(feed) == other.read(feed)

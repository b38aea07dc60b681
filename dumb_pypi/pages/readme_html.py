"""Fit the HTML of a README into a project's page.

What comes in was sanitized already. It is parsed into a tree, changed there, and sanitized again,
so that nothing here can make it unsafe.
"""
from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Iterator
from html.parser import HTMLParser
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

from dumb_pypi.model import urls
from dumb_pypi.model.free_text import clean_lines

# Precedes all IDs. No version, and so no ID of a release, starts with a colon.
ID_PREFIX = ':readme-'
# Elements deeper than this are dropped, not their content. Ordinary READMEs have up to 20 levels.
_DEEPEST = 64

_HEADINGS = ('h1', 'h2', 'h3', 'h4', 'h5', 'h6')
_VOID = {'br', 'col', 'hr', 'img', 'input'}
# Their content is kept. A landmark such as `nav` would need a name that no other one has.
_UNWRAPPED = {'section', 'picture'}
_RENAMED = {'aside': 'div', 'nav': 'div', 'tt': 'code', 'acronym': 'abbr', 's': 'del'}
# Where an element must be, and what it becomes anywhere else.
_PARENTS = {
    'li': ({'ul', 'ol'}, 'div'),
    'dt': ({'dl'}, 'div'),
    'dd': ({'dl'}, 'div'),
    'summary': ({'details'}, 'p'),
    'figcaption': ({'figure'}, 'div'),
}
_ALIGNMENTS = {'left', 'center', 'right'}
_TITLES = {'admonition-title', 'topic-title'}
_SEVERE = {'warning', 'caution', 'danger', 'attention', 'error'}
# The classes of Pygments: `k` is a keyword, `s1` a string in single quotes.
_TOKEN = re.compile('[a-z]{1,2}[a-z0-9]?')
_NAME_SEPARATORS = re.compile(r'[-_.\s]+')
_SIZE = re.compile('[1-9][0-9]{0,3}(?:px|%)?')
_SPAN = re.compile('[1-9][0-9]?')
_START = re.compile('[0-9]{1,6}')

_TAGS = {
    'a', 'abbr', 'b', 'blockquote', 'br', 'caption', 'cite', 'code', 'col', 'colgroup', 'dd', 'del',
    'details', 'div', 'dl', 'dt', 'em', 'figcaption', 'figure', 'h2', 'h3', 'h4', 'h5', 'h6', 'hr',
    'i', 'img', 'kbd', 'li', 'ol', 'p', 'pre', 'span', 'strong', 'sub', 'summary', 'sup', 'table',
    'tbody', 'td', 'th', 'thead', 'tr', 'ul', 'var',
}
_ATTRIBUTES = {
    '*': {'id'},
    'a': {'href', 'title'},
    'abbr': {'title'},
    'img': {'src', 'alt', 'width', 'height', 'align', 'loading', 'referrerpolicy'},
    'ol': {'start'},
    'td': {'align', 'colspan', 'rowspan'},
    'th': {'align', 'colspan', 'rowspan'},
    'pre': {'tabindex'},
    'div': {'align', 'class', 'tabindex'},
    'p': {'align', 'class'},
    'span': {'class'},
    'li': {'class'},
    **{heading: {'align'} for heading in _HEADINGS[1:]},
}


class Element:
    """An element, whose children are elements and texts. Without a tag it is only its children."""
    __slots__ = ('attributes', 'children', 'tag')

    def __init__(
            self, tag: str, attributes: dict[str, str] | None = None,
            children: list[Node] | None = None,
    ) -> None:
        self.tag = tag
        self.attributes = attributes or {}
        self.children = children or []


Node = Element | str


class _Around(NamedTuple):
    """Where an element is: its parent, and whether it is in a link, a table or a `pre`."""
    parent: str = 'div'
    link: bool = False
    table: bool = False
    pre: bool = False


def tidy(rendered: str, project: str) -> str:
    """Return the sanitized HTML of a README as it fits into a project's page; '' if it is empty.

    A heading that repeats the project's name is dropped. The highest heading is an `h2`, and none
    is skipped. IDs have a prefix, and links to them follow. Links and images that are relative to
    a page elsewhere are replaced by their text, for nobody knows which page. Scrollable parts can
    be reached with the keyboard.
    """
    import nh3
    root = _parse(rendered)
    ids = _prefix_ids(root)
    body = Element('div', children=_tidy_all(root.children, _Around(), ids))
    _drop_title(body, project)
    _set_levels(body)
    if not _has_content(body.children):
        return ''
    cleaned = nh3.clean(
        ''.join(map(_encode, body.children)), tags=_TAGS, attributes=_ATTRIBUTES,
        url_schemes={'http', 'https'}, link_rel='nofollow',
    )
    # Entities may stand for any character.
    return (clean_lines(cleaned.replace('&nbsp;', '\xa0')) or '').strip()


class _Parser(HTMLParser):
    """Builds a tree of HTML in which each element ends, as that of the sanitizer does."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element('div')
        # The open elements. One that is too deep is represented by its parent.
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        parent = self._open[-1]
        element = Element(tag, {name: value or '' for name, value in attrs})
        if len(self._open) > _DEEPEST:
            element = parent
        else:
            parent.children.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_endtag(self, _: str) -> None:
        self._open.pop()

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)


def _parse(rendered: str) -> Element:
    parser = _Parser()
    parser.feed(rendered)
    parser.close()
    return parser.root


def _prefix_ids(root: Element) -> dict[str, str]:
    """Give all IDs the prefix, and drop those that repeat one; return new IDs by what links say."""
    ids: dict[str, str] = {}
    for element in _elements(root):
        found = _link_key(element.attributes.pop('id', ''))
        if found and found not in ids and not re.search(r'\s', found):
            ids[found] = element.attributes['id'] = ID_PREFIX + found
    return ids


def _link_key(name: str) -> str:
    # The renderers add this prefix to some IDs and links.
    return name.removeprefix('user-content-')


def _elements(root: Element) -> Iterator[Element]:
    """Yield the elements below one, in document order."""
    for child in root.children:
        if isinstance(child, Element):
            yield child
            yield from _elements(child)


def _text(nodes: Iterable[Node], *, images: bool = True) -> str:
    """Return the text of nodes, with or without the texts of their images, on one line."""
    return ' '.join(''.join(_texts(nodes, images=images)).split())


def _texts(nodes: Iterable[Node], *, images: bool) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, str):
            yield node
        elif node.tag == 'img' and images:
            yield node.attributes['alt']
        else:
            yield from _texts(node.children, images=images)


def _has_content(nodes: Iterable[Node]) -> bool:
    """Return whether there is anything to see: a text, an image or a line."""
    return any(
        node.strip() if isinstance(node, str)
        else node.tag in ('img', 'hr') or _has_content(node.children)
        for node in nodes
    )


def _tidy_all(nodes: Iterable[Node], around: _Around, ids: dict[str, str]) -> list[Node]:
    found: list[Node] = []
    for node in nodes:
        if isinstance(node, str):
            found.append(node)
        else:
            found.extend(_tidy(node, around, ids))
    return found


def _tidy(element: Element, around: _Around, ids: dict[str, str]) -> list[Node]:
    """Return what replaces an element."""
    tag = element.tag = _RENAMED.get(element.tag, element.tag)
    if tag == 'img':
        return _tidy_image(element, around)
    if tag == 'input':
        return _tidy_input(element)
    element.children = _tidy_all(element.children, _Around(
        tag if tag not in _UNWRAPPED else around.parent, around.link or tag == 'a',
        around.table or tag == 'table', around.pre or tag in ('pre', 'code'),
    ), ids)
    if tag in _UNWRAPPED:
        return _unwrapped(element)
    if tag == 'span' and 'literal' in element.attributes.get('class', '').split():
        tag = element.tag = 'code'
    if tag in _PARENTS and around.parent not in _PARENTS[tag][0]:
        tag = element.tag = _PARENTS[tag][1]
    before = element.attributes
    element.attributes = {
        name: value for name, value in before.items() if name in ('id', 'title', 'href')
    }
    _tidy_classes(element, before.get('class', '').split(), around)
    _tidy_numbers(element, before)
    if before.get('align', '').lower() in _ALIGNMENTS:
        element.attributes['align'] = before['align'].lower()
    tidier = _TIDIERS.get(tag)
    return [element] if tidier is None else tidier(element, around, ids)


def _tidy_classes(element: Element, classes: list[str], around: _Around) -> None:
    """Keep what a style sheet can use. Other classes may be names of the page's own."""
    kept = []
    if element.tag == 'span' and around.pre:
        kept = [name for name in classes if _TOKEN.fullmatch(name)]
    elif element.tag == 'p' and not _TITLES.isdisjoint(classes):
        kept = ['admonition-title']
    elif element.tag == 'div' and 'admonition' in classes:
        kept = ['admonition', *(['severe'] if _SEVERE.intersection(classes) else [])]
    if kept:
        element.attributes['class'] = ' '.join(kept)


def _tidy_numbers(element: Element, attributes: dict[str, str]) -> None:
    for name, pattern in (
            ('width', _SIZE), ('height', _SIZE), ('colspan', _SPAN), ('rowspan', _SPAN),
            ('start', _START),
    ):
        if pattern.fullmatch(attributes.get(name, '')):
            element.attributes[name] = attributes[name]


def _tidy_image(element: Element, around: _Around) -> list[Node]:
    """Return an image at an `https` URL, or what can be said in place of another one."""
    before = element.attributes
    source = _absolute(before.get('src', ''))
    alt = ' '.join(before.get('alt', '').split())
    if alt == before.get('src'):
        # docutils repeats the URL if there is no text.
        alt = ''
    if source is None:
        return [*_anchor(element), *([alt] if alt else [])]
    if not source.startswith('https:'):
        text: list[Node] = [alt or 'image']
        return [*_anchor(element), *(
            text if around.link else [Element('a', {'href': source}, text)]
        )]
    element.attributes = {
        **({'id': before['id']} if 'id' in before else {}), 'src': source, 'alt': alt,
        # The host of the image need not know which index shows it.
        'loading': 'lazy', 'referrerpolicy': 'no-referrer',
    }
    align = before.get('align', '').lower() or next(
        (name[6:] for name in before.get('class', '').split() if name.startswith('align-')), '',
    )
    if align in _ALIGNMENTS:
        element.attributes['align'] = align
    _tidy_numbers(element, {
        name: before[name].removesuffix('px') for name in ('width', 'height') if name in before
    })
    return [element]


def _tidy_input(element: Element) -> list[Node]:
    if element.attributes.get('type', '').lower() != 'checkbox':
        return _anchor(element)
    return [*_anchor(element), '☑' if 'checked' in element.attributes else '☐']


def _tidy_link(element: Element, around: _Around, ids: dict[str, str]) -> list[Node]:
    href = element.attributes.pop('href', '').strip()
    target = ids.get(_link_key(unquote(href[1:]))) if href.startswith('#') else None
    url = f'#{quote(target, safe=":")}' if target is not None else _absolute(href)
    if url is None or around.link or not _has_content(element.children):
        # A link that cannot be followed is a text, an empty one at most a target of others.
        return _unwrapped(element)
    element.attributes['href'] = url
    text = _text(element.children, images=False)
    images = [found for found in _elements(element) if found.tag == 'img']
    for image in images:
        if text and image.attributes['alt'].casefold() == text.casefold():
            image.attributes['alt'] = ''
    if images and not _text(element.children):
        images[0].attributes['alt'] = f'Link to {urlsplit(url).hostname or "this page"}'
    return [element]


def _absolute(url: str) -> str | None:
    """Return a URL that means the same on every page, None for one that does not."""
    import nh3
    url = url.strip()
    if url.startswith('//'):
        url = f'https:{url}'
    try:
        url = urls.clean_link(url)
    except urls.UrlError:
        return None
    # An image without a URL would remain of one that the library refuses, such as `https://1.2.999`.
    link = f'<a href="{html.escape(url)}">'
    return url if 'href=' in nh3.clean(link, url_schemes={'http', 'https'}) else None


def _tidy_pre(element: Element, _: _Around, __: dict[str, str]) -> list[Node]:
    element.attributes['tabindex'] = '0'
    return [element]


def _tidy_table(element: Element, around: _Around, _: dict[str, str]) -> list[Node]:
    cells = [found for found in _elements(element) if found.tag in ('td', 'th')]
    only_headers = all(cell.tag == 'th' for cell in cells)
    for cell in cells:
        # An empty header describes nothing, and headers of nothing are plain cells.
        if only_headers or not _text(cell.children):
            cell.tag = 'td'
    # A wide table scrolls.
    return [element] if around.table else [
        Element('div', {'class': 'scroll', 'tabindex': '0'}, [element]),
    ]


def _tidy_list(element: Element, _: _Around, __: dict[str, str]) -> list[Node]:
    """Put everything in a list into items, and mark those that begin with a task box."""
    items: list[Node] = []
    for child in element.children:
        if isinstance(child, Element) and child.tag == 'li':
            first = _text(child.children)[:1]
            if first and first in '☑☐':
                child.attributes['class'] = 'task'
            items.append(child)
        elif _has_content([child]):
            items.append(Element('li', children=[child]))
    element.children = items
    return [element] if items else _anchor(element)


def _tidy_definitions(element: Element, _: _Around, __: dict[str, str]) -> list[Node]:
    """Make a `dl` without terms or definitions, or with something else, an ordinary `div`."""
    children = [child for child in element.children if _has_content([child])]
    tags = [child.tag if isinstance(child, Element) else '' for child in children]
    if {*tags} != {'dt', 'dd'} or tags[0] != 'dt' or tags[-1] != 'dd':
        element.tag = 'div'
        for child in children:
            if isinstance(child, Element) and child.tag in ('dt', 'dd'):
                child.tag = 'div'
    element.children = children
    return [element] if children else _anchor(element)


def _tidy_details(element: Element, _: _Around, __: dict[str, str]) -> list[Node]:
    """Give each `details` one `summary`, with a text, which comes first."""
    summaries = [
        child for child in element.children
        if isinstance(child, Element) and child.tag == 'summary'
    ]
    for other in summaries[1:]:
        other.tag = 'p'
    summary = summaries[0] if summaries else Element('summary')
    if not _text(summary.children):
        summary.children.append('Details')
    element.children = [summary, *(child for child in element.children if child is not summary)]
    return [element]


def _tidy_paragraph(element: Element, _: _Around, __: dict[str, str]) -> list[Node]:
    return [element] if _has_content(element.children) else _unwrapped(element)


def _tidy_span(element: Element, _: _Around, __: dict[str, str]) -> list[Node]:
    return [element] if element.attributes else element.children


def _tidy_heading(element: Element, around: _Around, ids: dict[str, str]) -> list[Node]:
    if _text(element.children):
        return [element]
    element.tag = 'div'
    return _tidy_paragraph(element, around, ids)


_TIDIERS: dict[str, Callable[[Element, _Around, dict[str, str]], list[Node]]] = {
    'a': _tidy_link, 'pre': _tidy_pre, 'table': _tidy_table, 'ul': _tidy_list, 'ol': _tidy_list,
    'dl': _tidy_definitions, 'details': _tidy_details, 'p': _tidy_paragraph, 'span': _tidy_span,
    **dict.fromkeys(_HEADINGS, _tidy_heading),
}


def _anchor(element: Element) -> list[Node]:
    """Return a target for the links to an element that is dropped."""
    return [Element('span', {'id': element.attributes['id']})] if 'id' in element.attributes else []


def _unwrapped(element: Element) -> list[Node]:
    """Return the content of an element, which links to the element find."""
    first = next((
        child for child in element.children if not isinstance(child, str) or child.strip()
    ), None)
    if 'id' in element.attributes and isinstance(first, Element) and 'id' not in first.attributes:
        first.attributes['id'] = element.attributes['id']
        return element.children
    return [*_anchor(element), *element.children]


def _drop_title(body: Element, project: str) -> None:
    """Drop the first heading if it is the project's name; keep the images in it."""
    title = next((found for found in _elements(body) if found.tag in _HEADINGS), None)
    if title is None or title.tag != 'h1' or (
        _normalized(_text(title.children, images=False)) != _normalized(project)
    ):
        return
    title.children = _images(title.children)
    # Without an image it is at most a target of links.
    title.tag = 'p' if title.children else 'span' if 'id' in title.attributes else ''


def _images(nodes: Iterable[Node]) -> list[Node]:
    """Return the images among nodes, each in its link if it has one."""
    found: list[Node] = []
    for node in nodes:
        if isinstance(node, Element):
            if node.tag == 'img':
                found.append(node)
            elif node.tag == 'a' and any(inner.tag == 'img' for inner in _elements(node)):
                node.children = _images(node.children)
                found.append(node)
            else:
                found.extend(_images(node.children))
    return found


def _normalized(name: str) -> str:
    return _NAME_SEPARATORS.sub('-', name).strip('-').lower()


def _set_levels(body: Element) -> None:
    """Make the highest headings `h2`, and each other one level lower than the one above it."""
    above: list[str] = []
    for element in _elements(body):
        if element.tag in _HEADINGS:
            while above and above[-1] >= element.tag:
                above.pop()
            above.append(element.tag)
            element.tag = f'h{min(len(above) + 1, 6)}'


def _encode(node: Node) -> str:
    if isinstance(node, str):
        return html.escape(node, quote=False)
    attributes = ''.join(
        f' {name}="{html.escape(value)}"' for name, value in node.attributes.items()
    )
    if not node.tag:
        return ''.join(map(_encode, node.children))
    if node.tag in _VOID:
        return f'<{node.tag}{attributes}>'
    return f'<{node.tag}{attributes}>{"".join(map(_encode, node.children))}</{node.tag}>'

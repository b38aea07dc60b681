"""Parse pages as a browser does, and find what is wrong with them."""
from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import NamedTuple
from urllib.parse import urlsplit

from justhtml import Element, JustHTML

# A start tag with its attributes, or an end tag with None.
Tag = tuple[str, dict[str, str | None] | None]

_NO_END_TAG = frozenset(('br', 'col', 'hr', 'img', 'input', 'link', 'meta'))
# Elements that run code, embed content, or change how the rest of a page is parsed.
_ACTIVE = frozenset((
    'applet', 'base', 'embed', 'frame', 'iframe', 'math', 'noscript', 'object', 'style',
))
# A drawing consists of these. Others may be active in it.
_DRAWN = frozenset(('path', 'use'))
_FETCHES = {'link': 'href', 'img': 'src', 'script': 'src'}
LINK_ATTRIBUTES = (
    'action', 'background', 'cite', 'data', 'formaction', 'href', 'ping', 'poster', 'src', 'srcset',
)
_BARE_AMPERSAND = re.compile('&(?!(?:amp|lt|gt|quot|#34|#39);)')
_CONTROL_CHARACTER = re.compile('[\x00-\x08\x0b-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]')


class Link(NamedTuple):
    """A URL on a page; `fetched` if browsers load it with the page."""
    url: str
    fetched: bool


class HtmlPage:
    """A page as a browser parses it, and its source."""

    def __init__(self, content: bytes) -> None:
        document = JustHTML(content, sanitize=False, collect_errors=True)
        self.source = content.decode()
        self.parse_errors = [f'{error.line}: {error.code}' for error in document.errors]
        # Nodes of other types are made up by the parser; a complete page has none.
        self.elements = [node for node in document.query('*') if isinstance(node, Element)]
        self._root = self.elements[0]

    def problems(self) -> list[str]:
        """Return what is wrong by the rules of HTML; browsers would silently repair it."""
        source = _SourceTags()
        source.feed(self.source)
        source.close()
        tags = list(_tags(self._root))
        repaired = [
            f'{written} is understood as {parsed}'
            for written, parsed in zip(source.tags, tags, strict=False)
            if written != parsed
        ][:1]
        ids = Counter(element.attrs.get('id') for element in self.elements)
        return [
            *self.parse_errors, *repaired, *source.problems,
            *([] if len(source.tags) == len(tags) else ['tags are missing, or too many']),
            *(f'id {id_!r} is there twice' for id_, n in ids.items() if id_ and n > 1),
            *(f'{found[0]!r} is no character for HTML'
              for found in _CONTROL_CHARACTER.finditer(self.source)),
            *(f'& is not escaped: {self.source[found.start():found.start() + 20]!r}'
              for found in _BARE_AMPERSAND.finditer(self.source)),
        ]

    def dangers(self) -> list[str]:
        """Return the tags and attributes that could run code or change the style."""
        return [
            f'<{element.name} {attribute}>'
            for element in self.elements
            for attribute in ('', *element.attrs)
            if _is_danger(element, attribute)
        ]

    def links(self) -> list[Link]:
        return [
            Link(url, fetched=_FETCHES.get(element.name) == attribute)
            for element in self.elements
            for attribute, url in element.attrs.items()
            if attribute in LINK_ATTRIBUTES and url is not None
        ]

    def named(self, name: str) -> list[Element]:
        return [element for element in self.elements if element.name == name]

    @property
    def ids(self) -> set[str | None]:
        return {element.attrs.get('id') for element in self.elements}

    @property
    def metas(self) -> dict[str | None, str | None]:
        return {meta.attrs.get('name'): meta.attrs.get('content') for meta in self.named('meta')}


def text_of(element: Element) -> str:
    """Return all text in an element, unchanged."""
    return element.to_text(separator='', strip=False)


def is_web_link(url: str) -> bool:
    """Whether a URL is relative or http(s); browsers and `urlsplit` agree on the scheme."""
    return urlsplit(url).scheme in ('', 'http', 'https')


class _SourceTags(HTMLParser):
    """The tags as they are written; `JustHTML` has them as they are parsed."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[Tag] = []
        self.problems: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # An attribute without a value has an empty one.
        self.tags.append((tag, {name: value or '' for name, value in attrs}))
        if len(attrs) != len(dict(attrs)):
            self.problems.append(f'<{tag}> has an attribute twice')

    def handle_endtag(self, tag: str) -> None:
        self.tags.append((tag, None))

    def handle_comment(self, data: str) -> None:
        self.problems.append(f'a comment, which no page has: {data!r}')


def _tags(element: Element) -> Iterator[Tag]:
    # The parser restores the case of `viewBox`.
    yield element.name, {name.lower(): value for name, value in element.attrs.items()}
    for child in element.children:
        if isinstance(child, Element):
            yield from _tags(child)
    if element.name not in _NO_END_TAG:
        yield element.name, None


def _is_danger(element: Element, attribute: str) -> bool:
    if not attribute:
        return element.name in _ACTIVE or (
            element.name == 'script' and (text_of(element) != '' or not element.attrs.get('src'))
        ) or (
            element.name == 'svg'
            and any(getattr(inner, 'name', '') not in _DRAWN for inner in element.children)
        )
    value = element.attrs[attribute] or ''
    return (
        attribute.startswith('on') or attribute in ('http-equiv', 'srcdoc', 'style')
        or (attribute in LINK_ATTRIBUTES and not is_web_link(value))
    )

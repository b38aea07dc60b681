"""Files as the HTML form of a simple page lists them, with the keys of the JSON form."""
from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urljoin

from justhtml import Element

from tests.support.markup import HtmlPage, text_of
from tests.support.trees import Facts

# The hash algorithms that uv accepts in a fragment; any other makes it reject the page.
FRAGMENTS = ('md5', 'sha256', 'sha384', 'sha512', 'blake2b')


def html_files(page: HtmlPage) -> list[Facts]:
    return [_html_facts(anchor) for anchor in page.named('a')]


def as_in_html(file: Facts) -> Facts:
    """Reduce a file of the JSON form to what HTML can express: no hashes that uv rejects."""
    metadata = file.get('core-metadata')
    known = {key: value for key, value in file['hashes'].items() if key in FRAGMENTS}
    has_unknown_hash = isinstance(metadata, dict) and not metadata.keys() & set(FRAGMENTS)
    return {**file, 'hashes': known, **({'core-metadata': True} if has_unknown_hash else {})}


def with_absolute_urls(files: Iterable[Facts], page_url: str) -> list[Facts]:
    """Resolve the URLs of the files of a page, as a client does."""
    return [{**file, 'url': urljoin(page_url, file['url'])} for file in files]


def _html_facts(anchor: Element) -> Facts:
    attrs = {key: value or '' for key, value in anchor.attrs.items()}
    url, _, fragment = attrs.pop('href').partition('#')
    facts: Facts = {
        'filename': text_of(anchor), 'url': url,
        'hashes': dict([fragment.split('=')]) if fragment else {},
    }
    metadata = attrs.pop('data-core-metadata', None)
    assert attrs.pop('data-dist-info-metadata', None) == metadata
    if metadata is not None:
        facts['core-metadata'] = metadata == 'true' or dict([metadata.split('=')])
    if 'data-yanked' in attrs:
        facts['yanked'] = attrs.pop('data-yanked') or True
    if 'data-size' in attrs:
        facts['size'] = int(attrs.pop('data-size'))
    return facts | {key.removeprefix('data-'): value for key, value in attrs.items()}

"""A file of a project as both forms of its simple page have it, in the words of JSON."""
from __future__ import annotations

from justhtml import Element

from tests.support.markup import HtmlPage, text_of
from tests.support.trees import Facts

# What uv takes in the fragment of an HTML page; it refuses the page for any other.
FRAGMENTS = ('md5', 'sha256', 'sha384', 'sha512', 'blake2b')


def html_files(page: HtmlPage) -> list[Facts]:
    return [_html_facts(anchor) for anchor in page.named('a')]


def as_in_html(file: Facts) -> Facts:
    """A file of the JSON form without what HTML cannot say: hashes that uv does not know."""
    metadata = file.get('core-metadata')
    known = {key: value for key, value in file['hashes'].items() if key in FRAGMENTS}
    odd_metadata = isinstance(metadata, dict) and not metadata.keys() & set(FRAGMENTS)
    return {**file, 'hashes': known, **({'core-metadata': True} if odd_metadata else {})}


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

"""Core metadata → what a project list says of a release, in linear time whatever the bytes are."""
from __future__ import annotations

import codecs
import re
import textwrap
from collections import defaultdict
from collections.abc import Mapping, Sequence

from dumb_pypi.model import filenames, urls
from dumb_pypi.model.free_text import clean_lines, FORBIDDEN
from dumb_pypi.model.project_facts import FactsLine
from dumb_pypi.scanner.metadata import ABSENT, MAX_FIELDS, one_line, split

# Bytes of a README. The longest real ones have a few hundred kB.
MAX_DESCRIPTION = 2 ** 20
# What follows a README that is longer.
CUT = '\n\n[…] dumb-pypi has cut this text, which is longer than 1 MiB.\n'

_FIELD = re.compile(
    rb'^(Author|Author-Email|Classifier|Description|Description-Content-Type|Download-Url|Home-Page'
    rb'|Keywords|License|License-Expression|License-File|Maintainer|Maintainer-Email|Project-Url'
    rb'|Provides-Extra):(.*(?:\n[ \t].*)*)',
    re.IGNORECASE | re.MULTILINE,
)
# How the lines of a folded text begin: with spaces, or as the specification says since version 1.2.
_SPACES = ' ' * 8
_BAR = ' ' * 7 + '|'


def describe(name: str, scanned_hash: str, metadata: bytes) -> FactsLine:
    """Return the line of a project list for a project, given the metadata of its latest release.

    `metadata` is METADATA or PKG-INFO of any version, `scanned_hash` the hash of the file that has
    it. Values that a project list may not have are skipped, characters that it may not have are
    replaced. What exceeds `MAX_FIELDS`, without the README, is skipped too.
    """
    head, body = split(metadata)
    fields = _fields(head)
    links = _links(fields)
    download = _link(_first(fields, b'Download-Url'))
    if download is not None and 'download' not in map(str.lower, links):
        links['Download'] = download
    return FactsLine(
        name=name,
        scanned_hash=scanned_hash,
        home_page=_link(_first(fields, b'Home-Page')),
        description=_description(fields, body),
        description_content_type=_text(fields, b'Description-Content-Type'),
        license_expression=_text(fields, b'License-Expression'),
        license=_lines(_first(fields, b'License')),
        license_files=_texts(fields, b'License-File'),
        author=_text(fields, b'Author'),
        author_email=_text(fields, b'Author-Email'),
        maintainer=_text(fields, b'Maintainer'),
        maintainer_email=_text(fields, b'Maintainer-Email'),
        keywords=_text(fields, b'Keywords'),
        classifiers=_texts(fields, b'Classifier'),
        project_urls=links or None,
        provides_extra=_extras(fields) or None,
    )


Fields = Mapping[bytes, Sequence[bytes]]


def _fields(head: bytes) -> Fields:
    """Return the values of each field, still folded, by its name in title case."""
    fields: dict[bytes, list[bytes]] = defaultdict(list)
    size = 0
    for found in _FIELD.finditer(head):
        name, value = found[1].title(), found[2]
        if name == b'Description':
            # The first of several counts, and it has a limit of its own.
            fields.setdefault(name, [value])
            continue
        size += len(found[0])
        if size <= MAX_FIELDS:
            fields[name].append(value)
    return fields


def _first(fields: Fields, name: bytes) -> str:
    values = fields.get(name)
    return values[0].decode(errors='replace').strip() if values else ''


def _text(fields: Fields, name: bytes) -> str | None:
    return _clean(_first(fields, name))


def _texts(fields: Fields, name: bytes) -> list[str] | None:
    texts = (_clean(value.decode(errors='replace')) for value in fields.get(name, ()))
    return [text for text in texts if text is not None] or None


def _clean(text: str) -> str | None:
    text = re.sub(FORBIDDEN, '\ufffd', one_line(text))
    return None if text in ABSENT else text


def _lines(text: str) -> str | None:
    return None if text in ABSENT else clean_lines(_unfolded(text))


def _description(fields: Fields, body: bytes) -> str | None:
    """Return the README: the text below the fields, or the field that old versions have.

    If a line of that field is not folded, as old tools wrote it, its rest is below the fields.
    """
    text, cut = _bounded(body)
    if b'Description' in fields:
        field, cut_field = _bounded(fields[b'Description'][0].lstrip())
        if field.strip() not in ABSENT:
            parts = [_unfolded(field), text] if text else [_unfolded(field)]
            text, cut = '\n'.join(parts), cut or cut_field
    if text.strip() in ABSENT:
        return None
    return (clean_lines(text) or '') + CUT if cut else clean_lines(text)


def _bounded(text: bytes) -> tuple[str, bool]:
    """Return a text, or as many lines of it as may be kept, and whether it was cut."""
    if len(text) <= MAX_DESCRIPTION:
        return text.decode(errors='replace'), False
    start = text[:MAX_DESCRIPTION]
    # This decoder waits for the rest of a character that the limit has split.
    decoder = codecs.getincrementaldecoder('utf-8')('replace')
    return decoder.decode(start.rpartition(b'\n')[0] or start), True


def _unfolded(text: str) -> str:
    """Return a text without what marks its lines as those of one field.

    >>> _unfolded('Foo\\n        \\n          indented\\n        end')
    'Foo\\n\\n  indented\\nend'
    >>> _unfolded('Foo\\n       |\\n       |  indented')
    'Foo\\n\\n  indented'
    >>> _unfolded('Foo\\n  end')
    'Foo\\nend'
    """
    first, *rest = text.split('\n')
    for mark in (_BAR, _SPACES):
        if all(line.startswith(mark) or not line.strip() for line in rest):
            rest = [line.removeprefix(mark) if line.startswith(mark) else '' for line in rest]
            return '\n'.join([first, *rest])
    return f'{first}\n' + textwrap.dedent('\n'.join(rest))


def _links(fields: Fields) -> dict[str, str]:
    """Return the labels and URLs of links; the last of several with one label counts."""
    links: dict[str, str] = {}
    for value in fields.get(b'Project-Url', ()):
        label, _, url = value.decode(errors='replace').partition(',')
        name, link = _clean(label), _link(url)
        if name is not None and link is not None:
            links[name] = link
    return links


def _link(url: str) -> str | None:
    text = _clean(url)
    try:
        return None if text is None else urls.clean_link(text)
    except urls.UrlError:
        return None


def _extras(fields: Fields) -> list[str]:
    extras = dict.fromkeys(_texts(fields, b'Provides-Extra') or ())
    return [extra for extra in extras if filenames.is_name(extra)]

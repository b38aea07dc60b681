"""What the card on a project's page says: people, licence, keywords and links."""
from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from dumb_pypi.model.distfile import Distfile
from dumb_pypi.model.project_facts import ProjectFacts

# The card shows so many of each, and the names alone of more people; the JSON API has them all.
PEOPLE_SHOWN = 3
OTHERS_SHOWN = 100
KEYWORDS_SHOWN = 20
# The characters of a licence's name. Longer values of `license` are texts of licences.
LICENCE_NAME = 80

_MAILBOX = re.compile(
    # The name, in quotes or without, and the address in angle brackets; or an address alone.
    r'\s*(?:"((?:[^"\\]|\\.)*)"|([^<>",]*))\s*<\s*([^<>,\s]+)\s*>\s*(?:,|$)'
    r'|\s*([^<>,\s]+@[^<>,\s]+)\s*(?:,|$)'
    # Anything else is shown as it is.
    r'|([^,]+)(?:,|$)',
)
_LICENCE = 'License :: '
_MATURITY = re.compile(r'Development Status :: \d+ - (.+)')
_UNKNOWN = frozenset(('unknown', 'none', 'n/a'))
_VERSION = r'(\d+(?:\.\d+)*?)(?:\.0)*'
_AT_LEAST = re.compile(rf'>=\s*{_VERSION}(?:\s*,\s*<\s*{_VERSION})?')
_BELOW = re.compile(rf'<\s*{_VERSION}\s*,\s*>=\s*{_VERSION}')
_REPOSITORY = re.compile(r'(?:github\.com|gitlab\.com|bitbucket\.org|codeberg\.org)/[^/]+/[^/]+')
# What the labels of URLs are compared without.
_IGNORED = re.compile(r'[\W_]+')
# Kinds of links, in the order of the card, with their labels: first those that the packaging
# guide's specification of well-known labels has, then other common ones.
_LABELS: Mapping[str, tuple[str, ...]] = {
    'docs': (
        'documentation', 'docs',
        'doc', 'readthedocs', 'userguide', 'reference', 'apireference', 'manual', 'tutorial',
    ),
    'source': (
        'source', 'repository', 'sourcecode', 'github',
        'code', 'gitlab', 'bitbucket', 'codeberg', 'git', 'repo', 'sourcerepository',
        'githubrepository', 'githubrepo', 'githubproject',
    ),
    'issues': (
        'issues', 'bugs', 'issue', 'tracker', 'issuetracker', 'bugtracker',
        'bugreports', 'reportbugs', 'reportissues', 'githubissues', 'reportabug',
    ),
    'changes': (
        'changelog', 'changes', 'whatsnew', 'history', 'releasenotes',
        'releases', 'news', 'releasehistory', 'githubreleases',
    ),
    'home': ('homepage', 'home', 'website'),
    'fund': ('funding', 'sponsor', 'donate', 'donation', 'sponsors', 'tidelift'),
}
# What the card calls the first link of a kind.
_NAMES: Mapping[str, str] = {
    'docs': 'Documentation', 'source': 'Source', 'issues': 'Issues', 'changes': 'Changelog',
    'home': 'Homepage', 'fund': 'Funding',
}
_KINDS = {label: kind for kind, labels in _LABELS.items() for label in labels}
_ORDER = {kind: place for place, kind in enumerate((*_LABELS, 'link'))}


class PersonView(NamedTuple):
    """An author or a maintainer; `email` is None if the name is the address."""
    name: str
    email: str | None


class PeopleView(NamedTuple):
    """The authors or the maintainers: the first ones, the number of the others, and their names."""
    shown: Sequence[PersonView]
    more: str | None
    others: str | None


class CardLink(NamedTuple):
    """A link of the project; `kind` is the name of its icon, `place` its host and path."""
    kind: str
    label: str
    url: str
    place: str


class KeywordView(NamedTuple):
    """A keyword, and the URL of a search for it."""
    keyword: str
    url: str


def people_view(names: str | None, emails: str | None) -> PeopleView | None:
    """Return the persons that the card shows, None if `people` finds none."""
    if names is None and emails is None:
        return None  # as in most lists
    found = people(names, emails)
    others = [person.name for person in found[PEOPLE_SHOWN:]]
    if not others:
        return PeopleView(found, None, None) if found else None
    listed = ', '.join(others[:OTHERS_SHOWN]) + (', …' if len(others) > OTHERS_SHOWN else '')
    return PeopleView(found[:PEOPLE_SHOWN], f'{len(others):,}', listed)


def people(names: str | None, emails: str | None) -> Sequence[PersonView]:
    """Return the persons that two fields of core metadata name, such as `author` and its email.

    >>> people(None, 'Ana <ana@example.com>, ben@example.com')[0]
    PersonView(name='Ana', email='ana@example.com')
    """
    mailboxes = [] if _is_unknown(emails) else _mailboxes(emails or '')
    if names is None or _is_unknown(names):
        return [_person(name, address) for name, address in mailboxes]
    if len(mailboxes) == 1 and mailboxes[0][0] in (None, names):
        return [PersonView(names, mailboxes[0][1])]
    addresses = {name: address for name, address in mailboxes if name is not None}
    # A company's name may have a comma, too.
    parts = [part.strip() for part in names.split(',')]
    named = parts if addresses.keys() & parts else [names]
    return [
        *(PersonView(name, addresses.get(name)) for name in named),
        *(_person(name, address) for name, address in mailboxes if name not in named),
    ]


def _person(name: str | None, address: str) -> PersonView:
    return PersonView(address, None) if name is None else PersonView(name, address)


def _is_unknown(text: str | None) -> bool:
    """Return whether a field says nothing: old build tools write a word for it."""
    return text is None or text.lower() in _UNKNOWN


def _mailboxes(emails: str) -> list[tuple[str | None, str]]:
    """Return the name and the address of each person of an email field."""
    found = []
    for quoted, plain, bracketed, alone, other in _MAILBOX.findall(emails):
        name = (re.sub(r'\\(.)', r'\1', quoted) or plain).strip() or None
        address = bracketed or alone or other.strip()
        if address:
            found.append((name, address))
    return found


def licence(facts: ProjectFacts) -> str | None:
    """Return the name of a project's licence: an SPDX expression, or what else is stated."""
    if facts.license_expression is not None:
        return facts.license_expression
    if facts.license is None and facts.classifiers is None:
        return None
    first, *more = (facts.license or '').strip().splitlines() or ['']
    is_name = first and len(first) <= LICENCE_NAME and not _is_unknown(first)
    if is_name and not more:
        return first
    classified = [
        text.rpartition(' :: ')[2] for text in facts.classifiers or ()
        if text.startswith(_LICENCE) and text != 'License :: OSI Approved'
    ]
    # The text of a licence begins with its name.
    return ', '.join(classified) or (first if is_name else None)


def maturity(facts: ProjectFacts) -> str | None:
    """Return what the classifiers say of a project's development status, such as `Beta`."""
    for classifier in facts.classifiers or ():
        if found := _MATURITY.fullmatch(classifier):
            return found[1]
    return None


def keywords(text: str | None, root: str) -> Sequence[KeywordView]:
    """Return keywords, which commas separate, or spaces if there is no comma.

    `root` is the relative URL of the home page.
    """
    if text is None:
        return ()
    words = map(str.strip, text.split(',')) if ',' in text else text.split()
    return [
        KeywordView(word, f'{root}projects/?q={quote(word)}')
        for word in dict.fromkeys(filter(None, words))
    ][:KEYWORDS_SHOWN]


def links(facts: ProjectFacts) -> Sequence[CardLink]:
    """Return a project's links by kind, each URL once.

    The first link of a kind has the same label in all projects, others have that of the project.
    """
    if facts.project_urls is None and facts.home_page is None:
        return ()
    given: Iterable[tuple[str, str]] = (facts.project_urls or {}).items()
    if facts.home_page is not None:
        given = (*given, ('Homepage', facts.home_page))
    views: dict[str, CardLink] = {}
    unused = dict(_NAMES)
    kinds = ((_KINDS.get(_IGNORED.sub('', label).lower(), 'link'), label, url)
             for label, url in given)
    # Many home pages are the repository: then that is the better label.
    for given_kind, label, url in sorted(kinds, key=lambda link: link[0] == 'home'):
        parts = urlsplit(url)
        place = f'{parts.hostname or ""}{parts.path}'.removeprefix('www.').rstrip('/')
        is_source = given_kind == 'home' and 'source' in unused and _REPOSITORY.fullmatch(place)
        kind = 'source' if is_source else given_kind
        if url.rstrip('/') not in views:
            name = unused.pop(kind, f'{label[:1].upper()}{label[1:]}')
            views[url.rstrip('/')] = CardLink(kind, name, url, place)
    return sorted(views.values(), key=lambda view: _ORDER[view.kind])


def files_in_words(files: Iterable[Distfile]) -> str:
    """Return the number of files of a release, and their sizes if these are known."""
    sizes = [file.line.size for file in files]
    words = f'{len(sizes)} file{"" if len(sizes) == 1 else "s"}'
    known = [size for size in sizes if size is not None]
    if not known:
        return words
    least = readable_size(min(known))
    most = least if len(known) == 1 else readable_size(max(known))
    return f'{words}, {least}' if least == most else f'{words}, {least} to {most}'


def readable_size(size: int) -> str:
    """Return a number of bytes with a decimal unit.

    >>> readable_size(999), readable_size(1_500), readable_size(2_000_000_000)
    ('999 B', '1.5 kB', '2.0 GB')
    """
    if size < 1000:
        return f'{size} B'
    amount, unit = size / 1000, 'kB'
    for larger in ('MB', 'GB', 'TB', 'PB', 'EB'):
        if amount < 999.95:
            break
        amount, unit = amount / 1000, larger
    return f'{amount:.1f} {unit}'


@functools.lru_cache
def python_in_words(specifier: str) -> str:
    """Return the Python versions that a release requires, in words if the specifier is simple.

    >>> python_in_words('>=3.10'), python_in_words('<4.0,>=3.8.0'), python_in_words('>=2.7, !=3.0')
    ('3.10 or newer', '3.8 or newer, below 4', '>=2.7, !=3.0')
    """
    if found := _AT_LEAST.fullmatch(specifier):
        first, last = found.groups()
    elif found := _BELOW.fullmatch(specifier):
        last, first = found.groups()
    else:
        return specifier
    return f'{first} or newer' if last is None else f'{first} or newer, below {last}'

"""Install commands and settings of each client."""
from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from dumb_pypi.model.filenames import canonicalize_name
from dumb_pypi.model.project import Project
from dumb_pypi.pages.escaping import escaped

# The hosts that pip trusts at plain http; any other needs --trusted-host.
_LOOPBACK = re.compile(r'localhost|127(?:\.[0-9]+){3}|::1')

# The page offers so many extras: the style sheet knows them by two digits of base 16.
EXTRAS_OFFERED = 255
# If there are more extras than these, the page folds all but the first ones.
EXTRAS_UNFOLDED = 8
EXTRAS_FIRST = 5


class OfferedExtraView(NamedTuple):
    """An extra that a reader can choose; the style sheet knows it by its number, from 1."""
    number: int
    extra: str


class OfferedExtraViews(list[OfferedExtraView]):
    """Extras to choose from, and the HTML of their buttons, which is made if a template prints it.

    A loop in a template takes several times as long.
    """

    def __html__(self) -> str:
        return ''.join([
            f'<label><input type="radio" name="extra" class="x {_classes(number)}">'
            f'<span>{escaped(extra)}</span></label>' for number, extra in self
        ])


class InstallView(NamedTuple):
    """What installs a project's latest release.

    A requirement is the name, one of `extras` or `more_extras` in brackets, and `pin`; there are
    `omitted_extras` others. It needs quotation marks, `quote`, if it has an extra, and if
    `pin_needs_quotes`, with the pin. If `pinned`, clients do not install the release without the
    pin. If `prerelease`, pip and PDM need an option for it.
    """
    extras: OfferedExtraViews
    more_extras: OfferedExtraViews
    omitted_extras: int
    pin: str
    quote: str
    pin_needs_quotes: bool
    pinned: bool
    prerelease: bool


class RequirementHtml:
    """What a command installs, with all extras and the pin: the style sheet hides some of them.

    Like the buttons of extras, it is made if a template prints this object.
    """

    def __init__(self, project: str, install: InstallView) -> None:
        self._project = project
        self._install = install

    def __html__(self) -> str:
        install = self._install
        extras = ''.join([
            f'<span class="o {_classes(number)}">[{escaped(extra)}]</span>'
            for number, extra in (*install.extras, *install.more_extras)
        ])
        # Neither the name of a project nor a version that follows PEP 440 has anything to escape.
        requirement = f'{self._project}{extras}<span class="v">{install.pin}</span>'
        if not install.extras and not install.pin_needs_quotes:
            return requirement
        classes = 'q qv' if install.pin_needs_quotes else 'q'
        quote = f'<span class="{classes}">{escaped(install.quote)}</span>'
        return f'{quote}{requirement}{quote}'


def _classes(number: int) -> str:
    """Return the classes by which the style sheet knows an extra: two digits of base 16."""
    return f'a{number // 16} b{number % 16}'


class SnippetView(NamedTuple):
    """What makes a client use the index: lines of the file `place`, or a command if it is None."""
    place: str | None
    text: str


class InstallerView(NamedTuple):
    """A client, and its settings."""
    client: str
    snippets: Sequence[SnippetView]


def for_project(project: Project) -> InstallView | None:
    """Return what installs a project's latest release; None if clients cannot install it."""
    latest = project.latest
    # No client installs a version that does not follow PEP 440, and a shell might run it.
    if latest is None or latest.version is None or project.quarantined:
        return None
    # The `!` of an epoch is special to shells, also between double quotation marks. Those are the
    # only ones that cmd.exe knows.
    has_epoch = '!' in latest.name
    extras = {canonicalize_name(extra): extra for extra in project.extras(latest) or ()}
    views = [OfferedExtraView(*numbered) for numbered in enumerate(extras.values(), start=1)]
    first = EXTRAS_FIRST if len(views) > EXTRAS_UNFOLDED else EXTRAS_UNFOLDED
    return InstallView(
        OfferedExtraViews(views[:first]), OfferedExtraViews(views[first:EXTRAS_OFFERED]),
        max(len(views) - EXTRAS_OFFERED, 0),
        f'=={latest.name}', "'" if has_epoch else '"', has_epoch,
        latest.yanked, latest.prerelease,
    )


def for_index(index_url: str) -> Sequence[InstallerView]:
    """Return the settings that make each client use the index; docs/clients.md has them too.

    `index_url` is that of the simple index, here and below.
    """
    host = host_to_trust(index_url)
    trusting = '' if host is None else f'\ntrusted-host = {host}'
    return (
        InstallerView('pip', (
            SnippetView(None, _pip_install(index_url, 'PROJECT')),
            SnippetView('pip.conf', f'[global]\nindex-url = {index_url}{trusting}'),
        )),
        InstallerView('uv', (SnippetView('pyproject.toml', (
            f'[[tool.uv.index]]\nname = "private"\nurl = "{index_url}"\ndefault = true'
        )),)),
        InstallerView('Poetry', (SnippetView('pyproject.toml', (
            f'[[tool.poetry.source]]\nname = "private"\nurl = "{index_url}"\n'
            'priority = "primary"'
        )),)),
        InstallerView('PDM', (SnippetView('pyproject.toml', (
            f'[[tool.pdm.source]]\nname = "pypi"\nurl = "{index_url}"'
        )),)),
    )


def host_to_trust(index_url: str) -> str | None:
    """Return the host for pip's `--trusted-host`, None if pip trusts the index without it."""
    parts = urlsplit(index_url)
    if parts.scheme != 'http' or parts.hostname is None or _LOOPBACK.fullmatch(parts.hostname):
        return None
    return parts.hostname


def _pip_install(index_url: str, wanted: str) -> str:
    """Return the command that installs a requirement with pip.

    >>> _pip_install('http://example.com:8080/simple/', 'foo')
    'pip install --index-url http://example.com:8080/simple/ --trusted-host example.com foo'
    """
    host = host_to_trust(index_url)
    trusting = '' if host is None else f'--trusted-host {host} '
    return f'pip install --index-url {index_url} {trusting}{wanted}'

"""Install commands and settings of each client."""
from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from dumb_pypi.model.project import Project

# The hosts that pip trusts at plain http; any other needs --trusted-host.
_LOOPBACK = re.compile(r'localhost|127(?:\.[0-9]+){3}|::1')


class CommandView(NamedTuple):
    """The command that installs a project with a client."""
    client: str
    command: str


class SnippetView(NamedTuple):
    """What makes a client use the index: lines of the file `place`, or a command if it is None."""
    place: str | None
    text: str


class InstallerView(NamedTuple):
    """A client, and its settings."""
    client: str
    snippets: Sequence[SnippetView]


def for_project(project: Project, index_url: str) -> Sequence[CommandView]:
    """Return the commands that install a project's latest release; none if it cannot be installed.

    `index_url` is that of the simple index, here and below.
    """
    latest = project.latest
    # No client installs a version that does not follow PEP 440, and a shell might run it.
    if latest is None or latest.version is None or project.quarantined:
        return ()
    # The `!` of an epoch is special to a shell.
    wanted = shlex.quote(f'{project.name}=={latest.name}')
    return (
        CommandView('pip', _pip_install(index_url, wanted)),
        CommandView('uv', f'uv add --default-index {index_url} {wanted}'),
        CommandView('Poetry', f'poetry add {wanted}'),
        CommandView('PDM', f'pdm add {wanted}'),
    )


def for_index(index_url: str) -> Sequence[InstallerView]:
    """Return the settings that make each client use the index; docs/clients.md has them too."""
    host = _host_to_trust(index_url)
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


def _pip_install(index_url: str, wanted: str) -> str:
    """Return the command that installs a requirement with pip.

    >>> _pip_install('http://example.com:8080/simple/', 'foo')
    'pip install --index-url http://example.com:8080/simple/ --trusted-host example.com foo'
    """
    host = _host_to_trust(index_url)
    trusting = '' if host is None else f'--trusted-host {host} '
    return f'pip install --index-url {index_url} {trusting}{wanted}'


def _host_to_trust(index_url: str) -> str | None:
    """Return the host for pip's `--trusted-host`, None if pip trusts the index without it."""
    parts = urlsplit(index_url)
    if parts.scheme != 'http' or parts.hostname is None or _LOOPBACK.fullmatch(parts.hostname):
        return None
    return parts.hostname

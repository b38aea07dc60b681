"""How to install from the index, with each client."""
from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from dumb_pypi.model.project import Project

# What pip reads at plain http; of any other host it wants to be told that it can be trusted.
_OWN_MACHINE = re.compile(r'localhost|127(?:\.[0-9]+){3}|::1')


class CommandView(NamedTuple):
    """How to install a project."""
    client: str
    command: str


class SnippetView(NamedTuple):
    """How to tell a client of the index: in a file at that place, or as a command without one."""
    client: str
    place: str | None
    text: str


def commands(project: Project, index_url: str) -> Sequence[CommandView]:
    """How to install the latest release of a project from here, if there is a way."""
    latest = project.latest
    # What is not PEP 440 is nothing to install by, nor to put into a shell.
    if latest is None or latest.version is None or project.quarantined:
        return ()
    # A shell has a meaning for the `!` of an epoch.
    wanted = shlex.quote(f'{project.name}=={latest.name}')
    return (
        CommandView('pip', _pip_install(index_url, wanted)),
        CommandView('uv', f'uv add --default-index {index_url} {wanted}'),
        CommandView('Poetry', f'poetry add {wanted}'),
        CommandView('PDM', f'pdm add {wanted}'),
    )


def snippets(index_url: str) -> Sequence[SnippetView]:
    """How to set up each client, as README has it too."""
    host = _host_to_trust(index_url)
    trusting = '' if host is None else f'\ntrusted-host = {host}'
    return (
        SnippetView('pip', None, _pip_install(index_url, 'PROJECT')),
        SnippetView('pip.conf', 'pip.conf', f'[global]\nindex-url = {index_url}{trusting}'),
        SnippetView('uv', 'pyproject.toml', (
            f'[[tool.uv.index]]\nname = "private"\nurl = "{index_url}"\ndefault = true'
        )),
        SnippetView('Poetry', 'pyproject.toml', (
            f'[[tool.poetry.source]]\nname = "private"\nurl = "{index_url}"\n'
            'priority = "primary"'
        )),
        SnippetView('PDM', 'pyproject.toml', (
            f'[[tool.pdm.source]]\nname = "pypi"\nurl = "{index_url}"'
        )),
    )


def _pip_install(index_url: str, wanted: str) -> str:
    """The command that installs something from here with pip.

    >>> _pip_install('http://example.com:8080/simple/', 'foo')
    'pip install --index-url http://example.com:8080/simple/ --trusted-host example.com foo'
    """
    host = _host_to_trust(index_url)
    trusting = '' if host is None else f'--trusted-host {host} '
    return f'pip install --index-url {index_url} {trusting}{wanted}'


def _host_to_trust(index_url: str) -> str | None:
    """The host of an index that pip ignores unless it is told to trust that host."""
    parts = urlsplit(index_url)
    if parts.scheme != 'http' or parts.hostname is None or _OWN_MACHINE.fullmatch(parts.hostname):
        return None
    return parts.hostname

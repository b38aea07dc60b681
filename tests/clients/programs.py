"""pip and uv as programs, for tests: each in an environment of its own, with no settings."""
from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from abc import ABC
from abc import abstractmethod
from importlib.metadata import distributions
from pathlib import Path
from typing import NamedTuple

import uv

TIMEOUT = 120  # seconds

# The tests know what it says: another release may word it in another way.
PIP = 'pip==26.3'


class Outcome(NamedTuple):
    """What a command did: its exit status, and what it said."""
    status: int
    stdout: str
    stderr: str

    @property
    def said(self) -> str:
        """All that it said, on one line."""
        return ' '.join(f'{self.stdout} {self.stderr}'.split())


class Client(ABC):
    """An installer. Nothing that it does changes what it does next: it has no cache."""
    name: str
    allow_prereleases: str
    before: str

    def __init__(self, home: Path) -> None:
        # All of the environment, so that no variable of the machine's adds an index, a cache
        # or a proxy. The short PATH has no compilers, which pip would ask for their versions.
        self._environment = {
            'HOME': str(home),
            'LANG': 'C.UTF-8',
            'NO_PROXY': '*',
            'PATH': os.defpath,
            'PIP_CONFIG_FILE': os.devnull,
            'PIP_DISABLE_PIP_VERSION_CHECK': '1',
            'PIP_NO_CACHE_DIR': '1',
            'PIP_NO_INPUT': '1',
            'PIP_RETRIES': '0',
            'UV_NO_CACHE': '1',
            'UV_NO_CONFIG': '1',
            'UV_PYTHON_DOWNLOADS': 'never',
        }

    @abstractmethod
    def install(self, index_url: str, target: Path, *arguments: str) -> Outcome:
        """Install into the folder `target`; `arguments` are requirements and options."""

    @abstractmethod
    def lock(self, index_url: str, requirement: str) -> str:
        """Choose what to install, and install nothing: lines of a requirements file."""

    def run(self, *command: str, stdin: str = '') -> Outcome:
        done = subprocess.run(
            command, check=False, input=stdin, capture_output=True, text=True,
            timeout=TIMEOUT, env=self._environment,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)


class Pip(Client):
    name = 'pip'
    allow_prereleases = '--pre'
    before = '--uploaded-prior-to'

    def __init__(self, folder: Path) -> None:
        """Make the environment. The machine's own index gives it pip."""
        super().__init__(folder)
        self._python = _python(folder)
        subprocess.run([sys.executable, '-m', 'venv', str(folder)], check=True, timeout=TIMEOUT)
        subprocess.run(
            [self._python, '-m', 'pip', 'install', '--quiet', PIP],
            check=True, timeout=TIMEOUT,
        )

    def install(self, index_url: str, target: Path, *arguments: str) -> Outcome:
        return self.pip(
            'install', '--no-compile', '--target', str(target), '--index-url', index_url,
            *arguments,
        )

    def lock(self, index_url: str, requirement: str) -> str:
        outcome = self.pip(
            'install', '--dry-run', '--quiet', '--report', '-', '--index-url', index_url,
            requirement,
        )
        assert outcome.status == 0, outcome.said
        lines = []
        for chosen in json.loads(outcome.stdout)['install']:
            metadata = chosen['metadata']
            hashes = chosen['download_info']['archive_info']['hashes']
            lines.append(' '.join((
                f'{metadata["name"]}=={metadata["version"]}',
                *(f'--hash={algorithm}:{value}' for algorithm, value in hashes.items()),
            )))
        return '\n'.join(sorted(lines))

    def pip(self, *arguments: str) -> Outcome:
        return self.run(self._python, '-m', 'pip', *arguments)


class Uv(Client):
    name = 'uv'
    allow_prereleases = '--prerelease=allow'
    before = '--exclude-newer'

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._uv = uv.find_uv_bin()
        self._python = _python(folder)
        made = self.run(
            self._uv, 'venv', '--allow-existing', '--python', sys.executable, str(folder),
        )
        assert made.status == 0, made.said

    def install(self, index_url: str, target: Path, *arguments: str) -> Outcome:
        return self.run(
            self._uv, 'pip', 'install', '--python', self._python, '--target', str(target),
            '--default-index', index_url, *arguments,
        )

    def lock(self, index_url: str, requirement: str) -> str:
        outcome = self.run(
            self._uv, 'pip', 'compile', '--python', self._python, '--quiet', '--no-header',
            '--no-annotate', '--generate-hashes', '--default-index', index_url, '-',
            stdin=requirement,
        )
        assert outcome.status == 0, outcome.said
        return outcome.stdout.replace(' \\\n   ', '').strip()


def installed(target: Path) -> dict[str, str]:
    """The projects installed in a folder, and the version that the module of each says."""
    found = {}
    for distribution in distributions(path=[str(target)]):
        project = distribution.metadata['Name']
        module = runpy.run_path(str(target / f'{project.replace("-", "_")}.py'))
        assert module['__version__'] == distribution.version, project
        found[project] = distribution.version
    return found


def _python(folder: Path) -> str:
    return str(folder / 'bin' / 'python')

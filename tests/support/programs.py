"""Run pip, uv, Poetry, PDM and bandersnatch, each in its own environment, without user settings."""
from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from abc import ABC, abstractmethod
from importlib.metadata import distributions
from pathlib import Path
from typing import NamedTuple

import uv

TIMEOUT = 300  # seconds; reached only if something is broken

# Tests compare messages, which other releases may word differently.
PIP = 'pip==26.3'
# The last release that reads neither JSON nor `.metadata` files.
OLD_PIP = 'pip==21.3.1'
POETRY = 'poetry==2.5.1'
BANDERSNATCH = 'bandersnatch==6.8.0'
# PDM's own requirements allow newer releases of the other two, with which it fails.
PDM = ('pdm==2.29.3', 'hishel==1.4.0', 'unearth==0.18.0')


class Outcome(NamedTuple):
    """A command's exit status and output."""
    status: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        """Both streams, on one line, with single spaces."""
        return ' '.join(f'{self.stdout} {self.stderr}'.split())


class Client(ABC):
    """An installer without a cache, so that no command depends on an earlier one.

    `allow_prereleases` is the option for pre-releases; `before` is the one that ignores what was
    uploaded later.
    """
    name: str
    allow_prereleases: str
    before: str

    def __init__(self, home: Path) -> None:
        # The complete environment, so that no variable of the user's adds an index, a cache or a
        # proxy. The default PATH has no compilers, whose versions pip would ask for.
        self._environment = {
            'HOME': str(home),
            'LANG': 'C.UTF-8',
            'NO_PROXY': '*',
            'PATH': os.defpath,
            'PIP_CONFIG_FILE': os.devnull,
            'PIP_DEFAULT_TIMEOUT': '90',
            'PIP_DISABLE_PIP_VERSION_CHECK': '1',
            'PIP_NO_CACHE_DIR': '1',
            'PIP_NO_INPUT': '1',
            'PIP_RETRIES': '0',
            'UV_HTTP_TIMEOUT': '90',
            'UV_NO_CACHE': '1',
            'UV_NO_CONFIG': '1',
            'UV_PYTHON_DOWNLOADS': 'never',
        }

    @abstractmethod
    def install(self, index_url: str, target: Path, *arguments: str) -> Outcome:
        """Install requirements into the folder `target`; `arguments` may include options."""

    @abstractmethod
    def lock(self, index_url: str, requirement: str) -> str:
        """Resolve a requirement; return the lines of a requirements file, with hashes."""

    def run(self, *command: str, stdin: str = '', cwd: Path | None = None) -> Outcome:
        done = subprocess.run(
            command, check=False, input=stdin, capture_output=True, text=True,
            timeout=TIMEOUT, env=self._environment, cwd=cwd,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)


class Pip(Client):
    name = 'pip'
    allow_prereleases = '--pre'
    before = '--uploaded-prior-to'

    def __init__(self, folder: Path, requirement: str = PIP) -> None:
        super().__init__(folder)
        self._python = _environment_with(folder, requirement)

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
        assert outcome.status == 0, outcome.output
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


class Manager(ABC):
    """A program that locks a project's dependencies in `lock_file` and installs them."""
    lock_file: str

    def __init__(self, python: str) -> None:
        self._python = python
        self._environment = {
            'LANG': 'C.UTF-8',
            'NO_PROXY': '*',
            'PATH': os.defpath,
        }

    @abstractmethod
    def settings(self, index_url: str, second_url: str | None) -> str:
        """Return the part of pyproject.toml that configures the index, and a second one."""

    @abstractmethod
    def lock_command(self) -> list[str]: ...

    @abstractmethod
    def install_command(self) -> list[str]: ...

    def make_project(
            self, project: Path, index_url: str, *requirements: str, second: str | None = None,
    ) -> None:
        """Make a project with its own environment; `_run` gives it its own caches."""
        (project / 'pyproject.toml').write_text(
            '[project]\nname = "mine"\nversion = "1"\nrequires-python = ">=3.11,<4"\n'
            f'dependencies = {json.dumps(requirements)}\n{self.settings(index_url, second)}',
        )
        _make_environment(project / '.venv')

    def lock(self, project: Path) -> Outcome:
        return self._run(project, self.lock_command())

    def install(self, project: Path) -> Outcome:
        return self._run(project, self.install_command())

    def _run(self, project: Path, command: list[str]) -> Outcome:
        done = subprocess.run(
            command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=TIMEOUT, cwd=project,
            env={
                **self._environment, 'HOME': str(project), 'VIRTUAL_ENV': str(project / '.venv'),
            },
        )
        return Outcome(done.returncode, done.stdout, done.stderr)


class Poetry(Manager):
    lock_file = 'poetry.lock'

    def __init__(self, folder: Path) -> None:
        super().__init__(_environment_with(folder, POETRY))
        self._environment |= {
            'POETRY_KEYRING_ENABLED': 'false',
            'POETRY_NO_INTERACTION': '1',
            'POETRY_VIRTUALENVS_IN_PROJECT': 'true',
        }

    def settings(self, index_url: str, second_url: str | None) -> str:
        sources = f'[[tool.poetry.source]]\nname = "private"\nurl = "{index_url}"\n'
        if second_url is not None:
            sources += (
                f'[[tool.poetry.source]]\nname = "second"\nurl = "{second_url}"\n'
                'priority = "supplemental"\n'
            )
        return f'[tool.poetry]\npackage-mode = false\n{sources}'

    def lock_command(self) -> list[str]:
        return [self._python, '-m', 'poetry', 'lock', '--no-cache']

    def install_command(self) -> list[str]:
        return [self._python, '-m', 'poetry', 'install', '--no-cache']


class Pdm(Manager):
    lock_file = 'pdm.lock'

    def __init__(self, folder: Path) -> None:
        super().__init__(_environment_with(folder, *PDM))
        self._environment |= {'PDM_CHECK_UPDATE': '0', 'PDM_NON_INTERACTIVE': '1'}

    def settings(self, index_url: str, second_url: str | None) -> str:
        urls = {'pypi': index_url} if second_url is None else {
            'pypi': index_url, 'second': second_url,
        }
        return '[tool.pdm]\ndistribution = false\n' + ''.join(
            f'[[tool.pdm.source]]\nname = "{name}"\nurl = "{url}"\nverify_ssl = false\n'
            for name, url in urls.items()
        )

    def lock_command(self) -> list[str]:
        return [self._python, '-m', 'pdm', 'lock']

    def install_command(self) -> list[str]:
        return [self._python, '-m', 'pdm', 'sync', '--no-self']


class UvProject(Manager):
    lock_file = 'uv.lock'

    def __init__(self) -> None:
        super().__init__(sys.executable)
        self._uv = uv.find_uv_bin()
        self._environment |= {'UV_NO_CACHE': '1', 'UV_PYTHON_DOWNLOADS': 'never'}

    def settings(self, index_url: str, second_url: str | None) -> str:
        # uv takes a project from the first index that has it, and asks the default index last.
        indexes = {'private': index_url} if second_url is None else {
            'second': second_url, 'private': index_url,
        }
        return '[tool.uv]\npackage = false\n' + ''.join(
            f'[[tool.uv.index]]\nname = "{name}"\nurl = "{url}"\n'
            f'default = {str(name == "private").lower()}\n'
            for name, url in indexes.items()
        )

    def lock_command(self) -> list[str]:
        return [self._uv, 'lock', '--python', self._python]

    def install_command(self) -> list[str]:
        return [self._uv, 'sync', '--locked']


class Bandersnatch:
    """A program that mirrors an index."""

    def __init__(self, folder: Path) -> None:
        self._python = _environment_with(folder, BANDERSNATCH)

    def mirror(self, index_url: str, folder: Path, *settings: str) -> Outcome:
        """Mirror an index, or update the mirror, in the folder `web` of a folder.

        `settings` are lines of the configuration.
        """
        config = folder / 'bandersnatch.conf'
        config.write_text(
            f'[mirror]\ndirectory = {folder}\nmaster = {index_url.rstrip("/")}\n'
            'api-method = simple\nallow-non-https = true\njson = true\nstop-on-error = true\n'
            + '\n'.join(settings),
        )
        done = subprocess.run(
            [self._python, '-m', 'bandersnatch.main', '--config', config, 'mirror'], check=False,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT, cwd=folder,
            env={'HOME': str(folder), 'LANG': 'C.UTF-8', 'NO_PROXY': '*', 'PATH': os.defpath},
        )
        return Outcome(done.returncode, done.stdout, done.stderr)


class Uv(Client):
    name = 'uv'
    allow_prereleases = '--prerelease=allow'
    before = '--exclude-newer'

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._uv = uv.find_uv_bin()
        self._python = _python(folder)
        _make_environment(folder)

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
        assert outcome.status == 0, outcome.output
        return outcome.stdout.replace(' \\\n   ', '').strip()


def installed(target: Path) -> dict[str, str]:
    """Return the projects installed in a folder, each with its version.

    Check that the module of each project has that version, too.
    """
    found = {}
    for distribution in distributions(path=[str(target)]):
        project = distribution.metadata['Name']
        module = runpy.run_path(str(target / f'{project.replace("-", "_")}.py'))
        assert module['__version__'] == distribution.version, project
        found[project] = distribution.version
    return found


def _environment_with(folder: Path, *requirements: str) -> str:
    """Make an environment with a program, from the user's default index; return its Python."""
    _make_environment(folder)
    python = _python(folder)
    # Installing pip into the environment first, and compiling modules that are never imported,
    # would take half of the time.
    subprocess.run(
        [
            sys.executable, '-m', 'pip', '--python', python, 'install', '--quiet', '--no-compile',
            *requirements,
        ],
        check=True, timeout=TIMEOUT,
    )
    return python


def _make_environment(folder: Path) -> None:
    """Make a virtual environment that has no pip."""
    subprocess.run(
        [sys.executable, '-m', 'venv', '--without-pip', str(folder)], check=True, timeout=TIMEOUT,
    )


def _python(folder: Path) -> str:
    return str(folder / 'bin' / 'python')

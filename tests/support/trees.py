"""Trees that the command builds for the tests, and how a browser finds its way in them."""
from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urljoin, urlsplit

from dumb_pypi.commands import build as main
from dumb_pypi.commands import console

SAMPLES = Path(__file__).parents[2] / 'testing'

# The web server's root is the folder above the index, so that a path prefix is always there.
SERVER = 'https://index.example.com/'
SITE_URL = f'{SERVER}index/'

# One line of a JSON list, decoded; or a page in JSON.
Facts = dict[str, Any]


class Recipe(NamedTuple):
    """What to build; `pool` is where the files lie, below the web server's root, if they do."""
    lines: bytes
    plain: bool = False
    facts: bytes | None = None
    packages_url: str = '../../pool/'
    pool: str | None = 'index/pool'
    options: tuple[str, ...] = ()


class Tree(NamedTuple):
    """A built tree; pages are known by their path below `root`."""
    root: Path
    recipe: Recipe

    @property
    def server_root(self) -> Path:
        return self.root.parent

    @property
    def pages(self) -> list[str]:
        """All that the build is for: neither its own state, nor the files it lists."""
        return sorted(
            path for path in files_below(self.root)
            if not path.startswith(('.dumb-pypi/', 'pool/', 'logo'))
        )

    @property
    def html_pages(self) -> list[str]:
        return [page for page in self.pages if page.endswith('.html')]

    @property
    def simple_json_pages(self) -> list[str]:
        """The projects' own: the list of projects is not one of them."""
        return [page for page in self.pages if Path(page).match('simple/*/index.json')]

    @property
    def json_api_pages(self) -> list[str]:
        return [page for page in self.pages if page.startswith('pypi/')]

    @property
    def feeds(self) -> list[str]:
        return [page for page in self.pages if page.startswith('rss/')]

    @property
    def quarantines_ocelot(self) -> bool:
        return b'quarantined' in (self.recipe.facts or b'')

    def read(self, page: str) -> bytes:
        return (self.root / page).read_bytes()

    def read_json(self, page: str) -> Facts:
        decoded: Facts = json.loads(self.read(page))
        return decoded

    def absolute(self, page: str, link: str) -> str:
        """Return the target of a link on a page.

        Without a public URL, the links of 404.html are those of an index at the root of its host.
        """
        if page == '404.html' and '--site-url' not in self.recipe.options:
            link = SITE_URL + link[1:] if link.startswith('/') else link
        return urljoin(SITE_URL + page, link)

    def found(self, url: str) -> bool:
        """Return whether the web server serves a URL of its own."""
        path = unquote(urlsplit(url).path)
        place = self.server_root / path.removeprefix('/')
        return place.is_file() or (path.endswith('/') and (place / 'index.html').is_file())


def build(server_root: Path, recipe: Recipe) -> Tree:
    """Build a tree in `server_root`/index, and create the files that it lists at their URLs."""
    tree = Tree(server_root / 'index', recipe)
    command = write_lists(server_root.parent, recipe)
    assert main.main([*command, '--output-dir', str(tree.root)]) == console.DONE
    (tree.root / 'logo.png').touch()
    if recipe.pool is not None:
        for path in _pool_files(recipe):
            place = server_root / recipe.pool / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
    return tree


def write_lists(folder: Path, recipe: Recipe) -> list[str]:
    """Write a recipe's lists into `folder`; return the command that builds it, but for where."""
    folder.mkdir(parents=True, exist_ok=True)
    package_list = folder / 'packages'
    package_list.write_bytes(recipe.lines)
    command = [
        '--package-list' if recipe.plain else '--package-list-json', str(package_list),
        '--packages-url', recipe.packages_url, '--no-generate-timestamp', *recipe.options,
    ]
    if recipe.facts is not None:
        project_list = folder / 'projects'
        project_list.write_bytes(recipe.facts)
        command += ['--project-list-json', str(project_list)]
    return command


def json_lines(lines: Iterable[Facts]) -> bytes:
    return b''.join(json.dumps(line).encode() + b'\n' for line in lines)


def json_line(line: bytes) -> Facts:
    facts: Facts = json.loads(line)
    return facts


def files_below(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in folder.rglob('*') if path.is_file()]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, and what is in it."""
    return {path: (folder / path).read_bytes() for path in files_below(folder)}


def pages_in(output_dir: Path) -> dict[str, bytes]:
    """Every page of a tree: all files but the build's own state."""
    files = contents(output_dir)
    return {path: files[path] for path in files if not path.startswith('.dumb-pypi/')}


def listed_names(recipe: Recipe) -> list[str]:
    """The names of the files of a recipe, as its list has them."""
    lines = recipe.lines.decode().splitlines()
    if not recipe.plain:
        return [json.loads(line)['filename'] for line in lines]
    places = [line.partition('#')[0] for line in lines]
    return [place.rpartition('/')[2] for place in places if place]


def _pool_files(recipe: Recipe) -> Iterator[str]:
    for line in recipe.lines.decode().splitlines():
        if recipe.plain:
            path = line.partition('#')[0]
            if path and ':' not in path:
                yield path
            continue
        facts: Facts = json.loads(line)
        url = facts.get('url')
        if url is None or ':' not in url:
            path = facts['filename'] if url is None else unquote(url.partition('?')[0])
            yield path
            if 'core_metadata' in facts:
                yield f'{path}.metadata'

"""Themes can rely on docs/theming.md."""
from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import jinja2
import msgspec
import pytest

from dumb_pypi import build
from dumb_pypi.pages import project_list, templates
from dumb_pypi.pages.release_views import ReleaseViews
from dumb_pypi.pages.templates import Templates
from tests.support.chromium import POLICY
from tests.support.docs import block, blocks, DOCUMENTS, ROOT

DOCUMENT = 'docs/theming.md'
TEXT = DOCUMENTS[DOCUMENT]
SHARED = 'Every page'
PAGES = (
    'home.html', 'project.html', 'changelog.html', 'changelog_month.html', 'projects.html',
    '404.html', 'releases.html', 'dependents.html',
)

# The names of the variables that each template gets.
Given = dict[str, set[str]]


def documented(heading: str) -> set[str]:
    """What stands in code in the first column of the table below a heading."""
    section = re.split('^##', TEXT.partition(f'\n### {heading}\n')[2], flags=re.MULTILINE)[0]
    cells = re.findall(r'^\| (`.*?`) \|', section, re.MULTILINE)
    return {name for cell in cells for name in re.findall('`([^`]+)`', cell)}


def names_in(values: Mapping[str, object], before: str = '') -> Iterator[str]:
    for name, value in values.items():
        yield before + name
        if hasattr(value, '_asdict'):
            yield from names_in(value._asdict(), f'{before}{name}.')
            continue
        for item in value if isinstance(value, (list, tuple, ReleaseViews)) else ():
            fields = msgspec.structs.asdict(item) if isinstance(item, msgspec.Struct) else (
                item._asdict()
            )
            yield from names_in(fields, f'{before}{name}[].')


@pytest.fixture(scope='module')
def given(tmp_path_factory: pytest.TempPathFactory) -> Given:
    """All that each template was given, in a build that has some of everything."""
    seen: Given = defaultdict(set)

    def render(self: Templates, name: str, values: Mapping[str, object]) -> bytes:
        seen[name].update(names_in(values))
        return original(self, name, values)

    original = Templates.render
    folder = tmp_path_factory.mktemp('out')
    (folder / 'list').write_text(
        '{"filename": "a-1.0.zip", "requires_dist": ["foo"]}\n'
        '{"filename": "foo-1.0.zip", "upload_timestamp": 1, "requires_dist": '
        '["bar", "baz; extra == \\"x\\""]}\n'
        '{"filename": "bar-1.0.zip", "upload_timestamp": 1, "yanked_reason": "", '
        '"requires_dist": ["foo"]}\n{"filename": "baz-1.0.zip"}\n'
        + ''.join(f'{{"filename": "foo-0.{number}.zip"}}\n' for number in range(100))
        # Two large releases.
        + ''.join(
            f'{{"filename": "big-{number % 2}-py3-none-x{number}.whl"}}\n' for number in range(100)
        ),
    )
    (folder / 'facts').write_text(
        '{"name": "foo", "provides_extra": ["a", "b", "c", "d", "e", "f", "g", "h", "x"], '
        '"author": "Ana", "maintainer": "Ben", "keywords": "cat", '
        '"project_urls": {"Docs": "https://example.com/"}}\n',
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Templates, 'render', render)
        # Give each letter pages of its own.
        patch.setattr(project_list, 'PROJECTS_ON_ONE_PAGE', 1)
        patch.setattr(project_list, 'PROJECTS_A_PAGE', 1)
        build(
            package_list_json=str(folder / 'list'),
            project_list_json=str(folder / 'facts'), packages_url='../../pool/',
            output_dir=str(folder), jobs=1,
            # Without templates of the user's, some pages share what is around their blocks.
            template_dir=str(tmp_path_factory.mktemp('theme')),
        )
        # Without dates the home page lists projects.
        (folder / 'undated').write_text('foo-1.0rc1.zip\n')
        build(
            package_list=str(folder / 'undated'), packages_url='../../pool/',
            output_dir=str(folder / 'other'), jobs=1,
        )
    return seen


@pytest.mark.parametrize('page', PAGES)
def test_variables_are_documented(given: Given, page: str) -> None:
    """docs/theming.md lists the variables that each template gets, and no others."""
    assert given[page] == documented(page) | documented(SHARED)


def test_templates_are_documented(given: Given) -> None:
    """docs/theming.md has a section for each template that a build renders."""
    assert set(given) == set(PAGES)
    assert set(re.findall(r'^### (.*\.html)$', TEXT, re.MULTILINE)) == set(PAGES)


def test_blocks_are_documented() -> None:
    """docs/theming.md lists the blocks of base.html, and pages use no others."""
    environment = jinja2.Environment(
        autoescape=True, loader=jinja2.FileSystemLoader(f'{templates.HERE}/templates'),
    )
    assert set(environment.get_template('base.html').blocks) == documented('Blocks')
    for page in PAGES:
        assert set(environment.get_template(page).blocks) <= documented('Blocks')


@pytest.mark.parametrize(('number', 'shown'), [
    (0, 'Questions? Ask the platform team.'), (1, '>Wiki</a>'),
])
def test_examples_work(tmp_path: Path, number: int, shown: str) -> None:
    """A build uses the templates and the colour in docs/theming.md."""
    template = blocks('html', DOCUMENT)[number]
    style = block(DOCUMENT, 'css')
    theme = tmp_path / 'theme'
    theme.mkdir()
    (theme / 'base.html').write_text(template)
    (theme / 'custom.css').write_text(style)
    (tmp_path / 'list').write_text('foo-1.0.zip\n')
    build(
        package_list=tmp_path / 'list', packages_url='../../pool/',
        output_dir=tmp_path / 'out', template_dir=theme,
    )
    for page in ('index.html', 'project/foo/index.html', 'changelog/index.html'):
        text = (tmp_path / 'out' / page).read_text()
        assert shown in text
        assert text.count('rel="stylesheet"') == 2
    [written] = (tmp_path / 'out/static').glob('custom-*.css')
    assert written.read_text() == style


def test_style_is_documented() -> None:
    """docs/theming.md names existing variables of the style sheet, and the tested policy."""
    own = (ROOT / 'dumb_pypi/pages/static/style.css').read_text()
    for variable in set(re.findall('`(--[a-z-]+)`', TEXT)) - {
        '--title', '--template-dir', '--site-url',
    }:
        assert f'  {variable}: ' in own
    assert f'Content-Security-Policy: {POLICY}\n' in TEXT

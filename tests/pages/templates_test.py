from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import jinja2
import pytest
from packaging.utils import canonicalize_name

from dumb_pypi.errors import TemplateError
from dumb_pypi.model.project import assemble
from dumb_pypi.model.project_facts import ProjectFacts
from dumb_pypi.pages import templates as module
from dumb_pypi.pages.site import Site
from dumb_pypi.pages.templates import Templates
from tests.support.lists import file_of
from tests.support.options import page_options
from tests.support.project_pages import all_pages


def own(tmp_path: Path, **templates: str) -> Templates:
    for name, text in templates.items():
        (tmp_path / f'{name}.html').write_text(text)
    return Templates(str(tmp_path))


def test_values_are_escaped(tmp_path: Path) -> None:
    """Values are escaped, in attributes too."""
    templates = own(tmp_path, x='<a title="{{ value }}">')
    assert templates.render('x.html', {'value': '"<&>'}) == b'<a title="&#34;&lt;&amp;&gt;">'


def test_template_is_overridden(tmp_path: Path) -> None:
    """A user's template overrides the one of the same name, and may extend it."""
    templates = own(
        tmp_path,
        base='{% extends "original/base.html" %}{% block footer %}mine{% endblock %}',
    )
    page = templates.render(
        'changelog.html', {
            'title': 'T', 'logo': None, 'logo_width': None, 'root': '../', 'style': 's.css',
            'custom_style': None, 'icon': 'i.svg', 'icons': 'is.svg', 'script': 's.js',
            'search_worker': 'w.js', 'feeds': False, 'here': None, 'days': [], 'years': [],
            'undated': None,
        },
    )
    assert b'<footer>\n<div class="wrap">\nmine' in page
    assert b'<h1>Changelog</h1>' in page


@pytest.mark.parametrize(
    ('text', 'place', 'what'), (
        ('\n{{ missing }}', '/x.html:2', "UndefinedError: 'missing' is undefined"),
        ('{{ 1 / 0 }}', '/x.html:1', 'ZeroDivisionError: division by zero'),
        ('{% include "gone.html" %}', '/x.html:1', 'TemplateNotFound: gone.html'),
    ),
)
def test_failing_template_is_reported(tmp_path: Path, text: str, place: str, what: str) -> None:
    """The message is one line, with the file and line of the template."""
    with pytest.raises(TemplateError) as caught:
        own(tmp_path, x=text).render('x.html', {})
    assert str(caught.value) == f'cannot render template {tmp_path}{place}: {what}'


@pytest.mark.parametrize(
    ('text', 'what'), (
        ('\n\n{% if %}',
         "3: TemplateSyntaxError: Expected an expression, got 'end of statement block'"),
        ('{{ value | gone }}', "1: TemplateAssertionError: No filter named 'gone'."),
    ),
)
def test_malformed_template_is_reported_early(tmp_path: Path, text: str, what: str) -> None:
    """The templates of a folder are loaded before any page is rendered."""
    with pytest.raises(TemplateError) as caught:
        own(tmp_path, home=text)
    assert str(caught.value) == f'cannot render template {tmp_path}/home.html:{what}'


def test_missing_template_is_reported() -> None:
    """The message has the name of the template."""
    with pytest.raises(TemplateError, match=r'cannot render template gone.html: '):
        Templates().render('gone.html', {})
    with pytest.raises(TemplateError, match=r"cannot render template .*: 'style' is undefined"):
        Templates().framed('project.html', {'title': 'T'})


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the built-in templates, in a folder that tests may write to."""
    shutil.copytree(f'{module.HERE}/templates', tmp_path / 'templates')
    monkeypatch.setattr(module, 'HERE', str(tmp_path))
    monkeypatch.setattr(sys, 'dont_write_bytecode', False)
    return tmp_path


def feed() -> bytes:
    return Templates().render('feed.xml', {
        'title': 'T', 'site_url': 'u', 'feed_url': 'f', 'built': None, 'items': [],
    })


def test_bytecode_is_cached(package: Path) -> None:
    """A changed template or a damaged cache is compiled again."""
    (package / '__pycache__').mkdir()
    first = feed()
    [kept] = (package / '__pycache__').iterdir()
    compiled = kept.read_bytes()
    assert feed() == first
    # A changed source is compiled again, and so is a damaged cache.
    (package / 'templates/feed.xml').write_text('mine')
    assert feed() == b'mine'
    assert kept.read_bytes() != compiled
    kept.write_bytes(kept.read_bytes()[:-9])
    assert feed() == b'mine'


def test_bytecode_cache_is_optional(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Templates work without a `__pycache__`, and obey PYTHONDONTWRITEBYTECODE."""
    assert b'<title>T</title>' in feed()
    (package / '__pycache__').mkdir()
    monkeypatch.setattr(sys, 'dont_write_bytecode', True)
    assert b'<title>T</title>' in feed()
    assert list((package / '__pycache__').iterdir()) == []


def test_memory_error_is_not_template_error(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """If memory runs out, that is not reported as an error of the template."""
    (tmp_path / 'home.html').write_text("{{ 'x' * size }}")
    templates = Templates(str(tmp_path))
    with pytest.raises(MemoryError):
        templates.render('home.html', {'size': 1 << 60})

    def refuse(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(jinja2.Environment, 'get_template', refuse)
    with pytest.raises(MemoryError):
        templates.render('home.html', {})


@pytest.mark.parametrize('options', (
    {}, {'title': 'A & <B>', 'logo': 'x"y.png', 'site_url': 'http://example.com/a/'},
))
@pytest.mark.parametrize('facts', ({}, {'status': 'quarantined'}, {'summary': '<b> & "c"'}))
def test_frame_changes_no_page(
        tmp_path: Path, options: dict[str, Any], facts: dict[str, Any],
) -> None:
    """Pages of projects are those that rendering each template as a whole gives."""
    releases = [{
        'filename': f'foo-{number}.0.zip', 'requires_dist': ['bar; extra == "x"', 'baz>1'],
        'yanked_reason': '<&>', 'upload_timestamp': number * 10 ** 7,
    } for number in range(120)]
    name = canonicalize_name('foo')
    project = assemble(
        name, [file_of(json.dumps(line).encode()) for line in releases],
        ProjectFacts(name, **facts),
    )

    def pages(template_dir: str | None) -> dict[str, bytes]:
        site = Site(page_options(template_dir=template_dir, **options), Templates(template_dir))
        used = [site.dependents_page(name, ['bar'] * count, count) for count in (0, 2)]
        return dict([*all_pages(site, project), *used[1:]]) | {'none': used[0].content}

    assert len(pages(None)) > 120
    assert pages(None) == pages(str(tmp_path))


def test_system_error_becomes_memory_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A function in C that runs out of memory may raise a SystemError."""
    templates = Templates()
    monkeypatch.setattr(jinja2.Template, 'render', Mock(side_effect=SystemError))
    with pytest.raises(MemoryError):
        templates.render('feed.xml', {})

"""Renders the web pages of a project from lines of a list."""
from __future__ import annotations

import json
from collections.abc import Mapping

from justhtml import Element

from dumb_pypi.model.project import assemble, Project
from dumb_pypi.model.project_facts import ACTIVE, parse_facts
from dumb_pypi.pages.site import Page, Site
from dumb_pypi.pages.templates import Templates
from dumb_pypi.pages.web import StaticFiles, Web
from tests.support.lists import file_of
from tests.support.markup import HtmlPage, text_of
from tests.support.options import page_options

SITE_URL = 'https://example.com/'
STATIC = StaticFiles(
    'static/style.css', 'static/script.js', 'static/search.js', 'static/icon.svg',
    'static/icons.svg', None,
)
# URLs of indexes, with the host that pip has to be told to trust.
PLAIN_HTTP = (
    ('https://example.com/', None),
    ('http://example.com:8080/', 'example.com'),
    ('http://192.0.2.1/', '192.0.2.1'),
    ('http://[2001:db8::1]:80/', '2001:db8::1'),
    ('http://127.example.com/', '127.example.com'),
    ('http://127.0.0.2:8000/', None),
    ('http://localhost/', None),
    ('http://[::1]/', None),
)


def web(
        logo: str | None = None, site_url: str | None = SITE_URL, *, per_release_json: bool = True,
) -> Web:
    options = page_options(
        logo=logo, site_url=site_url, per_release_json=per_release_json,
    )
    return Web(options, Templates(), STATIC)


def all_pages(site: Site, project: Project) -> list[Page]:
    """Return the pages of a project in the order in which they are written."""
    return [
        *site.simple_pages(project), *site.web_pages([project], [None])[0],
        *(Page(*page) for page in site.json_pages(project)),
    ]


def project_of(*lines: Mapping[str, object], status: str = ACTIVE, **facts: object) -> Project:
    """Return the project of these lines of a JSON list, with these keys of a project list."""
    files = [file_of(json.dumps(line).encode()) for line in lines]
    name = files[0].project
    line = {'name': name, 'status': status, **facts}
    return assemble(name, files, parse_facts(json.dumps(line).encode()).facts)


def page_of(
        *lines: Mapping[str, object], readme: str | None = None, status: str = ACTIVE,
        **facts: object,
) -> HtmlPage:
    """Render the project's page."""
    return HtmlPage(web().projects([(project_of(*lines, status=status, **facts), readme)])[0])


def texts(page: HtmlPage, name: str) -> list[str]:
    """Return the text of each element of that name."""
    return [text_of(element) for element in page.named(name)]


def of_class(page: HtmlPage, *names: str) -> list[str]:
    """Return the text of each element of one of these classes."""
    return [
        text_of(element) for element in page.elements
        if {*names} & {*(element.attrs.get('class') or '').split()}
    ]


def facts_on(page: HtmlPage) -> dict[str, str]:
    """Return the card's facts."""
    return dict(zip(texts(page, 'dt'), texts(page, 'dd'), strict=True))


def folded(page: HtmlPage) -> list[Element]:
    """Return what a page folds, except for the facts that only narrow screens fold."""
    return [found for found in page.named('details') if found.attrs.get('class') != 'rest']


def releases_on(page: HtmlPage) -> list[str]:
    """Return the names of the releases, with their tags."""
    return [
        text_of(element) for element in page.named('b')
        if element.parent is not None and element.parent.name == 'summary'
    ]

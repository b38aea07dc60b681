"""READMEs as HTML that is safe to print: Markdown, reStructuredText and plain text.

`readme_renderer` renders and sanitizes them as the public index does. It is optional. Without it,
and where it fails, a README is shown as plain text.
"""
from __future__ import annotations

import importlib
import io
import warnings
from typing import NamedTuple

PLAIN = 'text/plain'
_RST = 'text/x-rst'
_MARKDOWN = 'text/markdown'

# Longer texts are shown as plain text, and so are those that become longer HTML. These take up to 5
# seconds; longer ones take more than proportionally longer.
_LONGEST = {_RST: 1 << 18, _MARKDOWN: 1 << 19, PLAIN: 0}  # characters
_LONGEST_HTML = 1 << 21


class Markup(NamedTuple):
    """The content type of a README, one of three, and the variant of Markdown."""
    content_type: str
    variant: str


def markup_of(content_type: str | None) -> Markup:
    """Return what a `Description-Content-Type` means.

    Without one it is reStructuredText, as on the public index. Unknown ones mean plain text.
    """
    kind, *parameters = (part.strip().lower() for part in (content_type or _RST).split(';'))
    variants = [
        value.strip().strip('"') for name, _, value in (text.partition('=') for text in parameters)
        if name.strip() == 'variant'
    ]
    return Markup(
        kind if kind in (_RST, _MARKDOWN) else PLAIN,
        'CommonMark' if 'commonmark' in variants else 'GFM',
    )


def is_plain(description: str, content_type: str | None) -> bool:
    """Return whether a README is shown as plain text, with or without a renderer."""
    return len(description) > _LONGEST[markup_of(content_type).content_type]


def plain_text(description: str) -> str:
    """Return a text as HTML that shows it as it is."""
    # HTML parsers ignore a line break at the beginning.
    import html  # takes 1 ms, and few indexes have READMEs
    return f'<pre class="plain" tabindex="0">\n{html.escape(description, quote=False)}</pre>'


def render(description: str, content_type: str | None, project: str) -> str:
    """Return a README as HTML that fits into the project's page, as plain text if need be.

    The HTML is balanced, and has no script, no inline style, no link with a scheme other than
    `http` or `https`, no image that is not at an `https` URL, and no ID of the page's.
    This may take minutes or crash if the README is meant to: see `builder.readmes`.
    """
    if is_plain(description, content_type):
        return plain_text(description)
    try:
        found = _render(description, markup_of(content_type), project)
    except Exception:  # noqa: BLE001 - the library may be missing, have a bug, or recurse too deeply
        found = None
    return found or plain_text(description)


def _render(text: str, markup: Markup, project: str) -> str | None:
    """Return tidy HTML, None or '' if there is none or too much of it.

    Raises:
        Exception: the library is not installed, or fails.
    """
    rendered = (
        _render_rst(text) if markup.content_type == _RST
        else _render_markdown(text, markup.variant)
    )
    if rendered is None or len(rendered) > _LONGEST_HTML:
        return None
    from dumb_pypi.pages.readme_html import tidy
    return tidy(rendered, project)


def _render_markdown(text: str, variant: str) -> str | None:
    """Return sanitized HTML, None without the library's own library for Markdown."""
    with warnings.catch_warnings():
        # It warns where only its renderer for reStructuredText is installed.
        warnings.simplefilter('ignore')
        from readme_renderer import markdown
        return markdown.render(text, variant)


def _render_rst(text: str) -> str | None:
    """Return sanitized HTML, None if the text is not reStructuredText."""
    from readme_renderer import rst
    parser, roles, nodes = (
        importlib.import_module(f'docutils.{name}')
        for name in ('parsers.rst', 'parsers.rst.roles', 'nodes')
    )
    # The page must not depend on the day on which it was rendered.
    parser.directives.register_directive('date', type('NoDate', (parser.Directive,), {
        'has_content': True, 'run': lambda _: [nodes.Text('')],
    }))
    # Roles that a text defines would stay for all later ones.
    roles._roles.clear()
    return rst.render(text, io.StringIO())

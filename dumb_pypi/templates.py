"""The one Jinja environment."""
from __future__ import annotations

import os
import traceback

import jinja2

from dumb_pypi.errors import TemplateError


class Templates:
    """The package's templates, each overridden by the one of its name in `template_dir`.

    Every value is escaped as HTML, which suits the XML of the feeds too; a name that a
    template uses and nobody gave it is an error.

    Raises:
        TemplateError: one of them is not a template. All are read at once, so that it is known
            before anything is written.
    """

    def __init__(self, template_dir: str | None = None) -> None:
        own = jinja2.PackageLoader('dumb_pypi')
        loaders = [] if template_dir is None else [jinja2.FileSystemLoader(template_dir)]
        self._environment = jinja2.Environment(
            loader=jinja2.ChoiceLoader([*loaders, jinja2.PrefixLoader({'original': own}), own]),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        for name in own.list_templates():
            self._template(name)

    def render(self, name: str, **values: object) -> bytes:
        """Render the template of that name.

        Raises:
            TemplateError: it cannot be, for whatever a template of the user's does.
        """
        template = self._template(name)
        try:
            return template.render(values).encode()
        except Exception as error:
            raise TemplateError(_place(name, error), error) from error

    def _template(self, name: str) -> jinja2.Template:
        try:
            return self._environment.get_template(name)
        except Exception as error:
            raise TemplateError(_place(name, error), error) from error


def _place(name: str, error: Exception) -> str:
    # Jinja puts the templates' own files and lines into the traceback.
    frames = [
        f'{frame.filename}:{frame.lineno}' for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename.endswith(os.path.splitext(name)[1])
    ]
    return frames[-1] if frames else name

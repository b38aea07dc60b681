"""Templates, style sheets and scripts: the files that pages are made with."""
from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Mapping

import jinja2
from jinja2.bccache import Bucket

from dumb_pypi import __version__
from dumb_pypi.errors import FileError, TemplateError

HERE = os.path.dirname(os.path.abspath(__file__))
# A style sheet in the template directory, which pages load after the built-in one.
CUSTOM_STYLE = 'custom.css'


class Templates:
    """The package's templates, each overridden by the one of its name in `template_dir`.

    Every value is escaped as HTML, which suits the XML of the feeds too; a name that a
    template uses and nobody gave it is an error.

    Raises:
        TemplateError: one of them is not a template. Where there are templates of the user's all
            are read at once, so that it is known before anything is written.
    """

    def __init__(self, template_dir: str | None = None) -> None:
        own = jinja2.FileSystemLoader(os.path.join(HERE, 'templates'))
        loaders = [] if template_dir is None else [jinja2.FileSystemLoader(template_dir)]
        self._environment = jinja2.Environment(
            loader=jinja2.ChoiceLoader([*loaders, jinja2.PrefixLoader({'original': own}), own]),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            # Each page would look whether a template has changed.
            auto_reload=False,
            bytecode_cache=_Compiled() if template_dir is None else None,
        )
        if template_dir is not None:
            for name in own.list_templates():
                self._template(name)

    def render(self, name: str, values: Mapping[str, object]) -> bytes:
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


def static_file(name: str) -> bytes:
    """Return a built-in static file."""
    with open(os.path.join(HERE, 'static', name), 'rb') as file:
        return file.read()


def custom_style(template_dir: str | None) -> bytes | None:
    """Return the style sheet in a template directory, None if there is none.

    Raises:
        FileError: it cannot be read.
    """
    if template_dir is None:
        return None
    path = os.path.join(template_dir, CUSTOM_STYLE)
    try:
        with open(path, 'rb') as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FileError('read', path, error) from error


class _Compiled(jinja2.BytecodeCache):
    """The package's own templates, compiled, where Python keeps its own modules so.

    Each is known by its source, and by the versions of Python, of Jinja and of this program. Where
    nobody may write, they are compiled each time.
    """

    def load_bytecode(self, bucket: Bucket) -> None:
        try:
            with open(_compiled(bucket), 'rb') as file:
                bucket.load_bytecode(file)
        except Exception:  # noqa: BLE001 - whatever is wrong with it, the source is there too
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        if sys.dont_write_bytecode:
            return
        place = _compiled(bucket)
        unfinished = f'{place}.{os.getpid()}'
        with contextlib.suppress(OSError):
            with open(unfinished, 'wb') as file:
                bucket.write_bytecode(file)
            os.replace(unfinished, place)


def _compiled(bucket: Bucket) -> str:
    name = f'jinja-{jinja2.__version__}-{__version__}-{bucket.key}'
    return os.path.join(HERE, '__pycache__', name)


def _place(name: str, error: Exception) -> str:
    # Jinja puts the templates' own files and lines into the traceback.
    frames = [
        f'{frame.filename}:{frame.lineno}' for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename.endswith(os.path.splitext(name)[1])
    ]
    return frames[-1] if frames else name

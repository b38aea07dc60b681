"""Templates, style sheets and scripts: the files that pages are made of."""
from __future__ import annotations

import contextlib
import functools
import os
import sys
import traceback
from collections.abc import Iterator, Mapping
from typing import Any

import jinja2
from jinja2.bccache import Bucket
from markupsafe import escape

from dumb_pypi import __version__
from dumb_pypi.errors import FileError, TemplateError
from dumb_pypi.pages.escaping import escaped

HERE = os.path.dirname(os.path.abspath(__file__))
# The style sheet in the template directory, which pages load after the built-in one.
CUSTOM_STYLE = 'custom.css'
_MARK = '\0'


class Templates:
    """The built-in templates; those in `template_dir` override the ones of the same name.

    Every value is escaped as HTML, which is right for the XML of the feeds too. A template that
    uses an undefined name is an error.

    Raises:
        TemplateError: a template in `template_dir` cannot be loaded. All are loaded at once, so
            that the error comes before anything is written.
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
            # Without this, each page checks whether its template has changed.
            auto_reload=False,
            bytecode_cache=_BytecodeCache() if template_dir is None else None,
        )
        if template_dir is not None:
            for name in own.list_templates():
                self._template(name)

    def render(self, name: str, values: Mapping[str, object]) -> bytes:
        """Render the template of that name.

        Raises:
            TemplateError: rendering fails; a template of the user's may raise anything.
        """
        template = self._template(name)
        with _reported(name):
            return template.render(values).encode()

    def framed(self, name: str, shared: Mapping[str, object]) -> FramedTemplate:
        """Return a built-in template for pages that share some values, with these values.

        Raises:
            TemplateError: what is around the blocks of the template needs other values.
        """
        template = self._template(name)
        with _reported(name):
            return FramedTemplate(template, shared)

    def _template(self, name: str) -> jinja2.Template:
        with _reported(name):
            return self._environment.get_template(name)


@contextlib.contextmanager
def _reported(name: str) -> Iterator[None]:
    try:
        yield
    except MemoryError:
        raise
    except SystemError as error:
        # That of a function in C which had no memory to make the right one.
        raise MemoryError from error
    except Exception as error:
        raise TemplateError(_place(name, error), error) from error


class FramedTemplate:
    """A template whose pages are equal but for its own blocks, such as the title and the content.

    The head, the header and the footer of these pages, their frame, are rendered once. That is
    right if what is around the blocks prints none but shared values, as ours does; a template of
    the user's may do anything there.
    """

    def __init__(self, template: jinja2.Template, shared: Mapping[str, object]) -> None:
        self._template = template
        # The functions of a compiled template look it up here, and print fifty values a project.
        # MarkupSafe's takes four times as long, most of it to mark a text that is printed at once.
        template.root_render_func.__globals__['escape'] = _escape
        context = template.new_context({**shared})
        for name in template.blocks:
            context.blocks[name] = [functools.partial(_mark, name)]
        # Text and names of blocks in turn. No value has the mark, which HTML cannot carry.
        self._frame = ''.join(template.root_render_func(context)).split(_MARK)
        # Blocks only look up values in a context, so all pages can have the same one. It has the
        # macros of the template, too, which take 15 µs to define.
        self._context = template.new_context(context.get_all(), shared=True)

    def render(self, values: dict[str, object]) -> bytes:
        """Return what `Templates.render` returns for the shared values and these ones.

        Raises:
            TemplateError: rendering fails.
        """
        template = self._template
        with _reported(template.name or ''):
            self._context.vars = values
            parts: list[str] = []
            for index, part in enumerate(self._frame):
                if index % 2:
                    parts.extend(template.blocks[part](self._context))
                else:
                    parts.append(part)
            return ''.join(parts).encode()


def _mark(name: str, _: object) -> Iterator[str]:
    yield f'{_MARK}{name}{_MARK}'


def _escape(value: Any) -> str:
    if type(value) is str:
        return escaped(value)
    # A value that makes its own HTML; that of a history is long to copy.
    return value.__html__() if hasattr(value, '__html__') else escape(value)


def static_file(name: str) -> bytes:
    """Return a built-in static file."""
    with open(os.path.join(HERE, 'static', name), 'rb') as file:
        return file.read()


def custom_style(template_dir: str | None) -> bytes | None:
    """Return the style sheet in a template directory, None if there is none.

    Raises:
        FileError: the style sheet cannot be read.
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


class _BytecodeCache(jinja2.BytecodeCache):
    """Keeps the compiled built-in templates in `__pycache__`, next to compiled modules.

    Their names have a digest of the source, and the versions of Jinja and of this program; the
    content has that of Python. If the folder is not writable, each build compiles them.
    """

    def load_bytecode(self, bucket: Bucket) -> None:
        try:
            with open(_bytecode_path(bucket), 'rb') as file:
                bucket.load_bytecode(file)
        except Exception:  # noqa: BLE001 - a damaged file must not break a build: the source is there too
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        if sys.dont_write_bytecode:
            return
        path = _bytecode_path(bucket)
        unfinished = f'{path}.{os.urandom(8).hex()}'
        with contextlib.suppress(OSError):
            with open(unfinished, 'xb') as file:
                bucket.write_bytecode(file)
            os.replace(unfinished, path)


def _bytecode_path(bucket: Bucket) -> str:
    name = f'jinja-{jinja2.__version__}-{__version__}-{bucket.key}'
    return os.path.join(HERE, '__pycache__', name)


def _place(name: str, error: Exception) -> str:
    """Return the file and line at which a template failed, or its name if they are unknown."""
    # Jinja puts the templates' own files and lines into the traceback.
    frames = [
        f'{frame.filename}:{frame.lineno}' for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename.endswith(os.path.splitext(name)[1])
    ]
    return frames[-1] if frames else name

"""Rendered READMEs: each text is rendered once, and kept in the output directory.

In a bucket none is kept: the READMEs of changed projects are rendered again.
"""
from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from dumb_pypi import store
from dumb_pypi.builder.stamp import fingerprint, SEAL
from dumb_pypi.model.project_facts import ProjectFacts
from dumb_pypi.pages import readme
from dumb_pypi.store.checksums import checksum_after, checksum_of
from dumb_pypi.store.interface import Target, TaskWriter, Writer

if TYPE_CHECKING:
    from dumb_pypi.builder.renderer import Renderer

# Unused files are removed if there are more than half as many as used ones, and this number.
_UNUSED = 64

# Processes of this one that wait for the next text.
_idle: list[Renderer] = []


def readme_of(
        facts: ProjectFacts, renderer: str, target: Target, writer: TaskWriter,
) -> str | None:
    """Return the README of a project as HTML that is safe to print, None if there is none.

    `renderer` is the version of what renders it, '' if nothing does. A text that was rendered
    before is read.

    Raises:
        FileError: the rendered text cannot be read or written.
        ResourceError: the system refuses the renderer a process.
        WorkerError: somebody killed the renderer.
    """
    text = facts.description
    if text is None or not text.strip():
        return None
    if not renderer or readme.is_plain(text, facts.description_content_type):
        return readme.plain_text(text)
    path = _path(facts, renderer)
    found = _unsealed(target.read_kept(path), path)
    if found is None:
        found = _rendered(text, facts.description_content_type, facts.project)
        content = found.encode()
        writer.keep(path, _seal(content, path) + content)
    return found


def remove_unused(
        facts: Iterable[ProjectFacts], renderer: str, target: Target, writer: Writer,
) -> None:
    """Remove the rendered texts that no project has any more, if there are many.

    Raises:
        FileError: one cannot be removed.
    """
    there = target.kept(store.READMES)
    used = [
        fact for fact in facts if renderer and fact.description
        and not readme.is_plain(fact.description, fact.description_content_type)
    ]
    if len(there) > len(used) * 3 // 2 + _UNUSED:
        paths = {_path(fact, renderer) for fact in used}
        for name in there:
            path = f'{store.READMES}/{name}'
            if path not in paths:
                writer.delete_own(path)


@contextlib.contextmanager
def renderers() -> Iterator[None]:
    """End the renderers that tasks in this process have started. Those of workers end with them."""
    try:
        yield
    finally:
        while _idle:
            _idle.pop().close()


def _path(facts: ProjectFacts, renderer: str) -> str:
    """Return the path of a rendered text: a hash of all that it depends on."""
    return f'{store.READMES}/' + fingerprint(text.encode() for text in (
        renderer, facts.description or '', facts.description_content_type or '', facts.project,
    ))


def _unsealed(content: bytes | None, path: str) -> str | None:
    """Return a rendered text, None if there is none, or not the one that was written there."""
    if content is None:
        return None
    seal, content = content[:SEAL], content[SEAL:]
    return content.decode() if seal == _seal(content, path) else None


def _seal(content: bytes, path: str) -> bytes:
    """Return a checksum of a content and of its path: it may be another text's file."""
    return f'{checksum_after(checksum_of(path.encode()), content)} '.encode()


def _rendered(text: str, content_type: str | None, project: str) -> str:
    """Render a text in another process, which is kept for the next one if it survives."""
    from dumb_pypi.builder.renderer import Renderer
    try:
        renderer = _idle.pop()
    except IndexError:
        renderer = Renderer()
    try:
        rendered = renderer.render(text, content_type, project)
    except BaseException:
        renderer.kill()
        raise
    if renderer.is_alive:
        _idle.append(renderer)
    return readme.plain_text(text) if rendered is None else rendered

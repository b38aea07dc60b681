"""Changes that people, other programs and bad disks make to the files of an index."""
from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from dumb_pypi import store
from dumb_pypi.pages import paths

NO_FOLDER = b'no folder'
# The folders of pages, which all projects share.
ROOT_FOLDERS = ('changelog', 'project', 'projects', 'pypi', 'rss', 'simple', 'static')
# Pages that a build of other lists or options would have written, and nobody else.
UNKNOWN_PAGES = (
    'pypi/foo/8.8/json', 'pypi/gone/json', 'pypi/gone/1.0/json', 'simple/gone/index.html',
    'simple/gone/index.json', 'project/gone/index.html', 'changelog/2019-07.html',
    'changelog/2024-01-9.html', 'changelog/page7.html', 'projects/q.html', 'projects/0-9-2.html',
    'rss/updates.xml',
    'static/style-0123456789ab.css',
)


class Place(NamedTuple):
    """A file or folder of an index, by its path below `root`.

    `outside` is a folder elsewhere, to which links point; `file` and `folder` are in it.
    """
    root: Path
    path: str
    outside: Path

    @property
    def file(self) -> Path:
        return self.root / self.path

    def clear(self) -> None:
        if self.file.is_dir() and not self.file.is_symlink():
            shutil.rmtree(self.file)
        else:
            self.file.unlink()


def delete(place: Place) -> None:
    place.clear()


def empty(place: Place) -> None:
    place.file.write_bytes(b'')


def truncate(place: Place) -> None:
    os.truncate(place.file, place.file.stat().st_size // 2)


def edit(place: Place) -> None:
    """Change one byte, in the middle."""
    content = bytearray(place.file.read_bytes())
    if content:
        content[len(content) // 2] ^= 1
    # The time stays, as after an error of the disk.
    status = place.file.stat()
    place.file.write_bytes(content)
    os.utime(place.file, ns=(status.st_atime_ns, status.st_mtime_ns))


def append(place: Place) -> None:
    with place.file.open('ab') as file:
        file.write(b'<!-- mine -->\n')


def link_to_file(place: Place) -> None:
    """Put a symbolic link to another file in its place."""
    place.clear()
    place.file.symlink_to(place.outside / 'file')


def link_to_copy(place: Place) -> None:
    """Move it elsewhere, and leave a symbolic link to it."""
    copy = place.outside / os.urandom(8).hex()
    place.file.rename(copy)
    place.file.symlink_to(copy)


def dangle(place: Place) -> None:
    """Put a symbolic link to nothing in its place."""
    place.clear()
    place.file.symlink_to(place.outside / 'nothing')


def link_to_folder(place: Place) -> None:
    """Put a symbolic link to a folder in its place."""
    place.clear()
    place.file.symlink_to(place.outside / 'folder')


def replace_by_folder(place: Place) -> None:
    place.clear()
    place.file.mkdir()


def replace_by_full_folder(place: Place) -> None:
    place.clear()
    place.file.mkdir()
    (place.file / 'index.html').write_bytes(b'')


def replace_by_file(place: Place) -> None:
    place.clear()
    place.file.write_bytes(NO_FOLDER)


Tampering = Callable[[Place], None]

OF_PAGES: Mapping[str, Tampering] = {tampering.__name__: tampering for tampering in (
    delete, empty, truncate, edit, append, link_to_file, link_to_copy, dangle, link_to_folder,
    replace_by_folder, replace_by_full_folder,
)}
OF_FOLDERS: Mapping[str, Tampering] = {tampering.__name__: tampering for tampering in (
    delete, link_to_folder, link_to_copy, dangle, replace_by_file,
)}
# Not `delete`: without its own files, a directory is that of a build that never was.
OF_OWN_FILES: Mapping[str, Tampering] = {tampering.__name__: tampering for tampering in (
    empty, truncate, edit, append,
)}
OWN_FILES = (store.STATE, store.CHUNKS, store.PENDING)
# Those that say which pages there are.
MEMORY = (store.STATE, store.PENDING)


def folders_of(pages: Collection[str]) -> list[str]:
    """Return the folders of projects and releases: those below the root folders."""
    return sorted({
        str(parent) for page in pages for parent in Path(page).parents
        if len(parent.parts) > 1 and not page.startswith(store.OWN_FOLDER)
    })


def is_noticed(tampering: str, path: str) -> bool:
    """Return whether a build repairs it without `--full`.

    Builds notice that a root page, a root folder or a project's folder is missing.
    """
    return tampering == delete.__name__ and (
        path in ROOT_FOLDERS or path in paths.ROOTS
        or (len(Path(path).parts) == 2 and path.startswith(('project/', 'pypi/', 'simple/')))
    )

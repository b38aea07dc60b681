"""What a build refuses before it writes a page: lists, places and paths."""
from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from dumb_pypi import store
from dumb_pypi.builder.source import ListFile
from dumb_pypi.errors import (
    FileError,
    Notice,
    OptionError,
    RefusedError,
    shown_path,
    ShrinkError,
)
from dumb_pypi.options import BuildOptions, is_bucket
from dumb_pypi.pages import paths

if TYPE_CHECKING:
    from dumb_pypi.builder.packages import Packages
    from dumb_pypi.builder.state import State
    from dumb_pypi.store.interface import Store


def refuse_file_of_build(option: str, path: str, options: BuildOptions) -> None:
    """Refuse to overwrite a list of the build, a page, or a file in `.dumb-pypi`.

    Raises:
        OptionError: the path is that of such a file.
    """
    place, root = _real_place(path), os.path.realpath(options.output_dir)
    for given in (options.package_list, options.previous_list, options.project_list):
        if given is not None and place == _real_place(given.path):
            raise OptionError(
                option, f'{shown_path(path)} is a list of this build; pass another path',
            )
    if is_bucket(options.output_dir):
        return
    inside = os.path.relpath(place, root)
    first = inside.split(os.sep)[0]
    if inside in paths.ROOTS or first in (store.OWN_FOLDER, *store.SHARED_FOLDERS):
        raise OptionError(option, f'{shown_path(path)} is part of the index; pass another path')


def _real_place(path: str) -> str:
    # A link in its place is replaced.
    folder, name = os.path.split(path)
    return os.path.join(os.path.realpath(folder), name)


def refuse_linked_folders(index: Store) -> None:
    """Refuse symbolic links in place of the folders that all projects share.

    They may be there on purpose, so that they are not replaced as those of projects are.

    Raises:
        FileError: one of them is a link.
    """
    # It imports msgspec, which a build with nothing to do does not need.
    from dumb_pypi.store.folder_writer import LINKED
    for folder in store.SHARED_FOLDERS:
        if index.is_linked(folder):
            raise FileError('write', f'{index.place}/{folder}', ValueError(LINKED))


def refuse_list(
        source: ListFile, packages: Packages, state: State, notices: Sequence[Notice],
        options: BuildOptions,
) -> None:
    """Refuse a list of the wrong kind, one with bad lines if `strict`, and one that shrank.

    Raises:
        ListError: the list is refused. Nothing was written.
    """
    from dumb_pypi.builder import wrong_lists
    if not packages.projects or wrong_lists.is_never_a_list(source):
        wrong_lists.refuse_wrong_kind(source, wrong_lists.PACKAGE_LIST)
    refuse_bad_lines(notices, options)
    if not (packages.projects or options.allow_shrink):
        wrong_lists.refuse_unusable(source, wrong_lists.PACKAGE_LIST, packages.notices)
    refuse_shrink(state.published, packages.projects, notices, options)


def refuse_bad_lines(notices: Sequence[Notice], options: BuildOptions) -> None:
    if options.strict and any(notice.skipped for notice in notices):
        raise RefusedError(notices)


def refuse_shrink(
        before: Collection[str], now: Collection[str], notices: Sequence[Notice],
        options: BuildOptions,
) -> None:
    """Refuse to remove more than half of the projects, as after a failed listing."""
    kept = sum(name in now for name in before)
    if not options.allow_shrink and 2 * kept < len(before):
        raise ShrinkError(kept, len(before), notices)

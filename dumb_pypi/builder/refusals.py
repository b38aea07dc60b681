"""What a build refuses before it writes a page: lists, places and paths."""
from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TYPE_CHECKING

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
from dumb_pypi.model.arguments import option_of, path_of
from dumb_pypi.options import BuildOptions, is_bucket
from dumb_pypi.pages import paths

if TYPE_CHECKING:
    from dumb_pypi.builder.packages import Packages
    from dumb_pypi.builder.state import State
    from dumb_pypi.store.interface import Store


_OUTPUTS = {'report', 'changes_file'}
_LISTS = (
    'package_list', 'package_list_json', 'previous_package_list', 'previous_package_list_json',
    'project_list_json',
)


def refuse_file_of_build(output: str, arguments: Mapping[str, Any]) -> None:
    """Refuse a report or a changes file that would overwrite what the build needs or writes.

    That is a list, a distribution file, a template, a page, a file in `.dumb-pypi`, or the other
    one of the two. The arguments of `dumb_pypi.build` need not be checked yet, because a report is
    written if one of them is wrong, too.

    Args:
        output: the name of the argument: `report` or `changes_file`.

    Raises:
        OptionError: the path is that of such a file, or no path.
    """
    path_of(output, arguments.get(output))
    given: dict[str, str] = {}
    for name in (*_OUTPUTS, *_LISTS, 'template_dir', 'output_dir'):
        # The report says if another one is not a path.
        with contextlib.suppress(OptionError):
            given[name] = path_of(name, arguments.get(name)) or ''
    given = {name: path for name, path in given.items() if path}
    if output in given and (reason := _why_not_there(output, given)) is not None:
        raise OptionError(
            option_of(output), f'{shown_path(given[output])} {reason}; pass another path',
        )


def _why_not_there(output: str, given: Mapping[str, str]) -> str | None:
    # A build with nothing to do needs none of what this imports.
    from dumb_pypi.model.suffixes import is_distribution, METADATA
    from dumb_pypi.store.files import is_device, STDOUT

    path = given[output]
    place = _real_place(path)
    [other] = _OUTPUTS - {output}
    is_shared = other in given and place == _real_place(given[other])
    if is_shared and (path == STDOUT or not is_device(path)):
        return f'is also the path of {option_of(other)}'
    if path == STDOUT:
        return None
    if any(place == _real_place(given[name]) for name in _LISTS if name in given):
        return 'is a list of this build'
    if is_distribution(os.path.basename(path).removesuffix(METADATA)):
        return 'has the name of a distribution file'
    # A build also renders everything if any file there changed.
    if 'template_dir' in given and place.startswith(_real_folder(given['template_dir'])):
        return 'is in the folder of --template-dir'
    output_dir = given.get('output_dir', '')
    if not output_dir or is_bucket(output_dir):
        return None
    inside = os.path.relpath(place, _real_folder(output_dir))
    first = inside.split(os.sep)[0]
    is_page = inside in paths.ROOTS or first in (store.OWN_FOLDER, *store.SHARED_FOLDERS)
    return 'is part of the index' if is_page else None


def _real_place(path: str) -> str:
    # A link in its place is replaced.
    folder, name = os.path.split(path)
    return _real_folder(folder) + name


def _real_folder(path: str) -> str:
    """Return the path of a folder without symbolic links, with a slash at the end."""
    try:
        path = os.path.realpath(path)
    except ValueError:
        # It has a null byte, and opening it will fail.
        return path
    return os.path.join(path, '')


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

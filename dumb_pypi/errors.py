"""Errors, which carry fields and whose text is one line; notices about lines and files."""
from __future__ import annotations

import errno
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

LONGEST_SHOWN = 100
# The exit status of a worker process to which the system refuses what it needs: `os.EX_OSERR`,
# which Windows lacks. There, the program has to start to say that it cannot run.
CANNOT_START = 71

# What to do if the system refuses a process something.
_REMEDIES = {
    errno.EAGAIN: 'use fewer processes (--jobs) or raise the limit (ulimit -u)',
    errno.EFBIG: 'raise the limit (ulimit -f)',
    errno.EMFILE: 'use fewer processes (--jobs) or raise the limit (ulimit -n)',
    errno.ENOMEM: 'use fewer processes (--jobs) or raise the limit (ulimit -v)',
}
# Where a notice mentions another line.
_OTHER_LINE = r'(?<= is on line )\d+'


def shown(value: object) -> str:
    """Return a value for a message: quoted, with control characters escaped, and not too long."""
    text = ascii(value) if _is_unprintable(value) else repr(value)
    return text if len(text) <= LONGEST_SHOWN else f'{text[:LONGEST_SHOWN - 1]}…'


def shown_path(path: str) -> str:
    """Return a path for a message: quoted only if it is not one line of text."""
    return path if path.isprintable() else shown(path)


def reason_of(error: BaseException) -> str:
    """Return why the system refused something, on one line, and what to do where that is known.

    >>> reason_of(OSError(errno.EMFILE, 'Too many open files'))
    'Too many open files: use fewer processes (--jobs) or raise the limit (ulimit -n)'
    >>> reason_of(FileNotFoundError(errno.ENOENT, 'No such file or directory', 'list'))
    'No such file or directory'
    """
    if isinstance(error, MemoryError):
        error = OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
    reason = ' '.join(str(getattr(error, 'strerror', None) or error).split())
    remedy = _REMEDIES.get(getattr(error, 'errno', None) or 0)
    if isinstance(error, ModuleNotFoundError):
        reason, remedy = f'the installation is incomplete ({reason})', 'reinstall dumb-pypi'
    elif isinstance(error, ImportError):
        # A library cannot be loaded. That is for want of memory or open files in most cases, but
        # each system words it in its own way.
        remedy = 'raise the limits (ulimit -n and ulimit -v) or reinstall dumb-pypi'
    elif isinstance(error, SystemError):
        # Extension modules raise it where they do not expect memory to run out.
        remedy = _REMEDIES[errno.ENOMEM]
    elif is_refusal(error):
        remedy = 'use fewer processes (--jobs) or raise the limits (ulimit -u and ulimit -v)'
    return reason if remedy is None else f'{reason}: {remedy}'


def is_limit(error: OSError) -> bool:
    """Return whether this process or the system, rather than a file, is why a call failed."""
    return error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM)


def is_refusal(error: BaseException) -> bool:
    """Return whether an error is that of Python for a thread or a lock that it cannot make."""
    return isinstance(error, RuntimeError) and str(error).startswith(
        ("can't start new thread", "can't allocate "),
    )


def _remark_on_inodes(place: str) -> str:
    """Return a remark if the file system of a path has room, but hardly any free inodes."""
    try:
        status = os.statvfs(place or '.')
    except FileNotFoundError:
        return _remark_on_inodes(os.path.dirname(place)) if place else ''
    except OSError:
        return ''
    free, inodes = status.f_favail, status.f_files
    # Removing an incomplete file frees its inode again. Some file systems report 0 of 0 inodes.
    if 100 * free < inodes and free * status.f_blocks < status.f_bavail * inodes:
        return f', as {free:,} of {inodes:,} inodes are free: delete files (df -i counts inodes)'
    return ''


def _is_unprintable(value: object) -> bool:
    # repr() keeps characters that a terminal would obey, such as a right-to-left override.
    return isinstance(value, str) and not value.isprintable()


class DumbPypiError(Exception):
    """An error that ends a command, or that makes it skip a line or a file."""

    def __reduce__(self) -> tuple[object, ...]:
        # Workers send errors. An error keeps its fields, not the arguments of its constructor.
        return _revived, (type(self), self.args, vars(self))


def _revived(
        kind: type[DumbPypiError], args: tuple[object, ...], fields: dict[str, object],
) -> DumbPypiError:
    error = kind.__new__(kind, *args)
    vars(error).update(fields)
    return error


class LineError(DumbPypiError):
    """A line of a list is invalid; `reason` is the message without its place."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class FieldError(LineError):
    """A value of a line is invalid: `key` is its key, `why` says so in words like "is not …"."""

    def __init__(self, key: str, value: object, why: str) -> None:
        super().__init__(f'{key} {shown(value)} {why}')
        self.key = key
        self.why = why


class OptionError(DumbPypiError):
    """An option is invalid: `option` is its name, `reason` says so in words like "must be …"."""

    def __init__(self, option: str, reason: str) -> None:
        super().__init__(f'{option} {reason}')
        self.option = option
        self.reason = reason


class FileError(DumbPypiError):
    """A file is unusable; `doing` is `'read'`, `'write'`, `'delete'` or `'lock'`."""

    def __init__(self, doing: str, path: str, error: OSError | ValueError) -> None:
        reason = reason_of(error)
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            reason += _remark_on_inodes(path)
        super().__init__(f'cannot {doing} {shown_path(path)}: {reason}')
        self.doing = doing
        self.path = path
        self.error = error


class FetchError(DumbPypiError):
    """A URL cannot be read; `reason` says why.

    `status` and `headers`, whose names are in lower case, are those of the response, if there is
    one of a wrong status.
    """

    def __init__(
            self, url: str, reason: str, status: int | None = None,
            headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f'cannot read {shown_path(url)}: {reason}')
        self.url = url
        self.reason = reason
        self.status = status
        self.headers = {} if headers is None else dict(headers)


class ConflictError(DumbPypiError):
    """Several sources have the same project; `conflicts` are projects with their sources."""

    def __init__(self, conflicts: Sequence[tuple[str, Sequence[str]]]) -> None:
        project, names = conflicts[0]
        others = len(conflicts) - 1
        super().__init__(
            f'project {project}{f" (like {others:,} more)" if others else ""} is in '
            f'{" and in ".join(map(shown_path, names))}: pass --prefer with the source that may '
            'have it, or remove it from the other. Nothing was printed',
        )
        self.conflicts = conflicts


class TemplateError(DumbPypiError):
    """A template cannot be rendered; `place` is its file and line, if they are known."""

    def __init__(self, place: str, error: Exception) -> None:
        what = ' '.join(str(error).split())
        super().__init__(f'cannot render template {place}: {type(error).__name__}: {what}')
        self.place = place
        self.error = error


class Notice(NamedTuple):
    """A message about one line of a list, or, with no `line`, about one file in a folder.

    `place` is the list or the file, `skipped` whether the index does not contain the line or file.
    """
    place: str
    line: int | None
    text: str
    skipped: bool = True

    def __str__(self) -> str:
        if self.line is None:
            return f'{shown_path(self.place)}: {self.text}'
        return f'{self.place}:{self.line}: {self.text}'


def compare_notices(
        notices: Sequence[Notice], before: Sequence[Notice],
) -> tuple[tuple[Notice, ...], int]:
    """Return the notices that are new since the previous build, and the number of those gone.

    Line numbers don't count: they change with every line that is added above. Nor do the paths of
    lists, which may be temporary files.
    """
    known = Counter(_unnumbered(notice) for notice in before)
    new = []
    for notice in notices:
        key = _unnumbered(notice)
        if known[key]:
            known[key] -= 1
        else:
            new.append(notice)
    return tuple(new), known.total()


def _unnumbered(notice: Notice) -> tuple[str, str]:
    place = notice.place if notice.line is None else ''
    return place, re.sub(_OTHER_LINE, '', notice.text)


class BrokenError(DumbPypiError):
    """A distribution file is broken; `reason` says so in words like "has no metadata"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ListError(DumbPypiError):
    """A build refuses its lists; `notices` are those about their lines."""

    def __init__(self, reason: str, notices: Sequence[Notice]) -> None:
        super().__init__(reason)
        self.notices = notices


class RefusedError(ListError):
    """A strict build refuses a list with invalid lines, or a folder with broken files."""

    def __init__(self, notices: Sequence[Notice]) -> None:
        super().__init__(
            'nothing was written because of --strict: fix these lines or files, or build without '
            'it',
            notices,
        )


class UnusableListError(DumbPypiError):
    """A list is of the wrong kind; `reason` says what it looks like and what to do."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f'cannot use {place}: {reason}. Nothing was written')
        self.place = place
        self.reason = reason


class EmptyListError(DumbPypiError):
    """A package list has no file."""

    def __init__(self, place: str) -> None:
        super().__init__(
            f'{place} lists no files: is it complete? Nothing was written (pass --allow-shrink to '
            f'build an index without projects)',
        )
        self.place = place


class BusyError(DumbPypiError):
    """Another build is running in the output directory.

    In a bucket, `holder` says in words which process has the lock, and `expiry` after how many
    seconds the lock expires if that process is dead.
    """

    def __init__(self, output_dir: str, holder: str | None = None, expiry: int = 0) -> None:
        if holder is None:
            reason = 'wait until it has finished, and try again'
        else:
            reason = (
                f'{holder} holds the lock. Wait until it has finished, and try again. If it was '
                f'killed, the lock expires in {expiry} s'
            )
        super().__init__(f'another build is running in {output_dir}: {reason}')
        self.output_dir = output_dir
        self.holder = holder
        self.expiry = expiry


class UncheckableError(DumbPypiError):
    """There is nothing to compare the pages of an output directory with; `reason` says why."""

    def __init__(self, output_dir: str, reason: str) -> None:
        super().__init__(f'cannot check {shown_path(output_dir)}: {reason}')
        self.output_dir = output_dir
        self.reason = reason


class ChangedError(DumbPypiError):
    """The templates or the program changed during a build, which may have used both forms."""

    def __init__(self) -> None:
        super().__init__('the templates or dumb-pypi itself changed during the build: run it again')


class WorkerError(DumbPypiError):
    """A worker process died; `status` is its exit status, that of a signal below zero, if known."""

    def __init__(self, status: int | None) -> None:
        what = 'a worker process died'
        if status == CANNOT_START:
            what = 'a worker process cannot start'
        elif status is not None:
            what += f' of signal {-status}' if status < 0 else f' with exit status {status}'
        super().__init__(f'{what}: if memory is short, use fewer processes (--jobs)')
        self.status = status


class ResourceError(DumbPypiError):
    """The system refuses memory, a process, a thread or an open file; `error` says which."""

    def __init__(self, doing: str, error: BaseException) -> None:
        super().__init__(f'cannot {doing}: {reason_of(error)}')
        self.error = error


class ShrinkError(ListError):
    """A build refuses to remove more than half of the projects.

    `before` is the number that the previous build had, `kept` the number of them in the list.
    """

    def __init__(self, kept: int, before: int, notices: Sequence[Notice]) -> None:
        super().__init__(
            f'refusing to remove {before - kept} of {before} projects: is the list complete? '
            f'Nothing was written (pass --allow-shrink to proceed)',
            notices,
        )
        self.kept = kept
        self.before = before


class LostLockError(DumbPypiError):
    """A build lost its lock of a bucket, and another build may have taken it."""

    def __init__(self, place: str) -> None:
        super().__init__(
            f'this build was held up for too long, and lost its lock of {place}: run it again',
        )
        self.place = place


class BucketLibraryError(DumbPypiError):
    """The library for buckets is not installed."""

    def __init__(self, url: str) -> None:
        super().__init__(
            f'cannot open {url}: obstore is not installed: install dumb-pypi with '
            'the extra bucket, or run pip install obstore',
        )
        self.url = url

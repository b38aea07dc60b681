"""Where distribution files come from: how several sources make one list.

A source is a folder, or is on another server: see `source`.
"""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from dumb_pypi.errors import ConflictError, Notice, OptionError, shown, shown_path
from dumb_pypi.model import filenames
from dumb_pypi.model.distfile import read_checked
from dumb_pypi.scanner import BUCKETS, is_folder
from dumb_pypi.scanner.source import Found, GITHUB, projects_of, Settings, Source

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

    from dumb_pypi.model.fields import Line
    from dumb_pypi.model.project_facts import FactsLine
    from dumb_pypi.scanner import Scan
    from dumb_pypi.scanner.folder import FoundFile

_INDEX = ('http://', 'https://')


class Elsewhere:
    """The sources of a scan that are not folders, and which of all sources are preferred.

    Raises:
        OptionError: a source, or an option for some kind of source, makes no sense.
    """

    def __init__(
            self, all_sources: Sequence[str], prefer: Sequence[str], settings: Settings,
    ) -> None:
        folders = [source for source in all_sources if is_folder(source)]
        sources = [source for source in all_sources if not is_folder(source)]
        self._folders = ', '.join(map(shown_path, folders))
        opened = [_open(source, settings) for source in sources]
        self._sources = {source.name: source for source in opened}
        for option, is_given, needed in (
                ('--project', settings.allowed, _INDEX), ('--api-url', settings.api_url, GITHUB),
                ('--cache', settings.cache, (GITHUB, *_INDEX)),
                ('--compute-hashes', settings.compute_hashes, (GITHUB, *_INDEX)),
                ('--names-only', settings.names_only, BUCKETS),
        ):
            if is_given and not any(source.startswith(needed) for source in sources):
                kind = {
                    _INDEX: 'a simple index', GITHUB: f'{GITHUB}OWNER/REPO', BUCKETS: 'a bucket',
                }.get(needed)
                raise OptionError(option, (
                    f'has no effect: none of the sources is {kind or "on another server"}'
                ))
        self._refuse_several_bases(sources)
        names = {_without_slash(name): found for name, found in (
            *((folder, self._folders) for folder in folders),
            *((source, found.name) for source, found in zip(sources, opened, strict=True)),
            *((name, name) for name in self._sources),
        )}
        for name in prefer:
            if _without_slash(name) not in names:
                raise OptionError('--prefer', f'{shown(name)} is not one of the sources')
        self._preferred = [names[_without_slash(name)] for name in prefer]
        # The order of messages.
        self._names = [self._folders] if folders else []
        self._names.extend(self._sources)

    def _refuse_several_bases(self, sources: Iterable[str]) -> None:
        """
        Raises:
            OptionError: sources have URLs that are relative to different places.
        """
        bases = [self._folders] if self._folders else []
        bases.extend(dict.fromkeys(
            _without_slash(source) for source in sources if source.startswith(BUCKETS)
        ))
        if len(bases) > 1:
            raise OptionError('SOURCE', (
                f'cannot be both {bases[0]} and {bases[1]}: the URLs of their files would be '
                'relative to different places, and a build has only one --packages-url. Copy the '
                'files to one of them, or scan a folder or a bucket that contains both'
            ))

    def _rank(self, name: str) -> int:
        return [*self._preferred, name].index(name)

    def add_to(
            self, local: Scan, files: Iterable[FoundFile], known: Mapping[str, Line],
    ) -> tuple[Scan, list[bytes], Sequence[FactsLine]]:
        """Add the files of all sources to those of the folders.

        Return the result, the lines of the folders in it, and lines of a project list.

        Args:
            local: the scan of the folders.
            files: the files in the folders.
            known: the lines of the previous list by file name.

        Raises:
            DumbPypiError: a source cannot be read, or has a project of another one.
        """
        found = {}
        lines: dict[str, bytes] = {}
        if self._folders:
            listed = [(read_checked(line), line) for line in local.lines]
            lines = {file.filename: line for file, line in listed}
            found[self._folders] = Found(
                lines, {file.project for file, _ in listed} | projects_of(
                    file.filename for file in files if file.filename not in lines
                ), local.problems, local.notices,
            )
        taken: set[NormalizedName] = set()
        # Those of the same rank keep their order.
        for name in sorted(self._names, key=self._rank):
            if name not in found:
                found[name] = self._sources[name].scan(known, frozenset(taken))
            if name in self._preferred:
                taken |= found[name].claimed
        result = combine({name: found[name] for name in self._names}, self._preferred)
        return (
            local._replace(
                lines=[result.lines[filename] for filename in sorted(result.lines)],
                problems=result.problems, notices=result.notices,
            ),
            [line for name, line in lines.items() if result.lines.get(name) is line],
            result.facts,
        )


def _without_slash(source: str) -> str:
    """Return a source as it is compared: `pool/` is `pool`."""
    return source.rstrip('/') or source


def _open(source: str, settings: Settings) -> Source:
    # Each of these imports what the other one does not need.
    if source.startswith(GITHUB):
        from dumb_pypi.scanner.github import GitHub
        return GitHub(source, settings)
    if source.startswith(_INDEX):
        from dumb_pypi.scanner.simple_index import SimpleIndex
        return SimpleIndex(source, settings)
    if source.startswith(BUCKETS):
        from dumb_pypi.scanner.bucket import BucketSource
        return BucketSource(source, settings)
    raise OptionError('SOURCE', (
        f'{shown(source)} is neither a folder, nor github:OWNER/REPO, nor the http or https URL of '
        'a simple index, nor the s3://, gs:// or az:// URL of a bucket'
    ))


def combine(found: Mapping[str, Found], prefer: Sequence[str]) -> Found:
    """Make one result of those of several sources, given by their names.

    If several have a project, the one that is first in `prefer` counts, with all files of the
    project: a file of another source must not get among them.

    Raises:
        ConflictError: several sources have a project, and none of them is preferred.
    """
    owners: dict[NormalizedName, list[str]] = defaultdict(list)
    for name, part in found.items():
        for project in part.claimed:
            owners[project].append(name)
    winners = {
        project: next((name for name in prefer if name in names), names[0])
        for project, names in owners.items()
    }
    if conflicts := [
        (project, names) for project, names in sorted(owners.items())
        if len(names) > 1 and winners[project] not in prefer
    ]:
        raise ConflictError(conflicts)
    result = Found({}, set(owners), [], [])
    facts: list[FactsLine] = []
    for name, part in found.items():
        for filename, line in part.lines.items():
            if winners[read_checked(line).project] == name:
                result.lines[filename] = line
        result.problems.extend(part.problems)
        result.notices.extend(part.notices)
        facts.extend(
            line for line in part.facts
            if winners[filenames.canonicalize_name(line.name)] == name
        )
        result.problems.extend(
            Notice(name, None, f'has no project {project}')
            for project in part.missing if project not in owners
        )
    return result._replace(facts=facts)

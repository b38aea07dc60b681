"""One build, from options to report."""
from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import NamedTuple

from packaging.utils import NormalizedName

from dumb_pypi import lock
from dumb_pypi import package_list as lists
from dumb_pypi import paths
from dumb_pypi import plan
from dumb_pypi import state as states
from dumb_pypi.distfile import Distfile
from dumb_pypi.errors import FileError
from dumb_pypi.errors import Notice
from dumb_pypi.errors import OptionError
from dumb_pypi.errors import RefusedError
from dumb_pypi.errors import ShrinkError
from dumb_pypi.groups import fingerprints
from dumb_pypi.groups import group
from dumb_pypi.groups import Groups
from dumb_pypi.options import DEFAULT_TITLE
from dumb_pypi.options import PageOptions
from dumb_pypi.package_list import Source
from dumb_pypi.plan import Baseline
from dumb_pypi.plan import Tree
from dumb_pypi.project import ProjectFacts
from dumb_pypi.state import fingerprint
from dumb_pypi.state import LastBuild
from dumb_pypi.state import State
from dumb_pypi.writer import write_changes
from dumb_pypi.writer import Writer


class Report(NamedTuple):
    """What a build did, and what it has to say of the lists, in the order of their lines.

    `written`, `unchanged` and `deleted` count pages; `unchanged` only those that were rendered.
    """
    projects: int
    files: int
    written: int
    unchanged: int
    deleted: int
    notices: list[Notice]


def build(
        *, output_dir: str, packages_url: str,
        package_list: str | None = None, package_list_json: str | None = None,
        previous_package_list: str | None = None, previous_package_list_json: str | None = None,
        project_list_json: str | None = None,
        title: str = DEFAULT_TITLE, logo: str | None = None, logo_width: int | None = None,
        site_url: str | None = None, template_dir: str | None = None,
        per_release_json: bool = True, generated: datetime.datetime | None = None,
        strict: bool = False, full: bool = False, allow_shrink: bool = False,
        changes_file: str | None = None,
) -> Report:
    """Build the index of a package list: what the command `dumb-pypi` does.

    The arguments are the command's options. `generated` is the creation time to show, in UTC;
    without one the same input gives the same bytes. Lines that cannot be used are left out,
    and the report says why.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     pathlib.Path(folder, 'list').write_text('foo-1.0.zip\\n')
    ...     build(package_list=f'{folder}/list', packages_url='../../pool/', output_dir=folder)
    12
    Report(projects=1, files=1, written=12, unchanged=0, deleted=0, notices=[])

    Raises:
        DumbPypiError: the index could not be built; one line says what and why.
        RefusedError: `strict`, and there are lines that cannot be used. Nothing was written.
    """
    if not output_dir:
        raise OptionError('--output-dir', 'is empty')
    options = PageOptions.check(
        packages_url=packages_url, title=title, logo=logo, logo_width=logo_width,
        site_url=site_url, template_dir=template_dir, per_release_json=per_release_json,
        generated=generated,
    )
    named = (
        package_list, package_list_json, previous_package_list, previous_package_list_json,
        project_list_json,
    )
    if named.count(lists.STDIN) > 1:
        raise OptionError(lists.STDIN, 'only one list can be standard input')
    sources = Sources(
        _files_source(package_list, package_list_json),
        None if project_list_json is None else lists.source_of(project_list_json, lists.FACTS),
        _previous_source(previous_package_list, previous_package_list_json),
    )
    # The lock is a file: a build that is refused before there is an index writes not even that.
    listed = None if states.is_there(output_dir) else _read(sources, strict)
    with lock.held(output_dir):
        last = states.last_build(output_dir, states.shape_of(options), distrusted=full)
        writer = Writer(
            output_dir, keep_changes=changes_file is not None, suspicious=last.cut_short,
        )
        # What a build that was killed may have left.
        writer.delete_own(paths.UNFINISHED)
        known = last.state_of(sources.digest) if sources.previous is None else None
        if known is not None:
            _refuse_bad_lines(known.notices, strict)
            _finish(writer, changes_file, None)
            return _report(writer, len(known.projects), known.files, known.notices)
        files, groups, notices = listed or _read(sources, strict)
        before = _baseline(sources, last, groups)
        if not allow_shrink and plan.drops_too_much(before.published, groups.projects):
            kept = sum(name in groups.projects for name in before.published)
            raise ShrinkError(kept, len(before.published))
        state = None
        if not _is_current(last, before, groups):
            from dumb_pypi.update import Update
            state = Update(writer, options, last, before, groups).run(sources.digest, notices)
        _finish(writer, changes_file, state)
        return _report(writer, len(groups.projects), len(files), notices)


class Sources(NamedTuple):
    """The lists that a build reads."""
    files: Source[Distfile]
    facts: Source[ProjectFacts] | None
    previous: Source[Distfile] | None

    @property
    def digest(self) -> str:
        """A fingerprint of all that a build without a previous list reads."""
        return fingerprint(
            part for source in (self.files, self.facts) if source is not None
            for part in (
                source.place.encode(errors='replace'), source.form.name.encode(), source.content,
            )
        )


def _files_source(plain: str | None, json: str | None) -> Source[Distfile]:
    source = _previous_source(plain, json)
    if source is None:
        raise OptionError('--package-list, --package-list-json', 'exactly one is needed')
    return source


def _previous_source(plain: str | None, json: str | None) -> Source[Distfile] | None:
    if plain is not None and json is not None:
        raise OptionError('--…package-list, --…package-list-json', 'only one can be used')
    if plain is not None:
        return lists.source_of(plain, lists.PLAIN)
    return None if json is None else lists.source_of(json, lists.JSON)


def _read(sources: Sources, strict: bool) -> tuple[list[Distfile], Groups, list[Notice]]:
    files, notices = lists.read_files(sources.files.lines, sources.files.form, sources.files.place)
    facts: dict[NormalizedName, ProjectFacts] = {}
    if sources.facts is not None:
        place = sources.facts.place
        facts, lines, more_notices = lists.read_facts(sources.facts.lines, place)
        unused = facts.keys() - {file.project for file in files}
        notices = [*notices, *more_notices, *(
            Notice(place, lines[name], f'project {name} has no file in the list', left_out=False)
            for name in sorted(unused, key=lines.__getitem__)
        )]
    _refuse_bad_lines(notices, strict)
    return files, group(files, facts), notices


def _refuse_bad_lines(notices: Sequence[Notice], strict: bool) -> None:
    if strict and any(notice.left_out for notice in notices):
        raise RefusedError(notices)


def _baseline(sources: Sources, last: LastBuild, now: Groups) -> Baseline:
    """What to compare the list with: the last build, or the previous list where one is given."""
    if sources.previous is None:
        # Whatever is not known to be there is rendered.
        return last.baseline._replace(complete=True)
    facts = {group.name: group.facts for group in now.projects.values()}
    place = sources.previous.place
    files, notices = lists.read_files(sources.previous.lines, sources.previous.form, place)
    if notices and not files:
        # A page that says "not found", say: an empty list would leave every stale page.
        raise FileError('read', place, ValueError('none of its lines can be used'))
    previous = group(files, facts)
    changed = set(plan.changed(fingerprints(now.projects), fingerprints(previous.projects)))
    tree = plan.union(last.tree, Tree(
        {
            name: [release.name for release in group.project.releases]
            for name, group in previous.projects.items() if name in changed
        },
        {month: group.summary.pages for month, group in previous.months.items()},
        (),
    ))
    if last.all_again:
        return Baseline({}, {}, tree, tuple(previous.projects), complete=True)
    # The facts that the previous list was published with are not known.
    told_of = {name for name, group in now.projects.items() if group.facts.is_told}
    known = last.baseline
    return Baseline(
        plan.agreed(fingerprints(previous.projects), known.projects, known.complete, told_of),
        plan.agreed(fingerprints(previous.months), known.months, known.complete, ()),
        tree, tuple(previous.projects), known.complete,
    )


def _is_current(last: LastBuild, before: Baseline, now: Groups) -> bool:
    """Whether the tree is as it is to be."""
    return (
        last.trusted is not None and last.trusted.complete
        and plan.is_same(before.projects, fingerprints(now.projects), before.tree.releases)
        and plan.is_same(before.months, fingerprints(now.months), before.tree.months)
    )


def _finish(writer: Writer, changes_file: str | None, state: State | None) -> None:
    if changes_file is not None:
        write_changes(changes_file, writer.changes)
    if state is not None:
        # Last of all: what it says is true only when all else is done.
        states.save(writer, state)


def _report(writer: Writer, projects: int, files: int, notices: list[Notice]) -> Report:
    return Report(
        projects, files, writer.written, writer.unchanged, writer.deleted, notices,
    )

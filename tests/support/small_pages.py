"""Pages that few entries fill, so that small indexes have every kind of page."""
from __future__ import annotations

from collections.abc import Callable

from dumb_pypi.builder import dependents, render
from dumb_pypi.pages import changelog, project_list, release_pages, summaries


def make_pages_small(set_value: Callable[[object, str, int], None] = setattr) -> None:
    """Let two entries fill a page of the changelog, of releases, of projects and of dependents.

    The first page of the list of projects shows one of each kind.
    """
    set_value(changelog, 'UPLOADS_A_PAGE', 2)
    set_value(changelog, 'NEWEST_UPLOADS', 2)
    set_value(release_pages, 'FILES_A_BLOCK', 2)
    set_value(project_list, 'PROJECTS_ON_ONE_PAGE', 2)
    set_value(project_list, 'PROJECTS_A_PAGE', 1)
    set_value(summaries, 'RECENT_PROJECTS', 1)
    set_value(render, 'MOST_USED_PROJECTS', 1)
    set_value(dependents, 'MOST_SHOWN', 2)

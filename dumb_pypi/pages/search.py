"""The data that the home page's search reads: the names of all projects, and their summaries."""
from __future__ import annotations

import hashlib
from collections.abc import Sequence

from dumb_pypi.pages.summaries import ProjectSummary

# Enough of a summary to find a project by, and to know it again.
SUMMARY_LENGTH = 200


def texts(projects: Sequence[ProjectSummary]) -> tuple[bytes, bytes]:
    """The names, sorted, one a line, and in their order the summaries.

    The first line of both stands for all names: who has them of two builds can tell.
    """
    names = '\n'.join([project.name for project in projects]).encode()
    summaries = '\n'.join([
        '' if project.summary is None else project.summary[:SUMMARY_LENGTH] for project in projects
    ]).encode()
    mark = hashlib.sha256(names).hexdigest()[:12].encode()
    return b'%s\n%s' % (mark, names), b'%s\n%s' % (mark, summaries)

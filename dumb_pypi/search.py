"""The data that the home page's search reads: the names of all projects, and their summaries."""
from __future__ import annotations

from collections.abc import Sequence

from dumb_pypi.summary import ProjectSummary

# Enough of a summary to find a project by, and to know it again.
SUMMARY_LENGTH = 200


def names(projects: Sequence[ProjectSummary]) -> bytes:
    """A name a line, sorted."""
    return '\n'.join([project.name for project in projects]).encode()


def summaries(projects: Sequence[ProjectSummary]) -> bytes:
    """A summary a line, in the order of the names; a line is empty where there is none."""
    return '\n'.join([
        '' if project.summary is None else project.summary[:SUMMARY_LENGTH] for project in projects
    ]).encode()

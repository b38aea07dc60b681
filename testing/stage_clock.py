"""Run a build in one process, and print the CPU seconds of its stages as JSON.

The Python of the program to measure runs this file as a script, with the arguments of a build.
Functions of the program are replaced by ones that note when they begin and end. The time of a
function that another one calls is its own stage's, not the caller's.
"""
from __future__ import annotations

import importlib
import inspect
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

REST = 'start, imports, packages.json, root pages, state'
# The stages, and the functions of dumb_pypi that do their work, where their callers find them. A
# test fails if one of them is renamed.
STAGES = {
    'find the project of each line': ('builder.chunks:survey_chunks',),
    'check lines': ('builder.packages:check_projects',),
    'decode and assemble': ('builder.render:process_projects',),
    'simple HTML and JSON': (
        'pages.simple:project_html', 'pages.simple:project_json',
    ),
    'project web page': (
        'pages.site:Site.web_pages', 'pages.site:Site.dependents_page',
    ),
    'JSON API': ('pages.json_api:pages',),
    'changelog': ('builder.render:render_months',),
    'read months': ('builder.plan:read_months', 'builder.render:read_months'),
    'write, with checksums': (
        'store.folder_writer:Writer.write', 'store.folder_writer:Writer.write_new',
        'store.folder_writer:Writer.write_missing', 'store.folder_writer:Writer.flush',
    ),
}


class Clock:
    """Adds up the CPU seconds of stages; only one stage runs at a time."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._stages = [REST]
        self._last = 0.0  # when the process began

    def begin(self, stage: str) -> None:
        self._add()
        self._stages.append(stage)

    def end(self) -> None:
        self._add()
        self._stages.pop()

    def _add(self) -> None:
        now = time.process_time()
        self.seconds[self._stages[-1]] += now - self._last
        self._last = now

    def measured(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that does the same, as part of a stage.

        A generator is part of the stage whenever it computes an item.
        """
        def call(*args: Any, **kwargs: Any) -> Any:
            self.begin(stage)
            try:
                return function(*args, **kwargs)
            finally:
                self.end()

        def generate(*args: Any, **kwargs: Any) -> Iterator[Any]:
            items = function(*args, **kwargs)
            while True:
                self.begin(stage)
                try:
                    item = next(items)
                except StopIteration:
                    return
                finally:
                    self.end()
                yield item

        return generate if inspect.isgeneratorfunction(function) else call


def install(clock: Clock) -> None:
    """Replace the functions of all stages by measured ones.

    Raises:
        AttributeError: the program has no such function.
    """
    for stage, functions in STAGES.items():
        for function in functions:
            module, _, path = function.partition(':')
            owner: Any = importlib.import_module(f'dumb_pypi.{module}')
            *outer, name = path.split('.')
            for part in outer:
                owner = getattr(owner, part)
            setattr(owner, name, clock.measured(stage, getattr(owner, name)))


def main() -> int:
    from dumb_pypi import main as program
    clock = Clock()
    install(clock)
    status = program.main(sys.argv[1:])
    clock.end()
    print(json.dumps({stage: clock.seconds[stage] for stage in (*STAGES, REST)}))
    return status


if __name__ == '__main__':
    sys.exit(main())

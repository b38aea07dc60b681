from __future__ import annotations

from dumb_pypi.main import run

run()

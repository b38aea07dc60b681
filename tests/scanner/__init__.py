"""Tests of `dumb_pypi.scanner`."""
from __future__ import annotations

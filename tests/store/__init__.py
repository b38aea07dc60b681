"""Tests of `dumb_pypi.store`."""
from __future__ import annotations

"""Tests of `dumb_pypi.model`."""
from __future__ import annotations

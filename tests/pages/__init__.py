"""Tests of `dumb_pypi.pages`."""
from __future__ import annotations

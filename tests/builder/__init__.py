"""Tests of `dumb_pypi.builder`."""
from __future__ import annotations

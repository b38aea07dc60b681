"""Tests of `dumb_pypi.commands`."""
from __future__ import annotations

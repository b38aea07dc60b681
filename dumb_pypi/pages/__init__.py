"""The bytes of every page: pure functions of values and options."""
from __future__ import annotations

"""The bytes of every page, as pure functions of values and options."""
from __future__ import annotations

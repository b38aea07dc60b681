"""A package index made of nothing but static files."""
from __future__ import annotations

__version__ = '2.0.0'

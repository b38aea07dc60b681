"""The commands: options, messages, exit status."""
from __future__ import annotations

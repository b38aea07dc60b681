"""What a package list says, as values; nothing here reads or writes files."""
from __future__ import annotations

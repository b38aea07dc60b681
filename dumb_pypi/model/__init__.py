"""Values: distribution files, projects and what the lists say of them. No I/O."""
from __future__ import annotations

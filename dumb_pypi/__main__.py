from __future__ import annotations

from dumb_pypi.main import main

raise SystemExit(main())

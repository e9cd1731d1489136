"""Makes the runtime importable, which lives in templates/ because it ships into other people's images."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "templates" / "runtime"))

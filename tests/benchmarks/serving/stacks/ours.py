"""The model class for our own runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from models import load  # type: ignore[import-not-found]  # beside the servers' working directory


class Model:
    """As a user writes it: all rows in one call."""

    def load(self, _directory: Path) -> None:
        """From the file that every stack reads."""
        self.model = load()

    def predict(self, instances: Any) -> Any:
        """All rows at once."""
        return self.model.predict(instances)

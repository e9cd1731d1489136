"""The tiny model for our own runtime."""

from __future__ import annotations

from pathlib import Path

from models import Tiny  # type: ignore[import-not-found]  # beside the servers' working directory


class Model(Tiny):
    """Nothing to load."""

    def load(self, _directory: Path) -> None:
        """Nothing."""

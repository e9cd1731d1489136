"""schema: the JSON Schema of shapemaker.yml, for editors."""

from __future__ import annotations

from shapemaker_action.assets import PACKAGE
from shapemaker_action.outcome import Outcome


def run() -> Outcome:
    """The published file as it is."""
    return Outcome(data=(PACKAGE / "config" / "schema.json").read_text(encoding="utf-8").rstrip("\n"))

"""Which reporter a run gets: by `--format`, and by whether GitHub listens."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from shapemaker_action.report.github import GithubReporter
from shapemaker_action.report.machine import JsonReporter
from shapemaker_action.report.text import TextReporter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapemaker_action.report.reporter import Reporter


def choose(name: str, environ: Mapping[str, str]) -> Reporter:
    """`name` is `text` or `json`."""
    inner: Reporter = JsonReporter() if name == "json" else TextReporter()
    if environ.get("GITHUB_ACTIONS") != "true":
        return inner
    path = environ.get("GITHUB_OUTPUT")
    return GithubReporter(inner=inner, output_file=Path(path) if path else None)

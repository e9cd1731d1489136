"""Which reporter a run gets: by `--format`, and by whether GitHub listens."""

from __future__ import annotations

from shapemaker_action import lazy
from shapemaker_action.github import TOKEN
from shapemaker_action.report.text import TextReporter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapemaker_action.report import github, machine
    from shapemaker_action.report.reporter import Reporter
else:
    github, machine = lazy.modules("shapemaker_action.report", "github", "machine")


def choose(name: str, environ: Mapping[str, str]) -> Reporter:
    """`name` is `text` or `json`."""
    json = name == "json"
    inner: Reporter = machine.JsonReporter() if json else TextReporter()
    if environ.get("GITHUB_ACTIONS") != "true":
        return inner
    reporter = github.GithubReporter(inner=inner, environ=environ)
    reporter.mask(environ.get(TOKEN, ""))
    return reporter

"""Names: what we derive from the project's name must fit into AWS's limits."""

from __future__ import annotations

from shapemaker_action.config.node import MappingNode, find
from shapemaker_action.config.overlay import ENVIRONMENTS
from shapemaker_action.naming import NAME_LIMIT, content_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapemaker_action.config.project import Project
    from shapemaker_action.config.source import Source
    from shapemaker_action.diagnostics import Diagnostic

LONGEST_KIND, LONGEST_NOUN = "transform", "transform job"
"""Of all kinds of `<scope>-<kind>-<digest>` the one with the longest name."""

RETRY_SUFFIX = "-r9"


def check(project: Project, source: Source) -> Iterator[Diagnostic]:
    """The project's name alone, and with each environment's."""
    if not project.name:
        return
    overflow = _overflow(project.name)
    if overflow:
        shorter = project.name[:-overflow].rstrip("-")
        hint = f"shorten it to {len(shorter)} characters, as in {shorter}"
        yield source.error(("project", "name"), _words(project.name, overflow), hint)
        return
    section = find(source.document, (ENVIRONMENTS,))
    for environment in section.entries if isinstance(section, MappingNode) else ():
        scope = f"{project.name}-{environment}"
        overflow = _overflow(scope)
        if overflow:
            path = (ENVIRONMENTS, environment)
            hint = f"shorten this name or the project's, by {overflow} characters together"
            yield source.key_error(path, _words(scope, overflow), hint)


def _derived(scope: str) -> str:
    return content_name(scope, LONGEST_KIND, "0123456789ab") + RETRY_SUFFIX


def _overflow(scope: str) -> int:
    """Characters too many."""
    return max(0, len(_derived(scope)) - NAME_LIMIT)


def _words(scope: str, overflow: int) -> str:
    long = f"a {LONGEST_NOUN} would be named {_derived(scope)}, {NAME_LIMIT + overflow} characters"
    return f"is too long: {long}; SageMaker allows {NAME_LIMIT}"

"""Names: what we derive from the project's name must fit into AWS's limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapemaker_action.config.node import MappingNode, find
from shapemaker_action.config.overlay import ENVIRONMENTS
from shapemaker_action.naming import NAME_LIMIT, content_name

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
        yield source.error(("project", "name"), *_words(project.name, overflow))
        return
    for environment in _environments(project, source):
        scope = f"{project.name}-{environment}"
        overflow = _overflow(scope)
        if overflow:
            path = (ENVIRONMENTS, environment)
            yield source.key_error(path if source.is_written(*path) else (ENVIRONMENTS,), *_words(scope, overflow))


def _environments(project: Project, source: Source) -> list[str]:
    section = find(source.document, (ENVIRONMENTS,))
    others = list(section.entries) if isinstance(section, MappingNode) else []
    return [project.environment, *others] if project.environment else others


def _derived(scope: str) -> str:
    return content_name(scope, LONGEST_KIND, "0123456789ab") + RETRY_SUFFIX


def _overflow(scope: str) -> int:
    """Characters too many."""
    return max(0, len(_derived(scope)) - NAME_LIMIT)


def _words(scope: str, overflow: int) -> tuple[str, str]:
    long = f"a {LONGEST_NOUN} would be named '{_derived(scope)}', {NAME_LIMIT + overflow} characters"
    shorter = scope[: len(scope) - overflow].rstrip("-")
    return f"is too long: {long}; SageMaker allows {NAME_LIMIT}", f"shorten it to {len(shorter)}, as in {shorter}"
